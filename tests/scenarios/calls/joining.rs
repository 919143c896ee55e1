//! Who is let in, and what is said instead; whose TURN servers and addresses are offered.

use ovcheck::model::deployment::Policy;
use ovcheck::model::facts::*;
use ovcheck::model::observation::{Blindness, Outcome};
use ovcheck::model::port::Transport;
use ovcheck::model::probe::{ApiRequest, ProbeSpec};
use ovcheck::model::reason::ReasonCode;

use super::{Situation, call_alone, called, deaf, finding, said};
use crate::support::facts::{api_behind_tls, tls};
use crate::world::Observed as _;
use crate::world::{
    PROXY, World, completed, dns, prohibited_on_the_way, response, response_with, words,
};

/// With the join answered otherwise; then there is no session.
fn join(policy: Policy, answer: &HttpAnswer) -> World {
    refused(called(policy), answer)
}

fn refused(world: World, answer: &HttpAnswer) -> World {
    let answer = answer.clone();
    world.call_but(move |call| {
        nobody_in(call);
        call.signal.join = Some(JoinAnswer::Refused(answer.clone()));
    })
}

fn nobody_in(call: &mut CallFacts) {
    call.signal.join = None;
    call.session = None;
    call.paths.clear();
    call.relays.clear();
    call.punched = None;
    call.farewell = None;
}

/// Let in by a head that clients refuse.
fn granted_with(flaw: UpgradeFlaw) -> World {
    called(Policy::Default).call_but(move |call| {
        nobody_in(call);
        call.signal.join = Some(JoinAnswer::Joined);
        call.signal.flaw = Some(flaw.clone());
    })
}

fn at(status: u16, body: &str, ahead: i64) -> HttpAnswer {
    response_with(status, body, |response| response.date_ahead_s = Some(ahead))
}

const SIGNATURE: &str =
    "invalid token: ***, error: token signature is invalid: signature is invalid";
const NOT_YET: &str = "invalid token: ***, error: token has invalid claims: token is not valid yet";
const EXPIRED: &str = "invalid token: ***, error: token has invalid claims: token is expired";

pub fn situations() -> Vec<Situation> {
    vec![
        (
            "a token signed with another secret",
            join(Policy::Default, &response(401, SIGNATURE)),
            vec!["call/join-accepted"],
        ),
        (
            "a WebSocket that browsers refuse",
            granted_with(UpgradeFlaw::NoAccept),
            vec!["call/join-accepted"],
        ),
        (
            "a token of yesterday",
            join(Policy::Default, &response(401, EXPIRED)),
            vec!["call/join-accepted"],
        ),
        (
            "a clock two minutes behind, which the API's Date shows too",
            join(Policy::Default, &at(401, NOT_YET, -120)).but(|spec| match spec {
                ProbeSpec::Api {
                    request: ApiRequest::Validate,
                    over: ovcheck::model::probe::Carrier::Tls(_),
                    ..
                } => {
                    let answer = at(401, "no permissions to access the room", -120);
                    Some(Outcome::Saw(api_behind_tls(answer)))
                }
                _ => None,
            }),
            vec!["call/join-accepted", "signal/clock-agrees"],
        ),
        (
            "upgrade headers lost, with credentials",
            join(Policy::Default, &response(404, "")).but(lost_upgrade),
            vec!["signal/websocket-upgrade-passes"],
        ),
    ]
}

fn lost_upgrade(spec: &ProbeSpec) -> Option<Outcome> {
    match spec {
        ProbeSpec::Api { request: ApiRequest::WebSocketUpgrade, .. } => {
            Some(Outcome::Saw(api_behind_tls(response(404, ""))))
        }
        _ => None,
    }
}

const JOIN: &str = "call/join-accepted";

#[test]
fn every_reason_not_to_be_let_in_has_its_own_words() {
    let cases = [
        (
            response(401, SIGNATURE),
            ReasonCode::SecretWrong,
            "LiveKit refuses the token: it is signed with a secret other than the server's",
        ),
        (
            response(
                401,
                "invalid token: ***, error: go-jose/go-jose: error in cryptographic primitive",
            ),
            ReasonCode::SecretWrong,
            "LiveKit refuses the token: it is signed with a secret other than the server's",
        ),
        (
            response(401, "invalid API key: APIother"),
            ReasonCode::KeyUnknown,
            "LiveKit refuses the token: the server does not know its API key",
        ),
        (
            at(401, NOT_YET, -120),
            ReasonCode::ClockDiffers,
            "this machine's clock is 2 minutes ahead of the server's, and nothing shows which of the \
             two is right",
        ),
        (
            at(401, NOT_YET, -61),
            ReasonCode::ClockDiffers,
            "this machine's clock is 61 seconds ahead of the server's, and nothing shows which of the \
             two is right",
        ),
        // What LiveKit forgives.
        (
            at(401, NOT_YET, -60),
            ReasonCode::TokenRefused,
            "LiveKit refuses the token: it is not valid yet, although the clocks agree",
        ),
        (
            at(401, NOT_YET, 0),
            ReasonCode::TokenRefused,
            "LiveKit refuses the token: it is not valid yet, although the clocks agree",
        ),
        (
            at(401, EXPIRED, 700),
            ReasonCode::ClockDiffers,
            "this machine's clock is 12 minutes behind the server's, and nothing shows which of the \
             two is right",
        ),
        (
            at(401, EXPIRED, 2),
            ReasonCode::TokenExpired,
            "LiveKit refuses the token: it has expired",
        ),
        (
            at(401, EXPIRED, 120),
            ReasonCode::TokenExpired,
            "LiveKit refuses the token: it has expired",
        ),
        (
            response(401, "permissions denied"),
            ReasonCode::TokenLacksRights,
            "LiveKit refuses the token: it does not allow joining a room (roomJoin)",
        ),
        (
            response(400, "no room name"),
            ReasonCode::TokenLacksRights,
            "LiveKit refuses the token: it names no room",
        ),
        (
            response(401, "no permissions to access the room"),
            ReasonCode::TokenRefused,
            "LiveKit received no token: something on the way probably removes it from the URL",
        ),
        (
            response(401, "invalid token: ***, error: something new"),
            ReasonCode::TokenRefused,
            "LiveKit refuses the token for the reason quoted below",
        ),
        (
            response(500, "connection closed by media"),
            ReasonCode::RoomRefused,
            "the token is right, but the room accepts no participant: it is probably full \
             (max_participants)",
        ),
        (
            response(404, "requested room does not exist"),
            ReasonCode::RoomRefused,
            "the token is right, but its room does not exist, and LiveKit creates none (auto_create)",
        ),
        (
            response(426, ""),
            ReasonCode::WsNotUpgraded,
            "the WebSocket upgrade is lost on the way to LiveKit",
        ),
        (response(502, "<html>"), ReasonCode::BackendDown, "nothing answers behind the proxy"),
        (response(200, "<html>"), ReasonCode::HttpStatus, "the answer is not LiveKit's"),
        (response(401, "<html>"), ReasonCode::HttpStatus, "the answer is not LiveKit's"),
        (HttpAnswer::Silent, ReasonCode::BackendSilent, "nothing answers behind the proxy"),
    ];
    for (answer, reason, expected) in cases {
        let findings = call_alone(&join(Policy::Default, &answer));
        // Our own clock may be the one that is wrong, and by it the token was made.
        let verdict = if reason == ReasonCode::ClockDiffers { "unsettled" } else { "fail, proven" };
        assert_eq!(said(&findings, JOIN), format!("{verdict}: {expected}"));
        assert_eq!(finding(&findings, JOIN).reason, reason, "{expected}");
    }
}

#[test]
fn a_websocket_that_clients_refuse_lets_nobody_in() {
    let said = |flaw| {
        let findings = call_alone(&granted_with(flaw));
        assert_eq!(finding(&findings, JOIN).reason, ReasonCode::WebSocketInvalid);
        assert_eq!(words(finding(&findings, JOIN)), "fail, proven");
        finding(&findings, JOIN).observed()
    };
    assert!(said(UpgradeFlaw::NoAccept).contains("Sec-WebSocket-Accept is missing"));
    assert!(said(UpgradeFlaw::WrongAccept).contains("does not match the key"));
    let protocol = UpgradeFlaw::UnaskedProtocol(ServerText::new("mqtt"));
    assert!(said(protocol).contains("mqtt"));
}

#[test]
fn who_was_not_let_in_says_nothing_of_media() {
    for world in [
        join(Policy::Default, &response(401, SIGNATURE)),
        join(Policy::ForcedTurn, &response(401, SIGNATURE)),
    ] {
        let findings = call_alone(&world);
        for finding in findings.iter().filter(|it| it.rule.as_str() != JOIN) {
            // What is not in use is not asked for anyway.
            if finding.rule.as_str() == "call/media-path-ice-tcp" {
                continue;
            }
            assert_eq!(words(finding), "unsettled", "{}", finding.rule);
            assert_eq!(finding.blocked_by.as_ref().unwrap().as_str(), JOIN);
        }
    }
}

/// What is not LiveKit's own answer has its cause further down, and that is the only violation.
#[test]
fn one_cause_of_not_being_let_in_is_one_violation() {
    let closed = |call: &mut CallFacts| {
        nobody_in(call);
        call.signal.connect = Connect::Silent;
        call.signal.handshake = None;
    };
    let alert = |call: &mut CallFacts| {
        nobody_in(call);
        call.signal.handshake = Some(crate::world::alert());
    };
    let no_tls = |spec: &ProbeSpec| match spec {
        ProbeSpec::Tls { to, sni, .. }
            if to.port.number() == 443 && sni.to_string().ends_with("openvidu.example.io") =>
        {
            Some(Outcome::Saw(Facts::Tls(tls(Some(crate::world::alert())))))
        }
        _ => None,
    };
    let no_name = |spec: &ProbeSpec| match spec {
        ProbeSpec::Dns { name, .. } if name.to_string() == "openvidu.example.io" => {
            Some(Outcome::Saw(Facts::Dns(dns(DnsAnswer::NxDomain, Vec::new()))))
        }
        ProbeSpec::Call(_) => {
            Some(Outcome::Blind(Blindness::NoAddress { host: "openvidu.example.io".into() }))
        }
        _ => None,
    };
    let no_upgrade = join(Policy::Default, &response(404, "")).but(lost_upgrade);
    let doors = crate::doors::Door::Drops;
    let cases = [
        (
            called(Policy::Default)
                .with(PROXY, Transport::Tcp, "443", doors)
                .with(crate::world::PROXY_V6, Transport::Tcp, "443", doors)
                .call_but(closed),
            "ports/proxy-tcp-443",
        ),
        (called(Policy::Default).but(no_tls).call_but(alert), "tls/handshake-completes"),
        (called(Policy::Default).but(no_name), "dns/domain-resolves"),
        (no_upgrade, "signal/websocket-upgrade-passes"),
    ];
    for (world, cause) in cases {
        let findings = world.judge();
        for rule in [JOIN, "call/media-path-udp", "turn/allocation-granted"] {
            let finding = finding(&findings, rule);
            assert_eq!(words(finding), "unsettled", "{rule}, {cause}");
            assert_eq!(finding.blocked_by.as_ref().unwrap().as_str(), cause, "{rule}");
            assert!(finding.remedy.is_empty());
        }
        assert!(findings.iter().any(|it| it.is_violation() && it.rule.as_str() == cause));
    }
}

/// The same rule may be broken at one address and blocked at another.
#[test]
fn the_cause_is_the_one_at_the_address_that_was_called() {
    let drops = crate::doors::Door::Drops;
    let world = called(Policy::Default)
        .with(crate::world::PROXY_V6, Transport::Tcp, "443", drops)
        .but(|spec| match spec {
            ProbeSpec::Tls { to, .. } if to.port.number() == 443 && to.address.is_ipv4() => {
                Some(Outcome::Saw(Facts::Tls(tls(Some(crate::world::alert())))))
            }
            _ => None,
        })
        .call_but(|call| {
            nobody_in(call);
            call.signal.handshake = Some(crate::world::alert());
        });
    let findings = world.judge();
    for rule in [JOIN, "call/media-path-turns"] {
        let finding = finding(&findings, rule);
        let cause = finding.blocked_by.as_ref().unwrap().as_str();
        assert_eq!(cause, "tls/handshake-completes", "{rule}");
    }
}

/// Where nothing further down was looked at, the call says it itself.
#[test]
fn a_run_that_only_calls_names_what_it_met_on_the_way() {
    let reset = |call: &mut CallFacts| {
        nobody_in(call);
        call.signal.connect = Connect::Reset;
        call.signal.handshake = None;
    };
    let findings = call_alone(&called(Policy::Default).call_but(reset));
    assert_eq!(said(&findings, JOIN), "fail, proven: the connection is refused (RST)");
    let target = finding(&findings, JOIN).target.to_string();
    assert_eq!(target, "openvidu.example.io TCP 443 at 203.0.113.10");
    let router = |call: &mut CallFacts| {
        nobody_in(call);
        call.signal.connect = Connect::Icmp(prohibited_on_the_way());
        call.signal.handshake = None;
    };
    let findings = call_alone(&called(Policy::Default).call_but(router));
    assert!(said(&findings, JOIN).starts_with("fail, suspected: "));
}

#[test]
fn silence_of_everything_is_our_own_network_s_affair() {
    let deaf = deaf(called(Policy::Default)).call_but(|call| {
        nobody_in(call);
        call.signal.connect = Connect::Silent;
        call.signal.handshake = None;
    });
    let findings = call_alone(&deaf);
    assert_eq!(said(&findings, JOIN), "unsettled: no answer to connection attempts");
    let doubt = "\nnothing else came back over IPv4 either: this network may be the cause";
    assert!(finding(&findings, JOIN).observed().ends_with(doubt));
}

#[test]
fn a_proxy_of_our_own_network_that_says_no_accuses_nobody_else() {
    let proxied = called(Policy::Default).call_but(|call| {
        nobody_in(call);
        call.signal.address = None;
        call.signal.handshake = None;
        call.signal.http_proxy = Some(HttpProxyFacts {
            place: "proxy.office.example:3128".into(),
            answer: Some(response(407, "")),
        });
    });
    let findings = call_alone(&proxied);
    assert_eq!(
        said(&findings, JOIN),
        "unsettled: this network's HTTP proxy proxy.office.example:3128 refused the connection \
         to openvidu.example.io:443"
    );
    assert!(finding(&findings, JOIN).observed().ends_with("\nHTTP 407"));
}

/// An inspecting firewall shows a certificate of its own.
#[test]
fn a_certificate_that_no_browser_accepts_is_named_with_its_issuer() {
    let inspected = || {
        called(Policy::Default).call_but(|call| {
            call.signal.handshake = Some(completed(TlsVersion::Tls13, |chain| {
                chain.trust = Trust::UnknownIssuer;
                chain.certificates[0].issuer = ServerText::new("CN=Office Inspection CA");
            }));
        })
    };
    let findings = call_alone(&inspected());
    let join = finding(&findings, JOIN);
    assert_eq!((words(join), join.reason), ("fail, proven", ReasonCode::TlsUnknownCa));
    let issuer = "issued by \"CN=Office Inspection CA\"";
    assert!(join.observed().ends_with(issuer), "{}", join.observed());
    // Where its own rules judge it, the rest of the call is judged too.
    let findings = inspected().judge();
    assert_eq!(words(finding(&findings, JOIN)), "pass, proven");
}

#[test]
fn what_livekit_says_is_shown_without_the_token() {
    let body = "invalid token: eyJhbGciOi…, error: token signature is invalid";
    let findings = call_alone(&join(Policy::Default, &response(401, body)));
    let observed = finding(&findings, JOIN).observed();
    assert!(observed.ends_with("HTTP 401 \"token signature is invalid\""), "{observed}");
}
