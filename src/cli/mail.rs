//! `rogatory mail`: real mail in and out.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::common::{Failure, private_file, wait};
use super::control::RunningArguments;
use super::screen;
use super::{Exit, Outcome};
use crate::mail::{Facts, Found, Letter, MESSAGE_BYTES_MAX, MailSource};
use crate::provider::{Imported, Route};
use crate::region::Password;
use crate::world::Address;

/// Send mail, take it into an account, or give it back to its owner
///
/// These commands are a mail client: they talk to the region where an account is at home. Head office tells them which one
/// that is, and sees neither messages nor passwords.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  rogatory mail import molly@post.example old-mail.mbox
  rogatory mail import molly@post.example ~/Maildir
  echo 'See you at nine.' | ROGATORY_PASSWORD=… rogatory mail send --from molly@post.example \
      --to ben@post.example --subject Tomorrow
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
    /// Send a message from one mailbox of the provider to others
    ///
    /// The sender's copy is kept in the sender's home region, the recipient's in the recipient's. With --subject, FILE is
    /// the text of a letter; without, it is a whole message (`.eml`), sent byte for byte.
    Send {
        /// The sender's account
        #[arg(long, value_name = "ADDRESS")]
        from: Address,
        /// A recipient's account; may be repeated
        #[arg(long, value_name = "ADDRESS", required = true)]
        to: Vec<Address>,
        /// Writes the header: this subject, and the date that it is for the provider
        #[arg(long)]
        subject: Option<String>,
        /// What to send; `-` is standard input
        #[arg(value_name = "FILE", default_value = "-")]
        file: PathBuf,
        /// The variable that holds the sender's password
        #[arg(long, value_name = "VARIABLE", default_value = "ROGATORY_PASSWORD")]
        password_from: String,
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
            wait(export(address, target, password_in(&password_from)?, running))
        }
        MailCommand::Send { from, to, subject, file, password_from, running } => {
            let password = password_in(&password_from)?;
            wait(send(from, to, subject, file, password, running))
        }
    }
}

fn password_in(variable: &str) -> Result<Password, Failure> {
    let password = std::env::var(variable);
    Ok(Password::new(
        password.map_err(|_| format!("put the owner's password into the variable `{variable}`"))?,
    ))
}

async fn send(
    from: Address,
    to: Vec<Address>,
    subject: Option<String>,
    file: PathBuf,
    password: Password,
    running: RunningArguments,
) -> Outcome {
    let mut program = running.mail_program()?;
    let (sender, now) = program.route(&from).await?;
    let mut recipients: Vec<Route> = Vec::new();
    for address in &to {
        if recipients.iter().all(|route| route.account != *address) {
            let found = program.route(address).await;
            let found =
                found.map_err(|error| format!("{error}; mail goes only to mailboxes of this provider"))?;
            recipients.push(found.0);
        }
    }
    let given = read_message(&file)?;
    let message = match subject {
        None => {
            let author = Facts::read(&given, None).from;
            if !author.iter().any(|party| party.written.parse().is_ok_and(|written: Address| written == from))
            {
                return Err(format!(
                    "the message is not from `{from}`: its From field has to name the sender; with --subject a header is written"
                )
                .into());
            }
            given
        }
        Some(subject) => {
            let body = String::from_utf8(given)
                .map_err(|_| "the text is not UTF-8; without --subject a whole message is sent as it is")?;
            let mut number = [0; 16];
            rand::fill(&mut number);
            let domain = from.as_str().rsplit('@').next().unwrap_or_default();
            let message_id = format!("{:032x}@{domain}", u128::from_be_bytes(number));
            Letter {
                from: vec![(&from, None)],
                to: to.iter().map(|to| (to, None)).collect(),
                cc: Vec::new(),
                date: now,
                offset_minutes: 0,
                subject: &subject,
                message_id: &message_id,
                references: Vec::new(),
                body: &body,
            }
            .to_bytes()
        }
    };
    let sent = program.client.send(Some((&sender, Some(password))), &recipients, Some(now), message.into());
    let new = sent.await?;
    screen::line(&format!("sent: {new} new, {} there already", copies(&sender, &recipients) - new))?;
    screen::line(&format!("  {from} keeps a copy in {}", sender.home))?;
    for route in recipients.iter().filter(|route| route.account != from) {
        screen::line(&format!("  {} has it in {}", route.account, route.home))?;
    }
    Ok(Exit::Done)
}

fn copies(sender: &Route, recipients: &[Route]) -> u64 {
    1 + recipients.iter().filter(|route| route.account != sender.account).count() as u64
}

fn read_message(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let limit = MESSAGE_BYTES_MAX + 1;
    let read = match file == Path::new("-") {
        true => std::io::stdin().lock().take(limit).read_to_end(&mut bytes),
        false => std::fs::File::open(file).and_then(|opened| opened.take(limit).read_to_end(&mut bytes)),
    };
    read.map_err(|error| format!("`{}` cannot be read: {error}", file.display()))?;
    match bytes.len() as u64 {
        0 => Err(format!("there is nothing to send in `{}`", file.display()).into()),
        n if n >= limit => {
            Err(format!("more than the {MESSAGE_BYTES_MAX} bytes that a message may have").into())
        }
        _ => Ok(bytes),
    }
}

async fn import(address: Address, path: PathBuf, running: RunningArguments) -> Outcome {
    let mut program = running.mail_program()?;
    let (route, _) = program.route(&address).await?;
    let mut source = MailSource::open(&path)?;
    let bytes = source.progress().bytes_total;
    let bar = screen::progress(Some(bytes), "{bar:30} {bytes}/{total_bytes} {msg}");
    let mut total = Imported::default();
    let mut skipped = Vec::new();
    while let Some(found) = source.next() {
        match found? {
            Found::Message(message) => {
                let size = message.bytes.len() as u64;
                let stored =
                    program.client.deliver(&route, message.received, message.bytes.into(), None).await?;
                total.count(&stored, size);
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
    let mut program = running.mail_program()?;
    let (route, _) = program.route(&address).await?;
    let (messages, mut body) = program.client.export(&route, password).await?;
    let mut file = private_file(&target)?;
    let unfinished = Unfinished(Some(&target));
    while let Some(chunk) = body.next().await {
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
