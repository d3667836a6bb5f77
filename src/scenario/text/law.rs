//! Who says what about a matter, and what it comes to.

use std::collections::BTreeMap;

use super::sheet::{self, Ink, Piece, Prose, Sheet, faint, gather, list, plain};
use crate::demand::Outcome;
use crate::gate::Duty;
use crate::law::{Position, PositionKind, Rule};
use crate::scenario::Moment;
use crate::scenario::view::{ItemView, MatterView};
use crate::world::{Source, SourceMark};

/// What a reader has been told already, so that every rule is told once.
#[derive(Default)]
pub struct Told {
    /// When each rule was told. A rule of one name can have several wordings, one after the other in time.
    rules: BTreeMap<(String, String), String>,
}

impl Told {
    /// True if the rule was told.
    fn knows(&self, rule: &Rule) -> bool {
        self.rules.contains_key(&(rule.id.clone(), rule.says.clone()))
    }

    /// Notes that a rule is told now; says when it was told before, if it was.
    fn before(&mut self, rule: &Rule, now: &str) -> Option<String> {
        let wording = (rule.id.clone(), rule.says.clone());
        let when = self.rules.get(&wording).cloned();
        if when.is_none() {
            self.rules.insert(wording, now.to_owned());
        }
        when
    }
}

/// What is shown of a matter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extent {
    /// Every item, as to somebody who asks how things stand.
    Whole,
    /// What differs from when it was last shown.
    Changes,
}

/// The positions that are new since the matter was last shown, then the items.
pub fn matter(
    sheet: &mut Sheet,
    told: &mut Told,
    now: &MatterView,
    before: Option<&MatterView>,
    at: Moment,
    extent: Extent,
) {
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
            sheet.paragraph(0, 2, &[(Ink::Strong, together(group).into())]);
            positions(sheet, told, &group[0].positions, &at.date());
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
    table(sheet, now, before, at, extent);
    for fine in &now.fines {
        let what = format!("{} {} so far, for {} days", fine.currency, fine.amount, fine.days);
        sheet.paragraph(
            2,
            4,
            &[(Ink::Bad, "contempt: ".into()), plain(what), faint(format!(" ({})", fine.order))],
        );
    }
    for sentence in now.telling(before, |time| at.with_time(time).date()) {
        sheet.paragraph(2, 4, &[plain(sentence), plain(".")]);
    }
}

pub fn earlier<'a>(before: Option<&'a MatterView>, item: &ItemView) -> Option<&'a ItemView> {
    before?.items.iter().find(|old| old.act == item.act && old.item == item.item)
}

/// Items about which every law holds the same by the same rules, together.
fn groups(view: &MatterView) -> Vec<Vec<&ItemView>> {
    let same = |a: &ItemView, b: &ItemView| {
        let rules = |position: &Position| -> Vec<String> {
            position.rules.iter().map(|rule| rule.id.clone()).collect()
        };
        let holds = |position: &Position| {
            (position.jurisdiction.clone(), position.kind, position.gap.clone(), rules(position))
        };
        a.positions.iter().map(holds).eq(b.positions.iter().map(holds))
    };
    let mut groups: Vec<Vec<&ItemView>> = Vec::new();
    for item in &view.items {
        match groups.iter_mut().find(|group| same(group[0], item)) {
            Some(group) => group.push(item),
            None => groups.push(vec![item]),
        }
    }
    groups
}

/// Items as a reader says them: `content and traffic in ie-dublin, subscriber in us-virginia`.
pub fn together(items: &[&ItemView]) -> String {
    gather(items.iter().filter_map(|item| {
        let label = item.label();
        let (what, place) = label.split_once(" in ")?;
        Some((what.to_owned(), place.to_owned()))
    }))
}

/// What every law that was asked holds, with its reasons.
pub fn positions(sheet: &mut Sheet, told: &mut Told, positions: &[Position], now: &str) {
    if positions.is_empty() {
        sheet.paragraph(2, 4, &[faint("no law was asked")]);
    }
    // Those with nothing to add share a line: silent laws, and laws that allow it by rules that were told already.
    let mut bare: Vec<(PositionKind, Vec<&str>)> = Vec::new();
    let mut allow: Vec<&str> = Vec::new();
    for position in positions {
        let jurisdiction = position.jurisdiction.as_str();
        if position.kind == PositionKind::Allows && position.rules.iter().all(|rule| told.knows(rule)) {
            allow.push(jurisdiction);
            continue;
        }
        match (position.rules.split_first(), &position.gap) {
            (Some((first, rest)), _) => {
                rule(sheet, told, jurisdiction, Some(position.kind), first, now);
                for another in rest {
                    rule(sheet, told, "", None, another, now);
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
        sheet.paragraph(2, 4, &[faint(format!("{}: {}", kind.as_str(), jurisdictions.join(", ")))]);
    }
    if !allow.is_empty() {
        sheet.paragraph(2, 4, &[faint(format!("allows, by what was told: {}", allow.join(", ")))]);
    }
}

/// The first two cells of a position.
fn name(jurisdiction: &str, kind: PositionKind) -> [(Piece<'static>, usize); 2] {
    [(plain(format!("  {jurisdiction}")), JURISDICTION), ((ink(kind), kind.as_str().into()), KIND)]
}

/// Columns of the table of positions, as wide as the longest word in each, so that sentences stand under each other.
const JURISDICTION: usize = "  EU".len();
const KIND: usize = "not-covered".len();

fn rule(
    sheet: &mut Sheet,
    told: &mut Told,
    jurisdiction: &str,
    kind: Option<PositionKind>,
    rule: &Rule,
    now: &str,
) {
    let nothing = [(plain(""), JURISDICTION), (plain(""), KIND)];
    let cells = kind.map_or(nothing.clone(), |kind| name(jurisdiction, kind));
    if let Some(when) = told.before(rule, now) {
        let when = if when == now { "as above".to_owned() } else { format!("as on {when}") };
        sheet.row(&cells, &[plain(rule.cite.as_str()), faint(format!(", {when}"))]);
        return;
    }
    sheet.row(&cells, &[plain(rule.says.as_str())]);
    let mark = source(&rule.source);
    let mut pieces: Vec<Piece> = vec![faint(format!("{} · {} · ", rule.cite, rule.weight)), mark];
    if let Some(penalty) = &rule.penalty {
        pieces.extend([faint(" · at the price of "), (Ink::Bad, penalty.as_str().into())]);
    }
    sheet.row(&nothing, &pieces);
}

/// How sure we are of what is cited; what was not read stands out.
pub fn source(source: &Source) -> Piece<'static> {
    (mark(source.mark()).0, source.shown().into())
}

/// How sure we are; what was not read stands out.
pub fn mark(certainty: SourceMark) -> Piece<'static> {
    let ink = if certainty >= SourceMark::FromMemory { Ink::Doubt } else { Ink::Faint };
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

fn table(sheet: &mut Sheet, now: &MatterView, before: Option<&MatterView>, at: Moment, extent: Extent) {
    let is_shown = |item: &&ItemView| extent == Extent::Whole || earlier(before, item) != Some(item);
    let (shown, quiet): (Vec<&ItemView>, Vec<&ItemView>) = now.items.iter().partition(is_shown);
    let several_accounts = now.items.iter().any(|item| item.item.account != now.items[0].item.account);
    let rows: Vec<[String; 4]> = shown
        .iter()
        .map(|item| {
            let conduct = item.conduct.map_or("", |conduct| conduct.as_str());
            let outcome = match item.outcome {
                Some(_) if now.is_unanswered(item) => "granted",
                outcome => outcome.map_or("undecided", |outcome| outcome.as_str()),
            };
            [format!("  {}", item.label()), item.duty.as_str().into(), conduct.into(), outcome.into()]
        })
        .collect();
    let heads = ["", "duty", "conduct", "outcome"];
    let widths = sheet::widths(heads, &rows);
    if !shown.is_empty() {
        sheet.heads(&sheet::cells(heads, [Ink::Faint; 4], widths));
    }
    for (item, row) in shown.iter().zip(&rows) {
        let inks = [Ink::Plain, duty_ink(item.duty), Ink::Plain, outcome_ink(item.outcome)];
        let cells = sheet::cells(row.each_ref().map(String::as_str), inks, widths);
        let mut notes = Vec::new();
        if several_accounts {
            notes.push(item.item.account.to_string());
        }
        if !item.suspended_by.is_empty() {
            notes
                .push(format!("suspended by {}", list(item.suspended_by.iter().map(|paper| paper.as_str()))));
        }
        if now.is_unanswered(item) {
            notes.push("the region has not handed it over yet".to_owned());
        }
        if let Some(due) = item.due.filter(|_| is_owed(item.outcome)) {
            let word = if due <= at.time() { "due since" } else { "due on" };
            notes.push(format!("{word} {}", at.with_time(due).date()));
        }
        let notes = notes.join(", ");
        let tail = [plain(notes.as_str())];
        sheet.row(&cells, if notes.is_empty() { &[] } else { &tail });
    }
    match (shown.is_empty(), quiet.is_empty()) {
        (true, false) => sheet.paragraph(2, 4, &[faint("nothing changes for any item")]),
        (false, false) => sheet.paragraph(2, 4, &[faint(format!("as before: {}", together(&quiet)))]),
        (_, true) => {}
    }
    let ways = treaties(now);
    if extent == Extent::Whole || before.map(treaties) != Some(ways.clone()) {
        for (treaty, items) in ways {
            let pieces = [faint("treaty route: "), plain(treaty), faint(format!(" (for {items})"))];
            sheet.paragraph(2, 4, &pieces);
        }
    }
}

/// The treaties named to the authority, with the items they are named for.
pub fn treaties(view: &MatterView) -> BTreeMap<&str, String> {
    let mut ways: BTreeMap<&str, Vec<&ItemView>> = BTreeMap::new();
    for item in view.items.iter().filter(|item| item.outcome != Some(Outcome::Lapsed)) {
        if let Some(treaty) = &item.treaty {
            ways.entry(treaty).or_default().push(item);
        }
    }
    ways.into_iter().map(|(treaty, items)| (treaty, together(&items))).collect()
}

/// True if somebody still waits for it.
pub fn is_owed(outcome: Option<Outcome>) -> bool {
    matches!(outcome, None | Some(Outcome::Rejected | Outcome::Returned | Outcome::Referred))
}

pub fn duty_ink(duty: Duty) -> Ink {
    match duty {
        Duty::Compelled => Ink::Strong,
        Duty::Barred => Ink::Bar,
        Duty::Conflicting => Ink::Bad,
        Duty::Free => Ink::Good,
        Duty::Open => Ink::Doubt,
        Duty::Undone | Duty::Moot => Ink::Faint,
    }
}

pub fn outcome_ink(outcome: Option<Outcome>) -> Ink {
    match outcome {
        Some(outcome) if outcome.is_production() => Ink::Good,
        Some(Outcome::TreatyOpen | Outcome::Routed) => Ink::Heading,
        Some(Outcome::Rejected) => Ink::Bad,
        None | Some(Outcome::Suspended) => Ink::Doubt,
        Some(_) => Ink::Plain,
    }
}
