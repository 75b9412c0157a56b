//! `CAST(x AS STRING FORMAT '…')` and its kin, by the type that is cast to. Their names have blanks:
//! they can be written as casts only.

use super::{
    Function, Param, Returns, function, lowered,
    number_elements::{self, NumberForm},
    time_elements,
};
use crate::{
    diagnostic::Diagnostic,
    postgres::Expr as Pg,
    tree::{Expr, Literal},
    types::Type,
};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "CAST TO STRING FORMAT",
        "A date, a time, BYTES or a number as text in a form; of a number without B, RN, TM and V.",
        &[
            lowered(&[Param::Date, Param::Pattern], Returns::String, time_text).total(),
            lowered(&[Param::Datetime, Param::Pattern], Returns::String, time_text).total(),
            lowered(&[Param::Time, Param::Pattern], Returns::String, time_text).total(),
            lowered(&[Param::Timestamp, Param::Pattern], Returns::String, time_text).total(),
            lowered(&[Param::Timestamp, Param::Pattern, Param::String], Returns::String, time_text),
            lowered(&[Param::Int64, Param::Pattern], Returns::String, number_text),
            lowered(&[Param::Numeric, Param::Pattern], Returns::String, number_text),
            lowered(&[Param::BigNumeric, Param::Pattern], Returns::String, number_text),
            lowered(&[Param::Float64, Param::Pattern], Returns::String, number_text),
            lowered(&[Param::Bytes, Param::Pattern], Returns::String, |args, lowered| {
                bytes(args, lowered, &BYTES_TEXT)
            })
            .safe_with(|args, lowered| bytes(args, lowered, &SAFE_BYTES_TEXT)),
        ],
        &[
            ("CAST(DATE '2024-01-02' AS STRING FORMAT 'DD/MM/YYYY')", "02/01/2024"),
            ("CAST(DATE '0031-01-02' AS STRING FORMAT 'YYYY YYY YY')", "0031 031 31"),
            (
                "CAST(DATE '2024-05-02' AS STRING FORMAT 'MONTH-DAY-Month-month-MON-Mon-Day-DY-Dy')",
                "MAY-THURSDAY-May-may-MAY-May-Thursday-THU-Thu",
            ),
            ("CAST(DATE '2024-05-02' AS STRING FORMAT 'D-DDD')", "5-123"),
            (
                "CAST(DATETIME '2024-01-02 13:04:05' AS STRING FORMAT 'yyyymmdd hh24miss')",
                "20240102 130405",
            ),
            ("CAST(TIME '13:04:05' AS STRING FORMAT 'HH12:MI AM')", "01:04 PM"),
            (
                "CAST(TIMESTAMP '2024-01-02 03:04:05+00' AS STRING FORMAT 'YYYY-MM-DD\"T\"HH24:MI:SS')",
                "2024-01-02T03:04:05",
            ),
            (
                "CAST(TIMESTAMP '2024-01-02 13:04:05.678901+00' AS STRING FORMAT 'HH-SSSSS-FF1-FF3-FF6-P.M.-am')",
                "01-47045-6-678-678901-P.M.-pm",
            ),
            ("CAST(b'\\x00\\xff\\x41' AS STRING FORMAT 'HEX')", "00ff41"),
            ("CAST(b'abc' AS STRING FORMAT 'BASE64')", "YWJj"),
            ("CAST(b'abc' AS STRING FORMAT 'ASCII')", "abc"),
            ("CAST(b'abc' AS STRING FORMAT 'UTF-8')", "abc"),
            ("SAFE_CAST(b'\\xff' AS STRING FORMAT 'ASCII')", "NULL"),
            ("CAST(CAST(NULL AS DATE) AS STRING FORMAT 'YYYY')", "NULL"),
            ("CAST(1234567.891 AS STRING FORMAT '999,999,999.99')", "   1,234,567.89"),
            ("CAST(2.675 AS STRING FORMAT '9.99')", " 2.67"),
            ("CAST(0.125 AS STRING FORMAT '9.99')", "  .12"),
            ("CAST(NUMERIC '0.135' AS STRING FORMAT '0.00')", " 0.14"),
            ("CAST(-12 AS STRING FORMAT '$999')", " -$12"),
            ("CAST(1234 AS STRING FORMAT '999')", " ###"),
            ("CAST(-1 AS STRING FORMAT '999PR')", "  <1>"),
            ("CAST(12345 AS STRING FORMAT '9.99EEEE')", " 1.23E+04"),
            ("CAST(1250.0 AS STRING FORMAT '9.9EEEE')", " 1.2E+03"),
            ("CAST(-2.5 AS STRING FORMAT '9EEEE')", "-2E+00"),
            ("CAST(99.96 AS STRING FORMAT '9.99EEEE')", " 1.00E+02"),
            ("CAST(NUMERIC '1250' AS STRING FORMAT '9.9EEEE')", " 1.3E+03"),
            ("CAST(255 AS STRING FORMAT '0XXX')", " 00FF"),
        ],
    ),
    function(
        "CAST TO BYTES FORMAT",
        "A text in a form as BYTES.",
        &[lowered(&[Param::String, Param::Pattern], Returns::Bytes, |args, lowered| {
            bytes(args, lowered, &TEXT_BYTES)
        })
        .safe_with(|args, lowered| bytes(args, lowered, &SAFE_TEXT_BYTES))],
        &[
            ("CAST('6162' AS BYTES FORMAT 'HEX')", "ab"),
            ("CAST('YWJj' AS BYTES FORMAT 'BASE64')", "abc"),
            ("CAST('é' AS BYTES FORMAT 'UTF-8')", "é"),
            ("SAFE_CAST('é' AS BYTES FORMAT 'ASCII')", "NULL"),
            ("SAFE_CAST('0Fg' AS BYTES FORMAT 'HEX')", "NULL"),
        ],
    ),
    function(
        "CAST TO DATE FORMAT",
        "A text in a form that has year, month and day as a date.",
        &[lowered(&[Param::String, Param::Pattern], Returns::Date, |args, lowered| {
            parsed(args, lowered, &Type::Date, false)
        })
        .safe_with(|args, lowered| parsed(args, lowered, &Type::Date, true))],
        &[
            ("CAST('20240102' AS DATE FORMAT 'YYYYMMDD')", "2024-01-02"),
            ("CAST(' 2024-1-2 ' AS DATE FORMAT 'YYYY-MM-DD')", "2024-01-02"),
            ("SAFE_CAST('2024/01/02' AS DATE FORMAT 'YYYY-MM-DD')", "NULL"),
        ],
    ),
    function(
        "CAST TO DATETIME FORMAT",
        "A text in a form that has year, month and day as a DATETIME.",
        &[lowered(&[Param::String, Param::Pattern], Returns::Datetime, |args, lowered| {
            parsed(args, lowered, &Type::Datetime, false)
        })
        .safe_with(|args, lowered| parsed(args, lowered, &Type::Datetime, true))],
        &[
            (
                "CAST('2024-01-02 3:4:5.1' AS DATETIME FORMAT 'YYYY-MM-DD HH24:MI:SS.FF3')",
                "2024-01-02 03:04:05.100",
            ),
            (
                "CAST('20240102 130405' AS DATETIME FORMAT 'YYYYMMDD HH24MISS')",
                "2024-01-02 13:04:05",
            ),
        ],
    ),
    function(
        "CAST TO TIME FORMAT",
        "A text in a form as a time of day.",
        &[lowered(&[Param::String, Param::Pattern], Returns::Time, |args, lowered| {
            parsed(args, lowered, &Type::Time, false)
        })
        .safe_with(|args, lowered| parsed(args, lowered, &Type::Time, true))],
        &[("CAST('13:04' AS TIME FORMAT 'HH24:MI')", "13:04:00")],
    ),
    function(
        "CAST TO TIMESTAMP FORMAT",
        "A text in a form that has year, month and day as a time, in UTC or a zone where it names none.",
        &[lowered(
            &[Param::String, Param::Pattern, Param::String],
            Returns::Timestamp,
            |args, lowered| parsed(args, lowered, &Type::Timestamp, false),
        )
        .optional(1)
        .safe_with(|args, lowered| parsed(args, lowered, &Type::Timestamp, true))],
        &[
            (
                "CAST('2024-01-02 13:04:05+02' AS TIMESTAMP FORMAT 'YYYY-MM-DD HH24:MI:SSTZH')",
                "2024-01-02 11:04:05+00",
            ),
            (
                "CAST('2024-01-02T13:04-02:30' AS TIMESTAMP FORMAT 'YYYY-MM-DD\"T\"HH24:MITZH:TZM')",
                "2024-01-02 15:34:00+00",
            ),
        ],
    ),
];

fn pattern(args: &[Expr]) -> Result<&str, Diagnostic> {
    match args.get(1).and_then(Expr::as_literal) {
        Some(Literal::String(text)) => Ok(text),
        _ => {
            let at = args.get(1).map(|arg| arg.at).unwrap_or_default();
            Err(Diagnostic::unsupported(at, "a FORMAT that is not constant"))
        }
    }
}

/// A date or time as text.
fn time_text(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let to_char = time_elements::to_char(pattern(args)?, &args[0].ty)
        .map_err(|message| Diagnostic::invalid(args[1].at, message))?;
    let mut values = lowered.into_iter();
    let (value, zone) = (values.next(), values.nth(1));
    let value = value.unwrap_or_else(|| Pg::null("timestamp"));
    let value = match (&args[0].ty, zone) {
        (Type::Date, _) => Pg::cast(value, &Type::Datetime),
        (Type::Time, _) => Pg::template("timestamp '1970-01-01' + $1::interval", vec![value]),
        (_, Some(zone)) => Pg::template("logweir.local_time($1, $2)", vec![value, zone]),
        _ => value,
    };
    // PostgreSQL gives NULL for an empty format.
    Ok(if to_char.is_empty() {
        Pg::template("CASE WHEN $1 IS NOT NULL THEN '' END", vec![value])
    } else {
        Pg::template("to_char($1, $2)", vec![value, Pg::text(&to_char)])
    })
}

/// A number as text.
fn number_text(args: &[Expr], lowered: Vec<Pg>) -> Result<Pg, Diagnostic> {
    let form = number_elements::read(pattern(args)?).map_err(|what| {
        Diagnostic::unsupported(args[1].at, format!("{what} in the FORMAT of a number"))
    })?;
    let value = lowered.into_iter().next().unwrap_or_else(|| Pg::null("numeric"));
    // A FLOAT64 that lies in the middle goes to the even digit.
    if let (Type::Float64, NumberForm::Scientific { .. }) = (&args[0].ty, &form) {
        let decimals = Pg::Atom(form.decimals().unwrap_or_default().to_string());
        return Ok(Pg::template(
            "logweir.format_float(logweir.finite($1) + 0.0, 'E', ' ', NULL, $2)",
            vec![value, decimals],
        ));
    }
    let value = match args[0].ty {
        Type::Float64 => match form.decimals() {
            Some(decimals) => Pg::template(
                "logweir.round_to_even(logweir.exact(logweir.finite($1)), $2)",
                vec![value, Pg::Atom(decimals.to_string())],
            ),
            None => Pg::template("logweir.exact(logweir.finite($1))", vec![value]),
        },
        Type::Int64 => Pg::template("$1::numeric", vec![value]),
        _ => value,
    };
    Ok(match form {
        NumberForm::Decimal { to_char, currency: "" } => {
            Pg::template("to_char($1, $2)", vec![value, Pg::text(&to_char)])
        }
        NumberForm::Decimal { to_char, currency } => Pg::template(
            "regexp_replace(to_char($1, $2), '(?=[0-9.#])', $3)",
            vec![value, Pg::text(&to_char), Pg::text(currency)],
        ),
        NumberForm::Scientific { to_char } => {
            Pg::template("upper(to_char($1, $2))", vec![value, Pg::text(&to_char)])
        }
        NumberForm::Hexadecimal { digits, zeros, upper } => {
            let flag = |flag| Pg::Atom(if flag { "TRUE" } else { "FALSE" }.to_owned());
            let digits = Pg::Atom(digits.to_string());
            Pg::template(
                "logweir.hexadecimal_text($1, $2, $3, $4)",
                vec![value, digits, flag(zeros), flag(upper)],
            )
        }
    })
}

/// A text as a date or time.
fn parsed(args: &[Expr], lowered: Vec<Pg>, ty: &Type, safe: bool) -> Result<Pg, Diagnostic> {
    let elements = time_elements::to_parse(pattern(args)?, ty)
        .map_err(|what| Diagnostic::unsupported(args[1].at, what))?;
    let mut values = lowered.into_iter();
    let (value, zone) = (values.next(), values.nth(1));
    let mut all = vec![Pg::text(&elements)];
    all.extend(value);
    all.push(Pg::text(&ty.to_string()));
    all.extend(zone);
    let template = if safe { "logweir.safe_parse_time($*)" } else { "logweir.parse_time($*)" };
    Ok(Pg::cast(Pg::template(template, all), ty))
}

/// Of the forms HEX, BASE64, ASCII and UTF-8.
type Templates = [&'static str; 4];

const BYTES_TEXT: Templates = [
    "encode($1, 'hex')",
    "translate(encode($1, 'base64'), e'\\n', '')",
    "logweir.ascii_text($1)",
    "logweir.bytes_text($1)",
];
const SAFE_BYTES_TEXT: Templates = [
    "encode($1, 'hex')",
    "translate(encode($1, 'base64'), e'\\n', '')",
    "logweir.safe_ascii($1)",
    "logweir.safe_bytes_text($1)",
];
const TEXT_BYTES: Templates = [
    "logweir.hex_bytes($1)",
    "logweir.base64_bytes($1)",
    "logweir.ascii_bytes($1)",
    "convert_to($1, 'UTF8')",
];
const SAFE_TEXT_BYTES: Templates = [
    "logweir.safe_hex_bytes($1)",
    "logweir.safe_base64($1)",
    "logweir.safe_ascii_bytes($1)",
    "convert_to($1, 'UTF8')",
];

fn bytes(
    args: &[Expr],
    mut lowered: Vec<Pg>,
    templates: &'static Templates,
) -> Result<Pg, Diagnostic> {
    let format = pattern(args)?;
    let place = match format.to_ascii_uppercase().as_str() {
        "HEX" | "BASE16" => 0,
        "BASE64" | "BASE64M" => 1,
        "ASCII" => 2,
        "UTF-8" | "UTF8" => 3,
        "BASE2" | "BASE8" | "BASE32" => {
            return Err(Diagnostic::unsupported(args[1].at, format!("the format {format}")));
        }
        _ => return Err(Diagnostic::invalid(args[1].at, format!("Invalid format '{format}'"))),
    };
    Ok(Pg::template(templates[place], vec![lowered.remove(0)]))
}
