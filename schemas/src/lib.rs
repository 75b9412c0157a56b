//! What an event is, per source.
//!
//! No I/O happens here: everything is computed from its arguments and from the files of this folder.

mod event;
mod key;
mod source;
mod table_schema;
mod timestamp;
mod value;

pub use event::{Event, NotAnEvent};
pub use source::{SUPABASE_SOURCES, SupabaseSource, json_schema};
pub use table_schema::{FieldType, InvalidSchema, SchemaPath, TableSchema};
pub use value::{MAX_DEPTH, NotJson, Value, parse, repair};
