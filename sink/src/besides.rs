//! What becomes of a body besides its own events: what settings add to them, and what rules and
//! backends get. How much that is shows only while the body is read; so memory for it is taken by
//! what came of the source's bodies before, and more of it on the way, if there is any at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use uuid::Uuid;

use crate::budget::Share;

/// How much more memory is asked for at a time, in bytes.
const STEP: usize = 1 << 20;

/// What comes of a smaller body is not worth taking memory for: it says little of larger ones.
const TELLING_BODY: usize = 64 << 10;

/// Most sources of which it is remembered what came of their bodies; beyond it all is forgotten.
const MAX_SOURCES: usize = 10_000;

/// The memory for what becomes of one body besides.
#[derive(Debug, Default)]
pub(crate) struct Besides {
    /// That of the request, with all else that it takes; none where it is not counted.
    share: Option<Share>,
    /// What is taken for all else, in bytes.
    else_taken: usize,
    /// What is taken for this.
    taken: usize,
    /// What it has come to.
    used: usize,
    is_short: bool,
}

impl Besides {
    /// With so many bytes of the share, which takes `needed` for all else: those that it has, where
    /// there are not so many at all.
    pub(crate) fn within(share: Share, needed: usize, wanted: usize) -> Self {
        let taken = wanted.min(share.working().saturating_sub(needed));
        let else_taken = share.working().saturating_sub(taken);
        Self { share: Some(share), else_taken, taken, ..Self::default() }
    }

    /// So many bytes more have come.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.used = self.used.saturating_add(bytes);
        let Some(share) = self.share.as_mut().filter(|_| self.used > self.taken) else { return };
        let usual = self.used.saturating_add(STEP);
        let wanted = [usual, self.used].into_iter();
        match wanted.into_iter().find(|bytes| share.fits(self.else_taken.saturating_add(*bytes))) {
            Some(taken) => self.taken = taken,
            None => self.is_short = true,
        }
    }

    /// What it has come to, in bytes.
    #[cfg(test)]
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Whether there was no more memory: the body has to come again.
    pub(crate) fn is_short(&self) -> bool {
        self.is_short
    }
}

/// How much has come of bodies of each source. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Growths(Arc<Mutex<HashMap<Uuid, usize>>>);

impl Growths {
    /// Bytes that come of each byte of a body besides; `None` where none has come yet.
    pub(crate) fn of(&self, source: Uuid) -> Option<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&source).copied()
    }

    /// The most of all sources, for a body that names its source only when it is read.
    pub(crate) fn most(&self) -> Option<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().max().copied()
    }

    /// Notes what came of a body of so many bytes; nothing, where something may come, is noted too.
    pub(crate) fn note(&self, source: Uuid, body: usize, besides: &Besides, may_come: bool) {
        let Besides { taken, used, is_short, .. } = *besides;
        let mut growths = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = growths.get(&source).copied();
        // A part of the body was not looked at.
        let came = if is_short { used.max(taken).saturating_mul(2) } else { used };
        let came = came.div_ceil(body.max(TELLING_BODY));
        if came == 0 && before.is_none() && !may_come {
            return;
        }
        if growths.len() >= MAX_SOURCES {
            growths.clear();
        }
        // What comes of one body may be less than of the next.
        let kept = before.unwrap_or_default().saturating_mul(7) / 8;
        growths.insert(source, came.max(kept));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;

    const MIB: usize = 1 << 20;

    #[tokio::test]
    async fn more_is_taken_on_the_way_while_there_is_some() {
        let budget = Budget::new(64 * MIB);
        let mut share = budget.share();
        share.work(10 * MIB).await.unwrap();
        let mut other = budget.share();
        other.work(20 * MIB).await.unwrap();
        let mut besides = Besides::within(share, 6 * MIB, 4 * MIB);
        for _ in 0..4 {
            besides.add(MIB);
        }
        assert_eq!((besides.taken, besides.is_short()), (4 * MIB, false));
        for _ in 4..15 {
            besides.add(MIB);
        }
        assert!(besides.taken > 14 * MIB && !besides.is_short());
        for _ in 15..30 {
            besides.add(MIB);
        }
        assert!(besides.is_short());
        // The next one waits for enough before it begins.
        let (growths, source) = (Growths::default(), Uuid::nil());
        growths.note(source, MIB, &besides, true);
        let grown = growths.of(source).unwrap();
        assert!(grown >= 60, "{grown}");
        assert_eq!(growths.most(), Some(grown));
        drop((besides, other));
        let mut share = budget.share();
        share.work((4 + grown) * MIB).await.unwrap();
        let has = share.working();
        let mut besides = Besides::within(share, 4 * MIB, grown * MIB);
        // There is not so much at all.
        assert!(has < (4 + grown) * MIB && besides.taken == has - 4 * MIB, "{has}");
        besides.add(30 * MIB);
        assert!(!besides.is_short());
        growths.note(source, MIB, &besides, true);
        assert_eq!(growths.of(source), Some(grown * 7 / 8));
    }

    #[test]
    fn nothing_is_remembered_where_nothing_comes() {
        let growths = Growths::default();
        growths.note(Uuid::nil(), 100, &Besides::default(), false);
        assert_eq!(growths.of(Uuid::nil()), None);
        let mut uncounted = Besides::default();
        uncounted.add(usize::MAX);
        assert!(!uncounted.is_short());
    }

    /// Else rules that seldom match would count like those that always do.
    #[test]
    fn that_nothing_came_is_remembered_where_something_may() {
        let growths = Growths::default();
        growths.note(Uuid::nil(), 100, &Besides::default(), true);
        assert_eq!(growths.of(Uuid::nil()), Some(0));
    }

    #[test]
    fn small_bodies_say_little_of_large_ones_and_are_soon_forgotten() {
        let (growths, source) = (Growths::default(), Uuid::nil());
        let tiny = Besides { used: 10_000, ..Besides::default() };
        growths.note(source, 2, &tiny, true);
        assert_eq!(growths.of(source), Some(1));
        let much = Besides { used: 800 * TELLING_BODY, ..Besides::default() };
        growths.note(source, TELLING_BODY, &much, true);
        for grown in [800, 700, 612, 535] {
            assert_eq!(growths.of(source), Some(grown));
            growths.note(source, TELLING_BODY, &Besides::default(), true);
        }
        (0..30).for_each(|_| growths.note(source, TELLING_BODY, &Besides::default(), true));
        assert!(growths.of(source).unwrap() < 16);
    }
}
