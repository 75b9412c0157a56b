//! What a CAST to a type with parameters does after the conversion: `NUMERIC(10, 2)`, `STRING(5)`.

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
