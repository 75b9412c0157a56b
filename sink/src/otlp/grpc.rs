//! OTLP/gRPC: the `Export` method of OTLP's three services.
//!
//! Messages go the way of bodies that come over HTTP, so that their memory is counted before they are
//! read and inflated; tonic does not. Answers are not compressed.
//!
//! Metadata: `authorization: Bearer …` or `x-api-key`; `x-source`, `x-collection` (a token or a
//! name), `x-source-name` or `x-collection-name`. A message that is too large is INVALID_ARGUMENT:
//! clients would send it again and again after OUT_OF_RANGE.

mod message;

use std::{convert::Infallible, future::ready};

use bytes::{BufMut as _, Bytes};
use futures_util::TryStreamExt as _;
use http_body_util::{BodyExt as _, Full};
use tonic::{
    Status,
    body::Body,
    codegen::{self, BoxFuture, Context, Poll, StdError},
};
use warp::http::{self, HeaderMap, HeaderValue, header::CONTENT_TYPE};

use self::message::Unread;
use super::{
    answer,
    decode::{Format, Signal},
    export::{Export, Failure, admit},
};
use crate::{SenderConnection, pipeline::Pipeline, request::Parameters};

/// OTLP's three services as one; whatever else is asked for is UNIMPLEMENTED. Cheap to clone.
#[derive(Debug, Clone)]
pub struct GrpcService {
    pipeline: Pipeline,
}

impl GrpcService {
    pub(crate) fn new(pipeline: Pipeline) -> Self {
        Self { pipeline }
    }
}

impl<B> codegen::Service<http::Request<B>> for GrpcService
where
    B: codegen::Body<Data: Send, Error: Into<StdError> + Send> + Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let pipeline = self.pipeline.clone();
        Box::pin(async move { Ok(answered(pipeline, request).await) })
    }
}

async fn answered<B>(pipeline: Pipeline, request: http::Request<B>) -> http::Response<Body>
where
    B: codegen::Body<Data: Send, Error: Into<StdError> + Send> + Send + 'static,
{
    match exported(&pipeline, request).await {
        Ok(message) => success(&message),
        Err(status) => status.into_http(),
    }
}

/// Stores what a call exports; gives the message of the answer.
async fn exported<B>(pipeline: &Pipeline, request: http::Request<B>) -> Result<Vec<u8>, Status>
where
    B: codegen::Body<Data: Send, Error: Into<StdError> + Send> + Send + 'static,
{
    let Some(signal) = at(request.uri().path()) else {
        let text = "there are OTLP's services for logs, traces and metrics here, with `Export`";
        return Err(Status::unimplemented(text));
    };
    // Its time begins here.
    let mut share = pipeline.share();
    let (head, body) = request.into_parts();
    let refusal = |failure: Failure| answer::grpc_failure(&failure);
    let admitted = admit(pipeline, &Parameters::default(), &head.headers).await.map_err(refusal)?;
    let connection = head.extensions.get::<SenderConnection>().cloned();
    let compression = message::compression(&head.headers)?;
    let limit = pipeline.max_body_bytes();
    let body = body.into_data_stream().map_err(Into::<StdError>::into);
    let message = message::collect(body, compression, limit, &mut share).await;
    let (body, encoding) = message.map_err(|unread| match unread {
        Unread::Protocol(status) => status,
        Unread::Ingest(error) => {
            let failure = Failure::from(error);
            admitted.count_refused(pipeline, &failure);
            refusal(failure)
        }
    })?;
    let format = Some(Format::Protobuf);
    let export = Export { admitted, signal, format, body, encoding, share };
    let (_, outcome) = export.store(pipeline, connection.as_ref()).await;
    outcome.map(|outcome| answer::message(signal, outcome)).map_err(refusal)
}

/// The message behind its prefix, and that all went well.
fn success(message: &[u8]) -> http::Response<Body> {
    let mut framed = Vec::with_capacity(message.len() + 5);
    framed.put_u8(0);
    // Answers are some hundred bytes.
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(message);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(Bytes::from(framed)).with_trailers(ready(Some(Ok(trailers))));
    let mut response = http::Response::new(Body::new(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// What is exported by a method.
fn at(path: &str) -> Option<Signal> {
    match path {
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => Some(Signal::Logs),
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => Some(Signal::Traces),
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => Some(Signal::Metrics),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
