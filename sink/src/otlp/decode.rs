//! From a body to the records in it.

use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};
use serde::de::DeserializeOwned;

use super::{json, logs, messages::Message, metrics, repair::repair, traces};
use crate::{
    decode::{Load, most_values, outer_objects},
    error::IngestError,
    limits::MAX_BODY_VALUES,
    protobuf::weight,
    records::{Decode, Records},
};

/// What a request exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Logs,
    Traces,
    Metrics,
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
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

impl Signal {
    /// In how many objects and lists its records lie at most, in JSON.
    fn depth_in_json(self) -> usize {
        match self {
            // [{"resourceSpans": [{"scopeSpans": [{"spans": [{…
            Self::Logs | Self::Traces => 7,
            // …[{"metrics": [{"sum": {"dataPoints": [{…
            Self::Metrics => 10,
        }
    }
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Protobuf => "protobuf",
            Self::Json => "JSON",
        }
    }

    /// What a body of unsaid type is: JSON where it begins as such, which protobuf does not.
    pub(super) fn of(body: &[u8]) -> Self {
        if matches!(body.first(), Some(b'{' | b'[')) { Self::Json } else { Self::Protobuf }
    }
}

/// How an export is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decoder {
    pub(crate) signal: Signal,
    /// As the sender says it; the body shows it where the sender says nothing.
    pub(crate) format: Option<Format>,
}

impl Decode for Decoder {
    fn needs(&self, body: &[u8]) -> Result<usize, IngestError> {
        self.load(body).map(Load::bytes)
    }

    fn decode(self, body: Vec<u8>, records: &mut dyn Records) -> Result<(), IngestError> {
        let (signal, format) = (self.signal, self.format_of(&body));
        let found = match signal {
            Signal::Logs => each::<ExportLogsServiceRequest>(signal, format, body, |request| {
                logs::find(request, records);
            }),
            Signal::Traces => each::<ExportTraceServiceRequest>(signal, format, body, |request| {
                traces::find(request, records);
            }),
            Signal::Metrics => {
                each::<ExportMetricsServiceRequest>(signal, format, body, |request| {
                    metrics::find(request, records);
                })
            }
        };
        let (signal, format) = (signal.name(), format.name());
        found.map_err(|error| match error {
            Unread::NotOtlp(reason) => IngestError::NotOtlp { signal, format, reason },
            Unread::TooManyValues => IngestError::TooManyValues,
        })
    }
}

impl Decoder {
    /// What an export holds at most. All of its values are read at once.
    fn load(&self, body: &[u8]) -> Result<Load, IngestError> {
        let weight = match self.format_of(body) {
            // Whether they are too many is certain when strings are told from the rest.
            Format::Json => most_values(body).min(MAX_BODY_VALUES),
            Format::Protobuf => weight(Message::Request(self.signal), body, MAX_BODY_VALUES + 1),
        };
        if weight > MAX_BODY_VALUES {
            return Err(IngestError::TooManyValues);
        }
        let events = match self.format_of(body) {
            Format::Json => outer_objects(body, self.signal.depth_in_json()),
            Format::Protobuf => Message::Request(self.signal).records(body),
        };
        Ok(Load { events, values: weight })
    }

    fn format_of(&self, body: &[u8]) -> Format {
        self.format.unwrap_or_else(|| Format::of(body))
    }
}

/// Why a body is not read.
#[derive(Debug)]
pub(super) enum Unread {
    NotOtlp(String),
    TooManyValues,
}

/// Takes each request of a body.
fn each<T: prost::Message + Default + DeserializeOwned>(
    signal: Signal,
    format: Format,
    body: Vec<u8>,
    take: impl FnMut(&T),
) -> Result<(), Unread> {
    read(signal, format, body).map(|requests| requests.iter().for_each(take))
}

fn read<T: prost::Message + Default + DeserializeOwned>(
    signal: Signal,
    format: Format,
    mut body: Vec<u8>,
) -> Result<Vec<T>, Unread> {
    if format == Format::Json {
        return json::read(body);
    }
    // Messages one after the other are one message, which is how Vector sends them.
    let mut request = T::decode(body.as_slice());
    if request.is_err() && repair(signal, &mut body) {
        request = T::decode(body.as_slice());
    }
    request.map(|request| vec![request]).map_err(|error| Unread::NotOtlp(error.to_string()))
}

#[cfg(test)]
mod tests;
