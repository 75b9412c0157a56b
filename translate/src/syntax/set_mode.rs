//! How columns of a set operation are matched by their names, which sqlparser does not read:
//! `FULL OUTER UNION ALL BY NAME`, `UNION ALL CORRESPONDING`.
//!
//! The words before and after become those that it knows, and the mode an operand of its own:
//! `a UNION ALL BY NAME TABLE FULL UNION ALL BY NAME b`.

use sqlparser::{
    ast,
    keywords::Keyword,
    tokenizer::{Token, TokenWithSpan, Word},
};

/// What becomes of columns that only one side has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetMode {
    /// There are none.
    Strict,
    /// They are left out.
    Inner,
    /// Those of the first are kept.
    Left,
    /// All are kept.
    Full,
}

/// The mode of an operand that stands for one.
pub(crate) fn mode_of(operand: &ast::SetExpr) -> Option<SetMode> {
    let ast::SetExpr::Table(table) = operand else { return None };
    Some(match table.table_name.as_ref()?.value.as_str() {
        "STRICT" => SetMode::Strict,
        "INNER" => SetMode::Inner,
        "LEFT" => SetMode::Left,
        "FULL" => SetMode::Full,
        _ => return None,
    })
}

/// Rewrites the tokens of a text.
pub(super) fn repair(tokens: &mut Vec<TokenWithSpan>) {
    let mut place = 0;
    while place < tokens.len() {
        place += 1;
        let at = place - 1;
        let keyword = keyword(tokens.get(at));
        if !matches!(keyword, Some(Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT)) {
            continue;
        }
        let words = words_from(tokens, at);
        let word = |nth: usize| words.get(nth).and_then(|at| spelled(tokens.get(*at)));
        let quantified = matches!(word(1).as_deref(), Some("ALL" | "DISTINCT"));
        // The last word of the matching, and the mode where it names one.
        let (last, mut mode) = match (word(2).as_deref(), word(3).as_deref()) {
            _ if !quantified => continue,
            (Some("BY"), Some("NAME")) => (3, None),
            (Some("CORRESPONDING"), _) => (2, Some("INNER")),
            (Some("STRICT"), Some("CORRESPONDING")) => (3, Some("STRICT")),
            _ => continue,
        };
        let before = words_before(tokens, at);
        let first = match before.as_slice() {
            [(_, "OUTER"), (full, side @ ("FULL" | "LEFT"))] => {
                mode = Some(side);
                *full
            }
            [(side, name @ ("FULL" | "LEFT" | "INNER")), ..] => {
                mode = Some(name);
                *side
            }
            _ => at,
        };
        let Some(mode) = mode else { continue };
        let (Some(quantifier), Some(end)) = (words.get(1), words.get(last)) else { continue };
        let (operator, quantifier) = (tokens[at].clone(), tokens[*quantifier].clone());
        let word = |text: &str, keyword| {
            let word = Word { value: text.to_owned(), quote_style: None, keyword };
            TokenWithSpan::new(Token::Word(word), operator.span)
        };
        let by_name = [word("BY", Keyword::BY), word("NAME", Keyword::NAME)];
        let operation = [operator.clone(), quantifier].into_iter().chain(by_name);
        let marker = [word("TABLE", Keyword::TABLE), word(mode, Keyword::NoKeyword)];
        let rewritten: Vec<_> = operation.clone().chain(marker).chain(operation).collect();
        let length = rewritten.len();
        tokens.splice(first..=*end, rewritten);
        place = first + length;
    }
}

fn keyword(token: Option<&TokenWithSpan>) -> Option<Keyword> {
    match &token?.token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    }
}

fn spelled(token: Option<&TokenWithSpan>) -> Option<String> {
    match &token?.token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_ascii_uppercase()),
        _ => None,
    }
}

/// The places of a word and of the three that follow it.
fn words_from(tokens: &[TokenWithSpan], at: usize) -> Vec<usize> {
    let seen = |(_, token): &(usize, &TokenWithSpan)| !matches!(token.token, Token::Whitespace(_));
    tokens.iter().enumerate().skip(at).filter(seen).map(|(place, _)| place).take(4).collect()
}

/// The two words before a place, the nearest first, where they may say how columns are matched.
fn words_before(tokens: &[TokenWithSpan], at: usize) -> Vec<(usize, &'static str)> {
    let seen = |(_, token): &(usize, &TokenWithSpan)| !matches!(token.token, Token::Whitespace(_));
    let before = tokens.iter().enumerate().take(at).rev().filter(seen).take(2);
    let named = before.map_while(|(place, token)| {
        let word = spelled(Some(token))?;
        let known = ["OUTER", "FULL", "LEFT", "INNER"].into_iter().find(|name| *name == word)?;
        Some((place, known))
    });
    named.collect()
}
