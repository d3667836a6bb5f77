use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_spanned::Spanned;

use super::reading::{RawDate, Reading};
use super::{Country, CountryFacts, Jurisdiction, SourceMark, TreatyId, World};
use crate::clock::Date;

/// An agreement between states about evidence.
#[derive(Clone, Debug)]
pub struct Treaty {
    id: TreatyId,
    kind: TreatyKind,
    title: String,
    parties: BTreeSet<Jurisdiction>,
    act: Option<String>,
    in_force: Option<Date>,
    until: Option<Date>,
    cite: String,
    source: SourceMark,
    note: Option<String>,
    other_dates: Vec<OtherDate>,
}

/// What a treaty lets its parties do, the more special before the more general.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TreatyKind {
    /// Orders of one side go straight to providers of the other (18 U.S.C. 2523).
    ExecutiveAgreement,
    /// A treaty of two states on mutual legal assistance.
    Mlat,
    /// Orders of one member are recognised in another.
    MutualRecognition,
    /// An agreement of a state with a bloc, beside the treaties with its members.
    BlocAgreement,
    /// A convention of many states on mutual legal assistance.
    Convention,
}

impl TreatyKind {
    pub fn as_str(self) -> &'static str {
        match self {
            TreatyKind::ExecutiveAgreement => "executive-agreement",
            TreatyKind::Mlat => "mlat",
            TreatyKind::MutualRecognition => "mutual-recognition",
            TreatyKind::BlocAgreement => "bloc-agreement",
            TreatyKind::Convention => "convention",
        }
    }
}

impl fmt::Display for TreatyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Another date that some source gives, or another step on the way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OtherDate {
    pub date: Date,
    pub what: String,
    pub source: SourceMark,
}

impl Treaty {
    pub fn id(&self) -> &TreatyId {
        &self.id
    }

    pub fn kind(&self) -> TreatyKind {
        self.kind
    }

    pub fn title(&self) -> &str {
        &self.title
    }

    /// Countries, or blocs that stand for whoever is a member on the day.
    pub fn parties(&self) -> &BTreeSet<Jurisdiction> {
        &self.parties
    }

    /// The first day in force; `None` if it never entered into force.
    pub fn in_force(&self) -> Option<Date> {
        self.in_force
    }

    /// The first day no longer in force.
    pub fn until(&self) -> Option<Date> {
        self.until
    }

    pub fn cite(&self) -> &str {
        &self.cite
    }

    /// How sure we are of the date of entry into force.
    pub fn source(&self) -> SourceMark {
        self.source
    }

    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    pub fn other_dates(&self) -> &[OtherDate] {
        &self.other_dates
    }

    pub fn is_in_force(&self, date: Date) -> bool {
        self.in_force.is_some_and(|from| from <= date) && self.until.is_none_or(|until| date < until)
    }

    /// True if it stood between two countries on that date.
    fn joins(&self, a: &CountryFacts, b: &CountryFacts, date: Date) -> bool {
        if a.id() == b.id() || !self.is_in_force(date) {
            return false;
        }
        let (Some(one), Some(other)) = (self.party_of(a, date), self.party_of(b, date)) else { return false };
        // Between two members, a bloc's treaty with a third state says nothing.
        one != other || self.kind == TreatyKind::MutualRecognition
    }

    /// The party as which a country takes part: itself, or a bloc that it is a member of and whose act binds it.
    fn party_of(&self, country: &CountryFacts, date: Date) -> Option<&Jurisdiction> {
        let own = Jurisdiction::from(country.id());
        self.parties.get(&own).or_else(|| {
            self.parties.iter().find(|bloc| match &self.act {
                Some(act) => country.is_bound(bloc, act, date),
                None => country.is_under(bloc, date),
            })
        })
    }
}

impl World {
    pub fn treaties(&self) -> impl Iterator<Item = &Treaty> {
        self.treaties.values()
    }

    pub fn treaty(&self, id: &TreatyId) -> Option<&Treaty> {
        self.treaties.get(id)
    }

    /// All treaties in force between two countries on a date, the most special first; of one kind, the older first.
    pub fn treaties_between(&self, a: &Country, b: &Country, date: Date) -> Vec<&Treaty> {
        let (Ok(a), Ok(b)) = (self.country(a), self.country(b)) else { return Vec::new() };
        let mut found: Vec<&Treaty> = self.treaties.values().filter(|t| t.joins(a, b, date)).collect();
        found.sort_by_key(|t| (t.kind, t.in_force));
        found
    }

    /// The treaty by which authorities of one country can ask those of another for evidence on a date: their own if
    /// they have one, else mutual recognition, an agreement with a bloc, a convention.
    pub fn mlat_between(&self, a: &Country, b: &Country, date: Date) -> Option<&Treaty> {
        self.treaties_between(a, b, date).into_iter().find(|t| t.kind != TreatyKind::ExecutiveAgreement)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawTreaties {
    #[serde(default)]
    pub treaties: std::collections::BTreeMap<Spanned<String>, RawTreaty>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawTreaty {
    kind: TreatyKind,
    title: Spanned<String>,
    parties: Spanned<Vec<Spanned<String>>>,
    act: Option<Spanned<String>>,
    in_force: Option<RawDate>,
    until: Option<RawDate>,
    cite: Spanned<String>,
    source: SourceMark,
    note: Option<String>,
    #[serde(default)]
    other_dates: Vec<RawOtherDate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawOtherDate {
    date: RawDate,
    what: Spanned<String>,
    source: SourceMark,
}

impl RawTreaty {
    /// `acts` are those of all blocs.
    pub fn read(&self, id: TreatyId, acts: &BTreeSet<String>, reading: &mut Reading) -> Option<Treaty> {
        let title = reading.line("title", &self.title);
        let cite = reading.line("citation", &self.cite);
        let both: BTreeSet<Jurisdiction> = reading
            .names
            .countries
            .iter()
            .map(Jurisdiction::from)
            .chain(reading.names.blocs.iter().cloned())
            .collect();
        let parties = reading.set(self.parties.get_ref(), |r, text| r.one_of("country or bloc", text, &both));
        let act = match &self.act {
            Some(text) => reading.one_of("act", text, acts).map(Some),
            None => Some(None),
        };
        let in_force = reading.date_if(self.in_force.as_ref());
        let until = reading.date_if(self.until.as_ref());
        let other_dates: Vec<_> = self.other_dates.iter().map(|raw| raw.read(reading)).collect();
        let (parties, in_force, until) = (parties?, in_force?, until?);
        self.check_parties(&parties, reading)?;
        if until.is_some_and(|until| in_force.is_none_or(|from| until <= from)) {
            let at = self.until.as_ref().map_or(self.title.span(), Spanned::span);
            let help = "write an `until` after `in-force`: it is the first day on which it no longer holds";
            reading.wrong(at, "this treaty ends before it is in force", help);
            return None;
        }
        Some(Treaty {
            id,
            kind: self.kind,
            title: title?,
            parties,
            act: act?,
            in_force,
            until,
            cite: cite?,
            source: self.source,
            note: self.note.clone(),
            other_dates: other_dates.into_iter().collect::<Option<_>>()?,
        })
    }

    fn check_parties(&self, parties: &BTreeSet<Jurisdiction>, reading: &mut Reading) -> Option<()> {
        let (fits, help) = match self.kind {
            TreatyKind::Mlat | TreatyKind::ExecutiveAgreement | TreatyKind::BlocAgreement => (
                parties.len() == 2,
                "name the two parties; for more, write one table each, or `kind = \"convention\"`",
            ),
            TreatyKind::MutualRecognition => (!parties.is_empty(), "name a country or bloc"),
            TreatyKind::Convention => (parties.len() >= 2, "name two parties or more"),
        };
        if !fits {
            let what = format!("a treaty of kind `{}` has not {} parties", self.kind, parties.len());
            reading.wrong(self.parties.span(), what, help);
            return None;
        }
        Some(())
    }
}

impl RawOtherDate {
    fn read(&self, reading: &mut Reading) -> Option<OtherDate> {
        let date = reading.date(&self.date);
        let what = reading.line("description", &self.what);
        Some(OtherDate { date: date?, what: what?, source: self.source })
    }
}
