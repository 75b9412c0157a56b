//! Types that a query may name.

use sqlparser::ast::{ArrayElemTypeDef, DataType, ObjectNamePart};

use super::folded;

/// Types that sqlparser has no word for.
const OTHERS: [&str; 3] = ["jsonpath", "inet", "cidr"];

/// Whether values of a type are values of events and no more. `regclass` and its like would look
/// names up in the server's own catalog.
pub(super) fn is_allowed(ty: &DataType) -> bool {
    use DataType as T;
    match ty {
        T::Character(_)
        | T::Char(_)
        | T::CharacterVarying(_)
        | T::CharVarying(_)
        | T::Varchar(_)
        | T::Text
        | T::Uuid
        | T::Bytea
        | T::Numeric(_)
        | T::Decimal(_)
        | T::Dec(_)
        | T::SmallInt(_)
        | T::Int2(_)
        | T::Int(_)
        | T::Int4(_)
        | T::Integer(_)
        | T::BigInt(_)
        | T::Int8(_)
        | T::Float(_)
        | T::Float4
        | T::Real
        | T::Float8
        | T::DoublePrecision
        | T::Bool
        | T::Boolean
        | T::Date
        | T::Time(..)
        | T::Timestamp(..)
        | T::Interval { .. }
        | T::JSON
        | T::JSONB => true,
        T::Array(ArrayElemTypeDef::SquareBracket(element, _)) => is_allowed(element),
        T::Custom(name, modifiers) if modifiers.is_empty() => match name.0.as_slice() {
            [ObjectNamePart::Identifier(name)] if name.quote_style.is_none() => {
                OTHERS.contains(&folded(name).as_str())
            }
            _ => false,
        },
        _ => false,
    }
}
