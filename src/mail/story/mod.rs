//! The mail of the demo: people in several countries who write to each other, and to others who have no account here.
//!
//! The story is written as TOML under `config/story/` (the comments there say how) and becomes exact messages: the
//! same files give the same bytes. All of it is invented, and every domain is a reserved one.

mod reader;

use crate::clock::{Date, SimTime};
use crate::diagnostic::Diagnostic;
use crate::embedded;
use crate::law::Role;
use crate::world::{Address, Country};

/// The people and their messages, checked.
#[derive(Clone)]
pub struct Story {
    accounts: Vec<StoryAccount>,
    messages: Vec<StoryMessage>,
}

/// Somebody with an account. Nothing here is secret: the passwords are for trying things out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoryAccount {
    /// What scripts and threads call them: `molly`.
    pub handle: String,
    pub address: Address,
    /// The name they gave at sign-up.
    pub name: String,
    /// The country they gave at sign-up, which nobody checked.
    pub declared: Country,
    /// Where they really are. `None` where the story does not say; the provider never knows.
    pub located: Option<Country>,
    /// Where they live, as far as the provider was told.
    pub residence: Option<Country>,
    pub nationality: Option<Country>,
    /// What they are to the investigation of the Dublin warrant.
    pub role: Role,
    /// One sentence for readers.
    pub about: String,
    /// The organisation that contracted for its people; `None` for somebody who contracted alone.
    pub enterprise: Option<String>,
    pub password: String,
    pub created: Date,
}

/// One message, delivered to everybody named in it who has an account, and kept by its sender.
#[derive(Clone, PartialEq, Eq)]
pub struct StoryMessage {
    /// The file it comes from, without folder and ending: `crates`.
    pub thread: String,
    /// Its place in the thread, from 1.
    pub number: usize,
    pub from: Address,
    /// Everybody it was sent to, with an account here or not.
    pub recipients: Vec<Address>,
    pub date: SimTime,
    /// The message as it travels, with CRLF line ends.
    pub bytes: Vec<u8>,
}

/// One message coming to rest in one mailbox.
#[derive(Clone, Copy)]
pub struct StoryDelivery<'a> {
    pub account: &'a StoryAccount,
    /// True in the sender's own mailbox.
    pub sent: bool,
    pub message: &'a StoryMessage,
}

impl Story {
    /// The story of the demo, which is built in.
    pub fn standard() -> Result<Story, Vec<Diagnostic>> {
        Story::read(embedded::under("config/story/"))
    }

    /// Reads a story from its files, as (path, text). The path of the people's file ends in `accounts.toml`; every
    /// other file is a thread.
    pub fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Story, Vec<Diagnostic>> {
        reader::read(files)
    }

    pub fn accounts(&self) -> &[StoryAccount] {
        &self.accounts
    }

    /// Every message once, by date and then by thread.
    pub fn messages(&self) -> &[StoryMessage] {
        &self.messages
    }

    /// The account of this handle.
    pub fn account(&self, handle: &str) -> Option<&StoryAccount> {
        self.accounts.iter().find(|account| account.handle == handle)
    }

    /// Every message in every mailbox it comes to rest in, by date.
    pub fn deliveries(&self) -> impl Iterator<Item = StoryDelivery<'_>> {
        self.messages.iter().flat_map(|message| self.copies(message))
    }

    /// One message in every mailbox it comes to rest in.
    pub fn copies<'s>(&'s self, message: &'s StoryMessage) -> impl Iterator<Item = StoryDelivery<'s>> {
        self.accounts.iter().filter_map(move |account| {
            let sent = account.address == message.from;
            let here = sent || message.recipients.contains(&account.address);
            here.then_some(StoryDelivery { account, sent, message })
        })
    }

    /// The messages of one mailbox, by date.
    pub fn mailbox(&self, address: &Address) -> impl Iterator<Item = StoryDelivery<'_>> {
        self.deliveries().filter(move |delivery| delivery.account.address == *address)
    }
}
