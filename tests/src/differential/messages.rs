//! What the evaluator is told and what it answers: the parts that are needed of
//! `zetasql.local_service.ZetaSqlLocalService`.

/// `LanguageOptionsRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LanguageOptionsRequest {
    #[prost(bool, optional, tag = "1")]
    pub(super) maximum_features: Option<bool>,
}

/// `LanguageOptionsProto`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LanguageOptions {
    #[prost(int32, optional, tag = "2")]
    pub(super) name_resolution_mode: Option<i32>,
    #[prost(int32, optional, tag = "3")]
    pub(super) product_mode: Option<i32>,
    #[prost(bool, optional, tag = "4")]
    pub(super) error_on_deprecated_syntax: Option<bool>,
    #[prost(int32, repeated, packed = "false", tag = "5")]
    pub(super) enabled_language_features: Vec<i32>,
    #[prost(int32, repeated, packed = "false", tag = "6")]
    pub(super) supported_statement_kinds: Vec<i32>,
    #[prost(string, repeated, tag = "7")]
    pub(super) supported_generic_entity_types: Vec<String>,
    #[prost(string, repeated, tag = "8")]
    pub(super) reserved_keywords: Vec<String>,
}

/// `AnalyzerOptionsProto`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AnalyzerOptions {
    #[prost(message, optional, tag = "1")]
    pub(super) language_options: Option<LanguageOptions>,
    #[prost(string, optional, tag = "7")]
    pub(super) default_timezone: Option<String>,
    #[prost(int32, repeated, packed = "false", tag = "21")]
    pub(super) enabled_rewrites: Vec<i32>,
}

/// `AnalyzerOptionsRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AnalyzerOptionsRequest {}

/// `ZetaSQLBuiltinFunctionOptionsProto`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct BuiltinFunctionOptions {
    #[prost(message, optional, tag = "1")]
    pub(super) language_options: Option<LanguageOptions>,
}

/// `SimpleCatalogProto`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SimpleCatalog {
    #[prost(string, optional, tag = "1")]
    pub(super) name: Option<String>,
    #[prost(message, optional, tag = "5")]
    pub(super) builtin_function_options: Option<BuiltinFunctionOptions>,
}

/// `RegisterCatalogRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RegisterCatalogRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) simple_catalog: Option<SimpleCatalog>,
    #[prost(message, optional, tag = "3")]
    pub(super) descriptor_pool_list: Option<DescriptorPoolList>,
}

/// `DescriptorPoolListProto`, always empty
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DescriptorPoolList {}

/// `RegisterResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RegisterResponse {
    #[prost(int64, optional, tag = "1")]
    pub(super) registered_id: Option<i64>,
}

/// `EvaluateQueryRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct EvaluateQueryRequest {
    #[prost(string, optional, tag = "1")]
    pub(super) sql: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub(super) options: Option<AnalyzerOptions>,
    #[prost(message, optional, tag = "3")]
    pub(super) descriptor_pool_list: Option<DescriptorPoolList>,
    #[prost(int64, optional, tag = "5")]
    pub(super) registered_catalog_id: Option<i64>,
}

/// `EvaluateQueryResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct EvaluateQueryResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) content: Option<TableContent>,
    #[prost(message, optional, tag = "2")]
    pub(super) prepared: Option<PreparedQueryState>,
}

/// `PreparedQueryState`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PreparedQueryState {
    #[prost(message, repeated, tag = "4")]
    pub(super) columns: Vec<SimpleColumn>,
}

/// `SimpleColumnProto`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SimpleColumn {
    #[prost(string, optional, tag = "1")]
    pub(super) name: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub(super) r#type: Option<TypeProto>,
}

/// `TableContent`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TableContent {
    #[prost(message, optional, tag = "1")]
    pub(super) table_data: Option<TableData>,
}

/// `TableData`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TableData {
    #[prost(message, repeated, tag = "1")]
    pub(super) row: Vec<Values>,
}

/// `TypeProto`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TypeProto {
    #[prost(int32, optional, tag = "1")]
    pub(super) type_kind: Option<i32>,
    #[prost(message, optional, boxed, tag = "2")]
    pub(super) array_type: Option<Box<ArrayType>>,
    #[prost(message, optional, tag = "3")]
    pub(super) struct_type: Option<StructType>,
}

/// `ArrayTypeProto`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ArrayType {
    #[prost(message, optional, boxed, tag = "1")]
    pub(super) element_type: Option<Box<TypeProto>>,
}

/// `StructTypeProto`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StructType {
    #[prost(message, repeated, tag = "1")]
    pub(super) field: Vec<StructField>,
}

/// `StructFieldProto`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StructField {
    #[prost(string, optional, tag = "1")]
    pub(super) field_name: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub(super) field_type: Option<TypeProto>,
}

/// `ValueProto`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ValueProto {
    #[prost(oneof = "Value", tags = "2, 5, 7, 8, 9, 10, 13, 14, 16, 17, 18, 20, 21, 23, 24")]
    pub(super) value: Option<Value>,
}

/// A value that is not NULL.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Value {
    #[prost(int64, tag = "2")]
    Int64(i64),
    #[prost(bool, tag = "5")]
    Bool(bool),
    #[prost(double, tag = "7")]
    Double(f64),
    #[prost(string, tag = "8")]
    String(String),
    #[prost(bytes, tag = "9")]
    Bytes(Vec<u8>),
    /// Days since 1970.
    #[prost(int32, tag = "10")]
    Date(i32),
    #[prost(message, tag = "13")]
    Array(Values),
    #[prost(message, tag = "14")]
    Struct(Values),
    #[prost(message, tag = "16")]
    Timestamp(Timestamp),
    #[prost(message, tag = "17")]
    Datetime(Datetime),
    /// Packed hours, minutes, seconds and nanoseconds.
    #[prost(int64, tag = "18")]
    Time(i64),
    /// Billionths, in two's complement, the lowest byte first.
    #[prost(bytes, tag = "20")]
    Numeric(Vec<u8>),
    /// As `Numeric`, with 38 digits after the point.
    #[prost(bytes, tag = "21")]
    BigNumeric(Vec<u8>),
    #[prost(string, tag = "23")]
    Json(String),
    #[prost(bytes, tag = "24")]
    Interval(Vec<u8>),
}

/// A row, the elements of an array or the fields of a STRUCT.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Values {
    #[prost(message, repeated, tag = "1")]
    pub(super) values: Vec<ValueProto>,
}

/// `google.protobuf.Timestamp`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Timestamp {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

/// `ValueProto.Datetime`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Datetime {
    /// Packed year, month, day, hour, minute and second.
    #[prost(int64, optional, tag = "1")]
    pub(super) bit_field_datetime_seconds: Option<i64>,
    #[prost(int32, optional, tag = "2")]
    pub(super) nanos: Option<i32>,
}
