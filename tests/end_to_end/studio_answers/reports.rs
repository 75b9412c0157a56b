//! Reports, and the counts of the project's home page.

use std::collections::{BTreeMap, BTreeSet};

use end_to_end::studio_queries::{HOUR, MARCH, MINUTE};
use serde_json::{Value, json};

use super::{
    Events, Expected, Question, at, counted, datetime, message, micros, number, text, truncated,
};

/// The day before March.
const DAY: [&str; 2] = ["2026-02-28T00:00:00.000Z", "2026-03-01T00:00:00.000Z"];
/// The first hour of March.
const FIRST_HOUR: [&str; 2] = ["2026-03-01T00:00:00.000Z", "2026-03-01T01:00:00.000Z"];

/// What every request's report unnests.
const JOINS: &str = "
          cross join unnest(metadata) as m
          cross join unnest(m.response) as response
          cross join unnest(m.request) as request
          cross join unnest(request.headers) as headers";

pub(super) fn questions(events: &Events) -> Vec<Question> {
    let mut questions = requests(events);
    questions.push(response_speed(events));
    questions.extend(functions(events));
    questions.extend(others(events));
    questions.push(query_insights(events));
    questions.extend(home(events));
    questions
}

fn question(name: &str, sql: &str, bounds: [&'static str; 2], expected: Expected) -> Question {
    Question { name: name.to_owned(), sql: sql.to_owned(), bounds, expected }
}

/// Rows of `timestamp` (a DATETIME) and `count`.
fn per_hour<'e>(events: impl Iterator<Item = &'e Value>) -> Expected {
    let counts = counted(events.map(|event| truncated(micros(event), HOUR)));
    let row = |(hour, count)| json!({"timestamp": datetime(hour), "count": count});
    Expected::Ordered(counts.into_iter().map(row).collect())
}

/// The day's events.
fn day<'e>(events: &'e Events, table: &str) -> Vec<&'e Value> {
    events.within(table, MARCH - 24 * HOUR, MARCH)
}

fn requests(events: &Events) -> Vec<Question> {
    let edge = day(events, "edge_logs");
    let failed = edge.iter().copied().filter(|event| {
        number(event, "metadata.response.status_code").is_some_and(|status| status >= 400)
    });
    let route = |event: &&Value| {
        let texts = ["path", "method", "search"]
            .map(|name| at(event, &format!("metadata.request.{name}")).to_string());
        (texts, number(event, "metadata.response.status_code"))
    };
    let routes = counted(edge.iter().map(route)).into_iter().map(
        |(([path, method, search], status), count)| {
            let value = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
            json!({
                "path": value(&path), "method": value(&method), "search": value(&search),
                "status_code": status, "count": count,
            })
        },
    );
    vec![
        question(
            "report: edge_logs, requests",
            &format!(
                "-- reports-api-total-requests
        select
          cast(timestamp_trunc(t.timestamp, hour) as datetime) as timestamp,
          count(t.id) as count
        FROM edge_logs t {JOINS}
        GROUP BY
          timestamp
        ORDER BY
          timestamp ASC"
            ),
            DAY,
            per_hour(edge.iter().copied()),
        ),
        question(
            "report: edge_logs, errors",
            &format!(
                "-- reports-api-error-counts
        select
          cast(timestamp_trunc(t.timestamp, hour) as datetime) as timestamp,
          count(t.id) as count
        FROM edge_logs t {JOINS}
        WHERE
          response.status_code >= 400
        GROUP BY
          timestamp
        ORDER BY
          timestamp ASC"
            ),
            DAY,
            per_hour(failed),
        ),
        question(
            "report: edge_logs, routes",
            &format!(
                "-- reports-api-top-routes
        select
          request.path as path,
          request.method as method,
          request.search as search,
          response.status_code as status_code,
          count(t.id) as count
        from edge_logs t {JOINS}
        group by
          request.path, request.method, request.search, response.status_code
        order by
          count desc"
            ),
            DAY,
            Expected::Rows(routes.collect()),
        ),
    ]
}

fn response_speed(events: &Events) -> Question {
    let mut speeds: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for event in day(events, "edge_logs") {
        let times = speeds.entry(truncated(micros(event), HOUR)).or_default();
        times.extend(at(event, "metadata.response.origin_time").as_f64());
    }
    let speed = |(hour, times): (i64, Vec<f64>)| {
        let count = f64::from(u32::try_from(times.len()).unwrap_or_default());
        let mean = (!times.is_empty()).then(|| times.iter().sum::<f64>() / count);
        json!({"avg": mean, "timestamp": datetime(hour)})
    };
    question(
        "report: edge_logs, response speed",
        &format!(
            "-- reports-api-response-speed
        select
          cast(timestamp_trunc(t.timestamp, hour) as datetime) as timestamp,
          avg(response.origin_time) as avg
        FROM edge_logs t {JOINS}
        GROUP BY
          timestamp
        ORDER BY
          timestamp ASC"
        ),
        DAY,
        Expected::Ordered(speeds.into_iter().map(speed).collect()),
    )
}

fn functions(events: &Events) -> Vec<Question> {
    let calls = day(events, "function_edge_logs");
    let mut groups: BTreeMap<i64, [i64; 4]> = BTreeMap::new();
    for call in &calls {
        let status = number(call, "metadata.response.status_code").unwrap_or_default();
        let group = groups.entry(truncated(micros(call), HOUR)).or_default();
        group[0] += 1;
        group[1] += i64::from(status < 300);
        group[2] += i64::from(status == 546);
        group[3] = group[3].max(number(call, "metadata.execution_time_ms").unwrap_or_default());
    }
    let row = |(hour, [all, good, killed, longest]): (i64, [i64; 4])| {
        let [killed_, all_] =
            [killed, all].map(|n| f64::from(i32::try_from(n).unwrap_or_default()));
        json!({
            "timestamp": hour, "all_calls": all, "good": good, "killed": killed,
            "killed_share": killed_ / all_, "longest": longest,
        })
    };
    vec![question(
        "report: function_edge_logs",
        "select
          timestamp_trunc(t.timestamp, hour) as timestamp,
          count(t.id) as all_calls,
          countif(response.status_code < 300) as good,
          countif(response.status_code = 546) as killed,
          safe_divide(countif(response.status_code = 546), count(*)) as killed_share,
          max(m.execution_time_ms) as longest
        from function_edge_logs t
          cross join unnest(metadata) as m
          cross join unnest(m.response) as response
          cross join unnest(m.request) as request
        where regexp_contains(request.path, '/functions')
        group by timestamp
        order by timestamp asc",
        DAY,
        Expected::Ordered(groups.into_iter().map(row).collect()),
    )]
}

fn others(events: &Events) -> Vec<Question> {
    let mut users: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    for event in day(events, "auth_logs") {
        let event_of: Value = serde_json::from_str(message(event)).expect("JSON");
        let action = text(&event_of, "auth_event.action");
        if ["login", "user_signedup", "token_refreshed", "user_recovery_requested"]
            .contains(&action)
        {
            let hour = users.entry(truncated(micros(event), HOUR)).or_default();
            hour.insert(text(&event_of, "auth_event.actor_id").to_owned());
        }
    }
    let active = users
        .into_iter()
        .rev()
        .map(|(hour, users)| json!({"timestamp": hour, "count": users.len()}));
    let changes =
        events.within("postgres_logs", MARCH, MARCH + HOUR).into_iter().filter_map(|event| {
            let tag = text(event, "metadata.parsed.command_tag");
            ["CREATE TABLE", "ALTER TABLE", "DROP TABLE"].contains(&tag).then(|| {
            json!({
                "id": event["id"], "timestamp": event["timestamp"], "event_message": message(event),
                "command_tag": tag, "db_user": at(event, "metadata.parsed.user_name"),
            })
        })
        });
    vec![
        question(
            "report: auth_logs",
            "--active-users
        select
          timestamp_trunc(timestamp, hour) as timestamp,
          count(distinct json_value(f.event_message, \"$.auth_event.actor_id\")) as count
        from auth_logs f
        where json_value(f.event_message, \"$.auth_event.action\") in (
          'login', 'user_signedup', 'token_refreshed', 'user_modified',
          'user_recovery_requested', 'user_reauthenticate_requested'
        )
        group by timestamp
        order by timestamp desc",
            DAY,
            Expected::Ordered(active.collect()),
        ),
        question(
            "report: postgres_logs",
            "select
  id,
  timestamp,
  event_message,
  metadata[0].parsed[0].command_tag as command_tag,
  metadata[0].parsed[0].user_name as db_user
from postgres_logs
where metadata[0].parsed[0].command_tag IN ('CREATE TABLE', 'ALTER TABLE', 'DROP TABLE')
order by timestamp desc
limit 10",
            FIRST_HOUR,
            Expected::Ordered(changes.take(10).collect()),
        ),
    ]
}

fn query_insights(events: &Events) -> Question {
    let mut groups: BTreeMap<(i64, String, i64), (i64, Vec<f64>)> = BTreeMap::new();
    for event in events.within("supamonitor_logs", MARCH, MARCH + HOUR) {
        if message(event) == "log" {
            let of = |name: &str| at(event, &format!("metadata.supamonitor.{name}")).clone();
            let key = (
                truncated(micros(event), MINUTE),
                of("user_name").as_str().unwrap_or_default().to_owned(),
                of("query_id").as_i64().unwrap_or_default(),
            );
            let group = groups.entry(key).or_default();
            group.0 += of("calls").as_i64().unwrap_or_default();
            group.1.extend(of("total_exec_time").as_f64());
        }
    }
    let row = |((time, user, query), (calls, times)): ((i64, String, i64), (i64, Vec<f64>))| {
        let total: f64 = times.iter().sum();
        let mean = if calls > 0 {
            total / f64::from(i32::try_from(calls).unwrap_or_default())
        } else {
            0.0
        };
        let longest = times.iter().copied().fold(f64::MIN, f64::max);
        let shortest = times.iter().copied().filter(|time| *time != 0.0).reduce(f64::min);
        json!({
            "timestamp": time, "user_name": user, "query_id": query, "calls": calls, "total_exec_time": total,
            "mean_exec_time": mean, "min_exec_time": shortest, "max_exec_time": longest,
        })
    };
    question(
        "report: supamonitor_logs",
        "select
  TIMESTAMP_TRUNC(sml.timestamp, MINUTE) as timestamp,
  CAST(sml_parsed.user_name AS STRING) as user_name,
  sml_parsed.query_id as query_id,
  SUM(sml_parsed.calls) as calls,
  SUM(sml_parsed.total_exec_time) as total_exec_time,
  CASE WHEN SUM(sml_parsed.calls) > 0
    THEN SUM(sml_parsed.total_exec_time) / SUM(sml_parsed.calls)
    ELSE 0
  END as mean_exec_time,
  MIN(NULLIF(sml_parsed.total_exec_time, 0)) as min_exec_time,
  MAX(sml_parsed.total_exec_time) as max_exec_time
from supamonitor_logs as sml
cross join unnest(sml.metadata) as sml_metadata
cross join unnest(sml_metadata.supamonitor) as sml_parsed
where sml.event_message = 'log'
group by timestamp, user_name, query_id
order by timestamp desc",
        FIRST_HOUR,
        Expected::Rows(groups.into_iter().map(row).collect()),
    )
}

fn home(events: &Events) -> Vec<Question> {
    let mut counts: BTreeMap<i64, [i64; 4]> = BTreeMap::new();
    for event in events.within("edge_logs", MARCH, i64::MAX) {
        let bucket = counts.entry(truncated(micros(event), MINUTE)).or_default();
        let path = text(event, "metadata.request.path");
        for (place, start) in
            ["/rest/", "/auth/", "/storage/", "/realtime/"].into_iter().enumerate()
        {
            bucket[place] += i64::from(path.starts_with(start));
        }
    }
    let counts = counts.into_iter().map(|(minute, [rest, auth, storage, realtime])| {
        json!({
            "timestamp": minute, "total_rest_requests": rest, "total_auth_requests": auth,
            "total_storage_requests": storage, "total_realtime_requests": realtime,
        })
    });
    let hours = counted(
        events
            .within("storage_logs", MARCH, i64::MAX)
            .into_iter()
            .map(|event| truncated(micros(event), HOUR)),
    );
    let auth = events.within("auth_logs", MARCH, MARCH + HOUR);
    let messages: Vec<Value> =
        auth.iter().map(|event| serde_json::from_str(message(event)).expect("JSON")).collect();
    let action = |name: &str| {
        messages.iter().filter(|message| text(message, "auth_event.action") == name).count()
    };
    let actors: BTreeSet<_> =
        messages.iter().map(|message| text(message, "auth_event.actor_id")).collect();
    let errors =
        auth.iter().filter(|event| ["error", "fatal"].contains(&text(event, "metadata.level")));
    vec![
        question(
            "fork substitute: edge_logs",
            "select timestamp_trunc(t.timestamp, minute) as timestamp,
  countif(regexp_contains(r.path, '^/rest/')) as total_rest_requests,
  countif(regexp_contains(r.path, '^/auth/')) as total_auth_requests,
  countif(regexp_contains(r.path, '^/storage/')) as total_storage_requests,
  countif(regexp_contains(r.path, '^/realtime/')) as total_realtime_requests
from edge_logs t
  cross join unnest(t.metadata) as m
  cross join unnest(m.request) as r
group by 1
order by 1 asc",
            ["2026-03-01T00:00:00.000Z", ""],
            Expected::Ordered(counts.collect()),
        ),
        question(
            "fork substitute: storage_logs",
            "select timestamp_trunc(t.timestamp, hour) as timestamp, count(t.id) as total from storage_logs t group by 1 order by 1 asc",
            ["2026-03-01T00:00:00.000Z", ""],
            Expected::Ordered(
                hours.into_iter().map(|(hour, total)| json!({"timestamp": hour, "total": total})).collect(),
            ),
        ),
        question(
            "fork substitute: auth_logs",
            "select
  count(distinct json_value(t.event_message, '$.auth_event.actor_id')) as active_users,
  countif(json_value(t.event_message, '$.auth_event.action') = 'user_signedup') as sign_up_count,
  countif(json_value(t.event_message, '$.auth_event.action') = 'user_recovery_requested') as password_reset_requests,
  countif(m.level = 'error' or m.level = 'fatal') as auth_total_errors,
  count(t.id) as auth_total_requests
from auth_logs t cross join unnest(t.metadata) as m",
            FIRST_HOUR,
            Expected::Rows(vec![json!({
                "active_users": actors.len(), "sign_up_count": action("user_signedup"),
                "password_reset_requests": action("user_recovery_requested"),
                "auth_total_errors": errors.count(), "auth_total_requests": auth.len(),
            })]),
        ),
    ]
}
