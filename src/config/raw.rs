//! The file format: every section and key, with type, default and prose.
//!
//! Owns what may stand in the files; the comments here are the manual (`docs/configuration.md` is rendered
//! from them, and a test keeps it current). Refuses to judge values against each other: that is `check`'s.
//! To add a key: add a line here, use it in `check`, run the tests with `UPDATE_DOCS=1`. It is long because every key
//! stands here with its prose, and nowhere else.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;

use super::read::{Item, KeyDoc, Kind, Section, Value, mismatch, read_key, refuse_unknown_keys};
use super::source::Sheet;
use super::value::{Line, Size, Whole, read_word};
use super::{LogFormat, LogLevel};
use crate::delivery::outlet::OutletKind;
use crate::feed::FullText;
use crate::topic::closeness::Closeness as Near;
use crate::topic::context::{Effect, Factors, Genre};
use crate::topic::policy::SurgePolicy;
use crate::topic::{Expect, Severity};

/// Minutes.
const fn minutes(count: u64) -> Duration {
    Duration::from_mins(count)
}

/// Hours.
const fn hours(count: u64) -> Duration {
    Duration::from_hours(count)
}

macro_rules! default_of {
    () => {
        None
    };
    ($default:expr) => {
        Some($default)
    };
}

/// Declares a section once: its struct, its reader and its page of the manual. A key without `= default` must be given.
macro_rules! section {
    ($(#[doc = $about:literal])* $name:ident {
        $($(#[doc = $prose:literal])* $key:ident: $type:ty $(= $default:expr)?,)*
    }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone)]
        pub(in crate::config) struct $name {
            $($(#[doc = $prose])* pub(in crate::config) $key: Item<$type>,)*
        }

        impl Value for $name {
            fn kind() -> Kind {
                let keys = vec![$(KeyDoc {
                    name: stringify!($key),
                    kind: <$type as Value>::kind(),
                    default: { let default: Option<$type> = default_of!($($default)?); default.map(|value| value.show()) },
                    about: concat!($($prose, "\n"),*),
                },)*];
                Kind::Table(Section { about: concat!($($about, "\n"),*), keys })
            }
            fn nothing() -> Self {
                Self {
                    $($key: {
                        let default: Option<$type> = default_of!($($default)?);
                        Item::default(default.unwrap_or_else(<$type as Value>::nothing))
                    },)*
                }
            }
            fn show(&self) -> String {
                String::new()
            }
            fn read(value: &DeValue<'_>, span: Range<usize>, key: &str, sheet: &mut Sheet<'_>) -> Option<Self> {
                let DeValue::Table(table) = value else {
                    mismatch(value, span, key, "a section", &format!("write [{key}] on a line of its own"), sheet);
                    return None;
                };
                let slips = refuse_unknown_keys(table, key, &[$(stringify!($key)),*], sheet);
                Some(Self {
                    $($key: read_key::<$type>(
                        table, span.clone(), key, stringify!($key), default_of!($($default)?), &slips, sheet,
                    ),)*
                })
            }
        }
    };
}

/// Declares the words an enumeration is written with.
macro_rules! words {
    ($type:ty, $nothing:expr, $($word:literal => $value:expr),+ $(,)?) => {
        impl Value for $type {
            fn kind() -> Kind {
                Kind::Plain([$(concat!("`\"", $word, "\"`")),+].join(", "))
            }
            fn nothing() -> Self {
                $nothing
            }
            fn show(&self) -> String {
                let words = [$(($word, $value)),+];
                let word = words.iter().find(|(_, value)| value == self).map_or("", |(word, _)| *word);
                format!("\"{word}\"")
            }
            fn read(value: &DeValue<'_>, span: Range<usize>, key: &str, sheet: &mut Sheet<'_>) -> Option<Self> {
                read_word(&[$(($word, $value)),+], value, span, key, sheet)
            }
        }
    };
}

mod language;

pub(in crate::config) use language::Language;

/// When a route is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// At once.
    Immediate,
    /// Once an hour.
    Hourly,
    /// Once a day.
    Daily,
}

/// `status` of a CAP message (section 3.2.1 of CAP 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CapStatus {
    Actual,
    Exercise,
    System,
    Test,
    Draft,
}

impl CapStatus {
    /// CAP's word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Actual => "Actual",
            Self::Exercise => "Exercise",
            Self::System => "System",
            Self::Test => "Test",
            Self::Draft => "Draft",
        }
    }
}

/// `category` of a CAP message (section 3.2.2 of CAP 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CapCategory {
    Geo,
    Met,
    Safety,
    Security,
    Rescue,
    Fire,
    Health,
    Env,
    Transport,
    Infra,
    Cbrne,
    Other,
}

impl CapCategory {
    /// CAP's word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Geo => "Geo",
            Self::Met => "Met",
            Self::Safety => "Safety",
            Self::Security => "Security",
            Self::Rescue => "Rescue",
            Self::Fire => "Fire",
            Self::Health => "Health",
            Self::Env => "Env",
            Self::Transport => "Transport",
            Self::Infra => "Infra",
            Self::Cbrne => "CBRNE",
            Self::Other => "Other",
        }
    }
}

words!(
    CapCategory, Self::Security,
    "Geo" => CapCategory::Geo, "Met" => CapCategory::Met, "Safety" => CapCategory::Safety,
    "Security" => CapCategory::Security, "Rescue" => CapCategory::Rescue, "Fire" => CapCategory::Fire,
    "Health" => CapCategory::Health, "Env" => CapCategory::Env, "Transport" => CapCategory::Transport,
    "Infra" => CapCategory::Infra, "CBRNE" => CapCategory::Cbrne, "Other" => CapCategory::Other,
);
words!(Mode, Self::Immediate, "immediate" => Mode::Immediate, "hourly" => Mode::Hourly, "daily" => Mode::Daily);
words!(OutletKind, Self::Webhook, "webhook" => OutletKind::Webhook, "ntfy" => OutletKind::Ntfy);
words!(Severity, Self::Info, "info" => Severity::Info, "warning" => Severity::Warning, "critical" => Severity::Critical);
words!(Expect, Self::Quiet, "alert" => Expect::Alert, "quiet" => Expect::Quiet);
words!(CapStatus, Self::Actual, "Actual" => CapStatus::Actual, "Exercise" => CapStatus::Exercise, "System" => CapStatus::System, "Test" => CapStatus::Test, "Draft" => CapStatus::Draft);
words!(LogFormat, Self::Text, "text" => LogFormat::Text, "json" => LogFormat::Json);

/// `true`, `false` or `"borderline"`.
impl Value for FullText {
    fn kind() -> Kind {
        Kind::Plain("true, false or `\"borderline\"`".to_owned())
    }
    fn nothing() -> Self {
        Self::Never
    }
    fn show(&self) -> String {
        match self {
            Self::Never => "false".to_owned(),
            Self::Borderline => "\"borderline\"".to_owned(),
            Self::Always => "true".to_owned(),
        }
    }
    fn read(value: &DeValue<'_>, span: Range<usize>, key: &str, sheet: &mut Sheet<'_>) -> Option<Self> {
        match value {
            DeValue::Boolean(true) => Some(Self::Always),
            DeValue::Boolean(false) => Some(Self::Never),
            DeValue::String(_) => read_word(&[("borderline", Self::Borderline)], value, span, key, sheet),
            _ => {
                let hint = "write true, false or \"borderline\"";
                mismatch(value, span, key, "true, false or \"borderline\"", hint, sheet);
                None
            }
        }
    }
}

words!(
    LogLevel, Self::Info,
    "error" => LogLevel::Error, "warn" => LogLevel::Warn, "info" => LogLevel::Info,
    "debug" => LogLevel::Debug, "trace" => LogLevel::Trace,
);

section! {
    /// The main file. Every key has a default: an empty file is a valid one.
    Main {
        /// Where `wirewatch.db` and, without a mail server, the folder `outbox` live. A relative path starts at the
        /// configuration directory. `$STATE_DIRECTORY`, which systemd sets for `StateDirectory=`, wins.
        data_dir: PathBuf = PathBuf::from("data"),
        /// Files that list feeds: TOML as described under `feeds.toml`, or OPML when the name ends in `.opml`.
        /// Relative paths start at the configuration directory.
        feed_files: Vec<Item<PathBuf>> = vec![Item::default(PathBuf::from("feeds.toml"))],
        /// How feeds are polled.
        poll: Poll = Poll::nothing(),
        /// How mail is sent.
        mail: Mail = Mail::nothing(),
        /// Publishers that go by several names.
        publisher: Vec<Item<Publisher>> = Vec::new(),
        /// Who is told what.
        route: Vec<Item<Route>> = Vec::new(),
        /// Where alerts go besides mailboxes.
        outlet: Vec<Item<Outlet>> = Vec::new(),
        /// Who is told that Wirewatch is alive.
        health: Health = Health::nothing(),
        /// A model of what texts mean, for topics that ask it.
        semantic: Semantic = Semantic::nothing(),
        /// What is served.
        web: Web = Web::nothing(),
        /// Alerts as files.
        files: Files = Files::nothing(),
        /// What is logged, to stderr.
        log: Log = Log::nothing(),
    }
}

section! {
    /// How feeds are polled. Publishers' own wishes (`Retry-After`, cache lifetimes, `ttl`) are kept beside these.
    Poll {
        /// Time between two polls of a feed that sets none of its own.
        interval: Duration = minutes(15),
        /// No feed is polled faster than this, whatever it says. Can be lowered to `"1s"`.
        min_interval: Duration = minutes(5),
        /// No feed waits longer than this, however often it failed or however quiet it is. Only its server or publisher can
        /// ask for more (`Retry-After`, a cache lifetime, `ttl`), up to a day.
        max_interval: Duration = hours(6),
        /// A feed that can no longer be read, or has fallen silent, is told to `mail.operator` when that has lasted for so
        /// long, `"1m"` to `"7d"`, and so is its recovery. A feed counts as failing after three failed polls and an hour.
        health_after: Duration = hours(1),
        /// Requests at a time to one registrable domain, such as `example.org` with all its hosts.
        per_host: Whole<1, 64> = Whole(1),
        /// Time between the starts of two requests to one registrable domain.
        host_spacing: Duration = Duration::from_secs(2),
        /// Requests at a time altogether.
        concurrency: Whole<1, 1024> = Whole(32),
        /// Time for one request with all its redirects within a registrable domain, `"1s"` to `"10m"`.
        timeout: Duration = Duration::from_secs(30),
        /// Largest feed document after decompression, `"16KiB"` to `"256MiB"`.
        max_body: Size = Size(10 << 20),
        /// What the first poll of a feed finds is its baseline: it alerts only if published within this time.
        first_look: Duration = hours(6),
        /// Whether loopback and private networks may be polled. A feed can say so for itself.
        allow_private_addresses: bool = false,
        /// A page or mailbox where publishers reach you, shown in the User-Agent: `"https://example.org/wirewatch"`. Without
        /// it they see the program's name and version and nothing that is yours; some then block what they would rather ask.
        contact: Option<Line> = None,
        /// A proxy for all requests: `http://`, `https://`, `socks5://` or `socks5h://`, with `user:password@` if it asks for
        /// them. `"socks5h://127.0.0.1:9050"` is Tor. Mail does not go through it. All but `socks5://` also look names up, so
        /// that Wirewatch cannot see where a name leads: addresses and names of private networks are still refused as they are
        /// written, but not a name that only the proxy knows to be private.
        proxy: Option<Line> = None,
        /// A PEM file of further certificate authorities, for feeds whose certificates are of your own making; a relative path
        /// starts at the configuration directory.
        ca_file: Option<PathBuf> = None,
        /// Most bytes a day that all feeds together may bring, as they come over the wire: `"500MiB"`. When it is used up,
        /// polls wait. Without it there is no such limit.
        daily_budget: Option<Size> = None,
        /// Bytes a day that one feed may bring whose server lets nobody ask whether anything changed; it is polled less often
        /// when it needs more.
        feed_daily_budget: Size = Size(24 << 20),
        /// Feeds with one of these tags have the pages of all their articles read: see `full_text` of a feed.
        full_text_tags: Vec<Item<Line>> = Vec::new(),
        /// Feeds with one of these tags have the pages read of articles whose score is uncertain. Where a feed has tags of
        /// both lists, all its pages are read.
        borderline_tags: Vec<Item<Line>> = Vec::new(),
    }
}

section! {
    /// How mail is sent. An alert is tried again until the server takes it or refuses it for good.
    Mail {
        /// The SMTP server. `smtps://user@host` is TLS from the first byte, port 465. `smtp://host` uses STARTTLS when the
        /// server offers it, port 25, or 587 when a user is named; `?tls=required` insists on it and `?tls=none` forgoes
        /// it. `host:port` sets another port; an `@` inside the user is written `%40`. Absent: each message becomes an
        /// `.eml` file in `outbox` under `data_dir`.
        server: Option<Line> = None,
        /// A file that holds the user's password and nothing else; a relative path starts at the configuration
        /// directory. The password is looked for here first, then in the systemd credential `smtp-password`
        /// (`LoadCredential=`), then in the environment variable `WIREWATCH_SMTP_PASSWORD`.
        password_file: Option<PathBuf> = None,
        /// Sender: `"Name <address>"` or an address.
        from: Line = Line("Wirewatch <wirewatch@localhost>".to_owned()),
        /// Wait before the second attempt; it doubles each time.
        retry_initial: Duration = Duration::from_secs(30),
        /// Longest wait between two attempts.
        retry_max: Duration = hours(1),
        /// Most mails handed to the server in a minute; what is more waits for the next. Files are not counted.
        max_per_minute: Whole<1, 6000> = Whole(60),
        /// Connections to the server at a time. One is enough as long as nothing takes long; a second is made when a mail has
        /// been on its way for five seconds, and fewer are made when the server has too much of them.
        connections: Whole<1, 8> = Whole(3),
        /// Addresses that hear of feeds that cannot be read or have fallen silent, once that has lasted
        /// (`poll.health_after`), of deliveries that have waited for ten minutes, of who unsubscribed, and of the end of each. An
        /// outlet (`"outlet:NAME"`) beside a mailbox hears of it when the mail server is what is broken.
        operator: Vec<Item<Line>> = Vec::new(),
        /// Time between two heartbeats to `operator`, mails that say how everything is and are an alarm when they do not come:
        /// a part of a day from `"1h"` to `"24h"`, or `"off"`.
        heartbeat: Line = Line("24h".to_owned()),
        /// Local time of a heartbeat, `"HH:MM"`.
        heartbeat_at: Line = Line("07:30".to_owned()),
        /// Where that is: the name of a time zone, such as `"Africa/Khartoum"`.
        time_zone: Line = Line("UTC".to_owned()),
        /// A PEM file of further certificate authorities, for a server with a certificate of your own.
        ca_file: Option<PathBuf> = None,
        /// Time for one step of the conversation with the server, `"1s"` to `"10m"`.
        timeout: Duration = minutes(1),
    }
}

section! {
    /// A publisher that goes by several names: one newsroom, several domains. Its articles count as one publisher's, whichever of
    /// the names they come under, so that it cannot confirm itself. No name may be in two groups.
    Publisher {
        /// The name that counts and is shown: a registrable domain such as `"bbc.co.uk"`, or what a feed calls its `publisher`.
        name: Line,
        /// Its other domains and names.
        also: Vec<Item<Line>> = Vec::new(),
    }
}

section! {
    /// Who is told what, and when. An alert goes to every route it matches; a list that is left out or empty matches everything.
    /// Without a route, alerts are stored and nobody is told. `wirewatch routes test` says what would become of an alert.
    Route {
        /// Addresses: of mailboxes, or of outlets, `"outlet:NAME"`.
        to: Vec<Item<Line>>,
        /// Topic ids; `*` stands for any letters and `?` for one: `["conflict-*"]`.
        topics: Vec<Item<Line>> = vec![Item::default(Line("*".to_owned()))],
        /// Severities of the alert: its topic's, or a higher one.
        severities: Vec<Item<Severity>> = Vec::new(),
        /// Countries, ISO 3166-1 alpha-2 in capitals; `ZZ` stands for no country found. An alert stands under the main country of its first article.
        places: Vec<Item<Line>> = Vec::new(),
        /// Independent publishers an alert must have; corrections and all-clears need none. What was told with fewer is told here
        /// as soon as so many say so.
        min_publishers: Whole<1, 1000> = Whole(1),
        /// When: each alert in a mail of its own at once, or those of an hour or a day in one mail, a digest, at the full hour or
        /// at `at`. A digest of one alert is that alert's own mail. Where several routes name an address, it is told once, by the
        /// route that tells first.
        mode: Mode = Mode::Immediate,
        /// Time of day of a daily digest, `"07:00"` unless said otherwise.
        at: Option<Line> = None,
        /// By which clock `at`, the hours of an hourly digest and `quiet_hours` count: a name of the IANA time zone database, such
        /// as `"Africa/Khartoum"`. Summer time is kept. It is part of the program where the machine has none.
        time_zone: Line = Line("UTC".to_owned()),
        /// Hours in which nobody is disturbed: `"22:00-06:00"`. What falls into them is told at their end, in one mail that says
        /// that it is late.
        quiet_hours: Option<Line> = None,
        /// Severity from which alerts are told in quiet hours, too.
        quiet_unless: Severity = Severity::Critical,
        /// Mails an hour to one address, 1 to 1000; for `mode = "immediate"`. When they are used up, the rest is gathered and told in one
        /// mail as soon as there is room, within the hour. Mails of a lower severity take no room from those of a higher. Ten is one
        /// every six minutes, as much as people who watch alarms are held to manage (EEMUA 191). Webhooks, which do not tire, have a
        /// limit only where it is written.
        max_per_hour: Whole<1, 1000> = Whole(10),
        /// Whether it is also told that an incident has fallen quiet.
        all_clear: bool = false,
        /// Second addresses: they get a critical alert that nobody has acknowledged (`wirewatch alerts ack`) when `escalate_after` has
        /// passed since the first were told. For `mode = "immediate"`.
        escalate_to: Vec<Item<Line>> = Vec::new(),
        /// How long, `"1m"` to `"24h"`.
        escalate_after: Duration = minutes(15),
    }
}

section! {
    /// Where alerts go besides mailboxes: a route names it as `"outlet:NAME"`. Each is tried again like mail, and no outlet waits
    /// for another or for the mail server. What it is handed is in docs/mail.md, "Outlets". `poll.timeout`, `poll.contact` and
    /// `poll.ca_file` hold for it, too.
    Outlet {
        /// What routes call it: small letters, digits and single hyphens.
        name: Line,
        /// A program that takes JSON, or a topic of an ntfy server.
        kind: OutletKind,
        /// Its address. Of ntfy, the address of the topic: `"https://ntfy.sh/a-long-secret-name"`.
        url: Line,
        /// A file that holds the secret a webhook is signed with (HMAC-SHA-256) and nothing else; a relative path starts at the
        /// configuration directory.
        secret_file: Option<PathBuf> = None,
        /// A file that holds a token and nothing else, sent as `Authorization: Bearer`.
        token_file: Option<PathBuf> = None,
        /// Whether it may be on a loopback or private address.
        allow_private_addresses: bool = false,
        /// A proxy of its own, written as `poll.proxy`, which it else goes through; `""` or `"none"` goes without one.
        proxy: Option<String> = None,
    }
}

section! {
    /// Who is told that Wirewatch is alive.
    Health {
        /// The address of a dead-man service, which is asked (GET) while everything turns and raises an alarm when that stops:
        /// `"https://hc-ping.com/…"`. It is not asked while the database refuses, or for ten minutes nothing has got through by mail
        /// or by an outlet although something was to, so that it tells what Wirewatch's own mail cannot. `poll.allow_private_addresses` holds for it.
        ping: Option<Line> = None,
        /// Time between two pings, `"1m"` to `"24h"`.
        ping_every: Duration = minutes(5),
    }
}

section! {
    /// A model of what texts mean, for topics that ask it. Only a program built with `--features semantic` can read one: see
    /// docs/operations.md, "A model beside the words". Nothing is ever fetched for it.
    Semantic {
        /// The directory of a sentence-transformers model of the BERT kind: `config.json`, `model.safetensors` and
        /// `tokenizer.json`, and where the model has them `1_Pooling/config.json`, `sentence_bert_config.json` and
        /// `modules.json`. A relative path starts at the configuration directory.
        model: Option<PathBuf> = None,
    }
}

section! {
    /// What is served: the address where WebSub hubs deliver news (`docs/operations.md`, "News in seconds"), and the links in
    /// mails (docs/mail.md, "Answering with one click"). A change takes a restart.
    Web {
        /// Address and port, such as `"127.0.0.1:8420"`; `""` turns it off.
        listen: String = String::new(),
        /// The address under which the internet reaches `listen`, by way of a reverse proxy as a rule:
        /// `"https://news.example.org"`, with a path if the proxy has one for us. Feeds that name a WebSub hub are then
        /// subscribed to, and their news arrives within seconds; and mails have links to answer with one click. Absent: feeds are
        /// only polled, and mails have no such links.
        public_url: Option<Line> = None,
    }
}

section! {
    /// Alerts as files, for other programs: `alerts.atom`, a feed of the last 500, and for each of their incidents its latest
    /// message in the Common Alerting Protocol, `incident-12.cap.xml`. See docs/mail.md, "Alerts as files".
    Files {
        /// The folder; a relative path starts at `data_dir`. `""` writes none.
        dir: String = "alerts".to_owned(),
        /// What a CAP message says it is for.
        status: CapStatus = CapStatus::Actual,
        /// What a CAP message says it is about.
        category: CapCategory = CapCategory::Security,
    }
}

section! {
    /// What is logged, to stderr.
    Log {
        /// Lines for people, or JSON for machines.
        format: LogFormat = LogFormat::Text,
        /// The least important lines that are shown.
        level: LogLevel = LogLevel::Info,
    }
}

section! {
    /// A file of feeds.
    Feeds {
        /// The feeds.
        feed: Vec<Item<Feed>> = Vec::new(),
    }
}

section! {
    /// A source to poll. No address may stand twice, in this file or another.
    Feed {
        /// Its address, `http://` or `https://`.
        url: Line,
        /// What you call it; the host when absent.
        name: Option<Line> = None,
        /// Who stands behind its articles, when that is not the domain they link to.
        publisher: Option<Line> = None,
        /// Trust in the publisher: 1 (most) to 3.
        tier: Whole<1, 3> = Whole(2),
        /// Words to filter by (`tag:` in queries): letters, digits, `-` and `_`.
        tags: Vec<Item<Line>> = Vec::new(),
        /// Language of its articles, ISO 639-1 (`"en"`), when you know better than the feed says.
        language: Option<Line> = None,
        /// Time between polls, within `poll.min_interval` and `poll.max_interval`.
        interval: Option<Duration> = None,
        /// Whether it may be on a loopback or private address; `poll.allow_private_addresses` when absent.
        allow_private_addresses: Option<bool> = None,
        /// A proxy of its own, written as `poll.proxy`; `""` or `"none"` asks without one.
        proxy: Option<String> = None,
        /// The user, where the publisher asks for a name and a password. They are sent to this address's own server alone, as
        /// `token_file` and `headers` are, and not along redirects to another.
        user: Option<Line> = None,
        /// A file that holds the user's password and nothing else; a relative path starts at the configuration directory.
        password_file: Option<PathBuf> = None,
        /// A file that holds a token and nothing else, sent as `Authorization: Bearer`.
        token_file: Option<PathBuf> = None,
        /// Further headers the publisher asks for: `{ "X-Api-Key" = "…" }`. Whoever reads this file reads them.
        headers: Headers = Headers(Vec::new()),
        /// Whether the pages its articles link to are read, where robots.txt allows it, and scored with the rest: `true` for
        /// all that the feed itself brings no full text of, `"borderline"` only where a topic's score lies between half its
        /// threshold and the threshold. At most ten a poll, each once. When absent, its tags decide (`poll.full_text_tags`,
        /// `poll.borderline_tags`), and else none is.
        full_text: Option<FullText> = None,
        /// `false` keeps the entry but does not poll it.
        enabled: bool = true,
    }
}

section! {
    /// A topic: what is watched. Its file is named after its id: `topics/ceasefire-breakdown.toml`.
    Topic {
        /// Stable name: small letters, digits and single hyphens, the same as the file's name without `.toml`.
        id: Line,
        /// What people call it; the id when absent.
        name: Option<Line> = None,
        /// One or two sentences: what should alert, and what should not.
        description: String = String::new(),
        /// How much it matters.
        severity: Severity = Severity::Warning,
        /// Codes of other schemes this topic stands for, such as CAMEO; carried along, not used for scoring.
        codes: Vec<Item<Line>> = Vec::new(),
        /// Named word lists, used in queries as `@name`: `name.en = ["…"]` for one language, `name = ["…"]` for all.
        /// The set `decoy` is matched first and worth nothing.
        sets: Sets = Sets(Vec::new()),
        /// Sets whose plain words match by their stems (Snowball) in texts of their list's language: `negotiate` then finds
        /// *negotiated* and *negotiating*. Languages with stems: ar, de, en, es, fr, it, pt, ru, tr; in others words match whole.
        stemmed: Vec<Item<Line>> = Vec::new(),
        /// What speaks for the topic, and what against it.
        signal: Vec<Item<Signal>>,
        /// What is left of a match's points by how the text means it.
        context: Context = Context::nothing(),
        /// What closeness in meaning to the description is worth; without `semantic.model` in `wirewatch.toml`, nothing.
        semantic: Closeness = Closeness::nothing(),
        /// How points become a probability: `1 / (1 + exp(-slope * (points - midpoint)))`.
        calibration: Calibration = Calibration::nothing(),
        /// When scores become alerts.
        alert: Alert = Alert::nothing(),
        /// Sentences the topic must get right; `wirewatch check` runs them.
        example: Vec<Item<Example>> = Vec::new(),
    }
}

section! {
    /// A weighted query.
    Signal {
        /// Shown as the reason of an alert; no two of a topic are alike.
        name: Line,
        /// The query: see docs/topics.md.
        when: String,
        /// Points one match in the title is worth, -1000 to 1000; below 0 it speaks against the topic.
        weight: f64,
        /// How many times the weight all its matches together may add up to: 1 (count once) to 2.
        cap: f64 = 1.0,
        /// `false` for a query that says itself how it is meant: the words around it then change nothing.
        context: bool = true,
    }
}

section! {
    /// What is left of a match's points by how the text means it: 1 all, 0 nothing, below 0 it speaks against. The words that tell
    /// are in the language files (docs/topics.md). The last seven are for the whole article: what kind of text it is.
    Context {
        /// It did not happen, or is denied.
        negated: f64 = Factors::default().effect(Effect::Negated),
        /// One side says so; shown as hedged.
        claimed: f64 = Factors::default().effect(Effect::Claimed),
        /// It may be so: feared, possible, unconfirmed.
        hedged: f64 = Factors::default().effect(Effect::Hedged),
        /// If it were so.
        hypothetical: f64 = Factors::default().effect(Effect::Hypothetical),
        /// It is to come, or asked for.
        future: f64 = Factors::default().effect(Effect::Future),
        /// Long ago.
        historical: f64 = Factors::default().effect(Effect::Historical),
        /// It is over, lifted, restored.
        ended: f64 = Factors::default().effect(Effect::Ended),
        /// Somebody's view.
        opinion: f64 = Factors::default().genre(Genre::Opinion),
        /// An explainer, a timeline, a newsletter.
        analysis: f64 = Factors::default().genre(Genre::Analysis),
        /// It remembers.
        anniversary: f64 = Factors::default().genre(Genre::Anniversary),
        /// A page of live updates: many events in one text.
        liveblog: f64 = Factors::default().genre(Genre::Liveblog),
        /// Matches and transfers.
        sport: f64 = Factors::default().genre(Genre::Sport),
        /// The words are meant otherwise: a trade truce, a company under siege.
        figurative: f64 = Factors::default().genre(Genre::Figurative),
        /// Books, films, exhibitions.
        arts: f64 = Factors::default().genre(Genre::Arts),
    }
}

section! {
    /// What closeness to the topic's `name` and `description` is worth, as a model reads them: docs/topics.md, "A model for what
    /// words miss". The similarity of title and summary to them, the cosine of two directions, becomes
    /// `weight * (similarity - floor) / (1 - floor)` points of evidence, and never less than 0.
    Closeness {
        /// Points at a similarity of 1, 0 to 1000; 0 does not ask.
        weight: f64 = Near::default().weight,
        /// Similarity up to which it is worth nothing, from 0 to below 1.
        floor: f64 = Near::default().floor,
        /// `true` asks about every article; else only about those that some signal of the topic speaks for. Embedding an
        /// article takes a thousand times as long as its words.
        alone: bool = Near::default().alone,
    }
}

section! {
    /// How points become a probability; `wirewatch topics learn` fits it.
    Calibration {
        /// Steepness per point, above 0.
        slope: f64 = crate::topic::Calibration::default().slope,
        /// Points at which the probability is one half.
        midpoint: f64 = crate::topic::Calibration::default().midpoint,
    }
}

section! {
    /// When scores become alerts.
    Alert {
        /// Score from which an article trips, above 0 and below 1.
        threshold: f64 = 0.7,
        /// Independent publishers before the first alert, within seven days.
        publishers: Whole<1, 1000> = Whole(1),
        /// At most one update per incident in this time, and only for something new.
        update_every: Duration = hours(6),
        /// A new story of the incident that so many independent publishers report within an hour is told at once, whatever
        /// `update_every` says. When absent: 3, or `publishers` if that is more.
        escalate_publishers: Option<Whole<1, 1000>> = None,
        /// Quiet for this long, an incident closes.
        close_after: Duration = hours(48),
        /// Articles published longer ago than this when they are first seen never alert at once.
        max_age: Duration = hours(48),
        /// Other topics that this one follows: what comes after them at the same place is told at once.
        sequence: Vec<Item<SequenceRule>> = Vec::new(),
        /// Other topics that count more beside this one: when both are told at one place, the second is told at once.
        together: Vec<Item<TogetherRule>> = Vec::new(),
        /// When far more than usual is reported.
        surge: Surge = Surge::nothing(),
    }
}

section! {
    /// When a topic is reported on far more than usual at a place, or altogether, that is told, though no single report may
    /// trip. Reports count that reach half the threshold: docs/topics.md, "Surges".
    Surge {
        /// `false` does not look.
        enabled: bool = SurgePolicy::default().is_enabled,
        /// False alarms a year that you bear for this topic, all its places together, from 0.01 to 365. How surprising a count must
        /// be follows from it.
        alarms_per_year: f64 = SurgePolicy::default().alarms_per_year,
        /// Independent publishers, and reports, before it is told.
        publishers: Whole<1, 1000> = Whole(SurgePolicy::default().publishers),
        /// At most one surge at a place in this time.
        refractory: Duration = SurgePolicy::default().refractory,
    }
}

section! {
    /// One topic after another at one place: a new story of this topic, after an alert of the other, is told at once, once for
    /// each alert of the other.
    SequenceRule {
        /// The topic that comes first.
        after: Line,
        /// Most time between the two alerts.
        within: Duration = hours(14 * 24),
        /// What the incident's severity is raised to; routes go by that.
        severity: Option<Severity> = None,
    }
}

section! {
    /// Two topics at one place: whichever is told second is told at once, once for each pair of incidents.
    TogetherRule {
        /// The other topic.
        with: Line,
        /// Most time between the two alerts.
        within: Duration = hours(24),
        /// What the incident's severity is raised to; routes go by that.
        severity: Option<Severity> = None,
    }
}

section! {
    /// A sentence the topic must get right.
    Example {
        /// What must happen.
        expect: Expect,
        /// A headline, or a whole text.
        text: String,
    }
}

/// `headers`: names are free, so it is read by hand.
#[derive(Debug, Clone)]
pub(super) struct Headers(pub(super) Vec<(String, Item<Line>)>);

impl Value for Headers {
    fn kind() -> Kind {
        Kind::Plain("text by name".to_owned())
    }
    fn nothing() -> Self {
        Self(Vec::new())
    }
    fn show(&self) -> String {
        "{}".to_owned()
    }
    fn read(value: &DeValue<'_>, span: Range<usize>, key: &str, sheet: &mut Sheet<'_>) -> Option<Self> {
        let DeValue::Table(table) = value else {
            mismatch(value, span, key, "a table", "write headers = { \"X-Api-Key\" = \"…\" }", sheet);
            return None;
        };
        let mut headers = Vec::with_capacity(table.len());
        for (name, value) in table {
            let name = name.get_ref().as_ref();
            let key = super::read::join(key, &super::quoted(name));
            if let Some(line) = Line::read(value.get_ref(), value.span(), &key, sheet) {
                headers.push((name.to_owned(), Item { value: line, span: Some(value.span()), sound: true }));
            }
        }
        Some(Self(headers))
    }
}

/// `[sets]`: names are free, so it is read by hand.
#[derive(Debug, Clone)]
pub(super) struct Sets(pub(super) Vec<WordList>);

/// One list of a set.
#[derive(Debug, Clone)]
pub(super) struct WordList {
    /// The set's name.
    pub(super) name: String,
    /// The language, when the list has one.
    pub(super) language: Option<String>,
    /// The words.
    pub(super) terms: Vec<Item<String>>,
}

impl Value for Sets {
    fn kind() -> Kind {
        Kind::Plain("lists of text by name and language".to_owned())
    }
    fn nothing() -> Self {
        Self(Vec::new())
    }
    fn show(&self) -> String {
        String::new()
    }
    fn read(value: &DeValue<'_>, span: Range<usize>, key: &str, sheet: &mut Sheet<'_>) -> Option<Self> {
        let DeValue::Table(table) = value else {
            mismatch(value, span, key, "a section", "write [sets] on a line of its own", sheet);
            return None;
        };
        let mut lists = Vec::new();
        for (name, value) in table {
            let set = name.get_ref().as_ref();
            let key = super::read::join(key, &super::quoted(set));
            if !is_set_name(set) {
                let hint = "a set's name is made of letters, digits, - and _";
                sheet.error(name.span(), &key, "this is not a name for a set".to_owned(), hint);
                continue;
            }
            if let DeValue::Table(languages) = value.get_ref() {
                for (language, value) in languages {
                    let code = language.get_ref().as_ref();
                    let key = super::read::join(&key, &super::quoted(code));
                    if !super::check::is_language(code) {
                        let hint = "name the language by its ISO 639-1 code, such as en, fr or ar";
                        sheet.error(language.span(), &key, "this is not a language code".to_owned(), hint);
                        continue;
                    }
                    let found = read_terms(value, &key, sheet);
                    lists.push((language.span().start, set, Some(code.to_owned()), found));
                }
            } else {
                lists.push((name.span().start, set, None, read_terms(value, &key, sheet)));
            }
        }
        // A table forgets the order of its keys; the file does not.
        lists.sort_by_key(|(start, ..)| *start);
        let named = |(_, name, language, terms): (usize, &str, Option<String>, Vec<Item<String>>)| WordList {
            name: name.to_owned(),
            language,
            terms,
        };
        Some(Self(lists.into_iter().map(named).collect()))
    }
}

fn read_terms(value: &toml::Spanned<DeValue<'_>>, key: &str, sheet: &mut Sheet<'_>) -> Vec<Item<String>> {
    let Some(terms) = Vec::<Item<String>>::read(value.get_ref(), value.span(), key, sheet) else {
        return Vec::new();
    };
    if matches!(value.get_ref(), DeValue::Array(array) if array.is_empty()) {
        sheet.error(value.span(), key, "this list is empty".to_owned(), "add words, or remove the list");
    }
    for (index, term) in terms.iter().enumerate().filter(|(_, term)| term.value.trim().is_empty()) {
        let span = term.span.clone().unwrap_or_else(|| value.span());
        let key = format!("{key}[{}]", index + 1);
        sheet.error(span, &key, "this term is empty".to_owned(), "write a word or a phrase, or remove it");
    }
    terms
}

fn is_set_name(name: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    !name.is_empty() && name.len() <= 64 && name.chars().all(allowed)
}
