//! What a running provider can be asked from outside: by the command line, one day by the console.
//!
//! The caller proves to be head office, with head office's own certificate: whoever can read that file can order
//! head office about anyway.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::view::{MatterView, RecordHead, Recorded, WhereView};
use super::{Imported, NewMail, Provider, ProviderError, ReachView};
use crate::clock::SimTime;
use crate::demand::{Demand, SignedInstrument};
use crate::gate::Event;
use crate::record::entry::Slot;
use crate::region::{Answer, Body, Call, Context, ErrorCode, Password, Peer, Reply, Service, ServiceError};
use crate::world::{Address, RegionId};

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
    /// Proves an entry, or the newest decision on a demand, and opens some of it.
    Prove {
        id: String,
        show: Vec<Slot>,
    },
    Where {
        account: Address,
    },
    Reach {
        account: Address,
        at: Option<SimTime>,
    },
    /// Moves simulated time forward.
    Advance {
        to: SimTime,
    },
    /// A message for one account; its bytes are the body.
    Deliver {
        to: Address,
        received: Option<SimTime>,
    },
    /// The messages of an account for its owner; the answer's body is an mbox.
    Export {
        account: Address,
        password: Password,
    },
    Keys {
        region: Option<RegionId>,
        rotate: bool,
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
    /// The text of a `.tlog-proof` file.
    Proof {
        text: String,
    },
    Where(WhereView),
    Reach(ReachView),
    Imported(Imported),
    /// The body is an mbox.
    Mailbox {
        messages: u64,
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

/// A provider behind a link. One question is answered after the other; deliveries do not wait for each other.
pub struct Control(pub Arc<Mutex<Provider>>);

impl Control {
    async fn answer(&self, ask: Ask, body: Body) -> Result<Answer<Told>, Refusal> {
        let mut provider = self.0.lock().await;
        let told = match ask {
            Ask::Status => Told::Status(StatusView {
                simulated: true,
                now: provider.now(),
                record: provider.record_head(),
                law: provider.law().revision().to_owned(),
                accounts: provider.directory().accounts().map(|account| account.address.clone()).collect(),
                matters: provider.docket().matters().count(),
            }),
            Ask::File { instrument } => Told::Recorded { events: provider.receive(instrument).await? },
            Ask::FileUnsigned { demand } => {
                let instrument = provider.sign(&demand)?;
                Told::Recorded { events: provider.receive(instrument).await? }
            }
            Ask::List => Told::Matters { matters: provider.list() },
            Ask::Show { matter } => Told::Matter(Box::new(provider.show(&matter)?)),
            Ask::Explain { matter } => Told::History(Box::new(provider.history(&matter).await?)),
            Ask::Prove { id, show } => Told::Proof { text: provider.prove(&id, &show).await?.to_string() },
            Ask::Where { account } => Told::Where(provider.where_is(&account).await?),
            Ask::Reach { account, at } => {
                Told::Reach(provider.reach(&account, at.unwrap_or_else(|| provider.now()))?)
            }
            Ask::Advance { to } => Told::Recorded { events: provider.advance_to(to).await? },
            Ask::Deliver { to, received } => {
                let bytes = body.collect(crate::mail::MESSAGE_BYTES_MAX as usize).await?;
                let size = bytes.len() as u64;
                let stored = provider.deliver(NewMail { to, received, bytes }).await?;
                let mut imported = Imported::default();
                imported.count(&stored, size);
                Told::Imported(imported)
            }
            Ask::Export { account, password } => return Ok(provider.export(&account, password).await?),
            Ask::Keys { region, rotate } => {
                let wanted = provider.world().regions().map(|region| region.id().clone());
                let wanted: Vec<RegionId> =
                    wanted.filter(|id| region.as_ref().is_none_or(|one| one == id)).collect();
                let mut regions = Vec::new();
                for id in wanted {
                    if rotate {
                        provider.call(&id, Call::Rotate).await?;
                    }
                    if let Reply::Keys { status } = provider.call(&id, Call::Keys).await? {
                        regions.push((id, status));
                    }
                }
                Told::Keys { regions }
            }
        };
        Ok(told.into())
    }
}

impl Service for Control {
    type Call = Ask;
    type Reply = Told;

    fn call(
        &self,
        context: Context,
        ask: Ask,
        body: Body,
    ) -> BoxFuture<'_, Result<Answer<Told>, ServiceError>> {
        Box::pin(async move {
            if context.peer != Peer::HeadOffice {
                return Err(ServiceError::new(
                    ErrorCode::Forbidden,
                    "only head office's own certificate is heard here",
                ));
            }
            self.answer(ask, body).await.map_err(|refusal| refusal.0)
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
