//! What comes by way of the spool.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use event_schemas::Value;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use spool::Spool;
use sqlx::AssertSqlSafe;
use store::{Batch, Delivery, RejectedPage, Source, Store};
use tempfile::TempDir;

use crate::fixture::{
    Fixture, Running, admit, append, batch, event, eventually, now, run, settings,
};

fn spool() -> (TempDir, Spool) {
    spool_of(1 << 20)
}

fn spool_of(max_bytes: u64) -> (TempDir, Spool) {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = spool::Settings::new(folder.path(), max_bytes);
    let (spool, _) = Spool::open(settings).expect("a spool");
    (folder, spool)
}

impl Fixture {
    /// A store that has put a batch on the spool, because it has not begun to become ready.
    async fn spooled(&mut self, spool: Spool, content: &str, batch: Batch) -> Store {
        self.running.keeper.abort();
        let store = Store::new(settings(&self.url), Some(spool));
        let admission = admit(&store, content, &Delivery::default());
        assert!(admission.append(&self.source, batch).await.expect("it is durable").spooled);
        store
    }

    /// Lets it become ready, and waits until the spool is empty.
    async fn drained(&mut self, store: Store) {
        let keeper = tokio::spawn({
            let store = store.clone();
            async move { store.keep_ready().await }
        });
        self.running = Running { store: store.clone(), keeper };
        eventually("the spool is drained", async || {
            store.spool_depth().is_some_and(|depth| depth.records == 0)
        })
        .await;
    }
}

/// What was counted.
#[derive(Debug, Default, Clone)]
struct Counted(Arc<Mutex<Vec<NamedCounter>>>);

/// A name with its source, and what was counted under it.
type NamedCounter = (String, Arc<AtomicU64>);

impl Counted {
    fn of(&self, name: &str, source: &str) -> u64 {
        let name = format!("{name} {source}");
        let counters = self.0.lock().expect("whole");
        let of_name = counters.iter().find(|(found, _)| *found == name);
        of_name.map_or(0, |(_, counter)| counter.load(Ordering::Relaxed))
    }
}

impl Recorder for Counted {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let source = key.labels().find(|label| label.key() == "source");
        let name = format!("{} {}", key.name(), source.map_or("", |label| label.value()));
        let mut counters = self.0.lock().expect("whole");
        if let Some((_, counter)) = counters.iter().find(|(known, _)| *known == name) {
            return Counter::from_arc(Arc::clone(counter));
        }
        let counter = Arc::new(AtomicU64::new(0));
        counters.push((name, Arc::clone(&counter)));
        Counter::from_arc(counter)
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[tokio::test]
async fn what_cannot_be_stored_from_the_spool_is_kept_or_counted() {
    let counted = Counted::default();
    // All tasks of this test run on this thread.
    let _counting = metrics::set_default_local_recorder(&counted);
    let mut fixture = Fixture::new().await;
    let (_folder, spool) = spool();
    let version_and_nonsense = vec![1, 9, 9, 9, 9];
    spool.append(version_and_nonsense).await.expect("it is kept");
    let mut bad = event("bad", now());
    bad.fields.push(("n".into(), Value::Number("not json".into())));
    let mut events = batch([("good", now())]);
    events.push(&bad);
    let store = fixture.spooled(spool, "content", events).await;
    fixture.drained(store.clone()).await;
    assert_eq!(fixture.ids().await, ["good"]);
    let page = RejectedPage { ids: None, before: None, limit: 10 };
    let listed = fixture.store().rejected_events(&fixture.source, page).await.expect("listed");
    let rejected = listed.events;
    assert!(rejected.len() == 1 && rejected[0].event.contains("\"bad\""), "{rejected:?}");
    eventually("both are counted", async || {
        store.refresh_measures();
        counted.of("logweir_ingest_events_rejected_total", "events") == 1
            && counted.of("logweir_ingest_events_dropped_total", "unknown") == 1
    })
    .await;
}

/// To look for each of them takes longer than a write may.
#[tokio::test]
async fn a_request_with_many_bad_rows_is_dealt_with_and_jams_nothing() {
    const BAD: usize = 60_000;
    let mut fixture = Fixture::new().await;
    let mut bad = event("bad", now());
    bad.fields.push(("n".into(), Value::Number("not json".into())));
    let mut events = batch([("first", now())]);
    for _ in 0..BAD {
        events.push(&bad);
    }
    let (_folder, spool) = spool_of(64 << 20);
    let store = fixture.spooled(spool, "many", events).await;
    let behind = admit(&store, "behind", &Delivery::default());
    let behind = behind.append(&fixture.source, batch([("behind", now())])).await;
    assert!(behind.expect("it is durable").spooled);
    fixture.drained(store).await;
    assert_eq!(fixture.ids().await, ["behind", "first"]);
    let reasons = "select string_agg(distinct split_part(reasons #>> '{0,reason}', ':', 1), '; ') \
                   from _analytics.logweir_rejected_events";
    assert_eq!(
        fixture.ask(reasons).await,
        "Postgres refuses it; Postgres refuses it, or one that came with it"
    );
    let kept = "select count(*) from _analytics.logweir_rejected_events where event like '%bad%'";
    assert_eq!(fixture.ask(kept).await, BAD.to_string());
}

const REFUSE: &str = "create function public.refuse() returns trigger language plpgsql as \
                      'begin raise exception ''not now''; end'";

impl Fixture {
    /// The source's table takes nothing.
    async fn refuse(&mut self) {
        let table = self.source.table.clone();
        run(&mut self.admin, REFUSE).await;
        let trigger = format!(
            "create trigger refuse before insert on {table} \
             for each row execute function public.refuse()"
        );
        run(&mut self.admin, &trigger).await;
    }

    /// It takes all again.
    async fn take(&mut self) {
        run(&mut self.admin, &format!("drop trigger refuse on {}", self.source.table)).await;
    }

    /// Ids of a source's events in the order in which they were stored.
    async fn stored(&mut self, source: &Source) -> String {
        let table = &source.table;
        self.ask(&format!("select coalesce(string_agg(id, ' ' order by ctid), '') from {table}"))
            .await
    }
}

/// One source's table fails, and the others' requests lie between and behind its own.
#[tokio::test]
async fn a_source_that_fails_does_not_hold_up_the_spool() {
    let mut fixture = Fixture::new().await;
    let other = fixture.other_source("other").await;
    let source = fixture.source.clone();
    fixture.refuse().await;
    let (_folder, spool) = spool();
    let store = fixture.spooled(spool.clone(), "x1", batch([("x1", now())])).await;
    for (id, source) in
        [("x2", &source), ("y1", &other), ("x3", &source), ("x4", &source), ("y2", &other)]
    {
        let admission = admit(&store, id, &Delivery::default());
        admission.append(source, batch([(id, now())])).await.expect("it is durable");
    }
    let keeper = tokio::spawn({
        let store = store.clone();
        async move { store.keep_ready().await }
    });
    fixture.running = Running { store: store.clone(), keeper };
    eventually("the other source is drained", async || {
        fixture.stored(&other).await == "y1 y2"
            && store.spool_depth().is_some_and(|depth| depth.records == 4)
    })
    .await;
    // What comes by the spool later gets past it too, and a request that was sent again is known.
    let again = admit(&store, "x5", &Delivery::default());
    assert!(again.append(&source, batch([("x5", now())])).await.expect("it is durable").spooled);
    fixture.take().await;
    eventually("the spool is drained", async || {
        store.spool_depth().is_some_and(|depth| depth.records == 0)
    })
    .await;
    assert_eq!(fixture.stored(&source).await, "x1 x2 x3 x4 x5");
    assert_eq!(fixture.stored(&other).await, "y1 y2");
}

#[tokio::test]
async fn a_source_that_fails_fills_half_of_the_spool() {
    let mut fixture = Fixture::new().await;
    let source = fixture.source.clone();
    fixture.refuse().await;
    let (_folder, spool) = spool();
    let store = fixture.spooled(spool, "first", batch([("first", now())])).await;
    let keeper = tokio::spawn({
        let store = store.clone();
        async move { store.keep_ready().await }
    });
    fixture.running = Running { store: store.clone(), keeper };
    store.ready().await;
    let mut kept = 1;
    let refused = loop {
        let mut events = batch([("more", now())]);
        events.reject("x".repeat(50_000), Vec::new());
        match append(&store, &source, events).await {
            Ok(appended) => assert!(appended.spooled),
            Err(error) => break error,
        }
        kept += 1;
    };
    assert!(refused.to_string().contains("half"), "{refused}");
    let depth = store.spool_depth().expect("a spool");
    assert!(depth.bytes < depth.max_bytes * 5 / 8, "{depth:?}");
    fixture.take().await;
    eventually("the spool is drained", async || {
        store.spool_depth().is_some_and(|depth| depth.records == 0)
    })
    .await;
    assert_eq!(fixture.ids().await.len(), kept);
}

/// The head of the first record, and the hash of the content that is in it.
fn head_and_content(spool: &Spool) -> (serde_json::Value, Vec<u8>) {
    let mut heads = Vec::new();
    spool.scan(|_, bytes| heads.push(bytes.to_vec())).expect("it is read");
    let mut head = serde_json::Deserializer::from_slice(&heads[0][5..]).into_iter();
    let head: serde_json::Value = head.next().expect("a head").expect("JSON");
    let content = serde_json::from_value(head["content"].clone()).expect("bytes");
    (head, content)
}

/// Both were acknowledged by a life that knew of both, and ended before the receipt was removed.
#[tokio::test]
async fn an_equal_request_of_the_same_life_is_no_first_attempt() {
    let mut fixture = Fixture::new().await;
    let (_folder, spool) = spool();
    drop(fixture.spooled(spool.clone(), "content", batch([("spooled", now())])).await);
    let (_, content) = head_and_content(&spool);
    let insert = "insert into _analytics.logweir_receipts (request, content, owner) \
                  values (gen_random_uuid(), $1, 1)";
    let insert = sqlx::query(insert).bind(content);
    insert.execute(&mut fixture.admin).await.expect("it is there");
    fixture.drained(Store::new(settings(&fixture.url), Some(spool))).await;
    assert_eq!(fixture.ids().await, ["spooled"]);
    // What comes now may be either of the two, sent again.
    for (id, stored) in [("again", 0), ("too", 0), ("new", 1)] {
        let admission = admit(fixture.store(), "content", &Delivery::default());
        let appended = admission.append(&fixture.source, batch([(id, now())])).await;
        assert_eq!(appended.expect("it is stored").stored, stored, "{id}");
    }
}

/// It was stored by a writer that was slow, and one with its content was not answered.
#[tokio::test]
async fn a_request_that_is_stored_takes_no_orphan() {
    let mut fixture = Fixture::new().await;
    let (_folder, spool) = spool();
    let store = fixture.spooled(spool.clone(), "content", batch([("x", now())])).await;
    let (head, content) = head_and_content(&spool);
    let sql = format!(
        "insert into _analytics.logweir_receipts (request, content, owner, orphaned) \
         values (gen_random_uuid(), $1, 3, true), ({}, $1, 2, false)",
        format_args!("'{}'", head["request"].as_str().expect("a number"))
    );
    let insert = sqlx::query(AssertSqlSafe(sql)).bind(content);
    insert.execute(&mut fixture.admin).await.expect("they are there");
    fixture.drained(store).await;
    assert_eq!(fixture.ids().await.len(), 0);
    let owners = "select string_agg(owner || ' ' || orphaned, ', ' order by owner) \
                  from _analytics.logweir_receipts";
    assert_eq!(fixture.ask(owners).await, "1 false, 3 true");
    run(&mut fixture.admin, "delete from _analytics.logweir_receipts").await;
}

/// A trigger refuses one kind of rows. Alone on the spool it cannot be told from a table that takes
/// nothing, until others are taken.
#[tokio::test]
async fn a_row_that_a_trigger_refuses_does_not_stay_on_the_spool() {
    let mut fixture = Fixture::new().await;
    let table = fixture.source.table.clone();
    let trigger = format!(
        "create sequence public.asked; \
         create function public.refuse() returns trigger language plpgsql as \
         'begin perform nextval(''public.asked''); raise exception ''not this one''; end'; \
         create trigger refuse before insert on {table} for each row \
         when (new.id like 'bad%') execute function public.refuse()"
    );
    run(&mut fixture.admin, &trigger).await;
    let (_folder, spool) = spool();
    let store = fixture.spooled(spool, "bad 1", batch([("bad 1", now())])).await;
    let keeper = tokio::spawn({
        let store = store.clone();
        async move { store.keep_ready().await }
    });
    fixture.running = Running { store: store.clone(), keeper };
    store.ready().await;
    let waits = async || store.spool_depth().is_some_and(|depth| depth.records == 1);
    // Twice each time, the second time to find out which rows it is.
    eventually("the drain tries it again", async || {
        fixture.ask("select last_value from public.asked").await.parse().is_ok_and(|n: u32| n > 2)
    })
    .await;
    assert!(waits().await);
    assert_eq!(append(&store, &fixture.source, batch([("good", now())])).await.unwrap().stored, 1);
    eventually("the spool is drained", async || !waits().await).await;
    assert_eq!(fixture.ids().await, ["good"]);
    let kept = "select string_agg(event, '') from _analytics.logweir_rejected_events";
    assert!(fixture.ask(kept).await.contains("bad 1"));
}
