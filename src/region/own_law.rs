//! What a region's own country holds against an answer.
//!
//! The node asks it before it opens anything, and whoever foretells what a node will do asks it too, so that the two cannot
//! differ.

use crate::clock::SimTime;
use crate::demand::{Act, Demand, Item};
use crate::law::{Asking, HolderRecord, Law, Position};
use crate::world::{Jurisdiction, RegionId, UnknownName, World};

/// The laws of one region: those of its country and of the blocs that the country belongs to.
#[derive(Clone, Copy, Debug)]
pub struct OwnLaw<'a> {
    pub world: &'a World,
    pub law: &'a Law,
    pub region: &'a RegionId,
}

impl OwnLaw<'_> {
    /// The positions that stand against handing over an item on a signed demand, given what the region itself knows of the
    /// account holder: not whether somebody consented, and not whether another authority cleared it.
    ///
    /// They are asked about the moment of the decision and about `now`: when exactly it is, is head office's word, and no
    /// later moment lets go what was barred at the decision. An authority, entity or region that is not of this world is
    /// an error.
    pub fn objections(
        &self,
        demand: &Demand,
        item: &Item,
        holder: &HolderRecord,
        decided: SimTime,
        now: SimTime,
    ) -> Result<Vec<Position>, UnknownName> {
        let mut moments = vec![decided, now];
        moments.dedup();
        let mut objections: Vec<Position> = Vec::new();
        for moment in moments {
            let asking = Asking {
                world: self.world,
                demand,
                act: Act::Disclose,
                item,
                holder,
                consent: false,
                cleared: false,
                extensions: 0,
                received: decided,
                decided: moment,
            };
            let positions = self.law.positions(&self.at(moment), &asking.question()?);
            for position in positions.into_iter().filter(Position::holds_a_region_back) {
                if !objections.contains(&position) {
                    objections.push(position);
                }
            }
        }
        Ok(objections)
    }

    /// The laws that are asked at a moment.
    pub fn at(&self, moment: SimTime) -> Vec<Jurisdiction> {
        let Ok(region) = self.world.region(self.region) else { return Vec::new() };
        let country = region.country();
        let own = Jurisdiction::from(country);
        let date = self.world.legal_date(&own, moment).unwrap_or_else(|_| moment.date_utc());
        let blocs = self.world.blocs_of(country, date).into_iter().cloned();
        [own].into_iter().chain(blocs).collect()
    }
}
