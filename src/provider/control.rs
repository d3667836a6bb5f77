//! What a running provider can be asked from outside: by the command line, one day by the console.
//!
//! The caller proves to be head office, with head office's own certificate: whoever can read that file can order
//! head office about anyway.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;

use super::view::{MatterView, RecordHead, Recorded, WhereView};
use super::{ByView, Misplaced, Provider, ProviderError, ReachView, Route, SweepView};
use crate::clock::SimTime;
use crate::demand::{Demand, SignedInstrument};
use crate::gate::{AuditReport, Event};
use crate::record::entry::Slot;
use crate::region::{Answer, Body, Call, Context, ErrorCode, Peer, Reply, Service, ServiceError};
use crate::world::{Address, AuthorityId, RegionId};

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

/// A provider behind a link. What moves a matter waits for everything before it; deliveries, questions and the
/// rotation of keys go on beside each other.
pub struct Control(pub Arc<RwLock<Provider>>);

impl Control {
    async fn answer(&self, ask: Ask) -> Result<Answer<Told>, Refusal> {
        let told = match ask {
            Ask::File { instrument } => {
                Told::Recorded { events: self.0.write().await.receive(instrument).await? }
            }
            Ask::FileUnsigned { demand } => {
                let mut provider = self.0.write().await;
                let instrument = provider.sign(&demand)?;
                Told::Recorded { events: provider.receive(instrument).await? }
            }
            Ask::Advance { to } => Told::Recorded { events: self.0.write().await.advance_to(to).await? },
            Ask::Route { account } => {
                let provider = self.0.read().await;
                let route = provider.route(&account)?;
                let regions =
                    std::iter::once(&route.home).chain(route.onward.iter().map(|(region, _)| region));
                let regions =
                    regions.filter_map(|region| Some((region.clone(), provider.region_address(region)?)));
                Told::Route { regions: regions.collect(), route, now: provider.now() }
            }
            Ask::Status => Told::Status(self.0.read().await.status()),
            Ask::List => Told::Matters { matters: self.0.read().await.list() },
            Ask::Show { matter } => Told::Matter(Box::new(self.0.read().await.show(&matter)?)),
            Ask::Explain { matter } => Told::History(Box::new(self.0.read().await.history(&matter).await?)),
            Ask::Audit => {
                // Whoever moves a matter does not wait for the audit of all of them.
                let audit = self.0.read().await.audit();
                Told::Audited(audit.await?)
            }
            Ask::Prove { id, show } => {
                Told::Proof { text: self.0.read().await.prove(&id, &show).await?.to_string() }
            }
            Ask::Where { account } => Told::Where(self.0.read().await.where_is(&account).await?),
            Ask::Misplaced => Told::Misplaced { copies: self.0.read().await.misplaced().await? },
            Ask::Reach { account, at } => {
                let provider = self.0.read().await;
                Told::Reach(provider.reach(&account, at.unwrap_or_else(|| provider.now()))?)
            }
            Ask::ReachOverTime { account } => {
                Told::ReachOverTime(self.0.read().await.reach_over_time(&account)?)
            }
            Ask::ReachBy { authority, at } => {
                let provider = self.0.read().await;
                Told::ReachBy(provider.reach_by(&authority, at.unwrap_or_else(|| provider.now()))?)
            }
            Ask::Shred { region } => {
                Told::Keys { regions: self.0.read().await.shred(region.as_ref()).await? }
            }
            Ask::Keys { region, rotate } => {
                Told::Keys { regions: self.0.read().await.keys(region.as_ref(), rotate).await? }
            }
        };
        Ok(told.into())
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

impl Service for Control {
    type Call = Ask;
    type Reply = Told;

    fn call(&self, context: Context, ask: Ask, _: Body) -> BoxFuture<'_, Result<Answer<Told>, ServiceError>> {
        Box::pin(async move {
            let of_a_client = context.peer == Peer::Client && matches!(ask, Ask::Route { .. });
            if !of_a_client {
                context
                    .from_head_office(|_| "only head office's own certificate is heard here".to_owned())?;
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
