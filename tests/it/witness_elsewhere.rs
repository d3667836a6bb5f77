//! A witness that somebody else made and runs: what it answers over HTTP, and a provider that depends on it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rogatory::demand::Disposition;
use rogatory::diagnostic::SourceFile;
use rogatory::disk::RealDisk;
use rogatory::entropy::Entropy;
use rogatory::provider::{Deployment, DeploymentOptions, ORIGIN};
use rogatory::record::about_log::{AboutLog, EnrolledAgain};
use rogatory::record::checkpoint::SignedCheckpoint;
use rogatory::record::key::VerifierKey;
use rogatory::record::policy::Policy;
use rogatory::record::storage::ServedFolder;
use rogatory::record::witness::{
    MemoryState, RemoteWitness, WitnessClient, checkpoint_path, parse_reply, serve,
};
use rogatory::region::{Outside, OutsideError};
use rogatory::world::WorldChanges;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::common::*;
use crate::record_http::send;
use crate::record_witness::{History, witness};

const ACCOUNT: &str = "dublin@post.example";

/// Every status of C2SP tlog-witness, and those of HTTP.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_witness_answers_as_the_specification_says() {
    let witness = Arc::new(witness(MemoryState::new()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(serve(witness.clone(), listener));
    let newest = checkpoint_path(witness.log().name());
    // The SHA-256 of `rogatory.example/record`, computed elsewhere.
    assert_eq!(newest, "/40bce671b7686e94d9e5a44c5db257d381d2f4d116a15c5fe43f95c91f6d4131/checkpoint");
    assert_eq!(send(address, "GET", &newest, "").await.status, 404);

    let history = History::of(&["a", "b", "c", "d", "e"]);
    let fork = History::of(&["a", "b", "x", "d", "e"]);
    let first = history.request(0, 3);
    let good = send(address, "POST", "/add-checkpoint", &first.encode()).await;
    assert_eq!(good.status, 200, "{}", good.text());
    assert!(good.headers.contains("cache-control: no-store"), "{}", good.headers);
    let lines = parse_reply(good.status, &good.body).unwrap();
    let cosigned = first.checkpoint.with_signatures(lines);
    assert!(cosigned.cosigned_by(witness.verifier()).unwrap().is_some());
    let shown = send(address, "GET", &newest, "").await;
    assert_eq!((shown.status, shown.text()), (200, cosigned.to_string().as_str()));

    let behind = send(address, "POST", "/add-checkpoint", &history.request(2, 5).encode()).await;
    assert_eq!((behind.status, behind.text()), (409, "3\n"));
    assert!(behind.headers.contains("content-type: text/x.tlog.size"), "{}", behind.headers);
    let other = |text: &str, new: &str| history.request(3, 5).encode().replacen(text, new, 1);
    let mut bare = history.request(3, 5);
    bare.proof.clear();
    let mut above = history.request(3, 3);
    above.old = 4;
    let long = format!("old 3\n{}\n", "A".repeat(70 << 10));
    for (what, body, status) in [
        ("a fork", fork.request(3, 3).encode(), 422),
        ("a fork that grew", fork.request(3, 5).encode(), 422),
        ("no proof", bare.encode(), 422),
        ("an old size above the new", above.encode(), 400),
        ("another log", other("rogatory.example", "other.example"), 404),
        ("another size under the signature", other("\n5\n", "\n4\n"), 403),
        ("no size", other("old 3", "old three"), 400),
        ("no checkpoint", "old 3\n".to_owned(), 400),
        ("nothing", String::new(), 400),
        ("too much", long, 413),
    ] {
        let answer = send(address, "POST", "/add-checkpoint", &body).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert!(answer.body.ends_with(b"\n") && answer.body.len() > 10, "{what}: {}", answer.text());
    }
    for (method, path, status) in [
        ("GET", "/add-checkpoint", 405),
        ("POST", "/sign-subtree", 404),
        ("GET", "/checkpoint", 404),
        ("GET", "/", 404),
        ("DELETE", &newest, 405),
    ] {
        assert_eq!(send(address, method, path, "").await.status, status, "{method} {path}");
    }
    assert_eq!(witness.head().size, 3);

    // A log's own way to ask.
    let remote = RemoteWitness::at(address.into());
    assert_eq!(remote.add_checkpoint(history.request(3, 5)).await.unwrap().len(), 1);
    server.abort();
    drop(server.await);
    let gone = remote.add_checkpoint(history.request(5, 5)).await.unwrap_err().to_string();
    assert!(gone.contains(&format!("http://{address}/add-checkpoint")), "{gone}");
}

#[test]
fn a_folder_is_one_witness_of_one_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w");
    let make = |path: &Path, name: &str| Outside::make(&RealDisk, path, name, &Entropy::seeded("w"));
    assert!(matches!(Outside::open(&path), Err(OutsideError::NotThere(_))));
    assert!(matches!(make(&path, "two words"), Err(OutsideError::Key(_))));
    assert!(!path.exists());
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("thesis.txt"), "years of work").unwrap();
    assert!(matches!(make(&path, "w"), Err(OutsideError::NotOurs(_))));
    std::fs::remove_file(path.join("thesis.txt")).unwrap();

    let key = make(&path, "w").unwrap().key(&RealDisk).unwrap();
    assert!(matches!(make(&path, "w"), Err(OutsideError::There { .. })));
    // A key alone may have signed: only who knows that it has not goes on with it.
    std::fs::remove_file(path.join("witness.json")).unwrap();
    let torn = make(&path, "w").unwrap_err().to_string();
    assert!(torn.contains("put that back"), "{torn}");
    let mut outside = Outside::make_or_finish(&RealDisk, &path, "w", &Entropy::seeded("x")).unwrap();
    assert_eq!(outside.key(&RealDisk).unwrap(), key);
    assert!(matches!(outside.witness(&RealDisk), Err(OutsideError::NoLog { .. })));

    let history = History::of(&["a", "b", "c"]);
    let log = witness(MemoryState::new()).log().clone();
    assert!(matches!(outside.trust(&RealDisk, &key), Err(OutsideError::NotALog(_))));
    outside.trust(&RealDisk, &log).unwrap();
    outside.trust(&RealDisk, &log).unwrap();
    let other = "other.example+".to_owned() + log.to_string().split_once('+').unwrap().1;
    let other = other.parse::<VerifierKey>();
    assert!(other.is_err(), "a key's id is of its name");
    assert_eq!(Outside::open(&path).unwrap().log(), Some(&log));
    let running = outside.witness(&RealDisk).unwrap();
    running.add_checkpoint(&history.request(0, 3)).unwrap();
    // What it remembers is its own while it runs.
    assert!(matches!(outside.remembered(&RealDisk), Err(OutsideError::State(_))));
    outside.trust(&RealDisk, &log).unwrap();
    drop(running);
    assert_eq!(outside.remembered(&RealDisk).unwrap(), 3);

    // One that lost its memory is not given an empty one.
    std::fs::remove_file(path.join("witness.state")).unwrap();
    assert!(matches!(outside.trust(&RealDisk, &log), Err(OutsideError::State(_))));
    assert!(matches!(outside.witness(&RealDisk), Err(OutsideError::State(_))));
    let foreign =
        history.request(0, 2).checkpoint.to_string().replacen("rogatory.example", "other.example", 1);
    let foreign = SignedCheckpoint::parse(&foreign).unwrap();
    assert!(matches!(outside.trust_from(&RealDisk, &log, &foreign, false), Err(OutsideError::Checkpoint(_))));
    outside.trust_from(&RealDisk, &log, &history.request(0, 2).checkpoint, false).unwrap();
    assert_eq!(outside.witness(&RealDisk).unwrap().head().size, 2);
    // One that has its memory goes on from there; to go back it has to be forced, and its time does not.
    let running = outside.witness(&RealDisk).unwrap();
    running.add_checkpoint(&history.request(2, 3)).unwrap();
    drop(running);
    for size in [1, 2, 3] {
        let well = outside.trust_from(&RealDisk, &log, &history.request(0, size).checkpoint, false);
        assert!(matches!(well, Err(OutsideError::IsWell { .. })));
    }
    assert_eq!(outside.remembered(&RealDisk).unwrap(), 3);
    outside.trust_from(&RealDisk, &log, &history.request(0, 1).checkpoint, true).unwrap();
    assert_eq!(outside.remembered(&RealDisk).unwrap(), 1);
    // A memory of which it is not known what log it is of is nobody's.
    let text = std::fs::read_to_string(path.join("witness.json")).unwrap();
    std::fs::write(path.join("witness.json"), r#"{ "format": 1, "name": "w" }"#).unwrap();
    let nobodys = Outside::open(&path).unwrap().trust(&RealDisk, &log);
    assert!(matches!(nobodys, Err(OutsideError::OfNoLog { size: 1, .. })));
    std::fs::write(path.join("witness.json"), text).unwrap();
    // One that lost its key is another witness, and says so.
    std::fs::remove_file(path.join("component.key")).unwrap();
    assert!(matches!(outside.witness(&RealDisk), Err(OutsideError::KeyFile(_))));
}

/// One connection too many for the system is no end for the others.
#[test]
fn a_witness_goes_on_when_the_system_has_no_file_left_for_a_connection() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w");
    let mut outside = Outside::make(&RealDisk, &path, "w", &Entropy::seeded("w")).unwrap();
    outside.trust(&RealDisk, witness(MemoryState::new()).log()).unwrap();
    let few = r#"ulimit -n 40; exec "$0" witness run "$1" --listen 127.0.0.1:0"#;
    let mut running = Command::new("sh")
        .args(["-c", few, env!("CARGO_BIN_EXE_rogatory")])
        .arg(&path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(running.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address: SocketAddr =
        line.split("http://").nth(1).unwrap().split('/').next().unwrap().parse().unwrap();
    let many: Vec<_> = (0..60).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
    std::thread::sleep(std::time::Duration::from_millis(300));
    drop(many);
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    running.kill().unwrap();
    running.wait().unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

/// Runs the witness of a folder until it is stopped.
async fn run(folder: &Path, address: SocketAddr) -> JoinHandle<std::io::Result<()>> {
    let witness = Arc::new(Outside::open(folder).unwrap().witness(&RealDisk).unwrap());
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(serve(witness, listener))
}

async fn stop(server: JoinHandle<std::io::Result<()>>) {
    server.abort();
    drop(server.await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_depends_on_a_witness_that_it_cannot_start() {
    let folder = tempfile::tempdir().unwrap();
    let (data, theirs) = (folder.path().join("data"), folder.path().join("theirs"));
    let mut outside = Outside::make(&RealDisk, &theirs, "witness.fjord.example", &Entropy::system()).unwrap();
    let key = outside.key(&RealDisk).unwrap();
    // A port that was free a moment ago; nobody else on this machine asks for a certain one.
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let text = format!(
        "[world.witnesses.fjord-university]\nverifier-key = \"{key}\"\nurl = \"http://{address}/\"\n"
    );
    let changes = WorldChanges::read(&SourceFile::new("changes.toml", text), &["world"]).unwrap();
    let world = Arc::new(WORLD.with(&changes).unwrap());
    let options = || DeploymentOptions { world: world.clone(), ..options(&data) };

    // It does not run, and is the only outsider: what is demanded waits, and says for whom.
    let mut deployment = Deployment::start(options()).await.unwrap();
    open_account(&mut deployment.provider, ACCOUNT, "IE").await;
    deployment.provider.deliver(mail(ACCOUNT, message(1))).await.unwrap();
    let signed = deployment.provider.sign(&warrant("w-1", ACCOUNT)).unwrap();
    let waits = deployment.provider.receive(signed).await.unwrap_err().to_string();
    assert!(waits.contains(&format!("fjord-university: http://{address}/add-checkpoint")), "{waits}");
    assert!(!data.join("witness").exists());
    // The log's key is there for its operator, who starts it.
    let policy = Policy::read(&SourceFile::read(&data.join("record/policy")).unwrap()).unwrap();
    let log = policy.log().clone();
    assert_eq!(log.name(), ORIGIN);
    outside.trust(&RealDisk, &log).unwrap();
    let server = run(&theirs, address).await;
    let served = async |deployment: &Deployment, id: &str| {
        for _ in 0..400 {
            // An error says that it waits still.
            let _ = deployment.provider.advance_to(deployment.provider.now()).await;
            if deployment.provider.show(id).unwrap().disposition == Disposition::Served {
                let quorum = deployment.provider.docket().log().published().unwrap().quorum.clone();
                assert!(quorum.outsider);
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("`{id}` was not served");
    };
    served(&deployment, "w-1").await;
    deployment.stop().await;
    assert!(outside.remembered(&RealDisk).is_err(), "it runs on");
    // Entry 0 names the witnesses: with another key, or another witness beside it, nothing is opened, and nothing changed.
    let before = std::fs::read(data.join("record/checkpoint")).unwrap();
    let another =
        Outside::make(&RealDisk, &folder.path().join("another"), "other.example", &Entropy::system());
    let another = another.unwrap().key(&RealDisk).unwrap();
    for (id, key, url, said) in [
        ("fjord-university", &another, address, "has the key `other.example+"),
        ("another", &another, address, "`another` is new"),
    ] {
        let who = "name = \"A\"\ncountry = \"NO\"\ncontrolled-by = \"a\"\n";
        let text =
            format!("[world.witnesses.{id}]\n{who}verifier-key = \"{key}\"\nurl = \"http://{url}/\"\n");
        let changes = WorldChanges::read(&SourceFile::new("changes.toml", text), &["world"]).unwrap();
        let world = Arc::new(world.with(&changes).unwrap());
        let refused =
            Deployment::start(DeploymentOptions { world, ..options() }).await.err().unwrap().to_string();
        assert!(refused.contains(said), "{refused}");
    }
    assert_eq!(std::fs::read(data.join("record/checkpoint")).unwrap(), before);
    stop(server).await;
    // While it is away, nothing is erased: the record has to say so first.
    let deployment = Deployment::start(options()).await.unwrap();
    let size = deployment.provider.record_head().size;
    let waits = deployment.provider.erase("w-1").await.unwrap_err().to_string();
    assert!(waits.contains("nothing of") && waits.contains("is erased yet"), "{waits}");
    assert!(deployment.provider.show("w-1").is_ok());
    let server = run(&theirs, address).await;
    assert_eq!(
        deployment.provider.erase("w-1").await.unwrap().len(),
        deployment.provider.docket().unopened().len()
    );
    assert_eq!(deployment.provider.record_head().size, size + 1, "it is said once");
    assert!(deployment.provider.audit().await.unwrap().differences.is_empty());
    deployment.stop().await;
    stop(server).await;

    // It lost its memory. Head office says so in the record, and its operator begins anew with a checkpoint.
    std::fs::remove_file(theirs.join("witness.state")).unwrap();
    let enrolled =
        Deployment::enrol_again(options(), "fjord-university", "the disk broke", false).await.unwrap();
    assert!((enrolled.elsewhere, enrolled.remembered, enrolled.cosigned) == (true, None, false));
    let published = std::fs::read_to_string(data.join("record/checkpoint")).unwrap();
    outside.trust_from(&RealDisk, &log, &SignedCheckpoint::parse(&published).unwrap(), false).unwrap();
    let server = run(&theirs, address).await;
    let deployment = Deployment::start(options()).await.unwrap();
    let signed = deployment.provider.sign(&warrant("w-2", ACCOUNT)).unwrap();
    deployment.provider.receive(signed).await.unwrap();
    served(&deployment, "w-2").await;
    let opening = ServedFolder(data.join("record")).opening(enrolled.entry).unwrap().unwrap();
    let said = AboutLog::read(&opening).unwrap();
    assert!(
        matches!(said, AboutLog::EnrolledAgain(EnrolledAgain { key: named, .. }) if named == key.to_string())
    );
    deployment.stop().await;
    stop(server).await;
}
