use std::fmt;
use std::str::FromStr;

use jiff::fmt::temporal::{Pieces, PiecesOffset};
use jiff::tz::{Offset, TimeZone};
use serde::{Serialize, Serializer};

use crate::clock::{Date, SimTime};

/// An instant as the script wrote it: with the offset of the place where it happened, so that it is shown with
/// that place's date and hour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    time: SimTime,
    offset: Offset,
}

impl Moment {
    /// An instant that nobody wrote down with an offset, told in UTC.
    pub fn utc(time: SimTime) -> Self {
        Moment { time, offset: Offset::UTC }
    }

    pub fn time(self) -> SimTime {
        self.time
    }

    /// Another instant, told in the same offset.
    pub fn with_time(self, time: SimTime) -> Self {
        Moment { time, offset: self.offset }
    }

    /// The same hour, by the clock of the same offset, on another day.
    pub fn on(self, day: Date) -> Self {
        let zone = TimeZone::fixed(self.offset);
        let hour =
            self.time.unix_seconds() - SimTime::start_of(self.time.date_in(&zone), &zone).unix_seconds();
        self.with_time(SimTime::start_of(day, &zone).plus_seconds(hour))
    }

    /// `4 December 2013`.
    pub fn date(self) -> String {
        let date = self.time.date_in(&TimeZone::fixed(self.offset));
        let month = MONTHS[usize::from(date.month().unsigned_abs()) - 1];
        format!("{} {month} {}", date.day(), date.year())
    }

    /// `15:00 UTC-5`.
    pub fn hour(self) -> String {
        let local = self.time.unix_seconds() + i64::from(self.offset.seconds());
        let minute = local.rem_euclid(86_400) / 60;
        let minutes = self.offset.seconds().abs() / 60;
        let zone = match (self.offset.is_negative(), minutes / 60, minutes % 60) {
            (_, 0, 0) => "UTC".to_owned(),
            (negative, hours, 0) => format!("UTC{}{hours}", if negative { '-' } else { '+' }),
            (negative, hours, rest) => format!("UTC{}{hours}:{rest:02}", if negative { '-' } else { '+' }),
        };
        format!("{:02}:{:02} {zone}", minute / 60, minute % 60)
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A text that is not an instant with an offset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a moment: write date, hour and offset (RFC 3339), such as `2013-12-04T15:00:00-05:00`, because one \
     instant can be two dates"
)]
pub struct BadMoment(String);

impl FromStr for Moment {
    type Err = BadMoment;

    fn from_str(text: &str) -> Result<Self, BadMoment> {
        let bad = || BadMoment(text.to_owned());
        // jiff takes more shapes than RFC 3339 has; a typing mistake should not become another instant.
        let shaped = text.len() >= 20
            && text.bytes().enumerate().all(|(i, byte)| match i {
                4 | 7 => byte == b'-',
                10 => byte == b'T',
                13 | 16 => byte == b':',
                0..=18 => byte.is_ascii_digit(),
                19 => matches!(byte, b'Z' | b'+' | b'-'),
                22 => byte == b':',
                _ => i < 25 && byte.is_ascii_digit(),
            })
            && (text.len() == 25 || text.ends_with('Z'));
        if !shaped {
            return Err(bad());
        }
        let pieces = Pieces::parse(text).map_err(|_| bad())?;
        let offset = match pieces.offset() {
            Some(PiecesOffset::Zulu) => Offset::UTC,
            Some(PiecesOffset::Numeric(offset)) => offset.offset(),
            _ => return Err(bad()),
        };
        Ok(Moment { time: text.parse().map_err(|_| bad())?, offset })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.offset.seconds();
        let local = SimTime::from_unix_seconds(self.time.unix_seconds() + i64::from(seconds)).to_string();
        let sign = if seconds < 0 { '-' } else { '+' };
        let minutes = seconds.abs() / 60;
        write!(f, "{}{sign}{:02}:{:02}", local.trim_end_matches('Z'), minutes / 60, minutes % 60)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_told_in_the_hour_of_its_place() {
        let evening: Moment = "2016-07-13T22:30:00-04:00".parse().unwrap();
        assert_eq!(evening.time().to_string(), "2016-07-14T02:30:00Z");
        assert_eq!((evening.date(), evening.hour()), ("13 July 2016".into(), "22:30 UTC-4".into()));
        assert_eq!(evening.to_string(), "2016-07-13T22:30:00-04:00");
        let delhi: Moment = "2016-07-14T08:00:00+05:30".parse().unwrap();
        assert_eq!(delhi.hour(), "08:00 UTC+5:30");
        assert_eq!("2016-01-01T00:00:00Z".parse::<Moment>().unwrap().hour(), "00:00 UTC");
    }

    #[test]
    fn a_date_without_hour_or_offset_is_refused() {
        for text in [
            "2016-07-14",
            "2016-07-14T02:30:00",
            "2016-07-14 02:30:00Z",
            "2016-07-14T02:30Z",
            "2016-02-30T02:30:00Z",
            "2016-07-14T02:30:00-4:00",
            "2016-07-14T02:30:00-04:00[America/New_York]",
            "2016-07-14T02:30:00ZZ",
        ] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
    }
}
