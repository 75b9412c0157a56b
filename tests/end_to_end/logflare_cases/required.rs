//! What Logflare's own tests of its translator ask for, with BigQuery's meaning of it.

use serde_json::json;

use super::{Case, JOINS, MINUTE, NOON, asked, holds, own, values};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = names();
    cases.extend(unnest());
    cases.extend(comparisons());
    cases.extend(functions());
    cases.extend(times());
    cases.extend(parameters_and_tables());
    cases.extend(shapes());
    cases.extend(studio());
    cases
}

fn names() -> Vec<Case> {
    vec![
        own(
            "1: a name in backquotes with points is one name",
            "select `id` from `my.things` where `n` = 7",
            json!([{"id": "x1"}]),
        ),
        own(
            "2: a column is a field of the event",
            "select my_col from `my.things` where n = 100",
            json!([{"my_col": "Z"}]),
        ),
        own(
            "3: by the alias",
            "select t.n from `my.things` t where t.id = 'x1'",
            json!([{"n": 7}]),
        ),
        own(
            "3: by the source's name",
            "select `my.things`.n from `my.things` where n = 7",
            json!([{"n": 7}]),
        ),
        asked(
            "4: a path is named by its last part",
            format!("select request.method from {JOINS} where id = 'a'"),
            json!([{"method": "GET"}]),
        ),
        asked(
            "4: so is one of four parts, which Logflare calls `metadata`",
            "select edge_logs.metadata.request.method from edge_logs where id = 'a'",
            json!([{"method": "GET"}]),
        ),
    ]
}

fn unnest() -> Vec<Case> {
    vec![
        asked(
            "5: a chain of UNNEST is a path; lists spread",
            format!("select id, request.method from {JOINS} order by id, method"),
            json!([
                {"id": "a", "method": "GET"}, {"id": "b", "method": "POST"}, {"id": "c", "method": "PATCH"},
                {"id": "c", "method": "PUT"}, {"id": "d", "method": null},
            ]),
        ),
        asked(
            "6: an alias that is the column's name",
            "select metadata.kind from edge_logs cross join unnest(metadata) as metadata where id = 'a'",
            json!([{"kind": "123"}]),
        ),
        asked(
            "7: LEFT JOIN keeps the row",
            "select id, request.method from edge_logs t left join unnest(t.metadata) as m on true
             left join unnest(m.request) as request on true where id in ('b', 'd') order by id",
            json!([{"id": "b", "method": "POST"}, {"id": "d", "method": null}]),
        ),
        own(
            "8: a name that the CTE does not have is refused; Logflare finds it under another column",
            "with data as (select metadata from `cloudflare.logs.prod`)
             select d.method from data t cross join unnest(t.deep) as d",
            json!("Name deep not found inside t"),
        ),
        asked("9: an alias that no UNNEST declares is refused", "select m.field from edge_logs", json!("Unrecognized name: m")),
        own("9: over a source it is a field that no event has", "select m.field from `my.things` where n = 7", json!([{"field": null}])),
        own(
            "10: a filter on an alias inside a CTE",
            "with x as (select id from `cloudflare.logs.prod` t cross join unnest(t.metadata) as m where m.kind = '123')
             select id from x",
            json!([{"id": "a"}]),
        ),
    ]
}

fn comparisons() -> Vec<Case> {
    vec![
        own(
            "11: numbers of a source",
            "select id from `my.things` t where t.n >= 9 order by id",
            json!([{"id": "x2"}, {"id": "x3"}]),
        ),
        own(
            "11: the number first",
            "select id from `my.things` t where 9 < t.n",
            json!([{"id": "x2"}]),
        ),
        holds("11: numbers inside of events", "response.status_code >= 404", &["b", "c"]),
        holds("11: the number first", "404 < response.status_code", &["b"]),
        holds("11: equal", "response.status_code = 404", &["c"]),
        holds("11: at most", "response.status_code <= 200", &["a"]),
        own(
            "11: a CTE's field",
            "with c as (select n from `my.things`) select n from c where c.n < 9",
            json!([{"n": 7}]),
        ),
        holds("12: BETWEEN takes 200", "response.status_code between 200 and 299", &["a"]),
        holds(
            "12: BETWEEN takes 404 and 500",
            "response.status_code between 400 and 599",
            &["b", "c"],
        ),
        own(
            "13: text of a source",
            "select n from `my.things` t where t.my_col = 'Z'",
            json!([{"n": 100}]),
        ),
        holds("13: text of a CTE", "t.event_message = 'bare'", &["d"]),
        holds("14: IN", "t.id in ('a', 'x')", &["a"]),
        holds("14: NOT IN", "request.method not in ('GET', 'PUT')", &["b", "c"]),
        asked(
            "14: IN inside of COUNT",
            format!(
                "select count(case when request.method in ('GET', 'POST') then 1 end) as n from {JOINS}"
            ),
            json!([{"n": 2}]),
        ),
        values(
            "15: a comparison is a value",
            "t.id = 'a' as value, t.id = 'b' as other",
            json!({"value": true, "other": false}),
        ),
        own(
            "16: a CTE's field with a source's",
            "with a as (select id as col from `cloudflare.logs.prod`)
             select a.col, t.n from a, `my.things` t where a.col = t.my_col",
            json!([{"col": "a", "n": 7}]),
        ),
        holds("17: IS NULL", "m.kind is null", &["b", "c", "c", "d"]),
        holds("17: IS NOT NULL", "m.kind is not null", &["a"]),
    ]
}

fn functions() -> Vec<Case> {
    vec![
        holds("18: a pattern in single quotes", "regexp_contains(event_message, '^POST')", &["b"]),
        holds("18: in double quotes", "regexp_contains(event_message, \"^POST\")", &["b"]),
        holds("18: of a field, and more", "regexp_contains(request.path, 'v1/t') and m.flag", &["a"]),
        own(
            "18: of a source, inside a CTE",
            "with c as (select id from `cloudflare.logs.prod` t where regexp_contains(t.event_message, '00$'))
             select id from c",
            json!([{"id": "b"}]),
        ),
        asked(
            "18, 19: inside of COUNTIF",
            format!("select countif(regexp_contains(request.method, 'P.*T')) as n, countif(m.flag) as f from {JOINS}"),
            json!([{"n": 3, "f": 1}]),
        ),
        own("27: numbers are sorted as numbers", "select n from `my.things` t order by t.n", json!([{"n": 7}, {"n": 9}, {"n": 100}])),
        own(
            "28: a CTE's field as a number",
            "with c as (select n, my_col from `my.things`) select my_col from c where cast(n as bigint) > 9",
            json!([{"my_col": "Z"}]),
        ),
        asked("28: a TIMESTAMP is none", "select id from edge_logs where cast(timestamp as bigint) > 1", json!("Invalid cast from TIMESTAMP to INT64")),
        values(
            "29: SAFE_CAST",
            "safe_cast(event_message as int64) as m, safe_cast(m.kind as int64) as k",
            json!({"m": null, "k": 123}),
        ),
    ]
}

fn times() -> Vec<Case> {
    vec![
        asked("20: CURRENT_TIMESTAMP", "select current_timestamp() = current_timestamp() as same", json!([{"same": true}])),
        own(
            "20: in a CTE",
            "with t as (select current_timestamp() as now) select now > timestamp '2020-01-01' as past from t",
            json!([{"past": true}]),
        ),
        values(
            "21: TIMESTAMP_SUB",
            "timestamp_sub(t.timestamp, interval 1 day) as d, timestamp_sub(t.timestamp, interval 2 hour) as h,
             timestamp_sub(t.timestamp, interval 3 minute) as m, timestamp_sub(t.timestamp, interval 4 second) as s",
            json!({"d": NOON - 1440 * MINUTE, "h": NOON - 120 * MINUTE, "m": NOON - 3 * MINUTE, "s": NOON - 4_000_000}),
        ),
        asked(
            "22: TIMESTAMP_TRUNC in UTC",
            "select timestamp_trunc(t.timestamp, hour) as h, timestamp_trunc(timestamp, day) as d from edge_logs t where id = 'd'",
            json!([{"h": NOON, "d": NOON - 720 * MINUTE}]),
        ),
        asked("22: of now", "select timestamp_trunc(current_timestamp(), day) <= current_timestamp() as past", json!([{"past": true}])),
        asked("23: a time is microseconds", "select t.timestamp as ts from edge_logs t where id = 'b'", json!([{"ts": NOON + MINUTE}])),
        holds("24: after a text", "t.timestamp > '2026-11-20T12:01:00.000Z'", &["c", "c", "d"]),
        holds("24: after a TIMESTAMP", "t.timestamp > timestamp('2026-11-20 12:02:00') and t.timestamp is not null", &["d"]),
        own(
            "25: CAST to TIMESTAMP in ORDER BY",
            "with c as (select id, timestamp from `cloudflare.logs.prod`)
             select id, cast(timestamp as timestamp) as ts from c order by cast(timestamp as timestamp) desc limit 1",
            json!([{"id": "d", "ts": NOON + 3 * MINUTE}]),
        ),
        asked("25: of a text", "select cast('2026-11-20T12:00:00Z' as timestamp) as ts", json!([{"ts": NOON}])),
        own("25: of a number", "select cast(seen as timestamp) as ts from `my.things` where n = 7", json!("Invalid cast from INT64 to TIMESTAMP")),
        asked("26: PostgreSQL's order of arguments", "select date_trunc('day', timestamp) as d from edge_logs where id = 'a'", json!("No matching signature for function DATE_TRUNC for argument types: STRING, TIMESTAMP")),
    ]
}

fn parameters_and_tables() -> Vec<Case> {
    vec![
        own(
            "30: parameters, one of them a part of another's name",
            "select @test as a, @test_another as b, @test as c",
            json!([{"a": "GET", "b": "POST", "c": "GET"}]),
        ),
        own("31: one that is not given", "select coalesce(@nothing, '') as p", json!([{"p": ""}])),
        own("32: no name of BigQuery's project or data set stands before a source", "select id from `proj.dataset.my_things`", json!("Table \"proj.dataset.my_things\" does not exist")),
        own(
            "33: several CTEs, UNION inside and between them",
            "with a as (select 1 as n union all select 2), b as (select 3 as n)
             select n from a union all select n from b order by n",
            json!([{"n": 1}, {"n": 2}, {"n": 3}]),
        ),
        own("34: literals, no FROM", "with t as (select 'tester' as col) select col from t", json!([{"col": "tester"}])),
        own("34: no FROM outside", "with t as (select 1 as x) select 'tester' as col", json!([{"col": "tester"}])),
        own(
            "35: several relations and UNNEST",
            "with c as (select 1 as one) select c.one, t.id, r.method
             from c, `cloudflare.logs.prod` t cross join unnest(t.metadata) as m cross join unnest(m.request) as r
             where t.id = 'a'",
            json!([{"one": 1, "id": "a", "method": "GET"}]),
        ),
        own("36: a CTE in backquotes", "with a as (select 1 as n) select n from `a`", json!([{"n": 1}])),
        asked("37: a comma, a semicolon, comments", "-- first\nselect id, -- then\nfrom edge_logs where id = 'a' /* last */;", json!([{"id": "a"}])),
        own("38: endpoints are no tables", "select n from my_endpoint", json!("Table \"my_endpoint\" does not exist")),
    ]
}

fn shapes() -> Vec<Case> {
    vec![
        own(
            "39: STRUCT and array subscripts",
            "select struct(1, 2) as s, [5, 6][0] as z, [5, 6][offset(1)] as o",
            json!([{"s": {"_field_1": 1, "_field_2": 2}, "z": 5, "o": 6}]),
        ),
        asked(
            "40: ORDER BY over the endpoint",
            "select id from edge_logs order by id desc limit 1",
            json!([{"id": "d"}]),
        ),
        asked(
            "40: UNION ALL",
            "select id from edge_logs where id = 'a' union all select id from edge_logs where id = 'b' order by id",
            json!([{"id": "a"}, {"id": "b"}]),
        ),
        asked(
            "40: a derived table",
            "select s.id from (select id from edge_logs where id = 'c') s",
            json!([{"id": "c"}]),
        ),
        asked(
            "40: UNNEST after a comma",
            "select m.kind from edge_logs t, unnest(t.metadata) m where id = 'a'",
            json!([{"kind": "123"}]),
        ),
        asked(
            "40: WITH in WITH",
            "with x as (with y as (select id from edge_logs) select id from y where id = 'b') select id from x",
            json!([{"id": "b"}]),
        ),
    ]
}

/// Studio's own requests, over `logs.all`.
fn studio() -> Vec<Case> {
    vec![
        asked("S1", "select 'hello' as world", json!([{"world": "hello"}])),
        asked(
            "S2",
            "select timestamp, event_message, metadata from edge_logs where id = 'b'",
            json!([{"timestamp": NOON + MINUTE, "event_message": "POST | 500", "metadata": [{
                "flag": false,
                "request": [{"method": "POST", "path": "/auth/v1/token"}],
                "response": [{"status_code": 500, "origin_time": 50}],
            }]}]),
        ),
        asked(
            "S3: events without metadata are there",
            format!("select id, t.timestamp, event_message, request.method, request.path, response.status_code from {JOINS} where (id in ('a', 'd')) order by timestamp desc limit 100"),
            json!([
                {"id": "d", "timestamp": NOON + 3 * MINUTE, "event_message": "bare", "method": null, "path": null, "status_code": null},
                {"id": "a", "timestamp": NOON, "event_message": "GET | 200 | it's \"quoted\" \\d", "method": "GET", "path": "/rest/v1/todos", "status_code": 200},
            ]),
        ),
        asked("S4: of another project there is nothing", "select id from edge_logs where project = 'other'", json!([])),
        asked(
            "S5: a chart",
            format!(
                "select timestamp_trunc(t.timestamp, hour) as timestamp, count(t.timestamp) as count,
                 count(case when not (response.status_code between 400 and 599) then 1 end) as ok_count
                 from {JOINS} where t.timestamp > '2026-11-20T11:00:00.000Z' group by timestamp order by timestamp asc"
            ),
            json!([{"timestamp": NOON, "count": 5, "ok_count": 1}]),
        ),
        asked("S6: one event", "select id, timestamp from edge_logs where id = 'a' limit 1", json!([{"id": "a", "timestamp": NOON}])),
        holds("S7: filters", "regexp_contains(event_message, 'two') and (request.method = 'PUT' or request.method = 'GET')", &["c"]),
        holds("S7: CAST and BETWEEN", "cast(response.status_code as int64) between 200 and 404", &["a", "c"]),
        holds("S7: PostgreSQL's cast", "event_message::text like '%500%'", &["b"]),
        holds("S8: NOT around OR", "not (request.method = 'GET' or false)", &["b", "c", "c"]),
        asked("S9: pages by microseconds", format!("select id from edge_logs where timestamp < {} order by edge_logs.timestamp", NOON + MINUTE), json!([{"id": "a"}])),
        asked("S9: pages by text", "select id from edge_logs where edge_logs.timestamp < '2026-11-20T12:01:00Z'", json!([{"id": "a"}])),
        asked(
            "S10: reports",
            format!(
                "select cast(timestamp_trunc(t.timestamp, hour) as datetime) as hour, count(*) as count, sum(response.origin_time) as total,
                 avg(response.origin_time) as mean, countif(response.status_code = 200) as ok, approx_count_distinct(request.method) as methods
                 from {JOINS} group by hour order by count desc"
            ),
            json!([{"hour": "2026-11-20T12:00:00", "count": 5, "total": 55, "mean": 27.5, "ok": 1, "methods": 4}]),
        ),
    ]
}
