//! From story files to messages.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use jiff::civil;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_spanned::Spanned;
use toml::value::Datetime;

use super::super::letter::Letter;
use super::{Story, StoryAccount, StoryMessage};
use crate::clock::{Date, SimTime};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::law::Role;
use crate::world::{Address, Country};

/// The domain in which everybody with an account is, and nobody else.
const OWN_DOMAIN: &str = "@post.example";

/// A line of text holds 998 bytes at most (RFC 5322 section 2.1.1).
const LINE_BYTES_MAX: usize = 998;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPeople {
    account: BTreeMap<String, Spanned<RawAccount>>,
    #[serde(default)]
    outsider: BTreeMap<String, Spanned<RawOutsider>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawAccount {
    address: Spanned<String>,
    name: String,
    about: String,
    declared: Spanned<String>,
    located: Option<Spanned<String>>,
    residence: Option<Spanned<String>>,
    nationality: Option<Spanned<String>>,
    role: Option<Role>,
    enterprise: Option<String>,
    zone: Spanned<String>,
    created: Spanned<Datetime>,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOutsider {
    address: Spanned<String>,
    name: String,
    zone: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawThread {
    subject: Spanned<String>,
    message: Vec<Spanned<RawMessage>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMessage {
    from: Spanned<String>,
    to: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    cc: Vec<Spanned<String>>,
    date: Spanned<Datetime>,
    subject: Option<Spanned<String>>,
    text: Spanned<String>,
}

/// Anybody who writes or is written to.
struct Person {
    address: Address,
    name: String,
    zone: TimeZone,
    /// The first day of the account; `None` for outsiders.
    created: Option<Date>,
}

pub(super) fn read<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Story, Vec<Diagnostic>> {
    let (mut people_files, threads): (Vec<_>, Vec<_>) = files
        .into_iter()
        .map(|(path, text)| SourceFile::new(path, text))
        .partition(|file| file.path().ends_with("accounts.toml"));
    let Some(people_file) = people_files.pop() else {
        let what = "is missing: it names the people of the story";
        return Err(vec![Diagnostic::about_file(Path::new("accounts.toml"), what)]);
    };
    let mut reader = Reader { people: BTreeMap::new(), accounts: Vec::new(), findings: Vec::new() };
    reader.read_people(&people_file);
    let mut messages = Vec::new();
    // A thread that names somebody who could not be read would only repeat the first complaint.
    if reader.findings.is_empty() {
        for file in &threads {
            reader.read_thread(file, &mut messages);
        }
    }
    if !reader.findings.is_empty() {
        return Err(reader.findings);
    }
    messages.sort_by(|a, b| (a.date, &a.thread, a.number).cmp(&(b.date, &b.thread, b.number)));
    Ok(Story { accounts: reader.accounts, messages })
}

struct Reader {
    people: BTreeMap<String, Person>,
    accounts: Vec<StoryAccount>,
    findings: Vec<Diagnostic>,
}

impl Reader {
    fn wrong(&mut self, file: &SourceFile, span: Range<usize>, what: impl Into<String>, help: &str) {
        self.findings.push(file.at(span, what).help(help));
    }

    fn noted<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|finding| self.findings.push(finding)).ok()
    }

    fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(
        &mut self,
        file: &SourceFile,
        text: &Spanned<String>,
    ) -> Option<T> {
        let parsed = text.get_ref().parse().map_err(|e: T::Err| file.at(text.span(), e.to_string()));
        self.noted(parsed)
    }

    fn read_people(&mut self, file: &SourceFile) {
        let Some(raw) = self.noted(file.parse_toml::<RawPeople>()) else { return };
        for (handle, raw) in &raw.account {
            let account = self.read_account(file, handle, raw.get_ref());
            self.accounts.extend(account);
        }
        for (handle, raw) in &raw.outsider {
            let raw = raw.get_ref();
            let address = self.address(file, &raw.address, false);
            let zone = self.zone(file, &raw.zone);
            if let (Some(address), Some(zone)) = (address, zone) {
                let person = Person { address, name: raw.name.clone(), zone, created: None };
                if self.people.insert(handle.clone(), person).is_some() {
                    let what = format!("`{handle}` is both an account and an outsider");
                    self.wrong(file, raw.address.span(), what, "give one of them another name");
                }
            }
        }
    }

    fn read_account(&mut self, file: &SourceFile, handle: &str, raw: &RawAccount) -> Option<StoryAccount> {
        let address = self.address(file, &raw.address, true);
        let declared: Option<Country> = self.parse(file, &raw.declared);
        let mut countries = [&raw.located, &raw.residence, &raw.nationality]
            .map(|text| text.as_ref().and_then(|text| self.parse::<Country>(file, text)));
        let zone = self.zone(file, &raw.zone);
        let created = raw.created.get_ref();
        let created = match (created.date, created.time) {
            (Some(date), None) => civil_date(date),
            _ => None,
        };
        if created.is_none() {
            self.wrong(file, raw.created.span(), "not a date", "write a day, such as `created = 2011-05-03`");
        }
        let (address, created) = (address?, created?);
        let person =
            Person { address: address.clone(), name: raw.name.clone(), zone: zone?, created: Some(created) };
        self.people.insert(handle.to_owned(), person);
        Some(StoryAccount {
            handle: handle.to_owned(),
            address,
            name: raw.name.clone(),
            declared: declared?,
            located: countries[0].take(),
            residence: countries[1].take(),
            nationality: countries[2].take(),
            role: raw.role.unwrap_or(Role::Unknown),
            about: raw.about.clone(),
            enterprise: raw.enterprise.clone(),
            password: raw.password.clone(),
            created,
        })
    }

    fn address(&mut self, file: &SourceFile, text: &Spanned<String>, own: bool) -> Option<Address> {
        let address: Address = self.parse(file, text)?;
        let found = address.as_str();
        if found.ends_with(OWN_DOMAIN) != own || !found.ends_with(".example") {
            let help = "accounts are at `post.example`, outsiders at other domains that end in `.example` (RFC 2606)";
            self.wrong(file, text.span(), format!("`{found}` is at a domain that is not its own"), help);
            return None;
        }
        if self.people.values().any(|person| person.address == address) {
            self.wrong(file, text.span(), format!("`{found}` is somebody else's"), "addresses are used once");
            return None;
        }
        Some(address)
    }

    fn zone(&mut self, file: &SourceFile, text: &Spanned<String>) -> Option<TimeZone> {
        let zone = TimeZone::get(text.get_ref());
        if zone.is_err() {
            let what = format!("unknown time zone `{}`", text.get_ref());
            self.wrong(file, text.span(), what, "write an IANA name, such as `Europe/Dublin`, or `UTC`");
        }
        zone.ok()
    }

    fn read_thread(&mut self, file: &SourceFile, messages: &mut Vec<StoryMessage>) {
        let Some(raw) = self.noted(file.parse_toml::<RawThread>()) else { return };
        let thread =
            file.path().file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let mut so_far = Conversation { subject: raw.subject.get_ref().clone(), ids: Vec::new(), last: None };
        for (i, raw) in raw.message.iter().enumerate() {
            let place = Place { file, thread: &thread, number: i + 1 };
            match self.read_message(&place, raw.get_ref(), &mut so_far) {
                Some(message) => messages.push(message),
                // What follows answers a message that could not be read.
                None => break,
            }
        }
    }

    fn read_message(
        &mut self,
        place: &Place<'_>,
        raw: &RawMessage,
        so_far: &mut Conversation,
    ) -> Option<StoryMessage> {
        let file = place.file;
        let from = self.person(file, &raw.from)?;
        let to: Vec<String> = match (&raw.to, &so_far.last) {
            (Some(to), _) => to.get_ref().iter().map(|to| self.person(file, to)).collect::<Option<_>>()?,
            // An answer goes to whoever wrote, and to whoever they wrote to.
            (None, Some(last)) => last.people.iter().filter(|handle| **handle != from).cloned().collect(),
            (None, None) => Vec::new(),
        };
        let cc: Vec<String> = raw.cc.iter().map(|cc| self.person(file, cc)).collect::<Option<_>>()?;
        if to.is_empty() {
            let help =
                "`to` may be left out of an answer, which then goes to everybody in the message before";
            self.wrong(file, raw.from.span(), "a message to nobody", help);
            return None;
        }
        if let Some(subject) = &raw.subject {
            *so_far = Conversation {
                subject: subject.get_ref().clone(),
                ids: Vec::new(),
                last: so_far.last.take(),
            };
        }
        let (date, offset_minutes) = self.date(file, &raw.date, &from)?;
        if so_far.last.as_ref().is_some_and(|last| date <= last.date) {
            let help = "the messages of a thread stand in the order in which they were written";
            self.wrong(file, raw.date.span(), "not later than the message before", help);
        }
        self.check_text(file, &raw.text);

        let known = |handle: &String| {
            let person = &self.people[handle];
            (&person.address, Some(person.name.as_str()))
        };
        let subject = match so_far.ids.is_empty() {
            true => so_far.subject.clone(),
            false => format!("Re: {}", so_far.subject),
        };
        let sender = &self.people[&from].address;
        let domain = sender.as_str().split_once('@').map_or("", |(_, domain)| domain);
        let message_id = format!("{}.{:02}@{domain}", place.thread, place.number);
        let letter = Letter {
            from: vec![known(&from)],
            to: to.iter().map(known).collect(),
            cc: cc.iter().map(known).collect(),
            date,
            offset_minutes,
            subject: &subject,
            message_id: &message_id,
            references: so_far.ids.iter().map(String::as_str).collect(),
            body: raw.text.get_ref(),
        };
        let message = StoryMessage {
            thread: place.thread.to_owned(),
            number: place.number,
            from: sender.clone(),
            recipients: to.iter().chain(&cc).map(|handle| self.people[handle].address.clone()).collect(),
            date,
            bytes: letter.to_bytes(),
        };
        so_far.ids.push(message_id);
        so_far.last = Some(Last { date, people: [vec![from], to, cc].concat() });
        Some(message)
    }

    /// The handle, if there is somebody of that name.
    fn person(&mut self, file: &SourceFile, handle: &Spanned<String>) -> Option<String> {
        let found = handle.get_ref();
        if self.people.contains_key(found) {
            return Some(found.clone());
        }
        let unknown = file.at(handle.span(), format!("nobody in `accounts.toml` is called `{found}`"));
        self.findings.push(unknown.allowed(found, self.people.keys().map(String::as_str)));
        None
    }

    /// The instant of a civil time at the sender's, and the minutes by which they are east of UTC then.
    fn date(&mut self, file: &SourceFile, date: &Spanned<Datetime>, from: &str) -> Option<(SimTime, i32)> {
        let raw = date.get_ref();
        let civil = match (raw.date, raw.time, raw.offset) {
            (Some(day), Some(time), None) => civil_date(day).and_then(|day| {
                let (hour, minute) = (i8::try_from(time.hour).ok()?, i8::try_from(time.minute).ok()?);
                let second = i8::try_from(time.second.unwrap_or(0)).ok()?;
                Some(day.to_datetime(civil::Time::new(hour, minute, second, 0).ok()?))
            }),
            _ => None,
        };
        let person = &self.people[from];
        let zoned = civil.and_then(|civil| person.zone.to_ambiguous_zoned(civil).compatible().ok());
        let Some(zoned) = zoned else {
            let help = "write the time at the sender's, such as `date = 2013-02-11T09:14:00`";
            self.wrong(file, date.span(), "not a date and time", help);
            return None;
        };
        if person.created.is_some_and(|created| zoned.date() < created) {
            let what = format!("before the account of `{from}` was opened");
            self.wrong(file, date.span(), what, "see `created` in `accounts.toml`");
        }
        Some((SimTime::from_unix_seconds(zoned.timestamp().as_second()), zoned.offset().seconds() / 60))
    }

    fn check_text(&mut self, file: &SourceFile, text: &Spanned<String>) {
        if text.get_ref().trim().is_empty() {
            self.wrong(file, text.span(), "a message without text", "write something in `text`");
        }
        if text.get_ref().lines().any(|line| line.len() > LINE_BYTES_MAX) {
            let what = format!("a line of more than {LINE_BYTES_MAX} bytes");
            self.wrong(file, text.span(), what, "break it: mail has no longer lines (RFC 5322)");
        }
    }
}

struct Place<'a> {
    file: &'a SourceFile,
    thread: &'a str,
    number: usize,
}

/// What an answer takes up.
struct Conversation {
    subject: String,
    ids: Vec<String>,
    last: Option<Last>,
}

struct Last {
    date: SimTime,
    people: Vec<String>,
}

fn civil_date(date: toml::value::Date) -> Option<Date> {
    let (month, day) = (i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?);
    Date::new(i16::try_from(date.year).ok()?, month, day).ok()
}

#[cfg(test)]
mod tests {
    use super::super::super::Facts;
    use super::*;

    const PEOPLE: &str = r#"
[account.ann]
address = "ann@post.example"
name = "Ann Ó Dea"
about = "Writes."
declared = "IE"
zone = "Europe/Dublin"
created = 2012-01-01
password = "x"
[outsider.bob]
address = "bob@far.example"
name = "Bob"
zone = "America/New_York"
"#;

    const THREAD: &str = r#"
subject = "Boats"
[[message]]
from = "ann"
to = ["bob"]
date = 2013-07-01T09:00:00
text = "One?\n"
[[message]]
from = "bob"
date = 2013-07-01T05:00:00
text = "Two.\n"
[[message]]
from = "ann"
date = 2013-12-01T05:00:00
subject = "Oars"
text = "Three.\n"
"#;

    fn story(people: &str, thread: &str) -> Result<Story, Vec<Diagnostic>> {
        Story::read([("s/accounts.toml", people), ("s/threads/boats.toml", thread)])
    }

    #[test]
    fn an_answer_goes_back_under_the_same_subject_in_the_writer_s_own_time() {
        let story = story(PEOPLE, THREAD).unwrap();
        let texts: Vec<_> =
            story.messages().iter().map(|m| String::from_utf8(m.bytes.clone()).unwrap()).collect();
        assert!(texts[0].contains("Date: Mon, 1 Jul 2013 09:00:00 +0100"), "{}", texts[0]);
        assert!(texts[1].contains("Date: Mon, 1 Jul 2013 05:00:00 -0400"), "{}", texts[1]);
        let facts: Vec<_> = story.messages().iter().map(|m| Facts::read(&m.bytes, None)).collect();
        assert_eq!(facts[1].subject.as_deref(), Some("Re: Boats"));
        assert_eq!(facts[1].in_reply_to, ["boats.01@post.example"]);
        assert_eq!(facts[1].message_id.as_deref(), Some("boats.02@far.example"));
        assert_eq!(facts[1].to[0].name.as_deref(), Some("Ann Ó Dea"));
        assert_eq!(facts[2].subject.as_deref(), Some("Oars"));
        assert!(facts[2].in_reply_to.is_empty());
        assert!(
            facts.iter().zip(story.messages()).all(|(f, m)| f.malformed.is_empty() && f.date == Some(m.date))
        );
    }

    #[test]
    fn every_message_rests_with_its_sender_and_with_those_it_was_sent_to() {
        let story = story(PEOPLE, THREAD).unwrap();
        let sent: Vec<_> = story.deliveries().map(|d| (d.account.handle.as_str(), d.sent)).collect();
        assert_eq!(sent, [("ann", true), ("ann", false), ("ann", true)]);
    }

    #[test]
    fn mistakes_are_pointed_at() {
        let said = |people: &str, thread: &str| -> String {
            let findings = story(people, thread).err().expect("a mistake");
            findings.iter().map(|f| format!("{f}\n")).collect()
        };
        let thread = |from: &str, to: &str| said(PEOPLE, &THREAD.replacen(from, to, 1));
        insta::assert_snapshot!(thread("\"bob\"", "\"bbo\""), @r#"
        s/threads/boats.toml:5:7: nobody in `accounts.toml` is called `bbo`
          did you mean `bob`?
          allowed: `ann`, `bob`
        "#);
        insta::assert_snapshot!(thread("T09:00:00", "T09:00:00Z"), @r#"
        s/threads/boats.toml:6:8: not a date and time
          write the time at the sender's, such as `date = 2013-02-11T09:14:00`
        "#);
        insta::assert_snapshot!(thread("2013-07-01T05", "2013-07-01T02"), @r#"
        s/threads/boats.toml:10:8: not later than the message before
          the messages of a thread stand in the order in which they were written
        "#);
        insta::assert_snapshot!(thread("2013-07-01T09", "2011-07-01T09"), @r#"
        s/threads/boats.toml:6:8: before the account of `ann` was opened
          see `created` in `accounts.toml`
        "#);
        insta::assert_snapshot!(thread("to = [\"bob\"]\n", ""), @r#"
        s/threads/boats.toml:4:8: a message to nobody
          `to` may be left out of an answer, which then goes to everybody in the message before
        "#);
        insta::assert_snapshot!(thread("One?\\n", ""), @r#"
        s/threads/boats.toml:7:8: a message without text
          write something in `text`
        "#);
        let people = |from: &str, to: &str| said(&PEOPLE.replacen(from, to, 1), THREAD);
        insta::assert_snapshot!(people("far.example", "post.example"), @r#"
        s/accounts.toml:11:11: `bob@post.example` is at a domain that is not its own
          accounts are at `post.example`, outsiders at other domains that end in `.example` (RFC 2606)
        "#);
        insta::assert_snapshot!(people("far.example", "far.test"), @r#"
        s/accounts.toml:11:11: `bob@far.test` is at a domain that is not its own
          accounts are at `post.example`, outsiders at other domains that end in `.example` (RFC 2606)
        "#);
        insta::assert_snapshot!(people("Europe/Dublin", "Europe/Dubln"), @r#"
        s/accounts.toml:7:8: unknown time zone `Europe/Dubln`
          write an IANA name, such as `Europe/Dublin`, or `UTC`
        "#);
        insta::assert_snapshot!(people("declared", "declard"), @r#"
        s/accounts.toml:6:1: unknown key `declard`
          did you mean `declared`?
          allowed: `address`, `name`, `about`, `declared`, `located`, `residence`, `nationality`, `role`, `enterprise`, `zone`, `created`, `password`
        "#);
    }
}
