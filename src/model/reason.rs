//! Why a check ended as it did, as one word of a closed list.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! reason_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal,)+) => {
        /// Why a check ended as it did: stable words for programs, built on OONI's failure strings.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
        pub enum ReasonCode {
            $($(#[doc = $doc])+ #[serde(rename = $text)] $variant,)+
        }

        impl ReasonCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The code as it stands in reports and rule files.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// What it means, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

reason_codes! {
    /// The demand holds.
    Holds = "holds",
    /// The name does not exist.
    DnsNxdomain = "dns_nxdomain",
    /// The name exists but has no address.
    DnsNoAnswer = "dns_no_answer",
    /// The DNS server failed (SERVFAIL).
    DnsServfail = "dns_servfail",
    /// The DNS server refused to answer (REFUSED or another code).
    DnsRefused = "dns_refused",
    /// The DNS server fails because the DNSSEC signatures of the name do not validate.
    DnssecInvalid = "dnssec_invalid",
    /// The CNAME records of the name form a loop.
    DnsCnameLoop = "dns_cname_loop",
    /// The name servers of the zone contradict each other.
    DnsAuthoritiesDiffer = "dns_authorities_differ",
    /// The DNS servers of this machine contradict each other.
    DnsServersDiffer = "dns_servers_differ",
    /// No answer from the DNS server.
    DnsTimeout = "dns_timeout",
    /// The name points somewhere else.
    DnsMismatch = "dns_mismatch",
    /// The name points somewhere else by way of a CNAME record.
    DnsCnameElsewhere = "dns_cname_elsewhere",
    /// The name has no record of its own: a wildcard record points it somewhere else.
    DnsWildcard = "dns_wildcard",
    /// The two names lead to two machines, and the proxy is not declared.
    DnsNamesApart = "dns_names_apart",
    /// Some addresses of the name do not answer, others do.
    AddressDead = "address_dead",
    /// The declared machines appear to be interchanged.
    NodesSwapped = "nodes_swapped",
    /// The declared names appear to be interchanged.
    NamesSwapped = "names_swapped",
    /// Users on the internet cannot reach the address.
    AddressNotPublic = "address_not_public",
    /// The address belongs to a provider's NAT or to an overlay network (RFC 6598).
    AddressCarrierNat = "address_carrier_nat",
    /// A filter or a proxy program on the way to the DNS appears to have made up the address.
    AddressMadeUp = "address_made_up",
    /// One address family works, the other does not.
    FamiliesDiffer = "families_differ",
    /// RST in answer to a SYN.
    TcpRefused = "tcp_refused",
    /// RST on an established connection.
    TcpReset = "tcp_reset",
    /// No answer to a SYN and its retransmission.
    TcpTimeout = "tcp_timeout",
    /// Nothing at the address answers.
    AddressSilent = "address_silent",
    /// This network may not let the question out.
    WayOutUnknown = "way_out_unknown",
    /// Something accepts connections in the place of others.
    AcceptedForOthers = "accepted_for_others",
    /// ICMP port unreachable.
    PortUnreachable = "port_unreachable",
    /// ICMP host unreachable.
    HostUnreachable = "host_unreachable",
    /// ICMP network unreachable.
    NetworkUnreachable = "network_unreachable",
    /// ICMP administratively prohibited: a firewall rejects the packet.
    AdminProhibited = "admin_prohibited",
    /// A fatal TLS alert.
    TlsAlert = "tls_alert",
    /// A fatal TLS alert: client and server have no version, cipher or signature in common.
    TlsNothingInCommon = "tls_nothing_in_common",
    /// A fatal TLS alert: the server does not serve this name.
    TlsNameRefused = "tls_name_refused",
    /// A fatal TLS alert: the server does not speak the application protocols that were offered.
    TlsAlpnRefused = "tls_alpn_refused",
    /// The key of the certificate is of a kind that browsers do not accept.
    TlsKeyUnsupported = "tls_key_unsupported",
    /// The server demands a certificate of the client.
    ClientCertificateDemanded = "client_certificate_demanded",
    /// The server answers only behind a PROXY protocol header.
    ProxyHeaderExpected = "proxy_header_expected",
    /// The proxy puts a PROXY protocol header before what it forwards, to servers that do not expect
    /// it.
    ProxyHeaderSent = "proxy_header_sent",
    /// The server behind the proxy expects TLS, which the proxy has ended already.
    BackendWantsTls = "backend_wants_tls",
    /// TLS completes, but none of the services behind the proxy answers.
    NothingBehindProxy = "nothing_behind_proxy",
    /// The backend answers this machine directly, but not through the proxy.
    ProxyDoesNotForward = "proxy_does_not_forward",
    /// No program is running on the ports of the machine.
    ProgramNotRunning = "program_not_running",
    /// The certificate is for other names.
    TlsNameMismatch = "tls_name_mismatch",
    /// The chain leads to no trusted root.
    TlsUnknownCa = "tls_unknown_ca",
    /// The certificate is signed by itself.
    TlsSelfSigned = "tls_self_signed",
    /// An intermediate certificate was not sent.
    TlsChainIncomplete = "tls_chain_incomplete",
    /// The certificate has the name only in its CN, which clients ignore.
    TlsNoAlternativeName = "tls_no_alternative_name",
    /// The chain is broken in another way.
    TlsChainInvalid = "tls_chain_invalid",
    /// A certificate of the chain, not the server's own, has expired or is not valid yet.
    TlsIssuerExpired = "tls_issuer_expired",
    /// The certificate has expired or will soon; another port of the same server has a newer one.
    TlsNotReloaded = "tls_not_reloaded",
    /// The certificate has expired.
    TlsExpired = "tls_expired",
    /// The certificate will expire soon.
    TlsExpiresSoon = "tls_expires_soon",
    /// The certificate is not valid yet.
    TlsNotYetValid = "tls_not_yet_valid",
    /// A required version of TLS is not accepted.
    TlsVersionMissing = "tls_version_missing",
    /// SSL 3.0, TLS 1.0 or TLS 1.1 is accepted.
    TlsLegacyAccepted = "tls_legacy_accepted",
    /// Something answers, but not TLS.
    TlsNotTls = "tls_not_tls",
    /// No answer to a ClientHello.
    TlsTimeout = "tls_timeout",
    /// The connection ends during the handshake.
    TlsClosed = "tls_closed",
    /// TLS completes, then the connection ends: nothing answers behind the proxy.
    BackendDown = "backend_down",
    /// TLS completes, then nothing comes.
    BackendSilent = "backend_silent",
    /// The HTTP status is not the required one.
    HttpStatus = "http_status",
    /// No redirect, or a redirect to the wrong place.
    HttpNoRedirect = "http_no_redirect",
    /// A redirect covers the path that the renewal of the certificate needs.
    RenewalRedirected = "renewal_redirected",
    /// The answer is not HTTP.
    HttpNotHttp = "http_not_http",
    /// Something before LiveKit sends requests on to another place, such as a login.
    SentElsewhere = "sent_elsewhere",
    /// Something before LiveKit asks for a password.
    PasswordAsked = "password_asked",
    /// Something before LiveKit asks for a client certificate.
    CertificateAsked = "certificate_asked",
    /// Something before LiveKit refuses the request on purpose.
    RequestRefused = "request_refused",
    /// The proxy speaks plain HTTP to a port that expects TLS, or the reverse.
    ProtocolMixedUp = "protocol_mixed_up",
    /// What answers does not know the name in the request.
    HostUnknown = "host_unknown",
    /// What answers says that it cannot serve the request at this time.
    NotNow = "not_now",
    /// The body of a response did not arrive, or cannot be read.
    BodyUnread = "body_unread",
    /// The WebSocket upgrade failed.
    WsNotUpgraded = "ws_not_upgraded",
    /// A WebSocket is granted, and then cut, silent or without its head.
    WebSocketLost = "websocket_lost",
    /// A WebSocket is granted with a head that clients have to refuse.
    WebSocketInvalid = "websocket_invalid",
    /// Another service answers.
    WrongService = "wrong_service",
    /// A QUIC server, such as a web server with HTTP/3, has the UDP port.
    QuicAnswers = "quic_answers",
    /// The port accepts connections and gives no answer.
    ServiceSilent = "service_silent",
    /// An unknown name reaches a backend.
    UnknownNameServed = "unknown_name_served",
    /// The clocks of this machine and the server differ.
    ClockDiffers = "clock_differs",
    /// No answer to a STUN request.
    StunNoResponse = "stun_no_response",
    /// The answer is not the required STUN answer.
    StunBadResponse = "stun_bad_response",
    /// The TURN server grants or refuses an allocation without asking for credentials.
    TurnNoChallenge = "turn_no_challenge",
    /// A browser's ClientHello is not answered, although a shorter one is.
    TlsBrowserRefused = "tls_browser_refused",
    /// The server chooses HTTP/2 but does not speak it.
    Http2NotSpoken = "http2_not_spoken",
    /// A request of clients does not reach the service that it is for.
    PathStopped = "path_stopped",
    /// Browsers do not let an application read LiveKit's answers (CORS).
    CrossOriginRefused = "cross_origin_refused",
    /// The query of a URL is lost on the way.
    QueryLost = "query_lost",
    /// The mapped address cannot be a client's.
    MappedAddressImplausible = "mapped_address_implausible",
    /// The server appears to belong to another edition of the guide.
    EditionDiffers = "edition_differs",
    /// A connection without traffic is closed too early.
    IdleCut = "idle_cut",
    /// RTMP without TLS.
    RtmpPlaintext = "rtmp_plaintext",
    /// No RTMP handshake.
    RtmpNoHandshake = "rtmp_no_handshake",
    /// Open where it must be closed.
    PortOpenUnexpected = "port_open_unexpected",
    /// Open, although no feature in use needs it.
    PortOpenUnneeded = "port_open_unneeded",
    /// Closed where it must be open.
    PortClosedUnexpected = "port_closed_unexpected",
    /// A service accepts commands without a password.
    NoPassword = "no_password",
    /// A Sentinel of Redis accepts commands without a password.
    SentinelNoPassword = "sentinel_no_password",
    /// A database lists its contents without a login.
    NoLogin = "no_login",
    /// Nothing came back from a UDP port.
    UdpSilent = "udp_silent",
    /// The machine itself stops packets that reach it.
    StoppedOnMachine = "stopped_on_machine",
    /// Something before the machine stops packets: they do not reach it.
    StoppedBeforeMachine = "stopped_before_machine",
    /// The machine sends packets to another of its ports.
    PortRedirected = "port_redirected",
    /// Packets get past the machine's firewall, and its service does not answer them.
    NothingListens = "nothing_listens",
    /// A responder that the operator named told nothing.
    ResponderUnanswered = "responder_unanswered",
    /// Not every port of a range was asked.
    SweepIncomplete = "sweep_incomplete",
    /// Nothing of the deployment answered at an address, so that its range was not asked port by port.
    SweepWithheld = "sweep_withheld",
    /// LiveKit refuses the token for an unknown reason.
    TokenRefused = "token_refused",
    /// The token is not signed with the server's secret.
    SecretWrong = "secret_wrong",
    /// The server does not know the API key.
    KeyUnknown = "key_unknown",
    /// The token has expired.
    TokenExpired = "token_expired",
    /// The token does not permit joining, or names no room.
    TokenLacksRights = "token_lacks_rights",
    /// LiveKit refuses everyone in this room: it is full or does not exist.
    RoomRefused = "room_refused",
    /// The server names no TURN server of the deployment to participants.
    IceServerMissing = "ice_server_missing",
    /// The server names a STUN or TURN server to participants that is not the deployment's, or is
    /// malformed.
    IceServerWrong = "ice_server_wrong",
    /// Beside the deployment's own TURN servers, the server names one of somebody else.
    IceServerForeign = "ice_server_foreign",
    /// The server offers media at an address that is not the deployment's, or that is unreachable.
    CandidateWrong = "candidate_wrong",
    /// The server offers no media.
    CandidateMissing = "candidate_missing",
    /// No call of the run was on this Media Node.
    NodeNotCalled = "node_not_called",
    /// No answer to an authenticated ICE check.
    MediaSilent = "media_silent",
    /// A TURN server refuses the credentials that came with it.
    TurnCredentialsRefused = "turn_credentials_refused",
    /// What a TURN server grants is not signed with the password of the request.
    TurnNotSigned = "turn_not_signed",
    /// A TURN server has no relay left (486, 508).
    TurnQuota = "turn_quota",
    /// A relay does not permit the media port.
    PeerRefused = "peer_refused",
    /// A relay permits loopback, link-local and private addresses: it restricts nothing.
    PeerAllowed = "peer_allowed",
    /// A relay permits its own loopback address.
    PeerLoopbackAllowed = "peer_loopback_allowed",
    /// A relay permits link-local addresses, where clouds have their metadata service.
    PeerLinkLocalAllowed = "peer_link_local_allowed",
    /// A relay permits addresses of private networks.
    PeerPrivateAllowed = "peer_private_allowed",
    /// A relay permits machines on the internet that do not belong to the deployment.
    PeerInternetAllowed = "peer_internet_allowed",
    /// A relay is granted, but the media port does not answer through it.
    RelaySilent = "relay_silent",
    /// A TURN server grants a relay for a wrong password.
    PasswordIgnored = "password_ignored",
    /// The media of a call bypasses the proxy.
    AroundProxy = "around_proxy",
    /// The node's own ICE checks open a way that bypasses the proxy.
    PunchedOut = "punched_out",
    /// Small packets pass, large ones do not.
    LargePacketsLost = "large_packets_lost",
    /// What was answered at the beginning of the run is not answered at its end.
    ShutOut = "shut_out",
    /// This machine was too busy to see answers in time.
    SlowMachine = "slow_machine",
    /// This machine is behind the address that it looks at.
    BehindDeployment = "behind_deployment",
    /// A device on the way opens TLS.
    TlsInspected = "tls_inspected",
    /// A captive portal answers in place of the deployment.
    CaptivePortal = "captive_portal",
    /// No direct connection is answered, and this machine is told to use an HTTP proxy.
    OnlyProxy = "only_proxy",
    /// What answers at a private address may belong to another network than the deployment's.
    OtherNetwork = "other_network",
    /// The DNS server of this machine answers otherwise than the name servers of the zone.
    ResolverDiffers = "resolver_differs",
    /// STUN passes, DTLS does not.
    DtlsBlocked = "dtls_blocked",
    /// A rule that this one depends on is violated.
    DependsOnBroken = "depends_on_broken",
    /// The address to check was not declared.
    Undeclared = "undeclared",
    /// A rule that this one needs did not pass.
    Blocked = "blocked",
    /// ovcheck could not look.
    Blind = "blind",
    /// The rule does not apply here.
    NotApplicable = "not_applicable",
    /// The machine could not be asked about this.
    HostUnread = "host_unread",
    /// The machine has less than is needed.
    HostTooLittle = "host_too_little",
    /// A setting of the machine is not as it should be.
    HostSettingWrong = "host_setting_wrong",
    /// A declared address is not on the machine.
    HostAddressElsewhere = "host_address_elsewhere",
    /// Another program has a port of OpenVidu or of the proxy.
    HostPortTaken = "host_port_taken",
    /// The machine's own firewall drops what must be let in.
    HostFirewallRefuses = "host_firewall_refuses",
    /// The machine's own firewall accepts what must be kept out.
    HostFirewallAdmits = "host_firewall_admits",
    /// The machine sends the packets to a container or to another port.
    HostPortTranslated = "host_port_translated",
    /// The rules of the machine's own firewall leave it open.
    HostFirewallUndecided = "host_firewall_undecided",
    /// A part of a configuration file cannot be read.
    ConfigurationUnreadable = "configuration_unreadable",
    /// The configuration leads connections to another place.
    ConfigurationLeadsElsewhere = "configuration_leads_elsewhere",
    /// A configuration file alone does not tell.
    ConfigurationUndecided = "configuration_undecided",
    /// A setting in a configuration file is not as it should be.
    ConfigurationSettingWrong = "configuration_setting_wrong",
    /// A configuration file has a key that the installed version does not know.
    ConfigurationKeyUnknown = "configuration_key_unknown",
    /// The proxy cannot use the file of a certificate or of its key.
    CertificateFileUnusable = "certificate_file_unusable",
    /// A private key belongs to another certificate.
    CertificateKeyOfAnother = "certificate_key_of_another",
    /// The first certificate of a file is not the server's own.
    CertificateLeafNotFirst = "certificate_leaf_not_first",
    /// The configuration is not the one with which the proxy runs.
    ConfigurationNotLoaded = "configuration_not_loaded",
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
