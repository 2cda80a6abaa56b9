//! An SMTP session: connect, protect, sign in, hand over one message after another, leave.
//!
//! Owns the reading of failures: a refusal of this message is the message's, everything else (network,
//! certificate, greeting, account, sender) is the world's or the configuration's and will be tried again.
//! Refuses to send a password readably to another machine.

use std::fs;
use std::future::Future;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::stream::Guarded;
use super::{MailError, Outcome, Server, Tls, format};

/// The reply to the final dot may take this many command time-outs. RFC 5321 section 4.5.3.2.6 asks for ten
/// minutes: who gives up early sends the message twice.
const FINAL_REPLY_TIMEOUTS: u32 = 4;

/// Time for QUIT, after which nothing is left to lose.
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of a file of certificate authorities.
const AUTHORITIES_BYTES_MAX: u64 = 4 << 20;

/// Characters of a server's reply that are kept.
const REPLY_CHARS_MAX: usize = 400;

#[derive(Debug)]
pub(super) struct Client {
    server: Server,
    /// The server's host without the brackets of an IPv6 address.
    host: String,
    tls: Option<Parameters>,
    timeout: Duration,
}

/// TLS parameters; lettre's own type has no `Debug`.
struct Parameters(TlsParameters);

impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Parameters(…)")
    }
}

/// How far a session came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connect,
    Greeting,
    StartTls,
    SignIn,
    Reset,
    Sender,
    Recipient,
    Data,
    Handover,
}

impl Stage {
    fn words(self) -> &'static str {
        match self {
            Self::Connect => "connecting",
            Self::Greeting => "greeting",
            Self::StartTls => "STARTTLS",
            Self::SignIn => "signing in",
            Self::Reset => "RSET",
            Self::Sender => "MAIL FROM",
            Self::Recipient => "RCPT TO",
            Self::Data => "DATA",
            Self::Handover => "handing the message over",
        }
    }

    /// Whether a refusal here is about the message and not about us. The sender is the same for every message: who
    /// refuses it refuses a setting of ours.
    fn is_about_the_message(self) -> bool {
        matches!(self, Self::Recipient | Self::Data | Self::Handover)
    }
}

/// Why a session ended early.
struct Failure {
    stage: Stage,
    /// The code of a negative reply.
    code: Option<u16>,
    words: String,
}

/// A session that is open.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
    peer_is_loopback: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session(…)")
    }
}

/// What became of a message within a session.
pub(super) struct Handed {
    /// Of the message.
    pub(super) outcome: Outcome,
    /// The session, when the server may still be spoken to in it.
    pub(super) session: Option<Session>,
    /// Whether the session had ended before this message was begun: a new one may fare better, at once.
    pub(super) was_stale: bool,
}

impl Client {
    pub(super) fn new(server: &Server, timeout: Duration) -> Result<Self, MailError> {
        let host = server.host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if let Some(user) = &server.user {
            if server.password.is_none() {
                return Err(MailError::NoPassword(user.clone()));
            }
            if server.tls == Tls::None && !is_loopback(&host) {
                return Err(MailError::PlainPassword { user: user.clone(), host });
            }
        }
        let tls = match server.tls {
            Tls::None => None,
            _ => Some(Parameters(parameters(server, &host)?)),
        };
        Ok(Self { server: server.clone(), host, tls, timeout })
    }

    /// Opens a session for messages.
    pub(super) async fn connect_for(&self) -> Result<Session, Outcome> {
        self.open().await.map_err(|failure| self.outcome(&failure))
    }

    /// Hands a message over in a session, which `is_used` when another message went before it.
    pub(super) async fn send(
        &self,
        mut session: Session,
        is_used: bool,
        (from, to): (&str, &str),
        bytes: &[u8],
    ) -> Handed {
        let (sender, recipient) = match (format::sender(from), format::recipient(to)) {
            (Ok(sender), Ok(recipient)) => (sender.email, recipient),
            (Err(error), _) | (_, Err(error)) => {
                let outcome = Outcome::Rejected(error.to_string());
                return Handed { outcome, session: Some(session), was_stale: false };
            }
        };
        let needs_utf8 = !(sender.to_string().is_ascii() && recipient.to_string().is_ascii());
        if needs_utf8 && !session.connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            let outcome = Outcome::Rejected(format!(
                "{} takes no addresses beyond ASCII (no SMTPUTF8), so {recipient} cannot be reached through it",
                self.name()
            ));
            return Handed { outcome, session: Some(session), was_stale: false };
        }
        match self.hand_over(&mut session, is_used, sender, recipient, needs_utf8, bytes).await {
            Ok(reply) => Handed { outcome: Outcome::Sent(reply), session: Some(session), was_stale: false },
            Err(failure) => {
                // Servers end sessions after so many messages or so much time, with a 421 or without a word.
                let is_before = matches!(failure.stage, Stage::Reset | Stage::Sender);
                let was_stale = is_used && is_before && failure.code.is_none_or(|code| code == 421);
                let outcome = self.outcome(&failure);
                // A server that did not answer, or said that it leaves, is left at once.
                let is_open = failure.code.is_some_and(|code| code != 421);
                Handed { outcome, session: is_open.then_some(session), was_stale }
            }
        }
    }

    /// Opens and closes a session.
    pub(super) async fn check(&self) -> Result<String, String> {
        let session = self.open().await.map_err(|failure| self.describe(&failure))?;
        let protection = if session.connection.is_encrypted() { "encrypted" } else { "not encrypted" };
        let account = match &self.server.user {
            Some(user) => format!("signed in as {user}"),
            None => "no account used".to_owned(),
        };
        self.close(session).await;
        Ok(format!("{} answers, {protection}, {account}", self.name()))
    }

    async fn open(&self) -> Result<Session, Failure> {
        let name = ClientId::default();
        let (mut connection, peer_is_loopback) = self.connect(&name).await?;
        if let (Some(tls), Tls::Required | Tls::Opportunistic) = (&self.tls, self.server.tls) {
            if connection.can_starttls() {
                self.step(Stage::StartTls, 1, connection.starttls(tls.0.clone(), &name)).await?;
            } else if self.server.tls == Tls::Required {
                self.close(Session { connection, peer_is_loopback }).await;
                return Err(failure(
                    Stage::StartTls,
                    "the server does not offer STARTTLS, which ?tls=required asks for; \
                     use its smtps:// port, or ask who runs it",
                ));
            }
        }
        let mut session = Session { connection, peer_is_loopback };
        self.sign_in(&mut session).await?;
        Ok(session)
    }

    async fn connect(&self, name: &ClientId) -> Result<(AsyncSmtpConnection, bool), Failure> {
        if let (Some(tls), Tls::Implicit) = (&self.tls, self.server.tls) {
            let address = (self.host.as_str(), self.server.port);
            let opening = AsyncSmtpConnection::connect_tokio1(
                address,
                Some(self.timeout),
                name,
                Some(tls.0.clone()),
                None,
            );
            // Resolving, connecting, the handshake and two replies.
            let connection = self.step(Stage::Connect, 2, opening).await?;
            return Ok((connection, false));
        }
        let stream = match timeout(self.timeout, connect(&self.host, self.server.port)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(failure(Stage::Connect, &error.to_string())),
            Err(_) => return Err(self.timed_out(Stage::Connect)),
        };
        // Otherwise the final dot waits for the acknowledgement of the message before it.
        stream.set_nodelay(true).map_err(|error| failure(Stage::Connect, &error.to_string()))?;
        let peer_is_loopback = stream.peer_addr().is_ok_and(|peer| peer.ip().is_loopback());
        let opening = AsyncSmtpConnection::connect_with_transport(Box::new(Guarded::new(stream)), name);
        Ok((self.step(Stage::Greeting, 2, opening).await?, peer_is_loopback))
    }

    async fn sign_in(&self, session: &mut Session) -> Result<(), Failure> {
        let (Some(user), Some(password)) = (&self.server.user, &self.server.password) else { return Ok(()) };
        let stays_here = session.peer_is_loopback && is_loopback(&self.host);
        if !session.connection.is_encrypted() && !stays_here {
            return Err(failure(
                Stage::SignIn,
                "the server offers no encryption, and the password is not sent readably over the network; \
                 use smtps://, or ?tls=required",
            ));
        }
        let credentials = Credentials::new(user.clone(), password.expose().to_owned());
        self.step(Stage::SignIn, 1, session.connection.auth(DEFAULT_MECHANISMS, &credentials)).await?;
        Ok(())
    }

    async fn hand_over(
        &self,
        session: &mut Session,
        is_used: bool,
        sender: Address,
        recipient: Address,
        needs_utf8: bool,
        bytes: &[u8],
    ) -> Result<String, Failure> {
        let connection = &mut session.connection;
        if is_used {
            // Whatever became of the message before, nothing of it is left.
            self.step(Stage::Reset, 1, connection.command(Rset)).await?;
        }
        let parameters = if needs_utf8 { vec![MailParameter::SmtpUtfEight] } else { Vec::new() };
        self.step(Stage::Sender, 1, connection.command(Mail::new(Some(sender), parameters))).await?;
        self.step(Stage::Recipient, 1, connection.command(Rcpt::new(recipient, Vec::new()))).await?;
        self.step(Stage::Data, 1, connection.command(Data)).await?;
        let reply = self.step(Stage::Handover, FINAL_REPLY_TIMEOUTS, connection.message(bytes)).await?;
        let text: Vec<&str> = reply.message().collect();
        Ok(self.clean(&format!("{} {}", reply.code(), text.join(" "))))
    }

    /// Waits for one step, for so many command time-outs.
    async fn step<T>(
        &self,
        stage: Stage,
        timeouts: u32,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Failure> {
        match timeout(self.timeout.saturating_mul(timeouts), work).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.failed(stage, &error)),
            Err(_) => Err(self.timed_out(stage)),
        }
    }

    fn failed(&self, stage: Stage, error: &Error) -> Failure {
        let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        let code = error.status().map(u16::from);
        let words = match code {
            Some(code) => format!("{code} {cause}"),
            None if error.is_response() => format!("the server's answer cannot be read ({cause})"),
            None if cause.is_empty() => error.to_string(),
            None => cause,
        };
        // With TLS from the first byte, a reply with a code shows that connecting itself went well.
        let stage = if stage == Stage::Connect && code.is_some() { Stage::Greeting } else { stage };
        Failure { stage, code, words: self.clean(&words) }
    }

    fn timed_out(&self, stage: Stage) -> Failure {
        failure(stage, &format!("no answer within {} s", self.timeout.as_secs_f64()))
    }

    fn outcome(&self, failure: &Failure) -> Outcome {
        if is_crowded(failure) {
            let words = self.describe(failure);
            let is_about_all = !failure.stage.is_about_the_message();
            return if is_about_all { Outcome::Crowded(words) } else { Outcome::Throttled(words) };
        }
        if !failure.stage.is_about_the_message() || failure.code.is_some_and(is_about_the_account) {
            return Outcome::Blocked(self.describe(failure));
        }
        if failure.code.is_some_and(|code| code >= 500) {
            return Outcome::Rejected(format!("{} (to {})", failure.words, failure.stage.words()));
        }
        Outcome::Deferred(self.describe(failure))
    }

    fn describe(&self, failure: &Failure) -> String {
        let at = format!("{}: {}: {}", self.name(), failure.stage.words(), failure.words);
        match (failure.stage, failure.code) {
            (Stage::SignIn, Some(code)) if code >= 500 => {
                let user = self.server.user.as_deref().unwrap_or("without a name");
                format!("{at}; the account {user} or its password in [mail] is refused")
            }
            (Stage::Greeting, Some(code)) if code >= 500 => {
                format!("{at}; the server refuses this machine, check `server` in [mail]")
            }
            (_, Some(code)) if is_about_the_account(code) => {
                format!("{at}; the server wants another account, check `server` and the password in [mail]")
            }
            (Stage::Sender, Some(code)) if code >= 500 => {
                format!("{at}; the server refuses the sender, check `from` in [mail]")
            }
            _ => at,
        }
    }

    pub(super) async fn close(&self, mut session: Session) {
        // The message's fate is settled by now: how a goodbye ends changes nothing.
        drop(timeout(self.timeout.min(QUIT_TIMEOUT), session.connection.quit()).await);
    }

    fn name(&self) -> String {
        format!("{}:{}", self.server.host, self.server.port)
    }

    /// A server's words on one line, bounded, and without the password should it be echoed.
    fn clean(&self, words: &str) -> String {
        let mut line: String =
            words.chars().take(4 * REPLY_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
        if let Some(password) = self.server.password.as_ref().filter(|password| !password.expose().is_empty())
        {
            line = line.replace(password.expose(), "…");
        }
        line.trim().chars().take(REPLY_CHARS_MAX).collect()
    }
}

/// 530, 534, 535 and 538 speak of signing in (RFC 4954 section 6), at whatever stage they come.
fn is_about_the_account(code: u16) -> bool {
    matches!(code, 530 | 534 | 535 | 538)
}

/// Whether the server takes no more from us for now. Before a recipient is named a 421, or a 4xx of the policy kind (4.7.x,
/// RFC 3463 section 3.8), can mean nothing else; after that both kinds of words are said of one mailbox that gets too much or
/// is greylisted, and only 421, with which the server leaves (RFC 5321 section 3.8), is about more than that.
fn is_crowded(failure: &Failure) -> bool {
    let Some(code) = failure.code.filter(|code| (400..500).contains(code)) else { return false };
    let (_, enhanced) = crate::delivery::codes(&failure.words);
    let is_policy = enhanced.is_some_and(|status| status.starts_with("4.7."));
    let words = failure.words.to_ascii_lowercase();
    let says_so =
        ["too many", "too much", "rate limit", "ratelimit", "throttl"].iter().any(|it| words.contains(it));
    match failure.stage {
        Stage::Connect | Stage::Greeting | Stage::Reset | Stage::Sender => {
            !is_about_the_account(code) && (code == 421 || is_policy || says_so)
        }
        Stage::Recipient | Stage::Data | Stage::Handover => code == 421,
        Stage::StartTls | Stage::SignIn => false,
    }
}

fn failure(stage: Stage, words: &str) -> Failure {
    Failure { stage, code: None, words: words.to_owned() }
}

/// Tries each address of a name until one answers.
async fn connect(host: &str, port: u16) -> std::io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
    TcpStream::connect(addresses.as_slice()).await
}

/// Whether a configured host can only be this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn parameters(server: &Server, host: &str) -> Result<TlsParameters, MailError> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = &server.ca_file {
        builder = builder.add_root_certificate(authorities(path)?);
    }
    // A mail server on this machine usually shows a certificate nobody signed; that is no worse than the plain
    // session STARTTLS is optional for. Anywhere else a certificate is checked whenever there is one.
    if server.tls == Tls::Opportunistic && is_loopback(host) {
        builder = builder.dangerous_accept_invalid_certs(true);
    }
    builder.build().map_err(|error| MailError::Tls(error.to_string()))
}

fn authorities(path: &Path) -> Result<Certificate, MailError> {
    let refuse = |reason: String| MailError::Authorities { path: path.to_owned(), reason };
    let file = fs::File::open(path).map_err(|error| refuse(error.to_string()))?;
    let mut pem = Vec::new();
    let mut bounded = file.take(AUTHORITIES_BYTES_MAX);
    std::io::copy(&mut bounded, &mut pem).map_err(|error| refuse(error.to_string()))?;
    if !pem.windows(17).any(|window| window == b"BEGIN CERTIFICATE") {
        return Err(refuse("it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)".to_owned()));
    }
    Certificate::from_pem(&pem).map_err(|error| refuse(error.to_string()))
}
