//! One event per line.
//!
//! Vector's newline framing, `native_json`, Cloudflare's Logpush and plain text all come like this.
//! A NUL byte ends a line too: it is what Vector's codec `gelf` puts after each object. A line that
//! cannot be read does not harm its neighbours.

use std::borrow::Cow;

use event_schemas::{Unreadable, Value, parse};

use super::{Decoder, lossy};
use crate::{
    error::IngestError,
    fields::{named, string},
    formats::{self, Form},
    records::{Record, Records},
    request::Media,
};

/// Reads lines of JSON.
pub(super) fn decode(
    text: &str,
    decoder: &Decoder,
    records: &mut dyn Records,
) -> Result<(), IngestError> {
    decoder.take(Form::Lines)?;
    for line in of(text) {
        if records.is_full() {
            break;
        }
        record(line, decoder, records);
    }
    Ok(())
}

/// Hands over a line of JSON.
pub(super) fn record(line: &str, decoder: &Decoder, records: &mut dyn Records) {
    records.record(match parse(line) {
        Ok(Value::Object(object)) => Record::Value(formats::of_line(decoder.format, line, object)),
        _ if decoder.media == Media::Text => Record::Value(message(line)),
        Ok(other) => Record::Value(other),
        Err(error) => unreadable(line, &error),
    });
}

/// A text that is no JSON, or too much of it.
pub(super) fn unreadable<'a>(text: &'a str, error: &Unreadable) -> Record<'a> {
    let reason = match error {
        Unreadable::NotJson(error) => format!("no JSON: {error}"),
        Unreadable::TooManyValues(error) => error.to_string(),
    };
    Record::Unreadable { text: Cow::Borrowed(text), reason }
}

/// Makes an event of each line.
pub(super) fn texts(
    text: &str,
    decoder: &Decoder,
    records: &mut dyn Records,
) -> Result<(), IngestError> {
    decoder.take(Form::Text)?;
    for line in of(text) {
        if records.is_full() {
            break;
        }
        records.record(Record::Value(message(line)));
    }
    Ok(())
}

fn message(line: &str) -> Value<'_> {
    // A text of bytes that are no text may hold anything.
    let text = lossy::without_nul(Cow::Borrowed(line));
    Value::Object(vec![named("event_message", string(text))])
}

/// The lines that are not blank.
pub(super) fn of(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let (line, after) = split_first(rest);
            rest = after;
            if !is_blank(line) {
                return Some(line);
            }
        }
        None
    })
}

/// The first line, and what comes after it.
pub(super) fn split_first(text: &str) -> (&str, &str) {
    let end = memchr::memchr2(b'\n', 0, text.as_bytes());
    let (line, rest) = end.map_or((text, ""), |end| (&text[..end], &text[end + 1..]));
    (line.strip_suffix('\r').unwrap_or(line), rest)
}

/// Whether nothing is said.
pub(super) fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_whitespace() || byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_several_ways() {
        for (text, lines) in [
            ("a\nb", &["a", "b"][..]),
            ("a\r\n\r\n b\r\n", &["a", " b"]),
            ("a\0b\0", &["a", "b"]),
            ("a\0\nb\0\n\n", &["a", "b"]),
            ("é\n", &["é"]),
            ("", &[]),
            (" \n\0", &[]),
        ] {
            assert_eq!(of(text).collect::<Vec<_>>(), lines, "{text:?}");
        }
    }
}
