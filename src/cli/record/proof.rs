//! One entry's proof in one file: made where the record is, checked anywhere.

use std::path::Path;

use crate::cli::common::{Failure, wait};
use crate::cli::control::RunningArguments;
use crate::cli::screen::{self, BOLD, Format};
use crate::cli::{Exit, Outcome};
use crate::diagnostic::SourceFile;
use crate::provider::{Ask, Told};
use crate::record::entry::Slot;
use crate::record::policy::{Accept, Policy};
use crate::record::proof::{FIRST_LINE, LogProof, Proven};
use crate::record::served::ServedLog;
use crate::record::storage::ServedFolder;
use crate::region::{Body, production};

/// What a proof shows of a decision if nobody says otherwise.
pub const SHOWN: [Slot; 5] = [Slot::Kind, Slot::Matter, Slot::Law, Slot::Decision, Slot::Timing];

/// Prints a proof. Of an entry's number it is made from what is served; for anything closed head office is asked.
pub fn prove(id: String, show: Option<Vec<Slot>>, running: &RunningArguments) -> Outcome {
    let text = match (id.parse::<u64>(), show) {
        (Ok(entry), None) => from_served(&running.data, entry)?,
        (_, show) => {
            let show = show.unwrap_or_else(|| SHOWN.to_vec());
            let told = wait(running.ask(Ask::Prove { id, show }, Body::empty()))?.reply;
            let Told::Proof { text } = told else {
                return Err("the provider answered another question; is it of another version?".into());
            };
            text
        }
    };
    screen::raw(&text)?;
    Ok(Exit::Done)
}

fn from_served(data: &Path, entry: u64) -> Result<String, Failure> {
    let policy = super::read_policy(data, None)?;
    let mut log = ServedLog::open(ServedFolder(data.join("record")), &policy, Accept::Emergency)?;
    let logged = log.prove(entry)?;
    Ok(LogProof::new(&logged, log.opening(entry)?).to_string())
}

/// Checks a proof with nothing but the policy.
pub fn verify(file: &Path, policy: Option<&Path>, accept: Accept, format: Format) -> Outcome {
    let bytes =
        std::fs::read(file).map_err(|error| format!("`{}` cannot be read: {error}", file.display()))?;
    let Ok(text) = String::from_utf8(bytes) else {
        return Err(format!(
            "`{}` is neither a proof nor a production, or is damaged in its first bytes: a proof is a text that begins with \
             `{}`, and a production begins with `{}`",
            file.display(),
            FIRST_LINE,
            production::MAGIC.trim_end()
        )
        .into());
    };
    let Some(policy) = policy else {
        return Err("a proof is checked against a policy that you have from somebody you trust: the log's key, the \
                    witnesses, the quorum. Name it with --policy FILE; a deployment's own is `record/policy` in its \
                    data folder"
            .into());
    };
    let policy = Policy::read(&SourceFile::read(policy)?)?;
    let proven = LogProof::parse(&text)
        .and_then(|proof| proof.check(&policy, accept))
        .map_err(|error| format!("`{}` proves nothing: {error}", file.display()))?;
    match format {
        Format::Json => screen::json(&as_json(&proven, &policy)?)?,
        Format::Text => tell(&proven, &policy)?,
    }
    Ok(Exit::Done)
}

fn as_json(proven: &Proven, policy: &Policy) -> Result<serde_json::Value, Failure> {
    let (year, month) = proven.leaf.month();
    Ok(serde_json::json!({
        "simulated": proven.simulated,
        "origin": policy.log().name(),
        "entry": proven.index,
        "size": proven.head.size,
        "root": proven.head.hash,
        "month": format!("{year:04}-{month:02}"),
        "quorum": proven.quorum,
        "opened": opened(proven)?,
    }))
}

fn opened(proven: &Proven) -> Result<serde_json::Map<String, serde_json::Value>, Failure> {
    let mut values = serde_json::Map::new();
    for (slot, _) in proven.opening.iter().flat_map(|opening| opening.slots()) {
        let value = proven.opening.as_ref().map(|opening| opening.value(slot)).transpose()?.flatten();
        values.insert(slot.as_str().to_owned(), value.unwrap_or_default());
    }
    Ok(values)
}

fn tell(proven: &Proven, policy: &Policy) -> Result<(), Failure> {
    let stamp = if proven.simulated { "; SIMULATED" } else { "" };
    screen::line(&format!(
        "{BOLD}proven{BOLD:#}: entry {} is in {}, at its tree of {} entries{stamp}",
        proven.index,
        policy.log().name(),
        proven.head.size
    ))?;
    screen::long_line(&proven.quorum.to_string())?;
    let (year, month) = proven.leaf.month();
    screen::line(&format!("month {year:04}-{month:02}"))?;
    let opened = opened(proven)?;
    for (slot, value) in &opened {
        screen::line(&format!("  {slot}: {value}"))?;
    }
    let closed = Slot::ALL.len() - opened.len();
    screen::line(&format!("{closed} of the entry's {} slots stay closed", Slot::ALL.len()))?;
    Ok(())
}

/// Prints the public keys of log and witnesses as signed-note verifier keys.
pub fn keys(policy: &Policy, format: Format) -> Outcome {
    if format == Format::Json {
        let witnesses: serde_json::Map<String, serde_json::Value> =
            policy.witnesses().iter().map(|w| (w.id.clone(), w.key.to_string().into())).collect();
        screen::json(&serde_json::json!({ "log": policy.log().to_string(), "witnesses": witnesses }))?;
        return Ok(Exit::Done);
    }
    screen::line(&policy.log().to_string())?;
    for witness in policy.witnesses() {
        screen::line(&witness.key.to_string())?;
    }
    Ok(Exit::Done)
}
