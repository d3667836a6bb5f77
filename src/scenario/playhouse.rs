//! The stage that a script plays on in earnest: a whole provider, with its regions, its witnesses and its record.
//!
//! Nothing here knows a script. What it returns is what the gate recorded and the regions answered.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::moment::Moment;
use super::past::{Past, PastMatter};
use super::script::{AccountSpec, RouteTaken, Script, Setting};
use super::stage::Stage;
use super::view::{
    AccountView, CopyView, Happened, Happening, HeardRule, KeyHolderView, MatterView, ReachView, RecordHead,
};
use crate::clock::SimTime;
use crate::demand::{Demand, DemandId};
use crate::diagnostic::Diagnostics;
use crate::directory::{Customer, NewAccount};
use crate::disk::RealDisk;
use crate::gate::{self, Answer, Event, Filing, MatterId, Order, Premise, StanceChange};
use crate::law::{Explanation, Hearing, Law, Role};
use crate::mail::{Letter, Story, StoryAccount, StoryDelivery, StoryMessage};
use crate::provider::{
    self, Deployment, DeploymentError, DeploymentOptions, NewMail, Nodes, Provider, ProviderError, Recorded,
};
use crate::region::Password;
use crate::world::{Address, Country, EntityId, World, WorldSource};

/// Where a play takes place.
pub struct Playhouse {
    backstage: Backstage,
    deployment: Option<Deployment>,
}

/// What a playhouse is built from.
pub struct Backstage {
    /// The world before a script changes it.
    pub world: WorldSource,
    pub law: Arc<Law>,
    pub story: Arc<Story>,
    /// A folder for the play's data.
    pub data: PathBuf,
    pub nodes: Nodes,
    pub wan: bool,
}

/// Why a play cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    #[error("the world that the script asks for contradicts itself: {0}")]
    World(#[from] Diagnostics),
    #[error(transparent)]
    Deployment(#[from] Box<DeploymentError>),
    #[error(transparent)]
    Provider(#[from] Box<ProviderError>),
    #[error("the play has not been set")]
    NotSet,
    #[error("the story has nobody called `{0}`")]
    Nobody(String),
}

impl From<DeploymentError> for StageError {
    fn from(error: DeploymentError) -> Self {
        StageError::Deployment(Box::new(error))
    }
}

impl From<ProviderError> for StageError {
    fn from(error: ProviderError) -> Self {
        StageError::Provider(Box::new(error))
    }
}

impl Playhouse {
    pub fn new(backstage: Backstage) -> Self {
        Playhouse { backstage, deployment: None }
    }

    /// Goes on with a deployment that is running already, such as one that carries on after a restart.
    pub fn on(backstage: Backstage, deployment: Deployment) -> Self {
        Playhouse { backstage, deployment: Some(deployment) }
    }

    /// The deployment, once the play was set.
    pub fn deployment(&self) -> Option<&Deployment> {
        self.deployment.as_ref()
    }

    /// Takes the deployment out of the play, to be run on or stopped.
    pub fn into_deployment(self) -> Option<Deployment> {
        self.deployment
    }

    fn provider(&mut self) -> Result<&mut Provider, StageError> {
        self.deployment.as_mut().map(|deployment| &mut deployment.provider).ok_or(StageError::NotSet)
    }

    fn matter_id(&mut self, demand: &DemandId) -> Result<MatterId, StageError> {
        let provider = self.provider()?;
        let matter = provider.docket().find(demand.as_str()).map_err(ProviderError::from)?;
        Ok(matter.id().clone())
    }

    /// Opens every account of the story with its mail, many messages at a time, and calls `stored` after each. Says
    /// how many accounts and messages there are; some may have been there before.
    pub async fn open_story(
        &mut self,
        stored: &mut (dyn FnMut() + Send),
    ) -> Result<(usize, usize), StageError> {
        let story = &*self.backstage.story.clone();
        let provider = self.provider()?;
        let accounts: Vec<_> = story
            .accounts()
            .iter()
            .filter(|account| provider.directory().get(&account.address).is_none())
            .map(|account| (story_account(provider.world(), account), Some(Password::new(&account.password))))
            .collect();
        let people = story.accounts().len();
        provider.open_accounts(accounts).await?;
        let provider = &*provider;
        // Messages go beside each other, and each mailbox fills in its order: the numbers of its messages go into
        // productions.
        let send = |message: &StoryMessage| {
            let bytes = message.bytes.clone().into();
            let (from, recipients, date) = (message.from.clone(), message.recipients.clone(), message.date);
            async move { provider.send(&from, &recipients, Some(date), bytes).await }
        };
        let mut messages = 0;
        let mut left: Vec<&StoryMessage> = story.messages().iter().collect();
        while !left.is_empty() {
            let mut taken = BTreeSet::new();
            let (now, later): (Vec<_>, Vec<_>) = left.into_iter().partition(|message| {
                let mailboxes: Vec<_> = story.copies(message).map(|copy| &copy.account.address).collect();
                let free = mailboxes.iter().all(|mailbox| !taken.contains(mailbox));
                // One that has to wait is not overtaken either.
                taken.extend(mailboxes);
                free
            });
            futures_util::future::try_join_all(now.iter().map(|message| send(message))).await?;
            for _ in now.iter().flat_map(|message| story.copies(message)) {
                stored();
                messages += 1;
            }
            left = later;
        }
        Ok((people, messages))
    }

    /// The script's world: the standard one with what it changes.
    fn world(&self, setting: &Setting) -> Result<World, StageError> {
        let world = World::from_source(self.backstage.world.clone())?;
        let world = if setting.changes.is_empty() { world } else { world.with(&setting.changes)? };
        Ok(world.with_all_witnesses_made_here())
    }

    async fn open_story_account(&mut self, account: &StoryAccount) -> Result<(), StageError> {
        let story = self.backstage.story.clone();
        let provider = self.provider()?;
        if provider.directory().get(&account.address).is_some() {
            return Ok(());
        }
        let new = story_account(provider.world(), account);
        let password = Password::new(account.password.clone());
        provider.open_accounts([(new, Some(password))]).await?;
        for delivery in story.mailbox(&account.address) {
            provider.deliver(story_mail(&delivery)).await?;
        }
        Ok(())
    }
}

fn story_mail(delivery: &StoryDelivery<'_>) -> NewMail {
    NewMail {
        to: delivery.account.address.clone(),
        received: Some(delivery.message.date),
        bytes: delivery.message.bytes.clone().into(),
    }
}

/// An account of the story, as its holder signs up.
pub fn story_account(world: &World, account: &StoryAccount) -> NewAccount {
    NewAccount {
        address: account.address.clone(),
        contracted_with: contracting_entity(world, &account.declared),
        name: account.name.clone(),
        declared_country: account.declared.clone(),
        residence: account.residence.clone(),
        nationality: account.nationality.clone(),
        role: account.role,
        customer: if account.enterprise.is_some() { Customer::Enterprise } else { Customer::Consumer },
        created: SimTime::start_of(account.created, &jiff::tz::TimeZone::UTC),
    }
}

/// The entity that offers the service in a country, or head office where none does.
fn contracting_entity(world: &World, country: &Country) -> EntityId {
    let provider = world.provider();
    let offering = provider.offering_in(country).next();
    offering.unwrap_or_else(|| provider.head_office()).id().clone()
}

impl Stage for Playhouse {
    type Error = StageError;

    async fn past(&mut self, script: &Script) -> Result<Past, StageError> {
        let Some(deployment) = &self.deployment else { return Ok(Past::default()) };
        let provider = &deployment.provider;
        let past = |matter: Arc<gate::Matter>| PastMatter {
            demand: matter.demand().id.clone(),
            version: matter.demand().version,
            papers: matter.papers().iter().map(|paper| paper.id().clone()).collect(),
            answer: matter.route().and_then(|route| route.answer.clone()),
        };
        Ok(Past {
            now: Some(provider.now()),
            stances: provider.stance_changes(),
            matters: provider.docket().matters().map(past).collect(),
            erased: script
                .demands()
                .filter(|demand| provider.docket().is_erased(&MatterId::of(demand)))
                .map(|demand| demand.id.clone())
                .collect(),
        })
    }

    async fn set(&mut self, setting: &Setting, start: Moment, seed: &str) -> Result<(), StageError> {
        if self.deployment.is_none() {
            let options = DeploymentOptions {
                data: self.backstage.data.clone(),
                world: Arc::new(self.world(setting)?),
                law: self.backstage.law.clone(),
                seed: Some(seed.to_owned()),
                start: start.time(),
                nodes: self.backstage.nodes.clone(),
                config: None,
                wan: self.backstage.wan,
                disk: Arc::new(RealDisk),
            };
            self.deployment = Some(Deployment::start(options).await?);
        }
        // A play that was stopped before its first step has its stance already.
        if !setting.stance.is_empty() && self.provider()?.stance_changes() == 0 {
            self.provider()?.change_stance(setting.stance).await?;
        }
        Ok(())
    }

    async fn open_account(&mut self, account: &AccountSpec) -> Result<(), StageError> {
        match account {
            AccountSpec::Story { name, .. } => {
                let story = self.backstage.story.clone();
                let account = story.account(name).ok_or_else(|| StageError::Nobody(name.clone()))?;
                self.open_story_account(account).await
            }
            AccountSpec::Inline(inline) => {
                let provider = self.provider()?;
                let new = NewAccount {
                    address: inline.address.clone(),
                    contracted_with: inline.contracted_with.clone(),
                    name: inline.holder.clone(),
                    declared_country: inline.declared_country.clone(),
                    residence: inline.residence.clone(),
                    nationality: inline.nationality.clone(),
                    role: Role::Unknown,
                    customer: Customer::Consumer,
                    created: provider.now(),
                };
                provider.open_accounts([(new, None)]).await?;
                for message in &inline.messages {
                    let date = message.date.time();
                    let message_id = format!("{}.{}", date.unix_seconds(), inline.address);
                    let letter = Letter {
                        from: vec![(&message.from, None)],
                        to: message.to.iter().map(|to| (to, None)).collect(),
                        cc: Vec::new(),
                        date,
                        offset_minutes: 0,
                        subject: &message.subject,
                        message_id: &message_id,
                        references: Vec::new(),
                        body: &message.body,
                    };
                    let bytes = letter.to_bytes().into();
                    provider
                        .deliver(NewMail { to: inline.address.clone(), received: Some(date), bytes })
                        .await?;
                }
                Ok(())
            }
        }
    }

    async fn advance_to(&mut self, time: SimTime) -> Result<Vec<Happening>, StageError> {
        Ok(happenings(self.provider()?.advance_to(time).await?))
    }

    async fn receive(&mut self, demand: &Demand) -> Result<Vec<Happening>, StageError> {
        let provider = self.provider()?;
        let instrument = provider.sign(demand)?;
        Ok(happenings(provider.receive(instrument).await?))
    }

    async fn enter_order(&mut self, matter: &DemandId, order: &Order) -> Result<Vec<Happening>, StageError> {
        let id = self.matter_id(matter)?;
        Ok(happenings(self.provider()?.enter_order(&id, order.clone()).await?))
    }

    async fn enter_filing(
        &mut self,
        matter: &DemandId,
        filing: &Filing,
    ) -> Result<Vec<Happening>, StageError> {
        let id = self.matter_id(matter)?;
        Ok(happenings(self.provider()?.enter_filing(&id, filing.clone()).await?))
    }

    async fn change_stance(&mut self, change: &StanceChange) -> Result<Vec<Happening>, StageError> {
        Ok(happenings(self.provider()?.change_stance(*change).await?))
    }

    async fn take_route(&mut self, route: &RouteTaken) -> Result<Vec<Happening>, StageError> {
        let id = self.matter_id(&route.matter)?;
        let provider = self.provider()?;
        Ok(happenings(provider.take_route(&id, &route.by, route.on.clone(), route.answer.clone()).await?))
    }

    async fn matter(&mut self, matter: &DemandId) -> Result<Option<MatterView>, StageError> {
        let provider = self.provider()?;
        if provider.docket().matters().all(|m| &m.demand().id != matter) {
            return Ok(None);
        }
        let view = provider.show(matter.as_str())?;
        Ok(Some(view.into()))
    }

    async fn hear(&mut self, matter: &DemandId, rules: &[String]) -> Result<Vec<HeardRule>, StageError> {
        let law = self.backstage.law.clone();
        let history = self.provider()?.history(matter.as_str()).await?;
        let heard = |premise: &Premise| {
            let explained: Vec<Explanation> =
                premise.asked.iter().map(|code| law.explain(code, &premise.question)).collect();
            let rule = |rule: &String| {
                let mut hearings = explained.iter().map(|law| law.hearing(rule));
                let hearing = hearings.find(|hearing| *hearing != Hearing::NotAbout);
                HeardRule {
                    act: premise.act,
                    item: premise.item.clone(),
                    rule: rule.clone(),
                    hearing: hearing.unwrap_or(Hearing::NotAbout),
                }
            };
            rules.iter().map(rule).collect::<Vec<_>>()
        };
        Ok(history.newest().iter().flat_map(|newest| heard(newest.premise)).collect())
    }

    async fn look_at(&mut self, account: &Address) -> Result<AccountView, StageError> {
        let provider = self.provider()?;
        let place = provider.where_is(account).await?;
        let reach = provider.reach(account, provider.now())?;
        let reach = reach_rows(&reach, &place);
        let copies = place.copies.into_iter().map(|copy| CopyView {
            class: copy.class,
            region: copy.region,
            country: copy.country,
            keys: copy.keys,
            objects: copy.objects,
            bytes: copy.bytes,
        });
        Ok(AccountView { account: account.clone(), copies: copies.collect(), reach })
    }

    async fn record_head(&mut self) -> Result<RecordHead, StageError> {
        let head = self.provider()?.record_head();
        Ok(RecordHead { size: head.size, root: head.root })
    }
}

/// One row for each copy: the authorities that would get something, and the holders of its key.
fn reach_rows(reach: &provider::ReachView, place: &provider::WhereView) -> Vec<ReachView> {
    let rows = place.copies.iter().map(|copy| {
        let mut row = ReachView {
            class: copy.class,
            region: copy.region.clone(),
            may: BTreeMap::new(),
            can: Vec::new(),
            price: BTreeSet::new(),
        };
        let may = reach.may.iter().filter(|m| m.class == copy.class && m.region == copy.region);
        for may in may.filter(|m| m.outcome.is_some_and(|outcome| outcome.is_production())) {
            row.may.entry(may.country.clone()).or_default().insert(may.authority.clone());
            row.price.extend(may.price.iter().cloned());
        }
        let can = reach.can.iter().filter(|c| c.class == copy.class && c.region == copy.region);
        row.can = can
            .map(|c| KeyHolderView { who: c.who, entity: c.entity.clone(), unrecorded: c.unrecorded })
            .collect();
        row
    });
    rows.collect()
}

/// What was recorded, as a play shows it.
pub fn happenings(recorded: Vec<Recorded>) -> Vec<Happening> {
    recorded.into_iter().flat_map(happening).collect()
}

fn happening(recorded: Recorded) -> Vec<Happening> {
    let Recorded { matter, entry, event, root, cosigned_by } = recorded;
    let at = event.at();
    let demand: DemandId = match matter.demand_id().parse() {
        Ok(demand) => demand,
        Err(_) => return Vec::new(),
    };
    let cause = match &event {
        Event::Decided { note, .. } => Some(note.clone()),
        _ => None,
    };
    let mut happened = vec![Happened::Recorded {
        entry,
        matter: demand.clone(),
        kind: event.kind().to_owned(),
        cause,
        root,
        cosigned_by,
    }];
    match event {
        Event::Received { demand: received, .. } if received.executes.is_some() => {
            let what = format!("{} under {}", received.instrument, received.basis);
            happened.insert(0, Happened::Received { matter: demand, from: received.issuing, what });
        }
        Event::Delivered { production, .. } => {
            happened.extend(production.into_iter().map(|answer| answered(&demand, answer)));
        }
        Event::Routed { route, .. } => {
            happened.push(Happened::Routed { matter: demand, step: route });
        }
        Event::Missed { note, .. } => {
            happened.extend(note.into_iter().map(|lapse| {
                let (class, due) = (lapse.item.class, lapse.due.date_utc());
                let what = format!("{class} was due on {due}, for want of {}", lapse.for_want_of.words());
                Happened::TimeLimit { matter: demand.clone(), what }
            }));
        }
        _ => {}
    }
    happened.into_iter().map(|what| Happening { at, what }).collect()
}

/// What one region did when it was shown its permit.
pub(super) fn answered(demand: &DemandId, answer: gate::RegionAnswer) -> Happened {
    let matter = demand.clone();
    let mut classes: Vec<_> = answer.items.iter().map(|item| item.class).collect();
    classes.dedup();
    match answer.answer {
        Answer::Produced { objects, bytes, ciphertext, objections, sealed_to, conditions, .. } => {
            Happened::Produced {
                matter,
                region: answer.region,
                classes,
                objects,
                bytes,
                ciphertext,
                sealed_to,
                conditions,
                objections: objections.iter().map(|p| format!("{} {}", p.jurisdiction, p.kind)).collect(),
            }
        }
        Answer::Refused { why, .. } => Happened::Refused { matter, region: answer.region, why },
    }
}
