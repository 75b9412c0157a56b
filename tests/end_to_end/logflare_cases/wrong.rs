//! What Logflare answers wrongly without a word.

use serde_json::json;

use super::{Case, JOINS, MINUTE, NOON, asked, holds, own, values};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        asked(
            "1: UNNEST is taken out: a list is one row of NULLs",
            "select tag from edge_logs t cross join unnest(t.metadata) as m cross join unnest(m.tags) as tag
             where id = 'a' order by tag",
            json!([{"tag": "x"}, {"tag": "y"}]),
        ),
        asked("1: so a list of objects is one row", "select count(*) as n from edge_logs t cross join unnest(t.metadata) as m where id = 'c'", json!([{"n": 2}])),
        asked(
            "1b: rows without the part stay, which Studio relies on, here as well",
            "select count(*) as n from edge_logs t cross join unnest(t.metadata) as m where id = 'd'",
            json!([{"n": 1}]),
        ),
        asked(
            "1b: where nothing can be an object, they go as in BigQuery",
            "select count(*) as n from unnest(cast(null as array<int64>)) as x",
            json!([{"n": 0}]),
        ),
        asked(
            "2: grouped by the column instead of the alias: a row per event",
            "select timestamp_trunc(t.timestamp, hour) as timestamp, count(*) as n from edge_logs t group by timestamp",
            json!([{"timestamp": NOON, "n": 4}]),
        ),
        own(
            "3: a pattern sees the quotes of JSON",
            r#"with c as (select event_message as e from `cloudflare.logs.prod`)
               select e from c where regexp_contains(e, r'^POST \| 500$')"#,
            json!([{"e": "POST | 500"}]),
        ),
        holds("3: and its escapes", r#"regexp_contains(event_message, r'"quoted" \\d$')"#, &["a"]),
        holds("4: a raw pattern becomes the empty one, which is everywhere", "regexp_contains(event_message, r'^two$')", &["c", "c"]),
        own(
            "4: so does a parameter",
            "select id from `cloudflare.logs.prod` where regexp_contains(event_message, @pattern)",
            json!([{"id": "a"}]),
        ),
        holds("4: so does what is put together", "regexp_contains(event_message, concat('^t', 'wo'))", &["c", "c"]),
        holds("5: a call as the text becomes the empty text", "regexp_contains(lower(event_message), 'get')", &["a"]),
        holds("5: so does a cast", "regexp_contains(cast(response.status_code as string), '^5')", &["b"]),
        asked(
            "6: backslashes get lost",
            r"select 'a\\d' as d, r'\bGET\b' as g, '\\\\' as two",
            json!([{"d": "a\\d", "g": "\\bGET\\b", "two": "\\\\"}]),
        ),
        holds("6: and patterns with them mean something else", r"regexp_contains(event_message, '\\bGET\\b')", &["a"]),
        asked(
            "6b: patterns are PostgreSQL's",
            r"select regexp_contains('a b', r'\bb\z') as word, regexp_contains('a.b', r'\Q.\E') as quoted,
              regexp_contains('x\ny', r'^y') as line, regexp_contains('x\ny', r'(?m)^y') as lines",
            json!([{"word": true, "quoted": true, "line": false, "lines": true}]),
        ),
        holds("7: fields are compared as text, where 5 is more than 200", "response.origin_time > response.status_code", &[]),
        holds("8: the zone of a time is lost", "t.timestamp = '2026-11-20T14:00:00+02:00'", &["a"]),
        asked(
            "9: what is now depends on the server's zone",
            "select abs(timestamp_diff(current_timestamp(), timestamp_micros(unix_micros(current_timestamp())), hour)) as apart",
            json!([{"apart": 0}]),
        ),
        asked("10: whole numbers are divided without a fraction", "select 1 / 2 as half, countif(id = 'a') / count(*) as part from edge_logs", json!([{"half": 0.5, "part": 0.25}])),
        asked(
            "11: NULLs are the greatest",
            format!("select distinct m.kind from {JOINS} order by kind"),
            json!([{"kind": null}, {"kind": "123"}]),
        ),
        asked("11: downwards", format!("select distinct m.kind from {JOINS} order by kind desc"), json!([{"kind": "123"}, {"kind": null}])),
    ];
    cases.extend(values_and_names());
    cases
}

fn values_and_names() -> Vec<Case> {
    vec![
        // 2026-11-20 is a Friday.
        asked(
            "12: weeks begin on Monday",
            "select format_timestamp('%F', timestamp_trunc(timestamp, week)) as w from edge_logs where id = 'a'",
            json!([{"w": "2026-11-15"}]),
        ),
        asked(
            "13: the zone is dropped",
            "select timestamp_trunc(timestamp, day, 'America/New_York') as d from edge_logs where id = 'a'",
            json!([{"d": NOON - 420 * MINUTE}]),
        ),
        asked(
            "14: values keep JSON's quotes",
            "select concat(id, '-', event_message) as c, array_agg(id) as l, id::text as t from edge_logs where id = 'd' group by c, t",
            json!([{"c": "d-bare", "l": ["d"], "t": "d"}]),
        ),
        asked(
            "15: numbers come as text",
            format!(
                "select sum(response.status_code) as s, avg(response.origin_time) as m, round(numeric '1.50', 1) as n from {JOINS}"
            ),
            json!([{"s": 1104, "m": 27.5, "n": 1.5}]),
        ),
        asked(
            "16: `timestamp` and `t.timestamp` have two types",
            "select timestamp = t.timestamp as same, timestamp_diff(timestamp, t.timestamp, second) as apart from edge_logs t where id = 'a'",
            json!([{"same": true, "apart": 0}]),
        ),
        asked(
            "17: `edge_logs.metadata.request` is called `metadata`",
            "select edge_logs.metadata.request from edge_logs where id = 'b'",
            json!([{"request": [{"method": "POST", "path": "/auth/v1/token"}]}]),
        ),
        own(
            "18: parameters are put into texts",
            "select '@test of @project' as t",
            json!([{"t": "@test of @project"}]),
        ),
        asked(
            "19: CROSS JOIN of two tables is taken out",
            "with x as (select 1 as n union all select 2) select count(*) as c from edge_logs cross join x",
            json!([{"c": 8}]),
        ),
        own(
            "20: 200 and \"200\" are two groups",
            "select cast(mixed as string) as v, count(*) as n from `my.things` group by v order by n desc, v",
            json!([{"v": "200", "n": 2}, {"v": "no number", "n": 1}]),
        ),
        asked(
            "21: there is no limit to the rows",
            "select count(*) as n from (select x from unnest(generate_array(1, 5000)) as x)",
            json!([{"n": 5000}]),
        ),
        own(
            "22: text is sorted by the database's rules",
            "select my_col from `my.things` order by my_col",
            json!([{"my_col": "Z"}, {"my_col": "a"}, {"my_col": "é"}]),
        ),
        own(
            "23: a CTE called `a` is special",
            "with a as (select n, my_col from `my.things`) select a.n + 1 as m, a.my_col from a where a.n = 7",
            json!([{"m": 8, "my_col": "a"}]),
        ),
        values("20: fields have one type", "response.status_code + 1 as s", json!({"s": 201})),
    ]
}
