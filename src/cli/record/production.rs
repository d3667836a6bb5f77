//! Productions: their checks, and opening them as their recipients.

use std::fmt::Display;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use crate::cli::common::{ConfigArguments, Failure, private_file};
use crate::cli::screen::{self, BOLD, Format};
use crate::cli::{Exit, Outcome};
use crate::region::production;
use crate::world::AuthorityId;

/// True if the file is a production.
pub fn is_one(path: &Path) -> Result<bool, Failure> {
    production::is_one(path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()).into())
}

fn read_file(path: &Path) -> Result<BufReader<File>, Failure> {
    let wrong = |why: &dyn Display| format!("`{}` cannot be read: {why}; name a production", path.display());
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(wrong(&"it is a folder").into()),
        _ => {}
    }
    Ok(BufReader::new(File::open(path).map_err(|error| wrong(&error))?))
}

fn wrong_with(path: &Path, error: &dyn Display) -> Failure {
    format!("`{}`: {error}", path.display()).into()
}

/// Checks what can be checked of a production.
pub fn verify(path: &Path, config: &ConfigArguments, format: Format) -> Outcome {
    let read = || read_file(path);
    let header =
        production::ProductionHeader::read(&mut read()?).map_err(|error| wrong_with(path, &error))?;
    let secret = config.read()?.world.roster().demo_recipient_secret(&header.recipient);
    let found = production::examine(read()?, secret.as_ref())?;
    // What is damaged outside does not open.
    let contents = match &secret {
        Some(secret) if found.damage.is_empty() => Some(production::check_contents(read()?, secret)?),
        _ => None,
    };
    let wrong: &[String] = contents.as_ref().map_or(&[], |contents| &contents.wrong);
    let sound = found.damage.is_empty() && wrong.is_empty();
    if format == Format::Json {
        let mut told = serde_json::to_value(&found)?;
        told["contents"] = serde_json::to_value(&contents)?;
        screen::json(&told)?;
    } else {
        for damage in &found.damage {
            screen::line(&format!("{}{}: {damage}{:#}", screen::BAD, path.display(), screen::BAD))?;
        }
        for wrong in wrong {
            screen::line(&format!("{}{}: {wrong}{:#}", screen::BAD, path.display(), screen::BAD))?;
        }
        if let Some(contents) = &contents {
            screen::line(&format!(
                "{} files held against the manifest, SHA-256 {}",
                contents.files, contents.manifest
            ))?;
        }
        let verdict = if sound { "sound" } else { "NOT sound" };
        let seals = match found.unsealed {
            0 if secret.is_none() => "no seal, for want of the recipient's key".to_owned(),
            count => format!("{count} seals"),
        };
        screen::line(&format!(
            "for {}: {} parts and {seals} checked: {BOLD}{verdict}{BOLD:#}; SIMULATED",
            found.header.recipient, found.parts
        ))?;
    }
    Ok(if sound { Exit::Done } else { Exit::Failed })
}

/// A production by its path, or by its name among those that wait for the authorities.
pub fn find(named: PathBuf, data: &Path) -> Result<PathBuf, Failure> {
    if named.exists() {
        return Ok(named);
    }
    let folders = std::fs::read_dir(data.join("authorities")).into_iter().flatten().flatten();
    let files = folders.filter_map(|folder| std::fs::read_dir(folder.path()).ok()).flatten().flatten();
    let mut there: Vec<PathBuf> = files.map(|file| file.path()).collect();
    there.sort();
    let is_named = |path: &&PathBuf| {
        path.file_name() == Some(named.as_os_str()) || path.file_stem() == Some(named.as_os_str())
    };
    if let Some(path) = there.iter().find(is_named) {
        return Ok(path.clone());
    }
    let names: Vec<String> =
        there.iter().filter_map(|path| Some(format!("`{}`", path.file_name()?.to_string_lossy()))).collect();
    let hint =
        if names.is_empty() { "there is none".to_owned() } else { format!("there are {}", names.join(", ")) };
    Err(format!(
        "no production `{}`, neither as a path nor in `{}`: {hint}",
        named.display(),
        data.join("authorities").display()
    )
    .into())
}

/// Opens a production as its recipient.
pub fn open(path: &Path, out: &Path, config: &ConfigArguments) -> Outcome {
    let setup = config.read()?;
    let header = production::ProductionHeader::read(&mut read_file(path)?);
    let header = header.map_err(|error| wrong_with(path, &error))?;
    let recipient: AuthorityId = header.recipient.clone();
    let secret =
        setup.world.roster().demo_recipient_secret(&recipient).ok_or_else(|| {
            format!("the production is for `{recipient}`, whose secret only `{recipient}` has")
        })?;
    let file = read_file(path)?;
    let mut archive = std::io::BufWriter::new(private_file(out)?);
    let opened = production::open(file, &secret, &mut archive);
    if opened.is_err() {
        // What verified before the first bad part is true, and no production.
        let _ = std::fs::remove_file(out);
    }
    let (_, bytes) = opened.map_err(|error| wrong_with(path, &error))?;
    screen::line(&format!(
        "opened as {recipient}: {bytes} bytes of tar archive in `{}`; SIMULATED",
        out.display()
    ))?;
    Ok(Exit::Done)
}
