use tonic::{Code, codegen::Service as _};

use super::*;

async fn status(path: &str) -> (http::StatusCode, Status) {
    let mut service = GrpcService::new(Pipeline::starting());
    let request = http::Request::post(path).header("x-api-key", "wrong");
    let response = service.call(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/grpc");
    (response.status(), Status::from_header_map(response.headers()).unwrap())
}

#[tokio::test]
async fn while_starting_clients_are_asked_to_come_again() {
    for path in [
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    ] {
        let (of_http, status) = status(path).await;
        assert_eq!((of_http.as_u16(), status.code()), (200, Code::Unavailable), "{path}");
        assert!(status.message().contains("starting"), "{status}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_implemented() {
    for path in [
        "/",
        "/v1/logs",
        "/opentelemetry.proto.collector.logs.v1.LogsService/Import",
        "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
    ] {
        assert_eq!(status(path).await.1.code(), Code::Unimplemented, "{path}");
    }
}

#[tokio::test]
async fn success_is_told_behind_the_message() {
    let response = success(b"abc");
    assert_eq!(response.headers()["content-type"], "application/grpc");
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(body.to_bytes(), &b"\0\0\0\0\x03abc"[..]);
}
