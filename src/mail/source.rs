//! Where mail is read from: an mbox file, a Maildir, an `.eml` file, a folder of `.eml` files.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::eml;
use super::flags::Flags;
use super::maildir;
use super::mbox::{Framing, MboxItem, MboxReader, Quoting};
use super::message::is_field;
use super::{MESSAGE_BYTES_MAX, postmark};
use crate::clock::SimTime;

/// The shapes in which mail lies in files.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailFormat {
    /// One file of many messages.
    Mbox,
    /// A folder with `cur` and `new`, a file per message, with its subfolders (Maildir++).
    Maildir,
    /// One file that is one message.
    Eml,
    /// A folder of `.eml` files, with its subfolders.
    EmlFolder,
}

impl MailFormat {
    pub const ALL: [MailFormat; 4] =
        [MailFormat::Mbox, MailFormat::Maildir, MailFormat::Eml, MailFormat::EmlFolder];

    pub fn as_str(self) -> &'static str {
        match self {
            MailFormat::Mbox => "mbox",
            MailFormat::Maildir => "maildir",
            MailFormat::Eml => "eml",
            MailFormat::EmlFolder => "eml-folder",
        }
    }

    /// What lies at `path`. A file named `.eml` is one message whatever it holds; every other file is known by how
    /// it begins, and an empty one is an empty mbox.
    pub fn detect(path: &Path) -> Result<MailFormat, SourceError> {
        let metadata = fs::metadata(path).map_err(|error| SourceError::reading(path, error))?;
        if metadata.is_dir() {
            if maildir::is_maildir(path) {
                return Ok(MailFormat::Maildir);
            }
            return match eml::describe_folder(path).map_err(|error| SourceError::reading(path, error))? {
                Ok(()) => Ok(MailFormat::EmlFolder),
                Err(found) => Err(SourceError::not_mail(path, found)),
            };
        }
        if !metadata.is_file() {
            return Err(SourceError::not_mail(path, "neither a file nor a folder"));
        }
        if eml::is_named_eml(path) {
            return Ok(MailFormat::Eml);
        }
        let mut start = Vec::new();
        let file = File::open(path).map_err(|error| SourceError::reading(path, error))?;
        file.take(4096).read_to_end(&mut start).map_err(|error| SourceError::reading(path, error))?;
        judge_start(&start).map_err(|found| SourceError::not_mail(path, found))
    }
}

impl fmt::Display for MailFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A message as it was found.
#[derive(Clone, PartialEq, Eq)]
pub struct RawMessage {
    /// The message, byte for byte; mbox quoting is undone.
    pub bytes: Vec<u8>,
    pub origin: Origin,
    /// The Maildir++ folder it lies in, such as `Sent`; `None` for the inbox and the other formats.
    pub folder: Option<String>,
    /// When it arrived, as far as the file tells: an mbox `From ` line, the name of a Maildir file.
    pub received: Option<SimTime>,
    pub flags: Flags,
    /// What the mbox file held around it; keep it to write the same file again.
    pub framing: Option<Framing>,
}

// A message is content: what a log may show is where it came from and how large it is.
impl fmt::Debug for RawMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawMessage({}, {} bytes)", self.origin, self.bytes.len())
    }
}

/// Where something was found: a file, and for mbox the offset in bytes of its `From ` line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    pub path: PathBuf,
    pub offset: u64,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.offset {
            0 => write!(f, "{}", self.path.display()),
            offset => write!(f, "{} at byte {offset}", self.path.display()),
        }
    }
}

/// What a source gives, one after another.
#[derive(Debug)]
pub enum Found {
    Message(RawMessage),
    /// Something that is not taken in, to be reported.
    Skipped(Skipped),
}

/// Something that is not taken in, and why. Prints as one line.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{origin}: {because}")]
pub struct Skipped {
    pub origin: Origin,
    pub because: SkippedBecause,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SkippedBecause {
    #[error("{bytes} bytes, where at most {max} are taken")]
    TooLarge { bytes: u64, max: u64 },
    #[error("{bytes} bytes before the first `From ` line belong to no message")]
    Stray { bytes: u64 },
    #[error("not named `.eml`")]
    NotNamedEml,
    #[error("in `tmp`, so its delivery never ended")]
    NotDelivered,
    #[error("not a file")]
    NotAFile,
    #[error("cannot be read: {0}")]
    Unreadable(String),
}

/// How far reading has come. Ask between messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    pub bytes_done: u64,
    /// Counted when the source was opened.
    pub bytes_total: u64,
    pub messages: u64,
    pub skipped: u64,
}

/// Where to go on after an interruption. Files added meanwhile before this place are not seen again, so reading
/// from the start and leaving out what is already there is always right; this is only quicker.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    /// The offset of the next `From ` line of an mbox file.
    Offset(u64),
    /// The last file read, by its path in the folder, without Maildir flags.
    After(String),
    /// Nothing has been read.
    Start,
}

/// Mail that cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("`{}` cannot be read: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error(
        "`{}` is no mailbox: found {found}; allowed are an mbox file, a Maildir (a folder with `cur` and `new`), \
         an .eml file, or a folder of .eml files", path.display()
    )]
    NotMail { path: PathBuf, found: String },
    #[error("`{}` cannot be resumed at {position:?}: {why}; read it from the start", path.display())]
    Resume { path: PathBuf, position: Position, why: &'static str },
}

impl SourceError {
    pub(super) fn reading(path: &Path, error: io::Error) -> Self {
        SourceError::Io { path: path.to_owned(), error }
    }

    fn not_mail(path: &Path, found: impl Into<String>) -> Self {
        SourceError::NotMail { path: path.to_owned(), found: found.into() }
    }
}

/// A file that is one message, found in a folder.
pub(super) struct MessageFile {
    pub path: PathBuf,
    /// Sorts the files, and finds the place again after an interruption.
    pub key: String,
    pub folder: Option<String>,
    pub received: Option<SimTime>,
    pub flags: Flags,
    /// Set if the file is only to be reported.
    pub skip: Option<SkippedBecause>,
}

/// Reads mail, one message at a time. Memory is bounded by the largest message, and for folders by the names.
pub struct MailSource {
    path: PathBuf,
    format: MailFormat,
    inner: Inner,
    progress: Progress,
    message_bytes_max: u64,
    position: Position,
    failed: bool,
}

enum Inner {
    Mbox(MboxReader<BufReader<File>>),
    Files(std::vec::IntoIter<MessageFile>),
}

impl MailSource {
    /// Opens what lies at `path`, whatever it is.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        Self::open_as(path, MailFormat::detect(path)?, Quoting::Mboxrd, &Position::Start)
    }

    /// Opens it again where reading stopped; `position` is what [`MailSource::position`] gave.
    pub fn resume(path: &Path, position: &Position) -> Result<Self, SourceError> {
        Self::open_as(path, MailFormat::detect(path)?, Quoting::Mboxrd, position)
    }

    /// Opens it as a stated format. `quoting` is for mbox files and says which rule they follow.
    pub fn open_as(
        path: &Path,
        format: MailFormat,
        quoting: Quoting,
        position: &Position,
    ) -> Result<Self, SourceError> {
        let error = |error| SourceError::reading(path, error);
        let refused = |why| SourceError::Resume { path: path.to_owned(), position: position.clone(), why };
        let mut progress = Progress::default();
        let inner = match format {
            MailFormat::Mbox => {
                let mut file = File::open(path).map_err(error)?;
                progress.bytes_total = file.metadata().map_err(error)?.len();
                let offset = match position {
                    Position::Start => 0,
                    Position::Offset(offset) => *offset,
                    Position::After(_) => return Err(refused("an mbox file is resumed at an offset")),
                };
                check_resume(&mut file, offset, progress.bytes_total).map_err(error)?.map_err(refused)?;
                progress.bytes_done = offset;
                let input = BufReader::with_capacity(256 * 1024, file);
                Inner::Mbox(MboxReader::new(input, offset, quoting, MESSAGE_BYTES_MAX))
            }
            MailFormat::Maildir => Inner::Files(maildir::list(path).map_err(error)?.into_iter()),
            MailFormat::EmlFolder => Inner::Files(eml::list(path).map_err(error)?.into_iter()),
            MailFormat::Eml => Inner::Files(vec![eml::single(path)].into_iter()),
        };
        let inner = match inner {
            Inner::Mbox(_) => inner,
            Inner::Files(files) => {
                let (total, files) = measure(files);
                progress.bytes_total = total;
                let passed = match position {
                    Position::Start => 0,
                    Position::After(last) => files.iter().take_while(|(_, file)| file.key <= *last).count(),
                    Position::Offset(_) => return Err(refused("a folder is resumed after a file")),
                };
                progress.bytes_done = files[..passed].iter().map(|(bytes, _)| bytes).sum();
                let rest: Vec<_> = files.into_iter().skip(passed).map(|(_, file)| file).collect();
                Inner::Files(rest.into_iter())
            }
        };
        Ok(MailSource {
            path: path.to_owned(),
            format,
            inner,
            progress,
            message_bytes_max: MESSAGE_BYTES_MAX,
            position: position.clone(),
            failed: false,
        })
    }

    pub fn format(&self) -> MailFormat {
        self.format
    }

    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Where to go on if reading stops now: after everything handed out so far.
    pub fn position(&self) -> Position {
        self.position.clone()
    }

    fn next_of_mbox(&mut self) -> Option<Result<Found, SourceError>> {
        let Inner::Mbox(reader) = &mut self.inner else { return None };
        let item = match reader.next_item() {
            Ok(item) => item?,
            Err(error) => {
                // What follows a failed read is not known to begin where a message does.
                self.failed = true;
                return Some(Err(SourceError::reading(&self.path, error)));
            }
        };
        self.progress.bytes_done = reader.offset();
        self.position = Position::Offset(reader.offset());
        let origin = |offset| Origin { path: self.path.clone(), offset };
        let skipped = |offset, because| Found::Skipped(Skipped { origin: origin(offset), because });
        Some(Ok(match item {
            MboxItem::Message { offset, bytes, received, framing } => Found::Message(RawMessage {
                flags: Flags::from_status_fields(&bytes),
                bytes,
                origin: origin(offset),
                folder: None,
                received,
                framing: Some(framing),
            }),
            MboxItem::TooLarge { offset, bytes } => {
                skipped(offset, SkippedBecause::TooLarge { bytes, max: self.message_bytes_max })
            }
            MboxItem::Stray { offset, bytes } => skipped(offset, SkippedBecause::Stray { bytes }),
        }))
    }

    fn next_of_files(&mut self) -> Option<Result<Found, SourceError>> {
        let Inner::Files(files) = &mut self.inner else { return None };
        let file = files.next()?;
        self.position = Position::After(file.key);
        let origin = Origin { path: file.path, offset: 0 };
        let read = match file.skip {
            Some(because) => Err(because),
            None => read_message(&origin.path, self.message_bytes_max),
        };
        Some(Ok(match read {
            Ok(bytes) => {
                self.progress.bytes_done += bytes.len() as u64;
                Found::Message(RawMessage {
                    bytes,
                    origin,
                    folder: file.folder,
                    received: file.received,
                    flags: file.flags,
                    framing: None,
                })
            }
            Err(because) => {
                if let SkippedBecause::TooLarge { bytes, .. } = because {
                    self.progress.bytes_done += bytes;
                }
                Found::Skipped(Skipped { origin, because })
            }
        }))
    }
}

impl Iterator for MailSource {
    type Item = Result<Found, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = match self.inner {
            Inner::Mbox(_) => self.next_of_mbox(),
            Inner::Files(_) => self.next_of_files(),
        };
        match &next {
            Some(Ok(Found::Message(_))) => self.progress.messages += 1,
            Some(Ok(Found::Skipped(_))) => self.progress.skipped += 1,
            _ => {}
        }
        next
    }
}

/// Reads a file that is one message. A file that grows while it is read is cut off at the limit and refused.
fn read_message(path: &Path, max: u64) -> Result<Vec<u8>, SkippedBecause> {
    let unreadable = |error: io::Error| SkippedBecause::Unreadable(error.to_string());
    let metadata = fs::metadata(path).map_err(unreadable)?;
    // Opening a pipe would wait for somebody to write into it.
    if !metadata.is_file() {
        return Err(SkippedBecause::NotAFile);
    }
    if metadata.len() > max {
        return Err(SkippedBecause::TooLarge { bytes: metadata.len(), max });
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    File::open(path).map_err(unreadable)?.take(max + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > max {
        return Err(SkippedBecause::TooLarge { bytes: bytes.len() as u64, max });
    }
    Ok(bytes)
}

/// Sorts files by key and adds up what will be read of them.
fn measure(files: impl Iterator<Item = MessageFile>) -> (u64, Vec<(u64, MessageFile)>) {
    let size = |file: &MessageFile| match file.skip {
        Some(_) => 0,
        None => fs::metadata(&file.path).map_or(0, |metadata| metadata.len()),
    };
    let mut files: Vec<_> = files.map(|file| (size(&file), file)).collect();
    files.sort_by(|(_, a), (_, b)| a.key.cmp(&b.key));
    (files.iter().map(|(bytes, _)| bytes).sum(), files)
}

/// Moves to `offset`, where a `From ` line or the end of the file has to be.
fn check_resume(file: &mut File, offset: u64, length: u64) -> io::Result<Result<(), &'static str>> {
    if offset == 0 {
        return Ok(Ok(()));
    }
    if offset > length {
        return Ok(Err("the file is shorter than it was"));
    }
    file.seek(SeekFrom::Start(offset))?;
    let mut start = Vec::new();
    file.by_ref().take(postmark::START.len() as u64).read_to_end(&mut start)?;
    file.seek(SeekFrom::Start(offset))?;
    Ok(if start.is_empty() || start == postmark::START { Ok(()) } else { Err("no message begins there now") })
}

/// What a file is, by how it begins, or else what it looks like instead.
fn judge_start(start: &[u8]) -> Result<MailFormat, String> {
    let blank = start.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    let text = &start[blank..];
    if text.is_empty() || text.starts_with(postmark::START) {
        return Ok(MailFormat::Mbox);
    }
    if blank == 0 && is_field(text.split(|&b| b == b'\n').next().unwrap_or_default()) {
        return Ok(MailFormat::Eml);
    }
    let known: [(&[u8], &str); 7] = [
        (b"\x1f\x8b", "a gzip archive (unpack it first)"),
        (b"PK\x03\x04", "a zip archive (unpack it first)"),
        (b"\xfd7zXZ\0", "an xz archive (unpack it first)"),
        (b"BZh", "a bzip2 archive (unpack it first)"),
        (b"!BDN", "an Outlook data file (export it as mbox or .eml first)"),
        (b"\xd0\xcf\x11\xe0", "an Outlook message or other OLE file (export it as .eml first)"),
        (b"%PDF", "a PDF document"),
    ];
    Err(match known.iter().find(|(magic, _)| start.starts_with(magic)) {
        Some((_, what)) => (*what).to_owned(),
        None if std::str::from_utf8(&text[..text.len().min(64)]).is_ok_and(|t| !t.contains('\0')) => {
            "a text that starts neither with a `From ` line nor with a header field".to_owned()
        }
        None => "binary data".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_file_is_known_by_how_it_begins() {
        assert_eq!(judge_start(b"From a\n"), Ok(MailFormat::Mbox));
        assert_eq!(judge_start(b""), Ok(MailFormat::Mbox));
        assert_eq!(judge_start(b"Return-Path: <a@b.example>\n"), Ok(MailFormat::Eml));
        assert!(judge_start(b"\x1f\x8b\x08").unwrap_err().contains("gzip"));
        assert!(judge_start(b"Dear all,\n").unwrap_err().contains("text"));
        assert_eq!(judge_start(b"\0\x01\x02").unwrap_err(), "binary data");
    }

    proptest! {
        #[test]
        fn any_start_is_judged(start in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = judge_start(&start);
        }
    }
}
