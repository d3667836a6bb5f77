//! The script language, and the player that performs a script on a stage.
//!
//! A [`Script`] is a TOML file: a world, accounts, and a timeline of steps. A step does exactly one thing: legal
//! process arrives, a court orders, a party files, the provider changes its stance, the authority takes the treaty
//! route, or something is only noted. Beside what it does, a step can say what really `happened`, with where that
//! was read and how sure it is, and what it `expect`s of the engine. The two never mix: history is shown,
//! expectations are checked.
//!
//! A script never says what comes out. It moves the facts (demands, orders, filings, the stance, the clock), the law
//! books hold the law of each day, and the engine decides.
//!
//! [`run`] plays a script on a [`Stage`], which is a running provider seen from its front row: one event after the
//! other, each finished before the next. What it shows on the way goes to an [`Observer`]; what it found out is a
//! [`Report`].
//!
//! ```text
//!   file ──► Script::read(names) ──► Script ──► run(script, stage, observer) ──► Report ──► holds?
//!                    │                             │            │
//!               BadScript                        Stage        Observer
//! ```

mod account;
mod action;
mod case;
mod compare;
mod example;
mod expectation;
mod html;
mod include;
mod known;
mod moment;
mod names;
mod past;
mod player;
mod playhouse;
mod raw;
mod reader;
mod report;
mod schema;
mod script;
mod stage;
mod text;
mod view;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use case::{Case, CaseRole, CaseRow, CaseTally, HistoricOutcome, Says};
pub use compare::{Answer, Compared, Difference, NoVariant, Row, Variant, demands};
pub use example::written_example;
pub use expectation::Verdict;
pub use html::{Provenance, html};
pub use include::world_changes;
pub use moment::{BadMoment, Moment};
pub use names::Names;
pub use past::{Past, PastMatter};
pub use player::{Observer, Progress, Sight, Unwatched, progress, run};
pub use playhouse::{Backstage, Playhouse, StageError, happenings, story_account};
pub use reader::{BadScript, built_in, built_in_cases};
pub use report::{Check, Played, Report, SceneReport, Stop, Tally, junit, tap};
pub use schema::schema;
pub use script::{
    AccountSpec, Action, ClosedBy, Expect, History, InlineAccount, InlineMessage, RouteTaken, Script,
    Setting, Step, Wanted,
};
pub use stage::Stage;
pub use text::{
    Look, Pace, TextObserver, by_text, history_text, matter_text, reach_text, summary, sweep_text, where_text,
};
pub use view::{
    AccountView, CopyView, Happened, Happening, HeardRule, ItemView, KeyHolderView, MatterView, ReachView,
    RecordHead,
};
