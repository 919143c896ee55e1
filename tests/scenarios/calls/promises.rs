//! What a policy promises about the ways of media, and whether a proven way carries all that media
//! needs.

use ovcheck::model::deployment::{Edition, Policy, Topology};
use ovcheck::model::facts::*;
use ovcheck::model::observation::Blindness;
use ovcheck::model::target::Family;
use ovcheck::model::verdict::Severity;

use super::paths::in_use;
use super::{Situation, answer, call_alone, called, close, deaf, finding, of, said};
use crate::world::Observed as _;
use crate::world::words;

pub fn situations() -> Vec<Situation> {
    vec![
        (
            "large packets are lost straight over UDP",
            called(Policy::Default)
                .call_but(|call| of(call, Way::Udp).padded = Some(IceCheck::Silent)),
            vec!["call/large-packets-pass"],
        ),
        (
            "DTLS is dropped",
            called(Policy::Default)
                .call_but(|call| of(call, Way::Udp).dtls = Some(DtlsFacts::OnlyFromServer)),
            vec!["call/dtls-passes"],
        ),
        (
            "forced TURN, and 7881 carries media",
            called(Policy::ForcedTurn).call_but(|call| answer(of(call, Way::IceTcp), None)),
            vec!["policy/ice-tcp-7881-closed", "policy/media-only-through-turn"],
        ),
        (
            "forced TURN, and the node's own checks open a way",
            called(Policy::ForcedTurn).call_but(punch),
            vec!["policy/no-media-through-hole-punching"],
        ),
    ]
}

fn punch(call: &mut CallFacts) {
    let punched = call.punched.as_mut().unwrap();
    punched.check_from = Some("203.0.113.20:50905".parse().unwrap());
    punched.through = Some(IceCheck::Answered { mapped: None });
}

// --- What a policy promises --------------------------------------------------------------------

const ONLY: &str = "policy/media-only-through-turn";
const PUNCHED: &str = "policy/no-media-through-hole-punching";

#[test]
fn a_way_around_the_proxy_is_named_with_its_address_and_time() {
    let leak = |policy, way| {
        let world = called(policy).call_but(move |call| answer(of(call, way), None));
        let world = world.declared(|it| it.edition = Edition::V3_9);
        let findings = call_alone(&world);
        let only = finding(&findings, ONLY);
        (words(only), only.observed(), only.severity)
    };
    let around = "an ICE check that bypasses the proxy is answered\n";
    let (verdict, text, severity) = leak(Policy::Tls443, Way::IceTcp);
    assert_eq!((verdict, severity), ("fail, proven", Severity::Error));
    assert_eq!(
        text,
        format!(
            "{around}an authenticated ICE check is answered at TCP 203.0.113.20:7881 after 52 ms"
        )
    );
    let (verdict, text, _) = leak(Policy::Tls443, Way::TurnUdp);
    assert_eq!(verdict, "fail, proven");
    assert!(text.contains("through \"turn:203.0.113.20:443?transport=udp\""), "{text}");
    // That way is the one that 443-udp leaves.
    assert_eq!(leak(Policy::Udp443, Way::TurnUdp).0, "pass, uncontradicted");
    assert_eq!(leak(Policy::Udp443, Way::Udp).0, "fail, proven");
}

/// Our own office lets no UDP out: whether media would go around the proxy cannot be told.
#[test]
fn own_network_without_udp_proves_no_promise() {
    let findings = call_alone(&deaf(called(Policy::ForcedTurn)));
    assert_eq!(words(finding(&findings, ONLY)), "unsettled");
}

/// Somebody without IPv6 judges the rest, and says so.
#[test]
fn a_way_that_we_cannot_look_at_is_named_and_stops_nothing() {
    let world = called(Policy::ForcedTurn).call_but(|call| {
        let mut six = super::path(Way::Udp, "[2001:db8:5::20]:50906".parse().unwrap());
        six.check = IceCheck::NotSent(NotSent::Local(Blindness::NoRoute(Family::V6)));
        call.paths.push(six);
    });
    let findings = call_alone(&world);
    let only = finding(&findings, ONLY);
    assert_eq!(words(only), "pass, uncontradicted");
    let line = "UDP [2001:db8:5::20]:50906: could not look: this machine has no IPv6 route there";
    assert!(only.observed().lines().any(|it| it == line), "{}", only.observed());
}

#[test]
fn what_the_node_sends_by_itself_is_told_from_what_it_does_not() {
    let ends = |change: fn(&mut PunchFacts)| {
        let world =
            called(Policy::ForcedTurn).call_but(move |call| change(call.punched.as_mut().unwrap()));
        said(&call_alone(&world), PUNCHED)
    };
    assert_eq!(
        ends(|_| {}),
        "pass, uncontradicted: no ICE check of the server arrived at 198.51.100.7:40001 in 3600 ms"
    );
    assert_eq!(
        ends(|punched| punched.reachable = false),
        "vantage limit: no ICE check of the server arrived at 198.51.100.7:40001 in 3600 ms"
    );
    assert_eq!(
        ends(|punched| {
            punched.check_from = Some("203.0.113.20:50905".parse().unwrap());
            punched.through = Some(IceCheck::Answered { mapped: None });
        }),
        "fail, proven: the server opens a media path that bypasses the proxy"
    );
    assert_eq!(
        ends(|punched| punched.check_from = Some("203.0.113.20:50905".parse().unwrap())),
        "fail, suspected: the server sends ICE checks that bypass the proxy"
    );
    let not_offered = called(Policy::ForcedTurn).call_but(|call| call.punched = None);
    assert_eq!(
        said(&call_alone(&not_offered), PUNCHED),
        "unsettled: ovcheck offered no address of this computer to the server"
    );
}

// --- What a proven way carries -----------------------------------------------------------------

#[test]
fn large_packets_that_are_lost_by_one_way_of_several_are_lost_behind_it() {
    const LARGE: &str = "call/large-packets-pass";
    let lost = |ways: &'static [Way]| {
        let world = called(Policy::Default).call_but(move |call| {
            for way in ways {
                of(call, *way).padded = Some(IceCheck::Silent);
            }
        });
        words(finding(&call_alone(&world), LARGE))
    };
    assert_eq!(lost(&[]), "pass, proven");
    assert_eq!(lost(&[Way::Udp]), "fail, proven");
    // All that goes over UDP from here: it may be our own tunnel.
    assert_eq!(lost(&[Way::Udp, Way::TurnUdp]), "fail, suspected");
    // Inside TLS nothing is lost on our side.
    assert_eq!(lost(&[Way::Udp, Way::TurnUdp, Way::Turns]), "fail, proven");
    let only_tcp = in_use(called(Policy::Default)).call_but(|call| {
        for way in [Way::Udp, Way::TurnUdp, Way::Turns] {
            close(call, way);
        }
    });
    assert_eq!(words(finding(&call_alone(&only_tcp), LARGE)), "not applicable");
}

/// The loss is before the machine that carries media, and it is this one that is pinged.
#[test]
fn lost_large_packets_are_looked_for_on_the_way_to_the_machine_of_media() {
    let world = called(Policy::Default).call_but(|call| {
        of(call, Way::Udp).padded = Some(IceCheck::Silent);
    });
    let findings = call_alone(&world);
    let lost = finding(&findings, "call/large-packets-pass");
    let remedy = ovcheck::output::words::remedies::as_text(lost, Topology::SingleNode);
    assert!(remedy.contains("ping -M do -s 1200 203.0.113.20\n"), "{remedy}");
    assert!(!remedy.contains("-s 1200 openvidu.example.io"), "{remedy}");
}

#[test]
fn dtls_that_does_not_pass_is_told_with_its_direction() {
    const DTLS: &str = "call/dtls-passes";
    let ends = |seen: &'static [(Way, DtlsFacts)]| {
        let world = called(Policy::Default).call_but(move |call| {
            for (way, dtls) in seen {
                of(call, *way).dtls = Some(*dtls);
            }
        });
        let findings = call_alone(&world);
        let dtls = finding(&findings, DTLS);
        let observed = dtls.observed();
        let line = observed.lines().nth(1).unwrap_or(&observed);
        format!("{}: {line}", words(dtls))
    };
    assert_eq!(
        ends(&[(Way::Udp, DtlsFacts::OnlyFromServer)]),
        "fail, proven: UDP 203.0.113.20:50905: DTLS arrives from the server, but does not reach it"
    );
    assert_eq!(
        ends(&[(Way::Udp, DtlsFacts::NoHello)]),
        "fail, suspected: UDP 203.0.113.20:50905: no DTLS arrives from the server"
    );
    assert_eq!(
        ends(&[(Way::Udp, DtlsFacts::OnlyFromServer), (Way::TurnUdp, DtlsFacts::OnlyFromServer),]),
        "fail, suspected: UDP 203.0.113.20:50905: DTLS arrives from the server, but does not reach it"
    );
    assert_eq!(
        ends(&[
            (Way::Udp, DtlsFacts::NotReached),
            (Way::TurnUdp, DtlsFacts::NotReached),
            (Way::Turns, DtlsFacts::NotReached),
        ]),
        "unsettled: no second join came as far as the beginning of DTLS"
    );
}
