//! Deleted mail: unreadable at once, shredded when its key is retired, kept while a matter needs it.

use std::path::Path;

use rogatory::demand::{DateRange, Outcome, Relation, RelationKind};
use rogatory::entropy::Entropy;
use rogatory::gate::{Order, OrderEffect, Selector};
use rogatory::provider::{Deployment, DeploymentOptions};
use rogatory::store::{Store, Uid};
use rogatory::vault::Rotate;
use rogatory::world::DataClass;

use crate::common::*;

const ACCOUNT: &str = "dublin@post.example";
const MATTER: &str = "us-sdny-magistrate/w-1";

/// In 2014 the provider contests a warrant that reaches to Dublin: the matter stays open.
fn in_2014(data: &Path) -> DeploymentOptions {
    DeploymentOptions { start: "2014-08-30T12:00:00Z".parse().unwrap(), ..options(data) }
}

/// What rests in a region, looked at while nothing runs.
struct Region(Store);

impl Region {
    fn open(data: &Path, region: &str) -> Self {
        let folder = data.join("regions").join(region).join("store");
        Region(Store::open(&folder, &region.parse().unwrap(), None, Entropy::system()).unwrap())
    }

    fn holds(&self, class: DataClass) -> Vec<String> {
        let card = self.0.mailbox(&address(ACCOUNT)).unwrap().unwrap();
        self.0.holds(&card, class).unwrap()
    }

    /// What the owner reads.
    fn read(&self) -> Vec<Uid> {
        let session = self.0.log_in(&address(ACCOUNT), ACCOUNT).unwrap();
        let card = self.0.mailbox(&address(ACCOUNT)).unwrap().unwrap();
        let objects = self.0.objects(&session, card.copy(DataClass::Content).unwrap()).unwrap();
        objects.map(|object| object.unwrap().uid()).collect()
    }

    async fn delete(&self, uids: &[Uid]) {
        let session = self.0.log_in(&address(ACCOUNT), ACCOUNT).unwrap();
        let card = self.0.mailbox(&address(ACCOUNT)).unwrap().unwrap();
        let content = card.copy(DataClass::Content).unwrap();
        assert_eq!(self.0.delete(&session, content, uids).await.unwrap(), uids.len());
        for uid in uids {
            assert!(self.0.object(&session, content, *uid).unwrap().is_none(), "unreadable at once");
        }
    }

    /// How many deleted objects were shredded, and how many a hold keeps.
    async fn shred(&self) -> (u64, u64) {
        let done = self.0.shred_deleted(&Rotate::new()).await.unwrap();
        (done.shredded, done.held)
    }
}

async fn set_up(data: &Path, messages: usize) -> Deployment {
    let mut deployment = Deployment::start(in_2014(data)).await.unwrap();
    open_account(&mut deployment.provider, ACCOUNT, "IE").await;
    for number in 0..messages {
        deployment.provider.deliver(mail(ACCOUNT, message(number))).await.unwrap();
    }
    deployment
}

fn issued_in_2014(id: &str) -> rogatory::demand::Demand {
    rogatory::demand::Demand { issued: "2014-08-30T12:00:00Z".parse().unwrap(), ..warrant(id, ACCOUNT) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_lasts_until_its_matter_is_over_and_no_longer() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let deployment = set_up(&data, 4).await;
    let instrument = deployment.provider.sign(&issued_in_2014("w-1")).unwrap();
    deployment.provider.receive(instrument).await.unwrap();
    deployment.stop().await;

    // What was produced at once is not held any more; what is fought over is.
    assert_eq!(Region::open(&data, "us-virginia").holds(DataClass::Traffic), [""; 0]);
    let dublin = Region::open(&data, "ie-dublin");
    assert_eq!(dublin.holds(DataClass::Content), [MATTER]);
    dublin.delete(&[Uid(1), Uid(2)]).await;
    assert_eq!(dublin.read(), [Uid(3), Uid(4)]);
    assert_eq!((dublin.shred().await, dublin.0.key_status().unwrap().kept), ((0, 0), 2));
    drop(dublin);

    // Four years later a new warrant takes the place of the old one, and reaches what was deleted meanwhile.
    let mut deployment = Deployment::start(in_2014(&data)).await.unwrap();
    let provider = &mut deployment.provider;
    provider.advance_to(start()).await.unwrap();
    let relates = Some(Relation { kind: RelationKind::Supersedes, demand: "w-1".parse().unwrap() });
    let newer = rogatory::demand::Demand { relates, ..warrant("w-2", ACCOUNT) };
    provider.receive(provider.sign(&newer).unwrap()).await.unwrap();
    let lapsed = |item: &rogatory::gate::ItemDecision| item.outcome == Some(Outcome::Lapsed);
    assert!(provider.show("w-1").unwrap().items.iter().any(lapsed));
    let produced = productions(&data, RECIPIENT).into_iter().find(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.contains("w-2.ie-dublin")
    });
    let produced = open_production(&produced.unwrap(), RECIPIENT);
    assert_eq!(produced.keys().filter(|path| path.ends_with(".eml")).count(), 4);
    deployment.stop().await;

    // Both matters are over, and nothing needs what was deleted.
    let dublin = Region::open(&data, "ie-dublin");
    assert_eq!(dublin.holds(DataClass::Content), [""; 0]);
    assert_eq!(dublin.0.key_status().unwrap().kept, 0);
    assert_eq!(dublin.shred().await, (2, 0));
    let status = dublin.0.key_status().unwrap();
    assert_eq!((status.deleted_not_shredded, status.copies_between_keys), (0, 0));
    assert_eq!(dublin.read(), [Uid(3), Uid(4)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_ends_by_order_and_with_the_last_day_of_its_demand() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut deployment = set_up(&data, 1).await;
    let provider = &mut deployment.provider;
    provider.receive(provider.sign(&issued_in_2014("w-1")).unwrap()).await.unwrap();
    let until = Some("2014-12-31T00:00:00Z".parse().unwrap());
    let dated = rogatory::demand::Demand { valid_until: until, ..issued_in_2014("w-2") };
    provider.receive(provider.sign(&dated).unwrap()).await.unwrap();
    let early = DateRange { from: None, to: "2013-01-01".parse().ok() };
    let empty = rogatory::demand::Demand { range: early, ..issued_in_2014("w-3") };
    provider.receive(provider.sign(&empty).unwrap()).await.unwrap();
    deployment.stop().await;
    let held = |data: &Path| Region::open(data, "ie-dublin").holds(DataClass::Content);
    let all = ["us-sdny-magistrate/w-1", "us-sdny-magistrate/w-2", "us-sdny-magistrate/w-3"];
    assert_eq!(held(&data), all);

    let mut deployment = Deployment::start(in_2014(&data)).await.unwrap();
    let provider = &mut deployment.provider;
    let quashes = Order {
        id: "quashed".parse().unwrap(),
        by: "us-sdny-magistrate".parse().unwrap(),
        effect: OrderEffect::Quashes,
        on: Selector::default(),
        from: provider.now(),
        until: None,
        by_stipulation: false,
        conditions: Vec::new(),
    };
    let first = provider.docket().find("w-1").unwrap().id().clone();
    provider.enter_order(&first, quashes).await.unwrap();
    deployment.stop().await;
    assert_eq!(held(&data), all[1..]);

    let deployment = Deployment::start(in_2014(&data)).await.unwrap();
    deployment.provider.advance_to("2014-12-31T00:00:00Z".parse().unwrap()).await.unwrap();
    deployment.provider.advance_to("2015-01-02T00:00:00Z".parse().unwrap()).await.unwrap();
    deployment.stop().await;
    assert_eq!(held(&data), all[2..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_hold_deleted_mail_is_shredded_through_the_provider() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    set_up(&data, 3).await.stop().await;
    let dublin = Region::open(&data, "ie-dublin");
    dublin.delete(&[Uid(2)]).await;
    assert_eq!(dublin.0.key_status().unwrap().deleted_not_shredded, 1);
    drop(dublin);
    let deployment = Deployment::start(in_2014(&data)).await.unwrap();
    let shredded = deployment.provider.shred(None).await.unwrap();
    let (_, status) = shredded.iter().find(|(region, _)| region.as_str() == "ie-dublin").unwrap();
    assert_eq!(*status, serde_json::json!({ "shredded": 1, "held": 0 }));
    let left: Vec<Vec<u8>> = mailbox(&deployment.provider, ACCOUNT).await;
    assert_eq!(left, [message(0), message(2)]);
    deployment.stop().await;
}
