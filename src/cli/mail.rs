//! `rogatory mail`: real mail in and out.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::common::{Failure, wait};
use super::control::{RunningArguments, unexpected};
use super::screen;
use super::{Exit, Outcome};
use crate::mail::{Found, MailSource};
use crate::provider::{Ask, Imported, Told};
use crate::region::{Body, Password};
use crate::world::Address;

/// Take mail into an account, or give it back to its owner
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  rogatory mail import molly@post.example old-mail.mbox
  rogatory mail import molly@post.example ~/Maildir
  ROGATORY_PASSWORD=… rogatory mail export molly@post.example molly.mbox
                                                  the passwords of the story are in config/story/accounts.toml")]
pub struct MailArguments {
    #[command(subcommand)]
    command: MailCommand,
}

#[derive(Subcommand, Debug)]
enum MailCommand {
    /// Import an mbox file, a Maildir, an `.eml` file or a folder of them
    ///
    /// Messages keep their bytes, malformed ones too; what the account has already is not taken twice, so an import that
    /// was interrupted is simply started again.
    Import {
        /// The account, such as `molly@post.example`
        address: Address,
        source: PathBuf,
        #[command(flatten)]
        running: RunningArguments,
    },
    /// Export an account's messages as an mbox file, with the password of its owner
    Export {
        /// The account, such as `molly@post.example`
        address: Address,
        /// The file to write; it must not exist
        target: PathBuf,
        /// The variable that holds the owner's password
        #[arg(long, value_name = "VARIABLE", default_value = "ROGATORY_PASSWORD")]
        password_from: String,
        #[command(flatten)]
        running: RunningArguments,
    },
}

pub fn mail(arguments: MailArguments) -> Outcome {
    match arguments.command {
        MailCommand::Import { address, source, running } => wait(import(address, source, running)),
        MailCommand::Export { address, target, password_from, running } => {
            let password = std::env::var(&password_from)
                .map_err(|_| format!("put the owner's password into the variable `{password_from}`"))?;
            wait(export(address, target, Password::new(password), running))
        }
    }
}

async fn import(address: Address, path: PathBuf, running: RunningArguments) -> Outcome {
    let link = running.link()?;
    let mut source = MailSource::open(&path)?;
    let bytes = source.progress().bytes_total;
    let bar = screen::progress(Some(bytes), "{bar:30} {bytes}/{total_bytes} {msg}");
    let mut total = Imported::default();
    let mut skipped = Vec::new();
    while let Some(found) = source.next() {
        match found? {
            Found::Message(message) => {
                let ask = Ask::Deliver { to: address.clone(), received: message.received };
                let answer = link.call(ask, Body::from(bytes::Bytes::from(message.bytes))).await;
                match answer.map_err(|error| Failure::from(error.message))?.reply {
                    Told::Imported(one) => total.add(&one),
                    _ => return Err(unexpected()),
                }
            }
            Found::Skipped(one) => skipped.push(one),
        }
        bar.set_position(source.progress().bytes_done);
        bar.set_message(format!("{} messages", total.new + total.already_there));
    }
    bar.finish_and_clear();
    for one in &skipped {
        screen::line(&format!("skipped {}: {}", one.origin, one.because))?;
    }
    if total.new + total.already_there == 0 && skipped.is_empty() {
        screen::line(&format!("there is no message in `{}`", path.display()))?;
        return Ok(Exit::Done);
    }
    screen::line(&format!(
        "{}: {} new, {} there already, {} malformed and kept as they are, {} skipped",
        address,
        total.new,
        total.already_there,
        total.malformed,
        skipped.len()
    ))?;
    Ok(Exit::Done)
}

async fn export(address: Address, target: PathBuf, password: Password, running: RunningArguments) -> Outcome {
    let mut answer = running.ask(Ask::Export { account: address, password }, Body::empty()).await?;
    let Told::Mailbox { messages } = answer.reply else { return Err(unexpected()) };
    let made = std::fs::File::create_new(&target);
    let mut file = made.map_err(|error| format!("`{}` cannot be made: {error}", target.display()))?;
    let unfinished = Unfinished(Some(&target));
    while let Some(chunk) = answer.body.next().await {
        file.write_all(&chunk.map_err(|error| error.message)?)?;
    }
    file.sync_all()?;
    unfinished.keep();
    screen::line(&format!("{messages} messages in `{}`", target.display()))?;
    Ok(Exit::Done)
}

/// A file that is taken away again unless it is kept: half a mailbox is worse than none.
struct Unfinished<'p>(Option<&'p Path>);

impl Unfinished<'_> {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}
