//! The system user that runs PostgreSQL.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::fs::{MetadataExt as _, chown},
    path::Path,
    process::Stdio,
};

use tokio::process::Command;

use super::{Cluster, Error};

/// The system user that runs PostgreSQL: ours, or, because PostgreSQL refuses root, another.
#[derive(Debug, Clone)]
pub(super) struct Account {
    other: Option<User>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct User {
    name: String,
    uid: u32,
    gid: u32,
}

impl Account {
    /// As root: the owner of an existing cluster, else `postgres`, else `nobody`.
    pub(super) fn choose(cluster: &Cluster) -> Result<Self, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { other: None });
        }
        if cluster.major()?.is_some() {
            let owner = cluster.owner()?;
            if owner.uid() == 0 {
                return Err(Error::OwnedByRoot(cluster.path().to_owned()));
            }
            let name = format!("#{}", owner.uid());
            return Ok(Self { other: Some(User { name, uid: owner.uid(), gid: owner.gid() }) });
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let user = ["postgres", "nobody"].into_iter().find_map(|name| User::find(&users, name));
        user.map(|user| Self { other: Some(user) }).ok_or(Error::NoUser)
    }

    /// Gives a file or folder to the user.
    pub(super) fn give(&self, path: &Path) -> io::Result<()> {
        match &self.other {
            Some(user) => chown(path, Some(user.uid), Some(user.gid)),
            None => Ok(()),
        }
    }

    /// A command that the user runs, apart from our terminal and without our environment: the
    /// variables of libpq would change what PostgreSQL does, and our secrets are not its business.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs([("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LC_ALL", "C"), ("TZ", "UTC")])
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(user) = &self.other {
            command.uid(user.uid).gid(user.gid);
        }
        command
    }

    /// Whether the user may pass into a folder; always yes for our own.
    pub(super) async fn may_enter(&self, folder: &Path) -> Result<(), Error> {
        let Some(user) = &self.other else { return Ok(()) };
        let entered = self
            .command("/bin/sh")
            .args(["-c", r#"cd -- "$1""#, "sh"])
            .arg(folder)
            .status()
            .await
            .map_err(|error| Error::system("/bin/sh cannot be run", error))?;
        if entered.success() {
            return Ok(());
        }
        Err(Error::MayNotEnter { user: user.name.clone(), folder: folder.to_owned() })
    }
}

impl User {
    /// Finds a user in the text of `/etc/passwd`.
    fn find(users: &str, name: &str) -> Option<Self> {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next()? != name {
                return None;
            }
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some(Self { name: name.to_owned(), uid, gid })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_exact_name() {
        let users = "root:x:0:0:root:/root:/bin/sh\n\
                     postgres2:x:7:7::/:/bin/sh\n\
                     broken:x\n\
                     postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash\n";
        let found = User::find(users, "postgres").unwrap();
        assert_eq!((found.uid, found.gid), (101, 104));
        assert_eq!(User::find(users, "broken"), None);
        assert_eq!(User::find(users, "nobody"), None);
    }
}
