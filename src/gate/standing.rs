//! What the papers of a matter add up to, for one item at one moment.
//!
//! The orders of a matter are a graph: each may end earlier ones, and may itself be ended by later ones. Whether an
//! order holds is worked out from that graph and never kept as a flag, so that the vacatur of a reversal brings back
//! what was reversed, and the vacatur of that vacatur takes it away again.

use serde::{Deserialize, Serialize};

use super::order::{Filing, FilingKind, Order, OrderEffect, Paper, PaperId, Party};
use crate::clock::SimTime;
use crate::demand::Item;
use crate::world::AuthorityId;

/// What the orders and filings of a matter add up to, for one item at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Standing {
    /// The orders and filings that suspend the duty now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspended_by: Vec<PaperId>,
    /// Orders that command compliance with this item.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compelled_by: Vec<PaperId>,
    /// When the first of those orders that still holds was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered: Option<SimTime>,
    /// Who made those orders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed_by: Vec<AuthorityId>,
    /// Orders that forbid it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub barred_by: Vec<PaperId>,
    /// The order that took this item out of the demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<PaperId>,
    /// The order that dismissed the case over this item as moot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moot_by: Option<PaperId>,
    /// Contempt orders in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fined_by: Vec<PaperId>,
    /// Orders that forbid telling anyone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silenced_by: Vec<PaperId>,
    /// The order that ended the ban on telling which the demand itself asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsealed_by: Option<PaperId>,
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
    /// Adds up the papers of a matter, in the order in which they were entered.
    pub fn of(papers: &[Paper], item: &Item, received: SimTime, now: SimTime) -> Self {
        let mut standing = Standing { live_since: Some(received), ..Standing::default() };
        let orders = Orders::on(papers, item);
        for (place, paper) in papers.iter().enumerate() {
            match paper {
                Paper::Order(order) => standing.take_order(order, place, &orders, item, now),
                Paper::Filing(filing) => standing.take_filing(filing, &papers[place + 1..], item, now),
            }
        }
        if !standing.suspended_by.is_empty() {
            standing.live_since = None;
        }
        standing
    }

    fn take_order(&mut self, order: &Order, place: usize, orders: &Orders<'_>, item: &Item, now: SimTime) {
        let holds = orders.holds(place, now);
        if matches!(order.effect, OrderEffect::Modifies) {
            if holds && !order.on.selects(item) {
                self.undone_by = Some(order.id.clone());
            }
            return;
        }
        if !order.on.selects(item) {
            return;
        }
        if !holds {
            if matches!(order.effect, OrderEffect::Suspends) {
                self.live_since = self.live_since.max(orders.ceased(place, now));
            }
            return;
        }
        match order.effect {
            OrderEffect::Compels => {
                self.compelled_by.push(order.id.clone());
                self.confirmed_by.push(order.by.clone());
                self.ordered = [self.ordered, Some(order.from)].into_iter().flatten().min();
            }
            OrderEffect::Bars => self.barred_by.push(order.id.clone()),
            OrderEffect::Suspends => self.suspended_by.push(order.id.clone()),
            OrderEffect::Quashes => self.undone_by = Some(order.id.clone()),
            OrderEffect::Dismisses => self.moot_by = Some(order.id.clone()),
            OrderEffect::Fines(_) => self.fined_by.push(order.id.clone()),
            OrderEffect::Silences => self.silenced_by.push(order.id.clone()),
            OrderEffect::Unseals => {
                self.silenced_by.clear();
                self.unsealed_by = Some(order.id.clone());
            }
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
    /// True if the order answers what a party asked for, rather than only holding things still or letting them go on.
    fn rules(&self) -> bool {
        use OrderEffect::{Fines, Lifts, Silences, Suspends, Unseals};
        !matches!(self, Suspends | Lifts(_) | Fines(_) | Silences | Unseals)
    }
}

/// The orders of a matter, and which ends which.
pub(super) struct Orders<'p> {
    papers: &'p [Paper],
    /// Only what an order says of this item counts; without one, all that it says.
    item: Option<&'p Item>,
}

impl<'p> Orders<'p> {
    pub(super) fn on(papers: &'p [Paper], item: &'p Item) -> Self {
        Orders { papers, item: Some(item) }
    }

    pub(super) fn of_any(papers: &'p [Paper]) -> Self {
        Orders { papers, item: None }
    }

    fn order(&self, place: usize) -> Option<&'p Order> {
        match self.papers.get(place) {
            Some(Paper::Order(order)) => Some(order),
            _ => None,
        }
    }

    /// True if the order at a place in the file has begun, has not run out, and no order that holds ends it. An order
    /// ends only what was entered before it, so the search comes to an end.
    pub(super) fn holds(&self, place: usize, now: SimTime) -> bool {
        let Some(order) = self.order(place) else { return false };
        let runs = order.from <= now && order.until.is_none_or(|until| now < until);
        runs && !self.enders(place).any(|ender| self.holds(ender, now))
    }

    /// The later orders that end the one at a place, whether or not they hold.
    fn enders(&self, place: usize) -> impl Iterator<Item = usize> {
        let id = self.papers.get(place).map(Paper::id);
        let ends = move |later: &usize| {
            let Some(order) = self.order(*later) else { return false };
            let about = self.item.is_none_or(|item| order.on.selects(item));
            about && id.is_some_and(|id| order.effect.ends().contains(id))
        };
        (place + 1..self.papers.len()).filter(ends)
    }

    /// The instants up to now at which some order begins or runs out, in order.
    fn turns(&self, now: SimTime) -> Vec<SimTime> {
        let orders = (0..self.papers.len()).filter_map(|place| self.order(place));
        let mut turns: Vec<SimTime> = orders
            .flat_map(|order| [Some(order.from), order.until])
            .flatten()
            .filter(|turn| *turn <= now)
            .collect();
        turns.sort();
        turns.dedup();
        turns
    }

    /// When an order that does not hold now held last; none if it never did.
    fn ceased(&self, place: usize, now: SimTime) -> Option<SimTime> {
        let turns = self.turns(now);
        let ends = turns.windows(2).filter(|turn| self.holds(place, turn[0]) && !self.holds(place, turn[1]));
        ends.map(|turn| turn[1]).next_back()
    }

    /// For how many seconds an order has held by now.
    fn seconds_held(&self, place: usize, now: SimTime) -> u64 {
        let mut turns = self.turns(now);
        turns.push(now);
        let held = turns.windows(2).filter(|turn| self.holds(place, turn[0]));
        held.map(|turn| turn[1].unix_seconds().saturating_sub(turn[0].unix_seconds()).max(0) as u64).sum()
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
    let orders = Orders::of_any(papers);
    let read = |(place, paper): (usize, &Paper)| {
        let Paper::Order(order) = paper else { return None };
        let OrderEffect::Fines(Some(per_day)) = &order.effect else { return None };
        let days = orders.seconds_held(place, now).div_ceil(86_400);
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
    use super::super::order::{PerDay, Selector};
    use super::*;
    use crate::demand::{DateRange, Place};
    use crate::world::DataClass;

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
    fn a_silence_ends_with_its_order_or_with_one_that_unseals() {
        let mut papers = vec![
            order("silence", OrderEffect::Silences, "2014-01-01"),
            order("again", OrderEffect::Silences, "2014-03-01"),
        ];
        if let Paper::Order(silence) = &mut papers[0] {
            silence.until = Some(t("2014-02-01"));
        }
        let mail = item(DataClass::Content, "ie-dublin");
        let at = |papers: &[Paper], now: &str| Standing::of(papers, &mail, t("2013-12-04"), t(now));
        assert_eq!(at(&papers, "2014-01-31").silenced_by, [id("silence")]);
        assert_eq!(at(&papers, "2014-02-01").silenced_by, []);
        assert_eq!(at(&papers, "2014-04-01").silenced_by, [id("again")]);
        papers.push(order("unsealed", OrderEffect::Unseals, "2014-05-01"));
        assert_eq!(at(&papers, "2014-04-30").unsealed_by, None);
        let after = at(&papers, "2014-05-01");
        assert_eq!((after.silenced_by, after.unsealed_by), (vec![], Some(id("unsealed"))));
        // The order to unseal is itself undone: what it had ended holds again.
        papers.push(order("reversed", OrderEffect::Vacates(vec![id("unsealed")]), "2014-06-01"));
        let back = at(&papers, "2014-06-01");
        assert_eq!((back.silenced_by, back.unsealed_by), (vec![id("again")], None));
    }

    #[test]
    fn modifying_leaves_only_what_it_selects() {
        let papers = [order("narrowed", OrderEffect::Modifies, "2014-01-01")];
        let at = |item: &Item| Standing::of(&papers, item, t("2013-12-04"), t("2014-02-01")).undone_by;
        assert_eq!(at(&item(DataClass::Content, "ie-dublin")), None);
        assert_eq!(at(&item(DataClass::Traffic, "us-virginia")), Some(id("narrowed")));
    }

    fn compelled(papers: &[Paper], now: &str) -> Vec<String> {
        let mail = item(DataClass::Content, "ie-dublin");
        let standing = Standing::of(papers, &mail, t("2013-12-04"), t(now));
        standing.compelled_by.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_was_reversed_holds_again_when_the_reversal_is_vacated() {
        let mut papers = vec![
            order("affirmance", OrderEffect::Compels, "2014-07-31"),
            order("reversal", OrderEffect::Vacates(vec![id("affirmance")]), "2016-07-14"),
            order("vacatur", OrderEffect::Vacates(vec![id("reversal")]), "2018-04-17"),
        ];
        assert_eq!(compelled(&papers, "2014-08-01"), ["affirmance"]);
        assert!(compelled(&papers, "2016-07-15").is_empty());
        assert_eq!(compelled(&papers, "2018-04-18"), ["affirmance"]);
        // Unless the same order says that it does not.
        papers[2] =
            order("vacatur", OrderEffect::Vacates(vec![id("reversal"), id("affirmance")]), "2018-04-17");
        assert!(compelled(&papers, "2018-04-18").is_empty());
    }

    #[test]
    fn a_stay_that_is_brought_back_suspends_again_and_its_second_end_counts() {
        let papers = [
            order("stay", OrderEffect::Suspends, "2014-08-01"),
            order("lift", OrderEffect::Lifts(vec![id("stay")]), "2014-08-10"),
            order("restored", OrderEffect::Vacates(vec![id("lift")]), "2014-08-20"),
            order("over", OrderEffect::Lifts(vec![id("stay")]), "2014-08-29"),
        ];
        let mail = item(DataClass::Content, "ie-dublin");
        let at = |now: &str| Standing::of(&papers, &mail, t("2013-12-04"), t(now));
        assert_eq!(at("2014-08-15").live_since, Some(t("2014-08-10")));
        assert_eq!(at("2014-08-25").suspended_by, [id("stay")]);
        assert_eq!(at("2014-08-30").live_since, Some(t("2014-08-29")));
    }

    #[test]
    fn a_fine_costs_nothing_while_the_order_behind_it_is_undone() {
        let fine = OrderEffect::Fines(Some(PerDay { amount: 10, currency: "USD".into() }));
        let papers = [
            order("fine", fine, "2014-01-01"),
            order("undone", OrderEffect::Vacates(vec![id("fine")]), "2014-01-11"),
            order("restored", OrderEffect::Vacates(vec![id("undone")]), "2014-01-21"),
        ];
        let days = |now: &str| meters(&papers, t(now)).remove(0).days;
        assert_eq!((days("2014-01-06"), days("2014-01-15"), days("2014-01-26")), (5, 10, 15));
    }

    #[test]
    fn an_order_ends_another_only_for_the_items_it_names() {
        let everything = |mut paper: Paper| {
            if let Paper::Order(order) = &mut paper {
                order.on = Selector::default();
            }
            paper
        };
        let papers = [
            everything(order("stay", OrderEffect::Suspends, "2014-08-01")),
            order("lift", OrderEffect::Lifts(vec![id("stay")]), "2014-08-29"),
        ];
        let at = |item: Item| Standing::of(&papers, &item, t("2013-12-04"), t("2014-09-01")).suspended_by;
        assert!(at(item(DataClass::Content, "ie-dublin")).is_empty());
        assert_eq!(at(item(DataClass::Traffic, "ie-dublin")), [id("stay")]);
    }

    #[test]
    fn a_dismissal_as_moot_is_no_quashing() {
        let papers = [order("dismissal", OrderEffect::Dismisses, "2018-04-17")];
        let mail = item(DataClass::Content, "ie-dublin");
        let standing = Standing::of(&papers, &mail, t("2013-12-04"), t("2018-04-18"));
        assert_eq!((standing.moot_by, standing.undone_by), (Some(id("dismissal")), None));
    }
}
