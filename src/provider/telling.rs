//! Who is told of a demand, and when.
//!
//! Nothing is left out of the record for the sake of a secret; what a secret keeps back is the opening. As soon as no law
//! and no order forbids it, the account holder is given the openings of the matter's entries, and what the public may
//! read of each is published beside the record. Whoever has one can check that it is of the very entry that was there
//! all along.
//!
//! It is looked at again after whatever happens to a matter and at each moment at which a ban may end; doing it twice
//! changes nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::given::{ClosedTo, Given, Holder};
use super::{Provider, ProviderError};
use crate::clock::SimTime;
use crate::demand::{DemandId, InstrumentKind, RelationKind};
use crate::gate::{Cause, DocketError, Matter, MatterId, Phase, Secrecy, counted_in_bands};
use crate::record::entry::Slot;
use crate::record::proof::LogProof;
use crate::world::{Address, AuthorityId};

/// What an account holder is shown of a demand for that account alone.
const ALONE: [Slot; 14] = [
    Slot::Kind,
    Slot::Matter,
    Slot::Demand,
    Slot::Instrument,
    Slot::Parties,
    Slot::Facts,
    Slot::Law,
    Slot::Decision,
    Slot::Order,
    Slot::Timing,
    Slot::Production,
    Slot::Route,
    Slot::Note,
    Slot::Public,
];

/// What each account holder is shown of a demand for several: nothing that names another.
const AMONG_OTHERS: [Slot; 5] = [Slot::Kind, Slot::Matter, Slot::Law, Slot::Timing, Slot::Public];

/// What an account holder was told of one demand.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NoticeView {
    pub matter: MatterId,
    pub demand: DemandId,
    pub issuing: AuthorityId,
    pub instrument: InstrumentKind,
    pub received: SimTime,
    /// When the holder was first told.
    pub told: SimTime,
    /// The entries that were opened, in order.
    pub entries: Vec<NoticeEntry>,
    /// What keeps later entries from being told now, if anything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Secrecy>,
}

/// One entry that was opened to an account holder.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NoticeEntry {
    pub entry: u64,
    pub kind: String,
    /// When it happened.
    pub at: SimTime,
    pub told: SimTime,
    /// A C2SP tlog-proof with the slots that the holder may read, where proofs were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
}

/// When the holder of one account was told of a matter.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ToldView {
    pub account: Address,
    pub at: SimTime,
}

impl Provider {
    /// Gives and publishes what may be told of a matter now. Called in the matter's turn.
    pub(super) async fn tell(&self, id: &MatterId) -> Result<(), ProviderError> {
        let matter = self.matter(id)?;
        // Of what is not decided nothing is known yet that could be told.
        if matches!(matter.phase(), Phase::Received | Phase::Unreadable { .. }) {
            return Ok(());
        }
        self.enter_tellings(id).await?;
        let matter = self.matter(id)?;
        let entries = self.covered(&matter);
        let accounts: BTreeSet<&Address> = matter.demand().accounts.iter().collect();
        let lacks = |holder: &Holder| {
            let given = |entry: &u64| self.cabinet.given(*entry).iter().any(|given| given.to == *holder);
            entries.iter().copied().filter(|(entry, _)| !given(entry)).collect::<Vec<_>>()
        };
        let slots = if accounts.len() == 1 { &ALONE[..] } else { &AMONG_OTHERS };
        let (mut given, mut all_told) = (Vec::new(), true);
        let demand = matter.demand();
        let publishing = !counted_in_bands(&self.world, &demand.on_behalf_of, demand.instrument);
        let unpublished = if publishing { lacks(&Holder::Public) } else { Vec::new() };
        for account in accounts {
            let holder = Holder::AccountHolder(account.clone());
            let lacking = lacks(&holder);
            if lacking.is_empty() && unpublished.is_empty() {
                continue;
            }
            if !self.secrecy(&matter, account).is_over() {
                all_told = false;
            } else if self.directory.get(account).is_some() {
                given.extend(lacking.into_iter().filter_map(|(entry, at)| {
                    let at = self.telling_time(&matter, account, entry, at)?;
                    let (to, slots) = (holder.clone(), slots.to_vec());
                    Some(Given { entry, to, slots, at, key: None, until: None })
                }));
            }
        }
        if all_told {
            let mut openings = Vec::new();
            for (entry, _) in &unpublished {
                let full = self.docket.log().opening(*entry).await.map_err(DocketError::from)?;
                openings.extend(full.map(|full| full.opening.subset(&[Slot::Public])));
            }
            // Before it is noted: what a crash leaves published and not noted is published again, as the same bytes.
            self.docket.log().publish_openings(openings).await.map_err(DocketError::from)?;
            let (at, slots) = (self.now(), vec![Slot::Public]);
            let public = |(entry, _)| Given {
                entry,
                to: Holder::Public,
                slots: slots.clone(),
                at,
                key: None,
                until: None,
            };
            given.extend(unpublished.into_iter().map(public));
        }
        Ok(self.cabinet.keep_given(given)?)
    }

    /// The same for every matter, each in its turn.
    pub(super) async fn tell_all(&self) -> Result<(), ProviderError> {
        for matter in self.docket.matters() {
            let id = matter.id();
            let _turn = self.turn(id).await?;
            let told = self.tell(id).await;
            self.set_aside(id, Cause::TimeLimit, told)?;
        }
        Ok(())
    }

    /// What keeps the holder of an account from being told of a matter: what is held against it, and against the demands
    /// that are named in its entries or name it.
    pub(super) fn secrecy(&self, matter: &Matter, account: &Address) -> Secrecy {
        let desk = self.desk();
        let related = self.related(matter);
        let of_related = related.iter().map(|other| desk.secrecy(other, account));
        of_related.fold(desk.secrecy(matter, account), Secrecy::and)
    }

    /// The matters that an entry of this one may tell of: other versions of the demand, what took its place, what it refers
    /// to, and the local order that answers a request for it.
    fn related(&self, matter: &Matter) -> Vec<Arc<Matter>> {
        let demand = matter.demand();
        let names = |one: &Matter, other: &Matter| {
            let (one, other) = (one.demand(), other.demand());
            one.issuing == other.issuing
                && one.relates.as_ref().is_some_and(|relation| {
                    relation.demand == other.id && relation.kind != RelationKind::PreservesFor
                })
        };
        let is_related = |other: &Arc<Matter>| {
            other.id() != matter.id()
                && (other.id().is_of_the_same_demand(matter.id())
                    || names(other, matter)
                    || names(matter, other)
                    || matter.route().and_then(|route| route.answer.as_ref()) == Some(&other.demand().id)
                    || other.route().and_then(|route| route.answer.as_ref()) == Some(&demand.id))
        };
        self.docket.matters().filter(is_related).collect()
    }

    /// The instants at which a ban on telling may end by itself.
    pub(super) fn secrecy_turns(&self) -> impl Iterator<Item = SimTime> + use<> {
        let turns: Vec<SimTime> =
            self.docket.matters().flat_map(|matter| matter.secrecy_turns().collect::<Vec<_>>()).collect();
        turns.into_iter()
    }

    /// Whom a matter was told to, by account, and whether all that may be published of it so far is.
    pub(super) fn told(&self, matter: &Matter) -> (Vec<ToldView>, bool) {
        let entries = self.docket.entries(matter.id());
        let given: Vec<Given> = entries.iter().flat_map(|entry| self.cabinet.given(*entry)).collect();
        let told = |account: &Address| {
            let holder = Holder::AccountHolder(account.clone());
            let at = given.iter().filter(|given| given.to == holder).map(|given| given.at).min()?;
            Some(ToldView { account: account.clone(), at })
        };
        let public: BTreeSet<u64> =
            given.iter().filter(|given| given.to == Holder::Public).map(|given| given.entry).collect();
        let published = !entries.is_empty() && entries.iter().all(|entry| public.contains(entry));
        (matter.demand().accounts.iter().filter_map(told).collect(), published)
    }

    /// What keeps the holders of accounts from being told of all that is in the record of a matter so far.
    pub(super) fn closed(&self, matter: &Matter) -> Vec<ClosedTo> {
        let entries = self.docket.entries(matter.id());
        let given: Vec<Vec<Given>> = entries.iter().map(|entry| self.cabinet.given(*entry)).collect();
        let lacks = |account: &&Address| {
            let holder = Holder::AccountHolder((*account).clone());
            given.iter().any(|given| given.iter().all(|one| one.to != holder))
        };
        let accounts = matter.demand().accounts.iter().filter(lacks);
        let closed =
            accounts.map(|account| ClosedTo { account: account.clone(), by: self.secrecy(matter, account) });
        closed.filter(|closed| !closed.by.is_over()).collect()
    }

    /// What the holder of an account was told, with a proof of each entry if `proofs` are wanted.
    pub async fn notices(&self, account: &Address, proofs: bool) -> Result<Vec<NoticeView>, ProviderError> {
        self.directory.find(account)?;
        let holder = Holder::AccountHolder(account.clone());
        let mut notices = Vec::new();
        for matter in self.docket.matters().filter(|matter| matter.demand().accounts.contains(account)) {
            let mut entries = Vec::new();
            let all = self.docket.entries(matter.id());
            for entry in &all {
                let Some(given) = self.cabinet.given(*entry).into_iter().find(|given| given.to == holder)
                else {
                    continue;
                };
                entries.push(self.notice_entry(given, proofs).await?);
            }
            let Some(told) = entries.iter().map(|entry| entry.told).min() else { continue };
            let closed = (entries.len() < all.len()).then(|| self.secrecy(&matter, account));
            let demand = matter.demand();
            notices.push(NoticeView {
                matter: matter.id().clone(),
                demand: demand.id.clone(),
                issuing: demand.issuing.clone(),
                instrument: demand.instrument,
                received: matter.received(),
                told,
                entries,
                closed: closed.filter(|closed| !closed.is_over()),
            });
        }
        Ok(notices)
    }

    async fn notice_entry(&self, given: Given, proof: bool) -> Result<NoticeEntry, ProviderError> {
        let log = self.docket.log();
        let full = log.opening(given.entry).await.map_err(DocketError::from)?;
        let value = |slot| full.as_ref().and_then(|full| full.opening.value(slot).ok().flatten());
        let at = value(Slot::Timing).and_then(|value| serde_json::from_value(value).ok());
        let proof = match proof {
            false => None,
            true => {
                let logged = log.prove(given.entry).await.map_err(DocketError::from)?;
                Some(
                    LogProof::new(&logged, full.as_ref().map(|full| full.opening.used(&given.slots)))
                        .to_string(),
                )
            }
        };
        Ok(NoticeEntry {
            entry: given.entry,
            kind: value(Slot::Kind).and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default(),
            at: at.unwrap_or(given.at),
            told: given.at,
            proof,
        })
    }
}
