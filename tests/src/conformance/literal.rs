//! Plain literals, read by the runner itself: the data of a case must not depend on what the case
//! is to find out.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{
    decimal, instant,
    lexer::{Kind, Token, bracketed, split_at_commas},
    types::Type,
};

/// The JSON that an event carries for a value of this type; `None` when the expression is not a
/// plain literal.
pub(super) fn body_of(ty: &Type, tokens: &[Token<'_>]) -> Option<String> {
    if let [one] = tokens
        && one.is("NULL")
    {
        return Some("null".to_owned());
    }
    if is_null_of_a_type(tokens) {
        return Some("null".to_owned());
    }
    match ty {
        Type::Array(element) => {
            let inside = array_elements(tokens)?;
            let elements = split_at_commas(inside).into_iter();
            let elements: Option<Vec<_>> = elements.map(|one| body_of(element, one)).collect();
            Some(format!("[{}]", elements?.join(",")))
        }
        Type::Struct(fields) => {
            let list = tokens.strip_prefix_if(|token| token.is("STRUCT"));
            let (inside, []) = bracketed(list)? else { return None };
            let values = split_at_commas(inside);
            if values.len() != fields.len() {
                return None;
            }
            let members = fields.iter().zip(values).map(|((name, ty), value)| {
                let value = match value {
                    [value @ .., keyword, _] if keyword.is("AS") => value,
                    value => value,
                };
                Some(format!("{}:{}", json_text(name), body_of(ty, value)?))
            });
            Some(format!("{{{}}}", members.collect::<Option<Vec<_>>>()?.join(",")))
        }
        _ => scalar(ty, tokens),
    }
}

/// `CAST(NULL AS …)`
fn is_null_of_a_type(tokens: &[Token<'_>]) -> bool {
    matches!(tokens, [cast, open, null, keyword, ..]
        if cast.is("CAST") && open.is("(") && null.is("NULL") && keyword.is("AS"))
}

/// What stands in the brackets of `[…]` or `ARRAY<…>[…]`.
fn array_elements<'t, 's>(tokens: &'t [Token<'s>]) -> Option<&'t [Token<'s>]> {
    let open = tokens.iter().position(|token| token.is("["))?;
    let typed = open == 0 || tokens.first()?.is("ARRAY");
    let inside = tokens.get(open + 1..tokens.len().checked_sub(1)?)?;
    (typed && tokens.last()?.is("]")).then_some(inside)
}

fn scalar(ty: &Type, tokens: &[Token<'_>]) -> Option<String> {
    // `DATE "…"` is a value of that type, and a text alone is read as the column's type.
    let text = match tokens {
        [name, text] if Type::written(&[*name])? == *ty => text_of(text),
        [text] => text_of(text),
        _ => None,
    };
    match ty {
        Type::Bool => tokens_are_bool(tokens),
        Type::Int64 => number(tokens).filter(|number| number.parse::<i64>().is_ok()),
        Type::Float64 => Some(Value::from(number(tokens)?.parse::<f64>().ok()?).to_string()),
        Type::Numeric | Type::BigNumeric => decimal::canonical(&number(tokens).or(text)?),
        Type::String => text.map(|text| json_text(&text)),
        Type::Bytes => {
            let [one] = tokens else { return None };
            let (bytes, true) = decoded(one)? else { return None };
            Some(json_text(&STANDARD.encode(bytes)))
        }
        Type::Date => Some(json_text(&instant::date(&text?)?.to_string())),
        Type::Datetime => Some(json_text(&instant::datetime(&text?)?.to_string())),
        Type::Time => Some(json_text(&instant::time(&text?)?.to_string())),
        Type::Timestamp => Some(instant::micros(&text?)?.to_string()),
        Type::Json => {
            let text = text?;
            serde_json::from_str::<Value>(&text).is_ok().then_some(text)
        }
        Type::Interval | Type::Other(_) | Type::Array(_) | Type::Struct(_) => None,
    }
}

fn tokens_are_bool(tokens: &[Token<'_>]) -> Option<String> {
    let [one] = tokens else { return None };
    (one.is("TRUE") || one.is("FALSE")).then(|| one.text.to_ascii_lowercase())
}

/// A number with its sign.
fn number(tokens: &[Token<'_>]) -> Option<String> {
    match tokens {
        [number] if number.kind == Kind::Number => Some(number.text.to_owned()),
        [sign, number] if sign.is("-") && number.kind == Kind::Number => {
            Some(format!("-{}", number.text))
        }
        _ => None,
    }
}

fn text_of(token: &Token<'_>) -> Option<String> {
    match decoded(token)? {
        (text, false) => String::from_utf8(text).ok(),
        (_, true) => None,
    }
}

/// What a literal of text or bytes holds, and whether it is one of bytes.
fn decoded(token: &Token<'_>) -> Option<(Vec<u8>, bool)> {
    if token.kind != Kind::Text {
        return None;
    }
    let prefix = token.text.find(['"', '\''])?;
    let (prefix, body) = token.text.split_at(prefix);
    let raw = prefix.contains(['r', 'R']);
    let bytes = prefix.contains(['b', 'B']);
    let quotes = if body.starts_with("\"\"\"") || body.starts_with("'''") { 3 } else { 1 };
    let body = body.get(quotes..body.len().checked_sub(quotes)?)?;
    let text = if raw { body.as_bytes().to_vec() } else { unescaped(body, bytes)? };
    Some((text, bytes))
}

fn unescaped(body: &str, bytes: bool) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = body;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        if letter != '\\' {
            out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let escape = rest.chars().next()?;
        rest = &rest[escape.len_utf8()..];
        let (digits, radix) = match escape {
            'x' | 'X' => (2, 16),
            'u' => (4, 16),
            'U' => (8, 16),
            '0'..='7' => (3, 8),
            _ => {
                let plain = b"abfnrtv".iter().position(|name| char::from(*name) == escape);
                let plain = plain.map(|at| b"\x07\x08\x0c\n\r\t\x0b"[at]);
                out.push(plain.or_else(|| u8::try_from(escape).ok())?);
                continue;
            }
        };
        // The first octal digit is the escape itself.
        let text = if radix == 8 {
            format!("{escape}{}", rest.get(..2)?)
        } else {
            rest.get(..digits)?.to_owned()
        };
        rest = &rest[if radix == 8 { 2 } else { digits }..];
        let code = u32::from_str_radix(&text, radix).ok()?;
        match u8::try_from(code) {
            Ok(byte) if bytes => out.push(byte),
            _ => out.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Some(out)
}

/// Text as a JSON string.
pub(super) fn json_text(text: &str) -> String {
    Value::from(text).to_string()
}

/// The rest of a list whose first element may be left out.
trait StripPrefixIf {
    fn strip_prefix_if(&self, matches: impl Fn(&Token<'_>) -> bool) -> &Self;
}

impl StripPrefixIf for [Token<'_>] {
    fn strip_prefix_if(&self, matches: impl Fn(&Token<'_>) -> bool) -> &Self {
        match self.split_first() {
            Some((first, rest)) if matches(first) => rest,
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::lexer::tokens;

    fn body(ty: &str, value: &str) -> Option<String> {
        body_of(&Type::written(&tokens(ty)).unwrap(), &tokens(value))
    }

    #[test]
    fn literals_become_what_events_carry() {
        for (ty, value, expected) in [
            ("INT64", "-5", "-5"),
            ("INT64", "NULL", "null"),
            ("INT64", "CAST(NULL AS INT64)", "null"),
            ("FLOAT64", "10", "10.0"),
            ("FLOAT64", "-.5e1", "-5.0"),
            ("NUMERIC", "NUMERIC \"10.50\"", "10.5"),
            ("NUMERIC", "3", "3"),
            ("BOOL", "true", "true"),
            ("STRING", r#""a\"b\n\u00e9""#, r#""a\"b\né""#),
            ("STRING", r"r'\d'", r#""\\d""#),
            ("BYTES", r"b'a\xff\101'", "\"Yf9B\""),
            ("DATE", "DATE \"2024-01-15\"", "\"2024-01-15\""),
            ("DATE", "'2024-01-15'", "\"2024-01-15\""),
            ("DATETIME", "DATETIME '2024-01-15 10:00:00.5'", "\"2024-01-15T10:00:00.5\""),
            ("TIME", "TIME '10:00:00'", "\"10:00:00\""),
            ("TIMESTAMP", "TIMESTAMP \"1970-01-01 00:00:01+00\"", "1000000"),
            ("JSON", r#"JSON '{"a": 1}'"#, r#"{"a": 1}"#),
            ("ARRAY<INT64>", "[1, NULL, 3]", "[1,null,3]"),
            ("ARRAY<STRING>", "ARRAY<STRING>['a']", "[\"a\"]"),
            ("ARRAY<STRING>", "[]", "[]"),
            ("STRUCT<a INT64, b STRING>", "STRUCT(1 AS a, 'x')", r#"{"a":1,"b":"x"}"#),
            ("STRUCT<a INT64, b DATE>", "(1, DATE '2024-01-15')", r#"{"a":1,"b":"2024-01-15"}"#),
        ] {
            assert_eq!(body(ty, value).as_deref(), Some(expected), "{ty} {value}");
        }
    }

    #[test]
    fn expressions_are_left_to_the_translator() {
        for (ty, value) in [
            ("INT64", "1 + 1"),
            ("INT64", "1.5"),
            ("DATE", "CURRENT_DATE()"),
            ("DATE", "'tomorrow'"),
            ("STRING", "CONCAT('a', 'b')"),
            ("STRING", "b'a'"),
            ("TIMESTAMP", "DATE '2024-01-01'"),
            ("ARRAY<INT64>", "GENERATE_ARRAY(1, 2)"),
            ("STRUCT<a INT64>", "(1, 2)"),
        ] {
            assert_eq!(body(ty, value), None, "{ty} {value}");
        }
    }
}
