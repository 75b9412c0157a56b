//! Bodies of requests that must come in time.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use hyper::body::{Body, Buf, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::connections::BodyPlace;

/// How long a body may take. The time runs from when the handler first has to wait for it: what a
/// handler does before is not the client's fault.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyTimes {
    /// For the next bytes of it.
    pub(crate) quiet: Duration,
    /// For all of it.
    pub(crate) whole: Duration,
    /// After this time a body that came with less than [`SLOWEST`] on average trickles: its connection
    /// may be closed to make room for another one.
    pub(crate) trickles_after: Duration,
}

/// Bytes per second.
const SLOWEST: u128 = 1024;

/// A request's body that fails when it does not come in time.
#[derive(Debug)]
pub(crate) struct TimedBody<B> {
    body: B,
    times: BodyTimes,
    /// Runs while bytes are waited for.
    timer: Option<Timer>,
    late: Late,
    /// Bytes that have come.
    bytes: usize,
    place: BodyPlace,
}

#[derive(Debug)]
struct Timer {
    sleep: Pin<Box<Sleep>>,
    begin: Instant,
    /// When all of the body has to be there.
    end: Instant,
    /// Whether bytes came since the timer was set.
    progress: bool,
}

/// Whether a request's body came too late: what its handler answers means nothing then.
#[derive(Debug, Clone, Default)]
pub(super) struct Late(Arc<AtomicBool>);

impl Late {
    pub(super) fn is_so(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why a body ends early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError<E> {
    /// The connection broke.
    #[error(transparent)]
    Broken(E),
    /// It did not come in time.
    #[error("the body did not come in time")]
    Late,
}

impl<B> TimedBody<B> {
    pub(super) fn new(body: B, times: BodyTimes, place: BodyPlace) -> (Self, Late) {
        let late = Late::default();
        (Self { body, times, timer: None, late: late.clone(), bytes: 0, place }, late)
    }

    /// Looks whether it trickles.
    fn look(&mut self) {
        let Some(timer) = &self.timer else { return };
        let time = timer.begin.elapsed();
        let least = time.as_millis() * SLOWEST / 1000;
        let is_slow = u128::try_from(self.bytes).unwrap_or(u128::MAX) < least;
        self.place.set_trickles(is_slow && time >= self.times.trickles_after);
    }

    /// Ready when the time is over.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        let timer = self.timer.get_or_insert_with(|| {
            let end = now + self.times.whole;
            Timer { sleep: Box::pin(sleep_until(end)), begin: now, end, progress: true }
        });
        if std::mem::take(&mut timer.progress) {
            timer.sleep.as_mut().reset(timer.end.min(now + self.times.quiet));
        }
        timer.sleep.as_mut().poll(cx)
    }
}

impl<B: Body + Unpin> Body for TimedBody<B> {
    type Data = B::Data;
    type Error = BodyError<B::Error>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if self.late.is_so() {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            if let Some(timer) = &mut self.timer {
                timer.progress = true;
            }
            match &frame {
                Some(Ok(frame)) => {
                    self.bytes += frame.data_ref().map_or(0, Buf::remaining);
                    self.look();
                }
                // All of it is there.
                None | Some(Err(_)) => self.place.set_trickles(false),
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Broken)));
        }
        if self.poll_timer(cx).is_pending() {
            return Poll::Pending;
        }
        self.late.0.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err(BodyError::Late)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, task::Waker};

    use hyper::body::Bytes;
    use tokio::{sync::mpsc, time::advance};

    use super::{super::connections::Connections, *};

    const TIMES: BodyTimes = BodyTimes {
        quiet: Duration::from_secs(10),
        whole: Duration::from_secs(60),
        trickles_after: Duration::from_secs(10),
    };

    /// A body whose parts a test sends.
    struct Parts(mpsc::Receiver<Bytes>);

    impl Body for Parts {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            self.0.poll_recv(cx).map(|part| part.map(|part| Ok(Frame::data(part))))
        }
    }

    async fn body() -> (mpsc::Sender<Bytes>, TimedBody<Parts>, Late) {
        let (sender, parts) = mpsc::channel(1);
        let request = Connections::new(1).place().await.request();
        let (body, late) = TimedBody::new(Parts(parts), TIMES, request.body());
        (sender, body, late)
    }

    /// The next part; None at the end.
    async fn next(body: &mut TimedBody<Parts>) -> Option<Result<usize, String>> {
        let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
        Some(match frame {
            Ok(frame) => Ok(frame.into_data().map_or(0, |part| part.len())),
            Err(error) => Err(error.to_string()),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_is_late() {
        let (sender, mut body, late) = body().await;
        // The handler may take its time before it reads.
        advance(Duration::from_secs(100)).await;
        let begin = Instant::now();
        sender.send(Bytes::from_static(b"abc")).await.unwrap();
        assert_eq!(next(&mut body).await, Some(Ok(3)));
        assert!(!late.is_so());
        assert_eq!(next(&mut body).await, Some(Err("the body did not come in time".to_owned())));
        assert!(late.is_so());
        // The timer's steps are milliseconds.
        assert_eq!(begin.elapsed().as_secs(), 10);
        assert_eq!(next(&mut body).await, None);
    }

    /// Sends a byte after each pause, until nobody wants it.
    async fn feed(sender: mpsc::Sender<Bytes>, pause: Duration) {
        loop {
            tokio::time::sleep(pause).await;
            if sender.send(Bytes::from_static(b"a")).await.is_err() {
                return;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_comes_slowly_has_its_time() {
        for (pause, expected) in [(9, 6), (4, 14), (1, 59)] {
            let (sender, mut body, late) = body().await;
            let begin = Instant::now();
            let feed = tokio::spawn(feed(sender, Duration::from_secs(pause)));
            let mut parts = 0;
            while let Some(Ok(_)) = next(&mut body).await {
                parts += 1;
            }
            assert!(late.is_so());
            assert_eq!(begin.elapsed().as_secs(), 60);
            // At the very end a part and the end of the time come together.
            assert!((expected..=expected + 1).contains(&parts), "{pause}: {parts}");
            feed.abort();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_complete_body_has_no_time_limit() {
        let (sender, mut body, late) = body().await;
        sender.send(Bytes::from_static(b"abc")).await.unwrap();
        drop(sender);
        assert_eq!(next(&mut body).await, Some(Ok(3)));
        advance(Duration::from_secs(100)).await;
        assert_eq!(next(&mut body).await, None);
        assert!(!late.is_so());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_trickles_while_it_comes_slower_than_it_may() {
        let (sender, mut body, _) = body().await;
        let mut seen = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut body).poll_frame(&mut cx).is_pending());
        for (pause, bytes) in [(9, 1), (2, 1), (1, 20_000), (9, 1), (8, 1), (9, 1)] {
            advance(Duration::from_secs(pause)).await;
            sender.send(vec![b'a'; bytes].into()).await.unwrap();
            next(&mut body).await.unwrap().unwrap();
            seen.push(body.place.trickles());
        }
        drop(sender);
        assert_eq!(next(&mut body).await, None);
        seen.push(body.place.trickles());
        assert_eq!(seen, [false, true, false, true, true, true, false]);
    }
}
