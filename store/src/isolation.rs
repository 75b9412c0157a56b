//! Finds the rows that Postgres refuses, so that the others are stored: by halves, within bounds.
//!
//! Each row that is found costs some round trips, and a sender can send 200,000 at once that a
//! constraint of somebody's refuses. So a request of which many rows were found keeps no more of
//! its others, and neither does any that is found to have one when the search takes long.

use std::{collections::HashMap, sync::Arc, time::Duration};

/// Rows of one request that are looked for.
const MOST_FOUND: usize = 256;

/// Time of a search after which single rows are not looked for any more.
pub(crate) const SEARCH_TIME: Duration = Duration::from_secs(10);

/// A search among rows, each with the place of its request in the group; these ascend.
#[derive(Debug)]
pub(crate) struct Search<'g, T> {
    /// What is to be copied, the first of it last.
    ranges: Vec<&'g [(usize, T)]>,
    /// Rows that were found, by request.
    found: HashMap<usize, usize>,
    /// Requests of which no more rows are stored, each with the reason.
    given_up: HashMap<usize, Arc<str>>,
    refused: Vec<Refused<T>>,
}

/// A row that is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused<T> {
    /// Of its request in the group.
    pub(crate) place: usize,
    pub(crate) row: T,
    /// What Postgres says of it, or of one that came with it.
    pub(crate) reason: Arc<str>,
}

impl<'g, T: Copy> Search<'g, T> {
    pub(crate) fn among(rows: &'g [(usize, T)]) -> Self {
        Self {
            ranges: vec![rows],
            found: HashMap::new(),
            given_up: HashMap::new(),
            refused: Vec::new(),
        }
    }

    /// The rows that are to be copied next. What it does not give again is stored or refused.
    pub(crate) fn next(&mut self) -> Option<&'g [(usize, T)]> {
        loop {
            let rows = self.ranges.pop()?;
            let given_up = rows.iter().position(|(place, _)| self.given_up.contains_key(place));
            let Some(start) = given_up else {
                if rows.is_empty() {
                    continue;
                }
                return Some(rows);
            };
            let (before, rest) = rows.split_at(start);
            let Some((place, _)) = rest.first() else { continue };
            let (lost, after) = rest.split_at(rest.partition_point(|(of, _)| of <= place));
            if let Some(reason) = self.given_up.get(place) {
                self.refused.extend(lost.iter().map(|(place, row)| Refused {
                    place: *place,
                    row: *row,
                    reason: Arc::clone(reason),
                }));
            }
            self.ranges.extend([after, before]);
        }
    }

    /// Postgres refuses these rows, or some of them, and this is what it says. `is_late` when single
    /// ones are not to be looked for any more.
    pub(crate) fn refuses(&mut self, rows: &'g [(usize, T)], said: &str, is_late: bool) {
        let of_all = || Arc::from(format!("Postgres refuses it, or one that came with it: {said}"));
        match rows {
            [] => {}
            [(place, row)] => {
                let reason = format!("Postgres refuses it: {said}").into();
                self.refused.push(Refused { place: *place, row: *row, reason });
                let found = self.found.entry(*place).or_default();
                *found += 1;
                if *found >= MOST_FOUND {
                    self.given_up.insert(*place, of_all());
                }
            }
            [(first, _), .., (last, _)] if is_late && first == last => {
                self.given_up.insert(*first, of_all());
                self.ranges.push(rows);
            }
            _ => {
                let middle = if is_late { between_requests(rows) } else { rows.len() / 2 };
                let (one, other) = rows.split_at(middle);
                self.ranges.extend([other, one]);
            }
        }
    }

    /// The rows that are not stored.
    pub(crate) fn refused(self) -> Vec<Refused<T>> {
        self.refused
    }
}

/// Where rows of two requests or more are parted, about in the middle.
fn between_requests<T>(rows: &[(usize, T)]) -> usize {
    let middle = rows.get(rows.len() / 2).map_or(0, |(place, _)| *place);
    match rows.partition_point(|(place, _)| *place < middle) {
        0 => rows.partition_point(|(place, _)| *place <= middle),
        start => start,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Copies as Postgres would that refuses some rows: rows that are stored, those that are not, and
    /// how often something was copied. From `late` copies on it takes too long.
    fn search(
        rows: &[(usize, u32)],
        is_bad: impl Fn(u32) -> bool,
        late: usize,
    ) -> (Vec<u32>, Vec<Refused<u32>>, usize) {
        let mut search = Search::among(rows);
        let (mut stored, mut copies) = (Vec::new(), 0);
        while let Some(rows) = search.next() {
            copies += 1;
            match rows.iter().find(|(_, row)| is_bad(*row)) {
                Some((_, row)) => search.refuses(rows, &format!("bad {row}"), copies > late),
                None => stored.extend(rows.iter().map(|(_, row)| *row)),
            }
        }
        (stored, search.refused(), copies)
    }

    fn of_one_request(count: u32) -> Vec<(usize, u32)> {
        (0..count).map(|row| (0, row)).collect()
    }

    #[test]
    fn a_bad_row_costs_one_row() {
        let (stored, refused, copies) = search(&of_one_request(1000), |row| row == 7, usize::MAX);
        assert_eq!((stored.len(), refused.len()), (999, 1));
        assert_eq!((refused[0].row, &*refused[0].reason), (7, "Postgres refuses it: bad 7"));
        assert!(copies < 25, "{copies}");
    }

    #[test]
    fn a_request_with_many_bad_rows_costs_no_more_than_some_hundred_copies() {
        let mut rows = of_one_request(200_000);
        rows.extend((200_000..200_100).map(|row| (1, row)));
        let (stored, refused, copies) = search(&rows, |row| row < 200_000, usize::MAX);
        assert_eq!(stored, (200_000..200_100).collect::<Vec<_>>());
        assert_eq!(refused.len(), 200_000);
        assert!(copies < 3 * MOST_FOUND, "{copies}");
        assert_eq!(&*refused[MOST_FOUND - 1].reason, "Postgres refuses it: bad 255");
        for refused in &refused[MOST_FOUND..] {
            assert_eq!(&*refused.reason, "Postgres refuses it, or one that came with it: bad 255");
        }
    }

    #[test]
    fn when_it_takes_long_good_requests_are_stored_and_bad_ones_kept_apart() {
        let rows: Vec<_> = (0..1000).map(|row| (row as usize / 10, row)).collect();
        // Each second request has bad rows, 50 in all.
        let (stored, refused, copies) = search(&rows, |row| row % 20 == 3, 0);
        assert_eq!((stored.len(), refused.len()), (500, 500));
        assert!(refused.iter().all(|refused| refused.reason.contains("or one that came with it")));
        assert!(copies <= 2 * 100, "{copies}");
    }

    proptest! {
        #[test]
        fn each_row_is_stored_or_refused_and_none_is_both(
            requests in proptest::collection::vec(0..40_u32, 0..12),
            bad in proptest::collection::btree_set(0..400_u32, 0..60),
            late in 0..60_usize,
        ) {
            let sizes = requests.iter().enumerate();
            let places = sizes.flat_map(|(place, rows)| (0..*rows).map(move |_| place));
            let rows: Vec<_> = places.zip(0_u32..).collect();
            let (stored, refused, _) = search(&rows, |row| bad.contains(&row), late);
            prop_assert!(stored.iter().all(|row| !bad.contains(row)));
            prop_assert!(stored.is_sorted());
            let mut all: Vec<_> = stored.into_iter().chain(refused.iter().map(|r| r.row)).collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..).take(rows.len()).collect::<Vec<u32>>());
            // Requests without a bad row lose none.
            let bad: BTreeSet<_> =
                rows.iter().filter(|(_, row)| bad.contains(row)).map(|(place, _)| *place).collect();
            prop_assert!(refused.iter().all(|refused| bad.contains(&refused.place)));
        }
    }
}
