//! What a node needs to prove who it is, and to check who others are: its key, its certificate and the deployment's
//! anchor, in one file of mode 0600 in the node's own folder.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::RootCertStore;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use super::ca::CaError;
use super::identity::{DeploymentId, IdentityError, Peer};

/// A party's key, its certificate and its deployment's anchor. Cheap to clone.
#[derive(Clone)]
pub struct Credentials {
    pub(super) peer: Peer,
    pub(super) deployment: DeploymentId,
    pub(super) key: Arc<CertifiedKey>,
    pub(super) anchor: CertificateDer<'static>,
    pub(super) provider: Arc<CryptoProvider>,
}

impl Credentials {
    /// Reads the file that [`DeploymentCa::provision`](super::DeploymentCa::provision) wrote.
    pub fn load(path: &Path) -> Result<Self, CaError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => Zeroizing::new(text),
            Err(cause) => return Err(CaError::Read { path: path.to_owned(), cause }),
        };
        Self::from_pem(&text).map_err(|cause| CaError::Credentials { path: path.to_owned(), cause })
    }

    /// Reads the PEM text of such a file: the private key, the party's certificate, the anchor.
    pub(super) fn from_pem(text: &str) -> Result<Self, BadCredentials> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let unreadable = |error: rustls::pki_types::pem::Error| BadCredentials::Pem(error.to_string());
        let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(unreadable)?;
        let certificates = CertificateDer::pem_slice_iter(text.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(unreadable)?;
        let [certificate, anchor] = <[_; 2]>::try_from(certificates)
            .map_err(|found| BadCredentials::CertificateCount(found.len()))?;

        let signing = provider.key_provider.load_private_key(key)?;
        let key = CertifiedKey::new(vec![certificate], signing);
        key.keys_match()?;
        let deployment = super::ca::deployment_of(&anchor)?;
        let peer = Peer::from_certificate(&key.cert[0], &deployment)?;
        Ok(Credentials { peer, deployment, key: Arc::new(key), anchor, provider })
    }

    /// Whom these credentials speak for.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    pub fn deployment(&self) -> &DeploymentId {
        &self.deployment
    }

    /// Checks that the certificate comes from the anchor and is valid at an instant of real time.
    pub fn check_at(&self, time: SystemTime) -> Result<(), BadCredentials> {
        let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(&self.key.cert[0])?,
            &self.anchors()?,
            &[],
            UnixTime::since_unix_epoch(since_epoch),
            self.provider.signature_verification_algorithms.all,
        )?;
        Ok(())
    }

    pub(super) fn anchors(&self) -> Result<RootCertStore, rustls::Error> {
        let mut anchors = RootCertStore::empty();
        anchors.add(self.anchor.clone())?;
        Ok(anchors)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.peer)
    }
}

/// The path of a node's credentials in its own folder.
pub fn credentials_path(folder: &Path) -> PathBuf {
    folder.join("tls.pem")
}

/// What is wrong with a credentials file.
#[derive(Debug, thiserror::Error)]
pub enum BadCredentials {
    #[error("not a private key and certificates in PEM: {0}")]
    Pem(String),
    #[error("{0} certificates, where the node's and the deployment's belong")]
    CertificateCount(usize),
    #[error(transparent)]
    Tls(#[from] rustls::Error),
    #[error(transparent)]
    Identity(#[from] IdentityError),
}
