//! A request along the treaty route, while something that it needs does not answer.
#![cfg(target_os = "linux")]

use rogatory::clock::SimTime;
use rogatory::demand::{Demand, Disposition};
use rogatory::gate::{Order, OrderEffect, RouteEnd, Selector};
use rogatory::provider::{Deployment, DeploymentOptions, Provider};
use rogatory::region::Peer;
use rogatory::world::DataClass;

use crate::common::*;

const ACCOUNT: &str = "dublin@post.example";

fn day(text: &str) -> SimTime {
    format!("{text}T12:00:00Z").parse().unwrap()
}

fn desk(provider: &Provider) -> Option<(String, SimTime)> {
    provider.show("w-1").unwrap().route.unwrap().desk
}

fn stage(provider: &Provider) -> String {
    desk(provider).map(|(stage, _)| stage).unwrap_or_default()
}

/// The time passes at which the request leaves its desk.
async fn pass_on(provider: &Provider) {
    let until = desk(provider).unwrap().1;
    provider.advance_to(until).await.unwrap();
}

fn order_on_traffic(id: &str, effect: OrderEffect, from: SimTime) -> Order {
    Order {
        id: id.parse().unwrap(),
        by: "us-sdny-magistrate".parse().unwrap(),
        effect,
        on: Selector { classes: vec![DataClass::Traffic], regions: vec![] },
        from,
        until: None,
        by_stipulation: false,
        conditions: vec![],
    }
}

// One deployment for all of it, because eleven processes take their time to start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_waits_for_a_quorum_for_its_matter_and_for_the_answer_to_the_local_order() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let options = DeploymentOptions { start: day("2016-08-01"), ..options_of_processes(&data) };
    let mut deployment = Deployment::start(options).await.unwrap();
    open_account(&mut deployment.provider, ACCOUNT, "IE").await;
    deployment.provider.deliver(mail(ACCOUNT, message(0))).await.unwrap();
    let provider = &deployment.provider;
    let supervisor = deployment.supervisor().unwrap();
    let outside = Peer::Witness("fjord-university".parse().unwrap());
    let a_minute_later = || provider.advance_to(provider.now().plus_seconds(60));

    // A stay comes before the traffic data are handed over; for the content the treaty is the way.
    supervisor.kill(&outside).await.unwrap();
    let demand = Demand { issued: day("2013-12-04"), ..warrant("w-1", ACCOUNT) };
    assert!(provider.receive(provider.sign(&demand).unwrap()).await.unwrap_err().is_delay());
    let id = provider.docket().find("w-1").unwrap().id().clone();
    let stay = order_on_traffic("stay", OrderEffect::Suspends, provider.now());
    assert!(provider.enter_order(&id, stay).await.unwrap_err().is_delay());
    supervisor.revive(&outside).await.unwrap();
    a_minute_later().await.unwrap();
    let on = Selector { classes: vec![], regions: vec!["ie-dublin".parse().unwrap()] };
    let by = "us-doj-oia".parse().unwrap();
    provider.take_route(&id, &by, on, "ie-order".parse().unwrap()).await.unwrap();
    assert_eq!(stage(provider), "draft");
    // Without a quorum it goes on as what is due does: on the record, in no checkpoint that anybody believes yet.
    supervisor.kill(&outside).await.unwrap();
    pass_on(provider).await;
    assert_eq!(stage(provider), "oia-review");
    let log = provider.docket().log();
    assert!(log.published().unwrap().checkpoint.head().size < log.head().size);

    // The stay is lifted: now a permit is under way that an entry of the request would void. It waits for that.
    let lift = order_on_traffic("lift", OrderEffect::Lifts(vec!["stay".parse().unwrap()]), provider.now());
    assert!(provider.enter_order(&id, lift).await.unwrap_err().is_delay());
    pass_on(provider).await;
    assert!(provider.docket().get(&id).unwrap().is_releasing());
    assert_eq!(stage(provider), "oia-review");
    supervisor.revive(&outside).await.unwrap();
    a_minute_later().await.unwrap();
    assert_eq!(productions(&data, RECIPIENT).len(), 1);
    assert_eq!(stage(provider), "intake");
    // It reached that desk late, and has its time there.
    assert!(desk(provider).unwrap().1 > provider.now());

    while stage(provider) != "execute" {
        pass_on(provider).await;
    }
    // The local order is made, and waits for a quorum. So does the request, however long it is.
    supervisor.kill(&outside).await.unwrap();
    pass_on(provider).await;
    let waits = |disposition: Disposition, produced: usize| {
        let (local, route) =
            (provider.show("ie-order").unwrap(), provider.show("w-1").unwrap().route.unwrap());
        assert_eq!(
            (local.disposition, productions(&data, "ie-garda").len()),
            (disposition, produced),
            "{local:#?}"
        );
        assert_eq!((route.ended, stage(provider).as_str()), (None, "collect"));
    };
    provider.advance_to(provider.now().plus_days(200)).await.unwrap();
    waits(Disposition::Pending, 0);
    // What it could bring is stayed: neither handed over nor refused.
    let local = provider.docket().find("ie-order").unwrap().id().clone();
    let order = |id: &str, effect| Order {
        by: "ie-district-court".parse().unwrap(),
        on: Selector { classes: vec![DataClass::Content], regions: vec![] },
        ..order_on_traffic(id, effect, provider.now())
    };
    let stay = order("local-stay", OrderEffect::Suspends);
    assert!(provider.enter_order(&local, stay).await.unwrap_err().is_delay());
    supervisor.revive(&outside).await.unwrap();
    for _ in 0..2 {
        provider.advance_to(provider.now().plus_days(200)).await.unwrap();
        waits(Disposition::Pending, 0);
    }
    let lift = order("local-lift", OrderEffect::Lifts(vec!["local-stay".parse().unwrap()]));
    provider.enter_order(&local, lift).await.unwrap();
    a_minute_later().await.unwrap();
    // The content only: the traffic data rest in the United States.
    assert_eq!(provider.show("ie-order").unwrap().disposition, Disposition::PartlyServed);
    assert_eq!((stage(provider).as_str(), productions(&data, "ie-garda").len()), ("return", 1));
    pass_on(provider).await;
    let route = provider.show("w-1").unwrap().route.unwrap();
    assert!(matches!(route.ended, Some(RouteEnd::Completed { .. })), "{route:#?}");
    assert!(provider.audit().await.unwrap().agrees());
    deployment.stop().await;
}
