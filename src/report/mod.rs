//! The transparency report: how much was demanded of the provider and what came of it, counted from the record.
//!
//! Everything is counted from what the public may read of each entry ([`PublicEvent`]), whoever counts: head office has
//! all of it, an outsider what was published, an auditor what they were given. So an outsider can count again whatever is
//! open, and what is not rests on the signature of somebody who saw it.

mod bands;
mod chart;
mod check;
mod count;
mod csv;
mod html;
mod parse;
mod read;
mod sound;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

pub use bands::{BandForm, BandRow, NationalSecurity};
pub use check::{
    Basis, CheckError, FigureCheck, Later, OriginError, ReportCheck, Statement, StatementError, Verdict,
    check, check_origin,
};
pub use csv::csv;
pub use html::html;
pub use parse::ParseError;
pub use read::{Counted, ReadError, read};
pub use sound::Unsound;

use crate::clock::Date;
use crate::demand::{Act, InstrumentKind};
use crate::gate::{PublicEntry, PublicEvent};
use crate::record::policy::Quorum;
use crate::world::{Country, DataClass, World};

/// The shape of the JSON.
pub const FORMAT: u32 = 2;

/// A report over a span of days.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TransparencyReport {
    pub simulated: bool,
    pub format: u32,
    /// Demands received from this day on, in UTC.
    pub from: Date,
    /// … up to and with this day; how each stood at its end.
    pub to: Date,
    /// The day of the newest entry that it was made from: the record says nothing of later ones.
    pub made: Date,
    /// The cosigned checkpoint that it was made from, as a signed note.
    pub checkpoint: String,
    /// Who cosigned it, by the policy of whoever made the report, and whether an outsider did.
    pub quorum: Quorum,
    /// False if it was not made from every entry: then it lacks what is closed, and says nothing of national security.
    pub complete: bool,
    /// Matters that head office left out, because what opens them was erased or lost; absent from a report that is
    /// complete, or that was made from what was published or given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<u64>,
    pub figures: Figures,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub national_security: Option<NationalSecurity>,
}

/// What was counted.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Figures {
    /// Demands to disclose, by state and instrument.
    pub demands: Vec<DemandRow>,
    /// What came of each class of data of each account, one by one.
    pub classes: Vec<ClassRow>,
    /// Demands that ask for something else than disclosure, such as to preserve.
    pub others: Vec<OtherRow>,
    /// Warrants of the state where head office is at home, for content that rests abroad.
    pub abroad: Vec<AbroadRow>,
    /// Demands of which something was due and could not be handed over in time; in the other figures, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missed: Vec<MissedRow>,
}

/// Demands that the provider would have answered in time, and could not.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MissedRow {
    pub country: Country,
    pub instrument: InstrumentKind,
    pub for_want_of: Wanting,
    pub demands: u64,
    /// One for each act on each class of each account and place.
    pub items: u64,
}

/// What kept the provider from answering in time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wanting {
    /// Too few witnesses cosigned the record.
    Quorum,
    /// A region did not answer.
    Region,
}

impl Wanting {
    pub fn as_str(self) -> &'static str {
        match self {
            Wanting::Quorum => "a quorum of witnesses",
            Wanting::Region => "an answer of a region",
        }
    }
}

/// Demands of one state by one instrument. The columns from `content` to `pending` add up to `demands`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DemandRow {
    pub country: Country,
    pub instrument: InstrumentKind,
    /// The state whose treaty request these orders carry out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executes: Option<Country>,
    pub demands: u64,
    /// Accounts that were named.
    pub accounts: u64,
    pub emergency: u64,
    /// Some content was handed over.
    pub content: u64,
    /// Something was, and no content.
    pub non_content: u64,
    /// There was nothing to hand over.
    pub no_data: u64,
    /// Sent back, refused, or pointed to the customer.
    pub rejected: u64,
    /// Not handed over: the treaty route was named, or taken.
    pub treaty: u64,
    /// Withdrawn, replaced, quashed, or dismissed as moot.
    pub lapsed: u64,
    /// Not settled at the end of the span.
    pub pending: u64,
}

/// One class of data, by state, instrument and what came of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClassRow {
    pub country: Country,
    pub instrument: InstrumentKind,
    pub class: DataClass,
    /// An outcome of the gate, or `pending`.
    pub outcome: String,
    /// One for each account and place.
    pub items: u64,
}

/// Demands that do not ask for disclosure.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OtherRow {
    pub country: Country,
    pub instrument: InstrumentKind,
    pub act: Act,
    pub demands: u64,
    pub accounts: u64,
    /// How many of the demands were complied with, at least in part.
    pub done: u64,
}

/// Warrants of the state where head office is at home, for content none of which rests there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AbroadRow {
    pub country: Country,
    pub customer: Customer,
    pub warrants: u64,
    /// How many of them led to content.
    pub content: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Customer {
    Consumer,
    Enterprise,
}

impl Customer {
    pub fn as_str(self) -> &'static str {
        match self {
            Customer::Consumer => "consumer",
            Customer::Enterprise => "enterprise",
        }
    }
}

/// From what a report was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Openness {
    /// Every entry.
    All,
    /// Every entry but those of so many matters, of which the openings were erased or lost.
    LeftOut(u64),
    /// What was published, or given to who made it.
    Published,
}

/// Which days a report is about, and when it is made.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub from: Date,
    pub to: Date,
    pub made: Date,
}

/// Why no report can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    #[error("a report from {from} to {to} ends before it begins")]
    Reversed { from: Date, to: Date },
    #[error(
        "a report up to {to} cannot be made from entries up to {made}: what is to come is not in the record"
    )]
    Future { to: Date, made: Date },
}

impl TransparencyReport {
    /// Counts. `form` is how national security is told: only where all is open, and it is not told exactly anywhere.
    pub fn make(
        world: &World,
        counted: &Counted,
        span: Span,
        form: Option<BandForm>,
    ) -> Result<Self, SpanError> {
        let Span { from, to, made } = span;
        if to < from {
            return Err(SpanError::Reversed { from, to });
        }
        if to > made {
            return Err(SpanError::Future { to, made });
        }
        let cases = count::cases(&counted.entries, to);
        Ok(TransparencyReport {
            simulated: true,
            format: FORMAT,
            from,
            to,
            made,
            checkpoint: counted.checkpoint.clone(),
            quorum: counted.quorum.clone(),
            complete: form.is_some(),
            left_out: None,
            figures: count::figures(&cases, world, from, to),
            // Of what came later, too, because its bands are about days of their own.
            national_security: form.and_then(|form| {
                NationalSecurity::tell(world, &count::cases(&counted.entries, made), form, made)
            }),
        })
    }

    /// Which days it says it is about, and when it says it was made.
    fn span(&self) -> Span {
        Span { from: self.from, to: self.to, made: self.made }
    }

    /// The form of its bands, if it has any that the law knows.
    fn form(&self) -> Option<BandForm> {
        self.national_security.as_ref()?.form().ok()
    }

    /// Says how many matters head office left out, because what opens them is gone.
    #[must_use]
    pub fn leaving_out(mut self, matters: usize) -> Self {
        self.left_out = Some(matters as u64).filter(|matters| *matters > 0);
        self
    }

    pub fn openness(&self) -> Openness {
        match self.left_out {
            _ if self.complete => Openness::All,
            Some(matters) => Openness::LeftOut(matters),
            None => Openness::Published,
        }
    }
}

impl fmt::Display for Openness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Openness::All => f.write_str("Counted from every entry of the record, secret ones too."),
            Openness::LeftOut(1) => f.write_str(
                "1 matter is left out, because what opens it was erased or lost; everything else is counted, secret or not. \
                 Nothing is told of national security.",
            ),
            Openness::LeftOut(matters) => write!(
                f,
                "{matters} matters are left out, because what opens them was erased or lost; everything else is counted, \
                 secret or not. Nothing is told of national security."
            ),
            Openness::Published => f.write_str(
                "Counted from openings that were published, or given to who made it: what is closed is not in it, and nothing \
                 is told of national security.",
            ),
        }
    }
}

impl Figures {
    /// Each row's name, and its numbers by column. The only number of a row may stand without a column.
    fn rows(&self) -> Vec<(String, Vec<(&'static str, u64)>)> {
        let mut rows = Vec::new();
        for row in &self.demands {
            let through = row.executes.as_ref().map(|state| format!(" for {state}")).unwrap_or_default();
            rows.push((format!("{} {}{through}", row.country, row.instrument), row.columns().to_vec()));
        }
        for row in &self.classes {
            let ClassRow { country, instrument, class, outcome, items } = row;
            rows.push((format!("{country} {instrument}: {class} {outcome}"), vec![("", *items)]));
        }
        for row in &self.others {
            let about = format!("{} {} to {}", row.country, row.instrument, row.act);
            rows.push((
                about,
                vec![("demands", row.demands), ("accounts", row.accounts), ("done", row.done)],
            ));
        }
        for row in &self.abroad {
            let about = format!("{} warrants for content abroad, {}", row.country, row.customer.as_str());
            rows.push((about, vec![("warrants", row.warrants), ("content", row.content)]));
        }
        for row in &self.missed {
            let MissedRow { country, instrument, for_want_of, .. } = row;
            let about = format!("{country} {instrument} late for want of {}", for_want_of.as_str());
            rows.push((about, vec![("demands", row.demands), ("items", row.items)]));
        }
        rows
    }

    /// Each number under its name. Of two rows of one name the last counts; see [`Figures::twice`].
    pub fn named(&self) -> BTreeMap<String, u64> {
        let name = |row: &str, column: &str| match column {
            "" => row.to_owned(),
            _ => format!("{row}: {column}"),
        };
        let rows = self.rows();
        let numbers = rows
            .iter()
            .flat_map(|(row, columns)| columns.iter().map(|(column, number)| (name(row, column), *number)));
        numbers.collect()
    }

    /// The name of a row that stands in it more than once.
    pub fn twice(&self) -> Option<String> {
        let mut seen = BTreeSet::new();
        self.rows().into_iter().map(|(row, _)| row).find(|row| !seen.insert(row.clone()))
    }
}

impl DemandRow {
    pub const COLUMNS: usize = 10;

    /// The numbers, in the order and by the names of the CSV.
    pub fn columns(&self) -> [(&'static str, u64); Self::COLUMNS] {
        [
            ("demands", self.demands),
            ("accounts", self.accounts),
            ("emergency", self.emergency),
            ("content", self.content),
            ("non-content", self.non_content),
            ("no-data", self.no_data),
            ("rejected", self.rejected),
            ("treaty", self.treaty),
            ("lapsed", self.lapsed),
            ("pending", self.pending),
        ]
    }
}

/// Bytes that everybody writes alike, for digests: the JSON without spaces, its keys in the order of the types.
pub(crate) fn canonical(report: &TransparencyReport) -> Vec<u8> {
    serde_json::to_vec(report).expect("a report has only string keys")
}
