//! Rows that Postgres refuses beside rows that it takes.

use event_schemas::Event;
use store::{AppendError, Appended, Batch};

use crate::fixture::{Fixture, event, now, run};

/// Events with ids of their own, and what their messages are.
fn saying<'a>(events: impl IntoIterator<Item = (&'a str, i64, &'a str)>) -> Batch {
    let mut batch = Batch::default();
    for (id, timestamp, message) in events {
        let event_message = Some(message.into());
        batch.push(&Event { has_own_id: true, event_message, ..event(id, timestamp) });
    }
    batch
}

/// Stored, duplicates, refused.
fn counts(appended: &Appended) -> (usize, usize, usize) {
    (appended.stored, appended.duplicates, appended.refused.len())
}

impl Fixture {
    /// What the source's events say, in alphabetical order.
    async fn messages(&mut self) -> String {
        let table = self.source.table.clone();
        self.ask(&format!(
            "select string_agg(event_message, ' ' order by event_message) from {table}"
        ))
        .await
    }

    async fn rejected(&mut self) -> String {
        self.ask("select count(*) from _analytics.logweir_rejected_events").await
    }
}

/// It was left out as one that comes twice, and the other one of the two was not stored.
#[tokio::test]
async fn an_event_is_stored_in_the_place_of_a_refused_one_with_its_id() {
    let mut fixture = Fixture::new().await;
    let constraint =
        format!("alter table {} add check (event_message <> 'bad')", fixture.source.table);
    run(&mut fixture.admin, &constraint).await;
    let time = now();
    let events = saying([
        ("a", time, "bad"),
        ("a", time, "one"),
        ("a", time, "never"),
        ("b", time, "two"),
        ("b", time, "bad"),
        ("a", time + 1, "three"),
    ]);
    let appended = fixture.append(events).await.unwrap();
    assert_eq!(counts(&appended), (3, 2, 1), "{appended:?}");
    assert_eq!(fixture.messages().await, "one three two");
    // However many there are, each is somewhere.
    let bad = (0..1000).map(|_| ("c", time, "bad"));
    let appended = fixture.append(saying(bad.chain([("d", time, "four")]))).await.unwrap();
    assert_eq!(counts(&appended), (1, 0, 1000));
    assert_eq!(fixture.messages().await, "four one three two");
    assert_eq!(fixture.rejected().await, "1001");
    let again = saying([("c", time, "five"), ("d", time, "never")]);
    assert_eq!(counts(&fixture.append(again).await.unwrap()), (1, 1, 0));
}

#[tokio::test]
async fn rows_that_a_trigger_refuses_are_kept_apart_where_it_takes_others() {
    // The second is a code that is nobody's but of who raises it.
    for code in ["P0001", "PT400"] {
        keeps_apart_what_is_raised_with(code).await;
    }
}

async fn keeps_apart_what_is_raised_with(code: &str) {
    let mut fixture = Fixture::new().await;
    let trigger = format!(
        "create function public.refuse() returns trigger language plpgsql as \
         'begin raise exception ''not this one'' using errcode = ''{code}''; end'; \
         create trigger refuse before insert on {} for each row when (new.event_message = 'bad') \
         execute function public.refuse()",
        fixture.source.table
    );
    run(&mut fixture.admin, &trigger).await;
    let time = now();
    let bad = [("a", time, "bad"), ("b", time, "bad")];
    // For all that is known the table takes nothing.
    let failed = fixture.append(saying(bad)).await;
    assert!(matches!(failed, Err(AppendError::Unavailable(_))), "{failed:?}");
    assert_eq!(fixture.rejected().await, "0");
    let events = bad.into_iter().chain([("c", time, "good")]);
    let appended = fixture.append(saying(events)).await.unwrap();
    assert_eq!(counts(&appended), (1, 0, 2));
    let text = format!("not this one (SQLSTATE {code})");
    assert!(appended.refused[0].text.contains(&text), "{appended:?}");
    assert_eq!((fixture.messages().await, fixture.rejected().await), ("good".into(), "2".into()));
}

/// A table that takes nothing is not asked for each of many rows.
#[tokio::test]
async fn a_table_that_takes_nothing_is_found_out_soon() {
    let mut fixture = Fixture::new().await;
    let trigger = format!(
        "create sequence public.asked; \
         create function public.refuse() returns trigger language plpgsql as \
         'begin perform nextval(''public.asked''); raise exception ''not now''; end'; \
         create trigger refuse before insert on {} for each row execute function public.refuse()",
        fixture.source.table
    );
    run(&mut fixture.admin, &trigger).await;
    let time = now();
    let failed = fixture.append(saying((0..20_000).map(|_| ("a", time, "x")))).await;
    assert!(matches!(failed, Err(AppendError::Unavailable(_))), "{failed:?}");
    let mut events = Batch::default();
    (0..20_000).for_each(|_| events.push(&event("a", time)));
    fixture.append(events).await.unwrap_err();
    let asked: u32 = fixture.ask("select last_value from public.asked").await.parse().unwrap();
    assert!((60..300).contains(&asked), "{asked}");
}

#[tokio::test]
async fn rows_that_a_deferred_constraint_refuses_are_found() {
    let mut fixture = Fixture::new().await;
    let constraint = format!(
        "create table public.allowed (message text primary key); \
         insert into public.allowed values ('good'); \
         grant all on public.allowed to public; \
         alter table {} add foreign key (event_message) references public.allowed \
         deferrable initially deferred",
        fixture.source.table
    );
    run(&mut fixture.admin, &constraint).await;
    let time = now();
    let events = [("a", time, "good"), ("b", time, "bad"), ("c", time, "good")];
    let appended = fixture.append(saying(events)).await.unwrap();
    assert_eq!(counts(&appended), (2, 0, 1));
    assert!(appended.refused[0].text.contains("23503"), "{appended:?}");
    assert_eq!(counts(&fixture.append(saying([("d", time, "bad")])).await.unwrap()), (0, 0, 1));
    assert_eq!(fixture.messages().await, "good good");
    assert_eq!(fixture.rejected().await, "2");
}
