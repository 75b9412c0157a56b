//! What can be called: the declarations of the translator, with every type that an argument may
//! have, and what a call then gives.

use std::collections::BTreeMap;

use rand::{Rng as _, rngs::StdRng};
use translate::{FunctionKind, FunctionSignature, Param, Parameters, Request, function_signatures};

use super::{hints::hint, literals, tree::Node};
use crate::conformance::{Catalog, Type, type_of_output};

/// A function with the types of its arguments.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) name: &'static str,
    pub(super) args: Vec<Argument>,
    pub(super) returns: Type,
}

/// What an argument is made of.
#[derive(Debug, Clone)]
pub(super) enum Argument {
    /// Any expression of a type.
    Of(Type),
    /// One of these texts.
    Among(&'static [&'static str]),
    /// This text.
    Text(String),
    /// `INTERVAL n part`.
    IntervalOf(&'static str),
}

/// All that can be called, by what it gives.
#[derive(Debug, Default)]
pub(super) struct Calls {
    scalar: BTreeMap<String, Vec<Call>>,
    pub(super) aggregates: Vec<Call>,
    pub(super) windows: Vec<Call>,
    /// Calls that the translator refuses, with what it says.
    pub(super) refused: Vec<(String, String)>,
}

/// What cannot be compared: by chance, by the time, by a sketch's bytes, or what the evaluator lacks.
const NOT_COMPARED: [&str; 16] = [
    "JSON_KEYS",
    "JSON_FLATTEN",
    "RAND",
    "GENERATE_UUID",
    "ERROR",
    "CONTAINS_SUBSTR",
    "SEARCH",
    "TEXT_ANALYZE",
    "COLLATE",
    "TO_BASE32",
    "FROM_BASE32",
    "MAX_BY",
    "MIN_BY",
    "ANY_VALUE",
    "EDIT_DISTANCE",
    "SESSION_USER",
];

/// What the evaluator computes without end when it is of NUMERICs.
const ENDLESS: [&str; 8] = ["EXP", "LN", "LOG", "LOG10", "POW", "POWER", "SQRT", "CBRT"];

const PARTS: [&str; 21] = [
    "MICROSECOND",
    "MILLISECOND",
    "SECOND",
    "MINUTE",
    "HOUR",
    "DAY",
    "WEEK",
    "WEEK(MONDAY)",
    "WEEK(SATURDAY)",
    "ISOWEEK",
    "MONTH",
    "QUARTER",
    "YEAR",
    "ISOYEAR",
    "DAYOFWEEK",
    "DAYOFYEAR",
    "DATE",
    "TIME",
    "DATETIME",
    "WEEK(SUNDAY)",
    "WEEK(WEDNESDAY)",
];

/// Formats of FORMAT with types that they take.
const PRINTED: &[(&str, &[Type])] = &[
    ("'%d'", &[Type::Int64]),
    ("'%5d|'", &[Type::Int64]),
    ("'%-5d|'", &[Type::Int64]),
    ("'%05d'", &[Type::Int64]),
    ("\"%'d\"", &[Type::Int64]),
    ("'%+d'", &[Type::Int64]),
    ("'%x %X'", &[Type::Int64, Type::Int64]),
    ("'%o'", &[Type::Int64]),
    ("'%s'", &[Type::String]),
    ("'%10s|'", &[Type::String]),
    ("'%-10s|'", &[Type::String]),
    ("'%.2s'", &[Type::String]),
    ("'%f'", &[Type::Float64]),
    ("'%.2f'", &[Type::Float64]),
    ("'%8.3f'", &[Type::Float64]),
    ("'%e'", &[Type::Float64]),
    ("'%g'", &[Type::Float64]),
    ("'%G'", &[Type::Float64]),
    ("'%.3f'", &[Type::Numeric]),
    ("'%t'", &[Type::Timestamp]),
    ("'%T'", &[Type::Timestamp]),
    ("'%t|%T'", &[Type::Date, Type::Datetime]),
    ("'%T'", &[Type::String]),
    ("'%T'", &[Type::Bytes]),
    ("'%t'", &[Type::Bytes]),
    ("'%T|%t'", &[Type::Float64, Type::Float64]),
    ("'%T|%t'", &[Type::Numeric, Type::Numeric]),
    ("'%T'", &[Type::Interval]),
    ("'%T'", &[Type::Time]),
    ("'%t %T'", &[Type::Bool, Type::Int64]),
    ("'%T'", &[Type::Json]),
    ("'%*d|'", &[Type::Int64, Type::Int64]),
    ("'%i%%'", &[Type::Int64]),
];

/// Formats of times and texts that are, or are nearly, of that form.
const READ: &[(&str, &[&str], &[&str])] = &[
    (
        "PARSE_DATE",
        &["'%Y-%m-%d'", "'%F'", "'%d/%m/%y'", "'%b %d %Y'", "'%j %Y'", "'%Y%m%d'", "'%D'"],
        &[
            "'2024-02-29'",
            "'29/02/24'",
            "'Feb 29 2024'",
            "'60 2024'",
            "'20240229'",
            "'2023-02-29'",
            "'02/29/24'",
            "''",
        ],
    ),
    (
        "PARSE_TIME",
        &["'%H:%M:%S'", "'%T'", "'%I:%M %p'", "'%H:%M:%E*S'", "'%R'"],
        &["'12:34:56'", "'1:02 PM'", "'23:59:59.123456'", "'24:00:00'", "'12:34'", "' 12:34:56 '"],
    ),
    (
        "PARSE_DATETIME",
        &["'%Y-%m-%d %H:%M:%S'", "'%F %T'", "'%Y-%m-%dT%H:%M:%E*S'", "'%c'", "'%s'"],
        &[
            "'2024-02-29 12:34:56'",
            "'2024-02-29T12:34:56.789'",
            "'Thu Feb 29 12:34:56 2024'",
            "'1709210096'",
        ],
    ),
    (
        "PARSE_TIMESTAMP",
        &["'%Y-%m-%d %H:%M:%S'", "'%F %T %Z'", "'%Y-%m-%dT%H:%M:%E*S%Ez'", "'%s'", "'%F %T%z'"],
        &[
            "'2024-02-29 12:34:56'",
            "'2024-02-29T12:34:56.789+05:30'",
            "'2024-02-29 12:34:56 UTC'",
            "'1709210096'",
            "'2024-02-29 12:34:56+0100'",
        ],
    ),
];

impl Calls {
    /// Asks the translator what each declared signature gives.
    pub(super) fn declared() -> Self {
        let mut calls = Self::default();
        for signature in function_signatures() {
            let decimal = signature
                .params
                .iter()
                .any(|param| matches!(param, Param::Numeric | Param::BigNumeric));
            let skipped = (decimal && ENDLESS.contains(&signature.name))
                || NOT_COMPARED.contains(&signature.name)
                || signature.name.contains(' ')
                || ["CURRENT_", "APPROX_", "HLL_"]
                    .iter()
                    .any(|begin| signature.name.starts_with(begin));
            if !skipped {
                calls.add_signature(&signature);
            }
        }
        for (pattern, types) in PRINTED {
            let args = types.iter().cloned().map(Argument::Of);
            let args = std::iter::once(Argument::Text((*pattern).to_owned())).chain(args).collect();
            calls.add_scalar(Call { name: "FORMAT", args, returns: Type::String });
        }
        for ((name, formats, texts), returns) in
            READ.iter().zip([Type::Date, Type::Time, Type::Datetime, Type::Timestamp])
        {
            let args = vec![Argument::Among(formats), Argument::Among(texts)];
            for _ in 0..4 {
                calls.add_scalar(Call { name, args: args.clone(), returns: returns.clone() });
            }
        }
        calls
    }

    /// Calls that give a type.
    pub(super) fn giving(&self, ty: &Type) -> &[Call] {
        self.scalar.get(&ty.to_string()).map_or(&[], Vec::as_slice)
    }

    fn add_scalar(&mut self, call: Call) {
        self.scalar.entry(call.returns.to_string()).or_default().push(call);
    }

    fn add_signature(&mut self, signature: &FunctionSignature) {
        if ["FORMAT", "PARSE_DATE", "PARSE_TIME", "PARSE_DATETIME", "PARSE_TIMESTAMP"]
            .contains(&signature.name)
        {
            return;
        }
        let most = signature.params.len();
        // Their defaults must be constant.
        let most = if ["LEAD", "LAG"].contains(&signature.name) { most - 1 } else { most };
        for count in signature.params.len() - signature.optional..=most {
            for same in same_types(&signature.params[..count]) {
                let params = signature.params[..count].iter().enumerate();
                let choices: Vec<_> = params
                    .map(|(place, param)| argument(signature.name, place, *param, &same))
                    .collect();
                self.add_choices(signature, &choices);
            }
        }
    }

    /// Of every argument with several choices each one is tried with the first of the others.
    fn add_choices(&mut self, signature: &FunctionSignature, choices: &[Vec<Argument>]) {
        let most = choices.iter().map(Vec::len).max().unwrap_or(1);
        if choices.iter().any(Vec::is_empty) {
            return;
        }
        for turn in 0..most {
            let args: Vec<_> = choices
                .iter()
                .filter_map(|choice| choice.get(turn.min(choice.len() - 1)).cloned())
                .collect();
            let expression = sample(signature.name, &args);
            let sql = match signature.kind {
                FunctionKind::Scalar => format!("SELECT {expression} AS v"),
                FunctionKind::Aggregate => {
                    format!("SELECT {expression} AS v FROM UNNEST([1]) AS x")
                }
                FunctionKind::Window => {
                    format!("SELECT {expression} OVER (ORDER BY x) AS v FROM UNNEST([1]) AS x")
                }
            };
            match type_of(&sql) {
                Ok(returns) => {
                    let call = Call { name: signature.name, args, returns };
                    match signature.kind {
                        FunctionKind::Scalar => self.add_scalar(call),
                        FunctionKind::Aggregate => self.aggregates.push(call),
                        FunctionKind::Window => self.windows.push(call),
                    }
                }
                Err(reason) => self.refused.push((sql, reason)),
            }
        }
    }
}

/// What arguments that stand for any type may be, all of them the same.
fn same_types(params: &[Param]) -> Vec<Type> {
    let any = |param: &Param| {
        matches!(param, Param::Same | Param::Any | Param::AnyArray)
            || matches!(param, Param::Array(element) if matches!(element, Param::Same | Param::Any))
    };
    if params.iter().any(any) {
        literals::SCALARS.into_iter().chain([Type::Json]).collect()
    } else {
        vec![Type::Int64]
    }
}

fn argument(name: &str, place: usize, param: Param, same: &Type) -> Vec<Argument> {
    if let Some(texts) = hint(name, place, param) {
        return vec![Argument::Among(texts)];
    }
    let ty = match param {
        Param::DatePart => return PARTS.map(|part| Argument::Text(part.to_owned())).to_vec(),
        Param::Interval if name.ends_with("_ADD") || name.ends_with("_SUB") => {
            return PARTS.map(Argument::IntervalOf).to_vec();
        }
        Param::Interval if name.contains("BUCKET") || name.starts_with("GENERATE_") => {
            return vec![Argument::Among(&[
                "INTERVAL 1 DAY",
                "INTERVAL 36 HOUR",
                "INTERVAL 7 DAY",
                "INTERVAL 2 MONTH",
                "INTERVAL 1 YEAR",
            ])];
        }
        Param::Sketch | Param::Dynamic => return Vec::new(),
        Param::Same | Param::Any => same.clone(),
        Param::AnyArray => Type::Array(Box::new(same.clone())),
        Param::Array(Param::Same | Param::Any) => Type::Array(Box::new(same.clone())),
        Param::Array(element) => Type::Array(Box::new(plain(*element))),
        param => plain(param),
    };
    vec![Argument::Of(ty)]
}

fn plain(param: Param) -> Type {
    match param {
        Param::Bool => Type::Bool,
        Param::Float64 => Type::Float64,
        Param::Numeric => Type::Numeric,
        Param::BigNumeric => Type::BigNumeric,
        Param::Pattern | Param::String => Type::String,
        Param::Bytes => Type::Bytes,
        Param::Timestamp => Type::Timestamp,
        Param::Datetime => Type::Datetime,
        Param::Date => Type::Date,
        Param::Time => Type::Time,
        Param::Interval => Type::Interval,
        Param::Json => Type::Json,
        _ => Type::Int64,
    }
}

/// A call over the simplest arguments.
fn sample(name: &str, args: &[Argument]) -> String {
    let args: Vec<_> = args
        .iter()
        .map(|arg| match arg {
            Argument::Of(ty) => literals::simplest(ty).unwrap_or_else(|| "NULL".to_owned()),
            Argument::Among(texts) => texts.first().copied().unwrap_or("NULL").to_owned(),
            Argument::Text(text) => text.clone(),
            Argument::IntervalOf(part) => format!("INTERVAL 1 {part}"),
        })
        .collect();
    written(name, args)
}

/// A call or an operator's expression.
fn written(name: &str, args: Vec<String>) -> String {
    let args = args.into_iter().map(Node::text).collect();
    written_node(name, &Type::Int64, args).sql()
}

/// A call or an operator's expression, of a type.
pub(super) fn written_node(name: &str, ty: &Type, args: Vec<Node>) -> Node {
    if let Some(template) = template(name, args.len()) {
        return Node::expression(ty, template, args);
    }
    let places = vec!["$"; args.len()].join(", ");
    Node::expression(ty, &format!("{name}({places})"), args)
}

/// A template with `$` for each argument, of what is not written as a call.
fn template(name: &str, count: usize) -> Option<&'static str> {
    Some(match (name, count) {
        ("EXTRACT", 2) => "EXTRACT($ FROM $)",
        ("EXTRACT", 3) => "EXTRACT($ FROM $ AT TIME ZONE $)",
        ("~", _) => "(~ $)",
        ("-", 1) => "(- $)",
        ("||", _) => "($ || $)",
        ("&", _) => "($ & $)",
        ("|", _) => "($ | $)",
        ("^", _) => "($ ^ $)",
        ("<<", _) => "($ << $)",
        (">>", _) => "($ >> $)",
        ("+", _) => "($ + $)",
        ("-", _) => "($ - $)",
        ("*", _) => "($ * $)",
        ("/", _) => "($ / $)",
        _ => return None,
    })
}

/// The type that the translator gives the column of a query.
fn type_of(sql: &str) -> Result<Type, String> {
    let parameters = Parameters::default();
    let request = Request { endpoint: sql, consumer: None, parameters: &parameters, max_rows: 10 };
    let translation = translate::translate(&request, &Catalog::default());
    let translation = translation.map_err(|error| error.to_string())?;
    let column = translation.columns.first().ok_or("no column")?;
    Ok(type_of_output(&column.ty))
}

/// One of the texts of an argument that has several.
pub(super) fn among(texts: &[&str], rng: &mut StdRng) -> String {
    texts.get(rng.random_range(0..texts.len())).copied().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_become_calls_of_every_type() {
        let calls = Calls::declared();
        for ty in literals::SCALARS {
            assert!(calls.giving(&ty).len() > 5, "{ty}");
        }
        assert!(calls.aggregates.len() > 20 && calls.windows.len() > 20);
        let all = calls.giving(&Type::Int64);
        assert!(all.iter().any(|call| call.name == "EXTRACT"));
    }
}
