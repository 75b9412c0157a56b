//! Events go in.

use std::time::Duration;

use end_to_end::postgres::TestCluster;
use event_schemas::Value;
use sqlx::{Connection, PgConnection};
use store::{AppendError, Batch};

use crate::fixture::{DAY, Fixture, batch, event, eventually, now, run, settings, start};

#[tokio::test]
async fn stored_events_are_read_back_as_they_were() {
    let mut fixture = Fixture::new().await;
    let mut events = Batch::default();
    let mut first = event("a", 1_700_000_000_123_456);
    first.event_message = None;
    events.push(&first);
    let mut second = event("b", now());
    second.id = "b\0é".into();
    events.push(&second);
    assert_eq!(events.len(), 2);
    fixture.store().append(&fixture.source, events).await.unwrap();

    assert_eq!(fixture.ids().await, ["a", "b\u{fffd}é"]);
    let table = fixture.source.table.clone();
    let row = format!(
        "select body || jsonb_build_object('ts', \"timestamp\", 'm', event_message) \
         from {table} where id = 'a'"
    );
    assert_eq!(
        fixture.ask(&row).await,
        concat!(
            r#"{"m": null, "id": "a", "ts": "2023-11-14T22:13:20.123456", "#,
            r#""timestamp": 1700000000123456, "event_message": null}"#
        )
    );
}

#[tokio::test]
async fn an_empty_batch_needs_no_database() {
    let fixture = Fixture::new().await;
    fixture.store().append(&fixture.source, Batch::default()).await.unwrap();
}

#[tokio::test]
async fn each_day_of_the_window_has_its_partition_and_the_rest_shares_one() {
    let mut fixture = Fixture::new().await;
    let now = now();
    let days = [("late", -300), ("soon", 2), ("ancient", -400), ("future", 30)];
    let events = days
        .map(|(id, days)| (id, now + days * DAY))
        .into_iter()
        .chain([("year 1", i64::MIN), ("year 9999", i64::MAX)]);
    fixture.store().append(&fixture.source, batch(events)).await.unwrap();

    for (id, days) in [("late", -300), ("soon", 2)] {
        let day = format!("to_char(now() at time zone 'UTC' + interval '{days} days', 'YYYYMMDD')");
        let day = fixture.ask(&day).await;
        assert_eq!(fixture.partition_of(id).await, format!("p{day}"), "{id}");
    }
    for id in ["ancient", "future", "year 1", "year 9999"] {
        assert_eq!(fixture.partition_of(id).await, "default", "{id}");
    }
}

#[tokio::test]
async fn events_of_a_whole_year_at_once_are_stored() {
    let mut fixture = Fixture::new().await;
    let now = now();
    let ids: Vec<_> = (0..366).map(|day| format!("{day:03}")).collect();
    let events = ids.iter().zip(0..).map(|(id, days)| (id.as_str(), now - days * DAY));
    fixture.store().append(&fixture.source, batch(events)).await.unwrap();
    assert_eq!(fixture.ids().await, ids);
    let partitions = format!(
        "select count(*) from pg_inherits where inhparent = '{}'::regclass",
        fixture.source.table
    );
    // A year, two days ahead, the default one.
    assert_eq!(fixture.ask(&partitions).await, "369");
}

#[tokio::test]
async fn rows_leave_the_default_partition_when_their_day_gets_its_own() {
    let mut fixture = Fixture::new().await;
    let tomorrow = now() + DAY;
    let day = fixture.ask("to_char(now() at time zone 'UTC' + interval '1 day', 'YYYYMMDD')").await;
    let table = fixture.source.table.clone();
    let prefix = table.trim_end_matches('"').to_owned();
    run(&mut fixture.admin, &format!("drop table {prefix}_p{day}\"")).await;
    fixture.store().append(&fixture.source, batch([("moved", tomorrow)])).await.unwrap();
    assert_eq!(fixture.partition_of("moved").await, "default");

    let again = start(settings(&fixture.url)).await;
    assert_eq!(fixture.partition_of("moved").await, format!("p{day}"));
    again.store.append(&fixture.source, batch([("new", tomorrow)])).await.unwrap();
    assert_eq!(fixture.partition_of("new").await, format!("p{day}"));
    assert_eq!(fixture.ids().await, ["moved", "new"]);
}

#[tokio::test]
async fn a_long_query_delays_a_partition_but_not_the_events() {
    let mut fixture = Fixture::new().await;
    let table = fixture.source.table.clone();
    let late = now() - 100 * DAY;
    let mut reader = PgConnection::connect(&fixture.url).await.unwrap();
    run(&mut reader, &format!("begin; select count(*) from {table}")).await;
    fixture.store().append(&fixture.source, batch([("one", late)])).await.unwrap();
    assert_eq!(fixture.partition_of("one").await, "default");

    run(&mut reader, "commit").await;
    fixture.store().append(&fixture.source, batch([("two", late)])).await.unwrap();
    for id in ["one", "two"] {
        assert_ne!(fixture.partition_of(id).await, "default", "{id}");
    }
}

#[tokio::test]
async fn a_dropped_table_is_made_again() {
    let mut fixture = Fixture::new().await;
    let table = fixture.source.table.clone();
    run(&mut fixture.admin, &format!("drop table {table}")).await;
    fixture.store().append(&fixture.source, batch([("a", now())])).await.unwrap();
    assert_eq!(fixture.ids().await, ["a"]);
    assert_ne!(fixture.partition_of("a").await, "default");

    run(&mut fixture.admin, &format!("drop table {}_default\"", table.trim_end_matches('"'))).await;
    fixture.store().append(&fixture.source, batch([("b", 0)])).await.unwrap();
    assert_eq!(fixture.partition_of("b").await, "default");
}

#[tokio::test]
async fn many_writers_of_a_new_day_do_not_race() {
    let mut fixture =
        Fixture::with(TestCluster::shared(), |settings| settings.ingest_connections = 8).await;
    let late = now() - 200 * DAY;
    let ids: Vec<_> = (10..50).map(|number| number.to_string()).collect();
    let writes =
        ids.iter().map(|id| fixture.store().append(&fixture.source, batch([(id.as_str(), late)])));
    for written in futures_util::future::join_all(writes).await {
        written.unwrap();
    }
    assert_eq!(fixture.ids().await, ids);
}

#[tokio::test]
async fn refused_rows_leave_nothing_behind_and_a_connection_that_works() {
    let mut fixture =
        Fixture::with(TestCluster::shared(), |settings| settings.ingest_connections = 1).await;
    let mut events = batch([("good", now())]);
    let mut bad = event("bad", now());
    bad.fields.push(("n".into(), Value::Number("not json".into())));
    events.push(&bad);
    let refused = fixture.store().append(&fixture.source, events).await;
    assert!(
        matches!(&refused, Err(AppendError::Refused(why)) if why.contains("22P02")),
        "{refused:?}"
    );

    fixture.store().append(&fixture.source, batch([("next", now())])).await.unwrap();
    assert_eq!(fixture.ids().await, ["next"]);
}

#[tokio::test]
async fn a_writer_that_gave_up_spoils_nothing() {
    let mut fixture =
        Fixture::with(TestCluster::shared(), |settings| settings.ingest_connections = 1).await;
    let table = fixture.source.table.clone();
    // Held up at the COPY statement itself.
    run(&mut fixture.admin, &format!("begin; lock table {table}")).await;
    let waiting = fixture.store().append(&fixture.source, batch([("gone", now())]));
    assert!(tokio::time::timeout(Duration::from_millis(300), waiting).await.is_err());
    run(&mut fixture.admin, "commit").await;

    // Given up at any moment of the write.
    let many: Vec<_> = (0..5000).map(|number| format!("part {number}")).collect();
    for wait in 0..40 {
        let events = batch(many.iter().map(|id| (id.as_str(), now())));
        let writing = fixture.store().append(&fixture.source, events);
        let _ = tokio::time::timeout(Duration::from_millis(wait), writing).await;
    }
    let count = format!("select count(*) from {table} where id = 'gone'");
    assert_eq!(fixture.ask(&count).await, "0");
    // All or nothing of each batch.
    let store = fixture.running.store.clone();
    let source = fixture.source.clone();
    store.append(&source, batch([("last", now())])).await.unwrap();
    let torn = format!("select count(*) from {table} where id <> 'last'");
    eventually("the abandoned writes have ended", async || {
        let others = "select count(*) from pg_stat_activity where state <> 'idle' \
                      and datname = current_database() and query like 'copy %'";
        fixture.ask(others).await == "0"
    })
    .await;
    let rows: usize = fixture.ask(&torn).await.parse().unwrap();
    assert_eq!(rows % many.len(), 0, "{rows}");
}
