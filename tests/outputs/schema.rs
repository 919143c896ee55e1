//! The published schema of the JSON report: what it accepts, what it refuses, and what it says.
//!
//! `.ci/report-schema` asks ajv and Python's jsonschema the same.

use std::collections::BTreeSet;

use jsonschema::Validator;
use ovcheck::exit::ExitStatus;
use ovcheck::model::deployment::NodeRole;
use ovcheck::model::reason::ReasonCode;
use ovcheck::model::verdict::Verdict;
use ovcheck::output;
use serde_json::{Value, json};

use crate::build::*;
use crate::support::deployments::node;
use crate::support::kept::assert_kept;
use crate::{parsed, situations};

fn schema() -> Value {
    serde_json::from_str(&output::schema::report()).unwrap()
}

fn validator() -> Validator {
    let draft = jsonschema::draft202012::options();
    draft.should_validate_formats(true).build(&schema()).unwrap()
}

/// A report with a finding of each verdict.
fn right() -> Value {
    let mut report = situations::several_things_at_once();
    let at = || name("a.example.io");
    for verdict in [UNCONTRADICTED, VANTAGE_LIMIT, Verdict::NotApplicable] {
        report.findings.push(finding("dns/domain-resolves", verdict, at()));
    }
    report.deployment.nodes = vec![node("proxy", NodeRole::Proxy, &PROXY, &["10.0.0.10"])];
    parsed(&report, 1)
}

#[test]
fn the_published_schema_is_the_one_in_the_repository() {
    assert_kept("docs/schema/report-1.0.json", &output::schema::report());
}

#[test]
fn the_schema_of_waivers_is_the_one_in_the_repository() {
    assert_kept("docs/schema/waivers-1.0.json", &output::schema::waivers());
}

#[test]
fn the_schema_of_deployment_files_is_the_one_in_the_repository() {
    assert_kept("docs/schema/config-1.0.json", &output::schema::config());
}

#[test]
fn the_schema_of_visits_is_the_one_in_the_repository() {
    assert_kept("docs/schema/visit-1.0.json", &ovcheck::serve::visit_schema());
}

/// Whether the text of a deployment file is valid by its schema.
fn is_valid_config(text: &str) -> bool {
    let schema: Value = serde_json::from_str(&output::schema::config()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.is_valid(&toml::from_str::<Value>(text).unwrap())
}

/// The blocks of a page that are deployment files.
fn configs_of(page: &str) -> Vec<String> {
    let text = std::fs::read_to_string(page).unwrap();
    let blocks = text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let is_config = |block: &&str| block.contains("domain-name") || block.contains("topology");
    blocks.filter(is_config).map(str::to_owned).collect()
}

#[test]
fn deployment_files_are_valid_by_their_schema() {
    for entry in std::fs::read_dir("fixtures/deployments").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(is_valid_config(&text), "{}", path.display());
        }
    }
    let pages = ["README.md", "docs/checking.md", "docs/deployment-file.md"];
    let of_pages: Vec<String> = pages.into_iter().flat_map(configs_of).collect();
    assert!(!of_pages.is_empty());
    for text in of_pages {
        assert!(is_valid_config(&text), "{text}");
    }
}

#[test]
fn a_spoilt_deployment_file_is_not_valid_by_the_schema() {
    let whole = std::fs::read_to_string("fixtures/deployments/every-key.toml").unwrap();
    let mut keys: Vec<String> = Vec::new();
    for (at, line) in whole.lines().enumerate().filter(|(_, line)| line.contains(" = ")) {
        let (key, _) = line.split_once(" = ").unwrap();
        keys.push(key.to_owned());
        let spoilt = format!("{key}x = 1");
        let lines = whole.lines().enumerate();
        let text: Vec<&str> =
            lines.map(|(index, line)| if index == at { spoilt.as_str() } else { line }).collect();
        assert!(!is_valid_config(&text.join("\n")), "{spoilt}");
    }
    for spoilt in [
        "guide = 3.2",
        "guide = \"3.20\"",
        "topology = \"single\"",
        "domain-name = \"https://openvidu.example.io\"",
        "uses = \"rtmp\"",
        "uses = [\"rmtp\"]",
        "timeout = 31",
        "timeout = \"2\"",
        "deep = \"true\"",
        "udp-rate = 2.5",
        "nodes.proxy.address = [\"203.0.113.10\"]",
        "nodes.Proxy.addresses = [\"203.0.113.10\"]",
        "nodes.proxy.addresses = [\"proxy.example.io\"]",
        "nodes.edge.role = \"prox\"",
        "token = \"eyJ\"",
    ] {
        assert!(!is_valid_config(spoilt), "{spoilt}");
    }
    // The schema knows the same keys as the program.
    let schema: Value = serde_json::from_str(&output::schema::config()).unwrap();
    for key in keys {
        let places = ["/properties", "/properties/vantage/properties"];
        let of_nodes = "/properties/nodes/additionalProperties/properties";
        let known = places
            .iter()
            .chain([&of_nodes])
            .any(|place| !schema.pointer(place).unwrap()[&key].is_null());
        assert!(known, "{key}");
    }
}

#[test]
fn the_schema_of_rules_is_the_one_in_the_repository() {
    assert_kept("docs/schema/rules-1.0.json", &output::schema::rules());
}

#[test]
fn the_rules_are_valid_by_their_schema_and_spoilt_ones_are_not() {
    let schema: Value = serde_json::from_str(&output::schema::rules()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut files = 0;
    for entry in std::fs::read_dir("rules").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "toml") {
            continue;
        }
        // The keys of LiveKit are data that no operator writes.
        if path.ends_with("livekit-keys.toml") {
            continue;
        }
        files += 1;
        let text = std::fs::read_to_string(&path).unwrap();
        let errors: Vec<String> = (validator.iter_errors(&toml::from_str(&text).unwrap()))
            .map(|error| format!("{}: {error} at {}", path.display(), error.instance_path))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    assert!(files > 10);
    let right = "[[rule]]\nid = \"dns/a\"\ntitle = \"a\"\nseverity = \"error\"\ndemand = \"name-resolves\"\n\
                 names = [\"domain\"]\neditions = [\"3.0-3.5\"]\nsource = { document = \"d\", section = \"s\" }\n\
                 [rule.default]\nmeans = \"m\"\nremedy = [{ say = \"s\" }]\n";
    let is_valid = |text: &str| validator.is_valid(&toml::from_str::<Value>(text).unwrap());
    assert!(is_valid(right));
    for (from, to) in [
        ("title = \"a\"\n", ""),
        ("title", "titel"),
        ("\"error\"", "\"fatal\""),
        ("3.0-3.5", "3.20"),
        ("[\"domain\"]", "[\"domian\"]"),
        ("say", "sya"),
        ("section", "selection"),
        ("[[rule]]", "[[rules]]"),
    ] {
        assert!(!is_valid(&right.replacen(from, to, 1)), "{to}");
    }
}

#[test]
fn a_report_is_valid_by_the_published_schema() {
    let validator = validator();
    let mut reports = super::situations();
    reports.push(("hostile-words", situations::hostile_words(), 1));
    reports.push(("empty", report(), 3));
    for (situation, report, exit) in reports {
        let errors: Vec<String> = (validator.iter_errors(&parsed(&report, exit)))
            .map(|error| format!("{situation}: {error} at {}", error.instance_path))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

/// A report that differs from a right one in the value at one place.
fn with(place: &str, value: Value) -> Value {
    let mut report = right();
    let found = report.pointer_mut(place).unwrap_or_else(|| panic!("no {place} in the report"));
    *found = value;
    report
}

/// The same, of a field of the first finding with this verdict.
fn with_finding(verdict: &str, field: &str, value: Value) -> Value {
    let report = right();
    let findings = report["findings"].as_array().unwrap();
    let index = findings.iter().position(|finding| finding["verdict"] == verdict).unwrap();
    with(&format!("/findings/{index}/{field}"), value)
}

#[test]
fn values_out_of_range_are_refused() {
    let validator = validator();
    let table = [
        ("/schema_version", json!("2.0")),
        ("/run/duration_ms", json!(-1)),
        ("/run/duration_ms", json!(1.5)),
        ("/run/started_at", json!("yesterday")),
        ("/run/started_at", json!("2026-01-01T00:00:00+01:00")),
        ("/run/command", json!("Check it")),
        ("/ruleset/digest", json!("sha256:0123")),
        ("/deployment/topology", json!("cluster")),
        ("/deployment/domain", json!("no name")),
        ("/deployment/nodes/0/name", json!("The Proxy")),
        ("/deployment/nodes/0/role", json!("server")),
        ("/deployment/nodes/0/addresses", json!([])),
        ("/deployment/nodes/0/addresses/0", json!("203.0.113.300")),
        ("/vantage/zone", json!("mars")),
        ("/vantage/dns_servers/0", json!("192.0.2.53")),
        ("/options/timeout_ms", json!(0)),
        ("/options/credentials", json!("password")),
        ("/summary/coverage", json!(7)),
        ("/summary/coverage", json!(-0.1)),
        ("/summary/exit_code", json!(5)),
        ("/summary/result", json!("fine")),
        ("/summary/counts/pass", json!(-1)),
        ("/summary/gate/fail_on", json!("fatal")),
        ("/summary/gate/min_coverage", json!(1.1)),
        ("/findings/0/rule", json!("dns")),
        ("/findings/0/verdict", json!("fine")),
        ("/findings/0/severity", json!("fatal")),
        ("/findings/0/fingerprint", json!("abc")),
        ("/findings/0/evidence/0", json!("obs-0")),
        ("/findings/0/reason_code", json!("not a code")),
        ("/findings/0/target/port", json!(0)),
        ("/findings/0/target/port", json!(65_536)),
        ("/findings/0/target/port", json!({"first": 1})),
        ("/findings/0/target/address", json!("a.example.io")),
        ("/findings/0/target/candidate", json!("203.0.113.20")),
        ("/findings/0/target/way", json!("pigeon")),
        ("/observations/0/id", json!("1")),
        ("/observations/0/attempts", json!(0)),
        ("/observations/0/asked/family", json!("ipv5")),
        ("/observations/0/facts/answer", json!("maybe")),
        ("/observations/0/facts/server", json!("somewhere")),
        ("/observations/0/facts/addresses/0", json!("somewhere")),
        ("/not_tested/0/what", Value::Null),
    ];
    assert!(validator.is_valid(&right()));
    for (place, value) in table {
        assert!(!validator.is_valid(&with(place, value.clone())), "{place}: {value} is accepted");
    }
}

#[test]
fn fields_that_contradict_each_other_are_refused() {
    let validator = validator();
    let findings = [
        ("pass", "confidence", Value::Null),
        ("pass", "confidence", json!("suspected")),
        ("pass", "inconclusive_kind", json!("unsettled")),
        ("pass", "means", json!("nothing")),
        ("pass", "remedy", json!("none")),
        ("pass", "blocked_by", json!("dns/domain-resolves")),
        ("fail", "confidence", Value::Null),
        ("fail", "confidence", json!("uncontradicted")),
        ("fail", "inconclusive_kind", json!("unsettled")),
        ("fail", "means", Value::Null),
        ("fail", "remedy", Value::Null),
        ("fail", "remedy", json!("reboot")),
        ("fail", "remedy", json!({"text": "", "steps": []})),
        ("fail", "remedy", json!({"text": "", "steps": [{"step": "run", "commands": ["reboot"]}]})),
        ("inconclusive", "confidence", json!("proven")),
        ("inconclusive", "inconclusive_kind", Value::Null),
        ("inconclusive", "remedy", json!("none")),
        ("not_applicable", "confidence", json!("proven")),
        ("not_applicable", "inconclusive_kind", json!("vantage_limit")),
    ];
    for (verdict, field, value) in findings {
        let report = with_finding(verdict, field, value.clone());
        assert!(!validator.is_valid(&report), "{verdict}, {field}: {value} is accepted");
    }
    let observations = [
        ("facts", Value::Null),
        ("facts", json!({"kind": "udp"})),
        ("facts", json!({"kind": "of-later", "more": 1})),
        ("blind", json!({"why": "local", "words": "no"})),
        ("probe", json!("tls")),
        ("asked", json!({"probe": "dns"})),
        ("asked", json!({"probe": "of-later"})),
    ];
    for (field, value) in observations {
        let report = with(&format!("/observations/0/{field}"), value.clone());
        assert!(!validator.is_valid(&report), "{field}: {value} is accepted");
    }
}

/// The places of all objects in a report.
fn objects(value: &Value, place: &str) -> Vec<String> {
    let below = |key: &str, value| objects(value, &format!("{place}/{key}"));
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().flat_map(|(key, value)| below(key, value));
            [place.to_owned()].into_iter().chain(fields).collect()
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.flat_map(|(index, value)| below(&index.to_string(), value)).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn every_field_is_required() {
    let (validator, right) = (validator(), right());
    for place in objects(&right, "") {
        for field in right.pointer(&place).unwrap().as_object().unwrap().keys() {
            let mut report = right.clone();
            report.pointer_mut(&place).unwrap().as_object_mut().unwrap().remove(field);
            assert!(!validator.is_valid(&report), "{place} may lack {field}");
        }
    }
}

#[test]
fn a_later_minor_version_may_add_fields_everywhere() {
    let validator = validator();
    let mut report = with("/schema_version", json!("1.12"));
    for place in objects(&report, "") {
        report.pointer_mut(&place).unwrap()["added_later"] = json!(["anything"]);
    }
    let errors: Vec<String> = validator.iter_errors(&report).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn a_later_minor_version_may_add_to_the_open_lists() {
    let validator = validator();
    let later = json!("of-later");
    for place in [
        "/run/command",
        "/ruleset/guide",
        "/deployment/policy",
        "/findings/0/reason_code",
        "/findings/1/reason_code",
    ] {
        assert!(validator.is_valid(&with(place, later.clone())), "{place}");
    }
    let mut report = with("/deployment/uses", json!([later]));
    report["deployment"]["enabled_modules"] = json!([later]);
    report["observations"][0]["probe"] = later.clone();
    report["observations"][0]["asked"] = json!({"probe": later, "where": "there"});
    report["observations"][0]["facts"] = json!({"kind": later, "seen": 3});
    assert!(validator.is_valid(&report));
}

/// Calls `visit` for a schema and everything in it that is an object, with its place. What a
/// condition says of a field is left out: the field is described elsewhere.
fn walk(schema: &Value, place: &str, visit: &mut dyn FnMut(&str, &Value)) {
    match schema {
        Value::Object(parts) => {
            visit(place, schema);
            let parts = parts.iter().filter(|(key, _)| *key != "if");
            parts.for_each(|(key, part)| walk(part, &format!("{place}/{key}"), visit));
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(index, item)| walk(item, &format!("{place}/{index}"), visit));
        }
        _ => {}
    }
}

#[test]
fn every_field_and_every_word_is_described() {
    let mut silent = Vec::new();
    walk(&schema(), "", &mut |place, part| {
        let is_described = part["description"].is_string();
        let is_word = part["const"].is_string() && !place.contains("/properties/");
        silent.extend((is_word && !is_described).then(|| place.to_owned()));
        let Some(fields) = part["properties"].as_object().filter(|_| part["type"] == "object")
        else {
            return;
        };
        // The one field of a variant has the description of the variant.
        let stands_for_variant = is_described && fields.len() == 1;
        for (name, field) in fields {
            let text = field["description"].as_str();
            if text.is_none() && !field["const"].is_string() && !stands_for_variant {
                silent.push(format!("{place}/properties/{name}"));
            }
            let unit = match name.rsplit_once('_') {
                Some((_, "ms")) => "milliseconds",
                Some((_, "s")) => "seconds",
                _ if name == "bytes" || name == "nonce_bytes" => "bytes",
                _ if name == "ms" => "milliseconds",
                _ => "",
            };
            assert!(text.is_none_or(|text| text.contains(unit)), "{place}: no unit for {name}");
        }
    });
    assert!(silent.is_empty(), "{silent:#?}");
    for (name, definition) in schema()["$defs"].as_object().unwrap() {
        assert!(definition["description"].is_string(), "{name}");
    }
}

/// ajv's strict mode refuses it, and such a value cannot be written at all.
#[test]
fn what_is_an_object_is_nowhere_a_string_too() {
    walk(&schema(), "", &mut |place, schema| {
        let choices = schema["oneOf"].as_array().into_iter().flatten();
        let mut words = choices.filter(|choice| choice["type"] == "string");
        assert!(schema["type"] != "object" || words.next().is_none(), "{place}");
    });
}

#[test]
fn the_schema_keeps_to_formats_that_every_validator_knows() {
    let mut formats = BTreeSet::new();
    walk(&schema(), "", &mut |place, part| {
        formats.extend(part["format"].as_str().map(str::to_owned));
        assert_ne!(part["additionalProperties"], false, "{place} is closed");
    });
    assert_eq!(
        formats,
        BTreeSet::from(["date-time", "hostname", "ipv4", "ipv6"].map(String::from))
    );
    assert_eq!(schema()["$id"], "urn:ovcheck:schema:report:1.0");
}

#[test]
fn the_schema_knows_the_documented_exit_statuses_and_all_reason_codes() {
    let schema = schema();
    let statuses = ExitStatus::TABLE.map(|(status, _)| json!(status.code()));
    let known = schema["$defs"]["SummaryV1"]["properties"]["exit_code"]["enum"].as_array().unwrap();
    assert_eq!(
        BTreeSet::from_iter(known.iter().map(Value::to_string)),
        BTreeSet::from(statuses.map(|status| status.to_string()))
    );
    let codes = schema["$defs"]["ReasonCodeV1"]["anyOf"].as_array().unwrap();
    let codes: Vec<&str> = codes.iter().filter_map(|code| code["const"].as_str()).collect();
    assert_eq!(codes, ReasonCode::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>());
}
