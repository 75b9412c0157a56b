//! Takes addresses of the internet out of answers.

use std::net::Ipv6Addr;

/// What stands where an address was.
const REDACTED: &str = "REDACTED";

/// JSON without addresses in the texts that are values: IPv4 anywhere in a text, IPv6 between
/// blanks. Keys and everything else stay as they are, to the byte.
pub(crate) fn redacted(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(start) = rest.find('"') {
        let (before, from_quote) = rest.split_at(start);
        let (literal, after) = from_quote.split_at(length_of_string(from_quote));
        out.push_str(before);
        let is_key = after.trim_start().starts_with(':');
        match serde_json::from_str::<String>(literal) {
            Ok(text) if !is_key => match without_addresses(&text) {
                Some(text) => out.push_str(&serde_json::Value::String(text).to_string()),
                None => out.push_str(literal),
            },
            _ => out.push_str(literal),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Characters after which values are cut in messages.
const CUT_AT: usize = 100;

/// What a database says of a query that failed, without addresses. It speaks of values, in quotes or
/// without, whole or cut. `sqlstate` is empty where it is BigQuery.
pub(crate) fn of_error(sqlstate: &str, message: &str) -> String {
    // Of values that do not fit.
    let is_of_values = sqlstate.starts_with("22");
    let message = if is_of_values { without_values(message) } else { message.to_owned() };
    let is_of_addresses = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':');
    let mut out = String::with_capacity(message.len());
    let mut rest = message.as_str();
    while let Some(start) = rest.find(is_of_addresses) {
        let (before, from_run) = rest.split_at(start);
        let length = from_run.find(|c| !is_of_addresses(c)).unwrap_or(from_run.len());
        let (run, after) = from_run.split_at(length);
        out.push_str(before);
        // The rest of an address that was cut is known by where it stands.
        let may_be_cut = message.chars().count() > CUT_AT
            && after.trim_matches(['"', '\'']).is_empty()
            && run.contains(['.', ':'])
            && run.contains(|c: char| c.is_ascii_digit());
        if may_be_cut || is_ipv6(run) {
            out.push_str(REDACTED);
        } else {
            without_ipv4(run, &mut out);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Whether a text is an address of IPv6, but for what ends and begins a part of a sentence.
fn is_ipv6(run: &str) -> bool {
    let without_stop = run.trim_end_matches('.');
    let shorter = [
        without_stop.strip_suffix(':').unwrap_or(without_stop),
        without_stop.strip_prefix(':').unwrap_or(without_stop),
    ];
    [without_stop].iter().chain(&shorter).any(|text| text.parse::<Ipv6Addr>().is_ok())
}

/// What Postgres says of values that do not fit, without the values: it quotes them.
fn without_values(message: &str) -> String {
    // A value may hold quotes itself.
    match (message.split_once('"'), message.rsplit_once('"')) {
        (Some((before, _)), Some((_, after))) => format!("{before}\"{REDACTED}\"{after}"),
        _ => message.to_owned(),
    }
}

/// Bytes of the JSON string that a text begins with.
fn length_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (place, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return place + 1,
            _ => {}
        }
    }
    text.len()
}

/// The text without addresses; `None` where there are none.
fn without_addresses(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end();
        if bare.parse::<Ipv6Addr>().is_ok() {
            out.push_str(REDACTED);
            out.push_str(&word[bare.len()..]);
        } else {
            without_ipv4(word, &mut out);
        }
    }
    (out != text).then_some(out)
}

fn without_ipv4(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(digit) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from_digit) = rest.split_at(digit);
        out.push_str(before);
        rest = match length_of_ipv4(from_digit.as_bytes()) {
            Some(length) => {
                out.push_str(REDACTED);
                from_digit.split_at(length).1
            }
            None => {
                let (digit, after) = from_digit.split_at(1);
                out.push_str(digit);
                after
            }
        };
    }
    out.push_str(rest);
}

/// Bytes of the address that these begin with.
fn length_of_ipv4(bytes: &[u8]) -> Option<usize> {
    let mut length = 0;
    for octet in 0..4 {
        if octet > 0 {
            (bytes.get(length) == Some(&b'.')).then_some(())?;
            length += 1;
        }
        let (mut value, mut digits) = (0_u32, 0);
        while let Some(digit) = bytes.get(length + digits).filter(|byte| byte.is_ascii_digit()) {
            let next = value * 10 + u32::from(digit - b'0');
            if digits == 3 || next > 255 {
                break;
            }
            (value, digits) = (next, digits + 1);
        }
        (digits > 0).then_some(())?;
        length += digits;
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_do_not_tell_values() {
        for (message, expected) in [
            (
                r#"invalid input syntax for type integer: "from 10.0.0.1 by "x"""#,
                r#"invalid input syntax for type integer: "REDACTED""#,
            ),
            ("division by zero", "division by zero"),
            (r#"of "a" and "b""#, r#"of "REDACTED""#),
            (r#"one " alone"#, r#"one "REDACTED" alone"#),
        ] {
            assert_eq!(without_values(message), expected);
        }
    }

    /// Helpers of ours quote nothing, and cut what is long.
    #[test]
    fn errors_do_not_tell_addresses() {
        let long = "x".repeat(CUT_AT - 8);
        let cut = |address: &str| {
            let value: String = format!("{long}{address}").chars().take(CUT_AT).collect();
            of_error("22P02", &format!("Bad int64 value: {value}"))
        };
        for (sqlstate, message, expected) in [
            ("22P02", "Bad int64 value: 203.0.113.7", "Bad int64 value: REDACTED"),
            (
                "22P02",
                "Bad int64 value: from 203.0.113.7:443 x",
                "Bad int64 value: from REDACTED:443 x",
            ),
            ("22007", "Invalid timestamp: '2001:db8::1'", "Invalid timestamp: 'REDACTED'"),
            (
                "22000",
                "[2001:db8::1]:443 and ::1, fe80::1%eth0: no",
                "[REDACTED]:443 and REDACTED, REDACTED%eth0: no",
            ),
            ("22000", "at 2001:db8::1: no. Nor 2001:db8::2.", "at REDACTED no. Nor REDACTED"),
            ("", "Bad int64 value: 203.0.113.7; error", "Bad int64 value: REDACTED; error"),
            ("P0001", "of ip=10.0.0.1", "of ip=REDACTED"),
            ("22012", "division by zero: 1.5 / 0", "division by zero: 1.5 / 0"),
            (
                "22007",
                "Invalid timestamp: '2026-11-26 12:30:00.5'",
                "Invalid timestamp: '2026-11-26 12:30:00.5'",
            ),
            ("22P02", r#"invalid input: "10.0.0.1" é"#, r#"invalid input: "REDACTED" é"#),
        ] {
            assert_eq!(of_error(sqlstate, message), expected, "{message}");
        }
        for address in ["203.0.113.7", "2001:db8:1:2::3", "203.0.11"] {
            let told = cut(address);
            assert_eq!(told, format!("Bad int64 value: {long}REDACTED"), "{address}");
            let quoted = of_error("22007", &format!("Invalid timestamp: '{long}{address:.8}'"));
            assert_eq!(quoted, format!("Invalid timestamp: '{long}REDACTED'"), "{address}");
        }
    }

    #[test]
    fn addresses_are_taken_out_of_texts() {
        for (text, expected) in [
            ("10.0.0.1", "REDACTED"),
            ("from 203.0.113.7:443, via10.0.0.1x", "from REDACTED:443, viaREDACTEDx"),
            ("1.2.3", "1.2.3"),
            ("256.1.1.1 1.2.3.999", "2REDACTED REDACTED9"),
            ("1.2.3.4.5", "REDACTED.5"),
            ("2001:db8::1", "REDACTED"),
            ("at ::1\tand\n fe80::1 .", "at REDACTED\tand\n REDACTED ."),
            ("::ffff:10.0.0.1", "REDACTED"),
            // Not between blanks.
            ("[2001:db8::1]", "[2001:db8::1]"),
            ("12:30:00", "12:30:00"),
            ("é 10.0.0.1 é", "é REDACTED é"),
        ] {
            let found = without_addresses(text).unwrap_or_else(|| text.to_owned());
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn only_values_are_changed() {
        for (json, expected) in [
            (
                r#"[{"10.0.0.1":"10.0.0.1","n":1.5000,"l":["a","::1",{"10.0.0.2" : "\"10.0.0.3\""}]}]"#,
                r#"[{"10.0.0.1":"REDACTED","n":1.5000,"l":["a","REDACTED",{"10.0.0.2" : "\"REDACTED\""}]}]"#,
            ),
            (r#"["\u0031.2.3.4","\u00e9\\"]"#, r#"["REDACTED","\u00e9\\"]"#),
            ("[]", "[]"),
            (r#"{"number":12345678901234567890.12}"#, r#"{"number":12345678901234567890.12}"#),
        ] {
            assert_eq!(redacted(json), expected, "{json}");
        }
    }
}
