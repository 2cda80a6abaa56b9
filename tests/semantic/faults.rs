//! Models that cannot be used, and what is said about them.

use std::collections::HashMap;
use std::fs;

use candle_core::{DType, Device, Tensor};
use serde_json::{Value, json};
use wirewatch::semantic::Part;

use super::one_topic::{configuration, load};
use super::tiny::{Tiny, shape, tokenizer, weights};

/// A fault of the tiny model is named by file, key and words.
#[track_caller]
fn check(tiny: &Tiny, part: Part, key: &str, message: &str) {
    let fault = tiny.read().expect_err(message);
    assert_eq!((fault.part, fault.key.as_str()), (part, key), "{fault}");
    assert!(fault.message.contains(message), "{fault}\nlacks {message}");
}

#[test]
fn a_shape_that_is_no_bert_is_refused_by_its_key() {
    for (key, value, message) in [
        ("model_type", json!("roberta"), "only \"bert\" is read here, not \"roberta\""),
        ("model_type", json!(7), "only \"bert\" is read here"),
        ("model_type", Value::Null, "only \"bert\" is read here"),
        ("position_embedding_type", json!("relative_key"), "only \"absolute\""),
        ("hidden_act", json!("silu"), "not \"silu\""),
        ("hidden_act", json!(3), "only gelu"),
        ("hidden_size", json!(0), "it is 0, not a whole number from 1"),
        ("hidden_size", json!(-16), "it is -16"),
        ("hidden_size", json!(1.5), "it is 1.5"),
        ("hidden_size", json!("16"), "it is \"16\""),
        ("num_attention_heads", json!(0), "it is 0"),
        ("num_attention_heads", json!(3), "3 heads cannot share the hidden_size of 16"),
        ("num_hidden_layers", json!(u64::MAX), "not a whole number from 1 to 1000"),
        ("vocab_size", json!(1_u64 << 60), "not a whole number"),
        ("max_position_embeddings", json!(4), "texts of 8 tokens are the least"),
        ("layer_norm_eps", json!("small"), "it is \"small\""),
        ("type_vocab_size", json!(0), "it is 0"),
    ] {
        let tiny = Tiny::new();
        let mut shape = shape();
        shape[key] = value;
        tiny.write("config.json", &shape.to_string());
        check(&tiny, Part::Config, key, message);
    }
    let tiny = Tiny::new();
    let mut without = shape();
    without.as_object_mut().unwrap().remove("intermediate_size");
    tiny.write("config.json", &without.to_string());
    check(&tiny, Part::Config, "intermediate_size", "it is missing");
    tiny.write("config.json", "[]");
    check(&tiny, Part::Config, "", "not an object in JSON");
    tiny.write("config.json", "{");
    check(&tiny, Part::Config, "", "not an object in JSON");
}

#[test]
fn a_sentence_model_that_does_more_is_refused() {
    for (part, text, key, message) in [
        (
            Part::Pooling,
            json!({ "pooling_mode_max_tokens": true }),
            "pooling_mode_max_tokens",
            "only the mean",
        ),
        (
            Part::Pooling,
            json!({ "pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true }),
            "pooling_mode_cls_token",
            "only the mean",
        ),
        (Part::Pooling, json!({ "pooling_mode": "lasttoken" }), "pooling_mode", "only the mean"),
        (Part::Pooling, json!(1), "", "not an object"),
        (Part::Modules, json!([{ "type": "sentence_transformers.models.Dense" }]), "type", "models.Dense"),
        (Part::Modules, json!({}), "", "not a list"),
        (Part::Sentence, json!({ "max_seq_length": 2 }), "max_seq_length", "it is 2"),
    ] {
        let tiny = Tiny::new();
        tiny.write(part.path(), &text.to_string());
        check(&tiny, part, key, message);
    }
}

#[test]
fn weights_that_do_not_fit_are_refused_by_their_tensor() {
    let name = "encoder.layer.1.output.dense.weight";
    let of = |tensor: Option<Tensor>| {
        let tiny = Tiny::new();
        let mut weights = weights();
        weights.remove(name);
        weights.extend(tensor.map(|tensor| (name.to_owned(), tensor)));
        tiny.write_weights(&weights);
        tiny
    };
    let zeros = |shape: (usize, usize), kind| Some(Tensor::zeros(shape, kind, &Device::Cpu).unwrap());
    check(&of(None), Part::Weights, name, "missing");
    check(&of(zeros((32, 16), DType::F32)), Part::Weights, name, "its shape is [32, 16]");
    check(&of(zeros((16, 32), DType::U8)), Part::Weights, name, "it holds U8");
    check(&of(zeros((16, 32), DType::I64)), Part::Weights, name, "it holds I64");
    let nan = Tensor::full(f32::NAN, (16, 32), &Device::Cpu).unwrap();
    check(&of(Some(nan)), Part::Weights, "", "no numbers");
    let tiny = Tiny::new();
    tiny.write_weights(&HashMap::new());
    check(&tiny, Part::Weights, "embeddings.word_embeddings.weight", "missing");
    tiny.write(
        "model.safetensors",
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 90868376\n",
    );
    check(&tiny, Part::Weights, "", "not a safetensors file");
}

#[test]
fn a_tokenizer_of_another_model_is_refused() {
    let of = |change: &dyn Fn(&mut Value)| {
        let tiny = Tiny::new();
        let mut tokenizer = tokenizer();
        change(&mut tokenizer);
        tiny.write("tokenizer.json", &tokenizer.to_string());
        tiny
    };
    let part = Part::Tokenizer;
    check(
        &of(&|file| file["model"]["vocab"]["zebra"] = json!(3_000)),
        part,
        "model.vocab",
        "token \"zebra\" is number 3000",
    );
    let few = json!({ "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "a": 4 });
    check(&of(&|file| file["model"]["vocab"] = few.clone()), part, "model.vocab", "another model");
    check(&of(&|file| file["model"]["type"] = json!("Hieroglyphs")), part, "", "cannot be read");
    let foreign =
        |file: &mut Value| file["post_processor"]["special_tokens"]["[CLS]"]["ids"] = json!([9_999]);
    check(&of(&foreign), part, "post_processor", "token 9999");
    let many = |file: &mut Value| {
        file["post_processor"]["special_tokens"]["[CLS]"] =
            json!({ "id": "[CLS]", "ids": vec![2; 100], "tokens": vec!["[CLS]"; 100] });
    };
    check(&of(&many), part, "post_processor", "101 tokens are added");
    let tiny = Tiny::new();
    tiny.write("tokenizer.json", "no JSON");
    check(&tiny, part, "", "cannot be read");
}

/// Files cut off or with a byte changed are refused or read, and never make the program stumble.
#[test]
fn a_damaged_model_is_a_message() {
    let tiny = Tiny::new();
    let files = tiny.files();
    for part in [Part::Config, Part::Tokenizer, Part::Weights] {
        let length = files[&part].len();
        for step in 0..60 {
            let at = step * length / 60;
            let (mut cut, mut changed) = (files.clone(), files.clone());
            cut.get_mut(&part).unwrap().truncate(at);
            assert!(wirewatch::semantic::Model::read(&cut).is_err(), "{part:?} cut at {at}");
            changed.get_mut(&part).unwrap()[at] ^= 0x15;
            drop(wirewatch::semantic::Model::read(&changed));
        }
    }
}

#[test]
fn the_configuration_names_file_and_key() {
    let check = |tiny: &Tiny, message: &str, hint: &str| {
        let main = format!("[semantic]\nmodel = \"{}\"\n", tiny.path().display());
        let dir = configuration(&main, "[semantic]\nweight = 20\n");
        let problems = load(dir.path()).expect_err(message);
        let [problem] = problems.as_slice() else { panic!("{problems:#?}") };
        assert_eq!((problem.key.as_str(), problem.line), ("semantic.model", Some(4)), "{problem:?}");
        assert!(problem.message.contains(message), "{problem:?}");
        assert!(problem.hint.as_deref().unwrap_or_default().contains(hint), "{problem:?}");
    };
    for part in [Part::Config, Part::Tokenizer, Part::Weights] {
        let tiny = Tiny::new();
        fs::remove_file(tiny.file(part.path())).unwrap();
        check(
            &tiny,
            &format!("{} cannot be read", tiny.file(part.path()).display()),
            "config.json, model.safetensors",
        );
        fs::create_dir(tiny.file(part.path())).unwrap();
        check(&tiny, "it is not a regular file", "readable");
    }
    let tiny = Tiny::new();
    tiny.write("config.json", "{\"model_type\": \"distilbert\"}");
    let named = format!("{}: model_type: only \"bert\"", tiny.file("config.json").display());
    check(&tiny, &named, "all-MiniLM-L6-v2");
    let dir = configuration("[semantic]\nmodel = \"nowhere\"\n", "");
    let problems = load(dir.path()).unwrap_err();
    assert!(problems[0].message.ends_with("nowhere is not a directory"), "{problems:?}");
}
