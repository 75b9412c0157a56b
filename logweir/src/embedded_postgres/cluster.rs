//! The folder with the database files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Error, account::Account, binaries::Installation};
use crate::data_dir::create_private_dir;

/// The one database role: ours. Who may reach the socket may use it, and only we may.
pub(super) const ROLE: &str = "logweir";

/// The folder with the database files, `<data dir>/postgres`; it may not exist yet.
#[derive(Debug)]
pub(super) struct Cluster {
    path: PathBuf,
}

impl Cluster {
    /// Resolves symbolic links, because running processes are recognised by the folder.
    pub(super) fn of(data_dir: &Path) -> Self {
        let path = data_dir.join("postgres");
        Self { path: path.canonicalize().unwrap_or(path) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whose files they are.
    pub(super) fn owner(&self) -> Result<fs::Metadata, Error> {
        self.path.metadata().map_err(|error| self.unreadable(error))
    }

    /// The major version of PostgreSQL that wrote the files; none when there are none.
    pub(super) fn major(&self) -> Result<Option<u32>, Error> {
        match fs::read_to_string(self.path.join("PG_VERSION")) {
            Ok(text) => match text.trim().parse() {
                Ok(major) => Ok(Some(major)),
                Err(_) => Err(Error::NotACluster(self.path.clone())),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.unreadable(error)),
        }
    }

    fn unreadable(&self, error: io::Error) -> Error {
        Error::system(format!("cannot read {}", self.path.display()), error)
    }

    /// Makes the files. They appear under their name only when they are complete, so a start that
    /// is interrupted here is simply made again.
    pub(super) async fn create(
        &self,
        installation: &Installation,
        account: &Account,
    ) -> Result<(), Error> {
        if self.path.exists() {
            return Err(Error::NotACluster(self.path.clone()));
        }
        let unfinished = self.path.with_extension("new");
        let failed = |error| Error::system(format!("cannot make {}", self.path.display()), error);
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        create_private_dir(&unfinished).map_err(failed)?;
        account.give(&unfinished).map_err(failed)?;
        let initdb = account
            .command(installation.program("initdb"))
            .args(["--auth=trust", "--encoding=UTF8", "--no-locale", "--username", ROLE])
            .arg("--pgdata")
            .arg(&unfinished)
            .kill_on_drop(true)
            .output()
            .await
            .map_err(failed)?;
        if !initdb.status.success() {
            let text = String::from_utf8_lossy(&initdb.stderr).trim().to_owned();
            return Err(Error::Initdb { path: self.path.clone(), text });
        }
        fs::rename(&unfinished, &self.path).map_err(failed)
    }
}
