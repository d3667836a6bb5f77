//! A claim about the law: what it says, of which rules, for which days, under which conditions, and whether it is
//! expected to hold. Read from `config/law/claims/*.toml`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use cedar_policy_core::ast::Expr;
use serde::Serialize;

use crate::clock::Date;
use crate::demand::{Act, InstrumentKind, Purpose};
use crate::law::PositionKind;
use crate::law::names::named;
use crate::world::{DataClass, Jurisdiction};

/// A claim, read and checked against the law it is about.
#[derive(Clone, Debug)]
pub struct Claim {
    pub id: String,
    /// The claim in one or two plain sentences, exactly as wide as it is.
    pub says: String,
    /// What somebody who reads the result should know beside it.
    pub note: Option<String>,
    pub expect: Expected,
    /// Where it stands: file and line.
    pub written: (String, usize),
    /// The rules that it is about, by law, as their numbers in the book.
    pub(super) rules: BTreeMap<Jurisdiction, Vec<usize>>,
    /// True if it is about all rules of all laws, so that a law which has none for such a question is left out.
    pub(super) of_every_law: bool,
    /// The days of the decision that it is claimed for; without an end, those of the book.
    pub from: Option<Date>,
    pub until: Option<Date>,
    pub acts: Vec<Act>,
    /// None: any instrument.
    pub instruments: Option<Vec<InstrumentKind>>,
    pub classes: Vec<DataClass>,
    pub purposes: Vec<Purpose>,
    /// What is assumed of the world, and the conditions of the claim itself.
    pub given: Vec<Given>,
    pub(super) conclusion: Conclusion,
}

named! {
    /// What a claim is expected to be found to be.
    Expected {
        Holds = "holds",
        Refuted = "refuted",
    }
}

/// One condition under which a claim is made.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Given {
    /// In plain words.
    pub words: String,
    /// The same in Cedar.
    pub cedar: String,
    /// True if it is assumed of the world, and not a part of the claim itself.
    pub assumed: bool,
    #[serde(skip)]
    pub(super) formula: Arc<Expr>,
}

/// What is claimed of every question, or of one.
#[derive(Clone, Debug)]
pub(super) enum Conclusion {
    /// No rule can fail to evaluate.
    NeverErrors,
    /// The position of each law is none of these.
    Never(Vec<PositionKind>),
    /// The position of each law is one of these.
    Always(Vec<PositionKind>),
    /// On some question the position of some law is one of these.
    Sometimes(Vec<PositionKind>),
    /// None of the rules applies.
    NoneApplies,
    /// On some question one of the rules applies.
    SomeApplies,
    /// Wherever one of the rules applies, one of these does too.
    Implies(BTreeMap<Jurisdiction, Vec<usize>>),
    /// Where the position is one of `what` in the first world, it is one of `then` in the second.
    Keeps { what: Vec<PositionKind>, then: Vec<PositionKind>, worlds: [Moment; 2] },
}

impl Conclusion {
    /// True if it is about every question, so that it could be true of nothing.
    pub(super) fn is_universal(&self) -> bool {
        !matches!(self, Conclusion::Sometimes(_) | Conclusion::SomeApplies | Conclusion::NeverErrors)
    }
}

/// One of the two worlds that a claim compares: a day, and facts that are different in it.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    /// The day of receipt, of the decision and of the act.
    pub(super) at: Date,
    /// Facts that have a value of their own in it.
    pub(super) set: Vec<Setting>,
}

/// A fact that is given a value.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) fact: String,
    pub(super) words: String,
    pub(super) to: Arc<Expr>,
}

impl Claim {
    /// The laws that it is about.
    pub fn laws(&self) -> impl Iterator<Item = &Jurisdiction> {
        self.rules.keys()
    }

    /// For which days it is claimed, in words.
    pub fn days(&self) -> String {
        if let Conclusion::Keeps { worlds: [before, after], .. } = &self.conclusion {
            return format!("{} against {}", before.at, after.at);
        }
        match (self.from, self.until) {
            (None, None) => "every day of the books".to_owned(),
            (Some(from), None) => format!("from {from}"),
            (None, Some(until)) => format!("before {until}"),
            (Some(from), Some(until)) => {
                let last = until.yesterday().unwrap_or(until);
                if last == from { format!("on {from}") } else { format!("from {from} to {last}") }
            }
        }
    }

    /// How it is put, in words: `no position compels`.
    pub fn form(&self) -> String {
        let words =
            |kinds: &[PositionKind]| kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" or ");
        match &self.conclusion {
            Conclusion::NeverErrors => "no rule can fail to evaluate".to_owned(),
            Conclusion::Never(kinds) => format!("the position is never: {}", words(kinds)),
            Conclusion::Always(kinds) => format!("the position is always: {}", words(kinds)),
            Conclusion::Sometimes(kinds) => {
                format!("there is a case in which the position is: {}", words(kinds))
            }
            Conclusion::NoneApplies => "none of the rules ever applies".to_owned(),
            Conclusion::SomeApplies => "there is a case in which one of the rules applies".to_owned(),
            Conclusion::Implies(_) => "where one of the rules applies, one of the others does too".to_owned(),
            Conclusion::Keeps { what, then, worlds } => {
                let [before, after] = worlds.each_ref().map(Moment::to_string);
                let (what, then) = (words(what), words(then));
                format!("whatever is in the position {what} {before} is in the position {then} {after}")
            }
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "on {}", self.at)?;
        self.set.iter().try_for_each(|setting| write!(f, ", {}", setting.words))
    }
}
