//! Invariant 1: nothing is released without a recorded, cosigned decision for exactly that scope, requester and moment.
//! Every way to alter a permit is refused, each for its own reason.

use proptest::prelude::*;
use rogatory::clock::{Clock, SystemClock};
use rogatory::demand::{Act, DateRange, Demand, InstrumentKind, Place, SignedInstrument};
use rogatory::record::checkpoint::{CheckpointError, SignedCheckpoint};
use rogatory::record::entry::{EntryDraft, Slot};
use rogatory::record::permit::{
    Consistency, Expectations, GrantTerms, Permit, PermitError, Reached, VerifiedPermit, verify,
};
use rogatory::record::policy::{Accept, QuorumError};
use rogatory::world::{DataClass, RegionId};

use crate::record_testing::{
    Deployment, NOW, Roster, authority, demand, region, signing_key, terms, time, verified_permit,
};

struct Case {
    deployment: Deployment,
    region: RegionId,
    demand: Demand,
    instrument: SignedInstrument,
    roster: Roster,
}

impl Case {
    async fn new() -> Self {
        let deployment = Deployment::new("permits").await;
        let demand = demand();
        let instrument = demand.sign(&signing_key(&demand.issuing));
        Case { deployment, region: region("ie-dublin"), demand, instrument, roster: Roster::standard() }
    }

    fn terms(&self) -> GrantTerms {
        terms(&self.demand, &self.region)
    }

    /// A permit for these terms, as head office would put it together. The regions cosign late, so it is fetched anew until
    /// their heads stand still.
    async fn permit_for(&self, terms: GrantTerms) -> Permit {
        let entry = self.deployment.decide("m-dublin", terms).await;
        self.deployment.permit(entry, &self.region, &self.instrument).await
    }

    fn verify(&self, permit: &Permit) -> Result<VerifiedPermit, PermitError> {
        self.deployment.verify(permit, &self.region)
    }

    fn verify_with<'a>(
        &'a self,
        permit: &Permit,
        change: impl FnOnce(&mut Expectations<'a>),
    ) -> Result<VerifiedPermit, PermitError> {
        let mut expected = Expectations {
            policy: &self.deployment.cast.policy,
            accept: Accept::NormalOnly,
            region: &self.region,
            roster: &self.roster,
            own_head: self.deployment.own_head(&self.region),
            now: SystemClock.now(),
            age_max_seconds: 600,
            simulated_now: time(NOW),
            reached: None,
        };
        change(&mut expected);
        verify(permit, &expected)
    }

    async fn refused(&self, terms: GrantTerms) -> PermitError {
        let permit = self.permit_for(terms).await;
        self.verify(&permit).expect_err("a permit that should be refused")
    }

    /// Another instrument of the court, with a grant that answers it.
    async fn refused_instrument(&self, demand: Demand) -> PermitError {
        let instrument = demand.sign(&signing_key(&demand.issuing));
        let terms = terms(&demand, &self.region);
        let entry = self.deployment.decide("m-other", terms).await;
        let permit = self.deployment.permit(entry, &self.region, &instrument).await;
        self.verify(&permit).expect_err("a permit that should be refused")
    }

    /// Entries of other matters.
    async fn other_entries(&self, count: usize) {
        for n in 0..count {
            let draft = EntryDraft::new(format!("m-other-{n}"), time("2014-01-01"));
            self.deployment.log.append(draft).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_honest_permit_is_believed_and_says_what_it_covers() {
    let case = Case::new().await;
    let permit = case.permit_for(case.terms()).await;
    let verified = case.verify(&permit).unwrap();
    assert_eq!(verified.region(), &case.region);
    assert_eq!(verified.items(), case.terms().items);
    assert_eq!(verified.requester(), &authority("us-sdny"));
    assert_eq!(verified.recipient(), &authority("us-dea"));
    assert_eq!((verified.entry(), verified.ciphertext_only()), (1, false));
    assert_eq!(verified.demand(), &case.demand);

    // What is shown again, with a newer checkpoint, is the same release.
    case.other_entries(3).await;
    let again = case.deployment.permit(1, &case.region, &case.instrument).await;
    assert_eq!(again.later.leaves.len(), 3);
    assert_eq!(case.verify(&again).unwrap().permit_id(), verified.permit_id());
    assert_eq!(Permit::from_bytes(&again.to_bytes()).unwrap(), again);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_that_goes_beyond_the_instrument_is_refused() {
    let case = Case::new().await;
    let with = |change: &dyn Fn(&mut GrantTerms)| {
        let mut terms = case.terms();
        change(&mut terms);
        case.refused(terms)
    };
    let item = |change: &dyn Fn(&mut rogatory::demand::Item)| {
        let mut terms = case.terms();
        change(&mut terms.items[0]);
        case.refused(terms)
    };
    let leo: rogatory::world::Address = "leo@post.example".parse().unwrap();
    assert_eq!(item(&|item| item.account = leo.clone()).await, PermitError::Account(leo.clone()));
    assert_eq!(item(&|item| item.class = DataClass::Traffic).await, PermitError::Class(DataClass::Traffic));
    let molly = case.terms().items[0].account.clone();
    assert_eq!(item(&|item| item.range = DateRange::ALL).await, PermitError::Range(molly.clone()));
    let to = "2014-01-01".parse().ok();
    assert_eq!(item(&|item| item.range.to = to).await, PermitError::Range(molly));
    assert_eq!(
        item(&|item| item.place = Place::Region(region("us-oregon"))).await,
        PermitError::Place(case.region.clone())
    );
    assert_eq!(item(&|item| item.place = Place::Unknown).await, PermitError::Place(case.region.clone()));
    assert_eq!(with(&|terms| terms.items.clear()).await, PermitError::NoItems);
    assert_eq!(
        with(&|terms| terms.recipient = authority("ie-garda")).await,
        PermitError::Recipient { found: authority("ie-garda"), expected: authority("us-dea") }
    );
    assert_eq!(
        with(&|terms| terms.requester = authority("us-dea")).await,
        PermitError::Requester { found: authority("us-dea"), expected: authority("us-sdny") }
    );
    assert!(matches!(with(&|terms| terms.version = 2).await, PermitError::Demand { .. }));
    assert!(matches!(
        with(&|terms| terms.demand = "13-mag-2815".parse().unwrap()).await,
        PermitError::Demand { .. }
    ));
    assert!(matches!(
        with(&|terms| terms.decided = time("2013-12-03")).await,
        PermitError::DecidedBeforeIssued { .. }
    ));
    assert_eq!(with(&|terms| terms.instrument_digest[0] ^= 1).await, PermitError::InstrumentDigest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instrument_that_its_issuer_did_not_or_may_not_make_is_refused() {
    let case = Case::new().await;
    let mut foreign = case.demand.clone();
    foreign.issuing = authority("xx-nobody");
    assert_eq!(case.refused_instrument(foreign).await, PermitError::UnknownIssuer(authority("xx-nobody")));
    let mut beyond = case.demand.clone();
    beyond.issuing = authority("us-dea");
    assert_eq!(
        case.refused_instrument(beyond).await,
        PermitError::NotCompetent { issuer: authority("us-dea"), kind: InstrumentKind::Warrant }
    );
    let mut preserve = case.demand.clone();
    preserve.acts = vec![Act::Preserve];
    assert_eq!(case.refused_instrument(preserve).await, PermitError::NotDisclosure);
    let mut nowhere = case.demand.clone();
    nowhere.deliver_to = authority("xx-nobody");
    assert_eq!(case.refused_instrument(nowhere).await, PermitError::NoRecipientKey(authority("xx-nobody")));

    // Head office writes a wider warrant itself, and records a grant that answers it.
    let mut forged = case.demand.clone();
    forged.classes.push(DataClass::Traffic);
    let forged_instrument = forged.sign(&signing_key(&authority("us-dea")));
    let mut wide = terms(&forged, &case.region);
    wide.instrument_digest = forged_instrument.digest();
    let entry = case.deployment.decide("m-forged", wide).await;
    let permit = case.deployment.permit(entry, &case.region, &forged_instrument).await;
    assert!(
        matches!(case.verify(&permit), Err(PermitError::Instrument(issuer, _)) if issuer == authority("us-sdny"))
    );

    let garbled = SignedInstrument::from_parts(b"{}".to_vec(), vec![0; 64]);
    let mut none = case.terms();
    none.instrument_digest = garbled.digest();
    let entry = case.deployment.decide("m-garbled", none).await;
    let permit = case.deployment.permit(entry, &case.region, &garbled).await;
    assert!(matches!(case.verify(&permit), Err(PermitError::NoIssuer(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permit_that_was_altered_on_the_way_is_refused() {
    let case = Case::new().await;
    case.other_entries(2).await;
    let honest = case.permit_for(case.terms()).await;
    let other = case
        .deployment
        .decide("m-2", {
            let mut t = case.terms();
            t.ciphertext = true;
            t
        })
        .await;
    let other = case.deployment.permit(other, &case.region, &case.instrument).await;
    let honest = Permit { ..case.deployment.permit(honest.entry, &case.region, &case.instrument).await };
    assert!(case.verify(&honest).is_ok());
    let altered = |change: &dyn Fn(&mut Permit)| {
        let mut permit = honest.clone();
        change(&mut permit);
        case.verify(&permit).expect_err("an altered permit")
    };

    assert_eq!(altered(&|p| p.entry = 2), PermitError::Inclusion(2));
    assert_eq!(altered(&|p| p.entry = 99), PermitError::NotYetLogged { entry: 99, size: 5 });
    assert!(matches!(altered(&|p| p.leaf[0] = 2), PermitError::Leaf(_)));
    assert_eq!(altered(&|p| p.leaf[20] ^= 1), PermitError::Inclusion(3));
    assert_eq!(altered(&|p| p.inclusion.clear()), PermitError::Inclusion(3));
    assert!(matches!(altered(&|p| p.grants.salt[0] ^= 1), PermitError::Opening(_)));
    assert!(matches!(altered(&|p| p.grants.value.push(' ')), PermitError::Opening(_)));
    assert!(matches!(altered(&|p| p.grant = other.grant.clone()), PermitError::GrantHash(_)));
    assert_eq!(altered(&|p| p.later.leaves.clear()), PermitError::LaterCount { found: 0, expected: 1 });
    assert_eq!(altered(&|p| p.later.leaves[0].0[40] ^= 1), PermitError::LaterProof(3));
    assert_eq!(altered(&|p| p.later.before.clear()), PermitError::LaterProof(3));
    assert_eq!(altered(&|p| p.later.before[0].0[0] ^= 1), PermitError::LaterProof(3));
    let mut wider = case.demand.clone();
    wider.classes.push(DataClass::Traffic);
    let wider = wider.sign(&signing_key(&wider.issuing));
    assert_eq!(altered(&|p| p.instrument = wider.clone()), PermitError::InstrumentDigest);
    let forged = case.demand.sign(&signing_key(&authority("us-dea")));
    assert!(matches!(altered(&|p| p.instrument = forged.clone()), PermitError::Instrument(..)));
    assert!(matches!(altered(&|p| p.checkpoint.clear()), PermitError::Checkpoint(CheckpointError::Note)));
    let moved = honest.checkpoint.replacen("\n5\n", "\n6\n", 1);
    assert!(matches!(
        altered(&|p| p.checkpoint = moved.clone()),
        PermitError::Quorum(QuorumError::Checkpoint(CheckpointError::LogSignature(_)))
    ));
    assert!(matches!(Permit::from_bytes(b"{}"), Err(PermitError::Unreadable(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permit_of_another_moment_place_or_matter_is_refused() {
    let case = Case::new().await;
    let permit = case.permit_for(case.terms()).await;

    // For another region: nothing is granted there, and a grant for one is none for another.
    let oregon = region("us-oregon");
    assert_eq!(
        case.verify_with(&permit, |expected| expected.region = &oregon).unwrap_err(),
        PermitError::NoGrant(oregon.clone())
    );

    // A stay, or anything else of the same matter, overtakes it.
    case.other_entries(1).await;
    let draft = EntryDraft::new("m-dublin", time("2014-07-31")).with(Slot::Kind, serde_json::json!("order"));
    let stay = case.deployment.log.append(draft).await.unwrap().index;
    let overtaken = case.deployment.permit(permit.entry, &case.region, &case.instrument).await;
    assert_eq!(case.verify(&overtaken).unwrap_err(), PermitError::Overtaken(stay));

    // The permit as it was before the stay: the region has cosigned more since.
    assert!(matches!(case.verify(&permit).unwrap_err(), PermitError::OlderThanOwnHead { .. }));
    // Even a region that has not, and is shown it late, finds it stale.
    let late = case.verify_with(&permit, |expected| {
        expected.own_head = rogatory::record::TreeHead::EMPTY;
        expected.now = SystemClock.now().plus_seconds(601);
    });
    assert!(matches!(late.unwrap_err(), PermitError::Quorum(QuorumError::Stale { .. })));
    let early = case.verify_with(&permit, |expected| {
        expected.own_head = rogatory::record::TreeHead::EMPTY;
        expected.now = SystemClock.now().plus_seconds(-3600);
    });
    assert!(matches!(early.unwrap_err(), PermitError::Quorum(QuorumError::Stale { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn head_office_cannot_go_back_in_time() {
    let case = Case::new().await;
    let old = case.permit_for(case.terms()).await;
    let decided = case.terms().decided;
    let at = |permit: &Permit, now: &str, reached: Option<Reached>| {
        case.verify_with(permit, |expected| {
            expected.simulated_now = time(now);
            expected.reached = reached;
        })
    };
    let verified = at(&old, "2014-06-01", None).unwrap();
    assert_eq!(verified.simulated_now(), time("2014-06-01"));
    let reached = verified.reached();
    assert_eq!(reached, Reached { time: time("2014-06-01"), size: verified.checkpoint_size() });

    // An older decision that stands is shown again, at the same moment or later; at no earlier one.
    assert_eq!(at(&old, "2014-06-01", Some(reached)).unwrap().reached(), reached);
    assert_eq!(at(&old, "2014-06-02", Some(reached)).unwrap().reached().time, time("2014-06-02"));
    assert_eq!(
        at(&old, "2014-05-31", Some(reached)).unwrap_err(),
        PermitError::TimeGoesBack { now: time("2014-05-31"), reached: reached.time }
    );
    assert_eq!(
        at(&old, "2013-12-05", None).unwrap_err(),
        PermitError::DecidedInFuture { decided, now: time("2013-12-05") }
    );

    // A decision recorded after that, and dated before it.
    let mut terms = case.terms();
    terms.ciphertext = true;
    let entry = case.deployment.decide("m-backdated", terms).await;
    let backdated = case.deployment.permit(entry, &case.region, &case.instrument).await;
    assert_eq!(
        at(&backdated, "2014-06-02", Some(reached)).unwrap_err(),
        PermitError::DatedBack { entry, decided, reached: reached.time, size: reached.size }
    );
    // To a region that was shown nothing it is a decision like any other.
    assert!(at(&backdated, "2014-06-02", None).is_ok());

    // The grant says one moment, and the entry shows everyone another month.
    let draft = EntryDraft::new("m-two-dates", time("2014-06-03")).granting(case.terms());
    let entry = case.deployment.log.append(draft).await.unwrap().index;
    let two_dates = case.deployment.permit(entry, &case.region, &case.instrument).await;
    assert_eq!(
        at(&two_dates, "2014-06-03", None).unwrap_err(),
        PermitError::Month { decided, month: (2014, 6) }
    );
    // And the same entry betrays whoever shows an older one as if nothing had happened since.
    let again = case.deployment.permit(old.entry, &case.region, &case.instrument).await;
    assert_eq!(
        at(&again, "2014-05-31", None).unwrap_err(),
        PermitError::BehindRecord { entry, month: (2014, 6), now: time("2014-05-31") }
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demand_that_has_expired_releases_nothing() {
    let mut case = Case::new().await;
    let until = time("2013-12-20");
    case.demand.valid_until = Some(until);
    case.instrument = case.demand.sign(&signing_key(&case.demand.issuing));
    let permit = case.permit_for(case.terms()).await;
    let at = |now| case.verify_with(&permit, |expected| expected.simulated_now = now);
    assert!(at(until).is_ok());
    let now = until.plus_seconds(1);
    assert_eq!(at(now).unwrap_err(), PermitError::Expired { until, now });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_few_or_the_wrong_cosignatures_are_refused() {
    let case = Case::new().await;
    let permit = case.permit_for(case.terms()).await;
    let policy = &case.deployment.cast.policy;
    let checkpoint = SignedCheckpoint::parse(&permit.checkpoint).unwrap();
    let cosigners = policy.check(&checkpoint, Accept::NormalOnly).unwrap().cosigners;
    let with_only = |ids: &[&str]| {
        let keys: Vec<_> = ids.iter().map(|id| &policy.witness(id).unwrap().key).collect();
        let keys: Vec<_> = keys.into_iter().chain([policy.log()]).collect();
        let mut permit = permit.clone();
        permit.checkpoint = checkpoint.only_by(&keys).to_string();
        permit.consistency = Consistency { from: 0, proof: Vec::new() };
        case.verify_with(&permit, |expected| expected.own_head = rogatory::record::TreeHead::EMPTY)
    };
    let is_too_few = |result: Result<VerifiedPermit, PermitError>| {
        matches!(result, Err(PermitError::Quorum(QuorumError::TooFew { .. })))
    };
    let all: Vec<&str> = cosigners.iter().map(|c| c.witness.as_str()).collect();
    assert!(with_only(&all).is_ok());
    assert!(is_too_few(with_only(&[])));
    // All who are not independent, and no outsider.
    let provider: Vec<&str> = all.iter().copied().filter(|id| *id != "uni").collect();
    assert!(is_too_few(with_only(&provider)));
    // The outsider, and too few independent ones.
    let dependent = ["us-virginia", "us-oregon", "ie-dublin", "gb-london", "br-saopaulo"];
    let few: Vec<&str> = all.iter().copied().filter(|id| dependent.contains(id) || *id == "uni").collect();
    assert!(is_too_few(with_only(&few)));

    // A cosignature over something else makes the whole note unacceptable.
    let other = SignedCheckpoint::parse(&case.permit_for(case.terms()).await.checkpoint).unwrap();
    let wrong = other.signatures().iter().filter(|s| s.name().ends_with("/witness/uni")).cloned();
    let mut swapped = permit.clone();
    swapped.checkpoint = checkpoint.only_by(&[policy.log()]).with_signatures(wrong).to_string();
    assert!(matches!(
        case.verify(&swapped),
        Err(PermitError::Quorum(QuorumError::Checkpoint(CheckpointError::Cosignature(_))))
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permit_of_a_forked_or_foreign_log_is_refused() {
    // Two logs with the same keys: the same origin with two histories, each cosigned by witnesses that know only it.
    let case = Case::new().await;
    let fork = Case::new().await;
    case.other_entries(3).await;
    fork.deployment.decide("m-fork", fork.terms()).await;
    let forked = fork.permit_for(fork.terms()).await;
    // The region has cosigned four entries here; there are three in the fork.
    let shorter = case.verify_with(&forked, |_| {});
    assert!(matches!(shorter.unwrap_err(), PermitError::OlderThanOwnHead { .. }));
    fork.other_entries(1).await;
    let same_size = fork.deployment.permit(2, &fork.region, &fork.instrument).await;
    let own = case.deployment.log.head();
    let refused = case.verify_with(&same_size, |expected| expected.own_head = own).unwrap_err();
    assert!(matches!(refused, PermitError::Forked { .. }));
    fork.other_entries(4).await;
    let longer = fork.deployment.permit(2, &fork.region, &fork.instrument).await;
    let mut longer = Permit { ..longer };
    longer.consistency.from = own.size;
    let refused = case.verify_with(&longer, |expected| expected.own_head = own).unwrap_err();
    assert!(matches!(refused, PermitError::Forked { .. }));
    longer.consistency.from = 0;
    longer.consistency.proof.clear();
    let refused = case.verify_with(&longer, |expected| expected.own_head = own).unwrap_err();
    assert_eq!(refused, PermitError::ConsistencyStart { found: 0, own: own.size });

    let foreign = crate::record_testing::Cast::new("another seed").policy;
    let permit = case.permit_for(case.terms()).await;
    let refused = case.verify_with(&permit, |expected| expected.policy = &foreign).unwrap_err();
    assert!(matches!(refused, PermitError::Quorum(QuorumError::Checkpoint(CheckpointError::Unsigned(_)))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_that_too_many_entries_follow_has_to_be_recorded_anew() {
    let case = Case::new().await;
    let entry = case.deployment.decide("m-dublin", case.terms()).await;
    let appends = (0..Permit::LATER_MAX + 1).map(|n| {
        let log = case.deployment.log.clone();
        async move { log.append(EntryDraft::new(format!("n{n}"), time("2014-01-01"))).await.unwrap() }
    });
    futures_util::future::join_all(appends).await;
    let request = rogatory::record::log::PermitRequest {
        entry,
        region: case.region.clone(),
        instrument: case.instrument.clone(),
        region_head_size: 0,
    };
    let refused = case.deployment.log.permit(request).await.unwrap_err();
    assert!(matches!(refused, rogatory::record::log::LogError::TooManyLater { later: 1025 }));
}

/// What a verified permit allows; everything else about it may differ between two spellings of one permit.
fn meaning(verified: &VerifiedPermit) -> impl Clone + PartialEq + std::fmt::Debug + use<> {
    (verified.permit_id(), verified.grant().clone(), verified.demand().clone(), verified.checkpoint_size())
}

#[test]
fn a_permit_with_one_flipped_bit_is_refused_or_means_the_same() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (case, permit) = runtime.block_on(async {
        let case = Case::new().await;
        let entry = case.deployment.decide("m-dublin", case.terms()).await;
        case.other_entries(2).await;
        let permit = case.deployment.permit(entry, &case.region, &case.instrument).await;
        (case, permit)
    });
    let bytes = permit.to_bytes();
    let good = meaning(&case.verify(&permit).unwrap());
    let bits = bytes.len() * 8;
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(2048));
    runner
        .run(&(0..bits), |bit| {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(verified) = Permit::from_bytes(&flipped).and_then(|permit| case.verify(&permit)) {
                prop_assert_eq!(meaning(&verified), good.clone());
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_grant_of_ciphertext_stays_one() {
    let (demand, region) = (demand(), region("de-frankfurt"));
    let mut terms = terms(&demand, &region);
    terms.ciphertext = true;
    terms.conditions = vec!["only for the proceedings named".to_owned()];
    let verified = verified_permit(&demand, terms.clone());
    assert!(verified.ciphertext_only());
    assert_eq!(verified.grant().terms, terms);
}
