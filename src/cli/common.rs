//! What several commands share: the world, the law and the story they work with.

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::diagnostic::SourceFile;
use crate::law::Law;
use crate::mail::Story;
use crate::scenario::{BadScript, Look, Names, Script, built_in, built_in_cases, world_changes};
use crate::world::{World, WorldSource};

use super::screen;

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Which world and law to work with.
#[derive(Args, Debug, Clone)]
pub struct ConfigArguments {
    /// A folder with `regions/` and `config/` in place of those built into the program
    #[arg(long, value_name = "FOLDER")]
    pub config: Option<PathBuf>,
}

/// World, law and story, read and checked.
pub struct Setup {
    pub source: WorldSource,
    pub world: World,
    pub law: Arc<Law>,
    pub story: Arc<Story>,
    pub names: Names,
}

impl ConfigArguments {
    /// The folder as whoever starts elsewhere finds it.
    pub fn for_others(&self) -> std::io::Result<Option<PathBuf>> {
        self.config.as_deref().map(std::path::absolute).transpose()
    }

    pub fn read(&self) -> Result<Setup, Failure> {
        let (source, law) = match &self.config {
            Some(root) => (WorldSource::read(root)?, Law::load(&root.join("config/law"))?),
            None => (WorldSource::standard(), Law::standard()?),
        };
        let world = World::from_source(source.clone())?;
        let story = Story::standard().map_err(join)?;
        let names = Names::of(&world, &law, &story);
        Ok(Setup { source, world, law: Arc::new(law), story: Arc::new(story), names })
    }
}

fn join(errors: Vec<crate::diagnostic::Diagnostic>) -> Failure {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n").into()
}

impl Setup {
    /// A script by its file, or one of those built into the program by its name: `dublin-warrant`.
    pub fn script(&self, path: &Path) -> Result<Script, Failure> {
        if path.exists() {
            return self.read_script(&SourceFile::read(path)?);
        }
        let name = path.file_stem().unwrap_or_default();
        let mut scripts = built_in().chain(built_in_cases());
        let file = scripts
            .find(|file| {
                file.path().extension().is_some_and(|e| e == "toml") && file.path().file_stem() == Some(name)
            })
            .ok_or_else(|| {
                let names: Vec<String> = script_names().collect();
                let near =
                    crate::diagnostic::nearest(&name.to_string_lossy(), names.iter().map(String::as_str));
                let hint = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
                format!(
                    "no file `{}`, and no scenario of that name is built in; {hint}built in are: {}",
                    path.display(),
                    names.join(", ")
                )
            })?;
        self.read_script(&file)
    }

    /// The scripts of a folder, or those built in under its path, if there is no such folder here.
    pub fn scripts(&self, path: &Path) -> Result<Vec<Script>, Failure> {
        if path.is_file() || (!path.is_dir() && !path.ends_with("cases")) {
            return Ok(vec![self.script(path)?]);
        }
        let files: Vec<SourceFile> = if path.is_dir() {
            let mut paths: Vec<PathBuf> =
                std::fs::read_dir(path)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
            paths.retain(|path| path.is_file() && path.extension().is_some_and(|e| e == "toml"));
            paths.sort();
            paths.iter().map(|path| SourceFile::read(path)).collect::<Result<_, _>>()?
        } else {
            built_in_cases().collect()
        };
        if files.is_empty() {
            return Err(format!("there is no script in `{}`", path.display()).into());
        }
        let (mut scripts, mut wrong) = (Vec::new(), Vec::new());
        for file in &files {
            match self.read_script(file) {
                Ok(script) => scripts.push(script),
                Err(error) => wrong.push(error.to_string()),
            }
        }
        if wrong.is_empty() { Ok(scripts) } else { Err(wrong.join("\n").into()) }
    }

    fn read_script(&self, file: &SourceFile) -> Result<Script, Failure> {
        let changes = world_changes(file)?;
        if changes.is_empty() {
            return Script::parse(file, &self.names).map_err(|error: BadScript| error.into());
        }
        let names = Names::of(&self.world.with(&changes)?, &self.law, &self.story);
        Script::parse(file, &names).map_err(|error: BadScript| error.into())
    }
}

/// The names of the scenarios built into the program.
pub fn script_names() -> impl Iterator<Item = String> {
    built_in()
        .filter(|file| file.path().extension().is_some_and(|e| e == "toml"))
        .filter_map(|file| Some(file.path().file_stem()?.to_string_lossy().into_owned()))
}

/// How a play is laid out on this terminal.
pub fn look() -> Look {
    Look { width: screen::width(), colour: screen::colour() }
}

/// Somebody pressed Ctrl-C, or the system asks the process to end.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Hears that the process is asked to end. What is asked before anybody waits for it is heard too.
pub struct Ending {
    interrupt: Signal,
    terminate: Signal,
}

impl Ending {
    /// To be made on a runtime; from then on the process does not end by itself.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Ending {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Goes on until the work is done or the process is asked to end. What the work holds is dropped in both cases,
    /// so that neither processes nor temporary folders stay behind.
    pub async fn unless_asked<T>(
        &mut self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            result = work => result,
            () = self.asked() => Err(Interrupted.into()),
        }
    }
}

/// Makes a new file for what only its owner may read: opened mail.
pub fn private_file(path: &Path) -> Result<std::fs::File, Failure> {
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|error| not_made(path, &error))
}

/// Why a file or folder that somebody named for what comes out cannot be made.
pub fn not_made(path: &Path, error: &std::io::Error) -> Failure {
    let path = path.display();
    match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            format!("`{path}` is there already, and nothing is overwritten: choose another name").into()
        }
        _ => format!("`{path}` cannot be made: {error}").into(),
    }
}

/// A text that stands in one line of a list or a record.
pub fn one_line(text: &str) -> Result<String, String> {
    match text {
        _ if text.trim().is_empty() => Err("it is empty".to_owned()),
        _ if text.chars().any(char::is_control) => {
            Err("it has a line break or another control character; one line of text is expected".to_owned())
        }
        _ => Ok(text.trim().to_owned()),
    }
}

/// Does what takes time on a runtime of its own, until it is done or interrupted.
pub fn wait<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    runtime()?.block_on(async { Ending::listen()?.unless_asked(work).await })
}

/// A runtime for a command that talks to many nodes.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// A runtime for one node among many processes of this machine.
pub fn node_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(16)
        .enable_all()
        .build()
}
