//! The whole provider in one process: what it decides, what it hands over, what it remembers.

use std::path::Path;
use std::sync::Arc;

use rogatory::clock::SimTime;
use rogatory::demand::{DemandId, InstrumentKind, Outcome};
use rogatory::diagnostic::SourceFile;
use rogatory::gate::{Answer, Duty, Event};
use rogatory::law::Law;
use rogatory::mail::Story;
use rogatory::provider::{Deployment, DeploymentOptions, KeyHolder, May, Nodes, ReachView};
use rogatory::record::entry::Slot;
use rogatory::record::policy::{Accept, Policy};
use rogatory::record::proof::LogProof;
use rogatory::region::production;
use rogatory::scenario::{
    Backstage, Names, Playhouse, Report, Script, Unwatched, built_in, run, world_changes,
};
use rogatory::world::{AuthorityId, DataClass, World, WorldSource};

fn backstage(data: &Path, nodes: Nodes) -> Backstage {
    Backstage {
        world: WorldSource::standard(),
        law: Arc::new(Law::standard().unwrap()),
        story: Arc::new(Story::standard().unwrap()),
        data: data.to_owned(),
        nodes,
        wan: false,
    }
}

fn script(name: &str) -> Script {
    let backstage = backstage(Path::new("unused"), Nodes::Here);
    let names = Names::of(&World::standard().unwrap(), &backstage.law, &backstage.story);
    let file = built_in().find(|file| file.path().file_stem().is_some_and(|stem| stem == name)).unwrap();
    Script::parse(&file, &names).unwrap_or_else(|error| panic!("{error}"))
}

async fn play(name: &str, data: &Path) -> (Report, Playhouse) {
    play_over(Nodes::Here, name, data).await
}

async fn play_over(nodes: Nodes, name: &str, data: &Path) -> (Report, Playhouse) {
    let mut playhouse = Playhouse::new(backstage(data, nodes));
    let report = run(&script(name), &mut playhouse, &mut Unwatched).await.unwrap();
    (report, playhouse)
}

fn failures(report: &Report) -> Vec<String> {
    let failed = report.checks().filter(|check| !matches!(check.verdict, rogatory::scenario::Verdict::Held));
    failed.map(|check| format!("line {}: {}: {:?}", check.line, check.subject, check.verdict)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_script_that_ships_holds() {
    for name in
        ["dublin-warrant", "dublin-treaty-2016", "dublin-warrant-gdpr", "dublin-region-custody", "secrecy"]
    {
        let folder = tempfile::tempdir().unwrap();
        let (report, playhouse) = play(name, &folder.path().join("data")).await;
        assert!(report.holds(), "{name}: {:#?} {:?}", failures(&report), report.stopped);
        assert!(report.expectations.total() > 0, "{name}");
        playhouse.into_deployment().unwrap().stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_door_of_2703_h_is_shut_for_the_reasons_that_the_script_gives() {
    let ships = built_in().find(|file| file.path().ends_with("dublin-warrant-gdpr.toml")).unwrap();
    let agreement = "\n[world.treaties.us-ie-executive-agreement]\nkind = \"executive-agreement\"\n\
                     title = \"An agreement that there is not\"\nparties = [\"US\", \"IE\"]\nin-force = 2018-05-01\ncite = \"none\"\n\
                     source = \"modelling choice\"\n";
    let reasons = "[\"agreement_with\", \"nationality_known\", \"residence_known\"]";
    let with_agreement = format!("{agreement}\n[[account]]");
    for (from, to, wrong) in [
        (reasons, reasons, None),
        (reasons, "[\"agreement_with\"]", Some("fails on nationality_known too, on residence_known too")),
        ("\n[[account]]", with_agreement.as_str(), Some("fails not on agreement_with")),
    ] {
        assert!(ships.text().contains(from), "{from}");
        let file = SourceFile::new("fork.toml", ships.text().replacen(from, to, 1));
        let folder = tempfile::tempdir().unwrap();
        let backstage = backstage(&folder.path().join("data"), Nodes::Here);
        let world = World::standard().unwrap().with(&world_changes(&file).unwrap()).unwrap();
        let script = Script::parse(&file, &Names::of(&world, &backstage.law, &backstage.story)).unwrap();
        let mut playhouse = Playhouse::new(backstage);
        let report = run(&script, &mut playhouse, &mut Unwatched).await.unwrap();
        playhouse.into_deployment().unwrap().stop().await;
        let found = failures(&report);
        assert_eq!(report.holds(), wrong.is_none(), "{found:?}");
        let told = |wrong: &str| found.iter().any(|failure| failure.contains(wrong));
        assert!(wrong.is_none_or(told), "{found:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_seed_gives_the_same_record_in_one_process_and_over_ten() {
    let program = || std::path::PathBuf::from(env!("CARGO_BIN_EXE_rogatory"));
    let mut roots = Vec::new();
    for nodes in [Nodes::Here, Nodes::Here, Nodes::Processes { program: program() }] {
        let folder = tempfile::tempdir().unwrap();
        let (report, playhouse) = play_over(nodes, "dublin-warrant", &folder.path().join("data")).await;
        assert!(report.holds(), "{:#?}", failures(&report));
        roots.push(report.record.unwrap());
        playhouse.into_deployment().unwrap().stop().await;
    }
    assert_eq!(roots[0], roots[1]);
    assert_eq!(roots[0], roots[2]);
}

fn productions(data: &Path, authority: &str) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(data.join("authorities").join(authority)) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_production_opens_for_its_recipient_and_holds_the_mail() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (_, playhouse) = play("dublin-warrant", &data).await;
    let world = World::standard().unwrap();
    let recipient: AuthorityId = "us-attorney-sdny".parse().unwrap();
    let secret = world.roster().demo_recipient_secret(&recipient).unwrap();
    let other = world.roster().demo_recipient_secret(&"ie-garda".parse().unwrap()).unwrap();
    let story = Story::standard().unwrap();
    let theo = story.account("theo").unwrap();
    let mut found = 0;
    let mut productions = productions(&data, recipient.as_str());
    productions.retain(|path| path.to_string_lossy().contains("13-mag-2815"));
    assert!(!productions.is_empty());
    for path in productions {
        let sealed = std::fs::read(&path).unwrap();
        assert!(production::open(sealed.as_slice(), &other, &mut Vec::new()).is_err());
        let mut tar = Vec::new();
        production::open(sealed.as_slice(), &secret, &mut tar).unwrap();
        for delivery in story.mailbox(&theo.address) {
            let bytes = &delivery.message.bytes;
            found += usize::from(memchr::memmem::find(&tar, bytes).is_some());
        }
    }
    // The control mailbox is at home in the United States, and all of it was produced.
    assert_eq!(found, story.mailbox(&theo.address).count());
    playhouse.into_deployment().unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn head_office_and_the_disk_hold_no_plaintext() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (_, playhouse) = play("dublin-warrant", &data).await;
    playhouse.into_deployment().unwrap().stop().await;
    let story = Story::standard().unwrap();
    let molly = story.account("molly").unwrap();
    let mut needles: Vec<Vec<u8>> = vec![b"molly@post.example".to_vec(), b"theo@post.example".to_vec()];
    for delivery in story.mailbox(&molly.address).take(20) {
        // A line from the middle of the body.
        let text = String::from_utf8_lossy(&delivery.message.bytes).into_owned();
        needles.extend(text.lines().rfind(|l| l.len() > 40).map(|l| l.as_bytes().to_vec()));
    }
    let mut files = Vec::new();
    list(&data, &mut files);
    assert!(files.len() > 50);
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        for needle in &needles {
            let shown = memchr::memmem::find(&bytes, needle).is_some();
            assert!(!shown, "{}: {}", file.display(), String::from_utf8_lossy(needle));
        }
    }
}

fn list(folder: &Path, into: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { list(&path, into) } else { into.push(path) }
    }
}

fn options(data: &Path) -> DeploymentOptions {
    let script = script("dublin-warrant");
    DeploymentOptions {
        data: data.to_owned(),
        world: Arc::new(World::standard().unwrap()),
        law: Arc::new(Law::standard().unwrap()),
        seed: Some(script.seed.clone()),
        start: script.start.time(),
        nodes: Nodes::Here,
        config: None,
        wan: false,
        disk: Arc::new(rogatory::disk::RealDisk),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_that_is_started_again_has_the_same_record_and_matters() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (report, playhouse) = play("dublin-warrant", &data).await;
    let head = report.record.unwrap();
    let deployment = playhouse.into_deployment().unwrap();
    let before = serde_json::to_value(deployment.provider.list()).unwrap();
    deployment.stop().await;

    let again = Deployment::start(options(&data)).await.unwrap();
    let found = again.provider.record_head();
    assert_eq!((found.size, found.root), (head.size, head.root));
    assert_eq!(serde_json::to_value(again.provider.list()).unwrap(), before);
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_released_without_a_quorum() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // No quorum is without an outsider, and the only one cannot read what it remembers.
    let mut deployment = Deployment::start(options(&data)).await.unwrap();
    crate::common::open_account(&mut deployment.provider, "dublin@post.example", "IE").await;
    deployment.stop().await;
    std::fs::write(data.join("witness/fjord-university/witness.state"), b"not a state").unwrap();
    let deployment = Deployment::start(options(&data)).await.unwrap();
    let [down] = deployment.down() else { panic!("{:?}", deployment.down()) };
    assert!(down.why.contains("fjord-university") && down.why.contains("witness.state"), "{down:?}");
    let provider = &deployment.provider;
    let warrant = provider.sign(&crate::common::warrant("w-1", "dublin@post.example")).unwrap();
    let error = provider.receive(warrant).await.unwrap_err();
    assert!(error.is_delay() && error.to_string().contains("no quorum"), "{error}");
    assert!(productions(&data, crate::common::RECIPIENT).is_empty());
    deployment.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demand_that_was_altered_is_no_demand() {
    let folder = tempfile::tempdir().unwrap();
    let deployment = Deployment::start(options(&folder.path().join("data"))).await.unwrap();
    let script = script("dublin-warrant");
    let demand = script
        .steps
        .iter()
        .find_map(|step| match &step.action {
            rogatory::scenario::Action::Demand(demand) => Some(demand.as_ref().clone()),
            _ => None,
        })
        .unwrap();
    let signed = deployment.provider.sign(&demand).unwrap();
    let mut body = signed.body().to_vec();
    let at = body.windows(5).position(|w| w == b"molly").unwrap();
    body[at] = b'p';
    let forged = rogatory::demand::SignedInstrument::from_parts(body, signed.signature().to_vec());
    let before = deployment.provider.record_head();
    assert!(deployment.provider.receive(forged).await.is_err());
    assert_eq!(deployment.provider.record_head(), before, "what is not authentic begins no matter");

    // The genuine one names an account that does not exist here: it goes back, on the record.
    deployment.provider.receive(signed).await.unwrap();
    let id: DemandId = demand.id.clone();
    let view = deployment.provider.show(id.as_str()).unwrap();
    assert!(!view.returned_for.is_empty());
    deployment.stop().await;
}

/// What the magistrate of New York would get of the content in Dublin.
fn content_by_warrant(reach: &ReachView) -> &May {
    let is_it = |may: &&May| {
        may.authority.as_str() == "us-sdny-magistrate"
            && may.instrument == InstrumentKind::Warrant
            && may.region.as_str() == "ie-dublin"
            && may.class == DataClass::Content
    };
    reach.may.iter().find(is_it).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reach_of_a_past_day_goes_by_the_stance_of_that_day() {
    let folder = tempfile::tempdir().unwrap();
    let (_, playhouse) = play("dublin-warrant", &folder.path().join("data")).await;
    let deployment = playhouse.into_deployment().unwrap();
    let molly = "molly@post.example".parse().unwrap();
    // Contested, refused from 29 August 2014 on, and answered under the new Act: the duty was the same all along.
    for (day, outcome) in [
        ("2014-08-02", None),
        ("2014-08-31", Some(Outcome::Rejected)),
        ("2018-04-02", Some(Outcome::Produced)),
    ] {
        let noon: SimTime = format!("{day}T12:00:00Z").parse().unwrap();
        let reach = deployment.provider.reach(&molly, noon).unwrap();
        let warrant = content_by_warrant(&reach);
        assert_eq!((warrant.duty, warrant.outcome), (Duty::Compelled, outcome), "{day}");
    }
    // Over time it changes on the day whose noon first sees the new stance.
    let swept = deployment.provider.reach_over_time(&molly).unwrap();
    let refused = swept.turns.iter().find(|turn| {
        turn.changes.iter().any(|change| {
            change.region.as_str() == "ie-dublin"
                && change.class == DataClass::Content
                && change.instrument == InstrumentKind::Warrant
                && change.authorities.iter().any(|who| who.as_str() == "us-sdny-magistrate")
                && change.after.outcome == Some(Outcome::Rejected)
        })
    });
    assert_eq!(refused.unwrap().on.to_string(), "2014-08-30");
    deployment.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_and_reach_agree_with_the_keys() {
    let folder = tempfile::tempdir().unwrap();
    let (_, playhouse) = play("dublin-region-custody", &folder.path().join("data")).await;
    let deployment = playhouse.into_deployment().unwrap();
    let molly = "molly@post.example".parse().unwrap();
    let place = deployment.provider.where_is(&molly).await.unwrap();
    assert!(place.copies.iter().all(|copy| copy.allowed));
    for copy in &place.copies {
        let head_office = copy.keys.contains(&KeyHolder::HeadOffice);
        assert_eq!(head_office, copy.region.as_str() != "ie-dublin", "{copy:?}");
    }
    let at: SimTime = "2018-06-10".parse().unwrap();
    let reach = deployment.provider.reach(&molly, at).unwrap();
    let dublin: Vec<_> = reach.can.iter().filter(|can| can.region.as_str() == "ie-dublin").collect();
    assert!(dublin.iter().all(|can| can.who == KeyHolder::Region));
    assert!(reach.may.iter().any(|may| may.outcome == Some(Outcome::Produced)));

    // What the node in Dublin did is what reach says of it, law by law.
    let history = deployment.provider.history("18-mag-2713").await.unwrap();
    let refused = history.events.iter().find_map(|(_, event)| match event {
        Event::Delivered { production, timing, .. } => {
            let laws = production.iter().find_map(|answer| match &answer.answer {
                Answer::Refused { positions, .. } => Some(positions.iter().map(|p| p.jurisdiction.clone())),
                Answer::Produced { .. } => None,
            });
            laws.map(|laws| (laws.collect::<Vec<_>>(), *timing))
        }
        _ => None,
    });
    let (laws, at) = refused.unwrap();
    let reach = deployment.provider.reach(&molly, at).unwrap();
    assert_eq!(content_by_warrant(&reach).refused_under, laws);
    assert!(!laws.is_empty());
    deployment.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_is_proven_to_whoever_has_the_policy() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (_, playhouse) = play("dublin-warrant", &data).await;
    let deployment = playhouse.into_deployment().unwrap();
    let provider = &deployment.provider;
    let decided = provider.list().into_iter().find(|matter| matter.entry.is_some()).unwrap();
    let shown = [Slot::Kind, Slot::Law, Slot::Order];
    let text = provider.prove(decided.matter.as_str(), &shown).await.unwrap().to_string();
    let nothing = provider.prove("14-no-such-demand", &shown).await.unwrap_err();
    assert!(nothing.to_string().contains("14-no-such-demand"), "{nothing}");
    deployment.stop().await;

    let policy = Policy::read(&SourceFile::read(&data.join("record/policy")).unwrap()).unwrap();
    let proven = LogProof::parse(&text).unwrap().check(&policy, Accept::NormalOnly).unwrap();
    assert_eq!(Some(proven.index), decided.entry);
    let opening = proven.opening.unwrap();
    // A decision has no order, and an empty slot is not worth opening.
    assert_eq!(opening.slots().map(|(slot, _)| slot).collect::<Vec<_>>(), [Slot::Kind, Slot::Law]);
    assert_eq!(opening.value(Slot::Kind).unwrap().unwrap(), "decided");
    assert_eq!(opening.value(Slot::Law).unwrap().unwrap().as_str(), decided.law.as_deref());
}
