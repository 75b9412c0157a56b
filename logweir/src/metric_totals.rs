//! Figures without the names of what people have made: what those who may not know them are told.

use std::collections::HashMap;

/// Labels that tell nothing of what people have made. Any other one may.
const HARMLESS: [&str; 3] = ["le", "quantile", "reason"];

/// Of these the largest counts, of others the sum.
const LARGEST: &str = "_age_seconds";

/// A text in Prometheus's format in which figures of sources, backends and endpoints
/// are brought together.
pub(crate) fn totals(text: &str) -> String {
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for line in text.lines() {
        match Line::read(line) {
            Some(Line::Total { series, value }) => {
                let place = places.get(&series).and_then(|place| lines.get_mut(*place));
                if let Some(Line::Total { series, value: total }) = place {
                    let is_largest = series.split('{').next().is_some_and(|s| s.ends_with(LARGEST));
                    *total = if is_largest { total.max(value) } else { *total + value };
                } else {
                    places.insert(series.clone(), lines.len());
                    lines.push(Line::Total { series, value });
                }
            }
            Some(line) => lines.push(line),
            // What is not understood may name something.
            None => {}
        }
    }
    lines.iter().map(Line::to_string).collect()
}

enum Line<'t> {
    AsItIs(&'t str),
    Total { series: String, value: f64 },
}

impl std::fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AsItIs(line) => writeln!(f, "{line}"),
            Self::Total { series, value } => writeln!(f, "{series} {value}"),
        }
    }
}

impl<'t> Line<'t> {
    fn read(line: &'t str) -> Option<Self> {
        let Some((name, labelled)) = line.split_once('{').filter(|_| !line.starts_with('#')) else {
            return Some(Self::AsItIs(line));
        };
        let mut rest = labelled;
        let mut kept = Vec::new();
        let mut names_something = false;
        while !rest.starts_with('}') {
            let (label, value) = rest.split_once("=\"")?;
            let end = end_of_value(value)?;
            if HARMLESS.contains(&label) {
                kept.push(format!("{label}=\"{}\"", value.get(..end)?));
            } else {
                names_something = true;
            }
            rest = value.get(end + 1..)?;
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
        if !names_something {
            return Some(Self::AsItIs(line));
        }
        let value = rest.strip_prefix('}')?.trim().parse().ok()?;
        let series = match kept.is_empty() {
            true => name.to_owned(),
            false => format!("{name}{{{}}}", kept.join(",")),
        };
        Some(Self::Total { series, value })
    }
}

/// Where the quotation mark stands that ends a label's value.
fn end_of_value(value: &str) -> Option<usize> {
    let mut is_escaped = false;
    value.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_have_named_is_brought_together() {
        let text = r#"# TYPE stored_total counter
stored_total{source="a"} 5
stored_total{source="cus\"tomer, {b}=\"x\"\\"} 7

# TYPE dropped_total counter
dropped_total{backend="b1",reason="full"} 1
dropped_total{backend="b2",reason="full"} 2
dropped_total{backend="b2",reason="refused"} 4
# TYPE queue_age_seconds gauge
queue_age_seconds{backend="b1"} 1.5
queue_age_seconds{backend="b2"} 0.5
ack_seconds_bucket{le="0.001"} 3
group_seconds_bucket{source="a",le="0.1"} 1
group_seconds_bucket{source="b",le="0.1"} 2
ack_seconds{quantile="0.5"} 0.25
bytes_processed_total{endpoint="cost.per.customer"} 10
bytes_processed_total{endpoint=""} 5
new_total{not_known_yet="a name"} 1
ready 1
broken_total{source="x 1
"#;
        let expected = r#"# TYPE stored_total counter
stored_total 12

# TYPE dropped_total counter
dropped_total{reason="full"} 3
dropped_total{reason="refused"} 4
# TYPE queue_age_seconds gauge
queue_age_seconds 1.5
ack_seconds_bucket{le="0.001"} 3
group_seconds_bucket{le="0.1"} 3
ack_seconds{quantile="0.5"} 0.25
bytes_processed_total 15
new_total 1
ready 1
"#;
        assert_eq!(totals(text), expected);
        assert_eq!(totals(""), "");
    }
}
