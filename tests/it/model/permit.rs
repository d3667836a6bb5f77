//! A permit, and the steps of `record::permit::verify` in their order.

use super::check::Check;
use super::history::{Entry, History, Quorums, Terms};

/// A lie that head office tells in a permit, beside what it recorded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Forgery {
    /// A leaf with a grant that stands nowhere.
    Leaf,
    /// A grant in place of the one that the entry holds.
    Grant,
    /// Entries of other matters in place of the later entries of this one.
    Later,
}

impl Forgery {
    pub const ALL: [Option<Forgery>; 4] =
        [None, Some(Forgery::Leaf), Some(Forgery::Grant), Some(Forgery::Later)];
}

/// What the region is shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Shown {
    pub head: History,
    /// Who cosigned that head, and who of them within a day, as sets.
    pub by: u8,
    pub fresh: u8,
    /// The entry with the grant.
    pub index: u8,
    pub forgery: Option<Forgery>,
    /// The moment that head office says it is: 1 or 2.
    pub now: u8,
}

/// What the region holds against it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct View {
    pub own: History,
    pub reached: Option<Reached>,
}

/// As `record::permit::Reached`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Reached {
    pub time: u8,
    pub size: u8,
}

impl Reached {
    pub fn then(before: Option<Reached>, time: u8, size: u8) -> Self {
        match before {
            Some(before) if before.time >= time => before,
            _ => Reached { time, size },
        }
    }
}

/// As `PermitError`, where it makes a difference here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    Quorum,
    Stale,
    OlderThanOwnHead,
    Forked,
    Inclusion,
    Later,
    Overtaken,
    Grant,
    Region,
    UnknownIssuer,
    Instrument,
    NotCompetent,
    Scope,
    Requester,
    Recipient,
    NoRecipientKey,
    TimeGoesBack,
    DecidedInFuture,
    DatedBack,
    BehindRecord,
    Expired,
}

/// What a permit for an entry that grants nothing has to make up.
const MADE_UP: Entry = Entry { matter: 0, grant: Some(Terms::Good), at: 1 };

/// `check_checkpoint`, with all checks but one.
pub fn check_checkpoint(
    shown: &Shown,
    own: &History,
    quorums: &Quorums,
    without: Option<Check>,
) -> Result<(), Refusal> {
    let refuse = refusing(without);
    let counted = if without == Some(Check::Fresh) { shown.by } else { shown.fresh };
    refuse(Check::Quorum, !quorums.enough(shown.by), Refusal::Quorum)?;
    if quorums.enough(shown.by) {
        refuse(Check::Fresh, !quorums.enough(counted), Refusal::Stale)?;
    }
    let older = shown.head.len() < own.len();
    refuse(Check::OwnHead, older, Refusal::OlderThanOwnHead)?;
    refuse(Check::Forked, !older && !shown.head.extends(own), Refusal::Forked)
}

fn refusing(without: Option<Check>) -> impl Fn(Check, bool, Refusal) -> Result<(), Refusal> {
    move |check, fails, refusal| match fails && without != Some(check) {
        true => Err(refusal),
        false => Ok(()),
    }
}

/// The entry that the region acts on, or why it does not; with all checks but one.
pub fn verdict(
    shown: &Shown,
    view: &View,
    quorums: &Quorums,
    without: Option<Check>,
) -> Result<Entry, Refusal> {
    let refuse = refusing(without);
    let Shown { head, index, now, .. } = *shown;
    check_checkpoint(shown, &view.own, quorums, without)?;

    // `check_entry`
    refuse(Check::Inclusion, shown.forgery == Some(Forgery::Leaf), Refusal::Inclusion)?;
    let held = head.get(usize::from(index)).ok_or(Refusal::Inclusion)?;
    let claimed = match shown.forgery {
        Some(Forgery::Leaf | Forgery::Grant) => MADE_UP,
        _ => held,
    };

    // `check_later`: the leaf says of which matter the entry is.
    let matter = if shown.forgery == Some(Forgery::Leaf) { claimed.matter } else { held.matter };
    let overtaken = head.overtakes(usize::from(index), matter);
    let left_out = shown.forgery == Some(Forgery::Later);
    refuse(Check::LaterShown, left_out && overtaken, Refusal::Later)?;
    refuse(Check::Overtaken, overtaken && !left_out, Refusal::Overtaken)?;

    // `check_grant`
    refuse(Check::Grant, shown.forgery == Some(Forgery::Grant), Refusal::Grant)?;
    let Some(terms) = claimed.grant else { return Err(Refusal::Grant) };
    refuse(Check::Region, terms == Terms::Elsewhere, Refusal::Region)?;

    // `check_instrument`
    refuse(Check::Issuer, terms == Terms::Unknown, Refusal::UnknownIssuer)?;
    refuse(Check::Signature, terms == Terms::Forged, Refusal::Instrument)?;
    refuse(Check::Competence, terms == Terms::Incompetent, Refusal::NotCompetent)?;

    // `check_scope`
    refuse(Check::Scope, terms == Terms::Wider, Refusal::Scope)?;
    refuse(Check::Requester, terms == Terms::OtherRequester, Refusal::Requester)?;
    refuse(Check::Recipient, terms == Terms::OtherRecipient, Refusal::Recipient)?;
    refuse(Check::RecipientKey, terms == Terms::NoKey, Refusal::NoRecipientKey)?;

    // `check_time`
    let earlier = |moment: u8| view.reached.is_some_and(|reached| moment < reached.time);
    refuse(Check::TimeGoesBack, earlier(now), Refusal::TimeGoesBack)?;
    if claimed.at > now {
        return Err(Refusal::DecidedInFuture);
    }
    if view.reached.is_some_and(|reached| index >= reached.size) && earlier(claimed.at) {
        return Err(Refusal::DatedBack);
    }
    if head.entries().skip(usize::from(index) + 1).any(|later| later.at > now) {
        return Err(Refusal::BehindRecord);
    }
    refuse(Check::Expired, terms == Terms::Expiring && now > 1, Refusal::Expired)?;
    Ok(claimed)
}
