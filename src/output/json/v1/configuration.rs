//! Places in configuration files, and where a proxy leads connections by its configuration.

use schemars::JsonSchema;
use serde::Serialize;

use super::facts::CertificateFactsV1;
use super::publish::{PublishedAs, published};
use super::values::{DomainNameV1, PortV1, ServerTextV1};
use super::words::{FamilyV1, TlsVersionV1};
use crate::model::configuration::{
    AddedHeader, AllowedVersions, Backend, BackendAddress, BackendHttp, BackendPlace, BackendTls,
    End, Hop, Layer, Location, NamedFile, OfferedProtocols, Opening, ProxyHeader, Timeout,
    TlsEnding, Trace,
};
use crate::model::facts::{CertificateFile, ChainFile, ChainReading, Denial, KeyFile, KeyReading};
use crate::output::{quote, words};

published! {
    /// A place in a configuration file.
    struct LocationV1 from Location {
        /// The file.
        file: ServerTextV1,
        /// The line, from 1.
        line: u32,
        /// The column, from 1, in characters.
        column: u32,
        /// How many characters of the line are meant.
        width: u32,
        /// The line itself; null if a secret is in it.
        text: Option<ServerTextV1>,
    }

    /// What a client sends first.
    enum OpeningV1 from Opening {
        /// TLS, then a WebSocket upgrade of LiveKit's signalling.
        #[serde(rename = "websocket")]
        WebSocket,
        /// TLS, then a STUN Binding request.
        Stun,
        /// TLS, then the handshake of RTMP.
        Rtmp,
        /// The handshake of RTMP without TLS.
        PlainRtmp,
        /// `GET /` without TLS.
        PlainHttp,
        /// `GET /.well-known/acme-challenge/…` without TLS.
        AcmeChallenge,
    }

    /// Whether the backend is spoken to in TLS.
    enum BackendTlsV1 from BackendTls {
        /// Without TLS.
        None,
        /// The proxy ended TLS and begins it again.
        Again,
        /// The client's TLS reaches the backend.
        Still,
    }

    /// A version of the PROXY protocol.
    enum ProxyHeaderV1 from ProxyHeader {
        /// Version 1, which is text.
        V1,
        /// Version 2, which is binary.
        V2,
    }

    /// An HTTP request as it reaches a backend.
    struct BackendHttpV1 from BackendHttp {
        /// The `Host` header.
        host: ServerTextV1,
        /// The path.
        path: ServerTextV1,
        /// Whether `Upgrade` and `Connection` are passed on.
        keeps_upgrade: bool,
        /// The version of HTTP; null: the proxy's default.
        version: Option<ServerTextV1>,
    }

    /// A member of a group of backends.
    struct BackendPlaceV1 from BackendPlace {
        /// Its address, or the name that only the proxy resolves, or the path of a Unix socket.
        address: String,
        /// Its port; null for a Unix socket.
        port: Option<PortV1>,
        /// Where it is named.
        at: LocationV1,
    }

    /// A file that the configuration names.
    struct NamedFileV1 from NamedFile {
        /// The file.
        path: ServerTextV1,
        /// Where it is named.
        at: LocationV1,
    }

    /// How TLS is ended.
    struct TlsEndingV1 from TlsEnding {
        /// The listener.
        at: LocationV1,
        /// Whether it reads HTTP (`http`), or passes on what it gets (`tcp`).
        layer: LayerV1,
        /// The paths of the certificates between which the client's algorithms decide; usually one.
        certificates: Vec<ServerTextV1>,
        /// Whether the first of them is for the name; null: no name, or the file was not read.
        covers_name: Option<bool>,
        /// The versions of TLS that are accepted.
        versions: AllowedVersionsV1,
        /// What is offered by ALPN; null: the configuration does not say it.
        alpn: Option<OfferedProtocolsV1>,
        /// Where a client's certificate is required; null: it is not.
        client_certificate: Option<LocationV1>,
        /// The header `Strict-Transport-Security`; null: none is added.
        hsts: Option<AddedHeaderV1>,
        /// The header `Alt-Svc`; null: none is added.
        alt_svc: Option<AddedHeaderV1>,
    }

    /// The layer of a hop.
    enum LayerV1 from Layer {
        /// It passes on bytes.
        Tcp,
        /// It reads HTTP.
        Http,
    }

    /// Protocols that are offered by ALPN.
    struct OfferedProtocolsV1 from OfferedProtocols {
        /// The protocols, the preferred one first.
        protocols: Vec<ServerTextV1>,
        /// Where it is set.
        at: LocationV1,
    }

    /// A header that is added to answers.
    struct AddedHeaderV1 from AddedHeader {
        /// Its value.
        value: ServerTextV1,
        /// Where it is set.
        at: LocationV1,
    }

    /// The file of a certificate, as far as it could be read.
    struct CertificateFileV1 from CertificateFile {
        /// The file.
        path: ServerTextV1,
        /// Where it is named first.
        at: LocationV1,
        /// What it holds.
        chain: ChainReadingV1,
        /// The file of its key; null: the configuration names none.
        key: Option<KeyFileV1>,
        /// Whether the proxy opens both files for each handshake, and not once when it starts or is reloaded.
        is_opened_per_handshake: bool,
        /// What keeps the proxy from reading one of them for a handshake; null: nothing that was seen.
        denial: Option<DenialV1>,
    }

    /// What a file of a certificate holds.
    enum ChainReadingV1 from ChainReading {
        /// A chain.
        Read(chain: Box<ChainFileV1>),
        /// It is not there.
        Missing,
        /// It could not be read here.
        Unread,
        /// It holds no certificate that can be read.
        NoCertificate,
    }

    /// A chain of certificates in a file.
    struct ChainFileV1 from ChainFile {
        /// The certificates in the order of the file; the first 10 at most.
        certificates: Vec<CertificateFactsV1>,
        /// How many there are.
        count: usize,
        /// The SHA-256 of all of them in DER, one after the other, in hexadecimal digits.
        sha256: String,
        /// Whether another certificate of the file has issued the first one.
        has_issuer: bool,
        /// Whether the first one has signed itself.
        is_self_signed: bool,
        /// Whether the first one says where its issuer's is to be had.
        names_issuer: bool,
        /// The place of the server's own certificate, from 0; null: there is none.
        leaf: Option<usize>,
    }

    /// The file of a private key. Nothing of the key itself is kept.
    struct KeyFileV1 from KeyFile {
        /// The file.
        file: NamedFileV1,
        /// What it shows.
        reading: KeyReadingV1,
    }

    /// What a file of a key shows about its certificate.
    enum KeyReadingV1 from KeyReading {
        /// It is the key of the first certificate.
        Belongs,
        /// It is the key of another certificate.
        OfAnother,
        /// It is not there.
        Missing,
        /// It could not be read here, or not compared.
        Unread,
        /// It holds no private key.
        NoKey,
    }

    /// Permissions that keep a user from reading a file.
    struct DenialV1 from Denial {
        /// The file, or the directory on the way to it.
        path: ServerTextV1,
        /// The user; null: the one that the proxy was built with.
        user: Option<ServerTextV1>,
        /// Whether nothing else can let the user in.
        is_proven: bool,
    }

    /// A time limit.
    struct TimeoutV1 from Timeout {
        /// How long, in milliseconds.
        #[serde(rename = "lasts_ms")]
        lasts: u64,
        /// Where it is set; null: the proxy's default.
        at: Option<LocationV1>,
    }
}

/// Where one connection ends by the proxy's configuration, and on which way.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TraceV1 {
    /// The name in the ClientHello and in the `Host` header; null: no SNI.
    pub name: Option<DomainNameV1>,
    /// The port.
    pub port: PortV1,
    /// The address family.
    pub family: FamilyV1,
    /// What the client sends first.
    pub first_bytes: OpeningV1,
    /// What the proxy does with it, in order.
    pub hops: Vec<HopV1>,
    /// Where it ends.
    pub end: EndV1,
    /// The words of the configuration that decide the end.
    pub decided_at: Option<LocationV1>,
    /// The certificate with which TLS ends.
    pub certificate: Option<NamedFileV1>,
    /// How TLS is ended; null: it is not, or the reader of this proxy does not tell.
    pub tls: Option<Box<TlsEndingV1>>,
    /// The shortest time without data after which a hop closes it.
    pub idle_timeout: Option<TimeoutV1>,
    /// How long the last hop waits for the backend to accept.
    pub connect_timeout: Option<TimeoutV1>,
}

/// The versions of TLS that are accepted.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AllowedVersionsV1 {
    /// The versions; null: the configuration does not say it, and the default depends on the version of the proxy.
    pub versions: Option<Vec<TlsVersionV1>>,
    /// Where they are set; null: nowhere.
    pub at: Option<LocationV1>,
    /// Another line for the same name, which newer versions of the proxy take instead; null: none.
    pub other: Option<LocationV1>,
}

impl PublishedAs<AllowedVersionsV1> for AllowedVersions {
    fn published(&self) -> AllowedVersionsV1 {
        match self {
            Self::Listed { versions, at, other } => AllowedVersionsV1 {
                versions: Some(versions.published()),
                at: Some(at.published()),
                other: other.published(),
            },
            Self::ByVersion => AllowedVersionsV1 { versions: None, at: None, other: None },
        }
    }
}

/// One thing that the proxy does.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HopV1 {
    /// The file.
    pub file: ServerTextV1,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
    /// What it does, in words.
    pub does: String,
}

impl PublishedAs<HopV1> for Hop {
    fn published(&self) -> HopV1 {
        let Self { at, does } = self;
        HopV1 {
            file: at.file.published(),
            line: at.line,
            column: at.column,
            does: words::proxy::hop(does).published(),
        }
    }
}

impl PublishedAs<TraceV1> for Trace {
    fn published(&self) -> TraceV1 {
        let Self {
            asked,
            hops,
            end,
            decided_at,
            certificate,
            tls,
            idle_timeout,
            connect_timeout,
            met: _,
        } = self;
        TraceV1 {
            name: asked.name.published(),
            port: asked.port.published(),
            family: asked.family.published(),
            first_bytes: asked.opening.published(),
            hops: hops.published(),
            end: end.published(),
            decided_at: decided_at.published(),
            certificate: certificate.published(),
            tls: tls.published(),
            idle_timeout: idle_timeout.published(),
            connect_timeout: connect_timeout.published(),
        }
    }
}

/// How a connection ends. Fields that do not belong to the kind are null.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EndV1 {
    /// The kind of end.
    pub kind: EndKindV1,
    /// Of a `backend`: its address, or the name that only the proxy resolves.
    pub address: Option<String>,
    /// Of a `backend`: its port; null for a Unix socket.
    pub port: Option<PortV1>,
    /// Of a `backend`: the other members of its group.
    pub others: Option<Vec<BackendPlaceV1>>,
    /// Of a `backend`: whether it is spoken to in TLS.
    pub tls: Option<BackendTlsV1>,
    /// Of a `backend`: the PROXY header that is sent first; null: none.
    pub proxy_header: Option<ProxyHeaderV1>,
    /// Of a `backend` behind a hop that handles HTTP: the request.
    pub http: Option<BackendHttpV1>,
    /// Of a `redirect` or a `local-answer`: the HTTP status.
    pub status: Option<u16>,
    /// Of a `redirect`: its destination.
    pub location: Option<ServerTextV1>,
    /// The end in words.
    pub words: String,
}

/// The kinds of end.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EndKindV1 {
    /// It is passed to an address.
    Backend,
    /// TLS ends with an alert.
    Alert,
    /// It is accepted and closed without an answer.
    Closed,
    /// Nothing listens there.
    Refused,
    /// HTTP redirects it.
    Redirect,
    /// The proxy answers it itself.
    LocalAnswer,
    /// The proxy does not start with this configuration.
    NotStarted,
    /// The configuration alone does not tell.
    Undecided,
}

impl PublishedAs<EndV1> for End {
    fn published(&self) -> EndV1 {
        let of_kind = |kind| EndV1 {
            kind,
            address: None,
            port: None,
            others: None,
            tls: None,
            proxy_header: None,
            http: None,
            status: None,
            location: None,
            words: words::proxy::end(self).published(),
        };
        match self {
            Self::Backend(backend) => {
                let Backend { address, port, others, tls, proxy_header, http } = backend.as_ref();
                EndV1 {
                    address: Some(address.published()),
                    port: port.published(),
                    others: Some(others.published()),
                    tls: Some(tls.published()),
                    proxy_header: proxy_header.published(),
                    http: http.published(),
                    ..of_kind(EndKindV1::Backend)
                }
            }
            Self::Alert(_) => of_kind(EndKindV1::Alert),
            Self::Closed(_) => of_kind(EndKindV1::Closed),
            Self::Refused => of_kind(EndKindV1::Refused),
            Self::Redirect { status, location } => EndV1 {
                status: Some(*status),
                location: Some(location.published()),
                ..of_kind(EndKindV1::Redirect)
            },
            Self::LocalAnswer { status } => {
                EndV1 { status: *status, ..of_kind(EndKindV1::LocalAnswer) }
            }
            Self::NotStarted(_) => of_kind(EndKindV1::NotStarted),
            Self::Undecided(_) => of_kind(EndKindV1::Undecided),
        }
    }
}

impl PublishedAs<String> for BackendAddress {
    fn published(&self) -> String {
        match self {
            Self::Ip(address) => address.to_string(),
            Self::Name(name) | Self::Socket(name) => quote::of_file(name).published(),
        }
    }
}
