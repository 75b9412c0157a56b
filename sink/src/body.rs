//! Bodies: collected up to a limit, inflated up to the same limit.

use std::io::Read as _;

use flate2::read::{MultiGzDecoder, ZlibDecoder};
use futures_util::{Stream, TryStreamExt as _};

use crate::error::IngestError;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    /// zlib's format, which is what HTTP calls deflate.
    Deflate,
}

impl Encoding {
    /// Reads a `content-encoding` header.
    pub(crate) fn named(header: Option<&str>) -> Result<Self, IngestError> {
        let name = header.unwrap_or_default().trim();
        match name.to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            _ => Err(IngestError::Encoding(name.to_owned())),
        }
    }
}

/// Collects a body of at most `limit` bytes. What a header says of its length is not relied upon.
pub(crate) async fn collect(
    body: impl Stream<Item = Result<impl bytes::Buf, warp::Error>>,
    limit: usize,
) -> Result<Vec<u8>, IngestError> {
    let mut collected = Vec::new();
    let mut body = std::pin::pin!(body);
    while let Some(mut part) =
        body.try_next().await.map_err(|error| IngestError::Body(error.to_string()))?
    {
        if part.remaining() > limit - collected.len() {
            return Err(IngestError::TooLarge(limit));
        }
        while part.has_remaining() {
            let length = part.chunk().len();
            collected.extend_from_slice(part.chunk());
            part.advance(length);
        }
    }
    Ok(collected)
}

/// Undoes the compression, up to `limit` bytes.
pub(crate) fn inflate(
    body: Vec<u8>,
    encoding: Encoding,
    limit: usize,
) -> Result<Vec<u8>, IngestError> {
    match encoding {
        Encoding::Identity => Ok(body),
        Encoding::Gzip => read(MultiGzDecoder::new(body.as_slice()), limit),
        Encoding::Deflate => read(ZlibDecoder::new(body.as_slice()), limit),
    }
}

fn read(decoder: impl std::io::Read, limit: usize) -> Result<Vec<u8>, IngestError> {
    let mut inflated = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder
        .take(most)
        .read_to_end(&mut inflated)
        .map_err(|error| IngestError::Inflate(error.to_string()))?;
    if inflated.len() > limit { Err(IngestError::TooLarge(limit)) } else { Ok(inflated) }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{
        Compression,
        write::{GzEncoder, ZlibEncoder},
    };

    use super::*;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn inflates() {
        let mut deflated = ZlibEncoder::new(Vec::new(), Compression::fast());
        deflated.write_all(b"abc").unwrap();
        assert_eq!(inflate(deflated.finish().unwrap(), Encoding::Deflate, 3).unwrap(), b"abc");
        // Two members one after the other are one text.
        let two = [gzip(b"ab"), gzip(b"c")].concat();
        assert_eq!(inflate(two, Encoding::Gzip, 3).unwrap(), b"abc");
        assert_eq!(inflate(b"abc".to_vec(), Encoding::Identity, 3).unwrap(), b"abc");
    }

    #[test]
    fn stops_at_the_limit() {
        let bomb = gzip(&vec![b' '; 10 << 20]);
        assert!(bomb.len() < 20_000);
        assert!(matches!(inflate(bomb, Encoding::Gzip, 1 << 20), Err(IngestError::TooLarge(_))));
    }

    #[test]
    fn says_what_is_wrong() {
        for damaged in [&b"abc"[..], &gzip(b"abc")[..12]] {
            assert!(matches!(
                inflate(damaged.to_vec(), Encoding::Gzip, 99),
                Err(IngestError::Inflate(_))
            ));
        }
        assert_eq!(Encoding::named(Some("GZIP")).unwrap(), Encoding::Gzip);
        assert_eq!(Encoding::named(None).unwrap(), Encoding::Identity);
        let error = Encoding::named(Some("br")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "content-encoding br is not understood; send gzip, deflate or identity"
        );
    }
}
