//! Bodies: collected up to a limit, inflated up to the same limit.

mod brotli;
mod inflate;

use futures_util::{Stream, TryStreamExt as _};

pub(crate) use inflate::{Encoding, inflate, is_compressed_term};

use crate::{budget::Share, error::IngestError};

/// Collects a body of at most `limit` bytes, within its share of memory. What a header says of its
/// length is not relied upon.
pub(crate) async fn collect(
    body: impl Stream<Item = Result<impl bytes::Buf, warp::Error>>,
    limit: usize,
    share: &mut Share,
) -> Result<Vec<u8>, IngestError> {
    let mut collected = Vec::new();
    let mut body = std::pin::pin!(body);
    while let Some(mut part) =
        body.try_next().await.map_err(|error| IngestError::Body(error.to_string()))?
    {
        if part.remaining() > limit - collected.len() {
            return Err(IngestError::TooLarge(limit));
        }
        share.grow_to(collected.len() + part.remaining()).await?;
        while part.has_remaining() {
            let length = part.chunk().len();
            collected.extend_from_slice(part.chunk());
            part.advance(length);
        }
    }
    Ok(collected)
}

#[cfg(test)]
mod tests {
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
        assert_eq!(collect(parts(), 5, &mut share()).await.unwrap(), b"abcde");
        assert!(matches!(collect(parts(), 4, &mut share()).await, Err(IngestError::TooLarge(4))));
    }
}
