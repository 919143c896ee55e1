//! Which addresses may be asked port by port, and what the addresses of one machine share.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use ovcheck::model::deployment::{Edition, Policy};
use ovcheck::model::facts::{
    ChainFacts, Connect, Facts, ServiceAnswer, StunAnswer, TlsVersion, UdpFacts, UdpPortFacts,
};
use ovcheck::model::observation::{Blindness, Observation, Outcome};
use ovcheck::model::port::{Port, Transport};
use ovcheck::model::probe::{Carrier, ProbeSpec, ServiceAsk};

use crate::clusters::{MEDIA_1, MEDIA_2, elastic};
use crate::doors::Door;
use crate::support::facts::{self, completed, stun_sent_again, tls};
use crate::world::{
    OPENVIDU, PROXY, World, ended, no_listener, service, silent, swept, udp_port, world,
};

/// The addresses that answered something of the deployment's.
fn shown(world: World) -> BTreeSet<String> {
    let shown = Rc::new(RefCell::new(BTreeSet::new()));
    let found = Rc::clone(&shown);
    world
        .seen_but(move |observations| {
            let addresses = observations.iter().filter_map(Observation::shows_deployment);
            *found.borrow_mut() = addresses.map(|address| address.to_string()).collect();
        })
        .judge();
    shown.take()
}

fn says_in_place_of_webrtc(answer: ServiceAnswer) -> World {
    let closed = world(Policy::Default).but(|spec| match spec {
        ProbeSpec::Turn { to, over: Carrier::Udp } if to.address.to_string() == OPENVIDU => {
            Some(Outcome::Saw(Facts::Turn(stun_sent_again(StunAnswer::Silent))))
        }
        _ => None,
    });
    closed.but(move |spec| match spec {
        ProbeSpec::Service { to, ask: ServiceAsk::IceTcp, .. }
            if to.address.to_string() == OPENVIDU =>
        {
            Some(Outcome::Saw(service(Connect::Accepted, Some(answer.clone()))))
        }
        _ => None,
    })
}

#[test]
fn under_forced_turn_a_machine_behind_the_proxy_shows_nothing_of_the_deployment() {
    let shown = shown(world(Policy::ForcedTurn));
    assert!(shown.contains(PROXY), "{shown:?}");
    assert!(!shown.contains(OPENVIDU), "{shown:?}");
}

#[test]
fn stun_or_webrtc_over_tcp_shows_a_machine_of_the_deployment() {
    assert!(shown(world(Policy::Default)).contains(OPENVIDU));
    let in_use = says_in_place_of_webrtc(ServiceAnswer::IceTcp).declared(|deployment| {
        crate::clusters::all_in_use(deployment);
    });
    assert!(shown(in_use).contains(OPENVIDU));
}

/// Something near a client accepts every connection, and anybody may run another service.
#[test]
fn an_accepted_connection_alone_shows_nothing() {
    for answer in [ServiceAnswer::Silent, ServiceAnswer::Http2, ServiceAnswer::HangsUpOnNameless] {
        let said = format!("{answer:?}");
        let other = says_in_place_of_webrtc(answer).declared(|deployment| {
            crate::clusters::all_in_use(deployment);
        });
        assert!(!shown(other).contains(OPENVIDU), "{said}");
    }
    let open = world(Policy::ForcedTurn).with(OPENVIDU, Transport::Tcp, "1-65535", Door::Stranger);
    assert!(!shown(open).contains(OPENVIDU));
}

#[test]
fn a_certificate_of_another_name_shows_nothing() {
    let names_match = |matches: bool| {
        world(Policy::ForcedTurn).but(move |spec| match spec {
            ProbeSpec::Tls { .. } => {
                let named = |chain: &mut ChainFacts| chain.name_matches = matches;
                let handshake = completed(TlsVersion::Tls13, named);
                Some(Outcome::Saw(Facts::Tls(tls(Some(handshake)))))
            }
            ProbeSpec::Dns { .. } => None,
            _ => Some(Outcome::Blind(Blindness::Interrupted)),
        })
    };
    assert!(shown(names_match(true)).contains(PROXY));
    assert_eq!(shown(names_match(false)), BTreeSet::new());
}

/// Two Media Nodes over IPv4. Their closed ports are silent, the last copy a second after the first; at
/// the second one, ports that are open drew ICMP errors at these times.
fn drawn_at_the_other(policy: Policy, drawn_ms: &'static [u64]) -> World {
    elastic(Edition::V3_2, policy).but(move |spec| match spec {
        ProbeSpec::Udp { address, ports, then, .. } if address.is_ipv4() => {
            let is_other = address.to_string() == MEDIA_2;
            let holes = drawn_ms.iter().zip(50_001_u16..).filter(|_| is_other);
            let holes = holes.map(|(ms, number)| UdpPortFacts {
                sent_ms: vec![*ms],
                ..udp_port(Port::new(number).unwrap(), no_listener(*address))
            });
            let named = ports
                .iter()
                .map(|port| UdpPortFacts { sent_ms: vec![0, 350, 1020], ..silent(*port) });
            Some(Outcome::Saw(Facts::Udp(UdpFacts {
                swept: then.map(swept),
                sentinels: Vec::new(),
                ..facts::udp(named.chain(holes).collect())
            })))
        }
        _ => None,
    })
}

/// Two declared addresses may be one machine, which has six errors for us: what the other address drew
/// is gone for this one, and its silence says nothing.
#[test]
fn a_closed_range_does_not_pass_when_another_address_may_have_had_its_errors() {
    let judged = |drawn: &'static [u64]| {
        let findings = drawn_at_the_other(Policy::ForcedTurn, drawn).judge();
        ended(&findings, "policy/media-range-closed", MEDIA_1)
    };
    assert_eq!(judged(&[]), "pass, uncontradicted");
    assert_eq!(judged(&[960, 970, 980, 990, 1000]), "pass, uncontradicted");
    assert_eq!(judged(&[960, 970, 980, 990, 1000, 1010]), "unsettled");
    // A second later the machine has one again.
    assert_eq!(judged(&[0, 1, 2, 3, 4, 5]), "pass, uncontradicted");
    // What is drawn afterwards takes nothing away.
    assert_eq!(judged(&[1100, 1110, 1120, 1130, 1140, 1150]), "pass, uncontradicted");
}

/// A violation is looked for on each declared machine by itself: they are not doubted to be two.
#[test]
fn what_another_node_drew_hides_no_violation() {
    let judged = |drawn: &'static [u64]| {
        let findings = drawn_at_the_other(Policy::Default, drawn).judge();
        ended(&findings, "ports/media-udp-50000-60000", MEDIA_1)
    };
    assert_eq!(judged(&[960, 970, 980, 990, 1000, 1010]), judged(&[]));
}
