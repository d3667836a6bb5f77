//! The smallest changes of the facts that would change the duty: searched one by one, then two by two, and each put to
//! the engine. Nothing is concluded from the text of a rule.

mod places;

use serde::Serialize;

use super::decision::{Premise, decide};
use super::duty::Duty;
use crate::clock::{Date, SimTime};
use crate::demand::{InstrumentKind, ProofLevel};
use crate::law::{Law, Question};
use crate::world::{AuthorityKind, DataClass, KeyCustody, World};

/// A change that the engine was asked about, and what it then said.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Flip {
    /// Each in words, to be read after "if": one, or two that change nothing apart.
    pub changes: Vec<String>,
    pub duty: Duty,
}

/// Something otherwise than it was.
struct Change {
    words: String,
    /// What it touches. Of two changes that touch the same thing only one can be made.
    facts: &'static [&'static str],
    make: Box<dyn Fn(&mut Premise)>,
}

impl Change {
    fn new(
        words: impl Into<String>,
        facts: &'static [&'static str],
        make: impl Fn(&mut Premise) + 'static,
    ) -> Change {
        Change { words: words.into(), facts, make: Box::new(make) }
    }

    fn excludes(&self, other: &Change) -> bool {
        self.facts.iter().any(|fact| other.facts.contains(fact))
    }
}

/// Every single change that leads to another duty; if there is none, every pair that does. The world is the one in which
/// the premise was gathered: it tells where a copy would rest, and which codes are countries.
pub fn flips(law: &Law, world: &World, premise: &Premise) -> Vec<Flip> {
    let duty = decide(law, premise).duty;
    let changes = changes(world, premise);
    let asked = |made: &[&Change]| {
        let mut premise = premise.clone();
        made.iter().for_each(|change| (change.make)(&mut premise));
        let then = decide(law, &premise).duty;
        let words = made.iter().map(|change| change.words.clone()).collect();
        (then != duty).then_some(Flip { changes: words, duty: then })
    };
    let days = nearest_days(law, premise);
    let mut found: Vec<Flip> = days.iter().chain(&changes).filter_map(|change| asked(&[change])).collect();
    if !found.is_empty() {
        return found;
    }
    for (place, first) in changes.iter().enumerate() {
        let others = changes[place + 1..].iter().filter(|second| !second.excludes(first));
        found.extend(others.filter_map(|second| asked(&[first, second])));
    }
    found
}

/// The nearest day before, and the nearest after, on which some rule of the laws that are asked begins or ends and the
/// duty is another.
fn nearest_days(law: &Law, premise: &Premise) -> Vec<Change> {
    let now = premise.question.facts.moments.decided;
    let duty = decide(law, premise).duty;
    let rules = law.rules().filter(|(code, _)| premise.asked.contains(code));
    let mut days: Vec<Date> = rules.flat_map(|(_, rule)| [rule.from, rule.until]).flatten().collect();
    days.sort();
    days.dedup();
    let on = |at: SimTime, words: String| {
        let change = Change::new(words, &["day"], move |premise| set_day(&mut premise.question, at));
        let mut changed = premise.clone();
        (change.make)(&mut changed);
        (decide(law, &changed).duty != duty).then_some(change)
    };
    let noon = |day: Date| SimTime::start_of(day, &jiff::tz::TimeZone::UTC).plus_seconds(12 * 3600);
    let earlier = days.iter().rev().filter_map(|day| day.yesterday().ok()).find_map(|day| {
        let at = noon(day);
        if at >= now { None } else { on(at, format!("it had been decided on {day}")) }
    });
    let later = days.iter().find_map(|day| {
        let at = noon(*day);
        if at <= now { None } else { on(at, format!("it were decided on {day}")) }
    });
    [earlier, later].into_iter().flatten().collect()
}

fn set_day(question: &mut Question, at: SimTime) {
    let moments = &mut question.facts.moments;
    (moments.decided, moments.executed) = (at, at);
    // A demand is not decided before it was made.
    moments.received = moments.received.min(at);
    moments.issued = moments.issued.min(at);
}

/// The facts that could differ, each as it could be. Where things and people are comes first: the rest is another demand.
fn changes(world: &World, premise: &Premise) -> Vec<Change> {
    let mut all = places::changes(world, premise);
    all.extend(circumstances(&premise.question));
    all.extend(another_demand(&premise.question));
    all
}

fn circumstances(question: &Question) -> Vec<Change> {
    type Toggle = (&'static [&'static str], bool, [&'static str; 2], fn(&mut Question, bool));
    let facts = &question.facts;
    let toggles: [Toggle; 5] = [
        (
            &["emergency"],
            facts.process.emergency,
            ["life or limb were in danger", "nobody were in danger"],
            |q, on| q.facts.process.emergency = on,
        ),
        (
            &["consent"],
            facts.holder.consent,
            ["somebody entitled to had consented", "nobody had consented"],
            |q, on| q.facts.holder.consent = on,
        ),
        (
            &["enterprise"],
            facts.holder.enterprise,
            ["the account were an organisation's", "the account were a private person's"],
            |q, on| q.facts.holder.enterprise = on,
        ),
        (
            &["enforcing_notified"],
            facts.process.enforcing_notified,
            ["the enforcing authority had been sent a copy", "the enforcing authority had been sent no copy"],
            |q, on| q.facts.process.enforcing_notified = on,
        ),
        (
            &["secrecy_ordered"],
            facts.process.secrecy_ordered,
            ["secrecy had been ordered", "no secrecy had been ordered"],
            |q, on| q.facts.process.secrecy_ordered = on,
        ),
    ];
    let toggles = toggles.into_iter().map(|(touched, now, [on, off], set)| {
        Change::new(if now { off } else { on }, touched, move |p| set(&mut p.question, !now))
    });
    let custodies = KeyCustody::ALL.into_iter().filter(|custody| *custody != facts.key_custody);
    let custodies = custodies.map(|custody| {
        let words = format!("the key were in the custody of the {}", custody.as_str());
        Change::new(words, &["custody"], move |p| p.question.facts.key_custody = custody)
    });
    toggles.chain(custodies).collect()
}

fn another_demand(question: &Question) -> Vec<Change> {
    let process = &question.facts.process;
    let classes = DataClass::ALL.into_iter().filter(|class| *class != question.class).map(|class| {
        let words = format!("the data wanted were of the class `{class}`");
        Change::new(words, &["class"], move |p| p.question.class = class)
    });
    let kinds = InstrumentKind::ALL.into_iter().filter(|kind| *kind != question.instrument).map(|kind| {
        let words = format!("the instrument were {}", with_article(&kind.in_words()));
        Change::new(words, &["instrument"], move |p| p.question.instrument = kind)
    });
    let issuers = AuthorityKind::ALL.into_iter().filter(|kind| *kind != process.issuer).map(|kind| {
        let who = match kind {
            AuthorityKind::Police => "the police".to_owned(),
            kind => with_article(kind.as_str()),
        };
        let words = format!("the issuer were {who}");
        Change::new(words, &["issuer"], move |p| p.question.facts.process.issuer = kind)
    });
    let levels = [
        ProofLevel::ProbableCause,
        ProofLevel::ReasonableGrounds,
        ProofLevel::ArticulableFacts,
        ProofLevel::Relevance,
        ProofLevel::None,
    ];
    let levels = levels.into_iter().filter(|level| *level != process.proof).map(|level| {
        let words = format!("the proof were at the level `{}`", level.as_str());
        Change::new(words, &["proof"], move |p| p.question.facts.process.proof = level)
    });
    classes.chain(kinds).chain(issuers).chain(levels).collect()
}

/// `an EPOC`, `a warrant`.
fn with_article(word: &str) -> String {
    let vowel = word.starts_with(['a', 'e', 'i', 'o', 'E']);
    format!("{} {word}", if vowel { "an" } else { "a" })
}
