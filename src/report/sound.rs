//! What no report can say, whatever the record holds, and what it cannot say of this record.

use super::{BandForm, BandRow, Counted, TransparencyReport};
use crate::clock::Date;
use crate::world::SourceMark;

/// Why a report was not made as it says, whatever is closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsound {
    #[error(
        "the report says `simulated: false`: everything here is simulated, and each report is stamped as that"
    )]
    Unstamped,
    #[error("the report has the row `{0}` twice: only one of them could be what was counted")]
    Twice(String),
    #[error("the report has `{0}` for an outcome, which the gate does not know")]
    Outcome(String),
    #[error(
        "the report goes from {from} to {to} and says it was made on {made}: days that were to come cannot be counted"
    )]
    Days { from: Date, to: Date, made: Date },
    #[error(
        "the report says it was made on {made}, and no entry that it was made from is later than {newest}: a report is of the \
         day of its newest entry, because the record says nothing of later ones"
    )]
    Later { made: Date, newest: Date },
    #[error(
        "the report says it was made on {made}, and is made from an entry of {newest}: that was not in the record then"
    )]
    Earlier { made: Date, newest: Date },
    #[error(
        "the report says `complete: false` and has a section `national-security`: who did not see everything cannot say in \
         which bands it lies"
    )]
    BandsOfPart,
    #[error(
        "the report says `complete: true` and has no section `national-security`: on {made} a report of everything has one"
    )]
    NoBands { made: Date },
    #[error("the report, made on {made}, has a section `national-security`: nothing was told before {since}")]
    BandsTooEarly { made: Date, since: Date },
    #[error("the report says `complete: true`, and that {0} matters are left out")]
    LeftOut(u64),
    #[error(
        "the report says that 0 matters are left out because what opens them is gone: then it is complete"
    )]
    LeftOutNothing,
    #[error("the report has bands of {0}: the law knows 1000, 500, 250 and 100")]
    Width(u64),
    #[error("the report has bands of {form} under `{found}` ({mark}), and those are of `{law}` ({its_mark})")]
    Law { form: BandForm, found: String, mark: SourceMark, law: &'static str, its_mark: SourceMark },
    #[error("the report has {found} rows of national security, and with bands of {form} there are {rows}")]
    Rows { form: BandForm, found: usize, rows: usize },
    #[error("the report has the row `{found}` of national security where `{expected}` is told on that day")]
    Row { found: String, expected: String },
    #[error("the report has `{found}` for `{row}`, which is no band of {form}, such as `{first}`")]
    Band { form: BandForm, row: String, found: String, first: String },
}

/// How a row of bands is called.
pub(super) fn band_name(row: &BandRow) -> String {
    let BandRow { what, from, to, .. } = row;
    format!("{}, {from} to {to}", what.escape_debug())
}

/// Checks what needs no record, but for the rows of national security.
pub(super) fn check_itself(report: &TransparencyReport) -> Result<(), Unsound> {
    let TransparencyReport { from, to, made, .. } = *report;
    if !report.simulated {
        return Err(Unsound::Unstamped);
    }
    if to < from || to > made {
        return Err(Unsound::Days { from, to, made });
    }
    if let Some(row) = report.figures.twice() {
        return Err(Unsound::Twice(row));
    }
    let outcome = |text: &str| serde_json::from_value::<crate::demand::Outcome>(text.into()).is_ok();
    let mut outcomes = report.figures.classes.iter().map(|row| &row.outcome);
    if let Some(unknown) = outcomes.find(|text| *text != "pending" && !outcome(text)) {
        return Err(Unsound::Outcome(unknown.escape_debug().to_string()));
    }
    match (report.complete, report.left_out) {
        (true, Some(left_out)) => return Err(Unsound::LeftOut(left_out)),
        (false, Some(0)) => return Err(Unsound::LeftOutNothing),
        _ => {}
    }
    let since = BandForm::in_force();
    match &report.national_security {
        Some(_) if !report.complete => Err(Unsound::BandsOfPart),
        Some(_) if made < since => Err(Unsound::BandsTooEarly { made, since }),
        None if report.complete && made >= since => Err(Unsound::NoBands { made }),
        _ => Ok(()),
    }
}

/// Checks the day on which it says it was made against the entries that it was made from.
pub(super) fn check_day(report: &TransparencyReport, counted: &Counted) -> Result<(), Unsound> {
    let (made, Some(newest)) = (report.made, counted.newest()) else { return Ok(()) };
    // What is closed may be of a later day, unless something open came after it.
    if made > newest && counted.is_open_at_the_end() {
        return Err(Unsound::Later { made, newest });
    }
    // Who made it from what was published then may have seen less than is open by now.
    if made < newest && report.complete {
        return Err(Unsound::Earlier { made, newest });
    }
    Ok(())
}
