//! Where each class of data rests.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_spanned::Spanned;

use super::dated::RawEntry;
use super::reading::{RawDate, Reading};
use super::{Coordinates, Country, DataClass, Dated, RegionId, SourceMark, UnknownName};
use crate::clock::Date;

/// The placement rules of all data classes, with every country's regions in order of distance.
#[derive(Clone, Debug)]
pub struct Placement {
    rules: BTreeMap<DataClass, Dated<PlacementRule>>,
    by_distance: BTreeMap<Country, Vec<RegionId>>,
}

/// What holds for one data class from one date on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlacementRule {
    /// The primary copy first.
    pub rests_in: Vec<Site>,
    pub note: Option<String>,
    pub cite: Option<String>,
    pub source: SourceMark,
}

/// How the region of one copy is chosen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Site {
    /// Always this one.
    Region(RegionId),
    /// The one nearest the country that the user declared, which nobody checks. Chosen from some regions, or from
    /// all if none are named.
    NearestDeclared { among: Option<BTreeSet<RegionId>> },
}

impl Placement {
    /// The regions in which this class of an account rests that was opened on `date` with a declared country: the
    /// primary copy first, each region once. Empty for a class that has no copies ([`DataClass::Key`], and business
    /// records in a world without a rule for them).
    pub fn regions_for(
        &self,
        class: DataClass,
        declared: &Country,
        date: Date,
    ) -> Result<Vec<RegionId>, UnknownName> {
        let near = self.by_distance.get(declared).ok_or_else(|| {
            UnknownName::new("country", declared.as_str(), self.by_distance.keys().map(Country::as_str))
        })?;
        let mut regions = Vec::new();
        for site in self.rule(class, date).map_or(&[][..], |rule| &rule.rests_in) {
            let region = match site {
                Site::Region(region) => Some(region),
                Site::NearestDeclared { among } => {
                    near.iter().find(|r| among.as_ref().is_none_or(|among| among.contains(*r)))
                }
            };
            let region = region.expect("a rule that leaves no region to choose from does not load");
            if !regions.contains(region) {
                regions.push(region.clone());
            }
        }
        Ok(regions)
    }

    /// The rule for a class on a date.
    pub fn rule(&self, class: DataClass, date: Date) -> Option<&PlacementRule> {
        self.rules.get(&class).map(|rules| rules.at(date))
    }

    /// All rules of a class.
    pub fn rules(&self, class: DataClass) -> Option<&Dated<PlacementRule>> {
        self.rules.get(&class)
    }

    /// All regions in order of great-circle distance from a country's capital; those equally far, to the metre, in
    /// order of their ids.
    pub fn by_distance(&self, country: &Country) -> &[RegionId] {
        self.by_distance.get(country).map_or(&[], Vec::as_slice)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawPlacement {
    content: Spanned<Vec<RawRule>>,
    traffic: Spanned<Vec<RawRule>>,
    subscriber: Spanned<Vec<RawRule>>,
    address_book: Spanned<Vec<RawRule>>,
    access_log: Spanned<Vec<RawRule>>,
    business_record: Option<Spanned<Vec<RawRule>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawRule {
    from: Option<RawDate>,
    rests_in: Spanned<Vec<Spanned<RawSite>>>,
    note: Option<String>,
    cite: Option<String>,
    source: SourceMark,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawSite {
    region: Option<Spanned<String>>,
    nearest: Option<Spanned<Nearest>>,
    among: Option<Spanned<Vec<Spanned<String>>>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Nearest {
    DeclaredCountry,
}

impl RawPlacement {
    pub fn read(
        &self,
        countries: &[(Country, Coordinates)],
        regions: &[(RegionId, Coordinates)],
        reading: &mut Reading,
    ) -> Option<Placement> {
        let classes = [
            (DataClass::Content, Some(&self.content)),
            (DataClass::Traffic, Some(&self.traffic)),
            (DataClass::Subscriber, Some(&self.subscriber)),
            (DataClass::AddressBook, Some(&self.address_book)),
            (DataClass::AccessLog, Some(&self.access_log)),
            (DataClass::BusinessRecord, self.business_record.as_ref()),
        ];
        let mut rules = Some(BTreeMap::new());
        for (class, raw) in classes {
            let Some(raw) = raw else { continue };
            let read = read_rules(class, raw, reading);
            rules = rules.zip(read).map(|(mut rules, read)| {
                rules.insert(class, read);
                rules
            });
        }
        let by_distance = countries
            .iter()
            .map(|(country, point)| {
                let mut near: Vec<_> = regions.iter().map(|(id, at)| (point.metres_to(*at), id)).collect();
                near.sort();
                (country.clone(), near.into_iter().map(|(_, id)| id.clone()).collect())
            })
            .collect();
        Some(Placement { rules: rules?, by_distance })
    }
}

fn read_rules(
    class: DataClass,
    raw: &Spanned<Vec<RawRule>>,
    reading: &mut Reading,
) -> Option<Dated<PlacementRule>> {
    let kind = format!("placement of `{class}`");
    let entries: Vec<_> = raw
        .get_ref()
        .iter()
        .map(|rule| RawEntry {
            from: rule.from.as_ref(),
            span: rule.rests_in.span(),
            value: rule.read(class, reading),
        })
        .collect();
    Dated::read(&kind, raw.span(), entries, reading)
}

impl RawRule {
    fn read(&self, class: DataClass, reading: &mut Reading) -> Option<PlacementRule> {
        if self.rests_in.get_ref().is_empty() {
            let help = "write where it rests, such as `[{ region = \"ie-dublin\" }]` or `[{ nearest = \"declared-country\" }]`";
            reading.wrong(self.rests_in.span(), format!("the placement of `{class}` names no region"), help);
            return None;
        }
        let sites: Vec<_> =
            self.rests_in.get_ref().iter().map(|raw| read_site(class, raw, reading)).collect();
        Some(PlacementRule {
            rests_in: sites.into_iter().collect::<Option<_>>()?,
            note: self.note.clone(),
            cite: self.cite.clone(),
            source: self.source,
        })
    }
}

fn read_site(class: DataClass, raw: &Spanned<RawSite>, reading: &mut Reading) -> Option<Site> {
    let site = raw.get_ref();
    match (&site.region, &site.nearest, &site.among) {
        (Some(region), None, None) => reading.region(region).map(Site::Region),
        (None, Some(nearest), among) => match nearest.get_ref() {
            Nearest::DeclaredCountry => {
                let Some(among) = among else { return Some(Site::NearestDeclared { among: None }) };
                let set = reading.set(among.get_ref(), |r, text| r.region(text))?;
                if set.is_empty() {
                    let what = format!("the placement of `{class}` names no region to choose from");
                    reading.wrong(
                        among.span(),
                        what,
                        "name regions, or leave `among` out to choose from all",
                    );
                    return None;
                }
                Some(Site::NearestDeclared { among: Some(set) })
            }
        },
        _ => {
            reading.wrong(
                raw.span(),
                format!("the placement of `{class}` names no region"),
                "allowed: `{ region = \"...\" }`, or `{ nearest = \"declared-country\" }` with or without `among = [...]`",
            );
            None
        }
    }
}
