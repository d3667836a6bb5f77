//! The parent's side.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc as std_mpsc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::super::client::Address;
use super::super::identity::Peer;
use super::Announcement;

/// A child that dies again and again is started again ever more slowly.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A child that lived this long had a good start.
const GOOD_START: Duration = Duration::from_secs(10);

/// How to start one node.
#[derive(Clone, Debug)]
pub struct ChildSpec {
    /// Who it is. What it announces has to agree.
    pub peer: Peer,
    pub program: PathBuf,
    pub args: Vec<OsString>,
    /// Where its standard error is appended; the parent's own if absent.
    pub log: Option<PathBuf>,
}

/// Children that are kept running. Dropping it kills them.
pub struct Supervisor {
    children: BTreeMap<Peer, Handle>,
}

struct Handle {
    address: watch::Receiver<Option<SocketAddr>>,
    pid: watch::Receiver<Option<u32>>,
    trouble: watch::Receiver<Option<String>>,
    orders: mpsc::Sender<Order>,
}

enum Order {
    /// Kill it and leave it dead.
    Kill { done: oneshot::Sender<()> },
    /// Start it again after a kill.
    Revive { done: oneshot::Sender<Result<(), ProcessError>> },
    /// Let go of it, and kill it if it does not end within the grace.
    Stop { grace: Duration, done: oneshot::Sender<()> },
}

impl Supervisor {
    /// Starts all children at the same time and returns when every one of them serves. If one does not within
    /// `deadline`, all are killed. Has to run on a tokio runtime that drives I/O.
    pub async fn start(specs: Vec<ChildSpec>, deadline: Duration) -> Result<Self, ProcessError> {
        Supervisor::begin(specs, deadline, false).await
    }

    /// As [`Supervisor::start`], but a child that cannot start keeps none of the others from it. It is started again and
    /// again, ever more slowly; [`Supervisor::troubles`] says why it does not serve.
    pub async fn start_those_that_can(
        specs: Vec<ChildSpec>,
        deadline: Duration,
    ) -> Result<Self, ProcessError> {
        Supervisor::begin(specs, deadline, true).await
    }

    async fn begin(specs: Vec<ChildSpec>, deadline: Duration, forgive: bool) -> Result<Self, ProcessError> {
        let spawner = Spawner::start()?;
        let mut starting = JoinSet::new();
        for spec in specs {
            let spawner = spawner.clone();
            starting.spawn(async move {
                let started = Running::start(&spec, &spawner, deadline).await;
                (spec, spawner, started)
            });
        }
        let mut children = BTreeMap::new();
        while let Some(started) = starting.join_next().await {
            let (spec, spawner, started) = started.map_err(|panic| ProcessError::Here(panic.into()))?;
            let (running, why) = match started {
                Ok(running) => (Some(running), None),
                Err(error) if forgive => (None, Some(error.to_string())),
                Err(error) => return Err(error),
            };
            let (address, address_seen) = watch::channel(running.as_ref().map(|running| running.address));
            let (pid, pid_seen) = watch::channel(running.as_ref().and_then(|running| running.child.id()));
            let (trouble, trouble_seen) = watch::channel(why);
            let (orders, received) = mpsc::channel(4);
            let peer = spec.peer.clone();
            let keeper = Keeper { spec, spawner, deadline, address, pid, trouble, orders: received };
            tokio::spawn(keeper.keep(running));
            children
                .insert(peer, Handle { address: address_seen, pid: pid_seen, trouble: trouble_seen, orders });
        }
        Ok(Supervisor { children })
    }

    /// The children that do not serve, and why.
    pub fn troubles(&self) -> Vec<(Peer, String)> {
        let trouble = |(peer, child): (&Peer, &Handle)| Some((peer.clone(), child.trouble.borrow().clone()?));
        self.children.iter().filter_map(trouble).collect()
    }

    /// Where a child is to be found, and why it is not; make a [`Link`](super::super::Link) with it.
    pub fn whereabouts(&self, peer: &Peer) -> Result<Address, ProcessError> {
        self.child(peer).map(|child| Address::kept(child.address.clone(), child.trouble.clone()))
    }

    /// Where a child is to be found as it comes and goes.
    pub fn address(&self, peer: &Peer) -> Result<watch::Receiver<Option<SocketAddr>>, ProcessError> {
        self.child(peer).map(|child| child.address.clone())
    }

    /// The process id of a child that is running.
    pub fn pid(&self, peer: &Peer) -> Option<u32> {
        self.children.get(peer).and_then(|child| *child.pid.borrow())
    }

    pub fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.children.keys()
    }

    /// Kills a child without warning and leaves it dead. Returns when it is gone.
    pub async fn kill(&self, peer: &Peer) -> Result<(), ProcessError> {
        let (done, wait) = oneshot::channel();
        self.child(peer)?.order(Order::Kill { done }).await;
        wait.await.map_err(|_| ProcessError::Unknown(peer.clone()))
    }

    /// Starts a child that was killed. Returns when it serves.
    pub async fn revive(&self, peer: &Peer) -> Result<(), ProcessError> {
        let (done, wait) = oneshot::channel();
        self.child(peer)?.order(Order::Revive { done }).await;
        wait.await.map_err(|_| ProcessError::Unknown(peer.clone()))?
    }

    /// Lets go of all children at the same time, waits until they have ended, and kills those that need longer than
    /// `grace`.
    pub async fn stop(self, grace: Duration) {
        let mut waits = Vec::new();
        for child in self.children.values() {
            let (done, wait) = oneshot::channel();
            child.order(Order::Stop { grace, done }).await;
            waits.push(wait);
        }
        for wait in waits {
            drop(wait.await);
        }
    }

    fn child(&self, peer: &Peer) -> Result<&Handle, ProcessError> {
        self.children.get(peer).ok_or_else(|| ProcessError::Unknown(peer.clone()))
    }
}

impl Handle {
    async fn order(&self, order: Order) {
        // A keeper that is gone has no child; the order's answer channel then says so.
        drop(self.orders.send(order).await);
    }
}

/// Keeps one child running until told otherwise.
struct Keeper {
    spec: ChildSpec,
    spawner: Spawner,
    deadline: Duration,
    address: watch::Sender<Option<SocketAddr>>,
    pid: watch::Sender<Option<u32>>,
    trouble: watch::Sender<Option<String>>,
    orders: mpsc::Receiver<Order>,
}

impl Keeper {
    async fn keep(mut self, mut running: Option<Running>) {
        let mut pause = FIRST_PAUSE;
        let mut dead_on_purpose = false;
        loop {
            let since = Instant::now();
            let order = match &mut running {
                Some(child) => tokio::select! {
                    status = child.child.wait() => {
                        let peer = &self.spec.peer;
                        tracing::warn!(%peer, status = %describe(status), "a node died and is started again");
                        running = None;
                        self.tell(None);
                        pause = if since.elapsed() > GOOD_START { FIRST_PAUSE } else { pause };
                        continue;
                    }
                    order = self.orders.recv() => order,
                },
                None if dead_on_purpose => self.orders.recv().await,
                None => tokio::select! {
                    () = tokio::time::sleep(pause) => {
                        pause = (pause * 2).min(LONGEST_PAUSE);
                        match Running::start(&self.spec, &self.spawner, self.deadline).await {
                            Ok(child) => running = Some(self.tell_running(child)),
                            Err(error) => {
                                tracing::error!(%error, "a node cannot be started again");
                                self.trouble.send_replace(Some(error.to_string()));
                            }
                        }
                        continue;
                    }
                    order = self.orders.recv() => order,
                },
            };
            match order {
                Some(Order::Kill { done }) => {
                    if let Some(mut child) = running.take() {
                        drop(child.child.kill().await);
                    }
                    self.tell(None);
                    dead_on_purpose = true;
                    // Whoever asked may have gone; the child is dead all the same.
                    let _ = done.send(());
                }
                Some(Order::Revive { done }) => {
                    let result = match running {
                        Some(_) => Ok(()),
                        None => match Running::start(&self.spec, &self.spawner, self.deadline).await {
                            Ok(child) => {
                                running = Some(self.tell_running(child));
                                Ok(())
                            }
                            Err(error) => Err(error),
                        },
                    };
                    dead_on_purpose = running.is_none();
                    let _ = done.send(result);
                }
                Some(Order::Stop { grace, done }) => {
                    if let Some(child) = running.take() {
                        child.stop(grace).await;
                    }
                    self.tell(None);
                    let _ = done.send(());
                    return;
                }
                // The supervisor was dropped, and the child dies with this task.
                None => return,
            }
        }
    }

    fn tell_running(&self, running: Running) -> Running {
        self.trouble.send_replace(None);
        self.tell(Some(&running));
        running
    }

    fn tell(&self, running: Option<&Running>) {
        self.pid.send_replace(running.and_then(|running| running.child.id()));
        self.address.send_replace(running.map(|running| running.address));
    }
}

/// A child that serves.
struct Running {
    child: Child,
    lifeline: ChildStdin,
    address: SocketAddr,
}

impl Running {
    async fn start(spec: &ChildSpec, spawner: &Spawner, deadline: Duration) -> Result<Self, ProcessError> {
        let mut command = Command::new(&spec.program);
        command.args(&spec.args).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        if let Some(path) = &spec.log {
            let file = OpenOptions::new().create(true).append(true).open(path);
            command.stderr(file.map_err(ProcessError::Here)?);
        }
        // Ctrl-C goes to the parent alone, which then lets go of its children in order.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = spawner
            .spawn(command)
            .await
            .map_err(|cause| ProcessError::Spawn { program: spec.program.clone(), cause })?;
        let missing = || ProcessError::Here(io::ErrorKind::BrokenPipe.into());
        let lifeline = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;

        let peer = &spec.peer;
        let address = match timeout(deadline, announcement(stdout)).await {
            Err(_) => return Err(ProcessError::Silent { peer: peer.clone(), waited: deadline }),
            Ok(Some(Announcement::Ready { id, address })) if id == peer.id() => address,
            Ok(Some(Announcement::Ready { id, .. })) => {
                return Err(ProcessError::WrongNode { meant: peer.clone(), found: id });
            }
            Ok(Some(Announcement::Failed { message })) => {
                return Err(ProcessError::Failed { peer: peer.clone(), message });
            }
            Ok(None) => {
                let status = describe(child.wait().await);
                return Err(ProcessError::Ended { peer: peer.clone(), status });
            }
        };
        Ok(Running { child, lifeline, address })
    }

    async fn stop(mut self, grace: Duration) {
        drop(self.lifeline);
        if timeout(grace, self.child.wait()).await.is_err() {
            tracing::warn!(pid = self.child.id(), "a node did not stop in time and is killed");
            drop(self.child.kill().await);
        }
    }
}

/// Reads up to the announcement; what else the child prints is read and dropped, so that it never blocks.
async fn announcement(stdout: ChildStdout) -> Option<Announcement> {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Ok(announcement) = serde_json::from_str(&line) {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Some(announcement);
        }
    }
    None
}

fn describe(status: io::Result<ExitStatus>) -> String {
    status.map_or_else(|error| error.to_string(), |status| status.to_string())
}

/// Starts processes on one thread that lives as long as any of them is to live: Linux ties a child to the thread
/// that started it, and threads of a runtime come and go.
#[derive(Clone)]
struct Spawner(std_mpsc::Sender<(Command, oneshot::Sender<io::Result<Child>>)>);

impl Spawner {
    fn start() -> Result<Self, ProcessError> {
        let (sender, orders) = std_mpsc::channel::<(Command, oneshot::Sender<io::Result<Child>>)>();
        let runtime = tokio::runtime::Handle::current();
        std::thread::Builder::new()
            .name("spawner".to_owned())
            .spawn(move || {
                let _entered = runtime.enter();
                while let Ok((mut command, reply)) = orders.recv() {
                    // If nobody waits for it any more, the child is dropped here and dies.
                    let _ = reply.send(command.spawn());
                }
            })
            .map_err(ProcessError::Here)?;
        Ok(Spawner(sender))
    }

    async fn spawn(&self, command: Command) -> io::Result<Child> {
        let gone = || io::Error::other("the thread that starts processes is gone");
        let (reply, child) = oneshot::channel();
        self.0.send((command, reply)).map_err(|_| gone())?;
        child.await.map_err(|_| gone())?
    }
}

/// Why a child is not running.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    #[error("`{}` cannot be started: {cause}", program.display())]
    Spawn { program: PathBuf, cause: io::Error },
    #[error("{peer} cannot start: {message}")]
    Failed { peer: Peer, message: String },
    #[error("{peer} ended before it served ({status}); its log says why")]
    Ended { peer: Peer, status: String },
    #[error("{peer} did not serve within {} s", waited.as_secs_f32())]
    Silent { peer: Peer, waited: Duration },
    #[error("meant to start {meant}, and `{found}` answered")]
    WrongNode { meant: Peer, found: String },
    #[error("{0} is not among the children")]
    Unknown(Peer),
    #[error("this process cannot start others: {0}")]
    Here(io::Error),
}
