//! What URLs of other people's Postgres servers may say beside host, user, password and database.
//!
//! The driver understands more: other ways to name a host, which would win over that of the URL. And
//! what it does not understand it logs, with its value. What is given may say neither; what was kept
//! before that was looked at goes on as it did.

use url::Url;

/// Parameters that may be given.
const UNDERSTOOD: [&str; 7] =
    ["application_name", "host", "sslcert", "sslkey", "sslmode", "sslrootcert", "user"];

/// All that the driver understands, but for `options[…]`.
const OF_THE_DRIVER: [&str; 18] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// Those that hold secrets. What the driver does not understand may too.
const SECRET: [&str; 4] = ["options", "password", "ssl-key", "sslkey"];

/// Those that say where a password goes, or how safely.
const SAYS_WHERE: [&str; 8] =
    ["host", "hostaddr", "port", "ssl-ca", "ssl-mode", "ssl-root-cert", "sslmode", "sslrootcert"];

pub(crate) fn is_one(url: &Url) -> bool {
    matches!(url.scheme(), "postgres" | "postgresql")
}

pub(crate) fn may_be_secret(name: &str) -> bool {
    SECRET.contains(&name) || !OF_THE_DRIVER.contains(&name)
}

pub(crate) fn says_where(name: &str) -> bool {
    SAYS_WHERE.contains(&name)
}

/// The text, if it is a URL that may be given: nothing of it is unknown, and it names whom it is for,
/// as otherwise our own environment would.
pub(crate) fn check(text: &str) -> Result<(), String> {
    let url = parse(text)?;
    for (name, value) in url.query_pairs() {
        if !UNDERSTOOD.contains(&&*name) {
            let understood = UNDERSTOOD.join(", ");
            return Err(format!("has the parameter {name}; understood are {understood}"));
        }
        if name == "host" && !value.starts_with('/') {
            return Err("has a parameter host that is no folder of a socket: name a host in \
                        the place of postgresql://HOST/"
                .to_owned());
        }
    }
    if url.host_str().is_none_or(str::is_empty) && parameter(&url, "host").is_none() {
        return Err(
            "must name a host, postgresql://USER@HOST/DATABASE, or the folder of a socket, \
                    postgresql:///DATABASE?host=/FOLDER&user=USER"
                .to_owned(),
        );
    }
    if url.username().is_empty() && parameter(&url, "user").is_none_or(|user| user.is_empty()) {
        return Err("must name a user: postgresql://USER@HOST/DATABASE".to_owned());
    }
    Ok(())
}

/// A URL that was kept, as the driver may get it: nothing in it is unknown.
pub(crate) fn kept(text: &str) -> Result<Url, String> {
    let mut url = parse(text)?;
    let is_known = |name: &str| OF_THE_DRIVER.contains(&name) || name.starts_with("options[");
    let known = url.query_pairs().filter(|(name, _)| is_known(name));
    let known: Vec<_> =
        known.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    if known.len() != url.query_pairs().count() {
        url.query_pairs_mut().clear().extend_pairs(known);
    }
    Ok(url)
}

/// The same, with all that may be said of what it leaves open: our own environment, which is for our
/// own database, would say it otherwise.
pub(crate) fn with_all_said(mut url: Url) -> Url {
    if url.password().is_none() && parameter(&url, "password").is_none() {
        url.query_pairs_mut().append_pair("password", "");
    }
    if url.path().trim_matches('/').is_empty() && parameter(&url, "dbname").is_none() {
        // As everywhere with Postgres, it is named like the user.
        match parameter(&url, "user") {
            Some(user) => drop(url.query_pairs_mut().append_pair("dbname", &user)),
            None => {
                let user = url.username().to_owned();
                url.set_path(&user);
            }
        }
    }
    if url.port().is_none() && parameter(&url, "port").is_none() {
        url.query_pairs_mut().append_pair("port", "5432");
    }
    if parameter(&url, "sslmode").or_else(|| parameter(&url, "ssl-mode")).is_none() {
        url.query_pairs_mut().append_pair("sslmode", "prefer");
    }
    if parameter(&url, "application_name").is_none() {
        url.query_pairs_mut().append_pair("application_name", "logweir");
    }
    url
}

fn parse(text: &str) -> Result<Url, String> {
    Url::parse(text).map_err(|error| format!("is no URL: {error}"))
}

/// The value of a parameter: of several, the last one counts.
fn parameter(url: &Url, name: &str) -> Option<String> {
    let values = url.query_pairs().filter(|(other, _)| other == name);
    values.last().map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_is_refused() {
        for given in [
            "postgresql://u@h/d",
            "postgresql://u:p@h",
            "postgresql://u@%2Frun%2Fpg/d",
            "postgresql://h/d?user=u",
            "postgresql://u@h/d?sslmode=verify-full&sslrootcert=/ca.pem&application_name=a",
            "postgresql:///d?host=/run/postgresql&user=me",
            "postgresql://u@h/d?sslcert=/c.pem&sslkey=/k.pem",
        ] {
            assert_eq!(check(given), Ok(()), "{given}");
        }
        for (given, said) in [
            ("postgresql://u@h/d?host=other", "no folder"),
            ("postgresql://u@h/d?host=/run&host=other", "no folder"),
            ("postgresql://u@h/d?hostaddr=192.0.2.1", "parameter hostaddr; understood are"),
            ("postgresql://u@h/d?port=1", "parameter port;"),
            ("postgresql://u@h/d?SSLMODE=disable", "parameter SSLMODE;"),
            ("postgresql://u@h/d?ssl-mode=disable", "parameter ssl-mode;"),
            ("postgresql://u@h/d?password=hidden", "parameter password;"),
            ("postgresql://u@h/d?options=-c%20a%3Db", "parameter options;"),
            ("postgresql://u@h/d?token=hidden", "parameter token;"),
            ("postgresql:///d?user=u", "must name a host"),
            ("postgresql:///", "must name a host"),
            ("postgresql://h/d", "must name a user"),
            ("postgresql:///d?host=/run&user=", "must name a user"),
        ] {
            let error = check(given).unwrap_err();
            assert!(error.contains(said) && !error.contains("hidden"), "{given}: {error}");
        }
    }

    /// The driver logs what it does not know, with its value.
    #[test]
    fn what_was_kept_goes_to_the_driver_without_what_it_does_not_know() {
        for (parameters, expected) in [
            ("?connect_timeout=10", ""),
            ("?pgbouncer=true&sslmode=require", "?sslmode=require"),
            ("?token=hidden&options=-c%20a%3Db", "?options=-c+a%3Db"),
            ("?host=/run&user=u", "?host=/run&user=u"),
            (
                "?hostaddr=192.0.2.1&port=6&dbname=e&password=p&options[a]=b&ssl-mode=disable",
                "?hostaddr=192.0.2.1&port=6&dbname=e&password=p&options[a]=b&ssl-mode=disable",
            ),
        ] {
            let kept = kept(&format!("postgresql://u:p@h/d{parameters}")).unwrap();
            let kept = kept.as_str().trim_end_matches('?');
            assert_eq!(kept, format!("postgresql://u:p@h/d{expected}"), "{parameters}");
        }
    }
}
