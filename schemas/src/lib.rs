//! What an event is, per source.
//!
//! No I/O happens here: everything is computed from its arguments and from the files of this folder.

mod event;
mod field_kind;
mod field_path;
mod key;
mod learning;
mod members;
mod source;
mod studio;
mod table_schema;
mod timestamp;
mod transform;
mod validation;
mod value;

pub use event::{Event, NotAnEvent};
pub use field_kind::{FieldKind, UnknownKind};
pub use field_path::{FieldPath, NotAPath, PathStep};
pub use learning::{Learned, LearnedField, SchemaNews, Sighting, SourceSchema};
pub use members::{Fields, Members, members};
pub use source::{SUPABASE_SOURCES, SupabaseSource, json_schema, repair_program, sample_events};
pub use studio::{DescribedField, Shows, described_fields};
pub use table_schema::{FieldType, InvalidSchema, SchemaPath, TableSchema};
pub use timestamp::microseconds;
pub use transform::{
    CopyFields, DropFields, EventPath, InvalidTransform, KeyLookups, KeyValues, MessageKeys,
};
pub use validation::{EventSchema, Reason};
pub use value::{
    Extent, MAX_DEPTH, MAX_VALUES, TooManyValues, Unreadable, Value, parse, parse_elements,
    parse_fields, repair,
};
