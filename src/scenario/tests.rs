mod reports;

use super::testing::{FakeStage, SMALL, matter, names, t};
use super::*;
use crate::diagnostic::SourceFile;
use crate::law::{Condition, Hearing, Keyed};
use crate::world::{Conduct, DataClass, KeyCustody};

fn parse(text: &str) -> Result<Script, BadScript> {
    Script::parse(&SourceFile::new("play.toml", text), &names())
}

/// The small script with one thing changed, which has to be there.
fn changed(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    SMALL.replacen(from, to, 1)
}

fn stage() -> FakeStage {
    let stayed = |item: &mut ItemView| {
        item.suspended_by = vec!["stay".parse().unwrap()];
        item.due = None;
    };
    let live = |item: &mut ItemView| item.due = Some(t("2014-08-29T16:00:00Z"));
    let views = vec![
        (t("2013-12-04T20:00:00Z"), matter("13-mag-2814", |_| {})),
        (t("2014-08-01T16:00:00Z"), matter("13-mag-2814", stayed)),
        (t("2014-08-29T16:00:00Z"), matter("13-mag-2814", live)),
    ];
    FakeStage { views: [("13-mag-2814".parse().unwrap(), views)].into(), ..FakeStage::default() }
}

async fn play(script: &str, stage: &mut FakeStage) -> Report {
    run(&parse(script).unwrap(), stage, &mut Unwatched).await.unwrap()
}

/// What is wrong with the checks that did not hold.
fn complaints(report: &Report) -> Vec<String> {
    let complaint = |check: &Check| match &check.verdict {
        Verdict::Held => None,
        Verdict::Failed { found } => Some(format!("{}: {}", check.line, found.join("; "))),
        Verdict::Unmatched { why } => Some(format!("{}: unmatched: {why}", check.line)),
        Verdict::Unreached => Some(format!("{}: unreached", check.line)),
    };
    report.checks().filter_map(complaint).collect()
}

#[tokio::test]
async fn one_event_finishes_before_the_next_and_questions_come_in_between() {
    let mut stage = stage();
    let report = play(SMALL, &mut stage).await;
    insta::assert_snapshot!(stage.log.join("\n"), @r"
    set 2013-12-01T09:00:00-05:00 small {}
    open molly@post.example
    to 2013-12-04T20:00:00Z
    receive 13-mag-2814
    look molly@post.example
    to 2014-08-01T16:00:00Z
    order 13-mag-2814 stay suspends
    to 2014-08-28T16:00:00Z
    to 2014-08-29T16:00:00Z
    order 13-mag-2814 lift lifts
    to 2014-09-09T13:00:00Z
    ");
    assert_eq!(complaints(&report), [""; 0]);
    assert!(report.holds());
    assert_eq!((report.expectations.held, report.expectations.total()), (4, 4));
    assert_eq!(report.record.unwrap().size, 3);
}

#[tokio::test]
async fn an_expectation_that_differs_says_what_was_found() {
    let script = changed("duty = \"compelled\"", "duty = \"barred\"")
        .replacen("positions = { US = \"compels\"", "positions = { US = \"bars\"", 1)
        .replacen("because = [\"us-sca-content-warrant\"]", "because = [\"us-sca-records\"]", 1)
        .replacen("suspended = false", "suspended = true", 1)
        .replacen("disposition = \"partly-served\"", "disposition = \"served\"", 1);
    let report = play(&script, &mut stage()).await;
    insta::assert_snapshot!(complaints(&report).join("\n"), @r"
    30: duty is `compelled`, expected `barred`; US says `compels`, expected `bars`; `us-sca-records` is not among the reasons: `us-sca-content-warrant`
    65: not suspended, expected suspended
    70: the matter is partly served, expected served
    ");
    assert!(!report.holds());
}

#[tokio::test]
async fn a_rule_has_to_be_closed_by_what_is_expected_and_by_nothing_else() {
    let condition = |facts: &[&str]| Condition {
        text: String::new(),
        words: String::new(),
        unless: false,
        met: false,
        facts: facts.iter().map(|fact| ((*fact).to_owned(), "unknown".to_owned())).collect(),
    };
    let closed =
        |on: &[&[&str]]| Hearing::Closed { failed: on.iter().map(|facts| condition(facts)).collect() };
    let past = Hearing::NotInForce { keyed: Keyed::Decided, on: "2013-12-04".parse().unwrap() };
    let table = [
        ("proof", closed(&[&["proof"]]), None),
        ("proof", closed(&[&["proof", "issuer"]]), None),
        ("proof\", \"issuer", closed(&[&["proof"], &["issuer"]]), None),
        ("proof", closed(&[&["proof"], &["issuer"]]), Some("fails on issuer too, expected closed by proof")),
        (
            "proof",
            closed(&[&["issuer"]]),
            Some("fails on issuer too, not on proof, expected closed by proof"),
        ),
        (
            "proof\", \"issuer",
            closed(&[&["proof"]]),
            Some("fails not on issuer, expected closed by issuer, proof"),
        ),
        ("proof", Hearing::Applies, Some("applies, expected closed by proof")),
        ("proof", past.clone(), Some("is not in force: decided on 2013-12-04, expected closed by proof")),
        ("proof", Hearing::NotAbout, Some("has no say on it, expected closed by proof")),
        ("not-in-force", past, None),
        ("not-in-force", closed(&[&["proof"]]), Some("is in force, expected closed by not-in-force")),
    ];
    for (by, hearing, wrong) in table {
        let wish = format!("closed = {{ us-sca-records = [\"{by}\"] }}\nsuspended = false");
        let mut stage = FakeStage { hearing: Some(hearing), ..stage() };
        let report = play(&changed("suspended = false", &wish), &mut stage).await;
        let expected: Vec<String> =
            wrong.iter().map(|wrong| format!("65: `us-sca-records` {wrong}")).collect();
        assert_eq!(complaints(&report), expected, "{by}");
    }
}

#[tokio::test]
async fn an_expectation_about_nothing_fails() {
    let script =
        changed("class = \"content\"\nsuspended = false", "class = \"subscriber\"\nsuspended = false");
    let report = play(&script, &mut stage()).await;
    insta::assert_snapshot!(complaints(&report).join("\n"), @r"
    65: unmatched: no such item; the matter has content in ie-dublin, traffic in us-virginia
    ");
    assert!(!report.holds());

    let report = play(SMALL, &mut FakeStage::default()).await;
    assert_eq!(report.expectations.unmatched, 4);
    assert!(!report.holds());
}

#[tokio::test]
async fn what_is_not_reached_fails() {
    let mut stage = stage();
    stage.fails_at = Some(t("2014-08-29"));
    let report = play(SMALL, &mut stage).await;
    assert_eq!(report.stopped, Some(Stop { line: Some(56), why: "the curtain fell".into() }));
    assert_eq!(complaints(&report), ["65: unreached", "70: unreached"]);
    assert_eq!(report.expectations, Tally { held: 2, failed: 0, unmatched: 0, unreached: 2 });
    assert!(!report.holds());
}

#[tokio::test]
async fn an_item_that_was_produced_is_not_due() {
    let script = changed("class = \"content\"\nsuspended = false", "class = \"traffic\"\nsuspended = false");
    let report = play(&script, &mut stage()).await;
    assert_eq!(
        complaints(&report),
        ["65: not due at 2014-08-29T16:00:00Z (due time 2013-12-04T20:00:00Z), expected due"]
    );
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_the_near_miss() {
    let table = [
        ("a key", changed("place = \"New York\"", "plaec = \"New York\"")),
        ("a key deep down", changed("max-penalty-years", "max-penalty-year")),
        ("a value", changed("duty = \"compelled\"", "duty = \"compeled\"")),
        ("an outcome", changed("outcome = \"none\"", "outcome = \"nothing\"")),
        ("a date without hour", changed("2014-08-01T12:00:00-04:00", "2014-08-01")),
        ("out of order", changed("2014-08-01T12:00:00-04:00", "2013-08-01T12:00:00-04:00")),
        ("asked before its step", changed("on = \"2014-08-28", "on = \"2013-08-28")),
        ("a region", changed("region = \"ie-dublin\"", "region = \"ie-dubln\"")),
        ("an authority", changed("issuing = \"us-sdny\"", "issuing = \"us-sndy\"")),
        ("an account", changed("accounts = [\"molly\"]", "accounts = [\"moly\"]")),
        ("a story account", changed("story = \"molly\"", "story = \"mloly\"")),
        ("a rule", changed("\"us-sca-content-warrant\"", "\"us-sca-content-warant\"")),
        (
            "a rule that is closed",
            changed("suspended = false", "closed = { us-sca-record = [\"proof\"] }\nsuspended = false"),
        ),
        (
            "a fact that closes it",
            changed("suspended = false", "closed = { us-sca-records = [\"proofs\"] }\nsuspended = false"),
        ),
        (
            "nothing that closes it",
            changed("suspended = false", "closed = { us-sca-records = [] }\nsuspended = false"),
        ),
        ("a jurisdiction", changed("IE = \"silent\"", "IR = \"silent\"")),
        (
            "a matter",
            changed("id = \"lift\"\nmatter = \"13-mag-2814\"", "id = \"lift\"\nmatter = \"13-mag-2841\""),
        ),
        ("an order", changed("ends = [\"stay\"]", "ends = [\"stya\"]")),
        ("a paper before its time", changed("on = \"2014-08-28", "on = \"2014-07-28")),
        ("ends nothing", changed("ends = [\"stay\"]\n", "")),
        ("ends itself", changed("ends = [\"stay\"]", "ends = [\"lift\"]")),
        ("no step", SMALL[..SMALL.find("[[step]]").unwrap()].to_owned()),
        ("no action", changed("note = \"Nothing more happens\"", "title = \"Nothing more happens\"")),
        ("two actions", changed("title = \"A stay\"", "stance = { free = \"refuse\" }\ntitle = \"A stay\"")),
        ("history without source", changed("source = \"a letter of 12 August 2014\"\n", "")),
        ("source without history", changed("happened = \"A magistrate judge issued a warrant.\"\n", "")),
        ("an empty expectation", changed("disposition = \"partly-served\"\n", "")),
        (
            "a fine in a stay",
            changed(
                "effect = \"suspends\"",
                "effect = \"suspends\"\nper-day = { amount = 1, currency = \"USD\" }",
            ),
        ),
        ("the same id twice", changed("id = \"lift\"", "id = \"stay\"")),
        (
            "two errors",
            changed("issuing = \"us-sdny\"", "issuing = \"us\"").replacen(
                "deliver-to = \"us-doj\"",
                "deliver-to = \"us-dog\"",
                1,
            ),
        ),
        ("story and more", changed("story = \"molly\"", "story = \"molly\"\nholder = \"Molly\"")),
        (
            "half an account",
            changed("story = \"molly\"", "name = \"molly\"\naddress = \"molly@post.example\""),
        ),
        ("not TOML", changed("[[account]]", "[[account]")),
    ];
    let mut text = String::new();
    for (what, script) in table {
        let error = parse(&script).expect_err(what);
        text.push_str(&format!("--- {what}\n{error}\n"));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn an_account_can_be_written_into_the_script() {
    let inline = "name = \"molly\"\naddress = \"m@post.example\"\nholder = \"Molly\"\ndeclared-country = \"IE\"\n\
                  contracted-with = \"head-office\"\n[[account.message]]\ndate = \"2013-01-02T10:00:00Z\"\n\
                  from = \"a@b.example\"\nto = [\"m@post.example\"]\nsubject = \"Hello\"\nbody = \"Hi.\\n\"";
    let script = parse(&changed("story = \"molly\"", inline)).unwrap();
    let AccountSpec::Inline(account) = &script.accounts[0] else { panic!("{:?}", script.accounts) };
    assert_eq!(account.messages[0].subject, "Hello");
    let Action::Demand(demand) = &script.steps[0].action else { panic!() };
    assert_eq!(demand.accounts[0].as_str(), "m@post.example");
    assert_eq!(demand.issued, script.steps[0].at.time());
}

#[test]
fn the_world_can_differ() {
    let world = "seed = \"small\"\n[world]\nstance = { compelled-foreign = \"refuse\" }\n\
                 regions.ie-dublin.key-custody = \"region\"\n";
    let script = parse(&changed("seed = \"small\"\n", world)).unwrap();
    assert_eq!(script.setting.stance.compelled_foreign, Some(Conduct::Refuse));
    assert_eq!(script.setting.key_custody.values().collect::<Vec<_>>(), [&KeyCustody::Region]);
}

/// A stage on which something of everything comes about.
fn eventful() -> FakeStage {
    let mut stage = stage();
    let matter = || "13-mag-2814".parse().unwrap();
    stage.on_receipt = vec![
        Happened::Recorded {
            entry: 1,
            matter: matter(),
            kind: "decided".into(),
            cause: Some(crate::gate::Cause::LawChanged),
            root: "3f".repeat(32),
            cosigned_by: vec!["de-frankfurt".into(), "university".into()],
        },
        Happened::Produced {
            matter: matter(),
            region: "us-virginia".parse().unwrap(),
            classes: vec![DataClass::Traffic],
            objects: 41,
            bytes: 12_345,
            ciphertext: false,
            sealed_to: "us-doj".parse().unwrap(),
            conditions: vec!["only for this case".into()],
            objections: vec![],
        },
        Happened::Refused {
            matter: matter(),
            region: "ie-dublin".parse().unwrap(),
            why: "no Irish order".into(),
        },
    ];
    stage.meanwhile = vec![Happening {
        at: t("2014-06-01T12:00:00Z"),
        what: Happened::TimeLimit { matter: matter(), what: "the warrant's own date passed".into() },
    }];
    stage
}

/// The small script with an expectation that does not hold, played on an eventful stage.
async fn eventful_play(stage: &mut FakeStage) -> Played {
    let script = parse(&changed("suspended = false", "suspended = true")).unwrap();
    let report = run(&script, stage, &mut Unwatched).await.unwrap();
    Played { script, report }
}

/// Plays it before a reader.
async fn told(width: usize, colour: bool) -> String {
    let names = names();
    let mut text = Vec::new();
    let mut observer = TextObserver::new(&mut text, &names, Look { width, colour }, Pace::None);
    let script = changed("suspended = false", "suspended = true");
    run(&parse(&script).unwrap(), &mut eventful(), &mut observer).await.unwrap();
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_play_reads_well() {
    insta::assert_snapshot!(told(100, false).await);
}

#[tokio::test]
async fn no_line_is_wider_than_the_page() {
    for width in [60, 72, 100, 140] {
        let text = told(width, false).await;
        // A rule's name and a file's place are one word, which is not broken.
        for line in text.lines().filter(|line| line.split_whitespace().count() > 3) {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
        assert!(text.lines().all(|line| line.trim_end() == line), "{text}");
    }
}

#[tokio::test]
async fn colour_changes_nothing_but_colour() {
    let coloured = told(80, true).await;
    assert!(coloured.contains('\u{1b}'));
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), told(80, false).await);
}

#[tokio::test]
async fn the_report_as_json_says_that_it_is_simulated() {
    let report = play(SMALL, &mut stage()).await;
    let mut json = Vec::new();
    report.write_json(&mut json).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(value["simulated"], true);
    assert_eq!(value["expectations"]["held"], 4);
    insta::assert_snapshot!(serde_json::to_string_pretty(&value["scenes"][2]).unwrap());
}
