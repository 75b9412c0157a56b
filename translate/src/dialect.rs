//! BigQuery's grammar where sqlparser's reading of it is not BigQuery's.
//!
//! sqlparser reads `ARRAY<INT64>[1]` as a chain of comparisons, fails at `STRUCT<a ARRAY<INT64>>(…)`
//! and at shifts, and binds some operators otherwise.

use std::{any::TypeId, cell::Cell};

use sqlparser::{
    ast,
    dialect::{BigQueryDialect, Dialect},
    keywords::Keyword,
    parser::{Parser, ParserError},
    tokenizer::Token,
};

use crate::syntax::MAX_TOKENS;

#[derive(Debug, Default)]
pub(crate) struct BigQuery {
    /// Expressions that were begun. sqlparser tries several readings of some, and of what is in them with
    /// each: nested ones would take twice as long with each level.
    begun: Cell<usize>,
}

impl BigQuery {
    /// Whether the parser took too long.
    pub(crate) fn gave_up(&self) -> bool {
        self.begun.get() > MAX_BEGUN
    }
}

/// Most expressions that are begun: many more than a query can have.
const MAX_BEGUN: usize = 10 * MAX_TOKENS;

impl Dialect for BigQuery {
    fn dialect(&self) -> TypeId {
        BigQueryDialect.dialect()
    }

    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<ast::Expr, ParserError>> {
        self.begun.set(self.begun.get() + 1);
        if self.gave_up() {
            // No other reading is tried after this error.
            return Some(Err(ParserError::RecursionLimitExceeded));
        }
        let Token::Word(word) = &parser.peek_nth_token_ref(0).token else { return None };
        let keyword = word.keyword;
        if parser.peek_nth_token_ref(1).token != Token::Lt {
            return None;
        }
        match keyword {
            Keyword::ARRAY => Some(typed_array(parser)),
            Keyword::STRUCT => Some(typed_struct(parser)),
            _ => None,
        }
    }

    fn parse_infix(
        &self,
        parser: &mut Parser<'_>,
        left: &ast::Expr,
        _precedence: u8,
    ) -> Option<Result<ast::Expr, ParserError>> {
        let word = |place| match &parser.peek_nth_token_ref(place).token {
            Token::Word(word) if word.quote_style.is_none() => {
                Some(word.value.to_ascii_uppercase())
            }
            _ => None,
        };
        if word(0).as_deref() != Some("LIKE") {
            return None;
        }
        let any = match word(1)?.as_str() {
            "ANY" | "SOME" => true,
            "ALL" => false,
            _ => return None,
        };
        parser.advance_token();
        parser.advance_token();
        Some(like_several(parser, left, any))
    }

    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        match parser.peek_token_ref().token {
            Token::ShiftLeft | Token::ShiftRight => Some(Ok(SHIFT)),
            Token::StringConcat => Some(Ok(PRODUCT)),
            _ => None,
        }
    }

    fn supports_bitwise_shift_operators(&self) -> bool {
        true
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        BigQueryDialect.is_delimited_identifier_start(ch)
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        BigQueryDialect.identifier_quote_style(identifier)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        BigQueryDialect.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        BigQueryDialect.is_identifier_part(ch)
    }

    fn is_column_alias(&self, keyword: &Keyword, parser: &mut Parser<'_>) -> bool {
        BigQueryDialect.is_column_alias(keyword, parser)
    }

    fn supports_hash_comment(&self) -> bool {
        true
    }

    fn supports_projection_trailing_commas(&self) -> bool {
        true
    }

    fn supports_triple_quoted_string(&self) -> bool {
        true
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        true
    }

    fn supports_string_literal_backslash_escape(&self) -> bool {
        true
    }

    fn supports_window_clause_named_window_reference(&self) -> bool {
        true
    }

    fn supports_select_wildcard_except(&self) -> bool {
        true
    }

    fn supports_select_wildcard_replace(&self) -> bool {
        true
    }

    fn require_interval_qualifier(&self) -> bool {
        true
    }

    fn supports_struct_literal(&self) -> bool {
        true
    }

    fn supports_select_expr_star(&self) -> bool {
        true
    }

    fn supports_from_first_select(&self) -> bool {
        true
    }

    fn supports_table_versioning(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_pipe_operator(&self) -> bool {
        true
    }

    fn supports_comma_separated_trim(&self) -> bool {
        true
    }
}

/// What stands for DISTINCT in `|> DISTINCT`, which sqlparser does not know.
pub(crate) const PIPE_DISTINCT: &str = "|> DISTINCT";

/// As `*` and `/`.
const PRODUCT: u8 = 40;
/// Between `+` (30) and `&` (23).
const SHIFT: u8 = 25;

/// `ARRAY<T>[…]`, as `[…]::ARRAY<T>`.
fn typed_array(parser: &mut Parser<'_>) -> Result<ast::Expr, ParserError> {
    let data_type = parser.parse_data_type()?;
    parser.expect_token(&Token::LBracket)?;
    let elem = parser.parse_comma_separated0(Parser::parse_expr, Token::RBracket)?;
    parser.expect_token(&Token::RBracket)?;
    Ok(ast::Expr::Cast {
        kind: ast::CastKind::DoubleColon,
        expr: Box::new(ast::Expr::Array(ast::Array { elem, named: true })),
        data_type,
        format: None,
    })
}

/// `(a, b)` or `UNNEST(array)` after `x LIKE ANY`; the latter is held as a nested expression.
fn like_several(
    parser: &mut Parser<'_>,
    left: &ast::Expr,
    any: bool,
) -> Result<ast::Expr, ParserError> {
    let unnest = parser.parse_keyword(Keyword::UNNEST);
    parser.expect_token(&Token::LParen)?;
    let right = if unnest {
        ast::Expr::Nested(Box::new(parser.parse_expr()?))
    } else {
        ast::Expr::Tuple(parser.parse_comma_separated(Parser::parse_expr)?)
    };
    parser.expect_token(&Token::RParen)?;
    let (left, right) = (Box::new(left.clone()), Box::new(right));
    let compare_op = ast::BinaryOperator::PGLikeMatch;
    Ok(if any {
        ast::Expr::AnyOp { left, compare_op, right, is_some: false }
    } else {
        ast::Expr::AllOp { left, compare_op, right }
    })
}

/// `STRUCT<a T, …>(…)`
fn typed_struct(parser: &mut Parser<'_>) -> Result<ast::Expr, ParserError> {
    let ast::DataType::Struct(fields, _) = parser.parse_data_type()? else {
        return parser.expected_ref("the fields of a STRUCT", parser.peek_token_ref());
    };
    parser.expect_token(&Token::LParen)?;
    let values = parser.parse_comma_separated0(Parser::parse_expr, Token::RParen)?;
    parser.expect_token(&Token::RParen)?;
    Ok(ast::Expr::Struct { values, fields })
}
