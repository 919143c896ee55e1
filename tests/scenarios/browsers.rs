//! What a browser meets, and older clients do not.

use ovcheck::model::deployment::{Edition, Feature, Policy, Uses};
use ovcheck::model::facts::*;
use ovcheck::model::observation::Outcome;
use ovcheck::model::premise::{Direction, Doubt};
use ovcheck::model::probe::{PathRequest, ProbeSpec};
use ovcheck::model::report::Finding;
use ovcheck::model::seen::{BrowserSeen, HelloCause, Seen};
use ovcheck::model::verdict::{FailConfidence, InconclusiveKind, PassConfidence, Verdict};

use crate::world::{Observed, World, allow, browser, path_answer, response, response_with, world};

const ACCEPT: &str = "tls/browsers-accept";
const PATHS: &str = "signal/paths-pass";
const NEWEST: &str = "signal/rtc-v1-passes";
const PROVEN: Verdict = Verdict::Fail(FailConfidence::Proven);
const SUSPECTED: Verdict = Verdict::Fail(FailConfidence::Suspected);

fn browsers_meet(facts: BrowserFacts) -> World {
    world(Policy::Default).but(move |spec| match spec {
        ProbeSpec::Browser { .. } => Some(Outcome::Saw(Facts::Browser(facts.clone()))),
        _ => None,
    })
}

/// Paths are answered as they should be, except those for which `answer` has another answer.
fn paths_meet(answer: impl Fn(PathRequest) -> Option<HttpAnswer> + 'static) -> World {
    let world = world(Policy::Default).but(move |spec| match spec {
        ProbeSpec::Path { request, .. } => {
            let answer = answer(*request).unwrap_or_else(|| path_answer(*request));
            Some(Outcome::Saw(Facts::Api(ApiFacts {
                connect: Connect::Accepted,
                dialled: None,
                handshake: None,
                answer: Some(answer),
                otherwise: None,
            })))
        }
        _ => None,
    });
    world.declared(|it| {
        it.edition = Edition::V3_9;
        it.uses = Uses::Listed([Feature::Whip].into());
    })
}

fn of(world: &World, rule: &str) -> Finding {
    let findings = world.judge();
    let mut of_rule = findings.into_iter().filter(|finding| finding.rule.as_str() == rule);
    of_rule.next().unwrap_or_else(|| panic!("no finding of {rule}"))
}

#[test]
fn what_browsers_are_refused_for_follows_from_what_is_answered() {
    use HelloShape::*;
    let large = |shape| !matches!(shape, Short | ShortInTwo | WithoutPostQuantum);
    let cut = |shape| large(shape) || matches!(shape, ShortInTwo);
    for (name, facts, cause) in [
        ("read once", browser(|shape| !cut(shape)), HelloCause::SecondSegment),
        ("too long", browser(|shape| !large(shape)), HelloCause::Size),
        (
            "GREASE",
            browser(|shape| {
                matches!(shape, Firefox | WithoutGrease | Short | ShortInTwo | ShortPadded)
            }),
            HelloCause::Part(WithoutGrease),
        ),
        (
            "Encrypted ClientHello",
            browser(|shape| {
                matches!(shape, WithoutEncryptedHello | Short | ShortInTwo | ShortPadded)
            }),
            HelloCause::Part(WithoutEncryptedHello),
        ),
        ("Firefox alone", browser(|shape| shape != Firefox), HelloCause::Unknown),
    ] {
        let found = of(&browsers_meet(facts), ACCEPT);
        assert_eq!(found.verdict, SUSPECTED, "{name}");
        let Seen::Browser(BrowserSeen::HelloRefused { cause: seen, .. }) = &found.seen else {
            panic!("{name}: {:?}", found.seen);
        };
        assert_eq!(*seen, cause, "{name}");
    }
}

#[test]
fn nothing_is_proven_where_short_messages_fail_too_or_long_ones_pass_a_second_time() {
    let unsettled = Verdict::Inconclusive(InconclusiveKind::Unsettled);
    let mute = browser(|_| false);
    let mut once = browser(|shape| shape != HelloShape::Chromium);
    once.twins.clone_from(&browser(|_| false).twins);
    for hello in &mut once.twins {
        hello.answer = once.hellos[1].answer.clone();
    }
    // Only packets of full size are lost: an MTU hole, which need not be the deployment's.
    let mut hole = browser(|shape| {
        matches!(shape, HelloShape::ChromiumInPieces | HelloShape::Short | HelloShape::ShortInTwo)
    });
    for hello in hole.hellos.iter_mut().chain(&mut hole.twins) {
        if hello.answer == Handshake::Reset {
            hello.answer = Handshake::Silent;
        }
    }
    for facts in [mute, once, hole] {
        assert_eq!(of(&browsers_meet(facts), ACCEPT).verdict, unsettled);
    }
}

#[test]
fn what_of_a_browser_is_lost_for_its_size_is_a_hole_on_the_way_and_said_as_such() {
    use HelloShape::*;
    let silent = |is_answered: fn(HelloShape) -> bool| {
        let mut facts = browser(is_answered);
        for hello in facts.hellos.iter_mut().chain(&mut facts.twins) {
            if hello.answer == Handshake::Reset {
                hello.answer = Handshake::Silent;
            }
        }
        facts
    };
    let small = |shape| matches!(shape, ChromiumInPieces | Short | ShortInTwo);
    let hole = of(&browsers_meet(silent(small)), ACCEPT);
    let Seen::Doubted(Doubt::LargePackets { lost, .. }) = &hole.seen else {
        panic!("{:?}", hole.seen);
    };
    assert_eq!(*lost, Direction::FromUs);
    // What reads a message from one segment alone does not answer small ones either.
    let whole = of(&browsers_meet(silent(|shape| shape == Short)), ACCEPT);
    assert_eq!(whole.verdict, SUSPECTED);
    // A browser's message arrived, and so did its full segments.
    let one = silent(|shape| {
        matches!(shape, Firefox | ChromiumInPieces | Short | ShortInTwo | ShortPadded)
    });
    let one = of(&browsers_meet(one), ACCEPT);
    assert!(!matches!(one.seen, Seen::Doubted(_)), "{:?}", one.seen);
}

#[test]
fn a_hole_towards_one_address_is_named_for_that_alone() {
    use HelloShape::*;
    let mut facts = browser(|shape| matches!(shape, ChromiumInPieces | Short | ShortInTwo));
    for hello in facts.hellos.iter_mut().chain(&mut facts.twins) {
        if hello.answer == Handshake::Reset {
            hello.answer = Handshake::Silent;
        }
    }
    let world = world(Policy::Default).but(move |spec| match spec {
        ProbeSpec::Browser { to, .. } if to.address.is_ipv6() => {
            Some(Outcome::Saw(Facts::Browser(facts.clone())))
        }
        _ => None,
    });
    let findings = world.judge();
    let doubts = findings.iter().filter_map(|finding| match &finding.seen {
        Seen::Doubted(Doubt::LargePackets { addresses, .. }) => Some(addresses),
        _ => None,
    });
    let doubts: Vec<_> = doubts.collect();
    assert!(!doubts.is_empty());
    assert!(doubts.iter().all(|addresses| addresses.iter().all(std::net::IpAddr::is_ipv6)));
}

#[test]
fn http2_that_is_chosen_has_to_be_spoken() {
    let with = |request| {
        let mut facts = browser(|_| true);
        facts.http2 = Some(Http2Facts { request, websocket: None });
        browsers_meet(facts)
    };
    let refused = Http2Answer::Response {
        status: 401,
        body: ServerText::new("no permissions to access the room"),
    };
    let right = with(refused);
    assert_eq!(of(&right, ACCEPT).verdict, Verdict::Pass(PassConfidence::Proven));
    assert_eq!(of(&right, PATHS).verdict, Verdict::Pass(PassConfidence::Proven));
    let line = FirstBytes::Http(ServerText::new("HTTP/1.1 400 Bad Request"));
    assert_eq!(of(&with(Http2Answer::NotHttp2(line)), ACCEPT).verdict, PROVEN);
    let page = Http2Answer::Response { status: 200, body: ServerText::new("<html>") };
    assert_eq!(of(&with(page), PATHS).verdict, PROVEN);
}

#[test]
fn paths_that_a_list_does_not_have_are_named() {
    let listed = |answer: fn() -> HttpAnswer| {
        paths_meet(move |request| (request != PathRequest::Join).then(answer))
    };
    let not_found = listed(|| response(404, "<html>404 Not Found</html>"));
    let page = listed(|| response(200, "<html>Welcome</html>"));
    for (world, paths) in [
        (&not_found, &["OPTIONS /whip", "upgrade /rtc/v1", "GET /:"][..]),
        (&page, &["OPTIONS /whip", "upgrade /rtc/v1", "GET /rtc/v1/validate"]),
    ] {
        let found = of(world, PATHS);
        assert_eq!(found.verdict, PROVEN);
        let words = found.observed();
        assert!(paths.iter().all(|path| words.contains(path)), "{words}");
    }
}

/// With the newest path answered 404, which pages of these origins may read.
fn without_newest_path(origins: &'static [&'static str]) -> World {
    paths_meet(move |request| {
        let is_newest = matches!(request, PathRequest::JoinV1 | PathRequest::ValidateV1);
        let page = "<html>404 Not Found</html>";
        is_newest.then(|| response_with(404, page, |response| allow(response, origins)))
    })
}

#[test]
fn a_404_that_other_origins_may_not_read_is_no_sign_to_fall_back() {
    let found = of(&without_newest_path(&[]), PATHS);
    assert_eq!(found.verdict, PROVEN);
    assert!(found.observed().contains("GET /rtc/v1/validate"), "{}", found.observed());
}

#[test]
fn answers_are_read_across_origins_where_one_header_allows_it() {
    for (origins, verdict) in [
        (&["*"][..], Verdict::Pass(PassConfidence::Proven)),
        (&["https://openvidu.example.io"], Verdict::Pass(PassConfidence::Proven)),
        (&["*", "*"], PROVEN),
        (&["*, *"], PROVEN),
        (&["https://app.example.io"], PROVEN),
        (&[], PROVEN),
    ] {
        let world = paths_meet(move |request| {
            let body = "invalid authorization token";
            (request == PathRequest::Validate)
                .then(|| response_with(401, body, |response| allow(response, origins)))
        });
        let found = of(&world, "signal/cross-origin-readable");
        assert_eq!(found.verdict, verdict, "{origins:?}");
        assert_eq!(found.severity.to_string(), "warning");
    }
}

#[test]
fn a_fallback_to_the_older_path_hurts_nobody_much() {
    let world = without_newest_path(&["*"]);
    assert_eq!(of(&world, PATHS).verdict, Verdict::Pass(PassConfidence::Proven));
    let newest = of(&world, NEWEST);
    assert_eq!(newest.verdict, PROVEN);
    assert_eq!(newest.severity.to_string(), "warning");
}

#[test]
fn a_page_that_nobody_has_is_not_missed() {
    let world = paths_meet(|request| {
        (request == PathRequest::Page).then(|| response(404, "404 page not found"))
    });
    assert_eq!(of(&world, PATHS).verdict, Verdict::Pass(PassConfidence::Proven));
    let world = paths_meet(|request| (request == PathRequest::Page).then(|| response(502, "")));
    assert_eq!(of(&world, PATHS).verdict, PROVEN);
}

#[test]
fn a_query_that_is_lost_takes_the_token_with_it() {
    let world = paths_meet(|request| {
        request.is_of_livekit().then(|| response(401, "no permissions to access the room"))
    });
    let found = of(&world, PATHS);
    assert_eq!((found.verdict, found.reason.as_str()), (PROVEN, "query_lost"));
}

/// Each with the rules that it breaks.
pub fn situations() -> Vec<(&'static str, World, Vec<&'static str>)> {
    let several = |request| {
        let both = |response: &mut HttpResponse| allow(response, &["*", "*"]);
        let answer = response_with(401, "invalid authorization token", both);
        (request == PathRequest::Validate).then_some(answer)
    };
    let page_down = |request| (request == PathRequest::Page).then(|| response(502, ""));
    vec![
        (
            "a router refuses long hellos",
            browsers_meet(browser(|shape| {
                matches!(shape, HelloShape::Short | HelloShape::ShortInTwo)
            })),
            vec![ACCEPT],
        ),
        ("CORS header twice", paths_meet(several), vec!["signal/cross-origin-readable"]),
        ("the application is down", paths_meet(page_down), vec![PATHS]),
        ("the newest path is missing", without_newest_path(&["*"]), vec![NEWEST]),
    ]
}
