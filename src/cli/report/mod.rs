//! `rogatory report`: how much was demanded, what came of it, and who vouches for the numbers.

mod check;
mod make;
mod text;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use super::common::{ConfigArguments, Failure};
use super::control::RunningArguments;
use super::record::{read_openings, read_policy};
use super::{Outcome, screen};
use crate::clock::Date;
use crate::record::TreeHead;
use crate::record::opening::Opening;
use crate::record::policy::{Accept, Policy};
use crate::record::served::ServedLog;
use crate::record::storage::ServedFolder;
use crate::report::{BandForm, Counted, TransparencyReport, check_origin, read};

/// Make a transparency report from the record, or check one
///
/// Head office counts everything, also what is still secret; with --published only what anybody can count. Numbers of national
/// security are told in bands. Needs no running provider.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
Examples:
  rogatory report --from 2013-12-01 --to 2018-04-17
  rogatory report --from 2013-12-01 --to 2018-04-17 --format json > report.json
  rogatory report --from 2013-12-01 --to 2018-04-17 --html report.html
  rogatory report verify report.json               which figures anybody can count, and on whose word the rest is
  rogatory report sign report.json --as auditor.example --key auditor.key --openings given --out report.note
  rogatory report verify report.json --statement report.note --auditor auditor.example+…")]
pub struct ReportArguments {
    #[command(subcommand)]
    command: Option<ReportCommand>,
    /// Demands received from this day on, in UTC
    #[arg(long, value_name = "DATE", required = true)]
    from: Option<Date>,
    /// … up to and with this day, as they stood at its end; the day of the record's newest entry at the latest
    #[arg(long, value_name = "DATE", required = true)]
    to: Option<Date>,
    /// Count only what was published, as an outsider would
    #[arg(long)]
    published: bool,
    /// Count only what was published and what is in this folder of openings
    #[arg(long, value_name = "FOLDER", conflicts_with = "published")]
    openings: Option<PathBuf>,
    /// How wide the bands are for national security: 1000, 500, 250 or 100. The law allows one such report in half a year, of
    /// bands of 100 one in a year
    #[arg(long, value_name = "WIDTH", default_value = "1000")]
    bands: BandForm,
    #[arg(long, value_enum, default_value_t)]
    format: ReportFormat,
    /// Also write a page with charts, which needs no other file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    running: RunningArguments,
    #[command(flatten)]
    config: ConfigArguments,
}

/// How a report is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
enum ReportFormat {
    #[default]
    Text,
    Json,
    Csv,
}

#[derive(Subcommand, Debug)]
enum ReportCommand {
    /// Say which figures of a report anybody can count again, and on whose word the others rest
    Verify {
        /// A report as `--format json` makes it; text, CSV and pages cannot be checked
        file: PathBuf,
        /// The data folder of a deployment, or a copy of what is served in its `record/`
        #[arg(long, value_name = "FOLDER", default_value = "data/demo")]
        data: PathBuf,
        /// Openings that you were given, beside those that were published
        #[arg(long, value_name = "FOLDER")]
        openings: Option<PathBuf>,
        /// A policy from elsewhere: the log's key, the witnesses, the quorum
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
        /// What an auditor signed
        #[arg(long, value_name = "FILE", requires = "auditor")]
        statement: Option<PathBuf>,
        /// The auditor's public key, as a signed-note verifier key
        #[arg(long, value_name = "KEY", requires = "statement")]
        auditor: Option<String>,
        #[arg(long, value_enum, default_value_t)]
        format: screen::Format,
        #[command(flatten)]
        config: ConfigArguments,
    },
    /// Count a report again from openings that you were given of everything, and sign it
    Sign {
        /// A report as JSON
        file: PathBuf,
        /// The auditor's name in the signature, such as `auditor.example`
        #[arg(long = "as", value_name = "NAME")]
        auditor: String,
        /// A file with the auditor's signing key: `ed25519-secret:` and 32 bytes in base64
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The openings: `rogatory record give` seals them to you, and `rogatory record unseal` opens them
        #[arg(long, value_name = "FOLDER")]
        openings: PathBuf,
        /// Where to write the statement
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// The data folder of a deployment, or a copy of what is served in its `record/`
        #[arg(long, value_name = "FOLDER", default_value = "data/demo")]
        data: PathBuf,
        /// A policy from elsewhere: the log's key, the witnesses, the quorum
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
        #[command(flatten)]
        config: ConfigArguments,
    },
}

pub fn report(arguments: ReportArguments) -> Outcome {
    match arguments.command {
        None => make::make(arguments),
        Some(ReportCommand::Verify { file, data, openings, policy, statement, auditor, format, config }) => {
            let record = Record { data: &data, policy, openings: openings.as_deref() };
            let signed = statement.zip(auditor);
            check::verify(&file, record, signed, format, &config)
        }
        Some(ReportCommand::Sign { file, auditor, key, openings, out, data, policy, config }) => {
            let record = Record { data: &data, policy, openings: Some(&openings) };
            check::sign(&file, record, &auditor, &key, &out, &config)
        }
    }
}

/// Where the record of a report is.
struct Record<'a> {
    data: &'a Path,
    policy: Option<PathBuf>,
    openings: Option<&'a Path>,
}

impl Record<'_> {
    fn open(&self) -> Result<(ServedLog<ServedFolder>, Policy), Failure> {
        let policy = read_policy(self.data, self.policy.clone())?;
        let log = ServedLog::open(ServedFolder(self.data.join("record")), &policy, Accept::Emergency)?;
        Ok((log, policy))
    }

    fn given(&self) -> Result<Vec<Opening>, Failure> {
        let mut openings = Vec::new();
        if let Some(folder) = self.openings {
            read_openings(folder, &mut openings)?;
        }
        Ok(openings)
    }

    /// What is open of the entries that a report was made from, after checking that it was made from this record.
    fn counted(&self, report: &TransparencyReport) -> Result<Counted, Failure> {
        let (mut log, head) = self.open_for(report)?;
        Ok(read(&mut log, head.size, &self.given()?)?)
    }

    /// The same, and what is open of the record by now.
    fn counted_then_and_now(&self, report: &TransparencyReport) -> Result<(Counted, Counted), Failure> {
        let (mut log, head) = self.open_for(report)?;
        let (newest, given) = (log.published().checkpoint.head().size, self.given()?);
        let then = read(&mut log, head.size, &given)?;
        let now = if newest == head.size { then.clone() } else { read(&mut log, newest, &given)? };
        Ok((then, now))
    }

    /// The record, with the head that a report was made from; it has to be a head that this record had.
    fn open_for(&self, report: &TransparencyReport) -> Result<(ServedLog<ServedFolder>, TreeHead), Failure> {
        let (mut log, policy) = self.open()?;
        let head = check_origin(report, &policy)?;
        let here = log.head_at(head.size)?;
        if here != head {
            return Err(format!("the report was made from {head}, and this record had {here} then").into());
        }
        Ok((log, head))
    }
}
