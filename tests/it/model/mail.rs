//! One copy in a region's store: mail comes in and is deleted, keys change, power fails. Invariant 8.
//!
//! An action that needs more than one commit is two actions: what is prepared outside the committer, and the commit.

use std::collections::BTreeMap;

use stateright::{Model, Property};

use super::check::{Check, DURABLE, GONE, HELD};

#[derive(Clone, Debug)]
pub struct Mail {
    /// How many messages there are.
    pub messages: u8,
    pub without: Option<Check>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Object {
    Listed,
    /// Deleted while a hold needed the copy.
    Kept,
}

/// What the committer's books say.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Books {
    /// The object of each message, and the generation that its key is wrapped under.
    objects: BTreeMap<u8, (Object, u8)>,
    /// The epoch that each generation's key is wrapped under.
    generations: BTreeMap<u8, u8>,
    /// Wraps are made under the newest epoch; older ones are closed, those below this one destroyed.
    epoch: u8,
    destroyed: u8,
    held: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    books: Books,
    /// The books as they are after a power cut.
    synced: Books,
    /// The keys of epochs below this one are gone, whatever the books say.
    erased: u8,
    /// A message that is sealed under a generation, and not committed.
    sealed: Option<(u8, u8)>,
    /// Keys of generations, wrapped under an epoch and not committed: of one that is there, and of a new one.
    wrapped: [Option<(u8, u8)>; 2],
    /// An object's key, wrapped from one generation under another and not committed.
    rewrapped: Option<(u8, u8, u8)>,
    arrived: u8,
    waiting: Vec<u8>,
    acknowledged: Vec<u8>,
    /// Deletions and holds that were acknowledged: for each message, whether a hold is to keep it.
    deleted: BTreeMap<u8, bool>,
    cuts: u8,
    holds: u8,
    deletions: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    Seal,
    Deliver,
    Sync,
    NewEpoch,
    Wrap(u8),
    NewGeneration,
    StoreWrap { new: bool },
    Destroy,
    Rewrap(u8),
    StoreRewrap,
    Retire(u8),
    Delete(u8),
    Hold,
    LetGo,
    PowerCut,
}

const GENERATIONS: u8 = 2;
const EPOCHS: u8 = 2;

impl Books {
    fn current(&self) -> u8 {
        self.generations.last_key_value().map_or(0, |(generation, _)| *generation)
    }

    fn objects_under(&self, generation: u8, object: Object) -> usize {
        self.objects.values().filter(|of| **of == (object, generation)).count()
    }

    fn wraps_under(&self, epoch: u8) -> usize {
        self.generations.values().filter(|under| **under == epoch).count()
    }
}

impl State {
    /// True if the key of a message's object can be opened.
    fn opens(&self, message: u8) -> Option<Object> {
        let (object, generation) = self.books.objects.get(&message)?;
        let epoch = self.books.generations.get(generation)?;
        (*epoch >= self.erased).then_some(*object)
    }
}

impl Model for Mail {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let books = Books {
            objects: BTreeMap::new(),
            generations: [(0, 0)].into(),
            epoch: 0,
            destroyed: 0,
            held: false,
        };
        vec![State {
            synced: books.clone(),
            books,
            erased: 0,
            sealed: None,
            wrapped: [None; 2],
            rewrapped: None,
            arrived: 0,
            waiting: Vec::new(),
            acknowledged: Vec::new(),
            deleted: BTreeMap::new(),
            cuts: 0,
            holds: 0,
            deletions: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        use Action::*;
        actions.extend([Seal, Deliver, Sync, NewEpoch, NewGeneration, Destroy, StoreRewrap]);
        actions.extend([StoreWrap { new: false }, StoreWrap { new: true }, Hold, LetGo, PowerCut]);
        actions.extend((0..GENERATIONS).flat_map(|generation| [Wrap(generation), Retire(generation)]));
        actions.extend((0..state.arrived).flat_map(|message| [Rewrap(message), Delete(message)]));
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        self.act(&mut state, action)?;
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(DURABLE, |_: &Mail, state: &State| {
                let owned = state.acknowledged.iter().filter(|it| !state.deleted.contains_key(it));
                owned.into_iter().all(|message| state.opens(*message) == Some(Object::Listed))
            }),
            Property::always(HELD, |_: &Self, state: &State| {
                let held = state.deleted.iter().filter(|(_, held)| **held && state.books.held);
                held.into_iter().all(|(message, _)| state.opens(*message) == Some(Object::Kept))
            }),
            Property::always(GONE, |_: &Self, state: &State| {
                let listed = |message: &u8| state.opens(*message) == Some(Object::Listed);
                !state.deleted.keys().any(listed)
            }),
            Property::sometimes("an epoch is destroyed and its mail is there", |_: &Self, state: &State| {
                state.erased > 0 && state.acknowledged.iter().any(|message| state.opens(*message).is_some())
            }),
            Property::sometimes("what was deleted is shredded", |_: &Self, state: &State| {
                let retired = !state.books.generations.contains_key(&0);
                retired && state.deleted.keys().any(|message| state.opens(*message).is_none())
            }),
        ]
    }
}

impl Mail {
    fn act(&self, state: &mut State, action: Action) -> Option<()> {
        let without = |check: Check| self.without == Some(check);
        match action {
            Action::Seal => {
                (state.sealed.is_none() && state.arrived < self.messages).then_some(())?;
                state.sealed = Some((state.arrived, state.books.current()));
                state.arrived += 1;
            }
            Action::Deliver => {
                let (message, generation) = state.sealed?;
                if generation != state.books.current() && !without(Check::CurrentGeneration) {
                    // It is sealed anew, under the key that is current.
                    state.sealed = Some((message, state.books.current()));
                    return Some(());
                }
                state.sealed = None;
                state.books.objects.insert(message, (Object::Listed, generation));
                if without(Check::SyncedFirst) {
                    state.acknowledged.push(message);
                } else {
                    state.waiting.push(message);
                }
            }
            Action::Sync => {
                state.synced = state.books.clone();
                state.acknowledged.append(&mut state.waiting);
                state.acknowledged.sort_unstable();
                self.erase(state);
            }
            Action::NewEpoch => {
                (state.books.epoch + 1 < EPOCHS).then_some(())?;
                state.books.epoch += 1;
            }
            Action::Wrap(generation) => {
                let under = state.books.generations.get(&generation)?;
                (state.wrapped[0].is_none() && *under < state.books.epoch).then_some(())?;
                state.wrapped[0] = Some((generation, state.books.epoch));
            }
            Action::NewGeneration => {
                let next = state.books.current() + 1;
                (state.wrapped[1].is_none() && next < GENERATIONS).then_some(())?;
                state.wrapped[1] = Some((next, state.books.epoch));
            }
            Action::StoreWrap { new } => {
                let wrapped = &mut state.wrapped[usize::from(new)];
                let (generation, epoch) = wrapped.take()?;
                if epoch != state.books.epoch && !without(Check::OpenEpoch) {
                    // It is wrapped anew, under the epoch that is open.
                    *wrapped = Some((generation, state.books.epoch));
                } else if new || state.books.generations.contains_key(&generation) {
                    state.books.generations.insert(generation, epoch);
                }
            }
            Action::Destroy => {
                let epoch = state.books.destroyed;
                (epoch < state.books.epoch).then_some(())?;
                if state.books.wraps_under(epoch) > 0 && !without(Check::ZeroWraps) {
                    return None;
                }
                state.books.destroyed += 1;
                if without(Check::DestroyedLast) {
                    state.erased = state.books.destroyed;
                }
            }
            Action::Rewrap(message) => {
                let (_, from) = *state.books.objects.get(&message)?;
                let to = state.books.current();
                (state.rewrapped.is_none() && from != to).then_some(())?;
                state.rewrapped = Some((message, from, to));
            }
            Action::StoreRewrap => {
                let (message, from, to) = state.rewrapped.take()?;
                let now = state.books.objects.get(&message).copied();
                if without(Check::RewrapUnchanged) {
                    state.books.objects.insert(message, (Object::Listed, to));
                } else if let Some((object, under)) = now
                    && under == from
                {
                    state.books.objects.insert(message, (object, to));
                }
            }
            Action::Retire(generation) => {
                (state.books.generations.contains_key(&generation)).then_some(())?;
                (generation != state.books.current()).then_some(())?;
                let under = |object| state.books.objects_under(generation, object) > 0;
                let listed = under(Object::Listed) && !without(Check::RetiredEmpty);
                let kept = under(Object::Kept) && !without(Check::RetiredUnheld);
                (!listed && !kept).then_some(())?;
                state.books.generations.remove(&generation);
            }
            Action::Delete(message) => {
                (state.deletions == 0 && state.acknowledged.contains(&message)).then_some(())?;
                let (object, generation) = *state.books.objects.get(&message)?;
                (object == Object::Listed).then_some(())?;
                state.deletions += 1;
                state.deleted.insert(message, state.books.held);
                match state.books.held {
                    true => drop(state.books.objects.insert(message, (Object::Kept, generation))),
                    false => drop(state.books.objects.remove(&message)),
                }
                self.commit(state);
            }
            Action::Hold => {
                (state.holds == 0).then_some(())?;
                state.holds += 1;
                state.books.held = true;
                self.commit(state);
            }
            Action::LetGo => {
                state.books.held.then_some(())?;
                state.books.held = false;
                state.books.objects.retain(|_, (object, _)| *object != Object::Kept);
                self.commit(state);
            }
            Action::PowerCut => {
                (state.cuts == 0).then_some(())?;
                state.cuts += 1;
                state.books = state.synced.clone();
                (state.sealed, state.wrapped, state.rewrapped) = (None, [None; 2], None);
                state.waiting.clear();
            }
        }
        Some(())
    }

    /// What is acknowledged at once, because it waits for its own sync.
    fn commit(&self, state: &mut State) {
        state.synced = state.books.clone();
        state.acknowledged.append(&mut state.waiting);
        state.acknowledged.sort_unstable();
        self.erase(state);
    }

    /// The keys of destroyed epochs go when that is on the disk.
    fn erase(&self, state: &mut State) {
        state.erased = state.erased.max(state.synced.destroyed);
    }
}
