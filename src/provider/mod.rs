//! The running whole: head office, with its gate, its record and its links to the regions.
//!
//! One event of a matter finishes before its next: whoever enters one gets an answer when all that follows from it at
//! that instant is over, decisions made, entries cosigned, regions answered. Matters go on beside each other, and
//! questions wait for none of them.

mod cabinet;
mod control;
mod deciding;
mod delays;
mod deployment;
mod down;
mod envelope;
mod erasing;
mod given;
mod keeping;
mod lapses;
mod mail;
mod mail_client;
mod placement;
mod prove;
mod reach;
mod release;
mod routes;
mod telling;
mod tellings;
mod time;
mod turns;
mod view;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use data_encoding::HEXLOWER;
use tracing::Instrument;

use crate::clock::{Clock, SimClock, SimTime};
use crate::demand::{Demand, Item, RelationKind, SignedInstrument};
use crate::directory::{Directory, DirectoryError};
use crate::disk::Disk;
use crate::entropy::Entropy;
use crate::gate::{
    Cause, Docket, DocketError, Event, Filing, InstrumentNote, Matter, MatterId, NoRoute, NotAuthentic,
    NotCompetent, Order, Selector, StanceChange, StanceTable, Stances, authenticate, check_order,
};
use crate::law::{Law, Shelf};
use crate::record::log::{Log, Logged};
use crate::region::{Call, Link, Reply, ServiceError};
use crate::world::{AuthorityId, RecipientKey, RegionId, World};

pub use cabinet::{Cabinet, CabinetError};
pub use control::{Ask, Control, History, Newest, StatusView, Told};
pub use deployment::{
    DATA_FORMAT, Deployment, DeploymentError, DeploymentOptions, EnrolledWitness, Held, Nodes, ORIGIN,
    client_folder, cosigner_name,
};
pub use down::Down;
pub use envelope::{EnvelopeError, EnvelopeHead, SealedOpenings};
pub use given::{ClosedTo, EntryOpenings, Given, Giving, Holder, HoldingView};
pub use mail::{Imported, NewMail};
pub use mail_client::{MailClient, Route};
pub use placement::Misplaced;
pub use reach::{
    ByView, Can, May, Obtainable, Price, Prospect, ReachView, SweepView, Turn, WayChange, prices, reach,
    reach_by, sweep,
};
pub use telling::{NoticeEntry, NoticeView, ToldView};
pub use view::{CopyView, KeyHolder, MatterView, RecordHead, Recorded, WhereView};

/// The caller's end of a region node.
pub type RegionLink = Link<Call, Reply>;

/// What a provider is made of. Nothing in it is looked up elsewhere.
pub struct ProviderParts {
    pub world: Arc<World>,
    pub law: Arc<Law>,
    pub clock: SimClock,
    pub entropy: Entropy,
    pub regions: BTreeMap<RegionId, RegionLink>,
    /// What brings mail to the regions and fetches it, beside head office.
    pub mail: MailClient,
    pub log: Log,
    pub cabinet: Cabinet,
    /// Where productions are put for the authorities they are sealed to.
    pub deliveries: PathBuf,
    /// What productions are put on.
    pub disk: Arc<dyn Disk>,
    /// Where the law books of the record are kept.
    pub shelf: Shelf,
}

/// A provider that is running.
pub struct Provider {
    world: Arc<World>,
    law: Arc<Law>,
    clock: SimClock,
    entropy: Entropy,
    regions: BTreeMap<RegionId, RegionLink>,
    mail: MailClient,
    cabinet: Cabinet,
    docket: Docket,
    directory: Directory,
    deliveries: PathBuf,
    disk: Arc<dyn Disk>,
    shelf: Shelf,
    /// Whose turn it is to move a matter.
    turns: turns::Turns,
    /// Time stands still for whoever reads, and passes for whoever writes: what is recorded later is dated no earlier.
    time: tokio::sync::RwLock<()>,
    delays: delays::Delays,
    /// What the regions were told that each matter needs; absent where nothing. Held while one is looked up.
    held: Mutex<BTreeMap<MatterId, Vec<Item>>>,
    /// The size of the newest head that each region was seen to go by.
    heads: Mutex<BTreeMap<RegionId, u64>>,
}

/// Why the provider did not do what it was asked. A refusal by the gate is not among them: it is an answer.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    #[error(transparent)]
    NotAuthentic(#[from] NotAuthentic),
    #[error(transparent)]
    Docket(#[from] DocketError),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Cabinet(#[from] CabinetError),
    #[error(transparent)]
    NoRoute(#[from] NoRoute),
    #[error("region `{0}` does not answer: {1}")]
    Region(RegionId, #[source] ServiceError),
    #[error(
        "region `{region}` goes by a record of {own} entries, and went by {before} before: it was restored from a backup and \
         has forgotten what it released, so nothing is asked of it until it is enrolled again: stop the provider, \
         then `rogatory record enrol {region}`"
    )]
    WentBack { region: RegionId, own: u64, before: u64 },
    #[error("region `{0}` gave an answer that does not belong to the question")]
    Answer(RegionId),
    #[error(
        "region `{region}` has lost the {class} of `{account}`, which the directory says rests there: what is in it is \
         not known until the region's folder is put back as it was"
    )]
    CopyLost { region: RegionId, account: crate::world::Address, class: crate::world::DataClass },
    #[error(transparent)]
    Unknown(#[from] crate::world::UnknownName),
    #[error("that is not the password of `{0}`")]
    Password(crate::world::Address),
    #[error("region `{0}` is not linked to this provider")]
    NoRegion(RegionId),
    #[error("no region holds the content of `{0}`")]
    NoHome(crate::world::Address),
    #[error("in `{matter}`: {error}")]
    NotCompetent { matter: MatterId, error: NotCompetent },
    #[error("an order or filing named `{0}` was entered in this matter already")]
    SamePaper(String),
    #[error(
        "`{0}` is an authority of the real world here: only it can sign; its demand has to arrive signed"
    )]
    NoKey(AuthorityId),
    #[error("nothing has been decided yet on `{0}`")]
    NothingDecided(String),
    #[error(
        "`{0}` is no authority of the roster, so nothing is known to seal to: show the auditor's public key with --key \
         (`rogatory record new-key` makes a pair), or an authority's id"
    )]
    NoReaderKey(String),
    #[error("the roster has `{known}` as the key of `{name}`, and another was shown: leave --key out")]
    OtherReaderKey { name: String, known: RecipientKey },
    #[error(
        "openings for `{name}` that may be used until {until}, and it is {now}: name a later time with --until"
    )]
    UsableNoMore { name: String, until: SimTime, now: SimTime },
    #[error(
        "nothing to give `{0}`: none of the entries uses a slot that was asked for and is still open; `rogatory record \
         openings` lists which slots there are"
    )]
    NothingToGive(String),
    #[error("openings for `{name}`: {error}")]
    UnusableReaderKey { name: String, error: crate::vault::VaultError },
    #[error(
        "nothing of `{matter}` is erased yet: the record has to say so first, with a quorum. {error}. Ask again when there is one"
    )]
    NotErasedYet { matter: MatterId, error: Box<DocketError> },
    #[error("what opens `{matter}` cannot be erased: {why}")]
    NotErasable { matter: MatterId, why: String },
    #[error("{what}: {error}")]
    Io { what: String, error: std::io::Error },
}

impl ProviderError {
    /// True if nothing is wrong with what was asked: something that it needs does not answer, and it is tried again.
    pub fn is_delay(&self) -> bool {
        deciding::is_delay(self)
    }
}

impl Provider {
    /// Puts the parts together and reads back what was recorded before. What a crash interrupted is to be finished
    /// before anything else happens.
    pub async fn open(parts: ProviderParts) -> Result<Self, ProviderError> {
        let docket = Docket::open(parts.log).await?;
        let directory = Directory::of(parts.cabinet.accounts());
        // What is recorded has happened, whatever a crash left of the clock.
        if let Some(then) = parts.cabinet.clock().max(docket.latest()) {
            parts.clock.advance_to(then);
        }
        Ok(Provider {
            world: parts.world,
            law: parts.law,
            clock: parts.clock,
            entropy: parts.entropy,
            regions: parts.regions,
            mail: parts.mail,
            cabinet: parts.cabinet,
            docket,
            directory,
            deliveries: parts.deliveries,
            disk: parts.disk,
            shelf: parts.shelf,
            turns: turns::Turns::default(),
            time: tokio::sync::RwLock::default(),
            delays: delays::Delays::default(),
            held: Mutex::default(),
            heads: Mutex::default(),
        })
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    pub fn law(&self) -> &Law {
        &self.law
    }

    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    pub fn docket(&self) -> &Docket {
        &self.docket
    }

    pub fn now(&self) -> SimTime {
        self.clock.now()
    }

    /// The stance on this day, with the changes made since.
    pub fn stance(&self) -> StanceTable {
        self.stances().on(self.now())
    }

    /// How often the stance was changed since the provider began.
    pub fn stance_changes(&self) -> usize {
        self.cabinet.stance_changes()
    }

    /// The head of the record.
    pub fn record_head(&self) -> RecordHead {
        let head = self.docket.log().head();
        RecordHead { size: head.size, root: HEXLOWER.encode(&head.hash.0) }
    }

    /// A matter by its name, as [`Docket::find`] finds it. Of one whose opening is gone, that is what is said.
    fn find(&self, name: &str) -> Result<Arc<Matter>, ProviderError> {
        let error = match self.docket.find(name) {
            Err(error @ DocketError::NoMatter { .. }) => error,
            found => return Ok(found?),
        };
        let Ok(demand) = name.parse() else { return Err(error.into()) };
        let authorities = self.world.roster().authorities();
        let mut named = authorities.map(|authority| MatterId::named(authority.id(), &demand));
        let erased = named.find(|id| self.docket.is_erased(id));
        Err(erased.map_or(error, DocketError::Erased).into())
    }

    /// Receives legal process as its issuer signed it, and decides it.
    pub async fn receive(&self, instrument: SignedInstrument) -> Result<Vec<Recorded>, ProviderError> {
        let demand = authenticate(&instrument, &self.world)?;
        let id = MatterId::of(&demand);
        let _still = self.time.read().await;
        let _turn = self.turns.take(turn_of(&demand)).await;
        self.keep_time()?;
        self.receive_now(instrument, demand, id).await
    }

    /// Receives what was found authentic, in its turn.
    async fn receive_now(
        &self,
        instrument: SignedInstrument,
        demand: Demand,
        id: MatterId,
    ) -> Result<Vec<Recorded>, ProviderError> {
        self.docket.check_is_new(&id)?;
        if let Some(newest) = self.docket.versions(&id).map(|matter| matter.demand().version).max()
            && newest > demand.version
        {
            return Err(DocketError::Older { matter: id, newest }.into());
        }
        // The instrument is kept before the matter exists: without it nothing could be released after a crash.
        self.cabinet.keep_instrument(&id, &instrument)?;
        let now = self.now();
        let note = InstrumentNote {
            digest: HEXLOWER.encode(&instrument.digest()),
            served_on: demand.served_on.clone(),
        };
        let received = Event::Received { demand: Box::new(demand), instrument: note, timing: now };
        let mut recorded = vec![self.enter_for(&id, &Cause::Received, received).await?];
        self.reconsider(&id, Cause::Received, &mut recorded).await?;
        Ok(recorded)
    }

    /// Signs a demand as its issuer would, in a world whose authorities' keys are public.
    pub fn sign(&self, demand: &Demand) -> Result<SignedInstrument, ProviderError> {
        self.world.roster().authority(&demand.issuing)?;
        let key = self.world.roster().demo_signing_key(&demand.issuing);
        Ok(demand.sign(&key.ok_or_else(|| ProviderError::NoKey(demand.issuing.clone()))?))
    }

    /// Enters an order in a matter, and decides again. Not every authority can make every order: [`check_order`].
    pub async fn enter_order(&self, id: &MatterId, order: Order) -> Result<Vec<Recorded>, ProviderError> {
        let _still = self.time.read().await;
        let _turn = self.turn(id).await?;
        let matter = self.matter(id)?;
        check_order(self.world.roster(), matter.demand(), matter.papers(), &order)
            .map_err(|error| ProviderError::NotCompetent { matter: id.clone(), error })?;
        check_paper(&matter, order.id.as_str())?;
        let cause = Cause::Order(order.id.clone());
        self.keep_time()?;
        let event = Event::Ordered { order, timing: self.now() };
        let mut recorded = vec![self.enter_for(id, &cause, event).await?];
        self.reconsider(id, cause, &mut recorded).await?;
        Ok(recorded)
    }

    /// Enters a filing in a matter, and decides again.
    pub async fn enter_filing(&self, id: &MatterId, filing: Filing) -> Result<Vec<Recorded>, ProviderError> {
        let _still = self.time.read().await;
        let _turn = self.turn(id).await?;
        let matter = self.matter(id)?;
        check_paper(&matter, filing.id.as_str())?;
        let cause = Cause::Filing(filing.id.clone());
        self.keep_time()?;
        let event = Event::Filed { order: filing, timing: self.now() };
        let mut recorded = vec![self.enter_for(id, &cause, event).await?];
        self.reconsider(id, cause, &mut recorded).await?;
        Ok(recorded)
    }

    /// Changes the stance from now on, and decides every open matter again.
    pub async fn change_stance(&self, change: StanceChange) -> Result<Vec<Recorded>, ProviderError> {
        let _still = self.time.read().await;
        self.cabinet.keep_stance(self.now(), change)?;
        let recorded = self.reconsider_all(Cause::Stance).await?;
        // Kept last: a stance with no time after it is one that a crash may have kept from being applied.
        self.keep_time()?;
        Ok(recorded)
    }

    /// An authority takes the treaty route for items of its demand that rest in another state.
    pub async fn take_route(
        &self,
        id: &MatterId,
        by: &AuthorityId,
        on: Selector,
        answer: crate::demand::DemandId,
    ) -> Result<Vec<Recorded>, ProviderError> {
        let _still = self.time.read().await;
        let _turn = self.turn(id).await?;
        let matter = self.matter(id)?;
        if matter.route().is_some_and(|route| route.ended.is_none()) {
            return Err(NoRoute::UnderWay.into());
        }
        let demanding = &matter.demand().on_behalf_of;
        let requested = matter
            .decided()
            .into_iter()
            .flat_map(|decided| &decided.items)
            .filter(|item| on.selects(&item.item) && !matter.is_settled(&item.item))
            .flat_map(|item| item.item.place.regions())
            .filter_map(|region| self.world.region(region).ok())
            .map(|region| region.country().clone())
            .find(|country| country != demanding)
            .ok_or(NoRoute::NothingAbroad)?;
        let now = self.now();
        let steps = crate::gate::take(
            &self.world,
            &crate::gate::Request { demand: matter.demand(), requested: &requested, by, on, answer, now },
            &self.entropy,
        )?;
        self.keep_time()?;
        let mut recorded = Vec::new();
        for route in steps {
            recorded.push(self.enter(id, Event::Routed { route, timing: now }).await?);
        }
        self.reconsider(id, Cause::Route, &mut recorded).await?;
        Ok(recorded)
    }

    /// A matter as it stands, by its whole name or the authority's own.
    pub fn show(&self, name: &str) -> Result<MatterView, ProviderError> {
        let matter = self.find(name)?;
        Ok(self.view(&matter))
    }

    /// All matters, in the order in which they were received.
    pub fn list(&self) -> Vec<MatterView> {
        self.docket.matters().map(|matter| self.view(&matter)).collect()
    }

    /// A matter with every event recorded of it.
    pub async fn history(&self, name: &str) -> Result<History, ProviderError> {
        let matter = self.find(name)?;
        Ok(History { matter: self.view(&matter), events: self.docket.events(matter.id()).await? })
    }

    /// Who may read an account, who can, at what price.
    pub fn reach(&self, account: &crate::world::Address, at: SimTime) -> Result<ReachView, ProviderError> {
        let account = self.directory.find(account)?;
        Ok(reach(&self.world, &self.law, self.stances().on(at), account, at))
    }

    /// How the reach for an account changed, over all days that the law books speak for.
    pub fn reach_over_time(&self, account: &crate::world::Address) -> Result<SweepView, ProviderError> {
        let account = self.directory.find(account)?;
        Ok(sweep(&self.world, &self.law, &self.stances(), account))
    }

    /// What one authority could obtain, of every account.
    pub fn reach_by(&self, authority: &AuthorityId, at: SimTime) -> Result<ByView, ProviderError> {
        self.world.roster().authority(authority)?;
        let (stance, accounts) = (self.stances().on(at), self.directory.accounts());
        Ok(reach_by(&self.world, &self.law, stance, authority, accounts, at))
    }

    /// The provider's own dated stance, with every change it has made.
    fn stances(&self) -> Stances<'_> {
        Stances::of(self.world.provider()).with(self.cabinet.stances())
    }

    fn view(&self, matter: &Matter) -> MatterView {
        let delay = self.delays.get(matter.id());
        let next_try = delay.as_ref().and_then(|delay| delay.next);
        let until = |next: tokio::time::Instant| next.saturating_duration_since(tokio::time::Instant::now());
        let (told, published) = self.told(matter);
        MatterView {
            told_to: told,
            closed: self.closed(matter),
            published,
            unreadable_from: matter.unreadable(),
            matter: matter.id().clone(),
            demand: matter.demand().id.clone(),
            issuing: matter.demand().issuing.clone(),
            received: matter.received(),
            disposition: matter.disposition(),
            superseded_by: matter.superseded_by().cloned(),
            lapses: matter.lapses().to_vec(),
            returned_for: Provider::findings(matter),
            tried_again_in: next_try.map(|next| until(next).as_secs_f64().ceil() as u64),
            delayed_by: delay.map(|delay| delay.why),
            items: matter.decided().map(|decided| decided.items.clone()).unwrap_or_default(),
            unanswered: matter.granted().into_iter().map(|granted| granted.item.clone()).collect(),
            fines: matter.meters(self.now()),
            route: matter.route().cloned(),
            entry: matter.decided().map(|decided| decided.entry),
            law: matter.decided().map(|decided| decided.law.clone()),
        }
    }

    fn matter(&self, id: &MatterId) -> Result<Arc<Matter>, ProviderError> {
        self.find(id.as_str())
    }

    /// Waits for the turn to move a matter, and what it supersedes with it.
    async fn turn(&self, id: &MatterId) -> Result<turns::Held, ProviderError> {
        let matters = turn_of(self.matter(id)?.demand());
        Ok(self.turns.take(matters).await)
    }

    /// Held while one is looked up or replaced, never across an await.
    fn held(&self) -> MutexGuard<'_, BTreeMap<MatterId, Vec<Item>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn enter(&self, id: &MatterId, event: Event) -> Result<Recorded, ProviderError> {
        self.enter_granting(id, event, Vec::new()).await
    }

    async fn enter_granting(
        &self,
        id: &MatterId,
        event: Event,
        grants: Vec<crate::record::permit::GrantTerms>,
    ) -> Result<Recorded, ProviderError> {
        let span = tracing::info_span!("enter", matter = %id, kind = event.kind());
        let logged = self.docket.enter(id, event.clone(), grants).instrument(span).await?;
        Ok(recorded(id, event, &logged))
    }

    fn keep_time(&self) -> Result<(), ProviderError> {
        Ok(self.cabinet.keep_clock(self.now())?)
    }

    fn link(&self, region: &RegionId) -> Result<&RegionLink, ProviderError> {
        self.regions.get(region).ok_or_else(|| ProviderError::NoRegion(region.clone()))
    }
}

/// The queues that this demand's matter moves in: one for all versions of a demand, and that of a demand it supersedes.
fn turn_of(demand: &Demand) -> Vec<MatterId> {
    let earlier = demand.relates.as_ref().filter(|relation| relation.kind == RelationKind::Supersedes);
    let demands = [&demand.id].into_iter().chain(earlier.map(|relation| &relation.demand));
    demands.map(|id| MatterId::named(&demand.issuing, id)).collect()
}

fn recorded(id: &MatterId, event: Event, logged: &Logged) -> Recorded {
    Recorded {
        matter: id.clone(),
        entry: logged.index,
        event,
        root: HEXLOWER.encode(&logged.published.checkpoint.head().hash.0),
        cosigned_by: logged
            .published
            .quorum
            .cosigners
            .iter()
            .map(|cosigned| cosigned.witness.clone())
            .collect(),
    }
}

fn check_paper(matter: &Matter, id: &str) -> Result<(), ProviderError> {
    if matter.papers().iter().any(|paper| paper.id().as_str() == id) {
        return Err(ProviderError::SamePaper(id.to_owned()));
    }
    Ok(())
}
