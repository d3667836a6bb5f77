//! Opening mail for a permit.
//!
//! In this order, and each step durable before the next: the checkpoint that a permit shows becomes this region's own
//! newest head; the permit is checked against what this region knows by itself; the region's own law is asked; the permit is noted as spent; the production is built, sealed and put on
//! the disk; the permit is noted as used up; the production is handed over; head office says that it is in the
//! record, and only then is it removed. A crash between any two steps leads to the same one production.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use data_encoding::HEXLOWER;
use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::super::body::Body;
use super::super::call::{Produced, Reply, Withheld};
use super::super::error::ServiceError;
use super::super::own_law::OwnLaw;
use super::super::production::manifest::{Manifest, ManifestFile, hex_digest};
use super::super::production::{ProductionError, SealedWriter};
use super::super::service::Answer;
use super::{Node, store_error};
use crate::clock::{Clock, SimTime, SystemClock};
use crate::demand::{InstrumentKind, Item};
use crate::disk::{Disk, DiskWriter, folder_of, write_whole};
use crate::law::{HolderRecord, Position};
use crate::mail::AddressBook;
use crate::record::checkpoint::SignedCheckpoint;
use crate::record::permit::{
    Expectations, InstrumentRoster, Permit, PermitError, PermitId, VerifiedPermit, verify,
};
use crate::record::policy::Accept;
use crate::record::witness::{AddCheckpoint, WitnessError};
use crate::store::{Production, ProductionPart, StoreError};
use crate::world::{AuthorityId, DataClass, World};

/// How old the cosignatures of a permit's checkpoint may be, in seconds of real time: one day.
const PERMIT_AGE_MAX_SECONDS: i64 = 24 * 60 * 60;

/// This region's own roster of authorities.
struct OwnRoster<'w>(&'w World);

impl InstrumentRoster for OwnRoster<'_> {
    fn signing_key(&self, authority: &AuthorityId) -> Option<VerifyingKey> {
        self.0.roster().authority(authority).ok().map(|a| *a.signing_key())
    }

    fn may_issue(&self, authority: &AuthorityId, kind: InstrumentKind) -> bool {
        self.0.roster().authority(authority).is_ok_and(|a| a.may_issue(kind))
    }

    fn has_recipient_key(&self, authority: &AuthorityId) -> bool {
        self.0.roster().authority(authority).is_ok()
    }
}

/// A production that waits on the disk until head office has it in the record.
#[derive(Serialize, Deserialize)]
struct Waiting {
    produced: Produced,
}

impl Node {
    /// Releases what a permit covers, or says why not. A refusal is an answer.
    pub(super) async fn release(&self, permit: &Permit, now: SimTime) -> Result<Answer<Reply>, ServiceError> {
        self.heed(permit)?;
        let verified = match self.check(permit, now)? {
            Ok(verified) => verified,
            Err(error) => return Ok(refused(format!("the permit does not hold: {error}"), Vec::new())),
        };
        // A region whose memory was put back has forgotten what it released, too.
        if let Err(error) = self.witness.compare_with([permit.checkpoint.clone()]) {
            return Ok(refused(error.to_string(), Vec::new()));
        }
        let span =
            tracing::info_span!("release", permit = %HEXLOWER.encode(&verified.permit_id().as_bytes()[..4]));
        span.in_scope(|| tracing::info!(items = verified.items().len(), "the permit holds"));

        let judged = self.judge(&verified)?;
        if judged.withheld.len() == verified.items().len() {
            let objections = joined(judged.withheld.into_iter().map(|withheld| withheld.objections));
            return Ok(refused(not_allowed(&objections), objections));
        }
        let clearance =
            self.store.vault().release(&verified).map_err(|error| ServiceError::internal(&error))?;
        let clearance = clearance.without(judged.withheld.iter().map(|withheld| &withheld.item));
        let production = match self.store.begin_release(&clearance).await {
            Ok(production) => production,
            Err(StoreError::AlreadyProduced { .. }) => return self.hand_over_again(verified.permit_id()),
            Err(
                error @ (StoreError::InProgress | StoreError::CiphertextOnly | StoreError::ListingChanged),
            ) => {
                return Ok(refused(error.to_string(), Vec::new()));
            }
            Err(error) => return Err(store_error(error)),
        };
        self.produce(verified, production, judged).await
    }

    /// Takes what a permit shows of the record for this region's own newest head, as if it had been asked to cosign it. So
    /// a region that was shown a later entry does not forget it when it is shown an older checkpoint, even if
    /// the log never asked for its cosignature. What does not hold is left to the check of the permit.
    fn heed(&self, permit: &Permit) -> Result<(), ServiceError> {
        let Ok(checkpoint) = SignedCheckpoint::parse(&permit.checkpoint) else { return Ok(()) };
        let now = SystemClock.now();
        let quorum = self.policy.check_fresh(&checkpoint, Accept::NormalOnly, now, PERMIT_AGE_MAX_SECONDS);
        if quorum.is_err() || checkpoint.head().size <= self.witness.head().size {
            return Ok(());
        }
        let (old, proof) = (permit.consistency.from, permit.consistency.proof.clone());
        match self.witness.add_checkpoint(&AddCheckpoint { old, proof, checkpoint }) {
            Err(error @ WitnessError::State(_)) => Err(ServiceError::internal(&error)),
            _ => Ok(()),
        }
    }

    /// Measures a permit against what this region knows by itself, and remembers the moment if it holds: whatever
    /// becomes of it, time has come so far.
    fn check(
        &self,
        permit: &Permit,
        now: SimTime,
    ) -> Result<Result<VerifiedPermit, PermitError>, ServiceError> {
        // Held over the check, so that of two permits at one time the later moment is not forgotten.
        let mut memory = self.memory();
        let expectations = Expectations {
            policy: &self.policy,
            accept: Accept::NormalOnly,
            region: &self.region,
            roster: &OwnRoster(&self.world),
            own_head: self.witness.head(),
            now: SystemClock.now(),
            age_max_seconds: PERMIT_AGE_MAX_SECONDS,
            simulated_now: now,
            reached: memory.reached(),
        };
        let verified = match verify(permit, &expectations) {
            Ok(verified) => verified,
            Err(error) => return Ok(Err(error)),
        };
        memory.remember(verified.reached()).map_err(|error| ServiceError::internal(&error))?;
        Ok(Ok(verified))
    }

    /// What the region's own laws hold on each item, and what it may therefore keep back: only head office's own key
    /// lets it go round a region, copy by copy.
    fn judge(&self, verified: &VerifiedPermit) -> Result<Judged, ServiceError> {
        let mut judged = Judged::default();
        for item in verified.items() {
            let objections = self.own_position(verified, item)?;
            let card = self.mailbox(&item.account)?;
            if objections.is_empty() {
                continue;
            }
            if self.head_office_holds_key(&card, item.class)? {
                judged.objections = joined([std::mem::take(&mut judged.objections), objections]);
            } else {
                let why = not_allowed(&objections);
                judged.withheld.push(Withheld { item: item.clone(), why, objections });
            }
        }
        Ok(judged)
    }

    /// What the region's own laws hold on the signed facts, asked with the region's own knowledge of the account
    /// holder: the positions that stand against it.
    fn own_position(&self, verified: &VerifiedPermit, item: &Item) -> Result<Vec<Position>, ServiceError> {
        let holder = self.holder(&item.account)?;
        let own = OwnLaw { world: &self.world, law: &self.law, region: &self.region };
        let (decided, now) = (verified.grant().terms.decided, verified.simulated_now());
        own.objections(verified.demand(), item, &holder, decided, now)
            .map_err(|error| ServiceError::internal(&error))
    }

    fn holder(&self, account: &crate::world::Address) -> Result<HolderRecord, ServiceError> {
        let cards = self.cards();
        let card = cards.known.get(account);
        card.map(|card| card.holder.clone())
            .ok_or_else(|| ServiceError::internal(&"an account with copies and without a card"))
    }

    /// Builds, seals and stores the production, then hands it over.
    async fn produce(
        &self,
        verified: VerifiedPermit,
        production: Production,
        judged: Judged,
    ) -> Result<Answer<Reply>, ServiceError> {
        let permit = verified.permit_id();
        let path = self.production_path(permit);
        let recipient = verified.recipient().clone();
        let key =
            self.world.roster().authority(&recipient).map_err(|error| ServiceError::internal(&error))?;
        let key = key.recipient_key().clone();
        let (region, disk) = (self.region.clone(), self.disk.clone());
        let built = tokio::task::spawn_blocking(move || {
            let partial = path.with_extension("partial");
            let manifest = build(&*disk, &partial, &verified, &judged.withheld, &production, &key, region)
                .map_err(|error| ServiceError::internal(&error))?;
            disk.rename(&partial, &path).map_err(|error| ServiceError::internal(&error))?;
            let digest: [u8; 32] = Sha256::digest(manifest.to_bytes()).into();
            let produced = Produced {
                permit,
                manifest: HEXLOWER.encode(&digest),
                objects: manifest.files.len() as u64,
                bytes: manifest.bytes(),
                objections: judged.objections,
                withheld: judged.withheld,
            };
            let waiting =
                serde_json::to_vec(&Waiting { produced }).map_err(|error| ServiceError::internal(&error))?;
            // Written after the package and before the permit is used up: whoever finds it finds the package too.
            write_whole(&*disk, &path.with_extension("json"), &waiting)
                .map_err(|error| ServiceError::internal(&error))?;
            Ok::<_, ServiceError>((production, digest))
        });
        let (production, digest) = built.await.map_err(|error| ServiceError::internal(&error))??;
        production.complete(digest).await.map_err(store_error)?;
        self.hand_over_again(permit)
    }

    /// Hands over a production that waits on the disk. Nothing is opened for it.
    fn hand_over_again(&self, permit: PermitId) -> Result<Answer<Reply>, ServiceError> {
        let path = self.production_path(permit);
        let Ok(waiting) = std::fs::read(path.with_extension("json")) else {
            return Ok(refused("the permit has had its one production".to_owned(), Vec::new()));
        };
        let waiting: Waiting =
            serde_json::from_slice(&waiting).map_err(|error| ServiceError::internal(&error))?;
        let mut file = std::fs::File::open(&path).map_err(|error| ServiceError::internal(&error))?;
        let (sender, body) = Body::channel();
        tokio::task::spawn_blocking(move || {
            let mut out = sender.into_writer();
            // A reader that went away asks again.
            match io::copy(&mut file, &mut out) {
                Ok(_) => drop(out.finish()),
                Err(error) => drop(out.fail(ServiceError::internal(&error))),
            }
        });
        Ok(Answer::with_body(Reply::Produced(waiting.produced), body))
    }

    /// The production is in the record and with its recipient.
    pub(super) fn forget_production(&self, permit: PermitId) -> io::Result<()> {
        let path = self.production_path(permit);
        for path in [path.with_extension("json"), path] {
            self.disk.remove(&path)?;
        }
        Ok(())
    }

    /// Gives up every production but those for `except`: a crash, or an entry that voided its permit, came between.
    pub(super) async fn end_releases(&self, except: &[PermitId]) -> Result<(), ServiceError> {
        let folder = self.folder.join("productions");
        let kept: Vec<String> = except.iter().map(|permit| HEXLOWER.encode(permit.as_bytes())).collect();
        let remove = || {
            if !folder.exists() {
                return Ok(());
            }
            for path in self.disk.list(&folder)? {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if !kept.iter().any(|kept| name.starts_with(kept)) {
                    self.disk.remove(&path)?;
                }
            }
            self.disk.sync_folder(&folder)
        };
        remove().map_err(|error: io::Error| ServiceError::internal(&error))?;
        let except = except.iter().map(|permit| *permit.as_bytes()).collect();
        self.store.end_releases(except).await.map_err(store_error)
    }

    fn production_path(&self, permit: PermitId) -> PathBuf {
        self.folder.join("productions").join(format!("{}.production", HEXLOWER.encode(permit.as_bytes())))
    }
}

fn refused(why: String, positions: Vec<Position>) -> Answer<Reply> {
    tracing::info!(why, "released nothing");
    Reply::Refused { why, positions }.into()
}

/// What a region's own laws make of a permit.
#[derive(Default)]
struct Judged {
    /// Against items that it cannot keep back.
    objections: Vec<Position>,
    withheld: Vec<Withheld>,
}

fn joined(positions: impl IntoIterator<Item = Vec<Position>>) -> Vec<Position> {
    let mut joined = Vec::new();
    for position in positions.into_iter().flatten() {
        if !joined.contains(&position) {
            joined.push(position);
        }
    }
    joined
}

fn not_allowed(objections: &[Position]) -> String {
    let laws: std::collections::BTreeSet<&str> =
        objections.iter().map(|position| position.jurisdiction.as_str()).collect();
    let laws: Vec<&str> = laws.into_iter().collect();
    format!(
        "the law where this region stands does not let it ({}), and head office holds no key to go round it",
        laws.join(", ")
    )
}

/// Why a production was not built.
#[derive(Debug, thiserror::Error)]
enum BuildError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Seal(#[from] ProductionError),
    #[error("a row of the address book cannot be read: {0}")]
    AddressBook(#[from] serde_json::Error),
}

fn build(
    disk: &dyn Disk,
    path: &std::path::Path,
    verified: &VerifiedPermit,
    withheld: &[Withheld],
    production: &Production,
    key: &crate::world::RecipientKey,
    region: crate::world::RegionId,
) -> Result<Manifest, BuildError> {
    disk.make_folder(folder_of(path))?;
    // A crash may have left one behind.
    disk.remove(path)?;
    let out = io::BufWriter::with_capacity(1024 * 1024, DiskWriter::new(disk.create(path)?));
    let sealed = SealedWriter::begin(out, verified.permit_id(), verified.recipient(), key)?;
    let mut archive = tar::Builder::new(sealed);
    let terms = &verified.grant().terms;
    let mut manifest = Manifest {
        simulated: true,
        permit: verified.permit_id(),
        demand: terms.demand.clone(),
        version: terms.version,
        entry: verified.entry(),
        region,
        requester: terms.requester.clone(),
        recipient: terms.recipient.clone(),
        decided: terms.decided,
        conditions: terms.conditions.clone(),
        items: verified.items().iter().filter(|item| !is_among(item, withheld)).cloned().collect(),
        files: Vec::new(),
    };
    for part in production.parts() {
        match part.class() {
            DataClass::AddressBook => add_book(&mut archive, production, part, &mut manifest)?,
            _ => add_objects(&mut archive, production, part, &mut manifest)?,
        }
    }
    append(&mut archive, "manifest.json", &manifest.to_bytes())?;
    let sealed = archive.into_inner()?;
    let file = sealed.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync()?;
    Ok(manifest)
}

fn is_among(item: &Item, withheld: &[Withheld]) -> bool {
    withheld.iter().any(|withheld| withheld.item == *item)
}

/// Each object as a file of its own, read chunk by chunk.
fn add_objects(
    archive: &mut tar::Builder<impl Write>,
    production: &Production,
    part: &ProductionPart,
    manifest: &mut Manifest,
) -> Result<(), BuildError> {
    let ending = if part.class() == DataClass::Content { "eml" } else { "json" };
    for object in production.objects(part)? {
        let object = object?;
        let path = format!("{}/{}/{:06}.{ending}", part.account(), part.class(), object.uid().0);
        let bytes = object.facts().length;
        let mut header = header(bytes);
        let mut reader = HashingReader { object, chunk: Vec::new(), at: 0, digest: Sha256::new() };
        archive.append_data(&mut header, &path, &mut reader)?;
        manifest.files.push(ManifestFile {
            path,
            account: part.account().clone(),
            class: part.class(),
            bytes,
            sha256: HEXLOWER.encode(&reader.digest.finalize()),
        });
    }
    Ok(())
}

/// The address book is kept in rows, one for each message, and handed over as one.
fn add_book(
    archive: &mut tar::Builder<impl Write>,
    production: &Production,
    part: &ProductionPart,
    manifest: &mut Manifest,
) -> Result<(), BuildError> {
    let mut book = AddressBook::default();
    for object in production.objects(part)? {
        book.merge(&serde_json::from_slice(&object?.read()?)?);
    }
    if book.is_empty() {
        return Ok(());
    }
    let bytes = serde_json::to_vec_pretty(&book)?;
    let path = format!("{}/address-book.json", part.account());
    append(archive, &path, &bytes)?;
    manifest.files.push(ManifestFile {
        path,
        account: part.account().clone(),
        class: part.class(),
        bytes: bytes.len() as u64,
        sha256: hex_digest(&bytes),
    });
    Ok(())
}

fn append(archive: &mut tar::Builder<impl Write>, path: &str, bytes: &[u8]) -> io::Result<()> {
    archive.append_data(&mut header(bytes.len() as u64), path, bytes)
}

fn header(bytes: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_mtime(0);
    header
}

/// An object's plaintext, digested as it goes by.
struct HashingReader {
    object: crate::store::Object,
    chunk: Vec<u8>,
    at: usize,
    digest: Sha256,
}

impl Read for HashingReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.len() {
            zeroize::Zeroize::zeroize(&mut self.chunk);
            self.at = 0;
            if !self.object.next_chunk(&mut self.chunk).map_err(io::Error::other)? {
                return Ok(0);
            }
            self.digest.update(&self.chunk);
        }
        let n = out.len().min(self.chunk.len() - self.at);
        out[..n].copy_from_slice(&self.chunk[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}
