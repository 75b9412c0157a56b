//! The statements of a setup.

use super::{
    lexer::{Token, bracketed, column_words, split_at_commas, tokens},
    types::{Type, column_list},
};

/// A statement that makes, fills or removes tables. Names are as written, without backticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Statement<'s> {
    CreateTable {
        table: String,
        columns: Option<Vec<(String, Type)>>,
        query: Option<&'s str>,
    },
    CreateView {
        view: String,
        query: &'s str,
    },
    /// Without a list, `columns` is empty: all of the table's.
    Insert {
        table: String,
        columns: Vec<String>,
        values: Values<'s>,
    },
    /// A table or a view.
    Drop {
        name: String,
    },
    DropColumn {
        table: String,
        column: String,
    },
    Rename {
        table: String,
        name: String,
    },
    AddColumns {
        table: String,
        columns: Vec<(String, Type)>,
    },
    RenameColumn {
        table: String,
        column: String,
        name: String,
    },
    /// A table with the columns of another, and its rows if they are wanted.
    CopyTable {
        table: String,
        of: String,
        rows: bool,
    },
    Update {
        table: String,
        alias: Option<String>,
        /// Names and expressions.
        assignments: Vec<(String, &'s str)>,
        condition: &'s str,
    },
    /// Without a condition: all rows.
    Delete {
        table: String,
        alias: Option<String>,
        condition: Option<&'s str>,
    },
    /// What changes nothing that a query sees, as options.
    Nothing,
}

/// What an INSERT puts in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Values<'s> {
    /// Rows of expressions.
    Rows(Vec<Vec<&'s str>>),
    Query(&'s str),
}

/// Reads a statement.
///
/// # Errors
/// What it is, when it is none of those that a setup can have.
pub(super) fn read(sql: &str) -> Result<Statement<'_>, String> {
    let tokens = tokens(sql);
    let unknown = || {
        let start: String = sql.chars().take(60).collect();
        format!(
            "the runner cannot read `{}`",
            start.split_whitespace().collect::<Vec<_>>().join(" ")
        )
    };
    statement(sql, &tokens).ok_or_else(unknown)
}

fn statement<'s>(sql: &'s str, tokens: &[Token<'s>]) -> Option<Statement<'s>> {
    let rest = |tokens: &[Token<'s>]| Some(&sql[tokens.first()?.start..tokens.last()?.end()]);
    let (verb, after) = tokens.split_first()?;
    if verb.is("INSERT") {
        let after = skip(after, &["INTO"]);
        let (table, after) = name(after)?;
        let (columns, after) = match bracketed(after) {
            Some((inside, after)) => (column_words(inside), after),
            None => (Vec::new(), after),
        };
        let (keyword, rows) = after.split_first()?;
        let values = if keyword.is("VALUES") {
            Values::Rows(
                split_at_commas(rows)
                    .into_iter()
                    .map(|row| values(sql, row))
                    .collect::<Option<_>>()?,
            )
        } else {
            Values::Query(rest(after)?)
        };
        return Some(Statement::Insert { table, columns, values });
    }
    if verb.is("CREATE") {
        let after = skip(after, &["OR", "REPLACE", "TEMP", "TEMPORARY"]);
        let (kind, after) = after.split_first()?;
        let after = skip(after, &["IF", "NOT", "EXISTS"]);
        let (table, after) = name(after)?;
        if kind.is("VIEW") {
            let query = rest(after.split_first().filter(|(keyword, _)| keyword.is("AS"))?.1)?;
            return Some(Statement::CreateView { view: table, query });
        }
        if !kind.is("TABLE") {
            return None;
        }
        if let [how, from @ ..] = after
            && ["LIKE", "COPY", "CLONE"].iter().any(|word| how.is(word))
        {
            return Some(Statement::CopyTable { table, of: name(from)?.0, rows: !how.is("LIKE") });
        }
        let (columns, after) = match column_list(after) {
            Some((columns, after)) => (Some(columns), after),
            None => (None, after),
        };
        let query =
            after.iter().position(|token| token.is("AS")).and_then(|at| rest(&after[at + 1..]));
        return (columns.is_some() || query.is_some()).then_some(Statement::CreateTable {
            table,
            columns,
            query,
        });
    }
    if verb.is("DROP") {
        let after = skip(after.get(1..)?, &["IF", "EXISTS"]);
        return Some(Statement::Drop { name: name(after)?.0 });
    }
    if verb.is("ALTER") {
        let after = skip(after.get(1..)?, &["IF", "EXISTS"]);
        let (table, after) = name(after)?;
        return alteration(table, after);
    }
    if verb.is("TRUNCATE") {
        let (table, _) = name(skip(after, &["TABLE"]))?;
        return Some(Statement::Delete { table, alias: None, condition: None });
    }
    if verb.is("DELETE") {
        let (table, after) = name(skip(after, &["FROM"]))?;
        let (alias, after) = alias(after, "WHERE");
        let condition = Some(rest(after.get(1..)?)?);
        return Some(Statement::Delete { table, alias, condition });
    }
    if verb.is("UPDATE") {
        let (table, after) = name(after)?;
        let (alias, after) = alias(after, "SET");
        let end = after.iter().position(|token| token.is("WHERE"))?;
        let (set, condition) = (after.get(1..end)?, after.get(end + 1..)?);
        let assignment = |part: &[Token<'s>]| {
            let (column, value) = name(part)?;
            let column = column.rsplit('.').next()?.to_owned();
            Some((column, rest(value.get(1..)?)?))
        };
        let assignments =
            split_at_commas(set).into_iter().map(assignment).collect::<Option<_>>()?;
        return Some(Statement::Update { table, alias, assignments, condition: rest(condition)? });
    }
    None
}

/// What follows ALTER TABLE and a name.
fn alteration<'s>(table: String, tokens: &[Token<'s>]) -> Option<Statement<'s>> {
    let (action, after) = tokens.split_first()?;
    if action.is("RENAME") {
        if after.first()?.is("COLUMN") {
            let (column, after) = name(skip(&after[1..], &["IF", "EXISTS"]))?;
            let name = name(skip(after, &["TO"]))?.0;
            return Some(Statement::RenameColumn { table, column, name });
        }
        return Some(Statement::Rename { table, name: name(skip(after, &["TO"]))?.0 });
    }
    if action.is("DROP") {
        let after = skip(after, &["COLUMN", "IF", "EXISTS"]);
        return Some(Statement::DropColumn { table, column: name(after)?.0 });
    }
    if action.is("ADD") {
        let column = |part: &[Token<'s>]| {
            let part = skip(part, &["ADD", "COLUMN", "IF", "NOT", "EXISTS"]);
            let (name, ty) = part.split_first()?;
            Some((name.text.trim_matches('`').to_owned(), Type::written(ty)?))
        };
        let columns = split_at_commas(tokens).into_iter().map(column).collect::<Option<_>>()?;
        return Some(Statement::AddColumns { table, columns });
    }
    let is_option = action.is("SET") || action.is("ALTER");
    (is_option && !after.iter().any(|token| token.is("TYPE"))).then_some(Statement::Nothing)
}

/// The alias before a keyword, and what begins with that.
fn alias<'t, 's>(tokens: &'t [Token<'s>], keyword: &str) -> (Option<String>, &'t [Token<'s>]) {
    match skip(tokens, &["AS"]) {
        [alias, rest @ ..] if !alias.is(keyword) => {
            (Some(alias.text.trim_matches('`').to_owned()), rest)
        }
        rest => (None, rest),
    }
}

/// What comes after these keywords, each of which may be missing.
fn skip<'t, 's>(mut tokens: &'t [Token<'s>], keywords: &[&str]) -> &'t [Token<'s>] {
    for keyword in keywords {
        if let Some((first, rest)) = tokens.split_first()
            && first.is(keyword)
        {
            tokens = rest;
        }
    }
    tokens
}

/// A name with its points, and what follows.
fn name<'t, 's>(tokens: &'t [Token<'s>]) -> Option<(String, &'t [Token<'s>])> {
    let (first, mut rest) = tokens.split_first()?;
    let mut name = first.text.trim_matches('`').to_owned();
    while let [point, next, after @ ..] = rest
        && point.is(".")
    {
        name = format!("{name}.{}", next.text.trim_matches('`'));
        rest = after;
    }
    Some((name, rest))
}

/// The expressions of `(a, b)`.
fn values<'s>(sql: &'s str, row: &[Token<'s>]) -> Option<Vec<&'s str>> {
    let (inside, []) = bracketed(row)? else { return None };
    let text = |value: &[Token<'s>]| Some(&sql[value.first()?.start..value.last()?.end()]);
    split_at_commas(inside).into_iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(columns: &[(&str, Type)]) -> Vec<(String, Type)> {
        columns.iter().map(|(name, ty)| ((*name).to_owned(), ty.clone())).collect()
    }

    #[test]
    fn statements_are_read() {
        for (sql, expected) in [
            (
                "CREATE OR REPLACE TABLE `d.t` (a INT64 NOT NULL, b ARRAY<STRING>)",
                Statement::CreateTable {
                    table: "d.t".to_owned(),
                    columns: Some(columns(&[
                        ("a", Type::Int64),
                        ("b", Type::Array(Box::new(Type::String))),
                    ])),
                    query: None,
                },
            ),
            (
                "create table d.`t` as select 1 as a",
                Statement::CreateTable {
                    table: "d.t".to_owned(),
                    columns: None,
                    query: Some("select 1 as a"),
                },
            ),
            (
                "CREATE VIEW v AS SELECT 1",
                Statement::CreateView { view: "v".to_owned(), query: "SELECT 1" },
            ),
            (
                "INSERT INTO `t` (a, `b`) VALUES (1, [2, 3]), -- two\n (f(1, 2), 'x, y')",
                Statement::Insert {
                    table: "t".to_owned(),
                    columns: vec!["a".to_owned(), "b".to_owned()],
                    values: Values::Rows(vec![vec!["1", "[2, 3]"], vec!["f(1, 2)", "'x, y'"]]),
                },
            ),
            (
                "INSERT t SELECT 1",
                Statement::Insert {
                    table: "t".to_owned(),
                    columns: vec![],
                    values: Values::Query("SELECT 1"),
                },
            ),
            ("DROP VIEW IF EXISTS v", Statement::Drop { name: "v".to_owned() }),
            (
                "ALTER TABLE t DROP COLUMN c",
                Statement::DropColumn { table: "t".to_owned(), column: "c".to_owned() },
            ),
            (
                "ALTER TABLE t RENAME TO u",
                Statement::Rename { table: "t".to_owned(), name: "u".to_owned() },
            ),
        ] {
            assert_eq!(read(sql), Ok(expected), "{sql}");
        }
        assert_eq!(read("MERGE  t").unwrap_err(), "the runner cannot read `MERGE t`");
    }

    #[test]
    fn changes_are_read() {
        for (sql, expected) in [
            (
                "ALTER TABLE t ADD COLUMN a INT64, ADD COLUMN IF NOT EXISTS b STRING NOT NULL",
                Statement::AddColumns {
                    table: "t".to_owned(),
                    columns: columns(&[("a", Type::Int64), ("b", Type::String)]),
                },
            ),
            (
                "ALTER TABLE t RENAME COLUMN a TO b",
                Statement::RenameColumn {
                    table: "t".to_owned(),
                    column: "a".to_owned(),
                    name: "b".to_owned(),
                },
            ),
            ("ALTER TABLE t SET OPTIONS (description = 'x')", Statement::Nothing),
            (
                "CREATE TABLE u LIKE `d.t`",
                Statement::CopyTable { table: "u".to_owned(), of: "d.t".to_owned(), rows: false },
            ),
            (
                "UPDATE t AS x SET a = x.a + f(1, 2), `b` = 'c' WHERE x.a > 1",
                Statement::Update {
                    table: "t".to_owned(),
                    alias: Some("x".to_owned()),
                    assignments: vec![("a".to_owned(), "x.a + f(1, 2)"), ("b".to_owned(), "'c'")],
                    condition: "x.a > 1",
                },
            ),
            (
                "DELETE FROM t WHERE TRUE",
                Statement::Delete { table: "t".to_owned(), alias: None, condition: Some("TRUE") },
            ),
            (
                "TRUNCATE TABLE t",
                Statement::Delete { table: "t".to_owned(), alias: None, condition: None },
            ),
        ] {
            assert_eq!(read(sql), Ok(expected), "{sql}");
        }
    }
}
