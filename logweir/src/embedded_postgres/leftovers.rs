//! Servers that outlived the program that started them.
//!
//! The caller holds the lock of the data folder, so a server that runs in it has lost its program
//! (`kill -9`, in a moment when the companion could not act either).

use std::{
    fs, io,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use super::{Cluster, Error};

/// How long a server may take for its last checkpoint.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often we look whether it has gone.
const POLL: Duration = Duration::from_millis(10);

/// Stops what still runs in the folder.
pub(super) async fn stop(cluster: &Cluster) -> Result<(), Error> {
    let mut running = find(cluster);
    if running.is_empty() {
        return remove_misleading_pid_file(cluster);
    }
    tracing::warn!(processes = ?pids(&running), "stopping the server that the last run left behind");
    for process in &running {
        process.end();
    }
    let deadline = Instant::now() + PATIENCE;
    while !running.is_empty() {
        if Instant::now() > deadline {
            return Err(Error::Leftover { pids: pids(&running) });
        }
        sleep(POLL).await;
        running = find(cluster);
    }
    Ok(())
}

/// A process of a server in the folder.
#[derive(Debug)]
struct Leftover {
    pid: Pid,
    is_postmaster: bool,
}

impl Leftover {
    fn end(&self) {
        // To a postmaster SIGINT means "roll back and stop"; to a backend "cancel the query".
        let signal = if self.is_postmaster { Signal::INT } else { Signal::TERM };
        if let Err(error) = kill_process(self.pid, signal) {
            tracing::debug!(?self.pid, %error, "a leftover process cannot be signalled");
        }
    }
}

fn pids(processes: &[Leftover]) -> Vec<i32> {
    processes.iter().map(|process| process.pid.as_raw_nonzero().get()).collect()
}

/// All processes that run PostgreSQL in the folder, as far as the system lets us see.
fn find(cluster: &Cluster) -> Vec<Leftover> {
    all_servers()
        .filter_map(|(pid, proc)| {
            let is_postmaster = names_folder(&proc, cluster.path());
            // A container's root may not read this link, but every command line.
            let works_there = proc.join("cwd").read_link().is_ok_and(|cwd| cwd == cluster.path());
            (is_postmaster || works_there).then_some(Leftover { pid, is_postmaster })
        })
        .collect()
}

/// Every running process called `postgres`, with its folder in `/proc`.
fn all_servers() -> impl Iterator<Item = (Pid, PathBuf)> {
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
        let proc = entry.path();
        (is_server(&proc) && !is_zombie(&proc)).then_some((pid, proc))
    })
}

fn is_server(proc: &Path) -> bool {
    fs::read_to_string(proc.join("comm")).is_ok_and(|name| name.trim_end() == "postgres")
}

/// Ended, but not yet collected by its parent, which need not ever do so.
fn is_zombie(proc: &Path) -> bool {
    fs::read_to_string(proc.join("stat"))
        .is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('Z')))
}

/// Whether the command line has the folder as an argument: only a postmaster keeps its own.
fn names_folder(proc: &Path, folder: &Path) -> bool {
    fs::read(proc.join("cmdline")).is_ok_and(|line| {
        line.split(|&byte| byte == 0).any(|argument| argument == folder.as_os_str().as_bytes())
    })
}

/// Removes a `postmaster.pid` whose number now belongs to something else.
///
/// In a container the same few numbers come again on each start, and PostgreSQL takes any living
/// process with that number for a server. But the file also guards against backends that outlived
/// their postmaster, so it stays unless there can be none.
fn remove_misleading_pid_file(cluster: &Cluster) -> Result<(), Error> {
    let path = cluster.path().join("postmaster.pid");
    let Some(pid) = read_pid(&path) else { return Ok(()) };
    let proc = Path::new("/proc").join(pid.as_raw_nonzero().to_string());
    if !proc.exists() || is_server(&proc) || may_have_backends(cluster) {
        return Ok(());
    }
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::system(format!("cannot remove {}", path.display()), error))
        }
        _ => Ok(()),
    }
}

/// Whether a server of the same user runs in a folder that we are not allowed to see.
fn may_have_backends(cluster: &Cluster) -> bool {
    let Ok(owner) = cluster.path().metadata().map(|folder| folder.uid()) else { return true };
    all_servers().any(|(_, proc)| {
        proc.metadata().is_ok_and(|process| process.uid() == owner)
            && proc.join("cwd").read_link().is_err()
    })
}

/// The number in the first line of a `postmaster.pid`.
fn read_pid(path: &Path) -> Option<Pid> {
    let text = fs::read_to_string(path).ok()?;
    Pid::from_raw(text.lines().next()?.trim().parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster_with_pid(pid: impl std::fmt::Display) -> (tempfile::TempDir, PathBuf, Cluster) {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("postgres");
        fs::create_dir(&folder).unwrap();
        let file = folder.join("postmaster.pid");
        fs::write(&file, format!("{pid}\n{}\n", folder.display())).unwrap();
        let cluster = Cluster::of(dir.path());
        (dir, file, cluster)
    }

    #[tokio::test]
    async fn a_number_that_now_belongs_to_another_program_does_not_mislead() {
        if !Path::new("/proc/self").exists() {
            eprintln!("SKIPPED: this system has no /proc");
            return;
        }
        let (_dir, file, cluster) = cluster_with_pid(std::process::id());
        if may_have_backends(&cluster) {
            eprintln!("SKIPPED: a server runs here whose folder this user may not see");
            return;
        }
        stop(&cluster).await.unwrap();
        assert!(!file.exists());
    }

    #[tokio::test]
    async fn a_dead_number_is_left_to_postgres() {
        // Above the largest number that Linux gives.
        let (_dir, file, cluster) = cluster_with_pid(1 << 30);
        stop(&cluster).await.unwrap();
        assert!(file.exists());
    }

    #[tokio::test]
    async fn a_damaged_file_is_left_to_postgres() {
        let (_dir, file, cluster) = cluster_with_pid("-12 garbage");
        stop(&cluster).await.unwrap();
        assert!(file.exists());
    }
}
