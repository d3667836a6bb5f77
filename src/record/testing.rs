//! A small deployment for tests: a log in a temporary folder, ten regions and a university as witnesses in memory, and a
//! court. Compiled into the unit tests and into the integration tests alike, so it uses public names only.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::{SigningKey, VerifyingKey};

use crate::clock::{Clock, SimTime, SystemClock};
use crate::demand::{
    Act, DateRange, Demand, InstrumentKind, Item, Offence, Place, ProofLevel, Purpose, SignedInstrument, Term,
};
use crate::disk::RealDisk;
use crate::entropy::Entropy;
use crate::record::TreeHead;
use crate::record::entry::{EntryDraft, Slot};
use crate::record::genesis::{Digests, Genesis};
use crate::record::key::{Cosigner, LogSigner};
use crate::record::log::{JOURNAL_MAX_BYTES, Log, LogOptions, PermitRequest};
use crate::record::opening::{MemoryOpenings, OpeningStore};
use crate::record::permit::{
    Expectations, GrantTerms, InstrumentRoster, Permit, PermitError, VerifiedPermit, verify,
};
use crate::record::policy::{Accept, Policy, PolicyWitness};
use crate::record::secret::RecordSecret;
use crate::record::storage::{FolderStorage, Storage};
use crate::record::witness::{LocalWitness, MemoryState, Witness, WitnessClient};
use crate::world::{AuthorityId, DataClass, RegionId};

pub const ORIGIN: &str = "rogatory.example/record";

/// Regions with their countries, and whether head office holds no wrap there.
pub const REGIONS: [(&str, &str, bool); 10] = [
    ("us-virginia", "US", false),
    ("us-oregon", "US", false),
    ("ie-dublin", "IE", false),
    ("gb-london", "GB", false),
    ("br-saopaulo", "BR", false),
    ("de-frankfurt", "DE", true),
    ("fr-paris", "FR", true),
    ("ch-zurich", "CH", true),
    ("ca-montreal", "CA", true),
    ("au-sydney", "AU", true),
];

/// Simulated time when permits of the tests are shown: after everything that stands in their records.
pub const NOW: &str = "2015-01-01T00:00:00Z";

pub fn time(text: &str) -> SimTime {
    text.parse().unwrap()
}

pub fn region(id: &str) -> RegionId {
    id.parse().unwrap()
}

pub fn authority(id: &str) -> AuthorityId {
    id.parse().unwrap()
}

/// Who plays along. Everything is derived from the seed.
#[derive(Clone)]
pub struct Cast {
    pub entropy: Entropy,
    pub policy: Policy,
    pub witnesses: Vec<(String, Arc<Witness>)>,
}

impl Cast {
    /// Ten regions and the university.
    pub fn new(seed: &str) -> Self {
        Cast::with(seed, &REGIONS)
    }

    /// Two regions and the university, for tests that start many logs.
    pub fn small(seed: &str) -> Self {
        Cast::with(seed, &REGIONS[6..8])
    }

    fn with(seed: &str, regions: &[(&str, &str, bool)]) -> Self {
        let entropy = Entropy::seeded(seed);
        let signer = log_signer(&entropy);
        let outsider = ("uni", "NL", true);
        let mut members = Vec::new();
        let mut witnesses = Vec::new();
        for (id, country, independent) in regions.iter().copied().chain([outsider]) {
            let cosigner = cosigner(&entropy, id);
            members.push(PolicyWitness {
                id: id.to_owned(),
                key: cosigner.verifier().clone(),
                country: country.parse().unwrap(),
                controlled_by: if id == "uni" { "university" } else { "provider" }.to_owned(),
                independent,
                outsider: id == "uni",
            });
            let log = signer.verifier().clone();
            let state = Box::new(MemoryState::new());
            let witness = Witness::new(cosigner, log, state, Arc::new(SystemClock)).unwrap();
            witnesses.push((id.to_owned(), Arc::new(witness)));
        }
        let home = "US".parse().unwrap();
        let policy = Policy::standard(signer.verifier().clone(), &home, members).unwrap();
        Cast { entropy, policy, witnesses }
    }

    pub fn witness(&self, id: &str) -> &Arc<Witness> {
        &self.witnesses.iter().find(|(known, _)| known == id).unwrap().1
    }

    /// All witnesses, in this process.
    pub fn clients(&self) -> Vec<(String, Arc<dyn WitnessClient>)> {
        let client = |w: &Arc<Witness>| Arc::new(LocalWitness(w.clone())) as Arc<dyn WitnessClient>;
        self.witnesses.iter().map(|(id, witness)| (id.clone(), client(witness))).collect()
    }

    pub fn options(&self, storage: Arc<dyn Storage>, openings: Arc<dyn OpeningStore>) -> LogOptions {
        LogOptions {
            signer: log_signer(&self.entropy),
            secret: RecordSecret::draw(&self.entropy),
            policy: self.policy.clone(),
            accept: Accept::NormalOnly,
            storage,
            openings,
            witnesses: self.clients(),
            witness_deadline: Duration::from_secs(5),
            journal_max_bytes: JOURNAL_MAX_BYTES,
        }
    }

    pub fn genesis(&self) -> Genesis {
        let digests = Digests { world: [1; 32], roster: [2; 32], law: [3; 32] };
        Genesis::new(&self.policy, time("2013-01-01"), true, digests)
    }
}

pub fn log_signer(entropy: &Entropy) -> LogSigner {
    LogSigner::new(ORIGIN, &entropy.child("log").draw("signing key", b"")).unwrap()
}

pub fn cosigner(entropy: &Entropy, id: &str) -> Cosigner {
    let seed = entropy.child(&format!("witness:{id}")).draw("signing key", b"");
    Cosigner::new(&format!("{ORIGIN}/witness/{id}"), &seed).unwrap()
}

/// A running log with everything around it.
pub struct Deployment {
    pub cast: Cast,
    pub log: Log,
    pub openings: Arc<MemoryOpenings>,
    pub folder: tempfile::TempDir,
}

impl Deployment {
    pub async fn new(seed: &str) -> Self {
        let cast = Cast::new(seed);
        let folder = tempfile::tempdir().unwrap();
        let openings = Arc::new(MemoryOpenings::default());
        let storage = FolderStorage::open(
            Arc::new(RealDisk),
            &folder.path().join("record"),
            &folder.path().join("own"),
        )
        .unwrap();
        let log =
            Log::create(cast.options(Arc::new(storage), openings.clone()), &cast.genesis()).await.unwrap();
        Deployment { cast, log, openings, folder }
    }

    /// Records a decision with one grant.
    pub async fn decide(&self, matter: &str, terms: GrantTerms) -> u64 {
        let draft = EntryDraft::new(matter, terms.decided)
            .with(Slot::Kind, serde_json::json!("decision"))
            .granting(terms);
        self.log.append(draft).await.unwrap().index
    }

    /// A permit for an entry, as the region's own head is now.
    pub async fn permit(&self, entry: u64, region: &RegionId, instrument: &SignedInstrument) -> Permit {
        let region_head_size = self.cast.witness(region.as_str()).head().size;
        let request =
            PermitRequest { entry, region: region.clone(), instrument: instrument.clone(), region_head_size };
        self.log.permit(request).await.unwrap()
    }

    /// Verifies as the region would.
    pub fn verify(&self, permit: &Permit, region: &RegionId) -> Result<VerifiedPermit, PermitError> {
        let roster = Roster::standard();
        verify(
            permit,
            &Expectations {
                policy: &self.cast.policy,
                accept: Accept::NormalOnly,
                region,
                roster: &roster,
                own_head: self.own_head(region),
                now: SystemClock.now(),
                age_max_seconds: 600,
                simulated_now: time(NOW),
                reached: None,
            },
        )
    }

    pub fn own_head(&self, region: &RegionId) -> TreeHead {
        self.cast.witness(region.as_str()).head()
    }
}

/// A permit that passed every check, for tests of what comes behind the check. Not for use inside a tokio runtime.
pub fn verified_permit(demand: &Demand, terms: GrantTerms) -> VerifiedPermit {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let deployment = Deployment::new("verified permit").await;
        let region = terms.region.clone();
        let instrument = demand.sign(&signing_key(&demand.issuing));
        let entry = deployment.decide("m-1", terms).await;
        let permit = deployment.permit(entry, &region, &instrument).await;
        deployment.verify(&permit, &region).unwrap()
    })
}

/// Any authority's key, from its name.
pub fn signing_key(authority: &AuthorityId) -> SigningKey {
    let roster = Entropy::seeded("roster of the tests");
    SigningKey::from_bytes(&roster.draw("authority signing key", authority.as_str().as_bytes()))
}

/// Authorities with what they may issue; all have a recipient key but those of `no_recipient_key`.
pub struct Roster {
    pub may_issue: BTreeMap<AuthorityId, Vec<InstrumentKind>>,
    pub no_recipient_key: Vec<AuthorityId>,
}

impl Roster {
    pub fn standard() -> Self {
        let may_issue = [
            (authority("us-sdny"), vec![InstrumentKind::Warrant, InstrumentKind::CourtOrder]),
            (authority("us-dea"), vec![InstrumentKind::Subpoena]),
            (authority("ie-garda"), vec![]),
        ];
        Roster { may_issue: may_issue.into(), no_recipient_key: Vec::new() }
    }
}

impl InstrumentRoster for Roster {
    fn signing_key(&self, authority: &AuthorityId) -> Option<VerifyingKey> {
        self.may_issue.contains_key(authority).then(|| signing_key(authority).verifying_key())
    }

    fn may_issue(&self, authority: &AuthorityId, kind: InstrumentKind) -> bool {
        self.may_issue.get(authority).is_some_and(|kinds| kinds.contains(&kind))
    }

    fn has_recipient_key(&self, authority: &AuthorityId) -> bool {
        self.may_issue.contains_key(authority) && !self.no_recipient_key.contains(authority)
    }
}

/// A warrant for one mailbox, one class, one year.
pub fn demand() -> Demand {
    Demand {
        id: "13-mag-2814".parse().unwrap(),
        version: 1,
        instrument: InstrumentKind::Warrant,
        basis: "18 U.S.C. 2703(a)".to_owned(),
        issuing: authority("us-sdny"),
        validating: None,
        enforcing: None,
        on_behalf_of: "US".parse().unwrap(),
        served_on: "head-office".parse().unwrap(),
        issued: time("2013-12-04T15:00:00Z"),
        valid_until: None,
        return_by: None,
        proof: ProofLevel::ProbableCause,
        offence: Offence {
            description: "narcotics".to_owned(),
            max_penalty_years: 20,
            listed: false,
            place: "US".parse().unwrap(),
        },
        acts: vec![Act::Disclose],
        accounts: vec!["molly@post.example".parse().unwrap()],
        classes: vec![DataClass::Content],
        range: DateRange { from: "2013-01-01".parse().ok(), to: "2013-12-31".parse().ok() },
        term: Term::Stored,
        purpose: Purpose::Evidence,
        emergency: false,
        secret_until: None,
        deliver_to: authority("us-dea"),
        relates: None,
        executes: None,
    }
}

/// A grant of all that the demand asks for, out of one region.
pub fn terms(demand: &Demand, region: &RegionId) -> GrantTerms {
    let instrument = demand.sign(&signing_key(&demand.issuing));
    let mut items = Vec::new();
    for account in &demand.accounts {
        for class in &demand.classes {
            let place = Place::Region(region.clone());
            items.push(Item { account: account.clone(), class: *class, range: demand.range, place });
        }
    }
    GrantTerms {
        demand: demand.id.clone(),
        version: demand.version,
        instrument_digest: instrument.digest(),
        region: region.clone(),
        items,
        requester: demand.issuing.clone(),
        recipient: demand.deliver_to.clone(),
        decided: demand.issued.plus_days(3),
        ciphertext: false,
        conditions: Vec::new(),
    }
}
