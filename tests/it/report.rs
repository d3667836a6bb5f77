//! The transparency report: what is counted, what an outsider can count again, and what an auditor signs.

use std::path::Path;

use rogatory::clock::Date;
use rogatory::demand::*;
use rogatory::provider::{Deployment, Provider};
use rogatory::record::entry::Slot;
use rogatory::record::key::LogSigner;
use rogatory::record::opening::Opening;
use rogatory::record::policy::{Accept, Policy};
use rogatory::record::served::ServedLog;
use rogatory::record::storage::ServedFolder;
use rogatory::report::*;
use rogatory::world::{DataClass, WorldChanges};

use super::common::{WORLD, address, mail, message, open_account, options, warrant};

const HERE: &str = "here@post.example";
const DUBLIN: &str = "dublin@post.example";

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// A half-year and the day after.
fn span() -> Span {
    Span { from: day("2018-01-01"), to: day("2018-06-30"), made: day("2018-07-01") }
}

async fn file(provider: &Provider, demand: Demand) {
    let instrument = provider.sign(&demand).unwrap();
    provider.receive(instrument).await.unwrap();
}

fn served(data: &Path) -> ServedLog<ServedFolder> {
    let text = std::fs::read_to_string(data.join("record/policy")).unwrap();
    let policy = Policy::read(&rogatory::diagnostic::SourceFile::new("policy", text)).unwrap();
    ServedLog::open(ServedFolder(data.join("record")), &policy, Accept::NormalOnly).unwrap()
}

fn counted(data: &Path, given: &[Opening]) -> Counted {
    let mut log = served(data);
    let size = log.published().checkpoint.head().size;
    read(&mut log, size, given).unwrap()
}

/// A provider with two mailboxes and five demands of known fate; the openings of all of it.
async fn provided(data: &Path) -> (Deployment, Vec<Opening>) {
    let mut deployment = Deployment::start(options(data)).await.unwrap();
    open_account(&mut deployment.provider, HERE, "US").await;
    open_account(&mut deployment.provider, DUBLIN, "IE").await;
    for account in [HERE, DUBLIN] {
        deployment.provider.deliver(mail(account, message(1))).await.unwrap();
    }
    let provider = &deployment.provider;
    // Content from both; the second rests abroad, and is an emergency.
    file(provider, warrant("content", HERE)).await;
    file(provider, Demand { emergency: true, ..warrant("abroad", DUBLIN) }).await;
    // A subpoena gets records and no content.
    let subpoena = Demand {
        instrument: InstrumentKind::Subpoena,
        issuing: "us-attorney-sdny".parse().unwrap(),
        proof: ProofLevel::Relevance,
        classes: vec![DataClass::Subscriber],
        ..warrant("records", HERE)
    };
    file(provider, subpoena).await;
    // Nobody has this mailbox: sent back.
    file(provider, Demand { accounts: vec![address("nobody@post.example")], ..warrant("nobody", HERE) })
        .await;
    // Secret, and of national security.
    let acts = vec![Act::Disclose, Act::KeepSecret];
    file(provider, Demand { acts: acts.clone(), ..warrant("secret", HERE) }).await;
    let letter = Demand {
        instrument: InstrumentKind::NationalSecurityLetter,
        issuing: "us-fbi".parse().unwrap(),
        proof: ProofLevel::Relevance,
        classes: vec![DataClass::Subscriber],
        acts,
        ..warrant("letter", HERE)
    };
    file(provider, letter).await;
    provider.advance_to("2018-07-01T12:00:00Z".parse().unwrap()).await.unwrap();
    // So that the record knows of that day.
    file(provider, warrant("after", HERE)).await;
    let openings = provider.opened(None, &[Slot::Public]).await.unwrap();
    (deployment, openings)
}

fn row(report: &TransparencyReport, instrument: InstrumentKind) -> Option<&DemandRow> {
    report.figures.demands.iter().find(|row| row.instrument == instrument)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_of_each_demand_is_counted_once_and_apart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (deployment, openings) = provided(&data).await;
    let all = counted(&data, &openings);
    assert!(all.closed.is_empty());
    let report = TransparencyReport::make(&WORLD, &all, span(), Some(BandForm::FiveHundreds)).unwrap();

    let warrants = row(&report, InstrumentKind::Warrant).unwrap();
    assert_eq!((warrants.demands, warrants.accounts, warrants.emergency), (4, 4, 1));
    assert_eq!((warrants.content, warrants.rejected), (3, 1), "{warrants:?}");
    let subpoenas = row(&report, InstrumentKind::Subpoena).unwrap();
    assert_eq!((subpoenas.demands, subpoenas.content, subpoenas.non_content), (1, 0, 1), "{subpoenas:?}");
    for row in &report.figures.demands {
        let [demands, _, _, parts @ ..] = row.columns();
        assert_eq!(demands.1, parts.iter().map(|(_, number)| number).sum::<u64>(), "{row:?}");
    }
    let [abroad] = &report.figures.abroad[..] else { panic!("{:?}", report.figures.abroad) };
    assert_eq!((abroad.customer, abroad.warrants, abroad.content), (Customer::Consumer, 1, 1));

    // The letter is in no number but a band.
    assert_eq!(row(&report, InstrumentKind::NationalSecurityLetter), None);
    let told = report.national_security.as_ref().unwrap();
    assert!(told.rows.iter().all(|row| row.band == "0-499"), "{told:?}");
    // What was received before the span, or is not settled in it, is not in it.
    let before = Span { from: day("2018-01-01"), to: day("2018-03-31"), ..span() };
    assert!(TransparencyReport::make(&WORLD, &all, before, None).unwrap().figures.demands.is_empty());
    let future = Span { made: day("2018-06-29"), ..span() };
    assert!(TransparencyReport::make(&WORLD, &all, future, None).is_err());
    deployment.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outsider_counts_again_what_is_open_and_an_auditor_vouches_for_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (deployment, openings) = provided(&data).await;
    let report =
        TransparencyReport::make(&WORLD, &counted(&data, &openings), span(), Some(BandForm::Thousands));
    let report = report.unwrap();
    let outside = counted(&data, &[]);
    let closed = deployment.provider.list().iter().filter(|view| !view.published).count();
    assert_eq!((outside.closed.len(), closed), (2, 2), "the secret warrant and the letter");

    let basis = |found: &ReportCheck, figure: &str| -> Basis {
        let check = found.figures.iter().find(|check| check.figure == figure);
        check.unwrap_or_else(|| panic!("{figure}: {found:?}")).basis.clone()
    };
    let found = check(&report, &WORLD, &outside, &[]).unwrap();
    assert!(!found.is_wrong());
    assert_eq!(basis(&found, "US subpoena: non-content"), Basis::Recomputed);
    assert_eq!(basis(&found, "US warrant: rejected"), Basis::Recomputed);
    assert_eq!(basis(&found, "US warrant: content"), Basis::Unsupported);
    assert_eq!(basis(&found, "national-security letters, 2018-01-02 to 2018-06-30"), Basis::Unsupported);

    // An auditor who saw everything signs; one who did not, or who counts otherwise, does not.
    let auditor = LogSigner::new("auditor.example", &[7; 32]).unwrap();
    let note = Statement::sign(&report, &WORLD, &counted(&data, &openings), &auditor).unwrap();
    Statement::verify(&report, &note, auditor.verifier()).unwrap();
    assert!(matches!(Statement::sign(&report, &WORLD, &outside, &auditor), Err(StatementError::Closed(2))));
    let found = check(&report, &WORLD, &outside, &["auditor.example".to_owned()]).unwrap();
    assert_eq!(basis(&found, "US warrant: content"), Basis::Signed(vec!["auditor.example".to_owned()]));

    let mut less = report.clone();
    less.figures.demands.retain(|row| row.instrument != InstrumentKind::Subpoena);
    assert!(check(&less, &WORLD, &outside, &[]).unwrap().is_wrong());
    let mut more = report.clone();
    more.figures.demands[0].rejected += 1;
    assert!(Statement::sign(&more, &WORLD, &counted(&data, &openings), &auditor).is_err());
    assert!(matches!(Statement::verify(&more, &note, auditor.verifier()), Err(StatementError::Other)));
    let other = LogSigner::new("auditor.example", &[8; 32]).unwrap();
    assert!(matches!(Statement::verify(&report, &note, other.verifier()), Err(StatementError::Note(_))));
    // Where all is open to whoever checks, nothing rests on a word.
    assert!(check(&more, &WORLD, &counted(&data, &openings), &[]).unwrap().is_wrong());

    // What an outsider makes says nothing of what is closed.
    let own = TransparencyReport::make(&WORLD, &outside.whole(), span(), None).unwrap();
    assert_eq!(row(&own, InstrumentKind::Warrant).unwrap().demands, 3);
    assert!(!own.complete && own.national_security.is_none());
    deployment.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_reads_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (deployment, openings) = provided(&data).await;
    let report =
        TransparencyReport::make(&WORLD, &counted(&data, &openings), span(), Some(BandForm::Thousands));
    let report = report.unwrap();
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<TransparencyReport>(&json).unwrap(), report);

    let table = csv(&report);
    let lines: Vec<&str> = table.split("\r\n").collect();
    let width = lines[0].split(',').count();
    assert!(lines[1..lines.len() - 1].iter().all(|line| line.split(',').count() == width), "{table}");
    let mut checkpoint = report.checkpoint.lines().skip(1);
    let (size, root) = (checkpoint.next().unwrap(), checkpoint.next().unwrap());
    let row = format!("2018-01-01,2018-06-30,US,subpoena,,1,1,0,0,1,0,0,0,0,0,yes,yes,{size},{root}\r\n");
    assert!(table.contains(&row), "{table}");
    // Where nothing was demanded, the table still says what it is.
    let quiet = Span { from: day("2017-01-01"), to: day("2017-06-30"), ..span() };
    let quiet = TransparencyReport::make(&WORLD, &counted(&data, &openings), quiet, None).unwrap();
    let row = format!("2017-01-01,2017-06-30,,,,0,0,0,0,0,0,0,0,0,0,yes,yes,{size},{root}\r\n");
    assert_eq!(csv(&quiet).split_once("\r\n").unwrap().1, row);

    // One file, that asks nobody for anything; every number of its picture stands in a table too.
    let page = html(&report);
    assert!(page.contains("<svg") && page.contains("SIMULATED"));
    assert!(page.contains("(an outsider among them)"), "{page}");
    for other in ["<script", "<link", "url(", "@import", "src=", "href="] {
        assert!(!page.contains(other), "{other}");
    }
    for form in [&json, &table, &page] {
        assert!(!form.contains("post.example"), "names nobody");
    }
    deployment.stop().await;
}

/// Which process is told in bands is the country's, and comes as a file like the rest of it.
#[test]
fn whose_numbers_are_banded_comes_with_the_world() {
    let kind = InstrumentKind::NationalSecurityLetter;
    let us = "US".parse().unwrap();
    assert!(WORLD.country(&us).unwrap().is_banded(kind));
    let text = "[world.countries.US]\nbanded = []\n";
    let file = rogatory::diagnostic::SourceFile::new("unbanded.toml", text);
    let changes = WorldChanges::read(&file, &["world"]).unwrap_or_else(|wrong| panic!("{wrong}"));
    let world = WORLD.with(&changes).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert!(!world.country(&us).unwrap().is_banded(kind));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_band_is_held_against_what_is_open_and_how_much_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (deployment, openings) = provided(&data).await;
    let all = counted(&data, &openings);
    let report = TransparencyReport::make(&WORLD, &all, span(), Some(BandForm::Thousands)).unwrap();
    let outside = counted(&data, &[]);
    let with = |row: usize, band: &str| {
        let mut report = report.clone();
        report.national_security.as_mut().unwrap().rows[row].band = band.to_owned();
        report
    };
    let held = |report: &TransparencyReport, row: usize, counted: &Counted| {
        let found = check(report, &WORLD, counted, &[]).unwrap();
        let name = &report.national_security.as_ref().unwrap().rows[row].what;
        let mut figures = found.figures.into_iter().filter(|figure| figure.figure.starts_with(&**name));
        let figure = figures.next().unwrap();
        (figure.basis, figure.instead)
    };
    let out = |text: &str| (Basis::Wrong, Some(text.to_owned()));
    // Where all is open it comes out, or it does not.
    assert_eq!(held(&report, 0, &all), (Basis::Recomputed, None));
    assert_eq!(held(&with(0, "1000-1999"), 0, &all), out("0-999 comes out"));
    assert_eq!(held(&with(1, "1000-1999"), 1, &all), out("0-999 comes out"));
    // Two closed matters are two letters at most; how many accounts they name nobody outside knows.
    assert_eq!(held(&report, 0, &outside), (Basis::Unsupported, None));
    let most = "it is 2 at most, even if all that is closed is of this kind (2 matters are)";
    assert_eq!(held(&with(0, "1000-1999"), 0, &outside), out(most));
    assert_eq!(held(&with(1, "1000-1999"), 1, &outside), (Basis::Unsupported, None));
    // Of process that this world does not have there is none, closed or not.
    assert_eq!(held(&with(4, "1000-1999"), 4, &outside), out("0-999 comes out"));

    // Nobody vouches for what no report says.
    let auditor = LogSigner::new("auditor.example", &[7; 32]).unwrap();
    let refused = |report: &TransparencyReport| {
        Statement::sign(report, &WORLD, &all, &auditor).unwrap_err().to_string()
    };
    let told = [
        refused(&TransparencyReport { simulated: false, ..report.clone() }),
        refused(&TransparencyReport { made: day("2018-07-02"), ..report.clone() }),
        refused(&TransparencyReport { complete: false, ..report.clone() }),
        refused(&with(0, "7 letters")),
        refused(&with(0, "1000-1999")),
    ];
    insta::assert_snapshot!(told.join("\n"), @r"
    the report says `simulated: false`: everything here is simulated, and each report is stamped as that
    the report says it was made on 2018-07-02, and no entry that it was made from is later than 2018-07-01: a report is of the day of its newest entry, because the record says nothing of later ones
    the report says `complete: false` and has a section `national-security`: who did not see everything cannot say in which bands it lies
    the report has `7 letters` for `national-security letters, 2018-01-02 to 2018-06-30`, which is no band of 1000, such as `0-999`
    the report says otherwise than what comes out of the openings: its bands are others
    ");
    deployment.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_the_record_has_overtaken_is_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (deployment, openings) = provided(&data).await;
    let today = Span { to: day("2018-07-01"), ..span() };
    let make = |counted: &Counted, span| {
        TransparencyReport::make(&WORLD, counted, span, Some(BandForm::Thousands)).unwrap()
    };
    let (early, past) = (make(&counted(&data, &openings), today), make(&counted(&data, &openings), span()));
    let verify = |report: &TransparencyReport, name: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, serde_json::to_string(report).unwrap()).unwrap();
        let arguments = ["report", "verify", file.to_str().unwrap(), "--data", data.to_str().unwrap()];
        let json = super::program::rogatory(arguments).args(["--format", "json"]).output().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap_or_default();
        let output = super::program::rogatory(arguments).output().unwrap();
        let said = super::program::text(&output.stdout) + &super::program::text(&output.stderr);
        let last: Vec<&str> = said.lines().rev().take(2).collect();
        (output.status.code(), json["verdict"].clone(), json["later"].clone(), last.join("; "))
    };
    let (code, verdict, _, said) = verify(&early, "early.json");
    assert_eq!((code, verdict.as_str()), (Some(0), Some("holds")), "{said}");

    file(&deployment.provider, warrant("later", HERE)).await;
    let (code, verdict, later, said) = verify(&early, "early.json");
    assert_eq!((code, verdict.as_str()), (Some(3), Some("overtaken")), "{said}");
    assert_eq!(later["figures-differ"], true);
    let entries = later["entries"].as_u64().unwrap();
    assert!(entries >= 2, "received, decided: {later}");
    assert_eq!(
        said,
        format!(
            "OVERTAKEN: no figure contradicts what the record held then, and it holds more by now; the record holds {entries} \
             more entries dated within this span; made from it today, the figures would differ"
        )
    );
    // What came after its days is nothing to a report.
    let (code, verdict, later, _) = verify(&past, "past.json");
    assert_eq!((code, verdict.as_str()), (Some(0), Some("holds")));
    assert_eq!(later, serde_json::json!({ "entries": 0, "figures-differ": false }));
    // A false report stays false.
    let mut false_report = early.clone();
    false_report.figures.demands.clear();
    assert_eq!(verify(&false_report, "false.json").1, "wrong");
    deployment.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_that_only_a_closed_entry_could_have_is_taken_on_somebodys_word_until_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (deployment, _) = provided(&data).await;
    let provider = &deployment.provider;
    provider.advance_to("2018-07-02T12:00:00Z".parse().unwrap()).await.unwrap();
    let acts = vec![Act::Disclose, Act::KeepSecret];
    file(provider, Demand { acts, ..warrant("last", HERE) }).await;
    let all = counted(&data, &provider.opened(None, &[Slot::Public]).await.unwrap());
    let then = counted(&data, &[]);
    assert_eq!((all.newest(), then.newest()), (Some(day("2018-07-02")), Some(day("2018-07-01"))));
    let made = |on: &str| {
        let span = Span { made: day(on), ..span() };
        TransparencyReport::make(&WORLD, &all, span, Some(BandForm::Thousands)).unwrap()
    };
    let (right, wrong) = (made("2018-07-02"), made("2018-07-04"));
    for report in [&right, &wrong] {
        let found = check(report, &WORLD, &then, &[]).unwrap();
        let of_day = found.figures.iter().find(|figure| figure.figure == "the day it was made").unwrap();
        assert_eq!(of_day.basis, Basis::Unsupported);
    }
    // Who has everything sees the day, and so does everybody as soon as something open comes after it.
    assert!(check(&right, &WORLD, &all, &[]).is_ok());
    assert!(check(&wrong, &WORLD, &all, &[]).is_err());
    provider.advance_to("2018-07-03T12:00:00Z".parse().unwrap()).await.unwrap();
    file(provider, warrant("next", HERE)).await;
    let now = counted(&data, &[]);
    let since = |report: &TransparencyReport| {
        check(report, &WORLD, &then, &[]).unwrap().since(report, &WORLD, &then, &now)
    };
    assert_eq!(since(&right).unwrap().verdict, Verdict::Holds);
    let refused = since(&wrong).unwrap_err().to_string();
    assert!(
        refused.contains("made on 2018-07-04, and no entry that it was made from is later than 2018-07-03"),
        "{refused}"
    );
    deployment.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_says_from_what_it_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (deployment, openings) = provided(&data).await;
    let all = counted(&data, &openings);
    let whole = TransparencyReport::make(&WORLD, &all, span(), Some(BandForm::Thousands)).unwrap();
    let part = TransparencyReport::make(&WORLD, &all, span(), None).unwrap();
    let told: Vec<String> =
        [whole.clone(), part.clone().leaving_out(1), part.clone().leaving_out(2), part.leaving_out(0)]
            .iter()
            .map(|report| {
                let said = report.openness().to_string();
                assert!(html(report).contains(&said));
                said
            })
            .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    Counted from every entry of the record, secret ones too.
    1 matter is left out, because what opens it was erased or lost; everything else is counted, secret or not. Nothing is told of national security.
    2 matters are left out, because what opens them was erased or lost; everything else is counted, secret or not. Nothing is told of national security.
    Counted from openings that were published, or given to who made it: what is closed is not in it, and nothing is told of national security.
    ");

    // Of one matter nothing is left, neither in the cabinet nor where it was published; the secret ones are counted all the
    // same.
    for entry in deployment.provider.erase("content").await.unwrap() {
        std::fs::remove_file(data.join(format!("record/opening/{entry:03}"))).unwrap();
    }
    deployment.stop().await;
    let data = data.to_str().unwrap();
    let span = ["report", "--from", "2018-01-01", "--to", "2018-06-30", "--data", data];
    let output = super::program::rogatory(span).output().unwrap();
    let said = super::program::text(&output.stdout);
    assert!(output.status.success(), "{}", super::program::text(&output.stderr));
    assert!(said.contains("\n1 matter is left out, because"), "{said}");
    let output = super::program::rogatory(span).args(["--format", "json"]).output().unwrap();
    let made: TransparencyReport = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((made.complete, made.left_out), (false, Some(1)));
    assert_eq!(row(&made, InstrumentKind::Warrant).unwrap().demands, 3, "the secret one among them");
    // It is compared as what it is.
    let outside = counted(Path::new(data), &[]);
    assert!(!check(&made, &WORLD, &outside, &[]).unwrap().is_wrong());
}
