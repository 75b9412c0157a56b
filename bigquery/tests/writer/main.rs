//! The writer against a stand-in for BigQuery that refuses what the real one refuses.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by it")]

mod trouble;

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use bigquery::{
    AsText, ColumnType, Credentials, Error, Mode, Progress, Rest, Retry, Settings, StorageFault,
    Target, WriteMethod, Writer, table_id,
};
use end_to_end::{
    fake_bigquery::{
        rest::PROJECT,
        services::{DATASET, FakeBigQuery},
        storage::Fault,
        tables::{Refusal, Row},
    },
    program::eventually,
};
use event_schemas::TableSchema;
use serde_json::{Value, json};
use tonic::Code;
use uuid::Uuid;

const SOURCE: Uuid = Uuid::from_u128(7);

/// Longest wait for whatever is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

struct Stage {
    fake: FakeBigQuery,
    writer: Writer,
    settings: Settings,
}

impl Stage {
    async fn set(change: impl FnOnce(&mut Settings, &FakeBigQuery)) -> Self {
        let fake = FakeBigQuery::start().await;
        let mut settings = Settings {
            project: PROJECT.to_owned(),
            dataset: DATASET.to_owned(),
            location: "EU".to_owned(),
            credentials: Credentials::none(),
            rest_url: fake.rest.url().parse().unwrap(),
            storage_url: fake.storage.url().parse().unwrap(),
            write_method: WriteMethod::Storage,
            append_streams: 1,
            maximum_bytes_billed: None,
        };
        change(&mut settings, &fake);
        let rest = Rest::new(&settings);
        rest.create_dataset().await.unwrap();
        Self { fake, writer: Writer::new(settings.clone(), rest), settings }
    }

    async fn plain() -> Self {
        Self::set(|_, _| {}).await
    }

    /// Opens the table, and appends events; gives those that are refused.
    async fn write(&self, target: &Target, events: &[Value]) -> Result<Progress, Error> {
        write(&self.writer, target, events, PATIENCE).await
    }

    fn rows(&self) -> Vec<Row> {
        self.fake.rows(SOURCE)
    }

    /// The ids of the rows, in their order.
    fn ids(&self) -> Vec<String> {
        let id = |row: &Row| row["id"].as_str().unwrap().to_owned();
        self.rows().iter().map(id).collect()
    }
}

async fn write(
    writer: &Writer,
    target: &Target,
    events: &[Value],
    patience: Duration,
) -> Result<Progress, Error> {
    let table = writer.open(target).await?;
    let bodies: Vec<_> = events.iter().map(Value::to_string).collect();
    let mut rows = writer.encode(&table, bodies.iter().map(String::as_str));
    let mut progress = Progress::default();
    progress.refused.append(&mut rows.refused);
    writer.append(&table, rows, Instant::now() + patience, &mut progress).await?;
    Ok(progress)
}

fn target(properties: Value) -> Target {
    let schema = json!({"type": "object", "properties": properties});
    Target {
        table: table_id(SOURCE),
        schema: Arc::new(TableSchema::from_json_schema(&schema).unwrap()),
        as_text: AsText::new(),
        retention_days: None,
        clustering: Vec::new(),
    }
}

fn event(id: &str, others: Value) -> Value {
    let mut event = json!({"id": id, "timestamp": 1_795_176_000_000_000_i64, "event_message": "m"});
    for (name, value) in others.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

fn number() -> Value {
    json!({"type": "integer"})
}

#[tokio::test]
async fn a_table_is_made_as_logflare_makes_it() {
    let stage = Stage::plain().await;
    let metadata = json!({"type": "object", "properties": {"n": number()}});
    let target = Target { retention_days: Some(3), ..target(json!({ "metadata": metadata })) };
    let written = stage.write(&target, &[event("a", json!({"metadata": {"n": 5}}))]).await.unwrap();
    assert_eq!(written, Progress { stored: vec![0], refused: Vec::new() });
    let expected = json!([{
        "id": "a", "timestamp": 1_795_176_000_000_000_i64, "event_message": "m",
        "metadata": [{"n": 5}]
    }]);
    assert_eq!(json!(stage.rows()), expected);
    let table = stage.fake.tables.table(DATASET, &table_id(SOURCE)).unwrap();
    assert_eq!(table["timePartitioning"]["type"], "DAY");
    assert_eq!(table["timePartitioning"]["field"], "timestamp");
    assert_eq!(table["timePartitioning"]["expirationMs"], (3 * 86_400_000_u64).to_string());
    assert_eq!(table["clustering"]["fields"], json!(["timestamp"]));
    assert_eq!(table["requirePartitionFilter"], true);
    assert_eq!(table["labels"]["managed_by"], "logflare");

    let longer = Target { retention_days: Some(9), ..target };
    stage.write(&longer, &[]).await.unwrap();
    let table = stage.fake.tables.table(DATASET, &table_id(SOURCE)).unwrap();
    assert_eq!(table["timePartitioning"]["expirationMs"], (9 * 86_400_000_u64).to_string());
}

#[tokio::test]
async fn a_stream_stays_open_and_says_once_what_its_rows_are() {
    let stage = Stage::plain().await;
    let target = target(json!({}));
    for place in 0..20 {
        stage.write(&target, &[event(&place.to_string(), json!({}))]).await.unwrap();
    }
    assert_eq!(stage.rows().len(), 20);
    let counts = stage.fake.storage.counts();
    let counted = [&counts.streams, &counts.requests, &counts.schemas];
    assert_eq!(counted.map(|count| count.load(Ordering::Relaxed)), [1, 20, 1]);

    // Tables share it: each time it says for which.
    let other = Target { table: table_id(Uuid::from_u128(8)), ..target.clone() };
    for target in [&other, &target, &other] {
        stage.write(target, &[event("x", json!({}))]).await.unwrap();
    }
    assert_eq!(stage.rows().len(), 21);
    assert_eq!(stage.fake.rows(Uuid::from_u128(8)).len(), 2);
    let counted = [&counts.streams, &counts.requests, &counts.schemas];
    assert_eq!(counted.map(|count| count.load(Ordering::Relaxed)), [1, 23, 4]);
}

#[tokio::test]
async fn columns_are_added_before_the_first_row_that_has_them() {
    let stage = Stage::plain().await;
    let before = target(json!({"a": number()}));
    stage.write(&before, &[event("a", json!({"a": 1}))]).await.unwrap();
    let nested = |more: Value| json!({"type": "object", "properties": more});
    let after = target(json!({"a": number(), "o": nested(json!({"x": number()}))}));
    stage.write(&after, &[event("b", json!({"o": {"x": 1}}))]).await.unwrap();
    let deeper = json!({"x": number(), "y": nested(json!({"z": {"type": "string"}}))});
    let after = target(json!({"a": number(), "o": nested(deeper)}));
    stage.write(&after, &[event("c", json!({"o": [{"x": 1}, {"y": {"z": "s"}}]}))]).await.unwrap();
    assert_eq!(stage.rows()[2]["o"], json!([{"x": 1}, {"y": [{"z": "s"}]}]));
    assert_eq!(stage.fake.tables.patches(DATASET, &table_id(SOURCE)), 2);
    // Who knows less writes to it as well.
    stage.write(&before, &[event("d", json!({"a": 2}))]).await.unwrap();
    assert_eq!(stage.ids(), ["a", "b", "c", "d"]);
}

/// Two processes add columns, each without knowing of the other.
#[tokio::test]
async fn columns_that_others_have_added_are_kept() {
    let stage = Stage::plain().await;
    let other = Writer::new(stage.settings.clone(), Rest::new(&stage.settings));
    let one = target(json!({"a": number()}));
    stage.writer.open(&one).await.unwrap();
    other.open(&target(json!({"a": number(), "b": number()}))).await.unwrap();
    let mine = target(json!({"a": number(), "c": number()}));
    stage.write(&mine, &[event("a", json!({"c": 3}))]).await.unwrap();
    let schema = stage.fake.tables.schema(DATASET, &table_id(SOURCE)).unwrap();
    let names: Vec<_> = schema.fields.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["timestamp", "id", "event_message", "a", "b", "c"]);
    assert_eq!(stage.rows()[0]["c"], 3);
}

/// An existing table is used as it is.
#[tokio::test]
async fn values_follow_the_columns_that_are_there() {
    let stage = Stage::plain().await;
    let column =
        |name: &str, kind: &str, mode: &str| json!({"name": name, "type": kind, "mode": mode});
    let table = json!({
        "tableReference": {"projectId": PROJECT, "datasetId": DATASET, "tableId": table_id(SOURCE)},
        "schema": {"fields": [
            column("timestamp", "TIMESTAMP", "REQUIRED"),
            column("id", "STRING", "NULLABLE"),
            column("event_message", "STRING", "NULLABLE"),
            column("N", "FLOAT64", "NULLABLE"),
            column("day", "DATE", "NULLABLE"),
        ]}
    });
    stage.fake.tables.insert_table(DATASET, table).unwrap();
    let target = target(json!({"n": number(), "day": {"type": "string"}}));
    let events = [
        event("a", json!({"n": 1, "day": "1970-01-02"})),
        event("b", json!({"n": "2.5"})),
        event("c", json!({"n": 1, "day": "tomorrow"})),
    ];
    let written = stage.write(&target, &events).await.unwrap();
    assert_eq!(written.stored, [0, 1]);
    let (place, misfit) = &written.refused[0];
    assert_eq!((*place, misfit.path.as_str()), (2, "day"));
    assert_eq!(misfit.text, "the column holds a date (DATE), this is \"tomorrow\"");
    let rows = stage.rows();
    assert_eq!((&rows[0]["N"], &rows[0]["day"]), (&json!(1.0), &json!("1970-01-02")));
    assert_eq!(rows[1]["N"], 2.5);
    let schema = stage.fake.tables.schema(DATASET, &table_id(SOURCE)).unwrap();
    assert_eq!(schema.fields.len(), 5);
    assert_eq!((schema.fields[3].kind, schema.fields[3].mode), (ColumnType::Float, Mode::Nullable));
}

#[tokio::test]
async fn rows_that_are_refused_do_not_harm_their_neighbours() {
    let stage = Stage::plain().await;
    stage.fake.storage.refuse_rows_with("poison");
    let target = target(json!({"s": {"type": "string"}}));
    let events = [
        event("a", json!({"s": "good"})),
        event("b", json!({"s": "poison"})),
        event("c", json!({})),
        event("d", json!({"s": "more poison"})),
    ];
    let written = stage.write(&target, &events).await.unwrap();
    assert_eq!(stage.ids(), ["a", "c"]);
    assert_eq!(written.stored, [0, 2]);
    let refused: Vec<_> = written.refused.iter().map(|(place, _)| *place).collect();
    assert_eq!(refused, [1, 3]);
    assert_eq!(written.refused[0].1.text, "BigQuery refuses it: as it was told to");
    assert_eq!(stage.writer.sent_in_doubt(), 0);
}

#[tokio::test]
async fn what_passes_is_waited_for() {
    let stage = Stage::plain().await;
    let target = target(json!({}));
    let storage = &stage.fake.storage;
    for (place, fault) in [
        Fault::Answer(Code::Unavailable),
        Fault::Answer(Code::ResourceExhausted),
        Fault::Answer(Code::Internal),
        Fault::End(Code::Unavailable),
        Fault::End(Code::Aborted),
    ]
    .into_iter()
    .enumerate()
    {
        storage.fail_next([fault]);
        let id = place.to_string();
        stage.write(&target, &[event(&id, json!({}))]).await.unwrap();
        assert_eq!(storage.faults_left(), 0);
        assert_eq!(stage.ids().last(), Some(&id));
        assert_eq!(stage.rows().len(), place + 1, "{fault:?}");
    }
}

#[tokio::test]
async fn what_does_not_pass_is_told_at_once() {
    let stage = Stage::plain().await;
    let target = target(json!({}));
    for code in [Code::PermissionDenied, Code::FailedPrecondition, Code::InvalidArgument] {
        stage.fake.storage.fail_next([Fault::Answer(code)]);
        let error = stage.write(&target, &[event("a", json!({}))]).await.unwrap_err();
        assert!(matches!(&error, Error::Append { code: found, .. } if *found == code), "{error}");
        assert_eq!(error.retry(), Retry::Never);
    }
    assert!(stage.rows().is_empty());
}

/// Nobody can know whether they were stored: they are counted.
#[tokio::test]
async fn rows_whose_answer_is_lost_are_sent_again_and_counted() {
    let stage = Stage::plain().await;
    stage.fake.storage.fail_next([Fault::EndAfterStoring(Code::Unavailable)]);
    let events = [event("a", json!({})), event("b", json!({}))];
    stage.write(&target(json!({})), &events).await.unwrap();
    assert_eq!(stage.ids(), ["a", "b", "a", "b"]);
    assert_eq!(stage.writer.sent_in_doubt(), 2);
}

#[tokio::test]
async fn a_server_that_goes_away_is_left_without_loss() {
    let stage = Stage::plain().await;
    let target = target(json!({}));
    let storage = &stage.fake.storage;
    for place in 0..6 {
        let id = place.to_string();
        stage.write(&target, &[event(&id, json!({}))]).await.unwrap();
        if place % 2 == 0 {
            storage.go_away();
        }
    }
    let mut ids = stage.ids();
    ids.dedup();
    assert_eq!(ids, ["0", "1", "2", "3", "4", "5"]);
    assert!(storage.counts().streams.load(Ordering::Relaxed) >= 4);
}

#[tokio::test]
async fn a_service_that_is_away_is_waited_for_until_the_deadline() {
    let stage = Stage::plain().await;
    let target = target(json!({}));
    stage.write(&target, &[event("a", json!({}))]).await.unwrap();
    stage.fake.storage.set_away(true);
    let table = stage.writer.open(&target).await.unwrap();
    let body = event("b", json!({})).to_string();
    let append = async |patience: Duration| {
        let rows = stage.writer.encode(&table, [body.as_str()]);
        let mut progress = Progress::default();
        stage.writer.append(&table, rows, Instant::now() + patience, &mut progress).await
    };
    let error = append(Duration::from_millis(500)).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    let turned_away = &stage.fake.storage.counts().turned_away;
    let before = turned_away.load(Ordering::Relaxed);
    let back = async {
        let tried = async || turned_away.load(Ordering::Relaxed) > before;
        eventually("it is tried", tried).await;
        stage.fake.storage.set_away(false);
    };
    let (appended, ()) = tokio::join!(append(PATIENCE), back);
    appended.unwrap();
    assert_eq!(stage.ids(), ["a", "b"]);
}

#[tokio::test]
async fn a_token_that_ended_is_renewed() {
    let stage = Stage::set(|settings, fake| {
        fake.rest.ask_for_token();
        settings.credentials = Credentials::of_key(&fake.rest.key()).unwrap();
    })
    .await;
    let target = target(json!({}));
    let token = stage.settings.credentials.bearer().await.unwrap().unwrap();
    stage.fake.storage.set_token(&token);
    stage.write(&target, &[event("a", json!({}))]).await.unwrap();
    // The one that comes next is another one, and the stream with the old one ends.
    stage.fake.rest.end_tokens();
    stage.settings.credentials.renew().await;
    let next = stage.settings.credentials.bearer().await.unwrap().unwrap();
    assert_ne!(token, next);
    stage.fake.storage.set_token(&next);
    stage.fake.storage.go_away();
    stage.write(&target, &[event("b", json!({}))]).await.unwrap();
    assert_eq!(stage.ids(), ["a", "b"]);
}

#[tokio::test]
async fn new_columns_are_waited_for_and_hold_up_nobody_else() {
    let stage = Stage::plain().await;
    let before = target(json!({"a": number()}));
    stage.write(&before, &[event("a", json!({"a": 1}))]).await.unwrap();
    let lag = Duration::from_secs(2);
    stage.fake.tables.set_schema_lag(lag);
    let nested = json!({"type": "object", "properties": {"x": number()}});
    let after = target(json!({"a": number(), "o": nested}));
    let begun = Instant::now();
    let others = async {
        stage.writer.open(&after).await.unwrap();
        stage.write(&after, &[event("c", json!({"a": 2}))]).await.unwrap();
        begun.elapsed()
    };
    let together = [event("b", json!({"o": {"x": 1}})), event("d", json!({"a": 3}))];
    let neighbour = async {
        let is_there = async || stage.ids().contains(&"d".to_owned());
        eventually("what has no new column is stored", is_there).await;
        begun.elapsed()
    };
    let (written, of_others, of_neighbour) =
        tokio::join!(stage.write(&after, &together), others, neighbour);
    assert_eq!(written.unwrap(), Progress { stored: vec![1, 0], refused: Vec::new() });
    assert!(begun.elapsed() >= lag);
    assert!(of_others < lag, "{of_others:?}");
    assert!(of_neighbour < lag, "{of_neighbour:?}");
    assert_eq!(stage.ids().last().map(String::as_str), Some("b"));
    assert_eq!(stage.ids().len(), 4);
    assert!(stage.fake.storage.counts().too_early.load(Ordering::Relaxed) >= 1);
    assert_eq!(stage.writer.sent_in_doubt(), 0);
}

#[tokio::test]
async fn a_column_that_somebody_took_away_comes_back() {
    let stage = Stage::plain().await;
    let target = target(json!({"a": number()}));
    stage.write(&target, &[event("a", json!({"a": 1}))]).await.unwrap();
    let table = table_id(SOURCE);
    let mut resource = stage.fake.tables.table(DATASET, &table).unwrap();
    resource["schema"]["fields"].as_array_mut().unwrap().pop();
    stage.fake.tables.delete_table(DATASET, &table).unwrap();
    stage.fake.tables.insert_table(DATASET, resource).unwrap();
    let open = stage.writer.open(&target).await.unwrap();
    let body = event("b", json!({"a": 2})).to_string();
    let rows = stage.writer.encode(&open, [body.as_str()]);
    let deadline = Instant::now() + Duration::from_millis(300);
    let error = stage.writer.append(&open, rows, deadline, &mut Progress::default()).await;
    let is_extra = |error: &Error| {
        matches!(error, Error::Append { fault: Some(StorageFault::ExtraFields), .. })
    };
    assert!(error.as_ref().is_err_and(is_extra), "{error:?}");
    stage.write(&target, &[event("b", json!({"a": 2}))]).await.unwrap();
    assert_eq!(stage.rows()[0]["a"], 2);
}

#[tokio::test]
async fn a_table_that_somebody_removed_is_made_anew() {
    let stage = Stage::plain().await;
    let target = target(json!({}));
    stage.write(&target, &[event("a", json!({}))]).await.unwrap();
    stage.fake.tables.delete_table(DATASET, &table_id(SOURCE)).unwrap();
    let error = stage.write(&target, &[event("b", json!({}))]).await.unwrap_err();
    assert!(matches!(error, Error::Append { code: Code::NotFound, .. }), "{error}");
    stage.write(&target, &[event("b", json!({}))]).await.unwrap();
    assert_eq!(stage.ids(), ["b"]);
}

#[tokio::test]
async fn large_groups_are_several_requests() {
    let stage = Stage::plain().await;
    let text = "x".repeat(1 << 20);
    let events: Vec<_> =
        (0..25).map(|place| event(&place.to_string(), json!({ "s": text }))).collect();
    let written = stage.write(&target(json!({"s": {"type": "string"}})), &events).await.unwrap();
    assert_eq!(written.stored.len(), 25);
    assert_eq!(stage.rows().len(), 25);
    assert_eq!(stage.fake.storage.counts().requests.load(Ordering::Relaxed), 4);

    let huge = event("huge", json!({"s": "x".repeat(10 << 20)}));
    let written = stage
        .write(&target(json!({"s": {"type": "string"}})), &[huge, event("n", json!({}))])
        .await;
    let written = written.unwrap();
    assert_eq!(written.stored, [1]);
    assert!(written.refused[0].1.text.contains("BigQuery takes 9437184"), "{written:?}");
}

#[tokio::test]
async fn rows_go_by_insert_all_where_grpc_is_blocked() {
    let stage = Stage::set(|settings, _| settings.write_method = WriteMethod::InsertAll).await;
    stage.fake.storage.set_away(true);
    let metadata = json!({"type": "object", "properties": {"n": number()}});
    let target = target(
        json!({"metadata": metadata, "tags": {"type": "array", "items": {"type": "string"}}}),
    );
    let mut events: Vec<_> =
        (0..700).map(|n| event(&n.to_string(), json!({"metadata": {"n": n}}))).collect();
    events.push(event("bad", json!({"metadata": {"n": "x"}, "tags": ["a"]})));
    events.push(event(
        "good",
        json!({"metadata": {"n": 9_007_199_254_740_993_i64}, "tags": ["a", "b"]}),
    ));
    let written = stage.write(&target, &events).await.unwrap();
    assert_eq!((written.stored.len(), written.refused.len()), (701, 1));
    let rows = stage.rows();
    assert_eq!(rows.len(), 701);
    let last = rows.iter().find(|row| row["id"] == "good").unwrap();
    assert_eq!(last["tags"], json!(["a", "b"]));
    assert_eq!(last["timestamp"], 1_795_176_000_000_000_i64);
    assert_eq!(last["metadata"], json!([{"n": 9_007_199_254_740_993_i64}]));
    stage.fake.rest.refuse(2, &Refusal::new(503, "backendError", "try again"));
    stage.write(&target, &[event("later", json!({}))]).await.unwrap();
    assert_eq!(stage.rows().len(), 702);
}
