//! What a probe asks.

use schemars::JsonSchema;
use serde::Serialize;

use super::open::{open_kinds, open_words};
use super::publish::{PublishedAs, published};
use super::values::{AddressV1, BucketNameV1, DomainNameV1, PortV1, PortsV1, SocketAddressV1};
use super::words::{FamilyV1, TlsVersionV1};
use crate::model::name::DomainName;
use crate::model::probe::{
    ApiRequest, CallDepth, CallSpec, Carrier, HttpPath, PathRequest, ProbeSpec, Punching,
    ServiceAsk, Sni, TlsOffer,
};
use crate::model::target::Endpoint;

published! {
    /// What a probe asks.
    #[serde(tag = "probe")]
    #[schemars(transform = open_kinds("probe"))]
    enum AskedV1 from ProbeSpec {
        /// The addresses of a name.
        Dns {
            /// The name.
            name: DomainNameV1,
            /// A records (`ipv4`) or AAAA records (`ipv6`).
            family: FamilyV1,
        },
        /// A TCP connection.
        Tcp {
            /// The address and port.
            to: EndpointV1,
        },
        /// A request over plain HTTP.
        Http {
            /// The address and port.
            to: EndpointV1,
            /// The name in `Host`.
            host: DomainNameV1,
            /// The path.
            path: HttpPathV1,
        },
        /// A TLS handshake.
        Tls {
            /// The address and port.
            to: EndpointV1,
            /// The server name.
            sni: SniV1,
            /// What the ClientHello offers.
            offer: TlsOfferV1,
        },
        /// A request to LiveKit's HTTP API.
        Api {
            /// The address and port.
            to: EndpointV1,
            /// What it runs over.
            over: CarrierV1,
            /// The name in `Host`.
            host: DomainNameV1,
            /// The request.
            request: ApiRequestV1,
        },
        /// A request that browsers or publishers send besides, with their header fields.
        Path {
            /// The address and port.
            to: EndpointV1,
            /// What it runs over.
            over: CarrierV1,
            /// The name in `Host`.
            host: DomainNameV1,
            /// The request.
            request: PathRequestV1,
        },
        /// The ClientHello of Chromium and of Firefox, and HTTP/2 if the server chooses it.
        Browser {
            /// The address and port.
            to: EndpointV1,
            /// The server name.
            sni: SniV1,
            /// Whether ALPN offers `h2` and `http/1.1`.
            speaks_http: bool,
        },
        /// A STUN Binding request and a TURN Allocate request without credentials.
        Turn {
            /// The address and port.
            to: EndpointV1,
            /// What they run over.
            over: CarrierV1,
        },
        /// Two STUN Binding requests with a time without traffic between them (`--hold`).
        Hold {
            /// The address and port.
            to: EndpointV1,
            /// What they run over.
            over: CarrierV1,
        },
        /// An RTMP handshake.
        Rtmp {
            /// The address and port.
            to: EndpointV1,
            /// What it runs over.
            over: CarrierV1,
        },
        /// The own question of one service, without credentials.
        Service {
            /// The address and port.
            to: EndpointV1,
            /// The question.
            ask: ServiceAskV1,
            /// The buckets for which an S3 server is asked, if HTTP responds: `ListObjectsV2` with
            /// `max-keys=0`.
            buckets: Vec<BucketNameV1>,
        },
        /// STUN Binding requests to UDP ports of one address.
        Udp {
            /// The address.
            address: AddressV1,
            /// The ports that are tested by number, in this order.
            ports: Vec<PortV1>,
            /// A range of which all other ports are tested after them; null if there is none.
            then: Option<PortsV1>,
            /// A range in which ovcheck searches for the edges between ports that answer and ports
            /// that do not; null if there is none.
            extent: Option<PortsV1>,
            /// A port that another probe tests; tested behind the others if no ICMP error comes for
            /// any of them; null if there is none.
            sentinel: Option<PortV1>,
        },
        /// An ICMP echo request.
        Echo {
            /// The address.
            address: AddressV1,
        },
        /// UDP probes and TCP connection attempts of which a responder on the node tells what became of them
        /// (`ovcheck listen`).
        Responder {
            /// The address.
            address: AddressV1,
            /// The UDP ports.
            ports: Vec<PortsV1>,
            /// The TCP ports.
            tcp: Vec<PortsV1>,
        },
        /// The addresses of a name, at the name servers of its zone.
        Authority {
            /// The name.
            name: DomainNameV1,
            /// A records (`ipv4`) or AAAA records (`ipv6`).
            family: FamilyV1,
        },
        /// A STUN Binding request to a server outside the deployment, which shows whether UDP works
        /// from this machine.
        OwnUdp {
            /// The server.
            server: SocketAddressV1,
        },
        /// A hidden join, and one ICE check on each media path.
        Call(call: CallAskedV1),
        /// What this machine says of itself.
        Host,
        /// What the proxy's configuration says.
        ProxyConfiguration,
        /// What OpenVidu's own configuration says.
        OpenviduConfiguration,
    }

    /// The address and port that a probe is about. `--connect-to` may replace them on the wire.
    struct EndpointV1 from Endpoint {
        /// The address.
        address: AddressV1,
        /// The port.
        port: PortV1,
    }

    /// The server name in a ClientHello (RFC 6066 §3).
    enum SniV1 from Sni {
        /// This name.
        Name(name: DomainNameV1),
        /// No server name.
        Absent,
    }

    /// What a ClientHello offers.
    enum TlsOfferV1 from TlsOffer {
        /// TLS 1.2 and 1.3 with ALPN `h2` and `http/1.1`.
        Web,
        /// TLS 1.2 and 1.3 without ALPN.
        Stream,
        /// Only this version.
        Only(version: TlsVersionV1),
        /// TLS 1.2 and 1.3; after the handshake a request to whatever answers behind it.
        LookBehind,
    }

    /// What a protocol runs over.
    enum CarrierV1 from Carrier {
        /// UDP.
        Udp,
        /// TCP.
        Tcp,
        /// TLS over TCP, with this server name.
        Tls(sni: SniV1),
    }

    /// A path for a request over plain HTTP. No server has a resource there.
    enum HttpPathV1 from HttpPath {
        /// Some path with a query.
        Any,
        /// The path of an ACME challenge (RFC 8555 §8.3).
        AcmeChallenge,
    }

    /// A request to LiveKit's HTTP API that needs no credentials.
    enum ApiRequestV1 from ApiRequest {
        /// `GET /rtc/validate`.
        Validate,
        /// `GET /rtc` with a WebSocket upgrade (RFC 6455 §4.1).
        WebSocketUpgrade,
        /// `POST /twirp/livekit.RoomService/ListRooms`.
        ListRooms,
    }

    /// A request that browsers or publishers send. Those to LiveKit carry an invalid token, which
    /// LiveKit refuses in its own words.
    #[schemars(transform = open_words)]
    enum PathRequestV1 from PathRequest {
        /// `GET /`.
        Page,
        /// `GET /rtc` with a WebSocket upgrade and the header fields of a browser.
        Join,
        /// The same at `/rtc/v1`.
        JoinV1,
        /// `GET /rtc/validate` with `Origin`.
        Validate,
        /// `GET /rtc/v1/validate` with `Origin`.
        ValidateV1,
        /// `OPTIONS /whip`.
        WhipOptions,
    }

    /// A question that tells which service answers. A later minor version may add questions.
    #[schemars(transform = open_words)]
    enum ServiceAskV1 from ServiceAsk {
        /// Redis: `PING`.
        RedisPing,
        /// MongoDB: `hello`.
        MongoHello,
        /// HTTP/2, gRPC included (RFC 9113 §3.4).
        Http2Settings,
        /// ICE over TCP: Binding requests without USERNAME and with USERNAME.
        IceTcp,
        /// MinIO: `GET /minio/health/live`.
        MinioLive,
        /// Grafana: `GET /api/health`.
        GrafanaHealth,
        /// Loki and Mimir: `GET /ready`.
        Ready,
        /// The API of OpenVidu 2: `GET /openvidu/api/config`.
        V2Config,
        /// The WHIP endpoint of the ingress: `GET /health`.
        IngressHealth,
        /// A web application: `GET /`.
        Page,
    }

    /// A hidden join, and what may be contacted for it.
    struct CallAskedV1 from CallSpec {
        /// The name of the API.
        host: DomainNameV1,
        /// The port of the API.
        port: PortV1,
        /// The addresses of the API; empty if an HTTP proxy resolves the name.
        addresses: Vec<AddressV1>,
        /// The addresses of names that the server may refer to.
        names: Vec<NameAddressesV1>,
        /// The declared addresses of the deployment, which are contacted even if they are loopback
        /// or link-local.
        declared: Vec<AddressV1>,
        /// STUN servers outside the deployment that report the public address of this machine.
        stun_servers: Vec<SocketAddressV1>,
        /// Whether ovcheck watches for the server's own ICE checks.
        punching: PunchingV1,
        /// How far the call goes.
        depth: CallDepthV1,
        /// The addresses of each Media Node on which a call is to be placed, in further rooms; empty
        /// if one call is enough.
        media_nodes: Vec<Vec<AddressV1>>,
    }

    /// Whether ovcheck offers an address to the server and watches for the server's ICE checks.
    enum PunchingV1 from Punching {
        /// It does.
        Watched,
        /// It does not.
        NotWatched,
    }

    /// How far a call goes.
    enum CallDepthV1 from CallDepth {
        /// One authenticated ICE check on each path.
        Checks,
        /// Also the start of DTLS, with one more join for each working path (`--deep`).
        Dtls,
    }
}

/// A name and its addresses.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NameAddressesV1 {
    /// The name.
    pub name: DomainNameV1,
    /// Its addresses.
    pub addresses: Vec<AddressV1>,
}

impl PublishedAs<NameAddressesV1> for (DomainName, Vec<std::net::IpAddr>) {
    fn published(&self) -> NameAddressesV1 {
        let (name, addresses) = self;
        NameAddressesV1 { name: name.published(), addresses: addresses.published() }
    }
}
