//! What each path takes, and what it makes of it: pure functions from a value to a value.
//!
//! A value that is no object stays what it is; it is refused as an event, with its place.

mod cloud_event;
mod cloudflare;
mod gelf;
mod github;
mod metric;
mod netlify;
mod report;
mod typecasts;
mod vector;
mod vercel;

use event_schemas::Value;

pub(crate) use cloud_event::Attributes;
pub(crate) use metric::event as of_metric;

use crate::{
    fields::{self, Fields},
    paths::Format,
};

/// The form in which events come in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A list of events.
    List,
    /// `{"batch": […]}`
    Batch,
    /// One object.
    Object,
    /// One object per line.
    Lines,
    /// A number, a string …
    Scalar,
    /// Lines of text.
    Text,
}

impl Form {
    /// What a sender calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::List => "a list",
            Self::Batch => "an object with a batch",
            Self::Object => "one object",
            Self::Lines => "one object per line",
            Self::Scalar => "a single value",
            Self::Text => "text",
        }
    }
}

/// Whether a path takes events in a form. A batch that it does not know is one object to it.
pub(crate) fn takes(format: Format, form: Form) -> bool {
    use Form::{Batch, Lines, List, Object, Text};
    match format {
        Format::Events => true,
        Format::Json
        | Format::BrowserReports
        | Format::CloudEvents
        | Format::Netlify
        | Format::Vector => matches!(form, List | Object | Lines),
        Format::Vercel => matches!(form, List | Lines),
        Format::BeamLogger | Format::Typecasts => form == Batch,
        Format::GitHub => form == Object,
        Format::Cloudflare => matches!(form, Batch | Object | Lines),
        Format::Syslog => form == Text,
    }
}

/// What a path takes, for the sender of something else.
pub(crate) fn expected(format: Format) -> &'static str {
    match format {
        Format::Events => "any form",
        Format::Json
        | Format::BrowserReports
        | Format::CloudEvents
        | Format::Netlify
        | Format::Vector => "a JSON list of objects, one object, or one object per line",
        Format::Vercel => "a JSON list of objects, or one object per line",
        Format::BeamLogger => "{\"batch\": [event, …]} as BERT or JSON",
        Format::Typecasts => "{\"batch\": [{\"body\": {…}, \"typecasts\": […]}, …]}",
        Format::GitHub => "one JSON object, as GitHub's webhooks send it",
        Format::Cloudflare => "one JSON object per line, {\"batch\": […]}, or one object",
        Format::Syslog => "syslog messages (RFC 5424) on lines, or each behind its length",
    }
}

/// What an object is that is a whole body, before it is adapted. `text` is its JSON. It is `routed`
/// where something else says where it goes.
pub(crate) fn of_object<'a>(
    format: Format,
    text: Option<&'a str>,
    mut object: Fields<'a>,
    routed: bool,
) -> Value<'a> {
    let one_line = text.filter(|text| !text.contains('\n'));
    match (format, one_line) {
        (Format::Events | Format::Cloudflare, Some(line)) if cloudflare::is_request(&object) => {
            cloudflare::line(line, object)
        }
        (Format::Events, _)
            if object.len() == 1 && fields::get(&object, "csp-report").is_some() =>
        {
            report::event(object)
        }
        (Format::Events, _) => gelf::event(metric::untagged(object)),
        (Format::Vector, _) => metric::untagged(object),
        (Format::Cloudflare, _) if !routed => {
            // It only says where the event goes.
            fields::take(&mut object, "source");
            Value::Object(object)
        }
        _ => Value::Object(object),
    }
}

/// What an object is that is one line of many, before it is adapted.
///
/// The contract makes `{timestamp, event_message: the line, metadata: the object}` of each line of
/// `application/x-ndjson`, which is meant for Cloudflare's Logpush. But Vector says that type too
/// when it frames ordinary events by newlines, and would get every event inside of another. So only
/// what Cloudflare says of a request, known by its `EdgeStartTimestamp`, becomes that; every other
/// line is the event itself. On Cloudflare's own path all lines are Cloudflare's.
pub(crate) fn of_line<'a>(format: Format, line: &'a str, object: Fields<'a>) -> Value<'a> {
    match format {
        Format::Cloudflare => cloudflare::line(line, object),
        Format::Events if cloudflare::is_request(&object) => cloudflare::line(line, object),
        Format::Events => gelf::event(metric::untagged(object)),
        Format::Vector => metric::untagged(object),
        _ => Value::Object(object),
    }
}

/// Makes an event of what a path's sender sends.
pub(crate) fn adapt<'a>(format: Format, attributes: &Attributes, value: Value<'a>) -> Value<'a> {
    let Value::Object(object) = value else { return value };
    match format {
        Format::Events | Format::BeamLogger | Format::Cloudflare | Format::Syslog => {
            Value::Object(object)
        }
        Format::Json | Format::BrowserReports => report::event(object),
        Format::CloudEvents => cloud_event::event(object, attributes),
        Format::Vercel => vercel::event(object),
        Format::Netlify => netlify::event(object),
        Format::Typecasts => typecasts::event(object),
        Format::GitHub => github::event(object),
        Format::Vector => vector::event(object),
    }
}

#[cfg(test)]
mod testing {
    use event_schemas::parse;

    use super::*;

    /// What a function makes of an object, both as JSON.
    pub(super) fn made(
        of: &str,
        event: impl for<'a> Fn(Fields<'a>) -> Value<'a>,
    ) -> serde_json::Value {
        let Value::Object(fields) = parse(of).unwrap() else { panic!("{of}") };
        serde_json::from_str(&event(fields).to_json()).unwrap()
    }
}
