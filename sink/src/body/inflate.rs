//! Undoing the compression of bodies. What is written is counted as it comes; what a header or a
//! frame says of sizes is never relied upon.

use std::{borrow::Cow, io::Read};

use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use warp::http::{HeaderMap, header::CONTENT_ENCODING};

use super::brotli;
use crate::error::IngestError;

/// How a compressed term of Erlang's begins: its version, and what it is.
const COMPRESSED_TERM: [u8; 2] = [131, 80];

/// Most compressions one over the other.
const MAX_CODINGS: usize = 3;

/// Largest window of zstd that is granted, as a power of two. Vector's highest level, 21, asks for
/// this much where it does not know the size. Of it only what is written is ever touched.
const MAX_ZSTD_WINDOW_LOG: u32 = 26;

/// How much larger than it came a body of logs usually is.
const USUAL_RATIO: usize = 16;

/// What gzip, which says nothing certain of lengths, can make of a byte at most.
const MOST_RATIO: usize = 1032;

/// The least that is asked for, in bytes.
const LEAST_LENGTH: usize = 4 << 10;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// It is not.
    Identity,
    /// In these ways, in the order in which the sender applied them.
    Coded([Option<Coding>; MAX_CODINGS]),
}

/// One way to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    /// zlib's format, which is what HTTP calls deflate; also the bare one, which some send.
    Deflate,
    Zstd,
    /// One raw block, as Vector sends it.
    Snappy,
    Brotli,
}

impl Encoding {
    /// Reads the `content-encoding` headers.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, IngestError> {
        let lines = headers.get_all(CONTENT_ENCODING);
        let text: Vec<_> =
            lines.iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
        Self::named(&text.join(","))
    }

    /// Reads a list of names.
    pub(crate) fn named(list: &str) -> Result<Self, IngestError> {
        let mut codings = [None; MAX_CODINGS];
        let mut free = codings.iter_mut();
        for name in list.split(',').map(str::trim) {
            let coding = match name.to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Coding::Gzip,
                "deflate" => Coding::Deflate,
                "zstd" => Coding::Zstd,
                "snappy" => Coding::Snappy,
                "br" => Coding::Brotli,
                _ => return Err(IngestError::Encoding(name.to_owned())),
            };
            *free.next().ok_or_else(|| IngestError::Encoding(list.to_owned()))? = Some(coding);
        }
        Ok(if codings[0].is_none() { Self::Identity } else { Self::Coded(codings) })
    }
}

/// Whether a body is a term that Erlang compressed itself.
pub(crate) fn is_compressed_term(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(&COMPRESSED_TERM)
}

/// About how many bytes a body will be inflated to, at most `limit`: what it says itself, or else what
/// is usual. Only for what memory is asked for first.
pub(crate) fn likely_length(body: &[u8], encoding: Encoding, limit: usize) -> usize {
    let said = match encoding {
        Encoding::Identity => {
            let length = body.trim_ascii_start().get(2..).and_then(|rest| rest.first_chunk());
            length.map(|length| u64::from(u32::from_be_bytes(*length)))
        }
        Encoding::Coded([Some(coding), None, ..]) => coding.said_length(body),
        Encoding::Coded(_) => None,
    };
    let usual = body.len().saturating_mul(USUAL_RATIO);
    let likely = said.map_or(usual, |said| usize::try_from(said).unwrap_or(usize::MAX));
    likely.max(LEAST_LENGTH).min(limit)
}

/// Undoes the compression, up to `limit` bytes at each step; also that of a term of Erlang's.
///
/// # Errors
/// [`IngestError::TooLarge`] when there is more, [`IngestError::Inflate`] when the body is not what
/// its encoding says.
pub(crate) fn inflate<'b>(
    body: impl Into<Cow<'b, [u8]>>,
    encoding: Encoding,
    limit: usize,
) -> Result<Vec<u8>, IngestError> {
    let mut body = body.into();
    if let Encoding::Coded(codings) = encoding {
        for coding in codings.into_iter().rev().flatten() {
            if !body.is_empty() {
                body = coding.undo(&body, limit)?.into();
            }
        }
    }
    if is_compressed_term(&body) { term(&body, limit) } else { Ok(body.into_owned()) }
}

/// A compressed term as one that is not.
fn term(body: &[u8], limit: usize) -> Result<Vec<u8>, IngestError> {
    // Its length comes first, which is not relied upon.
    let [version, _, _, _, _, _, compressed @ ..] = body.trim_ascii_start() else {
        return Err(IngestError::Inflate("it is cut".to_owned()));
    };
    let mut decoder = ZlibDecoder::new(compressed);
    let mut term = vec![*version];
    read(&mut decoder, &mut term, limit)?;
    ended(decoder.into_inner())?;
    Ok(term)
}

impl Coding {
    /// What a body says of the length that it is inflated to.
    fn said_length(self, body: &[u8]) -> Option<u64> {
        match self {
            // The last four bytes; of many streams one after the other, it is the last one's.
            Self::Gzip => {
                let most = body.len().saturating_mul(MOST_RATIO) as u64;
                body.last_chunk().map(|length| most.min(u32::from_le_bytes(*length).into()))
            }
            Self::Zstd => zstd::zstd_safe::get_frame_content_size(body).ok().flatten(),
            Self::Snappy => snap::raw::decompress_len(body).ok().map(|length| length as u64),
            Self::Deflate | Self::Brotli => None,
        }
    }

    fn undo(self, body: &[u8], limit: usize) -> Result<Vec<u8>, IngestError> {
        let mut inflated = Vec::new();
        match self {
            // Many of them one after the other are one.
            Self::Gzip => read(MultiGzDecoder::new(body), &mut inflated, limit)?,
            Self::Deflate if has_zlib_header(body) => {
                let mut decoder = ZlibDecoder::new(body);
                read(&mut decoder, &mut inflated, limit)?;
                ended(decoder.into_inner())?;
            }
            Self::Deflate => {
                let mut decoder = DeflateDecoder::new(body);
                read(&mut decoder, &mut inflated, limit)?;
                ended(decoder.into_inner())?;
            }
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(wrong)?;
                decoder.window_log_max(MAX_ZSTD_WINDOW_LOG).map_err(wrong)?;
                read(decoder, &mut inflated, limit)?;
            }
            Self::Brotli => return brotli::undo(body, limit),
            Self::Snappy => {
                let length = snap::raw::decompress_len(body).map_err(wrong)?;
                if length > limit {
                    return Err(IngestError::TooLarge(limit));
                }
                return snap::raw::Decoder::new().decompress_vec(body).map_err(wrong);
            }
        }
        Ok(inflated)
    }
}

/// RFC 1950: the method is 8 and the first two bytes are a multiple of 31.
fn has_zlib_header(body: &[u8]) -> bool {
    let &[method, flags, ..] = body else { return false };
    method & 0x0f == 8 && u16::from_be_bytes([method, flags]) % 31 == 0
}

/// Reads until `inflated` has `limit` bytes.
fn read(decoder: impl Read, inflated: &mut Vec<u8>, limit: usize) -> Result<(), IngestError> {
    let most = limit.saturating_add(1).saturating_sub(inflated.len());
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    decoder.take(most).read_to_end(inflated).map_err(wrong)?;
    if inflated.len() > limit { Err(IngestError::TooLarge(limit)) } else { Ok(()) }
}

/// What follows a stream is no part of it, and may be events that its sender takes for stored.
pub(super) fn ended(rest: &[u8]) -> Result<(), IngestError> {
    if rest.is_empty() {
        return Ok(());
    }
    let text = format!("{} bytes follow its end; send one stream for each request", rest.len());
    Err(IngestError::Inflate(text))
}

fn wrong(error: impl std::error::Error) -> IngestError {
    IngestError::Inflate(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };
    use proptest::prelude::*;
    use warp::http::HeaderValue;

    use super::*;

    /// `[{"event_message":"a"},{"event_message":"b"}]`, by the reference encoder.
    const BROTLI: &[u8] = include_bytes!("../../../tests/fixtures/brotli/two-events.br");
    const BROTLI_BLANKS: &[u8] =
        include_bytes!("../../../tests/fixtures/brotli/ten-mebibytes-of-blanks.br");
    const TWO_EVENTS: &[u8] = br#"[{"event_message":"a"},{"event_message":"b"}]"#;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(data: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(data: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(data: &[u8]) -> Vec<u8> {
        zstd::encode_all(data, 3).unwrap()
    }

    fn snappy(data: &[u8]) -> Vec<u8> {
        snap::raw::Encoder::new().compress_vec(data).unwrap()
    }

    fn inflated(body: &[u8], names: &str, limit: usize) -> Result<Vec<u8>, IngestError> {
        inflate(body.to_vec(), Encoding::named(names)?, limit)
    }

    #[test]
    fn inflates() {
        for (names, body) in [
            ("gzip", gzip(TWO_EVENTS)),
            // Two members one after the other are one text.
            ("X-GZIP", [gzip(&TWO_EVENTS[..9]), gzip(&TWO_EVENTS[9..])].concat()),
            ("deflate", zlib(TWO_EVENTS)),
            ("deflate", deflate(TWO_EVENTS)),
            ("zstd", zstd(TWO_EVENTS)),
            ("zstd", [zstd(&TWO_EVENTS[..9]), zstd(&TWO_EVENTS[9..])].concat()),
            ("snappy", snappy(TWO_EVENTS)),
            ("br", BROTLI.to_vec()),
            ("identity", TWO_EVENTS.to_vec()),
            ("", TWO_EVENTS.to_vec()),
            ("gzip, gzip", gzip(&gzip(TWO_EVENTS))),
            ("snappy,identity,zstd, gzip", gzip(&zstd(&snappy(TWO_EVENTS)))),
        ] {
            assert_eq!(
                inflated(&body, names, TWO_EVENTS.len() * 3).unwrap(),
                TWO_EVENTS,
                "{names}"
            );
            // The limit is for what is written, and includes the limit itself.
            if !names.contains(',') {
                assert!(inflated(&body, names, TWO_EVENTS.len()).is_ok(), "{names}");
            }
        }
        for names in ["gzip", "deflate", "zstd", "snappy", "br"] {
            assert_eq!(inflated(b"", names, 0).unwrap(), b"", "{names}");
        }
    }

    #[test]
    fn stops_at_the_limit() {
        let blank = vec![b' '; 10 << 20];
        for (names, bomb) in [
            ("gzip", gzip(&blank)),
            ("deflate", zlib(&blank)),
            ("deflate", deflate(&blank)),
            ("zstd", zstd(&blank)),
            ("snappy", snappy(&blank)),
            ("gzip,gzip", gzip(&gzip(&blank))),
            ("br", BROTLI_BLANKS.to_vec()),
            // Its first bytes say 4 GB.
            ("snappy", b"\xff\xff\xff\xff\x0f".to_vec()),
        ] {
            assert!(bomb.len() < 600_000, "{names}: {}", bomb.len());
            let result = inflated(&bomb, names, 1 << 20);
            assert!(matches!(result, Err(IngestError::TooLarge(_))), "{names}: {result:?}");
        }
        let short = inflated(BROTLI, "br", TWO_EVENTS.len() - 1);
        assert!(matches!(short, Err(IngestError::TooLarge(_))), "{short:?}");
    }

    #[test]
    fn grants_zstd_the_window_of_vectors_highest_level_and_no_more() {
        // A frame whose header asks for a window of 2^n bytes; one raw, last block of one byte.
        let frame = |log: u8| [0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3, 9, 0, 0, b'x'];
        assert_eq!(inflated(&frame(26), "zstd", 9).unwrap(), b"x");
        assert!(matches!(inflated(&frame(27), "zstd", 9), Err(IngestError::Inflate(_))));
    }

    #[test]
    fn grants_brotli_no_large_window() {
        // Empty streams: a window of 2^24 bytes takes four bits to ask for, one of 2^30 two bytes.
        assert_eq!(inflated(&[0x3f], "br", 9).unwrap(), b"");
        let large: &[u8] = &[0x11, 0xde];
        let mut granting = brotli_decompressor::Decompressor::new(large, 64);
        assert_eq!(granting.read_to_end(&mut Vec::new()).unwrap(), 0);
        assert!(matches!(inflated(large, "br", 9), Err(IngestError::Inflate(_))));
    }

    /// All that follows would be lost without a word.
    #[test]
    fn refuses_what_follows_a_stream() {
        let raw = deflate(TWO_EVENTS);
        for (names, body) in [
            ("gzip", gzip(TWO_EVENTS)),
            ("deflate", zlib(TWO_EVENTS)),
            ("deflate", raw),
            ("zstd", zstd(TWO_EVENTS)),
            ("snappy", snappy(TWO_EVENTS)),
            ("br", BROTLI.to_vec()),
        ] {
            for rest in [&b"x"[..], b"\0", b"[{\"event_message\":\"c\"}]"] {
                let result = inflated(&[&body, rest].concat(), names, 999);
                assert!(matches!(result, Err(IngestError::Inflate(_))), "{names}: {result:?}");
            }
        }
        for names in ["deflate", "br"] {
            let body = if names == "br" { BROTLI.to_vec() } else { zlib(TWO_EVENTS) };
            let text = inflated(&body.repeat(2), names, 999).unwrap_err().to_string();
            assert!(text.contains("bytes follow its end"), "{text}");
        }
    }

    #[test]
    fn inflates_what_erlang_compresses() {
        let term =
            |rest: &[u8]| [b" \x83\x50\0\0\0\x09", zlib(b"m\0\0\0\x01x").as_slice(), rest].concat();
        for (names, body) in [("", term(b"")), ("gzip", gzip(&term(b"")))] {
            assert_eq!(inflated(&body, names, 99).unwrap(), b"\x83m\0\0\0\x01x", "{names}");
        }
        assert!(matches!(inflated(&term(b""), "", 6), Err(IngestError::TooLarge(6))));
        assert!(inflated(&term(b""), "", 7).is_ok());
        for wrong in [&term(b"x")[..], &term(b"")[..9], b"\x83\x50\0", b"\x83\x50\0\0\0\0nonsense"]
        {
            let result = inflated(wrong, "", 99);
            assert!(matches!(result, Err(IngestError::Inflate(_))), "{wrong:?}: {result:?}");
        }
    }

    #[test]
    fn guesses_lengths() {
        let text = vec![b'x'; 100_000];
        for (names, body, likely) in [
            ("gzip", gzip(&text), 100_000),
            ("zstd", zstd::bulk::compress(&text, 3).unwrap(), 100_000),
            ("snappy", snappy(&text), 100_000),
            ("deflate", zlib(&text), LEAST_LENGTH.max(zlib(&text).len() * USUAL_RATIO)),
            ("br", vec![0; 1000], 16_000),
            // What cannot be true, and what is too much.
            ("gzip", b"\xff\xff\xff\xff".to_vec(), 4128),
            ("gzip", vec![0xff; 1000], 200_000),
            ("gzip", Vec::new(), LEAST_LENGTH),
            ("", [b"\x83\x50\0\0\x70\0", &[0; 99][..]].concat(), 0x7000),
        ] {
            let encoding = Encoding::named(names).unwrap();
            assert_eq!(likely_length(&body, encoding, 200_000), likely, "{names}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (names, damaged) in [
            ("gzip", b"abc".to_vec()),
            ("gzip", gzip(b"abc")[..12].to_vec()),
            ("deflate", zlib(TWO_EVENTS)[..9].to_vec()),
            ("deflate", b"\xffabc".to_vec()),
            ("zstd", b"[{}]".to_vec()),
            ("zstd", zstd(TWO_EVENTS)[..12].to_vec()),
            ("snappy", snappy(TWO_EVENTS)[..12].to_vec()),
            ("br", BROTLI[..9].to_vec()),
        ] {
            let result = inflated(&damaged, names, 99);
            assert!(matches!(result, Err(IngestError::Inflate(_))), "{names}: {result:?}");
        }
        for names in ["lzma", "gzip;q=1", "gzip,gzip,gzip,gzip"] {
            let error = Encoding::named(names).unwrap_err().to_string();
            assert!(error.starts_with(&format!("content-encoding {names} is not")), "{error}");
        }
    }

    #[test]
    fn reads_headers() {
        let mut headers = HeaderMap::new();
        assert_eq!(Encoding::of(&headers).unwrap(), Encoding::Identity);
        headers.append(CONTENT_ENCODING, HeaderValue::from_static("identity"));
        assert_eq!(Encoding::of(&headers).unwrap(), Encoding::Identity);
        headers.append(CONTENT_ENCODING, HeaderValue::from_static("GZIP"));
        headers.append(CONTENT_ENCODING, HeaderValue::from_static("br"));
        let both = Encoding::Coded([Some(Coding::Gzip), Some(Coding::Brotli), None]);
        assert_eq!(Encoding::of(&headers).unwrap(), both);
        headers.append(CONTENT_ENCODING, HeaderValue::from_bytes(b"\xff").unwrap());
        assert!(Encoding::of(&headers).is_err());
    }

    proptest! {
        #[test]
        fn never_panics_and_keeps_the_limit(
            body in proptest::collection::vec(any::<u8>(), 0..300),
            names in proptest::sample::select(vec!["gzip", "deflate", "zstd", "snappy", "br"]),
            magic in any::<bool>(),
        ) {
            let mut body = body;
            let magic: &[u8] = match names {
                _ if !magic => b"",
                "gzip" => &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3],
                "deflate" => &[0x78, 0x9c],
                "zstd" => &[0x28, 0xb5, 0x2f, 0xfd],
                _ => b"",
            };
            body.splice(0..0, magic.iter().copied());
            if let Ok(inflated) = inflated(&body, names, 1000) {
                prop_assert!(inflated.len() <= 1000);
            }
        }
    }
}
