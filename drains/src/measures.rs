//! Figures of each drain.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use spool::Depth;
use uuid::Uuid;

const DELIVERED: &str = "logweir_drain_events_delivered_total";
const DROPPED: &str = "logweir_drain_events_dropped_total";
const FAILED: &str = "logweir_drain_requests_failed_total";
const RETRIED: &str = "logweir_drain_requests_retried_total";
const RECORDS: &str = "logweir_drain_queue_records";
const BYTES: &str = "logweir_drain_queue_bytes";
const AGE: &str = "logweir_drain_queue_age_seconds";

/// Tells the recorder what the names mean.
pub(crate) fn describe() {
    describe_counter!(DELIVERED, "Events that a receiver has taken");
    describe_counter!(
        DROPPED,
        "Events that will not be sent: full, refused, failing, unreadable, removed"
    );
    describe_counter!(FAILED, "Requests that a receiver did not take");
    describe_counter!(RETRIED, "Requests that were sent again");
    describe_gauge!(RECORDS, "Requests of senders whose events wait to be sent on");
    describe_gauge!(BYTES, Unit::Bytes, "Bytes that they take on disk");
    describe_gauge!(AGE, Unit::Seconds, "How long the oldest of them waits");
}

/// Why events are not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dropped {
    /// There is no room on the disk, or it cannot be written; or a body came to too much.
    Full,
    /// The receiver will not take them.
    Refused,
    /// The receiver fails at them again and again, and takes others.
    Failing,
    /// What was put cannot be read any more.
    Unreadable,
    /// The backend was removed, or the program ended, while they were on their way.
    Removed,
}

impl Dropped {
    const ALL: [Self; 5] =
        [Self::Full, Self::Refused, Self::Failing, Self::Unreadable, Self::Removed];
}

/// The figures of one drain.
#[derive(Debug)]
pub(crate) struct Figures {
    backend: String,
    /// When the oldest that waits was put, microseconds since 1970; 0 where nothing is known to.
    oldest: AtomicI64,
}

impl Figures {
    pub(crate) fn new(backend: Uuid) -> Self {
        let figures = Self { backend: backend.to_string(), oldest: AtomicI64::new(0) };
        figures.delivered(0);
        figures.failed(0);
        figures.retried(0);
        for why in Dropped::ALL {
            figures.dropped(why, 0);
        }
        figures
    }

    pub(crate) fn delivered(&self, events: usize) {
        counter!(DELIVERED, "backend" => self.backend.clone()).increment(events as u64);
    }

    pub(crate) fn dropped(&self, why: Dropped, events: usize) {
        let why = match why {
            Dropped::Full => "full",
            Dropped::Refused => "refused",
            Dropped::Failing => "failing",
            Dropped::Unreadable => "unreadable",
            Dropped::Removed => "removed",
        };
        let counter = counter!(DROPPED, "backend" => self.backend.clone(), "reason" => why);
        counter.increment(events as u64);
    }

    pub(crate) fn failed(&self, requests: u64) {
        counter!(FAILED, "backend" => self.backend.clone()).increment(requests);
    }

    pub(crate) fn retried(&self, requests: u64) {
        counter!(RETRIED, "backend" => self.backend.clone()).increment(requests);
    }

    /// When the oldest that waits was put; 0 when nothing is left of what was taken.
    pub(crate) fn oldest(&self, at: i64) {
        self.oldest.store(at, Ordering::Relaxed);
    }

    /// Nothing waits any more: the backend is gone.
    pub(crate) fn gone(&self) {
        self.oldest(0);
        self.refresh(Depth { records: 0, bytes: 0, max_bytes: 0 });
    }

    /// The precision of a gauge is enough.
    #[expect(clippy::cast_precision_loss, reason = "gauges are floating-point numbers")]
    pub(crate) fn refresh(&self, depth: Depth) {
        let oldest = self.oldest.load(Ordering::Relaxed);
        let age = if oldest > 0 { now().saturating_sub(oldest).max(0) } else { 0 };
        gauge!(RECORDS, "backend" => self.backend.clone()).set(depth.records as f64);
        gauge!(BYTES, "backend" => self.backend.clone()).set(depth.bytes as f64);
        gauge!(AGE, "backend" => self.backend.clone()).set(age as f64 / 1e6);
    }
}

/// Microseconds since 1970.
pub(crate) fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX)
}
