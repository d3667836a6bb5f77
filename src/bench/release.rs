//! A production, from the demand at the door to the sealed package with the authority; and the smallest there is.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tempfile::tempdir_in;

use super::load::{Until, load};
use super::site::{Letters, MESSAGE_BYTES, address, open_accounts, start, warrant};
use super::{Failure, Goal, Settings, Sheet, Unit, median};
use crate::demand::Outcome;
use crate::provider::{Deployment, Nodes};
use crate::world::Address;

const MESSAGES: u64 = 10_000;
/// Demands for an almost empty mailbox, one after the other.
const LONE: u64 = 100;

pub fn run(settings: &Settings, sheet: &mut Sheet<'_>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let folder = tempdir_in(&settings.folder)?;
        let mut deployment = start(&folder.path().join("data"), Nodes::Here).await?;
        open_accounts(&mut deployment, 2).await?;
        deployment = fill(deployment, address(0)?, MESSAGES).await?;
        deployment = fill(deployment, address(1)?, 1).await?;

        let bytes = MESSAGES as f64 * MESSAGE_BYTES as f64 / 1e6;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..settings.rounds {
            theirs.push(bytes / copy(folder.path(), bytes)?);
            ours.push(bytes / demanded(&mut deployment, address(0)?, &format!("whole-{round}")).await?);
        }
        sheet
            .add(
                "a mailbox of 10,000 messages of 10 KB, from the demand to the package with the authority",
                median(ours),
                Unit::MegabytesPerSecond,
            )
            .beside("the same bytes copied from file to file, synced", median(theirs))
            .goal(Goal::AtLeast(200.0))
            .write();

        let mut lone = Vec::new();
        for n in 0..LONE {
            lone.push(demanded(&mut deployment, address(1)?, &format!("lone-{n}")).await? * 1e3);
        }
        sheet
            .add(
                "one lone demand for one message, from filing to the package, ten regions and a witness",
                median(lone),
                Unit::Milliseconds,
            )
            .goal(Goal::AtMost(20.0))
            .write();
        deployment.stop().await;
        Ok(())
    })
}

/// Delivers so many messages into an account.
async fn fill(deployment: Deployment, to: Address, messages: u64) -> Result<Deployment, Failure> {
    let deployment = Arc::new(deployment);
    let (shared, letters) = (deployment.clone(), Letters::of(MESSAGE_BYTES));
    let deliver = move |n| {
        let (deployment, mail) = (shared.clone(), letters.to(to.clone(), n));
        async move { Ok(deployment.provider.deliver(mail).await.map(drop)?) }
    };
    load(64, 0, Until::Calls(messages), deliver).await?;
    Ok(Arc::into_inner(deployment).ok_or("the deployment is still in use")?)
}

/// Files a demand for the content of an account, and returns after how many seconds it was produced.
async fn demanded(deployment: &mut Deployment, account: Address, id: &str) -> Result<f64, Failure> {
    let provider = &mut deployment.provider;
    let instrument = provider.sign(&warrant(account, id)?)?;
    let start = Instant::now();
    provider.receive(instrument).await?;
    let seconds = start.elapsed().as_secs_f64();
    let matter = provider.show(id)?;
    if matter.items.iter().any(|item| item.outcome == Some(Outcome::Produced)) {
        Ok(seconds)
    } else {
        Err(format!("the demand `{id}` was not produced: {matter:?}").into())
    }
}

/// Seconds to copy so many megabytes from a file to another and sync it.
fn copy(folder: &Path, megabytes: f64) -> Result<f64, Failure> {
    let (from, to) = (folder.join("from"), folder.join("to"));
    if !from.exists() {
        std::fs::write(&from, vec![7; (megabytes * 1e6) as usize])?;
    }
    let start = Instant::now();
    let mut source = std::fs::File::open(&from)?;
    let mut target = std::fs::File::create(&to)?;
    std::io::copy(&mut source, &mut target)?;
    target.sync_all()?;
    let seconds = start.elapsed().as_secs_f64();
    std::fs::remove_file(to)?;
    Ok(seconds)
}
