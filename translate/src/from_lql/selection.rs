//! What a query shows.

use event_schemas::TableSchema;
use lql::{Path, Selected};
use sqlparser::{
    ast::{self, Expr, Select, helpers::attached_token::AttachedToken},
    tokenizer::TokenWithSpan,
};

use super::build::{self, Item, Source};
use crate::diagnostic::Position;

/// What every event has; shown where nothing else is asked for.
pub(crate) const USUAL: [&str; 3] = ["timestamp", "id", "event_message"];

pub(super) fn select(
    selected: &[Selected],
    table: &Source<'_>,
    schema: Option<&TableSchema>,
) -> Select {
    let mut shown = Shown { table, items: Vec::new(), unnested: Vec::new(), joined: Vec::new() };
    for selected in selected {
        match selected {
            Selected::Everything(at) => shown.everything((*at).into(), schema),
            Selected::Field { path, alias } => shown.field(path, alias.as_deref()),
        }
    }
    if selected.is_empty() {
        shown.columns(&USUAL, table.at);
    }
    build::select(shown.items, build::left_joined(table.factor(), shown.joined))
}

struct Shown<'a> {
    table: &'a Source<'a>,
    items: Vec<Item>,
    /// The paths of `joined`: each is unnested once.
    unnested: Vec<&'a [String]>,
    joined: Vec<ast::TableFactor>,
}

impl<'a> Shown<'a> {
    fn columns(&mut self, names: &[&str], at: Position) {
        let columns = names.iter().map(|name| Item::UnnamedExpr(self.table.column(name, at)));
        self.items.extend(columns);
    }

    /// All columns: those that are known of a source; of a CTE it has its own.
    fn everything(&mut self, at: Position, schema: Option<&TableSchema>) {
        let Some(schema) = schema else {
            // One that is not written in SQL, which a consumer may not do.
            let wildcard_token = AttachedToken(TokenWithSpan::new_eof());
            let all = ast::WildcardAdditionalOptions { wildcard_token, ..Default::default() };
            self.items.push(Item::Wildcard(all));
            return;
        };
        let others = schema.fields.keys().map(String::as_str).filter(|name| !USUAL.contains(name));
        let names: Vec<&str> = USUAL.into_iter().chain(others).collect();
        self.columns(&names, at);
    }

    /// A field, its type as it is declared. Lists on the way give a row for each element.
    fn field(&mut self, path: &'a Path, alias: Option<&str>) {
        let at = Position::from(path.at);
        let Some((last, way)) = path.parts.split_last() else { return };
        let expr = self.member(way, last, at);
        let name = alias.map_or_else(|| path.parts.join("_"), str::to_owned);
        self.items.push(Item::ExprWithAlias { expr, alias: build::ident(&name, at) });
    }

    /// A field of what is unnested at a path.
    fn member(&mut self, way: &'a [String], name: &str, at: Position) -> Expr {
        let Some((last, before)) = way.split_last() else { return self.table.column(name, at) };
        let place = match self.unnested.iter().position(|known| *known == way) {
            Some(place) => place,
            None => {
                let array = self.member(before, last, at);
                self.unnested.push(way);
                let place = self.unnested.len() - 1;
                self.joined.push(build::unnest(array, &relation(place)));
                place
            }
        };
        Expr::CompoundIdentifier(vec![build::ident(&relation(place), at), build::ident(name, at)])
    }
}

fn relation(place: usize) -> String {
    format!("part {}", place + 1)
}
