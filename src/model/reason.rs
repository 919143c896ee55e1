//! Why a check ended as it did, as one word of a closed list.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! reason_codes {
    ($($(#[$doc:meta])+ $variant:ident = $text:literal,)+) => {
        /// Why a check ended as it did: stable words for programs, built on OONI's failure strings.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        pub enum ReasonCode {
            $($(#[$doc])+ #[serde(rename = $text)] $variant,)+
        }

        impl ReasonCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The code as it stands in reports and rule files.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

reason_codes! {
    /// The demand holds.
    Holds = "holds",
    /// The name does not exist.
    DnsNxdomain = "dns_nxdomain",
    /// The name exists, without an address.
    DnsNoAnswer = "dns_no_answer",
    /// The DNS server could not find out (SERVFAIL).
    DnsServfail = "dns_servfail",
    /// The DNS server would not say (REFUSED or another code).
    DnsRefused = "dns_refused",
    /// No answer from the DNS server.
    DnsTimeout = "dns_timeout",
    /// The name points somewhere else.
    DnsMismatch = "dns_mismatch",
    /// An address that users on the internet cannot reach.
    AddressNotPublic = "address_not_public",
    /// One address family works, the other does not.
    FamiliesDiffer = "families_differ",
    /// RST in answer to a SYN.
    TcpRefused = "tcp_refused",
    /// RST on an established connection.
    TcpReset = "tcp_reset",
    /// No answer to a SYN and its retransmission.
    TcpTimeout = "tcp_timeout",
    /// ICMP port unreachable.
    PortUnreachable = "port_unreachable",
    /// ICMP host unreachable.
    HostUnreachable = "host_unreachable",
    /// ICMP network unreachable.
    NetworkUnreachable = "network_unreachable",
    /// ICMP administratively prohibited: a firewall says so itself.
    AdminProhibited = "admin_prohibited",
    /// A fatal TLS alert.
    TlsAlert = "tls_alert",
    /// The certificate is for other names.
    TlsNameMismatch = "tls_name_mismatch",
    /// The chain leads to no trusted root.
    TlsUnknownCa = "tls_unknown_ca",
    /// The certificate signed itself.
    TlsSelfSigned = "tls_self_signed",
    /// An intermediate certificate was not sent.
    TlsChainIncomplete = "tls_chain_incomplete",
    /// The chain is broken in another way.
    TlsChainInvalid = "tls_chain_invalid",
    /// The certificate has expired.
    TlsExpired = "tls_expired",
    /// The certificate will expire soon.
    TlsExpiresSoon = "tls_expires_soon",
    /// The certificate is not valid yet.
    TlsNotYetValid = "tls_not_yet_valid",
    /// A version of TLS that must be there is not.
    TlsVersionMissing = "tls_version_missing",
    /// SSL 3.0, TLS 1.0 or TLS 1.1 is accepted.
    TlsLegacyAccepted = "tls_legacy_accepted",
    /// Something answers, but not TLS.
    TlsNotTls = "tls_not_tls",
    /// No answer to a ClientHello.
    TlsTimeout = "tls_timeout",
    /// The connection ends in the middle of the handshake.
    TlsClosed = "tls_closed",
    /// TLS completes, then the connection ends: nothing answers behind the proxy.
    BackendDown = "backend_down",
    /// TLS completes, then nothing comes.
    BackendSilent = "backend_silent",
    /// Another HTTP status than demanded.
    HttpStatus = "http_status",
    /// No redirect, or one to another place.
    HttpNoRedirect = "http_no_redirect",
    /// A redirect catches the path by which a certificate that is due would be renewed.
    RenewalRedirected = "renewal_redirected",
    /// The answer is not HTTP.
    HttpNotHttp = "http_not_http",
    /// The WebSocket upgrade did not come through.
    WsNotUpgraded = "ws_not_upgraded",
    /// Something else answers than should.
    WrongService = "wrong_service",
    /// An unknown name reaches a backend.
    UnknownNameServed = "unknown_name_served",
    /// Our clock and the server's differ.
    ClockDiffers = "clock_differs",
    /// No answer to a STUN request.
    StunNoResponse = "stun_no_response",
    /// An answer that is not the STUN answer demanded.
    StunBadResponse = "stun_bad_response",
    /// The TURN server grants or refuses an allocation without asking for credentials.
    TurnNoChallenge = "turn_no_challenge",
    /// The mapped address cannot be a client's.
    MappedAddressImplausible = "mapped_address_implausible",
    /// The server seems to be of another edition than the one judged by.
    EditionDiffers = "edition_differs",
    /// A connection without traffic is ended too early.
    IdleCut = "idle_cut",
    /// RTMP without TLS.
    RtmpPlaintext = "rtmp_plaintext",
    /// No RTMP handshake.
    RtmpNoHandshake = "rtmp_no_handshake",
    /// Open where it must be closed.
    PortOpenUnexpected = "port_open_unexpected",
    /// Open, and nobody said that what it is for is in use.
    PortOpenUnneeded = "port_open_unneeded",
    /// Closed where it must be open.
    PortClosedUnexpected = "port_closed_unexpected",
    /// A service takes commands without a password.
    NoPassword = "no_password",
    /// Nothing came back from a UDP port.
    UdpSilent = "udp_silent",
    /// LiveKit refuses the token, and does not say why in words we know.
    TokenRefused = "token_refused",
    /// The token was signed with another secret than the server's.
    SecretWrong = "secret_wrong",
    /// The server knows no such API key.
    KeyUnknown = "key_unknown",
    /// The token has expired.
    TokenExpired = "token_expired",
    /// The token does not let us join, or leads to no room.
    TokenLacksRights = "token_lacks_rights",
    /// LiveKit does not let anybody into this room: it is full, or is not there.
    RoomRefused = "room_refused",
    /// No TURN server of the deployment is named to participants.
    IceServerMissing = "ice_server_missing",
    /// A STUN or TURN server is named to participants that is not the deployment's, or malformed.
    IceServerWrong = "ice_server_wrong",
    /// Media is offered at an address that is not the deployment's, or that nobody can reach.
    CandidateWrong = "candidate_wrong",
    /// Media is not offered at all.
    CandidateMissing = "candidate_missing",
    /// No answer to an authenticated ICE check.
    MediaSilent = "media_silent",
    /// A TURN server refuses the credentials that came with it.
    TurnCredentialsRefused = "turn_credentials_refused",
    /// A TURN server has no relay left for us (486, 508).
    TurnQuota = "turn_quota",
    /// A relay does not let us send to the media port.
    PeerRefused = "peer_refused",
    /// A relay lets us send where it should not.
    PeerAllowed = "peer_allowed",
    /// A relay is given, and what it sends to the media port is not answered.
    RelaySilent = "relay_silent",
    /// A wrong password gets a relay.
    PasswordIgnored = "password_ignored",
    /// A call's media goes around the proxy.
    AroundProxy = "around_proxy",
    /// The node's own checks open a way around the proxy.
    PunchedOut = "punched_out",
    /// Small packets pass, large ones do not.
    LargePacketsLost = "large_packets_lost",
    /// STUN passes, DTLS does not.
    DtlsBlocked = "dtls_blocked",
    /// A rule that this one sums up or stands on is broken.
    DependsOnBroken = "depends_on_broken",
    /// Nobody said where to look.
    Undeclared = "undeclared",
    /// A rule that this one needs did not pass.
    Blocked = "blocked",
    /// We could not look.
    Blind = "blind",
    /// The rule does not apply here.
    NotApplicable = "not_applicable",
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
