//! `alerts show`: the whole story of a decision.
//!
//! Owns the order in which it is told: why now, who decided, to whom, what followed, what the incident holds and what of it
//! was not told, and last the mail as it was sent.

use serde_json::{Map, Value, json};

use super::super::{Exit, Failure, Outcome, Output, counted, short};
use super::no_alert;
use crate::alert::acknowledgement::Acknowledgement;
use crate::alert::render::without_actions;
use crate::audit::Record;
use crate::store::Reader;
use crate::store::dossier::{Dossier, DossierArticle, Step};
use crate::store::report::{StoredAlert, StoredDelivery};
use crate::store::routing::StoredRouting;

/// Characters of a quote that are shown.
const QUOTE_LENGTH_MAX: usize = 120;

pub(super) fn run(reader: &Reader, id: Option<i64>, incident: Option<i64>, json: bool) -> Outcome {
    let id = match (id, incident) {
        (Some(id), _) => id,
        (None, Some(incident)) => match reader.last_alert_of(incident)? {
            Some(id) => id,
            None => return untold(reader, incident, json),
        },
        (None, None) => {
            return Err(Failure::usage("no alert is named", "wirewatch alerts list shows the latest"));
        }
    };
    let Some((alert, text)) = reader.alert(id)? else { return Err(no_alert(id)) };
    // Links are a recipient's own, and stand for nobody in what is stored.
    let text = without_actions(&text);
    let dossier = match alert.incident {
        Some(incident) => reader.dossier(incident, Some(id))?,
        None => None,
    };
    let records = reader.audit_of_alert(id)?;
    let told = Told {
        routing: reader.routing(id)?,
        digested: reader.digested(id)?,
        acknowledgements: reader.acknowledgements(id)?,
    };
    let mut output = Output::open();
    if json {
        let articles = reader.alert_articles(id)?;
        let records: Vec<Value> = records.iter().map(record_json).collect();
        let each = told.acknowledgements.iter();
        let acknowledged: Vec<Value> =
            each.map(|by| json!({ "by": by.author, "comment": by.comment, "at": by.at })).collect();
        output.json(&json!({
            "alert": alert, "text": text, "articles": articles, "routing": told.routing,
            "acknowledged": acknowledged, "digested": told.digested, "incident": dossier, "records": records,
        }))?;
    } else {
        say_alert(&mut output, &alert, &told)?;
        if let Some(dossier) = &dossier {
            say_incident(&mut output, dossier, Some(id))?;
        }
        output.line(format!("\nThe mail\n\n{}\n\n{text}", alert.subject))?;
    }
    output.finish()?;
    Ok(Exit::Done)
}

/// An incident nobody was told of.
fn untold(reader: &Reader, incident: i64, json: bool) -> Outcome {
    let Some(dossier) = reader.dossier(incident, None)? else {
        let hint = "wirewatch status lists the open ones, alerts list --json names those of alerts";
        return Err(Failure::new(format!("there is no incident {incident}"), hint));
    };
    let mut output = Output::open();
    if json {
        output.json(&json!({ "alert": null, "incident": dossier }))?;
    } else {
        output.line(format!("nobody was told of incident {incident}"))?;
        say_incident(&mut output, &dossier, None)?;
    }
    output.finish()?;
    Ok(Exit::Done)
}

/// What became of an alert.
struct Told {
    routing: Vec<StoredRouting>,
    digested: Vec<i64>,
    acknowledgements: Vec<Acknowledgement>,
}

fn say_alert(output: &mut Output, alert: &StoredAlert, told: &Told) -> Result<(), Failure> {
    let StoredAlert { id, at, kind, reason, severity, configuration, .. } = alert;
    output.line(format!("alert {id}, {}, {kind}, {severity}", short(*at)))?;
    output.line(format!("why: {reason}"))?;
    output.line(format!("decided by configuration {configuration}"))?;
    if let Some(score) = alert.score {
        let publishers = alert.publishers.unwrap_or(0);
        let publishers = counted(publishers, "independent publisher", "independent publishers");
        output.line(format!("score {score:.2}, {publishers}"))?;
    }
    for step in &told.routing {
        output.line(routing_words(step))?;
    }
    for delivery in &alert.deliveries {
        output.line(delivery_words(delivery))?;
    }
    for by in &told.acknowledgements {
        output.line(format!("acknowledged by {}", by.words()))?;
    }
    if !told.digested.is_empty() {
        let numbers: Vec<String> = told.digested.iter().map(i64::to_string).collect();
        output.line(format!("tells of alerts {}", numbers.join(", ")))?;
    }
    if alert.deliveries.is_empty() && told.routing.is_empty() {
        output.line(match alert.kind.as_str() {
            "operator" => "nobody was told: it was over before it could be sent",
            _ => "nobody was told: no route takes it",
        })?;
    }
    Ok(())
}

fn routing_words(routing: &StoredRouting) -> String {
    let to = if routing.to.is_empty() { String::new() } else { format!("{}: ", routing.to) };
    format!("{} {to}{} ({})", short(routing.at), routing.reason, routing.decision)
}

/// A record as `--json` has it.
pub(in crate::cli) fn record_json(record: &Record) -> Value {
    let mut line = Map::new();
    line.insert("record".to_owned(), json!(record.id));
    line.insert("at".to_owned(), json!(record.at));
    line.insert("type".to_owned(), json!(record.kind));
    for (key, value) in
        [("alert", json!(record.alert)), ("article", json!(record.article)), ("topic", json!(record.topic))]
    {
        if !value.is_null() {
            line.insert(key.to_owned(), value);
        }
    }
    line.extend(record.details());
    Value::Object(line)
}

fn say_incident(output: &mut Output, dossier: &Dossier, alert: Option<i64>) -> Result<(), Failure> {
    let Dossier { id, topic, place, status, .. } = dossier;
    let articles = counted(dossier.articles, "article", "articles");
    output.line(format!(
        "\nIncident {id}: {topic} at {place}, {status}; began {}, last tripped {}, {articles}",
        short(dossier.began),
        short(dossier.last_tripped)
    ))?;
    for step in &dossier.history {
        output.line(format!("  {}", step_words(step, alert)))?;
    }
    output.line("\nStories")?;
    let mut shown_count = 0;
    for story in &dossier.stories {
        let title = if story.title.is_empty() { "pruned" } else { &story.title };
        output.line(format!("  story {}: {title}", story.id))?;
        for article in &story.articles {
            shown_count += 1;
            say_article(output, article)?;
        }
    }
    if shown_count < dossier.articles {
        output.line(format!("  and {} more articles", dossier.articles - shown_count))?;
    }
    if !dossier.withheld.is_empty() {
        let counts: Vec<String> =
            dossier.withheld.iter().map(|(decision, count)| format!("{count} {decision}")).collect();
        output.line(format!("\nNot told in this incident: {}", counts.join(", ")))?;
    }
    Ok(())
}

fn step_words(step: &Step, alert: Option<i64>) -> String {
    let at = short(step.at);
    match (step.alert, &step.from) {
        (Some(id), _) => {
            let mark = if Some(id) == alert { " (this one)" } else { "" };
            format!("{at}  alert {id}{mark}, {}: {}", step.to, step.reason)
        }
        (None, Some(from)) => format!("{at}  {from} → {}: {}", step.to, step.reason),
        (None, None) => format!("{at}  {}: {}", step.to, step.reason),
    }
}

fn say_article(output: &mut Output, article: &DossierArticle) -> Result<(), Failure> {
    let DossierArticle { id, publisher, title, score, .. } = article;
    let copy = if article.is_copy { ", a copy" } else { "" };
    output.line(format!(
        "    {score:.2}  {}  article {id}, {publisher}{copy}: {title}",
        short(article.tripped)
    ))?;
    if article.is_reported {
        for evidence in &article.evidence {
            let quote: String = evidence.quote.chars().take(QUOTE_LENGTH_MAX).collect();
            output.line(format!("          {:>+6.1}  {}: {quote}", evidence.points, evidence.signal))?;
        }
    }
    let label = match article.label {
        Some(2) => "; judged right",
        Some(1) => "; judged arguable",
        Some(_) => "; judged wrong",
        None => "",
    };
    let what = match (&article.decision, article.alert) {
        (decision, Some(told)) if decision == "alerted" => format!("told in alert {told}"),
        (_, _) if !article.reason.is_empty() => article.reason.clone(),
        (_, Some(told)) => format!("its story was told in alert {told}"),
        (_, None) => "not told".to_owned(),
    };
    output.line(format!("          {what}{label}"))
}

fn delivery_words(delivery: &StoredDelivery) -> String {
    let StoredDelivery { to, status, attempts, reply, .. } = delivery;
    let when = match (delivery.finished, delivery.next_attempt) {
        (Some(at), _) => format!(" {}", short(at)),
        (None, Some(at)) => format!(", next attempt {}", short(at)),
        (None, None) => String::new(),
    };
    format!("to {to}: {status}{when}, attempts {attempts}{}{reply}", if reply.is_empty() { "" } else { ": " })
}
