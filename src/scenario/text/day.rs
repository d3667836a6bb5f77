//! Who may read a mailbox on one day, who can, and at what price.
//!
//! Made to be read: copies of which the same is said stand together, and so do authorities of one country that would come as
//! far by the same instrument.

use std::collections::BTreeSet;

use super::law::mark;
use super::sheet::{Ink, Look, Sheet, faint, gather, list, plain};
use crate::gate::Duty;
use crate::provider::{Can, May, ReachView};
use crate::scenario::Moment;
use crate::scenario::names::Names;
use crate::world::{AuthorityId, Country, DataClass, InstrumentKind, RegionId};

/// Who may read a mailbox, who can, at what price. Made to fit a screen: authorities are counted where they are several.
/// `all` names every one of them, and shows those that would get nothing.
pub fn reach_text(reach: &ReachView, all: bool, names: &Names, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let date = Moment::utc(reach.at).date();
    sheet.wide(&[(Ink::Strong, reach.account.as_str().into()), plain(format!(" on {date}"))]);
    sheet.blank();
    sheet.wide(&[
        (Ink::Strong, "may".into()),
        faint(", by law: what an authority of the roster would get that day"),
    ]);
    let (mut hidden, mut counted) = (0, false);
    for (copies, group) in groups(reach) {
        let what = gather(copies.iter().map(|(class, region)| (class.to_string(), region.to_string())));
        sheet.margin(2, 4, &[(Ink::Strong, what.into())]);
        let telling = Telling { names, all };
        let (gets, others): (Vec<&Answer<'_>>, Vec<&Answer<'_>>) =
            group.iter().partition(|answer| answer.gets);
        if gets.is_empty() {
            sheet.margin(4, 6, &[plain("nobody on the roster")]);
        }
        for answer in gets {
            counted |= telling.answer(&mut sheet, answer, &answer.ways.iter().collect::<Vec<_>>());
        }
        // What is compelled and not given is as telling as what is given, and so is who alone of many goes empty.
        let telling_ones: Vec<&Answer<'_>> =
            group.iter().filter(|answer| answer.gets || answer.duty == Duty::Compelled).collect();
        for answer in others {
            let shown =
                |way: &&Way<'_>| all || answer.duty == Duty::Compelled || way.is_left_out_by(&telling_ones);
            let (shown, rest): (Vec<&Way<'_>>, Vec<&Way<'_>>) = answer.ways.iter().partition(shown);
            hidden += rest.iter().map(|way| way.authorities.len()).sum::<usize>() * copies.len();
            counted |= telling.answer(&mut sheet, answer, &shown);
        }
        let Some(first) = copies.first() else { continue };
        let of_group: Vec<&May> = reach.may.iter().filter(|may| is_of(may, first)).collect();
        refusals(&mut sheet, first.1, &of_group);
        prices(&mut sheet, &of_group);
    }
    let more = match (hidden, counted) {
        (0, false) => None,
        (0, true) => Some("--all names every authority".to_owned()),
        (_, false) => Some(format!("{hidden} other ways lead to nothing; --all shows them")),
        (_, true) => {
            Some(format!("{hidden} other ways lead to nothing; --all shows them, and names every authority"))
        }
    };
    if let Some(more) = more {
        sheet.margin(2, 4, &[faint(more)]);
    }
    sheet.blank();
    sheet.wide(&[(Ink::Strong, "can".into()), faint(", by key: who could open it, whatever the law says")]);
    can(&mut sheet, reach, names);
    sheet.finish().0
}

type Copy<'r> = (DataClass, &'r RegionId);

fn is_of(may: &May, (class, region): &Copy<'_>) -> bool {
    may.class == *class && may.region == **region
}

/// What some authorities of one country would try by one instrument.
#[derive(Clone, PartialEq)]
struct Way<'r> {
    country: &'r Country,
    instrument: InstrumentKind,
    authorities: Vec<&'r AuthorityId>,
}

impl Way<'_> {
    /// True if most others of the same country get more by the same instrument.
    fn is_left_out_by(&self, others: &[&Answer<'_>]) -> bool {
        let same = |other: &Way<'_>| {
            other.country == self.country
                && other.instrument == self.instrument
                && other.authorities.len() > self.authorities.len()
        };
        others.iter().flat_map(|answer| &answer.ways).any(same)
    }
}

/// One thing that would come of it, and for whom.
#[derive(Clone, PartialEq)]
struct Answer<'r> {
    outcome: &'static str,
    duty: Duty,
    gets: bool,
    ways: Vec<Way<'r>>,
}

/// The copies, those of which the same is said together.
fn groups(reach: &ReachView) -> Vec<(Vec<Copy<'_>>, Vec<Answer<'_>>)> {
    let mut groups: Vec<(Vec<Copy<'_>>, Vec<Answer<'_>>)> = Vec::new();
    for can in &reach.can {
        let copy = (can.class, &can.region);
        if groups.iter().any(|(copies, _)| copies.contains(&copy)) {
            continue;
        }
        let answers = answers(reach.may.iter().filter(|may| is_of(may, &copy)));
        // What it costs, and what a node refuses, is told of a region.
        let same = |(copies, known): &&mut (Vec<Copy<'_>>, Vec<Answer<'_>>)| {
            *known == answers && copies.iter().all(|(_, region)| *region == copy.1)
        };
        match groups.iter_mut().find(same) {
            Some((copies, _)) => copies.push(copy),
            None => groups.push((vec![copy], answers)),
        }
    }
    groups
}

/// What would come of each way, by answer, then by country and instrument.
fn answers<'r>(may: impl Iterator<Item = &'r May>) -> Vec<Answer<'r>> {
    let mut answers: Vec<Answer<'r>> = Vec::new();
    for may in may {
        let outcome = may.in_short();
        let place = answers.iter().position(|one| one.outcome == outcome && one.duty == may.duty);
        let place = place.unwrap_or_else(|| {
            answers.push(Answer { outcome, duty: may.duty, gets: may.obtains(), ways: Vec::new() });
            answers.len() - 1
        });
        let ways = &mut answers[place].ways;
        let same = |way: &&mut Way<'_>| *way.country == may.country && way.instrument == may.instrument;
        match ways.iter_mut().find(same) {
            Some(way) => way.authorities.push(&may.authority),
            None => ways.push(Way {
                country: &may.country,
                instrument: may.instrument,
                authorities: vec![&may.authority],
            }),
        }
    }
    for answer in &mut answers {
        answer.ways.iter_mut().for_each(|way| way.authorities.sort());
        answer.ways.sort_by_key(|way| (way.country, way.instrument));
    }
    answers.sort_by_key(|answer| (!answer.gets, answer.duty.as_str(), answer.outcome));
    answers
}

struct Telling<'n> {
    names: &'n Names,
    all: bool,
}

impl Telling<'_> {
    /// An answer with those who get it: `produced (compelled)`, and under it a line for each country and, where all are to
    /// be named, each of its instruments. True if somebody was counted and not named.
    fn answer(&self, sheet: &mut Sheet, answer: &Answer<'_>, ways: &[&Way<'_>]) -> bool {
        if ways.is_empty() {
            return false;
        }
        let ink = if answer.gets { Ink::Good } else { Ink::Doubt };
        let duty = format!(" ({})", answer.duty.as_str());
        sheet.margin(4, 6, &[(ink, answer.outcome.into()), plain(duty)]);
        if self.all {
            for way in ways {
                let by = format!("{} by {}: ", way.country, way.instrument.in_words());
                sheet.margin(6, 8, &[plain(by), faint(named(self.names, &way.authorities, usize::MAX - 1))]);
            }
            return false;
        }
        for of_country in ways.chunk_by(|one, next| one.country == next.country) {
            self.country(sheet, of_country);
        }
        ways.iter().any(|way| way.authorities.len() > 1)
    }

    /// `US by warrant: 13 authorities; by subpoena and court order: Federal Court`.
    fn country(&self, sheet: &mut Sheet, ways: &[&Way<'_>]) {
        let mut alike: Vec<(Vec<String>, &[&AuthorityId])> = Vec::new();
        for way in ways {
            let words = way.instrument.in_words();
            match alike.iter_mut().find(|(_, known)| *known == way.authorities.as_slice()) {
                Some((instruments, _)) => instruments.push(words),
                None => alike.push((vec![words], &way.authorities)),
            }
        }
        let mut pieces = Vec::new();
        for (place, (instruments, authorities)) in alike.into_iter().enumerate() {
            let before = match ways.first() {
                Some(way) if place == 0 => way.country.to_string(),
                _ => ";".to_owned(),
            };
            let who = match authorities {
                [one] => self.names.authority(one).to_owned(),
                several => format!("{} authorities", several.len()),
            };
            pieces.extend([plain(format!("{before} by {}: ", list(instruments))), faint(who)]);
        }
        sheet.margin(6, 8, &pieces);
    }
}

/// The names of authorities: `Federal Court`, `U.S. District Court, D.D.C.; U.S. District Court, D.N.J. and 9 more`.
pub(super) fn named(names: &Names, authorities: &[&AuthorityId], most: usize) -> String {
    // To count one is no shorter than to name it.
    let most = if authorities.len() == most + 1 { most + 1 } else { most };
    let mut told: Vec<String> =
        authorities.iter().take(most).map(|id| names.authority(id).to_owned()).collect();
    if authorities.len() > most {
        told.push(format!("{} more", authorities.len() - most));
    }
    // Names have commas of their own.
    match told.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} and {last}", first.join("; ")),
        None => String::new(),
    }
}

/// What the gate would grant and the machine in the region refuse.
fn refusals(sheet: &mut Sheet, region: &RegionId, may: &[&May]) {
    let refused: Vec<&&May> = may.iter().filter(|may| !may.refused_under.is_empty()).collect();
    if refused.is_empty() {
        return;
    }
    let laws: BTreeSet<&str> =
        refused.iter().flat_map(|may| &may.refused_under).map(|law| law.as_str()).collect();
    let ways = if refused.len() == 1 { "one way".to_owned() } else { format!("{} ways", refused.len()) };
    let what = format!(
        "{ways} that the gate would grant and {region} refuses: {} stands against it, and head office holds no key",
        list(laws)
    );
    sheet.margin(4, 6, &[plain(what)]);
}

/// What it would cost to give it, where something is to be said for giving it: some law compels, or the provider does. What
/// nobody has to give and nobody gives has no price worth a line.
fn prices(sheet: &mut Sheet, may: &[&May]) {
    let asked = may.iter().filter(|may| may.obtains() || may.is_compelled_by_a_law());
    let prices: BTreeSet<_> = asked
        .flat_map(|may| &may.price)
        .map(|price| (price.jurisdiction.as_str(), price.penalty.as_str(), price.mark))
        .collect();
    for (law, penalty, certainty) in prices {
        let (ink, word) = mark(certainty);
        let pieces = [
            faint(format!("price of giving it, under {law}: ")),
            (Ink::Bad, penalty.into()),
            (ink, format!(" ({word})").into()),
        ];
        sheet.margin(4, 6, &pieces);
    }
}

fn can(sheet: &mut Sheet, reach: &ReachView, names: &Names) {
    // What is said of why is said once, of everybody of whom it is so.
    type Holders<'r> = Vec<(&'r str, Vec<&'r Can>)>;
    let mut reasons: Vec<(&str, bool, Holders<'_>)> = Vec::new();
    for can in &reach.can {
        let place =
            reasons.iter().position(|(why, unrecorded, _)| *why == can.why && *unrecorded == can.unrecorded);
        let place = place.unwrap_or_else(|| {
            reasons.push((&can.why, can.unrecorded, Vec::new()));
            reasons.len() - 1
        });
        let (entity, holders) = (names.entity(&can.entity), &mut reasons[place].2);
        match holders.iter_mut().find(|(known, _)| *known == entity) {
            Some((_, list)) => list.push(can),
            None => holders.push((entity, vec![can])),
        }
    }
    for (why, unrecorded, holders) in reasons {
        for (place, (who, list)) in holders.iter().enumerate() {
            let what = gather(list.iter().map(|can| (can.class.to_string(), can.region.to_string())));
            let how =
                if unrecorded { (Ink::Bad, "can: unrecorded".into()) } else { plain("can: recorded only") };
            let mut pieces = vec![(Ink::Strong, (*who).into()), plain(format!(", {what}: ")), how];
            if place > 0 {
                pieces.push(faint(", likewise"));
            }
            sheet.margin(2, 4, &pieces);
            if place == 0 {
                sheet.margin(4, 4, &[faint(why)]);
            }
        }
    }
}
