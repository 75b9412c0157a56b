//! A folder on a small disk.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// Waits until it is told to end, also by the death of whoever holds its input, then unmounts.
const COMPANION: &str = r#"read -r _; umount -l "$1"; rmdir "$1""#;

/// A file system in memory of a limited size, gone when it is dropped and when the process ends in
/// any other way.
#[derive(Debug)]
pub(super) struct LimitedFolder {
    folder: PathBuf,
    companion: Child,
}

impl LimitedFolder {
    /// Mounts one of so many bytes, which only root may do.
    ///
    /// # Errors
    /// Why it cannot be.
    pub(super) fn mount(bytes: u64) -> Result<Self, String> {
        let folder =
            std::env::temp_dir().join(format!("logweir-small-disk-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let size = format!("size={bytes}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "logweir-small-disk"])
            .arg(&folder)
            .output()
            .map_err(|error| format!("mount: {error}"))?;
        if !mounted.status.success() {
            let _ = fs::remove_dir(&folder);
            let why = String::from_utf8_lossy(&mounted.stderr);
            return Err(format!("no small file system can be mounted: {}", why.trim()));
        }
        let companion = Command::new("/bin/sh")
            .args(["-c", COMPANION, "sh"])
            .arg(&folder)
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|error| format!("sh: {error}"))?;
        Ok(Self { folder, companion })
    }

    /// A folder in it, for the program.
    pub(super) fn data_dir(&self) -> String {
        self.folder.join("data").display().to_string()
    }
}

impl Drop for LimitedFolder {
    fn drop(&mut self) {
        drop(self.companion.stdin.take());
        let _ = self.companion.wait();
    }
}
