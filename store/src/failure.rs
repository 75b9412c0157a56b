//! What an error of the driver means: its SQLSTATE, whether waiting helps, and what to tell.

use std::borrow::Cow;

/// The SQLSTATE, when the server answered with an error.
pub(crate) fn sqlstate(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error().and_then(|error| error.code())
}

/// Whether the server has this error's SQLSTATE.
pub(crate) fn is_sqlstate(error: &sqlx::Error, code: &str) -> bool {
    sqlstate(error).is_some_and(|found| found == code)
}

/// Whether a pooled connection was dead before anything was sent over it: the server was
/// restarted, or somebody ended the session. Another connection may work.
pub(crate) fn is_stale_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        _ => sqlstate(error)
            .is_some_and(|code| matches!(&*code, "57P01" | "57P02" | "57P05" | "25P03" | "08006")),
    }
}

/// Whether the same statements may work at once: a deadlock or a conflict with another transaction
/// (40), a lock that was not got in time.
pub(crate) fn is_transient(error: &sqlx::Error) -> bool {
    sqlstate(error).is_some_and(|code| code.starts_with("40") || code == "55P03")
}

/// Whether the rows themselves are refused: bad data (22), a constraint (23), a limit that a value
/// exceeds (54). Everything else is the state of the server or of our rights there, which a person
/// can change without losing the events.
pub(crate) fn is_refusal_of_rows(error: &sqlx::Error) -> bool {
    sqlstate(error)
        .and_then(|code| code.get(..2).map(|class| matches!(class, "22" | "23" | "54")))
        .unwrap_or(false)
}

/// Classes of SQLSTATEs that say nothing of rows: how a transaction, the server or our rights there
/// are. The others are of rows, of functions and triggers, or of nobody but the person who raises
/// them (`raise … using errcode = 'PT400'`).
const NOT_OF_ROWS: [&str; 31] = [
    "00", "01", "02", "03", "08", "0A", "0B", "0F", "0L", "0P", "0Z", "24", "25", "26", "28", "2B",
    "2D", "34", "3B", "3D", "3F", "40", "42", "53", "55", "57", "58", "72", "F0", "HV", "XX",
];

/// Whether rows may be refused by this: also by what a person's function or trigger raises, a view's
/// check (44) or a policy (42501) for some of them. When it comes for all rows it is the table's
/// fault.
pub(crate) fn may_be_refusal_of_rows(error: &sqlx::Error) -> bool {
    sqlstate(error).is_some_and(|code| {
        let class = code.get(..2);
        code == "42501" || class.is_some_and(|class| !NOT_OF_ROWS.contains(&class))
    })
}

/// Whether single rows may be behind this, of a statement that somebody else's table was to run: all
/// that a server which is there and has room says of it. A trigger may raise anything, ask for a table
/// that is missing, or run for too long (57014), and all that for some rows only.
pub(crate) fn may_come_of_rows(error: &sqlx::Error) -> bool {
    match sqlstate(error) {
        Some(code) => code == "57014" || !is_unavailable(error),
        None => false,
    }
}

/// Whether the server itself is away, whatever is asked of it. All else may be the trouble of one
/// table: a time limit, a file that is lost, a tablespace that is full, a wait for a connection. If
/// the server is away after all, the watch finds out within seconds, as it asks on a connection of
/// its own.
pub(crate) fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut => false,
        sqlx::Error::Database(_) => sqlstate(error).is_some_and(|code| match &*code {
            "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "53300" => true,
            code => code.get(..2).is_some_and(|class| matches!(class, "08" | "28" | "3D")),
        }),
        error => is_unavailable(error),
    }
}

/// Whether the server cannot be used now, as opposed to having refused a statement: classes 08, 53,
/// 57, 58, refused log-ins (28), a missing database (3D), and everything below SQL.
pub(crate) fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        _ => sqlstate(error).is_some_and(|code| {
            code.get(..2)
                .is_some_and(|class| matches!(class, "08" | "28" | "3D" | "53" | "57" | "58"))
        }),
    }
}

/// The error in one line, with its SQLSTATE.
pub(crate) fn text(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(database) => match database.code() {
            Some(code) => format!("{} (SQLSTATE {code})", database.message()),
            None => database.message().to_owned(),
        },
        sqlx::Error::PoolTimedOut => "no connection became free in time".to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// What a person can do about a failure at start, empty when the error speaks for itself.
pub(crate) fn advice(error: &sqlx::Error) -> &'static str {
    match error {
        sqlx::Error::Io(_) => {
            "is Postgres running, and are the host and the port of its URL right?"
        }
        sqlx::Error::Tls(_) => "set sslmode in the URL, or give the server's CA certificate",
        _ => match sqlstate(error).as_deref() {
            Some("28P01" | "28000") => "check the user and the password of the URL",
            Some("3D000") => "create the database, or correct its name in the URL",
            Some("42501") => {
                "the role of the URL must own its schema, or be allowed to create it: \
                 GRANT CREATE ON DATABASE … TO …"
            }
            Some("55P03") => {
                "another session holds a lock for long: see pg_stat_activity and pg_locks"
            }
            Some("53300") => "raise max_connections of the server",
            _ => "",
        },
    }
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, error::Error, fmt};

    use sqlx::error::{DatabaseError, ErrorKind};

    use super::*;

    #[derive(Debug)]
    struct Said(&'static str);

    impl fmt::Display for Said {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Said {}

    impl DatabaseError for Said {
        fn message(&self) -> &str {
            "no"
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.into())
        }

        fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    #[test]
    fn what_people_raise_may_be_of_rows() {
        let said = |code| sqlx::Error::Database(Box::new(Said(code)));
        for code in [
            "22P02", "23505", "54000", "P0001", "38001", "39000", "2F003", "20000", "21000",
            "44000", "42501", "09000", "27000", "PT400", "U0001", "ABCDE",
        ] {
            assert!(may_be_refusal_of_rows(&said(code)), "{code}");
        }
        for code in [
            "", "X", "57014", "40001", "55P03", "53100", "42P01", "42703", "25P02", "08006",
            "3D000", "58030", "XX000", "0A000", "HV00N", "72000",
        ] {
            assert!(!may_be_refusal_of_rows(&said(code)), "{code}");
        }
        assert!(!may_be_refusal_of_rows(&sqlx::Error::PoolTimedOut));
    }

    #[test]
    fn what_one_table_may_cause_does_not_say_that_the_server_is_away() {
        let said = |code| sqlx::Error::Database(Box::new(Said(code)));
        for code in ["57P01", "57P03", "57P05", "53300", "08006", "08P01", "28P01", "3D000"] {
            assert!(is_away(&said(code)), "{code}");
        }
        for code in ["57014", "57000", "58030", "58P01", "53100", "53200", "53400", "P0001", ""] {
            assert!(!is_away(&said(code)), "{code}");
        }
        assert!(is_away(&sqlx::Error::Io(std::io::ErrorKind::ConnectionRefused.into())));
        assert!(is_away(&sqlx::Error::PoolClosed));
        assert!(!is_away(&sqlx::Error::PoolTimedOut));
        assert!(!is_away(&sqlx::Error::RowNotFound));
    }

    #[test]
    fn what_a_trigger_says_may_come_of_its_row() {
        let said = |code| sqlx::Error::Database(Box::new(Said(code)));
        for code in ["P0001", "42501", "44000", "42P01", "42703", "57014", "40P01", "XX000"] {
            assert!(may_come_of_rows(&said(code)), "{code}");
        }
        for code in ["57P01", "53100", "53300", "08006", "28P01", "3D000", "58030"] {
            assert!(!may_come_of_rows(&said(code)), "{code}");
        }
        assert!(!may_come_of_rows(&sqlx::Error::PoolTimedOut));
        assert!(!may_come_of_rows(&sqlx::Error::Io(std::io::ErrorKind::BrokenPipe.into())));
    }
}
