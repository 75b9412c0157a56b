use event_schemas::{MAX_VALUES, TooManyValues};
use proptest::prelude::*;
use warp::http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};

use super::*;
use crate::{
    body::{Encoding, inflate},
    records::testing::Kept,
};

const LIMIT: usize = 1 << 20;

fn decoder(format: Format, media: Media) -> Decoder {
    Decoder { format, media, attributes: Attributes::default(), routed: false }
}

fn read(format: Format, media: Media, body: &[u8]) -> Result<Kept, IngestError> {
    let mut kept = Kept::default();
    let body = inflate(body.to_vec(), Encoding::Identity, LIMIT)?;
    decoder(format, media).decode(body, &mut kept).map(|()| kept)
}

fn records(body: &str) -> Vec<String> {
    read(Format::Events, Media::Other, body.as_bytes()).unwrap().records
}

fn refusal(format: Format, media: Media, body: &[u8]) -> String {
    read(format, media, body).unwrap_err().to_string()
}

#[test]
fn knows_the_forms() {
    for (body, values) in [
        (r#"[{"a":1},{"a":2}]"#, &[r#"{"a":1}"#, r#"{"a":2}"#][..]),
        ("[\n  {\"a\": 1}\n]\n", &[r#"{"a":1}"#]),
        ("[{\n\"a\":1\n},{\n\"a\":2\n}]", &[r#"{"a":1}"#, r#"{"a":2}"#]),
        (r#"{"batch":[{"a":1},5],"source":"x"}"#, &[r#"{"a":1}"#, "5"]),
        ("{\n \"x\": {\"batch\": 1},\n \"batch\": [\n  {\"a\": 1}\n ]\n}", &[r#"{"a":1}"#]),
        (r#"{"batch":"no list"}"#, &[r#"{"batch":"no list"}"#]),
        (r#"{"batch":[],"batch":{}}"#, &[]),
        (r#" {"a":1} "#, &[r#"{"a":1}"#]),
        ("{\n  \"a\": {\n    \"b\": 1\n  }\n}\n", &[r#"{"a":{"b":1}}"#]),
        ("[]", &[]),
        ("{}", &["{}"]),
        ("5", &[r#"{"_json":5}"#]),
        (" \"text\"\n", &[r#"{"_json":"text"}"#]),
        (r#"[{"a":1e999},{"b":2}]"#, &[r#"{"a":1e999}"#, r#"{"b":2}"#]),
        (r#"{"batch":[{"a":1e999},{"b":2}]}"#, &[r#"{"a":1e999}"#, r#"{"b":2}"#]),
        ("\u{feff}[{\"a\":1}]", &[r#"{"a":1}"#]),
        ("", &[]),
        (" \r\n", &[]),
        ("\0\0\0\0", &[]),
    ] {
        assert_eq!(records(body), values, "{body}");
    }
}

#[test]
fn knows_lines() {
    for (body, values) in [
        ("{\"a\":1}\n{\"a\":2}", &[r#"{"a":1}"#, r#"{"a":2}"#][..]),
        ("{\"a\":1}\r\n\r\n{\"a\":2}\r\n", &[r#"{"a":1}"#, r#"{"a":2}"#]),
        ("{\"a\":1}\0{\"a\":2}\0", &[r#"{"a":1}"#, r#"{"a":2}"#]),
        ("{\"a\":1}\0", &[r#"{"a":1}"#]),
        // Vector's framing `bytes`, pretty or not.
        ("{\"a\":1}{\"a\":2}", &[r#"{"a":1}"#, r#"{"a":2}"#]),
        ("{\n\"a\":1\n}\n{\n\"a\":2\n}\n", &[r#"{"a":1}"#, r#"{"a":2}"#]),
        // native_json
        (
            "{\"log\":{\"a\":1}}\n{\"trace\":{\"b\":2}}\n{\"metric\":{\"name\":\"m\",\"counter\":{\"value\":1}}}\n",
            &[
                r#"{"a":1}"#,
                r#"{"b":2}"#,
                r#"{"event_message":"m","metadata":{"type":"metric"},"metric_type":"counter","value":1}"#,
            ],
        ),
        ("{\"log\":{\"a\":1}}\n", &[r#"{"a":1}"#]),
        // gelf
        (
            "{\"version\":\"1.1\",\"host\":\"h\",\"short_message\":\"m\"}\0{\"a\":1}\0",
            &[
                r#"{"version":"1.1","host":"h","short_message":"m","event_message":"m"}"#,
                r#"{"a":1}"#,
            ],
        ),
        // Logpush
        (
            "{\"EdgeStartTimestamp\": 7}\n{\"a\":1}\n",
            &[
                r#"{"event_message":"{\"EdgeStartTimestamp\": 7}","metadata":{"EdgeStartTimestamp":7},"timestamp":7}"#,
                r#"{"a":1}"#,
            ],
        ),
        (
            "{\"EdgeStartTimestamp\":7}\n",
            &[
                r#"{"event_message":"{\"EdgeStartTimestamp\":7}","metadata":{"EdgeStartTimestamp":7},"timestamp":7}"#,
            ],
        ),
        // What cannot be read does not harm its neighbours.
        (
            "{\"a\":1}\n{\"a\":\n5\n{\"a\":2}",
            &[
                r#"{"a":1}"#,
                "{\"a\": !! no JSON: EOF while parsing a value at line 1 column 5",
                "5",
                r#"{"a":2}"#,
            ],
        ),
        (
            "{\"a\"}\n{\"a\":2}\n",
            &["{\"a\"} !! no JSON: expected `:` at line 1 column 5", r#"{"a":2}"#],
        ),
    ] {
        assert_eq!(records(body), values, "{body}");
    }
}

#[test]
fn knows_text() {
    for (media, body, values) in [
        (Media::Other, &b"one\ntwo \r\n\n  three"[..], &["one", "two ", "  three"][..]),
        (Media::Other, b"<13>1 - - - - - - m", &["<13>1 - - - - - - m"]),
        (Media::Other, b"level=info msg=\"a b\"\n", &["level=info msg=\\\"a b\\\""]),
        (Media::Other, b"a\xffb\n\x1b[31mred", &["a\u{fffd}b", "\\u001b[31mred"]),
        (Media::Other, b"a\\u0000\\ud800", &["a\\\\u0000\\\\ud800"]),
        (Media::Other, b"12 monkeys", &["12 monkeys"]),
        (Media::Text, b"12", &["12"]),
        (Media::Text, b"[error] no such file\n{x}", &["[error] no such file", "{x}"]),
        (Media::Text, b"{x} is no JSON", &["{x} is no JSON"]),
        // Vector's codecs csv, logfmt, cef and syslog come without a content type.
        (Media::Other, b"[info] GET /,200\nx,404\n", &["[info] GET /,200", "x,404"]),
        (Media::Other, b"[notice],1\n", &["[notice],1"]),
        (Media::Other, b"[7] a=b\n", &["[7] a=b"]),
        (Media::Other, b"{a}=b c=d\n{\"a\":1}", &["{a}=b c=d", "{\\\"a\\\":1}"]),
        (Media::Other, b"[2026-11-25T10:00:00Z] up", &["[2026-11-25T10:00:00Z] up"]),
        (Media::Other, b"[25/Nov/2026:10:00:00 +0000] x", &["[25/Nov/2026:10:00:00 +0000] x"]),
        (Media::Other, b"[   12.345] usb 1-1: new", &["[   12.345] usb 1-1: new"]),
        (Media::Other, b"[[cut]] -", &["[[cut]] -"]),
        (Media::Other, b"[] empty", &["[] empty"]),
        (Media::Form, b"[error] no such file", &["[error] no such file"]),
        // curl says that everything is a form.
        (Media::Form, b"hello", &["hello"]),
        (Media::Form, b"a=b c=d", &["a=b c=d"]),
    ] {
        let texts: Vec<_> =
            values.iter().map(|text| format!(r#"{{"event_message":"{text}"}}"#)).collect();
        let read = read(Format::Events, media, body).unwrap();
        assert_eq!(read.records, texts, "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn the_media_type_counts_only_where_there_is_a_choice() {
    for media in
        [Media::Text, Media::Lines, Media::Form, Media::Multipart, Media::Json, Media::Other]
    {
        for body in
            [r#"[{"a":1},{"b":2}]"#, r#"{"batch":[{"a":1},{"b":2}]}"#, "{\"a\":1}\n{\"b\":2}"]
        {
            let read = read(Format::Events, media, body.as_bytes()).unwrap();
            assert_eq!(read.records, [r#"{"a":1}"#, r#"{"b":2}"#], "{media:?} {body}");
        }
    }
    for (media, body, values) in [
        (Media::Lines, "{\"a\":1}", &[r#"{"a":1}"#][..]),
        (Media::Lines, "{\"batch\":[{}]}\n{\"batch\":[{}]}", &[r#"{"batch":[{}]}"#; 2]),
        (
            Media::Lines,
            "x\n{\"a\":1}",
            &["x !! no JSON: expected value at line 1 column 1", r#"{"a":1}"#],
        ),
        (
            Media::Lines,
            "[x\n{\"a\":1}",
            &["[x !! no JSON: expected value at line 1 column 2", r#"{"a":1}"#],
        ),
        (
            Media::Text,
            "{\"a\":1}\nx\n7",
            &[r#"{"a":1}"#, r#"{"event_message":"x"}"#, r#"{"event_message":"7"}"#],
        ),
        (Media::Form, "a=1&b=%C3%A9+%00&a=2", &["{\"a\":\"1\",\"b\":\"é \u{fffd}\",\"a\":\"2\"}"]),
        (
            Media::CspReport,
            r#"{"csp-report":{}}"#,
            &[r#"{"message":"{\"csp-report\":{}}","metadata":{"csp-report":{}}}"#],
        ),
        (
            Media::Other,
            r#"{"csp-report":{}}"#,
            &[r#"{"message":"{\"csp-report\":{}}","metadata":{"csp-report":{}}}"#],
        ),
    ] {
        assert_eq!(read(Format::Events, media, body.as_bytes()).unwrap().records, values, "{body}");
    }
}

/// Whoever says that it sends lines is not turned away when none can be read: each is kept.
#[test]
fn lines_of_which_none_can_be_read_are_kept() {
    for (body, count) in [("{\"a\":", 1), ("{\"a\":\n{\"b\"\n", 2)] {
        let kept = read(Format::Events, Media::Lines, body.as_bytes()).unwrap().records;
        assert_eq!(kept.len(), count, "{kept:?}");
        assert!(kept.iter().all(|record| record.contains(" !! ")), "{kept:?}");
    }
}

/// What Cloudflare calls lines is lines, also where there is one. One object of another type is an
/// event, and its `source` no field of it where it says where the event goes.
#[test]
fn one_line_of_cloudflare_is_as_many() {
    let line = br#"{"source":"s","Datetime":5}"#;
    let event = r#"{"event_message":"{\"source\":\"s\",\"Datetime\":5}","metadata":{"source":"s","Datetime":5},"timestamp":5}"#;
    for media in [Media::Text, Media::Lines] {
        for count in [1, 2] {
            let body = [&line[..], b"\n"].concat().repeat(count);
            let kept = read(Format::Cloudflare, media, &body).unwrap();
            assert_eq!(
                (kept.records, kept.route),
                (vec![event.to_owned(); count], Route::default())
            );
        }
    }
    for (routed, expected) in
        [(false, r#"{"Datetime":5}"#), (true, r#"{"source":"s","Datetime":5}"#)]
    {
        let mut kept = Kept::default();
        let decoder = Decoder { routed, ..decoder(Format::Cloudflare, Media::Other) };
        decoder.decode(line.to_vec(), &mut kept).unwrap();
        assert_eq!(kept.records, [expected]);
        assert_eq!(kept.route, Route::to_token_or_name("s"));
    }
}

#[test]
fn one_line_is_lines_where_an_object_is_not_taken() {
    let line = b"{\"source\":\"build\"}\n";
    let taken = read(Format::Vercel, Media::Lines, line).unwrap();
    assert_eq!(taken.records, [r#"{"message":"build","metadata":{"source":"build"}}"#]);
    assert!(read(Format::Vercel, Media::Other, line).is_err());
    assert!(read(Format::Typecasts, Media::Lines, line).is_err());
}

#[test]
fn says_where_the_json_ends() {
    for (media, text) in [
        (Media::Other, "["),
        (Media::Other, "[1,]"),
        (Media::Other, "[{\"a\":1}\n{\"a\":2}]"),
        (Media::Other, "[{}"),
        (Media::Other, "[ [ null, nonsense"),
        (Media::Other, "{\"a\":1"),
        (Media::Other, "{\"batch\":[{}}"),
        (Media::Json, "{]"),
        (Media::Json, "[1]2"),
        (Media::Json, "[error] no such file"),
        (Media::Json, "{level=info}"),
    ] {
        let error = read(Format::Events, media, text.as_bytes()).unwrap_err();
        assert!(matches!(error, IngestError::NotJson(_)), "{text}: {error}");
    }
    let error = refusal(Format::Events, Media::Other, b"{\n \"a\": 1,\n \"b\" 2\n}");
    assert!(error.contains("line 3 column 6") && error.contains("a list of objects"), "{error}");
    let error = refusal(Format::Events, Media::Multipart, b"--x\r\ncontent-disposition");
    assert!(error.contains("send JSON"), "{error}");
}

#[test]
fn knows_frames() {
    let framed = |frames: &[&[u8]]| {
        let frame = |frame: &&[u8]| {
            [&u32::try_from(frame.len()).unwrap().to_be_bytes()[..], frame].concat()
        };
        frames.iter().flat_map(frame).collect::<Vec<_>>()
    };
    // EventArray { logs: LogArray { logs: [Log { fields: {"a": 1} }] } }
    let event: &[u8] = b"\x0a\x0b\x0a\x09\x0a\x07\x0a\x01a\x12\x02\x20\x01";
    for (body, values) in [
        (framed(&[event, event]), &[r#"{"a":1}"#, r#"{"a":1}"#][..]),
        (framed(&[event, b""]), &[r#"{"a":1}"#]),
        (framed(&[br#"{"a":2}"#, br#"{"log":{"a":3}}"#]), &[r#"{"a":2}"#, r#"{"a":3}"#]),
    ] {
        assert_eq!(read(Format::Events, Media::Other, &body).unwrap().records, values);
    }
    let damaged = read(Format::Events, Media::Other, &framed(&[event, b"\x0axx", event])).unwrap();
    assert_eq!(damaged.records.len(), 3);
    assert!(damaged.records[1].contains("\nxx !! no event of Vector's: "), "{damaged:?}");
    for (body, frame) in [
        (framed(&[b"\x0axx", event]), "frame 1"),
        (framed(&[event, event])[..20].to_vec(), "frame 2"),
        (b"\x00".to_vec(), ""),
        (b"\x01\x02".to_vec(), "frame 1"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03".to_vec(), "frame 1"),
    ] {
        let result = read(Format::Events, Media::Other, &body);
        match result {
            Ok(kept) => assert!(frame.is_empty() && kept.records.is_empty(), "{kept:?}"),
            Err(error) => assert!(error.to_string().contains(frame), "{error}"),
        }
    }
}

/// `#{<<"batch">> => […], <<"source">> => <<"s">>}`
fn bert(batch: &[u8]) -> Vec<u8> {
    let binary = |text: &str| {
        [&[109, 0, 0, 0, u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat()
    };
    let parts =
        [&[131, 116, 0, 0, 0, 2][..], &binary("batch"), batch, &binary("source"), &binary("s")];
    parts.concat()
}

/// A list of `#{message => <<"m">>, level => error}` and `5`.
const BATCH: &[u8] = b"\x6c\0\0\0\x02\x74\0\0\0\x02\x77\x07message\x6d\0\0\0\x01m\x77\x05level\x77\x05error\x61\x05\x6a";

#[test]
fn knows_bert() {
    let event = r#"{"message":"m","level":"error"}"#;
    for format in [Format::Events, Format::BeamLogger] {
        let kept = read(format, Media::Other, &bert(BATCH)).unwrap();
        assert_eq!(kept.records, [event, "5"]);
        assert_eq!(kept.route, Route::to_token_or_name("s"));
    }
    let term = bert(BATCH);
    let compressed = |size: u32| {
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut zlib, &term[1..]).unwrap();
        [&[131, 80][..], &size.to_be_bytes(), &zlib.finish().unwrap()].concat()
    };
    for size in [7, u32::MAX] {
        let kept = read(Format::BeamLogger, Media::Other, &compressed(size)).unwrap();
        assert_eq!(kept.records, [event, "5"]);
    }
    let list = [&[131][..], BATCH].concat();
    assert_eq!(read(Format::Events, Media::Other, &list).unwrap().records, [event, "5"]);
    let lone = b"\x83\x74\0\0\0\x01\x77\x07message\x61\x05";
    assert_eq!(read(Format::Events, Media::Other, lone).unwrap().records, [r#"{"message":5}"#]);
    for (body, reason) in [
        (&b"\x83"[..], "a single value"),
        (&bert(BATCH)[..50], "it is cut"),
        (b"\x83\x74\0\0\0\x01\x77\x05batch\x6c\xff\xff\xff\xff", "it is cut"),
        (b"\x83\x50\0\0\0\0nonsense", "cannot be inflated"),
        (&list, "this path takes {\"batch\": [event, …]}"),
        (lone, "the body is one object"),
    ] {
        let error = refusal(Format::BeamLogger, Media::Other, body);
        assert!(error.contains(reason), "{error}");
    }
}

/// An event with a field for each value that may be, and one more.
fn too_many_values() -> String {
    let fields: Vec<_> = (0..MAX_VALUES).map(|place| format!("\"{place}\":0")).collect();
    format!("{{{}}}", fields.join(","))
}

#[test]
fn an_event_of_too_many_values_does_not_harm_its_neighbours() {
    let many = too_many_values();
    let nested = format!("{{\"source\":\"s\",\"a\":{many}}}");
    let kept = |text: &str| format!("{text} !! {TooManyValues}");
    for (format, media, body) in [
        (Format::Events, Media::Other, format!("[{{\"a\":1}},{many},{{\"b\":1}}]")),
        (Format::Events, Media::Other, format!("{{\"batch\":[{{\"a\":1}},{many},{{\"b\":1}}]}}")),
        (Format::Events, Media::Lines, format!("{{\"a\":1}}\n{many}\n{{\"b\":1}}\n")),
        (Format::Events, Media::Other, format!("{{\"a\":1}}{many}{{\"b\":1}}")),
    ] {
        let records = read(format, media, body.as_bytes()).unwrap().records;
        assert_eq!(records, [r#"{"a":1}"#, &kept(&many), r#"{"b":1}"#]);
    }
    let pretty = |text: &str| text.replacen(',', ",\n", 9);
    for (format, body) in [
        (Format::Events, many.clone()),
        (Format::Events, pretty(&many)),
        (Format::Events, nested.clone()),
        (Format::GitHub, many.clone()),
        (Format::GitHub, pretty(&nested)),
        (Format::Cloudflare, nested.clone()),
        (Format::Vector, nested.clone()),
    ] {
        let found = read(format, Media::Other, body.as_bytes()).unwrap();
        assert_eq!(found.records, [kept(&body)]);
        if body.contains("source") {
            assert_eq!(found.route, Route::to_token_or_name("s"));
        }
    }
    let form = vec!["a=1"; MAX_VALUES + 1].join("&");
    assert_eq!(read(Format::Events, Media::Form, form.as_bytes()).unwrap().records, [kept(&form)]);
    let syslog = |message: &str| format!("<13>1 - - - - - - {message}");
    let long = syslog(&"a=1 ".repeat(300_000));
    let body = [syslog("m"), long, syslog("n")].join("\n");
    let records = read(Format::Syslog, Media::Other, body.as_bytes()).unwrap().records;
    assert!(records[1].ends_with(" !! a syslog message of more than 1048576 bytes"));
    assert!(records.len() == 3 && records[2].starts_with(r#"{"message":"n""#));
}

#[test]
fn a_body_needs_memory_for_its_events_and_for_the_heaviest() {
    // EventArray { logs: [Log { fields: {"": [null, …]} }] }
    let list = [&b"\x0a\x00"[..]].concat().repeat(300);
    let framed = |message: &[u8]| {
        [&u32::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
    };
    let delimited = |tag: u8, inner: &[u8]| {
        let length = u16::try_from(inner.len()).unwrap();
        [&[tag, (length & 0x7f) as u8 | 0x80, (length >> 7) as u8][..], inner].concat()
    };
    let value = delimited(0x42, &list);
    let log = delimited(0x0a, &delimited(0x0a, &delimited(0x0a, &delimited(0x12, &value))));
    let (small, large) = (framed(b"\x0a\x02\x0a\x00"), framed(&log));
    let three = framed(b"\x0a\x04\x0a\0\x0a\0\x12\x02\x0a\0");
    let batch = [&b"\x83\x74\0\0\0\x02\x61\x01\x61\x02\x77\x05batch"[..], BATCH].concat();
    let escaped = b"payload=%7B%22a%22%3A%5B0%2c0%5D%7D";
    for (format, media, body, events, values) in [
        (Format::Events, Media::Other, &b""[..], 1, 1),
        (Format::Events, Media::Other, b"\xef\xbb\xbf[{\"a\":1,\"b\":[2,3]},{}]", 3, 5),
        (Format::Events, Media::Other, &b"[0,".repeat(MAX_VALUES), 2, MAX_VALUES),
        (Format::Events, Media::Other, b"[\n{},\n{}\n]", 3, 2),
        (Format::Events, Media::Json, b"[\n]", 2, 1),
        // It may be lines.
        (Format::Events, Media::Lines, b"[\n1,\n2,\n3\n]", 5, 2),
        (Format::Events, Media::Other, b"[error]\n\n[warning]", 3, 2),
        (Format::Events, Media::Other, b"a=1&b=2", 1, 4),
        (Format::GitHub, Media::Form, escaped, 1, 5),
        (Format::Events, Media::Other, &[&small[..], &large, &small].concat(), 3, 307),
        (Format::Events, Media::Other, &[&three[..], &framed(b"{\"a\":1}"), b"\0"].concat(), 4, 16),
        (Format::Events, Media::Other, &[131; 99], 1, 99),
        (Format::Events, Media::Other, &[131; MAX_VALUES + 9], 1, MAX_VALUES),
        (Format::Events, Media::Other, &[&[131][..], BATCH].concat(), 3, 43),
        (Format::Events, Media::Other, &batch, 3, 59),
        (Format::Events, Media::Other, b"\x83\x6c\xff\xff\xff\xff\x6a", 1, 7),
        (Format::Syslog, Media::Other, b"<1>a\n5 <1>ab5 <1>a=\n\n\n", 3, 2),
        (Format::Syslog, Media::Other, &b"a=".repeat(1 << 20), 1, 0),
    ] {
        let load = decoder(format, media).load(body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(30)]);
        assert_eq!(load, Load { events, values }, "{shown}");
    }
}

/// Ordinary bodies waited for less memory before their events were counted, and do so now.
#[test]
fn ordinary_bodies_need_little_more_than_their_text() {
    let event = r#"{"event_message":"GET | 200 | 10.0.0.1 | /rest/v1/todos","id":"6c1bd2f3-8f6e-4a54-9f0c-6f4c8f7f5a11","timestamp":1795176000000000,"metadata":{"request":{"method":"GET","path":"/rest/v1/todos","protocol":"HTTP/1.1"},"response":{"status_code":200,"headers":{"content_type":"application/json"}}}}"#;
    let events = vec![event; 1000];
    for (media, body) in [
        (Media::Json, format!("[{}]", events.join(","))),
        (Media::Other, format!("[{}]", events.join(",\n"))),
        (Media::Lines, events.join("\n")),
        (Media::Other, events.join("\n")),
    ] {
        let load = decoder(Format::Events, media).load(body.as_bytes());
        assert!(load.events <= 1001 && load.values < 20, "{load:?}");
        // As if all were one event.
        let before = most_values(body.as_bytes()) * crate::limits::VALUE_BYTES;
        assert!(load.bytes() < before, "{} of {before}", load.bytes());
    }
}

#[test]
fn a_body_names_its_source_where_it_is_one_object() {
    let route = |body| read(Format::Events, Media::Other, body).unwrap().route;
    for (body, expected) in [
        (
            &br#"{"batch":[{"source":"event"}],"collection_name":"c","source_name":"s\u00e9"}"#[..],
            Route::to_name("sé"),
        ),
        (br#"{"source":"t","message":"m"}"#, Route::to_token_or_name("t")),
        (br#"[{"source":"event"}]"#, Route::default()),
        (b"{\"source\":\"event\"}\n{\"source\":\"event\"}", Route::default()),
        (br#"{"source":7,"source_name":""}"#, Route::default()),
        (br#"{"source":7,"batch":[]}"#, Route::default()),
    ] {
        assert_eq!(route(body), expected, "{}", String::from_utf8_lossy(body));
    }
    let form = read(Format::Events, Media::Form, b"source_name=s&message=m").unwrap();
    assert_eq!(form.route, Route::to_name("s"));
}

#[test]
fn every_path_takes_its_own_forms() {
    let list: &[u8] = br#"[{"a":1},7]"#;
    let object: &[u8] = br#"{"a":1}"#;
    let batch: &[u8] = br#"{"batch":[{"a":1},7]}"#;
    let lines: &[u8] = b"{\"a\":1}\n7\n{\"a\n";
    let text: &[u8] = b"some text";
    let syslog: &[u8] = b"<13>1 - - - - - - a";
    use Format as F;
    for (format, taken) in [
        (F::Events, &[list, object, batch, lines, text, syslog][..]),
        (F::Json, &[list, object, batch, lines]),
        (F::BrowserReports, &[list, object, batch, lines]),
        (F::CloudEvents, &[list, object, batch, lines]),
        (F::Netlify, &[list, object, batch, lines]),
        (F::Vector, &[list, object, batch, lines]),
        (F::Vercel, &[list, lines]),
        (F::BeamLogger, &[batch]),
        (F::Typecasts, &[batch]),
        (F::GitHub, &[object, batch]),
        (F::Cloudflare, &[object, batch, lines]),
        (F::Syslog, &[syslog]),
    ] {
        for body in [list, object, batch, lines, text, syslog] {
            let shown = String::from_utf8_lossy(body);
            match read(format, Media::Other, body) {
                Ok(kept) => {
                    assert!(taken.contains(&body), "{format:?} took {shown}");
                    // What is no event comes through as what it is, beside the events.
                    let elements = if body == list || body == lines { 2 } else { 1 };
                    assert!(kept.records.len() >= elements, "{format:?} {shown}: {kept:?}");
                    assert!(body != list || kept.records[1] == "7", "{format:?}: {kept:?}");
                    assert!(body != lines || kept.records[2].contains(" !! no JSON"), "{kept:?}");
                }
                Err(error) => {
                    assert!(!taken.contains(&body), "{format:?} {shown}: {error}");
                    assert!(error.to_string().contains("this path takes"), "{error}");
                }
            }
        }
        assert_eq!(read(format, Media::Other, b"").unwrap().records, [""; 0], "{format:?}");
    }
}

#[test]
fn paths_make_events_of_what_they_take() {
    for (format, body, values) in [
        (Format::Json, "[{\"a\":1}]", &[r#"{"message":"{\"a\":1}","metadata":{"a":1}}"#][..]),
        (
            Format::Json,
            "{\"batch\":[1]}",
            &[r#"{"message":"{\"batch\":[1]}","metadata":{"batch":[1]}}"#],
        ),
        (
            Format::BrowserReports,
            "[{\"type\":\"crash\"}]",
            &[r#"{"message":"{\"type\":\"crash\"}","metadata":{"type":"crash"}}"#],
        ),
        (
            Format::Vercel,
            "[{\"source\":\"build\",\"message\":\"m\"}]",
            &[r#"{"message":"build | m","metadata":{"source":"build","message":"m"}}"#],
        ),
        (
            Format::Netlify,
            "{\"message\":\"m\"}",
            &[r#"{"message":"m","metadata":{"message":"m"}}"#],
        ),
        (
            Format::GitHub,
            "{\"action\":\"a\"}",
            &[r#"{"message":" |  | a","metadata":{"action":"a"}}"#],
        ),
        (
            Format::Vector,
            "{\"log\":{\"message\":\"m\",\"a\":1}}",
            &[r#"{"message":"m","metadata":{"a":1}}"#],
        ),
        (
            Format::Typecasts,
            "{\"batch\":[{\"body\":{\"a\":\"1\"},\"typecasts\":[{\"path\":[\"a\"],\"from\":\"string\",\"to\":\"float\"}]}]}",
            &[r#"{"a":1}"#],
        ),
        (Format::BeamLogger, "{\"batch\":[{\"message\":\"m\"}]}", &[r#"{"message":"m"}"#]),
        (Format::Cloudflare, "{\"source\":\"s\",\"id\":1,\"a\":2}", &[r#"{"id":1,"a":2}"#]),
        (
            Format::Cloudflare,
            "{\"a\": 1}\n{\"a\":2}",
            &[
                r#"{"event_message":"{\"a\": 1}","metadata":{"a":1}}"#,
                r#"{"event_message":"{\"a\":2}","metadata":{"a":2}}"#,
            ],
        ),
        (
            Format::Cloudflare,
            "{\"batch\":[{\"EdgeStartTimestamp\":1}]}",
            &[r#"{"EdgeStartTimestamp":1}"#],
        ),
        (
            Format::Syslog,
            "<13>1 - - - - - - m\nno message\n",
            &[
                r#"{"message":"m","metadata":{"priority":13,"facility":"user","severity":"notice","level":"notice","version":1}}"#,
                "no message !! no syslog message: those begin with <priority>",
            ],
        ),
    ] {
        assert_eq!(read(format, Media::Other, body.as_bytes()).unwrap().records, values, "{body}");
    }
    let form = b"payload=%7B%22action%22%3A%22a%22%7D";
    assert_eq!(
        read(Format::GitHub, Media::Form, form).unwrap().records,
        [r#"{"message":" |  | a","metadata":{"action":"a"}}"#]
    );
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("ce-id"), HeaderValue::from_static("7"));
    let attributes = Attributes::of(&headers);
    let mut kept = Kept::default();
    Decoder { attributes, ..decoder(Format::CloudEvents, Media::Other) }
        .decode(br#"[{"a":1},{"b":2}]"#.to_vec(), &mut kept)
        .unwrap();
    assert_eq!(
        kept.records,
        [r#"{"a":1,"cloud_event":{"id":"7"}}"#, r#"{"b":2,"cloud_event":{"id":"7"}}"#]
    );
}

/// A recorded request of Vector's: its records, sorted.
fn recorded(name: &str) -> Vec<serde_json::Value> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = folder.join(format!("../tests/fixtures/vector-0.58/variants/{name}-001.http"));
    let bytes = std::fs::read(path).unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let mut headers = HeaderMap::new();
    for line in std::str::from_utf8(&bytes[..end]).unwrap().lines().skip(1) {
        let Some((name, value)) = line.split_once(": ") else { continue };
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
    }
    let body = inflate(bytes[end..].to_vec(), Encoding::of(&headers).unwrap(), LIMIT).unwrap();
    assert_eq!(headers.get(CONTENT_TYPE).is_none(), name.starts_with("native"), "{name}");
    let kept = read(Format::Events, Media::of(&headers), &body).unwrap();
    let mut records: Vec<serde_json::Value> =
        kept.records.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    records.sort_by_key(|event| event["timestamp"].to_string());
    records
}

#[test]
fn what_vector_sends_in_ten_ways_is_the_same() {
    let expected = recorded("json_batch_wrapper");
    assert_eq!(expected.len(), 6);
    assert_eq!(expected[0]["metadata"]["context"][0]["pid"], 1);
    for name in [
        "json_gzip",
        "json_zlib",
        "json_zstd",
        "json_snappy",
        "json_pretty",
        "ndjson",
        "native",
        "native_json",
    ] {
        assert_eq!(recorded(name), expected, "{name}");
    }
    let nanoseconds = recorded("json_unix_ns");
    for (event, expected) in nanoseconds.iter().zip(&expected) {
        assert_eq!(event["event_message"], expected["event_message"]);
        assert!(event["timestamp"].as_i64().unwrap() > 1_795_176_000_000_000_000);
    }
}

fn any_format() -> impl Strategy<Value = Format> {
    proptest::sample::select(vec![
        Format::Events,
        Format::Json,
        Format::CloudEvents,
        Format::Vercel,
        Format::Netlify,
        Format::BeamLogger,
        Format::Typecasts,
        Format::Syslog,
        Format::GitHub,
        Format::Vector,
        Format::Cloudflare,
    ])
}

fn any_media() -> impl Strategy<Value = Media> {
    proptest::sample::select(vec![
        Media::Text,
        Media::Lines,
        Media::Form,
        Media::Multipart,
        Media::CspReport,
        Media::Other,
    ])
}

proptest! {
    #[test]
    fn never_panics_on_bytes(
        format in any_format(),
        media in any_media(),
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        _ = read(format, media, &body);
    }

    #[test]
    fn never_panics_on_what_looks_right(
        format in any_format(),
        media in any_media(),
        body in r#"([\[\]{}:,=&<>0-9 \n\x00\\]|"[a-z]{0,2}"|"batch":|\{"log":\{|"source":|\xff|--|<13>1 ){0,40}"#,
    ) {
        _ = read(format, media, body.as_bytes());
    }

    #[test]
    fn lines_are_what_a_list_is(values in proptest::collection::vec(r#"\{("[a-z]{1,3}":[1-9]{1,3})?\}"#, 2..9)) {
        let list = records(&format!("[{}]", values.join(",")));
        for separator in ["\n", "\r\n", "\0", ""] {
            prop_assert_eq!(&records(&values.join(separator)), &list);
        }
    }
}
