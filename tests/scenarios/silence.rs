//! What is no proof: silence, one member of many, a status code.

use ovcheck::model::deployment::Policy;
use ovcheck::model::facts::*;
use ovcheck::model::observation::Outcome;
use ovcheck::model::probe::{Carrier, ProbeSpec};
use ovcheck::model::report::Finding;
use ovcheck::model::vantage::Zone;

use crate::support::facts::{response, response_with};
use crate::world::{self, Observed as _, World, words};

/// What the API's own port answers to the proxy without TLS.
fn api_answers(answer: HttpAnswer) -> World {
    world::world(Policy::Default).from(Zone::ExternalProxy).but(move |spec| match spec {
        ProbeSpec::Api { over: Carrier::Tcp, .. } => Some(Outcome::Saw(Facts::Api(ApiFacts {
            otherwise: None,
            connect: Connect::Accepted,
            dialled: None,
            handshake: None,
            answer: Some(answer.clone()),
        }))),
        _ => None,
    })
}

fn finding(world: &World, rule: &str) -> Finding {
    let mut findings = world.judge().into_iter();
    findings.find(|finding| finding.rule.as_str() == rule).unwrap()
}

#[test]
fn a_status_is_no_identity() {
    let basic = response_with(401, "Unauthorized", |response| {
        response.server = Some(ServerText::new("Caddy"));
    });
    let cases = [
        (response(401, "no permissions to access the room"), "pass, proven"),
        // Somebody's demand for a password, in words and without.
        (basic, "fail, proven"),
        (response(401, ""), "pass, uncontradicted"),
        (response(502, ""), "pass, uncontradicted"),
        (HttpAnswer::Silent, "fail, suspected"),
        (HttpAnswer::Closed, "fail, suspected"),
    ];
    for (answer, expected) in cases {
        let found = finding(&api_answers(answer.clone()), "ports/openvidu-tcp-7880");
        assert_eq!(words(&found), expected, "{answer:?}: {}", found.observed());
    }
}
