//! What other parts of the program serve, for the description of the API: how events are sent, what
//! was rejected of them, and how the program is. The sink's tests hold its paths against this.

use serde_json::{Map, Value, json};

use crate::openapi;

/// Something that is served elsewhere.
struct Route {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    needs: Needs,
    /// Of the query string: name and meaning.
    parameters: &'static [(&'static str, &'static str)],
    body: Body,
    /// A JSON Schema of what is answered with 200.
    answer: fn() -> Value,
    /// Other statuses, beside those that follow from what it needs and takes.
    others: &'static [(u16, &'static str)],
}

/// What a caller needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// A token that may send events.
    Ingest,
    /// A token that may manage.
    Management,
    /// Nothing.
    Nothing,
}

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Nothing,
    /// Any of the forms that README lists.
    Events,
    /// An export of OpenTelemetry's.
    Otlp,
    /// `{"ids": […]}`, which may be missing.
    Ids,
    /// `{"mode": …}`
    Mode,
}

const SOURCE: &[(&str, &str)] =
    &[("source_name", "The source, by its name, or"), ("source", "by its token")];

const PAGE: &[(&str, &str)] = &[
    ("limit", "How many, from 1 to 1000; 100"),
    ("before", "Only older ones: the `next` of the page before"),
];

/// Events, in one of the forms that have a path.
const fn events(path: &'static str, summary: &'static str) -> Route {
    Route {
        method: "post",
        path,
        summary,
        needs: Needs::Ingest,
        parameters: SOURCE,
        body: Body::Events,
        answer: logged,
        others: &[(406, "Some elements are no events; the others are stored")],
    }
}

const fn otlp(path: &'static str, summary: &'static str) -> Route {
    let route = events(path, summary);
    Route { body: Body::Otlp, answer: any, others: &[], ..route }
}

const fn management(method: &'static str, path: &'static str, summary: &'static str) -> Route {
    Route {
        method,
        path,
        summary,
        needs: Needs::Management,
        parameters: &[],
        body: Body::Nothing,
        answer: any,
        others: &[(404, "There is no such source")],
    }
}

const fn condition(path: &'static str, summary: &'static str) -> Route {
    let needs = Needs::Nothing;
    Route { needs, others: &[], ..management("get", path, summary) }
}

static ROUTES: &[Route] = &[
    events("/api/logs", "Store events"),
    events("/logs", "The same; what follows /api/logs below may follow this too"),
    events("/api/events", "The same; what follows /api/logs below may follow this too"),
    events("/api/logs/{source}", "Store events of a source, by its name or token"),
    events("/api/logs/json", "Store any JSON as events"),
    events("/api/logs/browser/reports", "Store what browsers report by themselves"),
    events("/api/logs/cloud-event", "Store CloudEvents"),
    events("/api/logs/vercel", "Store what Vercel's log drains send"),
    events("/api/logs/zeit", "The same"),
    events("/api/logs/netlify", "Store what Netlify's log drains send"),
    events("/api/logs/elixir/logger", "Store what loggers for Elixir send"),
    events("/api/logs/erlang", "Store what loggers for Erlang send"),
    events("/api/logs/erlang/logger", "The same"),
    events("/api/logs/erlang/lager", "The same"),
    events("/api/logs/typecasts", "Store events with values to convert"),
    events("/api/logs/logplex", "Store syslog messages"),
    events("/api/logs/syslogs", "The same"),
    events("/api/logs/syslog", "The same"),
    events("/api/logs/github", "Store GitHub's webhooks"),
    events("/api/logs/vector", "Store events as Vector's sources make them"),
    events("/api/logs/cloudflare", "Store what Cloudflare's Logpush sends"),
    otlp("/v1/logs", "Store logs of OpenTelemetry; also below /api"),
    otlp("/v1/traces", "Store traces of OpenTelemetry; also below /api"),
    otlp("/v1/metrics", "Store metrics of OpenTelemetry; also below /api"),
    Route {
        parameters: PAGE,
        answer: rejected_events,
        ..management(
            "get",
            "/api/sources/{source}/rejected-events",
            "List rejected events of a source, by its token or name, newest first",
        )
    },
    Route {
        body: Body::Ids,
        answer: || object(&[("removed", "integer")]),
        ..management("delete", "/api/sources/{source}/rejected-events", "Remove rejected events")
    },
    Route {
        parameters: PAGE,
        body: Body::Ids,
        answer: replayed,
        ..management(
            "post",
            "/api/sources/{source}/rejected-events/replay",
            "Store rejected events that pass now: those of these ids, else a page of them",
        )
    },
    Route {
        answer: mode,
        ..management(
            "get",
            "/api/sources/{source}/validation",
            "Show what becomes of events that break the schema of a source",
        )
    },
    Route {
        body: Body::Mode,
        answer: mode,
        ..management(
            "put",
            "/api/sources/{source}/validation",
            "Set what becomes of events that break the schema of a source",
        )
    },
    condition("/health", "Whether requests can be served"),
    condition("/ready", "The same"),
    Route {
        others: &[(401, "A token that may not see all figures")],
        ..condition(
            "/metrics",
            "Figures for Prometheus: totals, and of each source and backend for who may manage",
        )
    },
];

/// Adds the description of all to the paths of an OpenAPI document.
pub(crate) fn add_to(paths: &mut Map<String, Value>) {
    for route in ROUTES {
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        methods[route.method] = route.described();
    }
}

impl Route {
    fn described(&self) -> Value {
        let mut described = json!({
            "summary": self.summary,
            "operationId": self.operation_id(),
            "parameters": self.parameters(),
            "responses": self.responses(),
            "security": match self.needs {
                Needs::Ingest | Needs::Management => openapi::with_a_token(),
                Needs::Nothing => json!([]),
            },
        });
        if self.needs == Needs::Ingest {
            described["tags"] = json!(["ingest"]);
        }
        if let Some(body) = self.body.described() {
            described["requestBody"] = body;
        }
        described
    }

    fn operation_id(&self) -> String {
        let parts = self.path.split(|c: char| !c.is_ascii_alphanumeric());
        let path: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
        format!("{}_{}", self.method, path.join("_"))
    }

    fn parameters(&self) -> Value {
        let of_path = self.path.contains("{source}").then(|| {
            json!({
                "name": "source", "in": "path", "required": true,
                "schema": { "type": "string", "minLength": 1 },
            })
        });
        let of_query = self.parameters.iter().map(|(name, meaning)| {
            json!({
                "name": name, "in": "query", "description": meaning,
                "schema": { "type": "string" },
            })
        });
        of_path.into_iter().chain(of_query).collect()
    }

    fn responses(&self) -> Value {
        let is_otlp = self.body == Body::Otlp;
        let is_metrics = self.path == "/metrics";
        let answer = |description: &str, schema: Value| {
            let mut content = json!({ "application/json": { "schema": schema } });
            if is_otlp {
                content["application/x-protobuf"] = json!({});
            }
            json!({ "description": description, "content": content })
        };
        let error = match is_otlp {
            true => json!({}),
            false => json!({ "$ref": "#/components/schemas/Error" }),
        };
        let mut responses = Map::new();
        let done = match is_metrics {
            true => json!({ "description": "The figures", "content": { "text/plain": {} } }),
            false => answer("It is done", (self.answer)()),
        };
        responses.insert("200".to_owned(), done);
        let mut refused = |status: u16, description: &str| {
            let schema = match (self.needs, status) {
                (Needs::Nothing, 503) => json!({ "type": "object" }),
                (_, 406) => json!({ "type": "object", "properties": {
                    "message": { "type": "array", "items": { "type": "string" } },
                } }),
                _ => error.clone(),
            };
            responses.insert(status.to_string(), answer(description, schema));
        };
        refused(503, "The server is starting, or cannot do it now: ask again");
        refused(414, "The URL is too long");
        if self.needs != Needs::Nothing {
            refused(401, "No token, one that may not do this, or no such source");
            refused(400, "The request cannot be read");
        }
        if self.body != Body::Nothing {
            refused(408, "The body did not come in time");
            refused(413, "The body is too large");
            refused(415, "The body is in a form that is not taken");
            refused(429, "Too much at once: send it again later");
        }
        for (status, description) in self.others {
            refused(*status, description);
        }
        Value::Object(responses)
    }
}

impl Body {
    fn described(self) -> Option<Value> {
        let any = json!({ "schema": {} });
        let of_json = |schema: Value| json!({ "application/json": { "schema": schema } });
        let (is_required, content) = match self {
            Self::Nothing => return None,
            Self::Events => (
                true,
                of_json(json!({
                    "anyOf": [{ "type": "array", "items": { "type": "object" } }, { "type": "object" }],
                })),
            ),
            Self::Otlp => (true, json!({ "application/x-protobuf": any, "application/json": any })),
            Self::Ids => (
                false,
                of_json(json!({
                    "type": "object",
                    "properties": {
                        "ids": { "type": ["array", "null"], "items": { "type": "string", "format": "uuid" } },
                    },
                    "additionalProperties": false,
                })),
            ),
            Self::Mode => (true, of_json(mode())),
        };
        Some(json!({ "required": is_required, "content": content }))
    }
}

fn any() -> Value {
    json!({})
}

fn logged() -> Value {
    json!({
        "type": "object",
        "properties": { "message": { "const": "Logged!" } },
        "required": ["message"],
    })
}

fn object(fields: &[(&str, &str)]) -> Value {
    let properties: Map<_, _> =
        fields.iter().map(|(name, ty)| ((*name).to_owned(), json!({ "type": ty }))).collect();
    let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    json!({ "type": "object", "properties": properties, "required": names })
}

fn mode() -> Value {
    json!({
        "type": "object",
        "properties": { "mode": { "enum": ["quarantine", "reject", "off"] } },
        "required": ["mode"],
    })
}

fn next() -> Value {
    json!({ "type": ["string", "null"], "description": "The `before` of the next page" })
}

fn rejected_events() -> Value {
    let event = json!({
        "type": "object",
        "properties": {
            "id": { "type": "string", "format": "uuid" },
            "rejected_at": { "description": "When it was rejected" },
            "reasons": { "description": "Why it was rejected" },
            "event": { "description": "As it came" },
        },
        "required": ["id", "rejected_at", "reasons", "event"],
    });
    json!({
        "type": "object",
        "properties": { "next": next(), "rejected_events": { "type": "array", "items": event } },
        "required": ["next", "rejected_events"],
    })
}

fn replayed() -> Value {
    json!({
        "type": "object",
        "properties": {
            "replayed": { "type": "integer", "description": "How many are stored now" },
            "still_rejected": { "type": "array", "items": { "type": "object" } },
            "next": next(),
        },
        "required": ["replayed", "still_rejected", "next"],
    })
}
