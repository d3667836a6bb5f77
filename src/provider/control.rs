//! What a running provider can be asked from outside: by the command line, one day by the console.
//!
//! The caller proves to be head office, with head office's own certificate: whoever can read that file can order
//! head office about anyway.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::view::{MatterView, RecordHead, Recorded, WhereView};
use super::{
    ByView, EntryOpenings, Giving, Misplaced, NoticeView, Provider, ProviderError, ReachView, Route,
    SealedOpenings, SweepView,
};
use crate::clock::SimTime;
use crate::demand::{Demand, SignedInstrument};
use crate::gate::{AuditReport, Event, ItemDecision, Premise};
use crate::record::entry::Slot;
use crate::record::opening::Opening;
use crate::region::{
    Answer, Body, Call, Context, ErrorCode, Peer, Reply, Service, ServiceError, only_head_office,
};
use crate::world::{Address, AuthorityId, RecipientKey, RegionId};

/// A question or an order to a running provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "ask")]
pub enum Ask {
    /// Where it stands: time, record, accounts.
    Status,
    /// Receives a demand as its issuer signed it.
    File {
        instrument: SignedInstrument,
    },
    /// Signs a demand as its issuer would, in a world whose keys are public, and receives it.
    FileUnsigned {
        demand: Box<Demand>,
    },
    List,
    Show {
        matter: String,
    },
    /// The recorded events of a matter, with everything its decisions rest on.
    Explain {
        matter: String,
    },
    /// Makes every recorded decision again.
    Audit,
    /// Proves an entry, or the newest decision on a demand, and opens some of it.
    Prove {
        id: String,
        show: Vec<Slot>,
    },
    /// Who holds which opening: of one matter's entries, or of all.
    Openings {
        matter: Option<String>,
    },
    /// The openings of those slots of one matter's entries, or of all: head office's own.
    Opened {
        matter: Option<String>,
        slots: Vec<Slot>,
    },
    /// The same, given to a court or other authority of that id, or else to an auditor of that name: noted, and sealed to
    /// the reader's key.
    Give {
        to: String,
        key: Option<RecipientKey>,
        matter: Option<String>,
        slots: Vec<Slot>,
        until: Option<SimTime>,
    },
    /// What an account holder was told.
    Notices {
        account: Address,
        /// With a proof of each entry.
        proofs: bool,
    },
    /// Erases what opens a matter that is over.
    Erase {
        matter: String,
    },
    Where {
        account: Address,
    },
    /// Copies that rest where their placement does not allow.
    Misplaced,
    Reach {
        account: Address,
        at: Option<SimTime>,
    },
    /// How the reach for an account changed over time.
    ReachOverTime {
        account: Address,
    },
    /// What an authority could obtain of every account.
    ReachBy {
        authority: AuthorityId,
        at: Option<SimTime>,
    },
    /// Moves simulated time forward.
    Advance {
        to: SimTime,
    },
    /// Where an account's mail goes, and where the regions that get it are to be found. The one question that a mail
    /// client may ask.
    Route {
        account: Address,
    },
    Keys {
        region: Option<RegionId>,
        rotate: bool,
    },
    /// Makes what was deleted impossible to open.
    Shred {
        region: Option<RegionId>,
    },
}

/// What it answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "told")]
pub enum Told {
    Status(StatusView),
    Recorded {
        events: Vec<Recorded>,
    },
    /// Received, and in the record; what is to follow from it waits for something that does not answer.
    Delayed(Box<MatterView>),
    Matters {
        matters: Vec<MatterView>,
    },
    Matter(Box<MatterView>),
    History(Box<History>),
    Audited(AuditReport),
    /// The text of a `.tlog-proof` file.
    Proof {
        text: String,
    },
    Openings {
        entries: Vec<EntryOpenings>,
    },
    Opened {
        openings: Vec<Opening>,
        now: SimTime,
    },
    Given {
        sealed: SealedOpenings,
        openings: usize,
    },
    Notices {
        notices: Vec<NoticeView>,
        /// How many entries of the record nobody can open any more; whom they are about is not known.
        unopened: usize,
    },
    Erased {
        entries: Vec<u64>,
    },
    Where(WhereView),
    Misplaced {
        copies: Vec<Misplaced>,
    },
    Reach(ReachView),
    ReachOverTime(SweepView),
    ReachBy(ByView),
    Route {
        route: Route,
        /// Those of its regions that are running.
        regions: Vec<(RegionId, SocketAddr)>,
        now: SimTime,
    },
    Keys {
        regions: Vec<(RegionId, serde_json::Value)>,
    },
}

/// Where a provider stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StatusView {
    pub simulated: bool,
    pub now: SimTime,
    pub record: RecordHead,
    pub law: String,
    pub accounts: Vec<Address>,
    pub matters: usize,
}

/// A matter with every event that was recorded of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct History {
    pub matter: MatterView,
    pub events: Vec<(u64, Event)>,
}

/// The newest decision on one act on one item.
#[derive(Clone, Copy, Debug)]
pub struct Newest<'h> {
    /// SHA-256 of the law books that it was decided by.
    pub law: &'h str,
    pub premise: &'h Premise,
    pub decision: &'h ItemDecision,
}

impl History {
    /// The newest decision on every act on every item, in the order in which they were first decided.
    pub fn newest(&self) -> Vec<Newest<'_>> {
        let mut newest: Vec<Newest<'_>> = Vec::new();
        for (_, event) in &self.events {
            let Event::Decided { law, facts, decision, .. } = event else { continue };
            for (premise, decision) in facts.iter().zip(decision) {
                let found = Newest { law, premise, decision };
                let same = |old: &&mut Newest<'_>| {
                    old.decision.act == decision.act && old.decision.item == decision.item
                };
                match newest.iter_mut().find(same) {
                    Some(old) => *old = found,
                    None => newest.push(found),
                }
            }
        }
        newest
    }
}

/// A provider behind a link. Calls go on beside each other; only what moves one and the same matter waits for its turn.
pub struct Control(pub Arc<Provider>);

impl Control {
    async fn answer(&self, ask: Ask) -> Result<Answer<Told>, Refusal> {
        let provider = &self.0;
        let told = match ask {
            Ask::File { instrument } => self.receive(instrument).await?,
            Ask::FileUnsigned { demand } => self.receive(provider.sign(&demand)?).await?,
            Ask::Advance { to } => Told::Recorded { events: provider.advance_to(to).await? },
            Ask::Route { account } => {
                let route = provider.route(&account)?;
                let regions =
                    std::iter::once(&route.home).chain(route.onward.iter().map(|(region, _)| region));
                let regions =
                    regions.filter_map(|region| Some((region.clone(), provider.region_address(region)?)));
                Told::Route { regions: regions.collect(), route, now: provider.now() }
            }
            Ask::Status => Told::Status(provider.status()),
            Ask::List => Told::Matters { matters: provider.list() },
            Ask::Show { matter } => Told::Matter(Box::new(provider.show(&matter)?)),
            Ask::Explain { matter } => Told::History(Box::new(provider.history(&matter).await?)),
            Ask::Audit => Told::Audited(provider.audit().await?),
            Ask::Prove { id, show } => Told::Proof { text: provider.prove(&id, &show).await?.to_string() },
            Ask::Openings { matter } => {
                Told::Openings { entries: provider.openings(matter.as_deref()).await? }
            }
            Ask::Opened { matter, slots } => {
                let openings = provider.opened(matter.as_deref(), &slots).await?;
                Told::Opened { openings, now: provider.now() }
            }
            Ask::Give { to, key, matter, slots, until } => {
                let giving = Giving { matter: matter.as_deref(), slots: &slots, until, key };
                let (sealed, openings) = provider.give(to, giving).await?;
                Told::Given { sealed, openings }
            }
            Ask::Notices { account, proofs } => {
                let notices = provider.notices(&account, proofs).await?;
                Told::Notices { notices, unopened: provider.docket().unopened().len() }
            }
            Ask::Erase { matter } => Told::Erased { entries: provider.erase(&matter).await? },
            Ask::Where { account } => Told::Where(provider.where_is(&account).await?),
            Ask::Misplaced => Told::Misplaced { copies: provider.misplaced().await? },
            Ask::Reach { account, at } => {
                let at = at.unwrap_or_else(|| provider.now());
                Told::Reach(self.aside(move |provider| provider.reach(&account, at)).await?)
            }
            Ask::ReachOverTime { account } => {
                Told::ReachOverTime(self.aside(move |provider| provider.reach_over_time(&account)).await?)
            }
            Ask::ReachBy { authority, at } => {
                let at = at.unwrap_or_else(|| provider.now());
                Told::ReachBy(self.aside(move |provider| provider.reach_by(&authority, at)).await?)
            }
            Ask::Shred { region } => Told::Keys { regions: provider.shred(region.as_ref()).await? },
            Ask::Keys { region, rotate } => {
                Told::Keys { regions: provider.keys(region.as_ref(), rotate).await? }
            }
        };
        Ok(told.into())
    }

    /// Works something out on a thread of its own. While it computes, others are listened to.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Provider) -> Result<T, ProviderError> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let provider = self.0.clone();
        match tokio::task::spawn_blocking(move || work(&provider)).await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => unreachable!("nobody stops it: {error}"),
            },
        }
    }

    /// Receives a demand. One that is in the record and cannot go on for now was received all the same.
    async fn receive(&self, instrument: SignedInstrument) -> Result<Told, Refusal> {
        let provider = &self.0;
        let matter = instrument.claimed_matter().ok();
        match provider.receive(instrument).await {
            Ok(events) => Ok(Told::Recorded { events }),
            Err(error) if error.is_delay() => {
                let view = matter.and_then(|matter| provider.show(&matter).ok()).ok_or(error)?;
                Ok(Told::Delayed(Box::new(view)))
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Provider {
    /// Where it stands.
    pub fn status(&self) -> StatusView {
        StatusView {
            simulated: true,
            now: self.now(),
            record: self.record_head(),
            law: self.law().revision().to_owned(),
            accounts: self.directory().accounts().map(|account| account.address.clone()).collect(),
            matters: self.docket().matters().count(),
        }
    }

    /// Objects and wraps for each key epoch of one region, or of all; with `rotate`, after giving it a new key.
    pub async fn keys(
        &self,
        region: Option<&RegionId>,
        rotate: bool,
    ) -> Result<Vec<(RegionId, serde_json::Value)>, ProviderError> {
        if let Some(region) = region {
            self.world().region(region)?;
        }
        let mut regions = Vec::new();
        for id in self.world().regions().map(|region| region.id()) {
            if region.is_some_and(|one| one != id) {
                continue;
            }
            if rotate {
                self.call(id, Call::Rotate).await?;
            }
            if let Reply::Keys { status } = self.call(id, Call::Keys).await? {
                regions.push((id.clone(), status));
            }
        }
        Ok(regions)
    }
}

fn head_office_alone(peer: &Peer) -> Result<(), ServiceError> {
    only_head_office(peer, |_| "only head office's own certificate is heard here".to_owned())
}

impl Service for Control {
    type Call = Ask;
    type Reply = Told;

    fn admit(&self, peer: &Peer) -> Result<(), ServiceError> {
        match peer {
            Peer::Client => Ok(()),
            peer => head_office_alone(peer),
        }
    }

    fn call(&self, context: Context, ask: Ask, _: Body) -> BoxFuture<'_, Result<Answer<Told>, ServiceError>> {
        Box::pin(async move {
            if !matches!(ask, Ask::Route { .. }) {
                head_office_alone(&context.peer)?;
            }
            self.answer(ask).await.map_err(|refusal| refusal.0)
        })
    }
}

/// An error on its way to whoever asked: they run this provider, so they learn all of it.
struct Refusal(ServiceError);

impl From<ProviderError> for Refusal {
    fn from(error: ProviderError) -> Self {
        Refusal(ServiceError::new(ErrorCode::Refused, error.to_string()))
    }
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        Refusal(error)
    }
}
