//! The story mailboxes of the demo: they are what the comments, the scenarios and the lessons say they are.

use std::collections::{BTreeMap, BTreeSet};

use rogatory::clock::SimTime;
use rogatory::mail::{AddressBook, Facts, Found, MailExport, MailFormat, MailSource, Outgoing, Story};

fn story() -> Story {
    Story::standard().unwrap_or_else(|findings| {
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    })
}

fn time(text: &str) -> SimTime {
    text.parse().unwrap()
}

#[test]
fn every_message_reads_back_as_what_was_written() {
    let story = story();
    assert!(story.messages().len() >= 250, "{}", story.messages().len());
    for message in story.messages() {
        let facts = Facts::read(&message.bytes, None);
        let name = format!("{} {}", message.thread, message.number);
        assert_eq!(facts.malformed, [], "{name}");
        assert_eq!(facts.date, Some(message.date), "{name}");
        assert_eq!(facts.from[0].address().as_ref(), Some(&message.from), "{name}");
        let recipients: Vec<_> = facts.recipients().filter_map(|party| party.address()).collect();
        assert_eq!(recipients, message.recipients, "{name}");
        assert!(facts.subject.is_some_and(|subject| !subject.is_empty()), "{name}");
        assert!((time("2012-01-01")..time("2019-01-01")).contains(&message.date), "{name}");
        // RFC 5322 section 2.1.1, and what fits a terminal.
        let longest = String::from_utf8(message.bytes.clone()).unwrap();
        let longest = longest.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(80), "{name}: {longest:?}");
    }
}

#[test]
fn message_ids_are_unique_and_answers_name_one_that_came_before() {
    let story = story();
    let mut seen = BTreeSet::new();
    let mut answers = 0;
    for message in story.messages() {
        let facts = Facts::read(&message.bytes, None);
        for answered in &facts.in_reply_to {
            assert!(seen.contains(answered), "{answered} is answered before it was written");
            answers += 1;
        }
        assert!(seen.insert(facts.message_id.unwrap()), "{} {}", message.thread, message.number);
    }
    assert!(answers > 150, "{answers}");
}

#[test]
fn everybody_has_a_mailbox_worth_looking_into() {
    let story = story();
    let countries: BTreeSet<_> = story.accounts().iter().map(|a| a.declared.to_string()).collect();
    assert_eq!(countries, ["AU", "BR", "CA", "CH", "DE", "FR", "GB", "IE", "US"].map(str::to_owned).into());
    for account in story.accounts() {
        let count = story.mailbox(&account.address).count();
        assert!(count >= 20, "{}: {count}", account.handle);
        assert!(story.mailbox(&account.address).any(|delivery| delivery.sent), "{}", account.handle);
    }
    // Nobody checks what is declared, and two people in the story show it.
    let elsewhere =
        story.accounts().iter().filter(|a| a.located.as_ref().is_some_and(|at| *at != a.declared));
    assert_eq!(elsewhere.map(|a| a.handle.as_str()).collect::<Vec<_>>(), ["urs", "wes"]);
}

#[test]
fn the_dublin_mailbox_is_what_the_warrant_needs_it_to_be() {
    let story = story();
    let molly = story.account("molly").unwrap();
    assert_eq!(molly.declared.as_str(), "IE");
    // As in the record of the case: not where, and not who.
    assert_eq!((&molly.located, &molly.residence, &molly.nationality), (&None, &None, &None));
    let warrant = time("2013-12-04");
    let (before, after): (Vec<_>, Vec<_>) =
        story.mailbox(&molly.address).partition(|delivery| delivery.message.date < warrant);
    assert!(before.len() >= 30 && after.len() >= 10, "{} before, {} after", before.len(), after.len());
    // Her clock does not tell where she is.
    for sent in before.iter().chain(&after).filter(|delivery| delivery.sent) {
        assert!(String::from_utf8_lossy(&sent.message.bytes).contains(" +0000\r\n"));
    }
    // Half of what the warrant is after rests in the control mailbox as well.
    let theo = story.account("theo").unwrap();
    let shared = before
        .iter()
        .filter(|d| d.message.from == theo.address || d.message.recipients.contains(&theo.address));
    assert!(shared.count() >= 10);
}

#[test]
fn threads_cross_borders() {
    let story = story();
    let declared: BTreeMap<_, _> = story.accounts().iter().map(|a| (&a.address, &a.declared)).collect();
    let mut countries: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for delivery in story.deliveries() {
        countries
            .entry(&delivery.message.thread)
            .or_default()
            .insert(declared[&delivery.account.address].as_str());
    }
    let crossing = countries.values().filter(|countries| countries.len() > 1).count();
    assert!(crossing >= 12, "{crossing} of {}", countries.len());
}

#[test]
fn no_domain_in_the_story_can_belong_to_anybody() {
    for message in story().messages() {
        let text = String::from_utf8(message.bytes.clone()).unwrap();
        assert!(!text.contains("://") && !text.contains("www."), "{}", message.thread);
        for (at, _) in text.match_indices('@') {
            let domain: String = text[at + 1..]
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || "-.".contains(*c))
                .collect();
            assert!(domain.ends_with(".example"), "{} {}: `{domain}`", message.thread, message.number);
        }
    }
}

#[test]
fn the_same_files_are_the_same_bytes() {
    let (one, two) = (story(), story());
    assert!(one.messages() == two.messages());
}

#[test]
fn a_mailbox_goes_out_and_comes_back() {
    let story = story();
    let molly = &story.account("molly").unwrap().address;
    let folder = tempfile::tempdir().unwrap();
    let flags = Default::default();
    for format in [MailFormat::Mbox, MailFormat::Maildir, MailFormat::EmlFolder] {
        let path = folder.path().join(format.as_str());
        let mut export = MailExport::create(&path, format).unwrap();
        for delivery in story.mailbox(molly) {
            let (bytes, received) = (&delivery.message.bytes, Some(delivery.message.date));
            export.write(Outgoing { bytes, received, flags: &flags, folder: None, framing: None }).unwrap();
        }
        export.finish().unwrap();
        let mut read: Vec<Vec<u8>> = Vec::new();
        for found in MailSource::open(&path).unwrap() {
            let Found::Message(message) = found.unwrap() else { panic!("nothing is skipped") };
            read.push(message.bytes);
        }
        assert!(read.iter().eq(story.mailbox(molly).map(|d| &d.message.bytes)), "{format}");
    }
}

#[test]
fn the_address_book_of_the_dublin_mailbox_names_her_correspondents() {
    let story = story();
    let molly = &story.account("molly").unwrap().address;
    let mut book = AddressBook::default();
    for delivery in story.mailbox(molly) {
        book.note(molly, &Facts::read(&delivery.message.bytes, None));
    }
    let theo = book.get(&"theo@post.example".parse().unwrap()).unwrap();
    assert_eq!(theo.name.as_deref(), Some("Theo Marchetti"));
    assert_eq!(theo.first_seen.unwrap().to_string(), "2013-04-16T12:20:00Z");
    assert!(theo.messages >= 10 && book.len() >= 10);
}
