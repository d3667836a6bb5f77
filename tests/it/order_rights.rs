//! Who may make which order, and what the orders of a matter add up to, on a provider that runs.

use std::path::Path;

use rogatory::demand::{Demand, DemandId, InstrumentKind, Outcome, ProofLevel};
use rogatory::gate::{Duty, MatterId, Order, OrderEffect, PaperId, PerDay, Selector};
use rogatory::provider::{Deployment, DeploymentOptions, Provider};
use rogatory::world::DataClass;

use crate::common::{mail, message, open_account, options, warrant};

const ACCOUNT: &str = "dublin@post.example";

/// A provider of the days on which the case was in court, with one empty mailbox at home in Dublin.
async fn in_2014(folder: &Path) -> Deployment {
    let start = "2014-01-02T16:00:00Z".parse().unwrap();
    let options = DeploymentOptions { start, ..options(&folder.join("data")) };
    let mut deployment = Deployment::start(options).await.unwrap();
    open_account(&mut deployment.provider, ACCOUNT, "IE").await;
    deployment.provider.deliver(mail(ACCOUNT, message(1))).await.unwrap();
    deployment
}

fn served() -> Demand {
    Demand { issued: "2014-01-02T15:00:00Z".parse().unwrap(), ..warrant("w-1", ACCOUNT) }
}

fn ids(names: &[&str]) -> Vec<PaperId> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn order(provider: &Provider, id: &str, by: &str, effect: OrderEffect) -> Order {
    Order {
        id: id.parse().unwrap(),
        by: by.parse().unwrap(),
        effect,
        on: Selector { classes: vec![DataClass::Content], regions: vec![] },
        from: provider.now(),
        until: None,
        by_stipulation: false,
        conditions: vec![],
    }
}

async fn enter(
    provider: &mut Provider,
    id: &MatterId,
    name: &str,
    by: &str,
    effect: OrderEffect,
) -> Result<(), String> {
    let order = order(provider, name, by, effect);
    provider.enter_order(id, order).await.map(drop).map_err(|error| error.to_string())
}

fn content(provider: &Provider, matter: &str) -> (Duty, Option<Outcome>, bool) {
    let view = provider.show(matter).unwrap();
    let item = view.items.iter().find(|item| item.item.class == DataClass::Content).unwrap();
    (item.duty, item.outcome, item.due.is_some())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lower_court_undoes_nothing_of_a_higher_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut deployment = in_2014(folder.path()).await;
    let provider = &mut deployment.provider;
    let demand = served();
    let id = MatterId::of(&demand);
    provider.receive(provider.sign(&demand).unwrap()).await.unwrap();

    enter(provider, &id, "stay", "us-sdny", OrderEffect::Suspends).await.unwrap();
    let lift = OrderEffect::Lifts(ids(&["stay"]));
    let refused = enter(provider, &id, "lift", "us-sdny-magistrate", lift.clone()).await.unwrap_err();
    assert!(refused.contains("`us-sdny-magistrate` cannot end `stay`"), "{refused}");
    assert_eq!(content(provider, "w-1").1, Some(Outcome::Suspended));

    enter(provider, &id, "affirmed", "us-sdny", OrderEffect::Compels).await.unwrap();
    let refused =
        enter(provider, &id, "own-stay", "us-sdny-magistrate", OrderEffect::Suspends).await.unwrap_err();
    assert!(refused.contains("`us-sdny` reviews `us-sdny-magistrate`"), "{refused}");

    enter(provider, &id, "reversal", "us-ca2", OrderEffect::Vacates(ids(&["affirmed"]))).await.unwrap();
    let undo = OrderEffect::Vacates(ids(&["reversal"]));
    for lower in ["us-sdny", "us-sdny-magistrate"] {
        assert!(
            enter(provider, &id, "undo", lower, undo.clone()).await.is_err(),
            "{lower} undid the reversal"
        );
    }
    // A court of another circuit has no say at all, and the court above has.
    let refused = enter(provider, &id, "elsewhere", "us-ca9", OrderEffect::Quashes).await.unwrap_err();
    assert!(refused.contains("`us-ca9` has no say over `us-sdny-magistrate`"), "{refused}");
    enter(provider, &id, "lift", "us-sdny", lift).await.unwrap();
    enter(provider, &id, "vacatur", "us-supreme-court", undo).await.unwrap();
    assert_eq!(provider.docket().get(&id).unwrap().papers().len(), 5);

    enter(provider, &id, "dismissal", "us-supreme-court", OrderEffect::Dismisses).await.unwrap();
    assert_eq!(content(provider, "w-1"), (Duty::Moot, Some(Outcome::Lapsed), false));
    deployment.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_court_stays_or_enforces_a_subpoena_of_an_agency() {
    let folder = tempfile::tempdir().unwrap();
    let mut deployment = in_2014(folder.path()).await;
    let provider = &mut deployment.provider;
    let mut demand = served();
    demand.instrument = InstrumentKind::Subpoena;
    demand.issuing = "us-attorney-sdny".parse().unwrap();
    demand.proof = ProofLevel::Relevance;
    demand.classes = vec![DataClass::Content];
    let id = MatterId::of(&demand);
    provider.receive(provider.sign(&demand).unwrap()).await.unwrap();
    let fine = OrderEffect::Fines(Some(PerDay { amount: 50_000, currency: "USD".into() }));
    let refused = enter(provider, &id, "contempt", "us-attorney-sdny", fine.clone()).await.unwrap_err();
    assert!(refused.contains("is no court"), "{refused}");
    enter(provider, &id, "stay", "us-sdny", OrderEffect::Suspends).await.unwrap();
    assert!(enter(provider, &id, "elsewhere", "us-edpa", fine).await.is_err());
    deployment.stop().await;
}

/// A changed demand is the next version: a matter of its own, which takes the place of the one before.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_version_of_a_demand_takes_the_place_of_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut deployment = in_2014(folder.path()).await;
    let provider = &mut deployment.provider;
    let first = served();
    provider.receive(provider.sign(&first).unwrap()).await.unwrap();
    let again = provider.receive(provider.sign(&first).unwrap()).await.unwrap_err().to_string();
    assert!(again.contains("`version = 2`"), "{again}");

    let mut second = first.clone();
    second.version = 2;
    second.classes = vec![DataClass::Content];
    provider.receive(provider.sign(&second).unwrap()).await.unwrap();
    let name: DemandId = "w-1".parse().unwrap();
    let newest = provider.show("w-1").unwrap();
    assert_eq!((newest.matter.version(), newest.items.len()), (2, 1));
    let before = provider.show(MatterId::of(&first).as_str()).unwrap();
    assert_eq!(before.superseded_by, Some(name));
    let content = before.items.iter().find(|item| item.item.class == DataClass::Content).unwrap();
    assert_eq!((content.outcome, content.due), (Some(Outcome::Lapsed), None));
    // One that comes late is not taken for news.
    let mut third = second.clone();
    third.version = 3;
    provider.receive(provider.sign(&third).unwrap()).await.unwrap();
    let late = provider.receive(provider.sign(&second).unwrap()).await.unwrap_err().to_string();
    assert!(late.contains("received already"), "{late}");
    deployment.stop().await;
}
