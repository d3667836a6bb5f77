//! One demand under other laws and in other worlds.
//!
//! A [`Variant`] is a way in which the world of a demand could have been: its day, where the mail rests, where the provider
//! is at home, who was served, who can use the keys. [`Variant::script`] makes a script of that demand alone in that world,
//! which is played like any other: every outcome that is compared came out of a provider.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::moment::Moment;
use super::report::Report;
use super::script::{Action, Script, Step};
use super::view::ItemView;
use crate::clock::Date;
use crate::demand::{Act, DemandId, Outcome};
use crate::diagnostic::{Diagnostics, SourceFile, nearest};
use crate::gate::Duty;
use crate::law::{PositionChange, position_changes};
use crate::world::{
    Address, Conduct, Country, DataClass, EntityId, EntityRelation, KeyCustody, Region, RegionId,
    UnknownName, World, WorldChanges,
};

/// What differs from the script; what is absent stays as the script has it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Variant {
    /// The provider receives the demand on this day, at the hour it has in the script. It is as old as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Date>,
    /// Where every copy of a mailbox rests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionId>,
    /// Where head office is at home and established, and nowhere else; a company that stays where it was runs what it ran
    /// there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Country>,
    /// The entity that was served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub served_on: Option<EntityId>,
    /// Who can use the keys, in every region; `provider` is for those that no trustee runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_custody: Option<KeyCustody>,
}

/// Why a script has no such variant.
#[derive(Debug, thiserror::Error)]
pub enum NoVariant {
    #[error("the script has no demand `{0}`{1}")]
    NoDemand(DemandId, String),
    #[error("the script has no demand to compare")]
    NoDemands,
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    #[error(transparent)]
    World(#[from] Diagnostics),
}

/// What runs the regions of a head office that is at home elsewhere.
const LEFT_BEHIND: &str = "former-home";

/// The classes of data that a placement places.
const PLACED: [DataClass; 5] = [
    DataClass::Content,
    DataClass::Traffic,
    DataClass::Subscriber,
    DataClass::AddressBook,
    DataClass::AccessLog,
];

/// The demands of a script that a step brings, in order.
pub fn demands(script: &Script) -> impl Iterator<Item = &DemandId> {
    script.steps.iter().filter_map(|step| match &step.action {
        Action::Demand(demand) => Some(&demand.id),
        _ => None,
    })
}

impl Variant {
    /// The demand alone, in this variant of the world: without the orders and filings that followed it in the script, and
    /// without what came before.
    pub fn script(&self, script: &Script, matter: &DemandId, world: &World) -> Result<Script, NoVariant> {
        let found = script.steps.iter().find_map(|step| match &step.action {
            Action::Demand(demand) if demand.id == *matter => Some((step, demand)),
            _ => None,
        });
        let Some((step, demand)) = found else {
            let known: Vec<&str> = demands(script).map(DemandId::as_str).collect();
            let near = nearest(matter.as_str(), known.iter().copied());
            let hint = near.map_or_else(String::new, |near| format!(", did you mean `{near}`?"));
            return Err(match known.is_empty() {
                true => NoVariant::NoDemands,
                false => NoVariant::NoDemand(matter.clone(), format!("{hint}; it has {}", known.join(", "))),
            });
        };
        let at = self.at.map_or(step.at, |day| step.at.on(day));
        let later = at.time().unix_seconds() - step.at.time().unix_seconds();
        let mut demand = demand.clone();
        demand.issued = demand.issued.plus_seconds(later);
        for moment in [&mut demand.valid_until, &mut demand.return_by, &mut demand.secret_until] {
            *moment = moment.map(|moment| moment.plus_seconds(later));
        }
        // The demand that it relates to is not played.
        demand.relates = None;
        if let Some(entity) = &self.served_on {
            world.provider().entity(entity)?;
            demand.served_on = entity.clone();
        }
        if let Some(region) = &self.region {
            world.region(region)?;
        }
        if let Some(country) = &self.provider {
            world.country(country)?;
        }
        let mut setting = script.setting.clone();
        for changes in self.changes(world)? {
            setting.changes = setting.changes.then(changes);
        }
        let step = Step {
            number: 1,
            at,
            action: Action::Demand(demand),
            look: Vec::new(),
            history: None,
            expects: Vec::new(),
            ..step.clone()
        };
        // Accounts are opened an hour before.
        let start = at.with_time(at.time().plus_seconds(-3600));
        Ok(Script { start, setting, case: None, steps: vec![step], ..script.clone() })
    }

    /// What it changes of the world, each as if it had been written into a file of the name of its option.
    fn changes(&self, world: &World) -> Result<Vec<WorldChanges>, Diagnostics> {
        let mut texts = Vec::new();
        if let Some(region) = &self.region {
            let rule = |class: DataClass| {
                format!(
                    "[[placement.{class}]]\nrests-in = [{{ region = \"{region}\" }}]\nsource = \"modelling choice\"\n"
                )
            };
            texts.push((format!("--region {region}"), PLACED.map(rule).concat()));
        }
        if let Some(country) = &self.provider {
            texts.push((format!("--provider {country}"), moved(world, country)));
        }
        if let Some(custody) = self.key_custody {
            let custody = custody.as_str();
            let one = |region: &RegionId| format!("[regions.{region}]\nkey-custody = \"{custody}\"\n");
            // Head office never holds the keys of a region that a trustee runs: that is what a trustee is for.
            let trustee = |region: &&Region| {
                let operator = world.provider().entity(region.operator());
                operator.is_ok_and(|entity| entity.relation() == EntityRelation::IndependentTrustee)
            };
            let fits = |region: &&Region| self.key_custody == Some(KeyCustody::Region) || !trustee(region);
            let all: String = world.regions().filter(fits).map(|region| one(region.id())).collect();
            texts.push((format!("--key-custody {custody}"), all));
        }
        texts.into_iter().map(|(name, text)| WorldChanges::read(&SourceFile::new(name, text), &[])).collect()
    }
}

/// Head office at home in another country. The regions that it runs elsewhere are then run by a company that stays there.
fn moved(world: &World, country: &Country) -> String {
    let head_office = world.provider().head_office();
    let id = head_office.id();
    let mut text = format!("[entities.{id}]\nhome = \"{country}\"\nestablished-in = [\"{country}\"]\n");
    let left = world.regions().filter(|region| region.operator() == id && region.country() != country);
    let mut countries = BTreeSet::new();
    for region in left {
        countries.insert(format!("\"{}\"", region.country()));
        text.push_str(&format!("[regions.{}]\noperator = \"{LEFT_BEHIND}\"\n", region.id()));
    }
    if !countries.is_empty() {
        let established: Vec<String> = countries.into_iter().collect();
        text.push_str(&format!(
            "[entities.{LEFT_BEHIND}]\nname = \"Post Example at its former home\"\nrelation = \"subsidiary\"\n\
             home = \"{}\"\nestablished-in = [{}]\noffers-in = []\n",
            head_office.home(),
            established.join(", ")
        ));
    }
    text
}

/// How the demand stood in one variant when it had been received.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Compared {
    #[serde(flatten)]
    pub variant: Variant,
    pub received: Moment,
    /// What was wrong on its face, if it was sent back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub returned_for: Vec<String>,
    /// Why it could not be played, if it could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    pub items: Vec<ItemView>,
}

/// One line of the table: an act on the copies of one class of one account, numbered where there are several.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    pub act: Act,
    pub account: Address,
    pub class: DataClass,
    /// Counts from 1.
    pub copy: usize,
}

/// What became of an item, in three words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Answer {
    pub duty: Duty,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conduct: Option<Conduct>,
    /// Absent while it is fought over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// What is different about one item in another variant.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    #[serde(flatten)]
    pub row: Row,
    /// Absent where there is no such copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Answer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Answer>,
    pub laws: Vec<PositionChange>,
}

impl Difference {
    /// True if the answer is another, and not only its reasons.
    pub fn flips(&self) -> bool {
        self.before != self.after
    }
}

impl Compared {
    /// Reads the end of a play.
    pub fn of(variant: Variant, received: Moment, report: &Report) -> Self {
        let matter = report.scenes.iter().flat_map(|scene| &scene.matters).next_back();
        Compared {
            variant,
            received,
            returned_for: matter.map(|matter| matter.returned_for.clone()).unwrap_or_default(),
            stopped: report.stopped.as_ref().map(|stop| stop.why.clone()),
            items: matter.map(|matter| matter.items.clone()).unwrap_or_default(),
        }
    }

    /// A variant that cannot be played.
    pub fn impossible(variant: Variant, received: Moment, why: String) -> Self {
        Compared { variant, received, returned_for: Vec::new(), stopped: Some(why), items: Vec::new() }
    }

    /// Its items, each under the line of the table it belongs to.
    pub fn rows(&self) -> BTreeMap<Row, &ItemView> {
        let mut rows = BTreeMap::new();
        for item in &self.items {
            let mut row =
                Row { act: item.act, account: item.item.account.clone(), class: item.item.class, copy: 1 };
            while rows.contains_key(&row) {
                row.copy += 1;
            }
            rows.insert(row, item);
        }
        rows
    }

    /// What is different from this one in another.
    pub fn differences(&self, other: &Compared) -> Vec<Difference> {
        let (before, after) = (self.rows(), other.rows());
        let mut all: Vec<&Row> = before.keys().chain(after.keys()).collect();
        all.sort();
        all.dedup();
        let difference = |row: &Row| {
            let (before, after) = (before.get(row), after.get(row));
            let positions =
                |item: Option<&&ItemView>| item.map_or(&[][..], |item| &item.positions[..]).to_vec();
            Difference {
                row: row.clone(),
                before: before.map(|item| Answer::of(item)),
                after: after.map(|item| Answer::of(item)),
                laws: position_changes(&positions(before), &positions(after)),
            }
        };
        let is_one = |difference: &Difference| difference.flips() || !difference.laws.is_empty();
        all.into_iter().map(difference).filter(is_one).collect()
    }
}

impl Answer {
    pub fn of(item: &ItemView) -> Self {
        Answer { duty: item.duty, conduct: item.conduct, outcome: item.outcome }
    }

    /// What comes of it: the outcome, or what the provider does while there is none.
    pub fn result(&self) -> &'static str {
        match (self.outcome, self.conduct) {
            (Some(outcome), _) => outcome.as_str(),
            (None, Some(Conduct::Contest)) => "contested",
            (None, Some(Conduct::Object)) => "objected to",
            (None, Some(Conduct::Negotiate)) => "negotiated",
            (None, _) => "pending",
        }
    }
}
