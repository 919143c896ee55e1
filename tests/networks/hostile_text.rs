//! Whatever a server says, the report without its words is the same, line by line.

use ovcheck::model::facts::{
    FirstBytes, Handshake, HttpAnswer, IceCheck, JoinAnswer, RoomEnd, SdpAnswer, ServerText,
    StunAnswer, Trust,
};
use ovcheck::model::report::Report;
use ovcheck::output::call::letter::{self, Recipient};
use ovcheck::output::{self, Colour, Style, Verbosity};
use proptest::prelude::*;

use crate::build::*;
use crate::support::facts::response_with;
use crate::support::server_words::{MARKER, has_command, hostile, instructions, own_words, shape};

fn issued_by_text(text: &str) -> Handshake {
    completed(|chain| {
        chain.certificates[0].issuer = ServerText::new(text);
        chain.certificates.push(chain.certificates[0].clone());
        chain.sent += 1;
        chain.trust = Trust::UnknownIssuer;
    })
}

fn refused(text: &str, status: u16) -> HttpAnswer {
    response_with(status, text, |response| {
        response.server = Some(ServerText::new(text));
        response.content_type = Some(ServerText::new(text));
        response.location = Some(ServerText::new(&format!("http://login.example/{text}")));
        response.marks.retry_after = Some(ServerText::new(text));
        response.marks.via = Some(ServerText::new(text));
    })
}

fn stun_error(text: &str, code: u16) -> StunAnswer {
    StunAnswer::Error {
        code,
        reason: ServerText::new(text),
        realm: Some(ServerText::new(text)),
        nonce_bytes: Some(16),
    }
}

/// The places at which text of a server enters, each with this text.
fn situations(text: &str) -> Vec<(&'static str, Situation)> {
    let server_text = || ServerText::new(text);
    let no_join = |handshake: Handshake| {
        Situation::with(call().no_join(|signal| signal.handshake = Some(handshake)))
    };
    let join =
        |join: JoinAnswer| Situation::with(call().no_join(|signal| signal.join = Some(join)));
    let changed = |change: &dyn Fn(&mut ovcheck::model::facts::CallFacts)| {
        let mut call = call();
        change(&mut call);
        Situation::with(call)
    };
    let portal = |status| Situation {
        http: (ovcheck::model::facts::Connect::Accepted, Some(refused(text, status))),
        ..no_join(completed(|chain| {
            chain.trust = Trust::SelfSigned;
            chain.name_matches = false;
            chain.certificates[0].names = vec![ServerText::new(text)];
        }))
    };
    vec![
        ("redirect", portal(302)),
        ("login required", portal(511)),
        ("page", portal(200)),
        ("issuer", no_join(issued_by_text(text))),
        ("alert", no_join(Handshake::Broken(server_text()))),
        ("HTTP for TLS", no_join(Handshake::NotTls(FirstBytes::Http(server_text())))),
        ("banner for TLS", no_join(Handshake::NotTls(FirstBytes::Text(server_text())))),
        ("refusal", join(JoinAnswer::Refused(refused(text, 403)))),
        ("bad gateway", join(JoinAnswer::Refused(refused(text, 502)))),
        ("not LiveKit", join(JoinAnswer::NoJoin(server_text()))),
        (
            "version",
            changed(&|call| {
                call.session.as_mut().unwrap().server_version = server_text();
            }),
        ),
        (
            "answer",
            changed(&|call| {
                let session = call.session.as_mut().unwrap();
                session.answer = SdpAnswer::Malformed(server_text());
                session.candidates.clear();
                call.paths.clear();
            }),
        ),
        (
            "candidate",
            changed(&|call| {
                let candidate = &mut call.session.as_mut().unwrap().candidates[0];
                candidate.text = server_text();
                candidate.place = None;
            }),
        ),
        (
            "TURN URL",
            changed(&|call| {
                let url = &mut call.session.as_mut().unwrap().ice_servers[1];
                url.text = server_text();
                url.parts = None;
            }),
        ),
        (
            "allocation",
            changed(&|call| {
                for relay in &mut call.relays {
                    relay.allocate = Some(stun_error(text, 486));
                    relay.relayed = None;
                }
                call.paths.retain(|path| path.relay.is_none());
            }),
        ),
        (
            "wrong answer of TURN",
            changed(&|call| {
                for relay in &mut call.relays {
                    relay.allocate = Some(StunAnswer::NotStun(FirstBytes::Ssh(server_text())));
                    relay.relayed = None;
                }
                call.paths.retain(|path| path.relay.is_none());
            }),
        ),
        (
            "issuer of TURN",
            changed(&|call| {
                call.relays[1].handshake = Some(issued_by_text(text));
                call.relays[1].allocate = None;
                call.relays[1].relayed = None;
                call.paths.retain(|path| path.relay != Some(1));
            }),
        ),
        (
            "ICE",
            changed(&|call| {
                for path in &mut call.paths {
                    path.check = IceCheck::Other(server_text());
                    path.dtls = None;
                }
            }),
        ),
        (
            "room",
            changed(&|call| {
                call.farewell.as_mut().unwrap().room = RoomEnd::NotDeleted(server_text());
            }),
        ),
    ]
}

struct Written {
    tables: Vec<String>,
    letters: Vec<String>,
    json: String,
}

fn written(report: &Report) -> Written {
    let write = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    };
    let styles = [60, 80, 4000].into_iter().flat_map(|width| {
        [Verbosity::Normal, Verbosity::Verbose].map(|verbosity| Style {
            width,
            colour: Colour::Plain,
            verbosity,
        })
    });
    let tables = styles.flat_map(|style| {
        let call = write(&|out| output::call::write(report, &style, 1, out).unwrap());
        // Quotations in columns beside each other cannot be read line by line.
        let is_readable = style.verbosity == Verbosity::Normal;
        let check = is_readable
            .then(|| write(&|out| output::table::write(report, &style, 1, out).unwrap()));
        std::iter::once(call).chain(check)
    });
    let to = [Recipient::Found, Recipient::NetworkAdministrator, Recipient::Operator];
    Written {
        tables: tables.collect(),
        letters: to
            .map(|to| write(&|out| letter::write(report, to, out).unwrap()))
            .into_iter()
            .collect(),
        json: write(&|out| output::json::write(report, 1, out).unwrap()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..Default::default() })]

    #[test]
    fn for_any_text_of_a_server_the_report_without_it_is_the_same(text in hostile()) {
        let calm = situations(MARKER);
        for ((place, calm), (_, hostile)) in calm.iter().zip(situations(&text)) {
            let (calm, report) = (calm.report(), hostile.report());
            for finding in &report.findings {
                let told = format!("{:?}{:?}", finding.means, finding.remedy);
                prop_assert!(!told.contains(MARKER), "{place}: {told}");
            }
            let (calm, hostile) = (written(&calm), written(&report));
            prop_assert_eq!(&calm.letters, &hostile.letters, "{}", place);
            for letter in &hostile.letters {
                prop_assert!(!letter.contains(MARKER), "{place}: {letter}");
            }
            for (calm, hostile) in calm.tables.iter().zip(&hostile.tables) {
                prop_assert_eq!(own_words(calm), own_words(hostile), "{}: {}", place, hostile);
                prop_assert!(!instructions(hostile).contains(MARKER), "{place}: {hostile}");
            }
            let json = |text: &str| shape(&serde_json::from_str(text).unwrap());
            prop_assert_eq!(json(&calm.json), json(&hostile.json), "{}", place);
            for text in hostile.tables.iter().chain(&hostile.letters).chain([&hostile.json]) {
                prop_assert!(!has_command(text), "{place}: {text}");
            }
        }
    }
}
