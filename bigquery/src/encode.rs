//! Events taken apart into the values of their columns.

use event_schemas::{Fields, Value, members, parse};

use crate::{
    ColumnType, Mode,
    fit::{Fitted, fit, noun, shown},
    layout::{Layout, Slot},
};

/// A value that is not in its row, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Where in the event: `metadata.context[0].pid`; empty for the event itself.
    pub path: String,
    /// Why: `the column holds a date (DATE), this is 5`.
    pub text: String,
}

/// What became of an event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Encoded {
    /// Paths of fields for which there is no column: names with `.` between.
    pub(crate) unknown: Vec<String>,
    /// Whether a column that is fresh has a value.
    pub(crate) uses_fresh: bool,
}

/// Takes the event (an object as [`Event::write_body`](event_schemas::Event::write_body) writes it)
/// apart, and gives its values to `out`.
///
/// # Errors
/// The first value that does not fit its column. `out` has got a part then.
pub(crate) fn row(body: &str, layout: &Layout, out: &mut impl Output) -> Result<Encoded, Misfit> {
    let misfit = |text: String| Misfit { path: String::new(), text };
    let value = parse(body).map_err(|error| misfit(error.to_string()))?;
    let Value::Object(fields) = &value else {
        return Err(misfit(format!("an event is an object, this is {}", value.kind())));
    };
    let mut walk = Walk { path: Vec::new(), encoded: Encoded::default(), out };
    match walk.record(fields, layout, true) {
        Ok(()) => Ok(walk.encoded),
        Err(text) => Err(Misfit { path: walk.shown_path(), text }),
    }
}

/// What rows are written to.
pub(crate) trait Output {
    /// Values of this column follow.
    fn begin(&mut self, slot: &Slot);
    /// A value.
    fn scalar(&mut self, slot: &Slot, value: &Fitted<'_>);
    /// A record begins, whose columns follow.
    fn open(&mut self, slot: &Slot);
    /// It ends.
    fn close(&mut self);
    /// No more values of this column follow.
    fn end(&mut self, slot: &Slot);
}

#[derive(Debug, Clone, Copy)]
enum Step<'v> {
    Field(&'v str),
    Element(usize),
}

struct Walk<'v, 'o, O> {
    path: Vec<Step<'v>>,
    encoded: Encoded,
    out: &'o mut O,
}

impl<'v, O: Output> Walk<'v, '_, O> {
    /// On an error the path is that of the value.
    fn record(
        &mut self,
        fields: Fields<'v, '_>,
        layout: &Layout,
        is_event: bool,
    ) -> Result<(), String> {
        let mut seen = Seen::default();
        for (name, value) in members(fields) {
            if matches!(value, Value::Null) {
                continue;
            }
            self.path.push(Step::Field(name));
            match layout.find(name).and_then(|at| Some((at, layout.slot(at)?))) {
                Some((at, _)) if !seen.insert(at) => {
                    let text = "it shares a column with a field whose name differs in case";
                    return Err(text.to_owned());
                }
                Some((_, slot)) => {
                    self.encoded.uses_fresh |= slot.is_fresh;
                    self.out.begin(slot);
                    // The time of the event is in microseconds, however few they are.
                    if is_event && name == "timestamp" && slot.kind == ColumnType::Timestamp {
                        self.out.scalar(slot, &micros(value, slot)?);
                    } else {
                        self.field(value, slot)?;
                    }
                    self.out.end(slot);
                }
                None => {
                    let path = self.names();
                    self.encoded.unknown.push(path);
                }
            }
            self.path.pop();
        }
        match layout.required().find(|(at, _)| !seen.contains(*at)) {
            Some((_, slot)) => Err(format!("it lacks `{}`, which the table requires", slot.name)),
            None => Ok(()),
        }
    }

    fn field(&mut self, value: &'v Value<'_>, slot: &Slot) -> Result<(), String> {
        match (value, slot.mode, slot.kind) {
            (Value::Array(elements), Mode::Repeated, _) => {
                for (place, element) in elements.iter().enumerate() {
                    // No list of BigQuery's holds a NULL.
                    if matches!(element, Value::Null) {
                        continue;
                    }
                    self.path.push(Step::Element(place));
                    self.element(element, slot)?;
                    self.path.pop();
                }
                Ok(())
            }
            (Value::Array(elements), _, ColumnType::Record) => match elements.as_slice() {
                [one] => self.element(one, slot),
                _ => Err(format!("the column holds one object, these are {}", elements.len())),
            },
            _ => self.element(value, slot),
        }
    }

    fn element(&mut self, value: &'v Value<'_>, slot: &Slot) -> Result<(), String> {
        match (slot.kind, value) {
            (ColumnType::Record, Value::Object(fields)) => {
                self.out.open(slot);
                self.record(fields, &slot.inner, false)?;
                self.out.close();
            }
            (ColumnType::Record, _) => return Err(unfit(slot, value)),
            _ => self.out.scalar(slot, &fit(value, slot.kind)?),
        }
        Ok(())
    }

    fn names(&self) -> String {
        let names = self.path.iter().filter_map(|step| match step {
            Step::Field(name) => Some(*name),
            Step::Element(_) => None,
        });
        names.collect::<Vec<_>>().join(".")
    }

    fn shown_path(&self) -> String {
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Element(place) => path.push_str(&format!("[{place}]")),
                Step::Field(name) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(name);
                }
            }
        }
        path
    }
}

fn unfit(slot: &Slot, value: &Value<'_>) -> String {
    format!("the column holds {}, this is {}", noun(slot.kind), shown(value))
}

fn micros(value: &Value<'_>, slot: &Slot) -> Result<Fitted<'static>, String> {
    match value {
        Value::Number(micros) => micros.parse().map(Fitted::Int).map_err(|_| unfit(slot, value)),
        _ => Err(unfit(slot, value)),
    }
}

/// Columns that have a value.
#[derive(Default)]
struct Seen {
    first: u128,
    others: Vec<usize>,
}

impl Seen {
    /// `false` when it was there.
    fn insert(&mut self, at: usize) -> bool {
        let is_new = !self.contains(at);
        match Self::bit(at) {
            Some(bit) => self.first |= bit,
            None => self.others.push(at),
        }
        is_new
    }

    fn contains(&self, at: usize) -> bool {
        match Self::bit(at) {
            Some(bit) => self.first & bit != 0,
            None => self.others.contains(&at),
        }
    }

    fn bit(at: usize) -> Option<u128> {
        1_u128.checked_shl(u32::try_from(at).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Column, json_rows::JsonRow, layout::Fresh};

    fn layout() -> Layout {
        let column = |name: &str, kind, mode| Column::new(name, kind, mode);
        let record = |name: &str, mode, fields| Column {
            fields,
            ..Column::new(name, ColumnType::Record, mode)
        };
        let nullable = Mode::Nullable;
        let columns = [
            column("timestamp", ColumnType::Timestamp, Mode::Required),
            column("id", ColumnType::String, nullable),
            column("n", ColumnType::Integer, nullable),
            column("tags", ColumnType::String, Mode::Repeated),
            record(
                "m",
                Mode::Repeated,
                vec![
                    column("f", ColumnType::Float, nullable),
                    record(
                        "deep",
                        Mode::Repeated,
                        vec![column("b", ColumnType::Boolean, nullable)],
                    ),
                ],
            ),
            record("one", nullable, vec![column("x", ColumnType::Integer, Mode::Required)]),
            column("new", ColumnType::Date, nullable),
        ];
        Layout::new(&columns, &Fresh::from(["new".to_owned()]))
    }

    fn as_json(body: &str) -> Result<(String, Encoded), String> {
        let mut out = JsonRow::default();
        let encoded = row(body, &layout(), &mut out);
        let encoded = encoded.map_err(|misfit| format!("{}: {}", misfit.path, misfit.text))?;
        Ok((out.into_text(), encoded))
    }

    #[test]
    fn objects_become_records_that_repeat() {
        for (event, row) in [
            (r#"{"timestamp":1}"#, r#"{"timestamp":"1970-01-01T00:00:00.000001Z"}"#),
            (r#"{"timestamp":1,"m":{"f":1}}"#, r#"{"m":[{"f":1.0}]}"#),
            (r#"{"timestamp":1,"m":[{"f":1},{"f":"2"}]}"#, r#"{"m":[{"f":1.0},{"f":2.0}]}"#),
            (r#"{"timestamp":1,"m":{"deep":{"b":true}}}"#, r#"{"m":[{"deep":[{"b":true}]}]}"#),
            (r#"{"timestamp":1,"tags":"a"}"#, r#"{"tags":["a"]}"#),
            (r#"{"timestamp":1,"tags":["a",null,2,[3]]}"#, r#"{"tags":["a","2","[3]"]}"#),
            (r#"{"timestamp":1,"one":[{"x":1}]}"#, r#"{"one":{"x":1}}"#),
            (r#"{"timestamp":1,"N":1,"n":null}"#, r#"{"n":1}"#),
            (r#"{"timestamp":1,"n":"a","n":2}"#, r#"{"n":2}"#),
            (r#"{"timestamp":1,"new":"1970-01-02"}"#, r#"{"new":"1970-01-02"}"#),
            (r#"{"timestamp":1,"n":9007199254740993}"#, r#"{"n":"9007199254740993"}"#),
        ] {
            let (text, _) = as_json(event).unwrap();
            let text = text.replace(r#""timestamp":"1970-01-01T00:00:00.000001Z","#, "");
            assert_eq!(text, row, "{event}");
        }
    }

    #[test]
    fn what_has_no_column_is_told() {
        let (_, encoded) = as_json(
            r#"{"timestamp":1,"x":{"y":1},"m":[{"f":1,"z":2},{"z":3,"deep":{"c":1}}],"new":"1970-01-02"}"#,
        )
        .unwrap();
        assert_eq!(encoded.unknown, ["x", "m.z", "m.z", "m.deep.c"]);
        assert!(encoded.uses_fresh);
        assert_eq!(as_json(r#"{"timestamp":1}"#).unwrap().1, Encoded::default());
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_place() {
        for (event, why) in [
            ("{}", ": it lacks `timestamp`, which the table requires"),
            ("[]", ": an event is an object, this is a list"),
            (
                r#"{"timestamp":1,"n":"x"}"#,
                "n: the column holds a whole number of 64 bits (INT64), this is \"x\"",
            ),
            (
                r#"{"timestamp":1,"m":[{},{"deep":{"b":3}}]}"#,
                "m[1].deep.b: the column holds a boolean (BOOL), this is 3",
            ),
            (r#"{"timestamp":1,"m":[1]}"#, "m[0]: the column holds an object (RECORD), this is 1"),
            (r#"{"timestamp":1,"one":[{},{}]}"#, "one: the column holds one object, these are 2"),
            (r#"{"timestamp":1,"one":{}}"#, "one: it lacks `x`, which the table requires"),
            (
                r#"{"timestamp":1,"n":1,"N":2}"#,
                "N: it shares a column with a field whose name differs in case",
            ),
            (
                r#"{"timestamp":"x"}"#,
                "timestamp: the column holds a point in time (TIMESTAMP), this is \"x\"",
            ),
        ] {
            assert_eq!(as_json(event).unwrap_err(), why, "{event}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(body in r#"\{"timestamp":1(,"(n|N|m|tags|one|x)":[\[\]{}:,"a1]{1,20}){0,3}\}"#) {
            let _ = as_json(&body);
        }
    }
}
