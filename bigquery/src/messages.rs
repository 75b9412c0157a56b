//! The messages of the Storage Write API, as far as they are used: its numbers, in our words.

use bytes::Bytes;
use prost::Message;

/// The method that takes rows.
pub const APPEND_ROWS: &str = "/google.cloud.bigquery.storage.v1.BigQueryWrite/AppendRows";

/// The type of details that say what is wrong in the API's own codes.
pub const STORAGE_ERROR: &str = "type.googleapis.com/google.cloud.bigquery.storage.v1.StorageError";

/// Rows for one table.
#[derive(Clone, PartialEq, Message)]
pub struct AppendRowsRequest {
    /// `projects/…/datasets/…/tables/…/streams/_default`
    #[prost(string, tag = "1")]
    pub write_stream: String,
    /// Never set: the default stream has none.
    #[prost(message, optional, tag = "2")]
    pub offset: Option<Int64Value>,
    /// The rows.
    #[prost(message, optional, tag = "4")]
    pub proto_rows: Option<ProtoData>,
    /// For Google's logs.
    #[prost(string, tag = "6")]
    pub trace_id: String,
}

/// A number that may be absent.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Int64Value {
    /// The number.
    #[prost(int64, tag = "1")]
    pub value: i64,
}

/// Rows and what they are.
#[derive(Clone, PartialEq, Message)]
pub struct ProtoData {
    /// What they are; left out where it is as in the request before.
    #[prost(message, optional, tag = "1")]
    pub writer_schema: Option<ProtoSchema>,
    /// The rows.
    #[prost(message, optional, tag = "2")]
    pub rows: Option<ProtoRows>,
}

/// What rows are.
#[derive(Clone, PartialEq, Message)]
pub struct ProtoSchema {
    /// One message type that holds all that it needs.
    #[prost(message, optional, tag = "1")]
    pub proto_descriptor: Option<DescriptorProto>,
}

/// Rows.
#[derive(Clone, PartialEq, Message)]
pub struct ProtoRows {
    /// A message each.
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub serialized_rows: Vec<Bytes>,
}

/// A message type.
#[derive(Clone, PartialEq, Message)]
pub struct DescriptorProto {
    /// Its name.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Its fields.
    #[prost(message, repeated, tag = "2")]
    pub field: Vec<FieldDescriptorProto>,
    /// The types of its fields that are messages.
    #[prost(message, repeated, tag = "3")]
    pub nested_type: Vec<DescriptorProto>,
}

/// A field of a message type.
#[derive(Clone, PartialEq, Message)]
pub struct FieldDescriptorProto {
    /// The name of the column.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// The number of the field.
    #[prost(int32, optional, tag = "3")]
    pub number: Option<i32>,
    /// 1 optional, 2 required, 3 repeated.
    #[prost(int32, optional, tag = "4")]
    pub label: Option<i32>,
    /// 1 double, 3 int64, 5 int32, 8 bool, 9 string, 11 message, 12 bytes.
    #[prost(int32, optional, tag = "5")]
    pub r#type: Option<i32>,
    /// The type of a message.
    #[prost(string, optional, tag = "6")]
    pub type_name: Option<String>,
}

/// What became of one request.
#[derive(Clone, PartialEq, Message)]
pub struct AppendRowsResponse {
    /// It was done.
    #[prost(message, optional, tag = "1")]
    pub append_result: Option<AppendResult>,
    /// It was not.
    #[prost(message, optional, tag = "2")]
    pub error: Option<RpcStatus>,
    /// The table's columns, where they are others than before.
    #[prost(message, optional, tag = "3")]
    pub updated_schema: Option<UpdatedSchema>,
    /// The rows for which nothing of the request was done.
    #[prost(message, repeated, tag = "4")]
    pub row_errors: Vec<RowError>,
    /// The stream.
    #[prost(string, tag = "5")]
    pub write_stream: String,
}

/// That a request was done.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct AppendResult {
    /// Not set on the default stream.
    #[prost(message, optional, tag = "1")]
    pub offset: Option<Int64Value>,
}

/// The columns of a table. That there are others is all that is read.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct UpdatedSchema {}

/// What is wrong with a row.
#[derive(Clone, PartialEq, Message)]
pub struct RowError {
    /// Its place in the request.
    #[prost(int64, tag = "1")]
    pub index: i64,
    /// 1: its fields.
    #[prost(int32, tag = "2")]
    pub code: i32,
    /// For people.
    #[prost(string, tag = "3")]
    pub message: String,
}

/// `google.rpc.Status`
#[derive(Clone, PartialEq, Message)]
pub struct RpcStatus {
    /// The code of gRPC.
    #[prost(int32, tag = "1")]
    pub code: i32,
    /// For people.
    #[prost(string, tag = "2")]
    pub message: String,
    /// For programs.
    #[prost(message, repeated, tag = "3")]
    pub details: Vec<Any>,
}

/// A message of some type.
#[derive(Clone, PartialEq, Message)]
pub struct Any {
    /// Its type.
    #[prost(string, tag = "1")]
    pub type_url: String,
    /// The message.
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
}

/// What is wrong, in the API's own codes.
#[derive(Clone, PartialEq, Message)]
pub struct StorageError {
    /// See [`StorageFault`](crate::StorageFault).
    #[prost(int32, tag = "1")]
    pub code: i32,
    /// What it is about.
    #[prost(string, tag = "2")]
    pub entity: String,
    /// For people.
    #[prost(string, tag = "3")]
    pub error_message: String,
}
