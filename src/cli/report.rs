//! `rogatory report`: how much was demanded, what came of it, and who vouches for the numbers.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use super::common::{ConfigArguments, Failure, wait};
use super::control::{RunningArguments, check_record_in, unexpected};
use super::demand::read_key;
use super::record::{read_openings, read_policy};
use super::screen::{self, BAD, BOLD};
use super::{Exit, Outcome};
use crate::clock::Date;
use crate::diagnostic::SourceFile;
use crate::provider::{Ask, Told};
use crate::record::checkpoint::SignedCheckpoint;
use crate::record::entry::Slot;
use crate::record::key::{LogSigner, VerifierKey};
use crate::record::opening::Opening;
use crate::record::policy::{Accept, Policy};
use crate::record::served::ServedLog;
use crate::record::storage::ServedFolder;
use crate::report::{
    BandForm, Basis, Counted, ReportCheck, Span, Statement, TransparencyReport, check, csv, html, read,
};

/// Make a transparency report from the record, or check one
///
/// Head office counts everything, also what is still secret; with --published only what anybody can count. Numbers of national
/// security are told in bands. Needs no running provider.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
Examples:
  rogatory report --from 2013-12-01 --to 2018-12-31
  rogatory report --from 2018-01-01 --to 2018-06-30 --format json > report.json
  rogatory report --from 2018-01-01 --to 2018-06-30 --html report.html
  rogatory report verify report.json               which figures anybody can count, and on whose word the rest is
  rogatory report sign report.json --as auditor.example --key auditor.key --openings given --out report.note
  rogatory report verify report.json --statement report.note --auditor auditor.example+…")]
pub struct ReportArguments {
    #[command(subcommand)]
    command: Option<ReportCommand>,
    /// Demands received from this day on, in UTC
    #[arg(long, value_name = "DATE", required = true)]
    from: Option<Date>,
    /// … up to and with this day, as they stood at its end
    #[arg(long, value_name = "DATE", required = true)]
    to: Option<Date>,
    /// Count only what was published, as an outsider would
    #[arg(long)]
    published: bool,
    /// Count only what was published and what is in this folder of openings
    #[arg(long, value_name = "FOLDER", conflicts_with = "published")]
    openings: Option<PathBuf>,
    /// How wide the bands are for national security: 1000, 500, 250 or 100
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
        /// A report as JSON
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
        None => make(arguments),
        Some(ReportCommand::Verify { file, data, openings, policy, statement, auditor, format, config }) => {
            let record = Record { data: &data, policy, openings: openings.as_deref() };
            let signed = statement.zip(auditor);
            verify(&file, record, signed, format, &config)
        }
        Some(ReportCommand::Sign { file, auditor, key, openings, out, data, policy, config }) => {
            let record = Record { data: &data, policy, openings: Some(&openings) };
            sign(&file, record, &auditor, &key, &out, &config)
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
        let (mut log, policy) = self.open()?;
        let checkpoint = SignedCheckpoint::parse(&report.checkpoint)?;
        policy.check(&checkpoint, Accept::Emergency)?;
        let head = checkpoint.head();
        let here = log.head_at(head.size)?;
        if here != head {
            return Err(format!("the report was made from {head}, and this record had {here} then").into());
        }
        Ok(read(&mut log, head.size, &self.given()?)?)
    }
}

fn make(arguments: ReportArguments) -> Outcome {
    let ReportArguments { from, to, published, openings, bands, format, html: page, running, config, .. } =
        arguments;
    let (Some(from), Some(to)) = (from, to) else { return Err("say --from and --to".into()) };
    check_record_in(&running.data)?;
    let world = config.read()?.world;
    let outside = published || openings.is_some();
    let record = Record { data: &running.data, policy: None, openings: openings.as_deref() };
    let (given, made) = if outside {
        (record.given()?, to)
    } else {
        let ask = Ask::Opened { matter: None, slots: vec![Slot::Public] };
        let Told::Opened { openings, now } = wait(running.look(ask))? else { return Err(unexpected()) };
        (openings, now.date_utc())
    };
    let (mut log, _) = record.open()?;
    let size = log.published().checkpoint.head().size;
    let counted = read(&mut log, size, &given)?;
    let form = (!outside && counted.closed.is_empty()).then_some(bands);
    if !outside && form.is_none() {
        screen::note(&format!(
            "{} matters are left out, because what opens them was erased or lost",
            counted.closed.len()
        ));
    }
    let report = TransparencyReport::make(&world, &counted.whole(), Span { from, to, made }, form)?;
    if let Some(path) = &page {
        std::fs::write(path, html(&report)).map_err(|error| format!("`{}`: {error}", path.display()))?;
        screen::note(&format!("a page with charts is in `{}`", path.display()));
    }
    match format {
        ReportFormat::Json => screen::json(&report)?,
        ReportFormat::Csv => screen::text(&csv(&report))?,
        ReportFormat::Text => tell(&report)?,
    }
    Ok(Exit::Done)
}

fn tell(report: &TransparencyReport) -> std::io::Result<()> {
    screen::line(&format!(
        "{BOLD}Demands received from {} to {}{BOLD:#}, as they stood then; made on {}. SIMULATED.\n",
        report.from, report.to, report.made
    ))?;
    if !report.complete {
        screen::line("From published openings only: what is secret is not in it.\n")?;
    }
    screen::line(&format!(
        "{:<32}{:>8}{:>9}{:>10}{:>8}{:>9}{:>8}{:>9}{:>7}{:>7}{:>8}",
        "state, instrument",
        "demands",
        "accounts",
        "emergency",
        "content",
        "non-cont",
        "no data",
        "rejected",
        "treaty",
        "lapsed",
        "pending"
    ))?;
    for row in &report.figures.demands {
        let through = row.executes.as_ref().map(|state| format!(" for {state}")).unwrap_or_default();
        let name = format!("{} {}{through}", row.country, row.instrument);
        screen::line(&format!(
            "{name:<32}{:>8}{:>9}{:>10}{:>8}{:>9}{:>8}{:>9}{:>7}{:>7}{:>8}",
            row.demands,
            row.accounts,
            row.emergency,
            row.content,
            row.non_content,
            row.no_data,
            row.rejected,
            row.treaty,
            row.lapsed,
            row.pending
        ))?;
    }
    if report.figures.demands.is_empty() {
        screen::line("none")?;
    }
    section(
        "By class of data, for each account and place",
        report.figures.classes.iter().map(|row| {
            format!(
                "{:<32}{:<16}{:<20}{:>6}",
                format!("{} {}", row.country, row.instrument),
                row.class,
                row.outcome,
                row.items
            )
        }),
    )?;
    section(
        "For something else than disclosure",
        report.figures.others.iter().map(|row| {
            let name = format!("{} {}", row.country, row.instrument);
            format!(
                "{name:<32}to {:<13}{} demands, {} accounts, {} done",
                row.act, row.demands, row.accounts, row.done
            )
        }),
    )?;
    section(
        "Warrants at home for content stored abroad",
        report.figures.abroad.iter().map(|row| {
            format!(
                "{} {:<12}{} warrants, {} led to content",
                row.country,
                row.customer.as_str(),
                row.warrants,
                row.content
            )
        }),
    )?;
    section(
        "Due, and not handed over in time",
        report.figures.missed.iter().map(|row| {
            let name = format!("{} {}", row.country, row.instrument);
            let (demands, items) = (row.demands, row.items);
            format!("{name:<32}{demands} demands, {items} items, for want of {}", row.for_want_of.as_str())
        }),
    )?;
    if let Some(told) = &report.national_security {
        let title = format!("National security, in bands of {}: {} ({})", told.width, told.law, told.mark);
        section(
            &title,
            told.rows
                .iter()
                .map(|row| format!("{:<40}{} to {}  {:>10}", row.what, row.from, row.to, row.band)),
        )?;
    }
    let mut lines = report.checkpoint.lines();
    let (origin, size, root) =
        (lines.next().unwrap_or(""), lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    screen::line(&format!("\nMade from {origin}, {size} entries, root {root}"))
}

fn section(title: &str, rows: impl Iterator<Item = String>) -> std::io::Result<()> {
    for (place, row) in rows.enumerate() {
        if place == 0 {
            screen::line(&format!("\n{BOLD}{title}{BOLD:#}"))?;
        }
        screen::line(&row)?;
    }
    Ok(())
}

fn read_report(file: &Path) -> Result<TransparencyReport, Failure> {
    let text = SourceFile::read(file)?;
    let report: TransparencyReport = serde_json::from_str(text.text())
        .map_err(|error| format!("`{}` is no report: {error}", file.display()))?;
    if report.format != crate::report::FORMAT {
        return Err(format!(
            "`{}` is a report of format {}, and this program reads {}",
            file.display(),
            report.format,
            crate::report::FORMAT
        )
        .into());
    }
    Ok(report)
}

fn verify(
    file: &Path,
    record: Record<'_>,
    signed: Option<(PathBuf, String)>,
    format: screen::Format,
    config: &ConfigArguments,
) -> Outcome {
    let report = read_report(file)?;
    let mut auditors = Vec::new();
    if let Some((path, key)) = signed {
        let key: VerifierKey = key.parse()?;
        Statement::verify(&report, SourceFile::read(&path)?.text(), &key)
            .map_err(|error| format!("`{}`: {error}", path.display()))?;
        auditors.push(key.name().to_owned());
    }
    let counted = record.counted(&report)?;
    let found = check(&report, &config.read()?.world, &counted, &auditors)?;
    if format == screen::Format::Json {
        screen::json(&found)?;
    } else {
        tell_check(&found)?;
    }
    Ok(if found.is_wrong() { Exit::Failed } else { Exit::Done })
}

fn tell_check(found: &ReportCheck) -> std::io::Result<()> {
    let of = |basis: fn(&Basis) -> bool| found.figures.iter().filter(move |figure| basis(&figure.basis));
    for figure in of(|basis| *basis == Basis::Wrong) {
        let counted = figure.counted.unwrap_or(0);
        screen::line(&format!(
            "{BAD}{}: says {}, and {counted} comes out{BAD:#}",
            figure.figure, figure.said
        ))?;
    }
    let recomputed = of(|basis| *basis == Basis::Recomputed).count();
    screen::line(&format!(
        "{} counted again from openings that anybody can fetch",
        screen::count(recomputed, "figure")
    ))?;
    for figure in of(|basis| !matches!(basis, Basis::Wrong | Basis::Recomputed)) {
        let rests = match &figure.basis {
            Basis::Signed(auditors) => format!("rests on the signature of {}", auditors.join(", ")),
            _ => "rests on the provider's word alone".to_owned(),
        };
        let open = figure.counted.map(|counted| format!(", of which {counted} is open")).unwrap_or_default();
        screen::line(&format!("{}: {}{open}; {rests}", figure.figure, figure.said))?;
    }
    let closed = found.closed;
    screen::line(&format!("{} of the record closed in whole or part", screen::count(closed, "matter")))?;
    let verdict =
        if found.is_wrong() { "NOT what the record says" } else { "no figure contradicts the record" };
    screen::line(&format!("{BOLD}{verdict}{BOLD:#}"))
}

fn sign(
    file: &Path,
    record: Record<'_>,
    auditor: &str,
    key: &Path,
    out: &Path,
    config: &ConfigArguments,
) -> Outcome {
    let report = read_report(file)?;
    let signer = LogSigner::new(auditor, &read_key(key)?.to_bytes())?;
    let counted = record.counted(&report)?;
    let note = Statement::sign(&report, &config.read()?.world, &counted, &signer)?;
    let made = std::fs::File::create_new(out).and_then(|mut file| file.write_all(note.as_bytes()));
    made.map_err(|error| format!("`{}` cannot be made: {error}", out.display()))?;
    screen::line(&format!(
        "every figure comes out; signed in `{}`. Who checks it needs your public key:",
        out.display()
    ))?;
    screen::line(&signer.verifier().to_string())?;
    Ok(Exit::Done)
}
