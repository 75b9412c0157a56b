//! A relay between the program and Postgres that can do harm at the worst moment: when Postgres has
//! committed and the program does not know yet.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader, BufWriter},
    net::{TcpListener, TcpStream, UnixStream},
    sync::oneshot,
    task::JoinHandle,
    time::sleep,
};

/// A relay to a Postgres, on a port of 127.0.0.1. It reads what the server says, so connections
/// through it must not be encrypted.
#[derive(Debug)]
pub struct PostgresProxy {
    port: u16,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

/// What happens to the server's word that it has committed.
pub enum Harm {
    /// This is done, then the connection is cut: the program never learns of the commit.
    CutAfter(Box<dyn FnOnce() + Send>),
    /// It comes this much later, as does everything else on every connection.
    Delay(Duration),
}

impl std::fmt::Debug for Harm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CutAfter(_) => f.write_str("CutAfter(…)"),
            Self::Delay(time) => f.debug_tuple("Delay").field(time).finish(),
        }
    }
}

impl Harm {
    /// The connection is cut.
    pub fn cut() -> Self {
        Self::CutAfter(Box::new(|| {}))
    }
}

#[derive(Debug)]
struct State {
    /// Of the server.
    socket: PathBuf,
    armed: Mutex<Option<Armed>>,
    /// Until then nothing is passed on from the server.
    delayed_until: Mutex<Instant>,
}

#[derive(Debug)]
struct Armed {
    /// Commits that are still passed on.
    spared: u32,
    harm: Harm,
    done: oneshot::Sender<()>,
}

impl PostgresProxy {
    /// A relay to the server behind a Unix socket, which need not be there yet.
    ///
    /// # Panics
    /// When there is no port for it.
    pub async fn start(socket: &Path) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let port = listener.local_addr().expect("a listener has an address").port();
        let state = Arc::new(State {
            socket: socket.to_owned(),
            armed: Mutex::default(),
            delayed_until: Mutex::new(Instant::now()),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state)));
        Self { port, state, accepting }
    }

    /// The URL of a database behind it, from the one that leads there directly.
    ///
    /// # Panics
    /// When that is none of a [`TestCluster`](crate::postgres::TestCluster).
    pub fn url(&self, direct: &str) -> String {
        let database =
            direct.strip_prefix("postgresql:///").and_then(|rest| rest.split('?').next());
        let database = database.expect("a URL of a test's cluster");
        format!("postgresql://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// Does harm to the commit after the next `spared` ones. What is returned is done when the harm
    /// is.
    pub fn arm(&self, spared: u32, harm: Harm) -> oneshot::Receiver<()> {
        let (done, is_done) = oneshot::channel();
        *lock(&self.state.armed) = Some(Armed { spared, harm, done });
        is_done
    }
}

impl Drop for PostgresProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((client, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            // Whichever end is gone, the other one is told by the end of its connection.
            _ = relay(client, &state).await;
        });
    }
}

async fn relay(mut client: TcpStream, state: &State) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let mut server = UnixStream::connect(&state.socket).await?;
    let (mut from_client, to_client) = client.split();
    let (from_server, mut to_server) = server.split();
    tokio::select! {
        copied = tokio::io::copy(&mut from_client, &mut to_server) => copied.map(drop),
        ended = relay_answers(from_server, to_client, state) => ended,
    }
}

/// Passes the server's messages on; returns early where the connection has to be cut.
async fn relay_answers(
    from_server: impl AsyncRead + Unpin,
    to_client: impl AsyncWrite + Unpin,
    state: &State,
) -> std::io::Result<()> {
    let (mut from_server, mut to_client) =
        (BufReader::with_capacity(64 << 10, from_server), BufWriter::new(to_client));
    let mut in_transaction = false;
    let mut payload = Vec::new();
    loop {
        let kind = from_server.read_u8().await?;
        // The length counts itself.
        let length = from_server.read_u32().await?;
        payload.resize(length.saturating_sub(4) as usize, 0);
        from_server.read_exact(&mut payload).await?;
        match kind {
            b'Z' => in_transaction = payload != b"I",
            b'C' if is_commit(&payload, in_transaction) => match state.harm() {
                Some((Harm::CutAfter(first), done)) => {
                    first();
                    _ = done.send(());
                    return Ok(());
                }
                Some((Harm::Delay(time), done)) => {
                    *lock(&state.delayed_until) = Instant::now() + time;
                    _ = done.send(());
                }
                None => {}
            },
            _ => {}
        }
        state.delay().await;
        to_client.write_u8(kind).await?;
        to_client.write_u32(length).await?;
        to_client.write_all(&payload).await?;
        if from_server.buffer().is_empty() {
            to_client.flush().await?;
        }
    }
}

/// Whether the tag of a completed command says that rows are stored now.
fn is_commit(tag: &[u8], in_transaction: bool) -> bool {
    tag == b"COMMIT\0" || (!in_transaction && tag.starts_with(b"COPY "))
}

impl State {
    /// The harm that is due to a commit.
    fn harm(&self) -> Option<(Harm, oneshot::Sender<()>)> {
        let mut armed = lock(&self.armed);
        let left = armed.as_mut()?;
        if let Some(spared) = left.spared.checked_sub(1) {
            left.spared = spared;
            return None;
        }
        armed.take().map(|Armed { harm, done, .. }| (harm, done))
    }

    async fn delay(&self) {
        loop {
            let until = *lock(&self.delayed_until);
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            sleep(left).await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, PgConnection};

    use super::*;
    use crate::postgres::TestCluster;

    #[tokio::test]
    async fn commits_are_lost_or_late_when_they_are_due() {
        let cluster = TestCluster::shared();
        let direct = cluster.database().await;
        let proxy = PostgresProxy::start(&cluster.socket()).await;
        let url = proxy.url(&direct);
        let connect = async || PgConnection::connect(&url).await.expect("it is relayed");
        let mut connection = connect().await;
        sqlx::raw_sql("create table t (n int)").execute(&mut connection).await.expect("relayed");

        // The second commit is lost, but it is one. Statements that are no commits do not count.
        let done = proxy.arm(1, Harm::cut());
        let insert = "begin; insert into t values (1); commit";
        sqlx::raw_sql(insert).execute(&mut connection).await.expect("the first is relayed");
        sqlx::raw_sql("select 1").execute(&mut connection).await.expect("relayed");
        assert!(sqlx::raw_sql(insert).execute(&mut connection).await.is_err());
        done.await.expect("done");

        // A COPY outside of a transaction is one by itself.
        let (call, is_called) = oneshot::channel();
        let done = proxy.arm(0, Harm::CutAfter(Box::new(move || call.send(()).expect("heard"))));
        let mut connection = connect().await;
        let mut copy = connection.copy_in_raw("copy t from stdin").await.expect("COPY begins");
        copy.send("1\n2\n".as_bytes()).await.expect("rows are taken");
        assert!(copy.finish().await.is_err());
        is_called.await.expect("called");
        done.await.expect("done");

        let delay = Duration::from_millis(300);
        let done = proxy.arm(0, Harm::Delay(delay));
        let mut connection = connect().await;
        let start = Instant::now();
        sqlx::raw_sql(insert).execute(&mut connection).await.expect("late, but relayed");
        assert!(start.elapsed() >= delay);
        done.await.expect("done");
        let count: i64 = sqlx::query_scalar("select count(*) from t")
            .fetch_one(&mut connection)
            .await
            .expect("relayed");
        assert_eq!(count, 5);
    }
}
