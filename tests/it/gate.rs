//! One mailbox, one warrant, and what the gate makes of them on different days: from the law books and the world
//! as they ship, and from nothing that was written for this case.

use std::collections::BTreeMap;

use rogatory::clock::SimTime;
use rogatory::demand::*;
use rogatory::diagnostic::SourceFile;
use rogatory::directory::{Directory, NewAccount};
use rogatory::gate::*;
use rogatory::law::{Law, PositionKind};
use rogatory::world::{DataClass, World, WorldSource};

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

/// A mailbox that rests in two regions, of which one has answered.
#[test]
fn what_one_of_two_regions_still_has_to_hand_over_is_not_served() {
    let bench = Bench::new();
    let demand = warrant("dublin@post.example", "2018-03-30T15:00:00Z");
    let at = t("2018-04-03T12:00:00Z");
    let decision: Vec<ItemDecision> = bench.decide(&demand, "2018-04-03T12:00:00Z").into_values().collect();
    assert!(decision.iter().all(|item| item.outcome == Some(Outcome::Produced)), "{decision:#?}");
    let items = |of: &str| -> Vec<Item> {
        let of = of.parse().unwrap();
        let items = decision.iter().map(|decision| &decision.item);
        items.filter(|item| item.place.regions().contains(&of)).cloned().collect()
    };
    let answer = |region: &str| RegionAnswer {
        region: region.parse().unwrap(),
        items: items(region),
        answer: Answer::Produced {
            manifest: String::new(),
            objects: 1,
            bytes: 1,
            ciphertext: false,
            sealed_to: demand.deliver_to.clone(),
            conditions: Vec::new(),
            objections: Vec::new(),
        },
    };
    let delivered = |region: &str| Event::Delivered { production: vec![answer(region)], timing: at };
    let decided = Event::Decided {
        law: String::new(),
        facts: Vec::new(),
        decision: decision.clone(),
        timing: at,
        note: Cause::Received,
    };
    let matter = opened(&demand).apply(1, decided.clone()).unwrap();
    assert_eq!(matter.disposition(), Disposition::Pending);
    let matter = matter.apply(2, delivered("us-virginia")).unwrap();
    assert_eq!(matter.disposition(), Disposition::PartlyServed);
    let waiting: Vec<Item> = matter.granted().into_iter().map(|granted| granted.item.clone()).collect();
    assert_eq!(waiting, items("ie-dublin"));
    // It is decided again, so that there is a permit for what is left.
    let matter = matter.apply(3, decided).unwrap();
    assert_eq!(matter.disposition(), Disposition::PartlyServed);
    let matter = matter.apply(4, delivered("ie-dublin")).unwrap();
    assert_eq!((matter.disposition(), matter.granted().len()), (Disposition::Served, 0));
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

    let flips = flips(&bench.law, &bench.world, content);
    let leads =
        |words: &str| flips.iter().find(|f| f.changes.iter().any(|c| c.contains(words))).map(|f| f.duty);
    // Where it rests, what it is, and the day: each of them alone makes it due. Who may use the key does not.
    assert_eq!(leads("it rested where the issuer sits"), Some(Duty::Compelled), "{flips:?}");
    assert_eq!(leads("the data wanted were of the class `traffic`"), Some(Duty::Compelled));
    assert_eq!(leads("it had been decided on 2016-07-13"), Some(Duty::Compelled));
    assert_eq!(leads("custody"), None);
    assert!(flips.iter().all(|flip| flip.duty != Duty::Free));
    let clumsy = |change: &String| change.contains(" a epoc") || change.contains(" a police");
    assert!(!flips.iter().flat_map(|flip| &flip.changes).any(clumsy), "{flips:?}");

    // What compels a judge's warrant does not compel that of the police.
    let (_, at_home) = flipped(
        &bench,
        &warrant("york@post.example", "2013-12-04T15:00:00Z"),
        DataClass::Content,
        "2013-12-05T15:00:00Z",
    );
    assert_eq!(leads_to(&at_home, "the issuer were the police"), Duty::Barred);

    // While the reading was control, it mattered who ran the region.
    let before = Desk { now: t("2014-06-01"), ..desk }.premises(&matter, &Holdings::new());
    let before = before.iter().find(|p| p.item.class == DataClass::Content).unwrap();
    assert_eq!(decide(&bench.law, before).duty, Duty::Compelled);
    let trustee = rogatory::gate::flips(&bench.law, &bench.world, before);
    let trustee =
        trustee.iter().find(|flip| flip.changes[0].contains("an independent trustee there ran the region"));
    assert_eq!(trustee.map(|flip| flip.duty), Some(Duty::Free));

    // The explanation names the rule that nearly applied, and by which condition it failed, in words.
    let explanation = bench.law.explain(&"US".parse().unwrap(), &content.question);
    let near = explanation.near_misses().find(|verdict| verdict.rule.id == "us-2703-a-control").unwrap();
    let failed: Vec<&str> = near.failed().map(|condition| condition.words.as_str()).collect();
    assert_eq!(failed, ["the issuer is bound by us-ca2"]);
}

/// The premise of one class of one mailbox, with the changes that lead to another duty.
fn flipped(bench: &Bench, demand: &Demand, class: DataClass, at: &str) -> (Premise, Vec<Flip>) {
    let matter = opened(demand);
    let stance = StanceTable::from(bench.world.provider().stance(t(at)));
    let desk = Desk { world: &bench.world, law: &bench.law, directory: &bench.directory, stance, now: t(at) };
    let premises = desk.premises(&matter, &Holdings::new());
    let premise = premises.into_iter().find(|premise| premise.item.class == class).unwrap();
    let found = flips(&bench.law, &bench.world, &premise);
    (premise, found)
}

/// The duty that the one flip with these words leads to.
fn leads_to(flips: &[Flip], words: &str) -> Duty {
    let found: Vec<&Flip> = flips.iter().filter(|flip| flip.changes[0].starts_with(words)).collect();
    assert_eq!(found.len(), 1, "{words}: {flips:#?}");
    assert_eq!(found[0].changes.len(), 1, "{found:?}");
    found[0].duty
}

/// The standard world with some lines of one file written otherwise.
fn otherwise(path: &str, changes: &[(&str, &str)]) -> Bench {
    let mut source = WorldSource::standard();
    let mut text = source.file(path).unwrap().text().to_owned();
    for (old, new) in changes {
        assert_eq!(text.matches(old).count(), 1, "`{old}` in {path}");
        text = text.replace(old, new);
    }
    source.put(path, SourceFile::new(path, text)).unwrap();
    let world = World::from_source(source).unwrap_or_else(|wrong| panic!("{wrong}"));
    let directory = directory(&world);
    Bench { world, law: Law::standard().unwrap(), directory }
}

const PROVIDER: &str = "config/provider.toml";

#[test]
fn another_declared_country_is_told_as_the_place_where_it_would_rest() {
    let bench = Bench::new();
    let content = DataClass::Content;
    let (premise, flips) =
        flipped(&bench, &warrant("dublin@post.example", "2013-12-04T15:00:00Z"), content, "2016-07-15");
    assert_eq!(decide(&bench.law, &premise).duty, Duty::Free);
    // Where a declaration in the issuer's country would have placed it is said with that place, and once.
    let there = leads_to(&flips, "it rested where the issuer sits");
    let words = |flip: &&Flip| flip.changes[0].contains("if the holder had declared to live in US or ");
    assert_eq!(flips.iter().filter(words).count(), 1, "{flips:#?}");
    assert!(!flips.iter().any(|flip| flip.changes[0].starts_with("the holder had declared")), "{flips:#?}");
    let mut places: Vec<&str> =
        flips.iter().filter_map(|flip| flip.changes[0].strip_prefix("it rested ")).collect();
    places.sort_unstable();
    let all = places.len();
    places.dedup();
    assert_eq!(places.len(), all);
    // It is what the engine says of somebody who did declare it.
    let york =
        flipped(&bench, &warrant("york@post.example", "2013-12-04T15:00:00Z"), content, "2016-07-15").0;
    assert_eq!(decide(&bench.law, &york).duty, there);
    // A place that only a declaration leads to, where another law is asked that was not asked before.
    assert_eq!(
        leads_to(&flips, "it rested in CH, as it would if the holder had declared to live in CH"),
        Duty::Barred
    );

    // What always rests in one place no declaration moves.
    let (_, flips) = flipped(
        &bench,
        &warrant("dublin@post.example", "2013-12-04T15:00:00Z"),
        DataClass::Traffic,
        "2016-07-15",
    );
    assert!(!flips.is_empty());
    assert!(
        !flips.iter().flat_map(|flip| &flip.changes).any(|change| change.contains("declared")),
        "{flips:#?}"
    );
}

#[test]
fn another_home_of_head_office_is_decided_as_in_a_world_where_it_is_there() {
    let mut order = warrant("dublin@post.example", "2017-05-01T10:00:00Z");
    order.instrument = InstrumentKind::CourtOrder;
    order.issuing = "gb-crown-court".parse().unwrap();
    order.on_behalf_of = "GB".parse().unwrap();
    order.served_on = "united-kingdom".parse().unwrap();
    order.deliver_to = "gb-met-police".parse().unwrap();
    let at = "2017-05-02T10:00:00Z";
    let (premise, flips) = flipped(&Bench::new(), &order, DataClass::Content, at);
    let old = "relation = \"head-office\"\nhome = \"US\"\nestablished-in = [\"US\"]";
    let new = "relation = \"head-office\"\nhome = \"IE\"\nestablished-in = [\"US\", \"IE\"]";
    let there = otherwise(PROVIDER, &[(old, new)]);
    let moved = flipped(&there, &order, DataClass::Content, at).0;
    let words = "head office were at home where it rests now (IE), and kept its establishments";
    assert_ne!(decide(&there.law, &moved).duty, decide(&there.law, &premise).duty);
    assert_eq!(leads_to(&flips, words), decide(&there.law, &moved).duty);
}

#[test]
fn an_establishment_in_the_demanding_state_is_a_fact_of_its_own() {
    let mut order = warrant("york@post.example", "2024-08-01T10:00:00Z");
    order.instrument = InstrumentKind::CourtOrder;
    order.issuing = "in-district-court".parse().unwrap();
    order.on_behalf_of = "IN".parse().unwrap();
    order.deliver_to = "in-district-court".parse().unwrap();
    let (subscriber, at) = (DataClass::Subscriber, "2024-08-02T10:00:00Z");
    let (premise, flips) = flipped(&Bench::new(), &order, subscriber, at);
    let there = otherwise(PROVIDER, &[("established-in = [\"AU\"]", "established-in = [\"AU\", \"IN\"]")]);
    let with_one = flipped(&there, &order, subscriber, at).0;
    assert_ne!(decide(&there.law, &with_one).duty, decide(&there.law, &premise).duty);
    let words = "the provider had an establishment in the demanding state (IN)";
    assert_eq!(leads_to(&flips, words), decide(&there.law, &with_one).duty);

    // And without any in the United States, no process of theirs reaches what rests abroad.
    let bench = Bench::new();
    let old = warrant("dublin@post.example", "2013-12-04T15:00:00Z");
    let (premise, flips) = flipped(&bench, &old, DataClass::Content, "2014-06-01");
    assert_eq!(decide(&bench.law, &premise).duty, Duty::Compelled);
    let words =
        "the provider were nowhere in the demanding state (US), and head office, at home where it rests now";
    assert_eq!(leads_to(&flips, words), Duty::Free);
}

#[test]
fn without_the_treaty_a_local_order_for_a_foreign_request_compels_nobody() {
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
    let at = "2017-05-02T10:00:00Z";
    let (premise, flips) = flipped(&Bench::new(), &order, DataClass::Content, at);
    let without = otherwise(
        "config/treaties.toml",
        &[
            ("in-force = 2009-08-11\n", ""),
            // The agreement with the Union is one with every member of it.
            ("parties = [\"US\", \"EU\"]\nin-force = 2010-02-01\n", "parties = [\"US\", \"EU\"]\n"),
        ],
    );
    let alone = flipped(&without, &order, DataClass::Content, at).0;
    assert!(premise.question.facts.treaties.mlat_with.contains("IE"));
    assert!(!alone.question.facts.treaties.mlat_with.contains("IE"));
    let words =
        "the requesting state had no treaty of mutual legal assistance with the state where the issuer sits";
    assert_eq!(leads_to(&flips, words), decide(&without.law, &alone).duty);
    // And back: where there is none, one would make it due.
    let back = rogatory::gate::flips(&without.law, &without.world, &alone);
    let words =
        "the requesting state had a treaty of mutual legal assistance with the state where the issuer sits";
    assert_eq!(leads_to(&back, words), Duty::Compelled);
}
