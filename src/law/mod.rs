//! The law: dated rules, each with its citation, and what they add up to.
//!
//! Each jurisdiction has a law book, two files under `config/law/`: `us.toml` says whose law it is, what span of time
//! it covers and what it calls each class of data; `us.cedar` holds the rules. A rule is a Cedar policy. Its `when`
//! says when it applies, its exceptions are `unless`, and its annotations say what then follows, where that stands,
//! from when until when, and how sure we are. All of them are written as `permit`, so that Cedar reports every rule
//! that applies and overrides none: what they add up to is decided here, in the open, and a contradiction inside one
//! law is reported as an open question instead of being settled by the order of evaluation.
//!
//! Each law is asked apart from the others. Whether two laws conflict is for the gate to see.
//!
//! It fails closed. A question that no rules are written for is [`PositionKind::NotCovered`], never silent assent, and
//! so is one on which a rule fails to evaluate; loading refuses every construct with which that could happen.

mod annotations;
mod asking;
mod book;
mod check;
mod clause;
mod diff;
mod epochs;
mod explain;
mod facts;
mod header;
mod lawtest;
mod load;
mod names;
mod plain;
mod position;
pub mod prove;
mod question;
mod rule;
mod shelf;
mod vocabulary;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, OnceLock};

use cedar_policy::{Authorizer, Diagnostics, Entities, PolicyId, PolicySet, Request, Schema};
use cedar_policy_core::ast;
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;

use crate::clock::Date;
use crate::diagnostic::SourceFile;
use crate::world::Jurisdiction;

use book::Article;
use epochs::{Epoch, Index};
use header::{Category, ProcessOf};
use position::add_up;
use vocabulary::{Days, Values, Wanted};

pub use asking::{Asking, HolderRecord};
pub use diff::{Correction, LawChange, Part};
pub use explain::{Condition, Explanation, Hearing, NotInForce, Verdict};
pub use facts::{Case, codes};
pub use header::Header;
pub use lawtest::{LawTest, LawTestResult};
pub use position::{Position, PositionChange, PositionKind, RuleHit, position_changes};
pub use question::{Codes, Facts, Holder, Location, Moments, Presence, Process, Question, Role, Treaties};
// What a demand is for is the demand's to say.
pub use crate::demand::Purpose;
pub use rule::{BadWithin, Effect, Keyed, Rule, Weight, Within};
pub use shelf::Shelf;

/// The law books that were loaded. Immutable; share it in an `Arc`.
pub struct Law {
    books: BTreeMap<Jurisdiction, Book>,
    digest: [u8; 32],
    revision: String,
    /// What it was read from; nothing for a part of it.
    files: Vec<SourceFile>,
    schema: Schema,
    authorizer: Authorizer,
    nobody: Entities,
    /// Every policy of every book and date, for [`Law::position_unsorted`]; made on first use.
    everything: OnceLock<PolicySet>,
}

/// One loaded law book.
struct Book {
    header: Header,
    articles: Vec<Arc<Article>>,
    by_policy: HashMap<PolicyId, usize>,
    index: Index,
    /// Numbers of days from receipt at which some condition may turn.
    counted_days: BTreeSet<i64>,
}

/// The days of a question by one law's clock.
fn days(question: &Question, header: &Header) -> Days {
    let moments = &question.facts.moments;
    Days {
        issued: header.day(moments.issued),
        received: header.day(moments.received),
        decided: header.day(moments.decided),
        executed: header.day(moments.executed),
    }
}

/// A question as Cedar takes it, with those of its facts that are wanted.
fn request(
    question: &Question,
    values: &Values<'_>,
    category: &str,
    days: Days,
    wanted: Wanted,
) -> Result<Request, String> {
    Request::new(
        vocabulary::principal(question.instrument).clone(),
        vocabulary::action(question.act).clone(),
        book::category_uid(category),
        values.context(days, wanted)?,
        None,
    )
    .map_err(|error| error.to_string())
}

impl Days {
    fn at(self, keyed: Keyed) -> Date {
        match keyed {
            Keyed::Issued => self.issued,
            Keyed::Received => self.received,
            Keyed::Decided => self.decided,
            Keyed::Executed => self.executed,
        }
    }
}

impl Law {
    /// The revision as bytes.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// SHA-256 of the law books as they were read, in lower-case hex.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// The jurisdictions that have a book.
    pub fn jurisdictions(&self) -> impl Iterator<Item = &Jurisdiction> {
        self.books.keys()
    }

    /// The head of a jurisdiction's book.
    pub fn header(&self, jurisdiction: &Jurisdiction) -> Option<&Header> {
        self.books.get(jurisdiction).map(|book| &book.header)
    }

    /// Every rule of every book, in the order of the books.
    pub fn rules(&self) -> impl Iterator<Item = (&Jurisdiction, &Rule)> {
        self.books
            .iter()
            .flat_map(|(code, book)| book.articles.iter().map(move |article| (code, &*article.rule)))
    }

    /// What a rule of each id looks at, in any of its versions: facts by their names, `instrument`, `data`.
    pub fn looked_at(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut looked_at: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for article in self.books.values().flat_map(|book| &book.articles) {
            let facts = article.clauses.iter().flat_map(|clause| &clause.facts);
            looked_at.entry(&article.rule.id).or_default().extend(facts.map(String::as_str));
        }
        looked_at
    }

    /// The rules that hold on a date, whatever moment they are keyed to.
    pub fn rules_at(&self, date: Date) -> impl Iterator<Item = (&Jurisdiction, &Rule)> {
        self.rules().filter(move |(_, rule)| rule.holds_on(date))
    }

    /// The days on which a book begins or ceases to have rules for some kind of question.
    pub fn cover_days(&self) -> impl Iterator<Item = (&Jurisdiction, Date)> {
        self.books.iter().flat_map(|(code, book)| book.header.cover_days().map(move |day| (code, day)))
    }

    /// After how many days from receipt the answer of a law may change.
    pub fn counted_days(&self) -> impl Iterator<Item = (&Jurisdiction, i64)> {
        self.books.iter().flat_map(|(code, book)| book.counted_days.iter().map(move |days| (code, *days)))
    }

    /// What one law holds on a question.
    pub fn position(&self, jurisdiction: &Jurisdiction, question: &Question) -> Position {
        self.position_by(jurisdiction, question, &Values::of(&question.facts))
    }

    /// What each of several laws holds on a question, in the order they are named.
    pub fn positions<'j>(
        &self,
        jurisdictions: impl IntoIterator<Item = &'j Jurisdiction>,
        question: &Question,
    ) -> Vec<Position> {
        let values = Values::of(&question.facts);
        jurisdictions.into_iter().map(|law| self.position_by(law, question, &values)).collect()
    }

    fn position_by(&self, jurisdiction: &Jurisdiction, question: &Question, values: &Values<'_>) -> Position {
        self.answer(jurisdiction, |book| book.applicable(self, question, values))
    }

    /// The same positions, reached without sorting anything in advance: Cedar is handed every rule of every book and
    /// date, and what is not this law's, or not in force, is thrown away afterwards. Slow; tests compare it with
    /// [`Law::positions`], and the benchmark measures what the sorting saves.
    pub fn positions_unsorted<'j>(
        &self,
        jurisdictions: impl IntoIterator<Item = &'j Jurisdiction>,
        question: &Question,
    ) -> Vec<Position> {
        let everything = self.everything.get_or_init(|| {
            let articles = self.books.values().flat_map(|book| &book.articles);
            PolicySet::from_policies(articles.map(|article| article.policy.clone())).expect(
                "ids are unique: they start with the jurisdiction, and versions differ in their first day",
            )
        });
        let position =
            |jurisdiction| self.answer(jurisdiction, |book| book.applicable_of(everything, self, question));
        jurisdictions.into_iter().map(position).collect()
    }

    fn answer<'l>(
        &'l self,
        jurisdiction: &Jurisdiction,
        applicable: impl FnOnce(&'l Book) -> Result<(&'l str, Vec<usize>), String>,
    ) -> Position {
        let Some(book) = self.books.get(jurisdiction) else {
            return Position::not_covered(jurisdiction, format!("there is no law book for `{jurisdiction}`"));
        };
        match applicable(book) {
            Ok((category, mut articles)) => {
                articles.sort_unstable();
                let rules = articles.iter().map(|i| &book.articles[*i].rule);
                Position {
                    jurisdiction: jurisdiction.clone(),
                    kind: add_up(rules.clone().map(|rule| &**rule)),
                    category: Some(category.to_owned()),
                    rules: rules.map(|rule| RuleHit(Arc::clone(rule))).collect(),
                    gap: None,
                }
            }
            Err(gap) => Position::not_covered(jurisdiction, gap),
        }
    }
}

impl Book {
    /// What the book calls the data, or why it has no answer.
    fn covers(&self, question: &Question, days: Days) -> Result<&str, String> {
        let Header { jurisdiction, from, until, .. } = &self.header;
        for keyed in Keyed::ALL {
            let day = days.at(*keyed);
            if !self.header.spans(day) {
                return Err(format!(
                    "the law book of `{jurisdiction}` covers {from} until {until}; the process was {keyed} on {day}"
                ));
            }
        }
        let own = question.facts.process.issuing_in.contains(jurisdiction);
        let process = if own { ProcessOf::Own } else { ProcessOf::Foreign };
        let Question { act, instrument, class, purpose, .. } = question;
        if !self.header.covers(process, question, days.decided) {
            let term = names::term_str(question.facts.process.term);
            return Err(format!(
                "the law book of `{jurisdiction}` has no rules on {act} of {class} ({term} data) with {} {instrument} on {}",
                process.with_article(),
                days.decided
            ));
        }
        match self.header.category(*class, *purpose) {
            Some(Category::Called(name)) => Ok(name),
            Some(Category::NotCovered(why)) => {
                Err(format!("the law book of `{jurisdiction}` has no rules on {class}: {why}"))
            }
            None => Err(format!("the law book of `{jurisdiction}` has no word for {class}")),
        }
    }

    /// What the book calls the data, and the rules that apply; or why there is no answer.
    fn applicable(
        &self,
        law: &Law,
        question: &Question,
        values: &Values<'_>,
    ) -> Result<(&str, Vec<usize>), String> {
        let days = days(question, &self.header);
        let category = self.covers(question, days)?;
        let key = Index::key(question.act, question.instrument, category);
        let epoch = |keyed: &Keyed| self.index.rules(&key, *keyed, days.at(*keyed));
        let epochs: Vec<&Epoch> = Keyed::ALL.iter().filter_map(epoch).collect();
        if epochs.is_empty() {
            return Ok((category, Vec::new()));
        }
        let wanted = epochs.iter().fold(Wanted::default(), |wanted, epoch| wanted.and(epoch.facts));
        let request = request(question, values, category, days, wanted)?;
        // The scope of these rules holds already: act, instrument and category are how they were found. What is left
        // is their conditions, and building a whole authorization for each costs more than evaluating them.
        let request: &ast::Request = request.as_ref();
        let evaluator = Evaluator::new(request.clone(), law.nobody.as_ref(), Extensions::all_available());
        let mut articles = Vec::new();
        for rule in epochs.into_iter().flat_map(|epoch| &epoch.rules) {
            if self.articles[*rule].holds_by(&evaluator)? {
                articles.push(*rule);
            }
        }
        Ok((category, articles))
    }

    /// The same, from a set that holds more than could apply.
    fn applicable_of(
        &self,
        set: &PolicySet,
        law: &Law,
        question: &Question,
    ) -> Result<(&str, Vec<usize>), String> {
        let days = days(question, &self.header);
        let category = self.covers(question, days)?;
        let request = request(question, &Values::of(&question.facts), category, days, Wanted::ALL)?;
        let found = satisfied(&law.authorizer, &request, set, &law.nobody)?;
        let articles = found.reason().filter_map(|id| self.by_policy.get(id).copied()).filter(|i| {
            let rule = &self.articles[*i].rule;
            rule.holds_on(days.at(rule.keyed))
        });
        Ok((category, articles.collect()))
    }
}

/// The policies of a set that are satisfied. A policy that failed to evaluate is an error, not one that is not
/// satisfied, which is what Cedar would make of it.
fn satisfied(
    authorizer: &Authorizer,
    request: &Request,
    set: &PolicySet,
    nobody: &Entities,
) -> Result<Diagnostics, String> {
    let response = authorizer.is_authorized(request, set, nobody);
    match response.diagnostics().errors().next() {
        Some(error) => Err(format!("a rule cannot be evaluated: {error}")),
        None => Ok(response.diagnostics().clone()),
    }
}

impl fmt::Debug for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let books: Vec<&str> = self.books.keys().map(|code| code.as_str()).collect();
        f.debug_struct("Law").field("revision", &self.revision).field("books", &books).finish()
    }
}
