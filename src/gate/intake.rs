//! The first look at a demand: is it what it says, and is it complete?
//!
//! What fails authenticity is an error, and no matter begins: anyone can send a text. What is authentic and faulty
//! is a matter, and goes back with what is wrong and what to do. Whether a demand is narrow enough is for a court.

use super::event::Finding;
use crate::clock::SimTime;
use crate::demand::{Act, BadInstrument, Demand, InstrumentKind, SignedInstrument};
use crate::directory::Directory;
use crate::world::{AuthorityId, UnknownName, World};

/// Why a text does not become a matter.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotAuthentic {
    #[error("the instrument cannot be read: {0}")]
    Unreadable(BadInstrument),
    #[error("{0}; enrol an authority in config/authorities before it can demand anything")]
    UnknownIssuer(UnknownName),
    #[error("the instrument of `{0}` does not verify: {1}; ask the authority to sign and send it again")]
    Signature(AuthorityId, BadInstrument),
}

/// Checks the issuer's signature against the roster.
pub fn authenticate(instrument: &SignedInstrument, world: &World) -> Result<Demand, NotAuthentic> {
    let issuer = instrument.claimed_issuer().map_err(NotAuthentic::Unreadable)?;
    let authority = world.roster().authority(&issuer).map_err(NotAuthentic::UnknownIssuer)?;
    instrument.verify(authority.signing_key()).map_err(|error| NotAuthentic::Signature(issuer, error))
}

/// Looks for what is wrong on the face of an authentic demand; an empty list lets it pass.
pub fn examine(demand: &Demand, received: SimTime, world: &World, directory: &Directory) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |what: String, remedy: &str| findings.push(Finding { what, remedy: remedy.to_owned() });

    if let Ok(authority) = world.roster().authority(&demand.issuing) {
        if !authority.may_issue(demand.instrument) {
            find(
                format!("`{}` may not issue an instrument of kind `{}`", demand.issuing, demand.instrument),
                "have it issued by an authority that may",
            );
        }
        if authority.country() != &demand.on_behalf_of {
            find(
                format!(
                    "`{}` is an authority of {}, and the demand is on behalf of {}",
                    demand.issuing,
                    authority.country(),
                    demand.on_behalf_of
                ),
                "an authority of another state asks through a treaty, and the local order comes here",
            );
        }
    }
    for named in demand.validating.iter().chain([&demand.deliver_to]) {
        if world.roster().authority(named).is_err() {
            find(format!("`{named}` is not on the roster of authorities"), "name an enrolled authority");
        }
    }
    if world.provider().entity(&demand.served_on).is_err() {
        find(
            format!("`{}` is not an entity of this provider", demand.served_on),
            "serve an entity of the provider",
        );
    }
    if demand.version == 0 {
        find("version 0".to_owned(), "count versions from 1");
    }
    if demand.issued > received {
        find(format!("issued at {}, after it was received", demand.issued), "correct the date of issue");
    }
    if let Some(until) = demand.valid_until.filter(|until| *until < received) {
        find(format!("valid until {until}, and received at {received}"), "have it issued again");
    }
    if demand.accounts.is_empty() {
        find("it names no account".to_owned(), "name the accounts");
    }
    for account in &demand.accounts {
        if directory.get(account).is_none() {
            find(
                format!("no account `{account}` at this provider"),
                "check the address, or say what identifies it",
            );
        }
    }
    if demand.acts.is_empty() {
        find(
            "it asks for no act".to_owned(),
            "say whether to disclose, preserve, keep secret, notify or assist",
        );
    }
    let wants_data = demand.acts.iter().any(|act| matches!(act, Act::Disclose | Act::Preserve));
    if wants_data && demand.classes.is_empty() {
        find("it names no class of data".to_owned(), "name the classes of data");
    }
    if let (Some(from), Some(to)) = (demand.range.from, demand.range.to)
        && from > to
    {
        find(format!("its date range ends on {to}, before it begins on {from}"), "correct the range");
    }
    if demand.instrument == InstrumentKind::LocalOrder && demand.executes.is_none() {
        find(
            "a local order that names no request it carries out".to_owned(),
            "name the state and the treaty",
        );
    }
    findings
}
