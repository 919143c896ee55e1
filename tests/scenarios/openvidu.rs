//! `ovcheck lint openvidu`: every rule about OpenVidu's own configuration can be seen to pass and to fail.

use std::collections::BTreeSet;

use ovcheck::lint::openvidu;
use ovcheck::model::deployment::{Deployment, Edition, Modules, Policy};
use ovcheck::model::facts::{Facts, OpenviduFacts};
use ovcheck::model::remedy::{Change as LineChange, RemedyStep};
use ovcheck::model::report::Finding;
use ovcheck::model::rule::RuleId;
use ovcheck::model::verdict::Verdict;
use ovcheck::plan::ConfigurationsRead;

use crate::configurations::lint;
use crate::openvidu_files::{CHANGES, Change, changed};
use crate::world::{broken, words, world};

fn deployment() -> Deployment {
    let mut nodes = world(Policy::Default).deployment.nodes;
    nodes[1].private_addresses = vec!["10.0.0.20".parse().unwrap()];
    Deployment {
        nodes,
        edition: Edition::V3_9,
        modules: Modules::Unsaid,
        uses: ovcheck::model::deployment::Uses::Unsaid,
        ..world(Policy::Default).deployment
    }
}

fn read(change: &Change) -> OpenviduFacts {
    openvidu::read(&changed(change)).unwrap()
}

fn judge(deployment: &Deployment, facts: &OpenviduFacts) -> Vec<Finding> {
    let read = ConfigurationsRead { proxy: false, openvidu: true };
    lint(deployment, read, &[Facts::OpenviduConfiguration(Box::new(facts.clone()))])
}

#[test]
fn each_change_breaks_what_it_breaks_and_nothing_else() {
    let mut wrong = Vec::new();
    for change in CHANGES {
        let findings = judge(&deployment(), &read(change));
        let mut found = broken(&findings);
        found.sort();
        let mut expected: Vec<&str> = change.breaks.to_vec();
        expected.sort();
        if found != expected {
            wrong.push(format!("{}: expected {expected:?}, found {found:?}", change.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_right_configuration_is_judged_by_every_rule() {
    let findings = judge(&deployment(), &read(&CHANGES[0]));
    let unclear: Vec<String> = findings
        .iter()
        .filter(|finding| !matches!(finding.verdict, Verdict::Pass(_)))
        .map(|finding| format!("{} {}", finding.rule, words(finding)))
        .collect();
    assert_eq!(unclear, [""; 0]);
}

#[test]
fn no_finding_shows_a_secret() {
    for change in CHANGES {
        let facts = read(change);
        let findings = judge(&deployment(), &facts);
        let shown = format!("{facts:?}{findings:?}");
        for secret in ["not-a-", "another-secret", "APIexample"] {
            assert!(!shown.contains(secret), "{}: {secret}", change.name);
        }
    }
}

#[test]
fn a_finding_names_the_line_of_the_variable_and_what_it_becomes() {
    let edit_of = |name: &str, rule: &str| {
        let change = CHANGES.iter().find(|change| change.name == name).unwrap();
        let findings = judge(&deployment(), &read(change));
        let finding = findings.into_iter().find(|it| it.rule.as_str() == rule).unwrap();
        let Some(RemedyStep::Edit(edit)) = finding.remedy.first().cloned() else {
            panic!("no edit in {:?}", finding.remedy);
        };
        let lines = match edit.change {
            LineChange::Replace(lines) | LineChange::InsertBehind(lines) => lines,
            LineChange::Delete => Vec::new(),
        };
        let line = lines.first().map(|line| line.unquoted().to_owned()).unwrap_or_default();
        (edit.at.file.unquoted().to_owned(), edit.at.line, line)
    };
    assert_eq!(
        edit_of("another TURN domain", "config/turn-domain-agrees"),
        (
            "config/openvidu.env".to_owned(),
            3,
            "LIVEKIT_TURN_DOMAIN_NAME=turn.example.io".to_owned()
        )
    );
    assert_eq!(
        edit_of("no external_tls", "config/turn-behind-proxy"),
        ("config/livekit.yaml".to_owned(), 13, "    external_tls: true".to_owned())
    );
}

#[test]
fn a_key_of_a_newer_livekit_is_unknown_to_an_older_one() {
    let change = CHANGES.iter().find(|it| it.name == "relays may not reach the node").unwrap();
    let old = Deployment { edition: Edition::V3_2, ..deployment() };
    let mut files = changed(change);
    // The images say more than the declaration.
    files.retain(|file| !file.path.ends_with(".yaml") || file.path.ends_with("livekit.yaml"));
    let findings = judge(&old, &openvidu::read(&files).unwrap());
    assert!(broken(&findings).contains(&"config/known-keys"), "{:?}", broken(&findings));
}

/// The rules that were seen to pass, and to fail.
pub fn rules_seen() -> [BTreeSet<RuleId>; 2] {
    let mut seen = [BTreeSet::new(), BTreeSet::new()];
    for finding in CHANGES.iter().flat_map(|change| judge(&deployment(), &read(change))) {
        match finding.verdict {
            Verdict::Pass(_) => seen[0].insert(finding.rule),
            Verdict::Fail(_) => seen[1].insert(finding.rule),
            Verdict::Inconclusive(_) | Verdict::NotApplicable => false,
        };
    }
    seen
}
