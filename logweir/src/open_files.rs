//! How many files the system lets this process open: every connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the process's limit of open files as far as it may, and gives how many of `wanted`
/// connections fit in beside `others`. Says so in the log when not all do.
pub(crate) fn connections(wanted: usize, others: u64) -> usize {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
    let limit = getrlimit(Resource::Nofile).current;
    let fitting = fitting(wanted, others, limit);
    if fitting < wanted {
        tracing::warn!(
            wanted,
            fitting,
            limit,
            "LOGWEIR_MAX_CONNECTIONS is more than the system's limit of open files allows; raise \
             the limit (`ulimit -Hn`, `nofile`, `LimitNOFILE`) or lower the setting"
        );
    }
    fitting
}

/// At least half of the limit, whatever else is open: a program without connections is of no use.
fn fitting(wanted: usize, others: u64, limit: Option<u64>) -> usize {
    let Some(limit) = limit else { return wanted };
    let places = limit.saturating_sub(others).max(limit / 2).max(1);
    usize::try_from(places).map_or(wanted, |places| places.min(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_others() {
        for (limit, expected) in [
            (None, 10_000),
            (Some(1 << 20), 10_000),
            (Some(10_256), 10_000),
            (Some(10_255), 9_999),
            (Some(1_024), 768),
            (Some(300), 150),
            (Some(0), 1),
        ] {
            assert_eq!(fitting(10_000, 256, limit), expected, "{limit:?}");
        }
    }

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        assert!(connections(1, 0) == 1);
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
