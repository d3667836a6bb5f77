//! Who may talk to a node, and to whom a caller may talk.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, SanType,
};
use rogatory::region::{
    Answer, Body, Context, Credentials, DeploymentCa, ErrorCode, Link, LinkLimits, Peer, ServerLimits,
    Service, ServiceError, Wan, credentials_path, serve,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

const DAY: Duration = Duration::from_secs(86_400);

/// Answers with the name of whoever asks.
struct Whoami;

impl Service for Whoami {
    type Call = ();
    type Reply = Peer;

    fn call(&self, context: Context, (): (), _: Body) -> BoxFuture<'_, Result<Answer<Peer>, ServiceError>> {
        Box::pin(async move { Ok(context.peer.into()) })
    }
}

fn dublin() -> Peer {
    Peer::Region("ie-dublin".parse().unwrap())
}

fn virginia() -> Peer {
    Peer::Region("us-virginia".parse().unwrap())
}

struct Deployment {
    folder: TempDir,
    ca: DeploymentCa,
}

impl Deployment {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = DeploymentCa::open(&folder.path().join("ca")).unwrap();
        Deployment { folder, ca }
    }

    fn provision(&self, peer: &Peer) -> Credentials {
        self.ca.provision(peer, &self.node_folder(peer)).unwrap()
    }

    fn node_folder(&self, peer: &Peer) -> std::path::PathBuf {
        self.folder.path().join(peer.to_string())
    }

    /// The key and the certificate that were provisioned, as anybody who stole the file would have them.
    fn stolen(&self, peer: &Peer) -> (KeyPair, CertificateDer<'static>) {
        self.provision(peer);
        let pem = std::fs::read(credentials_path(&self.node_folder(peer))).unwrap();
        let key = PrivateKeyDer::from_pem_slice(&pem).unwrap();
        (KeyPair::try_from(key.secret_der()).unwrap(), CertificateDer::from_pem_slice(&pem).unwrap())
    }

    /// A certificate of this deployment's authority with any names.
    fn certificate_with(&self, uris: &[String]) -> (KeyPair, Vec<CertificateDer<'static>>) {
        let ca_key = std::fs::read_to_string(self.folder.path().join("ca").join("ca.key")).unwrap();
        let name = format!("rogatory {}", self.ca.deployment());
        let issuer = issuer(&name, KeyPair::from_pem(&ca_key).unwrap());
        let (key, certificate) = signed_by(&issuer, uris);
        (key, vec![certificate])
    }
}

/// Somebody with that name and key, as who reads a certificate that it signs would take it.
fn issuer(name: &str, key: KeyPair) -> Issuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    Issuer::new(params, key)
}

fn signed_by(issuer: &Issuer<'_, KeyPair>, uris: &[String]) -> (KeyPair, CertificateDer<'static>) {
    let mut params = CertificateParams::default();
    params.subject_alt_names = uris.iter().map(|u| SanType::URI(u.as_str().try_into().unwrap())).collect();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    (key, certificate.into())
}

async fn server(credentials: Credentials) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let limits = ServerLimits::default();
        serve(listener, &credentials, Arc::new(Whoami), limits, std::future::pending()).await
    });
    address
}

async fn ask(client: &Credentials, meant: Peer, address: SocketAddr) -> Result<Peer, ServiceError> {
    let limits = LinkLimits::default();
    let link = Link::<(), Peer>::over_network(client, meant, address, limits, Wan::none())?;
    link.call((), Body::empty()).await.map(|answer| answer.reply)
}

#[tokio::test]
async fn parties_of_one_deployment_know_each_other() {
    let ours = Deployment::new();
    let address = server(ours.provision(&dublin())).await;
    for peer in [Peer::HeadOffice, virginia(), Peer::Witness("alder".parse().unwrap())] {
        assert_eq!(ask(&ours.provision(&peer), dublin(), address).await.unwrap(), peer);
    }
}

#[tokio::test]
async fn a_caller_reaches_the_region_it_meant_or_nobody() {
    let (ours, theirs) = (Deployment::new(), Deployment::new());
    let now = SystemTime::now();
    let head_office = ours.provision(&Peer::HeadOffice);
    let cases = [
        (
            ours.provision(&virginia()),
            "is not region/ie-dublin: reached `region/us-virginia` and meant `region/ie-dublin`",
        ),
        (ours.provision(&Peer::HeadOffice), "reached `head-office` and meant `region/ie-dublin`"),
        (theirs.provision(&dublin()), "is not region/ie-dublin"),
        (ours.ca.issue(&dublin(), now - DAY * 2, now - DAY).unwrap(), "expired"),
        (ours.ca.issue(&dublin(), now + DAY, now + DAY * 2).unwrap(), "not valid yet"),
    ];
    for (credentials, expected) in cases {
        let error = ask(&head_office, dublin(), server(credentials).await).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Untrusted, "{error}");
        assert!(error.message.contains(expected), "`{}` in: {error}", expected);
    }
}

#[tokio::test]
async fn an_expired_caller_is_told_so() {
    let ours = Deployment::new();
    let now = SystemTime::now();
    let address = server(ours.provision(&dublin())).await;
    let expired = ours.ca.issue(&Peer::HeadOffice, now - DAY * 2, now - DAY).unwrap();
    let error = ask(&expired, dublin(), address).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Untrusted);
    assert!(error.message.ends_with("refused us: our certificate has expired"), "{error}");
    let fresh = ours.ca.issue(&Peer::HeadOffice, now - DAY, now + DAY).unwrap();
    assert_eq!(ask(&fresh, dublin(), address).await.unwrap(), Peer::HeadOffice);
}

#[tokio::test]
async fn nobody_listening_is_not_a_question_of_trust() {
    let ours = Deployment::new();
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = ask(&ours.provision(&Peer::HeadOffice), dublin(), free).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unreachable, "{error}");
}

#[tokio::test]
async fn a_server_refuses_whoever_is_not_of_its_deployment() {
    let (ours, theirs) = (Deployment::new(), Deployment::new());
    let address = server(ours.provision(&dublin())).await;
    let uri =
        |deployment: &Deployment, path: &str| format!("rogatory://{}/{path}", deployment.ca.deployment());

    let (stolen_key, stolen) = ours.stolen(&virginia());
    let (theirs_key, theirs_certificate) = theirs.stolen(&Peer::HeadOffice);
    // A node's certificate is no authority's: what a region signs with its own key says nothing.
    let virginia_as_issuer = issuer(&virginia().to_string(), stolen_key);
    let (minted_key, minted) = signed_by(&virginia_as_issuer, &[uri(&ours, "head-office")]);

    let good = ours.certificate_with(&[uri(&ours, "head-office")]);
    assert!(shake_hands(address, Some(good), &rustls::version::TLS13).await.is_ok());

    let refused = [
        ("no certificate", None),
        ("another deployment's", Some((theirs_key, vec![theirs_certificate]))),
        ("no party named", Some(ours.certificate_with(&[]))),
        (
            "two parties",
            Some(ours.certificate_with(&[uri(&ours, "head-office"), uri(&ours, "region/fr-paris")])),
        ),
        ("another deployment named", Some(ours.certificate_with(&[uri(&theirs, "head-office")]))),
        ("no such kind of party", Some(ours.certificate_with(&[uri(&ours, "court/us-sdny")]))),
        ("another scheme", Some(ours.certificate_with(&["https://x.example/head-office".into()]))),
        ("minted by a region", Some((minted_key, vec![minted, stolen]))),
    ];
    for (name, presented) in refused {
        let result = shake_hands(address, presented, &rustls::version::TLS13).await;
        assert!(result.is_err(), "{name} was let in");
    }
}

#[tokio::test]
async fn nothing_older_than_tls_1_3_is_spoken() {
    let ours = Deployment::new();
    let address = server(ours.provision(&dublin())).await;
    let good = ours.certificate_with(&[format!("rogatory://{}/head-office", ours.ca.deployment())]);
    let error = shake_hands(address, Some(good), &rustls::version::TLS12).await.unwrap_err();
    assert!(error.to_string().contains("ProtocolVersion"), "{error}");
}

/// Connects as a client that trusts anybody, and waits for the first byte of the server: a refused one gets none.
async fn shake_hands(
    address: SocketAddr,
    presented: Option<(KeyPair, Vec<CertificateDer<'static>>)>,
    version: &'static rustls::SupportedProtocolVersion,
) -> std::io::Result<u8> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(TrustAnybody(provider)));
    let mut config = match presented {
        Some((key, chain)) => {
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            config.with_client_auth_cert(chain, key).unwrap()
        }
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(address).await?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(ServerName::try_from("x.invalid").unwrap(), stream).await?;
    stream.read_u8().await
}

#[derive(Debug)]
struct TrustAnybody(Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for TrustAnybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
