//! Terms, and what they come to together.

use crate::{
    Chart, Column, Condition, Filter, Lql, MAX_BYTES, MAX_TERMS, Measure, Path, Pattern, Position,
    Selected, Table, Test, Unit,
    error::{LqlError, Problem},
    keyed,
    reader::Reader,
};

/// Parses a text. One without terms has no filters: every event matches it.
///
/// # Errors
///
/// Where the text is no LQL: what is wrong, where, and what to write instead.
pub fn parse(text: &str) -> Result<Lql, LqlError> {
    let mut reader = Reader::new(text);
    if text.len() > MAX_BYTES {
        return Err(reader.error(0, Problem::TooLong(text.len())));
    }
    if let Some(place) = text.find('\0') {
        return Err(reader.error(place, Problem::Nul));
    }
    let mut parts = Parts::default();
    for count in 0.. {
        reader.skip_blanks();
        if reader.rest().is_empty() {
            break;
        }
        if count == MAX_TERMS {
            return Err(reader.error(reader.offset(), Problem::TooManyTerms));
        }
        let start = reader.offset();
        let term = term(&mut reader)?;
        parts.add(term).map_err(|problem| reader.error(start, problem))?;
    }
    parts.finish()
}

/// One term.
pub(crate) enum Term {
    Filter(Filter),
    Select(Selected),
    From(Table),
    Measure(Measure, Position),
    GroupBy(Unit, Position),
}

/// The terms so far.
#[derive(Default)]
struct Parts {
    lql: Lql,
    measure: Option<Measure>,
    unit: Option<Unit>,
    chart_at: Option<Position>,
}

impl Parts {
    fn add(&mut self, term: Term) -> Result<(), Problem> {
        match term {
            Term::Filter(filter) => self.lql.filters.push(filter),
            Term::Select(selected) => {
                let star = |selected: &Selected| matches!(selected, Selected::Everything(_));
                self.lql.select.push(selected);
                if self.lql.select.len() > 1 && self.lql.select.iter().any(star) {
                    return Err(Problem::StarAmongOthers);
                }
            }
            Term::From(table) => {
                if self.lql.from.replace(table).is_some() {
                    return Err(Problem::SecondTable);
                }
            }
            Term::Measure(measure, at) => {
                self.chart_at.get_or_insert(at);
                if self.measure.replace(measure).is_some() {
                    return Err(Problem::SecondChart("value"));
                }
            }
            Term::GroupBy(unit, at) => {
                self.chart_at.get_or_insert(at);
                if self.unit.replace(unit).is_some() {
                    return Err(Problem::SecondChart("group_by"));
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Lql, LqlError> {
        let Some(at) = self.chart_at else { return Ok(self.lql) };
        if !self.lql.select.is_empty() {
            return Err(LqlError { at, problem: Problem::SelectedChart });
        }
        let chart = Chart {
            measure: self.measure.unwrap_or(Measure::Events),
            unit: self.unit.unwrap_or(Unit::Minute),
            at,
        };
        Ok(Lql { chart: Some(chart), ..self.lql })
    }
}

fn term(reader: &mut Reader<'_>) -> Result<Term, LqlError> {
    let start = reader.offset();
    let negated = reader.take("-");
    if negated && reader.at_end() {
        return Err(reader.error(start, Problem::LoneMinus));
    }
    let filter = |test, reader: &Reader<'_>| {
        Term::Filter(Filter { negated, test, at: reader.position(start) })
    };
    let here = reader.offset();
    if reader.take("~") {
        let pattern = pattern(reader)?;
        return Ok(filter(on_message(Condition::Pattern(pattern)), reader));
    }
    if let Some(phrase) = reader.quoted(true)? {
        if phrase.is_empty() {
            return Err(reader.error(here, Problem::EmptyQuotes));
        }
        let contains = Condition::Contains(phrase.into_owned());
        return Ok(filter(on_message(contains), reader));
    }
    let head = reader.word(|c| c == ':');
    if !reader.take(":") {
        reader.end_term()?;
        if matches!(head, "OR" | "AND" | "NOT") {
            return Err(reader.error(here, Problem::Reserved(head.to_owned())));
        }
        return Ok(filter(on_message(Condition::Contains(head.to_owned())), reader));
    }
    let clause = match head {
        "f" | "from" => keyed::from,
        "s" | "select" => keyed::select,
        "c" | "chart" => keyed::chart,
        _ => {
            let test = match head {
                "t" | "timestamp" => keyed::time(reader, head)?,
                _ => keyed::field(reader, head, here)?,
            };
            return Ok(filter(test, reader));
        }
    };
    if negated {
        return Err(reader.error(start, Problem::NegatedClause(format!("{head}:"))));
    }
    clause(reader, head, start)
}

/// What is asked of the message. A pattern that every text fits asks nothing.
pub(crate) fn on_message(condition: Condition) -> Test {
    match condition {
        Condition::Pattern(pattern) if pattern.fits_all() => Test::Everything,
        condition => Test::Column(Column::EventMessage, condition),
    }
}

/// A regular expression, in quotes or not.
pub(crate) fn pattern(reader: &mut Reader<'_>) -> Result<Pattern, LqlError> {
    let start = reader.offset();
    let text = match reader.quoted(false)? {
        Some(text) => text,
        None => {
            let word = reader.word(|_| false);
            reader.end_term()?;
            word.into()
        }
    };
    if text.is_empty() && reader.offset() == start {
        return Err(reader.error(start, Problem::NoPattern));
    }
    Pattern::new(&text).map_err(|problem| reader.error(start, problem))
}

/// The path of a field.
pub(crate) fn path(reader: &Reader<'_>, text: &str, at: usize) -> Result<Path, LqlError> {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let mut parts: Vec<String> = text.split('.').map(str::to_owned).collect();
    if !parts.iter().all(|part| is_name(part)) {
        return Err(reader.error(at, Problem::Path(text.to_owned())));
    }
    if parts.len() > crate::filter::MAX_PATH_PARTS {
        return Err(reader.error(at, Problem::LongPath));
    }
    if let Some(first) = parts.first_mut().filter(|first| *first == "m") {
        *first = "metadata".to_owned();
    }
    Ok(Path { parts, at: reader.position(at) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Aggregate, Order, Scalar};

    fn only(text: &str) -> Filter {
        let lql = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let [filter] = <[Filter; 1]>::try_from(lql.filters).unwrap();
        filter
    }

    fn on_path(text: &str) -> (String, Condition) {
        let Test::Field(path, condition) = only(text).test else { panic!("{text} is no field") };
        (path.parts.join("."), condition)
    }

    #[test]
    fn reads_filters() {
        let text = |text: &str| Scalar::Text(text.to_owned());
        for (lql, path, condition) in [
            ("m.a:x", "metadata.a", Condition::Equal(text("x"))),
            ("metadata.a:5", "metadata.a", Condition::Equal(Scalar::Int64(5))),
            ("a.m:-5", "a.m", Condition::Equal(Scalar::Int64(-5))),
            ("a:1.5", "a", Condition::Equal(Scalar::Float64("1.5".to_owned()))),
            (
                "a:99999999999999999999",
                "a",
                Condition::Equal(Scalar::Float64("99999999999999999999".to_owned())),
            ),
            ("a:1e999", "a", Condition::Equal(text("1e999"))),
            ("a:true", "a", Condition::Equal(Scalar::Bool(true))),
            ("a:\"true\"", "a", Condition::Equal(text("true"))),
            ("a:\"\"", "a", Condition::Equal(text(""))),
            ("a:null", "a", Condition::Equal(text("null"))),
            ("a:NULL", "a", Condition::Missing),
            ("a:\"NULL\"", "a", Condition::Equal(text("NULL"))),
            ("a:http://x", "a", Condition::Equal(text("http://x"))),
            ("a:@>5", "a", Condition::Equal(Scalar::Int64(5))),
            ("a:>=5", "a", Condition::Compare(Order::GreaterOrEqual, Scalar::Int64(5))),
            ("a:<\"x y\"", "a", Condition::Compare(Order::Less, text("x y"))),
            (
                "a:1..2.5",
                "a",
                Condition::Between(Scalar::Int64(1), Scalar::Float64("2.5".to_owned())),
            ),
            ("a:b..c", "a", Condition::Between(text("b"), text("c"))),
            ("a:\"b..c\"", "a", Condition::Equal(text("b..c"))),
            (
                "m.level:error..critical",
                "metadata.level",
                Condition::OneOf(vec!["error".to_owned(), "critical".to_owned()]),
            ),
            (
                "m.kind:error..critical",
                "metadata.kind",
                Condition::Between(text("error"), text("critical")),
            ),
        ] {
            assert_eq!(on_path(lql), (path.to_owned(), condition), "{lql}");
        }
        for (lql, pattern) in
            [("a:~x.y", "x.y"), ("a:@>~x", "x"), (r#"a:~"x \"y\" \\d \d""#, r#"x "y" \\d \d"#)]
        {
            let (_, condition) = on_path(lql);
            let Condition::Pattern(found) = condition else { panic!("{lql}: {condition:?}") };
            assert_eq!(found.as_str(), pattern);
        }
    }

    #[test]
    fn reads_messages() {
        for (lql, contained) in [
            ("word", "word"),
            ("a-b.c/d", "a-b.c/d"),
            ("\"two words\"", "two words"),
            (r#""a \"b\" \\ \d""#, r#"a "b" \ \d"#),
            ("or", "or"),
            ("\"OR\"", "OR"),
            ("é", "é"),
        ] {
            let test =
                Test::Column(Column::EventMessage, Condition::Contains(contained.to_owned()));
            let filter = only(lql);
            assert_eq!((filter.test, filter.negated), (test.clone(), false), "{lql}");
            let filter = only(&format!("-{lql}"));
            assert_eq!((filter.test, filter.negated), (test, true), "{lql}");
        }
        assert_eq!(only("~\".*?\"").test, Test::Everything);
        assert_eq!(only("event_message:~\".*?\"").test, Test::Everything);
        assert!(matches!(only("m.a:~\".*\"").test, Test::Field(..)));
        assert_eq!(
            only("id:5").test,
            Test::Column(Column::Id, Condition::Equal(Scalar::Text("5".to_owned())))
        );
    }

    #[test]
    fn reads_the_rest_of_a_query() {
        let lql = parse("s:m.user.id@uid\n select:t f:\"cloudflare.logs.prod\" x").unwrap();
        let [Selected::Field { path, alias }, Selected::Field { path: time, .. }] =
            lql.select.as_slice()
        else {
            panic!("{lql:?}")
        };
        assert_eq!(
            (path.parts.join("."), alias.as_deref()),
            ("metadata.user.id".to_owned(), Some("uid"))
        );
        assert_eq!(time.parts, ["timestamp"]);
        assert_eq!((time.at.offset, time.at.line, time.at.column), (24, 2, 9));
        assert!(matches!(parse("s:*").unwrap().select.as_slice(), [Selected::Everything(_)]));
        assert_eq!(lql.from.unwrap().name, "cloudflare.logs.prod");
        assert_eq!(lql.filters[0].at.line, 2);

        let chart = |text: &str| parse(text).unwrap().chart.unwrap();
        assert_eq!(chart("c:count(*)").measure, Measure::Events);
        assert_eq!(chart("c:count(*)").unit, Unit::Minute);
        assert_eq!(chart("chart:group_by(timestamp::hour)").measure, Measure::Events);
        for (name, aggregate) in [
            ("count", Aggregate::Count),
            ("countd", Aggregate::CountDistinct),
            ("avg", Aggregate::Average),
            ("sum", Aggregate::Sum),
            ("max", Aggregate::Max),
            ("p50", Aggregate::Percentile(50)),
            ("p95", Aggregate::Percentile(95)),
            ("p99", Aggregate::Percentile(99)),
        ] {
            let chart = chart(&format!("c:{name}(m.a) c:group_by(t::d)"));
            let Measure::Of(found, path) = chart.measure else { panic!("{name}") };
            assert_eq!((found, path.parts.join(".")), (aggregate, "metadata.a".to_owned()));
            assert_eq!(chart.unit, Unit::Day);
        }
        assert_eq!(parse(" \n ").unwrap(), Lql::default());
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let cases = include_str!("../fixtures/refusals.txt");
        let mut seen = 0;
        for case in cases.split("\n\n") {
            let (lql, expected) = case.trim_end().rsplit_once("\n  ").unwrap();
            let error = parse(lql).unwrap_err();
            assert_eq!(error.to_string(), expected, "{lql}");
            seen += 1;
        }
        assert!(seen > 30);
        assert!(parse("a\0b").is_err());
    }

    #[test]
    fn is_bounded() {
        assert!(parse(&"x ".repeat(MAX_TERMS)).is_ok());
        for text in [
            "x ".repeat(MAX_TERMS + 1),
            "x".repeat(MAX_BYTES + 1),
            format!("{}a:1", "a.".repeat(crate::filter::MAX_PATH_PARTS)),
            format!("~{}", "(".repeat(5000)),
        ] {
            assert!(parse(&text).is_err());
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn never_panics_on_what_looks_right(
            text in "([-~]?(m[.]a|t|f|s|c|level|id|x)?:?(@>|~|>=|<|)(\"[a \\\\\"]{0,4}|[0-9.eT:{}-]{0,12}|last@5m|info[.][.]error|count[(][*][)])? ?){0,5}"
        ) {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_quoted_is_found(text in "[^\0]{1,20}") {
            let quoted = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            let test = Test::Column(Column::EventMessage, Condition::Contains(text));
            prop_assert_eq!(only(&quoted).test, test);
        }
    }
}
