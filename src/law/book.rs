//! One law book: `config/law/<code>.toml` and `config/law/<code>.cedar`, read and checked.

use std::ops::Range;
use std::sync::Arc;

use cedar_policy::{Effect as CedarEffect, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use cedar_policy_core::ast::{self, Literal, ValueKind};
use cedar_policy_core::evaluator::Evaluator;

use super::annotations::{NOT_IN_FORCE, annotated};
use super::check::{Checker, Scope, narrowed_to, range};
use super::clause::{Clause, clauses};
use super::header::Header;
use super::rule::Rule;
use super::vocabulary::uid;
use crate::demand::{Act, InstrumentKind};
use crate::diagnostic::{Diagnostic, SourceFile};

/// A rule together with the policy that says when it applies.
#[derive(Debug)]
pub(super) struct Article {
    pub(super) rule: Arc<Rule>,
    /// Unique among the articles of all books: the rule's id and its first day.
    pub(super) policy_id: PolicyId,
    pub(super) policy: Policy,
    pub(super) acts: Vec<Act>,
    /// None: any instrument.
    pub(super) instruments: Option<Vec<InstrumentKind>>,
    /// None: any category.
    pub(super) category: Option<String>,
    pub(super) clauses: Vec<Clause>,
    /// Where it stands in its file, in bytes.
    pub(super) span: Range<usize>,
}

impl Article {
    pub(super) fn is_about(&self, act: Act, instrument: InstrumentKind) -> bool {
        self.acts.contains(&act) && self.instruments.as_ref().is_none_or(|all| all.contains(&instrument))
    }

    /// Whether the conditions of the rule are met. One that fails to evaluate is an error, not one that is not met.
    pub(super) fn holds_by(&self, evaluator: &Evaluator<'_>) -> Result<bool, String> {
        let policy: &ast::Policy = self.policy.as_ref();
        let Some(condition) = policy.non_scope_constraints() else { return Ok(true) };
        let value = evaluator.interpret(condition, policy.env());
        match value.map_err(|error| format!("a rule cannot be evaluated: {error}"))?.value {
            ValueKind::Lit(Literal::Bool(holds)) => Ok(holds),
            other => Err(format!(
                "a rule cannot be evaluated: its condition is {other}, which is neither true nor false"
            )),
        }
    }
}

/// Reads the rules of a book.
pub(super) fn read_articles(
    file: &SourceFile,
    header: &Header,
    schema: &Schema,
) -> Result<Vec<Arc<Article>>, Vec<Diagnostic>> {
    let set: PolicySet = file.text().parse().map_err(|errors: cedar_policy::ParseErrors| {
        errors.iter().map(|error| cedar_error(file, error)).collect::<Vec<_>>()
    })?;
    let mut errors = Vec::new();
    for template in set.templates() {
        let what = "a template (`?principal`, `?resource`) is not a rule";
        let span = AsRef::<ast::Template>::as_ref(template).loc().map_or(0..0, range);
        errors.push(file.at(span, what).help("name the instrument and the data"));
    }
    let mut articles: Vec<Article> =
        set.policies().filter_map(|policy| article(file, header, policy, &mut errors)).collect();
    articles.sort_by_key(|article| article.span.start);
    overlaps(file, &articles, &mut errors);
    if errors.is_empty() {
        validate(file, schema, &articles, &mut errors);
    }
    if errors.is_empty() { Ok(articles.into_iter().map(Arc::new).collect()) } else { Err(errors) }
}

fn article(
    file: &SourceFile,
    header: &Header,
    policy: &Policy,
    errors: &mut Vec<Diagnostic>,
) -> Option<Article> {
    let syntax: &ast::Policy = policy.as_ref();
    let span = syntax.loc().map_or(0..0, range);
    let before = errors.len();
    if policy.effect() != CedarEffect::Permit {
        errors.push(file.at(span.clone(), "a rule is written as `permit`, whatever follows from it").help(
            "`@effect(\"bars\")` says that it forbids; `forbid` would override other rules without a word",
        ));
    }
    let rule = annotated(file, header, policy, span.clone(), errors);
    let mut checker = Checker::new(file, header, span.clone());
    let Scope { acts, instruments, category } = checker.scope(syntax);
    if let Some(condition) = syntax.non_scope_constraints() {
        checker.condition(condition, false, 0);
    }
    errors.extend(checker.finish());
    let clauses = clauses(syntax);
    // An exception takes instruments out; only a condition narrows the rule to some.
    let narrows = |clause: &Clause| if clause.unless { None } else { narrowed_to(&clause.expr) };
    let instruments = instruments.or_else(|| clauses.iter().find_map(narrows));
    let rule = rule?;
    if errors.len() == before {
        unreachable_scope(file, header, &acts, instruments.as_deref(), &span, errors);
    }
    if errors.len() > before {
        return None;
    }
    let policy_id = PolicyId::new(format!("{}@{}", rule.id, first_day(&rule)));
    let policy = policy.new_id(policy_id.clone());
    Some(Article { rule: Arc::new(rule), policy_id, policy, acts, instruments, category, clauses, span })
}

/// A rule about what its book does not cover would never be asked.
fn unreachable_scope(
    file: &SourceFile,
    header: &Header,
    acts: &[Act],
    instruments: Option<&[InstrumentKind]>,
    span: &Range<usize>,
    errors: &mut Vec<Diagnostic>,
) {
    let all = instruments.unwrap_or(&InstrumentKind::ALL);
    let dead_act = acts.iter().find(|act| !all.iter().any(|i| header.covers_at_all(**act, *i)));
    let dead_instrument = instruments
        .into_iter()
        .flatten()
        .find(|instrument| !acts.iter().any(|act| header.covers_at_all(*act, **instrument)));
    let what = match (dead_act, dead_instrument) {
        (Some(act), _) => format!("the book does not cover the act `{act}` with these instruments"),
        (None, Some(instrument)) => format!("the book does not cover these acts with a `{instrument}`"),
        (None, None) => return,
    };
    let help = "this rule would never be asked: add what it is about under [[covers]] in the book's .toml file, or take \
                it out of the rule";
    errors.push(file.at(span.clone(), what).help(help));
}

/// Two versions of one rule may not hold on the same day.
fn overlaps(file: &SourceFile, articles: &[Article], errors: &mut Vec<Diagnostic>) {
    for (i, later) in articles.iter().enumerate() {
        for earlier in &articles[..i] {
            let (a, b) = (&earlier.rule, &later.rule);
            let both = a.id == b.id
                && match (a.from, b.from) {
                    (Some(from_a), Some(from_b)) => {
                        b.until.is_none_or(|until| from_a < until)
                            && a.until.is_none_or(|until| from_b < until)
                    }
                    (None, None) => true,
                    _ => false,
                };
            if both {
                let what = format!("two versions of the rule `{}` hold on the same day", b.id);
                errors.push(
                    file.at(later.span.clone(), what)
                        .help(format!("the other one, at {}, holds {}", line(file, earlier), days(a)))
                        .help(
                            "end the earlier one with @until on the day the later one begins, or rename one",
                        ),
                );
            }
        }
    }
}

fn line(file: &SourceFile, article: &Article) -> String {
    match file.at(article.span.clone(), "").place() {
        Some((line, _)) => format!("line {line}"),
        None => "another line".to_owned(),
    }
}

fn days(rule: &Rule) -> String {
    match rule.until {
        Some(until) => format!("from {} until {until}", first_day(rule)),
        None => format!("from {}", first_day(rule)),
    }
}

fn first_day(rule: &Rule) -> String {
    rule.from.map_or_else(|| NOT_IN_FORCE.to_owned(), |from| from.to_string())
}

/// Cedar's strict validation: types, and that every fact exists.
fn validate(file: &SourceFile, schema: &Schema, articles: &[Article], errors: &mut Vec<Diagnostic>) {
    let set = match PolicySet::from_policies(articles.iter().map(|article| article.policy.clone())) {
        Ok(set) => set,
        Err(error) => return errors.push(Diagnostic::about_file(file.path(), error.to_string())),
    };
    let result = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
    errors.extend(result.validation_errors().map(|error| cedar_error(file, error)));
    errors.extend(result.validation_warnings().map(|warning| {
        let help = "its conditions cannot all hold together: take out one that the others rule out";
        cedar_error(file, warning).help(help)
    }));
}

/// An error of Cedar's, at the place it names.
pub(super) fn cedar_error(file: &SourceFile, error: &dyn miette::Diagnostic) -> Diagnostic {
    let label = error.labels().and_then(|mut labels| labels.next());
    let mut diagnostic = match label {
        Some(label) => file.at(label.offset()..label.offset() + label.len(), error.to_string()),
        None => Diagnostic::about_file(file.path(), error.to_string()),
    };
    if let Some(help) = error.help() {
        diagnostic = diagnostic.help(help.to_string());
    }
    diagnostic
}

/// The Cedar resource of a category.
pub(super) fn category_uid(category: &str) -> cedar_policy::EntityUid {
    uid("Data", category)
}
