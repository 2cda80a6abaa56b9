//! One article of an alert: who, when, and the quotes that made it trip.
//!
//! Owns how evidence is gathered by quote. Refuses to choose articles: that is [`super::letter`]'s.

use minijinja::{Value, context};

use super::COLUMNS;
use super::clean::{Marked, clean, clean_marked, direction, isolate, wrap};
use super::host::{Link, link};
use super::view::{AlertView, ArticleView};
use super::words::{self, ago, instant, number, plural, points};
use crate::topic::{Evidence, Status};

/// An article as it is laid out.
pub(super) struct Article<'a> {
    pub(super) view: &'a AlertView,
    pub(super) article: &'a ArticleView,
    /// Its headline, clean.
    pub(super) title: String,
    /// Signals there is room for.
    pub(super) evidence_max: usize,
}

/// A quote with the signals it made fire.
struct Quoted<'a> {
    quote: &'a str,
    marked: Marked,
    is_against: bool,
    signals: Vec<&'a Evidence>,
}

impl Article<'_> {
    /// The lines of the text part; its headline is left out where it is the story's.
    pub(super) fn lines(&self, story_title: &str) -> Vec<String> {
        let article = self.article;
        let mut lines = Vec::new();
        if self.title != story_title {
            lines.push(wrap(&isolate(&self.title), "   ", COLUMNS));
        }
        lines.push(wrap(&format!("{} · score {}", self.byline(), number(article.score)), "   ", COLUMNS));
        lines.extend(self.times().iter().map(|time| wrap(time, "   ", COLUMNS)));
        for Quoted { marked, is_against, signals, .. } in self.quoted() {
            let sign = if is_against { "against" } else { "for" };
            lines.push(wrap(&format!("{sign}: \"{}\"", isolate(&marked.with("*", "*"))), "   ", COLUMNS));
            lines.extend(signals.into_iter().map(|evidence| wrap(&signal(evidence), "     ", COLUMNS)));
        }
        if !self.footnote().is_empty() {
            lines.push(format!("   {}", self.footnote()));
        }
        lines.push(match link(article.url.as_deref()) {
            Link::Web { url, host } if url.contains("//xn--") || host.contains('(') => {
                format!("   {url}\n   Leads to {host}")
            }
            Link::Web { url, .. } => format!("   {url}"),
            Link::Words(words) => wrap(&format!("Link, not a web address: {words}"), "   ", COLUMNS),
            Link::None => format!("   No link: wirewatch articles show {}", article.id),
        });
        lines
    }

    /// What the HTML part is handed.
    pub(super) fn value(&self, story_title: &str) -> Value {
        let article = self.article;
        let (url, host, not_a_link) = match link(article.url.as_deref()) {
            Link::Web { url, host } => (url, host, String::new()),
            Link::Words(words) => (String::new(), String::new(), words),
            Link::None => (String::new(), String::new(), String::new()),
        };
        let evidence = self.quoted().into_iter().map(|quoted| {
            let Marked { before, words, after } = &quoted.marked;
            context! {
                before, words, after,
                quote => quoted.marked.with("", ""),
                dir => direction(quoted.quote),
                side => if direction(quoted.quote) == "rtl" { "right" } else { "left" },
                against => quoted.is_against,
                signals => quoted.signals.iter().map(|evidence| signal(evidence)).collect::<Vec<_>>(),
            }
        });
        context! {
            title => self.title.as_str(),
            dir => direction(&self.title),
            is_headed => self.title != story_title,
            byline => self.byline(),
            times => self.times().to_vec(),
            score => number(article.score),
            evidence => evidence.collect::<Vec<_>>(),
            footnote => self.footnote(),
            id => article.id,
            url, host, not_a_link,
        }
    }

    fn byline(&self) -> String {
        let ArticleView { publisher, tier, feed_name, .. } = self.article;
        let feed = clean(feed_name, 120);
        format!("{} · tier {} · from the feed {feed}", clean(publisher, 120), tier.number())
    }

    fn times(&self) -> [String; 2] {
        let now = self.view.at;
        let published = match self.article.published_at {
            Some(at) => format!("Published {} ({})", instant(at), ago(at, now)),
            None => "Published at an unknown time".to_owned(),
        };
        [published, format!("Seen {} ({})", instant(self.article.seen_at), ago(self.article.seen_at, now))]
    }

    /// The evidence by quote: one sentence that makes four signals fire is read once, with the words marked that made the
    /// strongest fire.
    fn quoted(&self) -> Vec<Quoted<'_>> {
        let mut quotes: Vec<Quoted<'_>> = Vec::new();
        for evidence in self.article.evidence.iter().take(self.evidence_max) {
            let is_against = evidence.points < 0.0;
            let same = |it: &&mut Quoted<'_>| it.quote == evidence.quote && it.is_against == is_against;
            if let Some(known) = quotes.iter_mut().find(same) {
                known.signals.push(evidence);
                continue;
            }
            let at = evidence.at.map(|(from, to)| from as usize..to as usize);
            let marked = clean_marked(&evidence.quote, at, 300);
            quotes.push(Quoted { quote: &evidence.quote, marked, is_against, signals: vec![evidence] });
        }
        quotes
    }

    /// What is to be known of the evidence beside it: how much is not shown, and that there was little to go by.
    fn footnote(&self) -> String {
        let hidden = self.article.evidence.len().saturating_sub(self.evidence_max);
        let more = (hidden > 0).then(|| format!("and {}", plural(hidden as u64, "more signal")));
        let only = self.article.is_headline_only.then(|| "scored on its headline only".to_owned());
        more.into_iter().chain(only).collect::<Vec<_>>().join(" · ")
    }
}

fn signal(evidence: &Evidence) -> String {
    let place = format!("{} · in the {}", points(evidence.points), words::field(evidence.field));
    let detail = match evidence.status {
        // What is stated as fact is what a quote is taken for anyway.
        Status::Affirmed => place,
        _ if evidence.is_claim => format!("{place} · claimed by one side"),
        other => format!("{place} · {}", words::status(other)),
    };
    format!("{}: {detail}", clean(&evidence.signal, 120))
}
