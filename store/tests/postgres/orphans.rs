//! Receipts whose answers were not delivered, and who takes them.

use std::sync::Arc;

use end_to_end::{
    postgres::TestCluster,
    postgres_proxy::{Harm, PostgresProxy},
};
use sqlx::{Connection as _, PgConnection};
use store::{Appended, Delivery, Store};
use tokio::task::{JoinHandle, block_in_place};

use crate::fixture::{
    Fixture, admit, batch, eventually, now, run, settings, start, within_deadline,
};

const ORPHANS: &str = "select count(*) from _analytics.logweir_receipts where orphaned";

/// Sends one event in a task of its own.
fn send(fixture: &Fixture, store: &Store, content: &str) -> JoinHandle<Appended> {
    let admission = admit(store, content, &Delivery::default());
    let source = fixture.source.clone();
    tokio::spawn(async move {
        admission.append(&source, batch([("x", now())])).await.expect("it is stored")
    })
}

/// The commit took place, and then Postgres was away, so that the sender was told of a failure.
#[tokio::test(flavor = "multi_thread")]
async fn what_failed_and_was_stored_is_known_to_other_processes() {
    let cluster = Arc::new(TestCluster::start());
    let mut fixture = Fixture::on(&cluster).await;
    let proxy = PostgresProxy::start(&cluster.socket()).await;
    let mut its_settings = settings(&proxy.url(&fixture.url));
    its_settings.owner = 2;
    let other = start(its_settings).await;
    let stop = {
        let cluster = Arc::clone(&cluster);
        Harm::CutAfter(Box::new(move || block_in_place(|| cluster.stop_server())))
    };
    let done = proxy.arm(0, stop);
    let failed = admit(&other.store, "content", &Delivery::default());
    let told = failed.append(&fixture.source, batch([("x", now())])).await;
    told.expect_err("it cannot be known");
    within_deadline("done", done).await.expect("done");
    block_in_place(|| cluster.start_server());
    within_deadline("ready again", other.store.ready()).await;
    within_deadline("ready again", fixture.store().ready()).await;
    fixture.admin = PgConnection::connect(&fixture.url).await.expect("the database answers");
    eventually("it is an orphan", async || fixture.ask(ORPHANS).await == "1").await;

    // The same process knows it by its number, another one finds the row.
    let again = send(&fixture, &other.store, "content").await.expect("it ends");
    assert_eq!((again.stored, again.duplicates), (0, 1));
    assert_eq!(fixture.ask(ORPHANS).await, "0");
    let new = send(&fixture, fixture.store(), "content").await.expect("it ends");
    assert_eq!((new.stored, new.duplicates), (1, 0));
    assert_eq!(fixture.ids().await.len(), 2);
}

/// Another process is about to take the oldest one, so this one takes the next.
#[tokio::test]
async fn each_that_comes_again_takes_an_orphan_of_its_own() {
    let mut fixture = Fixture::new().await;
    let lost = [Delivery::default(), Delivery::default()];
    for delivery in &lost {
        let admission = admit(fixture.store(), "content", delivery);
        let sent = admission.append(&fixture.source, batch([("x", now())])).await;
        assert_eq!(sent.expect("it is stored").stored, 1);
    }
    lost.iter().for_each(Delivery::fail);
    eventually("they are orphans", async || fixture.ask(ORPHANS).await == "2").await;
    let mut other = PgConnection::connect(&fixture.url).await.expect("the database answers");
    run(
        &mut other,
        "begin; update _analytics.logweir_receipts \
         set orphaned = false, request = gen_random_uuid() \
         where id = (select min(id) from _analytics.logweir_receipts)",
    )
    .await;
    let again = send(&fixture, fixture.store(), "content");
    let again = within_deadline("stored", again).await.expect("it ends");
    assert_eq!((again.stored, again.duplicates), (0, 1));
    run(&mut other, "commit").await;
    assert_eq!(fixture.ids().await.len(), 2);
}

/// The server has not noticed the end of the former life's session.
#[tokio::test]
async fn who_is_taken_for_a_former_life_is_known_to_live_later() {
    let mut fixture = Fixture::new().await;
    fixture.running.keeper.abort();
    let holds = "select count(*) from pg_locks where locktype = 'advisory' \
                 and classid = 1819240312 and objid = 1 \
                 and database = (select oid from pg_database where datname = current_database())";
    eventually("the former life ends", async || fixture.ask(holds).await == "0").await;
    let mut former = PgConnection::connect(&fixture.url).await.expect("the database answers");
    run(&mut former, "select pg_advisory_lock(1819240312, 1)").await;
    fixture.running = start(settings(&fixture.url)).await;
    former.close().await.expect("it ends");
    eventually("it is known to live", async || fixture.ask(holds).await == "1").await;
}
