//! Page: a whole HTML page, read for its main text.
//!
//! Owns [`read`]: bytes to characters, the page rewritten as plain skeleton markup, the main text found by
//! readability rules (`dom_smoothie`), and every line of the body where those find nothing. The rewriting bounds
//! depth, elements and attributes, so that no page makes the tree behind it slow or deep.
//! Owns, too, when a page's text is no article's ([`Unfit`]). Refuses to fetch, and feeds' fragments ([`super::text`]).

use std::borrow::Cow;
use std::collections::HashMap;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use dom_smoothie::Readability;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use url::Url;

use super::text::markup::{self, Scanner, Token};
use super::words::{Words, fold};
use super::{Article, BODY_LENGTH_MAX, language, text, without_title};

/// Bytes of a page that are read; what follows is left out.
const PAGE_BYTES_MAX: usize = 5 * 1024 * 1024;

/// Bytes searched for a `<meta charset>`; the standard says 1,024, pages say more.
const META_BYTES_MAX: usize = 8 * 1024;

/// Bytes shown to the charset detector, which is slow.
const DETECTOR_BYTES_MAX: usize = 64 * 1024;

/// Elements a page may have to be searched for its main text; beyond, all its text is taken.
const ELEMENTS_MAX: usize = 20_000;

/// Elements open at once; deeper ones are flattened.
const DEPTH_MAX: usize = 200;

/// Attributes looked at per tag.
const ATTRIBUTES_MAX: usize = 32;

/// Bytes of an attribute's value, and of a JSON-LD script, that are kept.
const ATTRIBUTE_BYTES_MAX: usize = 2_000;
const SCRIPT_BYTES_MAX: usize = 100_000;

/// Inline elements the search for the main text goes by.
const KEPT_INLINE: [&str; 7] = ["a", "span", "td", "th", "meta", "time", "head"];

/// Attributes the search for the main text goes by.
const KEPT_ATTRIBUTES: [&str; 15] = [
    "class",
    "id",
    "href",
    "property",
    "name",
    "content",
    "itemprop",
    "lang",
    "datetime",
    "role",
    "hidden",
    "aria-hidden",
    "style",
    "rel",
    "http-equiv",
];

/// Elements without content, or whose end tag HTML lets pages leave out; they do not deepen a page by themselves.
const SELF_ENDING: [&str; 12] =
    ["br", "hr", "meta", "p", "li", "dt", "dd", "tr", "td", "th", "tbody", "option"];

/// What a page says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Headline on one line; empty when there is none.
    pub title: String,
    /// Main text, a paragraph per line.
    pub text: String,
    /// Publication time as the page writes it.
    pub published: Option<String>,
    /// ISO 639-1 code the page declares.
    pub language: Option<String>,
}

/// Characters a page's text must have; below, it is a caption, an error or a wall.
const TEXT_LENGTH_MIN: usize = 200;

/// Characters from which on a text is a story even where it speaks of cookies or subscriptions.
const STORY_LENGTH_MIN: usize = 1_500;

/// What walls say, folded: consent, subscription, login, proof of being human.
const WALLS: [&str; 36] = [
    "enable javascript",
    "javascript is disabled",
    "activer javascript",
    "activez javascript",
    "accept cookies",
    "accept all cookies",
    "we use cookies",
    "cookie policy",
    "accepter les cookies",
    "utilisons des cookies",
    "cookies akzeptieren",
    "verwenden cookies",
    "aceptar cookies",
    "utilizamos cookies",
    "usamos cookies",
    "subscribe to continue",
    "subscribe to read",
    "to continue reading",
    "already a subscriber",
    "for subscribers only",
    "reserve aux abonnes",
    "deja abonne",
    "jetzt abonnieren",
    "nur fur abonnenten",
    "solo para suscriptores",
    "log in to",
    "sign in to",
    "forgot your password",
    "connectez vous",
    "iniciar sesion",
    "verify you are human",
    "are you a robot",
    "not a robot",
    "unusual traffic",
    "access denied",
    "access to this page has been denied",
];

/// Words of a headline from this length on say what it is about.
const TELLING_LENGTH_MIN: usize = 4;

/// Why a page's text is not taken for an article's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// It has hardly any text.
    Short {
        /// Characters.
        length: usize,
    },
    /// It has no more text than the feed.
    NoLonger,
    /// It asks for something instead of telling: consent, a login, a subscription.
    Wall {
        /// The words it does so with.
        words: &'static str,
    },
    /// It does not speak of what the headline says.
    Unlike,
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Short { length } => {
                write!(f, "the page has hardly any text ({length} characters)")
            }
            Self::NoLonger => f.write_str("the page has no more text than the feed"),
            Self::Wall { words } => {
                write!(f, "the page is a wall before the article (it says \u{201c}{words}\u{201d})")
            }
            Self::Unlike => f.write_str("the page is about something else than the headline"),
        }
    }
}

/// Whether a link was led to where one logs in, subscribes or consents, going by the words of the address.
pub fn is_way_in(asked: &Url, found: &Url) -> bool {
    const WAYS: [&str; 12] = [
        "login",
        "log-in",
        "signin",
        "sign-in",
        "signup",
        "register",
        "subscribe",
        "subscription",
        "consent",
        "captcha",
        "sso",
        "account",
    ];
    let leads_in = |url: &Url| {
        let host = url.host_str().unwrap_or_default().split('.').next().unwrap_or_default();
        let mut parts = url.path().split(['/', '.', '_']).map(str::to_ascii_lowercase);
        WAYS.contains(&host) || parts.any(|part| WAYS.contains(&part.as_str()))
    };
    asked != found && leads_in(found) && !leads_in(asked)
}

impl Page {
    /// The article with this page's text for its body, if the text can be the article's. Its title, summary and
    /// fingerprint stay: it is recognised by the feed's words.
    pub fn complete(&self, article: &Article) -> Result<Article, Unfit> {
        let body = text::bounded(self.text.clone(), BODY_LENGTH_MAX);
        let body = without_title(body, &article.title);
        let length = body.chars().count();
        if length < TEXT_LENGTH_MIN {
            return Err(self.wall(&body).unwrap_or(Unfit::Short { length }));
        }
        if length < STORY_LENGTH_MIN
            && let Some(wall) = self.wall(&body)
        {
            return Err(wall);
        }
        if !self.speaks_of(&article.title, &body) {
            return Err(Unfit::Unlike);
        }
        if length <= article.summary.chars().count() + article.body.chars().count() {
            return Err(Unfit::NoLonger);
        }
        // What the feed declares was part of the first guess; more text makes a better one.
        let known = Some(article.language.as_str()).filter(|code| *code != "und");
        let language =
            language::detect(&format!("{}\n{body}", article.title), known.or(self.language.as_deref()));
        Ok(article.with_body(body, language))
    }

    fn wall(&self, body: &str) -> Option<Unfit> {
        let folded = format!(" {} {} ", fold(&self.title), fold(body));
        let said = WALLS.into_iter().find(|words| folded.contains(&format!(" {words} ")))?;
        Some(Unfit::Wall { words: said })
    }

    /// Whether a third of the headline's telling words stand in the page. A headline of fewer than three (or in a script
    /// without spaces) cannot say.
    fn speaks_of(&self, headline: &str, body: &str) -> bool {
        let page = format!("{} {}", fold(&self.title), fold(body));
        let words = Words::split(headline);
        let folded = (0..words.len()).map(|index| words.folded(index));
        let telling: Vec<&str> = folded.filter(|word| word.chars().count() >= TELLING_LENGTH_MIN).collect();
        let found_count = telling.iter().filter(|word| page.contains(**word)).count();
        telling.len() < 3 || found_count * 3 >= telling.len()
    }
}

/// Reads a page. `url` is where it was found; its top-level domain helps to guess an undeclared charset.
pub fn read(html: &[u8], url: Option<&Url>) -> Page {
    let html = decode(html.get(..PAGE_BYTES_MAX).unwrap_or(html), url);
    let outline = outline(&html);
    let found = outline.skeleton.and_then(|skeleton| main_text(skeleton, url));
    let mut page = found.unwrap_or_default();
    if page.text.is_empty() {
        page.text = text::plain(&html);
    }
    if page.title.is_empty() {
        page.title = outline.title;
    }
    page.language = page.language.or(outline.language).as_deref().and_then(language::code);
    page
}

/// What the readability rules find; `None` when they refuse the page.
fn main_text(skeleton: String, url: Option<&Url>) -> Option<Page> {
    let article = Readability::new(skeleton, url.map(Url::as_str), None).ok()?.parse().ok()?;
    Some(Page {
        title: text::line(&article.title),
        text: text::plain(&article.content),
        published: article.published_time.filter(|time| !time.trim().is_empty()),
        language: article.lang,
    })
}

/// Bytes as characters: byte order mark, else UTF-8 when it is valid, else what `<meta>` says, else a guess.
fn decode<'a>(bytes: &'a [u8], url: Option<&Url>) -> Cow<'a, str> {
    if let Some((encoding, length)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(bytes.get(length..).unwrap_or_default()).0;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => return Cow::Borrowed(text),
        // Cut within its last character by our own limit.
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => {
            return String::from_utf8_lossy(bytes);
        }
        Err(_) => {}
    }
    let encoding = declared_encoding(bytes).unwrap_or_else(|| guessed_encoding(bytes, url));
    encoding.decode_without_bom_handling(bytes).0
}

/// The charset in the first `<meta>` that names a known one. A page that says UTF-16 in ASCII is UTF-8 (HTML
/// 13.2.3.2).
fn declared_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(bytes.get(..META_BYTES_MAX).unwrap_or(bytes)).to_ascii_lowercase();
    head.split("<meta").skip(1).find_map(|rest| {
        let tag = rest.split('>').next()?;
        let value = tag.split_once("charset")?.1.trim_start().strip_prefix('=')?;
        let label = value.trim_start_matches([' ', '"', '\'']);
        let label = label.split([' ', '"', '\'', ';', '/']).next()?;
        let encoding = Encoding::for_label(label.as_bytes())?;
        Some(if encoding == UTF_16LE || encoding == UTF_16BE { UTF_8 } else { encoding })
    })
}

fn guessed_encoding(bytes: &[u8], url: Option<&Url>) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes.get(..DETECTOR_BYTES_MAX).unwrap_or(bytes), true);
    let domain = url.and_then(Url::domain).and_then(|domain| domain.rsplit('.').next());
    let domain = domain.filter(|label| label.bytes().all(|byte| byte.is_ascii_lowercase()));
    detector.guess(domain.map(str::as_bytes), Utf8Detection::Allow)
}

/// A page in outline.
#[derive(Debug, Default)]
struct Outline {
    /// The page as markup that is quick to search; `None` when it has too many elements.
    skeleton: Option<String>,
    title: String,
    language: Option<String>,
}

/// Rewrites a page: only elements and attributes the search goes by, nothing unclosed, nothing deep.
fn outline(html: &str) -> Outline {
    let mut outline = Outline::default();
    let mut skeleton = String::with_capacity(html.len() / 2);
    let mut open: HashMap<String, usize> = HashMap::new();
    let mut depth = 0_usize;
    let mut element_count = 0_usize;
    let mut is_json_ld = false;
    for token in Scanner::document(html) {
        match token {
            Token::Text("<") => skeleton.push_str("&lt;"),
            Token::Text(run) => skeleton.push_str(run),
            Token::Raw { name, content } => {
                keep_raw(&name, content, is_json_ld, &mut skeleton);
                if name == "title" && outline.title.is_empty() {
                    outline.title = text::line(content);
                }
            }
            Token::Open { name, attributes } => {
                is_json_ld = name == "script" && attributes.contains("ld+json");
                if name == "html" && outline.language.is_none() {
                    outline.language = attribute(attributes, "lang");
                }
                if !is_kept(&name) || depth >= DEPTH_MAX {
                    continue;
                }
                element_count += 1;
                write_tag(&name, attributes, &mut skeleton);
                if !SELF_ENDING.contains(&name.as_str()) {
                    *open.entry(name).or_default() += 1;
                    depth += 1;
                }
            }
            Token::Close(name) => {
                let is_open =
                    open.get_mut(&name).filter(|count| **count > 0).map(|count| *count -= 1).is_some();
                depth -= usize::from(is_open);
                if is_open
                    || (SELF_ENDING.contains(&name.as_str()) && !matches!(name.as_str(), "br" | "hr" | "p"))
                {
                    skeleton.push_str("</");
                    skeleton.push_str(&name);
                    skeleton.push('>');
                } else if name == "p" {
                    skeleton.push_str("</p>");
                }
            }
        }
    }
    outline.skeleton = (element_count <= ELEMENTS_MAX).then_some(skeleton);
    outline
}

fn is_kept(name: &str) -> bool {
    markup::is_block(name) || KEPT_INLINE.contains(&name)
}

/// Titles and JSON-LD stay. A script with a comment opener in it might not end where it seems to.
fn keep_raw(name: &str, content: &str, is_json_ld: bool, skeleton: &mut String) {
    let is_metadata =
        name == "script" && is_json_ld && content.len() <= SCRIPT_BYTES_MAX && !content.contains("<!--");
    if is_metadata {
        skeleton.push_str("<script type=\"application/ld+json\">");
        skeleton.push_str(content);
        skeleton.push_str("</script>");
    } else if name == "title" {
        skeleton.push_str("<title>");
        skeleton.push_str(&content.replace('<', "&lt;"));
        skeleton.push_str("</title>");
    }
}

fn write_tag(name: &str, attributes: &str, skeleton: &mut String) {
    skeleton.push('<');
    skeleton.push_str(name);
    for (key, value) in markup::attributes(attributes, ATTRIBUTES_MAX) {
        if KEPT_ATTRIBUTES.contains(&key.as_str()) && value.len() <= ATTRIBUTE_BYTES_MAX {
            skeleton.push(' ');
            skeleton.push_str(&key);
            skeleton.push_str("=\"");
            skeleton.push_str(&value.replace('"', "&quot;"));
            skeleton.push('"');
        }
    }
    skeleton.push('>');
}

fn attribute(attributes: &str, name: &str) -> Option<String> {
    let found = markup::attributes(attributes, ATTRIBUTES_MAX).into_iter().find(|(key, _)| key == name)?;
    Some(found.1.to_owned())
}
