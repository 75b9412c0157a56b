//! Syslog over HTTP: messages on lines, or each behind its length in bytes (RFC 6587), as Heroku's
//! logplex sends them. Logflare takes the latter under one of its three prefixes only; here all
//! paths take both.

mod logfmt;
mod message;

use super::{Load, lossy, most_values};
use crate::{
    error::IngestError,
    records::{Record, Records},
};

use self::message::Now;

/// Longest message in bytes; receivers need not take more than 2 KB (RFC 5424). Each pair of three
/// bytes becomes a field.
const MAX_MESSAGE: usize = 1 << 20;

/// Hands over each message. One that is none does not harm its neighbours; that none is one tells
/// that the body is something else.
pub(super) fn decode(body: &[u8], records: &mut dyn Records) -> Result<(), IngestError> {
    let now = Now::read();
    let (mut rest, mut any) = (body, false);
    while !records.is_full()
        && let Some(frame) = next(&mut rest)
    {
        let text = lossy::borrowed(frame);
        if frame.len() > MAX_MESSAGE {
            any = true;
            let reason = format!("a syslog message of more than {MAX_MESSAGE} bytes");
            records.record(Record::Unreadable { text, reason });
            continue;
        }
        match message::event(&text, now) {
            Some(event) => {
                any = true;
                records.record(Record::Value(event));
            }
            None => records.record(Record::Unreadable {
                text,
                reason: "no syslog message: those begin with <priority>".to_owned(),
            }),
        }
    }
    if any { Ok(()) } else { Err(IngestError::NotSyslog) }
}

/// What messages hold at most.
pub(super) fn load(body: &[u8]) -> Load {
    let (mut load, mut rest) = (Load::default(), body);
    while let Some(frame) = next(&mut rest) {
        load.events += 1;
        if frame.len() <= MAX_MESSAGE {
            load.values = load.values.max(most_values(frame));
        }
    }
    load
}

/// The next message, without the line break behind it.
fn next<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    *rest = rest.trim_ascii_start();
    if rest.is_empty() {
        return None;
    }
    let (frame, after) = match counted(rest) {
        Some(parts) => parts,
        None => {
            let end = memchr::memchr2(b'\n', 0, rest).unwrap_or(rest.len());
            let (line, after) = rest.split_at(end);
            (line, after.get(1..).unwrap_or_default())
        }
    };
    *rest = after;
    Some(frame.trim_ascii_end())
}

/// A message behind its length, where that is what comes. A length that is too large means all
/// that is there.
fn counted(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let digits = body.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (length, rest) = body.split_at_checked(digits)?;
    let rest = rest.strip_prefix(b" ")?;
    if !rest.starts_with(b"<") {
        return None;
    }
    let length: usize = std::str::from_utf8(length).ok()?.parse().ok()?;
    Some(rest.split_at(length.min(rest.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(body: &str) -> Vec<&str> {
        let mut rest = body.as_bytes();
        std::iter::from_fn(|| next(&mut rest)).map(|f| std::str::from_utf8(f).unwrap()).collect()
    }

    #[test]
    fn messages_are_parted_by_lines_or_lengths() {
        for (body, expected) in [
            ("<1>a\n<2>b\r\n\n<3>c", &["<1>a", "<2>b", "<3>c"][..]),
            ("5 <1>a\n4 <2>b4 <3>c", &["<1>a", "<2>b", "<3>c"]),
            // With a line break within.
            ("8 <1>a\nb\n\n<2>c", &["<1>a\nb", "<2>c"]),
            ("99 <1>a", &["<1>a"]),
            ("99999999999999999999999999 <1>a\n<2>b", &["99999999999999999999999999 <1>a", "<2>b"]),
            ("12 monkeys\n<2>b", &["12 monkeys", "<2>b"]),
            ("<1>a\0<2>b", &["<1>a", "<2>b"]),
            ("0 <1>a", &["", "<1>a"]),
        ] {
            assert_eq!(frames(body), expected, "{body:?}");
        }
    }
}
