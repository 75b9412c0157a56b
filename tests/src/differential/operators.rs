//! Operators, and what has a syntax of its own.

use rand::{Rng as _, seq::IndexedRandom as _};

use super::{expressions::Generator, literals, tree::Node};
use crate::conformance::Type;

const LIKE: [&str; 9] =
    ["'a%'", "'%b%'", "'_'", "'%'", "''", "'%l_o%'", "r'%\\%%'", "'A%C'", "'日%'"];

impl Generator<'_> {
    /// An operator that gives a type; a literal where it has none.
    pub(super) fn operator(&mut self, ty: &Type, depth: u32) -> Node {
        let template = match ty {
            Type::Bool => return self.condition(depth),
            Type::Int64 => &["($ + $)", "($ - $)", "($ * $)", "DIV($, $)", "MOD($, $)"][..],
            Type::Float64 => &["($ + $)", "($ - $)", "($ * $)", "($ / $)"],
            Type::Numeric | Type::BigNumeric => &["($ + $)", "($ - $)", "($ * $)", "($ / $)"],
            Type::String | Type::Bytes | Type::Array(_) => &["($ || $)"],
            Type::Interval => return self.interval(depth),
            Type::Json => return self.json(depth),
            Type::Struct(fields) => {
                let parts = fields.iter().map(|(_, ty)| self.expression(ty, depth)).collect();
                let places: Vec<_> =
                    fields.iter().map(|(name, _)| format!("$ AS {name}")).collect();
                return Node::expression(ty, &format!("STRUCT({})", places.join(", ")), parts);
            }
            Type::Date => {
                let sign = if self.chance(50) { "+" } else { "-" };
                let parts = vec![self.expression(ty, depth), self.leaf(&Type::Int64)];
                return Node::expression(ty, &format!("($ {sign} $)"), parts);
            }
            Type::Datetime | Type::Timestamp => {
                let sign = if self.chance(50) { "+" } else { "-" };
                let parts =
                    vec![self.expression(ty, depth), self.expression(&Type::Interval, depth)];
                return Node::expression(ty, &format!("($ {sign} $)"), parts);
            }
            _ => return self.leaf(ty),
        };
        if self.chance(10) && matches!(ty, Type::Int64 | Type::Float64 | Type::Numeric) {
            let value = self.expression(ty, depth);
            return Node::expression(ty, "(- $)", vec![value]);
        }
        let template = template.choose(&mut self.rng).copied().unwrap_or("$");
        let mut parts = vec![self.near(ty, depth), self.expression(ty, depth)];
        if self.chance(50) {
            parts.reverse();
        }
        Node::expression(ty, template, parts)
    }

    /// Comparisons, tests and logic.
    fn condition(&mut self, depth: u32) -> Node {
        let ty = Type::Bool;
        let of = self.ordered_type();
        let some = |own: &mut Self| own.expression(&of, depth);
        match self.rng.random_range(0..17) {
            15 => {
                let other = self.ordered_type();
                let signs = ["=", "<>", "IN"];
                let sign = signs.choose(&mut self.rng).copied().unwrap_or("=");
                let parts = vec![
                    some(self),
                    self.expression(&other, depth),
                    self.near(&of, depth),
                    self.leaf(&other),
                ];
                let template =
                    if sign == "IN" { "(($, $) IN (($, $)))" } else { "(($, $) = ($, $))" };
                Node::expression(&ty, template, parts)
            }
            16 => {
                const DATES: [&str; 4] =
                    ["'2024-01-15'", "'2024-02-29'", "'1970-01-01'", "'9999-12-31'"];
                let times = [Type::Date, Type::Datetime, Type::Timestamp];
                let of = times.choose(&mut self.rng).cloned().unwrap_or(Type::Date);
                let text = DATES.choose(&mut self.rng).copied().unwrap_or_default();
                let parts = vec![self.expression(&of, depth), Node::text(text)];
                Node::expression(&ty, "($ >= $)", parts)
            }
            0..5 => {
                let signs = ["=", "<>", "<", "<=", ">", ">=", "!="];
                let sign = signs.choose(&mut self.rng).copied().unwrap_or("=");
                let parts = vec![some(self), self.near(&of, depth)];
                Node::expression(&ty, &format!("($ {sign} $)"), parts)
            }
            5 => {
                let not = if self.chance(30) { "NOT " } else { "" };
                let parts = vec![some(self), self.near(&of, depth), some(self)];
                Node::expression(&ty, &format!("($ {not}BETWEEN $ AND $)"), parts)
            }
            6 => {
                let not = if self.chance(30) { "NOT " } else { "" };
                let count = 1 + self.below(3);
                let list = (0..count).map(|_| self.near(&of, depth)).collect();
                let parts = vec![some(self), Node::list(", ", list)];
                Node::expression(&ty, &format!("($ {not}IN ($))"), parts)
            }
            7 => {
                let not = if self.chance(30) { "NOT " } else { "" };
                let over = self.expression(&Type::Array(Box::new(of.clone())), depth);
                let template = if self.chance(60) {
                    format!("($ {not}IN UNNEST($))")
                } else {
                    let name = self.name("e");
                    format!("($ {not}IN (SELECT {name} FROM UNNEST($) AS {name}))")
                };
                let parts = vec![some(self), over];
                Node::expression(&ty, &template, parts)
            }
            8..=13 => self.test(&of, depth),
            _ => {
                let sign = if self.chance(50) { "AND" } else { "OR" };
                let parts = vec![self.expression(&ty, depth), self.expression(&ty, depth)];
                Node::expression(&ty, &format!("($ {sign} $)"), parts)
            }
        }
    }

    /// LIKE, IS, EXISTS and NOT.
    fn test(&mut self, of: &Type, depth: u32) -> Node {
        let ty = Type::Bool;
        match self.rng.random_range(0..6) {
            0 => {
                let pattern = LIKE.choose(&mut self.rng).copied().unwrap_or("''");
                let parts = vec![self.expression(&Type::String, depth), Node::text(pattern)];
                if self.chance(25) {
                    let other = LIKE.choose(&mut self.rng).copied().unwrap_or("''");
                    let how = if self.chance(50) { "ANY" } else { "ALL" };
                    return Node::expression(&ty, &format!("($ LIKE {how} ($, {other}))"), parts);
                }
                Node::expression(&ty, "($ LIKE $)", parts)
            }
            1 => {
                let not = if self.chance(50) { "NOT " } else { "" };
                let parts = vec![self.expression(of, depth), self.expression(of, depth)];
                Node::expression(&ty, &format!("($ IS {not}DISTINCT FROM $)"), parts)
            }
            2 => {
                let any = self.any_type();
                let not = if self.chance(50) { "NOT " } else { "" };
                let parts = vec![self.expression(&any, depth)];
                Node::expression(&ty, &format!("($ IS {not}NULL)"), parts)
            }
            3 => {
                let tests = ["TRUE", "FALSE", "NOT TRUE", "NOT FALSE"];
                let test = tests.choose(&mut self.rng).copied().unwrap_or("TRUE");
                let parts = vec![self.expression(&ty, depth)];
                Node::expression(&ty, &format!("($ IS {test})"), parts)
            }
            4 => {
                let (name, element) = (self.name("e"), self.scalar_type());
                let over = self.expression(&Type::Array(Box::new(element.clone())), depth);
                let filter = self.within(&name, &element, |own| own.expression(&ty, depth));
                let filter = Node::optional(" WHERE $", vec![filter]);
                let template = format!("EXISTS (SELECT 1 FROM UNNEST($) AS {name}$)");
                Node::expression(&ty, &template, vec![over, filter])
            }
            _ => {
                let parts = vec![self.expression(&ty, depth)];
                Node::expression(&ty, "(NOT $)", parts)
            }
        }
    }

    fn interval(&mut self, depth: u32) -> Node {
        let ty = Type::Interval;
        match self.rng.random_range(0..4) {
            0 => {
                let parts = vec![self.expression(&ty, depth), self.expression(&ty, depth)];
                Node::expression(&ty, "($ + $)", parts)
            }
            1 => {
                let times = [Type::Datetime, Type::Timestamp, Type::Date, Type::Time];
                let of = times.choose(&mut self.rng).cloned().unwrap_or(Type::Date);
                let parts = vec![self.expression(&of, depth), self.expression(&of, depth)];
                Node::expression(&ty, "($ - $)", parts)
            }
            2 => {
                let parts = vec![self.expression(&ty, depth), self.leaf(&Type::Int64)];
                Node::expression(&ty, if self.chance(50) { "($ * $)" } else { "($ / $)" }, parts)
            }
            _ => {
                let parts = ["DAY", "HOUR", "MONTH", "YEAR", "SECOND", "MINUTE", "WEEK", "QUARTER"];
                let part = parts.choose(&mut self.rng).copied().unwrap_or("DAY");
                let count = self.expression(&Type::Int64, depth.min(1));
                Node::expression(&ty, &format!("INTERVAL $ {part}"), vec![count])
            }
        }
    }

    fn json(&mut self, depth: u32) -> Node {
        let ty = Type::Json;
        let value = self.expression(&ty, depth);
        match self.rng.random_range(0..4) {
            0 => Node::expression(&ty, "$.a", vec![value]),
            1 => Node::expression(&ty, "$[0]", vec![value]),
            2 => Node::expression(&ty, "$['b']", vec![value]),
            _ => {
                let of = literals::SCALARS.choose(&mut self.rng).cloned().unwrap_or(Type::Int64);
                let value = self.expression(&of, depth);
                Node::expression(&ty, "TO_JSON($)", vec![value])
            }
        }
    }
}
