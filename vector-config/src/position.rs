//! Where in a file a program stands.

use std::path::PathBuf;

use crate::loading::{COMPONENT_TABLES, ConfigText};

/// A place in a file, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as it was asked for.
    pub file: PathBuf,
    /// The line.
    pub line: usize,
    /// The column in characters.
    pub column: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// The line and the column of a byte of a text, counted from 0.
pub(crate) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count());
    (line, column)
}

/// Where a byte of a component's program stands in the files. Programs that a file folds or quotes
/// line by line have no such place; then it is where the component begins.
pub(crate) fn in_files(
    texts: &[ConfigText],
    component: &str,
    program: &str,
    offset: usize,
) -> Option<Place> {
    texts
        .iter()
        .find_map(|text| in_file(text, component, program, offset))
        .or_else(|| of_component(texts, component))
}

/// Where a component begins.
pub(crate) fn of_component(texts: &[ConfigText], component: &str) -> Option<Place> {
    texts.iter().find_map(|text| {
        let lines: Vec<_> = text.text.lines().collect();
        let line = beginning(text, &lines, component)?;
        Some(Place { file: text.path.clone(), line: line + 1, column: 1 })
    })
}

/// Where below a component's beginning an option, in lower case, is first written.
pub(crate) fn of_option(texts: &[ConfigText], component: &str, option: &str) -> Option<Place> {
    texts.iter().find_map(|text| {
        let lines: Vec<_> = text.text.lines().collect();
        let start = beginning(text, &lines, component)?;
        let own_file = is_file_of(text, component);
        let below = lines.iter().enumerate().skip(if own_file { start } else { start + 1 });
        let (line, column) = below
            .take_while(|(_, line)| own_file || !names_another(line, lines.get(start)))
            .find_map(|(place, line)| Some((place, key_in(line, option)?)))?;
        Some(Place { file: text.path.clone(), line: line + 1, column: column + 1 })
    })
}

/// The column of a key in a line, in characters from 0: `option:`, `"option":`, `option =`, and as
/// the name of a table.
fn key_in(line: &str, option: &str) -> Option<usize> {
    let line = line.to_ascii_lowercase();
    let code = line.split(" #").next().filter(|code| !code.trim_start().starts_with('#'))?;
    let is_table = code.trim_start().starts_with('[');
    let is_key = |at: &usize| {
        let before = code.get(..*at).and_then(|before| before.chars().next_back());
        let after = code.get(*at + option.len()..).unwrap_or_default();
        let after = after.trim_start_matches(['"', '\'']).trim_start();
        let ends = after.starts_with([':', '=']) || is_table && after.starts_with([']', '.']);
        ends && !before.is_some_and(|one| one.is_ascii_alphanumeric() || one == '_' || one == '-')
    };
    let at = code.match_indices(option).map(|(at, _)| at).find(is_key)?;
    Some(line_and_column(code, at).1)
}

/// The line on which a component begins, from 0: directly below the table of its kind.
fn beginning(text: &ConfigText, lines: &[&str], component: &str) -> Option<usize> {
    if is_file_of(text, component) {
        return Some(0);
    }
    if let Some(line) = lines.iter().position(|line| is_table_of(line, component)) {
        return Some(line);
    }
    COMPONENT_TABLES.iter().find_map(|table| {
        let head = lines.iter().position(|line| is_key(line, table))?;
        let top = lines.get(head)?;
        if key_in(top, &component.to_ascii_lowercase()).is_some() {
            return Some(head);
        }
        let inside = lines.iter().enumerate().skip(head + 1);
        let inside = inside.take_while(|(_, line)| !names_another(line, Some(top)));
        let mut inside = inside.filter(|(_, line)| is_written(line));
        let (first, line) = inside.next()?;
        if is_key(line, component) {
            return Some(first);
        }
        let depth = indent(line);
        let mut beside = inside.filter(|(_, line)| indent(line) == depth);
        beside.find(|(_, line)| is_key(line, component)).map(|(place, _)| place)
    })
}

/// Whether a file of a folder such as `sinks` holds this component and nothing else.
fn is_file_of(text: &ConfigText, component: &str) -> bool {
    let folder = text.path.parent().and_then(|folder| folder.file_name());
    folder.is_some_and(|name| COMPONENT_TABLES.iter().any(|table| name == *table))
        && text.path.file_stem().is_some_and(|stem| stem == component)
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Whether a line says something, and does not only end what others said.
fn is_written(line: &str) -> bool {
    !line.trim().is_empty() && !line.trim_start().starts_with(['#', '}', ']'])
}

/// Whether a line begins another component beside the one that `start` begins.
fn names_another(line: &str, start: Option<&&str>) -> bool {
    match start {
        Some(start) if start.trim_start().starts_with('[') => {
            let own = start.trim_end().strip_suffix(']').unwrap_or(start);
            let inside = line.strip_prefix(own).is_some_and(|rest| rest.starts_with('.'));
            line.starts_with('[') && !inside
        }
        Some(start) => is_written(line) && indent(line) <= indent(start),
        None => false,
    }
}

/// Whether a line begins with a key: `id:`, `"id": {`.
fn is_key(line: &str, name: &str) -> bool {
    let bare = line.trim_start().trim_start_matches(['"', '\'']);
    bare.strip_prefix(name)
        .is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':'))
}

/// Whether a line begins a component as TOML does: `[sinks.id]`.
fn is_table_of(line: &str, component: &str) -> bool {
    let table = line.trim_start().strip_prefix('[').and_then(|line| line.split(']').next());
    table.and_then(|table| table.split_once('.')).is_some_and(|(table, id)| {
        COMPONENT_TABLES.contains(&table) && id.trim_matches(['"', '\'']) == component
    })
}

fn in_file(text: &ConfigText, component: &str, program: &str, offset: usize) -> Option<Place> {
    let whole_file = text.text.trim_end() == program.trim_end();
    let lines: Vec<_> = text.text.lines().collect();
    let below = beginning(text, &lines, component).unwrap_or(0);
    let start = if whole_file { 0 } else { first_line(&lines, below, program)? };
    // Blank lines before the first are not seen by the comparison.
    let skipped = program.lines().take_while(|line| line.trim().is_empty()).count();
    let skipped = if whole_file { 0 } else { skipped };
    let (in_program, column) = line_and_column(program, offset);
    let line = (start + in_program).checked_sub(skipped)?;
    let inside = program.lines().nth(in_program).unwrap_or("");
    let indent = inside.chars().take_while(|c| c.is_whitespace()).count();
    let of_file = lines.get(line)?;
    let begins = of_file.find(inside.trim()).map_or(0, |at| line_and_column(of_file, at).1);
    let column = begins + column.saturating_sub(indent) + 1;
    Some(Place { file: text.path.clone(), line: line + 1, column })
}

/// The line on which a program begins: the first such place below the component's beginning.
fn first_line(lines: &[&str], component: usize, program: &str) -> Option<usize> {
    let wanted: Vec<_> = program.trim().lines().map(str::trim).collect();
    let (first, rest) = wanted.split_first()?;
    (component..lines.len()).find(|start| {
        let mut below = lines.iter().skip(*start);
        let begins = below.next().is_some_and(|line| {
            let line = line.trim_end();
            if rest.is_empty() { line.contains(first) } else { line.ends_with(first) }
        });
        begins && rest.iter().all(|wanted| below.next().is_some_and(|line| line.trim() == *wanted))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<ConfigText> {
        let (text, written) = (text.to_owned(), text.to_owned());
        vec![ConfigText { path: PathBuf::from("v.yml"), text, written }]
    }

    const YAML: &str = "\
transforms:
  one:
    type: remap
    source: |-
      .a = 1
      if .b {
        .c = 2
      }
  two:
    type: remap
    source: |-
      .a = 1
  three:
    type: filter
    condition: '.a == 1'
    drop: x
";

    fn at(component: &str, program: &str, offset: usize) -> String {
        in_files(&texts(YAML), component, program, offset).unwrap().to_string()
    }

    #[test]
    fn a_program_is_found_in_its_file() {
        let program = ".a = 1\nif .b {\n  .c = 2\n}";
        assert_eq!(at("one", program, 0), "v.yml:5:7");
        assert_eq!(at("one", program, program.find(".c").unwrap()), "v.yml:7:9");
        assert_eq!(at("one", program, program.find("2").unwrap()), "v.yml:7:14");
        assert_eq!(at("two", ".a = 1", 5), "v.yml:12:12");
        assert_eq!(at("three", ".a == 1", 3), "v.yml:15:20");
        assert_eq!(at("one", "\n.a = 1\nif .b {\n  .c = 2\n}", 1), "v.yml:5:7");
        assert_eq!(at("two", "folded text", 3), "v.yml:9:1", "the component");
    }

    #[test]
    fn options_are_found_below_their_component() {
        let place = |component, option| {
            of_option(&texts(YAML), component, option).map(|place| place.to_string())
        };
        assert_eq!(place("two", "source").as_deref(), Some("v.yml:11:5"));
        assert_eq!(place("three", "drop").as_deref(), Some("v.yml:16:5"));
        assert_eq!(place("one", "condition"), None);
        let toml = texts("[sinks.a]\nuri = 'x'\n[sinks.a.request]\nz = 1\n[sinks.b]\nuri = 'y'\n");
        assert_eq!(of_component(&toml, "b").unwrap().line, 5);
        assert_eq!(of_option(&toml, "b", "uri").unwrap().line, 6);
    }

    /// What has a component's name elsewhere is none, and what only holds an option's name is no
    /// option.
    #[test]
    fn names_and_options_are_told_from_other_text() {
        const YAML: &str = "\
api:
  uri: true
secret:
  out:
    type: exec
transforms:
  made:
    type: remap
    source: |-
      # out: is none
      .out = {\"out\": 1}
sinks:
  # out:
  other:
    type: console
    out: 1
  out:
    type: http
    # uri: none
    encoding: {codec: json, only_fields: [uri]}
    request: {headers: {x-uri: a, X-Api-Key: key}}
    uri: http://a/logs?api_key=x
";
        let texts = texts(YAML);
        assert_eq!(of_component(&texts, "out").unwrap().line, 17);
        let place = |option| of_option(&texts, "out", option).map(|place| place.to_string());
        assert_eq!(place("uri").as_deref(), Some("v.yml:22:5"));
        assert_eq!(place("codec").as_deref(), Some("v.yml:20:16"));
        assert_eq!(place("x-api-key").as_deref(), Some("v.yml:21:35"));
        assert_eq!(place("api_key").as_deref(), Some("v.yml:22:24"));
        assert_eq!(place("only"), None);
        assert_eq!(of_component(&texts, "api"), None);
    }

    #[test]
    fn components_are_found_in_every_form() {
        let json =
            texts("{\n  \"sinks\": {\n    \"out\": {\n      \"uri\": \"x\"\n    }\n  }\n}\n");
        assert_eq!(of_component(&json, "out").unwrap().line, 3);
        assert_eq!(of_option(&json, "out", "uri").unwrap().line, 4);
        let flow = texts("sources: {in: {type: stdin}}\nsinks:\n  out: {uri: x}\n");
        assert_eq!(of_component(&flow, "in").unwrap().line, 1);
        assert_eq!(of_component(&flow, "out").unwrap().line, 3);
        let mut file = texts("type: http\nuri: x\n");
        file[0].path = PathBuf::from("conf/sinks/out.yml");
        assert_eq!(of_component(&file, "out").unwrap().line, 1);
        assert_eq!(of_option(&file, "out", "uri").unwrap().line, 2);
        assert_eq!(of_component(&file, "uri"), None);
        let toml = texts("[secret.out]\nx = 1\n[sinks.out]\n[sinks.out.buffer]\ntype = 'disk'\n");
        assert_eq!(of_component(&toml, "out").unwrap().line, 3);
        assert_eq!(of_option(&toml, "out", "buffer").unwrap().line, 4);
        assert_eq!(of_option(&toml, "out", "type").unwrap().line, 5);
    }
}
