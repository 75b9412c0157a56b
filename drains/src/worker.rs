//! The worker of a drain: takes events off its spool and sends them, until they are dealt with.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use spool::{Position, Spool, Taken};
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
    record::{self, Unreadable},
};

/// For a request on its way to be answered after the end was asked for.
const LAST_REQUEST: Duration = Duration::from_secs(5);

/// Time between two lines of the log about a receiver that fails.
const LOG_PAUSE: Duration = Duration::from_secs(30);

/// Events that were refused alone after which the receiver gets a rest, where it takes no other: it
/// is not the events that it does not like.
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
    pub(crate) state: State,
}

/// What a worker knows of what it did before.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// What was refused alone while the receiver took nothing else. It may be the receiver: they
    /// are tried again, and go only when it takes others.
    suspects: Vec<Suspect>,
    /// The last of the records of which suspects are a part.
    undone: Option<Position>,
    /// When suspects are tried again.
    pace: Pace,
    /// The version of a record that this program cannot read, which is the next one.
    foreign: Option<u8>,
    /// When it was told last that the receiver fails.
    told_failed: Option<Instant>,
    /// When it was told last that events are refused, and how many were since.
    told_refused: (Option<Instant>, usize),
}

#[derive(Debug)]
struct Suspect {
    source: String,
    body: String,
}

/// The end was asked for.
#[derive(Debug)]
struct Stopped;

/// What became of a batch: all else of it was dropped.
#[derive(Debug, Default)]
struct Delivered<'a> {
    /// What it was sent to at last.
    receiver: Option<Arc<Receiver>>,
    /// Number of events that this receiver has taken.
    taken: usize,
    /// What was refused alone while the receiver took nothing.
    suspects: Vec<Event<'a>>,
    /// For people.
    reason: String,
}

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
        drop(receiver);
        let taken = self.take(batching).await?;
        let mut opened = Vec::new();
        let mut damaged = 0;
        for taken in &taken {
            match record::open(&taken.bytes) {
                Ok(record) => opened.push(record),
                Err(Unreadable::Damaged) => damaged += 1,
                Err(Unreadable::OfVersion(version)) => {
                    self.state.foreign = Some(version);
                    break;
                }
            }
        }
        let read = opened.len() + damaged;
        let last = read.checked_sub(1).and_then(|last| taken.get(last)).map(|last| last.position);
        let suspects = std::mem::take(&mut self.state.suspects);
        let last = last.or(self.state.undone.take());
        if suspects.is_empty() {
            self.figures.oldest(opened.first().map_or(0, |record| record.at));
        }
        if damaged > 0 {
            tracing::error!(
                backend = self.name,
                records = damaged,
                "records of the drain cannot be read, and their events are not sent"
            );
            self.figures.dropped(Dropped::Unreadable, damaged);
        }
        let of_before =
            suspects.iter().map(|Suspect { source, body }| Event { source, body: body.as_str() });
        let mut events: Vec<_> =
            of_before.chain(opened.iter().flat_map(|record| record.events())).collect();
        if batching.by_source {
            // Stable: each source's events stay in their order.
            events.sort_by_key(|event| event.source);
        }
        let mut all = Delivered::default();
        // Refused by a receiver that is no longer sent to.
        let mut again = Vec::new();
        for batch in batches(&events, batching) {
            let Delivered { receiver, taken, suspects, reason } = self.deliver(batch).await?;
            let is_same = match (&all.receiver, &receiver) {
                (Some(before), Some(now)) => Arc::ptr_eq(before, now),
                _ => true,
            };
            if !is_same {
                again.append(&mut all.suspects);
                all.taken = 0;
            }
            all.receiver = receiver;
            all.taken += taken;
            if !suspects.is_empty() {
                all.reason = reason;
            }
            all.suspects.extend(suspects);
        }
        if all.taken > 0 {
            self.refused(all.suspects.len(), &all.reason);
            self.state.pace = Pace::default();
        } else {
            again.append(&mut all.suspects);
        }
        if again.is_empty() {
            if let Some(last) = last {
                self.spool.done(last).await;
            }
            self.figures.oldest(0);
        } else {
            self.tell_failed(&all.reason);
            let kept = |event: &Event<'_>| Suspect {
                source: event.source.to_owned(),
                body: event.body.to_owned(),
            };
            self.state.suspects = again.iter().map(kept).collect();
            self.state.undone = last;
        }
        Ok(())
    }

    /// Takes records; none when it is time to try again what is left.
    async fn take(&mut self, batching: Batching) -> Result<Vec<Taken>, Stopped> {
        let has_suspects = !self.state.suspects.is_empty();
        let wait = if has_suspects { self.state.pace.wait(None) } else { Duration::MAX };
        let first = tokio::select! {
            taken = self.spool.take(batching.bytes) => taken,
            () = sleep(wait), if has_suspects => return Ok(Vec::new()),
            changed = self.target.changed(), if has_suspects => {
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
    async fn receiver(&mut self) -> Result<Arc<Receiver>, Stopped> {
        let target = tokio::select! {
            // Fails when the drain is gone.
            target = self.target.wait_for(Result::is_ok) => target.map_err(|_| Stopped)?.clone(),
            _ = self.stop.wait_for(|stop| *stop) => return Err(Stopped),
        };
        target.map_err(|_| Stopped)
    }

    /// Returns when all are dealt with, but for some suspects.
    async fn deliver<'a>(&mut self, events: &[Event<'a>]) -> Result<Delivered<'a>, Stopped> {
        // Places of events, in the order in which they are sent, the next part at the end.
        let mut parts: Vec<Vec<usize>> = vec![(0..events.len()).collect()];
        let mut suspects: Vec<usize> = Vec::new();
        let mut of_suspects = String::new();
        let mut taken = 0;
        let mut pace = Pace::default();
        // Where to go on after a rest, so that at last each event was tried.
        let mut turn = 0;
        let mut receiver = self.receiver().await?;
        while let Some(part) = parts.pop() {
            let current = self.receiver().await?;
            if !Arc::ptr_eq(&receiver, &current) {
                // What the one before has refused, this one may take.
                receiver = current;
                parts =
                    vec![together(parts.drain(..).chain([part, std::mem::take(&mut suspects)]))];
                (taken, turn) = (0, 0);
                continue;
            }
            let chosen: Vec<_> =
                part.iter().filter_map(|place| events.get(*place).copied()).collect();
            let outcome = self.send(&receiver, &chosen).await?;
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
                Outcome::Refused { .. } if part.len() > 1 => {
                    let first_untried = std::mem::take(&mut turn);
                    let at = part.partition_point(|place| *place < first_untried);
                    if (1..part.len()).contains(&at) {
                        let (before, after) = part.split_at(at);
                        parts.extend([before.to_vec(), after.to_vec()]);
                    } else {
                        let (first, second) = part.split_at(part.len() / 2);
                        parts.extend([second.to_vec(), first.to_vec()]);
                    }
                }
                Outcome::Refused { reason } if taken > 0 => self.refused(part.len(), &reason),
                Outcome::Refused { reason } => {
                    turn = part.last().map_or(0, |place| place + 1);
                    suspects.extend(part);
                    if suspects.len() >= REFUSED_ALONE {
                        self.wait(pace.wait(None), &reason).await?;
                        // All together: it may take them now, in their order.
                        let refused = [std::mem::take(&mut suspects)];
                        parts = vec![together(parts.drain(..).chain(refused))];
                    } else {
                        turn = 0;
                    }
                    of_suspects = reason;
                }
                Outcome::Partly { refused, later, reason } => {
                    self.refused(refused, &reason);
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
        let suspects = suspects.iter().filter_map(|place| events.get(*place).copied()).collect();
        Ok(Delivered { receiver: Some(receiver), taken, suspects, reason: of_suspects })
    }

    async fn send(&self, receiver: &Receiver, events: &[Event<'_>]) -> Result<Outcome, Stopped> {
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
        self.tell_failed(reason);
        tokio::select! {
            () = sleep(wait) => {}
            changed = self.target.changed() => changed.map_err(|_| Stopped)?,
            _ = self.stop.wait_for(|stop| *stop) => return Err(Stopped),
        }
        self.figures.retried(1);
        Ok(())
    }

    fn tell_failed(&mut self, reason: &str) {
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

    fn refused(&mut self, events: usize, reason: &str) {
        if events == 0 {
            return;
        }
        self.figures.dropped(Dropped::Refused, events);
        let (at, untold) = &mut self.state.told_refused;
        *untold += events;
        if is_due(at) {
            let events = std::mem::take(untold);
            tracing::error!(
                backend = self.name,
                events,
                reason,
                "the receiver takes others but refuses these events; they are not sent on"
            );
        }
    }
}

/// Places of all parts in their order.
fn together(parts: impl Iterator<Item = Vec<usize>>) -> Vec<usize> {
    let mut all: Vec<_> = parts.flatten().collect();
    all.sort_unstable();
    all
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

/// Takes more, until it fills a batch, or the first is old enough.
async fn fill(spool: &Spool, mut taken: Vec<Taken>, batching: Batching) -> Vec<Taken> {
    let deadline = tokio::time::Instant::now() + batching.age;
    loop {
        let bytes: usize = taken.iter().map(|taken| taken.bytes.len()).sum();
        if bytes >= batching.bytes {
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

    fn event(place: usize) -> String {
        format!(r#"{{"id":"{place}","timestamp":1,"event_message":"{place}"}}"#)
    }

    fn id(event: &Event<'_>) -> usize {
        event.parts().id.parse().unwrap()
    }

    /// What a receiver of a test has taken, by ids.
    type Received = Arc<std::sync::Mutex<Vec<usize>>>;

    /// A receiver that refuses what has an event that is not `wanted`.
    fn picky(wanted: impl Fn(usize) -> bool + Send + Sync + 'static) -> (Arc<Receiver>, Received) {
        let received = Received::default();
        let noted = Arc::clone(&received);
        let receiver = Receiver::played(move |events| {
            if !events.iter().all(|event| wanted(id(event))) {
                return Outcome::Refused { reason: "status 400".to_owned() };
            }
            noted.lock().unwrap().extend(events.iter().map(id));
            Outcome::Delivered
        });
        (Arc::new(receiver), received)
    }

    struct Running {
        spool: Spool,
        target: watch::Sender<Target>,
        stop: watch::Sender<bool>,
        worker: tokio::task::JoinHandle<()>,
        _dir: tempfile::TempDir,
    }

    impl Running {
        fn start(receiver: Arc<Receiver>) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let (spool, _) = Spool::open(spool::Settings::new(dir.path(), 1 << 20)).unwrap();
            let (target, stop) = (watch::Sender::new(Ok(receiver)), watch::Sender::new(false));
            let worker = Worker {
                name: "test".to_owned(),
                spool: spool.clone(),
                target: target.subscribe(),
                stop: stop.subscribe(),
                figures: Arc::new(Figures::new(uuid::Uuid::nil())),
                state: State::default(),
            };
            let worker = tokio::spawn(worker.run());
            Self { spool, target, stop, worker, _dir: dir }
        }

        async fn put(&self, places: std::ops::Range<usize>) {
            let mut copies = record::Copies::default();
            places.for_each(|place| copies.push(event(place).as_bytes()));
            self.spool.append(copies.into_record("s", 1)).await.unwrap();
        }

        async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
            let waiting = async {
                while !is_so(self) {
                    sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(60), waiting).await.expect(what);
        }

        async fn end(self) {
            self.stop.send_replace(true);
            self.worker.await.unwrap();
            self.spool.close().await;
        }
    }

    fn waiting(running: &Running) -> u64 {
        running.spool.depth().records
    }

    #[tokio::test]
    async fn a_receiver_that_refuses_everything_costs_no_event() {
        for count in [1, 15, 16, 200] {
            let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
            let counted = Arc::clone(&asked);
            let (wrong, _) = picky(move |_| {
                counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                false
            });
            let running = Running::start(wrong);
            running.put(0..count).await;
            let enough = 2 * count.min(REFUSED_ALONE);
            running
                .until("it is asked", |_| {
                    asked.load(std::sync::atomic::Ordering::Relaxed) >= enough
                })
                .await;
            assert_eq!(waiting(&running), 1, "{count}");
            let (right, received) = picky(|_| true);
            drop(running.target.send_replace(Ok(right)));
            running.until("they are taken", |running| waiting(running) == 0).await;
            assert_eq!(*received.lock().unwrap(), (0..count).collect::<Vec<_>>());
            running.end().await;
        }
    }

    #[tokio::test]
    async fn what_one_receiver_refused_the_next_one_gets() {
        for refusals in (1..40).step_by(4) {
            let (right, received) = picky(|_| true);
            let target = Arc::new(std::sync::OnceLock::<watch::Sender<Target>>::new());
            let (asked, switch) = (std::sync::atomic::AtomicUsize::new(0), Arc::clone(&target));
            // The config is changed while this one is asked.
            let wrong = Receiver::played(move |_| {
                if asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1 == refusals {
                    drop(switch.get().unwrap().send_replace(Ok(Arc::clone(&right))));
                }
                Outcome::Refused { reason: "status 400".to_owned() }
            });
            let running = Running::start(Arc::new(wrong));
            target.set(running.target.clone()).unwrap();
            running.put(0..15).await;
            running.until("they are taken", |running| waiting(running) == 0).await;
            assert_eq!(*received.lock().unwrap(), (0..15).collect::<Vec<_>>(), "{refusals}");
            running.end().await;
        }
    }

    #[tokio::test]
    async fn what_is_refused_while_others_are_taken_is_dropped() {
        // More than are tried before a rest, at the front.
        for (refused, count) in [(0..1, 20), (7..8, 20), (0..20, 40), (19..20, 20)] {
            let dropped = refused.clone();
            let (receiver, received) = picky(move |place| !dropped.contains(&place));
            let running = Running::start(receiver);
            running.put(0..count).await;
            running.until("they are dealt with", |running| waiting(running) == 0).await;
            let mut received = received.lock().unwrap().clone();
            received.sort_unstable();
            let expected: Vec<_> = (0..count).filter(|place| !refused.contains(place)).collect();
            assert_eq!(received, expected, "{refused:?}");
            running.end().await;
        }
    }

    #[tokio::test]
    async fn what_was_refused_alone_goes_when_a_later_event_is_taken() {
        let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let (receiver, received) = picky(move |place| {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            place != 0
        });
        let running = Running::start(receiver);
        running.put(0..1).await;
        running
            .until("it is refused", |_| asked.load(std::sync::atomic::Ordering::Relaxed) >= 2)
            .await;
        assert_eq!(waiting(&running), 1);
        running.put(1..3).await;
        running.until("they are dealt with", |running| waiting(running) == 0).await;
        assert_eq!(*received.lock().unwrap(), [1, 2]);
        running.end().await;
    }

    #[tokio::test]
    async fn a_record_of_another_version_waits_for_its_program() {
        let (receiver, received) = picky(|_| true);
        let running = Running::start(receiver);
        running.put(0..2).await;
        running.spool.append(b"\x02 what this program cannot know".to_vec()).await.unwrap();
        running.put(2..3).await;
        running.until("the first is sent", |running| waiting(running) == 2).await;
        let Running { worker, stop, spool, _dir, .. } = running;
        stop.send_replace(true);
        worker.await.unwrap();
        assert_eq!(*received.lock().unwrap(), [0, 1]);
        assert_eq!(spool.depth().records, 2);
        spool.close().await;
    }
}
