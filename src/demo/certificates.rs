//! A certification authority that lives as long as the demo: root, intermediate, servers.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, DnValue,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;

use crate::model::timestamp::Timestamp;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// As long as the certificates of Let's Encrypt.
const LIFETIME_DAYS: i64 = 90;

/// The URL of the intermediate certificate (RFC 5280 §4.2.2.1). It is never requested.
const INTERMEDIATE_URL: &str = "http://pki.example.io/intermediate.crt";

/// A root and an intermediate that signs for it.
pub struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
    now: Timestamp,
}

/// A certificate chain as a server sends it, and the key of its first certificate.
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

/// When a server's certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Since yesterday.
    Current,
    /// Until three days ago.
    Expired,
}

/// Which certificates a server sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// Its own and the intermediate.
    Whole,
    /// Only its own.
    OwnOnly,
}

impl Authority {
    /// Makes the authority.
    ///
    /// # Errors
    /// rcgen's, when keys cannot be made.
    pub fn new(now: Timestamp) -> Result<Self, rcgen::Error> {
        let mut params = ca_params("ovcheck demo root", now)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let mut params = ca_params("ovcheck demo intermediate", now)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.use_authority_key_identifier_extension = true;
        let intermediate = CertifiedIssuer::signed_by(params, KeyPair::generate()?, &root)?;
        Ok(Self { root, intermediate, now })
    }

    /// The root's certificate in PEM.
    pub fn root_pem(&self) -> String {
        self.root.pem()
    }

    /// Makes a certificate for `name`.
    ///
    /// # Errors
    /// rcgen's, when keys cannot be made.
    pub fn issue(
        &self,
        name: &str,
        validity: Validity,
        chain: Chain,
    ) -> Result<Identity, rcgen::Error> {
        let mut params = server_params(name)?;
        let first_day = match validity {
            Validity::Current => -1,
            Validity::Expired => -3 - LIFETIME_DAYS,
        };
        params.not_before = date(self.now, first_day);
        params.not_after = date(self.now, first_day + LIFETIME_DAYS);
        params.use_authority_key_identifier_extension = true;
        params.custom_extensions = vec![authority_information_access(INTERMEDIATE_URL)];
        let key = KeyPair::generate()?;
        let own = params.signed_by(&key, &self.intermediate)?;
        let chain = match chain {
            Chain::Whole => vec![own.der().clone(), self.intermediate.der().clone()],
            Chain::OwnOnly => vec![own.der().clone()],
        };
        Ok(Identity { chain, key: private(&key) })
    }
}

/// A certificate that signed itself, as `openssl req -x509` makes it: a CA, for a year.
///
/// # Errors
/// rcgen's, when keys cannot be made.
pub fn self_signed(name: &str, now: Timestamp) -> Result<Identity, rcgen::Error> {
    let mut params = server_params(name)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = date(now, -1);
    params.not_after = date(now, 364);
    let key = KeyPair::generate()?;
    let own = params.self_signed(&key)?;
    Ok(Identity { chain: vec![own.der().clone()], key: private(&key) })
}

fn private(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(key.serialize_der()).into()
}

fn ca_params(name: &str, now: Timestamp) -> Result<CertificateParams, rcgen::Error> {
    let mut params = named(CertificateParams::new(Vec::new())?, name);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date(now, -365);
    params.not_after = date(now, 365);
    Ok(params)
}

fn server_params(name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = named(CertificateParams::new(vec![name.to_owned()])?, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn named(mut params: CertificateParams, name: &str) -> CertificateParams {
    params.distinguished_name.push(DnType::CommonName, DnValue::Utf8String(name.to_owned()));
    params
}

/// The day this many days after `now`, at the same time of day.
fn date(now: Timestamp, days: i64) -> OffsetDateTime {
    let seconds = now.unix_seconds() + days * DAY.as_secs().cast_signed();
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// The extension with the URL of the issuer's certificate (RFC 5280 §4.2.2.1).
/// `url` has fewer than 100 bytes, so that every length takes one byte (X.690 §8.1.3.4).
fn authority_information_access(url: &str) -> CustomExtension {
    const ID_PE_AUTHORITY_INFO_ACCESS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
    /// id-ad-caIssuers, 1.3.6.1.5.5.7.48.2.
    const CA_ISSUERS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 2];
    const SEQUENCE: u8 = 0x30;
    const OBJECT_IDENTIFIER: u8 = 0x06;
    /// `uniformResourceIdentifier [6] IA5String`.
    const URI: u8 = 0x86;

    let element = |tag: u8, content: &[u8]| {
        let length = u8::try_from(content.len()).expect("the URL has fewer than 100 bytes");
        [&[tag, length], content].concat()
    };
    let description =
        [element(OBJECT_IDENTIFIER, CA_ISSUERS), element(URI, url.as_bytes())].concat();
    let content = element(SEQUENCE, &element(SEQUENCE, &description));
    CustomExtension::from_oid_content(ID_PE_AUTHORITY_INFO_ACCESS, content)
}

#[cfg(test)]
mod tests {
    use x509_parser::certificate::X509Certificate;
    use x509_parser::extensions::ParsedExtension;
    use x509_parser::prelude::FromDer;
    use x509_parser::time::ASN1Time;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn issue(validity: Validity, chain: Chain) -> Identity {
        let authority = Authority::new(Timestamp::from_unix_seconds(NOW)).unwrap();
        authority.issue("a.example.io", validity, chain).unwrap()
    }

    #[test]
    fn a_whole_chain_is_the_servers_certificate_and_then_its_issuers() {
        let identity = issue(Validity::Current, Chain::Whole);
        let (_, own) = X509Certificate::from_der(&identity.chain[0]).unwrap();
        let (_, intermediate) = X509Certificate::from_der(&identity.chain[1]).unwrap();
        assert_eq!(identity.chain.len(), 2);
        assert_eq!(own.issuer(), intermediate.subject());
        assert!(own.validity().is_valid_at(ASN1Time::from_timestamp(NOW).unwrap()));
    }

    #[test]
    fn an_expired_certificate_ran_out_three_days_ago() {
        let identity = issue(Validity::Expired, Chain::Whole);
        let (_, own) = X509Certificate::from_der(&identity.chain[0]).unwrap();
        let seconds = NOW - own.validity().not_after.timestamp();
        assert_eq!(seconds, 3 * 24 * 60 * 60);
    }

    #[test]
    fn a_certificate_says_where_its_issuers_is_to_be_had() {
        let identity = issue(Validity::Current, Chain::OwnOnly);
        let (_, own) = X509Certificate::from_der(&identity.chain[0]).unwrap();
        let url = own.extensions().iter().find_map(|extension| {
            let ParsedExtension::AuthorityInfoAccess(access) = extension.parsed_extension() else {
                return None;
            };
            Some(access.accessdescs[0].access_location.to_string())
        });
        assert!(url.unwrap().contains("http://pki.example.io/intermediate.crt"));
    }
}
