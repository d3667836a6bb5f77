use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use signed_note::Signature;

use super::wire::{AddCheckpoint, parse_reply};
use super::{ClientError, WitnessClient};
use crate::world::WitnessUrl;

/// Says where a witness is to be found at the moment, or why it is nowhere.
pub type Whereabouts = Box<dyn Fn() -> Result<WitnessUrl, String> + Send + Sync>;

/// A witness that is asked over HTTP, as C2SP tlog-witness has it. Connections stay open between requests.
pub struct RemoteWitness {
    whereabouts: Whereabouts,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// Signature lines of a few keys, or an error in words.
const REPLY_MAX: usize = 16 << 10;
/// A connection that nobody used for this long is given up: before another server of this program does, and many others.
const IDLE: Duration = Duration::from_secs(4);

impl RemoteWitness {
    /// Asks for the address anew each time.
    pub fn new(whereabouts: Whereabouts) -> Self {
        let client = Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).build_http();
        RemoteWitness { whereabouts, client }
    }

    /// A witness at one address.
    pub fn at(url: WitnessUrl) -> Self {
        RemoteWitness::new(Box::new(move || Ok(url.clone())))
    }

    async fn post(&self, uri: Uri, body: String) -> Result<(u16, Bytes), ClientError> {
        let failed = |why: String| ClientError::Failed(format!("{uri}: {why}"));
        let request = Request::post(&uri)
            .header("content-type", "text/plain; charset=utf-8")
            .body(Full::from(body))
            .map_err(|error| failed(error.to_string()))?;
        let response = self.client.request(request).await.map_err(|error| failed(whole(&error)))?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), REPLY_MAX).collect().await;
        let body = body.map_err(|error| failed(format!("its answer cannot be read: {error}")))?;
        Ok((status, body.to_bytes()))
    }
}

impl WitnessClient for RemoteWitness {
    fn add_checkpoint(&self, request: AddCheckpoint) -> BoxFuture<'_, Result<Vec<Signature>, ClientError>> {
        Box::pin(async move {
            let url = (self.whereabouts)().map_err(ClientError::Failed)?;
            let (status, body) = self.post(url.call("add-checkpoint"), request.encode()).await?;
            parse_reply(status, &body)
        })
    }
}

/// The client says that it could not connect; only what is beneath says why.
fn whole(error: &(dyn std::error::Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(beneath) = deepest.source() {
        deepest = beneath;
    }
    deepest.to_string()
}
