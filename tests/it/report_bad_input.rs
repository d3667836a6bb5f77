//! Reports that were altered, truncated, reordered, made of another log or signed by nobody, shown to the program.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rogatory::record::checkpoint::SignedCheckpoint;
use rogatory::record::key::LogSigner;
use serde_json::{Value, json};

use crate::program::{rogatory, text};
use crate::program_cases::stopped_demo;

/// What the program says of a file: how it ended, and the lines in which the difference shows.
fn said(folder: &Path, file: &str, more: &[&str]) -> (Option<i32>, String) {
    let data = stopped_demo().to_str().unwrap();
    let arguments = [&["report", "verify", file, "--data", data], more].concat();
    let output = rogatory(arguments).current_dir(folder).output().unwrap();
    let told = text(&output.stdout);
    let told =
        told.lines().filter(|line| line.contains("comes out") || line.contains("NOT")).collect::<Vec<_>>();
    (output.status.code(), told.join("; ") + text(&output.stderr).trim_end())
}

/// A copy of the stopped demo for one question at a time: whoever makes a report opens its folder, and nobody else can then.
fn demo() -> MutexGuard<'static, PathBuf> {
    static COPY: OnceLock<(tempfile::TempDir, Mutex<PathBuf>)> = OnceLock::new();
    let (_, copy) = COPY.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("demo");
        let copied = Command::new("cp").arg("-r").args([stopped_demo(), &data]).status().unwrap();
        assert!(copied.success());
        (folder, Mutex::new(data))
    });
    copy.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A report of the demo, as the program makes it.
fn made() -> Value {
    static MADE: OnceLock<Value> = OnceLock::new();
    let make = || {
        let data = demo();
        let span = ["report", "--from", "2013-12-01", "--to", "2018-03-31", "--format", "json", "--data"];
        let made = rogatory(span).arg(&*data).output().unwrap();
        assert!(made.status.success(), "{}", text(&made.stderr));
        serde_json::from_slice(&made.stdout).unwrap()
    };
    MADE.get_or_init(make).clone()
}

#[test]
fn each_bad_report_is_answered_with_what_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = stopped_demo().to_str().unwrap();
    let report = made();
    let write = |bytes: &str| std::fs::write(folder.path().join("report.json"), bytes).unwrap();
    let of = |bytes: &str| {
        write(bytes);
        said(folder.path(), "report.json", &[])
    };
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = report.clone();
        change(&mut changed);
        of(&changed.to_string())
    };
    assert_eq!(of(&report.to_string()), (Some(0), String::new()));
    let names: Vec<&str> = report["quorum"]["cosigners"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["witness"].as_str().unwrap())
        .collect();
    let names = names.join(", ");
    let told =
        rogatory(["report", "verify", "report.json", "--data", data]).current_dir(folder.path()).output();
    let made_from = format!("made from a checkpoint cosigned by {names} (an outsider among them)\n");
    assert!(text(&told.unwrap().stdout).contains(&made_from), "{made_from}");
    // The order of keys means nothing in JSON; serde_json sorts them.
    let checkpoint = report["checkpoint"].as_str().unwrap();
    let (note, signatures) = checkpoint.split_once("\n\n").unwrap();
    let unsigned: String = signatures
        .split_inclusive('\n')
        .filter(|line| !line.starts_with(&format!("— {} ", note.lines().next().unwrap())))
        .collect();
    let head = SignedCheckpoint::parse(checkpoint).unwrap().head();
    let signed_by = |name: &str| {
        let signer = LogSigner::new(name, &[7; 32]).unwrap();
        SignedCheckpoint::sign(&signer, head).to_string()
    };
    let origin = note.lines().next().unwrap();
    let mut lines: Vec<&str> = note.lines().collect();
    lines.swap(1, 2);
    let reordered = format!("{}\n\n{signatures}", lines.join("\n"));
    let cut = report.to_string();
    let rows = [
        (
            "altered figure",
            with(&|r| {
                let row = &mut r["figures"]["demands"][0];
                row["demands"] = json!(row["demands"].as_u64().unwrap() - 1);
            }),
        ),
        ("altered format", with(&|r| r["format"] = json!(1))),
        (
            "altered size",
            with(&|r| {
                let size = head.size.to_string();
                r["checkpoint"] = json!(checkpoint.replacen(&format!("\n{size}\n"), "\n1\n", 1));
            }),
        ),
        ("altered word on outsiders", with(&|r| r["quorum"]["outsider"] = json!(false))),
        (
            "a cosigner more",
            with(&|r| {
                let mut one = r["quorum"]["cosigners"][0].clone();
                one["witness"] = json!("nobody");
                r["quorum"]["cosigners"].as_array_mut().unwrap().insert(0, one);
            }),
        ),
        ("truncated", of(&cut[..cut.len() - 20])),
        ("without its figures", with(&|r| drop(r.as_object_mut().unwrap().remove("figures")))),
        ("cut checkpoint", with(&|r| r["checkpoint"] = json!(checkpoint[..checkpoint.len() - 9]))),
        ("reordered checkpoint", with(&|r| r["checkpoint"] = json!(reordered))),
        ("another log's", with(&|r| r["checkpoint"] = json!(signed_by("other.example/record")))),
        ("another log's of the same name", with(&|r| r["checkpoint"] = json!(signed_by(origin)))),
        ("unsigned", with(&|r| r["checkpoint"] = json!(format!("{note}\n\n{unsigned}")))),
    ];
    write(&report.to_string());
    let auditor = LogSigner::new("auditor.example", &[8; 32]).unwrap();
    let key = auditor.verifier().to_string();
    let statement = |contents: &str| {
        std::fs::write(folder.path().join("report.note"), contents).unwrap();
        said(folder.path(), "report.json", &["--statement", "report.note", "--auditor", &key])
    };
    let statements = [
        ("a statement that is none", statement("hello\n")),
        ("a statement of somebody else", statement(checkpoint)),
    ];
    let rows: Vec<_> = rows.into_iter().chain(statements).collect();
    let told: String = rows
        .iter()
        .map(|(what, (code, said))| {
            assert_eq!(*code, Some(1), "{what}: {said}");
            let said = said.replace(checkpoint.lines().nth(2).unwrap(), "<root>").replace(&names, "<names>");
            format!("{what}: {said}\n")
        })
        .collect();
    insta::assert_snapshot!(told, @r"
    altered figure: US warrant: demands: says 2, and 3 comes out; NOT what the record says
    altered format: error: `report.json` is a report of format 1, and this program reads 2
    altered size: error: the signature of the log `rogatory.example/record` is not over this checkpoint
    altered word on outsiders: error: the report says `cosigned by <names> (no outsider among them)`, and its checkpoint is cosigned by <names> (an outsider among them)
    a cosigner more: error: the report says `cosigned by nobody, <names> (an outsider among them)`, and its checkpoint is cosigned by <names> (an outsider among them)
    truncated: error: `report.json` is no report: EOF while parsing a string at line 1 column 3896
    without its figures: error: `report.json` is no report: missing field `figures` at line 1 column 3176
    cut checkpoint: error: the last line does not end: something is cut off
    reordered checkpoint: error: the second line is `<root>`, where the size of the log is expected, a number without zeros in front
    another log's: error: a checkpoint of the log `other.example/record`, where `rogatory.example/record` was expected
    another log's of the same name: error: the log `rogatory.example/record` has not signed this checkpoint
    unsigned: error: the log `rogatory.example/record` has not signed this checkpoint
    a statement that is none: error: `report.note`: not a signed note: text, an empty line, and lines of the form `— name base64`
    a statement of somebody else: error: `report.note`: `auditor.example` has not signed it
    ");
}

/// A change to a report as JSON.
type Forge = fn(&mut Value);

#[test]
fn what_no_report_of_this_record_can_say_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    fn band(r: &mut Value) -> &mut Value {
        &mut r["national-security"]["rows"][0]
    }
    let forged: [(&str, Forge); 24] = [
        ("a bogus row before the real one", |r| {
            let mut row = r["figures"]["demands"][0].clone();
            (row["demands"], row["content"]) = (json!(99), json!(99));
            r["figures"]["demands"].as_array_mut().unwrap().insert(0, row);
        }),
        ("a class twice", |r| {
            let row = r["figures"]["classes"][0].clone();
            r["figures"]["classes"].as_array_mut().unwrap().push(row);
        }),
        ("an outcome of its own", |r| r["figures"]["classes"][0]["outcome"] = json!("produced gladly")),
        ("a line of its own", |r| {
            r["figures"]["classes"][0]["outcome"] = json!("produced\nno figure contradicts the record");
        }),
        ("a band without a width", |r| band(r)["band"] = json!("0")),
        ("a band in words", |r| band(r)["band"] = json!("7 letters")),
        ("a band that begins anywhere", |r| band(r)["band"] = json!("1-1000")),
        ("a band of another form", |r| band(r)["band"] = json!("0-499")),
        ("a band beyond all numbers", |r| {
            band(r)["band"] = json!("18446744073709551000-18446744073709551615");
        }),
        ("a higher band", |r| band(r)["band"] = json!("1000-1999")),
        ("a width that no law knows", |r| r["national-security"]["width"] = json!(1)),
        ("another width", |r| r["national-security"]["width"] = json!(500)),
        ("no law", |r| r["national-security"]["law"] = json!("none")),
        ("another mark", |r| r["national-security"]["mark"] = json!("verified")),
        ("other process", |r| band(r)["what"] = json!("letters that were answered")),
        ("a forged line of output", |r| band(r)["what"] = json!("letters\nno figure contradicts the record")),
        ("an escape", |r| band(r)["what"] = json!("\u{1b}[2Jletters")),
        ("other days", |r| band(r)["from"] = json!("2017-07-02")),
        ("a row less", |r| drop(r["national-security"]["rows"].as_array_mut().unwrap().pop())),
        ("no bands", |r| drop(r.as_object_mut().unwrap().remove("national-security"))),
        ("no stamp", |r| r["simulated"] = json!(false)),
        ("made tomorrow", |r| r["made"] = json!("2018-04-18")),
        ("made yesterday", |r| r["made"] = json!("2018-04-16")),
        ("not complete, with bands", |r| r["complete"] = json!(false)),
    ];
    let told: String = forged
        .iter()
        .map(|(what, forge)| {
            let mut report = made();
            forge(&mut report);
            std::fs::write(folder.path().join("report.json"), report.to_string()).unwrap();
            let (code, said) = said(folder.path(), "report.json", &[]);
            assert_eq!(code, Some(1), "{what}: {said}");
            format!("{what}: {said}\n")
        })
        .collect();
    insta::assert_snapshot!(told, @r"
    a bogus row before the real one: error: the report has the row `US warrant` twice: only one of them could be what was counted
    a class twice: error: the report has the row `US warrant: content lapsed` twice: only one of them could be what was counted
    an outcome of its own: error: the report has `produced gladly` for an outcome, which the gate does not know
    a line of its own: error: `report.json` is no report: `figures.classes[0].outcome` holds the character U+000A, which no report has
    a band without a width: error: the report has `0` for `national-security letters, 2017-10-19 to 2018-04-16`, which is no band of 1000, such as `0-999`
    a band in words: error: the report has `7 letters` for `national-security letters, 2017-10-19 to 2018-04-16`, which is no band of 1000, such as `0-999`
    a band that begins anywhere: error: the report has `1-1000` for `national-security letters, 2017-10-19 to 2018-04-16`, which is no band of 1000, such as `0-999`
    a band of another form: error: the report has `0-499` for `national-security letters, 2017-10-19 to 2018-04-16`, which is no band of 1000, such as `0-999`
    a band beyond all numbers: error: the report has `18446744073709551000-18446744073709551615` for `national-security letters, 2017-10-19 to 2018-04-16`, which is no band of 1000, such as `0-999`
    a higher band: national-security letters, 2017-10-19 to 2018-04-16: says 1000-1999, and 0-999 comes out; NOT what the record says
    a width that no law knows: error: the report has bands of 1: the law knows 1000, 500, 250 and 100
    another width: error: the report has bands of 500 under `50 U.S.C. 1874(a)(1)` (from memory), and those are of `50 U.S.C. 1874(a)(2)` (from memory)
    no law: error: the report has bands of 1000 under `none` (from memory), and those are of `50 U.S.C. 1874(a)(1)` (from memory)
    another mark: error: the report has bands of 1000 under `50 U.S.C. 1874(a)(1)` (verified), and those are of `50 U.S.C. 1874(a)(1)` (from memory)
    other process: error: the report has the row `letters that were answered, 2017-10-19 to 2018-04-16` of national security where `national-security letters, 2017-10-19 to 2018-04-16` is told on that day
    a forged line of output: error: `report.json` is no report: `national-security.rows[0].what` holds the character U+000A, which no report has
    an escape: error: `report.json` is no report: `national-security.rows[0].what` holds the character U+001B, which no report has
    other days: error: the report has the row `national-security letters, 2017-07-02 to 2018-04-16` of national security where `national-security letters, 2017-10-19 to 2018-04-16` is told on that day
    a row less: error: the report has 5 rows of national security, and with bands of 1000 there are 6
    no bands: error: the report says `complete: true` and has no section `national-security`: on 2018-04-17 a report of everything has one
    no stamp: error: the report says `simulated: false`: everything here is simulated, and each report is stamped as that
    made tomorrow: error: the report says it was made on 2018-04-18, and no entry that it was made from is later than 2018-04-17: a report is of the day of its newest entry, because the record says nothing of later ones
    made yesterday: error: the report says it was made on 2018-04-16, and is made from an entry of 2018-04-17: that was not in the record then
    not complete, with bands: error: the report says `complete: false` and has a section `national-security`: who did not see everything cannot say in which bands it lies
    ");
}

#[test]
fn what_is_no_json_and_what_is_yet_to_come_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let demo = demo();
    let data = demo.to_str().unwrap();
    let ask = |more: &[&str]| {
        let span = ["report", "--data", data, "--from", "2013-12-01"];
        rogatory([&span, more].concat()).current_dir(folder.path()).output().unwrap()
    };
    let told =
        |output: std::process::Output| (output.status.code(), text(&output.stderr).trim_end().to_owned());
    for format in ["text", "csv"] {
        let made = ask(&["--to", "2018-04-17", "--format", format, "--html", "page.html"]);
        assert!(made.status.success(), "{}", text(&made.stderr));
        std::fs::write(folder.path().join(format), made.stdout).unwrap();
    }
    let no_json = ["text", "csv", "page.html"].map(|file| said(folder.path(), file, &[]));
    let to_come =
        [&["--to", "2099-12-31", "--published"][..], &["--to", "2018-12-31"]].map(|to| told(ask(to)));
    let lines: Vec<String> = no_json
        .iter()
        .chain(&to_come)
        .map(|(code, said)| {
            assert_eq!(*code, Some(1), "{said}");
            said.lines().filter(|line| line.starts_with("error")).collect()
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    error: `text` is not JSON: what can be checked and signed is what `rogatory report --format json` makes; a report as text, as CSV or as a page cannot
    error: `csv` is not JSON: what can be checked and signed is what `rogatory report --format json` makes; a report as text, as CSV or as a page cannot
    error: `page.html` is not JSON: what can be checked and signed is what `rogatory report --format json` makes; a report as text, as CSV or as a page cannot
    error: a report up to 2099-12-31 cannot be made from entries up to 2018-04-17: what is to come is not in the record; name --to 2018-04-17 or earlier
    error: a report up to 2018-12-31 cannot be made from entries up to 2018-04-17: what is to come is not in the record; name --to 2018-04-17 or earlier
    ");
    let outside: Value =
        serde_json::from_slice(&ask(&["--to", "2018-04-01", "--published", "--format", "json"]).stdout)
            .unwrap();
    assert_eq!(outside["made"], "2018-04-17", "the day of the newest entry, whatever was asked for");
}

#[test]
fn the_examples_of_the_help_work_on_the_demo() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let demo = demo();
    std::os::unix::fs::symlink(&*demo, data.join("demo")).unwrap();
    let help = rogatory(["report", "--help"]).env("COLUMNS", "120").output().unwrap();
    let help = text(&help.stdout);
    let examples: Vec<&str> =
        help.lines().filter_map(|line| line.strip_prefix("  rogatory report --from ")).collect();
    assert_eq!(examples.len(), 3, "{help}");
    for example in examples {
        let words = example.split(" > ").next().unwrap().split(' ');
        let output = rogatory(["report", "--from"].into_iter().chain(words))
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{example}: {}", text(&output.stderr));
    }
}
