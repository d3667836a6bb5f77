//! The treaty route: a queue of institutions, each of which takes its time.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_spanned::Spanned;

use super::reading::Reading;
use super::{AuthorityId, Country, InstrumentKind, Roster, Source, SourceMark, TreatyId, World};

/// How many quantiles a table holds: those of 0, 5, 10 … 100 percent.
pub const QUANTILES: usize = 21;

/// The way of a request for mutual legal assistance from one state to another and of the evidence back.
#[derive(Clone, Debug)]
pub struct Route {
    requesting: Country,
    requested: Country,
    treaty: TreatyId,
    stages: Vec<Stage>,
    preservation: Vec<Stage>,
    order: LocalOrderRule,
    use_limit: String,
    use_limit_source: Source,
    source: SourceMark,
}

/// One institution's part, and how long it takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stage {
    name: String,
    institution: AuthorityId,
    says: String,
    source: Source,
    hours: [u32; QUANTILES],
}

/// The local order that answers the request, and is all that the provider ever sees of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalOrderRule {
    /// The stage at whose end the order is made.
    pub after_stage: String,
    pub instrument: InstrumentKind,
    pub issued_by: AuthorityId,
    /// On whose application, if not of its own motion.
    pub applied_for_by: Option<AuthorityId>,
    /// To whose key the production is sealed.
    pub deliver_to: AuthorityId,
    pub basis: String,
    /// How sure we are of the basis.
    pub source: Source,
}

impl Route {
    pub fn requesting(&self) -> &Country {
        &self.requesting
    }

    pub fn requested(&self) -> &Country {
        &self.requested
    }

    pub fn treaty(&self) -> &TreatyId {
        &self.treaty
    }

    /// The stages in order, from the first draft to the return of the evidence.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The fast lane beside it, which only keeps the data from being deleted.
    pub fn preservation(&self) -> &[Stage] {
        &self.preservation
    }

    pub fn order(&self) -> &LocalOrderRule {
        &self.order
    }

    /// What the requesting state may use the evidence for.
    pub fn use_limit(&self) -> &str {
        &self.use_limit
    }

    /// How sure we are of the words of the use limit.
    pub fn use_limit_source(&self) -> &Source {
        &self.use_limit_source
    }

    /// How sure we are of how long it takes.
    pub fn source(&self) -> SourceMark {
        self.source
    }

    /// The hours the whole route takes if every stage is as slow as `percentile` says.
    ///
    /// A request has one percentile, drawn once: one that is slow at one desk is slow at the next. So the quantiles
    /// of the whole are the sums of those of the stages.
    pub fn hours(&self, percentile: Percentile) -> u32 {
        self.stages.iter().map(|stage| stage.hours(percentile)).sum()
    }
}

/// A percentage from 0 to 100 of the requests that are no slower.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Percentile(u8);

impl Percentile {
    pub const MEDIAN: Percentile = Percentile(50);

    /// `None` above 100.
    pub fn new(percent: u8) -> Option<Self> {
        (percent <= 100).then_some(Percentile(percent))
    }

    pub fn get(self) -> u8 {
        self.0
    }
}

impl Stage {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn institution(&self) -> &AuthorityId {
        &self.institution
    }

    /// What happens here, in one sentence.
    pub fn says(&self) -> &str {
        &self.says
    }

    /// How sure we are of what happens here, and of what it cites.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// How long it takes, in hours of simulated time; between two quantiles on a straight line, rounded down.
    pub fn hours(&self, percentile: Percentile) -> u32 {
        let step = 100 / (QUANTILES - 1);
        let (index, rest) = (usize::from(percentile.0) / step, usize::from(percentile.0) % step);
        let low = self.hours[index];
        let high = self.hours[(index + 1).min(QUANTILES - 1)];
        low + (high - low) * rest as u32 / step as u32
    }

    /// The same in seconds, for moving a clock.
    pub fn seconds(&self, percentile: Percentile) -> i64 {
        i64::from(self.hours(percentile)) * 3600
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawRoutes {
    #[serde(default)]
    pub routes: BTreeMap<Spanned<String>, RawRoute>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawRoute {
    requesting: Spanned<String>,
    requested: Spanned<String>,
    treaty: Spanned<String>,
    use_limit: Spanned<String>,
    use_limit_source: Spanned<String>,
    source: SourceMark,
    order: RawOrder,
    stages: Spanned<Vec<RawStage>>,
    #[serde(default)]
    preservation: Vec<RawStage>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawOrder {
    after_stage: Spanned<String>,
    instrument: InstrumentKind,
    issued_by: Spanned<String>,
    applied_for_by: Option<Spanned<String>>,
    deliver_to: Spanned<String>,
    basis: Spanned<String>,
    source: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawStage {
    name: Spanned<String>,
    institution: Spanned<String>,
    says: Spanned<String>,
    source: Spanned<String>,
    days: Option<Spanned<Vec<u32>>>,
    hours: Option<Spanned<Vec<u32>>>,
}

impl RawRoutes {
    /// What a route says that the rest of the world does not bear out.
    pub fn contradictions(&self, world: &World, reading: &mut Reading) {
        let mut seen = std::collections::BTreeSet::new();
        for (key, raw) in &self.routes {
            let (from, to) = (raw.requesting.get_ref(), raw.requested.get_ref());
            if !seen.insert((from, to)) {
                let what = format!("a second route from `{from}` to `{to}`");
                reading.wrong(
                    key.span(),
                    what,
                    "leave one of the two out: there is one route between two states",
                );
            }
            if let Some(treaty) = world.treaties.get(raw.treaty.get_ref().as_str()) {
                let parties = treaty.parties();
                if !parties.contains(from.as_str()) || !parties.contains(to.as_str()) {
                    let what = format!("`{}` is not a treaty of `{from}` and `{to}`", treaty.id());
                    let help = format!(
                        "name one that has both among its `parties`, or add the missing one to `{}`",
                        treaty.id()
                    );
                    reading.wrong(raw.treaty.span(), what, help);
                }
            }
            raw.order.check(to, &world.roster, reading);
        }
    }
}

impl RawOrder {
    fn check(&self, requested: &str, roster: &Roster, reading: &mut Reading) {
        let Some(issuer) = roster.authorities.get(self.issued_by.get_ref().as_str()) else { return };
        if issuer.country().as_str() != requested {
            let what =
                format!("`{}` is an authority of `{}`, not of `{requested}`", issuer.id(), issuer.country());
            let help = format!("name an authority of `{requested}` that may issue `{}`", self.instrument);
            reading.wrong(self.issued_by.span(), what, help);
        } else if !issuer.may_issue(self.instrument) {
            let what = format!("`{}` may not issue `{}`", issuer.id(), self.instrument);
            let help = format!(
                "add `\"{}\"` to `may-issue` of `{}`, or name an authority that may",
                self.instrument,
                issuer.id()
            );
            reading.wrong(self.issued_by.span(), what, help);
        }
    }
}

impl RawRoute {
    pub fn read(&self, reading: &mut Reading) -> Option<Route> {
        let requesting = reading.country(&self.requesting);
        let requested = reading.country(&self.requested);
        let treaty = reading.treaty(&self.treaty);
        let use_limit = reading.line("use limit", &self.use_limit);
        let use_limit_source = reading.parse(&self.use_limit_source);
        let order = self.order.read(self.stages.get_ref(), reading);
        let stages: Vec<_> = self.stages.get_ref().iter().map(|stage| stage.read(reading)).collect();
        let preservation: Vec<_> = self.preservation.iter().map(|stage| stage.read(reading)).collect();
        if stages.is_empty() {
            let help = "write what the request passes through, one `[[…stages]]` each";
            reading.wrong(self.stages.span(), "a route has at least one stage", help);
            return None;
        }
        Some(Route {
            requesting: requesting?,
            requested: requested?,
            treaty: treaty?,
            stages: stages.into_iter().collect::<Option<_>>()?,
            preservation: preservation.into_iter().collect::<Option<_>>()?,
            order: order?,
            use_limit: use_limit?,
            use_limit_source: use_limit_source?,
            source: self.source,
        })
    }
}

impl RawOrder {
    fn read(&self, stages: &[RawStage], reading: &mut Reading) -> Option<LocalOrderRule> {
        let names = stages.iter().map(|stage| stage.name.get_ref().clone()).collect();
        let after_stage = reading.one_of("stage", &self.after_stage, &names);
        let issued_by = reading.authority("authority", &self.issued_by);
        let applied_for_by = match &self.applied_for_by {
            Some(text) => reading.authority("authority", text).map(Some),
            None => Some(None),
        };
        let deliver_to = reading.authority("authority", &self.deliver_to);
        let basis = reading.line("legal basis", &self.basis);
        let source = reading.parse(&self.source);
        Some(LocalOrderRule {
            after_stage: after_stage?,
            instrument: self.instrument,
            issued_by: issued_by?,
            applied_for_by: applied_for_by?,
            deliver_to: deliver_to?,
            basis: basis?,
            source: source?,
        })
    }
}

impl RawStage {
    fn read(&self, reading: &mut Reading) -> Option<Stage> {
        let name = reading.line("name", &self.name);
        let institution = reading.authority("institution", &self.institution);
        let says = reading.line("sentence", &self.says);
        let source = reading.parse(&self.source);
        let hours = match (&self.days, &self.hours) {
            (Some(days), None) => read_quantiles(days, 24, reading),
            (None, Some(hours)) => read_quantiles(hours, 1, reading),
            _ => {
                let help = "write one of the two: 21 quantiles of how long it takes";
                reading.wrong(self.name.span(), "a stage has either `days` or `hours`", help);
                None
            }
        };
        Some(Stage { name: name?, institution: institution?, says: says?, source: source?, hours: hours? })
    }
}

/// Longer than any request has waited, and short enough that sums stay far from the end of a `u32`.
const LONGEST_HOURS: u32 = 24 * 365 * 50;

fn read_quantiles(table: &Spanned<Vec<u32>>, unit: u32, reading: &mut Reading) -> Option<[u32; QUANTILES]> {
    let Ok(values) = <[u32; QUANTILES]>::try_from(table.get_ref().as_slice()) else {
        let what = format!("a table has {QUANTILES} quantiles, this one {}", table.get_ref().len());
        reading.wrong(table.span(), what, "one each for 0, 5, 10 … 100 percent");
        return None;
    };
    if let Some(pair) = values.windows(2).find(|pair| pair[1] < pair[0]) {
        let what = format!("quantiles never fall, and {} stands after {}", pair[1], pair[0]);
        reading.wrong(table.span(), what, "write them in order, from the shortest time to the longest");
        return None;
    }
    let hours = values.map(|value| value.saturating_mul(unit));
    if hours[QUANTILES - 1] > LONGEST_HOURS {
        let help = "write 18250 days, or 438000 hours, or less";
        reading.wrong(table.span(), "a stage takes 50 years at most", help);
        return None;
    }
    Some(hours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_joined_by_straight_lines() {
        let mut hours = [0; QUANTILES];
        hours.iter_mut().enumerate().for_each(|(i, h)| *h = 10 * i as u32);
        let stage = Stage {
            name: "wait".into(),
            institution: "us-doj-oia".parse().unwrap(),
            says: "It waits.".into(),
            source: "from memory: that it waits".parse().unwrap(),
            hours,
        };
        let at = |percent| stage.hours(Percentile::new(percent).unwrap());
        assert_eq!((at(0), at(1), at(4), at(5), at(52), at(100)), (0, 2, 8, 10, 104, 200));
        assert_eq!(stage.seconds(Percentile::MEDIAN), 360_000);
        assert_eq!(Percentile::new(101), None);
    }
}
