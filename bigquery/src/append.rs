//! Streams over which rows go to the Storage Write API.
//!
//! A stream serves all tables, stays open as long as rows come, and has several requests under way.
//! Answers come in the order of requests. When it breaks, nobody knows what became of those that were
//! under way: whoever sends them again may store them twice.

use std::{
    collections::VecDeque,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::stream;
use prost::Message as _;
use tokio::sync::{mpsc, oneshot};
use tonic::{
    Code, Request, Status, Streaming,
    client::Grpc,
    codegen::http::uri::PathAndQuery,
    metadata::AsciiMetadataValue,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};
use tonic_prost::ProstCodec;
use url::Url;

use crate::{
    Credentials, Error, Retry, StorageFault,
    descriptor::WriterSchema,
    messages::{
        APPEND_ROWS, Any, AppendRowsRequest, AppendRowsResponse, ProtoData, ProtoRows, ProtoSchema,
        RowError, RpcStatus, STORAGE_ERROR, StorageError,
    },
};

/// Most requests under way on a stream.
const MOST_UNDER_WAY: usize = 64;

/// Most bytes under way on a stream, of which more than one request has a part.
const MOST_BYTES_UNDER_WAY: usize = 32 << 20;

/// Bytes under way after which a table's rows go over another stream than its own.
const BUSY: usize = 16 << 20;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for an answer. A server that vanished would otherwise be waited for as long as TCP
/// does.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Largest answer: it names each bad row of a request. What tonic takes by itself is less.
const MOST_ANSWER_BYTES: usize = 64 << 20;

/// How often a connection is tried on which an answer is awaited.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Time without rows after which a stream is closed. The service closes it after ten minutes.
const IDLE: Duration = Duration::from_secs(300);

/// Rows of one table, at most as many as one request takes.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    /// `projects/…/streams/_default`
    pub(crate) stream: Arc<str>,
    pub(crate) schema: WriterSchema,
    pub(crate) rows: Vec<Bytes>,
}

impl Rows {
    fn bytes(&self) -> usize {
        self.rows.iter().map(Bytes::len).sum()
    }
}

/// Why rows were not appended, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// Whether they may have been stored all the same.
    pub(crate) may_be_stored: bool,
}

impl Failure {
    /// Whether a row may be bad for which nothing of its request is stored, and which was not named.
    pub(crate) fn may_be_of_a_row(&self) -> bool {
        let is_refusal = match &self.error {
            Error::Append { code, .. } => *code == Code::InvalidArgument,
            Error::Refused { status, .. } => matches!(status, 400 | 413),
            Error::Unexpected(_) => true,
            _ => false,
        };
        is_refusal && !self.may_be_stored && self.error.retry() == Retry::Never
    }
}

type Answer = Result<Vec<RowError>, Failure>;

/// All streams.
#[derive(Debug)]
pub(crate) struct Streams {
    streams: Vec<Arc<Stream>>,
}

#[derive(Debug)]
struct Stream {
    opener: Opener,
    jobs: OnceLock<mpsc::Sender<Job>>,
    bytes: AtomicUsize,
}

#[derive(Debug)]
struct Job {
    rows: Rows,
    tell: oneshot::Sender<Answer>,
}

impl Streams {
    pub(crate) fn new(url: &Url, credentials: &Credentials, streams: usize) -> Self {
        let opener = Opener { url: url.clone(), credentials: credentials.clone() };
        let stream = || {
            let (opener, bytes) = (opener.clone(), AtomicUsize::new(0));
            Arc::new(Stream { opener, jobs: OnceLock::new(), bytes })
        };
        Self { streams: (0..streams.max(1)).map(|_| stream()).collect() }
    }

    /// Appends rows; gives those for which nothing was done, if there are any.
    pub(crate) async fn append(&self, table: usize, rows: Rows) -> Answer {
        let gone = || {
            let error = Error::Unreachable("the stream ended".to_owned());
            Failure { error, may_be_stored: true }
        };
        let stream = self.stream_for(table).ok_or_else(gone)?;
        let _under_way = UnderWay::note(&stream.bytes, rows.bytes());
        let (tell, answer) = oneshot::channel();
        let jobs = stream.jobs.get_or_init(|| {
            let (sender, jobs) = mpsc::channel(MOST_UNDER_WAY);
            tokio::spawn(serve(jobs, stream.opener.clone()));
            sender
        });
        jobs.send(Job { rows, tell }).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// The stream of a table, while it is not busy; then the one that is least so. A table that stays
    /// on one stream need not say again and again what its rows are.
    fn stream_for(&self, table: usize) -> Option<&Arc<Stream>> {
        let own = self.streams.get(table % self.streams.len().max(1))?;
        if own.bytes.load(Ordering::Relaxed) < BUSY {
            return Some(own);
        }
        self.streams.iter().min_by_key(|stream| stream.bytes.load(Ordering::Relaxed))
    }

    /// Whether the service can be connected to.
    pub(crate) async fn probe(&self) -> Result<(), Error> {
        let Some(stream) = self.streams.first() else { return Ok(()) };
        stream.opener.endpoint()?.connect().await.map(|_| ()).map_err(|error| unreachable(&error))
    }
}

struct UnderWay<'a> {
    of_stream: &'a AtomicUsize,
    bytes: usize,
}

impl<'a> UnderWay<'a> {
    fn note(of_stream: &'a AtomicUsize, bytes: usize) -> Self {
        of_stream.fetch_add(bytes, Ordering::Relaxed);
        Self { of_stream, bytes }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.of_stream.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Opens a connection whenever there are rows and none is there.
async fn serve(mut jobs: mpsc::Receiver<Job>, opener: Opener) {
    let mut channel = None;
    while let Some(first) = jobs.recv().await {
        if first.tell.is_closed() {
            continue;
        }
        let opened = match channel.take() {
            Some(channel) => Ok(channel),
            None => opener.channel(),
        };
        match opened {
            Ok(opened) => {
                // The connection under it makes itself anew when it is lost.
                channel = Some(opened.clone());
                Connection::default().serve(first, &mut jobs, opened, &opener).await;
            }
            Err(error) => _ = first.tell.send(Err(Failure { error, may_be_stored: false })),
        }
    }
}

/// One call of `AppendRows`.
#[derive(Default)]
struct Connection {
    under_way: VecDeque<Sent>,
    bytes: usize,
    /// What the last request was for.
    last: Option<Kind>,
    /// What the last answer was for, if the request was done: the service knows what such rows are.
    known: Option<Kind>,
}

/// A table and what its rows are.
type Kind = (Arc<str>, WriterSchema);

fn are_same(one: Option<&Kind>, other: &Kind) -> bool {
    one.is_some_and(|one| one.0 == other.0 && Arc::ptr_eq(&one.1, &other.1))
}

struct Sent {
    at: Instant,
    bytes: usize,
    kind: Kind,
    tell: oneshot::Sender<Answer>,
}

impl Connection {
    async fn serve(
        mut self,
        first: Job,
        jobs: &mut mpsc::Receiver<Job>,
        channel: Channel,
        opener: &Opener,
    ) {
        let stream = Arc::clone(&first.rows.stream);
        let (requests, to_send) = mpsc::channel(MOST_UNDER_WAY);
        // The service answers with headers only once it has a request.
        self.send(first, &requests);
        let call = opener.call(channel, &stream, to_send);
        let mut answers = match tokio::time::timeout(ANSWER_TIMEOUT, call).await {
            Ok(Ok(answers)) => answers,
            Ok(Err(error)) => return self.fail(error),
            Err(_) => return self.fail(late()),
        };
        loop {
            let may_send =
                self.under_way.len() < MOST_UNDER_WAY && self.bytes < MOST_BYTES_UNDER_WAY;
            let patience = match self.under_way.front() {
                Some(sent) => ANSWER_TIMEOUT.saturating_sub(sent.at.elapsed()),
                None => IDLE,
            };
            tokio::select! {
                answer = answers.message() => match answer {
                    Ok(Some(answer)) => self.answered(answer),
                    Ok(None) => {
                        return self.fail(Error::Unreachable("the stream was closed".to_owned()));
                    }
                    Err(status) => return self.fail(of_status(&status)),
                },
                job = jobs.recv(), if may_send => match job {
                    // Nobody waits for it any more: it will come again.
                    Some(job) if job.tell.is_closed() => {}
                    Some(job) => self.send(job, &requests),
                    None => return,
                },
                () = tokio::time::sleep(patience) => {
                    return self.fail(late());
                }
            }
        }
    }

    fn send(&mut self, job: Job, requests: &mpsc::Sender<AppendRowsRequest>) {
        let Job { rows, tell } = job;
        let bytes = rows.bytes();
        let Rows { stream, schema, rows } = rows;
        let kind = (stream, schema);
        let is_known = are_same(self.last.as_ref(), &kind) && are_same(self.known.as_ref(), &kind);
        let descriptor = || ProtoSchema { proto_descriptor: Some((*kind.1).clone()) };
        let writer_schema = (!is_known).then(descriptor);
        let request = AppendRowsRequest {
            write_stream: kind.0.to_string(),
            offset: None,
            proto_rows: Some(ProtoData {
                writer_schema,
                rows: Some(ProtoRows { serialized_rows: rows }),
            }),
            trace_id: "logweir".to_owned(),
        };
        self.last = Some(kind.clone());
        // There is room, as no more requests than fit are under way. A call that has ended says so
        // when its answers are looked at.
        _ = requests.try_send(request);
        self.under_way.push_back(Sent { at: Instant::now(), bytes, kind, tell });
        self.bytes += bytes;
    }

    fn answered(&mut self, answer: AppendRowsResponse) {
        let Some(Sent { bytes, kind, tell, .. }) = self.under_way.pop_front() else { return };
        self.bytes -= bytes;
        let AppendRowsResponse { append_result, error, row_errors, .. } = answer;
        self.known = error.is_none().then_some(kind);
        let outcome = match error {
            // The error of a request with bad rows says no more than they do.
            _ if !row_errors.is_empty() => Ok(row_errors),
            Some(status) => Err(Failure { error: of_rpc_status(&status), may_be_stored: false }),
            None if append_result.is_some() => Ok(Vec::new()),
            None => {
                let error =
                    Error::Unexpected("an answer that does not say what was done".to_owned());
                Err(Failure { error, may_be_stored: true })
            }
        };
        // Who does not wait any more has told its sender that it failed.
        _ = tell.send(outcome);
    }

    /// The call has ended: what is wrong may be wrong with the request that comes next, and is not
    /// known of the others.
    fn fail(mut self, error: Error) {
        let may_be_stored = !matches!(
            &error,
            Error::Append {
                code: Code::InvalidArgument
                    | Code::NotFound
                    | Code::PermissionDenied
                    | Code::Unauthenticated
                    | Code::FailedPrecondition
                    | Code::Unimplemented
                    | Code::ResourceExhausted,
                ..
            } | Error::Credentials(_)
        );
        if let Some(Sent { tell, .. }) = self.under_way.pop_front() {
            _ = tell.send(Err(Failure { error: error.clone(), may_be_stored }));
        }
        for Sent { tell, .. } in self.under_way {
            let error = Error::Unreachable(format!("the stream ended: {error}"));
            _ = tell.send(Err(Failure { error, may_be_stored: true }));
        }
    }
}

/// Opens connections.
#[derive(Debug, Clone)]
struct Opener {
    url: Url,
    credentials: Credentials,
}

impl Opener {
    fn endpoint(&self) -> Result<Endpoint, Error> {
        let text = self.url.as_str().trim_end_matches('/').to_owned();
        let wrong = |error: tonic::transport::Error| Error::Unreachable(format!("{text}: {error}"));
        let endpoint = Channel::from_shared(text.clone())
            .map_err(|error| Error::Unreachable(format!("{text}: {error}")))?
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE);
        if self.url.scheme() == "https" {
            let mut tls = ClientTlsConfig::new().with_native_roots();
            if let Some(authorities) = outbound::also_trusted() {
                tls = tls.ca_certificate(Certificate::from_pem(authorities));
            }
            return endpoint.tls_config(tls).map_err(wrong);
        }
        Ok(endpoint)
    }

    fn channel(&self) -> Result<Channel, Error> {
        Ok(self.endpoint()?.connect_lazy())
    }

    /// Calls `AppendRows`.
    async fn call(
        &self,
        channel: Channel,
        stream: &str,
        requests: mpsc::Receiver<AppendRowsRequest>,
    ) -> Result<Streaming<AppendRowsResponse>, Error> {
        let requests = stream::unfold(requests, async |mut requests| {
            requests.recv().await.map(|request| (request, requests))
        });
        let mut request = Request::new(requests);
        let parameters = format!("write_stream={stream}");
        if let Ok(value) = AsciiMetadataValue::try_from(parameters) {
            request.metadata_mut().insert("x-goog-request-params", value);
        }
        if let Some(token) = self.credentials.bearer().await? {
            let value = AsciiMetadataValue::try_from(format!("Bearer {token}"))
                .map_err(|_| Error::Credentials("the token is no text".to_owned()))?;
            request.metadata_mut().insert("authorization", value);
        }
        let mut grpc = Grpc::new(channel).max_decoding_message_size(MOST_ANSWER_BYTES);
        grpc.ready().await.map_err(|error| unreachable(&error))?;
        let codec = ProstCodec::default();
        let answered = grpc.streaming(request, PathAndQuery::from_static(APPEND_ROWS), codec).await;
        Ok(answered.map_err(|status| of_status(&status))?.into_inner())
    }
}

fn late() -> Error {
    Error::TimedOut { seconds: ANSWER_TIMEOUT.as_secs() }
}

fn unreachable(error: &dyn std::error::Error) -> Error {
    Error::Unreachable(outbound::with_causes(error))
}

fn of_status(status: &Status) -> Error {
    if std::error::Error::source(status).is_some() {
        // It never came to an answer.
        return unreachable(status);
    }
    let details = RpcStatus::decode(status.details()).map(|of_rpc| of_rpc.details);
    let fault = fault(&details.unwrap_or_default());
    Error::Append { code: status.code(), fault, message: status.message().to_owned() }
}

fn of_rpc_status(status: &RpcStatus) -> Error {
    let (code, fault) = (Code::from_i32(status.code), fault(&status.details));
    Error::Append { code, fault, message: status.message.clone() }
}

fn fault(details: &[Any]) -> Option<StorageFault> {
    let of_storage = details.iter().find(|detail| detail.type_url == STORAGE_ERROR)?;
    let error = StorageError::decode(of_storage.value.clone()).ok()?;
    Some(StorageFault::from(error.code))
}
