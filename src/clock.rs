//! Simulated and real time.
//!
//! Everything legal happens in simulated time, which jumps over months; a caller is handed a [`Clock`] and never
//! asks the operating system. A legal date is a civil date in some country's time zone: the same instant can be
//! the 13th in New York and the 14th in Dublin, so an instant has to be told where before it becomes a date.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

pub use jiff::civil::Date;

/// An instant, to the second. Written as RFC 3339 in UTC: `2013-12-04T15:00:00Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SimTime(i64);

impl SimTime {
    /// The earliest instant that is written as four year digits.
    pub const MIN: SimTime = SimTime(-62_135_596_800);

    /// From seconds since 1970-01-01T00:00:00Z. Seconds outside the years 1 to 9999 are clamped to them.
    pub fn from_unix_seconds(seconds: i64) -> Self {
        SimTime(seconds.clamp(Self::MIN.0, 253_402_207_200))
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub fn unix_seconds(self) -> i64 {
        self.0
    }

    /// The first instant of a civil date in a time zone.
    pub fn start_of(date: Date, zone: &TimeZone) -> Self {
        let seconds =
            zone.to_ambiguous_timestamp(date.at(0, 0, 0, 0)).compatible().map_or(i64::MIN, |t| t.as_second());
        SimTime::from_unix_seconds(seconds)
    }

    /// The civil date of this instant in a time zone.
    pub fn date_in(self, zone: &TimeZone) -> Date {
        zone.to_datetime(self.timestamp()).date()
    }

    /// The civil date in UTC.
    pub fn date_utc(self) -> Date {
        self.date_in(&TimeZone::UTC)
    }

    /// This instant moved by whole days of 86,400 seconds.
    pub fn plus_days(self, days: i64) -> Self {
        self.plus_seconds(days.saturating_mul(86_400))
    }

    /// This instant moved by seconds.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        SimTime::from_unix_seconds(self.0.saturating_add(seconds))
    }

    fn timestamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.timestamp())
    }
}

impl fmt::Debug for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is neither an RFC 3339 instant nor a date.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{0}` is not an instant: write `2013-12-04T15:00:00Z`, or `2013-12-04` for its first second in UTC")]
pub struct ParseTimeError(String);

impl FromStr for SimTime {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Ok(SimTime::from_unix_seconds(instant.as_second()));
        }
        // jiff would take many shapes for a date; one is enough, and a typing mistake should not become another.
        let dashed = text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
        match text.parse::<Date>() {
            Ok(date) if dashed => Ok(SimTime::start_of(date, &TimeZone::UTC)),
            _ => Err(ParseTimeError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for SimTime {
    type Error = ParseTimeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl Serialize for SimTime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SimTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Where a component learns what time it is.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> SimTime;
}

/// A clock that stands still until somebody moves it. Clones share one hand.
#[derive(Clone, Debug)]
pub struct SimClock(Arc<AtomicI64>);

impl SimClock {
    pub fn starting_at(time: SimTime) -> Self {
        SimClock(Arc::new(AtomicI64::new(time.0)))
    }

    /// Moves to `time`, or stays where it is if that lies in the past: simulated time never runs backwards.
    pub fn advance_to(&self, time: SimTime) {
        self.0.fetch_max(time.0, Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn now(&self) -> SimTime {
        SimTime(self.0.load(Ordering::SeqCst))
    }
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SimTime {
        SimTime::from_unix_seconds(jiff::Timestamp::now().as_second())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_instant_is_two_dates() {
        let evening: SimTime = "2016-07-14T02:30:00Z".parse().unwrap();
        let new_york = TimeZone::get("America/New_York").unwrap();
        let dublin = TimeZone::get("Europe/Dublin").unwrap();
        assert_eq!(evening.date_in(&new_york).to_string(), "2016-07-13");
        assert_eq!(evening.date_in(&dublin).to_string(), "2016-07-14");
    }

    #[test]
    fn a_date_is_its_first_second_and_prints_back() {
        let t: SimTime = "2018-03-23".parse().unwrap();
        assert_eq!(t.to_string(), "2018-03-23T00:00:00Z");
        assert_eq!(serde_json::to_string(&t).unwrap(), "\"2018-03-23T00:00:00Z\"");
    }

    #[test]
    fn other_shapes_are_refused() {
        for text in ["", "20180323", "2018-3-23", "2018-02-30", "yesterday", "2018-03-23 10:00"] {
            assert!(text.parse::<SimTime>().is_err(), "{text}");
        }
    }

    #[test]
    fn simulated_time_never_runs_backwards() {
        let clock = SimClock::starting_at("2014-01-01".parse().unwrap());
        clock.advance_to("2013-01-01".parse().unwrap());
        assert_eq!(clock.now().to_string(), "2014-01-01T00:00:00Z");
    }
}
