//! What URLs of other people's Postgres servers may say beside host, user, password and database.
//!
//! The driver understands more: other ways to name a host, which would win over that of the URL. And
//! what it does not understand it logs, with its value.

use url::Url;

/// Parameters that are understood.
const UNDERSTOOD: [&str; 7] =
    ["application_name", "host", "sslcert", "sslkey", "sslmode", "sslrootcert", "user"];

/// Those that hold no secrets. Any other may.
const HARMLESS: [&str; 6] =
    ["application_name", "host", "sslcert", "sslmode", "sslrootcert", "user"];

/// Those that do not say where a password goes, or how safely. Any other may, also one that is not
/// understood any more.
const BESIDE_THE_WAY: [&str; 5] = ["application_name", "password", "sslcert", "sslkey", "user"];

pub(crate) fn is_one(url: &Url) -> bool {
    matches!(url.scheme(), "postgres" | "postgresql")
}

pub(crate) fn may_be_secret(name: &str) -> bool {
    !HARMLESS.contains(&name)
}

pub(crate) fn may_say_where(name: &str) -> bool {
    !BESIDE_THE_WAY.contains(&name)
}

/// The URL, if nothing of it is unknown.
pub(crate) fn check(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("is no URL: {error}"))?;
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
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_is_refused() {
        for parameters in [
            "",
            "?sslmode=verify-full&sslrootcert=/ca.pem&application_name=a",
            "?host=/run/postgresql&user=me",
            "?sslcert=/c.pem&sslkey=/k.pem",
        ] {
            assert!(check(&format!("postgresql://h/d{parameters}")).is_ok(), "{parameters}");
        }
        for (parameters, said) in [
            ("?host=other", "no folder"),
            ("?host=/run&host=other", "no folder"),
            ("?hostaddr=192.0.2.1", "parameter hostaddr; understood are"),
            ("?port=1", "parameter port;"),
            ("?SSLMODE=disable", "parameter SSLMODE;"),
            ("?ssl-mode=disable", "parameter ssl-mode;"),
            ("?password=hidden", "parameter password;"),
            ("?options=-c%20a%3Db", "parameter options;"),
            ("?token=hidden", "parameter token;"),
        ] {
            let error = check(&format!("postgresql://h/d{parameters}")).unwrap_err();
            assert!(error.contains(said) && !error.contains("hidden"), "{error}");
        }
    }
}
