//! The law books, the law tests beside them, and law books that must not load.

use std::path::Path;

use rogatory::law::{Law, LawTest};

fn law() -> Law {
    Law::load(Path::new("config/law")).unwrap_or_else(|errors| {
        let errors: Vec<String> = errors.iter().map(|error| error.to_string()).collect();
        panic!("the law books do not load:\n{}", errors.join("\n"))
    })
}

#[test]
fn every_law_test_holds() {
    let law = law();
    let tests = LawTest::load(Path::new("config/law/tests")).unwrap_or_else(|errors| {
        let errors: Vec<String> = errors.iter().map(|error| error.to_string()).collect();
        panic!("the law tests do not load:\n{}", errors.join("\n"))
    });
    assert!(tests.len() > 20, "only {} law tests were found", tests.len());
    let failed: Vec<String> =
        tests.iter().map(|test| test.run(&law)).filter(|r| !r.holds()).map(|r| r.to_string()).collect();
    assert!(failed.is_empty(), "{} of {} do not hold:\n{}", failed.len(), tests.len(), failed.join("\n"));
}
