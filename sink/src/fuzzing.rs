//! The way from bytes to events, for the fuzzer (`fuzz/`) and for tests of what it takes.

use event_schemas::{Event, Reason, Value};
use store::Batch;

use crate::{
    body::{Encoding, inflate},
    collected::no_object,
    decode::Decoder,
    error::IngestError,
    formats::Attributes,
    inflated::WEIGHT,
    limits::Tally,
    otlp::{self, Signal},
    paths::Format,
    records::{Decode, Record, Records},
    request::{Media, Route},
};

const LIMIT: usize = 1 << 20;

/// 2026-11-20T12:00:00Z
const NOW: i64 = 1_795_176_000_000_000;

const FORMATS: [Format; 12] = [
    Format::Events,
    Format::Json,
    Format::BrowserReports,
    Format::CloudEvents,
    Format::Vercel,
    Format::Netlify,
    Format::BeamLogger,
    Format::Typecasts,
    Format::Syslog,
    Format::GitHub,
    Format::Vector,
    Format::Cloudflare,
];

const MEDIA: [Media; 7] = [
    Media::Other,
    Media::Text,
    Media::Lines,
    Media::Form,
    Media::Multipart,
    Media::CspReport,
    Media::Json,
];

const ENCODINGS: [&str; 7] = ["", "gzip", "deflate", "zstd", "snappy", "br", "gzip,zstd"];

const EXPORTS: [(Signal, otlp::Format); 6] = [
    (Signal::Logs, otlp::Format::Protobuf),
    (Signal::Traces, otlp::Format::Protobuf),
    (Signal::Metrics, otlp::Format::Protobuf),
    (Signal::Logs, otlp::Format::Json),
    (Signal::Traces, otlp::Format::Json),
    (Signal::Metrics, otlp::Format::Json),
];

/// Hands over the events of a request. Its first three bytes choose path, `content-type` and
/// `content-encoding`: each the place in the lists above, the exports behind the formats.
pub fn ingest(data: &[u8], each: &mut dyn FnMut(&Event<'_>)) {
    let &[path, media, encoding, ref body @ ..] = data else { return };
    let Ok(encoding) = Encoding::named(chosen(&ENCODINGS, encoding)) else { return };
    let Ok(body) = inflate(body.to_vec(), encoding, LIMIT) else { return };
    // What is wrong with a body is told, and that is all that is asked here.
    _ = read(path, chosen(&MEDIA, media), body, &mut Normalised { each });
}

/// Reads a body as the sink does, up to the batch of its events, which it gives. `path` and `media`
/// are chosen as in [`ingest`].
///
/// # Errors
/// The text that its sender would get.
pub fn batch(path: u8, media: u8, body: Vec<u8>, max_body_bytes: usize) -> Result<Batch, String> {
    let body = inflate(body, Encoding::Identity, max_body_bytes).map_err(|e| e.to_string())?;
    let mut batched = Batched { tally: Tally::new(max_body_bytes), batch: Batch::default() };
    read(path, chosen(&MEDIA, media), body, &mut batched).map_err(|error| error.to_string())?;
    batched.tally.broken().map_or(Ok(batched.batch), |error| Err(error.to_string()))
}

/// The memory in bytes that the sink counts for a body, as [`batch`] reads it.
///
/// # Errors
/// The text that its sender would get, where it would be too much.
pub fn counted(path: u8, media: u8, body: &[u8]) -> Result<usize, String> {
    let media = chosen(&MEDIA, media);
    let needs = match decoder(path, media) {
        Ok(events) => events.needs(body),
        Err(export) => export.needs(body),
    };
    needs.map(|needs| body.len() * WEIGHT + needs).map_err(|error| error.to_string())
}

/// What reads the events of a path, or an export.
fn decoder(path: u8, media: Media) -> Result<Decoder, otlp::Decoder> {
    let path = usize::from(path) % (FORMATS.len() + EXPORTS.len());
    if let Some((signal, format)) = path.checked_sub(FORMATS.len()).map(|place| EXPORTS[place]) {
        return Err(otlp::Decoder { signal, format: Some(format) });
    }
    let (format, attributes) = (FORMATS[path], Attributes::default());
    Ok(Decoder { format, media, attributes, routed: false })
}

fn read(
    path: u8,
    media: Media,
    body: Vec<u8>,
    records: &mut dyn Records,
) -> Result<(), IngestError> {
    match decoder(path, media) {
        Ok(events) => checked(events, body, records),
        Err(export) => checked(export, body, records),
    }
}

fn checked(
    decoder: impl Decode,
    body: Vec<u8>,
    records: &mut dyn Records,
) -> Result<(), IngestError> {
    decoder.needs(&body)?;
    decoder.decode(body, records)
}

fn chosen<T: Copy>(from: &[T], byte: u8) -> T {
    from[usize::from(byte) % from.len()]
}

struct Normalised<'e> {
    each: &'e mut dyn FnMut(&Event<'_>),
}

impl Records for Normalised<'_> {
    fn route(&mut self, _: Route) {}

    fn record(&mut self, record: Record<'_>) {
        if let Record::Value(value) = record
            && let Ok(event) = Event::normalise(value, NOW)
        {
            (self.each)(&event);
        }
    }
}

/// Keeps events as a request's work does.
struct Batched {
    tally: Tally,
    batch: Batch,
}

impl Records for Batched {
    fn route(&mut self, _: Route) {}

    fn is_full(&self) -> bool {
        self.tally.broken().is_some()
    }

    fn record(&mut self, record: Record<'_>) {
        let record = self.tally.count(record);
        if self.is_full() {
            self.batch = Batch::default();
            return;
        }
        match record {
            Record::Value(value @ Value::Object(_)) => {
                if let Ok(event) = Event::normalise(value, NOW) {
                    self.batch.push(&event);
                }
            }
            Record::Value(value) => self.reject(value.to_json(), no_object(&value)),
            Record::Unreadable { text, reason } => self.reject(text.into_owned(), reason),
        }
    }
}

impl Batched {
    fn reject(&mut self, event: String, reason: String) {
        let reasons = vec![Reason { path: String::new(), text: reason }];
        self.batch.reject(event, self.tally.kept(reasons));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A seed that is refused at the door teaches the fuzzer little.
    #[test]
    fn seeds_hold_events() {
        let folder =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/ingest_decode");
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let mut count = 0;
            ingest(&std::fs::read(&path).unwrap(), &mut |_| count += 1);
            let refused = path.file_name().unwrap() == "multipart";
            assert_eq!(count == 0, refused, "{}", path.display());
        }
    }
}
