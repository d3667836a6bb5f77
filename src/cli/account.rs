//! `rogatory where` and `rogatory reach`: one mailbox, its copies, and who gets to it.

use clap::Args;

use super::common::{look, wait};
use super::control::{RunningArguments, unexpected};
use super::screen::{self, Format};
use super::{Exit, Outcome};
use crate::clock::{ParseTimeError, SimTime};
use crate::provider::{Ask, Told};
use crate::scenario::{by_text, reach_text, sweep_text, where_text};
use crate::world::{Address, AuthorityId};

/// Show every copy of a mailbox, its place, and whose key opens it
///
/// Five facts about a mailbox are never mixed. This shows two: where the bytes rest, and who can use the key.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  rogatory where molly@post.example
  rogatory where molly@post.example --format json
  rogatory where --violations             what rests where it may not: normally nothing")]
pub struct WhereArguments {
    /// The account, such as `molly@post.example`
    #[arg(required_unless_present = "violations")]
    address: Option<Address>,
    /// Every copy of anybody's that rests where its placement does not allow
    #[arg(long, conflicts_with = "address")]
    violations: bool,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    running: RunningArguments,
}

/// Show who may read a mailbox by law, who can by key, and at what price
///
/// Three answers, worked out apart. May: what would come of it if an authority of the roster demanded it on that day, by law,
/// by the provider's stance, and by what a region's node does that alone holds the keys. Can: who holds a key, whatever the
/// law says. Price: what a law that bars it, or leaves it open, threatens.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  rogatory reach molly@post.example --at 2014-08-30    a mailbox in Dublin, while the case was in court
  rogatory reach molly@post.example --at 2018-06-01    the same, after the CLOUD Act and the GDPR
  rogatory reach molly@post.example --over-time        on which days it changed, and why
  rogatory reach --by us-sdny-magistrate               what one authority could obtain, of every mailbox
  rogatory reach theo@post.example --all               also authorities that would get nothing")]
pub struct ReachArguments {
    /// The account, such as `molly@post.example`
    #[arg(required_unless_present = "by")]
    address: Option<Address>,
    /// On which date, as `2018-06-01`, which means noon in UTC and so is the same day in New York and in Dublin; or at
    /// which instant, as `2018-06-01T09:00:00Z`. The provider's own today if left out
    #[arg(long, value_name = "DATE", value_parser = noon)]
    at: Option<SimTime>,
    /// On which days it changed since the account was opened, and which rules came or went
    #[arg(long, conflicts_with = "at")]
    over_time: bool,
    /// What this authority of the roster could obtain, of every mailbox
    #[arg(long, value_name = "AUTHORITY", conflicts_with_all = ["address", "over_time"])]
    by: Option<AuthorityId>,
    /// Name every authority, and show those that would get nothing too
    #[arg(long)]
    all: bool,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    running: RunningArguments,
}

pub fn where_is(arguments: WhereArguments) -> Outcome {
    let WhereArguments { address, violations: _, format, running } = arguments;
    let Some(address) = address else { return violations(format, &running) };
    let told = wait(running.look(Ask::Where { account: address }))?;
    let Told::Where(place) = told else { return Err(unexpected()) };
    if format == Format::Json {
        screen::json(&place)?;
        return Ok(Exit::Done);
    }
    screen::text(&where_text(&place, look()))?;
    Ok(Exit::Done)
}

fn violations(format: Format, running: &RunningArguments) -> Outcome {
    let told = wait(running.look(Ask::Misplaced))?;
    let Told::Misplaced { copies } = told else { return Err(unexpected()) };
    if format == Format::Json {
        screen::json(&copies)?;
        return Ok(Exit::Done);
    }
    if copies.is_empty() {
        screen::line("Every copy rests where its placement allows.")?;
    }
    for copy in &copies {
        let allowed = copy.allowed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let allowed = if allowed.is_empty() { "nowhere".to_owned() } else { format!("in {allowed}") };
        screen::line(&format!(
            "{} of {} rests in {}, and may rest {allowed}",
            copy.class, copy.account, copy.region
        ))?;
    }
    Ok(Exit::Done)
}

pub fn reach(arguments: ReachArguments) -> Outcome {
    let ReachArguments { address, at, over_time, by, all, format, running } = arguments;
    let ask = match (address, by) {
        (_, Some(authority)) => Ask::ReachBy { authority, at },
        (Some(account), None) if over_time => Ask::ReachOverTime { account },
        (Some(account), None) => Ask::Reach { account, at },
        (None, None) => return Err("name an account, or an authority with --by".into()),
    };
    let names = || running.setup().map(|setup| setup.names);
    let told = wait(running.look(ask))?;
    match (told, format) {
        (Told::Reach(reach), Format::Json) => screen::json(&reach)?,
        (Told::ReachOverTime(sweep), Format::Json) => screen::json(&sweep)?,
        (Told::ReachBy(by), Format::Json) => screen::json(&by)?,
        (Told::Reach(reach), Format::Text) => screen::text(&reach_text(&reach, all, &names()?, look()))?,
        (Told::ReachOverTime(sweep), Format::Text) => {
            screen::text(&sweep_text(&sweep, all, &names()?, look()))?
        }
        (Told::ReachBy(by), Format::Text) => screen::text(&by_text(&by, all, &names()?, look()))?,
        _ => return Err(unexpected()),
    }
    Ok(Exit::Done)
}

/// A bare day stands for its noon in UTC, so that it is the same day on both sides of the Atlantic.
fn noon(text: &str) -> Result<SimTime, ParseTimeError> {
    let time: SimTime = text.parse()?;
    Ok(if text.len() == "2018-06-01".len() { time.plus_seconds(12 * 3600) } else { time })
}
