//! Good BigQuery that Logflare fails on.

use serde_json::json;

use super::{Case, JOINS, MINUTE, NOON, asked, holds, own, values};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = conditions();
    cases.extend(functions());
    cases.extend(constructs());
    cases.extend(names_and_parameters());
    cases
}

fn conditions() -> Vec<Case> {
    vec![
        holds("1: LIKE", "request.path like '/rest/%'", &["a"]),
        holds("1: NOT LIKE", "request.path not like '/rest/%'", &["b"]),
        holds("1: ILIKE", "event_message ilike 'post%'", &["b"]),
        asked(
            "2: aliases in ORDER BY and GROUP BY",
            format!("select request.method as method, count(*) as c from {JOINS} where request.method > 'GET' group by method order by c desc, method"),
            json!([{"method": "PATCH", "c": 1}, {"method": "POST", "c": 1}, {"method": "PUT", "c": 1}]),
        ),
        asked(
            "2: an alias of a call",
            "select timestamp_trunc(timestamp, hour) as ts, count(*) as c from edge_logs group by ts order by c desc",
            json!([{"ts": NOON, "c": 4}]),
        ),
        holds("3: IN over a CTE's column", "id in ('a', 'b') and id != 'a'", &["b"]),
        values("3: COALESCE and || over a CTE's column", "coalesce(id, '') as c, id || 'x' as j", json!({"c": "a", "j": "ax"})),
        holds("4: IN with numbers", "response.status_code in (200, 404)", &["a", "c"]),
        holds("5: BETWEEN of times", "t.timestamp between '2026-11-20T12:00:00Z' and '2026-11-20T12:01:00Z'", &["a", "b"]),
        own(
            "6: a time and a parameter",
            "select id from `cloudflare.logs.prod` t where t.timestamp >= timestamp(@start) order by id",
            json!([{"id": "b"}, {"id": "c"}, {"id": "d"}]),
        ),
        own(
            "6: unconverted",
            "select id from `cloudflare.logs.prod` t where t.timestamp >= @start order by id",
            json!([{"id": "b"}, {"id": "c"}, {"id": "d"}]),
        ),
        holds("7: a truth value", "m.flag = true", &["a"]),
        holds("7: on its own", "m.flag", &["a"]),
        holds("8: a number below zero", "response.origin_time > -1", &["a", "b"]),
        own("9: one text among numbers", "select id from `my.things` where mixed > 5 order by id", json!([{"id": "x1"}, {"id": "x2"}])),
        asked(
            "10: aggregates over fields",
            format!(
                "select sum(response.status_code) as s, min(response.origin_time) as l, max(t.timestamp) as last, min(timestamp) as first,
                 round(avg(response.origin_time), 1) as a from {JOINS}"
            ),
            json!([{"s": 1104, "l": 5, "last": NOON + 3 * MINUTE, "first": NOON, "a": 27.5}]),
        ),
    ]
}

fn functions() -> Vec<Case> {
    vec![
        values(
            "11: functions of text",
            "lower(request.method) as l, upper(m.kind) as u, length(request.path) as n, starts_with(request.path, '/rest') as s,
             split(request.path, '/')[safe_offset(1)] as p, regexp_extract(request.path, '/v1/(.*)') as e,
             if(m.flag, 'yes', 'no') as i, ifnull(m.nothing, 'none') as f",
            json!({"l": "get", "u": "123", "n": 14, "s": true, "p": "rest", "e": "todos", "i": "yes", "f": "none"}),
        ),
        values(
            "11: functions of JSON",
            "to_json_string(struct(m.kind as kind)) as j, json_value('{\"a\": {\"b\": 5}}', '$.a.b') as v, array_length(m.tags) as n",
            json!({"j": "{\"kind\":\"123\"}", "v": "5", "n": 2}),
        ),
        asked(
            "11: aggregates",
            "select string_agg(id, '+' order by id) as s, any_value(project) as p, approx_count_distinct(id) as n,
             approx_quantiles(length(id), 2) as q from edge_logs",
            json!([{"s": "a+b+c+d", "p": "default", "n": 4, "q": [1, 1, 1]}]),
        ),
        values(
            "12: casts",
            "cast(response.status_code as string) as s, cast(m.kind as float64) as f, cast(t.timestamp as datetime) as d,
             cast(id as bytes) as b, cast(t.timestamp as date) as day, cast(m.kind as int64) as i, safe_cast(id as int64) as n",
            json!({"s": "200", "f": 123, "d": "2026-11-20T12:00:00", "b": "YQ==", "day": "2026-11-20", "i": 123, "n": null}),
        ),
        asked("12: a cast that fails says so", "select cast(id as int64) as n from edge_logs where id = 'a'", json!("Bad int64 value: a")),
        values(
            "13: functions of times",
            "timestamp('2026-11-20 12:00:00+00') as t, datetime(t.timestamp) as d, date(t.timestamp) as day, extract(hour from t.timestamp) as h,
             timestamp_diff(t.timestamp, timestamp '2026-11-20', minute) as m, timestamp_add(t.timestamp, interval 1 minute) as a,
             timestamp_micros(5) as u, unix_micros(t.timestamp) as x, format_timestamp('%H:%M', t.timestamp) as f,
             current_date() > date '2020-01-01' as c, date_trunc(date(t.timestamp), month) as b",
            json!({"t": NOON, "d": "2026-11-20T12:00:00", "day": "2026-11-20", "h": 12, "m": 720, "a": NOON + MINUTE, "u": 5,
                "x": NOON, "f": "12:00", "c": true, "b": "2026-11-01"}),
        ),
        asked(
            "14: calls in calls",
            "select count(case when regexp_contains(event_message, 'GET') then 1 end) as n,
             max(coalesce(timestamp_trunc(timestamp, day), timestamp)) as d,
             min(timestamp_trunc(timestamp_sub(timestamp, interval 1 day), day)) as b from edge_logs",
            json!([{"n": 1, "d": NOON - 720 * MINUTE, "b": NOON - (720 + 1440) * MINUTE}]),
        ),
        asked(
            "15: a quoted interval",
            "select timestamp_sub(timestamp, interval '1' day) as d from edge_logs where id = 'a'",
            json!([{"d": NOON - 1440 * MINUTE}]),
        ),
        own(
            "15: an interval of a parameter",
            "select timestamp_sub(timestamp, interval cast(@n as int64) minute) as m from `cloudflare.logs.prod` where id = 'a'",
            json!([{"m": NOON - 2 * MINUTE}]),
        ),
        // 2026-11-20 is a Friday.
        asked(
            "16: weeks that begin on another day",
            "select date(timestamp_trunc(timestamp, week(monday))) as m, date(timestamp_trunc(timestamp, isoweek)) as i from edge_logs where id = 'a'",
            json!([{"m": "2026-11-16", "i": "2026-11-16"}]),
        ),
    ]
}

fn constructs() -> Vec<Case> {
    vec![
        asked("17: UNNEST after a comma", "select tag from edge_logs t, unnest(t.metadata) m, unnest(m.tags) as tag where id = 'a' order by tag", json!([{"tag": "x"}, {"tag": "y"}])),
        asked("17: a derived table", "select s.n from (select count(*) as n from edge_logs) s", json!([{"n": 4}])),
        asked("17: UNNEST of an array", "select x from unnest([1, 2]) as x order by x", json!([{"x": 1}, {"x": 2}])),
        asked("17: GENERATE_ARRAY", "select generate_array(1, 3) as g", json!([{"g": [1, 2, 3]}])),
        asked("18: a consumer's CTEs", "with x as (select id from edge_logs) select count(*) as n from x", json!([{"n": 4}])),
        asked("18: RECURSIVE", "with recursive r as (select 1 as n union all select n + 1 from r where n < 3) select sum(n) as s from r", json!([{"s": 6}])),
        asked("19: a path without UNNEST", "select metadata.request.method from edge_logs where id = 'a'", json!([{"method": "GET"}])),
        asked("19: with the alias", "select t.metadata.request.path from edge_logs t where id = 'a'", json!([{"path": "/rest/v1/todos"}])),
        own("19: of a source", "select x.metadata.request.method from `cloudflare.logs.prod` x where id = 'b'", json!([{"method": "POST"}])),
        asked(
            "20: a join of CTEs",
            "with x as (select id, event_message as e from edge_logs), y as (select id, timestamp as ts from edge_logs)
             select x.e, y.ts from x join y on x.id = y.id where y.id = 'b'",
            json!([{"e": "POST | 500", "ts": NOON + MINUTE}]),
        ),
        asked(
            "20: EXISTS about the row",
            "select t.id from edge_logs t where exists (select 1 from edge_logs u where u.timestamp > t.timestamp and u.id = 'b')",
            json!([{"id": "a"}]),
        ),
        asked(
            "21: STRUCT, subscripts, QUALIFY, SAFE",
            "select struct(id as i).i as s, [1, 2][offset(0)] as o, [1, 2][0] as z, safe.parse_timestamp('%F', id) as p
             from edge_logs where true qualify row_number() over (order by timestamp desc) = 1",
            json!([{"s": "d", "o": 1, "z": 1, "p": null}]),
        ),
    ]
}

fn names_and_parameters() -> Vec<Case> {
    vec![
        asked("22: texts in double quotes", "select id from edge_logs where id = \"a\"", json!([{"id": "a"}])),
        asked("23: names in any case", "select ID, Event_Message from edge_logs where Id = 'd'", json!([{"ID": "d", "Event_Message": "bare"}])),
        asked("24: `current_user` is no column", "select current_user from edge_logs", json!("Unrecognized name: current_user")),
        own("25: a parameter at the end", "select id from `cloudflare.logs.prod` where metadata.request.method = @test", json!([{"id": "a"}])),
        own("25: LIMIT of a parameter", "select n from `my.things` order by n limit @n", json!([{"n": 7}, {"n": 9}])),
        asked("26: the endpoint's parameter in a consumer's query", "select id from edge_logs where project = @project and id = 'a'", json!([{"id": "a"}])),
        own(
            "27: the parts of the seeded usage.api-counts",
            "with dates as (select generate_timestamp_array(timestamp '2026-11-20', timestamp '2026-11-21', interval 1 day) as dates)
             select dates[0] as first, datetime(dates[offset(1)]) as last, regexp_contains('x GET', @test) as r from dates",
            json!([{"first": NOON - 720 * MINUTE, "last": "2026-11-21T00:00:00", "r": true}]),
        ),
        asked(
            "28: EXCEPT DISTINCT",
            "select id from edge_logs except distinct select 'a' order by id",
            json!([{"id": "b"}, {"id": "c"}, {"id": "d"}]),
        ),
        asked(
            "28: PIVOT",
            "select a, b from (select id, 1 as one from edge_logs) pivot (sum(one) for id in ('a', 'b'))",
            json!([{"a": 1, "b": 1}]),
        ),
        asked("28: WITH OFFSET", "select x, o from unnest(['p', 'q']) as x with offset as o order by o desc", json!([{"x": "q", "o": 1}, {"x": "p", "o": 0}])),
        own("28: names with hyphens", "select id from my-project.things", json!("Table \"my-project.things\" does not exist")),
        asked("28: BYTES", "select b'ab' as b", json!([{"b": "YWI="}])),
    ]
}
