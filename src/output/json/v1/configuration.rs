//! Places in configuration files, and where a proxy leads connections by its configuration.

use schemars::JsonSchema;
use serde::Serialize;

use super::publish::{PublishedAs, published};
use super::values::{DomainNameV1, PortV1, ServerTextV1};
use super::words::FamilyV1;
use crate::model::configuration::{
    Backend, BackendAddress, BackendHttp, BackendPlace, BackendTls, End, Hop, Location, NamedFile,
    Opening, ProxyHeader, Timeout, Trace,
};
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
    /// The shortest time without data after which a hop closes it.
    pub idle_timeout: Option<TimeoutV1>,
    /// How long the last hop waits for the backend to accept.
    pub connect_timeout: Option<TimeoutV1>,
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
        let Self { asked, hops, end, decided_at, certificate, idle_timeout, connect_timeout } =
            self;
        TraceV1 {
            name: asked.name.published(),
            port: asked.port.published(),
            family: asked.family.published(),
            first_bytes: asked.opening.published(),
            hops: hops.published(),
            end: end.published(),
            decided_at: decided_at.published(),
            certificate: certificate.published(),
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
