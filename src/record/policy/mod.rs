//! Who has to cosign a checkpoint before anybody acts on it.
//!
//! The text is that of C2SP tlog-policy: lines `log`, `witness`, `group`, `quorum`. Two things are added, because the rule
//! needs them: `about` says of a witness what a reader should know (country, by whom it is controlled, whether it is
//! independent, whether it is an outsider), and `emergency` names a second quorum that is never used unless somebody says
//! so. And a witness may stand in several groups, since "more than half of the independent ones, one of them abroad, one of
//! them an outsider" cannot be said otherwise. What else differs from the specification stands in docs/record.md.
//!
//! A policy is refused when two of its quorums could be disjoint: then two histories could both be believed without
//! any witness cheating.

mod error;
mod sound;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use error::{PolicyError, QuorumError};

use super::checkpoint::SignedCheckpoint;
use super::key::VerifierKey;
use crate::clock::SimTime;
use crate::world::Country;

/// How far ahead of one's own clock a cosignature may be, in seconds.
const CLOCK_SKEW_SECONDS: i64 = 300;

/// One witness, and what a reader should know of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyWitness {
    /// Its name in the policy, such as the region it runs in.
    pub id: String,
    pub key: VerifierKey,
    pub country: Country,
    /// Who can order it.
    pub controlled_by: String,
    /// Head office cannot use its keys: a region where head office holds no wrap, or an outsider.
    pub independent: bool,
    /// Run by somebody who is no part of the provider.
    pub outsider: bool,
}

/// A log, its witnesses, and which sets of them are enough.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    log: VerifierKey,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    quorum: Member,
    emergency: Option<Member>,
}

/// Witnesses by their place in the policy: a bit each.
type Set = u64;

/// Its members stand before it in the policy, so that no group is a member of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Group {
    name: String,
    needed: usize,
    members: Vec<Member>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Member {
    Witness(usize),
    Group(usize),
}

/// Which quorum has to be there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Accept {
    #[default]
    NormalOnly,
    /// Also the emergency quorum that the policy names.
    Emergency,
}

/// A checkpoint's cosignatures, counted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quorum {
    /// Who cosigned, in the order of the policy, and when.
    pub cosigners: Vec<Cosigned>,
    /// True if at least one of them is an outsider.
    pub outsider: bool,
    /// True if this is only the emergency quorum.
    pub emergency: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cosigned {
    pub witness: String,
    pub time: SimTime,
}

/// In one line.
impl fmt::Display for Quorum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.cosigners.iter().map(|one| one.witness.as_str()).collect();
        let emergency = if self.emergency { "; the emergency quorum only" } else { "" };
        write!(f, "{}{emergency}", cosigned_by(&names.join(", "), self.outsider))
    }
}

/// How it is said who cosigned, and whether an outsider is among them.
pub fn cosigned_by(names: &str, outsider: bool) -> String {
    format!("cosigned by {names} ({} outsider among them)", if outsider { "an" } else { "no" })
}

impl Policy {
    /// The most witnesses a policy may have; tlog-policy recommends that a reader takes so many at least.
    pub const WITNESSES_MAX: usize = 32;

    /// The most groups, of which it says the same.
    pub const GROUPS_MAX: usize = 64;

    /// The rule of this project: more than half of the independent witnesses, at least one of them outside the home country
    /// and one an outsider. The emergency quorum is all outsiders and any independent region.
    pub fn standard(
        log: VerifierKey,
        home: &Country,
        witnesses: Vec<PolicyWitness>,
    ) -> Result<Self, PolicyError> {
        let which = |keep: &dyn Fn(&PolicyWitness) -> bool| -> Vec<Member> {
            let kept = witnesses.iter().enumerate().filter(|(_, witness)| keep(witness));
            kept.map(|(place, _)| Member::Witness(place)).collect()
        };
        let independent = which(&|w| w.independent);
        let abroad = which(&|w| w.independent && w.country != *home);
        let outsiders = which(&|w| w.independent && w.outsider);
        let regions = which(&|w| w.independent && !w.outsider);
        if outsiders.is_empty() {
            return Err(PolicyError::NoOutsider);
        }
        if abroad.is_empty() {
            return Err(PolicyError::AllAtHome(home.clone()));
        }
        let all_outsiders = outsiders.len();
        let mut groups = vec![
            Group { name: "majority".into(), needed: independent.len() / 2 + 1, members: independent },
            Group { name: "abroad".into(), needed: 1, members: abroad },
            Group { name: "outsider".into(), needed: 1, members: outsiders.clone() },
            Group { name: "normal".into(), needed: 3, members: (0..3).map(Member::Group).collect() },
            Group { name: "all-outsiders".into(), needed: all_outsiders, members: outsiders },
        ];
        let mut emergency = Member::Group(4);
        if !regions.is_empty() {
            groups.push(Group { name: "any-region".into(), needed: 1, members: regions });
            groups.push(Group {
                name: "lifeline".into(),
                needed: 2,
                members: vec![Member::Group(4), Member::Group(5)],
            });
            emergency = Member::Group(6);
        }
        let policy = Policy { log, witnesses, groups, quorum: Member::Group(3), emergency: Some(emergency) };
        policy.check_sound()?;
        let mut names = BTreeSet::new();
        if let Some(twice) =
            policy.witnesses.iter().find(|witness| !names.insert(witness.key.name().to_owned()))
        {
            return Err(PolicyError::SignsAlike(twice.id.clone(), twice.key.name().to_owned()));
        }
        Ok(policy)
    }

    /// The log's key; its name is the origin.
    pub fn log(&self) -> &VerifierKey {
        &self.log
    }

    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// The witness of this name.
    pub fn witness(&self, id: &str) -> Option<&PolicyWitness> {
        self.witnesses.iter().find(|witness| witness.id == id)
    }

    /// Checks the log's signature and every known witness's, and whether they are enough.
    pub fn check(&self, checkpoint: &SignedCheckpoint, accept: Accept) -> Result<Quorum, QuorumError> {
        self.count(checkpoint, accept, |_| true)
    }

    /// As [`Policy::check`], counting only cosignatures that are at most `age_max_seconds` old at `now` (real time).
    pub fn check_fresh(
        &self,
        checkpoint: &SignedCheckpoint,
        accept: Accept,
        now: SimTime,
        age_max_seconds: i64,
    ) -> Result<Quorum, QuorumError> {
        let all = self.check(checkpoint, accept)?;
        let fresh = |time: i64| {
            let age = now.unix_seconds().saturating_sub(time);
            age <= age_max_seconds && age >= -CLOCK_SKEW_SECONDS
        };
        self.count(checkpoint, accept, fresh).map_err(|_| QuorumError::Stale {
            fresh: all.cosigners.iter().filter(|c| fresh(c.time.unix_seconds())).count(),
            all: all.cosigners.len(),
            age_max_seconds,
        })
    }

    fn count(
        &self,
        checkpoint: &SignedCheckpoint,
        accept: Accept,
        counts: impl Fn(i64) -> bool,
    ) -> Result<Quorum, QuorumError> {
        checkpoint.check_log(&self.log).map_err(QuorumError::Checkpoint)?;
        let mut set: Set = 0;
        let mut cosigners = Vec::new();
        for (place, witness) in self.witnesses.iter().enumerate() {
            let time = checkpoint.cosigned_by(&witness.key).map_err(QuorumError::Checkpoint)?;
            if let Some(time) = time.filter(|time| counts(*time)) {
                set |= 1 << place;
                let time = SimTime::from_unix_seconds(time);
                cosigners.push(Cosigned { witness: witness.id.clone(), time });
            }
        }
        let outsider = self.outsider_in(set);
        if self.holds(self.quorum, set) {
            return Ok(Quorum { cosigners, outsider, emergency: false });
        }
        match (accept, self.emergency) {
            (Accept::Emergency, Some(emergency)) if self.holds(emergency, set) => {
                Ok(Quorum { cosigners, outsider, emergency: true })
            }
            _ => Err(QuorumError::TooFew {
                cosigners: cosigners.into_iter().map(|c| c.witness).collect(),
                witnesses: self.witnesses.len(),
            }),
        }
    }

    /// True if these witnesses, by their place in the policy, are a normal quorum.
    pub(super) fn is_normal(&self, places: impl Iterator<Item = usize>) -> bool {
        self.holds(self.quorum, places.fold(0, |set, place| set | 1 << place))
    }

    /// True if they are the emergency quorum; there may be none.
    pub(super) fn is_emergency(&self, places: impl Iterator<Item = usize>) -> bool {
        let set = places.fold(0, |set, place| set | 1 << place);
        self.emergency.is_some_and(|emergency| self.holds(emergency, set))
    }

    fn outsider_in(&self, set: Set) -> bool {
        self.witnesses.iter().enumerate().any(|(place, w)| w.outsider && set & (1 << place) != 0)
    }

    fn holds(&self, member: Member, set: Set) -> bool {
        self.holds_in(member, set, self.groups_that_hold(set))
    }

    fn is_enough(&self, set: Set) -> bool {
        let groups = self.groups_that_hold(set);
        let either = [Some(self.quorum), self.emergency];
        either.into_iter().flatten().any(|member| self.holds_in(member, set, groups))
    }

    /// The groups that witness what this set cosigned, by their place in the policy: a bit each.
    fn groups_that_hold(&self, set: Set) -> u64 {
        self.groups.iter().enumerate().fold(0, |groups, (place, group)| {
            let members = group.members.iter().filter(|member| self.holds_in(**member, set, groups));
            groups | u64::from(members.count() >= group.needed) << place
        })
    }

    fn holds_in(&self, member: Member, set: Set, groups: u64) -> bool {
        match member {
            Member::Witness(place) => set & (1 << place) != 0,
            Member::Group(place) => groups & (1 << place) != 0,
        }
    }
}
