//! Bodies of management and of queries: their forms, and what they and answers take in memory.

use std::{io::Write as _, net::SocketAddr, time::Duration};

use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use super::endpoints::{answer, made, request};
use end_to_end::program::PRIVATE;

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).expect("memory is written");
    encoder.finish().expect("memory is written")
}

fn zlib(text: &str) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).expect("memory is written");
    encoder.finish().expect("memory is written")
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_taken_in_all_forms_or_refused() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let program = super::program().await;
    let post = |path: &str| request(&program, Method::POST, path);

    // As curl sends what it is given.
    let form = "name=of+a+form&favorite=true&retention_days=7";
    let form = post("/api/sources").header("content-type", FORM).body(form);
    let (status, source) = answer(form).await;
    assert_eq!(status, 201, "{source}");
    assert_eq!(
        [&source["name"], &source["favorite"], &source["retention_days"]],
        [&json!("of a form"), &json!(true), &json!(7)]
    );
    let of_json = post("/api/sources").header("content-type", FORM).body(r#"{"name":"of JSON"}"#);
    let (status, source) = answer(of_json).await;
    assert_eq!((status, &source["name"]), (201, &json!("of JSON")));

    // Compressed, and larger than bodies that need no memory of their own.
    let values: Value =
        (0..2000).map(|n| json!({"key": format!("k{n}"), "value": {"n": n}})).collect();
    for (name, body) in
        [("gzip", gzip(&values.to_string())), ("deflate", zlib(&values.to_string()))]
    {
        let put = post("/api/key-values").header("content-encoding", name).body(body);
        let (status, put) = answer(put).await;
        assert_eq!((status, put), (201, json!({"inserted_count": 2000})), "{name}");
    }
    let query = "/api/endpoints/query/logs.all";
    let sql = r#"{"sql":"select count(*) as n from edge_logs"}"#;
    let asked = post(query).header("content-encoding", "gzip").body(gzip(sql));
    assert_eq!(answer(asked).await, (200, json!({"result": [{"n": 0}]})));
    for (name, body) in [("gzip", sql.as_bytes().to_vec()), ("zstd", gzip(sql))] {
        let asked = post(query).header("content-encoding", name).body(body);
        let (status, refused) = answer(asked).await;
        assert_eq!(status, 400, "{name}: {refused}");
    }

    // In parts: neither misread nor passed over.
    let parts = "--x\r\ncontent-disposition: form-data; name=\"sql\"\r\n\r\nselect 1\r\n--x--\r\n";
    for path in [query, "/api/sources"] {
        let asked = post(path).header("content-type", "multipart/form-data; boundary=x");
        let (status, refused) = answer(asked.body(parts)).await;
        assert_eq!(status, 415, "{path}: {refused}");
    }

    // As large as Logflare takes, and not larger.
    let text = "x".repeat(150 << 10);
    let values: Value =
        (0..40).map(|n| json!({"key": format!("k{n}"), "value": {"text": text}})).collect();
    let (status, put) = answer(post("/api/key-values").json(&values)).await;
    assert_eq!((status, put), (201, json!({"inserted_count": 40})));
    let value = json!([{"key": "large", "value": {"text": text.repeat(2)}}]);
    assert_eq!(answer(post("/api/key-values").json(&value)).await.0, 422);
    let (status, refused) = answer(post("/api/sources").body("x".repeat(12_000_001))).await;
    assert_eq!((status, refused["error"].is_string()), (413, true));
}

/// Sends the head of a request and so much of its body, whether it is taken or not; the connection
/// stays open.
async fn begun(address: SocketAddr, head: String, sent: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(head.as_bytes()).await.expect("the head is taken");
    let writing = async {
        let part = vec![b' '; 64 << 10];
        for _ in 0..sent / part.len() {
            if stream.write_all(&part).await.is_err() {
                break;
            }
        }
    };
    // Of what nobody reads only as much is written as the sockets hold.
    _ = tokio::time::timeout(Duration::from_secs(2), writing).await;
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_those_without_a_token_do_not_fill_the_memory() {
    let program = super::program().await;
    let open = json!({"name": "open", "query": "select @a as a", "enable_auth": false});
    let open = made(&program, "/api/endpoints", open).await;
    let open = format!("/api/endpoints/query/{}", open["token"].as_str().expect("a token"));
    let ask = || program.client.get(program.url(&open)).query(&[("a", "1")]);
    assert_eq!(answer(ask()).await.0, 200);
    let before = program.peak_kilobytes();
    let mut all = JoinSet::new();
    for at in 0..200 {
        let (method, path, length) = match at % 2 {
            0 => ("GET", "/api/openapi", 4 << 20),
            _ => ("POST", open.as_str(), 512 << 10),
        };
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
        let address = program.address();
        all.spawn(async move { begun(address, head, length - (64 << 10)).await });
    }
    let connections = all.join_all().await;
    // Who sends little is answered all the same.
    assert_eq!(answer(ask()).await.0, 200);
    let taken = program.peak_kilobytes() - before;
    assert!(taken < 64 << 10, "{taken} kB for bodies that nobody may send");
    drop(connections);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_not_read_do_not_fill_the_memory() {
    let program = super::program().await;
    let long: Value = (0..1000).map(|_| json!({"event_message": "x".repeat(4096)})).collect();
    program.log("postgres.logs", &long).await;
    let query = "select t.event_message as t from `postgres.logs` as t";
    let endpoint = json!({"name": "long", "query": query});
    made(&program, "/api/endpoints", endpoint).await;
    let path = "/api/endpoints/query/long";
    let (_, whole) = answer(request(&program, Method::GET, path)).await;
    assert_eq!(whole["result"].as_array().map(Vec::len), Some(1000));
    let before = program.peak_kilobytes();
    let mut unread = Vec::new();
    for path in [path, "/swaggerui/swagger-ui-bundle.js"] {
        for _ in 0..60 {
            let mut stream = TcpStream::connect(program.address()).await.expect("it listens");
            let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nx-api-key: {PRIVATE}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.expect("the head is taken");
            // It is being answered.
            let mut begin = [0; 15];
            stream.read_exact(&mut begin).await.expect("it answers");
            assert_eq!(&begin, b"HTTP/1.1 200 OK");
            unread.push(stream);
        }
    }
    // 60 copies are 240 MB and 80 MB.
    let taken = program.peak_kilobytes() - before;
    assert!(taken < 80 << 10, "{taken} kB for answers that nobody reads");
}
