//! From the bytes of a request to events that can be stored.
//!
//! ```sh
//! cargo install cargo-fuzz --locked
//! mkdir -p fuzz/corpus/ingest_decode
//! RUSTC_BOOTSTRAP=1 cargo fuzz run ingest_decode fuzz/corpus/ingest_decode fuzz/seeds/ingest_decode
//! ```
//!
//! What it finds is written to the first folder; `fuzz/seeds` is only read.

#![no_main]

use event_schemas::Event;
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;

fuzz_target!(|data: &[u8]| sink::fuzzing::ingest(data, &mut check));

/// What Postgres would refuse a whole batch for.
fn check(event: &Event<'_>) {
    assert!(!event.id.contains('\0'), "U+0000 in the id");
    let message = event.event_message.as_deref().unwrap_or_default();
    assert!(!message.contains('\0'), "U+0000 in the message");
    let mut body = Vec::new();
    event.write_body(&mut body);
    serde_json::from_slice::<IgnoredAny>(&body).expect("the body is JSON");
    assert!(!body.contains(&0), "U+0000 in the body");
}
