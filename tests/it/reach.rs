//! Who may read a mailbox: on one day, over all days, and seen from one authority. Three ways to the same answer.

use std::collections::BTreeMap;

use rogatory::clock::{Date, SimTime};
use rogatory::demand::{InstrumentKind, Outcome};
use rogatory::diagnostic::SourceFile;
use rogatory::directory::{Account, Directory};
use rogatory::gate::{Duty, StanceTable, Stances};
use rogatory::law::Law;
use rogatory::mail::Story;
use rogatory::provider::{May, Prospect, WayChange, reach, reach_by, sweep};
use rogatory::scenario::{Look, Names, reach_text, story_account};
use rogatory::world::{DataClass, World, WorldChanges};

struct Site {
    world: World,
    law: Law,
    account: Account,
}

impl Site {
    /// The mailbox of somebody of the story, in the standard world with changes.
    fn of(name: &str, changes: &str) -> Self {
        let changes = WorldChanges::read(&SourceFile::new("changes.toml", changes), &[]).unwrap();
        let world = World::standard().unwrap().with(&changes).unwrap();
        let story = Story::standard().unwrap();
        let new = story_account(&world, story.account(name).unwrap());
        let account = Directory::default().place(new, &world).unwrap();
        Site { account, world, law: Law::standard().unwrap() }
    }

    fn stance(&self, at: SimTime) -> StanceTable {
        StanceTable::from(self.world.provider().stance(at))
    }

    fn reach(&self, at: SimTime) -> Vec<May> {
        reach(&self.world, &self.law, self.stance(at), &self.account, at).may
    }
}

/// A way, as a name.
type Key = (String, InstrumentKind, String, String);

fn key(may: &May) -> Key {
    (may.authority.to_string(), may.instrument, may.class.to_string(), may.region.to_string())
}

fn answer(may: &May) -> Prospect {
    Prospect { duty: may.duty, outcome: may.outcome, node_refuses: !may.refused_under.is_empty() }
}

fn noon(day: Date) -> SimTime {
    format!("{day}T12:00:00Z").parse().unwrap()
}

#[test]
fn what_the_node_refuses_is_not_obtained() {
    let at: SimTime = "2018-06-04T16:00:00Z".parse().unwrap();
    // The gate means to answer; head office holds a key in Dublin, or does not.
    let stance = "[stance]\nopen = \"comply\"\n";
    let custody = "[regions.ie-dublin]\nkey-custody = \"region\"\n";
    let with_head_office = Site::of("molly", stance).reach(at);
    let dublin_alone = Site::of("molly", &format!("{stance}{custody}")).reach(at);
    let warrant = |all: &[May], class: &str, region: &str| {
        let is_it = |may: &&May| {
            may.authority.as_str() == "us-sdny-magistrate"
                && may.instrument == InstrumentKind::Warrant
                && may.class.as_str() == class
                && may.region.as_str() == region
        };
        all.iter().find(is_it).unwrap().clone()
    };
    let obtained = warrant(&with_head_office, "content", "ie-dublin");
    assert!(obtained.obtains() && obtained.refused_under.is_empty(), "{obtained:?}");
    assert!(!obtained.price.is_empty(), "the Union can still punish it");
    let refused = warrant(&dublin_alone, "content", "ie-dublin");
    // The law is the same, the machine is not.
    assert_eq!((refused.duty, obtained.duty), (Duty::Open, Duty::Open));
    assert_eq!(refused.outcome, Some(Outcome::Rejected));
    assert_eq!(refused.refused_under, ["EU".parse().unwrap()]);
    assert!(warrant(&dublin_alone, "traffic", "us-virginia").obtains(), "another region is another machine");
}

#[test]
fn a_sweep_says_on_every_day_what_reach_says_of_that_day() {
    let site = Site::of("molly", "");
    let swept = sweep(&site.world, &site.law, &Stances::of(site.world.provider()), &site.account);
    let mut state: BTreeMap<Key, Prospect> = BTreeMap::new();
    let apply = |state: &mut BTreeMap<Key, Prospect>, changes: &[WayChange]| {
        for change in changes {
            for authority in &change.authorities {
                let key = (
                    authority.to_string(),
                    change.instrument,
                    change.class.to_string(),
                    change.region.to_string(),
                );
                state.insert(key, change.after);
            }
        }
    };
    for may in site.reach(noon(swept.from)) {
        state.insert(key(&may), answer(&may));
    }
    let gets = state.values().filter(|answer| answer.obtains()).count();
    let first: usize = swept.first.iter().map(|change| change.authorities.len()).sum();
    assert_eq!(gets, first);
    let asked: Vec<Date> =
        ["2014-08-28", "2016-07-15", "2018-03-24", "2018-05-26", "2022-10-04", "2026-08-19"]
            .map(|day| day.parse().unwrap())
            .to_vec();
    let mut turns = swept.turns.iter().peekable();
    for day in asked {
        while let Some(turn) = turns.next_if(|turn| turn.on <= day) {
            apply(&mut state, &turn.changes);
        }
        let now: BTreeMap<Key, Prospect> =
            site.reach(noon(day)).iter().map(|may| (key(may), answer(may))).collect();
        let differ: Vec<_> = now.iter().filter(|(key, answer)| state.get(*key) != Some(*answer)).collect();
        assert!(differ.is_empty(), "{day}: {differ:?}");
    }
    // The day of the ruling is told with what turned it.
    let ruling = swept.turns.iter().find(|turn| turn.on.to_string() == "2016-07-14").unwrap();
    let is_it = |change: &&WayChange| {
        change.class.as_str() == "content"
            && change.authorities.iter().any(|id| id.as_str() == "us-sdny-magistrate")
    };
    let content = ruling.changes.iter().find(is_it).unwrap();
    let law = content.laws.iter().find(|law| law.jurisdiction.as_str() == "US").unwrap();
    assert_eq!(
        law.to_string(),
        "US compels -> allows; now by us-829-f3d-197; no longer by us-2703-a-control"
    );
}

#[test]
fn what_one_authority_could_obtain_is_its_part_of_the_whole() {
    let site = Site::of("theo", "");
    let at: SimTime = "2023-02-01T12:00:00Z".parse().unwrap();
    let whole = site.reach(at);
    for id in ["us-sdny-magistrate", "us-ndill", "us-fbi", "gb-crown-court", "us-irs", "ie-garda"] {
        let authority = id.parse().unwrap();
        let accounts = std::iter::once(&site.account);
        let by = reach_by(&site.world, &site.law, site.stance(at), &authority, accounts, at);
        let alone: BTreeMap<Key, Prospect> =
            by.mailboxes.iter().flat_map(|one| &one.ways).map(|may| (key(may), answer(may))).collect();
        let part = whole.iter().filter(|may| may.authority == authority);
        let part: BTreeMap<Key, Prospect> = part.map(|may| (key(may), answer(may))).collect();
        assert_eq!(alone, part, "{id}");
        assert!(!alone.is_empty(), "{id}");
    }
}

#[test]
fn a_european_order_is_served_abroad_and_waited_for() {
    let site = Site::of("molly", "[stance]\ncompelled-foreign = \"comply\"\n");
    let obtains = |day: &str| {
        let all = site.reach(format!("{day}T12:00:00Z").parse().unwrap());
        let epoc = |who: &str, class: &str| {
            let is_it = |may: &&May| {
                may.authority.as_str() == who
                    && may.instrument == InstrumentKind::Epoc
                    && may.class.as_str() == class
                    && may.region.as_str() == "ie-dublin"
            };
            all.iter().find(is_it).map(|may| (may.served_on.to_string(), may.positions.clone()))
        };
        (epoc("de-district-court", "content"), epoc("de-prosecutor", "content"))
    };
    let compels = |found: &Option<(String, Vec<rogatory::law::Position>)>| {
        let (served, positions) = found.as_ref().unwrap();
        let union = positions.iter().find(|position| position.jurisdiction.as_str() == "EU").unwrap();
        (served.clone(), union.kind.to_string())
    };
    let (court, prosecutor) = obtains("2026-09-01");
    assert_eq!(compels(&court).1, "compels");
    assert_ne!(compels(&court).0, "head-office");
    assert_eq!(compels(&prosecutor).1, "silent", "a prosecutor alone gets no content");
    assert_eq!(compels(&obtains("2026-08-17").0).1, "silent", "the day before it applies");
}

/// The law that leaves it open or bars it has its price, also while the provider does not pay it.
#[test]
fn the_price_is_told_where_some_law_compels() {
    let text = |name: &str, day: &str| {
        let site = Site::of(name, "");
        let at = noon(day.parse().unwrap());
        let view = reach(&site.world, &site.law, site.stance(at), &site.account, at);
        assert!(!view.may.iter().any(|may| may.class == DataClass::Content && may.obtains()));
        let names = Names::of(&site.world, &site.law, &Story::standard().unwrap());
        reach_text(&view, false, &names, Look { width: 100, colour: false })
    };
    let before = text("molly", "2014-08-30");
    assert!(!before.contains("price"), "{before}");
    let open = text("molly", "2018-06-01");
    assert!(open.contains("price of giving it, under EU: up to EUR 20 million or 4 %"), "{open}");
    assert_eq!(open.matches("price of giving it").count(), 1, "{open}");
    let barred = text("urs", "2018-06-01");
    assert!(
        barred.contains("price of giving it, under CH: punishable under art. 271 (modelling choice)"),
        "{barred}"
    );
}
