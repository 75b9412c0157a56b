//! Sends a batch until all of it is dealt with: taken, given up, or set apart to be tried later.
//!
//! A batch that is not taken is sent again, ever later. One that is refused, or that fails for some
//! time though the receiver is there, is cut into halves until the events are found that it does not
//! like. As it may be the receiver that likes nothing now, no event is given up before another one
//! was taken.

use std::sync::Arc;

use tokio::time::{Duration, Instant, sleep};

use crate::{
    batching::Item,
    measures::Dropped,
    outcome::Outcome,
    pace::Pace,
    receiver::Receiver,
    worker::{LAST_REQUEST, Stopped, Worker},
};

/// Events that were not taken alone after which the receiver gets a rest, where it takes no other:
/// it is not the events that it does not like.
pub(crate) const NOT_TAKEN_ALONE: usize = 16;

/// Time for those that fail alone, until others have their turn.
const TURN: Duration = Duration::from_secs(1);

/// What became of a batch: all else of it was taken, or given up.
#[derive(Debug, Default)]
pub(crate) struct Delivered<'a> {
    /// What it was sent to at last.
    pub(crate) receiver: Option<Arc<Receiver>>,
    /// Number of events that this receiver has taken.
    pub(crate) taken: usize,
    /// What was refused alone while the receiver took nothing.
    pub(crate) suspects: Vec<Item<'a>>,
    /// What it failed at alone.
    pub(crate) failing: Vec<Item<'a>>,
    /// For people.
    pub(crate) reason: String,
}

impl<'a> Delivered<'a> {
    /// What became of another batch. What a receiver did not take that is no longer sent to goes to
    /// `again`.
    pub(crate) fn add(&mut self, other: Self, again: &mut Vec<Item<'a>>) {
        let is_same = match (&self.receiver, &other.receiver) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            _ => true,
        };
        if !is_same {
            again.append(&mut self.suspects);
            again.append(&mut self.failing);
            self.taken = 0;
        }
        self.receiver = other.receiver;
        self.taken += other.taken;
        if !other.suspects.is_empty() || !other.failing.is_empty() {
            self.reason = other.reason;
        }
        self.suspects.extend(other.suspects);
        self.failing.extend(other.failing);
    }
}

/// A batch on its way.
#[derive(Debug)]
struct Delivery {
    /// Places of events, in the order in which they are sent, the next part at the end.
    parts: Vec<Vec<usize>>,
    /// Those that were refused alone.
    suspects: Vec<usize>,
    /// Those at which the receiver failed alone.
    failing: Vec<usize>,
    reason: String,
    taken: usize,
    /// Whether the receiver has taken other events before.
    takes_others: bool,
    pace: Pace,
    /// Where to go on after a rest, so that at last each event was tried.
    turn: usize,
    /// Since when the receiver fails and takes nothing.
    failing_since: Option<Instant>,
    /// Whether what fails is cut at once.
    isolating: bool,
}

impl Delivery {
    fn of(events: usize, takes_others: bool) -> Self {
        Self {
            parts: vec![(0..events).collect()],
            suspects: Vec::new(),
            failing: Vec::new(),
            reason: String::new(),
            taken: 0,
            takes_others,
            pace: Pace::default(),
            turn: 0,
            failing_since: None,
            isolating: false,
        }
    }

    /// All that is not dealt with, in its order, as if nothing had been tried; `part` with it.
    fn begin_anew(&mut self, part: Vec<usize>) {
        let rest = self.parts.drain(..).chain([part]);
        let apart = [std::mem::take(&mut self.suspects), std::mem::take(&mut self.failing)];
        let mut all: Vec<_> = rest.chain(apart).flatten().collect();
        all.sort_unstable();
        *self = Self { pace: std::mem::take(&mut self.pace), ..Self::of(0, false) };
        self.parts = vec![all];
    }

    /// Whether what fails now may be the fault of some event.
    fn may_isolate(&mut self, of_events: bool, after: Duration) -> bool {
        if of_events {
            let since = *self.failing_since.get_or_insert_with(Instant::now);
            self.isolating |= since.elapsed() >= after;
        } else {
            (self.failing_since, self.isolating) = (None, false);
        }
        self.isolating
    }

    /// Cuts a part of several, so that what was not tried yet comes apart.
    fn cut(&mut self, part: &[usize]) {
        let first_untried = std::mem::take(&mut self.turn);
        let at = part.partition_point(|place| *place < first_untried);
        if (1..part.len()).contains(&at) {
            let (before, after) = part.split_at(at);
            self.parts.extend([before.to_vec(), after.to_vec()]);
        } else {
            let (first, second) = part.split_at(part.len() / 2);
            self.parts.extend([second.to_vec(), first.to_vec()]);
        }
    }
}

fn chosen<'a>(items: &[Item<'a>], places: &[usize]) -> Vec<Item<'a>> {
    places.iter().filter_map(|place| items.get(*place).copied()).collect()
}

impl Worker {
    /// Returns when all are dealt with, but for what is set apart. Where the receiver takes others,
    /// what it refuses alone is given up.
    pub(crate) async fn deliver<'a>(
        &mut self,
        items: &[Item<'a>],
        takes_others: bool,
    ) -> Result<Delivered<'a>, Stopped> {
        let mut delivery = Delivery::of(items.len(), takes_others);
        let mut receiver = self.receiver().await?;
        while let Some(part) = delivery.parts.pop() {
            let current = self.receiver().await?;
            if !Arc::ptr_eq(&receiver, &current) {
                // What the one before has refused, this one may take.
                receiver = current;
                delivery.begin_anew(part);
                delivery.pace = Pace::default();
                continue;
            }
            let events = chosen(items, &part);
            match self.send(&receiver, &events).await? {
                Outcome::Delivered => {
                    self.delivered(part.len());
                    delivery.taken += part.len();
                    delivery.pace = Pace::default();
                    delivery.failing_since = None;
                }
                Outcome::Partly { refused, unnamed, later, reason, .. } => {
                    // Some are taken, or it would be another outcome.
                    let kept = refused.len() + unnamed + later.len();
                    self.delivered(part.len().saturating_sub(kept));
                    delivery.taken += part.len().saturating_sub(kept);
                    delivery.failing_since = None;
                    self.lost(unnamed, &reason);
                    self.give_up(Dropped::Refused, &chosen(&events, &refused), &reason).await;
                    let again: Vec<_> =
                        later.iter().filter_map(|place| part.get(*place).copied()).collect();
                    if !again.is_empty() {
                        self.wait(delivery.pace.wait(None), &reason).await?;
                        delivery.parts.push(again);
                    }
                }
                Outcome::Later { reason, after, of_events } => {
                    if !delivery.may_isolate(of_events, self.state.patience) {
                        self.wait(delivery.pace.wait(after), &reason).await?;
                        delivery.parts.push(part);
                    } else if part.len() > 1 {
                        delivery.cut(&part);
                    } else {
                        self.not_taken_alone(&mut delivery, part, reason, false).await?;
                    }
                }
                Outcome::Refused { .. } if part.len() > 1 => delivery.cut(&part),
                Outcome::Refused { reason } if delivery.takes_others || delivery.taken > 0 => {
                    self.give_up(Dropped::Refused, &events, &reason).await;
                }
                Outcome::Refused { reason } => {
                    self.not_taken_alone(&mut delivery, part, reason, true).await?;
                }
            }
        }
        let Delivery { taken, suspects, failing, reason, .. } = delivery;
        let [suspects, failing] = [suspects, failing].map(|places| chosen(items, &places));
        Ok(Delivered { receiver: Some(receiver), taken, suspects, failing, reason })
    }

    /// Sets one event apart. When there are many, and nothing else is taken, the receiver gets a
    /// rest, and then all of them again: it may take them now, in their order.
    async fn not_taken_alone(
        &mut self,
        delivery: &mut Delivery,
        part: Vec<usize>,
        reason: String,
        is_refused: bool,
    ) -> Result<(), Stopped> {
        let next = part.last().map_or(0, |place| place + 1);
        let apart = if is_refused { &mut delivery.suspects } else { &mut delivery.failing };
        apart.extend(part);
        delivery.turn = 0;
        let many = delivery.suspects.len() + delivery.failing.len() >= NOT_TAKEN_ALONE;
        if many && delivery.taken == 0 {
            self.wait(delivery.pace.wait(None), &reason).await?;
            delivery.begin_anew(Vec::new());
            delivery.turn = next;
        }
        delivery.reason = reason;
        Ok(())
    }

    /// Sends events once.
    pub(crate) async fn send(
        &self,
        receiver: &Receiver,
        items: &[Item<'_>],
    ) -> Result<Outcome, Stopped> {
        let events: Vec<_> = items.iter().map(|item| item.event).collect();
        let mut stop = self.stop.clone();
        let too_late = async {
            // Fails when the drain is gone, which is an end too.
            _ = stop.wait_for(|stop| *stop).await;
            sleep(LAST_REQUEST).await;
        };
        let outcome = tokio::select! {
            outcome = receiver.send(&events) => outcome.of_request(events.len()),
            () = too_late => return Err(Stopped),
        };
        if outcome != Outcome::Delivered {
            self.figures.failed(1);
        }
        Ok(outcome)
    }

    /// Sends what fails alone once more, where it is time to.
    pub(crate) async fn try_failing(&mut self) -> Result<(), Stopped> {
        let begun = Instant::now();
        while begun.elapsed() < TURN
            && let Some(tried) = self.state.failing.due()
        {
            let receiver = self.receiver().await?;
            let outcome = self.send(&receiver, &[tried.item()]).await?;
            let (given_up, why, reason) = match outcome {
                Outcome::Delivered => {
                    self.delivered(1);
                    continue;
                }
                Outcome::Later { reason, of_events: false, .. } => {
                    self.state.failing.put_off(tried);
                    self.tell_failed(&reason);
                    continue;
                }
                Outcome::Later { reason, .. } => {
                    (self.state.failing.failed(tried, self.state.taken), Dropped::Failing, reason)
                }
                // Others are taken, or are not: the same is asked of it.
                Outcome::Refused { reason } | Outcome::Partly { reason, .. } => {
                    (self.state.failing.failed(tried, self.state.taken), Dropped::Refused, reason)
                }
            };
            self.figures.retried(1);
            if let Some(kept) = given_up {
                self.give_up(why, &[kept.item()], &reason).await;
            } else {
                self.tell_failed(&reason);
            }
        }
        while let Some(kept) = self.state.failing.too_many() {
            let reason = "the receiver fails at this event, as at many others";
            self.give_up(Dropped::Failing, &[kept.item()], reason).await;
        }
        Ok(())
    }
}
