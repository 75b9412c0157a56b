//! Postgres goes and comes back.

use std::time::{Duration, Instant};

use end_to_end::postgres::TestCluster;
use sqlx::{Connection, PgConnection};
use store::{AppendError, QueryError, Readiness};

use crate::fixture::{Fixture, append, batch, eventually, launch, now, settings, within_deadline};

#[tokio::test]
async fn a_store_recovers_from_a_restart() {
    let cluster = TestCluster::start();
    let mut fixture = Fixture::on(&cluster).await;
    // Fills both pools, so that the restart leaves dead connections in them.
    for _ in 0..3 {
        let store = fixture.store();
        let write = |id| append(store, &fixture.source, batch([(id, now())]));
        let (one, other, third, fourth) = tokio::join!(
            write("before"),
            write("before"),
            fixture.query("select pg_sleep(0.05)::text"),
            fixture.query("select pg_sleep(0.05)::text"),
        );
        one.unwrap();
        other.unwrap();
        third.unwrap();
        fourth.unwrap();
    }

    cluster.stop_server();
    let store = fixture.running.store.clone();
    eventually("the outage is noticed", async || store.readiness() == Readiness::Unreachable).await;
    let started = Instant::now();
    let refused = append(&store, &fixture.source, batch([("lost", now())])).await;
    assert!(matches!(refused, Err(AppendError::Unavailable(_))), "{refused:?}");
    let asked = fixture.query("select 'x'").await;
    assert!(matches!(asked, Err(QueryError::Unavailable(_))), "{asked:?}");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    // The catalog in memory still tells known names from unknown ones.
    assert!(store.source(store::SourceKey::Name("events")).is_some());

    cluster.start_server();
    within_deadline("ready again", store.ready()).await;
    for _ in 0..3 {
        append(&store, &fixture.source, batch([("after", now())])).await.unwrap();
        fixture.query("select 'x'").await.unwrap();
    }
    fixture.admin = PgConnection::connect(&fixture.url).await.unwrap();
    let ids = fixture.ids().await;
    assert_eq!(ids.iter().filter(|id| *id == "before").count(), 6);
    assert_eq!(ids.iter().filter(|id| *id == "after").count(), 3);
    assert!(!ids.contains(&"lost".to_owned()));
}

/// Faster than the pings: the pool itself has to find out.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_between_two_writes_is_not_noticed() {
    let cluster = TestCluster::start();
    let fixture = Fixture::on(&cluster).await;
    // So that nothing but the write itself looks at the server.
    fixture.running.keeper.abort();
    fixture.append(batch([("before", now())])).await.unwrap();
    fixture.query("select 'x'").await.unwrap();
    cluster.stop_server();
    cluster.start_server();
    fixture.append(batch([("after", now())])).await.unwrap();
    fixture.query("select 'x'").await.unwrap();
}

#[tokio::test]
async fn a_store_started_before_its_database_waits_for_it() {
    let cluster = TestCluster::start();
    let url = cluster.database().await;
    cluster.stop_server();
    let running = launch(settings(&url));
    // Long enough for some attempts; none of them may end the task.
    let waited = tokio::time::timeout(Duration::from_millis(700), running.store.ready()).await;
    assert!(waited.is_err());
    assert_eq!(running.store.readiness(), Readiness::Starting);
    assert!(!running.keeper.is_finished());

    cluster.start_server();
    within_deadline("ready", running.store.ready()).await;
}

/// An empty server in its place: everything is made again.
#[tokio::test]
async fn tables_lost_in_an_outage_are_made_again() {
    let cluster = TestCluster::start();
    let mut fixture = Fixture::on(&cluster).await;
    crate::fixture::run(&mut fixture.admin, "drop schema _analytics cascade").await;
    cluster.stop_server();
    let store = fixture.running.store.clone();
    eventually("the outage is noticed", async || store.readiness() == Readiness::Unreachable).await;
    cluster.start_server();
    within_deadline("ready again", store.ready()).await;
    // Its catalog is as empty as the server.
    assert!(store.sources().is_empty());
}
