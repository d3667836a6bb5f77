//! The table of faults: every one at every step of the append path, and of publishing and erasing an opening. Whatever was
//! acknowledged is there afterwards, no log is ever rewound, and two processes never both append.

use std::time::Duration;

use rogatory::record::TreeHead;
use rogatory::record::entry::{EntryDraft, Slot};
use rogatory::record::log::{AppendError, Log, LogError};
use rogatory::record::policy::Accept;
use rogatory::record::served::ServedLog;
use rogatory::record::verify::verify_log;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::record_disk::{Fault, Lasting, Unsynced, draft};
use crate::record_testing::time;

/// One line of the table of faults in docs/record.md, and what is run at every step.
struct Row {
    fault: &'static str,
    expected: &'static str,
    run: Run,
}

enum Run {
    /// Something happens at one call to the disk. Of seven appends at most so many are refused.
    Step(Fault, usize),
    /// Another process opens the log between two calls, past the lock.
    SecondWriter,
    /// The log's own folder is put back as it was at a step, with what was served or without it.
    Backup { served: bool },
    /// Simulated time goes back between two appends.
    ClockBack,
}

const TABLE: [Row; 10] = [
    Row {
        fault: "a write fails",
        expected: "at most that one append is refused; the next one works",
        run: Run::Step(Fault::Fails, 1),
    },
    Row {
        fault: "a write fails, yet its bytes are there",
        expected: "the same; whoever was refused may find the entry in the log",
        run: Run::Step(Fault::FailsYetPersists, 1),
    },
    Row {
        fault: "a crash between any two steps",
        expected: "whatever was acknowledged is there, and nothing is rewound",
        run: Run::Step(Fault::Dies, 7),
    },
    Row {
        fault: "a crash within a step, which leaves a torn record, tile or checkpoint",
        expected: "the same; what was torn is left out, or written again",
        run: Run::Step(Fault::DiesHalfway, 7),
    },
    Row {
        fault: "a power cut after a step, which forgets or tears every file that was not synced",
        expected: "the same",
        run: Run::Step(Fault::DiesAfter, 7),
    },
    Row {
        fault: "the disk is full",
        expected: "appends are refused until there is room, then they work again without a restart",
        run: Run::Step(Fault::Full, 7),
    },
    Row {
        fault: "two writers on one log, one of them past the lock",
        expected: "one of them stops for good at its next write; no entry of either is lost",
        run: Run::SecondWriter,
    },
    Row {
        fault: "the log's own folder is restored from a backup",
        expected: "it does not open: a log is never rewound",
        run: Run::Backup { served: false },
    },
    Row {
        fault: "the served folder is restored with it",
        expected: "it opens, and no quorum cosigns: the witnesses have seen more",
        run: Run::Backup { served: true },
    },
    Row {
        fault: "the clock goes back",
        expected: "entries keep the order in which they came, and their months say what the clock said",
        run: Run::ClockBack,
    },
];

#[test]
fn the_table_is_the_one_in_the_documentation() {
    let documented = include_str!("../../docs/record.md");
    for Row { fault, expected, .. } in TABLE {
        assert!(documented.contains(&format!("| {fault} | {expected} |\n")), "{fault}");
    }
}

/// What was acknowledged: index, the head it was proven in, and the leaf.
type Acknowledged = Vec<(u64, TreeHead, Vec<u8>)>;

/// The entry of which the opening is published, and the one of which it is erased.
const PUBLISHED: u64 = 250;
const ERASED: u64 = 251;

/// What was acknowledged beside appends.
#[derive(Clone, Copy, Default)]
struct Opened {
    published: bool,
    erased: bool,
}

/// The steps under test: open, seven appends one after the other, an opening published and one erased. Gives what was
/// acknowledged, and why appends were refused.
async fn play(lasting: &Lasting, first: usize) -> (Acknowledged, Vec<AppendError>) {
    let (acknowledged, refused, _) = play_all(lasting, first).await;
    (acknowledged, refused)
}

async fn publish(log: &Log) -> Result<(), LogError> {
    let full = log.opening(PUBLISHED).await?.expect("it is never erased");
    log.publish_opening(full.opening.subset(&[Slot::Note])).await
}

async fn play_all(lasting: &Lasting, first: usize) -> (Acknowledged, Vec<AppendError>, Opened) {
    let (mut acknowledged, mut refused, mut opened) = (Vec::new(), Vec::new(), Opened::default());
    if let Ok(log) = lasting.open().await {
        for n in 0..7 {
            match log.append(draft(first + n)).await {
                Ok(logged) => {
                    let head = logged.published.checkpoint.head();
                    acknowledged.push((logged.index, head, logged.leaf.encode().to_vec()));
                }
                Err(error) => refused.push(error),
            }
        }
        opened.published = publish(&log).await.is_ok();
        opened.erased = log.erase_openings(vec![ERASED]).await.is_ok();
        log.close().await;
    }
    (acknowledged, refused, opened)
}

/// What was published is served and fits its entry, and what was erased is gone and nothing else. What was not acknowledged
/// can be done again.
async fn openings_are_whole(lasting: &Lasting, opened: Opened, what: &str) {
    let log = lasting.open().await.unwrap();
    if !opened.published {
        publish(&log).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    if !opened.erased {
        log.erase_openings(vec![ERASED]).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    for index in PUBLISHED..log.head().size {
        let leaf = log.leaf(index).await.unwrap();
        match log.opening(index).await.unwrap() {
            None => assert_eq!(index, ERASED, "{what}"),
            Some(full) => {
                assert_ne!(index, ERASED, "{what}");
                full.opening.check(&leaf).unwrap_or_else(|error| panic!("{what}: {error}"));
            }
        }
    }
    log.close().await;
    let mut served = ServedLog::open(lasting.disk.clone(), &lasting.cast.policy, Accept::NormalOnly).unwrap();
    let published = served.opening(PUBLISHED).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(published.unwrap().slots().count(), 1, "{what}");
    assert!(served.prove(ERASED).is_ok(), "{what}");
}

/// Whatever was acknowledged is in the log, which can be opened, appended to, and verified to its last byte.
async fn is_whole(lasting: &Lasting, acknowledged: &Acknowledged, what: &str) {
    let seen = lasting.cast.witnesses.iter().map(|(_, witness)| witness.head().size).max().unwrap();
    let log = lasting.open().await.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(log.head().size >= seen, "{what}: rewound");
    for (index, head, leaf) in acknowledged {
        assert_eq!(log.leaf(*index).await.unwrap().encode().to_vec(), *leaf, "{what}: entry {index}");
        assert!(log.head().size >= head.size, "{what}");
    }
    let logged = log.append(draft(2000)).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(acknowledged.iter().all(|(index, ..)| *index < logged.index), "{what}");
    log.close().await;
    let found = verify_log(&lasting.disk, &lasting.cast.policy, Accept::NormalOnly, &mut |_, _| {});
    assert_eq!(found.findings, [], "{what}");
    assert_eq!(found.head.unwrap().size, logged.index + 1);
}

/// How many calls all of it makes.
async fn steps() -> usize {
    let lasting = Lasting::start().await;
    let first = lasting.disk.lock().calls;
    let (acknowledged, _, opened) = play_all(&lasting, 1000).await;
    assert!(acknowledged.len() == 7 && opened.published && opened.erased);
    let calls = lasting.disk.lock().calls - first;
    assert!(calls >= 30, "{calls}");
    calls
}

async fn at_every_step(wanted: impl Fn(&Run) -> bool) {
    let (base, steps) = (Lasting::start().await, steps().await);
    for row in TABLE.iter().filter(|row| wanted(&row.run)) {
        for at in 1..=steps {
            let what = format!("{}, at call {at}", row.fault);
            // The witnesses of each run know the 253 entries of the base.
            let lasting = base.with(base.disk.after_crash(Unsynced::Stays));
            let lasting = Lasting { cast: base.cast_again(), ..lasting };
            match row.run {
                Run::Step(fault, refused_max) => step(&lasting, at, fault, refused_max, &what).await,
                Run::SecondWriter => second_writer(&lasting, at, &what).await,
                Run::Backup { served } => backup(&lasting, at, served, &what).await,
                Run::ClockBack => clock_back(&lasting, at, &what).await,
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_whatever_fails_at_whichever_step() {
    at_every_step(|run| matches!(run, Run::Step(..))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_never_both_append() {
    at_every_step(|run| matches!(run, Run::SecondWriter)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_never_rewound() {
    at_every_step(|run| matches!(run, Run::Backup { .. } | Run::ClockBack)).await;
}

async fn step(lasting: &Lasting, at: usize, fault: Fault, refused_max: usize, what: &str) {
    lasting.disk.lock().fault = Some((at, fault));
    let (mut acknowledged, refused, opened) = play_all(lasting, 1000).await;
    assert!(refused.len() <= refused_max, "{what}: {refused:?}");
    if fault == Fault::Full {
        // Once more, with room again at the end of it, in one process.
        lasting.disk.lock().fault = None;
        let log = lasting.open().await.unwrap();
        let from = lasting.disk.lock().calls;
        lasting.disk.lock().fault = Some((from + at, Fault::Full));
        let mut refused = 0;
        for n in 0..7 {
            match log.append(draft(1100 + n)).await {
                Ok(logged) => {
                    let head = logged.published.checkpoint.head();
                    acknowledged.push((logged.index, head, logged.leaf.encode().to_vec()));
                }
                Err(_) => refused += 1,
            }
        }
        lasting.disk.lock().fault = None;
        let logged = log
            .append(draft(1200))
            .await
            .unwrap_or_else(|error| panic!("{what}, {refused} refused: {error}"));
        acknowledged.push((logged.index, logged.published.checkpoint.head(), logged.leaf.encode().to_vec()));
        log.close().await;
    }
    let unsynced = match fault {
        Fault::DiesHalfway | Fault::DiesAfter => [Unsynced::IsForgotten, Unsynced::IsTorn],
        _ => [Unsynced::Stays, Unsynced::IsForgotten],
    };
    // What the witnesses learn after the first restart, they know in the second, which is of the same log.
    let restarted = lasting.with(lasting.disk.after_crash(unsynced[at % 2]));
    is_whole(&restarted, &acknowledged, what).await;
    openings_are_whole(&restarted, opened, what).await;
}

/// True when the call has come; false if the play ended before it. How often a checkpoint is served depends on the moment.
async fn waits<T>(waiting: oneshot::Receiver<()>, play: &JoinHandle<T>) -> bool {
    let ended = async {
        while !play.is_finished() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        told = waiting => told.is_ok(),
        () = ended => false,
    }
}

async fn second_writer(lasting: &Lasting, at: usize, what: &str) {
    let (waiting, go_on) = lasting.disk.pause_at(at);
    let both = lasting.with(lasting.disk.clone());
    let first = tokio::spawn(async move { play(&both, 1000).await });
    // The first waits within one of its calls while the second comes and goes.
    if !waits(waiting, &first).await {
        return;
    }
    let (second, refused) = play(lasting, 1500).await;
    stops_for_good(&refused, what);
    go_on.send(()).unwrap();
    let (first, refused) = first.await.unwrap();
    stops_for_good(&refused, what);
    assert!(first.len() + second.len() > 0, "{what}: both were stopped");
    let acknowledged: Acknowledged = first.iter().chain(&second).cloned().collect();
    let mut indexes: Vec<u64> = acknowledged.iter().map(|(index, ..)| *index).collect();
    indexes.sort_unstable();
    indexes.dedup();
    assert_eq!(indexes.len(), acknowledged.len(), "{what}: one index was given twice");
    is_whole(&lasting.with(lasting.disk.after_crash(Unsynced::Stays)), &acknowledged, what).await;
}

/// What follows the first refusal of a process that was taken over is refused for the same reason.
fn stops_for_good(refused: &[AppendError], what: &str) {
    let taken_over = |error: &AppendError| matches!(error, AppendError::TakenOver);
    let stopped = refused.iter().position(taken_over).unwrap_or(refused.len());
    assert!(refused[stopped..].iter().all(taken_over), "{what}: {refused:?}");
}

async fn backup(lasting: &Lasting, at: usize, served: bool, what: &str) {
    let (waiting, go_on) = lasting.disk.pause_at(at);
    let running = lasting.with(lasting.disk.clone());
    let played = tokio::spawn(async move { play(&running, 1000).await });
    if !waits(waiting, &played).await {
        return;
    }
    let old = lasting.disk.after_crash(Unsynced::Stays);
    go_on.send(()).unwrap();
    assert_eq!(played.await.unwrap().0.len(), 7, "{what}");
    if !served {
        let files = lasting.disk.lock().files.clone();
        old.lock().files = files;
    }
    let restored = lasting.with(old);
    let newest = lasting.cast.witnesses.iter().map(|(_, w)| w.head()).max_by_key(|head| head.size).unwrap();
    match restored.open().await {
        Err(LogError::Rewound { own, .. }) if !served => assert!(own.size < newest.size, "{what}"),
        Err(error) => panic!("{what}: {error}"),
        // The backup was made after the last entry.
        Ok(log) if log.head() == newest => log.close().await,
        Ok(log) => {
            assert!(served, "{what}: {} opened, and {newest} was served", log.head());
            let refused = log.append(draft(3000)).await.unwrap_err();
            let reason = format!("has cosigned size {}", newest.size);
            assert!(
                matches!(&refused, AppendError::NoQuorum { reason: why, .. } if why.contains(&reason)),
                "{what}: {refused}"
            );
            log.close().await;
        }
    }
}

/// The clock goes back at one of the seven appends.
async fn clock_back(lasting: &Lasting, at: usize, what: &str) {
    if at > 7 {
        return;
    }
    let log = lasting.open().await.unwrap();
    for n in 1..=7 {
        let now = if n == at { "2013-01-31" } else { "2014-03-01" };
        let before = log.head().size;
        let logged = log.append(EntryDraft::new(format!("m-{n}"), time(now))).await.unwrap();
        assert_eq!(logged.index, before, "{what}");
        let (year, month) = logged.leaf.month();
        assert!(now.starts_with(&format!("{year:04}-{month:02}")), "{what}: {now}");
    }
    log.close().await;
}
