//! A client of BigQuery: tables, rows over the Storage Write API, and queries.
//!
//! It knows nothing of where its settings come from, and no other database.

mod append;
mod appending;
mod bad_rows;
mod cells;
mod check;
mod columns;
mod columns_in_use;
mod credentials;
mod descriptor;
mod encode;
mod error;
mod fit;
mod insert_all;
mod jobs;
mod json_rows;
mod layout;
pub mod messages;
mod names;
mod place;
mod proto_rows;
mod requests;
mod resource;
mod rest;
mod retry;
mod settings;
mod table;
mod writer;

pub use appending::Progress;
pub use check::{Finding, Outcome, check};
pub use columns::AsText;
pub use credentials::Credentials;
pub use encode::Misfit;
pub use error::{Error, StorageFault};
pub use insert_all::{InsertRow, RowError};
pub use jobs::{Query, QueryFailure, Rows, label};
pub use names::{column_key, dataset_id, table_id};
pub use resource::{
    Clustering, Column, ColumnType, Mode, Partitioning, PartitioningUnit, Schema, Table,
    TableReference,
};
pub use rest::{Rest, TablePatch};
pub use retry::{BackOff, Retry};
pub use settings::{Settings, WriteMethod};
pub use table::{EncodedRows, OpenTable, Target, WaitingRows};
pub use writer::Writer;
