//! BigQuery's tokens, as far as statements of a setup need to be taken apart.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword, or a name without quotes.
    Word,
    /// A name in backticks.
    Quoted,
    /// A literal of text or bytes, with its prefix and quotes.
    Text,
    /// Digits and what belongs to them.
    Number,
    /// One character.
    Symbol,
}

/// A token and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'s> {
    pub(super) kind: Kind,
    pub(super) text: &'s str,
    /// The byte at which it begins.
    pub(super) start: usize,
}

impl Token<'_> {
    /// The byte behind it.
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Whether it is this keyword, in capitals, or this symbol.
    pub(super) fn is(&self, expected: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Symbol) && self.text.eq_ignore_ascii_case(expected)
    }
}

/// The tokens of a text; comments are left out. What is not closed goes to the end.
pub(super) fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = sql[at..].chars().next() {
        let rest = &sql[at..];
        let (kind, length) = if first.is_whitespace() {
            (None, first.len_utf8())
        } else if rest.starts_with("--") || first == '#' {
            (None, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (None, rest.find("*/").map_or(rest.len(), |end| end + 2))
        } else if let Some(length) = text_length(rest) {
            (Some(Kind::Text), length)
        } else if first == '`' {
            (Some(Kind::Quoted), rest[1..].find('`').map_or(rest.len(), |end| end + 2))
        } else if first.is_ascii_digit() || number_after_point(rest, found.last()) {
            (Some(Kind::Number), number_length(rest))
        } else if first.is_alphabetic() || first == '_' || first == '@' {
            let word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '@');
            (Some(Kind::Word), rest.find(|letter| !word(letter)).unwrap_or(rest.len()))
        } else {
            (Some(Kind::Symbol), first.len_utf8())
        };
        if let Some(kind) = kind {
            found.push(Token { kind, text: &rest[..length], start: at });
        }
        at += length;
    }
    found
}

/// `.5` is a number, but not in `a.5`.
fn number_after_point(rest: &str, before: Option<&Token<'_>>) -> bool {
    let digit =
        rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    digit && !before.is_some_and(|token| matches!(token.kind, Kind::Word | Kind::Quoted))
}

fn number_length(rest: &str) -> usize {
    if rest.starts_with("0x") || rest.starts_with("0X") {
        let digits = rest[2..].find(|c: char| !c.is_ascii_hexdigit());
        return digits.map_or(rest.len(), |digits| digits + 2);
    }
    let mut before = ' ';
    let belongs = |letter: char| {
        let sign = matches!(letter, '+' | '-') && matches!(before, 'e' | 'E');
        before = letter;
        letter.is_ascii_digit() || matches!(letter, '.' | 'e' | 'E') || sign
    };
    let mut belongs = belongs;
    rest.find(|letter| !belongs(letter)).unwrap_or(rest.len())
}

/// The length of a literal of text or bytes at the beginning, prefix and quotes included.
fn text_length(rest: &str) -> Option<usize> {
    let prefix = rest.find(|c: char| !matches!(c, 'r' | 'R' | 'b' | 'B')).filter(|at| *at <= 2)?;
    let body = &rest[prefix..];
    let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| body.starts_with(quote))?;
    let mut at = quote.len();
    while at < body.len() {
        let here = &body[at..];
        if here.starts_with(quote) {
            return Some(prefix + at + quote.len());
        }
        let mut letters = here.chars();
        at += letters.next().map_or(0, char::len_utf8);
        if here.starts_with('\\') {
            at += letters.next().map_or(0, char::len_utf8);
        }
    }
    Some(rest.len())
}

/// The statements of a text, without the semicolons between them.
pub(super) fn statements(sql: &str) -> Vec<&str> {
    let tokens = tokens(sql);
    let parts = tokens.split(|token| token.is(";"));
    parts.filter_map(|part| Some(&sql[part.first()?.start..part.last()?.end()])).collect()
}

/// The parts between commas that stand in no brackets.
pub(super) fn split_at_commas<'t, 's>(tokens: &'t [Token<'s>]) -> Vec<&'t [Token<'s>]> {
    let mut parts = Vec::new();
    let (mut begin, mut brackets, mut angles) = (0, 0, 0);
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        let generic = before.is_some_and(|before| before.is("ARRAY") || before.is("STRUCT"));
        match token.text {
            _ if token.kind != Kind::Symbol => {}
            "(" | "[" | "{" => brackets += 1,
            ")" | "]" | "}" => brackets -= 1,
            "<" if generic => angles += 1,
            ">" if angles > 0 => angles -= 1,
            "," if brackets == 0 && angles == 0 => {
                parts.push(&tokens[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&tokens[begin..]);
    parts.retain(|part| !part.is_empty());
    parts
}

/// Splits after the bracket that closes the one at the beginning: what is inside, what follows.
pub(super) fn bracketed<'t, 's>(
    tokens: &'t [Token<'s>],
) -> Option<(&'t [Token<'s>], &'t [Token<'s>])> {
    if !tokens.first()?.is("(") {
        return None;
    }
    let mut open = 0;
    for (at, token) in tokens.iter().enumerate() {
        open += i32::from(token.is("(")) - i32::from(token.is(")"));
        if open == 0 {
            return Some((&tokens[1..at], &tokens[at + 1..]));
        }
    }
    None
}

/// The names of a list of columns.
pub(super) fn column_words(tokens: &[Token<'_>]) -> Vec<String> {
    let names = tokens.iter().filter(|token| !token.is(","));
    names.map(|token| token.text.trim_matches('`').to_owned()).collect()
}

/// Whether the rows of a query come in an order: its outermost level has ORDER BY.
pub(super) fn is_ordered(sql: &str) -> bool {
    let mut open = 0;
    let mut ordered = false;
    let tokens = tokens(sql);
    for (at, token) in tokens.iter().enumerate() {
        open += i32::from(token.is("(")) - i32::from(token.is(")"));
        let by = tokens.get(at + 1).is_some_and(|next| next.is("BY"));
        // A pipe's later operators keep no order but that of their own.
        ordered |= open == 0 && token.is("ORDER") && by;
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str) -> Vec<&str> {
        tokens(sql).iter().map(|token| token.text).collect()
    }

    #[test]
    fn literals_comments_and_names_are_one_token_each() {
        for (sql, expected) in [
            (
                r#"a -- it's "
             , 'b''c' # x"#,
                vec!["a", ",", "'b'", "'c'"],
            ),
            (r#"r'\' , rb"\"" /* ; */ b'x'"#, vec![r#"r'\' , rb"\"" /* ; */ b'"#, "x", "'"]),
            (r#""a\"b" '''it's''' `d.t`.c"#, vec![r#""a\"b""#, "'''it's'''", "`d.t`", ".", "c"]),
            ("1.5e-3-2 0xFf a.5 .5", vec!["1.5e-3", "-", "2", "0xFf", "a", ".", "5", ".5"]),
            ("@a 'open", vec!["@a", "'open"]),
        ] {
            assert_eq!(texts(sql), expected, "{sql}");
        }
    }

    #[test]
    fn statements_end_at_semicolons_outside_of_literals() {
        let sql = "a ';' ; -- b;\n c (d;e)";
        assert_eq!(statements(sql), ["a ';'", "c (d", "e)"]);
        assert_eq!(statements(" ;; "), Vec::<&str>::new());
    }

    #[test]
    fn commas_in_brackets_and_types_divide_nothing() {
        let sql =
            "a INT64, b STRUCT<x INT64, y ARRAY<STRING>>, NUMERIC(1, 2), [3, 4], 1 < 2, 3 > 1";
        let tokens = tokens(sql);
        let parts: Vec<&str> = split_at_commas(&tokens)
            .iter()
            .map(|part| &sql[part[0].start..part[part.len() - 1].end()])
            .collect();
        assert_eq!(
            parts,
            [
                "a INT64",
                "b STRUCT<x INT64, y ARRAY<STRING>>",
                "NUMERIC(1, 2)",
                "[3, 4]",
                "1 < 2",
                "3 > 1"
            ]
        );
    }

    #[test]
    fn only_the_outermost_order_counts() {
        assert!(is_ordered("select a from t order by a limit 1"));
        assert!(is_ordered("with x as (select 1) (select 1) order\nby 1"));
        assert!(!is_ordered("select array(select a from t order by a) -- order by b"));
        assert!(!is_ordered("select 'order by'"));
    }
}
