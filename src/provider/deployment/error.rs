//! Why a deployment does not start.

use std::path::PathBuf;

use super::folder::DATA_FORMAT;
use crate::provider::{CabinetError, ProviderError};
use crate::record::key::KeyError;
use crate::record::log::LogError;
use crate::record::policy::PolicyError;
use crate::record::verify::Finding;
use crate::region::process::ProcessError;
use crate::region::{CaError, EnrolmentError, NodeError, OutsideError, ServiceError};
use crate::vault::KeyFileError;
use crate::world::RegionId;

/// Why a deployment does not start.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    #[error("`{}` cannot be read or written: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("`{}` has the format `{}`, and this program reads `{}`: {}", path.display(), found.trim(), DATA_FORMAT.trim(), remedy(found))]
    Format { path: PathBuf, found: String },
    #[error("`{}` is not empty and not a data directory: choose another with --data, or an empty one", .0.display())]
    NotOurs(PathBuf),
    #[error("there is no data directory at `{}`: name one with --data, or make one with `rogatory demo`", .0.display())]
    NotThere(PathBuf),
    #[error("`{}` is in use by another process of this program, perhaps a demo that is still playing: wait for it, stop it with Ctrl-C, or choose another folder with --data", .0.display())]
    InUse(PathBuf),
    #[error(
        "`{}` is missing, and the record of this provider goes back further: put the folder of {owner} back as it \
         was; without it nobody knows what is in it",
        path.display()
    )]
    Lost { owner: String, path: PathBuf },
    #[error(
        "the record in `{}` is damaged, and nobody could check what follows: {}; put the file back from any copy of that \
         folder, and `rogatory record verify` names every place",
        folder.display(),
        places(findings)
    )]
    RecordDamaged { folder: PathBuf, findings: Vec<Finding> },
    #[error("no witness is called `{id}`; there are {}", .known.join(", "))]
    NoWitness { id: String, known: Vec<String> },
    #[error(
        "entry 0 of the record names its witnesses, and the roster and the regions have others now ({}): put them back. Of a \
         witness only its `url` may change; other witnesses need a record of their own, in another data folder",
        .0.join("; ")
    )]
    OtherWitnesses(Vec<String>),
    #[error(
        "`{id}` remembers all {size} entries of the record, so nothing is lost. If it stays silent all the same, --force begins \
         a new memory"
    )]
    WitnessIsWell { id: String, size: u64 },
    #[error(transparent)]
    Ca(#[from] CaError),
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Enrolment(#[from] EnrolmentError),
    #[error(transparent)]
    Outside(#[from] OutsideError),
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Cabinet(#[from] CabinetError),
    #[error("region `{0}` does not open: {1}")]
    Node(RegionId, #[source] Box<NodeError>),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Provider(#[from] ProviderError),
}

/// Nobody is sent looking for a newer program to read an old folder.
fn remedy(found: &str) -> &'static str {
    match found {
        "rogatory data 1\n" | "rogatory data 2\n" => {
            "export its mail with the program that wrote it, and begin a new folder"
        }
        _ => "use the program that wrote it, or a newer one",
    }
}

/// The first places, and how many more there are.
fn places(findings: &[Finding]) -> String {
    let first: Vec<String> = findings.iter().take(3).map(ToString::to_string).collect();
    let more = findings.len() - first.len();
    let first = first.join("; ");
    if more == 0 { first } else { format!("{first}; and {more} more") }
}
