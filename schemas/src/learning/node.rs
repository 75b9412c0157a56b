//! The tree of known paths.
//!
//! An object and a list of objects are alike where they are a field: there is one node for both, and
//! the elements' fields are its fields. Lists in lists are no such thing.

mod declared;

use crate::field_kind::Kinds;
use crate::field_path::PathStep;
use crate::{FieldKind, FieldPath, FieldType, TableSchema};

use super::{Learned, LearnedField, SourceSchema};

/// What is known of the values at one path.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Node {
    /// Its kind by the source's schema. None where that says nothing of the path.
    declared: Option<FieldKind>,
    /// What events showed, except what was declared anyway. Whole numbers are left out where there
    /// are others, and lists at a field where there are objects.
    met: Kinds,
    /// What is no news. At a field, a list is none where an object is known; what it holds may be.
    pub(super) known: Kinds,
    /// What lists held besides objects, at a field that is an object. As `met` holds them.
    strays: Kinds,
    pub(super) inside: Inside,
}

/// What is known of the values inside.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Inside {
    /// Values without parts; also those that events disagree about, and those of which the source's
    /// schema lets any pass.
    #[default]
    Nothing,
    /// Fields by name, in the order of their names.
    Fields(Vec<(Box<str>, Node)>),
    /// What the elements are.
    Element(Box<Node>),
}

/// How many paths there are, and may be.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    pub(super) paths: usize,
    pub(super) most: usize,
}

impl Tally {
    pub(super) fn room(&self) -> usize {
        self.most.saturating_sub(self.paths)
    }

    /// Whether one more field of an object is learned that has so many.
    fn has_room_for_field(&self, fields: usize, of_event: bool) -> bool {
        // What was learned once is never refused.
        self.room() > 0 && (self.most == usize::MAX || fields < most_fields(of_event))
    }
}

/// Most fields of an object, or of the event itself, to which further ones are learned.
pub(super) fn most_fields(of_event: bool) -> usize {
    if of_event { SourceSchema::MAX_EVENT_FIELDS } else { SourceSchema::MAX_FIELDS }
}

impl Node {
    /// A path of which nothing is known.
    pub(super) const FRESH: Self = Self {
        declared: None,
        met: Kinds::NONE,
        known: Kinds::NONE,
        strays: Kinds::NONE,
        inside: Inside::Nothing,
    };

    pub(super) fn is_fresh(&self) -> bool {
        self.known.is_empty()
    }

    pub(super) fn learn<'p>(
        &mut self,
        mut steps: impl Iterator<Item = PathStep<'p>>,
        kind: FieldKind,
        tally: &mut Tally,
    ) -> Learned {
        let kind_above = |step| match step {
            None => kind,
            Some(PathStep::Field(_)) => FieldKind::Object,
            Some(PathStep::Element) => FieldKind::Array,
        };
        let mut node = self;
        let mut is_field = false;
        let mut is_event = true;
        loop {
            let mut step = steps.next();
            let mut learned = node.meet(kind_above(step), is_field, tally);
            if is_field && step == Some(PathStep::Element) && node.is_object() {
                step = steps.next();
                learned = node.meet_in_list(kind_above(step), tally);
            }
            node = match (step, &mut node.inside) {
                (Some(PathStep::Field(name)), Inside::Fields(fields)) => {
                    let place = match place_of(fields, name) {
                        Ok(place) => place,
                        Err(_) if !tally.has_room_for_field(fields.len(), is_event) => {
                            return Learned::Full;
                        }
                        Err(place) => {
                            fields.insert(place, (name.into(), Self::FRESH));
                            place
                        }
                    };
                    is_field = true;
                    &mut fields[place].1
                }
                (Some(PathStep::Element), Inside::Element(element)) => {
                    is_field = false;
                    element
                }
                // There is nothing below a path that is something else.
                _ => return learned,
            };
            is_event = false;
        }
    }

    /// Whether this is an object, by declaration or as all events have it.
    fn is_object(&self) -> bool {
        self.declared.or_else(|| self.met.single()) == Some(FieldKind::Object)
    }

    /// Learns that a value of this kind was met here.
    fn meet(&mut self, kind: FieldKind, is_field: bool, tally: &mut Tally) -> Learned {
        if self.known.contains(kind) {
            return Learned::Known;
        }
        if self.is_fresh() {
            if tally.room() == 0 {
                return Learned::Full;
            }
            tally.paths += 1;
            self.inside = match kind {
                FieldKind::Object => Inside::Fields(Vec::new()),
                FieldKind::Array => Inside::Element(Box::new(Self::FRESH)),
                _ => Inside::Nothing,
            };
            self.add(kind, is_field);
            return Learned::New;
        }
        let before = self.kind();
        self.add(kind, is_field);
        let conflict = Learned::Conflict { known: before.unwrap_or(kind) };
        if self.declared.is_some() {
            return conflict;
        }
        match self.met.single() {
            // It was lists before.
            Some(FieldKind::Object) => {
                self.take_elements(tally);
                if self.strays.is_empty() { Learned::Widened } else { conflict }
            }
            // It was whole numbers.
            Some(_) => Learned::Widened,
            None => {
                self.strays = Kinds::NONE;
                self.forget_inside(tally);
                conflict
            }
        }
    }

    /// Makes what is known of a list's elements known of the object that they are.
    fn take_elements(&mut self, tally: &mut Tally) {
        let Inside::Element(element) = std::mem::take(&mut self.inside) else { return };
        tally.paths -= usize::from(!element.is_fresh());
        self.strays = element.met.without(FieldKind::Object);
        self.inside = match element.inside {
            Inside::Fields(fields) => Inside::Fields(fields),
            _ if self.strays.is_empty() => Inside::Fields(Vec::new()),
            other => {
                tally.paths -= other.paths();
                Inside::Nothing
            }
        };
    }

    /// Learns that a list with such an element was met here, where an object is known.
    fn meet_in_list(&mut self, kind: FieldKind, tally: &mut Tally) -> Learned {
        if kind == FieldKind::Object || self.has_stray(kind) {
            return Learned::Known;
        }
        self.strays = self.strays.and(kind);
        if kind == FieldKind::Float64 {
            self.strays = self.strays.without(FieldKind::Int64);
        }
        if self.declared.is_none() {
            self.forget_inside(tally);
        }
        Learned::Conflict { known: FieldKind::Object }
    }

    /// Whether it is known that lists here have elements of this kind.
    pub(super) fn has_stray(&self, kind: FieldKind) -> bool {
        self.strays.contains(kind)
            || kind == FieldKind::Int64 && self.strays.contains(FieldKind::Float64)
    }

    fn forget_inside(&mut self, tally: &mut Tally) {
        tally.paths -= std::mem::take(&mut self.inside).paths();
    }

    fn add(&mut self, kind: FieldKind, is_field: bool) {
        self.met = self.met.and(kind);
        self.known = self.known.and(kind);
        if kind == FieldKind::Float64 {
            self.met = self.met.without(FieldKind::Int64);
            self.known = self.known.and(FieldKind::Int64);
        }
        if is_field && self.declared.is_none() && self.met.contains(FieldKind::Object) {
            self.met = self.met.without(FieldKind::Array);
            self.known = self.known.and(FieldKind::Array);
        }
    }

    fn kind(&self) -> Option<FieldKind> {
        self.declared.or_else(|| self.met.iter().next())
    }

    /// The fields that a list's elements have, as far as all of them are objects. None where events
    /// do not show such a list.
    pub(super) fn fields_of_elements(&self) -> Option<&[(Box<str>, Self)]> {
        match &self.inside {
            Inside::Element(element) if self.declared.is_none() => match &element.inside {
                Inside::Fields(fields) => Some(fields),
                _ => element.is_fresh().then_some(&[]),
            },
            _ => None,
        }
    }

    /// What was learned of the path of these steps.
    pub(super) fn row_at(&self, path: &FieldPath) -> Option<LearnedField> {
        let mut node = self;
        let mut steps = path.steps();
        while let Some(step) = steps.next() {
            node = match (step, &node.inside) {
                (PathStep::Field(name), Inside::Fields(fields)) => {
                    &fields[place_of(fields, name).ok()?].1
                }
                (PathStep::Element, Inside::Element(element)) => element,
                (PathStep::Element, _) if steps.next().is_none() => {
                    return node.row_of_strays(path.clone());
                }
                _ => return None,
            }
        }
        node.row(path.clone())
    }

    /// What was learned here.
    fn row(&self, path: FieldPath) -> Option<LearnedField> {
        let kind = self.kind().filter(|_| !self.met.is_empty())?;
        Some(LearnedField { path, kind, conflicts: self.met.without(kind).iter().collect() })
    }

    /// What was learned of the elements of lists at an object.
    fn row_of_strays(&self, path: FieldPath) -> Option<LearnedField> {
        let kind = self.strays.iter().next()?;
        Some(LearnedField { path, kind, conflicts: self.strays.without(kind).iter().collect() })
    }

    /// What was learned here and below.
    pub(super) fn rows<'n>(&'n self, at: &mut Vec<PathStep<'n>>, rows: &mut Vec<LearnedField>) {
        rows.extend(FieldPath::of(at.iter().copied()).and_then(|path| self.row(path)));
        self.inside.each(|step, node| {
            at.push(step);
            node.rows(at, rows);
            at.pop();
        });
        if !self.strays.is_empty() {
            at.push(PathStep::Element);
            let path = FieldPath::of(at.iter().copied());
            rows.extend(path.and_then(|path| self.row_of_strays(path)));
            at.pop();
        }
    }

    /// Adds the learned fields to what is declared of an object's.
    pub(super) fn add_learned(&self, table: &mut TableSchema) {
        let Inside::Fields(fields) = &self.inside else { return };
        for (name, node) in fields {
            if let Some(declared) = table.fields.get_mut(&**name) {
                node.add_learned_inside(declared);
            } else if node.declared.is_none() && !node.is_fresh() {
                table.fields.insert(name.to_string(), node.learned_type());
            }
        }
    }

    fn add_learned_inside(&self, declared: &mut FieldType) {
        match (declared, &self.inside) {
            (FieldType::Object(fields), _) => self.add_learned(fields),
            (FieldType::Array(declared), Inside::Element(element)) => {
                element.add_learned_inside(declared);
            }
            _ => {}
        }
    }

    fn learned_type(&self) -> FieldType {
        match self.met.single().filter(|_| self.strays.is_empty()) {
            Some(FieldKind::Bool) => FieldType::Bool,
            Some(FieldKind::Int64) => FieldType::Int64,
            Some(FieldKind::Float64) => FieldType::Float64,
            Some(FieldKind::String) => FieldType::String,
            Some(FieldKind::Object) => {
                let mut fields = TableSchema::default();
                self.add_learned(&mut fields);
                FieldType::Object(fields)
            }
            Some(FieldKind::Array) => FieldType::Array(Box::new(match &self.inside {
                Inside::Element(element) => element.learned_type(),
                _ => FieldType::Unknown,
            })),
            None => FieldType::Unknown,
        }
    }
}

impl Inside {
    fn each<'n>(&'n self, mut f: impl FnMut(PathStep<'n>, &'n Node)) {
        match self {
            Self::Nothing => {}
            Self::Fields(fields) => {
                fields.iter().for_each(|(name, node)| f(PathStep::Field(name), node));
            }
            Self::Element(element) => f(PathStep::Element, element),
        }
    }

    /// How many paths are known inside.
    fn paths(&self) -> usize {
        let mut paths = 0;
        self.each(|_, node| paths += usize::from(!node.is_fresh()) + node.inside.paths());
        paths
    }
}

/// Where the field of a name is, or would be.
fn place_of(fields: &[(Box<str>, Node)], name: &str) -> Result<usize, usize> {
    fields.binary_search_by(|(known, _)| known.as_ref().cmp(name))
}
