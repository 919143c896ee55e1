//! Networks that people sit in, and what a call meets there.

use ovcheck::model::facts::{
    Connect, DnsAnswer, DtlsFacts, HeaderField, HttpAnswer, HttpProxyFacts, IceCheck, IceScheme,
    IcmpError, IcmpSender, JoinAnswer, NotSent, ServerText, StunAnswer, TokenLife, Trust, Way,
};
use ovcheck::model::named::Forbidden;
use ovcheck::model::observation::{Blindness, Outcome};
use ovcheck::model::port::Transport;
use ovcheck::model::target::Family;
use ovcheck::model::timestamp::Timestamp;

use crate::build::*;
use crate::support::facts::{NOW, candidate, in_days, response_with, url};

/// Each with the exit status that it ends with.
pub fn all() -> Vec<(&'static str, Situation, u8)> {
    vec![
        ("every-way-works", Situation::right(), 0),
        ("only-tcp-443-gets-out", only_tcp_443(), 0),
        ("a-firewall-says-no-to-udp", prohibits_udp(router()), 0),
        ("udp-gets-nowhere-at-all", udp_nowhere(), 0),
        ("media-ports-are-blocked", media_ports_blocked(), 1),
        ("the-node-itself-refuses", node_refuses(), 1),
        ("tls-is-inspected", inspected("CN=Zscaler Intermediate Root CA"), 1),
        ("an-unknown-issuer", inspected("O=Example Corp, CN=Gateway CA"), 1),
        ("turns-is-inspected-with-a-trusted-root", turns_inspected(), 1),
        ("captive-portal", captive_portal(), 1),
        ("only-plain-http-gets-out", only_plain_http(), 1),
        ("nothing-gets-out", nothing_gets_out(), 1),
        ("the-resolver-lies", resolver_lies(), 1),
        ("no-such-name", no_such_name(), 1),
        ("only-through-a-proxy", only_through_proxy(), 0),
        ("the-proxy-wants-a-password", proxy_wants_password(), 1),
        ("the-secret-is-wrong", wrong_secret(), 1),
        ("the-node-names-a-private-address", private_node(), 1),
        ("forced-turn-as-it-is-meant", forced_turn(), 0),
        ("no-relay-is-left", no_relay_left(), 0),
        ("long-names-and-words", long_names(), 1),
        ("large-packets-are-lost", large_packets_lost(), 0),
        ("nothing-but-stun-passes", only_stun(), 0),
        ("no-route", no_route(), 3),
        ("turn-is-broken-where-udp-works", broken_turn(), 0),
        ("a-challenge-answers-the-join", challenged(), 1),
        ("a-web-filter-answers", filtered(), 1),
        ("the-gateway-that-inspects-answers", gateway_answers(), 1),
        ("the-token-is-of-yesterday", given_token(-86_400, 2), 1),
        ("the-clock-is-behind-the-token", given_token(3_600, 7_200), 1),
        ("blocked-after-the-join", blocked_after_join(), 3),
        ("a-place-that-only-the-server-knows", undialled_place(), 3),
    ]
}

/// Nothing answers any more once the join was answered.
fn blocked_after_join() -> Situation {
    let call = without_udp().no_ice_tcp(Connect::Silent).no_relay(Way::Turns, |relay| {
        relay.connect = Some(Connect::Silent);
        relay.handshake = None;
        relay.allocate = None;
    });
    Situation { at_the_end: Connect::Silent, ..Situation::with(call) }
}

/// No path works, and one leads to a TURN server at which ovcheck did not ask.
fn undialled_place() -> Situation {
    let call = without_udp().no_ice_tcp(Connect::Silent).no_relay(Way::Turns, |relay| {
        relay.server = None;
        relay.connect = None;
        relay.handshake = None;
        relay.allocate = None;
        relay.blocked = Some(NotSent::ForbiddenAddress(Forbidden::LeadsThere));
    });
    Situation::with(call)
}

fn silent_relay(relay: &mut ovcheck::model::facts::RelayFacts) {
    relay.allocate = Some(StunAnswer::Silent);
}

pub fn without_udp() -> ovcheck::model::facts::CallFacts {
    call().check(Way::Udp, IceCheck::Silent).no_relay(Way::TurnUdp, silent_relay)
}

fn only_tcp_443() -> Situation {
    Situation::with(without_udp().no_ice_tcp(Connect::Silent))
}

/// Administratively prohibited.
fn prohibited(from: IcmpSender) -> IcmpError {
    IcmpError { family: Family::V4, icmp_type: 3, code: 13, from }
}

pub fn router() -> IcmpSender {
    IcmpSender::Another(ip("10.20.30.1"))
}

/// UDP, and TCP to the node, are prohibited by `firewall`.
pub fn prohibits_udp(firewall: IcmpSender) -> Situation {
    let prohibited = prohibited(firewall);
    Situation::with(
        call()
            .check(Way::Udp, IceCheck::Icmp(prohibited))
            .no_ice_tcp(Connect::Icmp(prohibited))
            .no_relay(Way::TurnUdp, |relay| {
                relay.allocate = Some(StunAnswer::Icmp(prohibited));
            }),
    )
}

/// Connections to the API are prohibited by `firewall`.
pub fn prohibits_joining(firewall: IcmpSender) -> Situation {
    let prohibited = Connect::Icmp(prohibited(firewall));
    Situation {
        http: (prohibited.clone(), None),
        tls: (prohibited.clone(), None),
        ..Situation::with(no_connection(prohibited))
    }
}

/// The firewall of the node rejects everything, and says so; only the proxy is open.
fn node_refuses() -> Situation {
    let rejected = |code| IcmpError {
        family: Family::V4,
        icmp_type: 3,
        code,
        from: IcmpSender::MeantMachine(ip("203.0.113.20")),
    };
    let call = call()
        .check(Way::Udp, IceCheck::Icmp(rejected(3)))
        .no_ice_tcp(Connect::Icmp(rejected(13)))
        .no_relay(Way::TurnUdp, |relay| relay.allocate = Some(StunAnswer::Icmp(rejected(13))))
        .no_relay(Way::Turns, |relay| relay.allocate = Some(StunAnswer::Closed));
    Situation::with(call)
}

fn udp_nowhere() -> Situation {
    Situation { own_udp: Some(StunAnswer::Silent), ..Situation::with(without_udp()) }
}

/// UDP gets out to others, and the deployment's stays closed to us; TURNS reaches the wrong place.
fn media_ports_blocked() -> Situation {
    let call = without_udp().no_ice_tcp(Connect::Reset).no_relay(Way::Turns, silent_relay);
    Situation {
        own_udp: Some(StunAnswer::Success { mapped: Some(place("198.51.100.7:4000")) }),
        ..Situation::with(call)
    }
}

fn inspected(issuer: &'static str) -> Situation {
    let call = call().no_join(|signal| signal.handshake = Some(completed(issued_by(issuer))));
    Situation {
        tls: (Connect::Accepted, Some(completed(issued_by(issuer)))),
        ..Situation::with(call)
    }
}

fn turns_inspected() -> Situation {
    let call = without_udp().no_ice_tcp(Connect::Silent).no_relay(Way::Turns, |relay| {
        relay.handshake = Some(completed(|chain| {
            chain.certificates[0].issuer = ServerText::new("O=Example Corp, CN=Web Gateway");
            chain.private_root = true;
        }));
        relay.allocate = Some(StunAnswer::Closed);
    });
    Situation::with(call)
}

fn captive_portal() -> Situation {
    let call = call().no_join(|signal| {
        signal.handshake = Some(completed(|chain| {
            chain.trust = Trust::SelfSigned;
            chain.name_matches = false;
        }));
    });
    Situation {
        http: (Connect::Accepted, Some(redirect("http://login.hotel.example/welcome?to=x"))),
        ..Situation::with(call)
    }
}

fn only_plain_http() -> Situation {
    Situation { tls: (Connect::Silent, None), ..Situation::with(no_connection(Connect::Silent)) }
}

fn no_connection(connect: Connect) -> ovcheck::model::facts::CallFacts {
    call().no_join(|signal| {
        signal.connect = connect;
        signal.handshake = None;
    })
}

fn nothing_gets_out() -> Situation {
    Situation {
        http: (Connect::Silent, None),
        tls: (Connect::Silent, None),
        ..Situation::with(no_connection(Connect::Silent))
    }
}

fn resolver_lies() -> Situation {
    resolves_to(&["0.0.0.0"])
}

/// The API's name has these addresses, where every connection is refused.
pub fn resolves_to(addresses: &[&str]) -> Situation {
    Situation {
        dns: (DnsAnswer::Addresses, addresses.iter().map(|address| ip(address)).collect()),
        http: (Connect::Reset, None),
        tls: (Connect::Reset, None),
        ..Situation::with(no_connection(Connect::Reset))
    }
}

fn no_such_name() -> Situation {
    no_address_of("openvidu.example.io")
}

/// Neither the DNS nor this computer knows an address of the API; what could not be connected to
/// is `host`.
pub fn no_address_of(host: &str) -> Situation {
    let host = host.to_owned();
    Situation {
        dns: (DnsAnswer::NxDomain, Vec::new()),
        call: Outcome::Blind(Blindness::NoAddress { host }),
        ..Situation::right()
    }
}

fn proxy(answer: Option<HttpAnswer>) -> Option<HttpProxyFacts> {
    Some(HttpProxyFacts { place: "proxy.corp.example:3128".to_owned(), answer })
}

fn only_through_proxy() -> Situation {
    let mut call = without_udp().no_ice_tcp(Connect::Silent);
    call.signal.http_proxy = proxy(None);
    call.signal.address = None;
    call.relays[1].server = None;
    Situation {
        http: (Connect::Silent, None),
        tls: (Connect::Silent, None),
        ..Situation::with(call)
    }
}

fn proxy_wants_password() -> Situation {
    let call = call().no_join(|signal| {
        signal.http_proxy = proxy(Some(response(407, "<html>")));
        signal.address = None;
        signal.handshake = None;
    });
    Situation {
        http: (Connect::Silent, None),
        tls: (Connect::Silent, None),
        ..Situation::with(call)
    }
}

fn wrong_secret() -> Situation {
    let words = "invalid token: [token], error: token signature is invalid: signature is invalid";
    Situation::with(call().no_join(|signal| {
        signal.join = Some(JoinAnswer::Refused(response(401, words)));
        signal.joined_ms = Some(120);
    }))
}

/// `node_ip` is a private address: the node offers media there, and its relay may not send there.
fn private_node() -> Situation {
    let mut call = call()
        .check(Way::Udp, IceCheck::Silent)
        .no_ice_tcp(Connect::Silent)
        .check(Way::TurnUdp, IceCheck::NotSent(NotSent::NoPermission))
        .check(Way::Turns, IceCheck::NotSent(NotSent::NoPermission));
    for path in &mut call.paths {
        path.candidate.set_ip(ip("10.9.9.9"));
    }
    Situation::with(call)
}

fn forced_turn() -> Situation {
    Situation {
        file: "domain-name = \"openvidu.example.io\"\n\
               turn-domain-name = \"turn.example.io\"\n\
               policy = \"forced-turn\"",
        ..only_tcp_443()
    }
}

fn no_relay_left() -> Situation {
    let quota = StunAnswer::Error {
        code: 486,
        reason: ServerText::new("Allocation Quota Reached"),
        realm: None,
        nonce_bytes: None,
    };
    Situation::with(
        call()
            .no_ice_tcp(Connect::Reset)
            .no_relay(Way::TurnUdp, |relay| relay.allocate = Some(quota.clone()))
            .no_relay(Way::Turns, |relay| {
                relay.handshake = Some(completed(|chain| {
                    chain.name_matches = false;
                    chain.certificates[0].names = vec![ServerText::new("proxy.example.io")];
                }));
                relay.allocate = None;
            }),
    )
}

fn long_names() -> Situation {
    let host = "turn.video-conferences.subsidiary.international.example-company.example";
    let mut call = without_udp().no_ice_tcp(Connect::Silent).no_relay(Way::Turns, |relay| {
        let issuer = "O=A Company That Likes Very Long Names Of Itself, CN=Its Third Gateway";
        relay.handshake = Some(completed(issued_by(issuer)));
        relay.allocate = None;
    });
    let session = call.session.as_mut().unwrap();
    let parts = session.ice_servers[1].parts.as_mut().unwrap();
    parts.host = host.to_owned();
    Situation::with(call)
}

/// A VPN with a small MTU: what goes over UDP is small, or lost.
fn large_packets_lost() -> Situation {
    let mut call = call();
    for path in &mut call.paths {
        path.padded = match path.way {
            Way::Udp | Way::TurnUdp => Some(IceCheck::Silent),
            Way::IceTcp | Way::Turns => None,
        };
    }
    Situation::with(call)
}

/// A firewall that knows STUN, and drops what it does not know (`--deep`).
fn only_stun() -> Situation {
    let mut call = call();
    for path in &mut call.paths {
        path.dtls = Some(match path.way {
            Way::Udp | Way::IceTcp => DtlsFacts::OnlyFromServer,
            Way::TurnUdp => DtlsFacts::NoHello,
            Way::Turns => DtlsFacts::BothWays,
        });
    }
    Situation::with(call)
}

/// Whose UDP works does not notice it.
fn broken_turn() -> Situation {
    Situation::with(call().no_relay(Way::Turns, |relay| {
        relay.handshake = Some(completed(|chain| {
            chain.certificates[0].not_after = in_days(-3);
        }));
        relay.allocate = None;
    }))
}

/// Behind TLS, where only the join is refused.
fn answered_by(answer: HttpAnswer) -> Situation {
    Situation::with(call().no_join(|signal| {
        signal.join = Some(JoinAnswer::Refused(answer));
        signal.joined_ms = Some(120);
    }))
}

fn challenged() -> Situation {
    answered_by(response_with(403, "<title>Just a moment...</title>", |response| {
        response.server = Some(ServerText::new("cloudflare"));
        let (name, value) = (ServerText::new("cf-mitigated"), ServerText::new("challenge"));
        response.marks.fields.push(HeaderField { name, value });
    }))
}

/// A filter by names: its page on plain HTTP, and nothing else.
fn filtered() -> Situation {
    let page = "Web Page Blocked! FortiGuard Intrusion Prevention";
    Situation {
        http: (Connect::Accepted, Some(response(403, page))),
        tls: (Connect::Reset, None),
        ..Situation::with(no_connection(Connect::Reset))
    }
}

/// A gateway whose root this computer trusts.
fn gateway_answers() -> Situation {
    let answer = response_with(403, "Website blocked", |response| {
        response.server = Some(ServerText::new("Zscaler/6.2"));
    });
    Situation::with(call().no_join(|signal| {
        signal.handshake = Some(completed(|chain| {
            chain.certificates[0].issuer = ServerText::new("O=Example Corp, CN=Web Gateway");
            chain.private_root = true;
        }));
        signal.join = Some(JoinAnswer::Refused(answer));
        signal.joined_ms = Some(120);
    }))
}

/// LiveKit says that the token has expired, which by the clock here is good for so many seconds; the
/// server's is ahead by so many.
pub fn given_token(good_for_s: i64, ahead_s: i64) -> Situation {
    let words = "invalid token: ***, error: token has invalid claims: token is expired";
    let until = Timestamp::from_unix_seconds(NOW.unix_seconds() + good_for_s);
    Situation::with(call().no_join(|signal| {
        signal.token = Some(TokenLife { from: None, until: Some(until) });
        signal.join = Some(JoinAnswer::Refused(response_with(401, words, |response| {
            response.date_ahead_s = Some(ahead_s);
        })));
        signal.joined_ms = Some(120);
    }))
}

fn no_route() -> Situation {
    Situation { call: Outcome::Blind(Blindness::NoRoute(Family::V4)), ..nothing_gets_out() }
}

/// Somebody lost patience.
pub fn interrupted() -> Situation {
    Situation { call: Outcome::Blind(Blindness::Interrupted), ..Situation::right() }
}

/// Only TCP 443 gets out, to a deployment with two Media Nodes.
pub fn one_of_two_media_nodes() -> Situation {
    Situation {
        file: "domain-name = \"openvidu.example.io\"\n\
               topology = \"elastic\"\n\
               [nodes.media-1]\nrole = \"media\"\naddresses = [\"203.0.113.20\"]\n\
               [nodes.media-2]\nrole = \"media\"\naddresses = [\"203.0.113.21\"]\n",
        ..only_tcp_443()
    }
}

/// The proxy ends the handshake for the TURN name, and only TCP 443 gets out.
pub fn turn_name_is_cut_off() -> Situation {
    let call = without_udp().no_ice_tcp(Connect::Silent).no_relay(Way::Turns, |relay| {
        relay.handshake = Some(ovcheck::model::facts::Handshake::Closed);
        relay.allocate = None;
    });
    Situation::with(call)
}

/// A server names a mail server, a Windows machine and a router's SNMP, and only TCP 443 gets out.
pub fn strangers_are_named() -> Situation {
    let mut call = without_udp().no_ice_tcp(Connect::Silent).no_relay(Way::Turns, |relay| {
        relay.server = Some(place("203.0.113.77:3389"));
        relay.connect = Some(Connect::Silent);
        (relay.handshake, relay.allocate) = (None, None);
    });
    let session = call.session.as_mut().unwrap();
    session.ice_servers = vec![
        url("turn:10.1.2.3:161?transport=udp", IceScheme::Turn, 161),
        url("turns:dc01.corp.example:3389?transport=tcp", IceScheme::Turns, 3389),
    ];
    session.candidates[1] = candidate(Transport::Tcp, place("8.8.4.4:25"));
    call.paths[1].candidate = place("8.8.4.4:25");
    let router = &mut call.relays[0];
    (router.server, router.allocate) = (None, None);
    router.blocked = Some(NotSent::ForbiddenAddress(Forbidden::Private));
    Situation::with(call)
}
