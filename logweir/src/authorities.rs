//! Whom the program trusts besides those whom the system trusts.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why nobody else can be trusted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthoritiesError {
    /// The file is not there, or not for us.
    #[error("LOGWEIR_CA_FILE: {path} cannot be read: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file is not what it should be.
    #[error("LOGWEIR_CA_FILE: {path} {error}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// To be read after its name.
        error: outbound::InvalidPem,
    },
}

/// Trusts the authorities of a file besides the system's, for all that is sent out over TLS.
pub(crate) fn trust(file: &Path) -> Result<(), AuthoritiesError> {
    let path = || file.to_owned();
    let pem = std::fs::read(file)
        .map_err(|error| AuthoritiesError::Unreadable { path: path(), error })?;
    let count = outbound::trust_also(&pem)
        .map_err(|error| AuthoritiesError::Invalid { path: path(), error })?;
    tracing::info!(file = %file.display(), count, "authorities are trusted besides the system's");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_the_variable() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        for (content, said) in [(None, "cannot be read"), (Some("x"), "holds no certificate")] {
            if let Some(content) = content {
                std::fs::write(&file, content).unwrap();
            }
            let error = trust(&file).unwrap_err().to_string();
            assert!(error.contains("LOGWEIR_CA_FILE") && error.contains(said), "{error}");
        }
    }
}
