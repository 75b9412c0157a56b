//! Text to syntax tree: limits, parameters, one query and nothing else.

use sqlparser::{
    ast,
    dialect::PostgreSqlDialect,
    keywords::Keyword,
    parser::Parser,
    tokenizer::{Token, TokenWithSpan, Tokenizer, Word},
};

use crate::{
    Diagnostic, Position,
    syntax::{self, MAX_BYTES, MAX_DEPTH, MAX_TOKENS},
};

/// Parses one query.
pub(super) fn parse(sql: &str) -> Result<ast::Query, Diagnostic> {
    let nowhere = Position::default();
    if sql.len() > MAX_BYTES {
        let message =
            format!("The query is too long: {} bytes, at most {MAX_BYTES} are allowed", sql.len());
        return Err(Diagnostic::refused(nowhere, message));
    }
    if sql.contains('\0') {
        return Err(Diagnostic::invalid(nowhere, "The query holds the character U+0000"));
    }
    let tokens = with_parameters(tokenize(sql)?);
    let mut parser = Parser::new(&PostgreSqlDialect {})
        .with_recursion_limit(MAX_DEPTH)
        .with_tokens_with_locations(tokens);
    while parser.consume_token(&Token::SemiColon) {}
    let start = parser.peek_token_ref().clone();
    let at = Position::from(start.span.start);
    match &start.token {
        Token::EOF => return Err(Diagnostic::invalid(at, "Query cannot be empty")),
        Token::LParen => {}
        Token::Word(word) if matches!(word.keyword, Keyword::SELECT | Keyword::WITH) => {}
        _ => return Err(Diagnostic::refused(at, "Only SELECT queries allowed")),
    }
    let query = parser
        .parse_query()
        .map_err(|error| syntax::at_end(syntax::syntax_error(error, &parser), sql))?;
    let mut ended = false;
    while parser.consume_token(&Token::SemiColon) {
        ended = true;
    }
    let next = parser.peek_token_ref();
    match &next.token {
        Token::EOF => Ok(*query),
        _ if ended => {
            let diagnostic =
                Diagnostic::refused(next.span.start.into(), "Only singular query allowed");
            Err(diagnostic.advise("remove what follows the first query"))
        }
        token => {
            let message =
                format!("Syntax error: Expected end of input but got {}", syntax::describe(token));
            Err(Diagnostic::invalid(next.span.start.into(), message))
        }
    }
}

fn tokenize(sql: &str) -> Result<Vec<TokenWithSpan>, Diagnostic> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location();
    let tokens = tokens.map_err(|error| {
        Diagnostic::invalid(error.location.into(), format!("Syntax error: {}", error.message))
    })?;
    if tokens.len() > MAX_TOKENS {
        let message =
            format!("The query is too long: at most {MAX_TOKENS} words and signs are allowed");
        return Err(Diagnostic::refused(Position::default(), message));
    }
    Ok(tokens)
}

/// `@` with a name right behind it is a parameter, not an operator.
fn with_parameters(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut read: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    for token in tokens {
        let name = match &token.token {
            Token::Word(Word { value, quote_style: None, .. }) => Some(value),
            _ => None,
        };
        if let Some(name) = name
            && let Some(sign) = read.last_mut()
            && sign.token == Token::AtSign
            && sign.span.end == token.span.start
        {
            sign.token = Token::Placeholder(format!("@{name}"));
            sign.span.end = token.span.end;
            continue;
        }
        read.push(token);
    }
    read
}
