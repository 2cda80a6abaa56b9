//! Why a feed is not well, as a runbook would say it: what happened, what it means, what to do, when it is tried next.
//!
//! Owns every sentence about a feed's health. Refuses to judge.

use jiff::Timestamp;

use super::{Health, IGNORED_MIN, Signs};
use crate::feed::answer::AnswerKind;
use crate::feed::gap::{self, Cause};
use crate::feed::schedule::{self, after, clock};
use crate::feed::state::FeedState;

/// Characters of what a server or a library said.
const OUTCOME_CHARS_MAX: usize = 300;

/// Why a feed whose last poll failed is degraded or failing.
pub(super) fn failure(state: &FeedState, signs: &Signs, health: Health, now: Timestamp) -> String {
    let host = state.answered_host.as_deref().unwrap_or(&signs.host);
    let host = if host.is_empty() { "the server" } else { host };
    let what = happened(state, host);
    let means = if health == Health::Failing {
        match state.last_success_at {
            Some(at) => format!("Nothing could be read since {}.", clock(at, now)),
            None => "It was never read.".to_owned(),
        }
    } else {
        String::new()
    };
    // A remedy for the first failed poll would send people after the weather, unless only they can mend it.
    let is_due = health == Health::Failing || is_ours_to_mend(state.last_answer);
    let remedy = if is_due { remedy(state.last_answer).to_owned() } else { String::new() };
    sentences(&[what, means, remedy, next_try(state, now)])
}

/// What happened, in a sentence.
fn happened(state: &FeedState, host: &str) -> String {
    let outcome = cut(&state.last_outcome);
    let said = if outcome.is_empty() { String::new() } else { format!(": {outcome}") };
    match state.last_answer {
        AnswerKind::Limited => {
            format!("{host} is limiting this address (429): too many requests come from it.")
        }
        AnswerKind::Forbidden => {
            format!("{host} forbids access (403): it blocks this address or programs in general.")
        }
        AnswerKind::Unauthorized => {
            format!("{host} asks for a user and password, or refuses those it got (401).")
        }
        AnswerKind::Missing => format!("{host} has nothing at this address any more (404)."),
        AnswerKind::Gone => format!("{host} says that the feed was removed (410)."),
        AnswerKind::Unavailable => format!("{host} is overloaded or under maintenance (503)."),
        AnswerKind::ServerError => format!("{host} answers with a fault of its own{said}."),
        AnswerKind::OtherStatus => format!("{host} gives an answer that is no feed{said}."),
        AnswerKind::NotAFeed => format!("{host} answers with something that is not a feed{said}."),
        AnswerKind::Unreachable => format!("{host} cannot be reached{said}."),
        AnswerKind::Broken => format!("{host} gives an answer that cannot be used{said}."),
        AnswerKind::Refused => format!("It is not asked, as its address is not allowed{said}."),
        AnswerKind::Stumbled => "Wirewatch itself stumbles over this feed.".to_owned(),
        // The last answer of a feed that fails is a failure; were it not, this would still be true.
        AnswerKind::Document
        | AnswerKind::Delta
        | AnswerKind::Pushed
        | AnswerKind::NotModified
        | AnswerKind::SentOn => {
            format!("{host} was not readable.")
        }
    }
}

/// What to do about it.
fn remedy(kind: AnswerKind) -> &'static str {
    match kind {
        AnswerKind::Limited => {
            "It is asked less often by itself; set poll.contact so that the publisher can reach you, and a longer \
             interval if this comes back."
        }
        AnswerKind::Forbidden => {
            "Open the address in a browser; if it works there, set poll.contact and a longer interval, or ask the \
             publisher."
        }
        AnswerKind::Unauthorized => "Set or renew the password or token of this feed in its feed file.",
        AnswerKind::Missing => {
            "The address has probably changed: try wirewatch feeds discover with the publisher's home page."
        }
        AnswerKind::Gone => "It is asked a few times more before that is believed.",
        AnswerKind::Unavailable => "Nothing to do here; it is the publisher's to mend.",
        AnswerKind::ServerError => "Nothing to do here; if it lasts for days, tell the publisher.",
        AnswerKind::OtherStatus => {
            "Open the address in a browser; if it moved, try wirewatch feeds discover with the publisher's home page."
        }
        AnswerKind::NotAFeed => {
            "Open the address in a browser: a login or a challenge keeps programs out; else the address has probably \
             changed, try wirewatch feeds discover with the publisher's home page."
        }
        AnswerKind::Unreachable => {
            "Other hosts answer, so it is not this machine's network. Check the spelling of the address; if it is \
             right, the publisher's server is down."
        }
        AnswerKind::Broken => {
            "Open the address in a browser and look for the same fault; it is the publisher's to mend."
        }
        AnswerKind::Refused => {
            "Correct the address, or set allow_private_addresses = true for this feed if it is yours."
        }
        AnswerKind::Stumbled => {
            "Please report it with the feed's address; nothing is wrong on the publisher's side."
        }
        AnswerKind::Document
        | AnswerKind::Delta
        | AnswerKind::Pushed
        | AnswerKind::NotModified
        | AnswerKind::SentOn => "Nothing to do; it was read again since.",
    }
}

/// Whether only the owner can mend it, so that waiting helps nobody.
fn is_ours_to_mend(kind: AnswerKind) -> bool {
    matches!(kind, AnswerKind::Unauthorized | AnswerKind::Refused | AnswerKind::Stumbled)
}

/// Why a feed is gone.
pub(super) fn gone(state: &FeedState) -> String {
    let since =
        state.gone_since.map_or_else(String::new, |at| format!(" since {}", at.strftime("%-d %b %Y")));
    format!(
        "410{since}: the publisher removed it. Nothing more will come; remove it with wirewatch feeds remove, or find \
         its successor with wirewatch feeds discover and the publisher's home page."
    )
}

/// Why a feed is silent.
pub(super) fn silence(since: Timestamp, state: &FeedState, now: Timestamp) -> String {
    let long = schedule::words(std::time::Duration::try_from(now.duration_since(since)).unwrap_or_default());
    let usual = match state.rhythm.usual_gap() {
        Some(usual) => format!("its longest usual silence is {}", schedule::words(usual)),
        None => "it was never silent for so long".to_owned(),
    };
    format!(
        "Polls succeed and bring nothing new since {} ({long}); {usual}. Either nothing happens there, or the publisher \
         writes to another address now: look at the publisher's page, and try wirewatch feeds discover with it.",
        clock(since, now)
    )
}

/// What is wrong with a feed that can be read, the worst first.
pub(super) fn small_fault(state: &FeedState, flaw: &str, now: Timestamp) -> Option<String> {
    // Half as long as the feed is polled faster: one gap is shown and not mailed, gaps that come back all day are.
    if let Some(gap_at) =
        state.gap_at.filter(|gap_at| *gap_at <= now && after(*gap_at, gap::FRESH_FOR / 2) > now)
    {
        let (why, remedy) = match state.gap_cause {
            Some(Cause::Cut) => {
                ("its document broke off before it reached them", "tell the publisher if this comes back")
            }
            Some(Cause::Excess) => (
                "its document holds more than are read at a time",
                "look for a shorter feed of the same site",
            ),
            Some(Cause::Window) | None => {
                ("more were published than the feed holds", "set a shorter interval if this comes back")
            }
        };
        return Some(format!(
            "Entries before {} may be unseen: {why}. It is polled faster for a day; {remedy}. wirewatch feeds show \
             tells from when to when.",
            clock(gap_at, now)
        ));
    }
    if !flaw.is_empty() {
        return Some(format!(
            "Entries of its last document were lost: {}. The others were read; if it lasts, tell the publisher.",
            cut(flaw)
        ));
    }
    if let Some(moved) = state.moved.as_ref().filter(|moved| moved.adopted_at.is_some()) {
        return Some(format!(
            "It moved for good to {}. Polls follow; write the new address into the feed file before the old one ends.",
            cut(&moved.to)
        ));
    }
    (state.ignored_count >= IGNORED_MIN).then(|| {
        let kib = state.document_bytes.div_ceil(1024).max(1);
        format!(
            "Its server ignores conditional requests: every poll costs the whole document ({kib} KiB). Nothing is lost; \
             a longer interval spares both sides."
        )
    })
}

fn next_try(state: &FeedState, now: Timestamp) -> String {
    state.next_due_at.map_or_else(String::new, |at| format!("Next try {}.", clock(at, now)))
}

fn sentences(parts: &[String]) -> String {
    let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

/// One line, bounded, without the full stop that would stand before a bracket.
fn cut(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words.join(" ").chars().take(OUTCOME_CHARS_MAX).collect();
    line.trim_end_matches('.').to_owned()
}
