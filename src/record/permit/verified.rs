use std::fmt;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Grant, Reached, SealedGrant};
use crate::clock::SimTime;
use crate::demand::{Demand, Item};
use crate::world::{AuthorityId, RegionId};

/// Names the release of one grant: the same however often and with whatever newer checkpoint it is shown, so that a region
/// can remember which ones are spent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PermitId(#[serde(with = "crate::base64_bytes")] [u8; 32]);

impl PermitId {
    /// SHA-256 over log, entry and grant: the same whatever checkpoint it is shown with.
    pub fn of(origin: &str, entry: u64, grant: &SealedGrant) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"rogatory permit v1\n");
        hasher.update(origin.as_bytes());
        hasher.update(b"\n");
        hasher.update(entry.to_be_bytes());
        hasher.update(grant.hash());
        PermitId(hasher.finalize().into())
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for PermitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for PermitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A permit that passed every check. It has no public constructor: a value of this type is the proof that the checks
/// happened, and it is what the vault asks for.
#[derive(Clone, Debug)]
pub struct VerifiedPermit {
    id: PermitId,
    grant: Grant,
    demand: Demand,
    checkpoint_size: u64,
    simulated_now: SimTime,
    reached: Reached,
}

impl VerifiedPermit {
    /// For [`super::verify`] alone.
    pub(super) fn new(
        id: PermitId,
        grant: Grant,
        demand: Demand,
        checkpoint_size: u64,
        simulated_now: SimTime,
        reached: Reached,
    ) -> Self {
        VerifiedPermit { id, grant, demand, checkpoint_size, simulated_now, reached }
    }

    /// What makes this release different from every other; commit it as spent before opening anything.
    pub fn permit_id(&self) -> PermitId {
        self.id
    }

    /// The region it was checked for.
    pub fn region(&self) -> &RegionId {
        &self.grant.terms.region
    }

    /// What may be released: all in this region, all covered by the signed demand.
    pub fn items(&self) -> &[Item] {
        &self.grant.terms.items
    }

    /// The authority that issued the demand.
    pub fn requester(&self) -> &AuthorityId {
        &self.grant.terms.requester
    }

    /// The authority to whose key the production is sealed.
    pub fn recipient(&self) -> &AuthorityId {
        &self.grant.terms.recipient
    }

    /// The index of the entry with the decision.
    pub fn entry(&self) -> u64 {
        self.grant.entry
    }

    /// The demand as its issuer signed it.
    pub fn demand(&self) -> &Demand {
        &self.demand
    }

    /// True if only ciphertext may be handed over.
    pub fn ciphertext_only(&self) -> bool {
        self.grant.terms.ciphertext
    }

    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// How many entries the log had when this was checked.
    pub fn checkpoint_size(&self) -> u64 {
        self.checkpoint_size
    }

    /// Simulated time when this was checked: what head office said, and nothing that was shown contradicts.
    pub fn simulated_now(&self) -> SimTime {
        self.simulated_now
    }

    /// How far time has come, as this region has to remember before it acts on the permit.
    pub fn reached(&self) -> Reached {
        self.reached
    }
}
