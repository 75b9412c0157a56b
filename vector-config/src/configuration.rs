//! The components of a configuration, and what Vector asks of all of them.

use serde_json::{Map, Value};

use crate::{
    interpolation::Variables,
    kind,
    loading::{self, ConfigPaths, ConfigText},
};

/// What a component does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Source,
    Transform,
    Sink,
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Transform => "transform",
            Self::Sink => "sink",
        }
    }
}

/// A source, transform or sink.
#[derive(Debug, Clone)]
pub(crate) struct Component {
    pub(crate) id: String,
    pub(crate) role: Role,
    /// `remap`, `http` …
    pub(crate) kind: String,
    /// As they are written: names of outputs, or patterns of them.
    pub(crate) inputs: Vec<String>,
    /// All other options.
    pub(crate) options: Map<String, Value>,
}

/// A configuration whose parts are told apart.
#[derive(Debug, Default)]
pub(crate) struct Configuration {
    pub(crate) components: Vec<Component>,
    /// The time zone of programs that say none.
    pub(crate) timezone: Option<String>,
    /// Inputs that match nothing are no error.
    pub(crate) relaxed_inputs: bool,
    pub(crate) texts: Vec<ConfigText>,
}

const TOP_LEVEL: [&str; 19] = [
    "acknowledgements",
    "api",
    "buffer_utilization_ewma_alpha",
    "buffer_utilization_ewma_half_life_seconds",
    "data_dir",
    "enrichment_tables",
    "expire_metrics",
    "expire_metrics_per_metric_set",
    "expire_metrics_secs",
    "healthchecks",
    "log_schema",
    "metrics_storage_refresh_period",
    "provider",
    "proxy",
    "schema",
    "secret",
    "telemetry",
    "timezone",
    "wildcard_matching",
];

impl Configuration {
    /// Loads a configuration and takes it apart.
    ///
    /// # Errors
    /// All that is wrong, in Vector's words where it has them.
    pub(crate) fn load(
        paths: &ConfigPaths,
        variables: Option<&Variables>,
    ) -> Result<Self, Vec<String>> {
        let loaded = loading::load(paths, variables)?;
        let mut errors = Vec::new();
        let mut configuration = Self { texts: loaded.texts, ..Self::default() };
        let root = loaded.root;
        for name in root.keys() {
            if !TOP_LEVEL.contains(&name.as_str())
                && !loading::COMPONENT_TABLES.contains(&name.as_str())
            {
                errors.push(format!("unknown field `{name}`"));
            }
        }
        configuration.timezone = text(root.get("timezone"));
        configuration.relaxed_inputs =
            root.get("wildcard_matching").is_some_and(|matching| matching == "relaxed");
        for (table, role) in
            [("sources", Role::Source), ("transforms", Role::Transform), ("sinks", Role::Sink)]
        {
            let Some(components) = root.get(table) else { continue };
            let Value::Object(components) = components else {
                errors.push(format!("{table}: expected a table of components"));
                continue;
            };
            for (id, options) in components {
                match component(id, role, options) {
                    Ok(component) => configuration.components.push(component),
                    Err(error) => errors.push(format!("{table}.{id}: {error}")),
                }
            }
        }
        errors.extend(configuration.faults());
        errors.extend(configuration.shared_names(&root));
        errors.extend(unknown_secrets(&root));
        if errors.is_empty() { Ok(configuration) } else { Err(errors) }
    }

    fn faults(&self) -> Vec<String> {
        let mut errors = Vec::new();
        let has = |role| self.components.iter().any(|component| component.role == role);
        if !has(Role::Source) {
            errors.push("No sources defined in the config.".to_owned());
        }
        if !has(Role::Sink) {
            errors.push("No sinks defined in the config.".to_owned());
        }
        for (place, component) in self.components.iter().enumerate() {
            let id = &component.id;
            if id.contains('.') {
                errors.push(format!("Component name \"{id}\" should not contain a \".\""));
            }
            let before = self.components.iter().take(place);
            if let Some(other) = before.clone().find(|other| other.id == *id) {
                errors.push(format!(
                    "More than one component with name \"{id}\" ({}, {}).",
                    other.role.name(),
                    component.role.name()
                ));
            }
        }
        errors
    }
}

impl Configuration {
    /// Tables share their names with components, and tests have names of their own.
    fn shared_names(&self, root: &Map<String, Value>) -> Vec<String> {
        let tables = root.get("enrichment_tables").and_then(Value::as_object);
        let shared = tables.into_iter().flat_map(Map::keys).filter_map(|table| {
            let other = self.components.iter().find(|component| component.id == *table)?;
            let role = other.role.name();
            Some(format!(
                "More than one component with name \"{table}\" ({role}, enrichment_table)."
            ))
        });
        let mut errors: Vec<_> = shared.collect();
        let tests = root.get("tests").and_then(Value::as_array);
        let mut names: Vec<_> =
            tests.into_iter().flatten().filter_map(|test| test.get("name")?.as_str()).collect();
        names.sort_unstable();
        let twice = names.windows(2).filter(|pair| pair.first() == pair.get(1));
        errors.extend(
            twice.filter_map(|pair| Some(format!("duplicate test name found: {}", pair.first()?))),
        );
        errors.dedup();
        errors
    }
}

fn component(id: &str, role: Role, options: &Value) -> Result<Component, String> {
    let Value::Object(options) = options else { return Err("expected a table".to_owned()) };
    let mut options = options.clone();
    let kind = match options.remove("type") {
        Some(Value::String(kind)) => kind,
        Some(_) => return Err("`type` must be a string".to_owned()),
        None => return Err("missing field `type`".to_owned()),
    };
    if !kind::all(role).any(|known| known == kind) {
        let known: Vec<_> = kind::all(role).collect();
        let known = known.join("`, `");
        return Err(format!("unknown variant `{kind}`, expected one of `{known}`"));
    }
    let inputs = match options.remove("inputs") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(input)) => vec![input],
        Some(Value::Array(inputs)) => inputs
            .iter()
            .map(|input| text(Some(input)).ok_or("`inputs` must be strings"))
            .collect::<Result<_, _>>()?,
        Some(_) => return Err("`inputs` must be a list of strings".to_owned()),
    };
    if role == Role::Source && !inputs.is_empty() {
        return Err("unknown field `inputs`".to_owned());
    }
    Ok(Component { id: id.to_owned(), role, kind, inputs, options })
}

/// Secrets are left as they are written: nobody needs them to see what is sent. What they are taken
/// from must be there.
fn unknown_secrets(root: &Map<String, Value>) -> Vec<String> {
    let mut used = Vec::new();
    root.values().for_each(|value| secret_backends(value, &mut used));
    used.sort();
    used.dedup();
    let known = |name: &String| root.get("secret").is_some_and(|all| all.get(name).is_some());
    used.retain(|name| !known(name));
    let said = |name: &String| {
        format!("Backend \"{name}\" is required for secret retrieval but was not found in config.")
    };
    used.iter().map(said).collect()
}

fn secret_backends(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            for after in text.split("SECRET[").skip(1) {
                if let Some((secret, _)) = after.split_once(']')
                    && let Some((backend, _)) = secret.split_once('.')
                {
                    found.push(backend.to_owned());
                }
            }
        }
        Value::Array(elements) => elements.iter().for_each(|one| secret_backends(one, found)),
        Value::Object(fields) => fields.values().for_each(|one| secret_backends(one, found)),
        _ => {}
    }
}

/// A value that is text.
pub(crate) fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(yaml: &str) -> Result<Configuration, Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vector.yml");
        std::fs::write(&path, yaml).unwrap();
        let files = vec![(path.display().to_string(), None)];
        Configuration::load(&ConfigPaths { files, folders: Vec::new() }, None)
    }

    #[test]
    fn components_are_told_apart() {
        let configuration = loaded(
            "timezone: Europe/Berlin\nsources: {in: {type: stdin}}\n\
             transforms: {t: {type: remap, inputs: in, source: '.a = 1'}}\n\
             sinks: {out: {type: blackhole, inputs: [t, in]}}\n",
        )
        .unwrap();
        let shown: Vec<_> = configuration
            .components
            .iter()
            .map(|one| (one.id.as_str(), one.role, one.kind.as_str(), one.inputs.join(",")))
            .collect();
        assert_eq!(
            shown,
            [
                ("in", Role::Source, "stdin", String::new()),
                ("t", Role::Transform, "remap", "in".to_owned()),
                ("out", Role::Sink, "blackhole", "t,in".to_owned()),
            ]
        );
        assert_eq!(configuration.timezone.as_deref(), Some("Europe/Berlin"));
        assert_eq!(configuration.components[1].options.len(), 1);
    }

    #[test]
    fn mistakes_are_said() {
        const REST: &str =
            "sources: {in: {type: stdin}}\nsinks: {out: {type: console, inputs: [in]}}\n";
        for (text, expected) in [
            ("", "No sources defined in the config."),
            ("sources: {in: {type: stdin}}\n", "No sinks defined in the config."),
            (&format!("{REST}sink: {{}}\n"), "unknown field `sink`"),
            (
                &format!("{REST}transforms: {{in: {{type: remap}}}}\n"),
                "More than one component with name \"in\" (source, transform).",
            ),
            (
                &format!("{REST}transforms: {{a.b: {{type: remap}}}}\n"),
                "Component name \"a.b\" should not contain a \".\"",
            ),
            (
                &format!("{REST}enrichment_tables: {{in: {{type: file}}}}\n"),
                "More than one component with name \"in\" (source, enrichment_table).",
            ),
            (
                &format!("{REST}tests: [{{name: t}}, {{name: u}}, {{name: t}}]\n"),
                "duplicate test name found: t",
            ),
            (
                &format!("{REST}transforms: {{a: {{inputs: [in]}}}}\n"),
                "transforms.a: missing field `type`",
            ),
            (
                &format!("{REST}transforms: {{a: {{type: remap, inputs: [1]}}}}\n"),
                "transforms.a: `inputs` must be strings",
            ),
            (
                &format!("{REST}transforms: {{a: {{type: remap, x: 'SECRET[vault.key]'}}}}\n"),
                "Backend \"vault\" is required for secret retrieval but was not found in config.",
            ),
        ] {
            let errors = loaded(text).unwrap_err();
            assert!(errors.contains(&expected.to_owned()), "{expected}: {errors:?}");
        }
    }

    #[test]
    fn types_that_vector_has_not_are_said() {
        let errors = loaded(
            "sources: {in: {type: stdout}}\ntransforms: {t: {type: remapp, inputs: [in]}}\n\
             sinks: {out: {type: htp, inputs: [in]}}\n",
        )
        .unwrap_err();
        for (of, kind, known) in [
            ("sources.in", "stdout", "`stdin`"),
            ("transforms.t", "remapp", "`remap`"),
            ("sinks.out", "htp", "`http`"),
        ] {
            let begins = format!("{of}: unknown variant `{kind}`, expected one of ");
            let said = errors.iter().find(|error| error.starts_with(&begins));
            assert!(said.is_some_and(|error| error.contains(known)), "{errors:?}");
        }
    }

    #[test]
    fn a_secret_of_a_known_backend_is_left_as_it_is() {
        let configuration = loaded(
            "secret: {env: {type: exec, command: [x]}}\nsources: {in: {type: stdin}}\n\
             sinks: {out: {type: console, inputs: [in], key: 'SECRET[env.token]'}}\n",
        )
        .unwrap();
        assert_eq!(configuration.components[1].options["key"], "SECRET[env.token]");
    }
}
