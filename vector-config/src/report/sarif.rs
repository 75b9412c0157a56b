//! SARIF 2.1.0.

use serde_json::{Map, Value, json};

use super::{Report, events};
use crate::finding::{Finding, Rule};

pub(super) fn written(report: &Report) -> String {
    let rules: Vec<_> = Rule::ALL
        .iter()
        .map(|rule| {
            json!({
                "id": rule.name(),
                "shortDescription": {"text": rule.description()},
                "defaultConfiguration": {"level": rule.level().name()},
            })
        })
        .collect();
    let results: Vec<_> = report.findings.iter().map(result).collect();
    let whole = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "logweir validate",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{whole:#}\n")
}

fn result(finding: &Finding) -> Value {
    let mut text = finding.said();
    if let Some(component) = &finding.component {
        text = format!("{component}: {text}");
    }
    let mut properties = Map::new();
    let mut property = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            properties.insert(name.to_owned(), Value::String(value));
        }
    };
    property("source", finding.source.clone());
    property("field", finding.field.clone());
    property("studio", finding.studio.clone());
    property("events", events(finding));
    let locations: Vec<_> = finding
        .place
        .iter()
        .map(|place| {
            let uri = place.file.display().to_string().replace('\\', "/").replace(' ', "%20");
            json!({"physicalLocation": {
                "artifactLocation": {"uri": uri},
                "region": {"startLine": place.line, "startColumn": place.column},
            }})
        })
        .collect();
    json!({
        "ruleId": finding.rule,
        "ruleIndex": Rule::ALL.iter().position(|rule| *rule == finding.rule),
        "level": finding.level().name(),
        "message": {"text": text},
        "locations": locations,
        "properties": properties,
    })
}
