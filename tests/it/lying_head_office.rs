//! Head office as a region has to expect it at the worst: with its own certificate, its own log and its own record, and with
//! lies about the time and the account holder. A permit that is altered is in `record_permit`.

use std::path::Path;

use rogatory::clock::SimTime;
use rogatory::demand::{DateRange, Demand, Item, Place};
use rogatory::provider::Deployment;
use rogatory::record::entry::EntryDraft;
use rogatory::record::log::PermitRequest;
use rogatory::record::permit::GrantTerms;
use rogatory::region::{Answer, Body, Call, Card, ErrorCode, Link, LinkLimits, Peer, Reply, Wan, production};
use rogatory::world::{AuthorityId, DataClass, RegionId};

use crate::common::*;

/// Head office's end of one region.
struct Liar<'d> {
    deployment: &'d Deployment,
    region: RegionId,
    link: Link<Call, Reply>,
}

impl<'d> Liar<'d> {
    fn at(deployment: &'d Deployment, region: &str) -> Self {
        let region: RegionId = region.parse().unwrap();
        let peer = Peer::Region(region.clone());
        let address = deployment.supervisor().unwrap().address(&peer).unwrap();
        let credentials = deployment.credentials().unwrap();
        let link =
            Link::over_network(credentials, peer, address, LinkLimits::default(), Wan::none()).unwrap();
        Liar { deployment, region, link }
    }

    /// Puts a decision on the content of the demand's accounts into the record, dated as it likes, and shows the permit.
    async fn release(&self, demand: &Demand, decided: SimTime, now: SimTime) -> Answer<Reply> {
        let provider = &self.deployment.provider;
        let instrument = provider.sign(demand).unwrap();
        let place = Place::Region(self.region.clone());
        let items = demand.accounts.iter().map(|account| Item {
            account: account.clone(),
            class: DataClass::Content,
            range: DateRange::ALL,
            place: place.clone(),
        });
        let terms = GrantTerms {
            demand: demand.id.clone(),
            version: demand.version,
            instrument_digest: instrument.digest(),
            region: self.region.clone(),
            items: items.collect(),
            requester: demand.issuing.clone(),
            recipient: demand.deliver_to.clone(),
            decided,
            ciphertext: false,
            conditions: Vec::new(),
        };
        let log = provider.docket().log();
        let draft = EntryDraft::new(demand.id.to_string(), decided).granting(terms);
        let entry = log.append(draft).await.unwrap().index;
        loop {
            let Reply::Status(status) = self.call(Call::Status).await.unwrap() else { panic!() };
            let permit = PermitRequest {
                entry,
                region: self.region.clone(),
                instrument: instrument.clone(),
                region_head_size: status.cosigned,
            };
            let permit = Box::new(log.permit(permit).await.unwrap());
            let answer = self.link.call(Call::Release { permit, now }, Body::empty()).await.unwrap();
            match &answer.reply {
                // It cosigned in between.
                Reply::Refused { why, .. } if why.contains("show a newer one") => {}
                _ => return answer,
            }
        }
    }

    async fn refused(&self, demand: &Demand, decided: SimTime, now: SimTime) -> String {
        match self.release(demand, decided, now).await.reply {
            Reply::Refused { why, .. } => why,
            other => panic!("it was believed: {other:?}"),
        }
    }

    async fn call(&self, call: Call) -> Result<Reply, rogatory::region::ServiceError> {
        Ok(self.link.call(call, Body::empty()).await?.reply)
    }
}

async fn started(data: &Path, account: &str, country: &str) -> Deployment {
    let mut deployment = Deployment::start(options_of_processes(data)).await.unwrap();
    open_account(&mut deployment.provider, account, country).await;
    deployment.provider.deliver(mail(account, message(1))).await.unwrap();
    deployment
}

fn june() -> SimTime {
    "2018-06-01T00:00:00Z".parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_region_is_not_taken_back_to_a_time_with_another_law() {
    const ACCOUNT: &str = "munich@post.example";
    let folder = tempfile::tempdir().unwrap();
    let deployment = started(&folder.path().join("data"), ACCOUNT, "DE").await;
    let liar = Liar::at(&deployment, "de-frankfurt");
    let early = start().plus_days(1);

    // In April nothing that Frankfurt stands under keeps it from releasing; in June something does.
    let Reply::Produced(_) = liar.release(&warrant("april", ACCOUNT), early, early).await.reply else {
        panic!("it would have refused anyway")
    };
    let why = liar.refused(&warrant("june", ACCOUNT), june(), june()).await;
    assert!(why.contains("the law where this region stands"), "{why}");

    // So head office says that it is still April, or at least that it was when this was decided.
    let why = liar.refused(&warrant("again-april", ACCOUNT), early, early).await;
    assert!(why.contains("time does not go back"), "{why}");
    let why = liar.refused(&warrant("was-april", ACCOUNT), early, june()).await;
    assert!(why.contains("2018-06-01T00:00:00Z had come when the log had"), "{why}");

    // A region that was started again has not forgotten.
    let (supervisor, peer) = (deployment.supervisor().unwrap(), Peer::Region(liar.region.clone()));
    supervisor.kill(&peer).await.unwrap();
    supervisor.revive(&peer).await.unwrap();
    let why = liar.refused(&warrant("april-once-more", ACCOUNT), early, early).await;
    assert!(why.contains("time does not go back"), "{why}");
    deployment.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_region_sees_by_itself_that_a_demand_has_expired() {
    const ACCOUNT: &str = "oakland@post.example";
    let folder = tempfile::tempdir().unwrap();
    let deployment = started(&folder.path().join("data"), ACCOUNT, "US").await;
    let home = deployment.provider.directory().find(&address(ACCOUNT)).unwrap().home().unwrap().clone();
    let liar = Liar::at(&deployment, home.as_str());
    let mut demand = warrant("short", ACCOUNT);
    demand.valid_until = Some(start().plus_days(14));
    let why = liar.refused(&demand, start().plus_days(15), start().plus_days(15)).await;
    assert!(why.contains("the demand was valid until 2018-04-24T12:00:00Z"), "{why}");
    // Nor does it help to say that it was decided in time: it is shown too late.
    demand.id = "short-2".parse().unwrap();
    let why = liar.refused(&demand, start().plus_days(1), start().plus_days(15)).await;
    assert!(why.contains("the demand was valid until"), "{why}");
    demand.id = "short-3".parse().unwrap();
    let last = demand.valid_until.unwrap();
    assert!(matches!(liar.release(&demand, last, last).await.reply, Reply::Produced(_)));
    deployment.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_region_s_record_of_an_account_holder_is_not_head_office_s_to_change() {
    const ACCOUNT: &str = "munich@post.example";
    let folder = tempfile::tempdir().unwrap();
    let deployment = started(&folder.path().join("data"), ACCOUNT, "DE").await;
    let liar = Liar::at(&deployment, "de-frankfurt");
    let account = deployment.provider.directory().find(&address(ACCOUNT)).unwrap();
    let honest = Card {
        address: account.address.clone(),
        name: account.holder.name.clone(),
        holder: account.holder.known(),
        created: account.holder.created,
    };
    let say =
        |card: Card| liar.call(Call::OpenMailbox { card, classes: DataClass::ALL.into(), password: None });
    let mut american = honest.clone();
    american.holder.declared_country = "US".parse().unwrap();
    american.holder.nationality = "US".parse().ok();
    let error = say(american).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Conflict);
    assert!(error.message.contains("does not change it on head office's word"), "{error}");
    let mut renamed = honest.clone();
    renamed.name = "Somebody else".to_owned();
    assert_eq!(say(renamed).await.unwrap_err().code, ErrorCode::Conflict);
    // What it knows already may be said again: a start that was interrupted does.
    assert!(matches!(say(honest).await, Ok(Reply::Done)));
    deployment.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_head_office_has_a_key_to_takes_no_other_with_it() {
    const WITH: &str = "cork@post.example";
    const WITHOUT: &str = "galway@post.example";
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let deployment = started(&data, WITH, "IE").await;
    deployment.stop().await;
    // Dublin wraps for head office no more; what it has wrapped stays.
    let path = data.join("regions/ie-dublin/enrolment.json");
    let mut enrolment: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert!(enrolment.as_object_mut().unwrap().remove("head-office").is_some());
    std::fs::write(&path, enrolment.to_string()).unwrap();
    let deployment = started(&data, WITHOUT, "IE").await;

    let liar = Liar::at(&deployment, "ie-dublin");
    let mut demand = warrant("both", WITH);
    demand.accounts.push(address(WITHOUT));
    let answer = liar.release(&demand, june(), june()).await;
    let Reply::Produced(produced) = answer.reply else { panic!("{:?}", answer.reply) };
    assert!(!produced.objections.is_empty(), "it releases the first under protest");
    let [withheld] = produced.withheld.as_slice() else { panic!("{:?}", produced.withheld) };
    assert_eq!(withheld.item.account, address(WITHOUT));
    assert!(withheld.why.contains("head office holds no key"), "{}", withheld.why);
    assert!(!withheld.objections.is_empty());

    let sealed = answer.body.collect(usize::MAX).await.unwrap();
    let recipient: AuthorityId = RECIPIENT.parse().unwrap();
    let secret = WORLD.roster().demo_recipient_secret(&recipient).unwrap();
    let mut archive = Vec::new();
    production::open(sealed.as_ref(), &secret, &mut archive).unwrap();
    let contains = |text: &str| archive.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(contains(WITH));
    assert!(!contains(WITHOUT));

    // Alone it is refused as before.
    let why = liar.refused(&warrant("one", WITHOUT), june(), june()).await;
    assert!(why.contains("the law where this region stands"), "{why}");
    deployment.stop().await;
}
