//! The smallest changes of the facts that would change the duty: searched one by one, then two by two, and each put to
//! the engine. Nothing is concluded from the text of a rule.

use serde::Serialize;

use super::decision::{Premise, decide};
use super::duty::Duty;
use crate::clock::{Date, SimTime};
use crate::demand::{InstrumentKind, ProofLevel};
use crate::law::{Codes, Law, Question};
use crate::world::{AuthorityKind, DataClass, KeyCustody};

/// A change that the engine was asked about, and what it then said.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Flip {
    /// Each in words, to be read after "if": one, or two that change nothing apart.
    pub changes: Vec<String>,
    pub duty: Duty,
}

/// One fact otherwise.
#[derive(Clone)]
struct Change {
    words: String,
    /// Of two changes of one fact only one can be made.
    fact: &'static str,
    question: fn(&mut Question, &Value),
    value: Value,
}

#[derive(Clone)]
enum Value {
    Class(DataClass),
    Instrument(InstrumentKind),
    Issuer(AuthorityKind),
    Proof(ProofLevel),
    Codes(Codes),
    Flag(bool),
    Custody(KeyCustody),
    Day(SimTime),
}

/// Every single change that leads to another duty; if there is none, every pair that does.
pub fn flips(law: &Law, premise: &Premise) -> Vec<Flip> {
    let duty = decide(law, premise).duty;
    let changes = changes(premise);
    let asked = |made: &[&Change]| {
        let mut premise = premise.clone();
        for change in made {
            (change.question)(&mut premise.question, &change.value);
        }
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
        let others = changes[place + 1..].iter().filter(|second| second.fact != first.fact);
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
        let change = Change { words, fact: "day", question: set_day, value: Value::Day(at) };
        let mut changed = premise.clone();
        (change.question)(&mut changed.question, &change.value);
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

fn set_day(question: &mut Question, value: &Value) {
    if let Value::Day(at) = value {
        let moments = &mut question.facts.moments;
        (moments.decided, moments.executed) = (*at, *at);
        // A demand is not decided before it was made.
        moments.received = moments.received.min(*at);
        moments.issued = moments.issued.min(*at);
    }
}

/// The facts that could differ, each as it could be.
fn changes(premise: &Premise) -> Vec<Change> {
    let question = &premise.question;
    let facts = &question.facts;
    let mut all = Vec::new();
    let mut add = |words: String, fact, value: Value, question: fn(&mut Question, &Value)| {
        all.push(Change { words, fact, question, value });
    };
    for class in DataClass::ALL.into_iter().filter(|class| *class != question.class) {
        add(format!("the data wanted were of the class `{class}`"), "class", Value::Class(class), |q, v| {
            if let Value::Class(class) = v {
                q.class = *class;
            }
        });
    }
    for kind in InstrumentKind::ALL.into_iter().filter(|kind| *kind != question.instrument) {
        add(
            format!("the instrument were {}", with_article(&kind.in_words())),
            "instrument",
            Value::Instrument(kind),
            |q, v| {
                if let Value::Instrument(kind) = v {
                    q.instrument = *kind;
                }
            },
        );
    }
    for kind in AuthorityKind::ALL.into_iter().filter(|kind| *kind != facts.process.issuer) {
        add(
            format!("the issuer were {}", with_article(kind.as_str())),
            "issuer",
            Value::Issuer(kind),
            |q, v| {
                if let Value::Issuer(kind) = v {
                    q.facts.process.issuer = *kind;
                }
            },
        );
    }
    let levels = [
        ProofLevel::ProbableCause,
        ProofLevel::ReasonableGrounds,
        ProofLevel::ArticulableFacts,
        ProofLevel::Relevance,
        ProofLevel::None,
    ];
    for level in levels.into_iter().filter(|level| *level != facts.process.proof) {
        add(
            format!("the proof were at the level `{}`", level.as_str()),
            "proof",
            Value::Proof(level),
            |q, v| {
                if let Value::Proof(level) = v {
                    q.facts.process.proof = *level;
                }
            },
        );
    }
    // Places that the question knows already, with their blocs.
    let places = [
        ("where the issuer sits", &facts.process.issuing_in),
        ("where head office is at home", &facts.presence.home_in),
        ("where it rests now", &facts.location.rests_in),
        ("where the entity that was served is", &facts.presence.served_in),
    ];
    for (place, codes) in places {
        if *codes != facts.location.rests_in || !facts.location.known {
            add(
                format!("it rested {place} ({})", list(codes)),
                "rests_in",
                Value::Codes(codes.clone()),
                |q, v| {
                    if let Value::Codes(codes) = v {
                        q.facts.location.rests_in = codes.clone();
                        q.facts.location.known = true;
                        q.facts.retrievable_from.extend(codes.iter().cloned());
                    }
                },
            );
        }
        if *codes != facts.presence.served_in {
            let words = format!("an entity {place} were served ({})", list(codes));
            add(words, "served_in", Value::Codes(codes.clone()), |q, v| {
                if let Value::Codes(codes) = v {
                    q.facts.presence.served_in = codes.clone();
                }
            });
        }
        if *codes != facts.holder.resides_in || !facts.holder.residence_known {
            let words = format!("the holder were known to live {place} ({})", list(codes));
            add(words, "resides_in", Value::Codes(codes.clone()), |q, v| {
                if let Value::Codes(codes) = v {
                    q.facts.holder.resides_in = codes.clone();
                    q.facts.holder.residence_known = true;
                }
            });
        }
        if *codes != facts.holder.national_of || !facts.holder.nationality_known {
            let words =
                format!("the holder were known to be a national of the state {place} ({})", list(codes));
            add(words, "national_of", Value::Codes(codes.clone()), |q, v| {
                if let Value::Codes(codes) = v {
                    q.facts.holder.national_of = codes.clone();
                    q.facts.holder.nationality_known = true;
                }
            });
        }
        if !codes.is_subset(&facts.treaties.agreement_with) {
            let words = format!(
                "the demanding state had an executive agreement with the state {place} ({})",
                list(codes)
            );
            add(words, "agreement_with", Value::Codes(codes.clone()), |q, v| {
                if let Value::Codes(codes) = v {
                    q.facts.treaties.agreement_with.extend(codes.iter().cloned());
                }
            });
        }
    }
    // Who runs the region says who can fetch from it, and who can use its keys.
    let within = &facts.location.rests_in;
    if facts.location.known
        && (!facts.retrievable_from.is_subset(within) || facts.key_custody != KeyCustody::Region)
    {
        let words = format!("an independent trustee there ran the region where it rests ({})", list(within));
        add(words, "operator", Value::Codes(within.clone()), |q, v| {
            if let Value::Codes(codes) = v {
                q.facts.retrievable_from = codes.clone();
                q.facts.key_custody = KeyCustody::Region;
            }
        });
    }
    if !facts.presence.home_in.is_subset(&facts.retrievable_from) {
        let home = &facts.presence.home_in;
        let words = format!("head office ran the region where it rests, and fetched from {}", list(home));
        add(words, "operator", Value::Codes(home.clone()), |q, v| {
            if let Value::Codes(codes) = v {
                q.facts.retrievable_from.extend(codes.iter().cloned());
                q.facts.key_custody = KeyCustody::Provider;
            }
        });
    }
    if facts.location.known {
        add("nobody knew where it rests".to_owned(), "rests_in", Value::Flag(false), |q, _| {
            q.facts.location.known = false;
            q.facts.location.rests_in.clear();
        });
    }
    type Toggle = (&'static str, bool, [&'static str; 2], fn(&mut Question, &Value));
    let toggles: [Toggle; 5] = [
        (
            "emergency",
            facts.process.emergency,
            ["life or limb were in danger", "nobody were in danger"],
            |q, v| q.facts.process.emergency = matches!(v, Value::Flag(true)),
        ),
        (
            "consent",
            facts.holder.consent,
            ["somebody entitled to had consented", "nobody had consented"],
            |q, v| q.facts.holder.consent = matches!(v, Value::Flag(true)),
        ),
        (
            "enterprise",
            facts.holder.enterprise,
            ["the account were an organisation's", "the account were a private person's"],
            |q, v| q.facts.holder.enterprise = matches!(v, Value::Flag(true)),
        ),
        (
            "enforcing_notified",
            facts.process.enforcing_notified,
            ["the enforcing authority had been sent a copy", "the enforcing authority had been sent no copy"],
            |q, v| q.facts.process.enforcing_notified = matches!(v, Value::Flag(true)),
        ),
        (
            "secrecy_ordered",
            facts.process.secrecy_ordered,
            ["secrecy had been ordered", "no secrecy had been ordered"],
            |q, v| q.facts.process.secrecy_ordered = matches!(v, Value::Flag(true)),
        ),
    ];
    for (fact, now, [on, off], set) in toggles {
        add(if now { off } else { on }.to_owned(), fact, Value::Flag(!now), set);
    }
    for custody in KeyCustody::ALL.into_iter().filter(|custody| *custody != facts.key_custody) {
        let words = format!("the key were in the custody of the {}", custody.as_str());
        add(words, "custody", Value::Custody(custody), |q, v| {
            if let Value::Custody(custody) = v {
                q.facts.key_custody = *custody;
            }
        });
    }
    // Where things and people are comes first: the rest is another demand.
    all.sort_by_key(|change| matches!(change.fact, "class" | "instrument" | "issuer" | "proof"));
    all
}

/// `an EPOC`, `a warrant`.
fn with_article(word: &str) -> String {
    let vowel = word.starts_with(['a', 'e', 'i', 'o', 'E']);
    format!("{} {word}", if vowel { "an" } else { "a" })
}

fn list(codes: &Codes) -> String {
    codes.iter().map(|code| code.as_str()).collect::<Vec<_>>().join(", ")
}
