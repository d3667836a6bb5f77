//! Reads claims, and checks that what they name is there: rules, facts, words, days.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use cedar_policy::{PolicyId, PolicySet, Schema, ValidationMode, Validator};
use cedar_policy_core::ast::{self, Expr};
use toml::Spanned;

use super::claim::{Claim, Conclusion, Given, Moment, Setting};
use super::formula::has_value;
use super::raw::{RawAssume, RawClaim, RawFile, RawMoment};
use super::scope::{Scope, days};
use crate::clock::Date;
use crate::demand::{Act, Purpose};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceFile};
use crate::embedded;
use crate::law::Law;
use crate::law::book::cedar_error;
use crate::law::check::Checker;
use crate::law::load::files_in;
use crate::law::vocabulary::{FACTS, kind_of};
use crate::world::{DataClass, Jurisdiction};

/// The format this program reads.
const FORMAT: u32 = 1;

impl Claim {
    /// The claims that were built into the program.
    pub fn standard(law: &Law) -> Result<Vec<Claim>, Diagnostics> {
        let files = embedded::under("config/law/claims/").map(|(path, text)| SourceFile::new(path, text));
        Claim::from_files(law, files.map(Ok))
    }

    /// Reads the claims of every `.toml` file of a folder, in the order of file names. Without the folder there are none.
    pub fn load(law: &Law, folder: &Path) -> Result<Vec<Claim>, Diagnostics> {
        if !folder.exists() {
            return Ok(Vec::new());
        }
        let paths = files_in(folder, &["toml"])?;
        Claim::from_files(law, paths.iter().map(|path| SourceFile::read(path)))
    }

    /// Reads claims that are in memory already.
    pub fn from_files(
        law: &Law,
        files: impl Iterator<Item = Result<SourceFile, Diagnostic>>,
    ) -> Result<Vec<Claim>, Diagnostics> {
        let mut errors = Vec::new();
        let mut raws = Vec::new();
        for file in files {
            match file.and_then(|file| Ok((file.parse_toml::<RawFile>()?, file))) {
                Ok(pair) => raws.push(pair),
                Err(error) => errors.push(error),
            }
        }
        let mut assumptions = BTreeMap::new();
        for (raw, file) in &raws {
            if *raw.format.get_ref() != FORMAT {
                let what = format!("format {} of claims is not one this program reads", raw.format.get_ref());
                errors.push(file.at(raw.format.span(), what).help(format!("write `format = {FORMAT}`")));
            }
            for assume in &raw.assume {
                if assumptions.insert(assume.id.get_ref().as_str(), (assume, file)).is_some() {
                    let what = format!("a second assumption called `{}`", assume.id.get_ref());
                    errors.push(file.at(assume.id.span(), what).help("give each its own id"));
                }
            }
        }
        let (mut claims, mut ids) = (Vec::new(), BTreeSet::new());
        for (raw, file) in &raws {
            for raw in &raw.claim {
                if !ids.insert(raw.get_ref().id.get_ref().as_str()) {
                    let what = format!("a second claim called `{}`", raw.get_ref().id.get_ref());
                    errors.push(file.at(raw.get_ref().id.span(), what).help("give each its own id"));
                }
                let mut reading = Reading { law, file, assumptions: &assumptions, errors: &mut errors };
                claims.extend(reading.claim(raw));
            }
        }
        Diagnostics::unless(errors.is_empty().then_some(claims), errors)
    }
}

struct Reading<'a> {
    law: &'a Law,
    file: &'a SourceFile,
    assumptions: &'a BTreeMap<&'a str, (&'a RawAssume, &'a SourceFile)>,
    errors: &'a mut Vec<Diagnostic>,
}

type Rules = BTreeMap<Jurisdiction, Vec<usize>>;

impl Reading<'_> {
    fn claim(&mut self, spanned: &Spanned<RawClaim>) -> Option<Claim> {
        let raw = spanned.get_ref();
        let before = self.errors.len();
        let from = self.date(raw.from.as_ref());
        let until = self.date(raw.until.as_ref());
        if let (Some(from), Some(until), Some(at)) = (from, until, &raw.until)
            && until <= from
        {
            let help = "`until` is the first day that it is no longer claimed for";
            self.error(at.span(), format!("it is claimed until {until}, which is not after {from}"), help);
        }
        let header = spanned.span().start..spanned.span().start;
        if raw.rules.is_empty() {
            let what = format!("the claim `{}` names no rule", raw.id.get_ref());
            self.error(header.clone(), what, "write `rules = [\"us-2703-a\"]`: the rules that it is about");
        }
        let instruments = (!raw.instruments.is_empty()).then(|| raw.instruments.clone());
        let acts = if raw.acts.is_empty() { Act::ALL.to_vec() } else { raw.acts.clone() };
        let classes = if raw.classes.is_empty() { DataClass::ALL.to_vec() } else { raw.classes.clone() };
        let purposes = match raw.purpose {
            Some(purpose) => vec![purpose],
            None => vec![Purpose::Evidence, Purpose::Identify],
        };
        let conclusion = self.conclusion(raw, header);
        let scope = Scope {
            acts: &acts,
            instruments: instruments.as_deref(),
            days: days(conclusion.as_ref(), from, until),
        };
        let rules = self.rules(&raw.rules, &scope);
        self.fits(raw, conclusion.as_ref(), &rules);
        let laws: Vec<&Jurisdiction> = rules.keys().collect();
        let mut given = Vec::new();
        for name in &raw.assume {
            match self.assumptions.get(name.get_ref().as_str()) {
                Some((assume, file)) => {
                    given.extend(self.given((&assume.words, &assume.cedar), file, true, &laws));
                }
                None => {
                    let what = format!("unknown assumption `{}`", name.get_ref());
                    let known = self.assumptions.keys().copied();
                    self.errors.push(self.file.at(name.span(), what).allowed(name.get_ref(), known));
                }
            }
        }
        let file = self.file;
        for own in &raw.given {
            given.extend(self.given((&own.words, &own.cedar), file, false, &laws));
        }
        if self.errors.len() > before {
            return None;
        }
        let line = file.at(spanned.span(), "").place().map_or(1, |(line, _)| line);
        Some(Claim {
            id: raw.id.get_ref().clone(),
            says: raw.says.trim().to_owned(),
            note: raw.note.clone(),
            expect: raw.expect,
            written: (file.path().display().to_string(), line),
            rules,
            of_every_law: raw.rules.iter().any(|name| name.get_ref() == "*"),
            from,
            until,
            acts,
            instruments,
            classes,
            purposes,
            given,
            conclusion: conclusion?,
        })
    }

    /// Checks what a conclusion asks of the rest of its claim.
    fn fits(&mut self, raw: &RawClaim, conclusion: Option<&Conclusion>, rules: &Rules) {
        match (conclusion, raw.from.as_ref().or(raw.until.as_ref())) {
            (Some(Conclusion::Keeps { .. }), Some(days)) => {
                let what = "a claim about two days has no `from` and no `until`".to_owned();
                self.error(days.span(), what, "its days are those of `before` and `after`");
            }
            (Some(Conclusion::Implies(implied)), _) => {
                let foreign = |name: &&Spanned<String>| {
                    let start = name.get_ref().trim_end_matches('*');
                    implied.iter().any(|(code, numbers)| {
                        let articles = self.law.books.get(code).map(|book| &book.articles);
                        let named = |number: &usize| {
                            articles.is_some_and(|all| all[*number].rule.id.starts_with(start))
                        };
                        !rules.contains_key(code) && numbers.iter().any(named)
                    })
                };
                for name in raw.implies.iter().filter(foreign).collect::<Vec<_>>() {
                    let what =
                        format!("`{}` is a rule of another law than those that imply it", name.get_ref());
                    self.error(name.span(), what, "a rule can imply rules of its own law");
                }
            }
            _ => {}
        }
    }

    /// Exactly one thing is claimed.
    fn conclusion(&mut self, raw: &RawClaim, header: std::ops::Range<usize>) -> Option<Conclusion> {
        let keeps = match &raw.keeps {
            Some(keeps) => {
                let (before, after) = (self.moment(&keeps.before), self.moment(&keeps.after));
                let then = keeps.then.clone().unwrap_or_else(|| keeps.what.clone());
                Some(Conclusion::Keeps { what: keeps.what.clone(), then, worlds: [before?, after?] })
            }
            None => None,
        };
        let implies = (!raw.implies.is_empty()).then(|| {
            let scope = Scope { acts: &Act::ALL, instruments: None, days: Vec::new() };
            Conclusion::Implies(self.rules(&raw.implies, &scope))
        });
        let said: Vec<Conclusion> = [
            raw.never_errors.then_some(Conclusion::NeverErrors),
            raw.never.clone().map(Conclusion::Never),
            raw.always.clone().map(Conclusion::Always),
            raw.sometimes.clone().map(Conclusion::Sometimes),
            raw.none_applies.then_some(Conclusion::NoneApplies),
            raw.some_applies.then_some(Conclusion::SomeApplies),
            implies,
            keeps,
        ]
        .into_iter()
        .flatten()
        .collect();
        match <[Conclusion; 1]>::try_from(said) {
            Ok([conclusion]) => Some(conclusion),
            Err(said) => {
                let number = if said.is_empty() { "nothing" } else { "several things" };
                let what = format!("the claim `{}` claims {number}", raw.id.get_ref());
                let help = "write one of `never`, `always` or `sometimes` with positions, `none-applies`, `some-applies`, \
                            `implies` with rules, `keeps`, `never-errors`";
                self.error(header, what, help);
                None
            }
        }
    }

    fn moment(&mut self, raw: &RawMoment) -> Option<Moment> {
        let at = self.date(Some(&raw.at))?;
        let mut set = Vec::new();
        for setting in &raw.set {
            let name = setting.fact.get_ref();
            if kind_of(name).is_none() {
                let what = format!("unknown fact `{name}`");
                let names = FACTS.iter().map(|(name, _)| *name);
                self.errors.push(self.file.at(setting.fact.span(), what).allowed(name, names));
                continue;
            }
            let to = self.parse(&setting.to, self.file)?;
            let wrong = type_errors(&self.law.schema, &has_value(name, &to), self.file);
            if !wrong.is_empty() {
                let what = format!("`{}` is no value of `{name}`", setting.to.get_ref());
                self.error(
                    setting.to.span(),
                    what,
                    "write it as a rule would: `true`, `20180323`, `[\"IE\", \"EU\"]`",
                );
                continue;
            }
            set.push(Setting { fact: name.clone(), words: setting.words.clone(), to: Arc::new(to) });
        }
        Some(Moment { at, set })
    }

    /// The rules of these names, by law. A name that ends with `*` stands for all that begin as it does.
    fn rules(&mut self, names: &[Spanned<String>], scope: &Scope) -> Rules {
        let mut rules = Rules::new();
        for name in names {
            let text = name.get_ref().as_str();
            let (mut named, mut fitting) = (false, Vec::new());
            for (code, book) in &self.law.books {
                for (number, article) in book.articles.iter().enumerate() {
                    let id = article.rule.id.as_str();
                    if text.strip_suffix('*').map_or(id == text, |start| id.starts_with(start)) {
                        named = true;
                        if scope.has(article) {
                            fitting.push((code, number));
                        }
                    }
                }
            }
            if !named {
                let ids: BTreeSet<&str> =
                    self.law.books.values().flat_map(|b| &b.articles).map(|a| a.rule.id.as_str()).collect();
                let near = crate::diagnostic::nearest(text, ids.iter().copied());
                let help = near.map_or_else(
                    || "`rogatory law at DATE` lists the rules".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                self.error(name.span(), format!("no rule is called `{text}`"), help);
            } else if fitting.is_empty() {
                let what =
                    format!("the claim is not about `{text}`: not its act, its instruments or its days");
                let help =
                    "a rule is named by the claims that it could bear on; name others, or widen the claim";
                self.error(name.span(), what, help);
            }
            for (code, number) in fitting {
                let known = rules.entry(code.clone()).or_default();
                if !known.contains(&number) {
                    known.push(number);
                }
            }
        }
        rules
    }

    fn given(
        &mut self,
        (words, cedar): (&str, &Spanned<String>),
        file: &SourceFile,
        assumed: bool,
        laws: &[&Jurisdiction],
    ) -> Option<Given> {
        let before = self.errors.len();
        if words.trim().is_empty() {
            let help = "say in words what the condition says, for whoever cannot read Cedar";
            self.errors.push(file.at(cedar.span(), "a condition without words").help(help));
        }
        let formula = self.parse(cedar, file)?;
        for law in laws {
            let Some(book) = self.law.books.get(*law) else { continue };
            let mut checker = Checker::new(file, &book.header, cedar.span());
            checker.condition(&formula, false, 0);
            self.errors.extend(checker.finish());
            if self.errors.len() > before {
                return None;
            }
        }
        self.errors.extend(type_errors(&self.law.schema, &formula, file));
        (self.errors.len() == before).then(|| Given {
            words: words.trim().to_owned(),
            cedar: cedar.get_ref().split_whitespace().collect::<Vec<_>>().join(" "),
            assumed,
            formula: Arc::new(formula),
        })
    }

    /// Reads Cedar that is written in a string of the file, so that its errors point into the file.
    fn parse(&mut self, text: &Spanned<String>, file: &SourceFile) -> Option<Expr> {
        let (span, cedar) = (text.span(), text.get_ref());
        let written = file.text().get(span.clone()).unwrap_or_default();
        // An escape in the string would shift what follows it; then the beginning has to do.
        let start = span.start + written.find(cedar.as_str()).unwrap_or(0);
        let placed = format!("{}{cedar}", " ".repeat(start));
        match placed.parse::<Expr>() {
            Ok(formula) => Some(formula),
            Err(errors) => {
                self.errors.extend(errors.iter().map(|error| cedar_error(file, error)));
                None
            }
        }
    }

    fn date(&mut self, text: Option<&Spanned<String>>) -> Option<Date> {
        let text = text?;
        match text.get_ref().parse::<Date>() {
            Ok(date) if text.get_ref().len() == 10 => Some(date),
            _ => {
                let what = format!("`{}` is not a date", text.get_ref());
                self.error(text.span(), what, "write year, month and day: `2018-03-23`");
                None
            }
        }
    }

    fn error(&mut self, span: std::ops::Range<usize>, what: String, help: impl Into<String>) {
        self.errors.push(self.file.at(span, what).help(help));
    }
}

/// What Cedar's own validator has to say of a condition.
fn type_errors(schema: &Schema, formula: &Expr, file: &SourceFile) -> Vec<Diagnostic> {
    let id: ast::PolicyID = ast::PolicyID::from_string("claim");
    let policy = ast::Policy::from_when_clause(ast::Effect::Permit, formula.clone(), id, None);
    let policy: cedar_policy::Policy = policy.into();
    let policy = policy.new_id(PolicyId::new("claim"));
    let set = match PolicySet::from_policies([policy]) {
        Ok(set) => set,
        Err(error) => return vec![Diagnostic::about_file(file.path(), error.to_string())],
    };
    let result = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
    result.validation_errors().map(|error| cedar_error(file, error)).collect()
}
