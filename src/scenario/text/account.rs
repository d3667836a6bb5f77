//! A mailbox: where its copies rest, who may read them and who can.

use super::law::mark;
use super::sheet::{Ink, Look, Prose, Sheet, faint, gather, list, plain};
use super::told;
use crate::provider::{self, KeyHolder, WhereView};
use crate::scenario::Moment;
use crate::scenario::names::Names;
use crate::scenario::view::{AccountView, ReachView};
use crate::world::SourceMark;

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
    type Copies = Vec<(String, String)>;
    let mut prices: Vec<(&str, SourceMark, Copies)> = Vec::new();
    for row in &view.reach {
        for price in &row.price {
            let copy = (row.class.to_string(), row.region.to_string());
            let same = |(penalty, mark, _): &&mut (&str, SourceMark, _)| {
                *penalty == price.penalty && *mark == price.mark
            };
            match prices.iter_mut().find(same) {
                Some((_, _, copies)) => copies.push(copy),
                None => prices.push((&price.penalty, price.mark, vec![copy])),
            }
        }
    }
    for (penalty, certainty, copies) in prices {
        let (ink, word) = mark(certainty);
        let pieces = [
            faint("price: "),
            (Ink::Bad, penalty.into()),
            (ink, format!(" ({word})").into()),
            faint(format!(" (for {})", gather(copies))),
        ];
        sheet.paragraph(2, 4, &pieces);
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
