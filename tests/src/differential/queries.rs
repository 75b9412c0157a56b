//! Queries whose answer is certain: what has an order has no ties that matter.

use rand::{Rng as _, seq::IndexedRandom as _};

use super::{expressions::Generator, literals, tree::Node};
use crate::conformance::Type;

/// A query, and whether the order of its rows counts.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) tree: Node,
    pub(super) ordered: bool,
}

/// A table that a query makes for itself. Its first column `k` is another number in every row.
#[derive(Debug, Clone)]
struct Table {
    alias: &'static str,
    columns: Vec<(String, Type)>,
}

impl Generator<'_> {
    /// A query.
    pub(super) fn query(&mut self) -> Query {
        match self.rng.random_range(0..100) {
            0..45 => self.values(),
            45..60 => self.rows(),
            60..75 => self.groups(),
            75..85 => self.windows(),
            85..91 => self.joined(),
            91..95 => self.set_operation(),
            95..98 => self.unnested(),
            _ => self.turned(),
        }
    }

    fn output(&mut self, items: Vec<Node>) -> Node {
        let named = items
            .into_iter()
            .enumerate()
            .map(|(place, item)| Node::fixed(&format!("$ AS c{place}"), vec![item]));
        Node::list(", ", named.collect())
    }

    /// Without a table.
    fn values(&mut self) -> Query {
        let count = 1 + self.below(2);
        let depth = 1 + self.rng.random_range(0..3);
        let items = (0..count)
            .map(|_| {
                let ty = self.any_type();
                self.expression(&ty, depth)
            })
            .collect();
        let list = self.output(items);
        Query { tree: Node::fixed("SELECT $", vec![list]), ordered: false }
    }

    /// Forgets columns and tables.
    fn leave(&mut self) {
        self.scope.clear();
        self.tables.clear();
    }

    /// `name AS (SELECT * FROM UNNEST(…))`, and the table.
    fn table(&mut self, alias: &'static str) -> (Node, Table) {
        let count = 2 + self.below(3);
        let mut columns = vec![(format!("{alias}k"), Type::Int64)];
        for place in 0..count {
            let ty = match self.rng.random_range(0..12) {
                0 => Type::Array(Box::new(self.scalar_type())),
                1 => Type::Struct(vec![
                    ("a".to_owned(), Type::Int64),
                    ("b".to_owned(), Type::String),
                ]),
                2 => Type::Json,
                3..6 => Type::Int64,
                6..8 => Type::String,
                _ => self.scalar_type(),
            };
            columns.push((format!("{alias}{place}"), ty));
        }
        let row_type = Type::Struct(columns.clone());
        let rows = (0..1 + self.below(6)).map(|number| {
            let cells = columns.iter().skip(1).map(|(_, ty)| {
                if self.chance(10) {
                    return Node::text("NULL");
                }
                let edge = self.chance(8);
                Node::text(literals::value(ty, edge, &mut self.rng))
            });
            let cells =
                std::iter::once(Node::text(number.to_string())).chain(cells).collect::<Vec<_>>();
            let places = vec!["$"; cells.len()].join(", ");
            Node::fixed(&format!("({places})"), cells)
        });
        let rows = Node::list(", ", rows.collect());
        let template = format!("{alias} AS (SELECT * FROM UNNEST(ARRAY<{row_type}>[$]))");
        self.tables.push((alias, columns.clone()));
        (Node::fixed(&template, vec![rows]), Table { alias, columns })
    }

    fn filter(&mut self, keyword: &str, of_hundred: u32) -> Node {
        if !self.chance(of_hundred) {
            return Node::text("");
        }
        let depth = 1 + self.rng.random_range(0..2);
        let condition = self.expression(&Type::Bool, depth);
        Node::optional(&format!(" {keyword} $"), vec![condition])
    }

    /// ORDER BY what decides, and at times LIMIT.
    fn order(&mut self, last: &str) -> Node {
        let mut keys = Vec::new();
        if self.chance(50) {
            let ty = self.ordered_type();
            let key = self.expression(&ty, 1);
            let how = ["", " DESC", " NULLS LAST", " DESC NULLS FIRST"];
            let how = how.choose(&mut self.rng).copied().unwrap_or_default();
            keys.push(Node::optional(&format!("${how}, "), vec![key]));
        }
        let direction = if self.chance(30) { " DESC" } else { "" };
        let limit = if self.chance(40) {
            let offset = if self.chance(30) { " OFFSET 1" } else { "" };
            Node::optional(&format!(" LIMIT {}{offset}", 1 + self.below(4)), vec![])
        } else {
            Node::text("")
        };
        keys.push(limit);
        let key = if keys.len() > 1 { "$" } else { "" };
        Node::fixed(&format!(" ORDER BY {key}{last}{direction}$"), keys)
    }

    /// Of one table, row by row.
    fn rows(&mut self) -> Query {
        let (with, table) = self.table("t");
        self.scope.clone_from(&table.columns);
        let count = 1 + self.below(3);
        let items: Vec<_> = (0..count)
            .map(|_| {
                let ty = self.any_type();
                let depth = 1 + self.rng.random_range(0..2);
                self.expression(&ty, depth)
            })
            .collect();
        let list = self.output(items);
        let filter = self.filter("WHERE", 50);
        let ordered = self.chance(50);
        let order = if ordered { self.order("tk") } else { Node::text("") };
        self.leave();
        let distinct = if !ordered && self.chance(20) { "DISTINCT " } else { "" };
        let template = match self.rng.random_range(0..6) {
            0 => format!("WITH $ SELECT {distinct}$ FROM (SELECT * FROM t) AS t$$"),
            1 if !ordered => "WITH $ SELECT * EXCEPT (tk), $ FROM t$$".to_owned(),
            _ => format!("WITH $ SELECT {distinct}$ FROM t$$"),
        };
        Query { tree: Node::fixed(&template, vec![with, list, filter, order]), ordered }
    }

    /// An aggregate over columns in scope; `key` is another number in every row.
    fn aggregate(&mut self, key: &str) -> Node {
        let Some(call) = self.calls.aggregates.choose(&mut self.rng).cloned() else {
            return Node::text("COUNT(*)");
        };
        let node = self.call_of(&call, 1);
        let ordered = ["ARRAY_AGG", "STRING_AGG", "ARRAY_CONCAT_AGG"].contains(&call.name);
        let mut inside = node.sql();
        inside.pop();
        let distinct = !ordered
            && call.args.len() == 1
            && ["COUNT", "SUM", "AVG", "MIN", "MAX"].contains(&call.name)
            && matches!(&call.args[0], super::calls::Argument::Of(ty) if literals::ORDERED.contains(ty))
            && self.chance(25);
        if distinct {
            inside = inside.replacen('(', "(DISTINCT ", 1);
        }
        if !ordered {
            return if distinct { Node::leaf(&call.returns, format!("{inside})")) } else { node };
        }
        let nulls = if call.name == "ARRAY_AGG" && self.chance(50) { " IGNORE NULLS" } else { "" };
        let direction = if self.chance(30) { " DESC" } else { "" };
        let limit = if self.chance(20) { " LIMIT 2" } else { "" };
        Node::leaf(&call.returns, format!("{inside}{nulls} ORDER BY {key}{direction}{limit})"))
    }

    /// GROUP BY, or one group of all.
    fn groups(&mut self) -> Query {
        let (with, table) = self.table("t");
        let with_keys = self.chance(70);
        self.scope.clone_from(&table.columns);
        let filter = self.filter("WHERE", 40);
        let mut items = Vec::new();
        let mut keys = Vec::new();
        if with_keys {
            for place in 0..1 + self.below(2) {
                let ty = self.ordered_type();
                items.push(self.expression(&ty, 1));
                keys.push(Node::text((place + 1).to_string()));
            }
        }
        for _ in 0..1 + self.below(3) {
            let aggregate = self.aggregate("tk");
            items.push(aggregate);
        }
        if with_keys && self.chance(20) {
            items.push(Node::text("SUM(COUNT(*)) OVER ()"));
        }
        let having = if self.chance(20) {
            Node::optional(" HAVING COUNT(*) > 1", vec![])
        } else {
            Node::text("")
        };
        self.leave();
        let list = self.output(items);
        let group = if keys.is_empty() {
            Node::text("")
        } else {
            Node::fixed(" GROUP BY $", vec![Node::list(", ", keys)])
        };
        // A list that shrinks keeps its keys.
        let tree =
            Node::fixed("WITH $ SELECT $ FROM t$$$", vec![with, list, filter, group, having]);
        Query { tree, ordered: false }
    }

    /// Functions with OVER.
    fn windows(&mut self) -> Query {
        let (with, table) = self.table("t");
        self.scope.clone_from(&table.columns);
        let mut items = vec![Node::leaf(&Type::Int64, "tk")];
        for _ in 0..1 + self.below(2) {
            let item = self.window("tk");
            items.push(item);
        }
        let list = self.output(items);
        let filter = self.filter("WHERE", 30);
        let qualify = if self.chance(25) {
            let window = self.window("tk");
            Node::optional(" QUALIFY $ IS NOT NULL", vec![window])
        } else {
            Node::text("")
        };
        self.leave();
        let tree = Node::fixed("WITH $ SELECT $ FROM t$$", vec![with, list, filter, qualify]);
        Query { tree, ordered: false }
    }

    fn window(&mut self, key: &str) -> Node {
        const FRAMES: [&str; 6] = [
            "",
            " ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
            " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
            " ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
            " RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
            " RANGE BETWEEN 1 PRECEDING AND 2 FOLLOWING",
        ];
        let aggregate = self.chance(40);
        let from = if aggregate { &self.calls.aggregates } else { &self.calls.windows };
        let framed = from.iter().filter(|call| call.name != "ARRAY_CONCAT_AGG").collect::<Vec<_>>();
        let Some(call) = framed.choose(&mut self.rng).copied().cloned() else {
            return Node::text("1");
        };
        let node = self.call_of(&call, 1);
        let partition = if self.chance(50) {
            let ty = self.ordered_type();
            let by = self.expression(&ty, 1);
            Node::optional("PARTITION BY $ ", vec![by])
        } else {
            Node::text("")
        };
        let framed = aggregate || ["FIRST_VALUE", "LAST_VALUE", "NTH_VALUE"].contains(&call.name);
        let frame = if framed { FRAMES.choose(&mut self.rng).copied().unwrap_or("") } else { "" };
        let order = if call.name.starts_with("PERCENTILE_") {
            String::new()
        } else {
            let direction = if self.chance(30) { " DESC" } else { "" };
            format!("ORDER BY {key}{direction}{frame}")
        };
        Node::expression(&call.returns, &format!("$ OVER ($ {order})"), vec![node, partition])
    }

    /// Two tables.
    fn joined(&mut self) -> Query {
        let (first, t) = self.table("t");
        let (second, u) = self.table("u");
        self.scope = t.columns.iter().chain(&u.columns).cloned().collect();
        let how = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"];
        let how = how.choose(&mut self.rng).copied().unwrap_or("JOIN");
        let on = match how {
            "CROSS JOIN" => Node::text(""),
            "FULL JOIN" => Node::text(" ON tk = uk"),
            _ if self.chance(50) => Node::text(" ON tk = uk"),
            _ => {
                let condition = self.expression(&Type::Bool, 2);
                Node::fixed(" ON $", vec![condition])
            }
        };
        let filter = self.filter("WHERE", 30);
        let items: Vec<_> = (0..1 + self.below(3))
            .map(|_| {
                let ty = self.any_type();
                self.expression(&ty, 1)
            })
            .collect();
        let list = self.output(items);
        self.leave();
        let template = format!("WITH $, $ SELECT $ FROM {} {how} {}$$", t.alias, u.alias);
        Query {
            tree: Node::fixed(&template, vec![first, second, list, on, filter]),
            ordered: false,
        }
    }

    /// PIVOT.
    fn turned(&mut self) -> Query {
        let (with, table) = self.table("t");
        self.scope.clone_from(&table.columns);
        let key = if self.chance(50) { Type::String } else { Type::Int64 };
        let by = self.expression(&key, 1);
        let value = self.ordered_type();
        let kept = self.ordered_type();
        let (value, kept) = (self.expression(&value, 1), self.expression(&kept, 1));
        let one = Node::text(literals::value(&key, false, &mut self.rng));
        let other = Node::text(literals::value(&key, true, &mut self.rng));
        self.leave();
        let how = ["MAX", "MIN", "COUNT"];
        let how = how.choose(&mut self.rng).copied().unwrap_or("MAX");
        let template = format!(
            "WITH $ SELECT * FROM (SELECT $ AS kept, $ AS b, $ AS v FROM t) PIVOT ({how}(v) FOR b IN ($ AS one, $ AS other))"
        );
        let tree = Node::fixed(&template, vec![with, kept, by, value, one, other]);
        Query { tree, ordered: false }
    }

    /// UNION, INTERSECT and EXCEPT.
    fn set_operation(&mut self) -> Query {
        let types: Vec<_> = (0..1 + self.below(2)).map(|_| self.ordered_type()).collect();
        let side = |own: &mut Self, alias| {
            let (with, table) = own.table(alias);
            own.scope.clone_from(&table.columns);
            let items = types.iter().map(|ty| own.near(ty, 1)).collect::<Vec<_>>();
            let named = items
                .into_iter()
                .enumerate()
                .map(|(place, item)| Node::fixed(&format!("$ AS c{place}"), vec![item]));
            let places = vec!["$"; types.len()].join(", ");
            let list = Node::fixed(&places, named.collect());
            let filter = own.filter("WHERE", 20);
            own.scope.clear();
            (with, Node::fixed(&format!("SELECT $ FROM {}$", table.alias), vec![list, filter]))
        };
        let (first, one) = side(self, "t");
        let (second, other) = side(self, "u");
        let how = ["UNION ALL", "UNION DISTINCT", "EXCEPT DISTINCT", "INTERSECT DISTINCT"];
        let how = how.choose(&mut self.rng).copied().unwrap_or("UNION ALL");
        let template = format!("WITH $, $ $ {how} $");
        Query { tree: Node::fixed(&template, vec![first, second, one, other]), ordered: false }
    }

    /// The elements of arrays beside their rows.
    fn unnested(&mut self) -> Query {
        let (with, table) = self.table("t");
        self.scope.clone_from(&table.columns);
        let element = self.scalar_type();
        let array = self.expression(&Type::Array(Box::new(element.clone())), 1);
        self.scope.extend([("e".to_owned(), element), ("o".to_owned(), Type::Int64)]);
        let items: Vec<_> = (0..1 + self.below(3))
            .map(|_| {
                let ty = self.any_type();
                self.expression(&ty, 1)
            })
            .collect();
        let list = self.output(items);
        let filter = self.filter("WHERE", 30);
        let order = if self.chance(60) { self.order("tk, o") } else { Node::text("") };
        let ordered = !order.sql().is_empty();
        self.leave();
        let how = if self.chance(30) { " LEFT JOIN" } else { "," };
        let template = format!("WITH $ SELECT $ FROM t{how} UNNEST($) AS e WITH OFFSET AS o$$");
        Query { tree: Node::fixed(&template, vec![with, list, array, filter, order]), ordered }
    }
}
