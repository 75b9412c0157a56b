//! Who made a record: what OTLP says once for many records, and every event says for itself.

use event_schemas::Value;
use opentelemetry_proto::tonic::{
    common::v1::{InstrumentationScope, any_value},
    resource::v1::Resource,
};

use super::value::{Fields, object};

/// Resource and scope of records. Either may be missing.
#[derive(Debug)]
pub(super) struct Origin<'a> {
    resource: Value<'a>,
    scope: Value<'a>,
    project: &'a str,
}

impl<'a> Origin<'a> {
    pub(super) fn of(
        resource: Option<&'a Resource>,
        scope: Option<&'a InstrumentationScope>,
    ) -> Self {
        let attributes = resource.map_or(&[][..], |resource| &resource.attributes);
        let service = attributes.iter().rfind(|attribute| attribute.key == "service.name");
        let project = match service.and_then(|service| service.value.as_ref()?.value.as_ref()) {
            Some(any_value::Value::StringValue(name)) => name,
            _ => "",
        };
        Self {
            resource: object(attributes),
            scope: scope.map_or(Value::Null, |scope| {
                let mut fields = Fields::default();
                fields.text("name", &scope.name);
                fields.text("version", &scope.version);
                fields.attributes(&scope.attributes);
                fields.into_value()
            }),
            project,
        }
    }

    /// Adds `resource` (a flat map of its attributes), `scope`, and `project`: the name of the
    /// service, by which endpoints choose events.
    pub(super) fn mark(&self, fields: &mut Fields<'a>) {
        fields.value("resource", self.resource.clone());
        fields.value("scope", self.scope.clone());
        fields.text("project", self.project);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::value::testing::{attribute, list, string};

    #[test]
    fn what_is_missing_is_left_out() {
        let resource = |attributes| Resource { attributes, ..Resource::default() };
        let named = resource(vec![
            attribute("service.name", string("api")),
            attribute("host.name", string("h")),
        ]);
        let odd = resource(vec![attribute("service.name", list(vec![string("a")]))]);
        let scope = InstrumentationScope {
            name: "library".to_owned(),
            version: "1.0".to_owned(),
            attributes: vec![attribute("a", string("b"))],
            ..InstrumentationScope::default()
        };
        for (resource, scope, json) in [
            (None, None, "{}"),
            (Some(&Resource::default()), Some(&InstrumentationScope::default()), "{}"),
            (
                Some(&named),
                Some(&scope),
                concat!(
                    r#"{"resource":{"service.name":"api","host.name":"h"},"#,
                    r#""scope":{"name":"library","version":"1.0","attributes":{"a":"b"}},"#,
                    r#""project":"api"}"#
                ),
            ),
            (Some(&odd), None, r#"{"resource":{"service.name":["a"]}}"#),
        ] {
            let mut fields = Fields::default();
            Origin::of(resource, scope).mark(&mut fields);
            assert_eq!(fields.into_value().to_json(), json);
        }
    }
}
