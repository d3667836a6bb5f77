//! Who is at the other end of a connection.
//!
//! A certificate carries one identity, as a URI among its subject alternative names:
//! `rogatory://<deployment>/head-office`, `…/region/ie-dublin`, `…/witness/alder` or `…/client`. Host names say nothing here:
//! a node is reached at whatever address it happens to have, and proves who it is.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use webpki::EndEntityCert;

use crate::world::{RegionId, WitnessId};

const SCHEME: &str = "rogatory://";

/// One installation of the provider: the first 16 bytes of the SHA-256 digest of its certificate authority's public
/// key (the SubjectPublicKeyInfo), in lower-case hex. Two authorities can therefore never speak for one deployment.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeploymentId(std::sync::Arc<str>);

impl DeploymentId {
    pub(super) fn of_public_key(key: &[u8]) -> Self {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(key);
        DeploymentId(HEXLOWER.encode(&digest[..16]).into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DeploymentId {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        match text.len() == 32 && text.bytes().all(hex) {
            true => Ok(DeploymentId(text.into())),
            false => Err(IdentityError::Malformed(text.to_owned())),
        }
    }
}

impl TryFrom<String> for DeploymentId {
    type Error = IdentityError;

    fn try_from(text: String) -> Result<Self, IdentityError> {
        text.parse()
    }
}

impl From<DeploymentId> for String {
    fn from(id: DeploymentId) -> String {
        id.0.as_ref().to_owned()
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A party of one deployment. Printed and written as the path of its URI: `head-office`, `region/ie-dublin`,
/// `witness/alder`, `client`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Peer {
    HeadOffice,
    Region(RegionId),
    Witness(WitnessId),
    /// A program that somebody sends or fetches mail with. The certificate says no more; owners prove themselves by
    /// their passwords.
    Client,
}

impl Peer {
    /// The URI that stands in this party's certificate.
    pub fn uri(&self, deployment: &DeploymentId) -> String {
        format!("{SCHEME}{deployment}/{self}")
    }

    /// The last part of its path: `ie-dublin`, `alder`, `head-office`, `client`.
    pub fn id(&self) -> &str {
        match self {
            Peer::HeadOffice => "head-office",
            Peer::Client => "client",
            Peer::Region(id) => id.as_str(),
            Peer::Witness(id) => id.as_str(),
        }
    }

    /// The region, if the party is one.
    pub fn region(&self) -> Option<&RegionId> {
        match self {
            Peer::Region(region) => Some(region),
            Peer::HeadOffice | Peer::Client | Peer::Witness(_) => None,
        }
    }

    /// Reads the identity in a certificate. This proves nothing until the certificate's chain and its owner's
    /// handshake signature have been verified, which [`Credentials`](super::Credentials) sees to.
    pub(super) fn from_certificate(
        certificate: &CertificateDer<'_>,
        deployment: &DeploymentId,
    ) -> Result<Self, IdentityError> {
        let parsed = EndEntityCert::try_from(certificate).map_err(|_| IdentityError::Unreadable)?;
        let mut uris = parsed.valid_uri_names();
        let uri = uris.next().ok_or(IdentityError::NoIdentity)?;
        if uris.next().is_some() {
            return Err(IdentityError::SeveralIdentities);
        }
        let malformed = || IdentityError::Malformed(uri.to_owned());
        let (authority, path) =
            uri.strip_prefix(SCHEME).and_then(|rest| rest.split_once('/')).ok_or_else(malformed)?;
        if authority != deployment.as_str() {
            return Err(IdentityError::OtherDeployment(uri.to_owned()));
        }
        path.parse().map_err(|_| malformed())
    }
}

impl FromStr for Peer {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let malformed = |_| IdentityError::Malformed(text.to_owned());
        match text.split_once('/') {
            Some(("region", id)) => id.parse().map(Peer::Region).map_err(malformed),
            Some(("witness", id)) => id.parse().map(Peer::Witness).map_err(malformed),
            None if text == "head-office" => Ok(Peer::HeadOffice),
            None if text == "client" => Ok(Peer::Client),
            _ => Err(IdentityError::Malformed(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Peer {
    type Error = IdentityError;

    fn try_from(text: String) -> Result<Self, IdentityError> {
        text.parse()
    }
}

impl From<Peer> for String {
    fn from(peer: Peer) -> String {
        peer.to_string()
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::HeadOffice => f.write_str("head-office"),
            Peer::Client => f.write_str("client"),
            Peer::Region(id) => write!(f, "region/{id}"),
            Peer::Witness(id) => write!(f, "witness/{id}"),
        }
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a certificate does not say who its owner is, or says the wrong party.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    #[error("the certificate cannot be read")]
    Unreadable,
    #[error("the certificate names no party: it needs one URI among its subject alternative names")]
    NoIdentity,
    #[error("the certificate names more than one party")]
    SeveralIdentities,
    #[error(
        "`{0}` is not a party: head-office, client, region/<id> or witness/<id> of a deployment (32 hex digits) are"
    )]
    Malformed(String),
    #[error("`{0}` is a party of another deployment")]
    OtherDeployment(String),
    #[error("reached `{found}` and meant `{meant}`")]
    NotWhoWasMeant { found: Peer, meant: Peer },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parties_print_and_read_back() {
        for text in ["head-office", "client", "region/ie-dublin", "witness/alder"] {
            let peer: Peer = text.parse().unwrap();
            assert_eq!(peer.to_string(), text);
            assert_eq!(serde_json::to_string(&peer).unwrap(), format!("\"{text}\""));
        }
        for bad in ["", "head-office/", "region/", "region/IE", "region/ie-dublin/x", "witness", "court/x"] {
            assert!(bad.parse::<Peer>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_deployment_is_named_by_its_authority_s_key() {
        let (a, b) = (DeploymentId::of_public_key(b"a"), DeploymentId::of_public_key(b"b"));
        assert_ne!(a, b);
        assert_eq!(a.as_str().parse::<DeploymentId>().unwrap(), a);
        assert!("DEADBEEF".parse::<DeploymentId>().is_err());
        assert_eq!(Peer::HeadOffice.uri(&a), format!("rogatory://{a}/head-office"));
    }
}
