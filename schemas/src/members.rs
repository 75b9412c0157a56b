//! The fields of an object, each name once: where it comes twice, the last one counts.

use std::{borrow::Cow, collections::HashMap};

use crate::Value;

/// Fields in the order of the text, as values and events hold them.
pub type Fields<'f, 'a> = &'f [(Cow<'a, str>, Value<'a>)];

/// Up to here, looking through the fields that follow is cheaper than a map.
const FEW: usize = 32;

/// Each name with its last value, in the order of the text.
pub fn members<'f, 'a>(fields: Fields<'f, 'a>) -> Members<'f, 'a> {
    let repeats = if in_order(fields) {
        Repeats::None
    } else if fields.len() <= FEW {
        Repeats::Few
    } else {
        let places = fields.iter().enumerate().map(|(place, (name, _))| (name.as_ref(), place));
        Repeats::Many(places.collect())
    };
    Members { fields, at: 0, repeats }
}

/// How many names there are.
pub(crate) fn count(fields: Fields<'_, '_>) -> usize {
    if in_order(fields) { fields.len() } else { members(fields).count() }
}

/// Whether the names ascend, so that none comes twice. Vector writes them so.
fn in_order(fields: Fields<'_, '_>) -> bool {
    fields.is_sorted_by(|(one, _), (other, _)| one < other)
}

/// Iterates over the fields that count.
#[derive(Debug)]
pub struct Members<'f, 'a> {
    fields: Fields<'f, 'a>,
    at: usize,
    repeats: Repeats<'f>,
}

/// How to find out whether a name comes again.
#[derive(Debug)]
enum Repeats<'f> {
    None,
    Few,
    /// The last place of each name.
    Many(HashMap<&'f str, usize>),
}

impl<'f, 'a> Iterator for Members<'f, 'a> {
    type Item = (&'f str, &'f Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (name, value) = self.fields.get(self.at)?;
            self.at += 1;
            let last = match &self.repeats {
                Repeats::None => true,
                Repeats::Few => !self.fields[self.at..].iter().any(|(other, _)| other == name),
                Repeats::Many(places) => places.get(name.as_ref()) == Some(&(self.at - 1)),
            };
            if last {
                return Some((name, value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_last_one_counts(names in proptest::collection::vec("[ab]{0,5}", 0..80)) {
            let fields: Vec<_> = names
                .iter()
                .enumerate()
                .map(|(place, name)| (name.into(), Value::Number(place.to_string().into())))
                .collect();
            let expected: HashMap<&str, &Value<'_>> =
                fields.iter().map(|(name, value): &(Cow<'_, str>, _)| (&**name, value)).collect();
            let found: Vec<_> = members(&fields).collect();
            prop_assert_eq!(found.len(), expected.len());
            prop_assert_eq!(count(&fields), expected.len());
            prop_assert_eq!(found.into_iter().collect::<HashMap<_, _>>(), expected);
        }
    }
}
