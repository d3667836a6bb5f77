//! A matter told outside a play: how it stands, or every recorded step of it.

use super::law::{self, Extent, Told};
use super::sheet::{Ink, Look, Prose, Sheet, faint, list, plain};
use super::told;
use crate::clock::SimTime;
use crate::demand::Act;
use crate::gate::{Event, ItemDecision, Lapse};
use crate::provider::{History, MatterView};
use crate::scenario::Moment;
use crate::scenario::names::Names;
use crate::scenario::playhouse::answered;
use crate::scenario::view::{self, Happening, ItemView};

/// How a matter stands, with what every law holds.
pub fn matter_text(matter: &MatterView, now: SimTime, names: &Names, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    heading(&mut sheet, names, matter);
    let view = matter.clone().into();
    law::matter(&mut sheet, &mut Told::default(), &view, None, Moment::utc(now), Extent::Whole);
    sheet.finish().0
}

/// Every recorded step of a matter, with the rules behind each decision.
pub fn history_text(history: &History, names: &Names, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    heading(&mut sheet, names, &history.matter);
    let mut told = Told::default();
    let mut before: Option<view::MatterView> = None;
    for (entry, event) in &history.events {
        let at = Moment::utc(event.at());
        sheet.blank();
        sheet.rule(&format!("entry {entry}"), &format!("{} · {} · {}", at.date(), at.hour(), event.kind()));
        step(&mut sheet, &mut told, &mut before, names, &history.matter, event, at);
    }
    sheet.finish().0
}

fn heading(sheet: &mut Sheet, names: &Names, matter: &MatterView) {
    let received = Moment::utc(matter.received).date();
    sheet.wide(&[
        (Ink::Strong, matter.demand.to_string().into()),
        plain(format!(" of {}, received on {received}: ", names.authority(&matter.issuing))),
        (Ink::Strong, matter.disposition.to_string().into()),
    ]);
    if let Some(later) = &matter.superseded_by {
        let same = *later == matter.demand;
        let later = if same { "A later version of it".to_owned() } else { later.to_string() };
        sheet.wide(&[faint(format!("{later} took its place."))]);
    }
    lapses(sheet, &matter.lapses);
    if let Some(why) = &matter.delayed_by {
        let next = match matter.tried_again_in {
            Some(0 | 1) => "the provider tries again by itself within a second".to_owned(),
            Some(seconds) => format!("the provider tries again by itself in {seconds} s"),
            None => "the provider is trying again at this moment".to_owned(),
        };
        let what = format!(" {why}. Nothing is released meanwhile; {next}.");
        sheet.wide(&[(Ink::Doubt, "It waits:".into()), plain(what)]);
    }
}

/// What was due and not done, once for each time and reason.
fn lapses(sheet: &mut Sheet, lapses: &[Lapse]) {
    let mut told: Vec<&Lapse> = Vec::new();
    for lapse in lapses {
        let alike = |other: &&Lapse| {
            (other.act, other.due, &other.for_want_of, other.since)
                == (lapse.act, lapse.due, &lapse.for_want_of, lapse.since)
        };
        if told.iter().any(&alike) {
            continue;
        }
        told.push(lapse);
        let mut classes: Vec<&str> =
            lapses.iter().filter(|other| alike(other)).map(|other| other.item.class.as_str()).collect();
        classes.sort_unstable();
        classes.dedup();
        let done = if lapse.act == Act::Disclose { "handed over" } else { "done" };
        let (due, since) = (Moment::utc(lapse.due), Moment::utc(lapse.since));
        let what = format!(
            " {} was due on {} at {} and was not {done} in time, for want of {} since {} at {}.",
            list(classes),
            due.date(),
            due.hour(),
            lapse.for_want_of.words(),
            since.date(),
            since.hour()
        );
        sheet.paragraph(0, 2, &[(Ink::Bad, "Lapse:".into()), plain(what)]);
    }
}

fn step(
    sheet: &mut Sheet,
    told: &mut Told,
    before: &mut Option<view::MatterView>,
    names: &Names,
    matter: &MatterView,
    event: &Event,
    at: Moment,
) {
    match event {
        Event::Received { demand, instrument, .. } => {
            told::demand(sheet, names, demand);
            let digest: String = instrument.digest.chars().take(12).collect();
            sheet.paragraph(0, 2, &[faint(format!("SHA-256 of the signed text: {digest}…"))]);
        }
        Event::Returned { note, .. } => {
            sheet.label("sent back");
            for finding in note {
                sheet.paragraph(
                    0,
                    2,
                    &[plain(finding.what.as_str()), faint(format!("; {}", finding.remedy))],
                );
            }
        }
        Event::Decided { law, decision, note, .. } => {
            let law: String = law.chars().take(12).collect();
            sheet.label("decided");
            let why = told::because(note);
            let why = if why.is_empty() { "on receipt" } else { why.trim_start() };
            sheet.paragraph(0, 2, &[plain(why), faint(format!(" · by the law books {law}…"))]);
            let now = decided(matter, before.as_ref(), decision);
            law::matter(sheet, told, &now, before.as_ref(), at, Extent::Changes);
            *before = Some(now);
        }
        Event::Ordered { order, .. } => told::order(sheet, names, order, at),
        Event::Filed { order, .. } => told::filing(sheet, order),
        Event::Delivered { production, .. } => {
            let answers: Vec<Happening> = production
                .iter()
                .map(|answer| Happening { at: at.time(), what: answered(&matter.demand, answer.clone()) })
                .collect();
            told::happenings(sheet, names, &answers, Some(at), false);
        }
        Event::Routed { route, .. } => {
            let (who, what) = told::moved(names, route, Some(at));
            sheet.label("treaty");
            sheet.paragraph(0, 2, &[(Ink::Strong, who.into()), plain(format!(": {what}"))]);
        }
        Event::Superseded { note, .. } => {
            sheet.label("superseded");
            sheet.paragraph(0, 2, &[plain(format!("{note} takes its place"))]);
        }
        Event::Missed { note, .. } => {
            sheet.label("missed");
            lapses(sheet, note);
        }
        Event::Told { parties, note, .. } => {
            sheet.label("told");
            let entries = list(note.iter().map(u64::to_string));
            sheet.paragraph(
                0,
                2,
                &[
                    (Ink::Strong, parties.to_string().into()),
                    plain(format!(" was told of entries {entries}")),
                ],
            );
        }
    }
}

/// The matter after a decision: what was decided anew, in its place among what stays as it was.
fn decided(
    matter: &MatterView,
    before: Option<&view::MatterView>,
    decision: &[ItemDecision],
) -> view::MatterView {
    let mut items: Vec<ItemView> = before.map(|before| before.items.clone()).unwrap_or_default();
    for new in decision.iter().cloned().map(ItemView::from) {
        match items.iter_mut().find(|old| old.act == new.act && old.item == new.item) {
            Some(old) => *old = new,
            None => items.push(new),
        }
    }
    let outcomes = items.iter().map(|item| item.outcome.unwrap_or(crate::demand::Outcome::Suspended));
    view::MatterView {
        matter: matter.demand.clone(),
        disposition: crate::demand::Disposition::of(outcomes),
        returned_for: Vec::new(),
        items,
        // What the regions answered is told after this.
        unanswered: Vec::new(),
        fines: Vec::new(),
        told_to: Vec::new(),
        closed: Vec::new(),
        published: false,
    }
}
