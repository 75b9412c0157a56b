//! Functions in FROM, as relations whose rows are records.
//!
//! PostgreSQL takes `f.name` for a call `name(f)` where `f` has no such column, and the alias of a
//! function that gives single values stands for the value: any function of one argument could be
//! called. Within a derived table the row is a record, which no function takes that does harm.

use sqlparser::ast;

use super::{folded, parse::parse, quoted};
use crate::{Diagnostic, postgres::quote_identifier};

/// The functions whose one column has a name of its own, beside that of the alias.
const VALUES: [&str; 4] = [
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "json_array_elements",
    "json_array_elements_text",
];

/// `LATERAL (SELECT * FROM function AS alias (columns)) AS alias` for a function that was walked and
/// is called by this name. Where PostgreSQL has two names for its one column, so has this.
pub(super) fn as_records(
    function: ast::TableFactor,
    called: &str,
) -> Result<ast::TableFactor, Diagnostic> {
    let mut function = function;
    let (ast::TableFactor::Table { alias, .. }
    | ast::TableFactor::Function { alias, .. }
    | ast::TableFactor::UNNEST { alias, .. }) = &mut function
    else {
        return Ok(function);
    };
    let nowhere = ast::Ident::new("");
    let inner = alias.get_or_insert_with(|| ast::TableAlias {
        explicit: true,
        name: quoted(called, &nowhere),
        columns: Vec::new(),
        at: None,
    });
    let named = inner.name.value.clone();
    let has_value =
        VALUES.contains(&called) && inner.columns.is_empty() && named != quote_identifier("value");
    let alias = ast::TableAlias { columns: Vec::new(), ..inner.clone() };
    let template = match has_value {
        true => format!("select *, {named}.\"value\" as {named} from f"),
        false => "select * from f".to_owned(),
    };
    let mut query = parse(&template)?;
    if let ast::SetExpr::Select(select) = query.body.as_mut()
        && let Some(table) = select.from.first_mut()
    {
        table.relation = function;
    }
    Ok(ast::TableFactor::Derived {
        lateral: true,
        subquery: Box::new(query),
        alias: Some(alias),
        sample: None,
    })
}

/// What a function in FROM is called, once it is let pass.
pub(super) fn called(name: &ast::ObjectName) -> String {
    match name.0.as_slice() {
        [ast::ObjectNamePart::Identifier(ident)] => folded(ident),
        _ => String::new(),
    }
}
