//! `rogatory record enrol`: a witness begins anew, and the record says so.

use std::sync::Arc;

use crate::cli::common::wait;
use crate::cli::control::RunningArguments;
use crate::cli::screen::{self, BOLD, Format};
use crate::cli::{Exit, Outcome};
use crate::clock::SimTime;
use crate::disk::RealDisk;
use crate::provider::{Deployment, DeploymentOptions, Nodes};

/// Enrols a witness again, with nothing running on the folder.
pub fn enrol(witness: &str, why: &str, forced: bool, running: &RunningArguments, format: Format) -> Outcome {
    let setup = running.setup()?;
    let options = DeploymentOptions {
        data: running.data.clone(),
        world: Arc::new(setup.world),
        law: setup.law,
        seed: None,
        start: SimTime::from_unix_seconds(0),
        nodes: Nodes::Here,
        config: None,
        wan: false,
        disk: Arc::new(RealDisk),
    };
    let enrolled = wait(async { Ok(Deployment::enrol_again(options, witness, why, forced).await?) })?;
    if format == Format::Json {
        screen::json(&enrolled)?;
        return Ok(Exit::Done);
    }
    let remembered = match enrolled.remembered {
        _ if enrolled.elsewhere => "what it remembered its operator knows".to_owned(),
        Some(size) => format!("its memory was of {size} entries"),
        None => "its memory was lost".to_owned(),
    };
    screen::line(&format!(
        "{BOLD}{witness}{BOLD:#} is enrolled again: {remembered}, and from {} entries on it vouches for the record",
        enrolled.size
    ))?;
    let cosigned = match enrolled.cosigned {
        true => "the other witnesses have cosigned it",
        false => "the other witnesses are no quorum without it: it is cosigned when this one runs again",
    };
    screen::line(&format!("entry {} says so to everybody; {cosigned}", enrolled.entry))?;
    if enrolled.elsewhere {
        screen::line(&format!(
            "its operator gives it a memory now: `rogatory witness trust FOLDER LOG-KEY --from CHECKPOINT`, with the first key \
             that `rogatory record keys` prints, and a copy of `{}`",
            running.data.join("record").join("checkpoint").display()
        ))?;
    }
    Ok(Exit::Done)
}
