//! What the store counts.
//!
//! | name | type | meaning |
//! |---|---|---|
//! | `logweir_store_group_events` | histogram | events that were written by one transaction, by source |
//! | `logweir_store_group_seconds` | histogram | time that one took, by source |
//! | `logweir_store_queue_requests` | gauge | requests that wait for a writer, by source |
//! | `logweir_spool_requests` | gauge | requests on the spool, by source |
//! | `logweir_spool_records` | gauge | records on the spool, of all sources, and what of them is damaged |
//! | `logweir_spool_bytes` | gauge | bytes of the spool's files |
//! | `logweir_spool_max_bytes` | gauge | largest size of the spool |
//! | `logweir_store_ready` | gauge | 1 while the databases answer |
//! | `logweir_bigquery_rows_sent_again_total` | counter | rows that were sent without an answer that says whether they are stored, each time; they are sent again |
//! | `logweir_bigquery_processed_bytes_total` | counter | what queries cost in BigQuery, by `endpoint` |
//!
//! It also adds to two figures of ingest what turns out only when the spool is drained:
//! `logweir_ingest_events_rejected_total` and `logweir_ingest_events_dropped_total`.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use crate::{Readiness, Store};

const GROUP_EVENTS: &str = "logweir_store_group_events";
const GROUP_SECONDS: &str = "logweir_store_group_seconds";
const QUEUE: &str = "logweir_store_queue_requests";
const SPOOL_REQUESTS: &str = "logweir_spool_requests";
const SPOOL_RECORDS: &str = "logweir_spool_records";
const SPOOL_BYTES: &str = "logweir_spool_bytes";
const SPOOL_MAX_BYTES: &str = "logweir_spool_max_bytes";
const READY: &str = "logweir_store_ready";
const SENT_AGAIN: &str = "logweir_bigquery_rows_sent_again_total";
const PROCESSED: &str = "logweir_bigquery_processed_bytes_total";
const REJECTED: &str = "logweir_ingest_events_rejected_total";
const DROPPED: &str = "logweir_ingest_events_dropped_total";

/// What queries of no endpoint are counted under.
const NO_ENDPOINT: &str = "none";

/// Where nobody can say which source it was.
const UNKNOWN: &str = "unknown";

/// Requests of a source that wait.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Waiting {
    /// For a writer.
    pub(crate) queued: usize,
    /// For the drain.
    pub(crate) on_spool: u64,
}

/// Tells the recorder what the names mean.
pub(crate) fn describe() {
    describe_histogram!(GROUP_EVENTS, "Events written by one transaction");
    describe_histogram!(GROUP_SECONDS, Unit::Seconds, "Time of one such transaction");
    describe_gauge!(QUEUE, "Requests that wait for a writer");
    describe_gauge!(SPOOL_REQUESTS, "Requests on the spool, by source");
    describe_gauge!(SPOOL_RECORDS, "Records on the spool");
    describe_gauge!(SPOOL_BYTES, Unit::Bytes, "Size of the spool's files");
    describe_gauge!(SPOOL_MAX_BYTES, Unit::Bytes, "Largest size of the spool's files");
    describe_gauge!(READY, "1 while the databases answer");
    describe_counter!(
        SENT_AGAIN,
        "Rows that were sent to BigQuery without an answer that says whether they are stored"
    );
    describe_counter!(PROCESSED, Unit::Bytes, "What queries cost in BigQuery, in bytes processed");
}

pub(crate) fn group_written(source: String, events: usize, took: Duration) {
    #[expect(clippy::cast_precision_loss, reason = "a count of events")]
    histogram!(GROUP_EVENTS, "source" => source.clone()).record(events as f64);
    histogram!(GROUP_SECONDS, "source" => source).record(took);
}

/// A query of an endpoint, or of none, has cost this much.
pub(crate) fn bytes_processed(endpoint: Option<&str>, bytes: u64) {
    let endpoint = endpoint.unwrap_or(NO_ENDPOINT).to_owned();
    counter!(PROCESSED, "endpoint" => endpoint).increment(bytes);
}

/// Postgres has refused events of a request that was acknowledged when it went on the spool.
pub(crate) fn refused_late(source: &str, events: usize) {
    counter!(REJECTED, "source" => source.to_owned()).increment(events as u64);
}

#[expect(clippy::cast_precision_loss, reason = "sizes of files and queues")]
pub(crate) fn refresh(store: &Store) {
    let waiting = store.waiting_by_source();
    for (source, Waiting { queued, .. }) in &waiting {
        gauge!(QUEUE, "source" => source.clone()).set(*queued as f64);
    }
    gauge!(READY).set(if store.readiness() == Readiness::Ready { 1.0 } else { 0.0 });
    if let Some(depth) = store.spool_depth() {
        for (source, Waiting { on_spool, .. }) in waiting {
            gauge!(SPOOL_REQUESTS, "source" => source).set(on_spool as f64);
        }
        gauge!(SPOOL_RECORDS).set(depth.records as f64);
        gauge!(SPOOL_BYTES).set(depth.bytes as f64);
        gauge!(SPOOL_MAX_BYTES).set(depth.max_bytes as f64);
    }
    if let Some(bigquery) = &store.inner.bigquery {
        counter!(SENT_AGAIN).absolute(bigquery.sent_in_doubt());
    }
    // Each of them had one event at least. Nothing else is ever dropped.
    counter!(DROPPED, "source" => UNKNOWN).absolute(store.lost_requests().unwrap_or_default());
}
