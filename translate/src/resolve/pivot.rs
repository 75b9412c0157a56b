//! PIVOT and UNPIVOT as queries.

use sqlparser::ast::{self, Spanned, helpers::attached_token::AttachedToken};

use super::{
    Resolver, Tables,
    from::{add, shape_of},
    pipe::{number, query_of, select_all},
    scope::{Place, Relation, Scope, Shape},
};
use crate::{
    bounds,
    diagnostic::{Diagnostic, Position},
    tree::{Column, Expr, ExprKind, From},
};

/// Aggregate functions for which a row of NULL is as good as none.
const PIVOTED: &[&str] = &[
    "SUM",
    "COUNT",
    "COUNTIF",
    "AVG",
    "MIN",
    "MAX",
    "ANY_VALUE",
    "STRING_AGG",
    "LOGICAL_AND",
    "LOGICAL_OR",
    "BIT_AND",
    "BIT_OR",
    "BIT_XOR",
    "STDDEV",
    "STDDEV_SAMP",
    "STDDEV_POP",
    "VARIANCE",
    "VAR_SAMP",
    "VAR_POP",
    "APPROX_COUNT_DISTINCT",
];

/// How long what makes an expression is for the most part, in the text of a syntax tree that is copied.
const BYTES_OF_WORD: usize = 8;

impl Resolver<'_> {
    /// `table PIVOT(SUM(x) FOR y IN ('a', 'b'))`: one aggregate per value, over the rows of that
    /// value, grouped by all columns that PIVOT does not name.
    pub(super) fn pivot(
        &mut self,
        pivot: &ast::TableFactor,
        scope: &mut Scope<'_>,
        tables: &Tables<'_>,
    ) -> Result<From, Diagnostic> {
        let at = Position::from(pivot.span().start);
        let ast::TableFactor::Pivot {
            table,
            aggregate_functions,
            value_column,
            value_source: ast::PivotValueSource::List(values),
            default_on_null: None,
            alias,
        } = pivot
        else {
            return Err(Diagnostic::unsupported(at, "this form of PIVOT"));
        };
        let by = match value_column.as_slice() {
            [by] => by.clone(),
            several => ast::Expr::Tuple(several.to_vec()),
        };
        let columns = self.columns_of(table, scope, tables)?;
        let mut named = self.named_columns(&by, &columns, tables)?;
        for aggregate in aggregate_functions {
            named.extend(self.named_columns(&aggregate.expr, &columns, tables)?);
        }
        let words = by.to_string().len()
            + aggregate_functions.iter().map(|call| call.to_string().len()).sum::<usize>();
        bounds::expressions(words.saturating_mul(values.len()) / BYTES_OF_WORD, at)?;
        let mut select = select_all(table.as_ref().clone());
        let kept = columns.iter().filter(|column| !named.contains(&column.column));
        select.projection = kept
            .map(|column| ast::SelectItem::UnnamedExpr(ast::Expr::Identifier(quoted(&column.name))))
            .collect();
        let keys = (1..=select.projection.len()).map(number).collect();
        select.group_by = ast::GroupByExpr::Expressions(keys, Vec::new());
        for value in values {
            let suffix = match &value.alias {
                Some(alias) => alias.value.clone(),
                None => name_of_value(&value.expr).ok_or_else(|| {
                    Diagnostic::unsupported(at, "a value of PIVOT without an alias")
                })?,
            };
            for aggregate in aggregate_functions {
                let name = match &aggregate.alias {
                    Some(alias) => format!("{}_{suffix}", alias.value),
                    None if aggregate_functions.len() == 1 => suffix.clone(),
                    None => {
                        let message = "PIVOT with several aggregates needs an alias for each";
                        return Err(Diagnostic::invalid(at, message));
                    }
                };
                let condition = ast::Expr::IsNotDistinctFrom(
                    Box::new(by.clone()),
                    Box::new(value.expr.clone()),
                );
                select.projection.push(ast::SelectItem::ExprWithAlias {
                    expr: over_rows(&aggregate.expr, &condition)?,
                    alias: quoted(&name),
                });
            }
        }
        self.rotated(select, alias.as_ref(), scope, tables, at)
    }

    /// `table UNPIVOT(x FOR y IN (a, b))`: one row per column, with its value and its name.
    pub(super) fn unpivot(
        &mut self,
        unpivot: &ast::TableFactor,
        scope: &mut Scope<'_>,
        tables: &Tables<'_>,
    ) -> Result<From, Diagnostic> {
        let at = Position::from(unpivot.span().start);
        let ast::TableFactor::Unpivot { table, value, name, columns, null_inclusion, alias } =
            unpivot
        else {
            return Err(Diagnostic::internal(at, "this is no UNPIVOT"));
        };
        let values = names_of(value, at)?;
        let all = self.columns_of(table, scope, tables)?;
        let mut rest = all.clone();
        let mut pairs = Vec::with_capacity(columns.len());
        let field = |expr: ast::Expr, name: &str| ast::Expr::Named {
            expr: Box::new(expr),
            name: quoted(name),
        };
        for column in columns {
            let group = names_of(&column.expr, at)?;
            if group.len() != values.len() {
                let message = format!(
                    "UNPIVOT has {} value columns, but names {} columns together",
                    values.len(),
                    group.len()
                );
                return Err(Diagnostic::invalid(at, message));
            }
            for of in &group {
                if !all.iter().any(|known| known.name.eq_ignore_ascii_case(&of.value)) {
                    let message = format!("Unrecognized name: {}", of.value);
                    return Err(Diagnostic::invalid(of.span.start.into(), message));
                }
                rest.retain(|known| !known.name.eq_ignore_ascii_case(&of.value));
            }
            let label = column.alias.as_ref().map_or_else(
                || group.iter().map(|of| of.value.as_str()).collect::<Vec<_>>().join("_"),
                |alias| alias.value.clone(),
            );
            let label = ast::Expr::value(ast::Value::SingleQuotedString(label));
            let fields = group.iter().enumerate().map(|(place, of)| {
                field(ast::Expr::Identifier((*of).clone()), &format!("value {place}"))
            });
            pairs.push(ast::Expr::Struct {
                values: fields.chain([field(label, "name")]).collect(),
                fields: Vec::new(),
            });
        }
        let pair = "unpivoted pair";
        let mut select = select_all(table.as_ref().clone());
        if let Some(from) = select.from.first_mut() {
            from.joins.push(ast::Join {
                relation: ast::TableFactor::UNNEST {
                    alias: Some(super::pipe::table_alias(quoted(pair))),
                    array_exprs: vec![ast::Expr::Array(ast::Array { elem: pairs, named: false })],
                    with_offset: false,
                    with_offset_alias: None,
                    with_ordinality: false,
                },
                global: false,
                join_operator: ast::JoinOperator::CrossJoin(ast::JoinConstraint::None),
            });
        }
        let part = |field: &str| ast::Expr::CompoundIdentifier(vec![quoted(pair), quoted(field)]);
        select.projection = rest
            .iter()
            .map(|column| ast::SelectItem::UnnamedExpr(ast::Expr::Identifier(quoted(&column.name))))
            .chain(values.iter().enumerate().map(|(place, value)| {
                let expr = part(&format!("value {place}"));
                ast::SelectItem::ExprWithAlias { expr, alias: (*value).clone() }
            }))
            .chain([ast::SelectItem::ExprWithAlias { expr: part("name"), alias: name.clone() }])
            .collect();
        if !matches!(null_inclusion, Some(ast::NullInclusion::IncludeNulls)) {
            // Rows are left out where all values are NULL.
            select.selection = (0..values.len())
                .map(|place| ast::Expr::IsNotNull(Box::new(part(&format!("value {place}")))))
                .reduce(|left, right| ast::Expr::BinaryOp {
                    left: Box::new(left),
                    op: ast::BinaryOperator::Or,
                    right: Box::new(right),
                });
        }
        self.rotated(select, alias.as_ref(), scope, tables, at)
    }

    fn rotated(
        &mut self,
        select: ast::Select,
        alias: Option<&ast::TableAlias>,
        scope: &mut Scope<'_>,
        tables: &Tables<'_>,
        at: Position,
    ) -> Result<From, Diagnostic> {
        let query = query_of(ast::SetExpr::Select(Box::new(select)));
        let query = self.query(&query, tables, scope.around())?;
        let alias = alias.map_or(String::new(), |alias| alias.name.value.clone());
        let relation = add(scope, alias, shape_of(query.columns.clone().into(), false), at)?;
        Ok(From::Derived { query: Box::new(query), relation })
    }

    /// All columns of a table. It is resolved again when it is rotated: tables that are rotated in each other
    /// take twice as long with each.
    fn columns_of(
        &mut self,
        table: &ast::TableFactor,
        scope: &Scope<'_>,
        tables: &Tables<'_>,
    ) -> Result<Vec<Column>, Diagnostic> {
        let at = Position::from(table.span().start);
        bounds::expressions(table.to_string().len() / BYTES_OF_WORD, at)?;
        let all = query_of(ast::SetExpr::Select(Box::new(select_all(table.clone()))));
        Ok(self.query(&all, tables, scope.around())?.columns)
    }

    /// The columns that an expression names.
    fn named_columns(
        &mut self,
        expr: &ast::Expr,
        columns: &[Column],
        tables: &Tables<'_>,
    ) -> Result<Vec<String>, Diagnostic> {
        let relation = String::from("pivoted");
        let shape = Shape::Columns(columns.to_vec().into());
        let relations = vec![Relation {
            alias: String::new(),
            source: None,
            relation,
            shape,
            of_endpoint: false,
        }];
        let scope = Scope { relations, ..Scope::new(None) };
        let place = Place { no_aggregates: None, ..Place::clause("PIVOT", &scope, tables) };
        let resolved = self.expr(expr, place)?;
        let mut named = Vec::new();
        gather(&resolved, &mut named);
        Ok(named)
    }
}

/// The names in `a`, or in `(a, b)`.
fn names_of(expr: &ast::Expr, at: Position) -> Result<Vec<&ast::Ident>, Diagnostic> {
    match expr {
        ast::Expr::Tuple(names) => {
            let names = names.iter().map(|name| names_of(name, at));
            Ok(names.collect::<Result<Vec<_>, _>>()?.concat())
        }
        ast::Expr::Nested(inner) => names_of(inner, at),
        ast::Expr::Identifier(name) => Ok(vec![name]),
        _ => Err(Diagnostic::invalid(at, "Syntax error: UNPIVOT takes the names of columns")),
    }
}

fn gather(expr: &Expr, named: &mut Vec<String>) {
    if let ExprKind::Column { column, .. } = &expr.kind {
        named.push(column.clone());
    }
    expr.children().into_iter().for_each(|child| gather(child, named));
}

fn quoted(name: &str) -> ast::Ident {
    ast::Ident::with_quote('`', name)
}

/// The call of an aggregate function over the rows for which a condition holds.
fn over_rows(call: &ast::Expr, condition: &ast::Expr) -> Result<ast::Expr, Diagnostic> {
    let at = Position::from(call.span().start);
    let wrong = || Diagnostic::invalid(at, "PIVOT expressions must be aggregate function calls");
    let ast::Expr::Function(function) = call else { return Err(wrong()) };
    let name = function.name.to_string().to_ascii_uppercase();
    if !PIVOTED.contains(&name.as_str()) {
        return Err(Diagnostic::unsupported(at, format!("{name} in PIVOT")));
    }
    let mut function = function.clone();
    let ast::FunctionArguments::List(list) = &mut function.args else { return Err(wrong()) };
    let Some(ast::FunctionArg::Unnamed(first)) = list.args.first_mut() else { return Err(wrong()) };
    let result = match first {
        ast::FunctionArgExpr::Expr(expr) => expr.clone(),
        ast::FunctionArgExpr::Wildcard => number(1),
        _ => return Err(wrong()),
    };
    *first = ast::FunctionArgExpr::Expr(ast::Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![ast::CaseWhen { condition: condition.clone(), result }],
        else_result: None,
    });
    Ok(ast::Expr::Function(function))
}

/// The name that a value gives to its column.
fn name_of_value(value: &ast::Expr) -> Option<String> {
    match value {
        ast::Expr::Value(value) => match &value.value {
            ast::Value::SingleQuotedString(text) => Some(text.clone()),
            ast::Value::Number(number, _) => Some(format!("_{}", number.replace('.', "_point_"))),
            ast::Value::Boolean(value) => Some(value.to_string().to_uppercase()),
            ast::Value::Null => Some("NULL".to_owned()),
            _ => None,
        },
        ast::Expr::TypedString(typed) => match &typed.value.value {
            ast::Value::SingleQuotedString(text) => {
                let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
                Some(format!("_{}", text.chars().map(plain).collect::<String>()))
            }
            _ => None,
        },
        _ => None,
    }
}
