//! What is sent again is stored once.

use end_to_end::postgres::TestCluster;
use spool::Spool;
use sqlx::{Connection as _, PgConnection};
use store::{Appended, ContentHash, Delivery, Peer, Settings};

use crate::fixture::{
    Fixture, admit, append, batch, event, eventually, now, run, settings, start, start_with,
};

const RECEIPTS: &str = "select count(*) from _analytics.logweir_receipts";

impl Fixture {
    async fn send(&self, content: &str, delivery: &Delivery) -> Appended {
        let events = batch([("x", now()), ("y", now())]);
        let admission = admit(self.store(), content, delivery);
        admission.append(&self.source, events).await.expect("it is stored")
    }
}

type Writes = Vec<tokio::task::JoinHandle<Result<Appended, store::AppendError>>>;

impl Fixture {
    /// Requests that wait for the only writer, until the first one's table is free.
    async fn written_together(&mut self, writes: impl Fn(&Self) -> Writes) -> Vec<Appended> {
        let mut holder = PgConnection::connect(&self.url).await.expect("the database answers");
        run(&mut holder, &format!("begin; lock table {}", self.source.table)).await;
        let writes = writes(self);
        let waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' \
                     and datname = current_database()";
        eventually("the writer waits", async || self.ask(waits).await == "1").await;
        run(&mut holder, "commit").await;
        let mut appended = Vec::new();
        for write in writes {
            appended.push(write.await.expect("it ends").expect("it is stored"));
        }
        appended
    }

    /// How many wrote the events.
    async fn transactions(&mut self) -> u32 {
        let sql = format!("select count(distinct xmin::text) from {}", self.source.table);
        self.ask(&sql).await.parse().expect("a number")
    }
}

fn stored(appended: &Appended) -> (usize, usize) {
    (appended.stored, appended.duplicates)
}

#[tokio::test]
async fn what_was_answered_is_new_and_what_was_not_is_the_same() {
    let mut fixture = Fixture::new().await;
    let (answered, lost) = (Delivery::default(), Delivery::default());
    assert_eq!(stored(&fixture.send("content", &answered).await), (2, 0));
    answered.succeed();
    assert_eq!(stored(&fixture.send("content", &lost).await), (2, 0));
    // While its sender waits, an equal request is another one.
    let third = Delivery::default();
    assert_eq!(stored(&fixture.send("content", &third).await), (2, 0));
    lost.fail();
    let again = Delivery::default();
    assert_eq!(stored(&fixture.send("content", &again).await), (0, 2));
    // That answer is lost, too; and both are known once and for all.
    again.fail();
    third.succeed();
    let last = Delivery::default();
    assert_eq!(stored(&fixture.send("content", &last).await), (0, 2));
    last.succeed();
    assert_eq!(stored(&fixture.send("content", &Delivery::not_needed()).await), (2, 0));
    assert_eq!(fixture.ids().await.len(), 8);
    eventually("delivered receipts are removed", async || fixture.ask(RECEIPTS).await == "0").await;
}

/// The answer's fate was known to a process that is gone.
#[tokio::test]
async fn after_a_restart_unanswered_requests_are_known() {
    let mut fixture = Fixture::new().await;
    let given = Delivery::default();
    fixture.send("content", &given).await;
    fixture.send("delivered", &Delivery::not_needed()).await;
    eventually("one receipt is left", async || fixture.ask(RECEIPTS).await == "1").await;
    // As kill -9 does: nothing is told to anyone.
    fixture.running.keeper.abort();
    fixture.running = start(settings(&fixture.url)).await;
    assert_eq!(stored(&fixture.send("content", &Delivery::not_needed()).await), (0, 2));
    assert_eq!(stored(&fixture.send("content", &Delivery::not_needed()).await), (2, 0));
    assert_eq!(stored(&fixture.send("delivered", &Delivery::not_needed()).await), (2, 0));
}

#[tokio::test]
async fn another_process_knows_what_this_one_could_not_answer() {
    let mut fixture = Fixture::new().await;
    let mut other_settings = settings(&fixture.url);
    other_settings.owner = 2;
    let other = start(other_settings).await;
    let (waiting, lost) = (Delivery::default(), Delivery::default());
    fixture.send("waiting", &waiting).await;
    fixture.send("lost", &lost).await;
    lost.fail();
    let orphans = format!("{RECEIPTS} where orphaned");
    eventually("the orphan is seen", async || fixture.ask(&orphans).await == "1").await;
    let send = async |content| {
        let admission = admit(&other.store, content, &Delivery::not_needed());
        let appended = admission.append(&fixture.source, batch([("z", now())])).await;
        stored(&appended.expect("it is stored"))
    };
    assert_eq!(send("lost").await, (0, 1));
    assert_eq!(send("waiting").await, (1, 0));
    // The whole process is gone, and its sessions with it.
    fixture.running.keeper.abort();
    let admin = fixture.url.clone();
    let mut admin = PgConnection::connect(&admin).await.expect("the database answers");
    eventually("the dead process is noticed", async || {
        let sql = "select count(*)::text from _analytics.logweir_receipts where orphaned";
        sqlx::query_scalar::<_, String>(sql).fetch_one(&mut admin).await.expect("it is read") == "1"
    })
    .await;
    assert_eq!(send("waiting").await, (0, 1));
}

/// The writes of the former life are waited for, so that none of them is overlooked. Other processes
/// write on.
#[tokio::test]
async fn a_start_waits_for_the_transactions_of_the_former_life() {
    let mut fixture = Fixture::new().await;
    let mut former = PgConnection::connect(&fixture.url).await.expect("the database answers");
    run(
        &mut former,
        "begin; select pg_advisory_xact_lock_shared(1819240313, 1);
         insert into _analytics.logweir_receipts (request, content, owner)
         values (gen_random_uuid(), sha256('x'), 1)",
    )
    .await;
    fixture.running.keeper.abort();
    let starting = tokio::spawn(start(settings(&fixture.url)));
    let waits = "select count(*) from pg_locks where not granted and locktype = 'advisory' \
                 and database = (select oid from pg_database where datname = current_database())";
    eventually("the start waits", async || fixture.ask(waits).await == "1").await;
    // Not for ever: the server may not know yet that it is gone.
    eventually("it is given up", async || fixture.ask(waits).await == "0").await;
    eventually("the start waits again", async || fixture.ask(waits).await == "1").await;
    let other = start(Settings { owner: 2, ..settings(&fixture.url) }).await;
    let appended = append(&other.store, &fixture.source, batch([("x", now())])).await;
    assert_eq!(appended.expect("it is stored").stored, 1);
    assert!(!starting.is_finished());
    run(&mut former, "commit").await;
    let _running = starting.await.expect("it starts");
    assert_eq!(fixture.ask(&format!("{RECEIPTS} where orphaned")).await, "1");
}

/// The answer was lost, the row is all that knows it, and what is sent again goes by the spool.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_by_way_of_the_spool_is_stored_once() {
    let mut fixture = Fixture::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (spool, _) = Spool::open(spool::Settings::new(folder.path(), 1 << 20)).expect("a spool");
    fixture.running.keeper.abort();
    let mut settings = settings(&fixture.url);
    settings.ingest_connections = 1;
    fixture.running = start_with(settings, Some(spool)).await;
    let lost = Delivery::default();
    fixture.send("content", &lost).await;
    lost.fail();
    let orphans = format!("{RECEIPTS} where orphaned");
    eventually("the orphan is seen", async || fixture.ask(&orphans).await == "1").await;

    // The only writer is held up, so that the others go on the spool after some seconds.
    let mut holder = PgConnection::connect(&fixture.url).await.expect("the database answers");
    run(&mut holder, &format!("begin; lock table {}", fixture.source.table)).await;
    let (store, source) = (fixture.store().clone(), fixture.source.clone());
    let held = tokio::spawn(async move { append(&store, &source, batch([("held", now())])).await });
    let waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' \
                 and datname = current_database()";
    eventually("the writer waits", async || fixture.ask(waits).await == "1").await;
    let again = Delivery::default();
    assert!(fixture.send("content", &again).await.spooled);
    assert!(held.await.expect("it ends").expect("it is durable").spooled);
    again.succeed();
    run(&mut holder, "commit").await;
    let store = fixture.store().clone();
    eventually("the spool is drained", async || {
        store.spool_depth().is_some_and(|depth| depth.records == 0)
    })
    .await;
    assert_eq!(fixture.ids().await, ["held", "x", "y"]);
    // What is left waits for its own answer.
    eventually("nobody is expected again", async || {
        fixture.ask(&format!("{RECEIPTS} where orphaned")).await == "0"
    })
    .await;
    assert_eq!(stored(&fixture.send("content", &Delivery::not_needed()).await), (2, 0));
}

/// Rules send events to other sources too.
#[tokio::test]
async fn what_goes_to_several_sources_is_stored_once_in_each() {
    let mut fixture = Fixture::new().await;
    let other = fixture.other_source("other").await;
    let store = fixture.store().clone();
    let source = fixture.source.clone();
    let send = async |delivery: &Delivery| {
        let parts = vec![(other.clone(), batch([("x", now())]))];
        let admission = admit(&store, "content", delivery);
        let appended = admission.append_with(&source, batch([("x", now())]), parts, delivery);
        let (first, others) = appended.await?;
        Ok::<_, store::AppendError>([stored(&first), stored(others[0].as_ref().expect("kept"))])
    };
    let lost = Delivery::default();
    assert_eq!(send(&lost).await.expect("it is stored"), [(1, 0), (1, 0)]);
    lost.fail();
    let again = Delivery::default();
    assert_eq!(send(&again).await.expect("it is stored"), [(0, 1), (0, 1)]);
    again.succeed();

    // The second one fails after the first one was stored, and the sender is told so.
    let table = other.table.clone();
    let trigger = format!(
        "create function fails() returns trigger language plpgsql as
         $$ begin raise exception 'on purpose'; end $$;
         create trigger fails before insert on {table} for each row execute function fails()"
    );
    run(&mut fixture.admin, &trigger).await;
    let told = Delivery::default();
    send(&told).await.expect_err("one of them fails");
    told.succeed();
    run(&mut fixture.admin, &format!("drop trigger fails on {table}")).await;
    let [first, second] = send(&Delivery::not_needed()).await.expect("it is stored");
    assert_eq!((first, second), ((0, 1), (1, 0)));
    for table in [source.table.clone(), table] {
        assert_eq!(fixture.ask(&format!("select count(*) from {table}")).await, "2");
    }
}

/// In each source, so that after a crash none is taken for one that may be sent again.
#[tokio::test]
async fn receipts_of_what_is_delivered_go_with_the_next_write() {
    let mut fixture = Fixture::new().await;
    let other = fixture.other_source("other").await;
    // Nothing else removes them.
    fixture.running.keeper.abort();
    let delivery = Delivery::default();
    let parts = vec![(other, batch([("x", now())]))];
    let admission = admit(fixture.store(), "content", &delivery);
    let appended = admission.append_with(&fixture.source, batch([("x", now())]), parts, &delivery);
    appended.await.expect("it is stored");
    assert_eq!(fixture.ask(RECEIPTS).await, "2");
    delivery.succeed();
    fixture.send("next", &Delivery::default()).await;
    assert_eq!(fixture.ask(RECEIPTS).await, "1");
}

/// A sender that leaves and comes back at once may be served before the request that it left.
#[tokio::test]
async fn a_request_whose_sender_has_left_is_not_begun() {
    let fixture = Fixture::new().await;
    let content = ContentHash::of(&[b"content"]);
    let left = Delivery::to(|| Peer::Closed);
    assert!(fixture.store().admit(content, &left).is_none());
    assert_eq!(stored(&fixture.send("content", &Delivery::default()).await), (2, 0));
}

#[tokio::test]
async fn events_with_ids_of_their_own_are_stored_once() {
    let mut fixture = Fixture::new().await;
    let at = now();
    let own = |ids: &[(&str, i64)]| {
        let mut batch = batch([]);
        for (id, timestamp) in ids {
            let mut event = event(id, *timestamp);
            event.has_own_id = true;
            batch.push(&event);
        }
        batch.push(&event("made", at));
        batch
    };
    let mut sums = Vec::new();
    for ids in [
        &[("a", at), ("b", at), ("a", at)][..],
        // Other borders of the batch; another time is another event.
        &[("b", at), ("c", at), ("a", at + 1)],
        &[("a", -1), ("a", i64::MAX)],
        &[("a", -1), ("a", i64::MAX), ("c", at)],
    ] {
        sums.push(stored(&fixture.append(own(ids)).await.expect("it is stored")));
    }
    assert_eq!(sums, [(3, 1), (3, 1), (3, 0), (1, 3)]);
    let mut ids = fixture.ids().await;
    ids.retain(|id| id != "made");
    assert_eq!(ids, ["a", "a", "a", "a", "b", "c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_the_same_event_see_each_other() {
    let mut fixture =
        Fixture::with(TestCluster::shared(), |settings| settings.ingest_connections = 8).await;
    let at = now();
    let writes = (0..40).map(|_| {
        let mut one = event("same", at);
        one.has_own_id = true;
        let mut batch = batch([]);
        batch.push(&one);
        fixture.append(batch)
    });
    let appended = futures_util::future::join_all(writes).await;
    let sum: usize = appended.iter().map(|one| one.as_ref().map_or(0, |one| one.stored)).sum();
    assert_eq!(sum, 1);
    assert_eq!(fixture.ids().await, ["same"]);
}

/// Many small requests share commits.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_wait_are_written_together() {
    let mut fixture =
        Fixture::with(TestCluster::shared(), |settings| settings.ingest_connections = 1).await;
    let writes = |fixture: &Fixture| {
        let write = |number: u32| {
            let (store, source) = (fixture.store().clone(), fixture.source.clone());
            tokio::spawn(async move {
                let events = batch([(format!("{number:03}").as_str(), now())]);
                append(&store, &source, events).await
            })
        };
        (0..100).map(write).collect()
    };
    for appended in fixture.written_together(writes).await {
        assert_eq!(stored(&appended), (1, 0));
    }
    assert_eq!(fixture.ids().await.len(), 100);
    let transactions = fixture.transactions().await;
    assert!(transactions <= 3, "{transactions} transactions");
}

/// Also those with the same content. As many of them were sent before as were not answered.
#[tokio::test(flavor = "multi_thread")]
async fn equal_requests_are_written_together_and_each_is_the_one_before_only_once() {
    let mut fixture = Fixture::new().await;
    for _ in 0..2 {
        fixture.send("content", &Delivery::default()).await;
    }
    fixture.running.keeper.abort();
    let mut settings = settings(&fixture.url);
    settings.ingest_connections = 1;
    fixture.running = start(settings).await;
    let writes = |fixture: &Fixture| {
        let write = |_| {
            let (store, source) = (fixture.store().clone(), fixture.source.clone());
            tokio::spawn(async move {
                let events = batch([("x", now()), ("y", now())]);
                let admission = admit(&store, "content", &Delivery::default());
                admission.append(&source, events).await
            })
        };
        (0..50).map(write).collect()
    };
    let mut appended: Vec<_> = fixture.written_together(writes).await;
    appended.sort_by_key(|one| one.stored);
    let (again, new) = appended.split_at(2);
    assert!(again.iter().all(|one| stored(one) == (0, 2)), "{again:?}");
    assert!(new.iter().all(|one| stored(one) == (2, 0)), "{new:?}");
    assert_eq!(fixture.ids().await.len(), 100);
    // The first two, and what was sent now.
    let transactions = fixture.transactions().await;
    assert!(transactions <= 5, "{transactions} transactions");
}
