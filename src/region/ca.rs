//! The deployment's certificate authority.
//!
//! Head office keeps it, so head office could name a node anything it likes. A certificate therefore says who is
//! talking and no more: what a region opens depends on a permit and a quorum, never on who asks.
//!
//! A certificate's validity is real time, whatever the simulated clock says.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData, SanType,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::credentials::{BadCredentials, Credentials, credentials_path};
use super::identity::{DeploymentId, IdentityError, Peer};

const DAY: Duration = Duration::from_secs(86_400);
/// A certificate starts this long before it was made, for clocks that differ.
const BACKDATED: Duration = Duration::from_secs(3600);
const CA_YEARS: u32 = 20;
const NODE_DAYS: u32 = 365;
/// A node that starts with less than this left gets a new certificate.
const RENEW_WITHIN_DAYS: u32 = 90;

/// The certificate authority of one deployment. Its key never leaves the folder it was made in.
pub struct DeploymentCa {
    deployment: DeploymentId,
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
}

impl DeploymentCa {
    /// Opens the authority in `folder` (`ca.key`, `ca.pem`), or makes one if the folder holds none.
    pub fn open(folder: &Path) -> Result<Self, CaError> {
        private_folder(folder)?;
        let (key_path, certificate_path) = (folder.join("ca.key"), folder.join("ca.pem"));
        let key = match read_if_present(&key_path)? {
            Some(text) => {
                KeyPair::from_pem(&text).map_err(|cause| CaError::Key { path: key_path.clone(), cause })?
            }
            // A new key would be a new deployment, and every node already running would refuse it.
            None if certificate_path.exists() => return Err(CaError::KeyLost { path: key_path }),
            None => {
                let key = KeyPair::generate()?;
                write_private(&key_path, &Zeroizing::new(key.serialize_pem()))?;
                key
            }
        };

        let deployment = DeploymentId::of_public_key(&key.subject_public_key_info());
        let params = ca_params(&deployment);
        let certificate_pem = match read_if_present(&certificate_path)? {
            Some(text) => {
                let found = CertificateDer::from_pem_slice(text.as_bytes())
                    .map_err(|_| IdentityError::Unreadable)
                    .and_then(|certificate| deployment_of(&certificate));
                match found {
                    Ok(found) if found == deployment => text.to_string(),
                    Ok(_) | Err(_) => return Err(CaError::Mismatch { path: certificate_path }),
                }
            }
            // Either nothing was there, or the process ended between the two files; the key decides.
            None => {
                let text = params.self_signed(&key)?.pem();
                write_private(&certificate_path, &text)?;
                text
            }
        };
        Ok(DeploymentCa { deployment, issuer: Issuer::new(params, key), certificate_pem })
    }

    pub fn deployment(&self) -> &DeploymentId {
        &self.deployment
    }

    /// Gives `peer` credentials in its own folder (`tls.pem`, mode 0600): those already there if they are this
    /// authority's, the peer's, and good for another quarter of a year; else new ones.
    pub fn provision(&self, peer: &Peer, folder: &Path) -> Result<Credentials, CaError> {
        private_folder(folder)?;
        let path = credentials_path(folder);
        if path.exists()
            && let Ok(present) = Credentials::load(&path)
            && present.peer == *peer
            && present.deployment == self.deployment
            && present.check_at(SystemTime::now() + DAY * RENEW_WITHIN_DAYS).is_ok()
        {
            return Ok(present);
        }
        let now = SystemTime::now();
        let text = self.issue_pem(peer, now - BACKDATED, now + DAY * NODE_DAYS)?;
        write_private(&path, &text)?;
        Credentials::from_pem(&text).map_err(|cause| CaError::Credentials { path, cause })
    }

    /// Credentials that are kept nowhere, valid between two instants of real time.
    pub fn issue(&self, peer: &Peer, from: SystemTime, until: SystemTime) -> Result<Credentials, CaError> {
        let text = self.issue_pem(peer, from, until)?;
        Credentials::from_pem(&text).map_err(|cause| CaError::Credentials { path: PathBuf::new(), cause })
    }

    fn issue_pem(
        &self,
        peer: &Peer,
        from: SystemTime,
        until: SystemTime,
    ) -> Result<Zeroizing<String>, CaError> {
        let mut params = CertificateParams::default();
        params.not_before = from.into();
        params.not_after = until.into();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, peer.to_string());
        params.subject_alt_names = vec![SanType::URI(peer.uri(&self.deployment).try_into()?)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;

        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key_pem = Zeroizing::new(key.serialize_pem());
        Ok(Zeroizing::new([key_pem.as_str(), &certificate.pem(), &self.certificate_pem].concat()))
    }
}

fn ca_params(deployment: &DeploymentId) -> CertificateParams {
    let now = SystemTime::now();
    let mut params = CertificateParams::default();
    params.not_before = (now - BACKDATED).into();
    params.not_after = (now + DAY * 365 * CA_YEARS).into();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("rogatory {deployment}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// The deployment whose authority has this certificate.
pub(super) fn deployment_of(anchor: &CertificateDer<'_>) -> Result<DeploymentId, IdentityError> {
    let parsed = webpki::EndEntityCert::try_from(anchor).map_err(|_| IdentityError::Unreadable)?;
    Ok(DeploymentId::of_public_key(&parsed.subject_public_key_info()))
}

fn private_folder(path: &Path) -> Result<(), CaError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|cause| CaError::Write { path: path.to_owned(), cause })
}

fn read_if_present(path: &Path) -> Result<Option<Zeroizing<String>>, CaError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(CaError::Read { path: path.to_owned(), cause }),
    }
}

/// Writes a file of mode 0600 so that after a crash there is the old text or the new one, never a part.
fn write_private(path: &Path, text: &str) -> Result<(), CaError> {
    let write = || -> io::Result<()> {
        let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        // A temporary file is made with mode 0600, before a byte of the key is in it.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        #[cfg(unix)]
        fs::File::open(folder)?.sync_all()?;
        Ok(())
    };
    write().map_err(|cause| CaError::Write { path: path.to_owned(), cause })
}

/// Why the certificate authority or a node's credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    #[error("`{}` cannot be read: {cause}", path.display())]
    Read { path: PathBuf, cause: io::Error },
    #[error("`{}` cannot be written: {cause}", path.display())]
    Write { path: PathBuf, cause: io::Error },
    #[error("`{}` is not a private key: {cause}", path.display())]
    Key { path: PathBuf, cause: rcgen::Error },
    #[error("`{}` is gone, though its certificate is there: put the key back from a backup", path.display())]
    KeyLost { path: PathBuf },
    #[error("`{}` is not the certificate of the key beside it", path.display())]
    Mismatch { path: PathBuf },
    #[error("`{}`: {cause}", path.display())]
    Credentials { path: PathBuf, cause: BadCredentials },
    #[error("a certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(id: &str) -> Peer {
        Peer::Region(id.parse().unwrap())
    }

    #[test]
    fn a_second_opening_finds_the_same_authority() {
        let folder = tempfile::tempdir().unwrap();
        let first = DeploymentCa::open(folder.path()).unwrap();
        let second = DeploymentCa::open(folder.path()).unwrap();
        assert_eq!(first.deployment(), second.deployment());
        assert_eq!(first.certificate_pem, second.certificate_pem);
    }

    #[test]
    fn a_crash_between_the_two_files_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let first = DeploymentCa::open(folder.path()).unwrap();
        fs::remove_file(folder.path().join("ca.pem")).unwrap();
        assert_eq!(DeploymentCa::open(folder.path()).unwrap().deployment(), first.deployment());
    }

    #[test]
    fn a_lost_key_is_an_error_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        DeploymentCa::open(folder.path()).unwrap();
        fs::remove_file(folder.path().join("ca.key")).unwrap();
        assert!(matches!(DeploymentCa::open(folder.path()), Err(CaError::KeyLost { .. })));
    }

    #[test]
    fn a_foreign_certificate_beside_the_key_is_refused() {
        let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        DeploymentCa::open(ours.path()).unwrap();
        DeploymentCa::open(theirs.path()).unwrap();
        fs::copy(theirs.path().join("ca.pem"), ours.path().join("ca.pem")).unwrap();
        assert!(matches!(DeploymentCa::open(ours.path()), Err(CaError::Mismatch { .. })));
    }

    #[test]
    fn credentials_are_kept_until_they_would_soon_expire_or_belong_elsewhere() {
        let (folder, node) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let ca = DeploymentCa::open(folder.path()).unwrap();
        let path = credentials_path(node.path());
        ca.provision(&region("ie-dublin"), node.path()).unwrap();
        let kept = fs::read_to_string(&path).unwrap();
        ca.provision(&region("ie-dublin"), node.path()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), kept);

        let now = SystemTime::now();
        let soon = ca.issue_pem(&region("ie-dublin"), now - DAY, now + DAY).unwrap();
        write_private(&path, &soon).unwrap();
        ca.provision(&region("ie-dublin"), node.path()).unwrap();
        assert_ne!(fs::read_to_string(&path).unwrap(), *soon);

        let renamed = ca.provision(&region("us-virginia"), node.path()).unwrap();
        assert_eq!(*renamed.peer(), region("us-virginia"));
        let other = DeploymentCa::open(tempfile::tempdir().unwrap().path()).unwrap();
        let moved = other.provision(&region("us-virginia"), node.path()).unwrap();
        assert_eq!(moved.deployment(), other.deployment());
        moved.check_at(now).unwrap();
        assert!(moved.check_at(now + DAY * 400).is_err());
    }

    #[test]
    #[cfg(unix)]
    fn only_the_owner_may_read_keys() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, node) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let ca = DeploymentCa::open(&folder.path().join("ca")).unwrap();
        ca.provision(&Peer::HeadOffice, node.path()).unwrap();
        for path in [folder.path().join("ca/ca.key"), credentials_path(node.path())] {
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
        }
        let mode = fs::metadata(folder.path().join("ca")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let pem = fs::read_to_string(credentials_path(node.path())).unwrap();
        let ca_key = fs::read_to_string(folder.path().join("ca/ca.key")).unwrap();
        assert!(!pem.contains(ca_key.lines().nth(1).unwrap()));
    }
}
