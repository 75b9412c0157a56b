//! Stored queries that are read like tables: each becomes a CTE.

use sqlparser::{ast, ast::Spanned as _};

use super::{Known, Resolver, Tables};
use crate::{
    Language, SourceTable,
    diagnostic::{Diagnostic, Position},
    syntax, tree,
};

/// How deep stored queries may read each other.
pub(crate) const MAX_DEPTH: usize = 8;

/// A place where a query names a stored one, or a source.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// The stored query in whose text it stands; none for the text itself.
    pub(crate) within: Option<String>,
    pub(crate) name: String,
    /// The source's table; none for a stored query.
    pub(crate) source: Option<SourceTable>,
    pub(crate) start: Position,
    /// Behind the name.
    pub(crate) end: Position,
    /// What it is called there, where it has no alias.
    pub(crate) unaliased: Option<String>,
}

/// A place where a source's whole name stands before a column.
#[derive(Debug, Clone)]
pub(crate) struct Qualifier {
    /// The stored query in whose text it stands; none for the text itself.
    pub(crate) within: Option<String>,
    pub(crate) start: Position,
    /// Behind the name.
    pub(crate) end: Position,
    /// What the table is called there.
    pub(crate) alias: String,
}

impl Resolver<'_> {
    /// What is known of a stored query, which is resolved when it is first named.
    pub(super) fn stored_query(
        &mut self,
        name: &str,
        at: Position,
    ) -> Result<Option<Known>, Diagnostic> {
        if let Some(known) = self.stored.get(name) {
            return Ok(Some(known.clone()));
        }
        let Some(stored) = self.sources.stored_query(name) else { return Ok(None) };
        refuse_other(name, stored.language, Language::BigQuery, at)?;
        refuse_cycle(&self.within, name, at)?;
        let mut within = self.within.clone();
        within.push(name.to_owned());
        let inside = |error: Diagnostic| error.inside(name, at);
        let query = syntax::parse(&stored.text).map_err(inside)?;
        let mut inner = Resolver {
            parameters: self.parameters,
            sources: stored.sources.as_ref(),
            extent: self.extent,
            ctes: std::mem::take(&mut self.ctes),
            names: std::mem::take(&mut self.names),
            depth: self.depth,
            stored: std::mem::take(&mut self.stored),
            within,
            named: std::mem::take(&mut self.named),
            qualifiers: std::mem::take(&mut self.qualifiers),
            schemas: std::mem::take(&mut self.schemas),
        };
        let tables = Tables { entries: &[], recursive: false, parent: None, sources: true };
        let resolved = inner.query(&query, &tables, None);
        (self.ctes, self.names, self.stored) = (inner.ctes, inner.names, inner.stored);
        (self.named, self.qualifiers) = (inner.named, inner.qualifiers);
        self.schemas = inner.schemas;
        let query = resolved.map_err(inside)?;
        let known = Known {
            relation: self.unique_name(name),
            columns: query.columns.clone().into(),
            value_table: query.value_table,
        };
        let relation = known.relation.clone();
        self.ctes.push(tree::Cte { relation, recursive: false, query });
        self.stored.insert(name.to_owned(), known.clone());
        Ok(Some(known))
    }

    /// Remembers that a source's whole name stands for its table.
    pub(super) fn note_qualifier(&self, name: &ast::Ident, alias: &str) {
        self.qualifiers.borrow_mut().push(Qualifier {
            within: self.within.last().cloned(),
            start: name.span.start.into(),
            end: name.span.end.into(),
            alias: alias.to_owned(),
        });
    }

    /// Remembers that a stored query or a source is named; gives the number of the place.
    pub(super) fn note(
        &mut self,
        place: &ast::ObjectName,
        name: &str,
        source: Option<SourceTable>,
        unaliased: Option<String>,
    ) -> usize {
        let span = place.span();
        self.named.push(Named {
            within: self.within.last().cloned(),
            name: name.to_owned(),
            source,
            start: span.start.into(),
            end: span.end.into(),
            unaliased,
        });
        self.named.len() - 1
    }
}

/// A stored query of another language is no table.
pub(crate) fn refuse_other(
    name: &str,
    language: Language,
    wanted: Language,
    at: Position,
) -> Result<(), Diagnostic> {
    if language == wanted {
        return Ok(());
    }
    let message = format!("Endpoint \"{name}\" is written in another language");
    Err(Diagnostic::refused(at, message)
        .advise("a query can only read endpoints of its own language"))
}

/// A stored query must not read itself, also not by way of others.
pub(crate) fn refuse_cycle(within: &[String], name: &str, at: Position) -> Result<(), Diagnostic> {
    if let Some(begin) = within.iter().position(|outer| outer == name) {
        let path: Vec<&str> = within[begin..].iter().map(String::as_str).chain([name]).collect();
        let message = format!("Endpoint \"{name}\" reads itself: {}", path.join(" → "));
        return Err(Diagnostic::refused(at, message));
    }
    if within.len() >= MAX_DEPTH {
        let message =
            format!("Endpoints read each other more than {MAX_DEPTH} deep: {}", within.join(" → "));
        return Err(Diagnostic::refused(at, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::{
        Expanded, Language, Parameter, Parameters, Request, SourceTable, Sources, StoredQuery,
        TableColumns, check, expand, translate,
    };

    /// What one query may read: `old` is what `new` was called once.
    struct Catalog {
        old_is: &'static str,
    }

    impl Sources for Catalog {
        fn source(&self, name: &str) -> Option<SourceTable> {
            let name = if name == "old" { self.old_is } else { name };
            matches!(name, "new" | "other").then(|| SourceTable {
                table: format!("\"{name}\""),
                schema: Arc::default(),
                columns: TableColumns::Event,
            })
        }

        fn names(&self) -> Vec<String> {
            vec!["new".to_owned()]
        }

        fn stored_query(&self, name: &str) -> Option<StoredQuery<'_>> {
            let (text, language) = match name {
                "ids" => ("select id, timestamp from old where id = @id;", Language::BigQuery),
                "two" => {
                    ("with a as (select id from ids) select a.id from a -- end", Language::BigQuery)
                }
                "self" => ("select id from self", Language::BigQuery),
                "first" => ("select id from second", Language::BigQuery),
                "second" => ("select id from first", Language::BigQuery),
                "wrong" => ("select\n nothing(1) as id", Language::BigQuery),
                "other.language" => ("select 1", Language::Postgres),
                _ => return deep(name),
            };
            let sources = Box::new(Self { old_is: "new" });
            Some(StoredQuery { text: text.to_owned(), language, sources })
        }
    }

    /// `d1` reads `d2`, that reads `d3` …; `long` is long.
    fn deep(name: &str) -> Option<StoredQuery<'static>> {
        let text = if name == "long" {
            format!("select '{}' as a", "x".repeat(120_000))
        } else {
            let number: u32 = name.strip_prefix('d')?.parse().ok()?;
            format!("select id from d{}", number + 1)
        };
        let sources = Box::new(Catalog { old_is: "" });
        Some(StoredQuery { text, language: Language::BigQuery, sources })
    }

    fn translated(sql: &str) -> Result<String, String> {
        let mut parameters = Parameters::default();
        parameters.named.insert("id".to_owned(), Parameter::text("7"));
        let request =
            Request { endpoint: sql, consumer: None, parameters: &parameters, max_rows: 10 };
        translate(&request, &Catalog { old_is: "other" })
            .map(|translation| translation.sql)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_stored_query_is_a_cte_with_its_own_sources_and_the_parameters_given() {
        let sql = translated("select t.id, ids.timestamp from two as t join ids on ids.id = t.id");
        let sql = sql.unwrap();
        assert_eq!(sql.matches("FROM \"new\"").count(), 1, "{sql}");
        assert!(sql.contains("'7'") && !sql.contains("other"), "{sql}");
        // A source goes before a stored query; a CTE goes before both.
        assert!(translated("select id from old").unwrap().contains("\"other\""));
        let sql = translated("with ids as (select 1 as one) select one from ids").unwrap();
        assert!(!sql.contains("new"), "{sql}");
        // All columns of a stored query are known.
        assert!(translated("select * from ids").unwrap().contains("timestamp"));
    }

    #[test]
    fn it_says_where_what_is_wrong() {
        for (sql, text) in [
            ("select id from self", "Endpoint \"self\" reads itself: self → self at [1:16]"),
            (
                "select id from first",
                "Endpoint \"first\" reads itself: first → second → first at [1:16]",
            ),
            (
                "select id from d1",
                "Endpoints read each other more than 8 deep: d1 → d2 → d3 → d4 → d5 → d6 → d7 → d8 at [1:16]",
            ),
            (
                "select id from wrong",
                "in endpoint \"wrong\": Function not found: nothing at [2:2] at [1:16]",
            ),
            (
                "select id from `other.language`",
                "Endpoint \"other.language\" is written in another language at [1:16]; a query can only read endpoints of its own language",
            ),
        ] {
            assert_eq!(translated(sql), Err(text.to_owned()), "{sql}");
        }
    }

    #[test]
    fn what_is_to_be_stored_is_checked_to_the_last_cte() {
        let catalog = Catalog { old_is: "" };
        let unread = "with a as (select id from nowhere) select 1 as one";
        assert!(translated(unread).is_ok());
        let refusal = check(unread, &catalog).unwrap_err().to_string();
        assert!(refusal.starts_with("Table \"nowhere\" does not exist at [1:27]"), "{refusal}");
        for sql in ["select id from new limit @n", "with a as (select @x as x) select x from a"] {
            assert_eq!(check(sql, &catalog), Ok(()), "{sql}");
        }
    }

    #[test]
    fn queries_are_shown_without_stored_ones() {
        let catalog = Catalog { old_is: "" };
        for (sql, parameters, text) in [
            ("select @a, '@b', @A, @c -- @d", &["a", "c"][..], "select @a, '@b', @A, @c -- @d"),
            (
                "select 'é', t.id\nfrom /* é */ `two` as t, ids where t.id = @x",
                &["x"],
                "select 'é', t.id\nfrom /* é */ (with a as (select id from ids) select a.id from a -- end\n) as t, (select id, timestamp from old where id = @id\n) as `ids` where t.id = @x",
            ),
            ("select nothing(x) from nowhere", &[], "select nothing(x) from nowhere"),
        ] {
            let parameters = parameters.iter().map(|&name| name.to_owned()).collect();
            let expected = Expanded { parameters, text: text.to_owned() };
            assert_eq!(expand(sql, &catalog), Ok(expected), "{sql}");
        }
        assert!(expand("select from", &catalog).is_err());
        let of_long = vec!["select 1 as a from long"; 40].join(" union all ");
        let refusal = expand(&of_long, &catalog).unwrap_err().to_string();
        assert!(refusal.starts_with("The query comes to more than 4194304 bytes at"), "{refusal}");
    }
}
