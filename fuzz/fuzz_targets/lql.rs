//! Any text as LQL: parsed, matched against an event, and translated. No panic, no loop.
//!
//! ```sh
//! mkdir -p fuzz/corpus/lql
//! RUSTC_BOOTSTRAP=1 cargo fuzz run lql fuzz/corpus/lql fuzz/seeds/lql -- -timeout=1 -malloc_limit_mb=256
//! ```

#![no_main]

use std::sync::{Arc, LazyLock};

use event_schemas::{Event, SUPABASE_SOURCES};
use libfuzzer_sys::fuzz_target;
use translate::{Kind, LqlRequest, SourceTable, Sources, TableColumns, translate_lql};

/// 2026-11-20 12:00 UTC.
const NOW: i64 = 1_795_176_000_000_000;

const EVENT: &str = r#"{"id": "a", "timestamp": 1795176000, "message": "GET / took 12ms",
  "metadata": {"level": "info", "status": 200, "ok": true, "tags": ["red", 1.5],
  "context": [{"host": "h1"}, {"host": [["h2"]]}], "request": {"path": "/x"}}}"#;

static PARSED: LazyLock<Event<'static>> = LazyLock::new(|| {
    let value = event_schemas::parse(EVENT).expect("it is JSON");
    Event::normalise(value, NOW).expect("it is an event")
});

struct Supabase;

impl Sources for Supabase {
    fn source(&self, name: &str) -> Option<SourceTable> {
        let source = SUPABASE_SOURCES.iter().find(|source| source.name == name)?;
        Some(SourceTable {
            table: format!("\"{name}\""),
            schema: Arc::new(source.schema.clone()),
            columns: TableColumns::Event,
        })
    }

    fn names(&self) -> Vec<String> {
        SUPABASE_SOURCES.iter().map(|source| source.name.to_owned()).collect()
    }
}

fuzz_target!(|text: &str| {
    if let Ok(lql) = lql::parse(text) {
        lql.matches_at(&PARSED, NOW);
    }
    let source = Some("cloudflare.logs.prod");
    let request = LqlRequest { text, source, now: NOW, max_rows: 1000 };
    if let Err(error) = translate_lql(&request, &Supabase) {
        assert!(error.kind != Kind::Internal, "{error}");
    }
});
