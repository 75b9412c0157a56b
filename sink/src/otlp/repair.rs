//! Protobuf whose texts are not UTF-8.
//!
//! Protobuf forbids them, yet collectors pass on what they read from log files. One such text would
//! refuse its whole request for good. Its wrong bytes become `?`: no length changes, so the message
//! can be repaired where it is. Only where these messages have texts needs to be known.

use std::ops::Range;

use prost::encoding::WireType;

use super::{
    decode::Signal,
    messages::{Field, Message},
};
use crate::protobuf::fields;

/// Deepest nesting of messages that prost reads.
const MAX_DEPTH: usize = 100;

/// Repairs an export; whether there was anything to repair.
pub(super) fn repair(signal: Signal, body: &mut [u8]) -> bool {
    let mut texts = Vec::new();
    find(Message::Request(signal), body, 0, 0, &mut texts);
    for text in &texts {
        if let Some(text) = body.get_mut(text.clone()) {
            patch(text);
        }
    }
    !texts.is_empty()
}

/// Finds the texts that are no UTF-8 in a message which begins at `start` of the body. What cannot
/// be read ends the search: it is no message.
fn find(kind: Message, message: &[u8], start: usize, depth: usize, texts: &mut Vec<Range<usize>>) {
    let delimited = fields(message).filter(|field| field.wire_type == WireType::LengthDelimited);
    for field in delimited {
        let start = start + field.start;
        match kind.field(field.number) {
            Some(Field::Text) => {
                let wrong = std::str::from_utf8(field.bytes).is_err();
                texts.extend(wrong.then(|| start..start + field.bytes.len()));
            }
            Some(Field::Message(kind)) if depth < MAX_DEPTH => {
                find(kind, field.bytes, start, depth + 1, texts);
            }
            _ => {}
        }
    }
}

/// Makes each byte that is no part of a character a `?`.
fn patch(text: &mut [u8]) {
    let mut rest = text;
    while let Err(error) = std::str::from_utf8(rest) {
        let wrong = error.valid_up_to();
        let length = error.error_len().unwrap_or(rest.len() - wrong);
        let (done, after) = rest.split_at_mut(wrong + length);
        done[wrong..].fill(b'?');
        rest = after;
    }
}

#[cfg(test)]
mod tests;
