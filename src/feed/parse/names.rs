//! What an element is, whatever its prefix, spelling or namespace address.
//!
//! Owns the table of namespaces and element names feeds use. Refuses anything about where an element stands.
//! RSS names are compared without case: feeds with `<RSS>` and `<pubdate>` exist.

/// The vocabularies we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vocabulary {
    /// RSS in any version, and elements without a namespace.
    Plain,
    Atom,
    Rdf,
    DublinCore,
    DublinCoreTerms,
    Content,
    Media,
    Itunes,
    Syndication,
    Feedburner,
    Xhtml,
    Other,
}

/// Elements that mean something to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    Rss,
    RdfRoot,
    Feed,
    Html,
    Channel,
    Item,
    Entry,
    Title,
    Link,
    OriginalLink,
    Guid,
    Id,
    Description,
    Summary,
    Content,
    Encoded,
    Body,
    Published,
    Date,
    Created,
    Updated,
    Author,
    Name,
    Category,
    Language,
    TimeToLive,
    SkipHours,
    Hour,
    SkipDays,
    Day,
    UpdatePeriod,
    UpdateFrequency,
    MediaGroup,
    Other,
}

impl Tag {
    /// Whether the element, met where only text was expected, shows that the text's element was never closed.
    pub(super) fn is_field(self) -> bool {
        use Tag::{
            Author, Category, Created, Date, Description, Encoded, Guid, Link, Published, Summary, Title,
            Updated,
        };
        matches!(
            self,
            Title
                | Link
                | Guid
                | Description
                | Summary
                | Encoded
                | Published
                | Date
                | Created
                | Updated
                | Author
                | Category
        )
    }
}

/// The vocabulary a namespace address names.
pub(super) fn vocabulary(address: &str) -> Vocabulary {
    let lower = address.trim().to_ascii_lowercase();
    let bare =
        lower.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches(['/', '#']);
    match bare {
        ""
        | "purl.org/rss/1.0"
        | "purl.org/net/rss1.1"
        | "my.netscape.com/rdf/simple/0.9"
        | "channel.netscape.com/rdf/simple/0.9"
        | "my.netscape.com/publish/formats/rss-0.91.dtd"
        | "purl.org/rss/2.0"
        | "blogs.law.harvard.edu/tech/rss" => Vocabulary::Plain,
        "www.w3.org/2005/atom" | "purl.org/atom/ns" => Vocabulary::Atom,
        "www.w3.org/1999/02/22-rdf-syntax-ns" => Vocabulary::Rdf,
        "purl.org/dc/elements/1.1" | "purl.org/dc/elements/1.0" => Vocabulary::DublinCore,
        "purl.org/dc/terms" => Vocabulary::DublinCoreTerms,
        "purl.org/rss/1.0/modules/content" => Vocabulary::Content,
        "search.yahoo.com/mrss" | "video.search.yahoo.com/mrss" | "www.rssboard.org/media-rss" => {
            Vocabulary::Media
        }
        "www.itunes.com/dtds/podcast-1.0.dtd" | "example.com/dtds/podcast-1.0.dtd" => Vocabulary::Itunes,
        "purl.org/rss/1.0/modules/syndication" => Vocabulary::Syndication,
        "rssnamespace.org/feedburner/ext/1.0" => Vocabulary::Feedburner,
        "www.w3.org/1999/xhtml" | "www.w3.org/tr/xhtml1" => Vocabulary::Xhtml,
        _ if bare.starts_with("backend.userland.com/rss") => Vocabulary::Plain,
        _ if bare.starts_with("purl.org/atom/") => Vocabulary::Atom,
        _ => Vocabulary::Other,
    }
}

/// The vocabulary a prefix nearly always means, for documents that forgot to declare it.
pub(super) fn usual_vocabulary(prefix: &str) -> Vocabulary {
    match prefix.to_ascii_lowercase().as_str() {
        "rss" => Vocabulary::Plain,
        "atom" | "atom10" | "a10" => Vocabulary::Atom,
        "rdf" => Vocabulary::Rdf,
        "dc" => Vocabulary::DublinCore,
        "dcterms" | "dct" => Vocabulary::DublinCoreTerms,
        "content" => Vocabulary::Content,
        "media" => Vocabulary::Media,
        "itunes" => Vocabulary::Itunes,
        "sy" | "syn" => Vocabulary::Syndication,
        "feedburner" => Vocabulary::Feedburner,
        "xhtml" | "html" => Vocabulary::Xhtml,
        _ => Vocabulary::Other,
    }
}

/// The element a name stands for in a vocabulary.
pub(super) fn tag(vocabulary: Vocabulary, local: &str) -> Tag {
    let mut buffer = [0_u8; 16];
    let Some(lower) = lower_case(local, &mut buffer) else { return Tag::Other };
    match vocabulary {
        Vocabulary::Plain | Vocabulary::Atom => plain(lower),
        Vocabulary::Rdf if lower == "rdf" => Tag::RdfRoot,
        Vocabulary::DublinCore | Vocabulary::DublinCoreTerms => dublin_core(lower),
        Vocabulary::Content if lower == "encoded" => Tag::Encoded,
        Vocabulary::Media => match lower {
            "group" | "content" => Tag::MediaGroup,
            "title" => Tag::Title,
            "description" => Tag::Description,
            _ => Tag::Other,
        },
        Vocabulary::Itunes => match lower {
            "title" => Tag::Title,
            "summary" | "subtitle" => Tag::Summary,
            "author" => Tag::Author,
            _ => Tag::Other,
        },
        Vocabulary::Syndication => match lower {
            "updateperiod" => Tag::UpdatePeriod,
            "updatefrequency" => Tag::UpdateFrequency,
            _ => Tag::Other,
        },
        Vocabulary::Feedburner if lower == "origlink" => Tag::OriginalLink,
        Vocabulary::Xhtml => match lower {
            "html" => Tag::Html,
            "body" | "div" => Tag::Body,
            _ => Tag::Other,
        },
        _ => Tag::Other,
    }
}

fn plain(lower: &str) -> Tag {
    match lower {
        "rss" => Tag::Rss,
        "rdf" => Tag::RdfRoot,
        "feed" => Tag::Feed,
        "html" => Tag::Html,
        "channel" => Tag::Channel,
        "item" => Tag::Item,
        "entry" => Tag::Entry,
        "title" => Tag::Title,
        "link" => Tag::Link,
        "guid" => Tag::Guid,
        "id" => Tag::Id,
        "description" => Tag::Description,
        "summary" | "abstract" => Tag::Summary,
        "content" => Tag::Content,
        "fulltext" | "fullitem" | "body" => Tag::Body,
        "pubdate" | "published" | "issued" => Tag::Published,
        "date" => Tag::Date,
        "created" => Tag::Created,
        "updated" | "modified" => Tag::Updated,
        "author" => Tag::Author,
        "name" => Tag::Name,
        "category" => Tag::Category,
        "language" => Tag::Language,
        "ttl" => Tag::TimeToLive,
        "skiphours" => Tag::SkipHours,
        "hour" => Tag::Hour,
        "skipdays" => Tag::SkipDays,
        "day" => Tag::Day,
        _ => Tag::Other,
    }
}

fn dublin_core(lower: &str) -> Tag {
    match lower {
        "title" => Tag::Title,
        "description" => Tag::Description,
        "issued" => Tag::Published,
        "date" => Tag::Date,
        "created" => Tag::Created,
        "modified" => Tag::Updated,
        "creator" | "author" => Tag::Author,
        "subject" => Tag::Category,
        "language" => Tag::Language,
        _ => Tag::Other,
    }
}

/// The name in ASCII lower case, without an allocation; `None` for names too long to be one of ours.
fn lower_case<'buffer>(name: &str, buffer: &'buffer mut [u8; 16]) -> Option<&'buffer str> {
    let target = buffer.get_mut(..name.len())?;
    target.copy_from_slice(name.as_bytes());
    target.make_ascii_lowercase();
    std::str::from_utf8(target).ok()
}

/// A fingerprint of a name without case, to match end tags to start tags (FNV-1a).
pub(super) fn key(name: &str) -> u32 {
    name.bytes().fold(0x811C_9DC5, |hash, byte| {
        (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193)
    })
}

/// A name's prefix and local part.
pub(super) fn split(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or(("", name))
}
