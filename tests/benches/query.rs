//! Studio's five requests for one hour, beside the SQL that Logflare sends for them to its own kind
//! of table.
//!
//! `cargo bench -p end-to-end --bench query` fills both tables with the same million events of 30
//! days, asks in turns, and prints medians and ratios; then Logweir's with one day of history beside
//! 30.
//!
//! Before that it prints how long translations take; `-- translate` prints nothing else.
//!
//! Logflare's table is one table (`id` primary key, BRIN on `timestamp`); its SQL is a CTE that reads
//! everything from `body` as JSON and compares the time as `body ->> 'timestamp'`, the UNNESTs taken
//! out and their aliases replaced by paths. So it is written here, from what its translator was seen
//! to send.

use std::time::Instant;

use end_to_end::{
    figures::Figures,
    postgres::TestCluster,
    program::Program,
    studio_requests::{SOURCE, SupabaseSources, studio_requests, translate_for_studio},
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

const EVENTS: u32 = 1_000_000;
const DAYS: u32 = 30;
const ROUNDS: usize = 7;

/// A page's request: Studio's SQL, and what Logflare makes of it.
struct Request {
    name: &'static str,
    studio: String,
    logflare: String,
}

fn requests(since: &str, id: &str) -> [Request; 5] {
    let cte = format!(
        "with edge_logs as (select (t.body -> 'timestamp') as timestamp, (t.body -> 'id') as id,
           (t.body -> 'event_message') as event_message, (t.body -> 'metadata') as metadata from logflare t
         where (t.body ->> 'project') = 'default'
           and to_timestamp((t.body ->> 'timestamp')::bigint / 1000000.0) at time zone 'UTC' > '{since}'::timestamp)"
    );
    let paths = "id, timestamp, event_message, (metadata #> '{request,method}') as method,
                 (metadata #> '{request,path}') as path, (metadata #> '{request,search}') as search,
                 (metadata #> '{response,status_code}') as status_code";
    let status = "(metadata #>> '{response,status_code}')::numeric";
    let bucket = "date_trunc('minute', to_timestamp((t.timestamp #>> '{}')::bigint / 1000000.0) at time zone 'UTC')";
    let logflare = [
        format!("{cte} select {paths} from edge_logs t order by timestamp desc limit 100"),
        format!(
            "{cte} select {paths} from edge_logs t where {status} between 500 and 599 order by timestamp desc limit 100"
        ),
        format!("{cte} select count(*) as count from edge_logs t"),
        // It groups by the raw column in truth; grouped by the bucket here, to be fair.
        format!(
            "{cte} select {bucket} as bucket,
             count(case when not ({status} >= 500 or {status} >= 400 and {status} < 500) then 1 end) as ok_count,
             count(case when {status} >= 500 then 1 end) as error_count,
             count(case when {status} >= 400 and {status} < 500 then 1 end) as warning_count
             from edge_logs t group by bucket order by bucket"
        ),
        format!(
            "{cte} select id, timestamp, event_message, metadata from edge_logs t where (id #>> '{{}}') = '{id}' limit 1"
        ),
    ];
    let mut logflare = logflare.into_iter();
    studio_requests(id).map(|(name, studio)| Request {
        name,
        studio,
        logflare: logflare.next().unwrap_or_default(),
    })
}

/// Prints how long translations take, on one thread.
fn print_translation_times() {
    const TRANSLATIONS: usize = 500;
    let sources = SupabaseSources::new("log_events");
    let bounds = ["2026-11-20T12:00:00.000Z", "2026-11-20T13:00:00.000Z"];
    println!("translation, {TRANSLATIONS} times, µs: median (least–greatest)");
    for (name, sql) in studio_requests("an-id") {
        let mut times = Figures::default();
        for _ in 0..TRANSLATIONS {
            let start = Instant::now();
            translate_for_studio(&sql, bounds, &sources).expect("it is translated");
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
        println!("{name:<13} | {times:>24}");
    }
}

#[tokio::main]
async fn main() {
    print_translation_times();
    if std::env::args().any(|argument| argument == "translate") {
        return;
    }
    let cluster = TestCluster::durable();
    let (long, long_url) = filled(&cluster, DAYS).await;
    let (short, _) = filled(&cluster, 1).await;
    let mut connection = PgConnection::connect(&long_url).await.expect("the database answers");
    println!("filling Logflare's kind of table");
    run(&mut connection, "create table logflare (id text primary key, body jsonb, event_message text, \"timestamp\" timestamp)").await;
    let table = event_table(&mut connection).await;
    run(&mut connection, &format!("insert into logflare select id, body, event_message, \"timestamp\" from {table} on conflict do nothing")).await;
    run(&mut connection, "create index on logflare using brin (\"timestamp\")").await;
    run(&mut connection, "vacuum analyze logflare").await;
    let rows: i64 = scalar(&mut connection, "select count(*) from logflare").await;
    let since: String = scalar(&mut connection, "select to_char(now() at time zone 'UTC' - interval '1 hour', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')").await;
    let id: String = scalar(&mut connection, "select id from logflare where \"timestamp\" > now() at time zone 'UTC' - interval '30 minutes' limit 1").await;
    println!(
        "{rows} events in {DAYS} days; one hour is asked for; {ROUNDS} rounds, ms: median (least–greatest)"
    );
    println!(
        "request       | Logflare's SQL and table | Logweir, over HTTP | times faster | 30 days : 1 day of history"
    );
    for request in requests(&since, &id) {
        let [mut theirs, mut ours, mut on_short] = [(); 3].map(|()| Figures::default());
        for round in 0..=ROUNDS {
            let times = [
                timed(run(&mut connection, &request.logflare)).await,
                timed(ask(&long, &request.studio, &since)).await,
                timed(ask(&short, &request.studio, &since)).await,
            ];
            // The first round only warms up.
            if round > 0 {
                theirs.push(times[0]);
                ours.push(times[1]);
                on_short.push(times[2]);
            }
        }
        println!(
            "{:<13} | {theirs:>24} | {ours:>18} | {:>12.0} | {:.2}",
            request.name,
            theirs.median() / ours.median(),
            ours.median() / on_short.median()
        );
        if std::env::args().any(|argument| argument == "explain") {
            explain(&mut connection, &request.logflare).await;
        }
    }
}

/// A program whose table has a million events a month: so many days of them.
async fn filled(cluster: &TestCluster, days: u32) -> (Program, String) {
    let database = cluster.database().await;
    let program = Program::serve(&database).await;
    let mut connection = PgConnection::connect(&database).await.expect("the database answers");
    let times: Vec<i64> = {
        let sql = "select (extract(epoch from now() - day * interval '1 day') * 1000000)::bigint from generate_series(0, $1) day";
        sqlx::query_scalar(sql)
            .bind(i32::try_from(days).unwrap_or(1))
            .fetch_all(&mut connection)
            .await
            .expect("days")
    };
    // Through the door, so that the days have their partitions.
    let events: Value = times
        .iter()
        .map(|time| json!({"timestamp": time, "project": "default", "event_message": "first"}))
        .collect();
    program.log(SOURCE, &events).await;
    let table = event_table(&mut connection).await;
    println!("filling {days} days");
    let events = EVENTS / DAYS * days;
    let step = 2_592_000_000_000_u64 / u64::from(EVENTS);
    run(
        &mut connection,
        &format!(
            "insert into {table} select id, body || jsonb_build_object('id', id, 'timestamp', (extract(epoch from time) * 1000000)::bigint),
               body ->> 'event_message', time
             from generate_series(1, {events}) n,
               lateral (select now() at time zone 'UTC' - n * interval '{step} microseconds' as time, gen_random_uuid()::text as id) a,
               lateral (select jsonb_build_object('project', 'default', 'appname', 'supabase-kong',
                 'event_message', 'GET | 200 | 172.18.0.1 | /rest/v1/todos | Mozilla/5.0 (X11; Linux x86_64)',
                 'metadata', jsonb_build_object(
                   'request', jsonb_build_object('method', (array['GET','POST','PUT'])[1 + n % 3], 'path', '/rest/v1/table' || n % 50,
                     'protocol', 'HTTP/1.1', 'host', 'localhost',
                     'headers', jsonb_build_object('user_agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36', 'referer',
                       'http://localhost:3000/', 'cf_connecting_ip', '172.18.0.1', 'x_client_info', 'supabase-js/2.39.0')),
                   'response', jsonb_build_object('status_code', (array[200,201,400,404,500])[1 + n % 5], 'origin_time', n % 300,
                     'headers', jsonb_build_object('content_type', 'application/json', 'content_length', '123')))) as body) b"
        ),
    )
    .await;
    run(&mut connection, &format!("vacuum analyze {table}")).await;
    (program, database)
}

async fn event_table(connection: &mut PgConnection) -> String {
    scalar(connection, "select 'log_events_' || replace(token::text, '-', '_') from logweir_sources where name = 'cloudflare.logs.prod'").await
}

async fn scalar<T>(connection: &mut PgConnection, sql: &'static str) -> T
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
{
    sqlx::query_scalar(sql).fetch_one(connection).await.expect("one value")
}

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .unwrap_or_else(|error| panic!("{sql}\n{error}"));
}

async fn ask(program: &Program, sql: &str, since: &str) {
    let answer = program.ask(sql, &[("iso_timestamp_start", since)]).await;
    assert!(answer["result"].is_array(), "{sql}\n{answer}");
}

/// Milliseconds that something takes.
async fn timed(work: impl Future<Output = ()>) -> f64 {
    let start = Instant::now();
    work.await;
    start.elapsed().as_secs_f64() * 1e3
}

async fn explain(connection: &mut PgConnection, sql: &str) {
    let sql = format!("explain (analyze, buffers) {sql}");
    let plan: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(connection).await.expect("a plan");
    println!("{}", plan.join("\n"));
}
