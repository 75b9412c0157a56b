//! Backends that the catalog does not know any more. What waits for one is deleted only if somebody
//! has removed it: otherwise this may be the wrong database, or an older one.

use std::{fmt::Display, path::Path, time::Duration};

use tokio::time::sleep;

/// Time until a catalog that did not answer is asked again.
const ASKED_AGAIN: Duration = Duration::from_secs(5);

/// What becomes of what waits for such a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It goes: somebody has removed the backend.
    Removed,
    /// It stays: the catalog does not say that anybody has.
    Unknown,
    /// The backend is there again.
    Back,
}

/// Asks a catalog that may be away until it answers.
pub(crate) async fn fate<Answer, E>(
    is_back: impl Fn() -> bool,
    was_deleted: impl Fn() -> Answer,
) -> Fate
where
    Answer: Future<Output = Result<bool, E>>,
    E: Display,
{
    let mut is_told = false;
    loop {
        if is_back() {
            return Fate::Back;
        }
        match was_deleted().await {
            Ok(true) => return Fate::Removed,
            Ok(false) => return Fate::Unknown,
            Err(error) => {
                if !std::mem::replace(&mut is_told, true) {
                    tracing::warn!(
                        %error,
                        "it is not known yet whether a backend was removed, and what waits for it is \
                         kept until the catalog answers"
                    );
                }
                sleep(ASKED_AGAIN).await;
            }
        }
    }
}

/// Deletes the folder of a drain.
pub(crate) async fn delete(dir: &Path) {
    if let Err(error) = tokio::fs::remove_dir_all(dir).await
        && error.kind() != std::io::ErrorKind::NotFound
    {
        let dir = dir.display();
        tracing::warn!(%error, %dir, "what a drain kept cannot be deleted");
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, future::ready};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_catalog_that_is_away_is_asked_until_it_answers() {
        for (answer, expected) in [(true, Fate::Removed), (false, Fate::Unknown)] {
            let asked = Cell::new(0);
            let was_deleted = || {
                asked.set(asked.get() + 1);
                ready(if asked.get() < 1000 { Err("it is away") } else { Ok(answer) })
            };
            assert_eq!(fate(|| false, was_deleted).await, expected);
            assert_eq!(asked.get(), 1000);
        }
        let asked = Cell::new(0);
        let was_deleted = || {
            asked.set(asked.get() + 1);
            ready(Err("it is away"))
        };
        assert_eq!(fate(|| asked.get() == 3, was_deleted).await, Fate::Back);
    }
}
