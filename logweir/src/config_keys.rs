//! The keys of backends' configs: chosen by the operator, or made on the first start and kept.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rand::{TryRngCore as _, rngs::OsRng};
use store::{CONFIG_KEY_BYTES, ConfigKeys};

use crate::{
    data_dir::DataDir,
    settings::{ChosenKeys, Key, decoded_key},
};

/// In the data folder, for its owner alone.
const FILE: &str = "encryption.key";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigKeysError {
    /// The file holds no key.
    #[error(
        "{0} holds no key of 32 bytes in base64. Restore it, or set LOGFLARE_DB_ENCRYPTION_KEY; \
         without it what the catalog keeps of backends cannot be read"
    )]
    NoKey(PathBuf),
    /// The file cannot be read, or made.
    #[error(
        "the key that encrypts configs of backends cannot be kept in {path}: {error}. Set \
         LOGFLARE_DB_ENCRYPTION_KEY, or LOGWEIR_DATA_DIR to a folder that can be written to"
    )]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: String,
    },
    /// The system has no random numbers, or no such cipher.
    #[error("the system cannot encrypt configs of backends")]
    Cipher,
}

/// Takes the chosen keys; reads a missing one from the data folder, or makes and keeps it. Without a
/// key backends cannot be used, and all else can.
pub(crate) fn resolve(chosen: ChosenKeys, data_dir: &Path) -> ConfigKeys {
    let current = chosen.current.map_or_else(|| kept(data_dir), Ok);
    let keys = current.and_then(|current| {
        ConfigKeys::new(current, chosen.retired).ok_or(ConfigKeysError::Cipher)
    });
    keys.unwrap_or_else(|error| {
        tracing::warn!("backends cannot be used: {error}");
        ConfigKeys::missing()
    })
}

fn kept(data_dir: &Path) -> Result<Key, ConfigKeysError> {
    let path = data_dir.join(FILE);
    let failed = |error: String| ConfigKeysError::File { path: path.clone(), error };
    DataDir::create(data_dir).map_err(|error| failed(error.reason()))?;
    // Two programs that start at once with one data folder agree on the key.
    let folder = File::open(data_dir);
    let _locked = folder.as_ref().is_ok_and(|folder| folder.lock().is_ok());
    match fs::read_to_string(&path) {
        Ok(text) => decoded_key(&text).ok_or_else(|| ConfigKeysError::NoKey(path.clone())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut key = [0; CONFIG_KEY_BYTES];
            OsRng.try_fill_bytes(&mut key).map_err(|_| ConfigKeysError::Cipher)?;
            write(&path, &key).map_err(|error| failed(error.to_string()))?;
            Ok(key)
        }
        Err(error) => Err(failed(error.to_string())),
    }
}

/// Whole or not at all: a part of a key would be none.
fn write(path: &Path, key: &Key) -> io::Result<()> {
    let part = path.with_extension("part");
    let mut options = File::options();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(format!("{}\n", BASE64_STANDARD.encode(key)).as_bytes())?;
    file.sync_all()?;
    fs::rename(&part, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_for_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("data");
        let key = kept(&dir).unwrap();
        assert_eq!(kept(&dir).unwrap(), key);
        assert_ne!(key, [0; CONFIG_KEY_BYTES]);
        let mode = fs::metadata(dir.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(dir.join(FILE), "AAEC").unwrap();
        let error = kept(&dir).unwrap_err().to_string();
        assert!(error.contains("LOGFLARE_DB_ENCRYPTION_KEY"), "{error}");
        // Who chose one needs no folder.
        let chosen = ChosenKeys { current: Some(key), retired: None };
        resolve(chosen, Path::new("/proc/nothing"));
        let error = kept(Path::new("/proc/nothing")).unwrap_err().to_string();
        assert!(error.contains("LOGFLARE_DB_ENCRYPTION_KEY"), "{error}");
    }
}
