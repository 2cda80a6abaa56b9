//! Mail: what an alert looks like, how it becomes bytes, and what becomes of it at a server.
//!
//! One file because the same mails are looked at as text, as bytes and at a server.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod attack;
mod digest;
mod files;
mod render;
mod templates;
mod view;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use wirewatch::mail::{self, Line, Mailer, Message, Options, Outcome, Secret, Tls};

use crate::support::smtp::{Act, Parsed, Server, Setup, Stage, at};

const FROM: &str = "Wirewatch <alerts@example.org>";
const ARABIC: &str = "الجيش ينتهك وقف إطلاق النار بعد ساعات من التوصل إلى الاتفاق";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn message() -> Message {
    Message {
        to: "desk@example.org".to_owned(),
        message_id: "alert-7.desk@wirewatch.example.org".to_owned(),
        references: Vec::new(),
        date: time("2026-11-23T10:20:00Z"),
        subject: "[Ceasefire breakdown] Army violates ceasefire (1 publisher)".to_owned(),
        text: "Army violates ceasefire\n.\n.dots and From lines\nFrom here on\n".to_owned(),
        html: "<p>Army violates ceasefire</p>\n".to_owned(),
        picture: None,
        headers: vec![("X-Wirewatch-Topic".to_owned(), "ceasefire-breakdown".to_owned())],
    }
}

fn parsed(message: &Message) -> Parsed {
    let bytes = mail::format(message, FROM).unwrap();
    assert_wire_safe(&bytes);
    Parsed::read(&bytes)
}

/// What RFC 5322 section 2.1.1 and RFC 5321 section 4.5.3.1.6 ask of every message.
fn assert_wire_safe(bytes: &[u8]) {
    assert!(bytes.is_ascii(), "raw 8-bit octets");
    let text = std::str::from_utf8(bytes).unwrap();
    assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "a bare CR or LF");
    for line in text.split("\r\n") {
        assert!(line.len() <= 998, "{} octets on a line", line.len());
        assert!(!line.bytes().any(|byte| byte < b' ' && byte != b'\t'), "a control character in {line:?}");
    }
}

// --- the bytes of a message ---

#[test]
fn a_message_holds_its_headers_and_both_parts() {
    let mut message = message();
    message.references = vec!["alert-1.desk@wirewatch".to_owned(), "alert-3.desk@wirewatch".to_owned()];
    let parsed = parsed(&message);
    for (name, value) in [
        ("From", "Wirewatch <alerts@example.org>"),
        ("To", "desk@example.org"),
        ("Date", "Mon, 23 Nov 2026 10:20:00 +0000"),
        ("Message-ID", "<alert-7.desk@wirewatch.example.org>"),
        ("In-Reply-To", "<alert-3.desk@wirewatch>"),
        ("References", "<alert-1.desk@wirewatch> <alert-3.desk@wirewatch>"),
        ("MIME-Version", "1.0"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Wirewatch-Topic", "ceasefire-breakdown"),
        ("Subject", "[Ceasefire breakdown] Army violates ceasefire (1 publisher)"),
    ] {
        assert_eq!(parsed.text(name), value, "{name}");
    }
    let parts = parsed.parts();
    assert_eq!(parts.len(), 2);
    assert_eq!(parts[0].0, "text/plain; charset=utf-8");
    assert_eq!(parts[0].1.trim_end(), message.text.trim_end());
    assert_eq!(parts[1].0, "text/html; charset=utf-8");
    assert_eq!(parts[1].1.trim_end(), message.html.trim_end());
}

#[test]
fn the_same_message_gives_the_same_bytes() {
    let first = mail::format(&message(), FROM).unwrap();
    assert_eq!(first, mail::format(&message(), FROM).unwrap());
    let mut other = message();
    other.message_id = "alert-8.desk@wirewatch.example.org".to_owned();
    let boundary = |bytes: &[u8]| Parsed::read(bytes).one("Content-Type");
    assert_ne!(boundary(&first), boundary(&mail::format(&other, FROM).unwrap()));
}

#[test]
fn subjects_in_any_script_arrive_as_written() {
    let long_arabic = ARABIC.repeat(6);
    for subject in [
        ARABIC,
        &long_arabic,
        "Überfall auf Grenzposten – 3 Tote",
        "停戦合意が崩壊、数時間後に攻撃",
        "plain, then עברית, then plain",
        "emoji 🕊️ family 👨‍👩‍👧",
        "a",
        "",
    ] {
        let mut message = message();
        message.subject = subject.to_owned();
        assert_eq!(parsed(&message).text("Subject"), subject);
    }
}

#[test]
fn a_header_stays_one_header_whatever_it_is_given() {
    let attacks = [
        "title\r\nBcc: thief@example.net",
        "title\nBcc: thief@example.net",
        "title\rBcc: thief@example.net",
        "title\r\n\r\n<script>alert(1)</script>",
        "title\u{0}\u{b}\u{c}\u{85}\u{2028}\u{2029}Bcc: thief@example.net",
        "títle\r\nBcc: thief@example.net",
        "=?utf-8?b?DQpCY2M6IHRoaWVmQGV4YW1wbGUubmV0?=",
    ];
    for attack in attacks {
        let mut message = message();
        message.subject = attack.to_owned();
        message.message_id = format!("id-{attack}");
        message.references = vec![format!("ref-{attack}")];
        message.headers = vec![("X-Wirewatch-Topic".to_owned(), attack.to_owned())];
        message.text = format!("--{attack}\n--=_wirewatch\n");
        let parsed = parsed(&message);
        assert!(parsed.all("Bcc").is_empty(), "{attack:?} made a header");
        assert_eq!(parsed.headers.len(), 11, "{attack:?}: {:?}", parsed.headers);
        assert!(!parsed.text("Subject").contains(['\r', '\n']), "{attack:?}");
        assert_eq!(parsed.parts().len(), 2, "{attack:?}");
    }
    // A name cannot carry one either, nor replace what the message itself says.
    for name in ["X-A\r\nBcc", "X A", "X:A", "", "X-é"] {
        let mut message = message();
        message.headers = vec![(name.to_owned(), "value".to_owned())];
        assert!(mail::format(&message, FROM).is_err(), "{name:?} was taken for a header name");
    }
    let mut message = message();
    message.headers = vec![
        ("bcc".to_owned(), "thief@example.net".to_owned()),
        ("TO".to_owned(), "x@example.net".to_owned()),
    ];
    let parsed = parsed(&message);
    assert!(parsed.all("Bcc").is_empty());
    assert_eq!(parsed.one("To"), "desk@example.org");
}

#[test]
fn no_line_is_longer_than_a_server_must_take() {
    let word = "a".repeat(5_000);
    let mut message = message();
    message.subject = word.clone();
    message.message_id = word.clone();
    message.references = (0..300).map(|at| format!("{at}-{word}")).collect();
    message.headers = vec![("X-Wirewatch-Topic".to_owned(), word.clone())];
    message.text = format!("{word}\n{}\n", "ع".repeat(5_000));
    message.html = word;
    let parsed = parsed(&message);
    assert_eq!(parsed.one("References").split(' ').count(), 12);
    assert!(parsed.one("References").starts_with("<0-a") && parsed.one("In-Reply-To").starts_with("<299-a"));
}

#[test]
fn addresses_are_read_or_refused() {
    for (to, expected) in [
        ("desk@example.org", Some("desk@example.org")),
        ("desk@bücher.example", Some("desk@xn--bcher-kva.example")),
        ("desk", None),
        ("", None),
        ("a@example.org, b@example.org", None),
        ("desk@example.org\r\nBcc: x@example.net", None),
        ("desk@exa mple.org", None),
    ] {
        let mut message = message();
        message.to = to.to_owned();
        let formatted = mail::format(&message, FROM).ok().map(|bytes| Parsed::read(&bytes).one("To"));
        assert_eq!(formatted.as_deref(), expected, "{to:?}");
    }
    let from =
        |from: &str| mail::format(&message(), from).ok().map(|bytes| Parsed::read(&bytes).text("From"));
    assert_eq!(from("alerts@example.org").as_deref(), Some("alerts@example.org"));
    assert_eq!(
        from("Lagezentrum Süd <alerts@example.org>").as_deref(),
        Some("Lagezentrum Süd <alerts@example.org>")
    );
    assert_eq!(from("nobody"), None);
    assert_eq!(from("Wirewatch <alerts@example.org>\r\nBcc: x@example.net"), None);
}

#[test]
fn dates_at_the_ends_of_time_are_dates() {
    for (date, expected) in [
        (Timestamp::MIN, "Thu, 01 Jan 1970 00:00:00 +0000"),
        (Timestamp::MAX, "Thu, 30 Dec 9999"),
        (time("2026-02-28T23:59:59.999Z"), "Sat, 28 Feb 2026 23:59:59 +0000"),
    ] {
        let mut message = message();
        message.date = date;
        assert!(parsed(&message).one("Date").starts_with(expected), "{}", parsed(&message).one("Date"));
    }
}

// --- files ---

fn to_files(dir: &Path) -> Mailer {
    let options = Options {
        server: None,
        from: FROM.to_owned(),
        outbox_dir: dir.to_owned(),
        timeout: Duration::from_secs(1),
    };
    Mailer::new(&options).unwrap()
}

#[tokio::test]
async fn without_a_server_a_message_becomes_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = dir.path().join("deep/outbox");
    let mailer = to_files(&outbox);
    let Outcome::Sent(path) = mailer.send(&message()).await else { panic!("not sent") };
    assert_eq!(path, outbox.join("1795429200-alert-7.desk@wirewatch.example.org.eml").display().to_string());
    assert_eq!(std::fs::read(&path).unwrap(), mail::format(&message(), FROM).unwrap());
    assert_eq!(std::fs::metadata(&outbox).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    // Sent again, later and with another text, it is still the same message.
    let mut again = message();
    again.date = time("2026-11-23T11:20:00Z");
    again.text = "another".to_owned();
    assert_eq!(mailer.send(&again).await, Outcome::Sent(path.clone()));
    assert_eq!(std::fs::read(&path).unwrap(), mail::format(&message(), FROM).unwrap());
    assert_eq!(std::fs::read_dir(&outbox).unwrap().count(), 1);
}

#[tokio::test]
async fn message_ids_never_lead_out_of_the_outbox_or_share_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let mailer = to_files(&dir.path().join("outbox"));
    let long = "x".repeat(400);
    let ids = [
        "../../etc/passwd",
        "..\\..\\etc/passwd",
        "a/b",
        "a_b",
        "a?b",
        "1-a_b",
        long.as_str(),
        &format!("{long}y"),
        "ü@x",
    ];
    for id in ids {
        let mut message = message();
        message.message_id = id.to_owned();
        assert!(matches!(mailer.send(&message).await, Outcome::Sent(_)), "{id}");
    }
    assert_eq!(std::fs::read_dir(dir.path().join("outbox")).unwrap().count(), ids.len());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_half_written_file_of_an_earlier_life_is_no_message() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(".1795429200-alert-7.desk@wirewatch.example.org.eml.tmp"), "half")
        .unwrap();
    let mailer = to_files(dir.path());
    let Outcome::Sent(path) = mailer.send(&message()).await else { panic!("not sent") };
    assert_eq!(std::fs::read(path).unwrap(), mail::format(&message(), FROM).unwrap());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_defers() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let mailer = to_files(&file);
    assert_words(&mailer.send(&message()).await, "blocked", &["cannot be written", "file"]);
    assert!(mailer.check().await.unwrap_err().contains("cannot be written"));
    assert!(to_files(&dir.path().join("new")).check().await.unwrap().contains("no mail server"));
}

// --- a server ---

/// An outcome is of a kind, and its words tell so much.
fn assert_words(outcome: &Outcome, kind: &str, words: &[&str]) {
    let (is, text) = match outcome {
        Outcome::Sent(text) => ("sent", text),
        Outcome::Deferred(text) => ("deferred", text),
        Outcome::Blocked(text) => ("blocked", text),
        Outcome::Crowded(text) => ("crowded", text),
        Outcome::Throttled(text) => ("throttled", text),
        Outcome::Rejected(text) => ("rejected", text),
    };
    assert_eq!(is, kind, "{text}");
    for word in words {
        assert!(text.contains(word), "`{word}` is missing in: {text}");
    }
    assert!(!text.contains("hunter2"), "a secret in: {text}");
}

struct Case {
    server: Server,
    options: Options,
    _dir: tempfile::TempDir,
}

/// A server, and options that reach it: `account` is what the client signs in with.
async fn case(setup: Setup, tls: Tls, account: Option<(&str, &str)>) -> Case {
    let server = Server::start(setup).await;
    let dir = tempfile::tempdir().unwrap();
    let ca_file = dir.path().join("ca.pem");
    std::fs::write(&ca_file, &server.authority_pem).unwrap();
    let options = Options {
        server: Some(mail::Server {
            host: "127.0.0.1".to_owned(),
            port: server.address.port(),
            tls,
            user: account.map(|(user, _)| user.to_owned()),
            password: account.map(|(_, password)| Secret::new(password.to_owned())),
            ca_file: Some(ca_file),
        }),
        from: FROM.to_owned(),
        outbox_dir: dir.path().to_owned(),
        timeout: Duration::from_secs(1),
    };
    Case { server, options, _dir: dir }
}

impl Case {
    async fn send(&self) -> Outcome {
        Mailer::new(&self.options).unwrap().send(&message()).await
    }

    fn change(&mut self, change: impl FnOnce(&mut mail::Server)) {
        change(self.options.server.as_mut().unwrap());
    }
}

fn with_account(setup: Setup) -> Setup {
    Setup { account: Some(("user".to_owned(), "hunter2-longer".to_owned())), ..setup }
}

const GOOD: Option<(&str, &str)> = Some(("user", "hunter2-longer"));
const WRONG: Option<(&str, &str)> = Some(("user", "hunter2-wrong"));

#[tokio::test]
async fn a_server_gets_the_message_as_it_is() {
    let case = case(Setup::default(), Tls::None, None).await;
    assert_words(&case.send().await, "sent", &["250 2.0.0 queued as 1"]);
    let received = case.server.messages();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].from, "alerts@example.org");
    assert_eq!(received[0].to, ["desk@example.org"]);
    assert_wire_safe(&received[0].raw);
    // lettre ends the last line once more before the final dot.
    let formatted = mail::format(&message(), FROM).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&received[0].raw),
        format!("{}\r\n", String::from_utf8_lossy(&formatted))
    );
    assert_eq!(case.server.lines().last().map(String::as_str), Some("QUIT"));
}

#[tokio::test]
async fn every_kind_of_protection_and_account_works() {
    let starttls = || Setup { starttls: true, ..Setup::default() };
    let implicit = || Setup { implicit_tls: true, ..Setup::default() };
    let login = || Setup { mechanisms: "LOGIN".to_owned(), ..Setup::default() };
    for (name, setup, tls, account, encrypted) in [
        ("plain on loopback", with_account(Setup::default()), Tls::None, GOOD, false),
        ("LOGIN only", with_account(login()), Tls::None, GOOD, false),
        ("opportunistic, offered", with_account(starttls()), Tls::Opportunistic, GOOD, true),
        ("opportunistic, not offered", Setup::default(), Tls::Opportunistic, None, false),
        ("required", with_account(starttls()), Tls::Required, GOOD, true),
        ("implicit", with_account(implicit()), Tls::Implicit, GOOD, true),
        ("implicit, no account", implicit(), Tls::Implicit, None, true),
    ] {
        let case = case(setup, tls, account).await;
        let outcome = case.send().await;
        assert!(matches!(outcome, Outcome::Sent(_)), "{name}: {outcome:?}");
        let received = case.server.messages();
        assert_eq!(received.len(), 1, "{name}");
        assert_eq!(received[0].encrypted, encrypted, "{name}");
        assert_eq!(received[0].user.as_deref(), account.map(|(user, _)| user), "{name}");
        let said = Mailer::new(&case.options).unwrap().check().await.unwrap();
        assert!(said.contains(if encrypted { ", encrypted" } else { "not encrypted" }), "{name}: {said}");
        assert_eq!(case.server.messages().len(), 1, "{name}: a check sends nothing");
    }
}

#[tokio::test]
async fn refusals_of_the_message_are_final_and_everything_else_is_tried_again() {
    let reply = |line: &str| Act::Reply(line.to_owned());
    let cases = [
        (Stage::Greeting, reply("554 no service here"), "blocked", "554 no service here"),
        (Stage::Greeting, reply("421 too busy"), "crowded", "421 too busy"),
        (Stage::Greeting, reply("421 4.7.0 too many connections from you"), "crowded", "4.7.0"),
        (Stage::Mail, reply("450 4.7.1 Error: too much mail from you"), "crowded", "too much mail"),
        (Stage::Mail, reply("451 4.7.26 unauthenticated"), "crowded", "4.7.26"),
        (Stage::Rcpt, reply("450 4.7.1 too many recipients this minute"), "deferred", "too many"),
        (Stage::End, reply("451 4.7.1 Ratelimit exceeded"), "deferred", "Ratelimit"),
        (Stage::Rcpt, reply("450 4.2.0 greylisted, see https://example.org/grey"), "deferred", "4.2.0"),
        (Stage::Greeting, reply("what is this"), "blocked", "cannot be read"),
        (Stage::Greeting, Act::Drop, "blocked", "greeting"),
        (Stage::Ehlo, reply("550 your name is bad"), "blocked", "550 your name is bad"),
        (Stage::Ehlo, Act::Drop, "blocked", "greeting"),
        (Stage::Mail, reply("451 4.3.0 later"), "blocked", "451 4.3.0 later"),
        (Stage::Mail, reply("530 5.7.0 sign in first"), "blocked", "account"),
        (Stage::Mail, reply("553 5.1.8 bad sender"), "blocked", "check `from` in [mail]"),
        (Stage::Mail, Act::Drop, "blocked", "MAIL FROM"),
        (Stage::Rcpt, reply("451 4.7.1 greylisted"), "deferred", "451 4.7.1 greylisted"),
        (Stage::Rcpt, reply("421 4.3.2 going down"), "throttled", "421 4.3.2 going down"),
        (Stage::Rcpt, reply("550 5.1.1 no such user"), "rejected", "550 5.1.1 no such user (to RCPT TO)"),
        (Stage::Rcpt, reply("550-5.1.1 no\r\n550 such user"), "rejected", "such user"),
        (Stage::Rcpt, Act::Drop, "deferred", "RCPT TO"),
        (Stage::Data, reply("452 4.2.2 disk full"), "deferred", "452 4.2.2 disk full"),
        (Stage::Data, reply("554 5.6.0 no thanks"), "rejected", "554 5.6.0 no thanks"),
        (Stage::Data, Act::Drop, "deferred", "DATA"),
        (Stage::Content, Act::Drop, "deferred", "handing the message over"),
        (Stage::End, reply("451 4.3.0 later"), "deferred", "451 4.3.0 later"),
        (Stage::End, reply("552 5.3.4 too big"), "rejected", "552 5.3.4 too big"),
        (Stage::End, Act::Drop, "deferred", "handing the message over"),
    ];
    let case = case(Setup::default(), Tls::None, None).await;
    let name = case.server.address.to_string();
    for (stage, act, kind, words) in cases {
        case.server.next(at(stage, act.clone()));
        let outcome = case.send().await;
        assert_words(&outcome, kind, &[words]);
        if kind != "rejected" {
            assert_words(&outcome, kind, &[&name]);
        }
    }
    // None of them spoilt the next one, and only the one that was dropped after its final dot was kept.
    assert_words(&case.send().await, "sent", &[]);
    assert_eq!(case.server.messages().len(), 2);
}

#[tokio::test]
async fn a_server_that_goes_silent_is_left() {
    let mut case = case(Setup { starttls: true, ..Setup::default() }, Tls::Required, None).await;
    case.options.timeout = Duration::from_millis(250);
    let stages =
        [Stage::Greeting, Stage::Ehlo, Stage::StartTls, Stage::Mail, Stage::Rcpt, Stage::Data, Stage::End];
    for stage in stages {
        case.server.next(at(stage, Act::Hang));
        let is_the_message = matches!(stage, Stage::Rcpt | Stage::Data | Stage::End);
        let kind = if is_the_message { "deferred" } else { "blocked" };
        assert_words(&case.send().await, kind, &["no answer within"]);
    }
    assert_words(&case.send().await, "sent", &[]);
}

#[tokio::test]
async fn a_line_without_an_end_does_not_fill_memory() {
    let mut case = case(Setup::default(), Tls::None, None).await;
    // It is read octet by octet, which a busy machine takes its time for.
    case.options.timeout = Duration::from_secs(30);
    case.server.next(at(Stage::Greeting, Act::Reply(format!("220 {}", "x".repeat(3 << 20)))));
    assert_words(&case.send().await, "blocked", &["more than a mail session can need"]);
}

#[tokio::test]
async fn a_wrong_password_is_never_the_messages_fault() {
    for mechanisms in ["PLAIN", "LOGIN"] {
        let setup = with_account(Setup { mechanisms: mechanisms.to_owned(), ..Setup::default() });
        let case = case(setup, Tls::None, WRONG).await;
        assert_words(&case.send().await, "blocked", &["535", "account user", "[mail]"]);
        let said = Mailer::new(&case.options).unwrap().check().await.unwrap_err();
        assert!(said.contains("account user") && !said.contains("hunter2"), "{said}");
        assert_eq!(case.server.messages(), []);
    }
    let only_tokens = with_account(Setup { mechanisms: "XOAUTH2".to_owned(), ..Setup::default() });
    let case = case(only_tokens, Tls::None, GOOD).await;
    assert_words(&case.send().await, "blocked", &["signing in", "authentication mechanism"]);
}

#[tokio::test]
async fn required_encryption_is_encryption_or_nothing() {
    let stripped = case(with_account(Setup::default()), Tls::Required, GOOD).await;
    assert_words(&stripped.send().await, "blocked", &["does not offer STARTTLS", "smtps://"]);
    assert!(!stripped.server.lines().iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")));

    // A certificate nobody vouches for, and one for another name.
    let starttls = || Setup { starttls: true, ..Setup::default() };
    let mut unknown = case(starttls(), Tls::Required, None).await;
    unknown.change(|server| server.ca_file = None);
    if let Ok(mailer) = Mailer::new(&unknown.options) {
        assert_words(&mailer.send(&message()).await, "blocked", &["certificate"]);
        assert_eq!(unknown.server.messages(), []);
    }
    let mut misnamed = case(starttls(), Tls::Required, None).await;
    misnamed.change(|server| server.host = "0.0.0.0".to_owned());
    assert_words(&misnamed.send().await, "blocked", &["certificate"]);
    assert_eq!(misnamed.server.messages(), []);

    let implicit = case(Setup { starttls: true, ..Setup::default() }, Tls::Implicit, None).await;
    assert!(matches!(implicit.send().await, Outcome::Blocked(_)), "a plain server is no smtps:// server");
}

#[tokio::test]
async fn replies_sent_ahead_of_the_handshake_are_not_believed() {
    let case = case(Setup { starttls: true, ..Setup::default() }, Tls::Required, None).await;
    let forged = "250-test\r\n250 8BITMIME\r\n250 ok\r\n250 ok\r\n354 go\r\n250 kept, trust me";
    case.server.next(at(Stage::StartTls, Act::Inject(forged.to_owned())));
    assert_words(&case.send().await, "blocked", &[]);
    assert_eq!(case.server.messages(), []);
}

#[tokio::test]
async fn a_password_is_not_sent_readably_to_another_machine() {
    // 0.0.0.0 reaches this machine but does not say so, as a name in the network would.
    let mut case = case(with_account(Setup::default()), Tls::Opportunistic, GOOD).await;
    case.change(|server| server.host = "0.0.0.0".to_owned());
    assert_words(&case.send().await, "blocked", &["password is not sent readably"]);
    assert!(!case.server.lines().iter().any(|line| line.starts_with("AUTH")));

    case.change(|server| server.tls = Tls::None);
    let refused = Mailer::new(&case.options).unwrap_err().to_string();
    assert!(refused.contains("unencrypted") && refused.contains("smtps://"), "{refused}");

    case.change(|server| server.password = None);
    let refused = Mailer::new(&case.options).unwrap_err().to_string();
    assert!(refused.contains("password_file"), "{refused}");
}

#[tokio::test]
async fn an_address_beyond_ascii_needs_a_server_that_takes_it() {
    let mut message = message();
    message.to = "büro@example.org".to_owned();
    let plain = case(Setup::default(), Tls::None, None).await;
    assert_words(
        &Mailer::new(&plain.options).unwrap().send(&message).await,
        "rejected",
        &["SMTPUTF8", "büro@example.org"],
    );
    let able = case(Setup { utf8: true, ..Setup::default() }, Tls::None, None).await;
    assert_words(&Mailer::new(&able.options).unwrap().send(&message).await, "sent", &[]);
    assert_eq!(able.server.messages()[0].to, ["büro@example.org"]);
    message.to = "nobody".to_owned();
    assert_words(
        &Mailer::new(&able.options).unwrap().send(&message).await,
        "rejected",
        &["not a mail address"],
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_defers() {
    let mut case = case(Setup::default(), Tls::None, None).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let free = listener.local_addr().unwrap().port();
    drop(listener);
    case.change(|server| server.port = free);
    assert_words(&case.send().await, "blocked", &["connecting", &format!("127.0.0.1:{free}")]);
    case.change(|server| server.host = "no-such-host.invalid".to_owned());
    case.options.timeout = Duration::from_secs(10);
    assert_words(&case.send().await, "blocked", &["no-such-host.invalid"]);
}

#[test]
fn a_file_of_authorities_is_checked_when_the_door_is_set_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ca.pem");
    let options = Options {
        server: Some(mail::Server {
            host: "mail.example.org".to_owned(),
            port: 465,
            tls: Tls::Implicit,
            user: Some("user".to_owned()),
            password: Some(Secret::new("hunter2".to_owned())),
            ca_file: Some(path.clone()),
        }),
        from: FROM.to_owned(),
        outbox_dir: dir.path().to_owned(),
        timeout: Duration::from_secs(1),
    };
    for (content, words) in [
        (None, "No such file"),
        (Some("not a certificate"), "no certificate in PEM form"),
        (Some("-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"), "cannot be used"),
    ] {
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let error = Mailer::new(&options).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains("ca.pem"), "{error}");
    }
    assert!(!format!("{options:?}").contains("hunter2"));
}

// --- a line: one connection for many messages ---

fn message_to(to: &str) -> Message {
    Message { to: to.to_owned(), message_id: format!("id-{to}"), ..message() }
}

#[tokio::test]
async fn a_line_hands_many_messages_over_in_one_session() {
    let case = case(with_account(Setup::default()), Tls::None, GOOD).await;
    let mailer = Mailer::new(&case.options).unwrap();
    let mut line = Line::default();
    for number in 0..3 {
        assert_words(
            &line.send(&mailer, &message_to(&format!("desk{number}@example.org"))).await,
            "sent",
            &[],
        );
    }
    line.close(&mailer).await;
    let to: Vec<_> = case.server.messages().into_iter().flat_map(|message| message.to).collect();
    assert_eq!(to, ["desk0@example.org", "desk1@example.org", "desk2@example.org"]);
    assert_eq!(case.server.connections(), 1);
    let lines = case.server.lines();
    let count = |verb: &str| lines.iter().filter(|line| line.starts_with(verb)).count();
    assert_eq!((count("EHLO"), count("AUTH"), count("RSET"), count("QUIT")), (1, 1, 2, 1));
}

#[tokio::test]
async fn a_refused_recipient_does_not_cost_the_next_one_its_session() {
    let case = case(Setup::default(), Tls::None, None).await;
    case.server.recipient("gone@example.org", Some(Act::Reply("550 5.1.1 no such desk".to_owned())));
    case.server.recipient("grey@example.org", Some(Act::Reply("451 4.7.1 greylisted".to_owned())));
    let mailer = Mailer::new(&case.options).unwrap();
    let mut line = Line::default();
    for (to, kind) in [("gone", "rejected"), ("grey", "deferred"), ("desk", "sent"), ("gone", "rejected")] {
        assert_words(&line.send(&mailer, &message_to(&format!("{to}@example.org"))).await, kind, &[]);
    }
    assert_eq!((case.server.connections(), case.server.messages().len()), (1, 1));
}

#[tokio::test]
async fn a_session_that_ended_meanwhile_is_replaced_and_no_message_pays_for_it() {
    // Ended with a word at the next MAIL, and without one.
    let counted = case(Setup { messages_max: Some(2), ..Setup::default() }, Tls::None, None).await;
    let mailer = Mailer::new(&counted.options).unwrap();
    let mut line = Line::default();
    for number in 0..5 {
        assert_words(
            &line.send(&mailer, &message_to(&format!("desk{number}@example.org"))).await,
            "sent",
            &[],
        );
    }
    assert_eq!((counted.server.connections(), counted.server.messages().len()), (3, 5));

    let dropped = case(Setup::default(), Tls::None, None).await;
    let mailer = Mailer::new(&dropped.options).unwrap();
    let mut line = Line::default();
    for script in
        [at(Stage::Reset, Act::Drop), at(Stage::Reset, Act::Reply("421 4.4.2 idle too long".to_owned()))]
    {
        dropped.server.next(script);
        line.close(&mailer).await;
        for _ in 0..2 {
            assert_words(&line.send(&mailer, &message()).await, "sent", &[]);
        }
    }
    assert_eq!((dropped.server.connections(), dropped.server.messages().len()), (4, 4));
}

#[tokio::test]
async fn a_line_leaves_after_fifty_messages() {
    let case = case(Setup::default(), Tls::None, None).await;
    let mailer = Mailer::new(&case.options).unwrap();
    let mut line = Line::default();
    for _ in 0..51 {
        assert_words(&line.send(&mailer, &message()).await, "sent", &[]);
    }
    assert_eq!(case.server.connections(), 2);
    assert_eq!(case.server.lines().iter().filter(|line| *line == "QUIT").count(), 1);
}

#[tokio::test]
async fn what_may_have_been_taken_is_not_handed_over_again_at_once() {
    let case = case(Setup::default(), Tls::None, None).await;
    let mailer = Mailer::new(&case.options).unwrap();
    let mut line = Line::default();
    case.server.next(at(Stage::End, Act::Drop));
    assert_words(&line.send(&mailer, &message()).await, "deferred", &["handing the message over"]);
    assert_eq!((case.server.connections(), case.server.messages().len()), (1, 1));
    assert_words(&line.send(&mailer, &message_to("other@example.org")).await, "sent", &[]);
}
