//! A condition in plain words: `context.served_in.contains("US")` is "the entity that was served can be found in US".

use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, Literal, UnaryOp, Var};

use super::vocabulary::{Kind, day_from_number, kind_of};
use crate::demand::InstrumentKind;

/// The condition as a sentence without a full stop.
pub(super) fn in_words(expr: &Expr) -> String {
    said(expr, true)
}

/// A fact and its value as a sentence: `the level of proof: probable cause`.
pub(super) fn stated(fact: &str, value: &str) -> String {
    match (kind_of(fact), value) {
        (Some(Kind::YesNo), "yes") => flag(fact).0.to_owned(),
        (Some(Kind::YesNo), _) => flag(fact).1.to_owned(),
        _ => format!("{}: {value}", named(fact).unwrap_or_else(|| about_name(fact, true))),
    }
}

/// The condition, or its opposite.
fn said(expr: &Expr, holds: bool) -> String {
    match expr.expr_kind() {
        ExprKind::And { left, right } => joined(left, right, if holds { "and" } else { "or" }, holds),
        ExprKind::Or { left, right } => joined(left, right, if holds { "or" } else { "and" }, holds),
        ExprKind::UnaryApp { op: UnaryOp::Not, arg } => said(arg, !holds),
        ExprKind::UnaryApp { op: UnaryOp::IsEmpty, arg } => {
            format!("{} {}", subject(arg), if holds { "nowhere" } else { "somewhere" })
        }
        ExprKind::BinaryApp { op, arg1, arg2 } => compared(*op, arg1, arg2, holds),
        _ => match fact(expr).map(flag) {
            Some((yes, no)) => if holds { yes } else { no }.to_owned(),
            None => format!("{}{expr}", if holds { "" } else { "not " }),
        },
    }
}

/// Chains of one word need no brackets; a change of the word does.
fn joined(left: &Expr, right: &Expr, word: &str, holds: bool) -> String {
    let part = |expr: &Expr| {
        let text = said(expr, holds);
        if joins_with(expr, holds).is_some_and(|other| other != word) { format!("({text})") } else { text }
    };
    format!("{} {word} {}", part(left), part(right))
}

/// The word that joins the parts of a condition, if it has parts.
fn joins_with(expr: &Expr, holds: bool) -> Option<&'static str> {
    match expr.expr_kind() {
        ExprKind::And { .. } => Some(if holds { "and" } else { "or" }),
        ExprKind::Or { .. } => Some(if holds { "or" } else { "and" }),
        ExprKind::UnaryApp { op: UnaryOp::Not, arg } => joins_with(arg, !holds),
        _ => None,
    }
}

fn compared(op: BinaryOp, left: &Expr, right: &Expr, holds: bool) -> String {
    match op {
        BinaryOp::Contains if matches!(left.expr_kind(), ExprKind::Set(_)) => {
            format!("{} {} {}", subject(right), is(holds), listed(left, "or"))
        }
        BinaryOp::Contains => format!("{} {}", about(left, holds), value(right)),
        // Two facts: a state with which there is a treaty, and one where a copy rests.
        BinaryOp::ContainsAny if fact(right).is_some() => {
            let which = match fact(right) {
                Some("rests_in") => "where a copy rests".to_owned(),
                _ => format!("of which it is so that {} it", about(right, true)),
            };
            format!("{} a state {which}", about(left, holds))
        }
        BinaryOp::ContainsAny => format!("{} any of {}", about(left, holds), listed(right, "or")),
        BinaryOp::ContainsAll => format!("{} all of {}", about(left, holds), listed(right, "and")),
        BinaryOp::Eq => match value(right).as_str() {
            "nobody's" => format!("{} {}", subject(left), if holds { "is nobody" } else { "is somebody" }),
            text => format!("{} {} {text}", subject(left), is(holds)),
        },
        BinaryOp::Less | BinaryOp::LessEq => ordered(op, left, right, holds),
        _ => "a condition that has no words".to_owned(),
    }
}

/// `a < b` and `a <= b`, with the fact first whichever side it stands on.
fn ordered(op: BinaryOp, left: &Expr, right: &Expr, holds: bool) -> String {
    let strict = op == BinaryOp::Less;
    let (subject_of, number, word) = match (fact(left), strict, holds) {
        (Some(_), true, true) => (left, right, "less than"),
        (Some(_), true, false) => (left, right, "at least"),
        (Some(_), false, true) => (left, right, "at most"),
        (Some(_), false, false) => (left, right, "more than"),
        (None, true, true) => (right, left, "more than"),
        (None, true, false) => (right, left, "at most"),
        (None, false, true) => (right, left, "at least"),
        (None, false, false) => (right, left, "less than"),
    };
    let date = fact(subject_of).and_then(kind_of) == Some(Kind::Day);
    let word = match (date, word) {
        (false, word) => word,
        (true, "less than") => "before",
        (true, "at least") => "on or after",
        (true, "at most") => "on or before",
        (true, _) => "after",
    };
    format!("{} is {word} {}", subject(subject_of), value(number))
}

fn is(holds: bool) -> &'static str {
    if holds { "is" } else { "is not" }
}

fn fact(expr: &Expr) -> Option<&str> {
    match expr.expr_kind() {
        ExprKind::GetAttr { expr: of, attr } if matches!(of.expr_kind(), ExprKind::Var(Var::Context)) => {
            Some(attr.as_ref())
        }
        _ => None,
    }
}

fn listed(expr: &Expr, last: &str) -> String {
    match expr.expr_kind() {
        ExprKind::Set(members) => {
            let words: Vec<String> = members.iter().map(value).collect();
            match words.split_last() {
                Some((one, [])) => one.clone(),
                Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
                None => "nothing".to_owned(),
            }
        }
        _ => value(expr),
    }
}

fn value(expr: &Expr) -> String {
    match expr.expr_kind() {
        ExprKind::Lit(Literal::String(text)) if text.is_empty() => "nobody's".to_owned(),
        ExprKind::Lit(Literal::String(text)) => text.to_string(),
        ExprKind::Lit(Literal::Long(number)) => {
            day_from_number(*number).map_or_else(|| number.to_string(), |day| day.to_string())
        }
        ExprKind::Lit(Literal::EntityUID(uid)) => {
            let text: &str = uid.eid().as_ref();
            match text.parse::<InstrumentKind>() {
                Ok(kind) => kind.in_words(),
                Err(_) => text.replace('-', " "),
            }
        }
        ExprKind::Lit(Literal::Bool(yes)) => if *yes { "so" } else { "not so" }.to_owned(),
        _ => subject(expr),
    }
}

/// What a fact is about, as the subject of a sentence.
fn subject(expr: &Expr) -> String {
    match expr.expr_kind() {
        ExprKind::Var(Var::Principal) => "the instrument".to_owned(),
        ExprKind::Var(Var::Resource) => "the data".to_owned(),
        _ => match fact(expr) {
            Some(name) => named(name).unwrap_or_else(|| about_name(name, true)).to_owned(),
            None => expr.to_string(),
        },
    }
}

/// A fact that has a name of its own.
fn named(fact: &str) -> Option<&'static str> {
    Some(match fact {
        "proof" => "the level of proof",
        "issuer" => "the issuer",
        "validator" => "whoever approved it first",
        "on_behalf_of" => "the demanding state",
        "executes_for" => "the state whose request it carries out",
        "term" => "the data wanted",
        "extensions" => "the number of extensions",
        "offence_years" => "the longest sentence, in years,",
        "issued" => "the day of issue",
        "received" => "the day of receipt",
        "decided" => "the day of the decision",
        "executed" => "the day of the act",
        "days_since_received" => "the number of days since receipt",
        "custody" => "whoever can use the key",
        "role" => "the holder's part in the case",
        _ => return None,
    })
}

/// A set of places or courts, as the start of a sentence that ends with one of them.
fn about(expr: &Expr, holds: bool) -> String {
    fact(expr).map_or_else(|| expr.to_string(), |name| about_name(name, holds).to_owned())
}

fn about_name(fact: &str, holds: bool) -> &'static str {
    let (yes, no) = match fact {
        "issuing_in" => ("the issuer sits in", "the issuer does not sit in"),
        "bound_by" => ("the issuer is bound by", "the issuer is not bound by"),
        "offence_in" => ("the offence was committed in", "the offence was not committed in"),
        "rests_in" => ("a copy rests in", "no copy rests in"),
        "served_in" => {
            ("the entity that was served can be found in", "the entity that was served cannot be found in")
        }
        "home_in" => ("head office is at home in", "head office is not at home in"),
        "established_in" => ("the provider is established in", "the provider is not established in"),
        "offers_in" => ("the provider offers its service in", "the provider does not offer its service in"),
        "retrievable_from" => ("its own staff can fetch it from", "its own staff cannot fetch it from"),
        "resides_in" => ("the holder lives in", "the holder does not live in"),
        "national_of" => ("the holder is a national of", "the holder is no national of"),
        "declared_in" => ("the holder declared to live in", "the holder did not declare to live in"),
        "mlat_with" => (
            "the demanding state has a treaty on assistance with",
            "the demanding state has no treaty on assistance with",
        ),
        "agreement_with" => (
            "the demanding state has an executive agreement with",
            "the demanding state has no executive agreement with",
        ),
        _ => ("something holds of", "nothing holds of"),
    };
    if holds { yes } else { no }
}

/// A fact that is so or not.
fn flag(fact: &str) -> (&'static str, &'static str) {
    match fact {
        "emergency" => ("life or limb is in danger", "nobody's life or limb is in danger"),
        "secrecy_ordered" => ("the demand bans telling anybody", "the demand bans nobody from telling"),
        "enforcing_notified" => {
            ("the enforcing authority was sent a copy", "the enforcing authority was sent no copy")
        }
        "cleared" => ("the enforcing authority cleared it", "the enforcing authority has not cleared it"),
        "many_subjects" => ("it names several accounts", "it names one account"),
        "offence_listed" => ("the offence is on the list", "the offence is not on the list"),
        "rests_known" => ("it is known where it rests", "nobody knows where it rests"),
        "moving" => ("it rests in pieces that move", "it does not move"),
        "residence_known" => ("it is known where the holder lives", "it is not known where the holder lives"),
        "nationality_known" => ("the holder's nationality is known", "the holder's nationality is not known"),
        "enterprise" => ("the account is an organisation's", "the account is a private person's"),
        "consent" => ("somebody entitled to has consented", "nobody entitled to has consented"),
        _ => ("something holds", "something does not hold"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Law;

    #[test]
    fn every_condition_of_every_book_has_words() {
        let law = Law::standard().unwrap();
        let mut seen = 0;
        for clause in law.books.values().flat_map(|book| &book.articles).flat_map(|article| &article.clauses)
        {
            seen += 1;
            for odd in ["context", "Literal", "something holds", "nothing holds", "no words", "::"] {
                assert!(!clause.words.contains(odd), "{} -> {}", clause.text, clause.words);
            }
        }
        assert!(seen > 300, "{seen}");
    }

    #[test]
    fn some_conditions_in_words() {
        let law = Law::standard().unwrap();
        let words: Vec<&str> = law
            .books
            .values()
            .flat_map(|book| &book.articles)
            .flat_map(|article| &article.clauses)
            .map(|clause| clause.words.as_str())
            .collect();
        for wanted in [
            "the entity that was served can be found in US",
            "the level of proof is probable cause",
            "the issuer is judge or court",
            "the day of issue is on or after 2018-03-23",
            "the day of issue is before 2018-03-23",
            "no copy rests in US",
            "a copy rests in US or nobody knows where it rests",
            "the number of days since receipt is at most 14",
            "the demanding state has an executive agreement with a state where a copy rests",
        ] {
            assert!(words.contains(&wanted), "{wanted}");
        }
    }
}
