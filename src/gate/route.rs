//! The treaty route: a queue of institutions on the simulated clock.
//!
//! A request travels from desk to desk. How long it lies on each is read from the world's table at one percentile,
//! drawn once for the whole request. At one desk a court of the requested state makes an order on the provider's
//! establishment there; that order is a demand like any other, and the gate decides it by the law like any other.

use serde::{Deserialize, Serialize};

use super::order::Selector;
use crate::clock::SimTime;
use crate::demand::{
    Act, DateRange, Demand, DemandId, ExecutesRequest, Item, ProofLevel, Purpose, Relation, RelationKind,
    Term,
};
use crate::entropy::Entropy;
use crate::world::{AuthorityId, Country, EntityId, Percentile, Route, World};

/// One step of a request along the treaty route.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "step")]
pub enum RouteMove {
    /// The authority takes the route for some items.
    Taken {
        by: AuthorityId,
        treaty: String,
        requesting: Country,
        requested: Country,
        /// Of 100 requests, how many are no slower.
        percentile: u8,
        on: Selector,
        /// The name the local order will bear.
        answer: DemandId,
    },
    /// The request reached a desk, where it lies until `until`.
    Reached { stage: String, institution: AuthorityId, until: SimTime },
    /// A court of the requested state made its order.
    Ordered { order: DemandId, by: AuthorityId },
    /// The order did not lead to a production; the request ends here.
    Failed { why: String },
    /// What was produced came back to the requesting authority, under a use limit.
    Completed { use_limit: String },
}

/// How far a request has come.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RouteState {
    pub by: Option<AuthorityId>,
    pub treaty: String,
    pub requesting: Option<Country>,
    pub requested: Option<Country>,
    pub percentile: u8,
    pub on: Selector,
    pub answer: Option<DemandId>,
    pub taken: SimTime,
    /// The desk it lies on, and until when.
    pub desk: Option<(String, SimTime)>,
    pub ordered: bool,
    pub ended: Option<RouteEnd>,
}

/// How a request ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteEnd {
    Completed { at: SimTime, use_limit: String },
    Failed { at: SimTime, why: String },
}

impl RouteState {
    /// The state after one more step.
    pub fn after(before: Option<RouteState>, step: RouteMove, at: SimTime) -> Self {
        let mut state = before.unwrap_or(RouteState {
            by: None,
            treaty: String::new(),
            requesting: None,
            requested: None,
            percentile: 50,
            on: Selector::default(),
            answer: None,
            taken: at,
            desk: None,
            ordered: false,
            ended: None,
        });
        match step {
            RouteMove::Taken { by, treaty, requesting, requested, percentile, on, answer } => {
                state = RouteState {
                    by: Some(by),
                    treaty,
                    requesting: Some(requesting),
                    requested: Some(requested),
                    percentile,
                    on,
                    answer: Some(answer),
                    taken: at,
                    desk: None,
                    ordered: false,
                    ended: None,
                };
            }
            RouteMove::Reached { stage, until, .. } => state.desk = Some((stage, until)),
            RouteMove::Ordered { .. } => state.ordered = true,
            RouteMove::Failed { why } => {
                state.desk = None;
                state.ended = Some(RouteEnd::Failed { at, why });
            }
            RouteMove::Completed { use_limit } => {
                state.desk = None;
                state.ended = Some(RouteEnd::Completed { at, use_limit });
            }
        }
        state
    }

    /// When the request leaves the desk it lies on; at once where a crash kept it from reaching the first.
    pub fn due(&self) -> Option<SimTime> {
        match &self.desk {
            Some((_, until)) => Some(*until),
            None => self.ended.is_none().then_some(self.taken),
        }
    }

    /// True if the route was taken for this item.
    pub fn covers(&self, item: &Item) -> bool {
        self.on.selects(item)
    }

    fn path<'w>(&self, world: &'w World) -> Option<&'w Route> {
        world.route(self.requesting.as_ref()?, self.requested.as_ref()?)
    }
}

/// Why the treaty route cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRoute {
    #[error("nothing of this demand that is still open rests in another state")]
    NothingAbroad,
    #[error("no treaty between {0} and {1} is in force on that day")]
    NoTreaty(Country, Country),
    #[error("the stages of a request from {0} to {1} are not written down; add them to config/routes.toml")]
    NoStages(Country, Country),
    #[error("a request of this matter is under way already")]
    UnderWay,
}

/// What an authority asks when it takes the treaty route.
pub struct Request<'a> {
    pub demand: &'a Demand,
    pub requested: &'a Country,
    pub by: &'a AuthorityId,
    pub on: Selector,
    /// The name the local order will bear.
    pub answer: DemandId,
    pub now: SimTime,
}

/// The first two steps: taken, and on the first desk. The percentile is drawn for this request alone.
pub fn take(world: &World, request: &Request<'_>, entropy: &Entropy) -> Result<[RouteMove; 2], NoRoute> {
    let Request { demand, requested, by, on, answer, now } = request;
    let requested = *requested;
    let requesting = &demand.on_behalf_of;
    let date = now.date_utc();
    let treaty = world
        .mlat_between(requesting, requested, date)
        .ok_or_else(|| NoRoute::NoTreaty(requesting.clone(), requested.clone()))?;
    let no_stages = || NoRoute::NoStages(requesting.clone(), requested.clone());
    let route = world.route(requesting, requested).ok_or_else(no_stages)?;
    let first = route.stages().first().ok_or_else(no_stages)?;
    let label = format!("{}/{}", demand.issuing, demand.id);
    // Between 5 and 95 of 100, so that no demonstration draws a request that outlives its case.
    let percentile = 5 + entropy.draw::<1>("treaty request percentile", label.as_bytes())[0] % 91;
    let percentile = Percentile::new(percentile).expect("between 5 and 95");
    Ok([
        RouteMove::Taken {
            by: (*by).clone(),
            treaty: treaty.title().to_owned(),
            requesting: requesting.clone(),
            requested: requested.clone(),
            percentile: percentile.get(),
            on: on.clone(),
            answer: answer.clone(),
        },
        RouteMove::Reached {
            stage: first.name().to_owned(),
            institution: first.institution().clone(),
            until: now.plus_seconds(first.seconds(percentile)),
        },
    ])
}

/// What happens when a request leaves the desk it lies on.
pub enum Next {
    /// It goes on.
    Moves(RouteMove),
    /// A court of the requested state makes this order, and then the request goes on.
    Orders(Box<Demand>, RouteMove),
}

/// What became of the local order that answers a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LocalOrder {
    /// Something of it may still be handed over.
    Open,
    /// What it was to be answered with was handed over, as far as it is going to be.
    Answered,
    /// Nothing was, for this reason.
    Refused(String),
}

/// Works out the next step of a request whose time on its desk is up. `local` says what became of the local order, if one
/// was received. `None` if the request has ended, or lies there until the order is answered.
pub fn next(
    world: &World,
    demand: &Demand,
    state: &RouteState,
    local: Option<LocalOrder>,
    served_on: Option<&EntityId>,
    now: SimTime,
) -> Option<Next> {
    if state.ended.is_some() {
        return None;
    }
    let route = state.path(world)?;
    let Some((desk, at)) = state.desk.as_ref() else {
        let first = route.stages().first()?;
        return Some(Next::Moves(RouteMove::Reached {
            stage: first.name().to_owned(),
            institution: first.institution().clone(),
            until: state.taken.plus_seconds(first.seconds(Percentile::new(state.percentile)?)),
        }));
    };
    let place = route.stages().iter().position(|stage| stage.name() == desk)?;
    let order = route.order();
    match &local {
        Some(LocalOrder::Refused(why)) => {
            return Some(Next::Moves(RouteMove::Failed { why: why.clone() }));
        }
        // The desk that brought the order about passes the request on; the next ones wait for what it brings.
        Some(LocalOrder::Open) if order.after_stage != *desk => return None,
        _ => {}
    }
    let onward = match route.stages().get(place + 1) {
        Some(stage) => RouteMove::Reached {
            stage: stage.name().to_owned(),
            institution: stage.institution().clone(),
            // One that was held up reaches the next desk late.
            until: (*at).max(now).plus_seconds(stage.seconds(Percentile::new(state.percentile)?)),
        },
        None => RouteMove::Completed { use_limit: route.use_limit().to_owned() },
    };
    // An order that is in the record and was not received: a crash came in between, and it is made again.
    if order.after_stage != *desk || (state.ordered && local.is_some()) {
        return Some(Next::Moves(onward));
    }
    let Some(served_on) = served_on else {
        let why = format!("the provider has no establishment in {} to serve an order on", route.requested());
        return Some(Next::Moves(RouteMove::Failed { why }));
    };
    let local = Demand {
        id: state.answer.clone()?,
        version: 1,
        instrument: order.instrument,
        basis: order.basis.clone(),
        issuing: order.issued_by.clone(),
        validating: None,
        enforcing: None,
        on_behalf_of: route.requested().clone(),
        served_on: served_on.clone(),
        issued: *at,
        valid_until: None,
        return_by: None,
        proof: ProofLevel::ReasonableGrounds,
        offence: demand.offence.clone(),
        acts: vec![Act::Disclose],
        accounts: demand.accounts.clone(),
        classes: demand
            .classes
            .iter()
            .copied()
            .filter(|class| state.on.classes.is_empty() || state.on.classes.contains(class))
            .collect(),
        range: DateRange { from: demand.range.from, to: demand.range.to },
        term: Term::Stored,
        purpose: Purpose::Evidence,
        emergency: false,
        secret_until: None,
        deliver_to: order.deliver_to.clone(),
        relates: Some(Relation { kind: RelationKind::Confirms, demand: demand.id.clone() }),
        executes: Some(ExecutesRequest {
            requesting: route.requesting().clone(),
            treaty: state.treaty.clone(),
            use_limit: route.use_limit().to_owned(),
        }),
    };
    Some(Next::Orders(Box::new(local), onward))
}
