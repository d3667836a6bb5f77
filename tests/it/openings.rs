//! Who is told of a demand and when, what is published, and what stays of the record when an opening is erased.

use std::path::Path;

use rogatory::clock::SimTime;
use rogatory::demand::*;
use rogatory::gate::{Event, Order, OrderEffect, Selector};
use rogatory::provider::{Deployment, Giving, Holder, Provider};
use rogatory::record::about_log::{AboutLog, Erased};
use rogatory::record::entry::Slot;
use rogatory::record::opening::Opening;
use rogatory::record::policy::{Accept, Policy};
use rogatory::record::proof::LogProof;
use rogatory::record::served::ServedLog;
use rogatory::record::storage::ServedFolder;
use rogatory::record::verify::verify_folder;
use rogatory::world::{Address, RecipientKey};

use super::common::{WORLD, address, mail, message, open_account, options, start, warrant};

const WHO: &str = "dublin@post.example";

async fn opened(data: &Path) -> Deployment {
    let mut deployment = Deployment::start(options(data)).await.unwrap();
    open_account(&mut deployment.provider, WHO, "US").await;
    deployment.provider.deliver(mail(WHO, message(1))).await.unwrap();
    deployment
}

fn secret(id: &str, until: Option<SimTime>) -> Demand {
    let acts = vec![Act::Disclose, Act::KeepSecret];
    Demand { acts, secret_until: until, ..warrant(id, WHO) }
}

async fn file(provider: &Provider, demand: Demand) {
    let instrument = provider.sign(&demand).unwrap();
    provider.receive(instrument).await.unwrap();
}

fn policy(data: &Path) -> Policy {
    let text = std::fs::read_to_string(data.join("record/policy")).unwrap();
    Policy::read(&rogatory::diagnostic::SourceFile::new("policy", text)).unwrap()
}

/// The openings that anybody can fetch, each checked against its entry.
fn published(data: &Path) -> Vec<Opening> {
    let policy = policy(data);
    let mut log = ServedLog::open(ServedFolder(data.join("record")), &policy, Accept::NormalOnly).unwrap();
    let size = log.published().checkpoint.head().size;
    (1..size).filter_map(|entry| log.opening(entry).unwrap()).collect()
}

fn sound(data: &Path) {
    let found = verify_folder(&data.join("record"), &policy(data), Accept::NormalOnly, &mut |_, _| {});
    assert!(found.is_sound(), "{:?}", found.findings);
}

fn entries(provider: &Provider, id: &str) -> Vec<u64> {
    provider.docket().entries(provider.docket().find(id).unwrap().id())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_keeps_the_opening_back_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let deployment = opened(&data).await;
    let provider = &deployment.provider;
    let end = start().plus_seconds(30 * 86_400);
    file(provider, secret("hush", Some(end))).await;

    let view = provider.show("hush").unwrap();
    assert!(view.told_to.is_empty() && !view.published);
    assert_eq!(view.closed[0].by.until, Some(end), "{:?}", view.closed);
    assert!(view.closed[0].by.rules.iter().any(|(_, rule)| rule == "us-2705-b-notice"));
    // Its entries are there from the first day, and nobody can tell what they say.
    let secret_entries = entries(provider, "hush");
    assert!(secret_entries.len() >= 3, "{secret_entries:?}");
    assert_eq!(provider.record_head().size, secret_entries.last().unwrap() + 1);
    assert!(published(&data).is_empty());
    assert!(provider.notices(&address(WHO), true).await.unwrap().is_empty());

    provider.advance_to(end.plus_seconds(-1)).await.unwrap();
    assert!(provider.show("hush").unwrap().told_to.is_empty());
    // A later jump: the holder was told when the ban ended, not when somebody looked.
    provider.advance_to(end.plus_seconds(86_400)).await.unwrap();
    let view = provider.show("hush").unwrap();
    assert_eq!((view.told_to[0].at, view.published), (end, true));
    assert!(view.closed.is_empty());
    assert_eq!(view.disposition, Disposition::Served, "{view:?}");
    let of_the_secret = view.items.iter().find(|item| item.act == Act::KeepSecret).unwrap();
    assert_eq!((of_the_secret.outcome, of_the_secret.conduct), (Some(Outcome::Ended), None));

    // The end of the secret is a decision of its own.
    assert_eq!(entries(provider, "hush")[..secret_entries.len()], secret_entries);
    let secret_entries = entries(provider, "hush");
    // What appears is of the very entries that were there: each opening fits its leaf, and the holder's proofs hold.
    let opened: Vec<u64> = published(&data).iter().map(Opening::entry).collect();
    assert_eq!(opened, secret_entries);
    let notices = provider.notices(&address(WHO), true).await.unwrap();
    assert_eq!(notices[0].entries.iter().map(|entry| entry.entry).collect::<Vec<_>>(), secret_entries);
    for entry in &notices[0].entries {
        let proof = LogProof::parse(entry.proof.as_ref().unwrap()).unwrap();
        let proven = proof.check(&policy(&data), Accept::NormalOnly).unwrap();
        assert!(proven.opening.unwrap().slots().count() > 3);
    }
    sound(&data);

    // That the holder was told is an entry, too: who, of which entries, when. It is told with them.
    let told = tellings(provider, "hush").await;
    let [(entry, account, of, at)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((account.as_str(), *at), (WHO, end));
    assert_eq!(
        (of.as_slice(), Some(entry)),
        (&secret_entries[..secret_entries.len() - 1], secret_entries.last())
    );
    let of_it = opening(&data, *entry);
    assert!(of_it.contains("told") && !of_it.contains("post.example"), "{of_it}");
    assert!(provider.audit().await.unwrap().agrees());
    deployment.stop().await;
    let deployment = Deployment::start(options(&data)).await.unwrap();
    let provider = &deployment.provider;
    provider.advance_to(end.plus_seconds(2 * 86_400)).await.unwrap();
    assert_eq!(tellings(provider, "hush").await, told);
    assert_eq!(provider.show("hush").unwrap().told_to, view.told_to);
    // What is told in the instant in which it happens has no entry of its own.
    file(provider, warrant("plain", WHO)).await;
    assert_eq!(provider.show("plain").unwrap().told_to.len(), 1);
    assert_eq!(tellings(provider, "plain").await, []);
    deployment.stop().await;
}

/// What the public reads of an entry.
fn opening(data: &Path, entry: u64) -> String {
    let all = published(data);
    serde_json::to_string(all.iter().find(|opening| opening.entry() == entry).unwrap()).unwrap()
}

/// Every entry that says that a holder was told: which, whom, of which entries, when.
async fn tellings(provider: &Provider, id: &str) -> Vec<(u64, Address, Vec<u64>, SimTime)> {
    let told = |(entry, event)| match event {
        Event::Told { parties, note, timing } => Some((entry, parties, note, timing)),
        _ => None,
    };
    provider.history(id).await.unwrap().events.into_iter().filter_map(told).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_names_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let deployment = opened(&data).await;
    file(&deployment.provider, warrant("plain", WHO)).await;
    let openings = published(&data);
    assert!(!openings.is_empty());
    for opening in &openings {
        assert_eq!(opening.slots().map(|(slot, _)| slot).collect::<Vec<_>>(), [Slot::Public]);
        let text = serde_json::to_string(opening).unwrap();
        for name in ["dublin@", "post.example", "plain", "narcotics", "us-fbi", "us-sdny"] {
            assert!(!text.contains(name), "`{name}` in {text}");
        }
    }
    // It says the same as the entry: an auditor with everything finds no difference.
    assert!(deployment.provider.audit().await.unwrap().differences.is_empty());
    deployment.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_holder_has_what_was_given_and_the_list_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut deployment = opened(&data).await;
    open_account(&mut deployment.provider, "other@post.example", "US").await;
    let provider = &deployment.provider;
    let both = Demand { accounts: vec![address(WHO), address("other@post.example")], ..warrant("both", WHO) };
    file(provider, both).await;
    // Neither holder reads of the other.
    for notice in provider.notices(&address(WHO), true).await.unwrap() {
        for entry in notice.entries {
            let proof = LogProof::parse(&entry.proof.unwrap()).unwrap();
            let proven = proof.check(&policy(&data), Accept::NormalOnly).unwrap();
            let shown = serde_json::to_string(&proven.opening.unwrap()).unwrap();
            assert!(!shown.contains("other@"), "{shown}");
        }
    }
    let openings = provider.openings(Some("both")).await.unwrap();
    let holders = |entry: usize| -> Vec<Holder> {
        openings[entry].holdings.iter().map(|holding| holding.holder.clone()).collect()
    };
    assert_eq!(
        holders(0),
        [
            Holder::HeadOffice,
            Holder::AccountHolder(address(WHO)),
            Holder::AccountHolder(address("other@post.example")),
            Holder::Public,
        ]
    );
    // A court is shown the decision, and an auditor, whom no roster knows, what the public may read of everything.
    // Each sealed to the reader's own key, which the list names beside the term.
    let court = WORLD.roster().demo_recipient_secret(&"us-sdny".parse().unwrap()).unwrap();
    let auditor = WORLD.roster().demo_recipient_secret(&"us-fbi".parse().unwrap()).unwrap();
    let shown = RecipientKey::of(&auditor);
    let term = Some(provider.now().plus_days(30));
    for (name, matter, slots, key, secret, until) in [
        ("us-sdny", Some("both"), &[Slot::Decision][..], None, &court, None),
        ("auditor.example", None, &[Slot::Public], Some(shown.clone()), &auditor, term),
    ] {
        let giving = Giving { matter, slots, until, key };
        let (sealed, count) = provider.give(name.to_owned(), giving).await.unwrap();
        let given = sealed.open(secret).unwrap();
        assert_eq!((given.len(), sealed.head.until), (count, until));
        assert!(given.iter().all(|opening| opening.slots().all(|(slot, _)| slots.contains(&slot))));
        let text = serde_json::to_string(&sealed).unwrap();
        assert!(!text.contains("public") && !text.contains("decision") && !text.contains("salt"), "{text}");
        let other = if name == "us-sdny" { &auditor } else { &court };
        assert!(sealed.open(other).unwrap_err().to_string().contains("is sealed to"));
    }
    let again = provider.openings(Some("both")).await.unwrap();
    let held = |holder: Holder| {
        let held = again[1].holdings.iter().find(|holding| holding.holder == holder).unwrap();
        (held.key.clone(), held.until)
    };
    assert_eq!(held(Holder::Authority("us-sdny".parse().unwrap())), (RecipientKey::of(&court).id(), None));
    assert_eq!(held(Holder::Auditor("auditor.example".to_owned())), (shown.id(), term));
    // An auditor has to show a key, and an authority's is the roster's.
    let giving = |key| Giving { matter: None, slots: &[Slot::Public], until: None, key };
    let refused = provider.give("auditor.example".to_owned(), giving(None)).await.unwrap_err().to_string();
    assert!(refused.contains("--key"), "{refused}");
    let refused = provider.give("us-sdny".to_owned(), giving(Some(shown))).await.unwrap_err().to_string();
    assert!(refused.contains("another was shown"), "{refused}");
    // Nor is anything given for a time that is over, or what no entry has; and nothing of that is noted.
    let giving = |slots, until| Giving { matter: Some("both"), slots, until, key: None };
    let over = giving(&[Slot::Decision], Some(provider.now()));
    let refused = provider.give("us-fbi".to_owned(), over).await.unwrap_err().to_string();
    assert!(refused.contains("name a later time"), "{refused}");
    let refused = provider.give("us-fbi".to_owned(), giving(&[Slot::Route], None)).await.unwrap_err();
    assert!(refused.to_string().contains("nothing to give `us-fbi`"), "{refused}");
    let (_, count) = provider.give("us-fbi".to_owned(), giving(&[Slot::Decision], None)).await.unwrap();
    assert_eq!(count, 1, "only one of three entries has a decision");
    let openings = provider.openings(Some("both")).await.unwrap();
    let with_fbi: Vec<u64> = openings
        .iter()
        .filter(|entry| {
            entry.holdings.iter().any(|one| one.holder == Holder::Authority("us-fbi".parse().unwrap()))
        })
        .map(|entry| entry.entry)
        .collect();
    assert_eq!(with_fbi, [openings[1].entry]);
    // The decision grants a release: that region was shown its grant.
    assert!(holders(1).iter().any(|holder| matches!(holder, Holder::Region(_))), "{:?}", holders(1));
    deployment.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_told_is_known_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let deployment = opened(&data).await;
    let end = start().plus_seconds(86_400);
    file(&deployment.provider, warrant("plain", WHO)).await;
    file(&deployment.provider, secret("hush", Some(end))).await;
    let before = deployment.provider.list();
    deployment.stop().await;
    let deployment = Deployment::start(options(&data)).await.unwrap();
    let after = deployment.provider.list();
    let told = |views: &[rogatory::provider::MatterView]| -> Vec<_> {
        views.iter().map(|view| (view.told_to.clone(), view.published)).collect()
    };
    assert_eq!(told(&before), told(&after));
    deployment.provider.advance_to(end).await.unwrap();
    assert_eq!(deployment.provider.show("hush").unwrap().told_to[0].at, end);
    deployment.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erased_opening_leaves_the_record_sound_and_the_rest_going_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let deployment = opened(&data).await;
    let provider = &deployment.provider;
    file(provider, warrant("first", WHO)).await;
    file(provider, secret("hush", None)).await;
    file(provider, warrant("last", WHO)).await;
    let first = entries(provider, "first");
    let auditor = WORLD.roster().demo_recipient_secret(&"us-fbi".parse().unwrap()).unwrap();
    let key = Some(RecipientKey::of(&auditor));
    let giving = Giving { matter: None, slots: &[Slot::Public], until: None, key };
    provider.give("auditor.example".to_owned(), giving).await.unwrap();

    // A secret lets nothing be left out: what nobody was told of yet is not erased.
    let refused = provider.erase("hush").await.unwrap_err().to_string();
    assert!(refused.contains("was not told of it yet"), "{refused}");
    let day = provider.now();
    assert_eq!(provider.erase("first").await.unwrap(), first);
    sound(&data);
    let head = provider.record_head();
    // The record says so, to everybody.
    let said = published(&data).iter().find_map(AboutLog::read).unwrap();
    assert_eq!(said, AboutLog::Erased(Erased { entries: first.clone(), timing: day }));

    let check = async |provider: &Provider| {
        let error = provider.show("first").unwrap_err().to_string();
        assert_eq!(
            error,
            "what opens `us-sdny-magistrate/first` was erased or lost; its entries stay in the record"
        );
        // An instrument is served once, whatever head office still knows of it.
        let again = provider.sign(&warrant("first", WHO)).unwrap();
        let refused = provider.receive(again).await.unwrap_err().to_string();
        assert!(refused.contains("`us-sdny-magistrate/first` was received already"), "{refused}");
        assert_eq!(provider.record_head(), head);
        assert_eq!(provider.docket().unopened(), first);
        let openings = provider.openings(None).await.unwrap();
        assert!(openings.iter().all(|entry| entry.erased == first.contains(&entry.entry).then_some(day)));
        // Who has an opening still has it, and that is not forgotten; who was told is.
        let holders = |entry: u64| -> Vec<&Holder> {
            openings[entry as usize].holdings.iter().map(|holding| &holding.holder).collect()
        };
        let auditor = &Holder::Auditor("auditor.example".to_owned());
        assert_eq!(holders(first[0]), [&Holder::Public, auditor]);
        let shown = &openings[first[0] as usize].holdings;
        assert!(shown.iter().all(|holding| holding.slots == [Slot::Public]), "{shown:?}");
        assert!(entries(provider, "hush").iter().all(|entry| holders(*entry).contains(&auditor)));
        let audit = provider.audit().await.unwrap();
        assert_eq!((audit.closed, audit.erased), (first.clone(), first.clone()));
        let names: Vec<String> = provider.list().iter().map(|view| view.demand.to_string()).collect();
        assert_eq!(names, ["hush", "last"]);
    };
    check(provider).await;
    deployment.stop().await;
    // Nothing of it is left in what head office keeps: not even with its key.
    let deployment = Deployment::start(options(&data)).await.unwrap();
    check(&deployment.provider).await;
    sound(&data);
    // The others go on, and so does the record.
    let unseal = Order {
        id: "unseal".parse().unwrap(),
        by: "us-sdny".parse().unwrap(),
        effect: OrderEffect::Unseals,
        on: Selector::default(),
        from: deployment.provider.now(),
        until: None,
        by_stipulation: false,
        conditions: vec![],
    };
    let hush = deployment.provider.docket().find("hush").unwrap().id().clone();
    deployment.provider.enter_order(&hush, unseal).await.unwrap();
    assert_eq!(deployment.provider.show("hush").unwrap().told_to.len(), 1);
    // A changed demand is another version, as ever.
    file(&deployment.provider, Demand { version: 2, ..warrant("first", WHO) }).await;
    deployment.stop().await;
    let deployment = Deployment::start(options(&data)).await.unwrap();
    assert_eq!(deployment.provider.list().len(), 3);
    sound(&data);
    deployment.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_matter_of_which_one_opening_is_gone_stands_still_and_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let deployment = opened(&data).await;
    file(&deployment.provider, warrant("whole", WHO)).await;
    file(&deployment.provider, warrant("torn", WHO)).await;
    let torn = entries(&deployment.provider, "torn");
    let log = deployment.provider.docket().log().clone();
    log.erase_openings(vec![*torn.last().unwrap()]).await.unwrap();
    drop(log);
    deployment.stop().await;
    let deployment = Deployment::start(options(&data)).await.unwrap();
    let provider = &deployment.provider;
    assert_eq!(provider.show("torn").unwrap().unreadable_from, torn.last().copied());
    let order = Order {
        id: "quash".parse().unwrap(),
        by: "us-sdny".parse().unwrap(),
        effect: OrderEffect::Quashes,
        on: Selector::default(),
        from: provider.now(),
        until: None,
        by_stipulation: false,
        conditions: vec![],
    };
    let id = provider.docket().find("torn").unwrap().id().clone();
    let refused = provider.enter_order(&id, order.clone()).await.unwrap_err().to_string();
    assert!(refused.contains("erased or lost"), "{refused}");
    let whole = provider.docket().find("whole").unwrap().id().clone();
    provider.enter_order(&whole, order).await.unwrap();
    file(provider, warrant("next", WHO)).await;
    sound(&data);
    deployment.stop().await;
}
