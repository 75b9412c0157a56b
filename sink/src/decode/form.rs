//! A form's fields, as a browser or curl sends them: one event of texts.

use event_schemas::{Value, parse};
use url::form_urlencoded;

use super::{Decoder, lossy};
use crate::{
    error::IngestError,
    fields::{self, Fields},
    paths::Format,
    records::Records,
};

/// Whether this is what the media type says. It is what curl calls everything that it sends, and
/// a text has spaces or has no `=`.
pub(super) fn is_form(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    body.iter().all(u8::is_ascii_graphic) && body.contains(&b'=')
}

pub(super) fn decode(
    body: &[u8],
    decoder: &Decoder,
    records: &mut dyn Records,
) -> Result<(), IngestError> {
    let pairs = form_urlencoded::parse(body.trim_ascii())
        .map(|(name, value)| (lossy::without_nul(name), Value::String(lossy::without_nul(value))));
    let object: Fields<'_> = pairs.collect();
    // GitHub can send its JSON like this.
    if decoder.format == Format::GitHub
        && let Some(Ok(Value::Object(payload))) = fields::text(&object, "payload").map(parse)
    {
        return decoder.lone(None, payload, records);
    }
    decoder.lone(None, object, records)
}
