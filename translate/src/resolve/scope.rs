//! What names mean in one place of a query.

use event_schemas::TableSchema;
use sqlparser::ast::NamedWindowDefinition;

use crate::{
    tree::{Column, Expr},
    types::Type,
};

/// The relations of one FROM clause, and the scope of the query around it.
pub(super) struct Scope<'p> {
    pub(super) relations: Vec<Relation>,
    /// Columns that USING has made one of two; they go before those of the relations.
    pub(super) merged: Vec<Merged>,
    pub(super) parent: Option<&'p Scope<'p>>,
    /// Whether `parent` is what stands left of a parenthesis in the same FROM.
    pub(super) in_parentheses: bool,
}

/// A column that USING names.
#[derive(Debug, Clone)]
pub(super) struct Merged {
    pub(super) name: String,
    pub(super) value: Expr,
    /// The relations whose column of that name it stands for.
    pub(super) of: Vec<String>,
}

impl<'p> Scope<'p> {
    pub(super) fn new(parent: Option<&'p Scope<'p>>) -> Self {
        Self { relations: Vec::new(), merged: Vec::new(), parent, in_parentheses: false }
    }

    /// The scope of a parenthesis in FROM, which sees what stands before it.
    pub(super) fn in_parentheses(before: &'p Scope<'p>) -> Self {
        Self { in_parentheses: true, ..Self::new(Some(before)) }
    }

    /// Whether it is one of these relations that has the name in PostgreSQL, not one of a query around.
    pub(super) fn owns(&self, relation: &str) -> bool {
        is_among(&self.relations, relation)
    }

    /// The scope of the query around this one.
    pub(super) fn around(&self) -> Option<&'p Scope<'p>> {
        if self.in_parentheses { self.parent?.around() } else { self.parent }
    }
}

/// Whether one of the relations has the name in PostgreSQL.
pub(super) fn is_among(relations: &[Relation], relation: &str) -> bool {
    relations.iter().any(|known| known.relation == relation)
}

/// A relation that expressions can name.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    /// How the query names it.
    pub(super) alias: String,
    /// A source's whole name, where it has points and there is no alias: it may be written in
    /// backquotes before a column.
    pub(super) source: Option<String>,
    /// How PostgreSQL names it.
    pub(super) relation: String,
    pub(super) shape: Shape,
    /// Whether it is a CTE of the endpoint that a consumer's query reads.
    pub(super) of_endpoint: bool,
}

/// What a relation's columns are.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// Exactly these.
    Columns(Vec<Column>),
    /// A table of events: `id`, `timestamp`, `event_message` and the fields of the body.
    Events(TableSchema),
    /// A table whose columns are fields of the body: these, in this order.
    Declared { schema: TableSchema, columns: Vec<String> },
    /// The elements of an array; fields of an element can be named as if they were columns.
    /// So are those of a query that gives values, not rows (SELECT AS STRUCT).
    Element { column: String, ty: Type },
    /// The places of the elements of an array, from 0.
    Offset,
}

impl Relation {
    /// Whether its columns go before the fields of unnested objects.
    pub(super) fn is_table(&self) -> bool {
        !matches!(self.shape, Shape::Element { .. } | Shape::Offset)
    }

    /// Whether fields that nobody declared may exist in it.
    pub(super) fn is_open(&self) -> bool {
        matches!(
            self.shape,
            Shape::Events(_) | Shape::Element { ty: Type::Dynamic | Type::Object(_), .. }
        )
    }
}

/// Where an expression stands, and so what it may name.
#[derive(Clone, Copy)]
pub(super) struct Place<'s> {
    pub(super) scope: &'s Scope<'s>,
    pub(super) tables: &'s super::Tables<'s>,
    /// Aliases of the SELECT list, where they can be named (GROUP BY, HAVING, ORDER BY).
    pub(super) aliases: &'s [(String, Expr)],
    /// The clause's name where aggregate functions may not stand, else None.
    pub(super) no_aggregates: Option<&'static str>,
    /// The same for window functions.
    pub(super) no_windows: Option<&'static str>,
    /// What WINDOW names.
    pub(super) windows: &'s [NamedWindowDefinition],
}

impl<'s> Place<'s> {
    /// A clause in which neither aggregate nor window functions may stand.
    pub(super) fn clause(
        clause: &'static str,
        scope: &'s Scope<'s>,
        tables: &'s super::Tables<'s>,
    ) -> Self {
        Self {
            scope,
            tables,
            aliases: &[],
            no_aggregates: Some(clause),
            no_windows: Some(clause),
            windows: &[],
        }
    }

    /// The same place for the arguments of an aggregate function.
    pub(super) fn inside_aggregate(self) -> Self {
        let inside = Some("an aggregate function");
        Self { aliases: &[], no_aggregates: inside, no_windows: inside, ..self }
    }
}
