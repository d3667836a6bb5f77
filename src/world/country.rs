use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::Deserialize;
use serde_spanned::Spanned;

use super::geo::HOW_TO_WRITE_COORDINATES;
use super::reading::{RawDate, Reading};
use super::{Coordinates, Country, InstrumentKind, Jurisdiction, SourceMark};
use crate::clock::{Date, SimTime};

/// A country and what it is part of.
#[derive(Clone, Debug)]
pub struct CountryFacts {
    id: Country,
    name: String,
    zone: TimeZone,
    capital: String,
    point: Coordinates,
    memberships: Vec<Membership>,
    opt_outs: Vec<OptOut>,
    banded: Vec<InstrumentKind>,
}

/// A span of time in which a country belonged to a bloc.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Membership {
    pub bloc: Jurisdiction,
    pub standing: Standing,
    pub from: Date,
    /// The first day that is no longer part of it.
    pub until: Option<Date>,
}

/// What a country is to a bloc.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    Member,
    /// No longer a member, while the bloc's law still applies.
    Transition,
}

/// An act of a bloc that does not bind this member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OptOut {
    pub bloc: Jurisdiction,
    pub act: String,
    pub from: Option<Date>,
    pub until: Option<Date>,
    pub cite: String,
    pub source: SourceMark,
}

/// A bloc whose law speaks through its members.
#[derive(Clone, Debug)]
pub struct Bloc {
    id: Jurisdiction,
    name: String,
    zone: TimeZone,
    acts: BTreeSet<String>,
    source: SourceMark,
}

impl CountryFacts {
    pub fn id(&self) -> &Country {
        &self.id
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The time zone in which its legal dates begin.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    pub fn capital(&self) -> &str {
        &self.capital
    }

    /// The point from which the nearest region is measured: its capital.
    pub fn point(&self) -> Coordinates {
        self.point
    }

    pub fn memberships(&self) -> &[Membership] {
        &self.memberships
    }

    pub fn opt_outs(&self) -> &[OptOut] {
        &self.opt_outs
    }

    /// True for process of this country of which its law lets nobody publish how much there is, but in bands.
    pub fn is_banded(&self, kind: InstrumentKind) -> bool {
        self.banded.contains(&kind)
    }

    /// The civil date of an instant here.
    pub fn legal_date(&self, at: SimTime) -> Date {
        at.date_in(&self.zone)
    }

    /// The blocs whose law applied on that date: as a member, or in a transition.
    pub fn blocs(&self, date: Date) -> impl Iterator<Item = &Jurisdiction> {
        self.memberships.iter().filter(move |m| within(date, Some(m.from), m.until)).map(|m| &m.bloc)
    }

    fn standing(&self, bloc: &Jurisdiction, date: Date) -> Option<Standing> {
        self.memberships
            .iter()
            .find(|m| m.bloc == *bloc && within(date, Some(m.from), m.until))
            .map(|m| m.standing)
    }

    /// True if it was a member on that date. A transition is not membership.
    pub fn is_member(&self, bloc: &Jurisdiction, date: Date) -> bool {
        self.standing(bloc, date) == Some(Standing::Member)
    }

    /// True if the bloc's law applied on that date: as a member, or in a transition.
    pub fn is_under(&self, bloc: &Jurisdiction, date: Date) -> bool {
        self.standing(bloc, date).is_some()
    }

    /// True if one act of the bloc bound it on that date: the bloc's law applied and it had not opted out.
    pub fn is_bound(&self, bloc: &Jurisdiction, act: &str, date: Date) -> bool {
        let out = |o: &OptOut| o.bloc == *bloc && o.act == act && within(date, o.from, o.until);
        self.is_under(bloc, date) && !self.opt_outs.iter().any(out)
    }
}

impl Bloc {
    pub fn id(&self) -> &Jurisdiction {
        &self.id
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Acts that a member may have opted out of.
    pub fn acts(&self) -> &BTreeSet<String> {
        &self.acts
    }

    /// How sure we are of the dates of membership.
    pub fn source(&self) -> SourceMark {
        self.source
    }
}

fn within(date: Date, from: Option<Date>, until: Option<Date>) -> bool {
    from.is_none_or(|from| from <= date) && until.is_none_or(|until| date < until)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawCountries {
    #[serde(default)]
    pub blocs: BTreeMap<Spanned<String>, RawBloc>,
    pub countries: BTreeMap<Spanned<String>, RawCountry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawBloc {
    name: Spanned<String>,
    zone: Spanned<String>,
    #[serde(default)]
    acts: Vec<Spanned<String>>,
    source: SourceMark,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawCountry {
    name: Spanned<String>,
    zone: Spanned<String>,
    capital: Spanned<RawCapital>,
    #[serde(default)]
    member: Vec<RawMembership>,
    #[serde(default)]
    opt_out: Vec<RawOptOut>,
    #[serde(default)]
    banded: Vec<InstrumentKind>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawCapital {
    name: Spanned<String>,
    lat: f64,
    lon: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawMembership {
    of: Spanned<String>,
    from: RawDate,
    until: Option<RawDate>,
    standing: Option<Standing>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawOptOut {
    of: Spanned<String>,
    act: Spanned<String>,
    from: Option<RawDate>,
    until: Option<RawDate>,
    cite: Spanned<String>,
    source: SourceMark,
}

impl RawBloc {
    pub fn read(&self, id: Jurisdiction, reading: &mut Reading) -> Option<Bloc> {
        let name = reading.line("name", &self.name);
        let zone = time_zone(reading, &self.zone);
        let acts = reading.set(&self.acts, |reading, act| reading.line("name of an act", act));
        Some(Bloc { id, name: name?, zone: zone?, acts: acts?, source: self.source })
    }
}

impl RawCountry {
    pub fn read(
        &self,
        id: Country,
        blocs: &BTreeMap<Jurisdiction, Bloc>,
        reading: &mut Reading,
    ) -> Option<CountryFacts> {
        let name = reading.line("name", &self.name);
        let zone = time_zone(reading, &self.zone);
        let capital = reading.line("name", &self.capital.get_ref().name);
        let point = Coordinates::new(self.capital.get_ref().lat, self.capital.get_ref().lon)
            .map_err(|error| reading.wrong(self.capital.span(), error.to_string(), HOW_TO_WRITE_COORDINATES))
            .ok();
        let memberships = self.memberships(reading);
        let opt_outs: Vec<_> = self.opt_out.iter().map(|raw| raw.read(blocs, reading)).collect();
        Some(CountryFacts {
            id,
            name: name?,
            zone: zone?,
            capital: capital?,
            point: point?,
            memberships: memberships?,
            opt_outs: opt_outs.into_iter().collect::<Option<_>>()?,
            banded: self.banded.clone(),
        })
    }

    fn memberships(&self, reading: &mut Reading) -> Option<Vec<Membership>> {
        let mut list: Vec<Membership> = Vec::new();
        for raw in &self.member {
            let bloc = reading.bloc(&raw.of);
            let from = reading.date(&raw.from);
            let until = reading.date_if(raw.until.as_ref());
            let (bloc, from, until) = (bloc?, from?, until?);
            let overlaps = |m: &Membership| {
                m.bloc == bloc && m.until.is_none_or(|end| from < end) && until.is_none_or(|end| m.from < end)
            };
            if until.is_some_and(|until| until <= from) {
                let help = "write an `until` after `from`: it is the first day on which it no longer holds";
                reading.wrong(raw.from.span(), "this membership ends before it begins", help);
                return None;
            }
            if list.iter().any(overlaps) {
                let help = "end the earlier one (`until`) on the day on which the later begins, or before";
                reading.wrong(raw.from.span(), format!("two memberships of `{bloc}` overlap"), help);
                return None;
            }
            let standing = raw.standing.unwrap_or(Standing::Member);
            list.push(Membership { bloc, standing, from, until });
        }
        Some(list)
    }
}

impl RawOptOut {
    fn read(&self, blocs: &BTreeMap<Jurisdiction, Bloc>, reading: &mut Reading) -> Option<OptOut> {
        let from = reading.date_if(self.from.as_ref());
        let until = reading.date_if(self.until.as_ref());
        let cite = reading.line("citation", &self.cite);
        let bloc = reading.bloc(&self.of)?;
        let act = reading.one_of("act", &self.act, &blocs.get(&bloc)?.acts);
        Some(OptOut { bloc, act: act?, from: from?, until: until?, cite: cite?, source: self.source })
    }
}

/// The bundled database is the only one asked: a legal date must not depend on the machine's own.
fn time_zone(reading: &mut Reading, name: &Spanned<String>) -> Option<TimeZone> {
    let zones = TimeZoneDatabase::bundled();
    if let Ok(zone) = zones.get(name.get_ref()) {
        return Some(zone);
    }
    let what = format!("unknown time zone `{}`", name.get_ref());
    let known: Vec<String> = zones.available().map(|zone| zone.as_str().to_owned()).collect();
    let mut finding = reading.file.at(name.span(), what);
    if let Some(near) = crate::diagnostic::nearest(name.get_ref(), known.iter().map(String::as_str)) {
        finding = finding.help(format!("did you mean `{near}`?"));
    }
    let finding = finding.help("allowed: a name of the IANA time zone database");
    reading.findings.push(finding);
    None
}
