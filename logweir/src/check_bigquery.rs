//! `logweir check-bigquery`: tries whether BigQuery can be used.

use std::error::Error;

use store::bigquery::{self, Outcome};

use crate::{logging, settings::Settings};

/// Tries everything that the program needs of BigQuery and says what is missing.
pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_environment()?;
    logging::start(&settings.logging);
    let Some(bigquery) = settings.bigquery else {
        return Err("the settings do not say that events are stored in BigQuery: set \
                    GOOGLE_PROJECT_ID, without POSTGRES_BACKEND_URL"
            .into());
    };
    println!("project {}, dataset {}", bigquery.project, bigquery.dataset);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let findings = runtime.block_on(bigquery::check(&bigquery));
    for finding in &findings {
        println!("{finding}");
    }
    let wrong = findings.iter().filter(|finding| finding.outcome != Outcome::Fine).count();
    if wrong > 0 {
        return Err(format!("{wrong} of {} things are not there", findings.len()).into());
    }
    Ok(())
}
