//! Nodes as processes of their own. The children are this test binary, run again for one ignored test that serves.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use rogatory::region::process::{
    ChildSpec, Lifeline, ProcessError, Supervisor, announce_failure, announce_ready,
};
use rogatory::region::{
    Answer, Body, Context, Credentials, DeploymentCa, ErrorCode, Link, LinkLimits, Peer, ServerLimits,
    Service, ServiceError, Wan, credentials_path, serve,
};
use tokio::io::AsyncBufReadExt;
use tokio::net::TcpListener;

const READY_WITHIN: Duration = Duration::from_secs(20);

/// Answers with the id of its process.
struct Pid;

impl Service for Pid {
    type Call = ();
    type Reply = u32;

    fn call(&self, _: Context, (): (), _: Body) -> BoxFuture<'_, Result<Answer<u32>, ServiceError>> {
        Box::pin(async { Ok(std::process::id().into()) })
    }
}

fn region(id: &str) -> Peer {
    Peer::Region(id.parse().unwrap())
}

/// A child that is this test binary. What it does is in the environment, which `env` puts there.
fn child(peer: &Peer, folder: &Path, behaviour: &str) -> ChildSpec {
    let args = [
        format!("ROGATORY_TEST_NODE={}", folder.join(peer.to_string()).display()),
        format!("ROGATORY_TEST_BEHAVIOUR={behaviour}"),
        std::env::current_exe().unwrap().display().to_string(),
        "--exact".into(),
        "--ignored".into(),
        "--nocapture".into(),
        "--test-threads=2".into(),
        "region_process::the_child".into(),
    ];
    ChildSpec {
        peer: peer.clone(),
        program: "/usr/bin/env".into(),
        args: args.map(Into::into).to_vec(),
        log: Some(folder.join("log")),
    }
}

#[test]
#[ignore = "what the children of the other tests run"]
fn the_child() {
    let Ok(folder) = std::env::var("ROGATORY_TEST_NODE") else { return };
    let behaviour = std::env::var("ROGATORY_TEST_BEHAVIOUR").unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let lifeline = Lifeline::tie().unwrap();
        let credentials = Credentials::load(&credentials_path(Path::new(&folder))).unwrap();
        match behaviour.as_str() {
            "fails" => return announce_failure(&"the key file is unreadable").unwrap(),
            "dies" => return,
            "is-silent" => return lifeline.let_go().await,
            "stops-late" => {
                announce_ready(credentials.peer(), ([127, 0, 0, 1], 1).into()).unwrap();
                return std::future::pending().await;
            }
            _ => {}
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        announce_ready(credentials.peer(), listener.local_addr().unwrap()).unwrap();
        let limits = ServerLimits::default();
        serve(listener, &credentials, Arc::new(Pid), limits, lifeline.let_go()).await.unwrap();
    });
}

/// A parent that starts children, prints their process ids, and waits to be killed.
#[test]
#[ignore = "what one of the other tests runs"]
fn the_parent() {
    let Ok(folder) = std::env::var("ROGATORY_TEST_PARENT") else { return };
    let folder = Path::new(&folder);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let peers = [region("ie-dublin"), region("fr-paris"), region("ch-zurich")];
        let specs = peers.iter().map(|peer| child(peer, folder, "serves")).collect();
        let supervisor = Supervisor::start(specs, READY_WITHIN).await.unwrap();
        for peer in &peers {
            println!("\nchild {}", supervisor.pid(peer).unwrap());
        }
        println!("\nall");
        std::future::pending::<()>().await;
    });
}

struct Deployment {
    folder: tempfile::TempDir,
    ca: DeploymentCa,
}

impl Deployment {
    fn with(peers: &[Peer]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = DeploymentCa::open(&folder.path().join("ca")).unwrap();
        for peer in peers {
            ca.provision(peer, &folder.path().join(peer.to_string())).unwrap();
        }
        Deployment { folder, ca }
    }

    async fn start(&self, peers: &[Peer], behaviour: &str) -> Result<Supervisor, ProcessError> {
        let specs = peers.iter().map(|peer| child(peer, self.folder.path(), behaviour)).collect();
        Supervisor::start(specs, READY_WITHIN).await
    }

    fn links(&self, supervisor: &Supervisor) -> BTreeMap<Peer, Link<(), u32>> {
        let head_office = self.ca.provision(&Peer::HeadOffice, &self.folder.path().join("ho")).unwrap();
        let link = |peer: &Peer| {
            let address = supervisor.address(peer).unwrap();
            Link::over_network(&head_office, peer.clone(), address, LinkLimits::default(), Wan::none())
                .unwrap()
        };
        supervisor.peers().map(|peer| (peer.clone(), link(peer))).collect()
    }
}

/// True while a process runs; a zombie does not.
fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'))
}

async fn gone(pid: u32) -> bool {
    let started = Instant::now();
    while runs(pid) {
        if started.elapsed() > Duration::from_secs(5) {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    true
}

async fn ask(link: &Link<(), u32>) -> Result<u32, ServiceError> {
    link.call((), Body::empty()).await.map(|answer| answer.reply)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_serve_die_and_come_back() {
    let peers = [region("ie-dublin"), region("fr-paris")];
    let deployment = Deployment::with(&peers);
    let supervisor = deployment.start(&peers, "serves").await.unwrap();
    let links = deployment.links(&supervisor);
    let [dublin, paris] = &peers;
    let (first, other) = (ask(&links[dublin]).await.unwrap(), ask(&links[paris]).await.unwrap());
    assert_eq!(Some(first), supervisor.pid(dublin));

    // Killed by somebody else: started again.
    let mut address = supervisor.address(dublin).unwrap();
    address.mark_unchanged();
    let pid = rustix::process::Pid::from_raw(first as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    address.wait_for(Option::is_none).await.unwrap();
    address.wait_for(Option::is_some).await.unwrap();
    let second = ask(&links[dublin]).await.unwrap();
    assert_ne!(second, first);
    assert!(!runs(first));
    assert_eq!(ask(&links[paris]).await.unwrap(), other, "the other one did not notice");

    // Killed on purpose: stays dead until revived.
    supervisor.kill(dublin).await.unwrap();
    assert!(!runs(second));
    assert_eq!(supervisor.pid(dublin), None);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(ask(&links[dublin]).await.unwrap_err().code, ErrorCode::Unreachable);
    supervisor.revive(dublin).await.unwrap();
    let third = ask(&links[dublin]).await.unwrap();
    assert!(third != second);

    supervisor.stop(Duration::from_secs(5)).await;
    assert!(!runs(third) && !runs(other));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_that_does_not_come_up_is_reported_with_the_reason() {
    let peers = [region("ie-dublin")];
    let deployment = Deployment::with(&peers);
    let error = deployment.start(&peers, "fails").await.err().unwrap();
    assert_eq!(error.to_string(), "region/ie-dublin cannot start: the key file is unreadable");
    let error = deployment.start(&peers, "dies").await.err().unwrap();
    assert!(matches!(error, ProcessError::Ended { .. }), "{error}");

    let spec = child(&peers[0], deployment.folder.path(), "is-silent");
    let error = Supervisor::start(vec![spec], Duration::from_millis(500)).await.err().unwrap();
    assert!(matches!(error, ProcessError::Silent { .. }), "{error}");

    let other = child(&peers[0], deployment.folder.path(), "serves");
    let spec = ChildSpec { peer: region("fr-paris"), ..other };
    let error = Supervisor::start(vec![spec], READY_WITHIN).await.err().unwrap();
    assert_eq!(error.to_string(), "meant to start region/fr-paris, and `ie-dublin` answered");

    let spec = ChildSpec {
        program: "/no/such/program".into(),
        ..child(&peers[0], deployment.folder.path(), "serves")
    };
    let error = Supervisor::start(vec![spec], READY_WITHIN).await.err().unwrap();
    assert!(matches!(error, ProcessError::Spawn { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_fails_takes_none_with_it_into_life() {
    let peers = [region("ie-dublin"), region("fr-paris")];
    let deployment = Deployment::with(&peers);
    let folder = deployment.folder.path();
    let specs = vec![child(&peers[0], folder, "serves"), child(&peers[1], folder, "fails")];
    let marker = folder.join(peers[0].to_string()).display().to_string();
    Supervisor::start(specs, READY_WITHIN).await.err().unwrap();
    let started = Instant::now();
    while processes_with(&marker) > 0 {
        assert!(started.elapsed() < Duration::from_secs(5), "a child was left behind");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn processes_with(marker: &str) -> usize {
    let environment =
        |entry: std::fs::DirEntry| std::fs::read(entry.path().join("environ")).unwrap_or_default();
    let has = |bytes: Vec<u8>| bytes.windows(marker.len()).any(|window| window == marker.as_bytes());
    std::fs::read_dir("/proc").unwrap().flatten().map(environment).filter(|bytes| has(bytes.clone())).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_that_does_not_stop_is_killed_and_a_dropped_supervisor_leaves_none() {
    let peers = [region("ie-dublin")];
    let deployment = Deployment::with(&peers);
    let supervisor = deployment.start(&peers, "stops-late").await.unwrap();
    let pid = supervisor.pid(&peers[0]).unwrap();
    let started = Instant::now();
    supervisor.stop(Duration::from_millis(300)).await;
    assert!(started.elapsed() < Duration::from_secs(3));
    assert!(!runs(pid));

    let supervisor = deployment.start(&peers, "serves").await.unwrap();
    let pid = supervisor.pid(&peers[0]).unwrap();
    drop(supervisor);
    assert!(gone(pid).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_do_not_outlive_a_parent_that_is_killed() {
    // Not an interrupt: a shell that runs the tests in the background has them ignore it.
    for signal in [rustix::process::Signal::KILL, rustix::process::Signal::TERM] {
        let peers = [region("ie-dublin"), region("fr-paris"), region("ch-zurich")];
        let deployment = Deployment::with(&peers);
        let mut parent = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--ignored", "--nocapture", "--test-threads=2", "region_process::the_parent"])
            .env("ROGATORY_TEST_PARENT", deployment.folder.path())
            .stdout(std::process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = tokio::io::BufReader::new(parent.stdout.take().unwrap()).lines();
        let mut pids = Vec::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            match line.strip_prefix("child ") {
                Some(pid) => pids.push(pid.parse::<u32>().unwrap()),
                None if line == "all" => break,
                None => {}
            }
        }
        assert_eq!(pids.len(), 3);
        assert!(pids.iter().all(|&pid| runs(pid)));

        let parent_pid = rustix::process::Pid::from_raw(parent.id().unwrap() as i32).unwrap();
        rustix::process::kill_process(parent_pid, signal).unwrap();
        parent.wait().await.unwrap();
        for pid in pids {
            assert!(gone(pid).await, "process {pid} was left behind");
        }
    }
}
