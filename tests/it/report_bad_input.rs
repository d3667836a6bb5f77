//! Reports that were altered, truncated, reordered, made of another log or signed by nobody, shown to the program.

use std::path::Path;

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

#[test]
fn each_bad_report_is_answered_with_what_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = stopped_demo().to_str().unwrap();
    let made = rogatory([
        "report",
        "--from",
        "2013-12-01",
        "--to",
        "2018-03-31",
        "--format",
        "json",
        "--data",
        data,
    ])
    .output()
    .unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    let report: Value = serde_json::from_slice(&made.stdout).unwrap();
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
    truncated: error: `report.json` is no report: EOF while parsing a string at line 1 column 3893
    without its figures: error: `report.json` is no report: missing field `figures` at line 1 column 3173
    cut checkpoint: error: the last line does not end: something is cut off
    reordered checkpoint: error: the second line is `<root>`, where the size of the log is expected, a number without zeros in front
    another log's: error: a checkpoint of the log `other.example/record`, where `rogatory.example/record` was expected
    another log's of the same name: error: the log `rogatory.example/record` has not signed this checkpoint
    unsigned: error: the log `rogatory.example/record` has not signed this checkpoint
    a statement that is none: error: `report.note`: not a signed note: text, an empty line, and lines of the form `— name base64`
    a statement of somebody else: error: `report.note`: `auditor.example` has not signed it
    ");
}
