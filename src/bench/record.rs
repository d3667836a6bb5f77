//! How fast the record is: appends that end with a proof in a cosigned, served checkpoint.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ed25519_dalek::{SigningKey, VerifyingKey};
use futures_util::future::BoxFuture;
use tempfile::tempdir_in;

use super::file::SyncedFile;
use super::load::{Measured, Until, load};
use super::memory::peak_of;
use super::site::{address, warrant};
use super::{Failure, Goal, Settings, Sheet, Unit, median};
use crate::clock::{Clock, SystemClock};
use crate::demand::{DateRange, InstrumentKind, Item, Place, SignedInstrument};
use crate::disk::RealDisk;
use crate::entropy::Entropy;
use crate::record::entry::{EntryDraft, Leaf, Slot};
use crate::record::genesis::{Digests, Genesis};
use crate::record::key::{Cosigner, LogSigner};
use crate::record::log::{JOURNAL_MAX_BYTES, Log, LogOptions, PermitRequest};
use crate::record::opening::MemoryOpenings;
use crate::record::permit::{Expectations, GrantTerms, InstrumentRoster, verify};
use crate::record::policy::{Accept, Policy, PolicyWitness};
use crate::record::secret::RecordSecret;
use crate::record::storage::FolderStorage;
use crate::record::verify::verify_folder;
use crate::record::witness::{AddCheckpoint, ClientError, FileState, LocalWitness, Witness, WitnessClient};
use crate::world::{AuthorityId, DataClass, RegionId};

const CALLERS: usize = 64;
const WITNESSES: u8 = 10;
const LONE: usize = 200;
/// Entries of a record that is small.
const FEW: u64 = 2_000;

pub fn run(settings: &Settings, sheet: &mut Sheet<'_>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let folder = tempdir_in(&settings.folder)?;
        let span = Until::Passed(Duration::from_secs_f64(settings.seconds));
        let site = Arc::new(Site::start(&folder.path().join("record"), None).await?);
        let hung = Arc::new(Site::start(&folder.path().join("hung"), Some(3)).await?);
        let (mut file, mut append, mut permit, mut with_hung) = (vec![], vec![], vec![], vec![]);
        for round in 0..settings.rounds {
            let path = folder.path().join(format!("baseline-{round}"));
            let synced = Arc::new(SyncedFile::create(&path, true)?);
            let entry = Bytes::from(vec![7; Leaf::BYTES]);
            file.push(load(CALLERS, 0, span, move |_| synced.append(entry.clone())).await?);
            append.push(load(CALLERS, 0, span, Site::append(&site)).await?);
            permit.push(load(CALLERS, 0, span, Site::decide(&site)).await?);
            with_hung.push(load(CALLERS, 0, span, Site::append(&hung)).await?);
        }
        let rate = |rounds: &[Measured]| median(rounds.iter().map(|measured| measured.rate).collect());
        let p99 = |rounds: &[Measured]| {
            median(rounds.iter().map(|measured| measured.milliseconds_at(0.99)).collect())
        };
        let same = "hashing and syncing the same bytes to one file";
        sheet
            .add(
                format!("entries, {CALLERS} callers each awaiting its permit, {WITNESSES} witnesses"),
                rate(&permit),
                Unit::PerSecond,
            )
            .beside(same, rate(&file))
            .goal(Goal::AtLeast(10_000.0))
            .write();
        sheet
            .add("… of which 99 % took at most", p99(&permit), Unit::Milliseconds)
            .beside(same, p99(&file))
            .goal(Goal::AtMost(250.0))
            .write();
        sheet
            .add("entries without their permits", rate(&append), Unit::PerSecond)
            .beside(same, rate(&file))
            .write();
        sheet
            .add("the same while one witness hangs", rate(&with_hung), Unit::PerSecond)
            .beside("while none does", rate(&append))
            .goal(Goal::RatioAtLeast(0.9))
            .write();
        let lone = site.lone().await?;
        sheet
            .add("one lone entry, to a permit that a region verified", lone, Unit::Milliseconds)
            .goal(Goal::AtMost(20.0))
            .write();

        let few = Arc::new(Site::start(&folder.path().join("few"), None).await?);
        load(CALLERS, 0, Until::Calls(FEW), Site::append(&few)).await?;
        let (size, small) = (site.log.head().size, few.log.head().size);
        let policy = site.policy.clone();
        for site in [site, hung, few] {
            site.log.clone().close().await;
        }
        let served = |name: &str| folder.path().join(name).join("served");
        let taken = verified(&served("record"), &policy, size)?;
        sheet
            .add(format!("verification offline, of {size} entries"), size as f64 / taken, Unit::PerSecond)
            .goal(Goal::AtLeast(500_000.0))
            .write();
        let peak = |name: &str| {
            let mut command = Command::new(&settings.program);
            command
                .args(["record", "verify"])
                .arg(served(name))
                .arg("--policy")
                .arg(served(name).join("policy"));
            peak_of(&mut command)
        };
        if let (Some(memory), Some(beside)) = (peak("record")?, peak("few")?) {
            sheet
                .add("… the memory of the process that does it", memory, Unit::Megabytes)
                .beside(format!("that for {small} entries"), beside)
                .goal(Goal::RatioAtLeast(0.8))
                .write();
        }
        Ok(())
    })
}

/// Verifies a record that was closed; says how many seconds that took.
fn verified(served: &Path, policy: &Policy, size: u64) -> Result<f64, Failure> {
    let start = Instant::now();
    let found = verify_folder(served, policy, Accept::NormalOnly, &mut |_, _| {});
    if !found.is_sound() || found.entries != size {
        return Err(format!("the record is not sound: {:?}", found.findings).into());
    }
    Ok(start.elapsed().as_secs_f64())
}

/// A log with its witnesses, each with a memory of its own on the disk.
struct Site {
    log: Log,
    policy: Policy,
    witnesses: Vec<Arc<Witness>>,
    instrument: SignedInstrument,
    terms: GrantTerms,
}

/// A witness that never answers.
struct Hung;

impl WitnessClient for Hung {
    fn add_checkpoint(
        &self,
        _: AddCheckpoint,
    ) -> BoxFuture<'_, Result<Vec<signed_note::Signature>, ClientError>> {
        Box::pin(std::future::pending())
    }
}

impl Site {
    async fn start(folder: &Path, hung: Option<u8>) -> Result<Self, Failure> {
        let entropy = Entropy::seeded("bench");
        let signer = LogSigner::new("bench.example/record", &[1; 32])?;
        let (mut members, mut witnesses, mut clients) = (Vec::new(), Vec::new(), Vec::new());
        for place in 0..WITNESSES {
            let id = format!("w{place}");
            let cosigner = Cosigner::new(&format!("bench.example/{id}"), &[place + 2; 32])?;
            members.push(PolicyWitness {
                id: id.clone(),
                key: cosigner.verifier().clone(),
                country: "IE".parse()?,
                controlled_by: id.clone(),
                independent: true,
                outsider: place == 0,
            });
            let state = FileState::enrol(&RealDisk, &folder.join(&id))?;
            let log = signer.verifier().clone();
            let witness = Arc::new(Witness::new(cosigner, log, Box::new(state), Arc::new(SystemClock))?);
            let client: Arc<dyn WitnessClient> =
                if hung == Some(place) { Arc::new(Hung) } else { Arc::new(LocalWitness(witness.clone())) };
            clients.push((id, client));
            witnesses.push(witness);
        }
        let policy = Policy::standard(signer.verifier().clone(), &"US".parse()?, members)?;
        let storage = FolderStorage::open(Arc::new(RealDisk), &folder.join("served"), &folder.join("own"))?;
        let options = LogOptions {
            signer,
            secret: RecordSecret::draw(&entropy),
            policy: policy.clone(),
            accept: Accept::NormalOnly,
            storage: Arc::new(storage),
            openings: Arc::new(MemoryOpenings::default()),
            witnesses: clients,
            witness_deadline: Duration::from_secs(600),
            journal_max_bytes: JOURNAL_MAX_BYTES,
        };
        let digests = Digests { world: [1; 32], roster: [2; 32], law: [3; 32] };
        let genesis = Genesis::new(&policy, "2013-01-01T00:00:00Z".parse()?, true, digests);
        let log = Log::create(options, &genesis).await?;
        let demand = warrant(address(0)?, "13-mag-2814")?;
        let instrument = demand.sign(&court_key());
        let region: RegionId = "ie-dublin".parse()?;
        let terms = GrantTerms {
            demand: demand.id.clone(),
            version: demand.version,
            instrument_digest: instrument.digest(),
            region: region.clone(),
            items: vec![Item {
                account: demand.accounts[0].clone(),
                class: DataClass::Content,
                range: DateRange::ALL,
                place: Place::Region(region),
            }],
            requester: demand.issuing.clone(),
            recipient: demand.deliver_to.clone(),
            decided: "2014-01-01T00:00:00Z".parse()?,
            ciphertext: false,
            conditions: Vec::new(),
        };
        Ok(Site { log, policy, witnesses, instrument, terms })
    }

    /// Appends an entry.
    fn append(site: &Arc<Self>) -> impl Fn(u64) -> BoxFuture<'static, Result<(), Failure>> + use<> {
        let site = site.clone();
        move |n| {
            let site = site.clone();
            Box::pin(async move { Ok(site.log.append(draft(n)?).await.map(drop)?) })
        }
    }

    /// Records a decision and puts its permit together.
    fn decide(site: &Arc<Self>) -> impl Fn(u64) -> BoxFuture<'static, Result<(), Failure>> + use<> {
        let site = site.clone();
        move |n| {
            let site = site.clone();
            Box::pin(async move {
                let logged = site.log.append(draft(n)?.granting(site.terms.clone())).await?;
                Ok(site.log.permit(site.request(logged.index, 0)).await.map(drop)?)
            })
        }
    }

    fn request(&self, entry: u64, region_head_size: u64) -> PermitRequest {
        let region = self.terms.region.clone();
        PermitRequest { entry, region, instrument: self.instrument.clone(), region_head_size }
    }

    /// One caller alone: append, permit, and the region's whole check. Median, in milliseconds.
    async fn lone(&self) -> Result<f64, Failure> {
        let mut times = Vec::new();
        for n in 0..LONE {
            let start = Instant::now();
            let logged = self.log.append(draft(n as u64)?.granting(self.terms.clone())).await?;
            let own_head = self.witnesses[1].head();
            let permit = self.log.permit(self.request(logged.index, own_head.size)).await?;
            let expected = Expectations {
                policy: &self.policy,
                accept: Accept::NormalOnly,
                region: &self.terms.region,
                roster: &Court,
                own_head,
                now: SystemClock.now(),
                age_max_seconds: 600,
                simulated_now: self.terms.decided,
                reached: None,
            };
            verify(&permit, &expected)?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        Ok(median(times))
    }
}

fn draft(n: u64) -> Result<EntryDraft, Failure> {
    let text = serde_json::json!({"n": n, "what": "as long as such values usually are, give or take some"});
    let time = "2014-01-01T00:00:00Z".parse()?;
    let slots =
        [Slot::Kind, Slot::Matter, Slot::Demand, Slot::Facts, Slot::Law, Slot::Positions, Slot::Decision];
    let draft = EntryDraft::new(format!("m-{n}"), time);
    Ok(slots.into_iter().fold(draft, |draft, slot| draft.with(slot, text.clone())))
}

fn court_key() -> SigningKey {
    SigningKey::from_bytes(&[99; 32])
}

/// A roster of one court.
struct Court;

impl InstrumentRoster for Court {
    fn signing_key(&self, _: &AuthorityId) -> Option<VerifyingKey> {
        Some(court_key().verifying_key())
    }

    fn may_issue(&self, _: &AuthorityId, _: InstrumentKind) -> bool {
        true
    }

    fn has_recipient_key(&self, _: &AuthorityId) -> bool {
        true
    }
}
