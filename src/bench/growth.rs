//! What a message costs as its store grows, against what it cost in the same store while that was small.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tempfile::tempdir_in;

use super::file::SyncedFile;
use super::load::{Until, load};
use super::site::{Letters, address};
use super::{Failure, Goal, Settings, Sheet, Unit};
use crate::entropy::Entropy;
use crate::store::{NewMail, Store};
use crate::vault::{Delivery, MailboxCard};
use crate::world::DataClass;

const CALLERS: usize = 64;
const MAILBOXES: u64 = 1_000;
/// What the cost is first taken at: so many messages after as many.
const SMALL: u64 = 10_000;
/// How many go to the file.
const FILE: u64 = 50_000;

pub fn run(settings: &Settings, sheet: &mut Sheet<'_>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        grow(settings, sheet, 10_000, 1_000_000, "10 KB").await?;
        grow(settings, sheet, 256, 10_000_000, "256 bytes").await
    })
}

async fn grow(
    settings: &Settings,
    sheet: &mut Sheet<'_>,
    length: usize,
    messages: u64,
    size: &str,
) -> Result<(), Failure> {
    let folder = tempdir_in(&settings.folder)?;
    let store = Store::open(&folder.path().join("store"), &"ie-dublin".parse()?, None, Entropy::system())?;
    let mut cards = Vec::new();
    for number in 0..MAILBOXES {
        cards.push(store.create_mailbox(&address(number)?, &[DataClass::Content], None).await?);
    }
    let cards = Arc::new(cards);
    let letters = Letters::of(length);

    // Warm, then small, then all but the last part, then the last part. The last part is a tenth of the whole, so that
    // work the store put off until then is in it. The disk is asked what it makes of the same bytes before and after: a
    // machine's disk may well be slower after ten gigabytes, and that is not the store's doing.
    let last = messages / 10;
    cost(&store, &cards, &letters, 0, SMALL).await?;
    let file_before = file_cost(folder.path(), &letters, FILE).await?;
    let small = cost(&store, &cards, &letters, SMALL, SMALL).await?;
    cost(&store, &cards, &letters, 2 * SMALL, messages - last - 2 * SMALL).await?;
    let large = cost(&store, &cards, &letters, messages - last, last).await?;
    let file_after = file_cost(folder.path(), &letters, FILE).await?;
    let millions = messages / 1_000_000;
    sheet
        .add(
            format!(
                "a message of {size} in a store with {millions} million, against the same bytes in a file"
            ),
            large / file_after,
            Unit::Times,
        )
        .beside("what it was in the same store with 10,000", small / file_before)
        .goal(Goal::RatioAtLeast(0.5))
        .write();
    sheet
        .add(format!("… the message of {size} itself"), large, Unit::Microseconds)
        .beside("in the same store with 10,000", small)
        .write();
    sheet
        .add(format!("… the same bytes of {size} in a file, afterwards"), file_after, Unit::Microseconds)
        .beside("before", file_before)
        .write();
    Ok(())
}

/// Microseconds for each of `count` messages appended to one file with group commit and fsync.
async fn file_cost(folder: &Path, letters: &Letters, count: u64) -> Result<f64, Failure> {
    let path = folder.join("baseline");
    let file = Arc::new(SyncedFile::create(&path, false)?);
    let letters = letters.clone();
    let measured = load(CALLERS, 0, Until::Calls(count), move |n| file.append(letters.number(n))).await?;
    std::fs::remove_file(path)?;
    Ok(1e6 / measured.rate)
}

/// Microseconds for each of `count` messages.
async fn cost(
    store: &Store,
    cards: &Arc<Vec<Arc<MailboxCard>>>,
    letters: &Letters,
    first: u64,
    count: u64,
) -> Result<f64, Failure> {
    let (store, cards, letters) = (store.clone(), cards.clone(), letters.clone());
    let date = "2013-12-04T10:00:00Z".parse()?;
    let deliver = move |n: u64| -> BoxFuture<'static, Result<(), Failure>> {
        let (store, cards, content) = (store.clone(), cards.clone(), letters.number(n));
        Box::pin(async move {
            let mail = NewMail { date, content: Some(&content), traffic: None, once: true };
            let card = &cards[(n % MAILBOXES) as usize];
            let delivered = store.deliver(&Delivery::new(), card, mail).await?;
            if delivered.new { Ok(()) } else { Err("a message counted as known".into()) }
        })
    };
    let measured = load(CALLERS, first, Until::Calls(count), deliver).await?;
    Ok(1e6 / measured.rate)
}
