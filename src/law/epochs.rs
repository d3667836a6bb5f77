//! Rules sorted in advance: by act, instrument, category and key moment, and along time by legal epoch.
//!
//! An epoch is a run of days on which the same rules hold. A question is then a few binary searches, and Cedar sees
//! only the rules that could apply, and of the facts only those that these rules look at.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::book::Article;
use super::header::Header;
use super::names::{act_index, instrument_index};
use super::rule::Keyed;
use super::vocabulary::Wanted;
use crate::clock::Date;
use crate::demand::{Act, InstrumentKind};

/// The rules of a book, sorted in advance.
#[derive(Debug, Default)]
pub(super) struct Index {
    timelines: HashMap<Key, [Timeline; Keyed::ALL.len()]>,
}

/// Act, instrument, and the number of a category in [`Index`]'s book.
type Key = (usize, usize, String);

/// The epochs of one key and one moment.
#[derive(Debug, Default)]
struct Timeline {
    /// First days, ascending. Before the first, no rule holds.
    starts: Vec<Date>,
    /// As many as there are starts.
    epochs: Vec<Arc<Epoch>>,
}

/// Rules that hold on the same days.
#[derive(Debug)]
pub(super) struct Epoch {
    /// Their numbers in the book.
    pub(super) rules: Vec<usize>,
    /// The facts that any of them looks at.
    pub(super) facts: Wanted,
}

impl Timeline {
    fn at(&self, date: Date) -> Option<&Epoch> {
        let epoch = self.starts.partition_point(|start| *start <= date).checked_sub(1)?;
        Some(&self.epochs[epoch])
    }
}

impl Index {
    pub(super) fn build(header: &Header, articles: &[Arc<Article>]) -> Index {
        let mut index = Index::default();
        // Most epochs hold the same rules as some other; each set of rules is made once.
        let mut sets: BTreeMap<Vec<usize>, Arc<Epoch>> = BTreeMap::new();
        for act in Act::ALL {
            for instrument in InstrumentKind::ALL {
                for category in header.category_names() {
                    let about: Vec<usize> = (0..articles.len())
                        .filter(|i| {
                            let article = &articles[*i];
                            article.is_about(act, instrument)
                                && article.category.as_deref().is_none_or(|name| name == category)
                        })
                        .collect();
                    if about.is_empty() {
                        continue;
                    }
                    let mut timelines: [Timeline; Keyed::ALL.len()] = Default::default();
                    for (timeline, keyed) in timelines.iter_mut().zip(Keyed::ALL) {
                        *timeline = self::timeline(articles, &about, *keyed, &mut sets);
                    }
                    let key = (act_index(act), instrument_index(instrument), category.to_owned());
                    index.timelines.insert(key, timelines);
                }
            }
        }
        index
    }

    /// The rules that could apply, by moment: those keyed to `moment` that hold on `date`.
    pub(super) fn rules(&self, key: &Key, keyed: Keyed, date: Date) -> Option<&Epoch> {
        self.timelines.get(key)?[keyed as usize].at(date).filter(|epoch| !epoch.rules.is_empty())
    }

    pub(super) fn key(act: Act, instrument: InstrumentKind, category: &str) -> Key {
        (act_index(act), instrument_index(instrument), category.to_owned())
    }
}

fn timeline(
    articles: &[Arc<Article>],
    about: &[usize],
    keyed: Keyed,
    sets: &mut BTreeMap<Vec<usize>, Arc<Epoch>>,
) -> Timeline {
    let rules: Vec<usize> = about.iter().copied().filter(|i| articles[*i].rule.keyed == keyed).collect();
    let starts: BTreeSet<Date> =
        rules.iter().flat_map(|i| [articles[*i].rule.from, articles[*i].rule.until]).flatten().collect();
    let mut timeline = Timeline::default();
    for start in starts {
        let hold: Vec<usize> = rules.iter().copied().filter(|i| articles[*i].rule.holds_on(start)).collect();
        let set = match sets.get(&hold) {
            Some(set) => Arc::clone(set),
            None => {
                let clauses = hold.iter().flat_map(|i| &articles[*i].clauses);
                let facts = Wanted::named(clauses.flat_map(|clause| &clause.facts).map(String::as_str));
                let set = Arc::new(Epoch { rules: hold.clone(), facts });
                sets.insert(hold, Arc::clone(&set));
                set
            }
        };
        timeline.starts.push(start);
        timeline.epochs.push(set);
    }
    timeline
}
