//! The types of components that Vector 0.58 has and had since 0.53, and what they take and make.

use crate::configuration::Role;

/// What events are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKind {
    Log,
    Metric,
}

impl EventKind {
    /// As Vector names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Log => "Log",
            Self::Metric => "Metric",
        }
    }
}

/// All types of a role.
pub(crate) fn all(role: Role) -> impl Iterator<Item = &'static str> {
    let names = match role {
        Role::Source => SOURCES,
        Role::Transform => TRANSFORMS,
        Role::Sink => SINKS,
    };
    names.split_whitespace()
}

/// What a component makes, where it can make nothing else.
pub(crate) fn made(role: Role, kind: &str) -> Option<EventKind> {
    let among = |names: &str| names.split_whitespace().any(|name| name == kind);
    match role {
        Role::Source if among(METRIC_SOURCES) => Some(EventKind::Metric),
        Role::Source if among(LOG_SOURCES) => Some(EventKind::Log),
        Role::Transform if among(TO_METRIC) => Some(EventKind::Metric),
        Role::Transform if among(TO_LOG) => Some(EventKind::Log),
        _ => None,
    }
}

/// What a component takes, where it can take nothing else.
pub(crate) fn taken(role: Role, kind: &str) -> Option<EventKind> {
    let among = |names: &str| names.split_whitespace().any(|name| name == kind);
    match role {
        Role::Transform if among(OF_METRIC) => Some(EventKind::Metric),
        Role::Transform if among(OF_LOG) => Some(EventKind::Log),
        Role::Sink if among(METRIC_SINKS) => Some(EventKind::Metric),
        Role::Sink if among(LOG_SINKS) => Some(EventKind::Log),
        _ => None,
    }
}

const SOURCES: &str = "
    amqp apache_metrics aws_ecs_metrics aws_kinesis_firehose aws_s3 aws_sqs azure_event_hubs
    datadog_agent demo_logs dnstap docker_logs eventstoredb_metrics exec file file_descriptor fluent
    gcp_pubsub heroku_logs host_metrics http http_client http_server internal_logs internal_metrics
    journald kafka kubernetes_events kubernetes_logs logstash mongodb_metrics mqtt nats nginx_metrics
    okta opentelemetry postgresql_metrics prometheus_pushgateway prometheus_remote_write
    prometheus_scrape pulsar redis socket splunk_hec static_metrics statsd stdin syslog vector
    websocket windows_event_log
";

const TRANSFORMS: &str = "
    absolute_to_incremental aggregate aws_ec2_metadata aws_ecs_metadata dedupe delay exclusive_route
    filter incremental_to_absolute log_to_metric lua metric_to_log reduce remap route sample
    tag_cardinality_limit throttle trace_to_log window
";

const SINKS: &str = "
    amqp appsignal aws_cloudwatch_logs aws_cloudwatch_metrics aws_kinesis_firehose
    aws_kinesis_streams aws_s3 aws_sns aws_sqs axiom azure_blob azure_event_hubs
    azure_logs_ingestion azure_monitor_logs blackhole clickhouse console databend
    databricks_zerobus datadog_events datadog_logs datadog_metrics datadog_traces doris
    elasticsearch file gcp_bigquery gcp_chronicle_unstructured gcp_cloud_storage gcp_pubsub
    gcp_stackdriver_logs gcp_stackdriver_metrics greptimedb greptimedb_logs greptimedb_metrics
    honeycomb http humio_logs humio_metrics influxdb_logs influxdb_metrics kafka keep logdna loki
    mezmo mqtt nats new_relic opentelemetry papertrail postgres prometheus_exporter
    prometheus_remote_write pulsar redis sematext_logs sematext_metrics socket splunk_hec_logs
    splunk_hec_metrics statsd syslog vector webhdfs websocket websocket_server
";

const METRIC_SOURCES: &str = "
    apache_metrics aws_ecs_metrics eventstoredb_metrics host_metrics internal_metrics
    mongodb_metrics nginx_metrics postgresql_metrics prometheus_pushgateway prometheus_remote_write
    prometheus_scrape static_metrics statsd
";

/// Others have codecs that make metrics too.
const LOG_SOURCES: &str = "docker_logs internal_logs journald kubernetes_logs";

const TO_METRIC: &str = "aggregate incremental_to_absolute log_to_metric tag_cardinality_limit";
const TO_LOG: &str = "dedupe metric_to_log reduce trace_to_log window";
const OF_METRIC: &str = "aggregate incremental_to_absolute metric_to_log tag_cardinality_limit";
const OF_LOG: &str = "dedupe log_to_metric reduce throttle window";
const LOG_SINKS: &str = "clickhouse datadog_logs honeycomb influxdb_logs loki";
const METRIC_SINKS: &str = "
    aws_cloudwatch_metrics datadog_metrics gcp_stackdriver_metrics greptimedb_metrics humio_metrics
    influxdb_metrics prometheus_exporter prometheus_remote_write sematext_metrics
    splunk_hec_metrics statsd
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_and_takes_one_kind_is_among_all() {
        for (role, lists) in [
            (Role::Source, [METRIC_SOURCES, LOG_SOURCES].as_slice()),
            (Role::Transform, &[TO_METRIC, TO_LOG, OF_METRIC, OF_LOG]),
            (Role::Sink, &[LOG_SINKS, METRIC_SINKS]),
        ] {
            for name in lists.iter().flat_map(|list| list.split_whitespace()) {
                assert!(all(role).any(|known| known == name), "{name}");
            }
        }
        assert_eq!(made(Role::Source, "host_metrics"), Some(EventKind::Metric));
        assert_eq!(made(Role::Source, "http_server"), None);
        assert_eq!(taken(Role::Sink, "http"), None);
    }
}
