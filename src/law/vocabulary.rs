//! The facts as a law book sees them: the name of each in `context`, what kind of value it has, and how a
//! [`Question`] fills it in. Loading checks what a rule compares a fact with against this table, and evaluation builds
//! the Cedar context from it, so the two cannot drift apart.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::LazyLock;

use cedar_policy::{Context, EntityId, EntityTypeName, EntityUid, RestrictedExpression as Value};

use super::names::{PROOFS, TERMS, term_str};
use super::question::{Answer, Codes, Facts, Role};
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
        "Term" => TERMS.iter().map(|term| term_str(*term)).collect(),
        "Custody" => KeyCustody::ALL.iter().map(|custody| custody.as_str()).collect(),
        "Answer" => Answer::ALL.iter().map(|answer| answer.as_str()).collect(),
        "Role" => Role::ALL.iter().map(|role| role.as_str()).collect(),
        _ => return None,
    })
}

/// Every fact, in the order of the schema.
pub(super) const FACTS: &[(&str, Kind)] = &[
    ("proof", Kind::Word("Proof")),
    ("issuer", Kind::Word("Issuer")),
    ("issuing_in", Kind::Codes),
    ("bound_by", Kind::Courts),
    ("on_behalf_of", Kind::Code),
    ("executes_for", Kind::Code),
    ("emergency", Kind::YesNo),
    ("secrecy_ordered", Kind::YesNo),
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
    ("us_person", Kind::Word("Answer")),
    ("role", Kind::Word("Role")),
    ("enterprise", Kind::YesNo),
    ("consent", Kind::YesNo),
    ("mlat_with", Kind::Codes),
    ("agreement_with", Kind::Codes),
    ("qualifying", Kind::Codes),
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

/// All facts, under the names of [`FACTS`].
pub(super) fn context(facts: &Facts, days: Days) -> Result<Context, String> {
    let Facts { process, location, presence, holder, treaties, .. } = facts;
    let pairs = [
        ("proof", word("Proof", process.proof.as_str())),
        ("issuer", word("Issuer", process.issuer.as_str())),
        ("issuing_in", codes(&process.issuing_in)),
        ("bound_by", strings(process.bound_by.iter().map(|court| court.as_str()))),
        ("on_behalf_of", string(process.on_behalf_of.as_str())),
        ("executes_for", string(process.executes_for.as_ref().map_or("", |state| state.as_str()))),
        ("emergency", Value::new_bool(process.emergency)),
        ("secrecy_ordered", Value::new_bool(process.secrecy_ordered)),
        ("term", word("Term", term_str(process.term))),
        ("extensions", Value::new_long(process.extensions.into())),
        ("many_subjects", Value::new_bool(process.many_subjects)),
        ("offence_years", Value::new_long(process.offence_years.into())),
        ("offence_listed", Value::new_bool(process.offence_listed)),
        ("offence_in", codes(&process.offence_in)),
        ("issued", day(days.issued)),
        ("received", day(days.received)),
        ("decided", day(days.decided)),
        ("executed", day(days.executed)),
        ("days_since_received", Value::new_long(days_between(days.received, days.decided))),
        ("rests_in", codes(&location.rests_in)),
        ("rests_known", Value::new_bool(location.known)),
        ("moving", Value::new_bool(location.moving)),
        ("served_in", codes(&presence.served_in)),
        ("home_in", codes(&presence.home_in)),
        ("established_in", codes(&presence.established_in)),
        ("offers_in", codes(&presence.offers_in)),
        ("retrievable_from", codes(&facts.retrievable_from)),
        ("custody", word("Custody", facts.key_custody.as_str())),
        ("resides_in", codes(&holder.resides_in)),
        ("residence_known", Value::new_bool(holder.residence_known)),
        ("national_of", codes(&holder.national_of)),
        ("nationality_known", Value::new_bool(holder.nationality_known)),
        ("declared_in", codes(&holder.declared_in)),
        ("us_person", word("Answer", holder.us_person.as_str())),
        ("role", word("Role", holder.role.as_str())),
        ("enterprise", Value::new_bool(holder.enterprise)),
        ("consent", Value::new_bool(holder.consent)),
        ("mlat_with", codes(&treaties.mlat_with)),
        ("agreement_with", codes(&treaties.agreement_with)),
        ("qualifying", codes(&treaties.qualifying)),
    ];
    Context::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value)))
        .map_err(|error| error.to_string())
}

fn string(text: &str) -> Value {
    Value::new_string(text.to_owned())
}

fn strings<'a>(texts: impl Iterator<Item = &'a str>) -> Value {
    Value::new_set(texts.map(string))
}

fn codes(codes: &Codes) -> Value {
    strings(codes.iter().map(|code| code.as_str()))
}

fn day(date: Date) -> Value {
    Value::new_long(day_number(date))
}

fn word(type_name: &'static str, member: &str) -> Value {
    Value::new_entity_uid(uid(type_name, member))
}

/// An entity by type and id. The type is one of ours, so it is a name.
pub(super) fn uid(type_name: &'static str, id: &str) -> EntityUid {
    let type_name = EntityTypeName::from_str(type_name).expect("our type names are identifiers");
    EntityUid::from_type_name_and_id(type_name, EntityId::new(id))
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
