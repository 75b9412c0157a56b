//! What can go wrong, in words for the operator.

use std::{io, path::PathBuf};

use crate::Position;

/// Why a spool cannot be opened. Damaged files are no reason.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it open.
    #[error("the spool in {} is in use; give every process a folder of its own", dir.display())]
    InUse {
        /// The folder.
        dir: PathBuf,
    },
    /// A file is in a format of the future.
    #[error(
        "{} was written by a newer program (format {version}); run that one until its spool is \
         empty, or move the file away", path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its format.
        version: u32,
    },
    /// It cannot be read how far the records were dealt with.
    #[error(
        "cannot read {} ({source}), which says what of the spool is stored already; nothing of the \
         spool is touched. Make the file readable and start again, or delete it if it is lost: all \
         that is on the spool is then stored, some of it a second time", path.display()
    )]
    Progress {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The folder or a file cannot be used.
    #[error(
        "cannot use {} for the spool: {source}; it must be on a disk that can be written, and \
         belong to the user that the program runs as", path.display()
    )]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

/// Why a record was not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// There is no room until records are dealt with.
    #[error("the spool is full: it may take {max_bytes} bytes on disk")]
    Full {
        /// Bytes that the files may take.
        max_bytes: u64,
    },
    /// There would be no room even in an empty spool.
    #[error("a record of {bytes} bytes does not fit in the spool, not even in an empty one")]
    TooLarge {
        /// Bytes of the record.
        bytes: usize,
    },
    /// The disk failed or is full. The record is not kept.
    #[error("cannot write the spool: {0}")]
    Io(String),
    /// The disk failed, and it is not certain that what it has of the record could be undone: it may
    /// come in spite of this after a crash, until [`doubt_settled`](crate::Spool::doubt_settled).
    #[error("cannot write the spool: {reason}")]
    InDoubt {
        /// What the operating system says.
        reason: String,
        /// The place where the record would come.
        position: Position,
    },
    /// The spool was closed.
    #[error("the spool is closed")]
    Closed,
}
