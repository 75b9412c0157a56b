//! FORMAT: a constant pattern becomes one expression, a part of it for each specifier.

mod printed;
mod specifier;

use printed::printed;
use specifier::{Count, Piece, Specifier};

use super::{Function, Param, Returns, function, lowered};
use crate::{
    diagnostic::{Diagnostic, Position},
    lower::carrier,
    postgres::Expr as Pg,
    tree::{Expr, Literal},
    types::Type,
};

pub(super) const FUNCTIONS: &[Function] = &[function(
    "FORMAT",
    "A pattern, which must be constant, with values in the places of its specifiers: %d %i %o %x %X %f %F %e %E %g %G %s %t %T %p %P %%.",
    &[lowered(&[Param::Pattern, Param::Any], Returns::String, format).optional(1).variadic()],
    &[
        ("FORMAT('')", ""),
        ("FORMAT('100%%')", "100%"),
        ("FORMAT('%.2f %t', -1 * 0.0, -1 * 0.0)", "0.00 -0.0"),
        (
            r#"FORMAT('%t %T', JSON '{"b": 2, "a": 1}', JSON '{"a": 1}')"#,
            r#"{"a":1,"b":2} JSON '{"a":1}'"#,
        ),
        ("FORMAT('%T', 9007199254740993.0)", "9007199254740992.0"),
        ("FORMAT('%d', 5)", "5"),
        ("FORMAT('%05d|%5s|%-5s|', 5, 'a', 'b')", "00005|    a|b    |"),
        ("FORMAT('%+d % d %.3d %i', 5, 5, 5, 3)", "+5  5 005 3"),
        (r#"FORMAT("%'d %'x %'o", 1234567, 12345678, 55555)"#, "1,234,567 bc:614e 15,4403"),
        ("FORMAT('%x|%X|%o|%#x|%#X|%#o', 255, 255, 8, 255, 255, 8)", "ff|FF|10|0xff|0XFF|010"),
        ("FORMAT('%d', -9223372036854775808)", "-9223372036854775808"),
        ("FORMAT('%*d|%-*d|%*s', 5, 3, 4, 7, -3, 'a')", "    3|7   |a  "),
        ("FORMAT('%.2f %.3f %10.3f', 1.005, 3.14159, 2.5)", "1.00 3.142      2.500"),
        ("FORMAT('%.0f %.0f %.*f', 2.5, 3.5, 1, 0.25)", "2 4 0.2"),
        (
            "FORMAT('%e %E %g %g %G', 1.5, 1.5, 1e10, 0.00001234, 1e-10)",
            "1.500000e+00 1.500000E+00 1e+10 1.234e-05 1E-10",
        ),
        ("FORMAT('%g %#g %g', 100000.0, 100.0, 1234567.0)", "100000 100.000 1.23457e+06"),
        (
            "FORMAT('%f %5.1f %F', CAST('nan' AS FLOAT64), CAST('-inf' AS FLOAT64), CAST('inf' AS FLOAT64))",
            "nan  -inf INF",
        ),
        ("FORMAT('%.1f %f', NUMERIC '0.25', BIGNUMERIC '1.5')", "0.3 1.500000"),
        ("FORMAT('%.2s|%5.1s|', 'héllo', 'ab')", "hé|    a|"),
        ("FORMAT('%s', CAST(NULL AS STRING))", "NULL"),
        ("FORMAT('%d %t', NULL, 1)", "NULL"),
        ("FORMAT('%t %T', NULL, CAST(NULL AS STRING)) || '.'", "NULL NULL."),
        ("FORMAT('%t|%T|%t|%T', 'x', 'x', 1.0, 1e20)", "x|\"x\"|1.0|1e+20"),
        (r#"FORMAT('%T %T %T', 'a"b', "it's", 'a\n\\')"#, r#"'a"b' "it's" "a\n\\""#),
        (r"FORMAT('%t %T', b'a\x00\xff', b'a\x00\xff')", r#"a\x00\xff b"a\x00\xff""#),
        (r#"FORMAT('%t %T', b'"\'\\\n', b'"\'\\\n')"#, r#"\"\'\\\x0a b"\"'\\\x0a""#),
        ("FORMAT('%x %o %#x %x', -1, -8, 0, -9223372036854775808)", "-1 -10 0x0 -8000000000000000"),
        (r#"FORMAT("%'.1f %'010d", 1234567.5, 1234567)"#, "1,234,567.5 01,234,567"),
        ("FORMAT('%.2t|%.2T|%05.3d', 'abc', 'abc', 7)", "ab|\"a|  007"),
        (
            "FORMAT('%t %t %+f %010f', -0.0, 1e300, CAST('inf' AS FLOAT64), CAST('inf' AS FLOAT64))",
            "-0.0 1e+300 +inf        inf",
        ),
        (
            "FORMAT('%e %.1e %.3g', NUMERIC '12345.678', NUMERIC '0.25', NUMERIC '123456')",
            "1.234568e+04 2.5e-01 1.23e+05",
        ),
        (
            "FORMAT('%T %T', INTERVAL 1 DAY, BIGNUMERIC '1.5')",
            "INTERVAL \"0-0 1 0:0:0\" YEAR TO SECOND BIGNUMERIC \"1.5\"",
        ),
        ("FORMAT('%t %T', DATE '2024-01-01', DATE '2024-01-01')", "2024-01-01 DATE \"2024-01-01\""),
        (
            "FORMAT('%t %T', TIMESTAMP '2024-01-01 00:00:00+00', TIMESTAMP '2024-01-01 00:00:00.5+00')",
            "2024-01-01 00:00:00+00 TIMESTAMP \"2024-01-01 00:00:00.500+00\"",
        ),
        (
            "FORMAT('%T %T', DATETIME '2024-01-01 01:02:03', TIME '01:02:03')",
            "DATETIME \"2024-01-01 01:02:03\" TIME \"01:02:03\"",
        ),
        ("FORMAT('%t %T %T', NUMERIC '1.50', NUMERIC '1.50', TRUE)", "1.5 NUMERIC \"1.5\" true"),
        ("FORMAT('%T', CAST('nan' AS FLOAT64))", "CAST(\"nan\" AS FLOAT64)"),
        ("FORMAT('%t %T', [1, 2], ['a', NULL])", "[1, 2] [\"a\", NULL]"),
        ("FORMAT('%t', ARRAY<INT64>[])", "[]"),
        (
            "FORMAT('%T %t', [STRUCT(1 AS a)], STRUCT(1 AS a, 'x' AS b, [1.5] AS c))",
            "[STRUCT(1)] (1, x, [1.5])",
        ),
        ("FORMAT('%8t|%-8T|', 1, 'a')", "       1|\"a\"     |"),
    ],
)];

fn format(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let Some(pattern) = args.first() else {
        return Err(Diagnostic::internal(Position::default(), "FORMAT lost its pattern"));
    };
    let text = match pattern.as_literal() {
        Some(Literal::String(text)) => text,
        Some(Literal::Null) => return Ok(Pg::null("text")),
        _ => return Err(Diagnostic::unsupported(pattern.at, "a pattern that is not a constant")),
    };
    let pieces = specifier::parse(text).map_err(|why| Diagnostic::invalid(pattern.at, why))?;
    let counts = |count: Option<Count>| usize::from(count == Some(Count::Argument));
    let expected: usize = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(_) => 0,
            Piece::Value(it) => 1 + counts(it.width) + counts(it.precision),
        })
        .sum();
    if expected + 1 != args.len() {
        let message = format!(
            "Too {} arguments to FORMAT for pattern \"{text}\"; Expected {}; Got {}",
            if args.len() > expected { "many" } else { "few" },
            expected + 1,
            args.len()
        );
        return Err(Diagnostic::invalid(pattern.at, message));
    }
    let mut values = Values { args: args.iter().zip(lowered).skip(1), taken: 0, pattern };
    let mut parts = Vec::with_capacity(pieces.len());
    for piece in pieces {
        parts.push(match piece {
            Piece::Text(text) => Pg::text(&text),
            Piece::Value(specifier) => value(&specifier, &mut values)?,
        });
    }
    Ok(match parts.len() {
        0 => Pg::text(""),
        _ => Pg::template("$||", parts),
    })
}

/// The arguments after the pattern, in order.
struct Values<'a, I: Iterator<Item = (&'a Expr, Pg)>> {
    args: I,
    taken: usize,
    pattern: &'a Expr,
}

impl<'a, I: Iterator<Item = (&'a Expr, Pg)>> Values<'a, I> {
    fn next(&mut self) -> Result<(&'a Expr, Pg), Diagnostic> {
        self.taken += 1;
        self.args.next().ok_or_else(|| {
            Diagnostic::internal(self.pattern.at, "FORMAT counted its arguments wrongly")
        })
    }

    /// A width or a precision.
    fn count(&mut self, count: Option<Count>) -> Result<Pg, Diagnostic> {
        match count {
            None => Ok(Pg::null("bigint")),
            Some(Count::Fixed(count)) => Ok(Pg::number(i64::from(count))),
            Some(Count::Argument) => {
                let place = self.taken + 2;
                let (arg, value) = self.next()?;
                typed(arg, value, &Type::Int64).ok_or_else(|| wrong(arg, place, "integer"))
            }
        }
    }
}

fn value<'a, I: Iterator<Item = (&'a Expr, Pg)>>(
    specifier: &Specifier,
    values: &mut Values<'a, I>,
) -> Result<Pg, Diagnostic> {
    let counted =
        specifier.width == Some(Count::Argument) || specifier.precision == Some(Count::Argument);
    let width = values.count(specifier.width)?;
    let precision = values.count(specifier.precision)?;
    let place = values.taken + 2;
    let (arg, value) = values.next()?;
    let flags = Pg::text(&specifier.flags);
    let conversion = Pg::text(specifier.conversion.encode_utf8(&mut [0; 4]));
    let plain =
        specifier.flags.is_empty() && specifier.width.is_none() && specifier.precision.is_none();
    let number = |template, value| {
        Pg::template(
            template,
            vec![value, conversion.clone(), flags.clone(), width.clone(), precision.clone()],
        )
    };
    let written = match specifier.conversion {
        'd' | 'o' | 'x' | 'X' => {
            let value =
                typed(arg, value, &Type::Int64).ok_or_else(|| wrong(arg, place, "integer"))?;
            if plain && specifier.conversion == 'd' {
                Pg::template("$1::text", vec![value])
            } else {
                number("logweir.format_integer($*)", value)
            }
        }
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => match arg.ty {
            Type::Numeric | Type::BigNumeric => number("logweir.format_number($*)", value),
            _ => {
                let value =
                    typed(arg, value, &Type::Float64).ok_or_else(|| wrong(arg, place, "DOUBLE"))?;
                // Minus nothing has no sign here.
                let value = Pg::template("$1 + 0.0", vec![value]);
                number("logweir.format_float($*)", value)
            }
        },
        's' => {
            let value =
                typed(arg, value, &Type::String).ok_or_else(|| wrong(arg, place, "STRING"))?;
            if plain {
                value
            } else {
                Pg::template(
                    "logweir.format_text($*)",
                    vec![value, flags, width.clone(), precision.clone()],
                )
            }
        }
        conversion => {
            let json = |value, template| {
                let value =
                    typed(arg, value, &Type::Json).ok_or_else(|| wrong(arg, place, "JSON"))?;
                Ok(Pg::template(template, vec![value]))
            };
            let text = match conversion {
                'p' => json(value, "logweir.json_text($1)")?,
                'P' => json(value, "logweir.pretty_json(logweir.json_text($1)::json)")?,
                _ => {
                    let text = printed(arg, value, conversion == 'T')?;
                    Pg::template("COALESCE($1, 'NULL')", vec![text])
                }
            };
            if plain {
                text
            } else {
                Pg::template(
                    "logweir.format_text($*)",
                    vec![text, flags, width.clone(), precision.clone()],
                )
            }
        }
    };
    // A width or precision that is NULL makes all NULL; one that is not given does not.
    if !counted {
        return Ok(written);
    }
    let mut given = vec![written];
    given.extend((specifier.width == Some(Count::Argument)).then_some(width));
    given.extend((specifier.precision == Some(Count::Argument)).then_some(precision));
    Ok(if given.len() == 2 {
        Pg::template("CASE WHEN $2 IS NOT NULL THEN $1 END", given)
    } else {
        Pg::template("CASE WHEN $2 IS NOT NULL AND $3 IS NOT NULL THEN $1 END", given)
    })
}

/// The value where it is of the type; values of events are read as it.
fn typed(arg: &Expr, value: Pg, ty: &Type) -> Option<Pg> {
    match &arg.ty {
        Type::Null => Some(Pg::null(&ty.postgres())),
        Type::Dynamic => Some(carrier::read(value, ty)),
        given => (given == ty).then_some(value),
    }
}

fn wrong(arg: &Expr, place: usize, expected: &str) -> Diagnostic {
    let message =
        format!("Invalid type for argument {place} to FORMAT; Expected {expected}; Got {}", arg.ty);
    Diagnostic::invalid(arg.at, message)
}
