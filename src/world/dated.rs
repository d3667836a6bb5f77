use std::ops::Range;

use super::reading::{RawDate, Reading};
use crate::clock::Date;

/// A rule that changes on certain dates: the first entry holds from the beginning, each later one from its date.
///
/// Built from at least one entry, in order of date, so that there is an answer for every date.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dated<T> {
    first: T,
    later: Vec<(Date, T)>,
}

impl<T> Dated<T> {
    /// What holds on a date.
    pub fn at(&self, date: Date) -> &T {
        self.later.iter().rev().find(|(from, _)| *from <= date).map_or(&self.first, |(_, entry)| entry)
    }

    /// All entries in order, the first without a date.
    pub fn entries(&self) -> impl Iterator<Item = (Option<Date>, &T)> {
        std::iter::once((None, &self.first))
            .chain(self.later.iter().map(|(date, entry)| (Some(*date), entry)))
    }
}

/// An entry as a file gives it: its first day, a place for errors, and what it says, if that could be read.
pub(super) struct RawEntry<'a, T> {
    pub from: Option<&'a RawDate>,
    pub span: Range<usize>,
    pub value: Option<T>,
}

impl<T> Dated<T> {
    /// Reads the entries of a list; `kind` says of what, and `span` is where the list stands.
    pub(super) fn read(
        kind: &str,
        span: Range<usize>,
        entries: Vec<RawEntry<'_, T>>,
        reading: &mut Reading,
    ) -> Option<Self> {
        let mut entries = entries.into_iter();
        let Some(first) = entries.next() else {
            reading.wrong(
                span,
                format!("the {kind} has no entry"),
                "write one, which holds from the beginning",
            );
            return None;
        };
        if let Some(from) = first.from {
            let what = format!("the first entry of the {kind} has a `from`");
            reading.wrong(from.span(), what, "it holds from the beginning: leave `from` out");
        }
        let mut later: Vec<(Date, T)> = Vec::new();
        let mut whole = first.from.is_none();
        for entry in entries {
            let Some(from) = entry.from else {
                let what = format!("a later entry of the {kind} has no `from`");
                let help = "write the first day on which it holds, such as `from = 2018-03-23`";
                reading.wrong(entry.span, what, help);
                whole = false;
                continue;
            };
            let (Some(date), Some(value)) = (reading.date(from), entry.value) else {
                whole = false;
                continue;
            };
            if let Some((last, _)) = later.last().filter(|(last, _)| date <= *last) {
                let what = format!("in the {kind}, {date} stands after {last}");
                reading.wrong(
                    from.span(),
                    what,
                    "write the entries in the order of their days, one for each day",
                );
                whole = false;
            }
            later.push((date, value));
        }
        first.value.filter(|_| whole).map(|first| Dated { first, later })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_holds_from_its_first_day_on() {
        let date = |text: &str| text.parse::<Date>().unwrap();
        let rule = Dated { first: "a", later: vec![(date("2018-03-23"), "b"), (date("2020-01-01"), "c")] };
        assert_eq!(*rule.at(date("0001-01-01")), "a");
        assert_eq!(*rule.at(date("2018-03-22")), "a");
        assert_eq!(*rule.at(date("2018-03-23")), "b");
        assert_eq!(*rule.at(date("2019-12-31")), "b");
        assert_eq!(*rule.at(date("9999-12-31")), "c");
    }
}
