//! Why, and why not: the conditions of a rule one by one, with the facts they looked at.

use std::sync::Arc;

use cedar_policy::{Expression, Request, eval_expression};
use serde::{Deserialize, Serialize};

use super::book::Article;
use super::clause::{Clause, DATA, INSTRUMENT};
use super::rule::{Keyed, Rule};
use super::vocabulary::{Values, Wanted};
use super::{Book, Law, Position, Question, RuleHit, days, request};
use crate::clock::Date;
use crate::world::Jurisdiction;

/// A law's position on a question with every rule that has a say on the act and the instrument: those that apply,
/// those that do not, and those that do not hold at the time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Explanation {
    pub position: Position,
    /// Rules in force, in the order of the book.
    pub verdicts: Vec<Verdict>,
    /// Rules on the same act, instrument and category that do not hold at the moment they are keyed to.
    pub not_in_force: Vec<NotInForce>,
}

/// Whether one rule applies, and by which of its conditions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Verdict {
    pub rule: RuleHit,
    pub applies: bool,
    pub conditions: Vec<Condition>,
}

/// How it stands with one rule on a question.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Hearing {
    Applies,
    /// In force, and these of its conditions are not met.
    Closed {
        failed: Vec<Condition>,
    },
    /// No version of it holds at the moment that it is keyed to.
    NotInForce {
        keyed: Keyed,
        on: Date,
    },
    /// It has no say on the act, the instrument or the data, or its law has no answer.
    NotAbout,
}

impl Explanation {
    /// How it stands with the rule of this id, of whose versions at most one holds at a time.
    pub fn hearing(&self, rule: &str) -> Hearing {
        if let Some(verdict) = self.verdicts.iter().find(|verdict| verdict.rule.id == rule) {
            return match verdict.applies {
                true => Hearing::Applies,
                false => Hearing::Closed { failed: verdict.failed().cloned().collect() },
            };
        }
        match self.not_in_force.iter().find(|version| version.rule.id == rule) {
            Some(NotInForce { keyed, on, .. }) => Hearing::NotInForce { keyed: *keyed, on: *on },
            None => Hearing::NotAbout,
        }
    }

    /// Rules in force that do not apply and fail on one condition only.
    pub fn near_misses(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|verdict| !verdict.applies && verdict.failed().count() == 1)
    }
}

impl Verdict {
    /// The conditions that keep the rule from applying.
    pub fn failed(&self) -> impl Iterator<Item = &Condition> {
        self.conditions.iter().filter(|condition| !condition.met)
    }
}

/// One condition of a rule.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Condition {
    /// As it stands in the book.
    pub text: String,
    /// What it asks, in plain words.
    pub words: String,
    /// True if it is an exception, so that it is met where the text does not hold.
    pub unless: bool,
    pub met: bool,
    /// The facts it looked at, by name, with their values in this question.
    pub facts: Vec<(String, String)>,
}

/// A rule that does not hold at the moment it is keyed to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NotInForce {
    pub rule: RuleHit,
    pub keyed: Keyed,
    /// The day of that moment.
    pub on: Date,
}

impl Law {
    /// Why a law holds what it holds on a question, and why its other rules do not apply.
    pub fn explain(&self, jurisdiction: &Jurisdiction, question: &Question) -> Explanation {
        let position = self.position(jurisdiction, question);
        let mut explanation = Explanation { position, verdicts: Vec::new(), not_in_force: Vec::new() };
        let (Some(book), Some(category)) =
            (self.books.get(jurisdiction), explanation.position.category.clone())
        else {
            return explanation;
        };
        let days = days(question, &book.header);
        // What cannot be put to Cedar is missing.
        let asked = request(question, &Values::of(&question.facts), &category, days, Wanted::ALL).ok();
        for article in book.about(question, &category) {
            let rule = &article.rule;
            let on = days.at(rule.keyed);
            if rule.holds_on(on) {
                let conditions = self.conditions(article, asked.as_ref());
                let applies = explanation.position.names_version(rule);
                explanation.verdicts.push(Verdict { rule: RuleHit(Arc::clone(rule)), applies, conditions });
            } else {
                let hit = RuleHit(Arc::clone(rule));
                explanation.not_in_force.push(NotInForce { rule: hit, keyed: rule.keyed, on });
            }
        }
        explanation
    }

    fn conditions(&self, article: &Article, asked: Option<&Request>) -> Vec<Condition> {
        let facts = asked.and_then(Request::context);
        let named =
            |entity: Option<&cedar_policy::EntityUid>| entity.map(|uid| uid.id().unescaped().to_owned());
        let value = |fact: &String| {
            let value = match fact.as_str() {
                INSTRUMENT => named(asked.and_then(Request::principal)),
                DATA => named(asked.and_then(Request::resource)),
                _ => facts.and_then(|context| context.get(fact)).map(|value| plain(&value)),
            };
            (fact.clone(), value.unwrap_or_else(|| "unknown".to_owned()))
        };
        let met = |clause: &Clause| {
            let Some(request) = asked else { return false };
            let expression = Expression::from((*clause.expr).clone());
            let holds = eval_expression(request, &self.nobody, &expression);
            // A condition that cannot be evaluated is not met, whichever way it points: nothing follows from it.
            matches!(holds, Ok(cedar_policy::EvalResult::Bool(holds)) if holds != clause.unless)
        };
        article
            .clauses
            .iter()
            .map(|clause| Condition {
                text: clause.text.clone(),
                words: clause.words.clone(),
                unless: clause.unless,
                met: met(clause),
                facts: clause.facts.iter().map(value).collect(),
            })
            .collect()
    }
}

impl Book {
    /// The rules about an act, an instrument and a category, in the order of the book.
    fn about<'b>(&'b self, question: &Question, category: &str) -> impl Iterator<Item = &'b Article> {
        let (act, instrument) = (question.act, question.instrument);
        let category = category.to_owned();
        self.articles.iter().map(|article| &**article).filter(move |article| {
            article.is_about(act, instrument)
                && article.category.as_ref().is_none_or(|name| *name == category)
        })
    }
}

impl Position {
    fn names_version(&self, rule: &Rule) -> bool {
        self.rules.iter().any(|hit| hit.id == rule.id && hit.from == rule.from)
    }
}

/// A value as a reader would write it: `IE, EU`, `20180323`, `yes`.
fn plain(value: &cedar_policy::EvalResult) -> String {
    use cedar_policy::EvalResult;
    match value {
        EvalResult::Bool(true) => "yes".to_owned(),
        EvalResult::Bool(false) => "no".to_owned(),
        EvalResult::Long(number) => number.to_string(),
        EvalResult::String(text) if text.is_empty() => "none".to_owned(),
        EvalResult::String(text) => text.clone(),
        EvalResult::EntityUid(uid) => uid.id().unescaped().to_owned(),
        EvalResult::Set(members) if members.is_empty() => "none".to_owned(),
        EvalResult::Set(members) => members.iter().map(plain).collect::<Vec<_>>().join(", "),
        EvalResult::Record(_) | EvalResult::ExtensionValue(_) => "?".to_owned(),
    }
}
