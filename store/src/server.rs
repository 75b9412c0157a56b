//! Where a Postgres is, and which schema of it is ours.

use std::{fmt, str::FromStr};

use sqlx::{ConnectOptions, postgres::PgConnectOptions};

/// Where a Postgres is, and which schema of it is ours.
#[derive(Clone)]
pub struct PostgresServer {
    options: PgConnectOptions,
    schema: Option<SchemaName>,
}

/// A connection URL or a schema name that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct InvalidServer {
    reason: String,
}

impl PostgresServer {
    /// Reads a `postgres://` URL (also `postgresql:///db?host=/socket/dir&user=…`).
    ///
    /// `schema` is created when it is missing; without one, the server's `search_path` decides.
    /// Its name is folded to lower case, because Logflare writes it unquoted and an existing
    /// installation must be found again.
    pub fn parse(url: &str, schema: Option<&str>) -> Result<Self, InvalidServer> {
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(InvalidServer {
                reason: "a Postgres URL starts with postgresql:// \
                         (postgresql://user:password@host:5432/database)"
                    .to_owned(),
            });
        }
        let options = PgConnectOptions::from_str(url)
            .map_err(|error| InvalidServer { reason: describe(&error) })?
            // Statements hold people's logs and their SQL: they do not belong into ours.
            .disable_statement_logging();
        let options = match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("logweir"),
        };
        let schema = schema.map(SchemaName::parse).transpose()?;
        Ok(Self { options, schema })
    }

    pub(crate) fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    pub(crate) fn schema(&self) -> Option<&SchemaName> {
        self.schema.as_ref()
    }
}

/// sqlx prints a configuration error behind a prefix that says nothing here.
fn describe(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Configuration(reason) => format!("not a usable Postgres URL: {reason}"),
        other => format!("not a usable Postgres URL: {other}"),
    }
}

impl fmt::Debug for PostgresServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The password is in `options`; the address is what a reader of a log needs.
        f.debug_struct("PostgresServer")
            .field("address", &self.to_string())
            .field("schema", &self.schema.as_ref().map(SchemaName::as_str))
            .finish_non_exhaustive()
    }
}

/// The address without user and password, for messages.
impl fmt::Display for PostgresServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.options.get_socket() {
            Some(socket) => write!(f, "{}", socket.display())?,
            None => write!(f, "{}:{}", self.options.get_host(), self.options.get_port())?,
        }
        write!(f, "/{}", self.options.get_database().unwrap_or(self.options.get_username()))
    }
}

/// A schema name that can be written into SQL, quoted, without escaping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SchemaName(String);

impl SchemaName {
    /// Letters, digits and `_`, not starting with a digit, at most 63 bytes.
    pub(crate) fn parse(name: &str) -> Result<Self, InvalidServer> {
        let refuse = |why: &str| {
            Err(InvalidServer { reason: format!("`{name}` cannot be a schema name: {why}") })
        };
        let mut bytes = name.bytes();
        match bytes.next() {
            None => return refuse("it is empty"),
            Some(first) if first.is_ascii_alphabetic() || first == b'_' => {}
            Some(_) => return refuse("it must start with a letter or `_`"),
        }
        if !bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return refuse("it may only hold letters, digits and `_`");
        }
        if name.len() > 63 {
            return refuse("it is longer than 63 bytes");
        }
        let name = name.to_ascii_lowercase();
        if name.starts_with("pg_") || name == "information_schema" {
            return refuse("that name belongs to Postgres itself");
        }
        Ok(Self(name))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_and_tcp_urls_are_read() {
        let server =
            PostgresServer::parse("postgresql:///logs?host=%2Frun%2Fpg&user=me", None).unwrap();
        assert_eq!(server.to_string(), "/run/pg/logs");
        let server =
            PostgresServer::parse("postgres://u:p%40ss@db:6543/app", Some("_Analytics")).unwrap();
        assert_eq!(server.to_string(), "db:6543/app");
        assert_eq!(server.schema().unwrap().as_str(), "_analytics");
    }

    #[test]
    fn debug_shows_no_password() {
        let server = PostgresServer::parse("postgres://u:s3cret@db/app", None).unwrap();
        let shown = format!("{server:?} {server}");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("db:5432/app"), "{shown}");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let reason = |url: &str, schema: Option<&str>| {
            PostgresServer::parse(url, schema).unwrap_err().to_string()
        };
        assert!(reason("mysql://x", None).contains("starts with postgresql://"));
        assert!(reason("postgres://h:notaport/x", None).contains("port"));
        let url = "postgres://h/x";
        assert!(reason(url, Some("")).contains("empty"));
        assert!(reason(url, Some("1a")).contains("start with a letter"));
        assert!(reason(url, Some("a\"; drop table x")).contains("letters, digits"));
        let long = "a".repeat(64);
        assert!(reason(url, Some(&long)).contains("63 bytes"));
        assert!(reason(url, Some("pg_catalog")).contains("Postgres itself"));
    }
}
