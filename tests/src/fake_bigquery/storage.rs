//! The Storage Write API: `AppendRows` on default streams.

use std::{
    collections::VecDeque,
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bigquery::messages::{
    APPEND_ROWS, Any, AppendResult, AppendRowsRequest, AppendRowsResponse, DescriptorProto,
    ProtoData, RowError, RpcStatus, STORAGE_ERROR, StorageError, UpdatedSchema,
};
use futures_util::{Stream, stream};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tonic::{
    Code, Request, Response, Status, Streaming,
    body::Body,
    codegen::{BoxFuture, http},
    server::{Grpc, StreamingService},
};
use tonic_prost::ProstCodec;

use super::{proto_row, tables::Tables};

/// Largest request that is taken.
const MOST_BYTES: usize = 10_485_760;

/// How a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The answer is an error, and the stream goes on.
    Answer(Code),
    /// The stream ends with this code, and nothing is stored.
    End(Code),
    /// The rows are stored, then the stream ends with this code.
    EndAfterStoring(Code),
    /// There is no answer at all.
    Hang,
}

/// What was asked of the service.
#[derive(Debug, Default)]
pub struct Counts {
    /// Calls of `AppendRows`.
    pub streams: AtomicUsize,
    /// Requests on them.
    pub requests: AtomicUsize,
    /// Requests that said what their rows are.
    pub schemas: AtomicUsize,
    /// Requests that had more columns than the table was known to have.
    pub too_early: AtomicUsize,
    /// Connections while it was away.
    pub turned_away: AtomicUsize,
    /// Rows that were not looked at, see [`FakeStorage::set_blind`].
    pub blind_rows: AtomicUsize,
}

#[derive(Debug)]
struct Shared {
    tables: Arc<Tables>,
    faults: Mutex<VecDeque<Fault>>,
    /// Rows that hold this text are refused, in these words.
    refused_text: Mutex<Option<(String, String)>>,
    /// Requests with a row that holds this text are refused, without a word on which it is.
    refused_requests: Mutex<Option<String>>,
    /// The only token that is good; none where all come in.
    token: Mutex<Option<String>>,
    delay: Mutex<Duration>,
    is_blind: AtomicBool,
    counts: Counts,
    /// Whether the service does not answer; and how often it said that it goes away.
    condition: watch::Sender<Condition>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Condition {
    is_away: bool,
    goodbyes: usize,
}

/// A running service; ended when it is dropped.
#[derive(Debug)]
pub struct FakeStorage {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Drop for FakeStorage {
    fn drop(&mut self) {
        self.accepting.abort();
        self.shared.condition.send_modify(|condition| condition.is_away = true);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeStorage {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// When there is none.
    pub async fn start(tables: Arc<Tables>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it listens somewhere");
        let shared = Arc::new(Shared {
            tables,
            faults: Mutex::default(),
            refused_text: Mutex::default(),
            refused_requests: Mutex::default(),
            token: Mutex::default(),
            delay: Mutex::default(),
            is_blind: AtomicBool::new(false),
            counts: Counts::default(),
            condition: watch::Sender::default(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, accepting }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next requests fail, one for each fault.
    pub fn fail_next(&self, faults: impl IntoIterator<Item = Fault>) {
        locked(&self.shared.faults).extend(faults);
    }

    /// Faults that no request has met yet.
    pub fn faults_left(&self) -> usize {
        locked(&self.shared.faults).len()
    }

    /// Rows that hold this text are refused from now on.
    pub fn refuse_rows_with(&self, text: &str) {
        self.refuse_rows_in_words(text, "as it was told to");
    }

    /// Rows that hold this text are refused from now on, in these words.
    pub fn refuse_rows_in_words(&self, text: &str, words: &str) {
        *locked(&self.shared.refused_text) = Some((text.to_owned(), words.to_owned()));
    }

    /// Requests with a row that holds this text are refused from now on, without saying which it is.
    pub fn refuse_requests_with(&self, text: &str) {
        *locked(&self.shared.refused_requests) = Some(text.to_owned());
    }

    /// From now on only this token is good.
    pub fn set_token(&self, token: &str) {
        *locked(&self.shared.token) = Some(token.to_owned());
    }

    /// Rows are counted and thrown away from now on: for measuring who sends them.
    pub fn set_blind(&self) {
        self.shared.is_blind.store(true, Ordering::Relaxed);
    }

    /// Each answer takes so long from now on.
    pub fn set_delay(&self, delay: Duration) {
        *locked(&self.shared.delay) = delay;
    }

    /// Whether it does not answer from now on; connections break.
    pub fn set_away(&self, is_away: bool) {
        self.shared.condition.send_modify(|condition| condition.is_away = is_away);
    }

    /// Says on all connections that no more calls are taken on them (GOAWAY), and ends the calls.
    pub fn go_away(&self) {
        self.shared.condition.send_modify(|condition| condition.goodbyes += 1);
    }

    /// What was asked of it.
    pub fn counts(&self) -> &Counts {
        &self.shared.counts
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((connection, _)) = listener.accept().await {
        if shared.condition.borrow().is_away {
            shared.counts.turned_away.fetch_add(1, Ordering::Relaxed);
        } else {
            tokio::spawn(serve(connection, Arc::clone(&shared)));
        }
    }
}

async fn serve(connection: TcpStream, shared: Arc<Shared>) {
    _ = connection.set_nodelay(true);
    let mut condition = shared.condition.subscribe();
    let first = *condition.borrow_and_update();
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(answer(shared, request).await) }
    });
    let mut server = http2::Builder::new(TokioExecutor::new());
    server.initial_stream_window_size(8 << 20).initial_connection_window_size(16 << 20);
    let mut served = std::pin::pin!(server.serve_connection(TokioIo::new(connection), service));
    loop {
        tokio::select! {
            _ = &mut served => return,
            changed = condition.changed() => {
                let now = *condition.borrow_and_update();
                if changed.is_err() || now.is_away {
                    return;
                }
                if now.goodbyes != first.goodbyes {
                    served.as_mut().graceful_shutdown();
                    _ = served.await;
                    return;
                }
            }
        }
    }
}

async fn answer(shared: Arc<Shared>, request: http::Request<Incoming>) -> http::Response<Body> {
    if request.uri().path() != APPEND_ROWS {
        return Status::unimplemented("only AppendRows is there").into_http();
    }
    let codec = ProstCodec::<AppendRowsResponse, AppendRowsRequest>::default();
    // Whether one is too large is said in the service's own words.
    let mut grpc = Grpc::new(codec).max_decoding_message_size(64 << 20);
    grpc.streaming(AppendRows(shared), request).await
}

struct AppendRows(Arc<Shared>);

type Answers = Pin<Box<dyn Stream<Item = Result<AppendRowsResponse, Status>> + Send>>;

impl StreamingService<AppendRowsRequest> for AppendRows {
    type Response = AppendRowsResponse;
    type ResponseStream = Answers;
    type Future = BoxFuture<Response<Answers>, Status>;

    fn call(&mut self, request: Request<Streaming<AppendRowsRequest>>) -> Self::Future {
        let shared = Arc::clone(&self.0);
        Box::pin(async move {
            let given =
                request.metadata().get("authorization").and_then(|value| value.to_str().ok());
            let wanted = locked(&shared.token).as_ref().map(|token| format!("Bearer {token}"));
            if wanted.is_some() && wanted.as_deref() != given {
                return Err(Status::unauthenticated("the token is not good, or not any more"));
            }
            if request.metadata().get("x-goog-request-params").is_none() {
                return Err(Status::invalid_argument("x-goog-request-params is missing"));
            }
            shared.counts.streams.fetch_add(1, Ordering::Relaxed);
            let (tell, answers) = mpsc::channel(64);
            tokio::spawn(Call { shared, last: None }.run(request.into_inner(), tell));
            let answers = stream::unfold(answers, async |mut answers| {
                answers.recv().await.map(|answer| (answer, answers))
            });
            Ok(Response::new(Box::pin(answers) as Answers))
        })
    }
}

/// One call: a stream of requests and answers.
struct Call {
    shared: Arc<Shared>,
    /// The table of the last request, and what its rows were.
    last: Option<(String, DescriptorProto)>,
}

type Tell = mpsc::Sender<Result<AppendRowsResponse, Status>>;

impl Call {
    async fn run(mut self, mut requests: Streaming<AppendRowsRequest>, tell: Tell) {
        let mut condition = self.shared.condition.subscribe();
        let first = *condition.borrow_and_update();
        loop {
            let request = tokio::select! {
                request = requests.message() => request,
                _ = condition.wait_for(|now| *now != first) => return,
            };
            let Ok(Some(request)) = request else { return };
            self.shared.counts.requests.fetch_add(1, Ordering::Relaxed);
            let fault = locked(&self.shared.faults).pop_front();
            let delay = *locked(&self.shared.delay);
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            let answered = match fault {
                Some(Fault::Answer(code)) => Ok(error(code, None, "as it was told to")),
                Some(Fault::End(code)) => Err(Status::new(code, "as it was told to")),
                Some(Fault::EndAfterStoring(code)) => {
                    _ = self.append(request);
                    Err(Status::new(code, "as it was told to"))
                }
                Some(Fault::Hang) => std::future::pending().await,
                None => self.append(request),
            };
            let is_end = answered.is_err();
            if tell.send(answered).await.is_err() || is_end {
                return;
            }
        }
    }

    fn append(&mut self, request: AppendRowsRequest) -> Result<AppendRowsResponse, Status> {
        if self.shared.is_blind.load(Ordering::Relaxed) {
            let rows = request.proto_rows.and_then(|data| data.rows).unwrap_or_default();
            let rows = rows.serialized_rows.len();
            self.shared.counts.blind_rows.fetch_add(rows, Ordering::Relaxed);
            let append_result = Some(AppendResult { offset: None });
            return Ok(AppendRowsResponse { append_result, ..Default::default() });
        }
        let size = request.encoded_len();
        if size > MOST_BYTES {
            let text = format!("AppendRows request too large: {size} limit {MOST_BYTES}");
            return Err(Status::invalid_argument(text));
        }
        if request.offset.is_some() {
            return Err(Status::invalid_argument("the default stream has no offsets"));
        }
        let ProtoData { writer_schema, rows } = request.proto_rows.unwrap_or_default();
        let named = Some(request.write_stream).filter(|stream| !stream.is_empty());
        let stream = named.or_else(|| self.last.as_ref().map(|(stream, _)| stream.clone()));
        let stream = stream.ok_or_else(|| Status::invalid_argument("no stream is named"))?;
        let described = match (writer_schema.and_then(|schema| schema.proto_descriptor), &self.last)
        {
            (Some(described), _) => {
                self.shared.counts.schemas.fetch_add(1, Ordering::Relaxed);
                described
            }
            (None, Some((last, described))) if *last == stream => described.clone(),
            _ => return Err(Status::invalid_argument("nothing says what the rows are")),
        };
        let (dataset, table) = table_of(&stream)
            .ok_or_else(|| Status::invalid_argument(format!("{stream} is no default stream")))?;
        if self.shared.tables.is_denied("bigquery.tables.updateData", &table) {
            let text = format!("Permission 'TABLES_UPDATE_DATA' denied on resource '{stream}'");
            return Err(Status::permission_denied(text));
        }
        let resource = self.shared.tables.table(&dataset, &table).unwrap_or_default();
        if resource.get("type").is_some_and(|kind| kind == "VIEW") {
            let text = format!("{stream} is of a view, to which nothing can be written");
            return Err(Status::invalid_argument(text));
        }
        let Some(known) = self.shared.tables.known(&dataset, &table) else {
            let text = format!("Requested entity was not found. Entity: {stream}");
            return Ok(error(Code::NotFound, Some(1), &text));
        };
        if let Err((is_extra, text)) = proto_row::check_descriptor(&described, &known.schema.fields)
        {
            if is_extra {
                self.shared.counts.too_early.fetch_add(1, Ordering::Relaxed);
            }
            return Ok(error(Code::InvalidArgument, is_extra.then_some(7), &text));
        }
        self.last = Some((stream.clone(), described.clone()));
        let refused_text = locked(&self.shared.refused_text).clone();
        let (mut taken, mut row_errors) = (Vec::new(), Vec::new());
        for (index, bytes) in rows.unwrap_or_default().serialized_rows.iter().enumerate() {
            let row = proto_row::read(bytes, &described, &known.schema.fields);
            let row = row.and_then(|row| match &refused_text {
                Some((text, words)) if serde_json::json!(row).to_string().contains(text) => {
                    Err(words.clone())
                }
                _ => Ok(row),
            });
            match row {
                Ok(row) => taken.push(row),
                Err(message) => {
                    let index = i64::try_from(index).unwrap_or(i64::MAX);
                    row_errors.push(RowError { index, code: 1, message });
                }
            }
        }
        let refused = locked(&self.shared.refused_requests).clone();
        let shown = |row| serde_json::json!(row).to_string();
        if refused.is_some_and(|text| taken.iter().any(|row| shown(row).contains(&text))) {
            return Ok(error(Code::InvalidArgument, None, "a row is not as it should be"));
        }
        if !row_errors.is_empty() {
            let text = "Errors found while processing rows. Please refer to the row_errors field for details.";
            let status = error(Code::InvalidArgument, None, text);
            return Ok(AppendRowsResponse { row_errors, write_stream: stream, ..status });
        }
        self.shared.tables.insert_rows(&dataset, &table, taken);
        Ok(AppendRowsResponse {
            append_result: Some(AppendResult { offset: None }),
            updated_schema: (known.version > 0).then_some(UpdatedSchema {}),
            write_stream: stream,
            ..AppendRowsResponse::default()
        })
    }
}

/// `projects/p/datasets/d/tables/t/streams/_default`
fn table_of(stream: &str) -> Option<(String, String)> {
    match stream.split('/').collect::<Vec<_>>().as_slice() {
        ["projects", _, "datasets", dataset, "tables", table, "streams", "_default"]
        | ["projects", _, "datasets", dataset, "tables", table, "_default"] => {
            Some(((*dataset).to_owned(), (*table).to_owned()))
        }
        _ => None,
    }
}

fn error(code: Code, fault: Option<i32>, text: &str) -> AppendRowsResponse {
    let details = fault.map(|code| {
        let error_message = text.to_owned();
        let error = StorageError { code, entity: String::new(), error_message };
        Any { type_url: STORAGE_ERROR.to_owned(), value: error.encode_to_vec().into() }
    });
    let details = details.into_iter().collect();
    let status = RpcStatus { code: code as i32, message: text.to_owned(), details };
    AppendRowsResponse { error: Some(status), ..AppendRowsResponse::default() }
}
