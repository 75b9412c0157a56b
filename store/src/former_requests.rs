//! Requests that a former life of this process left on the spool, and whose senders may come again.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::ContentHash;

/// Contents and numbers. There may be millions of them, and hardly any is asked for: each takes
/// about 55 bytes.
#[derive(Debug, Default)]
pub(crate) struct FormerRequests(BTreeSet<(u128, Uuid)>);

impl FormerRequests {
    /// Most that are remembered. Who was not answered at the end has sent one of the last.
    pub(crate) const MOST: u64 = 1 << 20;

    pub(crate) fn note(&mut self, content: ContentHash, request: Uuid) {
        self.0.insert((short(content), request));
    }

    /// One with this content, which nobody else gets from then on.
    pub(crate) fn claim(&mut self, content: ContentHash) -> Option<Uuid> {
        let content = short(content);
        let range = (content, Uuid::nil())..=(content, Uuid::max());
        let found = *self.0.range(range).next()?;
        self.0.remove(&found);
        Some(found.1)
    }

    pub(crate) fn contains(&self, content: ContentHash, request: Uuid) -> bool {
        self.0.contains(&(short(content), request))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Their numbers.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = Uuid> {
        self.0.iter().map(|(_, request)| *request)
    }

    /// Whether it was there.
    pub(crate) fn remove(&mut self, content: ContentHash, request: Uuid) -> bool {
        self.0.remove(&(short(content), request))
    }
}

/// Half of a hash tells contents apart just as well.
fn short(content: ContentHash) -> u128 {
    let [first, ..] = content.as_bytes().as_chunks::<16>().0 else { return 0 };
    u128::from_be_bytes(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_claimed_once() {
        let [one, other] = [b"one", b"two"].map(|content| ContentHash::of(&[&content[..]]));
        assert_ne!(short(one), short(other));
        let mut former = FormerRequests::default();
        let numbers = [Uuid::nil(), Uuid::max(), Uuid::from_u128(5)];
        numbers.into_iter().for_each(|number| former.note(one, number));
        assert_eq!(former.claim(other), None);
        assert!(former.contains(one, numbers[2]) && former.remove(one, numbers[2]));
        assert!(!former.contains(one, numbers[2]) && !former.remove(other, numbers[0]));
        let claimed = [former.claim(one), former.claim(one), former.claim(one)];
        assert_eq!(claimed, [Some(numbers[0]), Some(numbers[1]), None]);
    }
}
