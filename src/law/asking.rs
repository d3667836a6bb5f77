//! From one item of a demand to the question the law is asked, and to the laws that are asked it.
//!
//! Head office and a region both come through here, so that they cannot differ by asking differently; they can
//! only differ in what they know of the account holder, and each uses its own knowledge.

use serde::{Deserialize, Serialize};

use super::facts::{Case, codes};
use super::question::{Facts, Holder, Question, Role, Treaties};
use crate::clock::{Date, SimTime};
use crate::demand::{Act, Demand, Item};
use crate::world::{Country, Jurisdiction, UnknownName, World};

/// What is known of an account holder: the subscriber record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HolderRecord {
    /// What was declared at sign-up. Nobody checked it.
    pub declared_country: Country,
    #[serde(default)]
    pub residence: Option<Country>,
    #[serde(default)]
    pub nationality: Option<Country>,
    #[serde(default = "unknown_role")]
    pub role: Role,
    #[serde(default)]
    pub enterprise: bool,
}

fn unknown_role() -> Role {
    Role::Unknown
}

/// One act on one item of a demand, at one moment.
#[derive(Clone, Debug)]
pub struct Asking<'a> {
    pub world: &'a World,
    pub demand: &'a Demand,
    pub act: Act,
    pub item: &'a Item,
    pub holder: &'a HolderRecord,
    /// The account holder has consented to disclosure.
    pub consent: bool,
    /// The authority that was sent a copy said that nothing stands in the way.
    pub cleared: bool,
    /// How often the term of the demand was extended.
    pub extensions: u32,
    pub received: SimTime,
    pub decided: SimTime,
}

impl Asking<'_> {
    /// The question itself, with every fact a rule may look at. An authority, entity or region that is not of this
    /// world is an error: there is no law to ask about it.
    pub fn question(&self) -> Result<Question, UnknownName> {
        self.question_under(Treaties::of(self.world, self.demand, self.date()))
    }

    /// The same for who has looked up already what was in force on the day: [`Treaties::of`] the demand.
    pub fn question_under(&self, treaties: Treaties) -> Result<Question, UnknownName> {
        let case = Case {
            place: &self.item.place,
            holder: self.holder_facts(),
            treaties,
            received: self.received,
            decided: self.decided,
            executed: None,
            secrecy_ordered: self.secrecy_ordered(),
            cleared: self.cleared,
            extensions: self.extensions,
        };
        Ok(Question {
            act: self.act,
            instrument: self.demand.instrument,
            class: self.item.class,
            purpose: self.demand.purpose,
            facts: Facts::gather(self.world, self.demand, case)?,
        })
    }

    /// The jurisdictions that may have something to say: the state on whose behalf the demand is made, the home of
    /// the entity that was served, that of head office, which can order all the others, and every country where a copy rests, each with its blocs.
    pub fn concerned(&self) -> Vec<Jurisdiction> {
        let mut countries = vec![&self.demand.on_behalf_of];
        let served = self.world.provider().entity(&self.demand.served_on).ok();
        countries.extend(served.map(|entity| entity.home()));
        countries.push(self.world.provider().head_office().home());
        countries.extend(self.places());
        let mut concerned = Vec::new();
        for country in countries {
            let own = Jurisdiction::from(country);
            for code in [own].into_iter().chain(codes(self.world, [country], self.date())) {
                if !concerned.contains(&code) {
                    concerned.push(code);
                }
            }
        }
        concerned
    }

    /// True if every copy rests outside the demanding state; false where nobody knows.
    pub fn only_abroad(&self) -> bool {
        let mut places = self.places().peekable();
        places.peek().is_some() && places.all(|country| country != &self.demand.on_behalf_of)
    }

    /// The treaty through which the demanding state could ask the state where the item rests, on the day.
    pub fn treaty_route(&self) -> Option<String> {
        let state = &self.demand.on_behalf_of;
        self.places()
            .filter(|place| *place != state)
            .find_map(|place| self.world.mlat_between(state, place, self.date()))
            .map(|treaty| treaty.title().to_owned())
    }

    /// True while a ban that the demand itself asks for runs. Whether its issuer can ban anything is for the law.
    fn secrecy_ordered(&self) -> bool {
        self.demand.acts.contains(&Act::KeepSecret)
            && self.demand.secret_until.is_none_or(|until| self.decided < until)
    }

    fn holder_facts(&self) -> Holder {
        let HolderRecord { declared_country, residence, nationality, role, enterprise } = self.holder;
        let with_blocs = |country: Option<&Country>| codes(self.world, country, self.date());
        Holder {
            resides_in: with_blocs(residence.as_ref()),
            residence_known: residence.is_some(),
            national_of: with_blocs(nationality.as_ref()),
            nationality_known: nationality.is_some(),
            declared_in: with_blocs(Some(declared_country)),
            role: *role,
            enterprise: *enterprise,
            consent: self.consent,
        }
    }

    fn places(&self) -> impl Iterator<Item = &Country> {
        let regions = self.item.place.regions().iter();
        regions.filter_map(|region| self.world.region(region).ok()).map(|region| region.country())
    }

    /// Which countries belong to which bloc is asked for the day of the decision.
    fn date(&self) -> Date {
        self.decided.date_utc()
    }
}
