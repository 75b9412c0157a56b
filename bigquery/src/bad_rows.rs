//! Rows for which a request is refused that names none of them.

use std::collections::HashSet;

use crate::{
    Error, Misfit, Progress, Writer,
    append::Failure,
    appending::{Attempt, Row},
};

/// Requests in which bad rows are looked for among those of one that names none.
const MOST_SEARCHED: usize = 256;

impl Writer {
    /// Finds the rows for which a request is refused that names none of them: halves go, and halves of
    /// those that are refused again. It is the fault of a row that is refused alone, twice, where the
    /// table takes others of its type, and is as it is known to be; else it is nobody's.
    pub(crate) async fn append_apart(
        &self,
        attempt: Attempt<'_>,
        rows: &mut Vec<Row>,
        error: Error,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let place = self.places.of(&attempt.table.id);
        let is_alone = rows.len() == 1;
        if is_alone && !place.has_taken(attempt.schema) {
            return Err(error);
        }
        let mut parts = halves(std::mem::take(rows));
        let (mut bad, mut some_are_taken, mut requests) = (Vec::new(), is_alone, 0);
        let (mut seen, mut outcome) = (HashSet::new(), Ok(()));
        let place_of = |part: &[Row]| part.first().map(|(place, _)| *place);
        while let Some(mut part) = parts.pop() {
            requests += 1;
            let appended = if requests > MOST_SEARCHED {
                Err(Failure { error: error.clone(), may_be_stored: true })
            } else {
                self.append_together(attempt, &mut part, progress).await
            };
            match appended {
                Ok(()) => some_are_taken = true,
                Err(failure) if failure.may_be_of_a_row() && part.len() > 1 => {
                    parts.extend(halves(part));
                }
                // Others may have had a part in it: it goes once more.
                Err(failure) if failure.may_be_of_a_row() && !seen.insert(place_of(&part)) => {
                    bad.extend(part.into_iter().map(|row| (row, failure.error.clone())));
                }
                Err(failure) if failure.may_be_of_a_row() => parts.push(part),
                Err(failure) => {
                    rows.extend(part);
                    rows.extend(parts.drain(..).flatten());
                    outcome = Err(failure.error);
                }
            }
        }
        if bad.is_empty() {
            return outcome;
        }
        let now = if some_are_taken { self.look(&attempt.table.id).await? } else { None };
        if now.is_some_and(|now| attempt.table.has_columns_of(&now)) {
            let refused = bad.into_iter().map(|((place, _), error)| (place, refusal(&error)));
            progress.refused.extend(refused);
            return outcome;
        }
        rows.extend(bad.into_iter().map(|(row, _)| row));
        Err(error)
    }
}

fn halves(mut rows: Vec<Row>) -> Vec<Vec<Row>> {
    let others = rows.split_off(rows.len().div_ceil(2));
    [rows, others].into_iter().filter(|half| !half.is_empty()).collect()
}

fn refusal(error: &Error) -> Misfit {
    let text = match error {
        Error::Append { message, .. } | Error::Refused { message, .. } => message.clone(),
        other => other.to_string(),
    };
    Misfit { path: String::new(), text: format!("BigQuery refuses it: {text}") }
}
