//! A certificate verifier that accepts every chain and records what is wrong with it: trust, name and
//! dates separately, so that one problem does not hide another.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use x509_parser::prelude::*;

use super::roots::Roots;
use crate::model::facts::{CertificateFacts, ChainFacts, ChainFault, ServerText, Trust};
use crate::model::probe::Sni;
use crate::model::timestamp::Timestamp;
use crate::proto::certificate::{facts_of, is_self_signed, names_its_issuer};

/// The maximum number of certificates of a chain that are kept.
const MOST_CERTIFICATES: usize = 10;

/// Records the certificate chain of one handshake.
pub struct RecordingVerifier {
    roots: Arc<Roots>,
    algorithms: WebPkiSupportedAlgorithms,
    now: Timestamp,
    /// Whether the name was sent as SNI. Without SNI, there is no name to match.
    with_name: bool,
    chain: OnceLock<ChainFacts>,
    bad_signature: OnceLock<Error>,
    /// Whether the ClientHello offers signature algorithms that only few clients know.
    offers_more_signatures: bool,
}

impl RecordingVerifier {
    /// A verifier for the chain presented for `sni`, with these `roots` at the time `now`.
    pub fn new(
        roots: Arc<Roots>,
        provider: &CryptoProvider,
        now: Timestamp,
        sni: &Sni,
        offers_more_signatures: bool,
    ) -> Self {
        Self {
            roots,
            algorithms: provider.signature_verification_algorithms,
            now,
            with_name: matches!(sni, Sni::Name(_)),
            chain: OnceLock::new(),
            bad_signature: OnceLock::new(),
            offers_more_signatures,
        }
    }

    /// The record. `None` before the server has presented a certificate.
    pub fn recorded(&self) -> Option<ChainFacts> {
        let mut chain = self.chain.get().cloned()?;
        // A server that cannot sign with the certificate's key does not own the certificate.
        if chain.trust == Trust::Verified && self.bad_signature.get().is_some() {
            chain.trust = Trust::Invalid(ChainFault::ForeignKey);
            chain.is_vouched_for = false;
        }
        Some(chain)
    }

    fn judge(
        &self,
        leaf: &CertificateDer,
        others: &[CertificateDer],
        name: &ServerName,
    ) -> ChainFacts {
        let parsed = ParsedCertificate::try_from(leaf);
        let name_matches = match &parsed {
            Ok(parsed) => self.with_name && verify_server_name(parsed, name).is_ok(),
            Err(_) => false,
        };
        // Stops at the first one that cannot be parsed, to keep the order in which they were sent.
        let certificates: Vec<CertificateFacts> = std::iter::once(leaf)
            .chain(others)
            .take(MOST_CERTIFICATES)
            .map_while(|certificate| facts_of(certificate))
            .collect();
        let (trust, private_root, is_vouched_for) = match parsed {
            Ok(parsed) => {
                let trust = self.trust(leaf, &parsed, others, &certificates);
                let now = self.time_to_judge_at(&certificates);
                let verifies_by =
                    |roots: &RootCertStore| self.verify(roots, &parsed, others, now).is_ok();
                let is_private = trust == Trust::Verified && self.roots.is_private(verifies_by);
                let is_vouched_for = trust == Trust::Verified
                    || self.verifies_at_some_time(&parsed, others, &certificates);
                (trust, is_private, is_vouched_for)
            }
            Err(_) => (Trust::Invalid(ChainFault::Unreadable), false, false),
        };
        ChainFacts {
            certificates,
            sent: 1 + others.len(),
            trust,
            private_root,
            is_vouched_for,
            name_matches,
            roots: self.roots.name.clone(),
        }
    }

    fn trust(
        &self,
        leaf: &CertificateDer,
        parsed: &ParsedCertificate,
        others: &[CertificateDer],
        certificates: &[CertificateFacts],
    ) -> Trust {
        let now = self.time_to_judge_at(certificates);
        let error = match self.verify(self.roots.store(), parsed, others, now) {
            Ok(()) => return Trust::Verified,
            Err(error) => error,
        };
        let Ok((_, x509)) = parse_x509_certificate(leaf) else {
            return Trust::Invalid(ChainFault::Unreadable);
        };
        if is_self_signed(&x509) {
            return match self.roots.contains(leaf) {
                true => Trust::Verified,
                false => Trust::SelfSigned,
            };
        }
        if error != Error::InvalidCertificate(CertificateError::UnknownIssuer) {
            return Trust::Invalid(fault(&error, certificates, leaf, others, now));
        }
        // A server that sends its own certificate twice, a common mistake, still sends no other.
        let alone = others.iter().all(|other| other == leaf);
        if alone && names_its_issuer(&x509) {
            Trust::IntermediateMissing
        } else {
            Trust::UnknownIssuer
        }
    }

    fn verify(
        &self,
        roots: &RootCertStore,
        leaf: &ParsedCertificate,
        others: &[CertificateDer],
        now: Timestamp,
    ) -> Result<(), Error> {
        verify_server_cert_signed_by_trust_anchor(
            leaf,
            roots,
            others,
            unix_time(now),
            self.algorithms.all,
        )
    }

    /// Whether the signatures lead to a trusted root: dates are looked at before signatures are, so that
    /// an old certificate says nothing about them. Tried at the latest time at which all were valid.
    fn verifies_at_some_time(
        &self,
        leaf: &ParsedCertificate,
        others: &[CertificateDer],
        certificates: &[CertificateFacts],
    ) -> bool {
        let begins = certificates.iter().map(|certificate| certificate.not_before).max();
        let ends = certificates.iter().map(|certificate| certificate.not_after);
        let mut ends: Vec<Timestamp> =
            ends.filter(|end| begins.is_some_and(|begin| begin <= *end)).collect();
        ends.sort_unstable();
        ends.first().is_some_and(|end| self.verify(self.roots.store(), leaf, others, *end).is_ok())
    }

    /// The current time, if the server's certificate is valid now. Otherwise a time at which it was
    /// valid, and if possible the other certificates too. The dates are recorded separately and must
    /// not hide whether the chain ends at a trusted root.
    fn time_to_judge_at(&self, certificates: &[CertificateFacts]) -> Timestamp {
        let Some(leaf) = certificates.first() else {
            return self.now;
        };
        if (leaf.not_before..=leaf.not_after).contains(&self.now) {
            return self.now;
        }
        let from = certificates.iter().map(|c| c.not_before).max();
        let until = certificates.iter().map(|c| c.not_after).min();
        let (from, until) = match (from, until) {
            (Some(from), Some(until)) if from <= until => (from, until),
            _ => (leaf.not_before, leaf.not_after),
        };
        // Not `clamp`, which panics if a certificate expires before it becomes valid.
        self.now.min(until).max(from)
    }
}

impl std::fmt::Debug for RecordingVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordingVerifier").finish_non_exhaustive()
    }
}

impl ServerCertVerifier for RecordingVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.chain.get_or_init(|| self.judge(end_entity, intermediates, server_name));
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verified = verify_tls12_signature(message, cert, dss, &self.algorithms);
        Ok(self.record_signature(verified))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verified = verify_tls13_signature(message, cert, dss, &self.algorithms);
        Ok(self.record_signature(verified))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self.algorithms.supported_schemes();
        if self.offers_more_signatures {
            // What cannot be verified here is recorded, and accepted nevertheless.
            schemes.extend([
                SignatureScheme::ECDSA_NISTP521_SHA512,
                SignatureScheme::ED448,
                SignatureScheme::ECDSA_SHA1_Legacy,
                SignatureScheme::RSA_PKCS1_SHA1,
            ]);
        }
        schemes
    }
}

impl RecordingVerifier {
    fn record_signature(
        &self,
        verified: Result<HandshakeSignatureValid, Error>,
    ) -> HandshakeSignatureValid {
        verified.unwrap_or_else(|error| {
            self.bad_signature.get_or_init(|| error);
            HandshakeSignatureValid::assertion()
        })
    }
}

/// What the verifier means by an error, and of which certificate: it does not name it.
fn fault(
    error: &Error,
    certificates: &[CertificateFacts],
    leaf: &CertificateDer,
    others: &[CertificateDer],
    now: Timestamp,
) -> ChainFault {
    let place_where =
        |is_wrong: &dyn Fn(&CertificateFacts) -> bool| certificates.iter().position(is_wrong);
    let Error::InvalidCertificate(error) = error else {
        return ChainFault::Other(ServerText::new(&error.to_string()));
    };
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            ChainFault::Expired { place: place_where(&|it| it.not_after < now) }
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ChainFault::NotYetValid { place: place_where(&|it| now < it.not_before) }
        }
        CertificateError::BadSignature => {
            ChainFault::BadSignature { place: first_forged(leaf, others) }
        }
        CertificateError::BadEncoding => ChainFault::Unreadable,
        CertificateError::Revoked => ChainFault::Revoked,
        CertificateError::UnhandledCriticalExtension => ChainFault::CriticalExtension,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            ChainFault::OtherPurpose
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            ChainFault::UnknownSignature
        }
        // The library below has a name for each of these, and no type that is reached from here.
        CertificateError::Other(inner) => match inner.to_string().as_str() {
            "EndEntityUsedAsCa" => {
                ChainFault::NotAnAuthority { place: first_non_authority(others) }
            }
            "CaUsedAsEndEntity" => ChainFault::AuthorityAsServer,
            "NameConstraintViolation" => ChainFault::NameNotAllowed,
            "PathLenConstraintViolated" => ChainFault::TooManyAuthorities,
            words => ChainFault::Other(ServerText::new(words)),
        },
        error => ChainFault::Other(ServerText::new(&error.to_string())),
    }
}

/// The first certificate that the key of its issuer, the one sent with that name, did not sign.
fn first_forged(leaf: &CertificateDer, others: &[CertificateDer]) -> Option<usize> {
    let chain: Vec<X509Certificate> = std::iter::once(leaf)
        .chain(others)
        .take(MOST_CERTIFICATES)
        .map_while(|der| Some(parse_x509_certificate(der).ok()?.1))
        .collect();
    chain.iter().position(|certificate| {
        let mut issuers =
            chain.iter().filter(|it| it.subject().as_raw() == certificate.issuer().as_raw());
        issuers.any(|issuer| certificate.verify_signature(Some(issuer.public_key())).is_err())
    })
}

/// The first certificate after the server's own that may not sign others.
fn first_non_authority(others: &[CertificateDer]) -> Option<usize> {
    let may_not_sign = |der: &CertificateDer| {
        parse_x509_certificate(der).is_ok_and(|(_, certificate)| !certificate.is_ca())
    };
    others.iter().take(MOST_CERTIFICATES).position(may_not_sign).map(|place| place + 1)
}

fn unix_time(time: Timestamp) -> UnixTime {
    let seconds = u64::try_from(time.unix_seconds()).unwrap_or(0);
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}
