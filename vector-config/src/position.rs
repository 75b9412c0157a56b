//! Where in a file a program stands.

use std::path::PathBuf;

use crate::loading::ConfigText;

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
        let line = text.text.lines().position(|line| names(line, component))?;
        Some(Place { file: text.path.clone(), line: line + 1, column: 1 })
    })
}

/// Where below a component's beginning an option, in lower case, is first written.
pub(crate) fn of_option(texts: &[ConfigText], component: &str, option: &str) -> Option<Place> {
    texts.iter().find_map(|text| {
        let lines: Vec<_> = text.text.lines().collect();
        let start = lines.iter().position(|line| names(line, component))?;
        let below = lines.iter().enumerate().skip(start + 1);
        let (line, found) = below
            .take_while(|(_, line)| !names_another(line, lines.get(start)))
            .map(|(place, line)| (place, line.to_ascii_lowercase()))
            .find(|(_, line)| line.contains(option))?;
        let column = found.find(option).map_or(0, |at| line_and_column(&found, at).1);
        Some(Place { file: text.path.clone(), line: line + 1, column: column + 1 })
    })
}

/// Whether a line begins another component beside the one that `start` begins.
fn names_another(line: &str, start: Option<&&str>) -> bool {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let begins = !line.trim().is_empty() && !line.trim_start().starts_with(['#', '}', ']']);
    match start {
        Some(start) if start.trim_start().starts_with('[') => line.starts_with('['),
        Some(start) => begins && indent(line) <= indent(start),
        None => false,
    }
}

/// Whether a line begins a component: `id:`, `"id": {`, `[sinks.id]`.
fn names(line: &str, component: &str) -> bool {
    let line = line.trim_start();
    let bare = line.trim_start_matches(['"', '\'']);
    let yaml_or_json = bare
        .strip_prefix(component)
        .is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':'));
    let table = line.strip_prefix('[').and_then(|line| line.split(']').next());
    yaml_or_json || table.is_some_and(|table| table.split('.').nth(1) == Some(component))
}

fn in_file(text: &ConfigText, component: &str, program: &str, offset: usize) -> Option<Place> {
    let whole_file = text.text.trim_end() == program.trim_end();
    let lines: Vec<_> = text.text.lines().collect();
    let start = if whole_file { 0 } else { first_line(&lines, component, program)? };
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
fn first_line(lines: &[&str], component: &str, program: &str) -> Option<usize> {
    let wanted: Vec<_> = program.trim().lines().map(str::trim).collect();
    let (first, rest) = wanted.split_first()?;
    let component = lines.iter().position(|line| names(line, component)).unwrap_or(0);
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
        vec![ConfigText { path: PathBuf::from("v.yml"), text: text.to_owned() }]
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
}
