//! The record over HTTP: static files, read-only, with headers that a cache can act on.

use std::net::SocketAddr;

use rogatory::record::entry::EntryDraft;
use rogatory::record::serve::serve;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::record_testing::{Deployment, time};

pub struct Answer {
    pub status: u16,
    pub headers: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

async fn ask(address: SocketAddr, method: &str, path: &str) -> Answer {
    send(address, method, path, "").await
}

pub async fn send(address: SocketAddr, method: &str, path: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    // A server that refuses a request need not read it to its end.
    let _ = stream.write_all((head + body).as_bytes()).await;
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let headers = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, headers: headers.to_lowercase(), body: bytes[end + 4..].to_vec() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_served_is_what_lies_in_the_folder() {
    let deployment = Deployment::new("http").await;
    for n in 1..260 {
        deployment.log.append(EntryDraft::new(format!("m-{n}"), time("2014-01-01"))).await.unwrap();
    }
    deployment.log.clone().close().await;
    let folder = deployment.folder.path().join("record");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(serve(folder.clone(), listener));

    for (path, kind, caching) in [
        ("checkpoint", "text/plain; charset=utf-8", "public, max-age=2"),
        ("policy", "text/plain; charset=utf-8", "public, max-age=60"),
        ("opening/000", "application/json", "public, max-age=60"),
        ("tile/0/000", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("tile/entries/000", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("tile/entries/001.p/4", "application/octet-stream", "public, max-age=31536000, immutable"),
    ] {
        let answer = ask(address, "GET", &format!("/{path}")).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.body, std::fs::read(folder.join(path)).unwrap(), "{path}");
        assert!(answer.headers.contains(&format!("content-type: {kind}")), "{path}: {}", answer.headers);
        assert!(answer.headers.contains(&format!("cache-control: {caching}")), "{path}: {}", answer.headers);
        let head = ask(address, "HEAD", &format!("/{path}")).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert!(head.headers.contains(&format!("content-length: {}", answer.body.len())), "{}", head.headers);
    }
    for (method, path, status) in [
        ("GET", "/tile/0/007", 404),
        ("GET", "/../own/journal", 404),
        ("GET", "/%2e%2e/own/journal", 404),
        ("GET", "/tile/0/../../../own/journal", 404),
        ("GET", "/", 404),
        ("POST", "/checkpoint", 405),
        ("DELETE", "/tile/0/000", 405),
    ] {
        let answer = ask(address, method, path).await;
        assert_eq!(answer.status, status, "{method} {path}");
        // A cache must not remember that something is not there yet.
        assert!(answer.headers.contains("cache-control: no-store"), "{method} {path}: {}", answer.headers);
    }
    server.abort();
}
