//! What a law book holds, as formulas: when a rule applies on a day, which questions the book covers, and what its rules
//! add up to. It is the same arithmetic as [`crate::law::position`] and [`crate::law::epochs`], said over all questions
//! at once instead of computed for one; tests hold the two against each other.

use cedar_policy_core::ast::{self, BinaryOp, Expr, ExprKind, Literal, Var};

use super::formula::{all, any, equals, fact, no, not, var_in, var_is, within, word, yes};
use crate::demand::{Act, Purpose};
use crate::law::book::Article;
use crate::law::header::{Category, Header, ProcessOf};
use crate::law::names::{TERMS, term_str};
use crate::law::rule::{Effect, Keyed};
use crate::law::{Book, PositionKind};
use crate::world::DataClass;

/// Classes of data that one book treats alike: it has one word for them, and rules on them for the same questions.
#[derive(Clone, Debug)]
pub(super) struct Kindred {
    pub(super) classes: Vec<(DataClass, Purpose)>,
    /// What the book calls them; none if it has no word.
    pub(super) category: Option<String>,
    /// On which questions the book has rules.
    covered: Expr,
}

/// One book asked about one act.
pub(super) struct Encoding<'l> {
    book: &'l Book,
    act: Act,
}

impl<'l> Encoding<'l> {
    pub(super) fn new(book: &'l Book, act: Act) -> Self {
        Encoding { book, act }
    }

    /// The classes, sorted by how the book treats them.
    pub(super) fn kindred(&self, classes: &[DataClass], purposes: &[Purpose]) -> Vec<Kindred> {
        let mut found: Vec<Kindred> = Vec::new();
        for class in classes {
            for purpose in purposes {
                let covered = covered(&self.book.header, self.act, *class);
                let category = match self.book.header.category(*class, *purpose) {
                    Some(Category::Called(name)) => Some(name.clone()),
                    Some(Category::NotCovered(_)) | None => None,
                };
                let covered = if category.is_some() { covered } else { no() };
                let alike = |k: &&mut Kindred| k.category == category && k.covered.eq_shape(&covered);
                match found.iter_mut().find(alike) {
                    Some(kindred) => kindred.classes.push((*class, *purpose)),
                    None => found.push(Kindred { classes: vec![(*class, *purpose)], category, covered }),
                }
            }
        }
        found
    }

    /// The rules that could apply to this data on some day.
    pub(super) fn rules(&self, kindred: &Kindred) -> impl Iterator<Item = &'l Article> {
        let (act, category) = (self.act, kindred.category.clone());
        self.book.articles.iter().map(|article| &**article).filter(move |article| {
            let about = |name: &String| {
                article.category.as_ref().is_none_or(|only| only == name)
                    && article.clauses.iter().all(|clause| clause.unless || allows(&clause.expr, name))
            };
            article.acts.contains(&act) && category.as_ref().is_some_and(about) && article.rule.from.is_some()
        })
    }

    /// The data is what the book calls by this word.
    pub(super) fn is_about(&self, kindred: &Kindred) -> Expr {
        kindred.category.as_ref().map_or_else(yes, |name| var_is(Var::Resource, "Data", name))
    }

    /// The book has rules for the question.
    pub(super) fn covers(&self, kindred: &Kindred) -> Expr {
        kindred.covered.clone()
    }

    /// The position on the question is one of these.
    pub(super) fn position(&self, kindred: &Kindred, kinds: &[PositionKind]) -> Expr {
        let some = |effect: Effect| {
            any(self.rules(kindred).filter(|article| article.rule.effect == effect).map(applies))
        };
        let (compels, bars, allows, open) =
            (some(Effect::Compels), some(Effect::Bars), some(Effect::Allows), some(Effect::Open));
        let none_of = |parts: &[&Expr]| all(parts.iter().map(|part| not((*part).clone())));
        any(kinds.iter().map(|kind| {
            let holds = match kind {
                PositionKind::NotCovered => return not(kindred.covered.clone()),
                PositionKind::Open => any([
                    open.clone(),
                    all([compels.clone(), bars.clone()]),
                    all([bars.clone(), allows.clone()]),
                ]),
                PositionKind::Compels => all([compels.clone(), none_of(&[&bars, &open])]),
                PositionKind::Bars => all([bars.clone(), none_of(&[&compels, &allows, &open])]),
                PositionKind::Allows => all([allows.clone(), none_of(&[&compels, &bars, &open])]),
                PositionKind::Silent => none_of(&[&compels, &bars, &allows, &open]),
            };
            all([kindred.covered.clone(), holds])
        }))
    }
}

/// False for a condition `[Data::"...", ...].contains(resource)` that leaves a category out.
fn allows(condition: &Expr, category: &str) -> bool {
    let ExprKind::BinaryApp { op: BinaryOp::Contains, arg1, arg2 } = condition.expr_kind() else {
        return true;
    };
    let (ExprKind::Set(members), ExprKind::Var(Var::Resource)) = (arg1.expr_kind(), arg2.expr_kind()) else {
        return true;
    };
    members.iter().any(|member| match member.expr_kind() {
        ExprKind::Lit(Literal::EntityUID(uid)) => AsRef::<str>::as_ref(uid.eid()) == category,
        _ => true,
    })
}

/// The rule holds on its day, and all of its conditions are met.
pub(super) fn applies(article: &Article) -> Expr {
    let policy: &ast::Policy = article.policy.as_ref();
    let rule = &article.rule;
    match rule.from {
        Some(from) => all([policy.condition(), within(rule.keyed.as_str(), Some(from), rule.until)]),
        None => no(),
    }
}

/// On which questions about an act and a class the book has rules; the twin of `Book::covers`.
fn covered(header: &Header, act: Act, class: DataClass) -> Expr {
    let spanned =
        Keyed::ALL.iter().map(|keyed| within(keyed.as_str(), Some(header.from), Some(header.until)));
    let mut doors = Vec::new();
    for process in [ProcessOf::Own, ProcessOf::Foreign] {
        let own = Expr::contains(fact("issuing_in"), Expr::val(header.jurisdiction.as_str()));
        for term in TERMS {
            // Instruments with the same days share a door.
            let mut by_days: Vec<(Vec<_>, Vec<&str>)> = Vec::new();
            for instrument in crate::demand::InstrumentKind::ALL {
                let days = header.covered_days(process, act, instrument, term, class);
                match by_days.iter_mut().find(|(other, _)| *other == days) {
                    Some((_, instruments)) => instruments.push(instrument.as_str()),
                    None => by_days.push((days, vec![instrument.as_str()])),
                }
            }
            for (days, instruments) in by_days {
                let on_days = any(days.into_iter().map(|(from, until)| within("decided", from, until)));
                doors.push(all([
                    on_days,
                    var_in(Var::Principal, "Instrument", instruments),
                    equals("term", word("Term", term_str(term))),
                    if process == ProcessOf::Own { own.clone() } else { not(own.clone()) },
                ]));
            }
        }
    }
    all(spanned.chain([any(doors)]))
}
