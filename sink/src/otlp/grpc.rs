//! OTLP/gRPC: the `Export` method of OTLP's three services.
//!
//! tonic knows gRPC, but messages pass it unread: they go the way of bodies that come over HTTP.
//!
//! Metadata: `authorization: Bearer …` or `x-api-key`; `x-source`, `x-collection` (a token or a
//! name), `x-source-name` or `x-collection-name`. A message that is too large is INVALID_ARGUMENT:
//! clients would send it again and again after tonic's own OUT_OF_RANGE.

use std::convert::Infallible;

use bytes::{Buf as _, BufMut as _};
use tonic::{
    Code, Request, Response, Status,
    body::Body,
    codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::{self, BoxFuture, Context, Poll, StdError},
    server::{Grpc, UnaryService},
};
use warp::http;

use super::{
    answer,
    decode::{Format, Signal},
    export::{Admitted, Export, admit},
};
use crate::{
    SenderConnection, body::Encoding, error::IngestError, pipeline::Pipeline, request::Parameters,
};

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
    B: codegen::Body + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
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
    B: codegen::Body + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    let Some(signal) = at(request.uri().path()) else {
        let text = "there are OTLP's services for logs, traces and metrics here, with `Export`";
        return Status::unimplemented(text).into_http();
    };
    let admitted = match admit(&pipeline, &Parameters::default(), request.headers()) {
        Ok(admitted) => admitted,
        Err(failure) => return answer::grpc_failure(&failure).into_http(),
    };
    let connection = request.extensions().get::<SenderConnection>().cloned();
    let limit = pipeline.max_body_bytes();
    let mut grpc = Grpc::new(Unread)
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(limit);
    let method =
        Method { pipeline: pipeline.clone(), signal, admitted: admitted.clone(), connection };
    let response = grpc.unary(method, request).await;
    // tonic's codes for a message above the limit, before and after it was inflated.
    let code = Status::from_header_map(response.headers()).map(|status| status.code());
    match code {
        Some(Code::OutOfRange | Code::ResourceExhausted) => {
            let failure = IngestError::TooLarge(limit).into();
            admitted.count_refused(&pipeline, &failure);
            answer::grpc_failure(&failure).into_http()
        }
        _ => response,
    }
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

/// A call, admitted.
struct Method {
    pipeline: Pipeline,
    signal: Signal,
    admitted: Admitted,
    connection: Option<SenderConnection>,
}

impl UnaryService<Vec<u8>> for Method {
    type Response = Vec<u8>;
    type Future = BoxFuture<Response<Vec<u8>>, Status>;

    fn call(&mut self, request: Request<Vec<u8>>) -> Self::Future {
        let (pipeline, signal) = (self.pipeline.clone(), self.signal);
        let (admitted, connection) = (self.admitted.clone(), self.connection.clone());
        let body = request.into_inner();
        Box::pin(async move {
            let mut share = pipeline.share();
            if let Err(busy) = share.grow_to(body.len()).await {
                return Err(answer::grpc_failure(&busy.into()));
            }
            let (format, encoding) = (Some(Format::Protobuf), Encoding::Identity);
            let export = Export { admitted, signal, format, body, encoding, share };
            let (_, outcome) = export.store(&pipeline, connection.as_ref()).await;
            match outcome {
                Ok(outcome) => Ok(Response::new(answer::message(signal, outcome))),
                Err(failure) => Err(answer::grpc_failure(&failure)),
            }
        })
    }
}

/// Takes and gives messages as bytes.
#[derive(Debug, Clone, Copy)]
struct Unread;

impl Codec for Unread {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Unread {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Unread {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(message.copy_to_bytes(message.remaining()).into()))
    }
}

#[cfg(test)]
mod tests;
