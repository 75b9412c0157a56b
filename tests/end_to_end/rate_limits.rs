//! More events than may come in a minute.

use end_to_end::{
    postgres::TestCluster,
    program::{PRIVATE, Program},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// The answer's status, what its headers say is left to the source and to the token, and its text.
async fn send(program: &Program, source: &str, events: usize) -> (StatusCode, [String; 2], Value) {
    let events: Vec<_> =
        (0..events).map(|_| json!({"event_message": "m", "project": "default"})).collect();
    let request = program.ingest(source, Value::from(events).to_string());
    let response = request.send().await.expect("it answers");
    let left = ["x-rate-limit-source_remaining", "x-rate-limit-user_remaining"].map(|name| {
        let value = response.headers().get(name).expect(name);
        value.to_str().expect("a number").to_owned()
    });
    (response.status(), left, response.json().await.expect("JSON"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_beyond_the_limits_is_put_off() {
    let database = TestCluster::shared().database().await;
    let settings = [
        ("POSTGRES_BACKEND_URL", database.as_str()),
        ("LOGWEIR_SOURCE_EVENTS_PER_MINUTE", "5"),
        ("LOGWEIR_TOKEN_EVENTS_PER_MINUTE", "8"),
    ];
    let program = Program::start(&["serve"], &settings);
    program.ready().await;
    let good = json!({"message": "Logged!"});
    // What a request brings that comes within the limits is stored, whatever it is.
    for (source, events, left, who) in [
        ("postgres.logs", 3, ["2", "5"], None),
        ("postgres.logs", 3, ["0", "2"], None),
        ("postgres.logs", 1, ["0", "2"], Some("Source")),
        ("gotrue.logs.prod", 2, ["3", "0"], None),
        ("gotrue.logs.prod", 1, ["3", "0"], Some("User")),
    ] {
        let (status, found, answer) = send(&program, source, events).await;
        assert_eq!(found, left, "{source}");
        let Some(who) = who else {
            assert_eq!((status, answer), (StatusCode::OK, good.clone()));
            continue;
        };
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
        let text = answer["error"].as_str().expect("a text");
        assert!(text.starts_with(&format!("{who} rate is over")), "{text}");
    }
    // Another token has its own limit, the source has not.
    for (source, status) in
        [("gotrue.logs.prod", StatusCode::OK), ("postgres.logs", StatusCode::TOO_MANY_REQUESTS)]
    {
        let request = program
            .client
            .post(program.url("/api/logs"))
            .query(&[("source_name", source)])
            .header("x-api-key", PRIVATE)
            .body(r#"[{"event_message":"m","project":"default"}]"#);
        assert_eq!(request.send().await.expect("it answers").status(), status, "{source}");
    }
    for (table, stored) in [("postgres_logs", 6), ("auth_logs", 3)] {
        let count = format!("select count(*) as n from {table}");
        assert_eq!(program.rows(&count).await, [json!({ "n": stored })], "{table}");
    }
}
