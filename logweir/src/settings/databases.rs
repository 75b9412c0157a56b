//! Where events and the catalog are stored.

use std::net::Ipv6Addr;

use store::PostgresServer;
use url::Url;

use super::variables::Variables;

/// The schema that Supabase gives to its analytics server.
const SUPABASE_SCHEMA: &str = "_analytics";

pub(super) const BACKEND_URL: &str = "POSTGRES_BACKEND_URL";
const BACKEND_SCHEMA: &str = "POSTGRES_BACKEND_SCHEMA";

/// Variables that mean nothing without `DB_HOSTNAME`.
const DEPENDENT: [&str; 7] = [
    "DB_DATABASE",
    "DB_USERNAME",
    "DB_PASSWORD",
    "DB_PORT",
    "DB_SCHEMA",
    "DB_SSL",
    "DB_SSL_CA_CERT_PATH",
];

/// Where events and the catalog are stored.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it, made once")]
pub(crate) enum Databases {
    /// In servers that the operator runs.
    Servers {
        /// Where events are stored.
        events: PostgresServer,
        /// Where the catalog is stored.
        catalog: PostgresServer,
    },
    /// In a private PostgreSQL that the program runs itself.
    Embedded {
        /// The schema of events and catalog.
        schema: String,
    },
}

impl Databases {
    /// `POSTGRES_BACKEND_URL` says where events go, `DB_*` where the catalog is; either alone
    /// stands for both, and neither for the embedded server.
    pub(super) fn read(variables: &mut Variables<'_>) -> Self {
        let events = read_backend(variables);
        let catalog = read_catalog(variables);
        match (events, catalog) {
            (Some(events), Some(catalog)) => Self::Servers { events, catalog },
            (Some(both), None) | (None, Some(both)) => {
                Self::Servers { events: both.clone(), catalog: both }
            }
            (None, None) => {
                let schema = variables.text(BACKEND_SCHEMA).unwrap_or(SUPABASE_SCHEMA);
                checked(variables, BACKEND_URL, "postgresql://", Some((BACKEND_SCHEMA, schema)));
                Self::Embedded { schema: schema.to_owned() }
            }
        }
    }
}

fn read_backend(variables: &mut Variables<'_>) -> Option<PostgresServer> {
    let url = variables.text(BACKEND_URL)?;
    let schema = variables.text(BACKEND_SCHEMA).map(|schema| (BACKEND_SCHEMA, schema));
    checked(variables, BACKEND_URL, url, schema)
}

fn read_catalog(variables: &mut Variables<'_>) -> Option<PostgresServer> {
    const NAME: &str = "DB_HOSTNAME";
    let Some(host) = variables.text(NAME) else {
        // A misspelt or forgotten host name must not quietly become another database.
        if let Some(other) = DEPENDENT.into_iter().find(|name| variables.text(name).is_some()) {
            variables.problem(
                NAME,
                format!("expected the database's host name, because {other} is set"),
            );
        }
        return None;
    };
    let user = required(variables, "DB_USERNAME", "the database user");
    let database = required(variables, "DB_DATABASE", "the name of the database");
    let port = variables.number("DB_PORT", 5432, 1..=u16::MAX);
    let ssl = read_ssl(variables);
    let server = Server {
        host,
        port,
        user: user?,
        password: variables.text("DB_PASSWORD"),
        database: database?,
        ssl,
    };
    let Some(url) = server.url() else {
        variables.problem(NAME, format!("expected a host name or an IP address, found `{host}`"));
        return None;
    };
    // With a backend URL too, each has the schema of its own variable.
    let alone = variables.text(BACKEND_URL).is_none();
    let schema = ["DB_SCHEMA", BACKEND_SCHEMA]
        .into_iter()
        .filter(|&name| alone || name != BACKEND_SCHEMA)
        .find_map(|name| Some((name, variables.text(name)?)));
    checked(variables, NAME, url.as_str(), schema)
}

fn required<'a>(variables: &mut Variables<'a>, name: &'static str, what: &str) -> Option<&'a str> {
    let value = variables.text(name);
    if value.is_none() {
        variables.problem(name, format!("expected {what}, because DB_HOSTNAME is set"));
    }
    value
}

/// `schema` is the name of its variable and its value.
fn checked(
    variables: &mut Variables<'_>,
    url_name: &'static str,
    url: &str,
    schema: Option<(&'static str, &str)>,
) -> Option<PostgresServer> {
    let without_schema = PostgresServer::parse(url, None)
        .map_err(|error| variables.problem(url_name, error.to_string()))
        .ok()?;
    let Some((schema_name, schema)) = schema else { return Some(without_schema) };
    PostgresServer::parse(url, Some(schema))
        .map_err(|error| variables.problem(schema_name, error.to_string()))
        .ok()
}

/// Whether and how the connection is encrypted.
enum Ssl<'a> {
    /// `DB_SSL` is not set: if the server offers it.
    Preferred,
    /// `DB_SSL=false`.
    Off,
    /// `DB_SSL=true`, without a certificate to check the server's against.
    Unchecked,
    /// `DB_SSL=true` with `DB_SSL_CA_CERT_PATH`.
    SignedBy(&'a str),
}

fn read_ssl<'a>(variables: &mut Variables<'a>) -> Ssl<'a> {
    const CERTIFICATE: &str = "DB_SSL_CA_CERT_PATH";
    match (variables.flag("DB_SSL"), variables.text(CERTIFICATE)) {
        (None, _) => Ssl::Preferred,
        (Some(false), _) => Ssl::Off,
        (Some(true), None) => Ssl::Unchecked,
        (Some(true), Some(path)) => {
            if let Err(error) = std::fs::File::open(path) {
                variables.problem(CERTIFICATE, format!("cannot read `{path}`: {error}"));
            }
            Ssl::SignedBy(path)
        }
    }
}

/// The `DB_*` variables.
struct Server<'a> {
    host: &'a str,
    port: u16,
    user: &'a str,
    password: Option<&'a str>,
    database: &'a str,
    ssl: Ssl<'a>,
}

impl Server<'_> {
    /// The same as a URL; none when there is no such host name.
    fn url(&self) -> Option<Url> {
        // A host is needed before user and password may be set.
        let mut url = Url::parse("postgresql://localhost").ok()?;
        if self.host.starts_with('/') {
            url.query_pairs_mut().append_pair("host", self.host);
        } else if self.host.parse::<Ipv6Addr>().is_ok() {
            url.set_host(Some(&format!("[{}]", self.host))).ok()?;
        } else if self.host.contains([':', '/', '?', '#', '@']) {
            // `set_host` would quietly take what comes before.
            return None;
        } else {
            url.set_host(Some(self.host)).ok()?;
        }
        url.set_port(Some(self.port)).ok()?;
        url.set_username(&keep_percent(self.user)).ok()?;
        url.set_password(self.password.map(keep_percent).as_deref()).ok()?;
        url.set_path(&keep_percent(self.database).replace('/', "%2F"));
        match self.ssl {
            Ssl::Preferred => {}
            Ssl::Off => _ = url.query_pairs_mut().append_pair("sslmode", "disable"),
            Ssl::Unchecked => _ = url.query_pairs_mut().append_pair("sslmode", "require"),
            Ssl::SignedBy(path) => {
                url.query_pairs_mut()
                    .append_pair("sslmode", "verify-ca")
                    .append_pair("sslrootcert", path);
            }
        }
        Some(url)
    }
}

/// `Url`'s setters encode every reserved character but the percent sign itself, so `a%41` would
/// be read back as `aA`.
fn keep_percent(text: &str) -> String {
    text.replace('%', "%25")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(host: &str, password: &str, ssl: Ssl<'_>) -> Option<String> {
        let server = Server {
            host,
            port: 6543,
            user: "supabase_admin",
            password: Some(password),
            database: "_supabase",
            ssl,
        };
        server.url().map(String::from)
    }

    #[test]
    fn a_password_may_hold_every_reserved_character() {
        let written = url("db", "a%41:/?#[]@ é\"", Ssl::Preferred).unwrap();
        assert_eq!(
            written,
            "postgresql://supabase_admin:a%2541%3A%2F%3F%23%5B%5D%40%20%C3%A9%22@db:6543/_supabase"
        );
    }

    #[test]
    fn a_database_name_stays_one_path_segment() {
        let server = Server {
            host: "db",
            port: 5432,
            user: "me",
            password: None,
            database: "a/b%c?d#e",
            ssl: Ssl::Preferred,
        };
        assert_eq!(server.url().unwrap().as_str(), "postgresql://me@db:5432/a%2Fb%25c%3Fd%23e");
    }

    #[test]
    fn hosts_are_names_addresses_and_socket_folders() {
        let of = |host| url(host, "p", Ssl::Preferred);
        assert_eq!(
            of("10.0.0.7").unwrap(),
            "postgresql://supabase_admin:p@10.0.0.7:6543/_supabase"
        );
        assert_eq!(of("::1").unwrap(), "postgresql://supabase_admin:p@[::1]:6543/_supabase");
        assert_eq!(
            of("/run/pg").unwrap(),
            "postgresql://supabase_admin:p@localhost:6543/_supabase?host=%2Frun%2Fpg"
        );
        assert_eq!(of("two words"), None);
        assert_eq!(of("db:5432"), None);
        assert_eq!(of("db/logs"), None);
    }

    #[test]
    fn encryption_is_what_db_ssl_says() {
        let of = |ssl| url("db", "p", ssl).unwrap();
        assert!(of(Ssl::Off).ends_with("?sslmode=disable"));
        assert!(of(Ssl::Unchecked).ends_with("?sslmode=require"));
        assert!(
            of(Ssl::SignedBy("/a b.pem")).ends_with("?sslmode=verify-ca&sslrootcert=%2Fa+b.pem")
        );
    }
}
