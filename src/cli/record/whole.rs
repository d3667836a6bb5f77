//! The record as a whole: its head, and the check of everything that is served.

use std::path::{Path, PathBuf};

use crate::cli::common::Failure;
use crate::cli::control::check_record_in;
use crate::cli::screen::{self, BOLD, Format};
use crate::cli::{Exit, Outcome};
use crate::diagnostic::SourceFile;
use crate::record::checkpoint::SignedCheckpoint;
use crate::record::entry::Slot;
use crate::record::policy::{Accept, Policy};
use crate::record::storage::ServedFolder;
use crate::record::verify::{verify_folder, verify_journal, verify_superseded};

/// Shows the head of the record.
pub fn show(data: &Path, format: Format) -> Outcome {
    check_record_in(data)?;
    let served = data.join("record").join("checkpoint");
    if !served.exists() {
        return Err(format!(
            "`{}` is not there yet: no quorum of witnesses has cosigned anything of this record. It is served as soon as one has",
            served.display()
        )
        .into());
    }
    let checkpoint = SourceFile::read(&served)?;
    let policy = super::read_policy(data, None)?;
    let mut lines = checkpoint.text().lines();
    let origin = lines.next().unwrap_or_default();
    let size = lines.next().unwrap_or_default();
    let root = lines.next().unwrap_or_default();
    let cosigned = SignedCheckpoint::parse(checkpoint.text()).map_err(|error| error.to_string());
    let cosigned = cosigned.and_then(|checkpoint| {
        policy.check(&checkpoint, Accept::Emergency).map_err(|error| error.to_string())
    });
    let genesis = ServedFolder(data.join("record")).opening(0).ok().flatten();
    let genesis = genesis.and_then(|opening| opening.value(Slot::Facts).ok().flatten());
    if format == Format::Json {
        screen::json(&serde_json::json!({
            "origin": origin, "size": size, "root": root, "policy": policy.to_text(), "genesis": genesis,
            "quorum": cosigned.as_ref().ok(), "no-quorum": cosigned.as_ref().err(),
        }))?;
        return Ok(Exit::Done);
    }
    screen::line(&format!("{BOLD}{origin}{BOLD:#}: {size} entries, root {root}"))?;
    match &cosigned {
        Ok(quorum) => screen::long_line(&quorum.to_string())?,
        Err(why) => screen::line(&format!("{}no quorum: {why}{:#}", screen::BAD, screen::BAD))?,
    }
    for witness in policy.witnesses() {
        let independent = if witness.independent { "independent" } else { "head office holds its keys" };
        let outsider = if witness.outsider { ", an outsider" } else { "" };
        screen::line(&format!(
            "  {:<18} {}  {independent}{outsider}, controlled by {}",
            witness.id, witness.country, witness.controlled_by
        ))?;
    }
    if genesis.as_ref().is_some_and(|genesis| genesis["seeded"] == true) {
        screen::line(
            "seeded: its secrets can be derived by anyone who knows the seed; nothing in it is private",
        )?;
    }
    Ok(Exit::Done)
}

/// Where a whole record lies.
pub struct Whole {
    served: PathBuf,
    /// The log's own; a copy of what is served has none.
    journal: Option<PathBuf>,
}

impl Whole {
    pub fn of_deployment(data: &Path) -> Result<Self, Failure> {
        check_record_in(data)?;
        let own = data.join("head-office");
        let journal = own.is_dir().then(|| own.join("journal"));
        Ok(Whole { served: data.join("record"), journal })
    }

    /// A data folder, or a folder with what `record serve` serves.
    pub fn in_folder(folder: PathBuf) -> Result<Self, Failure> {
        if folder.join("record").is_dir() {
            return Whole::of_deployment(&folder);
        }
        if folder.join("checkpoint").exists() || folder.join("tile").is_dir() {
            return Ok(Whole { served: folder, journal: None });
        }
        Err(format!(
            "`{}` is a folder without a record: there is no `checkpoint` in it. Name a data folder, the folder `record` in \
             one, a copy of what `record serve` serves, a proof, or a production",
            folder.display()
        )
        .into())
    }
}

/// Checks the whole record that is served.
pub fn verify(whole: &Whole, policy: Option<PathBuf>, accept: Accept, format: Format) -> Outcome {
    let beside = policy.is_none();
    let path = policy.unwrap_or_else(|| whole.served.join("policy"));
    let policy = Policy::read(&SourceFile::read(&path)?)?;
    let mut found = verify_folder(&whole.served, &policy, accept, &mut |_, _| {});
    verify_superseded(&whole.served, &mut found);
    if let Some(journal) = &whole.journal {
        verify_journal(journal, &mut found);
    }
    if format == Format::Json {
        let mut told = serde_json::to_value(&found)?;
        told["policy"] = serde_json::json!({ "file": path, "beside-the-record": beside });
        screen::json(&told)?;
    } else {
        for finding in &found.findings {
            screen::line(&format!("{}{finding}{:#}", screen::BAD, screen::BAD))?;
        }
        if let Some(quorum) = &found.quorum {
            screen::long_line(&quorum.to_string())?;
        }
        let verdict = if found.is_sound() { "sound" } else { "NOT sound" };
        screen::line(&format!(
            "{} entries and {} published openings checked: {BOLD}{verdict}{BOLD:#}",
            found.entries, found.openings
        ))?;
        let whose = match beside {
            true => {
                ", which lies beside the record: who can rewrite one can rewrite the other. A policy from one of the \
                 witnesses (--policy) proves more"
            }
            false => "",
        };
        screen::long_line(&format!("by the policy in `{}`{whose}", path.display()))?;
    }
    Ok(if found.is_sound() { Exit::Done } else { Exit::Failed })
}
