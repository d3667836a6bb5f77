//! What the regions keep for the matters: holds, and productions that were not acknowledged.

use std::collections::{BTreeMap, BTreeSet};

use super::release::items_in;
use super::{Provider, ProviderError};
use crate::demand::Item;
use crate::gate::{DocketError, Matter, MatterId};
use crate::record::permit::PermitId;
use crate::region::{Call, Reply};
use crate::world::{DataClass, RegionId};

impl Provider {
    /// Tells the regions what a matter needs of what it is about: nothing of that is shredded. The regions are told
    /// when it changes.
    pub(super) async fn hold(&self, id: &MatterId) -> Result<(), ProviderError> {
        let matter = self.matter(id)?;
        let items = self.desk().items(&matter);
        let needed = self.needed(&matter, &items);
        if self.held().get(id).map(Vec::as_slice).unwrap_or_default() == needed {
            return Ok(());
        }
        let regions: BTreeSet<&RegionId> = items.iter().flat_map(|item| item.place.regions()).collect();
        for region in regions {
            let call = Call::Hold { matter: id.to_string(), items: items_in(&needed, region) };
            self.ask(region, call).await?;
        }
        self.held().insert(id.clone(), needed);
        Ok(())
    }

    fn needed(&self, matter: &Matter, items: &[Item]) -> Vec<Item> {
        // The books of a business rest in no mailbox.
        let copies = items.iter().filter(|item| item.class != DataClass::BusinessRecord);
        copies.filter(|item| matter.needs(item, self.now())).cloned().collect()
    }

    /// Tells every region, after an interruption, what is still needed: the productions of releases that are under
    /// way, and the holds of matters that need something.
    pub(super) async fn let_go_of_the_rest(&self) -> Result<(), ProviderError> {
        for matter in self.docket.matters() {
            let needed = self.needed(&matter, &self.desk().items(&matter));
            if !needed.is_empty() {
                self.held().insert(matter.id().clone(), needed);
            }
        }
        let holds: Vec<String> = self.held().keys().map(ToString::to_string).collect();
        let mut releases: BTreeMap<&RegionId, Vec<PermitId>> =
            self.regions.keys().map(|region| (region, Vec::new())).collect();
        for matter in self.docket.matters().filter(|matter| matter.is_releasing()) {
            let Some(entry) = matter.decided().map(|decided| decided.entry) else { continue };
            let opening = self.docket.log().opening(entry).await.map_err(DocketError::from)?;
            for (region, grant) in opening.iter().flat_map(|full| &full.grants) {
                if let Some(permits) = releases.get_mut(region) {
                    permits.push(PermitId::of(super::ORIGIN, entry, grant));
                }
            }
        }
        for (region, releases) in releases {
            if let Err(error) = self.call(region, Call::KeepOnly { releases, holds: holds.clone() }).await {
                tracing::warn!(%region, %error, "keeps what is left of matters that are over");
            }
        }
        Ok(())
    }

    /// Gives new keys to the copies that something was deleted from, in one region or in all, so that nothing opens
    /// it any more. What a hold needs stays.
    pub async fn shred(
        &self,
        region: Option<&RegionId>,
    ) -> Result<Vec<(RegionId, serde_json::Value)>, ProviderError> {
        if let Some(region) = region {
            self.world.region(region)?;
        }
        let mut regions = Vec::new();
        for id in self.regions.keys().filter(|id| region.is_none_or(|one| one == *id)) {
            match self.call(id, Call::Shred).await? {
                Reply::Keys { status } => regions.push((id.clone(), status)),
                _ => return Err(ProviderError::Answer(id.clone())),
            }
        }
        Ok(regions)
    }
}
