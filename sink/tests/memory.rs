//! The memory that the worst bodies take, from their bytes to the batch of their events: those that
//! just keep within the limits, and those that are far beyond.

use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Largest body. The program's is eight times this; beyond the limits nothing grows with it but
/// copies of the body.
const BODY: usize = 4 << 20;

/// What a body may take. Without limits, bodies of this size take gigabytes.
const MOST: usize = 256 << 20;

/// How much more than is counted for it a body may take: text that is written longer than it came, and
/// more than once, does. What is small and comes to much is counted.
const TIMES: usize = 4;

/// Just below the limits of an event's values, of a body's values and of its events.
const OF_EVENT: usize = 99_990;
const OF_BODY: usize = 999_900;
const EVENTS_OF_BODY: usize = 199_990;

/// Paths and media types, as the fuzzer chooses them.
const EVENTS: u8 = 0;
const JSON: u8 = 1;
const VERCEL: u8 = 4;
const SYSLOG: u8 = 8;
const GITHUB: u8 = 9;
const OTLP_LOGS: u8 = 12;
const OTLP_TRACES: u8 = 13;
const OTLP_METRICS: u8 = 14;
const OTLP_JSON_TRACES: u8 = 16;
const ANY: u8 = 0;
const TEXT: u8 = 1;
const LINES: u8 = 2;
const FORM: u8 = 3;

/// A piece so often.
fn repeated(begin: &[u8], piece: &[u8], count: usize, end: &[u8]) -> Vec<u8> {
    [begin, &piece.repeat(count), end].concat()
}

/// As many pieces as fit between the ends.
fn filled(begin: &[u8], piece: &[u8], end: &[u8]) -> Vec<u8> {
    repeated(begin, piece, (BODY - begin.len() - end.len()) / piece.len(), end)
}

/// Fields with names of their own.
fn object(count: usize) -> Vec<u8> {
    let fields: Vec<_> = (0..count).map(|place| format!("\"{place:x}\":0")).collect();
    format!("{{{}}}", fields.join(",")).into_bytes()
}

/// A list of Erlang's.
fn term(element: &[u8], count: usize) -> Vec<u8> {
    let length = u32::try_from(count).expect("lists are short").to_be_bytes();
    [&[108][..], &length, &element.repeat(count), &[106]].concat()
}

/// A map of Erlang's that has one for its key, which has one for its key, …
fn nested_names(levels: usize) -> Vec<u8> {
    let map = |name: Vec<u8>| [&[116, 0, 0, 0, 1][..], &name, &[106]].concat();
    (0..levels).fold(vec![109, 0, 0, 0, 1, b'a'], |name, _| map(name))
}

/// A field of protobuf that holds this.
fn delimited(tag: u8, inner: &[u8]) -> Vec<u8> {
    let (mut field, mut length) = (vec![tag], inner.len());
    while length >= 0x80 {
        field.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    field.push((length & 0x7f) as u8);
    field.extend_from_slice(inner);
    field
}

/// A message within messages.
fn nested(tags: &[u8], innermost: Vec<u8>) -> Vec<u8> {
    tags.iter().rev().fold(innermost, |inner, tag| delimited(*tag, &inner))
}

/// As a frame of Vector's codec `native`.
fn framed(message: &[u8]) -> Vec<u8> {
    [&u32::try_from(message.len()).expect("bodies are short").to_be_bytes()[..], message].concat()
}

/// A resource of a megabyte, which is written into each of many records.
fn repeated_resource() -> Vec<u8> {
    let value = delimited(0x12, &delimited(0x0a, &vec![b'x'; 1 << 20]));
    let resource = delimited(0x0a, &delimited(0x0a, &value));
    let records = delimited(0x12, &b"\x12\x00".repeat(EVENTS_OF_BODY));
    delimited(0x0a, &[resource, records].concat())
}

/// Where the attributes of the one log record are, the fields of the one event in a frame, …
const LOG_RECORD: &[u8] = &[0x0a, 0x12, 0x12];
const LOG_RECORDS: &[u8] = &[0x0a, 0x12];
const LIST_IN_FRAME: &[u8] = &[0x0a, 0x0a, 0x0a, 0x12, 0x42];
const BUCKETS: &[u8] = &[0x0a, 0x12, 0x12, 0x52, 0x0a, 0x42, 0x12];
const POINTS: &[u8] = &[0x0a, 0x12, 0x12, 0x2a];

fn within_limits() -> Vec<(&'static str, u8, u8, Vec<u8>)> {
    let spans = |spans: Vec<u8>| {
        [&b"{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":["[..], &spans, b"]}]}]}"].concat()
    };
    vec![
        ("lines of text", EVENTS, ANY, b"a\n".repeat(EVENTS_OF_BODY)),
        ("lines of no JSON", EVENTS, LINES, b"a\n".repeat(EVENTS_OF_BODY)),
        ("lines after JSON", EVENTS, LINES, repeated(b"{}\n", b"5\0", EVENTS_OF_BODY - 1, b"")),
        ("objects", EVENTS, ANY, b"{}".repeat(EVENTS_OF_BODY)),
        ("a batch", EVENTS, ANY, repeated(b"{\"batch\":[{}", b",5", EVENTS_OF_BODY - 1, b"]}")),
        ("messages", SYSLOG, ANY, b"<1>1 - - - - - -\n".repeat(50_000)),
        ("messages behind lengths", SYSLOG, ANY, b"16 <1>1 - - - - - -".repeat(50_000)),
        (
            "no messages",
            SYSLOG,
            ANY,
            repeated(b"<1>1 - - - - - -", b"\na", EVENTS_OF_BODY - 1, b""),
        ),
        ("terms", EVENTS, ANY, [&[131][..], &term(b"\x6a", EVENTS_OF_BODY)].concat()),
        ("frames", EVENTS, ANY, b"\0\0\0\x04\x0a\x02\x0a\0".repeat(EVENTS_OF_BODY)),
        ("no frames", EVENTS, ANY, repeated(b"\0\0\0\0", b"\0\0\0\x01a", EVENTS_OF_BODY, b"")),
        ("bytes", EVENTS, ANY, filled(b"a", b"\xff", b"")),
        ("events", EVENTS, ANY, repeated(b"[{}", b",{}", EVENTS_OF_BODY, b"]")),
        ("no events", EVENTS, ANY, repeated(b"[0", b",0", EVENTS_OF_BODY, b"]")),
        ("a list", EVENTS, ANY, repeated(b"[{\"a\":[0", b",0", OF_EVENT, b"]}]")),
        ("lists", EVENTS, ANY, repeated(b"[{\"a\":[[]", b",[]", OF_EVENT, b"]}]")),
        ("a list, read slowly", EVENTS, ANY, repeated(b"{\"a\":[1e999", b",0", OF_EVENT, b"]}")),
        ("fields", EVENTS, ANY, object(OF_EVENT)),
        ("a form", EVENTS, FORM, repeated(b"a", b"&", OF_EVENT, b"a")),
        ("pairs", SYSLOG, ANY, repeated(b"<13>1 - - - - - - ", b"a= ", OF_EVENT, b"")),
        ("elements", SYSLOG, ANY, repeated(b"<13>1 - - - - - ", b"[a]", 300_000, b" m")),
        ("a term", EVENTS, ANY, [&[131][..], &term(&term(b"\x6a", OF_EVENT), 4)].concat()),
        ("records", OTLP_LOGS, ANY, nested(LOG_RECORDS, b"\x12\0".repeat(EVENTS_OF_BODY))),
        ("attributes", OTLP_LOGS, ANY, nested(LOG_RECORD, b"\x32\0".repeat(OF_BODY))),
        ("resources", OTLP_LOGS, ANY, b"\x0a\0".repeat(OF_BODY / 2)),
        ("spans", OTLP_TRACES, ANY, nested(LOG_RECORDS, b"\x12\0".repeat(EVENTS_OF_BODY))),
        ("links", OTLP_TRACES, ANY, nested(LOG_RECORD, b"\x6a\0".repeat(OF_BODY - 4))),
        ("metrics", OTLP_METRICS, ANY, nested(LOG_RECORDS, b"\x12\0".repeat(EVENTS_OF_BODY))),
        ("points", OTLP_METRICS, ANY, nested(POINTS, b"\x0a\0".repeat(EVENTS_OF_BODY))),
        ("buckets", OTLP_METRICS, ANY, nested(BUCKETS, vec![0; OF_BODY - 9])),
        ("spans in JSON", OTLP_JSON_TRACES, ANY, spans(repeated(b"{}", b",{}", 199_000, b""))),
        (
            "attributes in JSON",
            OTLP_JSON_TRACES,
            ANY,
            spans(repeated(b"{\"attributes\":[{\"key\":\"\"}", b",{\"key\":\"\"}", 333_000, b"]}")),
        ),
        (
            "nulls in a frame",
            EVENTS,
            ANY,
            framed(&nested(LIST_IN_FRAME, b"\x0a\0".repeat(OF_BODY - 9))),
        ),
        (
            "maps in a frame",
            EVENTS,
            ANY,
            framed(&nested(LIST_IN_FRAME, b"\x0a\x04\x3a\x02\x0a\x00".repeat(OF_BODY / 8))),
        ),
        ("logs in a frame", EVENTS, ANY, framed(&nested(&[0x0a], b"\x0a\0".repeat(OF_BODY / 6)))),
        (
            "metrics in a frame",
            EVENTS,
            ANY,
            framed(&nested(&[0x12], b"\x0a\0".repeat(EVENTS_OF_BODY))),
        ),
    ]
}

fn beyond_limits() -> Vec<(&'static str, u8, u8, Vec<u8>)> {
    let characters = [&b"\x6b\xff\xff"[..], &[1; 65535]].concat();
    let full = |tags: &[u8], piece: &[u8]| nested(tags, piece.repeat((BODY - 99) / piece.len()));
    vec![
        ("no events", EVENTS, ANY, filled(b"[0", b",0", b"]")),
        ("a list", EVENTS, ANY, filled(b"[{\"a\":[0", b",0", b"]}]")),
        ("fields", GITHUB, ANY, filled(b"{\"a\":0", b",\"\":0", b"}")),
        ("lines", EVENTS, LINES, filled(b"{}\n", b"0\n", b"")),
        ("text", EVENTS, TEXT, filled(b"", b"a\n", b"")),
        ("control characters", JSON, ANY, filled(b"{\"a\":\"", b"\\u0001", b"\"}")),
        ("a form", EVENTS, FORM, filled(b"a=1", b"&a", b"")),
        ("pairs", SYSLOG, ANY, filled(b"<13>1 - - - - - - ", b"a= ", b"")),
        (
            "what Lambda printed",
            VERCEL,
            ANY,
            filled(b"[{\"source\":\"lambda\",\"message\":\"", b"a\\n", b"\"}]"),
        ),
        ("a term", EVENTS, ANY, [&[131][..], &term(&term(b"\x6a", BODY - 99), 1)].concat()),
        (
            "characters",
            EVENTS,
            ANY,
            [&[131][..], &term(&term(&characters, BODY / 65_600), 1)].concat(),
        ),
        ("names in names", EVENTS, ANY, [&[131][..], &nested_names(34)].concat()),
        ("many of them", EVENTS, ANY, [&[131][..], &term(&nested_names(60), 10_000)].concat()),
        ("frames", EVENTS, ANY, filled(b"", b"\0\0\0\x04\x0a\x02\x0a\x00", b"")),
        ("nulls in a frame", EVENTS, ANY, framed(&full(LIST_IN_FRAME, b"\x0a\0"))),
        ("spans", OTLP_TRACES, ANY, full(LOG_RECORDS, b"\x12\0")),
        ("attributes", OTLP_LOGS, ANY, full(LOG_RECORD, b"\x32\0")),
        ("groups before records", OTLP_LOGS, ANY, full(LOG_RECORDS, b"\x2b\x2c\x12\0")),
        ("buckets", OTLP_METRICS, ANY, full(BUCKETS, b"\0")),
        ("a resource in each record", OTLP_LOGS, ANY, repeated_resource()),
        (
            "spans in JSON",
            OTLP_JSON_TRACES,
            ANY,
            filled(b"{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{}", b",{}", b"]}]}]}"),
        ),
    ]
}

#[test]
fn the_worst_bodies_take_bounded_memory() {
    for (what, bodies) in [("within", within_limits()), ("beyond", beyond_limits())] {
        for (name, path, media, body) in bodies {
            assert!(body.len() <= BODY, "{name}: {}", body.len());
            let counted = sink::fuzzing::counted(path, media, &body).unwrap_or(MOST);
            let before = MEMORY.current_usage();
            MEMORY.reset_peak_usage();
            let result = sink::fuzzing::batch(path, media, body, BODY);
            let taken = MEMORY.peak_usage() - before;
            let shown = result.map(|batch| (batch.len(), batch.rejected()));
            let report =
                format!("{what}: {name}: {} of {} MiB, {shown:?}", taken >> 20, counted >> 20);
            println!("{report}");
            assert!(taken <= MOST, "{report}");
            assert!(taken <= TIMES * counted.max(1 << 20), "{report}");
            // Whoever is within the limits gets every event stored or kept.
            assert!(shown.is_ok() || what == "beyond", "{report}");
        }
    }
}
