//! Erlang's external term format, in which the loggers for Elixir and Erlang send their batches.
//!
//! Read here and not by a library: the one there is reserves memory for whatever a list says of its
//! length, and has no limit for nesting.

mod term;

use event_schemas::{MAX_VALUES, Value};

pub(super) use term::VERSION;

use self::term::Reader;
use super::{Decoder, Load, route};
use crate::{
    error::IngestError,
    formats::{self, Form},
    records::{Record, Records},
};

/// Reads a term: `{batch, […]}` in a map, a list of events, or one event. One that is compressed
/// was inflated with the body.
pub(super) fn decode(
    body: &[u8],
    decoder: &Decoder,
    records: &mut dyn Records,
) -> Result<(), IngestError> {
    let [VERSION, term @ ..] = body.trim_ascii_start() else {
        return Err(not_bert("it does not begin as one"));
    };
    let mut reader = Reader::new(term);
    if reader.is_list() {
        decoder.take(Form::List)?;
        return elements(reader, records);
    }
    let Some(pairs) = reader.map().map_err(not_bert)? else {
        decoder.take(Form::Scalar)?;
        let value = reader.value().map_err(not_bert)?;
        records.record(reader.event(value));
        return Ok(());
    };
    // A batch may be as long as a body: its events are read later, one by one.
    let (mut object, mut batch) = (Vec::new(), None);
    for _ in 0..pairs {
        let mut ahead = reader.clone();
        let name = ahead.name().map_err(not_bert)?;
        let is_batch = matches!(&name, Value::String(name) if name == "batch");
        if is_batch && ahead.is_list() && formats::takes(decoder.format, Form::Batch) {
            batch = Some(ahead.clone());
            ahead.pass_over().map_err(not_bert)?;
            reader = ahead;
        } else {
            object.extend(reader.pair().map_err(not_bert)?);
        }
    }
    match batch {
        None => match reader.event(Value::Object(object)) {
            Record::Value(Value::Object(object)) => decoder.lone(None, object, records),
            record => {
                decoder.take(Form::Object)?;
                records.record(record);
                Ok(())
            }
        },
        Some(batch) => {
            records.route(route(&object));
            elements(batch, records)
        }
    }
}

/// What a term holds at most.
pub(super) fn load(body: &[u8]) -> Load {
    let term = body.trim_ascii_start().get(1..).unwrap_or_default();
    Load {
        events: announced(Reader::passing(term)).unwrap_or(1),
        values: body.len().min(MAX_VALUES),
    }
}

/// How many events there are said to be, as far as there can be so many.
fn announced(mut reader: Reader<'_>) -> Result<usize, &'static str> {
    if reader.is_list() {
        return reader.announced();
    }
    let mut events = 1;
    for _ in 0..reader.map()?.unwrap_or_default() {
        reader.name()?;
        events = events.max(reader.announced()?);
        reader.value()?;
    }
    Ok(events)
}

fn elements(mut reader: Reader<'_>, records: &mut dyn Records) -> Result<(), IngestError> {
    reader.events(&mut |record| records.record(record)).map_err(not_bert)
}

fn not_bert(reason: &'static str) -> IngestError {
    IngestError::NotBert(reason)
}
