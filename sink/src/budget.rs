//! Memory for bodies: bounded over all requests.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::IngestError;

/// How long a request waits for memory. Senders that are told 429 come again.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is counted, in bytes: a semaphore counts to 2^32 at least.
const UNIT: usize = 1024;

/// Memory for bodies and what they become, over all requests. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    units: Arc<Semaphore>,
    all: usize,
}

/// Memory of one request, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    permit: Option<OwnedSemaphorePermit>,
    units: usize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        let all = (bytes / UNIT).clamp(1, u32::MAX as usize);
        Self { units: Arc::new(Semaphore::new(all)), all }
    }

    pub(crate) fn share(&self) -> Share {
        Share { budget: self.clone(), permit: None, units: 0 }
    }
}

impl Share {
    /// Takes more, until it is so many bytes. A request may always have all of the budget, and
    /// not more: a single large one must not wait for ever.
    ///
    /// # Errors
    /// [`IngestError::Busy`] when other requests hold too much for too long.
    pub(crate) async fn grow_to(&mut self, bytes: usize) -> Result<(), IngestError> {
        let wanted = bytes.div_ceil(UNIT).min(self.budget.all);
        let Some(missing) = wanted.checked_sub(self.units).filter(|missing| *missing > 0) else {
            return Ok(());
        };
        let count = u32::try_from(missing).unwrap_or(u32::MAX);
        let more = Arc::clone(&self.budget.units).acquire_many_owned(count);
        match tokio::time::timeout(PATIENCE, more).await {
            Ok(Ok(more)) => {
                self.units = wanted;
                match &mut self.permit {
                    Some(permit) => permit.merge(more),
                    none => *none = Some(more),
                }
                Ok(())
            }
            _ => Err(IngestError::Busy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn shares_are_bounded_together() {
        let budget = Budget::new(10 * UNIT);
        let (mut one, mut other) = (budget.share(), budget.share());
        one.grow_to(1).await.unwrap();
        one.grow_to(6 * UNIT).await.unwrap();
        other.grow_to(4 * UNIT).await.unwrap();
        assert!(matches!(other.grow_to(5 * UNIT).await, Err(IngestError::Busy)));
        drop(one);
        // More than there is is all that there is.
        other.grow_to(1000 * UNIT).await.unwrap();
        assert_eq!(budget.units.available_permits(), 0);
        drop(other);
        assert_eq!(budget.units.available_permits(), 10);
    }
}
