//! Who says what about a matter, and what it comes to.

use super::sheet::{Ink, Piece, Sheet, columns, faint, list, plain};
use crate::demand::Outcome;
use crate::gate::Duty;
use crate::law::{Position, PositionKind, Rule};
use crate::scenario::Moment;
use crate::scenario::view::{ItemView, MatterView};
use crate::world::SourceMark;

/// The positions that are new since the matter was last shown, then every item as it stands.
pub fn matter(sheet: &mut Sheet, now: &MatterView, before: Option<&MatterView>, at: Moment) {
    let groups = groups(now);
    let fresh: Vec<&Vec<&ItemView>> = groups
        .iter()
        .filter(|group| {
            group.iter().any(|item| earlier(before, item).is_none_or(|old| old.positions != item.positions))
        })
        .collect();
    if !fresh.is_empty() {
        sheet.label("the law");
        for group in fresh {
            sheet.paragraph(0, 2, &[(Ink::Strong, list(group.iter().map(|item| item.label())).into())]);
            positions(sheet, &group[0].positions);
        }
    }
    sheet.label("now");
    let disposition = now.disposition.to_string();
    sheet.paragraph(
        0,
        2,
        &[(Ink::Strong, now.matter.to_string().into()), plain(format!(" is {disposition}"))],
    );
    for reason in &now.returned_for {
        sheet.paragraph(2, 4, &[(Ink::Doubt, "sent back: ".into()), plain(reason.as_str())]);
    }
    table(sheet, now, before, at);
    for fine in &now.fines {
        let what = format!("{} {} so far, for {} days", fine.currency, fine.amount, fine.days);
        sheet.paragraph(
            2,
            4,
            &[(Ink::Bad, "contempt: ".into()), plain(what), faint(format!(" ({})", fine.order))],
        );
    }
}

fn earlier<'a>(before: Option<&'a MatterView>, item: &ItemView) -> Option<&'a ItemView> {
    before?.items.iter().find(|old| old.act == item.act && old.item == item.item)
}

/// Items about which every law holds the same, together.
fn groups(view: &MatterView) -> Vec<Vec<&ItemView>> {
    let mut groups: Vec<Vec<&ItemView>> = Vec::new();
    for item in &view.items {
        match groups.iter_mut().find(|group| group[0].positions == item.positions) {
            Some(group) => group.push(item),
            None => groups.push(vec![item]),
        }
    }
    groups
}

fn positions(sheet: &mut Sheet, positions: &[Position]) {
    if positions.is_empty() {
        sheet.paragraph(2, 4, &[faint("no law was asked")]);
    }
    // Those with nothing to add share a line.
    let mut bare: Vec<(PositionKind, Vec<&str>)> = Vec::new();
    for position in positions {
        let jurisdiction = position.jurisdiction.as_str();
        match (position.rules.split_first(), &position.gap) {
            (Some((first, rest)), _) => {
                rule(sheet, jurisdiction, Some(position.kind), first);
                for another in rest {
                    rule(sheet, "", None, another);
                }
            }
            (None, Some(gap)) => sheet.row(&name(jurisdiction, position.kind), &[plain(gap.as_str())]),
            (None, None) => match bare.iter_mut().find(|(kind, _)| *kind == position.kind) {
                Some((_, list)) => list.push(jurisdiction),
                None => bare.push((position.kind, vec![jurisdiction])),
            },
        }
    }
    for (kind, jurisdictions) in bare {
        sheet.row(&name(&jurisdictions.join(", "), kind), &[]);
    }
}

/// The first two cells of a position.
fn name(jurisdiction: &str, kind: PositionKind) -> [(Piece<'static>, usize); 2] {
    [(plain(format!("  {jurisdiction}")), JURISDICTION), ((ink(kind), kind.as_str().into()), KIND)]
}

/// Columns of the table of positions, as wide as the longest word in each, so that sentences stand under each other.
const JURISDICTION: usize = "  EU".len();
const KIND: usize = "not-covered".len();

fn rule(sheet: &mut Sheet, jurisdiction: &str, kind: Option<PositionKind>, rule: &Rule) {
    let nothing = [(plain(""), JURISDICTION), (plain(""), KIND)];
    let cells = kind.map_or(nothing.clone(), |kind| name(jurisdiction, kind));
    sheet.row(&cells, &[plain(rule.says.as_str())]);
    let mark = mark(rule.source.mark);
    let mut pieces: Vec<Piece> = vec![faint(format!("{} · {} · ", rule.cite, rule.weight)), mark];
    if let Some(penalty) = &rule.penalty {
        pieces.extend([faint(" · at the price of "), (Ink::Bad, penalty.as_str().into())]);
    }
    sheet.row(&nothing, &pieces);
}

/// How sure we are; what was not read stands out.
pub fn mark(certainty: SourceMark) -> Piece<'static> {
    let ink = if certainty == SourceMark::FromMemory { Ink::Doubt } else { Ink::Faint };
    (ink, certainty.as_str().into())
}

fn ink(kind: PositionKind) -> Ink {
    match kind {
        PositionKind::Compels => Ink::Strong,
        PositionKind::Bars => Ink::Bar,
        PositionKind::Allows => Ink::Good,
        PositionKind::Open | PositionKind::NotCovered => Ink::Doubt,
        PositionKind::Silent => Ink::Faint,
    }
}

fn table(sheet: &mut Sheet, now: &MatterView, before: Option<&MatterView>, at: Moment) {
    let labels: Vec<String> = now.items.iter().map(ItemView::label).collect();
    let label = labels.iter().map(|label| columns(label)).max().unwrap_or(0) + 2;
    let several_accounts = now.items.iter().any(|item| item.item.account != now.items[0].item.account);
    for (item, name) in now.items.iter().zip(&labels) {
        let changed = earlier(before, item) != Some(item);
        let conduct = item.conduct.map_or("", |conduct| conduct.as_str());
        let outcome = item.outcome.map_or("undecided", |outcome| outcome.as_str());
        let shown = |ink: Ink| if changed { ink } else { Ink::Faint };
        let cells = [
            ((shown(Ink::Plain), format!("  {name}").into()), label),
            ((shown(duty_ink(item.duty)), item.duty.as_str().into()), "conflicting".len()),
            ((shown(Ink::Plain), conduct.into()), "negotiate".len()),
            ((shown(outcome_ink(item.outcome)), outcome.into()), "treaty-open".len()),
        ];
        let mut notes = Vec::new();
        if several_accounts {
            notes.push(item.item.account.to_string());
        }
        if !item.suspended_by.is_empty() {
            notes
                .push(format!("suspended by {}", list(item.suspended_by.iter().map(|paper| paper.as_str()))));
        }
        if let Some(due) = item.due.filter(|_| !item.outcome.is_some_and(Outcome::is_production)) {
            let word = if due <= at.time() { "due since" } else { "due on" };
            notes.push(format!("{word} {}", at.with_time(due).date()));
        }
        notes.extend(item.treaty.as_ref().map(|treaty| format!("treaty: {treaty}")));
        let notes = notes.join(", ");
        let tail = [(shown(Ink::Plain), notes.as_str().into())];
        sheet.row(&cells, if notes.is_empty() { &[] } else { &tail });
    }
}

fn duty_ink(duty: Duty) -> Ink {
    match duty {
        Duty::Compelled => Ink::Strong,
        Duty::Barred => Ink::Bar,
        Duty::Conflicting => Ink::Bad,
        Duty::Free => Ink::Good,
        Duty::Open => Ink::Doubt,
    }
}

fn outcome_ink(outcome: Option<Outcome>) -> Ink {
    match outcome {
        Some(outcome) if outcome.is_production() => Ink::Good,
        Some(Outcome::TreatyOpen | Outcome::Routed) => Ink::Heading,
        Some(Outcome::Rejected) => Ink::Bad,
        None | Some(Outcome::Suspended) => Ink::Doubt,
        Some(_) => Ink::Plain,
    }
}
