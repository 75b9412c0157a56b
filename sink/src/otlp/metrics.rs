//! Points of metrics.
//!
//! Logflare's keys; `zero_count` is what it says, and summaries, which Logflare drops, are kept.
//! Left out: exemplars, a metric's description, flags, schema URLs.

use event_schemas::Value;
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::KeyValue,
    metrics::v1::{
        AggregationTemporality, ExponentialHistogramDataPoint, HistogramDataPoint, Metric,
        NumberDataPoint, SummaryDataPoint, exponential_histogram_data_point::Buckets, metric::Data,
        number_data_point,
    },
};

use super::{
    origin::Origin,
    value::{Fields, double, integer},
};
use crate::records::{Record, Records};

/// One record for each point, in their order.
pub(super) fn find(request: &ExportMetricsServiceRequest, records: &mut dyn Records) {
    for of_resource in &request.resource_metrics {
        for of_scope in &of_resource.scope_metrics {
            let origin = Origin::of(of_resource.resource.as_ref(), of_scope.scope.as_ref());
            for metric in &of_scope.metrics {
                if records.is_full() {
                    return;
                }
                points(metric, &origin, records);
            }
        }
    }
}

fn points<'a>(metric: &'a Metric, origin: &Origin<'a>, records: &mut dyn Records) {
    let Some(data) = &metric.data else {
        // Of a kind that is not known, or wrong in JSON.
        let text = serde_json::to_string(metric).unwrap_or_default();
        let reason = format!("the metric {} has no points that can be read", metric.name);
        records.record(Record::Unreadable { text: text.into(), reason });
        return;
    };
    let mut put = |metric_type: &'static str, write: &dyn Fn(&mut Fields<'a>)| {
        let mut fields = Fields::of_type("metric");
        fields.text("event_message", &metric.name);
        fields.text("unit", &metric.unit);
        fields.text("metric_type", metric_type);
        write(&mut fields);
        origin.mark(&mut fields);
        records.record(Record::Value(fields.into_value()));
    };
    match data {
        Data::Gauge(gauge) => {
            gauge
                .data_points
                .iter()
                .for_each(|point| put("gauge", &|fields| number(fields, point)));
        }
        Data::Sum(sum) => sum.data_points.iter().for_each(|point| {
            put("sum", &|fields| {
                number(fields, point);
                aggregated(fields, sum.aggregation_temporality);
                fields.value("is_monotonic", Value::Bool(sum.is_monotonic));
            });
        }),
        Data::Histogram(given) => given.data_points.iter().for_each(|point| {
            put("histogram", &|fields| {
                histogram(fields, point);
                aggregated(fields, given.aggregation_temporality);
            });
        }),
        Data::ExponentialHistogram(given) => given.data_points.iter().for_each(|point| {
            put("exponential_histogram", &|fields| {
                exponential_histogram(fields, point);
                aggregated(fields, given.aggregation_temporality);
            });
        }),
        Data::Summary(given) => {
            given
                .data_points
                .iter()
                .for_each(|point| put("summary", &|fields| summary(fields, point)));
        }
    }
}

fn number<'a>(fields: &mut Fields<'a>, point: &'a NumberDataPoint) {
    described(fields, &point.attributes, point.start_time_unix_nano, point.time_unix_nano);
    match point.value {
        Some(number_data_point::Value::AsInt(number)) => fields.value("value", integer(number)),
        Some(number_data_point::Value::AsDouble(number)) => fields.value("value", double(number)),
        None => {}
    }
}

fn histogram<'a>(fields: &mut Fields<'a>, point: &'a HistogramDataPoint) {
    described(fields, &point.attributes, point.start_time_unix_nano, point.time_unix_nano);
    counted(fields, point.count, [point.sum, point.min, point.max]);
    fields.value("bucket_counts", list(&point.bucket_counts, integer));
    fields.value("explicit_bounds", list(&point.explicit_bounds, double));
}

fn exponential_histogram<'a>(fields: &mut Fields<'a>, point: &'a ExponentialHistogramDataPoint) {
    described(fields, &point.attributes, point.start_time_unix_nano, point.time_unix_nano);
    counted(fields, point.count, [point.sum, point.min, point.max]);
    fields.value("scale", integer(point.scale));
    fields.value("zero_count", integer(point.zero_count));
    fields.value("zero_threshold", double(point.zero_threshold));
    for (name, buckets) in [("positive", &point.positive), ("negative", &point.negative)] {
        fields.value(name, buckets.as_ref().map_or(Value::Null, self::buckets));
    }
}

fn summary<'a>(fields: &mut Fields<'a>, point: &'a SummaryDataPoint) {
    described(fields, &point.attributes, point.start_time_unix_nano, point.time_unix_nano);
    counted(fields, point.count, [Some(point.sum), None, None]);
    let quantiles = point.quantile_values.iter().map(|at| {
        let mut fields = Fields::default();
        fields.value("quantile", double(at.quantile));
        fields.value("value", double(at.value));
        fields.into_value()
    });
    fields.value("quantile_values", Value::Array(quantiles.collect()));
}

/// What points of all kinds have.
fn described<'a>(fields: &mut Fields<'a>, attributes: &'a [KeyValue], start: u64, time: u64) {
    fields.timestamp(&[time]);
    fields.nanoseconds("start_time", start);
    fields.attributes(attributes);
}

fn counted(fields: &mut Fields<'_>, count: u64, [sum, min, max]: [Option<f64>; 3]) {
    fields.value("count", integer(count));
    for (name, number) in [("sum", sum), ("min", min), ("max", max)] {
        fields.value(name, number.map_or(Value::Null, double));
    }
}

fn buckets(buckets: &Buckets) -> Value<'static> {
    let mut fields = Fields::default();
    fields.value("offset", integer(buckets.offset));
    fields.value("bucket_counts", list(&buckets.bucket_counts, integer));
    fields.into_value()
}

fn list<T: Copy>(numbers: &[T], value: fn(T) -> Value<'static>) -> Value<'static> {
    Value::Array(numbers.iter().copied().map(value).collect())
}

fn aggregated(fields: &mut Fields<'_>, temporality: i32) {
    fields.text(
        "aggregation_temporality",
        match AggregationTemporality::try_from(temporality) {
            Ok(AggregationTemporality::Delta) => "delta",
            Ok(AggregationTemporality::Cumulative) => "cumulative",
            Ok(AggregationTemporality::Unspecified) | Err(_) => "unspecified",
        },
    );
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::metrics::v1::{
        ExponentialHistogram, Gauge, Histogram, ResourceMetrics, ScopeMetrics, Sum, Summary,
        summary_data_point::ValueAtQuantile,
    };
    use serde_json::json;

    use super::*;
    use crate::{
        otlp::value::testing::{attribute, string},
        records::testing::Kept,
    };

    const NOON: u64 = 1_795_176_000_000_000_123;

    fn records(data: Option<Data>) -> Vec<String> {
        let metric =
            Metric { name: "m".to_owned(), unit: "ms".to_owned(), data, ..Metric::default() };
        let of_scope = ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() };
        let of_resource =
            ResourceMetrics { scope_metrics: vec![of_scope], ..ResourceMetrics::default() };
        let request = ExportMetricsServiceRequest { resource_metrics: vec![of_resource] };
        let mut kept = Kept::default();
        find(&request, &mut kept);
        kept.records
    }

    fn number_point(value: Option<number_data_point::Value>) -> NumberDataPoint {
        NumberDataPoint {
            attributes: vec![attribute("a", string("b"))],
            start_time_unix_nano: NOON - 9,
            time_unix_nano: NOON,
            value,
            ..NumberDataPoint::default()
        }
    }

    /// The one record of a metric has these keys, and those that all have.
    fn has(data: Data, keys: &serde_json::Value) {
        let mut expected = json!({
            "metadata": {"type": "metric"},
            "event_message": "m",
            "unit": "ms",
            "timestamp": NOON,
            "start_time": NOON - 9,
            "attributes": {"a": "b"},
        });
        expected.as_object_mut().unwrap().append(&mut keys.as_object().unwrap().clone());
        let found = records(Some(data));
        assert_eq!(found.len(), 1);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&found[0]).unwrap(), expected);
    }

    #[test]
    fn a_number_has_its_keys() {
        use number_data_point::Value::{AsDouble, AsInt};
        for (value, keys) in [
            (Some(AsInt(-7)), json!({"metric_type": "gauge", "value": -7})),
            (Some(AsDouble(f64::NAN)), json!({"metric_type": "gauge", "value": "NaN"})),
            (None, json!({"metric_type": "gauge"})),
        ] {
            has(Data::Gauge(Gauge { data_points: vec![number_point(value)] }), &keys);
        }
        let sum = Sum {
            data_points: vec![number_point(Some(AsDouble(1.5)))],
            aggregation_temporality: 2,
            is_monotonic: true,
        };
        let keys = json!({
            "metric_type": "sum",
            "value": 1.5,
            "aggregation_temporality": "cumulative",
            "is_monotonic": true,
        });
        has(Data::Sum(sum), &keys);
    }

    #[test]
    fn a_histogram_has_its_keys() {
        let point = HistogramDataPoint {
            attributes: vec![attribute("a", string("b"))],
            start_time_unix_nano: NOON - 9,
            time_unix_nano: NOON,
            count: u64::MAX,
            sum: Some(0.0),
            bucket_counts: vec![1, 0],
            explicit_bounds: vec![0.5],
            max: Some(2.0),
            ..HistogramDataPoint::default()
        };
        let histogram = Histogram { data_points: vec![point], aggregation_temporality: 1 };
        let keys = json!({
            "metric_type": "histogram",
            "count": u64::MAX,
            "sum": 0.0,
            "max": 2.0,
            "bucket_counts": [1, 0],
            "explicit_bounds": [0.5],
            "aggregation_temporality": "delta",
        });
        has(Data::Histogram(histogram), &keys);
    }

    #[test]
    fn an_exponential_histogram_has_its_keys() {
        let point = ExponentialHistogramDataPoint {
            attributes: vec![attribute("a", string("b"))],
            start_time_unix_nano: NOON - 9,
            time_unix_nano: NOON,
            count: 6,
            sum: Some(10.5),
            min: Some(0.0),
            scale: -3,
            zero_count: 4,
            zero_threshold: 0.25,
            positive: Some(Buckets { offset: -1, bucket_counts: vec![0, 2] }),
            ..ExponentialHistogramDataPoint::default()
        };
        let histogram =
            ExponentialHistogram { data_points: vec![point], aggregation_temporality: 7 };
        let keys = json!({
            "metric_type": "exponential_histogram",
            "count": 6,
            "sum": 10.5,
            "min": 0.0,
            "scale": -3,
            "zero_count": 4,
            "zero_threshold": 0.25,
            "positive": {"offset": -1, "bucket_counts": [0, 2]},
            "aggregation_temporality": "unspecified",
        });
        has(Data::ExponentialHistogram(histogram), &keys);
    }

    #[test]
    fn a_summary_has_its_keys() {
        let point = SummaryDataPoint {
            attributes: vec![attribute("a", string("b"))],
            start_time_unix_nano: NOON - 9,
            time_unix_nano: NOON,
            count: 3,
            sum: 6.5,
            quantile_values: vec![
                ValueAtQuantile { quantile: 0.5, value: 2.0 },
                ValueAtQuantile { quantile: 1.0, value: f64::INFINITY },
            ],
            ..SummaryDataPoint::default()
        };
        let keys = json!({
            "metric_type": "summary",
            "count": 3,
            "sum": 6.5,
            "quantile_values": [
                {"quantile": 0.5, "value": 2.0},
                {"quantile": 1.0, "value": "Infinity"},
            ],
        });
        has(Data::Summary(Summary { data_points: vec![point] }), &keys);
    }

    #[test]
    fn every_point_is_a_record() {
        let point = || number_point(None);
        assert_eq!(records(Some(Data::Gauge(Gauge { data_points: vec![] }))).len(), 0);
        assert_eq!(
            records(Some(Data::Gauge(Gauge { data_points: vec![point(), point()] }))).len(),
            2
        );
    }

    #[test]
    fn a_metric_that_cannot_be_read_is_told_of() {
        let found = records(None);
        assert_eq!(found.len(), 1);
        let expected = "!! the metric m has no points that can be read";
        assert!(found[0].contains(r#""unit":"ms""#) && found[0].ends_with(expected), "{found:?}");
    }
}
