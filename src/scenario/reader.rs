//! From a script as written to a script that can be played.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;

use serde_spanned::Spanned;

use super::case::Case;
use super::include::world_changes;
use super::moment::Moment;
use super::names::Names;
use super::raw::{
    RawAccount, RawCase, RawExpect, RawScript, RawSelector, RawStance, RawStep, RawWorld, Text,
};
use super::script::{
    AccountSpec, Expect, History, InlineAccount, InlineMessage, Script, Setting, StanceChange, Step,
};
use crate::demand::{Act, DemandId};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::gate::{PaperId, Selector};
use crate::world::{Address, AuthorityId, EntityId, Jurisdiction, RegionId, WorldChanges};

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

/// Reads one file, and gathers what is wrong instead of stopping at the first error. A function that returns `None`
/// has said why in `errors`.
pub(super) struct Reader<'a> {
    file: &'a SourceFile,
    pub(super) names: &'a Names,
    errors: Vec<Diagnostic>,
    /// The script's accounts, by the names it may use for them.
    accounts: BTreeMap<String, Address>,
    /// The demands, among them those that a treaty route will bring, with the step that begins them.
    matters: BTreeMap<DemandId, usize>,
    /// The orders and filings of each matter, with their step.
    papers: BTreeMap<DemandId, BTreeMap<PaperId, usize>>,
    /// Something that could not be read may have had any name, so a name that is not found proves nothing any more.
    lost: bool,
    /// The number of the step from which one looks back: only what had begun by then can be named.
    step: usize,
}

impl<'a> Reader<'a> {
    fn new(file: &'a SourceFile, names: &'a Names) -> Self {
        Reader {
            file,
            names,
            errors: Vec::new(),
            accounts: BTreeMap::new(),
            matters: BTreeMap::new(),
            papers: BTreeMap::new(),
            lost: false,
            step: 0,
        }
    }

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
        if let Some(rule) = raw.rule.as_ref().filter(|rule| !names.rules.contains(rule.get_ref())) {
            self.unknown("rule", rule, names.rules.iter().map(String::as_str));
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
        Setting { stance: stance(raw.stance), key_custody, changes: WorldChanges::default() }
    }

    fn account(&mut self, raw: Spanned<RawAccount>) -> Option<AccountSpec> {
        let span = header(raw.span());
        let raw = raw.into_inner();
        let spec = match &raw.story {
            Some(story) => self.story_account(story, &raw),
            None => self.inline_account(span.clone(), raw),
        }?;
        if self.accounts.insert(spec.name().to_owned(), spec.address().clone()).is_some() {
            self.error(span, format!("a second account called `{}`", spec.name()))
                .help("give each its own name");
            return None;
        }
        Some(spec)
    }

    fn story_account(&mut self, story: &Text, raw: &RawAccount) -> Option<AccountSpec> {
        let others = [
            &raw.name,
            &raw.address,
            &raw.holder,
            &raw.declared_country,
            &raw.contracted_with,
            &raw.residence,
            &raw.nationality,
        ];
        let other = others.into_iter().flatten().map(Text::span).next();
        if let Some(span) = other.or(raw.message.as_ref().map(Spanned::span)) {
            self.error(span, "a story account is used as it is").help("leave out every key but `story`");
            return None;
        }
        let names = self.names;
        match names.story.get(story.get_ref()) {
            Some(address) => {
                Some(AccountSpec::Story { name: story.get_ref().clone(), address: address.clone() })
            }
            None => {
                self.unknown("story account", story, names.story.keys().map(String::as_str));
                None
            }
        }
    }

    fn inline_account(&mut self, span: Range<usize>, raw: RawAccount) -> Option<AccountSpec> {
        let Some(name) = raw.name else {
            self.error(span, "an account without `story` or `name`").help(
                "`story = \"...\"` takes an account of the story; `name`, `address`, `holder`, \
                       `declared-country` and `contracted-with` make a new one",
            );
            return None;
        };
        let needed = |reader: &mut Self, value: Option<Text>, key: &str| {
            if value.is_none() {
                reader.error(name.span(), format!("account `{}` has no `{key}`", name.get_ref()));
            }
            value
        };
        let address = needed(self, raw.address, "address").and_then(|text| self.parse(&text));
        let holder = needed(self, raw.holder, "holder");
        let declared =
            needed(self, raw.declared_country, "declared-country").and_then(|text| self.parse(&text));
        let contracted_with =
            needed(self, raw.contracted_with, "contracted-with").and_then(|text| self.entity(&text));
        let residence = self.parse_optional(raw.residence.as_ref());
        let nationality = self.parse_optional(raw.nationality.as_ref());
        let mut messages = Vec::new();
        for message in raw.message.map(Spanned::into_inner).unwrap_or_default() {
            let to: Vec<Address> = message.to.iter().filter_map(|to| self.parse(to)).collect();
            let (date, from) = (self.parse(&message.date), self.parse(&message.from));
            if let (Some(date), Some(from)) = (date, from) {
                let (subject, body) = (message.subject, message.body);
                messages.push(InlineMessage { date, from, to, subject, body });
            }
        }
        Some(AccountSpec::Inline(InlineAccount {
            name: name.into_inner(),
            address: address?,
            holder: holder?.into_inner(),
            contracted_with: contracted_with?,
            declared_country: declared?,
            residence: residence?,
            nationality: nationality?,
            messages,
        }))
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
        let suspended_by = match (&raw.suspended_by, &matter) {
            (Some(paper), Some(matter)) => Some(self.paper(matter, paper)),
            _ => None,
        };
        let mut positions = BTreeMap::new();
        for (jurisdiction, kind) in raw.positions {
            positions.extend(self.jurisdiction(&jurisdiction).map(|jurisdiction| (jurisdiction, kind)));
        }
        let names = self.names;
        for rule in
            raw.because.iter().chain(&raw.not_because).filter(|rule| !names.rules.contains(rule.get_ref()))
        {
            self.unknown("rule", rule, names.rules.iter().map(String::as_str));
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
            disposition: raw.disposition,
            on: inside_out(on)?,
        };
        if !expect.asks_items() && expect.disposition.is_none() {
            self.error(span, "an expectation that expects nothing").help(
                "say what is expected: `duty`, `conduct`, `outcome`, `suspended`, `suspended-by`, `due`, `due-at`, \
                 `positions`, `because`, `not-because` or `disposition`",
            );
            return None;
        }
        Some(expect)
    }

    // --- Names -----------------------------------------------------------------------------------------------

    pub(super) fn selector(&mut self, raw: &RawSelector) -> Selector {
        let regions = raw.regions.iter().filter_map(|region| self.region(region)).collect();
        Selector { classes: raw.classes.clone(), regions }
    }

    pub(super) fn matter(&mut self, text: &Text) -> Option<DemandId> {
        let id: DemandId = self.parse(text)?;
        let step = self.step;
        let begun: BTreeSet<DemandId> =
            self.matters.iter().filter(|(_, from)| **from <= step).map(|(id, _)| id.clone()).collect();
        if begun.contains(&id) {
            return Some(id);
        }
        if self.lost {
            return None;
        }
        self.unknown("matter", text, begun.iter().map(DemandId::as_str))
            .help("a matter begins with the `demand` of that `id`, and can be named from then on");
        None
    }

    /// A new matter, under an id that none had before.
    pub(super) fn new_matter(&mut self, text: &Text) -> Option<DemandId> {
        let id: DemandId = self.parse(text)?;
        if self.matters.insert(id.clone(), self.step).is_some() {
            self.error(text.span(), format!("a second demand with the id `{id}`"))
                .help("give each its own id");
            return None;
        }
        Some(id)
    }

    pub(super) fn paper(&mut self, matter: &DemandId, text: &Text) -> Option<PaperId> {
        let id: PaperId = self.parse(text)?;
        let step = self.step;
        let papers = self.papers.get(matter).into_iter().flatten();
        let papers: BTreeSet<PaperId> =
            papers.filter(|(_, from)| **from <= step).map(|(id, _)| id.clone()).collect();
        if papers.contains(&id) {
            return Some(id);
        }
        if self.lost {
            return None;
        }
        self.unknown("order or filing", text, papers.iter().map(PaperId::as_str))
            .help(format!("it has to stand in matter `{matter}`, before it is named"));
        None
    }

    /// A new order or filing, under an id that none in its matter had before.
    pub(super) fn new_paper(&mut self, matter: &DemandId, text: &Text) -> Option<PaperId> {
        let id: PaperId = self.parse(text)?;
        if self.papers.entry(matter.clone()).or_default().insert(id.clone(), self.step).is_some() {
            self.error(text.span(), format!("a second order or filing `{id}` in matter `{matter}`"))
                .help("give each its own id");
            return None;
        }
        Some(id)
    }

    pub(super) fn account_named(&mut self, text: &Text) -> Option<Address> {
        let found = self
            .accounts
            .get(text.get_ref())
            .or_else(|| self.accounts.values().find(|address| address.as_str() == text.get_ref()));
        if found.is_some() || self.lost {
            return found.cloned();
        }
        let accounts = self.accounts.clone();
        self.unknown("account", text, accounts.keys().map(String::as_str))
            .help("an account is opened with `[[account]]`, and named by its name or address");
        None
    }

    pub(super) fn region(&mut self, text: &Text) -> Option<RegionId> {
        let names = self.names;
        self.known("region", text, names.regions.keys(), RegionId::as_str)
    }

    pub(super) fn authority(&mut self, text: &Text) -> Option<AuthorityId> {
        let names = self.names;
        self.known("authority", text, names.authorities.keys(), AuthorityId::as_str)
    }

    pub(super) fn entity(&mut self, text: &Text) -> Option<EntityId> {
        let names = self.names;
        self.known("entity of the provider", text, names.entities.keys(), EntityId::as_str)
    }

    fn jurisdiction(&mut self, text: &Text) -> Option<Jurisdiction> {
        let names = self.names;
        self.known("jurisdiction", text, names.jurisdictions.iter(), Jurisdiction::as_str)
    }

    fn known<'k, T: Clone + 'k>(
        &mut self,
        kind: &str,
        text: &Text,
        known: impl Iterator<Item = &'k T> + Clone,
        as_str: fn(&T) -> &str,
    ) -> Option<T> {
        let found = known.clone().find(|name| as_str(name) == text.get_ref());
        if found.is_none() {
            self.unknown(kind, text, known.map(as_str));
        }
        found.cloned()
    }

    // --- Errors ----------------------------------------------------------------------------------------------

    pub(super) fn parse<T: FromStr<Err: fmt::Display>>(&mut self, text: &Text) -> Option<T> {
        match text.get_ref().parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.error(text.span(), error.to_string());
                None
            }
        }
    }

    /// `Some(None)` where there is nothing to parse.
    pub(super) fn parse_optional<T: FromStr<Err: fmt::Display>>(
        &mut self,
        text: Option<&Text>,
    ) -> Option<Option<T>> {
        inside_out(text.map(|text| self.parse(text)))
    }

    pub(super) fn parse_after(&mut self, text: &Text, earlier: Option<(Moment, &str)>) -> Option<Moment> {
        let moment: Moment = self.parse(text)?;
        match earlier {
            Some((earlier, what)) if moment.time() < earlier.time() => {
                self.error(text.span(), format!("`{moment}` is earlier than {what}, at `{earlier}`"))
                    .help("time only goes forward; put it in its place");
                None
            }
            _ => Some(moment),
        }
    }

    pub(super) fn error(&mut self, span: Range<usize>, what: impl Into<String>) -> Advice<'_> {
        self.errors.push(self.file.at(span, what));
        Advice(&mut self.errors)
    }

    fn unknown<'n>(&mut self, kind: &str, text: &Text, allowed: impl Iterator<Item = &'n str>) -> Advice<'_> {
        let found = text.get_ref();
        let error = self.file.at(text.span(), format!("unknown {kind} `{found}`"));
        let allowed: Vec<&str> = allowed.collect();
        let error = if allowed.is_empty() {
            error.help(format!("there is no {kind} to name yet"))
        } else {
            error.allowed(found, allowed)
        };
        self.errors.push(error);
        Advice(&mut self.errors)
    }

    fn line(&self, span: Range<usize>) -> usize {
        self.file.at(span, "").place().map_or(0, |(line, _)| line)
    }
}

/// The error that was just noted, so that advice can be added to it.
pub(super) struct Advice<'a>(&'a mut Vec<Diagnostic>);

impl Advice<'_> {
    pub(super) fn help(self, line: impl Into<String>) {
        if let Some(error) = self.0.pop() {
            self.0.push(error.help(line));
        }
    }
}

pub(super) fn stance(raw: RawStance) -> StanceChange {
    StanceChange {
        compelled: raw.compelled,
        compelled_foreign: raw.compelled_foreign,
        conflict: raw.conflict,
        open: raw.open,
        free: raw.free,
        emergency: raw.emergency,
    }
}

/// The first line of a table: its span starts at the header, and may end far below.
pub(super) fn header(span: Range<usize>) -> Range<usize> {
    span.start..span.start
}

/// Turns "there may be one, and it may be wrong" inside out: `None` if it is wrong.
pub(super) fn inside_out<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(value) => value.map(Some),
    }
}
