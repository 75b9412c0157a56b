//! The REST API: datasets, tables, rows, queries over recorded answers, and the server that gives
//! tokens.

mod cells;
mod insert_rows;
mod queries;

use std::{
    collections::VecDeque,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, header, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};
use url::Url;

use super::tables::{Refusal, Tables};

use queries::Queries;
pub use queries::{Answer, Asked};

/// A key of a service account that nobody but tests has.
const KEY_PEM: &str = include_str!("rest/key_for_tests.pem");

/// The only project.
pub const PROJECT: &str = "my-project";

/// The REST API, for as long as it is kept.
#[derive(Debug)]
pub struct RestService {
    address: SocketAddr,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    tables: Arc<Tables>,
    queries: Queries,
    told: Mutex<Told>,
}

/// How it was told to behave.
#[derive(Debug, Default)]
struct Told {
    /// Refusals of the next requests.
    refusals: VecDeque<Refusal>,
    /// Refusals of the next changes, which are done all the same.
    lost_answers: VecDeque<Refusal>,
    /// How long answers take.
    delay: Duration,
    /// Whether requests need a token; the one that is good, and how many were given.
    asks_for_token: bool,
    tokens: usize,
    requests: usize,
}

impl RestService {
    /// Serves these tables on a port of its own.
    ///
    /// # Panics
    /// When there is no port.
    pub async fn start(tables: Arc<Tables>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let queries = Queries::default();
        let state = Arc::new(State { tables, queries, told: Mutex::default() });
        let serving = tokio::spawn(serve(listener, Arc::clone(&state)));
        Self { address, state, serving }
    }

    /// For `LOGWEIR_BIGQUERY_REST_URL`.
    pub fn url(&self) -> String {
        format!("http://{}/bigquery/v2", self.address)
    }

    /// The key of a service account whose tokens this server gives.
    pub fn key(&self) -> String {
        json!({
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "1",
            "private_key": KEY_PEM,
            "client_email": "logweir@my-project.iam.gserviceaccount.com",
            "client_id": "1",
            "token_uri": format!("http://{}/token", self.address),
        })
        .to_string()
    }

    /// From now on requests need a token that this server has given last.
    pub fn ask_for_token(&self) {
        self.told().asks_for_token = true;
    }

    /// The tokens that were given end now.
    pub fn end_tokens(&self) {
        self.told().tokens += 1;
    }

    /// Whether this is the token that was given last, or none is asked for.
    pub fn is_welcome(&self, token: Option<&str>) -> bool {
        self.state.is_welcome(token)
    }

    /// Refuses the next `count` requests.
    pub fn refuse(&self, count: usize, refusal: &Refusal) {
        self.told().refusals.extend(std::iter::repeat_n(refusal.clone(), count));
    }

    /// Does what the next `count` requests that change something want, and answers as if it had not.
    pub fn lose_answers(&self, count: usize, refusal: &Refusal) {
        self.told().lost_answers.extend(std::iter::repeat_n(refusal.clone(), count));
    }

    /// Each answer takes so long from now on.
    pub fn set_delay(&self, delay: Duration) {
        self.told().delay = delay;
    }

    /// Whoever asks has no such permission any more.
    pub fn deny(&self, permission: &'static str) {
        self.state.tables.deny(permission, "");
    }

    /// Whoever asks has the permission again.
    pub fn permit_again(&self, permission: &'static str) {
        self.state.tables.permit(permission, "");
    }

    /// How many requests came.
    pub fn requests(&self) -> usize {
        self.told().requests
    }

    /// Answers queries that hold `part`, before all that was said earlier.
    pub fn answer(&self, part: &str, answer: Answer) {
        self.state.queries.answer(part, answer);
    }

    /// How many queries were ended by those who had asked.
    pub fn cancelled(&self) -> usize {
        self.state.queries.cancelled()
    }

    /// The queries that came.
    pub fn asked(&self) -> Vec<Asked> {
        self.state.queries.asked()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.state.told()
    }
}

impl Drop for RestService {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let state = Arc::clone(&state);
                async move { Ok::<_, Infallible>(state.respond(request).await) }
            });
            let connection = TokioIo::new(stream);
            // A client that leaves is no failure.
            let _ = Builder::new(TokioExecutor::new()).serve_connection(connection, service).await;
        });
    }
}

/// A request, read.
struct Call {
    method: Method,
    path: Vec<String>,
    query: Vec<(String, String)>,
    if_match: Option<String>,
    body: Value,
}

impl State {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_welcome(&self, token: Option<&str>) -> bool {
        let told = self.told();
        !told.asks_for_token || token == Some(&*format!("token-{}", told.tokens))
    }

    async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
        let url = Url::parse("http://fake").and_then(|url| url.join(&head.uri.to_string()));
        let url = url.expect("a request has a path");
        if url.path() == "/token" {
            return self.give_token(&body);
        }
        self.told().requests += 1;
        let token = header(header::AUTHORIZATION).and_then(|text| text.strip_prefix("Bearer "));
        if !self.is_welcome(token) {
            let message = "Request had invalid authentication credentials.";
            return refused(&Refusal::new(401, "authError", message));
        }
        if let Some(refusal) = self.told().refusals.pop_front() {
            return refused(&refusal);
        }
        let segments = url.path_segments().into_iter().flatten();
        let call = Call {
            method: head.method.clone(),
            path: segments.map(|part| part.replace("%3A", ":")).collect(),
            query: url.query_pairs().into_owned().collect(),
            if_match: header(header::IF_MATCH).map(str::to_owned),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        };
        let delay = self.told().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let answer = self.route(&call);
        let is_change = call.method != Method::GET;
        if let Some(refusal) = is_change.then(|| self.told().lost_answers.pop_front()).flatten() {
            return refused(&refusal);
        }
        match answer {
            Ok(Value::Null) => response(StatusCode::NO_CONTENT, String::new()),
            Ok(answer) => response(StatusCode::OK, answer.to_string()),
            Err(refusal) => refused(&refusal),
        }
    }

    fn give_token(&self, body: &[u8]) -> Response<Full<Bytes>> {
        let form = String::from_utf8_lossy(body);
        if !form.contains("grant_type=urn") || !form.contains("assertion=") {
            let body = json!({ "error": "invalid_grant" }).to_string();
            return response(StatusCode::BAD_REQUEST, body);
        }
        let mut told = self.told();
        told.tokens += 1;
        let token = format!("token-{}", told.tokens);
        let body = json!({ "access_token": token, "expires_in": 3600, "token_type": "Bearer" });
        response(StatusCode::OK, body.to_string())
    }

    fn route(&self, call: &Call) -> Result<Value, Refusal> {
        let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
        let ["bigquery", "v2", "projects", project, rest @ ..] = &*path else {
            return Err(Refusal::new(404, "notFound", "Not Found"));
        };
        if *project != PROJECT {
            let message = format!("Access Denied: Project {project}");
            return Err(Refusal::new(403, "accessDenied", message));
        }
        match (&call.method, rest) {
            (&Method::POST, ["datasets"]) => {
                self.permit("bigquery.datasets.create", "")?;
                self.tables.insert_dataset(call.body.clone())
            }
            (&Method::GET, ["datasets", dataset]) => {
                self.permit("bigquery.datasets.get", dataset)?;
                self.dataset(dataset)
            }
            (&Method::POST, ["datasets", dataset, "tables"]) => {
                self.permit("bigquery.tables.create", dataset)?;
                self.tables.insert_table(dataset, call.body.clone())
            }
            (&Method::GET, ["datasets", dataset, "tables", table]) => {
                self.permit("bigquery.tables.get", dataset)?;
                self.tables.table(dataset, table).ok_or_else(|| not_found(dataset, table))
            }
            (&Method::PATCH, ["datasets", dataset, "tables", table]) => {
                self.permit("bigquery.tables.update", dataset)?;
                let if_match = call.if_match.as_deref();
                self.tables.patch_table(dataset, table, &call.body, if_match)
            }
            (&Method::DELETE, ["datasets", dataset, "tables", table]) => {
                self.permit("bigquery.tables.delete", dataset)?;
                self.tables.delete_table(dataset, table).map(|()| Value::Null)
            }
            (&Method::POST, ["datasets", dataset, "tables", table, "insertAll"]) => {
                self.permit("bigquery.tables.updateData", dataset)?;
                insert_rows::insert_all(&self.tables, dataset, table, &call.body)
            }
            (&Method::POST, ["queries"]) => {
                self.permit("bigquery.jobs.create", "")?;
                if !self.queries.names_no_table(&call.body) {
                    self.permit("bigquery.tables.getData", "")?;
                }
                self.queries.ask(&self.tables, &call.body)
            }
            (&Method::GET, ["queries", job]) => self.queries.page(job, &call.query),
            (&Method::POST, ["jobs", job, "cancel"]) => self.queries.cancel(job),
            _ => Err(Refusal::new(404, "notFound", format!("no such method: {path:?}"))),
        }
    }

    fn dataset(&self, dataset: &str) -> Result<Value, Refusal> {
        self.tables.dataset(dataset).ok_or_else(|| {
            Refusal::new(404, "notFound", format!("Not found: Dataset {PROJECT}:{dataset}"))
        })
    }

    fn permit(&self, permission: &'static str, dataset: &str) -> Result<(), Refusal> {
        if !self.tables.is_denied(permission, "") {
            return Ok(());
        }
        let message = format!(
            "Access Denied: {PROJECT}:{dataset}: Permission {permission} denied (or it may not exist)."
        );
        Err(Refusal::new(403, "accessDenied", message))
    }
}

fn not_found(dataset: &str, table: &str) -> Refusal {
    Refusal::new(404, "notFound", format!("Not found: Table {PROJECT}:{dataset}.{table}"))
}

fn refused(refusal: &Refusal) -> Response<Full<Bytes>> {
    let Refusal { status, reason, message } = refusal;
    let body = json!({ "error": {
        "code": status,
        "message": message,
        "errors": [{ "message": message, "domain": "global", "reason": reason }],
    }});
    let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response(status, body.to_string())
}

fn response(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}
