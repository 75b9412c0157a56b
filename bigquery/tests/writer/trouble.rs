//! Answers that are lost or late, columns of unknown age, refusals that name no row.

use bigquery::{Outcome, check};
use end_to_end::fake_bigquery::rest::Answer;

use super::*;

const SHORT: Duration = Duration::from_millis(300);
const LAG: Duration = Duration::from_secs(2);

fn unavailable() -> Refusal {
    Refusal::new(503, "backendError", "try again")
}

#[tokio::test]
async fn rows_without_an_answer_are_counted_however_it_ends() {
    let stage = Stage::plain().await;
    let target = target(json!({}));
    let events = [event("a", json!({})), event("b", json!({}))];
    stage.writer.open(&target).await.unwrap();

    // Too late, for who waits for its answer.
    stage.fake.storage.set_delay(Duration::from_secs(2));
    let error = write(&stage.writer, &target, &events, SHORT).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    assert_eq!(stage.writer.sent_in_doubt(), 2);
    let stored = async || stage.rows().len() == 2;
    eventually("they are stored all the same", stored).await;

    // Given up by who waits for all of it.
    let appending = write(&stage.writer, &target, &events[..1], PATIENCE);
    assert!(tokio::time::timeout(SHORT, appending).await.is_err());
    assert_eq!(stage.writer.sent_in_doubt(), 3);
    eventually("it is stored all the same", async || stage.rows().len() == 3).await;
    stage.fake.storage.set_delay(Duration::ZERO);

    // Never to be sent again, and stored.
    stage.fake.storage.fail_next([Fault::EndAfterStoring(Code::Unknown)]);
    stage.write(&target, &events[..1]).await.unwrap_err();
    assert_eq!((stage.writer.sent_in_doubt(), stage.rows().len()), (4, 4));

    // No answer at all.
    stage.fake.storage.fail_next([Fault::Hang]);
    let error = write(&stage.writer, &target, &events, SHORT).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    assert_eq!(stage.writer.sent_in_doubt(), 6);
}

#[tokio::test]
async fn a_lost_answer_of_insert_all_doubles_nothing() {
    let stage = Stage::set(|settings, _| settings.write_method = WriteMethod::InsertAll).await;
    let target = target(json!({}));
    stage.writer.open(&target).await.unwrap();
    stage.fake.rest.lose_answers(2, &unavailable());
    let later = |id: &str| {
        let mut event = event(id, json!({}));
        event["timestamp"] = json!(1_795_176_000_000_001_i64);
        event
    };
    let long = "x".repeat(200);
    let events = [event("a", json!({})), event("b", json!({})), later("a")];
    stage.write(&target, &events).await.unwrap();
    // An event of the same id at another time is another one.
    assert_eq!(stage.ids(), ["a", "b", "a"]);
    assert_eq!(stage.writer.sent_in_doubt(), 6);
    stage.write(&target, &[event(&long, json!({}))]).await.unwrap();
    assert_eq!(stage.rows().len(), 4);

    stage.fake.rest.set_delay(Duration::from_secs(2));
    let appending = write(&stage.writer, &target, &events[..1], PATIENCE);
    assert!(tokio::time::timeout(SHORT, appending).await.is_err());
    assert_eq!(stage.writer.sent_in_doubt(), 7);
}

/// Writes rows with the column and without it, while it is not known yet to whoever takes rows: none
/// without it waits.
async fn only_rows_that_have_it_wait(stage: &Stage, writer: &Writer, target: &Target) {
    let rows_before = stage.rows().len();
    let begun = Instant::now();
    let events = [
        event("new", json!({"o": {"x": 1, "y": 2}})),
        event("old", json!({"o": {"x": 1}})),
        event("bare", json!({})),
    ];
    let others = async {
        eventually("the others are stored", async || stage.rows().len() == rows_before + 2).await;
        begun.elapsed()
    };
    let (written, of_others) = tokio::join!(write(writer, target, &events, PATIENCE), others);
    let mut stored = written.unwrap().stored;
    stored.sort_unstable();
    assert_eq!(stored, [0, 1, 2]);
    assert!(of_others < LAG, "{of_others:?}");
    assert_eq!(stage.ids().last().map(String::as_str), Some("new"));
    assert_eq!(stage.rows().len(), rows_before + 3);
}

fn object(properties: Value) -> Target {
    target(json!({"o": {"type": "object", "properties": properties}}))
}

fn before() -> Target {
    object(json!({"x": number()}))
}

fn after() -> Target {
    object(json!({"x": number(), "y": number()}))
}

#[tokio::test]
async fn a_column_is_fresh_though_the_answer_to_its_change_was_lost() {
    for lost in [1, 4] {
        let stage = Stage::plain().await;
        stage.write(&before(), &[event("a", json!({"o": {"x": 1}}))]).await.unwrap();
        stage.fake.tables.set_schema_lag(LAG);
        stage.fake.rest.lose_answers(lost, &unavailable());
        let opened = stage.writer.open(&after()).await;
        assert_eq!(opened.is_ok(), lost == 1, "{opened:?}");
        only_rows_that_have_it_wait(&stage, &stage.writer, &after()).await;
        assert_eq!(stage.fake.tables.patches(DATASET, &table_id(SOURCE)), 1);
    }
}

#[tokio::test]
async fn a_column_that_another_process_has_added_is_fresh() {
    let stage = Stage::plain().await;
    stage.write(&before(), &[event("a", json!({"o": {"x": 1}}))]).await.unwrap();
    stage.fake.tables.set_schema_lag(LAG);
    let other = Writer::new(stage.settings.clone(), Rest::new(&stage.settings));
    other.open(&after()).await.unwrap();
    only_rows_that_have_it_wait(&stage, &stage.writer, &after()).await;
    assert_eq!(stage.writer.sent_in_doubt(), 0);
}

/// Nobody knows how old a column is that is there when a process starts.
#[tokio::test]
async fn a_column_of_unknown_age_holds_up_rows_that_have_it_only() {
    let stage = Stage::plain().await;
    stage.write(&before(), &[event("a", json!({"o": {"x": 1}}))]).await.unwrap();
    stage.fake.tables.set_schema_lag(LAG);
    stage.writer.open(&after()).await.unwrap();
    let started = Writer::new(stage.settings.clone(), Rest::new(&stage.settings));
    only_rows_that_have_it_wait(&stage, &started, &after()).await;
    // It is known by now.
    let written = write(&started, &after(), &[event("b", json!({"o": {"y": 2}}))], PATIENCE).await;
    assert_eq!(written.unwrap().stored, [0]);
}

#[tokio::test]
async fn a_bad_row_is_found_where_the_refusal_names_none() {
    let stage = Stage::plain().await;
    stage.fake.storage.refuse_requests_with("poison");
    let target = target(json!({"s": {"type": "string"}}));
    let poison = |id: usize| event(&id.to_string(), json!({"s": "poison"}));

    // Nothing says that it is the rows' fault.
    let bad: Vec<_> = (0..3).map(poison).collect();
    for events in [&bad[..], &bad[..1]] {
        let error = stage.write(&target, events).await.unwrap_err();
        let is_refusal = matches!(&error, Error::Append { code: Code::InvalidArgument, .. });
        assert!(is_refusal, "{error}");
    }
    assert!(stage.rows().is_empty());

    let is_bad = |id: usize| id == 17 || id == 30;
    let events: Vec<_> = (0..50)
        .map(|id| if is_bad(id) { poison(id) } else { event(&id.to_string(), json!({"s": "s"})) })
        .collect();
    let requests = || stage.fake.storage.counts().requests.load(Ordering::Relaxed);
    let requests_before = requests();
    let written = stage.write(&target, &events).await.unwrap();
    let mut refused: Vec<_> = written.refused.iter().map(|(place, _)| *place).collect();
    refused.sort_unstable();
    assert_eq!((refused, written.stored.len()), (vec![17, 30], 48));
    assert_eq!(written.refused[0].1.text, "BigQuery refuses it: a row is not as it should be");
    assert_eq!(stage.rows().len(), 48);
    let sent = requests() - requests_before;
    assert!(sent < 30, "{sent} requests");
    // The table takes rows of the type: it is this one's fault.
    let written = stage.write(&target, &[poison(60)]).await.unwrap();
    assert_eq!((written.refused.len(), stage.rows().len()), (1, 48));
    assert_eq!(stage.writer.sent_in_doubt(), 0);
}

#[tokio::test]
async fn answers_may_be_large() {
    let stage = Stage::plain().await;
    stage.fake.storage.refuse_rows_in_words("poison", &"x".repeat(1 << 20));
    let poison = |place: usize| event(&place.to_string(), json!({"s": "poison"}));
    let mut events: Vec<_> = (0..8).map(poison).collect();
    events.push(event("good", json!({"s": "s"})));
    let target = target(json!({"s": {"type": "string"}}));
    let written = stage.write(&target, &events).await.unwrap();
    assert_eq!((written.stored, written.refused.len()), (vec![8], 8));
    assert_eq!(stage.ids(), ["good"]);
}

#[tokio::test]
async fn refusals_that_pass_are_waited_for_where_tables_are_asked_for() {
    let stage = Stage::plain().await;
    let too_much = Refusal::new(429, "rateLimitExceeded", "slow down");
    for (refusal, target) in [(&unavailable(), before()), (&too_much, after())] {
        stage.fake.rest.refuse(1, refusal);
        stage.writer.open(&target).await.unwrap();
    }
    stage.fake.rest.refuse(4, &unavailable());
    let other = Target { table: table_id(Uuid::from_u128(8)), ..before() };
    let error = stage.writer.open(&other).await.unwrap_err();
    assert!(matches!(&error, Error::Refused { status: 503, .. }), "{error}");
    stage.writer.open(&other).await.unwrap();
}

#[tokio::test]
async fn a_table_that_was_just_made_is_waited_for() {
    for write_method in [WriteMethod::Storage, WriteMethod::InsertAll] {
        let stage = Stage::set(|settings, _| settings.write_method = write_method).await;
        stage.fake.tables.set_table_lag(LAG);
        stage.write(&before(), &[event("a", json!({}))]).await.unwrap();
        assert_eq!(stage.ids(), ["a"], "{write_method:?}");
    }
}

#[tokio::test]
async fn a_table_that_takes_no_rows_is_in_no_other_ones_way() {
    let stage = Stage::plain().await;
    let other = Target { table: table_id(Uuid::from_u128(8)), ..before() };
    stage.fake.tables.deny("bigquery.tables.updateData", &table_id(SOURCE));
    let a = [event("a", json!({}))];
    let denied = before();
    let (refused, written) = tokio::join!(stage.write(&denied, &a), stage.write(&other, &a));
    let error = refused.unwrap_err();
    assert!(matches!(&error, Error::Append { code: Code::PermissionDenied, .. }), "{error}");
    assert!(!error.is_unavailable());
    assert_eq!(written.unwrap().stored, [0]);
    assert!(!stage.fake.rows(Uuid::from_u128(8)).is_empty());
}

#[tokio::test]
async fn a_table_is_sorted_by_the_sources_fields_where_it_is_made() {
    let stage = Stage::plain().await;
    let wanted = ["project", "nothing", "timestamp"].map(str::to_owned).to_vec();
    let target = Target { clustering: wanted, ..target(json!({"project": {"type": "string"}})) };
    stage.writer.open(&target).await.unwrap();
    let table = stage.fake.tables.table(DATASET, &table_id(SOURCE)).unwrap();
    assert_eq!(table["clustering"]["fields"], json!(["project", "timestamp"]));
}

/// The check changes its table, and does not wait for BigQuery to know of that.
#[tokio::test]
async fn a_check_does_not_wait_for_its_own_change() {
    let stage = Stage::plain().await;
    stage.fake.tables.set_schema_lag(Duration::from_secs(600));
    let none = Answer::rows(&[("one", ColumnType::Integer)], &[]);
    stage.fake.rest.answer("SELECT", none);
    let checked = tokio::time::timeout(PATIENCE, check(&stage.settings)).await.unwrap();
    for what in ["bigquery.tables.updateData", "bigquery.tables.update"] {
        let found = checked.iter().find(|finding| finding.what == what).unwrap();
        assert_eq!(found.outcome, Outcome::Fine, "{what}");
    }
}
