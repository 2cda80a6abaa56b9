//! Web pages that come where a feed was expected, and what they are for.
//!
//! Owns the marks of challenge, login and captive-portal pages. A wrong name would send an owner the wrong way, so only
//! marks count that ordinary pages of the same site do not have. Refuses to read a page further.

/// What a web page is for, as far as it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageKind {
    /// Any other page: the address moved, or was never a feed's.
    Plain,
    /// It wants proof that a person is there.
    Challenge {
        /// Whose it is, when that shows.
        by: Option<&'static str>,
    },
    /// It wants a name and a password.
    Login,
    /// The network this machine is in wants a login (a captive portal).
    Network,
}

/// Bytes looked at; marks stand early.
const BYTES_MAX: usize = 64 << 10;

/// A page with a field for a password is a login page if it is no longer than this; longer ones have one in a corner.
const LOGIN_BYTES_MAX: usize = 20 << 10;

/// Marks of challenge pages, in small letters, and whose they are. Cloudflare's scripts alone are none: it puts some into
/// ordinary pages.
const CHALLENGES: [(&str, &str); 10] = [
    ("_cf_chl_opt", "Cloudflare"),
    ("<title>just a moment...</title>", "Cloudflare"),
    ("<title>attention required! | cloudflare</title>", "Cloudflare"),
    ("<title>ddos-guard</title>", "DDoS-Guard"),
    ("_incapsula_resource", "Imperva"),
    ("captcha-delivery.com", "DataDome"),
    ("px-captcha", "HUMAN"),
    ("sucuri_cloudproxy_js", "Sucuri"),
    ("/.within.website/x/cmd/anubis", "Anubis"),
    ("gokuprops", "AWS"),
];

/// The same by title, whoever made them.
const CHALLENGE_TITLES: [&str; 9] = [
    "checking your browser",
    "verify you are human",
    "human verification",
    "are you a robot",
    "robot check",
    "security check",
    "ddos protection",
    "pardon our interruption",
    "captcha",
];

/// Titles of captive portals.
const NETWORK_TITLES: [&str; 6] =
    ["captive portal", "hotspot", "wi-fi", "wifi", "network login", "network authentication"];

/// Titles of login pages, in the languages most publishers write.
const LOGIN_TITLES: [&str; 14] = [
    "log in",
    "login",
    "log on",
    "logon",
    "sign in",
    "sign-in",
    "signin",
    "anmelden",
    "connexion",
    "se connecter",
    "iniciar sesi",
    "entrar",
    "вход",
    "تسجيل الدخول",
];

/// What a page is for.
pub(super) fn kind_of(text: &str, title: Option<&str>) -> PageKind {
    let start = text.get(..text.floor_char_boundary(BYTES_MAX)).unwrap_or_default().to_ascii_lowercase();
    let title = title.unwrap_or_default().to_lowercase();
    let titled = |words: &[&str]| words.iter().any(|word| title.contains(word));
    if let Some((_, by)) = CHALLENGES.iter().find(|(mark, _)| start.contains(mark)) {
        return PageKind::Challenge { by: Some(by) };
    }
    if titled(&CHALLENGE_TITLES) {
        return PageKind::Challenge { by: None };
    }
    // WISPr: how captive portals speak to devices.
    if start.contains("wispaccessgatewayparam") || titled(&NETWORK_TITLES) {
        return PageKind::Network;
    }
    let asks_password =
        ["type=\"password\"", "type='password'", "type=password"].iter().any(|it| start.contains(it));
    if titled(&LOGIN_TITLES) || (asks_password && text.len() <= LOGIN_BYTES_MAX) {
        return PageKind::Login;
    }
    PageKind::Plain
}

/// Whether a document that begins with this element is a web page without its `<html>`.
pub(super) fn is_page_element(name: &str) -> bool {
    matches!(
        name,
        "head" | "body" | "meta" | "script" | "noscript" | "style" | "div" | "p" | "h1" | "form" | "center"
    )
}

/// The sentence for an owner.
pub(super) fn words(kind: PageKind, title: Option<&str>) -> String {
    let titled = title.map(|title| format!(" ({title:?})")).unwrap_or_default();
    match kind {
        PageKind::Plain => format!(
            "this is a web page{titled}, not a feed; look on the page, or in its source after \"alternate\", for the \
             feed's address"
        ),
        PageKind::Challenge { by } => {
            let by = by.map(|by| format!(" of {by}")).unwrap_or_default();
            format!(
                "this is a page{by} that wants proof that a person is there{titled}, not a feed; ask the publisher to \
                 let feed readers through"
            )
        }
        PageKind::Login => format!(
            "this is a page that asks to log in{titled}, not a feed; ask the publisher for an address with a key, or \
             set `user` and `password_file`, or `token_file`, for this feed"
        ),
        PageKind::Network => format!(
            "this is the login page of the network this machine is in{titled}, not a feed; log in there with a browser"
        ),
    }
}
