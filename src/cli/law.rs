//! `rogatory law`: the law on a date, the tests of the law books, and what is proved of them.

use std::collections::BTreeSet;
use std::path::Path;

use clap::{Args, Subcommand};

use super::common::{ConfigArguments, Failure};
use super::law_diff::{DiffArguments, diff, known};
use super::screen::{self, BOLD, Format};
use super::{Exit, Outcome};
use crate::clock::Date;
use crate::law::{Law, LawTest, Rule};
use crate::world::Jurisdiction;

/// Read the law books: what holds on a date, whether they say what they are tested to say, and what can be proved of them
#[derive(Args, Debug)]
pub struct LawArguments {
    #[command(subcommand)]
    command: LawCommand,
}

#[derive(Subcommand, Debug)]
enum LawCommand {
    /// List the rules that hold on a date, law by law
    ///
    /// A rule names the text it stands in, says in one sentence what follows, and how sure we are of it. What is
    /// written in a book and not in force is listed apart; it decides nothing.
    ///
    /// Example: `rogatory law at 2016-07-15 --of US --of IE`
    At {
        /// A civil date: 2016-07-15
        date: Date,
        /// Only this law: `US`, `EU`; may be given several times
        #[arg(long, value_name = "CODE")]
        of: Vec<Jurisdiction>,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[command(flatten)]
        config: ConfigArguments,
    },
    Diff(DiffArguments),
    /// Read all law books and run the law tests beside them
    ///
    /// Ends with 0 if all hold and with 3 if one does not. With `--config FOLDER` the books of that folder are read,
    /// so that a book can be written without building the program again.
    Check {
        /// Show every test, not only those that fail
        #[arg(long)]
        all: bool,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[command(flatten)]
        config: ConfigArguments,
    },
    Prove(super::prove::ProveArguments),
}

pub fn law(arguments: LawArguments) -> Outcome {
    match arguments.command {
        LawCommand::At { date, of, format, config } => at(&read(&config)?, date, &of, format),
        LawCommand::Diff(arguments) => diff(arguments),
        LawCommand::Check { all, format, config } => {
            let (law, tests) = (read(&config)?, tests(&config)?);
            LawTest::misnamed(&tests, &law)?;
            // Read, so that a claim about a rule that is gone is noticed; proving them takes a solver.
            super::prove::read(&law, config.config.as_deref())?;
            check(&law, &tests, all, format)
        }
        LawCommand::Prove(arguments) => super::prove::prove(arguments),
    }
}

fn read(config: &ConfigArguments) -> Result<Law, Failure> {
    Ok(match &config.config {
        Some(root) => Law::load(&books(root))?,
        None => Law::standard()?,
    })
}

fn tests(config: &ConfigArguments) -> Result<Vec<LawTest>, Failure> {
    Ok(match &config.config {
        Some(root) => LawTest::load(&books(root).join("tests"))?,
        None => LawTest::standard()?,
    })
}

fn books(root: &Path) -> std::path::PathBuf {
    root.join("config/law")
}

fn at(law: &Law, date: Date, of: &[Jurisdiction], format: Format) -> Outcome {
    known(law, of)?;
    let wanted = |code: &&Jurisdiction| of.is_empty() || of.contains(code);
    let mut listed = Vec::new();
    for code in law.jurisdictions().filter(wanted) {
        let rules = || law.rules().filter(|(law, _)| *law == code).map(|(_, rule)| rule);
        let in_force: Vec<&Rule> = rules().filter(|rule| rule.holds_on(date)).collect();
        let not_in_force: Vec<&Rule> = rules().filter(|rule| rule.from.is_none()).collect();
        let Some(header) = law.header(code) else { continue };
        let spoken = header.from <= date && date < header.until;
        match format {
            Format::Json => listed.push(serde_json::json!({
                "jurisdiction": code, "name": header.name, "from": header.from, "until": header.until,
                "covers-date": spoken, "rules": in_force, "not-in-force": not_in_force,
            })),
            Format::Text => {
                let name = &header.name;
                screen::line(&format!("{BOLD}{code}  {name}{BOLD:#}"))?;
                if !spoken {
                    screen::line(&format!("    speaks from {} until {} only", header.from, header.until))?;
                    continue;
                }
                for rule in in_force {
                    print_rule(rule)?;
                }
                for rule in not_in_force {
                    screen::line("    NOT IN FORCE, decides nothing:")?;
                    print_rule(rule)?;
                }
            }
        }
    }
    if format == Format::Json {
        screen::json(&listed)?;
    }
    Ok(Exit::Done)
}

fn print_rule(rule: &Rule) -> std::io::Result<()> {
    let weight = rule.weight;
    screen::line(&format!("    {:<8} {BOLD}{}{BOLD:#}  {}", rule.effect, rule.id, rule.cite))?;
    for line in screen::wrapped(&rule.says, screen::width().saturating_sub(13)) {
        screen::line(&format!("             {line}"))?;
    }
    let until = rule.until.map_or(String::new(), |until| format!(", until {until}"));
    let from = rule.from.map_or("not in force, as far as is known here".to_owned(), |from| {
        format!("{} from {from}{until}", rule.keyed)
    });
    screen::line(&format!("             {weight}; {from}; {}", rule.source.shown()))?;
    for line in screen::wrapped(&rule.source.to_string(), screen::width().saturating_sub(13)) {
        screen::line(&format!("             {line}"))?;
    }
    Ok(())
}

fn check(law: &Law, tests: &[LawTest], all: bool, format: Format) -> Outcome {
    let results: Vec<_> = tests.iter().map(|test| test.run(law)).collect();
    let failed = results.iter().filter(|result| !result.holds()).count();
    let expected: BTreeSet<&str> = tests.iter().flat_map(|test| &test.rules).map(String::as_str).collect();
    let mut untested: Vec<&str> = law
        .rules()
        .filter(|(_, rule)| rule.from.is_some() && !expected.contains(rule.id.as_str()))
        .map(|(_, rule)| rule.id.as_str())
        .collect();
    untested.dedup();
    match format {
        Format::Json => screen::json(&serde_json::json!({
            "revision": law.revision(),
            "books": law.jurisdictions().count(),
            "rules": law.rules().count(),
            "tests": results.iter().map(|result| serde_json::json!({
                "name": result.test.name, "holds": result.holds(), "wrong": result.wrong,
            })).collect::<Vec<_>>(),
            "rules-without-test": untested,
        }))?,
        Format::Text => {
            for result in results.iter().filter(|result| all || !result.holds()) {
                screen::line(&result.to_string())?;
            }
            for rule in &untested {
                screen::line(&format!("no test expects the rule `{rule}`"))?;
            }
            let (books, rules) = (law.jurisdictions().count(), law.rules().count());
            let revision = law.revision().get(..16).unwrap_or_default();
            screen::line(&format!(
                "{} of {} law tests hold; {rules} rules in {books} books, revision {revision}",
                results.len() - failed,
                results.len(),
            ))?;
        }
    }
    Ok(if failed == 0 { Exit::Done } else { Exit::ExpectationFailed })
}
