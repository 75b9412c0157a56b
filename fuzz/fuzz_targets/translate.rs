//! Any text as a query of the logs explorer, and as an endpoint's own. No panic, no loop.
//!
//! ```sh
//! mkdir -p fuzz/corpus/translate
//! RUSTC_BOOTSTRAP=1 cargo fuzz run translate fuzz/corpus/translate fuzz/seeds/translate -- -timeout=1 -malloc_limit_mb=256
//! ```

#![no_main]

use std::sync::{Arc, LazyLock};

use event_schemas::SUPABASE_SOURCES;
use libfuzzer_sys::fuzz_target;
use translate::{Consumer, Kind, Parameters, Request, SourceTable, Sources, TableColumns, translate};

/// Tables as Studio's endpoint has them.
const ENDPOINT: &str = "with edge_logs as (
  select t.timestamp, t.id, t.event_message, t.metadata, t.project from `cloudflare.logs.prod` as t
  where t.project = @project
), auth_logs as (
  select t.timestamp, t.id, t.event_message, t.metadata from `gotrue.logs.prod` as t
)
select id from edge_logs";

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

static PARAMETERS: LazyLock<Parameters> =
    LazyLock::new(|| [("project".to_owned(), "default".to_owned())].into_iter().collect());

fuzz_target!(|sql: &str| {
    for (endpoint, consumer) in [(ENDPOINT, Some(Consumer::Sql(sql))), (sql, None)] {
        let request = Request { endpoint, consumer, parameters: &PARAMETERS, max_rows: 1000 };
        if let Err(error) = translate(&request, &Supabase) {
            assert!(error.kind != Kind::Internal, "{error}");
        }
    }
});
