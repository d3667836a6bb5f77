//! Mail as bytes: what a message says about itself, and mail files in and out.
//!
//! A message is a run of bytes and stays exactly that: nothing here repairs, re-encodes or re-wraps one. What its
//! header says ([`Facts`]) is read beside it, and a header that cannot be read is a note ([`Malformed`]), never a
//! reason to lose the message. [`MailSource`] streams messages out of an mbox file, a Maildir, an `.eml` file or a
//! folder of them; [`MailExport`] writes them back so that each message keeps its bytes.
//! A [`Letter`] becomes a message, and [`Story`] is the mail of the demo.
//!
//! The parsers are pure functions over bytes and accept any input.

mod contacts;
mod eml;
mod export;
mod flags;
mod letter;
mod maildir;
mod mbox;
mod message;
mod postmark;
mod source;
mod story;

pub use contacts::{AddressBook, Correspondent};
pub use export::{ExportError, Exported, MailExport, Outgoing};
pub use flags::Flags;
pub use letter::{Correspondents, Letter};
pub use mbox::{Framing, MboxReader, MboxWriter, Quoting};
pub use message::{Facts, Malformed, Party, Traffic};
pub use source::{
    Found, MailFormat, MailSource, Origin, Position, Progress, RawMessage, Skipped, SkippedBecause,
    SourceError,
};
pub use story::{Story, StoryAccount, StoryDelivery, StoryMessage};

/// The largest message that is taken in, in bytes: 50 MiB. A larger one is reported and skipped.
pub const MESSAGE_BYTES_MAX: u64 = 50 * 1024 * 1024;
