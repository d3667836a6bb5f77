//! A stage for tests that knows no law: what it answers was written down before.

use std::collections::BTreeMap;

use super::moment::Moment;
use super::names::Names;
use super::script::{AccountSpec, RouteTaken, Setting};
use super::stage::Stage;
use super::view::{
    AccountView, CopyView, Happened, Happening, HeardRule, ItemView, KeyHolderView, MatterView, ReachView,
    RecordHead,
};
use crate::clock::SimTime;
use crate::demand::{Act, DateRange, Demand, DemandId, Disposition, Item, Outcome, Place};
use crate::gate::Duty;
use crate::gate::{Filing, Order, StanceChange};
use crate::law::{Hearing, Position, PositionKind};
use crate::provider::{KeyHolder, Price};
use crate::world::{Address, Conduct, DataClass, SourceMark};

pub fn t(text: &str) -> SimTime {
    text.parse().unwrap()
}

pub fn names() -> Names {
    let title = |(id, title): (&str, &str)| (id.to_owned(), title.to_owned());
    let pairs = |list: &[(&'static str, &'static str)]| list.iter().copied().map(title).collect::<Vec<_>>();
    let regions = pairs(&[("ie-dublin", "Dublin"), ("us-virginia", "Virginia")]);
    let authorities = pairs(&[
        ("us-sdny", "U.S. District Court, S.D.N.Y."),
        ("us-doj", "U.S. Department of Justice"),
        ("ie-district-court", "District Court (Ireland)"),
    ]);
    let entities = pairs(&[("head-office", "Post Example, Inc.")]);
    Names {
        regions: regions.into_iter().map(|(id, title)| (id.parse().unwrap(), title)).collect(),
        authorities: authorities.into_iter().map(|(id, title)| (id.parse().unwrap(), title)).collect(),
        entities: entities.into_iter().map(|(id, title)| (id.parse().unwrap(), title)).collect(),
        jurisdictions: ["US", "IE", "EU"].iter().map(|j| j.parse().unwrap()).collect(),
        rules: ["us-sca-content-warrant", "us-sca-records"]
            .map(|rule| (rule.to_owned(), ["proof", "issuer"].map(str::to_owned).into()))
            .into(),
        story: [("molly".to_owned(), "molly@post.example".parse().unwrap())].into(),
        ..Names::default()
    }
}

/// Answers what it was told to answer, and writes down what it was asked.
#[derive(Default)]
pub struct FakeStage {
    pub log: Vec<String>,
    /// From when on each matter stands how.
    pub views: BTreeMap<DemandId, Vec<(SimTime, MatterView)>>,
    /// What comes about on the way to a time.
    pub meanwhile: Vec<Happening>,
    /// What comes about when a demand is received.
    pub on_receipt: Vec<Happened>,
    /// Fails when the clock reaches this.
    pub fails_at: Option<SimTime>,
    pub now: Option<SimTime>,
    /// How it stands with every rule.
    pub hearing: Option<Hearing>,
}

#[derive(Debug, thiserror::Error)]
#[error("the curtain fell")]
pub struct CurtainFell;

impl FakeStage {
    fn happen(&self, what: &[Happened]) -> Vec<Happening> {
        what.iter().map(|what| Happening { at: self.now.unwrap(), what: what.clone() }).collect()
    }
}

impl Stage for FakeStage {
    type Error = CurtainFell;

    async fn set(&mut self, setting: &Setting, start: Moment, seed: &str) -> Result<(), CurtainFell> {
        self.log.push(format!("set {start} {seed} {:?}", setting.key_custody));
        self.now = Some(start.time());
        Ok(())
    }

    async fn open_account(&mut self, account: &AccountSpec) -> Result<(), CurtainFell> {
        self.log.push(format!("open {}", account.address()));
        Ok(())
    }

    async fn advance_to(&mut self, time: SimTime) -> Result<Vec<Happening>, CurtainFell> {
        self.log.push(format!("to {time}"));
        self.now = Some(time);
        if self.fails_at.is_some_and(|fails_at| fails_at <= time) {
            return Err(CurtainFell);
        }
        Ok(self.meanwhile.extract_if(.., |happening| happening.at <= time).collect())
    }

    async fn receive(&mut self, demand: &Demand) -> Result<Vec<Happening>, CurtainFell> {
        self.log.push(format!("receive {}", demand.id));
        Ok(self.happen(&self.on_receipt))
    }

    async fn enter_order(&mut self, matter: &DemandId, order: &Order) -> Result<Vec<Happening>, CurtainFell> {
        self.log.push(format!("order {matter} {} {}", order.id, order.effect.as_str()));
        Ok(Vec::new())
    }

    async fn enter_filing(
        &mut self,
        matter: &DemandId,
        filing: &Filing,
    ) -> Result<Vec<Happening>, CurtainFell> {
        self.log.push(format!("filing {matter} {} {:?}", filing.id, filing.kind));
        Ok(Vec::new())
    }

    async fn change_stance(&mut self, change: &StanceChange) -> Result<Vec<Happening>, CurtainFell> {
        self.log.push(format!("stance {:?}", change.cases().collect::<Vec<_>>()));
        Ok(Vec::new())
    }

    async fn take_route(&mut self, route: &RouteTaken) -> Result<Vec<Happening>, CurtainFell> {
        self.log.push(format!("route {} {}", route.matter, route.answer));
        Ok(Vec::new())
    }

    async fn matter(&mut self, matter: &DemandId) -> Result<Option<MatterView>, CurtainFell> {
        let now = self.now.unwrap();
        let views = self.views.get(matter).into_iter().flatten();
        Ok(views.filter(|(from, _)| *from <= now).map(|(_, view)| view.clone()).next_back())
    }

    async fn hear(&mut self, _: &DemandId, rules: &[String]) -> Result<Vec<HeardRule>, CurtainFell> {
        let items = self.views.values().flatten().flat_map(|(_, view)| &view.items);
        let heard = |item: &ItemView| {
            let (act, item) = (item.act, item.item.clone());
            let rule = |rule: &String| HeardRule {
                act,
                item: item.clone(),
                rule: rule.clone(),
                hearing: self.hearing.clone().unwrap_or(Hearing::NotAbout),
            };
            rules.iter().map(rule).collect::<Vec<_>>()
        };
        Ok(items.flat_map(heard).collect())
    }

    async fn look_at(&mut self, account: &Address) -> Result<AccountView, CurtainFell> {
        self.log.push(format!("look {account}"));
        let region: crate::world::RegionId = "ie-dublin".parse().unwrap();
        let class = DataClass::Content;
        let holder =
            |who, entity: &str| KeyHolderView { who, entity: entity.parse().unwrap(), unrecorded: true };
        Ok(AccountView {
            account: account.clone(),
            copies: vec![CopyView {
                class,
                region: region.clone(),
                country: "IE".parse().unwrap(),
                keys: vec![KeyHolder::Region, KeyHolder::HeadOffice],
                objects: 41,
                bytes: 123_456,
            }],
            reach: vec![ReachView {
                class,
                region,
                may: [("US".parse().unwrap(), ["us-sdny".parse().unwrap()].into())].into(),
                can: vec![holder(KeyHolder::Region, "ireland"), holder(KeyHolder::HeadOffice, "head-office")],
                price: [Price {
                    jurisdiction: "EU".parse().unwrap(),
                    rule: "eu-gdpr-48".to_owned(),
                    penalty: "up to EUR 20 million".to_owned(),
                    mark: SourceMark::FromMemory,
                }]
                .into(),
            }],
        })
    }

    async fn record_head(&mut self) -> Result<RecordHead, CurtainFell> {
        Ok(RecordHead { size: 3, root: "ab".repeat(32) })
    }
}

fn rule() -> serde_json::Value {
    serde_json::json!({
        "id": "us-sca-content-warrant",
        "cite": "18 U.S.C. 2703(a)",
        "effect": "compels",
        "weight": "persuasive",
        "says": "A warrant on probable cause reaches the content that the provider controls.",
        "source": { "mark": "from memory", "parts": [{ "mark": "from memory", "about": "nowhere" }] },
        "keyed": "decided",
        "from": "1986-10-21",
    })
}

fn position(jurisdiction: &str, kind: PositionKind, rules: &[serde_json::Value]) -> Position {
    let value = serde_json::json!({ "jurisdiction": jurisdiction, "kind": kind, "rules": rules });
    serde_json::from_value(value).unwrap()
}

/// Two items under a warrant of the S.D.N.Y.: content in Dublin and traffic in Virginia.
pub fn matter(id: &str, change: impl Fn(&mut ItemView)) -> MatterView {
    let item = |class, region: &str| ItemView {
        act: Act::Disclose,
        item: Item {
            account: "molly@post.example".parse().unwrap(),
            class,
            range: DateRange::ALL,
            place: Place::Region(region.parse().unwrap()),
        },
        positions: vec![
            position("US", PositionKind::Compels, &[rule()]),
            position("IE", PositionKind::Silent, &[]),
            position("EU", PositionKind::Silent, &[]),
        ],
        duty: Duty::Compelled,
        due: Some(t("2013-12-04T20:00:00Z")),
        suspended_by: vec![],
        conduct: Some(Conduct::Contest),
        outcome: None,
        treaty: None,
    };
    let mut content = item(DataClass::Content, "ie-dublin");
    change(&mut content);
    let mut traffic = item(DataClass::Traffic, "us-virginia");
    traffic.conduct = None;
    traffic.outcome = Some(Outcome::Produced);
    let outcomes = [content.outcome.unwrap_or(Outcome::Suspended), Outcome::Produced];
    MatterView {
        matter: id.parse().unwrap(),
        disposition: Disposition::of(outcomes),
        returned_for: vec![],
        items: vec![content, traffic],
        unanswered: vec![],
        fines: vec![],
        told_to: vec![],
        closed: vec![],
        published: false,
    }
}

/// A small script: a warrant, a stay, its end, with a question between.
pub const SMALL: &str = r#"title = "A small play"
intro = "One warrant, one stay."
start = "2013-12-01T09:00:00-05:00"
seed = "small"

[[account]]
story = "molly"

[[step]]
at = "2013-12-04T15:00:00-05:00"
place = "New York"
title = "A warrant"
happened = "A magistrate judge issued a warrant."
source = "a letter of 12 August 2014"
mark = "verified"
from-memory = "the hour"
look = ["molly"]
[step.demand]
id = "13-mag-2814"
instrument = "warrant"
basis = "18 U.S.C. 2703(a)"
issuing = "us-sdny"
on-behalf-of = "US"
served-on = "head-office"
proof = "probable-cause"
offence = { description = "narcotics trafficking", max-penalty-years = 20, place = "US" }
accounts = ["molly"]
classes = ["content", "traffic"]
deliver-to = "us-doj"
[[step.expect]]
matter = "13-mag-2814"
class = "content"
region = "ie-dublin"
duty = "compelled"
conduct = "contest"
outcome = "none"
positions = { US = "compels", IE = "silent" }
because = ["us-sca-content-warrant"]
[[step.expect]]
matter = "13-mag-2814"
class = "content"
on = "2014-08-28T12:00:00-04:00"
suspended-by = "stay"
due = false

[[step]]
at = "2014-08-01T12:00:00-04:00"
title = "A stay"
[step.order]
id = "stay"
matter = "13-mag-2814"
by = "us-sdny"
effect = "suspends"
items = { classes = ["content"], regions = ["ie-dublin"] }

[[step]]
at = "2014-08-29T12:00:00-04:00"
title = "The stay is lifted"
[step.order]
id = "lift"
matter = "13-mag-2814"
by = "us-sdny"
effect = "lifts"
ends = ["stay"]
[[step.expect]]
matter = "13-mag-2814"
class = "content"
suspended = false
due = true
[[step.expect]]
matter = "13-mag-2814"
disposition = "partly-served"

[[step]]
at = "2014-09-09T09:00:00-04:00"
note = "Nothing more happens"
"#;
