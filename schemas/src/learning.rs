//! What events teach of a source's fields.
//!
//! A source's schema declares some fields; events carry others, and those are learned: their path
//! and kind. What is learned is a set that only grows, and everything else follows from it, so that
//! processes that learn the same in different orders agree.

mod news;
mod node;

use std::sync::Arc;

use crate::{FieldKind, FieldPath, InvalidSchema, TableSchema};
use node::{Node, Tally};

pub use news::{SchemaNews, Sighting};

/// All that is known of a source's fields: declared by its schema, and learned from events.
///
/// - A field that no schema declares gets the type of the values it carries.
/// - Whole numbers and others together are [`Float64`](crate::FieldType::Float64).
/// - An object and a list of objects are alike as fields: where an object is known, the fields of
///   the elements are its fields (`a.b`, not `a[].b`), and the type is that of the object.
/// - Where events disagree otherwise, a declared field keeps its type; any other becomes
///   [`Unknown`](crate::FieldType::Unknown), and what lies below it is forgotten.
/// - An object whose names are data, such as ids, is no set of fields. So an object has no more than
///   [`MAX_FIELDS`](SourceSchema::MAX_FIELDS), and one that brings more new names than there is room
///   for teaches none of them. Else a single one would take all paths of its source.
#[derive(Debug, Clone)]
pub struct SourceSchema {
    declared: Arc<TableSchema>,
    root: Node,
    tally: Tally,
}

/// What became of something learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Learned {
    /// The path was not known.
    New,
    /// It held whole numbers only, and now is of any number; or lists of objects only, and now is
    /// an object.
    Widened,
    /// It, or a path above it, is known to be of another kind. This is told once.
    Conflict {
        /// What it was known to be.
        known: FieldKind,
    },
    /// Nothing new in it.
    Known,
    /// The source has its [`SourceSchema::MAX_PATHS`], or the object that it is a field of has as
    /// many fields as one may have; it was not learned.
    Full,
}

/// What was learned of one path, as a row of the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearnedField {
    /// Which path.
    pub path: FieldPath,
    /// Its kind. For a declared path the declared one; for one that events disagree about the first
    /// in the order of [`FieldKind`].
    pub kind: FieldKind,
    /// The other kinds that were met there. Lists are none of them where objects were met: what is
    /// at odds then is elements that are no objects, and those have their own path.
    pub conflicts: Vec<FieldKind>,
}

impl SourceSchema {
    /// Most paths of a source, declared and learned. A table of BigQuery has 10,000 columns.
    pub const MAX_PATHS: usize = 5_000;

    /// Most fields of an object to which further ones are learned.
    pub const MAX_FIELDS: usize = 200;

    /// Most fields of the event itself to which further ones are learned.
    pub const MAX_EVENT_FIELDS: usize = 1_000;

    /// Most paths that a single event teaches; the next one like it goes on.
    pub const MAX_PATHS_OF_EVENT: usize = 500;

    /// What is declared, and nothing learned. A source without a schema declares nothing.
    pub fn new(declared: Arc<TableSchema>) -> Self {
        let mut tally = Tally { paths: 0, most: Self::MAX_PATHS };
        let root = Node::of_event(&declared, &mut tally);
        Self { declared, root, tally }
    }

    /// What a source's JSON Schema declares, and nothing learned. Where it allows several types, as
    /// for a status that may come as text, none of them is news.
    ///
    /// # Errors
    /// As of [`TableSchema::from_json_schema`].
    pub fn from_json_schema(schema: &serde_json::Value) -> Result<Self, InvalidSchema> {
        let mut known = Self::new(Arc::new(TableSchema::from_json_schema(schema)?));
        known.root.allow(schema);
        Ok(known)
    }

    /// Adds what was learned before, in any order. Rows are never refused: they were learned when
    /// there was room.
    #[must_use]
    pub fn with_learned(mut self, learned: impl IntoIterator<Item = LearnedField>) -> Self {
        self.tally.most = usize::MAX;
        for field in learned {
            for kind in std::iter::once(field.kind).chain(field.conflicts) {
                self.learn(&field.path, kind);
            }
        }
        self.tally.most = Self::MAX_PATHS;
        self
    }

    /// Learns that a value of this kind was met at a path, and so that the paths above it hold
    /// objects and lists. [`SchemaNews`] names those first, so that a conflict is told for its path.
    pub fn learn(&mut self, path: &FieldPath, kind: FieldKind) -> Learned {
        self.root.learn(path.steps(), kind, &mut self.tally)
    }

    /// The types of all fields, for those who read events. Made anew: costs time in proportion to
    /// the number of paths.
    pub fn table_schema(&self) -> TableSchema {
        let mut table = TableSchema::clone(&self.declared);
        self.root.add_learned(&mut table);
        table
    }

    /// All that was learned, in the order of the paths' steps.
    pub fn learned(&self) -> Vec<LearnedField> {
        let mut rows = Vec::new();
        self.root.rows(&mut Vec::new(), &mut rows);
        rows
    }

    /// What was learned of one path. None for one of which nothing was: where an object is known,
    /// elements of lists have a path of their own only as far as they are no objects.
    pub fn learned_at(&self, path: &FieldPath) -> Option<LearnedField> {
        self.root.row_at(path)
    }

    /// Whether no further path is learned. Further kinds at known paths still are.
    pub fn is_full(&self) -> bool {
        self.tally.room() == 0
    }
}

/// Two that know the same.
impl PartialEq for SourceSchema {
    fn eq(&self, other: &Self) -> bool {
        self.declared == other.declared && self.root == other.root
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        Event, FieldType, PathStep, SUPABASE_SOURCES, Value, json_schema, parse, sample_events,
    };

    fn declared(properties: serde_json::Value) -> Arc<TableSchema> {
        let schema = json!({"type": "object", "properties": properties});
        Arc::new(TableSchema::from_json_schema(&schema).unwrap())
    }

    fn event(text: &str) -> Event<'_> {
        Event::normalise(parse(text).unwrap(), 0).unwrap()
    }

    fn path(text: &str) -> FieldPath {
        text.parse().unwrap()
    }

    /// The news of an event: `path kind, path kind`.
    fn news(schema: &SourceSchema, text: &str) -> String {
        let mut news = SchemaNews::default();
        schema.news(&event(text), &mut news);
        let shown: Vec<_> =
            news.iter().map(|sighting| format!("{} {}", sighting.path, sighting.kind)).collect();
        shown.join(", ")
    }

    fn learn_news(schema: &mut SourceSchema, event: &Event<'_>) -> Vec<Learned> {
        let mut news = SchemaNews::default();
        schema.news(event, &mut news);
        news.iter().map(|sighting| schema.learn(sighting.path, sighting.kind)).collect()
    }

    /// What was learned: `path kind !conflict`.
    fn rows(schema: &SourceSchema) -> String {
        let shown = schema.learned().into_iter().map(|row| {
            let conflicts: String = row.conflicts.iter().map(|kind| format!(" !{kind}")).collect();
            format!("{} {}{conflicts}", row.path, row.kind)
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn events_have_news() {
        let schema = SourceSchema::new(declared(json!({
            "n": {"type": "number"},
            "i": {"type": "integer"},
            "t": {"type": ["integer", "string"], "format": "date-time"},
            "any": {"type": ["string", "object"]},
            "o": {"type": "object"},
            "l": {"type": "array", "items": {"type": "object", "properties": {"s": {"type": "string"}}}},
            "bare": {"type": "array"}
        })));
        for (text, expected) in [
            (r#"{"id":"7","timestamp":1,"message":"m"}"#, ""),
            (r#"{"n":1,"i":2,"t":"2026-11-20","any":{"x":[1]},"bare":[1,{"a":"b"}]}"#, ""),
            (r#"{"n":1.5,"i":-2,"t":7,"any":true}"#, ""),
            (r#"{"n":"1","i":2.5,"t":false}"#, "i float64, n string, t bool"),
            (
                r#"{"o":{"x":1,"y":{"z":[true]}}}"#,
                "o.x int64, o.y object, o.y.z array, o.y.z[] bool",
            ),
            (r#"{"l":[{"s":"a"},{"s":1,"t":2},3]}"#, "l[] int64, l[].s int64, l[].t int64"),
            (r#"{"l":{"s":1},"o":[1]}"#, "l object, o[] int64"),
            (
                r#"{"o":[{"x":1},{"x":2,"y":[{"z":3}]},[4],5,6.5,[{"x":7}]]}"#,
                "o.x int64, o.y array, o.y[] object, o.y[].z int64, o[] int64, o[] float64, \
                 o[] array",
            ),
            (
                r#"{"x":[1,2.5,"a",[null,{"y":1}]]}"#,
                "x array, x[] int64, x[] float64, x[] string, x[] array, x[][] object, x[][].y int64",
            ),
            (
                r#"{"z":1,"b":{"d":"s","c":2},"a":true}"#,
                "a bool, b object, b.c int64, b.d string, z int64",
            ),
            (r#"{"a":1,"b":2,"a":"last"}"#, "a string, b int64"),
        ] {
            assert_eq!(news(&schema, text), expected, "{text}");
        }
    }

    #[test]
    fn fields_are_learned() {
        let mut schema = SourceSchema::new(declared(json!({"s": {"type": "string"}})));
        let learn = |schema: &mut SourceSchema, text: &str| learn_news(schema, &event(text));
        use Learned::{Conflict, New, Widened};

        let first = r#"{"a":{"b":[{"c":1}]},"d":true}"#;
        assert_eq!(learn(&mut schema, first), [New; 5]);
        assert_eq!(rows(&schema), "a object, a.b array, a.b[] object, a.b[].c int64, d bool");
        assert_eq!(learn(&mut schema, first), []);
        assert_eq!(learn(&mut schema, r#"{"a":{"b":[{"c":1.5},{"c":2}]}}"#), [Widened]);
        let known = FieldKind::Bool;
        assert_eq!(learn(&mut schema, r#"{"d":"x"}"#), [Conflict { known }]);
        let known = FieldKind::String;
        assert_eq!(learn(&mut schema, r#"{"s":{"x":1}}"#), [Conflict { known }]);
        assert_eq!(
            rows(&schema),
            "a object, a.b array, a.b[] object, a.b[].c float64, d bool !string, \
                                   s string !object"
        );
        let expected = declared(json!({
            "s": {"type": "string"},
            "a": {"type": "object", "properties": {"b": {"type": "array", "items": {
                "type": "object", "properties": {"c": {"type": "number"}}
            }}}},
            "d": {}
        }));
        assert_eq!(schema.table_schema(), *expected);
        // What is recorded is no news, and nothing is looked for below it.
        assert_eq!(news(&schema, r#"{"d":"x","s":{"y":[1]},"a":{"b":[{"c":7}]}}"#), "");

        let known = FieldKind::Object;
        assert_eq!(learn(&mut schema, r#"{"a":5}"#), [Conflict { known }]);
        assert_eq!(rows(&schema), "a int64 !object, d bool !string, s string !object");
        assert_eq!(news(&schema, r#"{"a":{"new":1}}"#), "");
        assert_eq!(learn(&mut schema, r#"{"a":"x"}"#), [Conflict { known: FieldKind::Int64 }]);
        // As one of an object would be.
        assert_eq!(learn(&mut schema, r#"{"a":[5]}"#), []);
        assert_eq!(schema.table_schema().field("a"), &FieldType::Unknown);

        let row = schema.learned_at(&path("a")).unwrap();
        assert_eq!(
            (row.kind, row.conflicts),
            (FieldKind::Int64, vec![FieldKind::String, FieldKind::Object])
        );
        assert_eq!(schema.learned_at(&path("a.b")), None);
        assert_eq!(schema.learned_at(&path("nothing")), None);
    }

    #[test]
    fn what_lies_above_is_learned_too() {
        let mut schema = SourceSchema::new(declared(json!({"s": {"type": "string"}})));
        let mut learn = |text: &str| schema.learn(&path(text), FieldKind::Bool);
        use Learned::{Conflict, Known, New};

        assert_eq!(learn("a.b[].c"), New);
        assert_eq!(learn("a.b[].c"), Known);
        assert_eq!(learn("a.b[][]"), Conflict { known: FieldKind::Object });
        assert_eq!(learn("a.b[][]"), Known);
        assert_eq!(learn("s.x"), Conflict { known: FieldKind::String });
        assert_eq!(learn("s.x"), Known);
        for column in ["id", "timestamp", "event_message", "timestamp.x", "id[]"] {
            assert_eq!(learn(column), Known);
        }
        assert_eq!(rows(&schema), "a object, a.b array, a.b[] object !array, s string !object");
    }

    /// Events, what becomes of each one's news, and all rows then.
    type Lesson = (&'static [(&'static str, &'static [Learned])], &'static str);

    const ALIKE: [Lesson; 8] = {
        use Learned::{Conflict, New, Widened};
        const OBJECT: Learned = Conflict { known: FieldKind::Object };
        const ARRAY: Learned = Conflict { known: FieldKind::Array };
        const INT64: Learned = Conflict { known: FieldKind::Int64 };
        const STRING: Learned = Conflict { known: FieldKind::String };
        [
            (
                &[
                    (r#"{"u":{"x":1}}"#, &[New, New]),
                    (r#"{"u":[{"x":2},{"y":3}]}"#, &[New]),
                    (r#"{"u":[{"x":"s"}]}"#, &[INT64]),
                    (r#"{"u":[{"y":{"z":1}},{"y":[{"z":2}]}]}"#, &[INT64]),
                ],
                "u object, u.x int64 !string, u.y int64 !object",
            ),
            (
                &[
                    (r#"{"u":[{"x":1,"l":[{"m":[{"n":1}]}]}]}"#, &[New; 8]),
                    (
                        r#"{"u":{"x":2.5,"y":[1],"l":{"m":{"o":true}}}}"#,
                        &[Widened, Widened, Widened, New, Widened, New, New],
                    ),
                    (r#"{"u":[{"l":[{"m":{"n":1,"o":false}}],"y":[2]}]}"#, &[]),
                ],
                "u object, u.l object, u.l.m object, u.l.m.n int64, u.l.m.o bool, u.x float64, \
                 u.y array, u.y[] int64",
            ),
            (
                &[
                    (r#"{"u":{"x":1}}"#, &[New, New]),
                    (r#"{"u":[{"x":1},5,"s"]}"#, &[OBJECT, OBJECT]),
                    (r#"{"u":[true]}"#, &[]),
                    (r#"{"u":{"y":1}}"#, &[]),
                ],
                "u object, u[] int64 !string",
            ),
            (
                &[(r#"{"u":[{"x":1},5]}"#, &[New, New, INT64]), (r#"{"u":{"x":1}}"#, &[ARRAY])],
                "u object, u[] int64",
            ),
            (
                &[(r#"{"u":[[{"x":1}]]}"#, &[New, New, New, New]), (r#"{"u":{"x":1}}"#, &[ARRAY])],
                "u object, u[] array",
            ),
            (
                &[(r#"{"u":[{"x":1},[{"x":1}]]}"#, &[New, New, OBJECT])],
                "u array, u[] object !array",
            ),
            (
                &[
                    (r#"{"u":{"x":1}}"#, &[New, New]),
                    (r#"{"u":[1.5]}"#, &[OBJECT]),
                    (r#"{"u":"s"}"#, &[OBJECT]),
                    (r#"{"u":[true]}"#, &[]),
                ],
                "u string !object",
            ),
            (
                &[
                    (r#"{"o":[{"s":"a","x":1},{"s":1}]}"#, &[STRING, New]),
                    (r#"{"o":{"s":1,"x":2}}"#, &[]),
                    (r#"{"o":[1,[{"y":1}],2.5,{"y":1}]}"#, &[New, OBJECT, OBJECT, OBJECT]),
                    (r#"{"o":[7,[8]]}"#, &[]),
                    (r#"{"o":true}"#, &[OBJECT]),
                    (r#"{"o":[{"z":1}]}"#, &[New]),
                ],
                "o object !bool, o.s string !int64, o.x int64, o.y int64, o.z int64, \
                 o[] float64 !array",
            ),
        ]
    };

    #[test]
    fn an_object_and_a_list_of_objects_are_alike() {
        for (events, expected) in ALIKE {
            let declared = declared(json!({
                "o": {"type": "object", "properties": {"s": {"type": "string"}}}
            }));
            let mut schema = SourceSchema::new(declared.clone());
            for (text, learned) in events {
                let mut found = learn_news(&mut schema, &event(text));
                // What lies below a conflict inside one event.
                found.retain(|learned| *learned != Learned::Known);
                assert_eq!(found, *learned, "{text}");
                assert_eq!(news(&schema, text), "", "{text}");
            }
            assert_eq!(rows(&schema), expected);
            for row in schema.learned() {
                assert_eq!(schema.learned_at(&row.path), Some(row));
            }
            assert_eq!(SourceSchema::new(declared).with_learned(schema.learned()), schema);
        }
    }

    #[test]
    fn known_lists_of_objects_are_no_news() {
        let text = json_schema("cloudflare.logs.prod").unwrap();
        let mut schema =
            SourceSchema::from_json_schema(&serde_json::from_str(text).unwrap()).unwrap();
        let before = schema.table_schema();
        let known = r#"{"metadata":[{"request":[{"method":"GET"},{"headers":[{"host":"h"}]}]}]}"#;
        assert_eq!(news(&schema, known), "");
        let new = r#"{"metadata":[{"request":[{"x":1},{"headers":[{"y":"h"}]}]}]}"#;
        assert_eq!(
            news(&schema, new),
            "metadata.request.headers.y string, metadata.request.x int64"
        );
        learn_news(&mut schema, &event(new));
        assert_eq!(news(&schema, new), "");
        assert_eq!(news(&schema, r#"{"metadata":{"request":{"x":1,"headers":{"y":"h"}}}}"#), "");
        let type_at = |table: &TableSchema| {
            let FieldType::Object(metadata) = table.field("metadata") else { panic!() };
            metadata.field("request").clone()
        };
        let FieldType::Object(mut request) = type_at(&schema.table_schema()) else { panic!() };
        assert_eq!(request.fields.remove("x"), Some(FieldType::Int64));
        let Some(FieldType::Object(headers)) = request.fields.get_mut("headers") else { panic!() };
        assert_eq!(headers.fields.remove("y"), Some(FieldType::String));
        assert_eq!(FieldType::Object(request), type_at(&before));
    }

    /// Learns paths of `o` until there is no room.
    fn fill(schema: &mut SourceSchema) {
        for place in 0..SourceSchema::MAX_PATHS {
            let path = path(&format!("o.f{}.g{}", place / 100, place % 100));
            schema.learn(&path, FieldKind::Int64);
        }
        assert!(schema.is_full());
        assert_eq!(schema.tally.paths, SourceSchema::MAX_PATHS);
    }

    /// An event with so many fields of numbered names, at the top and in `o`.
    fn wide(at_the_top: std::ops::Range<usize>, in_object: std::ops::Range<usize>) -> String {
        let mut event = serde_json::Map::new();
        event.extend(at_the_top.map(|number| (format!("t{number}"), 1.into())));
        let object: serde_json::Map<_, _> =
            in_object.map(|number| (format!("k{number}"), json!({"x": 1}))).collect();
        event.insert("o".to_owned(), object.into());
        serde_json::Value::from(event).to_string()
    }

    #[test]
    fn names_that_are_data_do_not_end_the_learning() {
        let most = SourceSchema::MAX_FIELDS;
        // All at once: none is learned.
        let mut schema = SourceSchema::new(Arc::default());
        assert_eq!(news(&schema, &wide(0..0, 0..9_000)), "o object");
        assert_eq!(learn_news(&mut schema, &event(&wide(0..2_000, 0..most + 1))), []);
        assert_eq!(learn_news(&mut schema, &event(&wide(0..0, 0..most + 1))), [Learned::New]);
        // In every event others: as far as there is room.
        for number in 0..2 * most {
            learn_news(&mut schema, &event(&wide(number..number + 1, number..number + 1)));
        }
        assert!(schema.learned_at(&path(&format!("o.k{}.x", most - 1))).is_some());
        assert!(schema.learned_at(&path(&format!("o.k{most}"))).is_none());
        assert_eq!(schema.learn(&path("o.other"), FieldKind::Bool), Learned::Full);
        for number in 0..20 {
            let text = wide(100 * number..100 * number + 100, 0..0);
            learn_news(&mut schema, &event(&text));
        }
        assert!(!schema.is_full(), "{}", schema.tally.paths);
        // Others still teach, and what is known of the wide ones can still be at odds.
        assert_eq!(news(&schema, r#"{"o":{"k1":{"y":true}}}"#), "o.k1.y bool");
        assert_eq!(news(&schema, r#"{"o":{"k1":1,"new":1}}"#), "o.k1 int64");
        // In lists alike.
        assert_eq!(news(&schema, r#"{"o":[{"k1":{"y":true},"new":1}]}"#), "o.k1.y bool");
    }

    #[test]
    fn an_event_teaches_a_part_at_a_time() {
        let mut schema = SourceSchema::new(Arc::default());
        let text = wide(0..700, 0..100);
        let most = SourceSchema::MAX_PATHS_OF_EVENT;
        assert_eq!(learn_news(&mut schema, &event(&text)).len(), most);
        assert_eq!(learn_news(&mut schema, &event(&text)).len(), 901 - most);
        assert_eq!(learn_news(&mut schema, &event(&text)), []);
    }

    #[test]
    fn a_full_source_learns_no_further_path() {
        let mut schema = SourceSchema::new(declared(json!({"d": {"type": "object"}})));
        schema.learn(&path("d.f1"), FieldKind::Int64);
        fill(&mut schema);
        let before = schema.clone();
        assert_eq!(schema.learn(&path("d.other"), FieldKind::Int64), Learned::Full);
        assert_eq!(schema.learn(&path("other.x[]"), FieldKind::Int64), Learned::Full);
        assert_eq!(schema, before);
        assert_eq!(news(&schema, r#"{"x":{"y":[1]},"d":{"new":1,"f1":2}}"#), "");
        // Conflicts are never lost.
        assert_eq!(news(&schema, r#"{"d":{"f1":"x"}}"#), "d.f1 string");
        let known = FieldKind::Int64;
        assert_eq!(schema.learn(&path("d.f1"), FieldKind::String), Learned::Conflict { known });

        let mut again = SourceSchema::new(schema.declared.clone()).with_learned(schema.learned());
        assert_eq!(again, schema);
        assert_eq!(again.learn(&path("d.other"), FieldKind::Int64), Learned::Full);
        // Two processes may have filled up differently.
        let more = LearnedField { path: path("more"), kind: FieldKind::Bool, conflicts: vec![] };
        let rows = schema.learned().into_iter().chain([more]);
        let merged = SourceSchema::new(schema.declared.clone()).with_learned(rows);
        assert!(merged.is_full() && merged.learned_at(&path("more")).is_some());
    }

    #[test]
    fn what_is_forgotten_makes_room() {
        let mut schema = SourceSchema::new(Arc::default());
        fill(&mut schema);
        let mut learn = |text: &str, kind| schema.learn(&path(text), kind);
        assert_eq!(learn("x", FieldKind::Bool), Learned::Full);
        learn("o", FieldKind::String);
        assert_eq!(learn("x", FieldKind::Bool), Learned::New);
        assert_eq!(schema.tally.paths, 2);
    }

    #[test]
    fn news_are_bounded() {
        let schema = SourceSchema::new(Arc::default());
        let mut news = SchemaNews::default();
        for part in 0..120 {
            let fields: Vec<_> =
                (0..100).map(|place| format!(r#""f{}":1"#, 100 * part + place)).collect();
            schema.news(&event(&format!("{{{}}}", fields.join(","))), &mut news);
        }
        assert_eq!(news.iter().count(), 10_000);
        let mut other = SchemaNews::default();
        schema.news(&event(r#"{"f1":"x","zzz":1}"#), &mut other);
        news.append(other);
        assert_eq!(news.iter().count(), 10_001, "only the other kind of a path that is noted");
    }

    #[test]
    fn names_and_paths_that_cannot_be_learned_are_passed_over() {
        let mut schema = SourceSchema::new(Arc::default());
        let name = "n".repeat(128);
        let deep = (0..20).fold("1".to_owned(), |inner, _| format!(r#"{{"{name}":{inner}}}"#));
        let deep = event(&deep);
        assert!(learn_news(&mut schema, &deep).iter().all(|learned| *learned == Learned::New));
        assert_eq!(learn_news(&mut schema, &deep), []);
        let odd = Event { fields: vec![("a.b".into(), Value::Bool(true))], ..event("{}") };
        assert_eq!(learn_news(&mut schema, &odd), []);
    }

    #[test]
    fn what_a_schema_allows_is_no_news() {
        let schema = json!({"type": "object", "properties": {
            "a": {"type": ["integer", "string"], "x-type": "int64"},
            "b": {"type": ["number", "null"], "x-type": "string"},
            "l": {"type": "array", "items": {"type": ["boolean", "string"], "x-type": "bool"}},
            "o": {"type": "object", "properties": {"t": {"type": ["array", "object"], "x-type": "string"}}},
            "id": {"type": "integer"}
        }});
        let schema = SourceSchema::from_json_schema(&schema).unwrap();
        let text = r#"{"a":1,"b":2.5,"l":[true,"x"],"o":{"t":[1]}}"#;
        assert_eq!(news(&schema, text), "");
        let text = r#"{"a":"1","b":2,"o":{"t":{"y":1}}}"#;
        assert_eq!(news(&schema, text), "");
        assert_eq!(news(&schema, r#"{"b":"x","a":true,"l":[1]}"#), "a bool, l[] int64");
        assert!(SourceSchema::from_json_schema(&json!({})).is_err());
    }

    #[test]
    fn samples_bring_little_news() {
        for source in SUPABASE_SOURCES.iter() {
            let text = json_schema(source.name).unwrap();
            let schema =
                SourceSchema::from_json_schema(&serde_json::from_str(text).unwrap()).unwrap();
            assert_eq!(schema.table_schema(), source.schema);
            let Value::Array(events) = parse(sample_events(source.name).unwrap()).unwrap() else {
                panic!("{}", source.name)
            };
            let mut news = SchemaNews::default();
            for value in events {
                schema.news(&Event::normalise(value, 0).unwrap(), &mut news);
            }
            let found: Vec<_> = news.iter().map(|s| format!("{} {}", s.path, s.kind)).collect();
            let expected: &[&str] = match source.name {
                "gotrue.logs.prod" => &["metadata.instance_id string"],
                _ => &[],
            };
            assert_eq!(found, expected, "{}", source.name);
        }
    }

    // ---- random ones -----------------------------------------------------------------------

    fn json_value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Into::into),
            any::<i8>().prop_map(Into::into),
            any::<f32>().prop_map(Into::into),
            "[ab]{1,2}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                fields(inner).prop_map(Into::into),
            ]
        })
    }

    fn fields(
        inner: impl Strategy<Value = serde_json::Value>,
    ) -> impl Strategy<Value = serde_json::Map<String, serde_json::Value>> {
        proptest::collection::btree_map("[a-d]|a-b", inner, 0..5)
            .prop_map(|fields| fields.into_iter().collect())
    }

    fn event_texts() -> impl Strategy<Value = Vec<String>> {
        let text = fields(json_value()).prop_map(|map| serde_json::Value::from(map).to_string());
        proptest::collection::vec(text, 0..6)
    }

    fn table() -> impl Strategy<Value = Arc<TableSchema>> {
        let leaf = proptest::sample::select(vec![
            FieldType::Bool,
            FieldType::Int64,
            FieldType::Float64,
            FieldType::String,
            FieldType::Timestamp,
            FieldType::Unknown,
        ]);
        let ty = leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|element| FieldType::Array(Box::new(element))),
                proptest::collection::btree_map("[a-d]", inner, 0..3)
                    .prop_map(|fields| FieldType::Object(TableSchema { fields })),
            ]
        });
        proptest::collection::btree_map("[a-d]", ty, 0..3)
            .prop_map(|fields| Arc::new(TableSchema { fields }))
    }

    fn sightings() -> impl Strategy<Value = Vec<(FieldPath, FieldKind)>> {
        let path = "[ab](\\[\\]|[.][ab]){0,3}".prop_map(|text| path(&text));
        let kind = proptest::sample::select(FieldKind::ALL.to_vec());
        proptest::collection::vec((path, kind), 0..20)
    }

    /// What the types are, said without a tree: each path's kinds, with those that follow from the
    /// paths below it.
    fn types_by_the_book(
        declared: &TableSchema,
        sightings: &[(FieldPath, FieldKind)],
    ) -> TableSchema {
        let mut kinds: BTreeMap<Vec<PathStep<'_>>, BTreeSet<FieldKind>> = BTreeMap::new();
        for (path, kind) in sightings {
            let steps: Vec<_> = path.steps().collect();
            for (place, step) in steps.iter().enumerate() {
                let implied = match step {
                    PathStep::Field(_) => FieldKind::Object,
                    PathStep::Element => FieldKind::Array,
                };
                kinds.entry(steps[..place].to_vec()).or_default().insert(implied);
            }
            kinds.entry(steps).or_default().insert(*kind);
        }
        // What is at any of several paths: an object's, and those of lists of it.
        type Paths<'p> = Vec<Vec<PathStep<'p>>>;
        fn below<'p>(at: &Paths<'p>, step: PathStep<'p>) -> Paths<'p> {
            at.iter().map(|path| [path, &[step][..]].concat()).collect()
        }
        fn met(
            kinds: &BTreeMap<Vec<PathStep<'_>>, BTreeSet<FieldKind>>,
            at: &Paths<'_>,
        ) -> BTreeSet<FieldKind> {
            at.iter().filter_map(|path| kinds.get(path)).flatten().copied().collect()
        }
        fn fields<'p>(
            kinds: &BTreeMap<Vec<PathStep<'p>>, BTreeSet<FieldKind>>,
            at: &Paths<'p>,
            declared: Option<&TableSchema>,
        ) -> TableSchema {
            let mut table = TableSchema::default();
            for path in kinds.keys() {
                if let Some((PathStep::Field(name), parent)) = path.split_last()
                    && at.iter().any(|at| at == parent)
                {
                    let known = declared.and_then(|declared| declared.fields.get(*name));
                    let ty = field(kinds, &below(at, PathStep::Field(name)), known);
                    table.fields.insert((*name).to_owned(), ty);
                }
            }
            for (name, ty) in declared.into_iter().flat_map(|declared| &declared.fields) {
                table.fields.entry(name.clone()).or_insert_with(|| ty.clone());
            }
            table
        }
        fn field<'p>(
            kinds: &BTreeMap<Vec<PathStep<'p>>, BTreeSet<FieldKind>>,
            at: &Paths<'p>,
            declared: Option<&FieldType>,
        ) -> FieldType {
            use FieldKind::{Array, Object};
            let elements = below(at, PathStep::Element);
            let only_objects = met(kinds, &elements).iter().all(|kind| *kind == Object);
            match (declared, &met(kinds, at).into_iter().collect::<Vec<_>>()[..]) {
                (Some(FieldType::Object(known)), _) => {
                    FieldType::Object(fields(kinds, &[&at[..], &elements].concat(), Some(known)))
                }
                (None, [Object, Array]) if only_objects => {
                    FieldType::Object(fields(kinds, &[&at[..], &elements].concat(), None))
                }
                (declared, met) => value(kinds, at, declared, met),
            }
        }
        fn value<'p>(
            kinds: &BTreeMap<Vec<PathStep<'p>>, BTreeSet<FieldKind>>,
            at: &Paths<'p>,
            declared: Option<&FieldType>,
            kinds_met: &[FieldKind],
        ) -> FieldType {
            use FieldKind::{Array, Bool, Float64, Int64, Object, String};
            let elements = below(at, PathStep::Element);
            let element = |known| {
                let met: Vec<_> = met(kinds, &elements).into_iter().collect();
                FieldType::Array(Box::new(value(kinds, &elements, known, &met)))
            };
            match (declared, kinds_met) {
                (Some(FieldType::Object(known)), _) => {
                    FieldType::Object(fields(kinds, at, Some(known)))
                }
                (Some(FieldType::Array(known)), _) => element(Some(known)),
                (Some(known), _) => known.clone(),
                (None, [Bool]) => FieldType::Bool,
                (None, [Int64]) => FieldType::Int64,
                (None, [Float64] | [Int64, Float64]) => FieldType::Float64,
                (None, [String]) => FieldType::String,
                (None, [Object]) => FieldType::Object(fields(kinds, at, None)),
                (None, [Array]) => element(None),
                (None, _) => FieldType::Unknown,
            }
        }
        fields(&kinds, &vec![Vec::new()], Some(declared))
    }

    /// Puts each object that is a field into a list, or the parts of it into a list of several.
    fn listed(value: Value<'_>, is_field: bool) -> Value<'_> {
        match value {
            Value::Array(elements) => {
                Value::Array(elements.into_iter().map(|element| listed(element, false)).collect())
            }
            Value::Object(fields) => {
                let mut fields: Vec<_> =
                    fields.into_iter().map(|(name, value)| (name, listed(value, true))).collect();
                if !is_field {
                    return Value::Object(fields);
                }
                let rest = fields.split_off(fields.len() / 2);
                let parts = [fields, rest].into_iter().filter(|part| !part.is_empty());
                Value::Array(parts.map(Value::Object).collect())
            }
            other => other,
        }
    }

    proptest! {
        #[test]
        fn lists_of_objects_are_no_news_after_the_objects(texts in event_texts()) {
            let events: Vec<_> = texts.iter().map(|text| event(text)).collect();
            let with_lists: Vec<_> = events
                .iter()
                .map(|event| {
                    let fields = event.fields.iter().cloned();
                    let fields = fields.map(|(name, value)| (name, listed(value, true))).collect();
                    Event { fields, ..event.clone() }
                })
                .collect();
            let mut schema = SourceSchema::new(Arc::default());
            events.iter().for_each(|event| { learn_news(&mut schema, event); });
            for event in &with_lists {
                prop_assert_eq!(learn_news(&mut schema, event), []);
            }
            // And the objects after the lists make the same of it.
            let mut other = SourceSchema::new(Arc::default());
            with_lists.iter().for_each(|event| { learn_news(&mut other, event); });
            events.iter().for_each(|event| { learn_news(&mut other, event); });
            prop_assert_eq!(other.table_schema(), schema.table_schema());
            prop_assert_eq!(other.tally.paths, schema.tally.paths);
        }

        #[test]
        fn what_was_learned_is_no_news(declared in table(), texts in event_texts()) {
            let mut schema = SourceSchema::new(declared);
            let events: Vec<_> = texts.iter().map(|text| event(text)).collect();
            for event in &events {
                let learned = learn_news(&mut schema, event);
                // The first cannot have been known: a conflict inside the event comes later.
                prop_assert!(!matches!(learned.first(), Some(Learned::Known | Learned::Full)));
            }
            for event in &events {
                prop_assert_eq!(learn_news(&mut schema, event), []);
            }
        }

        #[test]
        fn news_of_many_events_can_be_learned_at_once(declared in table(), texts in event_texts()) {
            let mut schema = SourceSchema::new(declared);
            let events: Vec<_> = texts.iter().map(|text| event(text)).collect();
            let mut news = SchemaNews::default();
            events.iter().for_each(|event| schema.news(event, &mut news));
            news.iter().for_each(|sighting| { schema.learn(sighting.path, sighting.kind); });
            for event in &events {
                prop_assert_eq!(learn_news(&mut schema, event), []);
            }
        }

        #[test]
        fn order_and_repetition_make_no_difference(
            declared in table(),
            (sightings, shuffled) in sightings().prop_flat_map(|all| {
                let twice = [all.clone(), all.clone()].concat();
                (Just(all), Just(twice).prop_shuffle())
            }),
        ) {
            let learn = |sightings: &[(FieldPath, FieldKind)]| {
                let mut schema = SourceSchema::new(declared.clone());
                for (path, kind) in sightings {
                    schema.learn(path, *kind);
                }
                schema
            };
            let schema = learn(&sightings);
            prop_assert_eq!(&schema, &learn(&shuffled));
            prop_assert_eq!(schema.table_schema(), types_by_the_book(&declared, &sightings));
            prop_assert_eq!(schema.tally.paths, learn(&shuffled).tally.paths);
            // Equal types do not hide a difference of what is news.
            prop_assert_eq!(rows(&schema), rows(&learn(&shuffled)));
        }

        #[test]
        fn rows_bring_it_all_back(
            declared in table(),
            sightings in sightings(),
            order in any::<prop::sample::Index>(),
        ) {
            let mut schema = SourceSchema::new(declared.clone());
            for (path, kind) in &sightings {
                schema.learn(path, *kind);
            }
            let mut rows = schema.learned();
            if !rows.is_empty() {
                let start = order.index(rows.len());
                rows.rotate_left(start);
            }
            for row in &rows {
                prop_assert_eq!(schema.learned_at(&row.path), Some(row.clone()));
            }
            let again = SourceSchema::new(declared).with_learned(rows);
            prop_assert_eq!(again.tally.paths, schema.tally.paths);
            prop_assert_eq!(again, schema);
        }

        #[test]
        fn processes_agree_when_they_share_their_rows(
            declared in table(),
            one in event_texts(),
            other in event_texts(),
        ) {
            let learn = |texts: &[String]| {
                let mut schema = SourceSchema::new(declared.clone());
                texts.iter().for_each(|text| { learn_news(&mut schema, &event(text)); });
                schema
            };
            let (one, other) = (learn(&one), learn(&other));
            let merge = |first: &SourceSchema, then: &SourceSchema| {
                let rows = first.learned().into_iter().chain(then.learned());
                SourceSchema::new(declared.clone()).with_learned(rows)
            };
            prop_assert_eq!(merge(&one, &other), merge(&other, &one));
        }
    }
}
