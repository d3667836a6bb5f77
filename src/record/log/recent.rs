//! The newest leaves, at hand: a permit is put together right after its entry, and needs every leaf since.

use std::collections::VecDeque;

use crate::record::entry::Leaf;

/// As many as a permit may show.
const LEAVES: usize = crate::record::permit::Permit::LATER_MAX + 1;

/// Leaves that follow each other up to the newest that was written.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// Index of the first.
    first: u64,
    leaves: VecDeque<Leaf>,
}

impl Recent {
    /// Adds the leaves from `index` on. Should they not follow on what is here, only they are kept.
    pub fn extend(&mut self, index: u64, leaves: impl Iterator<Item = Leaf>) {
        if self.first + self.leaves.len() as u64 != index {
            *self = Recent { first: index, leaves: VecDeque::new() };
        }
        self.leaves.extend(leaves);
        let surplus = self.leaves.len().saturating_sub(LEAVES);
        self.leaves.drain(..surplus);
        self.first += surplus as u64;
    }

    /// True if the leaf of an entry is here.
    pub fn has(&self, index: u64) -> bool {
        let place = index.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
        place.is_some_and(|place| place < self.leaves.len())
    }

    /// The leaves from `start` up to but without `end`, if all of them are here.
    pub fn between(&self, start: u64, end: u64) -> Option<Vec<Leaf>> {
        let from = usize::try_from(start.checked_sub(self.first)?).ok()?;
        let count = usize::try_from(end.checked_sub(start)?).ok()?;
        let leaves: Vec<Leaf> = self.leaves.iter().skip(from).take(count).cloned().collect();
        (leaves.len() == count && count > 0).then_some(leaves)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::entry::EntryDraft;
    use crate::record::secret::RecordSecret;

    fn leaves(from: u64, count: u64) -> Vec<Leaf> {
        let secret = RecordSecret::draw(&crate::entropy::Entropy::seeded("recent"));
        let time = "2014-01-01T00:00:00Z".parse().unwrap();
        (from..from + count)
            .map(|index| EntryDraft::new(format!("m-{index}"), time).seal(index, &secret).unwrap().leaf)
            .collect()
    }

    #[test]
    fn the_newest_are_there_and_older_ones_are_not() {
        let all = leaves(0, LEAVES as u64 + 10);
        let mut recent = Recent::default();
        assert_eq!(recent.between(0, 1), None);
        recent.extend(0, all[..700].iter().cloned());
        recent.extend(700, all[700..].iter().cloned());
        let end = all.len() as u64;
        assert_eq!(recent.between(10, end).unwrap(), all[10..]);
        assert_eq!(recent.between(500, 503).unwrap(), all[500..503]);
        assert_eq!(recent.between(9, end), None, "the oldest gave way");
        assert_eq!(recent.between(end - 1, end + 1), None);
        assert_eq!(recent.between(20, 20), None);
        assert_eq!([9, 10, end - 1, end].map(|index| recent.has(index)), [false, true, true, false]);
    }

    #[test]
    fn a_gap_begins_anew() {
        let mut recent = Recent::default();
        recent.extend(0, leaves(0, 3).into_iter());
        recent.extend(5, leaves(5, 2).into_iter());
        assert_eq!(recent.between(0, 3), None);
        assert_eq!(recent.between(5, 7).unwrap(), leaves(5, 2));
    }
}
