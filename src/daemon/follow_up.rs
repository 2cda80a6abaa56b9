//! Clicks on links in mails, answered: each is judged, and done if it is meant, in a transaction of the ledger.
//!
//! Owns the words of the answers. Refuses to log a token: whoever reads it can click it.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::sync::mpsc::Receiver;
use tracing::{debug, info};

use super::ledger::{Ledger, LedgerError};
use super::now;
use crate::delivery::follow_up::Action;
use crate::pipeline::links::{Followed, Judged, Valid, follow, look};
use crate::web::follow_up::{Click, Page};

/// Answers clicks until the door is closed; `deliver` hears when one puts a mail into the outbox.
pub(super) async fn answer_all(ledger: Ledger, mut clicks: Receiver<Click>, deliver: Arc<Notify>) {
    while let Some(Click { token, is_meant, answer }) = clicks.recv().await {
        let page = if is_meant { done(&ledger, token, &deliver).await } else { shown(&ledger, token).await };
        match page {
            // Whoever went away in the meantime clicks again.
            Ok(page) => drop(answer.send(page)),
            // The ledger has said so; without an answer the door says that it is busy.
            Err(error) => debug!(%error, "A click could not be answered"),
        }
    }
}

async fn shown(ledger: &Ledger, token: String) -> Result<Page, LedgerError> {
    let judged = ledger.within(move |tx| look(tx, &token, now())).await?;
    Ok(match judged {
        Judged::Valid(valid) => Page::Ask { button: valid.action.label().to_owned(), lines: asked(&valid) },
        refused => refusal(&refused),
    })
}

async fn done(ledger: &Ledger, token: String, deliver: &Notify) -> Result<Page, LedgerError> {
    let followed = ledger.by_config(move |tx, config| follow(tx, config, &token, now())).await?;
    Ok(match followed {
        Followed::Done(valid, told) => {
            let action = valid.action.as_str();
            info!(alert = valid.alert.0, by = valid.address, action, "A recipient answered");
            if let Some(event) = told {
                info!(
                    alert = event.id.0,
                    recipients = event.to.len(),
                    subject = event.subject,
                    "Operator told"
                );
                deliver.notify_one();
            }
            Page::Done { lines: words(&valid) }
        }
        Followed::DoneBefore(valid) => Page::Done { lines: words(&valid) },
        Followed::Refused(judged) => refusal(&judged),
    })
}

fn refusal(judged: &Judged) -> Page {
    match judged {
        Judged::Expired => Page::Expired,
        Judged::Unknown | Judged::Valid(_) => Page::Unknown,
    }
}

/// What a link would do.
fn asked(valid: &Valid) -> Vec<String> {
    let what = match valid.action {
        Action::Acknowledge => {
            "Say that somebody takes care of this. Reminders stop; news is still told.".to_owned()
        }
        Action::Useful => "Say that this alert was right. It helps to tune the topic.".to_owned(),
        Action::Noise => "Say that this alert was wrong. It helps to tune the topic.".to_owned(),
        Action::Silence => {
            format!("Hold back alerts of this topic and place for 24 hours, to {} alone.", valid.address)
        }
        Action::Unsubscribe => {
            format!("Send no more mail about {} to {}. The operator is told.", valid.topic, valid.address)
        }
    };
    vec![valid.subject.clone(), what]
}

/// What a link did.
fn words(valid: &Valid) -> Vec<String> {
    let what = match valid.action {
        Action::Acknowledge => "Somebody takes care of this.".to_owned(),
        Action::Useful => "Noted: this alert was right. Thank you.".to_owned(),
        Action::Noise => "Noted: this alert was wrong. Thank you.".to_owned(),
        Action::Silence => {
            format!(
                "{} gets no alerts of this topic and place for 24 hours, then what was held.",
                valid.address
            )
        }
        Action::Unsubscribe => format!(
            "{} gets no more mail about {}. What is on its way already still comes. Your operator can undo this: \
             wirewatch mail unsubscribed --restore {}",
            valid.address, valid.topic, valid.address
        ),
    };
    vec![valid.subject.clone(), what]
}
