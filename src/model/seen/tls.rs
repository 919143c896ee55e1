//! What rules about TLS and certificates saw.

use serde::{Deserialize, Serialize};

use super::Seen;
use crate::model::facts::{CertificateFacts, ChainFault, Handshake, ServerText, TlsVersion};
use crate::model::port::Port;
use crate::model::timestamp::Timestamp;

/// What a rule about TLS or a certificate saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsSeen {
    /// A handshake completed with this version and cipher suite.
    Completed { version: TlsVersion, cipher: String },
    /// No certificate was received that ovcheck can read.
    NoCertificate,
    /// The chain verifies against these roots.
    Verified { roots: String },
    /// The server's certificate signed itself.
    SelfSigned,
    /// Only the server's own certificate was sent, not that of this issuer.
    IssuerNotSent { issuer: Option<ServerText> },
    /// The chain ends at an issuer that is not among these roots; whether nothing but the server's
    /// own certificate was sent.
    UnknownIssuer { issuer: Option<ServerText>, roots: String, is_alone: bool },
    /// The chain is broken in another way; the certificate that is at fault, if it was sent; until
    /// when the server's own is valid.
    InvalidChain {
        fault: ChainFault,
        certificate: Option<Box<CertificateFacts>>,
        leaf_until: Option<Timestamp>,
    },
    /// The server answers TLS when a PROXY protocol header comes first, and otherwise not.
    ExpectsProxyHeader { otherwise: Handshake },
    /// The handshake completes only for a client that takes this kind of key.
    UncommonKey { key: String, otherwise: Handshake },
    /// The server speaks these old versions, and no newer one.
    OnlyOldVersions { versions: Vec<TlsVersion>, otherwise: Handshake },
    /// The names that the certificate is for.
    CertificateNames(Vec<ServerText>),
    /// The certificate names the server in its CN, and clients compare only subjectAltName.
    NameInCommonNameOnly(ServerText),
    /// An older certificate than on another port of the same server, for the same name.
    NotReloaded { until: Timestamp, port: Port, newer_until: Timestamp },
    /// The certificate is valid now.
    ValidUntil(Timestamp),
    /// The certificate has expired; whole days ago.
    Expired { on: Timestamp, days_ago: i64 },
    /// The certificate is not valid before this time.
    NotYetValid { from: Timestamp },
    /// The certificate expires in this many whole days; negative: it has.
    ExpiresIn { days: i64, on: Timestamp },
    /// The same for a certificate that is valid for few days only.
    ShortLived { days: i64, on: Timestamp, of_days: i64 },
    /// One version was offered, and the server chose another.
    OtherVersion { offered: TlsVersion, chosen: TlsVersion },
    /// How a handshake ended that offered this version only.
    OneVersionOffered { version: TlsVersion, met: Handshake },
    /// All of these versions are refused.
    VersionsRefused(Vec<TlsVersion>),
    /// These versions are accepted.
    VersionsAccepted(Vec<TlsVersion>),
    /// The backends that answer a client that asks for an unknown name, or for none.
    NamelessReach { unknown_name: Option<ProxiedBackend>, no_name: Option<ProxiedBackend> },
}

/// A service of OpenVidu that the proxy forwards TLS connections to, by their name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProxiedBackend {
    LivekitApi,
    Turn,
}

impl From<TlsSeen> for Seen {
    fn from(seen: TlsSeen) -> Self {
        Self::Tls(seen)
    }
}
