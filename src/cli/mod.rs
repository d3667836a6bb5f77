//! The command line: one file per subcommand.

mod account;
mod bench;
mod common;
mod compare;
mod control;
mod demand;
mod demo;
mod exit;
mod keys;
mod law;
mod law_diff;
mod mail;
mod node;
mod play;
mod prove;
mod record;
mod report;
mod scenario;
mod screen;
mod why;
mod witness;

use std::process::{ExitCode, Termination};

use clap::{Parser, Subcommand};

pub use exit::Exit;

/// Who may read this mailbox, who can, and how would we know?
///
/// Rogatory runs a multi-region mail provider on this machine: real mail in encrypted stores, regions as separate
/// processes, and a gate that answers legal demands by the law in force on their day and writes every decision into
/// a record that nobody can deny later. Courts, ministries and months are simulated.
///
/// Start with `rogatory demo`.
#[derive(Parser, Debug)]
#[command(name = "rogatory", version, disable_help_subcommand = true, max_term_width = 100)]
#[command(after_help = "\
First steps:
  rogatory demo                                     ten regions, story mail, one warrant, five answers
  rogatory where molly@post.example                 then, in another terminal: where her mail rests
  rogatory reach molly@post.example --at 2018-06-01 who may read it on that day, who can, at what price
  rogatory demand explain 18-mag-2713               why the gate answered as it did
  rogatory record verify                            whether the record of it holds

`rogatory COMMAND --help` shows examples of each.
Exit codes: 0 done, 1 failed, 2 the command line was not understood, 3 an expectation did not hold or a
report is overtaken.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Demo(demo::DemoArguments),
    Scenario(scenario::ScenarioArguments),
    Demand(demand::DemandArguments),
    Law(law::LawArguments),
    Where(account::WhereArguments),
    Reach(account::ReachArguments),
    Record(record::RecordArguments),
    Report(report::ReportArguments),
    Mail(mail::MailArguments),
    Keys(keys::KeysArguments),
    Region(node::RegionArguments),
    Witness(witness::WitnessArguments),
    Bench(bench::BenchArguments),
}

/// What a command gives back: how it ended, or an error for the person at the terminal.
pub type Outcome = Result<Exit, Box<dyn std::error::Error + Send + Sync>>;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            // A closed pipe leaves nobody to tell.
            let _ = error.print();
            return exit.report();
        }
    };
    let outcome = match arguments.command {
        Command::Demo(arguments) => demo::demo(arguments),
        Command::Demand(arguments) => demand::demand(arguments),
        Command::Law(arguments) => law::law(arguments),
        Command::Where(arguments) => account::where_is(arguments),
        Command::Reach(arguments) => account::reach(arguments),
        Command::Record(arguments) => record::record(arguments),
        Command::Report(arguments) => report::report(arguments),
        Command::Mail(arguments) => mail::mail(arguments),
        Command::Keys(arguments) => keys::keys(arguments),
        Command::Scenario(arguments) => scenario::scenario(arguments),
        Command::Region(arguments) => node::region(arguments),
        Command::Witness(arguments) => witness::witness(arguments),
        Command::Bench(arguments) => bench::bench(arguments),
    };
    match outcome {
        Ok(exit) => exit.report(),
        Err(error) if screen::is_reader_gone(&*error) => Exit::Done.report(),
        Err(error) => {
            screen::error(&*error);
            Exit::Failed.report()
        }
    }
}
