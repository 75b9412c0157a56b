//! Log pages: the list, the number of events, the chart above, one event alone; and the lists that
//! assistants ask for.

use std::collections::BTreeMap;

use end_to_end::studio_queries::{HOUR, MARCH, MINUTE, SPECIAL_ID};
use serde_json::{Map, Value, json};

use super::{Events, Expected, Question, at, micros, number, text, truncated, wrapped};

/// What Studio knows of a table.
struct Page {
    table: &'static str,
    joins: &'static str,
    /// Columns beside id, time and message: SQL, name, path in the event.
    columns: &'static [(&'static str, &'static str, &'static str)],
    /// Conditions of the chart: what counts as an error, and as a warning.
    conditions: [&'static str; 2],
    /// The same in Rust; None when the conditions are neither true nor false.
    level: fn(&Value) -> Option<[bool; 2]>,
}

const PAGES: &[Page] = &[
    Page {
        table: "edge_logs",
        joins: "cross join unnest(metadata) as m cross join unnest(m.request) as request cross join unnest(m.response) as response",
        columns: &[
            ("request.method", "method", "metadata.request.method"),
            ("request.path", "path", "metadata.request.path"),
            ("request.search", "search", "metadata.request.search"),
            ("response.status_code", "status_code", "metadata.response.status_code"),
        ],
        conditions: [
            "response.status_code >= 500",
            "response.status_code >= 400 AND response.status_code < 500",
        ],
        level: |event| Some(of_status(number(event, "metadata.response.status_code")?)),
    },
    Page {
        table: "postgres_logs",
        joins: "cross join unnest(metadata) as m cross join unnest(m.parsed) as parsed",
        columns: &[
            ("parsed.error_severity", "error_severity", "metadata.parsed.error_severity"),
            ("parsed.detail", "detail", "metadata.parsed.detail"),
            ("parsed.hint", "hint", "metadata.parsed.hint"),
        ],
        conditions: [
            "parsed.error_severity IN ('ERROR', 'FATAL', 'PANIC')",
            "parsed.error_severity IN ('WARNING')",
        ],
        level: |event| {
            let severity = at(event, "metadata.parsed.error_severity").as_str()?;
            Some([["ERROR", "FATAL", "PANIC"].contains(&severity), severity == "WARNING"])
        },
    },
    Page {
        table: "function_logs",
        joins: "cross join unnest(metadata) as metadata",
        columns: &[
            ("metadata.event_type", "event_type", "metadata.event_type"),
            ("metadata.function_id", "function_id", "metadata.function_id"),
            ("metadata.execution_id", "execution_id", "metadata.execution_id"),
            ("metadata.level", "level", "metadata.level"),
        ],
        conditions: ["metadata.level IN ('error', 'fatal')", "metadata.level IN ('warning')"],
        level: |event| {
            let level = at(event, "metadata.level").as_str()?;
            Some([["error", "fatal"].contains(&level), level == "warning"])
        },
    },
    Page {
        table: "function_edge_logs",
        joins: "cross join unnest(metadata) as m cross join unnest(m.response) as response cross join unnest(m.request) as request",
        columns: &[
            ("response.status_code", "status_code", "metadata.response.status_code"),
            ("request.method", "method", "metadata.request.method"),
            ("m.function_id", "function_id", "metadata.function_id"),
            ("m.execution_time_ms", "execution_time_ms", "metadata.execution_time_ms"),
        ],
        conditions: [
            "response.status_code >= 500",
            "response.status_code >= 400 AND response.status_code < 500",
        ],
        level: |event| Some(of_status(number(event, "metadata.response.status_code")?)),
    },
    Page {
        table: "auth_logs",
        joins: "cross join unnest(metadata) as metadata",
        columns: &[
            ("metadata.level", "level", "metadata.level"),
            ("metadata.status", "status", "metadata.status"),
            ("metadata.path", "path", "metadata.path"),
            ("metadata.msg as msg", "msg", "metadata.msg"),
            ("metadata.error", "error", "metadata.error"),
        ],
        conditions: [
            "IFNULL(metadata.level, '') IN ('error', 'fatal') OR IFNULL(SAFE_CAST(metadata.status AS INT64), 0) >= 500",
            "IFNULL(metadata.level, '') = 'warning' OR IFNULL(SAFE_CAST(metadata.status AS INT64), 0) BETWEEN 400 AND 499",
        ],
        level: |event| {
            let level = text(event, "metadata.level");
            let status = number(event, "metadata.status").unwrap_or(0);
            Some([
                ["error", "fatal"].contains(&level) || status >= 500,
                level == "warning" || (400..500).contains(&status),
            ])
        },
    },
    plain("realtime_logs"),
    plain("storage_logs"),
    plain("postgrest_logs"),
    plain("pgbouncer_logs"),
    Page { joins: "cross join unnest(metadata) as m", ..plain("supavisor_logs") },
    plain("auth_audit_logs"),
    plain("pg_upgrade_logs"),
    plain("etl_replication_logs"),
    Page {
        conditions: [
            "JSON_VALUE(event_message, '$.level') IN ('ERROR', 'FATAL', 'PANIC')",
            "JSON_VALUE(event_message, '$.level') IN ('WARN', 'WARNING')",
        ],
        level: |event| {
            let level = text(event, "level");
            Some([
                ["ERROR", "FATAL", "PANIC"].contains(&level),
                ["WARN", "WARNING"].contains(&level),
            ])
        },
        ..plain("multigres_logs")
    },
];

/// A table that Studio shows as messages only.
const fn plain(table: &'static str) -> Page {
    let level = |_: &Value| Some([false, false]);
    Page { table, joins: "", columns: &[], conditions: ["false", "false"], level }
}

fn of_status(status: i64) -> [bool; 2] {
    [status >= 500, (400..500).contains(&status)]
}

pub(super) fn questions(events: &Events) -> Vec<Question> {
    let mut questions = Vec::new();
    for page in PAGES {
        questions.push(list(page, events, "preview page", ["2026-03-01T00:00:00.000Z", ""]));
        questions.push(count(page, events));
        questions.push(chart(page, events));
        questions.push(single(page, events));
    }
    let hour = ["2026-03-01T00:00:00.000Z", "2026-03-01T00:40:00.000Z"];
    let assistants =
        ["edge", "postgres", "auth", "storage", "realtime", "function_edge", "function"];
    for page in PAGES {
        if assistants.iter().any(|name| format!("{name}_logs") == page.table) {
            questions.push(list(page, events, "mcp get_logs", hour));
        }
    }
    let workflow = Page {
        columns: &[("workflow_run", "workflow_run", "workflow_run")],
        ..plain("workflow_run_logs")
    };
    questions.push(list(&workflow, events, "mcp get_logs", hour));
    questions
}

fn row(page: &Page, event: &Value) -> Value {
    let mut row: Map<_, _> = ["id", "timestamp", "event_message"]
        .map(|name| (name.to_owned(), event[name].clone()))
        .into_iter()
        .collect();
    let columns = page.columns.iter();
    row.extend(columns.map(|(_, name, path)| ((*name).to_owned(), at(event, path).clone())));
    row.into()
}

fn list(page: &Page, events: &Events, surface: &str, bounds: [&'static str; 2]) -> Question {
    let Page { table, joins, columns, .. } = page;
    let columns: String = columns.iter().map(|(sql, ..)| format!(", {sql}")).collect();
    let to = if bounds[1].is_empty() { i64::MAX } else { MARCH + 40 * MINUTE };
    let rows = events.within(table, MARCH, to);
    Question {
        name: format!("{surface}: {table}"),
        sql: format!(
            "select id, {table}.timestamp, event_message{columns} from {table}\n{joins}\norder by timestamp desc\nlimit 100"
        ),
        bounds,
        expected: Expected::Ordered(
            rows.into_iter().take(100).map(|event| row(page, event)).collect(),
        ),
    }
}

fn count(page: &Page, events: &Events) -> Question {
    let Page { table, joins, .. } = page;
    let count = events.within(table, MARCH - 24 * HOUR, MARCH + 10 * MINUTE).len();
    Question {
        name: format!("count: {table}"),
        sql: format!("SELECT count(*) as count FROM {table} {joins}"),
        bounds: ["2026-02-28T00:00:00.000Z", "2026-03-01T00:10:00.000Z"],
        expected: Expected::Rows(vec![json!({"count": count})]),
    }
}

fn chart(page: &Page, events: &Events) -> Question {
    let Page { table, joins, conditions: [error, warning], .. } = page;
    let mut buckets: BTreeMap<i64, [i64; 3]> = BTreeMap::new();
    for event in events.within(table, MARCH - 6 * HOUR, i64::MAX) {
        let bucket = buckets.entry(truncated(micros(event), MINUTE)).or_default();
        if let Some([error, warning]) = (page.level)(event) {
            bucket[0] += i64::from(!(error || warning));
            bucket[1] += i64::from(error);
            bucket[2] += i64::from(warning);
        }
    }
    let row = |(time, [ok, error, warning]): (i64, [i64; 3])| json!({"timestamp": time, "ok_count": ok, "error_count": error, "warning_count": warning});
    Question {
        name: format!("chart: {table}"),
        sql: format!(
            "SELECT
-- log-event-chart
  timestamp_trunc(t.timestamp, minute) as timestamp,
  count(CASE WHEN NOT ({error} OR {warning}) THEN 1 END) as ok_count,
  count(CASE WHEN {error} THEN 1 END) as error_count,
  count(CASE WHEN {warning} THEN 1 END) as warning_count,
FROM
  {table} t
  {joins}
  where t.timestamp > '2026-02-28T18:00:00.000Z'
GROUP BY
timestamp
ORDER BY
  timestamp ASC"
        ),
        bounds: ["2026-02-24T00:00:00.000Z", ""],
        expected: Expected::Ordered(buckets.into_iter().map(row).collect()),
    }
}

fn single(page: &Page, events: &Events) -> Question {
    let all = events.within(page.table, 0, i64::MAX);
    let event = all.into_iter().find(|event| event["id"] == SPECIAL_ID).expect("the special event");
    let row = json!({
        "id": SPECIAL_ID, "timestamp": event["timestamp"], "event_message": event["event_message"],
        "metadata": wrapped(&event["metadata"]),
    });
    Question {
        name: format!("single log: {}", page.table),
        sql: format!(
            "select id, timestamp, event_message, metadata from {} where id = '{SPECIAL_ID}' limit 1",
            page.table
        ),
        bounds: ["2026-03-01T00:00:00.000Z", ""],
        expected: Expected::Rows(vec![row]),
    }
}
