//! Bodies of requests: collected and inflated up to a limit, within memory that is bounded over all
//! requests.

use std::{io::Read, sync::Arc, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use futures_util::{Stream, TryStreamExt as _};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use warp::http::{
    HeaderMap,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
};

use crate::refusal::Refusal;

/// Largest body, in bytes, compressed or not: the contract's. A query's text has its own limit.
const MAX_BODY: usize = 12_000_000;

/// The same where nobody has shown a token: the longest query, escaped, and its parameters.
const MAX_OPEN_BODY: usize = 512 << 10;

/// What may come before memory is taken for it: little beside what its connection takes.
const BRIEF: usize = 8 << 10;

/// JSON values take up to about so many times the memory of their text: each `0,` becomes a value.
const VALUES: usize = 16;

/// Bytes of all bodies and what is read from them: from those who have a token, and from others.
const MEMORY: usize = 64 << 20;
const OPEN_MEMORY: usize = 8 << 20;

/// What is counted, in bytes.
const UNIT: usize = 1024;

/// How long a request waits for memory.
const PATIENCE: Duration = Duration::from_secs(10);

/// Memory for bodies, over all requests. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct BodyMemory {
    known: Lane,
    open: Lane,
}

/// Memory for bodies of one kind of callers: others cannot take it.
#[derive(Debug, Clone)]
struct Lane {
    free: Arc<Semaphore>,
    units: usize,
    /// Largest body, in bytes.
    limit: usize,
    patience: Duration,
}

/// A body, and the memory that it takes until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    _memory: Option<OwnedSemaphorePermit>,
}

impl BodyMemory {
    pub(crate) fn new() -> Self {
        Self { known: Lane::new(MEMORY, MAX_BODY), open: Lane::new(OPEN_MEMORY, MAX_OPEN_BODY) }
    }

    /// Collects and inflates a body. `is_known` says whether its sender has shown a token that may
    /// send it.
    pub(crate) async fn collect(
        &self,
        body: impl Stream<Item = Result<impl Buf, warp::Error>>,
        headers: &HeaderMap,
        is_known: bool,
    ) -> Result<Held, Refusal> {
        let lane = if is_known { &self.known } else { &self.open };
        lane.collect(body, headers).await
    }
}

impl Lane {
    fn new(bytes: usize, limit: usize) -> Self {
        let units = bytes / UNIT;
        Self { free: Arc::new(Semaphore::new(units)), units, limit, patience: PATIENCE }
    }

    async fn collect(
        &self,
        body: impl Stream<Item = Result<impl Buf, warp::Error>>,
        headers: &HeaderMap,
    ) -> Result<Held, Refusal> {
        let limit = self.limit;
        if media_type(headers).is_some_and(|media| media.starts_with("multipart/")) {
            return Err(Refusal::Multipart);
        }
        let coding = Coding::of(headers)?;
        let declared = declared_length(headers);
        if declared.is_some_and(|length| length > limit) {
            return Err(Refusal::BodyTooLarge(limit));
        }
        // All at one go, so that nobody holds what another one waits for and waits too.
        let needed = match coding {
            None => declared.unwrap_or(limit).saturating_mul(VALUES),
            Some(_) => declared.unwrap_or(limit).saturating_add(limit.saturating_mul(VALUES)),
        };
        let mut memory = None;
        let mut collected = BytesMut::new();
        let mut body = std::pin::pin!(body);
        let broken = |error: warp::Error| Refusal::Body(error.to_string());
        while let Some(mut part) = body.try_next().await.map_err(broken)? {
            let length = collected.len() + part.remaining();
            // What its head says of a body is no promise.
            if length > declared.unwrap_or(limit).min(limit) {
                return Err(Refusal::BodyTooLarge(limit));
            }
            if length > BRIEF && memory.is_none() {
                memory = Some(self.take(needed).await?);
            }
            while part.has_remaining() {
                let chunk = part.chunk();
                collected.extend_from_slice(chunk);
                let length = chunk.len();
                part.advance(length);
            }
        }
        let mut bytes = collected.freeze();
        if let Some(coding) = coding.filter(|_| !bytes.is_empty()) {
            if memory.is_none() {
                memory = Some(self.take(needed).await?);
            }
            let inflating = tokio::task::spawn_blocking(move || coding.undo(&bytes, limit)).await;
            let inflated = inflating.map_err(|error| Refusal::Body(error.to_string()))?;
            bytes = inflated?.into();
        }
        Ok(Held { bytes, _memory: memory })
    }

    /// So many bytes; a single body may have all that there are.
    async fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Refusal> {
        let units = u32::try_from(bytes.div_ceil(UNIT).min(self.units)).unwrap_or(u32::MAX);
        let taken = timeout(self.patience, Arc::clone(&self.free).acquire_many_owned(units)).await;
        let busy = "other requests hold too much memory; ask again in a moment";
        taken.ok().and_then(Result::ok).ok_or_else(|| Refusal::Unavailable(busy.to_owned()))
    }
}

/// What a body is said to be: `application/json`, in lower case, without its parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let given = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    given.split(';').next().map(|media| media.trim().to_ascii_lowercase())
}

fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    /// zlib's format, which is what HTTP calls deflate; also the bare one, which some send.
    Deflate,
}

impl Coding {
    fn of(headers: &HeaderMap) -> Result<Option<Self>, Refusal> {
        let Some(name) = headers.get(CONTENT_ENCODING) else { return Ok(None) };
        let name = String::from_utf8_lossy(name.as_bytes()).trim().to_ascii_lowercase();
        match name.as_str() {
            "" | "identity" => Ok(None),
            "gzip" | "x-gzip" => Ok(Some(Self::Gzip)),
            "deflate" => Ok(Some(Self::Deflate)),
            _ => Err(Refusal::Body(format!(
                "its content-encoding {name} is not understood; send gzip, deflate or identity"
            ))),
        }
    }

    /// Undoes it, up to `limit` bytes.
    fn undo(self, body: &[u8], limit: usize) -> Result<Vec<u8>, Refusal> {
        match self {
            Self::Gzip => read(MultiGzDecoder::new(body), limit),
            Self::Deflate => match read(ZlibDecoder::new(body), limit) {
                Err(Refusal::Body(_)) => read(DeflateDecoder::new(body), limit),
                inflated => inflated,
            },
        }
    }
}

fn read(decoder: impl Read, limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut inflated = Vec::new();
    let most = u64::try_from(limit).map_or(u64::MAX, |limit| limit.saturating_add(1));
    decoder
        .take(most)
        .read_to_end(&mut inflated)
        .map_err(|error| Refusal::Body(format!("it cannot be inflated: {error}")))?;
    if inflated.len() > limit { Err(Refusal::BodyTooLarge(limit)) } else { Ok(inflated) }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };
    use futures_util::{StreamExt as _, poll};

    use super::*;

    const TEXT: &[u8] = br#"{"name":"x"}"#;

    fn headers(named: &[(&'static str, &str)]) -> HeaderMap {
        named.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    async fn collected(lane: &Lane, body: &[u8], named: &[(&'static str, &str)]) -> String {
        let parts =
            body.chunks(5000).map(|part| Ok::<_, warp::Error>(Bytes::copy_from_slice(part)));
        match lane.collect(futures_util::stream::iter(parts), &headers(named)).await {
            Ok(held) => String::from_utf8_lossy(&held.bytes).into_owned(),
            Err(refusal) => refusal.to_string(),
        }
    }

    #[tokio::test]
    async fn bodies_are_inflated() {
        let lane = Lane::new(1 << 20, 1 << 20);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(TEXT).unwrap();
        let gzip = gzip.finish().unwrap();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(TEXT).unwrap();
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::fast());
        bare.write_all(TEXT).unwrap();
        for (name, body) in [
            ("gzip", gzip.clone()),
            ("X-GZIP", [gzip.clone(), Vec::new()].concat()),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", bare.finish().unwrap()),
            ("identity", TEXT.to_vec()),
            ("", TEXT.to_vec()),
        ] {
            let text = collected(&lane, &body, &[("content-encoding", name)]).await;
            assert_eq!(text.as_bytes(), TEXT, "{name}");
        }
        for (name, body, expected) in [
            ("gzip", TEXT, "cannot be read: it cannot be inflated"),
            ("deflate", TEXT, "cannot be read: it cannot be inflated"),
            ("lzw", TEXT, "content-encoding lzw is not understood; send gzip, deflate"),
            ("gzip, gzip", &*gzip, "content-encoding gzip, gzip is not understood"),
        ] {
            let text = collected(&lane, body, &[("content-encoding", name)]).await;
            assert!(text.contains(expected), "{name}: {text}");
        }
        assert_eq!(collected(&lane, b"", &[("content-encoding", "gzip")]).await, "");
        let form = [("content-type", "Multipart/Form-Data; boundary=x")];
        assert!(collected(&lane, TEXT, &form).await.starts_with("multipart bodies are not taken"));
        assert_eq!(lane.free.available_permits(), lane.units);
    }

    #[tokio::test]
    async fn limits_hold_for_what_comes_and_for_what_it_becomes() {
        let lane = Lane::new(1 << 20, 20_000);
        let too_large = "the request's body is larger than 20000 bytes";
        let fits = vec![b' '; 20_000];
        assert_eq!(collected(&lane, &fits, &[]).await.len(), fits.len());
        let more = vec![b' '; 20_001];
        assert_eq!(collected(&lane, &more, &[]).await, too_large);
        assert_eq!(collected(&lane, b"", &[("content-length", "20001")]).await, too_large);
        let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
        bomb.write_all(&more).unwrap();
        let bomb = bomb.finish().unwrap();
        assert_eq!(collected(&lane, &bomb, &[("content-encoding", "gzip")]).await, too_large);
        assert_eq!(lane.free.available_permits(), lane.units);
    }

    #[test]
    fn the_smallest_values_are_within_what_is_taken_for_them() {
        assert!(size_of::<serde_json::Value>() <= "0,".len() * VALUES);
    }

    /// Bodies that never end hold no more than there is; brief ones are not in their way.
    #[tokio::test]
    async fn bodies_that_hang_are_bounded_together() {
        let patience = Duration::from_millis(10);
        let lane = Lane { patience, ..Lane::new(1 << 20, 256 << 10) };
        let hanging: Vec<_> = (0..50)
            .map(|_| {
                let begun = futures_util::stream::iter([Ok(Bytes::from(vec![b' '; 9000]))]);
                let body = begun.chain(futures_util::stream::pending());
                let lane = lane.clone();
                Box::pin(async move { lane.collect(body, &HeaderMap::new()).await })
            })
            .collect();
        let mut hanging = futures_util::future::join_all(hanging);
        assert!(poll!(&mut hanging).is_pending());
        assert_eq!(lane.free.available_permits(), 0);
        assert_eq!(collected(&lane, TEXT, &[]).await.as_bytes(), TEXT);
        let waiting = collected(&lane, &vec![b' '; 9000], &[]).await;
        assert!(waiting.starts_with("other requests hold too much memory"), "{waiting}");
        drop(hanging);
        assert_eq!(lane.free.available_permits(), lane.units);
    }
}
