//! Which failures pass by themselves, and how long to wait.

use std::time::Duration;

use rand::Rng as _;
use tonic::Code;

use crate::{Error, StorageFault};

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same again, soon.
    Soon,
    /// The same again, not so soon: a quota is used up.
    Late,
    /// The same again for as long as a new column takes to be known to whoever takes rows.
    WhenColumnsAreKnown,
    /// The same again if the table is there after all, as after it was made anew.
    WhenTableIsKnown,
    /// Never the same again.
    Never,
}

/// Reasons of the REST API that pass, whatever the status says.
const PASSING: [&str; 2] = ["backendError", "jobBackendError"];

/// Reasons of the REST API that say that it is too much at once.
const TOO_MUCH: [&str; 3] = ["rateLimitExceeded", "jobRateLimitExceeded", "quotaExceeded"];

/// How the service says that a row has more fields than the table, where it gives no code.
const EXTRA_FIELDS: [&str; 3] =
    ["has more fields than", "extra proto fields", "SCHEMA_MISMATCH_EXTRA_FIELDS"];

impl Error {
    /// What to do after it.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unreachable(_) | Self::TimedOut { .. } => Retry::Soon,
            Self::Refused { reason, .. } if TOO_MUCH.contains(&reason.as_str()) => Retry::Late,
            Self::Refused { reason, .. } if PASSING.contains(&reason.as_str()) => Retry::Soon,
            Self::Refused { status: 429, .. } => Retry::Late,
            Self::Refused { status: 500 | 502 | 503 | 504, .. } => Retry::Soon,
            Self::Append { code, fault, message } => of_append(*code, *fault, message),
            Self::Refused { .. } | Self::Credentials(_) | Self::Unexpected(_) => Retry::Never,
        }
    }

    /// Whether the service cannot be used now, whatever is asked of it: there is no way to it, or it
    /// does not know who we are. What it says of one table is never that.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Credentials(_) => true,
            Self::Refused { status, .. } => *status == 401,
            Self::Append { code, .. } => *code == Code::Unauthenticated,
            Self::TimedOut { .. } | Self::Unexpected(_) => false,
        }
    }

    /// Whether whoever asks could have asked for nothing that is answered: it is the service, or what
    /// it lets us do.
    pub fn is_none_of_callers(&self) -> bool {
        match self {
            Self::TimedOut { .. } => true,
            Self::Refused { reason, .. } if TOO_MUCH.contains(&reason.as_str()) => false,
            Self::Refused { status, .. } => matches!(status, 401 | 403 | 500 | 502 | 503 | 504),
            error => error.is_unavailable(),
        }
    }
}

fn of_append(code: Code, fault: Option<StorageFault>, message: &str) -> Retry {
    if fault == Some(StorageFault::ExtraFields) {
        return Retry::WhenColumnsAreKnown;
    }
    match code {
        Code::Aborted
        | Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Internal
        | Code::Unavailable => Retry::Soon,
        Code::ResourceExhausted => Retry::Late,
        Code::Unknown if message.contains("transport") || message.contains("connection") => {
            Retry::Soon
        }
        Code::NotFound => Retry::WhenTableIsKnown,
        Code::InvalidArgument if EXTRA_FIELDS.iter().any(|text| message.contains(text)) => {
            Retry::WhenColumnsAreKnown
        }
        _ => Retry::Never,
    }
}

/// Waits that double, each up to half shorter by chance, so that not all come again at once.
#[derive(Debug)]
pub struct BackOff {
    next: Duration,
    longest: Duration,
}

impl BackOff {
    /// The waits for a kind of failure.
    pub fn of(retry: Retry) -> Self {
        let (first, longest) = match retry {
            Retry::Soon | Retry::Never => (100, 5_000),
            Retry::Late | Retry::WhenTableIsKnown => (1_000, 30_000),
            Retry::WhenColumnsAreKnown => (500, 10_000),
        };
        Self { next: Duration::from_millis(first), longest: Duration::from_millis(longest) }
    }

    /// The next wait.
    pub fn wait(&mut self) -> Duration {
        let wait = self.next.mul_f64(rand::rng().random_range(0.5..=1.0));
        self.next = (self.next * 2).min(self.longest);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, reason: &str) -> Error {
        Error::Refused { status, reason: reason.to_owned(), message: String::new() }
    }

    fn append(code: Code, fault: Option<StorageFault>, message: &str) -> Error {
        Error::Append { code, fault, message: message.to_owned() }
    }

    #[test]
    fn failures_pass_or_do_not() {
        use Retry::{Late, Never, Soon, WhenColumnsAreKnown, WhenTableIsKnown};
        for (error, expected) in [
            (Error::Unreachable(String::new()), Soon),
            (Error::TimedOut { seconds: 1 }, Soon),
            (Error::Credentials(String::new()), Never),
            (Error::Unexpected(String::new()), Never),
            (refused(503, ""), Soon),
            (refused(500, "backendError"), Soon),
            (refused(429, ""), Late),
            (refused(403, "rateLimitExceeded"), Late),
            (refused(403, "quotaExceeded"), Late),
            (refused(403, "accessDenied"), Never),
            (refused(400, "jobBackendError"), Soon),
            (refused(400, "jobRateLimitExceeded"), Late),
            (refused(400, "invalid"), Never),
            (refused(404, "notFound"), Never),
            (append(Code::Aborted, None, ""), Soon),
            (append(Code::Cancelled, None, ""), Soon),
            (append(Code::DeadlineExceeded, None, ""), Soon),
            (append(Code::Internal, None, ""), Soon),
            (append(Code::Unavailable, None, ""), Soon),
            (append(Code::ResourceExhausted, None, ""), Late),
            (append(Code::Unknown, None, "transport error"), Soon),
            (append(Code::Unknown, None, "who knows"), Never),
            (append(Code::NotFound, None, ""), WhenTableIsKnown),
            (append(Code::InvalidArgument, None, "bad row"), Never),
            (
                append(Code::InvalidArgument, Some(StorageFault::ExtraFields), ""),
                WhenColumnsAreKnown,
            ),
            (
                append(
                    Code::InvalidArgument,
                    None,
                    "Input schema has more fields than BigQuery schema",
                ),
                WhenColumnsAreKnown,
            ),
            (append(Code::PermissionDenied, None, ""), Never),
            (append(Code::Unauthenticated, None, ""), Never),
            (append(Code::FailedPrecondition, None, ""), Never),
            (append(Code::DataLoss, None, ""), Never),
            (append(Code::Unimplemented, None, ""), Never),
        ] {
            assert_eq!(error.retry(), expected, "{error}");
        }
    }

    #[test]
    fn what_is_said_of_one_table_is_not_said_of_the_service() {
        for (error, is_unavailable, is_none_of_callers) in [
            (Error::Unreachable(String::new()), true, true),
            (Error::Credentials(String::new()), true, true),
            (Error::TimedOut { seconds: 1 }, false, true),
            (Error::Unexpected(String::new()), false, false),
            (refused(401, "authError"), true, true),
            (refused(403, "accessDenied"), false, true),
            (refused(403, "quotaExceeded"), false, false),
            (refused(400, "invalid"), false, false),
            (refused(503, "backendError"), false, true),
            (append(Code::Unauthenticated, None, ""), true, true),
            (append(Code::PermissionDenied, None, ""), false, false),
            (append(Code::Unknown, None, "who knows"), false, false),
            (append(Code::Unavailable, None, ""), false, false),
        ] {
            let found = (error.is_unavailable(), error.is_none_of_callers());
            assert_eq!(found, (is_unavailable, is_none_of_callers), "{error}");
        }
    }

    #[test]
    fn waits_grow_to_a_bound() {
        let mut back_off = BackOff::of(Retry::Soon);
        let waits: Vec<_> = (0..12).map(|_| back_off.wait()).collect();
        assert!(waits[0] <= Duration::from_millis(100) && waits[0] >= Duration::from_millis(50));
        assert!(waits[11] >= Duration::from_millis(2_500));
        assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(5)));
    }
}
