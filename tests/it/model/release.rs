//! Record, gate and one region: what a permit has to show, and what the region does with it. Invariant 1.
//!
//! Head office is as dishonest as it can be: it forks the log, records what it should not, and shows the region any permit
//! that it can put together of what there is. The witnesses are honest; whoever is not asked is cut off.

use std::collections::{BTreeMap, BTreeSet};

use stateright::{Model, Property};

use super::check::*;
use super::history::{Cosigned, Entry, History, Quorums, Terms};
use super::permit::{Forgery, Reached, Refusal, Shown, View, check_checkpoint, verdict};
use super::witnesses::consider;

/// What may happen in a run. Less room, fewer states.
#[derive(Clone, Copy, Default, Debug)]
pub struct Room {
    /// Entries of another matter than the one that permits are about.
    pub others: bool,
    /// Entries of that matter that grant nothing. A second grant overtakes the first one, too.
    pub stays: bool,
    /// The log has a second history.
    pub forks: bool,
    /// Grants that it should not have recorded: at most one in a run, of these.
    pub faulty: &'static [Terms],
    pub forgeries: bool,
    /// A day of real time passes once.
    pub day: bool,
    /// Simulated time moves once, and a demand may expire.
    pub clock: bool,
    /// How often the region dies within a release.
    pub deaths: u8,
    /// How many messages arrive.
    pub mail: u8,
    /// The region is put back from a backup once, and head office is honest.
    pub restore: bool,
}

#[derive(Clone, Debug)]
pub struct Release {
    pub quorums: Quorums,
    pub room: Room,
    pub without: Option<Check>,
}

/// The number of an entry and what it grants: the same whatever checkpoint it is shown with, as `PermitId`.
type PermitId = (u8, Entry);

/// How far a permit is used up, as `store::release::State`, with how much mail its copies had when it was spent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Stage {
    Begun { mail: u8 },
    Complete,
}

/// What the region has on its disk, but for its mail.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Kept {
    head: History,
    spent: BTreeMap<PermitId, Stage>,
    /// Productions that were built and wait, with how much mail is in each.
    packages: BTreeMap<PermitId, u8>,
    reached: Option<Reached>,
}

impl Kept {
    fn new() -> Self {
        let (spent, packages) = (BTreeMap::new(), BTreeMap::new());
        Kept { head: History::EMPTY, spent, packages, reached: None }
    }
}

/// What the authority holds, and what was true when it got it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
struct Disclosed {
    permit: PermitId,
    mail: u8,
    /// Something that the region was shown had overtaken it.
    overtaken: bool,
    /// A stay had been cosigned by a quorum for a day.
    stayed_for_a_day: bool,
    /// The latest moment that the region had been shown.
    reached: u8,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    /// The history that is extended; the other one, once the log is forked.
    branches: [Option<History>; 2],
    cosigned: Cosigned,
    /// What the two other witnesses remember. The region is the first.
    others: [History; 2],
    kept: Kept,
    /// What a process remembers and its disk does not.
    reached: Option<Reached>,
    silenced: bool,
    /// The longest history that the region was ever shown in a permit.
    seen: History,
    mail: u8,
    deaths: u8,
    day: bool,
    /// What had a quorum when the day ended.
    yesterday: BTreeSet<History>,
    faulty: bool,
    backup: Option<Box<Kept>>,
    restored: bool,
    /// The size that the log knows the region to have cosigned.
    known: u8,
    /// The latest moment that the region was ever shown with a permit that held.
    ever: u8,
    disclosed: BTreeSet<Disclosed>,
    /// How much mail there was when a permit was spent for the first time.
    marks: BTreeMap<PermitId, u8>,
}

/// Where the region dies in a release: behind the step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    Remembered,
    Spent,
    Built,
    Completed,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    Record { branch: usize, entry: Entry },
    Fork,
    Ask { witness: usize, branch: usize },
    Show { permit: Shown, dies: Option<Step> },
    Forget(PermitId),
    Mail,
    Day,
    Backup,
    Restore,
}

impl State {
    fn own_head(&self) -> History {
        self.kept.head
    }

    fn head_of(&self, witness: usize) -> History {
        if witness == 0 { self.kept.head } else { self.others[witness - 1] }
    }

    /// The newest history that a quorum cosigned, as it is served.
    fn published(&self, quorums: &Quorums) -> Option<(History, u8)> {
        let served = self.cosigned.iter().filter(|(_, by)| quorums.enough(*by));
        served.max_by_key(|(history, _)| history.len())
    }
}

impl Model for Release {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            branches: [Some(History::EMPTY), None],
            cosigned: Cosigned::default(),
            others: [History::EMPTY; 2],
            kept: Kept::new(),
            reached: None,
            silenced: false,
            seen: History::EMPTY,
            mail: 0,
            deaths: 0,
            day: false,
            yesterday: BTreeSet::new(),
            faulty: false,
            backup: None,
            restored: false,
            known: 0,
            ever: 0,
            disclosed: BTreeSet::new(),
            marks: BTreeMap::new(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let room = &self.room;
        for branch in 0..2 {
            if state.branches[branch].is_some() {
                actions.extend(self.entries(state).map(|entry| Action::Record { branch, entry }));
                actions.extend((0..3).map(|witness| Action::Ask { witness, branch }));
            }
        }
        if room.forks && state.branches[1].is_none() {
            actions.push(Action::Fork);
        }
        for permit in self.permits(state) {
            let step = |dies| Action::Show { permit, dies };
            actions.push(step(None));
            if state.deaths < room.deaths {
                let steps = [Step::Remembered, Step::Spent, Step::Built, Step::Completed];
                actions.extend(steps.map(|dies| step(Some(dies))));
            }
        }
        actions.extend(state.kept.packages.keys().map(|permit| Action::Forget(*permit)));
        if state.mail < room.mail {
            actions.push(Action::Mail);
        }
        if room.day && !state.day {
            actions.push(Action::Day);
        }
        if room.restore {
            if state.backup.is_none() {
                actions.push(Action::Backup);
            }
            if !state.restored {
                actions.push(Action::Restore);
            }
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::Record { branch, entry } => {
                state.branches[branch] = Some(state.branches[branch]?.with(entry)?);
                state.faulty |= entry.grant.is_some_and(|terms| terms != Terms::Good);
            }
            Action::Fork => state.branches[1] = state.branches[0],
            Action::Ask { witness, branch } => self.ask(&mut state, witness, branch)?,
            Action::Show { permit, dies } => self.release(&mut state, &permit, dies)?,
            // Head office has it in the record; then it goes from the region's disk.
            Action::Forget(permit) => {
                state.disclosed.iter().any(|disclosed| disclosed.permit == permit).then_some(())?;
                state.kept.packages.remove(&permit)?;
            }
            Action::Mail => state.mail += 1,
            Action::Day => {
                state.day = true;
                state.yesterday = state
                    .cosigned
                    .iter()
                    .filter(|(_, by)| self.quorums.enough(*by))
                    .map(|(history, _)| history)
                    .collect();
                state.cosigned.grow_stale();
            }
            Action::Backup => state.backup = Some(Box::new(state.kept.clone())),
            Action::Restore => {
                // The oldest backup is of a region that has seen nothing.
                let kept = state.backup.take().map_or_else(Kept::new, |kept| *kept);
                // Since a newer one nobody has seen anything of the region that would tell.
                (kept.head.len() < state.kept.head.len()).then_some(())?;
                state.kept = kept;
                state.restored = true;
                restart(&mut state);
            }
        }
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(RECORDED, |model: &Release, state: &State| {
                state.disclosed.iter().all(|disclosed| model.is_recorded(state, disclosed.permit))
            }),
            Property::always(LAWFUL, |_: &Self, state: &State| {
                let terms = |disclosed: &Disclosed| disclosed.permit.1.grant;
                state.disclosed.iter().all(|disclosed| terms(disclosed).is_some_and(Terms::is_lawful))
            }),
            Property::always(CURRENT, |_: &Self, state: &State| {
                state.disclosed.iter().all(|it| !it.overtaken)
            }),
            Property::always(WITHIN_A_DAY, |_: &Self, state: &State| {
                state.disclosed.iter().all(|disclosed| !disclosed.stayed_for_a_day)
            }),
            Property::always(IN_TIME, |_: &Self, state: &State| {
                let expiring = |it: &&Disclosed| it.permit.1.grant == Some(Terms::Expiring);
                state.disclosed.iter().filter(expiring).all(|disclosed| disclosed.reached <= 1)
            }),
            Property::always(ONE_PRODUCTION, |_: &Self, state: &State| {
                let marks = |disclosed: &Disclosed| state.marks.get(&disclosed.permit).copied();
                state.disclosed.iter().all(|disclosed| Some(disclosed.mail) == marks(disclosed))
            }),
            Property::sometimes("something is handed over", |_: &Self, state: &State| {
                !state.disclosed.is_empty()
            }),
            Property::sometimes("and without one of the other witnesses", |_: &Self, state: &State| {
                !state.disclosed.is_empty() && state.others.contains(&History::EMPTY)
            }),
        ]
    }
}

impl Release {
    /// What head office may record next.
    fn entries(&self, state: &State) -> impl Iterator<Item = Entry> {
        let moments = if self.room.clock { 1..=2 } else { 1..=1 };
        let faulty = if state.faulty { &[] } else { self.room.faulty };
        let expiring = self.room.clock.then_some(Terms::Expiring);
        let grants = [Terms::Good].into_iter().chain(faulty.iter().copied()).chain(expiring);
        let entries: Vec<Entry> = moments
            .flat_map(|at| {
                let grants = grants.clone().map(move |terms| Entry { matter: 0, grant: Some(terms), at });
                let other = self.room.others.then_some(Entry { matter: 1, grant: Some(Terms::Good), at });
                let stay = self.room.stays.then_some(Entry { matter: 0, grant: None, at });
                grants.chain(stay).chain(other)
            })
            .collect();
        entries.into_iter()
    }

    /// Every permit that head office can put together: of each history that the log signed, with all cosignatures that
    /// there are, about each of its entries, true or forged in one way.
    fn permits(&self, state: &State) -> Vec<Shown> {
        let mut heads: BTreeSet<History> = state.cosigned.iter().map(|(history, _)| history).collect();
        if self.room.restore {
            // Honest head office shows the newest checkpoint, and only to a region that did not go back.
            let went_back =
                self.without != Some(Check::WentBack) && state.own_head().len() < usize::from(state.known);
            heads = state.published(&self.quorums).map(|(head, _)| head).into_iter().collect();
            heads.retain(|_| !went_back);
        } else {
            heads.extend(state.branches.into_iter().flatten());
        }
        let forgeries = if self.room.forgeries { &Forgery::ALL[..] } else { &[None] };
        let moments: &[u8] = if self.room.clock { &[1, 2] } else { &[1] };
        let mut permits = Vec::new();
        for head in heads {
            let (by, fresh) = state.cosigned.get(&head);
            for index in 0..head.len() as u8 {
                for (forgery, now) in forgeries.iter().flat_map(|f| moments.iter().map(move |now| (*f, *now)))
                {
                    permits.push(Shown { head, by, fresh, index, forgery, now });
                }
            }
        }
        permits
    }

    /// One `add-checkpoint`. The checks of a witness are taken away in a model of their own.
    fn ask(&self, state: &mut State, witness: usize, branch: usize) -> Option<()> {
        let (own, offered) = (state.head_of(witness), state.branches[branch]?);
        if witness == 0 {
            // A witness that answers with less than the log knows of it went back, and the log never asks it from there.
            let went_back = own.len() < usize::from(state.known) && self.without != Some(Check::WentBack);
            if state.silenced || went_back {
                return None;
            }
        }
        consider(&own, &offered, own.len().min(offered.len()), None).ok()?;
        match witness {
            0 => (state.kept.head, state.known) = (offered, offered.len() as u8),
            _ => state.others[witness - 1] = offered,
        }
        state.cosigned.add(offered, witness);
        Some(())
    }

    /// `Node::release`, step by step.
    fn release(&self, state: &mut State, shown: &Shown, dies: Option<Step>) -> Option<()> {
        let own = state.own_head();
        check_checkpoint(shown, &own, &self.quorums, self.without).ok()?;
        if state.silenced || is_forgotten(state, &shown.head, shown.by) {
            state.silenced = true;
            return Some(());
        }
        if shown.head.len() > state.seen.len() {
            state.seen = shown.head;
        }
        let moves = consider(&own, &shown.head, own.len(), None).is_ok();
        if moves && self.without != Some(Check::ShownRemembered) {
            state.kept.head = shown.head;
        }
        // Head office has an answer, and knows what the region has seen.
        state.known = state.known.max(state.own_head().len() as u8);
        let view = View { own: state.own_head(), reached: state.reached };
        let Ok(entry) = verdict(shown, &view, &self.quorums, self.without) else { return Some(()) };
        let id = (shown.index, entry);

        let reached = Reached::then(state.reached, shown.now, shown.head.len() as u8);
        state.reached = Some(reached);
        state.ever = state.ever.max(shown.now);
        if self.without != Some(Check::TimeRemembered) {
            state.kept.reached = Some(reached);
        }
        if dies == Some(Step::Remembered) {
            return self.die(state);
        }
        if entry.grant == Some(Terms::Barred) && self.without != Some(Check::OwnLaw) {
            return Some(());
        }

        let spent_first = self.without != Some(Check::SpentFirst);
        let spent = state.kept.spent.get(&id).copied().filter(|stage| {
            // Without the set of spent permits, one that is used up looks like a new one.
            *stage != Stage::Complete || self.without != Some(Check::Spent)
        });
        let mail = match spent {
            Some(Stage::Complete) => {
                let package = state.kept.packages.get(&id).copied()?;
                self.hand_over(state, shown, id, package);
                return Some(());
            }
            Some(Stage::Begun { mail }) if self.without != Some(Check::Marks) => mail,
            _ => state.mail,
        };
        state.marks.entry(id).or_insert(mail);
        if spent_first {
            state.kept.spent.insert(id, Stage::Begun { mail });
        }
        if dies == Some(Step::Spent) {
            return self.die(state);
        }
        state.kept.packages.insert(id, mail);
        if dies == Some(Step::Built) {
            return self.die(state);
        }
        if spent_first {
            state.kept.spent.insert(id, Stage::Complete);
        } else {
            self.hand_over(state, shown, id, mail);
        }
        if dies == Some(Step::Completed) {
            return self.die(state);
        }
        if spent_first {
            self.hand_over(state, shown, id, mail);
        } else {
            state.kept.spent.insert(id, Stage::Complete);
        }
        Some(())
    }

    fn hand_over(&self, state: &mut State, shown: &Shown, permit: PermitId, mail: u8) {
        let (index, matter) = (usize::from(permit.0), permit.1.matter);
        let overtakes = |history: &History| history.overtakes(index, matter);
        let held = |history: &History| overtakes(history) && history.get(index) == Some(permit.1);
        state.disclosed.insert(Disclosed {
            permit,
            mail,
            overtaken: [shown.head, state.own_head(), state.seen].iter().any(overtakes),
            stayed_for_a_day: state.yesterday.iter().any(held),
            reached: state.ever,
        });
    }

    fn die(&self, state: &mut State) -> Option<()> {
        state.deaths += 1;
        restart(state);
        Some(())
    }

    fn is_recorded(&self, state: &State, (index, entry): PermitId) -> bool {
        let holds = |history: &History| history.get(usize::from(index)) == Some(entry);
        state.cosigned.iter().any(|(history, by)| self.quorums.enough(by) && holds(&history))
    }

    /// Every different permit that is shown in a state, with what the region measures it against.
    pub fn shown_in(&self, state: &State) -> Vec<(Shown, View)> {
        let view = View { own: state.own_head(), reached: state.reached };
        self.permits(state).into_iter().map(|permit| (permit, view)).collect()
    }

    pub fn refusal(&self, shown: &Shown, view: &View) -> Result<(), Refusal> {
        verdict(shown, view, &self.quorums, None).map(drop)
    }
}

/// The region's process starts again: what is not on its disk is gone.
fn restart(state: &mut State) {
    state.reached = state.kept.reached;
    state.silenced = false;
}

/// `Inner::check_memory`: the region sees its own cosignature on what it does not remember.
fn is_forgotten(state: &State, shown: &History, by: u8) -> bool {
    let own = state.own_head();
    by & 1 != 0 && shown.len() >= own.len() && *shown != own
}
