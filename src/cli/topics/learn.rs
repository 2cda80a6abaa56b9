//! `wirewatch topics learn`: what labels would change about topics, and writing it beside them.
//!
//! Owns what is shown before anything is written, and the refusal to write what is no better. The lesson itself is
//! [`learn`]'s. Refuses to touch a topic's own file.

use std::sync::Arc;

use jiff::Timestamp;

use super::super::{Exit, Failure, Outcome, Output, complain, counted};
use super::labels::{Source, names};
use super::named;
use crate::config::{Config, learned_file};
use crate::topic::evaluate::Grade;
use crate::topic::learn::{
    BOUND_DEFAULT, Comparison, Lesson, Marks, Misfit, NotLearned, Options, Part, Sample, learn, points_at,
};
use crate::topic::matcher::ArticleText;
use crate::topic::{Topic, TopicSource, Topics};

/// Words shown of those learned.
const WORDS_SHOWN: usize = 8;

#[derive(Debug, Clone, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// Topics to learn
    #[arg(required = true, value_name = "TOPIC")]
    topics: Vec<String>,
    #[command(flatten)]
    source: Source,
    /// Share of articles in what you watch for which an alert is right, such as 0.002; without it the labels' share is taken
    #[arg(long, value_name = "P", value_parser = share)]
    prevalence: Option<f64>,
    /// Learn words, too, which may move an article by ten points at most
    #[arg(long)]
    ngrams: bool,
    /// Show what would change, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Write also what is no better than the topic's file
    #[arg(long, conflicts_with = "dry_run")]
    force: bool,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| *share > 0.0 && *share < 1.0);
    share.ok_or_else(|| "write a number above 0 and below 1, such as 0.002".to_owned())
}

/// A topic at school.
struct Pupil {
    /// As its file says, without anything learned before.
    topic: Topic,
    samples: Vec<Sample>,
    arguable_count: usize,
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> Outcome {
    let mut pupils = Vec::new();
    for id in &arguments.topics {
        for topic in named(config, Some(id))? {
            let is_new = pupils.iter().all(|pupil: &Pupil| pupil.topic.source.id != topic.source.id);
            if is_new {
                let topic = topic.clone().with_learned(None);
                pupils.push(Pupil { topic, samples: Vec::new(), arguable_count: 0 });
            }
        }
    }
    // As their files say, whatever was learned before.
    let plain = pupils.iter().map(|pupil| pupil.topic.clone()).collect();
    let plain = Topics::new(plain, Arc::clone(&config.languages));
    let plain = match &config.model {
        Some(model) => plain.with_model(Arc::clone(model)),
        None => plain,
    };
    let mut undated_count = 0;
    let tally = arguments.source.visit(config, |labelled| {
        let text = ArticleText::new(&labelled.article);
        let Some(at) = labelled.at else {
            undated_count += 1;
            return Ok(());
        };
        let scores = plain.score_each(&labelled.article);
        for (pupil, score) in pupils.iter_mut().zip(&scores) {
            let source = &pupil.topic.source;
            match labelled.grade(&source.id.0) {
                None => {}
                Some(Grade::Arguable) => pupil.arguable_count += 1,
                Some(grade) => {
                    let sample = Sample::new(source, score, at, grade == Grade::Yes);
                    pupil.samples.push(if arguments.ngrams { sample.with_terms(&text) } else { sample });
                }
            }
        }
        Ok(())
    })?;
    if undated_count > 0 {
        let articles = counted(undated_count, "labelled article has", "labelled articles have");
        complain(&format!(
            "warning: {articles} no date that can be read; nothing is learned from what has none"
        ));
    }
    let mut exit = tally.exit;
    let mut output = Output::open();
    for pupil in &pupils {
        if teach(config, pupil, arguments, &mut output)? == Exit::Failed {
            exit = Exit::Failed;
        }
    }
    output.finish()?;
    Ok(exit)
}

/// Learns one topic, shows it, and writes it if it may.
fn teach(config: &Config, pupil: &Pupil, arguments: &Arguments, output: &mut Output) -> Outcome {
    let source = &pupil.topic.source;
    let words_bound = arguments.ngrams.then_some(BOUND_DEFAULT);
    let options = Options { words_bound, prevalence: arguments.prevalence };
    let lesson = match learn(source, &pupil.samples, options) {
        Ok(lesson) => lesson,
        Err(reason) => {
            output.line(format!("{}: nothing was learned: {}", source.id, reason_words(&reason)))?;
            return Ok(Exit::Failed);
        }
    };
    for line in lesson_words(source, &lesson, arguments) {
        output.line(line)?;
    }
    let objection = lesson.objection();
    if arguments.dry_run {
        let verdict = objection.map_or_else(|| "it is better".to_owned(), |why| format!("no better: {why}"));
        output.line(format!("  not written (--dry-run); {verdict}\n"))?;
        return Ok(Exit::Done);
    }
    if let Some(why) = objection.as_ref().filter(|_| !arguments.force) {
        output.line(format!(
            "  not written, as it is no better than the topic's file: {why} (--force writes it)\n"
        ))?;
        return Ok(Exit::Failed);
    }
    let Some(origin) = config.topic_origins.get(&source.id) else {
        return Err(Failure::new(format!("the file of {} is not known", source.id), ""));
    };
    let path = learned_file::path(&origin.file);
    let text = learned_file::render(source, &lesson.learned, &head(pupil, &lesson, arguments));
    learned_file::write(&path, &text).map_err(|error| {
        Failure::new(
            format!("cannot write {}: {error}", path.display()),
            "run it as a user who may write there",
        )
    })?;
    output
        .line(format!("  written to {}; a running daemon takes it up when it reloads\n", path.display()))?;
    Ok(Exit::Done)
}

fn reason_words(reason: &NotLearned) -> String {
    match reason {
        NotLearned::TooFew { positives, negatives, needed } => format!(
            "it takes {needed} labelled articles for which an alert is right and {needed} for which it is wrong, \
             spread over time; there are {positives} and {negatives}"
        ),
        NotLearned::Misfit(misfits) => {
            let words = misfits.iter().map(|misfit| match misfit {
                Misfit::Unreachable { needed, most } => format!(
                    "no article could reach the threshold: it would take {needed:.1} points, and all signals together \
                     give {most:.1}"
                ),
                Misfit::UnknownSignal(signal) | Misfit::OutOfBounds { signal, .. } => {
                    format!("the weight of {signal:?} came out of bounds")
                }
            });
            words.collect::<Vec<_>>().join("; ")
        }
    }
}

/// What would change, and what it is worth.
fn lesson_words(source: &TopicSource, lesson: &Lesson, arguments: &Arguments) -> Vec<String> {
    let (learned, file) = (&lesson.learned, source.calibration);
    let mut lines = vec![format!("{}: learned from {}", source.id, basis(lesson))];
    if let Some(share) = arguments.prevalence {
        lines.push(format!(
            "  moved and compared for a stream in which {share} of the articles are right to alert"
        ));
    }
    if learned.weights.is_empty() {
        lines.push("  weights: as in the file".to_owned());
    } else {
        let kept = source.signals.len() - learned.weights.len();
        lines.push(format!(
            "  weights ({}): {} stay as in the file",
            penalty(lesson.weight_penalty),
            counted(kept, "signal", "signals")
        ));
        for signal in &source.signals {
            if let Some(weight) = learned.weights.get(&signal.name) {
                lines.push(format!("    {:>8.2} → {weight:>8.2}  {}", signal.weight, signal.name));
            }
        }
    }
    let threshold = source.policy.threshold;
    lines.push(format!(
        "  calibration: slope {:.4} → {:.4}, midpoint {:.2} → {:.2}; {threshold:.2} is reached at {:.1} → {:.1} points",
        file.slope,
        learned.calibration.slope,
        file.midpoint,
        learned.calibration.midpoint,
        points_at(threshold, file),
        points_at(threshold, learned.calibration)
    ));
    match &learned.words {
        Some(words) => {
            let (count, bound) = (words.len(), words.bound);
            lines.push(format!(
                "  words ({}): {count}, which together move an article by at most {bound:.0} points; the strongest:",
                penalty(lesson.word_penalty)
            ));
            for (part, term, points) in words.strongest().into_iter().take(WORDS_SHOWN) {
                let part = if part == Part::Title { "title" } else { "text" };
                lines.push(format!("    {points:>+8.2}  {part}: {term}"));
            }
        }
        None if arguments.ngrams => lines.push("  words: none that help".to_owned()),
        None => {}
    }
    lines.extend(comparison_words("cross-validated in time order", &lesson.cross_validated, threshold));
    if let Some(last) = &lesson.last_third {
        let head = "the last third, as learned from what came before";
        lines.extend(comparison_words(head, last, threshold));
    }
    lines
}

/// From what it was learned.
fn basis(lesson: &Lesson) -> String {
    format!(
        "{} labelled articles of {} to {}, {} of them right to alert",
        lesson.items,
        day(lesson.from),
        day(lesson.until),
        lesson.positives
    )
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn penalty(penalty: Option<f64>) -> String {
    penalty.map_or_else(|| "kept".to_owned(), |penalty| format!("penalty {penalty}"))
}

fn comparison_words(head: &str, comparison: &Comparison, threshold: f64) -> Vec<String> {
    let Comparison { items, positives, before, after, .. } = comparison;
    let mut lines = vec![format!(
        "  {head} ({items} articles of {} to {}, {positives} right), file → learned:",
        day(comparison.from),
        day(comparison.until)
    )];
    let mut row = |name: String, pick: fn(&Marks) -> f64| {
        lines.push(format!("    {name:<20} {:.4} → {:.4}", pick(before), pick(after)));
    };
    row("log loss".to_owned(), |marks| marks.log_loss);
    row("Brier score".to_owned(), |marks| marks.brier);
    row("average precision".to_owned(), |marks| marks.average_precision);
    row(format!("precision at {threshold:.2}"), |marks| marks.rates.precision);
    row(format!("recall at {threshold:.2}"), |marks| marks.rates.recall);
    row(format!("F1 at {threshold:.2}"), |marks| marks.rates.f1);
    lines
}

/// The comments at the head of the file: enough to judge it by a year from now.
fn head(pupil: &Pupil, lesson: &Lesson, arguments: &Arguments) -> Vec<String> {
    let short = |head: &str, found: &Comparison| {
        let Comparison { before, after, .. } = found;
        format!(
            "{head}, file -> learned: log loss {:.4} -> {:.4}, average precision {:.3} -> {:.3}, F1 {:.3} -> {:.3}",
            before.log_loss,
            after.log_loss,
            before.average_precision,
            after.average_precision,
            before.rates.f1,
            after.rates.f1
        )
    };
    let id = &pupil.topic.source.id;
    let mut lines = vec![
        format!(
            "What `wirewatch topics learn {id}` made of labels. Delete this file, and the topic runs as {id}.toml says."
        ),
        format!(
            "From {}: {}; {} arguable ones left out.",
            names(&arguments.source),
            basis(lesson),
            pupil.arguable_count
        ),
        format!(
            "Penalties, chosen by cross-validation in time order: weights {}, words {}.",
            lesson.weight_penalty.map_or_else(|| "kept".to_owned(), |penalty| penalty.to_string()),
            lesson.word_penalty.map_or_else(|| "none".to_owned(), |penalty| penalty.to_string())
        ),
        short("Cross-validated", &lesson.cross_validated),
    ];
    lines.extend(
        lesson.last_third.as_ref().map(|last| short("On the last third, learned from the first two", last)),
    );
    lines.extend(
        lesson.objection().map(|why| format!("No better than the file, and written by --force: {why}.")),
    );
    lines.extend(arguments.prevalence.map(|share| {
        format!("Moved and compared for a stream in which {share} of the articles are right to alert.")
    }));
    lines
}
