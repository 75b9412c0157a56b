//! Events go in.

use std::time::Duration;

use end_to_end::postgres::TestCluster;
use event_schemas::{Reason, Value};
use sqlx::{Connection, PgConnection};
use store::{Batch, RejectedPage};

use crate::fixture::{DAY, Fixture, append, batch, event, now, run, settings, start};

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
    fixture.append(events).await.unwrap();

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

/// What is acknowledged must not be what a crash takes back, whatever is set for people's sessions.
#[tokio::test]
async fn commits_are_durable_whatever_the_database_says() {
    let mut fixture = Fixture::new().await;
    let name = fixture.ask("current_database()").await;
    let relaxed = format!(
        "alter database {name} set synchronous_commit = off;
         alter database {name} set default_transaction_isolation = 'serializable';
         create table public.seen (of_commit text, isolation text);
         grant all on public.seen to public;
         create function public.see() returns trigger language plpgsql as $$ begin
             insert into public.seen values (current_setting('synchronous_commit'),
                 current_setting('transaction_isolation'));
             return new;
         end $$;
         create trigger see before insert on {} for each row execute function public.see()",
        fixture.source.table
    );
    run(&mut fixture.admin, &relaxed).await;
    let running = start(settings(&fixture.url)).await;
    append(&running.store, &fixture.source, batch([("a", now())])).await.unwrap();
    let seen = "select string_agg(of_commit || ', ' || isolation, '; ') from public.seen";
    assert_eq!(fixture.ask(seen).await, "on, read committed");
}

#[tokio::test]
async fn an_empty_batch_needs_no_database() {
    let fixture = Fixture::new().await;
    fixture.append(Batch::default()).await.unwrap();
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
    fixture.append(batch(events)).await.unwrap();

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
    fixture.append(batch(events)).await.unwrap();
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
    fixture.append(batch([("moved", tomorrow)])).await.unwrap();
    assert_eq!(fixture.partition_of("moved").await, "default");

    let again = start(settings(&fixture.url)).await;
    assert_eq!(fixture.partition_of("moved").await, format!("p{day}"));
    append(&again.store, &fixture.source, batch([("new", tomorrow)])).await.unwrap();
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
    fixture.append(batch([("one", late)])).await.unwrap();
    assert_eq!(fixture.partition_of("one").await, "default");

    run(&mut reader, "commit").await;
    fixture.append(batch([("two", late)])).await.unwrap();
    for id in ["one", "two"] {
        assert_ne!(fixture.partition_of(id).await, "default", "{id}");
    }
}

#[tokio::test]
async fn a_dropped_table_is_made_again() {
    let mut fixture = Fixture::new().await;
    let table = fixture.source.table.clone();
    run(&mut fixture.admin, &format!("drop table {table}")).await;
    fixture.append(batch([("a", now())])).await.unwrap();
    assert_eq!(fixture.ids().await, ["a"]);
    assert_ne!(fixture.partition_of("a").await, "default");

    run(&mut fixture.admin, &format!("drop table {}_default\"", table.trim_end_matches('"'))).await;
    fixture.append(batch([("b", 0)])).await.unwrap();
    assert_eq!(fixture.partition_of("b").await, "default");
}

#[tokio::test]
async fn many_writers_of_a_new_day_do_not_race() {
    let mut fixture =
        Fixture::with(TestCluster::shared(), |settings| settings.ingest_connections = 8).await;
    let late = now() - 200 * DAY;
    let ids: Vec<_> = (10..50).map(|number| number.to_string()).collect();
    let writes = ids.iter().map(|id| fixture.append(batch([(id.as_str(), late)])));
    for written in futures_util::future::join_all(writes).await {
        written.unwrap();
    }
    assert_eq!(fixture.ids().await, ids);
}

#[tokio::test]
async fn one_bad_row_costs_one_row() {
    let mut fixture =
        Fixture::with(TestCluster::shared(), |settings| settings.ingest_connections = 1).await;
    let good: Vec<_> = (100..200).map(|number| number.to_string()).collect();
    let mut events = batch(good.iter().map(|id| (id.as_str(), now())));
    for id in ["bad 1", "bad 2"] {
        let mut bad = event(id, now());
        bad.fields.push(("n".into(), Value::Number("not json".into())));
        events.push(&bad);
    }
    events.push(&event("last", now()));
    let appended = fixture.append(events).await.unwrap();
    assert_eq!((appended.stored, appended.duplicates, appended.refused.len()), (101, 0, 2));
    assert!(appended.refused[0].text.contains("22P02"), "{appended:?}");
    assert_eq!(fixture.ids().await.len(), 101);

    let page = RejectedPage { ids: None, before: None, limit: 10 };
    let rejected = fixture.store().rejected_events(&fixture.source, page).await.unwrap().events;
    let mut bodies: Vec<_> = rejected.iter().map(|rejected| &rejected.event[..13]).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, [r#"{"id":"bad 1""#, r#"{"id":"bad 2""#]);
    assert!(rejected[0].reasons[0]["reason"].as_str().unwrap().contains("22P02"));

    fixture.append(batch([("next", now())])).await.unwrap();
    assert_eq!(fixture.ids().await.len(), 102);
}

#[tokio::test]
async fn rejected_events_are_listed_in_pages_and_removed() {
    let fixture = Fixture::new().await;
    for number in 0..5 {
        let mut batch = Batch::default();
        let reason = Reason { path: "a.b".to_owned(), text: "wrong".to_owned() };
        batch.reject(format!("{number}\0"), vec![reason]);
        fixture.append(batch).await.unwrap();
    }
    let list = async |before, limit| {
        let page = RejectedPage { ids: None, before, limit };
        fixture.store().rejected_events(&fixture.source, page).await.unwrap()
    };
    let page = list(None, 2).await;
    let (first, next) = (page.events, page.next);
    let events: Vec<_> = first.iter().map(|kept| kept.event.as_str()).collect();
    assert_eq!(events, ["4\u{fffd}", "3\u{fffd}"]);
    assert_eq!(first[0].reasons.to_string(), r#"[{"path":"a.b","reason":"wrong"}]"#);
    let next = next.map(|place| place.to_string().parse().unwrap());
    let rest = list(next, 3).await;
    assert_eq!((rest.events.len(), rest.next), (3, None));
    // The next page is the same when the last event of this one is gone, as after a replay.
    let ids = [first[1].id, rest.events[1].id, uuid::Uuid::nil()];
    let removed = fixture.store().remove_rejected_events(&fixture.source, &ids).await.unwrap();
    let left: Vec<_> = list(next, 10).await.events.iter().map(|kept| kept.id).collect();
    assert_eq!((removed, left), (2, vec![rest.events[0].id, rest.events[2].id]));
}

#[tokio::test]
async fn a_page_of_rejected_events_is_bounded_in_bytes() {
    let fixture = Fixture::new().await;
    // The newest last; 8 MiB fit.
    let sizes = [10, 3 << 20, 3 << 20, 3 << 20, 9 << 20, 1];
    for size in sizes {
        let mut batch = Batch::default();
        batch.reject("x".repeat(size), Vec::new());
        fixture.append(batch).await.unwrap();
    }
    let mut pages = Vec::new();
    let mut before = None;
    loop {
        let page = RejectedPage { ids: None, before, limit: 1000 };
        let page = fixture.store().rejected_events(&fixture.source, page).await.unwrap();
        pages.push(page.events.iter().map(|kept| kept.event.len()).collect::<Vec<_>>());
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(pages, [vec![1], vec![9 << 20], vec![3 << 20, 3 << 20], vec![3 << 20, 10]]);
}

/// A writer goes on when its sender has gone: the events are stored, whole, and once.
#[tokio::test]
async fn a_sender_that_gave_up_spoils_nothing() {
    let mut fixture =
        Fixture::with(TestCluster::shared(), |settings| settings.ingest_connections = 1).await;
    let table = fixture.source.table.clone();
    // Held up at the COPY statement itself.
    run(&mut fixture.admin, &format!("begin; lock table {table}")).await;
    let waiting = fixture.append(batch([("gone", now())]));
    assert!(tokio::time::timeout(Duration::from_millis(300), waiting).await.is_err());
    run(&mut fixture.admin, "commit").await;

    // Given up at any moment of the write.
    let many: Vec<_> = (0..2000).map(|number| format!("part {number}")).collect();
    for wait in 0..20 {
        let events = batch(many.iter().map(|id| (id.as_str(), now())));
        let writing = fixture.append(events);
        let _ = tokio::time::timeout(Duration::from_millis(wait), writing).await;
    }
    fixture.append(batch([("last", now())])).await.unwrap();
    let rows = async |fixture: &mut Fixture, of: &str| -> usize {
        let count = format!("select count(*) from {table} where id like '{of}'");
        fixture.ask(&count).await.parse().unwrap()
    };
    assert_eq!(rows(&mut fixture, "gone").await, 1);
    assert_eq!(rows(&mut fixture, "part %").await, 20 * many.len());
}
