//! What a region is shown in a permit it does not forget, although the log never asks for its cosignature.

use std::path::Path;
use std::sync::Arc;

use rogatory::demand::{DateRange, Item, Place, SignedInstrument};
use rogatory::disk::RealDisk;
use rogatory::entropy::Entropy;
use rogatory::record::entry::{EntryDraft, Slot};
use rogatory::record::log::{Log, PermitRequest};
use rogatory::record::opening::MemoryOpenings;
use rogatory::record::permit::{GrantTerms, Permit};
use rogatory::record::policy::Policy;
use rogatory::record::storage::FolderStorage;
use rogatory::region::{
    Body, Call, Card, Enrolment, Link, LinkLimits, Node, NodeParts, Peer, Reply, Wan, prepare,
};
use rogatory::world::{DataClass, RegionId};

use crate::common::{LAW, WORLD, address, start, warrant};
use crate::record_testing::{Cast, log_signer};

const REGION: &str = "us-virginia";
const NAME: &str = "rogatory.example/record/witness/us-virginia";
const ACCOUNT: &str = "oakland@post.example";

/// A node, and a log of which it is a witness and which asks the two others only.
async fn started(folder: &Path) -> (Log, Link<Call, Reply>) {
    let mut cast = Cast::small("heeds");
    let (own, region) = (folder.join("region"), REGION.parse::<RegionId>().unwrap());
    let key = prepare(&RealDisk, &own, REGION, NAME, &Entropy::seeded("heeds")).unwrap();
    let mut members = cast.policy.witnesses().to_vec();
    (members[0].id, members[0].key) = (REGION.to_owned(), key);
    let log_key = log_signer(&cast.entropy).verifier().clone();
    cast.policy = Policy::standard(log_key, &"US".parse().unwrap(), members).unwrap();
    let mut enrolment = Enrolment::new(REGION, &cast.policy);
    enrolment.seed = Some("heeds".to_owned());
    enrolment.write(&RealDisk, &own).unwrap();
    let parts = NodeParts {
        folder: own,
        region: region.clone(),
        world: WORLD.clone(),
        law: LAW.clone(),
        disk: Arc::new(RealDisk),
    };
    let node = Arc::new(Node::open(parts, NAME).unwrap());
    let to = Peer::Region(region);
    let link = Link::in_process(Peer::HeadOffice, to, node, LinkLimits::default(), Wan::none());

    let storage =
        FolderStorage::open(Arc::new(RealDisk), &folder.join("record"), &folder.join("own")).unwrap();
    let mut options = cast.options(Arc::new(storage), Arc::new(MemoryOpenings::default()));
    options.witnesses.remove(0);
    (Log::create(options, &cast.genesis()).await.unwrap(), link)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_region_that_was_shown_a_stay_releases_for_no_older_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let (log, link) = started(folder.path()).await;
    let call = async |call: Call| link.call(call, Body::empty()).await.unwrap().reply;
    let holder = serde_json::json!({ "declared-country": "US" });
    let card: Card = serde_json::from_value(serde_json::json!({
        "address": ACCOUNT, "name": "Somebody", "holder": holder, "created": "2012-01-01T00:00:00Z",
    }))
    .unwrap();
    let open = Call::OpenMailbox { card, classes: DataClass::ALL.into(), password: None };
    assert!(matches!(call(open).await, Reply::Done));

    let region: RegionId = REGION.parse().unwrap();
    let decide = async |id: &str| {
        let demand = warrant(id, ACCOUNT);
        let key = WORLD.roster().demo_signing_key(&demand.issuing).unwrap();
        let instrument = demand.sign(&key);
        let terms = GrantTerms {
            demand: demand.id.clone(),
            version: 1,
            instrument_digest: instrument.digest(),
            region: region.clone(),
            items: vec![Item {
                account: address(ACCOUNT),
                class: DataClass::Content,
                range: DateRange::ALL,
                place: Place::Region(region.clone()),
            }],
            requester: demand.issuing.clone(),
            recipient: demand.deliver_to.clone(),
            decided: start(),
            ciphertext: false,
            conditions: Vec::new(),
        };
        let entry = log.append(EntryDraft::new(id, start()).granting(terms)).await.unwrap().index;
        (entry, instrument)
    };
    let permit = async |of: &(u64, SignedInstrument)| -> Permit {
        let Reply::Status(status) = call(Call::Status).await else { panic!() };
        let (entry, instrument) = of.clone();
        let (region, region_head_size) = (region.clone(), status.cosigned);
        log.permit(PermitRequest { entry, region, instrument, region_head_size }).await.unwrap()
    };
    let release =
        async |permit: &Permit| call(Call::Release { permit: Box::new(permit.clone()), now: start() }).await;

    // The log has not asked it for a cosignature, and it releases all the same.
    let first = decide("w-1").await;
    assert!(matches!(release(&permit(&first).await).await, Reply::Produced(_)));

    let second = decide("w-2").await;
    let before = permit(&second).await;
    let stay = EntryDraft::new("w-2", start()).with(Slot::Kind, serde_json::json!("order"));
    log.append(stay).await.unwrap();
    let overtaken = release(&permit(&second).await).await;
    assert!(matches!(&overtaken, Reply::Refused { why, .. } if why.contains("same matter")), "{overtaken:?}");
    // Within a day, with a quorum, and from before the stay.
    let older = release(&before).await;
    assert!(matches!(&older, Reply::Refused { why, .. } if why.contains("has cosigned")), "{older:?}");
    log.close().await;
}
