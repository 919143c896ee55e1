//! Services behind the proxy, seen from machines on the way to them.

use ovcheck::model::deployment::{Edition, Policy};
use ovcheck::model::facts::{
    Connect, Facts, HttpAnswer, RtmpAnswer, StunAnswer, TlsVersion, TurnFacts,
};
use ovcheck::model::observation::Outcome;
use ovcheck::model::port::Transport;
use ovcheck::model::probe::{ApiRequest, Carrier, ProbeSpec};
use ovcheck::model::reason::ReasonCode;
use ovcheck::model::seen::{BackendDown, BackendSign, Seen};
use ovcheck::model::vantage::Zone;

use crate::clusters::{MASTER, MEDIA_1_INSIDE, all_in_use, elastic, finding, high_availability};
use crate::doors::Door;
use crate::support::facts::{api_behind_tls, completed, right_chain, rtmps, stun};
use crate::world::{OPENVIDU, PROXY, World, response, words, world};

/// One closed port is one cause, whatever is not answered because of it.
#[test]
fn what_is_not_answered_behind_the_proxy_names_the_port_that_is_closed_to_it() {
    let silent_rtmp = |spec: &ProbeSpec| match spec {
        ProbeSpec::Rtmp { over: Carrier::Tls(_), .. } => {
            Some(Outcome::Saw(rtmps(RtmpAnswer::Silent)))
        }
        _ => None,
    };
    let causes = |zone, stands_on, address, port| {
        let findings = elastic(Edition::V3_2, Policy::Default)
            .declared(all_in_use)
            .on(zone, stands_on)
            .with(address, Transport::Tcp, port, Door::Drops)
            .but(silent_rtmp)
            .judge();
        let rtmps = finding(&findings, "rtmp/rtmps-handshakes", PROXY);
        assert_eq!(words(rtmps), "fail, proven");
        let because: Vec<String> = rtmps.because.iter().map(ToString::to_string).collect();
        because
    };
    let none: [&str; 0] = [];
    let proxy = |port| causes(Zone::ExternalProxy, &["proxy"], MASTER, port);
    assert_eq!(proxy("1945"), ["ports/master-tcp-1945"]);
    assert_eq!(proxy("5349"), none);
    let master = |port| causes(Zone::Master, &["master"], MEDIA_1_INSIDE, port);
    assert_eq!(master("1935"), ["ports/media-tcp-1935"]);
    // Other packets go from here than the proxy's.
    let media = causes(Zone::Media, &["media-1"], MASTER, "9100");
    assert_eq!(media, none);
}

#[test]
fn of_several_machines_behind_the_proxy_one_that_is_silent_is_told_from_all() {
    let of = |topology: World, rule: &str, answer: HttpAnswer, asked: fn(ApiRequest) -> bool| {
        let findings = topology
            .but(move |spec| match spec {
                ProbeSpec::Api { over: Carrier::Tls(_), request, .. } if asked(*request) => {
                    Some(Outcome::Saw(api_behind_tls(answer.clone())))
                }
                _ => None,
            })
            .judge();
        match &finding(&findings, rule, PROXY).seen {
            Seen::BackendDown(seen) => seen.clone(),
            other => panic!("{other:?}"),
        }
    };
    let silent = |topology: World, is_silent: fn(ApiRequest) -> bool| {
        of(topology, "signal/api-answers", HttpAnswer::Silent, is_silent)
    };
    let several = || high_availability(Edition::V3_2, Policy::Default);
    let only_one = |request| request == ApiRequest::Validate;
    let of_one = BackendDown { sign: BackendSign::Silent, cause: None, is_one_of_several: true };
    assert_eq!(silent(several(), only_one), of_one);
    // A TURN server would wait for more of the request, too.
    let of_all =
        BackendDown { sign: BackendSign::SilentToHttp, cause: None, is_one_of_several: false };
    assert_eq!(silent(several(), |_| true), of_all);
    assert_eq!(silent(world(Policy::Default), only_one), of_all);
    // A Master Node that is gone and still in the list of the balancer: now and then 503.
    let unavailable = |rule: &str, asked| {
        let seen = of(several(), rule, response(503, ""), asked);
        assert!(matches!(seen.sign, BackendSign::GatewayError(_)), "{:?}", seen.sign);
        seen.is_one_of_several
    };
    for (rule, asked) in [
        ("signal/api-answers", only_one as fn(ApiRequest) -> bool),
        ("signal/websocket-upgrade-passes", |asked| asked == ApiRequest::WebSocketUpgrade),
        ("signal/post-passes", |asked| asked == ApiRequest::ListRooms),
    ] {
        assert!(unavailable(rule, asked), "{rule}");
    }
    assert!(!unavailable("signal/api-answers", |_| true));
}

/// LiveKit and the ingress are two programs: dead together, they have one cause more likely than two.
#[test]
fn what_is_dead_altogether_behind_one_front_has_one_cause() {
    let dead = |turn: StunAnswer| {
        world(Policy::Default)
            .declared(all_in_use)
            .but(move |spec| match spec {
                ProbeSpec::Api { over: Carrier::Tls(_), .. } => {
                    Some(Outcome::Saw(api_behind_tls(HttpAnswer::Closed)))
                }
                ProbeSpec::Rtmp { over: Carrier::Tls(_), .. } => {
                    Some(Outcome::Saw(rtmps(RtmpAnswer::Silent)))
                }
                ProbeSpec::Turn { over: Carrier::Tls(_), .. } => {
                    Some(Outcome::Saw(Facts::Turn(TurnFacts {
                        connect: Some(Connect::Accepted),
                        handshake: Some(completed(TlsVersion::Tls13, right_chain)),
                        ..stun(turn.clone())
                    })))
                }
                _ => None,
            })
            .judge()
    };
    let reasons = |turn| {
        let findings = dead(turn);
        ["signal/api-answers", "rtmp/rtmps-handshakes"]
            .map(|rule| finding(&findings, rule, PROXY).reason)
    };
    let one = ReasonCode::NothingBehindProxy;
    assert_eq!(reasons(StunAnswer::Closed), [one, one]);
    // One of them lives: each of the others has a cause of its own.
    let mapped = Some("198.51.100.7:4000".parse().unwrap());
    let apart = [ReasonCode::BackendDown, ReasonCode::BackendSilent];
    assert_eq!(reasons(StunAnswer::Success { mapped }), apart);
}

/// Where no process has any port of LiveKit, the program does not run: one cause, not one for each port.
#[test]
fn a_livekit_that_does_not_run_is_one_cause() {
    let idle = |world: World| {
        let closed = world.with(OPENVIDU, Transport::Tcp, "7881", Door::Idle);
        closed.with(OPENVIDU, Transport::Udp, "443", Door::Idle).judge()
    };
    let findings = idle(world(Policy::Default).declared(all_in_use));
    let udp = finding(&findings, "ports/openvidu-udp-443", OPENVIDU);
    assert!(udp.is_violation(), "{udp:?}");
    assert_eq!(
        udp.because.iter().map(|it| it.as_str()).collect::<Vec<_>>(),
        ["ports/openvidu-tcp-7881"]
    );
    // One port alone is no program.
    let only = world(Policy::Default).declared(all_in_use);
    let findings = only.with(OPENVIDU, Transport::Udp, "443", Door::Idle).judge();
    assert_eq!(finding(&findings, "ports/openvidu-udp-443", OPENVIDU).because, []);
}
