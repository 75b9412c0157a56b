//! OVER: windows and their frames.

use sqlparser::ast::{self, Spanned, WindowFrameBound, WindowFrameUnits, WindowType};

use super::{Resolver, query::sort_key, scope::Place};
use crate::{
    diagnostic::{Diagnostic, Position},
    tree::{Aggregate, Bound, Expr, ExprKind, Frame, SortKey, Window},
    types::Type,
};

impl Resolver<'_> {
    /// A call of an aggregate or window function with its OVER.
    pub(super) fn windowed(
        &mut self,
        call: Aggregate,
        ty: Type,
        over: &WindowType,
        place: Place<'_>,
        at: Position,
    ) -> Result<Expr, Diagnostic> {
        if let Some(clause) = place.no_windows {
            let message = format!("Analytic function not allowed in {clause}");
            return Err(Diagnostic::invalid(at, message));
        }
        let inside = Place { no_windows: Some("the window of another"), ..place };
        let spec = match over {
            WindowType::WindowSpec(spec) => spec.clone(),
            WindowType::NamedWindow(name) => ast::WindowSpec {
                window_name: Some(name.clone()),
                partition_by: Vec::new(),
                order_by: Vec::new(),
                window_frame: None,
            },
        };
        let window = self.window(&spec, inside, 0)?;
        Ok(Expr::new(ExprKind::Window(Box::new(call), Box::new(window)), ty, at))
    }

    /// A window, what it takes over from a named one in it.
    fn window(
        &mut self,
        spec: &ast::WindowSpec,
        place: Place<'_>,
        depth: usize,
    ) -> Result<Window, Diagnostic> {
        let mut window = match &spec.window_name {
            None => Window { partition_by: Vec::new(), order_by: Vec::new(), frame: None },
            Some(name) => self.named_window(name, place, depth)?,
        };
        for key in &spec.partition_by {
            let key = self.expr(key, place)?;
            if !key.ty.is_comparable() {
                let message =
                    format!("Partitioning by expressions of type {} is not allowed", key.ty);
                return Err(Diagnostic::invalid(key.at, message));
            }
            window.partition_by.push(key);
        }
        for key in &spec.order_by {
            window.order_by.push(sort_key(self.expr(&key.expr, place)?, &key.options)?);
        }
        // Of a constant there is nothing to partition or sort by, and PostgreSQL would take a
        // number for a place.
        window.partition_by.retain(|key| key.as_literal().is_none());
        window.order_by.retain(|key| key.expr.as_literal().is_none());
        if let Some(frame) = &spec.window_frame {
            window.frame = Some(self.frame(frame, &window.order_by, place)?);
        }
        Ok(window)
    }

    fn named_window(
        &mut self,
        name: &ast::Ident,
        place: Place<'_>,
        depth: usize,
    ) -> Result<Window, Diagnostic> {
        let at = Position::from(name.span.start);
        let known = place.windows.iter().find(|ast::NamedWindowDefinition(known, _)| {
            known.value.eq_ignore_ascii_case(&name.value)
        });
        let Some(ast::NamedWindowDefinition(_, definition)) = known.filter(|_| depth < 20) else {
            let message = format!("Unrecognized window alias {}", name.value);
            return Err(Diagnostic::invalid(at, message));
        };
        match definition {
            ast::NamedWindowExpr::NamedWindow(other) => self.named_window(other, place, depth + 1),
            ast::NamedWindowExpr::WindowSpec(spec) => self.window(spec, place, depth + 1),
        }
    }

    fn frame(
        &mut self,
        frame: &ast::WindowFrame,
        order_by: &[SortKey],
        place: Place<'_>,
    ) -> Result<Frame, Diagnostic> {
        let range = match frame.units {
            WindowFrameUnits::Rows => false,
            WindowFrameUnits::Range => true,
            WindowFrameUnits::Groups => {
                return Err(Diagnostic::invalid(Position::default(), "Syntax error: GROUPS"));
            }
        };
        let end = frame.end_bound.as_ref().unwrap_or(&WindowFrameBound::CurrentRow);
        let sorted = order_by.first();
        Ok(Frame {
            range,
            start: self.bound(&frame.start_bound, range, sorted, place)?,
            end: self.bound(end, range, sorted, place)?,
        })
    }

    fn bound(
        &mut self,
        bound: &WindowFrameBound,
        range: bool,
        sorted: Option<&SortKey>,
        place: Place<'_>,
    ) -> Result<Bound, Diagnostic> {
        Ok(match bound {
            WindowFrameBound::CurrentRow => Bound::CurrentRow,
            WindowFrameBound::Preceding(None) => Bound::UnboundedPreceding,
            WindowFrameBound::Following(None) => Bound::UnboundedFollowing,
            WindowFrameBound::Preceding(Some(offset)) => {
                Bound::Preceding(Box::new(self.distance(offset, range, sorted, place)?))
            }
            WindowFrameBound::Following(Some(offset)) => {
                Bound::Following(Box::new(self.distance(offset, range, sorted, place)?))
            }
        })
    }

    /// How far a bound is away: of the type of the sort key where it is one of values.
    fn distance(
        &mut self,
        offset: &ast::Expr,
        range: bool,
        sorted: Option<&SortKey>,
        place: Place<'_>,
    ) -> Result<Expr, Diagnostic> {
        let at = Position::from(offset.span().start);
        let offset = self.expr(offset, place)?;
        let ty = match sorted {
            Some(key) if range => key.expr.ty.clone(),
            None if range => {
                let message = "Window frame of RANGE with offsets needs exactly one sort key";
                return Err(Diagnostic::invalid(at, message));
            }
            _ => Type::Int64,
        };
        if !ty.is_number() {
            let message = format!("Window frame of RANGE cannot be sorted by type {ty}");
            return Err(Diagnostic::invalid(at, message));
        }
        super::coerce::to(offset, &ty).ok_or_else(|| {
            Diagnostic::invalid(at, format!("Window frame offset must be of type {ty}"))
        })
    }
}
