//! `rogatory demo`: the whole of it on one machine, with the Dublin warrant played out.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use tokio::net::TcpListener;

use super::common::{ConfigArguments, Ending, Failure, Interrupted, Setup, look, runtime};
use super::control::{remove_address, tell_down, write_address};
use super::play::play;
use super::screen::{self, Unlocked};
use super::{Exit, Outcome};
use crate::disk::RealDisk;
use crate::provider::{Control, Deployment, DeploymentOptions, Nodes};
use crate::region::{ServerLimits, SharedService, serve};
use crate::scenario::{Backstage, Pace, Playhouse, Progress, Script, TextObserver, progress, run};
use crate::world::{WitnessId, World};

/// The play, and what branches off it.
const PLAY: &str = "dublin-warrant";
const FORKS: [&str; 3] = ["dublin-treaty-2016", "dublin-warrant-gdpr", "dublin-region-custody"];

/// Run ten regions with story mail, play the Dublin warrant, and stay up
///
/// Starts ten region nodes and an outside witness as processes, opens the mailboxes of the story, and plays the
/// Microsoft–Ireland case of 2013 to 2018 on them: one mailbox in Dublin, one warrant from New York, and dates with
/// different answers. Three forks follow, each on a fresh provider. Then it stays up, so that you can ask it things;
/// Ctrl-C ends it. Started again with the same folder, it carries on where it was, also in the middle of the play.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  rogatory demo                      play at a pace for reading, then stay up
  rogatory demo --fast --exit        play at once, and end
  rogatory demo --data /tmp/mine     keep the data elsewhere; name it with --data to every other command")]
pub struct DemoArguments {
    /// Where the demo keeps its data; an empty folder, or one of an earlier demo
    #[arg(long, value_name = "FOLDER", default_value = "data/demo")]
    data: PathBuf,
    /// Do not rest between the steps of the play
    #[arg(long)]
    fast: bool,
    /// End after the play instead of staying up
    #[arg(long)]
    exit: bool,
    #[command(flatten)]
    config: ConfigArguments,
}

pub fn demo(arguments: DemoArguments) -> Outcome {
    screen::log_to_stderr();
    let setup = arguments.config.read()?;
    runtime()?.block_on(async {
        let mut ending = Ending::listen()?;
        let (deployment, holds) = match ending.unless_asked(perform(&arguments, &setup)).await {
            // Dropping the deployment took its processes with it.
            Err(error) if error.is::<Interrupted>() => {
                screen::line("\nstopped before the end of the play; with the same folder it goes on there")?;
                return Ok(Exit::Done);
            }
            played => played?,
        };
        if arguments.exit {
            deployment.stop().await;
            return Ok(if holds { Exit::Done } else { Exit::ExpectationFailed });
        }
        stay_up(&arguments, deployment, ending).await
    })
}

/// Starts the regions, delivers the story and plays; says whether every expectation held.
async fn perform(arguments: &DemoArguments, setup: &Setup) -> Result<(Deployment, bool), Failure> {
    let script = setup.script(Path::new(PLAY))?;
    let started = Instant::now();
    let spinner = screen::progress(None, "{spinner} starting the regions {elapsed}");
    let deployment = Deployment::start(DeploymentOptions {
        data: arguments.data.clone(),
        world: Arc::new(setup.world.clone()),
        law: setup.law.clone(),
        seed: Some(script.seed.clone()),
        start: script.start.time(),
        nodes: Nodes::Processes { program: std::env::current_exe()? },
        config: arguments.config.for_others()?,
        wan: false,
        disk: Arc::new(RealDisk),
    })
    .await?;
    drop(spinner);
    let regions = setup.world.regions().len();
    let (elsewhere, here): (Vec<_>, Vec<_>) =
        setup.world.roster().witnesses().partition(|witness| witness.elsewhere().is_some());
    let witnesses = screen::counted(here.len(), "outside witness", "outside witnesses");
    let asked = match elsewhere.is_empty() {
        true => String::new(),
        false => format!("; {} elsewhere", screen::counted(elsewhere.len(), "witness is", "witnesses are")),
    };
    let seconds = started.elapsed().as_secs_f64();
    screen::line(&format!(
        "{regions} regions and {witnesses} serve, each a process of its own, after {seconds:.1} s{asked}"
    ))?;

    tell_down(deployment.down(), &arguments.data);
    tell_elsewhere(&setup.world, &deployment, &arguments.data);

    let mut playhouse = Playhouse::on(
        Backstage {
            world: setup.source.clone(),
            law: setup.law.clone(),
            story: setup.story.clone(),
            data: arguments.data.clone(),
            nodes: Nodes::Here,
            wan: false,
        },
        deployment,
    );
    let mut holds = true;
    match progress(&script, &mut playhouse).await? {
        Progress::Over => screen::line("the play is over in this record: carrying on")?,
        Progress::Another => {
            playhouse.into_deployment().expect("the playhouse was made on a deployment").stop().await;
            return Err(format!(
                "what has happened in `{data}` is not the play of this program: remove that folder, or choose another \
                 with --data",
                data = arguments.data.display()
            )
            .into());
        }
        stands @ (Progress::New | Progress::Interrupted) => {
            if stands == Progress::New {
                open_story(setup, &mut playhouse).await?;
            }
            holds = perform_play(arguments, setup, &script, &mut playhouse).await?;
            for fork in FORKS {
                let script = setup.script(Path::new(fork))?;
                holds &= play(setup, &script, pace(arguments), false).await?.holds();
            }
        }
    }
    let deployment = playhouse.into_deployment().expect("the playhouse was made on a deployment");
    Ok((deployment, holds))
}

/// Says what an operator has to do whose witness does not answer as it should.
fn tell_elsewhere(world: &World, deployment: &Deployment, data: &Path) {
    for witness in deployment.provider.docket().log().witnesses() {
        let Some(trouble) = witness.trouble else { continue };
        let rostered = witness.id.parse().ok().and_then(|id: WitnessId| world.roster().witness(&id).ok());
        let Some(elsewhere) = rostered.and_then(|rostered| rostered.elsewhere()) else { continue };
        screen::note(&format!(
            "{} does not cosign: {trouble}\n  Somebody else runs it, at {}. They have to tell it of this record (`rogatory witness \
             trust`, with the first key that `rogatory record keys --data {}` prints), and to run it.",
            witness.id,
            elsewhere.url,
            data.display()
        ));
    }
}

/// Gives everybody in the story their mail.
async fn open_story(setup: &Setup, playhouse: &mut Playhouse) -> Result<(), Failure> {
    let started = Instant::now();
    let total = setup.story.deliveries().count() as u64;
    let bar = screen::progress(Some(total), "{bar:30} {pos}/{len} messages delivered");
    let (accounts, messages) = playhouse.open_story(&mut || bar.inc(1)).await?;
    drop(bar);
    let seconds = started.elapsed().as_secs_f64();
    screen::line(&format!(
        "{accounts} people have their mail, {messages} messages in all, after {seconds:.1} s"
    ))?;
    Ok(())
}

async fn perform_play(
    arguments: &DemoArguments,
    setup: &Setup,
    script: &Script,
    playhouse: &mut Playhouse,
) -> Result<bool, Failure> {
    let observer = TextObserver::new(Unlocked, &setup.names, look(), pace(arguments));
    let mut observer = observer.with_legend();
    Ok(run(script, playhouse, &mut observer).await?.holds())
}

fn pace(arguments: &DemoArguments) -> Pace {
    if arguments.fast { Pace::None } else { Pace::Reading }
}

/// Serves head office on a loopback port, says what to try, and waits.
async fn stay_up(arguments: &DemoArguments, deployment: Deployment, mut ending: Ending) -> Outcome {
    let (provider, held) = deployment.split();
    let Some(credentials) = held.credentials() else { return Ok(Exit::Done) };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    write_address(&arguments.data, listener.local_addr()?)?;
    let data = arguments.data.display();
    let option =
        if arguments.data == Path::new("data/demo") { String::new() } else { format!(" --data {data}") };
    screen::line(&format!(
        "\nThe provider stays up; Ctrl-C ends it. In another terminal, try:\n\n  \
         rogatory demand list{option}\n  \
         rogatory demand explain 18-mag-2713{option}\n  \
         rogatory where molly@post.example{option}\n  \
         rogatory reach molly@post.example --at 2018-06-01{option}\n  \
         rogatory record verify{option}\n\n\
         (from a checkout: `cargo run --release -- demand list`)"
    ))?;
    let provider = Arc::new(provider);
    let control: SharedService<_, _> = Arc::new(Control(provider.clone()));
    let limits = ServerLimits { deadline: Duration::from_secs(120), ..ServerLimits::default() };
    tokio::select! {
        served = serve(listener, credentials, control, limits, ending.asked()) => served?,
        () = provider.keep_trying() => {}
    }
    remove_address(&arguments.data)?;
    held.stop().await;
    screen::line("\nstopped; start again with the same folder to carry on")?;
    Ok(Exit::Done)
}
