//! The page that shows the logs of several services as one.

use end_to_end::studio_queries::{HOUR, MARCH};
use serde_json::{Value, json};

use super::{Events, Expected, Question, at, message, micros, number, text};

/// The first hour of March.
const BOUNDS: [&str; 2] = ["2026-03-01T00:00:00.000Z", "2026-03-01T01:00:00.000Z"];

/// The columns of every part.
const COLUMNS: &str = "id, source_id, timestamp, log_type, status, level, pathname, event_message, method, log_count, logs";

pub(super) fn questions(events: &Events) -> Vec<Question> {
    let edge = |name: &str, log_type: &str, condition: &str, keeps: fn(&str) -> bool| {
        rows(name, &edge_part(log_type, condition), edge_rows(events, log_type, keeps))
    };
    vec![
        edge(
            "unified logs: edge_logs",
            "edge",
            "edge_logs_request.path NOT LIKE '%/rest/%' AND edge_logs_request.path NOT LIKE '%/storage/%'",
            |path| !path.contains("/rest/") && !path.contains("/storage/"),
        ),
        edge(
            "unified logs: edge_logs, rest",
            "postgrest",
            "edge_logs_request.path LIKE '%/rest/%'",
            |path| path.contains("/rest/"),
        ),
        rows("unified logs: postgres_logs", &postgres_part(), postgres_rows(events)),
        rows(
            "unified logs: function_edge_logs, function_logs",
            &function_part(),
            function_rows(events),
        ),
        // Several events of GoTrue may belong to one request, in no order.
        Question {
            name: "unified logs: auth_logs".to_owned(),
            sql: unified(&auth_part(), ""),
            bounds: BOUNDS,
            expected: Expected::Rows(auth_rows(events)),
        },
    ]
}

fn rows(name: &str, part: &str, mut rows: Vec<Value>) -> Question {
    let key = |row: &Value| (row["timestamp"].as_i64(), text(row, "id").to_owned());
    rows.sort_by_key(|row| std::cmp::Reverse(key(row)));
    rows.truncate(50);
    Question {
        name: name.to_owned(),
        sql: unified(part, "ORDER BY timestamp DESC, id DESC LIMIT 50"),
        bounds: BOUNDS,
        expected: Expected::Ordered(rows),
    }
}

fn unified(part: &str, order: &str) -> String {
    format!("WITH unified_logs AS (\n{part}\n)\nSELECT {COLUMNS} FROM unified_logs\n {order}")
}

fn level_case(status: &str) -> String {
    format!(
        "CASE
          WHEN {status} BETWEEN 200 AND 299 THEN 'success'
          WHEN {status} BETWEEN 400 AND 499 THEN 'warning'
          WHEN {status} >= 500 THEN 'error'
          ELSE 'success'
      END"
    )
}

fn level(status: Option<i64>) -> &'static str {
    match status {
        Some(400..=499) => "warning",
        Some(500..) => "error",
        _ => "success",
    }
}

fn edge_part(log_type: &str, condition: &str) -> String {
    let level = level_case("edge_logs_response.status_code");
    format!(
        "select
      id,
      null as source_id,
      el.timestamp as timestamp,
      '{log_type}' as log_type,
      CAST(edge_logs_response.status_code AS STRING) as status,
      {level} as level,
      edge_logs_request.path as pathname,
      null as event_message,
      edge_logs_request.method as method,
      null as log_count,
      null as logs
    from edge_logs as el
    cross join unnest(metadata) as edge_logs_metadata
    cross join unnest(edge_logs_metadata.request) as edge_logs_request
    cross join unnest(edge_logs_metadata.response) as edge_logs_response
    WHERE {condition}"
    )
}

fn edge_rows(events: &Events, log_type: &str, keeps: fn(&str) -> bool) -> Vec<Value> {
    let events = events.within("edge_logs", MARCH, MARCH + HOUR).into_iter();
    let row = |event: &Value| {
        // A path that is not there is neither like nor unlike anything.
        let path = at(event, "metadata.request.path").as_str().filter(|path| keeps(path))?;
        let status = number(event, "metadata.response.status_code");
        Some(json!({
            "id": event["id"], "source_id": null, "timestamp": micros(event), "log_type": log_type,
            "status": status.map(|status| status.to_string()), "level": level(status),
            "pathname": path, "event_message": null, "method": at(event, "metadata.request.method"),
            "log_count": null, "logs": null,
        }))
    };
    events.filter_map(row).collect()
}

fn postgres_part() -> String {
    "select
      id,
      null as source_id,
      pgl.timestamp as timestamp,
      'postgres' as log_type,
      CAST(pgl_parsed.sql_state_code AS STRING) as status,
      CASE
          WHEN pgl_parsed.error_severity = 'LOG' THEN 'success'
          WHEN pgl_parsed.error_severity = 'WARNING' THEN 'warning'
          WHEN pgl_parsed.error_severity = 'FATAL' THEN 'error'
          WHEN pgl_parsed.error_severity = 'ERROR' THEN 'error'
          ELSE null
      END as level,
      null as pathname,
      event_message as event_message,
      null as method,
      null as log_count,
      null as logs
    from postgres_logs as pgl
    cross join unnest(pgl.metadata) as pgl_metadata
    cross join unnest(pgl_metadata.parsed) as pgl_parsed"
        .to_owned()
}

fn postgres_rows(events: &Events) -> Vec<Value> {
    let events = events.within("postgres_logs", MARCH, MARCH + HOUR).into_iter();
    let row = |event: &Value| {
        let level = match text(event, "metadata.parsed.error_severity") {
            "LOG" => json!("success"),
            "WARNING" => json!("warning"),
            "FATAL" | "ERROR" => json!("error"),
            _ => Value::Null,
        };
        json!({
            "id": event["id"], "source_id": null, "timestamp": micros(event), "log_type": "postgres",
            "status": at(event, "metadata.parsed.sql_state_code"), "level": level, "pathname": null,
            "event_message": message(event), "method": null, "log_count": null, "logs": null,
        })
    };
    events.map(row).collect()
}

fn function_part() -> String {
    let level = level_case("fel_response.status_code");
    format!(
        "select
      id,
      null as source_id,
      fel.timestamp as timestamp,
      'edge function' as log_type,
      CAST(fel_response.status_code AS STRING) as status,
      {level} as level,
      fel_request.pathname as pathname,
      COALESCE(function_logs_agg.last_event_message, '') as event_message,
      fel_request.method as method,
      function_logs_agg.function_log_count as log_count,
      null as logs
    from function_edge_logs as fel
    cross join unnest(metadata) as fel_metadata
    cross join unnest(fel_metadata.response) as fel_response
    cross join unnest(fel_metadata.request) as fel_request
    left join (
    SELECT
        fl_metadata.request_id,
        COUNT(fl.id) as function_log_count,
        MAX(fl.event_message) as last_event_message
    FROM function_logs as fl
    CROSS JOIN UNNEST(fl.metadata) as fl_metadata
    WHERE fl_metadata.request_id IS NOT NULL
    GROUP BY fl_metadata.request_id
    ) as function_logs_agg on fel_metadata.request_id = function_logs_agg.request_id"
    )
}

fn function_rows(events: &Events) -> Vec<Value> {
    let calls = events.within("function_edge_logs", MARCH, MARCH + HOUR).into_iter();
    let request = "metadata.request_id";
    let row = |call: &Value| {
        let logs: Vec<_> = events
            .within("function_logs", MARCH, MARCH + HOUR)
            .into_iter()
            .filter(|log| at(log, request) == at(call, request))
            .map(message)
            .collect();
        let status = number(call, "metadata.response.status_code");
        json!({
            "id": call["id"], "source_id": null, "timestamp": micros(call), "log_type": "edge function",
            "status": status.map(|status| status.to_string()), "level": level(status),
            "pathname": at(call, "metadata.request.pathname"),
            "event_message": logs.iter().max().copied().unwrap_or_default(),
            "method": at(call, "metadata.request.method"),
            "log_count": (!logs.is_empty()).then_some(logs.len()), "logs": null,
        })
    };
    calls.map(row).collect()
}

fn auth_part() -> String {
    let level = level_case("el_in_al_response.status_code");
    format!(
        "select
      el_in_al.id as id,
      al.id as source_id,
      el_in_al.timestamp as timestamp,
      'auth' as log_type,
      CAST(el_in_al_response.status_code AS STRING) as status,
      {level} as level,
      el_in_al_request.path as pathname,
      null as event_message,
      el_in_al_request.method as method,
      null as log_count,
      null as logs
    from auth_logs as al
    cross join unnest(metadata) as al_metadata
    left join (
    edge_logs as el_in_al
        cross join unnest (metadata) as el_in_al_metadata
        cross join unnest (el_in_al_metadata.response) as el_in_al_response
        cross join unnest (el_in_al_response.headers) as el_in_al_response_headers
        cross join unnest (el_in_al_metadata.request) as el_in_al_request
    )
    on al_metadata.request_id = el_in_al_response_headers.cf_ray
    WHERE al_metadata.request_id is not null"
    )
}

fn auth_rows(events: &Events) -> Vec<Value> {
    let mut rows = Vec::new();
    for auth in events.within("auth_logs", MARCH, MARCH + HOUR) {
        let Some(request) = at(auth, "metadata.request_id").as_str() else { continue };
        let mut edges = events.within("edge_logs", MARCH, MARCH + HOUR);
        edges.retain(|edge| text(edge, "metadata.response.headers.cf_ray") == request);
        let row = |edge: &Value| {
            let status = number(edge, "metadata.response.status_code");
            json!({
                "id": edge["id"], "source_id": auth["id"], "timestamp": edge["timestamp"],
                "log_type": "auth", "status": status.map(|status| status.to_string()),
                "level": level(status), "pathname": at(edge, "metadata.request.path"),
                "event_message": null, "method": at(edge, "metadata.request.method"),
                "log_count": null, "logs": null,
            })
        };
        if edges.is_empty() {
            rows.push(row(&Value::Null));
        }
        rows.extend(edges.into_iter().map(row));
    }
    rows
}
