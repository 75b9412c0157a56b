//! A form's fields, as a browser or curl sends them: one event of texts.

use event_schemas::{MAX_VALUES, TooManyValues, Value, parse};
use url::form_urlencoded;

use super::{Decoder, Load, load, lossy};
use crate::{
    error::IngestError,
    fields::{self, Fields},
    formats::Form,
    paths::Format,
    records::{Record, Records},
};

/// Whether this is what the media type says. It is what curl calls everything that it sends, and
/// a text has spaces or has no `=`.
pub(super) fn is_form(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    body.iter().all(u8::is_ascii_graphic) && body.contains(&b'=')
}

/// What a form holds at most, or what is called one and is a text of some kind.
pub(super) fn load(body: &[u8]) -> Load {
    let mut load = load::of_text(body);
    // GitHub's JSON is written in it.
    let escaped = memchr::memchr_iter(b'%', body).filter(|at| {
        let digits = body.get(at + 1..at + 3).unwrap_or_default();
        [&b"2c"[..], b"5b", b"7b"].iter().any(|mark| digits.eq_ignore_ascii_case(mark))
    });
    load.values = (load.values + escaped.count()).min(MAX_VALUES);
    load
}

pub(super) fn decode(
    body: &[u8],
    decoder: &Decoder,
    records: &mut dyn Records,
) -> Result<(), IngestError> {
    if memchr::memchr_iter(b'&', body).count() >= MAX_VALUES {
        decoder.take(Form::Object)?;
        let reason = TooManyValues.to_string();
        records.record(Record::Unreadable { text: lossy::borrowed(body), reason });
        return Ok(());
    }
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
