//! The engine knows no country. A made-up one comes as files, with its court, its region, its bloc and its law, and is
//! asked like any other; and no country or bloc of the world is named in the program's own code.

use std::path::Path;

use rogatory::clock::SimTime;
use rogatory::demand::*;
use rogatory::diagnostic::SourceFile;
use rogatory::gate::{Duty, Standing};
use rogatory::law::{Asking, HolderRecord, Law, PositionKind, Role};
use rogatory::world::{DataClass, World, WorldChanges};

use crate::common;

const WORLD: &str = r#"
[world.blocs.QX]
name = "League of the Northern Isles"
zone = "Europe/Oslo"
source = "modelling choice"

[world.countries.ZZ]
name = "Zembla"
zone = "Europe/Oslo"
capital = { name = "Onhava", lat = 68.0, lon = 30.0 }
member = [{ of = "QX", from = 2005-01-01 }]

[world.entities.zembla]
name = "Post Example Zembla"
relation = "subsidiary"
home = "ZZ"
established-in = ["ZZ"]
offers-in = ["ZZ"]

[world.regions.zz-onhava]
name = "Onhava"
country = "ZZ"
coordinates = { lat = 68.0, lon = 30.0 }
operator = "zembla"
key-custody = "region"
store = { kind = "fjall" }

[world.authorities.zz-court]
name = "Court of Onhava"
country = "ZZ"
kind = "court"
may-issue = ["warrant"]
"#;

const HEAD: &str = r#"format = 1
jurisdiction = "ZZ"
name = "Zembla"
time-zone = "Europe/Oslo"
from = "2000-01-01"
until = "2030-01-01"

[[covers]]
process = "own"
acts = ["disclose"]
instruments = ["warrant"]
terms = ["stored"]

[categories]
content = { category = "letters", source = "from memory: Zemblan Postal Code s. 1" }
traffic = { not-covered = "nothing is written" }
subscriber = { not-covered = "nothing is written" }
address-book = { not-covered = "nothing is written" }
access-log = { not-covered = "nothing is written" }
business-record = { not-covered = "nothing is written" }
key = { not-covered = "nothing is written" }
"#;

const RULES: &str = r#"@id("zz-1")
@cite("Zemblan Postal Code s. 1")
@effect("compels")
@weight("binding")
@keyed("decided")
@from("2000-01-01")
@until("open")
@says("A warrant opens letters that rest in Zembla.")
@source("from memory: nobody has read it")
@within("3 days")
permit (principal == Instrument::"warrant", action == Action::"disclose", resource == Data::"letters")
when { context.issuing_in.contains("ZZ") && context.rests_in.contains("ZZ") && context.served_in.contains("QX") };
"#;

/// The head and the rules of the league: it forbids what its members order, for those who do not live there.
const BLOC_RULES: &str = r#"@id("qx-7")
@cite("Treaty of Onhava art. 7")
@effect("bars")
@weight("binding")
@keyed("decided")
@from("2005-01-01")
@until("open")
@says("Nobody reads a guest's letters.")
@source("from memory: nobody has read it")
permit (principal, action == Action::"disclose", resource)
when { context.residence_known && !context.resides_in.contains("QX") };
"#;

fn law(with_league: bool) -> Law {
    let mut files: Vec<SourceFile> = std::fs::read_dir("config/law")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && path.extension().is_some_and(|ending| ending != "md"))
        .map(|path| SourceFile::read(&path).unwrap())
        .collect();
    files.push(SourceFile::new("config/law/zz.toml", HEAD));
    files.push(SourceFile::new("config/law/zz.cedar", RULES));
    if with_league {
        files.push(SourceFile::new(
            "config/law/qx.toml",
            HEAD.replace("\"ZZ\"", "\"QX\"").replace("Zembla", "League"),
        ));
        files.push(SourceFile::new("config/law/qx.cedar", BLOC_RULES));
    }
    Law::from_files(files).unwrap_or_else(|errors| panic!("{errors}"))
}

fn asked(world: &World, law: &Law, residence: Option<&str>) -> (Vec<(String, PositionKind)>, Duty) {
    let now: SimTime = "2015-06-01T12:00:00Z".parse().unwrap();
    let demand = Demand {
        basis: "Zemblan Postal Code s. 1".to_owned(),
        issuing: "zz-court".parse().unwrap(),
        on_behalf_of: "ZZ".parse().unwrap(),
        served_on: "zembla".parse().unwrap(),
        issued: now,
        proof: ProofLevel::ReasonableGrounds,
        offence: Offence {
            description: "the theft of the crown jewels".to_owned(),
            max_penalty_years: 10,
            listed: false,
            place: "ZZ".parse().unwrap(),
        },
        classes: vec![DataClass::Content],
        deliver_to: "zz-court".parse().unwrap(),
        ..common::warrant("onhava-1", "kinbote@post.example")
    };
    let item = Item {
        account: demand.accounts[0].clone(),
        class: DataClass::Content,
        range: DateRange::ALL,
        place: Place::Region("zz-onhava".parse().unwrap()),
    };
    let holder = HolderRecord {
        declared_country: "ZZ".parse().unwrap(),
        residence: residence.map(|code| code.parse().unwrap()),
        nationality: None,
        role: Role::Unknown,
        enterprise: false,
    };
    let asking = Asking {
        world,
        demand: &demand,
        act: Act::Disclose,
        item: &item,
        holder: &holder,
        consent: false,
        cleared: false,
        extensions: 0,
        received: now,
        decided: now,
    };
    let positions = law.positions(&asking.concerned(), &asking.question().unwrap());
    let duty = Duty::of(&positions, &Standing::default());
    (positions.iter().map(|p| (p.jurisdiction.to_string(), p.kind)).collect(), duty)
}

#[test]
fn a_made_up_country_comes_as_files() {
    let file = SourceFile::new("zembla.toml", WORLD);
    let changes = WorldChanges::read(&file, &["world"]).unwrap_or_else(|wrong| panic!("{wrong}"));
    let world = World::standard().unwrap().with(&changes).unwrap_or_else(|wrong| panic!("{wrong}"));
    let says = |positions: &[(String, PositionKind)], code: &str| {
        positions.iter().find(|(law, _)| law == code).map(|(_, kind)| *kind)
    };

    // Its law compels. Its bloc has no book yet, and what is not written fails closed.
    let (positions, duty) = asked(&world, &law(false), Some("ZZ"));
    assert_eq!(says(&positions, "ZZ"), Some(PositionKind::Compels));
    assert_eq!(says(&positions, "QX"), Some(PositionKind::NotCovered));
    assert_eq!(duty, Duty::Open);

    // With the bloc's book, the bloc has its own say.
    let (positions, _) = asked(&world, &law(true), Some("ZZ"));
    assert_eq!(says(&positions, "QX"), Some(PositionKind::Silent));
    let (positions, duty) = asked(&world, &law(true), Some("FR"));
    assert_eq!(says(&positions, "QX"), Some(PositionKind::Bars));
    assert_eq!(duty, Duty::Conflicting);
}

/// No code of a country or bloc stands in the program as a literal, outside its tests and measurements.
#[test]
fn the_program_names_no_country() {
    let world = World::standard().unwrap();
    let mut codes: Vec<String> = world.countries().map(|country| country.id().to_string()).collect();
    codes.extend(world.blocs().map(|bloc| bloc.id().to_string()));
    let mut named = Vec::new();
    scan(Path::new("src"), &codes, &mut named);
    // A unit of bytes, and no kingdom.
    named.retain(|(path, code)| !(path.ends_with("told.rs") && code == "GB"));
    assert!(named.is_empty(), "{named:?}");
}

fn scan(folder: &Path, codes: &[String], named: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.ends_with("bench") {
            continue;
        }
        if path.is_dir() {
            scan(&path, codes, named);
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy();
        if !name.ends_with(".rs") || name == "tests.rs" || name == "testing.rs" {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in lines {
            for word in codes.iter().filter(|word| line.contains(&format!("\"{word}\""))) {
                named.push((path.display().to_string(), word.clone()));
            }
        }
    }
}
