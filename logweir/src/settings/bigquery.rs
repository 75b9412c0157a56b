//! Whether events are stored in BigQuery, and who we are there.

use std::path::Path;

use store::bigquery::{Credentials, Settings, WriteMethod, dataset_id};
use url::Url;

use super::{databases::BACKEND_URL, variables::Variables};

const PROJECT: &str = "GOOGLE_PROJECT_ID";
const PROJECT_NUMBER: &str = "GOOGLE_PROJECT_NUMBER";
const DATASET_APPEND: &str = "GOOGLE_DATASET_ID_APPEND";
const KEY_FILE: &str = "GOOGLE_APPLICATION_CREDENTIALS";
const KEY: &str = "GOOGLE_APPLICATION_CREDENTIALS_JSON";
const REST_URL: &str = "LOGWEIR_BIGQUERY_REST_URL";
const STORAGE_URL: &str = "LOGWEIR_BIGQUERY_STORAGE_URL";
const WRITE_METHOD: &str = "LOGWEIR_BIGQUERY_WRITE_METHOD";
const MAX_BYTES_BILLED: &str = "LOGWEIR_BIGQUERY_MAX_BYTES_BILLED";

/// Where Logflare looks for a key when nothing is said.
const USUAL_KEY_FILE: &str = "gcloud.json";

/// The number of the only account, of which the dataset's name is made.
const ACCOUNT: i64 = 1;

/// Longest name of a dataset.
const MAX_DATASET: usize = 1024;

/// Reads the settings; `None` where events go to Postgres.
pub(super) fn read(variables: &mut Variables<'_>) -> Option<Settings> {
    let project = variables.text(PROJECT)?;
    if variables.text(BACKEND_URL).is_some() {
        return None;
    }
    if !project.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':')) {
        variables.problem(PROJECT, format!("expected the id of a project, found `{project}`"));
    }
    // Logflare grants roles with it. Here it is only looked at, as it is often mistaken for the id.
    let _: Option<u64> = variables.parsed(PROJECT_NUMBER, "a whole number");
    let rest_url = url(variables, REST_URL, "https://bigquery.googleapis.com/bigquery/v2");
    let storage_url = url(variables, STORAGE_URL, "https://bigquerystorage.googleapis.com");
    let is_plain = |url: &Option<Url>| url.as_ref().is_some_and(|url| url.scheme() == "http");
    let (dataset, location) = (dataset(variables), variables.text("GOOGLE_DATASET_LOCATION"));
    let credentials = credentials(variables, is_plain(&rest_url) && is_plain(&storage_url));
    let write_method = write_method(variables);
    let append_streams = variables.number("LOGWEIR_BIGQUERY_APPEND_STREAMS", 4, 1..=100);
    let maximum_bytes_billed = variables
        .text(MAX_BYTES_BILLED)
        .map(|_| variables.number(MAX_BYTES_BILLED, 1 << 40, 10 << 20..=1 << 60));
    Some(Settings {
        project: project.to_owned(),
        dataset,
        location: location.unwrap_or("US").to_owned(),
        credentials,
        rest_url: rest_url?,
        storage_url: storage_url?,
        write_method,
        append_streams,
        maximum_bytes_billed,
    })
}

fn url(variables: &mut Variables<'_>, name: &'static str, usual: &str) -> Option<Url> {
    let text = variables.text(name).unwrap_or(usual);
    let fits = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    let url = Url::parse(text).ok().filter(fits);
    if url.is_none() {
        variables.problem(name, format!("expected a URL such as {usual}, found `{text}`"));
    }
    url
}

fn dataset(variables: &mut Variables<'_>) -> String {
    let append = variables.text(DATASET_APPEND).unwrap_or("_default");
    let dataset = dataset_id(ACCOUNT, append);
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if dataset.len() > MAX_DATASET || !dataset.chars().all(fits) {
        let text = format!("expected letters, digits and `_`, found `{append}`");
        variables.problem(DATASET_APPEND, text);
    }
    dataset
}

/// A key in the settings, else in a file, else who the machine is; a stand-in without encryption is
/// told nothing unless there is a key.
fn credentials(variables: &mut Variables<'_>, plaintext: bool) -> Credentials {
    let file = variables.text(KEY_FILE);
    let (name, json) = match (variables.text(KEY), file) {
        (Some(json), _) => (KEY, Ok(json.to_owned())),
        (None, Some(path)) => (KEY_FILE, read_key(path)),
        (None, None) if Path::new(USUAL_KEY_FILE).is_file() => (KEY_FILE, read_key(USUAL_KEY_FILE)),
        (None, None) if plaintext => return Credentials::none(),
        (None, None) => return Credentials::of_machine(),
    };
    let credentials =
        json.and_then(|json| Credentials::of_key(&json).map_err(|error| error.to_string()));
    credentials.unwrap_or_else(|text| {
        variables.problem(name, text);
        Credentials::none()
    })
}

fn read_key(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read `{path}`: {error}"))
}

fn write_method(variables: &mut Variables<'_>) -> WriteMethod {
    match variables.text(WRITE_METHOD) {
        None => WriteMethod::default(),
        Some(name) if name.eq_ignore_ascii_case("storage") => WriteMethod::Storage,
        Some(name) if name.eq_ignore_ascii_case("insertall") => WriteMethod::InsertAll,
        Some(other) => {
            let text = format!("expected `storage` or `insertAll`, found `{other}`");
            variables.problem(WRITE_METHOD, text);
            WriteMethod::default()
        }
    }
}
