use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures_util::FutureExt as _;
use hyper::{Method, Request};
use hyper_util::service::TowerToHyperService;
use store::Readiness;
use warp::Reply as _;

use super::*;
use crate::health::Condition;

/// The routes over a store whose readiness the test sets, with one area `POST /api/logs`.
struct App {
    ready: Arc<AtomicBool>,
    routes: BoxedFilter<(Response,)>,
}

struct Answer {
    status: StatusCode,
    content_length: Option<usize>,
    body: String,
}

fn metrics() -> BoxedFilter<(Response,)> {
    warp::path!("metrics").map(|| Response::new("figures".into())).boxed()
}

impl App {
    fn new() -> Self {
        let ready = Arc::new(AtomicBool::new(false));
        let of_store = Arc::clone(&ready);
        let condition = Arc::new(move || match of_store.load(Ordering::Relaxed) {
            true => Condition { readiness: Readiness::Ready, reasons: Vec::new() },
            false => Condition { readiness: Readiness::Starting, reasons: vec!["so early"] },
        });
        let area = warp::path!("api" / "logs")
            .and(warp::post())
            .map(|| StatusCode::OK.into_response())
            .boxed();
        Self { ready, routes: routes(Health::new("127.0.0.1", condition), metrics(), area) }
    }

    async fn ask(&self, method: Method, path: &str) -> Answer {
        let service = TowerToHyperService::new(warp::service(self.routes.clone()));
        let request = Request::builder().method(method).uri(path).body(String::new()).unwrap();
        let Ok(response) = hyper::service::Service::call(&service, request).await;
        let length = response.headers().get("content-length").cloned();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            content_length: length.map(|length| length.to_str().unwrap().parse().unwrap()),
            body: text(body),
        }
    }
}

/// The whole of a body that is in memory.
fn text(body: impl hyper::body::Body<Data: AsRef<[u8]>, Error: std::fmt::Debug>) -> String {
    let mut body = Box::pin(body);
    let mut text = String::new();
    while let Some(frame) =
        std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).now_or_never().unwrap()
    {
        text.push_str(std::str::from_utf8(frame.unwrap().data_ref().unwrap().as_ref()).unwrap());
    }
    text
}

#[tokio::test]
async fn while_starting_everything_but_health_is_503() {
    let app = App::new();
    let requests = [
        (Method::POST, "/api/logs"),
        (Method::GET, "/api/logs"),
        (Method::GET, "/api/endpoints/query/logs.all"),
        (Method::GET, "/unknown"),
        (Method::POST, "/health"),
    ];
    for (method, path) in requests {
        let answer = app.ask(method, path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(answer.body.starts_with("{\"error\":\"The server is starting"), "{}", answer.body);
    }
    let health = app.ask(Method::GET, "/health").await;
    assert_eq!(health.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(health.body.contains("\"status\":\"coming_up\""), "{}", health.body);
    assert!(health.body.contains("\"repo_uptime\":0"), "{}", health.body);
    let ready = app.ask(Method::GET, "/ready").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.body, "{\"status\":\"not_ready\",\"reasons\":[\"so early\"]}");
    assert!(health.body.contains("\"reasons\":[\"so early\"]"), "{}", health.body);
}

#[tokio::test]
async fn health_has_the_fields_of_the_contract() {
    let app = App::new();
    app.ready.store(true, Ordering::Relaxed);
    for path in ["/health", "/ready"] {
        let answer = app.ask(Method::GET, path).await;
        assert_eq!(answer.status, StatusCode::OK);
        let mut body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert!(body["proc_count"].take().is_u64());
        assert!(matches!(body["memory_utilization"].take().as_str(), Some("ok" | "critical")));
        assert!(body["repo_uptime"].take().as_u64().unwrap() > 0);
        assert_eq!(
            body,
            serde_json::json!({
                "status": "ok",
                "proc_count": null,
                "this_node": "logweir@127.0.0.1",
                "nodes": ["logweir@127.0.0.1"],
                "nodes_count": 1,
                "repo_uptime": null,
                "caches": {},
                "memory_utilization": null,
            })
        );
    }
}

#[tokio::test]
async fn head_tells_the_length_of_the_body_that_it_leaves_out() {
    let app = App::new();
    for (ready, status) in [(false, StatusCode::SERVICE_UNAVAILABLE), (true, StatusCode::OK)] {
        app.ready.store(ready, Ordering::Relaxed);
        let get = app.ask(Method::GET, "/ready").await;
        let head = app.ask(Method::HEAD, "/ready").await;
        assert_eq!(head.status, status);
        assert_eq!(head.body, "");
        assert_eq!(head.content_length, Some(get.body.len()));
    }
}

#[tokio::test]
async fn what_no_area_knows_is_answered_in_json() {
    let app = App::new();
    app.ready.store(true, Ordering::Relaxed);
    assert_eq!(app.ask(Method::POST, "/api/logs").await.status, StatusCode::OK);
    let unknown = app.ask(Method::GET, "/unknown").await;
    assert_eq!(
        (unknown.status, &*unknown.body),
        (StatusCode::NOT_FOUND, r#"{"error":"Not Found"}"#)
    );
    for (method, path) in [(Method::GET, "/api/logs"), (Method::DELETE, "/health")] {
        let wrong = app.ask(method, path).await;
        assert_eq!(
            (wrong.status, &*wrong.body),
            (StatusCode::METHOD_NOT_ALLOWED, r#"{"error":"Method Not Allowed"}"#)
        );
    }
}
