//! Names of datasets, tables and columns.

use uuid::Uuid;

/// The table of a source: its token with `_`.
pub fn table_id(source: Uuid) -> String {
    source.hyphenated().to_string().replace('-', "_")
}

/// The dataset of a user where none was chosen: `1_prod`. Logflare's append is `_default` when
/// `GOOGLE_DATASET_ID_APPEND` says nothing.
pub fn dataset_id(user: i64, append: &str) -> String {
    format!("{user}{append}")
}

/// What tells columns of one record apart: BigQuery's names differ in more than their case.
pub fn column_key(name: &str) -> String {
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_logflares() {
        let source = Uuid::from_u128(0x1234_5678_9abc_def0_1122_3344_5566_7788);
        assert_eq!(table_id(source), "12345678_9abc_def0_1122_334455667788");
        assert_eq!(dataset_id(1, "_prod"), "1_prod");
    }
}
