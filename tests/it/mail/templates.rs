//! The owner's own templates: read, refused with their place, and left aside where they fail later.

use std::fs;
use std::path::Path;

use wirewatch::alert::render::templates::{REPLACEABLE, Templates};
use wirewatch::alert::{Kind, render};
use wirewatch::config::{self, Config, Environment, Problem};

use super::render::{full, view};
use crate::support::lab::{Lab, entry, hour};

fn templates(files: &[(&str, &str)]) -> Templates {
    let owned = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    Templates::new(&owned.collect::<Vec<_>>()).unwrap()
}

/// Loads a laboratory's configuration with these files in `templates/`.
fn load(dir: &Path, files: &[(&str, &str)]) -> Result<Config, Vec<Problem>> {
    fs::create_dir_all(dir.join("templates")).unwrap();
    for (name, text) in files {
        fs::write(dir.join("templates").join(name), text).unwrap();
    }
    config::load(dir, &Environment::default()).map(|loaded| loaded.config)
}

#[test]
fn an_owners_template_takes_the_place_of_ours_and_is_escaped() {
    let own =
        templates(&[("alert.html", "<p>{{ headline }}</p>\n"), ("alert.txt", "<{{ text.headline }}>\n")]);
    let mut view = full(Kind::Update);
    "<b>Army</b> & others".clone_into(&mut view.stories[0].title);
    let mail = render::render(&view, &own);
    assert_eq!(mail.html, "<p>&lt;b&gt;Army&lt;/b&gt; &amp; others</p>\n");
    assert_eq!(mail.text, "<<b>Army</b> & others>\n");
    assert_eq!(mail.template_problem, None);
    // One of the two parts alone leaves the other as it is.
    let own = templates(&[("alert.txt", "{{ title }}\n")]);
    let mail = render::render(&view, &own);
    assert!(mail.html.contains("Why you got this") && !mail.text.contains("WHY YOU GOT THIS"));
}

#[test]
fn links_find_their_place_in_a_template_that_forgot_them() {
    let action = render::Action {
        label: "Acknowledge".to_owned(),
        url: "https://watch.example.org/f/1".to_owned(),
        is_unsubscribe: false,
    };
    for (template, expected) in [
        ("<body>{{ title }}<!-- actions --><i></i></body>", "<i></i></body>"),
        ("<body>{{ title }}</body>", "</body>"),
        ("{{ title }}", ""),
    ] {
        let own = templates(&[("alert.html", template)]);
        let view = render::AlertView { actions: vec![action.clone()], ..view() };
        let html = render::render(&view, &own).html;
        let (_, after) = html.split_once("https://watch.example.org/f/1").unwrap();
        assert_eq!(after.rsplit('\n').next(), Some(expected), "{html}");
    }
}

#[test]
fn a_broken_template_is_an_error_with_its_place() {
    for (name, text, line, words) in [
        ("alert.html", "<p>\n{{ headline }\n", Some(2), "syntax error"),
        ("alert.html", "<p>\n\n{{ headlin }}\n", Some(3), "undefined value"),
        ("alert.html", "{{ headline|safe }}\n", Some(1), "unknown filter"),
        ("alert.html", "\n{% autoescape false %}{{ headline }}{% endautoescape %}\n", Some(2), "autoescape"),
        // Plain text is not escaped, and would bring its headlines into the HTML as they are.
        ("alert.html", "<pre>\n{% include \"alert.txt\" %}\n</pre>\n", Some(2), "template not found"),
        ("operator.html", "{% from \"operator.txt\" import a %}{{ a() }}\n", Some(1), "template not found"),
        // It works for alerts that show stories.
        ("alert.txt", "one\n{{ sections[0].stories[0].title }}\n", Some(2), "undefined value"),
        (
            "alert.txt",
            "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
            Some(1),
            "fuel",
        ),
        ("alert.txt", "{# nothing #}\n", None, "it lays out nothing"),
        ("digest.txt", "{{ headline }}\n{{ items[0].nonsense }}\n", Some(2), "undefined value"),
        (
            "operator.html",
            "{{ headline }}{% if \"Alive\" in headline %}\n{{ no.such }}{% endif %}\n",
            Some(2),
            "undefined",
        ),
        ("operator.txt", "{{ kicker }}\n{{ nonsense() }}\n", Some(2), "unknown function"),
        ("alerts.txt", "{{ title }}\n", None, "there is no such mail; write one of alert.txt, alert.html"),
    ] {
        let lab = Lab::new();
        let problems = load(lab.dir.path(), &[(name, text)]).map(|_| ()).expect_err(text);
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        let problem = &problems[0];
        assert!(problem.is_error() && problem.file.ends_with(format!("templates/{name}")), "{problem}");
        assert_eq!(problem.line, line, "{problem}");
        assert!(problem.message.contains(words), "`{words}` is missing: {problem}");
        assert!(problem.hint.is_some());
    }
}

#[test]
fn other_files_in_the_folder_do_no_harm() {
    let lab = Lab::new();
    let before = lab.config.hash;
    let config =
        load(lab.dir.path(), &[("README.md", "{{"), (".alert.txt", "{{"), ("alert.txt~", "{{")]).unwrap();
    assert_eq!(config.hash, before);
    let config = load(lab.dir.path(), &[("alert.txt", "{{ title }}\n")]).unwrap();
    assert_ne!(config.hash, before, "another look is another configuration");
}

#[test]
fn the_shipped_templates_are_a_start_for_ones_own() {
    let lab = Lab::new();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/alert/templates");
    let texts = REPLACEABLE.map(|name| (name, fs::read_to_string(shipped.join(name)).unwrap()));
    let files = texts.each_ref().map(|(name, text)| (*name, text.as_str()));
    let config = load(lab.dir.path(), &files).unwrap();
    let view = full(Kind::Escalation);
    assert_eq!(render::render(&view, &config.templates), render::render(&view, &Templates::default()));
}

#[test]
fn a_template_that_fails_at_an_alert_gives_way_to_ours_and_says_so() {
    let mut lab = Lab::new();
    // The samples are alert 31; this one is the first of its database.
    let text = "{{ title }}\n{% if alert == 1 %}{{ no.such.thing }}{% endif %}\n";
    lab.config = load(lab.dir.path(), &[("alert.txt", text)]).unwrap();
    lab.acquaint(hour(0));
    let alerts = lab.poll(0, hour(1), &[entry("a", "The truce was broken at dawn today", hour(1))]).alerts;
    let problem = alerts[0].template_problem.clone().unwrap();
    assert!(problem.starts_with("templates/alert.txt:2: undefined value"), "{problem}");
    let mail = lab.claim(hour(1)).remove(0).rendered;
    assert!(mail.text.contains("WHY YOU GOT THIS"), "{}", mail.text);
    // The next one is laid out as its owner wants it.
    let alerts = lab.poll(0, hour(9), &[entry("b", "In the south a truce was shattered", hour(9))]).alerts;
    assert_eq!((alerts.len(), alerts[0].template_problem.clone()), (1, None));
}
