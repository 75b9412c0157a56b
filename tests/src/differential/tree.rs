//! A generated query as a tree whose parts can be left out or made simpler.

use crate::conformance::Type;

/// A part of a query.
#[derive(Debug, Clone)]
pub(super) struct Node {
    role: Role,
    parts: Vec<Part>,
}

/// What may stand in place of a part.
#[derive(Debug, Clone)]
enum Role {
    /// Any expression of the type that this one has.
    Expression(Type),
    /// Nothing, too.
    Optional,
    /// Only what it is.
    Fixed,
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Node(Node),
}

impl Node {
    /// An expression without parts.
    pub(super) fn leaf(ty: &Type, text: impl Into<String>) -> Self {
        Self { role: Role::Expression(ty.clone()), parts: vec![Part::Text(text.into())] }
    }

    /// Text that stays as it is.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { role: Role::Fixed, parts: vec![Part::Text(text.into())] }
    }

    /// An expression: a template with a `$` for each of the parts, in order.
    pub(super) fn expression(ty: &Type, template: &str, parts: Vec<Self>) -> Self {
        Self { role: Role::Expression(ty.clone()), parts: filled(template, parts) }
    }

    /// Something that may be left out: a template with a `$` for each of the parts.
    pub(super) fn optional(template: &str, parts: Vec<Self>) -> Self {
        Self { role: Role::Optional, parts: filled(template, parts) }
    }

    /// Something that stays: a template with a `$` for each of the parts.
    pub(super) fn fixed(template: &str, parts: Vec<Self>) -> Self {
        Self { role: Role::Fixed, parts: filled(template, parts) }
    }

    /// Parts with a text between them. All but the first may be left out.
    pub(super) fn list(separator: &str, items: Vec<Self>) -> Self {
        let parts = items.into_iter().enumerate().map(|(place, item)| {
            if place == 0 {
                return Part::Node(item);
            }
            let parts = vec![Part::Text(separator.to_owned()), Part::Node(item)];
            Part::Node(Self { role: Role::Optional, parts })
        });
        Self { role: Role::Fixed, parts: parts.collect() }
    }

    /// The SQL.
    pub(super) fn sql(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Node(node) => node.write(out),
            }
        }
    }

    /// Trees that are simpler in one place, those that change most first. `literal` gives a simple
    /// expression of a type.
    pub(super) fn simpler(&self, literal: &dyn Fn(&Type) -> Option<String>) -> Vec<Self> {
        let mut found = Vec::new();
        match &self.role {
            Role::Optional => found.push(Self::text("")),
            Role::Expression(ty) => {
                let simple = literal(ty).map(|text| Self::leaf(ty, text));
                let own = self.sql();
                found.extend(simple.filter(|simple| simple.sql().len() < own.len()));
                self.collect_inner(ty, &mut found);
            }
            Role::Fixed => {}
        }
        for (place, part) in self.parts.iter().enumerate() {
            let Part::Node(node) = part else { continue };
            for simpler in node.simpler(literal) {
                let mut tree = self.clone();
                tree.parts[place] = Part::Node(simpler);
                found.push(tree);
            }
        }
        found
    }

    /// Expressions of a type inside this one.
    fn collect_inner(&self, wanted: &Type, found: &mut Vec<Self>) {
        for part in &self.parts {
            let Part::Node(node) = part else { continue };
            if matches!(&node.role, Role::Expression(ty) if ty == wanted) {
                found.push(node.clone());
            } else {
                node.collect_inner(wanted, found);
            }
        }
    }
}

fn filled(template: &str, parts: Vec<Node>) -> Vec<Part> {
    let mut parts = parts.into_iter();
    let mut out = Vec::new();
    for (place, text) in template.split('$').enumerate() {
        if place > 0 {
            out.extend(parts.next().map(Part::Node));
        }
        if !text.is_empty() {
            out.push(Part::Text(text.to_owned()));
        }
    }
    out.extend(parts.map(Part::Node));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_shrink_in_every_place() {
        let one = Node::leaf(&Type::Int64, "a + b");
        let two = Node::leaf(&Type::Int64, "22");
        let sum = Node::expression(&Type::Int64, "F($, $)", vec![one, two]);
        let clause = Node::optional(" LIMIT $", vec![Node::text("5")]);
        let query = Node::fixed("SELECT $$", vec![sum, clause]);
        assert_eq!(query.sql(), "SELECT F(a + b, 22) LIMIT 5");
        let simpler: Vec<_> =
            query.simpler(&|_| Some("1".to_owned())).iter().map(Node::sql).collect();
        assert_eq!(
            simpler,
            [
                "SELECT 1 LIMIT 5",
                "SELECT a + b LIMIT 5",
                "SELECT 22 LIMIT 5",
                "SELECT F(1, 22) LIMIT 5",
                "SELECT F(a + b, 1) LIMIT 5",
                "SELECT F(a + b, 22)",
            ]
        );
    }
}
