//! From a script as written to a script that can be played.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde_spanned::Spanned;

use super::case::Case;
use super::include::world_changes;
use super::known::{Reader, header, inside_out};
use super::moment::Moment;
use super::names::Names;
use super::raw::{RawCase, RawExpect, RawScript, RawStep, RawWorld, Text};
use super::script::{ClosedBy, Expect, History, NOT_IN_FORCE, Script, Setting, Step};
use crate::demand::Act;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::world::WorldChanges;

/// All that is wrong with one script, from its top to its end.
#[derive(Debug, Clone)]
pub struct BadScript(Vec<Diagnostic>);

impl BadScript {
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0
    }
}

impl fmt::Display for BadScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, diagnostic) in self.0.iter().enumerate() {
            let gap = if place == 0 { "" } else { "\n" };
            write!(f, "{gap}{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for BadScript {}

impl From<Diagnostic> for BadScript {
    fn from(diagnostic: Diagnostic) -> Self {
        BadScript(vec![diagnostic])
    }
}

/// The scripts that come with the program, as the files they were.
pub fn built_in() -> impl Iterator<Item = SourceFile> {
    built_in_under("config/scenarios/")
}

/// The real cases that come with the program, as the files they were.
pub fn built_in_cases() -> impl Iterator<Item = SourceFile> {
    built_in_under("config/scenarios/cases/")
}

/// The files of a folder itself, and of none below it.
fn built_in_under(folder: &'static str) -> impl Iterator<Item = SourceFile> {
    crate::embedded::under(folder)
        .filter(move |(path, _)| !path[folder.len()..].contains('/'))
        .map(|(path, text)| SourceFile::new(path, text))
}

impl Script {
    /// Reads and checks a script file against the names of the world it plays in.
    pub fn read(path: &Path, names: &Names) -> Result<Script, BadScript> {
        Script::parse(&SourceFile::read(path)?, names)
    }

    /// Parses and checks a script that was read already.
    pub fn parse(file: &SourceFile, names: &Names) -> Result<Script, BadScript> {
        let raw: RawScript = file.parse_toml()?;
        let mut reader = Reader::new(file, names);
        let script = reader.script(raw);
        let mut errors = reader.errors;
        errors.sort_by_key(Diagnostic::place);
        match script {
            Some(mut script) if errors.is_empty() => {
                script.setting.changes = world_changes(file).map_err(|wrong| BadScript(wrong.into()))?;
                Ok(script)
            }
            _ => Err(BadScript(errors)),
        }
    }
}

impl Reader<'_> {
    fn script(&mut self, raw: RawScript) -> Option<Script> {
        let start = self.parse::<Moment>(&raw.start);
        let setting = self.setting(raw.world);
        let accounts: Vec<_> = raw.account.into_iter().filter_map(|account| self.account(account)).collect();
        self.lost = !self.errors.is_empty();
        let mut earlier = start.map(|start| (start, "the start"));
        let mut steps = Vec::new();
        let mut expects = Vec::new();
        for (index, mut step) in raw.step.into_iter().enumerate() {
            let at = self.parse_after(&step.get_ref().at, earlier);
            if let Some(at) = at {
                earlier = Some((at, "the step before it"));
            }
            self.step = index + 1;
            expects.push((self.step, std::mem::take(&mut step.get_mut().expect)));
            let step = self.step(at, step);
            self.lost |= step.is_none();
            steps.extend(step);
        }
        // A step can be asked about later ones, so what is expected is read when all steps are known.
        for (number, expects) in expects {
            let Some(place) = steps.iter().position(|step| step.number == number) else { continue };
            let at = steps[place].at;
            let read: Vec<Expect> =
                expects.into_iter().filter_map(|expect| self.expect(number, at, &steps, expect)).collect();
            steps[place].expects = read;
        }
        if steps.is_empty() && self.errors.is_empty() {
            let nothing = Diagnostic::about_file(self.file.path(), "nothing happens in this script")
                .help("add at least one `[[step]]`");
            self.errors.push(nothing);
        }
        let case = raw.case.map(|case| self.case(case));
        Some(Script {
            case: inside_out(case)?,
            path: self.file.path().to_owned(),
            title: raw.title,
            intro: raw.intro,
            start: start?,
            seed: raw.seed,
            setting,
            accounts,
            steps,
        })
    }

    fn case(&mut self, raw: Spanned<RawCase>) -> Option<Case> {
        let span = header(raw.span());
        let raw = raw.into_inner();
        self.step = usize::MAX;
        let matter = raw.matter.as_ref().map(|matter| self.matter(matter));
        if matter.is_none() && raw.outside.is_none() {
            self.error(span, "a case with no `matter` and no `outside`").help(
                "name the demand that stands for that of the case, or say why the model cannot hold it",
            );
            return None;
        }
        let names = self.names;
        if let Some(rule) = raw.rule.as_ref().filter(|rule| !names.rules.contains_key(rule.get_ref())) {
            self.unknown("rule", rule, names.rules.keys().map(String::as_str));
            return None;
        }
        let date = raw.date.get_ref().to_string().parse();
        if date.is_err() {
            self.error(raw.date.span(), format!("`{}` is not a day", raw.date.get_ref()))
                .help("write `date = 2016-07-14`");
        }
        Some(Case {
            name: raw.name,
            court: raw.court,
            date: date.ok()?,
            matter: inside_out(matter)?,
            classes: raw.classes,
            act: raw.act.unwrap_or(Act::Disclose),
            outcome: raw.outcome,
            role: raw.role,
            rule: raw.rule.map(Spanned::into_inner),
            outside: raw.outside,
            history: History {
                happened: raw.happened,
                source: raw.source,
                mark: raw.mark,
                from_memory: raw.from_memory,
            },
        })
    }

    fn setting(&mut self, raw: RawWorld) -> Setting {
        let mut key_custody = BTreeMap::new();
        for (region, override_) in raw.regions {
            let region = self.region(&region);
            key_custody.extend(region.zip(override_.key_custody));
        }
        Setting { stance: raw.stance, key_custody, changes: WorldChanges::default() }
    }

    fn step(&mut self, at: Option<Moment>, raw: Spanned<RawStep>) -> Option<Step> {
        let span = header(raw.span());
        let raw = raw.into_inner();
        let history = self.history(&raw);
        let note = raw.note.as_ref().map(|note| note.get_ref().clone());
        let title = match (raw.title, note) {
            (Some(title), None) => Some(title),
            (None, Some(note)) => Some(note),
            (Some(_), Some(_)) => {
                self.error(span.clone(), "a step with both `title` and `note`")
                    .help("a note is its own title; `happened` is the place for more");
                None
            }
            (None, None) => {
                self.error(span.clone(), "a step without `title`").help("one line that says what happens");
                None
            }
        };
        let actions = super::action::RawActions {
            demand: raw.demand,
            order: raw.order,
            filing: raw.filing,
            stance: raw.stance,
            route: raw.route,
            note: raw.note,
        };
        let action = self.action(&span, at, actions);
        let look = raw.look.iter().filter_map(|name| self.account_named(name)).collect();
        let line = self.line(span);
        Some(Step {
            number: self.step,
            line,
            at: at?,
            place: raw.place,
            title: title?,
            action: action?,
            look,
            history,
            expects: Vec::new(),
        })
    }

    fn history(&mut self, raw: &RawStep) -> Option<History> {
        let Some(happened) = &raw.happened else {
            let beside =
                [raw.source.as_ref(), raw.from_memory.as_ref()].into_iter().flatten().map(Text::span);
            if let Some(span) = beside.chain(raw.mark.as_ref().map(Spanned::span)).next() {
                self.error(span, "says where something was read, but not what")
                    .help("add `happened = \"...\"` to this step");
            }
            return None;
        };
        let (Some(source), Some(mark)) = (&raw.source, &raw.mark) else {
            let missing = if raw.source.is_none() { "source" } else { "mark" };
            self.error(happened.span(), format!("history without `{missing}`"))
                .help("`source` says where it was read; `mark` is `verified`, `verified-secondary` or `from memory`");
            return None;
        };
        Some(History {
            happened: happened.get_ref().clone(),
            source: source.get_ref().clone(),
            mark: *mark.get_ref(),
            from_memory: raw.from_memory.as_ref().map(|text| text.get_ref().clone()),
        })
    }

    /// By what a rule is expected to be closed: by its time, or by facts that it looks at.
    fn closed_by(&mut self, rule: &Text, by: Vec<Text>) -> Option<ClosedBy> {
        let names = self.names;
        let Some(looked_at) = names.rules.get(rule.get_ref()) else {
            self.unknown("rule", rule, names.rules.keys().map(String::as_str));
            return None;
        };
        if let [only] = &by[..]
            && only.get_ref() == NOT_IN_FORCE
        {
            return Some(ClosedBy::Time);
        }
        if by.is_empty() {
            let what = format!("nothing is said of what closes `{}`", rule.get_ref());
            self.error(rule.span(), what)
                .help("name the facts on which its conditions fail, or `not-in-force` alone");
            return None;
        }
        let before = self.errors.len();
        for fact in by.iter().filter(|fact| !looked_at.contains(fact.get_ref())) {
            let kind = format!("fact that `{}` looks at:", rule.get_ref());
            self.unknown(&kind, fact, looked_at.iter().map(String::as_str));
        }
        let facts = by.into_iter().map(Spanned::into_inner).collect();
        (self.errors.len() == before).then_some(ClosedBy::Facts(facts))
    }

    fn expect(
        &mut self,
        number: usize,
        at: Moment,
        steps: &[Step],
        raw: Spanned<RawExpect>,
    ) -> Option<Expect> {
        let span = header(raw.span());
        let raw = raw.into_inner();
        let on = raw.on.as_ref().map(|on| self.parse_after(on, Some((at, "its step"))));
        self.step = match on {
            Some(Some(on)) => steps
                .iter()
                .filter(|step| step.at.time() <= on.time())
                .map(|step| step.number)
                .max()
                .unwrap_or(number),
            // Asked at a moment that could not be read: anything may be named.
            Some(None) => usize::MAX,
            None => number,
        };
        let matter = self.matter(&raw.matter);
        let account = raw.account.as_ref().map(|name| self.account_named(name));
        let region = raw.region.as_ref().map(|region| self.region(region));
        let due_at = self.parse_optional(raw.due_at.as_ref());
        let told_at = self.parse_optional(raw.told_at.as_ref());
        let suspended_by = match (&raw.suspended_by, &matter) {
            (Some(paper), Some(matter)) => Some(self.paper(matter, paper)),
            _ => None,
        };
        let mut positions = BTreeMap::new();
        for (jurisdiction, kind) in raw.positions {
            positions.extend(self.jurisdiction(&jurisdiction).map(|jurisdiction| (jurisdiction, kind)));
        }
        let names = self.names;
        for rule in raw
            .because
            .iter()
            .chain(&raw.not_because)
            .filter(|rule| !names.rules.contains_key(rule.get_ref()))
        {
            self.unknown("rule", rule, names.rules.keys().map(String::as_str));
        }
        let mut closed = BTreeMap::new();
        for (rule, by) in raw.closed {
            closed.extend(self.closed_by(&rule, by).map(|by| (rule.into_inner(), by)));
        }
        let expect = Expect {
            line: self.line(span.clone()),
            matter: matter?,
            account: inside_out(account)?,
            class: raw.class,
            region: inside_out(region)?,
            act: raw.act.unwrap_or(Act::Disclose),
            duty: raw.duty,
            conduct: raw.conduct,
            outcome: raw.outcome,
            suspended: raw.suspended,
            suspended_by: inside_out(suspended_by)?,
            due: raw.due,
            due_at: due_at?,
            positions,
            because: raw.because.into_iter().map(Spanned::into_inner).collect(),
            not_because: raw.not_because.into_iter().map(Spanned::into_inner).collect(),
            closed,
            disposition: raw.disposition,
            told: raw.told,
            told_at: told_at?,
            published: raw.published,
            on: inside_out(on)?,
        };
        if !expect.asks_items() && !expect.asks_matter() {
            self.error(span, "an expectation that expects nothing").help(
                "say what is expected: `duty`, `conduct`, `outcome`, `suspended`, `suspended-by`, `due`, `due-at`, \
                 `positions`, `because`, `not-because`, `closed`, `disposition`, `told`, `told-at` or `published`",
            );
            return None;
        }
        Some(expect)
    }
}
