//! The connections that are open, and which of them wait for a request.
//!
//! When all places are taken, the connection that has waited the longest for a request, or for the
//! rest of a request's head, makes room for a new one: thousands of clients that say nothing must
//! not keep one out that does. Where none waits, it is the one whose request's body has trickled in
//! for the longest. A connection with another request in work is never closed for that.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The places for the connections of one listener.
#[derive(Debug)]
pub(super) struct Connections {
    free: Arc<Semaphore>,
    waiting: Mutex<Waiting>,
    /// Another connection may be told to close now.
    changed: Notify,
}

/// The connections that may be told to make room.
#[derive(Debug, Default)]
struct Waiting {
    /// The first makes room first.
    turns: BTreeMap<Turn, Arc<Notify>>,
    next_number: u64,
    /// The turn of the connection that was told to close and has not done so yet.
    told: Option<Turn>,
}

/// When a connection makes room: those that wait for a request come first, and of these the one that
/// has waited the longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    has_request: bool,
    number: u64,
}

impl Connections {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            free: Arc::new(Semaphore::new(most)),
            waiting: Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// A place for one more connection, which waits for a request from now on. When there is none,
    /// another connection is told to make room; when all have a request, this waits.
    pub(super) async fn place(self: &Arc<Self>) -> Arc<Place> {
        loop {
            if let Ok(slot) = Arc::clone(&self.free).try_acquire_owned() {
                return Place::new(self, slot);
            }
            self.tell_one_to_close();
            tokio::select! {
                // The semaphore is never closed.
                Ok(slot) = Arc::clone(&self.free).acquire_owned() => {
                    return Place::new(self, slot);
                }
                () = self.changed.notified() => {}
            }
        }
    }

    fn tell_one_to_close(&self) {
        let mut waiting = self.waiting();
        if waiting.told.is_none()
            && let Some((turn, close)) = waiting.turns.pop_first()
        {
            waiting.told = Some(turn);
            close.notify_one();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    state: Mutex<State>,
    close: Arc<Notify>,
    /// None only while it is dropped.
    slot: Option<OwnedSemaphorePermit>,
}

#[derive(Debug, Default)]
struct State {
    /// Requests whose answer is not complete.
    requests: usize,
    /// Those of them whose body trickles in.
    trickling: usize,
    /// Its turn to make room; none while it has a request that does not trickle, or an answer that
    /// the system has not taken yet.
    turn: Option<Turn>,
}

impl Place {
    fn new(connections: &Arc<Connections>, slot: OwnedSemaphorePermit) -> Arc<Self> {
        let place = Self {
            connections: Arc::clone(connections),
            state: Mutex::default(),
            close: Arc::default(),
            slot: Some(slot),
        };
        place.flushed();
        Arc::new(place)
    }

    /// A request's head came. Until its answer is complete and what is returned here is dropped,
    /// the connection is not closed to make room.
    pub(super) fn request(self: &Arc<Self>) -> RequestInWork {
        let mut state = self.state();
        state.requests += 1;
        self.wait_no_longer(&mut state);
        RequestInWork(Arc::clone(self))
    }

    /// All that was written is with the system: if there is no request, one is waited for. Whether
    /// it is so.
    pub(super) fn flushed(&self) -> bool {
        let mut state = self.state();
        if state.requests > 0 {
            return false;
        }
        if state.turn.is_some() {
            return true;
        }
        self.wait(&mut state, false);
        true
    }

    fn wait(&self, state: &mut State, has_request: bool) {
        let mut waiting = self.connections.waiting();
        let turn = Turn { has_request, number: waiting.next_number };
        waiting.next_number += 1;
        waiting.turns.insert(turn, Arc::clone(&self.close));
        state.turn = Some(turn);
        drop(waiting);
        self.connections.changed.notify_one();
    }

    /// The number of requests in work has become smaller, or that of trickling ones has changed.
    fn requests_changed(&self, state: &mut State) {
        if state.requests == 0 || state.trickling < state.requests {
            self.wait_no_longer(state);
        } else if state.turn.is_none() {
            self.wait(state, true);
        }
    }

    /// Done when the connection has to make room.
    pub(super) async fn told_to_close(&self) {
        loop {
            self.close.notified().await;
            // A request may have come after the connection was told.
            let state = self.state();
            if state.turn.is_some() && state.turn == self.connections.waiting().told {
                return;
            }
        }
    }

    fn wait_no_longer(&self, state: &mut State) {
        let Some(turn) = state.turn.take() else { return };
        let mut waiting = self.connections.waiting();
        waiting.turns.remove(&turn);
        if waiting.told == Some(turn) {
            waiting.told = None;
            drop(waiting);
            self.connections.changed.notify_one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The place first, so that nobody else is told to make room.
        drop(self.slot.take());
        self.wait_no_longer(&mut self.state());
    }
}

/// A request whose answer is not complete.
#[derive(Debug)]
pub(super) struct RequestInWork(Arc<Place>);

impl RequestInWork {
    /// For its body.
    pub(super) fn body(&self) -> BodyPlace {
        BodyPlace { place: Arc::clone(&self.0), trickles: false }
    }
}

impl Drop for RequestInWork {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.requests -= 1;
        self.0.requests_changed(&mut state);
    }
}

/// The body of a request, as far as its connection's place is concerned.
#[derive(Debug)]
pub(super) struct BodyPlace {
    place: Arc<Place>,
    trickles: bool,
}

impl BodyPlace {
    #[cfg(test)]
    pub(super) fn trickles(&self) -> bool {
        self.trickles
    }

    /// Whether it comes so slowly that its connection may be closed to make room.
    pub(super) fn set_trickles(&mut self, trickles: bool) {
        if trickles == self.trickles {
            return;
        }
        self.trickles = trickles;
        let mut state = self.place.state();
        if trickles {
            state.trickling += 1;
        } else {
            state.trickling -= 1;
        }
        self.place.requests_changed(&mut state);
    }
}

impl Drop for BodyPlace {
    fn drop(&mut self) {
        self.set_trickles(false);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    /// What a future is after one look at it.
    fn look<T>(future: impl Future<Output = T>) -> Poll<T> {
        pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    fn is_told(place: &Place) -> bool {
        look(place.told_to_close()).is_ready()
    }

    #[tokio::test]
    async fn whoever_waits_the_longest_makes_room() {
        let connections = Connections::new(3);
        let [first, second, third] =
            [connections.place().await, connections.place().await, connections.place().await];
        assert!(![&first, &second, &third].into_iter().any(|place| is_told(place)));
        // The first has been heard of since.
        drop(first.request());
        first.flushed();

        let mut next = pin!(connections.place());
        assert!(look(next.as_mut()).is_pending());
        assert!(!is_told(&first) && is_told(&second) && !is_told(&third));
        // One is enough.
        assert!(look(next.as_mut()).is_pending());
        assert!(!is_told(&third));
        drop(second);
        let fourth = next.await;

        let mut next = pin!(connections.place());
        assert!(look(next.as_mut()).is_pending());
        assert!(is_told(&third) && !is_told(&first) && !is_told(&fourth));
    }

    #[tokio::test]
    async fn a_request_in_work_keeps_its_connection() {
        let connections = Connections::new(1);
        let place = connections.place().await;
        let requests = [place.request(), place.request()];
        let mut next = pin!(connections.place());
        for request in requests {
            place.flushed();
            assert!(look(next.as_mut()).is_pending());
            assert!(!is_told(&place));
            drop(request);
        }
        // The answers are complete, but not sent off.
        assert!(look(next.as_mut()).is_pending());
        assert!(!is_told(&place));
        place.flushed();
        assert!(look(next.as_mut()).is_pending());
        assert!(is_told(&place));
        drop(place);
        next.await;
    }

    #[tokio::test]
    async fn a_request_that_comes_just_in_time_keeps_its_connection() {
        let connections = Connections::new(2);
        let [first, second] = [connections.place().await, connections.place().await];
        let mut next = pin!(connections.place());
        assert!(look(next.as_mut()).is_pending());
        let request = first.request();
        assert!(!is_told(&first));
        // Then it is the next one's turn.
        assert!(look(next.as_mut()).is_pending());
        assert!(is_told(&second));
        drop(request);
        first.flushed();
        assert!(!is_told(&first));
    }

    #[tokio::test]
    async fn a_body_that_trickles_makes_room_when_nobody_waits() {
        let connections = Connections::new(3);
        let [trickling, busy, both] =
            [connections.place().await, connections.place().await, connections.place().await];
        let request = trickling.request();
        let mut body = request.body();
        body.set_trickles(true);
        let _busy = busy.request();
        let [one, other] = [both.request(), both.request()];
        let mut one_body = one.body();
        one_body.set_trickles(true);
        let mut next = pin!(connections.place());
        assert!(look(next.as_mut()).is_pending());
        assert!(is_told(&trickling) && !is_told(&busy) && !is_told(&both));
        // It comes faster again, and is complete.
        body.set_trickles(false);
        assert!(!is_told(&trickling));
        assert!(look(next.as_mut()).is_pending());
        body.set_trickles(true);
        drop((body, request));
        assert!(!is_told(&trickling));
        drop(other);
        assert!(look(next.as_mut()).is_pending());
        assert!(is_told(&both));
        // One that waits comes first.
        trickling.flushed();
        drop(one_body);
        assert!(look(next.as_mut()).is_pending());
        assert!(is_told(&trickling) && !is_told(&both));
    }
}
