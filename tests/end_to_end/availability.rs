//! Starts, stops, and databases that come and go.

use reqwest::{Method, StatusCode};
use serde_json::json;

use end_to_end::{
    postgres::TestCluster,
    program::{PRIVATE, Program, eventually},
};

const EVENT: &str = r#"[{"event_message":"m","project":"default"}]"#;

#[tokio::test(flavor = "multi_thread")]
async fn waits_for_its_database_and_survives_its_restart() {
    let cluster = TestCluster::start();
    let database = cluster.database().await;
    cluster.stop_server();

    let mut program = Program::start(&["serve"], &[("POSTGRES_BACKEND_URL", &database)]);
    eventually("it listens", async || program.health().await.is_some()).await;
    assert_eq!(program.health().await, Some(StatusCode::SERVICE_UNAVAILABLE));
    let status = async |program: &Program| {
        let response = program.ingest("postgres.logs", EVENT).send().await.expect("it answers");
        response.status()
    };
    assert_eq!(status(&program).await, StatusCode::SERVICE_UNAVAILABLE);
    let response =
        program.client.get(program.url("/api/endpoints/query/logs.all?sql=select+1")).send().await;
    assert_eq!(response.expect("it answers").status(), StatusCode::SERVICE_UNAVAILABLE);

    cluster.start_server();
    program.ready().await;
    assert_eq!(status(&program).await, StatusCode::OK);

    cluster.stop_server();
    // From now on the spool takes what comes.
    assert_eq!(status(&program).await, StatusCode::OK);
    eventually("it notices", async || {
        program.health().await == Some(StatusCode::SERVICE_UNAVAILABLE)
    })
    .await;
    let ready = program.client.get(program.url("/ready")).send().await.expect("it answers");
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    let ready: serde_json::Value = ready.json().await.expect("JSON");
    assert_eq!(ready["status"], "coming_up");
    // Anybody may ask: no address, no user.
    let reasons = [
        "the catalog's database does not answer; the log says why",
        "the events database does not answer; the log says why",
    ];
    let told = ready["reasons"].as_array().expect("a list");
    assert!(
        !told.is_empty() && told.iter().all(|told| reasons.contains(&told.as_str().unwrap_or("")))
    );
    assert_eq!(status(&program).await, StatusCode::OK);
    nobody_is_turned_away_for_good(&program).await;

    cluster.start_server();
    program.ready().await;
    assert_eq!(status(&program).await, StatusCode::OK);
    eventually("the spool is drained", async || {
        program.rows("select count(*) as count from postgres_logs").await == [json!({"count": 4})]
    })
    .await;

    program.signal("TERM");
    assert_eq!(program.ended().await.code(), Some(0));
}

/// While the catalog is away, a token that is not known may have been made a moment before. Who shows
/// one is not told what ails it.
async fn nobody_is_turned_away_for_good(program: &Program) {
    let unknown = "made-by-another-process";
    for (method, path) in [
        (Method::POST, "/api/logs?source_name=postgres.logs"),
        (Method::POST, "/v1/logs?source_name=postgres.logs"),
        (Method::GET, "/api/sources"),
        (Method::GET, "/api/sources/postgres.logs/rejected-events"),
        (Method::GET, "/api/endpoints/query/logs.all?sql=select+1"),
        (Method::GET, "/metrics"),
    ] {
        let request = program.client.request(method, program.url(path)).bearer_auth(unknown);
        let answer = request.header("content-type", "application/json").body("[]").send().await;
        let answer = answer.expect("it answers");
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        let text = answer.text().await.expect("text");
        assert!(text.contains("it cannot be told now whether this"), "{path}: {text}");
        assert!(!text.contains("SQLSTATE") && !text.contains("onnect"), "{path}: {text}");
    }
    let answer = program.client.get(program.url("/api/sources")).send().await.expect("it answers");
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

/// Without a spool events wait with their sender; with a full one, too.
#[tokio::test(flavor = "multi_thread")]
async fn without_room_events_wait_with_their_sender() {
    let cluster = TestCluster::start();
    let database = cluster.database().await;
    for spool in ["0", "20000"] {
        let settings =
            [("POSTGRES_BACKEND_URL", database.as_str()), ("LOGWEIR_SPOOL_MAX_BYTES", spool)];
        let program = Program::start(&["serve"], &settings);
        program.ready().await;
        cluster.stop_server();
        let message = "x".repeat(5000);
        let event = json!([{"event_message": message, "project": "default", "identifier": spool}])
            .to_string();
        let mut statuses = Vec::new();
        for _ in 0..8 {
            let answer = program.ingest("postgres.logs", event.clone()).send().await;
            statuses.push(answer.expect("it answers").status());
        }
        cluster.start_server();
        program.ready().await;
        let taken = statuses.iter().filter(|status| status.is_success()).count();
        assert_eq!(taken > 0, spool != "0", "{statuses:?}");
        let refused = statuses.iter().filter(|status| **status == StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(taken + refused.count(), 8, "{statuses:?}");
        let count =
            format!("select count(*) as count from postgres_logs where identifier = '{spool}'");
        eventually("what was acknowledged is stored", async || {
            program.rows(&count).await == [json!({"count": taken})]
        })
        .await;
    }
}

/// What was answered before the program ends is no reason to take what comes after for the same.
#[tokio::test(flavor = "multi_thread")]
async fn equal_requests_after_a_restart_are_stored_though_others_wait_on_the_spool() {
    const HEARTBEATS: usize = 4;
    let cluster = TestCluster::start();
    for ends_in_order in [true, false] {
        let database = cluster.database().await;
        let settings = [("POSTGRES_BACKEND_URL", database.as_str())];
        let mut program = Program::start(&["serve"], &settings);
        program.ready().await;
        cluster.stop_server();
        let heartbeats = async |program: &Program| {
            for _ in 0..HEARTBEATS {
                program
                    .log(
                        "postgres.logs",
                        &json!([{"event_message": "alive", "project": "default"}]),
                    )
                    .await;
            }
        };
        heartbeats(&program).await;
        if ends_in_order {
            program.signal("TERM");
            assert_eq!(program.ended().await.code(), Some(0));
        } else {
            let file = program.data_dir().join("spool/undelivered.json");
            eventually("all answers are known to be delivered", async || {
                let Ok(text) = std::fs::read_to_string(&file) else { return false };
                let Ok(note) = serde_json::from_str::<serde_json::Value>(&text) else {
                    return false;
                };
                note["through"] == HEARTBEATS && note["undelivered"] == json!([])
            })
            .await;
            program.kill();
        }
        cluster.start_server();
        program.restart();
        program.ready().await;
        heartbeats(&program).await;
        eventually("all are stored", async || {
            program.rows("select count(*) as count from postgres_logs").await
                == [json!({"count": 2 * HEARTBEATS})]
        })
        .await;
    }
}

/// What operators watch.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_what_became_of_events() {
    let program = super::program().await;
    program.log("postgres.logs", &json!([{"event_message": "m"}, {"event_message": "n"}, 5])).await;
    let text = program.client.get(program.url("/metrics")).bearer_auth(PRIVATE);
    let text = text.send().await.expect("it answers");
    let text = text.text().await.expect("text");
    for line in [
        r#"logweir_ingest_events_received_total{source="postgres.logs"} 3"#,
        r#"logweir_ingest_events_stored_total{source="postgres.logs"} 2"#,
        r#"logweir_ingest_events_rejected_total{source="postgres.logs"} 1"#,
        r#"logweir_ingest_events_duplicate_total{source="postgres.logs"} 0"#,
        r#"logweir_ingest_events_dropped_total{source="postgres.logs"} 0"#,
        r#"logweir_ingest_events_dropped_total{source="unknown"} 0"#,
        r#"logweir_ingest_events_stored_total{source="gotrue.logs.prod"} 0"#,
        "logweir_spool_records 0",
        r#"logweir_spool_requests{source="postgres.logs"} 0"#,
        r#"logweir_store_queue_requests{source="postgres.logs"} 0"#,
        "logweir_store_ready 1",
        r#"logweir_store_group_events_count{source="postgres.logs"} 1"#,
        "logweir_ingest_ack_seconds_count 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_answers_head_and_get() {
    let program = super::program().await;
    let head = program.client.head(program.url("/health")).send().await.expect("it answers");
    assert_eq!(head.status(), StatusCode::OK);
    let get = program.client.get(program.url("/health")).send().await.expect("it answers");
    let body: serde_json::Value = get.json().await.expect("JSON");
    assert_eq!(body["status"], "ok");
    for key in [
        "proc_count",
        "this_node",
        "nodes",
        "nodes_count",
        "repo_uptime",
        "caches",
        "memory_utilization",
    ] {
        assert!(body.get(key).is_some(), "{key}: {body}");
    }
}

/// Events that one process stores, another answers.
#[tokio::test(flavor = "multi_thread")]
async fn sink_and_sidecar_run_apart() {
    let database = TestCluster::shared().database().await;
    let settings = [("POSTGRES_BACKEND_URL", database.as_str())];
    let (sink, sidecar) =
        (Program::start(&["sink"], &settings), Program::start(&["sidecar"], &settings));
    sink.ready().await;
    sidecar.ready().await;
    sink.log("postgres.logs", &json!([{"event_message": "m", "project": "default"}])).await;
    assert_eq!(
        sidecar.rows("select event_message from postgres_logs").await,
        [json!({"event_message": "m"})]
    );
    let wrong = sidecar.ingest("postgres.logs", EVENT).send().await.expect("it answers");
    assert_eq!(wrong.status(), StatusCode::NOT_FOUND);
}

/// `PHX_HTTP_PORT=x LOGFLARE_SINGLE_TENANT=false logweir serve`
#[tokio::test(flavor = "multi_thread")]
async fn wrong_settings_end_the_start() {
    let mut program = Program::start(
        &["serve"],
        &[
            ("POSTGRES_BACKEND_URL", "mysql://x"),
            ("LOGFLARE_SINGLE_TENANT", "false"),
            ("LOGWEIR_QUERY_TIMEOUT_SECS", "soon"),
        ],
    );
    assert_eq!(program.ended().await.code(), Some(1));
}
