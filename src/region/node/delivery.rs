//! Mail coming in, and going out to its owner.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::super::body::{Body, BodySender};
use super::super::call::{Card, Password, Reply, Stored, password_binding};
use super::super::error::{ErrorCode, ServiceError};
use super::super::service::Answer;
use super::onward::Row;
use super::{Node, NodeError, store_error};
use crate::clock::SimTime;
use crate::mail::{AddressBook, Facts, MESSAGE_BYTES_MAX, MboxWriter};
use crate::store::{SealedPart, Store};
use crate::vault::{Cost, Delivery, MailboxCard, Sealed, Session, Verifier};
use crate::world::{Address, DataClass, RegionId};

/// A message up to this size is held in memory until it is sealed; the header of any message is within it.
const AT_HAND: usize = 1024 * 1024;

impl Node {
    /// Makes the copies of an account that rest here. Doing it again changes nothing, and what this region knows of an
    /// account holder is not changed by head office's word: the region judges by it.
    pub(super) async fn open_mailbox(
        &self,
        card: Card,
        classes: &[DataClass],
        password: Option<Sealed>,
    ) -> Result<(), ServiceError> {
        let known = self.cards().known.get(&card.address).cloned();
        if let Some(known) = known.filter(|known| *known != card) {
            let message = format!(
                "{} keeps a record of `{}` that says something else, and does not change it on head office's word",
                self.region, known.address
            );
            return Err(ServiceError::new(ErrorCode::Conflict, message));
        }
        let existing = self.store.mailbox(&card.address).map_err(store_error)?;
        let mailbox = match existing {
            Some(mailbox) => mailbox,
            None => {
                // Passwords of a seeded world are public; there is no use in making them costly to guess.
                let cost = if self.is_seeded() { Cost::STORY } else { Cost::OWNER };
                let password =
                    password.map(|sealed| self.open_password(&card.address, &sealed)).transpose()?;
                let verifier = password.map(|password| Verifier::new(password.expose(), cost));
                self.store.create_mailbox(&card.address, classes, verifier).await.map_err(store_error)?
            }
        };
        if mailbox.copy(DataClass::Subscriber).is_some() && classes.contains(&DataClass::Subscriber) {
            let record = serde_json::to_vec(&card).map_err(|error| ServiceError::internal(&error))?;
            let put = self.store.put_record(&Delivery::new(), &mailbox, DataClass::Subscriber, &record).await;
            put.map_err(store_error)?;
        }
        self.keep_card(card).map_err(|error| ServiceError::internal(&error))
    }

    fn open_password(&self, account: &Address, sealed: &Sealed) -> Result<Password, ServiceError> {
        let opened = self.intake.open(sealed, &password_binding(&self.region, account));
        let text = opened.and_then(|clear| Some(std::str::from_utf8(&clear).ok()?.to_owned()));
        text.map(Password::new).ok_or_else(|| {
            let message = format!("the password of `{account}` is not sealed to {}", self.region);
            ServiceError::new(ErrorCode::Invalid, message)
        })
    }

    fn keep_card(&self, card: Card) -> Result<(), NodeError> {
        let record = serde_json::to_vec(&card).map_err(NodeError::Card)?;
        let mut cards = self.cards();
        cards.journal.append([record.as_slice()])?;
        cards.known.insert(card.address.clone(), card);
        Ok(())
    }

    /// Seals a message into the classes named, all of them in one commit.
    pub(super) async fn deliver(
        &self,
        to: &Address,
        classes: &[DataClass],
        onward: &[(RegionId, DataClass)],
        received: Option<SimTime>,
        mut body: Body,
    ) -> Result<Stored, ServiceError> {
        let card = self.mailbox(to)?;
        let (head, rest) = take_head(&mut body).await?;
        let facts = Facts::read(&head, received);
        let date = facts.date.or(received).unwrap_or(SimTime::from_unix_seconds(0));
        let (content, size) = match rest {
            None => (seal(&self.store, &card, DataClass::Content, date, &head, true)?, head.len() as u64),
            Some(first) => self.seal_long(&card, date, head, first, body).await?,
        };
        let mut traffic = facts.traffic();
        traffic.size = size;
        let traffic = json(&traffic)?;
        let mut book = AddressBook::default();
        book.note(to, &facts);
        let contacts = json(&book)?;
        let mut parts = Vec::with_capacity(3);
        // The first part stands for the message: if it is there already, so are the others.
        parts.extend(classes.contains(&DataClass::Content).then_some(content));
        for (class, row) in [(DataClass::Traffic, &traffic), (DataClass::AddressBook, &contacts)] {
            if classes.contains(&class) && card.copy(class).is_some() {
                parts.push(seal(&self.store, &card, class, date, row.as_bytes(), parts.is_empty())?);
            }
        }
        let mut elsewhere = Vec::with_capacity(onward.len());
        for (region, class) in onward {
            let row = match class {
                DataClass::Traffic => &traffic,
                DataClass::AddressBook => &contacts,
                other => {
                    let message = format!("a message leads to no row of `{other}`");
                    return Err(ServiceError::new(ErrorCode::Invalid, message));
                }
            };
            elsewhere.push(self.seal_onward(region, to, *class, &Row { date, row: row.clone() })?);
        }
        let delivered = self.store.deliver_sealed(parts).await.map_err(store_error)?;
        let malformed = facts.malformed.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        Ok(Stored {
            new: delivered.new,
            onward: elsewhere,
            malformed: (!malformed.is_empty()).then_some(malformed),
        })
    }

    /// Seals a message too long to hold, as it arrives.
    async fn seal_long(
        &self,
        card: &Arc<MailboxCard>,
        date: SimTime,
        head: Bytes,
        first: Bytes,
        body: Body,
    ) -> Result<(SealedPart, u64), ServiceError> {
        let (store, card) = (self.store.clone(), card.clone());
        let mut reader = body.into_reader();
        let sealing = tokio::task::spawn_blocking(move || {
            let mut writer =
                store.begin_body(&Delivery::new(), &card, DataClass::Content, date).map_err(store_error)?;
            let mut size = (head.len() + first.len()) as u64;
            writer.push(&head).map_err(store_error)?;
            writer.push(&first).map_err(store_error)?;
            let mut piece = vec![0; 64 * 1024];
            loop {
                let read = std::io::Read::read(&mut reader, &mut piece);
                match read.map_err(|error| ServiceError::new(ErrorCode::Lost, error.to_string()))? {
                    0 => break,
                    n => {
                        size += n as u64;
                        if size > MESSAGE_BYTES_MAX {
                            let message = format!("a message of more than {MESSAGE_BYTES_MAX} bytes");
                            return Err(ServiceError::new(ErrorCode::TooLarge, message));
                        }
                        writer.push(&piece[..n]).map_err(store_error)?;
                    }
                }
            }
            Ok((writer.finish(true).map_err(store_error)?, size))
        });
        sealing.await.map_err(|error| ServiceError::internal(&error))?
    }

    /// Appends a row to a copy, once.
    pub(super) async fn put_row(
        &self,
        account: &Address,
        class: DataClass,
        sealed: &Sealed,
    ) -> Result<(), ServiceError> {
        let card = self.mailbox(account)?;
        let Row { date, row } = self.open_onward(account, class, sealed)?;
        let part = seal(&self.store, &card, class, date, row.as_bytes(), true)?;
        self.store.deliver_sealed(vec![part]).await.map_err(store_error)?;
        Ok(())
    }

    /// The owner of an account, if that is their password.
    pub(super) async fn log_in(&self, account: Address, password: Password) -> Result<Session, ServiceError> {
        let store = self.store.clone();
        let checked = tokio::task::spawn_blocking(move || {
            store.log_in(&account, password.expose()).map_err(store_error)
        });
        checked.await.map_err(|error| ServiceError::internal(&error))?
    }

    /// All messages of an account as an mbox, for its owner.
    pub(super) async fn export(
        &self,
        account: Address,
        password: Password,
    ) -> Result<Answer<Reply>, ServiceError> {
        let session = self.log_in(account.clone(), password).await?;
        let card = self.mailbox(&account)?;
        let counts = self.store.counts(&card, DataClass::Content).map_err(store_error)?;
        let messages = counts.map_or(0, |counts| counts.objects);
        let (sender, body) = Body::channel();
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || write_mbox(&store, &session, &card, sender));
        Ok(Answer::with_body(Reply::Mailbox { messages }, body))
    }

    pub(super) fn mailbox(&self, account: &Address) -> Result<Arc<MailboxCard>, ServiceError> {
        let found = self.store.mailbox(account).map_err(store_error)?;
        found.ok_or_else(|| {
            ServiceError::new(ErrorCode::NotFound, format!("`{account}` has no mailbox in {}", self.region))
        })
    }

    fn is_seeded(&self) -> bool {
        self.world.roster().is_seeded()
    }
}

/// The whole message if it is short; else its beginning, with the chunk after it.
async fn take_head(body: &mut Body) -> Result<(Bytes, Option<Bytes>), ServiceError> {
    let Some(first) = body.next().await.transpose()? else { return Ok((Bytes::new(), None)) };
    let Some(second) = body.next().await.transpose()? else { return Ok((first, None)) };
    let mut head = BytesMut::from(first.as_ref());
    let mut next = second;
    while head.len() + next.len() <= AT_HAND {
        head.extend_from_slice(&next);
        match body.next().await.transpose()? {
            Some(chunk) => next = chunk,
            None => return Ok((head.freeze(), None)),
        }
    }
    Ok((head.freeze(), Some(next)))
}

/// Seals what is there as a whole.
fn seal(
    store: &Store,
    card: &MailboxCard,
    class: DataClass,
    date: SimTime,
    bytes: &[u8],
    once: bool,
) -> Result<SealedPart, ServiceError> {
    store.seal(&Delivery::new(), card, class, date, bytes, once).map_err(store_error)
}

fn write_mbox(store: &Store, session: &Session, card: &MailboxCard, sender: BodySender) {
    let mut writer = MboxWriter::new(sender.into_writer());
    let written = (|| -> Result<(), ServiceError> {
        let Some(copy) = card.copy(DataClass::Content) else { return Ok(()) };
        for object in store.objects(session, copy).map_err(store_error)? {
            let bytes = object.and_then(crate::store::Object::read).map_err(store_error)?;
            let lost = |error: std::io::Error| ServiceError::new(ErrorCode::Lost, error.to_string());
            let date = Facts::read(&bytes, None).date;
            writer.write(&bytes, None, date, None).map_err(lost)?;
        }
        Ok(())
    })();
    let finished = writer.finish();
    match (written, finished) {
        (Ok(()), Ok(out)) => drop(out.finish()),
        (Err(error), Ok(out)) => drop(out.fail(error)),
        (_, Err(_)) => {}
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, ServiceError> {
    serde_json::to_string(value).map_err(|error| ServiceError::internal(&error))
}
