//! From a body to the records in it.
//!
//! A body is known by what is in it: Vector leaves the `content-type` out for most of its codecs,
//! and senders get it wrong. It counts only where the body leaves a choice.
//!
//! ```text
//! [           a list
//! {           one object, {"batch": […]}, or objects one after the other
//! [x, {x      text, where that cannot become JSON: `[error] no such file`
//! 0x83        an Erlang term
//! 0x00 …      frames that begin with their length: Vector's native codec
//! anything    text, one event per line
//! nothing     no events
//! ```

mod bert;
mod form;
mod frames;
mod json;
mod lines;
mod load;
mod lossy;
mod native;
mod syslog;

pub(crate) use self::{
    load::{Load, most_values, outer_objects},
    lossy::without_nul,
};

use std::borrow::Cow;

use event_schemas::{Value, parse, repair};

use crate::{
    error::IngestError,
    fields,
    formats::{self, Attributes, Form},
    paths::Format,
    records::{Decode, Record, Records},
    request::{Media, Route},
};

const BOM: &[u8] = b"\xef\xbb\xbf";
const ESCAPE: u8 = 0x1b;
const DELETE: u8 = 0x7f;

/// How a request's body is read.
#[derive(Debug, Clone)]
pub(crate) struct Decoder {
    pub(crate) format: Format,
    pub(crate) media: Media,
    /// The attributes of CloudEvents, which come in headers.
    pub(crate) attributes: Attributes,
    /// Whether URL or headers say already where events go.
    pub(crate) routed: bool,
}

impl Decode for Decoder {
    fn needs(&self, body: &[u8]) -> Result<usize, IngestError> {
        Ok(self.load(body).bytes())
    }

    fn decode(mut self, body: Vec<u8>, records: &mut dyn Records) -> Result<(), IngestError> {
        if self.format == Format::Events && self.media == Media::CspReport {
            self.format = Format::BrowserReports;
        }
        if self.format == Format::Events {
            return self.sniff(body, records);
        }
        let mut adapted =
            Adapted { format: self.format, attributes: self.attributes.clone(), records };
        self.sniff(body, &mut adapted)
    }
}

impl Decoder {
    fn load(&self, body: &[u8]) -> Load {
        let body = body.strip_prefix(BOM).unwrap_or(body);
        if self.format == Format::Syslog {
            return syslog::load(body);
        }
        match body.trim_ascii_start() {
            [bert::VERSION, ..] => bert::load(body),
            [first, ..] if is_binary(*first) => frames::load(body),
            _ if self.media == Media::Form => form::load(body),
            _ if json::is_list(body, self) => load::of_json(body),
            _ => load::of_text(body),
        }
    }

    fn sniff(&self, mut body: Vec<u8>, records: &mut dyn Records) -> Result<(), IngestError> {
        if body.starts_with(BOM) {
            body.drain(..BOM.len());
        }
        if body.iter().all(|&byte| byte.is_ascii_whitespace() || byte == 0) {
            return Ok(());
        }
        if self.format == Format::Syslog {
            return syslog::decode(&body, records);
        }
        match *body.trim_ascii_start() {
            [b'[' | b'{', ..] => json::decode(&repair(body), self, records),
            [bert::VERSION, ..] => bert::decode(&body, self, records),
            [first, ..] if is_binary(first) => frames::decode(body, self, records),
            [b'-', b'-', ..] if self.media == Media::Multipart => Err(IngestError::Multipart),
            _ if self.media == Media::Form && form::is_form(&body) => {
                form::decode(&body, self, records)
            }
            _ => self.text(body, records),
        }
    }

    /// What is neither a list nor an object.
    fn text(&self, body: Vec<u8>, records: &mut dyn Records) -> Result<(), IngestError> {
        match self.media {
            Media::Lines => lines::decode(&repair(body), self, records),
            Media::Text => lines::texts(&lossy::text(body), self, records),
            _ => {
                let text = lossy::text(body);
                let Ok(scalar) = parse(text.trim_ascii()) else {
                    return lines::texts(&text, self, records);
                };
                self.take(Form::Scalar)?;
                let event = vec![(Cow::Borrowed("_json"), scalar)];
                records.record(Record::Value(Value::Object(event)));
                Ok(())
            }
        }
    }

    /// Whether a form is one that the path takes.
    fn take(&self, form: Form) -> Result<(), IngestError> {
        if formats::takes(self.format, form) {
            Ok(())
        } else {
            let (found, expected) = (form.name(), formats::expected(self.format));
            Err(IngestError::Form { found, expected })
        }
    }

    /// Hands over an object that is the whole body, and the source that it names.
    fn lone(
        &self,
        text: Option<&str>,
        object: Vec<(Cow<'_, str>, Value<'_>)>,
        records: &mut dyn Records,
    ) -> Result<(), IngestError> {
        self.take(Form::Object)?;
        records.route(route(&object));
        let event = formats::of_object(self.format, text, object, self.routed);
        records.record(Record::Value(event));
        Ok(())
    }
}

/// Whether no text begins with this byte.
fn is_binary(first: u8) -> bool {
    first < b' ' && first != ESCAPE || first == DELETE
}

/// Where an object's own fields say that events go.
fn route(object: &[(Cow<'_, str>, Value<'_>)]) -> Route {
    Route::of(|name| fields::text(object, name))
}

/// Makes events of what a path's senders send.
struct Adapted<'r> {
    format: Format,
    attributes: Attributes,
    records: &'r mut dyn Records,
}

impl Records for Adapted<'_> {
    fn route(&mut self, route: Route) {
        self.records.route(route);
    }

    fn is_full(&self) -> bool {
        self.records.is_full()
    }

    fn record(&mut self, record: Record<'_>) {
        self.records.record(match record {
            // It is only counted.
            record if self.records.is_full() => record,
            Record::Value(value) => {
                Record::Value(formats::adapt(self.format, &self.attributes, value))
            }
            unreadable @ Record::Unreadable { .. } => unreadable,
        });
    }
}

#[cfg(test)]
mod tests;
