//! Whole reports as text and as JSON, for situations that people meet.
//!
//! `OVCHECK_BLESS=1 cargo test --test outputs` rewrites the files in `fixtures/reports` and
//! `docs/schema`.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod build;
mod formats;
mod many_ports;
mod schema;
mod situations;
#[path = "../support/mod.rs"]
mod support;

use ovcheck::evaluate;
use ovcheck::model::deployment::{Condition, Feature, NodeRole};
use ovcheck::model::plan::{Ask, Check, LeftOut, NotAsked, Plan, UndeclaredRole};
use ovcheck::model::port::{Port, Transport};
use ovcheck::model::probe::ProbeSpec;
use ovcheck::model::report::Report;
use ovcheck::model::target::Family;
use ovcheck::model::verdict::{Severity, Verdict};
use ovcheck::output::{self, Colour, Style, Verbosity};
use serde_json::Value;

use build::*;
use support::kept::assert_kept;

/// Every situation, with the exit status it ends with.
fn situations() -> Vec<(&'static str, Report, u8)> {
    vec![
        ("turn-name-reaches-the-api", situations::turn_name_reaches_the_api(), 1),
        ("one-media-port-open", situations::one_media_port_open(), 1),
        ("all-is-well", situations::all_is_well(), 0),
        ("no-firewall-on-the-node", situations::no_firewall_on_the_node(), 1),
        ("network-cable-pulled", situations::network_cable_pulled(), 3),
        ("resolver-does-not-answer", situations::resolver_does_not_answer(), 3),
        ("interrupted", situations::interrupted(), 130),
        ("several-things-at-once", situations::several_things_at_once(), 1),
    ]
}

fn table(report: &Report, style: &Style, exit: u8) -> String {
    let overview = evaluate::overview(&report.findings, &report.observations);
    let report = &Report { overview, ..report.clone() };
    let mut out = Vec::new();
    output::table::write(report, style, exit, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn normal(report: &Report, exit: u8) -> String {
    table(report, &Style::default(), exit)
}

fn verbose(report: &Report, exit: u8) -> String {
    let style = Style { verbosity: Verbosity::Verbose, ..Style::default() };
    table(report, &style, exit)
}

fn json(report: &Report, exit: u8) -> String {
    let mut out = Vec::new();
    output::json::write(report, exit, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn parsed(report: &Report, exit: u8) -> Value {
    serde_json::from_str(&json(report, exit)).unwrap()
}

#[test]
fn a_report_that_could_not_be_written_still_says_how_the_deployment_is() {
    let report = situations::all_is_well();
    assert!(normal(&report, 4).contains("\nPASS  "));
    assert_eq!(parsed(&report, 4)["summary"]["result"], "pass");
    assert_eq!(parsed(&report, 4)["summary"]["exit_code"], 4);
}

#[test]
fn every_situation_reads_as_its_file_says() {
    for (situation, report, exit) in situations() {
        let path = |kind| format!("fixtures/reports/{situation}.{kind}");
        assert_kept(path("txt"), &normal(&report, exit));
        assert_kept(path("json"), &json(&report, exit));
    }
    let report = situations::turn_name_reaches_the_api();
    assert_kept("fixtures/reports/turn-name-reaches-the-api-verbose.txt", &verbose(&report, 1));
}

#[test]
fn eighty_columns_hold_everything_but_what_is_pasted_and_the_last_line() {
    for (situation, report, exit) in situations() {
        for text in [normal(&report, exit), verbose(&report, exit)] {
            let lines: Vec<&str> = text.lines().collect();
            let (_, body) = lines.split_last().unwrap();
            for line in body {
                let pasted = line.starts_with(&" ".repeat(16));
                let width = unicode_width::UnicodeWidthStr::width(*line);
                assert!(width <= 80 || pasted, "{situation}: {width} columns: {line}");
                assert!(!line.ends_with(' '), "{situation}: blank at the end: {line:?}");
            }
        }
    }
}

#[test]
fn a_command_to_be_pasted_is_never_broken() {
    let text = normal(&situations::one_media_port_open(), 1);
    assert!(text.contains(
        "\n                ufw insert 1 deny proto udp from any to any port 50000:60000 comment 'media through TURN only'\n"
    ));
}

#[test]
fn without_colour_there_is_no_escape_sequence_and_with_it_the_same_text() {
    let colourful = Style { colour: Colour::Ansi, ..Style::default() };
    for (situation, report, exit) in situations() {
        let plain = normal(&report, exit);
        let coloured = table(&report, &colourful, exit);
        assert!(!plain.contains('\u{1b}'), "{situation}");
        assert!(coloured.contains("\u{1b}["), "{situation}");
        assert_eq!(without_colour(&coloured), plain, "{situation}");
    }
}

fn without_colour(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').unwrap().1);
    }
    plain
}

#[test]
fn nothing_that_drives_a_terminal_gets_through() {
    let report = situations::hostile_words();
    for text in [normal(&report, 1), verbose(&report, 1), json(&report, 1)] {
        let bad = text.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(bad, None, "{text}");
    }
}

#[test]
fn the_last_line_accounts_for_every_finding() {
    for (situation, report, exit) in situations() {
        let text = normal(&report, exit);
        let last = text.lines().next_back().unwrap();
        let numbers = last.split(" · ").next().unwrap();
        // How sure the passes are stands in brackets.
        let numbers = numbers.split_once(" (").map_or(numbers.to_owned(), |(before, rest)| {
            format!("{before}{}", rest.split_once(')').unwrap().1)
        });
        let sum: usize = (numbers.split(", "))
            .filter(|part| !part.ends_with("not tested"))
            .map(|part| {
                let number = part.split_whitespace().find_map(|word| word.parse::<usize>().ok());
                number.unwrap_or_else(|| panic!("{situation}: {part}"))
            })
            .sum();
        assert_eq!(sum, report.findings.len(), "{situation}: {last}");
    }
}

#[test]
fn the_counts_of_the_json_report_account_for_every_finding() {
    for (situation, report, exit) in situations() {
        let counts = &parsed(&report, exit)["summary"]["counts"];
        let sum: u64 = counts.as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
        assert_eq!(sum, report.findings.len() as u64, "{situation}");
    }
}

#[test]
fn every_violation_is_named_whatever_it_is_told_with() {
    for (situation, report, exit) in situations() {
        let text = normal(&report, exit);
        for finding in report.findings.iter().filter(|finding| finding.is_violation()) {
            assert!(text.contains(finding.rule.as_str()), "{situation}: {}", finding.rule);
        }
    }
}

#[test]
fn verbose_names_every_rule() {
    for (situation, report, exit) in situations() {
        let text = verbose(&report, exit);
        for finding in &report.findings {
            assert!(text.contains(finding.rule.as_str()), "{situation}: {}", finding.rule);
        }
    }
}

#[test]
fn quiet_is_the_last_line_alone() {
    let style = Style { verbosity: Verbosity::Quiet, ..Style::default() };
    let report = situations::one_media_port_open();
    let whole = normal(&report, 1);
    assert_eq!(table(&report, &style, 1).lines().next(), whole.lines().next_back());
    assert_eq!(table(&report, &style, 1).lines().count(), 1);
}

#[test]
fn a_violation_that_sums_up_others_is_told_with_them() {
    let text = normal(&situations::turn_name_reaches_the_api(), 1);
    assert!(text.contains("\n  also fails because of this: policy/turns-works\n"), "{text}");
    assert!(!text.contains("✗ policy/turns-works"), "{text}");
}

#[test]
fn what_one_cause_hides_is_counted_under_it() {
    let text = normal(&situations::turn_name_reaches_the_api(), 1);
    assert!(
        text.contains(
            "\n  not checked because of this: 2 checks (turn/turns-challenges-allocate)\n"
        )
    );
    assert!(!text.contains("? turn/turns-challenges-allocate"), "{text}");
}

#[test]
fn a_chain_of_blocked_checks_is_counted_under_its_beginning() {
    let at = || name("a.example.io");
    let mut report = report();
    report.findings = vec![
        finding("dns/domain-resolves", PROVEN_FAIL, at()),
        finding("tls/handshake-completes", UNSETTLED, at()).blocked_by("dns/domain-resolves"),
        finding("signal/api-answers", UNSETTLED, at()).blocked_by("tls/handshake-completes"),
    ];
    let text = normal(&report, 1);
    assert!(text.contains("2 checks (tls/handshake-completes,\n  signal/api-answers)"), "{text}");
}

#[test]
fn a_blocked_check_belongs_to_the_cause_at_its_own_address() {
    let at = |address| endpoint("a.example.io", "443", address);
    let mut report = report();
    report.findings = vec![
        finding("tls/handshake-completes", PROVEN_FAIL, at(PROXY[0])).observed("refused"),
        finding("tls/handshake-completes", SUSPECTED, at(PROXY[1])).observed("no answer"),
        finding("tls/not-expired", UNSETTLED, at(PROXY[1])).blocked_by("tls/handshake-completes"),
    ];
    let text = normal(&report, 1);
    let (first, second) = text.split_once("no answer").unwrap();
    assert!(!first.contains("not checked"), "{text}");
    assert!(second.contains("1 check (tls/not-expired)"), "{text}");
}

#[test]
fn our_own_blindness_is_told_once_for_all_rules() {
    let text = normal(&situations::several_things_at_once(), 1);
    assert_eq!(text.matches("this machine has no IPv6 route").count(), 1);
    assert!(text.contains("affects 6 checks (tls/handshake-completes, tls/not-expired)"), "{text}");
}

#[test]
fn a_violation_whose_cause_is_not_in_the_report_stands_for_itself() {
    let mut report = report();
    report.findings = vec![
        finding("policy/turns-works", PROVEN_FAIL, Default::default())
            .because(&["turn/turns-answers-binding"]),
    ];
    assert!(normal(&report, 1).contains("✗ policy/turns-works"));
}

#[test]
fn violations_that_name_each_other_are_both_told() {
    let mut report = report();
    let at = || endpoint("a.example.io", "443", "203.0.113.10");
    report.findings = vec![
        finding("policy/turns-works", PROVEN_FAIL, at()).because(&["turn/turns-answers-binding"]),
        finding("turn/turns-answers-binding", PROVEN_FAIL, at()).because(&["policy/turns-works"]),
    ];
    let text = normal(&report, 1);
    assert!(text.contains("✗ policy/turns-works"), "{text}");
    assert!(text.contains("✗ turn/turns-answers-binding"), "{text}");
}

#[test]
fn the_worst_comes_first() {
    let mut report = report();
    let at = || endpoint("a.example.io", "443", "203.0.113.10");
    report.findings = vec![
        finding("tls/expires-later-than", PROVEN_FAIL, at()).severity(Severity::Warning),
        finding("tls/name-matches", SUSPECTED, at()),
        finding("tls/chain-verifies", PROVEN_FAIL, at()),
    ];
    let text = normal(&report, 1);
    let place = |rule| text.find(rule).unwrap();
    assert!(place("tls/chain-verifies") < place("tls/name-matches"));
    assert!(place("tls/name-matches") < place("tls/expires-later-than"));
}

#[test]
fn the_same_command_for_both_families_is_one_remedy() {
    let text = normal(&situations::turn_name_reaches_the_api(), 1);
    assert!(
        text.contains(
            "  remedy    On openvidu:\n                \
             nft insert rule inet filter input ip daddr 203.0.113.20 tcp dport 7881 drop\n                \
             nft insert rule inet filter input ip6 daddr 2001:db8:5::20 tcp dport 7881 drop\n  more"
        ),
        "{text}"
    );
}

#[test]
fn two_configurations_are_never_mixed_into_one() {
    let mut report = report();
    report.findings = PROXY
        .map(|address| {
            finding("tls/legacy-refused", PROVEN_FAIL, endpoint("a.example.io", "443", address))
                .remedy(&format!("Say:\n    server {{\n        listen {address};\n    }}"))
        })
        .into();
    let text = normal(&report, 1);
    assert!(text.contains("for a.example.io TCP 443 at 203.0.113.10:\n            Say:"), "{text}");
    assert!(
        text.contains("for a.example.io TCP 443 at 2001:db8:5::10:\n            Say:"),
        "{text}"
    );
}

#[test]
fn a_silenced_violation_is_still_a_failed_run() {
    let mut report = situations::one_media_port_open();
    report.gate.exit_zero = true;
    assert_eq!(parsed(&report, 0)["summary"]["result"], "fail");
    assert_eq!(parsed(&report, 0)["summary"]["exit_code"], 0);
    assert!(normal(&report, 0).ends_with(" · exit status 0 (--exit-zero)\n"));
}

#[test]
fn an_allowed_gap_is_still_an_incomplete_run() {
    let mut report = situations::network_cable_pulled();
    report.gate.allow_inconclusive = true;
    assert_eq!(parsed(&report, 0)["summary"]["result"], "incomplete");
    assert!(normal(&report, 0).ends_with(" · exit status 0 (--allow-inconclusive)\n"));
}

#[test]
fn a_violation_below_the_gate_does_not_fail_the_run() {
    let mut report = report();
    let at = endpoint("a.example.io", "443", "203.0.113.10");
    report.findings =
        vec![finding("tls/expires-later-than", PROVEN_FAIL, at).severity(Severity::Warning)];
    assert!(normal(&report, 0).ends_with("\nPASS  1 warning, 0 passed · exit status 0\n"));
}

#[test]
fn what_is_not_applicable_is_not_ticked() {
    let text = normal(&situations::turn_name_reaches_the_api(), 1);
    assert!(text.contains("— stun not applicable"), "{text}");
    assert!(!text.contains("✓ stun"), "{text}");
}

#[test]
fn evidence_points_to_observations_of_the_same_report() {
    let report = parsed(&situations::turn_name_reaches_the_api(), 1);
    let ids: Vec<&Value> =
        report["observations"].as_array().unwrap().iter().map(|seen| &seen["id"]).collect();
    for finding in report["findings"].as_array().unwrap() {
        for evidence in finding["evidence"].as_array().unwrap() {
            assert!(ids.contains(&evidence), "{evidence}");
        }
    }
}

#[test]
fn two_runs_that_saw_the_same_write_the_same() {
    let once = json(&situations::several_things_at_once(), 1);
    let again = json(&situations::several_things_at_once(), 1);
    assert_eq!(once, again);
    assert!(once.ends_with("}\n"));
}

fn small_plan() -> Plan {
    let check = |rule: &str, target, ask| Check {
        rule: rule.parse().unwrap(),
        target,
        severity: Severity::Error,
        ask,
        needs: Vec::new(),
        probes: Vec::new(),
    };
    let node = |transport, number, address| port("openvidu", transport, number, address);
    let mut checks = vec![check("dns/domain-resolves", name("openvidu.example.io"), Ask::Demand)];
    for address in PROXY {
        for (host, number) in [("openvidu.example.io", "443"), ("turn.example.io", "443")] {
            checks.push(check(
                "tls/handshake-completes",
                endpoint(host, number, address),
                Ask::Demand,
            ));
        }
    }
    for address in NODE {
        checks.push(check(
            "ports/openvidu-tcp-7880",
            node(Transport::Tcp, "7880", address),
            Ask::MustBeClosed,
        ));
        checks.push(check(
            "ports/openvidu-tcp-7881",
            node(Transport::Tcp, "7881", address),
            Ask::EitherWay(Condition::Feature(Feature::IceTcp)),
        ));
        checks.push(check(
            "ports/openvidu-udp-50000-60000",
            node(Transport::Udp, "50000-60000", address),
            Ask::MustBeOpen,
        ));
    }
    checks.push(check(
        "stun/udp-443-answers-binding",
        node(Transport::Udp, "443", NODE[1]),
        Ask::Nothing(NotAsked::OtherFamily("the TURN server of this edition listens on IPv4 alone, so that nothing answers on IPv6".into())),
    ));
    Plan {
        checks,
        probes: vec![
            dns_question("openvidu.example.io", Family::V4),
            ProbeSpec::Udp {
                address: NODE[1].parse().unwrap(),
                ports: [40_001, 50_000, 60_000, 55_000, 7885, 61_000]
                    .map(|port| Port::new(port).unwrap())
                    .into(),
                then: Some("50000-60000".parse().unwrap()),
                extent: None,
                sentinel: Some(Port::new(443).unwrap()),
            },
        ],
        left_out: [NodeRole::Openvidu, NodeRole::Proxy]
            .map(|role| LeftOut::Undeclared(UndeclaredRole(role)))
            .into(),
        unlistened: None,
    }
}

#[test]
fn a_plan_says_what_would_be_asked_and_what_not() {
    let mut out = Vec::new();
    let report = report();
    let seen_from = (&report.vantage, &report.context, report.deployment.edition);
    output::plan::write(&small_plan(), seen_from, &Style::default(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_kept("fixtures/reports/small-plan.txt", &text);
    for line in text.lines() {
        assert!(unicode_width::UnicodeWidthStr::width(line) <= 80, "{line}");
    }
}

#[test]
fn a_narrow_terminal_and_a_wide_one_hold_every_word() {
    let report = situations::several_things_at_once();
    fn sorted_words(text: &str) -> Vec<&str> {
        let mut words: Vec<&str> = text.split_whitespace().filter(|word| *word != "·").collect();
        words.sort();
        words
    }
    let at = |width| table(&report, &Style { width, ..Style::default() }, 1);
    assert_eq!(sorted_words(&at(70)), sorted_words(&at(200)));
    assert_eq!(at(0), at(60));
}

#[test]
fn verdicts_are_told_apart_in_json() {
    let mut report = report();
    let at = || name("a.example.io");
    report.findings =
        [PROVEN_PASS, UNCONTRADICTED, SUSPECTED, VANTAGE_LIMIT, Verdict::NotApplicable]
            .map(|verdict| finding("dns/domain-resolves", verdict, at()))
            .into();
    let seen: Vec<String> = (parsed(&report, 1)["findings"].as_array().unwrap().iter())
        .map(|f| format!("{} {} {}", f["verdict"], f["confidence"], f["inconclusive_kind"]))
        .collect();
    assert_eq!(
        seen,
        [
            r#""pass" "proven" null"#,
            r#""pass" "uncontradicted" null"#,
            r#""fail" "suspected" null"#,
            r#""inconclusive" null "vantage_limit""#,
            r#""not_applicable" null null"#,
        ]
    );
}
