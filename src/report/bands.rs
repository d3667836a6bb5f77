//! Numbers of national security, in the bands of 50 U.S.C. 1874.
//!
//! The law lets a recipient who may not speak say in which band a number lies. It lies in the lowest band if there was
//! nothing, too: so a band never tells that there was nothing, and no number is ever told exactly.

use std::fmt;
use std::str::FromStr;

use jiff::Span as Days;
use serde::{Deserialize, Serialize};

use super::Counted;
use super::count::{Case, cases};
use super::sound::{Unsound, band_name};
use crate::clock::Date;
use crate::demand::InstrumentKind;
use crate::world::{SourceMark, World};

/// Which of the forms of the law a report has: how wide its bands are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BandForm {
    /// Subsection (a)(1): bands of 1000.
    Thousands,
    /// (a)(2): bands of 500.
    FiveHundreds,
    /// (a)(3): bands of 250, all process together, without delay.
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

    fn of_width(width: u64) -> Option<Self> {
        BandForm::ALL.into_iter().find(|form| form.width() == width)
    }

    /// The first day on which the law allowed it.
    pub(super) fn in_force() -> Date {
        jiff::civil::date(2015, 6, 2)
    }

    /// The lower end of a band, if it is one of this form.
    fn start(self, band: &str) -> Option<u64> {
        let start: u64 = band.split_once('-')?.0.parse().ok()?;
        start.checked_add(self.width())?;
        (self.band(start) == band).then_some(start)
    }

    /// What is told on the day a report is made, whatever span the rest of it has (subsection (b)).
    fn parts(self, made: Date) -> Vec<Part> {
        let newest = (days_before(made, 180), days_before(made, 1));
        // The 180 days that ended 180 days before.
        let late = (days_before(made, 359), days_before(made, 180));
        let year_ended = years_before(made, 1);
        let year_late = (days_before(years_before(year_ended, 1), -1), year_ended);
        let part = |what, process, (from, to)| Part { what, process, from, to };
        match self {
            BandForm::Thousands | BandForm::FiveHundreds => vec![
                part("national-security letters", Process::Letters, newest),
                part("FISA orders for content", Process::Directives, late),
                part("FISA orders for other data", Process::Nothing, late),
            ],
            BandForm::TwoFifties => vec![part("national-security process", Process::All, newest)],
            BandForm::Hundreds => vec![part("national-security process", Process::All, year_late)],
        }
    }

    /// True if the first order on a new service shows in no number for 540 days.
    fn hides_a_new_service(self) -> bool {
        matches!(self, BandForm::Thousands | BandForm::FiveHundreds)
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

/// How sure this program is of the whole of it. It was held against copies of the code, and not against the code itself.
const MARK: SourceMark = SourceMark::FromMemory;

/// What a report says of national security.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NationalSecurity {
    pub width: u64,
    /// The subsection that allows it.
    pub law: String,
    /// How sure this program is of what that says, delays included.
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

fn days_before(day: Date, days: i64) -> Date {
    day.checked_sub(Days::new().days(days)).unwrap_or(Date::MIN)
}

fn years_before(day: Date, years: i64) -> Date {
    day.checked_sub(Days::new().years(years)).unwrap_or(Date::MIN)
}

/// Which process a row counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Process {
    Letters,
    Directives,
    /// No instrument of this world is an order of that court for less than content.
    Nothing,
    All,
}

impl Process {
    fn counts(self, case: &Case) -> bool {
        match self {
            Process::Letters => case.instrument == InstrumentKind::NationalSecurityLetter,
            Process::Directives => is_directive(case),
            Process::Nothing => false,
            Process::All => true,
        }
    }
}

fn is_directive(case: &Case) -> bool {
    case.instrument == InstrumentKind::Directive
}

/// Two rows: how many orders there were, and how many accounts they named.
struct Part {
    what: &'static str,
    process: Process,
    from: Date,
    to: Date,
}

impl Part {
    fn rows(&self, bands: [String; 2]) -> [BandRow; 2] {
        let Part { what, from, to, .. } = *self;
        let [orders, accounts] = bands;
        [
            BandRow { what: what.to_owned(), from, to, band: orders },
            BandRow { what: format!("accounts in {what}"), from, to, band: accounts },
        ]
    }

    /// Orders and accounts.
    fn count<'c>(&self, cases: impl IntoIterator<Item = &'c Case>) -> [u64; 2] {
        let within = |case: &&Case| (self.from..=self.to).contains(&case.received);
        let counted = cases.into_iter().filter(within).filter(|case| self.process.counts(case));
        counted.fold([0, 0], |[orders, accounts], case| [orders + 1, accounts + case.accounts])
    }
}

/// What shows in bands at all; with what is too new to show, and without.
struct Shown<'c> {
    all: Vec<&'c Case>,
    now: Vec<&'c Case>,
}

impl<'c> Shown<'c> {
    fn of(world: &World, cases: &'c [Case], form: BandForm, made: Date) -> Self {
        let all: Vec<&Case> = cases.iter().filter(|case| case.is_banded(world)).collect();
        // The service is one, and so what came while it was new shows as little as its first order.
        let first = all.iter().filter(|case| is_directive(case)).map(|case| case.received).min();
        let new_service =
            form.hides_a_new_service() && first.is_some_and(|first| days_before(made, 540) < first);
        let now = all.iter().copied().filter(|case| !(new_service && is_directive(case))).collect();
        Shown { all, now }
    }
}

/// Whether a band can be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Held {
    /// Everything is open, and it comes out.
    Counted,
    /// Nothing that is open speaks against it.
    Possible,
    /// It cannot be; what is there instead, in words.
    Wrong(String),
}

impl NationalSecurity {
    /// What may be told on the day a report is made; nothing before the law was in force.
    pub fn tell(world: &World, cases: &[Case], form: BandForm, made: Date) -> Option<Self> {
        if made < BandForm::in_force() {
            return None;
        }
        let shown = Shown::of(world, cases, form, made);
        let parts = form.parts(made);
        let rows = parts.iter().flat_map(|part| {
            part.rows(part.count(shown.now.iter().copied()).map(|number| form.band(number)))
        });
        Some(NationalSecurity {
            width: form.width(),
            law: form.subsection().to_owned(),
            mark: MARK,
            rows: rows.collect(),
        })
    }

    /// What a reader has to know of the rows.
    pub fn note(&self) -> String {
        format!(
            "In bands of {}, as {} allows ({}), of the days that may be told of when the report is made, whatever span the rest \
             of it has. A number is never told exactly, and a band says nothing of whether there was any.",
            self.width, self.law, self.mark
        )
    }

    pub(super) fn form(&self) -> Result<BandForm, Unsound> {
        BandForm::of_width(self.width).ok_or(Unsound::Width(self.width))
    }

    /// Checks everything but the numbers: what law it names, which rows it has, that each tells a band.
    pub(super) fn check_form(&self, made: Date) -> Result<(), Unsound> {
        let form = self.form()?;
        let (law, its_mark) = (form.subsection(), MARK);
        if self.law != law || self.mark != its_mark {
            let found = self.law.escape_debug().to_string();
            return Err(Unsound::Law { form, found, mark: self.mark, law, its_mark });
        }
        let parts = form.parts(made);
        let expected: Vec<BandRow> =
            parts.iter().flat_map(|part| part.rows([String::new(), String::new()])).collect();
        if expected.len() != self.rows.len() {
            return Err(Unsound::Rows { form, found: self.rows.len(), rows: expected.len() });
        }
        for (row, expected) in self.rows.iter().zip(&expected) {
            let (found, expected) = (band_name(row), band_name(expected));
            if found != expected {
                return Err(Unsound::Row { found, expected });
            }
            if form.start(&row.band).is_none() {
                let said = row.band.escape_debug().to_string();
                return Err(Unsound::Band { form, row: found, found: said, first: form.band(0) });
            }
        }
        Ok(())
    }

    /// Whether each row can be what the record holds, of which some may be closed.
    pub(super) fn compare(&self, world: &World, counted: &Counted, made: Date) -> Result<Vec<Held>, Unsound> {
        self.check_form(made)?;
        let form = self.form()?;
        let closed = counted.closed.len() as u64;
        let cases = cases(&counted.whole().entries, made);
        let shown = Shown::of(world, &cases, form, made);
        let numbers = form.parts(made).into_iter().flat_map(|part| {
            let [orders, accounts] = part.count(shown.now.iter().copied());
            if closed == 0 || part.process == Process::Nothing {
                return [(orders, Some(orders)), (accounts, Some(accounts))];
            }
            // A closed order may be an older first one, and then what is too new by what is open is not. How many
            // accounts a closed order names is not known.
            let [most, _] = part.count(shown.all.iter().copied());
            [(orders, Some(most + closed)), (accounts, None)]
        });
        let held = self.rows.iter().zip(numbers).map(|(row, (least, most))| {
            let start = form.start(&row.band).unwrap_or(0);
            if most == Some(least) {
                let band = form.band(least);
                return if row.band == band {
                    Held::Counted
                } else {
                    Held::Wrong(format!("{band} comes out"))
                };
            }
            match most {
                Some(most) if start > most => {
                    let closed =
                        if closed == 1 { "1 matter is".to_owned() } else { format!("{closed} matters are") };
                    Held::Wrong(format!(
                        "it is {most} at most, even if all that is closed is of this kind ({closed})"
                    ))
                }
                _ if start + form.width() <= least => Held::Wrong(format!("{least} are open")),
                _ => Held::Possible,
            }
        });
        Ok(held.collect())
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
        let told = NationalSecurity::tell(&World::standard().unwrap(), &cases, form, day(made)).unwrap();
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
            NationalSecurity::tell(&world, &[], BandForm::Thousands, day("2015-06-01")).is_none()
        });
    }

    #[test]
    fn each_form_tells_of_the_days_that_the_law_allows() {
        let spans = |form: BandForm, made: &str| -> Vec<String> {
            form.parts(day(made)).iter().map(|part| format!("{} to {}", part.from, part.to)).collect()
        };
        let late = "2017-07-07 to 2018-01-02";
        assert_eq!(spans(BandForm::Thousands, "2018-07-01"), ["2018-01-02 to 2018-06-30", late, late]);
        assert_eq!(spans(BandForm::FiveHundreds, "2018-07-01"), spans(BandForm::Thousands, "2018-07-01"));
        assert_eq!(spans(BandForm::TwoFifties, "2018-07-01"), ["2018-01-02 to 2018-06-30"]);
        assert_eq!(spans(BandForm::Hundreds, "2018-07-01"), ["2016-07-02 to 2017-07-01"]);
        assert_eq!(spans(BandForm::Hundreds, "2024-02-28"), ["2022-03-01 to 2023-02-28"]);
        assert_eq!(spans(BandForm::Hundreds, "2025-02-28"), ["2023-03-01 to 2024-02-28"]);
        // Directives of a new service: hidden where they are told apart.
        let new = ["2018-01-03", "2018-01-04"];
        assert_eq!(bands(&new, BandForm::TwoFifties, "2018-07-01"), ["0-249", "500-749"]);
        // The day on which both are in the days that are told: 600 accounts, were they not new.
        assert_eq!(bands(&new, BandForm::FiveHundreds, "2018-07-03")[3], "0-499");
        let long_since = ["2012-01-01", "2018-01-03", "2018-01-04"];
        assert_eq!(bands(&long_since, BandForm::FiveHundreds, "2018-07-03")[3], "500-999");
        // 540 days after the first, it shows.
        let first = ["2017-01-10", "2018-01-03", "2018-01-04"];
        assert_eq!(bands(&first, BandForm::FiveHundreds, "2018-07-03")[3], "0-499");
        assert_eq!(bands(&first, BandForm::FiveHundreds, "2018-07-04")[3], "500-999");
    }
}
