//! The worker of a drain: takes events off its spool and sends them, until they are dealt with.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use spool::{Spool, Taken};
use tokio::{
    sync::watch,
    time::{sleep, timeout_at},
};

use crate::{
    event::Event,
    measures::{Dropped, Figures},
    outcome::Outcome,
    pace::Pace,
    receiver::{Batching, Receiver},
    record,
};

/// For a request on its way to be answered after the end was asked for.
const LAST_REQUEST: Duration = Duration::from_secs(5);

/// Time between two lines of the log about a receiver that fails.
const LOG_PAUSE: Duration = Duration::from_secs(30);

/// Events that were refused alone after which the rest of a batch is given up, where none was taken:
/// it is not the events that the receiver does not like.
const REFUSED_ALONE: usize = 16;

/// What a drain sends to now: a receiver, or why there is none.
pub(crate) type Target = Result<Arc<Receiver>, Arc<str>>;

/// The worker of a drain.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) name: String,
    pub(crate) spool: Spool,
    pub(crate) target: watch::Receiver<Target>,
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) figures: Arc<Figures>,
    pub(crate) logged: Option<Instant>,
}

/// The end was asked for.
#[derive(Debug)]
struct Stopped;

impl Worker {
    /// Sends until the end is asked for.
    pub(crate) async fn run(mut self) {
        // What is not done comes again at the next start.
        while self.next().await.is_ok() {}
    }

    async fn next(&mut self) -> Result<(), Stopped> {
        let receiver = self.receiver().await?;
        let batching = receiver.batching();
        drop(receiver);
        let mut stop = self.stop.clone();
        let taken = tokio::select! {
            taken = take(&self.spool, batching) => taken,
            _ = stop.wait_for(|stop| *stop) => return Err(Stopped),
        };
        let Some(last) = taken.last().map(|taken| taken.position) else { return Err(Stopped) };
        let opened: Vec<_> = taken.iter().filter_map(|taken| record::open(&taken.bytes)).collect();
        self.figures.oldest(opened.first().map_or(0, |record| record.at));
        if opened.len() < taken.len() {
            let records = taken.len() - opened.len();
            tracing::error!(
                backend = self.name,
                records,
                "records of the drain cannot be read, and their events are not sent"
            );
            self.figures.dropped(Dropped::Unreadable, records);
        }
        let mut events: Vec<_> = opened.iter().flat_map(|record| record.events()).collect();
        if batching.by_source {
            // Stable: each source's events stay in their order.
            events.sort_by_key(|event| event.source);
        }
        for batch in batches(&events, batching) {
            self.deliver(batch.to_vec()).await?;
        }
        self.spool.done(last).await;
        self.figures.oldest(0);
        Ok(())
    }

    /// What is sent to now, once there is something.
    async fn receiver(&mut self) -> Result<Arc<Receiver>, Stopped> {
        let target = tokio::select! {
            // Fails when the drain is gone.
            target = self.target.wait_for(Result::is_ok) => target.map_err(|_| Stopped)?.clone(),
            _ = self.stop.wait_for(|stop| *stop) => return Err(Stopped),
        };
        target.map_err(|_| Stopped)
    }

    /// Returns when all are dealt with.
    async fn deliver(&mut self, events: Vec<Event<'_>>) -> Result<(), Stopped> {
        let mut parts = vec![events];
        let (mut taken, mut refused_alone) = (0, 0);
        let mut pace = Pace::default();
        while let Some(part) = parts.pop() {
            let outcome = self.send(&part).await?;
            if outcome != Outcome::Delivered {
                self.figures.failed(1);
            }
            match outcome {
                Outcome::Delivered => {
                    self.figures.delivered(part.len());
                    taken += part.len();
                    pace = Pace::default();
                }
                Outcome::Later { reason, after } => {
                    self.wait(pace.wait(after), &reason).await?;
                    parts.push(part);
                }
                Outcome::Refused { divisible: true, .. }
                    if part.len() > 1 && (taken > 0 || refused_alone < REFUSED_ALONE) =>
                {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second.to_vec(), first.to_vec()]);
                }
                Outcome::Refused { reason, .. } => {
                    refused_alone += 1;
                    self.refused(part.len(), &reason);
                }
                Outcome::Partly { refused, later, reason } => {
                    if refused > 0 {
                        self.refused(refused, &reason);
                    }
                    let done = part.len().saturating_sub(refused + later.len());
                    self.figures.delivered(done);
                    taken += done;
                    let again: Vec<_> =
                        later.iter().filter_map(|place| part.get(*place).copied()).collect();
                    if !again.is_empty() {
                        self.wait(pace.wait(None), &reason).await?;
                        parts.push(again);
                    }
                }
            }
        }
        Ok(())
    }

    async fn send(&mut self, events: &[Event<'_>]) -> Result<Outcome, Stopped> {
        let receiver = self.receiver().await?;
        let mut stop = self.stop.clone();
        let too_late = async {
            // Fails when the drain is gone, which is an end too.
            _ = stop.wait_for(|stop| *stop).await;
            sleep(LAST_REQUEST).await;
        };
        tokio::select! {
            outcome = receiver.send(events) => Ok(outcome),
            () = too_late => Err(Stopped),
        }
    }

    /// Waits for the next attempt, or for another config, which may do better.
    async fn wait(&mut self, wait: Duration, reason: &str) -> Result<(), Stopped> {
        let now = Instant::now();
        if self.logged.is_none_or(|logged| now.duration_since(logged) >= LOG_PAUSE) {
            self.logged = Some(now);
            let waiting = self.spool.depth().records;
            tracing::warn!(
                backend = self.name,
                reason,
                waiting,
                "events cannot be sent on now; they are tried again"
            );
        }
        tokio::select! {
            () = sleep(wait) => {}
            changed = self.target.changed() => changed.map_err(|_| Stopped)?,
            _ = self.stop.wait_for(|stop| *stop) => return Err(Stopped),
        }
        self.figures.retried(1);
        Ok(())
    }

    fn refused(&self, events: usize, reason: &str) {
        self.figures.dropped(Dropped::Refused, events);
        tracing::error!(
            backend = self.name,
            events,
            reason,
            "the receiver refuses events for good; they are not sent on"
        );
    }
}

/// Takes as much as fills a batch, or has come when the first is old enough. Nothing when the spool
/// is closed.
async fn take(spool: &Spool, batching: Batching) -> Vec<Taken> {
    let mut taken = spool.take(batching.bytes).await;
    let deadline = tokio::time::Instant::now() + batching.age;
    loop {
        let bytes: usize = taken.iter().map(|taken| taken.bytes.len()).sum();
        if bytes >= batching.bytes || taken.is_empty() {
            return taken;
        }
        // What was taken when the time is over stays taken: nothing is when a future is dropped.
        match timeout_at(deadline, spool.take(batching.bytes - bytes)).await {
            Ok(more) if !more.is_empty() => taken.extend(more),
            _ => return taken,
        }
    }
}

/// Cuts events into batches.
fn batches<'e, 'a>(
    events: &'e [Event<'a>],
    batching: Batching,
) -> impl Iterator<Item = &'e [Event<'a>]> {
    let mut rest = events;
    std::iter::from_fn(move || {
        let source = rest.first()?.source;
        let (mut count, mut bytes) = (0, 0);
        for event in rest {
            bytes += event.body.len();
            let is_other = batching.by_source && event.source != source;
            if count > 0 && (count >= batching.events || bytes > batching.bytes || is_other) {
                break;
            }
            count += 1;
        }
        let batch;
        (batch, rest) = rest.split_at_checked(count)?;
        Some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_cut_into_batches() {
        let event = |source, body| Event { source, body };
        let events = [
            event("a", "12345"),
            event("a", "123"),
            event("b", "12"),
            event("b", "1234567890"),
            event("a", "1"),
        ];
        let usual = Batching { events: 9, bytes: 99, age: Duration::ZERO, by_source: false };
        for (batching, expected) in [
            (usual, &[5][..]),
            (Batching { events: 2, ..usual }, &[2, 2, 1]),
            (Batching { bytes: 8, ..usual }, &[2, 1, 1, 1]),
            (Batching { by_source: true, ..usual }, &[2, 2, 1]),
        ] {
            let sizes: Vec<_> = batches(&events, batching).map(<[_]>::len).collect();
            assert_eq!(sizes, expected, "{batching:?}");
        }
        assert_eq!(batches(&[], usual).count(), 0);
    }
}
