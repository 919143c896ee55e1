//! The ways in which the demo can be broken: each is one thing that people really get wrong.

use std::fmt;

use crate::model::deployment::Policy;

/// What stands about one fault, in one place.
struct Entry {
    name: &'static str,
    describe: &'static str,
    policies: &'static [Policy],
    rules: &'static [&'static str],
    call_rules: &'static [&'static str],
}

const DEFAULT: &[Policy] = &[Policy::Default];
const FORCED_TURN: &[Policy] = &[Policy::ForcedTurn];
/// The first one is the one to show it under.
const EITHER: &[Policy] = &[Policy::Default, Policy::ForcedTurn];

macro_rules! faults {
    ($($(#[$doc:meta])+ $variant:ident {
        name: $name:literal,
        describe: $describe:literal,
        policies: $policies:expr,
        rules: [$($rule:literal),* $(,)?],
        call_rules: [$($call_rule:literal),* $(,)?],
    })+) => {
        /// One thing that is wrong with the demo.
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
    /// The proxy's map sends the TURN name to the API's backend.
    TurnNameReachesApi {
        name: "turn-name-reaches-api",
        describe: "the proxy sends the TURN name to the API instead of the TURN server",
        policies: EITHER,
        rules: ["turn/turns-answers-binding"],
        call_rules: [],
    }
    /// Nobody listens where the proxy sends the TURN name.
    TurnBackendDown {
        name: "turn-backend-down",
        describe: "nobody listens where the proxy sends the TURN name",
        policies: EITHER,
        rules: ["turn/turns-answers-binding"],
        call_rules: [],
    }
    /// The proxy serves the API's certificate for the TURN name.
    TurnCertificateWrongName {
        name: "turn-certificate-wrong-name",
        describe: "the proxy serves the API's certificate for the TURN name",
        policies: EITHER,
        rules: ["tls/name-matches"],
        call_rules: [],
    }
    /// Only the server's own certificate is sent for the domain.
    MissingIntermediate {
        name: "missing-intermediate",
        describe: "the proxy sends the domain's certificate without the intermediate",
        policies: EITHER,
        rules: ["tls/chain-verifies"],
        call_rules: [],
    }
    /// The domain's certificate ran out.
    ExpiredCertificate {
        name: "expired-certificate",
        describe: "the domain's certificate ran out three days ago",
        policies: EITHER,
        rules: ["tls/not-expired"],
        call_rules: [],
    }
    /// The domain has a certificate as `openssl req -x509` makes it.
    SelfSignedCertificate {
        name: "self-signed-certificate",
        describe: "the domain's certificate signed itself",
        policies: EITHER,
        rules: ["tls/chain-verifies"],
        call_rules: [],
    }
    /// The proxy's last default site is still there.
    NoRedirect {
        name: "no-redirect",
        describe: "port 80 of the proxy serves a page instead of leading to HTTPS",
        policies: EITHER,
        rules: ["http/port-80-redirects-to-https"],
        call_rules: [],
    }
    /// The proxy forwards RTMP without `ssl` on the listener.
    RtmpPlaintext {
        name: "rtmp-plaintext",
        describe: "port 1935 of the proxy speaks RTMP without TLS",
        policies: EITHER,
        rules: ["rtmp/plaintext-refused"],
        call_rules: [],
    }
    /// The DNS leads users past the proxy.
    DnsPointsToOpenvidu {
        name: "dns-points-to-openvidu",
        describe: "the domain's records hold the addresses of OpenVidu instead of the proxy's",
        policies: EITHER,
        rules: ["dns/domain-points-to-proxy"],
        call_rules: [],
    }
    /// Nobody made the record of the TURN name.
    TurnNameMissing {
        name: "turn-name-missing",
        describe: "the TURN name does not exist in the DNS",
        policies: EITHER,
        rules: ["dns/turn-domain-resolves"],
        call_rules: [],
    }
    /// The proxy loses the `Upgrade` header.
    ApiWebsocketBlocked {
        name: "api-websocket-blocked",
        describe: "WebSocket upgrades lose their headers in the proxy and become plain requests",
        policies: EITHER,
        rules: ["signal/websocket-upgrade-passes"],
        call_rules: [],
    }
    /// Nobody listens where the proxy sends the domain.
    ApiBackendDown {
        name: "api-backend-down",
        describe: "nobody listens where the proxy sends the domain",
        policies: EITHER,
        rules: ["signal/api-answers"],
        call_rules: [],
    }
    /// The proxy has a default for names that it does not know.
    UnknownNameServed {
        name: "unknown-name-served",
        describe: "the proxy serves the API for names that it does not know, and without a name",
        policies: EITHER,
        rules: ["tls/unknown-name-reaches-no-backend"],
        call_rules: [],
    }
    /// The proxy takes TLS 1.1 on port 443.
    Tls11Accepted {
        name: "tls11-accepted",
        describe: "port 443 of the proxy still takes TLS 1.1",
        policies: EITHER,
        rules: ["tls/legacy-refused"],
        call_rules: [],
    }
    /// The proxy speaks TLS 1.2 alone on port 443.
    Tls13Missing {
        name: "tls13-missing",
        describe: "port 443 of the proxy speaks TLS 1.2 alone",
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
    /// The API's own port is open to everybody.
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
    /// Another program holds UDP 443.
    Udp443WrongService {
        name: "udp-443-wrong-service",
        describe: "a DNS server holds UDP 443 of OpenVidu",
        policies: DEFAULT,
        rules: ["stun/udp-443-answers-binding"],
        call_rules: [],
    }
    /// UDP 443 stayed open under forced TURN.
    Udp443Open {
        name: "udp-443-open",
        describe: "UDP 443 of OpenVidu is open although TURN over TLS is forced",
        policies: FORCED_TURN,
        rules: ["policy/udp-443-closed"],
        call_rules: ["policy/media-only-through-turn"],
    }
    /// One port of the media range stayed open under forced TURN.
    MediaPortOpen {
        name: "media-port-open",
        describe: "UDP 55000 of OpenVidu is open although TURN over TLS is forced",
        policies: FORCED_TURN,
        rules: ["policy/media-range-closed"],
        call_rules: [],
    }
    /// WebRTC over TCP stayed open under forced TURN.
    IceTcpOpen {
        name: "ice-tcp-open",
        describe: "TCP 7881 of OpenVidu is open although TURN over TLS is forced",
        policies: FORCED_TURN,
        rules: ["policy/ice-tcp-7881-closed"],
        call_rules: ["policy/media-only-through-turn"],
    }
    /// A Redis without a password is open to everybody.
    RedisExposed {
        name: "redis-exposed",
        describe: "TCP 7000 of OpenVidu is open to the internet, with a Redis without a password",
        policies: EITHER,
        rules: ["ports/redis-needs-password", "ports/undocumented-closed"],
        call_rules: [],
    }
    /// The operator has another secret than the server.
    ApiSecretWrong {
        name: "api-secret-wrong",
        describe: "the API secret that the demo is checked with is not the server's",
        policies: EITHER,
        rules: [],
        call_rules: ["call/join-accepted"],
    }
    /// The operator has the key of another server.
    ApiKeyUnknown {
        name: "api-key-unknown",
        describe: "the API key that the demo is checked with is not the server's",
        policies: EITHER,
        rules: [],
        call_rules: ["call/join-accepted"],
    }
    /// The clock of the OpenVidu machine is behind those of everybody who makes tokens.
    ClockBehindTokens {
        name: "clock-behind-tokens",
        describe: "the clock of OpenVidu is two minutes slow, so that new tokens are not valid yet",
        policies: EITHER,
        rules: ["signal/clock-agrees"],
        call_rules: ["call/join-accepted"],
    }
    /// No room takes anybody.
    RoomFull {
        name: "room-full",
        describe: "every room is full: LiveKit answers 500, \"connection closed by media\"",
        policies: EITHER,
        rules: [],
        call_rules: ["call/join-accepted"],
    }
    /// LiveKit was not told a TURN domain.
    TurnUrlMissing {
        name: "turn-url-missing",
        describe: "participants are not told the TURN server behind the proxy",
        policies: EITHER,
        rules: [],
        call_rules: ["call/ice-servers-agree"],
    }
    /// LiveKit names the node's port instead of the proxy's.
    TurnUrlWrongPort {
        name: "turn-url-wrong-port",
        describe: "participants are told TURN over TLS at port 5349, where the proxy does not listen",
        policies: EITHER,
        rules: [],
        call_rules: ["call/ice-servers-agree"],
    }
    /// LiveKit 1.10.0.
    TurnUrlMalformed {
        name: "turn-url-malformed",
        describe: "participants are told the TURN server over UDP as LiveKit 1.10.0 wrote it: malformed",
        policies: EITHER,
        rules: [],
        call_rules: ["call/ice-servers-agree"],
    }
    /// LiveKit takes the address of a Docker network for its own.
    CandidateIsPrivate {
        name: "candidate-is-private",
        describe: "media is offered at the address of a Docker network",
        policies: EITHER,
        rules: [],
        call_rules: ["call/candidates-agree"],
    }
    /// The TURN server does not know the passwords that participants are told.
    TurnCredentialsRefused {
        name: "turn-credentials-refused",
        describe: "the TURN server refuses the passwords that participants are told",
        policies: EITHER,
        rules: [],
        call_rules: ["turn/allocation-granted"],
    }
    /// The TURN server has given out all the relays that it may.
    TurnQuotaUsedUp {
        name: "turn-quota-used-up",
        describe: "the TURN server has no relay left for participants (486)",
        policies: EITHER,
        rules: [],
        call_rules: ["turn/allocation-granted"],
    }
    /// A firewall on the node drops what its own relays send to its media ports.
    MediaRangeBlockedForRelay {
        name: "media-range-blocked-for-relay",
        describe: "the media range of OpenVidu is closed to OpenVidu's own relays",
        policies: EITHER,
        rules: [],
        call_rules: ["turn/relay-carries-media"],
    }
    /// Relays send wherever a participant wants.
    RelayReachesPrivateNetworks {
        name: "relay-reaches-private-networks",
        describe: "the TURN server lets participants into the networks behind it",
        policies: EITHER,
        rules: [],
        call_rules: ["turn/refuses-foreign-peers"],
    }
    /// Somewhere on the way to the media ports large datagrams are lost.
    LargePacketsLost {
        name: "large-packets-lost",
        describe: "datagrams of more than 700 bytes are lost on their way to the media ports",
        policies: EITHER,
        rules: [],
        call_rules: ["call/large-packets-pass"],
    }
    /// A firewall before the media ports knows STUN, and not DTLS.
    DtlsBlocked {
        name: "dtls-blocked",
        describe: "a firewall lets STUN to the media ports pass, and no DTLS",
        policies: EITHER,
        rules: [],
        call_rules: ["call/dtls-passes"],
    }
    /// The node's own checks open a way through its firewall.
    HolePunched {
        name: "hole-punched",
        describe: "OpenVidu may send UDP out, so that its own checks let media in beside the proxy",
        policies: FORCED_TURN,
        rules: [],
        call_rules: ["policy/media-not-punched-out"],
    }
}

impl Fault {
    /// The word by which a person asks for it: lower-case letters, digits and hyphens.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// One line: what is wrong.
    pub fn describe(self) -> &'static str {
        self.entry().describe
    }

    /// The policy to show it under.
    pub fn policy(self) -> Policy {
        self.entry().policies[0]
    }

    /// Whether it is a fault under `policy` at all: UDP 443 open is right under the default one.
    pub fn exists_under(self, policy: Policy) -> bool {
        self.entry().policies.contains(&policy)
    }

    /// The rules that it breaks, all that can be seen without a call.
    pub fn rules(self) -> &'static [&'static str] {
        self.entry().rules
    }

    /// The rules that it breaks beside those when a call is made.
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
