//! Pipe syntax: `FROM t |> WHERE … |> AGGREGATE …` as nested queries.

use sqlparser::ast::{self, PipeOperator, Spanned, helpers::attached_token::AttachedToken};

use crate::{
    diagnostic::{Diagnostic, Position},
    dialect::PIPE_DISTINCT,
};

/// The query that a query with pipe operators means.
pub(super) fn unfolded(query: &ast::Query) -> Result<ast::Query, Diagnostic> {
    let start = ast::Query { pipe_operators: Vec::new(), with: None, ..query.clone() };
    let mut flow = Flow { query: start, open: false };
    if let ast::SetExpr::Select(select) = flow.query.body.as_mut()
        && select.flavor == ast::SelectFlavor::FromFirstNoSelect
    {
        select.flavor = ast::SelectFlavor::Standard;
        select.projection = vec![star(ast::WildcardAdditionalOptions::default())];
        flow.open = true;
    }
    let at = Position::from(query.span().start);
    for operator in &query.pipe_operators {
        flow.apply(operator, at)?;
    }
    flow.query.with.clone_from(&query.with);
    Ok(flow.query)
}

/// What the operators so far have made.
struct Flow {
    query: ast::Query,
    /// Whether it is `SELECT * FROM … WHERE …` and nothing else: then the next operator can go into
    /// it, and sees the aliases of its tables.
    open: bool,
}

impl Flow {
    fn apply(&mut self, operator: &PipeOperator, at: Position) -> Result<(), Diagnostic> {
        match operator {
            PipeOperator::Where { expr } => {
                let expr = expr.clone();
                let select = self.opened()?;
                select.selection = Some(match select.selection.take() {
                    None => expr,
                    Some(before) => ast::Expr::BinaryOp {
                        left: Box::new(ast::Expr::Nested(Box::new(before))),
                        op: ast::BinaryOperator::And,
                        right: Box::new(ast::Expr::Nested(Box::new(expr))),
                    },
                });
            }
            PipeOperator::As { alias } if alias.value == PIPE_DISTINCT => {
                self.opened()?.distinct = Some(ast::Distinct::Distinct);
                self.open = false;
            }
            PipeOperator::As { alias } => self.wrap(Some(alias.clone())),
            PipeOperator::Aggregate { full_table_exprs, group_by_expr } => {
                self.aggregate(full_table_exprs, group_by_expr, at)?;
            }
            PipeOperator::OrderBy { exprs } => {
                self.opened()?;
                self.query.order_by = Some(ast::OrderBy {
                    kind: ast::OrderByKind::Expressions(exprs.clone()),
                    interpolate: None,
                });
                self.open = false;
            }
            PipeOperator::Limit { expr, offset } => {
                if self.query.limit_clause.is_some() {
                    self.wrap(None);
                }
                let offset = offset.clone();
                self.query.limit_clause = Some(ast::LimitClause::LimitOffset {
                    limit: Some(expr.clone()),
                    offset: offset.map(|value| ast::Offset { value, rows: ast::OffsetRows::None }),
                    limit_by: Vec::new(),
                });
                self.open = false;
            }
            PipeOperator::Union { set_quantifier, queries } => {
                self.unite(ast::SetOperator::Union, *set_quantifier, queries);
            }
            PipeOperator::Intersect { set_quantifier, queries } => {
                self.unite(ast::SetOperator::Intersect, *set_quantifier, queries);
            }
            PipeOperator::Except { set_quantifier, queries } => {
                self.unite(ast::SetOperator::Except, *set_quantifier, queries);
            }
            PipeOperator::Join(join) => {
                let select = self.opened()?;
                // A condition must hold before rows without a partner are added.
                if select.selection.is_some() || select.from.len() > 1 {
                    self.wrap(None);
                }
                if let Some(from) = self.opened()?.from.first_mut() {
                    from.joins.push(join.clone());
                }
            }
            _ => return self.change_columns(operator, at),
        }
        Ok(())
    }

    /// Operators that change which columns there are.
    fn change_columns(&mut self, operator: &PipeOperator, at: Position) -> Result<(), Diagnostic> {
        match operator {
            PipeOperator::Select { exprs } => self.project(exprs.clone())?,
            PipeOperator::Extend { exprs } => {
                let all = star(ast::WildcardAdditionalOptions::default());
                self.project(std::iter::once(all).chain(exprs.iter().cloned()).collect())?;
            }
            PipeOperator::Set { assignments } => {
                let items = assignments.iter().map(|assignment| {
                    let name = match &assignment.target {
                        ast::AssignmentTarget::ColumnName(name) if name.0.len() == 1 => {
                            name.0.first().and_then(|part| part.as_ident()).cloned()
                        }
                        _ => None,
                    };
                    let column_name =
                        name.ok_or_else(|| Diagnostic::invalid(at, "SET takes a column's name"))?;
                    let expr = assignment.value.clone();
                    Ok(Box::new(ast::ReplaceSelectElement { expr, column_name, as_keyword: true }))
                });
                let items = items.collect::<Result<Vec<_>, Diagnostic>>()?;
                self.project(vec![star(ast::WildcardAdditionalOptions {
                    opt_replace: Some(ast::ReplaceSelectItem { items }),
                    ..Default::default()
                })])?;
            }
            PipeOperator::Drop { columns } => {
                let Some((first, rest)) = columns.split_first() else { return Ok(()) };
                self.project(vec![star(ast::WildcardAdditionalOptions {
                    opt_except: Some(ast::ExceptSelectItem {
                        first_element: first.clone(),
                        additional_elements: rest.to_vec(),
                    }),
                    ..Default::default()
                })])?;
            }
            PipeOperator::Rename { mappings } => {
                self.project(vec![star(ast::WildcardAdditionalOptions {
                    opt_rename: Some(ast::RenameSelectItem::Multiple(mappings.clone())),
                    ..Default::default()
                })])?;
            }
            _ => self.rotate(operator, at)?,
        }
        Ok(())
    }

    fn rotate(&mut self, operator: &PipeOperator, at: Position) -> Result<(), Diagnostic> {
        match operator {
            PipeOperator::Pivot { aggregate_functions, value_column, value_source, alias } => {
                let column = ast::Expr::CompoundIdentifier(value_column.clone());
                let column = match value_column.as_slice() {
                    [name] => ast::Expr::Identifier(name.clone()),
                    _ => column,
                };
                self.rotated(|table| ast::TableFactor::Pivot {
                    table,
                    aggregate_functions: aggregate_functions.clone(),
                    value_column: vec![column],
                    value_source: value_source.clone(),
                    default_on_null: None,
                    alias: alias.clone().map(table_alias),
                });
            }
            PipeOperator::Unpivot { value_column, name_column, unpivot_columns, alias } => {
                let columns = unpivot_columns.iter().cloned().map(|name| ast::ExprWithAlias {
                    expr: ast::Expr::Identifier(name),
                    alias: None,
                });
                self.rotated(|table| ast::TableFactor::Unpivot {
                    table,
                    value: ast::Expr::Identifier(value_column.clone()),
                    name: name_column.clone(),
                    columns: columns.collect(),
                    null_inclusion: None,
                    alias: alias.clone().map(table_alias),
                });
            }
            _ => return Err(Diagnostic::unsupported(at, "this pipe operator")),
        }
        Ok(())
    }

    /// The open SELECT that the next operator goes into.
    fn opened(&mut self) -> Result<&mut ast::Select, Diagnostic> {
        if !self.open {
            self.wrap(None);
        }
        match self.query.body.as_mut() {
            ast::SetExpr::Select(select) => Ok(select),
            _ => Err(Diagnostic::internal(Position::default(), "a pipe has no SELECT")),
        }
    }

    fn project(&mut self, projection: Vec<ast::SelectItem>) -> Result<(), Diagnostic> {
        self.opened()?.projection = projection;
        self.open = false;
        Ok(())
    }

    fn wrap(&mut self, alias: Option<ast::Ident>) {
        let table = self.derived(alias);
        self.query = query_of(ast::SetExpr::Select(Box::new(select_all(table))));
        self.open = true;
    }

    /// What there is so far; what contains it takes its place. A copy for each of many operators would
    /// be their number squared.
    fn taken(&mut self) -> ast::Query {
        let nothing = ast::SetExpr::Values(ast::Values {
            explicit_row: false,
            value_keyword: false,
            rows: Vec::new(),
        });
        std::mem::replace(&mut self.query, query_of(nothing))
    }

    /// What there is so far as a table.
    fn derived(&mut self, alias: Option<ast::Ident>) -> ast::TableFactor {
        ast::TableFactor::Derived {
            lateral: false,
            subquery: Box::new(self.taken()),
            alias: alias.map(table_alias),
            sample: None,
        }
    }

    fn rotated(&mut self, rotated: impl FnOnce(Box<ast::TableFactor>) -> ast::TableFactor) {
        let table = rotated(Box::new(self.derived(None)));
        self.query = query_of(ast::SetExpr::Select(Box::new(select_all(table))));
        self.open = true;
    }

    /// Keys come first; they are named by their places, since an alias may hide a column.
    fn aggregate(
        &mut self,
        aggregates: &[ast::ExprWithAliasAndOrderBy],
        keys: &[ast::ExprWithAliasAndOrderBy],
        at: Position,
    ) -> Result<(), Diagnostic> {
        let all = keys.iter().chain(aggregates);
        let projection = all.clone().map(|item| match &item.expr.alias {
            None => ast::SelectItem::UnnamedExpr(item.expr.expr.clone()),
            Some(alias) => ast::SelectItem::ExprWithAlias {
                expr: item.expr.expr.clone(),
                alias: alias.clone(),
            },
        });
        let projection: Vec<_> = projection.collect();
        let sorted = all.enumerate().filter(|(_, item)| item.order_by.sort.is_some());
        let sorted: Vec<_> = sorted
            .map(|(place, item)| ast::OrderByExpr {
                expr: number(place + 1),
                options: item.order_by.clone(),
                with_fill: None,
            })
            .collect();
        let places = (1..=keys.len()).map(number).collect();
        let set = |key: &&ast::ExprWithAliasAndOrderBy| {
            use ast::Expr as E;
            matches!(key.expr.expr, E::Rollup(_) | E::Cube(_) | E::GroupingSets(_))
        };
        if keys.iter().any(|key| set(&key)) {
            return Err(Diagnostic::unsupported(at, "grouping sets in a pipe"));
        }
        let select = self.opened()?;
        select.projection = projection;
        select.group_by = ast::GroupByExpr::Expressions(places, Vec::new());
        if !sorted.is_empty() {
            self.query.order_by = Some(ast::OrderBy {
                kind: ast::OrderByKind::Expressions(sorted),
                interpolate: None,
            });
        }
        self.open = false;
        Ok(())
    }

    fn unite(
        &mut self,
        operator: ast::SetOperator,
        quantifier: ast::SetQuantifier,
        queries: &[ast::Query],
    ) {
        // All are one operation, as they would be without parentheses.
        let first = ast::SetExpr::Query(Box::new(self.taken()));
        let united = queries.iter().fold(first, |left, query| ast::SetExpr::SetOperation {
            op: operator,
            set_quantifier: quantifier,
            left: Box::new(left),
            right: Box::new(ast::SetExpr::Query(Box::new(query.clone()))),
        });
        self.query = query_of(united);
        self.open = false;
    }
}

fn star(options: ast::WildcardAdditionalOptions) -> ast::SelectItem {
    ast::SelectItem::Wildcard(options)
}

pub(super) fn number(number: usize) -> ast::Expr {
    ast::Expr::value(ast::Value::Number(number.to_string(), false))
}

pub(super) fn table_alias(name: ast::Ident) -> ast::TableAlias {
    ast::TableAlias { explicit: true, name, columns: Vec::new(), at: None }
}

pub(super) fn query_of(body: ast::SetExpr) -> ast::Query {
    ast::Query {
        with: None,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}

/// `SELECT * FROM table`
pub(super) fn select_all(table: ast::TableFactor) -> ast::Select {
    ast::Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: Vec::new(),
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection: vec![star(ast::WildcardAdditionalOptions::default())],
        exclude: None,
        into: None,
        from: vec![ast::TableWithJoins { relation: table, joins: Vec::new() }],
        lateral_views: Vec::new(),
        prewhere: None,
        selection: None,
        connect_by: Vec::new(),
        group_by: ast::GroupByExpr::Expressions(Vec::new(), Vec::new()),
        cluster_by: Vec::new(),
        distribute_by: Vec::new(),
        sort_by: Vec::new(),
        having: None,
        named_window: Vec::new(),
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: ast::SelectFlavor::Standard,
    }
}
