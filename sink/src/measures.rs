//! What is counted, by source.
//!
//! | name | type | meaning |
//! |---|---|---|
//! | `logweir_ingest_events_received_total` | counter | all that was sent as an event |
//! | `logweir_ingest_bytes_received_total` | counter | bytes of bodies, as they came |
//! | `logweir_ingest_events_stored_total` | counter | durable: committed, or on the spool |
//! | `logweir_ingest_events_rejected_total` | counter | no events, or against their schema; what is answered 4xx for good, at least one for each request |
//! | `logweir_ingest_events_filtered_total` | counter | not stored, because their source wants them dropped |
//! | `logweir_ingest_events_repaired_total` | counter | given what they had nothing for, see the source's `repair` |
//! | `logweir_ingest_repairs_failed_total` | counter | events that this failed for; they are as they came |
//! | `logweir_ingest_events_duplicate_total` | counter | sent again, stored before |
//! | `logweir_ingest_events_spooled_total` | counter | stored by way of the spool |
//! | `logweir_ingest_events_dropped_total` | counter | acknowledged and not stored: requests lost with the spool, which nobody can say the source of: it is `unknown`; what rules want in a source whose table takes nothing for long |
//! | `logweir_ingest_ack_seconds` | histogram | from a request's head to its answer, of all sources |

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use store::{Appended, Source, Store};

const EVENTS_RECEIVED: &str = "logweir_ingest_events_received_total";
const BYTES_RECEIVED: &str = "logweir_ingest_bytes_received_total";
const STORED: &str = "logweir_ingest_events_stored_total";
const REJECTED: &str = "logweir_ingest_events_rejected_total";
const FILTERED: &str = "logweir_ingest_events_filtered_total";
const REPAIRED: &str = "logweir_ingest_events_repaired_total";
const REPAIRS_FAILED: &str = "logweir_ingest_repairs_failed_total";
const DUPLICATE: &str = "logweir_ingest_events_duplicate_total";
const SPOOLED: &str = "logweir_ingest_events_spooled_total";
const DROPPED: &str = "logweir_ingest_events_dropped_total";
const ACK: &str = "logweir_ingest_ack_seconds";

/// Tells the recorder what the names mean.
pub(crate) fn describe() {
    describe_counter!(EVENTS_RECEIVED, "All that was sent as an event");
    describe_counter!(BYTES_RECEIVED, Unit::Bytes, "Bytes of bodies, as they came");
    describe_counter!(STORED, "Events made durable: committed, or on the spool");
    describe_counter!(
        REJECTED,
        "What was sent as an event and is none, breaks its schema, or is refused for good"
    );
    describe_counter!(FILTERED, "Events that are not stored because their source drops them");
    describe_counter!(REPAIRED, "Events that were given what they had nothing for");
    describe_counter!(REPAIRS_FAILED, "Events that could not be repaired and are as they came");
    describe_counter!(DUPLICATE, "Events that were sent again and stored before");
    describe_counter!(SPOOLED, "Events that went on the spool");
    describe_counter!(
        DROPPED,
        "Acknowledged and not stored: lost with the spool, or by rules for a broken table"
    );
    describe_histogram!(ACK, Unit::Seconds, "Time from a request's head to its answer");
}

/// Lets all counters of the sources appear, also those that are 0 and may stay so.
pub fn show_sources(store: &Store) {
    for source in store.sources() {
        for name in [
            EVENTS_RECEIVED,
            BYTES_RECEIVED,
            STORED,
            REJECTED,
            FILTERED,
            REPAIRED,
            REPAIRS_FAILED,
            DUPLICATE,
            SPOOLED,
            DROPPED,
        ] {
            counter!(name, "source" => source.name.clone()).increment(0);
        }
    }
}

pub(crate) fn received(source: &str, records: usize, bytes: usize) {
    counter!(EVENTS_RECEIVED, "source" => source.to_owned()).increment(records as u64);
    counter!(BYTES_RECEIVED, "source" => source.to_owned()).increment(bytes as u64);
}

pub(crate) fn appended(source: &str, appended: &Appended, rejected: usize) {
    let Appended { stored, duplicates, spooled, .. } = appended;
    let count = |name: &'static str, events: usize| {
        if events > 0 {
            counter!(name, "source" => source.to_owned()).increment(events as u64);
        }
    };
    count(STORED, *stored);
    count(DUPLICATE, *duplicates);
    count(SPOOLED, if *spooled { *stored } else { 0 });
    count(REJECTED, rejected);
}

/// Events that rules want in a source whose table takes none, and of which enough wait already; or
/// that make what comes of one body too much.
pub(crate) fn dropped(source: &str, events: usize) {
    counter!(DROPPED, "source" => source.to_owned()).increment(events as u64);
}

pub(crate) fn filtered(source: &str, events: usize) {
    if events > 0 {
        counter!(FILTERED, "source" => source.to_owned()).increment(events as u64);
    }
}

pub(crate) fn repaired(source: &str, filled: usize, failed: usize) {
    for (name, events) in [(REPAIRED, filled), (REPAIRS_FAILED, failed)] {
        if events > 0 {
            counter!(name, "source" => source.to_owned()).increment(events as u64);
        }
    }
}

/// Events of a request that is refused as a whole and will not come again. How many it held is not
/// always known: it is one at least. Without a source they have an empty name for one.
pub(crate) fn refused(source: Option<&Source>, events: usize, bytes: usize) {
    let source = source.map_or("", |source| &source.name);
    received(source, events, bytes);
    counter!(REJECTED, "source" => source.to_owned()).increment(events as u64);
}

pub(crate) fn answered(after: Duration) {
    histogram!(ACK).record(after);
}
