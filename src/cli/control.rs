//! Reaching a provider through the folder it keeps its data in: one that is running, or, for questions that change
//! nothing, the folder itself.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::common::{ConfigArguments, Failure, Setup};
use super::screen;
use crate::clock::SimTime;
use crate::disk::RealDisk;
use crate::provider::{
    Ask, Control, Deployment, DeploymentError, DeploymentOptions, Down, Held, MailClient, Nodes, Route, Told,
    client_folder,
};
use crate::region::{
    Answer, Body, Credentials, Enrolment, ErrorCode, Link, LinkLimits, Peer, SharedService, Wan,
    credentials_path,
};
use crate::world::Address;

/// Which provider to ask.
#[derive(Args, Debug, Clone)]
pub struct RunningArguments {
    /// The folder in which the provider keeps its data
    #[arg(long, value_name = "FOLDER", default_value = "data/demo")]
    pub data: PathBuf,
}

/// A provider that answers what was not asked.
pub fn unexpected() -> Failure {
    "the provider answered another question; is it of another version?".into()
}

fn address_file(data: &Path) -> PathBuf {
    data.join("head-office").join("address")
}

/// Says so, with what to do, if a folder holds no record.
pub fn check_record_in(data: &Path) -> Result<(), Failure> {
    Ok(Deployment::check_begun(data)?)
}

/// Notes where head office is to be found.
pub fn write_address(data: &Path, address: SocketAddr) -> std::io::Result<()> {
    std::fs::write(address_file(data), format!("{address}\n"))
}

/// Takes the note away: head office listens no more.
pub fn remove_address(data: &Path) -> std::io::Result<()> {
    std::fs::remove_file(address_file(data))
}

/// Says what did not open, what follows from it, and what can be done.
pub fn tell_down(down: &[Down], data: &Path) {
    for Down { who, why } in down {
        let folder = match who {
            Peer::Region(id) => data.join("regions").join(id.as_str()),
            who => data.join("witness").join(who.id()),
        };
        screen::note(&format!(
            "{why}\n  What needs it waits, and says so; nothing else does. Put its folder `{}` back as it was: it is \
             opened again by itself, or with the next start. If only its memory as a witness is lost, `rogatory record \
             enrol {}` begins a new one.",
            folder.display(),
            who.id()
        ));
    }
}

/// How often a provider that is there and does not answer is asked before that is said, and the pause between.
const OFFICE_TRIES: u32 = 5;
const OFFICE_PAUSE: Duration = Duration::from_secs(1);

/// A provider that answers questions.
pub struct Office {
    link: Link<Ask, Told>,
    /// What was opened in this process, where nothing was running.
    opened: Option<Held>,
}

impl Office {
    /// Asks one thing.
    pub async fn ask(&self, ask: Ask) -> Result<Told, Failure> {
        let answer = self.link.call(ask, Body::empty()).await;
        Ok(answer.map_err(|error| error.message)?.reply)
    }

    /// Closes what was opened.
    pub async fn leave(self) {
        if let Some(held) = self.opened {
            held.stop().await;
        }
    }
}

/// A mail client of this process: it asks head office where an account is at home, and talks to that region itself.
pub struct MailProgram {
    office: Link<Ask, Told>,
    credentials: Credentials,
    pub client: MailClient,
}

impl MailProgram {
    /// Where an account's mail goes, and what time it is.
    pub async fn route(&mut self, account: &Address) -> Result<(Route, SimTime), Failure> {
        let answer = self.office.call(Ask::Route { account: account.clone() }, Body::empty()).await;
        let Told::Route { route, regions, now } = answer.map_err(|error| error.message)?.reply else {
            return Err(unexpected());
        };
        for (region, address) in regions {
            let (peer, limits) = (Peer::Region(region.clone()), LinkLimits::default());
            self.client
                .add(region, Link::over_network(&self.credentials, peer, address, limits, Wan::none())?);
        }
        Ok((route, now))
    }
}

impl RunningArguments {
    /// A mail client for the running provider.
    pub fn mail_program(&self) -> Result<MailProgram, Failure> {
        let credentials = match Credentials::load(&credentials_path(&client_folder(&self.data))) {
            Ok(credentials) => credentials,
            Err(_) if !client_folder(&self.data).exists() => return Err(self.nobody()),
            Err(error) => return Err(error.into()),
        };
        let office = link(&credentials, self.address()?)?;
        Ok(MailProgram { office, credentials, client: MailClient::default() })
    }

    /// Asks the running provider one thing.
    pub async fn ask(&self, ask: Ask, body: impl Into<Body>) -> Result<Answer<Told>, Failure> {
        let link = self.link()?;
        link.call(ask, body).await.map_err(|error| match error.code {
            ErrorCode::Unreachable => self.nobody(),
            _ => error.message.into(),
        })
    }

    /// Asks one thing that changes nothing, of the running provider, or of its folder if none is running.
    pub async fn look(&self, ask: Ask) -> Result<Told, Failure> {
        let office = self.office().await?;
        let told = office.ask(ask).await;
        office.leave().await;
        told
    }

    /// The running provider, or its folder opened in this process: for questions that change nothing.
    pub async fn office(&self) -> Result<Office, Failure> {
        let mut tries = 0;
        loop {
            if let Ok(link) = self.link() {
                match link.call(Ask::Status, Body::empty()).await {
                    Err(error) if error.code == ErrorCode::Unreachable => {}
                    _ => return Ok(Office { link, opened: None }),
                }
            }
            tries += 1;
            match self.open().await {
                // Who has it says where it listens, and is too busy to.
                Err(error) if is_in_use(&error) && tries < OFFICE_TRIES && self.address().is_ok() => {
                    tokio::time::sleep(OFFICE_PAUSE).await;
                }
                opened => return opened,
            }
        }
    }

    async fn open(&self) -> Result<Office, Failure> {
        let setup = self.setup()?;
        let deployment = Deployment::look(DeploymentOptions {
            data: self.data.clone(),
            world: Arc::new(setup.world),
            law: setup.law,
            seed: None,
            start: SimTime::from_unix_seconds(0),
            nodes: Nodes::Here,
            config: None,
            wan: false,
            disk: Arc::new(RealDisk),
        })
        .await?;
        screen::note(&format!("no provider is running on `{}`: opened to answer this", self.data.display()));
        tell_down(deployment.down(), &self.data);
        let (provider, held) = deployment.split();
        let control: SharedService<Ask, Told> = Arc::new(Control(Arc::new(provider)));
        let limits = LinkLimits::default();
        let link = Link::in_process(Peer::HeadOffice, Peer::HeadOffice, control, limits, Wan::none());
        Ok(Office { link, opened: Some(held) })
    }

    /// The world and the law that the provider runs with, as they are in its files now.
    pub fn setup(&self) -> Result<Setup, Failure> {
        ConfigArguments { config: self.config_of_regions() }.read()
    }

    /// The world that the regions of the folder were enrolled with, if it is not the one built in.
    pub fn config_of_regions(&self) -> Option<PathBuf> {
        let regions = std::fs::read_dir(self.data.join("regions")).ok()?;
        let one = regions.filter_map(Result::ok).next()?;
        Enrolment::read(&one.path(), one.file_name().to_str()?).ok()?.config
    }

    /// A link for several questions to the running provider.
    pub fn link(&self) -> Result<Link<Ask, Told>, Failure> {
        // Before its credentials: where nobody runs, that is the thing to say.
        let address = self.address()?;
        link(&Credentials::load(&credentials_path(&self.data.join("head-office")))?, address)
    }

    fn address(&self) -> Result<SocketAddr, Failure> {
        let address = std::fs::read_to_string(address_file(&self.data)).map_err(|_| self.nobody())?;
        address.trim().parse().map_err(|_| self.nobody())
    }

    fn nobody(&self) -> Failure {
        format!(
            "no provider is running on `{}`; start one with `rogatory demo`, or name its folder with --data",
            self.data.display()
        )
        .into()
    }
}

fn link(credentials: &Credentials, head_office: SocketAddr) -> Result<Link<Ask, Told>, Failure> {
    // Longer than a region may take, so that head office can still say which one does not answer.
    let limits = LinkLimits { deadline: Duration::from_secs(120), ..LinkLimits::default() };
    Ok(Link::over_network(credentials, Peer::HeadOffice, head_office, limits, Wan::none())?)
}

fn is_in_use(error: &Failure) -> bool {
    matches!(error.downcast_ref(), Some(DeploymentError::InUse(_)))
}
