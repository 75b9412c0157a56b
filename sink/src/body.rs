//! Bodies: collected up to a limit, inflated up to the same limit.

mod brotli;
mod inflate;

use std::fmt;

use bytes::Buf;
use futures_util::{Stream, TryStreamExt as _};
use warp::http::{HeaderMap, header::CONTENT_LENGTH};

pub(crate) use inflate::{Encoding, inflate, is_compressed_term, likely_length};

use crate::{budget::Share, error::IngestError};

/// The length of a body as its head says it. It is enough to refuse the body, and to take memory for
/// it; besides it is not relied upon.
pub(crate) fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// What may come of a body before memory is taken for it: little beside what its connection takes.
/// So thousands of senders that send next to nothing hold nothing that others wait for.
const BRIEF: usize = 8 << 10;

/// Collects a body of at most `limit` bytes, within its share of memory. For one of declared length
/// it is taken at one go, once more than a little has come.
pub(crate) async fn collect<E: fmt::Display>(
    body: impl Stream<Item = Result<impl Buf, E>>,
    declared: Option<usize>,
    limit: usize,
    share: &mut Share,
) -> Result<Vec<u8>, IngestError> {
    if declared.is_some_and(|length| length > limit) {
        return Err(IngestError::TooLarge(limit));
    }
    let declared = declared.unwrap_or_default();
    let mut collected = Vec::with_capacity(declared.min(BRIEF));
    let mut body = std::pin::pin!(body);
    while let Some(mut part) =
        body.try_next().await.map_err(|error| IngestError::Body(error.to_string()))?
    {
        if part.remaining() > limit - collected.len() {
            return Err(IngestError::TooLarge(limit));
        }
        let length = collected.len() + part.remaining();
        if length > declared.max(BRIEF) {
            share.arrive_further(length, limit).await?;
        } else if length > BRIEF {
            share.arrive(declared).await?;
            collected.reserve(declared - collected.len());
        }
        while part.has_remaining() {
            let length = part.chunk().len();
            collected.extend_from_slice(part.chunk());
            part.advance(length);
        }
    }
    share.arrived();
    Ok(collected)
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;
    use crate::budget::Budget;

    fn share() -> Share {
        Budget::new(1 << 20).share()
    }

    #[tokio::test]
    async fn collects_up_to_the_limit() {
        let parts = || {
            let parts: [&'static [u8]; 3] = [b"ab", b"", b"cde"];
            futures_util::stream::iter(parts.map(Ok::<_, warp::Error>))
        };
        // More may come than was said.
        for declared in [None, Some(0), Some(4), Some(5)] {
            let body = collect(parts(), declared, 5, &mut share()).await;
            assert_eq!(body.unwrap(), b"abcde", "{declared:?}");
        }
        let body = collect(parts(), None, 4, &mut share()).await;
        assert!(matches!(body, Err(IngestError::TooLarge(4))));
    }

    #[tokio::test]
    async fn what_hardly_comes_holds_nothing() {
        let budget = Budget::new(1 << 20);
        // All of them together say more than there is.
        let waiting: Vec<_> = (0..1_000)
            .map(|_| {
                let begun = futures_util::stream::iter([Ok::<_, String>(&b"a"[..])])
                    .chain(futures_util::stream::pending());
                let mut share = budget.share();
                Box::pin(async move { collect(begun, Some(64 << 10), 1 << 20, &mut share).await })
            })
            .collect();
        let mut waiting = futures_util::future::join_all(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        let whole = vec![b'a'; 64 << 10];
        let parts = whole.chunks(1 << 10).map(Ok::<_, String>);
        let mut share = budget.share();
        let all =
            collect(futures_util::stream::iter(parts), Some(whole.len()), 1 << 20, &mut share);
        let all = futures_util::poll!(std::pin::pin!(all));
        assert!(matches!(all, std::task::Poll::Ready(Ok(body)) if body == whole));
    }

    #[tokio::test]
    async fn nothing_is_read_of_what_is_said_to_be_too_large() {
        let body = futures_util::stream::pending::<Result<&[u8], warp::Error>>();
        let body = collect(body, Some(6), 5, &mut share()).await;
        assert!(matches!(body, Err(IngestError::TooLarge(5))));
    }

    #[test]
    fn finds_the_declared_length() {
        for (text, length) in
            [("", None), ("0", Some(0)), ("40000000", Some(40_000_000)), ("-1", None), ("x", None)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_LENGTH, text.parse().unwrap());
            assert_eq!(declared_length(&headers), length, "{text}");
        }
        assert_eq!(declared_length(&HeaderMap::new()), None);
    }
}
