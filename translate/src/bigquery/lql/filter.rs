//! Filters as conditions.

use lql::{Column, Condition, Filter, Order, Scalar, Test};

use super::{
    Texts,
    place::{self, Place, Unnested},
    shape::Shape,
    table::Table,
};
use crate::{
    diagnostic::{Diagnostic, Position},
    resolve::format_datetime,
    types::Type,
};

/// A condition that can be told of nothing.
const UNKNOWN: &str = "CAST(NULL AS BOOL)";

/// Whole numbers that a FLOAT64 holds, as numbers are compared.
const MOST_EXACT: u64 = 1 << 53;

/// What WHERE asks.
pub(super) fn condition(
    filter: &Filter,
    table: &Table<'_>,
    now: i64,
    texts: &mut Texts,
) -> Result<String, Diagnostic> {
    let at = Position::from(filter.at);
    let condition = match &filter.test {
        Test::Everything => "TRUE".to_owned(),
        Test::Time(test) => time(test.span(now), table, at)?,
        Test::Column(column, condition) => {
            let name = match column {
                Column::Id => "id",
                Column::EventMessage => "event_message",
            };
            let place = table.column(name, at)?.place;
            of_one(condition, &place, texts)
        }
        Test::Field(path, condition) => field(path, condition, table, texts)?,
    };
    Ok(if filter.negated { format!("NOT ({condition})") } else { condition })
}

fn time(span: lql::Span, table: &Table<'_>, at: Position) -> Result<String, Diagnostic> {
    let column = table.column("timestamp", at)?.place;
    if !matches!(column.shape, Shape::Scalar(Type::Timestamp) | Shape::Unknown) {
        let message = "The column timestamp is no TIMESTAMP, so that LQL cannot ask for times";
        return Err(Diagnostic::invalid(at, message));
    }
    let mut bounds = Vec::with_capacity(2);
    for (bound, operator) in [(span.from, ">="), (span.before, "<")] {
        let Some(bound) = bound else { continue };
        let time = format_datetime(bound)
            .ok_or_else(|| Diagnostic::internal(at, "a time that LQL should not have taken"))?;
        bounds.push(format!("{} {operator} TIMESTAMP '{time}+00'", column.sql));
    }
    if bounds.is_empty() {
        bounds.push("TRUE".to_owned());
    }
    Ok(bounds.join(" AND "))
}

/// Whether a condition holds for one of the values at a path; NULL where it can be told of none.
fn field(
    path: &lql::Path,
    condition: &Condition,
    table: &Table<'_>,
    texts: &mut Texts,
) -> Result<String, Diagnostic> {
    let mut unnested = Unnested::called("lql_value");
    let Some(place) = place::values(table, path, &mut unnested)? else {
        // No event has such a value.
        let unknown = if *condition == Condition::Missing { "TRUE" } else { UNKNOWN };
        return Ok(unknown.to_owned());
    };
    if unnested.arrays.is_empty() {
        return Ok(of_one(condition, &place, texts));
    }
    let from: Vec<String> = unnested
        .arrays
        .iter()
        .map(|(array, alias)| format!("UNNEST({array}) AS {alias}"))
        .collect();
    let from = from.join(", ");
    Ok(match condition {
        Condition::Missing => format!("(SELECT {} FROM {from}) = 0", place.count()),
        condition => {
            format!("(SELECT LOGICAL_OR({}) FROM {from})", of_one(condition, &place, texts))
        }
    })
}

/// Whether it holds for a value, NULL where that cannot be told.
fn of_one(condition: &Condition, place: &Place, texts: &mut Texts) -> String {
    if *condition == Condition::Missing {
        return format!("{} IS NULL", place.sql);
    }
    told(condition, place, texts).unwrap_or_else(|| UNKNOWN.to_owned())
}

fn told(condition: &Condition, place: &Place, texts: &mut Texts) -> Option<String> {
    Some(match condition {
        Condition::Missing => return None,
        Condition::Equal(scalar) => match scalar {
            Scalar::Text(text) => format!("{} = {}", place.text()?, texts.add(text)),
            Scalar::Bool(true) => format!("{} = TRUE", place.truth()?),
            Scalar::Bool(false) => format!("{} = FALSE", place.truth()?),
            number => format!("{} = {}", place.number()?, literal(number)?),
        },
        Condition::Compare(order, scalar) => ordered(*order, scalar, place, texts)?,
        Condition::Between(low, high) => {
            let low = ordered(Order::GreaterOrEqual, low, place, texts)?;
            format!("{low} AND {}", ordered(Order::LessOrEqual, high, place, texts)?)
        }
        Condition::OneOf(wanted) => {
            let wanted: Vec<String> = wanted.iter().map(|text| texts.add(text)).collect();
            format!("{} IN ({})", place.text()?, wanted.join(", "))
        }
        Condition::Contains(part) => format!("STRPOS({}, {}) > 0", place.text()?, texts.add(part)),
        Condition::Pattern(pattern) => {
            format!("REGEXP_CONTAINS({}, {})", place.text()?, texts.add(pattern.as_str()))
        }
    })
}

fn ordered(order: Order, scalar: &Scalar, place: &Place, texts: &mut Texts) -> Option<String> {
    if let Scalar::Text(text) = scalar {
        let sign = match order {
            Order::Greater => ">",
            Order::GreaterOrEqual => ">=",
            Order::Less => "<",
            Order::LessOrEqual => "<=",
        };
        return Some(format!("{} {sign} {}", place.text()?, texts.add(text)));
    }
    let (number, literal) = (place.number()?, literal(scalar)?);
    // NaN is greater than all others in LQL, and nothing at all in BigQuery.
    Some(match order {
        Order::Greater => format!("NOT ({number} <= {literal})"),
        Order::GreaterOrEqual => format!("NOT ({number} < {literal})"),
        Order::Less => format!("{number} < {literal}"),
        Order::LessOrEqual => format!("{number} <= {literal}"),
    })
}

/// A number as BigQuery writes it.
fn literal(scalar: &Scalar) -> Option<String> {
    match scalar {
        Scalar::Int64(number) if number.unsigned_abs() <= MOST_EXACT => Some(number.to_string()),
        other => other.number().map(|number| format!("{number:e}")),
    }
}
