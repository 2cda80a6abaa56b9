//! A model at work: what it makes of texts, and what that adds to scores.

use std::process::Command;
use std::sync::Arc;

use serde_json::json;
use wirewatch::article::normalize;
use wirewatch::feed::{Entry, Feed};
use wirewatch::semantic::Part;
use wirewatch::topic::closeness::{Closeness, SIGNAL};
use wirewatch::topic::{Evidence, Score};

use super::one_topic::{configuration, load};
use super::tiny::{Tiny, shape, weights};

const TEXT: &str = "Fighters break the truce, shelled a town";

#[test]
fn texts_are_embedded_the_same_each_time() {
    let (model, again) = (Tiny::new().read().unwrap(), Tiny::new().read().unwrap());
    let vector = model.embed(TEXT).unwrap();
    assert_eq!(vector.numbers().len(), 16);
    assert_eq!(model.embed(TEXT).as_ref(), Some(&vector));
    assert_eq!(again.embed(TEXT).as_ref(), Some(&vector), "read anew");
    assert!((vector.similarity(&vector) - 1.0).abs() < 1e-9);
    assert_eq!(
        model.embed("FIGHTERS  break the truce,\nshelled a TOWN").as_ref(),
        Some(&vector),
        "case and spaces"
    );
    for (text, is_near) in [("Rebels break the truce, shelled a city", true), ("A new film on food", false)] {
        let similarity = vector.similarity(&model.embed(text).unwrap());
        assert_eq!(similarity > 0.6, is_near, "{text}: {similarity}");
    }
    for nothing in ["", " \n", "— … !"] {
        assert_eq!(model.embed(nothing), None, "{nothing:?}");
    }
    let about = model.about();
    assert_eq!((about.dimensions, about.layers, about.tokens_max), (16, 2, 64));
}

/// The numbers are those that BERT's formulas give, computed once by other means (numpy, 64-bit).
#[test]
fn the_network_is_bert() {
    let numbers = Tiny::new().read().unwrap().embed(TEXT).unwrap();
    for (number, expected) in numbers.numbers().iter().zip(EXPECTED) {
        assert!((number - expected).abs() < 1e-4, "{:?}", numbers.numbers());
    }
}

const EXPECTED: [f32; 16] = [
    -0.10025, 0.07313, 0.07721, -0.16451, 0.28756, 0.27256, 0.31741, 0.07356, 0.25198, 0.11903, 0.13033,
    -0.16823, -0.57600, -0.19675, -0.44058, -0.02991,
];

#[test]
fn a_long_text_is_cut_and_not_refused() {
    let tiny = Tiny::new();
    tiny.write("sentence_bert_config.json", "{\"max_seq_length\": 16, \"do_lower_case\": false}");
    let model = tiny.read().unwrap();
    assert_eq!(model.about().tokens_max, 16);
    let start = "the truce is broken and the town is shelled and the army says ";
    let long = model.embed(&format!("{start}a film {}", "food ".repeat(200_000))).unwrap();
    assert_eq!(
        long,
        model.embed(&format!("{start}a film")).unwrap(),
        "what follows the last token is not seen"
    );
}

#[test]
fn models_saved_otherwise_are_read() {
    let expected = Tiny::new().read().unwrap().embed(TEXT).unwrap();
    // With a head on, with the norms' old names, and with halves for numbers.
    let tiny = Tiny::new();
    let with_head = weights().into_iter().map(|(name, tensor)| {
        let name =
            name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
        (format!("bert.{name}"), tensor)
    });
    tiny.write_weights(&with_head.collect());
    assert_eq!(tiny.read().unwrap().embed(TEXT).as_ref(), Some(&expected));
    let half = |tensor: candle_core::Tensor| tensor.to_dtype(candle_core::DType::F16).unwrap();
    tiny.write_weights(&weights().into_iter().map(|(name, tensor)| (name, half(tensor))).collect());
    assert!(tiny.read().unwrap().embed(TEXT).unwrap().similarity(&expected) > 0.999);
    // The first token in place of the mean, and another activation.
    let tiny = Tiny::new();
    tiny.write(
        Part::Pooling.path(),
        "{\"pooling_mode_cls_token\": true, \"pooling_mode_mean_tokens\": false}",
    );
    let first = tiny.read().unwrap().embed(TEXT).unwrap();
    tiny.write(Part::Pooling.path(), "{\"pooling_mode\": \"cls\"}");
    assert_eq!(tiny.read().unwrap().embed(TEXT).as_ref(), Some(&first));
    assert_ne!(first, expected);
    for activation in ["gelu_new", "relu"] {
        let tiny = Tiny::new();
        let mut shape = shape();
        shape["hidden_act"] = json!(activation);
        tiny.write("config.json", &shape.to_string());
        assert_ne!(tiny.read().unwrap().embed(TEXT).as_ref(), Some(&expected), "{activation}");
    }
}

/// Multilingual sentence models are BERTs with the vocabulary of XLM-R: pieces with a mark for the space before.
#[test]
fn a_vocabulary_of_pieces_is_read() {
    let words = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁truce", "▁هدنة", "▁перемир", "ие", "▁broken"];
    let pieces: Vec<(&str, f64)> =
        words.iter().map(|word| (*word, if word.len() > 4 { -4.0 } else { -9.0 })).collect();
    let around = |word: &str, id: usize| json!({ "id": word, "ids": [id], "tokens": [word] });
    let token = |word: &str| json!({ "SpecialToken": { "id": word, "type_id": 0 } });
    let text = json!({ "Sequence": { "id": "A", "type_id": 0 } });
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": { "type": "Sequence", "normalizers": [{ "type": "NFKC" }] },
        "pre_tokenizer": { "type": "Sequence", "pretokenizers": [
            { "type": "WhitespaceSplit" },
            { "type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true },
        ] },
        "post_processor": {
            "type": "TemplateProcessing", "single": [token("<s>"), text, token("</s>")],
            "pair": [token("<s>"), text, token("</s>"), { "Sequence": { "id": "B", "type_id": 0 } }, token("</s>")],
            "special_tokens": { "<s>": around("<s>", 0), "</s>": around("</s>", 2) },
        },
        "decoder": { "type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true },
        "model": { "type": "Unigram", "unk_id": 3, "vocab": pieces, "byte_fallback": false },
    });
    let tiny = Tiny::new();
    let mut shape = shape();
    shape["vocab_size"] = json!(words.len() + 3);
    let mut weights = weights();
    let table = weights.get_mut("embeddings.word_embeddings.weight").unwrap();
    *table = table.narrow(0, 0, words.len() + 3).unwrap().contiguous().unwrap();
    tiny.write("config.json", &shape.to_string());
    tiny.write("tokenizer.json", &tokenizer.to_string());
    tiny.write_weights(&weights);
    let model = tiny.read().unwrap_or_else(|fault| panic!("{fault}"));
    let texts = ["truce broken", "هدنة broken", "перемирие broken", "xyz broken"]
        .map(|text| model.embed(text).unwrap());
    for (index, one) in texts.iter().enumerate() {
        for other in texts.iter().skip(index + 1) {
            assert!(one.similarity(other) < 0.9999, "each is cut into its own pieces");
        }
    }
}

/// The score of a text by the topic, with this in `[semantic]` and the tiny model; and what its closeness is worth.
fn score(semantic: &str, title: &str, summary: &str) -> (Score, f64) {
    let tiny = Tiny::new();
    let main = format!("[semantic]\nmodel = \"{}\"\n", tiny.path().display());
    let dir = configuration(&main, &format!("[semantic]\n{semantic}"));
    let config = load(dir.path()).unwrap_or_else(|problems| panic!("{problems:#?}")).config;
    let entry = Entry { title: title.to_owned(), summary: Some(summary.to_owned()), ..Entry::default() };
    let feed =
        Feed { language: Some("en".to_owned()), ..Feed::new("https://example.org/feed".parse().unwrap()) };
    let article = normalize(&entry, &feed, jiff::Timestamp::UNIX_EPOCH);
    let model = Arc::clone(config.model.as_ref().unwrap());
    let topic = &config.topics[0].source;
    let description = model.embed(&format!("{}\n{}", topic.name, topic.description)).unwrap();
    let similarity =
        model.embed(&format!("{title}\n{summary}")).map_or(0.0, |vector| vector.similarity(&description));
    let points = topic.closeness.points(similarity);
    (config.topics.score_each(&article).swap_remove(0), points)
}

fn closeness(score: &Score) -> Option<&Evidence> {
    score.evidence.iter().find(|evidence| evidence.signal == SIGNAL)
}

#[test]
fn closeness_becomes_evidence_of_its_own() {
    let (score, points) =
        score("weight = 20\nfloor = 0.1\n", "The army shelled a town", "Fighters break the truce");
    let evidence = closeness(&score).unwrap_or_else(|| panic!("{score:?}"));
    assert!(points > 0.0 && points < 20.0);
    assert!((evidence.points - points).abs() < 1e-9, "{evidence:?}");
    assert_eq!(evidence.quote, "The army shelled a town");
    assert!(
        (score.points - 40.0 - points).abs() < 1e-9,
        "the signal's forty in a summary, and this: {score:?}"
    );
}

#[test]
fn only_those_are_asked_about_that_a_signal_speaks_for() {
    let ask = "weight = 20\nfloor = 0.0\n";
    let everything = format!("{ask}alone = true\n");
    for (semantic, title, is_expected) in [
        (ask, "Fighters break the truce", true),
        (ask, "Fighters shell a town", false),
        (&everything, "Fighters shell a town", true),
        (&everything, "… !", false),
        (ask, "No truce was broken", false),
        ("weight = 20\nfloor = 0.99\n", "A new truce film", false),
    ] {
        let (score, points) = score(semantic, title, "");
        assert_eq!(closeness(&score).is_some(), is_expected, "{title}: {points} {score:?}");
    }
}

#[test]
fn a_kind_of_text_that_reports_nothing_new_discounts_closeness_too() {
    let ask = "weight = 20\nfloor = 0.0\nalone = true\n";
    for (title, signals) in [("Opinion: the truce is broken", 60.0), ("Opinion: fighters shell a town", 0.0)]
    {
        let (score, points) = score(ask, title, "");
        assert!(points > 0.0, "{title}");
        assert!((score.points - f64::midpoint(signals, points)).abs() < 1e-9, "{title}: {points} {score:?}");
    }
}

#[test]
fn a_topic_that_does_not_ask_scores_as_without_a_model() {
    let title = "Fighters break the truce";
    let (silent, points) = score("weight = 0\n", title, "");
    assert!(points.abs() < 1e-9 && closeness(&silent).is_none());
    assert!((silent.points - 60.0).abs() < 1e-9, "{silent:?}");
    assert!(!Closeness::default().is_asked());
}

#[test]
fn check_says_what_the_model_is_and_warns_of_one_that_is_idle() {
    let tiny = Tiny::new();
    let main = format!("[semantic]\nmodel = \"{}\"\n", tiny.path().display());
    let check = |added: &str| {
        let dir = configuration(&main, added);
        let done = Command::new(env!("CARGO_BIN_EXE_wirewatch"))
            .arg("--config")
            .arg(dir.path())
            .arg("check")
            .output();
        let done = done.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(done.status.success(), "{}", text(&done.stderr));
        (text(&done.stdout), text(&done.stderr))
    };
    let (out, err) = check("[semantic]\nweight = 20\n");
    assert!(out.contains("its model has 6"), "{out}");
    assert!(out.contains("16 dimensions, 2 layers"), "{out}");
    assert!(out.contains("1 topic asks it"), "{out}");
    assert!(!err.contains("semantic"), "{err}");
    let (_, err) = check("");
    assert!(err.contains("no topic asks the model"), "{err}");
}
