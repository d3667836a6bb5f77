//! A witness as C2SP tlog-witness has it: `POST /add-checkpoint` and `GET /<origin hash>/checkpoint` over HTTP.
//!
//! Nobody proves who they are. What a log sends is signed by it, and what a witness answers is a signature.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, StatusCode};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::Witness;
use super::wire::AddCheckpointReply;
use crate::record::http::{self, Answer, TEXT, not_allowed, plain};

/// A request is 63 hashes and a checkpoint with a signature of each of the log's witnesses, at most.
const REQUEST_MAX: usize = 64 << 10;
/// How long a client may take to send it.
const REQUEST_WITHIN: Duration = Duration::from_secs(3);

/// Answers on the listener until the future is dropped.
pub async fn serve(witness: Arc<Witness>, listener: TcpListener) -> io::Result<()> {
    http::serve(listener, move |request| answer(witness.clone(), request)).await
}

async fn answer(witness: Arc<Witness>, request: Request<Incoming>) -> Answer {
    let path = request.uri().path();
    if path == "/add-checkpoint" {
        if request.method() != Method::POST {
            return not_allowed("POST", "checkpoints are added by POST\n");
        }
        return add_checkpoint(witness, request.into_body()).await;
    }
    if path != checkpoint_path(witness.log().name()) {
        return plain(
            StatusCode::NOT_FOUND,
            "a witness has POST /add-checkpoint, and GET /<SHA-256 of its log's origin>/checkpoint\n",
        );
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return not_allowed("GET, HEAD", "the newest checkpoint is only read: GET or HEAD\n");
    }
    // While it works on its memory, which takes a disk's time, this waits.
    match tokio::task::spawn_blocking(move || witness.checkpoint()).await.ok().flatten() {
        Some(checkpoint) => {
            let mut found = http::answer(StatusCode::OK, TEXT, checkpoint);
            found.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=2"));
            found
        }
        None => {
            plain(StatusCode::NOT_FOUND, "this witness has cosigned nothing since it was told of the log\n")
        }
    }
}

/// Where a witness shows the newest checkpoint it cosigned of a log.
pub fn checkpoint_path(origin: &str) -> String {
    format!("/{}/checkpoint", HEXLOWER.encode(&Sha256::digest(origin)))
}

async fn add_checkpoint(witness: Arc<Witness>, body: Incoming) -> Answer {
    let body = match timeout(REQUEST_WITHIN, Limited::new(body, REQUEST_MAX).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            tracing::warn!(max = REQUEST_MAX, "refused a request that is too long");
            return plain(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("a request has at most {REQUEST_MAX} bytes\n"),
            );
        }
        Ok(Err(error)) => {
            return plain(StatusCode::BAD_REQUEST, format!("the request cannot be read: {error}\n"));
        }
        Err(_) => {
            tracing::warn!(within = ?REQUEST_WITHIN, "refused a request that did not come to its end");
            return plain(StatusCode::REQUEST_TIMEOUT, "the request did not come to its end\n");
        }
    };
    // A witness waits for its disk.
    let answered = tokio::task::spawn_blocking(move || AddCheckpointReply::of(&witness, &body)).await;
    match answered {
        Ok(AddCheckpointReply { status, content_type, body }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut answer = http::answer(status, content_type, body);
            answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            answer
        }
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "this witness failed; try again\n"),
    }
}
