//! What rules about the configuration of a proxy saw.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Seen;
use crate::model::configuration::{BackendHttp, End, MetSetting, ProxyKind};
use crate::model::facts::{
    ConnectionLimit, Denial, ProxyFaultKind, ProxyRemarkKind, ServerText, TlsVersion,
};
use crate::model::name::NodeName;
use crate::model::port::Port;
use crate::model::rule::RuleId;
use crate::model::target::Family;
use crate::model::timestamp::Timestamp;

/// What a rule about the configuration of a proxy saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProxySeen {
    /// Every part of the configuration was read.
    AllRead,
    /// This is wrong at the place of the finding.
    Unreadable(ProxyFaultKind),
    /// A request reaches the backend so.
    Request(BackendHttp),
    /// A time limit of the proxy.
    Waits(Duration),
    /// No PROXY header is sent to a backend.
    NoHeader,
    /// A PROXY header is sent to TURN, which reads it, and to no other backend.
    HeaderToTurn,
    /// TURN reads a PROXY header, and closes a connection without one.
    TurnReadsHeader,
    /// Connections end as they should.
    LeadsThere,
    /// Connections over these families end so.
    EndsAt { families: Vec<Family>, end: Box<End> },
    /// The configuration leads there, so that the cause is before the proxy or behind it.
    RightInFile { file: ServerText },
    /// The rule is about another proxy.
    OtherProxy,
    /// What the network shows fits the configuration.
    FitsNetwork,
    /// By the configuration these rules fail, and the network shows that they do not.
    ContradictsNetwork(Vec<RuleId>),
    /// The network shows nothing that could be compared.
    NothingCompared,
    /// Each file holds a certificate that is right, and the proxy can read it.
    CertificatesFit,
    /// This is wrong with the file of a certificate.
    CertificateFile { file: ServerText, fault: Box<CertificateFault> },
    /// The file of a certificate could not be read here.
    CertificateUnread { file: ServerText },
    /// The versions of TLS that are allowed.
    TlsVersionsAllowed(Vec<TlsVersion>),
    /// Versions of TLS that should be allowed and are not, and the reverse.
    TlsVersions { missing: Vec<TlsVersion>, old: Vec<TlsVersion> },
    /// Nothing is set, and the default depends on the version of the proxy.
    TlsVersionsByDefault,
    /// The name of a backend, which only the proxy resolves.
    NameOfBackend(ServerText),
    /// Clients need a certificate of their own.
    ClientCertificateRequired,
    /// No client needs a certificate of its own.
    NoClientCertificate,
    /// These protocols are offered by ALPN, to be passed on as they are.
    AlpnOffered(Vec<ServerText>),
    /// Nothing is offered by ALPN that the backend does not speak.
    AlpnFits,
    /// HTTP/3 is offered.
    Http3Offered {
        /// Whether the proxy listens for it itself, or only a header says so.
        is_listening: bool,
    },
    /// No HTTP/3 is offered.
    NoHttp3,
    /// The value of `Strict-Transport-Security`.
    Hsts(ServerText),
    /// `Strict-Transport-Security` is only about the name itself, or is not sent.
    HstsFits,
    /// The files of all certificates are opened for each handshake.
    OpenedPerHandshake,
    /// After a renewal, this reloads the proxy.
    RenewalReloads { hook: ServerText },
    /// Nothing reloads the proxy after the renewal that this file describes.
    RenewalKeepsOld { renewal: ServerText },
    /// How the certificates are renewed was not seen.
    RenewalUnknown,
    /// The certificates that the network shows are those of the files.
    ServesItsFiles,
    /// The file holds a newer certificate than the network shows.
    NotReloaded { file: ServerText, shown_until: Timestamp, held_until: Timestamp },
    /// The network shows fewer certificates of the chain than the file holds.
    ShorterThanFile { file: ServerText, shown: usize, held: usize },
    /// The network shows another certificate, which is not older than that of the file.
    ServesAnother { file: ServerText },
    /// Without a certificate for the name, the proxy shows one that it makes itself when it starts.
    OwnCertificate,
    /// A connection meets this on its way.
    Met(MetSetting),
    /// The text says this at the place of the finding.
    Remark(ProxyRemarkKind),
    /// Nothing in the configuration breaks the rule.
    NothingFound,
    /// So many connections the proxy takes.
    Capacity(ConnectionLimit),
    /// The most files that a process may have open, and the connections that it takes. `None`: the files do
    /// not say.
    OpenFiles { files: Option<u64>, connections: u64 },
    /// After a reload, connections are cut so much later. `None`: never.
    CutsAfter(Option<Duration>),
    /// It passes connections to an address that is not declared.
    Undeclared(IpAddr),
    /// It passes no connections to these machines.
    NotAMember(Vec<NodeName>),
    /// A listener for the proxy's own use takes connections of others at this port.
    ListensOutside(Port),
    /// It listens on a port that OpenVidu has on the same machine.
    PortOfOpenvidu(Port),
    /// The reader of this kind of proxy does not look at it.
    NotRead(ProxyKind),
    /// No connection of this kind was followed: the configuration was not asked for this name.
    NotFollowed,
}

/// What is wrong with the file of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CertificateFault {
    /// The server's own certificate is not the first of the file.
    LeafNotFirst,
    Expired {
        on: Timestamp,
        days_ago: i64,
    },
    NotYetValid {
        from: Timestamp,
    },
    ExpiresIn {
        days: i64,
        on: Timestamp,
    },
    /// It is for these names, and for none of those that were asked for.
    NameNotCovered {
        names: Vec<ServerText>,
    },
    /// It is alone in the file, and a client needs that of its issuer.
    IssuerMissing,
    /// The user as whom the proxy opens it may not read it.
    Denied(Denial),
}

impl From<ProxySeen> for Seen {
    fn from(seen: ProxySeen) -> Self {
        Self::Proxy(seen)
    }
}
