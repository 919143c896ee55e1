//! Whatever a server says to the probes of a check, the report without its words is the same, line by line.
//! (`tests/networks` holds the same for calls.)

use ovcheck::model::deployment::Policy;
use ovcheck::model::facts::*;
use ovcheck::model::observation::Outcome;
use ovcheck::model::probe::{ApiRequest, Carrier, ProbeSpec, ServiceAsk};
use ovcheck::model::report::Report;
use ovcheck::output::{self, Colour, Style, Verbosity};
use proptest::prelude::*;

use crate::support::facts::{response_with, tls};
use crate::support::server_words::{MARKER, has_command, hostile, instructions, own_words, shape};
use crate::world::*;

/// A response with this text in every field.
fn answer(text: &str, status: u16) -> HttpResponse {
    let said = || Some(ServerText::new(text));
    let HttpAnswer::Response(response) = response_with(status, text, |response| {
        response.server = said();
        response.content_type = said();
        response.location = Some(ServerText::new(&format!("http://login.example/{text}")));
        response.page = Some(Box::new(Page {
            kind: PageKind::Html,
            title: said(),
            words: ServerText::new(text),
        }));
        *response.marks = SpeakerMarks {
            challenge: Some(AuthChallenge { scheme: ServerText::new(text), realm: said() }),
            retry_after: said(),
            via: said(),
            encoding: said(),
            allowed_origins: vec![ServerText::new(text)],
            is_accept_right: None,
            fields: vec![HeaderField { name: ServerText::new(text), value: ServerText::new(text) }],
        };
    }) else {
        unreachable!("it is a response")
    };
    response
}

/// A chain whose names all are this text.
fn chain(text: &str, trust: &Trust) -> Handshake {
    completed(TlsVersion::Tls13, |chain| {
        let said = || ServerText::new(text);
        let leaf = &mut chain.certificates[0];
        leaf.subject = said();
        leaf.common_name = Some(said());
        leaf.issuer = said();
        leaf.names = vec![said(), said()];
        let issuer = leaf.clone();
        chain.certificates.push(issuer);
        chain.sent += 1;
        chain.name_matches = false;
        chain.trust = trust.clone();
    })
}

/// The facts of a probe over TLS, with another handshake.
fn with_handshake(spec: &ProbeSpec, handshake: &Handshake) -> Option<Facts> {
    let is_over_tls = |over: &Carrier| matches!(over, Carrier::Tls(_));
    match spec {
        ProbeSpec::Tls { .. } => Some(Facts::Tls(tls(Some(handshake.clone())))),
        ProbeSpec::Api { over, .. } | ProbeSpec::Path { over, .. } if is_over_tls(over) => {
            Some(Facts::Api(ApiFacts {
                connect: Connect::Accepted,
                dialled: None,
                handshake: Some(handshake.clone()),
                answer: None,
                otherwise: None,
            }))
        }
        ProbeSpec::Turn { over, .. } if is_over_tls(over) => Some(Facts::Turn(TurnFacts {
            handshake: Some(handshake.clone()),
            binding: None,
            ..stun_success(Some(Connect::Accepted))
        })),
        _ => None,
    }
}

type Situation = (String, World);

fn situation(
    name: impl Into<String>,
    fault: impl Fn(&ProbeSpec) -> Option<Facts> + 'static,
) -> Situation {
    let world = world(Policy::Default);
    (name.into(), world.but(move |spec| fault(spec).map(Outcome::Saw)))
}

/// The places at which text of a server enters, each with this text.
fn situations(text: &str) -> Vec<Situation> {
    let text = text.to_owned();
    let said = || ServerText::new(&text);
    let mut all = Vec::new();
    for status in [101, 200, 302, 401, 403, 404, 407, 502, 511] {
        let response = answer(&text, status);
        let of_web = response.clone();
        all.push(situation(format!("HTTP {status}"), move |spec| match spec {
            ProbeSpec::Http { .. } => Some(Facts::Http(HttpFacts {
                connect: Connect::Accepted,
                dialled: None,
                path: "/x".into(),
                answer: Some(HttpAnswer::Response(of_web.clone())),
            })),
            _ => None,
        }));
        all.push(situation(format!("API {status}"), move |spec| {
            let handshake = completed(TlsVersion::Tls13, crate::right_chain);
            match (with_handshake(spec, &handshake)?, spec) {
                (Facts::Api(facts), ProbeSpec::Api { request, .. })
                    if status != 101 || *request == ApiRequest::WebSocketUpgrade =>
                {
                    let answer = Some(HttpAnswer::Response(response.clone()));
                    Some(Facts::Api(ApiFacts { answer, ..facts }))
                }
                _ => None,
            }
        }));
    }
    let trusts = [
        Trust::SelfSigned,
        Trust::UnknownIssuer,
        Trust::IntermediateMissing,
        Trust::Invalid(ChainFault::Other(said())),
        Trust::Verified,
    ];
    let first_bytes = [FirstBytes::Http(said()), FirstBytes::Ssh(said()), FirstBytes::Text(said())];
    let handshakes = trusts
        .iter()
        .map(|trust| chain(&text, trust))
        .chain([Handshake::Broken(said())])
        .chain(first_bytes.iter().cloned().map(Handshake::NotTls));
    for (number, handshake) in handshakes.enumerate() {
        all.push(situation(format!("TLS {number}"), move |spec| with_handshake(spec, &handshake)));
    }
    let errors = [300, 400, 401, 403, 437, 486, 500].map(|code| StunAnswer::Error {
        code,
        reason: said(),
        realm: Some(said()),
        nonce_bytes: Some(25),
    });
    let strange = first_bytes.iter().flat_map(|first| {
        [StunAnswer::NotStun(first.clone()), StunAnswer::Unrelated(first.clone())]
    });
    let answers = errors.into_iter().chain([StunAnswer::Malformed(said())]).chain(strange);
    for (number, answer) in answers.enumerate() {
        let of_allocate = answer.clone();
        all.push(situation(format!("STUN {number}"), move |spec| match spec {
            ProbeSpec::Turn { over, .. } => Some(Facts::Turn(TurnFacts {
                binding: Some(answer.clone()),
                ..stun_success((*over != Carrier::Udp).then_some(Connect::Accepted))
            })),
            _ => None,
        }));
        all.push(situation(format!("allocation {number}"), move |spec| match spec {
            ProbeSpec::Turn { over, .. } => Some(Facts::Turn(TurnFacts {
                allocate: Some(of_allocate.clone()),
                ..stun_success((*over != Carrier::Udp).then_some(Connect::Accepted))
            })),
            _ => None,
        }));
    }
    for (number, first) in first_bytes.iter().cloned().enumerate() {
        let of_rtmp = first.clone();
        all.push(situation(format!("RTMP {number}"), move |spec| match spec {
            ProbeSpec::Rtmp { .. } => Some(Facts::Rtmp(RtmpFacts {
                otherwise: None,
                second_try: None,
                connect: Connect::Accepted,
                dialled: None,
                handshake: None,
                answer: Some(RtmpAnswer::NotRtmp(of_rtmp.clone())),
            })),
            _ => None,
        }));
        all.push(situation(format!("UDP {number}"), move |spec| match spec {
            ProbeSpec::Udp { ports, .. } => {
                let stranger = UdpAnswer::Unrelated(first.clone());
                let ports = ports.iter().map(|port| udp_port(*port, stranger.clone())).collect();
                Some(Facts::Udp(crate::support::facts::udp(ports)))
            }
            _ => None,
        }));
    }
    let services = [
        (ServiceAsk::RedisPing, ServiceAnswer::Redis(RedisAnswer::Error(said()))),
        (ServiceAsk::RedisPing, ServiceAnswer::Redis(RedisAnswer::Busy(said()))),
        (
            ServiceAsk::MongoHello,
            ServiceAnswer::MongoDb {
                set_name: Some(said()),
                is_primary: Some(true),
                login: MongoLogin::NotDemanded,
            },
        ),
        (ServiceAsk::RedisPing, ServiceAnswer::Other(FirstBytes::Text(said()))),
        (ServiceAsk::MinioLive, ServiceAnswer::Http(answer(&text, 200))),
        (ServiceAsk::Page, ServiceAnswer::Http(answer(&text, 403))),
    ];
    for (number, (asked, answer)) in services.into_iter().enumerate() {
        all.push(situation(format!("service {number}"), move |spec| match spec {
            ProbeSpec::Service { ask, .. } if *ask == asked => {
                Some(service(Connect::Accepted, Some(answer.clone())))
            }
            _ => None,
        }));
    }
    all
}

struct Written {
    tables: Vec<String>,
    json: String,
}

fn written(report: &Report) -> Written {
    let text = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    };
    // Our own words have quotation marks, too: read line by line only where no line is broken.
    let styles = [
        (4000, Verbosity::Normal),
        (4000, Verbosity::Verbose),
        (60, Verbosity::Normal),
        (100, Verbosity::Verbose),
    ];
    let tables = styles.map(|(width, verbosity)| {
        let style = Style { width, colour: Colour::Plain, verbosity };
        text(&|out| output::table::write(report, &style, 1, out).unwrap())
    });
    Written {
        tables: tables.into(),
        json: text(&|out| output::json::write(report, 1, out).unwrap()),
    }
}

/// As many tables, the first ones, have whole lines.
const WHOLE_LINES: usize = 2;

/// Each case takes one of so many parts of the situations: all of them take minutes.
const PARTS: usize = 6;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3,
        max_shrink_iters: 20,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn for_any_text_of_a_server_the_report_of_a_check_without_it_is_the_same(
        text in hostile(),
        part in 0..PARTS,
    ) {
        let both = situations(MARKER).into_iter().zip(situations(&text));
        for ((place, calm), (_, hostile)) in both.skip(part).step_by(PARTS) {
            let (calm, report) = (calm.report(), hostile.report());
            for finding in &report.findings {
                let told = format!("{:?}{:?}", finding.means, finding.remedy);
                prop_assert!(!told.contains(MARKER), "{place}: {told}");
            }
            let (calm, hostile) = (written(&calm), written(&report));
            for (calm, hostile) in calm.tables.iter().zip(&hostile.tables).take(WHOLE_LINES) {
                prop_assert_eq!(own_words(calm), own_words(hostile), "{}: {}", place, hostile);
            }
            for hostile in &hostile.tables {
                prop_assert!(!instructions(hostile).contains(MARKER), "{place}: {hostile}");
                prop_assert!(!has_command(hostile), "{place}: {hostile}");
            }
            let json = |text: &str| shape(&serde_json::from_str(text).unwrap());
            prop_assert_eq!(json(&calm.json), json(&hostile.json), "{}", place);
            prop_assert!(!has_command(&hostile.json), "{place}: {}", hostile.json);
        }
    }
}
