//! The bodies of `add-checkpoint` (C2SP tlog-witness), for whatever carries them.

use signed_note::Signature;

use super::error::WitnessError;
use crate::record::Hash;
use crate::record::checkpoint::{CheckpointError, SignedCheckpoint, parse_size};

/// A request to cosign.
#[derive(Clone, PartialEq, Debug)]
pub struct AddCheckpoint {
    /// The size that the log believes the witness cosigned last.
    pub old: u64,
    /// From `old` to the checkpoint (RFC 6962 section 2.1.2).
    pub proof: Vec<Hash>,
    pub checkpoint: SignedCheckpoint,
}

/// No proof of a tree below 2^63 leaves is longer.
const PROOF_MAX: usize = 63;

impl AddCheckpoint {
    /// The body of the request.
    pub fn encode(&self) -> String {
        let mut text = format!("old {}\n", self.old);
        for hash in &self.proof {
            text.push_str(&format!("{hash}\n"));
        }
        text.push('\n');
        text.push_str(&self.checkpoint.to_string());
        text
    }

    /// Reads the body of a request. What it says is not checked yet.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let text = std::str::from_utf8(body).map_err(|_| RequestError::NotText)?;
        let (head, note) = text.split_once("\n\n").ok_or(RequestError::NoEmptyLine)?;
        let mut lines = head.split('\n');
        let first = lines.next().unwrap_or_default();
        let old = first
            .strip_prefix("old ")
            .and_then(parse_size)
            .ok_or_else(|| RequestError::OldSize(first.to_owned()))?;
        let mut proof = Vec::new();
        for line in lines {
            if proof.len() == PROOF_MAX {
                return Err(RequestError::ProofLength);
            }
            proof.push(Hash::parse(line).ok_or_else(|| RequestError::Hash(line.to_owned()))?);
        }
        Ok(AddCheckpoint { old, proof, checkpoint: SignedCheckpoint::parse(note)? })
    }
}

/// Why a body is not a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    #[error("the request is not UTF-8")]
    NotText,
    #[error("no empty line between the proof and the checkpoint")]
    NoEmptyLine,
    #[error("`{0}` is not `old` and a size")]
    OldSize(String),
    #[error("`{0}` is not the base64 of a hash")]
    Hash(String),
    #[error("a proof of more than {PROOF_MAX} hashes")]
    ProofLength,
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// An answer as it goes over HTTP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddCheckpointReply {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
}

impl AddCheckpointReply {
    /// What a witness answers to the body of a request. Blocks on its disk.
    pub fn of(witness: &super::Witness, body: &[u8]) -> Self {
        match AddCheckpoint::parse(body) {
            Ok(request) => AddCheckpointReply::to(&witness.add_checkpoint(&request)),
            Err(error) => {
                tracing::warn!(witness = witness.verifier().name(), %error, "refused what is no request");
                AddCheckpointReply::unreadable(&error)
            }
        }
    }

    /// What to answer to a request that could be read.
    pub fn to(answer: &Result<Signature, WitnessError>) -> Self {
        let plain = "text/plain; charset=utf-8";
        match answer {
            Ok(signature) => {
                let body = String::from_utf8_lossy(&signature.to_bytes()).into_owned();
                AddCheckpointReply { status: 200, content_type: plain, body }
            }
            Err(error) => match error.conflict() {
                Some(own) => AddCheckpointReply {
                    status: 409,
                    content_type: "text/x.tlog.size",
                    body: format!("{own}\n"),
                },
                None => AddCheckpointReply {
                    status: error.status(),
                    content_type: plain,
                    body: format!("{error}\n"),
                },
            },
        }
    }

    /// What to answer to a request that could not be read.
    pub fn unreadable(error: &RequestError) -> Self {
        AddCheckpointReply {
            status: 400,
            content_type: "text/plain; charset=utf-8",
            body: format!("{error}\n"),
        }
    }
}

/// Reads an answer on the log's side: the signature lines, none of them checked.
pub fn parse_reply(status: u16, body: &[u8]) -> Result<Vec<Signature>, super::ClientError> {
    use super::ClientError;
    let text = String::from_utf8_lossy(body);
    match status {
        200 => {
            let lines = text.lines().map(|line| Signature::from_bytes(line.as_bytes()));
            lines.collect::<Result<_, _>>().map_err(|_| {
                ClientError::Failed("the witness answered with something else than signature lines".into())
            })
        }
        409 => match text.strip_suffix('\n').and_then(parse_size) {
            Some(own) => Err(ClientError::Conflict { own }),
            None => Err(ClientError::Failed("the witness answered a conflict without its size".into())),
        },
        status => Err(ClientError::Refused { status, reason: text.trim_end().to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::TreeHead;
    use crate::record::key::LogSigner;
    use crate::record::witness::ClientError;

    fn request(old: u64, hashes: usize) -> AddCheckpoint {
        let log = LogSigner::new("rogatory.example/record", &[1; 32]).unwrap();
        let head = TreeHead { size: 20_852_163, hash: Hash([3; 32]) };
        AddCheckpoint {
            old,
            proof: (0..hashes).map(|i| Hash([i as u8; 32])).collect(),
            checkpoint: SignedCheckpoint::sign(&log, head),
        }
    }

    #[test]
    fn each_fault_has_its_own_error() {
        let good = request(7, 2).encode();
        let with =
            |from: &str, to: &str| AddCheckpoint::parse(good.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert_eq!(AddCheckpoint::parse(&[0xff]), Err(RequestError::NotText));
        assert_eq!(AddCheckpoint::parse(b"old 1\n"), Err(RequestError::NoEmptyLine));
        assert!(matches!(with("old 7", "old 07"), RequestError::OldSize(_)));
        assert!(matches!(with("old 7", "new 7"), RequestError::OldSize(_)));
        assert!(matches!(with("old 7\n", "old 7\nAAAA\n"), RequestError::Hash(_)));
        assert!(matches!(with("20852163", "-1"), RequestError::Checkpoint(_)));
        let long = request(7, 64).encode();
        assert_eq!(AddCheckpoint::parse(long.as_bytes()), Err(RequestError::ProofLength));
    }

    #[test]
    fn a_conflict_travels_as_a_size() {
        let reply = AddCheckpointReply::to(&Err(WitnessError::Conflict { old: 1, own: 5 }));
        assert_eq!((reply.status, reply.content_type), (409, "text/x.tlog.size"));
        assert!(matches!(parse_reply(409, reply.body.as_bytes()), Err(ClientError::Conflict { own: 5 })));
        assert!(matches!(parse_reply(404, b"no\n"), Err(ClientError::Refused { status: 404, .. })));
        assert!(matches!(parse_reply(200, b"no\n"), Err(ClientError::Failed(_))));
    }

    proptest! {
        #[test]
        fn requests_round_trip(old: u64, hashes in 0usize..63) {
            let request = request(old, hashes);
            prop_assert_eq!(AddCheckpoint::parse(request.encode().as_bytes()).unwrap(), request);
        }

        #[test]
        fn no_body_makes_the_parser_panic(body: Vec<u8>, text in "(old [0-9]{0,3}\n)?([A-Za-z+/=]{44}\n){0,2}\n?.{0,80}") {
            let _ = AddCheckpoint::parse(&body);
            let _ = AddCheckpoint::parse(text.as_bytes());
        }
    }
}
