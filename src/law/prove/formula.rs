//! Conditions put together from conditions.
//!
//! A formula is a Cedar expression over the facts of a question: the same language as the rules, so a rule is put in as
//! it stands. What is known to be true or false already is left out, because Cedar's validator would refuse it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cedar_policy_core::ast::{BinaryOp, EntityUID, Expr, ExprKind, Literal, UnaryOp, Var};

use crate::clock::Date;
use crate::law::vocabulary::{day_number, uid};

/// True of every question.
pub(super) fn yes() -> Expr {
    Expr::val(true)
}

/// True of no question.
pub(super) fn no() -> Expr {
    Expr::val(false)
}

/// Whether a formula is one or the other, whatever the question is.
pub(super) fn known(formula: &Expr) -> Option<bool> {
    match formula.expr_kind() {
        ExprKind::Lit(Literal::Bool(value)) => Some(*value),
        _ => None,
    }
}

/// All of them hold.
pub(super) fn all(parts: impl IntoIterator<Item = Expr>) -> Expr {
    joined(parts, true, Expr::and)
}

/// At least one of them holds.
pub(super) fn any(parts: impl IntoIterator<Item = Expr>) -> Expr {
    joined(parts, false, Expr::or)
}

/// As a tree and not as a chain, because Cedar walks it recursively.
fn joined(parts: impl IntoIterator<Item = Expr>, neutral: bool, join: fn(Expr, Expr) -> Expr) -> Expr {
    let mut open = Vec::new();
    for part in parts {
        match known(&part) {
            Some(value) if value == neutral => {}
            Some(_) => return part,
            None => open.push(part),
        }
    }
    while open.len() > 1 {
        let mut halved = Vec::with_capacity(open.len().div_ceil(2));
        let mut rest = open.into_iter();
        while let Some(left) = rest.next() {
            halved.push(match rest.next() {
                Some(right) => join(left, right),
                None => left,
            });
        }
        open = halved;
    }
    open.pop().unwrap_or_else(|| Expr::val(neutral))
}

pub(super) fn not(part: Expr) -> Expr {
    match known(&part) {
        Some(value) => Expr::val(!value),
        None => Expr::not(part),
    }
}

/// A fact by its name.
pub(super) fn fact(name: &str) -> Expr {
    Expr::get_attr(Expr::var(Var::Context), name.into())
}

/// A fact of yes or no that is as said.
pub(super) fn is(name: &str, value: bool) -> Expr {
    if value { fact(name) } else { not(fact(name)) }
}

pub(super) fn number(value: i64) -> Expr {
    Expr::val(value)
}

pub(super) fn day(date: Date) -> Expr {
    number(day_number(date))
}

/// A day among the facts that lies in `from` until before `until`.
pub(super) fn within(name: &str, from: Option<Date>, until: Option<Date>) -> Expr {
    let from = from.map(|from| Expr::lesseq(day(from), fact(name)));
    let until = until.map(|until| Expr::less(fact(name), day(until)));
    all(from.into_iter().chain(until))
}

pub(super) fn equals(name: &str, value: Expr) -> Expr {
    Expr::is_eq(fact(name), value)
}

/// A word of a closed vocabulary.
pub(super) fn word(type_name: &'static str, member: &str) -> Expr {
    let uid: EntityUID = AsRef::<EntityUID>::as_ref(&uid(type_name, member)).clone();
    Expr::val(uid)
}

/// The instrument, or the data, is this.
pub(super) fn var_is(var: Var, type_name: &'static str, member: &str) -> Expr {
    Expr::is_eq(Expr::var(var), word(type_name, member))
}

/// The instrument, or the data, is one of these.
pub(super) fn var_in<'m>(
    var: Var,
    type_name: &'static str,
    members: impl IntoIterator<Item = &'m str>,
) -> Expr {
    any(members.into_iter().map(|member| var_is(var, type_name, member)))
}

/// A set among the facts that holds exactly these.
pub(super) fn set_is<'m>(name: &str, members: impl IntoIterator<Item = &'m str>) -> Expr {
    let members: Vec<Expr> = members.into_iter().map(Expr::val).collect();
    // Cedar cannot tell of what type the members of an empty set would be.
    if members.is_empty() { Expr::is_empty(fact(name)) } else { equals(name, Expr::set(members)) }
}

/// A fact has a value that is written out.
pub(super) fn has_value(name: &str, value: &Expr) -> Expr {
    if is_empty_set(value) { Expr::is_empty(fact(name)) } else { equals(name, value.clone()) }
}

/// A set among the facts that holds this.
pub(super) fn holds(name: &str, member: &str) -> Expr {
    Expr::contains(fact(name), Expr::val(member))
}

/// The name of the fact that an expression is, if it is one.
pub(super) fn fact_of(expr: &Expr) -> Option<&str> {
    match expr.expr_kind() {
        ExprKind::GetAttr { expr: of, attr } if matches!(of.expr_kind(), ExprKind::Var(Var::Context)) => {
            Some(attr.as_ref())
        }
        _ => None,
    }
}

/// The facts that a formula looks at.
pub(super) fn facts_of(formula: &Expr) -> BTreeSet<&str> {
    formula.subexpressions().filter_map(fact_of).collect()
}

/// The formula in a world in which some facts are what they are said to be.
pub(super) fn settled(formula: &Expr, values: &BTreeMap<String, Expr>) -> Expr {
    let settle = |part: &Arc<Expr>| settled(part, values);
    if let Some(value) = fact_of(formula).and_then(|name| values.get(name)) {
        return value.clone();
    }
    match formula.expr_kind() {
        ExprKind::And { left, right } => all([settle(left), settle(right)]),
        ExprKind::Or { left, right } => any([settle(left), settle(right)]),
        ExprKind::UnaryApp { op: UnaryOp::Not, arg } => not(settle(arg)),
        ExprKind::UnaryApp { op: UnaryOp::IsEmpty, arg } => match settle(arg) {
            set if is_empty_set(&set) => yes(),
            set if matches!(set.expr_kind(), ExprKind::Set(_)) => no(),
            set => Expr::is_empty(set),
        },
        ExprKind::BinaryApp { op, arg1, arg2 } => compared(*op, settle(arg1), settle(arg2)),
        _ => formula.clone(),
    }
}

fn is_empty_set(expr: &Expr) -> bool {
    matches!(expr.expr_kind(), ExprKind::Set(members) if members.is_empty())
}

/// A comparison, decided where both sides are written out: Cedar has no type for a set that is written as empty.
fn compared(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    if let (ExprKind::Lit(a), ExprKind::Lit(b)) = (left.expr_kind(), right.expr_kind()) {
        match (op, a, b) {
            (BinaryOp::Eq, a, b) => return Expr::val(a == b),
            (BinaryOp::Less, Literal::Long(a), Literal::Long(b)) => return Expr::val(a < b),
            (BinaryOp::LessEq, Literal::Long(a), Literal::Long(b)) => return Expr::val(a <= b),
            _ => {}
        }
    }
    match (op, is_empty_set(&left), is_empty_set(&right)) {
        (BinaryOp::Contains, true, _) => no(),
        (BinaryOp::ContainsAny, true, _) | (BinaryOp::ContainsAny, _, true) => no(),
        (BinaryOp::ContainsAll, _, true) => yes(),
        (BinaryOp::Eq, true, true) => yes(),
        (BinaryOp::ContainsAll | BinaryOp::Eq, true, false) => Expr::is_empty(right),
        (BinaryOp::Eq, false, true) => Expr::is_empty(left),
        _ => Expr::binary_app(op, left, right),
    }
}

/// The days that a formula compares a fact with.
pub(super) fn days_in(formula: &Expr) -> BTreeSet<Date> {
    let numbers = formula.subexpressions().filter_map(|part| match part.expr_kind() {
        ExprKind::Lit(Literal::Long(number)) => Some(*number),
        _ => None,
    });
    numbers.filter_map(crate::law::vocabulary::day_from_number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Expr {
        text.parse().unwrap()
    }

    fn settle(text: &str, fact: &str, value: &str) -> String {
        settled(&read(text), &BTreeMap::from([(fact.to_owned(), read(value))])).to_string()
    }

    #[test]
    fn what_is_known_is_left_out() {
        assert_eq!(known(&all([yes(), yes()])), Some(true));
        assert_eq!(known(&all([fact("consent"), no()])), Some(false));
        assert_eq!(known(&any([fact("consent"), yes()])), Some(true));
        assert_eq!(known(&any([])), Some(false));
        assert_eq!(all([yes(), fact("consent")]), fact("consent"));
        assert_eq!(known(&not(no())), Some(true));
    }

    #[test]
    fn a_fact_that_is_settled_decides_what_it_can() {
        let dates = "context.decided >= 20180323 && context.issued < 20180323";
        assert_eq!(settle(dates, "decided", "20180322"), "false");
        assert_eq!(settle(dates, "decided", "20180323"), read("context.issued < 20180323").to_string());
        let agreement = "context.agreement_with.containsAny(context.rests_in)";
        assert_eq!(settle(agreement, "agreement_with", "[]"), "false");
        assert_eq!(settle(agreement, "rests_in", "[]"), "false");
        assert_eq!(settle("context.mlat_with.isEmpty()", "mlat_with", "[]"), "true");
        assert_eq!(settle("context.mlat_with.isEmpty()", "mlat_with", "[\"US\"]"), "false");
    }

    #[test]
    fn facts_and_days_are_found() {
        let formula = read("context.issued < 20180323 && !context.bound_by.contains(\"us-ca2\")");
        assert_eq!(facts_of(&formula), BTreeSet::from(["bound_by", "issued"]));
        assert_eq!(days_in(&formula).len(), 1);
    }
}
