//! The folder with the server's Unix socket.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use rand::Rng as _;
use url::Url;

use super::{Error, account::Account, cluster::ROLE};
use crate::data_dir::create_private_dir;

/// The system takes 107 bytes for the whole path; PostgreSQL adds `/.s.PGSQL.5432` to ours.
const LONGEST: usize = 90;

/// A folder that only the server and we may enter, so that nobody else reaches the socket.
#[derive(Debug)]
pub(super) struct SocketDir {
    path: String,
    temporary: bool,
}

impl SocketDir {
    /// `<data dir>/run`, or a folder of this start below `temp_dir` where that path is too long.
    pub(super) fn create(
        data_dir: &Path,
        temp_dir: &Path,
        account: &Account,
    ) -> Result<Self, Error> {
        let wanted = data_dir.join("run");
        let dir = match wanted.to_str() {
            Some(path) if path.len() <= LONGEST => Self { path: path.to_owned(), temporary: false },
            _ => Self::below(temp_dir)?,
        };
        dir.prepare(account).map_err(|error| {
            Error::system(format!("cannot make the folder {}", dir.path), error)
        })?;
        Ok(dir)
    }

    fn below(temp_dir: &Path) -> Result<Self, Error> {
        // Nobody can foresee the name, and a folder that is already there is refused.
        let name = format!("logweir-{:016x}", rand::rng().random::<u64>());
        match temp_dir.join(name).into_os_string().into_string() {
            Ok(path) if path.len() <= LONGEST => Ok(Self { path, temporary: true }),
            _ => Err(Error::LongTempDir(temp_dir.to_owned())),
        }
    }

    fn prepare(&self, account: &Account) -> io::Result<()> {
        let path = Path::new(&self.path);
        match create_private_dir(path) {
            Err(error) if self.temporary || error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(error);
            }
            _ => {}
        }
        fs::set_permissions(path, Permissions::from_mode(0o700))?;
        account.give(path)
    }

    /// The server setting `unix_socket_directories`: a list, whose elements are quoted.
    pub(super) fn setting(&self) -> String {
        format!("unix_socket_directories=\"{}\"", self.path.replace('"', "\"\""))
    }

    /// How to connect. Port and encryption are named, because clients would take defaults for
    /// them from the environment.
    pub(super) fn url(&self) -> Result<String, url::ParseError> {
        let mut url = Url::parse("postgresql:///postgres")?;
        url.query_pairs_mut()
            .append_pair("host", &self.path)
            .append_pair("port", "5432")
            .append_pair("user", ROLE)
            .append_pair("sslmode", "disable");
        Ok(url.into())
    }
}

impl Drop for SocketDir {
    fn drop(&mut self) {
        if self.temporary {
            // Best effort: an empty folder of a few bytes.
            _ = fs::remove_dir_all(PathBuf::from(&self.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir(path: &str) -> SocketDir {
        SocketDir { path: path.to_owned(), temporary: false }
    }

    #[test]
    fn paths_are_quoted_for_the_server_and_for_clients() {
        let dir = dir("/a b/c\"d,e&f");
        assert_eq!(dir.setting(), "unix_socket_directories=\"/a b/c\"\"d,e&f\"");
        assert_eq!(
            dir.url().unwrap(),
            "postgresql:///postgres?host=%2Fa+b%2Fc%22d%2Ce%26f&port=5432&user=logweir&sslmode=disable"
        );
    }

    #[test]
    fn a_path_that_is_too_long_for_a_socket_moves_to_the_temporary_folder() {
        let temp = tempfile::tempdir().unwrap();
        let long = temp.path().join("x".repeat(100));
        let dir = SocketDir::below(temp.path()).unwrap();
        assert!(dir.path.len() <= LONGEST, "{}", dir.path);
        let error = SocketDir::below(&long).unwrap_err();
        assert!(matches!(error, Error::LongTempDir(_)), "{error}");
    }
}
