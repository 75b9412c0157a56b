//! FROM: tables, CTEs, derived tables, UNNEST, joins.

use sqlparser::ast::{self, Spanned};

use super::{
    Resolver, Tables,
    scope::{Place, Relation, Scope, Shape, is_among},
};
use crate::{
    TableColumns,
    diagnostic::{Diagnostic, Position},
    tree::{Column, ELEMENT, ExprKind, From, JoinKind, Unnest},
    types::Type,
};

impl Resolver<'_> {
    /// Resolves a whole FROM clause; its relations are added to `scope`.
    pub(super) fn from(
        &mut self,
        items: &[ast::TableWithJoins],
        scope: &mut Scope<'_>,
        tables: &Tables<'_>,
    ) -> Result<Vec<From>, Diagnostic> {
        items.iter().map(|item| self.table_with_joins(item, scope, tables)).collect()
    }

    fn table_with_joins(
        &mut self,
        item: &ast::TableWithJoins,
        scope: &mut Scope<'_>,
        tables: &Tables<'_>,
    ) -> Result<From, Diagnostic> {
        let begin = scope.relations.len();
        let mut left = self.table(&item.relation, scope, tables, false)?;
        for join in &item.joins {
            let middle = scope.relations.len();
            let at = Position::from(join.relation.span().start);
            let (kind, constraint) = join_kind(&join.join_operator, at)?;
            let keeps_left = matches!(kind, JoinKind::Left | JoinKind::Full);
            let right = self.table(&join.relation, scope, tables, keeps_left)?;
            let unnest = matches!(right, From::Unnest { .. });
            if let (From::Unnest { unnest, .. }, JoinKind::Right | JoinKind::Full) = (&right, kind)
            {
                let before = &scope.relations[begin..middle];
                refuse_correlation(unnest, before, at)?;
            }
            let on = match constraint {
                ast::JoinConstraint::On(condition) => {
                    let place = Place::clause("ON", scope, tables);
                    Some(self.condition(condition, place, "ON")?)
                }
                ast::JoinConstraint::None if unnest || kind == JoinKind::Cross => None,
                ast::JoinConstraint::None => {
                    return Err(Diagnostic::invalid(at, "Syntax error: a JOIN needs ON"));
                }
                ast::JoinConstraint::Using(names) => {
                    Some(super::join::using(names, kind, (begin, middle), scope)?)
                }
                _ => return Err(Diagnostic::invalid(at, "Syntax error in JOIN")),
            };
            left = combine(kind, left, right, on);
        }
        Ok(left)
    }

    fn table(
        &mut self,
        table: &ast::TableFactor,
        scope: &mut Scope<'_>,
        tables: &Tables<'_>,
        outer: bool,
    ) -> Result<From, Diagnostic> {
        let at = Position::from(table.span().start);
        match table {
            ast::TableFactor::Table {
                name,
                alias,
                args: None,
                version: None,
                sample: None,
                ..
            } => {
                let alias = alias_name(alias.as_ref())?;
                self.named_table(name, alias, scope, tables)
            }
            ast::TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                let query = self.query(subquery, tables, scope.around())?;
                let alias =
                    alias_name(alias.as_ref())?.map_or(String::new(), |alias| alias.value.clone());
                let shape = shape_of(&query.columns, query.value_table);
                let relation = add(scope, alias, shape, at)?;
                Ok(From::Derived { query: Box::new(query), relation })
            }
            ast::TableFactor::UNNEST {
                alias,
                array_exprs,
                with_offset,
                with_offset_alias,
                with_ordinality: false,
            } => {
                let [array] = array_exprs.as_slice() else {
                    return Err(Diagnostic::unsupported(at, "UNNEST of several arrays"));
                };
                let alias =
                    alias_name(alias.as_ref())?.map_or(String::new(), |alias| alias.value.clone());
                let offset = with_offset.then(|| {
                    with_offset_alias
                        .as_ref()
                        .map_or_else(|| "offset".to_owned(), |alias| alias.value.clone())
                });
                self.unnest(array, alias, offset, scope, tables, outer)
            }
            ast::TableFactor::NestedJoin { table_with_joins, alias: None } => {
                // What stands in the parentheses is found before what stands around them.
                let mut inner = Scope::in_parentheses(scope);
                let from = self.table_with_joins(table_with_joins, &mut inner, tables)?;
                let Scope { relations, merged, .. } = inner;
                for relation in relations {
                    if is_taken(scope, &relation.alias) && !matches!(relation.shape, Shape::Offset)
                    {
                        return Err(duplicate(&relation.alias, at));
                    }
                    scope.relations.push(relation);
                }
                scope.merged.extend(merged);
                Ok(from)
            }
            ast::TableFactor::Pivot { .. } => self.pivot(table, scope, tables),
            ast::TableFactor::Unpivot { .. } => self.unpivot(table, scope, tables),
            ast::TableFactor::Table { name, args: Some(_), .. }
            | ast::TableFactor::Function { name, .. } => {
                Err(Diagnostic::refused(at, format!("Table-valued function not found: {name}")))
            }
            _ => Err(Diagnostic::unsupported(at, "this kind of table")),
        }
    }

    fn named_table(
        &mut self,
        name: &ast::ObjectName,
        alias: Option<&ast::Ident>,
        scope: &mut Scope<'_>,
        tables: &Tables<'_>,
    ) -> Result<From, Diagnostic> {
        let at = Position::from(name.span().start);
        let parts: Vec<&ast::Ident> = name.0.iter().filter_map(|part| part.as_ident()).collect();
        if parts.len() > 1
            && let Some(from) = self.implicit_unnest(&parts, alias, scope, tables)?
        {
            return Ok(from);
        }
        let full = parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
        // A table without an alias is called by the last part of its name.
        let named =
            alias.or(parts.last().copied()).map_or(String::new(), |alias| alias.value.clone());
        let mut here = Some(tables);
        while let Some(level) = here {
            if let Some(place) =
                level.entries.iter().rposition(|entry| entry.name.eq_ignore_ascii_case(&full))
            {
                let cte = self.cte(level, place)?;
                let shape = shape_of(&cte.columns, cte.value_table);
                let relation = add(scope, named, shape, at)?;
                if let Some(added) = scope.relations.last_mut() {
                    added.of_endpoint = level.sources && !tables.sources;
                }
                return Ok(From::Cte { cte: cte.relation, relation });
            }
            here = level.parent;
        }
        let source = if tables.sources { self.sources.source(&full) } else { None };
        if source.is_none()
            && tables.sources
            && let Some(stored) = self.stored_query(&full, at)?
        {
            self.note(name, &full, None, alias.is_none().then(|| named.clone()));
            let relation = add(scope, named, shape_of(&stored.columns, stored.value_table), at)?;
            return Ok(From::Cte { cte: stored.relation, relation });
        }
        let Some(source) = source else {
            if let Some(wrong) = parts.iter().rev().nth(1).filter(|part| !is_dataset(&part.value)) {
                let message = format!(
                    "Invalid dataset ID \"{}\". Dataset IDs must be alphanumeric (plus underscores and dashes) and must be at most 1024 characters long.",
                    wrong.value
                );
                return Err(Diagnostic::invalid(at, message));
            }
            let known = if tables.sources { self.sources.names() } else { Vec::new() };
            let mut known: Vec<&str> = known.iter().map(String::as_str).collect();
            known.extend(tables.known());
            let message = format!("Table \"{full}\" does not exist");
            let unknown = Diagnostic::refused(at, message);
            return Err(match known.is_empty() {
                true => unknown,
                false => unknown.advise(format!("there are {}", known.join(", "))),
            });
        };
        let unaliased = alias.is_none().then(|| named.clone());
        let noted = self.note(name, &full, Some(source.clone()), unaliased);
        let shape = match source.columns {
            TableColumns::Event => Shape::Events(source.schema.as_ref().clone()),
            TableColumns::Declared(columns) => {
                Shape::Declared { schema: source.schema.as_ref().clone(), columns }
            }
        };
        let relation = add(scope, named, shape, at)?;
        if let Some(added) = scope.relations.last_mut().filter(|_| alias.is_none()) {
            added.source = Some(full);
        }
        Ok(From::Table { table: source.table, relation, noted })
    }

    /// `FROM t, t.metadata AS m`: an UNNEST that is not spelled out.
    fn implicit_unnest(
        &mut self,
        parts: &[&ast::Ident],
        alias: Option<&ast::Ident>,
        scope: &mut Scope<'_>,
        tables: &Tables<'_>,
    ) -> Result<Option<From>, Diagnostic> {
        if !scope
            .relations
            .iter()
            .any(|relation| relation.alias.eq_ignore_ascii_case(&parts[0].value))
        {
            return Ok(None);
        }
        if let Some(dotted) = parts.iter().find(|part| part.value.contains('.')) {
            // Read as a path of its own, it is a table: BigQuery would look for that and not here.
            let message = format!("Invalid name in a path of FROM: `{}` has a dot", dotted.value);
            let refused = Diagnostic::invalid(dotted.span.start.into(), message);
            return Err(refused.advise("write UNNEST(…), or give the table an alias without one"));
        }
        let array = ast::Expr::CompoundIdentifier(parts.iter().map(|&part| part.clone()).collect());
        let alias =
            alias.or(parts.last().copied()).map_or(String::new(), |alias| alias.value.clone());
        self.unnest(&array, alias, None, scope, tables, false).map(Some)
    }

    fn unnest(
        &mut self,
        array: &ast::Expr,
        alias: String,
        offset: Option<String>,
        scope: &mut Scope<'_>,
        tables: &Tables<'_>,
        outer: bool,
    ) -> Result<From, Diagnostic> {
        let place = Place::clause("UNNEST", scope, tables);
        let array = self.expr(array, place)?;
        // Events keep objects as objects: an object is its own only element. Studio's pages rely
        // on events that lack the part staying visible, also under CROSS JOIN.
        let (element, missing_gives_row) = match &array.ty {
            Type::Object(_) | Type::Dynamic => (array.ty.clone(), true),
            Type::List(element) => (Type::of_field(element), false),
            Type::Array(element) => (element.as_ref().clone(), false),
            ty => {
                let message = format!(
                    "Values referenced in UNNEST must be arrays. UNNEST contains expression of type {ty}"
                );
                return Err(Diagnostic::invalid(array.at, message));
            }
        };
        // A list's scalars are read like any other value inside an event.
        let element = if matches!(array.ty, Type::List(_)) && !element.is_event_value() {
            Type::Dynamic
        } else {
            element
        };
        let at = array.at;
        let shape = Shape::Element { column: ELEMENT.to_owned(), ty: element };
        let relation = add(scope, alias, shape, at)?;
        let with_offset = offset.is_some();
        if let Some(offset) = offset {
            scope.relations.push(Relation {
                alias: offset,
                relation: relation.clone(),
                shape: Shape::Offset,
                source: None,
                of_endpoint: false,
            });
        }
        let unnest = Unnest { array, missing_gives_row: missing_gives_row && !outer, with_offset };
        Ok(From::Unnest { unnest: Box::new(unnest), relation })
    }
}

/// RIGHT and FULL JOIN keep elements that no row asks for, so that they cannot be those of a row.
fn refuse_correlation(
    unnest: &Unnest,
    before: &[Relation],
    at: Position,
) -> Result<(), Diagnostic> {
    let correlated = unnest.array.any(&mut |expr| match &expr.kind {
        ExprKind::Column { relation, .. } => is_among(before, relation),
        _ => false,
    });
    if correlated {
        let message =
            "Array scan is not allowed with RIGHT JOIN or FULL JOIN of what it belongs to";
        return Err(Diagnostic::invalid(at, message));
    }
    Ok(())
}

/// How a query's columns can be named in FROM.
pub(super) fn shape_of(columns: &[Column], value_table: bool) -> Shape {
    match columns {
        [value] if value_table => {
            Shape::Element { column: value.column.clone(), ty: value.ty.clone() }
        }
        columns => Shape::Columns(columns.to_vec()),
    }
}

fn is_dataset(name: &str) -> bool {
    name.len() <= 1024 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn is_taken(scope: &Scope<'_>, alias: &str) -> bool {
    let named = |relation: &Relation| relation.alias.eq_ignore_ascii_case(alias);
    !alias.is_empty() && scope.relations.iter().any(named)
}

fn duplicate(alias: &str, at: Position) -> Diagnostic {
    Diagnostic::invalid(at, format!("Duplicate table alias {alias} in the same FROM clause"))
}

/// Puts a relation into a scope and gives it its name in PostgreSQL.
pub(super) fn add(
    scope: &mut Scope<'_>,
    alias: String,
    shape: Shape,
    at: Position,
) -> Result<String, Diagnostic> {
    if is_taken(scope, &alias) {
        return Err(duplicate(&alias, at));
    }
    let wanted = if alias.is_empty() {
        "unnamed".to_owned()
    } else {
        super::shorten(&alias.to_ascii_lowercase())
    };
    let mut relation = wanted.clone();
    let mut count = 1;
    while taken(scope, &relation) {
        count += 1;
        relation = format!("{wanted} {count}");
    }
    scope.relations.push(Relation {
        alias,
        source: None,
        relation: relation.clone(),
        shape,
        of_endpoint: false,
    });
    Ok(relation)
}

/// Whether a relation here or around has the name: an inner one must not hide an outer one.
fn taken(scope: &Scope<'_>, relation: &str) -> bool {
    scope.owns(relation) || scope.parent.is_some_and(|parent| taken(parent, relation))
}

fn alias_name(alias: Option<&ast::TableAlias>) -> Result<Option<&ast::Ident>, Diagnostic> {
    match alias {
        Some(alias) if !alias.columns.is_empty() => Err(Diagnostic::invalid(
            alias.name.span.start.into(),
            "Syntax error: a table alias has no column list",
        )),
        alias => Ok(alias.map(|alias| &alias.name)),
    }
}

fn join_kind(
    operator: &ast::JoinOperator,
    at: Position,
) -> Result<(JoinKind, &ast::JoinConstraint), Diagnostic> {
    Ok(match operator {
        ast::JoinOperator::CrossJoin(constraint) => (JoinKind::Cross, constraint),
        ast::JoinOperator::Join(constraint) | ast::JoinOperator::Inner(constraint) => {
            (JoinKind::Inner, constraint)
        }
        ast::JoinOperator::Left(constraint) | ast::JoinOperator::LeftOuter(constraint) => {
            (JoinKind::Left, constraint)
        }
        ast::JoinOperator::Right(constraint) | ast::JoinOperator::RightOuter(constraint) => {
            (JoinKind::Right, constraint)
        }
        ast::JoinOperator::FullOuter(constraint) => (JoinKind::Full, constraint),
        _ => {
            return Err(Diagnostic::invalid(
                at,
                "Syntax error: this kind of join is not BigQuery's",
            ));
        }
    })
}

/// A join; PostgreSQL wants a condition on all but cross joins.
fn combine(kind: JoinKind, left: From, right: From, on: Option<crate::tree::Expr>) -> From {
    let kind = if kind == JoinKind::Inner && on.is_none() { JoinKind::Cross } else { kind };
    From::Join { kind, left: Box::new(left), right: Box::new(right), on }
}
