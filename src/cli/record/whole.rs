//! The record as a whole: its head, and the check of everything that is served.

use std::path::{Path, PathBuf};

use crate::cli::control::check_record_in;
use crate::cli::screen::{self, BOLD, Format};
use crate::cli::{Exit, Outcome};
use crate::diagnostic::SourceFile;
use crate::record::checkpoint::SignedCheckpoint;
use crate::record::entry::Slot;
use crate::record::policy::Accept;
use crate::record::storage::ServedFolder;
use crate::record::verify::{verify_folder, verify_journal};

/// Shows the head of the record.
pub fn show(data: &Path, format: Format) -> Outcome {
    check_record_in(data)?;
    let checkpoint = SourceFile::read(&data.join("record").join("checkpoint"))?;
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
    screen::line(&match &cosigned {
        Ok(quorum) => quorum.to_string(),
        Err(why) => format!("{}no quorum: {why}{:#}", screen::BAD, screen::BAD),
    })?;
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

/// Checks the whole record that is served.
pub fn verify(data: &Path, policy: Option<PathBuf>, accept: Accept, format: Format) -> Outcome {
    let beside = policy.is_none();
    let path = policy.clone().unwrap_or_else(|| data.join("record").join("policy"));
    let policy = super::read_policy(data, policy)?;
    let mut found = verify_folder(&data.join("record"), &policy, accept, &mut |_, _| {});
    let journal = data.join("head-office").join("journal");
    // A copy of what is served has none.
    if journal.exists() {
        verify_journal(&journal, &mut found);
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
            screen::line(&quorum.to_string())?;
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
        screen::line(&format!("by the policy in `{}`{whose}", path.display()))?;
    }
    Ok(if found.is_sound() { Exit::Done } else { Exit::Failed })
}
