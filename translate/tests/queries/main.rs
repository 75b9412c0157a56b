//! Queries without sources: how far they may grow, and what is made of them.

mod bounds;
mod safe;
mod set_operations;

use translate::{Diagnostic, Parameters, Request, SourceTable, Sources, Translation, translate};

struct NoSources;

impl Sources for NoSources {
    fn source(&self, _name: &str) -> Option<SourceTable> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

fn translated_with(query: &str, parameters: &Parameters) -> Result<Translation, Diagnostic> {
    let request = Request { endpoint: query, consumer: None, parameters, max_rows: 10 };
    translate(&request, &NoSources)
}

fn translated(query: &str) -> Result<Translation, Diagnostic> {
    translated_with(query, &Parameters::default())
}
