//! The vault of one region: its keys, and what is done with them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use super::card::Directory;
use super::clearance::{Release, Rotate};
use super::copy::{OpenCopy, SealedCopyKeys};
use super::id::{CopyId, MailboxId};
use super::key::{CopyKey, Epoch, Generation, RegionKey};
use super::keyfile::{self, KeyFileError};
use super::wrap::{self, CopyIdentity, CopyKeyWrap};
use super::{HeadOfficePublicKey, VaultError};
use crate::disk::Disk;
use crate::entropy::Entropy;
use crate::record::permit::VerifiedPermit;
use crate::world::{DataClass, RegionId};

/// A region's keys. Holds no clearance, and gives none.
pub struct Vault {
    region: RegionId,
    folder: PathBuf,
    disk: Arc<dyn Disk>,
    entropy: Entropy,
    /// Whom besides the region new copies' keys are wrapped for.
    head_office: Option<HeadOfficePublicKey>,
    keys: RwLock<Keys>,
}

struct Keys {
    epochs: BTreeMap<Epoch, Arc<RegionKey>>,
    /// The epoch that new wraps are made under.
    current: Epoch,
}

impl Vault {
    /// Opens the keys in `folder`, or makes the first one if the folder holds none. For a store that is being made;
    /// one that is there already has lost its keys when there are none.
    pub fn create(
        disk: Arc<dyn Disk>,
        folder: &Path,
        region: &RegionId,
        head_office: Option<HeadOfficePublicKey>,
        entropy: Entropy,
    ) -> Result<Self, VaultError> {
        let vault = Vault::load(disk, folder, region, head_office, entropy)?;
        if vault.epochs().is_empty() {
            let first = vault.make_epoch(&Rotate::new())?;
            vault.use_epoch(first)?;
        }
        Ok(vault)
    }

    /// Opens the keys in `folder`; an error if it holds none.
    ///
    /// `head_office` is whom new copies' keys are wrapped for besides the region; it changes nothing about copies
    /// that are already there.
    pub fn open(
        disk: Arc<dyn Disk>,
        folder: &Path,
        region: &RegionId,
        head_office: Option<HeadOfficePublicKey>,
        entropy: Entropy,
    ) -> Result<Self, VaultError> {
        let vault = Vault::load(disk, folder, region, head_office, entropy)?;
        match vault.epochs().is_empty() {
            true => Err(VaultError::NoKeys { folder: folder.to_owned() }),
            false => Ok(vault),
        }
    }

    fn load(
        disk: Arc<dyn Disk>,
        folder: &Path,
        region: &RegionId,
        head_office: Option<HeadOfficePublicKey>,
        entropy: Entropy,
    ) -> Result<Self, VaultError> {
        let failed = |source| KeyFileError::Io { path: folder.to_owned(), source };
        disk.make_folder(folder).map_err(failed)?;
        let mut epochs = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            match path.extension().and_then(|e| e.to_str()) {
                Some(keyfile::DYING) => keyfile::finish_destroying(&*disk, &path)?,
                Some("key") => {
                    let (number, secret) = keyfile::read(&path, &purpose(region))?;
                    epochs.insert(Epoch(number), Arc::new(RegionKey::new(Epoch(number), &secret)));
                }
                // What a crash left of a key that was being written: nothing was ever wrapped under it.
                _ => {}
            }
        }
        let current = epochs.keys().next_back().copied().unwrap_or(Epoch(0));
        Ok(Vault {
            region: region.clone(),
            folder: folder.to_owned(),
            disk,
            entropy,
            head_office,
            keys: RwLock::new(Keys { epochs, current }),
        })
    }

    pub fn region(&self) -> &RegionId {
        &self.region
    }

    /// Whom besides the region new copies' keys are wrapped for.
    pub fn head_office(&self) -> Option<&HeadOfficePublicKey> {
        self.head_office.as_ref()
    }

    /// The epoch that new wraps are made under.
    pub fn current_epoch(&self) -> Epoch {
        self.read().current
    }

    /// Every epoch whose key is here.
    pub fn epochs(&self) -> Vec<Epoch> {
        self.read().epochs.keys().copied().collect()
    }

    /// Makes the key of the epoch after the newest, and writes it to disk. Nothing uses it before
    /// [`Vault::use_epoch`].
    pub fn make_epoch(&self, _: &Rotate) -> Result<Epoch, VaultError> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let epoch = Epoch(keys.epochs.keys().next_back().map_or(1, |newest| newest.0 + 1));
        let secret = self.entropy.draw::<32>("region key", &epoch.0.to_be_bytes());
        keyfile::write(&*self.disk, &self.file_of(epoch), &purpose(&self.region), epoch.0, &secret)?;
        keys.epochs.insert(epoch, Arc::new(RegionKey::new(epoch, &secret)));
        Ok(epoch)
    }

    /// Makes new wraps under `epoch` from now on.
    pub fn use_epoch(&self, epoch: Epoch) -> Result<(), VaultError> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if !keys.epochs.contains_key(&epoch) {
            return Err(VaultError::NoSuchEpoch { epoch });
        }
        keys.current = epoch;
        Ok(())
    }

    /// Destroys an epoch's key, here and on disk. The caller has made sure that nothing is wrapped under it.
    pub fn destroy_epoch(&self, _: &Rotate, epoch: Epoch) -> Result<(), VaultError> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        keyfile::destroy(&*self.disk, &self.file_of(epoch))?;
        keys.epochs.remove(&epoch);
        Ok(())
    }

    /// What a verified permit lets this vault open.
    pub fn release(&self, permit: &VerifiedPermit) -> Result<Release, VaultError> {
        if *permit.region() != self.region {
            return Err(VaultError::PermitOfAnotherRegion { region: permit.region().clone() });
        }
        Ok(Release::new(permit))
    }

    /// Keys for a new copy of a mailbox.
    pub fn new_copy(
        &self,
        mailbox: MailboxId,
        class: DataClass,
    ) -> Result<(OpenCopy, SealedCopyKeys), VaultError> {
        let identity = CopyIdentity { copy: CopyId::fresh(), mailbox, class };
        let index = self.entropy.draw("index key", identity.copy.as_bytes());
        self.generation(identity, Generation(1), index)
    }

    /// Keys for the region's own directory. Head office has no part in them: it keeps its own.
    pub fn new_directory(&self) -> Result<(Directory, SealedCopyKeys), VaultError> {
        let index = self.entropy.draw("index key", CopyId::DIRECTORY.as_bytes());
        let (keys, sealed) = self.generation(DIRECTORY, Generation(1), index)?;
        Ok((Directory::new(keys), sealed))
    }

    pub fn open_directory(&self, sealed: &SealedCopyKeys) -> Result<Directory, VaultError> {
        self.open_copy(DIRECTORY, sealed).map(Directory::new)
    }

    /// The keys of the generation after `copy`'s.
    pub fn next_generation(
        &self,
        _: &Rotate,
        copy: &OpenCopy,
    ) -> Result<(OpenCopy, SealedCopyKeys), VaultError> {
        let next = Generation(copy.generation().0 + 1);
        self.generation(*copy.identity(), next, copy.index_secret().clone())
    }

    fn generation(
        &self,
        identity: CopyIdentity,
        generation: Generation,
        index: super::key::Secret,
    ) -> Result<(OpenCopy, SealedCopyKeys), VaultError> {
        let label = [identity.copy.as_bytes().as_slice(), &generation.0.to_be_bytes()].concat();
        let key = CopyKey::new(generation, self.entropy.draw("copy key", &label));
        let mut wraps = vec![wrap::for_region(&key, &identity, &self.region, self.current_key()?.as_ref())];
        if let Some(head_office) = self.head_office.filter(|_| identity.copy != CopyId::DIRECTORY) {
            wraps.push(wrap::for_head_office(&key, &identity, &self.region, &head_office)?);
        }
        let (open, index_key) = OpenCopy::with_key(identity, &key, index);
        Ok((open, SealedCopyKeys { generation, wraps, index_key }))
    }

    /// Opens a copy's keys through the region's wrap.
    pub fn open_copy(&self, identity: CopyIdentity, sealed: &SealedCopyKeys) -> Result<OpenCopy, VaultError> {
        let key = self.open_key(&identity, sealed)?;
        OpenCopy::open(identity, &key, &sealed.index_key)
    }

    /// Wraps a copy's key under the current epoch instead of the one it is wrapped under; the other recipients'
    /// wraps stay. Nothing of the copy's mail is touched.
    pub fn rewrap_copy(
        &self,
        _: &Rotate,
        identity: &CopyIdentity,
        sealed: &SealedCopyKeys,
    ) -> Result<CopyKeyWrap, VaultError> {
        let key = self.open_key(identity, sealed)?;
        Ok(wrap::for_region(&key, identity, &self.region, self.current_key()?.as_ref()))
    }

    fn open_key(&self, identity: &CopyIdentity, sealed: &SealedCopyKeys) -> Result<CopyKey, VaultError> {
        let (wrap, epoch) =
            sealed.region_wrap().ok_or(VaultError::NotForThisRegion { copy: identity.copy })?;
        wrap::open_as_region(wrap, identity, sealed.generation, &self.region, self.key(epoch)?.as_ref())
    }

    fn current_key(&self) -> Result<Arc<RegionKey>, VaultError> {
        self.key(self.current_epoch())
    }

    fn key(&self, epoch: Epoch) -> Result<Arc<RegionKey>, VaultError> {
        self.read().epochs.get(&epoch).cloned().ok_or(VaultError::NoSuchEpoch { epoch })
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn file_of(&self, epoch: Epoch) -> PathBuf {
        self.folder.join(format!("region-{epoch}.key"))
    }
}

const DIRECTORY: CopyIdentity =
    CopyIdentity { copy: CopyId::DIRECTORY, mailbox: MailboxId::DIRECTORY, class: DataClass::Key };

fn purpose(region: &RegionId) -> String {
    format!("region {region}")
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({}, current epoch {}, …)", self.region, self.current_epoch())
    }
}
