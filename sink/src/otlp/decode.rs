//! From a body to the records in it.

use std::fmt;

use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};
use prost::Message;
use serde::de::DeserializeOwned;

use super::{json, logs, metrics, repair::repair, traces};
use crate::{error::IngestError, records::Records};

/// What a request exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Logs,
    Traces,
    Metrics,
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Protobuf,
    Json,
}

impl Signal {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Traces => "traces",
            Self::Metrics => "metrics",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Protobuf => "protobuf",
            Self::Json => "JSON",
        })
    }
}

impl Format {
    /// What a body of unsaid type is: JSON where it begins as such, which protobuf does not.
    pub(super) fn of(body: &[u8]) -> Self {
        if matches!(body.first(), Some(b'{' | b'[')) { Self::Json } else { Self::Protobuf }
    }
}

/// Finds the records in a body.
///
/// # Errors
/// [`IngestError::Body`] where the body is something else.
pub(super) fn decode(
    signal: Signal,
    format: Format,
    body: Vec<u8>,
    records: &mut dyn Records,
) -> Result<(), IngestError> {
    let found = match signal {
        Signal::Logs => read::<ExportLogsServiceRequest>(signal, format, body)
            .map(|requests| requests.iter().for_each(|request| logs::find(request, records))),
        Signal::Traces => read::<ExportTraceServiceRequest>(signal, format, body)
            .map(|requests| requests.iter().for_each(|request| traces::find(request, records))),
        Signal::Metrics => read::<ExportMetricsServiceRequest>(signal, format, body)
            .map(|requests| requests.iter().for_each(|request| metrics::find(request, records))),
    };
    found.map_err(|reason| {
        IngestError::Body(format!("it is no export of {signal} in OTLP's {format}: {reason}"))
    })
}

fn read<T: Message + Default + DeserializeOwned>(
    signal: Signal,
    format: Format,
    mut body: Vec<u8>,
) -> Result<Vec<T>, String> {
    if format == Format::Json {
        return json::read(body).map_err(|error| error.to_string());
    }
    // Messages one after the other are one message, which is how Vector sends them.
    let mut request = T::decode(body.as_slice());
    if request.is_err() && repair(signal, &mut body) {
        request = T::decode(body.as_slice());
    }
    request.map(|request| vec![request]).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
