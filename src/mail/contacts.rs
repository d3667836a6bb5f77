//! Whom an account holder corresponds with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::message::{Facts, Party};
use crate::clock::SimTime;
use crate::world::Address;

/// The address book of one mailbox, made from its messages. The order of messages makes no difference.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AddressBook(BTreeMap<Address, Correspondent>);

/// What the messages of a mailbox say about one correspondent.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Correspondent {
    /// The longest display name met; of equally long ones the last in the order of their bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<SimTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<SimTime>,
    /// How many messages name this correspondent, in any address field.
    pub messages: u64,
}

impl AddressBook {
    /// Adds what one message says. The owner of the mailbox is no correspondent of their own; an address that is
    /// none is left out.
    pub fn note(&mut self, owner: &Address, facts: &Facts) {
        let mut counted: Vec<Address> = Vec::new();
        for Party { written, name } in facts.from.iter().chain(facts.recipients()) {
            let Ok(address) = written.parse::<Address>() else { continue };
            if address == *owner {
                continue;
            }
            let entry = self.0.entry(address.clone()).or_default();
            let again = counted.contains(&address);
            entry.add(&Correspondent {
                name: name.clone(),
                first_seen: facts.date,
                last_seen: facts.date,
                messages: u64::from(!again),
            });
            counted.push(address);
        }
    }

    /// Adds another book, made from other messages of the same mailbox.
    pub fn merge(&mut self, other: &AddressBook) {
        for (address, correspondent) in &other.0 {
            self.0.entry(address.clone()).or_default().add(correspondent);
        }
    }

    pub fn get(&self, address: &Address) -> Option<&Correspondent> {
        self.0.get(address)
    }

    /// Correspondents in the order of their addresses.
    pub fn iter(&self) -> impl Iterator<Item = (&Address, &Correspondent)> {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Correspondent {
    fn add(&mut self, other: &Correspondent) {
        let rank = |name: &Option<String>| name.clone().map(|name| (name.chars().count(), name));
        if rank(&other.name) > rank(&self.name) {
            self.name.clone_from(&other.name);
        }
        self.first_seen = [self.first_seen, other.first_seen].into_iter().flatten().min();
        self.last_seen = self.last_seen.max(other.last_seen);
        self.messages += other.messages;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(from: &str, to: &str, date: &str) -> Facts {
        Facts::read(format!("From: {from}\nTo: {to}\nDate: {date}\n\n").as_bytes(), None)
    }

    #[test]
    fn a_book_is_the_same_in_any_order_and_in_parts() {
        let owner: Address = "molly@post.example".parse().unwrap();
        let messages = [
            facts("molly@post.example", "d@x.example, D <d@x.example>", "Wed, 4 Dec 2013 10:00:00 +0000"),
            facts("Dex <d@x.example>", "molly@post.example, nobody", "Mon, 2 Dec 2013 10:00:00 +0000"),
            facts("Kex <d@x.example>", "molly@post.example", "Thu, 5 Dec 2013 10:00:00 +0000"),
        ];
        let mut book = AddressBook::default();
        messages.iter().for_each(|m| book.note(&owner, m));
        let mut backwards = AddressBook::default();
        for message in messages.iter().rev() {
            let mut part = AddressBook::default();
            part.note(&owner, message);
            backwards.merge(&part);
        }
        assert!(book == backwards);
        insta::assert_snapshot!(serde_json::to_string(&book).unwrap(), @r#"{"d@x.example":{"name":"Kex","first-seen":"2013-12-02T10:00:00Z","last-seen":"2013-12-05T10:00:00Z","messages":3}}"#);
    }
}
