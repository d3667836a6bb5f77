use std::sync::Arc;

use futures_util::future::BoxFuture;
use signed_note::Signature;

use super::Witness;
use super::wire::AddCheckpoint;

/// How the log reaches a witness.
pub trait WitnessClient: Send + Sync + 'static {
    /// Asks for a cosignature; gives signature lines, which the log checks. The log sets a deadline and drops the future when
    /// it has passed.
    fn add_checkpoint(&self, request: AddCheckpoint) -> BoxFuture<'_, Result<Vec<Signature>, ClientError>>;
}

/// Why no cosignature came back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The witness is at another size than the log believed. Ask again from there.
    #[error("the witness is at size {own}")]
    Conflict { own: u64 },
    #[error("the witness refused ({status}): {reason}")]
    Refused { status: u16, reason: String },
    /// It could not be reached, or answered nonsense.
    #[error("{0}")]
    Failed(String),
    #[error("no answer within {0} ms")]
    Deadline(u128),
}

/// A witness in this process.
#[derive(Clone)]
pub struct LocalWitness(pub Arc<Witness>);

impl WitnessClient for LocalWitness {
    fn add_checkpoint(&self, request: AddCheckpoint) -> BoxFuture<'_, Result<Vec<Signature>, ClientError>> {
        let witness = self.0.clone();
        Box::pin(async move {
            // A witness waits for its disk.
            let answer = tokio::task::spawn_blocking(move || witness.add_checkpoint(&request)).await;
            match answer {
                Ok(Ok(signature)) => Ok(vec![signature]),
                Ok(Err(error)) => Err(match error.conflict() {
                    Some(own) => ClientError::Conflict { own },
                    None => ClientError::Refused { status: error.status(), reason: error.to_string() },
                }),
                Err(_) => Err(ClientError::Failed("the witness panicked".to_owned())),
            }
        })
    }
}
