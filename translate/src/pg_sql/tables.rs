//! FROM: sources, CTEs, stored queries, derived tables, functions that give rows.

use sqlparser::ast::{self, Spanned as _, helpers::attached_token::AttachedToken};

use super::{
    Confiner, folded, functions,
    parse::parse,
    query::columns,
    quote, quoted, refused,
    rows::{as_records, called},
};
use crate::{
    Diagnostic, Language, Position,
    resolve::{Named, refuse_cycle, refuse_other},
};

/// The tables that FROM can name.
pub(super) struct Names<'p> {
    /// CTEs: the query's name, ours.
    pub(super) known: Vec<(String, String)>,
    pub(super) parent: Option<&'p Names<'p>>,
    /// Whether sources and stored queries can be named.
    pub(super) sources: bool,
}

impl Names<'_> {
    fn cte(&self, name: &str) -> Option<&str> {
        let here = self.known.iter().rev().find(|(known, _)| known == name);
        match (here, self.parent) {
            (Some((_, relation)), _) => Some(relation),
            (None, parent) => parent?.cte(name),
        }
    }

    fn all(&self) -> Vec<&str> {
        let mut names = self.parent.map(Names::all).unwrap_or_default();
        names.extend(self.known.iter().map(|(name, _)| name.as_str()));
        names
    }
}

impl Confiner<'_> {
    pub(super) fn table_with_joins(
        &mut self,
        table: &mut ast::TableWithJoins,
        names: &Names<'_>,
    ) -> Result<(), Diagnostic> {
        self.table(&mut table.relation, names)?;
        for join in &mut table.joins {
            let at = join.relation.span().start;
            let ast::Join { relation, global: false, join_operator } = join else {
                return Err(refused(at, "This kind of join"));
            };
            self.table(relation, names)?;
            use ast::JoinOperator as J;
            let (J::Join(constraint)
            | J::Inner(constraint)
            | J::Left(constraint)
            | J::LeftOuter(constraint)
            | J::Right(constraint)
            | J::RightOuter(constraint)
            | J::FullOuter(constraint)
            | J::CrossJoin(constraint)) = join_operator
            else {
                return Err(refused(at, "This kind of join"));
            };
            match constraint {
                ast::JoinConstraint::On(condition) => self.expr(condition, names)?,
                ast::JoinConstraint::Using(columns) => {
                    for column in columns {
                        let [ast::ObjectNamePart::Identifier(name)] = column.0.as_mut_slice()
                        else {
                            return Err(refused(at, "This kind of USING"));
                        };
                        quote(name);
                    }
                }
                ast::JoinConstraint::Natural | ast::JoinConstraint::None => {}
                ast::JoinConstraint::UsingAlias(..) => return Err(refused(at, "USING … AS")),
            }
        }
        Ok(())
    }

    fn table(&mut self, table: &mut ast::TableFactor, names: &Names<'_>) -> Result<(), Diagnostic> {
        self.walked_table(table, names)?;
        let called = match table {
            ast::TableFactor::Table { name, args: Some(_), .. }
            | ast::TableFactor::Function { name, .. } => called(name),
            ast::TableFactor::UNNEST { .. } => "unnest".to_owned(),
            _ => return Ok(()),
        };
        let function = std::mem::replace(
            table,
            ast::TableFactor::Derived {
                lateral: false,
                subquery: Box::new(parse("select 1")?),
                alias: None,
                sample: None,
            },
        );
        *table = as_records(function, &called)?;
        Ok(())
    }

    fn walked_table(
        &mut self,
        table: &mut ast::TableFactor,
        names: &Names<'_>,
    ) -> Result<(), Diagnostic> {
        let at = Position::from(table.span().start);
        match table {
            ast::TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version: None,
                with_ordinality,
                partitions,
                json_path: None,
                sample: None,
                index_directives,
                inheritance: None,
            } if with_hints.is_empty() && partitions.is_empty() && index_directives.is_empty() => {
                match args {
                    None if *with_ordinality => Err(refused(at, "WITH ORDINALITY of a table")),
                    None => self.named(name, alias, names),
                    Some(ast::TableFunctionArgs { args, settings: None }) => {
                        functions::rows(name)?;
                        self.arguments(args, names)?;
                        aliased(alias.as_mut())
                    }
                    Some(_) => Err(refused(at, "SETTINGS")),
                }
            }
            ast::TableFactor::Function { lateral: _, name, args, with_ordinality: _, alias } => {
                functions::rows(name)?;
                self.arguments(args, names)?;
                aliased(alias.as_mut())
            }
            ast::TableFactor::UNNEST {
                alias,
                array_exprs,
                with_offset: false,
                with_offset_alias: None,
                with_ordinality: _,
            } => {
                self.exprs(array_exprs, names)?;
                aliased(alias.as_mut())
            }
            ast::TableFactor::Derived { lateral: _, subquery, alias, sample: None } => {
                self.query(subquery, names)?;
                aliased(alias.as_mut())
            }
            ast::TableFactor::NestedJoin { table_with_joins, alias } => {
                self.table_with_joins(table_with_joins, names)?;
                aliased(alias.as_mut())
            }
            _ => Err(refused(at, "This kind of table")),
        }
    }

    fn named(
        &mut self,
        name: &mut ast::ObjectName,
        alias: &mut Option<ast::TableAlias>,
        names: &Names<'_>,
    ) -> Result<(), Diagnostic> {
        let span = name.span();
        let at = Position::from(span.start);
        let unaliased = alias.is_none();
        let parts: Vec<ast::Ident> =
            name.0.iter().filter_map(|part| part.as_ident().cloned()).collect();
        let (Some(last), true) = (parts.last(), parts.len() == name.0.len()) else {
            return Err(refused(at, "This kind of table"));
        };
        let alias = match alias {
            Some(alias) => alias,
            none => none.insert(ast::TableAlias {
                explicit: true,
                name: last.clone(),
                columns: Vec::new(),
                at: None,
            }),
        };
        quote(&mut alias.name);
        columns(alias)?;
        let relation = |relation: String| {
            let ident = ast::Ident { value: relation, quote_style: None, span: last.span };
            ast::ObjectName(vec![ast::ObjectNamePart::Identifier(ident)])
        };
        if let [part] = parts.as_slice()
            && let Some(cte) = names.cte(&folded(part))
        {
            *name = relation(quoted(cte, last).value);
            return Ok(());
        }
        let full = parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
        if names.sources {
            let source = self.sources.source(&full);
            if self.within.is_empty() {
                self.named.push(Named {
                    within: None,
                    name: full.clone(),
                    source: source.clone(),
                    start: at,
                    end: span.end.into(),
                    unaliased: unaliased.then(|| folded(last)),
                });
            }
            if let Some(source) = source {
                *name = relation(source.table);
                return Ok(());
            }
            if let Some(stored) = self.stored_query(&full, at)? {
                *name = relation(quoted(&stored, last).value);
                return Ok(());
            }
        }
        let sources = if names.sources { self.sources.names() } else { Vec::new() };
        let known: Vec<&str> = sources.iter().map(String::as_str).chain(names.all()).collect();
        let message = format!("Table \"{full}\" does not exist");
        let unknown = Diagnostic::refused(at, message);
        Err(match known.is_empty() {
            true => unknown,
            false => unknown.advise(format!("there are {}", known.join(", "))),
        })
    }

    /// The relation of a stored query, which is walked when it is first named.
    fn stored_query(&mut self, name: &str, at: Position) -> Result<Option<String>, Diagnostic> {
        if let Some(relation) = self.stored.get(name) {
            return Ok(Some(relation.clone()));
        }
        let Some(stored) = self.sources.stored_query(name) else { return Ok(None) };
        refuse_other(name, stored.language, Language::Postgres, at)?;
        refuse_cycle(&self.within, name, at)?;
        let mut within = self.within.clone();
        within.push(name.to_owned());
        let inside = |error: Diagnostic| error.inside(name, at);
        let mut query = parse(&stored.text).map_err(inside)?;
        let mut inner = Confiner {
            parameters: self.parameters,
            sources: stored.sources.as_ref(),
            max_rows: self.max_rows,
            relations: self.relations,
            stored: std::mem::take(&mut self.stored),
            stored_ctes: std::mem::take(&mut self.stored_ctes),
            within,
            named: Vec::new(),
        };
        let outermost = Names { known: Vec::new(), parent: None, sources: true };
        let walked = inner.query(&mut query, &outermost);
        (self.relations, self.stored, self.stored_ctes) =
            (inner.relations, inner.stored, inner.stored_ctes);
        walked.map_err(inside)?;
        let relation = self.relation();
        let ident = ast::Ident::new("");
        self.stored_ctes.push(ast::Cte {
            alias: ast::TableAlias {
                explicit: false,
                name: quoted(&relation, &ident),
                columns: Vec::new(),
                at: None,
            },
            query: Box::new(query),
            from: None,
            materialized: None,
            closing_paren_token: AttachedToken::empty(),
        });
        self.stored.insert(name.to_owned(), relation.clone());
        Ok(Some(relation))
    }
}

fn aliased(alias: Option<&mut ast::TableAlias>) -> Result<(), Diagnostic> {
    let Some(alias) = alias else { return Ok(()) };
    quote(&mut alias.name);
    columns(alias)
}
