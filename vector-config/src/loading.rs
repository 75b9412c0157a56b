//! From files to one configuration, as Vector finds and merges them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use crate::{
    document::{self, Format},
    interpolation::{Variables, interpolate},
};

/// Where a configuration is.
#[derive(Debug, Clone, Default)]
pub struct ConfigPaths {
    /// Files, also patterns such as `conf/*.yml`, with the format where it is not the ending's.
    pub files: Vec<(String, Option<Format>)>,
    /// Folders: their files are merged, and each file in `sources`, `transforms` … is a component.
    pub folders: Vec<PathBuf>,
}

/// The text of a file.
#[derive(Debug, Clone)]
pub(crate) struct ConfigText {
    pub(crate) path: PathBuf,
    /// With its variables replaced.
    pub(crate) text: String,
    /// As it is written.
    pub(crate) written: String,
}

/// What was loaded.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) root: Map<String, Value>,
    pub(crate) texts: Vec<ConfigText>,
}

/// The tables of a configuration that hold components.
pub(crate) const COMPONENT_TABLES: [&str; 5] =
    ["sources", "transforms", "sinks", "tests", "enrichment_tables"];

/// Loads files and folders. `variables` are put in where Vector would, `None` leaves the texts as
/// they are.
///
/// # Errors
/// All that is wrong, each with its file.
pub(crate) fn load(
    paths: &ConfigPaths,
    variables: Option<&Variables>,
) -> Result<Loaded, Vec<String>> {
    let files = found_files(&paths.files)?;
    if files.is_empty() && paths.folders.is_empty() {
        return Err(vec!["No config file paths".to_owned()]);
    }
    let mut loading = Loading { loaded: Loaded::default(), variables, errors: Vec::new() };
    for (path, format) in files {
        if let Some(table) = loading.read(&path, format) {
            loading.append(table);
        }
    }
    for folder in &paths.folders {
        let table = loading.folder(folder);
        loading.append(table);
    }
    if loading.errors.is_empty() { Ok(loading.loaded) } else { Err(loading.errors) }
}

/// Paths of files, sorted, each once.
fn found_files(
    patterns: &[(String, Option<Format>)],
) -> Result<Vec<(PathBuf, Format)>, Vec<String>> {
    let mut files = Vec::new();
    let mut errors = Vec::new();
    for (pattern, format) in patterns {
        match glob::glob(pattern) {
            Ok(found) => {
                let before = files.len();
                files.extend(found.filter_map(Result::ok).map(|path| {
                    let format = format.or_else(|| ending(&path)).unwrap_or(Format::Toml);
                    (path, format)
                }));
                if files.len() == before {
                    errors.push(format!("Config file not found in path. path = {pattern:?}"));
                }
            }
            Err(error) => errors.push(format!("Failed to read glob pattern {pattern:?}: {error}")),
        }
    }
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    files.dedup_by(|(one, _), (other, _)| one == other);
    if errors.is_empty() { Ok(files) } else { Err(errors) }
}

fn ending(path: &Path) -> Option<Format> {
    Format::of_ending(path.extension()?.to_str()?)
}

struct Loading<'a> {
    loaded: Loaded,
    variables: Option<&'a Variables>,
    errors: Vec<String>,
}

impl Loading<'_> {
    fn fail(&mut self, path: &Path, error: &dyn std::fmt::Display) {
        self.errors.push(format!("{}: {error}", path.display()));
    }

    fn read(&mut self, path: &Path, format: Format) -> Option<Map<String, Value>> {
        let written = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                self.fail(path, &error);
                return None;
            }
        };
        let text = match self.variables.map(|variables| interpolate(&written, variables)) {
            None => written.clone(),
            Some(Ok(text)) => text,
            Some(Err(errors)) => {
                self.errors.extend(errors);
                return None;
            }
        };
        match document::parse(&text, format) {
            Ok(table) => {
                self.loaded.texts.push(ConfigText { path: path.to_owned(), text, written });
                Some(table)
            }
            Err(error) => {
                self.fail(path, &error);
                None
            }
        }
    }

    /// Adds a file's table: components of several files stand side by side, all else must agree.
    fn append(&mut self, table: Map<String, Value>) {
        for (name, value) in table {
            let components = COMPONENT_TABLES.contains(&name.as_str());
            match (self.loaded.root.get_mut(&name), value) {
                (None, value) => {
                    self.loaded.root.insert(name, value);
                }
                (Some(Value::Array(all)), Value::Array(more)) => all.extend(more),
                (Some(Value::Object(all)), Value::Object(more)) if components => {
                    for (id, component) in more {
                        if all.contains_key(&id) {
                            let kind = name.trim_end_matches('s');
                            self.errors.push(format!("duplicate {kind} id found: {id}"));
                        } else {
                            all.insert(id, component);
                        }
                    }
                }
                (Some(known), value) if *known == value => {}
                (Some(_), _) => {
                    self.errors.push(format!("conflicting values for '{name}' found"));
                }
            }
        }
    }

    /// A folder's files are merged deep, in the order of their names.
    fn folder(&mut self, folder: &Path) -> Map<String, Value> {
        let mut merged = Map::new();
        let entries = self.entries(folder);
        for path in entries.iter().filter(|path| path.is_file()) {
            let Some(format) = ending(path) else { continue };
            if let Some(table) = self.read(path, format)
                && let Err(error) = merge(&mut merged, table)
            {
                self.fail(path, &error);
            }
        }
        for name in COMPONENT_TABLES {
            let inside = folder.join(name);
            if inside.is_dir() {
                let components = self.components(&inside, name == "transforms");
                let table = [(name.to_owned(), Value::Object(components))].into_iter().collect();
                if let Err(error) = merge(&mut merged, table) {
                    self.fail(&inside, &error);
                }
            }
        }
        merged
    }

    /// The files of a folder such as `sinks`, by their names without the ending.
    fn components(&mut self, folder: &Path, recursive: bool) -> Map<String, Value> {
        let mut components = Map::new();
        for path in self.entries(folder) {
            if path.is_dir() {
                if recursive {
                    components.extend(self.components(&path, true));
                }
                continue;
            }
            let (Some(format), Some(id)) = (ending(&path), path.file_stem()) else { continue };
            let id = id.to_string_lossy().into_owned();
            if let Some(table) = self.read(&path, format) {
                components.insert(id, Value::Object(table));
            }
        }
        components
    }

    /// What is in a folder and not hidden, by name.
    fn entries(&mut self, folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder)
            .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>());
        let mut entries: Vec<PathBuf> = match entries {
            Ok(entries) => entries,
            Err(error) => {
                self.fail(folder, &error);
                Vec::new()
            }
        };
        entries.retain(|path| {
            path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.'))
        });
        entries.sort();
        entries
    }
}

/// Lists are joined, tables merged, all else is what the later one says.
fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) -> Result<(), String> {
    for (name, value) in from {
        match (into.get_mut(&name), value) {
            (Some(Value::Object(all)), Value::Object(more)) => merge(all, more)?,
            (Some(Value::Array(all)), Value::Array(more)) => all.extend(more),
            (Some(known), value) if kind(known) != kind(&value) => {
                return Err(format!("Duplicate fields conflict on {name:?}"));
            }
            (_, value) => {
                into.insert(name, value);
            }
        }
    }
    Ok(())
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn files(folder: &tempfile::TempDir, patterns: &[&str]) -> ConfigPaths {
        let pattern = |name: &&str| (folder.path().join(name).display().to_string(), None);
        ConfigPaths { files: patterns.iter().map(pattern).collect(), folders: Vec::new() }
    }

    #[test]
    fn files_stand_side_by_side() {
        let folder = folder(&[
            ("b.toml", "timezone = 'UTC'\n[sources.b]\ntype = 'stdin'\n"),
            ("a.yml", "timezone: UTC\nsources: {a: {type: stdin}}\n"),
            ("c.json", r#"{"sources": {"c": {"type": "stdin"}}}"#),
        ]);
        let loaded = load(&files(&folder, &["*", "a.yml"]), None).unwrap();
        assert_eq!(
            Value::Object(loaded.root),
            json!({"timezone": "UTC", "sources": {
                "a": {"type": "stdin"}, "b": {"type": "stdin"}, "c": {"type": "stdin"}}})
        );
        let names: Vec<_> = loaded.texts.iter().map(|text| text.path.file_name()).collect();
        assert_eq!(names.len(), 3, "each once: {names:?}");
    }

    #[test]
    fn what_cannot_be_joined_is_an_error() {
        let folder = folder(&[
            ("a.yml", "timezone: UTC\nsinks: {a: {type: console}}\n"),
            ("b.yml", "timezone: Europe/Berlin\nsinks: {a: {type: blackhole}}\n"),
            ("broken.yml", "sinks: ["),
        ]);
        let errors = load(&files(&folder, &["a.yml", "b.yml"]), None).unwrap_err();
        let expected = ["duplicate sink id found: a", "conflicting values for 'timezone' found"];
        assert!(expected.iter().all(|one| errors.contains(&(*one).to_owned())), "{errors:?}");
        let errors = load(&files(&folder, &["none-*.yml"]), None).unwrap_err();
        assert!(errors[0].starts_with("Config file not found in path."), "{errors:?}");
        let errors = load(&files(&folder, &["broken.yml"]), None).unwrap_err();
        assert!(errors[0].contains("broken.yml: "), "{errors:?}");
        assert_eq!(load(&ConfigPaths::default(), None).unwrap_err(), ["No config file paths"]);
    }

    #[test]
    fn a_folder_is_merged_and_its_folders_hold_components() {
        let folder = folder(&[
            ("a.yml", "sinks: {x: {type: http, inputs: [a], batch: {max_bytes: 1}}}\n"),
            ("b.yml", "sinks: {x: {inputs: [b], batch: {max_events: 2}}}\n"),
            ("sources/in.yml", "type: stdin\n"),
            ("transforms/deep/er.toml", "type = 'remap'\n"),
            (".hidden.yml", "sinks: ["),
            ("notes.txt", "sinks: ["),
        ]);
        let paths = ConfigPaths { files: Vec::new(), folders: vec![folder.path().to_owned()] };
        let loaded = load(&paths, None).unwrap();
        assert_eq!(
            Value::Object(loaded.root),
            json!({
                "sinks": {"x": {"type": "http", "inputs": ["a", "b"],
                    "batch": {"max_bytes": 1, "max_events": 2}}},
                "sources": {"in": {"type": "stdin"}},
                "transforms": {"er": {"type": "remap"}},
            })
        );
        fs::write(folder.path().join("c.yml"), "sinks: 1\n").unwrap();
        let errors = load(&paths, None).unwrap_err();
        assert!(errors[0].contains("Duplicate fields conflict"), "{errors:?}");
    }

    #[test]
    fn variables_are_put_in_before_the_text_is_read() {
        let folder = folder(&[("a.yml", "sources: {a: {type: $KIND}}\n")]);
        let paths = files(&folder, &["a.yml"]);
        let variables = [("KIND".to_owned(), "stdin".to_owned())].into();
        assert_eq!(load(&paths, Some(&variables)).unwrap().root["sources"]["a"]["type"], "stdin");
        assert_eq!(load(&paths, None).unwrap().root["sources"]["a"]["type"], "$KIND");
        assert!(load(&paths, Some(&Variables::new())).is_err());
    }
}
