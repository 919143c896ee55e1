//! X.509 certificates and the private keys that belong to them: bytes in, facts out.

use std::fmt::Write as _;

use rustls::client::verify_server_name;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use sha2::{Digest, Sha256};
use x509_parser::prelude::*;
use x509_parser::public_key::PublicKey;

use crate::model::facts::{CertificateFacts, ServerText};
use crate::model::name::DomainName;
use crate::model::timestamp::Timestamp;

/// The maximum number of names of a certificate that are kept.
const MOST_NAMES: usize = 20;

/// The SHA-256 of these texts one after the other, in hexadecimal digits.
pub fn sha256<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut digest = Sha256::new();
    texts.into_iter().for_each(|text| digest.update(text));
    digest.finalize().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The certificates of a PEM file (RFC 7468) in their order, in DER; `None` where one of them is damaged.
pub fn certificates_in(pem: &[u8]) -> Option<Vec<Vec<u8>>> {
    let all = CertificateDer::pem_slice_iter(pem);
    all.map(|one| one.ok().map(|der| der.to_vec())).collect()
}

/// Whether a certificate is for the name by its subjectAltName (RFC 9525); `None` if it cannot be read.
pub fn covers(certificate: &[u8], name: &DomainName) -> Option<bool> {
    let certificate = CertificateDer::from(certificate);
    let parsed = ParsedCertificate::try_from(&certificate).ok()?;
    let name = ServerName::try_from(name.as_str()).ok()?;
    Some(verify_server_name(&parsed, &name).is_ok())
}

/// Whether the certificate may sign others (basicConstraints, RFC 5280 §4.2.1.9).
pub fn is_authority(certificate: &[u8]) -> bool {
    parse_x509_certificate(certificate).is_ok_and(|(_, certificate)| certificate.is_ca())
}

/// Whether `issuer` has issued the certificate: by its name, and by its key.
pub fn is_issued_by(certificate: &[u8], issuer: &[u8]) -> bool {
    let (Ok((_, certificate)), Ok((_, issuer))) =
        (parse_x509_certificate(certificate), parse_x509_certificate(issuer))
    else {
        return false;
    };
    certificate.issuer().as_raw() == issuer.subject().as_raw()
        && certificate.verify_signature(Some(issuer.public_key())).is_ok()
}

/// [`is_self_signed`] of bytes; `false` if they are not a certificate.
pub fn signs_itself(certificate: &[u8]) -> bool {
    parse_x509_certificate(certificate).is_ok_and(|(_, it)| is_self_signed(&it))
}

/// [`names_its_issuer`] of bytes; `false` if they are not a certificate.
pub fn says_who_issued_it(certificate: &[u8]) -> bool {
    parse_x509_certificate(certificate).is_ok_and(|(_, it)| names_its_issuer(&it))
}

/// What a file of a private key holds. Nothing of the key itself is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyContent {
    /// A key; its public half as SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
    Public(Vec<u8>),
    /// A key of a kind that is not known here, or an encrypted one.
    Unknown,
    /// No private key.
    None,
}

/// The public half of the first private key in a PEM file.
pub fn public_half(pem: &[u8]) -> KeyContent {
    let is_private = |line: &[u8]| {
        line.starts_with(b"-----BEGIN ") && line.trim_ascii_end().ends_with(b"PRIVATE KEY-----")
    };
    if !pem.split(|byte| *byte == b'\n').any(is_private) {
        return KeyContent::None;
    }
    let public = PrivateKeyDer::from_pem_slice(pem).ok().and_then(|key| {
        let signing = rustls::crypto::ring::sign::any_supported_type(&key).ok()?;
        signing.public_key().map(|public| public.to_vec())
    });
    public.map_or(KeyContent::Unknown, KeyContent::Public)
}

/// Whether the certificate is for this public key (SubjectPublicKeyInfo); `None` where they are of different
/// kinds, whose keys could still be the same.
pub fn is_for_key(certificate: &[u8], public: &[u8]) -> Option<bool> {
    let (_, certificate) = parse_x509_certificate(certificate).ok()?;
    let (_, public) = SubjectPublicKeyInfo::from_der(public).ok()?;
    let of_certificate = certificate.public_key();
    let is_same = of_certificate.subject_public_key.data == public.subject_public_key.data;
    let is_of_one_kind = of_certificate.algorithm.algorithm == public.algorithm.algorithm;
    (is_same || is_of_one_kind).then_some(is_same)
}

/// Whether subject and issuer are the same (RFC 5280 §3.2) and the certificate is signed with its own
/// key. The name is not enough, because a private CA can have the name of its only certificate.
pub fn is_self_signed(certificate: &X509Certificate) -> bool {
    certificate.subject().as_raw() == certificate.issuer().as_raw()
        && certificate.verify_signature(None).is_ok()
}

/// Whether it contains the URL of its issuer's certificate: authorityInfoAccess with id-ad-caIssuers
/// (RFC 5280 §4.2.2.1).
pub fn names_its_issuer(certificate: &X509Certificate) -> bool {
    certificate.iter_extensions().any(|extension| {
        matches!(extension.parsed_extension(), ParsedExtension::AuthorityInfoAccess(access)
        if access.iter().any(|entry| {
            entry.access_method == oid_registry::OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS
        }))
    })
}

/// The names by which a server chooses its certificate: the common name, and all DNS names; `None` if it is not an
/// X.509 certificate.
pub fn chosen_by(certificate: &[u8]) -> Option<Vec<String>> {
    let (_, x509) = parse_x509_certificate(certificate).ok()?;
    let mut names: Vec<String> =
        common_name(&x509).map(|name| name.unquoted().to_owned()).into_iter().collect();
    if let Ok(Some(alternative)) = x509.subject_alternative_name() {
        names.extend(alternative.value.general_names.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        }));
    }
    Some(names)
}

/// What a certificate (DER) says; `None` if it is not an X.509 certificate.
pub fn facts_of(certificate: &[u8]) -> Option<CertificateFacts> {
    let (_, x509) = parse_x509_certificate(certificate).ok()?;
    let names = match x509.subject_alternative_name() {
        Ok(Some(names)) => {
            names.value.general_names.iter().filter_map(name_text).take(MOST_NAMES).collect()
        }
        Ok(None) | Err(_) => Vec::new(),
    };
    let time = |time: ASN1Time| Timestamp::from_unix_seconds(time.timestamp());
    Some(CertificateFacts {
        subject: ServerText::new(&x509.subject().to_string()),
        common_name: common_name(&x509),
        issuer: ServerText::new(&x509.issuer().to_string()),
        names,
        not_before: time(x509.validity().not_before),
        not_after: time(x509.validity().not_after),
        is_publicly_logged: x509
            .iter_extensions()
            .any(|it| it.oid == oid_registry::OID_CT_LIST_SCT),
        key: key(&x509),
        sha256: sha256([certificate]),
    })
}

fn common_name(certificate: &X509Certificate) -> Option<ServerText> {
    let name = certificate.subject().iter_common_name().next()?.as_str().ok()?;
    Some(ServerText::new(name))
}

/// The kind of a certificate's public key, as people call it.
fn key(certificate: &X509Certificate) -> String {
    let public_key = certificate.public_key();
    if let Ok(PublicKey::RSA(key)) = public_key.parsed() {
        return format!("RSA {}", key.key_size());
    }
    let algorithm = public_key.algorithm.algorithm.to_id_string();
    let curve = public_key.algorithm.parameters.as_ref().and_then(|it| it.as_oid().ok());
    match (algorithm.as_str(), curve.map(|curve| curve.to_id_string()).as_deref()) {
        ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7")) => "EC P-256".to_owned(),
        ("1.2.840.10045.2.1", Some("1.3.132.0.34")) => "EC P-384".to_owned(),
        ("1.2.840.10045.2.1", Some("1.3.132.0.35")) => "EC P-521".to_owned(),
        ("1.2.840.10045.2.1", Some(curve)) => format!("EC {curve}"),
        ("1.3.101.112", _) => "Ed25519".to_owned(),
        ("1.3.101.113", _) => "Ed448".to_owned(),
        (algorithm, _) => algorithm.to_owned(),
    }
}

/// The names that a TLS client may match: DNS names and addresses (RFC 6125 §6.4, RFC 2818 §3.1).
fn name_text(name: &GeneralName) -> Option<ServerText> {
    if let GeneralName::DNSName(name) = name {
        return Some(ServerText::new(name));
    }
    let GeneralName::IPAddress(bytes) = name else {
        return None;
    };
    let address = match (<[u8; 4]>::try_from(*bytes), <[u8; 16]>::try_from(*bytes)) {
        (Ok(v4), _) => std::net::IpAddr::from(v4),
        (_, Ok(v6)) => std::net::IpAddr::from(v6),
        (Err(_), Err(_)) => return None,
    };
    Some(ServerText::new(&address.to_string()))
}
