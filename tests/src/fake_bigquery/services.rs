//! Both services over the same tables, and the settings with which the program finds them.

use std::sync::Arc;

use bigquery::table_id;
use uuid::Uuid;

use super::{
    rest::{PROJECT, RestService},
    storage::FakeStorage,
    tables::{Row, Tables},
};

/// The dataset that the program makes.
pub const DATASET: &str = "1_prod";

/// Both services over the same tables; ended when it is dropped.
#[derive(Debug)]
pub struct FakeBigQuery {
    /// What is stored.
    pub tables: Arc<Tables>,
    /// The REST API.
    pub rest: RestService,
    /// The Storage Write API.
    pub storage: FakeStorage,
}

impl FakeBigQuery {
    /// Starts both on free ports.
    pub async fn start() -> Self {
        let tables = Arc::<Tables>::default();
        let rest = RestService::start(Arc::clone(&tables)).await;
        let storage = FakeStorage::start(Arc::clone(&tables)).await;
        Self { tables, rest, storage }
    }

    /// Settings of a program that stores events here; its catalog has a database of its own.
    pub fn settings(&self) -> [(&'static str, String); 4] {
        [
            ("GOOGLE_PROJECT_ID", PROJECT.to_owned()),
            ("GOOGLE_DATASET_ID_APPEND", "_prod".to_owned()),
            ("LOGWEIR_BIGQUERY_REST_URL", self.rest.url()),
            ("LOGWEIR_BIGQUERY_STORAGE_URL", self.storage.url()),
        ]
    }

    /// The rows of a source.
    pub fn rows(&self, source: Uuid) -> Vec<Row> {
        self.tables.rows(DATASET, &table_id(source))
    }
}

/// The settings of a catalog in a database that is given by its URL.
///
/// # Panics
/// When it is no URL of a database on a socket.
pub fn catalog_settings(database: &str) -> Vec<(&'static str, String)> {
    let url = url::Url::parse(database).expect("a URL");
    let value = |wanted: &str| {
        let found = url.query_pairs().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let or = |value: String, other: &str| if value.is_empty() { other.to_owned() } else { value };
    let mut settings = vec![
        ("DB_HOSTNAME", or(value("host"), url.host_str().unwrap_or_default())),
        ("DB_USERNAME", or(value("user"), url.username())),
        ("DB_DATABASE", url.path().trim_start_matches('/').to_owned()),
    ];
    settings.extend(url.port().map(|port| ("DB_PORT", port.to_string())));
    if value("sslmode") == "disable" {
        settings.push(("DB_SSL", "false".to_owned()));
    }
    settings
}
