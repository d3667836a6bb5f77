//! Plays a script on a stage, one event after the other.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use super::expectation::Verdict;
use super::moment::Moment;
use super::past::Past;
use super::report::{Check, Report, SceneReport, Stop, Tally};
use super::script::{Action, Expect, Script, Step};
use super::stage::Stage;
use super::view::{AccountView, Happening, MatterView};
use crate::demand::DemandId;

/// Who watches a play.
pub trait Observer: Send {
    /// Sees one thing, and says how long the play should rest before the next.
    fn see(&mut self, sight: Sight<'_>) -> io::Result<Duration>;
}

/// Nobody watches.
pub struct Unwatched;

impl Observer for Unwatched {
    fn see(&mut self, _: Sight<'_>) -> io::Result<Duration> {
        Ok(Duration::ZERO)
    }
}

/// One thing to see, in the order in which a play shows them.
pub enum Sight<'a> {
    Opening(&'a Script),
    /// An interrupted play goes on, after this step; `None` if it was stopped before the first.
    Resumed(Option<&'a Step>),
    /// What came about since the last step, before the next begins.
    Meanwhile(Moment, &'a [Happening]),
    Step(&'a Step),
    /// Somebody asks how things stand, between two steps.
    Question(Moment),
    Happened(&'a [Happening]),
    /// A matter that the step is about or that changed, with how it stood when it was last seen.
    Matter {
        now: &'a MatterView,
        before: Option<&'a MatterView>,
        at: Moment,
    },
    Account(&'a AccountView),
    Checks(&'a [Check]),
    Closing(&'a Report),
}

/// How far a script was played on a stage before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// Nothing of it has happened.
    New,
    /// It was interrupted, and [`run`] goes on where that was.
    Interrupted,
    Over,
    /// What has happened there is not this script.
    Another,
}

/// How far a script was played on a stage before.
pub async fn progress<S: Stage>(script: &Script, stage: &mut S) -> Result<Progress, S::Error> {
    let past = stage.past(script).await?;
    let cues = cues(script);
    let Some(played) = played(script, &cues, &past) else { return Ok(Progress::Another) };
    let reached = |cue: &Cue<'_>| past.now.is_some_and(|now| now >= cue.at().time());
    // What comes after the last thing that leaves a trace and needs no time to pass has no bearing on the record.
    let rest = &cues[played..];
    let over = played > 0 && rest.iter().all(|cue| cue.traced().is_none() && reached(cue));
    Ok(match played {
        _ if over => Progress::Over,
        0 => Progress::New,
        _ => Progress::Interrupted,
    })
}

/// How many cues are over; `None` if something has happened that no playing of this script leads to.
fn played(script: &Script, cues: &[Cue<'_>], past: &Past) -> Option<usize> {
    let now = past.now.unwrap_or(script.start.time());
    let mut stances = usize::from(!script.setting.stance.is_empty());
    let shown: Vec<Option<bool>> = cues
        .iter()
        .map(|cue| {
            let shown = cue.traced().map(|action| past.shows(action, stances));
            stances += usize::from(matches!(cue.traced(), Some(Action::Stance(_))));
            shown
        })
        .collect();
    let over = |place: &usize| cues[*place].at().time() < now || shown[*place] == Some(true);
    let played = (0..cues.len()).rev().find(over).map_or(0, |last| last + 1);
    (!shown[..played].contains(&Some(false))).then_some(played)
}

/// Plays a script to its end, or until the stage fails; then what was not asked counts as unreached. On a stage where
/// it was interrupted it goes on: what has happened does not happen again, and what was asked is not asked again. An
/// error is the observer's: whoever watched is gone.
pub async fn run<S: Stage>(
    script: &Script,
    stage: &mut S,
    observer: &mut dyn Observer,
) -> io::Result<Report> {
    let mut play = Play { script, stage, observer, seen: BTreeMap::new(), matters: Vec::new() };
    let mut report = Report {
        simulated: true,
        script: script.path.display().to_string(),
        title: script.title.clone(),
        seed: script.seed.clone(),
        scenes: Vec::new(),
        stopped: None,
        record: None,
        expectations: Tally::default(),
    };
    play.show(Sight::Opening(script)).await?;
    let all = cues(script);
    let (mut played, mut stopped) = match play.stage.past(script).await {
        Ok(past) => match self::played(script, &all, &past) {
            Some(0) => (0, play.open().await?),
            Some(before) => (before, play.resume(&all[..before]).await?),
            None => {
                let why = "what has happened here is not this script, or not this version of it".to_owned();
                (0, Some(Stop { line: None, why }))
            }
        },
        Err(error) => (0, Some(Stop { line: None, why: chain(&error) })),
    };
    let cues = all;
    while stopped.is_none()
        && let Some(cue) = cues.get(played)
    {
        let mut scene = cue.scene();
        stopped = play.cue(cue, &mut scene).await?;
        // What the scene saw before the stage failed is kept, but what it still had to ask was not reached.
        for (expect, at) in cue.expects().skip(scene.checks.len()) {
            scene.checks.push(Check::of(expect, at, Verdict::Unreached));
        }
        report.scenes.push(scene);
        played += 1;
    }
    for cue in &cues[played..] {
        let mut scene = cue.scene();
        scene.checks.extend(cue.expects().map(|(expect, at)| Check::of(expect, at, Verdict::Unreached)));
        if !scene.checks.is_empty() {
            report.scenes.push(scene);
        }
    }
    if stopped.is_none() {
        match play.stage.record_head().await {
            Ok(head) => report.record = Some(head),
            Err(error) => stopped = Some(Stop { line: None, why: chain(&error) }),
        }
    }
    report.stopped = stopped;
    report.count();
    play.show(Sight::Closing(&report)).await?;
    Ok(report)
}

/// Something that happens at one instant of the play.
enum Cue<'a> {
    Step(&'a Step),
    /// Expectations that are asked later than their step.
    Question(Moment, Vec<&'a Expect>),
}

/// The steps, with the later questions between them: at one instant, every step comes before every question.
fn cues(script: &Script) -> Vec<Cue<'_>> {
    let mut questions: BTreeMap<crate::clock::SimTime, (Moment, Vec<&Expect>)> = BTreeMap::new();
    for expect in script.steps.iter().flat_map(|step| &step.expects) {
        if let Some(on) = expect.on {
            questions.entry(on.time()).or_insert_with(|| (on, Vec::new())).1.push(expect);
        }
    }
    let mut cues: Vec<Cue> = script.steps.iter().map(Cue::Step).collect();
    cues.extend(questions.into_values().map(|(at, expects)| Cue::Question(at, expects)));
    cues.sort_by_key(|cue| (cue.at().time(), matches!(cue, Cue::Question(..))));
    cues
}

impl<'a> Cue<'a> {
    fn at(&self) -> Moment {
        match self {
            Cue::Step(step) => step.at,
            Cue::Question(at, _) => *at,
        }
    }

    /// What it does that leaves a trace in the record.
    fn traced(&self) -> Option<&'a Action> {
        match self {
            Cue::Step(step) => (!matches!(step.action, Action::Note)).then_some(&step.action),
            Cue::Question(..) => None,
        }
    }

    /// What is asked at this cue, and when.
    fn expects(&self) -> impl Iterator<Item = (&'a Expect, Moment)> {
        let at = self.at();
        let expects: Vec<&'a Expect> = match self {
            Cue::Step(step) => step.expects.iter().filter(|expect| expect.on.is_none()).collect(),
            Cue::Question(_, expects) => expects.clone(),
        };
        expects.into_iter().map(move |expect| (expect, at))
    }

    fn scene(&self) -> SceneReport {
        let (step, kind, title, history) = match self {
            Cue::Step(step) => {
                (Some(step.number), step.action.kind(), step.title.clone(), step.history.clone())
            }
            Cue::Question(..) => (None, "question", "How do things stand?".to_owned(), None),
        };
        SceneReport {
            at: self.at(),
            step,
            kind,
            title,
            history,
            meanwhile: Vec::new(),
            happenings: Vec::new(),
            matters: Vec::new(),
            accounts: Vec::new(),
            checks: Vec::new(),
        }
    }
}

struct Play<'a, S> {
    script: &'a Script,
    stage: &'a mut S,
    observer: &'a mut dyn Observer,
    /// Each matter as it was last shown.
    seen: BTreeMap<DemandId, MatterView>,
    /// The matters the script has begun, in order.
    matters: Vec<DemandId>,
}

/// Ends the scene if the stage fails.
macro_rules! on_stage {
    ($line:expr, $call:expr) => {
        match $call.await {
            Ok(value) => value,
            Err(error) => return Ok(Some(Stop { line: $line, why: chain(&error) })),
        }
    };
}

impl<S: Stage> Play<'_, S> {
    async fn show(&mut self, sight: Sight<'_>) -> io::Result<()> {
        let rest = self.observer.see(sight)?;
        if !rest.is_zero() {
            tokio::time::sleep(rest).await;
        }
        Ok(())
    }

    /// Sets the stage.
    async fn open(&mut self) -> io::Result<Option<Stop>> {
        let script = self.script;
        on_stage!(None, self.stage.set(&script.setting, script.start, &script.seed));
        for account in &script.accounts {
            on_stage!(None, self.stage.open_account(account));
        }
        Ok(None)
    }

    /// Takes up the play after these cues: the matters they began are known, as they stand now.
    async fn resume(&mut self, over: &[Cue<'_>]) -> io::Result<Option<Stop>> {
        let mut last = None;
        for cue in over {
            let Cue::Step(step) = cue else { continue };
            last = Some(*step);
            self.matters.extend(step.action.begins().cloned());
        }
        self.show(Sight::Resumed(last)).await?;
        for matter in self.matters.clone() {
            if let Some(view) = on_stage!(None, self.stage.matter(&matter)) {
                self.seen.insert(matter, view);
            }
        }
        Ok(None)
    }

    async fn cue(&mut self, cue: &Cue<'_>, scene: &mut SceneReport) -> io::Result<Option<Stop>> {
        let line = match cue {
            Cue::Step(step) => Some(step.line),
            Cue::Question(_, expects) => expects.first().map(|expect| expect.line),
        };
        scene.meanwhile = on_stage!(line, self.stage.advance_to(cue.at().time()));
        if !scene.meanwhile.is_empty() {
            self.show(Sight::Meanwhile(cue.at(), &scene.meanwhile)).await?;
        }
        match cue {
            Cue::Step(step) => {
                self.show(Sight::Step(step)).await?;
                scene.happenings = on_stage!(line, self.act(&step.action));
                if !scene.happenings.is_empty() {
                    self.show(Sight::Happened(&scene.happenings)).await?;
                }
            }
            Cue::Question(at, _) => self.show(Sight::Question(*at)).await?,
        }
        let mut views: BTreeMap<DemandId, MatterView> = BTreeMap::new();
        for matter in self.matters.clone() {
            if let Some(view) = on_stage!(line, self.stage.matter(&matter)) {
                views.insert(matter, view);
            }
        }
        let named: Vec<&DemandId> = match cue {
            Cue::Step(step) => step.action.matter().into_iter().collect(),
            Cue::Question(_, expects) => expects.iter().map(|expect| &expect.matter).collect(),
        };
        for matter in self.matters.clone() {
            let Some(view) = views.get(&matter) else { continue };
            let before = self.seen.insert(matter.clone(), view.clone());
            if named.contains(&&matter) || before.as_ref() != Some(view) {
                scene.matters.push(view.clone());
                self.show(Sight::Matter { now: view, before: before.as_ref(), at: cue.at() }).await?;
            }
        }
        if let Cue::Step(step) = cue {
            for account in &step.look {
                let view = on_stage!(line, self.stage.look_at(account));
                self.show(Sight::Account(&view)).await?;
                scene.accounts.push(view);
            }
        }
        for (expect, at) in cue.expects() {
            let matter = views.get(&expect.matter);
            let heard = match (matter, expect.closed.is_empty()) {
                (Some(_), false) => {
                    let rules: Vec<String> = expect.closed.keys().cloned().collect();
                    on_stage!(line, self.stage.hear(&expect.matter, &rules))
                }
                _ => Vec::new(),
            };
            scene.checks.push(Check::of(expect, at, expect.ask(matter, &heard, at.time())));
        }
        if !scene.checks.is_empty() {
            self.show(Sight::Checks(&scene.checks)).await?;
        }
        Ok(None)
    }

    async fn act(&mut self, action: &Action) -> Result<Vec<Happening>, S::Error> {
        self.matters.extend(action.begins().cloned());
        match action {
            Action::Demand(demand) => self.stage.receive(demand).await,
            Action::Order { matter, order } => self.stage.enter_order(matter, order).await,
            Action::Filing { matter, filing } => self.stage.enter_filing(matter, filing).await,
            Action::Stance(change) => self.stage.change_stance(change).await,
            Action::Route(route) => self.stage.take_route(route).await,
            Action::Note => Ok(Vec::new()),
        }
    }
}

/// An error with its causes, joined by colons.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
