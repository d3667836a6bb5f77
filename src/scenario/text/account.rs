//! A mailbox: where its copies rest, who may read them and who can.

use std::collections::{BTreeMap, BTreeSet};

use super::sheet::{Ink, Look, Prose, Sheet, faint, gather, list, plain};
use super::told;
use crate::provider::{self, Can, KeyHolder, May, WhereView};
use crate::scenario::Moment;
use crate::scenario::names::Names;
use crate::scenario::view::{AccountView, ReachView};
use crate::world::{DataClass, RegionId};

/// One row for each copy, then who could have read what without an entry in the record.
pub fn account(sheet: &mut impl Prose, names: &Names, view: &AccountView, at: Moment) {
    sheet.label("mailbox");
    let what = format!(" on {}: what rests where, who may, and who can", at.date());
    sheet.paragraph(0, 0, &[(Ink::Strong, view.account.as_str().into()), faint(what)]);
    let rows: Vec<[String; 4]> = view
        .copies
        .iter()
        .map(|copy| {
            let reach = view.reach.iter().find(|row| row.class == copy.class && row.region == copy.region);
            [
                format!("  {} in {}", copy.class, copy.region),
                format!("{}, {}", copy.objects, told::bytes(copy.bytes)),
                reach.map_or(String::new(), may),
                holders(&copy.keys),
            ]
        })
        .collect();
    let heads = ["  copy", "holds", "may, by law", "can, by key"];
    sheet.table(heads, &rows, [Ink::Plain, Ink::Faint, Ink::Strong, Ink::Plain]);
    prices(sheet, view);
    if !view.reach.is_empty() {
        unrecorded(sheet, names, view);
    }
}

/// Every copy of a mailbox, its place, and whose key opens it.
pub fn where_text(place: &WhereView, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let declared = format!(" declared {}, which nobody checked", place.declared_country);
    sheet.wide(&[(Ink::Strong, place.account.as_str().into()), plain(declared)]);
    let row = |copy: &provider::CopyView| {
        [
            copy.class.to_string(),
            copy.region.to_string(),
            copy.country.to_string(),
            copy.objects.to_string(),
            told::bytes(copy.bytes),
            holders(&copy.keys),
        ]
    };
    let rows: Vec<[String; 6]> = place.copies.iter().map(row).collect();
    let heads = ["copy", "region", "country", "objects", "sealed", "opened by the key of"];
    sheet.listing(heads, &rows, [Ink::Plain; 6]);
    for copy in place.copies.iter().filter(|copy| !copy.allowed) {
        let what =
            format!("{} must not rest in {}: its placement does not allow it", copy.class, copy.region);
        sheet.wide(&[(Ink::Bad, what.into())]);
    }
    sheet.finish().0
}

/// Who may read a mailbox, who can, at what price.
pub fn reach_text(reach: &provider::ReachView, all: bool, names: &Names, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let date = Moment::utc(reach.at).date();
    sheet.wide(&[(Ink::Strong, reach.account.as_str().into()), plain(format!(" on {date}"))]);
    sheet.blank();
    sheet.wide(&[
        (Ink::Strong, "may".into()),
        faint(", by law: what an authority of the roster would get that day"),
    ]);
    let mut copies: Vec<(DataClass, &RegionId)> = Vec::new();
    for can in &reach.can {
        if !copies.contains(&(can.class, &can.region)) {
            copies.push((can.class, &can.region));
        }
    }
    let mut hidden = 0;
    for (class, region) in &copies {
        let of_copy = reach.may.iter().filter(|may| may.class == *class && may.region == **region);
        let (gets, others): (Vec<&May>, Vec<&May>) = of_copy.partition(|may| may.obtains());
        sheet.margin(2, 2, &[(Ink::Strong, format!("{class} in {region}").into())]);
        match gets.is_empty() {
            true => sheet.margin(4, 6, &[plain("nobody on the roster")]),
            false => ways(&mut sheet, &gets),
        }
        if all {
            ways(&mut sheet, &others);
        } else {
            hidden += others.len();
        }
        refusals(&mut sheet, region, &others);
        let prices: BTreeSet<(&str, &str)> = gets
            .iter()
            .flat_map(|may| &may.price)
            .map(|price| (price.jurisdiction.as_str(), price.penalty.as_str()))
            .collect();
        for (law, penalty) in prices {
            sheet.margin(4, 6, &[faint(format!("price under {law}: ")), (Ink::Bad, penalty.into())]);
        }
    }
    if hidden > 0 {
        sheet.margin(2, 4, &[faint(format!("{hidden} other ways lead to nothing; --all shows them"))]);
    }
    sheet.blank();
    sheet.wide(&[(Ink::Strong, "can".into()), faint(", by key: who could open it, whatever the law says")]);
    let mut reasons: Vec<(&str, bool, KeyHolder, Vec<&Can>)> = Vec::new();
    for can in &reach.can {
        let entity = names.entity(&can.entity);
        match reasons.iter_mut().find(|(who, _, role, _)| *who == entity && *role == can.who) {
            Some((_, _, _, list)) => list.push(can),
            None => reasons.push((entity, can.unrecorded, can.who, vec![can])),
        }
    }
    for (who, unrecorded, _, list) in reasons {
        let what = gather(list.iter().map(|can| (can.class.to_string(), can.region.to_string())));
        let how = if unrecorded { (Ink::Bad, "can: unrecorded".into()) } else { plain("can: recorded only") };
        sheet.margin(2, 4, &[(Ink::Strong, who.into()), plain(format!(", {what}: ")), how]);
        if let Some(can) = list.first() {
            sheet.margin(4, 4, &[faint(can.why.as_str())]);
        }
    }
    sheet.finish().0
}

/// What the gate would grant and the machine in the region refuse.
fn refusals(sheet: &mut Sheet, region: &RegionId, others: &[&May]) {
    let refused: Vec<&&May> = others.iter().filter(|may| !may.refused_under.is_empty()).collect();
    if refused.is_empty() {
        return;
    }
    let laws: BTreeSet<&str> =
        refused.iter().flat_map(|may| &may.refused_under).map(|law| law.as_str()).collect();
    let laws = laws.into_iter().collect::<Vec<_>>().join(", ");
    let ways = if refused.len() == 1 { "one way".to_owned() } else { format!("{} ways", refused.len()) };
    let what = format!(
        "{ways} that the gate would grant and {region} refuses: {laws} stands against it, and head office holds no key"
    );
    sheet.margin(4, 6, &[plain(what)]);
}

/// Who gets what by which instruments: `produced: us-ddc by warrant or court-order; us-fbi by subpoena`.
fn ways(sheet: &mut Sheet, may: &[&May]) {
    let mut outcomes: BTreeMap<(&str, &str), BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for may in may {
        let answer = outcomes.entry((may.in_short(), may.duty.as_str())).or_default();
        answer.entry(may.authority.as_str()).or_default().push(may.instrument.as_str());
    }
    for ((outcome, duty), authorities) in outcomes {
        let who = authorities.iter().map(|(who, by)| format!("{who} by {}", by.join(" or ")));
        let who = who.collect::<Vec<_>>().join("; ");
        sheet.margin(4, 6, &[plain(format!("{outcome} ({duty}): ")), faint(who)]);
    }
}

fn holders(keys: &[KeyHolder]) -> String {
    keys.iter().map(|key| key.as_str()).collect::<Vec<_>>().join(", ")
}

/// `nobody on the roster`, `10 in US`, `12: AU 2, US 10`.
fn may(row: &ReachView) -> String {
    let total: usize = row.may.values().map(|who| who.len()).sum();
    match row.may.iter().next() {
        None => "nobody on the roster".to_owned(),
        Some((country, _)) if row.may.len() == 1 => format!("{total} in {country}"),
        Some(_) => format!("{total} in {} countries", row.may.len()),
    }
}

fn prices(sheet: &mut impl Prose, view: &AccountView) {
    let mut prices: Vec<(&str, Vec<(String, String)>)> = Vec::new();
    for row in &view.reach {
        for price in &row.price {
            let copy = (row.class.to_string(), row.region.to_string());
            match prices.iter_mut().find(|(known, _)| known == price) {
                Some((_, copies)) => copies.push(copy),
                None => prices.push((price, vec![copy])),
            }
        }
    }
    for (price, copies) in prices {
        let who = format!(" (for {})", gather(copies));
        sheet.paragraph(2, 4, &[faint("price: "), (Ink::Bad, price.into()), faint(who)]);
    }
}

/// Who could have read what without leaving a trace.
fn unrecorded(sheet: &mut impl Prose, names: &Names, view: &AccountView) {
    let held =
        |who: KeyHolder| move |row: &&ReachView| row.can.iter().any(|can| can.who == who && can.unrecorded);
    let said = |row: &ReachView| (row.class.to_string(), row.region.to_string());
    let (head_office, others): (Vec<&ReachView>, Vec<&ReachView>) =
        view.reach.iter().partition(held(KeyHolder::HeadOffice));
    let entity = view.reach.iter().flat_map(|row| &row.can).find(|can| can.who == KeyHolder::HeadOffice);
    let who = entity.map_or("head office", |can| names.entity(&can.entity));
    let what = match (head_office.is_empty(), others.is_empty()) {
        (_, true) => format!("{who} holds a key to every copy: it could have read all of it."),
        (true, false) => format!("{who} holds no key: it could have read none of it."),
        (false, false) => {
            format!(
                "{who} could have read {}. It holds no key to {}.",
                gather(head_office.into_iter().map(said)),
                gather(others.into_iter().map(said))
            )
        }
    };
    sheet.paragraph(2, 4, &[(Ink::Bad, "unrecorded: ".into()), plain(what)]);
    let mut nodes: Vec<String> = Vec::new();
    for row in &view.reach {
        for can in row.can.iter().filter(|can| can.who == KeyHolder::Region && can.unrecorded) {
            let node = format!("{} in {}", names.entity(&can.entity), row.region);
            if !nodes.contains(&node) {
                nodes.push(node);
            }
        }
    }
    if !nodes.is_empty() {
        let what = format!("Whoever runs a node can go round the permit: {}.", list(nodes));
        sheet.paragraph(4, 4, &[faint(what)]);
    }
}
