//! Memory for bodies: bounded over all requests.
//!
//! ```text
//! arriving: bodies as they come        working: what they are inflated to, and read
//! ```
//!
//! A request takes either at one go, the first before the second, so that none holds what another
//! one waits for and waits itself. Small requests have memory of their own besides, and do not
//! queue behind large ones.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until, timeout_at},
};

use crate::error::IngestError;

/// How long after its head a request waits for memory. Senders that are told 429 come again; Vector
/// gives a request up after 60 s.
const PATIENCE: Duration = Duration::from_secs(45);

/// How long it waits at least once its body has come, however slowly that was.
const AFTER_BODY: Duration = Duration::from_secs(5);

/// What is counted, in bytes: a semaphore counts to 2^32 at least.
const UNIT: usize = 1024;

/// The part of all memory that is for bodies as they come.
const ARRIVING: usize = 4;

/// The part of either memory that is for small requests alone.
const SMALL: usize = 16;

/// The part of the memory for small requests that is the most for one of them.
const SMALL_SHARE: usize = 4;

/// What a body of unknown length begins with, in bytes.
const STEP: usize = 64 << 10;

/// What it has next, in bytes. Larger ones come one at a time, and what such a one has is doubled as
/// it comes.
const UNKNOWN_LENGTH: usize = 1 << 20;

/// Eighths of the memory for bodies as they come that those of unknown length may have that have
/// begun, and those that are on. The rest is enough for what a larger one asks for, unless it is
/// large indeed.
const BEGUN: usize = 2;
const ON: usize = 3;

/// How often a large body of unknown length looks for memory. It does not queue for it: behind it
/// would be those whose memory it waits for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Memory for bodies and what they become, over all requests. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    arriving: Lane,
    working: Lane,
    turns: Turns,
}

/// Turns of bodies of unknown length. Each holds memory while it waits for more, so those who wait
/// must never hold all that there is: there is a turn for each size, and few of each.
#[derive(Debug, Clone)]
struct Turns {
    begun: Arc<Semaphore>,
    on: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

impl Turns {
    /// For those whose memory is of so many units.
    fn of(units: usize) -> Self {
        let turns = |eighths: usize, bytes: usize| {
            Arc::new(Semaphore::new((units * eighths / 8 / (bytes / UNIT)).max(1)))
        };
        Self {
            begun: turns(BEGUN, STEP),
            on: turns(ON, UNKNOWN_LENGTH),
            large: Arc::new(Semaphore::new(1)),
        }
    }
}

/// Memory of one kind.
#[derive(Debug, Clone)]
struct Lane {
    large: Arc<Semaphore>,
    most: usize,
    small: Arc<Semaphore>,
    /// The most that a small request takes.
    most_of_small: usize,
}

/// Memory of one request, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    arriving: Held,
    working: Held,
    /// While a body of unknown length comes.
    turn: Option<OwnedSemaphorePermit>,
    /// Whether that is the turn of a large one.
    is_large: bool,
    /// When its head had come.
    came: Instant,
    /// Until when it waits.
    until: Instant,
}

/// What a request has of a lane.
#[derive(Debug, Default)]
struct Held {
    units: usize,
    permits: Vec<OwnedSemaphorePermit>,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        let all = (bytes / UNIT).clamp(2, u32::MAX as usize);
        let arriving = (all / ARRIVING).max(1);
        let (arriving, working) = (Lane::new(arriving), Lane::new(all - arriving));
        Self { turns: Turns::of(arriving.most), arriving, working }
    }

    /// For a request of which the head has come.
    pub(crate) fn share(&self) -> Share {
        let came = Instant::now();
        Share {
            budget: self.clone(),
            arriving: Held::default(),
            working: Held::default(),
            turn: None,
            is_large: false,
            came,
            until: came + PATIENCE,
        }
    }
}

impl Lane {
    fn new(units: usize) -> Self {
        let small = units / SMALL;
        Self {
            large: Arc::new(Semaphore::new(units - small)),
            most: units - small,
            small: Arc::new(Semaphore::new(small)),
            most_of_small: small / SMALL_SHARE,
        }
    }

    /// In units. A request may always have all that there is, and not more: a single large one must
    /// not wait for ever.
    fn units(&self, bytes: usize) -> usize {
        bytes.div_ceil(UNIT).min(self.most)
    }

    /// So many units more, if they are there.
    fn take_now(&self, units: usize) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(units).ok()?;
        Arc::clone(&self.large).try_acquire_many_owned(units).ok()
    }

    /// So many units more, when they are there.
    async fn take(
        &self,
        units: usize,
        until: Instant,
    ) -> Result<OwnedSemaphorePermit, IngestError> {
        if let Some(permit) = self.take_now(units) {
            return Ok(permit);
        }
        let lane = if units <= self.most_of_small { &self.small } else { &self.large };
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        in_time(Arc::clone(lane).acquire_many_owned(units), until).await
    }
}

async fn in_time(
    permit: impl Future<Output = Result<OwnedSemaphorePermit, AcquireError>>,
    until: Instant,
) -> Result<OwnedSemaphorePermit, IngestError> {
    match timeout_at(until, permit).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) | Err(_) => Err(IngestError::Busy),
    }
}

impl Share {
    /// When the head of the request had come.
    pub(crate) fn came(&self) -> std::time::Instant {
        self.came.into_std()
    }

    /// Takes memory for a body of so many bytes, before more than a little of it comes.
    ///
    /// # Errors
    /// [`IngestError::Busy`] when other requests hold too much for too long; so everywhere here.
    pub(crate) async fn arrive(&mut self, bytes: usize) -> Result<(), IngestError> {
        let units = self.budget.arriving.units(bytes);
        let Some(missing) = units.checked_sub(self.arriving.units).filter(|missing| *missing > 0)
        else {
            return Ok(());
        };
        let more = self.budget.arriving.take(missing, self.until).await?;
        self.arriving.permits.push(more);
        self.arriving.units = units;
        Ok(())
    }

    /// Takes memory for a body that has so many bytes already, may have `limit`, and does not say
    /// how many it will have.
    pub(crate) async fn arrive_further(
        &mut self,
        bytes: usize,
        limit: usize,
    ) -> Result<(), IngestError> {
        if bytes <= self.arriving.units * UNIT {
            return Ok(());
        }
        let Turns { begun, on, large } = self.budget.turns.clone();
        if bytes <= STEP {
            let Ok(turn) = Arc::clone(&begun).try_acquire_owned() else {
                return self.begin_small(begun, limit).await;
            };
            self.arrive(STEP.min(limit)).await?;
            self.turn = Some(turn);
        } else if bytes <= UNKNOWN_LENGTH {
            let turn = in_time(on.acquire_owned(), self.until).await?;
            self.arrive(UNKNOWN_LENGTH.min(limit)).await?;
            // Not before: the memory that went with the turn before is part of this one's now.
            self.turn = Some(turn);
        } else {
            if !self.is_large {
                self.turn = Some(in_time(large.acquire_owned(), self.until).await?);
                self.is_large = true;
            }
            self.grow(bytes.saturating_mul(2).min(limit)).await?;
        }
        Ok(())
    }

    /// Begins with the memory for small requests, while many others have begun; where there is hardly
    /// any, when it is its turn.
    async fn begin_small(
        &mut self,
        begun: Arc<Semaphore>,
        limit: usize,
    ) -> Result<(), IngestError> {
        let lane = &self.budget.arriving;
        let units = lane.units(STEP.min(limit));
        if units > lane.most_of_small {
            self.turn = Some(in_time(begun.acquire_owned(), self.until).await?);
            return self.arrive(STEP.min(limit)).await;
        }
        let small =
            Arc::clone(&lane.small).acquire_many_owned(units.try_into().unwrap_or(u32::MAX));
        self.arriving.permits.push(in_time(small, self.until).await?);
        self.arriving.units = units;
        Ok(())
    }

    /// Takes memory for so many bytes when it is there, without queueing for it.
    async fn grow(&mut self, bytes: usize) -> Result<(), IngestError> {
        let units = self.budget.arriving.units(bytes);
        let missing = units.saturating_sub(self.arriving.units);
        let more = loop {
            if let Some(more) = self.budget.arriving.take_now(missing) {
                break more;
            }
            let now = Instant::now();
            if now >= self.until {
                return Err(IngestError::Busy);
            }
            sleep_until(self.until.min(now + LOOK_EVERY)).await;
        };
        self.arriving.permits.push(more);
        self.arriving.units = self.arriving.units.max(units);
        Ok(())
    }

    /// The body has come.
    pub(crate) fn arrived(&mut self) {
        self.turn = None;
        self.is_large = false;
        self.until = self.until.max(Instant::now() + AFTER_BODY);
    }

    /// The body as it came is no longer there.
    pub(crate) fn give_back_arriving(&mut self) {
        self.arriving = Held::default();
    }

    /// Takes memory to work in. What was taken for that before is given back first: there must be
    /// nothing in it.
    pub(crate) async fn work(&mut self, bytes: usize) -> Result<(), IngestError> {
        if self.fits(bytes) {
            return Ok(());
        }
        self.working = Held::default();
        let units = self.budget.working.units(bytes);
        let permits = vec![self.budget.working.take(units, self.until).await?];
        self.working = Held { units, permits };
        Ok(())
    }

    /// What was taken to work in, in bytes.
    pub(crate) fn working(&self) -> usize {
        self.working.units * UNIT
    }

    /// Whether so much can be worked in, with what can be had at once.
    pub(crate) fn fits(&mut self, bytes: usize) -> bool {
        let units = self.budget.working.units(bytes);
        let missing = units.saturating_sub(self.working.units);
        if missing == 0 {
            return true;
        }
        let Some(permit) = self.budget.working.take_now(missing) else { return false };
        self.working.permits.push(permit);
        self.working.units = units;
        true
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{sleep, timeout};

    use super::*;

    const MIB: usize = 1 << 20;

    #[tokio::test(start_paused = true)]
    async fn shares_are_bounded_together() {
        let budget = Budget::new(128 * MIB);
        let (mut one, mut other) = (budget.share(), budget.share());
        one.arrive(20 * MIB).await.unwrap();
        one.arrive(1).await.unwrap();
        one.work(60 * MIB).await.unwrap();
        assert!(one.fits(70 * MIB));
        let begin = Instant::now();
        assert!(matches!(other.arrive(20 * MIB).await, Err(IngestError::Busy)));
        other.arrive(10 * MIB).await.unwrap();
        assert!(matches!(other.work(30 * MIB).await, Err(IngestError::Busy)));
        // In all, not each time.
        assert_eq!(begin.elapsed(), PATIENCE);
        assert!(!other.fits(30 * MIB) && other.fits(20 * MIB));
        // More than there is is all that there is.
        drop(one);
        other = budget.share();
        other.arrive(1000 * MIB).await.unwrap();
        other.work(1000 * MIB).await.unwrap();
        for lane in [&budget.arriving, &budget.working] {
            assert_eq!(lane.large.available_permits(), 0);
        }
        drop(other);
        for lane in [&budget.arriving, &budget.working] {
            assert_eq!(lane.large.available_permits(), lane.most);
        }
        for tiny in [0, 1, 5000] {
            let mut share = Budget::new(tiny).share();
            share.arrive(9999).await.unwrap();
            share.work(9999).await.unwrap();
        }
    }

    /// A slow body leaves less time, and what has come some all the same.
    #[tokio::test(start_paused = true)]
    async fn memory_is_waited_for_until_so_long_after_the_head() {
        let budget = Budget::new(128 * MIB);
        let (mut one, mut other) = (budget.share(), budget.share());
        one.arrive(30 * MIB).await.unwrap();
        one.work(90 * MIB).await.unwrap();
        let head = Instant::now();
        sleep(Duration::from_secs(30)).await;
        assert!(matches!(other.arrive(20 * MIB).await, Err(IngestError::Busy)));
        assert_eq!(head.elapsed(), PATIENCE);
        let mut grows = budget.share();
        sleep(PATIENCE).await;
        assert!(matches!(grows.arrive_further(2 * MIB, 32 * MIB).await, Err(IngestError::Busy)));
        for slow in [false, true] {
            let mut share = budget.share();
            let head = Instant::now();
            if slow {
                sleep(PATIENCE).await;
            }
            share.arrived();
            assert!(matches!(share.work(30 * MIB).await, Err(IngestError::Busy)));
            let extra = if slow { AFTER_BODY } else { Duration::ZERO };
            assert_eq!(head.elapsed(), PATIENCE + extra);
            assert_eq!(share.came(), head.into_std());
        }
    }

    /// Bodies that come at once queue for both kinds of memory, and all get through.
    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_those_who_wait() {
        let budget = Budget::new(128 * MIB);
        let all = (0..20).map(async |_| {
            let mut share = budget.share();
            share.arrive(10 * MIB).await?;
            tokio::time::sleep(Duration::from_millis(500)).await;
            share.work(50 * MIB).await?;
            tokio::time::sleep(Duration::from_millis(500)).await;
            Ok::<_, IngestError>(())
        });
        for done in futures_util::future::join_all(all).await {
            done.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn small_requests_pass_large_ones() {
        let budget = Budget::new(128 * MIB);
        let mut large = budget.share();
        large.arrive(1000 * MIB).await.unwrap();
        large.work(1000 * MIB).await.unwrap();
        let waiting = async {
            let mut next = budget.share();
            next.arrive(20 * MIB).await
        };
        let small = async {
            for _ in 0..100 {
                let mut small = budget.share();
                timeout(Duration::ZERO, small.arrive(MIB / 4)).await.unwrap().unwrap();
                timeout(Duration::ZERO, small.work(MIB)).await.unwrap().unwrap();
            }
        };
        let (waited, ()) = tokio::join!(waiting, small);
        assert!(matches!(waited, Err(IngestError::Busy)));
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_of_unknown_length_grow_one_at_a_time() {
        let budget = Budget::new(128 * MIB);
        let (mut one, mut other) = (budget.share(), budget.share());
        one.arrive_further(1, 32 * MIB).await.unwrap();
        assert_eq!(one.arriving.units * UNIT, STEP);
        one.arrive_further(STEP, 32 * MIB).await.unwrap();
        assert_eq!(one.arriving.units * UNIT, STEP);
        one.arrive_further(3 * MIB, 4 * MIB).await.unwrap();
        assert_eq!(one.arriving.units * UNIT, 4 * MIB);
        other.arrive_further(MIB, 32 * MIB).await.unwrap();
        let further = other.arrive_further(2 * MIB + 1, 32 * MIB).await;
        assert!(matches!(further, Err(IngestError::Busy)));
        one.arrived();
        other.until = Instant::now() + PATIENCE;
        other.arrive_further(2 * MIB + 1, 32 * MIB).await.unwrap();
    }

    /// They wait for memory that others hold, and nobody for those who wait for him.
    #[tokio::test(start_paused = true)]
    async fn bodies_of_unknown_length_do_not_wait_for_each_other_in_a_circle() {
        const LIMIT: usize = 32 * MIB;
        for (bodies, bytes) in
            [(100, 900_000), (1000, 900_000), (1000, 40_000), (60, 3 * MIB), (8, 9 * MIB)]
        {
            let budget = Budget::new(128 * MIB);
            let begin = Instant::now();
            let all = (0..bodies).map(async |_| {
                let mut share = budget.share();
                let mut come = 0;
                while come < bytes {
                    come = bytes.min(come + 32 * UNIT);
                    share.arrive_further(come, LIMIT).await?;
                    assert!(come <= share.arriving.units * UNIT);
                    sleep(Duration::from_millis(1)).await;
                }
                share.arrived();
                Ok::<_, IngestError>(())
            });
            for done in futures_util::future::join_all(all).await {
                done.unwrap_or_else(|error| panic!("{bodies} of {bytes}: {error}"));
            }
            assert!(begin.elapsed() < PATIENCE / 4, "{bodies} of {bytes}: {:?}", begin.elapsed());
            assert_eq!(budget.arriving.large.available_permits(), budget.arriving.most);
        }
    }
}
