//! What the data folder keeps of events: the spool, and the number under which this installation
//! leaves receipts.

use std::{fs, path::Path};

use rand::Rng as _;
use spool::{OpenError, Recovery, Spool};

use crate::data_dir::{DataDir, create_private_dir};

/// In the data folder.
const SPOOL: &str = "spool";

/// In the data folder: a positive number.
const INSTANCE: &str = "instance";

/// What the data folder keeps of events.
#[derive(Debug)]
pub(crate) struct Durability {
    /// `None` where there may be none, or the folder cannot be written to.
    pub(crate) spool: Option<Spool>,
    /// Tells the receipts of this installation from those of others: the same after a restart.
    pub(crate) owner: i32,
}

impl Durability {
    /// Opens the spool, of at most so many bytes; 0 means none.
    ///
    /// # Errors
    /// When another program uses it. A folder that cannot be written to is only warned of: events
    /// then wait with their senders while the database is away.
    pub(crate) fn open(data_dir: &Path, max_bytes: u64) -> Result<Self, OpenError> {
        let dir = match DataDir::create(data_dir) {
            Ok(dir) => dir,
            Err(error) => {
                tracing::warn!("there is no spool: {error}");
                return Ok(Self { spool: None, owner: random() });
            }
        };
        let owner = instance(dir.path());
        if max_bytes == 0 {
            return Ok(Self { spool: None, owner });
        }
        let folder = dir.path().join(SPOOL);
        if !folder.is_dir()
            && let Err(error) = create_private_dir(&folder)
        {
            tracing::warn!(%error, folder = %folder.display(), "there is no spool");
            return Ok(Self { spool: None, owner });
        }
        match Spool::open(spool::Settings::new(folder, max_bytes)) {
            Ok((spool, recovery)) => {
                report(&recovery);
                Ok(Self { spool: Some(spool), owner })
            }
            Err(error @ OpenError::InUse { .. }) => Err(error),
            Err(error) => {
                tracing::warn!("there is no spool: {error}");
                Ok(Self { spool: None, owner })
            }
        }
    }
}

fn report(recovery: &Recovery) {
    if recovery.records > 0 {
        let Recovery { records, bytes, .. } = recovery;
        tracing::info!(records, bytes, "the spool holds requests that wait for the store");
    }
}

/// The number of the file, made on the first start.
fn instance(dir: &Path) -> i32 {
    let path = dir.join(INSTANCE);
    let kept = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
    if let Some(number) = kept.filter(|number| *number > 0) {
        return number;
    }
    let number = random();
    if let Err(error) = fs::write(&path, format!("{number}\n")) {
        tracing::warn!(%error, path = %path.display(), "this installation's number is not kept");
    }
    number
}

fn random() -> i32 {
    rand::rng().random_range(1..=i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_stays() {
        let temp = tempfile::tempdir().unwrap();
        let number = instance(temp.path());
        assert!(number > 0);
        assert_eq!(instance(temp.path()), number);
        fs::write(temp.path().join(INSTANCE), "-5").unwrap();
        assert!(instance(temp.path()) > 0);
    }

    #[tokio::test]
    async fn one_program_at_a_time_and_none_without_room() {
        let temp = tempfile::tempdir().unwrap();
        let first = Durability::open(temp.path(), 1 << 20).unwrap();
        assert!(first.spool.is_some());
        assert!(matches!(Durability::open(temp.path(), 1 << 20), Err(OpenError::InUse { .. })));
        let none = Durability::open(temp.path(), 0).unwrap();
        assert!(none.spool.is_none() && none.owner == first.owner);
        let file = temp.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(Durability::open(&file, 1 << 20).unwrap().spool.is_none());
    }
}
