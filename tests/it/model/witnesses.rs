//! Two histories of one log, and three witnesses who are shown either, in any order. Invariant 4.

use std::sync::LazyLock;

use stateright::{Model, Property};

use super::check::{Check, ONE_HISTORY};
use super::history::{Cosigned, Entry, History, Quorums};

/// Whether a witness that remembers `own` cosigns `offered`, asked with old size `old`: the steps of `Witness::consider`, in
/// its order and with its names. The log gives a proof of consistency where there is one.
pub fn consider(
    own: &History,
    offered: &History,
    old: usize,
    without: Option<Check>,
) -> Result<(), &'static str> {
    if offered.len() < own.len() && without == Some(Check::WitnessSmaller) {
        return Ok(());
    }
    if old > offered.len() {
        return Err("old-above-new");
    }
    if offered.len() < own.len() {
        return Err("smaller");
    }
    if without != Some(Check::WitnessExtends) && offered.len() == own.len() && offered != own {
        return Err("forked");
    }
    if old != own.len() {
        return Err("conflict");
    }
    if without != Some(Check::WitnessExtends) && !offered.extends(own) {
        return Err("inconsistent");
    }
    Ok(())
}

#[derive(Clone, Debug)]
pub struct Witnesses {
    pub quorums: Quorums,
    /// Who signs whatever is asked, as a set.
    pub cheats: u8,
    /// Whoever runs the log shows each witness what it cosigned last. Only then may memories be put back from a backup.
    pub shows: bool,
    /// A witness may die in the middle of signing, or lose its memory.
    pub dies: bool,
    pub without: Option<Check>,
}

/// The two histories, which part behind their first entry.
pub static BRANCHES: LazyLock<[History; 2]> = LazyLock::new(|| {
    let entry = |matter| Entry { matter, grant: None, at: 1 };
    [1, 2].map(|matter| {
        let histories = History::EMPTY.with(entry(0)).and_then(|h| h.with(entry(matter)));
        histories.and_then(|h| h.with(entry(matter))).unwrap()
    })
});

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    /// What each remembers; `None` if its memory is lost, and it does not start.
    heads: [Option<History>; 3],
    cosigned: Cosigned,
    /// Somebody's memory of an earlier time.
    backup: Option<(usize, History)>,
    /// A witness died, was restored or lost its memory as often as a run allows.
    troubles: u8,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Action {
    /// The log asks for a cosignature; the witness may die in the middle of giving it.
    Ask {
        witness: usize,
        branch: usize,
        size: usize,
        dies: bool,
    },
    Backup(usize),
    Restore,
    LoseMemory(usize),
}

impl Model for Witnesses {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let heads = [Some(History::EMPTY); 3];
        vec![State { heads, cosigned: Cosigned::default(), backup: None, troubles: 0 }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for witness in 0..3 {
            for branch in 0..2 {
                for size in 1..=3 {
                    actions.push(Action::Ask { witness, branch, size, dies: false });
                    if self.dies && state.troubles == 0 {
                        actions.push(Action::Ask { witness, branch, size, dies: true });
                    }
                }
            }
            if self.dies && state.troubles == 0 {
                actions.push(Action::LoseMemory(witness));
            }
            if self.shows && state.backup.is_none() {
                actions.push(Action::Backup(witness));
            }
        }
        if state.troubles == 0 && state.backup.is_some() {
            actions.push(Action::Restore);
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::Ask { witness, branch, size, dies } => {
                let offered = BRANCHES[branch].first(size);
                if self.cheats & (1 << witness) != 0 {
                    state.cosigned.add(offered, witness);
                } else {
                    let own = state.heads[witness]?;
                    self.check_memory(&state, witness, &own).ok()?;
                    consider(&own, &offered, own.len().min(size), self.without).ok()?;
                    let remembers_first = self.without != Some(Check::WitnessRemembersFirst);
                    if remembers_first || !dies {
                        state.heads[witness] = Some(offered);
                    }
                    if !remembers_first || !dies {
                        state.cosigned.add(offered, witness);
                    }
                }
                state.troubles += u8::from(dies);
            }
            Action::Backup(witness) => state.backup = Some((witness, state.heads[witness]?)),
            Action::Restore => {
                let (witness, head) = state.backup?;
                state.heads[witness] = Some(head);
                state.troubles += 1;
            }
            Action::LoseMemory(witness) => {
                let begins_again = self.without == Some(Check::WitnessEnrolledOnce);
                state.heads[witness] = begins_again.then_some(History::EMPTY);
                state.troubles += 1;
            }
        }
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_HISTORY, |model: &Witnesses, state: &State| model.is_one_history(state)),
            Property::sometimes("a quorum without the region", |model: &Self, state: &State| {
                state.cosigned.iter().any(|(_, by)| by & 1 == 0 && model.quorums.enough(by))
            }),
            Property::sometimes("everybody signs the longest history", |_: &Self, state: &State| {
                state.cosigned.iter().any(|(history, by)| history.len() == 3 && by == 0b111)
            }),
            // The exception in the invariant is no empty one.
            Property::sometimes("two histories with a quorum each", |model: &Self, state: &State| {
                let quorum = |branch: &History| model.quorums.enough(state.cosigned.get(branch).0);
                BRANCHES.iter().all(quorum)
            }),
        ]
    }
}

impl Witnesses {
    /// A witness that is shown what it signed is silent if that is newer than what it remembers.
    fn check_memory(&self, state: &State, witness: usize, own: &History) -> Result<(), ()> {
        let mut signed = state.cosigned.iter().filter(|(_, by)| by & (1 << witness) != 0);
        let forgotten = signed.any(|(shown, _)| shown.len() >= own.len() && shown != *own);
        match self.shows && self.without != Some(Check::WitnessSilenced) && forgotten {
            true => Err(()),
            false => Ok(()),
        }
    }

    fn is_one_history(&self, state: &State) -> bool {
        let believed: Vec<(History, u8)> =
            state.cosigned.iter().filter(|(_, by)| self.quorums.enough(*by)).collect();
        believed.iter().all(|(a, by_a)| {
            believed.iter().all(|(b, by_b)| {
                let one_history = a.extends(b) || b.extends(a);
                one_history || by_a & by_b != 0 && by_a & by_b & !self.cheats == 0
            })
        })
    }
}
