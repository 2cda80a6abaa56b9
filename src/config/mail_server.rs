//! `[mail]`: the server's URL, the account, the sender.
//!
//! Owns what an SMTP URL and a mail address may look like. Refuses a password inside the URL.

use std::ops::Range;
use std::path::{Path, PathBuf};

use url::Url;

use super::Environment;
use super::raw;
use super::read::Item;
use super::secret;
use super::source::{Sheet, read_bounded};
use super::value::Line;
use crate::mail::{Server, Tls};

/// Largest file of certificate authorities, bytes.
const CA_BYTES_MAX: u64 = 1 << 20;

const SERVER_KEY: &str = "mail.server";
const SERVER_HINT: &str = "write \"smtps://user@mail.example.org\" or \"smtp://mail.example.org:25\"";

/// The server with its password, or none when messages become files.
pub(super) fn check_server(
    dir: &Path,
    raw: &raw::Mail,
    environment: &Environment,
    sheet: &mut Sheet<'_>,
) -> Option<Server> {
    let ca_file = check_ca_file(dir, &raw.ca_file, "mail.ca_file", sheet).map(|(path, _pem)| path);
    let (Some(Line(text)), Some(span)) = (&raw.server.value, raw.server.span.clone()) else {
        if raw.server.sound {
            refuse_without_server(raw, sheet);
        }
        return None;
    };
    let mut server = match parse_server(text) {
        Ok(server) => server,
        Err((message, hint)) => {
            sheet.error(span, SERVER_KEY, message, hint);
            return None;
        }
    };
    server.ca_file = ca_file;
    check_password(dir, raw, &mut server, span.clone(), environment, sheet);
    check_readable_password(&server, span, sheet);
    Some(server)
}

/// Settings that mean nothing while messages become files.
fn refuse_without_server(raw: &raw::Mail, sheet: &mut Sheet<'_>) {
    let settings = [("mail.password_file", &raw.password_file), ("mail.ca_file", &raw.ca_file)];
    for (key, item) in settings {
        if let Some(span) = item.span.clone() {
            let message = "this means nothing without mail.server: messages become files".to_owned();
            sheet.error(span, key, message, "add `server = \"smtps://…\"`, or remove this line");
        }
    }
}

/// Reads the URL; the password comes later.
fn parse_server(text: &str) -> Result<Server, (String, &'static str)> {
    let url =
        Url::parse(text).map_err(|error| (format!("this is not a server's URL: {error}"), SERVER_HINT))?;
    if url.password().is_some() {
        let hint = "take it out and change it; put it in a file and name that in mail.password_file";
        return Err(("a password does not belong in this file".to_owned(), hint));
    }
    let implicit = match url.scheme() {
        "smtps" => true,
        "smtp" => false,
        other => {
            return Err((format!("`{}://` is not a way to send mail", super::quoted(other)), SERVER_HINT));
        }
    };
    let host = url.host_str().unwrap_or("").trim_start_matches('[').trim_end_matches(']').to_lowercase();
    if host.is_empty() || host.contains('%') {
        return Err(("the URL names no host".to_owned(), SERVER_HINT));
    }
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err(("only a host, a port and ?tls= may stand here".to_owned(), SERVER_HINT));
    }
    let tls = parse_tls(&url, implicit)?;
    let user = decode(url.username());
    let user = user.ok_or(("the user cannot be read".to_owned(), "write an @ inside the user as %40"))?;
    let user = (!user.is_empty()).then_some(user);
    // 465 is RFC 8314's port for TLS from the first byte, 587 RFC 6409's for accounts, 25 RFC 5321's for servers.
    let default_port = if implicit {
        465
    } else if user.is_some() {
        587
    } else {
        25
    };
    let port = url.port().unwrap_or(default_port);
    if port == 0 {
        return Err(("there is no port 0".to_owned(), SERVER_HINT));
    }
    Ok(Server { host, port, tls, user, password: None, ca_file: None })
}

fn parse_tls(url: &Url, implicit: bool) -> Result<Tls, (String, &'static str)> {
    let mut tls = if implicit { Tls::Implicit } else { Tls::Opportunistic };
    for (name, value) in url.query_pairs() {
        let hint = "write ?tls=required or ?tls=none after smtp://host, or nothing";
        tls = match (name.as_ref(), value.as_ref()) {
            ("tls", _) if implicit => {
                let message = "smtps:// is TLS from the first byte; ?tls= means nothing there".to_owned();
                return Err((message, "remove ?tls=…, or write smtp://"));
            }
            ("tls", "required") => Tls::Required,
            ("tls", "none") => Tls::None,
            ("tls", other) => return Err((format!("?tls= cannot be `{}`", super::quoted(other)), hint)),
            (other, _) => return Err((format!("`?{}=` is not known", super::quoted(other)), hint)),
        };
    }
    Ok(tls)
}

/// Undoes `%40`; `None` when what comes out is no text or holds control characters.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let code = digit(rest.next())? * 16 + digit(rest.next())?;
        bytes.push(u8::try_from(code).ok()?);
    }
    String::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control))
}

fn check_password(
    dir: &Path,
    raw: &raw::Mail,
    server: &mut Server,
    server_span: Range<usize>,
    environment: &Environment,
    sheet: &mut Sheet<'_>,
) {
    let file_span = raw.password_file.span.clone();
    if server.user.is_none() {
        if let Some(span) = file_span {
            let message = "there is a password but no user: mail.server names none".to_owned();
            let hint = "write the user into the URL, smtps://user@host, or remove this line";
            sheet.error(span, "mail.password_file", message, hint);
        }
        return;
    }
    let file = raw.password_file.value.as_ref().map(|path| dir.join(path));
    let file_key = if file.is_some() { "mail.password_file" } else { SERVER_KEY };
    let span = file_span.unwrap_or(server_span);
    match secret::find_password(file, environment) {
        Ok(Some(found)) => {
            if let Some(exposed) = found.exposed {
                sheet.warning(span, file_key, exposed, "let only its owner read it: chmod 600");
            }
            server.password = Some(found.secret);
        }
        Ok(None) if raw.password_file.sound => {
            let message = "the server wants a user, but there is no password".to_owned();
            let hint = "add `password_file = \"…\"`, or the systemd credential smtp-password, or set \
                        WIREWATCH_SMTP_PASSWORD";
            sheet.error(span, SERVER_KEY, message, hint);
        }
        Ok(None) => {}
        Err(refused) => sheet.error(span, file_key, refused.message, refused.hint),
    }
}

/// The mail door sends no password readably to another machine: what could never work is an error here, what works
/// with some servers a warning.
fn check_readable_password(server: &Server, span: Range<usize>, sheet: &mut Sheet<'_>) {
    if server.user.is_none() || server.is_this_machine() {
        return;
    }
    match server.tls {
        Tls::None => {
            let message = "the password would cross the network readably, so no mail is sent this way";
            sheet.error(span, SERVER_KEY, message.to_owned(), "write smtps://, or ?tls=required");
        }
        Tls::Opportunistic => {
            let message = "when the server offers no STARTTLS the password is not sent, and mail waits";
            sheet.warning(span, SERVER_KEY, message.to_owned(), "write smtps://, or add ?tls=required");
        }
        Tls::Required | Tls::Implicit => {}
    }
}

/// A file of certificate authorities, and what is in it.
pub(super) fn check_ca_file(
    dir: &Path,
    item: &Item<Option<PathBuf>>,
    key: &str,
    sheet: &mut Sheet<'_>,
) -> Option<(PathBuf, Vec<u8>)> {
    let (path, span) = (dir.join(item.value.as_ref()?), item.span.clone()?);
    let message = match read_bounded(&path, CA_BYTES_MAX) {
        Ok(bytes) if String::from_utf8_lossy(&bytes).contains("-----BEGIN CERTIFICATE-----") => {
            return Some((path, bytes));
        }
        Ok(_) => format!("{} holds no PEM certificate", path.display()),
        Err(error) => format!("{} cannot be read: {error}", path.display()),
    };
    sheet.error(span, key, message, "name a file with -----BEGIN CERTIFICATE----- in it");
    None
}

/// The sender, written so that every mail library reads it the same.
pub(super) fn check_from(raw: &raw::Mail, sheet: &mut Sheet<'_>) -> String {
    let Line(text) = &raw.from.value;
    if raw.from.span.is_none() && raw.server.span.is_some() && raw.from.sound {
        let span = raw.server.span.clone().unwrap_or_default();
        let message = format!("mail is sent as {text}, which most servers refuse");
        sheet.warning(span, "mail.from", message, "add `from = \"Wirewatch <alerts@example.org>\"`");
    }
    let Some((name, address)) = split_mailbox(text) else {
        let span = raw.from.span.clone().unwrap_or_default();
        let message = format!("`{}` is not a sender", super::quoted(text));
        sheet.error(
            span,
            "mail.from",
            message,
            "write \"Wirewatch <alerts@example.org>\" or \"alerts@example.org\"",
        );
        return text.clone();
    };
    if name.is_empty() {
        return address.to_owned();
    }
    // Outside quotes, RFC 5322 gives commas, brackets and the like in a name a meaning of their own.
    let plain = name.chars().all(|c| c.is_alphanumeric() || " !#$%&'*+-/=?^_`{|}~".contains(c));
    if plain { format!("{name} <{address}>") } else { format!("\"{name}\" <{address}>") }
}

/// Whether every server takes it as a sender: not all take a local part beyond ASCII, and one that does not would refuse all mail.
fn is_sender(address: &str) -> bool {
    is_address(address) && address.rsplit_once('@').is_some_and(|(local, _)| local.is_ascii())
}

/// `Name <address>` or an address alone.
fn split_mailbox(text: &str) -> Option<(&str, &str)> {
    let Some((name, rest)) = text.rsplit_once('<') else {
        return is_sender(text).then_some(("", text));
    };
    let address = rest.strip_suffix('>')?.trim();
    let name = name.trim();
    let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
    (is_sender(address) && !name.contains(['<', '>', '"', '\\'])).then_some((name, address))
}

/// Whether this is an address of the plain kind (RFC 5321 without quoted local parts and address literals), letters beyond ASCII
/// included (RFC 6531).
pub(super) fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let atom = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c))
    };
    let label = |part: &str| {
        !part.is_empty()
            && part.len() <= 63
            && part.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    local.len() <= 64 && text.len() <= 254 && local.split('.').all(atom) && domain.split('.').all(label)
}
