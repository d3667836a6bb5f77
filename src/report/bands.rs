//! Numbers of national security, in the bands of 50 U.S.C. 1874.
//!
//! The law lets a recipient who may not speak say in which band a number lies. It lies in the lowest band if there was
//! nothing, too: so a band never tells that there was nothing, and no number is ever told exactly.

use std::fmt;
use std::str::FromStr;

use jiff::Span as Days;
use serde::{Deserialize, Serialize};

use super::count::Case;
use crate::clock::Date;
use crate::demand::InstrumentKind;
use crate::world::{SourceMark, World};

/// Which of the forms of the law a report has: how wide its bands are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BandForm {
    /// Subsection (a)(1): bands of 1000.
    Thousands,
    /// (a)(2): bands of 500, with fewer parts.
    FiveHundreds,
    /// (a)(3): bands of 250, all process together.
    TwoFifties,
    /// (a)(4): bands of 100, all together, of a whole year, a year late.
    Hundreds,
}

impl BandForm {
    pub const ALL: [BandForm; 4] =
        [BandForm::Thousands, BandForm::FiveHundreds, BandForm::TwoFifties, BandForm::Hundreds];

    fn width(self) -> u64 {
        match self {
            BandForm::Thousands => 1000,
            BandForm::FiveHundreds => 500,
            BandForm::TwoFifties => 250,
            BandForm::Hundreds => 100,
        }
    }

    fn subsection(self) -> &'static str {
        match self {
            BandForm::Thousands => "50 U.S.C. 1874(a)(1)",
            BandForm::FiveHundreds => "50 U.S.C. 1874(a)(2)",
            BandForm::TwoFifties => "50 U.S.C. 1874(a)(3)",
            BandForm::Hundreds => "50 U.S.C. 1874(a)(4)",
        }
    }

    /// How sure this program is of what the form says: the first was read in a copy of the code, the others not.
    fn mark(self) -> SourceMark {
        match self {
            BandForm::Thousands => SourceMark::Verified,
            _ => SourceMark::FromMemory,
        }
    }

    /// The band that a number lies in.
    fn band(self, number: u64) -> String {
        let start = number / self.width() * self.width();
        format!("{start}-{}", start + self.width() - 1)
    }
}

/// Not the width of a band.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no width of bands that the law knows: 1000, 500, 250 or 100")]
pub struct UnknownBand(String);

impl FromStr for BandForm {
    type Err = UnknownBand;

    fn from_str(text: &str) -> Result<Self, UnknownBand> {
        let found = BandForm::ALL.into_iter().find(|form| form.width().to_string() == text);
        found.ok_or_else(|| UnknownBand(text.to_owned()))
    }
}

impl fmt::Display for BandForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.width())
    }
}

/// What a report says of national security.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NationalSecurity {
    pub width: u64,
    /// The subsection that allows it.
    pub law: String,
    /// How sure this program is of what that says.
    pub mark: SourceMark,
    pub rows: Vec<BandRow>,
}

/// One number that is told as a band.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BandRow {
    pub what: String,
    /// The days that it counts, both included.
    pub from: Date,
    pub to: Date,
    /// `0-499`.
    pub band: String,
}

/// The first day on which the law allowed it.
fn in_force() -> Date {
    jiff::civil::date(2015, 6, 2)
}

fn days_before(day: Date, days: i64) -> Date {
    day.checked_sub(Days::new().days(days)).unwrap_or(Date::MIN)
}

/// Which process a row counts.
type Counts = fn(&Case) -> bool;

fn letter(case: &Case) -> bool {
    case.instrument == InstrumentKind::NationalSecurityLetter
}

fn directive(case: &Case) -> bool {
    case.instrument == InstrumentKind::Directive
}

/// No instrument of this world is an order of that court for less than content.
fn non_content_order(_: &Case) -> bool {
    false
}

fn any(_: &Case) -> bool {
    true
}

impl NationalSecurity {
    /// What may be told on the day a report is made; nothing before the law was in force.
    pub fn tell(world: &World, cases: &[Case], form: BandForm, to: Date, made: Date) -> Option<Self> {
        if made < in_force() {
            return None;
        }
        let half_year = half_year_by(to);
        // FISA process: the 180 days that ended 180 days before publication.
        let late = (days_before(made, 360), days_before(made, 181));
        let year_late = (days_before(made, 730), days_before(made, 366));
        let rows: &[(&str, Counts, (Date, Date))] = match form {
            BandForm::Thousands | BandForm::FiveHundreds => &[
                ("national-security letters", letter, half_year),
                ("FISA orders for content", directive, late),
                ("FISA orders for other data", non_content_order, late),
            ],
            // That it waits like the others is a modelling choice: it counts FISA process among the rest.
            BandForm::TwoFifties => &[("national-security process", any, late)],
            BandForm::Hundreds => &[("national-security process", any, year_late)],
        };
        let cases: Vec<&Case> = cases.iter().filter(|case| case.is_banded(world)).collect();
        // The first order on a new service shows in no number for 540 days, and neither does what came with it.
        let first = cases.iter().filter(|case| directive(case)).map(|case| case.received).min();
        let new_service = first.is_some_and(|first| days_before(made, 540) < first);
        let tell = |(what, counts, (from, to)): &(&str, Counts, (Date, Date))| {
            let counted = cases.iter().filter(|case| {
                counts(case) && (*from..=*to).contains(&case.received) && !(new_service && directive(case))
            });
            let (orders, accounts) =
                counted.fold((0, 0), |(orders, accounts), case| (orders + 1, accounts + case.accounts));
            let row = |what: String, number| BandRow { what, from: *from, to: *to, band: form.band(number) };
            [row((*what).to_owned(), orders), row(format!("accounts in {what}"), accounts)]
        };
        Some(NationalSecurity {
            width: form.width(),
            law: form.subsection().to_owned(),
            mark: form.mark(),
            rows: rows.iter().flat_map(tell).collect(),
        })
    }
}

/// The last half-year that was over on a day, or ended on it.
fn half_year_by(day: Date) -> (Date, Date) {
    let date = |year, month, day| jiff::civil::date(year, month, day);
    let year = day.year();
    if day >= date(year, 12, 31) {
        (date(year, 7, 1), date(year, 12, 31))
    } else if day >= date(year, 6, 30) {
        (date(year, 1, 1), date(year, 6, 30))
    } else {
        (date(year - 1, 7, 1), date(year - 1, 12, 31))
    }
}

#[cfg(test)]
mod tests {
    use super::super::count::cases;
    use super::*;
    use crate::gate::{PublicEntry, PublicEvent};

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn directives(received: &[&str]) -> Vec<PublicEntry> {
        let entry = |(place, date): (usize, &&str)| PublicEntry {
            entry: place as u64 + 1,
            matter_tag: [place as u8; 32],
            event: PublicEvent::Received {
                date: day(date),
                on_behalf_of: "US".parse().unwrap(),
                instrument: InstrumentKind::Directive,
                version: 1,
                accounts: 300,
                classes: vec![],
                acts: vec![],
                emergency: false,
                executes: None,
            },
        };
        received.iter().enumerate().map(entry).collect()
    }

    fn bands(received: &[&str], form: BandForm, made: &str) -> Vec<String> {
        let cases = cases(&directives(received), day(made));
        let told =
            NationalSecurity::tell(&World::standard().unwrap(), &cases, form, day(made), day(made)).unwrap();
        told.rows.into_iter().map(|row| row.band).collect()
    }

    #[test]
    fn a_number_is_told_as_its_band_and_nothing_is_told_like_something() {
        assert_eq!(
            [0, 1, 499, 500].map(|n| BandForm::FiveHundreds.band(n)),
            ["0-499", "0-499", "0-499", "500-999"]
        );
        assert_eq!(BandForm::Hundreds.band(100), "100-199");
        assert_eq!(bands(&[], BandForm::Thousands, "2018-07-01"), ["0-999"; 6]);
    }

    #[test]
    fn fisa_numbers_wait_and_those_of_a_new_service_wait_longer() {
        // Two, of 300 accounts each: 600 in the days of a report, or none.
        let both = ["2016-01-04", "2016-01-05"];
        let accounts = |made: &str| bands(&both, BandForm::FiveHundreds, made)[3].clone();
        // The days of the report come and go while the service is new.
        assert_eq!(accounts("2016-08-01"), "0-499");
        // An old service: its first order came long before.
        let old = ["2012-01-01", "2016-01-04", "2016-01-05"];
        let accounts = |made: &str| bands(&old, BandForm::FiveHundreds, made)[3].clone();
        assert_eq!(accounts("2016-06-01"), "0-499", "too early");
        assert_eq!(accounts("2016-08-01"), "500-999");
        assert_eq!(accounts("2017-08-01"), "0-499", "another span by now");
    }

    #[test]
    fn nothing_is_told_before_the_law() {
        assert!({
            let world = World::standard().unwrap();
            NationalSecurity::tell(&world, &[], BandForm::Thousands, day("2015-06-01"), day("2015-06-01"))
                .is_none()
        });
    }

    #[test]
    fn letters_are_told_by_half_years() {
        assert_eq!(half_year_by(day("2018-06-30")), (day("2018-01-01"), day("2018-06-30")));
        assert_eq!(half_year_by(day("2018-06-29")), (day("2017-07-01"), day("2017-12-31")));
        assert_eq!(half_year_by(day("2018-12-31")), (day("2018-07-01"), day("2018-12-31")));
    }
}
