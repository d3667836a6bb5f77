//! What is done and what comes about, in sentences.

use super::sheet::{Ink, Piece, Prose, faint, list, plain};
use crate::demand::{Demand, InstrumentKind, ProofLevel};
use crate::gate::{
    Cause, Filing, FilingKind, Order, OrderEffect, Party, PerDay, RouteMove, Selector, StanceChange,
};
use crate::scenario::names::Names;
use crate::scenario::script::{Action, Step};
use crate::scenario::view::{Happened, Happening};
use crate::scenario::{Moment, RouteTaken};

/// What a step does.
pub fn action(sheet: &mut impl Prose, names: &Names, step: &Step) {
    match &step.action {
        Action::Demand(demand) => self::demand(sheet, names, demand),
        Action::Order { order, .. } => self::order(sheet, names, order, step.at),
        Action::Filing { filing, .. } => self::filing(sheet, filing),
        Action::Stance(change) => stance(sheet, change),
        Action::Route(route) => self::route(sheet, names, route),
        Action::Note => {}
    }
}

/// Legal process, as it was received.
pub fn demand(sheet: &mut impl Prose, names: &Names, demand: &Demand) {
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
                " under {}{}, {proof} of {} ({}, up to {} years), {} ",
                demand.basis,
                in_brackets(names, &demand.basis),
                demand.offence.description,
                demand.offence.place,
                demand.offence.max_penalty_years,
                if demand.instrument == InstrumentKind::PreservationLetter { "asks" } else { "orders" },
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
        let limit = &request.use_limit;
        let mark = in_brackets(names, limit);
        format!("answers a request of {} under {}; {limit}{mark}", request.requesting, request.treaty)
    }));
    sheet.paragraph(0, 2, &[faint(more.join(" · "))]);
}

/// How sure we are of a text that the world cites, behind it; nothing for one that is somebody else's, as what an
/// authority writes into its demand is.
fn in_brackets(names: &Names, text: &str) -> String {
    names.cited.get(text).map_or(String::new(), |mark| format!(" ({mark})"))
}

/// The same for a text that ends with the basis of an order on a treaty route.
fn basis_in_brackets(names: &Names, what: &str) -> String {
    let cited = names.cited.iter().find(|(text, _)| what.ends_with(text.as_str()));
    cited.map_or(String::new(), |(_, mark)| format!(" ({mark})"))
}

/// What a court or authority ordered.
pub fn order(sheet: &mut impl Prose, names: &Names, order: &Order, at: Moment) {
    sheet.label("ordered");
    let does: Vec<Piece> = match &order.effect {
        OrderEffect::Compels => vec![plain("orders compliance")],
        OrderEffect::Bars => vec![plain("forbids compliance")],
        OrderEffect::Suspends => vec![plain("suspends the duty")],
        OrderEffect::Modifies => vec![plain("narrows the demand")],
        OrderEffect::Quashes => vec![plain("quashes the demand")],
        OrderEffect::Dismisses => vec![plain("has the case dismissed as moot")],
        OrderEffect::Silences => vec![plain("forbids telling anyone of the demand")],
        OrderEffect::Unseals => vec![plain("ends the ban on telling of the demand")],
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

/// What a party filed.
pub fn filing(sheet: &mut impl Prose, filing: &Filing) {
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
        FilingKind::Extension => "a request for one more term",
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

fn stance(sheet: &mut impl Prose, change: &StanceChange) {
    sheet.label("stance");
    let cases: Vec<String> = change.cases().map(|(case, conduct)| format!("{case}: {conduct}")).collect();
    sheet.paragraph(
        0,
        0,
        &[(Ink::Strong, "The provider".into()), plain(format!(" from now on: {}.", cases.join("; ")))],
    );
}

fn route(sheet: &mut impl Prose, names: &Names, route: &RouteTaken) {
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

/// What came about, now or on the way here: then with the date of each, in one column.
pub fn happenings(
    sheet: &mut impl Prose,
    names: &Names,
    happenings: &[Happening],
    at: Option<Moment>,
    dated: bool,
) {
    let mut last = "";
    for happening in happenings {
        let (label, mut pieces) = told(names, &happening.what, at);
        if label != last {
            if !dated || last.is_empty() {
                sheet.label(label);
            } else {
                sheet.label_close(label);
            }
            last = label;
        }
        if let Some(at) = at.filter(|_| dated) {
            pieces.insert(0, faint(format!("{}: ", at.with_time(happening.at).date())));
        }
        sheet.paragraph(0, 2, &pieces);
        if let Happened::Produced { conditions, objections, .. } = &happening.what {
            for condition in conditions.iter().filter(|condition| *condition != STAMP) {
                let mark = in_brackets(names, condition);
                sheet.paragraph(2, 4, &[faint("on condition: "), plain(condition.as_str()), faint(mark)]);
            }
            for objection in objections {
                sheet.paragraph(2, 4, &[(Ink::Doubt, "objection: ".into()), plain(objection.as_str())]);
            }
        }
    }
}

/// What every production is stamped with; a reader is told at the beginning and at the end.
const STAMP: &str = "SIMULATED";

/// Why a decision was made, as the end of a sentence; nothing where it goes without saying.
pub fn because(cause: &Cause) -> String {
    match cause {
        Cause::Received => String::new(),
        Cause::Order(id) => format!(" again, after the order `{id}`"),
        Cause::Filing(id) => format!(" again, after the filing `{id}`"),
        Cause::Stance => " again, by the provider's new stance".to_owned(),
        Cause::LawChanged => " again, because the law changed".to_owned(),
        Cause::Superseded => " again, because a later demand takes its place".to_owned(),
        Cause::Route => " again, because of the treaty route".to_owned(),
        Cause::TimeLimit => " again, because a time limit passed".to_owned(),
    }
}

/// One step along a treaty route: who, and what of it.
pub fn moved(names: &Names, step: &RouteMove, at: Option<Moment>) -> (String, String) {
    match step {
        RouteMove::Taken { by, treaty, on, percentile, requesting, requested, .. } => {
            let asks = format!("asks by treaty{}: {treaty}", which(on));
            let sure = names.paces.get(&(requesting.clone(), requested.clone()));
            let sure = sure.map_or(String::new(), |mark| format!("; {mark}"));
            let pace = format!("of 100 such requests, {percentile} are no slower{sure}");
            (names.authority(by).to_owned(), format!("{asks} ({pace})"))
        }
        RouteMove::Reached { stage, institution, until } => {
            let until = at.map_or(until.date_utc().to_string(), |at| at.with_time(*until).date());
            let told = names.desks.get(&(institution.clone(), stage.clone()));
            let does = told.map_or_else(
                || format!("has it at the stage {stage}."),
                |(says, mark)| format!("{} ({mark})", says.trim_end()),
            );
            (names.authority(institution).to_owned(), format!("{does} Until {until}."))
        }
        RouteMove::Ordered { order, by } => (names.authority(by).to_owned(), format!("orders it: {order}")),
        RouteMove::Failed { why } => ("The request".to_owned(), format!("ends without an answer: {why}")),
        RouteMove::Completed { use_limit } => {
            let sure = in_brackets(names, use_limit);
            ("The requesting authority".to_owned(), format!("has what it asked for, {use_limit}{sure}"))
        }
    }
}

fn told<'a>(names: &'a Names, what: &'a Happened, at: Option<Moment>) -> (&'static str, Vec<Piece<'a>>) {
    match what {
        Happened::Recorded { entry, matter, kind, cause, root, cosigned_by } => {
            let root: String = root.chars().take(12).collect();
            let outsiders = cosigned_by.iter().filter(|id| names.is_outside_witness(id)).count();
            let cosigned = match (cosigned_by.len() - outsiders, outsiders) {
                (0, 0) => ", cosigned by nobody".to_owned(),
                (own, 0) => format!(", cosigned by {own} and no outsider"),
                (own, 1) => format!(", cosigned by {own} and an outsider"),
                (own, outsiders) => format!(", cosigned by {own} and {outsiders} outsiders"),
            };
            (
                "record",
                vec![
                    plain(format!("entry {entry}: ")),
                    (Ink::Strong, kind.as_str().into()),
                    plain(cause.as_ref().map(because).unwrap_or_default()),
                    faint(format!(" · {matter} · root {root}…{cosigned}")),
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
        Happened::Routed { step, .. } => {
            let (who, what) = moved(names, step, at);
            ("treaty", vec![(Ink::Strong, who.into()), plain(format!(": {what}"))])
        }
        Happened::Received { matter, from, what } => (
            "received",
            vec![
                (Ink::Strong, names.authority(from).into()),
                plain(format!(": {}{} ", what.replace('-', " "), basis_in_brackets(names, what))),
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
