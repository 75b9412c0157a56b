//! The message of a call: five bytes in front of it say whether it is compressed, and its length.

use std::{fmt, future::ready};

use bytes::Buf;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use tonic::Status;
use warp::http::HeaderMap;

use crate::{
    body::{self, Encoding},
    budget::Share,
    error::IngestError,
    request::header,
};

/// Bytes in front of a message.
const PREFIX: usize = 5;

/// Why there is no message.
#[derive(Debug)]
pub(super) enum Unread {
    /// As with all bodies.
    Ingest(IngestError),
    /// The call is not what gRPC has.
    Protocol(Status),
}

impl From<IngestError> for Unread {
    fn from(error: IngestError) -> Self {
        Self::Ingest(error)
    }
}

/// What compressed messages of a call are compressed with. `None`: they must not be.
pub(super) fn compression(headers: &HeaderMap) -> Result<Option<Encoding>, Status> {
    match header(headers, "grpc-encoding") {
        None | Some("identity") => Ok(None),
        Some("gzip") => Ok(Encoding::named("gzip").ok()),
        Some(other) => {
            let text = format!("messages compressed with {other} are not understood; use gzip");
            let mut status = Status::unimplemented(text);
            let accepted = tonic::metadata::MetadataValue::from_static("identity,gzip");
            status.metadata_mut().insert("grpc-accept-encoding", accepted);
            Err(status)
        }
    }
}

/// Collects the only message, of at most `limit` bytes; memory is taken as soon as its length is
/// known. Besides, how it is compressed.
pub(super) async fn collect<B: Buf, E: fmt::Display>(
    call: impl Stream<Item = Result<B, E>>,
    compression: Option<Encoding>,
    limit: usize,
    share: &mut Share,
) -> Result<(Vec<u8>, Encoding), Unread> {
    let mut call = std::pin::pin!(call);
    let (mut prefix, mut filled) = ([0; PREFIX], 0);
    let first = loop {
        let part = call.try_next().await.map_err(|error| IngestError::Body(error.to_string()))?;
        let Some(mut part) = part else {
            return Err(Unread::Protocol(match filled {
                0 => Status::unimplemented("there is no message; send one"),
                _ => cut(),
            }));
        };
        let missing = prefix.get_mut(filled..).unwrap_or_default();
        let count = missing.len().min(part.remaining());
        part.copy_to_slice(missing.get_mut(..count).unwrap_or_default());
        filled += count;
        if filled == PREFIX {
            break part;
        }
    };
    let [flag, length @ ..] = prefix;
    let encoding = match (flag, compression) {
        (0, _) => Encoding::Identity,
        (1, Some(encoding)) => encoding,
        (1, None) => {
            return Err(wrong("the message is compressed, and grpc-encoding says nothing"));
        }
        _ => return Err(wrong("the message begins neither with 0 nor with 1")),
    };
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > limit {
        return Err(IngestError::TooLarge(limit).into());
    }
    let rest = stream::once(ready(Ok(first))).chain(call);
    let message = match body::collect(rest, Some(length), length, share).await {
        Err(IngestError::TooLarge(_)) => {
            let text = "more follows the message; send one with each call";
            return Err(Unread::Protocol(Status::unimplemented(text)));
        }
        collected => collected?,
    };
    if message.len() < length { Err(Unread::Protocol(cut())) } else { Ok((message, encoding)) }
}

fn cut() -> Status {
    Status::internal("the message is cut")
}

fn wrong(text: &str) -> Unread {
    Unread::Protocol(Status::internal(text))
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;
    use crate::budget::Budget;

    /// The message, and whether it is compressed; or the code.
    async fn read(parts: &[&'static [u8]], compressed: bool) -> Result<(Vec<u8>, bool), Code> {
        let call = stream::iter(parts.to_vec()).map(Ok::<_, warp::Error>);
        let compression = if compressed { Encoding::named("gzip").ok() } else { None };
        let mut share = Budget::new(1 << 20).share();
        match collect(call, compression, 5, &mut share).await {
            Ok((message, encoding)) => Ok((message, encoding != Encoding::Identity)),
            Err(Unread::Protocol(status)) => Err(status.code()),
            Err(Unread::Ingest(IngestError::TooLarge(5))) => Err(Code::OutOfRange),
            Err(Unread::Ingest(error)) => panic!("{error}"),
        }
    }

    #[tokio::test]
    async fn finds_the_only_message() {
        for (parts, compressed, expected) in [
            (&[&b"\0\0\0\0\x03abc"[..]][..], true, Ok((&b"abc"[..], false))),
            (&[b"\0\0", b"", b"\0\0\x03a", b"bc"], false, Ok((b"abc", false))),
            (&[b"\x01\0\0\0\x05", b"abcde"], true, Ok((b"abcde", true))),
            (&[b"\0\0\0\0\0"], false, Ok((b"", false))),
            (&[b"\x01\0\0\0\x01a"], false, Err(Code::Internal)),
            (&[b"\x02\0\0\0\x01a"], true, Err(Code::Internal)),
            (&[b"\0\0\0\0\x03ab"], false, Err(Code::Internal)),
            (&[b"\0\0\0\0"], false, Err(Code::Internal)),
            (&[b"\0\0\0\0\x06"], false, Err(Code::OutOfRange)),
            (&[b"\0\xff\xff\xff\xff"], false, Err(Code::OutOfRange)),
            (&[b"\0\0\0\0\x01a\0"], false, Err(Code::Unimplemented)),
            (&[b"\0\0\0\0\x01a", b"\0\0\0\0\x01b"], false, Err(Code::Unimplemented)),
            (&[b""], false, Err(Code::Unimplemented)),
            (&[], false, Err(Code::Unimplemented)),
        ] {
            let expected = expected.map(|(message, compressed)| (message.to_vec(), compressed));
            assert_eq!(read(parts, compressed).await, expected, "{parts:?}");
        }
    }

    #[test]
    fn knows_compressions() {
        for (name, expected) in
            [("", Ok(false)), ("identity", Ok(false)), ("gzip", Ok(true)), ("br", Err(()))]
        {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-encoding", name.parse().unwrap());
            let found = compression(&headers).map(|encoding| encoding.is_some());
            assert_eq!(found.map_err(drop), expected, "{name}");
        }
    }
}
