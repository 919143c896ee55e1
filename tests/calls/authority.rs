//! One certificate for the names of the tests, and who trusts it.

use std::sync::Arc;

use ovcheck::net::tls::Roots;
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use time::{Duration, OffsetDateTime};

use crate::peers::{API, TURN};

/// A certificate that signed itself, for both names.
pub struct Identity {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Identity {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(vec![API.to_owned(), TURN.to_owned()]).unwrap();
        params.not_before = OffsetDateTime::now_utc() - Duration::days(1);
        params.not_after = OffsetDateTime::now_utc() + Duration::days(90);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, key }
    }

    /// Who trusts it.
    pub fn roots(&self) -> Roots {
        Roots::of("the test's root", [self.der()]).unwrap()
    }

    /// Certificate and key, as nginx and `--ca-file` read them.
    pub fn pem(&self) -> (String, String) {
        (self.certificate.pem(), self.key.serialize_pem())
    }

    /// What a TLS server in this process needs.
    pub fn config(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.der()], key)
            .unwrap();
        Arc::new(config)
    }

    fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }
}
