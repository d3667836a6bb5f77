//! Reads the files, follows every reference, and checks that they agree.
//!
//! Four steps, each of which reports all it finds before the next begins: each file for itself, the names of
//! things, what refers to what, what contradicts what. So a mistyped key does not drag a trail of unknown names
//! behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde_spanned::Spanned;

use super::authority::RawAuthority;
use super::country::RawCountries;
use super::provider::RawProvider;
use super::reading::{Names, Reading};
use super::region::RawRegion;
use super::roster::{RawRoster, check_authority};
use super::route::RawRoutes;
use super::treaty::RawTreaties;
use super::witness::read_witnesses;
use super::{
    Authority, AuthorityId, AuthorityKind, Bloc, Country, CountryFacts, Entity, EntityId, EntityRelation,
    Jurisdiction, KeyCustody, Provider, Region, RegionId, Roster, Route, Treaty, TreatyId, World,
    WorldSource,
};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceFile};

pub(super) fn load(source: WorldSource) -> Result<World, Diagnostics> {
    let mut findings = Vec::new();
    let raw = Raw::read(&source, &mut findings);
    let raw = Diagnostics::unless(raw, findings)?;

    let mut findings = Vec::new();
    let names = raw.names(&mut findings);
    let names = Diagnostics::unless(Some(names), findings)?;

    let mut findings = Vec::new();
    let world = raw.resolve(&source, &names, &mut findings);
    let world = Diagnostics::unless(world, findings)?;

    let findings = raw.contradictions(&names, &world);
    Diagnostics::unless(Some(world), findings)
}

/// What the files say, each with the file itself to point into.
struct Raw<'a> {
    countries: (&'a SourceFile, RawCountries),
    provider: (&'a SourceFile, RawProvider),
    roster: (&'a SourceFile, RawRoster),
    routes: (&'a SourceFile, RawRoutes),
    treaties: (&'a SourceFile, RawTreaties),
    regions: Vec<(&'a str, &'a SourceFile, RawRegion)>,
    authorities: Vec<(&'a str, &'a SourceFile, RawAuthority)>,
}

impl<'a> Raw<'a> {
    fn read(source: &'a WorldSource, findings: &mut Vec<Diagnostic>) -> Option<Self> {
        let countries = read_one(source, "config/countries.toml", findings);
        let provider = read_one(source, "config/provider.toml", findings);
        let roster = read_one(source, "config/roster.toml", findings);
        let routes = read_one(source, "config/routes.toml", findings);
        let treaties = read_one(source, "config/treaties.toml", findings);
        let regions = read_folder(source, "regions", findings);
        let authorities = read_folder(source, "config/authorities", findings);
        Some(Raw {
            countries: countries?,
            provider: provider?,
            roster: roster?,
            routes: routes?,
            treaties: treaties?,
            regions,
            authorities,
        })
    }

    fn names(&self, findings: &mut Vec<Diagnostic>) -> Names {
        let (countries, provider) = (&self.countries, &self.provider);
        let regions = self.regions.iter().map(|(stem, file, raw)| (*stem, *file, &raw.id)).collect();
        let authorities = self.authorities.iter().map(|(stem, file, raw)| (*stem, *file, &raw.id)).collect();
        if self.regions.is_empty() {
            let none = Diagnostic::about_file(Path::new("regions"), "a world has at least one region");
            findings.push(none.help("write a file for each, such as `regions/ie-dublin.toml`"));
        }
        for bloc in self.countries.1.blocs.keys() {
            if self.countries.1.countries.keys().any(|country| country.get_ref() == bloc.get_ref()) {
                let what = format!("`{}` is a country and cannot be a bloc too", bloc.get_ref());
                findings
                    .push(countries.0.at(bloc.span(), what).help("give the bloc a code that no country has"));
            }
        }
        Names {
            countries: keys(countries.0, countries.1.countries.keys(), findings),
            blocs: keys(countries.0, countries.1.blocs.keys(), findings),
            entities: keys(provider.0, provider.1.entities.keys(), findings),
            treaties: keys(self.treaties.0, self.treaties.1.treaties.keys(), findings),
            regions: ids("region", regions, findings),
            authorities: ids("authority", authorities, findings),
            courts: self
                .authorities
                .iter()
                .filter(|(_, _, raw)| raw.kind == AuthorityKind::Court)
                .filter_map(|(_, _, raw)| raw.id.get_ref().parse().ok())
                .collect(),
        }
    }

    fn resolve(&self, source: &WorldSource, names: &Names, findings: &mut Vec<Diagnostic>) -> Option<World> {
        let (blocs, countries) = self.resolve_countries(names, findings)?;
        let regions = self.resolve_regions(names, findings);
        let provider = regions.as_ref().and_then(|r| self.resolve_provider(r, &countries, names, findings));
        let roster = self.resolve_roster(names, findings);
        let treaties = self.resolve_treaties(&blocs, names, findings);
        let routes = self.resolve_routes(names, findings);
        Some(World {
            source: source.clone(),
            blocs,
            countries,
            regions: regions?,
            provider: provider?,
            roster: roster?,
            treaties: treaties?,
            routes: routes?,
        })
    }

    fn resolve_countries(
        &self,
        names: &Names,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<(BTreeMap<Jurisdiction, Bloc>, BTreeMap<Country, CountryFacts>)> {
        let (file, raw) = &self.countries;
        let reading = &mut Reading { file, names, findings };
        let blocs: BTreeMap<Jurisdiction, Bloc> = all(raw.blocs.iter().map(|(key, raw)| {
            let id = reading.bloc(key)?;
            Some((id.clone(), raw.read(id, reading)?))
        }))?;
        let countries = all(raw.countries.iter().map(|(key, raw)| {
            let id = reading.country(key)?;
            Some((id.clone(), raw.read(id, &blocs, reading)?))
        }))?;
        Some((blocs, countries))
    }

    fn resolve_regions(
        &self,
        names: &Names,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<BTreeMap<RegionId, Region>> {
        all(self.regions.iter().map(|(_, file, raw)| {
            let reading = &mut Reading { file, names, findings };
            let id = reading.region(&raw.id)?;
            Some((id.clone(), raw.read(id, reading)?))
        }))
    }

    fn resolve_provider(
        &self,
        regions: &BTreeMap<RegionId, Region>,
        countries: &BTreeMap<Country, CountryFacts>,
        names: &Names,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<Provider> {
        let (file, raw) = &self.provider;
        let reading = &mut Reading { file, names, findings };
        let name = reading.line("name", &raw.name);
        let domains = raw.read_domains(reading);
        let entities: Option<BTreeMap<EntityId, Entity>> = all(raw.entities.iter().map(|(key, raw)| {
            let id = reading.entity(key)?;
            let operates: BTreeSet<RegionId> =
                regions.values().filter(|r| *r.operator() == id).map(|r| r.id().clone()).collect();
            Some((id.clone(), raw.read(id, operates, reading)?))
        }));
        let head_office = raw.head_office(reading);
        let points: Vec<_> = countries.values().map(|c| (c.id().clone(), c.point())).collect();
        let sites: Vec<_> = regions.values().map(|r| (r.id().clone(), r.coordinates())).collect();
        let placement = raw.placement.read(&points, &sites, reading);
        let stance = raw.read_stance(reading);
        let (entities, head_office) = (entities?, head_office?);
        let home_zone = countries.get(entities.get(&head_office)?.home())?.zone().clone();
        Some(Provider {
            name: name?,
            domains: domains?,
            entities,
            head_office,
            home_zone,
            placement: placement?,
            stance: stance?,
        })
    }

    fn resolve_roster(&self, names: &Names, findings: &mut Vec<Diagnostic>) -> Option<Roster> {
        let (file, raw) = &self.roster;
        let reading = &mut Reading { file, names, findings };
        let demo_seed = match &raw.demo_seed {
            Some(text) => reading.line("seed", text).map(Some),
            None => Some(None),
        };
        let witnesses = read_witnesses(&raw.witnesses, &names.entities, &names.regions, reading);
        let authorities: Option<BTreeMap<AuthorityId, Authority>> =
            all(self.authorities.iter().map(|(_, file, raw)| {
                let reading = &mut Reading { file, names, findings };
                let id = reading.authority("authority", &raw.id)?;
                Some((id.clone(), raw.read(id, reading)?))
            }));
        Some(Roster { authorities: authorities?, witnesses: witnesses?, demo_seed: demo_seed? })
    }

    fn resolve_treaties(
        &self,
        blocs: &BTreeMap<Jurisdiction, Bloc>,
        names: &Names,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<BTreeMap<TreatyId, Treaty>> {
        let (file, raw) = &self.treaties;
        let reading = &mut Reading { file, names, findings };
        let acts: BTreeSet<String> = blocs.values().flat_map(|bloc| bloc.acts().iter().cloned()).collect();
        all(raw.treaties.iter().map(|(key, raw)| {
            let id = reading.treaty(key)?;
            Some((id.clone(), raw.read(id, &acts, reading)?))
        }))
    }

    fn resolve_routes(&self, names: &Names, findings: &mut Vec<Diagnostic>) -> Option<Vec<Route>> {
        let (file, raw) = &self.routes;
        let reading = &mut Reading { file, names, findings };
        all(raw.routes.values().map(|raw| raw.read(reading)))
    }

    /// What each file may say for itself, and not beside the others.
    fn contradictions(&self, names: &Names, world: &World) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        for (_, file, raw) in &self.regions {
            let Some(region) = world.regions.get(raw.id.get_ref().as_str()) else { continue };
            check_region(raw, region, world, &mut Reading { file, names, findings: &mut findings });
        }
        for (_, file, raw) in &self.authorities {
            let Some(authority) = world.roster.authorities.get(raw.id.get_ref().as_str()) else { continue };
            let reading = &mut Reading { file, names, findings: &mut findings };
            check_authority(raw, authority, &world.roster, reading);
        }
        let (file, raw) = &self.provider;
        let reading = &mut Reading { file, names, findings: &mut findings };
        raw.contradictions(&world.provider.entities, &world.regions, &world.provider.head_office, reading);
        let (file, raw) = &self.routes;
        let reading = &mut Reading { file, names, findings: &mut findings };
        raw.contradictions(world, reading);
        findings
    }
}

fn check_region(raw: &RawRegion, region: &Region, world: &World, reading: &mut Reading) {
    let Some(operator) = world.provider.entities.get(region.operator()) else { return };
    if operator.relation() == EntityRelation::IndependentTrustee
        && region.key_custody() == KeyCustody::Provider
    {
        reading.wrong(
            raw.key_custody.span(),
            format!(
                "`{}` is run by `{}`, an independent trustee, and head office holds its keys",
                region.id(),
                operator.id()
            ),
            "write `key-custody = \"region\"`, or give the region another operator",
        );
    }
    if !operator.established_in().contains(region.country()) {
        reading.wrong(
            raw.operator.span(),
            format!("`{}` is run by `{}`, which is not established there", region.id(), operator.id()),
            format!(
                "add `{}` to `established-in` of `{}`, or name another operator",
                region.country(),
                operator.id()
            ),
        );
    }
}

/// Collects what was read, or nothing if any of it was wrong. All of it is read either way.
fn all<T, C: FromIterator<T>>(items: impl Iterator<Item = Option<T>>) -> Option<C> {
    items.collect::<Vec<_>>().into_iter().collect()
}

fn read_one<'a, T: DeserializeOwned>(
    source: &'a WorldSource,
    path: &str,
    findings: &mut Vec<Diagnostic>,
) -> Option<(&'a SourceFile, T)> {
    let Some(file) = source.file(path) else {
        let missing = Diagnostic::about_file(Path::new(path), "this file is missing");
        findings
            .push(missing.help("a world needs it: put it back, or start from that of the standard world"));
        return None;
    };
    file.parse_toml().map_err(|error| findings.push(error)).ok().map(|raw| (file, raw))
}

fn read_folder<'a, T: DeserializeOwned>(
    source: &'a WorldSource,
    folder: &str,
    findings: &mut Vec<Diagnostic>,
) -> Vec<(&'a str, &'a SourceFile, T)> {
    source
        .folder(folder)
        .filter_map(|(stem, file)| match file.parse_toml() {
            Ok(raw) => Some((stem, file, raw)),
            Err(error) => {
                findings.push(error);
                None
            }
        })
        .collect()
}

/// The names of things that are keys of a table, where TOML itself forbids duplicates.
fn keys<'a, K: Ord + FromStr<Err: Display>>(
    file: &SourceFile,
    keys: impl Iterator<Item = &'a Spanned<String>>,
    findings: &mut Vec<Diagnostic>,
) -> BTreeSet<K> {
    let names = &Names::default();
    let mut reading = Reading { file, names, findings };
    keys.filter_map(|key| reading.parse(key)).collect()
}

/// The names of things that have a file each.
fn ids<K: Ord + FromStr<Err: Display>>(
    kind: &str,
    list: Vec<(&str, &SourceFile, &Spanned<String>)>,
    findings: &mut Vec<Diagnostic>,
) -> BTreeSet<K> {
    let names = &Names::default();
    let mut seen: BTreeMap<&str, &SourceFile> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for (stem, file, id) in list {
        let mut reading = Reading { file, names, findings };
        let text = id.get_ref().as_str();
        if let Some(first) = seen.insert(text, file) {
            let what =
                format!("duplicate {kind} id `{text}`, which `{}` has already", first.path().display());
            reading.wrong(id.span(), what, "give one of the two another `id`, and its file the same name");
            continue;
        }
        let Some(parsed) = reading.parse(id) else { continue };
        if text != stem {
            reading.wrong(
                id.span(),
                format!("{kind} `{text}` is in a file named `{stem}.toml`"),
                format!("name the file `{text}.toml`, or write `id = \"{stem}\"`"),
            );
        }
        ids.insert(parsed);
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::super::roster::demo_keys;
    use super::*;

    fn standard() -> World {
        World::standard().unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    #[test]
    fn the_standard_world_loads() {
        let world = standard();
        assert_eq!(world.regions().len(), 10);
    }

    /// Adding an authority: write its file with any two keys, run this, and the keys are put right.
    #[test]
    #[ignore = "rewrites the files in config/authorities"]
    fn write_demo_keys() {
        let source = WorldSource::read(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        let roster: RawRoster = source.file("config/roster.toml").unwrap().parse_toml().unwrap();
        let seed = roster.demo_seed.unwrap().into_inner();
        for (stem, file) in source.folder("config/authorities") {
            let (signing, recipient) = demo_keys(&seed, &stem.parse().unwrap());
            let lines = file.text().lines().map(|line| match line.split_once(" = ") {
                Some(("signing-key", _)) => format!("signing-key = \"{signing}\"\n"),
                Some(("recipient-key", _)) => format!("recipient-key = \"{recipient}\"\n"),
                _ => format!("{line}\n"),
            });
            std::fs::write(file.path(), lines.collect::<String>()).unwrap();
        }
    }
}
