//! Starts, stops, and databases that come and go.

use reqwest::StatusCode;
use serde_json::json;

use end_to_end::{
    postgres::TestCluster,
    program::{Program, eventually},
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
    assert_eq!(status(&program).await, StatusCode::SERVICE_UNAVAILABLE);
    eventually("it notices", async || {
        program.health().await == Some(StatusCode::SERVICE_UNAVAILABLE)
    })
    .await;

    cluster.start_server();
    program.ready().await;
    assert_eq!(status(&program).await, StatusCode::OK);
    assert_eq!(
        program.rows("select count(*) as count from postgres_logs").await,
        [json!({"count": 2})]
    );

    program.signal("TERM");
    assert_eq!(program.ended().await.code(), Some(0));
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
