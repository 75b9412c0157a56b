//! The HTTP client of all that the program itself sends out: drains, notifications, alerts; and whom
//! it trusts.

mod tls;

use std::{error::Error, time::Duration};

use reqwest::{Certificate, Client, ClientBuilder, redirect::Policy};

pub use tls::{InvalidPem, TlsOptions, also_trusted, tls, trust_also};

/// Until a connection stands.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// For a request with its answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Which versions of HTTP are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HttpVersion {
    /// HTTP/2 where a server offers it in TLS, else HTTP/1.1.
    #[default]
    Any,
    /// HTTP/1.1 alone.
    Http1,
}

/// A client: TLS by rustls, with the certificates that the system trusts, and those that
/// [`trust_also`] was told. Redirects are not
/// followed: what is sent was meant for one place.
///
/// # Errors
/// When the system gives what a client needs for no connection at all.
pub fn client(version: HttpVersion) -> Result<Client, reqwest::Error> {
    builder(version).build().or_else(|error| {
        // Where the system has no certificates, what is not encrypted can be reached at least.
        tracing::warn!(%error, "https:// cannot be reached: install the system's certificates");
        builder(version).tls_certs_only([]).build()
    })
}

fn builder(version: HttpVersion) -> ClientBuilder {
    // Refused when one is there already, which is the same: no other is compiled.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("logweir/", env!("CARGO_PKG_VERSION")))
        .tls_certs_merge(trusted())
        .redirect(Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT);
    match version {
        HttpVersion::Any => builder,
        HttpVersion::Http1 => builder.http1_only(),
    }
}

/// An error with what led to it, which says more than it does alone: `error sending request: client
/// error (Connect): Connection refused`. What is said already is not said again.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

fn trusted() -> impl Iterator<Item = Certificate> {
    // They were read before.
    tls::trusted().iter().filter_map(|authority| Certificate::from_der(authority).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once() {
        let lowest = std::io::Error::other("the key is worn");
        let middle = std::io::Error::other(lowest);
        let highest = Box::new(std::io::Error::other(Outer(middle)));
        assert_eq!(with_causes(&*highest), "cannot sign: the key is worn");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("cannot sign")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn clients_can_be_made() {
        for version in [HttpVersion::Any, HttpVersion::Http1] {
            client(version).unwrap();
            // Also where the system trusts nobody.
            builder(version).tls_certs_only([]).build().unwrap();
        }
    }
}
