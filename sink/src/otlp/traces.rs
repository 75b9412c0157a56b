//! Spans, and the events that happened within them.
//!
//! Logflare's keys, and `status` and `links`, which it loses. Left out: flags, the trace state,
//! counts of what the sender dropped, schema URLs.

use event_schemas::Value;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    trace::v1::{
        Span, Status,
        span::{Event, Link, SpanKind},
        status::StatusCode,
    },
};

use super::{origin::Origin, value::Fields};
use crate::records::{Record, Records};

/// One record for each span, each followed by one for each of its events.
pub(super) fn find(request: &ExportTraceServiceRequest, records: &mut dyn Records) {
    for of_resource in &request.resource_spans {
        for of_scope in &of_resource.scope_spans {
            let origin = Origin::of(of_resource.resource.as_ref(), of_scope.scope.as_ref());
            for span in &of_scope.spans {
                if records.is_full() {
                    return;
                }
                records.record(Record::Value(record(span, &origin)));
                for event in &span.events {
                    records.record(Record::Value(event_record(event, span, &origin)));
                }
            }
        }
    }
}

fn record<'a>(span: &'a Span, origin: &Origin<'a>) -> Value<'a> {
    let mut fields = Fields::of_type("span");
    fields.text("event_message", &span.name);
    fields.timestamp(&[span.start_time_unix_nano, span.end_time_unix_nano]);
    fields.id("trace_id", &span.trace_id);
    fields.id("span_id", &span.span_id);
    fields.id("parent_span_id", &span.parent_span_id);
    fields.text("kind", kind(span.kind));
    fields.nanoseconds("start_time", span.start_time_unix_nano);
    fields.nanoseconds("end_time", span.end_time_unix_nano);
    fields.attributes(&span.attributes);
    fields.value("status", status(span.status.as_ref()));
    fields.value("links", Value::Array(span.links.iter().map(link).collect()));
    origin.mark(&mut fields);
    fields.into_value()
}

fn event_record<'a>(event: &'a Event, span: &'a Span, origin: &Origin<'a>) -> Value<'a> {
    let mut fields = Fields::of_type("event");
    fields.text("event_message", &event.name);
    fields.timestamp(&[event.time_unix_nano, span.start_time_unix_nano]);
    fields.id("trace_id", &span.trace_id);
    fields.id("parent_span_id", &span.span_id);
    fields.attributes(&event.attributes);
    origin.mark(&mut fields);
    fields.into_value()
}

fn link(link: &Link) -> Value<'_> {
    let mut fields = Fields::default();
    fields.id("trace_id", &link.trace_id);
    fields.id("span_id", &link.span_id);
    fields.attributes(&link.attributes);
    fields.into_value()
}

/// `{"code": "Unset" | "Ok" | "Error", "message": …}`. No status is the status Unset.
fn status(status: Option<&Status>) -> Value<'_> {
    let mut fields = Fields::default();
    let code = status.and_then(|status| StatusCode::try_from(status.code).ok());
    fields.text(
        "code",
        match code.unwrap_or(StatusCode::Unset) {
            StatusCode::Unset => "Unset",
            StatusCode::Ok => "Ok",
            StatusCode::Error => "Error",
        },
    );
    fields.text("message", status.map_or("", |status| &status.message));
    fields.into_value()
}

fn kind(number: i32) -> &'static str {
    match SpanKind::try_from(number).unwrap_or(SpanKind::Unspecified) {
        SpanKind::Unspecified => "Unspecified",
        SpanKind::Internal => "Internal",
        SpanKind::Server => "Server",
        SpanKind::Client => "Client",
        SpanKind::Producer => "Producer",
        SpanKind::Consumer => "Consumer",
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        common::v1::InstrumentationScope,
        resource::v1::Resource,
        trace::v1::{ResourceSpans, ScopeSpans},
    };
    use serde_json::json;

    use super::*;
    use crate::{
        otlp::value::testing::{attribute, string},
        records::testing::Kept,
    };

    const NOON: u64 = 1_795_176_000_000_000_123;

    fn records(
        resource: Option<Resource>,
        scope: Option<InstrumentationScope>,
        span: Span,
    ) -> Vec<serde_json::Value> {
        let of_scope = ScopeSpans { scope, spans: vec![span], ..ScopeSpans::default() };
        let of_resource =
            ResourceSpans { resource, scope_spans: vec![of_scope], ..ResourceSpans::default() };
        let request = ExportTraceServiceRequest { resource_spans: vec![of_resource] };
        let mut kept = Kept::default();
        find(&request, &mut kept);
        kept.records.iter().map(|record| serde_json::from_str(record).unwrap()).collect()
    }

    #[test]
    fn a_span_has_its_keys_and_its_events_follow() {
        let service = attribute("service.name", string("api"));
        let resource = Resource { attributes: vec![service], ..Resource::default() };
        let scope = InstrumentationScope { name: "lib".to_owned(), ..Default::default() };
        let span = Span {
            trace_id: vec![0xAB; 16],
            span_id: vec![0xCD; 8],
            parent_span_id: vec![0xEF; 8],
            name: "GET /".to_owned(),
            kind: SpanKind::Server as i32,
            start_time_unix_nano: NOON,
            end_time_unix_nano: NOON + 5,
            attributes: vec![attribute("a", string("b"))],
            events: vec![Event {
                time_unix_nano: NOON + 2,
                name: "retried".to_owned(),
                attributes: vec![attribute("n", string("m"))],
                ..Event::default()
            }],
            links: vec![Link {
                trace_id: vec![0x11; 16],
                span_id: vec![0x22; 8],
                attributes: vec![attribute("l", string("k"))],
                ..Link::default()
            }],
            status: Some(Status { code: 2, message: "broken".to_owned() }),
            ..Span::default()
        };
        assert_eq!(
            records(Some(resource), Some(scope), span),
            [
                json!({
                    "metadata": {"type": "span"},
                    "event_message": "GET /",
                    "timestamp": NOON,
                    "trace_id": "ab".repeat(16),
                    "span_id": "cd".repeat(8),
                    "parent_span_id": "ef".repeat(8),
                    "kind": "Server",
                    "start_time": NOON,
                    "end_time": NOON + 5,
                    "attributes": {"a": "b"},
                    "status": {"code": "Error", "message": "broken"},
                    "links": [{
                        "trace_id": "11".repeat(16),
                        "span_id": "22".repeat(8),
                        "attributes": {"l": "k"},
                    }],
                    "resource": {"service.name": "api"},
                    "scope": {"name": "lib"},
                    "project": "api",
                }),
                json!({
                    "metadata": {"type": "event"},
                    "event_message": "retried",
                    "timestamp": NOON + 2,
                    "trace_id": "ab".repeat(16),
                    "parent_span_id": "cd".repeat(8),
                    "attributes": {"n": "m"},
                    "resource": {"service.name": "api"},
                    "scope": {"name": "lib"},
                    "project": "api",
                }),
            ]
        );
    }

    #[test]
    fn nothing_needs_to_be_there() {
        let span = Span { events: vec![Event::default()], ..Span::default() };
        assert_eq!(
            records(None, None, span),
            [
                json!({
                    "metadata": {"type": "span"},
                    "kind": "Unspecified",
                    "status": {"code": "Unset"},
                }),
                json!({"metadata": {"type": "event"}}),
            ]
        );
    }

    #[test]
    fn an_event_without_a_time_is_of_its_span_s() {
        let span =
            Span { start_time_unix_nano: NOON, events: vec![Event::default()], ..Span::default() };
        assert_eq!(records(None, None, span)[1]["timestamp"], NOON);
    }

    #[test]
    fn numbers_have_names() {
        for (number, name) in [
            (0, "Unspecified"),
            (1, "Internal"),
            (2, "Server"),
            (3, "Client"),
            (4, "Producer"),
            (5, "Consumer"),
            (6, "Unspecified"),
            (-1, "Unspecified"),
        ] {
            assert_eq!(kind(number), name);
        }
        for (code, name) in [(0, "Unset"), (1, "Ok"), (2, "Error"), (9, "Unset")] {
            let given = Status { code, message: String::new() };
            assert_eq!(status(Some(&given)).to_json(), format!(r#"{{"code":"{name}"}}"#));
        }
    }
}
