//! The real cases under config/scenarios/cases: they are read, and what the engine says of them is told apart from what
//! happened.

use std::sync::Arc;

use rogatory::law::Law;
use rogatory::mail::Story;
use rogatory::provider::Nodes;
use rogatory::scenario::*;
use rogatory::world::{World, WorldSource};

struct Books {
    world: World,
    law: Arc<Law>,
    story: Arc<Story>,
}

impl Books {
    fn read() -> Self {
        Books {
            world: World::standard().unwrap(),
            law: Arc::new(Law::standard().unwrap()),
            story: Arc::new(Story::standard().unwrap()),
        }
    }

    fn script(&self, file: &rogatory::diagnostic::SourceFile) -> Script {
        let changes = world_changes(file).unwrap_or_else(|wrong| panic!("{wrong}"));
        let world = self.world.with(&changes).unwrap_or_else(|wrong| panic!("{wrong}"));
        let names = Names::of(&world, &self.law, &self.story);
        Script::parse(file, &names).unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    async fn play(&self, name: &str) -> (CaseRow, Report) {
        let played = self.played(name).await;
        (played.case().unwrap(), played.report)
    }

    async fn played(&self, name: &str) -> Played {
        let file = built_in_cases().find(|file| file.path().file_stem().is_some_and(|stem| stem == name));
        let script = self.script(&file.unwrap());
        let folder = tempfile::tempdir().unwrap();
        let mut house = Playhouse::new(Backstage {
            world: WorldSource::standard(),
            law: self.law.clone(),
            story: self.story.clone(),
            data: folder.path().join("play"),
            nodes: Nodes::Here,
            wan: false,
        });
        let report = run(&script, &mut house, &mut Unwatched).await.unwrap();
        if let Some(deployment) = house.into_deployment() {
            deployment.stop().await;
        }
        Played { script, report }
    }
}

#[test]
fn every_case_is_read_and_says_what_it_is() {
    let books = Books::read();
    let scripts: Vec<Script> = built_in_cases().map(|file| books.script(&file)).collect();
    assert!(scripts.len() > 30, "only {} cases", scripts.len());
    for script in &scripts {
        let case = script.case.as_ref().unwrap_or_else(|| panic!("{} is no case", script.path.display()));
        let expects = script.steps.iter().any(|step| !step.expects.is_empty());
        assert!(case.outside.is_some() || expects || case.rule.is_some(), "{}", case.name);
        // What a court of the case ordered must not be told to the engine before it is asked.
        let told = script.steps.iter().any(|step| matches!(step.action, Action::Order { .. }));
        assert!(!told, "{} tells the engine the outcome", case.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn history_and_the_engine_are_told_apart() {
    let books = Books::read();
    // It agrees where the ruling made the rule, and says so.
    let (row, report) = books.play("c03").await;
    assert!(report.holds());
    assert_eq!((row.says, row.agrees, row.case.role), (Says::No, Some(true), CaseRole::Made));
    assert_eq!(row.by, ["us-829-f3d-197"]);
    // It does not: two laws contradict each other, and the court of one of them did not care. That is no failure.
    let (row, report) = books.play("c30").await;
    assert!(report.holds());
    assert_eq!((row.says, row.agrees), (Says::Conflict, Some(false)));
    assert_eq!(row.by, ["br-inq-784", "us-2702-a-content"]);
    // A world with a bank and an island in it, included and renamed.
    let (row, report) = books.play("c39").await;
    assert!(report.holds(), "{:?}", report.checks().collect::<Vec<_>>());
    assert_eq!((row.says, row.agrees), (Says::Open, Some(true)));
    assert!(row.by.contains(&"IM: no rules".to_owned()), "{:?}", row.by);
    // Nothing is owed because the law that demands asks for nothing; what is not written of others is no reason.
    let (row, report) = books.play("c40").await;
    assert!(report.holds());
    assert_eq!((row.says, row.agrees), (Says::No, Some(true)));
    assert_eq!(row.by, ["gb-mackinnon"]);
    // The rule that decided it applies, and what is unknown elsewhere keeps it open all the same.
    let (row, report) = books.play("c20").await;
    assert!(report.holds());
    assert_eq!((row.says, row.rule_applies), (Says::Open, Some(true)));
    assert_eq!(row.by, ["BS: no rules", "CA: no rules"]);
    assert_eq!(row.rule_besides().unwrap(), "us-bank-of-nova-scotia applies too, and does not settle it");
}

#[test]
fn an_include_that_is_not_there_and_a_rename_of_nothing_are_named() {
    use rogatory::diagnostic::SourceFile;
    let wrong = |include: &str| {
        let text = format!("title = \"x\"\nstart = \"2013-01-01T00:00:00Z\"\nseed = \"x\"\n{include}\n");
        let file = SourceFile::new("config/scenarios/cases/mine.toml", text);
        world_changes(&file).unwrap_err().to_string()
    };
    let missing = wrong("include = [{ file = \"world/nowhere.toml\" }]");
    assert!(
        missing.contains("mine.toml:4:21: no file `config/scenarios/cases/world/nowhere.toml` to include"),
        "{missing}"
    );
    let rename = wrong("include = [{ file = \"world/region-abroad.toml\", rename = { YY = \"BS\" } }]");
    assert!(rename.contains("`YY` does not stand in `world/region-abroad.toml`"), "{rename}");
}

#[test]
fn an_include_that_is_mistyped_is_told_what_is_near() {
    use rogatory::diagnostic::SourceFile;
    let wrong = |include: &str| {
        let file = SourceFile::new("config/scenarios/cases/mine.toml", format!("include = [{include}]\n"));
        world_changes(&file).unwrap_err().to_string()
    };
    let file = wrong("{ file = \"world/smal-state.toml\" }");
    assert!(file.contains("did you mean `world/small-state.toml`?"), "{file}");
    assert!(file.contains("allowed: `world/home-storage.toml`, "), "{file}");
    let word = wrong("{ file = \"world/small-state.toml\", rename = { Somewere = \"Sark\" } }");
    assert!(word.contains("did you mean `Somewhere`?"), "{word}");
}

/// A page of cases tells what happened beside what the engine says, and counts both kinds of case by themselves.
#[tokio::test(flavor = "multi_thread")]
async fn cases_are_told_on_one_page() {
    let books = Books::read();
    let plays = [books.played("c03").await, books.played("c21").await];
    let names = Names::of(&books.world, &books.law, &books.story);
    let page = html(&plays, &names, Provenance { version: "0", law: books.law.revision() });
    for said in [
        "Cases that made the rule that decides them",
        "1 agree, 0 disagree, 0 cannot be compared.",
        "Cases that test rules made by others",
        "0 agree, 1 disagree, 0 cannot be compared.",
        "no rate follows from them",
        "us-829-f3d-197",
        books.law.revision(),
    ] {
        assert!(page.contains(said), "{said} is not in\n{page}");
    }
}
