//! What courts and parties do to a demand after it was received.
//!
//! An order changes one matter and never the law: what a ruling means for other demands is a dated rule in a law
//! book. [`Standing`] is what all orders and filings of a matter add up to at one moment, for one item.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::clock::SimTime;
use crate::demand::Item;
use crate::world::{AuthorityId, DataClass, RegionId};

/// The name of an order or filing inside its matter: `stay-2014-08-01`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PaperId(String);

impl PaperId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is not the name of an order or filing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of an order or filing: 1 to 64 of a-z, 0-9 and dashes")]
pub struct BadPaperId(String);

impl FromStr for PaperId {
    type Err = BadPaperId;

    fn from_str(text: &str) -> Result<Self, BadPaperId> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits { Ok(PaperId(text.to_owned())) } else { Err(BadPaperId(text.to_owned())) }
    }
}

impl TryFrom<String> for PaperId {
    type Error = BadPaperId;

    fn try_from(text: String) -> Result<Self, BadPaperId> {
        text.parse()
    }
}

impl From<PaperId> for String {
    fn from(id: PaperId) -> String {
        id.0
    }
}

impl fmt::Display for PaperId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for PaperId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which items of a demand are meant. An empty list means all.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<DataClass>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<RegionId>,
}

impl Selector {
    pub fn selects(&self, item: &Item) -> bool {
        let class = self.classes.is_empty() || self.classes.contains(&item.class);
        let region = self.regions.is_empty()
            || item.place.regions().iter().any(|region| self.regions.contains(region));
        class && region
    }
}

/// An amount of money for each day, in whole units of a currency (ISO 4217).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerDay {
    pub amount: u64,
    pub currency: String,
}

/// An order of a court or authority in one matter.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    pub id: PaperId,
    pub by: AuthorityId,
    pub effect: OrderEffect,
    #[serde(default)]
    pub on: Selector,
    pub from: SimTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<SimTime>,
    /// The parties agreed to it, as with a contempt that opens the way to an appeal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_stipulation: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<String>,
}

/// What an order does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderEffect {
    /// Commands compliance, or confirms a command under attack.
    Compels,
    /// Forbids compliance.
    Bars,
    /// Stays the duty; nothing is due meanwhile.
    Suspends,
    /// Ends earlier orders from now on.
    Lifts(Vec<PaperId>),
    /// Narrows the demand to the selected items: the rest is no longer demanded.
    Modifies,
    /// Undoes earlier orders.
    Vacates(Vec<PaperId>),
    /// Undoes the demand itself for the selected items.
    Quashes,
    /// Holds the provider in contempt; with an amount, a meter runs until the order ends.
    Fines(Option<PerDay>),
}

impl OrderEffect {
    pub fn as_str(&self) -> &'static str {
        match self {
            OrderEffect::Compels => "compels",
            OrderEffect::Bars => "bars",
            OrderEffect::Suspends => "suspends",
            OrderEffect::Lifts(_) => "lifts",
            OrderEffect::Modifies => "modifies",
            OrderEffect::Vacates(_) => "vacates",
            OrderEffect::Quashes => "quashes",
            OrderEffect::Fines(_) => "fines",
        }
    }

    /// The earlier orders this one ends.
    pub fn ends(&self) -> &[PaperId] {
        match self {
            OrderEffect::Lifts(ids) | OrderEffect::Vacates(ids) => ids,
            _ => &[],
        }
    }
}

/// Who filed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Party {
    Provider,
    Authority,
    AccountHolder,
    ThirdParty,
}

/// What was filed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FilingKind {
    Motion,
    Objection,
    Appeal,
    Brief,
    Consent,
    Waiver,
    /// An authority asks for one more term of the same length or the one the law has next.
    Extension,
    Report,
}

/// A filing of a party in one matter.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filing {
    pub id: PaperId,
    pub by: Party,
    pub kind: FilingKind,
    #[serde(default)]
    pub on: Selector,
    pub filed: SimTime,
    /// True if the duty is suspended until a court rules on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspends: bool,
}

/// What the orders and filings of a matter add up to, for one item at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Standing {
    /// The orders and filings that suspend the duty now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspended_by: Vec<PaperId>,
    /// Orders that command compliance with this item.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compelled_by: Vec<PaperId>,
    /// Who made those orders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed_by: Vec<AuthorityId>,
    /// Orders that forbid it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub barred_by: Vec<PaperId>,
    /// The order that took this item out of the demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<PaperId>,
    /// Contempt orders in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fined_by: Vec<PaperId>,
    /// When the duty last became live: after the last suspension ended, else on receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_since: Option<SimTime>,
    /// The account holder agreed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub consent: bool,
    /// How often the authority asked for one more term.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub extensions: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Standing {
    /// Folds the papers of a matter, in the order in which they were entered.
    pub fn of(papers: &[Paper], item: &Item, received: SimTime, now: SimTime) -> Self {
        let mut standing = Standing { live_since: Some(received), ..Standing::default() };
        for (place, paper) in papers.iter().enumerate() {
            let later = &papers[place + 1..];
            match paper {
                Paper::Order(order) => standing.take_order(order, later, item, now),
                Paper::Filing(filing) => standing.take_filing(filing, later, item, now),
            }
        }
        if !standing.suspended_by.is_empty() {
            standing.live_since = None;
        }
        standing
    }

    fn take_order(&mut self, order: &Order, later: &[Paper], item: &Item, now: SimTime) {
        if order.from > now || !order.on.selects(item) {
            if matches!(order.effect, OrderEffect::Modifies)
                && order.from <= now
                && !ended(&order.id, later, now)
            {
                self.undone_by = Some(order.id.clone());
            }
            return;
        }
        let end = order.until.filter(|until| *until <= now).or_else(|| end_of(&order.id, later, now));
        if let Some(end) = end {
            if matches!(order.effect, OrderEffect::Suspends) {
                self.live_since = self.live_since.max(Some(end));
            }
            return;
        }
        match order.effect {
            OrderEffect::Compels => {
                self.compelled_by.push(order.id.clone());
                self.confirmed_by.push(order.by.clone());
            }
            OrderEffect::Bars => self.barred_by.push(order.id.clone()),
            OrderEffect::Suspends => self.suspended_by.push(order.id.clone()),
            OrderEffect::Quashes => self.undone_by = Some(order.id.clone()),
            OrderEffect::Fines(_) => self.fined_by.push(order.id.clone()),
            OrderEffect::Modifies | OrderEffect::Lifts(_) | OrderEffect::Vacates(_) => {}
        }
    }

    fn take_filing(&mut self, filing: &Filing, later: &[Paper], item: &Item, now: SimTime) {
        if filing.filed > now || !filing.on.selects(item) {
            return;
        }
        match filing.kind {
            FilingKind::Consent if filing.by == Party::AccountHolder => self.consent = true,
            FilingKind::Extension if filing.by == Party::Authority => self.extensions += 1,
            _ => {}
        }
        if filing.suspends {
            // A filing suspends only until a court has ruled on the same items.
            let ruled = later.iter().find_map(|paper| match paper {
                Paper::Order(o) if o.from <= now && o.on.selects(item) && o.effect.rules() => Some(o.from),
                _ => None,
            });
            match ruled {
                Some(when) => self.live_since = self.live_since.max(Some(when)),
                None => self.suspended_by.push(filing.id.clone()),
            }
        }
    }
}

impl OrderEffect {
    /// True if the order answers what a party asked for, rather than only holding things still.
    fn rules(&self) -> bool {
        !matches!(self, OrderEffect::Suspends | OrderEffect::Fines(_))
    }
}

fn end_of(id: &PaperId, later: &[Paper], now: SimTime) -> Option<SimTime> {
    later.iter().find_map(|paper| match paper {
        Paper::Order(order) if order.from <= now && order.effect.ends().contains(id) => Some(order.from),
        _ => None,
    })
}

fn ended(id: &PaperId, later: &[Paper], now: SimTime) -> bool {
    end_of(id, later, now).is_some()
}

/// An order or a filing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Paper {
    Order(Order),
    Filing(Filing),
}

impl Paper {
    pub fn id(&self) -> &PaperId {
        match self {
            Paper::Order(order) => &order.id,
            Paper::Filing(filing) => &filing.id,
        }
    }
}

/// What a contempt order has cost so far.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Meter {
    pub order: PaperId,
    pub days: u64,
    pub amount: u64,
    pub currency: String,
}

/// Reads the meters of a matter: every fine that runs or ran, in whole days begun.
pub fn meters(papers: &[Paper], now: SimTime) -> Vec<Meter> {
    let read = |(place, paper): (usize, &Paper)| {
        let Paper::Order(order) = paper else { return None };
        let OrderEffect::Fines(Some(per_day)) = &order.effect else { return None };
        let end = [order.until, end_of(&order.id, &papers[place + 1..], now), Some(now)];
        let end = end.into_iter().flatten().min().unwrap_or(now);
        let seconds = end.unix_seconds().saturating_sub(order.from.unix_seconds()).max(0) as u64;
        let days = seconds.div_ceil(86_400);
        Some(Meter {
            order: order.id.clone(),
            days,
            amount: days.saturating_mul(per_day.amount),
            currency: per_day.currency.clone(),
        })
    };
    papers.iter().enumerate().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demand::{DateRange, Place};

    fn t(text: &str) -> SimTime {
        text.parse().unwrap()
    }

    fn item(class: DataClass, region: &str) -> Item {
        Item {
            account: "nobody@post.example".parse().unwrap(),
            class,
            range: DateRange::ALL,
            place: Place::Region(region.parse().unwrap()),
        }
    }

    fn order(id: &str, effect: OrderEffect, from: &str) -> Paper {
        Paper::Order(Order {
            id: id.parse().unwrap(),
            by: "us-sdny".parse().unwrap(),
            effect,
            on: Selector { classes: vec![DataClass::Content], regions: vec![] },
            from: t(from),
            until: None,
            by_stipulation: false,
            conditions: vec![],
        })
    }

    fn id(text: &str) -> PaperId {
        text.parse().unwrap()
    }

    #[test]
    fn a_stay_holds_until_it_is_lifted_and_only_for_what_it_names() {
        let papers = [
            order("stay", OrderEffect::Suspends, "2014-08-01"),
            order("lift", OrderEffect::Lifts(vec![id("stay")]), "2014-08-29"),
        ];
        let at = |item: &Item, now: &str| Standing::of(&papers, item, t("2013-12-04"), t(now));
        let mail = item(DataClass::Content, "ie-dublin");
        assert_eq!(at(&mail, "2014-07-31").live_since, Some(t("2013-12-04")));
        assert_eq!(at(&mail, "2014-08-28").suspended_by, [id("stay")]);
        assert_eq!(at(&mail, "2014-08-28").live_since, None);
        assert_eq!(at(&mail, "2014-08-30").suspended_by, []);
        assert_eq!(at(&mail, "2014-08-30").live_since, Some(t("2014-08-29")));
        assert_eq!(at(&item(DataClass::Traffic, "us-virginia"), "2014-08-28").suspended_by, []);
    }

    #[test]
    fn a_motion_suspends_until_a_court_rules() {
        let motion = Paper::Filing(Filing {
            id: id("motion"),
            by: Party::Provider,
            kind: FilingKind::Motion,
            on: Selector::default(),
            filed: t("2013-12-18"),
            suspends: true,
        });
        let papers = [motion, order("denied", OrderEffect::Compels, "2014-04-25")];
        let mail = item(DataClass::Content, "ie-dublin");
        let at = |now: &str| Standing::of(&papers, &mail, t("2013-12-04"), t(now));
        assert_eq!(at("2014-01-01").suspended_by, [id("motion")]);
        assert_eq!(at("2014-04-26").suspended_by, []);
        assert_eq!(at("2014-04-26").compelled_by, [id("denied")]);
    }

    #[test]
    fn vacating_an_order_undoes_it() {
        let papers = [
            order("contempt", OrderEffect::Fines(None), "2014-09-08"),
            order("reversal", OrderEffect::Vacates(vec![id("contempt")]), "2016-07-14"),
        ];
        let mail = item(DataClass::Content, "ie-dublin");
        let at = |now: &str| Standing::of(&papers, &mail, t("2013-12-04"), t(now));
        assert_eq!(at("2014-09-09").fined_by, [id("contempt")]);
        assert_eq!(at("2016-07-15").fined_by, []);
    }

    #[test]
    fn a_fine_runs_by_the_day_until_its_end() {
        let fine = OrderEffect::Fines(Some(PerDay { amount: 25_000, currency: "USD".into() }));
        let papers = [
            order("fine", fine, "1983-11-15"),
            order("purge", OrderEffect::Vacates(vec![id("fine")]), "1984-01-27"),
        ];
        let read = |now: &str| meters(&papers, t(now)).remove(0);
        assert_eq!((read("1983-11-16").days, read("1983-11-16").amount), (1, 25_000));
        assert_eq!((read("1984-06-01").days, read("1984-06-01").amount), (73, 1_825_000));
    }

    #[test]
    fn modifying_leaves_only_what_it_selects() {
        let papers = [order("narrowed", OrderEffect::Modifies, "2014-01-01")];
        let at = |item: &Item| Standing::of(&papers, item, t("2013-12-04"), t("2014-02-01")).undone_by;
        assert_eq!(at(&item(DataClass::Content, "ie-dublin")), None);
        assert_eq!(at(&item(DataClass::Traffic, "us-virginia")), Some(id("narrowed")));
    }
}
