//! What is no proof: silence taken for an answer, a status for an identity, and a picture that this
//! machine's own network can paint. Each test has the twin that sends the same packets.

use ovcheck::model::deployment::Policy;
use ovcheck::model::facts::*;
use ovcheck::model::port::Transport;
use ovcheck::model::probe::{ApiRequest, ProbeSpec, TlsOffer};

use crate::calls::{called, close};
use crate::doors::Door;
use crate::world::{OPENVIDU, World, completed, ended, response, response_with, words, world};
use crate::{api, handshake, rtmp};

fn judged(world: &World, rule: &str) -> &'static str {
    let findings = world.judge();
    let mut of_rule = findings.iter().filter(|finding| finding.rule.as_str() == rule);
    words(of_rule.next().unwrap_or_else(|| panic!("no finding of {rule}")))
}

/// A device on the way that ends handshakes in old versions looks like a server that does.
#[test]
fn a_handshake_that_ends_without_an_alert_proves_nothing_about_versions() {
    let ends = |is_old: bool, ending: fn() -> Handshake| {
        let is_meant = move |spec: &ProbeSpec| match spec {
            ProbeSpec::Tls { offer: TlsOffer::Only(version), .. } => {
                (*version < TlsVersion::Tls12) == is_old
            }
            _ => false,
        };
        handshake(is_meant, move || Some(ending()), None)
    };
    for ending in [|| Handshake::Closed, || Handshake::Reset] {
        assert_eq!(judged(&ends(true, ending), "tls/legacy-refused"), "pass, uncontradicted");
        assert_eq!(judged(&ends(false, ending), "tls/tls12-accepted"), "fail, suspected");
    }
    let alert = crate::world::alert;
    assert_eq!(judged(&ends(true, alert), "tls/legacy-refused"), "pass, proven");
    assert_eq!(judged(&ends(false, alert), "tls/tls12-accepted"), "fail, proven");
}

/// A backend that is down, reached by every name, hangs up as a proxy does that knows no backend.
#[test]
fn a_backend_that_says_nothing_may_be_behind_an_unknown_name() {
    const RULE: &str = "tls/unknown-name-reaches-no-backend";
    let behind = |http: Option<HttpAnswer>| {
        let is_meant =
            |spec: &ProbeSpec| matches!(spec, ProbeSpec::Tls { offer: TlsOffer::LookBehind, .. });
        let completed = || Some(completed(TlsVersion::Tls13, |_| {}));
        handshake(is_meant, completed, Some(Behind { binding: StunAnswer::Silent, http }))
    };
    for silence in [None, Some(HttpAnswer::Silent), Some(HttpAnswer::Closed)] {
        assert_eq!(judged(&behind(silence), RULE), "pass, uncontradicted");
    }
    assert_eq!(judged(&behind(Some(response(404, "not found"))), RULE), "pass, proven");
    assert_eq!(judged(&world(Policy::Default), RULE), "pass, proven");
}

/// A proxy that speaks HTTP dates its answers by its own clock; LiveKit's may differ.
#[test]
fn the_clock_of_a_web_server_is_not_livekit_s() {
    const RULE: &str = "signal/clock-agrees";
    let dated = |by: Option<&'static str>, ahead_s| {
        let refusal = "no permissions to access the room";
        let answer = response_with(401, refusal, move |response| {
            response.server = by.map(ServerText::new);
            response.date_ahead_s = Some(ahead_s);
        });
        api(ApiRequest::Validate, answer)
    };
    assert_eq!(judged(&dated(None, 0), RULE), "pass, proven");
    assert_eq!(judged(&dated(Some("nginx"), 0), RULE), "pass, uncontradicted");
    assert_eq!(judged(&dated(Some("nginx"), 300), RULE), "fail, suspected");
}

/// A proxy of plain RTMP hangs up as well, while the server behind it is down.
#[test]
fn a_connection_that_ends_is_no_refusal_of_plain_rtmp() {
    for ending in [RtmpAnswer::Closed, RtmpAnswer::Reset] {
        let plain = rtmp(false, ending);
        assert_eq!(judged(&plain, "rtmp/plaintext-refused"), "pass, uncontradicted");
    }
}

/// A network that lets out UDP to port 443 and to no unusual port keeps the packets of a call, too.
#[test]
fn a_silent_range_is_proven_blocked_only_where_unusual_ports_are_known_to_get_out() {
    const RANGE: &str = "ports/openvidu-udp-50000-60000";
    let blocked = || {
        called(Policy::Default)
            .with(OPENVIDU, Transport::Udp, "50000-60000", Door::Drops)
            .call_but(|call| close(call, Way::Udp))
    };
    assert_eq!(ended(&blocked().judge(), RANGE, OPENVIDU), "fail, suspected");
    let others_answer = blocked().with(OPENVIDU, Transport::Udp, "444-49999", Door::Idle);
    assert_eq!(ended(&others_answer.judge(), RANGE, OPENVIDU), "fail, proven");
}
