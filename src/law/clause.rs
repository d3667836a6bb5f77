//! The conditions of a rule one by one, so that an explanation can say which of them failed.

use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy_core::ast::{Expr, ExprKind, Literal, Policy, UnaryOp, Var};

use super::plain::in_words;

/// One top-level condition of a rule: a conjunct of its `when`, or an `unless`.
#[derive(Clone, Debug)]
pub(super) struct Clause {
    /// True if the clause is an exception: the rule applies only where it does not hold.
    pub(super) unless: bool,
    /// As it stands in the book, on one line.
    pub(super) text: String,
    /// What it asks, in plain words.
    pub(super) words: String,
    pub(super) expr: Arc<Expr>,
    /// What it looks at: facts by their names, [`INSTRUMENT`], [`DATA`].
    pub(super) facts: BTreeSet<String>,
}

/// What a condition about `principal` looks at.
pub(super) const INSTRUMENT: &str = "instrument";

/// What a condition about `resource` looks at.
pub(super) const DATA: &str = "data";

impl Clause {
    /// The numbers of days from receipt at which it may turn: the number it asks about, and the one after it.
    pub(super) fn counted_days(&self) -> BTreeSet<i64> {
        let counts = |expr: &Expr| matches!(expr.expr_kind(), ExprKind::GetAttr { attr, .. } if attr == DAYS);
        let number = |expr: &Expr| match expr.expr_kind() {
            ExprKind::Lit(Literal::Long(number)) => Some(*number),
            _ => None,
        };
        let asked = self.expr.subexpressions().filter_map(|part| match part.expr_kind() {
            ExprKind::BinaryApp { arg1, arg2, .. } if counts(arg1) => number(arg2),
            ExprKind::BinaryApp { arg1, arg2, .. } if counts(arg2) => number(arg1),
            _ => None,
        });
        asked.flat_map(|days| [days, days.saturating_add(1)]).collect()
    }
}

/// The fact that counts.
const DAYS: &str = "days_since_received";

/// Takes a policy's conditions apart.
pub(super) fn clauses(policy: &Policy) -> Vec<Clause> {
    let mut clauses = Vec::new();
    if let Some(condition) = policy.non_scope_constraints_arc() {
        conjuncts(condition, &mut clauses);
    }
    clauses
}

fn conjuncts(expr: &Arc<Expr>, clauses: &mut Vec<Clause>) {
    match expr.expr_kind() {
        ExprKind::And { left, right } => {
            conjuncts(left, clauses);
            conjuncts(right, clauses);
        }
        // Cedar turns `unless { x }` into `!x`, at the place of the whole clause.
        ExprKind::UnaryApp { op: UnaryOp::Not, arg } if text_of(expr).starts_with("unless") => {
            exceptions(arg, clauses);
        }
        _ => clauses.push(clause(expr, false)),
    }
}

/// `unless { a || b }` are two exceptions.
fn exceptions(expr: &Arc<Expr>, clauses: &mut Vec<Clause>) {
    match expr.expr_kind() {
        ExprKind::Or { left, right } => {
            exceptions(left, clauses);
            exceptions(right, clauses);
        }
        _ => clauses.push(clause(expr, true)),
    }
}

fn clause(expr: &Arc<Expr>, unless: bool) -> Clause {
    let mut facts = BTreeSet::new();
    for part in expr.subexpressions() {
        match part.expr_kind() {
            ExprKind::GetAttr { expr: of, attr } if matches!(of.expr_kind(), ExprKind::Var(Var::Context)) => {
                facts.insert(attr.to_string());
            }
            ExprKind::Var(Var::Principal) => {
                facts.insert(INSTRUMENT.to_owned());
            }
            ExprKind::Var(Var::Resource) => {
                facts.insert(DATA.to_owned());
            }
            _ => {}
        }
    }
    Clause { unless, text: text_of(expr), words: in_words(expr), expr: Arc::clone(expr), facts }
}

/// The words of the book, with line breaks and indentation made into single spaces and comments left out.
fn text_of(expr: &Expr) -> String {
    let snippet =
        expr.source_loc().and_then(|loc| loc.snippet()).map_or_else(|| expr.to_string(), str::to_owned);
    let lines = snippet.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code));
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}
