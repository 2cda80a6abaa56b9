//! Closeness in meaning: what it is worth and what its keys refuse. The models are tested in `tests/semantic`.

use wirewatch::config::Problem;
use wirewatch::semantic::Vector;
use wirewatch::topic::closeness::Closeness;

use crate::support::one_topic::{configuration, load};

/// The only thing to say about a configuration, an error or a warning.
#[track_caller]
fn only_problem(main: &str, added: &str) -> Problem {
    let dir = configuration(main, added);
    let problems = load(dir.path()).map_or_else(|problems| problems, |loaded| loaded.warnings);
    let [problem] = problems.as_slice() else { panic!("not one problem: {problems:#?}") };
    problem.clone()
}

#[test]
fn closeness_is_worth_nothing_up_to_its_floor_and_all_of_its_weight_at_one() {
    let closeness = Closeness { weight: 20.0, floor: 0.5, alone: false };
    for (similarity, points) in [(-1.0, 0.0), (0.0, 0.0), (0.5, 0.0), (0.75, 10.0), (1.0, 20.0)] {
        assert!((closeness.points(similarity) - points).abs() < 1e-9, "{similarity}");
    }
    assert!(!Closeness::default().is_asked(), "a topic that says nothing asks nothing");
}

#[test]
fn vectors_are_directions() {
    let vector = |numbers: &[f32]| Vector::of(numbers.to_vec());
    let (right, up) = (vector(&[3.0, 0.0]).unwrap(), vector(&[0.0, 0.1]).unwrap());
    assert_eq!(right.numbers(), [1.0, 0.0]);
    for (other, expected) in [(&right, 1.0), (&up, 0.0), (&vector(&[-1.0, 0.0]).unwrap(), -1.0)] {
        assert!((right.similarity(other) - expected).abs() < 1e-9, "{other:?}");
    }
    assert!((right.similarity(&vector(&[1.0, 2.0]).unwrap()) - 0.4472).abs() < 1e-9, "four digits");
    assert!(right.similarity(&vector(&[1.0]).unwrap()).abs() < 1e-9, "of another model");
    for numbers in [&[][..], &[0.0, 0.0], &[f32::NAN, 1.0], &[f32::INFINITY, 1.0]] {
        assert_eq!(vector(numbers), None, "{numbers:?}");
    }
    assert!(vector(&[f32::MAX, f32::MAX]).is_some(), "large, and a direction");
}

#[test]
fn what_a_topic_asks_is_checked() {
    for (added, key, message, hint) in [
        ("[semantic]\nweight = -1\n", "semantic.weight", "-1 is out of bounds", "from 0 to 1000"),
        ("[semantic]\nweight = 1001\n", "semantic.weight", "1001 is out of bounds", "from 0 to 1000"),
        ("[semantic]\nfloor = 1.0\n", "semantic.floor", "1 is out of bounds", "below 1"),
        ("[semantic]\nfloor = -0.1\n", "semantic.floor", "-0.1 is out of bounds", "below 1"),
        ("[semantic]\nweigth = 20\n", "semantic.weigth", "this key is not known", "weight"),
        ("[semantic]\nalone = 1\n", "semantic.alone", "true or false", "true or false"),
        ("[semantic]\nweight = 20\n", "semantic.weight", "names no semantic.model", "name a model"),
    ] {
        let problem = only_problem("", added);
        assert_eq!(problem.key, key, "{added}: {problem:?}");
        assert!(problem.message.contains(message), "{added}: {problem:?}");
        assert!(problem.hint.as_deref().unwrap_or_default().contains(hint), "{added}: {problem:?}");
        assert_eq!(problem.is_error(), !message.contains("names no"), "{added}: {problem:?}");
        assert!(problem.file.ends_with("topics/truce.toml"), "{added}: {problem:?}");
    }
}

#[cfg(not(feature = "semantic"))]
#[test]
fn a_program_without_models_says_how_to_build_one_with_them() {
    let problem = only_problem("[semantic]\nmodel = \"/srv/model\"\n", "[semantic]\nweight = 20\n");
    assert!(problem.is_error() && problem.file.ends_with("wirewatch.toml"), "{problem:?}");
    assert_eq!((problem.line, problem.key.as_str()), (Some(4), "semantic.model"));
    assert!(problem.message.contains("built without models"), "{problem:?}");
    assert!(problem.hint.unwrap_or_default().contains("--features semantic"));
}
