//! Metrics: the same fields as in `native_json`.

use std::borrow::Cow;

use event_schemas::Value;

use super::{
    float, lossy,
    message::{AgentDdSketch, Measure, Metric, Sketch, TagValues},
    timestamp,
};
use crate::fields::{Fields, named, string};

/// A metric as `native_json` writes it.
pub(super) fn fields(metric: &Metric) -> Fields<'_> {
    let mut fields = vec![named("name", text(&metric.name))];
    if !metric.namespace.is_empty() {
        fields.push(named("namespace", text(&metric.namespace)));
    }
    let tags = tags(metric);
    if !tags.is_empty() {
        fields.push(named("tags", Value::Object(tags)));
    }
    fields.extend(metric.timestamp.as_ref().map(|time| named("timestamp", timestamp(time))));
    if metric.interval_ms > 0 {
        fields.push(named("interval_ms", number(metric.interval_ms)));
    }
    let kind = if metric.kind == 1 { "absolute" } else { "incremental" };
    fields.push(named("kind", string(kind)));
    fields.extend(metric.measure.as_ref().map(measure));
    fields
}

fn tags(metric: &Metric) -> Fields<'_> {
    fn several(TagValues { values }: &TagValues) -> Value<'_> {
        let mut texts = values.iter().filter_map(|tag| tag.value.as_deref()).map(text);
        match (texts.next(), texts.next()) {
            (first, None) => first.unwrap_or(Value::Null),
            (first, second) => Value::Array(first.into_iter().chain(second).chain(texts).collect()),
        }
    }
    let new = metric.tags_v2.iter().map(|(name, tag)| (name.as_str().into(), several(tag)));
    let old = metric.tags_v1.iter().map(|(name, tag)| (name.as_str().into(), text(tag)));
    if metric.tags_v2.is_empty() { old.collect() } else { new.collect() }
}

/// The value, under the name of its kind.
fn measure(measure: &Measure) -> (Cow<'_, str>, Value<'_>) {
    let sample = |value: f64, rate: u32| pair(("value", float(value)), ("rate", number(rate)));
    let bucket =
        |limit: f64, count: u64| pair(("upper_limit", float(limit)), ("count", number(count)));
    let quantile =
        |quantile: f64, value: f64| pair(("quantile", float(quantile)), ("value", float(value)));
    let distribution = |samples, statistic: i32| {
        let statistic = if statistic == 1 { "summary" } else { "histogram" };
        vec![named("samples", Value::Array(samples)), named("statistic", string(statistic))]
    };
    let aggregate = |name: &'static str, parts, count: u64, sum: f64| {
        vec![
            named(name, Value::Array(parts)),
            named("count", number(count)),
            named("sum", float(sum)),
        ]
    };
    let (kind, fields) = match measure {
        Measure::Counter(single) => ("counter", vec![named("value", float(single.value))]),
        Measure::Gauge(single) => ("gauge", vec![named("value", float(single.value))]),
        Measure::Set(set) => {
            let values = set.values.iter().map(|value| text(value)).collect();
            ("set", vec![named("values", Value::Array(values))])
        }
        Measure::Distribution1(old) => {
            let samples = old.values.iter().zip(&old.sample_rates);
            let samples = samples.map(|(value, rate)| sample(*value, *rate)).collect();
            ("distribution", distribution(samples, old.statistic))
        }
        Measure::Distribution2(new) => {
            let samples = new.samples.iter().map(|one| sample(one.value, one.rate)).collect();
            ("distribution", distribution(samples, new.statistic))
        }
        Measure::AggregatedHistogram1(old) => {
            let buckets = old.buckets.iter().zip(&old.counts);
            let buckets = buckets.map(|(limit, count)| bucket(*limit, u64::from(*count)));
            let parts = aggregate("buckets", buckets.collect(), old.count.into(), old.sum);
            ("aggregated_histogram", parts)
        }
        Measure::AggregatedHistogram2(new) | Measure::AggregatedHistogram3(new) => {
            let buckets = new.buckets.iter().map(|one| bucket(one.upper_limit, one.count));
            ("aggregated_histogram", aggregate("buckets", buckets.collect(), new.count, new.sum))
        }
        Measure::AggregatedSummary1(old) => {
            let quantiles = old.quantiles.iter().zip(&old.values);
            let quantiles = quantiles.map(|(share, value)| quantile(*share, *value));
            let parts = aggregate("quantiles", quantiles.collect(), old.count.into(), old.sum);
            ("aggregated_summary", parts)
        }
        Measure::AggregatedSummary2(new) | Measure::AggregatedSummary3(new) => {
            let quantiles = new.quantiles.iter().map(|one| quantile(one.quantile, one.value));
            ("aggregated_summary", aggregate("quantiles", quantiles.collect(), new.count, new.sum))
        }
        Measure::Sketch(Sketch { agent_dd_sketch }) => {
            let sketch = agent_dd_sketch.as_ref().map_or(Value::Null, sketch);
            ("sketch", vec![named("sketch", sketch)])
        }
    };
    named(kind, Value::Object(fields))
}

/// The figures of a sketch and its bins: `k` their keys, `n` how many values are in each.
fn sketch(sketch: &AgentDdSketch) -> Value<'_> {
    let AgentDdSketch { count, min, max, sum, avg, k, n } = sketch;
    let keys = k.iter().map(|key| Value::Number(key.to_string().into())).collect();
    let counts = n.iter().map(|count| number(*count)).collect();
    let figures = vec![
        named("bins", pair(("k", Value::Array(keys)), ("n", Value::Array(counts)))),
        named("count", number(*count)),
        named("min", float(*min)),
        named("max", float(*max)),
        named("sum", float(*sum)),
        named("avg", float(*avg)),
    ];
    Value::Object(vec![named("AgentDDSketch", Value::Object(figures))])
}

fn text(text: &str) -> Value<'_> {
    Value::String(lossy::without_nul(Cow::Borrowed(text)))
}

fn pair<'a>(one: (&'static str, Value<'a>), other: (&'static str, Value<'a>)) -> Value<'a> {
    Value::Object(vec![named(one.0, one.1), named(other.0, other.1)])
}

fn number<'a>(number: impl Into<u64>) -> Value<'a> {
    Value::Number(number.into().to_string().into())
}
