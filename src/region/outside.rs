//! An outside witness in a folder of its own: its name and secret, the log that it watches, and what it remembers.
//!
//! Whoever has the folder is its operator. A deployment makes one and plays the operator where the roster names no other.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::enrolment::witness_state;
use super::versioned::{self, NotRead};
use crate::clock::SystemClock;
use crate::disk::{Disk, write_whole};
use crate::entropy::Entropy;
use crate::record::TreeHead;
use crate::record::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::record::key::{Cosigner, KeyError, KeyKind, VerifierKey};
use crate::record::witness::{FileState, StateError, Witness, WitnessState};
use crate::vault::{KeyFileError, component_entropy};

const FORMAT: u32 = 1;

/// A witness as its folder has it.
#[derive(Debug)]
pub struct Outside {
    folder: PathBuf,
    name: String,
    log: Option<VerifierKey>,
}

/// `witness.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Kept {
    format: u32,
    /// Its name in signature lines.
    name: String,
    /// The log that it watches, as a verifier key; absent until it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log: Option<String>,
}

/// Why a folder is not that of a witness, or a witness cannot be told of a log.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    #[error("`{}` cannot be read or written: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("`{}` is not the folder of a witness: make one with `rogatory witness new`", .0.display())]
    NotThere(PathBuf),
    #[error("`{}` has a witness already, `{name}`: a witness is made once; choose another folder", folder.display())]
    There { folder: PathBuf, name: String },
    #[error("`{}` is not empty and holds no witness: choose another folder", .0.display())]
    NotOurs(PathBuf),
    #[error("`{}` does not say which witness this is: {why}", path.display())]
    Unreadable { path: PathBuf, why: String },
    #[error(
        "`{}` has `{left}` and no `witness.json`: put that back, if it was lost; if `rogatory witness new` was interrupted, \
         remove the folder and begin again",
        folder.display()
    )]
    Torn { folder: PathBuf, left: &'static str },
    #[error(
        "`{name}` remembers a tree of {size} entries, and which log that is of is lost: put `witness.json` back as it was"
    )]
    OfNoLog { name: String, size: u64 },
    #[error(
        "`{name}` remembers {own}, and goes on from there by itself. With --force it begins with {given} all the same: what it \
         has said of the log in between it then forgets, and could contradict"
    )]
    IsWell { name: String, own: TreeHead, given: TreeHead },
    #[error("`{}` has format {found}, and this program reads format {FORMAT}: use the program that wrote it, or a newer one", path.display())]
    Format { path: PathBuf, found: u32 },
    #[error("`{name}` watches no log yet: tell it of one with `rogatory witness trust {} KEY`", folder.display())]
    NoLog { folder: PathBuf, name: String },
    #[error(
        "`{name}` watches the log `{watched}`, and not `{given}`: one folder watches one log, so make another"
    )]
    OtherLog { name: String, watched: Box<VerifierKey>, given: Box<VerifierKey> },
    #[error("`{0}` is the key of a witness, and not of a log")]
    NotALog(Box<VerifierKey>),
    #[error("this checkpoint is not of the log that the witness is told of: {0}")]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    State(#[from] StateError),
}

impl Outside {
    /// Makes a witness in an empty folder. `name` is what its signature lines say.
    pub fn make(disk: &dyn Disk, folder: &Path, name: &str, entropy: &Entropy) -> Result<Self, OutsideError> {
        match Outside::open(folder) {
            Err(OutsideError::NotThere(_)) => {}
            Ok(Outside { folder, name, .. }) => return Err(OutsideError::There { folder, name }),
            Err(error) => return Err(error),
        }
        // A key that is there may have signed something. Whether that was so, nobody knows without the rest.
        if let Some(left) = ["component.key", "witness.state"].iter().find(|left| folder.join(left).exists())
        {
            return Err(OutsideError::Torn { folder: folder.to_owned(), left });
        }
        Outside::make_or_finish(disk, folder, name, entropy)
    }

    /// As [`Outside::make`], also where a crash interrupted it: for whoever knows that this witness has signed nothing.
    pub fn make_or_finish(
        disk: &dyn Disk,
        folder: &Path,
        name: &str,
        entropy: &Entropy,
    ) -> Result<Self, OutsideError> {
        // A name that is none is found before anything is written.
        Cosigner::new(name, &[0; 32])?;
        let failed = |source| OutsideError::Io { path: folder.to_owned(), source };
        disk.make_folder(folder).map_err(failed)?;
        let begun = ["component.key", "component.key.new", "witness.json.new"].map(|file| folder.join(file));
        if disk.list(folder).map_err(failed)?.iter().any(|path| !begun.contains(path)) {
            return Err(OutsideError::NotOurs(folder.to_owned()));
        }
        let made = Outside { folder: folder.to_owned(), name: name.to_owned(), log: None };
        component_entropy(disk, folder, name, entropy)?;
        made.write(disk)?;
        Ok(made)
    }

    pub fn open(folder: &Path) -> Result<Self, OutsideError> {
        let path = file(folder);
        let bytes = std::fs::read(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => OutsideError::NotThere(folder.to_owned()),
            _ => OutsideError::Io { path: path.clone(), source },
        })?;
        let unreadable = |why: String| OutsideError::Unreadable { path: path.clone(), why };
        let Kept { name, log, .. } = versioned::read(&bytes, FORMAT).map_err(|error| match error {
            NotRead::Unreadable(why) => unreadable(why),
            NotRead::Format(found) => OutsideError::Format { path: path.clone(), found },
        })?;
        let log = log
            .map(|log| log.parse())
            .transpose()
            .map_err(|error: KeyError| unreadable(error.to_string()))?;
        Ok(Outside { folder: folder.to_owned(), name, log })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The log that it watches; `None` until it was told.
    pub fn log(&self) -> Option<&VerifierKey> {
        self.log.as_ref()
    }

    /// Its public key.
    pub fn key(&self, disk: &dyn Disk) -> Result<VerifierKey, OutsideError> {
        outside_key(disk, &self.folder, &self.name)
    }

    /// The size of the tree that it cosigned last.
    pub fn remembered(&self, disk: &dyn Disk) -> Result<u64, OutsideError> {
        Ok(FileState::open(disk, &witness_state(&self.folder))?.load()?.head.size)
    }

    /// Tells it which log to watch, from the first entry on; for the log that it watches already, nothing happens.
    pub fn trust(&mut self, disk: &dyn Disk, log: &VerifierKey) -> Result<(), OutsideError> {
        self.check_log(log)?;
        let state = witness_state(&self.folder);
        match (&self.log, state.exists()) {
            (Some(_), true) => return Ok(()),
            (Some(_), false) => return Err(StateError::NotEnrolled(state).into()),
            (None, false) => drop(FileState::enrol(disk, &state)?),
            // It is there if this was interrupted, and then it is of nothing.
            (None, true) => {
                let size = self.remembered(disk)?;
                if size > 0 {
                    return Err(OutsideError::OfNoLog { name: self.name.clone(), size });
                }
            }
        }
        self.log = Some(log.clone());
        self.write(disk)
    }

    /// Tells it which log to watch, from a checkpoint of it on, which it believes as it would believe the first. For a witness
    /// that lost its memory; one that has it begins anew only if it is `forced`. What it remembered is laid aside.
    pub fn trust_from(
        &mut self,
        disk: &dyn Disk,
        log: &VerifierKey,
        checkpoint: &SignedCheckpoint,
        forced: bool,
    ) -> Result<(), OutsideError> {
        self.check_log(log)?;
        checkpoint.check_log(log)?;
        let (state, given) = (witness_state(&self.folder), checkpoint.head());
        match FileState::open(disk, &state) {
            Ok(kept) => {
                let own = kept.load()?.head;
                if !forced && own.size > 0 {
                    return Err(OutsideError::IsWell { name: self.name.clone(), own, given });
                }
            }
            // Lost or damaged: that is what this is for.
            Err(StateError::NotEnrolled(_) | StateError::Damaged(_)) => {}
            Err(error) => return Err(error.into()),
        }
        // First of which log, then from where: the other way round, a crash would leave a memory of any log.
        self.log = Some(log.clone());
        self.write(disk)?;
        FileState::enrol_again(disk, &state, given)?;
        Ok(())
    }

    /// The witness, with what it remembers.
    pub fn witness(&self, disk: &dyn Disk) -> Result<Witness, OutsideError> {
        let Some(log) = self.log.clone() else {
            return Err(OutsideError::NoLog { folder: self.folder.clone(), name: self.name.clone() });
        };
        let state = FileState::open(disk, &witness_state(&self.folder))?;
        let cosigner = cosigner(disk, &self.folder, &self.name)?;
        Ok(Witness::new(cosigner, log, Box::new(state), Arc::new(SystemClock))?)
    }

    fn check_log(&self, given: &VerifierKey) -> Result<(), OutsideError> {
        if given.kind() != KeyKind::Log {
            return Err(OutsideError::NotALog(given.clone().into()));
        }
        match &self.log {
            Some(watched) if watched != given => Err(OutsideError::OtherLog {
                name: self.name.clone(),
                watched: watched.clone().into(),
                given: given.clone().into(),
            }),
            _ => Ok(()),
        }
    }

    fn write(&self, disk: &dyn Disk) -> Result<(), OutsideError> {
        let path = file(&self.folder);
        let log = self.log.as_ref().map(ToString::to_string);
        let kept = Kept { format: FORMAT, name: self.name.clone(), log };
        let failed = |source| OutsideError::Io { path: path.clone(), source };
        let text = serde_json::to_vec_pretty(&kept).map_err(|error| failed(error.into()))?;
        write_whole(disk, &path, &text).map_err(failed)
    }
}

/// The public key of the witness of this name whose secret is in a folder.
pub fn outside_key(disk: &dyn Disk, folder: &Path, name: &str) -> Result<VerifierKey, OutsideError> {
    Ok(cosigner(disk, folder, name)?.verifier().clone())
}

fn cosigner(disk: &dyn Disk, folder: &Path, name: &str) -> Result<Cosigner, OutsideError> {
    let path = folder.join("component.key");
    if !path.exists() {
        return Err(KeyFileError::Missing { path }.into());
    }
    let own = component_entropy(disk, folder, name, &Entropy::system())?;
    Ok(Cosigner::new(name, &own.draw("cosigning key", name.as_bytes()))?)
}

/// Where a folder says which witness it is.
fn file(folder: &Path) -> PathBuf {
    folder.join("witness.json")
}
