//! How a TLS handshake ends, and the certificates that are shown in it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::first_bytes::FirstBytes;
use super::text::ServerText;
use crate::model::timestamp::Timestamp;

/// How a TLS handshake ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Handshake {
    Completed(Box<TlsSession>),
    /// A fatal alert (RFC 8446 §6.2).
    Alert {
        code: u8,
        name: String,
    },
    NotTls(FirstBytes),
    /// End of stream before the handshake was done.
    Closed,
    Reset,
    /// Nothing, or too little, within the time-out.
    Silent,
    /// The peer broke the protocol.
    Broken(ServerText),
}

/// A finished TLS handshake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsSession {
    pub version: TlsVersion,
    /// IANA name of the cipher suite; for versions before 1.2 its number.
    pub cipher: String,
    pub alpn: Option<ServerText>,
    /// `None` when only the version was asked for.
    pub certificate: Option<ChainFacts>,
    /// Whether the server asked for a client's certificate (CertificateRequest). It was told that
    /// there is none.
    pub client_certificate_wanted: bool,
}

/// A second handshake at the same place, with one thing changed, which shows why the first one
/// failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondHandshake {
    pub change: HandshakeChange,
    pub met: Handshake,
}

/// What was different in a second handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HandshakeChange {
    /// A PROXY protocol header (version 2) was sent first.
    ProxyHeader,
    /// The ClientHello offered signature algorithms that few clients know, P-521 among them.
    MoreSignatures,
}

impl TlsSession {
    /// Whether the other end has shown that it is who it was asked for: what a browser wants before
    /// it says anything.
    pub fn is_trusted(&self, now: Timestamp) -> bool {
        self.certificate.as_ref().is_some_and(|chain| {
            let is_valid =
                |leaf: &CertificateFacts| (leaf.not_before..=leaf.not_after).contains(&now);
            chain.trust == Trust::Verified
                && chain.name_matches
                && chain.certificates.first().is_some_and(is_valid)
        })
    }
}

/// SSL and TLS versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub enum TlsVersion {
    #[serde(rename = "SSL 3.0")]
    Ssl3,
    #[serde(rename = "TLS 1.0")]
    Tls10,
    #[serde(rename = "TLS 1.1")]
    Tls11,
    #[serde(rename = "TLS 1.2")]
    Tls12,
    #[serde(rename = "TLS 1.3")]
    Tls13,
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ssl3 => "SSL 3.0",
            Self::Tls10 => "TLS 1.0",
            Self::Tls11 => "TLS 1.1",
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        })
    }
}

/// The certificate chain as sent, and what is right and wrong with it, each apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainFacts {
    /// In the order in which they were sent, the server's own first; at most 10 are kept.
    pub certificates: Vec<CertificateFacts>,
    /// How many were sent.
    pub sent: usize,
    pub trust: Trust,
    /// Whether it leads to a root that only this machine trusts: no browser ships it, and nobody
    /// named it (`--ca-file`). So does a company's own, and that of whoever opens TLS on the way.
    pub private_root: bool,
    /// Whether the signatures lead to a trusted root, at some time at which all of these certificates
    /// were valid. Who shows such a chain has the key of a certificate that an authority signed.
    #[serde(default)]
    pub is_vouched_for: bool,
    /// Whether the server's certificate is for the name in SNI (RFC 6125, SAN only).
    pub name_matches: bool,
    /// Which roots judged: the system's, Mozilla's, or a file's.
    pub roots: String,
}

/// Whether the chain as sent leads to a root, apart from names and dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trust {
    Verified,
    /// The server's own certificate signed itself and is no root of ours.
    SelfSigned,
    /// Only the server's certificate was sent, and it says where its issuer's is to be had (AIA).
    IntermediateMissing,
    /// The chain ends at an issuer that is no root of ours.
    UnknownIssuer,
    /// Something else.
    Invalid(ChainFault),
}

/// What is wrong with a chain that could lead to a root. A place is the number of a certificate in the
/// chain as sent; 0 is the server's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChainFault {
    /// A certificate has expired; `None`: one that was not sent.
    Expired { place: Option<usize> },
    /// A certificate is not valid yet.
    NotYetValid { place: Option<usize> },
    /// A certificate that may not sign others has signed one.
    NotAnAuthority { place: Option<usize> },
    /// The server's own certificate is that of an authority (CA:TRUE).
    AuthorityAsServer,
    /// A certificate is not signed by the key of its issuer.
    BadSignature { place: Option<usize> },
    /// A certificate is not for servers (extended key usage).
    OtherPurpose,
    /// An authority in the chain may not issue certificates for this name (name constraints).
    NameNotAllowed,
    /// More authorities in a row than one of them allows.
    TooManyAuthorities,
    /// A signature with an algorithm that is too weak or that few clients know.
    UnknownSignature,
    /// An extension that clients must understand and that few do.
    CriticalExtension,
    /// A certificate has been revoked.
    Revoked,
    /// A certificate cannot be parsed.
    Unreadable,
    /// The server cannot sign with the key of its certificate.
    ForeignKey,
    /// Something else: the verifier's words.
    Other(ServerText),
}

impl ChainFault {
    /// The number of the certificate at fault as people count, the server's own being 1.
    pub fn place(&self) -> Option<usize> {
        match self {
            Self::Expired { place }
            | Self::NotYetValid { place }
            | Self::NotAnAuthority { place }
            | Self::BadSignature { place } => place.map(|place| place + 1),
            _ => None,
        }
    }
}

/// One X.509 certificate (RFC 5280).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFacts {
    pub subject: ServerText,
    /// The common name of the subject, which clients do not compare with the server's name.
    pub common_name: Option<ServerText>,
    pub issuer: ServerText,
    /// DNS names and addresses of the subjectAltName; at most 20 are kept.
    pub names: Vec<ServerText>,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    /// Whether it carries signed certificate timestamps (RFC 6962 §3.3), as those of public
    /// authorities do and those of a device that inspects TLS do not.
    pub is_publicly_logged: bool,
    /// The kind of its public key: `RSA 2048`, `EC P-256`, `Ed25519`, or the number of its algorithm.
    pub key: String,
    /// SHA-256 of its DER form, in hexadecimal digits. Empty in recordings of older versions.
    #[serde(default)]
    pub sha256: String,
}
