//! Shows a query as it is without stored queries: for people, it is not what runs.

use crate::{
    Extent, Parameters, STACK_BYTES, SourceTable, Sources, StoredQuery, TableColumns, bounds,
    diagnostic::{Diagnostic, Position},
    resolve::{self, Named},
    syntax,
};

/// Most bytes that a query may come to.
const MAX_EXPANDED: usize = 4 << 20;

/// What a query asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expanded {
    /// Names of its parameters, without `@`, in the order in which they come first.
    pub parameters: Vec<String>,
    /// Its text, with the text of each stored query where that is named.
    pub text: String,
}

/// Parses a query, and puts the texts of stored queries where they are named. Names and types are
/// not looked at.
pub fn expand(query: &str, sources: &dyn Sources) -> Result<Expanded, Diagnostic> {
    stacker::grow(STACK_BYTES, || {
        let parsed = syntax::parse(query)?;
        let parameters = syntax::parameter_names(query)?;
        let any = Anything(sources);
        let none = Parameters::default();
        let resolved = bounds::within(|| resolve::resolve(&parsed, None, &none, &any, Extent::All));
        // What cannot be understood is shown as it stands.
        let named = resolved.map(|resolved| resolved.named).unwrap_or_default();
        Ok(Expanded { parameters, text: replaced(query, named, sources)? })
    })
}

/// Takes every name that is no stored query for a source.
pub(crate) struct Anything<'s>(pub(crate) &'s dyn Sources);

impl Sources for Anything<'_> {
    fn source(&self, name: &str) -> Option<SourceTable> {
        let known = self.0.source(name);
        if known.is_some() || self.0.stored_query(name).is_some() {
            return known;
        }
        Some(SourceTable {
            table: String::new(),
            schema: std::sync::Arc::default(),
            columns: TableColumns::Event,
        })
    }

    fn names(&self) -> Vec<String> {
        self.0.names()
    }

    fn stored_query(&self, name: &str) -> Option<StoredQuery<'_>> {
        self.0.stored_query(name)
    }
}

fn replaced(
    query: &str,
    mut named: Vec<Named>,
    sources: &dyn Sources,
) -> Result<String, Diagnostic> {
    let mut text = String::with_capacity(query.len());
    let mut shown = 0;
    named.retain(|named| named.within.is_none() && named.source.is_none());
    in_order(&mut named);
    for Named { name, start, end, unaliased, .. } in named {
        let at = start;
        let (Some(start), Some(end)) = (byte_at(query, start), byte_at(query, end)) else {
            continue;
        };
        // One within another stands in that one's text.
        let Some(before) = query.get(shown..start).filter(|_| start <= end) else { continue };
        let Some(stored) = sources.stored_query(&name) else { continue };
        let stored = stored.text.trim().trim_end_matches(';').trim_end();
        let alias = unaliased.map_or(String::new(), |alias| format!(" as `{alias}`"));
        // A comment at its end must not take what follows.
        text.extend([before, "(", stored, "\n)", &alias]);
        shown = end;
        if text.len() > MAX_EXPANDED {
            let message = format!("The query comes to more than {MAX_EXPANDED} bytes");
            return Err(Diagnostic::refused(at, message));
        }
    }
    text.push_str(query.get(shown..).unwrap_or_default());
    Ok(text)
}

/// In the order in which they stand in the text, each once.
pub(crate) fn in_order(named: &mut Vec<Named>) {
    named.sort_by_key(|named| (named.start.line, named.start.column));
    named.dedup_by_key(|named| (named.start.line, named.start.column));
}

/// The byte at which a place of a text is.
pub(crate) fn byte_at(text: &str, at: Position) -> Option<usize> {
    let line = text.split_inclusive('\n').nth(usize::try_from(at.line.checked_sub(1)?).ok()?)?;
    let begin = line.as_ptr() as usize - text.as_ptr() as usize;
    let column = usize::try_from(at.column.checked_sub(1)?).ok()?;
    let in_line = line.char_indices().nth(column).map_or(line.len(), |(byte, _)| byte);
    Some(begin + in_line)
}
