//! Settles claims with a solver.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use cedar_policy_core::ast::{Expr, ExprKind, Literal, Var};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::claim::{Claim, Conclusion};
use super::example::Example;
use super::formula::{self, all, any, days_in, equals, fact, facts_of, has_value, is, number, word};
use super::query::{Query, queries};
use super::result::{Finding, Proof, Relied, Settled, Verdict};
use super::scene::Scene;
use super::solver::{Model, Solver, SolverError};
use super::words;
use crate::clock::Date;
use crate::law::Law;
use crate::law::vocabulary::{FACTS, Kind};
use crate::world::{Jurisdiction, World};

/// Settles claims, several at a time, each with a solver of its own, and hands over each proof as it is found. The
/// solvers end with this future, whether it is done or dropped.
pub async fn prove(
    law: &Arc<Law>,
    world: &Arc<World>,
    claims: Vec<Claim>,
    solver: &Path,
    workers: usize,
    mut done: impl FnMut(&Proof),
) -> Result<Vec<Proof>, SolverError> {
    let number = claims.len();
    let queue: Arc<Mutex<VecDeque<(usize, Claim)>>> =
        Arc::new(Mutex::new(claims.into_iter().enumerate().collect()));
    let (report, mut reports) = mpsc::unbounded_channel();
    let mut running = JoinSet::new();
    for _ in 0..workers.clamp(1, number.max(1)) {
        let mut prover = Prover {
            law: Arc::clone(law),
            world: Arc::clone(world),
            solver: Solver::start(solver, &law.schema)?,
            formulas: 0,
        };
        let (queue, report) = (Arc::clone(&queue), report.clone());
        running.spawn(async move {
            loop {
                let next = queue.lock().expect("nobody panics while holding it").pop_front();
                let Some((place, claim)) = next else { return };
                // Nobody waits for it any more if this fails.
                let _ = report.send((place, prover.settle(&claim).await));
            }
        });
    }
    drop(report);
    let mut proofs: Vec<(usize, Proof)> = Vec::with_capacity(number);
    while let Some((place, proof)) = reports.recv().await {
        done(&proof);
        proofs.push((place, proof));
    }
    if proofs.len() < number {
        return Err(SolverError::Failed("a claim was not settled".to_owned()));
    }
    proofs.sort_by_key(|(place, _)| *place);
    Ok(proofs.into_iter().map(|(_, proof)| proof).collect())
}

struct Prover {
    law: Arc<Law>,
    world: Arc<World>,
    solver: Solver,
    /// How many formulas were asked about the claim in hand.
    formulas: usize,
}

impl Prover {
    async fn settle(&mut self, claim: &Claim) -> Proof {
        let started = Instant::now();
        self.formulas = 0;
        let law = Arc::clone(&self.law);
        let mut relied = Relied::default();
        let settled = match &claim.conclusion {
            Conclusion::NeverErrors => self.never_errors(&law, claim, &mut relied).await,
            _ => {
                let queries = queries(&law, claim);
                self.by_queries(&law, claim, &queries, &mut relied).await
            }
        };
        let (verdict, why, finding) =
            settled.unwrap_or_else(|error| (Verdict::Undecided, Some(error.to_string()), None));
        let settled = Settled { verdict, why, finding, formulas: self.formulas, took: started.elapsed() };
        Proof::new(&law, claim, &relied, settled)
    }

    async fn never_errors(&mut self, law: &Law, claim: &Claim, relied: &mut Relied) -> Outcome {
        for (code, numbers) in &claim.rules {
            let Some(book) = law.books.get(code) else { continue };
            for article in numbers.iter().filter_map(|number| book.articles.get(*number)) {
                relied.rule(&article.rule.id, &article.rule.source);
                for act in &article.acts {
                    self.formulas += 1;
                    if !self.solver.never_errors(article, *act).await? {
                        let what = format!("the rule `{}` can fail to evaluate on {act}", article.rule.id);
                        let finding = Finding { law: code.clone(), example: None, words: vec![what] };
                        return Ok((Verdict::Refuted, None, Some(finding)));
                    }
                }
            }
        }
        Ok((Verdict::Holds, None, None))
    }

    async fn by_queries(
        &mut self,
        law: &Law,
        claim: &Claim,
        queries: &[Query<'_>],
        relied: &mut Relied,
    ) -> Outcome {
        if claim.conclusion.is_universal() {
            let mut silent = None;
            let mut heard = false;
            for code in claim.laws() {
                let concerned = self.concerns(code, queries).await?;
                heard |= concerned;
                silent = silent.or((!concerned).then_some(code));
            }
            if let Some(code) = silent.filter(|_| !(claim.of_every_law && heard)) {
                let what = "no question to the law of";
                let why = format!("{what} {code} meets its conditions, so it says nothing of that law");
                return Ok((Verdict::Vacuous, Some(why), None));
            }
        }
        let mut first = None;
        for query in queries {
            query.kindred.classes.iter().for_each(|(class, _)| relied.category(law, query.law, *class));
            if let Some(stronger) = &query.stronger
                && self.ask(query, &stronger.settles).await?.is_none()
            {
                stronger.rules.iter().for_each(|rule| relied.rule(&rule.rule.id, &rule.rule.source));
                continue;
            }
            query.rules.iter().for_each(|rule| relied.rule(&rule.rule.id, &rule.rule.source));
            let Some(model) = self.ask(query, &query.settles).await? else { continue };
            if let Some(example) = self.example(law, claim, query).await? {
                return Ok(self.found(claim, query, &model, Some(example)));
            }
            first.get_or_insert((query, model));
        }
        Ok(match (first, claim.conclusion.is_universal()) {
            (Some((query, model)), _) => {
                // The solver makes up what it likes; a model of words that the law knows reads better.
                let model = self.ask(query, &tidy(&query.settles)).await?.unwrap_or(model);
                self.found(claim, query, &model, None)
            }
            (None, true) => (Verdict::Holds, None, None),
            (None, false) => (Verdict::Refuted, None, None),
        })
    }

    /// True if there is a question to a law that the claim is about.
    async fn concerns(&mut self, law: &Jurisdiction, queries: &[Query<'_>]) -> Result<bool, SolverError> {
        for query in queries.iter().filter(|query| query.law == law) {
            if self.ask(query, &query.concerned).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn found(
        &self,
        claim: &Claim,
        query: &Query,
        model: &Model,
        example: Option<Example>,
    ) -> (Verdict, Option<String>, Option<Finding>) {
        let verdict = if claim.conclusion.is_universal() { Verdict::Refuted } else { Verdict::Holds };
        let words = match &example {
            Some(example) => words::of_example(&self.world, example),
            None => words::of_model(query, model),
        };
        let finding = Finding { law: query.law.clone(), example: example.map(Box::new), words };
        (verdict, None, Some(finding))
    }

    /// The first day on which the world can bring about a question that settles the claim, with that question.
    async fn example(
        &mut self,
        law: &Law,
        claim: &Claim,
        query: &Query<'_>,
    ) -> Result<Option<Example>, SolverError> {
        let world = Arc::clone(&self.world);
        let (wanted, set) = as_facts(claim, query);
        for day in days(law, claim, query) {
            let scene = Scene::set(&world, query.law, day);
            let issued: BTreeSet<Date> =
                turning_days(query).into_iter().chain(set.iter().copied()).chain([day]).collect();
            let formula = scene.limit(&wanted, query.act, &issued);
            if let Some(model) = self.ask(query, &formula).await? {
                let plain = self.plainest(query, formula, model, day).await?;
                if let Some(example) = Example::of(law, &world, query, &wanted, &scene, &plain) {
                    return Ok(Some(example));
                }
            }
        }
        Ok(None)
    }

    /// The same example with as little in it as can be: what need not be unusual is not. All of it is tried at once,
    /// then in halves, because each try costs the solver as much as the example itself.
    async fn plainest(
        &mut self,
        query: &Query<'_>,
        mut formula: Expr,
        mut model: Model,
        day: Date,
    ) -> Result<Model, SolverError> {
        let mut open = vec![strange(), plainer(day)];
        while let Some(mut wishes) = open.pop() {
            let narrowed = all([formula.clone()].into_iter().chain(wishes.iter().cloned()));
            if let Some(found) = self.ask(query, &narrowed).await? {
                (formula, model) = (narrowed, found);
            } else if wishes.len() > 1 {
                let rest = wishes.split_off(wishes.len() / 2);
                open.extend([rest, wishes]);
            }
        }
        Ok(model)
    }

    async fn ask(&mut self, query: &Query<'_>, formula: &Expr) -> Result<Option<Model>, SolverError> {
        self.formulas += 1;
        self.solver.satisfy(query.act, formula).await
    }
}

type Outcome = Result<(Verdict, Option<String>, Option<Finding>), SolverError>;

/// The days on which something turns for a query: those that its rules begin or end on, or compare a day with.
fn turning_days(query: &Query) -> BTreeSet<Date> {
    days_in(&query.settles)
}

/// The formula of an example. Facts that a claim gives a value in its second world have to have it. The days among them,
/// and that of the first world, are days on which it may have been issued.
fn as_facts(claim: &Claim, query: &Query) -> (Expr, Vec<Date>) {
    let Conclusion::Keeps { worlds: [before, after], .. } = &claim.conclusion else {
        return (query.settles.clone(), Vec::new());
    };
    let set = after.set.iter().map(|setting| has_value(&setting.fact, &setting.to));
    let set_days = after.set.iter().flat_map(|setting| days_in(&setting.to));
    let days = set_days.chain([before.at]).collect();
    (all([query.settles.clone()].into_iter().chain(set)), days)
}

/// The days to look for an example on: the first of the claim, and every one in its span on which something turns.
fn days(law: &Law, claim: &Claim, query: &Query) -> Vec<Date> {
    if let Conclusion::Keeps { worlds: [_, after], .. } = &claim.conclusion {
        return vec![after.at];
    }
    let header = law.header(query.law);
    let from = claim.from.or(header.map(|header| header.from));
    let until = claim.until.or(header.map(|header| header.until));
    let in_span = |day: &Date| from.is_none_or(|from| from <= *day) && until.is_none_or(|until| *day < until);
    from.into_iter().chain(turning_days(query)).filter(in_span).collect::<BTreeSet<_>>().into_iter().collect()
}

/// What an example is better without.
fn plainer(day: Date) -> Vec<Expr> {
    let lately = day.saturating_sub(jiff::Span::new().days(60));
    let flags = ["emergency", "secrecy_ordered", "enforcing_notified", "many_subjects", "offence_listed"];
    flags
        .map(|flag| is(flag, false))
        .into_iter()
        .chain([
            equals("term", word("Term", "stored")),
            equals("validator", word("Validator", "nobody")),
            equals("offence_years", number(5)),
            Expr::lesseq(formula::day(lately), fact("issued")),
            equals("issued", formula::day(day)),
            Expr::is_eq(fact("offence_in"), fact("issuing_in")),
            Expr::is_eq(fact("served_in"), fact("home_in")),
            equals("proof", word("Proof", "probable-cause")),
            formula::var_is(Var::Principal, "Instrument", "warrant"),
        ])
        .collect()
}

/// Nothing is known of the holder, or else the mail rests where the holder is at home.
fn strange() -> Vec<Expr> {
    let unknown = [is("residence_known", false), is("nationality_known", false)];
    let there = ["resides_in", "national_of"].map(|name| Expr::is_eq(fact(name), fact("rests_in")));
    vec![any([all(unknown), all(there)])]
}

/// A formula over words that it names itself, and days on which something turns.
fn tidy(formula: &Expr) -> Expr {
    let words: BTreeSet<&str> = formula
        .subexpressions()
        .filter_map(|part| match part.expr_kind() {
            ExprKind::Lit(Literal::String(text)) if !text.is_empty() => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let days = days_in(formula);
    let matter = facts_of(formula);
    let limits = FACTS.iter().filter(|(name, _)| matter.contains(name)).map(|(name, kind)| match kind {
        Kind::Codes | Kind::Courts if words.is_empty() => Expr::is_empty(fact(name)),
        Kind::Codes => within_words(name, words.iter().filter(|word| word.len() == 2)),
        Kind::Courts => within_words(name, words.iter().filter(|word| word.len() > 2)),
        Kind::Code => any(words.iter().copied().chain([""]).map(|word| equals(name, Expr::val(word)))),
        Kind::Day => any(days.iter().map(|on| equals(name, formula::day(*on)))),
        Kind::Number => all([Expr::lesseq(number(0), fact(name)), Expr::lesseq(fact(name), number(400))]),
        Kind::YesNo | Kind::Word(_) => formula::yes(),
    });
    all([formula.clone()].into_iter().chain(limits))
}

fn within_words<'w>(name: &str, words: impl Iterator<Item = &'w &'w str>) -> Expr {
    let words: Vec<Expr> = words.map(|word| Expr::val(*word)).collect();
    if words.is_empty() {
        Expr::is_empty(fact(name))
    } else {
        Expr::contains_all(Expr::set(words), fact(name))
    }
}
