//! Facts and demands in words.

use crate::model::facts::{
    Connect, Handshake, HttpAnswer, HttpResponse, IcmpError, IcmpMeaning, StunAnswer, TlsVersion,
};
use crate::model::plan::{Ask, Check};
use crate::model::reason::ReasonCode;
use crate::model::rule::{Demand, Rule};

/// What a connection attempt met.
pub(super) fn connect(connect: &Connect) -> String {
    match connect {
        Connect::Accepted => "the connection is accepted".to_owned(),
        Connect::Reset => "the connection is refused (RST)".to_owned(),
        Connect::Icmp(error) => format!("the connection is refused: {error}"),
        Connect::Silent => "no answer to connection attempts".to_owned(),
    }
}

/// The reason code of a connection that was not accepted.
pub(super) fn connect_reason(connect: &Connect) -> ReasonCode {
    match connect {
        Connect::Accepted => ReasonCode::PortOpenUnexpected,
        Connect::Reset => ReasonCode::TcpRefused,
        Connect::Icmp(error) => icmp_reason(error),
        Connect::Silent => ReasonCode::TcpTimeout,
    }
}

/// The reason code of an ICMP error.
pub(super) fn icmp_reason(error: &IcmpError) -> ReasonCode {
    match error.meaning() {
        IcmpMeaning::PortUnreachable => ReasonCode::PortUnreachable,
        IcmpMeaning::AdminProhibited => ReasonCode::AdminProhibited,
        IcmpMeaning::NetworkUnreachable => ReasonCode::NetworkUnreachable,
        IcmpMeaning::HostUnreachable | IcmpMeaning::Other => ReasonCode::HostUnreachable,
    }
}

/// What a handshake that did not complete met, and its reason code.
pub(super) fn handshake(handshake: &Handshake) -> (ReasonCode, String) {
    match handshake {
        Handshake::Completed(session) => {
            (ReasonCode::Holds, format!("{} completes", session.version))
        }
        Handshake::Alert { code, name } => (
            ReasonCode::TlsAlert,
            format!("the handshake is refused with the alert {name} ({code})"),
        ),
        Handshake::NotTls(first) => {
            (ReasonCode::TlsNotTls, format!("not TLS: the answer to a ClientHello is {first}"))
        }
        Handshake::Closed => (
            ReasonCode::TlsClosed,
            "the connection is accepted and closed in the middle of the TLS handshake".to_owned(),
        ),
        Handshake::Reset => (
            ReasonCode::TcpReset,
            "the connection is accepted and reset in the middle of the TLS handshake".to_owned(),
        ),
        Handshake::Silent => (
            ReasonCode::TlsTimeout,
            "the connection is accepted; no answer to a ClientHello".to_owned(),
        ),
        Handshake::Broken(what) => {
            (ReasonCode::TlsNotTls, format!("the handshake breaks the TLS protocol ({what})"))
        }
    }
}

/// What an HTTP request met, when it was not the answer demanded, and its reason code.
pub(super) fn http(answer: &HttpAnswer) -> (ReasonCode, String) {
    match answer {
        HttpAnswer::Response(response) => {
            let body = response.body.as_str().trim();
            let quoted = if body.is_empty() {
                String::new()
            } else if body.starts_with('<') {
                // Its status says the same.
                ", a page of HTML".to_owned()
            } else {
                let short: String = body.chars().take(60).collect();
                format!(" \"{short}\"")
            };
            let server = response
                .server
                .as_ref()
                .map_or_else(String::new, |server| format!(" (Server: {server})"));
            (ReasonCode::HttpStatus, format!("HTTP {}{quoted}{server}", response.status))
        }
        HttpAnswer::Closed => {
            (ReasonCode::BackendDown, "the connection ends without an answer".to_owned())
        }
        HttpAnswer::Reset => {
            (ReasonCode::BackendDown, "the connection is reset without an answer".to_owned())
        }
        HttpAnswer::Silent => {
            (ReasonCode::BackendSilent, "no answer; the connection stays open".to_owned())
        }
        HttpAnswer::Unfinished { bytes } => {
            (ReasonCode::HttpNotHttp, format!("no whole HTTP answer, after {bytes} bytes"))
        }
        HttpAnswer::NotHttp(first) => {
            (ReasonCode::WrongService, format!("the answer is {first}, not HTTP"))
        }
    }
}

/// What stands in front when an HTTP answer carries this `Server`, where that is something which
/// carries HTTP and nothing else: a content delivery network or a cloud's load balancer for HTTP.
pub(super) fn http_front(server: &str) -> Option<&'static str> {
    const CDN: &str = "a content delivery network";
    const BALANCER: &str = "a load balancer for HTTP";
    const FRONTS: [(&str, &str); 10] = [
        ("cloudflare", CDN),
        ("cloudfront", CDN),
        ("akamaighost", CDN),
        ("bunnycdn", CDN),
        ("keycdn", CDN),
        ("sucuri", CDN),
        ("fastly", CDN),
        ("awselb", BALANCER),
        ("google frontend", BALANCER),
        ("microsoft-azure-application-gateway", BALANCER),
    ];
    let server = server.to_ascii_lowercase();
    FRONTS.iter().find(|(name, _)| server.starts_with(name)).map(|(_, what)| *what)
}

/// What a STUN request met, and its reason code.
pub(super) fn stun(answer: &StunAnswer) -> (ReasonCode, String) {
    match answer {
        StunAnswer::Success { mapped: Some(mapped) } => {
            (ReasonCode::Holds, format!("success, mapped address {mapped}"))
        }
        StunAnswer::Success { mapped: None } => {
            (ReasonCode::StunBadResponse, "success without a mapped address".to_owned())
        }
        StunAnswer::Error { code, reason, realm, nonce_bytes } => {
            let mut words = format!("error {code}");
            if !reason.as_str().is_empty() {
                words.push_str(&format!(" \"{reason}\""));
            }
            if let Some(realm) = realm {
                words.push_str(&format!(", realm \"{realm}\""));
            }
            if nonce_bytes.is_none() {
                words.push_str(", no nonce");
            }
            (ReasonCode::StunBadResponse, words)
        }
        StunAnswer::Silent => (ReasonCode::StunNoResponse, "no STUN answer".to_owned()),
        StunAnswer::Icmp(error) => (icmp_reason(error), error.to_string()),
        StunAnswer::Closed => {
            (ReasonCode::BackendDown, "the connection ends without an answer".to_owned())
        }
        StunAnswer::Reset => {
            (ReasonCode::BackendDown, "the connection is reset without an answer".to_owned())
        }
        StunAnswer::NotStun(first) => {
            (ReasonCode::WrongService, format!("the answer is {first}, not STUN"))
        }
        StunAnswer::Malformed(what) => {
            (ReasonCode::StunBadResponse, format!("a broken STUN answer ({what})"))
        }
    }
}

/// Several things as a person lists them: `a`, `a and b`, `a, b and c`.
pub(super) fn list<T: ToString>(things: &[T]) -> String {
    let words: Vec<String> = things.iter().map(T::to_string).collect();
    match words.as_slice() {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Milliseconds as seconds: `0.8`, `30`.
pub(super) fn seconds(ms: u64) -> String {
    let tenths = (ms + 50) / 100;
    match tenths % 10 {
        0 => (tenths / 10).to_string(),
        rest => format!("{}.{rest}", tenths / 10),
    }
}

/// Port numbers as commands take them: `7000, 7001`.
pub(super) fn numbers(ports: &[u16]) -> String {
    let words: Vec<String> = ports.iter().map(u16::to_string).collect();
    words.join(", ")
}

/// What a rule demands of a target.
pub(super) fn expected(rule: &Rule, check: &Check) -> String {
    match &check.ask {
        Ask::MustBeOpen => format!("{} lets packets from here in", check.target),
        Ask::MustBeClosed => format!("{} lets nothing from here in", check.target),
        Ask::NeedNotBeOpen(_) => format!("{} is closed: nothing in use needs it", check.target),
        Ask::EitherWay(condition) if matches!(rule.demand, Demand::PortRow(_)) => {
            format!("open when {condition} is in use, closed otherwise")
        }
        Ask::EitherWay(_) | Ask::Demand | Ask::Nothing(_) | Ask::Undeclared(_) => demanded(rule),
    }
}

fn demanded(rule: &Rule) -> String {
    let versions = |versions: &[TlsVersion]| list(versions);
    match &rule.demand {
        Demand::NameResolves => "an A or AAAA record".to_owned(),
        Demand::PointsToProxy => "the address of the proxy".to_owned(),
        Demand::AddressesPublic => "an address that the internet can reach".to_owned(),
        Demand::RedirectsToHttps => {
            "301 or 308 to https://, the same host and the same path".to_owned()
        }
        Demand::HandshakeCompletes => "a TLS handshake completes for this name".to_owned(),
        Demand::ChainVerifies => "a chain, as sent, that leads to a trusted root".to_owned(),
        Demand::NameMatches => "a certificate for this name".to_owned(),
        Demand::NotExpired => "a certificate that is valid now".to_owned(),
        Demand::ExpiresLaterThan { days } => format!("more than {days} days left"),
        Demand::RenewalNotRedirected { days } => {
            format!("with {days} days left or fewer, port 80 answers challenges of ACME itself")
        }
        Demand::VersionAccepted(version) => format!("{version} alone is accepted"),
        Demand::VersionsRefused(refused) => format!("{} are refused", versions(refused)),
        Demand::UnknownNameReachesNoBackend => {
            "an unknown name, and none, reach neither API nor TURN".to_owned()
        }
        Demand::ApiAnswers => {
            "401 \"no permissions to access the room\", as LiveKit says it".to_owned()
        }
        Demand::WebSocketUpgradePasses => {
            "401 from LiveKit to a WebSocket upgrade without a token".to_owned()
        }
        Demand::PostPasses => "401 JSON from LiveKit to a POST without a token".to_owned(),
        Demand::ClockAgrees { seconds } => format!("clocks that agree within {seconds} s"),
        Demand::HoldsIdle { seconds } => {
            format!("a connection without traffic is kept for {seconds} s")
        }
        Demand::AnswersBinding => "a STUN Binding success".to_owned(),
        Demand::ChallengesAllocate => "401 with realm and nonce to an Allocate".to_owned(),
        Demand::MappedAddressPlausible => "a mapped address that is not loopback".to_owned(),
        Demand::EditionMatches => "a server of the edition that is judged by".to_owned(),
        Demand::RtmpsHandshakes => "an RTMP handshake inside TLS".to_owned(),
        Demand::PlaintextRefused => "no RTMP without TLS".to_owned(),
        Demand::UndocumentedClosed => {
            "no port of OpenVidu's services open that no row of the guide allows".to_owned()
        }
        Demand::RedisNeedsPassword => "no Redis that takes commands without a password".to_owned(),
        Demand::PortClosed => "closed: nothing from here gets in".to_owned(),
        Demand::PortOpen => "open: packets from here get in".to_owned(),
        Demand::FamiliesAgree
        | Demand::HoldsByParsing
        | Demand::PortRow(_)
        | Demand::AllPass(_)
        | Demand::MediaPathsOnly(_) => rule.title.clone(),
        Demand::JoinAccepted => "a join response to a hidden participant".to_owned(),
        Demand::IceServersAgree => "the deployment's own TURN servers, by usable URLs".to_owned(),
        Demand::CandidatesAgree => "media at the deployment's own public addresses".to_owned(),
        Demand::AllocationGranted => "a relay for the credentials of the session".to_owned(),
        Demand::RelayCarriesMedia => {
            "an authenticated ICE answer from the media port, through each relay".to_owned()
        }
        Demand::WrongPasswordRefused => "no relay for a wrong password".to_owned(),
        Demand::ForeignPeersRefused => {
            "permission refused for loopback, link-local and private addresses".to_owned()
        }
        Demand::MediaPath(_) => "an authenticated ICE answer".to_owned(),
        Demand::NotPunchedOut => "no ICE check of the node's own at an address of ours".to_owned(),
        Demand::LargePacketsPass => {
            "an answer to a check of 1200 bytes as to a short one".to_owned()
        }
        Demand::DtlsPasses => "DTLS handshake messages in both directions".to_owned(),
    }
}

/// What a TURN server says that refuses something: whether it challenges matters no more.
pub(super) fn refusal(answer: &StunAnswer) -> String {
    match answer {
        StunAnswer::Error { code, reason, .. } if reason.as_str().is_empty() => {
            format!("error {code}")
        }
        StunAnswer::Error { code, reason, .. } => format!("error {code} \"{reason}\""),
        StunAnswer::Success { .. }
        | StunAnswer::Silent
        | StunAnswer::Icmp(_)
        | StunAnswer::Closed
        | StunAnswer::Reset
        | StunAnswer::NotStun(_)
        | StunAnswer::Malformed(_) => stun(answer).1,
    }
}

/// Whether an answer is one of a STUN server, whatever it says.
pub(super) fn is_stun(answer: &StunAnswer) -> bool {
    match answer {
        StunAnswer::Success { .. } | StunAnswer::Error { .. } | StunAnswer::Malformed(_) => true,
        StunAnswer::Silent
        | StunAnswer::Icmp(_)
        | StunAnswer::Closed
        | StunAnswer::Reset
        | StunAnswer::NotStun(_) => false,
    }
}

/// What LiveKit says to `/rtc/validate` without a token (pkg/service/auth.go).
pub(super) const NO_PERMISSIONS: &str = "no permissions to access the room";

/// Whether LiveKit refuses a request that comes without a token.
pub(super) fn is_livekit_refusal(response: &HttpResponse) -> bool {
    response.status == 401 && response.body.as_str().contains(NO_PERMISSIONS)
}
