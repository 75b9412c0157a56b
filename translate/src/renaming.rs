//! Shows a query with the names that its sources have now: for people, it means the same.

use crate::{
    Extent, Parameters, STACK_BYTES, Sources, bounds,
    expansion::{Anything, byte_at, in_order},
    pg_sql,
    postgres::quote_identifier,
    resolve::{self, Named},
    syntax,
};

/// What a query is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// In BigQuery SQL.
    BigQuery,
    /// In PostgreSQL's SQL.
    Postgres,
    /// In LQL.
    Lql,
}

/// The query with the sources that it names as `called` says; the others stay. In SQL each keeps the
/// name that the query has for its columns. What cannot be understood stays as it stands.
pub fn with_sources_called(
    query: &str,
    written: Written,
    sources: &dyn Sources,
    called: &dyn Fn(&str) -> Option<String>,
) -> String {
    let renamed = stacker::grow(STACK_BYTES, || match written {
        Written::BigQuery => {
            let parsed = syntax::parse(query).ok()?;
            let (parameters, any) = (Parameters::default(), Anything(sources));
            let resolved =
                bounds::within(|| resolve::resolve(&parsed, None, &parameters, &any, Extent::All))
                    .ok()?;
            in_sql(query, resolved.named, called, back_quoted)
        }
        Written::Postgres => {
            let named = pg_sql::named(query, &Anything(sources)).ok()?;
            in_sql(query, named, called, |name| Some(quote_identifier(name)))
        }
        Written::Lql => in_lql(query, called),
    });
    renamed.unwrap_or_else(|| query.to_owned())
}

/// A name that needs escapes is nobody's to guess.
fn back_quoted(name: &str) -> Option<String> {
    (!name.contains(['`', '\\', '\n'])).then(|| format!("`{name}`"))
}

fn in_sql(
    query: &str,
    mut named: Vec<Named>,
    called: &dyn Fn(&str) -> Option<String>,
    quoted: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let mut text = String::with_capacity(query.len());
    let mut shown = 0;
    named.retain(|named| named.within.is_none() && named.source.is_some());
    in_order(&mut named);
    for Named { name, start, end, unaliased, .. } in named {
        let Some(new) = called(&name) else { continue };
        let (start, end) = (byte_at(query, start)?, byte_at(query, end)?);
        text.extend([query.get(shown..start)?, &quoted(&new)?]);
        if let Some(alias) = unaliased {
            text.extend([" as ", &quoted(&alias)?]);
        }
        shown = end;
    }
    text.push_str(query.get(shown..)?);
    Some(text)
}

fn in_lql(query: &str, called: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let table = lql::parse(query).ok()?.from?;
    let new = called(&table.name)?;
    let (before, at) = query.split_at_checked(table.at.offset)?;
    // Quotes that are escaped are seldom enough to stay.
    let length = match at.strip_prefix('"') {
        Some(quoted) => quoted.find('"')? + 2,
        None => at.find(char::is_whitespace).unwrap_or(at.len()),
    };
    let text = format!("{before}\"{new}\"{}", at.get(length..)?);
    let is_meant = lql::parse(&text).is_ok_and(|lql| lql.from.is_some_and(|from| from.name == new));
    is_meant.then_some(text)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Language, SourceTable, StoredQuery, TableColumns};

    struct Catalog;

    impl Sources for Catalog {
        fn source(&self, name: &str) -> Option<SourceTable> {
            matches!(name, "old" | "old.logs" | "other").then(|| SourceTable {
                table: String::new(),
                schema: Arc::default(),
                columns: TableColumns::Event,
            })
        }

        fn names(&self) -> Vec<String> {
            Vec::new()
        }

        fn stored_query(&self, name: &str) -> Option<StoredQuery<'_>> {
            let language = match name {
                "stored" => Language::BigQuery,
                "pg.stored" => Language::Postgres,
                _ => return None,
            };
            let text = "select id from old".to_owned();
            Some(StoredQuery { text, language, sources: Box::new(Self) })
        }
    }

    fn renamed(query: &str, written: Written) -> String {
        let called = |name: &str| match name {
            "old" => Some("new one".to_owned()),
            "old.logs" => Some("new.logs".to_owned()),
            "stored" | "pg.stored" => Some("not this".to_owned()),
            _ => None,
        };
        with_sources_called(query, written, &Catalog, &called)
    }

    #[test]
    fn sources_of_bigquery_sql_get_their_names_and_all_else_stays() {
        for (query, expected) in [
            ("select old.id from old -- of old", "select old.id from `new one` as `old` -- of old"),
            (
                "select /* é */ 'old', t.id\nfrom `old` as t\ncross join old.logs l where t.id = @old",
                "select /* é */ 'old', t.id\nfrom `new one` as t\ncross join `new.logs` l where t.id = @old",
            ),
            (
                "with a as (select id from old.logs), b as (select id from `old.logs`) select id from a",
                "with a as (select id from `new.logs` as `logs`), b as (select id from `new.logs` as `logs`) select id from a",
            ),
            (
                "select m.level from old, old.metadata as m",
                "select m.level from `new one` as `old`, old.metadata as m",
            ),
            (
                "with old as (select id from other) select id from old",
                "with old as (select id from other) select id from old",
            ),
            (
                "select a.id from stored as a, nowhere as b, old as c",
                "select a.id from stored as a, nowhere as b, `new one` as c",
            ),
            ("select from old", "select from old"),
        ] {
            assert_eq!(renamed(query, Written::BigQuery), expected);
        }
    }

    #[test]
    fn so_do_those_of_postgres_sql() {
        for (query, expected) in [
            ("select old.id from old -- é", "select old.id from \"new one\" as \"old\" -- é"),
            (
                "select Logs.id from old.logs join \"pg.stored\" using (id) where id = @old",
                "select Logs.id from \"new.logs\" as \"logs\" join \"pg.stored\" using (id) where id = @old",
            ),
            (
                "select x.id from old x, lateral (select y.id from old as y) z",
                "select x.id from \"new one\" x, lateral (select y.id from \"new one\" as y) z",
            ),
            ("select pg_sleep(1) from old", "select pg_sleep(1) from old"),
        ] {
            assert_eq!(renamed(query, Written::Postgres), expected);
        }
    }

    #[test]
    fn and_the_one_of_lql() {
        for (query, expected) in [
            ("f:old m.level:error", "f:\"new one\" m.level:error"),
            ("m.level:error from:`old.logs`", "m.level:error from:\"new.logs\""),
            ("f:\"old\" \"old\"", "f:\"new one\" \"old\""),
            ("f:other old", "f:other old"),
            ("old", "old"),
            ("f:", "f:"),
        ] {
            assert_eq!(renamed(query, Written::Lql), expected);
        }
    }
}
