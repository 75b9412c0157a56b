//! `logweir validate`: what a Vector configuration would send, held against the schemas.

mod progress_bar;

use std::{
    collections::BTreeMap,
    error::Error,
    fs::{self, File},
    io::{self, BufReader, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use clap::{Args, ValueEnum};
use vector_config::{
    ConfigPaths, Format, Level, Report, ReportFormat, Rule, Settings, Validation, Variables,
    VectorVersion,
};

use progress_bar::ProgressBar;

/// Where Vector looks for its configuration.
const DEFAULT_CONFIG: &str = "/etc/vector/vector.yaml";

/// What is validated, and how it is told.
#[derive(Debug, Clone, Args, PartialEq, Eq)]
pub(crate) struct ValidateArguments {
    /// Files of the configuration, also patterns; those of VECTOR_CONFIG when none are given
    #[arg(value_name = "FILE")]
    files: Vec<String>,
    /// Each file is a configuration of its own, not a part of one
    #[arg(
        long,
        requires = "files",
        conflicts_with_all = ["config", "config_dir", "output", "update_samples"]
    )]
    each: bool,
    /// The same, as Vector's own option
    #[arg(short, long, value_name = "FILE", value_delimiter = ',')]
    config: Vec<String>,
    /// Files that are YAML, whatever their names are
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    config_yaml: Vec<String>,
    /// Files that are TOML, whatever their names are
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    config_toml: Vec<String>,
    /// Files that are JSON, whatever their names are
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    config_json: Vec<String>,
    /// Folders of the configuration
    #[arg(short = 'C', long, value_name = "FOLDER", value_delimiter = ',')]
    config_dir: Vec<PathBuf>,
    /// Events to run: lines of JSON, or of `docker compose logs`; `-` is standard input
    #[arg(long, value_name = "FILE")]
    events: Vec<PathBuf>,
    /// The source of the configuration that makes the events
    #[arg(long, value_name = "ID")]
    source: Option<String>,
    /// How the report is written
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
    /// Where it is written to; standard output when left out
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The version of Vector that will run the configuration
    #[arg(long, value_name = "VERSION", default_value = "0.58")]
    vector_version: VectorVersion,
    /// Put environment variables into the configuration, as Vector's own option
    #[arg(long)]
    dangerously_allow_env_var_interpolation: bool,
    /// Leave environment variables in the configuration as they are, as Vector's own option
    #[arg(long, conflicts_with = "dangerously_allow_env_var_interpolation")]
    disable_env_var_interpolation: bool,
    /// A source that the server has besides those of every Supabase
    #[arg(long, value_name = "NAME")]
    known_source: Vec<String>,
    /// A source whose `repair` is on in the server: what is filled there is not missed here
    #[arg(long, value_name = "NAME", value_parser = repaired, value_delimiter = ',')]
    repaired: Vec<String>,
    /// A rule that is not looked at, for example `buffer`
    #[arg(long, value_name = "RULE", value_parser = rule, value_delimiter = ',')]
    allow: Vec<Rule>,
    /// Write events that pass into this folder, a file for each source
    #[arg(long, value_name = "FOLDER")]
    update_samples: Option<PathBuf>,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object
    Json,
    /// JUnit's XML
    Junit,
    /// SARIF 2.1.0
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

fn rule(name: &str) -> Result<Rule, String> {
    let may_be_allowed = |rule: &Rule| rule.level() != Level::Fatal;
    match Rule::ALL.into_iter().find(|rule| rule.name() == name) {
        Some(rule) if may_be_allowed(&rule) => Ok(rule),
        Some(_) => Err("it cannot be allowed: Vector would not start, or the events cannot be \
                        read"
            .to_owned()),
        None => {
            let names = Rule::ALL.iter().filter(|rule| may_be_allowed(rule));
            let names: Vec<_> = names.map(|rule| rule.name()).collect();
            Err(format!("there is no such rule; there are {}", names.join(", ")))
        }
    }
}

fn repaired(name: &str) -> Result<String, String> {
    let has_repair = |name: &str| event_schemas::repair_program(name).is_some();
    if has_repair(name) {
        return Ok(name.to_owned());
    }
    let names = event_schemas::SUPABASE_SOURCES.iter().map(|source| source.name);
    let names: Vec<_> = names.filter(|name| has_repair(name)).collect();
    Err(format!("the server repairs no such source; it does {}", names.join(", ")))
}

/// Validates; the exit code is 0 where nothing is found, 1 where something is, and 78 where Vector
/// would not start, or the events cannot be read.
pub(crate) fn run(arguments: &ValidateArguments) -> ExitCode {
    let environment = environment();
    let worst = alone(arguments).and_then(|all| {
        all.iter().try_fold(0, |worst, arguments| {
            let report = validated(arguments, &environment)?;
            written(arguments, &report)?;
            Ok(report.exit_code().max(worst))
        })
    });
    match worst {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("logweir: {error}");
            ExitCode::from(78)
        }
    }
}

/// What is asked of each configuration: one, or with `--each` one for each file.
fn alone(arguments: &ValidateArguments) -> Result<Vec<ValidateArguments>, Box<dyn Error>> {
    if !arguments.each {
        return Ok(vec![arguments.clone()]);
    }
    if arguments.files.len() > 1 && arguments.events.iter().any(|file| is_standard_input(file)) {
        return Err("standard input can be read once: with --each give the events as a file".into());
    }
    let whole = [OutputFormat::Json, OutputFormat::Junit, OutputFormat::Sarif];
    if arguments.files.len() > 1 && whole.contains(&arguments.format) {
        let format = arguments.format.to_possible_value();
        let format = format.as_ref().map_or("", |format| format.get_name());
        let text = format!("a report in {format} is about one configuration: give one file");
        return Err(text.into());
    }
    let alone =
        |file: &String| ValidateArguments { files: vec![file.clone()], ..arguments.clone() };
    Ok(arguments.files.iter().map(alone).collect())
}

/// The environment; Vector adds the name of the machine.
fn environment() -> Variables {
    let mut variables = crate::settings::environment();
    variables.entry("HOSTNAME".to_owned()).or_insert_with(|| {
        fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
    });
    variables
}

fn validated(
    arguments: &ValidateArguments,
    environment: &Variables,
) -> Result<Report, Box<dyn Error>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
    let mut validation = Validation::load(Settings {
        paths: paths(arguments, environment),
        interpolation: interpolation(arguments, environment),
        variables: environment.clone(),
        vector: arguments.vector_version,
        known_sources: arguments.known_source.clone(),
        repaired_sources: arguments.repaired.clone(),
        now: i64::try_from(now)?,
    });
    if arguments.update_samples.is_some() {
        validation.keep_samples();
    }
    if validation.is_loaded() {
        for file in &arguments.events {
            run_events(&mut validation, file, arguments.source.as_deref())
                .map_err(|error| format!("{}: {error}", file.display()))?;
        }
    }
    let mut report = validation.finish();
    report.allow(&arguments.allow);
    Ok(report)
}

fn paths(arguments: &ValidateArguments, environment: &Variables) -> ConfigPaths {
    let listed = |given: &[String], variable: &str| -> Vec<String> {
        if given.is_empty() {
            let value = environment.get(variable).map(String::as_str).unwrap_or_default();
            value.split(',').filter(|path| !path.is_empty()).map(str::to_owned).collect()
        } else {
            given.to_vec()
        }
    };
    let plain: Vec<String> = arguments.files.iter().chain(&arguments.config).cloned().collect();
    let mut files = Vec::new();
    for (given, variable, format) in [
        (plain.as_slice(), "VECTOR_CONFIG", None),
        (&arguments.config_yaml, "VECTOR_CONFIG_YAML", Some(Format::Yaml)),
        (&arguments.config_toml, "VECTOR_CONFIG_TOML", Some(Format::Toml)),
        (&arguments.config_json, "VECTOR_CONFIG_JSON", Some(Format::Json)),
    ] {
        files.extend(listed(given, variable).into_iter().map(|file| (file, format)));
    }
    let given: Vec<String> =
        arguments.config_dir.iter().map(|folder| folder.display().to_string()).collect();
    let folders = listed(&given, "VECTOR_CONFIG_DIR").into_iter().map(PathBuf::from).collect();
    let mut paths = ConfigPaths { files, folders };
    if paths.files.is_empty() && paths.folders.is_empty() {
        paths.files.push((DEFAULT_CONFIG.to_owned(), None));
    }
    paths
}

/// What is said of environment variables; `None` is as the version of Vector does it.
fn interpolation(arguments: &ValidateArguments, environment: &Variables) -> Option<bool> {
    let set = |name: &str| environment.get(name).is_some_and(|value| value == "true");
    if arguments.disable_env_var_interpolation || set("VECTOR_DISABLE_ENV_VAR_INTERPOLATION") {
        return Some(false);
    }
    let allowed = arguments.dangerously_allow_env_var_interpolation
        || set("VECTOR_DANGEROUSLY_ALLOW_ENV_VAR_INTERPOLATION");
    allowed.then_some(true)
}

fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

fn run_events(
    validation: &mut Validation,
    path: &Path,
    source: Option<&str>,
) -> Result<(), Box<dyn Error>> {
    if is_standard_input(path) {
        let name = "standard input";
        let mut bar = ProgressBar::new(name, None);
        validation.run(name, &mut io::stdin().lock(), source, &mut |read| bar.show(read))?;
        return Ok(());
    }
    let name = path.display().to_string();
    let file = File::open(path)?;
    let about = file.metadata()?;
    let mut bar = ProgressBar::new(&name, about.is_file().then_some(about.len()));
    validation.run(&name, &mut BufReader::new(file), source, &mut |read| bar.show(read))?;
    Ok(())
}

fn written(arguments: &ValidateArguments, report: &Report) -> Result<(), Box<dyn Error>> {
    if let Some(folder) = &arguments.update_samples {
        write_samples(folder, &report.samples)?;
    }
    let text = report.written(match arguments.format {
        OutputFormat::Text => ReportFormat::Text,
        OutputFormat::Json => ReportFormat::Json,
        OutputFormat::Junit => ReportFormat::Junit,
        OutputFormat::Sarif => ReportFormat::Sarif,
        OutputFormat::Github => ReportFormat::Github,
    });
    match &arguments.output {
        Some(path) => {
            fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        None => io::stdout().write_all(text.as_bytes())?,
    }
    Ok(())
}

fn write_samples(
    folder: &Path,
    samples: &BTreeMap<String, Vec<serde_json::Value>>,
) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (source, events) in samples {
        // A name can hold what is none of a file.
        let name = source.replace(['/', '\\'], "_");
        let path = folder.join(format!("{name}.json"));
        let text = serde_json::to_string_pretty(events)? + "\n";
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: ValidateArguments,
    }

    fn arguments(line: &[&str]) -> ValidateArguments {
        Line::parse_from(["validate"].iter().chain(line)).arguments
    }

    fn variables(all: &[(&str, &str)]) -> Variables {
        all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_configuration_is_where_vector_looks_for_it() {
        let found = |line: &[&str], environment: &[(&str, &str)]| {
            let paths = paths(&arguments(line), &variables(environment));
            let files: Vec<_> = paths.files.into_iter().map(|(file, _)| file).collect();
            (files.join(" "), paths.folders.len())
        };
        assert_eq!(found(&["a.yml", "-c", "b.yml,c.yml"], &[]), ("a.yml b.yml c.yml".into(), 0));
        assert_eq!(found(&["-C", "conf"], &[]), (String::new(), 1));
        assert_eq!(found(&[], &[("VECTOR_CONFIG", "x.toml,y.toml")]), ("x.toml y.toml".into(), 0));
        assert_eq!(found(&["a.yml"], &[("VECTOR_CONFIG", "x.toml")]), ("a.yml".into(), 0));
        assert_eq!(found(&[], &[("VECTOR_CONFIG_DIR", "conf")]), (String::new(), 1));
        assert_eq!(found(&[], &[]), (DEFAULT_CONFIG.into(), 0));
        let json = paths(&arguments(&["--config-json", "x"]), &Variables::new());
        assert_eq!(json.files, [("x".to_owned(), Some(Format::Json))]);
    }

    #[test]
    fn variables_are_put_in_as_vector_is_told() {
        let asked = |line: &[&str], environment: &[(&str, &str)]| {
            interpolation(&arguments(line), &variables(environment))
        };
        assert_eq!(asked(&[], &[]), None);
        assert_eq!(asked(&["--dangerously-allow-env-var-interpolation"], &[]), Some(true));
        assert_eq!(asked(&["--disable-env-var-interpolation"], &[]), Some(false));
        let allowed = [("VECTOR_DANGEROUSLY_ALLOW_ENV_VAR_INTERPOLATION", "true")];
        assert_eq!(asked(&[], &allowed), Some(true));
    }

    #[test]
    fn rules_are_known_by_their_names() {
        assert_eq!(
            arguments(&["--allow", "buffer,delivery"]).allow,
            [Rule::Buffer, Rule::Delivery]
        );
        assert!(rule("nonsense").unwrap_err().contains("null-field"));
        assert!(!rule("nonsense").unwrap_err().contains("vrl-error"));
        for fatal in ["vrl-error", "configuration", "removed-function", "events"] {
            assert!(rule(fatal).unwrap_err().contains("cannot be allowed"), "{fatal}");
        }
    }
}
