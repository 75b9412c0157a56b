//! What people run in the logs explorer: its templates, the docs and the troubleshooting guides.

use std::collections::BTreeSet;

use end_to_end::studio_queries::{HOUR, MARCH};
use serde_json::{Value, json};

use super::{
    Events, Expected, Question, at, counted, datetime, message, micros, number, text, wrapped,
};

/// The first hour of March.
const BOUNDS: [&str; 2] = ["2026-03-01T00:00:00.000Z", "2026-03-01T01:00:00.000Z"];

pub(super) fn questions(events: &Events) -> Vec<Question> {
    let mut questions = templates(events);
    questions.extend(auth_templates(events));
    questions.extend(docs(events));
    questions.extend(guides(events));
    questions.extend(function_guides(events));
    questions
}

fn question(name: &str, sql: &str, expected: Expected) -> Question {
    Question { name: name.to_owned(), sql: sql.to_owned(), bounds: BOUNDS, expected }
}

fn templates(events: &Events) -> Vec<Question> {
    let within = |table| events.within(table, MARCH, MARCH + HOUR);
    let countries =
        counted(within("edge_logs").iter().map(|event| text(event, "metadata.request.cf.country")));
    let country = |(country, count): (&str, i64)| {
        let country = if country.is_empty() { Value::Null } else { json!(country) };
        json!({"country": country, "count": count})
    };
    let failed = within("postgres_logs").into_iter().filter_map(|event| {
        let severity = text(event, "metadata.parsed.error_severity");
        let failed = ["ERROR", "FATAL", "PANIC"].contains(&severity);
        failed.then(|| (text(event, "metadata.parsed.user_name"), severity))
    });
    let by_user = counted(failed).into_iter();
    let invocations = within("function_edge_logs").into_iter().take(25).map(|event| {
        json!({
            "ts": datetime(micros(event)), "method": at(event, "metadata.request.method"),
            "pathname": at(event, "metadata.request.pathname"),
            "status_code": at(event, "metadata.response.status_code"),
        })
    });
    vec![
        question(
            "explorer template: edge_logs",
            "select
  cf.country,
  count(*) as count
from edge_logs
  left join unnest(metadata) as m on true
  left join unnest(m.request) as r on true
  left join unnest(r.cf) as cf on true
group by
  cf.country
order by
  count desc",
            Expected::Rows(countries.into_iter().map(country).collect()),
        ),
        question(
            "explorer template: postgres_logs",
            "select
  count(t.timestamp) as count,
  p.user_name,
  p.error_severity
from postgres_logs as t
  cross join unnest(metadata) as m
  cross join unnest(m.parsed) as p
where
  p.error_severity in ('ERROR', 'FATAL', 'PANIC')
group by
  p.user_name,
  p.error_severity
order by
  count desc
limit 100",
            Expected::Rows(
                by_user
                    .map(|((user, severity), count)| {
                        json!({"count": count, "user_name": user, "error_severity": severity})
                    })
                    .collect(),
            ),
        ),
        question(
            "explorer template: function_edge_logs",
            "select datetime(timestamp) as ts, request.method, request.pathname, response.status_code
from function_edge_logs as t
cross join unnest(t.metadata) as metadata
cross join unnest(metadata.request) as request
cross join unnest(metadata.response) as response
order by timestamp desc
limit 25",
            Expected::Ordered(invocations.collect()),
        ),
    ]
}

fn auth_templates(events: &Events) -> Vec<Question> {
    let within = |table| events.within(table, MARCH, MARCH + HOUR);
    let audits = within("auth_audit_logs").into_iter().map(|event| {
        json!({
            "timestamp": datetime(micros(event)), "event_message": message(event),
            "metadata": wrapped(&event["metadata"]),
        })
    });
    // `level`, three characters, and then anything: one of the alternatives is empty.
    let leveled = |event: &&&Value| {
        message(event)
            .match_indices("level")
            .any(|(at, word)| message(event).len() >= at + word.len() + 3)
    };
    let auth: Vec<_> = within("auth_logs")
        .iter()
        .filter(leveled)
        .map(|event| json!({"timestamp": micros(event), "event_message": message(event)}))
        .collect();
    vec![
        question(
            "explorer template: auth_audit_logs",
            "select
  cast(timestamp as datetime) as timestamp,
  event_message, metadata 
from auth_audit_logs 
limit 10",
            Expected::SomeOf(10, audits.collect()),
        ),
        question(
            "explorer template: auth_logs",
            "select
  t.timestamp,
  event_message
from auth_logs as t
where
  regexp_contains(event_message,\"level.{3}(info|warning||error|fatal)\")
  -- and regexp_contains(event_message,\"path.{3}(/token|/recover|/signup|/otp)\")
limit 100",
            Expected::SomeOf(auth.len().min(100), auth),
        ),
    ]
}

fn docs(events: &Events) -> Vec<Question> {
    let within = |table| events.within(table, MARCH, MARCH + HOUR);
    let connections = within("postgres_logs")
        .into_iter()
        .filter(|event| message(event).starts_with("connection"));
    let failures = within("storage_logs").into_iter().filter_map(|event| {
        let status = number(event, "metadata.res.statusCode").filter(|status| *status >= 500)?;
        Some(json!({
            "id": event["id"], "timestamp": event["timestamp"], "event_message": message(event),
            "statusCode": status, "errorMessage": at(event, "metadata.error.message"),
            "rawError": at(event, "metadata.error.raw"),
        }))
    });
    vec![
        question(
            "docs: postgres_logs",
            "select
  cast(timestamp as datetime) as timestamp,
  event_message,
  metadata
from postgres_logs
where regexp_contains(event_message, '^connection');",
            Expected::Rows(
                connections
                    .map(|event| {
                        json!({
                            "timestamp": datetime(micros(event)), "event_message": message(event),
                            "metadata": wrapped(&event["metadata"]),
                        })
                    })
                    .collect(),
            ),
        ),
        question(
            "docs: edge_logs",
            "select datetime(timestamp) from edge_logs",
            Expected::Rows(
                within("edge_logs")
                    .iter()
                    .map(|event| json!({"f0_": datetime(micros(event))}))
                    .collect(),
            ),
        ),
        question(
            "docs: storage_logs",
            "select
  id,
  storage_logs.timestamp,
  event_message,
  r.statusCode,
  e.message as errorMessage,
  e.raw as rawError
from
  storage_logs
  cross join unnest(metadata) as m
  cross join unnest(m.res) as r
  cross join unnest(m.error) as e
where r.statusCode >= 500
order by timestamp desc
limit 100;",
            Expected::Ordered(failures.collect()),
        ),
    ]
}

fn guides(events: &Events) -> Vec<Question> {
    let within = |table| events.within(table, MARCH, MARCH + HOUR);
    let parsed = |event: &&Value| {
        json!({
            "event_message": message(event), "error_severity": at(event, "metadata.parsed.error_severity"),
            "user_name": at(event, "metadata.parsed.user_name"),
        })
    };
    let rest_errors = within("edge_logs").into_iter().filter_map(|event| {
        let status =
            number(event, "metadata.response.status_code").filter(|status| *status >= 400)?;
        let path = text(event, "metadata.request.path");
        path.starts_with("/rest/v1/").then(|| {
            json!({
                "timestamp": datetime(micros(event)), "status_code": status,
                "event_message": message(event), "path": path,
            })
        })
    });
    let auth_errors = within("auth_logs").into_iter().filter_map(|event| {
        let status = number(event, "metadata.status");
        let level = text(event, "metadata.level");
        (status == Some(500) || level.contains("error") || level.contains("fatal")).then(|| {
            json!({
                // All events have this one.
                "timestamp": "2026-03-01T00:10:00", "msg": at(event, "metadata.msg"),
                "event_message": message(event), "status": at(event, "metadata.status"),
                "path": at(event, "metadata.path"), "level": level,
            })
        })
    });
    vec![
        question(
            "troubleshooting guide: postgres_logs",
            "select
  event_message,
  error_severity, -- found in parsed
  user_name -- found in parsed
from
  postgres_logs
  -- extract first layer
  cross join unnest(postgres_logs.metadata) as metadata
  -- extract second layer
  cross join unnest(metadata.parsed) as parsed;",
            Expected::Rows(within("postgres_logs").iter().map(parsed).collect()),
        ),
        question(
            "troubleshooting guide: edge_logs",
            "select
  cast(timestamp as datetime) as timestamp,
  status_code,
  event_message,
  path
from
  edge_logs
  cross join unnest(metadata) as metadata
  cross join unnest(response) as response
  cross join unnest(request) as request
where
  -- find all errors
  status_code >= 400
  and regexp_contains(path, '^/rest/v1/');
-- only look at DB API",
            Expected::Rows(rest_errors.collect()),
        ),
        question(
            "troubleshooting guide: auth_logs",
            "select
  cast(metadata.timestamp as datetime) as timestamp,
  msg,
  event_message,
  status,
  path,
  level
from auth_logs
cross join unnest(metadata) as metadata
where
   -- find all errors
   status::INT = 500
    OR
  regexp_contains(level, 'error|fatal')
order by timestamp",
            Expected::Rows(auth_errors.collect()),
        ),
    ]
}

fn function_guides(events: &Events) -> Vec<Question> {
    let within = |table| events.within(table, MARCH, MARCH + HOUR);
    let not_found: BTreeSet<_> = within("function_edge_logs")
        .into_iter()
        .filter(|event| number(event, "metadata.response.status_code") == Some(404))
        .map(|event| text(event, "metadata.request.pathname"))
        .collect();
    let not_found = not_found.into_iter().map(|pathname| {
        json!({
            "function_name": pathname, "status_code": 404,
            "type_of_404": "FUNCTION RECOGNIZED: custom 404 message in app logic",
        })
    });
    let mut failures = Vec::new();
    for log in within("function_logs") {
        let failed = text(log, "metadata.level") == "error"
            && ["Log", "UncaughtException"].contains(&text(log, "metadata.event_type"));
        if !failed {
            continue;
        }
        for call in within("function_edge_logs") {
            let execution = "metadata.execution_id";
            if at(call, execution) == at(log, execution)
                && number(call, "metadata.response.status_code") == Some(500)
            {
                failures.push(json!({
                    "event_message": message(log), "timestamp": datetime(micros(call)),
                    "function_name": at(call, "metadata.request.pathname"),
                }));
            }
        }
    }
    vec![
        question(
            "troubleshooting guide: function_edge_logs",
            "select distinct
  req.pathname as function_name,
  res.status_code,
  case
    when metadata.execution_id is null then 'FUNCTION_NOT_FOUND'
    else 'FUNCTION RECOGNIZED: custom 404 message in app logic'
  end as type_of_404
from
  function_edge_logs
  cross join UNNEST(metadata) as metadata
  cross join UNNEST(metadata.request) as req
  cross join UNNEST(metadata.response) as res
where status_code = 404
limit 10;",
            Expected::Rows(not_found.collect()),
        ),
        question(
            "troubleshooting guide: function_logs, function_edge_logs",
            "select
  console_logs.event_message,
  cast(invocation_events.timestamp as datetime) as timestamp,
  invocation_events.function_name
from
  function_logs as console_logs
  left join UNNEST(console_logs.metadata) as metadata on true
  left join (
    select
      timestamp,
      em.execution_id,
      res.status_code,
      req.pathname as function_name
    from
      function_edge_logs
      left join UNNEST(metadata) as em on true
      left join UNNEST(em.request) as req on true
      left join UNNEST(em.response) as res on true
  ) as invocation_events
    on metadata.execution_id = invocation_events.execution_id
where
  invocation_events.status_code = 500
  and metadata.level = 'error'
  and metadata.event_type in ('Log', 'UncaughtException')
order by invocation_events.function_name, invocation_events.timestamp
limit 1000;",
            Expected::Rows(failures),
        ),
    ]
}
