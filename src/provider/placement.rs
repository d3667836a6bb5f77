//! Whether everything rests where it may.

use serde::{Deserialize, Serialize};

use super::{Provider, ProviderError};
use crate::region::{Call, Reply};
use crate::world::{Address, DataClass, RegionId};

/// A copy that rests where its placement does not allow it to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Misplaced {
    pub account: Address,
    pub class: DataClass,
    /// Where it rests.
    pub region: RegionId,
    /// Where it may rest; nowhere if there is no such account.
    pub allowed: Vec<RegionId>,
}

impl Provider {
    /// Asks every region what rests there and measures it against the placement rules of today: normally nothing is
    /// found. What no account explains is found too.
    pub async fn misplaced(&self) -> Result<Vec<Misplaced>, ProviderError> {
        let today = self.now().date_utc();
        let mut found = Vec::new();
        for region in self.regions.keys() {
            let Reply::Mailboxes { mailboxes } = self.ask(region, Call::Mailboxes).await? else {
                return Err(ProviderError::Answer(region.clone()));
            };
            for (address, classes) in mailboxes {
                let account = self.directory.get(&address);
                for class in classes {
                    let allowed = account
                        .map(|account| &account.holder.declared_country)
                        .and_then(|country| self.world.regions_for(class, country, today).ok())
                        .unwrap_or_default();
                    if !allowed.contains(region) {
                        let (account, region) = (address.clone(), region.clone());
                        found.push(Misplaced { account, class, region, allowed: allowed.clone() });
                    }
                }
            }
        }
        found.sort_by(|a, b| (&a.account, a.class, &a.region).cmp(&(&b.account, b.class, &b.region)));
        Ok(found)
    }
}
