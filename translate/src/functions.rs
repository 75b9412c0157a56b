//! BigQuery's functions as declarations: what they take, what they give, what they become.
//!
//! A function that is not declared here cannot be called: the declarations are the allow-list.
//! Every declaration carries examples, which the tests run on a real PostgreSQL.

mod aggregate;
mod approximate;
mod array;
mod bit;
mod bytes_hash;
mod calendar;
mod cast_format;
mod characters;
mod choice;
mod clauses;
mod conditional;
mod conversion;
mod date;
mod date_part;
mod datetime;
mod declaration;
mod division;
mod docs;
mod elapsed;
mod format;
mod hll;
mod interval;
mod interval_arithmetic;
mod json;
mod json_change;
mod json_path;
mod json_read;
mod json_text;
mod lql;
mod many_rows;
mod math;
mod net;
mod number_elements;
mod padding;
pub(crate) mod parametrised;
mod power;
mod regular_expression;
mod statistical;
mod string;
mod string_agg;
mod text_match;
mod text_search;
mod time;
mod time_elements;
mod time_format;
mod time_parse;
mod time_series;
mod timestamp;
mod timestamp_parts;
mod trigonometry;
mod utility;
mod window;

pub use declaration::Param;
pub use docs::{FunctionDoc, FunctionKind, FunctionSignature, function_docs, function_signatures};

pub(crate) use date_part::DatePart;
pub(crate) use declaration::{Function, Lower, Overload, Returns, Safe};
pub(crate) use docs::signature;
pub(crate) use lql::{LQL_IS_SCALAR, LQL_TEXT, LQL_VALUE, LQL_VALUES};
pub(crate) use many_rows::{
    AggregateCall, AggregateFunction, AggregateLower, AggregateOverload, WindowFunction,
};
pub(crate) use text_match::collated_operands;

use declaration::{function, lowered, overload};
use many_rows::{aggregate, aggregate_overload, lowered_aggregate, window_function};

/// Functions that belong together; a file declares each.
struct Family {
    name: &'static str,
    functions: &'static [Function],
    aggregates: &'static [AggregateFunction],
    windows: &'static [WindowFunction],
}

const FAMILIES: &[Family] = &[
    rows("Conditional expressions", conditional::FUNCTIONS),
    rows("Strings", string::FUNCTIONS),
    rows("Padding", padding::FUNCTIONS),
    rows("Characters", characters::FUNCTIONS),
    rows("Patterns of text", format::FUNCTIONS),
    rows("Search in text", text_search::FUNCTIONS),
    rows("Text of any case", text_match::FUNCTIONS),
    rows("Regular expressions", regular_expression::FUNCTIONS),
    rows("Bytes and hashes", bytes_hash::FUNCTIONS),
    rows("JSON", json::FUNCTIONS),
    rows("Changes to JSON", json_change::FUNCTIONS),
    rows("JSON and values", json_read::FUNCTIONS),
    rows("Mathematics", math::FUNCTIONS),
    rows("Division, and sums that cannot fail", division::FUNCTIONS),
    rows("Powers and logarithms", power::FUNCTIONS),
    rows("Trigonometry", trigonometry::FUNCTIONS),
    Family { name: "Bits", functions: bit::FUNCTIONS, aggregates: bit::AGGREGATES, windows: &[] },
    rows("Conversion", conversion::FUNCTIONS),
    rows("Conversion by a format", cast_format::FUNCTIONS),
    Family {
        name: "Arrays",
        functions: array::FUNCTIONS,
        aggregates: array::AGGREGATES,
        windows: &[],
    },
    rows("Timestamps", timestamp::FUNCTIONS),
    rows("Dates and times of day", datetime::FUNCTIONS),
    rows("Dates", date::FUNCTIONS),
    rows("Times of day", time::FUNCTIONS),
    rows("Formats of times", time_format::FUNCTIONS),
    rows("Reading times", time_parse::FUNCTIONS),
    rows("Parts of times", timestamp_parts::FUNCTIONS),
    rows("Series of times", time_series::FUNCTIONS),
    rows("Intervals", interval::FUNCTIONS),
    rows("Arithmetic with times", interval_arithmetic::FUNCTIONS),
    rows("Networks", net::FUNCTIONS),
    rows("Utilities", utility::FUNCTIONS),
    aggregates("Aggregates", aggregate::FUNCTIONS),
    aggregates("Aggregates that join text", string_agg::FUNCTIONS),
    aggregates("Aggregates that choose", choice::FUNCTIONS),
    aggregates("Approximate aggregates", approximate::FUNCTIONS),
    Family {
        name: "Sketches",
        functions: hll::FUNCTIONS,
        aggregates: hll::AGGREGATES,
        windows: &[],
    },
    aggregates("Statistics", statistical::FUNCTIONS),
    Family { name: "Windows", functions: &[], aggregates: &[], windows: window::FUNCTIONS },
];

const fn rows(name: &'static str, functions: &'static [Function]) -> Family {
    Family { name, functions, aggregates: &[], windows: &[] }
}

const fn aggregates(name: &'static str, aggregates: &'static [AggregateFunction]) -> Family {
    Family { name, functions: &[], aggregates, windows: &[] }
}

/// Looks a function of one row up, in any case. Operators that are declared have their sign as
/// name.
pub(crate) fn named(name: &str) -> Option<&'static Function> {
    FAMILIES
        .iter()
        .flat_map(|family| family.functions)
        .find(|function| function.name.eq_ignore_ascii_case(name))
}

/// Looks a function of many rows up, in any case.
pub(crate) fn aggregate_named(name: &str) -> Option<&'static AggregateFunction> {
    FAMILIES
        .iter()
        .flat_map(|family| family.aggregates)
        .find(|function| function.name.eq_ignore_ascii_case(name))
}

/// Looks a function up that needs a window, in any case.
pub(crate) fn window_named(name: &str) -> Option<&'static WindowFunction> {
    FAMILIES
        .iter()
        .flat_map(|family| family.windows)
        .find(|function| function.name.eq_ignore_ascii_case(name))
}
