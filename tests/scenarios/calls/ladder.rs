//! One reading of a call: what a rule says of a way and what the summary of a call says of it never
//! contradict each other, and every violation says what it is about.

use std::collections::BTreeSet;

use ovcheck::model::call::{Certainty, Responsible, State, Step};
use ovcheck::model::deployment::Policy;
use ovcheck::model::facts::*;
use ovcheck::model::named::Forbidden;
use ovcheck::model::port::Transport;
use ovcheck::model::report::Finding;
use ovcheck::model::rule::Demand;
use ovcheck::model::target::{CandidateTarget, Target};
use ovcheck::model::verdict::{FailConfidence, Verdict};

use super::paths::in_use;
use super::{call_alone, called, candidate, finding, of, relay_of, situations, url};
use crate::world::Observed as _;
use crate::world::{OPENVIDU, RULESET, completed, unreachable_from, words};

fn demand(finding: &Finding) -> &'static Demand {
    &RULESET.rule(&finding.rule).unwrap().demand
}

/// How far a way came before DTLS, which has a rule of its own, in the words of verdicts.
fn verdict_of(state: &State) -> &'static str {
    match state {
        State::Works { .. } => "works",
        State::Stops(stop) if stop.at == Step::Dtls => "works",
        State::Stops(stop) => match stop.certainty {
            Certainty::Proven => "broken",
            Certainty::Suspected => "probably broken",
            Certainty::CannotTell => "not known",
        },
        State::NotOffered | State::Unknown { .. } => "not known",
    }
}

#[test]
fn rule_and_summary_never_contradict_each_other_about_a_way() {
    let mut compared = 0;
    for (situation, world, _) in situations() {
        let summary = world.call_summary();
        for finding in call_alone(&world) {
            let states: Vec<&State> = match demand(&finding) {
                Demand::JoinAccepted => vec![&summary.join.state],
                // The state of a way is that of its best contact: a rule blames the worst.
                Demand::MediaPath(way) => {
                    let way = summary.ways.iter().find(|it| it.way == *way).unwrap();
                    let contacts = way.contacts.iter().map(|contact| &contact.state);
                    std::iter::once(&way.state).chain(contacts).collect()
                }
                _ => continue,
            };
            let own = match finding.verdict {
                Verdict::Pass(_) => "works",
                Verdict::Fail(FailConfidence::Proven) => "broken",
                Verdict::Fail(FailConfidence::Suspected) => "probably broken",
                // Blocked by its cause, or not asked for.
                Verdict::Inconclusive(_) | Verdict::NotApplicable => continue,
            };
            let is_missing = states.iter().all(|state| **state == State::NotOffered);
            let agrees = states.iter().any(|state| verdict_of(state) == own);
            assert!(
                agrees || (is_missing && own == "broken"),
                "{situation}: {} {own}, {states:#?}",
                finding.rule
            );
            compared += 1;
        }
    }
    assert!(compared > 50, "{compared}");
}

#[test]
fn every_violation_of_a_call_says_what_it_is_about() {
    let mut seen = BTreeSet::new();
    for (situation, world, _) in situations() {
        let violations: Vec<Finding> = [world.judge(), call_alone(&world)]
            .into_iter()
            .flat_map(|findings| {
                let violations = findings.into_iter().filter(Finding::is_violation);
                let violations: Vec<Finding> =
                    violations.filter(|it| demand(it).is_of_call()).collect();
                let fingerprints: BTreeSet<_> =
                    violations.iter().map(|it| it.fingerprint.clone()).collect();
                assert_eq!(fingerprints.len(), violations.len(), "{situation}");
                violations
            })
            .collect();
        for violation in violations {
            // Where nothing is offered at all, there is nothing to name.
            let is_nothing = violation.reason.as_str().ends_with("_missing");
            assert!(
                is_nothing || violation.target != Target::default(),
                "{situation}: {violation:#?}"
            );
            seen.insert(violation.rule.to_string());
        }
    }
    let of_calls = RULESET.rules.iter().filter(|rule| rule.demand.is_of_call());
    let never: Vec<String> =
        of_calls.map(|rule| rule.id.to_string()).filter(|id| !seen.contains(id)).collect();
    assert!(never.is_empty(), "no situation breaks {never:?}");
}

#[test]
fn several_wrong_candidates_and_urls_are_several_violations() {
    let wrong = called(Policy::Default).call_but(|call| {
        let session = call.session.as_mut().unwrap();
        for (transport, address) in [
            (Transport::Udp, "172.17.0.1:50906"),
            (Transport::Tcp, "172.17.0.1:7881"),
            (Transport::Udp, "198.51.100.99:50907"),
        ] {
            session.candidates.push(candidate(transport, address.parse().unwrap()));
        }
        session.ice_servers.push(url("turn:10.9.9.9:443?transport=udp", IceScheme::Turn, 443));
        session.ice_servers.push(url(
            "turn:turn.example.net:443?transport=udp",
            IceScheme::Turn,
            443,
        ));
    });
    let findings = call_alone(&wrong);
    let of = |rule: &str| -> Vec<&Finding> {
        findings.iter().filter(|it| it.rule.as_str() == rule).collect()
    };
    let place = |address: &str| CandidateTarget::Address {
        transport: Transport::Udp,
        address: address.parse().unwrap(),
    };
    // UDP and TCP at one address are one mistake, and the port is another one in each session.
    let candidates: Vec<CandidateTarget> = of("call/media-addresses-are-right")
        .into_iter()
        .filter_map(|finding| finding.target.candidate.clone())
        .collect();
    assert_eq!(candidates, [place("172.17.0.1"), place("198.51.100.99")]);
    let urls: Vec<String> = of("call/turn-servers-are-right")
        .into_iter()
        .filter_map(|finding| finding.target.turn_url.as_ref().map(|url| url.unquoted().to_owned()))
        .collect();
    assert_eq!(
        urls,
        ["turn:10.9.9.9:443?transport=udp", "turn:turn.example.net:443?transport=udp"]
    );
}

/// What the machine itself refuses is the deployment's, for the rule and for the person who calls.
#[test]
fn what_the_machine_itself_refuses_is_nothing_to_ask_a_network_for() {
    let refused = called(Policy::Default).call_but(|call| {
        let path = of(call, Way::Udp);
        path.check = IceCheck::Icmp(unreachable_from(OPENVIDU.parse().unwrap()));
        (path.padded, path.dtls) = (None, None);
    });
    let findings = call_alone(&refused);
    let path = finding(&findings, "call/media-path-udp");
    assert_eq!(path.verdict, Verdict::Fail(FailConfidence::Proven), "{}", path.observed());
    assert_eq!(path.target.node.as_ref().unwrap().as_str(), "openvidu");
    let summary = refused.call_summary();
    let stop = summary.ways[0].state.stop().unwrap();
    assert_eq!((stop.certainty, stop.responsible), (Certainty::Proven, Responsible::Deployment));
    assert_eq!(stop.reason, path.reason);
}

/// A trouble of this computer is none of the TURN server's name.
#[test]
fn a_turn_server_that_could_not_be_asked_is_not_called_nameless() {
    let blind = called(Policy::Default).call_but(|call| {
        let relay = relay_of(call, Way::Turns);
        (relay.server, relay.connect, relay.handshake) = (None, None, None);
        (relay.allocate, relay.relayed) = (None, None);
        let path = of(call, Way::Turns);
        path.check =
            IceCheck::NotSent(NotSent::Local(ovcheck::model::observation::Blindness::OwnFirewall));
        (path.padded, path.dtls) = (None, None);
    });
    assert!(matches!(blind.call_summary().ways[3].state, State::Unknown { .. }));
}

/// An address to which no server may send its clients is the deployment's mistake.
#[test]
fn a_turn_server_at_a_forbidden_address_is_proven_to_be_of_no_use() {
    let forbidden = called(Policy::Default).call_but(|call| {
        call.session.as_mut().unwrap().ice_servers[0] =
            url("turn:127.0.0.1:443?transport=udp", IceScheme::Turn, 443);
        super::close(call, Way::TurnUdp);
        let relay = relay_of(call, Way::TurnUdp);
        (relay.server, relay.allocate) = (None, None);
        relay.blocked = Some(NotSent::ForbiddenAddress(Forbidden::NoOtherMachine));
    });
    let findings = call_alone(&forbidden);
    let path = finding(&findings, "call/media-path-turn-udp");
    assert_eq!(path.blocked_by.as_ref().unwrap().as_str(), "call/turn-servers-are-right");
    let summary = forbidden.call_summary();
    let stop = summary.ways[2].state.stop().unwrap();
    assert_eq!((stop.at, stop.responsible), (Step::Address, Responsible::Deployment));
}

/// What a proxy of this network carries it may have spoilt.
#[test]
fn what_ends_behind_the_http_proxy_of_this_network_is_not_proven() {
    type Change = fn(&mut CallFacts);
    let verdict = |rule: &str, proxied: bool, change: Change| {
        let world = in_use(called(Policy::Default)).call_but(move |call| {
            change(call);
            let place = "proxy.office.example:3128".to_owned();
            call.signal.http_proxy = proxied.then_some(HttpProxyFacts { place, answer: None });
        });
        words(finding(&call_alone(&world), rule))
    };
    let join: Change = |call| {
        call.signal.handshake = Some(crate::world::alert());
        (call.signal.join, call.session) = (None, None);
        call.paths.clear();
        call.relays.clear();
    };
    let relay: Change = |call| {
        super::close(call, Way::Turns);
        let relay = relay_of(call, Way::Turns);
        (relay.handshake, relay.allocate) = (Some(crate::world::alert()), None);
    };
    let ice_tcp: Change = |call| {
        let path = of(call, Way::IceTcp);
        (path.check, path.dtls) = (IceCheck::Closed, None);
    };
    let cases = [
        ("call/join-accepted", join, "fail, suspected"),
        ("call/media-path-turns", relay, "unsettled"),
        ("call/media-path-ice-tcp", ice_tcp, "fail, suspected"),
    ];
    for (rule, change, through_proxy) in cases {
        assert_eq!(verdict(rule, false, change), "fail, proven", "{rule}");
        assert_eq!(verdict(rule, true, change), through_proxy, "{rule}");
    }
}

/// Whose certificate it is follows from what was verified: a page that blocks a site signs its own, and
/// what a certificate says of public logs can be copied.
#[test]
fn a_certificate_is_the_server_s_for_certain_only_where_an_authority_vouches_for_it() {
    let whose = |change: fn(&mut ChainFacts)| {
        let refused = called(Policy::Default).call_but(move |call| {
            call.signal.handshake = Some(completed(TlsVersion::Tls13, change));
            (call.signal.join, call.session) = (None, None);
            (call.paths, call.relays) = (Vec::new(), Vec::new());
            (call.punched, call.farewell) = (None, None);
        });
        let summary = refused.call_summary();
        let stop = summary.join.state.stop().unwrap();
        assert_eq!((stop.at, stop.certainty), (Step::Certificate, Certainty::Proven));
        stop.responsible
    };
    let most_likely = Responsible::DeploymentOrPath;
    assert_eq!(whose(|chain| chain.trust = Trust::SelfSigned), most_likely);
    let logged = whose(|chain| {
        chain.trust = Trust::IntermediateMissing;
        chain.is_vouched_for = false;
        chain.certificates[0].is_publicly_logged = true;
    });
    assert_eq!(logged, most_likely);
    let old_intermediate = |chain: &mut ChainFacts| {
        chain.trust = Trust::Invalid(ChainFault::Expired { place: Some(1) });
    };
    assert_eq!(whose(old_intermediate), Responsible::Deployment);
}
