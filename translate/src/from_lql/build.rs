//! Pieces of syntax trees. Names stand in backquotes and values are literals, so nothing that a
//! person wrote is read as SQL.

pub(super) use sqlparser::ast::SelectItem as Item;
use sqlparser::{
    ast::{
        self, AccessExpr, BinaryOperator, Expr, Ident, Subscript, TableFactor, UnaryOperator,
        Value, ValueWithSpan, helpers::attached_token::AttachedToken,
    },
    tokenizer::{Location, Span},
};

use super::{IS_SCALAR, TEXT, VALUE, VALUES};
use crate::{
    diagnostic::{Diagnostic, Position},
    resolve::format_datetime,
};

/// The table that is read.
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    /// Where it is named; nowhere where it is the only one.
    pub(super) at: Position,
    /// Whether it is known to have a column `timestamp`.
    pub(super) has_time: bool,
}

impl Source<'_> {
    pub(super) fn column(&self, name: &str, at: Position) -> Expr {
        Expr::CompoundIdentifier(vec![ident(self.name, at), ident(name, at)])
    }

    pub(super) fn factor(&self) -> TableFactor {
        TableFactor::Table {
            name: ast::ObjectName::from(vec![ident(self.name, self.at)]),
            alias: Some(alias(self.name)),
            args: None,
            with_hints: Vec::new(),
            version: None,
            with_ordinality: false,
            partitions: Vec::new(),
            json_path: None,
            sample: None,
            index_directives: Vec::new(),
            inheritance: None,
        }
    }
}

/// The values at a path.
pub(super) struct Values {
    /// The value where only objects are on the way.
    pub(super) direct: Expr,
    /// All of them, as a relation: lists on the way and at the end stand for their elements.
    pub(super) relation: TableFactor,
    /// One of that relation.
    pub(super) each: Expr,
}

pub(super) fn values(table: &Source<'_>, path: &lql::Path) -> Values {
    let at = Position::from(path.at);
    let (first, rest) =
        path.parts.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let column = call(VALUE, vec![table.column(first, at)], at);
    // JSON paths of PostgreSQL's lax mode take lists for their elements, as UNNEST does.
    let mut below = "$".to_owned();
    for name in rest {
        below.push_str(&format!(".\"{name}\""));
    }
    below.push_str("[*]");
    let list = call(VALUES, vec![column.clone(), text(&below)], at);
    let access = rest.iter().map(|name| AccessExpr::Dot(Expr::Identifier(ident(name, at))));
    let direct = match rest {
        [] => column,
        _ => Expr::CompoundFieldAccess { root: Box::new(column), access_chain: access.collect() },
    };
    Values { direct, relation: unnest(list, EACH), each: Expr::Identifier(ident(EACH, at)) }
}

/// The name of one of the values at a path.
const EACH: &str = "each value";

pub(super) fn unnest(array: Expr, name: &str) -> TableFactor {
    TableFactor::UNNEST {
        alias: Some(alias(name)),
        array_exprs: vec![array],
        with_offset: false,
        with_offset_alias: None,
        with_ordinality: false,
    }
}

fn alias(name: &str) -> ast::TableAlias {
    let name = ident(name, Position::default());
    ast::TableAlias { explicit: true, name, columns: Vec::new(), at: None }
}

pub(super) fn ident(name: &str, at: Position) -> Ident {
    let place = Location { line: at.line, column: at.column };
    Ident { value: name.to_owned(), quote_style: Some('`'), span: Span::new(place, place) }
}

/// The text of a value, NULL of objects and lists.
pub(super) fn text_of(value: Expr, at: Position) -> Expr {
    call(TEXT, vec![value], at)
}

/// `CASE WHEN value is a scalar THEN … ELSE … END`
pub(super) fn where_scalar(value: Expr, then: Expr, otherwise: Expr, at: Position) -> Expr {
    let when = ast::CaseWhen { condition: call(IS_SCALAR, vec![value], at), result: then };
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![when],
        else_result: Some(Box::new(otherwise)),
    }
}

pub(super) fn call(name: &str, args: Vec<Expr>, at: Position) -> Expr {
    call_over(name, args, false, at)
}

/// A call, of DISTINCT arguments where `distinct`.
pub(super) fn call_over(name: &str, args: Vec<Expr>, distinct: bool, at: Position) -> Expr {
    let args = args.into_iter().map(ast::FunctionArgExpr::Expr);
    call_with(name, args.collect(), distinct, at)
}

/// `COUNT(*)`
pub(super) fn count_rows(at: Position) -> Expr {
    call_with("COUNT", vec![ast::FunctionArgExpr::Wildcard], false, at)
}

fn call_with(name: &str, args: Vec<ast::FunctionArgExpr>, distinct: bool, at: Position) -> Expr {
    Expr::Function(ast::Function {
        name: ast::ObjectName::from(vec![Ident { quote_style: None, ..ident(name, at) }]),
        uses_odbc_syntax: false,
        parameters: ast::FunctionArguments::None,
        args: ast::FunctionArguments::List(ast::FunctionArgumentList {
            duplicate_treatment: distinct.then_some(ast::DuplicateTreatment::Distinct),
            args: args.into_iter().map(ast::FunctionArg::Unnamed).collect(),
            clauses: Vec::new(),
        }),
        within_group: Vec::new(),
        filter: None,
        null_treatment: None,
        over: None,
    })
}

/// The name of a part of a date.
pub(super) fn date_part(name: &str) -> Expr {
    Expr::Identifier(Ident::new(name))
}

/// A value as a number, NULL where it is none.
pub(super) fn number_of(value: Expr) -> Expr {
    Expr::Cast {
        kind: ast::CastKind::SafeCast,
        expr: Box::new(value),
        data_type: ast::DataType::Float64,
        format: None,
    }
}

/// An element of an array, by its place from 0; NULL where there is no such one.
pub(super) fn element_at(array: Expr, place: &str, at: Position) -> Expr {
    let index = call("SAFE_OFFSET", vec![number(place)], at);
    Expr::CompoundFieldAccess {
        root: Box::new(array),
        access_chain: vec![AccessExpr::Subscript(Subscript::Index { index })],
    }
}

fn literal(value: Value) -> Expr {
    Expr::Value(ValueWithSpan { value, span: Span::empty() })
}

pub(super) fn text(text: &str) -> Expr {
    literal(Value::SingleQuotedString(text.to_owned()))
}

/// A number by its digits.
pub(super) fn number(digits: &str) -> Expr {
    literal(Value::Number(digits.to_owned(), false))
}

pub(super) fn boolean(value: bool) -> Expr {
    literal(Value::Boolean(value))
}

pub(super) fn timestamp(micros: i64, at: Position) -> Result<Expr, Diagnostic> {
    let text = format_datetime(micros)
        .ok_or_else(|| Diagnostic::internal(at, "a time that LQL should not have taken"))?;
    let value = Value::SingleQuotedString(format!("{text}+00"));
    Ok(Expr::TypedString(ast::TypedString {
        data_type: ast::DataType::Timestamp(None, ast::TimezoneInfo::None),
        value: ValueWithSpan { value, span: Span::empty() },
        uses_odbc_syntax: false,
    }))
}

pub(super) fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

pub(super) fn not(condition: Expr) -> Expr {
    Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(condition) }
}

/// All of these conditions, None of none.
pub(super) fn all(conditions: Vec<Expr>) -> Option<Expr> {
    let and = |left, right| binary(left, BinaryOperator::And, right);
    conditions.into_iter().reduce(and)
}

/// The only value of a query.
pub(super) fn scalar(select: ast::Select) -> Expr {
    Expr::Subquery(Box::new(query(select)))
}

pub(super) fn order_by(key: Expr, descending: bool) -> ast::OrderBy {
    let sort = descending.then_some(ast::OrderBySort::Desc);
    let options = ast::OrderByOptions { sort, nulls_first: None };
    let key = ast::OrderByExpr { expr: key, options, with_fill: None };
    ast::OrderBy { kind: ast::OrderByKind::Expressions(vec![key]), interpolate: None }
}

pub(super) fn grouped(keys: Vec<Expr>) -> ast::GroupByExpr {
    ast::GroupByExpr::Expressions(keys, Vec::new())
}

/// `relation LEFT JOIN …`: rows of the relation stay where there is nothing to unnest.
pub(super) fn left_joined(
    relation: TableFactor,
    joined: Vec<TableFactor>,
) -> Vec<ast::TableWithJoins> {
    let join = |relation| ast::Join {
        relation,
        global: false,
        join_operator: ast::JoinOperator::LeftOuter(ast::JoinConstraint::None),
    };
    vec![ast::TableWithJoins { relation, joins: joined.into_iter().map(join).collect() }]
}

pub(super) fn select(projection: Vec<Item>, from: Vec<ast::TableWithJoins>) -> ast::Select {
    ast::Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: Vec::new(),
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection,
        exclude: None,
        into: None,
        from,
        lateral_views: Vec::new(),
        prewhere: None,
        selection: None,
        connect_by: Vec::new(),
        group_by: grouped(Vec::new()),
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

pub(super) fn query(select: ast::Select) -> ast::Query {
    ast::Query {
        with: None,
        body: Box::new(ast::SetExpr::Select(Box::new(select))),
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
