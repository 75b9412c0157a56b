//! A query's tokens, written so that BigQuery reads them as they were read here.

use sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace, Word};

use super::Replacement;
use crate::{
    diagnostic::{Diagnostic, Position},
    syntax,
};

/// The tokens of a text, without what follows its query.
pub(super) struct Tokens(Vec<TokenWithSpan>);

impl Tokens {
    pub(super) fn of(text: &str) -> Result<Self, Diagnostic> {
        let mut tokens = syntax::written_tokens(text)?;
        let ends = |token: &TokenWithSpan| {
            matches!(token.token, Token::Whitespace(_) | Token::SemiColon | Token::EOF)
        };
        while tokens.pop_if(|token| ends(token)).is_some() {}
        Ok(Self(tokens))
    }

    /// Writes those between two places, or all, with what stands for names; `names` gets the
    /// parameters.
    pub(super) fn write(
        &self,
        between: Option<(Position, Position)>,
        replaced: &[Replacement],
        out: &mut String,
        names: &mut Vec<String>,
    ) -> Result<(), Diagnostic> {
        let mut replaced = replaced.iter().peekable();
        let mut covered = Position::default();
        for token in &self.0 {
            let at = Position::from(token.span.start);
            if at < covered || between.is_some_and(|(from, to)| at < from || at >= to) {
                continue;
            }
            while replaced.next_if(|replacement| replacement.start < at).is_some() {}
            if let Some(replacement) = replaced.next_if(|replacement| replacement.start == at) {
                out.push_str(&replacement.text);
                covered = replacement.end;
                continue;
            }
            note_parameter(&token.token, names);
            if !push_token(&token.token, out) {
                let message = format!("a {:?} cannot be written for BigQuery", token.token);
                return Err(Diagnostic::internal(at, message));
            }
        }
        Ok(())
    }
}

fn note_parameter(token: &Token, names: &mut Vec<String>) {
    let Token::Word(Word { value, quote_style: None, .. }) = token else { return };
    let Some(name) = value.strip_prefix('@') else { return };
    if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        names.push(name.to_owned());
    }
}

/// `false` for a token that BigQuery's queries do not have.
fn push_token(token: &Token, out: &mut String) -> bool {
    match token {
        Token::Word(Word { value, quote_style: None, .. }) => out.push_str(value),
        Token::Word(Word { value, quote_style: Some('`'), .. }) => push_name(value, out),
        Token::Number(number, false) => out.push_str(number),
        Token::SingleQuotedString(text) => push_quoted(text, '\'', out),
        Token::SingleQuotedByteStringLiteral(digits) => {
            let Some(bytes) = syntax::bytes_of(digits) else { return false };
            out.push_str("b'");
            out.extend(bytes.iter().map(|byte| format!("\\x{byte:02x}")));
            out.push('\'');
        }
        Token::HexStringLiteral(digits) => out.extend(["0x", digits]),
        Token::Whitespace(space) => push_space(space, out),
        Token::Placeholder(_) => out.push('?'),
        Token::Comma
        | Token::Eq
        | Token::Neq
        | Token::Lt
        | Token::Gt
        | Token::LtEq
        | Token::GtEq
        | Token::Plus
        | Token::Minus
        | Token::Mul
        | Token::Div
        | Token::Mod
        | Token::StringConcat
        | Token::LParen
        | Token::RParen
        | Token::Period
        | Token::LBracket
        | Token::RBracket
        | Token::Ampersand
        | Token::Pipe
        | Token::Caret
        | Token::Tilde
        | Token::ShiftLeft
        | Token::ShiftRight
        | Token::RArrow
        | Token::VerticalBarRightAngleBracket => out.push_str(&token.to_string()),
        _ => return false,
    }
    true
}

/// Lines stay lines, so that BigQuery's errors name places of the text.
fn push_space(space: &Whitespace, out: &mut String) {
    match space {
        Whitespace::Space | Whitespace::Tab => out.push(' '),
        Whitespace::Newline => out.push('\n'),
        // The end of its line may be a token of its own.
        Whitespace::SingleLineComment { comment, .. } => {
            out.push_str(if comment.ends_with('\n') { "\n" } else { "" });
        }
        Whitespace::MultiLineComment(comment) => {
            let lines = comment.matches('\n').count();
            out.push_str(if lines == 0 { " " } else { "" });
            out.extend(std::iter::repeat_n('\n', lines));
        }
    }
}

/// A name in backquotes.
pub(super) fn push_name(name: &str, out: &mut String) {
    push_quoted(name, '`', out);
}

fn push_quoted(text: &str, quote: char, out: &mut String) {
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if c == quote => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push(quote);
}
