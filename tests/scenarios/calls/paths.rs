//! Each way that media can take: when it is proven, when it is proven not to work, and when silence
//! says nothing.

use ovcheck::model::deployment::{Feature, Policy, RtcEngine, Topology, Uses};
use ovcheck::model::facts::*;
use ovcheck::model::named::Forbidden;
use ovcheck::model::observation::Outcome;
use ovcheck::model::port::Transport;
use ovcheck::model::probe::{Carrier, ProbeSpec};
use ovcheck::model::reason::ReasonCode;

use super::{
    Situation, answer, call_alone, called, close, deaf, finding, of, relay_of, said, silence_all,
};
use crate::support::facts::stun;
use crate::world::Observed as _;
use crate::world::{
    OPENVIDU, World, completed, dns, icmp, prohibited_on_the_way, response, unreachable_from, words,
};

pub fn in_use(world: World) -> World {
    world.declared(|deployment| {
        deployment.uses = Uses::Listed([Feature::Rtmp, Feature::Whip, Feature::IceTcp].into());
    })
}

fn closing(way: Way) -> World {
    in_use(called(Policy::Default)).call_but(move |call| close(call, way))
}

pub fn situations() -> Vec<Situation> {
    vec![
        ("a call, with everything in use", in_use(called(Policy::Default)), vec![]),
        (
            "the port of the session is closed, in a range that is open",
            closing(Way::Udp),
            vec!["call/media-path-udp"],
        ),
        (
            "WebRTC over TCP is accepted by something else",
            in_use(called(Policy::Default)).call_but(|call| {
                let path = of(call, Way::IceTcp);
                path.check = IceCheck::Other(ServerText::new("SSH-2.0-x"));
                path.dtls = None;
            }),
            vec!["call/media-path-ice-tcp"],
        ),
        (
            "TURN over UDP is not named",
            called(Policy::Default).call_but(|call| {
                call.session.as_mut().unwrap().ice_servers.remove(0);
                call.relays.remove(0);
                call.paths.retain(|path| path.way != Way::TurnUdp);
                call.relays[0].url = 0;
                of(call, Way::Turns).relay = Some(0);
            }),
            vec!["call/media-path-turn-udp"],
        ),
        (
            "TURN over TLS is reset behind the proxy in a call alone",
            called(Policy::Default).call_but(|call| {
                close(call, Way::Turns);
                relay_of(call, Way::Turns).allocate = Some(StunAnswer::Closed);
            }),
            vec!["call/media-path-turns"],
        ),
    ]
}

const UDP: &str = "call/media-path-udp";
const TCP: &str = "call/media-path-ice-tcp";
const TURN_UDP: &str = "call/media-path-turn-udp";
const TURNS: &str = "call/media-path-turns";

#[test]
fn an_answer_proves_a_way_and_says_where_and_how_fast() {
    let findings = call_alone(&in_use(called(Policy::Default)));
    let at = |rule| said(&findings, rule);
    let answered = "pass, proven: an authenticated ICE check is answered at";
    assert_eq!(at(UDP), format!("{answered} UDP 203.0.113.20:50905 after 52 ms"));
    assert_eq!(at(TCP), format!("{answered} TCP 203.0.113.20:7881 after 52 ms"));
    assert_eq!(
        at(TURNS),
        format!(
            "{answered} UDP 203.0.113.20:50905 through \"turns:turn.example.io:443?transport=tcp\" \
             after 52 ms"
        )
    );
}

#[test]
fn silence_counts_while_another_way_of_the_same_session_is_answered() {
    let findings = call_alone(&closing(Way::Udp));
    let path = finding(&findings, UDP);
    assert_eq!((words(path), path.reason), ("fail, proven", ReasonCode::MediaSilent));
    assert!(
        path.observed().starts_with(
            "port 50905: no answer after 3600 ms\nthe session is alive: an \
             authenticated ICE check is answered at TCP 203.0.113.20:7881"
        ),
        "{}",
        path.observed()
    );
    let remedy = ovcheck::output::words::remedies::as_text(path, Topology::SingleNode);
    assert!(remedy.contains("udp dport 50000-60000 accept"), "{remedy}");
}

#[test]
fn silence_by_every_way_is_the_session_s_affair() {
    for policy in [Policy::Default, Policy::ForcedTurn] {
        let mute = called(policy).call_but(|call| {
            silence_all(call);
            of(call, Way::IceTcp).connect = Some(Connect::Accepted);
            of(call, Way::IceTcp).check = IceCheck::Silent;
            // Relays are given, and silent too.
            for way in [Way::TurnUdp, Way::Turns] {
                of(call, way).check = IceCheck::Silent;
                let relay = relay_of(call, way);
                relay.allocate = Some(super::granted());
                relay.relayed = Some("203.0.113.20:41000".parse().unwrap());
            }
        });
        let mute = in_use(mute);
        let findings = call_alone(&mute);
        let broken = crate::world::broken(&findings);
        assert_eq!(broken, Vec::<&str>::new(), "{policy}");
        let rule = match policy {
            Policy::Default => UDP,
            _ => TURNS,
        };
        let path = finding(&findings, rule);
        assert_eq!(words(path), "unsettled");
        assert!(path.observed().contains("the session itself may be dead"), "{}", path.observed());
    }
}

/// Our own office lets no UDP out: what is silent over UDP accuses nobody.
#[test]
fn own_network_without_udp_accuses_nobody() {
    let office = |policy| {
        deaf(in_use(called(policy))).call_but(|call| {
            close(call, Way::Udp);
            close(call, Way::TurnUdp);
        })
    };
    for findings in [call_alone(&office(Policy::Default)), office(Policy::Default).judge()] {
        assert_eq!(crate::world::broken(&findings), Vec::<&str>::new());
        for rule in [UDP, TURN_UDP] {
            let path = finding(&findings, rule);
            assert_eq!(words(path), "unsettled", "{rule}");
            let why = "nothing else came back over IPv4 UDP either: this network may be the cause";
            assert!(path.observed().ends_with(why), "{}", path.observed());
        }
        assert_eq!(words(finding(&findings, TURNS)), "pass, proven");
        assert_eq!(words(finding(&findings, TCP)), "pass, proven");
    }
}

#[test]
fn a_refusal_of_the_machine_proves_and_one_of_a_router_does_not() {
    let own = OPENVIDU.parse().unwrap();
    let met = |error: IcmpError| {
        let world = called(Policy::Default).call_but(move |call| {
            let path = of(call, Way::Udp);
            (path.check, path.padded, path.dtls) = (IceCheck::Icmp(error), None, None);
        });
        let findings = call_alone(&world);
        let path = finding(&findings, UDP);
        (words(path), path.reason)
    };
    let unreachable = unreachable_from(own);
    assert_eq!(met(unreachable), ("fail, proven", ReasonCode::PortUnreachable));
    assert_eq!(met(icmp(3, 13, own)), ("fail, proven", ReasonCode::AdminProhibited));
    assert_eq!(met(prohibited_on_the_way()), ("fail, suspected", ReasonCode::AdminProhibited));
    // Not even a hard answer counts when the server did not wait any more.
    let late = called(Policy::Default).call_but(move |call| {
        let path = of(call, Way::Udp);
        (path.check, path.padded, path.dtls) = (IceCheck::Icmp(unreachable), None, None);
        path.sent_ms = Some(16_000);
    });
    assert_eq!(words(finding(&call_alone(&late), UDP)), "unsettled");
}

#[test]
fn what_stands_in_the_way_of_tcp_is_told_by_its_step() {
    let met = |change: fn(&mut PathFacts)| {
        let world = in_use(called(Policy::Default)).call_but(move |call| {
            close(call, Way::IceTcp);
            change(of(call, Way::IceTcp));
        });
        said(&call_alone(&world), TCP)
    };
    assert_eq!(
        met(|path| path.connect = Some(Connect::Reset)),
        "fail, proven: port 7881: the connection is refused (RST)"
    );
    assert_eq!(
        met(|path| path.connect = Some(Connect::Silent)),
        "fail, suspected: port 7881: no answer to connection attempts"
    );
    assert_eq!(
        met(|path| {
            path.connect = Some(Connect::Accepted);
            path.check = IceCheck::Silent;
            path.sent_ms = Some(230);
        }),
        "fail, proven: port 7881: no answer after 3600 ms"
    );
    assert_eq!(
        met(|path| {
            path.connect = Some(Connect::Accepted);
            path.check = IceCheck::Closed;
        }),
        "fail, proven: port 7881: the server accepts the connection and closes it"
    );
}

#[test]
fn webrtc_over_tcp_is_asked_for_by_what_is_in_use() {
    let ends = |world: World| said(&call_alone(&world), TCP);
    let unsaid = || called(Policy::Default).declared(|it| it.uses = Uses::Unsaid);
    assert_eq!(ends(called(Policy::Default)), "not applicable: ice-tcp is not in use (--uses)");
    assert_eq!(
        ends(unsaid()),
        "not applicable: port 7881: no answer to connection attempts; it is not \
         declared whether ice-tcp is in use (--uses)"
    );
    assert!(
        ends(unsaid().call_but(|call| answer(of(call, Way::IceTcp), None)))
            .starts_with("not applicable: an authenticated ICE check is answered")
    );
    let none = || {
        in_use(called(Policy::Default)).call_but(|call| {
            call.session.as_mut().unwrap().candidates.truncate(1);
            call.paths.retain(|path| path.way != Way::IceTcp);
        })
    };
    assert_eq!(ends(none()), "fail, proven: LiveKit offers no candidate for this media path");
    let mediasoup = none().declared(|it| it.rtc_engine = RtcEngine::Mediasoup);
    assert_eq!(ends(mediasoup), "not applicable: mediasoup offers no TCP in this edition");
}

#[test]
fn one_family_that_is_answered_proves_the_way_and_the_other_is_named() {
    let both = called(Policy::Default).call_but(|call| {
        let six = "[2001:db8:5::20]:50906".parse().unwrap();
        call.paths.push(super::path(Way::Udp, six));
    });
    let findings = call_alone(&both);
    let path = finding(&findings, UDP);
    assert_eq!(words(path), "pass, proven");
    assert!(
        path.observed().ends_with("\nnot at UDP [2001:db8:5::20]:50906: no answer after 3600 ms"),
        "{}",
        path.observed()
    );
}

#[test]
fn an_address_that_no_server_may_name_is_not_dialled_and_said() {
    let metadata = called(Policy::Default).call_but(|call| {
        let place = "169.254.169.254:50905".parse().unwrap();
        for path in &mut call.paths {
            path.candidate = place;
        }
        of(call, Way::Udp).check =
            IceCheck::NotSent(NotSent::ForbiddenAddress(Forbidden::Metadata));
        let candidates = &mut call.session.as_mut().unwrap().candidates;
        candidates.truncate(1);
        candidates[0].place.as_mut().unwrap().address = place;
    });
    let findings = call_alone(&metadata);
    let path = finding(&findings, UDP);
    assert_eq!(path.blocked_by.as_ref().unwrap().as_str(), "call/media-addresses-are-right");
    let candidates = finding(&findings, "call/media-addresses-are-right");
    assert!(candidates.observed().ends_with("(a link-local address)"));
    let place =
        CandidatePlace { transport: Transport::Udp, address: "169.254.169.254:1".parse().unwrap() };
    assert_eq!(candidates.target.candidate, Some(place.into()));
}

/// In the network of this machine a private address may be the deployment's.
#[test]
fn a_private_address_that_was_not_dialled_accuses_nobody_beside_it() {
    for (candidate, is_known) in [("192.168.7.20", false), ("192.168.8.20", true)] {
        let private = called(Policy::Default)
            .vantage_but(|vantage| vantage.addresses.push("192.168.7.5".parse().unwrap()))
            .call_but(move |call| {
                let path = of(call, Way::Udp);
                path.candidate.set_ip(candidate.parse().unwrap());
                path.check = IceCheck::NotSent(NotSent::ForbiddenAddress(Forbidden::Private));
                path.dtls = None;
            });
        let state = private.call_summary().ways.remove(0).state;
        assert_eq!(state.stop().is_some(), is_known, "{state:?}");
    }
}

// --- TURN servers that cannot be reached -------------------------------------------------------

fn turns_but(change: impl Fn(&mut RelayFacts) + 'static) -> World {
    called(Policy::ForcedTurn).call_but(move |call| {
        close(call, Way::Turns);
        change(relay_of(call, Way::Turns));
        // Something shows that the session is alive.
        call.punched.as_mut().unwrap().check_from = Some("203.0.113.20:50905".parse().unwrap());
    })
}

#[test]
fn turn_over_tls_says_at_which_step_it_ends() {
    let url = "turns:turn.example.io:443?transport=tcp";
    let at = |change: fn(&mut RelayFacts)| {
        let findings = call_alone(&turns_but(change));
        let target = &finding(&findings, TURNS).target;
        assert_eq!(target.turn_url.as_ref().unwrap().unquoted(), url);
        said(&findings, TURNS)
    };
    type Change = fn(&mut RelayFacts);
    let cases: [(Change, &str); 5] = [
        (
            |relay| {
                relay.connect = Some(Connect::Silent);
                relay.handshake = None;
                relay.allocate = None;
            },
            "no answer to connection attempts",
        ),
        (
            |relay| {
                relay.handshake = Some(crate::world::alert());
                relay.allocate = None;
            },
            "the server refuses the handshake with the alert internal_error (80)",
        ),
        (|relay| relay.allocate = Some(StunAnswer::Silent), "no STUN answer"),
        (
            |relay| relay.allocate = Some(StunAnswer::Closed),
            "the connection ends without an answer",
        ),
        (
            |relay| {
                let http = FirstBytes::Http(ServerText::new("HTTP/1.1 400 Bad Request"));
                relay.allocate = Some(StunAnswer::NotStun(http));
            },
            "the answer is",
        ),
    ];
    for (change, words_there) in cases {
        let text = at(change);
        // A network that lets only some ports out is as silent.
        let is_silent = words_there.contains("to connection attempts");
        let manner = if is_silent { "suspected" } else { "proven" };
        let begin = format!("fail, {manner}: {words_there}");
        assert!(text.starts_with(&begin), "{text}");
    }
}

/// A user with UDP never sees it, and one who has only TCP 443 has nothing.
#[test]
fn a_certificate_of_the_turn_name_that_browsers_refuse_spoils_the_way() {
    let inspected = || {
        called(Policy::ForcedTurn).call_but(|call| {
            relay_of(call, Way::Turns).handshake = Some(completed(TlsVersion::Tls13, |chain| {
                chain.trust = Trust::SelfSigned;
                chain.certificates[0].issuer = ServerText::new("CN=Office Inspection CA");
            }));
        })
    };
    let findings = call_alone(&inspected());
    let path = finding(&findings, TURNS);
    assert_eq!((words(path), path.reason), ("fail, proven", ReasonCode::TlsSelfSigned));
    let issuer = "issued by \"CN=Office Inspection CA\"";
    assert!(path.observed().ends_with(issuer), "{}", path.observed());
}

/// What the rules about the name found is the cause, and the call adds no violation.
#[test]
fn what_is_broken_on_the_way_to_the_turn_server_is_its_cause() {
    let closed = || StunAnswer::Closed;
    let down = turns_but(move |relay| relay.allocate = Some(closed())).but(|spec| match spec {
        ProbeSpec::Turn { over: Carrier::Tls(_), .. } => {
            Some(Outcome::Saw(Facts::Turn(TurnFacts {
                connect: Some(Connect::Accepted),
                handshake: Some(completed(TlsVersion::Tls13, |_| {})),
                instead: Some(response(404, "")),
                ..stun(StunAnswer::Closed)
            })))
        }
        _ => None,
    });
    let findings = down.judge();
    let cause = "turn/turns-answers-binding";
    for rule in [TURNS, "turn/allocation-granted", "turn/relay-carries-media"] {
        let finding = finding(&findings, rule);
        assert_eq!(words(finding), "unsettled", "{rule}");
        assert_eq!(finding.blocked_by.as_ref().unwrap().as_str(), cause, "{rule}");
    }
    let broken = crate::world::broken(&findings);
    let expected = ["policy/no-media-through-hole-punching", "policy/turns-works", cause];
    assert_eq!(broken, expected);
}

#[test]
fn a_turn_name_that_does_not_exist_is_found_in_the_dns() {
    let nameless = || {
        turns_but(|relay| {
            relay.server = None;
            relay.connect = None;
            relay.handshake = None;
            relay.allocate = None;
        })
        .but(|spec| match spec {
            ProbeSpec::Dns { name, .. } if name.to_string() == "turn.example.io" => {
                Some(Outcome::Saw(Facts::Dns(dns(DnsAnswer::NxDomain, Vec::new()))))
            }
            _ => None,
        })
    };
    let findings = nameless().judge();
    let path = finding(&findings, TURNS);
    assert_eq!(words(path), "unsettled");
    assert_eq!(path.blocked_by.as_ref().unwrap().as_str(), "dns/turn-domain-resolves");
    let findings = call_alone(&nameless());
    assert_eq!(said(&findings, TURNS), "fail, proven: the name does not exist");
}

#[test]
fn a_proxy_of_our_own_network_in_the_way_of_turn_accuses_nobody() {
    let proxied = turns_but(|relay| {
        relay.connect = Some(Connect::Reset);
        relay.handshake = None;
        relay.allocate = None;
        relay.server = None;
    })
    .call_but(|call| {
        call.signal.http_proxy =
            Some(HttpProxyFacts { place: "proxy.office.example:3128".into(), answer: None });
    });
    let findings = call_alone(&proxied);
    let path = finding(&findings, TURNS);
    assert_eq!(words(path), "unsettled");
    let proxy = "this network's HTTP proxy proxy.office.example:3128";
    assert!(path.observed().ends_with(proxy), "{}", path.observed());
}
