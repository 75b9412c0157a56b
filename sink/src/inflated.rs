//! Inflates bodies within their share of memory.

use store::{ContentHash, Delivery};

use crate::{
    body::{Encoding, inflate, is_compressed_term, likely_length},
    budget::Share,
    error::IngestError,
    pipeline::Pipeline,
    records::Decode,
    request::Route,
};

/// Bodies of more bytes are worked on outside of the threads that wait for sockets.
pub(crate) const SMALL_BODY: usize = 64 << 10;

/// Memory that an inflated body and what becomes of it take, for each of its bytes.
pub(crate) const WEIGHT: usize = 3;

/// How much more memory is asked for at a time when a body becomes larger than was thought.
const GROWTH: usize = 4;

/// A request that is to be inflated.
pub(crate) struct Received<'r> {
    pub(crate) route: &'r Route,
    pub(crate) form: &'r str,
    pub(crate) body: Vec<u8>,
    pub(crate) encoding: Encoding,
    /// Memory for each of its bytes, see [`WEIGHT`].
    pub(crate) weight: usize,
}

impl Pipeline {
    /// The body as it was before it was compressed, its share of memory grown to its real size and
    /// to what it takes to read it; and the identity of the request.
    pub(crate) async fn inflated<D: Decode>(
        &self,
        request: Received<'_>,
        decode: D,
        share: &mut Share,
        delivery: &Delivery,
    ) -> Result<(ContentHash, Vec<u8>, D), IngestError> {
        let Received { route, form, body, encoding, weight } = request;
        let compressed = encoding != Encoding::Identity || is_compressed_term(&body);
        let (route, form, small) = (route.clone(), form.to_owned(), body.len() <= SMALL_BODY);
        let look = move || {
            let content = route.hash(&form, &body);
            let needs = if compressed { 0 } else { decode.needs(&body)? };
            Ok((content, body, decode, needs))
        };
        let (content, body, decode, needs) = if small { look() } else { blocking(look).await }?;
        if compressed {
            let (body, decode) =
                self.inflated_within(body, (encoding, weight), decode, share, delivery).await?;
            return Ok((content, body, decode));
        }
        share.work(body.len() * weight + needs).await?;
        Ok((content, body, decode))
    }

    /// Inflates a body. How large it becomes is only known afterwards: where memory was taken for
    /// less, it is inflated again when there is enough, so that nothing is held meanwhile.
    async fn inflated_within<D: Decode>(
        &self,
        mut received: Vec<u8>,
        (encoding, weight): (Encoding, usize),
        mut decode: D,
        share: &mut Share,
        delivery: &Delivery,
    ) -> Result<(Vec<u8>, D), IngestError> {
        let limit = self.max_body_bytes();
        let (mut length, mut needs) = (likely_length(&received, encoding, limit), 0);
        loop {
            share.work(length * (1 + weight) + needs).await?;
            if delivery.is_settled() {
                return Err(IngestError::Left);
            }
            let inflate = move || {
                let inflated = inflate(received.as_slice(), encoding, length);
                let measured = inflated.and_then(|body| Ok((decode.needs(&body)?, body)));
                Ok((received, decode, measured))
            };
            let measured;
            (received, decode, measured) = blocking(inflate).await?;
            match measured {
                Ok((needs_now, body)) => {
                    if share.fits(body.len() * (1 + weight) + needs_now) {
                        drop(received);
                        share.give_back_arriving();
                        return Ok((body, decode));
                    }
                    (length, needs) = (body.len(), needs_now);
                }
                Err(IngestError::TooLarge(_)) if length < limit => {
                    length = length.saturating_mul(GROWTH).min(limit);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Works outside of the threads that wait for sockets.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, IngestError> + Send + 'static,
) -> Result<T, IngestError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a body could not be worked on");
        Err(IngestError::Internal(error.to_string()))
    })
}

impl Route {
    /// Identity of a request: what was sent, and where to.
    fn hash(&self, form: &str, body: &[u8]) -> ContentHash {
        let [name, token_or_name] = self.parts();
        ContentHash::of(&[form.as_bytes(), name.as_bytes(), token_or_name.as_bytes(), body])
    }
}
