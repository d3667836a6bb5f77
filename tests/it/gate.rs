//! One mailbox, one warrant, and what the gate makes of them on different days: from the law books and the world
//! as they ship, and from nothing that was written for this case.

use std::collections::BTreeMap;

use rogatory::clock::SimTime;
use rogatory::demand::*;
use rogatory::directory::{Directory, NewAccount};
use rogatory::gate::*;
use rogatory::law::{Law, PositionKind};
use rogatory::world::{DataClass, World};

use crate::common;

fn t(text: &str) -> SimTime {
    text.parse().unwrap()
}

fn directory(world: &World) -> Directory {
    let mut directory = Directory::default();
    for (address, country) in [("dublin@post.example", "IE"), ("york@post.example", "US")] {
        let new: NewAccount = serde_json::from_value(serde_json::json!({
            "address": address, "contracted-with": "head-office", "name": "Somebody",
            "declared-country": country, "created": "2012-01-01T00:00:00Z",
        }))
        .unwrap();
        let account = directory.place(new, world).unwrap();
        directory.add(account).unwrap();
    }
    directory
}

fn warrant(account: &str, issued: &str) -> Demand {
    Demand {
        issued: t(issued),
        classes: vec![DataClass::Content, DataClass::Traffic, DataClass::Subscriber],
        ..common::warrant("13-mag-2814", account)
    }
}

struct Bench {
    world: World,
    law: Law,
    directory: Directory,
}

impl Bench {
    fn new() -> Self {
        let world = World::standard().unwrap();
        let law = Law::standard().unwrap();
        let directory = directory(&world);
        Bench { world, law, directory }
    }

    fn decide(&self, demand: &Demand, at: &str) -> BTreeMap<(DataClass, String), ItemDecision> {
        let matter = opened(demand);
        let stance = StanceTable::from(self.world.provider().stance(t(at)));
        let desk =
            Desk { world: &self.world, law: &self.law, directory: &self.directory, stance, now: t(at) };
        let holdings: Holdings = desk.items(&matter).into_iter().map(|item| (item, 1)).collect();
        let decisions = desk.decide(&desk.premises(&matter, &holdings));
        let key = |d: &ItemDecision| (d.item.class, d.item.place.regions()[0].to_string());
        decisions.into_iter().map(|d| (key(&d), d)).collect()
    }

    fn dublin_content(&self, demand: &Demand, at: &str) -> ItemDecision {
        self.decide(demand, at).remove(&(DataClass::Content, "ie-dublin".to_owned())).unwrap()
    }
}

fn position(decision: &ItemDecision, law: &str) -> PositionKind {
    decision.positions.iter().find(|p| p.jurisdiction.as_str() == law).map(|p| p.kind).unwrap()
}

fn opened(demand: &Demand) -> Matter {
    let received = Event::Received {
        demand: Box::new(demand.clone()),
        instrument: InstrumentNote { digest: String::new(), served_on: demand.served_on.clone() },
        timing: demand.issued,
    };
    Matter::open(received).unwrap()
}

#[test]
fn four_dates_have_four_answers() {
    let bench = Bench::new();
    let old = warrant("dublin@post.example", "2013-12-04T15:00:00Z");

    let in_2014 = bench.dublin_content(&old, "2014-08-30T12:00:00Z");
    assert_eq!((in_2014.duty, in_2014.outcome), (Duty::Compelled, None), "{in_2014:#?}");

    let in_2016 = bench.dublin_content(&old, "2016-07-15T12:00:00Z");
    assert_ne!(position(&in_2016, "US"), PositionKind::Compels, "{in_2016:#?}");
    assert_eq!(in_2016.outcome, Some(Outcome::TreatyOpen), "{in_2016:#?}");

    let overtaken = bench.dublin_content(&old, "2018-03-24T12:00:00Z");
    assert_eq!(
        (overtaken.duty, position(&overtaken, "US")),
        (Duty::Open, PositionKind::Open),
        "{overtaken:#?}"
    );

    let new = warrant("dublin@post.example", "2018-03-30T15:00:00Z");
    let in_2018 = bench.dublin_content(&new, "2018-04-03T12:00:00Z");
    assert_eq!((in_2018.duty, in_2018.outcome), (Duty::Compelled, Some(Outcome::Produced)), "{in_2018:#?}");
}

#[test]
fn under_the_gdpr_one_law_compels_and_another_leaves_it_open() {
    let bench = Bench::new();
    let new = warrant("dublin@post.example", "2018-05-26T15:00:00Z");
    let decision = bench.dublin_content(&new, "2018-05-26T16:00:00Z");
    assert_eq!(position(&decision, "US"), PositionKind::Compels);
    assert_eq!(position(&decision, "EU"), PositionKind::Open);
    assert_eq!(decision.duty, Duty::Open);
}

#[test]
fn what_rests_at_home_is_produced_at_once() {
    let bench = Bench::new();
    let demand = warrant("york@post.example", "2013-12-04T15:00:00Z");
    for (key, decision) in bench.decide(&demand, "2013-12-04T16:00:00Z") {
        assert_eq!((decision.duty, decision.outcome), (Duty::Compelled, Some(Outcome::Produced)), "{key:?}");
    }
    // And of the Dublin mailbox, what rests in the United States.
    let demand = warrant("dublin@post.example", "2013-12-04T15:00:00Z");
    let decisions = bench.decide(&demand, "2013-12-04T16:00:00Z");
    let subscriber = &decisions[&(DataClass::Subscriber, "us-virginia".to_owned())];
    assert_eq!(subscriber.outcome, Some(Outcome::Produced), "{subscriber:#?}");
}

#[test]
fn a_local_order_that_answers_a_request_compels_in_ireland() {
    let bench = Bench::new();
    let mut order = warrant("dublin@post.example", "2017-05-01T10:00:00Z");
    order.instrument = InstrumentKind::LocalOrder;
    order.issuing = "ie-district-court".parse().unwrap();
    order.on_behalf_of = "IE".parse().unwrap();
    order.served_on = "ireland".parse().unwrap();
    order.deliver_to = "ie-garda".parse().unwrap();
    order.executes = Some(ExecutesRequest {
        requesting: "US".parse().unwrap(),
        treaty: "US-Ireland MLAT".to_owned(),
        use_limit: "this case only".to_owned(),
    });
    for at in ["2017-05-02T10:00:00Z", "2018-06-01T10:00:00Z"] {
        let decision = bench.dublin_content(&order, at);
        assert_eq!(decision.duty, Duty::Compelled, "{at}: {decision:#?}");
    }
}

#[test]
fn a_day_before_the_law_book_begins_fails_closed() {
    let bench = Bench::new();
    let mut demand = warrant("york@post.example", "2013-12-04T15:00:00Z");
    // The book of Brazil begins with a ruling of 17 April 2013.
    demand.issuing = "br-federal-court".parse().unwrap();
    demand.on_behalf_of = "BR".parse().unwrap();
    demand.served_on = "brazil".parse().unwrap();
    demand.deliver_to = "br-federal-court".parse().unwrap();
    demand.issued = t("2013-04-10T15:00:00Z");
    for (key, decision) in bench.decide(&demand, "2013-04-15T15:00:00Z") {
        assert_eq!(position(&decision, "BR"), PositionKind::NotCovered, "{key:?}");
        assert!(!decision.outcome.is_some_and(Outcome::is_production), "{key:?}");
    }
}

#[test]
fn a_decision_can_be_made_again_from_its_premise() {
    let bench = Bench::new();
    let matter = opened(&warrant("dublin@post.example", "2013-12-04T15:00:00Z"));
    let stance = StanceTable::from(bench.world.provider().stance(t("2013-12-05")));
    let desk = Desk {
        world: &bench.world,
        law: &bench.law,
        directory: &bench.directory,
        stance,
        now: t("2013-12-05"),
    };
    let premises = desk.premises(&matter, &Holdings::new());
    let decisions = desk.decide(&premises);
    let event = Event::Decided {
        law: bench.law.revision().to_owned(),
        facts: premises,
        decision: decisions,
        timing: t("2013-12-05"),
        note: Cause::Received,
    };
    // Through the record's slots and back, as an auditor reads it.
    let read = Event::from_slots(event.slots()).unwrap();
    assert_eq!(read, event);
    let Event::Decided { facts, decision, .. } = read else { unreachable!() };
    let again: Vec<ItemDecision> = facts.iter().map(|premise| decide(&bench.law, premise)).collect();
    assert_eq!(again, decision);
}

#[test]
fn the_smallest_changes_that_lead_to_another_duty_are_found_and_true() {
    let bench = Bench::new();
    let matter = opened(&warrant("dublin@post.example", "2013-12-04T15:00:00Z"));
    let now = t("2016-07-15");
    let stance = StanceTable::from(bench.world.provider().stance(now));
    let desk = Desk { world: &bench.world, law: &bench.law, directory: &bench.directory, stance, now };
    let premises = desk.premises(&matter, &Holdings::new());
    let content = premises.iter().find(|p| p.item.class == DataClass::Content).unwrap();
    assert_eq!(decide(&bench.law, content).duty, Duty::Free);

    let flips = flips(&bench.law, content);
    let leads =
        |words: &str| flips.iter().find(|f| f.changes.iter().any(|c| c.contains(words))).map(|f| f.duty);
    // Where it rests, what it is, and the day: each of them alone makes it due. Who may use the key does not.
    assert_eq!(leads("it rested where the issuer sits"), Some(Duty::Compelled), "{flips:?}");
    assert_eq!(leads("the data wanted were of the class `traffic`"), Some(Duty::Compelled));
    assert_eq!(leads("it had been decided on 2016-07-13"), Some(Duty::Compelled));
    assert_eq!(leads("custody"), None);
    assert!(flips.iter().all(|flip| flip.duty != Duty::Free));
    assert!(
        flips.iter().flat_map(|flip| &flip.changes).all(|change| !change.contains(" a epoc")),
        "{flips:?}"
    );

    // While the reading was control, it mattered who ran the region.
    let before = Desk { now: t("2014-06-01"), ..desk }.premises(&matter, &Holdings::new());
    let before = before.iter().find(|p| p.item.class == DataClass::Content).unwrap();
    assert_eq!(decide(&bench.law, before).duty, Duty::Compelled);
    let trustee = rogatory::gate::flips(&bench.law, before);
    let trustee =
        trustee.iter().find(|flip| flip.changes[0].contains("an independent trustee there ran the region"));
    assert_eq!(trustee.map(|flip| flip.duty), Some(Duty::Free));

    // The explanation names the rule that nearly applied, and by which condition it failed, in words.
    let explanation = bench.law.explain(&"US".parse().unwrap(), &content.question);
    let near = explanation.near_misses().find(|verdict| verdict.rule.id == "us-2703-a-control").unwrap();
    let failed: Vec<&str> = near.failed().map(|condition| condition.words.as_str()).collect();
    assert_eq!(failed, ["the issuer is bound by us-ca2"]);
}
