//! `/metrics`: who is shown what.

use reqwest::{Method, StatusCode};
use serde_json::json;

use end_to_end::{
    postgres::TestCluster,
    program::{PRIVATE, PUBLIC, Program},
};

use crate::api::manage;

async fn figures(program: &Program, token: Option<&str>) -> (StatusCode, String) {
    let request = program.client.get(program.url("/metrics"));
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    let response = request.send().await.expect("it answers");
    (response.status(), response.text().await.expect("the answer is complete"))
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_sources_are_for_who_may_manage() {
    const ONE: &str = "logweir_ingest_events_stored_total{source=\"postgres.logs\"} 2\n";
    let database = TestCluster::shared().database().await;
    let program = Program::serve(&database).await;
    program.log("postgres.logs", &json!([{"event_message": "a"}, {"event_message": "b"}])).await;
    program.log("gotrue.logs.prod", &json!([{"event_message": "c"}])).await;

    let (status, all) = figures(&program, Some(PRIVATE)).await;
    assert_eq!(status, StatusCode::OK);
    assert!(all.contains(ONE), "{all}");
    let (status, totals) = figures(&program, None).await;
    assert_eq!(status, StatusCode::OK);
    assert!(totals.contains("\nlogweir_ingest_events_stored_total 3\n"), "{totals}");
    assert!(totals.contains("\nlogweir_store_ready 1\n"), "{totals}");
    for name in ["source=", "backend=", "postgres.logs", "gotrue"] {
        assert!(!totals.contains(name), "{name}: {totals}");
    }
    for wrong in [PUBLIC, "wrong"] {
        let (status, text) = figures(&program, Some(wrong)).await;
        assert_eq!(
            (status, text.as_str()),
            (StatusCode::UNAUTHORIZED, r#"{"error":"Unauthorized"}"#)
        );
    }

    // A token that another process has just made.
    let other = Program::serve(&database).await;
    let given = json!({"scopes": "private"});
    for _ in 0..3 {
        let (_, made) = manage(&program, Method::POST, "/api/access-tokens", &given).await;
        let (status, all) = figures(&other, made["token"].as_str()).await;
        assert_eq!(status, StatusCode::OK, "{all}");
        assert!(all.contains("{source=\"postgres.logs\"} 0\n"), "{all}");
    }

    // Where only those ask who may know.
    let settings = [("POSTGRES_BACKEND_URL", &*database), ("LOGWEIR_METRICS_OPEN", "true")];
    let open = Program::start(&["serve"], &settings);
    open.ready().await;
    for token in [None, Some("wrong")] {
        let (status, all) = figures(&open, token).await;
        assert_eq!(status, StatusCode::OK);
        assert!(all.contains("{source=\"postgres.logs\"} 0\n"), "{all}");
    }
}
