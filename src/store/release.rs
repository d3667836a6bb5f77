//! Releases: one permit, one production.
//!
//! Before anything is opened, the permit is noted as spent, with the copies it is about and how far they went at
//! that moment. A production is what lay below those marks, so that one that a crash interrupted comes out the
//! same whatever was delivered or deleted since: until it is complete, the copies are held.

use std::collections::HashSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::books::Books;
use super::read::Objects;
use super::row::{Fields, Space, Uid, key};
use super::{Inner, Store, StoreError};
use crate::vault::{CopyId, CopyIdentity, MailboxRelease, ObjectDate, Release, class_code};
use crate::world::{Address, DataClass};

/// One permit's production, begun or resumed.
pub struct Production {
    store: Store,
    permit: [u8; 32],
    parts: Vec<ProductionPart>,
    listing: [u8; 32],
    resumed: bool,
    _under_way: UnderWay,
}

/// What a permit covers of one copy.
pub struct ProductionPart {
    account: Address,
    copy: CopyIdentity,
    clearance: MailboxRelease,
    /// The first number that is not part of it.
    end: Uid,
}

impl ProductionPart {
    pub fn account(&self) -> &Address {
        &self.account
    }

    pub fn class(&self) -> DataClass {
        self.copy.class
    }
}

impl Production {
    /// SHA-256 over what is listed: for each part account and class, for each object number, version, date and
    /// length. The same before and after a crash.
    pub fn listing(&self) -> &[u8; 32] {
        &self.listing
    }

    /// True if a crash had interrupted it.
    pub fn resumed(&self) -> bool {
        self.resumed
    }

    /// What the permit covers here, by account and class. An account that has no mailbox here has no part.
    pub fn parts(&self) -> &[ProductionPart] {
        &self.parts
    }

    /// The objects of a part, to be opened one after the other, in the order of their numbers.
    pub fn objects<'p>(&self, part: &'p ProductionPart) -> Result<Objects<'p, MailboxRelease>, StoreError> {
        self.store.objects_between(&part.clearance, &part.copy, Uid(1), Uid(part.end.0 - 1))
    }

    /// Notes that the production has been built and sealed. The permit opens nothing from then on. `receipt` is the
    /// node's own, such as the digest of what it sealed.
    pub async fn complete(self, receipt: [u8; 32]) -> Result<(), StoreError> {
        self.store.complete(&self.permit, receipt).await
    }
}

impl Store {
    /// Spends a permit and lists what it covers; after a crash, takes up the production that was begun.
    ///
    /// Refuses a permit whose production is complete or under way. When this returns, nothing but the headers of
    /// objects has been opened, and the spending is on the disk.
    pub async fn begin_release(&self, release: &Release) -> Result<Production, StoreError> {
        if release.ciphertext_only() {
            return Err(StoreError::CiphertextOnly);
        }
        let permit = *release.permit();
        let under_way = UnderWay::begin(&self.0, permit)?;
        let mut parts = Vec::new();
        for account in release.accounts() {
            let Some(card) = self.mailbox(account)? else { continue };
            let clearance = release.of(&card);
            for copy in card.copies() {
                if crate::vault::Reads::covers_copy(&clearance, copy) {
                    let (account, clearance) = (account.clone(), clearance.clone());
                    parts.push(ProductionPart { account, copy: *copy, clearance, end: Uid(1) });
                }
            }
        }
        parts.sort_by(|a, b| (&a.account, a.copy.class).cmp(&(&b.account, b.copy.class)));

        let copies: Vec<CopyId> = parts.iter().map(|part| part.copy.copy).collect();
        let row = permit_key(&permit);
        let (spent, resumed) = self.0.committer.transact(256, move |books| spend(books, row, copies)).await?;
        if spent.state == State::Complete {
            return Err(StoreError::AlreadyProduced { listing: spent.listing, receipt: spent.receipt });
        }
        parts.retain_mut(|part| match spent.copies.iter().find(|(copy, _)| *copy == part.copy.copy) {
            Some((_, end)) => {
                part.end = *end;
                true
            }
            // It came to rest here only after the production had begun.
            None => false,
        });

        let mut production = Production {
            store: self.clone(),
            permit,
            parts,
            listing: [0; 32],
            resumed,
            _under_way: under_way,
        };
        production.listing = production.list()?;
        let (row, listing) = (permit_key(&permit), production.listing);
        let transaction = move |books: &mut Books| {
            let Some(mut spent) = Spent::read(books, &row)? else {
                return Err(StoreError::BadRow { what: "a spent permit" });
            };
            match spent.state {
                State::Begun => {
                    spent.state = State::Listed;
                    spent.listing = listing;
                    books.put(row, spent.to_bytes());
                    Ok(())
                }
                _ if spent.listing == listing => Ok(()),
                _ => Err(StoreError::ListingChanged),
            }
        };
        self.0.committer.transact(256, transaction).await?;
        Ok(production)
    }
}

impl Store {
    /// Ends every production that was begun and is not complete, but for those of the permits in `except` and those
    /// that are being made. Their permits are used up, and what they held is let go.
    pub async fn end_releases(&self, except: HashSet<[u8; 32]>) -> Result<(), StoreError> {
        let mut begun = Vec::new();
        for row in self.0.reader.view()?.range(permit_key(&[0; 32])..=permit_key(&[255; 32])) {
            let (name, bytes) = row?;
            let spent = Spent::from_bytes(&bytes)?;
            let permit: [u8; 32] = *name.last_chunk().ok_or(StoreError::BadRow { what: "a spent permit" })?;
            if spent.state != State::Complete && !except.contains(&permit) {
                begun.push(permit);
            }
        }
        for permit in begun {
            let Ok(_under_way) = UnderWay::begin(&self.0, permit) else { continue };
            self.complete(&permit, [0; 32]).await?;
        }
        Ok(())
    }

    async fn complete(&self, permit: &[u8; 32], receipt: [u8; 32]) -> Result<(), StoreError> {
        let row = permit_key(permit);
        let copies = self.0.committer.transact(256, move |books| {
            let Some(mut spent) = Spent::read(books, &row)? else {
                return Err(StoreError::BadRow { what: "a spent permit" });
            };
            if spent.state == State::Complete {
                return Ok(Vec::new());
            }
            for (copy, _) in &spent.copies {
                let copy = books.copy_mut(*copy)?;
                copy.holds = copy.holds.saturating_sub(1);
            }
            spent.state = State::Complete;
            spent.receipt = receipt;
            books.put(row, spent.to_bytes());
            Ok(spent.copies)
        });
        for (copy, _) in copies.await? {
            self.let_go(copy).await?;
        }
        Ok(())
    }
}

impl Production {
    fn list(&self) -> Result<[u8; 32], StoreError> {
        let mut digest = Sha256::new();
        digest.update(b"rogatory listing v1\n");
        for part in &self.parts {
            digest.update((part.account.as_str().len() as u32).to_be_bytes());
            digest.update(part.account.as_str());
            digest.update([class_code(part.copy.class)]);
            for object in self.objects(part)? {
                let object = object?;
                let date = match object.facts().date {
                    ObjectDate::On(time) => time.unix_seconds(),
                    ObjectDate::Standing => i64::MIN,
                };
                digest.update([1]);
                digest.update(object.uid().0.to_be_bytes());
                digest.update(object.version().to_be_bytes());
                digest.update(date.to_be_bytes());
                digest.update(object.facts().length.to_be_bytes());
            }
            digest.update([0]);
        }
        Ok(digest.finalize().into())
    }
}

fn spend(books: &mut Books, row: Vec<u8>, copies: Vec<CopyId>) -> Result<(Spent, bool), StoreError> {
    if let Some(spent) = Spent::read(books, &row)? {
        return Ok((spent, true));
    }
    let mut marked = Vec::with_capacity(copies.len());
    for copy in copies {
        marked.push((copy, Uid(books.copy(copy)?.next_uid)));
    }
    for (copy, _) in &marked {
        books.copy_mut(*copy)?.holds += 1;
    }
    let spent = Spent { state: State::Begun, listing: [0; 32], receipt: [0; 32], copies: marked };
    books.put(row, spent.to_bytes());
    Ok((spent, false))
}

fn permit_key(permit: &[u8; 32]) -> Vec<u8> {
    key(Space::Permit, &[permit])
}

/// A permit that is spent.
struct Spent {
    state: State,
    listing: [u8; 32],
    receipt: [u8; 32],
    /// The copies it is about, and the first number in each that is not part of it.
    copies: Vec<(CopyId, Uid)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing has been opened.
    Begun = 1,
    /// The listing is fixed.
    Listed = 2,
    /// Built and sealed.
    Complete = 3,
}

impl Spent {
    fn read(books: &Books, row: &[u8]) -> Result<Option<Self>, StoreError> {
        books.get(row)?.map(|bytes| Spent::from_bytes(&bytes)).transpose()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let read = || {
            let mut fields = Fields::of(bytes, 1)?;
            let state = match fields.u8()? {
                1 => State::Begun,
                2 => State::Listed,
                3 => State::Complete,
                _ => return None,
            };
            let (listing, receipt) = (fields.array()?, fields.array()?);
            let mut copies = Vec::new();
            while let Some(copy) = fields.array() {
                copies.push((CopyId::from_bytes(copy), Uid(fields.u32()?)));
            }
            Some(Spent { state, listing, receipt, copies })
        };
        read().ok_or(StoreError::BadRow { what: "a spent permit" })
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![1, self.state as u8];
        bytes.extend_from_slice(&self.listing);
        bytes.extend_from_slice(&self.receipt);
        for (copy, end) in &self.copies {
            bytes.extend_from_slice(copy.as_bytes());
            bytes.extend_from_slice(&end.0.to_be_bytes());
        }
        bytes
    }
}

/// Keeps a second production for the same permit from beginning in this process.
struct UnderWay {
    store: Arc<Inner>,
    permit: [u8; 32],
}

impl UnderWay {
    fn begin(store: &Arc<Inner>, permit: [u8; 32]) -> Result<Self, StoreError> {
        let mut producing = store.producing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match producing.insert(permit) {
            true => Ok(UnderWay { store: store.clone(), permit }),
            false => Err(StoreError::InProgress),
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut producing = self.store.producing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        producing.remove(&self.permit);
    }
}
