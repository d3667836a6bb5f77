//! The accounts of a script: somebody of the story, or one that only this script has.

use std::ops::Range;

use serde_spanned::Spanned;

use super::known::{Reader, header};
use super::raw::{RawAccount, Text};
use super::script::{AccountSpec, InlineAccount, InlineMessage};
use crate::world::Address;

impl Reader<'_> {
    pub(super) fn account(&mut self, raw: Spanned<RawAccount>) -> Option<AccountSpec> {
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
}
