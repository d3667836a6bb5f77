use serde::{Deserialize, Serialize};

use super::entry::{EntryDraft, Slot};
use super::policy::Policy;
use crate::clock::SimTime;

/// What entry 0 says, opened at once: which log this is, who watches it, and on what world it was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Genesis {
    pub origin: String,
    /// The log's key in signed-note form.
    pub log_key: String,
    /// Witnesses and quorums, as the text of a policy.
    pub policy: String,
    /// SHA-256 of the world's files.
    #[serde(with = "crate::base64_bytes")]
    pub world_digest: [u8; 32],
    /// SHA-256 of the roster of authorities.
    #[serde(with = "crate::base64_bytes")]
    pub roster_digest: [u8; 32],
    /// SHA-256 of the law books.
    #[serde(with = "crate::base64_bytes")]
    pub law_digest: [u8; 32],
    /// True if the world's secrets can be repeated by whoever knows its seed: nothing in it is private.
    pub seeded: bool,
    pub started: SimTime,
}

impl Genesis {
    /// With origin, key and policy as the policy has them.
    pub fn new(policy: &Policy, started: SimTime, seeded: bool, digests: Digests) -> Self {
        Genesis {
            origin: policy.log().name().to_owned(),
            log_key: policy.log().to_string(),
            policy: policy.to_text(),
            world_digest: digests.world,
            roster_digest: digests.roster,
            law_digest: digests.law,
            seeded,
            started,
        }
    }

    pub(super) fn draft(&self) -> EntryDraft {
        EntryDraft::new("genesis", self.started)
            .with(Slot::Kind, serde_json::Value::from("genesis"))
            .with(Slot::Facts, serde_json::to_value(self).expect("a genesis has only string keys"))
    }
}

/// SHA-256 of what the record was started on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digests {
    pub world: [u8; 32],
    pub roster: [u8; 32],
    pub law: [u8; 32],
}
