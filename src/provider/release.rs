//! From a grant to a production: the permit is shown to the region, which opens, builds and seals.
//!
//! Head office sees the sealed package only. After a crash the same steps run again: a region that had begun
//! finishes the same production, and one that had not begins.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use data_encoding::HEXLOWER;

use super::view::Recorded;
use super::{Provider, ProviderError};
use crate::demand::{Act, Item};
use crate::disk::{Disk, DiskWriter, folder_of};
use crate::gate::{Answer, Event, Holdings, ItemDecision, Matter, MatterId, RegionAnswer};
use crate::record::log::PermitRequest;
use crate::record::permit::{GrantTerms, PermitId};
use crate::region::{Body, Call, CallOptions, Reply, ServiceError};
use crate::world::{AuthorityId, DataClass, RegionId};

/// How long a region may take for a question that needs no mail to be read.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How often a region is shown a permit anew because it cosigned meanwhile.
const TRIES_MAX: u32 = 5;

impl Provider {
    /// One grant for each region that holds something the decision hands over.
    pub(super) fn grants(
        &self,
        matter: &Matter,
        decision: &[ItemDecision],
    ) -> Result<Vec<GrantTerms>, ProviderError> {
        let granted: Vec<&ItemDecision> = decision
            .iter()
            .filter(|item| item.act == Act::Disclose && item.outcome.is_some_and(|o| o.is_production()))
            .collect();
        let demand = matter.demand();
        let digest = self.cabinet.instrument(matter.id()).map(|instrument| instrument.digest());
        let Some(instrument_digest) = digest.filter(|_| !granted.is_empty()) else { return Ok(Vec::new()) };
        let conditions = self.conditions(matter.id())?;
        let grant = |region: RegionId| GrantTerms {
            demand: demand.id.clone(),
            version: demand.version,
            instrument_digest,
            items: items_in(granted.iter().map(|decision| &decision.item), &region),
            region,
            requester: demand.issuing.clone(),
            recipient: demand.deliver_to.clone(),
            decided: self.now(),
            ciphertext: false,
            conditions: conditions.clone(),
        };
        let regions: BTreeSet<RegionId> =
            granted.iter().flat_map(|decision| decision.item.place.regions()).cloned().collect();
        Ok(regions.into_iter().map(grant).collect())
    }

    /// What a recipient is bound to.
    fn conditions(&self, id: &MatterId) -> Result<Vec<String>, ProviderError> {
        let use_limit = self.matter(id)?.demand().executes.as_ref().map(|request| request.use_limit.clone());
        Ok(["SIMULATED".to_owned()].into_iter().chain(use_limit).collect())
    }

    /// Shows every region its permit, and records what they answered. Where one cannot be reached, nothing is
    /// released there, and it is tried again.
    pub(super) async fn release(
        &self,
        id: &MatterId,
        recorded: &mut Vec<Recorded>,
    ) -> Result<(), ProviderError> {
        let matter = self.matter(id)?;
        let granted: Vec<Item> = matter.granted().into_iter().map(|decision| decision.item.clone()).collect();
        let (Some(decided), false) = (matter.decided(), granted.is_empty()) else { return Ok(()) };
        let entry = decided.entry;
        let recipient = matter.demand().deliver_to.clone();
        let regions: BTreeSet<RegionId> =
            granted.iter().flat_map(|item| item.place.regions()).cloned().collect();
        let (mut production, mut permits, mut silent) = (Vec::new(), Vec::new(), None);
        for region in regions {
            match self.show_permit(id, entry, &region, &recipient).await {
                Ok((answers, permit)) => {
                    permits.extend(permit.map(|permit| (region.clone(), permit)));
                    production.extend(in_parts(region.clone(), items_in(&granted, &region), answers));
                }
                Err(error @ (ProviderError::Region(..) | ProviderError::WentBack { .. })) => {
                    silent = silent.or(Some(error));
                }
                Err(error) => return Err(error),
            }
        }
        if !production.is_empty() {
            // What some handed over is recorded whatever becomes of the others.
            recorded.push(self.enter(id, Event::Delivered { production, timing: self.now() }).await?);
        }
        for (region, permit) in permits {
            if let Err(error) = self.call(&region, Call::Delivered { permit }).await {
                // It keeps the sealed production until the next start.
                tracing::warn!(%region, %error, "was not told that its production arrived");
            }
        }
        silent.map_or(Ok(()), Err)
    }

    async fn show_permit(
        &self,
        id: &MatterId,
        entry: u64,
        region: &RegionId,
        recipient: &AuthorityId,
    ) -> Result<(Answers, Option<PermitId>), ProviderError> {
        let Some(instrument) = self.cabinet.instrument(id) else {
            let why = "the instrument as signed is not kept here any more".to_owned();
            return Ok((Answers::whole(Answer::Refused { why, positions: Vec::new() }), None));
        };
        // A region that cosigns between the question and the permit finds the permit too old; then it is shown a newer one.
        let mut tries = 0;
        let answer = loop {
            // Taken before the permit is made: nothing that comes into the record after it is dated earlier.
            let now = self.now();
            let region_head_size = self.region_head(region).await?;
            let instrument = instrument.clone();
            let request = PermitRequest { entry, region: region.clone(), instrument, region_head_size };
            let permit = self.docket.log().permit(request).await.map_err(crate::gate::DocketError::from)?;
            let shown = entry + 1 + permit.later.leaves.len() as u64;
            let call = Call::Release { permit: Box::new(permit), now };
            let answer = self.link(region)?.call(call, Body::empty()).await;
            let answer = answer.map_err(|error| ProviderError::Region(region.clone(), error))?;
            tries += 1;
            if !matches!(answer.reply, Reply::Refused { .. }) || tries == TRIES_MAX {
                break answer;
            }
            if [region_head_size, shown].contains(&self.region_head(region).await?) {
                break answer;
            }
        };
        match answer.reply {
            Reply::Produced(produced) => {
                let path = self.production_path(id, region, recipient, &produced.permit);
                save(self.disk.clone(), path, answer.body, region).await?;
                let produced_answer = Answer::Produced {
                    manifest: produced.manifest,
                    objects: produced.objects,
                    bytes: produced.bytes,
                    ciphertext: false,
                    sealed_to: recipient.clone(),
                    conditions: self.conditions(id)?,
                    objections: produced.objections,
                };
                let withheld = produced.withheld.into_iter().map(|withheld| {
                    let answer = Answer::Refused { why: withheld.why, positions: withheld.objections };
                    (withheld.item, answer)
                });
                let answers = Answers { most: produced_answer, others: withheld.collect() };
                Ok((answers, Some(produced.permit)))
            }
            Reply::Refused { why, positions } => {
                Ok((Answers::whole(Answer::Refused { why, positions }), None))
            }
            _ => Err(ProviderError::Answer(region.clone())),
        }
    }

    /// The size of the newest head that a region goes by. One that is behind what it went by before was put back from a backup:
    /// it has forgotten what it released, too, so nothing is asked of it.
    async fn region_head(&self, region: &RegionId) -> Result<u64, ProviderError> {
        let before = self
            .docket
            .log()
            .cosigned_by(region.as_str())
            .max(self.heads().get(region).copied().unwrap_or(0));
        let own = match self.ask(region, Call::Status).await? {
            Reply::Status(status) => status.cosigned,
            _ => return Err(ProviderError::Answer(region.clone())),
        };
        if own < before {
            return Err(ProviderError::WentBack { region: region.clone(), own, before });
        }
        let mut heads = self.heads();
        let newest = heads.entry(region.clone()).or_default();
        *newest = own.max(*newest);
        Ok(own)
    }

    /// The newest head that each region is known to go by. Never held across an await.
    fn heads(&self) -> MutexGuard<'_, BTreeMap<RegionId, u64>> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a production waits for the authority.
    fn production_path(
        &self,
        id: &MatterId,
        region: &RegionId,
        to: &AuthorityId,
        permit: &PermitId,
    ) -> PathBuf {
        let short = HEXLOWER.encode(&permit.as_bytes()[..4]);
        let name = format!("{}.{region}.{short}.production", id.as_str().replace('/', "."));
        self.deliveries.join(to.as_str()).join(name)
    }

    /// Asks the regions how much of each item they hold.
    pub(super) async fn count(&self, items: &[Item]) -> Result<Holdings, ProviderError> {
        let mut holdings = Holdings::new();
        let regions: BTreeSet<&RegionId> = items.iter().flat_map(|item| item.place.regions()).collect();
        for region in regions {
            let here = items_in(items, region);
            match self.ask(region, Call::Count { items: here.clone() }).await? {
                Reply::Counts { objects } if objects.len() == here.len() => {
                    for (item, count) in here.into_iter().zip(objects) {
                        // Only what a region has and finds empty is no data. The books of a business are no copy.
                        let none = (item.class == DataClass::BusinessRecord).then_some(0);
                        let count = count.or(none).ok_or_else(|| ProviderError::CopyLost {
                            region: region.clone(),
                            account: item.account.clone(),
                            class: item.class,
                        })?;
                        *holdings.entry(item).or_default() += count;
                    }
                }
                _ => return Err(ProviderError::Answer(region.clone())),
            }
        }
        Ok(holdings)
    }

    /// A question that a region answers at once, or not at all.
    pub(super) async fn ask(&self, region: &RegionId, call: Call) -> Result<Reply, ProviderError> {
        let options = CallOptions { within: Some(ANSWER_WITHIN), ..CallOptions::default() };
        let answer = self.link(region)?.call_with(options, call, Body::empty()).await;
        Ok(answer.map_err(|error| ProviderError::Region(region.clone(), error))?.reply)
    }

    /// A call without a body.
    pub(super) async fn call(&self, region: &RegionId, call: Call) -> Result<Reply, ProviderError> {
        let answer = self.link(region)?.call(call, Body::empty()).await;
        Ok(answer.map_err(|error| ProviderError::Region(region.clone(), error))?.reply)
    }
}

/// What one region answered to one permit: for most items the same, for some another.
struct Answers {
    most: Answer,
    others: Vec<(Item, Answer)>,
}

impl Answers {
    fn whole(answer: Answer) -> Self {
        Answers { most: answer, others: Vec::new() }
    }
}

fn in_parts(region: RegionId, mut items: Vec<Item>, answers: Answers) -> Vec<RegionAnswer> {
    items.retain(|item| answers.others.iter().all(|(other, _)| other != item));
    let others = answers.others.into_iter().map(|(item, answer)| (vec![item], answer));
    let all = std::iter::once((items, answers.most)).chain(others);
    all.map(|(items, answer)| RegionAnswer { region: region.clone(), items, answer }).collect()
}

pub(super) fn items_in<'i>(items: impl IntoIterator<Item = &'i Item>, region: &RegionId) -> Vec<Item> {
    items.into_iter().filter(|item| item.place.regions().contains(region)).cloned().collect()
}

/// Writes a production beside its place and moves it there when it is whole.
async fn save(
    disk: Arc<dyn Disk>,
    path: PathBuf,
    body: Body,
    region: &RegionId,
) -> Result<(), ProviderError> {
    let what = format!("the production cannot be kept in `{}`", path.display());
    let (lost, mut body) = (region.clone(), body.into_reader());
    let saving = tokio::task::spawn_blocking(move || {
        let partial = path.with_extension("partial");
        let mut write = || {
            disk.make_folder(folder_of(&path))?;
            // A crash may have left one behind.
            disk.remove(&partial)?;
            let mut file = DiskWriter::new(disk.create(&partial)?);
            io::copy(&mut body, &mut file)?;
            file.sync()?;
            disk.rename(&partial, &path)?;
            disk.sync_folder(folder_of(&path))
        };
        write()
    });
    let saved = saving.await.map_err(io::Error::other).flatten();
    saved.map_err(|error| match error.downcast::<ServiceError>() {
        Ok(error) => ProviderError::Region(lost, error),
        Err(error) => ProviderError::Io { what, error },
    })
}
