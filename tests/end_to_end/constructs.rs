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
    vec![
        // STRUCTs.
        (
            "select struct(1 as a, 'x' as b, [1, 2] as c) as s",
            json!([{"s": [{"a": 1, "b": "x", "c": [1, 2]}]}]),
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
            json!([{"s": [{"a": "1", "b": 2}]}]),
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
