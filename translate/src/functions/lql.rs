//! What LQL calls and SQL cannot (see `from_lql`).

use super::{Overload, Param, Returns, declaration::overload};

/// A value of any type as one inside an event.
pub(crate) static LQL_VALUE: Overload =
    overload(&[Param::Any], Returns::Dynamic, "to_jsonb($1)").total();

/// The list of the values inside a value at a JSON path.
pub(crate) static LQL_VALUES: Overload = overload(
    &[Param::Dynamic, Param::String],
    Returns::Dynamic,
    "jsonb_path_query_array($1, $2::jsonpath)",
)
.total();

/// Whether a value inside an event is there, and neither an object nor a list.
pub(crate) static LQL_IS_SCALAR: Overload = overload(
    &[Param::Dynamic],
    Returns::Bool,
    "jsonb_typeof($1) IN ('string', 'number', 'boolean')",
)
.total();

/// The text of a value inside an event, NULL of an object or a list.
pub(crate) static LQL_TEXT: Overload =
    overload(&[Param::Dynamic], Returns::String, "logweir.scalar_text($1)").total();
