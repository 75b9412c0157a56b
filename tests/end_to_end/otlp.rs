//! OpenTelemetry's protocol over HTTP and gRPC, sent as exporters send it.

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::{ExportLogsServiceRequest, logs_service_client::LogsServiceClient},
        metrics::v1::{ExportMetricsServiceRequest, metrics_service_client::MetricsServiceClient},
        trace::v1::{
            ExportTraceServiceRequest, ExportTraceServiceResponse,
            trace_service_client::TraceServiceClient,
        },
    },
    common::v1::{AnyValue, KeyValue, any_value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    metrics::v1::{
        Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric, number_data_point,
    },
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span},
};
use prost::Message as _;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tonic::{Code, Request, codec::CompressionEncoding, transport::Channel};

use end_to_end::{
    postgres::TestCluster,
    program::{DEADLINE, PUBLIC, Program, eventually, free_port},
};

use crate::api::manage;

const TABLE: &str = "postgres.logs";

/// 2026-11-20T12:00:00.000000123Z
const NOON: u64 = 1_795_176_000_000_000_123;

/// A program with a known port for gRPC.
struct Server {
    program: Program,
    database: String,
    grpc_port: u16,
}

impl Server {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let server = Self::start_on(TestCluster::shared().database().await, settings);
        server.program.ready().await;
        server
    }

    fn start_on(database: String, settings: &[(&str, &str)]) -> Self {
        let grpc_port = free_port();
        let port = grpc_port.to_string();
        let own = [("POSTGRES_BACKEND_URL", database.as_str()), ("LOGFLARE_GRPC_PORT", &port)];
        let program = Program::start(&["serve"], &[&own, settings].concat());
        Self { program, database, grpc_port }
    }

    /// A request to a path, for the table.
    fn post(&self, path: &str, content_type: &str, body: Vec<u8>) -> RequestBuilder {
        self.program
            .client
            .post(self.program.url(path))
            .header("authorization", format!("Bearer {PUBLIC}"))
            .header("x-source", TABLE)
            .header("content-type", content_type)
            .body(body)
    }

    async fn channel(&self) -> Channel {
        channel(self.grpc_port).await
    }

    /// The bodies of all events of the table, in the order of their times.
    async fn events(&self) -> Vec<Value> {
        let mut connection =
            PgConnection::connect(&self.database).await.expect("the database answers");
        let token: String =
            sqlx::query_scalar("select token::text from logweir_sources where name = $1")
                .bind(TABLE)
                .fetch_one(&mut connection)
                .await
                .expect("the source is there");
        let table = format!("log_events_{}", token.replace('-', "_"));
        let sql = format!("select (body - 'id')::text from {table} order by timestamp");
        let bodies: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_all(&mut connection)
            .await
            .expect("the table is there");
        bodies.iter().map(|body| serde_json::from_str(body).expect("a body is JSON")).collect()
    }
}

async fn channel(port: u16) -> Channel {
    let url = format!("http://127.0.0.1:{port}");
    let endpoint = Channel::from_shared(url).expect("the URL is one");
    endpoint.connect_timeout(DEADLINE).connect().await.expect("it listens for gRPC")
}

fn string(text: &str) -> Option<AnyValue> {
    Some(AnyValue { value: Some(any_value::Value::StringValue(text.to_owned())) })
}

fn resource() -> Option<Resource> {
    let name = KeyValue {
        key: "service.name".to_owned(),
        value: string("default"),
        ..KeyValue::default()
    };
    Some(Resource { attributes: vec![name], ..Resource::default() })
}

fn logs(body: &str) -> ExportLogsServiceRequest {
    let log = LogRecord {
        observed_time_unix_nano: NOON,
        severity_text: "INFO".to_owned(),
        body: string(body),
        trace_id: vec![0xAB; 16],
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { log_records: vec![log], ..ScopeLogs::default() }];
    let resource = resource();
    let resource_logs = vec![ResourceLogs { resource, scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }
}

fn traces() -> ExportTraceServiceRequest {
    let event = span::Event {
        time_unix_nano: NOON + 2_000_000,
        name: "happened".to_owned(),
        ..span::Event::default()
    };
    let span = Span {
        trace_id: vec![0xAB; 16],
        span_id: vec![0xCD; 8],
        name: "worked".to_owned(),
        kind: 2,
        start_time_unix_nano: NOON + 1_000_000,
        end_time_unix_nano: NOON + 3_000_000,
        events: vec![event],
        status: Some(Status { code: 2, message: "m".to_owned() }),
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    let resource = resource();
    let resource_spans = vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }
}

fn metrics() -> ExportMetricsServiceRequest {
    let point = NumberDataPoint {
        time_unix_nano: NOON + 4_000_000,
        value: Some(number_data_point::Value::AsInt(7)),
        ..NumberDataPoint::default()
    };
    let sum = Sum { data_points: vec![point], aggregation_temporality: 1, is_monotonic: true };
    let metric = Metric {
        name: "counted".to_owned(),
        unit: "1".to_owned(),
        data: Some(metric::Data::Sum(sum)),
        ..Metric::default()
    };
    let scope_metrics = vec![ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() }];
    let resource = resource();
    let resource_metrics =
        vec![ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }
}

/// The events that [`logs`], [`traces`] and [`metrics`] become.
fn expected(log: &str) -> [Value; 4] {
    let noon = NOON / 1_000;
    let (trace, span) = ("ab".repeat(16), "cd".repeat(8));
    let resource = json!({"_service_name": "default"});
    [
        json!({
            "timestamp": noon, "event_message": log, "metadata": {"type": "otel_log"},
            "body": log, "severity_number": 0, "severity_text": "INFO", "trace_id": trace,
            "resource": resource, "project": "default",
        }),
        json!({
            "timestamp": noon + 1_000, "event_message": "worked", "metadata": {"type": "span"},
            "trace_id": trace, "span_id": span, "kind": "Server",
            "start_time": NOON + 1_000_000, "end_time": NOON + 3_000_000,
            "status": {"code": "Error", "message": "m"},
            "resource": resource, "project": "default",
        }),
        json!({
            "timestamp": noon + 2_000, "event_message": "happened", "metadata": {"type": "event"},
            "trace_id": trace, "parent_span_id": span,
            "resource": resource, "project": "default",
        }),
        json!({
            "timestamp": noon + 4_000, "event_message": "counted", "metadata": {"type": "metric"},
            "unit": "1", "metric_type": "sum", "value": 7,
            "aggregation_temporality": "delta", "is_monotonic": true,
            "resource": resource, "project": "default",
        }),
    ]
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

async fn answer(response: Response) -> (u16, String, Vec<u8>) {
    let header = response.headers().get("content-type");
    let media_type = header.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let status = response.status().as_u16();
    (status, media_type, response.bytes().await.expect("the answer is complete").to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn http_takes_both_formats() {
    const PROTOBUF: &str = "application/x-protobuf";
    const JSON: &str = "application/json";
    let server = Server::start(&[]).await;
    let json_of_logs = serde_json::to_vec(&logs("it happened")).expect("JSON can be written");
    // A list, as Vector writes it.
    let mut count = 0;
    let json_of_metrics = serde_json::to_vec(&[metrics()]).expect("JSON can be written");
    for (request, media_type, body) in [
        (server.post("/v1/logs", JSON, json_of_logs), JSON, &b"{}"[..]),
        (
            server
                .post("/api/v1/traces", PROTOBUF, gzip(&traces().encode_to_vec()))
                .header("content-encoding", "gzip"),
            PROTOBUF,
            b"",
        ),
        (server.post("/v1/metrics", JSON, json_of_metrics), JSON, b"{}"),
    ] {
        let response = request.send().await.expect("it answers");
        let left = |name: &str| response.headers()[name].to_str().expect("a number").to_owned();
        assert_eq!(left("x-rate-limit-source_limit"), "6000000");
        assert_eq!(left("x-rate-limit-user_limit"), "30000000");
        // The logs, then the span and its event, then the point.
        count += if media_type == PROTOBUF { 2 } else { 1 };
        assert_eq!(left("x-rate-limit-source_remaining"), (6_000_000 - count).to_string());
        assert_eq!(left("x-rate-limit-user_remaining"), (30_000_000 - count).to_string());
        assert_eq!(answer(response).await, (200, media_type.to_owned(), body.to_vec()));
    }
    assert_eq!(server.events().await, expected("it happened"));
    // The project is the service's name, so that `logs.all` shows them.
    let rows = server
        .program
        .rows(
            "select event_message, m.type from postgres_logs as t cross join unnest(t.metadata) as m \
             order by t.timestamp",
        )
        .await;
    let row = |message: &str, kind: &str| json!({"event_message": message, "type": kind});
    assert_eq!(
        rows,
        [
            row("it happened", "otel_log"),
            row("worked", "span"),
            row("happened", "event"),
            row("counted", "metric"),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn http_says_what_is_wrong() {
    let server = Server::start(&[("LOGWEIR_MAX_BODY_BYTES", "4096")]).await;
    let post = |content_type: &str, body: Vec<u8>| server.post("/v1/logs", content_type, body);
    let good = || serde_json::to_vec(&logs("m")).expect("JSON can be written");
    let url = server.program.url("/v1/logs");
    let bare = || server.program.client.post(&url).header("content-type", "application/json");
    for (request, status, text) in [
        (bare().body(good()), 401, "Missing or invalid API key"),
        (bare().header("x-api-key", PUBLIC).body(good()), 401, "Missing source id"),
        (
            bare().header("x-api-key", PUBLIC).header("x-source-name", "none").body(good()),
            401,
            "Invalid source id",
        ),
        (post("application/json", Vec::new()), 400, "empty"),
        (post("application/json", b"nonsense".to_vec()), 400, "no export of logs in OTLP's JSON"),
        (post("text/plain", good()), 415, "text/plain"),
        (post("application/json", vec![b' '; 5000]), 413, "4096 bytes"),
    ] {
        let (found, _, body) = answer(request.send().await.expect("it answers")).await;
        let body: Value = serde_json::from_slice(&body).expect("the answer is JSON");
        assert_eq!(found, status, "{body}");
        assert!(body["message"].as_str().is_some_and(|message| message.contains(text)), "{body}");
    }
    let garbage = post("application/x-protobuf", b"\x0a\xff".to_vec()).send().await;
    let (status, media_type, body) = answer(garbage.expect("it answers")).await;
    assert_eq!((status, media_type.as_str()), (400, "application/x-protobuf"));
    assert!(String::from_utf8_lossy(&body).contains("OTLP's protobuf"), "{body:?}");
    let got = server.program.client.get(&url).send().await.expect("it answers");
    assert_eq!(got.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(server.events().await, Vec::<Value>::new());
}

/// A metric of which nothing can be read is told of, where its source wants that; its neighbours
/// are stored.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_stored_is_counted() {
    let server = Server::start(&[]).await;
    server.program.set_validation(TABLE, "reject").await;
    let mut export = metrics();
    export.resource_metrics[0].scope_metrics[0].metrics.push(Metric::default());
    let request =
        server.post("/v1/metrics", "application/x-protobuf", export.encode_to_vec()).send();
    let (status, _, body) = answer(request.await.expect("it answers")).await;
    // The messages of all answers are alike on the wire.
    let read = ExportTraceServiceResponse::decode(body.as_slice()).expect("an answer of OTLP's");
    let partly = read.partial_success.expect("not everything is stored");
    assert_eq!((status, partly.rejected_spans), (200, 1));
    assert!(!partly.error_message.is_empty());
    assert_eq!(server.events().await, expected("")[3..]);
}

/// A request with the metadata of an exporter.
fn with_metadata<T>(message: T, metadata: &[(&'static str, &str)]) -> Request<T> {
    let mut request = Request::new(message);
    for (name, value) in metadata {
        request.metadata_mut().insert(*name, value.parse().expect("a header's value"));
    }
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_takes_all_signals() {
    let server = Server::start(&[]).await;
    let own_port = server.channel().await;
    let bearer = format!("Bearer {PUBLIC}");
    let response = LogsServiceClient::new(own_port.clone())
        .send_compressed(CompressionEncoding::Gzip)
        .export(with_metadata(
            logs("it happened"),
            &[("authorization", &bearer), ("x-source", TABLE)],
        ))
        .await
        .expect("logs are stored");
    assert_eq!(response.into_inner().partial_success, None);
    let metadata = [("x-api-key", PUBLIC), ("x-collection", TABLE)];
    TraceServiceClient::new(own_port)
        .export(with_metadata(traces(), &metadata))
        .await
        .expect("spans are stored");
    let metadata = [("x-api-key", PUBLIC), ("x-source-name", TABLE)];
    // The port of HTTP takes gRPC too.
    MetricsServiceClient::new(channel(server.program.port()).await)
        .export(with_metadata(metrics(), &metadata))
        .await
        .expect("points are stored");
    assert_eq!(server.events().await, expected("it happened"));
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_says_what_is_wrong() {
    let server = Server::start(&[("LOGWEIR_MAX_BODY_BYTES", "4096")]).await;
    let channel = server.channel().await;
    let large = || logs(&"x".repeat(5000));
    let own = [("x-api-key", PUBLIC), ("x-source", TABLE)];
    for (message, metadata, encoding, code, text) in [
        (logs("m"), &[("x-source", TABLE)][..], None, Code::Unauthenticated, "Missing or invalid"),
        (logs("m"), &[("x-api-key", "wrong")], None, Code::Unauthenticated, "Missing or invalid"),
        (logs("m"), &own[..1], None, Code::Unauthenticated, "Missing source id"),
        (
            logs("m"),
            &[own[0], ("x-source", "unknown")],
            None,
            Code::Unauthenticated,
            "Invalid source id",
        ),
        (large(), &own, None, Code::InvalidArgument, "larger than 4096 bytes"),
        (
            large(),
            &own,
            Some(CompressionEncoding::Gzip),
            Code::InvalidArgument,
            "larger than 4096 bytes",
        ),
    ] {
        let mut client = LogsServiceClient::new(channel.clone());
        if let Some(encoding) = encoding {
            client = client.send_compressed(encoding);
        }
        let status = client.export(with_metadata(message, metadata)).await.expect_err(text);
        assert_eq!(status.code(), code, "{status}");
        assert!(status.message().contains(text), "{status}");
    }
    // An export of nothing is one.
    let nothing = with_metadata(ExportLogsServiceRequest::default(), &own);
    LogsServiceClient::new(channel).export(nothing).await.expect("nothing is stored");
    assert_eq!(server.events().await, Vec::<Value>::new());
}

/// Over HTTP there is one answer for all who may not.
#[tokio::test(flavor = "multi_thread")]
async fn grpc_tells_a_scope_from_a_token() {
    let server = Server::start(&[]).await;
    let (status, sources) =
        manage(&server.program, Method::GET, "/api/sources", &Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    let sources = sources.as_array().expect("a list");
    let source = sources.iter().find(|source| source["name"] == TABLE).expect("it is there");
    let channel = server.channel().await;
    let own_scope = format!("ingest:source:{}", source["id"]);
    for (scopes, table, code) in [
        (own_scope.as_str(), TABLE, Code::Ok),
        (&own_scope, "auth.logs", Code::PermissionDenied),
        // Nothing tells it what there is.
        (&own_scope, "unknown", Code::PermissionDenied),
        ("query", TABLE, Code::PermissionDenied),
        ("ingest", "unknown", Code::Unauthenticated),
    ] {
        let given = json!({"description": "of a test", "scopes": scopes});
        let path = "/api/access-tokens";
        let (_, made) = manage(&server.program, Method::POST, path, &given).await;
        let token = made["token"].as_str().expect("a token");
        let message = with_metadata(logs("m"), &[("x-api-key", token), ("x-source-name", table)]);
        let answer = LogsServiceClient::new(channel.clone()).export(message).await;
        let answered = answer.as_ref().map_or_else(tonic::Status::code, |_| Code::Ok);
        assert_eq!(answered, code, "{scopes} {table}: {answer:?}");
        let url = server.program.url("/v1/logs");
        let request = server.program.client.post(url).header("x-api-key", token);
        let request = request.header("content-type", "application/x-protobuf");
        let request = request.header("x-source-name", table).body(logs("m").encode_to_vec());
        let expected = if code == Code::Ok { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        let status = request.send().await.expect("it answers").status();
        assert_eq!(status, expected, "{scopes} {table}");
    }
    assert_eq!(server.events().await.len(), 2);
}

/// Small when they come and large when they are inflated: they wait for each other.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn grpc_counts_what_messages_are_inflated_to() {
    const AT_A_TIME: usize = 40;
    /// In kB. All at once they take twice as much.
    const MOST: u64 = 640 << 10;
    let server = Server::start(&[]).await;
    let metadata = [("x-api-key", PUBLIC), ("x-source", TABLE)];
    // The same for all, so that it is stored once for each answer.
    let message = logs(&"x".repeat(30_000_000)).encode_to_vec();
    let frame = {
        let message = gzip(&message);
        let length = u32::try_from(message.len()).expect("it is short").to_be_bytes();
        [&[1][..], &length, &message].concat()
    };
    // HTTP/1.1 serves as well, where nobody reads trailers.
    let path = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    let requests = (0..AT_A_TIME).map(|_| {
        let request = server.program.client.post(server.program.url(path)).body(frame.clone());
        let request = request.header("content-type", "application/grpc");
        let request = request.header("grpc-encoding", "gzip");
        metadata.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send()
    });
    for response in futures_util::future::join_all(requests).await {
        assert_eq!(response.expect("it answers").status(), StatusCode::OK);
    }
    let peak = server.program.peak_kilobytes();
    assert!(peak < MOST, "{} MiB", peak >> 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_asks_to_come_again_without_its_database() {
    let cluster = TestCluster::start();
    let database = cluster.database().await;
    cluster.stop_server();
    // Without a spool, its clients have to wait.
    let server = Server::start_on(database, &[("LOGWEIR_SPOOL_MAX_BYTES", "0")]);
    eventually("it listens", async || server.program.health().await.is_some()).await;
    let mut client = LogsServiceClient::new(server.channel().await);
    let mut export = async |key| {
        let metadata = [("x-api-key", key), ("x-source", TABLE)];
        client.export(with_metadata(logs("m"), &metadata)).await.map(drop)
    };
    // Nobody is turned away while nothing can be looked up.
    for key in [PUBLIC, "wrong"] {
        assert_eq!(export(key).await.expect_err("starting").code(), Code::Unavailable);
    }
    cluster.start_server();
    server.program.ready().await;
    export(PUBLIC).await.expect("it is stored");
    cluster.stop_server();
    // An unknown token may have been made a moment ago.
    for key in [PUBLIC, "wrong"] {
        assert_eq!(export(key).await.expect_err("away").code(), Code::Unavailable);
    }
}

/// A chosen port has to be free; the usual one is taken if it is.
#[tokio::test(flavor = "multi_thread")]
async fn the_port_of_grpc_may_be_taken() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    let port = listener.local_addr().expect("a listener has an address").port().to_string();
    let database = TestCluster::shared().database().await;
    let database = ("POSTGRES_BACKEND_URL", database.as_str());
    let chosen = [database, ("LOGFLARE_GRPC_PORT", port.as_str())];
    let mut program = Program::start(&["serve"], &chosen);
    assert_eq!(program.ended().await.code(), Some(1));

    // Ours now, or somebody's: it is taken.
    let _usual = std::net::TcpListener::bind(("127.0.0.1", 50051));
    let program = Program::start(&["serve"], &[database, ("LOGFLARE_GRPC_PORT", "")]);
    program.ready().await;

    let mut program = Program::start(&["sidecar"], &chosen);
    program.ready().await;
    program.signal("TERM");
    assert_eq!(program.ended().await.code(), Some(0));
}

/// Exports messages one after the other, each until it is acknowledged, as exporters do.
async fn export_each(port: u16, messages: Vec<String>, acknowledged: Arc<AtomicUsize>) {
    let mut connected = None;
    for message in messages {
        let start = Instant::now();
        while !export_once(port, &message, &mut connected).await {
            assert!(start.elapsed() < DEADLINE, "not acknowledged: {message}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether a message is acknowledged; a connection that failed is made anew the next time.
async fn export_once(port: u16, message: &str, connected: &mut Option<Channel>) -> bool {
    let Some(channel) = connected.take() else {
        let endpoint = Channel::from_shared(format!("http://127.0.0.1:{port}"));
        let endpoint = endpoint.expect("the URL is one").connect_timeout(DEADLINE);
        *connected = endpoint.connect().await.ok();
        return false;
    };
    let mut client = LogsServiceClient::new(channel.clone());
    let mut request = Request::new(logs(message));
    request.metadata_mut().insert("x-api-key", PUBLIC.parse().expect("ASCII"));
    request.metadata_mut().insert("x-source", TABLE.parse().expect("ASCII"));
    match client.export(request).await {
        Ok(_) => {
            *connected = Some(channel);
            true
        }
        Err(status) => {
            let final_ones = [Code::Unauthenticated, Code::InvalidArgument, Code::NotFound];
            assert!(!final_ones.contains(&status.code()), "{status:?}");
            false
        }
    }
}

/// A program that is killed in the middle of calls, which are made again until they are answered.
#[tokio::test(flavor = "multi_thread")]
async fn grpc_calls_are_stored_once_when_the_program_is_killed() {
    const SENDERS: usize = 4;
    const EACH: usize = 60;
    let mut server = Server::start(&[]).await;
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let messages = (0..EACH).map(|number| format!("{sender} {number}")).collect();
            tokio::spawn(export_each(server.grpc_port, messages, Arc::clone(&acknowledged)))
        })
        .collect();
    for kill in 1..4 {
        eventually("some are acknowledged", async || {
            acknowledged.load(Ordering::Relaxed) >= kill * SENDERS * EACH / 5
        })
        .await;
        server.program.kill();
        server.program.restart();
        server.program.ready().await;
    }
    for sender in senders {
        sender.await.expect("it sends all");
    }
    let mut stored: Vec<_> = Vec::new();
    eventually("all are there", async || {
        let events = server.events().await;
        stored = events.iter().map(|event| event["event_message"].to_string()).collect();
        stored.len() >= SENDERS * EACH
    })
    .await;
    let all = stored.len();
    stored.sort_unstable();
    stored.dedup();
    assert_eq!((all, stored.len()), (SENDERS * EACH, SENDERS * EACH));
}
