//! From a claim to formulas: one for each law, act and kind of data.

use std::collections::BTreeMap;

use cedar_policy_core::ast::{Expr, Var};

use super::claim::{Claim, Conclusion, Moment};
use super::encode::{Encoding, Kindred, applies};
use super::formula::{all, any, day, not, number, settled, var_in, within, yes};
use crate::demand::{Act, Purpose};
use crate::law::book::Article;
use crate::law::rule::Effect;
use crate::law::{Header, Law, PositionKind};
use crate::world::{DataClass, Jurisdiction};

/// What is asked of the solver about one law, one act, and data that the law treats alike.
pub(super) struct Query<'l> {
    pub(super) law: &'l Jurisdiction,
    pub(super) act: Act,
    pub(super) kindred: Kindred,
    /// A question that the claim is about. If no law has one the claim says nothing.
    pub(super) concerned: Expr,
    /// A question that settles the claim: that refutes it, or, if it says that there is a case, that is one.
    pub(super) settles: Expr,
    /// The positions that such a question has. Empty where the claim is about rules.
    pub(super) kinds: Vec<PositionKind>,
    /// The rules that the formulas are about, of those on the claim's instruments. When a rule begins and ends is a part
    /// of it, so those of other days are among them.
    pub(super) rules: Vec<&'l Article>,
    /// The same without the rest of the book, where a claim that is stronger leaves it out.
    pub(super) stronger: Option<Stronger<'l>>,
}

/// That no position compels follows from no rule applying that compels; then it does not matter how the others are read.
pub(super) struct Stronger<'l> {
    pub(super) settles: Expr,
    pub(super) rules: Vec<&'l Article>,
}

impl Query<'_> {
    /// A class and a purpose that stand for all that are treated alike.
    pub(super) fn class(&self) -> (DataClass, Purpose) {
        self.kindred.classes.first().copied().unwrap_or((DataClass::Content, Purpose::Evidence))
    }
}

/// Every query that a claim comes down to. There is none for a claim that rules never fail.
pub(super) fn queries<'l>(law: &'l Law, claim: &'l Claim) -> Vec<Query<'l>> {
    let (mut queries, scope) = (Vec::new(), claim.scope());
    for (code, numbers) in &claim.rules {
        let Some((code, book)) = law.books.get_key_value(code) else { continue };
        for act in &claim.acts {
            let encoding = Encoding::new(book, *act);
            for kindred in encoding.kindred(&claim.classes, &claim.purposes) {
                let named = |numbers: &[usize]| -> Vec<&'l Article> {
                    let of_claim = numbers.iter().filter_map(|number| book.articles.get(*number));
                    let rules: Vec<_> = encoding.rules(&kindred).collect();
                    of_claim
                        .map(|a| &**a)
                        .filter(|a| rules.iter().any(|rule| std::ptr::eq(*rule, *a)))
                        .collect()
                };
                let premise = premise(claim, &book.header, &encoding, &kindred);
                let covered = encoding.covers(&kindred);
                let some = |rules: &[&Article]| any(rules.iter().map(|article| applies(article)));
                let position = |kinds: &[PositionKind]| encoding.position(&kindred, kinds);
                let whole: Vec<&Article> = encoding.rules(&kindred).filter(|rule| scope.asks(rule)).collect();
                let mut stronger = None;
                let of_rules = named(numbers);
                let (concerned, settles, kinds, rules) = match &claim.conclusion {
                    Conclusion::NeverErrors => continue,
                    Conclusion::Never(kinds) => {
                        stronger = with_effects(kinds).map(|effects| {
                            let all_rules = encoding.rules(&kindred);
                            let of_effect = |rule: &&Article| effects.contains(&rule.rule.effect);
                            let settles = any(all_rules.filter(of_effect).map(applies));
                            let rules = whole.iter().copied().filter(of_effect).collect();
                            Stronger { settles: all([premise.clone(), covered.clone(), settles]), rules }
                        });
                        (covered, position(kinds), kinds.clone(), whole)
                    }
                    Conclusion::Always(kinds) => (covered, not(position(kinds)), others(kinds), whole),
                    Conclusion::Sometimes(kinds) => (covered, position(kinds), kinds.clone(), whole),
                    Conclusion::NoneApplies | Conclusion::SomeApplies => {
                        (covered.clone(), all([covered, some(&of_rules)]), Vec::new(), of_rules)
                    }
                    Conclusion::Implies(implied) => {
                        let implied = named(implied.get(code).map_or(&[], Vec::as_slice));
                        let left = all([covered, some(&of_rules)]);
                        let settles = all([left.clone(), not(some(&implied))]);
                        (left, settles, Vec::new(), of_rules.into_iter().chain(implied).collect())
                    }
                    Conclusion::Keeps { what, then, worlds: [before, after] } => {
                        let had = in_world(&all([premise.clone(), position(what)]), before);
                        let lost = in_world(&all([premise, not(position(then))]), after);
                        let settles = all([had.clone(), lost]);
                        let (act, kinds, rules) = (*act, others(then), whole);
                        let concerned = had;
                        queries.push(Query {
                            law: code,
                            act,
                            kindred,
                            concerned,
                            settles,
                            kinds,
                            rules,
                            stronger: None,
                        });
                        continue;
                    }
                };
                queries.push(Query {
                    law: code,
                    act: *act,
                    concerned: all([premise.clone(), concerned]),
                    settles: all([premise, settles]),
                    kinds,
                    rules,
                    kindred,
                    stronger,
                });
            }
        }
    }
    queries
}

/// The effects without which a position is none of these; none where a position can come about without any.
fn with_effects(kinds: &[PositionKind]) -> Option<Vec<Effect>> {
    let effect = |kind: &PositionKind| match kind {
        PositionKind::Compels => Some(Effect::Compels),
        PositionKind::Bars => Some(Effect::Bars),
        PositionKind::Allows => Some(Effect::Allows),
        PositionKind::Open | PositionKind::Silent | PositionKind::NotCovered => None,
    };
    kinds.iter().map(effect).collect()
}

fn others(kinds: &[PositionKind]) -> Vec<PositionKind> {
    PositionKind::ALL.iter().copied().filter(|kind| !kinds.contains(kind)).collect()
}

/// The days, instruments and conditions of the claim. Where it sets no end to its days the book does.
fn premise(claim: &Claim, header: &Header, encoding: &Encoding, kindred: &Kindred) -> Expr {
    let days = match claim.conclusion {
        // Of two days, which are settled later.
        Conclusion::Keeps { .. } => yes(),
        _ => {
            let from = claim.from.map_or(header.from, |from| from.max(header.from));
            let until = claim.until.map_or(header.until, |until| until.min(header.until));
            within("decided", Some(from), Some(until))
        }
    };
    let instruments = claim.instruments.as_ref().map_or_else(yes, |instruments| {
        var_in(Var::Principal, "Instrument", instruments.iter().map(|instrument| instrument.as_str()))
    });
    let given = claim.given.iter().map(|given| (*given.formula).clone());
    all([days, instruments, encoding.is_about(kindred)].into_iter().chain(given))
}

/// A formula in the world of a moment: everything happens on its day, and some facts are as it says.
fn in_world(formula: &Expr, moment: &Moment) -> Expr {
    settled(formula, &values(moment))
}

/// What is settled in the world of a moment.
fn values(moment: &Moment) -> BTreeMap<String, Expr> {
    let mut values: BTreeMap<String, Expr> =
        ["received", "decided", "executed"].map(|name| (name.to_owned(), day(moment.at))).into();
    values.insert("days_since_received".to_owned(), number(0));
    values.extend(moment.set.iter().map(|setting| (setting.fact.clone(), (*setting.to).clone())));
    values
}
