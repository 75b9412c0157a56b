//! What a statement reads of the events of each table that it names.

use std::collections::BTreeSet;

use crate::{
    resolve::format_datetime,
    tree::{Body, Comparison, Expr, ExprKind, From, Literal, Query, Select, Statement},
};

/// What is read of one table, where it is named at one place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// The earliest time, in microseconds since 1970 UTC, that WHERE lets through; none where it does
    /// not say.
    first: Option<i64>,
    /// The latest time.
    last: Option<i64>,
    /// Fields of the events' bodies that are named, as they are written.
    fields: BTreeSet<String>,
}

impl Reading {
    /// What holds for both.
    pub(super) fn both(self, other: Self) -> Self {
        Self {
            first: self.first.zip(other.first).map(|(one, other)| one.min(other)),
            last: self.last.zip(other.last).map(|(one, other)| one.max(other)),
            fields: self.fields.into_iter().chain(other.fields).collect(),
        }
    }

    pub(super) fn with_fields_of(self, other: Self) -> Self {
        Self { fields: other.fields, ..self }
    }

    /// A condition by which BigQuery leaves partitions out, or at least sees that it was thought of.
    pub(super) fn filter(&self) -> String {
        let literal = |micros: i64| Some(format!("TIMESTAMP '{}+00'", format_datetime(micros)?));
        let first = self.first.and_then(literal).map(|time| format!("`timestamp` >= {time}"));
        let last = self.last.and_then(literal).map(|time| format!("`timestamp` <= {time}"));
        match (first, last) {
            (Some(first), Some(last)) => format!("{first} AND {last}"),
            (Some(bound), None) | (None, Some(bound)) => bound,
            (None, None) => "`timestamp` >= TIMESTAMP '0001-01-01 00:00:00+00'".to_owned(),
        }
    }

    /// Named fields of the body, each once: names of columns are alike in any case.
    pub(super) fn fields(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let fields = self.fields.iter();
        fields.filter(|name| seen.insert(name.to_lowercase())).cloned().collect()
    }
}

/// What is read at each of `count` places where tables are named.
pub(super) fn readings(statement: &Statement, count: usize) -> Vec<Reading> {
    let mut walk = Walk { found: vec![None; count], tables: Vec::new() };
    for cte in &statement.ctes {
        walk.query(&cte.query);
    }
    walk.query(&statement.query);
    walk.found.into_iter().map(Option::unwrap_or_default).collect()
}

struct Walk<'t> {
    found: Vec<Option<Reading>>,
    /// The tables in scope: what the query calls them, and the place where they are named. An inner
    /// one hides no outer one.
    tables: Vec<(&'t str, usize)>,
}

impl<'t> Walk<'t> {
    fn query(&mut self, query: &'t Query) {
        let around = self.tables.len();
        match &query.body {
            Body::Select(select) => self.select(select),
            Body::SetOperation { left, right, .. } => {
                self.query(left);
                self.query(right);
            }
        }
        query.order_by.iter().for_each(|key| self.expr(&key.expr));
        self.tables.truncate(around);
    }

    fn select(&mut self, select: &'t Select) {
        let around = self.tables.len();
        select.from.iter().for_each(|from| self.from(from));
        for &(relation, noted) in self.tables.iter().skip(around) {
            let mut reading = Reading::default();
            if let Some(filter) = &select.filter {
                narrow(filter, relation, &mut reading);
            }
            if let Some(found) = self.found.get_mut(noted) {
                *found = Some(match found.take() {
                    None => reading,
                    Some(before) => before.both(reading),
                });
            }
        }
        select.items.iter().for_each(|item| self.expr(item));
        select.filter.iter().for_each(|filter| self.expr(filter));
        select.group_by.iter().for_each(|key| self.expr(key));
        select.having.iter().for_each(|having| self.expr(having));
    }

    fn from(&mut self, from: &'t From) {
        match from {
            From::Table { relation, noted, .. } => self.tables.push((relation, *noted)),
            From::Cte { .. } => {}
            From::Derived { query, .. } => self.query(query),
            From::Unnest { unnest, .. } => self.expr(&unnest.array),
            From::Join { left, right, on, .. } => {
                self.from(left);
                self.from(right);
                on.iter().for_each(|on| self.expr(on));
            }
        }
    }

    fn expr(&mut self, expr: &'t Expr) {
        match &expr.kind {
            ExprKind::Exists { query, .. }
            | ExprKind::Scalar(query)
            | ExprKind::ArrayQuery(query)
            | ExprKind::InQuery { query, .. } => self.query(query),
            ExprKind::Field { base, name } => {
                if let ExprKind::Column { relation, column } = &base.kind
                    && column == "body"
                {
                    self.note_field(relation, name);
                }
            }
            _ => {}
        }
        expr.children().into_iter().for_each(|child| self.expr(child));
    }

    fn note_field(&mut self, relation: &str, name: &str) {
        let table = self.tables.iter().rev().find(|(known, _)| *known == relation);
        if let Some(found) = table.and_then(|(_, noted)| self.found.get_mut(*noted)) {
            found.get_or_insert_default().fields.insert(name.to_owned());
        }
    }
}

/// What a condition that must hold says of a table's times.
fn narrow(condition: &Expr, relation: &str, reading: &mut Reading) {
    match &condition.kind {
        ExprKind::And(all) => all.iter().for_each(|one| narrow(one, relation, reading)),
        ExprKind::Compare { operator, left, right } => {
            if is_time_of(left, relation)
                && let Some(Literal::Timestamp(micros)) = right.as_literal()
            {
                bound(*operator, *micros, reading);
            } else if is_time_of(right, relation)
                && let Some(Literal::Timestamp(micros)) = left.as_literal()
            {
                bound(turned(*operator), *micros, reading);
            }
        }
        _ => {}
    }
}

fn is_time_of(expr: &Expr, wanted: &str) -> bool {
    matches!(&expr.kind, ExprKind::Column { relation, column }
        if relation == wanted && column == "timestamp")
}

/// What is left of the sign, when the sides change places.
fn turned(operator: Comparison) -> Comparison {
    match operator {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        other => other,
    }
}

fn bound(operator: Comparison, micros: i64, reading: &mut Reading) {
    let (first, last) = match operator {
        Comparison::Greater | Comparison::GreaterOrEqual => (true, false),
        Comparison::Less | Comparison::LessOrEqual => (false, true),
        Comparison::Equal => (true, true),
        _ => (false, false),
    };
    if first {
        reading.first = Some(reading.first.map_or(micros, |known| known.max(micros)));
    }
    if last {
        reading.last = Some(reading.last.map_or(micros, |known| known.min(micros)));
    }
}
