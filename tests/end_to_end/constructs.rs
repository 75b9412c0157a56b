//! Constructs of BigQuery's, asked of the program.

use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn queries_have_bigquerys_answers() {
    let program = super::program().await;
    let mut wrong = Vec::new();
    for (sql, expected) in cases() {
        let answer = program.ask(sql, &[]).await;
        if answer["result"] != expected {
            wrong.push(format!("{sql}: {expected}, not {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn cases() -> Vec<(&'static str, Value)> {
    [values(), rows_and_joins(), groups(), pipes_and_conditions(), times_and_windows()].concat()
}

fn values() -> Vec<(&'static str, Value)> {
    vec![
        // STRUCTs.
        (
            "select struct(1 as a, 'x' as b, [1, 2] as c) as s",
            json!([{"s": {"a": 1, "b": "x", "c": [1, 2]}}]),
        ),
        (
            "select s.a, s.t, s.j.k as k from (select struct(numeric '1.50' as a,
             timestamp '2024-01-01 00:00:00.5' as t, json '{\"k\": null}' as j) as s)",
            json!([{"a": 1.5, "t": 1_704_067_200_500_000_i64, "k": "null"}]),
        ),
        (
            "select struct(1, 'a') = (1, 'a') as x, (1, null) = (2, null) as y,
             (1, null) = (1, 2) as z, struct<a float64>(1) = struct(1.0) as w",
            json!([{"x": true, "y": false, "z": null, "w": true}]),
        ),
        (
            "select count(*) as n from (select distinct s from (select struct(1 as a) as s
             union all select struct(1) union all select struct(2)))",
            json!([{"n": 2}]),
        ),
        (
            "select array<struct<a int64, b string>>[(1, 'x'), (2, null)] as l",
            json!([{"l": [{"a": 1, "b": "x"}, {"a": 2, "b": null}]}]),
        ),
        (
            "select a, b from unnest([struct(1 as a, 'x' as b), (2, 'y')]) order by a",
            json!([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]),
        ),
        (
            "select cast(struct(1, '2') as struct<a string, b int64>) as s",
            json!([{"s": {"a": "1", "b": 2}}]),
        ),
        // Arrays.
        (
            "select array<int64>[] as e, array<float64>[1] as f, cast(['1', '2'] as array<int64>) as c,
             array(select x * 2 from unnest([1, 2]) as x order by x desc) as q",
            json!([{"e": [], "f": [1], "c": [1, 2], "q": [4, 2]}]),
        ),
        (
            "select [1, 2, 3][offset(0)] as a, [1, 2, 3][ordinal(3)] as b, [1][safe_offset(5)] as c",
            json!([{"a": 1, "b": 3, "c": null}]),
        ),
        // Types.
        (
            "select b'\\x00ab' as b, time '12:34:56.5' as t, interval 90 minute as i, numeric '1.10' as n,
             bignumeric '578960446186580977117854925043439539266.34992332820282019728792003956564819967' > 0 as g,
             json '{\"b\": [1, 2.50], \"a\": \"x y\"}' as j, interval '1-2 3 -4:5:6.5' year to second as k",
            json!([{"b": "AGFi", "t": "12:34:56.500000", "i": "0-0 0 1:30:0", "n": 1.1, "g": true,
                "j": "{\"a\":\"x y\",\"b\":[1,2.5]}", "k": "1-2 3 -4:5:6.500000"}]),
        ),
        (
            "select cast(numeric '1.5' * 3 as string) as p, cast(numeric '1' / 3 as string) as q,
             cast(0.1 + numeric '0.2' as string) as r, 7 / 2 as d, cast(cast(1.5 as numeric) as int64) as i",
            json!([{"p": "4.5", "q": "0.333333333", "r": "0.3", "d": 3.5, "i": 2}]),
        ),
        ("select 0x1F as h, 1 << 3 | 1 as s, ~1 & 7 as n", json!([{"h": 31, "s": 9, "n": 6}])),
    ]
}

fn rows_and_joins() -> Vec<(&'static str, Value)> {
    vec![
        // Rows, `*`, values.
        (
            "select * except (c) replace (a + 1 as a) from (select 1 as a, 2 as b, 3 as c)",
            json!([{"a": 2, "b": 2}]),
        ),
        (
            "select t.*, u from (select 1 as a) as t cross join unnest([struct(2 as b)]) as u",
            json!([{"a": 1, "u": {"b": 2}}]),
        ),
        (
            "select as struct x, x * 2 as y from unnest([1, 2]) as x order by x desc",
            json!([{"x": 2, "y": 4}, {"x": 1, "y": 2}]),
        ),
        (
            "select v.a, array(select as struct 1 as n, 'x' as s) as l
             from (select as value struct(5 as a)) as v",
            json!([{"a": 5, "l": [{"n": 1, "s": "x"}]}]),
        ),
        (
            "select a.x, b from (select 1 as x union all select 2) as a
             left join (select 1 as y, 'p' as z) as b on b.y = a.x order by a.x",
            json!([{"x": 1, "b": {"y": 1, "z": "p"}}, {"x": 2, "b": null}]),
        ),
        // Joins and names.
        (
            "select * from (select 1 as k, 'a' as l) as x full join (select 2 as k, 'b' as r) as y
             using (k) order by k",
            json!([{"k": 1, "l": "a", "r": null}, {"k": 2, "l": null, "r": "b"}]),
        ),
        (
            "select o.a, (select count(*) from (select distinct e from unnest(o.l) as e)) as n
             from (select 1 as a, [1, 1, 2] as l) as o",
            json!([{"a": 1, "n": 2}]),
        ),
        (
            "with recursive t as (select 1 as n union all select n + 1 from t where n < 4)
             select sum(n) as s from t",
            json!([{"s": 10}]),
        ),
        (
            "(select 1 as a, 'x' as b) union all by name select 'y' as b, 2 as a order by a",
            json!([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]),
        ),
        ("select x from unnest([1, 2, 2, 3]) as x intersect distinct select 2", json!([{"x": 2}])),
    ]
}

fn groups() -> Vec<(&'static str, Value)> {
    vec![
        // Grouping.
        (
            "select a, grouping(a) as g, sum(b) as s from unnest([struct(1 as a, 2 as b), (1, 3), (2, 4)])
             group by rollup (a) order by g, a",
            json!([{"a": 1, "g": 0, "s": 5}, {"a": 2, "g": 0, "s": 4}, {"a": null, "g": 1, "s": 9}]),
        ),
        (
            "select a, b, count(*) as n from unnest([struct(1 as a, 2 as b)])
             group by grouping sets (a, (a, b), ()) order by a, b",
            json!([{"a": null, "b": null, "n": 1}, {"a": 1, "b": null, "n": 1}, {"a": 1, "b": 2, "n": 1}]),
        ),
        (
            "select a, sum(b) as s from unnest([struct(1 as a, 2 as b), (1, 3), (2, 4)]) group by all
             qualify row_number() over (order by sum(b) desc) = 1",
            json!([{"a": 1, "s": 5}]),
        ),
        (
            "select distinct x, count(distinct x) over () as n from unnest([1, 1, 2, null]) as x order by x",
            json!([{"x": null, "n": 2}, {"x": 1, "n": 2}, {"x": 2, "n": 2}]),
        ),
        (
            "select * from (select k, v from unnest([struct('a' as k, 1 as v), ('b', 2), ('a', 3)]))
             pivot (sum(v) as s, count(*) as n for k in ('a', 'b' as other, 'c'))",
            json!([{"s_a": 4, "n_a": 2, "s_other": 2, "n_other": 1, "s_c": null, "n_c": 0}]),
        ),
        (
            "select * from (select 1 as id, 2 as q1, cast(null as int64) as q2, 5 as q3)
             unpivot (v for q in (q1, q2, q3 as 'third')) order by v",
            json!([{"id": 1, "v": 2, "q": "q1"}, {"id": 1, "v": 5, "q": "third"}]),
        ),
    ]
}

fn pipes_and_conditions() -> Vec<(&'static str, Value)> {
    vec![
        // Pipes.
        (
            "from unnest([1, 2, 3, 3]) as x |> where x > 1 |> extend x * 2 as y |> set y = y + 1
             |> aggregate sum(y) as s, count(*) as n group by x |> order by x desc |> limit 1",
            json!([{"x": 3, "s": 14, "n": 2}]),
        ),
        (
            "select 1 as a, 2 as b |> rename a as c |> drop b |> union all (select 1), (select 4)
             |> distinct |> as t |> join (select 4 as c) as u using (c) |> select t.c",
            json!([{"c": 4}]),
        ),
        // Conditions.
        (
            "select 2 in unnest(cast([1, 2] as array<int64>)) as a, 1 in unnest(cast(null as array<int64>)) as b,
             (select 3 in unnest(array_agg(x)) from unnest([1, null]) as x) as c,
             (1, null) in ((1, 2)) as d, (1, 2) in (select as struct 1, 2) as e",
            json!([{"a": true, "b": false, "c": null, "d": null, "e": true}]),
        ),
        (
            "select 'abc' like any ('x%', 'a%') as a, 'abc' like all ('a%', '%d') as b,
             null is distinct from 1 as c, 'abc' like some unnest(['b%']) as d",
            json!([{"a": true, "b": false, "c": true, "d": false}]),
        ),
        (
            "select n = n as a, n != n as b, n > 1 as c, n < 1 as d, 1 > n as e
             from (select cast(s as float64) as n from unnest(['nan']) as s)",
            json!([{"a": false, "b": true, "c": false, "d": false, "e": false}]),
        ),
        (
            "select string_agg(cast(n as string) order by n desc) as s
             from (select cast(s as float64) as n from unnest(['nan', '1', '-inf']) as s)",
            json!([{"s": "1,-inf,nan"}]),
        ),
        (
            "select cast(n as string) as t from
             (select cast(s as float64) as n from unnest(['nan', '1', '-inf', null]) as s) order by n",
            json!([{"t": null}, {"t": "nan"}, {"t": "-inf"}, {"t": "1"}]),
        ),
    ]
}

fn times_and_windows() -> Vec<(&'static str, Value)> {
    vec![
        // Times.
        (
            "select date '2024-01-31' + 1 as a, date '2024-03-01' - 1 as b,
             date '2024-01-31' + interval 1 month as c, timestamp '2024-01-01' - timestamp '2023-12-30 23:00:00' as d,
             date '2021-05-20' - date '2020-04-19' as e, interval 1 day * 3 as f,
             extract(hour from timestamp '2024-01-01 00:00:00+00' at time zone 'Asia/Tokyo') as g,
             extract(date from timestamp '2024-01-01 20:00:00+00' at time zone 'Asia/Tokyo') as h",
            json!([{"a": "2024-02-01", "b": "2024-02-29", "c": "2024-02-29T00:00:00", "d": "0-0 0 25:0:0",
                "e": "0-0 396 0:0:0", "f": "0-0 3 0:0:0", "g": 9, "h": "2024-01-02"}]),
        ),
        // Types with parameters.
        (
            "select cast('12.345' as numeric(10, 2)) as n, cast('abc' as string(5)) as s,
             safe_cast('123456' as string(5)) as t, safe_cast(12345 as numeric(4)) as u",
            json!([{"n": 12.35, "s": "abc", "t": null, "u": null}]),
        ),
        (
            "select 'x' || 1 as s, [1] || [2, 3] as l, date '9999-12-31' as d,
             datetime '9999-12-31 23:59:59.999999' as t",
            json!([{"s": "x1", "l": [1, 2, 3], "d": "9999-12-31", "t": "9999-12-31T23:59:59.999999"}]),
        ),
        // Windows.
        (
            "select x, sum(x) over (order by x rows between 1 preceding and current row) as s,
             sum(x) over w as t, count(*) over () as n from unnest([1, 2, 3]) as x
             window w as (order by x desc) order by x",
            json!([{"x": 1, "s": 1, "t": 6, "n": 3}, {"x": 2, "s": 3, "t": 5, "n": 3},
                {"x": 3, "s": 5, "t": 3, "n": 3}]),
        ),
    ]
}
