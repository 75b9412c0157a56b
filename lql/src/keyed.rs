//! Terms that begin with a name and a colon.

use crate::{
    Aggregate, Column, Condition, Measure, Order, Path, Scalar, Selected, Table, Test, Unit,
    error::{LqlError, Problem},
    parse::{Term, on_message, path, pattern},
    reader::Reader,
    scalar, time,
};

/// What stands between a field and a value.
enum Operator {
    Equal,
    Order(Order),
    Pattern,
}

/// Signs as they are written, longest first. A list's elements are asked in any case.
const OPERATORS: [(&str, Operator); 7] = [
    ("@>~", Operator::Pattern),
    ("@>", Operator::Equal),
    ("~", Operator::Pattern),
    (">=", Operator::Order(Order::GreaterOrEqual)),
    ("<=", Operator::Order(Order::LessOrEqual)),
    (">", Operator::Order(Order::Greater)),
    ("<", Operator::Order(Order::Less)),
];

fn operator(reader: &mut Reader<'_>) -> Result<(&'static str, &'static Operator), LqlError> {
    let start = reader.offset();
    for wrong in ["==", "=", "!=", "<>"] {
        if reader.rest().starts_with(wrong) {
            return Err(reader.error(start, Problem::Operator(wrong.to_owned())));
        }
    }
    let found = OPERATORS.iter().find(|(sign, _)| reader.take(sign));
    Ok(found.map_or(("", &Operator::Equal), |(sign, operator)| (sign, operator)))
}

/// A value's word, or its text in quotes, and whether it was in quotes.
fn value(
    reader: &mut Reader<'_>,
    key: &str,
    example: &'static str,
) -> Result<(String, bool), LqlError> {
    let start = reader.offset();
    if let Some(text) = reader.quoted(true)? {
        return Ok((text.into_owned(), true));
    }
    let word = reader.word(|_| false);
    reader.end_term()?;
    if word.is_empty() {
        return Err(reader.error(start, missing(key, example)));
    }
    Ok((word.to_owned(), false))
}

fn missing(key: &str, example: &'static str) -> Problem {
    Problem::NoValue { key: key.to_owned(), example }
}

/// After `t:`
pub(crate) fn time(reader: &mut Reader<'_>, key: &str) -> Result<Test, LqlError> {
    let start = reader.offset();
    let (sign, operator) = operator(reader)?;
    let order = match (operator, sign) {
        (Operator::Order(order), _) => Some(*order),
        (Operator::Equal, "") => None,
        _ => return Err(reader.error(start, Problem::TimeOperator(sign.to_owned()))),
    };
    let at = reader.offset();
    let (word, _) = value(reader, key, "last@15minutes")?;
    let test = time::parse(order, &word).map_err(|problem| reader.error(at, problem))?;
    Ok(Test::Time(test))
}

/// After `path:`, of which the path begins at `start`.
pub(crate) fn field(reader: &mut Reader<'_>, key: &str, start: usize) -> Result<Test, LqlError> {
    let path = path(reader, key, start)?;
    let column = match path.parts.as_slice() {
        [name] if name == "id" => Some(Column::Id),
        [name] if name == "event_message" => Some(Column::EventMessage),
        _ => None,
    };
    let condition = match operator(reader)?.1 {
        Operator::Pattern => Condition::Pattern(pattern(reader)?),
        operator => {
            let at = reader.offset();
            let (word, quoted) = value(reader, key, "500")?;
            condition(operator, &word, quoted, column, &path)
                .map_err(|problem| reader.error(at, problem))?
        }
    };
    Ok(match column {
        None => Test::Field(path, condition),
        Some(Column::Id) => Test::Column(Column::Id, condition),
        Some(Column::EventMessage) => on_message(condition),
    })
}

fn condition(
    operator: &Operator,
    word: &str,
    quoted: bool,
    column: Option<Column>,
    path: &Path,
) -> Result<Condition, Problem> {
    // Columns are texts, whatever a value looks like.
    let read = if quoted || column.is_some() { Scalar::text } else { Scalar::of_word };
    match operator {
        Operator::Order(order) => {
            if word == "NULL" && !quoted {
                return Err(Problem::Unordered(word.to_owned()));
            }
            scalar::ordered(*order, read(word))
        }
        _ if quoted => Ok(Condition::Equal(read(word))),
        _ => scalar::condition(word, Some(path).filter(|_| column.is_none()), read),
    }
}

/// After `f:`
pub(crate) fn from(reader: &mut Reader<'_>, key: &str, _: usize) -> Result<Term, LqlError> {
    let at = reader.offset();
    let name = match reader.quoted(true)? {
        Some(name) => name.into_owned(),
        None => {
            let word = reader.word(|_| false);
            reader.end_term()?;
            word.trim_matches('`').to_owned()
        }
    };
    if name.is_empty() {
        return Err(reader.error(at, Problem::NoTable(format!("{key}:"))));
    }
    Ok(Term::From(Table { name, at: reader.position(at) }))
}

/// After `s:`
pub(crate) fn select(reader: &mut Reader<'_>, key: &str, _: usize) -> Result<Term, LqlError> {
    let at = reader.offset();
    let word = reader.word(|c| c == '@');
    if word.is_empty() {
        return Err(reader.error(at, missing(key, "m.request.path@path")));
    }
    let alias = if reader.take("@") {
        let at = reader.offset();
        let alias = reader.word(|_| false);
        let is_name = alias.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && alias.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && alias.len() <= 128;
        if !is_name {
            return Err(reader.error(at, Problem::Alias(alias.to_owned())));
        }
        Some(alias.to_owned())
    } else {
        None
    };
    reader.end_term()?;
    if word == "*" {
        return match alias {
            None => Ok(Term::Select(Selected::Everything(reader.position(at)))),
            Some(_) => Err(reader.error(at, Problem::StarAlias)),
        };
    }
    let path = match word {
        "t" => path(reader, "timestamp", at)?,
        word => path(reader, word, at)?,
    };
    Ok(Term::Select(Selected::Field { path, alias }))
}

/// After `c:`
pub(crate) fn chart(reader: &mut Reader<'_>, key: &str, start: usize) -> Result<Term, LqlError> {
    let at = reader.offset();
    let word = reader.word(|_| false);
    reader.end_term()?;
    if word.is_empty() {
        return Err(reader.error(at, missing(key, "count(*)")));
    }
    let wrong = || reader.error(at, Problem::Chart(word.to_owned()));
    let (name, rest) = word.split_once('(').ok_or_else(wrong)?;
    let argument = rest.strip_suffix(')').ok_or_else(wrong)?;
    let argument_at = at + name.len() + 1;
    let chart_at = reader.position(start);
    if name == "group_by" {
        let unit = argument.strip_prefix("t::").or_else(|| argument.strip_prefix("timestamp::"));
        let unit = unit
            .and_then(Unit::named)
            .ok_or_else(|| reader.error(argument_at, Problem::ChartUnit(argument.to_owned())))?;
        return Ok(Term::GroupBy(unit, chart_at));
    }
    let (aggregate, name) = Aggregate::named(name).ok_or_else(wrong)?;
    let measure = match (aggregate, argument) {
        (Aggregate::Count, "*") => Measure::Events,
        (_, "*" | "") => return Err(reader.error(at, Problem::ChartOfRows(name))),
        (_, "t") => Measure::Of(aggregate, path(reader, "timestamp", argument_at)?),
        (_, argument) => Measure::Of(aggregate, path(reader, argument, argument_at)?),
    };
    Ok(Term::Measure(measure, chart_at))
}
