//! What an event carries that is not known yet.

use std::collections::BTreeMap;

use crate::field_kind::Kinds;
use crate::field_path::PathStep;
use crate::members::{self, Fields};
use crate::{Event, FieldKind, FieldPath, Value};

use super::SourceSchema;
use super::node::{Inside, Node, most_fields};

/// Most paths that are noted; what is left out is news again when it comes again.
const MAX_NEWS: usize = 10_000;

/// What events carried that their source's schema does not cover: each path and kind once.
#[derive(Debug, Clone, Default)]
pub struct SchemaNews {
    paths: BTreeMap<FieldPath, Kinds>,
}

/// A kind of value that was met at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting<'n> {
    /// Where.
    pub path: &'n FieldPath,
    /// What.
    pub kind: FieldKind,
}

impl SchemaNews {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// All that was met: a path before those below it, and the kinds of a path in their order.
    pub fn iter(&self) -> impl Iterator<Item = Sighting<'_>> {
        self.paths
            .iter()
            .flat_map(|(path, kinds)| kinds.iter().map(move |kind| Sighting { path, kind }))
    }

    /// Adds other news.
    pub fn append(&mut self, other: Self) {
        for (path, kinds) in other.paths {
            for kind in kinds.iter() {
                self.add(path.clone(), kind);
            }
        }
    }

    fn add(&mut self, path: FieldPath, kind: FieldKind) {
        self.add_below(MAX_NEWS, path, kind);
    }

    /// Notes no further path where there are so many already.
    fn add_below(&mut self, most: usize, path: FieldPath, kind: FieldKind) {
        let room = self.paths.len() < most;
        if let Some(kinds) = self.paths.get_mut(&path) {
            *kinds = kinds.and(kind);
        } else if room {
            self.paths.insert(path, Kinds::of(kind));
        }
    }
}

impl SourceSchema {
    /// Notes what the event carries that is not known. Takes about a microsecond, and allocates
    /// nothing, for an event without news.
    pub fn news(&self, event: &Event<'_>, news: &mut SchemaNews) {
        if let Inside::Fields(known) = &self.root.inside {
            let most = MAX_NEWS.min(news.paths.len() + Self::MAX_PATHS_OF_EVENT);
            Walk { news, most, full: self.is_full() }.fields(&event.fields, known, None);
        }
    }
}

struct Walk<'w> {
    news: &'w mut SchemaNews,
    /// Most paths that may be noted by the end of the event.
    most: usize,
    /// No new path is learned.
    full: bool,
}

/// Where in the event: a list from inside out, on the stack.
struct Place<'p> {
    parent: Option<&'p Self>,
    step: PathStep<'p>,
}

impl Walk<'_> {
    fn fields(
        &mut self,
        fields: Fields<'_, '_>,
        known: &[(Box<str>, Node)],
        parent: Option<&Place<'_>>,
    ) {
        let teaches = !self.full && has_room(fields, known, parent.is_none());
        let mut known = Cursor { fields: known, at: 0 };
        for (name, value) in members::members(fields) {
            let node = known.find(name);
            if teaches || !node.is_fresh() {
                self.value(value, node, &Place { parent, step: PathStep::Field(name) });
            }
        }
    }

    fn value(&mut self, value: &Value<'_>, node: &Node, place: &Place<'_>) {
        let fresh = node.is_fresh();
        let is_field = matches!(place.step, PathStep::Field(_));
        if !self.is_known(value, node) {
            if fresh && self.full {
                return;
            }
            self.note(value, place);
            if !fresh {
                // After lists of objects an object: it is alike.
                if let (Value::Object(fields), true, Some(known)) =
                    (value, is_field, node.fields_of_elements())
                {
                    self.fields(fields, known, Some(place));
                }
                return;
            }
        }
        match (value, &node.inside) {
            (Value::Object(fields), Inside::Fields(known)) => {
                self.fields(fields, known, Some(place));
            }
            (Value::Array(elements), Inside::Element(known)) => {
                self.elements(elements, known, place);
            }
            (Value::Array(elements), Inside::Fields(known)) if is_field => {
                self.objects(elements, node, known, place);
            }
            (Value::Object(fields), _) if fresh => self.fields(fields, &[], Some(place)),
            (Value::Array(elements), _) if fresh => self.elements(elements, &Node::FRESH, place),
            _ => {}
        }
    }

    fn elements(&mut self, elements: &[Value<'_>], node: &Node, parent: &Place<'_>) {
        let place = Place { parent: Some(parent), step: PathStep::Element };
        // Long lists hold the same kind again and again.
        let mut noted = Kinds::NONE;
        for element in elements {
            let parts = matches!(element, Value::Object(_) | Value::Array(_));
            if parts || self.is_known(element, node) {
                self.value(element, node, &place);
            } else if let Some(kind) = FieldKind::of(element)
                && !noted.contains(kind)
            {
                noted = noted.and(kind);
                self.value(element, node, &place);
            }
        }
    }

    /// Elements of a list where an object is known: their fields are its fields.
    fn objects(
        &mut self,
        elements: &[Value<'_>],
        node: &Node,
        known: &[(Box<str>, Node)],
        object: &Place<'_>,
    ) {
        let place = Place { parent: Some(object), step: PathStep::Element };
        let mut noted = Kinds::NONE;
        for element in elements {
            if let Value::Object(fields) = element {
                self.fields(fields, known, Some(object));
            } else if let Some(kind) = FieldKind::of(element)
                && !noted.contains(kind)
            {
                noted = noted.and(kind);
                if !node.has_stray(kind) {
                    self.note(element, &place);
                }
            }
        }
    }

    fn is_known(&self, value: &Value<'_>, node: &Node) -> bool {
        match value {
            // It needs no look at the digits.
            Value::Number(_) if node.known.contains(FieldKind::Float64) => true,
            _ => FieldKind::of(value).is_none_or(|kind| node.known.contains(kind)),
        }
    }

    #[cold]
    fn note(&mut self, value: &Value<'_>, place: &Place<'_>) {
        let mut steps = Vec::new();
        let mut at = Some(place);
        while let Some(place) = at {
            steps.push(place.step);
            at = place.parent;
        }
        let path = FieldPath::of(steps.into_iter().rev());
        if let (Some(path), Some(kind)) = (path, FieldKind::of(value)) {
            self.news.add_below(self.most, path, kind);
        }
    }
}

/// Whether an object with these fields may teach those that are not known.
fn has_room(fields: Fields<'_, '_>, known: &[(Box<str>, Node)], of_event: bool) -> bool {
    let room = most_fields(of_event).saturating_sub(known.len());
    // No event comes near it usually.
    if fields.len() <= room {
        return true;
    }
    let mut known = Cursor { fields: known, at: 0 };
    members::members(fields).filter(|(name, _)| known.find(name).is_fresh()).nth(room).is_none()
}

/// Finds known fields by name, quickly where the names come in order.
struct Cursor<'n> {
    fields: &'n [(Box<str>, Node)],
    at: usize,
}

impl<'n> Cursor<'n> {
    fn find(&mut self, name: &str) -> &'n Node {
        static FRESH: Node = Node::FRESH;
        // A few fields that the event lacks are passed by; more are jumped over.
        for _ in 0..4 {
            match self.fields.get(self.at) {
                Some((known, node)) if **known == *name => {
                    self.at += 1;
                    return node;
                }
                Some((known, _)) if **known < *name => self.at += 1,
                _ => break,
            }
        }
        match self.fields.binary_search_by(|(known, _)| known.as_ref().cmp(name)) {
            Ok(place) => {
                self.at = place + 1;
                &self.fields[place].1
            }
            Err(place) => {
                self.at = place;
                &FRESH
            }
        }
    }
}
