//! The law books and the law tests beside them.

use std::path::Path;
use std::sync::OnceLock;

use proptest::prelude::*;

use rogatory::clock::{Date, SimTime};
use rogatory::demand::{Act, InstrumentKind, ProofLevel};
use rogatory::law::{
    Answer, Codes, IssuerKind, Law, LawTest, Moments, PositionKind, Purpose, Question, Treaties,
};
use rogatory::world::{DataClass, Jurisdiction};

fn shared() -> &'static Law {
    static LAW: OnceLock<Law> = OnceLock::new();
    LAW.get_or_init(|| {
        Law::load(Path::new("config/law")).unwrap_or_else(|errors| {
            let errors: Vec<String> = errors.iter().map(|error| error.to_string()).collect();
            panic!("the law books do not load:\n{}", errors.join("\n"))
        })
    })
}

#[test]
fn every_law_test_holds() {
    let tests = LawTest::load(Path::new("config/law/tests")).unwrap_or_else(|errors| {
        let errors: Vec<String> = errors.iter().map(|error| error.to_string()).collect();
        panic!("the law tests do not load:\n{}", errors.join("\n"))
    });
    assert!(tests.len() > 60, "only {} law tests were found", tests.len());
    let failed: Vec<String> = tests
        .iter()
        .map(|test| test.run(shared()))
        .filter(|result| !result.holds())
        .map(|result| result.to_string())
        .collect();
    assert!(failed.is_empty(), "{} of {} do not hold:\n{}", failed.len(), tests.len(), failed.join("\n"));
}

#[test]
fn every_rule_is_named_by_a_law_test() {
    let tests = LawTest::load(Path::new("config/law/tests")).unwrap();
    let named: Vec<&String> = tests.iter().flat_map(|test| &test.rules).collect();
    let untested: Vec<&str> = shared()
        .rules()
        .map(|(_, rule)| rule.id.as_str())
        .filter(|id| !named.contains(&&id.to_string()))
        .collect();
    assert!(untested.is_empty(), "no law test expects {untested:?}");
}

#[test]
fn a_law_test_can_fail() {
    let tests = LawTest::load(Path::new("config/law/tests")).unwrap();
    let test = tests.iter().find(|test| test.name.contains("2018-05-26: the new warrant")).unwrap();
    assert!(test.run(shared()).holds());

    let mut other = test.clone();
    other.expect = PositionKind::Open;
    other.rules.clear();
    other.closed[0].1 = "context.us_person".to_owned();
    let result = other.run(shared());
    assert_eq!(result.wrong.len(), 3, "{result}");
}

#[test]
fn a_vacated_ruling_is_never_in_force_again() {
    let day: Date = "2018-04-17".parse().unwrap();
    let in_force = |date: Date| shared().rules_at(date).any(|(_, rule)| rule.id == "us-829-f3d-197");
    assert!(in_force(day.yesterday().unwrap()));
    assert!(!in_force(day));
}

#[test]
fn an_explanation_shows_the_facts_that_a_condition_looked_at() {
    let tests = LawTest::load(Path::new("config/law/tests")).unwrap();
    let test = tests.iter().find(|test| test.name.contains("2018-05-26: the new warrant")).unwrap();
    let explanation = shared().explain(&test.ask, &test.question);
    let verdict = explanation.verdicts.iter().find(|verdict| verdict.rule.id == "us-2703-h").unwrap();
    let failed: Vec<_> = verdict.failed().collect();
    assert_eq!(failed.len(), 1);
    let facts = [("qualifying", "none"), ("rests_in", "EU, IE")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(failed[0].facts, facts);
    let ended: Vec<&str> = explanation.not_in_force.iter().map(|n| n.rule.id.as_str()).collect();
    assert!(ended.contains(&"us-829-f3d-197"), "{ended:?}");
}

/// Questions of every kind, with facts drawn without regard to sense.
fn questions() -> impl Strategy<Value = Question> {
    let codes = || {
        proptest::collection::btree_set(proptest::sample::select(vec!["US", "IE", "EU", "GB", "DE"]), 0..4)
            .prop_map(|codes| codes.into_iter().map(|code| code.parse().unwrap()).collect::<Codes>())
    };
    let moment = || {
        // 2008 to 2028: before, within and after the span of every book.
        (1_199_145_600_i64..1_830_297_600).prop_map(SimTime::from_unix_seconds)
    };
    let flags = proptest::collection::vec(any::<bool>(), 12);
    let process = (
        proptest::sample::select(InstrumentKind::ALL.to_vec()),
        proptest::sample::select(IssuerKind::ALL.to_vec()),
        proptest::sample::select(vec![
            ProofLevel::ProbableCause,
            ProofLevel::ArticulableFacts,
            ProofLevel::Relevance,
            ProofLevel::None,
        ]),
        proptest::sample::select(Act::ALL.to_vec()),
        proptest::sample::select(DataClass::ALL.to_vec()),
    );
    let base = base();
    (process, [codes(), codes(), codes(), codes(), codes(), codes()], [moment(), moment(), moment()], flags)
        .prop_map(
            move |(
                (instrument, issuer, proof, act, class),
                [issuing, rests, served, retrievable, resides, treaties],
                [a, b, c],
                flag,
            )| {
                let mut question = base.clone();
                (question.instrument, question.act, question.class) = (instrument, act, class);
                let facts = &mut question.facts;
                (facts.process.issuer, facts.process.proof) = (issuer, proof);
                (facts.process.issuing_in, facts.location.rests_in) = (issuing, rests);
                (facts.presence.served_in, facts.retrievable_from) = (served, retrievable);
                facts.holder.resides_in = resides;
                facts.treaties = Treaties {
                    mlat_with: treaties.clone(),
                    agreement_with: treaties.clone(),
                    qualifying: treaties,
                };
                facts.moments = Moments { issued: a, received: b, decided: c, executed: c };
                if flag[0] {
                    facts.process.bound_by.clear();
                }
                if flag[1] {
                    facts.process.executes_for = Some("US".parse().unwrap());
                }
                facts.process.emergency = flag[2] && flag[3];
                facts.process.secrecy_ordered = flag[4];
                facts.location.known = flag[5];
                facts.holder.consent = flag[6] && flag[7];
                facts.holder.residence_known = flag[8];
                if flag[9] {
                    facts.holder.us_person = Answer::No;
                }
                if flag[10] {
                    question.purpose = Purpose::Identify;
                }
                question
            },
        )
}

fn base() -> Question {
    LawTest::load(Path::new("config/law/tests")).expect("the law tests load").remove(0).question
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Sorting the rules in advance loses none and adds none; nothing ever fails to evaluate; and an explanation
    /// agrees with the position it explains, rule by rule.
    #[test]
    fn any_question_gets_the_same_answer_in_three_ways(question in questions()) {
        let law = shared();
        let all: Vec<Jurisdiction> = law.jurisdictions().cloned().collect();
        let positions = law.positions(&all, &question);
        prop_assert_eq!(&positions, &law.positions_unsorted(&all, &question));
        for position in &positions {
            if let Some(gap) = &position.gap {
                prop_assert!(gap.starts_with("the law book of"), "{}", gap);
                prop_assert_eq!(position.kind, PositionKind::NotCovered);
            }
            let explanation = law.explain(&position.jurisdiction, &question);
            prop_assert_eq!(&explanation.position, position);
            for verdict in &explanation.verdicts {
                prop_assert_eq!(verdict.applies, verdict.failed().next().is_none(), "{:?}", verdict);
            }
        }
    }
}
