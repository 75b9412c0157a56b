//! SELECT and its clauses.

use sqlparser::ast::{self, Spanned as _};

use super::{Confiner, query::wildcard, quote, refused, tables::Names};
use crate::Diagnostic;

impl Confiner<'_> {
    pub(super) fn select(
        &mut self,
        select: &mut ast::Select,
        names: &Names<'_>,
    ) -> Result<(), Diagnostic> {
        let at = select.span().start;
        // All fields are named, so that none of a later version is passed over.
        let ast::Select {
            select_token: _,
            optimizer_hints,
            distinct,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        if into.is_some() {
            return Err(refused(at, "SELECT INTO"));
        }
        let foreign = !optimizer_hints.is_empty()
            || select_modifiers.is_some()
            || top.is_some()
            || exclude.is_some()
            || !lateral_views.is_empty()
            || prewhere.is_some()
            || !connect_by.is_empty()
            || !cluster_by.is_empty()
            || !distribute_by.is_empty()
            || !sort_by.is_empty()
            || qualify.is_some()
            || value_table_mode.is_some()
            || !matches!(flavor, ast::SelectFlavor::Standard);
        if foreign {
            return Err(refused(at, "A clause of this SELECT"));
        }
        if let Some(ast::Distinct::On(keys)) = distinct {
            self.exprs(keys, names)?;
        }
        for item in projection {
            self.item(item, names)?;
        }
        for table in from {
            self.table_with_joins(table, names)?;
        }
        self.maybe(selection.as_mut(), names)?;
        match group_by {
            ast::GroupByExpr::Expressions(keys, modifiers) if modifiers.is_empty() => {
                self.exprs(keys, names)?;
            }
            _ => return Err(refused(at, "This kind of GROUP BY")),
        }
        self.maybe(having.as_mut(), names)?;
        for ast::NamedWindowDefinition(name, window) in named_window {
            quote(name);
            match window {
                ast::NamedWindowExpr::NamedWindow(other) => quote(other),
                ast::NamedWindowExpr::WindowSpec(window) => self.window(window, names)?,
            }
        }
        Ok(())
    }

    fn item(&mut self, item: &mut ast::SelectItem, names: &Names<'_>) -> Result<(), Diagnostic> {
        match item {
            ast::SelectItem::UnnamedExpr(expr) => self.expr(expr, names),
            ast::SelectItem::ExprWithAlias { expr, alias } => {
                quote(alias);
                self.expr(expr, names)
            }
            ast::SelectItem::Wildcard(_) | ast::SelectItem::QualifiedWildcard(..) => {
                Err(wildcard(item.span().start.into()))
            }
            ast::SelectItem::ExprWithAliases { expr, .. } => {
                Err(refused(expr.span().start, "A list of aliases"))
            }
        }
    }

    pub(super) fn window(
        &mut self,
        window: &mut ast::WindowSpec,
        names: &Names<'_>,
    ) -> Result<(), Diagnostic> {
        let ast::WindowSpec { window_name, partition_by, order_by, window_frame } = window;
        if let Some(name) = window_name {
            quote(name);
        }
        self.exprs(partition_by, names)?;
        self.sort_keys(order_by, names)?;
        let Some(ast::WindowFrame { units: _, start_bound, end_bound }) = window_frame else {
            return Ok(());
        };
        for bound in std::iter::once(start_bound).chain(end_bound) {
            match bound {
                ast::WindowFrameBound::CurrentRow => {}
                ast::WindowFrameBound::Preceding(rows) | ast::WindowFrameBound::Following(rows) => {
                    self.maybe(rows.as_deref_mut(), names)?;
                }
            }
        }
        Ok(())
    }
}
