//! Sources that a token does not reach are as if they were not there, whatever is sent to them.

use opentelemetry_proto::tonic::{
    collector::logs::v1::{ExportLogsServiceRequest, logs_service_client::LogsServiceClient},
    common::v1::{AnyValue, any_value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
};
use prost::Message as _;
use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use tonic::{Code, Request, transport::Channel};

use end_to_end::{
    postgres::TestCluster,
    program::{DEADLINE, PRIVATE, Program, eventually, free_port},
};

use crate::api::manage;

/// Of two sources that the token does not reach, the one that is there, and its name.
const THERE: &str = "postgres.logs";
/// As long, and nothing has it.
const NOT_THERE: &str = "nothing_.logs";
const NOBODY: &str = "01234567-89ab-4def-8123-456789abcdef";

/// Larger than any body here, and smaller than a fourth of what becomes of the largest.
const MAX_BODY_BYTES: &str = "100000";

/// What shows that somebody looked at the source.
async fn figures(program: &Program, token: &str) -> (Value, Vec<String>) {
    let path = format!("/api/sources/{token}");
    let (status, source) = manage(program, Method::GET, &path, &Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    let metrics = program.client.get(program.url("/metrics")).bearer_auth(PRIVATE).send().await;
    let metrics = metrics.expect("it answers").text().await.expect("text");
    let own = format!("source=\"{THERE}\"");
    let mut lines: Vec<_> =
        metrics.lines().filter(|line| line.contains(&own)).map(str::to_owned).collect();
    lines.sort();
    let metrics = &source["metrics"];
    // Others say how long ago it was.
    let metrics = ["rejected", "inserts", "latest", "fields"].map(|name| &metrics[name]);
    let shown = json!([metrics, source["has_rejected_events"]]);
    (shown, lines)
}

/// Status, headers and body of an answer, without what differs from one to the next.
async fn answer(request: RequestBuilder) -> (StatusCode, HeaderMap, String) {
    let response = request.send().await.expect("it answers");
    let (status, headers) = (response.status(), alike(response.headers().clone()));
    (status, headers, response.text().await.expect("text"))
}

fn alike(mut headers: HeaderMap) -> HeaderMap {
    for name in ["date", "x-request-id"] {
        headers.remove(name);
    }
    headers
}

/// An export of one record with this text.
fn export(text: &str) -> ExportLogsServiceRequest {
    let body = Some(AnyValue { value: Some(any_value::Value::StringValue(text.to_owned())) });
    let log_records = vec![LogRecord { body, ..LogRecord::default() }];
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }
}

/// A program, and a token that reaches one source of it.
struct Narrow {
    program: Program,
    grpc_port: u16,
    token: String,
    /// The token of the source that is there and out of reach.
    there: String,
}

impl Narrow {
    async fn start() -> Self {
        let database = TestCluster::shared().database().await;
        let grpc_port = free_port();
        let settings = [
            ("POSTGRES_BACKEND_URL", database.as_str()),
            ("LOGFLARE_GRPC_PORT", &grpc_port.to_string()),
            ("LOGWEIR_MAX_BODY_BYTES", MAX_BODY_BYTES),
        ];
        let program = Program::start(&["serve"], &settings);
        program.ready().await;
        let (_, sources) = manage(&program, Method::GET, "/api/sources", &Value::Null).await;
        let source = |name: &str| {
            let mut all = sources.as_array().expect("a list").iter();
            all.find(|source| source["name"] == name).expect("it is seeded").clone()
        };
        let (own, there) = (source("gotrue.logs.prod"), source(THERE));
        let scopes = json!({"description": "", "scopes": format!("ingest:source:{}", own["id"])});
        let (_, made) = manage(&program, Method::POST, "/api/access-tokens", &scopes).await;
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        Self { program, grpc_port, token: text(&made["token"]), there: text(&there["token"]) }
    }

    /// Ways to name the source that is there, and the one that is not.
    fn named(&self) -> [(&'static str, [&str; 2]); 2] {
        [("x-source-name", [THERE, NOT_THERE]), ("x-source", [&self.there, NOBODY])]
    }

    fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.program.client.post(self.program.url(path)).bearer_auth(&self.token).body(body)
    }

    /// Requests with events, for a source that is named in each way.
    fn requests(&self, header: &'static str, name: &str, body: &str) -> [RequestBuilder; 4] {
        let field = if header == "x-source" { "source" } else { "source_name" };
        let body = || body.to_owned();
        let batch = format!("{{\"{field}\":\"{name}\",\"batch\":{}}}", body());
        [
            self.post(&format!("/api/logs?{field}={name}"), body()),
            self.post(&format!("/api/logs/{name}"), body()),
            self.post("/api/logs", body()).header(header, name),
            self.post("/api/logs", batch),
        ]
    }

    async fn over_http(&self, events: &[Value]) {
        let bodies = events.iter().map(|event| (format!("[{event}]"), StatusCode::UNAUTHORIZED));
        for (body, status) in bodies.chain([("[{".to_owned(), StatusCode::BAD_REQUEST)]) {
            for (header, [there, not_there]) in self.named() {
                let there = self.requests(header, there, &body);
                let not_there = self.requests(header, not_there, &body);
                for (way, (there, not_there)) in there.into_iter().zip(not_there).enumerate() {
                    let there = answer(there).await;
                    assert_eq!(there, answer(not_there).await, "{header} {way} {body:.60}");
                    assert_eq!(there.0, status, "{header} {way} {body:.60}: {there:?}");
                }
            }
        }
    }

    async fn over_otlp(&self, exports: &[ExportLogsServiceRequest]) {
        const PROTOBUF: &str = "application/x-protobuf";
        const JSON: &str = "application/json";
        let record = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{}]}]}]});
        let exports = exports.iter().map(|export| (PROTOBUF, export.encode_to_vec()));
        let others = [
            (PROTOBUF, b"\xff\xff".to_vec()),
            (JSON, record.to_string().into_bytes()),
            (JSON, b"{".to_vec()),
        ];
        for (kind, body) in exports.chain(others) {
            for (header, [there, not_there]) in self.named() {
                let ask = async |name: &str| {
                    let request = self.post("/v1/logs", body.clone()).header("content-type", kind);
                    answer(request.header(header, name)).await
                };
                let there = ask(there).await;
                assert_eq!(there, ask(not_there).await, "{kind} {header}");
                assert!(there.0.is_client_error(), "{kind} {header}: {there:?}");
            }
        }
    }

    async fn over_grpc(&self, exports: &[ExportLogsServiceRequest]) {
        let endpoint = Channel::from_shared(format!("http://127.0.0.1:{}", self.grpc_port));
        let endpoint = endpoint.expect("the URL is one").connect_timeout(DEADLINE);
        let channel = endpoint.connect().await.expect("it listens for gRPC");
        for export in exports {
            for (key, [there, not_there]) in self.named() {
                let ask = async |name: &str| {
                    let mut request = Request::new(export.clone());
                    let metadata = request.metadata_mut();
                    metadata.insert("x-api-key", self.token.parse().expect("a value"));
                    metadata.insert(key, name.parse().expect("a value"));
                    let refused = LogsServiceClient::new(channel.clone()).export(request).await;
                    let refused = refused.expect_err("it is out of reach");
                    let headers = alike(refused.metadata().clone().into_headers());
                    (refused.code(), refused.message().to_owned(), headers)
                };
                let there = ask(there).await;
                assert_eq!(there, ask(not_there).await, "{key}");
                assert_eq!(there.0, Code::PermissionDenied, "{key}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_out_of_reach_is_as_if_it_were_not_there() {
    let narrow = Narrow::start().await;
    let Narrow { program, there, .. } = &narrow;
    let copies: String = (0..6).map(|number| format!("large:copy{number}\n")).collect();
    let path = format!("/api/sources/{there}");
    let settings = json!({"transform_copy_fields": copies});
    let set = manage(program, Method::PATCH, &path, &settings).await;
    assert_eq!(set.0, StatusCode::NO_CONTENT);
    program.set_validation(THERE, "reject").await;

    let wrong = json!({"metadata": {"parsed": {"error_severity": {"no": "text"}}}});
    let events = [json!({"message": "m"}), wrong, json!({"large": "x".repeat(90_000)})];
    // Each matters to who reaches the source.
    for (event, status) in events.iter().zip([200, 406, 406]) {
        let (answered, _, text) = answer(program.ingest(THERE, json!([event]).to_string())).await;
        assert_eq!(answered, status, "{text}");
    }
    let mut before = figures(program, there).await;
    eventually("all is counted", async || {
        before = figures(program, there).await;
        let counted = (&before.0[0][0], &before.0[0][1]);
        counted == (&json!(2), &json!(1)) && !before.1.is_empty()
    })
    .await;

    narrow.over_http(&events).await;
    let exports = [export("m"), export(&"x".repeat(90_000))];
    narrow.over_otlp(&exports).await;
    narrow.over_grpc(&exports).await;
    assert_eq!(figures(program, there).await, before);
}
