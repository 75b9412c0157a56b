//! Frames that begin with their length in four bytes, big-endian: Vector's codec `native`, and its
//! JSON where the framing is set to `length_delimited`.

use bytes::{Buf, Bytes};
use event_schemas::{MAX_VALUES, repair};

use super::{Decoder, lines, lossy, most_values, native};
use crate::{
    error::IngestError,
    formats::Form,
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

/// About how many values the heaviest frame takes the memory of.
pub(super) fn heaviest(body: &[u8]) -> usize {
    let mut rest = body;
    let weight = |frame: &[u8]| match frame.first() {
        Some(b'{') => most_values(frame).min(MAX_VALUES),
        _ => native::weight(frame),
    };
    let frames = std::iter::from_fn(|| {
        let length = length(&mut rest)?;
        let (frame, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(frame)
    });
    frames.map(weight).max().unwrap_or_default()
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
