//! Charts: one row for each unit of time, oldest first.

use lql::{Aggregate, Chart, Measure, Unit};
use sqlparser::ast::{Expr, Select, TableFactor};

use super::build::{self, Item, Source};
use crate::diagnostic::Position;

/// `SELECT TIMESTAMP_TRUNC(timestamp, MINUTE) AS timestamp, COUNT(*) AS value … GROUP BY 1`
pub(super) fn select(chart: &Chart, table: &Source<'_>) -> Select {
    let at = Position::from(chart.at);
    let unit = build::date_part(match chart.unit {
        Unit::Second => "SECOND",
        Unit::Minute => "MINUTE",
        Unit::Hour => "HOUR",
        Unit::Day => "DAY",
    });
    let time = table.column("timestamp", at);
    let (joined, value) = measure(&chart.measure, table, at);
    let item = |expr, name| Item::ExprWithAlias { expr, alias: build::ident(name, at) };
    let items = vec![
        item(build::call("TIMESTAMP_TRUNC", vec![time, unit], at), "timestamp"),
        item(value, "value"),
    ];
    let mut select = build::select(items, build::left_joined(table.factor(), joined));
    select.group_by = build::grouped(vec![build::number("1")]);
    select
}

/// What is to be unnested for a value, and the value.
fn measure(measure: &Measure, table: &Source<'_>, at: Position) -> (Vec<TableFactor>, Expr) {
    let Measure::Of(aggregate, path) = measure else {
        return (Vec::new(), build::count_rows(at));
    };
    let at = Position::from(path.at);
    let column = match path.parts.as_slice() {
        [name] if matches!(name.as_str(), "id" | "timestamp" | "event_message") => {
            Some(table.column(name, at))
        }
        _ => None,
    };
    let (joined, value, text) = match column {
        Some(column) => (Vec::new(), column.clone(), column),
        None => {
            let values = build::values(table, path);
            (vec![values.relation], values.each.clone(), build::text_of(values.each, at))
        }
    };
    let of_numbers = |name: &str| build::call(name, vec![build::number_of(value.clone())], at);
    let made = match aggregate {
        Aggregate::Count => build::call("COUNT", vec![value.clone()], at),
        Aggregate::CountDistinct => build::call_over("COUNT", vec![text], true, at),
        Aggregate::Average => of_numbers("AVG"),
        Aggregate::Sum => of_numbers("SUM"),
        Aggregate::Max => of_numbers("MAX"),
        Aggregate::Percentile(percent) => {
            let args = vec![build::number_of(value.clone()), build::number("100")];
            let quantiles = build::call("APPROX_QUANTILES", args, at);
            build::element_at(quantiles, &percent.to_string(), at)
        }
    };
    (joined, made)
}
