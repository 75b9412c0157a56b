//! What AWS Lambda prints around a function's own lines.
//!
//! ```text
//! START RequestId: 4d0ff57e-… Version: $LATEST
//! 2020-02-19T17:32:52.353Z⇥4d0ff57e-…⇥INFO⇥Getting metadata
//! END RequestId: 4d0ff57e-…
//! REPORT RequestId: 4d0ff57e-…⇥Duration: 174.83 ms⇥Billed Duration: 200 ms⇥Memory Size: 1024 MB⇥…
//! ```

use std::borrow::Cow;

use event_schemas::{Value, parse};

use crate::fields::{self, Fields, named, string};

/// The figures of a report, and the fields that they become.
const FIGURES: [(&str, &str); 5] = [
    ("Duration: ", "duration_ms"),
    ("Billed Duration: ", "billed_duration_ms"),
    ("Memory Size: ", "memory_size_mb"),
    ("Max Memory Used: ", "max_memory_used_mb"),
    ("Init Duration: ", "init_duration_ms"),
];

/// Takes a message apart: request, report, and the function's lines with time and level. What has
/// no time and level is kept in `lines_string`.
pub(super) fn parsed<'a>(printed: &str) -> Value<'a> {
    let mut message = Message::default();
    for line in printed.lines() {
        message.read(line);
    }
    let mut fields: Fields<'a> = Vec::new();
    fields.extend(message.request_id.map(|id| named("request_id", string(id))));
    if !message.report.is_empty() {
        fields.push(named("report", Value::Object(message.report)));
    }
    let all_read = message.other.is_empty();
    if !message.lines.is_empty() {
        let lines = message.lines.into_iter().map(Line::event);
        fields.push(named("lines", Value::Array(lines.collect())));
    }
    if !all_read {
        fields.push(named("lines_string", string(message.other.join("\n"))));
    }
    if !message.started {
        fields.push(named("message_truncated", Value::Bool(true)));
    }
    fields.push(named("parse_status", string(if all_read { "full" } else { "partial" })));
    Value::Object(fields)
}

#[derive(Default)]
struct Message<'a> {
    started: bool,
    ended: bool,
    request_id: Option<String>,
    report: Fields<'a>,
    lines: Vec<Line>,
    other: Vec<String>,
}

/// A line of the function, and those that follow without a time of their own.
struct Line {
    timestamp: String,
    level: String,
    message: String,
}

impl Message<'_> {
    fn read(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("START RequestId: ") {
            self.started = true;
            self.request_id = first_word(rest);
        } else if let Some(rest) = line.strip_prefix("END RequestId: ") {
            self.ended = true;
            self.request_id = first_word(rest);
        } else if let Some(rest) = line.strip_prefix("REPORT RequestId: ") {
            self.ended = true;
            let mut parts = rest.split('\t');
            self.request_id = parts.next().and_then(first_word);
            self.report.extend(parts.filter_map(figure));
        } else if let Some(line) = Line::read(line) {
            self.lines.push(line);
        } else if line.trim().is_empty() {
        } else if let Some(last) = self.lines.last_mut().filter(|_| !self.ended) {
            last.message.push('\n');
            last.message.push_str(line);
        } else {
            self.other.push(line.to_owned());
        }
    }
}

fn first_word(text: &str) -> Option<String> {
    text.split_whitespace().next().map(str::to_owned)
}

/// `Duration: 174.83 ms` as a field, rounded.
fn figure<'a>(part: &str) -> Option<(Cow<'a, str>, Value<'a>)> {
    let (name, rest) =
        FIGURES.iter().find_map(|(label, name)| Some((*name, part.strip_prefix(label)?)))?;
    let number: f64 = rest.split(' ').next()?.parse().ok()?;
    let number = serde_json::Number::from_f64(number.round()).filter(|_| number.abs() < 1e15)?;
    let text = number.to_string();
    let whole = text.strip_suffix(".0").map(str::to_owned);
    Some(named(name, Value::Number(Cow::Owned(whole.unwrap_or(text)))))
}

impl Line {
    fn read(line: &str) -> Option<Self> {
        let mut parts = line.splitn(4, '\t');
        let (timestamp, _request, level, message) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        chrono::DateTime::parse_from_rfc3339(timestamp).ok()?;
        let level = match level {
            "INFO" | "WARN" | "ERROR" | "DEBUG" | "TRACE" | "FATAL" => level.to_ascii_lowercase(),
            _ => return None,
        };
        Some(Self { timestamp: timestamp.to_owned(), level, message: message.to_owned() })
    }

    /// With the JSON, where the message ends in some, as `data`.
    fn event<'a>(self) -> Value<'a> {
        let Self { timestamp, level, message } = self;
        let mut fields = vec![named("timestamp", string(timestamp)), named("level", string(level))];
        let at = message.find('{');
        match at.and_then(|at| Some((at, parse(&message[at..]).ok()?))) {
            Some((at, data)) => {
                let data = fields::owned(data);
                let text = message[..at].to_owned();
                fields.extend([named("message", string(text)), named("data", data)]);
            }
            None => fields.push(named("message", string(message))),
        }
        Value::Object(fields)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn json(text: &str) -> serde_json::Value {
        serde_json::from_str(&parsed(text).to_json()).unwrap()
    }

    #[test]
    fn takes_a_message_apart() {
        let whole = "START RequestId: 4d0f Version: $LATEST\n\
            2020-02-19T17:32:52.353Z\t4d0f\tINFO\tGetting metadata\n\
            in two lines\n\
            2020-02-19T17:32:53.353Z\t4d0f\tERROR\tuser {\"id\": 7}\n\
            END RequestId: 4d0f\n\
            REPORT RequestId: 4d0f\tDuration: 174.83 ms\tBilled Duration: 200 ms\t\
            Memory Size: 1024 MB\tMax Memory Used: 84 MB\tInit Duration: x ms\t\n";
        assert_eq!(
            json(whole),
            json!({
                "request_id": "4d0f",
                "report": {
                    "duration_ms": 175, "billed_duration_ms": 200, "memory_size_mb": 1024,
                    "max_memory_used_mb": 84,
                },
                "lines": [
                    {
                        "timestamp": "2020-02-19T17:32:52.353Z", "level": "info",
                        "message": "Getting metadata\nin two lines",
                    },
                    {
                        "timestamp": "2020-02-19T17:32:53.353Z", "level": "error",
                        "message": "user ", "data": {"id": 7},
                    },
                ],
                "parse_status": "full",
            })
        );
    }

    #[test]
    fn keeps_what_it_cannot_read() {
        for (text, expected) in [
            ("", json!({"message_truncated": true, "parse_status": "full"})),
            (
                "hello\nworld",
                json!({
                    "lines_string": "hello\nworld", "message_truncated": true, "parse_status": "partial",
                }),
            ),
            (
                "START RequestId: a\nx\ty\tINFO\tz\nREPORT RequestId: a\tDuration: 1e300 ms",
                json!({
                    "request_id": "a", "lines_string": "x\ty\tINFO\tz", "parse_status": "partial",
                }),
            ),
        ] {
            assert_eq!(json(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "(START RequestId: |END |REPORT RequestId: |Duration: |[0-9.]{1,4}| ms|\t|\n|2020-02-19T17:32:52.353Z|INFO|[{}]|é){0,20}") {
            json(&text);
        }
    }
}
