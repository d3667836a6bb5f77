//! `rogatory law prove`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::common::{ConfigArguments, Failure, wait};
use super::screen::{self, BAD, BOLD, DIM, Format};
use super::{Exit, Outcome};
use crate::diagnostic::nearest;
use crate::law::Law;
use crate::law::prove::{
    Claim, Expected, Finding, Proof, SolverError, Verdict, find_solver, prove as settle,
};
use crate::scenario::written_example;
use crate::world::World;

/// Prove or refute claims about the law, over all questions at once
///
/// A claim is a sentence about the law books, such as "no preservation instrument ever releases
/// anything", written down under `config/law/claims` with the conditions it is made under. The
/// solver cvc5 decides it for every question there could be; what refutes a claim is shown as a
/// demand, and is put to the engine that decides for real.
///
/// A proof is of the rules as they are encoded here, and no surer than the sources they were read
/// in: each result names the revision and the weakest source.
///
/// Ends with 0 if every claim came out as it says it should, and with 3 if one did not.
///
/// Examples:
///   rogatory law prove                            all claims
///   rogatory law prove cloud-act-took-no-power --full
///   rogatory law prove --write examples           and a runnable scenario for each example
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct ProveArguments {
    /// Only these claims, by id
    #[arg(value_name = "CLAIM")]
    claims: Vec<String>,
    /// Show for every claim its conditions, the rules it depends on, and what was found
    #[arg(long)]
    full: bool,
    /// List the claims, and prove nothing
    #[arg(long)]
    list: bool,
    /// Write each example that is found as a scenario into this folder
    #[arg(long, value_name = "FOLDER")]
    write: Option<PathBuf>,
    /// The solver: a name on the PATH, or a path
    #[arg(long, value_name = "FILE", default_value = "cvc5", env = "ROGATORY_SOLVER")]
    solver: PathBuf,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    config: ConfigArguments,
}

pub fn prove(arguments: ProveArguments) -> Outcome {
    let root = arguments.config.config.as_deref();
    let (law, world) = match root {
        Some(root) => (Law::load(&root.join("config/law"))?, World::load(root)?),
        None => (Law::standard()?, World::standard()?),
    };
    let claims = read(&law, root)?;
    if claims.is_empty() {
        return Err(
            "there are no claims: write one into config/law/claims, as config/law/README.md says".into()
        );
    }
    let claims = chosen(claims, &arguments.claims)?;
    if arguments.list {
        return list(&claims, arguments.format);
    }
    SolverError::unless_built()?;
    let solver = find_solver(&arguments.solver).ok_or(SolverError::Missing(arguments.solver))?;
    let proofs = settled(law, world, claims, &solver)?;
    let written = match &arguments.write {
        Some(folder) => write(&proofs, folder)?,
        None => Vec::new(),
    };
    match arguments.format {
        Format::Json => screen::json(&proofs)?,
        Format::Text => print(&proofs, arguments.full, &written)?,
    }
    let all = proofs.iter().all(Proof::as_expected);
    Ok(if all { Exit::Done } else { Exit::ExpectationFailed })
}

/// The claims built in, or those of a folder.
pub fn read(law: &Law, root: Option<&Path>) -> Result<Vec<Claim>, Failure> {
    Ok(match root {
        Some(root) => Claim::load(law, &root.join("config/law/claims"))?,
        None => Claim::standard(law)?,
    })
}

fn chosen(claims: Vec<Claim>, wanted: &[String]) -> Result<Vec<Claim>, Failure> {
    if let Some(unknown) = wanted.iter().find(|id| !claims.iter().any(|claim| claim.id == **id)) {
        let near = nearest(unknown, claims.iter().map(|claim| claim.id.as_str()));
        let hint = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
        return Err(
            format!("there is no claim `{unknown}`; {hint}`rogatory law prove --list` lists them").into()
        );
    }
    Ok(claims.into_iter().filter(|claim| wanted.is_empty() || wanted.contains(&claim.id)).collect())
}

fn list(claims: &[Claim], format: Format) -> Outcome {
    match format {
        Format::Json => {
            let shown = |claim: &Claim| {
                serde_json::json!({
                    "id": claim.id, "says": claim.says, "form": claim.form(), "days": claim.days(),
                    "laws": claim.laws().collect::<Vec<_>>(), "expected": claim.expect, "given": claim.given,
                    "file": claim.written.0, "line": claim.written.1,
                })
            };
            screen::json(&claims.iter().map(shown).collect::<Vec<_>>())?;
        }
        Format::Text => {
            for claim in claims {
                screen::line(&format!("{BOLD}{}{BOLD:#}  {DIM}{}{DIM:#}", claim.id, claim.days()))?;
                indented(&claim.says, 4)?;
                let (file, line) = &claim.written;
                screen::line(&format!("    {DIM}expected: {}; {file}:{line}{DIM:#}", claim.expect))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn settled(law: Law, world: World, claims: Vec<Claim>, solver: &Path) -> Result<Vec<Proof>, Failure> {
    let (law, world) = (Arc::new(law), Arc::new(world));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let bar = screen::progress(Some(claims.len() as u64), "{bar:24} {pos}/{len} claims {msg}");
    let proofs = wait(async {
        let done = |proof: &Proof| {
            bar.set_message(proof.id.clone());
            bar.inc(1);
        };
        settle(&law, &world, claims, solver, workers, done).await.map_err(Failure::from)
    });
    bar.finish_and_clear();
    proofs
}

/// Writes a scenario for each example, and says under what name.
fn write(proofs: &[Proof], folder: &Path) -> Result<Vec<(String, PathBuf)>, Failure> {
    std::fs::create_dir_all(folder).map_err(|error| format!("`{}`: {error}", folder.display()))?;
    let mut written = Vec::new();
    for proof in proofs {
        let Some(example) = proof.finding.as_ref().and_then(|finding| finding.example.as_ref()) else {
            continue;
        };
        let path = folder.join(format!("{}.toml", proof.id));
        std::fs::write(&path, written_example(proof, example))
            .map_err(|error| format!("`{}`: {error}", path.display()))?;
        written.push((proof.id.clone(), path));
    }
    Ok(written)
}

fn print(proofs: &[Proof], full: bool, written: &[(String, PathBuf)]) -> std::io::Result<()> {
    for proof in proofs {
        let style = if proof.as_expected() { BOLD } else { BAD };
        screen::line(&format!(
            "{style}{}{style:#}  {}  {DIM}{}{DIM:#}",
            verdict(proof),
            proof.id,
            proof.days
        ))?;
        indented(&proof.says, 4)?;
        if let Some(why) = &proof.why {
            indented(why, 4)?;
        }
        for given in proof.given.iter().filter(|_| full) {
            let kind = if given.assumed { "assumed" } else { "given" };
            indented(&format!("{kind}: {}", given.words), 6)?;
            screen::line(&format!("        {DIM}{}{DIM:#}", given.cedar))?;
        }
        if let Some(finding) = &proof.finding {
            show(proof, finding)?;
        }
        if let Some(note) = &proof.note {
            indented(&format!("Note: {note}"), 4)?;
        }
        if let Some((_, path)) = written.iter().find(|(id, _)| *id == proof.id) {
            screen::line(&format!("    written: {}", path.display()))?;
        }
        rests_on(proof, full)?;
    }
    let (good, all) = (proofs.iter().filter(|proof| proof.as_expected()).count(), proofs.len());
    let held = proofs.iter().filter(|proof| proof.verdict == Verdict::Holds).count();
    let refuted = proofs.iter().filter(|proof| proof.verdict == Verdict::Refuted).count();
    screen::line(&format!("{good} of {all} claims came out as they say: {held} hold, {refuted} are refuted"))
}

fn verdict(proof: &Proof) -> String {
    let word = match proof.verdict {
        Verdict::Holds => "holds",
        Verdict::Refuted => "is refuted",
        Verdict::Vacuous => "IS ABOUT NOTHING",
        Verdict::Undecided => "IS UNDECIDED",
    };
    let expected = match proof.expected {
        Expected::Holds => "holds",
        Expected::Refuted => "is refuted",
    };
    if proof.as_expected() {
        word.to_owned()
    } else {
        format!("{} (expected: {expected})", word.to_uppercase())
    }
}

fn show(proof: &Proof, finding: &Finding) -> std::io::Result<()> {
    let what = match (proof.verdict, &finding.example) {
        (Verdict::Holds, _) => "For example:",
        (_, Some(_)) => "Counter-example, put to the engine:",
        (_, None) => "Counter-example, of facts that no demand of this world shows:",
    };
    screen::line(&format!("    {what}"))?;
    finding.words.iter().try_for_each(|line| indented(line, if line.starts_with(' ') { 8 } else { 6 }))
}

/// What a proof is no surer than.
fn rests_on(proof: &Proof, full: bool) -> std::io::Result<()> {
    let rules = &proof.rules;
    let some = |names: &BTreeSet<String>| {
        let shown: Vec<&str> = names.iter().take(3).map(String::as_str).collect();
        let more = names.len().saturating_sub(3);
        let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{tail}", shown.join(", "))
    };
    let weakest = format!("weakest source: {} ({})", proof.weakest_mark, some(&proof.weakest));
    let revision = proof.revision.get(..16).unwrap_or_default();
    let of = format!("of the rules as encoded, revision {revision}");
    let on = format!("{of}; rests on {}; {weakest}", screen::count(rules.len(), "rule"));
    for line in screen::wrapped(&on, screen::width().saturating_sub(4)) {
        screen::line(&format!("    {DIM}{line}{DIM:#}"))?;
    }
    if full {
        let names = rules.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        indented(&format!("rules: {names}"), 6)?;
        indented(&format!("form: {}", proof.form), 6)?;
        let formulas = screen::count(proof.formulas, "formula");
        screen::line(&format!("      {formulas} in {} ms", proof.milliseconds))?;
    }
    Ok(())
}

fn indented(text: &str, by: usize) -> std::io::Result<()> {
    screen::wrapped(text, screen::width().saturating_sub(by))
        .iter()
        .try_for_each(|line| screen::line(&format!("{:by$}{line}", "")))
}
