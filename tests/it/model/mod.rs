//! The release protocol in small models, every state of which is visited up to a depth: docs/model.md.

mod check;
mod concrete;
mod history;
mod mail;
mod permit;
mod release;
mod witnesses;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use rogatory::diagnostic::SourceFile;
use rogatory::record::policy::Policy;
use stateright::{Checker, Expectation, HasDiscoveries, Model, Path};

use check::{Check, Line, ONE_HISTORY, Place, TABLE};
use concrete::Concrete;
use history::{Entry, History, Quorums, Terms};
use mail::Mail;
use permit::{Shown, View};
use release::{Release, Room};
use witnesses::{BRANCHES, Witnesses, consider};

use crate::record_testing::Cast;

const PLACES: [Place; 10] = [
    Place::Grants,
    Place::Fork,
    Place::Day,
    Place::Everything,
    Place::Clock,
    Place::Crash,
    Place::Restore,
    Place::Witnesses,
    Place::Restored,
    Place::Mail,
];

fn cast() -> Cast {
    Cast::small("model")
}

fn quorums(without: Option<Check>) -> Quorums {
    match without {
        Some(Check::QuorumOverlap) => Quorums::of_any_one(),
        _ => Quorums::of_the_policy(&cast()),
    }
}

fn release(place: Place, without: Option<Check>) -> Release {
    let nothing = Room { others: true, stays: true, ..Room::default() };
    let whole = match place {
        Place::Grants => Room { faulty: &Terms::FAULTY, forgeries: true, ..nothing },
        Place::Fork => Room { forks: true, ..nothing },
        Place::Day => Room { day: true, ..nothing },
        Place::Everything => Room {
            forks: true,
            faulty: &Terms::FAULTY,
            forgeries: true,
            day: true,
            clock: true,
            deaths: 1,
            mail: 1,
            ..nothing
        },
        Place::Clock => Room { clock: true, deaths: 1, ..nothing },
        Place::Crash => Room { deaths: 2, mail: 2, ..nothing },
        _ => Room { mail: 1, restore: true, ..nothing },
    };
    // What happens in less room happens in the whole, too, and is found sooner.
    let room = match (place, without) {
        (Place::Day, Some(_)) => Room { others: false, ..whole },
        (Place::Clock, Some(Check::TimeGoesBack)) => Room { stays: false, deaths: 0, ..whole },
        (Place::Fork | Place::Clock, Some(_)) => Room { stays: false, ..whole },
        _ => whole,
    };
    Release { quorums: quorums(without), room, without }
}

fn witnesses(place: Place, without: Option<Check>) -> Witnesses {
    let shows = place == Place::Restored;
    Witnesses { quorums: quorums(without), cheats: 0, shows, dies: !shows || without.is_none(), without }
}

/// How far a model is followed, in actions.
#[derive(Clone, Copy)]
enum Far {
    /// With every build.
    Near,
    /// In the whole check of the project.
    Deep,
}

fn depth(place: Place, far: Far) -> usize {
    let (near, deep) = match place {
        Place::Grants => (5, 7),
        Place::Fork => (5, 7),
        Place::Day => (5, 8),
        Place::Everything => (2, 3),
        Place::Clock => (4, 6),
        Place::Crash => (5, 7),
        Place::Restore => (6, 8),
        Place::Witnesses => (8, 10),
        Place::Restored => (5, 6),
        Place::Mail => (9, 11),
    };
    match far {
        Far::Near => near,
        Far::Deep => deep,
    }
}

/// Visits every state up to a depth, or until `property` is found not to hold. Gives how many states that were and what was
/// found, with the actions that lead there.
fn explore<M>(model: M, depth: usize, property: Option<&'static str>) -> (usize, BTreeMap<String, String>)
where
    M: Model + Send + Sync + 'static,
    M::State: std::hash::Hash + Clone + PartialEq + std::fmt::Debug + Send + Sync,
    M::Action: Clone + PartialEq + std::fmt::Debug + Send + Sync,
{
    // The depth of the library counts states, and is the first that is not looked at.
    let builder = model.checker().target_max_depth(depth + 2);
    let builder = match property {
        // Thrice as many as any needs: what is not found among them fails soon.
        Some(name) => {
            builder.threads(1).target_state_count(2_000_000).finish_when(HasDiscoveries::AnyOf([name].into()))
        }
        // With one thread no state is met on a longer way first, so that what follows from it is looked at, too.
        None => builder.threads(1).finish_when(HasDiscoveries::AnyFailures),
    };
    let checker = builder.spawn_bfs().join();
    let told = |path: Path<M::State, M::Action>| {
        let actions: Vec<String> = path.into_actions().iter().map(|action| format!("{action:?}")).collect();
        actions.join("\n")
    };
    let found = checker.discoveries().into_iter().map(|(name, path)| (name.to_owned(), told(path))).collect();
    (checker.unique_state_count(), found)
}

fn explore_place(
    place: Place,
    without: Option<Check>,
    depth: usize,
    property: Option<&'static str>,
) -> (usize, BTreeMap<String, String>) {
    match place {
        Place::Witnesses | Place::Restored => explore(witnesses(place, without), depth, property),
        Place::Mail => explore(Mail { messages: 2, without }, depth, property),
        _ => explore(release(place, without), depth, property),
    }
}

/// What is expected of a model's properties: those that always hold, and what can happen at all.
fn expectations(place: Place) -> Vec<(&'static str, Expectation)> {
    fn all<M: Model>(model: &M) -> Vec<(&'static str, Expectation)> {
        model.properties().into_iter().map(|property| (property.name, property.expectation)).collect()
    }
    match place {
        Place::Witnesses | Place::Restored => all(&witnesses(place, None)),
        Place::Mail => all(&Mail { messages: 2, without: None }),
        _ => all(&release(place, None)),
    }
}

fn the_protocol_holds(far: Far) {
    for place in PLACES {
        let started = std::time::Instant::now();
        let depth = depth(place, far);
        let (states, found) = explore_place(place, None, depth, None);
        println!("{place:?}: {states} states to depth {depth} in {:.1?}", started.elapsed());
        for (name, expectation) in expectations(place) {
            match expectation {
                Expectation::Sometimes if name == "two histories with a quorum each" => {
                    assert_eq!(found.get(name), None, "{place:?}");
                }
                Expectation::Sometimes if depth < 4 => {}
                Expectation::Sometimes => assert!(found.contains_key(name), "{place:?}: never {name}"),
                _ => assert_eq!(found.get(name), None, "{place:?}: not always {name}"),
            }
        }
    }
}

#[test]
fn the_protocol_holds_as_far_as_is_quick_to_look() {
    the_protocol_holds(Far::Near);
}

/// `.ci/run` runs it.
#[test]
#[ignore = "takes a minute"]
fn the_protocol_holds_to_the_stated_depth() {
    the_protocol_holds(Far::Deep);
}

#[test]
fn without_any_one_check_it_does_not_hold() {
    for Line { check, place, what, property, .. } in &TABLE {
        let (states, found) = explore_place(*place, Some(*check), 14, Some(property));
        let Some(way) = found.get(*property) else {
            panic!("without {check:?} ({what}), {states} states do not show: {property}");
        };
        println!("without {check:?}, {states} states:\n{way}\n");
    }
}

#[test]
fn every_check_is_in_the_documentation_with_what_is_found_without_it() {
    let documented = include_str!("../../../docs/model.md");
    for Line { what, code, property, .. } in &TABLE {
        let row = format!("| {what} | {code} | {property} |\n");
        assert!(documented.contains(&row), "{row}");
    }
    for place in PLACES {
        let row = format!("| `{place:?}` |");
        let line = documented.lines().find(|line| line.starts_with(&row));
        let line = line.unwrap_or_else(|| panic!("{row}"));
        let (near, deep) = (depth(place, Far::Near), depth(place, Far::Deep));
        assert!(line.contains(&format!("| {near} | {deep} |")), "{line}: {near}, {deep}");
    }
}

/// The exception in invariant 4 is no empty one, and no wider than it says.
#[test]
fn when_the_whole_overlap_cheats_there_can_be_two_histories() {
    let both = "two histories with a quorum each";
    for (cheats, possible) in [(0b000, false), (0b011, false), (0b100, true)] {
        let model = Witnesses { cheats, ..witnesses(Place::Witnesses, None) };
        let (_, found) = explore(model, 9, Some(both));
        assert_eq!(found.contains_key(both), possible, "{cheats:03b}");
        assert_eq!(found.get(ONE_HISTORY), None, "{cheats:03b}");
    }
}

/// The real policy is not one of those that the model finds a fork with.
#[test]
fn a_policy_that_any_one_witness_fulfils_is_refused() {
    let text = cast().policy.to_text();
    let policy = |text: String| Policy::read(&SourceFile::new("policy", text));
    assert!(policy(text.clone()).is_ok());
    let quorum = text.lines().find(|line| line.starts_with("quorum ")).unwrap();
    let ids: Vec<String> = cast().witnesses.into_iter().map(|(id, _)| id).collect();
    let any = text.replace(quorum, &format!("group one-of-them 1 {}\nquorum one-of-them", ids.join(" ")));
    let refused = policy(any).unwrap_err();
    assert!(refused.to_string().contains("two histories could both be believed"), "{refused}");
}

/// What the models say of a checkpoint, a real witness says, for every memory and every question in their bounds.
#[test]
fn the_real_witness_answers_as_the_model() {
    let concrete = Concrete::new(cast());
    let histories: BTreeSet<History> =
        BRANCHES.into_iter().flat_map(|branch| (0..=3).map(move |size| branch.first(size))).collect();
    for own in &histories {
        for offered in histories.iter().filter(|offered| offered.len() > 0) {
            for old in 0..=3 {
                let said = consider(own, offered, old, None);
                assert_eq!(said, concrete.consider(own, offered, old), "{own:?}, {offered:?}, {old}");
            }
        }
    }
}

/// Every permit that the dishonest head office of the models can show, made of real signatures, trees and grants, is judged
/// by the real check as by the model.
#[test]
fn the_real_check_of_a_permit_answers_as_the_model() {
    let concrete = Concrete::new(cast());
    let mut refusals = BTreeMap::new();
    let clock = release(Place::Clock, None);
    let start = |model: &Release| model.init_states();
    for (model, from, depth) in [
        (release(Place::Grants, None), None, 4),
        (release(Place::Fork, None), None, 6),
        (release(Place::Day, None), None, 6),
        (clock.clone(), None, 4),
        // And from where the region was shown the second moment.
        (clock.clone(), Some(shown_the_second_moment(&clock)), 3),
    ] {
        let from = from.unwrap_or_else(|| start(&model));
        let mut alike = BTreeMap::new();
        for (permit, view) in everything_shown(&model, from, depth) {
            let said = model.refusal(&permit, &view);
            // Enough of each kind; the most are refused for want of a quorum.
            let count = alike.entry(format!("{said:?}")).or_insert(0);
            *count += 1;
            if *count > 60 {
                continue;
            }
            assert_eq!(said, concrete.verify(&permit, &view), "{permit:?} {view:?}");
            *refusals.entry(format!("{said:?}")).or_insert(0) += 1;
        }
    }
    println!("{refusals:#?}");
    // Every refusal that the model knows was met, and the permit that holds.
    assert_eq!(refusals.len(), 22, "{refusals:#?}");
}

/// Where a grant was recorded, cosigned, and shown at the second moment.
fn shown_the_second_moment(model: &Release) -> Vec<release::State> {
    let entry = Entry { matter: 0, grant: Some(Terms::Good), at: 1 };
    let head = History::EMPTY.with(entry).unwrap();
    let permit = Shown { head, by: 0b101, fresh: 0b101, index: 0, forgery: None, now: 2 };
    let actions = [
        release::Action::Record { branch: 0, entry },
        release::Action::Ask { witness: 0, branch: 0 },
        release::Action::Ask { witness: 2, branch: 0 },
        release::Action::Show { permit, dies: None },
    ];
    let start = model.init_states().remove(0);
    vec![actions.into_iter().fold(start, |state, action| model.next_state(&state, action).unwrap())]
}

/// The permits that can be shown within so many actions.
fn everything_shown(model: &Release, from: Vec<release::State>, depth: usize) -> BTreeSet<(Shown, View)> {
    let (mut seen, mut newest) = (HashSet::new(), from);
    let mut shown = BTreeSet::new();
    for _ in 0..=depth {
        newest.retain(|state| seen.insert(fingerprint(state)));
        shown.extend(newest.iter().flat_map(|state| model.shown_in(state)));
        newest = newest.iter().flat_map(|state| model.next_states(state)).collect();
    }
    shown
}

fn fingerprint(state: &release::State) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}
