//! Erlang's external term format, in which the loggers for Elixir and Erlang send their batches.
//!
//! Read here and not by a library: the one there is reserves memory for whatever a list says of its
//! length, and has no limit for nesting.

mod term;

use std::borrow::Cow;

use event_schemas::Value;
use flate2::read::ZlibDecoder;

pub(super) use term::VERSION;

use self::term::Reader;
use super::{Decoder, route};
use crate::{
    error::IngestError,
    formats::{self, Form},
    records::{Record, Records},
};

const COMPRESSED: u8 = 80;

/// Reads a term: `{batch, […]}` in a map, a list of events, or one event.
pub(super) fn decode(
    body: &[u8],
    decoder: &Decoder,
    records: &mut dyn Records,
) -> Result<(), IngestError> {
    match body.trim_ascii_start() {
        // Behind it is the length, which is not relied upon.
        [VERSION, COMPRESSED, _, _, _, _, term @ ..] => {
            let term = crate::body::read(ZlibDecoder::new(term), decoder.limit)?;
            decode_term(&term, decoder, records)
        }
        [VERSION, term @ ..] => decode_term(term, decoder, records),
        _ => Err(not_bert("it does not begin as one")),
    }
}

fn decode_term(
    term: &[u8],
    decoder: &Decoder,
    records: &mut dyn Records,
) -> Result<(), IngestError> {
    let mut reader = Reader::new(term);
    if reader.is_list() {
        decoder.take(Form::List)?;
        return elements(reader, records);
    }
    let Some(pairs) = reader.map().map_err(not_bert)? else {
        decoder.take(Form::Scalar)?;
        let value = reader.value().map_err(not_bert)?;
        records.record(Record::Value(value));
        return Ok(());
    };
    // A batch may be as long as a body: its events are read later, one by one.
    let (mut object, mut batch) = (Vec::new(), None);
    for _ in 0..pairs {
        let name = reader.name().map_err(not_bert)?;
        if name == "batch" && reader.is_list() && formats::takes(decoder.format, Form::Batch) {
            batch = Some(reader.clone());
            reader.elements(&mut |_| {}).map_err(not_bert)?;
        } else {
            object.push((name, reader.value().map_err(not_bert)?));
        }
    }
    match batch {
        None => decoder.lone(None, object, records),
        Some(batch) => {
            records.route(route(&object));
            elements(batch, records)
        }
    }
}

fn elements(mut reader: Reader<'_>, records: &mut dyn Records) -> Result<(), IngestError> {
    reader.elements(&mut |value| records.record(Record::Value(value))).map_err(not_bert)
}

fn not_bert(reason: &'static str) -> IngestError {
    IngestError::NotBert(reason)
}

/// What a name of a field is written as.
fn named(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::String(text) => text,
        other => Cow::Owned(other.to_json()),
    }
}
