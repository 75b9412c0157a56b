//! The way from bytes to events, for the fuzzer (`fuzz/`).

use event_schemas::Event;

use crate::{
    body::{Encoding, inflate},
    decode::Decoder,
    formats::Attributes,
    paths::Format,
    records::{Decode as _, Record, Records},
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

const MEDIA: [Media; 6] =
    [Media::Other, Media::Text, Media::Lines, Media::Form, Media::Multipart, Media::CspReport];

const ENCODINGS: [&str; 7] = ["", "gzip", "deflate", "zstd", "snappy", "br", "gzip,zstd"];

/// Hands over the events of a request. Its first three bytes choose path, `content-type` and
/// `content-encoding`.
pub fn ingest(data: &[u8], each: &mut dyn FnMut(&Event<'_>)) {
    let &[format, media, encoding, ref body @ ..] = data else { return };
    let Ok(encoding) = Encoding::named(chosen(&ENCODINGS, encoding)) else { return };
    let Ok(body) = inflate(body.to_vec(), encoding, LIMIT) else { return };
    let decoder = Decoder {
        format: chosen(&FORMATS, format),
        media: chosen(&MEDIA, media),
        attributes: Attributes::default(),
    };
    // What is wrong with a body is told, and that is all that is asked here.
    _ = decoder.decode(body, &mut Normalised { each });
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
