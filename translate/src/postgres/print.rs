//! Prints the tree.

use super::{Body, Bound, Clauses, Expr, From, Query, Select, SortKey, Window};
use crate::{bounds::MAX_SQL, tree::JoinKind};

/// A statement's text; None where it is too long (see `bounds`).
pub(crate) fn statement(query: &Query) -> Option<String> {
    let mut printer = Printer { out: String::with_capacity(1024), ..Printer::default() };
    printer.query(query);
    (!printer.is_full).then_some(printer.out)
}

/// An expression's text; None where it is too long (see `bounds`).
pub(crate) fn expression(expr: &Expr) -> Option<String> {
    let mut printer = Printer::default();
    printer.expr(expr);
    (!printer.is_full).then_some(printer.out)
}

/// How many bytes an expression is printed as.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Length {
    pub(crate) all: usize,
    /// Those that are not of expressions in it that are lowered, and so counted already.
    pub(crate) own: usize,
}

/// The length of an expression.
pub(crate) fn length(expr: &Expr) -> Length {
    let mut printer = Printer { measured: Some(Length::default()), ..Printer::default() };
    printer.expr(expr);
    printer.measured.unwrap_or_default()
}

/// A name that means itself.
pub(crate) fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A string literal. Queries run with `standard_conforming_strings` on: backslashes are plain.
pub(crate) fn quote_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[derive(Default)]
struct Printer {
    out: String,
    /// The length so far, where that alone is asked for.
    measured: Option<Length>,
    /// Whether there was more than may be; then there is no more to come.
    is_full: bool,
}

impl Printer {
    fn push(&mut self, text: &str) {
        if let Some(length) = &mut self.measured {
            length.all = length.all.saturating_add(text.len());
            length.own = length.own.saturating_add(text.len());
        } else if self.out.len() + text.len() > MAX_SQL {
            self.is_full = true;
        } else {
            self.out.push_str(text);
        }
    }

    fn list<T>(&mut self, items: &[T], separator: &str, mut print: impl FnMut(&mut Self, &T)) {
        for (place, item) in items.iter().enumerate() {
            if self.is_full {
                return;
            }
            if place > 0 {
                self.push(separator);
            }
            print(self, item);
        }
    }

    fn query(&mut self, query: &Query) {
        if self.is_full {
            return;
        }
        if !query.ctes.is_empty() {
            self.push(if query.recursive { "WITH RECURSIVE " } else { "WITH " });
            self.list(&query.ctes, ", ", |printer, (name, query)| {
                printer.push(&quote_identifier(name));
                // Inlined, so that the filters of the outer query reach the tables.
                printer.push(" AS NOT MATERIALIZED (");
                printer.query(query);
                printer.push(")");
            });
            self.push(" ");
        }
        match &query.body {
            Body::Select(select) => self.select(select),
            Body::SetOperation { operator, left, right } => {
                self.push("(");
                self.query(left);
                self.push(") ");
                self.push(operator);
                self.push(" (");
                self.query(right);
                self.push(")");
            }
        }
        if !query.order_by.is_empty() {
            self.push(" ORDER BY ");
            self.list(&query.order_by, ", ", Self::sort_key);
        }
        if let Some(limit) = query.limit {
            self.push(&format!(" LIMIT {limit}"));
        }
        if let Some(offset) = query.offset {
            self.push(&format!(" OFFSET {offset}"));
        }
    }

    fn select(&mut self, select: &Select) {
        self.push(if select.distinct { "SELECT DISTINCT " } else { "SELECT " });
        self.list(&select.items, ", ", |printer, (expr, name)| {
            printer.expr(expr);
            printer.push(" AS ");
            printer.push(&quote_identifier(name));
        });
        if !select.from.is_empty() {
            self.push(" FROM ");
            self.list(&select.from, ", ", Self::from);
        }
        if let Some(filter) = &select.filter {
            self.push(" WHERE ");
            self.expr(filter);
        }
        if let Some(sets) = &select.grouping_sets {
            self.push(" GROUP BY GROUPING SETS (");
            self.list(sets, ", ", |printer, set| {
                let keys: Vec<_> =
                    set.iter().filter_map(|place| select.group_by.get(*place)).collect();
                printer.push("(");
                printer.list(&keys, ", ", |printer, key| printer.operand(key));
                printer.push(")");
            });
            self.push(")");
        } else if !select.group_by.is_empty() {
            self.push(" GROUP BY ");
            self.list(&select.group_by, ", ", |printer, expr| printer.operand(expr));
        }
        if let Some(having) = &select.having {
            self.push(" HAVING ");
            self.expr(having);
        }
    }

    fn from(&mut self, from: &From) {
        match from {
            From::Relation { name, alias } => {
                self.push(name);
                self.push(" AS ");
                self.push(&quote_identifier(alias));
            }
            From::Derived { query, alias } => {
                self.push("(");
                self.query(query);
                self.push(") AS ");
                self.push(&quote_identifier(alias));
            }
            From::Lateral { call, alias, columns, ordinality } => {
                self.push("LATERAL ");
                self.expr(call);
                if *ordinality {
                    self.push(" WITH ORDINALITY");
                }
                self.push(" AS ");
                self.push(&quote_identifier(alias));
                self.push("(");
                self.list(columns, ", ", |printer, column| printer.push(&quote_identifier(column)));
                self.push(")");
            }
            From::Join { kind, left, right, on } => {
                self.from(left);
                self.push(match kind {
                    JoinKind::Cross => " CROSS JOIN ",
                    JoinKind::Inner => " JOIN ",
                    JoinKind::Left => " LEFT JOIN ",
                    JoinKind::Right => " RIGHT JOIN ",
                    JoinKind::Full => " FULL JOIN ",
                });
                let nested = matches!(right.as_ref(), From::Join { .. });
                self.push(if nested { "(" } else { "" });
                self.from(right);
                self.push(if nested { ")" } else { "" });
                if let Some(on) = on {
                    self.push(" ON ");
                    self.expr(on);
                }
            }
        }
    }

    fn sort_key(&mut self, key: &SortKey) {
        self.operand(&key.expr);
        self.push(if key.descending { " DESC" } else { " ASC" });
        self.push(if key.nulls_first { " NULLS FIRST" } else { " NULLS LAST" });
    }

    /// An expression as an operand: in parentheses unless nothing can come between.
    fn operand(&mut self, expr: &Expr) {
        let closed = match expr.unshared() {
            Expr::Atom(_)
            | Expr::Column { .. }
            | Expr::Cast { .. }
            | Expr::Case { .. }
            | Expr::Exists { .. }
            | Expr::Scalar(_)
            | Expr::ArrayQuery(_)
            | Expr::Array { .. } => true,
            Expr::Template { template, .. } => is_call(template),
            _ => false,
        };
        self.push(if closed { "" } else { "(" });
        self.expr(expr);
        self.push(if closed { "" } else { ")" });
    }

    fn expr(&mut self, expr: &Expr) {
        if self.is_full {
            return;
        }
        match expr {
            Expr::Lowered { expr, bytes } => match &mut self.measured {
                Some(length) => length.all = length.all.saturating_add(*bytes),
                None => self.expr(expr),
            },
            Expr::Atom(text) => self.push(text),
            Expr::Column { relation, column } => {
                self.push(&quote_identifier(relation));
                self.push(".");
                self.push(&quote_identifier(column));
            }
            Expr::Template { template, args, clauses } => {
                self.template(template, args, clauses.as_deref());
            }
            Expr::Infix { operator, operands } => {
                let separator = format!(" {operator} ");
                self.list(operands, &separator, |printer, operand| printer.operand(operand));
            }
            Expr::Prefix { operator, operand } => {
                self.push(operator);
                self.push(" ");
                self.operand(operand);
            }
            Expr::Postfix { operand, operator } => {
                self.operand(operand);
                self.push(" ");
                self.push(operator);
            }
            Expr::Cast { expr, ty } => {
                self.operand(expr);
                self.push("::");
                self.push(ty);
            }
            Expr::Case { branches, otherwise } => {
                self.push("CASE");
                for (condition, value) in branches {
                    self.push(" WHEN ");
                    self.expr(condition);
                    self.push(" THEN ");
                    self.expr(value);
                }
                self.push(" ELSE ");
                self.expr(otherwise);
                self.push(" END");
            }
            Expr::In { expr, list, negated } => {
                self.operand(expr);
                self.push(if *negated { " NOT IN (" } else { " IN (" });
                self.list(list, ", ", Self::expr);
                self.push(")");
            }
            Expr::InQuery { expr, query, negated } => {
                self.operand(expr);
                self.push(if *negated { " NOT IN (" } else { " IN (" });
                self.query(query);
                self.push(")");
            }
            Expr::Exists { query, negated } => {
                self.push(if *negated { "(NOT EXISTS (" } else { "(EXISTS (" });
                self.query(query);
                self.push("))");
            }
            Expr::Scalar(query) => {
                self.push("(");
                self.query(query);
                self.push(")");
            }
            Expr::ArrayQuery(query) => {
                self.push("ARRAY(");
                self.query(query);
                self.push(")");
            }
            Expr::Array { elements, ty } => {
                self.push("(ARRAY[");
                self.list(elements, ", ", Self::expr);
                self.push("]::");
                self.push(ty);
                self.push(")");
            }
        }
    }

    fn template(&mut self, template: &str, args: &[Expr], clauses: Option<&Clauses>) {
        let distinct = clauses.is_some_and(|clauses| clauses.distinct);
        let order_by = clauses.map_or(&[][..], |clauses| &clauses.order_by);
        let mut rest = template;
        while let Some((text, after)) = rest.split_once('$') {
            self.push(text);
            let (length, clause) = ["distinct", "order", "over", "||", "*"]
                .into_iter()
                .find(|name| after.starts_with(name))
                .map_or((1, ""), |name| (name.len(), name));
            match clause {
                "distinct" if distinct => self.push("DISTINCT "),
                "distinct" => {}
                "order" if order_by.is_empty() => {}
                "order" => {
                    self.push(" ORDER BY ");
                    self.list(order_by, ", ", Self::sort_key);
                }
                "over" => {
                    if let Some(window) = clauses.and_then(|clauses| clauses.over.as_ref()) {
                        self.window(window);
                    }
                }
                "||" => self.list(args, " || ", |printer, arg| printer.operand(arg)),
                "*" => self.list(args, ", ", Self::expr),
                _ => {
                    let place =
                        after.chars().next().and_then(|digit| digit.to_digit(10)).unwrap_or(1);
                    if let Some(arg) = args.get(place as usize - 1) {
                        self.operand(arg);
                    }
                }
            }
            rest = &after[length..];
        }
        self.push(rest);
    }
}

impl Printer {
    fn window(&mut self, window: &Window) {
        self.push(" OVER (");
        if !window.partition_by.is_empty() {
            self.push("PARTITION BY ");
            self.list(&window.partition_by, ", ", Self::operand);
        }
        if !window.order_by.is_empty() {
            self.push(if window.partition_by.is_empty() { "ORDER BY " } else { " ORDER BY " });
            self.list(&window.order_by, ", ", Self::sort_key);
        }
        if let Some(frame) = &window.frame {
            self.push(&format!(" {} BETWEEN ", frame.unit));
            self.bound(&frame.start);
            self.push(" AND ");
            self.bound(&frame.end);
        }
        self.push(")");
    }

    fn bound(&mut self, bound: &Bound) {
        if let Some(offset) = &bound.offset {
            self.operand(offset);
            self.push(" ");
        }
        self.push(bound.word);
    }
}

/// Whether a template is one call, such as `lower($1)`.
fn is_call(template: &str) -> bool {
    let template = template.strip_suffix("$over").unwrap_or(template);
    let Some((name, rest)) = template.split_once('(') else { return false };
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    // The parenthesis that opens first must be the one that closes last.
    let mut depth = 1;
    let end = rest.char_indices().find_map(|(place, c)| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(place)
    });
    plain && end == Some(rest.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Position;

    #[test]
    fn quotes() {
        assert_eq!(quote_identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(quote_text("it's \\"), "'it''s \\'");
    }

    #[test]
    fn knows_calls() {
        assert!(is_call("lower($1)") && is_call("logweir.int64($1)") && is_call("f(g($1), h($2))"));
        assert!(!is_call("f($1) + g($2)") && !is_call("$1 + $2") && !is_call("f($1)::bigint"));
    }

    /// What a copy costs nothing to make is not printed without end.
    #[test]
    fn stops_when_full() {
        let twice = |expr: Expr| Expr::template("$1 + $1", vec![expr]);
        let mut expr = Expr::number(1);
        while let Ok(counted) = twice(expr.clone()).counted(Position::default()) {
            expr = counted;
        }
        assert!(expression(&expr).is_some_and(|text| text.len() > MAX_SQL / 4));
        assert_eq!(expression(&twice(twice(twice(expr)))), None);
    }

    #[test]
    fn fills_templates() {
        let column =
            |name: &str| Expr::Column { relation: "t".to_owned(), column: name.to_owned() };
        let sum = Expr::infix("+", column("a"), column("b"));
        let mut printer = Printer::default();
        printer.expr(&Expr::template("f($2, $1) || $||", vec![sum, column("c")]));
        assert_eq!(
            printer.out,
            r#"f("t"."c", ("t"."a" + "t"."b")) || ("t"."a" + "t"."b") || "t"."c""#
        );
    }
}
