//! An SMTP server that does what a test tells it to: a real dialogue on a real socket.
//!
//! One file because scripts, sessions and what they received are one machine.
//!
//! `Server::start(Setup::default())` accepts everything. `server.next(script)` queues how the next sessions
//! misbehave, one script for each session; when the queue is empty, sessions behave. `server.recipient(address, act)` says what
//! always becomes of a recipient.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// A point of the dialogue at which a script can act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    Greeting,
    Ehlo,
    StartTls,
    Auth,
    Reset,
    Mail,
    Rcpt,
    Data,
    /// In the middle of the message.
    Content,
    /// After the final dot.
    End,
}

/// What happens there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    /// This line instead of the usual reply, `550 no such user`.
    Reply(String),
    /// The connection closes without a word.
    Drop,
    /// Nothing, for ever: the client has to give up.
    Hang,
    /// The usual reply, with these bytes sent right behind it.
    Inject(String),
}

/// One session's misbehaviour.
pub(crate) type Script = HashMap<Stage, Act>;

/// A script of one act.
pub(crate) fn at(stage: Stage, act: Act) -> Script {
    Script::from([(stage, act)])
}

/// How the server is set up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Setup {
    /// Offers STARTTLS.
    pub(crate) starttls: bool,
    /// Speaks TLS from the first byte.
    pub(crate) implicit_tls: bool,
    /// Demands this account.
    pub(crate) account: Option<(String, String)>,
    /// Mechanisms it offers; `PLAIN LOGIN` when empty.
    pub(crate) mechanisms: String,
    /// Offers SMTPUTF8.
    pub utf8: bool,
    /// Connections at a time; one more is told 421.
    pub(crate) connections_max: Option<usize>,
    /// Messages a connection takes; the next MAIL is told 421.
    pub(crate) messages_max: Option<usize>,
}

/// A message that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) raw: Vec<u8>,
    pub(crate) encrypted: bool,
    pub(crate) user: Option<String>,
}

#[derive(Default)]
struct Shared {
    scripts: VecDeque<Script>,
    messages: Vec<Received>,
    /// Every line clients sent, decrypted.
    lines: Vec<String>,
    /// What becomes of RCPT for an address.
    recipients: HashMap<String, Act>,
    /// Connections made, open now, and open at a time at most.
    connections: (usize, usize, usize),
    /// Connections that were told to come back later.
    turned_away: usize,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// The certificate authority that signed the server's certificate.
    pub(crate) authority_pem: String,
    shared: Arc<Mutex<Shared>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(setup: Setup) -> Self {
        Self::start_on(setup, ([127, 0, 0, 1], 0)).await
    }

    /// Listens where asked; port 0 picks one.
    pub(crate) async fn start_on(setup: Setup, address: impl Into<SocketAddr>) -> Self {
        let listener = TcpListener::bind(address.into()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (acceptor, authority_pem) = certificates();
        let shared = Arc::new(Mutex::new(Shared::default()));
        let state = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let script = {
                    let mut state = state.lock().unwrap();
                    let (made, open, most) = state.connections;
                    state.connections = (made + 1, open + 1, most.max(open + 1));
                    state.scripts.pop_front().unwrap_or_default()
                };
                let session = Session {
                    setup: setup.clone(),
                    script,
                    shared: Arc::clone(&state),
                    acceptor: acceptor.clone(),
                    encrypted: setup.implicit_tls,
                    user: None,
                };
                tokio::spawn(session.run(stream));
            }
        });
        Self { address, authority_pem, shared, task }
    }

    /// What becomes of a recipient from now on, in every session; `None`: it is accepted.
    pub(crate) fn recipient(&self, address: &str, act: Option<Act>) {
        let recipients = &mut self.shared.lock().unwrap().recipients;
        match act {
            Some(act) => recipients.insert(address.to_owned(), act),
            None => recipients.remove(address),
        };
    }

    /// Connections that were made.
    pub(crate) fn connections(&self) -> usize {
        self.shared.lock().unwrap().connections.0
    }

    /// Connections that were told to come back later.
    pub(crate) fn turned_away(&self) -> usize {
        self.shared.lock().unwrap().turned_away
    }

    /// Queues the misbehaviour of one session.
    pub(crate) fn next(&self, script: Script) {
        self.shared.lock().unwrap().scripts.push_back(script);
    }

    pub(crate) fn messages(&self) -> Vec<Received> {
        self.shared.lock().unwrap().messages.clone()
    }

    /// Every line clients sent, message lines included.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.shared.lock().unwrap().lines.clone()
    }
}

/// A certificate for 127.0.0.1 and localhost, signed by an authority of its own.
fn certificates() -> (TlsAcceptor, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), authority.pem())
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}
type Wire = BufReader<Box<dyn Stream>>;

struct Session {
    setup: Setup,
    script: Script,
    shared: Arc<Mutex<Shared>>,
    acceptor: TlsAcceptor,
    encrypted: bool,
    user: Option<String>,
}

/// The session is over, as the script or the client wanted it.
struct Over;

type Step<T> = Result<T, Over>;

impl Session {
    async fn run(mut self, stream: TcpStream) {
        let boxed: Box<dyn Stream> = if self.setup.implicit_tls {
            if let Ok(stream) = self.acceptor.accept(stream).await {
                Box::new(stream)
            } else {
                self.shared.lock().unwrap().connections.1 -= 1;
                return;
            }
        } else {
            Box::new(stream)
        };
        // However it ends, the records are in `shared` already.
        drop(self.dialogue(BufReader::new(boxed)).await);
        self.shared.lock().unwrap().connections.1 -= 1;
    }

    async fn dialogue(&mut self, mut wire: Wire) -> Step<()> {
        let open = self.shared.lock().unwrap().connections.1;
        if self.setup.connections_max.is_some_and(|most| open > most) {
            self.shared.lock().unwrap().turned_away += 1;
            return say(&mut wire, "421 4.7.0 too many connections from you").await;
        }
        if !self.reply(&mut wire, Stage::Greeting, "220 test ESMTP").await? {
            return Ok(());
        }
        let mut message_count = 0;
        let mut from = String::new();
        let mut to: Vec<String> = Vec::new();
        loop {
            let line = self.line(&mut wire).await?;
            let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => {
                    let offer = self.offer();
                    self.reply(&mut wire, Stage::Ehlo, &offer).await?;
                }
                "STARTTLS" if self.setup.starttls && !self.encrypted => {
                    if self.reply(&mut wire, Stage::StartTls, "220 go ahead").await? {
                        let stream = self.acceptor.accept(wire.into_inner()).await.map_err(|_| Over)?;
                        wire = BufReader::new(Box::new(stream));
                        self.encrypted = true;
                    }
                }
                "AUTH" => self.auth(&mut wire, &line).await?,
                "MAIL" if self.setup.account.is_some() && self.user.is_none() => {
                    say(&mut wire, "530 5.7.0 authentication required").await?;
                }
                "MAIL" if self.setup.messages_max.is_some_and(|most| message_count >= most) => {
                    say(&mut wire, "421 4.7.0 too many messages in this connection").await?;
                    return Ok(());
                }
                "MAIL" => {
                    message_count += 1;
                    from = address(&line);
                    to.clear();
                    self.reply(&mut wire, Stage::Mail, "250 ok").await?;
                }
                "RCPT" => {
                    let act = self.shared.lock().unwrap().recipients.get(&address(&line)).cloned();
                    if let Some(act) = act {
                        self.script.insert(Stage::Rcpt, act);
                    }
                    if self.reply(&mut wire, Stage::Rcpt, "250 ok").await? {
                        to.push(address(&line));
                    }
                }
                "DATA" => {
                    if self.reply(&mut wire, Stage::Data, "354 go on").await? {
                        self.message(&mut wire, &from, &to).await?;
                    }
                }
                "RSET" => {
                    self.reply(&mut wire, Stage::Reset, "250 ok").await?;
                }
                "NOOP" => say(&mut wire, "250 ok").await?,
                "QUIT" => {
                    say(&mut wire, "221 bye").await?;
                    return Ok(());
                }
                _ => say(&mut wire, "500 what").await?,
            }
        }
    }

    fn offer(&self) -> String {
        let mut lines = vec!["test".to_owned(), "8BITMIME".to_owned()];
        if self.setup.starttls && !self.encrypted {
            lines.push("STARTTLS".to_owned());
        }
        if self.setup.account.is_some() {
            let offered =
                if self.setup.mechanisms.is_empty() { "PLAIN LOGIN" } else { &self.setup.mechanisms };
            lines.push(format!("AUTH {offered}"));
        }
        if self.setup.utf8 {
            lines.push("SMTPUTF8".to_owned());
        }
        let last = lines.len() - 1;
        let mark = |at: usize| if at == last { ' ' } else { '-' };
        lines
            .iter()
            .enumerate()
            .map(|(at, line)| format!("250{}{line}", mark(at)))
            .collect::<Vec<_>>()
            .join("\r\n")
    }

    async fn auth(&mut self, wire: &mut Wire, line: &str) -> Step<()> {
        let words: Vec<&str> = line.split(' ').collect();
        let given = match words.get(1).map(|word| word.to_ascii_uppercase()).as_deref() {
            Some("PLAIN") => {
                let decoded = base64(words.get(2).copied().unwrap_or_default());
                let parts: Vec<String> = decoded
                    .split(|byte| *byte == 0)
                    .map(|part| String::from_utf8_lossy(part).into_owned())
                    .collect();
                (parts.get(1).cloned().unwrap_or_default(), parts.get(2).cloned().unwrap_or_default())
            }
            Some("LOGIN") => {
                say(wire, "334 VXNlcm5hbWU6").await?;
                let user = String::from_utf8_lossy(&base64(&self.line(wire).await?)).into_owned();
                say(wire, "334 UGFzc3dvcmQ6").await?;
                (user, String::from_utf8_lossy(&base64(&self.line(wire).await?)).into_owned())
            }
            _ => return say(wire, "504 5.5.4 unknown mechanism").await,
        };
        if self.setup.account.as_ref() == Some(&given) {
            if self.reply(wire, Stage::Auth, "235 2.7.0 ok").await? {
                self.user = Some(given.0);
            }
            Ok(())
        } else {
            // Some servers echo what they were given; a client must not repeat it.
            say(wire, &format!("535 5.7.8 wrong password {} for {}", given.1, given.0)).await
        }
    }

    async fn message(&mut self, wire: &mut Wire, from: &str, to: &[String]) -> Step<()> {
        let mut raw = Vec::new();
        loop {
            let mut line = Vec::new();
            if wire.read_until(b'\n', &mut line).await.map_err(|_| Over)? == 0 {
                return Err(Over);
            }
            if self.script.contains_key(&Stage::Content) {
                // Whatever the act, the connection ends while the message is under way.
                return Err(Over);
            }
            if line == b".\r\n" {
                break;
            }
            if line.first() == Some(&b'.') {
                line.remove(0);
            }
            raw.extend_from_slice(&line);
        }
        let received = Received {
            from: from.to_owned(),
            to: to.to_vec(),
            raw,
            encrypted: self.encrypted,
            user: self.user.clone(),
        };
        // A server that drops the connection after the dot may well have kept the message.
        let kept =
            !matches!(self.script.get(&Stage::End), Some(Act::Reply(reply)) if !reply.starts_with('2'));
        if kept {
            self.shared.lock().unwrap().messages.push(received);
        }
        self.reply(wire, Stage::End, "250 2.0.0 queued as 1").await?;
        Ok(())
    }

    /// Replies as the script says, or as usual; whether the reply was positive.
    async fn reply(&mut self, wire: &mut Wire, stage: Stage, usual: &str) -> Step<bool> {
        match self.script.remove(&stage) {
            None => say(wire, usual).await.map(|()| true),
            Some(Act::Reply(line)) => {
                say(wire, &line).await?;
                if line.starts_with("421") {
                    return Err(Over);
                }
                Ok(line.starts_with(['2', '3']))
            }
            Some(Act::Drop) => Err(Over),
            Some(Act::Hang) => {
                // Ends when the client closes.
                let mut rest = Vec::new();
                drop(wire.read_to_end(&mut rest).await);
                Err(Over)
            }
            Some(Act::Inject(more)) => say(wire, &format!("{usual}\r\n{more}")).await.map(|()| true),
        }
    }

    async fn line(&self, wire: &mut Wire) -> Step<String> {
        let mut line = String::new();
        if wire.read_line(&mut line).await.map_err(|_| Over)? == 0 {
            return Err(Over);
        }
        let line = line.trim_end().to_owned();
        self.shared.lock().unwrap().lines.push(line.clone());
        Ok(line)
    }
}

async fn say(wire: &mut Wire, line: &str) -> Step<()> {
    wire.write_all(format!("{line}\r\n").as_bytes()).await.map_err(|_| Over)?;
    wire.flush().await.map_err(|_| Over)
}

fn address(line: &str) -> String {
    line.split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map(|(address, _)| address.to_owned())
        .unwrap_or_default()
}

/// A message taken apart, as a mail reader would.
pub(crate) struct Parsed {
    /// Names as written, values unfolded.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Parsed {
    pub(crate) fn read(raw: &[u8]) -> Self {
        let end =
            raw.windows(4).position(|window| window == b"\r\n\r\n").expect("an empty line ends the headers");
        let head = String::from_utf8(raw[..end].to_vec()).expect("headers are UTF-8");
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in head.split("\r\n") {
            if line.starts_with([' ', '\t']) {
                headers.last_mut().expect("the first line is no continuation").1.push_str(line);
            } else {
                let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no header: {line:?}"));
                headers.push((name.to_owned(), value.trim_start().to_owned()));
            }
        }
        Self { headers, body: raw[end + 4..].to_vec() }
    }

    /// The values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        self.headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.clone())
            .collect()
    }

    /// The one value of a header.
    pub(crate) fn one(&self, name: &str) -> String {
        let values = self.all(name);
        assert_eq!(values.len(), 1, "{name} must stand exactly once: {:?}", self.headers);
        values[0].clone()
    }

    /// A header's text, its encoded words (RFC 2047) read.
    pub(crate) fn text(&self, name: &str) -> String {
        decode_words(&self.one(name))
    }

    /// Content-Type and decoded text of each part that is text, however deep it is.
    pub(crate) fn parts(&self) -> Vec<(String, String)> {
        let leaves = self.leaves().into_iter().map(|(part, bytes)| (part.one("Content-Type"), bytes));
        let texts = leaves.filter(|(kind, _)| kind.starts_with("text/"));
        let text = |bytes| String::from_utf8(bytes).expect("parts are UTF-8").replace("\r\n", "\n");
        texts.map(|(kind, bytes)| (kind, text(bytes))).collect()
    }

    /// Every part that is no multipart, with its decoded bytes.
    pub(crate) fn leaves(&self) -> Vec<(Self, Vec<u8>)> {
        let kind = self.one("Content-Type");
        let boundary =
            kind.split_once("boundary=\"").and_then(|(_, rest)| rest.split_once('"')).expect("a boundary").0;
        let body = String::from_utf8(self.body.clone()).expect("bodies are ASCII");
        let marker = format!("--{boundary}");
        body.split(&marker)
            .skip(1)
            .take_while(|part| !part.starts_with("--"))
            .flat_map(|part| {
                let part = Self::read(part.trim_start_matches("\r\n").as_bytes());
                if part.one("Content-Type").starts_with("multipart/") {
                    return part.leaves();
                }
                let bytes = match part.one("Content-Transfer-Encoding").as_str() {
                    "base64" => base64(&String::from_utf8_lossy(&part.body)),
                    "quoted-printable" => quoted_printable(&part.body),
                    _ => part.body.clone(),
                };
                vec![(part, bytes)]
            })
            .collect()
    }
}

/// Reads `=?utf-8?b?…?=` words; white space between two of them is not part of the text.
pub(crate) fn decode_words(value: &str) -> String {
    let mut out = String::new();
    let mut rest = value;
    let mut after_word = false;
    while let Some(start) = rest.find("=?") {
        let (plain, word) = rest.split_at(start);
        if !(after_word && plain.trim().is_empty()) {
            out.push_str(plain);
        }
        let mut fields = word.splitn(5, '?');
        let (_, charset, how, text) = (fields.next(), fields.next(), fields.next(), fields.next());
        assert!(charset.is_some_and(|charset| charset.eq_ignore_ascii_case("utf-8")), "{word}");
        let text = text.expect("an encoded word has a text");
        let bytes = match how.map(str::to_ascii_lowercase).as_deref() {
            Some("b") => base64(text),
            Some("q") => quoted_printable(text.replace('_', " ").as_bytes()),
            other => panic!("unknown encoding {other:?}"),
        };
        out.push_str(&String::from_utf8(bytes).expect("each encoded word is whole UTF-8"));
        rest = fields
            .next()
            .expect("an encoded word ends in ?=")
            .strip_prefix('=')
            .expect("an encoded word ends in ?=");
        after_word = true;
    }
    out.push_str(rest);
    out
}

fn base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut bits = 0_u32;
    let mut count = 0;
    for c in text.bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = (bits << 6 | u32::from(value)) & 0xff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    bytes
}

fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut at = 0;
    while at < body.len() {
        if body[at] == b'=' {
            let code = body.get(at + 1..at + 3).expect("= has two octets behind it");
            if code != b"\r\n" {
                bytes.push(u8::from_str_radix(std::str::from_utf8(code).unwrap(), 16).expect("hexadecimal"));
            }
            at += 3;
        } else {
            bytes.push(body[at]);
            at += 1;
        }
    }
    bytes
}
