//! Tables as the REST API writes them. What is not known here is kept as it came, so that a table
//! can be given back changed in one place.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    /// Which it is.
    pub table_reference: TableReference,
    /// Its columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Schema>,
    /// By what time it is cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_partitioning: Option<Partitioning>,
    /// By what it is sorted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clustering: Option<Clustering>,
    /// Whether queries must say which partitions they read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_partition_filter: Option<bool>,
    /// For people, and for bills.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The version of the table, for `If-Match`.
    #[serde(default, skip_serializing)]
    pub etag: Option<String>,
}

/// The name of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TableReference {
    /// The project.
    pub project_id: String,
    /// The dataset.
    pub dataset_id: String,
    /// The table.
    pub table_id: String,
}

/// Columns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// The columns in their order.
    #[serde(default)]
    pub fields: Vec<Column>,
}

/// A column, or a field of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// As it was made; to be compared without regard to case.
    pub name: String,
    /// What its values are.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// How many values it has.
    #[serde(default)]
    pub mode: Mode,
    /// The fields of a record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Column>,
    /// Descriptions, policy tags, precisions: kept as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Column {
    /// A column without fields.
    pub fn new(name: impl Into<String>, kind: ColumnType, mode: Mode) -> Self {
        Self { name: name.into(), kind, mode, fields: Vec::new(), other: Map::new() }
    }
}

/// What a column's values are, by the names of BigQuery's old SQL, which the REST API answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ColumnType {
    /// `true` or `false`.
    #[serde(alias = "BOOL")]
    Boolean,
    /// 64 bits.
    #[serde(alias = "INT64")]
    Integer,
    /// 64 bits, binary.
    #[serde(alias = "FLOAT64")]
    Float,
    /// Text.
    String,
    /// Bytes, in JSON as base64.
    Bytes,
    /// A point in time.
    Timestamp,
    /// A date and a time without a zone.
    Datetime,
    /// A date.
    Date,
    /// A time of day.
    Time,
    /// 38 digits.
    #[serde(alias = "DECIMAL")]
    Numeric,
    /// 76 digits.
    #[serde(alias = "BIGDECIMAL")]
    Bignumeric,
    /// A span of time.
    Interval,
    /// Any JSON.
    Json,
    /// Fields.
    #[serde(alias = "STRUCT")]
    Record,
    /// Places on earth.
    Geography,
    /// A pair of times.
    Range,
}

/// How many values a column has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mode {
    /// One or none.
    #[default]
    Nullable,
    /// One.
    Required,
    /// Any number.
    Repeated,
}

/// By what time a table is cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Partitioning {
    /// Into what.
    #[serde(rename = "type")]
    pub unit: PartitioningUnit,
    /// The column; the time of writing when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Milliseconds until a partition is removed, as text; for ever when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_ms: Option<String>,
}

/// What a table is cut into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PartitioningUnit {
    /// Hours.
    Hour,
    /// Days.
    Day,
    /// Months.
    Month,
    /// Years.
    Year,
}

/// By what a table is sorted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clustering {
    /// At most four columns.
    pub fields: Vec<String>,
}
