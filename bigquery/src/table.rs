//! A source's table: what it is made of, and how events become its rows.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use bytes::Bytes;
use event_schemas::TableSchema;

use crate::{
    Clustering, Column, Misfit, Partitioning, PartitioningUnit, Schema, Settings, Table,
    TableReference,
    columns::{self, AsText},
    columns_in_use::{InUse, columns_in_use},
    descriptor::{self, WriterSchema},
    encode,
    json_rows::{self, JsonRow},
    layout::{Fresh, Layout},
    proto_rows::ProtoRows,
};

/// Bytes of a row after which BigQuery takes it in no request.
const MOST_ROW_BYTES: usize = 9 << 20;

const DAY_MS: u64 = 86_400_000;

/// A source, as far as its table has to do with it.
#[derive(Debug, Clone)]
pub struct Target {
    /// The name of its table, see [`table_id`](crate::table_id).
    pub table: String,
    /// What is known of its fields.
    pub schema: Arc<TableSchema>,
    /// Fields that are kept as text, as nothing is known of what they hold.
    pub as_text: AsText,
    /// Days for which events are kept; `None` leaves a table as it is.
    pub retention_days: Option<u32>,
    /// Columns by which the table is sorted where it is made; by time where there are none.
    pub clustering: Vec<String>,
}

impl Target {
    /// The table, as it is made where there is none.
    pub(crate) fn new_table(&self, settings: &Settings) -> Table {
        let mut fields = Vec::new();
        columns::merge(&mut fields, &self.columns());
        let mut clustering = columns::sortable(&fields, &self.clustering);
        if clustering.len() < self.clustering.len() {
            tracing::warn!(
                table = self.table,
                wanted = ?self.clustering,
                taken = ?clustering,
                "the table cannot be clustered by all that it should be: only by four columns that \
                 it has when it is made, each of one value that can be sorted"
            );
        }
        if clustering.is_empty() {
            clustering.push("timestamp".to_owned());
        }
        let label = |text: &str| text.to_owned();
        Table {
            table_reference: TableReference {
                project_id: settings.project.clone(),
                dataset_id: settings.dataset.clone(),
                table_id: self.table.clone(),
            },
            schema: Some(Schema { fields }),
            time_partitioning: Some(Partitioning {
                unit: PartitioningUnit::Day,
                field: Some("timestamp".to_owned()),
                expiration_ms: self.expiration_ms(),
            }),
            clustering: Some(Clustering { fields: clustering }),
            require_partition_filter: Some(true),
            labels: BTreeMap::from([
                (label("managed_by"), label("logflare")),
                (label("logflare_source"), self.table.clone()),
            ]),
            etag: None,
        }
    }

    pub(crate) fn columns(&self) -> Vec<Column> {
        columns::of_source(&self.schema, &self.as_text)
    }

    /// Whether a table that is as this one wants it is so for the other one.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.schema, &other.schema)
            && self.as_text == other.as_text
            && self.retention_days == other.retention_days
    }

    /// Milliseconds until a partition is removed.
    pub(crate) fn expiration_ms(&self) -> Option<String> {
        let days = self.retention_days.filter(|days| *days > 0)?;
        Some((u64::from(days) * DAY_MS).to_string())
    }
}

/// A table that is there, as it was when it was last looked at.
#[derive(Debug)]
pub struct OpenTable {
    /// Its name.
    pub(crate) id: String,
    pub(crate) stream: Arc<str>,
    pub(crate) columns: Vec<Column>,
    pub(crate) partitioning: Option<Partitioning>,
    pub(crate) etag: Option<String>,
    pub(crate) fresh: Fresh,
    layout: Layout,
    /// With all columns.
    full: WriterSchema,
    /// Without those that are fresh.
    settled: WriterSchema,
}

impl OpenTable {
    pub(crate) fn new(settings: &Settings, table: Table, fresh: Fresh) -> Self {
        let id = table.table_reference.table_id;
        let Settings { project, dataset, .. } = settings;
        let stream = format!("projects/{project}/datasets/{dataset}/tables/{id}/streams/_default");
        let columns = table.schema.unwrap_or_default().fields;
        let layout = Layout::new(&columns, &fresh);
        let full = descriptor::of_layout(&layout, true);
        let settled = of_settled(&layout, &full);
        Self {
            id,
            stream: stream.into(),
            columns,
            partitioning: table.time_partitioning,
            etag: table.etag,
            fresh,
            layout,
            full,
            settled,
        }
    }

    /// The same table, all of whose columns are known to whoever takes rows.
    pub(crate) fn settled(&self) -> Self {
        self.of_fresh(Fresh::new())
    }

    /// The same table, with these columns fresh as well.
    pub(crate) fn with_fresh(&self, fresh: &Fresh) -> Self {
        self.of_fresh(&self.fresh | fresh)
    }

    /// The columns of this table, as it is now, that may not be known yet to whoever takes rows: those
    /// that were fresh, and those that were not there.
    pub(crate) fn fresh_beside(&self, now: &Table) -> Fresh {
        let columns = now.schema.as_ref().map(|schema| schema.fields.as_slice());
        let added = columns::merge(&mut self.columns.clone(), columns.unwrap_or_default());
        &self.fresh | &added.into_iter().collect()
    }

    /// Whether a table, as it is now, has the columns that this one is known to have.
    pub(crate) fn has_columns_of(&self, now: &Table) -> bool {
        now.schema.as_ref().is_some_and(|schema| schema.fields == self.columns)
    }

    fn of_fresh(&self, fresh: Fresh) -> Self {
        let layout = Layout::new(&self.columns, &fresh);
        let full = descriptor::of_layout(&layout, true);
        Self {
            id: self.id.clone(),
            stream: Arc::clone(&self.stream),
            columns: self.columns.clone(),
            partitioning: self.partitioning.clone(),
            etag: self.etag.clone(),
            settled: of_settled(&layout, &full),
            fresh,
            layout,
            full,
        }
    }

    /// The columns that a row has; `None` where it is none of this table.
    pub(crate) fn columns_in_use(&self, row: &[u8]) -> Option<InUse> {
        columns_in_use(row, &self.layout)
    }

    /// The message type with these columns only.
    pub(crate) fn type_of(&self, in_use: &InUse) -> WriterSchema {
        let others = columns::paths(&self.columns).filter(|path| !in_use.contains(path));
        descriptor::of_layout(&Layout::new(&self.columns, &others.collect()), false)
    }

    /// Whether it has a column of this name, whatever the case.
    pub fn has_column(&self, name: &str) -> bool {
        self.layout.find(name).is_some()
    }

    /// Makes rows of events, each an object as
    /// [`Event::write_body`](event_schemas::Event::write_body) writes it.
    pub fn encode<'b>(&self, bodies: impl IntoIterator<Item = &'b str>) -> EncodedRows {
        let mut out = ProtoRows::default();
        let mut ranges: Vec<(usize, bool, Range<usize>)> = Vec::new();
        let mut encoded = EncodedRows::empty(self);
        for (place, body) in bodies.into_iter().enumerate() {
            let start = out.bytes.len();
            let row = encode::row(body, &self.layout, &mut out);
            let size = out.bytes.len() - start;
            match row {
                Ok(row) if size <= MOST_ROW_BYTES => {
                    encoded.note_unknown(place, row.unknown);
                    ranges.push((place, row.uses_fresh, start..out.bytes.len()));
                }
                Ok(_) => {
                    out.truncate(start);
                    encoded.refused.push((place, too_large(size)));
                }
                Err(misfit) => {
                    out.truncate(start);
                    encoded.refused.push((place, misfit));
                }
            }
        }
        let bytes = Bytes::from(out.bytes);
        for (place, uses_fresh, range) in ranges {
            encoded.push(place, uses_fresh, bytes.slice(range));
        }
        encoded
    }

    /// As [`encode`](Self::encode), for `tabledata.insertAll`.
    pub(crate) fn encode_json<'b>(&self, bodies: impl IntoIterator<Item = &'b str>) -> EncodedRows {
        let mut encoded = EncodedRows::empty(self);
        for (place, body) in bodies.into_iter().enumerate() {
            let mut out = JsonRow::default();
            match encode::row(body, &self.layout, &mut out) {
                Ok(row) => {
                    encoded.note_unknown(place, row.unknown);
                    let text = out.into_insert_row(json_rows::insert_id(body).as_deref());
                    if text.len() <= MOST_ROW_BYTES {
                        encoded.push(place, row.uses_fresh, Bytes::from(text));
                    } else {
                        encoded.refused.push((place, too_large(text.len())));
                    }
                }
                Err(misfit) => encoded.refused.push((place, misfit)),
            }
        }
        encoded
    }
}

fn of_settled(layout: &Layout, full: &WriterSchema) -> WriterSchema {
    if layout.has_fresh() { descriptor::of_layout(layout, false) } else { Arc::clone(full) }
}

fn too_large(bytes: usize) -> Misfit {
    let text = format!("its row has {bytes} bytes, and BigQuery takes {MOST_ROW_BYTES}");
    Misfit { path: String::new(), text }
}

/// Events as rows of a table.
#[derive(Debug, Clone)]
pub struct EncodedRows {
    /// Those without fresh columns.
    pub(crate) settled: TypedRows,
    /// Those with some, which wait for whoever takes rows to know of them.
    pub(crate) fresh: TypedRows,
    /// Events that are no rows, by their places.
    pub refused: Vec<(usize, Misfit)>,
    /// Events that have fields without a column, by their places, with the fields' paths.
    pub unknown: Vec<(usize, Vec<String>)>,
}

impl EncodedRows {
    fn empty(table: &OpenTable) -> Self {
        let of_type = |schema| TypedRows { rows: Vec::new(), schema: Arc::clone(schema) };
        Self {
            settled: of_type(&table.settled),
            fresh: of_type(&table.full),
            refused: Vec::new(),
            unknown: Vec::new(),
        }
    }

    fn push(&mut self, place: usize, uses_fresh: bool, row: Bytes) {
        let typed = if uses_fresh { &mut self.fresh } else { &mut self.settled };
        typed.rows.push((place, row));
    }

    fn note_unknown(&mut self, place: usize, paths: Vec<String>) {
        if !paths.is_empty() {
            self.unknown.push((place, paths));
        }
    }

    /// Events that have fields without a column become none: those fields would be lost.
    pub fn refuse_unknown(&mut self) {
        let unknown = std::mem::take(&mut self.unknown);
        let places: std::collections::HashSet<_> = unknown.iter().map(|(at, _)| *at).collect();
        for typed in [&mut self.settled, &mut self.fresh] {
            typed.rows.retain(|(place, _)| !places.contains(place));
        }
        self.refused.extend(unknown.into_iter().map(|(place, paths)| {
            let text = "the table has no column for it, and can get none: it, or the object that \
                it is in, has as many fields as there may be";
            let path = paths.into_iter().next().unwrap_or_default();
            (place, Misfit { path, text: text.to_owned() })
        }));
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.settled.rows.len() + self.fresh.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Rows with columns that may not be known yet to whoever takes rows.
#[derive(Debug, Default)]
pub struct WaitingRows {
    pub(crate) of_types: Vec<TypedRows>,
    /// Whether those with all columns of the table are among them.
    pub(crate) has_fresh: bool,
}

impl WaitingRows {
    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.of_types.iter().all(|typed| typed.rows.is_empty())
    }
}

/// Rows of one message type.
#[derive(Debug, Clone)]
pub(crate) struct TypedRows {
    /// Each with the place of its event.
    pub(crate) rows: Vec<(usize, Bytes)>,
    pub(crate) schema: WriterSchema,
}
