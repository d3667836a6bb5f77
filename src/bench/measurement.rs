//! A number with its unit, its baseline and its goal.

use std::fmt;

use serde::Serialize;

/// What a number counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    PerSecond,
    Microseconds,
    Milliseconds,
    Seconds,
    MegabytesPerSecond,
    Megabytes,
    Bytes,
    /// One number divided by another.
    Times,
}

impl Unit {
    /// True where more is better.
    fn is_rate(self) -> bool {
        matches!(self, Unit::PerSecond | Unit::MegabytesPerSecond)
    }

    fn suffix(self) -> &'static str {
        match self {
            Unit::PerSecond => "/s",
            Unit::Microseconds => " µs",
            Unit::Milliseconds => " ms",
            Unit::Seconds => " s",
            Unit::MegabytesPerSecond => " MB/s",
            Unit::Megabytes => " MB",
            Unit::Bytes => " bytes",
            Unit::Times => " ×",
        }
    }

    /// A value in this unit, with three digits that matter.
    pub fn show(self, value: f64) -> String {
        let digits = match value.abs() {
            v if v >= 100.0 => 0,
            v if v >= 10.0 => 1,
            _ => 2,
        };
        let number = format!("{value:.digits$}");
        let (whole, rest) = number.split_once('.').map_or((number.as_str(), ""), |(w, r)| (w, r));
        let mut grouped = String::new();
        for (place, digit) in whole.chars().enumerate() {
            if place > 0 && (whole.len() - place).is_multiple_of(3) && digit != '-' {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let point = if rest.is_empty() { "" } else { "." };
        format!("{grouped}{point}{rest}{}", self.suffix())
    }
}

/// What the same machine does in the same run without this program's work.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Baseline {
    pub what: String,
    /// In the unit of the measurement.
    pub value: f64,
}

/// What the number should be.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "value")]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// Of the ratio to the baseline.
    RatioAtLeast(f64),
}

/// One measured number.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Measurement {
    pub bench: &'static str,
    pub what: String,
    pub value: f64,
    pub unit: Unit,
    pub baseline: Option<Baseline>,
    pub goal: Option<Goal>,
}

impl Measurement {
    /// How it compares with its baseline: 1 is as good, more is better, whether the number is a rate or a time.
    pub fn ratio(&self) -> Option<f64> {
        let baseline = self.baseline.as_ref()?.value;
        Some(if self.unit.is_rate() { self.value / baseline } else { baseline / self.value })
    }

    /// Whether the goal is met; `None` where there is none.
    pub fn is_met(&self) -> Option<bool> {
        Some(match self.goal? {
            Goal::AtLeast(goal) => self.value >= goal,
            Goal::AtMost(goal) => self.value <= goal,
            Goal::RatioAtLeast(goal) => self.ratio()? >= goal,
        })
    }

    /// The goal in words.
    pub fn goal_text(&self) -> Option<String> {
        Some(match self.goal? {
            Goal::AtLeast(goal) => format!("≥ {}", self.unit.show(goal)),
            Goal::AtMost(goal) => format!("≤ {}", self.unit.show(goal)),
            Goal::RatioAtLeast(goal) => format!("≥ {goal:.2} of it"),
        })
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>14}  {}", self.unit.show(self.value), self.what)?;
        if let (Some(baseline), Some(ratio)) = (&self.baseline, self.ratio()) {
            let value = self.unit.show(baseline.value);
            write!(f, "\n{:>14}  {ratio:.2} of {} ({value})", "", baseline.what)?;
        }
        if let (Some(goal), Some(met)) = (self.goal_text(), self.is_met()) {
            write!(f, "\n{:>14}  goal {goal}: {}", "", if met { "met" } else { "MISSED" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(value: f64, unit: Unit, baseline: f64, goal: Goal) -> Measurement {
        let baseline = Some(Baseline { what: "the same bytes".to_owned(), value: baseline });
        Measurement { bench: "b", what: "it".to_owned(), value, unit, baseline, goal: Some(goal) }
    }

    #[test]
    fn a_ratio_says_more_is_better_for_rates_and_times_alike() {
        assert_eq!(measured(50.0, Unit::PerSecond, 100.0, Goal::AtLeast(1.0)).ratio(), Some(0.5));
        assert_eq!(measured(50.0, Unit::Microseconds, 100.0, Goal::AtLeast(1.0)).ratio(), Some(2.0));
    }

    #[test]
    fn goals_are_met_at_their_bound_and_not_beyond() {
        assert_eq!(measured(20.0, Unit::Milliseconds, 1.0, Goal::AtMost(20.0)).is_met(), Some(true));
        assert_eq!(measured(20.1, Unit::Milliseconds, 1.0, Goal::AtMost(20.0)).is_met(), Some(false));
        assert_eq!(measured(9.0, Unit::PerSecond, 10.0, Goal::RatioAtLeast(0.9)).is_met(), Some(true));
        assert_eq!(measured(8.9, Unit::PerSecond, 10.0, Goal::RatioAtLeast(0.9)).is_met(), Some(false));
        assert_eq!(measured(9.9, Unit::PerSecond, 10.0, Goal::AtLeast(10.0)).is_met(), Some(false));
    }

    #[test]
    fn numbers_have_three_digits_that_matter() {
        assert_eq!(Unit::PerSecond.show(1_234_567.8), "1,234,568/s");
        assert_eq!(Unit::Milliseconds.show(12.345), "12.3 ms");
        assert_eq!(Unit::Seconds.show(0.5), "0.50 s");
        assert_eq!(Unit::Megabytes.show(100.0), "100 MB");
    }
}
