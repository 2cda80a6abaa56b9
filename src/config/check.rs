//! From files to [`Config`]: the order of work, and the checks of `wirewatch.toml`.
//!
//! Owns which limits make each other meaningless. Refuses to stop at a problem: whatever can still be
//! checked is, so that the owner mends a file once. Feeds, topics and the mail server have files of their own.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use toml::de::{DeTable, DeValue};
use url::Url;
use xxhash_rust::xxh3::Xxh3;

use super::access::Proxies;
use super::raw;
use super::read::{Item, Value};
use super::report::Problem;
use super::source::{Sheet, Source};
use super::units::{show_duration, show_size};
use super::value::{Line, Size};
use super::{
    Config, Environment, Log, Mail, Poll, Rewrite, alert_files, feed_file, language_file, mail_server,
    outlet, publisher, route, semantic, template_file, topic_file,
};
use crate::mail;

/// Everything, and everything wrong with it. The configuration is absent when the directory cannot be read.
pub(super) fn check_directory(
    dir: &Path,
    environment: &Environment,
    rewrite: Option<&Rewrite>,
) -> (Option<Config>, Vec<Problem>) {
    if !dir.is_dir() {
        let message = "there is no such configuration directory".to_owned();
        let hint =
            format!("create one with `wirewatch init {}`, or name another with --config", dir.display());
        return (None, vec![Problem::whole_file(dir, message, Some(hint))]);
    }
    let mut problems = Vec::new();
    let mut hash = Xxh3::new();
    let source = main_source(dir, &mut problems);
    note_bytes(&mut hash, dir, &source);
    let mut sheet = Sheet::new(&source);
    let main: raw::Main = read_toml(&mut sheet);

    let poll = check_poll(dir, &main.poll.value, &mut sheet);
    let publishers = Arc::new(publisher::check_publishers(&main, &mut sheet));
    let mut feeds = feed_file::load_feeds(dir, &main, &poll, rewrite, &mut sheet, &mut hash);
    for feed in &mut feeds.feeds {
        feed.publishers = Arc::clone(&publishers);
    }
    let languages = language_file::load_languages(dir, &mut hash, &mut problems);
    let model = semantic::load_model(dir, &main.semantic.value, &mut sheet, &mut hash);
    let topics = topic_file::load_topics(dir, &languages, &model, &mut hash);
    semantic::warn_of_idle_model(&main.semantic.value, &model, &topics.compiled, &mut sheet);
    let data_dir = match &environment.state_directory {
        Some(state) => state.clone(),
        None => data_dir(dir, &main.data_dir.value),
    };
    let routes = route::check_routes(&main, &topics.known, &mut sheet);
    let (web_listen, web_public_url) = check_web(&main.web.value, &mut sheet);
    let files = alert_files::check_files(&data_dir, &main.files.value, &mut sheet);
    let templates = template_file::load_templates(dir, &mut hash, &mut problems);
    let log = Log { format: main.log.value.format.value, level: main.log.value.level.value };

    let config = Config {
        dir: dir.to_owned(),
        poll,
        feed_files: feeds.files,
        publishers,
        feeds: feeds.feeds,
        topics: topics.compiled,
        model: model.model,
        languages,
        topic_origins: topics.origins,
        mail: check_mail(dir, &main, &data_dir, environment, &mut sheet),
        routes,
        outlets: outlet::check_outlets(dir, &main, &mut sheet),
        ping: outlet::check_ping(&main.health.value, &mut sheet),
        web_listen,
        web_public_url,
        files,
        templates,
        log,
        data_dir,
        hash: hash.digest(),
    };
    problems.extend(sheet.problems);
    problems.extend(feeds.problems);
    problems.extend(topics.problems);
    (Some(config), problems)
}

/// `wirewatch.toml`; an empty one, with a word about it, when there is none.
fn main_source(dir: &Path, problems: &mut Vec<Problem>) -> Source {
    let path = dir.join("wirewatch.toml");
    if !path.exists() {
        let message = "there is no wirewatch.toml here, so every setting has its default".to_owned();
        let hint = format!("write one with `wirewatch init {}`", dir.display());
        problems.push(Problem::whole_file(&path, message, Some(hint)).into_warning());
        return Source::new(path, String::new());
    }
    Source::read(path.clone()).unwrap_or_else(|problem| {
        problems.push(*problem);
        Source::new(path, String::new())
    })
}

/// Adds a file to the hash, told apart from a file with another name or other borders.
pub(super) fn note_bytes(hash: &mut Xxh3, dir: &Path, source: &Source) {
    let name = source.path.strip_prefix(dir).unwrap_or(&source.path).as_os_str().as_encoded_bytes();
    for bytes in [name, source.text.as_bytes()] {
        note(hash, bytes);
    }
}

/// Adds bytes to the hash, with where they end.
pub(super) fn note(hash: &mut Xxh3, bytes: &[u8]) {
    hash.update(&(bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

/// The data directory, without `..` where that can be told: the path stands in log lines and replies.
fn data_dir(dir: &Path, value: &Path) -> PathBuf {
    let joined = dir.join(value);
    let parent = match value.strip_prefix("..") {
        Ok(rest) => dir.canonicalize().ok().and_then(|dir| Some(dir.parent()?.join(rest))),
        Err(_) => None,
    };
    parent.unwrap_or(joined)
}

/// Reads a TOML file, noting all errors of syntax and shape.
pub(super) fn read_toml<T: Value>(sheet: &mut Sheet<'_>) -> T {
    sheet.format = Some(T::kind);
    let source = sheet.source;
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        let message = format!("this is not TOML: {}", error.message());
        sheet.error(span, "", message, syntax_hint(error.message()));
    }
    // One slip often breaks the rest of its line: the first word on a line is the one to mend.
    let mut seen = BTreeSet::new();
    sheet.problems.retain(|problem| seen.insert(problem.line));
    let broken: BTreeSet<Option<usize>> = sheet.problems.iter().map(|problem| problem.line).collect();
    let syntax_errors = sheet.problems.len();
    let read = T::read(&DeValue::Table(table.into_inner()), 0..0, "", sheet).unwrap_or_else(T::nothing);
    if syntax_errors > 0 {
        // What the parser could only guess is not worth a second word: the same line, or a key it may have lost.
        let mut index = 0;
        sheet.problems.retain(|problem| {
            index += 1;
            index <= syntax_errors
                || !(broken.contains(&problem.line) || problem.message.contains("must be given"))
        });
    }
    read
}

fn syntax_hint(message: &str) -> &'static str {
    if message.contains("duplicate key") {
        "a key may stand once in its section: remove one of them"
    } else if message.contains("string") || message.contains("quot") {
        "put text and durations in quotes: \"15m\""
    } else {
        "write `key = value`, with text and durations in quotes"
    }
}

/// Notes a duration outside its bounds.
pub(super) fn check_range(
    item: &Item<Duration>,
    key: &str,
    min: Duration,
    max: Duration,
    sheet: &mut Sheet<'_>,
) {
    let Some(span) = item.span.clone().filter(|_| item.sound) else { return };
    let hint = format!("choose something from \"{}\" to \"{}\"", show_duration(min), show_duration(max));
    if item.value < min {
        sheet.error(span, key, format!("{} is too short", show_duration(item.value)), hint);
    } else if item.value > max {
        sheet.error(span, key, format!("{} is too long", show_duration(item.value)), hint);
    }
}

/// Notes that one duration must not exceed another, at whichever the file gives.
pub(super) fn check_order(
    (less, less_key): (&Item<Duration>, &str),
    (more, more_key): (&Item<Duration>, &str),
    consequence: &str,
    sheet: &mut Sheet<'_>,
) {
    if less.value <= more.value || !less.sound || !more.sound {
        return;
    }
    let (key, span) = match (&less.span, &more.span) {
        (Some(span), _) => (less_key, span.clone()),
        (None, Some(span)) => (more_key, span.clone()),
        (None, None) => return,
    };
    let shown = |item: &Item<Duration>| {
        let default = if item.span.is_none() { ", the default" } else { "" };
        format!("({}{default})", show_duration(item.value))
    };
    let message =
        format!("{less_key} {} is longer than {more_key} {}: {consequence}", shown(less), shown(more));
    sheet.error(span, key, message, format!("lower {less_key} or raise {more_key}"));
}

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

/// Publishers who count requests take less for abuse.
const WELCOME_INTERVAL: Duration = Duration::from_mins(15);

/// Least bytes a day that let a handful of feeds be polled.
const ALL_BYTES_MIN: u64 = 1 << 20;

/// Least bytes a day that let one feed be polled.
const FEED_BYTES_MIN: u64 = 64 << 10;

fn check_poll(dir: &Path, raw: &raw::Poll, sheet: &mut Sheet<'_>) -> Poll {
    check_range(&raw.interval, "poll.interval", SECOND, 30 * DAY, sheet);
    check_range(&raw.min_interval, "poll.min_interval", SECOND, 30 * DAY, sheet);
    check_range(&raw.max_interval, "poll.max_interval", SECOND, 30 * DAY, sheet);
    check_range(&raw.health_after, "poll.health_after", 60 * SECOND, 7 * DAY, sheet);
    check_range(&raw.host_spacing, "poll.host_spacing", Duration::ZERO, DAY, sheet);
    check_range(&raw.timeout, "poll.timeout", SECOND, 600 * SECOND, sheet);
    check_range(&raw.first_look, "poll.first_look", Duration::ZERO, 365 * DAY, sheet);
    let interval = (&raw.interval, "poll.interval");
    let (min, max) = ((&raw.min_interval, "poll.min_interval"), (&raw.max_interval, "poll.max_interval"));
    check_order(min, interval, "the interval would never be kept", sheet);
    check_order(interval, max, "the interval would never be kept", sheet);
    if !(raw.min_interval.value > raw.interval.value || raw.interval.value > raw.max_interval.value) {
        check_order(
            (&raw.host_spacing, "poll.host_spacing"),
            max,
            "a second feed of a host would never come round",
            sheet,
        );
    }
    if raw.per_host.value.0 > raw.concurrency.value.0 && raw.per_host.sound && raw.concurrency.sound {
        let span = raw.per_host.span.clone().or_else(|| raw.concurrency.span.clone()).unwrap_or_default();
        let message = format!(
            "poll.per_host ({}) is more than poll.concurrency ({}), the limit for all hosts together",
            raw.per_host.value.0, raw.concurrency.value.0
        );
        sheet.error(span, "poll.per_host", message, "lower poll.per_host or raise poll.concurrency");
    }
    let body_bytes_max = raw.max_body.value.0;
    if let Some(span) = raw.max_body.span.clone().filter(|_| raw.max_body.sound)
        && !((16 << 10)..=(256 << 20)).contains(&body_bytes_max)
    {
        let hint = "choose something from \"16KiB\" to \"256MiB\"";
        sheet.error(span, "poll.max_body", "this size is out of bounds".to_owned(), hint);
    }
    if let Some(span) = raw.interval.span.clone().filter(|_| raw.interval.sound) {
        warn_of_haste(raw.interval.value, span, "poll.interval", sheet);
    }
    let (daily_bytes, feed_daily_bytes) = check_budgets(raw, sheet);
    let proxy = raw.proxy.value.as_ref().zip(raw.proxy.span.clone());
    Poll {
        proxy: proxy.and_then(|(Line(text), span)| Proxies::default().read(text, span, "poll.proxy", sheet)),
        root_certificates_pem: mail_server::check_ca_file(dir, &raw.ca_file, "poll.ca_file", sheet)
            .map(|(_path, pem)| pem),
        daily_bytes,
        feed_daily_bytes,
        interval: raw.interval.value,
        min_interval: raw.min_interval.value,
        max_interval: raw.max_interval.value,
        health_after: raw.health_after.value,
        per_host: raw.per_host.value.0 as usize,
        host_spacing: raw.host_spacing.value,
        concurrency: raw.concurrency.value.0 as usize,
        first_look: raw.first_look.value,
        allow_private_addresses: raw.allow_private_addresses.value,
        contact: check_contact(&raw.contact, sheet),
        timeout: raw.timeout.value,
        body_bytes_max: usize::try_from(body_bytes_max).unwrap_or(usize::MAX),
        full_text_tags: lines(&raw.full_text_tags.value),
        borderline_tags: lines(&raw.borderline_tags.value),
    }
}

/// Bytes a day: of all feeds, and of one whose server knows no conditional requests.
fn check_budgets(raw: &raw::Poll, sheet: &mut Sheet<'_>) -> (Option<u64>, u64) {
    let (all, one) = (raw.daily_budget.value.map(|Size(bytes)| bytes), raw.feed_daily_budget.value.0);
    if let (Some(bytes), Some(span)) = (all, raw.daily_budget.span.clone())
        && bytes < ALL_BYTES_MIN
    {
        let message = format!("{} a day is less than a few polls bring", show_size(bytes));
        let hint = format!("choose \"{}\" or more, or remove the line", show_size(ALL_BYTES_MIN));
        sheet.error(span, "poll.daily_budget", message, hint);
    }
    let Some(span) = raw.feed_daily_budget.span.clone().filter(|_| raw.feed_daily_budget.sound) else {
        return (all, one);
    };
    let key = "poll.feed_daily_budget";
    if one < FEED_BYTES_MIN {
        let message = format!("{} a day is less than one poll of a small feed brings", show_size(one));
        sheet.error(span, key, message, format!("choose \"{}\" or more", show_size(FEED_BYTES_MIN)));
    } else if let Some(all) = all.filter(|all| one > *all) {
        let message = format!(
            "{} for one feed is more than poll.daily_budget ({}) for all",
            show_size(one),
            show_size(all)
        );
        sheet.error(span, key, message, "lower it, or raise poll.daily_budget");
    }
    (all, one)
}

/// Says what an interval costs the publisher that is shorter than publishers welcome; whether there was reason to.
pub(super) fn warn_of_haste(
    interval: Duration,
    span: Range<usize>,
    key: &str,
    sheet: &mut Sheet<'_>,
) -> bool {
    if interval >= WELCOME_INTERVAL {
        return false;
    }
    let times = DAY.as_secs() / interval.as_secs().max(1);
    let whom = if key == "poll.interval" {
        "every publisher of a feed without its own interval"
    } else {
        "the publisher"
    };
    let message = format!(
        "every {} is {times} requests a day to {whom}; many welcome one an hour and block who asks more often than every \
         15 minutes",
        show_duration(interval)
    );
    let hint = "keep it where minutes count and the publisher agrees; otherwise choose \"15m\" or more";
    sheet.warning(span, key, message, hint);
    true
}

fn lines(items: &[Item<Line>]) -> Vec<String> {
    items.iter().map(|item| item.value.0.clone()).collect()
}

fn check_contact(item: &Item<Option<Line>>, sheet: &mut Sheet<'_>) -> Option<String> {
    let Line(contact) = item.value.as_ref()?;
    let address = contact.strip_prefix("mailto:").unwrap_or(contact);
    let is_url = ["http://", "https://"].iter().any(|scheme| contact.starts_with(scheme))
        && Url::parse(contact).is_ok()
        && !contact.contains(['(', ')', ' ']);
    if !contact.is_ascii() || !(is_url || mail_server::is_address(address)) {
        let span = item.span.clone().unwrap_or_default();
        let message = "this is neither a web address nor a mail address".to_owned();
        sheet.error(
            span,
            "poll.contact",
            message,
            "write \"https://example.org/wirewatch\" or \"you@example.org\"",
        );
    }
    Some(contact.clone())
}

fn check_mail(
    dir: &Path,
    main: &raw::Main,
    data_dir: &Path,
    environment: &Environment,
    sheet: &mut Sheet<'_>,
) -> Mail {
    let raw = &main.mail.value;
    check_range(&raw.retry_initial, "mail.retry_initial", SECOND, DAY, sheet);
    check_range(&raw.retry_max, "mail.retry_max", SECOND, 7 * DAY, sheet);
    check_range(&raw.timeout, "mail.timeout", SECOND, 600 * SECOND, sheet);
    let initial = (&raw.retry_initial, "mail.retry_initial");
    check_order(initial, (&raw.retry_max, "mail.retry_max"), "the wait could never double", sheet);
    let from = mail_server::check_from(raw, sheet);
    let server = mail_server::check_server(dir, raw, environment, sheet);
    Mail {
        door: mail::Options { server, from, outbox_dir: data_dir.join("outbox"), timeout: raw.timeout.value },
        retry_initial: raw.retry_initial.value,
        retry_max: raw.retry_max.value,
        max_per_minute: raw.max_per_minute.value.0,
        connections: raw.connections.value.0 as usize,
        operator: route::check_addresses(&raw.operator.value, "mail.operator", &main.outlet.value, sheet),
        heartbeat: outlet::check_heartbeat(raw, sheet),
    }
}

fn check_web(raw: &raw::Web, sheet: &mut Sheet<'_>) -> (Option<SocketAddr>, Option<Url>) {
    let public_url = check_public_url(&raw.public_url, sheet);
    let listen = raw.listen.value.trim();
    let span: Option<Range<usize>> = raw.listen.span.clone().filter(|_| !listen.is_empty());
    let Some(span) = span else {
        if let (Some(_), Some(span)) = (&public_url, raw.public_url.span.clone()) {
            let message =
                "nothing listens, so no hub can reach this address, WebSub stays off and mails have no links"
                    .to_owned();
            sheet.warning(span, "web.public_url", message, "set web.listen, such as \"127.0.0.1:8420\"");
        }
        return (None, public_url);
    };
    if let Ok(address) = listen.parse() {
        if raw.public_url.value.is_none() {
            let message = "this version of Wirewatch serves no pages; without web.public_url nothing listens";
            let hint = "set web.public_url for WebSub and links in mails, or remove the line to silence this warning";
            sheet.warning(span, "web.listen", message.to_owned(), hint);
        }
        return (Some(address), public_url);
    }
    let message = format!("`{}` is not an address and port", super::quoted(listen));
    sheet.error(span, "web.listen", message, "write it as \"127.0.0.1:8420\" or \"[::1]:8420\"");
    (None, public_url)
}

/// An address that hubs are told: http or https, with a path at most.
fn check_public_url(item: &Item<Option<Line>>, sheet: &mut Sheet<'_>) -> Option<Url> {
    let Line(text) = item.value.as_ref()?;
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let is_plain = |url: &Url| {
        let is_open = url.username().is_empty() && url.password().is_none();
        is_open && url.query().is_none() && url.fragment().is_none()
    };
    let url = url.filter(is_plain);
    if url.is_none() {
        let message =
            format!("`{}` is not a web address with nothing but a path behind it", super::quoted(text));
        let hint = "write it as \"https://news.example.org\" or \"https://example.org/wirewatch\"";
        sheet.error(item.span.clone().unwrap_or_default(), "web.public_url", message, hint);
    }
    url
}

/// Whether a word looks like an ISO 639-1 (or 639-3) code.
pub(super) fn is_language(code: &str) -> bool {
    (2..=3).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_lowercase())
}
