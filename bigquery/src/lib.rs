//! A client of BigQuery: tables, rows over the Storage Write API, and queries.
//!
//! It knows nothing of where its settings come from, and no other database.

mod cells;
mod credentials;
mod error;
mod insert_all;
mod jobs;
mod names;
mod resource;
mod rest;
mod settings;

pub use credentials::Credentials;
pub use error::{Error, StorageFault};
pub use insert_all::{InsertRow, RowError};
pub use jobs::{Query, QueryFailure, Rows, label};
pub use names::{column_key, dataset_id, table_id};
pub use resource::{
    Clustering, Column, ColumnType, Mode, Partitioning, PartitioningUnit, Schema, Table,
    TableReference,
};
pub use rest::{Rest, TablePatch};
pub use settings::{Settings, WriteMethod};
