//! The words of the engine with a sign each, so that no meaning rests on colour alone.

use crate::demand::Outcome;
use crate::gate::Duty;
use crate::law::{PositionKind, Weight};
use crate::scenario::report::markup::Markup;
use crate::world::{Source, SourceMark};

/// A word, the sign before it, and the class that colours both.
#[derive(Clone, Copy)]
pub struct Sign {
    class: &'static str,
    sign: &'static str,
    word: &'static str,
}

impl Sign {
    pub const fn position(kind: PositionKind) -> Self {
        let (class, sign, word) = match kind {
            PositionKind::Compels => ("s-compels", "→", "compels"),
            PositionKind::Bars => ("s-bars", "×", "bars"),
            PositionKind::Allows => ("s-allows", "○", "allows"),
            PositionKind::Open => ("s-open", "?", "open"),
            PositionKind::Silent => ("s-silent", "–", "silent"),
            PositionKind::NotCovered => ("s-gap", "∅", "not covered"),
        };
        Sign { class, sign, word }
    }

    pub const fn duty(duty: Duty) -> Self {
        let (class, sign, word) = match duty {
            Duty::Compelled => ("s-compels", "→", "compelled"),
            Duty::Barred => ("s-bars", "×", "barred"),
            Duty::Conflicting => ("s-conflict", "⇄", "conflicting"),
            Duty::Free => ("s-allows", "○", "free"),
            Duty::Open => ("s-open", "?", "open"),
            Duty::Undone => ("s-silent", "⊘", "undone"),
            Duty::Moot => ("s-silent", "⊘", "moot"),
        };
        Sign { class, sign, word }
    }

    pub const fn mark(mark: SourceMark) -> Self {
        let (class, sign, word) = match mark {
            SourceMark::Verified => ("m-read", "●", "verified"),
            SourceMark::VerifiedSecondary => ("m-second", "◐", "verified-secondary"),
            SourceMark::FromMemory => ("m-memory", "◌", "from memory"),
            SourceMark::ModellingChoice => ("m-choice", "◇", "modelling choice"),
        };
        Sign { class, sign, word }
    }

    pub const fn weight(weight: Weight) -> Self {
        let (class, sign, word) = match weight {
            Weight::Binding => ("w-binding", "■", "binding"),
            Weight::Persuasive => ("w-persuasive", "▨", "persuasive"),
            Weight::Open => ("w-open", "□", "open"),
        };
        Sign { class, sign, word }
    }

    /// An outcome, by whether the authority has something.
    pub fn outcome(outcome: Option<Outcome>) -> Self {
        let (class, sign) = match outcome {
            Some(outcome) if outcome.is_production() => ("o-given", "✓"),
            Some(Outcome::TreatyOpen | Outcome::Routed) => ("o-treaty", "↷"),
            Some(Outcome::Kept | Outcome::Done | Outcome::Ended) => ("o-done", "✓"),
            Some(Outcome::Suspended) => ("o-waits", "‖"),
            None => ("o-waits", "…"),
            Some(_) => ("o-not", "✗"),
        };
        Sign { class, sign, word: outcome.map_or("undecided", |outcome| outcome.as_str()) }
    }

    /// Whether the engine says what happened. To disagree with history is no failure.
    pub const fn agreement(agrees: Option<bool>) -> Self {
        let (class, sign, word) = match agrees {
            Some(true) => ("a-yes", "=", "agrees"),
            Some(false) => ("a-no", "≠", "disagrees"),
            None => ("a-none", "·", "not compared"),
        };
        Sign { class, sign, word }
    }

    pub fn class(self) -> &'static str {
        self.class
    }

    pub fn word(self) -> &'static str {
        self.word
    }

    pub fn write(self, page: &mut Markup) {
        self.write_as(page, self.word);
    }

    /// The same with other words.
    fn write_as(self, page: &mut Markup, words: &str) {
        page.element("span", &[("class", &format!("sign {}", self.class))], |page| {
            page.leaf("i", &[("aria-hidden", "true")], self.sign);
            page.text(" ");
            page.text(words);
        });
    }

    /// The sign alone, for where the word stands beside it already.
    pub fn glyph(self, page: &mut Markup) {
        page.leaf("i", &[("aria-hidden", "true")], self.sign);
    }
}

/// How sure we are of what is cited, and whether that is all of it or a part.
pub fn source(page: &mut Markup, source: &Source) {
    Sign::mark(source.mark()).write_as(page, &source.shown());
}

/// Whether what was expected came about.
pub fn verdict(page: &mut Markup, holds: bool) {
    let (class, sign, word) = if holds { ("good", "✓", "holds") } else { ("bad", "✗", "does not hold") };
    page.leaf("b", &[("class", class), ("title", word)], sign);
}

pub const POSITIONS: [(Sign, &str); 6] = [
    (Sign::position(PositionKind::Compels), "orders it"),
    (Sign::position(PositionKind::Bars), "forbids it"),
    (Sign::position(PositionKind::Allows), "neither orders nor forbids it, and says so"),
    (Sign::position(PositionKind::Open), "is unsettled: its rules contradict each other, or nobody knows"),
    (Sign::position(PositionKind::Silent), "has rules for such a case, and none of them applies"),
    (
        Sign::position(PositionKind::NotCovered),
        "no rules are written here; nothing is released on the strength of it",
    ),
];

pub const DUTIES: [(Sign, &str); 7] = [
    (Sign::duty(Duty::Compelled), "some law compels, and none bars or leaves it open"),
    (Sign::duty(Duty::Barred), "some law or order bars, and no law compels"),
    (Sign::duty(Duty::Conflicting), "one law compels what another bars"),
    (Sign::duty(Duty::Free), "no law compels or bars: the provider may choose"),
    (
        Sign::duty(Duty::Open),
        "some law is unsettled or has no rules here: nothing is released, unless the provider's stance says so",
    ),
    (Sign::duty(Duty::Undone), "a court took it out of the demand"),
    (Sign::duty(Duty::Moot), "a court dismissed the case over it as moot: nobody said who was right"),
];

pub const MARKS: [(Sign, &str); 4] = [
    (Sign::mark(SourceMark::Verified), "read in the source itself"),
    (Sign::mark(SourceMark::VerifiedSecondary), "read in an account of the source"),
    (Sign::mark(SourceMark::FromMemory), "not read anywhere: check before relying on it"),
    (Sign::mark(SourceMark::ModellingChoice), "no fact, but a choice made for this model"),
];
