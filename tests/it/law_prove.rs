//! Claims about a tiny law, each form of them true, false and about nothing; what is wrong with a claim; and the claims
//! about the real books, with every example played.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rogatory::diagnostic::SourceFile;
use rogatory::law::Law;
use rogatory::law::prove::{Claim, Expected, Proof, SolverError, Verdict, find_solver, prove};
use rogatory::world::World;

const HEAD: &str = r#"format = 1
jurisdiction = "US"
name = "A tiny law"
time-zone = "America/New_York"
from = "2000-01-01"
until = "2027-01-01"

[[covers]]
process = "own"
acts = ["disclose", "preserve"]
instruments = ["warrant", "subpoena"]
terms = ["stored"]

[categories]
content = { category = "letters", source = "verified: s. 1" }
traffic = { not-covered = "nothing is written" }
subscriber = { category = "names", source = "verified-secondary: s. 2" }
address-book = { not-covered = "nothing is written" }
access-log = { not-covered = "nothing is written" }
business-record = { not-covered = "nothing is written" }
key = { not-covered = "nothing is written" }
"#;

/// A warrant opens letters from 2005; from 2010 only what rests at home, and from 2015 not those of a child of its own.
const RULES: &str = r#"
@id("us-1") @cite("s. 1") @effect("compels") @weight("binding") @keyed("decided") @from("2005-01-01") @until("2010-01-01")
@says("A warrant opens letters.") @source("verified: s. 1")
permit (principal == Instrument::"warrant", action == Action::"disclose", resource == Data::"letters")
when { context.issuing_in.contains("US") && context.issuer == Issuer::"judge" };

@id("us-1") @cite("s. 1") @effect("compels") @weight("binding") @keyed("decided") @from("2010-01-01") @until("open")
@says("A warrant opens letters that rest at home.") @source("verified: s. 1; from memory: the amendment")
permit (principal == Instrument::"warrant", action == Action::"disclose", resource == Data::"letters")
when { context.issuing_in.contains("US") && context.issuer == Issuer::"judge" && context.rests_in.contains("US") };

@id("us-2") @cite("s. 2") @effect("bars") @weight("binding") @keyed("decided") @from("2015-01-01") @until("open")
@says("A victim's letters stay shut.") @source("verified: s. 2")
permit (principal, action == Action::"disclose", resource == Data::"letters")
when { context.role == Role::"victim" };

@id("us-3") @cite("s. 3") @effect("allows") @weight("binding") @keyed("decided") @from("2005-01-01") @until("open")
@says("Names may be given.") @source("verified: s. 3")
permit (principal, action == Action::"disclose", resource == Data::"names");
"#;

fn tiny() -> Law {
    let schema = SourceFile::read(Path::new("config/law/schema.cedarschema")).unwrap();
    let files = vec![schema, SourceFile::new("us.toml", HEAD), SourceFile::new("us.cedar", RULES)];
    Law::from_files(files).unwrap_or_else(|errors| panic!("{errors}"))
}

fn claims(law: &Law, text: &str) -> Result<Vec<Claim>, String> {
    let text = format!("format = 1\n{text}");
    Claim::from_files(law, [Ok(SourceFile::new("claims.toml", text))].into_iter()).map_err(|e| e.to_string())
}

/// The solver, and a program that was built with its prover; `None`, with a word why, where one is missing and nobody
/// insists on it.
fn solver() -> Option<PathBuf> {
    let found = find_solver(Path::new("cvc5"));
    let missing = match &found {
        _ if cfg!(not(feature = "prove")) => "no claim is proved: run the tests with --features prove",
        None => "no claim is proved: install cvc5 (a Debian package)",
        Some(_) => return found,
    };
    assert!(std::env::var_os("ROGATORY_REQUIRE_TOOLS").is_none(), "{missing}");
    // Past the test harness, which shows what a passing test prints to nobody.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("SKIPPED: {missing}\n").as_bytes());
    None
}

async fn proved(law: Law, claims: Vec<Claim>, solver: &Path) -> Vec<Proof> {
    let world = Arc::new(World::standard().unwrap());
    let mut seen = 0;
    let proofs = prove(&Arc::new(law), &world, claims, solver, 2, |_| seen += 1).await.unwrap();
    assert_eq!(seen, proofs.len());
    proofs
}

/// A claim of the tiny law, about warrants for content unless it says otherwise.
fn claim(id: &str, rest: &str) -> String {
    let (rules, rest) = rest.split_once('|').unwrap_or(("\"us-1\"", rest));
    format!(
        "[[claim]]\nid = \"{id}\"\nsays = \"It is so.\"\nexpect = \"holds\"\nrules = [{rules}]\nacts = [\"disclose\"]\n{rest}\n"
    )
}

const LETTERS: &str = "classes = [\"content\"]\n";
const BY_A_JUDGE: &str = "classes = [\"content\"]\ninstruments = [\"warrant\"]\n\
    given = [{ words = \"a judge's own warrant\", cedar = 'context.issuing_in.contains(\"US\") && \
    context.issuer == Issuer::\"judge\" && context.term == Term::\"stored\" && context.issued >= 20000101 && \
    context.received >= 20000101 && context.issued <= 20200101 && context.received <= 20200101 && \
    context.executed == context.decided' }]\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_form_of_claim_is_proved_refuted_or_about_nothing() {
    let Some(solver) = solver() else { return };
    use Verdict::{Holds, Refuted, Vacuous};
    let nobody = "given = [{ words = \"never\", cedar = 'context.consent && !context.consent' }]\n";
    let later = "from = \"2012-01-01\"\n";
    let cases: Vec<(&str, String, Verdict)> = vec![
        ("errors", "never-errors = true".into(), Holds),
        ("never", format!("{LETTERS}instruments = [\"subpoena\"]\nnever = [\"compels\"]"), Refuted),
        ("never-2", format!("\"us-2\"|{LETTERS}instruments = [\"subpoena\"]\nnever = [\"compels\"]"), Holds),
        ("never-3", format!("{LETTERS}never = [\"compels\"]"), Refuted),
        ("never-4", format!("{LETTERS}{nobody}never = [\"compels\"]"), Vacuous),
        (
            "always",
            format!("{BY_A_JUDGE}until = \"2010-01-01\"\nfrom = \"2005-01-01\"\nalways = [\"compels\"]"),
            Holds,
        ),
        (
            "always-2",
            format!("{BY_A_JUDGE}until = \"2011-01-01\"\nfrom = \"2005-01-01\"\nalways = [\"compels\"]"),
            Refuted,
        ),
        ("always-3", format!("{LETTERS}{nobody}always = [\"compels\"]"), Vacuous),
        ("some", format!("\"us-2\"|{LETTERS}sometimes = [\"open\"]"), Holds),
        ("some-2", format!("{LETTERS}until = \"2015-01-01\"\nsometimes = [\"open\"]"), Refuted),
        ("none", format!("{LETTERS}instruments = [\"warrant\"]\nnone-applies = true\n{later}"), Refuted),
        (
            "none-2",
            format!(
                "{LETTERS}{later}given = [{{ words = \"it rests abroad\", cedar = 'context.rests_known && \
                 !context.rests_in.contains(\"US\")' }}]\nnone-applies = true"
            ),
            Holds,
        ),
        ("none-3", format!("{LETTERS}{nobody}none-applies = true"), Vacuous),
        ("applies", format!("{LETTERS}some-applies = true"), Holds),
        ("applies-2", format!("{LETTERS}{nobody}some-applies = true"), Refuted),
        ("implies", format!("\"us-2\"|{LETTERS}implies = [\"us-1\"]"), Refuted),
        ("implies-2", format!("\"us-1\"|{LETTERS}implies = [\"us-*\"]"), Holds),
        ("implies-3", format!("{LETTERS}{nobody}implies = [\"us-2\"]"), Vacuous),
        ("keeps", keeps("2009-12-31", "2010-01-01", ""), Refuted),
        ("keeps-2", keeps("2010-01-01", "2009-12-31", ""), Holds),
        ("keeps-3", keeps("2003-01-01", "2009-12-31", "\"us-3\"|"), Vacuous),
    ];
    let law = tiny();
    let text: String = cases.iter().map(|(id, rest, _)| claim(id, rest)).collect();
    // A claim names rules that it could be about.
    let text = text.replace(
        "rules = [\"us-1\"]\nacts = [\"disclose\"]\nclasses = [\"content\"]\ninstruments = [\"subpoena\"]",
        "rules = [\"us-2\"]\nacts = [\"disclose\"]\nclasses = [\"content\"]\ninstruments = [\"warrant\"]",
    );
    let claims = claims(&law, &text).unwrap();
    let proofs = proved(law, claims, &solver).await;
    for ((id, _, verdict), proof) in cases.iter().zip(&proofs) {
        assert_eq!((proof.id.as_str(), proof.verdict), (*id, *verdict), "{proof:#?}");
        assert_eq!(proof.as_expected(), *verdict == Holds);
        assert_eq!(
            proof.finding.is_some(),
            matches!(
                (id.split('-').next(), verdict),
                (Some("some" | "applies"), Holds)
                    | (Some("never" | "always" | "none" | "implies" | "keeps"), Refuted)
            ),
            "{id}"
        );
    }
    let by_id = |id: &str| proofs.iter().find(|proof| proof.id == id).unwrap();
    // What it depends on, and the least sure of that: the amendment was not read.
    assert_eq!(by_id("none-2").weakest_mark.as_str(), "from memory");
    assert!(by_id("none-2").rules.contains("us-1"));
    assert_eq!(by_id("never-3").weakest_mark.as_str(), "from memory");
    // A refutation is a demand, and the engine holds of it what the claim says that it never does.
    let example = by_id("never-3").finding.as_ref().unwrap().example.as_ref().unwrap();
    assert_eq!(example.position.kind.as_str(), "compels");
    assert!(example.position.names("us-1"));
    assert!(by_id("never-3").finding.as_ref().unwrap().words.iter().any(|line| line.contains("Warrant of")));
}

fn keeps(before: &str, after: &str, rules: &str) -> String {
    format!(
        "{rules}{LETTERS}given = [{{ words = \"on 2000-01-01\", cedar = 'context.issued == 20000101' }}]\n\
         keeps = {{ what = [\"compels\"], before = {{ at = \"{before}\" }}, after = {{ at = \"{after}\" }} }}"
    )
}

#[test]
fn what_is_wrong_with_a_claim_is_said_with_its_place() {
    let law = tiny();
    let wrong = |text: &str| claims(&law, text).unwrap_err();
    let about = |rest: &str| wrong(&claim("c", rest));
    assert!(
        wrong("[[claim]]\nid = \"c\"\nsays = \"So.\"\nexpect = \"holds\"\nnever = [\"compels\"]\n")
            .starts_with("claims.toml:2:1: the claim `c` names no rule\n  write `rules = [")
    );
    assert!(about("\"us-9\"|never = [\"compels\"]").contains("claims.toml:6:10: no rule is called `us-9`"));
    assert!(about("\"us-9\"|never = [\"compels\"]").contains("did you mean `us-"));
    assert!(
        about("\"us-1\"|instruments = [\"epoc\"]\nnever = [\"compels\"]").contains("is not about `us-1`")
    );
    assert!(about("until = \"2004-01-01\"\nnever = [\"compels\"]").contains("is not about `us-1`"));
    assert!(about("").contains("claims.toml:2:1: the claim `c` claims nothing"));
    assert!(about("never = [\"compels\"]\nalways = [\"bars\"]").contains("claims several things"));
    assert!(about("never = [\"compel\"]").contains("did you mean `compels`?"));
    assert!(
        about("nevr = [\"compels\"]")
            .contains("claims.toml:8:1: unknown key `nevr`\n  did you mean `never`?")
    );
    assert!(
        about("from = \"2018-3-1\"\nnever = [\"compels\"]")
            .contains("claims.toml:8:8: `2018-3-1` is not a date")
    );
    assert!(
        about("from = \"2018-03-01\"\nuntil = \"2018-02-01\"\nnever = [\"compels\"]")
            .contains("not after 2018-03-01")
    );
    assert!(about("assume = [\"peace\"]\nnever = [\"compels\"]").contains("unknown assumption `peace`"));
    let given = |cedar: &str| {
        about(&format!("never = [\"compels\"]\ngiven = [{{ words = \"w\", cedar = '{cedar}' }}]"))
    };
    assert!(
        given("context.isuer == Issuer::\"judge\"")
            .contains("claims.toml:9:34: unknown fact `context.isuer`\n  did you mean `issuer`?")
    );
    assert!(given("context.issuer == Issuer::\"juge\"").contains("did you mean `judge`?"));
    assert!(given("context.consent &&").contains("claims.toml:9:"));
    assert!(given("context.issued + 1 > 2").contains("arithmetic"));
    assert!(given("context.issued == \"today\"").contains("claims.toml:9:34"));
    assert!(given("context.issued < 20180231").contains("20180231 is not a day"));
    assert!(given("!context.rests_in.contains(\"US\")").contains("may just not be known"));
    assert!(
        about("never = [\"compels\"]\ngiven = [{ words = \"\", cedar = 'context.consent' }]")
            .contains("a condition without words")
    );
    assert!(
        wrong(&format!("{0}{0}", claim("c", "never = [\"compels\"]"))).contains("a second claim called `c`")
    );
    assert!(about("keeps = { what = [\"compels\"], before = { at = \"2010-01-01\", set = [{ fact = \"consnt\", words = \"w\", to = 'true' }] }, after = { at = \"2011-01-01\" } }")
        .contains("did you mean `consent`?"));
    let two_days = |rest: &str, set: &str| {
        about(&format!(
            "{rest}keeps = {{ what = [\"compels\"], before = {{ at = \"2010-01-01\", set = [{set}] }}, after = {{ at = \"2011-01-01\" }} }}"
        ))
    };
    assert!(
        two_days("from = \"2010-01-01\"\n", "")
            .contains("claims.toml:8:8: a claim about two days has no `from`")
    );
    let wrong_value = two_days("", "{ fact = \"consent\", words = \"w\", to = '\"US\"' }");
    assert!(wrong_value.contains("`\"US\"` is no value of `consent`"), "{wrong_value}");
}

#[tokio::test]
async fn without_a_solver_nothing_is_proved() {
    assert!(find_solver(Path::new("no-such-solver")).is_none());
    assert!(find_solver(Path::new("/nowhere/cvc5")).is_none());
    let law = tiny();
    let claims = claims(&law, &claim("c", "never = [\"compels\"]")).unwrap();
    let world = Arc::new(World::standard().unwrap());
    let error =
        prove(&Arc::new(law), &world, claims, Path::new("/nowhere/cvc5"), 1, |_| ()).await.unwrap_err();
    if cfg!(feature = "prove") {
        assert!(matches!(error, SolverError::Start { .. }), "{error}");
    } else {
        assert!(error.to_string().contains("--features prove"), "{error}");
    }
}

#[test]
fn the_command_says_what_to_install() {
    let output = crate::program::run(&["law", "prove", "--solver", "/nowhere/cvc5"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert!(said.contains("apt install cvc5"), "{said}");
    let what = if cfg!(feature = "prove") { "/nowhere/cvc5" } else { "--features prove" };
    assert!(said.contains(what), "{said}");
}

/// The processes that any thread of a process started.
fn children(parent: u32) -> Vec<String> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{parent}/task")) else { return Vec::new() };
    let of_thread = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("children")).ok();
    let lists: Vec<String> = threads.flatten().filter_map(of_thread).collect();
    lists.iter().flat_map(|list| list.split_whitespace()).map(str::to_owned).collect()
}

/// True if a process is there and has not ended.
fn runs(process: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn an_interrupted_proof_leaves_no_solver_behind() {
    if solver().is_none() {
        return;
    }
    let mut program = crate::program::rogatory(["law", "prove"]);
    let child =
        program.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut solvers = Vec::new();
    while solvers.is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(10));
        solvers = children(child.id());
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT)
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "error: interrupted\n");
    for _ in 0..100 {
        if !solvers.iter().any(|solver| runs(solver)) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("still there: {solvers:?}");
}

#[test]
fn the_claims_about_the_real_books_can_be_read() {
    let law = Law::standard().unwrap();
    let claims = Claim::standard(&law).unwrap_or_else(|errors| panic!("{errors}"));
    assert!(claims.len() >= 30, "{}", claims.len());
    assert!(claims.iter().any(|claim| claim.expect == Expected::Refuted));
    // Whoever reads a claim is told in words what it rests on.
    for claim in &claims {
        assert!(claim.says.ends_with('.') && claim.says.len() > 40, "{}", claim.id);
        assert!(claim.given.iter().all(|given| given.words.ends_with('.')), "{}", claim.id);
    }
}

#[test]
fn the_claims_about_the_real_books_come_out_as_they_say() {
    if solver().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let run = crate::program::run;
    let started = std::time::Instant::now();
    let output = run(&["law", "prove", "--format", "json", "--write", folder.path().to_str().unwrap()]);
    let took = started.elapsed();
    let text = String::from_utf8_lossy(&output.stdout);
    let proofs: serde_json::Value = serde_json::from_str(&text).unwrap();
    for proof in proofs.as_array().unwrap() {
        assert_eq!(proof["verdict"], proof["expected"], "{proof:#}");
        assert!(proof["revision"].as_str().unwrap().len() == 64 && proof["weakest-mark"].is_string());
    }
    assert_eq!(output.status.code(), Some(0));
    assert!(took.as_secs() < 60, "{took:?}");
    // Every example is a script, and its play takes the position that refutes the claim.
    let mut scripts: Vec<PathBuf> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.sort();
    let examples = proofs.as_array().unwrap().iter().filter(|proof| proof["finding"]["example"].is_object());
    assert_eq!(scripts.len(), examples.count());
    assert!(scripts.len() >= 7, "{scripts:?}");
    for script in scripts {
        let output = run(&["scenario", "run", script.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(0), "{}: {said}", script.display());
        assert!(said.contains("The one expectation holds."), "{said}");
    }
}
