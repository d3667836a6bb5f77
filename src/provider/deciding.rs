//! What follows from an event: a demand is taken up, a matter decided again, a release made.
//!
//! All of it can be done again after a crash, or when what was in the way is gone, and comes out the same.

use super::lapses::want;
use super::view::Recorded;
use super::{Provider, ProviderError};
use crate::demand::RelationKind;
use crate::gate::{Cause, Desk, Event, Finding, Matter, MatterId, Phase, examine};

impl Provider {
    /// What follows from a demand that was received: it is sent back, or what it is about is held, and it is decided.
    pub(super) async fn take_up(
        &self,
        id: &MatterId,
        recorded: &mut Vec<Recorded>,
    ) -> Result<(), ProviderError> {
        let matter = self.matter(id)?;
        let demand = matter.demand().clone();
        let findings = examine(&demand, matter.received(), &self.world, &self.directory);
        let now = self.now();
        if !findings.is_empty() {
            recorded.push(self.enter(id, Event::Returned { note: findings, timing: now }).await?);
            return Ok(());
        }
        let overtaken: Vec<MatterId> = self.overtaken_by(&matter).collect();
        // First: where this one cannot go on yet, the earlier one does not go on in its stead.
        for earlier in &overtaken {
            if self.matter(earlier)?.superseded_by().is_none() {
                let event = Event::Superseded { note: demand.id.clone(), timing: now };
                recorded.push(self.enter(earlier, event).await?);
            }
        }
        // What an earlier demand held may be let go only when this one holds it.
        self.hold(id).await?;
        for earlier in &overtaken {
            if matches!(self.matter(earlier)?.phase(), Phase::Decided(_)) {
                self.decide(earlier, Cause::Superseded, recorded).await?;
                self.hold(earlier).await?;
                self.tell(earlier).await?;
            }
        }
        self.decide(id, Cause::Received, recorded).await
    }

    /// The matters whose place a demand takes, and which are not over: its earlier versions, and the demand that it says
    /// it supersedes.
    fn overtaken_by(&self, matter: &Matter) -> impl Iterator<Item = MatterId> {
        let demand = matter.demand();
        let version = demand.version;
        let versions = self.docket.versions(matter.id());
        let earlier = versions.filter(move |other| other.demand().version < version);
        let relation = demand.relates.as_ref().filter(|relation| relation.kind == RelationKind::Supersedes);
        let named = relation.map(|relation| MatterId::named(&demand.issuing, &relation.demand));
        let superseded = named.into_iter().flat_map(|named| self.docket.versions(&named));
        let overtaken = earlier.chain(superseded);
        overtaken
            .filter(|matter| !matches!(matter.phase(), Phase::Returned(_) | Phase::Unreadable { .. }))
            .map(|matter| matter.id().clone())
    }

    /// Decides a matter as it stands now, in its turn. What changed is recorded; what the decision grants is released.
    pub(super) async fn reconsider(
        &self,
        id: &MatterId,
        cause: Cause,
        recorded: &mut Vec<Recorded>,
    ) -> Result<(), ProviderError> {
        let before = self.matter(id)?;
        let outcome = match before.phase() {
            Phase::Returned(_) | Phase::Unreadable { .. } => Ok(()),
            // A crash, or a region that did not answer, came before the demand was decided.
            Phase::Received => self.take_up(id, recorded).await,
            // A region still owes an answer. Its permit holds until something else happens to the matter.
            Phase::Releasing(_) => match self.release(id, recorded).await {
                Ok(()) => self.decide(id, cause.clone(), recorded).await,
                Err(error) => Err(error),
            },
            Phase::Decided(_) => self.decide(id, cause.clone(), recorded).await,
        };
        // What is settled now is needed no more.
        let outcome = match outcome {
            Ok(()) => self.hold(id).await,
            Err(error) => Err(error),
        };
        let missed = self.enter_lapses(id, &before, &outcome, recorded).await;
        let outcome = match outcome.and(missed) {
            Ok(()) => self.tell(id).await,
            Err(error) => Err(error),
        };
        self.note_delay(id, cause, outcome)
    }

    async fn decide(
        &self,
        id: &MatterId,
        cause: Cause,
        recorded: &mut Vec<Recorded>,
    ) -> Result<(), ProviderError> {
        let matter = self.matter(id)?;
        let items = self.desk().items(&matter);
        let holdings = self.count(&items).await?;
        let matter = self.matter(id)?;
        let desk = self.desk();
        let mut premises = desk.premises(&matter, &holdings);
        let mut decision = desk.decide(&premises);
        if let Some(before) = matter.decided() {
            // What comes out as it did is not recorded again, unless it grants what no region has answered for: the
            // permit for that was overtaken by a later entry, and only a new decision makes a new one.
            let granted = matter.granted();
            let changed: Vec<bool> =
                decision.iter().map(|item| !before.items.contains(item) || granted.contains(&item)).collect();
            let mut keep = changed.iter().copied();
            decision.retain(|_| keep.next().unwrap_or(true));
            let mut keep = changed.iter().copied();
            premises.retain(|_| keep.next().unwrap_or(true));
            if decision.is_empty() {
                return Ok(());
            }
        }
        let grants = self.grants(&matter, &decision)?;
        let law = self.law.revision().to_owned();
        let event = Event::Decided { law, facts: premises, decision, timing: self.now(), note: cause };
        recorded.push(self.enter_granting(id, event, grants).await?);
        self.release(id, recorded).await
    }

    /// Decides every open matter again, each in its turn. One that cannot go on for now delays no other for longer than a
    /// region has to answer.
    pub(super) async fn reconsider_all(&self, cause: Cause) -> Result<Vec<Recorded>, ProviderError> {
        let over = |matter: &Matter| matches!(matter.phase(), Phase::Returned(_) | Phase::Unreadable { .. });
        let open = self.docket.matters().filter(|matter| !over(matter));
        let open: Vec<MatterId> = open.map(|matter| matter.id().clone()).collect();
        let mut recorded = Vec::new();
        for id in open {
            let _turn = self.turn(&id).await?;
            put_off(&id, self.reconsider(&id, cause.clone(), &mut recorded).await)?;
        }
        Ok(recorded)
    }

    /// Tries again what could not go on, without waiting for its pause.
    pub(super) async fn try_delayed(&self) -> Result<Vec<Recorded>, ProviderError> {
        let mut recorded = Vec::new();
        for (id, cause) in self.delays.causes() {
            let _turn = self.turn(&id).await?;
            let cause = self.matter(&id)?.unheeded().cloned().unwrap_or(cause);
            put_off(&id, self.reconsider(&id, cause, &mut recorded).await)?;
        }
        Ok(recorded)
    }

    /// Finishes what a crash interrupted, in the order in which it would have gone on, so that the record comes out the
    /// same: what a matter was in the middle of, a change of stance, what fell due as time passed, and what was entered
    /// and not yet heeded. Then productions and holds that a region was not told are over.
    pub async fn finish_interrupted(&self) -> Result<(), ProviderError> {
        // What no checkpoint covers is told to nobody; left for later, it would be told late.
        let newest = self.docket.log().head().size.saturating_sub(1);
        if let Err(error) = self.docket.log().await_quorum(newest).await {
            tracing::warn!(%error, "what was recorded last is not cosigned yet");
        }
        let passing = self.docket.latest() > self.cabinet.clock();
        let midway = |matter: &Matter| matches!(matter.phase(), Phase::Received | Phase::Releasing(_));
        self.finish_unheeded(midway).await?;
        if !self.cabinet.stance_is_settled() {
            self.reconsider_all(Cause::Stance).await?;
            self.keep_time()?;
        } else if let (true, Some(due)) = (passing, self.docket.latest()) {
            match self.play_out(due, &mut Vec::new()).await {
                Err(error) if is_delay(&error) => tracing::warn!(%error, "cannot go on yet"),
                outcome => outcome?,
            }
        }
        for id in self.routes_begun() {
            let _turn = self.turn(&id).await?;
            self.move_or_put_off(&id, &mut Vec::new()).await?;
        }
        self.finish_unheeded(|matter| !midway(matter)).await?;
        for (id, cause) in self.cabinet.delays() {
            // What was erased waits for nothing.
            if self.docket.get(&id).is_some() {
                self.finish(&id, cause).await?;
            }
        }
        self.tell_all().await?;
        self.let_go_of_the_rest().await
    }

    /// Goes on with the matters of one kind that something was entered in and nothing has followed from.
    async fn finish_unheeded(&self, of: impl Fn(&Matter) -> bool) -> Result<(), ProviderError> {
        let unfinished: Vec<(MatterId, Cause)> = self
            .docket
            .matters()
            .filter(|matter| of(matter))
            .filter_map(|matter| Some((matter.id().clone(), matter.unheeded()?.clone())))
            .collect();
        for (id, cause) in unfinished {
            self.finish(&id, cause).await?;
        }
        Ok(())
    }

    async fn finish(&self, id: &MatterId, cause: Cause) -> Result<(), ProviderError> {
        tracing::info!(matter = %id, "goes on after an interruption");
        let _turn = self.turn(id).await?;
        put_off(id, self.reconsider(id, cause, &mut Vec::new()).await)
    }

    pub(super) fn desk(&self) -> Desk<'_> {
        Desk {
            world: &self.world,
            law: &self.law,
            directory: &self.directory,
            stance: self.stance(),
            now: self.now(),
        }
    }

    /// What was wrong on the face of a demand, if it was sent back.
    pub(super) fn findings(matter: &Matter) -> Vec<Finding> {
        match matter.phase() {
            Phase::Returned(findings) => findings.clone(),
            _ => Vec::new(),
        }
    }
}

/// Leaves a matter that cannot go on for now to whoever tries it again.
fn put_off(id: &MatterId, outcome: Result<(), ProviderError>) -> Result<(), ProviderError> {
    match outcome {
        Err(error) if is_delay(&error) => tracing::warn!(matter = %id, %error, "cannot go on yet"),
        outcome => outcome?,
    }
    Ok(())
}

/// True if nothing is wrong with the matter itself: a region or the witnesses do not answer, a copy is lost, or a
/// region was put back from a backup.
pub(super) fn is_delay(error: &ProviderError) -> bool {
    want(error).is_some()
}
