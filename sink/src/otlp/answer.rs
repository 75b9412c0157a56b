//! Answers: OTLP's messages, and the status codes of HTTP and gRPC.

use opentelemetry_proto::tonic::collector::{
    logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse},
    metrics::v1::{ExportMetricsPartialSuccess, ExportMetricsServiceResponse},
    trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse},
};
use prost::Message;
use serde_json::json;
use tonic::Code;
use warp::{
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    reply::Response,
};

use super::{
    decode::{Format, Signal},
    export::{Failure, Outcome},
};
use crate::answer;

/// `google.rpc.Status`, without its details.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Status {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    #[prost(string, tag = "2")]
    pub(super) message: String,
}

/// The answer in protobuf: an `Export…ServiceResponse`.
pub(super) fn message(signal: Signal, Outcome { rejected, message }: Outcome) -> Vec<u8> {
    let partly = rejected != 0;
    match signal {
        Signal::Logs => ExportLogsServiceResponse {
            partial_success: partly.then_some(ExportLogsPartialSuccess {
                rejected_log_records: rejected,
                error_message: message,
            }),
        }
        .encode_to_vec(),
        Signal::Traces => ExportTraceServiceResponse {
            partial_success: partly.then_some(ExportTracePartialSuccess {
                rejected_spans: rejected,
                error_message: message,
            }),
        }
        .encode_to_vec(),
        Signal::Metrics => ExportMetricsServiceResponse {
            partial_success: partly.then_some(ExportMetricsPartialSuccess {
                rejected_data_points: rejected,
                error_message: message,
            }),
        }
        .encode_to_vec(),
    }
}

/// Everything is stored, or all that can be.
pub(super) fn success(signal: Signal, format: Format, outcome: Outcome) -> Response {
    let body = match format {
        Format::Protobuf => message(signal, outcome),
        Format::Json if outcome.rejected == 0 => b"{}".to_vec(),
        Format::Json => {
            let rejected = match signal {
                Signal::Logs => "rejectedLogRecords",
                Signal::Traces => "rejectedSpans",
                Signal::Metrics => "rejectedDataPoints",
            };
            // Whole numbers of 64 bits are strings in OTLP/JSON.
            let number = outcome.rejected.to_string();
            let partly = json!({ rejected: number, "errorMessage": outcome.message });
            json!({ "partialSuccess": partly }).to_string().into_bytes()
        }
    };
    with_body(Response::default(), format, body)
}

/// Nothing is stored: the status that every other protocol answers, with a body of OTLP's.
pub(super) fn failure(format: Format, failure: &Failure) -> Response {
    let response = response(failure);
    let code = code(response.status()) as i32;
    let message = failure.to_string();
    let body = match format {
        Format::Protobuf => Status { code, message }.encode_to_vec(),
        Format::Json => json!({ "code": code, "message": message }).to_string().into_bytes(),
    };
    with_body(response, format, body)
}

/// The same over gRPC.
pub(super) fn grpc_failure(failure: &Failure) -> tonic::Status {
    match failure {
        Failure::TokenScope | Failure::SourceScope => {
            let text = "the scopes of the token do not cover this: they need `ingest`, or the \
                        source's `ingest:source:…`";
            tonic::Status::permission_denied(text)
        }
        failure => tonic::Status::new(code(response(failure).status()), failure.to_string()),
    }
}

fn response(failure: &Failure) -> Response {
    let mut response = Response::default();
    *response.status_mut() = match failure {
        Failure::Token
        | Failure::NoSource
        | Failure::UnknownSource
        | Failure::TokenScope
        | Failure::SourceScope => StatusCode::UNAUTHORIZED,
        Failure::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Failure::Empty => StatusCode::BAD_REQUEST,
        // With its headers, which may say when to come again.
        Failure::Ingest(error) => return answer::failure(error),
    };
    response
}

fn with_body(mut response: Response, format: Format, body: Vec<u8>) -> Response {
    let media_type = match format {
        Format::Protobuf => "application/x-protobuf",
        Format::Json => "application/json",
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    *response.body_mut() = body.into();
    response
}

/// gRPC's code for HTTP's. OTLP's clients come again after UNAVAILABLE and give up after the others
/// here; after RESOURCE_EXHAUSTED, which would name a large body or a full queue best, some do the
/// one and some the other.
fn code(status: StatusCode) -> Code {
    match status {
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::REQUEST_TIMEOUT => Code::Unavailable,
        status if status.is_client_error() => Code::InvalidArgument,
        _ => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use store::AppendError;
    use warp::Filter as _;

    use super::*;
    use crate::error::IngestError;

    async fn answered(
        response: impl Fn() -> Response + Send + Sync + 'static,
    ) -> (u16, String, Vec<u8>) {
        let response = Arc::new(response);
        let routes = warp::any().map(move || response());
        let answer = warp::test::request().reply(&routes).await;
        let media_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
        (answer.status().as_u16(), media_type, answer.body().to_vec())
    }

    fn partly() -> Outcome {
        Outcome { rejected: 2, message: "event 1: no".to_owned() }
    }

    #[tokio::test]
    async fn a_request_is_answered_in_its_own_format() {
        for (signal, name) in [
            (Signal::Logs, "rejectedLogRecords"),
            (Signal::Traces, "rejectedSpans"),
            (Signal::Metrics, "rejectedDataPoints"),
        ] {
            let whole = answered(move || success(signal, Format::Json, Outcome::default())).await;
            assert_eq!(whole, (200, "application/json".to_owned(), b"{}".to_vec()));
            let whole =
                answered(move || success(signal, Format::Protobuf, Outcome::default())).await;
            assert_eq!(whole, (200, "application/x-protobuf".to_owned(), Vec::new()));

            let (status, _, body) = answered(move || success(signal, Format::Json, partly())).await;
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let partial = json!({ name: "2", "errorMessage": "event 1: no" });
            assert_eq!((status, body), (200, json!({ "partialSuccess": partial })));
            let (status, _, body) =
                answered(move || success(signal, Format::Protobuf, partly())).await;
            // The three messages are alike on the wire.
            let read = ExportTraceServiceResponse::decode(body.as_slice()).unwrap();
            let partial = read.partial_success.unwrap();
            assert_eq!((status, partial.rejected_spans), (200, 2));
            assert_eq!(partial.error_message, "event 1: no");
        }
    }

    #[tokio::test]
    async fn scopes_are_told_over_grpc_only() {
        for (of_scope, alike) in
            [(Failure::TokenScope, Failure::Token), (Failure::SourceScope, Failure::UnknownSource)]
        {
            let status = grpc_failure(&of_scope);
            assert_eq!(status.code(), Code::PermissionDenied);
            assert!(status.message().contains("ingest:source"), "{status}");
            let [one, other] = [of_scope, alike].map(Arc::new);
            let answer = |of: &Arc<Failure>| {
                let of = Arc::clone(of);
                answered(move || failure(Format::Json, &of))
            };
            assert_eq!(answer(&one).await, answer(&other).await);
        }
    }

    #[tokio::test]
    async fn failures_have_their_status_and_code() {
        let away = AppendError::Unavailable("gone".to_owned());
        for (given, status, code, text) in [
            (Failure::Token, 401, Code::Unauthenticated, "Missing or invalid API key"),
            (Failure::NoSource, 401, Code::Unauthenticated, "Missing source id"),
            (Failure::UnknownSource, 401, Code::Unauthenticated, "Invalid source id"),
            (Failure::MediaType("text/plain".to_owned()), 415, Code::InvalidArgument, "text/plain"),
            (Failure::Empty, 400, Code::InvalidArgument, "empty"),
            (IngestError::TooLarge(9).into(), 413, Code::InvalidArgument, "9 bytes"),
            (
                IngestError::NotOtlp { signal: "logs", format: "JSON", reason: "x".to_owned() }
                    .into(),
                400,
                Code::InvalidArgument,
                "x",
            ),
            (IngestError::TooManyValues.into(), 413, Code::InvalidArgument, "1000000 values"),
            (IngestError::Starting.into(), 503, Code::Unavailable, "starting"),
            (IngestError::Append(away).into(), 503, Code::Unavailable, "gone"),
            (IngestError::Internal("x".to_owned()).into(), 500, Code::Internal, "internal"),
        ] {
            let of_grpc = grpc_failure(&given);
            assert_eq!(of_grpc.code(), code, "{given}");
            assert!(of_grpc.message().contains(text), "{given}");
            let given = Arc::new(given);
            let json = {
                let given = Arc::clone(&given);
                answered(move || failure(Format::Json, &given)).await
            };
            let body: serde_json::Value = serde_json::from_slice(&json.2).unwrap();
            assert_eq!((json.0, json.1.as_str()), (status, "application/json"));
            assert_eq!(body, json!({ "code": code as i32, "message": given.to_string() }));
            let protobuf = answered(move || failure(Format::Protobuf, &given)).await;
            assert_eq!((protobuf.0, protobuf.1.as_str()), (status, "application/x-protobuf"));
            let read = Status::decode(protobuf.2.as_slice()).unwrap();
            assert_eq!((read.code, read.message.as_str()), (code as i32, of_grpc.message()));
        }
        assert_eq!(code(StatusCode::TOO_MANY_REQUESTS), Code::Unavailable);
        assert_eq!(code(StatusCode::REQUEST_TIMEOUT), Code::Unavailable);
    }
}
