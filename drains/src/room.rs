//! Room on disk, shared by all drains: one whose receiver is away for days must not take what the
//! others need.

/// Whether a queue may grow by `adding` bytes. Half of the room is shared equally and kept for each;
/// the other half is for whoever comes first.
///
/// `queues` are the bytes of all queues, `own` with them.
pub(crate) fn may_grow(own: u64, queues: &[u64], adding: u64, max_bytes: u64) -> bool {
    let count = u64::try_from(queues.len()).unwrap_or(u64::MAX).max(1);
    let kept_for_each = max_bytes / 2 / count;
    let sum = |queues: &mut dyn Iterator<Item = u64>| queues.fold(0, u64::saturating_add);
    let taken = if own + adding <= kept_for_each {
        sum(&mut queues.iter().copied())
    } else {
        let taken = sum(&mut queues.iter().map(|bytes| kept_for_each.max(*bytes)));
        // Of its own part it may use the rest.
        taken.saturating_sub(kept_for_each.saturating_sub(own))
    };
    taken.saturating_add(adding) <= max_bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_part_is_kept_for_each() {
        for (own, others, adding, expected) in [
            (0, &[][..], 100, true),
            (0, &[], 101, false),
            (60, &[], 40, true),
            // Two queues: 25 for each.
            (60, &[0], 15, true),
            (60, &[0], 16, false),
            (0, &[75], 25, true),
            (20, &[75], 6, false),
            (25, &[70], 5, true),
            // Another one has come since.
            (0, &[75, 25], 1, false),
        ] {
            let queues = [&[own], others].concat();
            assert_eq!(may_grow(own, &queues, adding, 100), expected, "{queues:?} + {adding}");
        }
    }

    proptest! {
        #[test]
        fn the_bound_holds_and_nobody_is_shut_out(
            steps in prop::collection::vec((0..4_usize, 1..30_u64), 1..200),
        ) {
            let mut queues = [0; 4];
            for (place, adding) in steps {
                let may = may_grow(queues[place], &queues, adding, 1000);
                prop_assert!(may || queues[place] + adding > 125);
                queues[place] += if may { adding } else { 0 };
                prop_assert!(queues.iter().sum::<u64>() <= 1000);
            }
        }
    }
}
