mod pipelines;

use std::{io::Read as _, path::Path};

use super::*;

const NOW: i64 = 1_795_176_000_000_000;

/// A validation of the stock pipeline as Vector 0.53 loads it, with a text in it replaced.
fn stock(replaced: &str, by: &str) -> Validation {
    stock_with(&[(replaced, by)])
}

fn stock_with(replaced: &[(&str, &str)]) -> Validation {
    let mut text = include_str!("../../fixtures/stock/vector.yml").to_owned();
    for (replaced, by) in replaced {
        assert!(text.contains(replaced), "{replaced}");
        text = text.replace(replaced, by);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vector.yml");
    fs::write(&path, text).unwrap();
    let mut validation = Validation::load(Settings {
        paths: ConfigPaths { files: vec![(path.display().to_string(), None)], folders: vec![] },
        variables: [("LOGFLARE_PUBLIC_ACCESS_TOKEN".to_owned(), "pub".to_owned())].into(),
        interpolation: None,
        vector: VectorVersion { minor: 53 },
        known_sources: Vec::new(),
        repaired_sources: Vec::new(),
        now: NOW,
    });
    assert!(validation.is_loaded(), "{}", validation.finish().written(crate::ReportFormat::Text));
    validation.keep_bodies();
    validation
}

fn run(validation: &mut Validation, lines: usize) {
    let events = include_str!("../../fixtures/docker-events.ndjson");
    let events: String = events.lines().take(lines).map(|line| format!("{line}\n")).collect();
    validation.run("events", &mut events.as_bytes(), None, &mut |_| {}).unwrap();
}

/// The body of a request that a real Vector sent.
fn captured(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures/vector-0.58")
        .join(format!("{name}.http"));
    let request = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let head = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let body = &request[head + 4..];
    let head = String::from_utf8_lossy(&request[..head]).into_owned();
    let mut inflated = Vec::new();
    match head.lines().find_map(|line| line.strip_prefix("content-encoding: ")) {
        None => inflated.extend_from_slice(body),
        Some("gzip") => {
            flate2::read::GzDecoder::new(body).read_to_end(&mut inflated).map(drop).unwrap();
        }
        Some("deflate") => {
            flate2::read::ZlibDecoder::new(body).read_to_end(&mut inflated).map(drop).unwrap();
        }
        Some("zstd") => inflated = zstd::decode_all(body).unwrap(),
        Some("snappy") => inflated = snap::raw::Decoder::new().decompress_vec(body).unwrap(),
        Some(other) => panic!("{other}"),
    }
    inflated
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn bodies_are_those_that_a_real_vector_sent() {
    let mut validation = stock("type: docker_logs", "type: docker_logs");
    run(&mut validation, usize::MAX);
    for (sink, source) in [
        ("logflare_kong", "cloudflare.logs.prod"),
        ("logflare_auth", "gotrue.logs.prod"),
        ("logflare_rest", "postgREST.logs.prod"),
        ("logflare_realtime", "realtime.logs.prod"),
        ("logflare_functions", "deno-relay-logs"),
        ("logflare_storage", "storage.logs.prod.2"),
        ("logflare_db", "postgres.logs"),
    ] {
        let body = validation.body(sink).unwrap();
        assert_eq!(text(&body), text(&captured(source)), "{sink}");
    }
}

#[test]
fn bodies_of_other_settings_are_those_that_a_real_vector_sent() {
    const SETTINGS: &str = "    inputs: [db_logs]\n    encoding: {codec: json}";
    const INPUTS: &str = "    inputs: [db_logs, storage_logs]\n    encoding: {codec: ";
    for (variant, options) in [
        ("json_gzip-001", "json}\n    compression: gzip"),
        ("json_zlib-001", "json}\n    compression: zlib"),
        ("json_zstd-001", "json}\n    compression: zstd"),
        ("json_snappy-001", "json}\n    compression: snappy"),
        ("ndjson-001", "json}\n    framing: {method: newline_delimited}"),
        (
            "json_batch_wrapper-001",
            "json}\n    payload_prefix: '{\"batch\":'\n    payload_suffix: '}'",
        ),
        ("json_unix_ns-001", "json, timestamp_format: unix_ns}"),
        ("json_pretty-001", "json, json: {pretty: true}}"),
        ("native_json-001", "native_json}"),
    ] {
        let mut validation = stock(SETTINGS, &format!("{INPUTS}{options}"));
        run(&mut validation, 20);
        let captured = captured(&format!("variants/{variant}"));
        // Vector runs transforms side by side: events of two of them come in any order.
        let mut events = validation.written.clone().unwrap().remove("logflare_db").unwrap();
        let captured_text = text(&captured);
        events.sort_by_key(|event| captured_text.find(&text(event)));
        let place = validation.topology.place_of("logflare_db").unwrap();
        let Work::Sends(sink) = &validation.topology.nodes[place].work else { panic!("it sends") };
        assert_eq!(text(&sink.encoding.body(&events).unwrap()), captured_text, "{variant}");
    }
}

/// But for the random id of each event, which comes last.
#[test]
fn native_bodies_are_those_that_a_real_vector_sent() {
    let source =
        "docker_host:\n    type: docker_logs\n    exclude_containers:\n      - supabase-vector";
    let mut validation = stock_with(&[
        (source, "raw:\n    type: stdin"),
        ("[docker_host]", "[raw]"),
        (
            "    inputs: [db_logs]\n    encoding: {codec: json}",
            "    inputs: [db_logs, storage_logs]\n    encoding: {codec: native}",
        ),
    ]);
    run(&mut validation, 20);
    let known = |body: &[u8]| {
        let (mut rest, mut events) = (body, Vec::new());
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let (event, after) = after.split_at(u32::from_be_bytes(*length) as usize);
            events.push(event[..event.len() - 16].to_vec());
            rest = after;
        }
        // Vector runs transforms side by side: events of two of them come in any order.
        events.sort();
        events
    };
    let (captured, body) =
        (captured("variants/native-001"), validation.body("logflare_db").unwrap());
    assert_eq!(known(&captured).len(), 6);
    assert_eq!(known(&body), known(&captured));
    assert_eq!(body.len(), captured.len());
    let report = validation.finish();
    let sink = report.sinks.iter().find(|sink| sink.sink == "logflare_db").unwrap();
    assert_eq!(sink.bytes as usize, body.len() - 6 * 4, "without the lengths");
}

#[test]
fn versions_are_read() {
    for (given, minor) in [("0.57", 57), ("0.53.0-alpine", 53), ("0.58.1", 58)] {
        assert_eq!(given.parse::<VectorVersion>().unwrap().minor, minor);
    }
    for wrong in ["57", "1.0", "0.x", ""] {
        assert!(wrong.parse::<VectorVersion>().is_err(), "{wrong}");
    }
}

#[test]
fn the_source_of_events_must_be_clear() {
    let two = "type: docker_logs\n    include_containers: [x]\n  other: {type: docker_logs}\n  \
               load: {type: host_metrics}\n  third:\n    type: stdin";
    let mut validation =
        stock("type: docker_logs\n    exclude_containers:\n      - supabase-vector", two);
    let mut run = |source| validation.run("events", &mut &b"x | y\n"[..], source, &mut |_| {});
    assert!(run(None).unwrap_err().to_string().contains("--source"));
    assert!(run(Some("none")).unwrap_err().to_string().contains("there is no source none"));
    assert!(run(Some("load")).unwrap_err().to_string().contains("makes metrics"));
    run(Some("docker_host")).unwrap();
}

#[test]
fn a_program_that_takes_too_long_is_given_up() {
    let slow = "x = range!(0, 2000)\n      for_each(x) -> |_a, _b| { for_each(x) -> |_c, _d| { \
                for_each(x) -> |_e, _f| { .n = 1 } } }";
    let mut validation = stock(".metadata.project_ref = del(.project)", slow);
    let lines = b"supabase-edge-functions | x\n".repeat(100);
    validation.run("events", &mut lines.as_slice(), None, &mut |_| {}).unwrap();
    let report = validation.finish();
    let found = report.findings.iter().find(|one| one.rule == Rule::SlowProgram).unwrap();
    assert_eq!(found.events.map(|events| (events.first, events.count)), Some((1, 3)));
}

#[test]
fn a_condition_that_takes_too_long_is_given_up() {
    let slow = "condition: |-\n      x = range!(0, 2000)\n      for_each(x) -> |_a, _b| { \
                for_each(x) -> |_c, _d| { for_each(x) -> |_e, _f| { y = 1 } } }\n      true";
    let condition = r#"condition: '!contains(string!(.event_message), "/health")'"#;
    let mut validation = stock(condition, slow);
    let lines = b"realtime-dev.supabase-realtime | x\n".repeat(1000);
    validation.run("events", &mut lines.as_slice(), None, &mut |_| {}).unwrap();
    let report = validation.finish();
    let found = report.findings.iter().find(|one| one.rule == Rule::SlowProgram).unwrap();
    assert_eq!(found.component.as_deref(), Some("realtime_logs_filtered"));
    assert_eq!(found.events.map(|events| (events.first, events.count)), Some((1, 3)));
    assert_eq!(report.exit_code(), 1);
}

#[test]
fn labels_that_compose_does_not_tell_are_noted() {
    let noted = |condition: &str, line: &str| {
        let mut validation = stock(r#"kong: '.appname == "supabase-kong"'"#, condition);
        validation.run("events", &mut line.as_bytes(), None, &mut |_| {}).unwrap();
        let report = validation.finish();
        report.findings.iter().any(|one| one.text.contains("tells no labels"))
    };
    let asks = r#"kong: '.label."com.docker.compose.service" == "kong"'"#;
    let other = r#"kong: '.appname == "kong"'"#;
    assert!(noted(asks, "kong | x\n"));
    assert!(!noted(asks, "{\"message\": \"x\", \"label\": {}}\n"));
    assert!(!noted(other, "kong | x\n"));
}

/// Lines of this many bytes, without any end.
struct Endless(u64);

impl std::io::Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = buffer.len().min(usize::try_from(self.0).unwrap());
        buffer[..count].fill(b'x');
        self.0 -= count as u64;
        Ok(count)
    }
}

#[test]
fn a_line_without_end_is_refused() {
    let mut validation = stock("type: docker_logs", "type: docker_logs");
    let mut lines = std::io::BufReader::new(Endless((64 << 20) + 5));
    let error = validation.run("events", &mut lines, None, &mut |_| {}).unwrap_err();
    assert_eq!(error.to_string(), "a line is longer than 67108864 bytes");
}

#[test]
fn lines_that_are_no_events_are_told() {
    let mut validation = stock("type: docker_logs", "type: docker_logs");
    let lines = b"supabase-db | x\nnonsense\n{\"a\": \n".repeat(30);
    validation.run("e.ndjson", &mut lines.as_slice(), None, &mut |_| {}).unwrap();
    let report = validation.finish();
    let told: Vec<_> = report.findings.iter().filter(|one| one.rule == Rule::Events).collect();
    assert_eq!(told.len(), 20, "no more than help");
    assert!(told.iter().any(|one| one.text.starts_with("e.ndjson, line 2: it is neither")));
    assert_eq!(report.exit_code(), 78);
}
