//! An example that the solver found, as a demand that can be filed in a world, and put to the law as the gate would put
//! it. What the law then says is what is shown: an example that the engine does not confirm is no example.

use std::fmt::Write;

use cedar_policy::EvalResult;
use cedar_policy_core::ast::Expr;
use serde::Serialize;

use super::query::Query;
use super::scene::{Cast, Scene};
use super::solver::Model;
use crate::clock::{Date, SimTime};
use crate::demand::{
    Act, DateRange, Demand, ExecutesRequest, Item, Offence, Place, ProofLevel, Purpose, Term,
};
use crate::diagnostic::SourceFile;
use crate::law::names::{PROOFS, TERMS, term_str};
use crate::law::vocabulary::day_from_number;
use crate::law::{Asking, HolderRecord, Law, Position, Question, Role};
use crate::world::{
    Address, AuthorityId, AuthorityKind, Country, DataClass, Jurisdiction, RegionId, World, WorldChanges,
};

/// A demand on which a law holds what a claim says it never does, or says it can.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Example {
    /// The law that was asked, with what it holds.
    pub position: Position,
    pub question: Question,
    pub demand: Demand,
    /// The class of data that it turns on.
    pub class: DataClass,
    pub act: Act,
    /// Where the only copy rests.
    pub region: RegionId,
    pub holder: HolderRecord,
    /// When it is received and decided.
    pub received: SimTime,
    /// How the world differs from the one that was started from: the `[world]` of a scenario.
    pub world: String,
}

/// The mailbox that every example is about.
const HOLDER: &str = "holder";

impl Example {
    /// Casts a model in a world, and asks the law; none if the world cannot bring it about, or the law says otherwise.
    pub(super) fn of(
        law: &Law,
        world: &World,
        query: &Query,
        formula: &Expr,
        scene: &Scene,
        model: &Model,
    ) -> Option<Example> {
        let cast = scene.cast(model, formula)?;
        let facts = Loose { model };
        let (class, purpose) = query.class();
        let country = world.roster().authority(&cast.issuer).ok()?.country().clone();
        let mut changes = String::new();
        let validating = facts.validator().map(|kind| {
            let id = "approving-authority";
            new_authority(&mut changes, id, kind, &country);
            id.parse::<AuthorityId>()
        });
        let validating = validating.transpose().ok()?;
        let enforcing = facts.flag("enforcing_notified").then(|| {
            let at = world.provider().entity(&cast.served).map_or(&country, |entity| entity.home());
            new_authority(&mut changes, "notified-authority", AuthorityKind::Ministry, at);
            "notified-authority".parse::<AuthorityId>()
        });
        let enforcing = enforcing.transpose().ok()?;
        write!(
            changes,
            "[[world.placement.{class}]]\nrests-in = [{{ region = \"{}\" }}]\nsource = \"modelling choice\"\n",
            cast.region
        )
        .ok()?;
        let received = noon(scene.day);
        let issued = facts.day("issued").unwrap_or(scene.day);
        let demand = Demand {
            id: "example".parse().ok()?,
            version: 1,
            instrument: model.instrument.parse().ok()?,
            basis: "made up for this example".to_owned(),
            issuing: cast.issuer.clone(),
            validating,
            enforcing,
            on_behalf_of: country.clone(),
            served_on: cast.served.clone(),
            // Before it is received, and on the same day everywhere that a law book speaks for.
            issued: SimTime::from_unix_seconds(noon(issued).unix_seconds() - 3 * 3600),
            valid_until: None,
            return_by: None,
            proof: facts.proof(),
            offence: Offence {
                description: "an offence".to_owned(),
                max_penalty_years: facts.number("offence_years").unwrap_or(5),
                listed: facts.flag("offence_listed"),
                place: cast.offence.clone(),
            },
            acts: acts(query.act, facts.flag("secrecy_ordered")),
            accounts: accounts(world, facts.flag("many_subjects"))?,
            classes: vec![class],
            range: DateRange::ALL,
            term: facts.term(),
            purpose,
            emergency: facts.flag("emergency"),
            secret_until: None,
            deliver_to: cast.issuer.clone(),
            relates: None,
            executes: cast.executes_for.as_ref().map(|requesting| ExecutesRequest {
                requesting: requesting.clone(),
                treaty: "a treaty on assistance".to_owned(),
                use_limit: "this case only".to_owned(),
            }),
        };
        let holder = HolderRecord {
            declared_country: cast.declared.clone(),
            residence: cast.residence.clone(),
            nationality: cast.nationality.clone(),
            role: Role::Unknown,
            enterprise: false,
        };
        confirmed(law, world, query, Parts { demand, holder, cast, received, changes, class })
    }

    /// The name of the account holder in the script that shows the example.
    pub fn holder_names(&self) -> impl Iterator<Item = (String, &Address)> {
        let name =
            |place: usize| if place == 0 { HOLDER.to_owned() } else { format!("{HOLDER}-{}", place + 1) };
        self.demand.accounts.iter().enumerate().map(move |(place, address)| (name(place), address))
    }

    /// The law that was asked.
    pub fn law(&self) -> &Jurisdiction {
        &self.position.jurisdiction
    }
}

struct Parts {
    demand: Demand,
    holder: HolderRecord,
    cast: Cast,
    received: SimTime,
    changes: String,
    class: DataClass,
}

/// Asks the law in the changed world, as the gate asks it.
fn confirmed(law: &Law, world: &World, query: &Query, parts: Parts) -> Option<Example> {
    let Parts { demand, holder, cast, received, changes, class } = parts;
    let file = SourceFile::new("example.toml", changes.clone());
    let world = world.with(&WorldChanges::read(&file, &["world"]).ok()?).ok()?;
    let item = Item {
        account: demand.accounts.first()?.clone(),
        class,
        range: DateRange::ALL,
        place: Place::Region(cast.region.clone()),
    };
    let asking = Asking {
        world: &world,
        demand: &demand,
        act: query.act,
        item: &item,
        holder: &holder,
        consent: false,
        cleared: false,
        extensions: 0,
        received,
        decided: received,
    };
    let question = asking.question().ok()?;
    let position = law.position(query.law, &question);
    let as_found = query.kinds.is_empty() || query.kinds.contains(&position.kind);
    let by_rule = !query.kinds.is_empty()
        || position.rules.iter().any(|hit| query.rules.iter().any(|rule| rule.rule.id == hit.id));
    let asked = asking.concerned().contains(query.law);
    (as_found && by_rule && asked).then_some(Example {
        position,
        question,
        demand,
        class,
        act: query.act,
        region: cast.region,
        holder,
        received,
        world: changes,
    })
}

fn new_authority(changes: &mut String, id: &str, kind: AuthorityKind, country: &Country) {
    changes.push_str(&format!(
        "[world.authorities.{id}]\nname = \"The {} authority of the example\"\ncountry = \"{country}\"\nkind = \"{kind}\"\n\n",
        id.trim_end_matches("-authority")
    ));
}

fn acts(act: Act, secret: bool) -> Vec<Act> {
    if secret && act != Act::KeepSecret { vec![act, Act::KeepSecret] } else { vec![act] }
}

fn accounts(world: &World, several: bool) -> Option<Vec<Address>> {
    let domain = world.provider().domains().iter().next()?;
    let names = if several { vec!["holder", "another-holder"] } else { vec!["holder"] };
    names.into_iter().map(|name| format!("{name}@{domain}").parse().ok()).collect()
}

/// Noon in UTC is the same day in every place that has a law book.
fn noon(day: Date) -> SimTime {
    SimTime::start_of(day, &jiff::tz::TimeZone::UTC).plus_seconds(12 * 3600)
}

/// The facts of a model that a demand can have as it likes.
struct Loose<'m> {
    model: &'m Model,
}

impl Loose<'_> {
    fn flag(&self, name: &str) -> bool {
        matches!(self.model.facts.get(name), Some(EvalResult::Bool(true)))
    }

    fn number(&self, name: &str) -> Option<u32> {
        match self.model.facts.get(name) {
            Some(EvalResult::Long(number)) => u32::try_from(*number).ok(),
            _ => None,
        }
    }

    fn day(&self, name: &str) -> Option<Date> {
        match self.model.facts.get(name) {
            Some(EvalResult::Long(number)) => day_from_number(*number),
            _ => None,
        }
    }

    fn word(&self, name: &str) -> Option<&str> {
        match self.model.facts.get(name) {
            Some(EvalResult::EntityUid(uid)) => Some(uid.id().unescaped()),
            _ => None,
        }
    }

    fn proof(&self) -> ProofLevel {
        let found =
            self.word("proof").and_then(|word| PROOFS.into_iter().find(|proof| proof.as_str() == word));
        found.unwrap_or(ProofLevel::ProbableCause)
    }

    fn term(&self) -> Term {
        let found = self.word("term").and_then(|word| TERMS.into_iter().find(|term| term_str(*term) == word));
        found.unwrap_or_default()
    }

    fn validator(&self) -> Option<AuthorityKind> {
        let word = self.word("validator")?;
        AuthorityKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Unused where a class has no purpose of its own.
pub(super) fn purpose_words(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Evidence => "as evidence",
        Purpose::Identify => "only to identify the user",
    }
}
