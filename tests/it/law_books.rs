//! Law books that must not load, and one of a country that is on no map and does.

use std::path::Path;

use rogatory::diagnostic::SourceFile;
use rogatory::law::{Law, LawTest, PositionKind, Purpose};
use rogatory::world::{DataClass, Jurisdiction};

const SCHEMA: &str = include_str!("../../config/law/schema.cedarschema");

/// The head of the law book of Zembla.
const HEAD: &str = r#"format = 1
jurisdiction = "ZZ"
name = "Zembla"
time-zone = "Europe/Oslo"
from = "2000-01-01"
until = "2030-01-01"

[[covers]]
process = "own"
acts = ["disclose", "preserve"]
instruments = ["warrant", "subpoena"]
terms = ["stored"]

[[covers]]
process = "foreign"
acts = ["disclose"]
instruments = ["warrant"]
terms = ["stored"]

[categories]
content = { category = "letters", source = "from memory: Zemblan Postal Code s. 1" }
traffic = { category = "envelopes", source = "from memory: Zemblan Postal Code s. 2" }
subscriber = { category = "names", source = "from memory: Zemblan Postal Code s. 3" }
address-book = { category = "envelopes", source = "from memory: Zemblan Postal Code s. 2" }
access-log = { evidence = "envelopes", identify = "names", source = "from memory: Zemblan Postal Code ss. 2, 3" }
business-record = { not-covered = "Zembla has no business" }
key = { not-covered = "nothing is written on keys" }
"#;

const RULES: &str = r#"// The law book of Zembla.

@id("zz-1")
@cite("Zemblan Postal Code s. 1")
@effect("compels")
@weight("binding")
@keyed("decided")
@from("2000-01-01")
@until("2010-01-01")
@says("A warrant opens letters.")
@source("from memory: nobody has read it")
permit (principal == Instrument::"warrant", action == Action::"disclose", resource == Data::"letters")
when { context.issuing_in.contains("ZZ") && context.issued >= 20000101 }
unless { context.enterprise || context.issuer == Issuer::"police" };

@id("zz-2")
@cite("Zemblan Postal Code s. 2")
@effect("bars")
@weight("binding")
@keyed("decided")
@from("2005-01-01")
@until("open")
@says("Foreigners read no letters.")
@source("from memory: nobody has read it")
@penalty("exile")
permit (principal, action in [Action::"disclose", Action::"preserve"], resource)
when { context.rests_known && !context.rests_in.contains("ZZ") };
"#;

fn load(schema: &str, head: &str, rules: &str) -> Result<Law, Vec<String>> {
    load_files(&[("schema.cedarschema", schema), ("zz.cedar", rules), ("zz.toml", head)])
}

fn load_files(files: &[(&str, &str)]) -> Result<Law, Vec<String>> {
    Law::from_files(files.iter().map(|(name, text)| SourceFile::new(*name, *text)).collect())
        .map_err(|errors| errors.iter().map(|error| error.to_string()).collect())
}

#[test]
fn a_country_on_no_map_is_a_new_file_and_nothing_else() {
    let law = load(SCHEMA, HEAD, RULES).expect("the book of Zembla loads");
    let zembla: Jurisdiction = "ZZ".parse().unwrap();
    let tests = LawTest::load(Path::new("config/law/tests")).unwrap();
    let mut question = tests.into_iter().find(|test| test.name.starts_with("dublin.toml")).unwrap().question;
    question.facts.process.issuing_in.insert(zembla.clone());
    question.facts.location.rests_in = [zembla.clone()].into();

    question.facts.moments.decided = "2009-12-31T12:00:00Z".parse().unwrap();
    question.facts.moments.issued = "2009-12-01T12:00:00Z".parse().unwrap();
    let position = law.position(&zembla, &question);
    assert_eq!((position.kind, position.names("zz-1")), (PositionKind::Compels, true), "{position:?}");
    assert_eq!(position.category.as_deref(), Some("letters"));

    // The rule ends on the day named by @until, as that day begins in Zembla, an hour before it does in Greenwich.
    question.facts.moments.decided = "2009-12-31T23:30:00Z".parse().unwrap();
    assert_eq!(law.position(&zembla, &question).kind, PositionKind::Silent);
    question.facts.moments.decided = "2009-12-31T12:00:00Z".parse().unwrap();

    // Two rules of one law that contradict each other are an open question, and both are named.
    question.facts.location.rests_in = ["IE".parse().unwrap()].into();
    let position = law.position(&zembla, &question);
    assert_eq!(position.kind, PositionKind::Open);
    assert!(position.names("zz-1") && position.names("zz-2"));

    // What nobody wrote rules for is not covered, and says why.
    question.class = DataClass::Key;
    let position = law.position(&zembla, &question);
    assert_eq!(position.kind, PositionKind::NotCovered);
    assert!(position.gap.unwrap().contains("nothing is written on keys"));
    question.class = DataClass::Content;
    let nowhere: Jurisdiction = "XX".parse().unwrap();
    assert_eq!(law.position(&nowhere, &question).kind, PositionKind::NotCovered);
    question.facts.moments.issued = "1999-12-31T12:00:00Z".parse().unwrap();
    let position = law.position(&zembla, &question);
    assert_eq!(position.kind, PositionKind::NotCovered, "a warrant older than the book");
    assert!(position.gap.unwrap().contains("issued on 1999-12-31"));

    // One class, two names, by what it is wanted for.
    question.facts.moments.issued = question.facts.moments.decided;
    question.class = DataClass::AccessLog;
    assert_eq!(law.position(&zembla, &question).category.as_deref(), Some("envelopes"));
    question.purpose = Purpose::Identify;
    assert_eq!(law.position(&zembla, &question).category.as_deref(), Some("names"));
}

#[test]
fn the_revision_changes_with_a_single_letter() {
    let law = load(SCHEMA, HEAD, RULES).unwrap();
    assert_eq!(law.revision().len(), 64);
    assert_eq!(law.revision(), load(SCHEMA, HEAD, RULES).unwrap().revision());
    let other = load(SCHEMA, HEAD, &RULES.replace("exile", "exiles")).unwrap();
    assert_ne!(law.revision(), other.revision());
    let other = load(SCHEMA, &HEAD.replace("Zembla has no", "Zembla had no"), RULES).unwrap();
    assert_ne!(law.revision(), other.revision());
}

/// Loads the book with one text in it replaced by another, and returns the errors.
fn with(replaced: &str, by: &str) -> Vec<String> {
    let (head, rules) = match (HEAD.matches(replaced).count(), RULES.matches(replaced).count()) {
        (1.., 0) => (HEAD.replacen(replaced, by, 1), RULES.to_owned()),
        (0, 1..) => (HEAD.to_owned(), RULES.replacen(replaced, by, 1)),
        found => panic!("`{replaced}` is found {found:?} times"),
    };
    load(SCHEMA, &head, &rules).err().unwrap_or_default()
}

#[test]
fn bad_books_do_not_load_and_say_why() {
    let condition = |by: &str| with("context.issued >= 20000101", by);
    let deep = format!("{}context.consent{}", "!(".repeat(30), ")".repeat(30));
    let cases: Vec<(&str, Vec<String>)> = vec![
        // What could fail to evaluate, or hide what it means.
        ("arithmetic", condition("context.issued + 1 >= 20000101")),
        ("a negative number", condition("-context.issued <= 20000101")),
        ("an attribute of the instrument", condition("principal.kind == \"x\"")),
        ("an attribute of a fact", condition("context.issuer.name == \"x\"")),
        ("has", condition("context has issued")),
        ("a tag", condition("principal.hasTag(\"x\")")),
        ("membership", condition("principal in Instrument::\"warrant\"")),
        ("a type test", condition("principal is Instrument")),
        ("a pattern", condition("context.on_behalf_of like \"I*\"")),
        ("if", condition("(if context.consent then true else false)")),
        ("a function", condition("ip(\"127.0.0.1\").isLoopback()")),
        ("a date function", condition("datetime(\"2018-03-23\") < datetime(\"2018-03-24\")")),
        ("a record", condition("{a: context.consent} == {a: true}")),
        ("a bare set", condition("[1, 2]")),
        ("a set of conditions", condition("[context.consent].contains(true)")),
        ("nesting", condition(&deep)),
        ("types that do not fit", condition("context.consent == \"yes\"")),
        ("a number for a set", condition("context.issuing_in.contains(20180323)")),
        ("an impossible condition", condition("context.consent && false")),
        // Words that mean nothing.
        ("a mistyped fact", condition("context.isued >= 20000101")),
        ("a mistyped issuer", condition("context.issuer == Issuer::\"jugde\"")),
        ("a mistyped category", with("Data::\"letters\"", "Data::\"leters\"")),
        ("a mistyped category in a condition", condition("[Data::\"leters\"].contains(resource)")),
        ("a mistyped instrument", with("Instrument::\"warrant\"", "Instrument::\"warant\"")),
        ("a mistyped act", with("Action::\"preserve\"", "Action::\"perserve\"")),
        ("a country by name", condition("context.issuing_in.contains(\"Zembla\")")),
        ("a country in small letters", condition("context.executes_for == \"us\"")),
        ("a court by name", condition("context.bound_by.contains(\"Second Circuit\")")),
        ("a day that is none", condition("context.issued >= 20000230")),
        ("what is not known to be elsewhere", with("context.rests_known && ", "")),
        ("the same, in an exception", with("context.enterprise ||", "context.rests_in.contains(\"ZZ\") ||")),
        ("the same, by emptiness", condition("context.resides_in.isEmpty()")),
        // Rules that cannot be cited, or are not about anything.
        ("forbid", with("permit (principal == ", "forbid (principal == ")),
        ("no citation", with("@cite(\"Zemblan Postal Code s. 1\")\n", "")),
        ("no sentence", with("@says(\"A warrant opens letters.\")\n", "")),
        ("no key moment", with("@keyed(\"decided\")\n@from(\"2000-01-01\")", "@from(\"2000-01-01\")")),
        ("an empty penalty", with("@penalty(\"exile\")", "@penalty(\" \")")),
        ("an unknown annotation", with("@penalty(\"exile\")", "@penality(\"exile\")")),
        ("an annotation twice", with("@penalty(\"exile\")", "@penalty(\"exile\")\n@penalty(\"axe\")")),
        ("an unknown effect", with("@effect(\"compels\")", "@effect(\"compel\")")),
        ("an unknown weight", with("@weight(\"binding\")", "@weight(\"heavy\")")),
        ("an unknown moment", with("@keyed(\"decided\")", "@keyed(\"served\")")),
        ("a source without a place", with("@source(\"from memory: nobody", "@source(\"from memory, nobody")),
        ("an unknown source mark", with("@source(\"from memory: nobody", "@source(\"sure: nobody")),
        (
            "a mark that the rest of its part takes back",
            with(
                "@source(\"from memory: nobody",
                "@source(\"verified: the Code; the fine from memory, nobody",
            ),
        ),
        (
            "a text that is younger than the rule",
            with("@cite(\"Zemblan Postal Code s. 1\")", "@cite(\"In re Kinbote, 1 Zem. 2 (2003)\")"),
        ),
        ("a bad date", with("@from(\"2000-01-01\")", "@from(\"2000-13-01\")")),
        ("a date in another shape", with("@until(\"2010-01-01\")", "@until(\"1 January 2010\")")),
        ("an end before the beginning", with("@until(\"2010-01-01\")", "@until(\"1999-01-01\")")),
        ("a rule outside the book's span", with("@from(\"2005-01-01\")", "@from(\"2030-01-01\")")),
        ("an id of another law", with("@id(\"zz-2\")", "@id(\"us-2\")")),
        ("two versions on one day", with("@id(\"zz-2\")", "@id(\"zz-1\")")),
        ("no act", with("action == Action::\"disclose\"", "action")),
        ("an instrument by type", with("permit (principal, ", "permit (principal is Instrument, ")),
        ("data by kinship", with("resource == Data::\"letters\"", "resource in Data::\"letters\"")),
        ("a template", with("permit (principal, ", "permit (principal == ?principal, ")),
        (
            "a rule nobody would ask for",
            with("\"preserve\"]\ninstruments = [\"warrant\"", "\"assist\"]\ninstruments = [\"subpoena\""),
        ),
        ("a syntax error", with("when { context.issuing_in", "when  context.issuing_in")),
        // Heads that do not say whose law it is, when, or about what.
        ("another format", with("format = 1", "format = 2")),
        (
            "a class without category",
            with(
                "traffic = { category = \"envelopes\", source = \"from memory: Zemblan Postal Code s. 2\" }\n",
                "",
            ),
        ),
        ("an unknown class", with("traffic = {", "trafic = {")),
        (
            "a category in two ways",
            with("{ category = \"letters\",", "{ category = \"letters\", evidence = \"notes\","),
        ),
        ("a category without source", with(", source = \"from memory: Zemblan Postal Code s. 1\"", "")),
        ("a category that is no word", with("category = \"letters\"", "category = \"Letters!\"")),
        ("no reason for a gap", with("\"Zembla has no business\"", "\"\"")),
        ("an unknown time zone", with("Europe/Oslo", "Europe/Onhava")),
        ("a span in reverse", with("until = \"2030-01-01\"", "until = \"1990-01-01\"")),
        ("a bad date in the head", with("from = \"2000-01-01\"", "from = \"2000-02-30\"")),
        ("another's name", with("jurisdiction = \"ZZ\"", "jurisdiction = \"US\"")),
        ("an unknown instrument", with("[\"warrant\", \"subpoena\"]", "[\"warrant\", \"subpena\"]")),
        ("an unknown key", with("name = \"Zembla\"", "nane = \"Zembla\"")),
        // Files that do not belong together.
        (
            "rules without a head",
            load_files(&[("schema.cedarschema", SCHEMA), ("zz.cedar", RULES)]).err().unwrap(),
        ),
        (
            "a head without rules",
            load_files(&[("schema.cedarschema", SCHEMA), ("zz.toml", HEAD)]).err().unwrap(),
        ),
        ("no schema", load_files(&[("zz.cedar", RULES), ("zz.toml", HEAD)]).err().unwrap()),
        (
            "a schema of another program",
            load(&SCHEMA.replace("moving: Bool,", ""), HEAD, RULES).err().unwrap(),
        ),
        (
            "a schema with an error",
            load(&SCHEMA.replace("entity Data;", "entity Data"), HEAD, RULES).err().unwrap(),
        ),
    ];
    let mut report = String::new();
    for (name, errors) in &cases {
        assert!(!errors.is_empty(), "the book with {name} loads");
        report += &format!("=== {name}\n{}\n\n", errors.join("\n"));
    }
    insta::assert_snapshot!(report);
}

#[test]
fn an_exception_for_an_instrument_takes_out_that_one_and_no_other() {
    // An exception that lists instruments reads like a condition that narrows to them; it is its opposite.
    let rules = RULES.replace(
        "unless { context.enterprise || context.issuer == Issuer::\"police\" };",
        "unless { [Instrument::\"subpoena\", Instrument::\"warrant\"].contains(principal) };",
    );
    let rules = rules.replace(
        "principal == Instrument::\"warrant\", action == Action::\"disclose\", resource ==",
        "principal, action == Action::\"disclose\", resource ==",
    );
    let head = HEAD.replace("[\"warrant\", \"subpoena\"]", "[\"warrant\", \"subpoena\", \"court-order\"]");
    let law = load(SCHEMA, &head, &rules).expect("the book loads");
    let tests = LawTest::load(Path::new("config/law/tests")).unwrap();
    let mut question = tests.into_iter().find(|test| test.name.starts_with("dublin.toml")).unwrap().question;
    let zembla: Jurisdiction = "ZZ".parse().unwrap();
    question.facts.process.issuing_in.insert(zembla.clone());
    question.facts.location.rests_in = [zembla.clone()].into();
    question.facts.moments.decided = "2009-12-31T12:00:00Z".parse().unwrap();
    question.facts.moments.issued = "2009-12-01T12:00:00Z".parse().unwrap();
    question.instrument = rogatory::demand::InstrumentKind::CourtOrder;
    assert_eq!(law.position(&zembla, &question).kind, PositionKind::Compels);
    question.instrument = rogatory::demand::InstrumentKind::Warrant;
    assert_eq!(law.position(&zembla, &question).kind, PositionKind::Silent);
}
