//! TLS 1.3 with both sides certified, by one provider of cryptography (`ring`) that is passed in by hand.
//!
//! Session resumption is off: every connection shows its certificates again.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, OtherError,
    PeerIncompatible, RootCertStore, ServerConfig, SignatureScheme,
};

use super::credentials::Credentials;
use super::identity::{DeploymentId, IdentityError, Peer};

const HTTP2: &[u8] = b"h2";

impl Credentials {
    /// For a server: any party of this deployment may connect, nobody else.
    pub(super) fn server_config(&self) -> Result<ServerConfig, Error> {
        let anchors = Arc::new(self.anchors()?);
        let chain = WebPkiClientVerifier::builder_with_provider(anchors, self.provider.clone())
            .build()
            .map_err(|error| Error::General(error.to_string()))?;
        let verifier = AnyParty { chain, deployment: self.deployment.clone() };
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(self.key.clone())));
        config.alpn_protocols = vec![HTTP2.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    /// For a client that means to reach `meant` and nobody else.
    pub(super) fn client_config(&self, meant: &Peer) -> Result<ClientConfig, Error> {
        let verifier = OneParty {
            anchors: self.anchors()?,
            deployment: self.deployment.clone(),
            meant: meant.clone(),
            provider: self.provider.clone(),
        };
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(self.key.clone())));
        config.alpn_protocols = vec![HTTP2.to_vec()];
        config.resumption = Resumption::disabled();
        config.enable_sni = false;
        Ok(config)
    }
}

fn wrong_party(error: IdentityError) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(error))))
}

/// Accepts a server if its chain leads to the anchor and its identity is exactly the one meant.
#[derive(Debug)]
struct OneParty {
    anchors: RootCertStore,
    deployment: DeploymentId,
    meant: Peer,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for OneParty {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(end_entity)?,
            &self.anchors,
            intermediates,
            now,
            self.provider.signature_verification_algorithms.all,
        )?;
        let found = Peer::from_certificate(end_entity, &self.deployment).map_err(wrong_party)?;
        if found != self.meant {
            return Err(wrong_party(IdentityError::NotWhoWasMeant { found, meant: self.meant.clone() }));
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::ServerDoesNotSupportTls12Or13.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Accepts a client if its chain leads to the anchor and it names some party of this deployment.
#[derive(Debug)]
struct AnyParty {
    chain: Arc<dyn ClientCertVerifier>,
    deployment: DeploymentId,
}

impl ClientCertVerifier for AnyParty {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.chain.verify_client_cert(end_entity, intermediates, now)?;
        Peer::from_certificate(end_entity, &self.deployment).map_err(wrong_party)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
