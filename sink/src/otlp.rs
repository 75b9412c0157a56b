//! OpenTelemetry's protocol: logs, traces and metrics over HTTP and gRPC.
//!
//! ```text
//! http, grpc ─▶ export ─▶ pipeline ─▶ decode (protobuf, json) ─▶ logs, traces, metrics ─▶ records
//! ```
//!
//! Logflare's paths, metadata and keys. Where it stumbles (a missing scope, a time that is not set,
//! maps and bytes as values, hexadecimal ids in JSON) or loses something (status and links of spans,
//! summaries), this does not.

mod answer;
mod decode;
mod export;
mod grpc;
mod http;
mod json;
mod logs;
mod messages;
mod metrics;
mod origin;
mod repair;
mod traces;
mod value;

#[cfg(feature = "fuzzing")]
pub(crate) use decode::{Decoder, Format, Signal};
pub use grpc::GrpcService;
pub(crate) use http::routes;
