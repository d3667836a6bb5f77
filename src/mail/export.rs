//! Writing mail back into files.
//!
//! Whatever the format, reading an export with [`MailSource`](super::MailSource) gives each message as the same bytes.
//! Beyond the bytes:
//!
//! | format | kept |
//! |---|---|
//! | mbox | the moment of receipt (1970 stands for none), and the framing if it is handed over: messages read from an mbox file and written in the same order make the same file. Flags only as far as the message's own `Status` fields hold them |
//! | Maildir | the moment of receipt, flags, folder |
//! | `.eml` | the order |

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use super::flags::Flags;
use super::maildir;
use super::mbox::{Framing, MboxWriter};
use super::message::Facts;
use super::source::{MailFormat, RawMessage};
use crate::clock::SimTime;

/// A message to be written.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    pub bytes: &'a [u8],
    pub received: Option<SimTime>,
    pub flags: &'a Flags,
    pub folder: Option<&'a str>,
    pub framing: Option<&'a Framing>,
}

impl<'a> From<&'a RawMessage> for Outgoing<'a> {
    fn from(message: &'a RawMessage) -> Self {
        Outgoing {
            bytes: &message.bytes,
            received: message.received,
            flags: &message.flags,
            folder: message.folder.as_deref(),
            framing: message.framing.as_ref(),
        }
    }
}

/// What an export wrote.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Exported {
    pub messages: u64,
    /// Of the messages, without framing.
    pub bytes: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("`{}` is already there: give a path where nothing is", .0.display())]
    Exists(PathBuf),
    #[error("`{}` cannot be written: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error(
        "an .eml file holds one message, and a second one came: choose `eml-folder`, `mbox` or `maildir`"
    )]
    SecondMessage,
    #[error("`{0}` cannot be the name of a Maildir folder: a name has no `/`, and does not start with a dot")]
    BadFolder(String),
}

/// Writes messages beside the target and puts them in place at the end: an export that was interrupted leaves
/// nothing that looks finished. Files can be read by their owner only.
pub struct MailExport {
    target: PathBuf,
    inner: Inner,
    done: Exported,
}

enum Inner {
    Mbox(MboxWriter<BufWriter<NamedTempFile>>),
    Eml(BufWriter<NamedTempFile>),
    EmlFolder(TempDir),
    Maildir(TempDir),
}

impl MailExport {
    /// Begins an export to `target`, where nothing may be yet.
    pub fn create(target: &Path, format: MailFormat) -> Result<Self, ExportError> {
        if target.symlink_metadata().is_ok() {
            return Err(ExportError::Exists(target.to_owned()));
        }
        let beside = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut name = tempfile::Builder::new();
        name.prefix(".rogatory-export-");
        let mut folder_name = tempfile::Builder::new();
        folder_name.prefix(".rogatory-export-");
        #[cfg(unix)]
        folder_name.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let inner = match format {
            MailFormat::Mbox => name
                .tempfile_in(beside)
                .map(|file| Inner::Mbox(MboxWriter::new(BufWriter::with_capacity(256 * 1024, file)))),
            MailFormat::Eml => name.tempfile_in(beside).map(|file| Inner::Eml(BufWriter::new(file))),
            MailFormat::EmlFolder => folder_name.tempdir_in(beside).map(Inner::EmlFolder),
            MailFormat::Maildir => folder_name.tempdir_in(beside).and_then(|dir| {
                make_maildir(dir.path())?;
                Ok(Inner::Maildir(dir))
            }),
        };
        match inner {
            Ok(inner) => Ok(MailExport { target: target.to_owned(), inner, done: Exported::default() }),
            Err(error) => Err(ExportError::Io { path: target.to_owned(), error }),
        }
    }

    /// Writes one message.
    pub fn write(&mut self, message: Outgoing<'_>) -> Result<(), ExportError> {
        let number = self.done.messages + 1;
        let written = match &mut self.inner {
            Inner::Mbox(writer) => write_mbox(writer, message),
            Inner::Eml(_) if number > 1 => return Err(ExportError::SecondMessage),
            Inner::Eml(file) => file.write_all(message.bytes),
            Inner::EmlFolder(dir) => write_file(&dir.path().join(format!("{number:08}.eml")), message.bytes),
            Inner::Maildir(dir) => {
                if let Some(folder) = message.folder.filter(|folder| !is_folder_name(folder)) {
                    return Err(ExportError::BadFolder(folder.to_owned()));
                }
                write_maildir(dir.path(), number, message)
            }
        };
        written.map_err(|error| ExportError::Io { path: self.target.clone(), error })?;
        self.done.messages += 1;
        self.done.bytes += message.bytes.len() as u64;
        Ok(())
    }

    /// Puts the export in place.
    pub fn finish(self) -> Result<Exported, ExportError> {
        let target = self.target;
        let put = match self.inner {
            Inner::Mbox(writer) => writer.finish().and_then(|file| put_file(file, &target)),
            Inner::Eml(file) => put_file(file, &target),
            Inner::EmlFolder(dir) | Inner::Maildir(dir) => put_dir(dir, &target),
        };
        match put {
            Ok(()) => Ok(self.done),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(ExportError::Exists(target)),
            Err(error) => Err(ExportError::Io { path: target, error }),
        }
    }
}

fn write_mbox(writer: &mut MboxWriter<BufWriter<NamedTempFile>>, message: Outgoing<'_>) -> io::Result<()> {
    // Only a `From ` line that has to be made up needs to know what the header says.
    let facts = message.framing.is_none().then(|| Facts::read(message.bytes, message.received));
    let sender = facts.and_then(|facts| facts.from.first().and_then(|party| party.address()));
    writer.write(message.bytes, sender.as_ref(), message.received, message.framing)
}

fn write_maildir(root: &Path, number: u64, message: Outgoing<'_>) -> io::Result<()> {
    let folder = match message.folder {
        Some(folder) => root.join(format!(".{folder}")),
        None => root.to_owned(),
    };
    if !folder.join("cur").is_dir() {
        fs::create_dir(&folder)?;
        make_maildir(&folder)?;
    }
    // A message nobody has looked at carries no flags and belongs in `new`.
    let part = if message.flags.is_empty() { "new" } else { "cur" };
    let name = maildir::file_name(message.received, number, message.flags);
    let name = if part == "new" { name.trim_end_matches(":2,") } else { &name };
    write_file(&folder.join(part).join(name), message.bytes)
}

fn make_maildir(root: &Path) -> io::Result<()> {
    ["cur", "new", "tmp"].into_iter().try_for_each(|part| fs::create_dir(root.join(part)))
}

/// `Sent`, `Sent.2013`: what stands after the dot in the folder's name.
fn is_folder_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 200 && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
}

fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(bytes)
}

fn put_file(file: BufWriter<NamedTempFile>, target: &Path) -> io::Result<()> {
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(target).map_err(|error| error.error)?;
    Ok(())
}

fn put_dir(dir: TempDir, target: &Path) -> io::Result<()> {
    if target.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(dir.path(), target)?;
    // The folder is no longer where the guard would remove it.
    let _ = dir.keep();
    Ok(())
}
