//! A body as it arrives: decoded, counted and capped, chunk by chunk.
//!
//! Owns content codings: gzip, deflate (with and without zlib's frame), br, zstd, stacked ones, and the
//! two ways servers get them wrong: a coding declared over a plain body, and gzip bytes declared as
//! nothing. The client's own decoding is off, because it can only fail on these. The limit counts decoded
//! bytes as they appear, so a bomb stops after its first kilobytes. Refuses I/O.

use std::io::{self, Write};

use flate2::write::{DeflateDecoder, GzDecoder, ZlibDecoder};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};

/// Stacked codings beyond this are an attack.
const CODINGS_MAX: usize = 3;

/// Bytes needed to tell what a body is.
const HEAD_BYTES: usize = 4;

/// RFC 9659: zstd over HTTP uses windows of at most 8 MiB.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b, 0x08];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Why a body is of no use.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyError {
    /// More decoded bytes than the limit.
    #[error("larger than the limit")]
    TooLarge,
    /// It is not what its coding says, or ends too early.
    #[error("compressed data that is damaged or cut short")]
    Corrupt,
    /// More codings on top of one another than anybody needs.
    #[error("compressed more than {CODINGS_MAX} times over")]
    TooManyCodings,
}

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Plain,
    Gzip,
    Zlib,
    Deflate,
    Brotli,
    Zstd,
}

/// A body on its way in.
pub(super) struct Body {
    /// Codings still to undo after the current one, innermost first.
    inner: Vec<Coding>,
    decoder: Decoder,
    bytes_max: usize,
}

impl Body {
    /// Starts a body of at most `bytes_max` decoded bytes, packed as its headers say.
    pub(super) fn new(headers: &HeaderMap, bytes_max: usize) -> Result<Self, BodyError> {
        let mut codings = declared(headers);
        if codings.len() > CODINGS_MAX {
            return Err(BodyError::TooManyCodings);
        }
        let outermost = codings.pop().unwrap_or(Coding::Plain);
        Ok(Self { inner: codings, decoder: Decoder::new(outermost, bytes_max), bytes_max })
    }

    /// Takes the next bytes off the wire.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Result<(), BodyError> {
        self.decoder.push(chunk)
    }

    /// Ends it and returns the decoded document.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, BodyError> {
        let mut bytes = self.decoder.finish()?;
        while let Some(coding) = self.inner.pop() {
            bytes = unpack(coding, &bytes, self.bytes_max)?;
        }
        // A `.xml.gz` file served with its transport coding is packed once more than declared.
        if bytes.starts_with(GZIP_MAGIC) {
            bytes = unpack(Coding::Gzip, &bytes, self.bytes_max)?;
        }
        Ok(bytes)
    }
}

fn unpack(coding: Coding, bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, BodyError> {
    let mut decoder = Decoder::new(coding, bytes_max);
    decoder.push(bytes)?;
    decoder.finish()
}

/// The declared codings in the order they were applied. Unknown ones (`identity`, `none`, `UTF-8`) are
/// passed over: what follows is nearly always plain.
fn declared(headers: &HeaderMap) -> Vec<Coding> {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|token| match token.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Some(Coding::Gzip),
            "deflate" => Some(Coding::Deflate),
            "br" => Some(Coding::Brotli),
            "zstd" => Some(Coding::Zstd),
            _ => None,
        })
        .take(CODINGS_MAX + 1)
        .collect()
}

/// What a body is, from what it is said to be and how it begins. First bytes outrank declarations where
/// they cannot lie: gzip and zstd have magic numbers, and text is never a valid brotli or zlib stream.
fn actual(coding: Coding, head: &[u8]) -> Coding {
    match coding {
        Coding::Brotli if begins_like_text(head) => Coding::Plain,
        Coding::Brotli => Coding::Brotli,
        _ if head.starts_with(GZIP_MAGIC) => Coding::Gzip,
        _ if head.starts_with(ZSTD_MAGIC) => Coding::Zstd,
        // RFC 9110 means zlib by "deflate"; some servers send the bare stream.
        Coding::Deflate if begins_like_zlib(head) => Coding::Zlib,
        Coding::Deflate if !begins_like_text(head) => Coding::Deflate,
        _ => Coding::Plain,
    }
}

fn begins_like_text(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    matches!(head, [] | [b'{' | b'[', ..] | [b'<', b'?' | b'!' | b'a'..=b'z' | b'A'..=b'Z', ..])
}

/// RFC 1950: method 8 in the low nibble, and the first two bytes a multiple of 31.
fn begins_like_zlib(head: &[u8]) -> bool {
    matches!(head, [cmf, flags, ..]
        if cmf & 0x0f == 8 && (u16::from(*cmf) << 8 | u16::from(*flags)).is_multiple_of(31))
}

/// Where decoded bytes go; says no at the limit, and from then on.
struct Sink {
    bytes: Vec<u8>,
    bytes_max: usize,
    overflowed: bool,
}

impl Write for Sink {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.overflowed |= buffer.len() > self.bytes_max.saturating_sub(self.bytes.len());
        if self.overflowed {
            return Err(io::Error::other("limit"));
        }
        self.bytes.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

type Unzstd = zstd::stream::zio::Writer<Sink, zstd::stream::raw::Decoder<'static>>;

/// One coding being undone.
enum Decoder {
    /// Too few bytes yet to tell what it is.
    Waiting {
        coding: Coding,
        head: Vec<u8>,
        bytes_max: usize,
    },
    Plain(Sink),
    Gzip(Box<GzDecoder<Sink>>),
    Zlib(Box<ZlibDecoder<Sink>>),
    Deflate(Box<DeflateDecoder<Sink>>),
    Brotli(Box<brotli::DecompressorWriter<Sink>>),
    Zstd(Box<Unzstd>),
    /// Complete; whatever follows is padding and ignored.
    Done(Sink),
}

impl Decoder {
    fn new(coding: Coding, bytes_max: usize) -> Self {
        Self::Waiting { coding, head: Vec::new(), bytes_max }
    }

    fn started(coding: Coding, sink: Sink) -> io::Result<Self> {
        Ok(match coding {
            Coding::Plain => Self::Plain(sink),
            Coding::Gzip => Self::Gzip(Box::new(GzDecoder::new(sink))),
            Coding::Zlib => Self::Zlib(Box::new(ZlibDecoder::new(sink))),
            Coding::Deflate => Self::Deflate(Box::new(DeflateDecoder::new(sink))),
            Coding::Brotli => Self::Brotli(Box::new(brotli::DecompressorWriter::new(sink, 32 << 10))),
            Coding::Zstd => {
                let mut operation = zstd::stream::raw::Decoder::new()?;
                operation.set_parameter(zstd::stream::raw::DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX))?;
                Self::Zstd(Box::new(zstd::stream::zio::Writer::new(sink, operation)))
            }
        })
    }

    fn push(&mut self, chunk: &[u8]) -> Result<(), BodyError> {
        if let Self::Waiting { coding, head, bytes_max } = self {
            head.extend_from_slice(chunk);
            if head.len() < HEAD_BYTES {
                return Ok(());
            }
            let (coding, head) = (actual(*coding, head), std::mem::take(head));
            let sink = Sink { bytes: Vec::new(), bytes_max: *bytes_max, overflowed: false };
            *self = Self::started(coding, sink).map_err(|_unusable| BodyError::Corrupt)?;
            return self.drain(&head);
        }
        self.drain(chunk)
    }

    /// Feeds a started decoder until nothing is left.
    fn drain(&mut self, chunk: &[u8]) -> Result<(), BodyError> {
        let mut rest = chunk;
        while !rest.is_empty() {
            rest = match self.feed(rest) {
                Ok(rest) => rest,
                Err(_broken) if self.overflowed() => return Err(BodyError::TooLarge),
                Err(_broken) => return Err(BodyError::Corrupt),
            };
            if !rest.is_empty() {
                self.end_stream(rest)?;
            }
        }
        Ok(())
    }

    /// Returns what lies beyond the end of the compressed stream.
    fn feed<'chunk>(&mut self, chunk: &'chunk [u8]) -> io::Result<&'chunk [u8]> {
        match self {
            Self::Waiting { .. } | Self::Done(_) => Ok(&[]),
            Self::Plain(sink) => write_until_end(sink, chunk),
            Self::Gzip(decoder) => write_until_end(decoder, chunk),
            Self::Zlib(decoder) => write_until_end(decoder, chunk),
            Self::Deflate(decoder) => write_until_end(decoder, chunk),
            Self::Brotli(decoder) => write_until_end(decoder, chunk),
            Self::Zstd(decoder) => write_until_end(decoder, chunk),
        }
    }

    fn overflowed(&self) -> bool {
        match self {
            Self::Waiting { .. } => false,
            Self::Plain(sink) | Self::Done(sink) => sink.overflowed,
            Self::Gzip(decoder) => decoder.get_ref().overflowed,
            Self::Zlib(decoder) => decoder.get_ref().overflowed,
            Self::Deflate(decoder) => decoder.get_ref().overflowed,
            Self::Brotli(decoder) => decoder.get_ref().overflowed,
            Self::Zstd(decoder) => decoder.writer().overflowed,
        }
    }

    /// The compressed stream ended and `rest` follows: another gzip member (RFC 1952 section 2.2), or
    /// padding.
    fn end_stream(&mut self, rest: &[u8]) -> Result<(), BodyError> {
        let another = matches!(self, Self::Gzip(_)) && rest.first() == GZIP_MAGIC.first();
        let sink = self.take_sink()?;
        *self = if another { Self::Gzip(Box::new(GzDecoder::new(sink))) } else { Self::Done(sink) };
        Ok(())
    }

    /// Ends the stream and takes what it decoded to; an error when it is not complete.
    fn take_sink(&mut self) -> Result<Sink, BodyError> {
        let emptied = Self::new(Coding::Plain, 0);
        match std::mem::replace(self, emptied) {
            Self::Waiting { coding, head, bytes_max } => short_body(coding, &head, bytes_max),
            Self::Plain(sink) | Self::Done(sink) => Ok(sink),
            Self::Gzip(mut decoder) => {
                let complete = decoder.try_finish().is_ok();
                ended(complete, decoder.get_ref().overflowed)?;
                decoder.finish().map_err(|_broken| BodyError::Corrupt)
            }
            Self::Zlib(mut decoder) => {
                let complete = decoder.try_finish().is_ok();
                ended(complete, decoder.get_ref().overflowed)?;
                decoder.finish().map_err(|_broken| BodyError::Corrupt)
            }
            Self::Deflate(mut decoder) => {
                let complete = decoder.try_finish().is_ok();
                ended(complete, decoder.get_ref().overflowed)?;
                decoder.finish().map_err(|_broken| BodyError::Corrupt)
            }
            Self::Brotli(decoder) => {
                let finished = decoder.into_inner();
                let (Ok(sink) | Err(sink)) = &finished;
                ended(finished.is_ok(), sink.overflowed)?;
                finished.map_err(|_sink| BodyError::Corrupt)
            }
            Self::Zstd(mut decoder) => {
                let complete = decoder.finish().is_ok();
                let (sink, _operation) = decoder.into_inner();
                ended(complete, sink.overflowed)?;
                Ok(sink)
            }
        }
    }

    fn finish(mut self) -> Result<Vec<u8>, BodyError> {
        Ok(self.take_sink()?.bytes)
    }
}

/// The last bytes may still break the limit, and a stream must have an end.
fn ended(complete: bool, overflowed: bool) -> Result<(), BodyError> {
    match (complete, overflowed) {
        (_, true) => Err(BodyError::TooLarge),
        (true, false) => Ok(()),
        (false, false) => Err(BodyError::Corrupt),
    }
}

/// A whole body too short to tell what it is; nothing compressed is that short.
fn short_body(coding: Coding, head: &[u8], bytes_max: usize) -> Result<Sink, BodyError> {
    let mut sink = Sink { bytes: Vec::new(), bytes_max, overflowed: false };
    if coding != Coding::Plain && !begins_like_text(head) {
        return Err(BodyError::Corrupt);
    }
    sink.write_all(head).map_err(|_limit| BodyError::TooLarge)?;
    Ok(sink)
}

/// Writes until all is taken or the writer takes no more, which is how decoders say that they are done.
fn write_until_end<'chunk>(writer: &mut impl Write, mut chunk: &'chunk [u8]) -> io::Result<&'chunk [u8]> {
    while !chunk.is_empty() {
        match writer.write(chunk)? {
            0 => break,
            taken => chunk = chunk.get(taken..).unwrap_or_default(),
        }
    }
    Ok(chunk)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    use super::*;

    fn decode(coding: &'static str, chunks: &[Vec<u8>], bytes_max: usize) -> Result<Vec<u8>, BodyError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        let mut body = Body::new(&headers, bytes_max)?;
        for chunk in chunks {
            body.push(chunk)?;
        }
        body.finish()
    }

    /// A valid start for each coding, so that the noise after it reaches the decoders.
    const STARTS: [(&str, &[u8]); 6] = [
        ("gzip", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]),
        ("deflate", &[0x78, 0x9c]),
        ("deflate", &[0xed]),
        ("br", &[0x0b]),
        ("zstd", ZSTD_MAGIC),
        ("br, gzip", &[]),
    ];

    proptest! {
        #[test]
        fn survives_any_bytes_within_the_limit(
            noise in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..8),
            bytes_max in 0_usize..512,
        ) {
            for (coding, start) in STARTS {
                let mut chunks = noise.clone();
                chunks.insert(0, start.to_vec());
                if let Ok(bytes) = decode(coding, &chunks, bytes_max) {
                    prop_assert!(bytes.len() <= bytes_max);
                }
            }
        }

        #[test]
        fn chunks_make_no_difference(text in "[<{ a-z]{0,300}", size in 1_usize..40) {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            packed.write_all(text.as_bytes()).unwrap();
            let packed = packed.finish().unwrap();
            let chunks: Vec<_> = packed.chunks(size).map(<[u8]>::to_vec).collect();
            prop_assert_eq!(decode("gzip", &chunks, 300), Ok(text.into_bytes()));
        }
    }
}
