//! A service behaves alike in this process and over the network: bodies, deadlines, distance, faults.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use rogatory::region::{
    Answer, Body, CallOptions, Context, Cut, DeploymentCa, ErrorCode, Link, LinkLimits, Peer, ServerLimits,
    Service, ServiceError, Wan, serve,
};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

const MIB: usize = 1024 * 1024;

#[derive(Serialize, Deserialize, Debug)]
enum Ask {
    /// Answers with the body that came.
    Echo,
    /// Reads the body and answers with its length.
    Count,
    /// Answers with so many chunks of 64 KiB.
    Produce {
        chunks: u64,
    },
    /// Answers after so long, and counts.
    Wait {
        ms: u64,
    },
    /// Never answers.
    Hang,
    /// Answers with a body that fails after one chunk.
    FailMidBody,
    Panic,
    /// An error of the service's own, as long as it likes.
    Refuse {
        message: String,
    },
}

#[derive(Default)]
struct Probe {
    produced: Arc<AtomicU64>,
    finished: AtomicUsize,
}

impl Service for Probe {
    type Call = Ask;
    type Reply = u64;

    fn call(&self, _: Context, ask: Ask, mut body: Body) -> BoxFuture<'_, Result<Answer<u64>, ServiceError>> {
        Box::pin(async move {
            let answer = match ask {
                Ask::Echo => Answer::with_body(0, body),
                Ask::Count => {
                    let mut length = 0;
                    while let Some(chunk) = body.next().await {
                        length += chunk?.len() as u64;
                    }
                    length.into()
                }
                Ask::Produce { chunks } => {
                    let produced = self.produced.clone();
                    Answer::with_body(0, counted(chunks, produced))
                }
                Ask::Wait { ms } => {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    self.finished.fetch_add(1, Ordering::SeqCst);
                    ms.into()
                }
                Ask::Hang => std::future::pending().await,
                Ask::FailMidBody => {
                    let error = ServiceError::new(ErrorCode::Conflict, "chunk 1 does not verify");
                    let chunks = [Ok(Bytes::from_static(b"good")), Err(error)];
                    Answer::with_body(0, Body::stream(futures_util::stream::iter(chunks)))
                }
                Ask::Panic => panic!("a secret path"),
                Ask::Refuse { message } => return Err(ServiceError::new(ErrorCode::Refused, message)),
            };
            Ok(answer)
        })
    }
}

/// Chunks of 64 KiB, each counted as it is taken.
fn counted(chunks: u64, produced: Arc<AtomicU64>) -> Body {
    Body::stream(futures_util::stream::iter(0..chunks).map(move |i| {
        produced.fetch_add(1, Ordering::SeqCst);
        Ok(Bytes::from(vec![i as u8; 64 * 1024]))
    }))
}

struct Node {
    ca: DeploymentCa,
    folder: tempfile::TempDir,
    probe: Arc<Probe>,
    address: watch::Sender<Option<SocketAddr>>,
    running: Option<(oneshot::Sender<()>, JoinHandle<std::io::Result<()>>)>,
    limits: ServerLimits,
}

fn dublin() -> Peer {
    Peer::Region("ie-dublin".parse().unwrap())
}

impl Node {
    async fn start() -> Self {
        Node::start_with(ServerLimits { grace: Duration::from_secs(2), ..ServerLimits::default() }).await
    }

    async fn start_with(limits: ServerLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = DeploymentCa::open(&folder.path().join("ca")).unwrap();
        let (address, _) = watch::channel(None);
        let mut node = Node { ca, folder, probe: Arc::default(), address, running: None, limits };
        node.run().await;
        node
    }

    async fn run(&mut self) {
        let credentials = self.ca.provision(&dublin(), &self.folder.path().join("dublin")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.address.send_replace(Some(listener.local_addr().unwrap()));
        let (stop, stopped) = oneshot::channel::<()>();
        let (service, limits) = (self.probe.clone(), self.limits);
        let task = tokio::spawn(async move {
            serve(listener, &credentials, service, limits, async { drop(stopped.await) }).await
        });
        self.running = Some((stop, task));
    }

    async fn stop(&mut self) {
        let (stop, task) = self.running.take().unwrap();
        stop.send(()).unwrap();
        task.await.unwrap().unwrap();
    }

    fn link(&self) -> Link<Ask, u64> {
        self.link_with(LinkLimits::default(), Wan::none())
    }

    fn link_with(&self, limits: LinkLimits, wan: Wan) -> Link<Ask, u64> {
        let head_office = self.ca.provision(&Peer::HeadOffice, &self.folder.path().join("ho")).unwrap();
        Link::over_network(&head_office, dublin(), self.address.subscribe(), limits, wan).unwrap()
    }

    /// The same service over both kinds of link.
    fn both(&self) -> [Link<Ask, u64>; 2] {
        let (limits, wan) = (LinkLimits::default(), Wan::none());
        [self.link(), Link::in_process(Peer::HeadOffice, dublin(), self.probe.clone(), limits, wan)]
    }
}

fn within(ms: u64) -> CallOptions {
    CallOptions { within: Some(Duration::from_millis(ms)), ..CallOptions::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_of_every_length_come_back_as_they_went() {
    let node = Node::start().await;
    for link in node.both() {
        for length in [0, 1, 10_000, 16_384, 32_767, 32_768, 32_769, 65_536, 300_000, 2 * MIB] {
            let sent = Bytes::from((0..length).map(|i| (i * 31 % 251) as u8).collect::<Vec<_>>());
            let answer = link.call(Ask::Echo, sent.clone()).await.unwrap();
            assert_eq!(answer.body.collect(4 * MIB).await.unwrap(), sent, "{length} bytes");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_mebibytes_go_both_ways_and_neither_end_runs_ahead() {
    const CHUNKS: u64 = 50 * 16;
    // What may lie between the two ends: the windows, the buffers of TLS, sockets and channels.
    const AHEAD: u64 = 8 * 16;
    let node = Node::start().await;
    let link = node.link();

    let taken = Arc::new(AtomicU64::new(0));
    let answer = link.call(Ask::Echo, counted(CHUNKS, taken.clone())).await.unwrap();
    let mut body = answer.body;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let ahead = taken.load(Ordering::SeqCst);
    assert!(ahead < AHEAD, "{ahead} chunks were taken before any was read");
    let mut length = 0;
    while let Some(chunk) = body.next().await {
        length += chunk.unwrap().len() as u64;
        let ahead = taken.load(Ordering::SeqCst) - length / 65_536;
        assert!(ahead < AHEAD, "{ahead} chunks lie between the two ends");
    }
    assert_eq!(length, CHUNKS * 65_536);

    let count = link.call(Ask::Count, counted(CHUNKS, taken.clone())).await.unwrap();
    assert_eq!(count.reply, CHUNKS * 65_536);

    let mut produced = link.call(Ask::Produce { chunks: CHUNKS }, Body::empty()).await.unwrap().body;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(node.probe.produced.load(Ordering::SeqCst) < AHEAD);
    let mut length = 0;
    while let Some(chunk) = produced.next().await {
        length += chunk.unwrap().len() as u64;
    }
    assert_eq!(length, CHUNKS * 65_536);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_ends_the_wait_and_not_the_work() {
    let node = Node::start().await;
    for link in node.both() {
        let before = node.probe.finished.load(Ordering::SeqCst);
        let started = Instant::now();
        let error = link.call_with(within(100), Ask::Wait { ms: 300 }, Body::empty()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Deadline);
        assert!(started.elapsed() < Duration::from_millis(250), "{:?}", started.elapsed());
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(node.probe.finished.load(Ordering::SeqCst), before + 1, "the call ran to its end");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stuck_calls_delay_nobody_else() {
    let node = Node::start().await;
    let link = node.link();
    // Answers nobody reads, bodies nobody sends, and calls that hang.
    let mut unread = Vec::new();
    let mut unsent = Vec::new();
    let mut hanging = Vec::new();
    for _ in 0..20 {
        unread.push(link.call(Ask::Produce { chunks: 800 }, Body::empty()).await.unwrap());
        let (sender, body) = Body::channel();
        sender.send(vec![7; 300_000]).await.unwrap();
        let (counting, hang) = (link.clone(), link.clone());
        unsent.push((sender, tokio::spawn(async move { counting.call(Ask::Count, body).await })));
        hanging.push(tokio::spawn(async move { hang.call(Ask::Hang, Body::empty()).await }));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;

    let mut slowest = Duration::ZERO;
    for _ in 0..50 {
        let started = Instant::now();
        let answer = link.call(Ask::Count, vec![1; 10_000]).await.unwrap();
        assert_eq!(answer.reply, 10_000);
        slowest = slowest.max(started.elapsed());
    }
    assert!(slowest < Duration::from_millis(250), "{slowest:?}");

    // And those that were stuck go on as if nothing had been.
    for answer in unread {
        assert_eq!(answer.body.collect(64 * MIB).await.unwrap().len(), 800 * 65_536);
    }
    for (sender, counting) in unsent {
        sender.finish().await.unwrap();
        assert_eq!(counting.await.unwrap().unwrap().reply, 300_000);
    }
    hanging.iter().for_each(JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_call_too_many_fails_at_once() {
    let node = Node::start().await;
    let link = node.link_with(LinkLimits { calls: 2, ..LinkLimits::default() }, Wan::none());
    let hanging = link.clone();
    let hanging = tokio::spawn(async move { hanging.call(Ask::Hang, Body::empty()).await });
    let unread = link.call(Ask::Produce { chunks: 100 }, Body::empty()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;

    let error = link.call(Ask::Echo, Body::empty()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Busy);
    assert!(error.code.is_without_effect());
    drop(unread);
    link.call(Ask::Echo, Body::empty()).await.unwrap();
    hanging.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_counts_calls_whose_callers_went_away() {
    let node = Node::start_with(ServerLimits { calls: 2, ..ServerLimits::default() }).await;
    let link = node.link();
    for _ in 0..2 {
        let error = link.call_with(within(50), Ask::Hang, Body::empty()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Deadline);
    }
    assert_eq!(link.call(Ask::Echo, Body::empty()).await.unwrap_err().code, ErrorCode::Busy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_travel_typed_and_tell_no_secrets() {
    let node = Node::start().await;
    for link in node.both() {
        let message = "the permit is stale: `é\u{7f}\n`".to_owned();
        let error = link.call(Ask::Refuse { message: message.clone() }, Body::empty()).await.unwrap_err();
        assert_eq!(error, ServiceError::new(ErrorCode::Refused, message));

        let error = link.call(Ask::Panic, Body::empty()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Internal);
        assert!(!error.message.contains("secret"));

        let mut body = link.call(Ask::FailMidBody, Body::empty()).await.unwrap().body;
        assert_eq!(body.next().await.unwrap().unwrap(), "good");
        let error = body.next().await.unwrap().unwrap_err();
        assert_eq!(error, ServiceError::new(ErrorCode::Conflict, "chunk 1 does not verify"));
        assert!(body.next().await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_stops_half_way_never_passes_for_a_whole_one() {
    let idle = Duration::from_millis(200);
    let node = Node::start_with(ServerLimits { idle, ..ServerLimits::default() }).await;
    for link in node.both() {
        let (sender, body) = Body::channel();
        sender.send(vec![7; 100_000]).await.unwrap();
        drop(sender);
        link.call(Ask::Count, body).await.unwrap_err();
    }
    let (sender, body) = Body::channel();
    sender.send(vec![7; 100_000]).await.unwrap();
    let error = node.link().call(Ask::Count, body).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Deadline, "{error}");
    drop(sender);

    // A reader that stops reading loses the rest, and sees that it did.
    let mut unread = node.link().call(Ask::Produce { chunks: 800 }, Body::empty()).await.unwrap().body;
    tokio::time::sleep(idle * 3).await;
    let mut last = None;
    while let Some(chunk) = unread.next().await {
        last = Some(chunk);
    }
    assert!(last.unwrap().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_finds_a_node_that_was_started_again() {
    let mut node = Node::start().await;
    let link = node.link();
    let before = *node.address.borrow();
    link.call(Ask::Echo, Body::empty()).await.unwrap();

    let running = link.clone();
    let running = tokio::spawn(async move { running.call(Ask::Wait { ms: 200 }, Body::empty()).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    node.stop().await;
    assert_eq!(running.await.unwrap().unwrap().reply, 200, "a call under way is let finish");
    let error = link.call(Ask::Echo, Body::empty()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unreachable, "{error}");
    assert!(error.code.is_without_effect());

    node.run().await;
    assert_ne!(*node.address.borrow(), before);
    link.call(Ask::Echo, Body::empty()).await.unwrap();

    node.address.send_replace(None);
    assert_eq!(link.call(Ask::Echo, Body::empty()).await.unwrap_err().code, ErrorCode::Unreachable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_dies_in_the_middle_of_a_call_leaves_it_unknown() {
    let mut node = Node::start().await;
    let link = node.link();
    let hanging = link.clone();
    let hanging = tokio::spawn(async move { hanging.call(Ask::Hang, Body::empty()).await });
    let mut unread = link.call(Ask::Produce { chunks: 800 }, Body::empty()).await.unwrap().body;
    let (_, task) = node.running.take().unwrap();
    task.abort();
    let error = hanging.await.unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::Lost, "{error}");
    assert!(!error.code.is_without_effect());
    let mut last = None;
    while let Some(chunk) = unread.next().await {
        last = Some(chunk);
    }
    assert_eq!(last.unwrap().unwrap_err().code, ErrorCode::Lost);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_link_refuses_or_swallows_until_it_is_mended() {
    let node = Node::start().await;
    let wan = Wan::none();
    let (limits, head_office) = (LinkLimits::default(), Peer::HeadOffice);
    let links = [
        node.link_with(limits, wan.clone()),
        Link::in_process(head_office.clone(), dublin(), node.probe.clone(), limits, wan.clone()),
    ];
    for link in links {
        let mut streaming = link.call(Ask::Produce { chunks: 800 }, Body::empty()).await.unwrap().body;
        let waiting = link.clone();
        let waiting = tokio::spawn(async move { waiting.call(Ask::Wait { ms: 100 }, Body::empty()).await });
        tokio::time::sleep(Duration::from_millis(30)).await;

        wan.cut(&dublin(), &head_office, Cut::Refusing);
        let error = link.call(Ask::Echo, Body::empty()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Unreachable);
        assert_eq!(waiting.await.unwrap().unwrap_err().code, ErrorCode::Lost);
        assert_eq!(streaming.next().await.unwrap().unwrap_err().code, ErrorCode::Lost);

        wan.cut(&head_office, &dublin(), Cut::Silent);
        let error = link.call_with(within(60), Ask::Echo, Body::empty()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Deadline);

        wan.mend(&head_office, &dublin());
        link.call(Ask::Echo, Body::empty()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn distance_costs_what_it_should() {
    let node = Node::start().await;
    let near = node.link();
    near.call(Ask::Echo, Body::empty()).await.unwrap();
    let loopback = fastest(&near).await;
    for one_way_us in [700, 2_300, 9_900, 38_400] {
        let one_way = Duration::from_micros(one_way_us);
        let far = node.link_with(LinkLimits::default(), Wan::with_delay(move |_, _| one_way));
        far.call(Ask::Echo, Body::empty()).await.unwrap();
        let measured = fastest(&far).await.saturating_sub(loopback).as_secs_f64();
        let configured = (one_way * 2).as_secs_f64();
        let allowed = (configured * 0.05).max(0.001);
        assert!((measured - configured).abs() <= allowed, "measured {measured} s, configured {configured} s");
    }
}

/// The fastest of many calls: what else the machine does only ever makes one slower.
async fn fastest(link: &Link<Ask, u64>) -> Duration {
    let mut fastest = Duration::MAX;
    for _ in 0..41 {
        let started = Instant::now();
        link.call(Ask::Echo, Body::empty()).await.unwrap();
        fastest = fastest.min(started.elapsed());
    }
    fastest
}

/// A refusal that comes while its caller is still sending is heard, and the connection goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_refused_in_the_middle_of_a_body_hears_why() {
    let node = Node::start().await;
    let link = node.link();
    for round in 0..20 {
        let body = counted(128, Arc::default());
        let refused = link.call(Ask::Refuse { message: format!("no room {round}") }, body).await.unwrap_err();
        assert_eq!((refused.code, refused.message), (ErrorCode::Refused, format!("no room {round}")));
    }
    assert_eq!(link.call(Ask::Count, counted(16, Arc::default())).await.unwrap().reply, MIB as u64);
}

/// Hears nobody.
struct Closed;

impl Service for Closed {
    type Call = Ask;
    type Reply = u64;

    fn admit(&self, peer: &Peer) -> Result<(), ServiceError> {
        Err(ServiceError::new(ErrorCode::Forbidden, format!("{peer} may not call")))
    }

    fn call(&self, _: Context, _: Ask, _: Body) -> BoxFuture<'_, Result<Answer<u64>, ServiceError>> {
        panic!("a call of somebody who may make none")
    }
}

/// A certificate of the deployment that may make no call makes a node hold nothing of what it sends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_sends_who_may_not_call_is_not_taken_in() {
    let folder = tempfile::tempdir().unwrap();
    let ca = DeploymentCa::open(&folder.path().join("ca")).unwrap();
    let here = ca.provision(&dublin(), &folder.path().join("here")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        serve(listener, &here, Arc::new(Closed), ServerLimits::default(), std::future::pending()).await
    });
    let other = ca.provision(&Peer::Region("de-frankfurt".parse().unwrap()), &folder.path().join("other"));
    let link: Link<Ask, u64> =
        Link::over_network(&other.unwrap(), dublin(), address, LinkLimits::default(), Wan::none()).unwrap();
    let refused = link.call(Ask::Echo, Body::empty()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden, "{refused}");
    let taken = Arc::new(AtomicU64::new(0));
    link.call(Ask::Count, counted(1024, taken.clone())).await.unwrap_err();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(taken.load(Ordering::SeqCst) < 64, "{} chunks were taken in", taken.load(Ordering::SeqCst));
    serving.abort();
}
