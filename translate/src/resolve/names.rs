//! Identifiers: relations, columns, fields.
//!
//! Studio's queries name fields of unnested objects as if they were columns, and fields that no
//! event has carried yet. The order is: a relation's alias; a column of a table; a declared field
//! of an unnested object; a field that nobody declared, which reads as NULL where it is missing.

use sqlparser::ast::Ident;

use super::{
    Resolver, row,
    scope::{Place, Relation, Scope, Shape},
    structure,
};
use crate::{
    bounds,
    diagnostic::{Diagnostic, Position},
    functions,
    tree::{self, Expr, ExprKind, Literal},
    types::Type,
};

/// Whether a name in backquotes is that of a relation's source.
fn is_source(relation: &Relation, name: &Ident) -> bool {
    name.quote_style.is_some() && relation.source.as_deref() == Some(name.value.as_str())
}

impl Resolver<'_> {
    /// `a`, `a.b`, `a.b.c` …
    pub(super) fn name(&self, parts: &[Ident], place: Place<'_>) -> Result<Expr, Diagnostic> {
        let Some((first, rest)) = parts.split_first() else {
            return Err(Diagnostic::internal(Position::default(), "a name without parts"));
        };
        let at = Position::from(first.span.start);
        if let Some(name) = first.value.strip_prefix('@').filter(|_| first.quote_style.is_none()) {
            return rest.iter().try_fold(self.parameter(name, at)?, field);
        }
        if rest.is_empty()
            && let Some((_, expr)) =
                place.aliases.iter().find(|(name, _)| name.eq_ignore_ascii_case(&first.value))
        {
            bounds::copies(expr, 1, at)?;
            return Ok(Expr { at, ..expr.clone() });
        }
        let (mut value, rest) = match self.relation_value(parts, place.scope)? {
            Some(found) => found,
            None => (self.bare_name(first, place.scope)?, rest),
        };
        for part in rest {
            value = field(value, part)?;
        }
        Ok(value)
    }

    /// A name that begins with a relation's alias: its value and the parts that are left.
    fn relation_value<'i>(
        &self,
        parts: &'i [Ident],
        scope: &Scope<'_>,
    ) -> Result<Option<(Expr, &'i [Ident])>, Diagnostic> {
        let first = &parts[0];
        let at = Position::from(first.span.start);
        let mut scope = Some(scope);
        while let Some(here) = scope {
            let named = here
                .relations
                .iter()
                .find(|relation| relation.alias.eq_ignore_ascii_case(&first.value))
                .or_else(|| here.relations.iter().find(|relation| is_source(relation, first)));
            if let Some(relation) = named {
                if !relation.alias.eq_ignore_ascii_case(&first.value) {
                    self.note_qualifier(first, &relation.alias);
                }
                return match (&relation.shape, parts.get(1)) {
                    (Shape::Element { .. }, _) => {
                        Ok(element(relation, at).map(|value| (value, &parts[1..])))
                    }
                    (Shape::Offset, _) => Ok(Some((offset(relation, at), &parts[1..]))),
                    // `SELECT a FROM a`: the column, where there is one of that name.
                    (_, None) if column(relation, &first.value, at).is_some() => Ok(None),
                    (_, None) => row::value(relation, at).map(|value| Some((value, &parts[1..]))),
                    (_, Some(name)) => {
                        member(relation, name).map(|value| Some((value, &parts[2..])))
                    }
                };
            }
            scope = here.parent;
        }
        Ok(None)
    }

    /// A name that no relation has: a column, or a field of an unnested object.
    fn bare_name(&self, name: &Ident, scope: &Scope<'_>) -> Result<Expr, Diagnostic> {
        let at = Position::from(name.span.start);
        let mut here = Some(scope);
        while let Some(scope) = here {
            if let Some(found) = scope
                .merged
                .iter()
                .rev()
                .find(|merged| merged.name.eq_ignore_ascii_case(&name.value))
            {
                bounds::copies(&found.value, 1, at)?;
                return Ok(Expr { at, ..found.value.clone() });
            }
            for of_tables in [true, false] {
                let found: Vec<(&Relation, Expr)> = scope
                    .relations
                    .iter()
                    .filter(|relation| relation.is_table() == of_tables)
                    .filter_map(|relation| Some((relation, column(relation, &name.value, at)?)))
                    .collect();
                match found.as_slice() {
                    [] => {}
                    [(_, value)] => return Ok(value.clone()),
                    [(first, _), (second, _), ..] => {
                        let message = format!("Column name {} is ambiguous", name.value);
                        let error = Diagnostic::invalid(at, message);
                        if first.alias.is_empty() || second.alias.is_empty() {
                            return Err(error.advise("give the tables aliases"));
                        }
                        return Err(error.advise(format!(
                            "write {0}.{2} or {1}.{2}",
                            first.alias, second.alias, name.value
                        )));
                    }
                }
            }
            here = scope.parent;
        }
        self.undeclared_field(name, scope)
    }

    /// A field that nobody declared: whichever of the open relations carries it. The objects of
    /// an event have few names in common, and BigQuery would have found exactly one.
    fn undeclared_field(&self, name: &Ident, scope: &Scope<'_>) -> Result<Expr, Diagnostic> {
        let at = Position::from(name.span.start);
        let mut here = Some(scope);
        while let Some(scope) = here {
            let open = scope.relations.iter().filter(|relation| relation.is_open());
            bounds::expressions(2 * open.clone().count(), at)?;
            let mut values = open
                .rev()
                .map(|relation| member(relation, name))
                .collect::<Result<Vec<Expr>, Diagnostic>>()?;
            if values.len() == 1 {
                return Ok(values.remove(0));
            }
            if !values.is_empty() {
                let coalesce =
                    functions::named("COALESCE").and_then(|function| function.overloads.first());
                let overload =
                    coalesce.ok_or_else(|| Diagnostic::internal(at, "COALESCE is not declared"))?;
                return Ok(Expr::new(
                    ExprKind::Call { overload, args: values, safe: false },
                    Type::Dynamic,
                    at,
                ));
            }
            here = scope.parent;
        }
        let message = format!("Unrecognized name: {}", name.value);
        let columns = visible_columns(scope);
        if columns.is_empty() {
            return Err(Diagnostic::invalid(at, message));
        }
        let advice = if columns.iter().any(|column| column == "metadata") {
            format!(
                "here are {}; fields of metadata need CROSS JOIN UNNEST(metadata)",
                columns.join(", ")
            )
        } else {
            format!("here are {}", columns.join(", "))
        };
        Err(Diagnostic::invalid(at, message).advise(advice))
    }
}

fn visible_columns(scope: &Scope<'_>) -> Vec<String> {
    let columns = scope.relations.iter().flat_map(|relation| match &relation.shape {
        Shape::Columns(columns) => {
            columns.iter().map(|column| column.name.clone()).take(20).collect()
        }
        Shape::Declared { columns, .. } => columns.to_vec(),
        _ => Vec::new(),
    });
    columns.take(20).collect()
}

/// The value of a relation of elements.
pub(super) fn element(relation: &Relation, at: Position) -> Option<Expr> {
    let Shape::Element { column, ty } = &relation.shape else { return None };
    let kind = ExprKind::Column { relation: relation.relation.clone(), column: column.clone() };
    Some(Expr::new(kind, ty.clone(), at))
}

pub(super) fn offset(relation: &Relation, at: Position) -> Expr {
    let column = tree::ORDINAL.to_owned();
    let ordinal = Expr::new(
        ExprKind::Column { relation: relation.relation.clone(), column },
        Type::Int64,
        at,
    );
    let one = Box::new(Expr::literal(Literal::Int64(1), at));
    let kind = ExprKind::Arithmetic {
        operator: tree::Operator::Subtract,
        left: Box::new(ordinal),
        right: one,
    };
    Expr::new(kind, Type::Int64, at)
}

/// A column of a table, or a declared field of an unnested object. Names are case-insensitive.
pub(super) fn column(relation: &Relation, name: &str, at: Position) -> Option<Expr> {
    match &relation.shape {
        Shape::Columns(columns) => {
            let column = columns.named(name)?;
            let kind = ExprKind::Column {
                relation: relation.relation.clone(),
                column: column.column.clone(),
            };
            Some(Expr::new(kind, column.ty.clone(), at))
        }
        Shape::Events(schema) => {
            let own = [
                ("id", Type::String),
                ("timestamp", Type::Timestamp),
                ("event_message", Type::String),
            ];
            for (column, ty) in own {
                if column.eq_ignore_ascii_case(name) {
                    let kind = ExprKind::Column {
                        relation: relation.relation.clone(),
                        column: column.to_owned(),
                    };
                    return Some(Expr::new(kind, ty, at));
                }
            }
            let (declared, ty) = schema.declared(name)?;
            Some(json_field(body(relation, at), declared, ty.clone(), at))
        }
        Shape::Element { ty: Type::Object(schema), .. } => {
            let (declared, ty) = schema.declared(name)?;
            Some(json_field(element(relation, at)?, declared, ty.clone(), at))
        }
        Shape::Declared { schema, .. } => {
            let (declared, ty) = schema.declared(name)?;
            let ty = ty.clone();
            if ty.is_event_value() {
                return Some(json_field(body(relation, at), declared, ty, at));
            }
            // It is of this type and no other, so it does not adapt to what it is compared with.
            let field = json_field(body(relation, at), declared, Type::Dynamic, at);
            Some(Expr::new(ExprKind::Read(Box::new(field)), ty, at))
        }
        Shape::Element { ty: Type::Struct(fields), .. } => {
            structure::field(element(relation, at)?, fields, name, at).ok()
        }
        Shape::Element { .. } | Shape::Offset => None,
    }
}

/// `relation.name`
fn member(relation: &Relation, name: &Ident) -> Result<Expr, Diagnostic> {
    let at = Position::from(name.span.start);
    if let Some(value) = column(relation, &name.value, at) {
        return Ok(value);
    }
    match &relation.shape {
        Shape::Events(_) => Ok(json_field(body(relation, at), &name.value, Type::Dynamic, at)),
        Shape::Element { .. } => match element(relation, at) {
            Some(value) => field(value, name),
            None => Err(Diagnostic::internal(at, "an element was lost")),
        },
        Shape::Offset => {
            Err(Diagnostic::invalid(at, "Cannot access a field on a value with type INT64"))
        }
        Shape::Declared { columns, .. } => {
            let message = format!("Name {} not found inside {}", name.value, relation.alias);
            Err(Diagnostic::invalid(at, message).advise(format!("it has {}", columns.join(", "))))
        }
        Shape::Columns(columns) => {
            let known: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let message = format!("Name {} not found inside {}", name.value, relation.alias);
            Err(Diagnostic::invalid(at, message).advise(format!("it has {}", known.join(", "))))
        }
    }
}

/// `value.name`
pub(super) fn field(value: Expr, name: &Ident) -> Result<Expr, Diagnostic> {
    let at = Position::from(name.span.start);
    match &value.ty {
        Type::Dynamic | Type::List(_) => Ok(json_field(value, &name.value, Type::Dynamic, at)),
        Type::Object(schema) => {
            let declared = schema.declared(&name.value);
            let (declared, ty) = declared.unwrap_or((&name.value, &Type::Dynamic));
            let (declared, ty) = (declared.to_owned(), ty.clone());
            Ok(json_field(value, &declared, ty, at))
        }
        Type::Struct(fields) => {
            let fields = fields.clone();
            structure::field(value, &fields, &name.value, at)
        }
        // BigQuery's JSON: a field that is not there is NULL.
        Type::Json => Ok(json_field(value, &name.value, Type::Json, at)),
        ty => {
            let message = format!("Cannot access field {} on a value with type {ty}", name.value);
            Err(Diagnostic::invalid(at, message))
        }
    }
}

fn json_field(base: Expr, name: &str, ty: Type, at: Position) -> Expr {
    Expr::new(ExprKind::Field { base: Box::new(base), name: name.to_owned() }, ty, at)
}

/// A field of a stored event by its exact name, whatever is declared of it.
pub(super) fn stored_field(relation: &Relation, name: &str, at: Position) -> Expr {
    json_field(body(relation, at), name, Type::Dynamic, at)
}

fn body(relation: &Relation, at: Position) -> Expr {
    let column = "body".to_owned();
    Expr::new(ExprKind::Column { relation: relation.relation.clone(), column }, Type::Dynamic, at)
}
