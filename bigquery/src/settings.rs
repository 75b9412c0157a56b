//! What the client needs to know.

use url::Url;

use crate::Credentials;

/// What the client needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The project that holds the dataset and is billed.
    pub project: String,
    /// The dataset of the tables, without its project.
    pub dataset: String,
    /// Where a dataset is made that is not there, such as `US` or `europe-west1`, and where queries
    /// run.
    pub location: String,
    /// Who we are.
    pub credentials: Credentials,
    /// The REST API, down to its version: `https://bigquery.googleapis.com/bigquery/v2`.
    pub rest_url: Url,
    /// The Storage Write API: `https://bigquerystorage.googleapis.com`. Without encryption when it
    /// says `http`.
    pub storage_url: Url,
    /// How rows go in.
    pub write_method: WriteMethod,
    /// Streams over which rows go, for all tables together.
    pub append_streams: usize,
    /// What a query may cost at most, in bytes processed.
    pub maximum_bytes_billed: Option<u64>,
}

/// How rows go in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WriteMethod {
    /// The Storage Write API, over gRPC.
    #[default]
    Storage,
    /// `tabledata.insertAll`, over plain HTTP, where gRPC is blocked. It costs twice as much.
    InsertAll,
}
