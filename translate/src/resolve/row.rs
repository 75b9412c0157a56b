//! Rows: `*`, `t.*`, and a table's alias as a value.

use sqlparser::{
    ast::{self, Spanned},
    tokenizer::Token,
};

use super::{
    Resolver,
    names::{column, element, offset},
    scope::{Place, Relation, Scope, Shape},
    structure,
};
use crate::{
    bounds,
    diagnostic::{Diagnostic, Position},
    tree::{self, Expr, ExprKind},
    types::{StructField, Type},
};

/// A column that `*` stands for.
type Named = (Option<String>, Expr);

impl Resolver<'_> {
    /// `*` and `t.*`, with EXCEPT and REPLACE.
    pub(super) fn star(
        &mut self,
        item: &ast::SelectItem,
        place: Place<'_>,
    ) -> Result<Vec<Named>, Diagnostic> {
        let at = Position::from(item.span().start);
        let restricted = || {
            Diagnostic::refused(at, "restricted wildcard (*) in a result column")
                .advise("name the columns, for example id, timestamp, event_message, metadata")
        };
        // A consumer's query names the columns of events, as in Logflare. A pipe passes them on.
        let of_events = |relation: &Relation| relation.of_endpoint && written(item);
        let (columns, options) = match item {
            ast::SelectItem::QualifiedWildcard(kind, options) => {
                (self.qualified_star(kind, place, at, &restricted)?, options)
            }
            ast::SelectItem::Wildcard(options) => {
                if place.scope.relations.is_empty() {
                    let message = "SELECT * must have a FROM clause";
                    return Err(Diagnostic::invalid(at, message));
                }
                if place.scope.relations.iter().any(of_events) {
                    return Err(restricted());
                }
                (all_columns(place.scope, at)?.ok_or_else(restricted)?, options)
            }
            _ => return Err(Diagnostic::internal(at, "this is no *")),
        };
        self.star_options(columns, options, place, at)
    }

    fn qualified_star(
        &mut self,
        kind: &ast::SelectItemQualifiedWildcardKind,
        place: Place<'_>,
        at: Position,
        restricted: &dyn Fn() -> Diagnostic,
    ) -> Result<Vec<Named>, Diagnostic> {
        let value = match kind {
            ast::SelectItemQualifiedWildcardKind::Expr(expr) => self.expr(expr, place)?,
            ast::SelectItemQualifiedWildcardKind::ObjectName(name) => {
                let parts: Vec<ast::Ident> =
                    name.0.iter().filter_map(|part| part.as_ident()).cloned().collect();
                let relation = place.scope.relations.iter().find(|relation| {
                    parts.len() == 1 && relation.alias.eq_ignore_ascii_case(&parts[0].value)
                });
                match relation {
                    Some(relation) if relation.of_endpoint => return Err(restricted()),
                    Some(relation) => return columns(relation, at)?.ok_or_else(restricted),
                    None => self.name(&parts, place)?,
                }
            }
        };
        match &value.ty {
            Type::Struct(fields) => fields_of(&value, fields, at),
            Type::Object(_) | Type::Dynamic => Err(restricted()),
            ty => {
                let message = format!("Dot-star is not supported for type {ty}");
                Err(Diagnostic::invalid(at, message))
            }
        }
    }

    fn star_options(
        &mut self,
        mut columns: Vec<Named>,
        options: &ast::WildcardAdditionalOptions,
        place: Place<'_>,
        at: Position,
    ) -> Result<Vec<Named>, Diagnostic> {
        let foreign = options.opt_ilike.is_some()
            || options.opt_exclude.is_some()
            || options.opt_alias.is_some();
        if foreign {
            return Err(Diagnostic::invalid(at, "Syntax error: this form of * is not BigQuery's"));
        }
        let has = |columns: &[Named], name: &ast::Ident| {
            columns.iter().any(|(known, _)| is_called(known.as_deref(), name))
        };
        let missing = |what: &str, name: &ast::Ident| {
            let message = format!("Column {} in SELECT * {what} list does not exist", name.value);
            Diagnostic::invalid(name.span.start.into(), message)
        };
        if let Some(except) = &options.opt_except {
            for name in std::iter::once(&except.first_element).chain(&except.additional_elements) {
                if !has(&columns, name) {
                    return Err(missing("EXCEPT", name));
                }
                columns.retain(|(known, _)| !is_called(known.as_deref(), name));
            }
            if columns.is_empty() {
                let message = "SELECT * EXCEPT leaves no columns";
                return Err(Diagnostic::invalid(at, message));
            }
        }
        for replaced in options.opt_replace.iter().flat_map(|replace| &replace.items) {
            if !has(&columns, &replaced.column_name) {
                return Err(missing("REPLACE", &replaced.column_name));
            }
            let value = self.expr(&replaced.expr, place)?;
            for (name, column) in &mut columns {
                if is_called(name.as_deref(), &replaced.column_name) {
                    bounds::copies(&value, 1, at)?;
                    *column = value.clone();
                }
            }
        }
        // BigQuery has it as a pipe's RENAME only, and reads nothing else that comes here.
        if let Some(ast::RenameSelectItem::Multiple(mappings)) = &options.opt_rename {
            for ast::IdentWithAlias { ident, alias } in mappings {
                if !has(&columns, ident) {
                    return Err(missing("RENAME", ident));
                }
                for (name, _) in &mut columns {
                    if is_called(name.as_deref(), ident) {
                        *name = Some(alias.value.clone());
                    }
                }
            }
        }
        Ok(columns)
    }
}

/// Whether a `*` stands in the query: a pipe's operators become others without it.
fn written(item: &ast::SelectItem) -> bool {
    match item {
        ast::SelectItem::Wildcard(options) => options.wildcard_token.0.token != Token::EOF,
        _ => true,
    }
}

fn is_called(name: Option<&str>, wanted: &ast::Ident) -> bool {
    name.is_some_and(|name| name.eq_ignore_ascii_case(&wanted.value))
}

/// All columns of a FROM clause, None where that cannot be said: those of USING come first.
pub(super) fn all_columns(
    scope: &Scope<'_>,
    at: Position,
) -> Result<Option<Vec<Named>>, Diagnostic> {
    let mut all: Vec<Named> = Vec::new();
    for merged in &scope.merged {
        bounds::copies(&merged.value, 1, at)?;
        all.push((Some(merged.name.clone()), Expr { at, ..merged.value.clone() }));
    }
    for relation in &scope.relations {
        let Some(own) = columns(relation, at)? else { return Ok(None) };
        let is_merged = |name: &str| {
            scope.merged.iter().any(|merged| {
                merged.name.eq_ignore_ascii_case(name) && merged.of.contains(&relation.relation)
            })
        };
        all.extend(own.into_iter().filter(|(name, _)| !name.as_deref().is_some_and(is_merged)));
    }
    Ok(Some(all))
}

/// The columns of a relation, None where nobody knows them all.
fn columns(relation: &Relation, at: Position) -> Result<Option<Vec<Named>>, Diagnostic> {
    let named = |name: &str| Some((Some(name.to_owned()), column(relation, name, at)?));
    Ok(match &relation.shape {
        Shape::Events(_) => None,
        Shape::Columns(columns) => {
            bounds::expressions(columns.len(), at)?;
            Some(
                columns
                    .iter()
                    .map(|column| {
                        let kind = ExprKind::Column {
                            relation: relation.relation.clone(),
                            column: column.column.clone(),
                        };
                        (Some(column.name.clone()), Expr::new(kind, column.ty.clone(), at))
                    })
                    .collect(),
            )
        }
        Shape::Declared { columns, .. } => {
            bounds::expressions(3 * columns.len(), at)?;
            columns.iter().map(|name| named(name)).collect()
        }
        Shape::Element { ty, .. } => {
            let Some(value) = element(relation, at) else { return Ok(None) };
            Some(match ty {
                Type::Struct(fields) => fields_of(&value, fields, at)?,
                ty if ty.is_event_value() => return Ok(None),
                _ => vec![(name_of(relation), value)],
            })
        }
        Shape::Offset => Some(vec![(name_of(relation), offset(relation, at))]),
    })
}

fn name_of(relation: &Relation) -> Option<String> {
    (!relation.alias.is_empty()).then(|| relation.alias.clone())
}

fn fields_of(value: &Expr, fields: &[StructField], at: Position) -> Result<Vec<Named>, Diagnostic> {
    bounds::copies(value, fields.len(), at)?;
    let field = |(place, field): (usize, &StructField)| {
        (field.name.clone(), structure::field_at(value.clone(), place, field.ty.clone(), at))
    };
    Ok(fields.iter().enumerate().map(field).collect())
}

/// The row of a relation as a value: a STRUCT of its columns, or an event as an object.
pub(super) fn value(relation: &Relation, at: Position) -> Result<Expr, Diagnostic> {
    let row = |fields| ExprKind::Row { relation: relation.relation.clone(), fields };
    let Some(columns) = columns(relation, at)? else {
        let own = ["body", "id", "timestamp", "event_message"].map(|column| {
            let kind =
                ExprKind::Column { relation: relation.relation.clone(), column: column.to_owned() };
            Expr::new(kind, Type::Dynamic, at)
        });
        return Ok(Expr::new(row(own.to_vec()), Type::Dynamic, at));
    };
    let fields = columns
        .iter()
        .map(|(name, value)| StructField { name: name.clone(), ty: value.ty.clone() });
    let ty = Type::Struct(fields.collect());
    let fields = columns.into_iter().map(|(_, value)| value).collect();
    Ok(Expr::new(row(fields), ty, at))
}

/// The fields of a query's only column as columns of their own, where it gives STRUCTs.
pub(super) fn spread(query: tree::Query) -> Result<tree::Query, Diagnostic> {
    let Some(Type::Struct(fields)) =
        query.columns.first().map(|column| column.ty.clone()).filter(|_| query.value_table)
    else {
        return Ok(query);
    };
    let mut spread = super::query::sorted_result(query);
    spread.value_table = false;
    if let tree::Body::Select(select) = &mut spread.body
        && let Some(value) = select.items.pop()
    {
        let (names, items): (Vec<_>, Vec<_>) =
            fields_of(&value, &fields, Position::default())?.into_iter().unzip();
        spread.columns = super::select::columns(&names, &items, Position::default)?.0;
        select.items = items;
    }
    Ok(spread)
}
