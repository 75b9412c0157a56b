//! What a repair costs: `cargo bench -p repair` prints microseconds for an event of a stock pipeline.

use std::time::{Duration, Instant};

use event_schemas::{Event, parse};

/// Source, and an event as a stock pipeline sends it.
const EVENTS: [(&str, &str); 4] = [
    (
        "cloudflare.logs.prod",
        r#"{"appname":"supabase-kong","event_message":"172.18.0.7 - - [20/Nov/2026:12:00:00 +0000] \"GET /rest/v1/todos?select=*&limit=10 HTTP/1.1\" 200 793 \"http://localhost:3000/\" \"Mozilla/5.0 (X11; Linux x86_64)\"","metadata":{"request":{"headers":{"cf_connecting_ip":"172.18.0.7","referer":"http://localhost:3000/","user_agent":"Mozilla/5.0 (X11; Linux x86_64)"},"method":null,"path":null,"protocol":null},"response":{"status_code":200}},"project":"default","timestamp":"2026-11-20T12:00:00Z"}"#,
    ),
    (
        "postgres.logs",
        r#"{"appname":"supabase-db","event_message":"172.18.0.9 2026-11-20 12:00:00.123 UTC [558] supabase_admin@postgres ERROR:  relation \"todos\" does not exist at character 15","metadata":{"host":"db-default","parsed":{"error_severity":"ERROR","timestamp":"2026-11-20T12:00:00.959Z"}},"project":"default","timestamp":"2026-11-20T12:00:00.959Z"}"#,
    ),
    (
        "storage.logs.prod.2",
        r#"{"appname":"supabase-storage","event_message":"GET | 200 | 172.18.0.1 | req | /object/a.png","metadata":{"context":[{"host":"abc","pid":1}],"level":30,"project":"default","tenantId":"default"},"timestamp":"2026-11-20T12:00:00.685Z"}"#,
    ),
    (
        "realtime.logs.prod",
        r#"{"appname":"realtime-dev.supabase-realtime","event_message":"Tenant realtime-dev is healthy","metadata":{"external_id":"default","level":"info","project":"default"},"timestamp":"2026-11-20T12:00:00.548Z"}"#,
    ),
];

/// Repairs that are measured together, of which the fastest counts: others share the machine.
const TIMES: u32 = 2_000;
const ROUNDS: usize = 50;

fn main() {
    for (source, text) in EVENTS {
        let repair = repair::of_source(source).expect("there is a program");
        let event = Event::normalise(parse(text).expect("JSON"), 0).expect("an object");
        let copied = fastest(|| drop(std::hint::black_box(event.clone())));
        let repaired = fastest(|| {
            let mut event = event.clone();
            repair.apply(std::hint::black_box(&mut event)).expect("it cannot fail");
            std::hint::black_box(event);
        });
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        println!("{source:>22}: {:.2} µs an event", micros(repaired) - micros(copied));
    }
}

fn fastest(mut work: impl FnMut()) -> Duration {
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        (0..TIMES).for_each(|_| work());
        start.elapsed() / TIMES
    });
    rounds.min().unwrap_or_default()
}
