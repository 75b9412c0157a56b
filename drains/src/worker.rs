//! The worker of a drain: takes events off its spool and sends them, until they are dealt with.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use spool::{Position, Spool, Taken};
use tokio::{sync::watch, time::sleep};

use crate::{
    batching::{Batching, Item, batches, fill},
    delivery::{Delivered, NOT_TAKEN_ALONE},
    failing::{Failing, Kept},
    measures::{Dropped, Figures, now},
    pace::Pace,
    put_aside::PutAside,
    receiver::Receiver,
    record::{self, Opened, Unreadable},
};

/// For a request on its way to be answered after the end was asked for.
pub(crate) const LAST_REQUEST: Duration = Duration::from_secs(5);

/// Time between two lines of the log about a receiver that fails.
const LOG_PAUSE: Duration = Duration::from_secs(30);

/// How long a receiver may fail at a batch until single events are suspected.
const PATIENCE: Duration = Duration::from_millis(if cfg!(test) { 200 } else { 30_000 });

/// The same soon after an event was found at which it fails: there may be more.
const SHORT_PATIENCE: Duration = Duration::from_millis(if cfg!(test) { 50 } else { 2000 });

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
    /// For what will not be sent.
    pub(crate) put_aside: PutAside,
    pub(crate) state: State,
}

/// What a worker knows of what it did before.
#[derive(Debug)]
pub(crate) struct State {
    /// What was refused alone while the receiver took nothing else. It may be the receiver: they
    /// are tried again, and go only when it takes others.
    suspects: Vec<Kept>,
    /// When suspects are tried again.
    pace: Pace,
    /// What it fails at alone.
    pub(crate) failing: Failing,
    /// What has refused suspects and failed at others.
    receiver: Option<Arc<Receiver>>,
    /// Events that were taken in all.
    pub(crate) taken: u64,
    /// How long a receiver may fail at a batch until single events are suspected.
    pub(crate) patience: Duration,
    /// Records that were taken off the spool and are not done there, in their order.
    undone: VecDeque<Position>,
    /// The version of a record that this program cannot read, which is the next one.
    foreign: Option<u8>,
    /// When it was told last that the receiver fails.
    told_failed: Option<Instant>,
    /// When it was told last that events are given up, and how many were since.
    told_given_up: (Option<Instant>, usize),
}

impl Default for State {
    fn default() -> Self {
        Self {
            suspects: Vec::new(),
            pace: Pace::default(),
            failing: Failing::default(),
            receiver: None,
            taken: 0,
            patience: PATIENCE,
            undone: VecDeque::new(),
            foreign: None,
            told_failed: None,
            told_given_up: (None, 0),
        }
    }
}

impl State {
    /// Where the receiver takes others, it is quickly found at which events it fails.
    fn set_patience(&mut self, takes_others: bool) {
        self.patience = if takes_others { SHORT_PATIENCE } else { PATIENCE };
    }
}

/// The end was asked for.
#[derive(Debug)]
pub(crate) struct Stopped;

impl Worker {
    /// Sends until the end is asked for.
    pub(crate) async fn run(mut self) {
        // What is not done comes again at the next start.
        while self.next().await.is_ok() {}
    }

    async fn next(&mut self) -> Result<(), Stopped> {
        if let Some(version) = self.state.foreign {
            return self.foreign(version).await;
        }
        let receiver = self.receiver().await?;
        let batching = receiver.batching();
        self.begin_anew_with(receiver);
        let taken = self.take(batching).await?;
        let nothing_left = self.state.undone.is_empty();
        let opened = self.opened(&taken);
        let suspects = std::mem::take(&mut self.state.suspects);
        if nothing_left {
            self.figures.oldest(opened.first().map_or(0, |(_, record)| record.at));
        }
        let new = opened.iter().flat_map(|(position, record)| {
            let events = record.events().enumerate();
            events.map(|(number, event)| Item { event, place: (*position, number) })
        });
        let mut items: Vec<_> = suspects.iter().map(Kept::item).chain(new).collect();
        if batching.by_source {
            // Stable: each source's events stay in their order.
            items.sort_by_key(|item| item.event.source);
        }
        self.deliver_all(&items, batching).await?;
        self.try_failing().await?;
        self.done().await;
        Ok(())
    }

    /// Delivers batches, and keeps what of them is to be tried later.
    async fn deliver_all(&mut self, items: &[Item<'_>], batching: Batching) -> Result<(), Stopped> {
        let mut all = Delivered::default();
        // Not taken by a receiver that is no longer sent to.
        let mut again = Vec::new();
        for batch in batches(items, batching) {
            all.add(self.deliver(batch, false).await?, &mut again);
        }
        if all.taken > 0 {
            // It may be that it takes something only since they were refused.
            let suspects = std::mem::take(&mut all.suspects);
            for batch in batches(&suspects, batching) {
                all.add(self.deliver(batch, true).await?, &mut again);
            }
        }
        if all.taken > 0 {
            self.give_up(Dropped::Refused, &all.suspects, &all.reason).await;
            self.state.pace = Pace::default();
        } else {
            again.append(&mut all.suspects);
        }
        if !all.failing.is_empty() {
            self.tell_failed(&all.reason);
            self.state.set_patience(all.taken > 0);
        }
        if all.taken == 0 && self.state.failing.len() >= NOT_TAKEN_ALONE {
            // It is the receiver.
            again.append(&mut all.failing);
        }
        let taken = self.state.taken;
        all.failing.iter().for_each(|item| self.state.failing.add(item, taken));
        if !again.is_empty() {
            self.tell_failed(&all.reason);
            again.sort_by_key(|item| item.place);
            self.state.suspects = again.iter().map(Kept::of).collect();
        }
        if all.receiver.is_some() {
            self.state.receiver = all.receiver;
        }
        Ok(())
    }

    /// What another receiver did not take, this one may.
    fn begin_anew_with(&mut self, receiver: Arc<Receiver>) {
        let before = self.state.receiver.replace(Arc::clone(&receiver));
        if before.is_some_and(|before| !Arc::ptr_eq(&before, &receiver)) {
            let State { suspects, failing, .. } = &mut self.state;
            suspects.extend(failing.take_all());
            suspects.sort_by_key(|kept| kept.place);
            self.state.pace = Pace::default();
            self.state.set_patience(false);
        }
    }

    /// Takes records; none when it is time to try again what is left.
    async fn take(&mut self, batching: Batching) -> Result<Vec<Taken>, Stopped> {
        let has_suspects = !self.state.suspects.is_empty();
        let for_suspects = has_suspects.then(|| self.state.pace.wait(None));
        let wait = [for_suspects, self.state.failing.wait()].into_iter().flatten().min();
        // They are in memory.
        let is_full = self.state.failing.is_full(self.state.taken);
        let first = tokio::select! {
            taken = self.spool.take(batching.bytes), if !is_full => taken,
            () = sleep(wait.unwrap_or_default()), if wait.is_some() => return Ok(Vec::new()),
            changed = self.target.changed(), if wait.is_some() => {
                return changed.map(|()| Vec::new()).map_err(|_| Stopped);
            }
            _ = self.stop.wait_for(|stop| *stop) => return Err(Stopped),
        };
        if first.is_empty() {
            return Err(Stopped);
        }
        tokio::select! {
            taken = fill(&self.spool, first, batching) => Ok(taken),
            _ = self.stop.wait_for(|stop| *stop) => Err(Stopped),
        }
    }

    /// Reads records, up to one of another version.
    fn opened<'t>(&mut self, taken: &'t [Taken]) -> Vec<(Position, Opened<'t>)> {
        let mut opened = Vec::new();
        let mut damaged = 0;
        for Taken { position, bytes } in taken {
            match record::open(bytes) {
                Ok(record) => opened.push((*position, record)),
                Err(Unreadable::Damaged) => damaged += 1,
                Err(Unreadable::OfVersion(version)) => {
                    self.state.foreign = Some(version);
                    break;
                }
            }
            self.state.undone.push_back(*position);
        }
        if damaged > 0 {
            tracing::error!(
                backend = self.name,
                records = damaged,
                "records of the drain cannot be read, and their events are not sent"
            );
            self.figures.dropped(Dropped::Unreadable, damaged);
        }
        opened
    }

    /// Tells the spool which records are dealt with: those before the first of which something is
    /// left.
    async fn done(&mut self) {
        let State { suspects, failing, undone, .. } = &mut self.state;
        let left = suspects.iter().map(|kept| kept.place.0).chain(failing.records()).min();
        let mut last = None;
        while let Some(first) = undone.front()
            && left.is_none_or(|left| *first < left)
        {
            last = undone.pop_front();
        }
        if let Some(last) = last {
            self.spool.done(last).await;
        }
        if self.state.undone.is_empty() {
            self.figures.oldest(0);
        }
    }

    /// Leaves the spool to a program that can read it.
    async fn foreign(&mut self, version: u8) -> Result<(), Stopped> {
        let waiting = self.spool.depth().records;
        tracing::error!(
            backend = self.name,
            version,
            waiting,
            "the queue of the drain holds a record that another version of the program put, and \
             waits; start that version, or a newer one"
        );
        // Fails when the drain is gone, which is an end too.
        _ = self.stop.wait_for(|stop| *stop).await;
        Err(Stopped)
    }

    /// What is sent to now, once there is something.
    pub(crate) async fn receiver(&mut self) -> Result<Arc<Receiver>, Stopped> {
        let target = tokio::select! {
            // Fails when the drain is gone.
            target = self.target.wait_for(Result::is_ok) => target.map_err(|_| Stopped)?.clone(),
            _ = self.stop.wait_for(|stop| *stop) => return Err(Stopped),
        };
        target.map_err(|_| Stopped)
    }

    /// Waits for the next attempt, or for another config, which may do better.
    pub(crate) async fn wait(&mut self, wait: Duration, reason: &str) -> Result<(), Stopped> {
        self.tell_failed(reason);
        tokio::select! {
            () = sleep(wait) => {}
            changed = self.target.changed() => changed.map_err(|_| Stopped)?,
            _ = self.stop.wait_for(|stop| *stop) => return Err(Stopped),
        }
        self.figures.retried(1);
        Ok(())
    }

    /// Counts events that were taken.
    pub(crate) fn delivered(&mut self, events: usize) {
        self.figures.delivered(events);
        self.state.taken += events as u64;
    }

    pub(crate) fn tell_failed(&mut self, reason: &str) {
        if is_due(&mut self.state.told_failed) {
            let waiting = self.spool.depth().records;
            tracing::warn!(
                backend = self.name,
                reason,
                waiting,
                "events cannot be sent on now; they are tried again"
            );
        }
    }

    /// Puts events aside that will not be sent.
    pub(crate) async fn give_up(&mut self, why: Dropped, items: &[Item<'_>], reason: &str) {
        if items.is_empty() {
            return;
        }
        self.figures.dropped(why, items.len());
        let events: Vec<_> = items.iter().map(|item| item.event).collect();
        let kept = self.put_aside.keep(&events, reason, now()).await;
        if let Some(events) = self.is_due_given_up(items.len()) {
            let not_kept = kept.err().map(|error| error.to_string());
            tracing::error!(
                backend = self.name,
                events,
                reason,
                not_kept,
                file = %self.put_aside.path().display(),
                "the receiver takes others but not these events; they are put aside in the file"
            );
        }
    }

    /// Counts events that were not taken, of which the receiver does not say which they are.
    pub(crate) fn lost(&mut self, events: usize, reason: &str) {
        if events == 0 {
            return;
        }
        self.figures.dropped(Dropped::Refused, events);
        if let Some(events) = self.is_due_given_up(events) {
            tracing::error!(
                backend = self.name,
                events,
                reason,
                "the receiver has refused some events of a request, and does not say which"
            );
        }
    }

    /// How many events were given up since it was told last, if it is time to tell it.
    fn is_due_given_up(&mut self, events: usize) -> Option<usize> {
        let (at, untold) = &mut self.state.told_given_up;
        *untold += events;
        is_due(at).then(|| std::mem::take(untold))
    }
}

/// Whether it is time for a line of the log, which is noted.
fn is_due(told: &mut Option<Instant>) -> bool {
    let now = Instant::now();
    let is_due = told.is_none_or(|told| now.duration_since(told) >= LOG_PAUSE);
    if is_due {
        *told = Some(now);
    }
    is_due
}

#[cfg(test)]
mod tests;
