//! The look of mails: templates of ours, and those an owner puts in their place.
//!
//! Owns [`Templates`]: an owner's template is checked when it is read, by laying out every kind of alert in both directions of
//! writing, and where it fails later the one of ours takes its place, because an alert must get out. Refuses to read files.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, UndefinedBehavior, Value};

use super::{digest, letter, operator, sample};

/// Templates an owner can replace: the text and the HTML part of alerts, of digests, and of mail to the operator.
pub const REPLACEABLE: [&str; 6] =
    ["alert.txt", "alert.html", "digest.txt", "digest.html", "operator.txt", "operator.html"];

/// Bytes of a part laid out; more is a mistake of the template.
const PART_BYTES_MAX: usize = 1 << 20;

/// Steps of a template: some thousand are needed, a loop within a loop over everything takes millions.
const STEPS_MAX: u64 = 1_000_000;

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateProblem {
    /// Its file name, such as `alert.html`.
    pub name: String,
    /// Line, from 1, where there is one.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for TemplateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line.map_or_else(String::new, |line| format!(":{line}"));
        write!(f, "templates/{}{line}: {}", self.name, self.message)
    }
}

/// The templates in force.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    /// The owner's, by name. Each is alone in its environment: one that included another would take over how that one
    /// escapes, and plain text is not escaped at all.
    own: Arc<BTreeMap<String, Environment<'static>>>,
}

/// A part that was laid out.
pub(super) struct Filled {
    pub(super) text: String,
    /// Why the owner's template was not used.
    pub(super) problem: Option<TemplateProblem>,
}

impl Templates {
    /// Reads an owner's templates, by name, or says everything that is wrong with them.
    pub fn new(sources: &[(String, String)]) -> Result<Self, Vec<TemplateProblem>> {
        let mut own = BTreeMap::new();
        let mut problems = Vec::new();
        for (name, source) in sources {
            let mut alone = environment();
            let refused = if REPLACEABLE.contains(&name.as_str()) {
                let added = alone.add_template_owned(name.clone(), source.clone());
                added.err().map(|error| problem(name, &error))
            } else {
                let message = format!("there is no such mail; write one of {}", REPLACEABLE.join(", "));
                Some(TemplateProblem { name: name.clone(), line: None, message })
            };
            match refused {
                Some(refused) => problems.push(refused),
                None => problems.extend(unescaped(name, source)),
            }
            own.insert(name.clone(), alone);
        }
        if problems.is_empty() {
            for (name, alone) in &own {
                // One sample is enough to show that a template is wrong.
                problems.extend(samples(name).iter().find_map(|values| try_fill(alone, name, values).err()));
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self { own: Arc::new(own) })
    }

    /// Lays out a part, by the owner's template where there is one that works.
    pub(super) fn fill(&self, name: &str, values: &Value) -> Filled {
        match self.own.get(name).map(|own| try_fill(own, name, values)) {
            Some(Ok(text)) => Filled { text, problem: None },
            Some(Err(problem)) => Filled { text: fill(name, values), problem: Some(problem) },
            None => Filled { text: fill(name, values), problem: None },
        }
    }
}

/// HTML is escaped by the engine, always. What turns that off would let a headline bring markup along.
fn unescaped(name: &str, source: &str) -> Option<TemplateProblem> {
    let at = source.lines().position(|line| line.contains("autoescape"))?;
    let message = "`autoescape` may not be changed: headlines come from strangers".to_owned();
    Some(TemplateProblem { name: name.to_owned(), line: Some(at + 1), message })
}

fn try_fill(own: &Environment<'_>, name: &str, values: &Value) -> Result<String, TemplateProblem> {
    let filled = own.get_template(name).and_then(|template| template.render(values));
    let text = plain_slashes(name, filled.map_err(|error| problem(name, &error))?);
    let refuse =
        |message: &str| TemplateProblem { name: name.to_owned(), line: None, message: message.to_owned() };
    if text.trim().is_empty() {
        return Err(refuse("it lays out nothing"));
    }
    if text.len() > PART_BYTES_MAX {
        return Err(refuse("it lays out more than 1 MiB"));
    }
    Ok(text)
}

/// The engine writes `/` as `&#x2f;`, which triples a link's length and protects from nothing: what a headline writes itself
/// begins with `&amp;`.
fn plain_slashes(name: &str, text: String) -> String {
    if name.rsplit_once('.').is_some_and(|(_, extension)| extension == "html") {
        text.replace("&#x2f;", "/")
    } else {
        text
    }
}

fn problem(name: &str, error: &Error) -> TemplateProblem {
    let detail = error.detail().map_or_else(String::new, |detail| format!(": {detail}"));
    TemplateProblem {
        name: name.to_owned(),
        line: error.line(),
        message: format!("{}{detail}", error.kind()),
    }
}

/// What a template must be able to lay out.
fn samples(name: &str) -> Vec<Value> {
    if name.starts_with("operator") {
        return operator::sample_values(name);
    }
    let at = Timestamp::UNIX_EPOCH;
    if name.starts_with("digest") {
        return sample::digests(at).iter().map(digest::values).collect();
    }
    let values = |picture: Option<&str>| {
        sample::views(at).into_iter().map(|view| letter::values(&view, picture)).collect::<Vec<_>>()
    };
    [values(Some("sample@wirewatch")), values(None)].concat()
}

static SHIPPED: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = environment();
    for (name, source) in [
        ("alert.txt", include_str!("../templates/alert.txt")),
        ("alert.html", include_str!("../templates/alert.html")),
        ("digest.txt", include_str!("../templates/digest.txt")),
        ("digest.html", include_str!("../templates/digest.html")),
        ("operator.txt", include_str!("../templates/operator.txt")),
        ("operator.html", include_str!("../templates/operator.html")),
        ("test.txt", include_str!("../templates/test.txt")),
        ("test.html", include_str!("../templates/test.html")),
    ] {
        // A template that does not parse is missing below, and a test renders every one.
        drop(environment.add_template(name, source));
    }
    environment
});

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(STEPS_MAX));
    // What strangers write is escaped, without exception.
    environment.remove_filter("safe");
    // Block tags stand on lines of their own and leave no trace.
    let mut syntax = SyntaxConfig::builder();
    if let Ok(syntax) = syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build() {
        environment.set_syntax(syntax);
    }
    environment
}

/// Lays out a part by the template of ours.
pub(super) fn fill(name: &str, values: &Value) -> String {
    let filled = SHIPPED.get_template(name).and_then(|template| template.render(values));
    // Templates are compiled in and tested; should one fail, the alert still says where to look.
    filled.map_or_else(
        |error| {
            format!(
                "Wirewatch could not lay out this message ({name}: {error}).\nSee: wirewatch alerts list\n"
            )
        },
        |text| plain_slashes(name, text),
    )
}
