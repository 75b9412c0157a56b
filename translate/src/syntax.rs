//! Text to syntax tree: limits, literals, one query and nothing else.

mod set_mode;

pub(crate) use set_mode::{SetMode, mode_of};

use sqlparser::{
    ast,
    keywords::Keyword,
    parser::{Parser, ParserError},
    tokenizer::{Token, TokenWithSpan, Tokenizer, Word},
};

use crate::{
    diagnostic::{Diagnostic, Position},
    dialect::{BigQuery, PIPE_DISTINCT},
    literal::{self, Literal},
};

/// Longest query text, in bytes. Studio's longest has 9 kB.
pub(crate) const MAX_BYTES: usize = 256 * 1024;
/// Most tokens: bounds the work, and the depth of what left-associative operators build.
pub(crate) const MAX_TOKENS: usize = 20_000;
/// Deepest nesting of parentheses, sub-queries and function calls.
pub(crate) const MAX_DEPTH: usize = 100;

/// Parses one query.
pub(crate) fn parse(sql: &str) -> Result<ast::Query, Diagnostic> {
    if sql.len() > MAX_BYTES {
        return Err(Diagnostic::refused(
            Position::default(),
            format!("The query is too long: {} bytes, at most {MAX_BYTES} are allowed", sql.len()),
        ));
    }
    if sql.contains('\0') {
        // PostgreSQL would take it for the end of the text.
        return Err(Diagnostic::invalid(
            Position::default(),
            "The query holds the character U+0000",
        ));
    }
    let tokens = tokenize(sql)?;
    let start = tokens.iter().find(|t| !matches!(t.token, Token::Whitespace(_)));
    let Some(start) = start.map(|t| Position::from(t.span.start)) else {
        return Err(Diagnostic::invalid(Position::default(), "Query cannot be empty"));
    };
    let dialect = BigQuery::default();
    let mut parser =
        Parser::new(&dialect).with_recursion_limit(MAX_DEPTH).with_tokens_with_locations(tokens);
    let mut query = None;
    loop {
        while parser.consume_token(&Token::SemiColon) {}
        if parser.peek_token_ref().token == Token::EOF {
            break;
        }
        let at = Position::from(parser.peek_token_ref().span.start);
        if query.is_some() {
            return Err(Diagnostic::refused(at, "Only singular query allowed")
                .advise("remove what follows the first query"));
        }
        query = Some(parse_query(&mut parser, at).map_err(|error| {
            if dialect.gave_up() {
                let message = "The query has calls in each other that take too long to read";
                let advice = "write the inner ones in a WITH subquery";
                return Diagnostic::refused(error.at, message).advise(advice);
            }
            at_end(error, sql)
        })?);
        let next = parser.peek_token_ref();
        if !matches!(next.token, Token::SemiColon | Token::EOF) {
            let message =
                format!("Syntax error: Expected end of input but got {}", describe(&next.token));
            return Err(Diagnostic::invalid(next.span.start.into(), message));
        }
    }
    query.ok_or_else(|| Diagnostic::invalid(start, "Query cannot be empty"))
}

/// Names of the parameters (`@name`) of a text that [`parse`] takes, in the order in which they
/// come first.
pub(crate) fn parameter_names(sql: &str) -> Result<Vec<String>, Diagnostic> {
    let mut names: Vec<String> = Vec::new();
    for token in tokenize(sql)? {
        let Token::Word(Word { value, quote_style: None, .. }) = token.token else { continue };
        let Some(name) = value.strip_prefix('@').filter(|name| !name.starts_with('@')) else {
            continue;
        };
        if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

fn parse_query(parser: &mut Parser<'_>, at: Position) -> Result<ast::Query, Diagnostic> {
    let starts_query = match &parser.peek_token_ref().token {
        Token::LParen => true,
        Token::Word(word) => {
            matches!(word.keyword, Keyword::SELECT | Keyword::WITH | Keyword::FROM)
        }
        _ => false,
    };
    if !starts_query {
        return Err(Diagnostic::refused(at, "Only SELECT queries allowed"));
    }
    parser.parse_query().map(|query| *query).map_err(|error| syntax_error(error, parser))
}

/// A mistake without a place is one at the end of the text.
pub(crate) fn at_end(mut error: Diagnostic, sql: &str) -> Diagnostic {
    if error.at == Position::default() {
        let text = sql.trim_end();
        let last = text.rsplit('\n').next().unwrap_or_default();
        let line = text.matches('\n').count() as u64 + 1;
        error.at = Position { line, column: last.chars().count() as u64 + 1 };
    }
    error
}

fn tokenize(sql: &str) -> Result<Vec<TokenWithSpan>, Diagnostic> {
    let mut tokens = written_tokens(sql)?;
    repair_pipes(&mut tokens);
    set_mode::repair(&mut tokens);
    Ok(tokens)
}

/// Tokens of the text as they are written, its literals with their true values.
pub(crate) fn written_tokens(sql: &str) -> Result<Vec<TokenWithSpan>, Diagnostic> {
    let blanked = literal::blank(sql)?;
    let mut tokens = Tokenizer::new(&BigQuery::default(), &blanked.text)
        .tokenize_with_location()
        .map_err(|error| {
        Diagnostic::invalid(error.location.into(), format!("Syntax error: {}", error.message))
    })?;
    if tokens.len() > MAX_TOKENS {
        return Err(Diagnostic::refused(
            Position::default(),
            format!("The query is too long: at most {MAX_TOKENS} words and signs are allowed"),
        ));
    }
    let mut replaced = 0;
    let mut parameters = 0;
    for token in &mut tokens {
        let start = token.span.start;
        if let Token::Placeholder(sign) = &mut token.token
            && sign == "?"
        {
            parameters += 1;
            *sign = format!("?{parameters}");
        }
        if let Token::SingleQuotedString(_) = token.token {
            match blanked.literals.get(&(start.line, start.column)) {
                Some(Literal::Text(text)) => {
                    token.token = Token::SingleQuotedString(text.clone());
                    replaced += 1;
                }
                Some(Literal::Bytes(bytes)) => {
                    token.token = Token::SingleQuotedByteStringLiteral(hexadecimal(bytes));
                    replaced += 1;
                }
                None => {
                    return Err(Diagnostic::internal(
                        start.into(),
                        "a literal was lost while reading",
                    ));
                }
            }
        }
    }
    // Two literals without a blank between them would have run together.
    if replaced != blanked.literals.len() {
        return Err(Diagnostic::invalid(
            Position::default(),
            "Syntax error: a blank is missing between two strings",
        ));
    }
    Ok(tokens)
}

/// Pipe operators that sqlparser does not know become others: `|> WINDOW` is EXTEND, `|> DISTINCT`
/// an alias that only it can have.
fn repair_pipes(tokens: &mut Vec<TokenWithSpan>) {
    let word = |text: &str, quote_style, keyword| {
        Token::Word(Word { value: text.to_owned(), quote_style, keyword })
    };
    let mut place = 0;
    while place < tokens.len() {
        let follows = tokens[place].token == Token::VerticalBarRightAngleBracket;
        place += 1;
        if !follows {
            continue;
        }
        while tokens.get(place).is_some_and(|t| matches!(t.token, Token::Whitespace(_))) {
            place += 1;
        }
        let Some(TokenWithSpan { token: Token::Word(operator), span }) = tokens.get(place) else {
            continue;
        };
        let span = *span;
        match operator.value.to_ascii_uppercase().as_str() {
            "WINDOW" => tokens[place].token = word("EXTEND", None, Keyword::EXTEND),
            "DISTINCT" => {
                tokens[place].token = word("AS", None, Keyword::AS);
                let alias = word(PIPE_DISTINCT, Some('`'), Keyword::NoKeyword);
                tokens.insert(place + 1, TokenWithSpan::new(alias, span));
            }
            _ => {}
        }
    }
}

/// Bytes in the form in which tokens and the tree hold them: they may be no UTF-8.
fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads what [`hexadecimal`] wrote.
pub(crate) fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// sqlparser puts the place at the end of its text; ours has a field for it.
pub(crate) fn syntax_error(error: ParserError, parser: &Parser<'_>) -> Diagnostic {
    let here = Position::from(parser.peek_token_ref().span.start);
    match error {
        ParserError::RecursionLimitExceeded => Diagnostic::refused(
            here,
            format!("The query is nested too deeply, at most {MAX_DEPTH} levels are allowed"),
        ),
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => {
            let (message, at) = match text.rsplit_once(" at Line: ") {
                Some((message, place)) => (message.to_owned(), position(place).unwrap_or(here)),
                None => (text, here),
            };
            Diagnostic::invalid(at, format!("Syntax error: {}", in_bigquerys_words(&message)))
        }
    }
}

/// `Expected "," but got keyword AS` for sqlparser's `Expected: ), found: AS`.
fn in_bigquerys_words(message: &str) -> String {
    let Some((expected, found)) =
        message.strip_prefix("Expected").and_then(|rest| rest.split_once(", found: "))
    else {
        return message.to_owned();
    };
    let expected = expected.trim_start_matches([':', ' ']);
    let token = Tokenizer::new(&BigQuery::default(), found).tokenize().ok();
    let got = match token.as_deref() {
        Some([token]) => describe(token),
        _ if found == "EOF" => "end of script".to_owned(),
        _ => format!("\"{found}\""),
    };
    let signs = |text: &str| !text.is_empty() && text.chars().all(|c| !c.is_alphanumeric());
    match expected {
        // A parenthesis may hold a STRUCT: then a comma could follow as well.
        ")" if found.eq_ignore_ascii_case("AS") => format!("Expected \",\" but got {got}"),
        expected if signs(expected) && !expected.contains(' ') => {
            format!("Expected \"{expected}\" but got {got}")
        }
        expected if expected.starts_with("an expression") => format!("Unexpected {got}"),
        expected => format!("Expected {expected} but got {got}"),
    }
}

/// Reads `3, Column: 14`.
fn position(place: &str) -> Option<Position> {
    let (line, column) = place.split_once(", Column: ")?;
    Some(Position { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? })
}

pub(crate) fn describe(token: &Token) -> String {
    match token {
        Token::Word(word) if word.keyword != Keyword::NoKeyword => {
            format!("keyword {}", word.value.to_ascii_uppercase())
        }
        Token::Word(word) => format!("identifier \"{}\"", word.value),
        Token::Number(number, _) if number.contains(['.', 'e', 'E']) => {
            format!("floating point literal \"{number}\"")
        }
        Token::Number(number, _) => format!("integer literal \"{number}\""),
        Token::SingleQuotedString(text) => format!("string literal \"{text}\""),
        Token::EOF => "end of script".to_owned(),
        other => format!("\"{other}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(sql: &str) -> String {
        parse(sql).unwrap_err().to_string()
    }

    #[test]
    fn takes_one_query() {
        for sql in
            ["select 1", "\n-- c\nselect 1;", "(select 1);;", "with a as (select 1) select 2"]
        {
            parse(sql).unwrap();
        }
        assert_eq!(
            refusal("select 1; select 2"),
            "Only singular query allowed at [1:11]; remove what follows the first query"
        );
        assert_eq!(refusal("delete from x"), "Only SELECT queries allowed at [1:1]");
        assert_eq!(refusal(" -- nothing\n ;"), "Query cannot be empty at [2:2]");
        assert_eq!(refusal("select `a\0b`"), "The query holds the character U+0000");
        assert_eq!(refusal(""), "Query cannot be empty");
        assert_eq!(
            refusal("select 1 2"),
            "Syntax error: Expected end of input but got integer literal \"2\" at [1:10]"
        );
        assert_eq!(refusal("select from where"), "Syntax error: Unexpected keyword FROM at [1:13]");
    }

    #[test]
    fn has_limits() {
        let deep = format!("select {}1{}", "(".repeat(10_000), ")".repeat(10_000));
        assert!(refusal(&deep).starts_with("The query is"), "{}", refusal(&deep));
        assert!(refusal(&"x".repeat(1 << 20)).starts_with("The query is too long"));
        assert!(
            refusal(&format!("select 1{}", "+1".repeat(100_000)))
                .starts_with("The query is too long")
        );
    }
}
