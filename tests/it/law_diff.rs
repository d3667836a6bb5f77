//! What changed between two days, and what between two revisions of the books: two things that are never mixed.

use std::path::Path;

use rogatory::law::Law;

use crate::program::{run, text};

/// The books as they stand, with one text in one of them changed.
fn changed(file: &str, from: &str, to: &str) -> (tempfile::TempDir, Law) {
    let folder = tempfile::tempdir().unwrap();
    let law = folder.path().join("config/law");
    std::fs::create_dir_all(&law).unwrap();
    for entry in std::fs::read_dir("config/law").unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, law.join(path.file_name().unwrap())).unwrap();
        }
    }
    let book = law.join(file);
    let text = std::fs::read_to_string(&book).unwrap();
    assert!(text.contains(from), "{file} does not say `{from}`");
    std::fs::write(&book, text.replacen(from, to, 1)).unwrap();
    let read = Law::load(&law).unwrap_or_else(|wrong| panic!("{wrong}"));
    (folder, read)
}

#[test]
fn a_change_of_the_law_is_a_version_that_came_or_went() {
    let law = Law::load(Path::new("config/law")).unwrap();
    let changes = law.changes("2018-03-22".parse().unwrap(), "2018-03-23".parse().unwrap());
    let of = |id: &str| changes.iter().find(|change| id == change.before.or(change.after).unwrap().id);
    let new = of("us-2713").unwrap();
    assert!(new.before.is_none() && new.after.is_some());
    let changed = of("us-2703-a-control").unwrap();
    assert_ne!(changed.before.unwrap().from, changed.after.unwrap().from);
    assert!(of("us-829-f3d-197").is_none(), "it holds on both days");
    // What came and went in between is there, and apart.
    let later = law.changes("2016-07-13".parse().unwrap(), "2018-06-01".parse().unwrap());
    let ruling = later.iter().find(|change| change.between.iter().any(|rule| rule.id == "us-829-f3d-197"));
    assert!(ruling.is_some_and(|change| change.before.is_none() && change.after.is_none()));
    // Nothing changes on a day on which nothing does.
    assert!(law.changes("2014-08-28".parse().unwrap(), "2014-08-29".parse().unwrap()).is_empty());
}

#[test]
fn a_corrected_reading_is_no_change_of_the_law() {
    let law = Law::load(Path::new("config/law")).unwrap();
    let (_folder, before) =
        changed("ru.cedar", "context.served_in.contains(\"RU\")", "context.home_in.contains(\"RU\")");
    let corrections = law.corrections(&before);
    let [correction] = &corrections[..] else { panic!("{corrections:?}") };
    assert_eq!((correction.id, correction.added, correction.removed), ("ru-152-18", false, false));
    let [part] = &correction.parts[..] else { panic!("{:?}", correction.parts) };
    assert_eq!((part.name, part.decides), ("conditions", true));
    assert!(part.before[0].contains("home_in") && part.after[0].contains("served_in"), "{part:?}");
    // On no day did the law change for it.
    let days = ("2015-08-31".parse().unwrap(), "2015-09-01".parse().unwrap());
    assert_eq!(law.changes(days.0, days.1).len(), before.changes(days.0, days.1).len());

    let (_folder, before) = changed("ru.cedar", "@weight(\"open\")", "@weight(\"binding\")");
    let corrections = law.corrections(&before);
    assert_eq!((corrections[0].parts[0].name, corrections[0].parts[0].decides), ("weight", false));
    assert!(law.heads_changed(&before).is_empty());

    let (_folder, before) = changed("ru.toml", "name = \"Russia\"", "name = \"Muscovy\"");
    assert!(law.corrections(&before).is_empty());
    assert_eq!(law.heads_changed(&before)[0].as_str(), "RU");
}

#[test]
fn the_program_tells_them_apart() {
    let (folder, _) = changed("ru.cedar", "@weight(\"open\")", "@weight(\"binding\")");
    let told = run(&["law", "diff", "--of", "RU", "--books", folder.path().to_str().unwrap()]);
    let told = text(&told.stdout);
    assert!(told.contains("Corrected readings, from revision"), "{told}");
    assert!(
        told.contains("ru-152-18 (from 2015-09-01)\n    weight\n      - binding\n      + open\n"),
        "{told}"
    );
    let told = run(&["law", "diff", "2015-08-31", "2015-09-01", "--of", "RU"]);
    let told = text(&told.stdout);
    assert!(told.contains("The law, from 2015-08-31 to 2015-09-01"), "{told}");
    assert!(told.contains("  came     ru-152-18 open, executed from 2015-09-01\n"), "{told}");
    assert!(!told.contains("Corrected"), "{told}");
}
