//! What syntax calls that has no name of its own: the parameters of a type in a CAST (`NUMERIC(10, 2)`,
//! `STRING(5)`), and LIKE with the elements of an array.

use super::{Overload, Param, Returns, overload};

/// Digits of a decimal number, rounded: the number, how many at most, how many after the point.
pub(crate) static DIGITS: Overload = overload(
    &[Param::BigNumeric, Param::Int64, Param::Int64],
    Returns::BigNumeric,
    "logweir.limit_digits($1, $2, $3)",
)
.safe("logweir.safe_limit_digits($1, $2, $3)");

/// Characters of a text.
pub(crate) static CHARACTERS: Overload =
    overload(&[Param::String, Param::Int64], Returns::String, "logweir.limit_characters($1, $2)")
        .safe("CASE WHEN char_length($1) <= $2 THEN $1 END");

/// Bytes.
pub(crate) static BYTES: Overload =
    overload(&[Param::Bytes, Param::Int64], Returns::Bytes, "logweir.limit_bytes($1, $2)")
        .safe("CASE WHEN octet_length($1) <= $2 THEN $1 END");

/// Whether a text matches one of the patterns in an array.
pub(crate) static LIKE_ANY: Overload = overload(
    &[Param::String, Param::Array(&Param::String)],
    Returns::Bool,
    "CASE WHEN $2 IS NULL THEN FALSE ELSE $1 LIKE ANY ($2::text[]) END",
)
.total();

/// Whether a text matches all patterns in an array.
pub(crate) static LIKE_ALL: Overload = overload(
    &[Param::String, Param::Array(&Param::String)],
    Returns::Bool,
    "CASE WHEN $2 IS NULL THEN TRUE ELSE $1 LIKE ALL ($2::text[]) END",
)
.total();
