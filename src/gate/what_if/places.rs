//! Where things and people could be instead: the copy, the holder, the provider and its entities, and what states have
//! agreed. Every change is made to all the facts that it touches, and to who is asked, so that what the engine is shown
//! is a case that could be.

use super::super::decision::Premise;
use super::Change;
use crate::clock::Date;
use crate::demand::Place;
use crate::law::{Codes, Facts};
use crate::world::{Country, Entity, EntityRelation, Jurisdiction, KeyCustody, World};

/// A place that the question knows already.
#[derive(Clone)]
struct Known {
    /// As it follows "it rested".
    words: String,
    codes: Codes,
}

pub(super) fn changes(world: &World, premise: &Premise) -> Vec<Change> {
    let places = known(world, &premise.question.facts);
    let (mut all, placements) = resting(world, premise, &places);
    all.extend(operators(world, &premise.question.facts));
    all.extend(places.iter().flat_map(|place| holders(&premise.question.facts, place)));
    all.extend(presences(world, &premise.question.facts, &places));
    all.extend(places.iter().flat_map(|place| treaties(world, &premise.question.facts, place)));
    // Places that nothing in the question speaks of come last.
    all.extend(placements);
    all
}

/// Each place once, under all that it is: the issuer often sits where head office is at home.
fn known(world: &World, facts: &Facts) -> Vec<Known> {
    let all = [
        ("where the issuer sits", &facts.process.issuing_in),
        ("where head office is at home", &facts.presence.home_in),
        ("where it rests now", &facts.location.rests_in),
        ("where the entity that was served is", &facts.presence.served_in),
    ];
    let mut places: Vec<Known> = Vec::new();
    for (words, codes) in all.into_iter().filter(|(_, codes)| !codes.is_empty()) {
        match places.iter_mut().find(|place| place.codes == *codes) {
            Some(place) => place.words = format!("{} and {words}", place.words),
            None => places.push(Known { words: words.to_owned(), codes: codes.clone() }),
        }
    }
    for place in &mut places {
        place.words = format!("{} ({})", place.words, lands(world, &place.codes));
    }
    places
}

/// Whoever was asked only because of what is there no more is not asked, and whoever is there now is.
fn ask(premise: &mut Premise, gone: &Codes, served_home: &Codes) {
    let facts = &premise.question.facts;
    let mut due = facts.process.issuing_in.clone();
    due.insert(Jurisdiction::from(&facts.process.on_behalf_of));
    due.extend(facts.presence.home_in.iter().chain(&facts.location.rests_in).cloned());
    premise.asked.retain(|code| !gone.contains(code) || due.contains(code) || served_home.contains(code));
    // Where an entity is established beside its home nobody is asked for that.
    due.retain(|code| !facts.process.issuing_in.contains(code));
    for code in due {
        if !premise.asked.contains(&code) {
            premise.asked.push(code);
        }
    }
}

const RESTING: &[&str] = &["rests_in", "operator", "custody", "declared_in"];

/// The copy elsewhere. The country that the holder declared counts in law by where it has the copy placed; so where
/// another one would have placed it is told with the place, and not once more. First the places that are known, then those
/// where only another declaration would have placed it.
fn resting(world: &World, premise: &Premise, places: &[Known]) -> (Vec<Change>, Vec<Change>) {
    let facts = &premise.question.facts;
    let mut all = Vec::new();
    let mut placements = Placed::elsewhere(world, premise);
    for place in places.iter().filter(|place| place.codes != facts.location.rests_in || !facts.location.known)
    {
        let (there, others) =
            placements.into_iter().partition(|placed: &Placed| placed.facts.location.rests_in == place.codes);
        placements = others;
        let there: Vec<Placed> = there;
        if there.is_empty() {
            let codes = place.codes.clone();
            all.push(Change::new(format!("it rested {}", place.words), RESTING, move |p| {
                let gone = p.question.facts.location.rests_in.clone();
                let facts = &mut p.question.facts;
                (facts.location.rests_in, facts.location.known) = (codes.clone(), true);
                facts.retrievable_from.extend(codes.iter().cloned());
                let served = facts.presence.served_in.clone();
                ask(p, &gone, &served);
            }));
        }
        all.extend(there.into_iter().map(|placed| placed.change(&place.words)));
    }
    let elsewhere = placements.into_iter().map(|placed| {
        let place = format!("in {}", lands(world, &placed.facts.location.rests_in));
        placed.change(&place)
    });
    if facts.location.known {
        all.push(Change::new("nobody knew where it rests", RESTING, |p| {
            let location = &mut p.question.facts.location;
            location.known = false;
            let gone = std::mem::take(&mut location.rests_in);
            let served = p.question.facts.presence.served_in.clone();
            ask(p, &gone, &served);
        }));
    }
    (all, elsewhere.collect())
}

/// Where the copy would rest if the holder had declared one of some countries, all the same to the law.
struct Placed {
    /// What such a copy changes, for the first of the countries.
    facts: Facts,
    declared: Vec<Country>,
}

impl Placed {
    fn elsewhere(world: &World, premise: &Premise) -> Vec<Placed> {
        let facts = &premise.question.facts;
        let today = facts.moments.decided.date_utc();
        let Place::Region(now) = &premise.item.place else { return Vec::new() };
        let declared = countries(world, &facts.holder.declared_in);
        let Some(rules) = world.provider().placement().rules(premise.item.class) else { return Vec::new() };
        // By the newest rule that put it where it is; what was put there by hand no declaration moves.
        let regions = |country: &Country, day: Date| {
            world.regions_for(premise.item.class, country, day).unwrap_or_default()
        };
        let days = rules.entries().map(|(from, _)| from.unwrap_or(Date::MIN)).filter(|day| *day <= today);
        let days: Vec<Date> = days.collect();
        let rule = days.into_iter().rev().find_map(|day| {
            let copies = regions(declared.first()?, day);
            copies.iter().position(|region| region == now).map(|copy| (day, copy))
        });
        let Some((day, copy)) = rule else { return Vec::new() };
        let mut all: Vec<Placed> = Vec::new();
        for country in world.countries().map(|country| country.id()) {
            let Some(region) = regions(country, day).into_iter().nth(copy).filter(|region| region != now)
            else {
                continue;
            };
            let mut then = facts.clone();
            then.holder.declared_in = world.laws_of(country, today);
            if then.rest(world, &Place::Region(region)).is_err() {
                continue;
            }
            let same = |placed: &&mut Placed| {
                placed.facts.location == then.location
                    && placed.facts.retrievable_from == then.retrievable_from
                    && placed.facts.key_custody == then.key_custody
            };
            match all.iter_mut().find(same) {
                // Who declared the very country where it would rest is named first.
                Some(placed) if then.location.rests_in.contains(&Jurisdiction::from(country)) => {
                    placed.declared.insert(0, country.clone());
                    placed.facts = then;
                }
                Some(placed) => placed.declared.push(country.clone()),
                None => all.push(Placed { facts: then, declared: vec![country.clone()] }),
            }
        }
        all
    }

    fn change(self, place: &str) -> Change {
        let others = match self.declared.len() {
            0 | 1 => String::new(),
            2 => " or one other country".to_owned(),
            many => format!(" or one of {} other countries", many - 1),
        };
        let first = self.declared.first().map_or("", Country::as_str);
        let words =
            format!("it rested {place}, as it would if the holder had declared to live in {first}{others}");
        Change::new(words, RESTING, move |p| {
            let then = self.facts.clone();
            let facts = &mut p.question.facts;
            facts.holder.declared_in = then.holder.declared_in;
            facts.retrievable_from = then.retrievable_from;
            facts.key_custody = then.key_custody;
            let gone = std::mem::replace(&mut facts.location, then.location).rests_in;
            let served = facts.presence.served_in.clone();
            ask(p, &gone, &served);
        })
    }
}

/// Who runs the region says who can fetch from it, and who can use its keys.
fn operators(world: &World, facts: &Facts) -> Vec<Change> {
    const OPERATOR: &[&str] = &["operator", "custody"];
    let mut all = Vec::new();
    let within = facts.location.rests_in.clone();
    if facts.location.known
        && (!facts.retrievable_from.is_subset(&within) || facts.key_custody != KeyCustody::Region)
    {
        let words =
            format!("an independent trustee there ran the region where it rests ({})", lands(world, &within));
        all.push(Change::new(words, OPERATOR, move |p| {
            p.question.facts.retrievable_from = within.clone();
            p.question.facts.key_custody = KeyCustody::Region;
        }));
    }
    let home = facts.presence.home_in.clone();
    if !home.is_subset(&facts.retrievable_from) {
        let words =
            format!("head office ran the region where it rests, and fetched from {}", lands(world, &home));
        all.push(Change::new(words, OPERATOR, move |p| {
            p.question.facts.retrievable_from.extend(home.iter().cloned());
            p.question.facts.key_custody = KeyCustody::Provider;
        }));
    }
    all
}

fn holders(facts: &Facts, place: &Known) -> Vec<Change> {
    let (holder, words) = (&facts.holder, &place.words);
    let mut all = Vec::new();
    if place.codes != holder.resides_in || !holder.residence_known {
        let codes = place.codes.clone();
        all.push(Change::new(format!("the holder were known to live {words}"), &["resides_in"], move |p| {
            let holder = &mut p.question.facts.holder;
            (holder.resides_in, holder.residence_known) = (codes.clone(), true);
        }));
    }
    if place.codes != holder.national_of || !holder.nationality_known {
        let codes = place.codes.clone();
        let words = format!("the holder were known to be a national of the state {words}");
        all.push(Change::new(words, &["national_of"], move |p| {
            let holder = &mut p.question.facts.holder;
            (holder.national_of, holder.nationality_known) = (codes.clone(), true);
        }));
    }
    all
}

/// Head office, the entities, and which of them a court finds.
fn presences(world: &World, facts: &Facts, places: &[Known]) -> Vec<Change> {
    const PRESENCE: &[&str] = &["presence", "operator"];
    let today = facts.moments.decided.date_utc();
    let presence = &facts.presence;
    let state = facts.process.on_behalf_of.clone();
    let there = Jurisdiction::from(&state);
    let mut all = Vec::new();
    for place in places.iter().filter(|place| place.codes != presence.served_in) {
        let (codes, words) = (place.codes.clone(), format!("an entity {} were served", place.words));
        all.push(Change::new(words, PRESENCE, move |p| {
            let presence = &mut p.question.facts.presence;
            presence.established_in.extend(codes.iter().cloned());
            let gone = std::mem::replace(&mut presence.served_in, codes.clone());
            ask_served(p, &gone, &codes);
        }));
    }
    for place in places.iter().filter(|place| place.codes != presence.home_in) {
        let codes = place.codes.clone();
        let words = format!("head office were at home {}, and kept its establishments", place.words);
        all.push(Change::new(words, PRESENCE, move |p| {
            let facts = &mut p.question.facts;
            let gone = std::mem::replace(&mut facts.presence.home_in, codes.clone());
            facts.presence.established_in.extend(codes.iter().cloned());
            // Whoever is found, or can fetch, from the old home does so from the new one as well: it is head office.
            if gone.is_subset(&facts.retrievable_from) {
                facts.retrievable_from.extend(codes.iter().cloned());
            }
            if gone.is_subset(&facts.presence.served_in) {
                facts.presence.served_in.extend(codes.iter().cloned());
                return ask_served(p, &gone, &codes);
            }
            let served = facts.presence.served_in.clone();
            ask(p, &gone, &served);
        }));
    }
    if !presence.established_in.contains(&there) {
        let codes = world.laws_of(&state, today);
        let words = format!("the provider had an establishment in the demanding state ({state})");
        all.push(Change::new(words, PRESENCE, move |p| {
            p.question.facts.presence.established_in.extend(codes.iter().cloned());
        }));
    } else if !facts.location.rests_in.contains(&there) {
        // A region cannot be run where nobody is; what rests in the state itself says that somebody is there.
        let at_home = presence.home_in.contains(&there);
        let (served, home) = (presence.served_in.contains(&there), presence.home_in.clone());
        let homes: Vec<(String, Codes)> = match at_home {
            true => {
                let other = places.iter().filter(|place| !place.codes.contains(&there));
                other
                    .map(|place| (format!(", and head office, at home {}, were served", place.words), place))
                    .map(|(words, place)| (words, place.codes.clone()))
                    .collect()
            }
            false if served => {
                vec![(format!(", and head office were served ({})", lands(world, &home)), home)]
            }
            false => vec![(String::new(), home)],
        };
        let without = |codes: &Codes| -> Codes {
            let left = countries(world, codes).into_iter().filter(|country| *country != state);
            left.flat_map(|country| world.laws_of(&country, today)).collect()
        };
        let established = without(&presence.established_in);
        let trustee = |entity: &&Entity| {
            entity.relation() == EntityRelation::IndependentTrustee
                && entity.established_in().contains(&state)
        };
        let fetching = match world.provider().entities().find(trustee) {
            Some(_) => facts.retrievable_from.clone(),
            None => without(&facts.retrievable_from),
        };
        let fetched_from_home = presence.home_in.is_subset(&facts.retrievable_from);
        for (more, home) in homes {
            let words = format!("the provider were nowhere in the demanding state ({state}){more}");
            let (established, fetching) = (established.clone(), fetching.clone());
            all.push(Change::new(words, PRESENCE, move |p| {
                let facts = &mut p.question.facts;
                let mut gone = std::mem::replace(&mut facts.presence.home_in, home.clone());
                facts.presence.established_in = established.union(&home).cloned().collect();
                facts.retrievable_from = fetching.clone();
                if fetched_from_home {
                    facts.retrievable_from.extend(home.iter().cloned());
                }
                if served || at_home {
                    gone.extend(std::mem::replace(&mut facts.presence.served_in, home.clone()));
                    ask_served(p, &gone, &home);
                }
            }));
        }
    }
    all
}

/// The same, where another entity was served, or the same one has another home.
fn ask_served(premise: &mut Premise, gone: &Codes, home: &Codes) {
    ask(premise, gone, home);
    for code in home {
        if !premise.asked.contains(code) {
            premise.asked.push(code.clone());
        }
    }
}

/// What the state that asks, or whose request is carried out, has agreed with another.
fn treaties(world: &World, facts: &Facts, place: &Known) -> Vec<Change> {
    let requesting = facts.process.executes_for.as_ref();
    let (state, who) = match requesting {
        Some(state) => (state, "the requesting state"),
        None => (&facts.process.on_behalf_of, "the demanding state"),
    };
    let others = countries(world, &place.codes).into_iter().filter(|other| other != state);
    let others: Codes = others.map(|other| Jurisdiction::from(&other)).collect();
    if others.is_empty() {
        return Vec::new();
    }
    let with = format!("with the state {}", place.words);
    type Kind = (&'static [&'static str], &'static str, fn(&mut Facts) -> &mut Codes, bool);
    let kinds: [Kind; 2] = [
        (
            &["mlat_with"],
            "treaty of mutual legal assistance",
            |facts| &mut facts.treaties.mlat_with,
            others.is_subset(&facts.treaties.mlat_with),
        ),
        (
            &["agreement_with"],
            "executive agreement",
            |facts| &mut facts.treaties.agreement_with,
            others.is_subset(&facts.treaties.agreement_with),
        ),
    ];
    let change = |(touched, what, partners, in_force): Kind| {
        let others = others.clone();
        let had = if in_force { "had no".to_owned() } else { format!("had {}", article(what)) };
        Change::new(format!("{who} {had} {what} {with}"), touched, move |p| {
            let partners = partners(&mut p.question.facts);
            match in_force {
                true => partners.retain(|partner| !others.contains(partner)),
                false => partners.extend(others.iter().cloned()),
            }
        })
    };
    kinds.into_iter().map(change).collect()
}

fn article(what: &str) -> &'static str {
    if what.starts_with('e') { "an" } else { "a" }
}

/// The countries among the codes of countries and blocs.
fn countries(world: &World, codes: &Codes) -> Vec<Country> {
    let known = world.countries().map(|country| country.id());
    known.filter(|country| codes.contains(&Jurisdiction::from(*country))).cloned().collect()
}

/// The same in words, for nothing rests in a bloc and nobody lives in a convention.
fn lands(world: &World, codes: &Codes) -> String {
    countries(world, codes).iter().map(Country::as_str).collect::<Vec<_>>().join(", ")
}
