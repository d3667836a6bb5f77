//! The `From ` line that starts a message in an mbox file: `From molly@post.example Wed Dec  4 15:00:00 2013`.
//!
//! RFC 4155 section 3 has one shape for it, in UTC; programs have many. Read are a weekday, then day, month, time
//! and year in the order of `ctime` or of RFC 5322, then or between them an optional zone.

use jiff::civil;
use jiff::tz::{Offset, TimeZone};

use crate::clock::SimTime;
use crate::world::Address;

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// What starts every postmark.
pub(super) const START: &[u8] = b"From ";

/// A postmark line longer than this is none: an address has 254 bytes at most, a date some 35.
pub(super) const LINE_BYTES_MAX: usize = 1000;

/// The moment a postmark gives, if the line is a postmark with a date. Without a zone it is taken as UTC.
pub(super) fn date(line: &[u8]) -> Option<SimTime> {
    if !line.starts_with(START) || line.len() > LINE_BYTES_MAX {
        return None;
    }
    let line = String::from_utf8_lossy(line);
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    // The sender may hold blanks and even weekdays, so the date is whatever end of the line is one.
    (1..words.len()).filter(|&i| WEEKDAYS.contains(&words[i].trim_end_matches(','))).find_map(|i| {
        let rest = &words[i + 1..];
        if rest.len() > 6 { None } else { parse(rest) }
    })
}

fn parse(words: &[&str]) -> Option<SimTime> {
    let (first, second) = (words.first()?, words.get(1)?);
    let month_of = |word: &str| MONTHS.iter().position(|m| *m == word).map(|i| i as i8 + 1);
    let day_of = |word: &str| if word.len() <= 2 { word.parse::<i8>().ok() } else { None };
    let (month, day) = match (month_of(first), month_of(second)) {
        (Some(month), None) => (month, day_of(second)?),
        (None, Some(month)) => (month, day_of(first)?),
        _ => return None,
    };
    let (mut time, mut year, mut offset) = (None, None, None);
    for word in &words[2..] {
        if word.contains(':') && time.is_none() {
            time = Some(parse_time(word)?);
        } else if word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit()) && year.is_none() {
            year = word.parse::<i16>().ok();
        } else if offset.is_none() {
            offset = Some(parse_zone(word)?);
        } else {
            return None;
        }
    }
    let (hour, minute, second) = time?;
    let civil = civil::DateTime::new(year?, month, day, hour, minute, second, 0).ok()?;
    let zone = TimeZone::fixed(Offset::from_seconds(offset.unwrap_or(0)).ok()?);
    Some(SimTime::from_unix_seconds(civil.to_zoned(zone).ok()?.timestamp().as_second()))
}

fn parse_time(word: &str) -> Option<(i8, i8, i8)> {
    let mut parts = word.split(':').map(|part| part.parse::<i8>().ok());
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().unwrap_or(Some(0))?;
    // A leap second is the second before it.
    if parts.next().is_some() { None } else { Some((hour, minute, second.min(59))) }
}

/// Seconds east of UTC. Zone letters other than UTC and the North American ones say nothing reliable and count as
/// UTC (RFC 5322 section 4.3).
fn parse_zone(word: &str) -> Option<i32> {
    let hours = |h: i32| Some(h * 3600);
    if let Some(digits) = word.strip_prefix(['+', '-']) {
        if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let number: i32 = digits.parse().ok()?;
        let east = number / 100 * 3600 + number % 100 * 60;
        return Some(if word.starts_with('-') { -east } else { east });
    }
    match word {
        "EDT" => hours(-4),
        "EST" | "CDT" => hours(-5),
        "CST" | "MDT" => hours(-6),
        "MST" | "PDT" => hours(-7),
        "PST" => hours(-8),
        _ if (1..=5).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_uppercase()) => Some(0),
        _ => None,
    }
}

/// A postmark without its line end. Nobody known is `MAILER-DAEMON`, and no moment known is 1970.
pub(super) fn write(sender: Option<&Address>, received: Option<SimTime>) -> String {
    let seconds = received.map_or(0, SimTime::unix_seconds);
    let moment = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let sender = sender.map_or("MAILER-DAEMON", Address::as_str);
    format!("From {sender} {}", moment.strftime("%a %b %e %H:%M:%S %Y"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_shapes_that_programs_write() {
        for (line, expected) in [
            ("From molly@post.example Wed Dec  4 15:00:00 2013", "2013-12-04T15:00:00Z"),
            ("From - Wed Dec 04 15:00:00 2013\r\n", "2013-12-04T15:00:00Z"),
            ("From 142@xxx Wed Dec 04 15:00:00 +0000 2013\n", "2013-12-04T15:00:00Z"),
            ("From a@b.example Wed Dec  4 10:00:00 EST 2013", "2013-12-04T15:00:00Z"),
            ("From a@b.example Wed Dec  4 10:00 2013 -0500", "2013-12-04T15:00:00Z"),
            ("From a@b.example Wed, 4 Dec 2013 16:00:00 +0100", "2013-12-04T15:00:00Z"),
            ("From Sun Ra <ra@b.example> Wed Dec  4 15:00:60 2013", "2013-12-04T15:00:59Z"),
        ] {
            assert_eq!(date(line.as_bytes()).map(|d| d.to_string()).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn prose_is_no_postmark() {
        for line in [
            "From the start of March we sail twice",
            "From Mon to Fri at 10:00 in 2013",
            "From Wed Dec  4",
            "From a Wed Dec  4 15:00:00 2013 until further notice",
            "From a Wed Dec 32 15:00:00 2013",
            " From a Wed Dec  4 15:00:00 2013",
            ">From a Wed Dec  4 15:00:00 2013",
        ] {
            assert_eq!(date(line.as_bytes()), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in SimTime::MIN.unix_seconds()..253_402_207_200) {
            let moment = SimTime::from_unix_seconds(seconds);
            let sender = "molly@post.example".parse().ok();
            prop_assert_eq!(date(write(sender.as_ref(), Some(moment)).as_bytes()), Some(moment));
        }

        #[test]
        fn any_line_is_judged(line in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = date(&[START, &line].concat());
        }
    }
}
