//! What a message says about itself, read from its header (RFC 5322 section 3.6).

use std::fmt;
use std::sync::OnceLock;

use mail_parser::{HeaderName, HeaderValue, MessageParser};
use serde::{Deserialize, Serialize};

use crate::clock::SimTime;
use crate::world::Address;

/// The header section is read up to this many bytes; the rest of a longer one is ignored and noted.
const HEADER_BYTES_MAX: usize = 1024 * 1024;

/// What the header of one message says. Whoever wrote the message wrote this too: none of it is proof.
#[derive(Clone, PartialEq, Eq)]
pub struct Facts {
    /// From the `Date` field, or else the moment of receipt if that was known.
    pub date: Option<SimTime>,
    pub from: Vec<Party>,
    pub to: Vec<Party>,
    pub cc: Vec<Party>,
    pub bcc: Vec<Party>,
    /// Decoded (RFC 2047). This is content, not traffic data.
    pub subject: Option<String>,
    /// Without the angle brackets.
    pub message_id: Option<String>,
    /// Message-IDs without the angle brackets.
    pub in_reply_to: Vec<String>,
    /// Of the whole message as it lies, in bytes.
    pub size: u64,
    /// What is wrong with the header; empty for nearly all mail.
    pub malformed: Vec<Malformed>,
}

/// Somebody named in an address field.
#[derive(Clone, PartialEq, Eq)]
pub struct Party {
    /// The address as written, its domain in lower case. It may be no valid address at all.
    pub written: String,
    /// The display name, decoded.
    pub name: Option<String>,
}

impl Party {
    /// The address, if it is one.
    pub fn address(&self) -> Option<Address> {
        self.written.parse().ok()
    }
}

/// Traffic data of one message: its envelope, without subject or body.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Traffic {
    /// Addresses as written, domains in lower case. Nearly always one.
    pub from: Vec<String>,
    /// To, Cc and Bcc in this order, each address once.
    pub to: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<SimTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// In bytes.
    pub size: u64,
}

/// What is wrong with a header. Says which field, never what stood in it, so that it can be logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    #[error("has no header")]
    NoHeader,
    #[error("has a header section of {bytes} bytes, of which {HEADER_BYTES_MAX} were read")]
    LongHeader { bytes: usize },
    #[error("has no `{field}` field")]
    Missing { field: &'static str },
    #[error("has {times} `{field}` fields where one is allowed; the first was read")]
    Repeated { field: &'static str, times: usize },
    #[error("has a `Date` field that is no date")]
    BadDate,
    #[error("has something in its `{field}` field that is no mail address")]
    BadAddress { field: &'static str },
}

impl Facts {
    /// Reads the header of a message. `received` stands in for a date that is missing or wrong.
    ///
    /// Never fails: the worst input has no facts but its size, and [`Malformed`] notes.
    pub fn read(raw: &[u8], received: Option<SimTime>) -> Facts {
        let mut facts = Facts::of_nothing(raw.len() as u64, received);
        let (section, whole) = header_section(raw);
        if !looks_like_header(section) {
            facts.malformed.push(Malformed::NoHeader);
            return facts;
        }
        if whole > HEADER_BYTES_MAX {
            facts.malformed.push(Malformed::LongHeader { bytes: whole });
        }
        // The parser wants to see the empty line that ends a header.
        let mut text = Vec::with_capacity(section.len() + 2);
        text.extend_from_slice(section);
        text.extend_from_slice(if section.ends_with(b"\n") { b"\n" } else { b"\n\n" });
        let Some(parsed) = parser().parse_headers(&text) else {
            facts.malformed.push(Malformed::NoHeader);
            return facts;
        };

        let mut seen = Fields::default();
        for header in parsed.headers() {
            let Some(first) = seen.first(&header.name) else { continue };
            match (&header.name, &header.value) {
                (HeaderName::Subject, value) if first => facts.subject = value.as_text().map(str::to_owned),
                (HeaderName::MessageId, value) if first => {
                    facts.message_id = texts(value).into_iter().next().filter(|id| !id.is_empty());
                }
                (HeaderName::InReplyTo, value) if first => facts.in_reply_to = texts(value),
                (HeaderName::Date, value) if first => match value.as_datetime().and_then(instant) {
                    Some(date) => facts.date = Some(date),
                    None => facts.malformed.push(Malformed::BadDate),
                },
                // Repeated address fields are against the rules, but leaving an address out would be worse.
                (HeaderName::From, value) => facts.from.extend(parties(value)),
                (HeaderName::To, value) => facts.to.extend(parties(value)),
                (HeaderName::Cc, value) => facts.cc.extend(parties(value)),
                (HeaderName::Bcc, value) => facts.bcc.extend(parties(value)),
                _ => {}
            }
        }
        facts.malformed.extend(seen.complaints());
        let fields = [("From", &facts.from), ("To", &facts.to), ("Cc", &facts.cc), ("Bcc", &facts.bcc)];
        let bad = fields.iter().filter(|(_, parties)| parties.iter().any(|p| p.address().is_none()));
        let bad: Vec<Malformed> = bad.map(|(field, _)| Malformed::BadAddress { field }).collect();
        facts.malformed.extend(bad);
        facts
    }

    /// Everybody the message was addressed to: To, Cc, Bcc.
    pub fn recipients(&self) -> impl Iterator<Item = &Party> {
        self.to.iter().chain(&self.cc).chain(&self.bcc)
    }

    /// The traffic data of the message.
    pub fn traffic(&self) -> Traffic {
        let mut to: Vec<String> = Vec::new();
        for party in self.recipients() {
            if !to.contains(&party.written) {
                to.push(party.written.clone());
            }
        }
        Traffic {
            from: self.from.iter().map(|p| p.written.clone()).collect(),
            to,
            date: self.date,
            message_id: self.message_id.clone(),
            size: self.size,
        }
    }

    fn of_nothing(size: u64, date: Option<SimTime>) -> Facts {
        Facts {
            date,
            from: Vec::new(),
            to: Vec::new(),
            cc: Vec::new(),
            bcc: Vec::new(),
            subject: None,
            message_id: None,
            in_reply_to: Vec::new(),
            size,
            malformed: Vec::new(),
        }
    }
}

// Facts, parties and traffic data are mail: what a log may show of them is their shape.
impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Facts({} bytes, {} recipients)", self.size, self.recipients().count())
    }
}

impl fmt::Debug for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Party")
    }
}

impl fmt::Debug for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Traffic({} bytes, {} recipients)", self.size, self.to.len())
    }
}

/// How often each field that may stand once was met.
#[derive(Default)]
struct Fields {
    counts: [usize; 8],
}

impl Fields {
    const NAMES: [&str; 8] = ["From", "To", "Cc", "Bcc", "Date", "Subject", "Message-ID", "In-Reply-To"];

    /// Counts a field; true the first time, `None` for a field that is not looked at.
    fn first(&mut self, name: &HeaderName<'_>) -> Option<bool> {
        let at = match name {
            HeaderName::From => 0,
            HeaderName::To => 1,
            HeaderName::Cc => 2,
            HeaderName::Bcc => 3,
            HeaderName::Date => 4,
            HeaderName::Subject => 5,
            HeaderName::MessageId => 6,
            HeaderName::InReplyTo => 7,
            _ => return None,
        };
        self.counts[at] += 1;
        Some(self.counts[at] == 1)
    }

    /// RFC 5322 section 3.6: `From` and `Date` once, the others at most once.
    fn complaints(&self) -> impl Iterator<Item = Malformed> {
        Self::NAMES.iter().zip(self.counts).filter_map(|(&field, times)| match times {
            0 if field == "From" || field == "Date" => Some(Malformed::Missing { field }),
            0 | 1 => None,
            _ => Some(Malformed::Repeated { field, times }),
        })
    }
}

fn parser() -> &'static MessageParser {
    static PARSER: OnceLock<MessageParser> = OnceLock::new();
    PARSER.get_or_init(|| {
        MessageParser::new()
            .with_address_headers()
            .with_message_ids()
            .with_date_headers()
            .header_text(HeaderName::Subject)
    })
}

/// The header section, cut to what is read, and its true length.
fn header_section(raw: &[u8]) -> (&[u8], usize) {
    let mut at = 0;
    let mut cut = 0;
    let whole = loop {
        let rest = &raw[at..];
        if rest.is_empty() || rest.starts_with(b"\n") || rest.starts_with(b"\r\n") {
            break at;
        }
        at += rest.iter().position(|&b| b == b'\n').map_or(rest.len(), |i| i + 1);
        if at <= HEADER_BYTES_MAX {
            cut = at;
        }
    };
    (&raw[..cut.min(whole)], whole)
}

/// True if some line is a field: a name of printable ASCII, then a colon.
pub(super) fn looks_like_header(section: &[u8]) -> bool {
    section.split(|&b| b == b'\n').any(is_field)
}

/// True if a line is `name: …`. A line holds 998 bytes at most (RFC 5322 section 2.1.1), so a colon further on is
/// none that ends a name.
pub(super) fn is_field(line: &[u8]) -> bool {
    let line = &line[..line.len().min(998)];
    match line.iter().position(|&b| b == b':') {
        Some(colon) if colon > 0 => line[..colon].iter().all(|&b| b.is_ascii_graphic()),
        _ => false,
    }
}

fn texts(value: &HeaderValue<'_>) -> Vec<String> {
    match value {
        HeaderValue::Text(text) => vec![text.to_string()],
        HeaderValue::TextList(list) => list.iter().map(|text| text.to_string()).collect(),
        _ => Vec::new(),
    }
}

fn parties(value: &HeaderValue<'_>) -> Vec<Party> {
    let Some(addresses) = value.as_address() else { return Vec::new() };
    let parties = addresses.iter().filter_map(|addr| {
        let written = addr.address().unwrap_or_default().trim();
        let name = addr.name().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        match (written.is_empty(), name) {
            (false, name) => Some(Party { written: lower_domain(written), name }),
            // A name without an address: an empty group such as `undisclosed recipients:;` gives nothing at all.
            (true, Some(name)) => Some(Party { written: name, name: None }),
            (true, None) => None,
        }
    });
    parties.collect()
}

/// Domains are compared without case (RFC 5321 section 2.4); local parts are kept.
fn lower_domain(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", domain.to_ascii_lowercase()),
        None => address.to_owned(),
    }
}

fn instant(date: &mail_parser::DateTime) -> Option<SimTime> {
    let civil = jiff::civil::DateTime::new(
        i16::try_from(date.year).ok()?,
        i8::try_from(date.month).ok()?,
        i8::try_from(date.day).ok()?,
        i8::try_from(date.hour).ok()?,
        i8::try_from(date.minute).ok()?,
        // A leap second is the second before it.
        i8::try_from(date.second.min(59)).ok()?,
        0,
    )
    .ok()?;
    let local = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    let east = i64::from(date.tz_hour) * 3600 + i64::from(date.tz_minute) * 60;
    let east = if date.tz_before_gmt { -east } else { east };
    (date.year > 0).then(|| SimTime::from_unix_seconds(local - east))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: &str = "From: =?utf-8?Q?Se=C3=A1n?= <sean@Post.EXAMPLE>\r\n\
        To: Molly <molly@post.example>,\r\n \"Vane, M.\" <mv@other.example>\r\n\
        Cc: Crew: a@ferry.example, b@ferry.example;\r\n\
        Date: Wed, 4 Dec 2013 10:00:00 -0500\r\n\
        Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n\
        Message-ID: <x.1@post.example>\r\n\
        In-Reply-To: <w.9@post.example>\r\n\r\nHello\r\n";

    #[test]
    fn reads_a_plain_message() {
        let facts = Facts::read(PLAIN.as_bytes(), None);
        assert_eq!(facts.malformed, []);
        assert_eq!(facts.date.unwrap().to_string(), "2013-12-04T15:00:00Z");
        assert_eq!(facts.from[0].written, "sean@post.example");
        assert_eq!(facts.from[0].name.as_deref(), Some("Seán"));
        assert_eq!(facts.to[1].name.as_deref(), Some("Vane, M."));
        assert_eq!(facts.subject.as_deref(), Some("Grüße"));
        assert_eq!(facts.message_id.as_deref(), Some("x.1@post.example"));
        assert_eq!(facts.in_reply_to, ["w.9@post.example"]);
        let traffic = facts.traffic();
        let to = ["molly@post.example", "mv@other.example", "a@ferry.example", "b@ferry.example"];
        assert_eq!(traffic.to, to);
        assert_eq!(traffic.size, PLAIN.len() as u64);
    }

    #[test]
    fn traffic_data_holds_no_subject_and_keeps_its_json_shape() {
        let json = serde_json::to_string(&Facts::read(PLAIN.as_bytes(), None).traffic()).unwrap();
        insta::assert_snapshot!(json, @r#"{"from":["sean@post.example"],"to":["molly@post.example","mv@other.example","a@ferry.example","b@ferry.example"],"date":"2013-12-04T15:00:00Z","message-id":"x.1@post.example","size":306}"#);
    }

    #[test]
    fn receipt_stands_in_for_a_missing_or_wrong_date() {
        let received: SimTime = "2013-12-05".parse().unwrap();
        let none = Facts::read(b"From: a@b.example\n\nx", Some(received));
        assert_eq!(none.date, Some(received));
        assert_eq!(none.malformed, [Malformed::Missing { field: "Date" }]);
        let wrong = Facts::read(b"From: a@b.example\nDate: 40 Foo 2013\n\nx", Some(received));
        assert_eq!(wrong.date, Some(received));
        assert_eq!(wrong.malformed, [Malformed::BadDate]);
        assert_eq!(Facts::read(b"From: a@b.example\n\nx", None).date, None);
    }

    #[test]
    fn a_message_that_is_none_is_noted_not_lost() {
        for raw in [&b""[..], b"\n\n", b"no colon here", b"\xff\xfe\x00", b": empty name\n"] {
            let facts = Facts::read(raw, None);
            assert_eq!(facts.malformed, [Malformed::NoHeader], "{raw:?}");
            assert_eq!(facts.size, raw.len() as u64);
        }
    }

    #[test]
    fn every_address_counts_even_where_a_field_is_repeated_or_wrong() {
        let raw = b"From: a@b.example\nDate: Wed, 4 Dec 2013 10:00:00 +0000\nTo: c@d.example\nTo: e@f.example, not an address\n\n";
        let facts = Facts::read(raw, None);
        assert!(facts.traffic().to.starts_with(&["c@d.example".into(), "e@f.example".into()]));
        assert!(facts.malformed.contains(&Malformed::Repeated { field: "To", times: 2 }));
        assert!(facts.malformed.contains(&Malformed::BadAddress { field: "To" }));
    }

    #[test]
    fn the_body_is_not_read_as_header() {
        let facts = Facts::read(b"From: a@b.example\n\nSubject: not this\n", None);
        assert_eq!(facts.subject, None);
    }

    #[test]
    fn a_header_without_an_end_is_read_up_to_the_limit() {
        let mut raw = b"From: a@b.example\nDate: Wed, 4 Dec 2013 10:00:00 +0000\n".to_vec();
        while raw.len() < HEADER_BYTES_MAX + 100 {
            raw.extend_from_slice(b"X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n");
        }
        let facts = Facts::read(&raw, None);
        assert_eq!(facts.from.len(), 1);
        assert_eq!(facts.malformed, [Malformed::LongHeader { bytes: raw.len() }]);
    }

    #[test]
    fn debug_output_shows_no_mail() {
        let facts = Facts::read(PLAIN.as_bytes(), None);
        let shown = format!("{facts:?} {:?} {:?}", facts.traffic(), facts.to);
        assert!(!shown.contains("molly") && !shown.contains("Gr"), "{shown}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(raw in proptest::collection::vec(any::<u8>(), 0..600)) {
            prop_assert_eq!(Facts::read(&raw, None).size, raw.len() as u64);
        }

        #[test]
        fn any_header_like_bytes_are_read(
            fields in proptest::collection::vec(
                ("(From|To|Cc|Bcc|Date|Subject|Message-ID|In-Reply-To|References|Received)", "[ -~\r\n\t\u{e9}=?<>@,;:\"()\\\\]{0,80}"),
                0..8,
            )
        ) {
            let raw: String = fields.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
            let facts = Facts::read(raw.as_bytes(), None);
            prop_assert_eq!(facts.traffic().size, raw.len() as u64);
        }
    }
}
