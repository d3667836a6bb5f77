//! What a matter is called.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::demand::{Demand, DemandId};
use crate::world::AuthorityId;

/// The provider's name for a matter: the issuing authority's id, a slash, and the authority's id for its demand; from
/// its second version on another slash, and the version as `v2`. Each version of a demand is a matter of its own, and
/// takes the place of the one before.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MatterId(String);

impl MatterId {
    pub fn of(demand: &Demand) -> Self {
        MatterId::version_of(demand, demand.version)
    }

    /// The name that another version of a demand has.
    pub fn version_of(demand: &Demand, version: u32) -> Self {
        let first = MatterId::named(&demand.issuing, &demand.id);
        if version <= 1 { first } else { MatterId(format!("{first}/v{version}")) }
    }

    pub fn named(authority: &AuthorityId, demand: &DemandId) -> Self {
        MatterId(format!("{authority}/{demand}"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The demand's own id, without the authority and the version.
    pub fn demand_id(&self) -> &str {
        let mut parts = self.0.splitn(3, '/').skip(1);
        parts.next().unwrap_or(&self.0)
    }

    /// The version of the demand.
    pub fn version(&self) -> u32 {
        let version = self.0.splitn(3, '/').nth(2).and_then(|last| last.strip_prefix('v'));
        version.and_then(|version| version.parse().ok()).unwrap_or(1)
    }

    /// What an authority calls it: `18-mag-4001`, and `18-mag-4001 v2` for its second version.
    pub fn label(&self) -> String {
        match self.version() {
            1 => self.demand_id().to_owned(),
            version => format!("{} v{version}", self.demand_id()),
        }
    }

    /// True if both are versions of one demand.
    pub fn is_of_the_same_demand(&self, other: &MatterId) -> bool {
        let demand = |id: &MatterId| {
            let mut parts = id.0.splitn(3, '/').map(str::to_owned);
            (parts.next(), parts.next())
        };
        demand(self) == demand(other)
    }

    /// Reads a name as it was recorded.
    pub fn from_recorded(text: String) -> Self {
        MatterId(text)
    }
}

impl fmt::Display for MatterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for MatterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
