//! The formulas of a position against the engine that decides, question by question. This needs no solver.

use cedar_policy::{EvalResult, Expression, eval_expression};

use super::encode::Encoding;
use crate::law::vocabulary::{Values, Wanted};
use crate::law::{Law, LawTest, PositionKind, Question, days, request};
use crate::world::Jurisdiction;

/// What the formulas say of one question to one law; several kinds, or none, would be a fault.
fn encoded(law: &Law, code: &Jurisdiction, question: &Question) -> Vec<PositionKind> {
    let book = &law.books[code];
    let encoding = Encoding::new(book, question.act);
    let kindred = encoding.kindred(&[question.class], &[question.purpose]);
    let [kindred] = kindred.as_slice() else { panic!("one class and one purpose are one kind of data") };
    let category = kindred.category.clone().unwrap_or_else(|| "nothing".to_owned());
    let values = Values::of(&question.facts);
    let days = days(question, &book.header);
    let request = request(question, &values, &category, days, Wanted::ALL).unwrap();
    let holds = |kind: &&PositionKind| {
        let formula = Expression::from(encoding.position(kindred, &[**kind]));
        match eval_expression(&request, &law.nobody, &formula) {
            Ok(EvalResult::Bool(holds)) => holds,
            other => panic!("{other:?}"),
        }
    };
    PositionKind::ALL.iter().filter(holds).copied().collect()
}

#[test]
fn the_formulas_hold_what_the_engine_holds() {
    let law = Law::standard().unwrap();
    let mut kinds = std::collections::BTreeMap::new();
    for test in LawTest::standard().unwrap() {
        for code in law.jurisdictions() {
            let position = law.position(code, &test.question);
            let encoded = encoded(&law, code, &test.question);
            assert_eq!(encoded, [position.kind], "{code}, {}: {position:?}", test.name);
            *kinds.entry(position.kind).or_insert(0) += 1;
        }
    }
    // Each kind of position was there to be told apart.
    assert_eq!(kinds.len(), PositionKind::ALL.len(), "{kinds:?}");
    assert!(kinds[&PositionKind::Compels] > 80, "{kinds:?}");
}

#[test]
fn the_formulas_of_several_kinds_are_those_of_each() {
    let law = Law::standard().unwrap();
    let tests = LawTest::standard().unwrap();
    let test = tests.iter().find(|test| test.expect == PositionKind::Bars).unwrap();
    let book = &law.books[&test.ask];
    let encoding = Encoding::new(book, test.question.act);
    let kindred = &encoding.kindred(&[test.question.class], &[test.question.purpose])[0];
    let category = kindred.category.clone().unwrap();
    let values = Values::of(&test.question.facts);
    let days = days(&test.question, &book.header);
    let request = request(&test.question, &values, &category, days, Wanted::ALL).unwrap();
    let formula = encoding.position(kindred, &[PositionKind::Silent, PositionKind::Bars]);
    let held = eval_expression(&request, &law.nobody, &Expression::from(formula));
    assert_eq!(held.unwrap(), EvalResult::Bool(true));
}
