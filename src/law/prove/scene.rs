//! Which facts can stand together in one world on one day.
//!
//! A solver that is asked for a counter-example makes one up out of loose facts: an issuer in no country, a copy that
//! rests in half a bloc. Here the world says which combinations there are (its authorities, its regions, its entities,
//! its treaties on that day), so that the example that is shown is a demand that can be filed.

use std::collections::BTreeSet;

use cedar_policy::EvalResult;
use cedar_policy_core::ast::{Expr, Var};

use super::formula::{
    all, any, day, equals, fact, facts_of, holds, is, not, number, set_is, var_in, var_is, word, yes,
};
use super::solver::Model;
use crate::clock::Date;
use crate::demand::{Act, InstrumentKind};
use crate::law::question::Codes;
use crate::law::{Treaties, codes};
use crate::world::{
    Authority, AuthorityId, Country, Entity, EntityId, EntityRelation, Jurisdiction, RegionId, World,
};

/// The value of a fact in one of several possible cases.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Set(BTreeSet<String>),
    Text(String),
    Word(&'static str, &'static str),
    Flag(bool),
}

impl Value {
    fn of(codes: &Codes) -> Self {
        Value::Set(codes.iter().map(|code| code.as_str().to_owned()).collect())
    }

    fn formula(&self, name: &str) -> Expr {
        match self {
            Value::Set(members) => set_is(name, members.iter().map(String::as_str)),
            Value::Text(text) => equals(name, Expr::val(text.as_str())),
            Value::Word(type_name, member) => equals(name, word(type_name, member)),
            Value::Flag(value) => is(name, *value),
        }
    }

    fn is(&self, found: &EvalResult) -> bool {
        match (self, found) {
            (Value::Set(members), EvalResult::Set(found)) => {
                let found: BTreeSet<&str> = found
                    .iter()
                    .filter_map(|member| match member {
                        EvalResult::String(text) => Some(text.as_str()),
                        _ => None,
                    })
                    .collect();
                members.iter().map(String::as_str).collect::<BTreeSet<_>>() == found
            }
            (Value::Text(text), EvalResult::String(found)) => text == found,
            (Value::Word(_, member), EvalResult::EntityUid(found)) => found.id().unescaped() == *member,
            (Value::Flag(value), EvalResult::Bool(found)) => value == found,
            _ => false,
        }
    }
}

/// One thing of the world that a case can have, with the facts that come of it.
#[derive(Clone, Debug)]
struct Choice<T> {
    thing: T,
    facts: Vec<(&'static str, Value)>,
    /// Something that is not a fact has to hold as well.
    and: Option<Expr>,
}

fn plain<T>(thing: T, facts: Vec<(&'static str, Value)>) -> Choice<T> {
    Choice { thing, facts, and: None }
}

/// Things of which a case has one.
struct Choices<T>(Vec<Choice<T>>);

impl<T: Clone> Choices<T> {
    /// Limits the facts that matter to what one of the things brings about.
    fn formula(&self, matter: &BTreeSet<String>) -> Expr {
        let mut seen: Vec<Expr> = Vec::new();
        for choice in &self.0 {
            let facts = choice.facts.iter().filter(|(name, _)| matter.contains(*name));
            let one = all(facts.map(|(name, value)| value.formula(name)).chain(choice.and.clone()));
            if !seen.iter().any(|other| other.eq_shape(&one)) {
                seen.push(one);
            }
        }
        any(seen)
    }

    /// The first thing that brings about the facts of a model.
    fn chosen(&self, model: &Model, matter: &BTreeSet<String>, fits: impl Fn(&T) -> bool) -> Option<T> {
        let agrees = |choice: &&Choice<T>| {
            let mut facts = choice.facts.iter().filter(|(name, _)| matter.contains(*name));
            facts.all(|(name, value)| model.facts.get(*name).is_some_and(|found| value.is(found)))
        };
        self.0.iter().filter(agrees).map(|choice| choice.thing.clone()).find(|thing| fits(thing))
    }
}

/// The demanding state, and the one whose request it carries out.
type States = (Country, Option<Country>);

/// What a world can bring about on a day.
pub(super) struct Scene<'w> {
    world: &'w World,
    pub(super) day: Date,
    /// The law that has to be asked for its position.
    law: Jurisdiction,
    issuers: Choices<AuthorityId>,
    states: Choices<States>,
    regions: Choices<RegionId>,
    served: Choices<EntityId>,
    residence: Choices<Option<Country>>,
    nationality: Choices<Option<Country>>,
    declared: Choices<Country>,
    offence: Choices<Country>,
    constants: Vec<(&'static str, Value)>,
}

/// The things of the world that make up a case.
#[derive(Clone, Debug)]
pub(super) struct Cast {
    pub(super) issuer: AuthorityId,
    pub(super) executes_for: Option<Country>,
    pub(super) region: RegionId,
    pub(super) served: EntityId,
    pub(super) residence: Option<Country>,
    pub(super) nationality: Option<Country>,
    pub(super) declared: Country,
    pub(super) offence: Country,
}

impl<'w> Scene<'w> {
    pub(super) fn set(world: &'w World, law: &Jurisdiction, day: Date) -> Self {
        let with_blocs = |countries: &BTreeSet<&Country>| codes(world, countries.iter().copied(), day);
        let one = |country: &Country| with_blocs(&BTreeSet::from([country]));
        let provider = world.provider();
        let entities: Vec<&Entity> = provider.entities().collect();
        let trustee = |entity: &&&Entity| entity.relation() == EntityRelation::IndependentTrustee;
        let own: Vec<&Entity> = entities.iter().filter(|entity| !trustee(entity)).copied().collect();

        let authorities: Vec<&Authority> = world.roster().authorities().collect();
        let issuers = authorities.iter().map(|authority| issuer(world, authority, one(authority.country())));
        let demanding: BTreeSet<&Country> = authorities.iter().map(|authority| authority.country()).collect();
        let mut states = Vec::new();
        for demanding_state in &demanding {
            for requesting in [None].into_iter().chain(demanding.iter().map(Some)) {
                if requesting == Some(demanding_state) {
                    continue;
                }
                let state = requesting.unwrap_or(demanding_state);
                let treaties = Treaties::on(world, state, day);
                let facts = vec![
                    ("on_behalf_of", Value::Text(demanding_state.as_str().to_owned())),
                    ("executes_for", Value::Text(requesting.map_or("", |state| state.as_str()).to_owned())),
                    ("mlat_with", Value::of(&treaties.mlat_with)),
                    ("agreement_with", Value::of(&treaties.agreement_with)),
                ];
                // A local order carries out a request; nothing else does.
                let local = var_is(Var::Principal, "Instrument", InstrumentKind::LocalOrder.as_str());
                let and = Some(if requesting.is_some() { local } else { not(local) });
                let thing = ((*demanding_state).clone(), requesting.map(|state| (*state).clone()));
                states.push(Choice { thing, facts, and });
            }
        }
        let regions = world.regions().map(|region| {
            let fetching = entities.iter().filter(|entity| entity.retrievable_from().contains(region.id()));
            let from = fetching.flat_map(|entity| entity.established_in().iter().chain([entity.home()]));
            let facts = vec![
                ("rests_in", Value::of(&one(region.country()))),
                ("retrievable_from", Value::of(&with_blocs(&from.collect()))),
                ("custody", Value::Word("Custody", region.key_custody().as_str())),
            ];
            plain(region.id().clone(), facts)
        });
        let served = entities.iter().map(|entity| {
            let found = entity.established_in().iter().chain([entity.home()]).collect();
            plain(entity.id().clone(), vec![("served_in", Value::of(&with_blocs(&found)))])
        });
        // Where somebody lives, or what passport somebody holds, matters where there is an authority, or nowhere.
        let countries: Vec<&Country> = demanding.iter().copied().collect();
        let person = |set: &'static str, known: &'static str| {
            let unknown = plain(None, vec![(set, Value::of(&Codes::new())), (known, Value::Flag(false))]);
            let known = countries.iter().map(|country| {
                let facts = vec![(set, Value::of(&one(country))), (known, Value::Flag(true))];
                plain(Some((*country).clone()), facts)
            });
            Choices([unknown].into_iter().chain(known).collect())
        };
        let place = |name: &'static str| {
            let each = countries.iter().map(|c| plain((*c).clone(), vec![(name, Value::of(&one(c)))]));
            Choices(each.collect())
        };
        let constants = vec![
            ("home_in", Value::of(&one(provider.head_office().home()))),
            (
                "established_in",
                Value::of(&with_blocs(&own.iter().flat_map(|e| e.established_in()).collect())),
            ),
            ("offers_in", Value::of(&with_blocs(&own.iter().flat_map(|e| e.offers_in()).collect()))),
            ("rests_known", Value::Flag(true)),
            ("moving", Value::Flag(false)),
            ("cleared", Value::Flag(false)),
            ("consent", Value::Flag(false)),
            ("enterprise", Value::Flag(false)),
            ("role", Value::Word("Role", "unknown")),
        ];
        Scene {
            world,
            day,
            law: law.clone(),
            issuers: Choices(issuers.collect()),
            states: Choices(states),
            regions: Choices(regions.collect()),
            served: Choices(served.collect()),
            residence: person("resides_in", "residence_known"),
            nationality: person("national_of", "nationality_known"),
            declared: place("declared_in"),
            offence: place("offence_in"),
            constants,
        }
    }

    /// Limits a formula to what can be on this day, where everything happens on it but the issue, which was on one of
    /// `issued`.
    pub(super) fn limit(&self, formula: &Expr, act: Act, issued: &BTreeSet<Date>) -> Expr {
        let matter = matter(formula);
        let choices = [
            self.issuers.formula(&matter),
            self.states.formula(&matter),
            self.regions.formula(&matter),
            self.served.formula(&matter),
            self.residence.formula(&matter),
            self.nationality.formula(&matter),
            self.declared.formula(&matter),
            self.offence.formula(&matter),
        ];
        let constants = self.constants.iter().filter(|(name, _)| matter.contains(*name));
        let constants: Vec<Expr> = constants.map(|(name, value)| value.formula(name)).collect();
        let today = ["received", "decided", "executed"].map(|name| equals(name, day(self.day)));
        let counted = [equals("days_since_received", number(0)), equals("extensions", number(0))];
        let issued = any(issued.iter().map(|on| equals("issued", day(*on))));
        let years = all([
            Expr::lesseq(number(0), fact("offence_years")),
            Expr::lesseq(fact("offence_years"), number(40)),
        ]);
        // Who is asked to keep silent is by that demand banned from telling.
        let secret = if act == Act::KeepSecret { is("secrecy_ordered", true) } else { yes() };
        all([formula.clone()]
            .into_iter()
            .chain(choices)
            .chain(constants)
            .chain(today)
            .chain(counted)
            .chain([issued, years, secret, self.asked()]))
    }

    /// The gate asks the law of the demanding state, of the served entity, of head office and of where the copy rests.
    fn asked(&self) -> Expr {
        let code = self.law.as_str();
        let head_office = self.world.provider().head_office().home();
        if codes(self.world, [head_office], self.day).contains(&self.law) {
            return yes();
        }
        any(["issuing_in", "rests_in", "served_in"].map(|name| holds(name, code)))
    }

    /// The things that bring about the facts of a model.
    pub(super) fn cast(&self, model: &Model, formula: &Expr) -> Option<Cast> {
        let matter = matter(formula);
        let instrument: InstrumentKind = model.instrument.parse().ok()?;
        let authority = |id: &AuthorityId| self.world.roster().authority(id);
        let (state, executes_for) = self.states.chosen(model, &matter, |(state, requesting)| {
            let local = instrument == InstrumentKind::LocalOrder;
            requesting.is_some() == local
                && self
                    .issuers
                    .chosen(model, &matter, |id| {
                        authority(id).is_ok_and(|a| a.country() == state && a.may_issue(instrument))
                    })
                    .is_some()
        })?;
        let issuer = self.issuers.chosen(model, &matter, |id| {
            authority(id).is_ok_and(|a| *a.country() == state && a.may_issue(instrument))
        })?;
        let provider = self.world.provider();
        let region = self.regions.chosen(model, &matter, |_| true)?;
        // An entity that is at home in the law that is asked, if there is a choice.
        let at_home = |id: &EntityId| {
            provider.entity(id).is_ok_and(|e| codes(self.world, [e.home()], self.day).contains(&self.law))
        };
        let served = self
            .served
            .chosen(model, &matter, at_home)
            .or_else(|| self.served.chosen(model, &matter, |_| true))?;
        Some(Cast {
            issuer,
            executes_for,
            region,
            served,
            residence: self.residence.chosen(model, &matter, |_| true)?,
            nationality: self.nationality.chosen(model, &matter, |_| true)?,
            declared: self
                .declared
                .chosen(model, &matter, |c| *c == state)
                .or_else(|| self.declared.chosen(model, &matter, |_| true))?,
            offence: self
                .offence
                .chosen(model, &matter, |c| *c == state)
                .or_else(|| self.offence.chosen(model, &matter, |_| true))?,
        })
    }
}

/// An authority as an issuer, with what it may issue.
fn issuer(world: &World, authority: &Authority, issuing_in: Codes) -> Choice<AuthorityId> {
    let mut bound_by: BTreeSet<String> =
        world.roster().above(authority.id()).iter().map(|court| court.as_str().to_owned()).collect();
    if authority.binds_itself() {
        bound_by.insert(authority.id().as_str().to_owned());
    }
    let instruments = authority.instruments().iter().map(|instrument| instrument.as_str());
    Choice {
        thing: authority.id().clone(),
        facts: vec![
            ("issuer", Value::Word("Issuer", authority.kind().as_str())),
            ("issuing_in", Value::of(&issuing_in)),
            ("bound_by", Value::Set(bound_by)),
            ("on_behalf_of", Value::Text(authority.country().as_str().to_owned())),
        ],
        and: Some(var_in(Var::Principal, "Instrument", instruments)),
    }
}

/// The facts that matter to a formula, and those that the choices tie to them.
fn matter(formula: &Expr) -> BTreeSet<String> {
    let mut matter: BTreeSet<String> = facts_of(formula).into_iter().map(str::to_owned).collect();
    // Whoever issues it belongs to the state on whose behalf it is, and so do its treaties.
    matter.extend(["issuing_in", "on_behalf_of", "rests_in", "served_in", "home_in"].map(str::to_owned));
    matter
}
