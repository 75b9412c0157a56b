//! What a receiver will not take, kept for a person to look at.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde::Serialize;
use serde_json::value::RawValue;

use crate::event::{Event, rfc3339};

/// In the drain's folder: a line of JSON for each event.
const FILE: &str = "put-aside.ndjson";

/// The lines before those, once there are many.
const OLDER: &str = "put-aside.older.ndjson";

/// Bytes after which a new file is begun in the place of the older one.
const MAX_BYTES: u64 = 16 << 20;

#[derive(Serialize)]
struct Line<'a> {
    put_aside_at: String,
    reason: &'a str,
    source: &'a str,
    event: Option<Box<RawValue>>,
}

/// The files of one drain.
#[derive(Debug, Clone)]
pub(crate) struct PutAside {
    dir: PathBuf,
    max_bytes: u64,
}

impl PutAside {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), max_bytes: MAX_BYTES }
    }

    /// Where the newest lines are.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.join(FILE)
    }

    /// Keeps events with the reason. `at` is in microseconds since 1970.
    pub(crate) async fn keep(&self, events: &[Event<'_>], reason: &str, at: i64) -> io::Result<()> {
        let mut lines = Vec::new();
        for event in events {
            let line = Line {
                put_aside_at: rfc3339(at),
                reason,
                source: event.source,
                event: RawValue::from_string(event.body.to_owned()).ok(),
            };
            // Texts and JSON always become JSON.
            lines.extend(serde_json::to_vec(&line).unwrap_or_default());
            lines.push(b'\n');
        }
        let files = self.clone();
        let writing = tokio::task::spawn_blocking(move || files.write(&lines));
        writing.await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    fn write(&self, lines: &[u8]) -> io::Result<()> {
        let path = self.path();
        if fs::metadata(&path).is_ok_and(|file| file.len() >= self.max_bytes) {
            fs::rename(&path, self.dir.join(OLDER))?;
        }
        let file = File::options().create(true).append(true).mode(0o600).open(&path);
        file?.write_all(lines)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::event::examples::EVENTS;

    #[tokio::test]
    async fn events_are_kept_with_the_reason_within_bounds() {
        let dir = tempfile::tempdir().unwrap();
        let files = PutAside { dir: dir.path().to_owned(), max_bytes: 100 };
        for round in 0..3 {
            files.keep(&EVENTS[..2], &format!("status 500: {round}"), 0).await.unwrap();
        }
        let read = |path: PathBuf| -> Vec<Value> {
            let text = fs::read_to_string(path).unwrap();
            text.lines().map(|line| line.parse().unwrap()).collect()
        };
        let newest = read(files.path());
        assert_eq!(newest.len(), 2);
        assert_eq!(newest[1]["event"]["id"], "b2");
        assert_eq!(newest[1]["source"], "auth");
        assert_eq!(newest[1]["reason"], "status 500: 2");
        assert_eq!(newest[1]["put_aside_at"], "1970-01-01T00:00:00.000000Z");
        assert_eq!(read(dir.path().join(OLDER))[0]["reason"], "status 500: 1");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
