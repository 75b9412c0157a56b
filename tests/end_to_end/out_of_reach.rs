//! Sources that a token does not reach are as if they were not there, whatever is sent to them.

use opentelemetry_proto::tonic::{
    collector::logs::v1::{ExportLogsServiceRequest, logs_service_client::LogsServiceClient},
    common::v1::{AnyValue, any_value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
};
use prost::Message as _;
use reqwest::{Method, StatusCode, header::HeaderMap};
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
async fn answer(request: reqwest::RequestBuilder) -> (StatusCode, HeaderMap, String) {
    let response = request.send().await.expect("it answers");
    let (status, mut headers) = (response.status(), response.headers().clone());
    for name in ["date", "x-request-id"] {
        headers.remove(name);
    }
    (status, headers, response.text().await.expect("text"))
}

/// An export of one record with this text.
fn export(text: &str) -> ExportLogsServiceRequest {
    let body = Some(AnyValue { value: Some(any_value::Value::StringValue(text.to_owned())) });
    let log_records = vec![LogRecord { body, ..LogRecord::default() }];
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_out_of_reach_is_as_if_it_were_not_there() {
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
    let there = there["token"].as_str().expect("a token");
    let scopes = json!({"description": "", "scopes": format!("ingest:source:{}", own["id"])});
    let (_, made) = manage(&program, Method::POST, "/api/access-tokens", &scopes).await;
    let token = made["token"].as_str().expect("a token");

    let copies: String = (0..6).map(|number| format!("large:copy{number}\n")).collect();
    let (path, settings) =
        (format!("/api/sources/{there}"), json!({"transform_copy_fields": copies}));
    let set = manage(&program, Method::PATCH, &path, &settings).await;
    assert_eq!(set.0, StatusCode::NO_CONTENT);
    program.set_validation(THERE, "reject").await;

    let wrong = json!({"metadata": {"parsed": {"error_severity": {"no": "text"}}}});
    let large = json!({"large": "x".repeat(90_000)});
    // Each matters to who reaches the source.
    for (event, status) in [(json!({}), 200), (wrong.clone(), 406), (large.clone(), 406)] {
        let request = program.ingest(THERE, json!([event]).to_string());
        let (answered, _, text) = answer(request).await;
        assert_eq!(answered, status, "{text}");
    }
    let mut before = figures(&program, there).await;
    eventually("all is counted", async || {
        before = figures(&program, there).await;
        let counted = (&before.0[0][0], &before.0[0][1]);
        counted == (&json!(2), &json!(1)) && !before.1.is_empty()
    })
    .await;

    // Where it goes, as the URL, a header or the body says it, in both cases.
    type Said = (String, Option<(&'static str, String)>, Option<(&'static str, String)>);
    let mut pairs: Vec<[Said; 2]> = Vec::new();
    for (key, named) in [("source_name", [THERE, NOT_THERE]), ("source", [there, NOBODY])] {
        let said = |of: &dyn Fn(&str) -> Said| named.map(of);
        pairs.push(said(&|name| (format!("/api/logs?{key}={name}"), None, None)));
        pairs.push(said(&|name| (format!("/api/logs/{name}"), None, None)));
        let header = if key == "source" { "x-source" } else { "x-source-name" };
        let said_in_header =
            |name: &str| ("/api/logs".to_owned(), Some((header, name.to_owned())), None);
        pairs.push(said(&said_in_header));
        pairs.push(said(&|name| ("/api/logs".to_owned(), None, Some((key, name.to_owned())))));
    }
    let events = [json!({"message": "m"}), wrong, large].map(|event| event.to_string());
    let bodies = events.iter().map(|event| format!("[{event}]")).chain(["[{".to_owned()]);
    for body in bodies {
        for pair in &pairs {
            let mut answers = Vec::new();
            for (path, header, field) in pair {
                let body = match field {
                    Some((key, name)) => format!("{{\"{key}\":\"{name}\",\"batch\":{body}}}"),
                    None => body.clone(),
                };
                let request = program.client.post(program.url(path)).bearer_auth(token).body(body);
                let request = match header {
                    Some((name, value)) => request.header(*name, value),
                    None => request,
                };
                answers.push(answer(request).await);
            }
            let [there, not_there] = &answers[..] else { panic!("two answers") };
            assert_eq!(there, not_there, "{pair:?} {body:.60}");
            let broken = body == "[{";
            let expected = if broken { StatusCode::BAD_REQUEST } else { StatusCode::UNAUTHORIZED };
            assert_eq!(there.0, expected, "{pair:?} {body:.60}: {there:?}");
        }
    }

    let (good, large) = (export("m"), export(&"x".repeat(90_000)));
    let json =
        json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"severityText": "INFO"}]}]}]});
    for (kind, body) in [
        ("application/x-protobuf", good.encode_to_vec()),
        ("application/x-protobuf", large.encode_to_vec()),
        ("application/x-protobuf", b"\xff\xff".to_vec()),
        ("application/json", json.to_string().into_bytes()),
        ("application/json", b"{".to_vec()),
    ] {
        for (header, named) in
            [("x-source-name", [THERE, NOT_THERE]), ("x-source", [there, NOBODY])]
        {
            let mut answers = Vec::new();
            for name in named {
                let request = program.client.post(program.url("/v1/logs")).bearer_auth(token);
                let request = request.header(header, name).header("content-type", kind);
                answers.push(answer(request.body(body.clone())).await);
            }
            assert_eq!(answers[0], answers[1], "{kind} {named:?}");
            assert!(answers[0].0.is_client_error(), "{kind} {named:?}: {:?}", answers[0]);
        }
    }
    let endpoint = Channel::from_shared(format!("http://127.0.0.1:{grpc_port}"));
    let endpoint = endpoint.expect("the URL is one").connect_timeout(DEADLINE);
    let channel = endpoint.connect().await.expect("it listens for gRPC");
    for message in [good, large] {
        for (key, named) in [("x-source-name", [THERE, NOT_THERE]), ("x-source", [there, NOBODY])] {
            let mut answers = Vec::new();
            for name in named {
                let mut request = Request::new(message.clone());
                let metadata = request.metadata_mut();
                metadata.insert("x-api-key", token.parse().expect("a value"));
                metadata.insert(key, name.parse().expect("a value"));
                let refused = LogsServiceClient::new(channel.clone()).export(request).await;
                let refused = refused.expect_err("it is out of reach");
                let mut headers = refused.metadata().clone().into_headers();
                for name in ["date", "x-request-id"] {
                    headers.remove(name);
                }
                answers.push((refused.code(), refused.message().to_owned(), headers));
            }
            assert_eq!(answers[0], answers[1], "{named:?}");
            assert_eq!(answers[0].0, Code::PermissionDenied, "{named:?}");
        }
    }
    assert_eq!(figures(&program, there).await, before);
}
