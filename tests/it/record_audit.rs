//! Invariant 5: any decision can be made again from its entry and opening with the law revision it names, and agrees.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rogatory::entropy::Entropy;
use rogatory::gate::{AuditReport, Auditor};
use rogatory::law::Law;
use rogatory::mail::Story;
use rogatory::provider::{Deployment, DeploymentOptions, Nodes};
use rogatory::record::about_log::{AboutLog, Erased};
use rogatory::record::entry::{EntryDraft, Slot};
use rogatory::record::opening::FullOpening;
use rogatory::record::secret::RecordSecret;
use rogatory::scenario::{Backstage, Names, Playhouse, Script, Unwatched, built_in, run};
use rogatory::world::{World, WorldSource};
use serde_json::{Value, json};

use crate::common::{LAW, open_account, options, warrant};
use crate::record_testing::time;

async fn dublin(data: &Path) -> Deployment {
    let backstage = Backstage {
        world: WorldSource::standard(),
        law: Arc::new(Law::standard().unwrap()),
        story: Arc::new(Story::standard().unwrap()),
        data: data.to_owned(),
        nodes: Nodes::Here,
        wan: false,
    };
    let names = Names::of(&World::standard().unwrap(), &backstage.law, &backstage.story);
    let file =
        built_in().find(|f| f.path().file_stem().is_some_and(|stem| stem == "dublin-warrant")).unwrap();
    let script = Script::parse(&file, &names).unwrap_or_else(|error| panic!("{error}"));
    let mut playhouse = Playhouse::new(backstage);
    run(&script, &mut playhouse, &mut Unwatched).await.unwrap();
    playhouse.into_deployment().unwrap()
}

/// Records what an opening says, changed, as an entry of its own, and audits that.
fn audit_changed(law: &Law, full: &FullOpening, changed: Option<(Slot, Value)>) -> AuditReport {
    let mut values: BTreeMap<Slot, Value> = Slot::ALL
        .into_iter()
        .filter(|slot| *slot != Slot::Grants)
        .filter_map(|slot| Some((slot, full.opening.value(slot).unwrap()?)))
        .collect();
    values.extend(changed);
    let mut draft = EntryDraft::new("m", time("2014-01-01"));
    for (slot, value) in values {
        draft = draft.with(slot, value);
    }
    for grant in full.grants.values() {
        draft = draft.granting(grant.read().unwrap().terms);
    }
    let sealed = draft.seal(full.opening.entry(), &RecordSecret::draw(&Entropy::seeded("audit"))).unwrap();
    let mut auditor = Auditor::new(law);
    auditor.take_full(&sealed.full, &sealed.leaf);
    auditor.report()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_decision_comes_out_as_recorded_and_a_changed_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let deployment = dublin(&data).await;
    let provider = &deployment.provider;
    let report = provider.audit().await.unwrap();
    assert!(report.agrees() && report.outsider && report.uncosigned.is_empty(), "{report:?}");
    assert_eq!((&report.differences, &report.closed), (&vec![], &vec![]));
    let log = provider.docket().log().clone();
    assert_eq!(report.entries, log.head().size);
    assert!(report.decisions >= 3 && report.items > report.decisions, "{report:?}");

    // A decision that handed something over.
    let mut granted = None;
    for entry in 1..log.head().size {
        let full = log.opening(entry).await.unwrap().unwrap();
        if !full.grants.is_empty() {
            granted = Some(full);
            break;
        }
    }
    let granted = granted.unwrap();
    let law = Law::standard().unwrap();
    let open = |slot| granted.opening.value(slot).unwrap().unwrap();
    let said = |report: AuditReport| {
        report.differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let entry = granted.opening.entry();
    assert_eq!(said(audit_changed(&law, &granted, None)), "");

    let mut decision = open(Slot::Decision);
    let produced =
        decision.as_array().unwrap().iter().position(|item| item["outcome"] == "produced").unwrap();
    decision[produced]["outcome"] = json!("rejected");
    let changed = said(audit_changed(&law, &granted, Some((Slot::Decision, decision))));
    let expected = format!(
        "entry {entry}, item {}: `outcome` was recorded as \"rejected\", and is \"produced\"; entry {entry}: region `",
        produced + 1
    );
    assert!(
        changed.starts_with(&expected) && changed.ends_with("were not decided to be produced"),
        "{changed}"
    );

    let mut facts = open(Slot::Facts);
    facts[produced]["has-data"] = json!(false);
    let changed = said(audit_changed(&law, &granted, Some((Slot::Facts, facts))));
    assert!(changed.contains("`outcome` was recorded as \"produced\", and is \"no-data\""), "{changed}");

    let mut short = open(Slot::Facts);
    short.as_array_mut().unwrap().pop();
    let changed = said(audit_changed(&law, &granted, Some((Slot::Facts, short))));
    assert!(changed.contains(" premises, and "), "{changed}");

    let other = audit_changed(&law, &granted, Some((Slot::Law, json!("00ff"))));
    assert!(!other.agrees() && other.decisions == 0, "{other:?}");
    assert_eq!(other.other_law, BTreeMap::from([("00ff".to_owned(), vec![entry])]));

    // An opening that is not the entry's, and one that does not open far enough.
    let mut auditor = Auditor::new(&law);
    let leaf = log.leaf(entry).await.unwrap();
    auditor.take(&granted.opening.subset(&[Slot::Kind, Slot::Decision]), &leaf);
    auditor.take(&granted.opening, &log.leaf(entry - 1).await.unwrap());
    let report = auditor.report();
    assert_eq!(report.closed, [entry]);
    assert!(report.differences[0].what.contains("is not what entry"), "{report:?}");

    // Offline, by somebody who was given one opening.
    let given = folder.path().join("given");
    std::fs::create_dir(&given).unwrap();
    std::fs::write(given.join("one.json"), serde_json::to_vec(&granted.opening).unwrap()).unwrap();
    let looked = format!("1 of {} entries open, 1 decision on", log.head().size);
    deployment.stop().await;
    let audit = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rogatory"));
        command.args(["record", "audit", "--openings"]).arg(&given).arg("--data").arg(&data);
        command.output().unwrap()
    };
    let output = audit();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        text.contains(&looked)
            && text.contains("all come out as recorded")
            && text.contains("(an outsider among them)"),
        "{text}"
    );
    // One that was given twice is one; two that differ are a question for who has them.
    std::fs::copy(given.join("one.json"), given.join("again.json")).unwrap();
    assert!(String::from_utf8(audit().stdout).unwrap().contains(&looked));
    let less = granted.opening.subset(&[Slot::Kind]);
    std::fs::write(given.join("again.json"), serde_json::to_vec(&less).unwrap()).unwrap();
    let output = audit();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(1) && told.contains("that differ: an audit takes the one"),
        "{told}"
    );
    // What opens too little to make anything again does not end well.
    std::fs::rename(given.join("again.json"), given.join("one.json")).unwrap();
    let output = audit();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(1) && told.contains("closed, and so not audited"), "{told}");
    std::fs::write(given.join("one.json"), serde_json::to_vec(&granted.opening).unwrap()).unwrap();
    // What was published opens no decision, and an audit of nothing says so.
    let mut command = Command::new(env!("CARGO_BIN_EXE_rogatory"));
    command.args(["record", "audit", "--openings"]).arg(data.join("record/opening")).arg("--data").arg(&data);
    let told = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(told.contains("0 decisions on 0 items made again: nothing to compare"), "{told}");
    let altered = serde_json::to_string(&granted.opening).unwrap().replacen("produced", "rejected", 1);
    std::fs::write(given.join("one.json"), altered).unwrap();
    let output = audit();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("is not what entry"));
}

#[test]
fn a_holder_was_told_of_earlier_entries_of_that_matter_and_of_no_others() {
    let secret = RecordSecret::draw(&Entropy::seeded("audit"));
    let event = |entry: u64, matter: &str, kind: &str, note: Value| {
        let draft = EntryDraft::new(matter, time("2014-01-01"))
            .with(Slot::Kind, json!(kind))
            .with(Slot::Matter, json!(matter))
            .with(Slot::Parties, json!("molly@post.example"))
            .with(Slot::Timing, json!("2014-01-01T12:00:00Z"))
            .with(Slot::Note, note);
        draft.seal(entry, &secret).unwrap()
    };
    let law = Law::standard().unwrap();
    let said = |named: &[u64]| {
        let mut auditor = Auditor::new(&law);
        let (own, other) = (event(5, "m", "returned", json!([])), event(6, "n", "returned", json!([])));
        auditor.take(&own.full.opening, &own.leaf);
        // Closed to the auditor; its leaf is in the record all the same.
        auditor.take_closed(6, &other.leaf);
        let told = event(7, "m", "told", json!(named));
        auditor.take(&told.full.opening, &told.leaf);
        let unseen = auditor.unseen();
        let report = auditor.report();
        (unseen.into_iter().collect::<Vec<_>>(), report.differences.iter().map(ToString::to_string).collect())
    };
    let bad = |of: u64, what: &str| {
        vec![format!("entry 7: it says that a holder was told of entry {of}, which {what}")]
    };
    assert_eq!(said(&[5]), (vec![], Vec::<String>::new()));
    assert_eq!(said(&[5, 6]), (vec![], bad(6, "is of another matter")));
    assert_eq!(said(&[3]), (vec![3], bad(3, "was not found in the record")));
    assert_eq!(said(&[7]), (vec![], bad(7, "comes no earlier than the telling")));
    assert_eq!(said(&[8]), (vec![], bad(8, "comes no earlier than the telling")));
}

#[test]
fn what_is_called_erased_is_all_of_one_matter_and_came_before() {
    let secret = RecordSecret::draw(&Entropy::seeded("audit"));
    let law = Law::standard().unwrap();
    let said = |named: &[u64]| {
        let mut auditor = Auditor::new(&law);
        for (entry, matter) in [(4, "m"), (5, "m"), (6, "n")] {
            let closed = EntryDraft::new(matter, time("2014-01-01")).seal(entry, &secret).unwrap();
            auditor.take_closed(entry, &closed.leaf);
        }
        let about = Erased { entries: named.to_vec(), timing: time("2014-01-02") };
        let sealed = AboutLog::Erased(about).draft().seal(7, &secret).unwrap();
        auditor.take(&sealed.full.opening, &sealed.leaf);
        let report = auditor.report();
        (report.erased, report.differences.first().map(|difference| difference.what.clone()))
    };
    assert_eq!(said(&[4, 5]), (vec![4, 5], None));
    assert_eq!(said(&[6]), (vec![6], None));
    for (named, what) in [
        (&[4][..], "leaves out entry 5 of that matter"),
        (&[4, 5, 6], "6, which is of another matter than the first"),
        (&[0], "0, which is not an earlier entry of a matter"),
        (&[4, 5, 7], "7, which is not an earlier entry of a matter"),
        (&[4, 5, 8], "8, which is not an earlier entry of a matter"),
        (&[3], "3, which was not found in the record"),
    ] {
        let (erased, difference) = said(named);
        assert!(
            erased.is_empty() && difference.as_ref().is_some_and(|it| it.ends_with(what)),
            "{difference:?}"
        );
    }
}

/// The law books built in, with a comment more: another revision that says the same.
fn other_books(folder: &Path) -> Law {
    std::fs::create_dir(folder).unwrap();
    for file in std::fs::read_dir("config/law").unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
        }
    }
    let path = folder.join("us.cedar");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}\n// Read again.\n")).unwrap();
    Law::load(folder).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_decided_by_older_books_is_made_again_by_those() {
    let folder = tempfile::tempdir().unwrap();
    let (data, books) = (folder.path().join("data"), folder.path().join("books"));
    let older = Arc::new(other_books(&books));
    assert_ne!(older.revision(), LAW.revision());
    let mut deployment =
        Deployment::start(DeploymentOptions { law: older.clone(), ..options(&data) }).await.unwrap();
    open_account(&mut deployment.provider, "dublin@post.example", "IE").await;
    let provider = &deployment.provider;
    provider.receive(provider.sign(&warrant("w-1", "dublin@post.example")).unwrap()).await.unwrap();
    let decided = provider.audit().await.unwrap().decisions;
    assert!(decided > 0);
    deployment.stop().await;

    // A program with other books has those that the record names, because they were kept.
    let deployment = Deployment::start(options(&data)).await.unwrap();
    let report = deployment.provider.audit().await.unwrap();
    assert!(report.agrees() && report.law == LAW.revision(), "{report:?}");
    assert_eq!(report.decisions, decided);
    let openings = deployment.provider.opened(None, &Slot::ALL).await.unwrap();

    // Without them it says which entries it cannot make again, and for want of which books.
    std::fs::remove_file(data.join(format!("law/{}.json", older.revision()))).unwrap();
    let report = deployment.provider.audit().await.unwrap();
    assert!(!report.agrees() && report.differences.is_empty() && report.decisions == 0, "{report:?}");
    let entries = &report.other_law[older.revision()];
    assert_eq!(entries.len() as u64, decided);
    deployment.stop().await;

    // Offline they can be supplied.
    let given = folder.path().join("given");
    std::fs::create_dir(&given).unwrap();
    for opening in openings {
        let path = given.join(format!("{}.json", opening.entry()));
        std::fs::write(path, serde_json::to_vec(&opening).unwrap()).unwrap();
    }
    let audit = |with: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rogatory"));
        command.args(["record", "audit", "--openings"]).arg(&given).arg("--data").arg(&data).args(with);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, text) = audit(&[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&format!("recorded under the law books {}", older.revision())), "{text}");
    assert!(text.contains(LAW.revision()) && text.contains("--law FOLDER"), "{text}");
    let (code, text) = audit(&["--law", books.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("all come out as recorded"), "{text}");
}
