//! Which requests are stored whose senders may not know it.
//!
//! A sender that gets no answer sends the same bytes again. So each request leaves a receipt: a row
//! that is committed with its events and holds the hash of its bytes, until the answer is known to
//! be delivered. A request whose content has a receipt that was not delivered is that one, sent
//! again; equal requests that were both answered are two.
//!
//! While the process lives, [`Receipts`] knows which answers failed. What it cannot know any more,
//! after its own death, the rows tell: those of a process that is gone are orphans.

mod expected;
mod hand_over;
mod noted;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::watch;
use uuid::Uuid;

pub(crate) use self::noted::{Claimed, Noted, Progress, Stage};
use self::{expected::Expected, noted::InHand};
use crate::{ContentHash, Delivery, former_requests::FormerRequests};

/// Time within which a sender comes again that was told of a failure.
const FAILED_KEPT: Duration = Duration::from_secs(600);

/// Requests that failed, and may be somewhere all the same, that are remembered. Each takes about a
/// kilobyte.
const MOST_FAILED: usize = 1 << 16;

/// Until the row of a request that failed is looked for again; doubles each time. A commit that was
/// lost sight of may come late.
const FIRST_LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Longest time until it is known whether a sender that [may have left](Delivery::is_in_doubt) has the
/// answer: whoever serves the connection breaks it off within two seconds when nothing acknowledges it.
/// It is also the longest time to wait for what earlier requests claim, which may be in doubt.
const IN_DOUBT: Duration = Duration::from_millis(2_500);

/// How often that is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// The receipts of this process.
#[derive(Debug, Default)]
pub(crate) struct Receipts {
    /// The entries of a content in the order in which they were noted.
    entries: Mutex<HashMap<ContentHash, Vec<Entry>>>,
    /// Requests that were noted.
    noted: AtomicU64,
    /// They are on the spool, and count as not delivered.
    former: Mutex<FormerRequests>,
    /// Requests that were claimed, until those who claimed them have their numbers.
    in_hand: InHand,
    /// Requests of which another record may come on the spool, or has.
    expected: Mutex<HashMap<Uuid, Expected>>,
    /// Requests whose rows can go.
    needless: Arc<Mutex<Vec<Uuid>>>,
    /// Held while rows become orphans: until it is known whether they have, nobody knows whose
    /// they are.
    handing_over: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Entry {
    delivery: Delivery,
    progress: Arc<watch::Sender<Progress>>,
    noted: Instant,
    /// See [`Noted::order`].
    order: u64,
    handing_over: bool,
    /// When the row of a request that failed is to become an orphan, and how long after that it is
    /// looked for again.
    due: Instant,
    look_again: Duration,
}

impl Entry {
    fn request(&self) -> Uuid {
        self.progress.borrow().request
    }

    fn has_to_claim(&self) -> bool {
        self.progress.borrow().stage == Stage::Come
    }

    /// Whether the next request with its content is this one, sent again: the sender got no answer,
    /// or was told that the request failed.
    fn is_claimable(&self) -> bool {
        let stage = self.progress.borrow().stage;
        self.delivery.has_failed() || matches!(stage, Stage::Failed | Stage::FailedInSpool)
    }
}

/// Whether there is an earlier request to claim.
enum Found {
    Claimed(Claimed),
    Nothing,
    /// An earlier one may claim another one itself. With its progress.
    HasToClaim(watch::Receiver<Progress>),
    /// The sender of an earlier one may be back before it is known that it had left.
    InDoubt,
    /// The row of an earlier one is becoming an orphan.
    HandingOver,
}

impl Receipts {
    /// Notes a request that has come, before anything is done for it.
    pub(crate) fn note(&self, content: ContentHash, delivery: Delivery) -> Noted {
        let progress = Progress { request: Uuid::new_v4(), stage: Stage::Come };
        let next = || self.noted.fetch_add(1, Ordering::Relaxed) + 1;
        let (progress, order) = self.add(content, delivery.clone(), progress, next);
        Noted { content, delivery, progress, order }
    }

    /// Notes a request of a former life of this process that is on the spool.
    pub(crate) fn note_spooled(&self, content: ContentHash, request: Uuid) {
        self.former().note(content, request);
    }

    fn add(
        &self,
        content: ContentHash,
        delivery: Delivery,
        progress: Progress,
        next: impl FnOnce() -> u64,
    ) -> (Arc<watch::Sender<Progress>>, u64) {
        let progress = Arc::new(watch::Sender::new(progress));
        let (needless, of_entry) = (Arc::clone(&self.needless), Arc::clone(&progress));
        delivery.when_delivered(move || {
            let Progress { request, stage } = *of_entry.borrow();
            // A request on the spool may be in the store as well, where its commit was lost sight of.
            // Its row tells the drain so, and goes after it.
            if stage == Stage::InStore {
                needless.lock().unwrap_or_else(PoisonError::into_inner).push(request);
            }
        });
        let noted = Instant::now();
        let mut entries = self.entries();
        // Whoever has a later number finds this one.
        let order = next();
        let entry = Entry {
            delivery,
            progress: Arc::clone(&progress),
            noted,
            order,
            handing_over: false,
            due: noted,
            look_again: FIRST_LOOK_AGAIN,
        };
        let of_content = entries.entry(content).or_default();
        let place = of_content.partition_point(|earlier| earlier.order <= order);
        of_content.insert(place, entry);
        (progress, order)
    }

    /// A noted request comes to nothing, and leaves nothing to claim.
    pub(crate) fn drop_noted(&self, noted: &Noted) {
        let Progress { request, stage } = *noted.progress.borrow();
        if !stage.is_at_work() {
            return;
        }
        noted.tell(request, Stage::Failed);
        let mut entries = self.entries();
        if let Some(of_content) = entries.get_mut(&noted.content) {
            of_content.retain(|entry| !Arc::ptr_eq(&entry.progress, &noted.progress));
            if of_content.is_empty() {
                entries.remove(&noted.content);
            }
        }
    }

    /// A request has left the spool for the store. `false` when nobody needs its row.
    pub(crate) fn note_drained(&self, content: ContentHash, request: Uuid) -> bool {
        if self.former().remove(content, request) {
            let delivery = Delivery::default();
            delivery.fail();
            // Before all that this life has noted.
            self.add(content, delivery, Progress { request, stage: Stage::InStore }, || 0);
            return true;
        }
        let drained = |progress: &mut Progress| progress.stage = progress.stage.drained();
        let mut found = false;
        let entries = self.entries();
        for entry in entries.get(&content).into_iter().flatten() {
            if entry.request() == request {
                entry.progress.send_modify(drained);
                found = true;
            }
        }
        // Whoever has claimed one that failed is about to write it once more, and so may who is at
        // work still. What is on the spool is not written again.
        for claimed in self.in_hand().iter() {
            let Progress { request: number, stage } = *claimed.borrow();
            if number == request && (stage == Stage::Failed || stage.is_at_work()) {
                claimed.send_modify(drained);
                found = true;
            }
        }
        found
    }

    /// While rows cannot be reached: forgets what needs none.
    pub(crate) fn forget_settled_on_spool(&self, now: Instant) {
        let mut needless = Vec::new();
        let mut entries = self.entries();
        hand_over::forget_oldest_failed(&mut entries);
        entries.retain(|_, of_content| {
            of_content.retain(|entry| {
                let Progress { request, stage } = *entry.progress.borrow();
                let is_kept = match stage {
                    Stage::InSpool => !entry.delivery.is_delivered(now),
                    Stage::Failed | Stage::FailedInSpool => {
                        now.duration_since(entry.noted) < FAILED_KEPT
                    }
                    Stage::Come | Stage::Working | Stage::WorkingDrained | Stage::InStore => true,
                };
                if !is_kept && stage == Stage::Failed {
                    needless.push(request);
                }
                is_kept
            });
            !of_content.is_empty()
        });
        drop(entries);
        self.needless().extend(needless);
    }

    /// The oldest request before this one, with its content, whose sender is gone without an answer
    /// or was told that it failed, if there is one: nobody else gets it from now on.
    ///
    /// A later one cannot be what was sent before. And who is later may be waiting for this one. Where
    /// there may be something to claim, each claims after those before it: they may be the same, sent in
    /// between by a sender that has left again.
    pub(crate) async fn claim(&self, by: &Noted) -> Option<Claimed> {
        let claimed = self.find_claimable(by).await;
        by.tell_claimed();
        claimed
    }

    async fn find_claimable(&self, by: &Noted) -> Option<Claimed> {
        let certain_by = Instant::now() + IN_DOUBT;
        loop {
            match self.claim_at(Instant::now(), certain_by, by) {
                Found::Claimed(claimed) => return Some(claimed),
                Found::Nothing => break,
                Found::HasToClaim(mut progress) => {
                    let claimed = progress.wait_for(|progress| progress.stage != Stage::Come);
                    _ = tokio::time::timeout_at(certain_by.into(), claimed).await;
                }
                Found::InDoubt => tokio::time::sleep(LOOK_EVERY).await,
                // The store will tell.
                Found::HandingOver => drop(self.handing_over.lock().await),
            }
        }
        let mut in_hand = self.in_hand();
        let request = self.former().claim(by.content)?;
        let progress = Progress { request, stage: Stage::InSpool };
        Some(self.take_in_hand(&mut in_hand, Arc::new(watch::Sender::new(progress))))
    }

    fn claim_at(&self, now: Instant, certain_by: Instant, by: &Noted) -> Found {
        let mut entries = self.entries();
        let Some(of_content) = entries.get_mut(&by.content) else { return Found::Nothing };
        // It may have been sent again already, and noted late.
        let is_overtaking = |entry: &Entry| {
            let again = &entry.delivery;
            again.came_after(&by.delivery) && by.delivery.is_in_doubt(again, now)
        };
        let may_be_overtaken = of_content.iter().any(is_overtaking);
        // They are in order.
        let earlier = of_content.partition_point(|entry| entry.order < by.order);
        let earlier = of_content.get(..earlier).unwrap_or_default();
        earlier.iter().for_each(|entry| entry.delivery.look());
        let is_claimable = earlier.iter().any(Entry::is_claimable);
        let is_in_doubt = |entry: &Entry| entry.delivery.is_in_doubt(&by.delivery, now);
        let is_in_doubt = may_be_overtaken || earlier.iter().any(is_in_doubt);
        if now < certain_by && (is_claimable || is_in_doubt) {
            // The last one claims after those before it.
            if let Some(last) = earlier.iter().rfind(|entry| entry.has_to_claim()) {
                return Found::HasToClaim(last.progress.subscribe());
            }
        }
        let is_free = |entry: &Entry| entry.is_claimable() && !entry.handing_over;
        if let Some(place) = earlier.iter().position(is_free) {
            let progress = of_content.remove(place).progress;
            return Found::Claimed(self.take_in_hand(&mut self.in_hand(), progress));
        }
        match is_claimable {
            true => Found::HandingOver,
            false if is_in_doubt && now < certain_by => Found::InDoubt,
            false => Found::Nothing,
        }
    }

    /// Whether a request that claimed nothing has lost its sender, and an equal one that came later is
    /// there: that has been what was sent again, and this one comes to nothing, as if it had not come.
    pub(crate) fn was_overtaken(&self, noted: &Noted) -> bool {
        let entries = self.entries();
        let mut of_content = entries.get(&noted.content).into_iter().flatten();
        let is_again_there = of_content.any(|entry| entry.delivery.came_after(&noted.delivery));
        drop(entries);
        if is_again_there {
            noted.delivery.look();
        }
        is_again_there && noted.delivery.has_failed()
    }

    fn take_in_hand(
        &self,
        in_hand: &mut Vec<Arc<watch::Sender<Progress>>>,
        progress: Arc<watch::Sender<Progress>>,
    ) -> Claimed {
        in_hand.push(Arc::clone(&progress));
        Claimed { progress, in_hand: Arc::clone(&self.in_hand) }
    }

    /// The numbers of all requests that may be sent again, wherever they are; `None` where they are
    /// more than that.
    pub(crate) fn undelivered(&self, now: Instant, most: usize) -> Option<Vec<Uuid>> {
        // What is claimed meanwhile goes from the one to the other.
        let (entries, in_hand) = (self.entries(), self.in_hand());
        let mut undelivered: Vec<_> =
            in_hand.iter().map(|claimed| claimed.borrow().request).collect();
        let former = self.former();
        if former.len() > most {
            return None;
        }
        undelivered.extend(former.numbers());
        drop(former);
        let of_entries = entries.values().flatten().filter_map(|entry| {
            let Progress { request, stage } = *entry.progress.borrow();
            let has_failed = matches!(stage, Stage::Failed | Stage::FailedInSpool);
            (has_failed || !entry.delivery.is_delivered(now)).then_some(request)
        });
        // One too many is enough to know.
        undelivered.extend(of_entries.take(most.saturating_add(1)));
        drop((entries, in_hand));
        (undelivered.len() <= most).then_some(undelivered)
    }

    /// Whether a request's bytes may still be sent again: its answer is not known to be delivered, or
    /// was that it failed.
    pub(crate) fn may_be_sent_again(&self, content: ContentHash, request: Uuid) -> bool {
        if self.former().contains(content, request) {
            return true;
        }
        let now = Instant::now();
        let entries = self.entries();
        let mut of_content = entries.get(&content).into_iter().flatten();
        of_content.any(|entry| {
            let Progress { request: number, stage } = *entry.progress.borrow();
            let has_failed = matches!(stage, Stage::Failed | Stage::FailedInSpool);
            number == request && (has_failed || !entry.delivery.is_delivered(now))
        })
    }

    /// A request's row serves no more, though no entry tells of it.
    pub(crate) fn note_needless(&self, request: Uuid) {
        self.needless().push(request);
    }

    /// Whether there is nothing to remember.
    pub(crate) fn are_empty(&self) -> bool {
        self.needless().is_empty() && self.entries().is_empty()
    }

    /// Requests whose rows can go at once, with whatever is written next. What is not removed then
    /// is to be given back as [needless](Self::note_needless).
    pub(crate) fn take_needless(&self) -> Vec<Uuid> {
        // Unlocked by then.
        let needless = std::mem::take(&mut *self.needless());
        self.without_expected(needless)
    }

    /// A write ended whose request had been given up. If that was told as failed, there may be a row
    /// now.
    pub(crate) fn note_late_write(&self, content: ContentHash, request: Uuid) {
        for entry in self.entries().get_mut(&content).into_iter().flatten() {
            if entry.request() == request {
                entry.due = Instant::now();
            }
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<ContentHash, Vec<Entry>>> {
        lock(&self.entries)
    }

    fn former(&self) -> MutexGuard<'_, FormerRequests> {
        lock(&self.former)
    }

    fn needless(&self) -> MutexGuard<'_, Vec<Uuid>> {
        lock(&self.needless)
    }

    fn in_hand(&self) -> MutexGuard<'_, Vec<Arc<watch::Sender<Progress>>>> {
        lock(&self.in_hand)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{hand_over::Settled, *};
    use crate::{Arrival, Peer};

    fn content() -> ContentHash {
        ContentHash::of(&[b"content"])
    }

    fn failed() -> Delivery {
        let delivery = Delivery::default();
        delivery.fail();
        delivery
    }

    /// A request that has nothing to claim.
    fn at_work(receipts: &Receipts, delivery: Delivery) -> Noted {
        let noted = receipts.note(content(), delivery);
        noted.tell_claimed();
        noted
    }

    /// A request that is stored, and its number.
    fn stored(receipts: &Receipts, delivery: Delivery, stage: Stage) -> Uuid {
        let noted = receipts.note(content(), delivery);
        let request = noted.request();
        noted.tell(request, stage);
        request
    }

    #[tokio::test]
    async fn only_requests_whose_answer_failed_are_claimed_and_once_each() {
        let receipts = Receipts::default();
        let delivery = Delivery::default();
        let one = stored(&receipts, delivery.clone(), Stage::InStore);
        stored(&receipts, Delivery::default(), Stage::InStore);
        let again = receipts.note(content(), Delivery::default());
        assert!(receipts.claim(&again).await.is_none());
        delivery.fail();
        let other = receipts.note(ContentHash::of(&[b"other"]), Delivery::default());
        assert!(receipts.claim(&other).await.is_none());
        let claimed = receipts.claim(&again).await.unwrap().ended().await;
        assert_eq!(claimed, Progress { request: one, stage: Stage::InStore });
        assert!(receipts.claim(&again).await.is_none());
    }

    /// Whoever writes down what may come again must not miss what changes hands meanwhile.
    #[tokio::test]
    async fn what_may_come_again_is_known_at_any_time() {
        let receipts = Receipts::default();
        let now = Instant::now();
        stored(&receipts, Delivery::not_needed(), Stage::InSpool);
        let failed_with_its_answer =
            stored(&receipts, Delivery::not_needed(), Stage::FailedInSpool);
        let left = stored(&receipts, failed(), Stage::InSpool);
        let known = || {
            receipts
                .undelivered(now, 9)
                .unwrap()
                .into_iter()
                .collect::<std::collections::HashSet<_>>()
        };
        assert_eq!(known(), [failed_with_its_answer, left].into());
        let former = Uuid::new_v4();
        receipts.note_spooled(content(), former);
        assert!([0, 1, 2].iter().all(|most| receipts.undelivered(now, *most).is_none()));
        assert_eq!(receipts.undelivered(now, 3).unwrap().len(), 3);
        for expected in [failed_with_its_answer, left, former] {
            let again = receipts.note(content(), Delivery::default());
            let claimed = receipts.claim(&again).await.unwrap();
            assert!(known().contains(&expected));
            again.tell(expected, Stage::Working);
            drop(claimed);
            assert!(known().contains(&expected));
        }
        assert!(receipts.in_hand().is_empty());
    }

    /// It may read on, or not be there any more.
    #[tokio::test]
    async fn it_is_waited_for_whether_a_sender_has_left() {
        use std::sync::atomic::AtomicBool;

        for reads_on in [false, true] {
            let receipts = Receipts::default();
            let is_broken = Arc::new(AtomicBool::new(false));
            let peer = Arc::clone(&is_broken);
            let delivery = Delivery::to(move || match peer.load(Ordering::Relaxed) {
                false => Peer::Closed,
                true => Peer::Broken,
            });
            let request = stored(&receipts, delivery.clone(), Stage::InStore);
            delivery.give();
            let again = receipts.note(content(), Delivery::default());
            let mut claim = Box::pin(receipts.claim(&again));
            let waits = tokio::time::timeout(LOOK_EVERY * 4, &mut claim).await;
            assert!(waits.is_err());
            if reads_on {
                delivery.succeed();
                assert!(claim.await.is_none());
            } else {
                is_broken.store(true, Ordering::Relaxed);
                let claimed = claim.await.unwrap();
                assert_eq!(claimed.ended().await, Progress { request, stage: Stage::InStore });
            }
        }
    }

    #[tokio::test]
    async fn a_request_may_overtake_the_word_that_its_sender_had_left() {
        let cases = [(true, Stage::Working), (true, Stage::InStore), (false, Stage::InStore)];
        for (returns, stage) in cases {
            let receipts = Receipts::default();
            let delivery = Delivery::to(|| Peer::Open);
            let request = stored(&receipts, delivery.clone(), stage);
            let again = match returns {
                true => {
                    // However long this takes.
                    let at = Instant::now() + Duration::from_secs(60);
                    Delivery::to_arrived(Arrival { connection: 1, at, last_answer: None }, || {
                        Peer::Open
                    })
                }
                false => Delivery::to(|| Peer::Open),
            };
            let again = receipts.note(content(), again);
            let mut claim = Box::pin(receipts.claim(&again));
            let waits = tokio::time::timeout(LOOK_EVERY * 4, &mut claim).await.is_err();
            assert_eq!(waits, returns);
            if waits {
                delivery.fail();
                assert_eq!(claim.await.unwrap().progress.borrow().request, request);
            }
        }
    }

    /// Two that are gone, and a third that is there.
    #[tokio::test]
    async fn a_chain_of_senders_that_left_ends_in_one_request() {
        let receipts = Receipts::default();
        let [first, second] = [(); 2].map(|()| at_work(&receipts, failed()));
        let third = receipts.note(content(), Delivery::default());
        let second_claims = receipts.claim(&second).await.unwrap();
        let third_claims = receipts.claim(&third).await.unwrap();
        first.tell(first.request(), Stage::InStore);
        let ended = second_claims.ended().await;
        second.tell(ended.request, ended.stage);
        let expected = Progress { request: first.request(), stage: Stage::InStore };
        assert_eq!(third_claims.ended().await, expected);
    }

    /// The second one was sent again while the third is the first to look for the first: what the
    /// second stores would be nobody's.
    #[tokio::test]
    async fn each_claims_after_those_before_it() {
        let receipts = Receipts::default();
        let expected = stored(&receipts, failed(), Stage::InStore);
        let second = receipts.note(content(), failed());
        let third = receipts.note(content(), Delivery::default());
        let mut third_claims = Box::pin(receipts.claim(&third));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(third_claims.as_mut().poll(&mut context).is_pending());
        let ended = receipts.claim(&second).await.unwrap().ended().await;
        second.tell_end(ended.request, ended.stage);
        assert_eq!(third_claims.await.unwrap().ended().await.request, expected);
        // Nor does it wait for one that came to nothing.
        let fourth = receipts.note(content(), failed());
        let fifth = receipts.note(content(), Delivery::default());
        let fifth_claims = receipts.claim(&fifth);
        let (claimed, ()) = tokio::join!(fifth_claims, async { receipts.drop_noted(&fourth) });
        assert!(claimed.is_none());
    }

    /// It was noted after the one that was sent after it.
    #[tokio::test]
    async fn what_was_overtaken_comes_to_nothing_when_its_sender_has_left() {
        let begin = Instant::now();
        let arrived = |connection| {
            let at = begin + Duration::from_millis(connection);
            Delivery::to_arrived(Arrival { connection, at, last_answer: None }, || Peer::Open)
        };
        for (again, has_left, was_overtaken) in
            [(2, true, true), (2, false, false), (0, true, false)]
        {
            let receipts = Receipts::default();
            stored(&receipts, arrived(again), Stage::InStore);
            let delivery = arrived(1);
            let late = receipts.note(content(), delivery.clone());
            if has_left {
                delivery.fail();
            }
            assert!(receipts.claim(&late).await.is_none());
            assert_eq!(receipts.was_overtaken(&late), was_overtaken, "{again} {has_left}");
        }
    }

    /// Both have left before either has looked for the other, or after: also one whose entry was
    /// claimed already must not wait for who claimed it.
    #[tokio::test]
    async fn no_two_wait_for_each_other() {
        for claims_before_it_leaves in [false, true] {
            let receipts = Receipts::default();
            let deliveries = [(); 2].map(|()| Delivery::default());
            let [a, b] = deliveries.clone().map(|delivery| at_work(&receipts, delivery));
            deliveries[0].fail();
            let mut b_claims = None;
            if claims_before_it_leaves {
                b_claims = receipts.claim(&b).await;
            }
            deliveries[1].fail();
            assert!(receipts.claim(&a).await.is_none());
            if b_claims.is_none() {
                b_claims = receipts.claim(&b).await;
            }
            a.tell(a.request(), Stage::InStore);
            assert_eq!(b_claims.unwrap().ended().await.request, a.request());
        }
    }

    #[tokio::test]
    async fn the_oldest_is_claimed_first() {
        let receipts = Receipts::default();
        let gone = [(); 3].map(|()| at_work(&receipts, failed()));
        let again = receipts.note(content(), Delivery::default());
        for expected in gone {
            expected.tell(expected.request(), Stage::InStore);
            let claimed = receipts.claim(&again).await.unwrap().ended().await;
            assert_eq!(claimed.request, expected.request());
        }
    }

    #[tokio::test]
    async fn senders_are_looked_after_before_one_is_believed_to_be_there() {
        let receipts = Receipts::default();
        at_work(&receipts, Delivery::to(|| Peer::Open));
        let gone = at_work(&receipts, Delivery::to(|| Peer::Closed));
        let again = receipts.note(content(), Delivery::default());
        assert!(receipts.claim(&again).await.is_some());
        assert!(receipts.claim(&again).await.is_none());
        // Its own sender's absence is no reason to claim itself.
        assert!(receipts.claim(&gone).await.is_none());
    }

    #[tokio::test]
    async fn what_came_to_nothing_leaves_nothing() {
        let receipts = Receipts::default();
        let nothing = at_work(&receipts, failed());
        let again = receipts.note(content(), Delivery::default());
        let claimed = receipts.claim(&again).await.unwrap();
        receipts.drop_noted(&nothing);
        assert_eq!(claimed.ended().await.stage, Stage::Failed);
        receipts.drop_noted(&again);
        assert!(receipts.claim(&receipts.note(content(), Delivery::default())).await.is_none());
    }

    #[tokio::test]
    async fn settled_receipts_leave() {
        let receipts = Receipts::default();
        let delivered = stored(&receipts, Delivery::not_needed(), Stage::InStore);
        let orphan = stored(&receipts, failed(), Stage::InStore);
        let pending = stored(&receipts, Delivery::default(), Stage::InStore);
        let spooled = stored(&receipts, failed(), Stage::InSpool);
        let refused = stored(&receipts, Delivery::not_needed(), Stage::Failed);
        let mut hand_over = receipts.hand_over(Instant::now()).await;
        let expected = Settled {
            needless: vec![delivered],
            orphaned: vec![orphan],
            failed: vec![refused],
            ..Settled::default()
        };
        assert_eq!(hand_over.settled, expected);
        // This can still be claimed; the others' claims wait for the rows' fate.
        let again = receipts.note(content(), Delivery::default());
        let claimed = receipts.claim(&again).await.unwrap().ended().await.request;
        assert_eq!(claimed, spooled);
        let (claimed, ()) = tokio::join!(receipts.claim(&again), async {
            hand_over.orphaned();
            drop(hand_over);
        });
        assert_eq!(claimed.unwrap().ended().await.request, refused);
        assert!(receipts.claim(&again).await.is_none());
        // Nobody has said that its row is gone.
        assert_eq!(receipts.take_needless(), [delivered]);
        receipts.drop_noted(&again);
        receipts.forget(&[pending]);
        assert!(receipts.are_empty());
    }

    #[tokio::test]
    async fn a_hand_over_that_is_given_up_changes_nothing() {
        let receipts = Receipts::default();
        let orphan = stored(&receipts, failed(), Stage::InStore);
        let hand_over = receipts.hand_over(Instant::now()).await;
        assert_eq!(hand_over.settled.orphaned, [orphan]);
        let again = receipts.note(content(), Delivery::default());
        let (claimed, ()) = tokio::join!(receipts.claim(&again), async { drop(hand_over) });
        assert_eq!(claimed.unwrap().ended().await.request, orphan);
    }

    /// Not each second for ten minutes.
    #[tokio::test]
    async fn the_row_of_what_failed_is_looked_for_ever_less_often() {
        let receipts = Receipts::default();
        let noted = receipts.note(content(), failed());
        noted.tell(noted.request(), Stage::Failed);
        let start = Instant::now();
        let mut looks = Vec::new();
        for second in 0..600 {
            let mut hand_over = receipts.hand_over(start + Duration::from_secs(second)).await;
            if !hand_over.settled.failed.is_empty() {
                looks.push(second);
                // What did not come about is tried again.
                if second > 0 {
                    hand_over.orphaned();
                }
            }
        }
        assert_eq!(looks, [0, 1, 3, 7, 15, 31, 63, 127, 255, 511]);
        // A write of it has ended since.
        let after = Instant::now() + Duration::from_secs(1);
        assert!(receipts.settle(after).failed.is_empty());
        receipts.note_late_write(content(), noted.request());
        assert_eq!(receipts.settle(after).failed, [noted.request()]);
    }

    #[tokio::test]
    async fn the_row_of_what_failed_goes_when_nobody_comes_again() {
        let receipts = Receipts::default();
        let [one, other] = [(); 2].map(|()| stored(&receipts, failed(), Stage::Failed));
        let mut hand_over = receipts.hand_over(Instant::now() + FAILED_KEPT).await;
        assert_eq!(hand_over.settled, Settled { needless: vec![one, other], ..Settled::default() });
        hand_over.removed();
        drop(hand_over);
        assert!(receipts.are_empty());
        // Also when it cannot be removed now.
        let third = stored(&receipts, failed(), Stage::Failed);
        receipts.forget_settled_on_spool(Instant::now() + FAILED_KEPT);
        assert_eq!(receipts.take_needless(), [third]);
    }

    #[tokio::test]
    async fn what_a_former_life_left_on_the_spool_is_claimed_once() {
        let receipts = Receipts::default();
        let left = Uuid::new_v4();
        receipts.note_spooled(content(), left);
        let [again, new] = [(); 2].map(|()| receipts.note(content(), Delivery::default()));
        let claimed = receipts.claim(&again).await.unwrap().ended().await;
        assert_eq!(claimed, Progress { request: left, stage: Stage::InSpool });
        assert!(receipts.claim(&new).await.is_none());
        again.tell(claimed.request, claimed.stage);
        assert!(receipts.may_be_sent_again(content(), left));
        assert!(receipts.note_drained(content(), left));
    }

    #[tokio::test]
    async fn what_is_handed_over_is_not_claimed() {
        let receipts = Receipts::default();
        let orphan = Uuid::new_v4();
        receipts.note_spooled(content(), orphan);
        assert!(receipts.may_be_sent_again(content(), orphan));
        assert!(receipts.note_drained(content(), orphan));
        assert!(!receipts.note_drained(content(), Uuid::new_v4()));
        let mut hand_over = receipts.hand_over(Instant::now()).await;
        assert_eq!(hand_over.settled.orphaned, [orphan]);
        let again = receipts.note(content(), Delivery::default());
        let (claimed, ()) = tokio::join!(receipts.claim(&again), async {
            hand_over.orphaned();
            drop(hand_over);
        });
        assert!(claimed.is_none());
        assert!(!receipts.may_be_sent_again(content(), orphan));
    }

    /// Its sender was told so, and comes again.
    #[tokio::test]
    async fn what_failed_on_the_spool_is_claimable_before_and_after_it_is_drained() {
        let now = Instant::now();
        let receipts = Receipts::default();
        let request = stored(&receipts, Delivery::not_needed(), Stage::FailedInSpool);
        receipts.forget_settled_on_spool(now);
        assert_eq!(receipts.settle(now), Settled::default());
        assert!(receipts.may_be_sent_again(content(), request));
        let again = receipts.note(content(), Delivery::not_needed());
        let claimed = receipts.claim(&again).await.unwrap().ended().await;
        assert_eq!(claimed, Progress { request, stage: Stage::FailedInSpool });
        again.tell(request, Stage::FailedInSpool);
        assert!(receipts.note_drained(content(), request));
        assert!(receipts.settle(now + FIRST_LOOK_AGAIN).needless.is_empty());
        receipts.keep(&[request]);
        let again = receipts.note(content(), Delivery::default());
        let claimed = receipts.claim(&again).await.unwrap().ended().await;
        assert_eq!(claimed, Progress { request, stage: Stage::Failed });
        // Drained before its end is told.
        for (told, stage) in
            [(Stage::FailedInSpool, Stage::Failed), (Stage::InSpool, Stage::InStore)]
        {
            let noted = at_work(&receipts, Delivery::default());
            assert!(receipts.note_drained(content(), noted.request()));
            noted.tell_end(noted.request(), told);
            assert_eq!(noted.progress.borrow().stage, stage);
        }
        let forgotten = stored(&receipts, Delivery::not_needed(), Stage::FailedInSpool);
        receipts.settle(Instant::now() + FAILED_KEPT);
        assert!(!receipts.may_be_sent_again(content(), forgotten));
    }

    /// Its sender may be writing it once more.
    #[tokio::test]
    async fn what_is_drained_while_it_is_sent_again_keeps_its_row() {
        let receipts = Receipts::default();
        let request = stored(&receipts, failed(), Stage::Failed);
        let again = receipts.note(content(), failed());
        let claimed = receipts.claim(&again).await.unwrap();
        assert!(receipts.note_drained(content(), request));
        assert_eq!(claimed.ended().await, Progress { request, stage: Stage::Failed });
        again.tell(request, Stage::Working);
        drop(claimed);
        // It has left as well, and the third one waits for what is still under way.
        let third = receipts.note(content(), Delivery::default());
        let claimed = receipts.claim(&third).await.unwrap();
        assert!(receipts.note_drained(content(), request));
        let mut ended = Box::pin(claimed.ended());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(ended.as_mut().poll(&mut context).is_pending());
        again.tell_end(request, Stage::InSpool);
        assert_eq!(ended.await, Progress { request, stage: Stage::InStore });
    }

    /// However many fail, and never come again.
    #[test]
    fn of_what_failed_the_latest_are_remembered() {
        let receipts = Receipts::default();
        let first = stored(&receipts, failed(), Stage::Failed);
        let working = receipts.note(content(), failed());
        for number in 0..MOST_FAILED {
            let content = ContentHash::of(&[&number.to_be_bytes()[..]]);
            let noted = receipts.note(content, failed());
            noted.tell(noted.request(), Stage::Failed);
        }
        let last = stored(&receipts, failed(), Stage::FailedInSpool);
        receipts.forget_settled_on_spool(Instant::now());
        assert_eq!(receipts.entries().values().flatten().count(), MOST_FAILED + 1);
        let may = |request| receipts.may_be_sent_again(content(), request);
        assert_eq!((may(first), may(working.request()), may(last)), (false, true, true));
        stored(&receipts, failed(), Stage::Failed);
        receipts.settle(Instant::now());
        assert_eq!(receipts.entries().values().flatten().count(), MOST_FAILED + 1);
    }

    #[test]
    fn while_the_store_is_away_only_what_may_come_again_is_remembered() {
        let receipts = Receipts::default();
        stored(&receipts, Delivery::not_needed(), Stage::InSpool);
        let undelivered = stored(&receipts, failed(), Stage::InSpool);
        receipts.forget_settled_on_spool(Instant::now());
        assert!(receipts.may_be_sent_again(content(), undelivered));
        assert_eq!(receipts.entries().values().flatten().count(), 1);
    }

    #[tokio::test]
    async fn a_row_stays_while_its_request_may_come_on_the_spool() {
        let (_folder, positions) = crate::on_spool::tests::positions().await;
        let receipts = Receipts::default();
        let [request, other] =
            [(); 2].map(|()| stored(&receipts, Delivery::not_needed(), Stage::InStore));
        let now = Instant::now();
        // One was given up by its sender, another one was refused and may come after a crash.
        receipts.expect_on_spool(request);
        receipts.expect_on_spool(request);
        let expected =
            Settled { needless: vec![other], numbers_only: vec![request], ..Settled::default() };
        assert_eq!(receipts.settle(now), expected);
        receipts.expect_no_more(request, Some(positions[1]));
        assert!(receipts.take_needless().is_empty());
        assert!(!receipts.note_off_spool(request, positions[0]));
        assert!(receipts.note_off_spool(request, positions[1]));
        assert!(receipts.take_needless().is_empty());
        receipts.expect_no_more(request, None);
        assert_eq!(receipts.take_needless(), [request]);
        assert!(receipts.note_off_spool(request, positions[1]));
        assert!(lock(&receipts.expected).is_empty());
    }

    /// Who takes an orphan's place gives the row another number.
    #[tokio::test]
    async fn nothing_becomes_an_orphan_while_it_may_come_on_the_spool() {
        let receipts = Receipts::default();
        let requests =
            [Stage::Failed, Stage::InStore].map(|stage| stored(&receipts, failed(), stage));
        requests.iter().for_each(|request| receipts.expect_on_spool(*request));
        let now = Instant::now();
        assert_eq!(receipts.settle(now), Settled::default());
        // Here it is known all the same.
        let again = receipts.note(content(), Delivery::default());
        let claimed = receipts.claim(&again).await.unwrap().ended().await;
        assert_eq!(claimed, Progress { request: requests[0], stage: Stage::Failed });
        again.tell(claimed.request, claimed.stage);
        requests.iter().for_each(|request| receipts.expect_no_more(*request, None));
        let expected = Settled {
            failed: vec![requests[0]],
            orphaned: vec![requests[1]],
            ..Settled::default()
        };
        assert_eq!(receipts.settle(Instant::now()), expected);
    }

    #[test]
    fn rows_that_nobody_asks_for_go() {
        let receipts = Receipts::default();
        let row = Uuid::new_v4();
        receipts.note_needless(row);
        let delivery = Delivery::default();
        let told = stored(&receipts, delivery.clone(), Stage::InStore);
        delivery.succeed();
        let on_spool = Delivery::default();
        stored(&receipts, on_spool.clone(), Stage::InSpool);
        on_spool.succeed();
        assert_eq!(receipts.take_needless(), [row, told]);
        assert_eq!(receipts.settle(Instant::now()).needless, [told]);
        assert_eq!(receipts.settle(Instant::now()), Settled::default());
    }
}
