//! Secrets: where passwords and tokens come from, and which lines must not be shown.
//!
//! Owns the order of places a password is looked for. Refuses to print one, also when it stands where it must not.

use std::path::{Path, PathBuf};

use super::Environment;
use super::source::read_bounded;
use crate::secret::Secret;

/// Longest password file, bytes.
const PASSWORD_BYTES_MAX: u64 = 4 << 10;

/// Name of the systemd credential (`LoadCredential=smtp-password:/path`).
const CREDENTIAL: &str = "smtp-password";

/// A password, and what should be said about its file.
#[derive(Debug)]
pub(super) struct Found {
    /// The password.
    pub(super) secret: Secret,
    /// The file that others can read too, with its mode.
    pub(super) exposed: Option<String>,
}

/// Why a named place held no password.
#[derive(Debug)]
pub(super) struct Refused {
    /// What is wrong.
    pub(super) message: String,
    /// What to do.
    pub(super) hint: &'static str,
}

/// The password: from the file if one is named, else the systemd credential, else the environment.
pub(super) fn find_password(
    file: Option<PathBuf>,
    environment: &Environment,
) -> Result<Option<Found>, Refused> {
    if let Some(path) = file {
        return read_file(&path).map(Some);
    }
    let credential = environment.credentials_directory.as_ref().map(|dir| dir.join(CREDENTIAL));
    if let Some(path) = credential.filter(|path| path.exists()) {
        return Ok(Some(Found { secret: read_password(&path)?, exposed: None }));
    }
    match &environment.smtp_password {
        Some(secret) if secret.expose().is_empty() => Err(Refused {
            message: "WIREWATCH_SMTP_PASSWORD is empty".to_owned(),
            hint: "set it, or unset it",
        }),
        Some(secret) => Ok(Some(Found { secret: secret.clone(), exposed: None })),
        None => Ok(None),
    }
}

/// The password or token in a file, and whether others can read it too.
pub(super) fn read_file(path: &Path) -> Result<Found, Refused> {
    Ok(Found { secret: read_password(path)?, exposed: exposure(path) })
}

fn read_password(path: &Path) -> Result<Secret, Refused> {
    let refuse = |what: String, hint| Refused { message: format!("{}: {what}", path.display()), hint };
    let bytes = read_bounded(path, PASSWORD_BYTES_MAX).map_err(|error| {
        refuse(
            format!("the password file cannot be read: {error}"),
            "create it with the password on its only line, readable by the user Wirewatch runs as",
        )
    })?;
    let text = String::from_utf8(bytes)
        .map_err(|_| refuse("the password file is not UTF-8".to_owned(), "save it as UTF-8"))?;
    // Editors end a file with a line break; it is never part of the password.
    let password =
        text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if password.trim().is_empty() {
        return Err(refuse("the password file is empty".to_owned(), "write the password on its only line"));
    }
    if password.chars().any(char::is_control) {
        let message = "the password file holds more than one line".to_owned();
        return Err(refuse(message, "write the password on its only line and nothing else"));
    }
    Ok(Secret::new(password.to_owned()))
}

/// The mode of a file that more than its owner can read.
#[cfg(unix)]
fn exposure(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o044 != 0).then(|| format!("{} can be read by others (mode {mode:03o})", path.display()))
}

#[cfg(not(unix))]
fn exposure(_path: &Path) -> Option<String> {
    None
}

/// Whether a line of a file may hold a secret, so that a problem must not repeat it.
///
/// Wrongly hiding a line costs its picture, wrongly showing one costs a password: when in doubt it hides.
pub(super) fn may_hold_secret(line: &str) -> bool {
    let lower = line.to_lowercase();
    // The last ones are headers, where keys stand under any name.
    let named = [
        "password",
        "passwd",
        "secret",
        "token",
        "api_key",
        "apikey",
        "headers",
        "authorization",
        "cookie",
        "x-",
        "-key",
    ]
    .iter()
    .any(|word| lower.contains(word));
    let plainly_a_path =
        ["password_file", "token_file"].iter().any(|key| lower.trim_start().starts_with(key));
    let in_url = lower.match_indices('@').any(|(at, _)| lower.get(..at).is_some_and(has_user_with_password));
    (named && !plainly_a_path) || in_url
}

/// Whether what stands before an `@` ends in `user:password`.
fn has_user_with_password(before: &str) -> bool {
    let start = before.find("//").map_or(0, |at| at + 2);
    before.get(start..).is_some_and(|account| account.contains(':'))
}
