//! Keeps `docs/event-schema.md` true. `UPDATE_DOCS=1 cargo test -p event-schemas` writes it anew.

use std::{fmt::Write as _, fs, path::Path};

use event_schemas::{DescribedField, SUPABASE_SOURCES, Shows, described_fields, json_schema};

#[test]
fn the_page_is_as_the_schemas_are() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/event-schema.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(page.parent().expect("it is in a folder")).expect("a folder is made");
        fs::write(&page, text()).expect("the page is written");
    }
    let written = fs::read_to_string(&page).unwrap_or_default();
    assert!(written == text(), "run UPDATE_DOCS=1 cargo test -p event-schemas --test docs_page");
}

fn text() -> String {
    let mut page = String::from(
        "# Events of a self-hosted Supabase\n\n\
         What Vector sends for each source, and which pages of Studio need it. Every field may be missing, and\n\
         further ones may be there; a list of objects may stand for an object. This page is made from the\n\
         [JSON Schemas](../schemas/sources).\n\n\
         | source | Studio's table | no row without | a column of the list is empty without |\n\
         |---|---|---|---|\n",
    );
    for source in SUPABASE_SOURCES.iter() {
        let fields = |shows| {
            let needed = described_fields(source.name).iter();
            let needed = needed.filter(|field| field.shows == Some(shows));
            needed.map(|field| format!("`{}`", field.path)).collect::<Vec<_>>().join(", ")
        };
        let (rows, columns) = (fields(Shows::Rows), fields(Shows::Column));
        let _ = writeln!(page, "| `{}` | `{}` | {rows} | {columns} |", source.name, source.table);
    }
    for source in SUPABASE_SOURCES.iter() {
        let schema = json_schema(source.name).expect("a source has a schema");
        let schema: serde_json::Value = serde_json::from_str(schema).expect("it is JSON");
        let said = |name: &str| schema[name].as_str().expect("a text").to_owned();
        let _ = write!(
            page,
            "\n## {}: `{}`\n\n{}\n\n| field | type | what it is | Studio |\n|---|---|---|---|\n",
            said("title"),
            source.name,
            said("description"),
        );
        for field in described_fields(source.name) {
            let _ = writeln!(
                page,
                "| `{}` | {} | {} | {} |",
                field.path,
                types(field),
                cell(&field.description),
                cell(field.studio.as_deref().unwrap_or("")),
            );
        }
    }
    page
}

/// `integer or string, read as int64`
fn types(field: &DescribedField) -> String {
    let types = field.types.join(" or ");
    match &field.read_as {
        Some(one) => format!("{types}, read as {one}"),
        None => types,
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
