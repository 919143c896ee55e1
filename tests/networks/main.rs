//! What `ovcheck call` says in the networks that people sit in.
//!
//! `OVCHECK_BLESS=1 cargo test --test networks` rewrites the files in `fixtures/networks`.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod build;
mod hostile_text;
mod situations;
#[path = "../support/mod.rs"]
mod support;

use ovcheck::exit::ExitStatus;
use ovcheck::model::call::{Addressee, NetworkCause, State, Step};
use ovcheck::model::facts::IcmpSender;
use ovcheck::model::report::Report;
use ovcheck::output::call::letter::Recipient;
use ovcheck::output::{self, Colour, Style, Verbosity};
use unicode_width::UnicodeWidthStr;

use situations::all;
use support::kept::difference;

fn text(report: &Report, style: &Style, exit: u8) -> String {
    let mut out = Vec::new();
    output::call::write(report, style, exit, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn normal(report: &Report, exit: u8) -> String {
    text(report, &Style::default(), exit)
}

fn verbose(report: &Report, exit: u8) -> String {
    let style = Style { verbosity: Verbosity::Verbose, ..Style::default() };
    text(report, &style, exit)
}

fn for_it(report: &Report) -> String {
    let mut out = Vec::new();
    output::call::letter::write(report, Recipient::Found, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn report(situation: &str) -> Report {
    let found = all().into_iter().find(|(name, ..)| *name == situation);
    found.unwrap().1.report()
}

/// The causes by their names, those that are not certain with a question mark.
fn causes(report: &Report) -> Vec<String> {
    let call = report.call.as_ref().unwrap();
    let causes = call.causes.iter().map(|cause| {
        let name = match &cause.cause {
            NetworkCause::CaptivePortal { .. } => "captive portal",
            NetworkCause::TlsInspection { .. } => "TLS inspection",
            NetworkCause::Filtered { .. } => "filtered",
            NetworkCause::ResolverLies { .. } => "resolver lies",
            NetworkCause::ProxyNeeded { .. } => "proxy needed",
            NetworkCause::ProxyRefuses { .. } => "proxy refuses",
            NetworkCause::HttpOnly => "HTTP only",
            NetworkCause::NothingLeaves => "nothing leaves",
            NetworkCause::UdpBlocked => "UDP blocked",
            NetworkCause::OwnFirewall => "own firewall",
            NetworkCause::OwnClock { .. } => "own clock",
        };
        format!("{name}{}", if cause.certain { "" } else { "?" })
    });
    causes.collect()
}

#[test]
fn every_situation_reads_as_its_file_says() {
    let mut wrong = Vec::new();
    for (situation, seen, exit) in all() {
        let report = seen.report();
        let said = format!("{}\n--- --letter ---\n{}", normal(&report, exit), for_it(&report));
        wrong.extend(difference(format!("fixtures/networks/{situation}.txt"), &said));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_exit_status_says_whether_a_call_gets_through() {
    for (situation, seen, expected) in all() {
        let report = seen.report();
        assert_eq!(ExitStatus::of(&report).code(), expected, "{situation}");
        let last = normal(&report, expected).lines().last().unwrap().to_owned();
        let word = match expected {
            0 => "PASS  ",
            1 => "FAIL  ",
            _ => "INCOMPLETE  ",
        };
        assert!(last.starts_with(word), "{situation}: {last}");
    }
}

/// Also with `--connect-to`, where the machine that is dialled stands for the one that is meant.
#[test]
fn what_the_deployment_itself_prohibits_is_not_the_network_s_doing() {
    use situations::{prohibits_joining, prohibits_udp, router};
    let deployment = IcmpSender::MeantMachine("203.0.113.20".parse().unwrap());
    let causes = |seen: build::Situation| causes(&seen.report());
    assert_eq!(causes(prohibits_udp(router())), ["UDP blocked"]);
    assert_eq!(causes(prohibits_udp(deployment)), Vec::<String>::new());
    assert_eq!(causes(prohibits_joining(router())), ["nothing leaves"]);
    assert_eq!(causes(prohibits_joining(deployment)), Vec::<String>::new());
}

#[test]
fn a_resolver_lies_only_where_no_address_can_be_reached() {
    let causes = |addresses: &[&str]| causes(&situations::resolves_to(addresses).report());
    assert_eq!(causes(&["0.0.0.0", "127.0.0.1"]), ["resolver lies"]);
    assert_eq!(causes(&["0.0.0.0", "10.0.0.1"]), ["resolver lies?"]);
    assert_eq!(causes(&["0.0.0.0", "203.0.113.10"]), Vec::<String>::new());
}

#[test]
fn an_http_proxy_without_an_address_does_not_stop_the_join_at_the_dns() {
    let join = |host| situations::no_address_of(host).report().call.unwrap().join.state;
    let of_api = join("openvidu.example.io");
    assert!(matches!(&of_api, State::Stops(stop) if stop.at == Step::Dns), "{of_api:?}");
    let of_proxy = join("proxy.openvidu.example.io");
    assert!(matches!(of_proxy, State::Unknown { .. }), "{of_proxy:?}");
}

#[test]
fn an_interrupted_call_says_so() {
    let mut report = report("every-way-works");
    report.gate.interrupted = true;
    assert_eq!(ExitStatus::of(&report), ExitStatus::INTERRUPTED);
    assert!(normal(&report, 130).contains("\nINTERRUPTED  "));
    let cut_short = situations::interrupted().report();
    let text = normal(&cut_short, 130);
    assert!(text.contains("The run ended early."), "{text}");
}

#[test]
fn the_answer_stands_in_the_first_five_lines() {
    for (situation, seen, exit) in all() {
        let report = seen.report();
        let call = report.call.as_ref().unwrap();
        let text = normal(&report, exit);
        // Behind what decided where the run connects, which readers must know first.
        let (_, answer) = text.split_once("\n\n").unwrap();
        let first: Vec<&str> = answer.lines().take(5).collect();
        let about_ways = ["direct, UDP", "direct, TCP", "TURN, UDP", "TURN, TLS"];
        for (way, line) in about_ways.iter().zip(&first[1..]) {
            if call.join.state.works() {
                let behind_mark = line.split_once(' ').unwrap().1;
                assert!(behind_mark.starts_with(way), "{situation}: {line}");
            }
        }
        let marks = first.iter().filter(|line| line.starts_with(['✓', '✗', '–', '?']));
        assert!(marks.count() >= 2, "{situation}: {text}");
    }
}

#[test]
fn no_line_is_wider_than_the_terminal_but_the_last() {
    for (situation, seen, exit) in all() {
        let report = seen.report();
        for text in [normal(&report, exit), verbose(&report, exit)] {
            let lines: Vec<&str> = text.lines().collect();
            let (_, body) = lines.split_last().unwrap();
            for line in body {
                assert!(line.width() <= 80, "{situation}: {line}");
                assert_eq!(*line, line.trim_end(), "{situation}");
            }
        }
    }
}

#[test]
fn colour_changes_nothing_but_the_colour() {
    let colourful = Style { colour: Colour::Ansi, ..Style::default() };
    for (situation, seen, exit) in all() {
        let report = seen.report();
        let mut parts = text(&report, &colourful, exit);
        while let Some(start) = parts.find('\u{1b}') {
            let end = start + parts[start..].find('m').unwrap();
            parts.replace_range(start..=end, "");
        }
        assert_eq!(parts, normal(&report, exit), "{situation}");
    }
}

#[test]
fn quiet_is_the_last_line_alone() {
    let style = Style { verbosity: Verbosity::Quiet, ..Style::default() };
    assert_eq!(
        text(&report("only-tcp-443-gets-out"), &style, 0),
        "PASS  udp ✗ · ice-tcp ✗ · turn-udp ✗ · turns ✓ 53 ms · 1.41 s · exit status 0\n"
    );
}

#[test]
fn the_cause_in_the_network_is_named() {
    let table: [(&str, &[&str]); 20] = [
        ("every-way-works", &[]),
        ("only-tcp-443-gets-out", &["UDP blocked?"]),
        ("a-firewall-says-no-to-udp", &["UDP blocked"]),
        ("udp-gets-nowhere-at-all", &["UDP blocked"]),
        // Our own UDP gets out: the deployment's alone does not answer.
        ("media-ports-are-blocked", &[]),
        ("the-node-itself-refuses", &[]),
        ("tls-is-inspected", &["TLS inspection"]),
        ("an-unknown-issuer", &["TLS inspection?"]),
        ("turns-is-inspected-with-a-trusted-root", &["TLS inspection?", "UDP blocked?"]),
        ("captive-portal", &["captive portal"]),
        ("only-plain-http-gets-out", &["HTTP only?"]),
        ("nothing-gets-out", &["nothing leaves?"]),
        ("the-resolver-lies", &["resolver lies"]),
        ("only-through-a-proxy", &["proxy needed", "UDP blocked?"]),
        ("the-proxy-wants-a-password", &["proxy refuses"]),
        ("a-challenge-answers-the-join", &[]),
        ("a-web-filter-answers", &["filtered?"]),
        ("the-gateway-that-inspects-answers", &["TLS inspection"]),
        ("the-token-is-of-yesterday", &[]),
        ("the-clock-is-behind-the-token", &["own clock?"]),
    ];
    for (situation, expected) in table {
        assert_eq!(causes(&report(situation)), expected, "{situation}");
    }
}

#[test]
fn what_the_deployment_does_to_itself_is_laid_at_no_networks_door() {
    for situation in [
        "no-such-name",
        "the-secret-is-wrong",
        "the-node-names-a-private-address",
        "forced-turn-as-it-is-meant",
        "no-relay-is-left",
    ] {
        let report = report(situation);
        assert_eq!(causes(&report), [""; 0], "{situation}");
    }
    for situation in
        ["the-secret-is-wrong", "the-node-names-a-private-address", "the-node-itself-refuses"]
    {
        let letter = for_it(&report(situation));
        assert!(!letter.contains("administrator of this network"), "{situation}: {letter}");
    }
}

#[test]
fn a_text_for_an_administrator_names_what_is_to_be_let_out() {
    let text = for_it(&report("only-tcp-443-gets-out"));
    for part in [
        "UDP to 203.0.113.20 (named by the server), ports 50000-60000 (50905 was",
        "UDP to 203.0.113.20 (named by the server), port 443",
        "on 2026-01-01 (times in UTC), from 10.20.30.40",
        "00:00:00  TCP 443 (TLS)  openvidu.example.io (203.0.113.10)  works",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn programs_get_the_same() {
    for (situation, seen, exit) in all() {
        let report = seen.report();
        let mut out = Vec::new();
        output::json::write(&report, exit, &mut out).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let call = &json["call"];
        let ways: Vec<&str> = call["ways"]
            .as_array()
            .unwrap()
            .iter()
            .map(|way| way["way"].as_str().unwrap())
            .collect();
        assert_eq!(ways, ["udp", "ice-tcp", "turn-udp", "turns"], "{situation}");
        let works =
            call["ways"].as_array().unwrap().iter().any(|way| way["state"]["state"] == "works");
        assert_eq!(works, exit == 0, "{situation}");
    }
    let json = {
        let mut out = Vec::new();
        output::json::write(&report("captive-portal"), 1, &mut out).unwrap();
        serde_json::from_slice::<serde_json::Value>(&out).unwrap()
    };
    assert_eq!(json["summary"]["result"], "fail");
    assert_eq!(json["call"]["join"]["state"]["at"], "certificate");
    let cause = &json["call"]["causes"][0];
    assert_eq!(cause["cause"], "captive_portal");
    assert_eq!(cause["page"], "http://login.hotel.example");
}

/// What was never sent has not arrived.
#[test]
fn a_candidate_that_users_cannot_reach_says_nothing_about_udp() {
    let mut call = situations::without_udp();
    let mut nowhere = call.paths[0].clone();
    nowhere.candidate.set_ip("10.9.9.9".parse().unwrap());
    call.paths.push(nowhere);
    let report = build::Situation::with(call).report();
    assert_eq!(causes(&report), ["UDP blocked?"]);
}

/// The next call may be on another machine than this one was.
#[test]
fn the_letter_names_every_media_node_that_is_declared() {
    let letter = for_it(&situations::one_of_two_media_nodes().report());
    for part in [
        "1. UDP to 203.0.113.20 and 203.0.113.21, port 443",
        "2. UDP to 203.0.113.20 and 203.0.113.21, ports 50000-60000 (50905 was",
    ] {
        assert!(letter.contains(part), "{part} is missing in\n{letter}");
    }
    assert!(!letter.contains("several media servers"), "{letter}");
}

/// An administrator opens nothing for a server that likes to have it.
#[test]
fn the_letter_marks_what_only_the_server_names_and_asks_for_nothing_private() {
    let letter = for_it(&situations::strangers_are_named().report());
    let letter = letter.split_whitespace().collect::<Vec<_>>().join(" ");
    let (asked, tried) = letter.split_once("What was tried").unwrap();
    for part in [
        "TCP to 8.8.4.4 (named by the server), port 25",
        "TCP to dc01.corp.example (203.0.113.77) (named by the server), port 3389",
    ] {
        assert!(asked.contains(part), "{part} is missing in\n{letter}");
    }
    assert!(!asked.contains("10.1.2.3"), "{letter}");
    assert!(tried.contains("10.1.2.3"), "{letter}");
    let declared = for_it(&situations::one_of_two_media_nodes().report());
    assert!(!declared.contains("named by the server"), "{declared}");
}

/// The API's TLS completed at the same place: what is different is the name.
#[test]
fn a_handshake_that_fails_for_the_turn_name_alone_is_most_likely_the_proxys() {
    let letter = for_it(&situations::turn_name_is_cut_off().report());
    let letter = letter.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(letter.contains("To: the operator of openvidu.example.io"), "{letter}");
    assert!(letter.contains("Another network decides"), "{letter}");
}

fn letter_to(report: &Report, to: Recipient) -> String {
    let mut out = Vec::new();
    output::call::letter::write(report, to, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn who_gets_the_letter_can_be_chosen_once_that_is_known() {
    let report = report("nothing-gets-out");
    let found = for_it(&report);
    assert!(found.contains("There is no letter to write yet"), "{found}");
    let network = letter_to(&report, Recipient::NetworkAdministrator);
    assert!(network.contains("TCP to openvidu.example.io (203.0.113.10), port 443"), "{network}");
    let operator = letter_to(&report, Recipient::Operator);
    assert!(operator.contains("To: the operator"), "{operator}");
    assert!(operator.contains("TCP: no answer"), "{operator}");
}

/// By two clocks that differ, a token is old only where it is by both.
#[test]
fn a_token_is_called_expired_by_no_clock_alone() {
    let reading = |good_for_s, ahead_s| {
        let report = situations::given_token(good_for_s, ahead_s).report();
        let call = report.call.as_ref().unwrap();
        (causes(&report), call.help.who.clone())
    };
    // The issuer gives a new one; how wrong the clock here is does not matter.
    for (good_for_s, ahead_s) in [(-86_400, 2), (-86_400, 7_200), (-86_400, -7_200)] {
        let expected = (Vec::new(), vec![Addressee::TokenIssuer]);
        assert_eq!(reading(good_for_s, ahead_s), expected, "{good_for_s} {ahead_s}");
    }
    let expected = (vec!["own clock?".to_owned()], vec![Addressee::User, Addressee::Operator]);
    assert_eq!(reading(3_600, 7_200), expected);
    // The clocks agree, and LiveKit's own is another: the token is the first to be doubted.
    assert_eq!(reading(3_600, 2), (Vec::new(), vec![Addressee::TokenIssuer]));
}
