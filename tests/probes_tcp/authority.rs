//! A certificate authority for tests, and TLS servers with its certificates.

use std::sync::Arc;

use ovcheck::model::target::Endpoint;
use ovcheck::net::tls::Roots;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, IsCa, KeyPair,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use time::{Duration, OffsetDateTime};
use tokio::io::AsyncReadExt;
use tokio_rustls::TlsAcceptor;

use crate::peers::serve;

/// authorityInfoAccess with caIssuers http://ca.example.org/i.der (RFC 5280 §4.2.2.1).
const AIA: &[u8] =
    b"\x30\x29\x30\x27\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02\x86\x1bhttp://ca.example.org/i.der";

/// A root, and an intermediate that it signed.
pub struct Authority {
    root: CertificateDer<'static>,
    pub intermediate: CertifiedIssuer<'static, KeyPair>,
}

/// A chain and the key of its first certificate.
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Authority {
    pub fn new() -> Self {
        Self::named("Test root")
    }

    pub fn named(root: &str) -> Self {
        let ca = |name: &str| {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.distinguished_name.push(DnType::CommonName, name);
            params
        };
        let key = || KeyPair::generate().unwrap();
        let root = CertifiedIssuer::self_signed(ca(root), key()).unwrap();
        let intermediate =
            CertifiedIssuer::signed_by(ca("Test intermediate"), key(), &root).unwrap();
        Self { root: root.der().clone(), intermediate }
    }

    /// Whoever signs with `intermediate`, wherever that leads.
    pub fn below(intermediate: CertifiedIssuer<'static, KeyPair>) -> Self {
        Self { root: intermediate.der().clone(), intermediate }
    }

    /// Only this authority's root.
    pub fn roots(&self) -> Roots {
        Roots::of("the test's root", [self.root.clone()]).unwrap()
    }

    /// A certificate with the chain that belongs to it.
    pub fn issue(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.intermediate).unwrap();
        Identity {
            chain: vec![leaf.der().clone(), self.intermediate.der().clone()],
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        }
    }
}

/// For `name`, valid from yesterday until in 90 days, saying where its issuer is to be had.
pub fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = OffsetDateTime::now_utc() - Duration::days(1);
    params.not_after = OffsetDateTime::now_utc() + Duration::days(90);
    params
        .custom_extensions
        .push(CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], AIA.to_vec()));
    params
}

pub fn self_signed(params: &CertificateParams) -> Identity {
    let key = KeyPair::generate().unwrap();
    Identity {
        chain: vec![params.self_signed(&key).unwrap().der().clone()],
        key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
    }
}

pub fn config(identity: Identity) -> ServerConfig {
    config_with(identity, rustls::ALL_VERSIONS)
}

pub fn config_with(
    identity: Identity,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(identity.chain, identity.key)
        .unwrap()
}

/// Finishes handshakes, and then waits for the client to go.
pub async fn tls_server(config: ServerConfig) -> Endpoint {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).await.unwrap_or(0);
            }
        }
    })
    .await
}
