use std::collections::BTreeMap;
use std::ops::Range;

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

/// One step into a TOML document.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// Where each part of a TOML document stands in its text, in bytes.
#[derive(Clone, Debug)]
pub(super) struct Places {
    key: Range<usize>,
    value: Range<usize>,
    parts: BTreeMap<Step, Places>,
}

impl Places {
    /// `None` if the text is not TOML.
    pub fn of(text: &str) -> Option<Self> {
        let document = DeTable::parse(text).ok()?;
        Some(Places { key: 0..0, value: document.span(), parts: table(document.get_ref()) })
    }

    /// The part at the end of a path.
    pub fn part(&self, path: &[Step]) -> Option<&Places> {
        path.iter().try_fold(self, |places, step| places.parts.get(step))
    }

    /// The path to the smallest part around a byte.
    pub fn path_to(&self, byte: usize) -> Vec<Step> {
        self.smallest(byte).map(|(_, path)| path.into_iter().rev().collect()).unwrap_or_default()
    }

    /// Size and reversed path of the smallest part around a byte. All parts are looked into: one that is written in
    /// a table of its own does not stand between the brackets of the table it belongs to.
    fn smallest(&self, byte: usize) -> Option<(usize, Vec<Step>)> {
        let own =
            [&self.key, &self.value].into_iter().filter(|span| span.contains(&byte)).map(Range::len).min();
        let inner = self.parts.iter().filter_map(|(step, part)| {
            let (size, mut path) = part.smallest(byte)?;
            path.push(step.clone());
            Some((size, path))
        });
        own.map(|size| (size, Vec::new())).into_iter().chain(inner).min_by_key(|(size, _)| *size)
    }

    /// Where to point for a path: at its end, or as far towards it as there is something. `at_key` chooses the key
    /// rather than the value.
    pub fn nearest(&self, path: &[Step], at_key: bool) -> Range<usize> {
        match path.split_first() {
            Some((step, rest)) if self.parts.contains_key(step) => self.parts[step].nearest(rest, at_key),
            rest => {
                let in_value = rest.is_none() && !at_key && !self.value.is_empty();
                if in_value { self.value.clone() } else { self.key.clone() }
            }
        }
    }

    /// True if a byte is in the key of the part at the end of a path.
    pub fn is_key(&self, path: &[Step], byte: usize) -> bool {
        self.part(path).is_some_and(|part| part.key.contains(&byte))
    }
}

fn table(table: &DeTable) -> BTreeMap<Step, Places> {
    table.iter().map(|(key, value)| (Step::Key(key.get_ref().to_string()), part(key.span(), value))).collect()
}

fn part(key: Range<usize>, value: &Spanned<DeValue>) -> Places {
    let parts = match value.get_ref() {
        DeValue::Table(inner) => table(inner),
        DeValue::Array(list) => list
            .iter()
            .enumerate()
            .map(|(index, value)| (Step::Index(index), part(value.span(), value)))
            .collect(),
        _ => BTreeMap::new(),
    };
    Places { key, value: value.span(), parts }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_leads_to_a_path_and_back() {
        let text = "[world.regions.ie-dublin]\nkey-custody = \"region\"\ncoordinates = { lat = 1, lon = 2 }\n\n[[list]]\na = [1, 22]\n";
        let places = Places::of(text).unwrap();
        for (found, path) in [
            ("\"region\"", "world regions ie-dublin key-custody"),
            ("key-custody", "world regions ie-dublin key-custody"),
            ("lon", "world regions ie-dublin coordinates lon"),
            ("22", "list 0 a 1"),
        ] {
            let byte = text.find(found).unwrap();
            let path: Vec<Step> = path
                .split(' ')
                .map(|step| step.parse().map_or_else(|_| Step::Key(step.into()), Step::Index))
                .collect();
            assert_eq!(places.path_to(byte), path, "{found}");
            let in_key = places.is_key(&path, byte);
            assert_eq!(&text[places.nearest(&path, in_key)], found);
        }
    }
}
