//! `fixtures/proxy`: each rule about the configuration of a proxy has a small file that breaks it and one that does not.
//!
//! `tests/twin` leads real connections through the same files.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

/// Rules that no file alone can break.
const WITHOUT_FIXTURES: [(&str, &str); 4] = [
    ("proxy/file-is-what-runs", "it compares a file with what the network shows"),
    ("proxy/certificates-loaded", "it compares a file with what the network shows"),
    (
        "proxy/certificate-files",
        "tests/twin makes the certificates of fixtures/proxy/certificate-files",
    ),
    ("proxy/renewal-reaches-every-listener", "the files of certbot decide"),
];

/// Rules that are about one proxy alone.
const OF_HAPROXY: &str = "proxy/haproxy-";
const OF_TRAEFIK: &str = "proxy/traefik-";

/// Faults that break a second rule by their nature.
const BREAKS_MORE: [(&str, &str); 1] =
    // The proxy of these tests is another machine than OpenVidu's.
    [("proxy/turn-backend-not-loopback", "proxy/backend-is-declared")];

/// A folder with the files that fixtures name.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (api, turn) = ("openvidu.example.io", "turn.example.io");
        for (file, names) in [("api", vec![api]), ("turn", vec![turn]), ("all", vec![api, turn])] {
            let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
            let made = rcgen::generate_simple_self_signed(names).unwrap();
            let path = |ending: &str| folder.path().join(format!("{file}.{ending}"));
            let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
            fs::write(path("both"), format!("{certificate}{key}")).unwrap();
            fs::write(path("pem"), certificate).unwrap();
            fs::write(path("key"), key).unwrap();
        }
        fs::write(folder.path().join("turn.map"), format!("{turn} openvidu_turn\n")).unwrap();
        Self { folder }
    }

    /// The verdict of each rule about a fixture; a violation counts before anything else.
    fn verdicts(&self, fixture: &Path) -> BTreeMap<String, (String, String)> {
        let load = "load_module modules/ngx_stream_module.so;";
        let head = format!(
            "{load} worker_processes 2; worker_rlimit_nofile 40960; events {{ worker_connections 10240; }}"
        );
        let text = fs::read_to_string(fixture)
            .unwrap_or_else(|why| panic!("{}: {why}", fixture.display()))
            .replace("@HEAD@", &head)
            .replace("@LOAD@", load)
            .replace("@TEMP@", "")
            .replace("<MASTER_NODE_PRIVATE_IP>", "10.0.0.20")
            .replace("@DIR@", self.folder.path().to_str().unwrap());
        let name = match fixture.extension().and_then(|ending| ending.to_str()) {
            Some("cfg") => "haproxy.cfg",
            // As the files say where the part of the file provider is.
            Some("yml") => "proxy.yml",
            _ => "nginx.conf",
        };
        fs::write(self.folder.path().join(name), text).unwrap();
        let mut command = Command::cargo_bin("ovcheck").unwrap();
        command.current_dir(self.folder.path()).args([
            "lint",
            "proxy",
            name,
            "--domain-name=openvidu.example.io",
            "--turn-domain-name=turn.example.io",
            "--node=openvidu=10.0.0.20",
            "--node=proxy=10.0.0.10,fd00::10",
            "--format=json",
        ]);
        let output = command.output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
            panic!("{}: {}", fixture.display(), String::from_utf8_lossy(&output.stderr))
        });
        let mut verdicts: BTreeMap<String, (String, String)> = BTreeMap::new();
        for finding in report["findings"].as_array().unwrap() {
            let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            let known = verdicts.entry(text("rule")).or_default();
            if known.0 != "fail" {
                *known = (text("verdict"), text("severity"));
            }
        }
        verdicts
    }

    fn broken(&self, fixture: &Path) -> BTreeSet<String> {
        let verdicts = self.verdicts(fixture).into_iter();
        verdicts.filter(|(_, (verdict, _))| verdict == "fail").map(|(rule, _)| rule).collect()
    }
}

fn fixture(rule: &str, file: &str) -> PathBuf {
    let folder = rule.strip_prefix("proxy/").unwrap();
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/proxy").join(folder).join(file)
}

fn rules() -> Vec<String> {
    let ruleset = ovcheck::ruleset::Ruleset::embedded();
    let ids = ruleset.rules.iter().map(|rule| rule.id.to_string());
    ids.filter(|id| id.starts_with("proxy/")).collect()
}

/// One fault breaks one rule: what the bad file breaks more than the good one is that rule alone.
#[test]
fn each_rule_has_a_file_that_breaks_it_and_one_that_does_not() {
    let machine = Machine::new();
    let mut wrong = Vec::new();
    for rule in rules() {
        let is_of_another = [OF_HAPROXY, OF_TRAEFIK].iter().any(|it| rule.starts_with(it));
        if is_of_another || WITHOUT_FIXTURES.iter().any(|(known, _)| *known == rule) {
            continue;
        }
        let (bad, good) = (fixture(&rule, "bad.conf"), fixture(&rule, "good.conf"));
        if !bad.exists() || !good.exists() {
            wrong.push(format!("{rule}: no good.conf and bad.conf"));
            continue;
        }
        let passed = machine.verdicts(&good).remove(&rule);
        if passed.as_ref().is_none_or(|(verdict, _)| verdict != "pass") {
            wrong.push(format!("{rule}: good.conf has {passed:?}"));
        }
        let mut broken = machine.broken(&bad);
        for (known, more) in BREAKS_MORE {
            if known == rule {
                broken.remove(more);
            }
        }
        let more: Vec<_> = broken.difference(&machine.broken(&good)).cloned().collect();
        if more != [rule.clone()] {
            wrong.push(format!("{rule}: bad.conf breaks {more:?} more than good.conf"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Rules about words that only nginx has: the files of HAProxy below their names break other rules.
const OF_NGINX: [&str; 1] = ["proxy/names-in-every-map"];

/// The same for HAProxy, beside a right file: every rule that is about it, and those that have a file.
#[test]
fn each_rule_about_haproxy_has_a_file_that_breaks_it() {
    let machine = Machine::new();
    let mut wrong = Vec::new();
    let right = fixture("proxy/guide", "haproxy.cfg");
    let of_right = machine.verdicts(&right);
    for rule in rules() {
        let bad = fixture(&rule, "bad.cfg");
        if OF_NGINX.contains(&rule.as_str()) {
            continue;
        }
        if !bad.exists() {
            if rule.starts_with(OF_HAPROXY) {
                wrong.push(format!("{rule}: no bad.cfg"));
            }
            continue;
        }
        let good = fixture(&rule, "good.cfg");
        let good = if good.exists() { machine.verdicts(&good) } else { of_right.clone() };
        if good.get(&rule).is_none_or(|(verdict, severity)| verdict != "pass" && severity != "info")
        {
            wrong.push(format!("{rule}: the right file has {:?}", good.get(&rule)));
        }
        let broken = machine.broken(&bad);
        if !broken.contains(&rule) {
            wrong.push(format!("{rule}: bad.cfg breaks {broken:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Rules that are judged of every proxy, and that no file of Traefik breaks.
const NOT_OF_TRAEFIK: [(&str, &str); 3] = [
    ("proxy/upgrade-passes", "it passes every upgrade"),
    ("proxy/turn-idle-long-enough", "its time limits are for requests and handshakes only"),
    ("proxy/websocket-idle-long-enough", "its time limits are for requests and handshakes only"),
];

/// The same for Traefik: each rule that passes of a right file is broken by a file, and by that file alone.
#[test]
fn each_rule_that_traefik_can_break_has_a_file_that_breaks_it() {
    let machine = Machine::new();
    let mut wrong = Vec::new();
    let right = fixture("proxy/guide", "traefik.yml");
    let of_right = machine.verdicts(&right);
    let of_right_broken = machine.broken(&right);
    for rule in rules() {
        let is_elsewhere = [&WITHOUT_FIXTURES[..], &NOT_OF_TRAEFIK[..]].concat();
        if is_elsewhere.iter().any(|(known, _)| *known == rule) || rule.starts_with(OF_HAPROXY) {
            continue;
        }
        let bad = fixture(&rule, "bad.yml");
        let passes = of_right.get(&rule).is_some_and(|(verdict, _)| verdict == "pass");
        if passes != bad.exists() {
            wrong.push(format!(
                "{rule}: the right file has {:?}, and bad.yml is there: {}",
                of_right.get(&rule),
                bad.exists()
            ));
            continue;
        }
        if !passes {
            continue;
        }
        let mut broken = machine.broken(&bad);
        for (known, more) in BREAKS_MORE {
            if known == rule {
                broken.remove(more);
            }
        }
        let more: Vec<_> = broken.difference(&of_right_broken).cloned().collect();
        if more != [rule.clone()] {
            wrong.push(format!("{rule}: bad.yml breaks {more:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The guide's own files break nothing but what the guide's own line opens to everyone.
#[test]
fn the_files_of_the_guide_have_no_finding() {
    let machine = Machine::new();
    for (file, expected) in
        [("turn.conf", [].as_slice()), ("advanced.conf", &["proxy/inner-http-not-exposed"])]
    {
        let verdicts = machine.verdicts(&fixture("proxy/guide", file));
        let is_told =
            |(verdict, severity): &(String, String)| verdict == "fail" && severity != "info";
        let told = verdicts.iter().filter(|(_, it)| is_told(it)).map(|(rule, _)| rule.as_str());
        assert_eq!(told.collect::<Vec<_>>(), expected, "{file}");
    }
}
