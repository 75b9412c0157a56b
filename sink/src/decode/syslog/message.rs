//! One syslog message as an event.

use std::borrow::Cow;

use chrono::{DateTime, Datelike as _, FixedOffset, SecondsFormat, Utc};
use event_schemas::{Value, parse};
use syslog_loose::{IncompleteDate, Message, ProcId, Protocol, StructuredElement, Variant};

use super::logfmt;
use crate::fields::{self, Fields, named, string};

/// The contract's words.
const SEVERITIES: [&str; 8] =
    ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];
const FACILITIES: [&str; 24] = [
    "kernel",
    "user",
    "mail",
    "system",
    "auth",
    "syslogd",
    "line_printer",
    "network_news",
    "uucp",
    "clock",
    "auth",
    "ftp",
    "ntp",
    "log_audit",
    "log_alert",
    "clock",
    "local0",
    "local1",
    "local2",
    "local3",
    "local4",
    "local5",
    "local6",
    "local7",
];

/// Words before the text of an RFC 5424 message that has no structured data.
const HEROKU_WORDS: usize = 6;

/// Today, for times that do not say their year.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    year: i32,
    month: u32,
    day: u32,
}

impl Now {
    pub(super) fn read() -> Self {
        let now = Utc::now();
        Self { year: now.year(), month: now.month(), day: now.day() }
    }

    /// This year; the last one for days that are still to come, but for the next few: clocks and
    /// time zones differ.
    fn year_of(self, month: u32, day: u32) -> i32 {
        let place = |month: u32, day: u32| month.saturating_mul(31).saturating_add(day);
        let to_come = place(month, day) > place(self.month, self.day) + 4;
        if to_come { self.year - 1 } else { self.year }
    }
}

/// `{"message", "timestamp", "metadata"}` of a message; None where it is none.
pub(super) fn event(text: &str, now: Now) -> Option<Value<'static>> {
    let priority = priority(text)?;
    if let Ok(message) = read(text, now, Variant::RFC5424) {
        return Some(of_message(&message, priority));
    }
    if let Some(complete) = with_structured_data(text)
        && let Ok(message) = read(&complete, now, Variant::RFC5424)
    {
        return Some(of_message(&message, priority));
    }
    read(text, now, Variant::RFC3164).ok().map(|message| of_message(&message, priority))
}

fn read(text: &str, now: Now, variant: Variant) -> Result<Message<&str>, String> {
    let year = |(month, day, ..): IncompleteDate| now.year_of(month, day);
    syslog_loose::parse_message_with_year_exact_tz(text, year, Some(Utc), variant)
}

/// The number in `<…>`.
fn priority(text: &str) -> Option<u8> {
    let (number, _) = text.strip_prefix('<')?.split_once('>')?;
    let number: u8 = number.parse().ok()?;
    (usize::from(number) < FACILITIES.len() * SEVERITIES.len()).then_some(number)
}

/// Heroku leaves out the structured data, and the `-` that would say so.
fn with_structured_data(text: &str) -> Option<String> {
    let (at, _) = text.match_indices(' ').nth(HEROKU_WORDS - 1)?;
    let (head, rest) = text.split_at(at);
    Some(format!("{head} -{rest}"))
}

fn of_message<'a>(message: &Message<&str>, priority: u8) -> Value<'a> {
    let text = message.msg.strip_prefix('\u{feff}').unwrap_or(message.msg);
    let severity = word(&SEVERITIES, priority % 8);
    let mut metadata = vec![
        named("priority", Value::Number(priority.to_string().into())),
        named("facility", string(word(&FACILITIES, priority / 8))),
        named("severity", string(severity)),
        named("level", string(severity)),
    ];
    let owned = |text: &str| string(text.to_owned());
    let process = message.procid.as_ref().map(|process| match process {
        ProcId::PID(number) => Value::Number(number.to_string().into()),
        ProcId::Name(name) => owned(name),
    });
    metadata.extend(message.hostname.map(|name| named("hostname", owned(name))));
    metadata.extend(message.appname.map(|name| named("appname", owned(name))));
    metadata.extend(process.map(|process| named("process_id", process)));
    metadata.extend(message.msgid.map(|id| named("message_id", owned(id))));
    if let Protocol::RFC5424(version) = message.protocol {
        metadata.push(named("version", Value::Number(version.to_string().into())));
    }
    let mut data: Vec<_> = message.structured_data.iter().map(element).collect();
    // A message that is JSON is data too.
    if let Ok(Value::Object(mut object)) = parse(text) {
        object.push(named("id", string("json")));
        data.push(fields::owned(Value::Object(object)));
    }
    if !data.is_empty() {
        metadata.push(named("sd", Value::Array(data)));
    }
    // What the message's head says is certain.
    let head = metadata.len();
    for (key, value) in logfmt::pairs(text) {
        if fields::get(&metadata[..head], key).is_none() {
            metadata.push((Cow::Owned(key.to_owned()), string(value)));
        }
    }
    let mut event = vec![named("message", owned(text)), named("metadata", Value::Object(metadata))];
    event.extend(message.timestamp.map(|time| named("timestamp", timestamp(time))));
    Value::Object(event)
}

fn word(words: &[&'static str], number: u8) -> &'static str {
    words.get(usize::from(number)).copied().unwrap_or_default()
}

fn timestamp<'a>(time: DateTime<FixedOffset>) -> Value<'a> {
    string(time.to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

fn element<'a>(element: &StructuredElement<&str>) -> Value<'a> {
    let mut fields: Fields<'a> = vec![named("id", string(element.id.to_owned()))];
    let parameters = element.params();
    fields.extend(parameters.map(|(name, value)| (Cow::Owned((*name).to_owned()), string(value))));
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const NOW: Now = Now { year: 2027, month: 2, day: 28 };

    fn made(text: &str) -> Option<serde_json::Value> {
        Some(serde_json::from_str(&event(text, NOW)?.to_json()).unwrap())
    }

    #[test]
    fn reads_rfc_5424() {
        assert_eq!(
            made(
                r#"<165>1 2026-11-20T12:00:00.003+02:00 host app 12 ID47 [a@1 x="1" y="\"q\""][b] at=info level=x"#
            ),
            Some(json!({
                "message": "at=info level=x",
                "timestamp": "2026-11-20T10:00:00.003Z",
                "metadata": {
                    "priority": 165, "facility": "local4", "severity": "notice", "level": "notice",
                    "hostname": "host", "appname": "app", "process_id": 12, "message_id": "ID47",
                    "version": 1, "at": "info",
                    "sd": [{"id": "a@1", "x": "1", "y": "\"q\""}, {"id": "b"}],
                },
            }))
        );
        assert_eq!(
            made("<0>1 - - - - - - {\"a\":1}"),
            Some(json!({
                "message": "{\"a\":1}",
                "metadata": {
                    "priority": 0, "facility": "kernel", "severity": "emergency",
                    "level": "emergency", "version": 1, "sd": [{"a": 1, "id": "json"}],
                },
            }))
        );
    }

    #[test]
    fn reads_what_heroku_leaves_incomplete() {
        assert_eq!(
            made(
                "<40>1 2026-11-20T12:00:00+00:00 host app web.3 - State changed from starting to up"
            ),
            Some(json!({
                "message": "State changed from starting to up",
                "timestamp": "2026-11-20T12:00:00Z",
                "metadata": {
                    "priority": 40, "facility": "syslogd", "severity": "emergency",
                    "level": "emergency", "hostname": "host", "appname": "app",
                    "process_id": "web.3", "version": 1,
                },
            }))
        );
    }

    #[test]
    fn reads_rfc_3164() {
        for (day, timestamp) in
            [("Dec 31", "2026-12-31T23:59:59Z"), ("Mar  1", "2027-03-01T23:59:59Z")]
        {
            assert_eq!(
                made(&format!("<34>{day} 23:59:59 mymachine su[7]: 'su root' failed")),
                Some(json!({
                    "message": "'su root' failed",
                    "timestamp": timestamp,
                    "metadata": {
                        "priority": 34, "facility": "auth", "severity": "critical",
                        "level": "critical", "hostname": "mymachine", "appname": "su",
                        "process_id": 7,
                    },
                }))
            );
        }
    }

    #[test]
    fn knows_what_is_no_message() {
        for text in ["", "no priority", "<", "<>x", "<192>1 - - - - - - m", "<x>1 m", "<1"] {
            assert_eq!(made(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "<[0-9]{1,3}>(1 |- |[a-z]{1,3}|Oct 11 22:14:15 |2026-11-20T12:00:00Z |[0-9:.]|\\[|\\]|=|\"|\\\\|é| ){0,20}") {
            _ = made(&text);
        }
    }
}
