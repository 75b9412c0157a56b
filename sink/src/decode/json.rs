//! Bodies that begin as JSON: a list, `{"batch": […]}`, one object, or objects one after the other
//! with line breaks, NUL bytes or nothing between them.

use std::borrow::Cow;

use event_schemas::{Unreadable, Value, parse, parse_elements, parse_fields};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{Decoder, lines, route};
use crate::{
    error::IngestError,
    fields::Fields,
    formats::{self, Form},
    paths::Format,
    records::{Record, Records},
    request::Media,
};

/// Reads a text that begins with `[` or `{`.
pub(super) fn decode(
    text: &str,
    decoder: &Decoder,
    records: &mut dyn Records,
) -> Result<(), IngestError> {
    let text = text.trim_ascii();
    // Vector's codecs csv, logfmt, cef and syslog come without a content type.
    let says_what_it_is = matches!(decoder.media, Media::Json | Media::Lines | Media::CspReport);
    let takes_text = formats::takes(decoder.format, Form::Text);
    if takes_text && !says_what_it_is && !begins_json(text) {
        return lines::texts(text, decoder, records);
    }
    if text.starts_with('[') {
        list(text, decoder, records)
    } else {
        objects(text, decoder, records)
    }
}

/// Whether a body is read as a list or not at all, as far as its beginning tells: never as lines.
pub(super) fn is_list(body: &[u8], decoder: &Decoder) -> bool {
    let text = body.trim_ascii();
    match decoder.media {
        Media::Text | Media::Lines => false,
        _ if !text.starts_with(b"[") => false,
        Media::Json | Media::CspReport => true,
        _ => std::str::from_utf8(text).is_ok_and(begins_json),
    }
}

fn list(text: &str, decoder: &Decoder, records: &mut dyn Records) -> Result<(), IngestError> {
    // `[error] no such file` is a fine line of text, where it is said that there are lines.
    match decoder.media {
        Media::Text if !is_json(text) => return lines::texts(text, decoder, records),
        Media::Lines if !is_json(text) => return lines::decode(text, decoder, records),
        _ => {}
    }
    decoder.take(Form::List)?;
    elements(text, records)
}

/// Hands over a list's elements as they are read. The list may be as long as a body.
fn elements(text: &str, records: &mut dyn Records) -> Result<(), IngestError> {
    let each = &mut |element| {
        records.record(match element {
            Ok(value) => Record::Value(value),
            Err((text, error)) => lines::unreadable(text, &Unreadable::TooManyValues(error)),
        });
    };
    parse_elements(text, each).map_err(not_json)
}

fn objects(text: &str, decoder: &Decoder, records: &mut dyn Records) -> Result<(), IngestError> {
    let (first, rest) = lines::split_first(text);
    let alone = lines::is_blank(rest);
    // One line of many, or the only one: where a path takes many but not one, and where
    // Cloudflare's lines come as what it calls them.
    let takes_lines = match (decoder.format, decoder.media) {
        (Format::Cloudflare, Media::Text | Media::Lines) => true,
        (format, Media::Lines) => !formats::takes(format, Form::Object),
        _ => false,
    };
    if (!alone || takes_lines) && is_object(first) {
        return lines::decode(text, decoder, records);
    }
    let text = if alone { first } else { text };
    match parse_fields(text) {
        Ok(fields) => object(text, fields, decoder, records),
        Err(error @ Unreadable::TooManyValues(_)) if is_json(text) => {
            decoder.take(Form::Object)?;
            records.record(lines::unreadable(text, &error));
            Ok(())
        }
        Err(_) if each_concatenated(text, |_| {}).is_some_and(|count| count > 1) => {
            decoder.take(Form::Lines)?;
            each_concatenated(text, |object| lines::record(object, decoder, records));
            Ok(())
        }
        Err(_) if decoder.media == Media::Text => lines::texts(text, decoder, records),
        Err(_) if decoder.media == Media::Lines || lines::of(text).any(is_object) => {
            lines::decode(text, decoder, records)
        }
        Err(error) => Err(not_json(error)),
    }
}

/// An object that is the whole body.
fn object(
    text: &str,
    fields: Vec<(Cow<'_, str>, &str)>,
    decoder: &Decoder,
    records: &mut dyn Records,
) -> Result<(), IngestError> {
    let batch = fields.iter().rev().find(|(name, text)| name == "batch" && text.starts_with('['));
    let strings = || -> Fields<'_> {
        let strings = fields.iter().filter(|(_, text)| text.starts_with('"'));
        strings.filter_map(|(name, text)| Some((name.clone(), parse(text).ok()?))).collect()
    };
    if let Some((_, batch)) = batch
        && formats::takes(decoder.format, Form::Batch)
    {
        records.route(route(&strings()));
        return elements(batch, records);
    }
    match parse(text) {
        Ok(Value::Object(object)) => decoder.lone(Some(text), object, records),
        Ok(_) => Ok(()),
        Err(error @ Unreadable::TooManyValues(_)) => {
            decoder.take(Form::Object)?;
            records.route(route(&strings()));
            records.record(lines::unreadable(text, &error));
            Ok(())
        }
        Err(error) => Err(not_json(error)),
    }
}

/// Takes objects that stand one after the other, without anything that says where one ends, as
/// Vector's framing `bytes` does. Gives their number; None where the text is something else.
fn each_concatenated(text: &str, mut each: impl FnMut(&str)) -> Option<usize> {
    let mut count = 0;
    for raw in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        let raw = raw.ok()?.get();
        if !raw.starts_with('{') {
            return None;
        }
        each(raw);
        count += 1;
    }
    Some(count)
}

/// Whether a text that begins with `[` or `{` can be JSON, as far as its beginning tells: unlike
/// `[error] no such file`, `[12.5] usb 1-1: new device` or `{level=info}`. What begins as JSON and is
/// broken was meant as such.
fn begins_json(text: &str) -> bool {
    let blank = |byte: u8| byte.is_ascii_whitespace() || byte == 0;
    let inside = text.get(1..).unwrap_or_default();
    let inside = inside.trim_start_matches(|char: char| char.is_ascii_whitespace());
    if text.starts_with('{') {
        return matches!(inside.bytes().next(), None | Some(b'"' | b'}'));
    }
    // What a list of lists begins with tells nothing, however deep it is.
    let inside = inside.trim_start_matches(|char: char| char == '[' || char.is_ascii_whitespace());
    let first = inside.bytes().next();
    let ends_line = |rest: &str| lines::is_blank(lines::split_first(rest).0);
    match first {
        None | Some(b'"' | b'{') => true,
        Some(b']') => ends_line(inside.get(1..).unwrap_or_default()),
        Some(_) => {
            let end = inside.bytes().position(|byte| blank(byte) || matches!(byte, b',' | b']'));
            let (scalar, rest) = inside.split_at(end.unwrap_or(inside.len()));
            let rest = rest.trim_start_matches(|char: char| char.is_ascii_whitespace());
            let goes_on = match rest.bytes().next() {
                None | Some(b',') => true,
                Some(b']') => ends_line(rest.get(1..).unwrap_or_default()),
                Some(_) => false,
            };
            goes_on && is_json(scalar)
        }
    }
}

fn is_object(text: &str) -> bool {
    text.starts_with('{') && is_json(text)
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn not_json(error: Unreadable) -> IngestError {
    IngestError::NotJson(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_in_lists_are_looked_through_however_deep() {
        let half = 5 << 20;
        for (beginning, end, is_json) in [
            ("[".repeat(2 * half), "", true),
            ("[ ".repeat(half), "", true),
            ("[".repeat(2 * half), "1, ", true),
            ("[".repeat(2 * half), "]", true),
            ("[ ".repeat(half), "error] no such file", false),
            ("[ ".repeat(half), "] no such file", false),
            ("[\n".repeat(half), "{level=info}", true),
        ] {
            assert_eq!(begins_json(&(beginning + end)), is_json, "{end}");
        }
    }
}
