//! A copy rests only where its placement allows, and one that does not is seen.

use rogatory::entropy::Entropy;
use rogatory::mail::Story;
use rogatory::provider::Deployment;
use rogatory::scenario::story_account;
use rogatory::store::Store;
use rogatory::world::DataClass;

use crate::common::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_rests_where_it_may_and_what_does_not_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut deployment = Deployment::start(options(&data)).await.unwrap();
    let story = Story::standard().unwrap();
    let accounts = story.accounts().iter().map(|account| (story_account(&WORLD, account), None));
    deployment.provider.open_accounts(accounts).await.unwrap();
    assert_eq!(deployment.provider.misplaced().await.unwrap(), []);
    // Nor does the directory claim a copy that is not there.
    for account in story.accounts() {
        let place = deployment.provider.where_is(&account.address).await.unwrap();
        let claimed = deployment.provider.directory().get(&account.address).unwrap().copies().len();
        assert_eq!(place.copies.len(), claimed, "{}", account.address);
        assert!(place.copies.iter().all(|copy| copy.allowed));
    }
    deployment.stop().await;

    // Somebody with the run of Zurich puts a copy of Molly's mail there, and a mailbox nobody knows of.
    let zurich = data.join("regions/ch-zurich/store");
    let store = Store::open(&zurich, &"ch-zurich".parse().unwrap(), None, Entropy::system()).unwrap();
    for account in ["molly@post.example", "nobody@post.example"] {
        store.create_mailbox(&address(account), &[DataClass::Content], None).await.unwrap();
    }
    drop(store);
    let deployment = Deployment::start(options(&data)).await.unwrap();
    let found = deployment.provider.misplaced().await.unwrap();
    let told: Vec<(String, String, String, Vec<String>)> = found
        .iter()
        .map(|copy| {
            let allowed = copy.allowed.iter().map(ToString::to_string).collect();
            (copy.account.to_string(), copy.class.to_string(), copy.region.to_string(), allowed)
        })
        .collect();
    let row = |account: &str, allowed: &[&str]| {
        let allowed = allowed.iter().map(ToString::to_string).collect();
        (account.to_owned(), "content".to_owned(), "ch-zurich".to_owned(), allowed)
    };
    assert_eq!(told, [row("molly@post.example", &["ie-dublin"]), row("nobody@post.example", &[])]);
    deployment.stop().await;
}
