//! `wirewatch topics new`: a topic begun from headlines and a description.

use std::sync::Arc;

use clap::Args;

use super::super::{Exit, Failure, Outcome, Output, complain};
use super::import::{check_id, read_text, write_new};
use super::wrong_examples;
use crate::article::language::{code, detect};
use crate::config::{self, Config, topic_lint};
use crate::topic::draft::headlines::{EXAMPLES_MAX, Headline, Start, draft};
use crate::topic::{Expect, Topics};

/// Most headlines read of a file.
const HEADLINES_MAX: usize = 10_000;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The topic's id, which names its file
    id: String,
    /// What people call it [default: the id]
    #[arg(long)]
    name: Option<String>,
    /// What should alert, and what should not, in a sentence or two
    #[arg(long, value_name = "TEXT", default_value = "")]
    description: String,
    /// Headlines that must alert, one a line; - for standard input
    #[arg(long, value_name = "FILE|-")]
    alert: Option<String>,
    /// Headlines that must not, best those that come near; - for standard input
    #[arg(long, value_name = "FILE|-")]
    quiet: Option<String>,
    /// Make lists for these languages, the most frequent first [default: one list for all]
    #[arg(long, value_name = "en,fr", value_delimiter = ',')]
    languages: Vec<String>,
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> Outcome {
    check_id(&arguments.id)?;
    let path = config.dir.join("topics").join(format!("{}.toml", arguments.id));
    if path.symlink_metadata().is_ok() {
        let message = format!("{} exists already, and nothing is overwritten", path.display());
        return Err(Failure::usage(message, "choose another id, or move the file away"));
    }
    let start = start(arguments)?;
    let Some(draft) = draft(&start) else {
        return Err(Failure::usage(
            "there is nothing to begin with: no headline and no description says what it is about",
            "name a file of headlines with --alert, or write a --description",
        ));
    };
    let text = draft.to_toml();
    let topic = topic_lint::read_topic(&path, text.clone()).map_err(|problems| {
        Failure::Configuration(format!("{}\nno file was written", config::render(&problems, false)))
    })?;
    let count = topic.source.examples.len();
    let topics = Topics::new(vec![topic], Arc::clone(&config.languages));
    write_new(&path, &text)?;
    let mut output = Output::open();
    output.line(format!("wrote {}", path.display()))?;
    for topic in &topics {
        let wrong = wrong_examples(&topics, topic);
        output.line(format!("{} of {count} examples come out right", count - wrong.len()))?;
        for (example, score) in wrong {
            let expected = if example.expect == Expect::Alert { "should alert" } else { "should stay quiet" };
            let title = example.text.lines().next().unwrap_or_default();
            output.line(format!(
                "  {}:{}: {expected}, scores {:.2}: {title}",
                path.display(),
                example.line,
                score.probability
            ))?;
        }
    }
    output.line(format!("next: read the lists in it, then wirewatch topics test {}", arguments.id))?;
    output.finish()?;
    Ok(Exit::Done)
}

fn start(arguments: &Arguments) -> Result<Start, Failure> {
    if arguments.alert.as_deref() == Some("-") && arguments.quiet.as_deref() == Some("-") {
        return Err(Failure::usage(
            "standard input can be --alert or --quiet, not both",
            "put one into a file",
        ));
    }
    let mut languages = Vec::new();
    for given in &arguments.languages {
        let Some(code) = code(given).filter(|code| code.len() == 2) else {
            let message = format!("`{}` is no language code", config::shown(given));
            return Err(Failure::usage(message, "write ISO 639-1 codes with commas between: en,fr"));
        };
        languages.push(code);
    }
    Ok(Start {
        id: arguments.id.clone(),
        name: arguments.name.clone().unwrap_or_else(|| arguments.id.clone()),
        description: arguments.description.split_whitespace().collect::<Vec<_>>().join(" "),
        alert: headlines(arguments.alert.as_deref())?,
        quiet: headlines(arguments.quiet.as_deref())?,
        languages,
    })
}

fn headlines(file: Option<&str>) -> Result<Vec<Headline>, Failure> {
    let Some(file) = file else { return Ok(Vec::new()) };
    let text = read_text(file)?;
    let mut headlines: Vec<Headline> = Vec::new();
    for line in text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")) {
        if !line.is_empty() && !headlines.iter().any(|known| known.text == line) {
            headlines.push(Headline { language: detect(&line, None), text: line });
        }
        if headlines.len() == HEADLINES_MAX {
            complain(&format!(
                "note: {file} has more than {HEADLINES_MAX} headlines; the first ones were read"
            ));
            break;
        }
    }
    if headlines.len() > EXAMPLES_MAX / 2 {
        complain(&format!("note: the first {} headlines of {file} become examples", EXAMPLES_MAX / 2));
    }
    Ok(headlines)
}
