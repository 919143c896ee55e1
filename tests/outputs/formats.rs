//! The formats that are made of the JSON report, for a good, a broken and an interrupted run, and for one
//! in which a server says what drives a reader.
//!
//! `.ci/outputs` asks other tools about them.

use std::io::{self, Write};

use ovcheck::model::report::Report;
use ovcheck::model::verdict::Severity;
use ovcheck::output::shown::ShownReport;
use ovcheck::output::{github, html, icinga, junit, markdown, metrics, sarif};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

use crate::build::*;
use crate::situations;
use crate::support::kept::assert_kept;

type Writer = fn(&ShownReport, &mut dyn Write) -> io::Result<()>;

/// Every format, with the ending of its files.
const FORMATS: [(&str, Writer); 7] = [
    ("icinga", icinga::write),
    ("html", html::write),
    ("md", markdown::write),
    ("junit.xml", junit::write),
    ("sarif", sarif::write),
    ("github", github::write),
    ("prom", metrics::write),
];

fn written(report: &Report, exit: u8, write: Writer) -> String {
    let stored = ShownReport::of_run(report, exit).unwrap();
    let mut out = Vec::new();
    write(&stored, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn every_format_reads_as_its_file_says() {
    for (situation, report, exit) in [
        ("all-is-well", situations::all_is_well(), 0),
        ("several-things-at-once", situations::several_things_at_once(), 1),
        ("interrupted", situations::interrupted(), 130),
    ] {
        for (ending, write) in FORMATS {
            let path = format!("fixtures/reports/{situation}.{ending}");
            assert_kept(path, &written(&report, exit, write));
        }
    }
}

/// What could not be looked at is in every format.
#[test]
fn no_format_is_silent_about_what_was_not_seen() {
    let report = situations::interrupted();
    let stored = ShownReport::of_run(&report, 130).unwrap();
    let left_out = &stored.not_tested[0].what;
    let undecided = stored.undecided()[0].first().rule.clone();
    for (ending, write) in FORMATS {
        let text = written(&report, 130, write);
        let is_metrics = ending == "prom";
        let slug = undecided.split_once('/').unwrap().1;
        assert!(text.contains(slug), "{ending}: {undecided} in {text}");
        assert!(is_metrics || text.contains(left_out.as_str()), "{ending}: {left_out} in {text}");
    }
    let metrics = written(&report, 130, metrics::write);
    assert!(metrics.contains("ovcheck_result{result=\"interrupted\"} 1\n"), "{metrics}");
    assert!(metrics.contains("\novcheck_complete 0\n"), "{metrics}");
}

/// The elements of a JUnit file, with the attributes that gates read.
fn junit_counts(text: &str) -> (usize, usize, usize, usize) {
    let (mut cases, mut failures, mut errors, mut skipped) = (0, 0, 0, 0);
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(element) | Event::Empty(element) => match element.name().as_ref() {
                "testcase" => cases += 1,
                "failure" => failures += 1,
                "error" => errors += 1,
                "skipped" => skipped += 1,
                _ => {}
            },
            Event::Eof => return (cases, failures, errors, skipped),
            _ => {}
        }
    }
}

#[test]
fn a_test_case_fails_where_the_run_does() {
    let mut report = report();
    let at = |host| endpoint(host, "443", PROXY[0]);
    report.findings = vec![
        finding("tls/a", PROVEN_FAIL, at("a.example.io")),
        finding("tls/b", PROVEN_FAIL, at("b.example.io")).severity(Severity::Warning),
        finding("tls/c", UNSETTLED, at("c.example.io")),
        finding("tls/d", VANTAGE_LIMIT, at("d.example.io")),
        finding("tls/e", PROVEN_PASS, at("e.example.io")),
    ];
    // One more case: that the run was completed.
    assert_eq!(junit_counts(&written(&report, 1, junit::write)), (6, 1, 1, 2));
    report.gate.fail_on = Severity::Warning;
    report.gate.allow_inconclusive = true;
    assert_eq!(junit_counts(&written(&report, 1, junit::write)), (6, 2, 0, 2));
    report.complete = false;
    assert_eq!(junit_counts(&written(&report, 1, junit::write)), (6, 2, 1, 2));
}

#[test]
fn a_result_is_known_again_by_its_fingerprint() {
    let report = situations::several_things_at_once();
    let log: Value = serde_json::from_str(&written(&report, 1, sarif::write)).unwrap();
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    let violations: Vec<String> = (report.findings.iter())
        .filter(|finding| finding.is_violation())
        .map(|finding| finding.fingerprint.to_string())
        .collect();
    let known: Vec<&str> = (results.iter())
        .map(|result| result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap())
        .collect();
    assert_eq!(known, violations);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        let rule = &run["tool"]["driver"]["rules"][index];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(!rule["help"]["text"].as_str().unwrap().is_empty());
    }
}

/// A server's text is a text everywhere: no command, no markup, no line of its own.
#[test]
fn what_a_server_says_stays_a_text() {
    let mut report = situations::hostile_words();
    let bad = "x\n::error::y ##vso[task.z] ]]> <script>|`a` @team {{7*7}} \u{202e}";
    let at = endpoint("a.example.io", "443", PROXY[0]);
    report.findings.push(finding("tls/a", PROVEN_FAIL, at).observed(bad));
    for (ending, write) in FORMATS {
        let text = written(&report, 1, write);
        assert!(!text.contains("##vso") && !text.contains('\u{202e}'), "{ending}: {text}");
        let commands = text.lines().filter(|line| line.trim_start().starts_with("::"));
        let own = ["::error title=", "::warning title=", "::notice title="];
        let foreign: Vec<&str> =
            commands.filter(|line| !own.iter().any(|own| line.starts_with(own))).collect();
        assert!(foreign.is_empty(), "{ending}: {foreign:?}");
    }
    junit_counts(&written(&report, 1, junit::write));
    let text = written(&report, 1, markdown::write);
    assert!(text.lines().any(|line| line.contains("``x; ::error::y #·#vso")), "{text}");
}

/// Anyone may have written the file that is rendered: every text in it is one that a stranger chose.
#[test]
fn what_a_stored_report_says_stays_a_text() {
    fn spoilt(value: &mut Value) {
        match value {
            Value::String(text) => *text = format!("{text}\n::error::y \u{1b}[2J##vso[z] </style>"),
            Value::Array(list) => list.iter_mut().for_each(spoilt),
            Value::Object(fields) => fields.values_mut().for_each(spoilt),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut json = crate::parsed(&situations::several_things_at_once(), 1);
    for finding in json["findings"].as_array_mut().unwrap() {
        for field in ["rule", "title", "observed", "expected", "means", "fingerprint"] {
            spoilt(&mut finding[field]);
        }
        let steps = finding.pointer_mut("/remedy/steps").and_then(Value::as_array_mut);
        for step in steps.into_iter().flatten() {
            for field in ["text", "commands", "place", "lines"] {
                if let Some(text) = step.get_mut(field) {
                    spoilt(text);
                }
            }
        }
    }
    for place in ["/deployment/domain", "/tool", "/ruleset", "/vantage/zone", "/not_tested"] {
        spoilt(json.pointer_mut(place).unwrap());
    }
    let report = ShownReport::read(json.to_string().as_bytes()).unwrap();
    for (ending, write) in FORMATS {
        let mut out = Vec::new();
        write(&report, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains('\u{1b}') && !text.contains("##vso"), "{ending}: {text}");
        let mut lines = text.lines().map(str::trim_start);
        let foreign = lines.find(|line| line.starts_with("::") && !line.contains(" title="));
        assert_eq!(foreign, None, "{ending}");
        let ends = text.matches("</style>").count();
        assert!(ending != "html" || ends == 1, "{ending}: {ends}");
    }
}

#[test]
fn a_report_of_a_later_minor_version_is_read() {
    let mut json = crate::parsed(&situations::several_things_at_once(), 1);
    json["schema_version"] = "1.7".into();
    json["of_later"] = true.into();
    json["run"]["command"] = "of-later".into();
    json["findings"][0]["reason_code"] = "of_later".into();
    json["observations"][0]["asked"] = serde_json::json!({"probe": "of_later"});
    json["observations"][0]["facts"] = serde_json::json!({"kind": "of_later"});
    ShownReport::read(json.to_string().as_bytes()).unwrap();
}

/// A run that was asked about a part says so in every format for people and for gates.
#[test]
fn a_selection_is_told() {
    let mut json = crate::parsed(&situations::all_is_well(), 0);
    json["options"]["selection"] = serde_json::json!({"only": ["dns"], "skip": []});
    json["summary"]["not_selected"] = 40.into();
    let report = ShownReport::read(json.to_string().as_bytes()).unwrap();
    for (ending, write) in FORMATS.iter().filter(|(ending, _)| *ending != "prom") {
        let mut out = Vec::new();
        write(&report, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("Only these rules are reported: dns."), "{ending}: {text}");
    }
    assert!(report.numbers().contains("40 left out (--only, --skip)"), "{}", report.numbers());
}

/// What operators accept for a while is in every format, and fails in none.
#[test]
fn a_waived_violation_is_shown_and_does_not_fail() {
    let mut json = crate::parsed(&situations::several_things_at_once(), 0);
    let waiver = serde_json::json!({
        "place": "ovcheck-waivers.toml:3", "reason": "moved in spring", "owner": "Jo",
        "until": "2027-01-31",
    });
    for finding in json["findings"].as_array_mut().unwrap() {
        if finding["verdict"] == "fail" {
            finding["waiver"] = serde_json::json!({"by": waiver, "follows_from": null});
        }
    }
    json["waivers"] = serde_json::json!([{"waiver": waiver, "state": "expired", "covers": 0}]);
    let report = ShownReport::read(json.to_string().as_bytes()).unwrap();
    for (ending, write) in FORMATS {
        let mut out = Vec::new();
        write(&report, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let told = match ending {
            "prom" => "ovcheck_waivers_expired 1\n",
            _ => "waived until 2027-01-31 (Jo): moved in spring",
        };
        assert!(text.contains(told), "{ending}: {text}");
        assert!(ending == "prom" || text.contains("expired on 2027-01-31"), "{ending}: {text}");
    }
    let mut out = Vec::new();
    junit::write(&report, &mut out).unwrap();
    let (_, failures, _, _) = junit_counts(&String::from_utf8(out).unwrap());
    // The expired waiver.
    assert_eq!(failures, 1);
}
