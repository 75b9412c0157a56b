//! What PostgreSQL does for Studio's requests: it reads the days that are asked for, by index.

use std::collections::BTreeSet;

use end_to_end::{
    postgres::TestCluster,
    program::Program,
    studio_requests::{SOURCE, SupabaseSources, studio_requests, translate_for_studio},
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

const DAYS: i64 = 12;
const EVENTS_A_DAY: i64 = 3000;
const HOUR: i64 = 3_600_000_000;

/// A read of a relation in a plan.
struct Read {
    relation: String,
    /// `Index Scan`, `Seq Scan` …
    kind: String,
    /// What the index is searched for.
    condition: String,
}

/// All reads of relations. Of a bitmap the condition is that of the scans below.
fn reads(node: &Value, found: &mut Vec<Read>) {
    let text = |node: &Value, key: &str| node[key].as_str().unwrap_or_default().to_owned();
    let below = node["Plans"].as_array().map_or(&[][..], Vec::as_slice);
    if let Some(relation) = node["Relation Name"].as_str() {
        let mut condition = text(node, "Index Cond");
        for scan in below {
            condition += &text(scan, "Index Cond");
        }
        found.push(Read {
            relation: relation.to_owned(),
            kind: text(node, "Node Type"),
            condition,
        });
    }
    for child in below {
        reads(child, found);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn studios_requests_read_the_days_that_are_asked_for_by_index() {
    let database = TestCluster::shared().database().await;
    let program = Program::serve(&database).await;
    let mut connection = PgConnection::connect(&database).await.expect("the database answers");
    let (table, noon) = filled(&program, &mut connection).await;
    let sources = SupabaseSources::new(&table);
    let id: String = {
        let sql = format!("select id from {table} where body ->> 'timestamp' = '{}'", noon + HOUR);
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await.expect("an event")
    };
    let time = |micros: i64| jiff::Timestamp::from_microsecond(micros).expect("a time").to_string();
    // An hour of one day, and one around midnight, which is in two.
    let hours = [
        (noon + HOUR / 2, vec![noon]),
        (noon + 11 * HOUR + HOUR / 2, vec![noon, noon + 24 * HOUR]),
    ];
    for (start, days) in hours {
        let bounds = [time(start), time(start + HOUR)];
        let mut partitions = BTreeSet::new();
        for day in days {
            partitions.insert(partition(&mut connection, &table, day).await);
        }
        for (name, sql) in studio_requests(&id) {
            let bounds = [bounds[0].as_str(), bounds[1].as_str()];
            let translation = translate_for_studio(&sql, bounds, &sources)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            let explain = format!("explain (format json) {}", translation.sql);
            let plan = sqlx::query(AssertSqlSafe(explain))
                .fetch_one(&mut connection)
                .await
                .unwrap_or_else(|error| panic!("{name}: {error}\n{}", translation.sql));
            let plan: String = plan.try_get_unchecked(0).expect("a plan");
            let plan: Value = serde_json::from_str(&plan).expect("JSON");
            let mut found = Vec::new();
            reads(&plan[0]["Plan"], &mut found);
            let read: BTreeSet<_> = found.iter().map(|read| read.relation.clone()).collect();
            assert_eq!(read, partitions, "{name}: {plan:#}");
            for Read { relation, kind, condition } in found {
                let by = if name == "single event" { "id" } else { "timestamp" };
                assert!(
                    ["Index Scan", "Index Only Scan", "Bitmap Heap Scan"].contains(&kind.as_str())
                        && condition.contains(by),
                    "{name}: {kind} of {relation} by {condition:?}: {plan:#}"
                );
            }
        }
    }
    // So they are when the page asks.
    let bounds = [time(noon + HOUR / 2), time(noon + HOUR + HOUR / 2)];
    let parameters =
        [("iso_timestamp_start", bounds[0].as_str()), ("iso_timestamp_end", bounds[1].as_str())];
    let answer = program.ask("select count(*) as n from edge_logs", &parameters).await;
    assert_eq!(answer, json!({"result": [{"n": EVENTS_A_DAY / 24}]}));
}

/// Events of many days, evenly spread; the table, and noon of a day in the middle of them.
async fn filled(program: &Program, connection: &mut PgConnection) -> (String, i64) {
    let now = jiff::Timestamp::now().as_microsecond();
    let today = now - now.rem_euclid(24 * HOUR);
    let first = today - DAYS * 24 * HOUR;
    // Through the door, so that the days have their partitions.
    let events: Value = (0..DAYS)
        .map(|day| {
            json!({"timestamp": first + day * 24 * HOUR, "project": "none", "event_message": "first"})
        })
        .collect();
    program.log(SOURCE, &events).await;
    let table: String = sqlx::query_scalar(
        "select 'log_events_' || replace(token::text, '-', '_') from logweir_sources where name = $1",
    )
    .bind(SOURCE)
    .fetch_one(&mut *connection)
    .await
    .expect("the source is there");
    let (count, step) = (DAYS * EVENTS_A_DAY, 24 * HOUR / EVENTS_A_DAY);
    let fill = format!(
        "insert into {table} (id, body, event_message, \"timestamp\")
         select id, jsonb_build_object('id', id, 'timestamp', micros, 'project', 'default', 'event_message', 'm', 'metadata',
             jsonb_build_object('request', jsonb_build_object('method', 'GET', 'path', '/rest/v1/' || repeat('x', 200)),
               'response', jsonb_build_object('status_code', 200 + micros % 400))),
           'm', timestamp '1970-01-01' + micros * interval '1 microsecond'
         from (select 'e' || n as id, {first} + n::bigint * {step} as micros from generate_series(0, {count} - 1) as n) as e;
         analyze {table}"
    );
    sqlx::raw_sql(AssertSqlSafe(fill)).execute(connection).await.expect("the table is filled");
    (table, first + (DAYS / 2) * 24 * HOUR + 12 * HOUR)
}

/// The partition that holds the events of a time.
async fn partition(connection: &mut PgConnection, table: &str, micros: i64) -> String {
    let sql = format!(
        "select relname::text from pg_class where oid =
           (select distinct tableoid from {table} where (body ->> 'timestamp')::bigint = {micros})"
    );
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await.expect("a partition")
}
