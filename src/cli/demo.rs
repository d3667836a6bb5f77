//! `rogatory demo`: the whole of it on one machine, with the Dublin warrant played out.

use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use super::common::{ConfigArguments, Failure, Setup, look, runtime};
use super::control::write_address;
use super::scenario::play;
use super::screen::{self, Format};
use super::{Exit, Outcome};
use crate::provider::{Control, Deployment, DeploymentOptions, Nodes};
use crate::region::{ServerLimits, SharedService, serve};
use crate::scenario::{Backstage, Pace, Playhouse, Script, TextObserver, run};

/// The play, and what branches off it.
const PLAY: &str = "dublin-warrant";
const FORKS: [&str; 3] = ["dublin-treaty-2016", "dublin-warrant-gdpr", "dublin-region-custody"];

/// Run ten regions with story mail, play the Dublin warrant, and stay up
///
/// Starts ten region nodes and an outside witness as processes, opens the mailboxes of the story, and plays the
/// Microsoft–Ireland case of 2013 to 2018 on them: one mailbox in Dublin, one warrant from New York, and dates with
/// different answers. Three forks follow, each on a fresh provider. Then it stays up, so that you can ask it things;
/// Ctrl-C ends it. Started again with the same folder, it carries on where it was.
#[derive(Args, Debug)]
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
    let runtime = runtime()?;
    runtime.block_on(async {
        tokio::select! {
            outcome = perform(&arguments, &setup) => outcome,
            // Dropping the deployment takes its processes with it.
            stopped = tokio::signal::ctrl_c() => {
                stopped?;
                screen::line("\nstopped; start again with the same folder to carry on")?;
                Ok(Exit::Done)
            }
        }
    })
}

async fn perform(arguments: &DemoArguments, setup: &Setup) -> Outcome {
    let script = setup.script(Path::new(PLAY))?;
    let carries_on = arguments.data.join("record").join("checkpoint").exists();
    let started = Instant::now();
    let deployment = Deployment::start(DeploymentOptions {
        data: arguments.data.clone(),
        world: Arc::new(setup.world.clone()),
        law: setup.law.clone(),
        seed: Some(script.seed.clone()),
        start: script.start.time(),
        nodes: Nodes::Processes { program: std::env::current_exe()? },
        config: arguments.config.config.clone(),
        wan: false,
    })
    .await?;
    let regions = setup.world.regions().len();
    let witnesses = setup.world.roster().witnesses().count();
    let seconds = started.elapsed().as_secs_f64();
    screen::line(&format!(
        "{regions} regions and {witnesses} outside witness serve, each a process of its own, after {seconds:.1} s"
    ))?;

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
    if carries_on {
        screen::line("the record was here already: carrying on, without playing again")?;
    } else {
        let started = Instant::now();
        let (accounts, messages) = playhouse.open_story().await?;
        let seconds = started.elapsed().as_secs_f64();
        screen::line(&format!(
            "{accounts} people have their mail, {messages} messages in all, after {seconds:.1} s"
        ))?;
        holds = perform_play(arguments, setup, &script, &mut playhouse).await?;
        for fork in FORKS {
            let script = setup.script(Path::new(fork))?;
            holds &= play(setup, &script, Format::Text, pace(arguments)).await?.holds();
        }
    }
    let Some(deployment) = playhouse.into_deployment() else { return Ok(Exit::Done) };
    if arguments.exit {
        deployment.stop().await;
        return Ok(if holds { Exit::Done } else { Exit::ExpectationFailed });
    }
    stay_up(arguments, deployment).await
}

async fn perform_play(
    arguments: &DemoArguments,
    setup: &Setup,
    script: &Script,
    playhouse: &mut Playhouse,
) -> Result<bool, Failure> {
    let mut observer = TextObserver::new(io::stdout(), &setup.names, look(), pace(arguments));
    let report = run(script, playhouse, &mut observer).await?;
    io::stdout().flush()?;
    Ok(report.holds())
}

fn pace(arguments: &DemoArguments) -> Pace {
    if arguments.fast { Pace::None } else { Pace::Reading }
}

/// Serves head office on a loopback port, says what to try, and waits.
async fn stay_up(arguments: &DemoArguments, deployment: Deployment) -> Outcome {
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
    let control: SharedService<_, _> = Arc::new(Control(Arc::new(Mutex::new(provider))));
    let limits = ServerLimits { deadline: Duration::from_secs(120), ..ServerLimits::default() };
    serve(listener, credentials, control, limits, std::future::pending()).await?;
    held.stop().await;
    Ok(Exit::Done)
}
