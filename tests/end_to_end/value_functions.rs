//! Functions of numbers, JSON, arrays and many rows, asked of the program: what examples of one
//! expression cannot say, and the errors.

use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn values_of_events_are_json() {
    let program = super::program().await;
    program.set_validation("cloudflare.logs.prod", "off").await;
    let metadata = json!({
        "text": "{\"a\": {\"b\": [1, \"x\"]}, \"a\": 2}",
        "object": {"b": 1.50, "aa": "x", "a": [1, {"c": true}]},
        "list": ["x", 2, true],
    });
    program
        .log(
            "cloudflare.logs.prod",
            &json!([{
                "id": "a", "timestamp": 1_795_176_000_000_000_i64, "project": "default",
                "event_message": "{\"msg\": \"it's\", \"n\": 1e3}", "metadata": metadata,
            }]),
        )
        .await;
    let mut wrong = Vec::new();
    for (expression, expected) in [
        ("json_value(event_message, '$.msg')", json!("it's")),
        ("json_value(event_message, '$.n')", json!("1e3")),
        ("json_value(m.text, '$.a.b[1]')", json!("x")),
        ("json_query(m.text, '$.a')", json!("{\"b\":[1,\"x\"]}")),
        ("json_value(m.object, '$.aa')", json!("x")),
        ("json_value(m.object, '$.b')", json!("1.5")),
        ("json_query(m.object, '$.a')", json!("[1,{\"c\":true}]")),
        ("to_json_string(m.object)", json!("{\"a\":[1,{\"c\":true}],\"aa\":\"x\",\"b\":1.5}")),
        ("json_value_array(m.list)", json!(["x", "2", "true"])),
        ("array_length(json_query_array(m.object, '$.a'))", json!(2)),
        ("json_value(m.nothing, '$.a')", Value::Null),
        ("json_keys(m.object)", json!(["a", "aa", "b"])),
    ] {
        let sql =
            format!("select {expression} as v from edge_logs cross join unnest(metadata) as m");
        let answer = program.ask(&sql, &[]).await;
        if answer["result"][0].get("v") != Some(&expected) {
            wrong.push(format!("{expression}: {expected}, not {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rows_give_bigquerys_answers() {
    let program = super::program().await;
    let mut wrong = Vec::new();
    for (sql, expected) in [
        (
            "select hll_count.merge(s) as n, hll_count.extract(hll_count.merge_partial(s)) as m
             from (select hll_count.init(x) as s from unnest([1, 2, 3]) as x
             union all select hll_count.init(x) from unnest([3, 4]) as x)",
            json!([{"n": 4, "m": 4}]),
        ),
        (
            "select hll_count.extract(coalesce(s, any_value(s) over ())) as n, s is null as z
             from (select hll_count.init(x) as s from unnest([1, 2]) as x)",
            json!([{"n": 2, "z": false}]),
        ),
        (
            "select x, count(distinct y) over (partition by x) as n
             from unnest([struct(1 as x, 'a' as y), (1, 'b'), (1, 'a'), (2, null)]) order by x, y",
            json!([{"x": 1, "n": 2}, {"x": 1, "n": 2}, {"x": 1, "n": 2}, {"x": 2, "n": 0}]),
        ),
        (
            "select array_agg(if(x > 1, x, null) ignore nulls order by x desc) as a,
             array_concat_agg([x, x] order by x limit 2) as c, max_by(y, x) as m,
             any_value(y having min x) as n, string_agg(distinct y) as s
             from unnest([struct(2 as x, 'b' as y), (1, 'a'), (3, 'b')])",
            json!([{"a": [3, 2], "c": [1, 1, 2, 2], "m": "b", "n": "a", "s": "b,a"}]),
        ),
        (
            "select approx_top_count(x, 1) as c, approx_top_sum(x, y, 1) as s
             from unnest([struct('a' as x, 1 as y), ('a', 2), ('b', 7), (null, 1)])",
            json!([{"c": [{"value": "a", "count": 2}],
                "s": [{"value": "b", "sum": 7}]}]),
        ),
        (
            "select o, last_value(x ignore nulls) over (order by o) as l, lag(x) over (order by o) as g
             from unnest([null, 5, null]) as x with offset as o order by o",
            json!([{"o": 0, "l": null, "g": null}, {"o": 1, "l": 5, "g": null},
                {"o": 2, "l": 5, "g": 5}]),
        ),
        (
            "select count(*) as n, sum(x) as s, array_agg(x) as a, string_agg(cast(x as string)) as t,
             max_by(x, x) as m, stddev(x) as d, approx_quantiles(x, 2) is null as q
             from unnest(array<int64>[]) as x",
            json!([{"n": 0, "s": null, "a": [], "t": null, "m": null, "d": null, "q": true}]),
        ),
    ] {
        let answer = program.ask(sql, &[]).await;
        if answer["result"] != expected {
            wrong.push(format!("{sql}: {expected}, not {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_in_bigquerys_words() {
    let program = super::program().await;
    let mut wrong = Vec::new();
    for (expression, message) in [
        ("ln(0)", "Floating point error in function: LN(0)"),
        ("pow(10, 400)", "Floating point error in function: POW(10, 400)"),
        ("sqrt(-1)", "Argument to SQRT cannot be negative: -1"),
        ("csc(0)", "Floating point error in function: CSC(0)"),
        ("abs(-9223372036854775808)", "int64 overflow: ABS(-9223372036854775808)"),
        ("div(7, 0)", "division by zero: 7 / 0"),
        ("mod(numeric '7', 0)", "division by zero: 7 / 0"),
        ("round(numeric '99999999999999999999999999999.9')", "numeric overflow: "),
        (
            "range_bucket(1, [3, 2])",
            "Elements in input array to RANGE_BUCKET must be in ascending order",
        ),
        ("generate_array(1, 5, 0)", "Sequence step cannot be 0."),
        ("array_last(array<int64>[])", "ARRAY_LAST cannot get the last element of an empty array"),
        ("b'ab' & b'a'", "Bitwise binary operator for BYTES requires equal length of the inputs."),
        ("json_value('{}', 'a')", "JSONPath must start with '$'"),
        ("json_query('{}', '$.a[*]')", "Unsupported operator in JSONPath: *"),
        ("parse_json('{bad')", "Invalid input to PARSE_JSON: "),
        (
            "parse_json('12345678901234567890.123')",
            "Invalid input to PARSE_JSON: Input number: 12345678901234567890.123 cannot round-trip through string representation",
        ),
        ("int64(json '\"5\"')", "The provided JSON input is not an integer"),
        ("json_object('a')", "JSON_OBJECT takes a value for every name"),
        ("(select sum(x) from unnest([9223372036854775807, 1]) as x)", "int64 overflow"),
        (
            "(select string_agg(x, null) from unnest(['a']) as x)",
            "Argument 2 to STRING_AGG must be non-NULL",
        ),
        (
            "(select array_agg(distinct x order by - x) from unnest([1]) as x)",
            "An aggregate function that has both DISTINCT and ORDER BY arguments can only ORDER BY",
        ),
        (
            "(select array_agg([x]) from unnest([1]) as x)",
            "The argument to ARRAY_AGG must not be an array type but was ARRAY<INT64>",
        ),
        (
            "(select lag(x, -1) over (order by x) from unnest([1]) as x)",
            "Argument 2 to LAG must be a non-negative",
        ),
    ] {
        let answer = program.ask(&format!("select {expression} as v"), &[]).await;
        if !answer["error"].to_string().replace("\\\"", "\"").contains(message) {
            wrong.push(format!("{expression}: {message}, not {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sketches_are_closed() {
    let program = super::program().await;
    for expression in [
        "s",
        "[s]",
        "struct(s)",
        "t",
        "to_hex(s)",
        "cast(s as string)",
        "length(s)",
        "to_json_string(t)",
        "format('%t', s)",
        "s = b''",
        "s in (b'')",
        "array_agg(s)",
        "hll_count.extract(b'x')",
        "hll_count.merge(cast('x' as bytes))",
    ] {
        let sql = format!(
            "select {expression} from (select hll_count.init(x) as s from unnest([1, 2]) as x) as t"
        );
        let refusal = program.refusal(&sql).await;
        assert!(refusal.starts_with("A sketch's bytes differ from BigQuery's"), "{sql}: {refusal}");
    }
    let sketches = "select hll_count.init(1) as s";
    for sql in [
        format!("select count(*) from ({sketches}) group by s"),
        format!("select 1 from ({sketches}) order by s"),
        format!("select distinct s from ({sketches})"),
        format!("select count(*) from ({sketches} union distinct {sketches})"),
    ] {
        let refusal = program.refusal(&sql).await;
        assert!(refusal.starts_with("A sketch's bytes differ from BigQuery's"), "{sql}: {refusal}");
    }
}
