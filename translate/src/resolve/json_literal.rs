//! JSON literals: what BigQuery's type keeps of their text.

use std::fmt::{self, Write as _};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// As deep as BigQuery lets JSON be.
const DEPTH: usize = 500;

/// JSON text with the first of members of one name only, and numbers as INT64, UINT64 or FLOAT64
/// have them. None of what is no JSON, or has a number that none of them holds.
pub(super) fn normalised(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    write(serde_json::from_str(text).ok()?, &mut out, DEPTH)?;
    Some(out)
}

fn write(value: &RawValue, out: &mut String, depth: usize) -> Option<()> {
    let text = value.get();
    let depth = depth.checked_sub(1)?;
    match text.as_bytes().first()? {
        b'{' => {
            let Members(members) = serde_json::from_str(text).ok()?;
            for (place, (name, value)) in members.iter().enumerate() {
                let sign = if place > 0 { ',' } else { '{' };
                write!(out, "{sign}{}:", serde_json::Value::from(name.as_str())).ok()?;
                write(value, out, depth)?;
            }
            out.push_str(if members.is_empty() { "{}" } else { "}" });
        }
        b'[' => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            for (place, value) in elements.iter().enumerate() {
                out.push(if place > 0 { ',' } else { '[' });
                write(value, out, depth)?;
            }
            out.push_str(if elements.is_empty() { "[]" } else { "]" });
        }
        b'-' | b'0'..=b'9' => number(text, out)?,
        _ => out.push_str(text),
    }
    Some(())
}

fn number(text: &str, out: &mut String) -> Option<()> {
    if text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok() {
        out.push_str(text);
        return Some(());
    }
    let number: f64 = text.parse().ok().filter(|number: &f64| number.is_finite())?;
    let shortest = format!("{number:?}");
    if decimal(&shortest) != decimal(text) {
        return None;
    }
    // The point tells a FLOAT64 from whole numbers.
    if number.fract() == 0.0 && number.abs() < 1e19 {
        write!(out, "{number:.1}").ok()
    } else {
        out.push_str(&shortest);
        Some(())
    }
}

/// Sign, digits without zeros around them, and the place of the last one.
fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let (negative, text) =
        text.strip_prefix('-').map_or((false, text), |positive| (true, positive));
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let exponent: i64 = exponent.parse().ok()?;
    let all = format!("{whole}{fraction}");
    let trimmed = all.trim_end_matches('0');
    let zeros = i64::try_from(all.len() - trimmed.len()).ok()?;
    let place = exponent - i64::try_from(fraction.len()).ok()? + zeros;
    let digits = trimmed.trim_start_matches('0').to_owned();
    let place = if digits.is_empty() { 0 } else { place };
    Some((negative, digits, place))
}

/// The members of an object in their order, of those of one name the first.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                let mut names = std::collections::HashSet::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    if names.insert(name.clone()) {
                        members.push((name, value));
                    }
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Collect).map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_bigquery_keeps() {
        for (text, kept) in [
            (r#" {"b": 1, "a": [true , null], "b": 2} "#, Some(r#"{"b":1,"a":[true,null]}"#)),
            (
                "[1.50, 1e2, -0.0, 12345678901234567890, 1e20, 1E-7]",
                Some("[1.5,100.0,-0.0,12345678901234567890,1e20,1e-7]"),
            ),
            (r#""a\u0041 b""#, Some(r#""a\u0041 b""#)),
            ("{}", Some("{}")),
            ("[ ]", Some("[]")),
            ("123456789012345678901234567890", None),
            ("1.00000000000000000001", None),
            ("1e400", None),
            ("{bad", None),
            ("1 2", None),
        ] {
            assert_eq!(normalised(text).as_deref(), kept, "{text}");
        }
        assert_eq!(normalised(&format!("{}{}", "[".repeat(600), "]".repeat(600))), None);
    }
}
