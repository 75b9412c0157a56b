//! What LQL calls and SQL cannot.

use super::{Overload, Param, Returns, declaration::overload};

/// A value of any type as one inside an event.
pub(crate) static LQL_VALUE: Overload =
    overload(&[Param::Any], Returns::Dynamic, "to_jsonb($1)").total();

/// The text of a value inside an event, NULL of an object or a list.
pub(crate) static LQL_TEXT: Overload =
    overload(&[Param::Dynamic], Returns::String, "logweir.scalar_text($1)").total();
