//! Makes the tables of a case.

use std::collections::BTreeMap;

use translate::Parameters;

use super::{
    answer::{self, output_type},
    lexer::{statements, tokens},
    literal,
    statement::{self, Statement, Values},
    types::Type,
    warehouse::{Answer, Catalog, Table, Warehouse},
};

/// The tables of a case while its setup runs.
struct Tables<'a> {
    warehouse: &'a mut Warehouse,
    schema: &'a str,
    tables: BTreeMap<String, Table>,
    views: BTreeMap<String, String>,
    /// What stands in the database.
    catalog: Catalog,
    /// Whether tables have changed since.
    changed: bool,
}

/// Runs a setup; its tables stand in `schema`, which is there and empty.
///
/// # Errors
/// Why a statement of it cannot be run.
pub(super) async fn run(
    warehouse: &mut Warehouse,
    schema: &str,
    setup: &str,
) -> Result<Catalog, String> {
    let mut tables = Tables {
        warehouse,
        schema,
        tables: BTreeMap::new(),
        views: BTreeMap::new(),
        catalog: Catalog::default(),
        changed: false,
    };
    for sql in statements(setup) {
        tables.run(statement::read(sql)?).await?;
    }
    tables.flush().await?;
    Ok(tables.catalog)
}

impl Tables<'_> {
    async fn run(&mut self, statement: Statement<'_>) -> Result<(), String> {
        match statement {
            Statement::CreateTable { table, columns, query } => {
                let made = match (query, columns) {
                    (Some(query), columns) => {
                        let answer = self.ask(query).await?;
                        let columns = columns.unwrap_or_else(|| output_columns(&answer));
                        let rows = rows(&columns, &answer)?;
                        Table { columns, rows }
                    }
                    (None, columns) => {
                        Table { columns: columns.unwrap_or_default(), rows: Vec::new() }
                    }
                };
                self.tables.insert(table, made);
            }
            Statement::CreateView { view, query } => {
                self.views.insert(view, query.to_owned());
            }
            Statement::Insert { table, columns, values } => {
                self.insert(&table, &columns, values).await?;
            }
            Statement::Drop { name } => {
                self.tables.remove(&name);
                self.views.remove(&name);
            }
            Statement::DropColumn { table, column } => {
                let table = self.table(&table)?;
                if let Some(at) = table.columns.iter().position(|(name, _)| *name == column) {
                    table.columns.remove(at);
                    table.rows.iter_mut().for_each(|row| drop(row.remove(at)));
                }
            }
            Statement::Rename { table, name } => {
                let dataset = table.rsplit_once('.').map(|(dataset, _)| dataset);
                let name = match dataset {
                    Some(dataset) if !name.contains('.') => format!("{dataset}.{name}"),
                    _ => name,
                };
                let moved = self.tables.remove(&table).ok_or("a table that is not there")?;
                self.tables.insert(name, moved);
            }
            change => self.change(change).await?,
        }
        self.changed = true;
        Ok(())
    }

    /// Statements that change tables which are there.
    async fn change(&mut self, statement: Statement<'_>) -> Result<(), String> {
        match statement {
            Statement::AddColumns { table, columns } => {
                let table = self.table(&table)?;
                for column in columns {
                    table.columns.push(column);
                    table.rows.iter_mut().for_each(|row| row.push("null".to_owned()));
                }
            }
            Statement::RenameColumn { table, column, name } => {
                let columns = &mut self.table(&table)?.columns;
                columns.iter_mut().filter(|known| known.0 == column).for_each(|known| {
                    known.0.clone_from(&name);
                });
            }
            Statement::CopyTable { table, of, rows } => {
                let mut copy = self.table(&of)?.clone();
                copy.rows.truncate(if rows { usize::MAX } else { 0 });
                self.tables.insert(table, copy);
            }
            Statement::Update { table, alias, assignments, condition } => {
                let columns = self.table(&table)?.columns.clone();
                let values = columns.iter().map(|(name, ty)| {
                    let assigned = assignments.iter().find(|known| known.0 == *name);
                    assigned.map_or_else(
                        || format!("`{name}`"),
                        |(_, value)| match ty {
                            Type::Array(_) | Type::Struct(_) => {
                                format!("IF({condition}, {value}, `{name}`) AS `{name}`")
                            }
                            _ => format!(
                                "IF({condition}, CAST({value} AS {ty}), `{name}`) AS `{name}`"
                            ),
                        },
                    )
                });
                let list = values.collect::<Vec<_>>().join(", ");
                self.keep(&table, alias, &format!("SELECT {list}"), "").await?;
            }
            Statement::Delete { table, condition: None, .. } => self.table(&table)?.rows.clear(),
            Statement::Delete { table, alias, condition: Some(condition) } => {
                let rest = format!("WHERE ({condition}) IS NOT TRUE");
                self.keep(&table, alias, "SELECT *", &rest).await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Puts the rows of a query over a table in the place of its own.
    async fn keep(
        &mut self,
        name: &str,
        alias: Option<String>,
        select: &str,
        rest: &str,
    ) -> Result<(), String> {
        let columns = self.table(name)?.columns.clone();
        let alias = alias.map_or(String::new(), |alias| format!("AS {alias}"));
        let answer = self.ask(&format!("{select} FROM `{name}` {alias} {rest}")).await?;
        self.table(name)?.rows = rows(&columns, &answer)?;
        Ok(())
    }

    fn table(&mut self, name: &str) -> Result<&mut Table, String> {
        self.tables.get_mut(name).ok_or_else(|| format!("there is no table {name}"))
    }

    async fn insert(
        &mut self,
        name: &str,
        listed: &[String],
        values: Values<'_>,
    ) -> Result<(), String> {
        let columns = self.table(name)?.columns.clone();
        // Where each inserted value goes.
        let places: Vec<usize> = if listed.is_empty() {
            (0..columns.len()).collect()
        } else {
            let place = |name: &String| {
                columns.iter().position(|column| column.0.eq_ignore_ascii_case(name))
            };
            listed.iter().map(place).collect::<Option<_>>().ok_or("a column that is not there")?
        };
        let inserted: Vec<_> = places.iter().filter_map(|at| columns.get(*at).cloned()).collect();
        let found = match values {
            Values::Query(query) => {
                let answer = self.ask(query).await?;
                rows(&inserted, &answer)?
            }
            Values::Rows(expressions) => {
                let mut rows = Vec::with_capacity(expressions.len());
                for row in expressions {
                    rows.push(self.values(&inserted, &row).await?);
                }
                rows
            }
        };
        let table = self.table(name)?;
        for values in found {
            let mut row = vec!["null".to_owned(); columns.len()];
            for (place, value) in places.iter().zip(values) {
                row[*place] = value;
            }
            table.rows.push(row);
        }
        Ok(())
    }

    /// A row of VALUES: literals are read here, other expressions are asked of the translator.
    async fn values(
        &mut self,
        columns: &[(String, Type)],
        expressions: &[&str],
    ) -> Result<Vec<String>, String> {
        if columns.len() != expressions.len() {
            return Err(format!("{} values for {} columns", expressions.len(), columns.len()));
        }
        let mut row = Vec::with_capacity(columns.len());
        for ((name, ty), expression) in columns.iter().zip(expressions) {
            if let Some(value) = literal::body_of(ty, &tokens(expression)) {
                row.push(value);
                continue;
            }
            let query = match ty {
                Type::Array(_) | Type::Struct(_) => format!("SELECT {expression} AS v"),
                _ => format!("SELECT CAST({expression} AS {ty}) AS v"),
            };
            let answer = self.ask(&query).await?;
            let value = rows(&[(name.clone(), ty.clone())], &answer)?.into_iter().flatten().next();
            row.push(value.ok_or("a value without a row")?);
        }
        Ok(row)
    }

    async fn ask(&mut self, query: &str) -> Result<Answer, String> {
        self.flush().await?;
        self.warehouse
            .ask(query, &Parameters::default(), &self.catalog)
            .await
            .map_err(|error| error.to_string())
    }

    /// Brings the tables, and then what the views show, into the database.
    async fn flush(&mut self) -> Result<(), String> {
        if !self.changed {
            return Ok(());
        }
        self.catalog.0.clear();
        for (name, table) in &self.tables {
            let source = self.warehouse.fill(self.schema, name, table).await?;
            self.catalog.0.insert(name.clone(), source);
        }
        for (name, query) in &self.views {
            let asked = self.warehouse.ask(query, &Parameters::default(), &self.catalog).await;
            let answer = asked.map_err(|error| error.to_string())?;
            let columns = output_columns(&answer);
            let rows = rows(&columns, &answer)?;
            let source = self.warehouse.fill(self.schema, name, &Table { columns, rows }).await?;
            self.catalog.0.insert(name.clone(), source);
        }
        self.changed = false;
        Ok(())
    }
}

fn output_columns(answer: &Answer) -> Vec<(String, Type)> {
    let columns = answer.columns.iter();
    columns.map(|column| (column.name.clone(), output_type(&column.ty))).collect()
}

/// An answer's rows as values of these columns, by their places.
fn rows(columns: &[(String, Type)], answer: &Answer) -> Result<Vec<Vec<String>>, String> {
    if columns.len() != answer.columns.len() {
        return Err(format!("{} values for {} columns", answer.columns.len(), columns.len()));
    }
    let row = |row: &BTreeMap<String, Box<serde_json::value::RawValue>>| {
        let cell = |((_, ty), column): (&(String, Type), &translate::OutputColumn)| {
            let value = row.get(&column.name).map_or("null", |value| value.get());
            answer::body_of(ty, value).ok_or_else(|| format!("{value} is no {ty}"))
        };
        columns.iter().zip(&answer.columns).map(cell).collect()
    };
    answer.rows.iter().map(row).collect()
}
