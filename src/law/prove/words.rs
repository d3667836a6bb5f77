//! What the solver found, in plain words.

use std::collections::BTreeSet;

use cedar_policy::EvalResult;

use super::example::{Example, purpose_words};
use super::query::Query;
use super::solver::Model;
use crate::demand::Purpose;
use crate::law::vocabulary::{FACTS, Kind, day_from_number};
use crate::law::{Codes, plain};
use crate::world::World;

/// An example as a short story: who, what, where, whose, and what the law says.
pub(super) fn of_example(world: &World, example: &Example) -> Vec<String> {
    let Example { demand, question, position, .. } = example;
    let facts = &question.facts;
    let name = |id: &crate::world::AuthorityId| {
        world.roster().authority(id).map_or_else(|_| id.to_string(), |a| a.name().to_owned())
    };
    let mut lines = vec![format!(
        "{} of {}, issued {}, received and decided {}",
        capital(demand.instrument.as_str()),
        name(&demand.issuing),
        demand.issued.date_utc(),
        example.received.date_utc(),
    )];
    let mut process = vec![format!("proof: {}", demand.proof.as_str())];
    process.extend(
        demand.executes.as_ref().map(|request| format!("carries out a request of {}", request.requesting)),
    );
    process
        .extend(facts.process.validator.map(|kind| format!("approved by {}", with_article(kind.as_str()))));
    process.extend(demand.emergency.then(|| "in an emergency".to_owned()));
    process.extend(demand.enforcing.is_some().then(|| "the enforcing authority was sent a copy".to_owned()));
    process.extend(facts.process.secrecy_ordered.then(|| "it bans telling anybody".to_owned()));
    process.extend((demand.accounts.len() > 1).then(|| "for several accounts".to_owned()));
    process.push(format!("for an offence of up to {} years", demand.offence.max_penalty_years));
    lines.push(process.join(", "));
    let purpose = match demand.purpose {
        Purpose::Evidence => String::new(),
        Purpose::Identify => format!(", {}", purpose_words(demand.purpose)),
    };
    lines.push(format!(
        "To {} {}{purpose}, whose only copy rests in {} ({}); served on {}; staff can fetch it from {}",
        example.act,
        example.class,
        example.region,
        lands(world, &facts.location.rests_in),
        demand.served_on,
        lands(world, &facts.retrievable_from),
    ));
    let known = |what: &str, country: &Option<crate::world::Country>| {
        country.as_ref().map(|country| format!("{what} {country}"))
    };
    let person: Vec<String> = [
        known("lives in", &example.holder.residence),
        known("is a national of", &example.holder.nationality),
    ]
    .into_iter()
    .flatten()
    .collect();
    lines.push(if person.is_empty() {
        "Of the holder nothing is known".to_owned()
    } else {
        format!("The holder {}", person.join(" and "))
    });
    if !facts.treaties.agreement_with.is_empty() {
        lines.push(format!(
            "The demanding state has executive agreements with {}",
            codes(&facts.treaties.agreement_with)
        ));
    }
    lines.push(format!("{} {}", position.jurisdiction, verb(position.kind)));
    for hit in &position.rules {
        lines.push(format!("  {} {}: {}", hit.effect, hit.id, hit.says));
    }
    lines
}

fn verb(kind: crate::law::PositionKind) -> &'static str {
    use crate::law::PositionKind;
    match kind {
        PositionKind::Compels => "compels:",
        PositionKind::Bars => "bars:",
        PositionKind::Allows => "allows:",
        PositionKind::Open => "leaves it open:",
        PositionKind::Silent => "is silent",
        PositionKind::NotCovered => "has no rules on it",
    }
}

/// What a model says of the facts that the formula looks at, each in a line.
pub(super) fn of_model(query: &Query, model: &Model) -> Vec<String> {
    let classes: BTreeSet<&str> = query.kindred.classes.iter().map(|(class, _)| class.as_str()).collect();
    let classes: Vec<&str> = classes.into_iter().collect();
    let instrument = with_article(&model.instrument);
    let mut lines = vec![format!("{instrument} to {} {}", query.act, classes.join(" or "))];
    let matter = super::formula::facts_of(&query.settles);
    for (name, kind) in FACTS.iter().filter(|(name, _)| matter.contains(name)) {
        let Some(value) = model.facts.get(*name) else { continue };
        lines.push(plain::stated(name, &shown(*kind, value)));
    }
    lines
}

fn shown(kind: Kind, value: &EvalResult) -> String {
    match (kind, value) {
        (Kind::Day, EvalResult::Long(number)) => {
            day_from_number(*number).map_or_else(|| number.to_string(), |day| day.to_string())
        }
        (_, EvalResult::Bool(value)) => if *value { "yes" } else { "no" }.to_owned(),
        (_, EvalResult::Long(number)) => number.to_string(),
        (_, EvalResult::String(text)) if text.is_empty() => "nobody".to_owned(),
        (_, EvalResult::String(text)) => text.clone(),
        (_, EvalResult::EntityUid(uid)) => uid.id().unescaped().replace('-', " "),
        (_, EvalResult::Set(members)) if members.is_empty() => "nothing".to_owned(),
        (_, EvalResult::Set(members)) => {
            let members = members.iter().map(|member| match member {
                EvalResult::String(text) => text.clone(),
                other => other.to_string(),
            });
            members.collect::<Vec<_>>().join(", ")
        }
        (_, other) => other.to_string(),
    }
}

fn codes(codes: &Codes) -> String {
    codes.iter().map(|code| code.as_str()).collect::<Vec<_>>().join(", ")
}

/// The countries among the codes of countries and blocs.
fn lands(world: &World, codes: &Codes) -> String {
    let countries = world.countries().map(|country| country.id().as_str());
    let there: Vec<&str> =
        countries.filter(|country| codes.iter().any(|code| code.as_str() == *country)).collect();
    if there.is_empty() { "nowhere".to_owned() } else { there.join(", ") }
}

fn with_article(word: &str) -> String {
    let article = if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {}", word.replace('-', " "))
}

fn capital(word: &str) -> String {
    // What is known by its letters only.
    if word.starts_with("epoc") {
        return word.to_uppercase();
    }
    let word = word.replace('-', " ");
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
