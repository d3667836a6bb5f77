use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Act, DateRange, InstrumentKind, ProofLevel};
use crate::clock::SimTime;
use crate::world::{Address, AuthorityId, Country, DataClass, EntityId};

/// The authority's own name for its demand, such as a docket number: `13-mag-2814`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DemandId(String);

impl DemandId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DemandId {
    type Err = BadInstrument;

    fn from_str(text: &str) -> Result<Self, BadInstrument> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
            && text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if fits { Ok(DemandId(text.to_owned())) } else { Err(BadInstrument::Id(text.to_owned())) }
    }
}

impl TryFrom<String> for DemandId {
    type Error = BadInstrument;

    fn try_from(text: String) -> Result<Self, BadInstrument> {
        text.parse()
    }
}

impl From<DemandId> for String {
    fn from(id: DemandId) -> String {
        id.0
    }
}

impl fmt::Display for DemandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for DemandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Legal process as its issuer wrote it. When it was received is the gate's to say, not the issuer's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Demand {
    pub id: DemandId,
    /// Counts from 1; an amended demand is the next version.
    pub version: u32,
    pub instrument: InstrumentKind,
    /// The statute it says it rests on, as its issuer cites it.
    pub basis: String,
    pub issuing: AuthorityId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validating: Option<AuthorityId>,
    /// The authority of the state where the addressee sits that was sent a copy, where a law asks for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcing: Option<AuthorityId>,
    /// The state on whose behalf it is made.
    pub on_behalf_of: Country,
    /// The entity of the provider that it is served on.
    pub served_on: EntityId,
    pub issued: SimTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<SimTime>,
    /// The time the instrument itself sets for an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_by: Option<SimTime>,
    pub proof: ProofLevel,
    pub offence: Offence,
    pub acts: Vec<Act>,
    pub accounts: Vec<Address>,
    pub classes: Vec<DataClass>,
    #[serde(default)]
    pub range: DateRange,
    #[serde(default)]
    pub term: Term,
    #[serde(default, skip_serializing_if = "Purpose::is_evidence")]
    pub purpose: Purpose,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub emergency: bool,
    /// When a ban on telling anyone ends, if it asks for secrecy and says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_until: Option<SimTime>,
    /// The authority whose recipient key the production is sealed to.
    pub deliver_to: AuthorityId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relates: Option<Relation>,
    /// Set on a local order that answers a request of another state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executes: Option<ExecutesRequest>,
}

/// What the case is about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Offence {
    pub description: String,
    pub max_penalty_years: u32,
    /// On the list that does without dual criminality, where a law has one.
    #[serde(default)]
    pub listed: bool,
    pub place: Country,
}

/// Data that is stored already, or data from now on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Term {
    #[default]
    Stored,
    FromNowOn,
}

/// What the data is wanted for; a law may call one class by different names for different purposes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    #[default]
    Evidence,
    /// Only to identify the user.
    Identify,
}

impl Purpose {
    fn is_evidence(&self) -> bool {
        *self == Purpose::Evidence
    }
}

/// A link to an earlier demand.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Relation {
    pub kind: RelationKind,
    pub demand: DemandId,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RelationKind {
    PreservesFor,
    Amends,
    Supersedes,
    Confirms,
}

/// The request of another state that a local order carries out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExecutesRequest {
    pub requesting: Country,
    pub treaty: String,
    pub use_limit: String,
}

impl Demand {
    /// Writes the demand down and signs exactly those bytes.
    pub fn sign(&self, key: &SigningKey) -> SignedInstrument {
        SignedInstrument::sign(serde_json::to_vec(self).expect("a demand has only string keys"), key)
    }

    /// The same with line breaks and indentation, for a file that people read.
    pub fn sign_readably(&self, key: &SigningKey) -> SignedInstrument {
        let mut body = serde_json::to_vec_pretty(self).expect("a demand has only string keys");
        body.push(b'\n');
        SignedInstrument::sign(body, key)
    }
}

/// A demand as its issuer signed it: the bytes of its JSON text, and an Ed25519 signature over
/// `rogatory instrument v1\n` and those bytes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SignedInstrument {
    #[serde(with = "crate::base64_bytes")]
    body: Vec<u8>,
    #[serde(with = "crate::base64_bytes")]
    signature: Vec<u8>,
}

impl SignedInstrument {
    fn sign(body: Vec<u8>, key: &SigningKey) -> Self {
        let signature = key.sign(&signing_input(&body)).to_bytes().to_vec();
        SignedInstrument { body, signature }
    }

    /// Puts together what came over a wire; nothing is checked yet.
    pub fn from_parts(body: Vec<u8>, signature: Vec<u8>) -> Self {
        SignedInstrument { body, signature }
    }

    pub fn body(&self) -> &[u8] {
        &self.body
    }

    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// SHA-256 of the body. The signature is left out, so that the digest is the same however it was signed.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.body).into()
    }

    /// Who the text says issued it. To be believed only after [`SignedInstrument::verify`] with that issuer's key.
    pub fn claimed_issuer(&self) -> Result<AuthorityId, BadInstrument> {
        self.parse().map(|demand| demand.issuing)
    }

    /// What the text says the demand is called, in full: `issuer/id`. To be believed only after
    /// [`SignedInstrument::verify`].
    pub fn claimed_matter(&self) -> Result<String, BadInstrument> {
        self.parse().map(|demand| format!("{}/{}", demand.issuing, demand.id))
    }

    /// Checks the signature and reads the demand.
    pub fn verify(&self, issuer: &VerifyingKey) -> Result<Demand, BadInstrument> {
        let signature = Signature::from_slice(&self.signature).map_err(|_| BadInstrument::Signature)?;
        issuer.verify_strict(&signing_input(&self.body), &signature).map_err(|_| BadInstrument::Signature)?;
        self.parse()
    }

    fn parse(&self) -> Result<Demand, BadInstrument> {
        serde_json::from_slice(&self.body).map_err(|error| BadInstrument::Body(error.to_string()))
    }
}

fn signing_input(body: &[u8]) -> Vec<u8> {
    [b"rogatory instrument v1\n", body].concat()
}

/// Why an instrument cannot be read or believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadInstrument {
    #[error("`{0}` is not a demand id: 1 to 64 of a-z, 0-9, dash and dot, starting with a letter or digit")]
    Id(String),
    #[error("the instrument is not a demand: {0}")]
    Body(String),
    #[error("the signature is not the issuer's over this text")]
    Signature,
}
