//! Reaching a provider that is running, through the folder it keeps its data in.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;

use super::common::Failure;
use crate::provider::{Ask, Told};
use crate::region::{Answer, Body, Credentials, ErrorCode, Link, LinkLimits, Peer, Wan, credentials_path};

/// Which running provider to ask.
#[derive(Args, Debug, Clone)]
pub struct RunningArguments {
    /// The folder of the running provider
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

/// Notes where head office is to be found.
pub fn write_address(data: &Path, address: SocketAddr) -> std::io::Result<()> {
    std::fs::write(address_file(data), format!("{address}\n"))
}

/// Takes the note away: head office listens no more.
pub fn remove_address(data: &Path) -> std::io::Result<()> {
    std::fs::remove_file(address_file(data))
}

impl RunningArguments {
    /// Asks the provider one thing.
    pub async fn ask(&self, ask: Ask, body: impl Into<Body>) -> Result<Answer<Told>, Failure> {
        let link = self.link()?;
        link.call(ask, body).await.map_err(|error| match error.code {
            ErrorCode::Unreachable => self.nobody(),
            _ => error.message.into(),
        })
    }

    /// A link for several questions.
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
