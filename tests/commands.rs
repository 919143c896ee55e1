//! What remedies say to paste: every command of every rule, filled in for deployments of each
//! topology, has to be one that a shell takes, and nothing in it may be left to be filled in.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::collections::BTreeSet;
use std::process::Command;

use ovcheck::evaluate::filled_in;
use ovcheck::model::rule::{RemedyTemplate, Rule};
use ovcheck::ruleset::Ruleset;

use support::deployments::every_declared;

/// The commands of some steps.
fn commands(steps: &[RemedyTemplate]) -> String {
    let runs = steps.iter().filter_map(|step| match step {
        RemedyTemplate::Run { commands, .. } => Some(commands.to_string()),
        RemedyTemplate::Say(_) | RemedyTemplate::Show { .. } => None,
    });
    runs.collect::<Vec<_>>().join("\n")
}

/// Words for what only a finding knows, and something that fits.
const OF_A_FINDING: [(&str, &str); 5] = [
    ("<PORT>", "7000"),
    ("<ADDRESS>", "203.0.113.20"),
    ("<ADDRESS_OF_THAT_MEDIA_NODE>", "203.0.113.20"),
    ("<NODE>", "media-1"),
    ("<SEEN>", "203.0.113.20"),
];

/// The commands of each remedy of a rule.
fn remedies(rule: &Rule) -> Vec<String> {
    let own = rule.texts.by_reason.values().filter_map(|texts| texts.remedy.as_ref());
    let all = own.chain([&rule.texts.default.remedy]);
    let fill = |text: String, (word, value): &(&str, &str)| text.replace(word, value);
    all.map(|steps| OF_A_FINDING.iter().fold(commands(steps), fill)).collect()
}

#[test]
fn a_shell_takes_every_command() {
    let ruleset = Ruleset::embedded();
    let mut scripts = BTreeSet::from([commands(&ruleset.firewall.steps)]);
    for deployment in every_declared() {
        let filled = ruleset.demanded(&deployment).map(|rule| filled_in(rule, &deployment));
        scripts.extend(filled.flat_map(|rule| remedies(&rule)));
    }
    assert!(scripts.len() > 50, "{}", scripts.len());
    for script in scripts {
        let output = Command::new("bash").args(["-nc", &script]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{said}\n{script}");
    }
}

#[test]
fn nothing_of_a_declared_deployment_is_left_to_be_filled_in() {
    let ruleset = Ruleset::embedded();
    for deployment in every_declared() {
        for rule in ruleset.demanded(&deployment) {
            for script in remedies(&filled_in(rule, &deployment)) {
                let is_left = |part: &str| part.starts_with(|c: char| c.is_ascii_uppercase());
                let is_left = script.split('<').skip(1).any(is_left) || script.contains("${");
                assert!(!is_left, "{}: {script}", rule.id);
            }
        }
    }
}
