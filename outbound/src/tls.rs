//! Whom the program trusts, and TLS for what is not HTTP.

use std::sync::{Arc, OnceLock};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use rustls_platform_verifier::Verifier;

/// Authorities that are trusted besides the system's.
static TRUSTED: OnceLock<Trusted> = OnceLock::new();

struct Trusted {
    pem: Vec<u8>,
    authorities: Vec<CertificateDer<'static>>,
}

/// What is no certificate, or no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPem {
    /// There is no certificate in it.
    #[error("holds no certificate; write PEM: -----BEGIN CERTIFICATE----- …")]
    NoCertificate,
    /// A certificate cannot be read.
    #[error("holds a certificate that cannot be read: {0}")]
    Certificate(String),
    /// There is no key in it.
    #[error("holds no private key; write PEM: -----BEGIN PRIVATE KEY----- …")]
    NoKey,
    /// They do not belong together, or cannot be used.
    #[error("cannot be used: {0}")]
    Unusable(String),
}

/// For connections in TLS.
#[derive(Debug, Clone, Copy, Default)]
pub struct TlsOptions<'a> {
    /// PEM of the only authorities that are trusted; else those of the system, and those that
    /// [`trust_also`] was told.
    pub authorities: Option<&'a str>,
    /// PEM of the certificate that is shown, and of its key.
    pub identity: Option<(&'a str, &'a str)>,
}

/// Trusts the authorities of a PEM file besides the system's, for all clients that are made from
/// now on. Only the first call counts. Gives their number.
///
/// # Errors
/// When there is none in it.
pub fn trust_also(pem: &[u8]) -> Result<usize, InvalidPem> {
    let trusted = Trusted { pem: pem.to_vec(), authorities: authorities(pem)? };
    Ok(TRUSTED.get_or_init(|| trusted).authorities.len())
}

/// PEM of the authorities that [`trust_also`] was told, for clients that are not made here.
pub fn also_trusted() -> Option<&'static [u8]> {
    TRUSTED.get().map(|trusted| trusted.pem.as_slice())
}

/// Those besides the system's.
pub(crate) fn trusted() -> &'static [CertificateDer<'static>] {
    TRUSTED.get().map_or(&[], |trusted| trusted.authorities.as_slice())
}

/// The provider of cryptography of all of the program.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// How to speak TLS to a server.
///
/// # Errors
/// What is wrong with the options.
pub fn tls(options: TlsOptions<'_>) -> Result<Arc<ClientConfig>, InvalidPem> {
    let unusable = |error: rustls::Error| InvalidPem::Unusable(error.to_string());
    let builder = ClientConfig::builder_with_provider(provider());
    let builder = builder.with_safe_default_protocol_versions().map_err(unusable)?;
    let builder = match options.authorities {
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for authority in authorities(pem.as_bytes())? {
                roots.add(authority).map_err(unusable)?;
            }
            builder.with_root_certificates(roots)
        }
        None => {
            let extra = trusted().iter().cloned();
            let verifier = Verifier::new_with_extra_roots(extra, provider()).map_err(unusable)?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        }
    };
    let config = match options.identity {
        Some((certificate, key)) => {
            let chain = certificates(certificate.as_bytes())?;
            let key =
                PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| InvalidPem::NoKey)?;
            builder.with_client_auth_cert(chain, key).map_err(unusable)?
        }
        None => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

/// Certificates that can be trusted.
fn authorities(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, InvalidPem> {
    let found = certificates(pem)?;
    let mut roots = RootCertStore::empty();
    for certificate in &found {
        let added = roots.add(certificate.clone());
        added.map_err(|error| InvalidPem::Certificate(error.to_string()))?;
    }
    Ok(found)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, InvalidPem> {
    let read = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let found = read.map_err(|error| InvalidPem::Certificate(error.to_string()))?;
    if found.is_empty() { Err(InvalidPem::NoCertificate) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTHORITY: &str = include_str!("../../tests/fixtures/tls/authority.pem");
    const SERVER: &str = include_str!("../../tests/fixtures/tls/server.pem");
    const SERVER_KEY: &str = include_str!("../../tests/fixtures/tls/server.key");

    #[test]
    fn pem_is_read_and_what_is_none_is_told() {
        let options = TlsOptions { authorities: Some(AUTHORITY), identity: None };
        tls(options).unwrap();
        tls(TlsOptions { identity: Some((SERVER, SERVER_KEY)), ..options }).unwrap();
        let error = |options| tls(options).unwrap_err();
        for text in ["", "no certificate", SERVER_KEY] {
            let options = TlsOptions { authorities: Some(text), identity: None };
            assert_eq!(error(options), InvalidPem::NoCertificate, "{text}");
        }
        let broken = AUTHORITY.replace("MII", "MIJ");
        let broken = TlsOptions { authorities: Some(&broken), identity: None };
        assert!(matches!(error(broken), InvalidPem::Certificate(_)));
        let no_key = TlsOptions { identity: Some((SERVER, AUTHORITY)), ..options };
        assert_eq!(error(no_key), InvalidPem::NoKey);
        let of_another = TlsOptions { identity: Some((AUTHORITY, SERVER_KEY)), ..options };
        assert!(matches!(error(of_another), InvalidPem::Unusable(_)));
        assert_eq!(trust_also(b"nothing"), Err(InvalidPem::NoCertificate));
    }
}
