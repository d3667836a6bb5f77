//! The facts as a law book sees them: the name of each in `context`, what kind of value it has, and how a
//! [`Question`] fills it in. Loading checks what a rule compares a fact with against this table, and evaluation builds
//! the Cedar context from it, so the two cannot drift apart.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::LazyLock;

use cedar_policy::{Context, EntityId, EntityTypeName, EntityUid};
use cedar_policy_core::ast::{self, Literal, Value, ValueKind};

use super::names::{PROOFS, TERMS, term_str};
use super::question::{Codes, Facts, Role};
use crate::clock::Date;
use crate::demand::{Act, InstrumentKind};
use crate::world::{AuthorityKind, KeyCustody};

/// What kind of value a fact has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A set of countries and blocs.
    Codes,
    /// One country, or `""` for none.
    Code,
    /// A set of courts, as the roster names them.
    Courts,
    YesNo,
    /// A day as a number: 20180323.
    Day,
    Number,
    /// A member of a closed vocabulary, by the name of its Cedar entity type.
    Word(&'static str),
}

/// The words of a closed vocabulary, by the name of its Cedar entity type.
pub(super) fn members(type_name: &str) -> Option<BTreeSet<&'static str>> {
    Some(match type_name {
        "Action" => Act::ALL.iter().map(|act| act.as_str()).collect(),
        "Instrument" => InstrumentKind::ALL.iter().map(|kind| kind.as_str()).collect(),
        "Proof" => PROOFS.iter().map(|proof| proof.as_str()).collect(),
        "Issuer" => AuthorityKind::ALL.iter().map(|issuer| issuer.as_str()).collect(),
        "Validator" => validators().collect(),
        "Term" => TERMS.iter().map(|term| term_str(*term)).collect(),
        "Custody" => KeyCustody::ALL.iter().map(|custody| custody.as_str()).collect(),
        "Role" => Role::ALL.iter().map(|role| role.as_str()).collect(),
        _ => return None,
    })
}

/// Where nobody approved a demand before it was sent.
const NOBODY: &str = "nobody";

fn validators() -> impl Iterator<Item = &'static str> {
    AuthorityKind::ALL.iter().map(|kind| kind.as_str()).chain([NOBODY])
}

/// Every fact, in the order of the schema.
pub(super) const FACTS: &[(&str, Kind)] = &[
    ("proof", Kind::Word("Proof")),
    ("issuer", Kind::Word("Issuer")),
    ("validator", Kind::Word("Validator")),
    ("issuing_in", Kind::Codes),
    ("bound_by", Kind::Courts),
    ("on_behalf_of", Kind::Code),
    ("executes_for", Kind::Code),
    ("emergency", Kind::YesNo),
    ("secrecy_ordered", Kind::YesNo),
    ("enforcing_notified", Kind::YesNo),
    ("cleared", Kind::YesNo),
    ("term", Kind::Word("Term")),
    ("extensions", Kind::Number),
    ("many_subjects", Kind::YesNo),
    ("offence_years", Kind::Number),
    ("offence_listed", Kind::YesNo),
    ("offence_in", Kind::Codes),
    ("issued", Kind::Day),
    ("received", Kind::Day),
    ("decided", Kind::Day),
    ("executed", Kind::Day),
    ("days_since_received", Kind::Number),
    ("rests_in", Kind::Codes),
    ("rests_known", Kind::YesNo),
    ("moving", Kind::YesNo),
    ("served_in", Kind::Codes),
    ("home_in", Kind::Codes),
    ("established_in", Kind::Codes),
    ("offers_in", Kind::Codes),
    ("retrievable_from", Kind::Codes),
    ("custody", Kind::Word("Custody")),
    ("resides_in", Kind::Codes),
    ("residence_known", Kind::YesNo),
    ("national_of", Kind::Codes),
    ("nationality_known", Kind::YesNo),
    ("declared_in", Kind::Codes),
    ("role", Kind::Word("Role")),
    ("enterprise", Kind::YesNo),
    ("consent", Kind::YesNo),
    ("mlat_with", Kind::Codes),
    ("agreement_with", Kind::Codes),
];

/// Facts that may be unknown, and the fact that says whether they are. A rule that turns on something *not* being in
/// such a set has to ask first whether the set is known at all.
pub(super) const MAY_BE_UNKNOWN: &[(&str, &str)] =
    &[("rests_in", "rests_known"), ("resides_in", "residence_known"), ("national_of", "nationality_known")];

pub(super) fn kind_of(fact: &str) -> Option<Kind> {
    FACTS.iter().find(|(name, _)| *name == fact).map(|(_, kind)| *kind)
}

/// The civil dates of a question in one law's time zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Days {
    pub(super) issued: Date,
    pub(super) received: Date,
    pub(super) decided: Date,
    pub(super) executed: Date,
}

/// A date as a law book writes it: 20180323.
pub(super) fn day_number(date: Date) -> i64 {
    i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day())
}

/// The date that a number stands for, if it stands for one.
pub(super) fn day_from_number(number: i64) -> Option<Date> {
    let year = i16::try_from(number / 10_000).ok()?;
    let month = i8::try_from(number / 100 % 100).ok()?;
    let day = i8::try_from(number % 100).ok()?;
    Date::new(year, month, day).ok().filter(|_| year >= 1)
}

/// Whole days from `from` to `to`.
fn days_between(from: Date, to: Date) -> i64 {
    // The difference of two civil dates in days cannot overflow: both lie in the years 1 to 9999.
    to.since(from).map_or(0, |span| i64::from(span.get_days()))
}

/// Some of [`FACTS`], a bit for each in their order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Wanted(u64);

const _: () = assert!(FACTS.len() < 64, "a bit for each fact");

impl Wanted {
    pub(super) const ALL: Wanted = Wanted((1 << FACTS.len()) - 1);

    /// The facts of these names; what is no fact is left out.
    pub(super) fn named<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let place = |name| FACTS.iter().position(|(fact, _)| *fact == name);
        Wanted(names.into_iter().filter_map(place).fold(0, |bits, place| bits | 1 << place))
    }

    pub(super) fn and(self, other: Self) -> Self {
        Wanted(self.0 | other.0)
    }

    fn places(self) -> impl Iterator<Item = usize> {
        (0..FACTS.len()).filter(move |place| self.0 & 1 << place != 0)
    }
}

/// The facts of a question as values, each made when a law first looks at it and then shared by all the laws asked.
pub(super) struct Values<'f> {
    facts: &'f Facts,
    made: [OnceCell<Value>; FACTS.len()],
}

impl<'f> Values<'f> {
    pub(super) fn of(facts: &'f Facts) -> Self {
        Values { facts, made: [const { OnceCell::new() }; FACTS.len()] }
    }

    /// The facts that are wanted, under the names of [`FACTS`]. A rule that asks for another fails to evaluate, and
    /// with it the question.
    pub(super) fn context(&self, days: Days, wanted: Wanted) -> Result<Context, String> {
        let mut pairs = Vec::with_capacity(FACTS.len());
        for place in wanted.places() {
            let name = FACTS[place].0;
            let value =
                self.value(place, days).ok_or_else(|| format!("nothing fills in the fact `{name}`"))?;
            pairs.push((name, value));
        }
        // Of values, and not of expressions that would have to be evaluated to them first: that costs as much as the
        // rules.
        match Value::record(pairs, None).value {
            ValueKind::Record(record) => Ok(ast::Context::Value(record).into()),
            other => Err(format!("the facts are not a record: {other}")),
        }
    }

    fn value(&self, place: usize, days: Days) -> Option<Value> {
        let (name, kind) = FACTS[place];
        // A moment falls on another day in another law's time zone.
        if let Some(number_of_days) = moment(name, days) {
            return Some(number(number_of_days));
        }
        debug_assert!(kind != Kind::Day, "`{name}` is the same day for every law");
        if let Some(made) = self.made[place].get() {
            return Some(made.clone());
        }
        let value = value(name, self.facts)?;
        Some(self.made[place].get_or_init(|| value).clone())
    }
}

/// A fact that is a day, or counted in days.
fn moment(fact: &str, days: Days) -> Option<i64> {
    Some(match fact {
        "issued" => day_number(days.issued),
        "received" => day_number(days.received),
        "decided" => day_number(days.decided),
        "executed" => day_number(days.executed),
        "days_since_received" => days_between(days.received, days.decided),
        _ => return None,
    })
}

fn value(fact: &str, facts: &Facts) -> Option<Value> {
    let Facts { process, location, presence, holder, treaties, .. } = facts;
    Some(match fact {
        "proof" => word("Proof", process.proof.as_str()),
        "issuer" => word("Issuer", process.issuer.as_str()),
        "validator" => word("Validator", process.validator.map_or(NOBODY, AuthorityKind::as_str)),
        "issuing_in" => codes(&process.issuing_in),
        "bound_by" => strings(process.bound_by.iter().map(|court| court.as_str())),
        "on_behalf_of" => string(process.on_behalf_of.as_str()),
        "executes_for" => string(process.executes_for.as_ref().map_or("", |state| state.as_str())),
        "emergency" => literal(process.emergency),
        "secrecy_ordered" => literal(process.secrecy_ordered),
        "enforcing_notified" => literal(process.enforcing_notified),
        "cleared" => literal(process.cleared),
        "term" => word("Term", term_str(process.term)),
        "extensions" => number(process.extensions.into()),
        "many_subjects" => literal(process.many_subjects),
        "offence_years" => number(process.offence_years.into()),
        "offence_listed" => literal(process.offence_listed),
        "offence_in" => codes(&process.offence_in),
        "rests_in" => codes(&location.rests_in),
        "rests_known" => literal(location.known),
        "moving" => literal(location.moving),
        "served_in" => codes(&presence.served_in),
        "home_in" => codes(&presence.home_in),
        "established_in" => codes(&presence.established_in),
        "offers_in" => codes(&presence.offers_in),
        "retrievable_from" => codes(&facts.retrievable_from),
        "custody" => word("Custody", facts.key_custody.as_str()),
        "resides_in" => codes(&holder.resides_in),
        "residence_known" => literal(holder.residence_known),
        "national_of" => codes(&holder.national_of),
        "nationality_known" => literal(holder.nationality_known),
        "declared_in" => codes(&holder.declared_in),
        "role" => word("Role", holder.role.as_str()),
        "enterprise" => literal(holder.enterprise),
        "consent" => literal(holder.consent),
        "mlat_with" => codes(&treaties.mlat_with),
        "agreement_with" => codes(&treaties.agreement_with),
        _ => return None,
    })
}

fn literal(value: impl Into<Literal>) -> Value {
    Value::new(value.into(), None)
}

fn number(value: i64) -> Value {
    literal(value)
}

fn string(text: &str) -> Value {
    literal(text)
}

fn strings<'a>(texts: impl Iterator<Item = &'a str>) -> Value {
    Value::set_of_lits(texts.map(Literal::from), None)
}

fn codes(codes: &Codes) -> Value {
    strings(codes.iter().map(|code| code.as_str()))
}

fn word(type_name: &'static str, member: &str) -> Value {
    literal(AsRef::<ast::EntityUID>::as_ref(&uid(type_name, member)).clone())
}

/// An entity by type and id. The type is one of ours, so it is a name.
pub(super) fn uid(type_name: &'static str, id: &str) -> EntityUid {
    // Reading a name costs more than the rest of a question's facts.
    static TYPES: LazyLock<BTreeMap<&'static str, EntityTypeName>> = LazyLock::new(|| {
        let words = FACTS.iter().filter_map(|(_, kind)| match kind {
            Kind::Word(type_name) => Some(*type_name),
            _ => None,
        });
        words.chain(["Action", "Instrument", "Data"]).map(|name| (name, read_type(name))).collect()
    });
    let type_name = TYPES.get(type_name).cloned().unwrap_or_else(|| read_type(type_name));
    EntityUid::from_type_name_and_id(type_name, EntityId::new(id))
}

fn read_type(name: &'static str) -> EntityTypeName {
    EntityTypeName::from_str(name).expect("our type names are identifiers")
}

/// The Cedar action of an act.
pub(super) fn action(act: Act) -> &'static EntityUid {
    static ACTIONS: LazyLock<Vec<EntityUid>> =
        LazyLock::new(|| Act::ALL.iter().map(|act| uid("Action", act.as_str())).collect());
    &ACTIONS[super::names::act_index(act)]
}

/// The Cedar principal of an instrument.
pub(super) fn principal(kind: InstrumentKind) -> &'static EntityUid {
    static INSTRUMENTS: LazyLock<Vec<EntityUid>> =
        LazyLock::new(|| InstrumentKind::ALL.iter().map(|kind| uid("Instrument", kind.as_str())).collect());
    &INSTRUMENTS[super::names::instrument_index(kind)]
}
