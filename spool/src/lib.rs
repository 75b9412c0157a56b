//! A bounded queue of records on disk that survives crashes.
//!
//! What [`Spool::append`] has confirmed is durable, is given by [`Spool::take`] in its order, and is
//! given again after a crash until [`Spool::done`] says that it was dealt with: every record at
//! least once, whatever happens. A record is opaque bytes.
//!
//! Records are in files of about 16 MiB, the segments, which are written from begin to end and
//! deleted as a whole; their format stands in the module `segment`. This is no embedded database
//! (fjall, redb) because those sort by key and compact, while a queue is only ever appended to
//! and cut off at its front, and the space must come back at once when the disk is full. The crates
//! that are such logs are unmaintained or warn of being used.
//!
//! Damage costs only the records that it hits: whatever the folder holds, the spool opens. After a
//! write or a sync failed, the segment is given up and the next record begins a new one, so that
//! nothing confirmed ever depends on what a disk did with an error.
//!
//! What cannot be *read* is not damage yet: it is tried again for a minute. Then, or at the next
//! start, what can be read around it is given, and the file is kept as `….unreadable` for a person.
//! To bring it in when the disk is well again: stop the program, rename the file to `….segment`,
//! delete `progress`, and start; what had been given of it before comes again.
//! [`Spool::damage`] counts what was lost.

mod disk;
mod error;
mod ledger;
#[cfg(test)]
mod power_cut;
mod progress;
mod reader;
mod recovery;
mod segment;
mod segment_reader;
mod spool;
mod survey;
#[cfg(test)]
mod trial;
#[cfg(test)]
mod unreadable;
mod window;
mod writer;

#[cfg(any(feature = "fuzzing", test))]
#[doc(hidden)]
pub mod fuzzing;

pub use error::{AppendError, OpenError};
pub use spool::{Appending, Damage, Depth, Position, Recovery, Settings, Spool, Taken};
