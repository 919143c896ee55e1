//! The faults of the demo. Each is one mistake that occurs in real deployments.

use std::fmt;

use crate::model::deployment::Policy;

/// The description of one fault.
struct Entry {
    name: &'static str,
    describe: &'static str,
    policies: &'static [Policy],
    rules: &'static [&'static str],
    call_rules: &'static [&'static str],
}

const DEFAULT: &[Policy] = &[Policy::Default];
const FORCED_TURN: &[Policy] = &[Policy::ForcedTurn];
/// The first one is the default policy for showing the fault.
const EITHER: &[Policy] = &[Policy::Default, Policy::ForcedTurn];

macro_rules! faults {
    ($($(#[$doc:meta])+ $variant:ident {
        name: $name:literal,
        describe: $describe:literal,
        policies: $policies:expr,
        rules: [$($rule:literal),* $(,)?],
        call_rules: [$($call_rule:literal),* $(,)?],
    })+) => {
        /// One fault of the demo.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Fault {
            $($(#[$doc])+ $variant,)+
        }

        impl Fault {
            /// Every fault, in the order in which they are listed.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            fn entry(self) -> Entry {
                match self {
                    $(Self::$variant => Entry {
                        name: $name,
                        describe: $describe,
                        policies: $policies,
                        rules: &[$($rule),*],
                        call_rules: &[$($call_rule),*],
                    },)+
                }
            }
        }
    };
}

faults! {
    /// The proxy's SNI map forwards the TURN domain to the API.
    TurnNameReachesApi {
        name: "turn-name-reaches-api",
        describe: "the proxy forwards the TURN domain to the API instead of the TURN server",
        policies: EITHER,
        rules: ["turn/turns-answers-binding"],
        call_rules: [],
    }
    /// No process listens on the backend to which the proxy forwards the TURN domain.
    TurnBackendDown {
        name: "turn-backend-down",
        describe: "no process listens on the backend to which the proxy forwards the TURN domain",
        policies: EITHER,
        rules: ["turn/turns-answers-binding"],
        call_rules: [],
    }
    /// The proxy presents the certificate of the domain for the TURN domain.
    TurnCertificateWrongName {
        name: "turn-certificate-wrong-name",
        describe: "the proxy presents the domain's certificate for the TURN domain",
        policies: EITHER,
        rules: ["tls/name-matches"],
        call_rules: [],
    }
    /// The proxy sends only the server certificate for the domain.
    MissingIntermediate {
        name: "missing-intermediate",
        describe: "the proxy sends the domain's certificate without the intermediate certificate",
        policies: EITHER,
        rules: ["tls/chain-verifies"],
        call_rules: [],
    }
    /// The domain's certificate has expired.
    ExpiredCertificate {
        name: "expired-certificate",
        describe: "the domain's certificate expired three days ago",
        policies: EITHER,
        rules: ["tls/not-expired"],
        call_rules: [],
    }
    /// The domain's certificate is like those of `openssl req -x509`.
    SelfSignedCertificate {
        name: "self-signed-certificate",
        describe: "the domain's certificate is self-signed",
        policies: EITHER,
        rules: ["tls/chain-verifies"],
        call_rules: [],
    }
    /// The proxy still has its default site.
    NoRedirect {
        name: "no-redirect",
        describe: "port 80 of the proxy serves a page instead of redirecting to HTTPS",
        policies: EITHER,
        rules: ["http/port-80-redirects-to-https"],
        call_rules: [],
    }
    /// The proxy forwards RTMP without `ssl` on the listener.
    RtmpPlaintext {
        name: "rtmp-plaintext",
        describe: "port 1935 of the proxy accepts RTMP without TLS",
        policies: EITHER,
        rules: ["rtmp/plaintext-refused"],
        call_rules: [],
    }
    /// DNS sends users directly to OpenVidu, past the proxy.
    DnsPointsToOpenvidu {
        name: "dns-points-to-openvidu",
        describe: "the domain's DNS records contain the addresses of OpenVidu, not of the proxy",
        policies: EITHER,
        rules: ["dns/domain-points-to-proxy"],
        call_rules: [],
    }
    /// The TURN domain has no DNS record.
    TurnNameMissing {
        name: "turn-name-missing",
        describe: "the TURN domain does not exist in DNS",
        policies: EITHER,
        rules: ["dns/turn-domain-resolves"],
        call_rules: [],
    }
    /// The proxy drops the `Upgrade` header.
    ApiWebsocketBlocked {
        name: "api-websocket-blocked",
        describe: "the proxy drops the headers of WebSocket upgrades",
        policies: EITHER,
        rules: ["signal/websocket-upgrade-passes"],
        call_rules: [],
    }
    /// No process listens on the backend to which the proxy forwards the domain.
    ApiBackendDown {
        name: "api-backend-down",
        describe: "no process listens on the backend to which the proxy forwards the domain",
        policies: EITHER,
        rules: ["signal/api-answers"],
        call_rules: [],
    }
    /// The proxy has a default backend for unknown names.
    UnknownNameServed {
        name: "unknown-name-served",
        describe: "the proxy forwards unknown names, and connections without a name, to the API",
        policies: EITHER,
        rules: ["tls/unknown-name-reaches-no-backend"],
        call_rules: [],
    }
    /// The proxy accepts TLS 1.1 on port 443.
    Tls11Accepted {
        name: "tls11-accepted",
        describe: "port 443 of the proxy still accepts TLS 1.1",
        policies: EITHER,
        rules: ["tls/legacy-refused"],
        call_rules: [],
    }
    /// The proxy accepts only TLS 1.2 on port 443.
    Tls13Missing {
        name: "tls13-missing",
        describe: "port 443 of the proxy accepts only TLS 1.2",
        policies: EITHER,
        rules: ["tls/tls13-accepted"],
        call_rules: [],
    }
    /// The clock of the OpenVidu machine is wrong.
    ClockOff {
        name: "clock-off",
        describe: "the clock of OpenVidu is five minutes fast",
        policies: EITHER,
        rules: ["signal/clock-agrees"],
        call_rules: [],
    }
    /// The API's own port is open to the internet.
    ApiPortExposed {
        name: "api-port-exposed",
        describe: "TCP 7880 of OpenVidu is open to the internet, without TLS",
        policies: EITHER,
        rules: ["ports/openvidu-tcp-7880"],
        call_rules: [],
    }
    /// A firewall drops UDP 443 although media needs it.
    Udp443Blocked {
        name: "udp-443-blocked",
        describe: "a firewall drops UDP 443 of OpenVidu although the policy needs it",
        policies: DEFAULT,
        rules: ["ports/openvidu-udp-443"],
        call_rules: [],
    }
    /// Another program uses UDP 443.
    Udp443WrongService {
        name: "udp-443-wrong-service",
        describe: "a DNS server listens on UDP 443 of OpenVidu",
        policies: DEFAULT,
        rules: ["ports/openvidu-udp-443"],
        call_rules: [],
    }
    /// A firewall drops all UDP although media needs it.
    UdpBlocked {
        name: "udp-blocked",
        describe: "a firewall drops all UDP to OpenVidu although the policy needs it",
        policies: DEFAULT,
        rules: ["ports/openvidu-udp-443", "ports/openvidu-udp-50000-60000"],
        call_rules: [],
    }
    /// A firewall closes WebRTC over TCP although the deployment uses it.
    IceTcpBlocked {
        name: "ice-tcp-blocked",
        describe: "TCP 7881 of OpenVidu is closed although the deployment uses WebRTC over TCP",
        policies: DEFAULT,
        rules: ["ports/openvidu-tcp-7881"],
        call_rules: [],
    }
    /// UDP 443 is still open under forced TURN.
    Udp443Open {
        name: "udp-443-open",
        describe: "UDP 443 of OpenVidu is open although the policy forces TURN over TLS",
        policies: FORCED_TURN,
        rules: ["policy/udp-443-closed"],
        call_rules: ["policy/media-only-through-turn"],
    }
    /// One port of the media range is still open under forced TURN.
    MediaPortOpen {
        name: "media-port-open",
        describe: "UDP 55000 of OpenVidu is open although the policy forces TURN over TLS",
        policies: FORCED_TURN,
        rules: ["policy/media-range-closed"],
        call_rules: [],
    }
    /// WebRTC over TCP is still open under forced TURN.
    IceTcpOpen {
        name: "ice-tcp-open",
        describe: "TCP 7881 of OpenVidu is open although the policy forces TURN over TLS",
        policies: FORCED_TURN,
        rules: ["policy/ice-tcp-7881-closed"],
        call_rules: ["policy/media-only-through-turn"],
    }
    /// A Redis without a password is open to the internet.
    RedisExposed {
        name: "redis-exposed",
        describe: "TCP 7000 of OpenVidu is open to the internet, and its Redis has no password",
        policies: EITHER,
        rules: ["ports/redis-needs-password", "ports/undocumented-closed"],
        call_rules: [],
    }
    /// The operator's secret differs from the server's.
    ApiSecretWrong {
        name: "api-secret-wrong",
        describe: "the check uses an API secret that differs from the server's",
        policies: EITHER,
        rules: [],
        call_rules: ["call/join-accepted"],
    }
    /// The operator uses the key of another server.
    ApiKeyUnknown {
        name: "api-key-unknown",
        describe: "the check uses an API key that the server does not know",
        policies: EITHER,
        rules: [],
        call_rules: ["call/join-accepted"],
    }
    /// The clock of the OpenVidu machine is behind the clocks of the machines that create tokens.
    ClockBehindTokens {
        name: "clock-behind-tokens",
        describe: "the clock of OpenVidu is two minutes slow, so that new tokens are not valid yet",
        policies: EITHER,
        rules: ["signal/clock-agrees"],
        call_rules: ["call/join-accepted"],
    }
    /// Every room is full.
    RoomFull {
        name: "room-full",
        describe: "every room is full: LiveKit answers 500, \"connection closed by media\"",
        policies: EITHER,
        rules: [],
        call_rules: ["call/join-accepted"],
    }
    /// LiveKit has no TURN domain configured.
    TurnUrlMissing {
        name: "turn-url-missing",
        describe: "LiveKit does not announce the TURN server behind the proxy to participants",
        policies: EITHER,
        rules: [],
        call_rules: ["call/turn-servers-are-right"],
    }
    /// LiveKit announces the port of the node instead of the port of the proxy.
    TurnUrlWrongPort {
        name: "turn-url-wrong-port",
        describe: "LiveKit announces TURN over TLS on port 5349, where the proxy does not listen",
        policies: EITHER,
        rules: [],
        call_rules: ["call/turn-servers-are-right"],
    }
    /// LiveKit announces the malformed URL of version 1.10.0.
    TurnUrlMalformed {
        name: "turn-url-malformed",
        describe: "LiveKit announces a malformed URL for TURN over UDP, like version 1.10.0",
        policies: EITHER,
        rules: [],
        call_rules: ["call/turn-servers-are-right"],
    }
    /// LiveKit announces the address of a Docker network as its own.
    CandidateIsPrivate {
        name: "candidate-is-private",
        describe: "LiveKit announces the address of a Docker network for media",
        policies: EITHER,
        rules: [],
        call_rules: ["call/media-addresses-are-right"],
    }
    /// The TURN server does not know the passwords that participants receive.
    TurnCredentialsRefused {
        name: "turn-credentials-refused",
        describe: "the TURN server rejects the passwords that participants receive",
        policies: EITHER,
        rules: [],
        call_rules: ["turn/allocation-granted"],
    }
    /// The TURN server has used up its allocation quota.
    TurnQuotaUsedUp {
        name: "turn-quota-used-up",
        describe: "the allocation quota of the TURN server is reached (error 486)",
        policies: EITHER,
        rules: [],
        call_rules: ["turn/allocation-granted"],
    }
    /// A firewall on the node drops packets from its own relays to its media ports.
    MediaRangeBlockedForRelay {
        name: "media-range-blocked-for-relay",
        describe: "the media ports of OpenVidu are closed to OpenVidu's own relays",
        policies: EITHER,
        rules: [],
        call_rules: ["turn/relay-carries-media"],
    }
    /// Relays send to any address that a participant chooses.
    RelayReachesPrivateNetworks {
        name: "relay-reaches-private-networks",
        describe: "participants can reach private networks through the TURN server",
        policies: EITHER,
        rules: [],
        call_rules: ["turn/refuses-foreign-peers"],
    }
    /// Large datagrams are lost on the way to the media ports.
    LargePacketsLost {
        name: "large-packets-lost",
        describe: "datagrams larger than 700 bytes are lost on the way to the media ports",
        policies: EITHER,
        rules: [],
        call_rules: ["call/large-packets-pass"],
    }
    /// A firewall in front of the media ports allows STUN but not DTLS.
    DtlsBlocked {
        name: "dtls-blocked",
        describe: "a firewall in front of the media ports allows STUN but blocks DTLS",
        policies: EITHER,
        rules: [],
        call_rules: ["call/dtls-passes"],
    }
    /// The node's own ICE checks open its firewall for replies.
    HolePunched {
        name: "hole-punched",
        describe: "outbound UDP of OpenVidu is open, so its ICE checks let media bypass the proxy",
        policies: FORCED_TURN,
        rules: [],
        call_rules: ["policy/no-media-through-hole-punching"],
    }
}

impl Fault {
    /// The name on the command line: lower-case letters, digits and hyphens.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// A description of the fault, on one line.
    pub fn describe(self) -> &'static str {
        self.entry().describe
    }

    /// The default policy for showing the fault.
    pub fn policy(self) -> Policy {
        self.entry().policies[0]
    }

    /// Whether it is a fault under `policy`. For example, UDP 443 must be open under the default policy.
    pub fn exists_under(self, policy: Policy) -> bool {
        self.entry().policies.contains(&policy)
    }

    /// All rules that it violates and that can be checked without a call.
    pub fn rules(self) -> &'static [&'static str] {
        self.entry().rules
    }

    /// The additional rules that it violates in a call.
    pub fn call_rules(self) -> &'static [&'static str] {
        self.entry().call_rules
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_fault_has_a_name_of_its_own_that_can_be_typed() {
        let names: BTreeSet<_> = Fault::ALL.iter().map(|fault| fault.name()).collect();
        assert_eq!(names.len(), Fault::ALL.len());
        for name in names {
            let typed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            assert!(name.bytes().all(typed), "{name}");
        }
    }

    #[test]
    fn an_open_port_is_a_fault_only_where_the_policy_closes_it() {
        assert!(Fault::Udp443Open.exists_under(Policy::ForcedTurn));
        assert!(!Fault::Udp443Open.exists_under(Policy::Default));
        assert!(!Fault::Udp443Blocked.exists_under(Policy::ForcedTurn));
    }

    #[test]
    fn every_fault_breaks_something() {
        for fault in Fault::ALL {
            let rules = [fault.rules(), fault.call_rules()].concat();
            assert!(!rules.is_empty(), "{fault}");
        }
    }

    #[test]
    fn every_fault_exists_under_the_policy_it_is_shown_under() {
        for fault in Fault::ALL {
            assert!(fault.exists_under(fault.policy()), "{fault}");
        }
    }
}
