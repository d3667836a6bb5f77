//! Cosigning over the same channel as everything else: the body of C2SP tlog-witness `add-checkpoint` in a call.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use signed_note::Signature;

use super::body::Body;
use super::call::{Call, Reply};
use super::error::ServiceError;
use super::link::Link;
use crate::record::witness::{
    AddCheckpoint, AddCheckpointReply, ClientError, Witness, WitnessClient, parse_reply,
};

/// A region, which is a witness as well, at the other end of a link.
pub struct LinkedWitness(pub Link<Call, Reply>);

impl WitnessClient for LinkedWitness {
    fn add_checkpoint(&self, request: AddCheckpoint) -> BoxFuture<'_, Result<Vec<Signature>, ClientError>> {
        Box::pin(async move {
            let call = Call::AddCheckpoint { request: request.encode() };
            let answer = self.0.call(call, Body::empty()).await;
            match answer.map_err(|error| ClientError::Failed(error.to_string()))?.reply {
                Reply::Cosigned { status, body } => parse_reply(status, body.as_bytes()),
                _ => Err(ClientError::Failed("the witness answered another question".to_owned())),
            }
        })
    }
}

/// Answers an `add-checkpoint` request. A witness waits for its disk, so this is off the executor's threads.
pub(super) async fn cosign(witness: Arc<Witness>, request: String) -> Result<Reply, ServiceError> {
    let answered = tokio::task::spawn_blocking(move || AddCheckpointReply::of(&witness, request.as_bytes()));
    let reply = answered.await.map_err(|error| ServiceError::internal(&error))?;
    Ok(Reply::Cosigned { status: reply.status, body: reply.body })
}
