//! `rogatory scenario compare`: one demand under many laws and in many worlds, side by side.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::common::{ConfigArguments, Failure, Setup, wait};
use super::play::play_quietly;
use super::screen::{self, Format, wrapped};
use super::{Exit, Outcome};
use crate::clock::Date;
use crate::demand::{Act, DemandId};
use crate::scenario::{Answer, Compared, Difference, Row, Script, Variant, demands};
use crate::world::{Country, EntityId, KeyCustody, RegionId};

/// How many variants are played at most.
const VARIANTS_MAX: usize = 64;
/// The width of a column.
const COLUMN: usize = 14;

/// Play one demand under other laws and in other worlds, and show what changes
///
/// Takes one demand of a script, by itself, without the orders and filings that follow it there, and has it received by a
/// fresh provider in each variant. Every option can be given several times; each combination is played. With one variant
/// only, the script's own is put beside it.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  rogatory scenario compare dublin-warrant --at 2014-08-28 --at 2016-07-15 --at 2018-06-01
  rogatory scenario compare dublin-warrant --region us-virginia
  rogatory scenario compare dublin-warrant --matter 18-mag-2713 --key-custody region
  rogatory scenario compare dublin-warrant --at 2018-06-01 --provider US --provider DE")]
pub struct CompareArguments {
    /// A script file, or the name of a built-in script
    script: PathBuf,
    /// The demand, by its id in the script; the first one if left out
    #[arg(long, value_name = "ID")]
    matter: Option<DemandId>,
    /// Received on this day: 2016-07-15. It is as old, and its times are as long, as in the script
    #[arg(long, value_name = "DATE")]
    at: Vec<Date>,
    /// Every copy of the mailbox rests in this region
    #[arg(long, value_name = "REGION")]
    region: Vec<RegionId>,
    /// Head office is at home and established in this country
    #[arg(long, value_name = "COUNTRY")]
    provider: Vec<Country>,
    /// This entity of the provider is served
    #[arg(long, value_name = "ENTITY")]
    served_on: Vec<EntityId>,
    /// Who can use the keys of every region: `provider` (head office too) or `region`
    #[arg(long, value_name = "CUSTODY", value_parser = custody)]
    key_custody: Vec<KeyCustody>,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    config: ConfigArguments,
}

fn custody(text: &str) -> Result<KeyCustody, String> {
    let found = KeyCustody::ALL.into_iter().find(|custody| custody.as_str() == text);
    found.ok_or_else(|| "allowed: `provider`, `region`".to_owned())
}

pub fn compare(arguments: CompareArguments) -> Outcome {
    let setup = arguments.config.read()?;
    let script = setup.script(&arguments.script)?;
    let variants = arguments.variants()?;
    let matter = match arguments.matter {
        Some(matter) => matter,
        None => demands(&script).next().cloned().ok_or("the script has no demand to compare")?,
    };
    let compared = wait(play_all(&setup, &script, &matter, variants))?;
    let steps: Vec<Vec<Difference>> = compared.windows(2).map(|pair| pair[0].differences(&pair[1])).collect();
    match arguments.format {
        Format::Json => screen::json(&serde_json::json!({
            "simulated": true, "script": script.path, "matter": matter, "variants": compared, "differences": steps,
        }))?,
        Format::Text => screen::text(&comparison_text(&matter, &compared, &steps, screen::width()))?,
    }
    Ok(Exit::Done)
}

impl CompareArguments {
    /// Every combination of what was asked for; the days change fastest.
    fn variants(&self) -> Result<Vec<Variant>, Failure> {
        fn or_as_it_is<T: Clone>(values: &[T]) -> Vec<Option<T>> {
            if values.is_empty() { vec![None] } else { values.iter().cloned().map(Some).collect() }
        }
        let mut variants = Vec::new();
        for provider in or_as_it_is(&self.provider) {
            for served_on in or_as_it_is(&self.served_on) {
                for region in or_as_it_is(&self.region) {
                    for key_custody in or_as_it_is(&self.key_custody) {
                        for at in or_as_it_is(&self.at) {
                            variants.push(Variant {
                                at,
                                region: region.clone(),
                                provider: provider.clone(),
                                served_on: served_on.clone(),
                                key_custody,
                            });
                        }
                    }
                }
            }
        }
        if variants == [Variant::default()] {
            return Err(
                "nothing to compare: name a day, a region, a provider's country, an entity or a key custody \
                        with --at, --region, --provider, --served-on or --key-custody"
                    .into(),
            );
        }
        if variants.len() == 1 {
            variants.insert(0, Variant::default());
        }
        if variants.len() > VARIANTS_MAX {
            return Err(
                format!("{} variants; at most {VARIANTS_MAX} are compared at once", variants.len()).into()
            );
        }
        Ok(variants)
    }
}

/// Plays a demand of a script in each variant, each on a provider of its own.
pub(super) async fn play_all(
    setup: &Setup,
    script: &Script,
    matter: &DemandId,
    variants: Vec<Variant>,
) -> Result<Vec<Compared>, Failure> {
    let world = setup.world.with(&script.setting.changes)?;
    let mut scripts = Vec::new();
    for variant in variants {
        let script = variant.script(script, matter, &world)?;
        // What cannot be a world is said before any play begins.
        setup.world.with(&script.setting.changes)?;
        scripts.push((variant, script));
    }
    let bar = screen::progress(Some(scripts.len() as u64), "{bar:30} {pos} of {len} variants");
    let mut compared = Vec::new();
    for (variant, script) in scripts {
        let received = script.steps.first().map_or(script.start, |step| step.at);
        compared.push(Compared::of(variant, received, &play_quietly(setup, &script).await?));
        bar.inc(1);
    }
    Ok(compared)
}

fn comparison_text(
    matter: &DemandId,
    compared: &[Compared],
    steps: &[Vec<Difference>],
    width: usize,
) -> String {
    let mut out = format!("{matter}, received alone, without the orders and filings of the script\n");
    let labels = Labels::of(compared);
    let label = labels.width().max("served on".len()) + 2;
    let at_once = ((width.saturating_sub(label)) / COLUMN).max(1);
    for (chunk, columns) in compared.chunks(at_once).enumerate() {
        out.push('\n');
        let first = chunk * at_once;
        let numbers: Vec<String> = (first..first + columns.len()).map(|n| format!("[{}]", n + 1)).collect();
        line(&mut out, label, "", &numbers);
        for (name, value) in AXES {
            if compared.iter().any(|one| value(one) != value(&compared[0])) || name == "received" {
                line(&mut out, label, name, &columns.iter().map(value).collect::<Vec<_>>());
            }
        }
        for (row, name) in &labels.rows {
            let answers: Vec<Option<Answer>> =
                columns.iter().map(|one| one.rows().get(row).map(|item| Answer::of(item))).collect();
            let cell = |what: fn(&Answer) -> &'static str| {
                answers.iter().map(|a| a.as_ref().map_or("-", what).to_owned()).collect::<Vec<_>>()
            };
            line(&mut out, label, name, &cell(|answer| answer.duty.as_str()));
            line(&mut out, label, "", &cell(Answer::result));
        }
    }
    for (number, one) in compared.iter().enumerate() {
        let number = number + 1;
        if let Some(why) = &one.stopped {
            paragraph(&mut out, 0, width, &format!("[{number}] could not be played: {why}"));
        }
        for why in &one.returned_for {
            paragraph(&mut out, 0, width, &format!("[{number}] was sent back: {why}"));
        }
    }
    for (step, differences) in steps.iter().enumerate() {
        out.push('\n');
        let nothing = if differences.is_empty() { ": nothing changes" } else { "" };
        paragraph(&mut out, 0, width, &format!("From [{}] to [{}]{nothing}", step + 1, step + 2));
        out.push_str(&differences_text(differences, |row| labels.name(row), width));
    }
    out
}

/// What a variant is known by, and how it is told.
type Axis = (&'static str, fn(&Compared) -> String);

const AXES: [Axis; 5] = [
    ("received", |one| one.received.to_string().chars().take(10).collect()),
    ("rests in", |one| one.variant.region.as_ref().map_or("as it was".into(), ToString::to_string)),
    ("provider of", |one| one.variant.provider.as_ref().map_or("as it was".into(), ToString::to_string)),
    ("served on", |one| one.variant.served_on.as_ref().map_or("as it was".into(), ToString::to_string)),
    ("keys", |one| one.variant.key_custody.map_or("as it was".into(), |custody| custody.as_str().to_owned())),
];

/// The lines of the table, with what they are called.
struct Labels {
    rows: Vec<(Row, String)>,
}

impl Labels {
    fn of(compared: &[Compared]) -> Self {
        let mut rows: Vec<Row> = compared.iter().flat_map(|one| one.rows().into_keys()).collect();
        rows.sort();
        rows.dedup();
        let accounts = rows.iter().any(|row| row.account != rows[0].account);
        let name = |row: &Row| {
            let act = if row.act == Act::Disclose { String::new() } else { format!("{} ", row.act) };
            // Where it rests belongs to its name if it rests there in every variant.
            let places: Vec<String> =
                compared.iter().filter_map(|one| one.rows().get(row).map(|item| place(item))).collect();
            let same = places.windows(2).all(|pair| pair[0] == pair[1]);
            let place = match places.first() {
                Some(place) if same => format!(" in {place}"),
                _ if row.copy > 1 => format!(", copy {}", row.copy),
                _ => String::new(),
            };
            let account = if accounts { format!(" of {}", row.account) } else { String::new() };
            format!("{act}{}{place}{account}", row.class)
        };
        Labels { rows: rows.iter().map(|row| (row.clone(), name(row))).collect() }
    }

    fn width(&self) -> usize {
        self.rows.iter().map(|(_, name)| name.chars().count()).max().unwrap_or(0)
    }

    fn name(&self, row: &Row) -> String {
        self.rows.iter().find(|(known, _)| known == row).map_or(String::new(), |(_, name)| name.clone())
    }
}

fn place(item: &crate::scenario::ItemView) -> String {
    let regions: Vec<&str> = item.item.place.regions().iter().map(|region| region.as_str()).collect();
    if regions.is_empty() { "an unknown place".to_owned() } else { regions.join(", ") }
}

/// Differences in words; those that are alike are told once, for all of their items.
pub(super) fn differences_text(
    differences: &[Difference],
    name: impl Fn(&Row) -> String,
    width: usize,
) -> String {
    let mut out = String::new();
    let mut told: Vec<(&Difference, Vec<String>)> = Vec::new();
    for difference in differences {
        let alike = |(one, _): &&mut (&Difference, Vec<String>)| {
            one.before == difference.before && one.after == difference.after && one.laws == difference.laws
        };
        match told.iter_mut().find(alike) {
            Some((_, names)) => names.push(name(&difference.row)),
            None => told.push((difference, vec![name(&difference.row)])),
        }
    }
    for (difference, names) in told {
        let answer = |answer: Option<Answer>| {
            answer.map_or("no such copy".to_owned(), |a| format!("{}, {}", a.duty.as_str(), a.result()))
        };
        let what = if difference.flips() {
            format!("{} -> {}", answer(difference.before), answer(difference.after))
        } else {
            format!("still {}, for other reasons", answer(difference.after))
        };
        paragraph(&mut out, 2, width, &format!("{}: {what}", names.join("; ")));
        for law in &difference.laws {
            paragraph(&mut out, 6, width, &law.to_string());
        }
    }
    out
}

fn line(out: &mut String, label: usize, name: &str, cells: &[String]) {
    let mut text = format!("{name:<label$}");
    for cell in cells {
        let _ = write!(text, "{cell:<COLUMN$}");
    }
    out.push_str(text.trim_end());
    out.push('\n');
}

pub(super) fn paragraph(out: &mut String, indent: usize, width: usize, text: &str) {
    for (place, part) in wrapped(text, width.saturating_sub(indent + 4)).iter().enumerate() {
        let more = if place == 0 { 0 } else { 4 };
        let _ = writeln!(out, "{:1$}{part}", "", indent + more);
    }
}
