//! Frames that begin with their length in four bytes, big-endian: Vector's codec `native`, and its
//! JSON where the framing is set to `length_delimited`.

use bytes::{Buf, Bytes};
use event_schemas::repair;

use super::{Decoder, Load, lines, lossy, native};
use crate::{
    error::IngestError,
    formats::Form,
    limits::MAX_BODY_VALUES,
    records::{Record, Records},
};

/// Reads frames. One of the right length that cannot be read does not harm its neighbours, but the
/// first tells what the body is.
pub(super) fn decode(
    body: Vec<u8>,
    decoder: &Decoder,
    records: &mut dyn Records,
) -> Result<(), IngestError> {
    decoder.take(Form::List)?;
    let mut rest = Bytes::from(body);
    let mut count = 0;
    while !rest.is_empty() && !records.is_full() {
        count += 1;
        let frame = next(&mut rest)
            .ok_or_else(|| unreadable(count, "it is cut, or the body is not made of frames"))?;
        if frame.starts_with(b"{") {
            let text = repair(frame.to_vec());
            lines::record(&text, decoder, records);
            continue;
        }
        match native::decode(frame.clone(), records) {
            Ok(()) => {}
            Err(error) if count == 1 => return Err(unreadable(count, &error.to_string())),
            Err(error) => records.record(Record::Unreadable {
                text: lossy::borrowed(&frame),
                reason: format!("no event of Vector's: {error}"),
            }),
        }
    }
    Ok(())
}

/// What frames hold at most.
pub(super) fn load(body: &[u8]) -> Load {
    let (mut load, mut rest) = (Load::default(), body);
    while let Some((frame, after)) =
        length(&mut rest).and_then(|length| rest.split_at_checked(length))
    {
        rest = after;
        match frame.first() {
            Some(b'{') => load.event(frame),
            // It is read as a whole.
            _ => {
                load.events += native::events(frame).max(1);
                load.values = load.values.max(native::weight(frame).min(MAX_BODY_VALUES));
            }
        }
    }
    load
}

fn next(rest: &mut Bytes) -> Option<Bytes> {
    let length = length(rest).filter(|length| *length <= rest.len())?;
    Some(rest.split_to(length))
}

fn length(rest: &mut impl Buf) -> Option<usize> {
    usize::try_from(rest.try_get_u32().ok()?).ok()
}

fn unreadable(frame: usize, reason: &str) -> IngestError {
    IngestError::Frames { frame, reason: reason.to_owned() }
}
