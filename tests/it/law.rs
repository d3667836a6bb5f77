//! The law books and the law tests beside them.

use std::path::Path;
use std::sync::OnceLock;

use proptest::prelude::*;

use rogatory::clock::{Date, SimTime};
use rogatory::demand::{Act, Demand, ExecutesRequest, InstrumentKind, Place, ProofLevel};
use rogatory::law::{
    Case, Codes, Facts, Holder, Law, LawTest, Moments, PositionKind, Purpose, Question, Treaties, codes,
};
use rogatory::world::{AuthorityKind, DataClass, Jurisdiction, World};

use crate::common;

fn shared() -> &'static Law {
    static LAW: OnceLock<Law> = OnceLock::new();
    LAW.get_or_init(|| {
        Law::standard().unwrap_or_else(|errors| panic!("the law books do not load:\n{errors}"))
    })
}

#[test]
fn every_law_test_holds() {
    let tests = LawTest::load(Path::new("config/law/tests"))
        .unwrap_or_else(|errors| panic!("the law tests do not load:\n{errors}"));
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
        .filter(|(_, rule)| rule.from.is_some())
        .map(|(_, rule)| rule.id.as_str())
        .filter(|id| !named.contains(&&id.to_string()))
        .collect();
    assert!(untested.is_empty(), "no law test expects {untested:?}");
}

/// The warrant of the case as its issuer would write it, for an Irish account.
fn warrant(issued: &str) -> Demand {
    Demand {
        issued: issued.parse().unwrap(),
        classes: vec![DataClass::Content],
        ..common::warrant("13-mag-2814", "molly@post.example")
    }
}

/// The kinds of position of the United States, the Union and Ireland on content in a region of the standard world.
fn positions_in(region: &str, demand: &Demand, at: &str) -> [PositionKind; 3] {
    let world = World::standard().unwrap();
    let decided: SimTime = at.parse().unwrap();
    let place = Place::Region(region.parse().unwrap());
    let ireland = "IE".parse().unwrap();
    let case = Case {
        place: &place,
        holder: Holder::declared(codes(&world, [&ireland], decided.date_utc())),
        treaties: Treaties::of(&world, demand, decided.date_utc()),
        received: demand.issued.plus_days(1),
        decided,
        executed: None,
        secrecy_ordered: false,
        cleared: false,
        extensions: 0,
    };
    let question = Question {
        act: Act::Disclose,
        instrument: demand.instrument,
        class: DataClass::Content,
        purpose: Purpose::Evidence,
        facts: Facts::gather(&world, demand, case).unwrap(),
    };
    let laws: [Jurisdiction; 3] = ["US", "EU", "IE"].map(|code| code.parse().unwrap());
    let positions = shared().positions(&laws, &question);
    std::array::from_fn(|i| positions[i].kind)
}

#[test]
fn the_standard_world_gives_the_facts_of_the_case() {
    use PositionKind::{Allows, Compels, Open, Silent};
    let old = warrant("2013-12-04T15:00:00Z");
    let new = warrant("2018-03-30T15:00:00Z");
    let timeline = [
        (&old, "2014-08-28T12:00:00Z", [Compels, Allows, Allows]),
        (&old, "2014-08-30T12:00:00Z", [Compels, Allows, Allows]),
        (&old, "2016-07-15T12:00:00Z", [Allows, Allows, Allows]),
        (&old, "2018-03-24T12:00:00Z", [Open, Allows, Allows]),
        (&new, "2018-04-03T12:00:00Z", [Compels, Allows, Allows]),
        (&new, "2018-05-26T12:00:00Z", [Compels, Open, Allows]),
    ];
    for (demand, at, expected) in timeline {
        assert_eq!(positions_in("ie-dublin", demand, at), expected, "{at}");
    }
    // For control: a mailbox at home is due on each of these days, and no other law has a say.
    for (demand, at, _) in timeline {
        assert_eq!(positions_in("us-virginia", demand, at), [Compels, Silent, Silent], "{at}");
    }
    // What only a trustee can fetch is not within control.
    assert_eq!(positions_in("de-frankfurt", &new, "2018-04-03T12:00:00Z"), [Silent, Allows, Silent]);
}

#[test]
fn an_irish_order_that_carries_out_the_request_is_answered() {
    let mut order = warrant("2016-11-28T12:00:00Z");
    order.instrument = InstrumentKind::LocalOrder;
    order.issuing = "ie-district-court".parse().unwrap();
    order.served_on = "ireland".parse().unwrap();
    order.proof = ProofLevel::ReasonableGrounds;
    order.executes = Some(ExecutesRequest {
        requesting: "US".parse().unwrap(),
        treaty: "us-ie-mlat".to_owned(),
        use_limit: "13-mag-2814".to_owned(),
    });
    use PositionKind::{Allows, Compels};
    for at in ["2016-12-01T12:00:00Z", "2018-12-01T12:00:00Z"] {
        assert_eq!(positions_in("ie-dublin", &order, at), [Allows, Allows, Compels], "{at}");
    }
}

#[test]
fn a_law_test_can_fail() {
    let tests = LawTest::load(Path::new("config/law/tests")).unwrap();
    let test = tests.iter().find(|test| test.name.contains("2018-05-26: the new warrant")).unwrap();
    assert!(test.run(shared()).holds());

    let mut other = test.clone();
    other.expect = PositionKind::Open;
    other.rules.clear();
    other.closed[0].1 = "context.residence_known".to_owned();
    let result = other.run(shared());
    assert_eq!(result.wrong.len(), 3, "{result}");
}

#[test]
fn a_law_test_that_names_no_rule_says_where_and_what_is_near() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy("config/law/tests/base.toml", folder.path().join("base.toml")).unwrap();
    let mine = "like = \"base.toml\"\nask = \"US\"\n\n[[test]]\nname = \"mine\"\nat = \"2014-08-28\"\nexpect = \"compels\"\n\
                rules = [\"us-2703-a-controll\"]\nclosed = [{ rule = \"us-2713\", on = \"issued\" }]\n";
    std::fs::write(folder.path().join("mine.toml"), mine).unwrap();
    let tests = LawTest::load(folder.path()).unwrap();
    let wrong = LawTest::misnamed(&tests, shared()).unwrap_err().to_string();
    assert!(wrong.contains("mine.toml:8:10: no book has a rule `us-2703-a-controll`"), "{wrong}");
    assert!(wrong.contains("did you mean `us-2703-a-control`?"), "{wrong}");
    assert!(!wrong.contains("us-2713"), "{wrong}");
    LawTest::misnamed(&LawTest::standard().unwrap(), shared()).unwrap();
}

/// How many traps `config/law/README.md` lists.
const TRAPS: usize = 23;

#[test]
fn every_trap_has_a_law_test_that_names_it() {
    let tests = LawTest::load(Path::new("config/law/tests")).unwrap();
    let listed = std::fs::read_to_string("config/law/README.md").unwrap();
    for trap in 1..=TRAPS {
        let named = format!(": trap {trap}: ");
        assert!(tests.iter().any(|test| test.name.contains(&named)), "no law test is for trap {trap}");
        assert!(listed.contains(&format!("| {trap} | ")), "trap {trap} is not listed");
    }
    assert!(!listed.contains(&format!("| {} | ", TRAPS + 1)));
}

/// Where no source gives a day, the rules begin with a year, and whoever reads one is told that nobody read its day.
#[test]
fn a_day_that_is_the_books_own_says_so() {
    let mut found = 0;
    for (_, rule) in shared().rules() {
        if rule.from.is_some_and(|day| (day.month(), day.day()) == (1, 1)) {
            found += 1;
            assert!(rule.source.to_string().contains("its first day is this book's choice"), "{}", rule.id);
        }
    }
    assert!(found > 20, "only {found} rules begin with a year");
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
    let facts =
        [("agreement_with", "none"), ("rests_in", "EU, IE")].map(|(a, b)| (a.to_owned(), b.to_owned()));
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
        proptest::sample::select(AuthorityKind::ALL.to_vec()),
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
                facts.treaties = Treaties { mlat_with: treaties.clone(), agreement_with: treaties };
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
                facts.holder.nationality_known = flag[9];
                if flag[10] {
                    question.purpose = Purpose::Identify;
                }
                question
            },
        )
}

fn base() -> Question {
    let tests = LawTest::load(Path::new("config/law/tests")).expect("the law tests load");
    tests.into_iter().find(|test| test.name.starts_with("dublin.toml")).expect("the case is tested").question
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
