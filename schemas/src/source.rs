//! The sources of a self-hosted Supabase.

use std::sync::LazyLock;

use crate::TableSchema;

/// A source that every Supabase has.
#[derive(Debug, Clone)]
pub struct SupabaseSource {
    /// The name that Vector sends, for example `cloudflare.logs.prod`.
    pub name: &'static str,
    /// The name that Studio asks for, for example `edge_logs`.
    pub table: &'static str,
    /// The types of its fields.
    pub schema: TableSchema,
}

/// The nine sources of a self-hosted Supabase, in the order in which they are seeded.
pub static SUPABASE_SOURCES: LazyLock<Vec<SupabaseSource>> = LazyLock::new(Vec::new);
