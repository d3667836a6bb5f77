//! Cosigning over the same channel as everything else: the body of C2SP tlog-witness `add-checkpoint` in a call.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use signed_note::Signature;

use super::body::Body;
use super::call::{Call, Reply};
use super::error::{ErrorCode, ServiceError};
use super::identity::Peer;
use super::link::Link;
use super::service::{Answer, Context, Service, only_head_office};
use crate::record::witness::{
    AddCheckpoint, AddCheckpointReply, ClientError, Witness, WitnessClient, parse_reply,
};

/// A witness at the other end of a link: a region node, or an outside witness.
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
    let answered = tokio::task::spawn_blocking(move || match AddCheckpoint::parse(request.as_bytes()) {
        Ok(request) => AddCheckpointReply::to(&witness.add_checkpoint(&request)),
        Err(error) => AddCheckpointReply::unreadable(&error),
    });
    let reply = answered.await.map_err(|error| ServiceError::internal(&error))?;
    Ok(Reply::Cosigned { status: reply.status, body: reply.body })
}

/// A node that does nothing but cosign: an outside witness.
pub struct WitnessNode(pub Arc<Witness>);

impl Service for WitnessNode {
    type Call = Call;
    type Reply = Reply;

    fn admit(&self, peer: &Peer) -> Result<(), ServiceError> {
        only_head_office(peer, |_| "only the log itself asks a witness".to_owned())
    }

    fn call(&self, _: Context, call: Call, _: Body) -> BoxFuture<'_, Result<Answer<Reply>, ServiceError>> {
        Box::pin(async move {
            match call {
                Call::AddCheckpoint { request } => Ok(cosign(self.0.clone(), request).await?.into()),
                _ => Err(ServiceError::new(ErrorCode::Invalid, "an outside witness only cosigns")),
            }
        })
    }
}
