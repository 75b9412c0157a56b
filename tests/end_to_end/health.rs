//! `/health` and `/ready`: whole bodies, as the contract has them.

use reqwest::Method;
use serde_json::{Value, json};

use end_to_end::program::{Program, eventually};

use super::endpoints::answer;

/// The status and the body of an answer to anybody, what varies replaced by its type.
async fn told(program: &Program, path: &str) -> (u16, Value) {
    let (status, mut body) = answer(program.client.request(Method::GET, program.url(path))).await;
    let fields = body.as_object_mut().expect("an object");
    for (name, is_right) in [
        ("proc_count", Value::is_u64 as fn(&Value) -> bool),
        ("repo_uptime", |value| value.as_u64().is_some_and(|seconds| seconds > 0)),
        ("memory_utilization", |value| [json!("ok"), json!("critical")].contains(value)),
    ] {
        if let Some(value) = fields.get_mut(name)
            && is_right(value)
        {
            *value = "…".into();
        }
    }
    (status, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_ready_says_so_to_anybody() {
    let program = super::program().await;
    let expected = json!({
        "status": "ok",
        "proc_count": "…",
        "this_node": "logweir@127.0.0.1",
        "nodes": ["logweir@127.0.0.1"],
        "nodes_count": 1,
        "repo_uptime": "…",
        "caches": {},
        "memory_utilization": "…",
    });
    for path in ["/health", "/ready"] {
        assert_eq!(told(&program, path).await, (200, expected.clone()), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_waits_for_its_database_says_why() {
    let settings = [
        ("POSTGRES_BACKEND_URL", "postgresql://nobody:secret@127.0.0.1:9/nothing"),
        ("LOGFLARE_NODE_HOST", "logs-1"),
    ];
    for role in ["serve", "sidecar"] {
        let program = Program::start(&[role], &settings);
        eventually("it listens", async || program.health().await.is_some()).await;
        // Anybody may ask: no address, no user.
        let reasons = json!(["the databases are not ready yet; the log says why"]);
        let expected = json!({
            "status": "coming_up",
            "proc_count": "…",
            "this_node": "logweir@logs-1",
            "nodes": ["logweir@logs-1"],
            "nodes_count": 1,
            "repo_uptime": 0,
            "caches": {},
            "memory_utilization": "…",
            "reasons": reasons,
        });
        assert_eq!(told(&program, "/health").await, (503, expected), "{role}");
        let expected = json!({"status": "not_ready", "reasons": reasons});
        assert_eq!(told(&program, "/ready").await, (503, expected), "{role}");
    }
}
