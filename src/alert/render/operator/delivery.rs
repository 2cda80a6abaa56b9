//! What the operator is told of deliveries: what waits, that it left at last, what was refused, and who wants no more.
//!
//! Owns the sentences. Refuses to decide when a wait is too long.

use jiff::Timestamp;

use super::super::clean::clean;
use super::super::words::{instant, plural};
use super::{Item, News, Section, clock};

/// Deliveries of one channel that wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    /// What people call the channel: `mail`, `the outlet pager`.
    pub channel: String,
    /// When the longest waiting one came into the outbox.
    pub since: Timestamp,
    /// How many wait.
    pub count: u64,
    /// For how many addresses.
    pub address_count: u64,
    /// The address of the longest waiting one.
    pub address: String,
    /// What was said to it last; empty before its first attempt.
    pub reply: String,
    /// Whether something got through to another address since.
    pub others_get_through: bool,
}

impl Backlog {
    fn is_mail(&self) -> bool {
        self.channel == "mail"
    }

    fn what(&self) -> String {
        plural(self.count, if self.is_mail() { "mail" } else { "alert" })
    }
}

/// A delivery that was refused for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its alert's number.
    pub alert: i64,
    /// To whom.
    pub address: String,
    /// Subject of its mail.
    pub subject: String,
    /// When.
    pub at: Timestamp,
    /// What was said.
    pub reply: String,
}

/// What was refused since that was told last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals {
    /// How many deliveries.
    pub count: u64,
    /// The first of them.
    pub listed: Vec<Refused>,
    /// Channels by which everything is refused, as people call them.
    pub closed: Vec<String>,
}

/// What was refused, one by one.
pub(super) fn section(refusals: &Refusals) -> Section {
    let mut items: Vec<Item> = Vec::new();
    for refused in &refusals.listed {
        let alert = format!("alert {}: {}", refused.alert, clean(&refused.subject, 160));
        let facts = vec![alert, format!("refused {}", instant(refused.at))];
        items.push(Item {
            name: clean(&refused.address, 100),
            facts,
            reason: clean(&refused.reply, 400),
            feed_count: 1,
        });
    }
    let more = refusals.count.saturating_sub(items.len() as u64);
    if more > 0 {
        let name = format!("… and {} (wirewatch mail failed)", plural(more, "more alert"));
        items.push(Item { name, facts: Vec::new(), reason: String::new(), feed_count: 1 });
    }
    Section { title: "REFUSED FOR GOOD".to_owned(), items, hidden: 0 }
}

pub(super) fn headline(news: &News) -> String {
    match news {
        News::Backlog(backlog) => {
            let since = clock(backlog.since);
            if backlog.others_get_through && backlog.address_count == 1 {
                return format!("{} cannot be reached since {since}", clean(&backlog.address, 60));
            }
            let (verb, channel) = (if backlog.count == 1 { "waits" } else { "wait" }, &backlog.channel);
            if backlog.is_mail() {
                format!("{} {verb} since {since}", backlog.what())
            } else {
                format!("{} for {channel} {verb} since {since}", backlog.what())
            }
        }
        News::BacklogOver { backlog, until } => {
            let channel = if backlog.is_mail() { "Mail" } else { "Alerts" };
            format!("{channel} delayed from {} to {}", clock(backlog.since), clock(*until))
        }
        News::Refused(refusals) => match refusals.listed.as_slice() {
            _ if !refusals.closed.is_empty() => {
                format!("Everything by {} is refused", clean(&refusals.closed.join(" and "), 60))
            }
            [only] if refusals.count == 1 => {
                format!("{} refuses an alert for good", clean(&only.address, 60))
            }
            _ => format!("{} refused for good", plural(refusals.count, "alert")),
        },
        News::Unsubscribed { address, topic } => {
            format!("{} unsubscribed from {}", clean(address, 80), clean(topic, 80))
        }
        News::Muted { address, topic, .. } => {
            format!("{} silenced {} for a day", clean(address, 80), clean(topic, 80))
        }
        _ => String::new(),
    }
}

pub(super) fn lead(news: &News) -> String {
    match news {
        News::Backlog(backlog) => {
            let others = if backlog.others_get_through {
                "Others get through meanwhile."
            } else {
                "Nothing else gets through this way either: people are not told what Wirewatch finds."
            };
            let reply = match clean(&backlog.reply, 400) {
                reply if reply.is_empty() => "It has not been tried yet.".to_owned(),
                reply => format!("The last answer was: {}.", reply.trim_end_matches('.')),
            };
            format!(
                "Waiting for {}: {} to {}, the longest since {} (to {}). {reply} {others} Nothing is lost; it is tried \
                 again without end.",
                backlog.channel,
                backlog.what(),
                plural_addresses(backlog.address_count),
                instant(backlog.since),
                clean(&backlog.address, 100),
            )
        }
        News::BacklogOver { backlog, until } => format!(
            "What was to go out by {} waited from {} to {}. Nothing waits for long any more. {}",
            backlog.channel,
            instant(backlog.since),
            instant(*until),
            match clean(&backlog.reply, 400) {
                reply if reply.is_empty() => String::new(),
                reply => format!("The last answer before that was: {}.", reply.trim_end_matches('.')),
            }
        )
        .trim_end()
        .to_owned(),
        News::Refused(refusals) => {
            let closed = match refusals.closed.join(" and ") {
                channels if channels.is_empty() => String::new(),
                channels => format!(
                    " Nothing was taken by {} of late, so it is not one address that is wrong: people are not told what \
                     Wirewatch finds.",
                    clean(&channels, 200)
                ),
            };
            format!(
                "What is refused for good is not tried again, so those it was for have not been told.{closed} Mend what the \
                 answers below speak of, then have it sent again."
            )
        }
        News::Unsubscribed { address, topic } => format!(
            "Somebody followed the link in a mail to {} and confirmed that this address is to get no more mail about {}. \
             Whoever a mail is forwarded to has its links, too: if this was not meant, undo it.",
            clean(address, 100),
            clean(topic, 100),
        ),
        News::Muted { address, topic, place, until } => format!(
            "Somebody followed the link in a mail to {} and confirmed that this address is to get no alerts of {}{} until \
             {}; then it gets what was held. Others are told as ever, second addresses among them. Whoever a mail is \
             forwarded to has its links, too: if this was not meant, end it.",
            clean(address, 100),
            clean(topic, 100),
            place.as_ref().map_or_else(String::new, |place| format!(" in {}", clean(place, 60))),
            instant(*until),
        ),
        _ => String::new(),
    }
}

fn plural_addresses(count: u64) -> String {
    if count == 1 { "1 address".to_owned() } else { format!("{count} addresses") }
}

pub(super) fn why(news: &News) -> &'static str {
    match news {
        News::Unsubscribed { .. } | News::Muted { .. } => {
            "Wirewatch writes to mail.operator when a recipient takes itself off, because nobody else would notice."
        }
        News::Refused(_) => {
            "Wirewatch writes to mail.operator when an alert was refused for good, at most every 15 minutes, and never about \
             mails like this one."
        }
        _ => {
            "Wirewatch writes to mail.operator when a delivery has waited for ten minutes, and once when nothing does any \
             more. The log says so at once, and wirewatch status exits with 1 meanwhile."
        }
    }
}

pub(super) fn todo(news: &News) -> Vec<(&'static str, &'static str)> {
    match news {
        News::Unsubscribed { .. } => vec![
            ("See who unsubscribed:", "wirewatch mail unsubscribed"),
            ("Undo it:", "wirewatch mail unsubscribed --restore ADDRESS"),
        ],
        News::Muted { .. } => vec![
            ("See who silenced what:", "wirewatch alerts silence --list"),
            ("End it:", "wirewatch alerts silence --end ID"),
        ],
        News::Refused(_) => vec![
            ("See all that was refused:", "wirewatch mail failed"),
            ("Try the way out by hand:", "wirewatch mail test --to ADDRESS"),
            ("Send it again, once mended:", "wirewatch mail resend --all"),
        ],
        News::Backlog(backlog) if backlog.others_get_through => vec![
            ("See what waits, with its numbers:", "wirewatch mail waiting"),
            ("Try the way out by hand:", "wirewatch mail test --to ADDRESS"),
            ("Give up what will never arrive:", "wirewatch mail give-up NUMBER"),
        ],
        _ => vec![
            ("See how everything is:", "wirewatch status"),
            ("Try the way out by hand:", "wirewatch mail test --to ADDRESS"),
            ("See what was refused for good:", "wirewatch mail failed"),
        ],
    }
}
