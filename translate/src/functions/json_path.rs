//! JSONPath as BigQuery's functions take it: constant, of names and places only.

use crate::{
    diagnostic::{Diagnostic, Position},
    postgres::{Expr as Pg, quote_text},
    tree::{Expr, Literal},
};

/// How names that are no plain words are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quoting {
    /// `$."a b"`
    Standard,
    /// `$['a b']` too, in the functions of the older names.
    Legacy,
}

/// A step from a JSON value into it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Place(u32),
}

/// The way from a JSON value to one in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JsonPath(Vec<Step>);

impl JsonPath {
    /// The path that an argument holds; None where it is NULL.
    pub(super) fn of(arg: &Expr, quoting: Quoting) -> Result<Option<Self>, Diagnostic> {
        match arg.as_literal() {
            Some(Literal::String(text)) => Self::parse(text, quoting, arg.at).map(Some),
            Some(Literal::Null) => Ok(None),
            _ => Err(Diagnostic::invalid(
                arg.at,
                "JSONPath must be a string literal or query parameter",
            )),
        }
    }

    /// The path to the value itself.
    pub(super) const fn root() -> Self {
        Self(Vec::new())
    }

    pub(super) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn ends_in_place(&self) -> bool {
        matches!(self.0.last(), Some(Step::Place(_)))
    }

    fn parse(text: &str, quoting: Quoting, at: Position) -> Result<Self, Diagnostic> {
        let invalid = |message: String| Err(Diagnostic::wrong_value(at, message));
        let modes = ["lax ", "lax recursive ", "strict "];
        if modes.iter().any(|mode| text.trim_start().to_ascii_lowercase().starts_with(mode)) {
            return Err(Diagnostic::unsupported(at, "a mode of JSONPath"));
        }
        let Some(mut rest) = text.strip_prefix('$') else {
            return invalid("JSONPath must start with '$'".to_owned());
        };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let token = rest;
            let bad = || invalid(format!("Invalid token in JSONPath at: {token}"));
            if rest.starts_with("..") {
                return invalid("Unsupported operator in JSONPath: ..".to_owned());
            }
            if rest.starts_with(".*") || rest.starts_with("[*") {
                return invalid("Unsupported operator in JSONPath: *".to_owned());
            }
            let step = if let Some(after) = rest.strip_prefix(".\"") {
                let Some((name, after)) = quoted(after, '"') else { return bad() };
                rest = after;
                Step::Name(name)
            } else if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[', '"', '\'', ']', '*', '@']).unwrap_or(after.len());
                let (name, after) = after.split_at(end);
                if name.is_empty() {
                    return bad();
                }
                rest = after;
                Step::Name(name.to_owned())
            } else if let Some(after) = rest.strip_prefix("['") {
                let name = quoted(after, '\'').filter(|_| quoting == Quoting::Legacy);
                let Some((name, after)) = name else { return bad() };
                let Some(after) = after.strip_prefix(']') else { return bad() };
                rest = after;
                Step::Name(name)
            } else if let Some((place, after)) =
                rest.strip_prefix('[').and_then(|after| after.split_once(']'))
            {
                let digits = place.bytes().all(|byte| byte.is_ascii_digit());
                let Some(place) = place.parse().ok().filter(|_| digits) else { return bad() };
                rest = after;
                Step::Place(place)
            } else {
                return bad();
            };
            // PostgreSQL would count it from the end of a list.
            if let Step::Name(name) = &step
                && name.strip_prefix('-').is_some_and(|rest| rest.parse::<u64>().is_ok())
            {
                return Err(Diagnostic::unsupported(at, format!("the name {name} in JSONPath")));
            }
            steps.push(step);
        }
        Ok(Self(steps))
    }

    /// As PostgreSQL's `#>` takes it: there a place is found by a name of digits too, as it is in
    /// BigQuery.
    pub(super) fn texts(&self) -> Pg {
        let steps = self.0.iter().map(|step| match step {
            Step::Name(name) => quote_text(name),
            Step::Place(place) => format!("'{place}'"),
        });
        Pg::Atom(format!("ARRAY[{}]::text[]", steps.collect::<Vec<_>>().join(", ")))
    }

    /// As a JSON list of names and places, for functions that make what is not there.
    pub(super) fn steps(&self) -> Pg {
        let steps = self.0.iter().map(|step| match step {
            Step::Name(name) => serde_json::Value::from(name.as_str()),
            Step::Place(place) => serde_json::Value::from(*place),
        });
        let list = serde_json::Value::Array(steps.collect()).to_string();
        Pg::Atom(format!("{}::jsonb", quote_text(&list)))
    }
}

/// The text up to a quote, and what follows it. A backslash escapes.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((place, c)) = chars.next() {
        match c {
            '\\' => match chars.next()?.1 {
                escaped if escaped == quote || escaped == '\\' => name.push(escaped),
                other => name.extend(['\\', other]),
            },
            c if c == quote => return Some((name, &text[place + c.len_utf8()..])),
            c => name.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, quoting: Quoting) -> Result<Vec<Step>, String> {
        JsonPath::parse(text, quoting, Position::default())
            .map(|path| path.0)
            .map_err(|error| error.message)
    }

    #[test]
    fn reads_paths() {
        let name = |name: &str| Step::Name(name.to_owned());
        for (text, steps) in [
            ("$", vec![]),
            ("$.a.b", vec![name("a"), name("b")]),
            ("$[1][0].a", vec![Step::Place(1), Step::Place(0), name("a")]),
            ("$.\"a.b\".\"c \\\" d\"", vec![name("a.b"), name("c \" d")]),
            ("$.content-type", vec![name("content-type")]),
            ("$.0", vec![name("0")]),
        ] {
            assert_eq!(parse(text, Quoting::Standard), Ok(steps.clone()), "{text}");
            assert_eq!(parse(text, Quoting::Legacy), Ok(steps), "{text}");
        }
        assert_eq!(parse("$['a b'].c", Quoting::Legacy), Ok(vec![name("a b"), name("c")]));
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, message) in [
            ("a", "JSONPath must start with '$'"),
            ("", "JSONPath must start with '$'"),
            ("$.a[*]", "Unsupported operator in JSONPath: *"),
            ("$..a", "Unsupported operator in JSONPath: .."),
            ("$.", "Invalid token in JSONPath at: ."),
            ("$a", "Invalid token in JSONPath at: a"),
            ("$[-1]", "Invalid token in JSONPath at: [-1]"),
            ("$['a']", "Invalid token in JSONPath at: ['a']"),
            ("$.\"a", "Invalid token in JSONPath at: .\"a"),
        ] {
            assert_eq!(parse(text, Quoting::Standard), Err(message.to_owned()), "{text}");
        }
    }
}
