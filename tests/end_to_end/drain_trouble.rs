//! What becomes of ingest, of rules and of other drains while a receiver, a disk or a table is in
//! trouble.

use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use end_to_end::{
    figures::Figures,
    postgres::TestCluster,
    program::{Program, eventually, free_port, within},
    receiver::{Receiver, Reply, messages},
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::{
    drains::{attached, event, figure, ids, made, source, text},
    program,
};

const DROPPED: &str = "logweir_drain_events_dropped_total";

fn hook(url: String) -> Value {
    json!({ "url": url, "http": "http1" })
}

/// Logs an event; gives how many milliseconds the answer took.
async fn timed(program: &Program, source: &str, message: &str) -> f64 {
    let start = Instant::now();
    program.log(source, &event(message)).await;
    start.elapsed().as_secs_f64() * 1e3
}

/// `median and 95 of 100`
fn shown(figures: &Figures) -> String {
    format!("{:.1} and {:.1}", figures.median(), figures.quantile(0.95))
}

#[tokio::test(flavor = "multi_thread")]
async fn receivers_that_are_away_slow_or_failing_hold_up_nobody_and_lose_nothing() {
    const MINUTE: Duration = Duration::from_secs(60);
    let program = program().await;
    let (app, healthy) = (source(&program, "app").await, source(&program, "healthy").await);
    source(&program, "alone").await;
    let away_at = free_port();
    let good = Receiver::willing().await;
    let slow =
        Receiver::start(|_, _| Reply { after: Duration::from_secs(3), ..Reply::status(200) }).await;
    let failing = Receiver::start(|_, before| match before {
        0 => Reply::status(500),
        1 => Reply { headers: "retry-after: 1\r\n", ..Reply::status(429) },
        2 => Reply::status(408),
        _ => Reply::status(200),
    })
    .await;
    attached(&program, &app, "webhook", hook(good.url("/"))).await;
    let slow_backend = attached(&program, &app, "webhook", hook(slow.url("/"))).await;
    let away = hook(format!("http://127.0.0.1:{away_at}/"));
    let away_backend = attached(&program, &app, "webhook", away).await;
    let failing_backend = attached(&program, &app, "webhook", hook(failing.url("/"))).await;
    // As many drains whose receivers are well: they cost as much on the disk.
    let mut well = Vec::new();
    for _ in 0..4 {
        let receiver = Receiver::willing().await;
        attached(&program, &healthy, "webhook", hook(receiver.url("/"))).await;
        well.push(receiver);
    }

    let [mut troubled, mut healthy, mut without] = [const { Figures::new() }; 3];
    let expected: Vec<_> = (0..200).map(|number| format!("event {number:03}")).collect();
    let began = Instant::now();
    for message in &expected {
        for (source, figures) in
            [("app", &mut troubled), ("healthy", &mut healthy), ("alone", &mut without)]
        {
            figures.push(timed(&program, source, message).await);
        }
    }
    let sent = Instant::now();
    println!(
        "answers in ms, median and 95 of 100: {} with a dead, a slow, a failing and a good drain; {} \
         with four good ones; {} without",
        shown(&troubled),
        shown(&healthy),
        shown(&without)
    );
    assert!(troubled.median() < 1.5 * healthy.median() + 5.0, "they hold up ingest");
    assert!(troubled.quantile(0.95) < 2.0 * healthy.quantile(0.95) + 20.0, "they hold up ingest");
    // The others hold up the good one as little.
    eventually("the good one has all", async || good.messages().len() == expected.len()).await;
    let (after, of_well) = (sent.elapsed(), &well[0]);
    eventually("those of the others too", async || of_well.messages().len() == expected.len())
        .await;
    println!(
        "all had arrived {after:?} after the last was sent beside those in trouble, {:?} beside good \
         ones",
        sent.elapsed()
    );
    assert!(after < Duration::from_secs(5), "they hold up the good drain");
    assert_eq!(good.messages(), expected);
    let waiting = figure(&program, "logweir_drain_queue_records", &away_backend, "").await;
    assert_eq!(waiting, 200.0);
    assert!(figure(&program, "logweir_drain_queue_age_seconds", &away_backend, "").await > 0.0);

    within(MINUTE, "a minute is over", async || began.elapsed() >= MINUTE).await;
    let back = Receiver::start_at(away_at, |_, _| Reply::status(200)).await;
    let back_since = Instant::now();
    // A retry after a time-out may bring events twice, but here nothing timed out.
    within(MINUTE, "all have all", async || {
        let failed = failing.received().into_iter().skip(3).map(|one| messages(&one).len());
        let failed: usize = failed.sum();
        (back.messages().len(), slow.messages().len(), failed) == (200, 200, 200)
    })
    .await;
    println!(
        "the one that was away for a minute had all {:?} after it was back",
        back_since.elapsed()
    );
    assert_eq!(back.messages(), expected);
    assert_eq!(slow.messages(), expected);
    for (backend, failed) in [(&failing_backend, 3.0), (&slow_backend, 0.0)] {
        eventually("it is counted", async || {
            figure(&program, "logweir_drain_events_delivered_total", backend, "").await == 200.0
        })
        .await;
        let counted = figure(&program, "logweir_drain_requests_failed_total", backend, "").await;
        assert_eq!(counted, failed);
        let counted = figure(&program, "logweir_drain_requests_retried_total", backend, "").await;
        assert_eq!(counted, failed);
    }
}

/// A folder for a program's data, gone in the end.
struct DataDir(PathBuf);

impl DataDir {
    fn new(name: &str) -> Self {
        let name = format!("logweir-{name}-{}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn text(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }

    /// The folder of a backend's drain.
    fn drain(&self, backend: &Value) -> PathBuf {
        self.0.join("drains").join(text(&backend["token"]))
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn program_in(folder: &DataDir, more: &[(&str, &str)]) -> Program {
    let database = TestCluster::shared().database().await;
    let own = [("POSTGRES_BACKEND_URL", database.as_str()), ("LOGWEIR_DATA_DIR", folder.text())];
    let program = Program::start(&["serve"], &[&own[..], more].concat());
    program.ready().await;
    program
}

#[tokio::test]
async fn an_event_at_which_a_receiver_breaks_holds_up_no_other() {
    let folder = DataDir::new("poison");
    let program = program_in(&folder, &[]).await;
    let app = source(&program, "app").await;
    let fragile = Receiver::start(|received, _| {
        let breaks = received.text().contains("poison");
        if breaks { Reply::status(500).body("broken") } else { Reply::status(200) }
    })
    .await;
    let backend = attached(&program, &app, "webhook", hook(fragile.url("/"))).await;
    let first: Vec<_> =
        ["one", "poison", "two"].map(|text| json!({ "event_message": text })).into();
    program.log("app", &json!(first)).await;
    let mut expected = vec!["one".to_owned(), "two".to_owned()];
    let begun = Instant::now();
    within(Duration::from_secs(120), "it is put aside, while others arrive", async || {
        let message = format!("later {}", expected.len());
        program.log("app", &event(&message)).await;
        expected.push(message);
        figure(&program, DROPPED, &backend, ",reason=\"failing\"").await == 1.0
    })
    .await;
    println!("an event at which the receiver breaks was put aside after {:?}", begun.elapsed());
    eventually("all others arrive", async || {
        let taken = fragile.received().into_iter().filter(|one| !one.text().contains("poison"));
        taken.map(|one| messages(&one).len()).sum::<usize>() == expected.len()
    })
    .await;
    let aside = std::fs::read_to_string(folder.drain(&backend).join("put-aside.ndjson"));
    let aside: Value = aside.expect("it is there").parse().expect("one line of JSON");
    assert_eq!(aside["event"]["event_message"], "poison");
    assert_eq!(aside["reason"], "status 500: broken");
    eventually("nothing waits", async || {
        figure(&program, "logweir_drain_queue_records", &backend, "").await == 0.0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_hangs_delays_neither_ingest_nor_other_drains() {
    let folder = DataDir::new("hanging-disk");
    let mut program = program_in(&folder, &[]).await;
    let app = source(&program, "app").await;
    let (good, other) = (Receiver::willing().await, Receiver::willing().await);
    attached(&program, &app, "webhook", hook(good.url("/"))).await;
    let hanging = attached(&program, &app, "webhook", hook(other.url("/"))).await;
    let lock = folder.drain(&hanging).join("lock");
    eventually("the drain is opened", async || lock.exists()).await;
    program.kill();
    // Whoever opens it waits until somebody reads it: as on a disk that does not answer.
    std::fs::remove_file(&lock).expect("it is there");
    let made = Command::new("mkfifo").arg(&lock).status().expect("mkfifo can be run");
    assert!(made.success());
    program.restart();
    program.ready().await;

    let first = timed(&program, "app", "event 00").await;
    let mut later = Figures::default();
    for number in 1..30 {
        later.push(timed(&program, "app", &format!("event {number:02}")).await);
    }
    println!("answers in ms: {first:.0}, and then {} while a drain's disk hangs", shown(&later));
    assert!(first < 6_000.0, "{first} ms");
    assert!(later.quantile(0.95) < 1_000.0, "{}", shown(&later));
    let expected: Vec<_> = (0..30).map(|number| format!("event {number:02}")).collect();
    eventually("the other drain has all", async || good.messages().len() == 30).await;
    assert_eq!(good.messages(), expected);
    assert_eq!(other.messages(), Vec::<String>::new());
    // The disk answers again, and nothing was lost.
    let opening = tokio::task::spawn_blocking(move || std::fs::File::open(lock));
    opening.await.expect("it ends").expect("it is there");
    eventually("it has all", async || other.messages().len() == 30).await;
    let mut arrived = other.messages();
    arrived.sort_unstable();
    assert_eq!(arrived, expected);
    assert_eq!(figure(&program, DROPPED, &hanging, ",reason=\"full\"").await, 0.0);
}

#[tokio::test]
async fn all_queues_together_are_bounded_and_each_has_a_part() {
    let folder = DataDir::new("bounded");
    let settings =
        [("LOGWEIR_DRAIN_MAX_BYTES", "4194304"), ("LOGWEIR_ALL_DRAINS_MAX_BYTES", "2097152")];
    let program = program_in(&folder, &settings).await;
    let away = hook(format!("http://127.0.0.1:{}/", free_port()));
    let mut backends = Vec::new();
    for name in ["first", "second"] {
        let source = source(&program, name).await;
        backends.push(attached(&program, &source, "webhook", away.clone()).await);
    }
    let mut waiting = Vec::new();
    for (name, backend) in ["first", "second"].iter().zip(&backends) {
        for _ in 0..25 {
            program.log(name, &event(&"x".repeat(100_000))).await;
        }
        let dropped = figure(&program, DROPPED, backend, ",reason=\"full\"").await;
        let records = figure(&program, "logweir_drain_queue_records", backend, "").await;
        assert_eq!(dropped + records, 25.0, "{name}");
        waiting.push(records);
    }
    // Three quarters for the first, and the quarter that is kept for the second.
    assert_eq!(waiting, [15.0, 5.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_takes_nothing_holds_up_no_source_that_a_rule_copies_from() {
    let program = program().await;
    let (from, to) = (source(&program, "from").await, source(&program, "to").await);
    let rule = json!({ "source_id": from["id"], "lql_string": "event", "sink": to["token"] });
    made(&program, "/api/rules", rule).await;
    program.log("from", &event("event of before")).await;
    let mut postgres = PgConnection::connect(program.database()).await.expect("it is there");
    let table = format!("log_events_{}", text(&to["token"]).replace('-', "_"));
    let lock = format!("begin; lock table {table} in access exclusive mode");
    sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut postgres).await.expect("it is locked");

    let first = timed(&program, "from", "event 00").await;
    let mut later = Figures::default();
    for number in 1..30 {
        later.push(timed(&program, "from", &format!("event {number:02}")).await);
    }
    println!(
        "answers in ms: {first:.0}, and then {} while a rule's table is locked",
        shown(&later)
    );
    assert!(first < 4_000.0, "{first} ms");
    assert!(later.quantile(0.95) < 1_000.0, "{}", shown(&later));
    assert_eq!(ids(&program, &from).await.len(), 31);
    sqlx::raw_sql("rollback").execute(&mut postgres).await.expect("it is unlocked");
    eventually("the rule's source has all", async || ids(&program, &to).await.len() == 31).await;
    program.log("from", &event("event of after")).await;
    eventually("and what comes", async || ids(&program, &to).await.len() == 32).await;
}
