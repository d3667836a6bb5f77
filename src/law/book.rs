//! One law book: `config/law/<code>.toml` and `config/law/<code>.cedar`, read and checked.

use std::ops::Range;
use std::sync::Arc;

use cedar_policy::{Effect as CedarEffect, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use cedar_policy_core::ast::{self, Literal, ValueKind};
use cedar_policy_core::evaluator::Evaluator;

use super::check::{Checker, Scope, narrowed_to, range};
use super::clause::{Clause, clauses};
use super::header::Header;
use super::rule::{Effect, Keyed, Rule, Weight, Within};
use super::vocabulary::uid;
use crate::clock::Date;
use crate::demand::{Act, InstrumentKind};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::world::{Source, SourceMark};

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
    let rule = Annotations { file, header, policy, span: span.clone(), errors }.rule();
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

/// How the first day of a rule that is not in force is written.
const NOT_IN_FORCE: &str = "not-in-force";

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
    errors.extend(result.validation_warnings().map(|warning| cedar_error(file, warning)));
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

/// The annotations of one policy, on their way to a [`Rule`].
struct Annotations<'a> {
    file: &'a SourceFile,
    header: &'a Header,
    policy: &'a Policy,
    span: Range<usize>,
    errors: &'a mut Vec<Diagnostic>,
}

/// What a source says of a text that is younger than the rule and may be cited all the same.
const LATER_ON_PURPOSE: [&str; 2] = ["codifies earlier practice", "reported later"];

/// The years in a citation: `(2d Cir. 2016)`, `2014 WL 1661004`, `[2013] IESC 2`, `Act 2008`. The number of a section is
/// none, and neither is part of a longer number or word.
fn years(cite: &str) -> impl Iterator<Item = i16> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '.';
    let mut start = 0;
    let mut found = Vec::new();
    for token in cite.split(|c: char| !is_word(c)) {
        let place = start;
        start += token.len() + 1;
        let before = cite.get(..place).unwrap_or_default().trim_end();
        let section =
            ["U.S.C.", "art.", "arts", "s.", "ss.", "TIAS", "SR"].iter().any(|word| before.ends_with(word));
        if let (4, Ok(year)) = (token.len(), token.parse::<i16>())
            && (1700..=2100).contains(&year)
            && !section
        {
            found.push(year);
        }
    }
    found.into_iter()
}

/// Every annotation a rule may have; the last four are optional.
const ANNOTATIONS: [&str; 13] = [
    "id", "cite", "effect", "weight", "says", "source", "keyed", "from", "until", "penalty", "remedy",
    "within", "after",
];

impl Annotations<'_> {
    fn rule(mut self) -> Option<Rule> {
        for (name, _) in self.policy.annotations() {
            if !ANNOTATIONS.contains(&name) {
                let error = self
                    .file
                    .at(self.at(name), format!("unknown annotation `@{name}`"))
                    .allowed(name, ANNOTATIONS);
                self.errors.push(error);
            }
        }
        let id = self.text("id").filter(|id| self.is_id(id));
        let (cite, says) = (self.text("cite"), self.text("says"));
        let effect = self.word("effect", Effect::ALL, Effect::as_str);
        let weight = self.word("weight", Weight::ALL, Weight::as_str);
        let keyed = self.word("keyed", Keyed::ALL, Keyed::as_str);
        let from = match self.policy.annotation("from") {
            Some(NOT_IN_FORCE) => Some(None),
            _ => self.date("from").map(Some),
        };
        let until = match self.policy.annotation("until") {
            Some("open") => Some(None),
            _ => self.date("until").map(Some),
        };
        let source = self.source();
        let (penalty, remedy) = (self.optional("penalty"), self.optional("remedy"));
        let (within, after) = (self.time("within"), self.time("after"));
        let rule = Rule {
            id: id?,
            cite: cite?,
            effect: effect?,
            weight: weight?,
            says: says?,
            source: source?,
            penalty,
            remedy,
            within: within?,
            after: after?,
            keyed: keyed?,
            from: from?,
            until: until?,
        };
        self.holds_in_span(&rule);
        self.cites_nothing_later(&rule);
        Some(rule)
    }

    /// Where an annotation stands, or the whole policy if it is missing.
    fn at(&self, name: &str) -> Range<usize> {
        let syntax: &ast::Policy = self.policy.as_ref();
        let found = syntax.annotations().find(|(key, _)| AsRef::<str>::as_ref(*key) == name);
        found.and_then(|(_, annotation)| annotation.loc.as_ref()).map_or_else(|| self.span.clone(), range)
    }

    fn error(&mut self, name: &str, what: String, help: &str) {
        self.errors.push(self.file.at(self.at(name), what).help(help));
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.policy.annotation(name).map(str::trim) {
            Some(text) if !text.is_empty() => Some(text.to_owned()),
            Some(_) => {
                self.error(name, format!("`@{name}` is empty"), "say it, or take the rule out");
                None
            }
            None => {
                let rule = self.policy.annotation("id").map_or(String::new(), |id| format!(" `{id}`"));
                let help = "a rule has @id @cite @effect @weight @keyed @from @until @says @source, and may have \
                            @penalty, @remedy, @within and @after";
                self.error(name, format!("the rule{rule} has no `@{name}`"), help);
                None
            }
        }
    }

    fn optional(&mut self, name: &str) -> Option<String> {
        self.policy.annotation(name)?;
        self.text(name)
    }

    fn word<T: Copy>(&mut self, name: &str, all: &[T], as_str: fn(T) -> &'static str) -> Option<T> {
        let text = self.text(name)?;
        all.iter().copied().find(|word| as_str(*word) == text).or_else(|| {
            let what = format!("`@{name}` is `{text}`");
            let allowed = all.iter().map(|word| as_str(*word));
            let error = self.file.at(self.at(name), what).allowed(&text, allowed);
            self.errors.push(error);
            None
        })
    }

    fn date(&mut self, name: &str) -> Option<Date> {
        let text = self.text(name)?;
        let dashed = text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
        match text.parse::<Date>() {
            Ok(date) if dashed => Some(date),
            _ => {
                let help = if name == "until" {
                    "write `2018-04-17`, the first day on which it no longer holds, or `open`"
                } else {
                    "write `2018-03-23`, or `not-in-force` for what never came into force"
                };
                self.error(name, format!("`@{name}` is `{text}`, which is not a date"), help);
                None
            }
        }
    }

    /// `Some(None)` where the rule gives no time.
    fn time(&mut self, name: &str) -> Option<Option<Within>> {
        if self.policy.annotation(name).is_none() {
            return Some(None);
        }
        match self.text(name)?.parse::<Within>() {
            Ok(within) => Some(Some(within)),
            Err(error) => {
                self.error(name, format!("`@{name}`: {error}"), "the time is counted from receipt");
                None
            }
        }
    }

    /// `verified: where it was read; from memory: what was not`.
    fn source(&mut self) -> Option<Source> {
        let text = self.text("source")?;
        match text.parse::<Source>() {
            Ok(source) => Some(source),
            Err(error) => {
                let found = text.split(':').next().unwrap_or(&text);
                let error = self
                    .file
                    .at(self.at("source"), format!("`@source`: {error}"))
                    .help("write a mark, a colon, and where it was read, each part with its own: `verified: law.cornell.edu/uscode/text/18/2703 for (a); from memory: (c)`")
                    .allowed(found, SourceMark::ALL.iter().map(|mark| mark.as_str()));
                self.errors.push(error);
                None
            }
        }
    }

    fn is_id(&mut self, id: &str) -> bool {
        let prefix = format!("{}-", self.header.jurisdiction.as_str().to_lowercase());
        let fits = id.len() > prefix.len()
            && id.starts_with(&prefix)
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !fits {
            let what = format!("`{id}` is not the id of a rule of this book");
            let help = format!("write lower-case letters, digits and dashes, starting with `{prefix}`");
            self.error("id", what, &help);
        }
        fits
    }

    /// What a rule says on a day, nobody could have read on that day in a text of a later year.
    fn cites_nothing_later(&mut self, rule: &Rule) {
        let Some(from) = rule.from else { return };
        let exempt = |phrase: &&str| rule.source.parts().iter().any(|part| part.about.contains(*phrase));
        if LATER_ON_PURPOSE.iter().any(exempt) {
            return;
        }
        if let Some(year) = years(&rule.cite).find(|year| *year > from.year()) {
            let what = format!("the rule `{}` holds from {from}, and cites a text of {year}", rule.id);
            let help = "split it into a version before that text and one from its day on; or, if the text only writes \
                        down what held before, say in `@source` that it `codifies earlier practice`, or of a ruling \
                        that it was `reported later`";
            self.error("cite", what, help);
        }
    }

    fn holds_in_span(&mut self, rule: &Rule) {
        let Some(from) = rule.from else {
            if rule.until.is_some() {
                let what = format!("the rule `{}` is not in force and has an end", rule.id);
                self.error("until", what, "write `@until(\"open\")` for what has not begun");
            }
            return;
        };
        if rule.until.is_some_and(|until| until <= from) {
            let what = format!("the rule `{}` ends before it begins", rule.id);
            self.error("until", what, "@until is the first day on which it no longer holds");
        } else if from >= self.header.until || rule.until.is_some_and(|until| until <= self.header.from) {
            let what = format!("the rule `{}` holds only outside the span of its book", rule.id);
            let help =
                format!("the book speaks for the days from {} until {}", self.header.from, self.header.until);
            self.error("from", what, &help);
        }
    }
}

/// The Cedar resource of a category.
pub(super) fn category_uid(category: &str) -> cedar_policy::EntityUid {
    uid("Data", category)
}

#[cfg(test)]
mod tests {
    use super::years;

    #[test]
    fn a_citation_tells_its_years_and_no_sections() {
        let read = |cite: &str| years(cite).collect::<Vec<_>>();
        assert_eq!(read("Microsoft Corp. v. United States, 829 F.3d 197 (2d Cir. 2016)"), [2016]);
        assert_eq!(read("In re Warrant, 2014 WL 1661004 (S.D.N.Y. 2014)"), [2014, 2014]);
        assert_eq!(read("[2013] IESC 2; Regulation (EU) 2016/679 art. 48"), [2013, 2016]);
        assert_eq!(read("affirmed on 2014-07-31"), [2014]);
        assert_eq!(read("18 U.S.C. 1881a, 2703; 18 U.S.C. 2001; art. 1789"), [0; 0]);
    }
}
