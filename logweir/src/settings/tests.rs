use super::*;

fn read(variables: &[(&str, &str)]) -> Result<Settings, WrongSettings> {
    let variables = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
    Settings::from_variables(&variables.collect(), false)
}

fn problems(variables: &[(&str, &str)]) -> String {
    read(variables).unwrap_err().to_string()
}

#[test]
fn nothing_set_is_a_working_installation_with_a_database_of_its_own() {
    let settings = read(&[("HOME", "/home/ann")]).unwrap();
    assert_eq!((settings.ip, settings.port, settings.grpc_port), (None, 4000, None));
    assert!(
        matches!(&settings.databases, Databases::Embedded { schema } if schema == "_analytics")
    );
    assert_eq!(settings.tokens, ChosenTokens::default());
    assert!(settings.seed_supabase);
    assert_eq!(settings.data_dir, PathBuf::from("/home/ann/.local/share/logweir"));
    assert_eq!(settings.max_body_bytes, 33_554_432);
    assert_eq!(settings.max_connections, 10_000);
    assert_eq!(settings.query_timeout, Duration::from_secs(25));
    assert_eq!((settings.ingest_connections, settings.query_connections), (4, 4));
    assert!(!settings.logging.json);
}

#[test]
fn the_environment_of_the_compose_file_is_taken_as_it_is() {
    let settings = read(&[
        ("LOGFLARE_NODE_HOST", "127.0.0.1"),
        ("DB_USERNAME", "supabase_admin"),
        ("DB_DATABASE", "_supabase"),
        ("DB_HOSTNAME", "db"),
        ("DB_PORT", "5432"),
        ("DB_PASSWORD", "a b@c"),
        ("DB_SCHEMA", "_analytics"),
        ("LOGFLARE_SINGLE_TENANT", "true"),
        ("LOGFLARE_SUPABASE_MODE", "true"),
        ("LOGFLARE_PUBLIC_ACCESS_TOKEN", "public"),
        ("LOGFLARE_PRIVATE_ACCESS_TOKEN", "private"),
        ("LOGFLARE_FEATURE_FLAG_OVERRIDE", "multibackend=true"),
        ("POSTGRES_BACKEND_URL", "postgresql://supabase_admin:secret@db:5432/_supabase"),
        ("POSTGRES_BACKEND_SCHEMA", "_analytics"),
        ("GOOGLE_PROJECT_ID", "GOOGLE_PROJECT_ID"),
    ])
    .unwrap();
    assert!(matches!(settings.databases, Databases::Servers { .. }));
    assert_eq!(settings.tokens.public.as_deref(), Some("public"));
    assert_eq!(settings.tokens.private.as_deref(), Some("private"));
}

#[test]
fn a_project_of_googles_is_where_events_go_unless_they_go_to_postgres() {
    let settings = read(&[("GOOGLE_PROJECT_ID", "my-project")]).unwrap();
    assert!(matches!(settings.databases, Databases::Embedded { .. }));
    let bigquery = settings.bigquery.unwrap();
    assert_eq!((&*bigquery.dataset, &*bigquery.location), ("1_default", "US"));
    assert_eq!(bigquery.rest_url.as_str(), "https://bigquery.googleapis.com/bigquery/v2");
    assert_eq!(format!("{:?}", bigquery.credentials), "Credentials(\"the machine\")");
    let stand_in = read(&[
        ("GOOGLE_PROJECT_ID", "my-project"),
        ("GOOGLE_DATASET_ID_APPEND", "_prod"),
        ("GOOGLE_DATASET_LOCATION", "EU"),
        ("LOGWEIR_BIGQUERY_REST_URL", "http://127.0.0.1:9050/bigquery/v2"),
        ("LOGWEIR_BIGQUERY_STORAGE_URL", "http://127.0.0.1:9060"),
    ]);
    let bigquery = stand_in.unwrap().bigquery.unwrap();
    assert_eq!((&*bigquery.dataset, &*bigquery.location), ("1_prod", "EU"));
    assert_eq!(format!("{:?}", bigquery.credentials), "Credentials(\"nobody\")");
    let url = ("POSTGRES_BACKEND_URL", "postgresql://me@db:5432/logs");
    assert!(read(&[("GOOGLE_PROJECT_ID", "my-project"), url]).unwrap().bigquery.is_none());
}

#[test]
fn all_wrong_settings_are_named_at_once() {
    let found = problems(&[
        ("LOGFLARE_SINGLE_TENANT", "FALSE"),
        ("PHX_HTTP_IP", "localhost"),
        ("PHX_HTTP_PORT", "70000"),
        ("LOGFLARE_ENABLE_GRPC_SSL", "true"),
        ("LOGFLARE_GRPC_PORT", "none"),
        ("GOOGLE_PROJECT_ID", "my project"),
        ("GOOGLE_PROJECT_NUMBER", "my-project"),
        ("GOOGLE_DATASET_ID_APPEND", "-prod"),
        ("GOOGLE_APPLICATION_CREDENTIALS_JSON", "{}"),
        ("LOGWEIR_BIGQUERY_REST_URL", "localhost:9050"),
        ("LOGWEIR_BIGQUERY_WRITE_METHOD", "load"),
        ("LOGWEIR_BIGQUERY_MAX_BYTES_BILLED", "1"),
        ("DB_HOSTNAME", "db"),
        ("DB_PORT", "0"),
        ("DB_SSL", "yes"),
        ("LOGFLARE_API_KEY", "secret\n"),
        ("LOGFLARE_SUPABASE_MODE", "on"),
        ("LOGWEIR_MAX_BODY_BYTES", "32MB"),
        ("LOGWEIR_MAX_CONNECTIONS", "0"),
        ("LOGWEIR_QUERY_TIMEOUT_SECS", "-1"),
        ("LOGWEIR_INGEST_CONNECTIONS", "101"),
        ("LOGWEIR_QUERY_CONNECTIONS", "four"),
        ("LOGFLARE_LOG_LEVEL", "loud"),
        ("LOGFLARE_LOGGER_JSON", "1"),
    ]);
    assert_eq!(
        found,
        "the program cannot start with these environment variables:
  LOGFLARE_SINGLE_TENANT: `false` is not supported: this program serves one Supabase \
installation. Remove the variable, or set it to `true`
  PHX_HTTP_IP: expected an IP address, found `localhost`
  PHX_HTTP_PORT: expected a whole number from 0 to 65535, found `70000`
  LOGFLARE_ENABLE_GRPC_SSL: `true` is not supported: gRPC is served without TLS. Remove the \
variable, and put a proxy that speaks TLS in front
  LOGFLARE_GRPC_PORT: expected a whole number from 0 to 65535, found `none`
  DB_USERNAME: expected the database user, because DB_HOSTNAME is set
  DB_DATABASE: expected the name of the database, because DB_HOSTNAME is set
  DB_PORT: expected a whole number from 1 to 65535, found `0`
  DB_SSL: expected `true` or `false`, found `yes`
  GOOGLE_PROJECT_ID: expected the id of a project, found `my project`
  GOOGLE_PROJECT_NUMBER: expected a whole number, found `my-project`
  LOGWEIR_BIGQUERY_REST_URL: expected a URL such as \
https://bigquery.googleapis.com/bigquery/v2, found `localhost:9050`
  GOOGLE_DATASET_ID_APPEND: expected letters, digits and `_`, found `-prod`
  GOOGLE_APPLICATION_CREDENTIALS_JSON: there are no credentials for BigQuery: no key of a service \
account: missing field `private_key` at line 1 column 2
  LOGWEIR_BIGQUERY_WRITE_METHOD: expected `storage` or `insertAll`, found `load`
  LOGWEIR_BIGQUERY_MAX_BYTES_BILLED: expected a whole number from 10485760 to \
1152921504606846976, found `1`
  LOGFLARE_API_KEY: expected a token without control characters and without white space around \
it (a line end from a secrets file?)
  LOGFLARE_SUPABASE_MODE: expected `true` or `false`, found `on`
  LOGWEIR_MAX_BODY_BYTES: expected a whole number from 1024 to 1073741824, found `32MB`
  LOGWEIR_MAX_CONNECTIONS: expected a whole number from 1 to 1000000, found `0`
  LOGWEIR_QUERY_TIMEOUT_SECS: expected a whole number from 1 to 3600, found `-1`
  LOGWEIR_INGEST_CONNECTIONS: expected a whole number from 1 to 100, found `101`
  LOGWEIR_QUERY_CONNECTIONS: expected a whole number from 1 to 100, found `four`
  LOGFLARE_LOG_LEVEL: expected `error`, `warn`, `info` or `debug`, found `loud`
  LOGFLARE_LOGGER_JSON: expected `true` or `false`, found `1`"
    );
}

#[test]
fn an_empty_variable_is_an_unset_one() {
    let settings = read(&[
        ("POSTGRES_BACKEND_URL", ""),
        ("DB_HOSTNAME", ""),
        ("DB_PASSWORD", ""),
        ("GOOGLE_PROJECT_ID", ""),
        ("LOGFLARE_SINGLE_TENANT", ""),
        ("LOGFLARE_PUBLIC_ACCESS_TOKEN", ""),
        ("LOGFLARE_API_KEY", "the old name"),
        ("PHX_HTTP_PORT", ""),
    ])
    .unwrap();
    assert!(matches!(settings.databases, Databases::Embedded { .. }));
    assert_eq!(settings.tokens.public.as_deref(), Some("the old name"));
    assert_eq!(settings.port, 4000);
}

#[test]
fn grpc_has_a_port_of_its_own() {
    for (value, port) in [("50051", Some(50051)), ("0", Some(0)), ("", None)] {
        let settings = [("LOGFLARE_GRPC_PORT", value), ("LOGFLARE_ENABLE_GRPC_SSL", "false")];
        assert_eq!(read(&settings).unwrap().grpc_port, port, "{value}");
    }
}

#[test]
fn a_forgotten_host_name_is_not_another_database() {
    assert_eq!(
        problems(&[("DB_PASSWORD", "secret"), ("DB_HOST", "db")]),
        "the program cannot start with these environment variables:
  DB_HOSTNAME: expected the database's host name, because DB_PASSWORD is set"
    );
}

#[test]
fn one_server_alone_stands_for_both() {
    let backend = [("POSTGRES_BACKEND_URL", "postgres://me@db/logs")];
    let catalog = [("DB_HOSTNAME", "db"), ("DB_USERNAME", "me"), ("DB_DATABASE", "logs")];
    for variables in [&backend[..], &catalog[..]] {
        let settings = read(variables).unwrap();
        assert!(matches!(settings.databases, Databases::Servers { .. }), "{variables:?}");
    }
}

#[test]
fn secrets_stay_out_of_debug_output() {
    let settings = read(&[
        ("LOGFLARE_PUBLIC_ACCESS_TOKEN", "hunter-1"),
        ("POSTGRES_BACKEND_URL", "postgres://me:hunter-2@db/logs"),
        ("DB_HOSTNAME", "db"),
        ("DB_USERNAME", "me"),
        ("DB_DATABASE", "logs"),
        ("DB_PASSWORD", "hunter-3"),
    ])
    .unwrap();
    assert!(!format!("{settings:?}").contains("hunter"), "{settings:?}");
}

#[test]
fn the_data_folder_suits_the_user() {
    let of = |variables: &[(&str, &str)], is_root| {
        let variables = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        Settings::from_variables(&variables.collect(), is_root).unwrap().data_dir
    };
    let home = ("HOME", "/home/ann");
    assert_eq!(of(&[home, ("XDG_DATA_HOME", "/data")], false), PathBuf::from("/data/logweir"));
    assert_eq!(
        of(&[home, ("XDG_DATA_HOME", "relative")], false),
        PathBuf::from("/home/ann/.local/share/logweir")
    );
    assert_eq!(of(&[home], true), PathBuf::from("/var/lib/logweir"));
    assert_eq!(of(&[], false), PathBuf::from("/var/lib/logweir"));
    assert_eq!(of(&[("LOGWEIR_DATA_DIR", "/srv/logs")], true), PathBuf::from("/srv/logs"));
}

#[test]
fn log_levels_of_elixir_are_understood() {
    for (level, shown) in [("warning", "warn"), ("notice", "info"), ("critical", "error")] {
        let logging = read(&[("LOGFLARE_LOG_LEVEL", level)]).unwrap().logging;
        assert!(logging.filter.contains(shown), "{level}");
    }
    let logging = read(&[("LOGWEIR_LOG", "store=trace"), ("LOGFLARE_LOG_LEVEL", "info")]).unwrap();
    assert_eq!(logging.logging.filter, "store=trace");
    assert!(problems(&[("LOGWEIR_LOG", "store=loudest")]).contains("LOGWEIR_LOG: expected"));
}
