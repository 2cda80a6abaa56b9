//! What a poll came to, as far as pace, health and hosts care.
//!
//! Owns the [`Answer`] and its kinds. Refuses to say what follows from it: that is [`super::pace`]'s, [`super::host`]'s
//! and [`super::health`]'s.

use std::time::Duration;

/// The wait after a 429, or a 403 where polls succeeded before, that names none.
pub const LIMITED_FOR: Duration = Duration::from_hours(4);

/// Shortest wait that a server's wish is taken for.
pub const WISH_MIN: Duration = Duration::from_mins(1);

/// Longest wait that a server's wish is taken for.
pub const WISH_MAX: Duration = Duration::from_hours(24);

/// What a poll came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// In a word.
    pub kind: AnswerKind,
    /// `Retry-After` (RFC 9110 section 10.2.3), as a wait from the request; absent when unreadable.
    pub retry_after: Option<Duration>,
    /// Freshness lifetime (RFC 9111 section 4.2.1).
    pub fresh_for: Option<Duration>,
    /// What is left of a host's allowance.
    pub rate_limit: Option<RateLimit>,
    /// Bytes of the body on the wire.
    pub wire_bytes: u64,
    /// Whether validators were sent.
    pub was_conditional: bool,
    /// Whether the answer carried a validator.
    pub has_validators: bool,
    /// New entries it brought.
    pub new_count: usize,
}

impl Answer {
    /// An answer of a kind, with nothing more to it.
    pub fn of(kind: AnswerKind) -> Self {
        Self {
            kind,
            retry_after: None,
            fresh_for: None,
            rate_limit: None,
            wire_bytes: 0,
            was_conditional: false,
            has_validators: false,
            new_count: 0,
        }
    }

    /// The wait that a refusal asks for, [`WISH_MIN`] to [`WISH_MAX`]; `None` where nothing is asked for. A 429, and a 403
    /// where polls succeeded before (`is_known`), ask even when they name no time, and double the wait for each of
    /// `refusal_count` in a row but the first. What a server says is left counts like `Retry-After` where that is absent.
    pub fn wish(&self, is_known: bool, refusal_count: u32) -> Option<Duration> {
        if self.kind.is_success() {
            return None;
        }
        let named =
            self.retry_after.or_else(|| self.rate_limit.filter(RateLimit::is_used_up)?.reset_after.into());
        let is_limit = match self.kind {
            AnswerKind::Limited => true,
            AnswerKind::Forbidden => is_known,
            _ => false,
        };
        if !is_limit {
            return named.map(|wait| wait.clamp(WISH_MIN, WISH_MAX));
        }
        let first = named.unwrap_or(LIMITED_FOR).clamp(WISH_MIN, WISH_MAX);
        Some(doubled(first, refusal_count, WISH_MAX))
    }
}

/// A wait, doubled for each of `count` but the first, up to `most`; never shorter than it was.
pub fn doubled(wait: Duration, count: u32, most: Duration) -> Duration {
    wait.saturating_mul(1 << count.saturating_sub(1).min(16)).min(most).max(wait)
}

/// What a server says is left of its allowance (`X-RateLimit-*`, `RateLimit`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests left, rounded down.
    pub remaining: u32,
    /// Time until the allowance is full again.
    pub reset_after: Duration,
}

impl RateLimit {
    /// Whether nothing is left until the reset.
    pub fn is_used_up(&self) -> bool {
        self.remaining == 0 && !self.reset_after.is_zero()
    }
}

/// Kinds of [`Answer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AnswerKind {
    /// 200 and a feed.
    #[default]
    Document,
    /// 226: what changed (RFC 3229).
    Delta,
    /// A document that a hub delivered (WebSub).
    Pushed,
    /// 304.
    NotModified,
    /// A redirect to another host, whose answer is the feed's; never the last answer of a feed.
    SentOn,
    /// 429: too many requests.
    Limited,
    /// 403.
    Forbidden,
    /// 401 or 407.
    Unauthorized,
    /// 404.
    Missing,
    /// 410.
    Gone,
    /// 503.
    Unavailable,
    /// Any other 5xx.
    ServerError,
    /// Any other status.
    OtherStatus,
    /// 200 and something that is not a feed.
    NotAFeed,
    /// No answer: the name does not resolve, nobody listens, or nothing came in time.
    Unreachable,
    /// An answer that breaks off, is too large, cannot be trusted (TLS) or leads nowhere (redirects).
    Broken,
    /// Not asked: the address policy refuses.
    Refused,
    /// A fault of ours.
    Stumbled,
}

impl AnswerKind {
    /// All kinds, for tables of tests and words.
    pub const ALL: [Self; 18] = [
        Self::Document,
        Self::Delta,
        Self::Pushed,
        Self::NotModified,
        Self::SentOn,
        Self::Limited,
        Self::Forbidden,
        Self::Unauthorized,
        Self::Missing,
        Self::Gone,
        Self::Unavailable,
        Self::ServerError,
        Self::OtherStatus,
        Self::NotAFeed,
        Self::Unreachable,
        Self::Broken,
        Self::Refused,
        Self::Stumbled,
    ];

    /// Whether the feed could be read, or was read before and has not changed.
    pub fn is_success(self) -> bool {
        matches!(self, Self::Document | Self::Delta | Self::Pushed | Self::NotModified)
    }

    /// Whether anybody answered: proof that this machine has a network.
    pub fn is_reached(self) -> bool {
        !matches!(self, Self::Unreachable | Self::Refused | Self::Stumbled | Self::Pushed)
    }

    /// The lower-case word it is stored as.
    pub fn word(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Delta => "delta",
            Self::Pushed => "pushed",
            Self::NotModified => "not-modified",
            Self::SentOn => "sent-on",
            Self::Limited => "limited",
            Self::Forbidden => "forbidden",
            Self::Unauthorized => "unauthorized",
            Self::Missing => "missing",
            Self::Gone => "gone",
            Self::Unavailable => "unavailable",
            Self::ServerError => "server-error",
            Self::OtherStatus => "other-status",
            Self::NotAFeed => "not-a-feed",
            Self::Unreachable => "unreachable",
            Self::Broken => "broken",
            Self::Refused => "refused",
            Self::Stumbled => "stumbled",
        }
    }

    /// The kind of a stored word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The kind of an HTTP status that brought no document.
    pub fn of_status(code: u16) -> Self {
        match code {
            401 | 407 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::Missing,
            410 => Self::Gone,
            429 => Self::Limited,
            503 => Self::Unavailable,
            500..=599 => Self::ServerError,
            _ => Self::OtherStatus,
        }
    }
}
