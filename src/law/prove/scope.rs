//! Which rules a claim could be about: those on its acts, its instruments and its days.

use super::claim::{Claim, Conclusion};
use crate::clock::Date;
use crate::demand::{Act, InstrumentKind};
use crate::law::book::Article;
use crate::law::rule::Keyed;

/// A span of days; an end that is absent is open.
type Span = (Option<Date>, Option<Date>);

/// What a claim could be about.
pub(super) struct Scope<'a> {
    pub(super) acts: &'a [Act],
    /// None: any.
    pub(super) instruments: Option<&'a [InstrumentKind]>,
    /// Days of the decision.
    pub(super) days: Vec<Span>,
}

impl Scope<'_> {
    /// True if the rule is about one of the acts, with one of the instruments.
    pub(super) fn asks(&self, article: &Article) -> bool {
        let instruments = self.instruments.unwrap_or(&InstrumentKind::ALL);
        self.acts.iter().any(|act| instruments.iter().any(|i| article.is_about(*act, *i)))
    }

    /// The same, on one of the days.
    pub(super) fn has(&self, article: &Article) -> bool {
        self.asks(article) && (self.days.is_empty() || self.days.iter().any(|span| holds_in(article, *span)))
    }
}

impl Claim {
    pub(super) fn scope(&self) -> Scope<'_> {
        Scope {
            acts: &self.acts,
            instruments: self.instruments.as_deref(),
            days: days(Some(&self.conclusion), self.from, self.until),
        }
    }
}

/// True if the rule can bear on a decision of these days. What it is keyed to may have happened before the decision, so
/// a rule that has ended by then can still matter, unless it is keyed to the decision or the act itself.
fn holds_in(article: &Article, (from, until): Span) -> bool {
    let rule = &article.rule;
    let begun = rule.from.is_some_and(|first| until.is_none_or(|until| first < until));
    let earlier = matches!(rule.keyed, Keyed::Issued | Keyed::Received);
    begun && (earlier || rule.until.is_none_or(|end| from.is_none_or(|from| from < end)))
}

/// The days that a claim speaks of.
pub(super) fn days(conclusion: Option<&Conclusion>, from: Option<Date>, until: Option<Date>) -> Vec<Span> {
    match conclusion {
        Some(Conclusion::Keeps { worlds, .. }) => {
            worlds.iter().map(|world| (Some(world.at), world.at.tomorrow().ok())).collect()
        }
        _ => vec![(from, until)],
    }
}
