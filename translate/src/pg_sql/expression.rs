//! Expressions.

use serde_json::Value as Json;
use sqlparser::ast::{self, Expr, Spanned as _, Value, ValueWithSpan};

use super::{Confiner, functions, quote, refused, tables::Names, types};
use crate::{Diagnostic, Position, postgres::quote_text};

/// A parameter that was not given.
pub(super) const NULL_TEXT: &str = "(null::text)";

impl Confiner<'_> {
    pub(super) fn maybe(
        &mut self,
        expr: Option<&mut Expr>,
        names: &Names<'_>,
    ) -> Result<(), Diagnostic> {
        expr.map_or(Ok(()), |expr| self.expr(expr, names))
    }

    pub(super) fn exprs(
        &mut self,
        exprs: &mut [Expr],
        names: &Names<'_>,
    ) -> Result<(), Diagnostic> {
        exprs.iter_mut().try_for_each(|expr| self.expr(expr, names))
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each kind of expression")]
    pub(super) fn expr(&mut self, expr: &mut Expr, names: &Names<'_>) -> Result<(), Diagnostic> {
        let at = expr.span().start;
        match expr {
            Expr::Identifier(name) => {
                quote(name);
                Ok(())
            }
            // A column of a relation. Of three parts the first would be a schema.
            Expr::CompoundIdentifier(parts) if parts.len() == 2 => {
                parts.iter_mut().for_each(quote);
                Ok(())
            }
            Expr::CompoundIdentifier(_) => {
                Err(refused(at, "A name of more than two parts").advise("give the table an alias"))
            }
            Expr::Value(value) => self.value(value),
            Expr::Nested(inner)
            | Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner)
            | Expr::IsTrue(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsNull(inner)
            | Expr::IsNotNull(inner)
            | Expr::IsUnknown(inner)
            | Expr::IsNotUnknown(inner) => self.expr(inner, names),
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
                self.expr(left, names)?;
                self.expr(right, names)
            }
            Expr::BinaryOp { left, op, right } => {
                operator(op, at.into())?;
                self.expr(left, names)?;
                self.expr(right, names)
            }
            Expr::UnaryOp { op, expr: operand } => {
                use ast::UnaryOperator as U;
                if !matches!(op, U::Plus | U::Minus | U::Not | U::BitwiseNot) {
                    return Err(refused(at, format!("The operator {op}")));
                }
                self.expr(operand, names)?;
                // Two signs must not become a comment, or another operator.
                let inner = std::mem::replace(operand.as_mut(), Expr::value(Value::Null));
                **operand = Expr::Nested(Box::new(inner));
                Ok(())
            }
            Expr::Between { expr: inner, negated: _, low, high } => {
                self.expr(inner, names)?;
                self.expr(low, names)?;
                self.expr(high, names)
            }
            Expr::In { expr: inner, target, negated: _, global: false } => {
                self.expr(inner, names)?;
                match target {
                    ast::InTarget::List(list) => self.exprs(list, names),
                    ast::InTarget::Subquery(query) => self.query(query, names),
                    _ => Err(refused(at, "This kind of IN")),
                }
            }
            Expr::Like { negated: _, any: false, expr: inner, pattern, escape_char }
            | Expr::ILike { negated: _, any: false, expr: inner, pattern, escape_char }
            | Expr::SimilarTo { negated: _, expr: inner, pattern, escape_char } => {
                self.expr(inner, names)?;
                self.expr(pattern, names)?;
                self.maybe(escape_char.as_deref_mut(), names)
            }
            Expr::AnyOp { left, compare_op, right, is_some: _ }
            | Expr::AllOp { left, compare_op, right } => {
                operator(compare_op, at.into())?;
                self.expr(left, names)?;
                self.expr(right, names)
            }
            Expr::Cast {
                kind: ast::CastKind::Cast | ast::CastKind::DoubleColon,
                expr: inner,
                data_type,
                format: None,
            } => {
                if !types::is_allowed(data_type) {
                    return Err(refused(at, format!("A cast to {data_type}")));
                }
                self.expr(inner, names)
            }
            Expr::TypedString(ast::TypedString { data_type, value, uses_odbc_syntax: false }) => {
                if !types::is_allowed(data_type) {
                    return Err(refused(at, format!("A literal of type {data_type}")));
                }
                self.value(value)
            }
            Expr::Interval(interval) => {
                let ast::Interval {
                    value,
                    leading_field,
                    leading_precision: _,
                    last_field,
                    fractional_seconds_precision: _,
                } = interval;
                for field in [leading_field, last_field].into_iter().flatten() {
                    part_of_time(field, at.into())?;
                }
                match value.as_mut() {
                    Expr::Value(value) => self.value(value),
                    _ => Err(refused(at, "INTERVAL of what is no literal")),
                }
            }
            Expr::AtTimeZone { timestamp, time_zone } => {
                self.expr(timestamp, names)?;
                self.expr(time_zone, names)
            }
            Expr::Extract { field, syntax: ast::ExtractSyntax::From, expr: inner } => {
                part_of_time(field, at.into())?;
                self.expr(inner, names)
            }
            Expr::Ceil { expr: inner, field } | Expr::Floor { expr: inner, field } => {
                let plain = ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime);
                if *field != plain {
                    return Err(refused(at, "This kind of rounding"));
                }
                self.expr(inner, names)
            }
            Expr::Position { expr: inner, r#in: text } => {
                self.expr(inner, names)?;
                self.expr(text, names)
            }
            Expr::Substring {
                expr: inner,
                substring_from,
                substring_for,
                special: _,
                shorthand: _,
            } => {
                self.expr(inner, names)?;
                self.maybe(substring_from.as_deref_mut(), names)?;
                self.maybe(substring_for.as_deref_mut(), names)
            }
            Expr::Trim { trim_where: _, trim_what, expr: inner, trim_characters: None } => {
                self.maybe(trim_what.as_deref_mut(), names)?;
                self.expr(inner, names)
            }
            Expr::Overlay { expr: inner, overlay_what, overlay_from, overlay_for } => {
                self.expr(inner, names)?;
                self.expr(overlay_what, names)?;
                self.expr(overlay_from, names)?;
                self.maybe(overlay_for.as_deref_mut(), names)
            }
            Expr::Function(function) => self.call(function, names),
            Expr::Case { operand, conditions, else_result, .. } => {
                self.maybe(operand.as_deref_mut(), names)?;
                for ast::CaseWhen { condition, result } in conditions {
                    self.expr(condition, names)?;
                    self.expr(result, names)?;
                }
                self.maybe(else_result.as_deref_mut(), names)
            }
            Expr::Exists { subquery, negated: _ } | Expr::Subquery(subquery) => {
                self.query(subquery, names)
            }
            Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
                sets.iter_mut().try_for_each(|set| self.exprs(set, names))
            }
            Expr::Tuple(values) => self.exprs(values, names),
            Expr::Array(ast::Array { elem, named: _ }) => self.exprs(elem, names),
            Expr::CompoundFieldAccess { root, access_chain } => {
                self.expr(root, names)?;
                access_chain
                    .iter_mut()
                    .try_for_each(|access| self.subscript(access, at.into(), names))
            }
            _ => Err(refused(at, "This kind of expression")),
        }
    }

    /// `[1]`, `['key']`, `[1:2]`. A field would be a call of a function, where there is no column.
    fn subscript(
        &mut self,
        access: &mut ast::AccessExpr,
        at: Position,
        names: &Names<'_>,
    ) -> Result<(), Diagnostic> {
        match access {
            ast::AccessExpr::Subscript(ast::Subscript::Index { index }) => self.expr(index, names),
            ast::AccessExpr::Subscript(ast::Subscript::Slice {
                lower_bound,
                upper_bound,
                stride: None,
            }) => {
                self.maybe(lower_bound.as_mut(), names)?;
                self.maybe(upper_bound.as_mut(), names)
            }
            _ => Err(refused(at, "Access to a field")),
        }
    }

    /// A literal, or a parameter, quoted anew.
    fn value(&self, value: &mut ValueWithSpan) -> Result<(), Diagnostic> {
        let at = Position::from(value.span.start);
        let text = match &value.value {
            Value::Null | Value::Boolean(_) => return Ok(()),
            Value::Number(number, false)
                if number.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) =>
            {
                return Ok(());
            }
            Value::SingleQuotedString(text)
            | Value::EscapedStringLiteral(text)
            | Value::UnicodeStringLiteral(text) => text,
            Value::DollarQuotedString(text) => &text.value,
            Value::Placeholder(sign) => {
                value.value = Value::Placeholder(self.parameter(sign, at)?);
                return Ok(());
            }
            _ => return Err(refused(at, "This kind of literal")),
        };
        if text.contains('\0') {
            return Err(Diagnostic::invalid(at, "A text holds the character U+0000"));
        }
        // A placeholder is printed as it stands.
        value.value = Value::Placeholder(quote_text(text));
        Ok(())
    }

    fn parameter(&self, sign: &str, at: Position) -> Result<String, Diagnostic> {
        let Some(name) = sign.strip_prefix('@') else {
            return Err(refused(at, format!("The parameter {sign}")).advise("write @name"));
        };
        let text = match self.parameters.named(name).map(|parameter| &parameter.value) {
            None | Some(Json::Null) => return Ok(NULL_TEXT.to_owned()),
            Some(Json::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        if text.contains('\0') {
            let message = format!("The parameter {name} holds the character U+0000");
            return Err(Diagnostic::invalid(at, message));
        }
        Ok(format!("({}::text)", quote_text(&text)))
    }

    fn call(&mut self, call: &mut ast::Function, names: &Names<'_>) -> Result<(), Diagnostic> {
        let at = call.name.span().start;
        let ast::Function {
            name,
            uses_odbc_syntax: false,
            parameters: ast::FunctionArguments::None,
            args,
            within_group,
            filter,
            null_treatment: None,
            over,
        } = call
        else {
            return Err(refused(at, "This kind of call"));
        };
        match args {
            ast::FunctionArguments::None => functions::bare(name)?,
            // `array(select …)`
            ast::FunctionArguments::Subquery(query) => {
                if name.to_string().eq_ignore_ascii_case("array") {
                    *name = ast::Ident::new("array").into();
                } else {
                    functions::any(name)?;
                }
                self.query(query, names)?;
            }
            ast::FunctionArguments::List(list) => {
                functions::any(name)?;
                let ast::FunctionArgumentList { duplicate_treatment: _, args, clauses } = list;
                self.arguments(args, names)?;
                for clause in clauses {
                    match clause {
                        ast::FunctionArgumentClause::OrderBy(keys) => {
                            self.sort_keys(keys, names)?;
                        }
                        _ => return Err(refused(at, "A clause of this call")),
                    }
                }
            }
        }
        self.sort_keys(within_group, names)?;
        self.maybe(filter.as_deref_mut(), names)?;
        match over {
            None => Ok(()),
            Some(ast::WindowType::NamedWindow(name)) => {
                quote(name);
                Ok(())
            }
            Some(ast::WindowType::WindowSpec(window)) => self.window(window, names),
        }
    }

    pub(super) fn arguments(
        &mut self,
        arguments: &mut [ast::FunctionArg],
        names: &Names<'_>,
    ) -> Result<(), Diagnostic> {
        for argument in arguments {
            match argument {
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => {
                    self.expr(expr, names)?;
                }
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Wildcard) => {}
                _ => return Err(refused(Position::default(), "This kind of argument")),
            }
        }
        Ok(())
    }
}

/// Operators that are sqlparser's own words; one that it only passes on could be anything.
fn operator(operator: &ast::BinaryOperator, at: Position) -> Result<(), Diagnostic> {
    use ast::BinaryOperator as B;
    let known = matches!(
        operator,
        B::Plus
            | B::Minus
            | B::Multiply
            | B::Divide
            | B::Modulo
            | B::StringConcat
            | B::Gt
            | B::Lt
            | B::GtEq
            | B::LtEq
            | B::Eq
            | B::NotEq
            | B::And
            | B::Or
            | B::BitwiseOr
            | B::BitwiseAnd
            | B::PGBitwiseXor
            | B::PGBitwiseShiftLeft
            | B::PGBitwiseShiftRight
            | B::PGExp
            | B::PGOverlap
            | B::PGRegexMatch
            | B::PGRegexIMatch
            | B::PGRegexNotMatch
            | B::PGRegexNotIMatch
            | B::PGLikeMatch
            | B::PGILikeMatch
            | B::PGNotLikeMatch
            | B::PGNotILikeMatch
            | B::PGStartsWith
            | B::Arrow
            | B::LongArrow
            | B::HashArrow
            | B::HashLongArrow
            | B::HashMinus
            | B::AtAt
            | B::AtArrow
            | B::ArrowAt
            | B::AtQuestion
            | B::Question
            | B::QuestionAnd
            | B::QuestionPipe
    );
    if known { Ok(()) } else { Err(refused(at, format!("The operator {operator}"))) }
}

fn part_of_time(field: &ast::DateTimeField, at: Position) -> Result<(), Diagnostic> {
    match field {
        ast::DateTimeField::Custom(_) | ast::DateTimeField::Week(Some(_)) => {
            Err(refused(at, format!("The part {field}")))
        }
        _ => Ok(()),
    }
}
