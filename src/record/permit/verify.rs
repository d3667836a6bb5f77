use std::collections::BTreeMap;

use super::{Grant, Permit, PermitError, PermitId, Reached, VerifiedPermit};
use crate::clock::SimTime;
use crate::demand::{Act, Demand, InstrumentKind};
use crate::record::TreeHead;
use crate::record::checkpoint::SignedCheckpoint;
use crate::record::entry::{Leaf, Slot, commitment};
use crate::record::opening::OpeningError;
use crate::record::policy::{Accept, Policy};
use crate::record::tree::{check_consistency, check_inclusion, head_after};
use crate::world::{AuthorityId, RegionId};
use data_encoding::HEXLOWER;
use ed25519_dalek::VerifyingKey;

/// What a region's own roster says of authorities. Nothing that head office sends can add to it.
pub trait InstrumentRoster {
    /// The key that an authority signs instruments with; `None` if it is not on the roster.
    fn signing_key(&self, authority: &AuthorityId) -> Option<VerifyingKey>;

    /// Whether an authority may issue instruments of this kind.
    fn may_issue(&self, authority: &AuthorityId, kind: InstrumentKind) -> bool;

    /// Whether there is a key that productions to this authority can be sealed to.
    fn has_recipient_key(&self, authority: &AuthorityId) -> bool;
}

/// What a region knows by itself, and measures a permit against.
#[derive(Clone, Copy)]
pub struct Expectations<'a> {
    /// The log's key and origin, the witnesses, and the quorum.
    pub policy: &'a Policy,
    /// Whether the emergency quorum is enough.
    pub accept: Accept,
    pub region: &'a RegionId,
    pub roster: &'a dyn InstrumentRoster,
    /// The newest head that this region has cosigned as a witness; [`TreeHead::EMPTY`] if none.
    pub own_head: TreeHead,
    /// Real time, not simulated time.
    pub now: SimTime,
    /// Simulated time, as head office says. It is held against everything that is shown and was shown before.
    pub simulated_now: SimTime,
    /// How far simulated time had come when this region was last shown a permit that holds.
    pub reached: Option<Reached>,
    /// How old a quorum of the checkpoint's cosignatures may be at most, in seconds of real time.
    pub age_max_seconds: i64,
}

/// Checks a permit. What comes back can be made in no other way.
///
/// This covers everything that record and roster can tell. Whether the law of the region's own country lets it release, and
/// whether the permit was spent before, is for the region to check behind this.
pub fn verify(permit: &Permit, expected: &Expectations<'_>) -> Result<VerifiedPermit, PermitError> {
    let head = check_checkpoint(permit, expected)?;
    let leaf = check_entry(permit, head)?;
    check_later(permit, head, &leaf)?;
    let grant = check_grant(permit, expected.region, &leaf)?;
    let demand = check_instrument(permit, &grant, expected.roster)?;
    check_scope(&grant, &demand, expected)?;
    check_time(permit, &leaf, &grant, &demand, expected)?;
    let id = PermitId::of(expected.policy.log().name(), grant.entry, &permit.grant);
    let reached = Reached::then(expected.reached, expected.simulated_now, head.size);
    Ok(VerifiedPermit::new(id, grant, demand, head.size, expected.simulated_now, reached))
}

/// The log signed it, a quorum cosigned it lately, and it extends what this region has cosigned.
fn check_checkpoint(permit: &Permit, expected: &Expectations<'_>) -> Result<TreeHead, PermitError> {
    let checkpoint = SignedCheckpoint::parse(&permit.checkpoint).map_err(PermitError::Checkpoint)?;
    let Expectations { policy, accept, now, age_max_seconds, own_head: own, .. } = *expected;
    policy.check_fresh(&checkpoint, accept, now, age_max_seconds).map_err(PermitError::Quorum)?;
    let head = checkpoint.head();
    if head.size < own.size {
        return Err(PermitError::OlderThanOwnHead { permit: head.size, own: own.size });
    }
    if head.size == own.size {
        return if head == own { Ok(head) } else { Err(PermitError::Forked { permit: head, own }) };
    }
    if permit.consistency.from != own.size {
        return Err(PermitError::ConsistencyStart { found: permit.consistency.from, own: own.size });
    }
    if !check_consistency(&permit.consistency.proof, head, own) {
        return Err(PermitError::Forked { permit: head, own });
    }
    Ok(head)
}

/// The entry is in the tree.
fn check_entry(permit: &Permit, head: TreeHead) -> Result<Leaf, PermitError> {
    if permit.entry >= head.size {
        return Err(PermitError::NotYetLogged { entry: permit.entry, size: head.size });
    }
    let leaf = Leaf::decode(&permit.leaf).map_err(PermitError::Leaf)?;
    if !check_inclusion(&permit.inclusion, head, permit.entry, leaf.hash()) {
        return Err(PermitError::Inclusion(permit.entry));
    }
    Ok(leaf)
}

/// Every later entry is shown, is in the tree, and is of another matter.
fn check_later(permit: &Permit, head: TreeHead, leaf: &Leaf) -> Result<(), PermitError> {
    let expected = head.size - permit.entry - 1;
    let found = permit.later.leaves.len() as u64;
    if expected > Permit::LATER_MAX as u64 {
        return Err(PermitError::TooManyLater { found: expected, allowed: Permit::LATER_MAX as u64 });
    }
    if found != expected {
        return Err(PermitError::LaterCount { found, expected });
    }
    let leaves = || permit.later.leaves.iter().map(|leaf| leaf.0.as_slice());
    if head_after(permit.entry + 1, &permit.later.before, leaves()) != Some(head) {
        return Err(PermitError::LaterProof(permit.entry));
    }
    for (index, later) in (permit.entry + 1..).zip(leaves()) {
        let later = Leaf::decode(later).map_err(|error| PermitError::LaterLeaf(index, error))?;
        if later.matter_tag() == leaf.matter_tag() {
            return Err(PermitError::Overtaken(index));
        }
    }
    Ok(())
}

/// The grant is the one whose hash the entry holds for this region, and says so itself.
fn check_grant(permit: &Permit, region: &RegionId, leaf: &Leaf) -> Result<Grant, PermitError> {
    let opened = &permit.grants;
    if commitment(Slot::Grants, &opened.salt, opened.value.as_bytes()) != *leaf.commitment(Slot::Grants) {
        let error = OpeningError::Commitment { entry: permit.entry, slot: Slot::Grants };
        return Err(PermitError::Opening(error));
    }
    let hashes: BTreeMap<RegionId, String> = match opened.value.as_str() {
        "" => BTreeMap::new(),
        value => serde_json::from_str(value).map_err(|error| {
            PermitError::Opening(OpeningError::Value { slot: Slot::Grants, error: error.to_string() })
        })?,
    };
    let hash = hashes.get(region).ok_or_else(|| PermitError::NoGrant(region.clone()))?;
    if *hash != HEXLOWER.encode(&permit.grant.hash()) {
        return Err(PermitError::GrantHash(region.clone()));
    }
    let grant = permit.grant.read().map_err(|error| PermitError::Grant(error.to_string()))?;
    if grant.entry != permit.entry {
        return Err(PermitError::GrantEntry { found: grant.entry, expected: permit.entry });
    }
    if grant.terms.region != *region {
        let (found, expected) = (grant.terms.region, region.clone());
        return Err(PermitError::Region { found, expected });
    }
    Ok(grant)
}

/// The instrument is the one that the grant answers, and was signed by somebody who may issue it.
fn check_instrument(
    permit: &Permit,
    grant: &Grant,
    roster: &dyn InstrumentRoster,
) -> Result<Demand, PermitError> {
    let instrument = &permit.instrument;
    let terms = &grant.terms;
    if instrument.digest() != terms.instrument_digest {
        return Err(PermitError::InstrumentDigest);
    }
    let issuer = instrument.claimed_issuer().map_err(PermitError::NoIssuer)?;
    let key = roster.signing_key(&issuer).ok_or_else(|| PermitError::UnknownIssuer(issuer.clone()))?;
    let demand = instrument.verify(&key).map_err(|error| PermitError::Instrument(issuer.clone(), error))?;
    if !roster.may_issue(&issuer, demand.instrument) {
        return Err(PermitError::NotCompetent { issuer, kind: demand.instrument });
    }
    if (&terms.demand, terms.version) != (&demand.id, demand.version) {
        return Err(PermitError::Demand {
            found: terms.demand.clone(),
            found_version: terms.version,
            demand: demand.id,
            version: demand.version,
        });
    }
    if terms.decided < demand.issued {
        return Err(PermitError::DecidedBeforeIssued { decided: terms.decided, issued: demand.issued });
    }
    Ok(demand)
}

/// Everything granted lies within what was demanded, in this region, and goes to whom the instrument says.
fn check_scope(grant: &Grant, demand: &Demand, expected: &Expectations<'_>) -> Result<(), PermitError> {
    let terms = &grant.terms;
    if !demand.acts.contains(&Act::Disclose) {
        return Err(PermitError::NotDisclosure);
    }
    if terms.items.is_empty() {
        return Err(PermitError::NoItems);
    }
    for item in &terms.items {
        if !demand.accounts.contains(&item.account) {
            return Err(PermitError::Account(item.account.clone()));
        }
        if !demand.classes.contains(&item.class) {
            return Err(PermitError::Class(item.class));
        }
        if !demand.range.covers(&item.range) {
            return Err(PermitError::Range(item.account.clone()));
        }
        if !item.place.regions().contains(expected.region) {
            return Err(PermitError::Place(expected.region.clone()));
        }
    }
    if terms.requester != demand.issuing {
        let (found, expected) = (terms.requester.clone(), demand.issuing.clone());
        return Err(PermitError::Requester { found, expected });
    }
    if terms.recipient != demand.deliver_to {
        let (found, expected) = (terms.recipient.clone(), demand.deliver_to.clone());
        return Err(PermitError::Recipient { found, expected });
    }
    if !expected.roster.has_recipient_key(&terms.recipient) {
        return Err(PermitError::NoRecipientKey(terms.recipient.clone()));
    }
    Ok(())
}

/// Simulated time agrees with the record, has not gone back since this region was last shown something, and the
/// demand is still valid. Every entry shows its month to everyone, so that a decision dated falsely by more is a lie
/// in public.
fn check_time(
    permit: &Permit,
    leaf: &Leaf,
    grant: &Grant,
    demand: &Demand,
    expected: &Expectations<'_>,
) -> Result<(), PermitError> {
    let (now, decided) = (expected.simulated_now, grant.terms.decided);
    if let Some(Reached { time: reached, .. }) = expected.reached.filter(|reached| now < reached.time) {
        return Err(PermitError::TimeGoesBack { now, reached });
    }
    if decided > now {
        return Err(PermitError::DecidedInFuture { decided, now });
    }
    if month_of(decided) != leaf.month() {
        return Err(PermitError::Month { decided, month: leaf.month() });
    }
    if let Some(Reached { time: reached, size }) = expected.reached
        && permit.entry >= size
        && decided < reached
    {
        return Err(PermitError::DatedBack { entry: permit.entry, decided, reached, size });
    }
    for (entry, later) in (permit.entry + 1..).zip(&permit.later.leaves) {
        let month = Leaf::decode(&later.0).map_err(|error| PermitError::LaterLeaf(entry, error))?.month();
        if month > month_of(now) {
            return Err(PermitError::BehindRecord { entry, month, now });
        }
    }
    match demand.valid_until {
        Some(until) if until < now => Err(PermitError::Expired { until, now }),
        _ => Ok(()),
    }
}

/// Year and month in UTC, as a leaf shows them.
fn month_of(time: SimTime) -> (u16, u8) {
    let date = time.date_utc();
    (date.year().unsigned_abs(), date.month().unsigned_abs())
}
