//! What is done and what comes about, in sentences.

use super::sheet::{Ink, Piece, Sheet, faint, list, plain};
use crate::demand::{Demand, ProofLevel};
use crate::gate::{Filing, FilingKind, Order, OrderEffect, Party, PerDay, Selector};
use crate::scenario::names::Names;
use crate::scenario::script::{Action, Step};
use crate::scenario::view::{Happened, Happening};
use crate::scenario::{Moment, RouteTaken, StanceChange};

/// What a step does.
pub fn action(sheet: &mut Sheet, names: &Names, step: &Step) {
    match &step.action {
        Action::Demand(demand) => self::demand(sheet, names, demand),
        Action::Order { order, .. } => self::order(sheet, names, order, step.at),
        Action::Filing { filing, .. } => self::filing(sheet, filing),
        Action::Stance(change) => stance(sheet, change),
        Action::Route(route) => self::route(sheet, names, route),
        Action::Note => {}
    }
}

fn demand(sheet: &mut Sheet, names: &Names, demand: &Demand) {
    sheet.label("asked");
    let proof = match demand.proof {
        ProofLevel::ProbableCause => "on probable cause",
        ProofLevel::ReasonableGrounds => "on reasonable grounds",
        ProofLevel::ArticulableFacts => "on specific and articulable facts",
        ProofLevel::Relevance => "as relevant to a case",
        ProofLevel::None => "without saying why",
    };
    let instrument = demand.instrument.as_str().replace('-', " ");
    let acts = list(demand.acts.iter().map(|act| act.as_str().replace('-', " ")));
    let classes = list(demand.classes.iter().map(|class| class.as_str()));
    let accounts = list(demand.accounts.iter().map(|account| account.as_str()));
    sheet.paragraph(
        0,
        0,
        &[
            (Ink::Strong, names.authority(&demand.issuing).into()),
            plain(format!(", by {instrument} ")),
            (Ink::Strong, demand.id.to_string().into()),
            plain(format!(
                " under {}, {proof} of {} ({}, up to {} years), asks ",
                demand.basis,
                demand.offence.description,
                demand.offence.place,
                demand.offence.max_penalty_years
            )),
            (Ink::Strong, names.entity(&demand.served_on).into()),
            plain(format!(" to {acts} {classes} of {accounts}")),
            plain(if demand.emergency { ", as an emergency." } else { "." }),
        ],
    );
    let mut more = vec![format!("sealed to {}", names.authority(&demand.deliver_to))];
    match (demand.range.from, demand.range.to) {
        (None, None) => {}
        (from, to) => {
            let end =
                |date: Option<crate::clock::Date>| date.map_or("…".to_owned(), |date| date.to_string());
            more.push(format!("dates {} to {}", end(from), end(to)));
        }
    }
    more.extend(demand.validating.as_ref().map(|by| format!("validated by {}", names.authority(by))));
    more.extend(demand.relates.as_ref().map(|relation| {
        let how = match relation.kind {
            crate::demand::RelationKind::PreservesFor => "preserves for",
            crate::demand::RelationKind::Amends => "amends",
            crate::demand::RelationKind::Supersedes => "takes the place of",
            crate::demand::RelationKind::Confirms => "confirms",
        };
        format!("{how} {}", relation.demand)
    }));
    more.extend(demand.executes.as_ref().map(|request| {
        format!("answers a request of {} under {}; {}", request.requesting, request.treaty, request.use_limit)
    }));
    sheet.paragraph(0, 2, &[faint(more.join(" · "))]);
}

fn order(sheet: &mut Sheet, names: &Names, order: &Order, at: Moment) {
    sheet.label("ordered");
    let does: Vec<Piece> = match &order.effect {
        OrderEffect::Compels => vec![plain("orders compliance")],
        OrderEffect::Bars => vec![plain("forbids compliance")],
        OrderEffect::Suspends => vec![plain("suspends the duty")],
        OrderEffect::Modifies => vec![plain("narrows the demand")],
        OrderEffect::Quashes => vec![plain("quashes the demand")],
        OrderEffect::Lifts(ids) => {
            vec![plain("lifts "), (Ink::Strong, list(ids.iter().map(|id| id.as_str())).into())]
        }
        OrderEffect::Vacates(ids) => {
            vec![plain("vacates "), (Ink::Strong, list(ids.iter().map(|id| id.as_str())).into())]
        }
        OrderEffect::Fines(None) => vec![plain("holds the provider in contempt, without a fine")],
        OrderEffect::Fines(Some(PerDay { amount, currency })) => {
            vec![
                plain("holds the provider in contempt, at "),
                (Ink::Bad, format!("{currency} {amount} a day").into()),
            ]
        }
    };
    let mut pieces = vec![(Ink::Strong, names.authority(&order.by).into()), plain(" ")];
    pieces.extend(does);
    pieces.push(plain(which(&order.on)));
    if order.from != at.time() {
        pieces.push(plain(format!(", from {}", at.with_time(order.from).date())));
    }
    if let Some(until) = order.until {
        pieces.push(plain(format!(", until {}", at.with_time(until).date())));
    }
    pieces.push(plain(if order.by_stipulation { ", by stipulation of the parties." } else { "." }));
    pieces.push(faint(format!(" ({})", order.id)));
    sheet.paragraph(0, 0, &pieces);
    for condition in &order.conditions {
        sheet.paragraph(0, 2, &[faint("on condition: "), plain(condition.as_str())]);
    }
}

fn filing(sheet: &mut Sheet, filing: &Filing) {
    sheet.label("filed");
    let who = match filing.by {
        Party::Provider => "The provider",
        Party::Authority => "The authority",
        Party::AccountHolder => "The account holder",
        Party::ThirdParty => "A third party",
    };
    let what = match filing.kind {
        FilingKind::Motion => "a motion",
        FilingKind::Objection => "an objection",
        FilingKind::Appeal => "an appeal",
        FilingKind::Brief => "a brief",
        FilingKind::Consent => "its consent",
        FilingKind::Waiver => "a waiver",
        FilingKind::Report => "a report",
    };
    let effect = if filing.suspends { "; the duty waits until a court has ruled." } else { "." };
    sheet.paragraph(
        0,
        0,
        &[
            (Ink::Strong, who.into()),
            plain(format!(" files {what}{}{effect}", which(&filing.on))),
            faint(format!(" ({})", filing.id)),
        ],
    );
}

fn stance(sheet: &mut Sheet, change: &StanceChange) {
    sheet.label("stance");
    let cases: Vec<String> = change.cases().map(|(case, conduct)| format!("{case}: {conduct}")).collect();
    sheet.paragraph(
        0,
        0,
        &[(Ink::Strong, "The provider".into()), plain(format!(" from now on: {}.", cases.join("; ")))],
    );
}

fn route(sheet: &mut Sheet, names: &Names, route: &RouteTaken) {
    sheet.label("treaty");
    sheet.paragraph(
        0,
        0,
        &[
            (Ink::Strong, names.authority(&route.by).into()),
            plain(format!(" takes the treaty route{}.", which(&route.on))),
            faint(format!(" (the order that answers it will be {})", route.answer)),
        ],
    );
}

/// ` for content in ie-dublin`; nothing for a whole demand.
fn which(on: &Selector) -> String {
    let classes = list(on.classes.iter().map(|class| class.as_str()));
    let regions = list(on.regions.iter().map(|region| region.as_str()));
    match (classes.is_empty(), regions.is_empty()) {
        (true, true) => String::new(),
        (false, true) => format!(" for {classes}"),
        (true, false) => format!(" for all that rests in {regions}"),
        (false, false) => format!(" for {classes} in {regions}"),
    }
}

/// What came about; with the date of each where they are of different days.
pub fn happenings(sheet: &mut Sheet, names: &Names, happenings: &[Happening], dated: Option<Moment>) {
    let mut last = "";
    for happening in happenings {
        let (label, mut pieces) = told(names, &happening.what);
        if label != last {
            sheet.label(label);
            last = label;
        }
        if let Some(at) = dated {
            pieces.insert(0, faint(format!("{}: ", at.with_time(happening.at).date())));
        }
        sheet.paragraph(0, 2, &pieces);
        if let Happened::Produced { conditions, objections, .. } = &happening.what {
            for condition in conditions {
                sheet.paragraph(2, 4, &[faint("on condition: "), plain(condition.as_str())]);
            }
            for objection in objections {
                sheet.paragraph(2, 4, &[(Ink::Doubt, "objection: ".into()), plain(objection.as_str())]);
            }
        }
    }
}

fn told<'a>(names: &'a Names, what: &'a Happened) -> (&'static str, Vec<Piece<'a>>) {
    match what {
        Happened::Recorded { entry, matter, kind, root, cosigned_by } => {
            let root: String = root.chars().take(12).collect();
            let cosigned = match cosigned_by.len() {
                0 => String::new(),
                n => format!(", cosigned by {n}"),
            };
            (
                "record",
                vec![
                    plain(format!("entry {entry}: ")),
                    (Ink::Strong, kind.as_str().into()),
                    plain(format!(" ({matter})")),
                    faint(format!(" root {root}…{cosigned}")),
                ],
            )
        }
        Happened::Produced {
            region, classes, objects: count, bytes: size, ciphertext, sealed_to, ..
        } => {
            let classes = list(classes.iter().map(|class| class.as_str()));
            let form = if *ciphertext { ", as ciphertext only" } else { "" };
            (
                "produced",
                vec![
                    (Ink::Good, region.as_str().into()),
                    plain(format!(" hands over {classes}{form}: {}, {}", objects(*count), bytes(*size))),
                    faint(format!(", sealed to {}", names.authority(sealed_to))),
                ],
            )
        }
        Happened::Refused { region, why, .. } => {
            ("refused", vec![(Ink::Bad, region.as_str().into()), plain(format!(" refuses: {why}"))])
        }
        Happened::Routed { institution, what, .. } => {
            ("treaty", vec![(Ink::Strong, institution.as_str().into()), plain(format!(": {what}"))])
        }
        Happened::Received { matter, from, what } => (
            "received",
            vec![
                (Ink::Strong, names.authority(from).into()),
                plain(format!(": {what} ")),
                (Ink::Strong, matter.to_string().into()),
            ],
        ),
        Happened::TimeLimit { what, .. } => ("time", vec![plain(what.as_str())]),
    }
}

/// `1 object`, `41 objects`.
pub fn objects(count: u64) -> String {
    if count == 1 { "1 object".to_owned() } else { format!("{count} objects") }
}

/// `999 B`, `12.3 kB`, `4.0 MB`: decimal units, one place.
pub fn bytes(size: u64) -> String {
    let (unit, name) = match size {
        0..1_000 => return format!("{size} B"),
        1_000..1_000_000 => (1_000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        _ => (1_000_000_000, "GB"),
    };
    format!("{}.{} {name}", size / unit, size % unit * 10 / unit)
}
