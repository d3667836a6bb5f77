//! Durable, encrypted delivery: content, traffic data and address book, sealed, indexed and on the disk.

use std::sync::Arc;
use std::time::Duration;

use tempfile::tempdir_in;

use super::file::SyncedFile;
use super::load::{Until, load};
use super::site::{Letters, MESSAGE_BYTES, address, open_accounts, start};
use super::{Failure, Goal, Settings, Sheet, Unit, median};
use crate::provider::{Nodes, Provider};

const CALLERS: usize = 64;
const MAILBOXES: u64 = 10_000;

pub fn run(settings: &Settings, sheet: &mut Sheet<'_>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let processes = Nodes::Processes { program: settings.program.clone() };
    runtime.block_on(async {
        into(settings, sheet, Nodes::Here, 1, "one mailbox", 20_000.0).await?;
        into(settings, sheet, Nodes::Here, MAILBOXES, "10,000 mailboxes", 20_000.0).await?;
        let through = "one mailbox of a node in another process, through mutual TLS on loopback";
        into(settings, sheet, processes, 1, through, 10_000.0).await
    })
}

async fn into(
    settings: &Settings,
    sheet: &mut Sheet<'_>,
    nodes: Nodes,
    mailboxes: u64,
    what: &str,
    goal: f64,
) -> Result<(), Failure> {
    let folder = tempdir_in(&settings.folder)?;
    let mut deployment = start(&folder.path().join("data"), nodes).await?;
    open_accounts(&mut deployment, mailboxes).await?;
    let (provider, held) = deployment.split();
    let provider = Arc::new(provider);

    let letters = Letters::of(MESSAGE_BYTES);
    let span = Until::Passed(Duration::from_secs_f64(settings.seconds));
    // A message into each mailbox, or a thousand into the one, so that what is measured is not the first of anything.
    let mut sent = mailboxes.max(1_000);
    load(CALLERS, 0, Until::Calls(sent), deliver(&provider, &letters, mailboxes)).await?;
    let (mut ours, mut p99, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..settings.rounds {
        let path = folder.path().join(format!("baseline-{round}"));
        let file = Arc::new(SyncedFile::create(&path, false)?);
        let same = letters.clone();
        theirs.push(load(CALLERS, 0, span, move |n| file.append(same.number(n))).await?.rate);
        std::fs::remove_file(path)?;

        let delivered = load(CALLERS, sent, span, deliver(&provider, &letters, mailboxes)).await?;
        // Numbers are not used twice: a message that is there already costs less.
        sent += (delivered.rate * settings.seconds * 2.0) as u64 + CALLERS as u64;
        ours.push(delivered.rate);
        p99.push(delivered.milliseconds_at(0.99));
    }
    sheet
        .add(format!("10 KB messages, {CALLERS} at once, into {what}"), median(ours), Unit::PerSecond)
        .beside("the same bytes appended to one file with group commit and fsync", median(theirs))
        .goal(Goal::AtLeast(goal))
        .write();
    sheet.add(format!("… of which 99 % took at most, into {what}"), median(p99), Unit::Milliseconds).write();
    held.stop().await;
    Ok(())
}

fn deliver(
    provider: &Arc<Provider>,
    letters: &Letters,
    mailboxes: u64,
) -> impl Fn(u64) -> futures_util::future::BoxFuture<'static, Result<(), Failure>> + Send + Sync + 'static {
    let (provider, letters) = (provider.clone(), letters.clone());
    move |n| {
        let (provider, letters) = (provider.clone(), letters.clone());
        Box::pin(async move {
            let stored = provider.deliver(letters.to(address(n % mailboxes)?, n)).await?;
            if stored.new { Ok(()) } else { Err("a message counted as known".into()) }
        })
    }
}
