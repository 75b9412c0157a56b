//! Values to begin with: plain ones, and those at the edges of a type.

use rand::{Rng as _, rngs::StdRng, seq::IndexedRandom as _};

use crate::conformance::Type;

/// The types of columns and of most expressions.
pub(super) const SCALARS: [Type; 12] = [
    Type::Bool,
    Type::Int64,
    Type::Float64,
    Type::Numeric,
    Type::BigNumeric,
    Type::String,
    Type::Bytes,
    Type::Date,
    Type::Datetime,
    Type::Time,
    Type::Timestamp,
    Type::Interval,
];

/// Types whose values can be ordered, grouped and compared.
pub(super) const ORDERED: [Type; 11] = [
    Type::Int64,
    Type::Bool,
    Type::Float64,
    Type::Numeric,
    Type::BigNumeric,
    Type::String,
    Type::Bytes,
    Type::Date,
    Type::Datetime,
    Type::Time,
    Type::Timestamp,
];

/// Plain values of a type and those at its edges, as SQL writes them.
type Pool = (Type, &'static [&'static str], &'static [&'static str]);

const POOLS: &[Pool] = &[
    (Type::Bool, &["TRUE", "FALSE"], &["TRUE"]),
    (
        Type::Int64,
        &["0", "1", "2", "3", "(-1)", "7", "10", "(-5)", "42", "100"],
        &[
            "9223372036854775807",
            "(-9223372036854775808)",
            "2147483648",
            "(-2147483649)",
            "1000000007",
            "86400",
            "253402300799",
            "0x7F",
        ],
    ),
    (
        Type::Float64,
        &["0.0", "1.5", "(-2.5)", "3.0", "0.1", "100.25", "(-0.75)", "1e3", "2.0"],
        &[
            "CAST('NaN' AS FLOAT64)",
            "CAST('inf' AS FLOAT64)",
            "CAST('-inf' AS FLOAT64)",
            "1e308",
            "(-1.7976931348623157e308)",
            "5e-324",
            "(-0.0)",
            "9007199254740993.0",
            "1e-7",
            "123456789012345678.0",
        ],
    ),
    (
        Type::Numeric,
        &[
            "NUMERIC '0'",
            "NUMERIC '1.5'",
            "NUMERIC '-2.25'",
            "NUMERIC '10'",
            "NUMERIC '0.1'",
            "NUMERIC '123.456'",
            "NUMERIC '2.5'",
        ],
        &[
            "NUMERIC '99999999999999999999999999999.999999999'",
            "NUMERIC '-99999999999999999999999999999.999999999'",
            "NUMERIC '0.000000001'",
            "NUMERIC '9223372036854775808'",
            "NUMERIC '-0.5'",
        ],
    ),
    (
        Type::BigNumeric,
        &["BIGNUMERIC '0'", "BIGNUMERIC '1.5'", "BIGNUMERIC '-7.25'", "BIGNUMERIC '3'"],
        &[
            "BIGNUMERIC '0.00000000000000000000000000000000000001'",
            "BIGNUMERIC '578960446186580977117854925043439539266.34992332820282019728792003956564819967'",
            "BIGNUMERIC '1e30'",
            "BIGNUMERIC '-2.5'",
        ],
    ),
    (
        Type::String,
        &[
            "'a'",
            "'b'",
            "'abc'",
            "'Hello World'",
            "'x,y,z'",
            "'12'",
            "'-3.5'",
            "'foo bar'",
            "'ABC'",
        ],
        &[
            "''",
            "' '",
            "'héllo'",
            "'日本語'",
            "'😀x'",
            "'a\\nb'",
            "'%_\\\\'",
            "'e\\u0301'",
            "'STRASSE ß'",
            "'2024-02-29'",
            "'2024-02-29 12:34:56.789'",
            "'true'",
            "'{\"a\": [1, null, \"x\"], \"b\": 1.50}'",
            "'  pad  '",
            "'0x1F'",
            "'1e5'",
            "'NaN'",
            "'12:34:56'",
            "'ÀÉ'",
            "'a.b.c'",
            "'9223372036854775808'",
            "\"it's\"",
        ],
    ),
    (
        Type::Bytes,
        &["b'abc'", "b'a'", "b'Hello'", "b'x,y'"],
        &[
            "b''",
            "b'\\x00\\xff'",
            "b'h\\xc3\\xa9'",
            "b'\\xff\\xfe'",
            "b'  a '",
            "b'0123456789abcdef'",
        ],
    ),
    (
        Type::Date,
        &[
            "DATE '2024-01-15'",
            "DATE '2023-12-31'",
            "DATE '2024-03-01'",
            "DATE '1970-01-01'",
            "DATE '2024-01-31'",
        ],
        &[
            "DATE '0001-01-01'",
            "DATE '9999-12-31'",
            "DATE '2024-02-29'",
            "DATE '1900-02-28'",
            "DATE '2020-12-28'",
            "DATE '2021-01-03'",
            "DATE '0001-01-08'",
        ],
    ),
    (
        Type::Datetime,
        &[
            "DATETIME '2024-01-15 12:34:56'",
            "DATETIME '2023-12-31 23:59:59.5'",
            "DATETIME '2024-03-10 00:00:00'",
            "DATETIME '1970-01-01 00:00:00'",
        ],
        &[
            "DATETIME '0001-01-01 00:00:00'",
            "DATETIME '9999-12-31 23:59:59.999999'",
            "DATETIME '2024-02-29 00:00:00.000001'",
            "DATETIME '1969-12-31 23:59:59.999999'",
        ],
    ),
    (
        Type::Time,
        &["TIME '12:34:56'", "TIME '00:00:00'", "TIME '09:05:03.25'", "TIME '18:00:00'"],
        &["TIME '23:59:59.999999'", "TIME '00:00:00.000001'", "TIME '01:00:00.1'"],
    ),
    (
        Type::Timestamp,
        &[
            "TIMESTAMP '2024-01-15 12:34:56+00'",
            "TIMESTAMP '2023-12-31 23:59:59.5+00'",
            "TIMESTAMP '2024-03-10 10:00:00+00'",
            "TIMESTAMP '1970-01-01 00:00:00+00'",
            "TIMESTAMP '2024-11-03 08:30:00+00'",
        ],
        &[
            "TIMESTAMP '0001-01-01 00:00:00+00'",
            "TIMESTAMP '9999-12-31 23:59:59.999999+00'",
            "TIMESTAMP '1969-12-31 23:59:59.999999+00'",
            "TIMESTAMP '2024-02-29 05:06:07.000008+05:30'",
            "TIMESTAMP '2024-07-01 00:00:00 America/New_York'",
        ],
    ),
    (
        Type::Interval,
        &["INTERVAL 1 DAY", "INTERVAL 3 HOUR", "INTERVAL 2 MONTH", "INTERVAL 90 MINUTE"],
        &[
            "INTERVAL '1-2 3 4:5:6.5' YEAR TO SECOND",
            "INTERVAL -1 YEAR",
            "INTERVAL '-0:0:1.5' HOUR TO SECOND",
            "INTERVAL 0 SECOND",
            "INTERVAL '49:0:0' HOUR TO SECOND",
            "MAKE_INTERVAL(1, -3, 40, 30)",
        ],
    ),
    (
        Type::Json,
        &[
            "JSON '1'",
            "JSON '\"x\"'",
            "JSON '{\"a\": 1, \"b\": [true, null]}'",
            "JSON '[1, 2, 3]'",
            "JSON 'true'",
        ],
        &[
            "JSON 'null'",
            "JSON '{}'",
            "JSON '[]'",
            "JSON '1.5'",
            "JSON '\"12\"'",
            "JSON '{\"a\": {\"b\": [{\"c\": \"é\"}]}}'",
            "JSON '-0.25e2'",
            "JSON '\"true\"'",
        ],
    ),
];

fn pool(ty: &Type) -> (&'static [&'static str], &'static [&'static str]) {
    let found = POOLS.iter().find(|(known, ..)| known == ty);
    found.map_or((&[], &[]), |(_, plain, edges)| (*plain, *edges))
}

/// A literal of a type: mostly a plain one, at times one from the edges or NULL.
pub(super) fn literal(ty: &Type, rng: &mut StdRng) -> String {
    match rng.random_range(0..20) {
        0 => format!("CAST(NULL AS {ty})"),
        edge => value(ty, edge < 5, rng),
    }
}

/// A literal that is not NULL.
pub(super) fn value(ty: &Type, edge: bool, rng: &mut StdRng) -> String {
    match ty {
        Type::Array(element) => {
            let count = rng.random_range(0..4);
            let elements: Vec<_> = (0..count).map(|_| value(element, edge, rng)).collect();
            format!("ARRAY<{element}>[{}]", elements.join(", "))
        }
        Type::Struct(fields) => {
            let values: Vec<_> = fields.iter().map(|(_, ty)| value(ty, edge, rng)).collect();
            format!("{ty}({})", values.join(", "))
        }
        _ => {
            let (plain, edges) = pool(ty);
            let from = if edge { edges } else { plain };
            from.choose(rng).copied().unwrap_or("NULL").to_owned()
        }
    }
}

/// A literal that is as short as any, for queries that shrink.
pub(super) fn simplest(ty: &Type) -> Option<String> {
    Some(match ty {
        Type::Array(element) => format!("[{}]", simplest(element)?),
        Type::Struct(_) => return None,
        _ => pool(ty).0.first().copied()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn a_seed_says_which() {
        let ty = Type::Array(Box::new(Type::Int64));
        let some = |seed| literal(&ty, &mut StdRng::seed_from_u64(seed));
        assert_eq!(some(7), some(7));
        assert!((0..50).map(some).collect::<std::collections::BTreeSet<_>>().len() > 5);
        for ty in SCALARS {
            assert!(simplest(&ty).is_some(), "{ty}");
        }
    }
}
