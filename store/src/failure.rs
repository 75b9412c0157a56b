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
