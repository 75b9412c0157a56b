//! Postgres goes and comes back.

use std::time::{Duration, Instant};

use end_to_end::postgres::TestCluster;
use sqlx::{Connection, PgConnection};
use store::{AppendError, Batch, Delivery, PostgresServer, QueryError, Readiness, RejectedPage};

use crate::fixture::{
    Fixture, admit, append, batch, event, eventually, launch, now, run, settings, start,
    within_deadline,
};

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
    run(&mut fixture.admin, "drop schema _analytics cascade").await;
    cluster.stop_server();
    let store = fixture.running.store.clone();
    eventually("the outage is noticed", async || store.readiness() == Readiness::Unreachable).await;
    cluster.start_server();
    within_deadline("ready again", store.ready()).await;
    // Its catalog is as empty as the server.
    assert!(store.sources().is_empty());
}

const LOCKED: &str = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' \
                      and datname = current_database()";

/// The spool is drained and rejected events are looked at while no writer gets on.
#[tokio::test(flavor = "multi_thread")]
async fn stuck_writers_do_not_take_every_connection() {
    let mut fixture =
        Fixture::with(TestCluster::shared(), |settings| settings.ingest_connections = 1).await;
    let mut holder = PgConnection::connect(&fixture.url).await.unwrap();
    run(&mut holder, &format!("begin; lock table {}", fixture.source.table)).await;
    let (store, source) = (fixture.store().clone(), fixture.source.clone());
    let held = tokio::spawn(async move { append(&store, &source, batch([("held", now())])).await });
    eventually("the writer waits", async || fixture.ask(LOCKED).await == "1").await;
    let page = RejectedPage { ids: None, before: None, limit: 1 };
    let rejected = fixture.store().rejected_events(&fixture.source, page).await.unwrap();
    assert_eq!(rejected.events, []);
    run(&mut holder, "commit").await;
    held.await.unwrap().unwrap();
}

/// Without a spool there is nothing better to do than to wait, but not for longer than senders do.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_stalls_is_waited_for_until_the_deadline() {
    let mut fixture = Fixture::new().await;
    let mut holder = PgConnection::connect(&fixture.url).await.unwrap();
    run(&mut holder, &format!("begin; lock table {}", fixture.source.table)).await;
    let send = async |within: Duration| {
        let admission = admit(fixture.store(), "content", &Delivery::not_needed());
        let admission = admission.answer_by(Instant::now() + within);
        admission.append(&fixture.source, batch([("x", now())])).await
    };
    let started = Instant::now();
    // The second one has no time left.
    for within in [Duration::from_secs(1), Duration::ZERO] {
        let stalled = send(within).await;
        assert!(matches!(stalled, Err(AppendError::Unavailable(_))), "{stalled:?}");
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    run(&mut holder, "commit").await;
    // The write went on meanwhile.
    send(Duration::from_secs(30)).await.unwrap();
    assert_eq!(fixture.ids().await, ["x"]);
}

/// As many requests as there are writers wait for a table.
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_table_does_not_hold_up_other_sources() {
    let mut fixture = Fixture::new().await;
    let other = fixture.other_source("other").await;
    let mut holder = PgConnection::connect(&fixture.url).await.unwrap();
    run(&mut holder, &format!("begin; lock table {} in share mode", fixture.source.table)).await;
    let mut held = Vec::new();
    for _ in 0..6 {
        let (store, source) = (fixture.store().clone(), fixture.source.clone());
        let write = async move { append(&store, &source, batch([("held", now())])).await };
        held.push(tokio::spawn(write));
    }
    eventually("a writer waits", async || fixture.ask(LOCKED).await != "0").await;
    for _ in 0..3 {
        let started = Instant::now();
        append(fixture.store(), &other, batch([("x", now())])).await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    }
    run(&mut holder, "commit").await;
    for held in held {
        held.await.unwrap().unwrap();
    }
    assert_eq!(fixture.ids().await, ["held"; 6]);
}

/// Somebody holds a lock on the receipts.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_held_up_gets_on() {
    let mut fixture = Fixture::new().await;
    let lost = Delivery::default();
    let admission = admit(fixture.store(), "content", &lost);
    admission.append(&fixture.source, batch([("x", now())])).await.unwrap();
    let mut holder = PgConnection::connect(&fixture.url).await.unwrap();
    run(&mut holder, "begin; lock table _analytics.logweir_receipts in exclusive mode").await;
    lost.fail();
    eventually("the sweep waits", async || fixture.ask(LOCKED).await == "1").await;
    // Whose row it becomes is not known yet; then it is still this process's.
    let again = admit(fixture.store(), "content", &Delivery::not_needed());
    let again = again.append(&fixture.source, batch([("x", now())]));
    assert_eq!(within_deadline("known", again).await.unwrap().duplicates, 1);
    run(&mut holder, "commit").await;
    let rows = "select count(*) from _analytics.logweir_receipts";
    eventually("its row goes", async || fixture.ask(rows).await == "0").await;
}

/// A server that does not notice our end must not keep what we were doing.
#[tokio::test]
async fn sessions_of_a_vanished_machine_end() {
    let fixture = Fixture::new().await;
    for (name, value) in [("idle_in_transaction_session_timeout", "1min"), ("lock_timeout", "5s")] {
        let found = fixture.query(&format!("select current_setting('{name}') as v")).await.unwrap();
        assert!(found.contains(value), "{name}: {found}");
    }
}

/// Receipts are rows of the events database.
#[tokio::test]
async fn receipts_are_looked_after_while_the_catalog_is_away() {
    let (events, catalog) = (TestCluster::shared().database().await, TestCluster::start());
    let catalog_url = catalog.database().await;
    let mut settings = settings(&events);
    settings.catalog = PostgresServer::parse(&catalog_url, Some("_analytics")).unwrap();
    drop(start(settings.clone()).await);
    let mut admin = PgConnection::connect(&catalog_url).await.unwrap();
    let source = "insert into _analytics.logweir_sources (token, name) \
                  values (gen_random_uuid(), 'events')";
    run(&mut admin, source).await;
    let running = start(settings).await;
    let source = running.store.source(store::SourceKey::Name("events")).unwrap();
    catalog.stop_server();
    eventually("the outage is noticed", async || {
        running.store.readiness() == Readiness::Unreachable
    })
    .await;
    let [lost, read] = [Delivery::default(), Delivery::default()];
    for (content, delivery) in [("lost", &lost), ("read", &read)] {
        let admission = admit(&running.store, content, delivery);
        admission.append(&source, batch([("x", now())])).await.unwrap();
    }
    lost.fail();
    read.succeed();
    let mut admin = PgConnection::connect(&events).await.unwrap();
    eventually("one is an orphan and one is gone", async || {
        let rows = "select string_agg(orphaned::text, ',') from _analytics.logweir_receipts";
        let rows: Option<String> = sqlx::query_scalar(rows).fetch_one(&mut admin).await.unwrap();
        rows.as_deref() == Some("true")
    })
    .await;
    assert_eq!(running.store.readiness(), Readiness::Unreachable);
}

/// As Supabase's roles have them, for people.
#[tokio::test]
async fn time_limits_of_a_role_are_not_for_writers() {
    let mut fixture = Fixture::new().await;
    let limits = "do $$ begin
        execute format('alter database %I set statement_timeout = 200', current_database());
        execute format('alter database %I set idle_session_timeout = 200', current_database());
        if current_setting('transaction_timeout', true) is not null then
            execute format('alter database %I set transaction_timeout = 200', current_database());
        end if;
    end $$";
    run(&mut fixture.admin, limits).await;
    let slow = format!(
        "create function public.wait() returns trigger language plpgsql as \
         'begin perform pg_sleep(0.5); return new; end'; \
         create trigger wait before insert on {} for each row execute function public.wait()",
        fixture.source.table
    );
    run(&mut fixture.admin, &slow).await;
    // Its connections are made now.
    fixture.running = start(settings(&fixture.url)).await;
    fixture.append(batch([("slow", now())])).await.unwrap();
    assert_eq!(fixture.ids().await, ["slow"]);
}

/// It is slow, its file is lost, its tablespace is full.
#[tokio::test]
async fn trouble_of_one_table_is_not_taken_for_an_outage() {
    let mut fixture = Fixture::new().await;
    let other = fixture.other_source("other").await;
    let trouble = format!(
        "create function public.trouble() returns trigger language plpgsql as \
         'begin raise exception using errcode = new.event_message; end'; \
         create trigger trouble before insert on {} for each row execute function public.trouble()",
        fixture.source.table
    );
    run(&mut fixture.admin, &trouble).await;
    for code in ["57014", "58030", "58P01", "53100", "53200"] {
        let mut events = Batch::default();
        events.push(&saying(code));
        let failed = fixture.append(events).await;
        assert!(matches!(failed, Err(AppendError::Unavailable(_))), "{failed:?}");
        assert_eq!(fixture.store().readiness(), Readiness::Ready, "{code}");
        append(fixture.store(), &other, batch([(code, now())])).await.unwrap();
    }
    let mut away = Batch::default();
    away.push(&saying("57P03"));
    fixture.append(away).await.unwrap_err();
    assert_eq!(fixture.store().readiness(), Readiness::Unreachable);
}

fn saying(message: &str) -> event_schemas::Event<'_> {
    event_schemas::Event { event_message: Some(message.into()), ..event("id", now()) }
}
