//! A whole provider with ten regions, made for a measurement, and mail to send to it.

use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::Failure;
use crate::demand::{Act, DateRange, Demand, InstrumentKind, Offence, ProofLevel, Purpose, Term};
use crate::directory::{Customer, NewAccount};
use crate::disk::RealDisk;
use crate::law::{Law, Role};
use crate::provider::{Deployment, DeploymentOptions, NewMail, Nodes};
use crate::world::{Address, DataClass, World};

/// The bytes of a message of ordinary mail.
pub const MESSAGE_BYTES: usize = 10_000;

/// Starts a provider in an empty folder. It has a seed, so that its courts can sign here.
pub async fn start(data: &Path, nodes: Nodes) -> Result<Deployment, Failure> {
    let options = DeploymentOptions {
        data: data.to_owned(),
        world: Arc::new(World::standard()?),
        law: Arc::new(Law::standard()?),
        seed: Some("bench".to_owned()),
        start: "2013-12-01T00:00:00Z".parse()?,
        nodes,
        config: None,
        wan: false,
        disk: Arc::new(RealDisk),
    };
    Ok(Deployment::start(options).await?)
}

/// Opens so many accounts in the United States, where every class of theirs rests in one region.
pub async fn open_accounts(deployment: &mut Deployment, count: u64) -> Result<(), Failure> {
    let created = "2012-01-01T00:00:00Z".parse()?;
    let contracted_with = deployment.provider.world().provider().head_office().id().clone();
    let declared_country: crate::world::Country = "US".parse()?;
    let mut accounts = Vec::new();
    for number in 0..count {
        let new = NewAccount {
            address: address(number)?,
            contracted_with: contracted_with.clone(),
            name: format!("Person {number}"),
            declared_country: declared_country.clone(),
            residence: None,
            nationality: None,
            role: Role::Unknown,
            customer: Customer::Consumer,
            created,
        };
        accounts.push((new, None));
    }
    Ok(deployment.provider.open_accounts(accounts).await?)
}

pub fn address(number: u64) -> Result<Address, Failure> {
    Ok(format!("person-{number}@post.example").parse()?)
}

/// A warrant of a court of New York for the content of an account.
pub fn warrant(account: Address, id: &str) -> Result<Demand, Failure> {
    Ok(Demand {
        id: id.parse()?,
        version: 1,
        instrument: InstrumentKind::Warrant,
        basis: "18 U.S.C. 2703(a)".to_owned(),
        issuing: "us-sdny-magistrate".parse()?,
        validating: None,
        enforcing: None,
        on_behalf_of: "US".parse()?,
        served_on: "head-office".parse()?,
        issued: "2013-12-01T00:00:00Z".parse()?,
        valid_until: None,
        return_by: None,
        proof: ProofLevel::ProbableCause,
        offence: Offence {
            description: "narcotics trafficking".to_owned(),
            max_penalty_years: 20,
            listed: false,
            place: "US".parse()?,
        },
        acts: vec![Act::Disclose],
        accounts: vec![account],
        classes: vec![DataClass::Content],
        range: DateRange::ALL,
        term: Term::Stored,
        purpose: Purpose::Evidence,
        emergency: false,
        secret_until: None,
        deliver_to: "us-fbi".parse()?,
        relates: None,
        executes: None,
    })
}

/// Makes messages of one length, of which no two are the same.
#[derive(Clone, Debug)]
pub struct Letters {
    bytes: Bytes,
    /// Where the number stands, in 16 digits.
    number_at: usize,
}

impl Letters {
    /// Of `length` bytes, or of what the header needs if that is more.
    pub fn of(length: usize) -> Self {
        let before = "From: Somebody Else <somebody@elsewhere.example>\r\nMessage-ID: <";
        let after = "@elsewhere.example>\r\nDate: Wed, 4 Dec 2013 10:00:00 +0000\r\n\
                     To: The Holder <holder@post.example>\r\nSubject: An ordinary letter\r\n\r\n";
        let mut text = format!("{before}{:016}{after}", 0);
        while text.len() < length {
            text.push_str("It is as long as letters are, and says as little as most of them do.\r\n");
        }
        text.truncate(length.max(before.len() + 16 + after.len()));
        Letters { number_at: before.len(), bytes: text.into() }
    }

    pub fn number(&self, number: u64) -> Bytes {
        let mut bytes = BytesMut::from(self.bytes.as_ref());
        bytes[self.number_at..self.number_at + 16].copy_from_slice(format!("{number:016}").as_bytes());
        bytes.freeze()
    }

    /// As a message to deliver.
    pub fn to(&self, to: Address, number: u64) -> NewMail {
        NewMail { to, received: None, bytes: self.number(number) }
    }
}
