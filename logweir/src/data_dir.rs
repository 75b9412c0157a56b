//! The folder in which the program keeps what it makes itself.

use std::{
    fs::{self, DirBuilder, File, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// The folder exists and can be written to.
#[derive(Debug, Clone)]
pub(crate) struct DataDir {
    path: PathBuf,
}

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataDirError {
    /// It does not exist and cannot be made, or it is not a folder.
    #[error("the data folder {path} cannot be made: {error}. Set LOGWEIR_DATA_DIR to another one")]
    Create {
        /// The data folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It exists, but its lock file cannot be opened.
    #[error("the data folder {path} cannot be used: {error}. Set LOGWEIR_DATA_DIR to another one")]
    Lock {
        /// The data folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Another program runs its database there.
    #[error(
        "another logweir runs its database in {path}. Stop it, or set LOGWEIR_DATA_DIR to a \
         folder for each; to share one database, set POSTGRES_BACKEND_URL for both"
    )]
    InUse {
        /// The data folder.
        path: PathBuf,
    },
}

impl DataDirError {
    /// What is wrong, without what to do about it.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Create { error, .. } | Self::Lock { error, .. } => error.to_string(),
            Self::InUse { .. } => "another program uses it".to_owned(),
        }
    }
}

/// While this lives, no other program runs a database in the same data folder.
#[derive(Debug)]
pub(crate) struct DataDirLock {
    _file: LockedFile,
}

/// A file that is locked until this is gone: closing it is not enough, as a process that was just
/// forked has it open too until it becomes another program.
#[derive(Debug)]
pub(crate) struct LockedFile(pub(crate) File);

impl Drop for LockedFile {
    fn drop(&mut self) {
        // The system does it at the latest when all have closed it.
        let _ = self.0.unlock();
    }
}

impl DataDir {
    /// Makes the folder if it is missing.
    pub(crate) fn create(path: &Path) -> Result<Self, DataDirError> {
        let failed = |error| DataDirError::Create { path: path.to_owned(), error };
        if !path.is_dir() {
            // Others may pass through, because the database runs as another user than root;
            // each thing inside has a mode of its own.
            DirBuilder::new().recursive(true).create(path).map_err(failed)?;
            fs::set_permissions(path, Permissions::from_mode(0o755)).map_err(failed)?;
        }
        let path = path.canonicalize().map_err(failed)?;
        Ok(Self { path })
    }

    /// The folder: absolute, without symbolic links.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps other programs from running a database here.
    pub(crate) fn lock(&self) -> Result<DataDirLock, DataDirError> {
        let failed = |error| DataDirError::Lock { path: self.path.clone(), error };
        let file = File::options()
            .create(true)
            .write(true)
            .truncate(false)
            .open(self.path.join("lock"))
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(DataDirLock { _file: LockedFile(file) }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse { path: self.path.clone() }),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

/// Makes a folder that only its owner may enter; it must not exist.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_program_at_a_time() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::create(&temp.path().join("a/b")).unwrap();
        let lock = dir.lock().unwrap();
        let refused = dir.lock().unwrap_err();
        assert!(matches!(refused, DataDirError::InUse { .. }), "{refused}");
        drop(lock);
        dir.lock().unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_reported_with_its_variable() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("file");
        fs::write(&file, "").unwrap();
        let error = DataDir::create(&file.join("data")).unwrap_err().to_string();
        assert!(error.contains("LOGWEIR_DATA_DIR"), "{error}");
    }
}
