//! Keeps `docs/bigquery-sql.md` true. `UPDATE_DOCS=1 cargo test -p translate` writes it anew.

use std::{fmt::Write as _, fs, path::Path};

use translate::{
    CONSTRUCTS, FunctionKind, Parameters, Request, SourceTable, Sources, function_docs, translate,
};

struct Nothing;

impl Sources for Nothing {
    fn source(&self, _name: &str) -> Option<SourceTable> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

#[test]
fn the_page_is_as_the_declarations_are() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/bigquery-sql.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(page.parent().expect("it is in a folder")).expect("a folder is made");
        fs::write(&page, text()).expect("the page is written");
    }
    let written = fs::read_to_string(&page).unwrap_or_default();
    assert!(written == text(), "run UPDATE_DOCS=1 cargo test -p translate --test docs_page");
}

#[test]
fn examples_of_constructs_are_translated() {
    for construct in CONSTRUCTS {
        let request = Request {
            endpoint: construct.example,
            consumer: None,
            parameters: &Parameters::default(),
            max_rows: 100,
        };
        if let Err(error) = translate(&request, &Nothing) {
            panic!("{}: {error}", construct.example);
        }
    }
}

fn text() -> String {
    let mut page = String::from(
        "# BigQuery SQL in Logweir\n\n\
         What queries can have. What is not here is refused, with the place and the reason.\n\
         This page is made from the declarations of the translator.\n\n\
         ## Constructs\n\n| construct | what differs from BigQuery | example |\n|---|---|---|\n",
    );
    for construct in CONSTRUCTS {
        let example = code(construct.example);
        let _ = writeln!(page, "| {} | {} | {example} |", construct.name, construct.differs);
    }
    let mut family = "";
    for function in function_docs() {
        if function.family != family {
            family = function.family;
            let _ = write!(
                page,
                "\n## {family}\n\n| function | what it gives | example |\n|---|---|---|\n"
            );
        }
        let example = function
            .examples
            .first()
            .map_or(String::new(), |(call, value)| format!("{} → {}", code(call), code(value)));
        let kind = match function.kind {
            FunctionKind::Window => " OVER (…)",
            FunctionKind::Scalar | FunctionKind::Aggregate => "",
        };
        let name = function.name.replace('|', "\\|");
        let _ =
            writeln!(page, "| {name}{kind} | {} | {example} |", function.doc.replace('|', "\\|"));
    }
    page
}

/// Code in a cell of a table.
fn code(text: &str) -> String {
    let text = text.replace('|', "\\|").replace('\n', " ");
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}
