//! How fast the record is: appends that end with a proof in a cosigned, served checkpoint.
//!
//! Every number stands beside a baseline from the same run on the same disk: hashing and fsyncing the same bytes to one file,
//! with the same number of callers and the same group commit.
//!
//! `cargo bench --bench record [SECONDS]`

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ed25519_dalek::{SigningKey, VerifyingKey};
use rogatory::clock::{Clock, SystemClock};
use rogatory::demand::{
    Act, DateRange, Demand, InstrumentKind, Item, Offence, Place, ProofLevel, SignedInstrument, Term,
};
use rogatory::entropy::Entropy;
use rogatory::record::TreeHead;
use rogatory::record::entry::{EntryDraft, Leaf, Slot};
use rogatory::record::genesis::{Digests, Genesis};
use rogatory::record::key::{Cosigner, LogSigner};
use rogatory::record::log::{JOURNAL_MAX_BYTES, Log, LogOptions, PermitRequest};
use rogatory::record::opening::MemoryOpenings;
use rogatory::record::permit::{Expectations, GrantTerms, InstrumentRoster, verify};
use rogatory::record::policy::{Accept, Policy, PolicyWitness};
use rogatory::record::secret::RecordSecret;
use rogatory::record::storage::FolderStorage;
use rogatory::record::verify::verify_folder;
use rogatory::record::witness::{
    AddCheckpoint, ClientError, FileState, LocalWitness, Witness, WitnessClient,
};
use rogatory::world::{AuthorityId, DataClass, RegionId};
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};

const CALLERS: usize = 64;
const WITNESSES: usize = 10;
const LONE: usize = 500;

fn main() {
    let seconds = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(5);
    let span = Duration::from_secs(seconds);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir_in(".").or_else(|_| tempfile::tempdir()).expect("a temporary folder");
    println!(
        "record: {CALLERS} callers, entries of {} bytes, log and {WITNESSES} witnesses in process, each with its own fsync",
        Leaf::BYTES
    );
    runtime.block_on(async {
        let baseline = baseline(&folder.path().join("baseline"), span).await;
        let deployment = Deployment::start(&folder.path().join("record"), None).await;
        let appends = callers(span, |n| {
            let log = deployment.log.clone();
            async move { drop(log.append(draft(n)).await.expect("an append")) }
        })
        .await;
        let permits = callers(span, |n| deployment.decide(n)).await;
        let lone = deployment.lone().await;
        let size = deployment.log.head().size;
        deployment.log.clone().close().await;
        let policy = deployment.policy.clone();
        drop(deployment);
        let start = Instant::now();
        let found =
            verify_folder(&folder.path().join("record/served"), &policy, Accept::NormalOnly, &mut |_, _| {});
        let verified = start.elapsed();
        assert!(found.is_sound() && found.entries == size, "{:?}", found.findings);

        let hung = Deployment::start(&folder.path().join("hung"), Some(3)).await;
        let with_hung = callers(span, |n| {
            let log = hung.log.clone();
            async move { drop(log.append(draft(n)).await.expect("an append")) }
        })
        .await;

        println!("  {:44} {:>10} {:>9} {:>9}", "", "per second", "p50 ms", "p99 ms");
        print("baseline: hash and fsync to one file", &baseline);
        print("append, cosigned, proven", &appends);
        print("append and a whole permit", &permits);
        print("append, with one witness that hangs", &with_hung);
        print("one lone caller, to a permit a region verified", &lone);
        println!(
            "  verification of {size} entries offline: {:.0} entries/s",
            size as f64 / verified.as_secs_f64()
        );
        println!("  appends reach {:.0} % of the baseline", 100.0 * appends.rate / baseline.rate);
    });
}

struct Measured {
    rate: f64,
    /// Sorted.
    latencies: Vec<Duration>,
}

fn print(what: &str, measured: &Measured) {
    let at = |part: f64| {
        let place = (measured.latencies.len() as f64 * part) as usize;
        measured.latencies[place.min(measured.latencies.len() - 1)].as_secs_f64() * 1000.0
    };
    println!("  {what:44} {:>10.0} {:>9.2} {:>9.2}", measured.rate, at(0.5), at(0.99));
}

/// Runs so many callers for so long, each beginning anew when it was answered.
async fn callers<F: Future<Output = ()> + Send + 'static>(
    span: Duration,
    call: impl Fn(usize) -> F,
) -> Measured {
    // Tasks take their next call from a channel, because `call` itself does not leave this function.
    let start = Instant::now();
    let (done, mut ended) = mpsc::unbounded_channel();
    let mut latencies = Vec::new();
    let mut running = 0;
    let mut next = 0;
    loop {
        while running < CALLERS && start.elapsed() < span {
            let (done, work) = (done.clone(), call(next));
            tokio::spawn(async move {
                let start = Instant::now();
                work.await;
                let _ = done.send(start.elapsed());
            });
            running += 1;
            next += 1;
        }
        if running == 0 {
            break;
        }
        latencies.push(ended.recv().await.expect("a caller ends"));
        running -= 1;
    }
    let rate = latencies.len() as f64 / start.elapsed().as_secs_f64();
    latencies.sort();
    Measured { rate, latencies }
}

/// The same bytes into one file: hashed, gathered, written, synced, answered.
async fn baseline(path: &Path, span: Duration) -> Measured {
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("a file");
    let (queue, mut requests) = mpsc::channel::<oneshot::Sender<[u8; 32]>>(1024);
    let thread = std::thread::spawn(move || {
        while let Some(first) = requests.blocking_recv() {
            let mut replies = vec![first];
            while let Ok(next) = requests.try_recv() {
                replies.push(next);
            }
            let bytes = vec![7u8; replies.len() * Leaf::BYTES];
            let hashes: Vec<[u8; 32]> =
                bytes.chunks(Leaf::BYTES).map(|leaf| Sha256::digest(leaf).into()).collect();
            file.write_all(&bytes).and_then(|()| File::sync_data(&file)).expect("a write");
            for (reply, hash) in replies.into_iter().zip(hashes) {
                let _ = reply.send(hash);
            }
        }
    });
    let measured = callers(span, |_| {
        let queue = queue.clone();
        async move {
            let (reply, answer) = oneshot::channel();
            queue.send(reply).await.expect("the thread runs");
            answer.await.expect("an answer");
        }
    })
    .await;
    drop(queue);
    thread.join().expect("the thread ends");
    measured
}

struct Deployment {
    log: Log,
    policy: Policy,
    witnesses: Vec<Arc<Witness>>,
    instrument: Arc<SignedInstrument>,
    terms: Arc<GrantTerms>,
}

struct Hung;

impl WitnessClient for Hung {
    fn add_checkpoint(
        &self,
        _: AddCheckpoint,
    ) -> futures_util::future::BoxFuture<'_, Result<Vec<signed_note::Signature>, ClientError>> {
        Box::pin(std::future::pending())
    }
}

impl Deployment {
    async fn start(folder: &Path, hung: Option<usize>) -> Self {
        let entropy = Entropy::seeded("bench");
        let signer = LogSigner::new("bench.example/record", &[1; 32]).expect("a name");
        let (mut members, mut witnesses, mut clients) = (Vec::new(), Vec::new(), Vec::new());
        for place in 0..WITNESSES {
            let id = format!("w{place}");
            let cosigner =
                Cosigner::new(&format!("bench.example/{id}"), &[place as u8 + 2; 32]).expect("a name");
            members.push(PolicyWitness {
                id: id.clone(),
                key: cosigner.verifier().clone(),
                country: "IE".parse().expect("a country"),
                controlled_by: id.clone(),
                independent: true,
                outsider: place == 0,
            });
            let state = FileState::enrol(&folder.join(&id)).expect("a memory");
            let log = signer.verifier().clone();
            let witness = Witness::new(cosigner, log, Box::new(state), Arc::new(SystemClock));
            let witness = Arc::new(witness.expect("a witness"));
            let client: Arc<dyn WitnessClient> =
                if hung == Some(place) { Arc::new(Hung) } else { Arc::new(LocalWitness(witness.clone())) };
            clients.push((id, client));
            witnesses.push(witness);
        }
        let home = "US".parse().expect("a country");
        let policy = Policy::standard(signer.verifier().clone(), &home, members).expect("a policy");
        let storage = FolderStorage::open(&folder.join("served"), &folder.join("own")).expect("a folder");
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
        let started = "2013-01-01".parse().expect("a date");
        let digests = Digests { world: [1; 32], roster: [2; 32], law: [3; 32] };
        let log = Log::create(options, &Genesis::new(&policy, started, true, digests)).await.expect("a log");
        let demand = demand();
        let instrument = demand.sign(&court_key());
        let terms = terms(&demand, &instrument);
        Deployment { log, policy, witnesses, instrument: Arc::new(instrument), terms: Arc::new(terms) }
    }

    /// Records a decision and puts its permit together.
    fn decide(&self, n: usize) -> impl Future<Output = ()> + Send + 'static + use<> {
        let (log, terms) = (self.log.clone(), self.terms.clone());
        let instrument = self.instrument.as_ref().clone();
        async move {
            let logged = log.append(draft(n).granting(terms.as_ref().clone())).await.expect("an append");
            let region = terms.region.clone();
            let request = PermitRequest { entry: logged.index, region, instrument, region_head_size: 0 };
            log.permit(request).await.expect("a permit");
        }
    }

    /// One caller at a time: append, permit, and the region's whole check.
    async fn lone(&self) -> Measured {
        let begun = Instant::now();
        let mut latencies = Vec::new();
        for n in 0..LONE {
            let start = Instant::now();
            let draft = draft(n).granting(self.terms.as_ref().clone());
            let logged = self.log.append(draft).await.expect("an append");
            let region = self.terms.region.clone();
            let own_head: TreeHead = self.witnesses[1].head();
            let request = PermitRequest {
                entry: logged.index,
                region: region.clone(),
                instrument: self.instrument.as_ref().clone(),
                region_head_size: own_head.size,
            };
            let permit = self.log.permit(request).await.expect("a permit");
            let expected = Expectations {
                policy: &self.policy,
                accept: Accept::NormalOnly,
                region: &region,
                roster: &Court,
                own_head,
                now: SystemClock.now(),
                age_max_seconds: 600,
            };
            verify(&permit, &expected).expect("a good permit");
            latencies.push(start.elapsed());
        }
        let rate = LONE as f64 / begun.elapsed().as_secs_f64();
        latencies.sort();
        Measured { rate, latencies }
    }
}

fn draft(n: usize) -> EntryDraft {
    let text = serde_json::json!({"n": n, "what": "as long as such values usually are, give or take some"});
    let time = "2014-01-01".parse().expect("a date");
    [Slot::Kind, Slot::Matter, Slot::Demand, Slot::Facts, Slot::Law, Slot::Positions, Slot::Decision]
        .into_iter()
        .fold(EntryDraft::new(format!("m-{n}"), time), |draft, slot| draft.with(slot, text.clone()))
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

fn demand() -> Demand {
    let court: AuthorityId = "us-sdny".parse().expect("a name");
    Demand {
        id: "13-mag-2814".parse().expect("a name"),
        version: 1,
        instrument: InstrumentKind::Warrant,
        basis: "18 U.S.C. 2703(a)".to_owned(),
        issuing: court.clone(),
        validating: None,
        on_behalf_of: "US".parse().expect("a country"),
        served_on: "head-office".parse().expect("a name"),
        issued: "2013-12-04".parse().expect("a date"),
        valid_until: None,
        return_by: None,
        proof: ProofLevel::ProbableCause,
        offence: Offence {
            description: "narcotics".to_owned(),
            max_penalty_years: 20,
            listed: false,
            place: "US".parse().expect("a country"),
        },
        acts: vec![Act::Disclose],
        accounts: vec!["molly@post.example".parse().expect("an address")],
        classes: vec![DataClass::Content],
        range: DateRange::ALL,
        term: Term::Stored,
        emergency: false,
        deliver_to: court,
        relates: None,
        executes: None,
    }
}

fn terms(demand: &Demand, instrument: &SignedInstrument) -> GrantTerms {
    let region: RegionId = "ie-dublin".parse().expect("a name");
    GrantTerms {
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
        decided: "2014-01-01".parse().expect("a date"),
        ciphertext: false,
        conditions: Vec::new(),
    }
}
