//! How a scenario's world differs from the one it starts from.
//!
//! ```toml
//! [world.regions.ie-dublin]
//! key-custody = "region"
//!
//! [world.stance]
//! compelled-foreign = "refuse"
//! ```
//!
//! Tables are merged key by key into the files of the world; anything else takes the place of what was there, a list
//! as a whole. A region or an authority that is not there yet is added. Then the whole world is read and checked
//! again, and what is wrong with a file because of a change is reported where the change was written.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use toml::{Table, Value};

use super::places::{Places, Step};
use super::roster::demo_keys;
use super::{SourceMark, World, WorldSource};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceFile, nearest as nearest_name};

/// What may be changed, the file it is in, and the keys to go down in that file.
const NOUNS: [(&str, Target); 11] = [
    ("regions", Target::FileEach("regions")),
    ("authorities", Target::FileEach("config/authorities")),
    ("entities", Target::Within("config/provider.toml", "entities")),
    ("placement", Target::Within("config/provider.toml", "placement")),
    ("stance", Target::Within("config/provider.toml", "stance")),
    ("domains", Target::Within("config/provider.toml", "domains")),
    ("blocs", Target::Within("config/countries.toml", "blocs")),
    ("countries", Target::Within("config/countries.toml", "countries")),
    ("treaties", Target::Within("config/treaties.toml", "treaties")),
    ("routes", Target::Within("config/routes.toml", "routes")),
    ("witnesses", Target::Within("config/roster.toml", "witnesses")),
];

#[derive(Clone, Copy)]
enum Target {
    /// Each key is a file of its own in this folder.
    FileEach(&'static str),
    /// In this file under this key.
    Within(&'static str, &'static str),
}

/// Changes to a world, as a file states them.
#[derive(Clone, Debug, Default)]
pub struct WorldChanges {
    list: Vec<Change>,
}

#[derive(Clone, Debug)]
struct Change {
    written_in: SourceFile,
    places: Places,
    /// Where `value` stands in the file it was written in.
    written_at: Vec<Step>,
    value: Value,
    /// The file of the world to change, and where in it.
    path: String,
    under: Option<&'static str>,
}

impl WorldChanges {
    /// Reads the changes in one table of a file, such as `&["world"]` of a scenario; `&[]` is the whole file. A table
    /// that is not there changes nothing.
    pub fn read(file: &SourceFile, table: &[&str]) -> Result<Self, Diagnostics> {
        let document: Value = file.parse_toml()?;
        let places = Places::of(file.text()).expect("what parses as a value parses as places");
        let at: Vec<Step> = table.iter().map(|key| Step::Key((*key).to_owned())).collect();
        let Some(value) = table.iter().try_fold(&document, |value, key| value.get(key)) else {
            return Ok(WorldChanges::default());
        };
        let Some(changes) = value.as_table() else {
            let wrong = file.at(places.nearest(&at, false), "changes to the world are a table");
            return Err(wrong.help("write what changes, such as `[world.regions.ie-dublin]` and `key-custody = \"region\"` under it").into());
        };
        let mut list = Vec::new();
        let mut findings = Vec::new();
        for (noun, value) in changes {
            let mut written_at = at.clone();
            written_at.push(Step::Key(noun.clone()));
            let change = |value: &Value, written_at: Vec<Step>, path: String, under| Change {
                written_in: file.clone(),
                places: places.clone(),
                written_at,
                value: value.clone(),
                path,
                under,
            };
            match (NOUNS.iter().find(|(name, _)| name == noun).map(|(_, target)| *target), value) {
                (Some(Target::Within(path, under)), _) => {
                    list.push(change(value, written_at, path.to_owned(), Some(under)));
                }
                (Some(Target::FileEach(folder)), Value::Table(files)) => {
                    for (id, value) in files {
                        let mut written_at = written_at.clone();
                        written_at.push(Step::Key(id.clone()));
                        list.push(change(value, written_at, format!("{folder}/{id}.toml"), None));
                    }
                }
                (Some(Target::FileEach(_)), _) => {
                    let what = format!("`{noun}` is a table with a table for each id");
                    let help = format!("write `[world.{noun}.ID]`, and the keys that change under it");
                    findings.push(file.at(places.nearest(&written_at, false), what).help(help));
                }
                (None, _) => findings.push(
                    file.at(places.nearest(&written_at, true), format!("`{noun}` is nothing of a world"))
                        .allowed(noun, NOUNS.iter().map(|(name, _)| *name)),
                ),
            }
        }
        for change in &list {
            if change.under.is_none() && !change.value.is_table() {
                let wrong = change.wrong("a file of the world is changed by a table");
                findings
                    .push(wrong.help("write the keys that change, such as `{ key-custody = \"region\" }`"));
            }
        }
        Diagnostics::unless(Some(WorldChanges { list }), findings)
    }

    /// These changes and then others.
    pub fn then(mut self, later: WorldChanges) -> Self {
        self.list.extend(later.list);
        self
    }

    /// These changes without those of one noun, such as `stance`.
    pub fn without(mut self, noun: &str) -> Self {
        self.list.retain(|change| change.under != Some(noun));
        self
    }

    /// True if nothing changes.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl World {
    /// This world with changes, read and checked again as a whole.
    pub fn with(&self, changes: &WorldChanges) -> Result<World, Diagnostics> {
        let source = changes.applied_to(self)?;
        World::from_source(source.clone())
            .map_err(|wrong| wrong.map(|one| changes.explain(one, self, &source)))
    }
}

impl WorldChanges {
    fn applied_to(&self, world: &World) -> Result<WorldSource, Diagnostics> {
        let mut source = world.source.clone();
        let mut documents: BTreeMap<&str, Value> = BTreeMap::new();
        for change in &self.list {
            let document = match documents.entry(&change.path) {
                Entry::Occupied(document) => document.into_mut(),
                Entry::Vacant(place) => place.insert(match source.file(&change.path) {
                    Some(file) => file.parse_toml()?,
                    None => change.new_document(world),
                }),
            };
            change.apply(document);
        }
        for (path, document) in &documents {
            let text = toml::to_string(document).map_err(|error| {
                Diagnostic::about_file(
                    Path::new(path),
                    format!("cannot be written with its changes: {error}"),
                )
            })?;
            source.put(path, SourceFile::new(*path, text))?;
        }
        Ok(source)
    }

    /// Takes an error in a merged file to the change it comes from.
    fn explain(&self, error: Diagnostic, world: &World, merged: &WorldSource) -> Diagnostic {
        let of_file = || self.list.iter().filter(|change| error.path() == Path::new(&change.path));
        let Some(first) = of_file().next() else {
            let Some(any) = self.list.first() else { return error };
            return error.help(format!("as changed by `{}`", any.written_in.path().display()));
        };
        let places = merged.file(&first.path).and_then(|file| Some((file, Places::of(file.text())?)));
        let Some((file, places)) = places else { return error };
        let byte = error.place().and_then(|(line, column)| file.byte_at(line, column)).unwrap_or(0);
        let path = places.path_to(byte);
        let at_key = places.is_key(&path, byte);
        let nearest = of_file().filter_map(|change| Some((change, change.rest_of(&path)?))).next_back();
        let (change, rest) = nearest.unwrap_or((first, &[]));
        let at: Vec<Step> = change.written_at.iter().chain(rest).cloned().collect();
        let moved = error.moved_to(&change.written_in, change.places.nearest(&at, at_key));
        match change.added(rest, world) {
            // What is new is perhaps only misspelt.
            Some((id, known)) => match nearest_name(id, known.iter().map(String::as_str)) {
                Some(near) => moved.help(format!("`{id}` is new to this world; did you mean `{near}`?")),
                None => moved.help(format!("`{id}` is new to this world")),
            },
            None => moved,
        }
    }
}

impl Change {
    fn wrong(&self, what: &str) -> Diagnostic {
        self.written_in.at(self.places.nearest(&self.written_at, false), what)
    }

    fn apply(&self, document: &mut Value) {
        let Some(under) = self.under else { return merge(document, &self.value) };
        let Value::Table(table) = document else { return };
        match (table.get_mut(under), &self.value) {
            // The cases of a stance that a scenario names are meant for every date.
            (Some(Value::Array(entries)), Value::Table(cases)) if under == "stance" => {
                for entry in entries {
                    merge(entry, &Value::Table(cases.clone()));
                    if let Value::Table(entry) = entry {
                        entry.remove("note");
                        let chosen = Value::String(SourceMark::ModellingChoice.as_str().to_owned());
                        entry.insert("source".to_owned(), cases.get("source").cloned().unwrap_or(chosen));
                    }
                }
            }
            (Some(old), new) => merge(old, new),
            (None, new) => {
                table.insert(under.to_owned(), new.clone());
            }
        }
    }

    /// The start of a file that the world does not have yet. An authority of a demo gets its keys.
    fn new_document(&self, world: &World) -> Value {
        let mut table = Table::new();
        let Some(Step::Key(id)) = self.written_at.last() else { return Value::Table(table) };
        table.insert("id".to_owned(), Value::String(id.clone()));
        if self.path.starts_with("config/authorities/")
            && let (Some(seed), Ok(id)) = (world.roster.demo_seed.as_deref(), id.parse())
        {
            let (signing, recipient) = demo_keys(seed, &id);
            table.insert("signing-key".to_owned(), Value::String(signing));
            table.insert("recipient-key".to_owned(), Value::String(recipient));
        }
        Value::Table(table)
    }

    /// The id of something that this change adds, where a path leads into it, and the ids that were there before.
    fn added<'a>(&'a self, rest: &'a [Step], world: &World) -> Option<(&'a str, Vec<String>)> {
        let (id, known): (_, Vec<String>) = match self.under {
            None => {
                let folder = self.path.rsplit_once('/')?.0;
                let known = world.source.folder(folder).map(|(stem, _)| stem.to_owned()).collect();
                (self.written_at.last()?, known)
            }
            // The classes of data are what they are; no scenario adds one.
            Some("placement") => return None,
            Some(under) => {
                let document: Value = world.source.file(&self.path)?.parse_toml().ok()?;
                (rest.first()?, document.get(under)?.as_table()?.keys().cloned().collect())
            }
        };
        match id {
            Step::Key(id) if !known.contains(id) => Some((id, known)),
            _ => None,
        }
    }

    /// What is left of a path in the merged file below what this change says, if the path leads there.
    fn rest_of<'a>(&self, path: &'a [Step]) -> Option<&'a [Step]> {
        let Some(under) = self.under else { return Some(path) };
        match path.split_first() {
            Some((Step::Key(key), rest)) if key == under => match (rest.split_first(), &self.value) {
                (Some((Step::Index(_), rest)), Value::Table(_)) => Some(rest),
                _ => Some(rest),
            },
            _ => None,
        }
    }
}

/// Merges tables key by key; anything else takes the place of what was there.
fn merge(base: &mut Value, change: &Value) {
    match (base, change) {
        (Value::Table(base), Value::Table(change)) => {
            for (key, value) in change {
                match base.get_mut(key) {
                    Some(old) => merge(old, value),
                    None => {
                        base.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (base, change) => *base = change.clone(),
    }
}
