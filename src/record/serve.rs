//! Serves the record's folder over HTTP, read-only: static files that any cache may keep (C2SP tlog-tiles).
//!
//! Nothing is computed here: a path either is one that tlog-tiles, or `docs/record.md`, gives a meaning, or there is nothing at it. So
//! any web server in front of a copy of the folder does as well.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, StatusCode};
use tokio::net::TcpListener;

use super::http::{self, Answer, TEXT, not_allowed, plain};

/// Something that can be fetched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resource {
    Checkpoint,
    Policy,
    /// Hashes or entries: a tile's content never changes.
    Tile,
    Opening,
}

impl Resource {
    /// What a path, without its first slash, is of; `None` if it is not one that the record has. Only the one way of
    /// writing each number is accepted, so no path leads out of the folder and no two to the same file.
    pub fn of(path: &str) -> Option<Self> {
        match path {
            "checkpoint" => return Some(Resource::Checkpoint),
            "policy" => return Some(Resource::Policy),
            _ => {}
        }
        if let Some(number) = path.strip_prefix("opening/") {
            return is_number_path(number).then_some(Resource::Opening);
        }
        let (level, number) = path.strip_prefix("tile/")?.split_once('/')?;
        let is_level = level == "entries" || plain_number(level).is_some_and(|level| level <= 63);
        let (number, width) = match number.split_once(".p/") {
            Some((number, width)) => (number, plain_number(width)?),
            None => (number, 1),
        };
        (is_level && is_number_path(number) && (1..256).contains(&width)).then_some(Resource::Tile)
    }

    fn content_type(self) -> &'static str {
        match self {
            Resource::Checkpoint | Resource::Policy => TEXT,
            Resource::Tile => "application/octet-stream",
            Resource::Opening => "application/json",
        }
    }

    fn caching(self) -> &'static str {
        match self {
            Resource::Checkpoint => "public, max-age=2",
            // More of an entry may be opened later, and witnesses may change.
            Resource::Policy | Resource::Opening => "public, max-age=60",
            Resource::Tile => "public, max-age=31536000, immutable",
        }
    }
}

/// A decimal number without leading zeros.
fn plain_number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = digits && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

/// `1234067` as `x001/x234/067`.
fn is_number_path(path: &str) -> bool {
    let three = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let elements: Vec<&str> = path.split('/').collect();
    let Some((last, before)) = elements.split_last() else { return false };
    // Six groups of three digits are more than any log has.
    before.len() <= 6
        && three(last)
        && before.iter().all(|element| element.strip_prefix('x').is_some_and(three))
        && before.first().is_none_or(|first| *first != "x000")
}

/// Answers on the listener until the future is dropped.
pub async fn serve(folder: PathBuf, listener: TcpListener) -> io::Result<()> {
    let folder: Arc<Path> = folder.into();
    http::serve(listener, move |request| answer(folder.clone(), request)).await
}

async fn answer(folder: Arc<Path>, request: Request<Incoming>) -> Answer {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return not_allowed("GET, HEAD", "the record is only read: GET or HEAD\n");
    }
    let path = request.uri().path().strip_prefix('/').unwrap_or_default().to_owned();
    let Some(resource) = Resource::of(&path) else {
        return plain(StatusCode::NOT_FOUND, "the record has no such path\n");
    };
    let file = folder.join(&path);
    match tokio::fs::read(&file).await {
        Ok(bytes) => {
            let mut found = http::answer(StatusCode::OK, resource.content_type(), bytes);
            let headers = found.headers_mut();
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(resource.caching()));
            // Whoever checks the record in a browser does so from a page of their own.
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            found
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            plain(StatusCode::NOT_FOUND, "the record does not have this yet\n")
        }
        Err(error) => {
            tracing::error!(file = %file.display(), %error, "a file of the record cannot be read");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "this cannot be read; try again\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_the_record_are_paths() {
        for path in ["tile/0/000", "tile/63/x001/x234/067", "tile/1/005.p/17", "tile/entries/x001/000.p/255"]
        {
            assert_eq!(Resource::of(path), Some(Resource::Tile), "{path}");
        }
        assert_eq!(Resource::of("opening/x001/000"), Some(Resource::Opening));
        for path in [
            "",
            "tile",
            "tile/0",
            "tile/00/000",
            "tile/64/000",
            "tile/0/00",
            "tile/0/0000",
            "tile/0/x000/000",
            "tile/0/001/000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/",
            "tile/0/000.p",
            "tile/0/../../../head-office/component.secret",
            "tile/0/%2e%2e/000",
            "opening/",
            "opening/000.new",
            "checkpoint.new",
            "../head-office/journal",
            "/checkpoint",
        ] {
            assert_eq!(Resource::of(path), None, "{path}");
        }
        // Every path that the log writes is one.
        for number in [0, 7, 999, 1000, 1_234_067, u64::MAX] {
            assert!(Resource::of(&super::super::storage::tile_path(3, number, 17)).is_some());
            assert!(Resource::of(&super::super::storage::entries_path(number, 256)).is_some());
            assert!(Resource::of(&super::super::storage::opening_path(number)).is_some());
        }
    }
}
