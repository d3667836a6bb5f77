//! What a step does, from the script as written.

use std::ops::Range;

use serde_spanned::Spanned;

use super::known::{Reader, header, inside_out};
use super::moment::Moment;
use super::raw::{RawDemand, RawFiling, RawOrder, RawPerDay, RawRoute, Text};
use super::script::{Action, RouteTaken};
use crate::demand::{Act, Demand, DemandId, ExecutesRequest, Offence, Relation};
use crate::gate::{Filing, Order, OrderEffect, Paper, PaperId, PerDay, StanceChange, check_order};
use crate::world::OrderKind;

/// The keys of a step of which it has exactly one.
pub(super) struct RawActions {
    pub demand: Option<Spanned<RawDemand>>,
    pub order: Option<Spanned<RawOrder>>,
    pub filing: Option<Spanned<RawFiling>>,
    pub stance: Option<Spanned<StanceChange>>,
    pub route: Option<Spanned<RawRoute>>,
    pub note: Option<Text>,
}

const ONE_OF: &str = "a step has exactly one of `demand`, `order`, `filing`, `stance`, `route`, `note`";

impl Reader<'_> {
    pub(super) fn action(
        &mut self,
        step: &Range<usize>,
        at: Option<Moment>,
        raw: RawActions,
    ) -> Option<Action> {
        let spans = [
            raw.demand.as_ref().map(Spanned::span),
            raw.order.as_ref().map(Spanned::span),
            raw.filing.as_ref().map(Spanned::span),
            raw.stance.as_ref().map(Spanned::span),
            raw.route.as_ref().map(Spanned::span),
            raw.note.as_ref().map(Spanned::span),
        ];
        let mut spans: Vec<_> = spans.into_iter().flatten().collect();
        spans.sort_by_key(|span| span.start);
        if let Some(second) = spans.get(1) {
            self.error(header(second.clone()), "a second thing happens in one step").help(ONE_OF);
            return None;
        }
        if let Some(demand) = raw.demand {
            return self.demand(at, demand.into_inner()).map(|demand| Action::Demand(Box::new(demand)));
        }
        if let Some(order) = raw.order {
            return self.order(at, order.into_inner());
        }
        if let Some(filing) = raw.filing {
            return self.filing(at, filing.into_inner());
        }
        if let Some(change) = raw.stance {
            let span = header(change.span());
            let change = change.into_inner();
            if change.is_empty() {
                self.error(span, "a stance that changes nothing")
                    .help("name a case: `compelled`, `compelled-foreign`, `conflict`, `open`, `free` or `emergency`");
                return None;
            }
            return Some(Action::Stance(change));
        }
        if let Some(route) = raw.route {
            return self.route(route.into_inner());
        }
        if raw.note.is_some() {
            return Some(Action::Note);
        }
        self.error(step.clone(), "nothing happens in this step").help(ONE_OF);
        None
    }

    fn demand(&mut self, at: Option<Moment>, raw: RawDemand) -> Option<Demand> {
        let id = self.new_matter(&raw.id);
        let issuing = self.authority(&raw.issuing);
        let validating = raw.validating.as_ref().map(|text| self.authority(text));
        let enforcing = raw.enforcing.as_ref().map(|text| self.authority(text));
        let deliver_to = self.authority(&raw.deliver_to);
        let served_on = self.entity(&raw.served_on);
        let on_behalf_of = self.parse(&raw.on_behalf_of);
        let issued = match &raw.issued {
            Some(text) => self.issued(text, at),
            None => at,
        };
        let valid_until = self.parse_optional::<Moment>(raw.valid_until.as_ref());
        let return_by = self.parse_optional::<Moment>(raw.return_by.as_ref());
        let secret_until = self.parse_optional::<Moment>(raw.secret_until.as_ref());
        let place = self.parse(&raw.offence.place);
        let accounts: Vec<_> =
            raw.accounts.get_ref().iter().filter_map(|name| self.account_named(name)).collect();
        for (empty, span, what) in [
            (raw.accounts.get_ref().is_empty(), raw.accounts.span(), "account"),
            (raw.classes.get_ref().is_empty(), raw.classes.span(), "data class"),
        ] {
            if empty {
                self.error(span, format!("a demand for no {what}")).help(format!("name at least one {what}"));
            }
        }
        let relates = raw.relates.map(|relation| {
            let demand = self.matter(&relation.demand)?;
            Some(Relation { kind: relation.kind, demand })
        });
        let executes = raw.executes.map(|executes| {
            let requesting = self.parse(&executes.requesting)?;
            Some(ExecutesRequest { requesting, treaty: executes.treaty, use_limit: executes.use_limit })
        });
        let demand = Demand {
            id: id?,
            version: raw.version.unwrap_or(1),
            instrument: raw.instrument,
            basis: raw.basis,
            issuing: issuing?,
            validating: inside_out(validating)?,
            enforcing: inside_out(enforcing)?,
            on_behalf_of: on_behalf_of?,
            served_on: served_on?,
            issued: issued?.time(),
            valid_until: valid_until?.map(Moment::time),
            return_by: return_by?.map(Moment::time),
            proof: raw.proof,
            offence: Offence {
                description: raw.offence.description,
                max_penalty_years: raw.offence.max_penalty_years,
                listed: raw.offence.listed,
                place: place?,
            },
            acts: raw.acts.unwrap_or_else(|| vec![Act::Disclose]),
            accounts,
            classes: raw.classes.into_inner(),
            range: raw.range,
            term: raw.term,
            emergency: raw.emergency,
            purpose: raw.purpose,
            secret_until: secret_until?.map(Moment::time),
            deliver_to: deliver_to?,
            relates: inside_out(relates)?,
            executes: inside_out(executes)?,
        };
        self.demands.insert(demand.id.clone(), demand.clone());
        Some(demand)
    }

    fn issued(&mut self, text: &Text, received: Option<Moment>) -> Option<Moment> {
        let issued: Moment = self.parse(text)?;
        if received.is_some_and(|received| received.time() < issued.time()) {
            self.error(text.span(), "issued after it was received")
                .help("a step's `at` is when the provider receives it");
            return None;
        }
        Some(issued)
    }

    fn order(&mut self, at: Option<Moment>, raw: RawOrder) -> Option<Action> {
        let matter = self.matter(&raw.matter);
        // Before its own id is taken in: an order cannot end itself.
        let ends = match &matter {
            Some(matter) => self.ended_papers(&raw, matter),
            None => None,
        };
        let id = matter.as_ref().and_then(|matter| self.new_paper(matter, &raw.id));
        let by = self.authority(&raw.by);
        let from = match &raw.from {
            Some(text) => self.parse(text),
            None => at,
        };
        let until = match &raw.until {
            Some(text) => inside_out(Some(self.parse_after(text, from.map(|from| (from, "its beginning"))))),
            None => Some(None),
        };
        let per_day = match &raw.per_day {
            Some(fine) if *raw.effect.get_ref() != OrderKind::Fines => {
                self.error(fine.span(), "an amount for each day in an order that does not fine")
                    .help("`per-day` goes with `effect = \"fines\"`");
                None
            }
            Some(fine) => self.per_day(fine.get_ref()).map(Some),
            None => Some(None),
        };
        let on = self.selector(&raw.items);
        let (per_day, ends) = (per_day?, ends?);
        let effect = match raw.effect.get_ref() {
            OrderKind::Compels => OrderEffect::Compels,
            OrderKind::Bars => OrderEffect::Bars,
            OrderKind::Suspends => OrderEffect::Suspends,
            OrderKind::Lifts => OrderEffect::Lifts(ends),
            OrderKind::Modifies => OrderEffect::Modifies,
            OrderKind::Vacates => OrderEffect::Vacates(ends),
            OrderKind::Quashes => OrderEffect::Quashes,
            OrderKind::Dismisses => OrderEffect::Dismisses,
            OrderKind::Fines => OrderEffect::Fines(per_day),
            OrderKind::Silences => OrderEffect::Silences,
            OrderKind::Unseals => OrderEffect::Unseals,
        };
        let order = Order {
            id: id?,
            by: by?,
            effect,
            on,
            from: from?.time(),
            until: until?.map(Moment::time),
            by_stipulation: raw.by_stipulation,
            conditions: raw.conditions,
        };
        let matter = matter?;
        self.check_competence(&matter, &order, raw.by.span());
        self.entered.entry(matter.clone()).or_default().push(Paper::Order(order.clone()));
        Some(Action::Order { matter, order })
    }

    /// Whoever plays the script would be refused the same. Of a demand that a treaty route will bring nothing is known
    /// yet.
    fn check_competence(&mut self, matter: &DemandId, order: &Order, by: Range<usize>) {
        let (Some(roster), Some(demand)) = (self.names.roster.as_deref(), self.demands.get(matter)) else {
            return;
        };
        let papers = self.entered.get(matter).map_or(&[][..], Vec::as_slice);
        if let Err(error) = check_order(roster, demand, papers, order) {
            self.error(by, error.to_string()).help(
                "who reviews whom, and what a body that is no court may order, stands in config/authorities: \
                 `reviewed-by`, `may-order`",
            );
        }
    }

    /// The papers an order ends: named by `lifts` and `vacates`, and by no other effect.
    fn ended_papers(&mut self, raw: &RawOrder, matter: &DemandId) -> Option<Vec<PaperId>> {
        let ending = matches!(raw.effect.get_ref(), OrderKind::Lifts | OrderKind::Vacates);
        match &raw.ends {
            Some(ends) if !ending => {
                self.error(ends.span(), "only an order that `lifts` or `vacates` ends others")
                    .help("to undo the demand itself, `effect = \"quashes\"`");
                None
            }
            Some(ends) if ends.get_ref().is_empty() => {
                self.error(ends.span(), "ends no order").help("name the orders it ends");
                None
            }
            Some(ends) => {
                let named: Vec<_> = ends.get_ref().iter().map(|text| self.paper(matter, text)).collect();
                named.into_iter().collect()
            }
            None if ending => {
                self.error(raw.effect.span(), "which orders does it end?")
                    .help("name them: `ends = [\"...\"]`; to undo the demand itself, `effect = \"quashes\"`");
                None
            }
            None => Some(Vec::new()),
        }
    }

    fn per_day(&mut self, raw: &RawPerDay) -> Option<PerDay> {
        let currency = raw.currency.get_ref();
        if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_uppercase()) {
            self.error(raw.currency.span(), format!("`{currency}` is not a currency"))
                .help("three upper-case letters (ISO 4217), such as `USD`");
            return None;
        }
        Some(PerDay { amount: raw.amount, currency: currency.clone() })
    }

    fn filing(&mut self, at: Option<Moment>, raw: RawFiling) -> Option<Action> {
        let matter = self.matter(&raw.matter);
        let id = matter.as_ref().and_then(|matter| self.new_paper(matter, &raw.id));
        let on = self.selector(&raw.items);
        let filing =
            Filing { id: id?, by: raw.by, kind: raw.kind, on, filed: at?.time(), suspends: raw.suspends };
        let matter = matter?;
        self.entered.entry(matter.clone()).or_default().push(Paper::Filing(filing.clone()));
        Some(Action::Filing { matter, filing })
    }

    fn route(&mut self, raw: RawRoute) -> Option<Action> {
        let matter = self.matter(&raw.matter);
        let answer = self.new_matter(&raw.answer);
        let by = self.authority(&raw.by);
        let on = self.selector(&raw.items);
        Some(Action::Route(RouteTaken { matter: matter?, by: by?, on, answer: answer? }))
    }
}
