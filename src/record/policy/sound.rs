use std::collections::BTreeMap;

use super::{Member, Policy, PolicyError, Set};
use crate::record::key::KeyKind;

/// How many splits of the witnesses are looked at. The search needs some hundreds for any policy that a person would write.
const STEPS_MAX: usize = 200_000;

/// Looks for two quorums that have no witness in common.
struct Search<'a> {
    policy: &'a Policy,
    /// The witnesses, those together that stand in the same groups: which of them cosigned makes no difference.
    alike: Vec<Vec<usize>>,
    steps: usize,
}

impl Policy {
    /// Refuses a policy that can never be fulfilled, that would believe two histories, or that says something twice.
    pub(super) fn check_sound(&self) -> Result<(), PolicyError> {
        if self.witnesses.len() > Policy::WITNESSES_MAX {
            return Err(PolicyError::TooMany(self.witnesses.len()));
        }
        if self.groups.len() > Policy::GROUPS_MAX {
            return Err(PolicyError::TooManyGroups(self.groups.len()));
        }
        for (place, witness) in self.witnesses.iter().enumerate() {
            for word in [&witness.id, &witness.controlled_by] {
                if word.is_empty() || word.contains(|c: char| c == ' ' || c.is_ascii_control()) {
                    return Err(PolicyError::Word(word.clone()));
                }
            }
            if self.groups.iter().any(|group| group.name == witness.id) {
                return Err(PolicyError::Twice(witness.id.clone()));
            }
            if witness.key.kind() != KeyKind::Cosigner {
                return Err(PolicyError::NotACosigner(witness.id.clone()));
            }
            for other in &self.witnesses[..place] {
                if other.key.key_bytes() == witness.key.key_bytes() || other.id == witness.id {
                    return Err(PolicyError::Twice(witness.id.clone()));
                }
            }
        }
        if self.log.kind() != KeyKind::Log {
            return Err(PolicyError::NotALog(self.log.name().to_owned()));
        }
        if !self.is_enough(everybody(self)) {
            return Err(PolicyError::OutOfReach);
        }
        match Search::new(self).split(0, 0, 0)? {
            None => Ok(()),
            Some(set) => {
                let names = self.witnesses.iter().enumerate().filter(|(place, _)| set & (1 << place) != 0);
                let names = names.map(|(_, w)| w.id.clone()).collect();
                Err(PolicyError::Disjoint(names))
            }
        }
    }
}

fn everybody(policy: &Policy) -> Set {
    (0..policy.witnesses.len()).fold(0, |set, place| set | 1 << place)
}

impl<'a> Search<'a> {
    fn new(policy: &'a Policy) -> Self {
        let mut alike: BTreeMap<(Vec<usize>, [bool; 2]), Vec<usize>> = BTreeMap::new();
        for place in 0..policy.witnesses.len() {
            let witness = Member::Witness(place);
            let groups =
                policy.groups.iter().enumerate().filter(|(_, group)| group.members.contains(&witness));
            let alone = [policy.quorum == witness, policy.emergency == Some(witness)];
            let groups = groups.map(|(group, _)| group).collect();
            alike.entry((groups, alone)).or_default().push(place);
        }
        Search { policy, alike: alike.into_values().collect(), steps: 0 }
    }

    /// A quorum that has no witness in common with another one, where those before `next` are in `a` or in `b` already.
    /// As more witnesses never make less, nobody needs to be left out of both.
    fn split(&mut self, next: usize, a: Set, b: Set) -> Result<Option<Set>, PolicyError> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Err(PolicyError::TooIntricate);
        }
        let undecided = everybody(self.policy) & !(a | b);
        if !self.policy.is_enough(a | undecided) || !self.policy.is_enough(b | undecided) {
            return Ok(None);
        }
        let Some(alike) = self.alike.get(next).cloned() else { return Ok(Some(a)) };
        for count in 0..=alike.len() {
            let set = |places: &[usize]| places.iter().fold(0, |set, place| set | 1 << place);
            let (to_a, to_b) = alike.split_at(count);
            let found = self.split(next + 1, a | set(to_a), b | set(to_b))?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}
