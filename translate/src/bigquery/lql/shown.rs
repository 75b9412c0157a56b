//! What a query shows: fields of the newest events, or a value for each unit of time.

use lql::{Aggregate, Chart, Measure, Path, Selected, Unit};

use super::{
    place::{self, Place, Unnested},
    quoted,
    shape::Shape,
    table::Table,
};
use crate::{
    diagnostic::{Diagnostic, Position},
    from_lql::USUAL,
    types::Type,
};

/// What is shown where the table has no column for it.
const NOTHING: &str = "CAST(NULL AS STRING)";

/// The parts of a query that say what it shows.
pub(super) struct Shown {
    /// Behind SELECT.
    pub(super) items: Vec<String>,
    /// What is unnested besides the table: its rows stay where there is nothing to unnest.
    pub(super) unnested: Unnested,
    /// Behind WHERE.
    pub(super) ending: String,
}

pub(super) fn fields(selected: &[Selected], table: &Table<'_>) -> Result<Shown, Diagnostic> {
    let unnested = Unnested::called("lql_part");
    let mut fields =
        Fields { table, items: Vec::new(), names: Vec::new(), ways: Vec::new(), unnested };
    for selected in selected {
        match selected {
            Selected::Everything(at) => {
                for name in table.names() {
                    fields.column(name, (*at).into())?;
                }
            }
            Selected::Field { path, alias } => fields.field(path, alias.as_deref())?,
        }
    }
    if selected.is_empty() {
        for name in USUAL {
            fields.column(name, table.at)?;
        }
    }
    let time = table.time().map(|time| format!("\nORDER BY {time} DESC"));
    let ending = time.unwrap_or_default();
    Ok(Shown { items: fields.items, unnested: fields.unnested, ending })
}

struct Fields<'a> {
    table: &'a Table<'a>,
    items: Vec<String>,
    /// Names of columns: BigQuery takes no two that are alike.
    names: Vec<String>,
    /// Objects on the way to fields by their paths, each unnested once.
    ways: Vec<(&'a [String], Option<Place>)>,
    unnested: Unnested,
}

impl<'a> Fields<'a> {
    fn column(&mut self, name: &str, at: Position) -> Result<(), Diagnostic> {
        let column = self.table.column(name, at)?;
        self.item(&column.place.sql, &column.name, at)
    }

    /// A field by its column. Lists on the way give a row for each element.
    fn field(&mut self, path: &'a Path, alias: Option<&str>) -> Result<(), Diagnostic> {
        let at = Position::from(path.at);
        let Some((last, way)) = path.parts.split_last() else { return Ok(()) };
        let place = self.member(way, last, at)?;
        let sql = place.map_or_else(|| NOTHING.to_owned(), |place| place.sql);
        let name = alias.map_or_else(|| path.parts.join("_"), str::to_owned);
        self.item(&sql, &name, at)
    }

    fn member(
        &mut self,
        way: &'a [String],
        name: &str,
        at: Position,
    ) -> Result<Option<Place>, Diagnostic> {
        let Some((last, before)) = way.split_last() else {
            return Ok(Some(self.table.column(name, at)?.place));
        };
        let known = self.ways.iter().find(|(known, _)| *known == way);
        let object = match known {
            Some((_, object)) => object.clone(),
            None => {
                let object = self.member(before, last, at)?;
                let object = object.map(|object| object.around_fields(&mut self.unnested));
                self.ways.push((way, object.clone()));
                object
            }
        };
        object.map_or(Ok(None), |object| object.member(name, at))
    }

    /// The second column of a name is called `name_1`, the third `name_2`.
    fn item(&mut self, sql: &str, name: &str, at: Position) -> Result<(), Diagnostic> {
        let (mut unique, mut count) = (name.to_owned(), 0);
        while self.names.iter().any(|known| known.eq_ignore_ascii_case(&unique)) {
            count += 1;
            unique = format!("{name}_{count}");
        }
        self.items.push(format!("{sql} AS {}", quoted(&unique, at)?));
        self.names.push(unique);
        Ok(())
    }
}

/// One row for each unit of time, oldest first.
pub(super) fn chart(chart: &Chart, table: &Table<'_>) -> Result<Shown, Diagnostic> {
    let at = Position::from(chart.at);
    let unit = match chart.unit {
        Unit::Second => "SECOND",
        Unit::Minute => "MINUTE",
        Unit::Hour => "HOUR",
        Unit::Day => "DAY",
    };
    let time = table.column("timestamp", at)?.place.sql;
    let mut unnested = Unnested::called("lql_part");
    let value = match &chart.measure {
        Measure::Events => "COUNT(*)".to_owned(),
        Measure::Of(aggregate, path) => measure(*aggregate, path, table, &mut unnested)?,
    };
    let items = vec![
        format!("TIMESTAMP_TRUNC({time}, {unit}) AS `timestamp`"),
        format!("{value} AS `value`"),
    ];
    Ok(Shown { items, unnested, ending: "\nGROUP BY 1\nORDER BY 1".to_owned() })
}

fn measure(
    aggregate: Aggregate,
    path: &Path,
    table: &Table<'_>,
    unnested: &mut Unnested,
) -> Result<String, Diagnostic> {
    let place = place::values(table, path, unnested)?.unwrap_or_else(|| Place {
        sql: NOTHING.to_owned(),
        shape: Shape::Scalar(Type::String),
        records: 0,
    });
    if place.shape == Shape::Scalar(Type::Timestamp)
        && path.parts.len() == 1
        && !matches!(aggregate, Aggregate::Count | Aggregate::CountDistinct)
    {
        let message = "Invalid cast from TIMESTAMP to FLOAT64";
        return Err(Diagnostic::invalid(path.at.into(), message));
    }
    let number = || place.number().unwrap_or_else(|| "CAST(NULL AS FLOAT64)".to_owned());
    Ok(match aggregate {
        Aggregate::Count => place.count(),
        Aggregate::CountDistinct => {
            let text = place.text().unwrap_or_else(|| NOTHING.to_owned());
            format!("COUNT(DISTINCT {text})")
        }
        Aggregate::Average => format!("AVG({})", number()),
        Aggregate::Sum => format!("SUM({})", number()),
        Aggregate::Max => format!("MAX({})", number()),
        Aggregate::Percentile(percent) => {
            format!("APPROX_QUANTILES({}, 100)[SAFE_OFFSET({percent})]", number())
        }
    })
}
