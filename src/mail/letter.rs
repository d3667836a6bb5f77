//! Writing a plain text message (RFC 5322, RFC 2045, RFC 2047). The same letter is always the same bytes.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::{Offset, TimeZone};

use crate::clock::SimTime;
use crate::world::Address;

/// A plain text message. What it is given it writes: it makes up no date and no Message-ID.
#[derive(Clone)]
pub struct Letter<'a> {
    pub from: Correspondents<'a>,
    pub to: Correspondents<'a>,
    pub cc: Correspondents<'a>,
    pub date: SimTime,
    /// Minutes east of UTC, for the `Date` field.
    pub offset_minutes: i32,
    pub subject: &'a str,
    /// Without the angle brackets.
    pub message_id: &'a str,
    /// The Message-IDs of the conversation so far, without angle brackets; the last is the one that is answered.
    pub references: Vec<&'a str>,
    /// Lines may end in LF or CRLF; they are written with CRLF.
    pub body: &'a str,
}

/// Addresses with display names.
pub type Correspondents<'a> = Vec<(&'a Address, Option<&'a str>)>;

impl Letter<'_> {
    /// The message, with CRLF line ends.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = String::with_capacity(self.body.len() + 512);
        field(&mut text, "From", &addresses(&self.from));
        if !self.to.is_empty() {
            field(&mut text, "To", &addresses(&self.to));
        }
        if !self.cc.is_empty() {
            field(&mut text, "Cc", &addresses(&self.cc));
        }
        field(&mut text, "Date", &[self.date_text()]);
        field(&mut text, "Subject", &unstructured(self.subject));
        field(&mut text, "Message-ID", &[format!("<{}>", self.message_id)]);
        if let Some(answered) = self.references.last() {
            field(&mut text, "In-Reply-To", &[format!("<{answered}>")]);
            let all: Vec<_> = self.references.iter().map(|id| format!("<{id}>")).collect();
            field(&mut text, "References", &all);
        }
        let encoding = if self.body.is_ascii() { "7bit" } else { "8bit" };
        let _ = write!(
            text,
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n",
        );
        for line in self.body.lines() {
            text.push_str(line);
            text.push_str("\r\n");
        }
        text.into_bytes()
    }

    fn date_text(&self) -> String {
        let offset = Offset::from_seconds(self.offset_minutes * 60).unwrap_or(Offset::UTC);
        let moment =
            jiff::Timestamp::from_second(self.date.unix_seconds()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        moment.to_zoned(TimeZone::fixed(offset)).strftime("%a, %-d %b %Y %H:%M:%S %z").to_string()
    }
}

/// Lines of a header are folded when they would pass this many characters (RFC 5322 section 2.1.1).
const LINE_CHARS: usize = 78;

/// Writes a field of words, folded between them where it would get too long.
fn field(text: &mut String, name: &str, words: &[String]) {
    text.push_str(name);
    text.push(':');
    let mut column = name.len() + 1;
    for (i, word) in words.iter().enumerate() {
        if i > 0 && column + 1 + word.len() > LINE_CHARS {
            text.push_str("\r\n");
            column = 0;
        }
        text.push(' ');
        text.push_str(word);
        column += 1 + word.len();
    }
    text.push_str("\r\n");
}

fn addresses(list: &[(&Address, Option<&str>)]) -> Vec<String> {
    let mut words = Vec::new();
    for (i, (address, name)) in list.iter().enumerate() {
        let comma = if i + 1 < list.len() { "," } else { "" };
        words.extend(name.map(phrase).unwrap_or_default());
        words.push(if name.is_some() { format!("<{address}>{comma}") } else { format!("{address}{comma}") });
    }
    words
}

/// A display name: as it is, quoted, or encoded.
fn phrase(name: &str) -> Vec<String> {
    if !name.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return encoded(name);
    }
    let is_atom =
        |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b));
    // Something that looks encoded must not be read as such, nor may blanks be lost.
    if name.split(' ').all(|word| !word.is_empty() && is_atom(word)) && !name.contains("=?") {
        return name.split(' ').map(str::to_owned).collect();
    }
    vec![format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))]
}

/// A subject: as it is, or encoded.
fn unstructured(subject: &str) -> Vec<String> {
    let plain = subject.bytes().all(|b| (0x20..0x7f).contains(&b)) && !subject.contains("=?");
    let plain = plain && subject.split(' ').all(|word| !word.is_empty() && word.len() < LINE_CHARS);
    if plain { subject.split(' ').map(str::to_owned).collect() } else { encoded(subject) }
}

/// Encoded words of at most 75 characters, none of which splits a character (RFC 2047 sections 2 and 5).
fn encoded(text: &str) -> Vec<String> {
    const BYTES_MAX: usize = 45;
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = rest.len().min(BYTES_MAX);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(&rest[..end])));
        rest = &rest[end..];
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Facts;
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    fn letter<'a>(from: &'a Address, name: &'a str, subject: &'a str, body: &'a str) -> Letter<'a> {
        Letter {
            from: vec![(from, Some(name))],
            to: vec![(from, None), (from, Some(name))],
            cc: Vec::new(),
            date: "2013-07-01T10:00:00Z".parse().unwrap(),
            offset_minutes: 60,
            subject,
            message_id: "x.1@post.example",
            references: vec!["v.9@post.example", "w.9@post.example"],
            body,
        }
    }

    #[test]
    fn writes_a_message() {
        let from = address("sean@post.example");
        let bytes = letter(&from, "Seán, jr.", "Tide tables", "Hello\nFröhlich\n").to_bytes();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
        insta::assert_snapshot!(text.replace("\r\n", "\n"), @r#"
        From: =?utf-8?B?U2XDoW4sIGpyLg==?= <sean@post.example>
        To: sean@post.example, =?utf-8?B?U2XDoW4sIGpyLg==?= <sean@post.example>
        Date: Mon, 1 Jul 2013 11:00:00 +0100
        Subject: Tide tables
        Message-ID: <x.1@post.example>
        In-Reply-To: <w.9@post.example>
        References: <v.9@post.example> <w.9@post.example>
        MIME-Version: 1.0
        Content-Type: text/plain; charset=utf-8
        Content-Transfer-Encoding: 8bit

        Hello
        Fröhlich
        "#);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(name in "[ -~é\u{4e2d}]{0,60}", subject in "[ -~é\u{4e2d}]{0,120}") {
            let (name, subject) = (name.trim(), subject.trim());
            let from = address("sean@post.example");
            let facts = Facts::read(&letter(&from, name, subject, "x").to_bytes(), None);
            prop_assert_eq!(&facts.malformed, &[]);
            prop_assert_eq!(facts.subject.as_deref().unwrap_or_default(), subject);
            prop_assert_eq!(facts.from[0].name.as_deref().unwrap_or_default(), name);
            prop_assert_eq!(facts.to.len(), 2);
        }

        #[test]
        fn no_line_of_a_header_is_too_long(subject in "\\PC{0,200}") {
            let from = address("sean@post.example");
            let bytes = letter(&from, "S", &subject, "").to_bytes();
            for line in bytes.split(|&b| b == b'\n') {
                prop_assert!(line.len() <= 90, "{}", String::from_utf8_lossy(line));
            }
        }
    }
}
