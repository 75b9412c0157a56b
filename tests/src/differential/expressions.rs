//! Expressions of a type that is asked for.

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

use super::{
    calls::{Argument, Call, Calls, among, written_node},
    literals,
    tree::Node,
};
use crate::conformance::Type;

/// Makes queries by chance.
#[derive(Debug)]
pub(super) struct Generator<'a> {
    pub(super) calls: &'a Calls,
    pub(super) rng: StdRng,
    /// The columns that an expression can name.
    pub(super) scope: Vec<(String, Type)>,
    /// The tables that a sub-query can read: their names and columns.
    pub(super) tables: Vec<(&'static str, Vec<(String, Type)>)>,
    names: u32,
}

impl<'a> Generator<'a> {
    pub(super) fn new(calls: &'a Calls, seed: u64) -> Self {
        Self {
            calls,
            rng: StdRng::seed_from_u64(seed),
            scope: Vec::new(),
            tables: Vec::new(),
            names: 0,
        }
    }

    /// Whether something that happens so many times of a hundred happens.
    pub(super) fn chance(&mut self, of_hundred: u32) -> bool {
        self.rng.random_range(0..100) < of_hundred
    }

    /// A number below a bound.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.rng.random_range(0..bound.max(1))
    }

    /// A name that no other has.
    pub(super) fn name(&mut self, begin: &str) -> String {
        self.names += 1;
        format!("{begin}{}", self.names)
    }

    pub(super) fn scalar_type(&mut self) -> Type {
        literals::SCALARS.choose(&mut self.rng).cloned().unwrap_or(Type::Int64)
    }

    pub(super) fn ordered_type(&mut self) -> Type {
        literals::ORDERED.choose(&mut self.rng).cloned().unwrap_or(Type::Int64)
    }

    /// A type of a field of a STRUCT.
    fn field_type(&mut self) -> Type {
        match self.rng.random_range(0..6) {
            0 => Type::Array(Box::new(self.scalar_type())),
            1 => Type::Array(Box::new(Type::Json)),
            2 => Type::Json,
            3 => Type::Struct(vec![("c".to_owned(), self.scalar_type())]),
            _ => self.scalar_type(),
        }
    }

    /// A type of an output column.
    pub(super) fn any_type(&mut self) -> Type {
        match self.rng.random_range(0..12) {
            0 => Type::Array(Box::new(self.scalar_type())),
            1 => Type::Struct(vec![
                ("a".to_owned(), self.field_type()),
                ("b".to_owned(), self.scalar_type()),
            ]),
            2 => Type::Json,
            _ => self.scalar_type(),
        }
    }

    /// A type whose values become ones of this type where they stand together.
    pub(super) fn lesser(&mut self, ty: &Type) -> Type {
        let others: &[Type] = match ty {
            Type::Float64 => &[Type::Int64, Type::Numeric, Type::BigNumeric],
            Type::Numeric => &[Type::Int64],
            Type::BigNumeric => &[Type::Int64, Type::Numeric],
            Type::Datetime => &[Type::Date],
            _ => &[],
        };
        let other = if self.chance(25) { others.choose(&mut self.rng).cloned() } else { None };
        other.unwrap_or_else(|| ty.clone())
    }

    /// An expression of at most this depth that becomes one of this type.
    pub(super) fn near(&mut self, ty: &Type, depth: u32) -> Node {
        let ty = self.lesser(ty);
        self.expression(&ty, depth)
    }

    /// An expression of at most this depth.
    pub(super) fn expression(&mut self, ty: &Type, depth: u32) -> Node {
        if depth == 0 || self.chance(8) {
            return self.leaf(ty);
        }
        let depth = depth - 1;
        match self.rng.random_range(0..100) {
            0..55 => self.call(ty, depth),
            55..63 => self.choice(ty, depth),
            63..73 => self.cast(ty, depth),
            73..80 => self.inner(ty, depth),
            _ => self.operator(ty, depth),
        }
    }

    /// A column or a literal.
    pub(super) fn leaf(&mut self, ty: &Type) -> Node {
        let columns: Vec<_> = self
            .scope
            .iter()
            .filter(|(_, other)| other == ty)
            .map(|(name, _)| name.clone())
            .collect();
        if !columns.is_empty()
            && self.chance(75)
            && let Some(name) = columns.choose(&mut self.rng)
        {
            return Node::leaf(ty, name.clone());
        }
        Node::leaf(ty, literals::literal(ty, &mut self.rng))
    }

    /// A call of a declared function.
    fn call(&mut self, ty: &Type, depth: u32) -> Node {
        let Some(call) = self.calls.giving(ty).choose(&mut self.rng) else {
            return self.operator(ty, depth);
        };
        let call = call.clone();
        let plain = call
            .name
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || b"_0123456789".contains(&byte));
        let own_syntax = ["EXTRACT", "IF", "IFNULL", "COALESCE", "NULLIF", "GREATEST", "LEAST"];
        if plain && !own_syntax.contains(&call.name) && self.chance(10) {
            let args = call.args.iter().map(|arg| self.argument(arg, depth)).collect();
            return written_node(&format!("SAFE.{}", call.name), &call.returns, args);
        }
        self.call_of(&call, depth)
    }

    /// This call, with arguments by chance.
    pub(super) fn call_of(&mut self, call: &Call, depth: u32) -> Node {
        let args: Vec<_> = call.args.iter().map(|arg| self.argument(arg, depth)).collect();
        written_node(call.name, &call.returns, args)
    }

    fn argument(&mut self, argument: &Argument, depth: u32) -> Node {
        match argument {
            Argument::Of(ty) => self.expression(ty, depth),
            Argument::Among(texts) => Node::text(among(texts, &mut self.rng)),
            Argument::Text(text) => Node::text(text.clone()),
            Argument::IntervalOf(part) => {
                let count = self.expression(&Type::Int64, depth.min(1));
                Node::fixed(&format!("INTERVAL $ {part}"), vec![count])
            }
        }
    }

    /// CASE, IF, COALESCE and their kin.
    fn choice(&mut self, ty: &Type, depth: u32) -> Node {
        let comparable = literals::ORDERED.contains(ty);
        let kind = self.rng.random_range(0..if comparable { 7 } else { 4 });
        let condition = |own: &mut Self| own.expression(&Type::Bool, depth);
        match kind {
            0 => {
                let parts = vec![condition(self), self.expression(ty, depth), self.near(ty, depth)];
                Node::expression(ty, "IF($, $, $)", parts)
            }
            1 => {
                let parts = vec![self.expression(ty, depth), self.near(ty, depth)];
                Node::expression(ty, "COALESCE($, $)", parts)
            }
            2 => {
                let parts = vec![
                    condition(self),
                    self.expression(ty, depth),
                    condition(self),
                    self.near(ty, depth),
                ];
                Node::expression(ty, "CASE WHEN $ THEN $ WHEN $ THEN $ END", parts)
            }
            3 => {
                let on = self.ordered_type();
                let parts = vec![
                    self.expression(&on, depth),
                    self.leaf(&on),
                    self.expression(ty, depth),
                    self.expression(ty, depth),
                ];
                Node::expression(ty, "CASE $ WHEN $ THEN $ ELSE $ END", parts)
            }
            4 => {
                let parts = vec![self.expression(ty, depth), self.expression(ty, depth)];
                Node::expression(ty, "NULLIF($, $)", parts)
            }
            5 => {
                let parts = vec![self.expression(ty, depth), self.near(ty, depth), self.leaf(ty)];
                Node::expression(ty, "GREATEST($, $, $)", parts)
            }
            _ => {
                let parts = vec![self.expression(ty, depth), self.expression(ty, depth)];
                Node::expression(ty, "LEAST($, $)", parts)
            }
        }
    }

    /// CAST and SAFE_CAST.
    fn cast(&mut self, ty: &Type, depth: u32) -> Node {
        const TIMES: [Type; 3] = [Type::Date, Type::Datetime, Type::Timestamp];
        const FORMATS: [&str; 6] =
            ["YYYY-MM-DD", "DD/MM/YY", "MON DD, YYYY", "DAY DDD", "Q YYYY", "Month|Dy"];
        let from: &[Type] = match ty {
            Type::String => &literals::SCALARS,
            Type::Int64 => {
                &[Type::Bool, Type::Float64, Type::Numeric, Type::BigNumeric, Type::String]
            }
            Type::Float64 => &[Type::Int64, Type::Numeric, Type::BigNumeric, Type::String],
            Type::Numeric => &[Type::Int64, Type::Float64, Type::BigNumeric, Type::String],
            Type::BigNumeric => &[Type::Int64, Type::Float64, Type::Numeric, Type::String],
            Type::Bool => &[Type::Int64, Type::String],
            Type::Bytes | Type::Interval => &[Type::String],
            Type::Date => &[Type::String, Type::Datetime, Type::Timestamp],
            Type::Datetime => &[Type::String, Type::Date, Type::Timestamp],
            Type::Time => &[Type::String, Type::Datetime, Type::Timestamp],
            Type::Timestamp => &[Type::String, Type::Date, Type::Datetime],
            _ => return self.operator(ty, depth),
        };
        if *ty == Type::String && self.chance(15) {
            let from = TIMES.choose(&mut self.rng).cloned().unwrap_or(Type::Date);
            let format = FORMATS.choose(&mut self.rng).copied().unwrap_or_default();
            let value = self.expression(&from, depth);
            return Node::expression(
                ty,
                &format!("CAST($ AS STRING FORMAT '{format}')"),
                vec![value],
            );
        }
        let Some(from) = from.choose(&mut self.rng).cloned() else { return self.leaf(ty) };
        let name = if self.chance(40) { "SAFE_CAST" } else { "CAST" };
        let value = self.expression(&from, depth);
        Node::expression(ty, &format!("{name}($ AS {ty})"), vec![value])
    }

    /// What looks into an array or a STRUCT, or asks a query of its own.
    fn inner(&mut self, ty: &Type, depth: u32) -> Node {
        if let Type::Array(element) = ty {
            return self.made_array(element, depth);
        }
        let array = Type::Array(Box::new(ty.clone()));
        if self.chance(30)
            && let Some((table, columns)) = self.tables.choose(&mut self.rng).cloned()
        {
            return self.over_table(ty, table, columns, depth);
        }
        match self.rng.random_range(0..6) {
            0 => {
                let how = ["SAFE_OFFSET", "OFFSET", "SAFE_ORDINAL", "ORDINAL"];
                let how = how.choose(&mut self.rng).copied().unwrap_or_default();
                let place = if self.chance(80) {
                    Node::text(self.below(3).to_string())
                } else {
                    self.expression(&Type::Int64, depth.min(1))
                };
                let parts = vec![self.expression(&array, depth), place];
                Node::expression(ty, &format!("$[{how}($)]"), parts)
            }
            1 => {
                let other = self.scalar_type();
                let parts = vec![self.expression(ty, depth), self.expression(&other, depth)];
                Node::expression(ty, "STRUCT($ AS f1, $ AS f2).f1", parts)
            }
            2 if literals::ORDERED.contains(ty) => {
                let name = self.name("e");
                let over = self.expression(&array, depth);
                let how = if self.chance(50) { "MAX" } else { "MIN" };
                let value = self.within(&name, ty, |own| own.expression(ty, depth.min(1)));
                let template = format!("(SELECT {how}($) FROM UNNEST($) AS {name})");
                Node::expression(ty, &template, vec![value, over])
            }
            3 if *ty == Type::Int64 => {
                let element = self.scalar_type();
                let name = self.name("e");
                let over = self.expression(&Type::Array(Box::new(element.clone())), depth);
                let filter = self.within(&name, &element, |own| own.expression(&Type::Bool, depth));
                let filter = Node::optional(" WHERE $", vec![filter]);
                let template = format!("(SELECT COUNT({name}) FROM UNNEST($) AS {name}$)");
                Node::expression(ty, &template, vec![over, filter])
            }
            _ => {
                let name = self.name("e");
                let offset = self.name("o");
                let over = self.expression(&array, depth);
                let template = format!(
                    "(SELECT {name} FROM UNNEST($) AS {name} WITH OFFSET AS {offset} ORDER BY {offset} DESC LIMIT 1)"
                );
                Node::expression(ty, &template, vec![over])
            }
        }
    }

    /// A query of its own over a table.
    fn over_table(
        &mut self,
        ty: &Type,
        table: &str,
        columns: Vec<(String, Type)>,
        depth: u32,
    ) -> Node {
        let key = columns.first().map(|(name, _)| name.clone()).unwrap_or_default();
        let outer = self.scope.len();
        self.scope.extend(columns);
        let value = self.expression(ty, depth.min(1));
        let condition = self.expression(&Type::Bool, depth.min(1));
        self.scope.truncate(outer);
        let filter = Node::optional(" WHERE $", vec![condition]);
        match ty {
            Type::Bool => {
                let template = format!("EXISTS (SELECT $ FROM {table}$)");
                Node::expression(ty, &template, vec![value, filter])
            }
            Type::Int64 if self.chance(50) => {
                let template = format!("(SELECT COUNT($) FROM {table}$)");
                Node::expression(ty, &template, vec![value, filter])
            }
            _ if literals::ORDERED.contains(ty) && self.chance(60) => {
                let how = if self.chance(50) { "MAX" } else { "MIN" };
                let template = format!("(SELECT {how}($) FROM {table}$)");
                Node::expression(ty, &template, vec![value, filter])
            }
            _ => {
                let template = format!("(SELECT $ FROM {table}$ ORDER BY {key} LIMIT 1)");
                Node::expression(ty, &template, vec![value, filter])
            }
        }
    }

    /// An array from its elements, or from a query.
    fn made_array(&mut self, element: &Type, depth: u32) -> Node {
        let ty = Type::Array(Box::new(element.clone()));
        if self.chance(50) || matches!(element, Type::Array(_)) {
            let count = 1 + self.below(3);
            let elements = (0..count).map(|_| self.expression(element, depth)).collect();
            return Node::expression(&ty, "[$]", vec![Node::list(", ", elements)]);
        }
        let (name, offset) = (self.name("e"), self.name("o"));
        let from = if self.chance(50) { element.clone() } else { self.scalar_type() };
        let over = self.expression(&Type::Array(Box::new(from.clone())), depth);
        let value = self.within(&name, &from, |own| own.expression(element, depth));
        let filter = self.within(&name, &from, |own| own.expression(&Type::Bool, depth.min(1)));
        let filter = Node::optional(" WHERE $", vec![filter]);
        let template = format!(
            "ARRAY(SELECT $ FROM UNNEST($) AS {name} WITH OFFSET AS {offset}$ ORDER BY {offset})"
        );
        Node::expression(&ty, &template, vec![value, over, filter])
    }

    /// Does something with one column more.
    pub(super) fn within<T>(
        &mut self,
        name: &str,
        ty: &Type,
        make: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.scope.push((name.to_owned(), ty.clone()));
        let made = make(self);
        self.scope.pop();
        made
    }
}
