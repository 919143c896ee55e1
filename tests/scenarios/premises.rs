//! Premises about our own place: what rests on one that is in doubt accuses nobody.

use std::time::Duration;

use ovcheck::evaluate::Strictness;
use ovcheck::model::deployment::{Edition, Policy};
use ovcheck::model::facts::*;
use ovcheck::model::observation::{Observation, Outcome};
use ovcheck::model::port::Transport;
use ovcheck::model::probe::{Carrier, ProbeSpec, TlsOffer};
use ovcheck::model::report::Finding;
use ovcheck::model::seen::Seen;
use ovcheck::model::vantage::Zone;
use ovcheck::model::verdict::{FailConfidence, PassConfidence, Verdict};

use crate::clusters::{all_in_use, elastic};
use crate::doors::Door;
use crate::support::facts::{api_behind_tls, in_days, redirect, right_chain, rtmps, stun, tls};
use crate::world::Observed as _;
use crate::world::{OPENVIDU, PROXY, World, browser, completed, response, valid, words, world};

const DAY_S: i64 = 86_400;

/// All HTTP answers of an observation.
pub fn answers(observation: &mut Observation) -> Option<&mut HttpResponse> {
    let Outcome::Saw(facts) = &mut observation.outcome else { return None };
    let answer = match facts {
        Facts::Http(facts) => facts.answer.as_mut(),
        Facts::Api(facts) => facts.answer.as_mut(),
        Facts::Turn(facts) => facts.instead.as_mut(),
        _ => None,
    };
    match answer? {
        HttpAnswer::Response(response) => Some(response),
        _ => None,
    }
}

/// All chains of an observation.
pub fn chain(observation: &mut Observation) -> Option<&mut ChainFacts> {
    let Outcome::Saw(facts) = &mut observation.outcome else { return None };
    let handshake = match facts {
        Facts::Tls(facts) => facts.handshake.as_mut(),
        Facts::Api(facts) => facts.handshake.as_mut(),
        Facts::Turn(facts) => facts.handshake.as_mut(),
        Facts::Rtmp(facts) => facts.handshake.as_mut(),
        _ => None,
    };
    match handshake? {
        Handshake::Completed(session) => session.certificate.as_mut(),
        _ => None,
    }
}

/// A deployment whose certificates are valid in this time, in days from what our clock says, and whose
/// clocks are ahead of ours by so many seconds; `None`: it sends no `Date`.
fn clocks(valid_days: [i64; 2], ahead_s: Option<i64>) -> World {
    world(Policy::Default).seen_but(move |observations| {
        for observation in observations {
            if let Some(response) = answers(observation) {
                response.date_ahead_s = ahead_s;
            }
            if let Some(chain) = chain(observation) {
                valid(chain, valid_days[0], valid_days[1]);
            }
        }
    })
}

fn judged(world: &World, rule: &str) -> &'static str {
    let findings = world.judge_by(Strictness::Likely);
    let of_rule = findings.iter().find(|finding| finding.rule.as_str() == rule).unwrap();
    words(of_rule)
}

fn errors(findings: &[Finding]) -> Vec<&str> {
    let violations = findings.iter().filter(|finding| matches!(finding.verdict, Verdict::Fail(_)));
    let mut rules: Vec<&str> = violations.map(|finding| finding.rule.as_str()).collect();
    rules.dedup();
    rules
}

fn doubts(findings: &[Finding]) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    let doubted = findings.iter().filter(|finding| matches!(finding.seen, Seen::Doubted(_)));
    for words in doubted.map(Finding::observed) {
        if !said.contains(&words) {
            said.push(words);
        }
    }
    said
}

#[test]
fn a_certificate_is_expired_only_by_both_clocks() {
    let cases = [
        // Ours, where it is right.
        ([-30, 60], Some(0), "pass, proven"),
        ([-90, -2], Some(0), "fail, proven"),
        // Ours is 400 days ahead of a right deployment's.
        ([-430, -340], Some(-400 * DAY_S), "unsettled"),
        // And one that had expired by its own clock too.
        ([-530, -440], Some(-400 * DAY_S), "fail, proven"),
        // Ours is 400 days behind.
        ([370, 460], Some(400 * DAY_S), "unsettled"),
        // Ten minutes do not matter to a certificate.
        ([-30, 60], Some(-600), "pass, proven"),
        // Nobody tells the time.
        ([-30, 60], None, "pass, uncontradicted"),
        ([-90, -2], None, "fail, suspected"),
    ];
    for (valid_days, ahead_s, expected) in cases {
        let world = clocks(valid_days, ahead_s);
        assert_eq!(judged(&world, "tls/not-expired"), expected, "{valid_days:?} {ahead_s:?}");
    }
}

#[test]
fn a_clock_that_is_days_off_accuses_nobody_and_is_named_once() {
    for (valid_days, ahead_days) in
        [([-430, -340], -400), ([370, 460], 400), ([-4790, -4700], -4760)]
    {
        let findings = clocks(valid_days, Some(ahead_days * DAY_S)).judge();
        assert_eq!(errors(&findings), Vec::<&str>::new(), "{ahead_days}");
        let said = doubts(&findings);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("this machine's clock is probably wrong"), "{said:?}");
        let direction =
            if ahead_days < 0 { "ahead of the server's" } else { "behind the server's" };
        assert!(said[0].contains(direction), "{said:?}");
    }
}

#[test]
fn the_second_clock_may_be_the_wrong_one() {
    // The certificate was issued thirty days ago; the server believes that this is to come.
    let findings = clocks([-30, 60], Some(-400 * DAY_S)).judge();
    assert_eq!(errors(&findings), ["signal/clock-agrees"]);
    assert_eq!(doubts(&findings), Vec::<String>::new());

    // One clock agrees with ours: the other one is wrong.
    let world = clocks([-90, -2], Some(0)).seen_but(|observations| {
        let api = observations.iter_mut().filter(|it| it.spec.name() == "api");
        api.filter_map(answers).for_each(|response| response.date_ahead_s = Some(-3600));
    });
    assert_eq!(judged(&world, "signal/clock-agrees"), "fail, proven");
    assert_eq!(judged(&world, "tls/not-expired"), "fail, proven");
    // Which of two is wrong is not seen.
    assert_eq!(judged(&clocks([-30, 60], Some(3600)), "signal/clock-agrees"), "fail, suspected");
}

#[test]
fn a_chain_is_broken_only_at_a_time_when_our_clock_is_right() {
    let expired_intermediate = |ahead_s| {
        clocks([-30, 60], Some(ahead_s)).seen_but(|observations| {
            for chain in observations.iter_mut().filter_map(chain) {
                let mut intermediate = chain.certificates[0].clone();
                (intermediate.not_before, intermediate.not_after) = (in_days(-900), in_days(-1));
                chain.certificates.push(intermediate);
                chain.trust = Trust::Invalid(ChainFault::Expired { place: Some(1) });
            }
        })
    };
    assert_eq!(judged(&expired_intermediate(0), "tls/chain-verifies"), "fail, proven");
    assert_eq!(judged(&expired_intermediate(-5 * DAY_S), "tls/chain-verifies"), "unsettled");
}

/// What a run asks once more at its end, answered this way.
fn asked_again(world: World, met: Connect) -> World {
    world.seen_but(move |observations| {
        for spec in ovcheck::plan::again(observations) {
            let facts = TcpFacts { connect: met.clone(), dialled: None };
            observations.push(Observation {
                spec,
                started: std::time::Duration::from_secs(2),
                took: std::time::Duration::from_millis(50),
                attempts: 1,
                outcome: Outcome::Saw(Facts::Tcp(facts)),
            });
        }
    })
}

/// With the proxy silent on 1935, where it answers on 443.
fn half_silent() -> World {
    world(Policy::Default).with(PROXY, Transport::Tcp, "1935", Door::Drops).but(|spec| match spec {
        ProbeSpec::Tls { to, .. } if to.port.number() == 1935 => {
            let tls = tls(None);
            Some(Outcome::Saw(Facts::Tls(TlsFacts { connect: Connect::Silent, ..tls })))
        }
        _ => None,
    })
}

#[test]
fn what_is_silent_after_we_were_shut_out_is_no_closed_port() {
    let rule = "ports/proxy-tcp-1935";
    let still_let_in = asked_again(half_silent(), Connect::Accepted).judge();
    assert!(errors(&still_let_in).contains(&rule));
    assert_eq!(doubts(&still_let_in), Vec::<String>::new());
    let of = |findings: &[Finding], rule: &str| {
        words(findings.iter().find(|it| it.rule.as_str() == rule).unwrap())
    };
    assert_eq!(of(&still_let_in, "ports/openvidu-udp-7885"), "vantage limit");
    for met in [Connect::Silent, Connect::Reset] {
        let findings = asked_again(half_silent(), met).judge();
        assert_eq!(errors(&findings), Vec::<&str>::new());
        let said = doubts(&findings);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("something probably blocks this machine since"), "{said:?}");
        // A port that should be closed may be open, for all that we hear.
        assert_eq!(of(&findings, "ports/openvidu-tcp-7880"), "unsettled");
        // Nor may a silent one be one that always is.
        assert_eq!(of(&findings, "ports/openvidu-udp-7885"), "unsettled");
    }
}

/// A block that began between the connections at one address and their handshakes.
#[test]
fn handshakes_that_were_cut_when_we_were_shut_out_accuse_nobody() {
    let cut = || {
        world(Policy::Default).but(|spec| {
            let is_cut = spec.endpoint().is_some_and(|at| at.address.to_string() == PROXY);
            let reset = Some(Handshake::Reset);
            match spec {
                ProbeSpec::Tls { .. } if is_cut => {
                    Some(Outcome::Saw(Facts::Tls(TlsFacts { handshake: reset, ..tls(None) })))
                }
                _ => None,
            }
        })
    };
    let rule = "tls/handshake-completes";
    assert!(errors(&asked_again(cut(), Connect::Accepted).judge()).contains(&rule));
    assert_eq!(errors(&asked_again(cut(), Connect::Reset).judge()), Vec::<&str>::new());
}

#[test]
fn a_machine_that_answered_only_a_ping_is_pinged_again() {
    let seen = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let kept = std::rc::Rc::clone(&seen);
    let world = world(Policy::ForcedTurn)
        .with(OPENVIDU, Transport::Tcp, "1-65535", Door::Drops)
        .seen_but(move |observations| kept.borrow_mut().clone_from(observations));
    world.judge();
    let again = ovcheck::plan::again(&seen.borrow());
    let of_openvidu = || again.iter().filter(|spec| spec.address() == OPENVIDU.parse().ok());
    assert_eq!(of_openvidu().count(), 1, "{again:?}");
    assert!(of_openvidu().all(|spec| matches!(spec, ProbeSpec::Echo { .. })), "{again:?}");
    assert!(again.len() <= 4, "{again:?}");
}

/// With handshakes at one address that stay silent, and a second try of each.
fn silent_handshakes(address: &'static str, second_try: SecondTry) -> World {
    world(Policy::Default).but(move |spec| {
        let silent = Some(Handshake::Silent);
        let at = spec.endpoint()?;
        if at.address.to_string() != address {
            return None;
        }
        Some(Outcome::Saw(match spec {
            ProbeSpec::Tls { offer: TlsOffer::Web | TlsOffer::Stream, .. } => {
                Facts::Tls(TlsFacts { second_try: Some(second_try), ..tls(silent) })
            }
            ProbeSpec::Tls { .. } => Facts::Tls(tls(silent)),
            _ => return None,
        }))
    })
}

#[test]
fn a_handshake_that_needs_small_segments_accuses_no_proxy() {
    let rule = "tls/handshake-completes";
    let tried = |small, before| SecondTry {
        with_small_segments: small,
        as_before: before,
        in_pieces: None,
    };
    let lost = silent_handshakes(PROXY, tried(true, false)).judge();
    assert!(!errors(&lost).contains(&rule));
    let said = doubts(&lost);
    assert!(said[0].contains("large packets are lost on the way from 203.0.113.10"), "{said:?}");
    // Neither helps, or both do: it is the proxy, or chance.
    for second_try in [tried(false, false), tried(true, true)] {
        let findings = silent_handshakes(PROXY, second_try).judge();
        assert!(errors(&findings).contains(&rule), "{second_try:?}");
        assert_eq!(doubts(&findings), Vec::<String>::new());
    }
}

/// With C1 of RTMP unanswered, and answered in small segments.
fn silent_c1(world: World, in_pieces: bool) -> World {
    world.but(move |spec| match spec {
        ProbeSpec::Rtmp { over: Carrier::Tls(_), .. } => {
            let second_try = Some(SecondTry {
                with_small_segments: true,
                as_before: false,
                in_pieces: Some(in_pieces),
            });
            Some(Outcome::Saw(match rtmps(RtmpAnswer::Silent) {
                Facts::Rtmp(facts) => Facts::Rtmp(RtmpFacts { second_try, ..facts }),
                other => other,
            }))
        }
        _ => None,
    })
}

#[test]
fn where_c1_of_rtmp_is_lost_the_direction_is_told() {
    let lost = |in_pieces| {
        let findings = silent_c1(world(Policy::Default), in_pieces)
            .but(move |spec| match spec {
                // A browser's first message is as long.
                ProbeSpec::Browser { .. } if in_pieces => {
                    let silent = |shape| HelloFacts { shape, answer: Handshake::Silent };
                    let facts = browser(|shape| shape == HelloShape::Short);
                    let hellos = [HelloShape::Chromium, HelloShape::Firefox].map(silent).into();
                    let mut twins = facts.twins;
                    let lost = twins.iter_mut().filter(|it| it.answer == Handshake::Reset);
                    lost.for_each(|it| it.answer = Handshake::Silent);
                    Some(Outcome::Saw(Facts::Browser(BrowserFacts { hellos, twins, ..facts })))
                }
                _ => None,
            })
            .seen_but(|observations| {
                // A chain that fills no segment.
                observations.iter_mut().filter_map(chain).for_each(|chain| chain.sent = 1);
            })
            .judge();
        assert_eq!(errors(&findings), Vec::<&str>::new());
        doubts(&findings).join("\n")
    };
    assert!(lost(true).contains("from this machine to 203.0.113.10"), "{}", lost(true));
    assert!(lost(false).contains("from 203.0.113.10 and"), "{}", lost(false));
}

/// Of two machines behind the proxy one is dead: which attempt is answered is chance. A browser's first
/// message and the chain of the certificate are as large, and arrived.
#[test]
fn chance_behind_a_front_is_no_loss_of_large_packets() {
    for in_pieces in [true, false] {
        let behind_two = elastic(Edition::V3_2, Policy::Default).declared(all_in_use);
        let findings = silent_c1(behind_two, in_pieces).judge();
        assert_eq!(doubts(&findings), Vec::<String>::new());
        let rtmps = findings.iter().find(|it| it.rule.as_str() == "rtmp/rtmps-handshakes").unwrap();
        assert_eq!(words(rtmps), "fail, suspected");
        assert!(rtmps.observed().contains("of several machines"), "{}", rtmps.observed());
    }
}

/// A router in the place of the deployment: a page and a certificate of its own, nothing else.
fn router() -> World {
    world(Policy::Default)
        .with(PROXY, Transport::Tcp, "1935", Door::Idle)
        .with(OPENVIDU, Transport::Tcp, "1-65535", Door::Idle)
        .with(OPENVIDU, Transport::Udp, "1-65535", Door::Drops)
        .but(|spec| match spec {
            ProbeSpec::Tls { to, .. } if to.address.is_ipv4() && to.port.number() == 1935 => {
                let closed = TlsFacts { connect: Connect::Reset, ..tls(None) };
                Some(Outcome::Saw(Facts::Tls(closed)))
            }
            ProbeSpec::Rtmp { to, .. } if to.address.is_ipv4() => {
                let Facts::Rtmp(facts) = rtmps(RtmpAnswer::Closed) else { return None };
                Some(Outcome::Saw(Facts::Rtmp(RtmpFacts {
                    connect: Connect::Reset,
                    handshake: None,
                    answer: None,
                    ..facts
                })))
            }
            ProbeSpec::Tls { to, .. } if to.address.is_ipv4() => {
                let own = |chain: &mut ChainFacts| {
                    chain.trust = Trust::SelfSigned;
                    chain.name_matches = false;
                };
                Some(Outcome::Saw(Facts::Tls(tls(Some(completed(TlsVersion::Tls12, own))))))
            }
            ProbeSpec::Api { to, .. } if to.address.is_ipv4() => {
                Some(Outcome::Saw(api_behind_tls(response(200, "<html>"))))
            }
            ProbeSpec::Turn { to, .. } if to.address.is_ipv4() => {
                Some(Outcome::Saw(Facts::Turn(stun(StunAnswer::Silent))))
            }
            _ => None,
        })
}

fn of_ipv4(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(|it| it.target.address.is_some_and(|address| address.is_ipv4()))
}

#[test]
fn who_stands_behind_the_address_itself_sees_nothing_of_the_deployment() {
    let seen_as = |mapped: &'static str| {
        router()
            .vantage_but(|vantage| vantage.stun_servers = vec!["192.0.2.53:3478".parse().unwrap()])
            .but(move |spec| match spec {
                ProbeSpec::OwnUdp { .. } => {
                    let mapped = Some(format!("{mapped}:4000").parse().unwrap());
                    Some(Outcome::Saw(Facts::Turn(stun(StunAnswer::Success { mapped }))))
                }
                _ => None,
            })
    };
    let inside = seen_as(PROXY).judge();
    let accused: Vec<&Finding> = of_ipv4(&inside).filter(|it| it.is_violation()).collect();
    assert!(accused.is_empty(), "{accused:?}");
    assert!(doubts(&inside).join("").contains("this machine is behind the address that it tests"));
}

#[test]
fn a_certificate_of_a_device_on_the_way_is_not_the_deployment_s() {
    let signed_by = |issuer: &'static str| {
        world(Policy::Default).seen_but(move |observations| {
            for chain in observations.iter_mut().filter_map(chain) {
                chain.trust = Trust::UnknownIssuer;
                chain.certificates[0].issuer = ServerText::new(issuer);
            }
        })
    };
    assert_eq!(judged(&signed_by("O=Zscaler Inc."), "tls/chain-verifies"), "unsettled");
    // An authority of the deployment's own looks the same as one of a device.
    assert_eq!(judged(&signed_by("CN=Example Authority"), "tls/chain-verifies"), "fail, suspected");
}

/// A page that blocks a site shows a certificate of its own making too; on the proxy itself nothing can.
#[test]
fn a_certificate_that_signed_itself_is_proven_only_on_the_machine_that_shows_it() {
    let signed_itself = || {
        world(Policy::Default).seen_but(|observations| {
            for chain in observations.iter_mut().filter_map(chain) {
                chain.trust = Trust::SelfSigned;
            }
        })
    };
    let rule = "tls/chain-verifies";
    assert_eq!(judged(&signed_itself(), rule), "fail, suspected");
    let on_the_proxy = signed_itself().on(Zone::ExternalProxy, &["proxy"]);
    assert_eq!(judged(&on_the_proxy, rule), "fail, proven");
    let findings = signed_itself().judge();
    let said = findings.iter().find(|it| it.rule.as_str() == rule).unwrap().observed();
    assert!(said.starts_with("the certificate is self-signed"), "{said}");
    assert!(said.contains("ovcheck finds the same one from any other network"), "{said}");
}

fn with_chains(change: impl Fn(&mut ChainFacts) + 'static) -> World {
    world(Policy::Default).seen_but(move |observations| {
        observations.iter_mut().filter_map(chain).for_each(&change);
    })
}

/// What a certificate says can be copied: only its signature shows who made it, and a chain that is
/// incomplete or broken does not show that.
#[test]
fn a_chain_that_cannot_be_verified_is_proven_only_on_the_machine_that_shows_it() {
    let rule = "tls/chain-verifies";
    let shows = |trust: Trust, is_vouched_for: bool| {
        with_chains(move |chain| {
            chain.trust = trust.clone();
            chain.is_vouched_for = is_vouched_for;
        })
    };
    let old = || Trust::Invalid(ChainFault::Expired { place: Some(1) });
    for trust in [
        Trust::IntermediateMissing,
        old(),
        Trust::Invalid(ChainFault::BadSignature { place: Some(0) }),
        Trust::Invalid(ChainFault::ForeignKey),
        Trust::Invalid(ChainFault::Unreadable),
    ] {
        assert_eq!(judged(&shows(trust.clone(), false), rule), "fail, suspected", "{trust:?}");
        let on_the_proxy = shows(trust.clone(), false).on(Zone::ExternalProxy, &["proxy"]);
        assert_eq!(judged(&on_the_proxy, rule), "fail, proven", "{trust:?}");
    }
    // A public authority signed it: nobody else has its key.
    assert_eq!(judged(&shows(old(), true), rule), "fail, proven");
    let findings = shows(Trust::IntermediateMissing, false).judge();
    let said = findings.iter().find(|it| it.rule.as_str() == rule).unwrap().observed();
    assert!(said.contains("cannot be verified with what was sent"), "{said}");
}

/// A chain that is right for one name is not doubted for what another name shows at the same port.
#[test]
fn what_one_name_shows_doubts_nothing_of_another() {
    let world = world(Policy::Default).seen_but(|observations| {
        for observation in observations {
            let is_of_turn = observation.spec.to_string().contains("turn.");
            if let Some(chain) = chain(observation).filter(|_| is_of_turn) {
                chain.trust = Trust::IntermediateMissing;
                chain.is_vouched_for = false;
            }
        }
    });
    let findings = world.judge();
    let of = |host: &str| {
        let mut of_rule = findings.iter().filter(|it| it.rule.as_str() == "tls/chain-verifies");
        words(
            of_rule
                .find(|it| it.target.host.as_ref().is_some_and(|it| it.as_str() == host))
                .unwrap(),
        )
    };
    assert_eq!(of("turn.example.io"), "fail, suspected");
    assert_eq!(of("openvidu.example.io"), "pass, proven");
}

/// A page that blocks a site may have a certificate of a public authority, for its own name.
#[test]
fn a_certificate_for_another_name_is_the_deployment_s_where_it_answers_behind_it() {
    let rule = "tls/name-matches";
    let shows = |name: &'static str| {
        with_chains(move |chain| {
            chain.name_matches = false;
            chain.certificates[0].names = vec![ServerText::new(name)];
        })
    };
    let mute = |world: World| {
        world.but(|spec| match spec {
            ProbeSpec::Api { .. } | ProbeSpec::Path { .. } => {
                Some(Outcome::Saw(api_behind_tls(response(200, "<html>blocked"))))
            }
            ProbeSpec::Turn { over: Carrier::Tls(_), .. } => {
                Some(Outcome::Saw(Facts::Turn(stun(StunAnswer::Silent))))
            }
            ProbeSpec::Rtmp { over: Carrier::Tls(_), .. } => {
                Some(Outcome::Saw(rtmps(RtmpAnswer::Closed)))
            }
            _ => None,
        })
    };
    assert_eq!(judged(&shows("portal.example.net"), rule), "fail, proven");
    assert_eq!(judged(&mute(shows("portal.example.net")), rule), "fail, suspected");
    let here = mute(shows("portal.example.net")).on(Zone::ExternalProxy, &["proxy"]);
    assert_eq!(judged(&here, rule), "fail, proven");
    // Only the deployment has a certificate for one of its names.
    assert_eq!(judged(&mute(shows("*.example.io")), rule), "fail, proven");
}

/// What comes before the certificate is not signed: a filter that reads the name in the ClientHello ends
/// connections in all of these ways.
#[test]
fn a_handshake_that_fails_is_proven_only_on_the_machine_itself() {
    let rule = "tls/handshake-completes";
    let ends = |with: Handshake| {
        world(Policy::Default).but(move |spec| match spec {
            ProbeSpec::Tls { .. } => Some(Outcome::Saw(Facts::Tls(tls(Some(with.clone()))))),
            _ => None,
        })
    };
    for ending in [
        Handshake::Reset,
        Handshake::Closed,
        Handshake::Alert { code: 112, name: "unrecognized_name".into() },
        Handshake::NotTls(FirstBytes::Text(ServerText::new("hello"))),
    ] {
        assert_eq!(judged(&ends(ending.clone()), rule), "fail, suspected", "{ending:?}");
        let here = ends(ending.clone()).on(Zone::ExternalProxy, &["proxy"]);
        assert_eq!(judged(&here, rule), "fail, proven", "{ending:?}");
    }
    // The server itself completes it, once it is spoken to in its own way.
    let behind_header = world(Policy::Default).but(|spec| match spec {
        ProbeSpec::Tls { .. } => {
            let met = completed(TlsVersion::Tls13, right_chain);
            let second = Some(SecondHandshake { change: HandshakeChange::ProxyHeader, met });
            Some(Outcome::Saw(Facts::Tls(TlsFacts { second, ..tls(Some(Handshake::Closed)) })))
        }
        _ => None,
    });
    assert_eq!(judged(&behind_header, rule), "fail, proven");
}

/// The authority of a device that opens TLS is installed on every machine of its network: what it
/// shows verifies there, and nothing of its TLS is the deployment's.
#[test]
fn nothing_is_proven_by_a_root_that_only_this_machine_trusts() {
    let world = || {
        world(Policy::Default).seen_but(|observations| {
            for chain in observations.iter_mut().filter_map(chain) {
                chain.private_root = true;
                chain.certificates[0].issuer = ServerText::new("CN=Example Authority");
            }
        })
    };
    let twin = world().but(|spec| match spec {
        ProbeSpec::Tls { offer: TlsOffer::Only(_), .. } => {
            Some(Outcome::Saw(Facts::Tls(tls(Some(Handshake::Alert {
                code: 70,
                name: "protocol_version".into(),
            })))))
        }
        _ => None,
    });
    let findings: Vec<Finding> = world().judge().into_iter().chain(twin.judge()).collect();
    let of_tls = |finding: &&Finding| finding.rule.as_str().starts_with("tls/");
    let proven: Vec<_> = findings
        .iter()
        .filter(of_tls)
        .filter(|it| {
            matches!(
                it.verdict,
                Verdict::Pass(PassConfidence::Proven) | Verdict::Fail(FailConfidence::Proven)
            )
        })
        .map(|it| it.rule.as_str())
        .collect();
    assert!(proven.is_empty(), "{proven:?}");
    assert!(findings.iter().filter(of_tls).any(|it| matches!(it.verdict, Verdict::Pass(_))));
}

#[test]
fn a_page_that_wants_a_login_first_is_not_the_deployment_s() {
    let portal = world(Policy::Default).but(|spec| match spec {
        ProbeSpec::Http { .. } => Some(Outcome::Saw(Facts::Http(HttpFacts {
            connect: Connect::Accepted,
            dialled: None,
            path: "/x".into(),
            answer: Some(redirect("http://portal.cafe.example/login")),
        }))),
        ProbeSpec::Tls { .. } => Some(Outcome::Saw(Facts::Tls(tls(Some(Handshake::Reset))))),
        _ => None,
    });
    // Nobody comes to a session with the deployment.
    let findings = portal
        .seen_but(|observations| {
            for chain in observations.iter_mut().filter_map(chain) {
                chain.name_matches = false;
            }
        })
        .judge();
    assert_eq!(errors(&findings), Vec::<&str>::new());
    assert!(doubts(&findings)[0].contains("a captive portal answers"));
}

/// A network that answers nothing that is asked directly.
fn nothing_gets_out() -> World {
    world(Policy::Default).seen_but(|observations| {
        for observation in observations {
            let facts = match (&observation.spec, &observation.outcome) {
                (ProbeSpec::Dns { .. }, _) => continue,
                (ProbeSpec::Udp { .. }, Outcome::Saw(Facts::Udp(facts))) => {
                    let mut facts = facts.clone();
                    facts.ports.iter_mut().for_each(|port| port.answer = UdpAnswer::Silent);
                    Facts::Udp(UdpFacts { swept: None, ..facts })
                }
                (ProbeSpec::Echo { .. }, _) => {
                    Facts::Echo(EchoFacts { answer: EchoAnswer::Silent })
                }
                (ProbeSpec::Turn { over: Carrier::Udp, .. } | ProbeSpec::OwnUdp { .. }, _) => {
                    Facts::Turn(stun(StunAnswer::Silent))
                }
                _ => Facts::Tcp(TcpFacts { connect: Connect::Silent, dialled: None }),
            };
            observation.outcome = Outcome::Saw(facts);
        }
    })
}

#[test]
fn where_only_the_proxy_gets_out_nobody_is_accused() {
    let told = |world: World| {
        world.vantage_but(|vantage| vantage.http_proxy = Some("proxy.example.net:3128".to_owned()))
    };
    let findings = told(nothing_gets_out()).judge();
    assert_eq!(errors(&findings), Vec::<&str>::new());
    let said = doubts(&findings);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("this machine has an HTTP proxy configured (proxy.example.net:3128)"));
    // Something gets out directly: the proxy explains nothing.
    let half = told(half_silent()).judge();
    assert!(errors(&half).contains(&"ports/proxy-tcp-1935"));
    assert_eq!(doubts(&half), Vec::<String>::new());
    // And without one configured it is no cause.
    assert_eq!(doubts(&nothing_gets_out().judge()), Vec::<String>::new());
}

#[test]
fn a_name_that_an_inner_dns_server_denies_is_no_missing_record_behind_a_proxy() {
    let denied = || {
        nothing_gets_out().seen_but(|observations| {
            for observation in observations.iter_mut() {
                if let ProbeSpec::Dns { .. } = observation.spec {
                    let facts = crate::world::dns(DnsAnswer::NxDomain, Vec::new());
                    observation.outcome = Outcome::Saw(Facts::Dns(facts));
                }
            }
        })
    };
    assert_eq!(judged(&denied(), "dns/domain-resolves"), "fail, proven");
    let told =
        denied().vantage_but(|vantage| vantage.http_proxy = Some("10.0.0.1:3128".to_owned()));
    assert_eq!(judged(&told, "dns/domain-resolves"), "unsettled");
}

/// The deployment with its machines at private addresses, as it is declared.
fn at_private_addresses() -> World {
    const ADDRESSES: [&str; 2] = ["192.168.1.10", "192.168.1.20"];
    world(Policy::Default)
        .declared(|deployment| {
            for (node, address) in deployment.nodes.iter_mut().zip(ADDRESSES) {
                node.addresses = vec![address.parse().unwrap()];
            }
        })
        .but(|spec| match spec {
            ProbeSpec::Dns { family, .. } => {
                let found = match family {
                    ovcheck::model::target::Family::V4 => {
                        crate::world::dns(DnsAnswer::Addresses, vec![ADDRESSES[0].parse().unwrap()])
                    }
                    ovcheck::model::target::Family::V6 => {
                        crate::world::dns(DnsAnswer::NoData, Vec::new())
                    }
                };
                Some(Outcome::Saw(Facts::Dns(found)))
            }
            _ => None,
        })
}

#[test]
fn what_answers_at_a_private_address_is_not_taken_for_the_deployment_by_itself() {
    let of_places = |findings: &[Finding]| {
        let of_address = |it: &&Finding| it.is_violation() && it.target.port.is_some();
        findings.iter().filter(of_address).map(Finding::observed).collect::<Vec<_>>()
    };
    // The page of somebody's router, with a certificate of its own.
    let strange = at_private_addresses()
        .with("192.168.1.10", Transport::Tcp, "1935", Door::Idle)
        .with("192.168.1.20", Transport::Tcp, "1-65535", Door::Idle)
        .with("192.168.1.20", Transport::Udp, "1-65535", Door::Drops)
        .but(|spec| match spec {
            ProbeSpec::Tls { .. } => {
                let own = |chain: &mut ChainFacts| {
                    chain.trust = Trust::SelfSigned;
                    chain.name_matches = false;
                };
                Some(Outcome::Saw(Facts::Tls(tls(Some(completed(TlsVersion::Tls12, own))))))
            }
            ProbeSpec::Api { .. } | ProbeSpec::Path { .. } => {
                Some(Outcome::Saw(api_behind_tls(response(200, "<html>"))))
            }
            ProbeSpec::Turn { .. } => Some(Outcome::Saw(Facts::Turn(stun(StunAnswer::Silent)))),
            _ => None,
        });
    let findings = strange.judge();
    assert_eq!(of_places(&findings), Vec::<String>::new());
    let said = doubts(&findings);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("192.168.1.10 and 192.168.1.20 are private addresses"), "{said:?}");

    // From inside the deployment's own network: it shows who it is, and is judged.
    let broken = at_private_addresses().but(|spec| match spec {
        ProbeSpec::Api { .. } => Some(Outcome::Saw(api_behind_tls(response(502, "")))),
        _ => None,
    });
    let findings = broken.judge();
    assert_eq!(doubts(&findings), Vec::<String>::new());
    assert!(errors(&findings).contains(&"signal/api-answers"), "{:?}", errors(&findings));
}

/// An end and a reset came, however late this machine was.
#[test]
fn a_slow_machine_still_says_what_was_closed_or_reset() {
    let ended = |with: fn() -> Handshake| {
        let broken = world(Policy::Default).but(move |spec| match spec {
            ProbeSpec::Tls { offer: TlsOffer::Web | TlsOffer::Stream, .. } => {
                Some(Outcome::Saw(Facts::Tls(tls(Some(with())))))
            }
            _ => None,
        });
        judged(&broken.late_by(Duration::from_millis(700)), "tls/handshake-completes")
    };
    assert_eq!(ended(|| Handshake::Reset), "fail, suspected");
    assert_eq!(ended(|| Handshake::Closed), "fail, suspected");
    assert_eq!(ended(|| Handshake::Silent), "unsettled");
    // A rest of an answer that did not come in time is silence too.
    let unfinished = world(Policy::Default).but(|spec| match spec {
        ProbeSpec::Rtmp { over: Carrier::Tls(_), .. } => {
            let answer = Some(RtmpAnswer::Unfinished { bytes: 1 });
            Some(Outcome::Saw(Facts::Rtmp(RtmpFacts {
                connect: Connect::Accepted,
                dialled: None,
                handshake: Some(completed(TlsVersion::Tls13, right_chain)),
                answer,
                otherwise: None,
                second_try: None,
            })))
        }
        _ => None,
    });
    let unfinished = unfinished.late_by(Duration::from_millis(700));
    assert_eq!(judged(&unfinished, "rtmp/rtmps-handshakes"), "unsettled");
}

#[test]
fn a_slow_machine_accuses_nobody_of_silence() {
    let broken = || {
        world(Policy::Default).with(PROXY, Transport::Tcp, "1935", Door::Drops).but(|spec| {
            match spec {
                ProbeSpec::Turn { over: Carrier::Tls(_), .. } => {
                    Some(Outcome::Saw(Facts::Turn(stun(StunAnswer::Silent))))
                }
                ProbeSpec::Api { .. } => Some(Outcome::Saw(api_behind_tls(response(502, "")))),
                _ => None,
            }
        })
    };
    let by_silence = ["turn/turns-answers-binding", "ports/proxy-tcp-1935"];
    let by_answers = ["signal/api-answers"];
    let findings = broken().judge();
    for rule in by_silence.iter().chain(&by_answers) {
        assert!(errors(&findings).contains(rule), "{rule}: {:?}", errors(&findings));
    }
    let findings = broken().late_by(Duration::from_millis(400)).judge();
    for rule in by_silence {
        assert!(!errors(&findings).contains(&rule), "{rule}");
    }
    for rule in by_answers {
        assert!(errors(&findings).contains(&rule), "{rule}: {:?}", errors(&findings));
    }
    let said = doubts(&findings);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("timers were up to 400 ms late"), "{said:?}");
    // What is closed may have answered too late to be seen.
    let forced = world(Policy::ForcedTurn);
    assert_eq!(judged(&forced, "policy/media-range-closed"), "pass, uncontradicted");
    let forced = forced.late_by(Duration::from_millis(400));
    assert_eq!(judged(&forced, "policy/media-range-closed"), "unsettled");
}
