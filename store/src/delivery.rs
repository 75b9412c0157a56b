//! Whether an answer reached its sender.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

const PENDING: u8 = 0;
const DELIVERED: u8 = 1;
const FAILED: u8 = 2;

/// How much later than a request on another connection of the same sender the word may come that it
/// has left this one. On a busy machine the two were seen to come in the wrong order, some milliseconds
/// apart.
const OVERTAKEN: Duration = Duration::from_millis(50);

/// The longest time from an answer to the next request of a sender that goes on.
const AT_ONCE: Duration = Duration::from_millis(10);

/// When and where a request came.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// Number of its connection.
    pub connection: u64,
    /// When its head came.
    pub at: Instant,
    /// When the last answer before it was given on its connection.
    pub last_answer: Option<Instant>,
}

impl Arrival {
    /// Whether its sender does not just go on, on its connection.
    fn is_fresh(self) -> bool {
        self.last_answer.is_none_or(|given| given + AT_ONCE <= self.at)
    }

    /// Whether its sender may have sent the earlier one too, on another connection that it left.
    fn may_be_again(self, earlier: Option<Self>) -> bool {
        let Some(earlier) = earlier else { return self.is_fresh() };
        // One that goes on has sent nothing elsewhere before its last answer, if it does one at a time.
        let is_between = earlier.is_fresh() && self.last_answer < Some(earlier.at);
        earlier.connection != self.connection && (self.is_fresh() || is_between)
    }
}

/// Whether the answer to one request reached its sender: told by whoever talks to the sender, asked
/// by the store. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Delivery(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: AtomicU8,
    given: OnceLock<Instant>,
    peer: Option<Box<dyn Fn() -> Peer + Send + Sync>>,
    arrival: Option<Arrival>,
    when_delivered: Mutex<Vec<Box<dyn FnOnce() + Send + Sync>>>,
}

/// What a sender's end of a connection shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// The sender is there, as far as one can see.
    Open,
    /// The sender will send no more, and has broken nothing off.
    Closed,
    /// The connection is broken.
    Broken,
}

impl Delivery {
    /// Time after which an answer that was given, and of which nothing else was heard, counts as
    /// delivered. Whoever serves a connection breaks it off well within this time when the other
    /// end does not acknowledge what was sent; and a sender that is gone resets it.
    pub const GRACE: Duration = Duration::from_secs(5);

    /// An answer whose sender can be looked after.
    pub fn to(peer: impl Fn() -> Peer + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner { peer: Some(Box::new(peer)), ..Inner::default() }))
    }

    /// The same, where it is known when the request came.
    pub fn to_arrived(arrival: Arrival, peer: impl Fn() -> Peer + Send + Sync + 'static) -> Self {
        let peer: Box<dyn Fn() -> Peer + Send + Sync> = Box::new(peer);
        let arrival = Some(arrival);
        Self(Arc::new(Inner { peer: Some(peer), arrival, ..Inner::default() }))
    }

    /// An answer that nobody waits for: it counts as delivered.
    pub fn not_needed() -> Self {
        let delivery = Self::default();
        delivery.succeed();
        delivery
    }

    /// The answer was given to the network. It counts as delivered if nothing else is heard.
    pub fn give(&self) {
        self.0.given.get_or_init(Instant::now);
    }

    /// The sender has the answer.
    pub fn succeed(&self) {
        if self.settle(DELIVERED) {
            // Unlocked by then.
            let told = std::mem::take(&mut *self.to_tell());
            told.into_iter().for_each(|tell| tell());
        }
    }

    /// The sender was gone before it had the answer; it will send the same again.
    pub fn fail(&self) {
        self.settle(FAILED);
    }

    /// Whether the sender has the answer at this time, as far as one can know. Once it is so, it
    /// stays so.
    pub(crate) fn is_delivered(&self, now: Instant) -> bool {
        if self.0.given.get().is_some_and(|given| *given + Self::GRACE <= now) {
            self.look();
            self.settle(DELIVERED);
        }
        self.0.state.load(Ordering::Acquire) == DELIVERED
    }

    /// Whether the sender does not have the answer.
    pub(crate) fn has_failed(&self) -> bool {
        self.0.state.load(Ordering::Acquire) == FAILED
    }

    /// Whether nothing more is to be heard of it.
    pub fn is_settled(&self) -> bool {
        self.has_failed() || self.is_delivered(Instant::now())
    }

    /// Looks whether the sender has left and nobody has told yet.
    pub(crate) fn look(&self) {
        let Some(peer) = &self.0.peer else { return };
        if self.0.state.load(Ordering::Acquire) != PENDING {
            return;
        }
        match peer() {
            Peer::Open => {}
            // The answer may be on its way still, and come to nobody. Who serves the connection tells.
            Peer::Closed if self.0.given.get().is_some() => {}
            Peer::Closed | Peer::Broken => self.fail(),
        }
    }

    /// Whether it is soon known if the sender has the answer. `again`, an equal request, is there:
    /// it may have overtaken the word that its sender had left; or the sender had closed its end, and
    /// its system tells whether it reads on when the answer comes there.
    pub(crate) fn is_in_doubt(&self, again: &Self, now: Instant) -> bool {
        let Inner { state, given, peer, arrival, .. } = &*self.0;
        let Some(peer) = peer else { return false };
        let is_overtaking =
            |again: &Arrival| now < again.at + OVERTAKEN && again.may_be_again(*arrival);
        state.load(Ordering::Acquire) == PENDING
            && (again.0.arrival.as_ref().is_some_and(is_overtaking)
                || given.get().is_some() && peer() == Peer::Closed)
    }

    /// Whether its request came later than the other one's.
    pub(crate) fn came_after(&self, other: &Self) -> bool {
        let came = |delivery: &Self| delivery.0.arrival.map(|arrival| arrival.at);
        came(self).zip(came(other)).is_some_and(|(own, other)| own > other)
    }

    /// Calls when somebody [says](Self::succeed) that the sender has the answer.
    pub(crate) fn when_delivered(&self, tell: impl FnOnce() + Send + Sync + 'static) {
        self.to_tell().push(Box::new(tell));
    }

    fn to_tell(&self) -> MutexGuard<'_, Vec<Box<dyn FnOnce() + Send + Sync>>> {
        self.0.when_delivered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was settled first stays. Whether it was settled now.
    fn settle(&self, to: u8) -> bool {
        let state = &self.0.state;
        state.compare_exchange(PENDING, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("state", &self.state).field("given", &self.given).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_that_has_left_is_noticed() {
        let now = Instant::now();
        for (given, peer, delivered, failed) in [
            (false, Peer::Open, false, false),
            (true, Peer::Open, false, false),
            (false, Peer::Closed, false, true),
            (true, Peer::Closed, false, false),
            (false, Peer::Broken, false, true),
            (true, Peer::Broken, false, true),
        ] {
            let delivery = Delivery::to(move || peer);
            if given {
                delivery.give();
            }
            delivery.look();
            let found = (delivery.is_delivered(now), delivery.has_failed());
            assert_eq!(found, (delivered, failed), "{given} {peer:?}");
            let is_closed = given && peer == Peer::Closed;
            let fresh = Arrival { connection: 1, at: now, last_answer: None };
            let (again, later) = (Delivery::to_arrived(fresh, || Peer::Open), now + OVERTAKEN);
            assert_eq!(delivery.is_in_doubt(&again, now), !failed);
            assert_eq!(delivery.is_in_doubt(&again, later), is_closed);
            assert_eq!(delivery.is_in_doubt(&Delivery::to(|| Peer::Open), now), is_closed);
        }
    }

    #[test]
    fn whoever_goes_on_at_once_has_not_left_an_earlier_connection() {
        let begin = Instant::now();
        let arrival = |connection, at, last_answer: Option<u64>| Arrival {
            connection,
            at: begin + Duration::from_millis(at),
            last_answer: last_answer.map(|at| begin + Duration::from_millis(at)),
        };
        for (earlier, again, may_be) in [
            // On a new connection, or after a pause.
            (arrival(1, 3, Some(2)), arrival(2, 5, None), true),
            (arrival(1, 3, Some(2)), arrival(2, 20, Some(10)), true),
            // Both go on.
            (arrival(1, 3, Some(2)), arrival(2, 5, Some(2)), false),
            (arrival(1, 3, Some(2)), arrival(2, 5, Some(4)), false),
            // On a new connection since its last answer, and before that.
            (arrival(1, 3, None), arrival(2, 5, Some(2)), true),
            (arrival(1, 3, None), arrival(2, 5, Some(4)), false),
            // On the same one, where answers come in any order.
            (arrival(2, 3, None), arrival(2, 20, None), false),
        ] {
            assert_eq!(again.may_be_again(Some(earlier)), may_be, "{earlier:?} {again:?}");
        }
        assert!(
            arrival(1, 3, None).may_be_again(None) && !arrival(1, 3, Some(2)).may_be_again(None)
        );
    }

    #[test]
    fn the_first_word_counts() {
        let now = Instant::now();
        let delivery = Delivery::default();
        assert!(!delivery.is_delivered(now) && !delivery.has_failed());
        let clone = delivery.clone();
        delivery.fail();
        clone.succeed();
        assert!(!clone.is_delivered(now) && clone.has_failed());
        assert!(Delivery::not_needed().is_delivered(now));
    }

    /// To everybody: a request may be written to several sources.
    #[test]
    fn delivery_is_told_once() {
        let told = Arc::new(AtomicU8::new(0));
        for (settle, times) in [(Delivery::succeed as fn(&_), 2), (Delivery::fail, 2)] {
            let delivery = Delivery::default();
            for _ in 0..2 {
                let told_to = Arc::clone(&told);
                delivery.when_delivered(move || _ = told_to.fetch_add(1, Ordering::Relaxed));
            }
            settle(&delivery);
            delivery.succeed();
            assert_eq!(told.load(Ordering::Relaxed), times);
        }
    }

    #[test]
    fn what_was_given_counts_as_delivered_after_a_while_and_for_good() {
        let delivery = Delivery::default();
        delivery.give();
        assert!(!delivery.is_delivered(Instant::now()));
        assert!(delivery.is_delivered(Instant::now() + Delivery::GRACE));
        delivery.fail();
        assert!(delivery.is_delivered(Instant::now()) && !delivery.has_failed());
    }

    /// The connection broke, and nobody has told.
    #[test]
    fn whoever_is_gone_by_then_has_no_answer() {
        for (peer, delivered) in [(Peer::Open, true), (Peer::Closed, true), (Peer::Broken, false)] {
            let delivery = Delivery::to(move || peer);
            delivery.give();
            assert_eq!(delivery.is_delivered(Instant::now() + Delivery::GRACE), delivered);
            assert_eq!(delivery.has_failed(), !delivered);
        }
    }
}
