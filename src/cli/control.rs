//! Reaching a provider through the folder it keeps its data in: one that is running, or, for questions that change
//! nothing, the folder itself.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use tokio::sync::RwLock;

use super::common::{ConfigArguments, Failure};
use super::screen;
use crate::clock::SimTime;
use crate::disk::RealDisk;
use crate::provider::{Ask, Control, Deployment, DeploymentError, DeploymentOptions, Held, Nodes, Told};
use crate::region::{
    Answer, Body, Credentials, Enrolment, ErrorCode, Link, LinkLimits, Peer, SharedService, Wan,
    credentials_path,
};

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
    if data.join("record").join("policy").exists() {
        return Ok(());
    }
    let missing = DeploymentError::NotThere(data.to_owned());
    Err(missing.into())
}

/// Notes where head office is to be found.
pub fn write_address(data: &Path, address: SocketAddr) -> std::io::Result<()> {
    std::fs::write(address_file(data), format!("{address}\n"))
}

/// Takes the note away: head office listens no more.
pub fn remove_address(data: &Path) -> std::io::Result<()> {
    std::fs::remove_file(address_file(data))
}

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

impl RunningArguments {
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
        if let Ok(link) = self.link() {
            match link.call(Ask::Status, Body::empty()).await {
                Err(error) if error.code == ErrorCode::Unreachable => {}
                _ => return Ok(Office { link, opened: None }),
            }
        }
        let setup = ConfigArguments { config: self.config_of_regions() }.read()?;
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
        let (provider, held) = deployment.split();
        let control: SharedService<Ask, Told> = Arc::new(Control(Arc::new(RwLock::new(provider))));
        let limits = LinkLimits::default();
        let link = Link::in_process(Peer::HeadOffice, Peer::HeadOffice, control, limits, Wan::none());
        Ok(Office { link, opened: Some(held) })
    }

    /// The world that the regions of the folder were enrolled with, if it is not the one built in.
    fn config_of_regions(&self) -> Option<PathBuf> {
        let regions = std::fs::read_dir(self.data.join("regions")).ok()?;
        let one = regions.filter_map(Result::ok).next()?;
        Enrolment::read(&one.path(), one.file_name().to_str()?).ok()?.config
    }

    /// A link for several questions to the running provider.
    pub fn link(&self) -> Result<Link<Ask, Told>, Failure> {
        let address = std::fs::read_to_string(address_file(&self.data)).map_err(|_| self.nobody())?;
        let address: SocketAddr = address.trim().parse().map_err(|_| self.nobody())?;
        let credentials = Credentials::load(&credentials_path(&self.data.join("head-office")))?;
        Ok(Link::over_network(&credentials, Peer::HeadOffice, address, LinkLimits::default(), Wan::none())?)
    }

    fn nobody(&self) -> Failure {
        format!(
            "no provider is running on `{}`; start one with `rogatory demo`, or name its folder with --data",
            self.data.display()
        )
        .into()
    }
}
