//! Whether answers reach their senders.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use store::{Arrival, Delivery, Peer};
use tracing::Instrument as _;

/// A sender's connection, as far as its answers are concerned. Clones share it.
///
/// Whoever serves connections puts one into the extensions of every [`request`](Self::request) of a
/// connection, and says what becomes of it.
#[derive(Debug, Clone)]
pub struct SenderConnection {
    shared: Arc<Inner>,
    /// Of the request that this is for.
    arrival: Option<Arrival>,
}

struct Inner {
    number: u64,
    answers: Mutex<Answers>,
    /// Looks at the sender's end.
    peer: Box<dyn Fn() -> Peer + Send + Sync>,
}

#[derive(Debug, Default)]
struct Answers {
    /// Given to the network, and not known to be read.
    given: Vec<Delivery>,
    last_given: Option<Instant>,
    broken: bool,
}

impl SenderConnection {
    /// A connection that has begun. `peer` looks at the sender's end of it; it is asked when it
    /// matters, also after the connection's end, and must not keep the connection open.
    pub fn new(peer: impl Fn() -> Peer + Send + Sync + 'static) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let shared = Inner { number, answers: Mutex::default(), peer: Box::new(peer) };
        Self { shared: Arc::new(shared), arrival: None }
    }

    /// The connection for a request that has just come.
    pub fn request(&self) -> Self {
        let arrival = Arrival {
            connection: self.shared.number,
            at: Instant::now(),
            last_answer: self.answers().last_given,
        };
        Self { shared: Arc::clone(&self.shared), arrival: Some(arrival) }
    }

    /// The sender sent another request, which it does only when it has read the answer before.
    /// Not to be called where requests overlap (HTTP/2).
    pub fn next_request(&self) {
        self.answers().given.drain(..).for_each(|delivery| delivery.succeed());
    }

    /// The connection has ended, in good order or not.
    pub fn ended(&self, peer: Peer) {
        let mut answers = self.answers();
        answers.broken = peer == Peer::Broken;
        for delivery in answers.given.drain(..) {
            match peer {
                Peer::Broken => delivery.fail(),
                Peer::Open | Peer::Closed => delivery.succeed(),
            }
        }
    }

    /// Whether there are answers of which it is not known whether they were read.
    pub fn awaits_delivery(&self) -> bool {
        self.answers().given.iter().any(|given| !given.is_settled())
    }

    fn delivery(&self) -> Delivery {
        let connection = Arc::downgrade(&self.shared);
        // Of a connection that is forgotten all has been said.
        let peer = move || connection.upgrade().map_or(Peer::Open, |inner| (inner.peer)());
        match self.arrival {
            Some(arrival) => Delivery::to_arrived(arrival, peer),
            None => Delivery::to(peer),
        }
    }

    fn give(&self, delivery: Delivery) {
        let mut answers = self.answers();
        if answers.broken {
            delivery.fail();
        } else {
            delivery.give();
            answers.last_given = Some(Instant::now());
            // A connection of HTTP/2 may last for days.
            answers.given.retain(|given| !given.is_settled());
            answers.given.push(delivery);
        }
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.shared.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SenderConnection").field("answers", &self.answers).finish_non_exhaustive()
    }
}

/// Fails when it is dropped before the work was done: the sender is gone.
struct Waiting(Option<Delivery>);

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(delivery) = self.0.take() {
            delivery.fail();
        }
    }
}

/// Does the work of a request, to its end even when the sender leaves meanwhile. What the work is
/// given tells whether its answer was delivered. `None` when the work ended without a result,
/// which is a fault of ours.
pub(crate) async fn answered<T: Send + 'static, Work: Future<Output = T> + Send + 'static>(
    connection: Option<&SenderConnection>,
    work: impl FnOnce(Delivery) -> Work,
) -> Option<T> {
    let delivery = connection.map_or_else(Delivery::default, SenderConnection::delivery);
    let mut waiting = Waiting(Some(delivery.clone()));
    let work = tokio::spawn(work(delivery).in_current_span());
    let done = work.await.inspect_err(|error| tracing::error!(%error, "a request was not done"));
    if let Some(delivery) = waiting.0.take() {
        match connection {
            Some(connection) => connection.give(delivery),
            None => delivery.give(),
        }
    }
    done.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_that_may_still_fail_are_remembered() {
        let connection = SenderConnection::new(|| Peer::Open);
        for _ in 0..100 {
            let delivery = connection.delivery();
            connection.give(delivery.clone());
            delivery.succeed();
        }
        assert_eq!(connection.answers().given.len(), 1);
        let last = connection.delivery();
        connection.give(last.clone());
        assert!(connection.awaits_delivery());
        connection.ended(Peer::Broken);
        assert!(!connection.awaits_delivery());
        assert!(last.is_settled() && connection.answers().given.is_empty());
        let late = connection.delivery();
        connection.give(late.clone());
        assert!(late.is_settled());
    }

    #[test]
    fn a_request_knows_when_the_answer_before_was_given() {
        let connection = SenderConnection::new(|| Peer::Open);
        assert_eq!(connection.request().arrival.unwrap().last_answer, None);
        connection.give(Delivery::default());
        let Arrival { at, last_answer, .. } = connection.request().arrival.unwrap();
        assert!(last_answer.is_some_and(|given| given <= at));
    }

    #[tokio::test]
    async fn work_goes_on_when_its_sender_leaves() {
        let (tell, told) = tokio::sync::oneshot::channel();
        let (go_on, gone) = tokio::sync::oneshot::channel::<()>();
        let answering = answered(None, |delivery| async move {
            _ = gone.await;
            _ = tell.send(delivery);
        });
        assert!(tokio::time::timeout(std::time::Duration::ZERO, answering).await.is_err());
        go_on.send(()).unwrap();
        assert!(told.await.unwrap().is_settled());
    }
}
