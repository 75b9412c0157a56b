//! Which fields of the event a program assigns to, and where.

use vrl::{
    parser::ast::{
        Assignment as Syntax, AssignmentTarget, Block, Container, Expr, Node, Predicate,
        QueryTarget, RootExpr,
    },
    path::{OwnedTargetPath, OwnedValuePath, PathPrefix},
};

/// An assignment to a field of the event.
#[derive(Debug, Clone)]
pub(super) struct Assignment {
    pub(super) path: OwnedValuePath,
    /// Where its target begins, in bytes.
    pub(super) offset: usize,
}

/// The assignments of a program, in its order.
pub(super) fn of(source: &str) -> Vec<Assignment> {
    let mut found = Vec::new();
    if let Ok(program) = vrl::parser::parse(source) {
        for root in &program.0 {
            if let RootExpr::Expr(expression) = root.inner() {
                visit(expression, &mut found);
            }
        }
    }
    found
}

fn visit(expression: &Node<Expr>, found: &mut Vec<Assignment>) {
    match expression.inner() {
        Expr::Assignment(assignment) => assigned(assignment.inner(), found),
        Expr::IfStatement(statement) => {
            let statement = statement.inner();
            match statement.predicate.inner() {
                Predicate::One(one) => visit(one, found),
                Predicate::Many(many) => many.iter().for_each(|one| visit(one, found)),
            }
            block(statement.if_node.inner(), found);
            if let Some(otherwise) = &statement.else_node {
                block(otherwise.inner(), found);
            }
        }
        Expr::Container(container) => match container.inner() {
            Container::Group(group) => visit(&group.inner().0, found),
            Container::Block(inner) => block(inner.inner(), found),
            Container::Array(_) | Container::Object(_) => {}
        },
        Expr::Op(operation) => {
            visit(&operation.inner().0, found);
            visit(&operation.inner().2, found);
        }
        Expr::FunctionCall(call) => {
            let call = call.inner();
            call.arguments.iter().for_each(|argument| visit(&argument.inner().expr, found));
            if let Some(closure) = &call.closure {
                block(closure.inner().block.inner(), found);
            }
        }
        _ => {}
    }
}

fn block(block: &Block, found: &mut Vec<Assignment>) {
    block.0.iter().for_each(|expression| visit(expression, found));
}

fn assigned(assignment: &Syntax, found: &mut Vec<Assignment>) {
    let (targets, expression) = match assignment {
        Syntax::Single { target, expr, .. } => ([Some(target), None], expr),
        Syntax::Infallible { ok, err, expr, .. } => ([Some(ok), Some(err)], expr),
    };
    visit(expression, found);
    for target in targets.into_iter().flatten() {
        if let Some(path) = field(target.inner()) {
            found.push(Assignment { path, offset: target.start() });
        }
    }
}

/// The field of the event that a target is.
fn field(target: &AssignmentTarget) -> Option<OwnedValuePath> {
    match target {
        AssignmentTarget::External(Some(path)) => in_event(path),
        AssignmentTarget::External(None) => Some(OwnedValuePath::root()),
        AssignmentTarget::Query(query) => match query.target.inner() {
            QueryTarget::External(PathPrefix::Event) => Some(query.path.inner().clone()),
            _ => None,
        },
        AssignmentTarget::Noop | AssignmentTarget::Internal(..) => None,
    }
}

fn in_event(path: &OwnedTargetPath) -> Option<OwnedValuePath> {
    (path.prefix == PathPrefix::Event).then(|| path.path.clone())
}
