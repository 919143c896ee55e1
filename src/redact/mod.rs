//! Stand-ins for the names and addresses of a report that leaves the house. Pure: a report in, a report
//! out, before any output sees it, so that every format has the same stand-ins.
//!
//! The whole report is taken as data and every text in it is rewritten, sentences and commands too: a list
//! of the fields that may hold a name would miss the next one.

mod addresses;
mod names;

use std::collections::HashMap;

use serde_json::Value;

use crate::model::context::Redaction;
use crate::model::facts::{Facts, ServerText};
use crate::model::fingerprint::{Fingerprint, Identity};
use crate::model::observation::Outcome;
use crate::model::report::Report;
use crate::model::vantages::vantages_in_words;
use crate::model::waiver::Waiver;

use addresses::AddressStandIns;
use names::{NameStandIns, WholeWords};

/// The report with stand-ins for these. It says that it has them.
#[must_use]
pub fn redact(report: Report, what: &[Redaction]) -> Report {
    if what.is_empty() {
        return report;
    }
    let value = serde_json::to_value(&report).expect("a report is plain data");
    // The name of a node may be a word that a field of the report takes. Then it stands for itself there.
    let redacted =
        [WholeWords::Everywhere, WholeWords::WhereNodesAreNamed].into_iter().find_map(|whole| {
            serde_json::from_value::<Report>(rewritten(&report, &value, what, whole)).ok()
        });
    let mut redacted = redacted.expect("stand-ins have the form of what they stand for");
    redacted.tool_version = report.tool_version;
    redacted.context.options.redact = what.to_vec();
    if what.contains(&Redaction::Names) {
        shorten_paths(&mut redacted);
    }
    rename_fingerprints(&mut redacted);
    if !redacted.vantages.is_empty() {
        redacted.vantage.name = Some(vantages_in_words(&redacted.vantages));
    }
    redacted
}

/// The fields with paths of configuration files.
const NAMES_OF_FILES: [&str; 4] = ["file", "files", "proxy_config", "openvidu_config"];

/// The data of a report with its texts rewritten.
fn rewritten(report: &Report, value: &Value, what: &[Redaction], whole: WholeWords) -> Value {
    let mut value = value.clone();
    if what.contains(&Redaction::Names) {
        let names = NameStandIns::of(report, &value);
        rewrite(&mut value, "", &mut |key, text| names.in_text(key, text, whole));
        rewrite(&mut value, "", &mut |key, text| match NAMES_OF_FILES.contains(&key) {
            true => file_name(text),
            false => text.to_owned(),
        });
    }
    if what.contains(&Redaction::Addresses) {
        let mut addresses = AddressStandIns::default();
        // The machines of the deployment have the first ones.
        for node in &report.deployment.nodes {
            node.every_address().for_each(|address| {
                addresses.of(*address);
            });
        }
        rewrite(&mut value, "", &mut |_, text| addresses.in_text(text));
    }
    value
}

/// Rewrites every text, with the key of the field that holds it.
fn rewrite(value: &mut Value, key: &str, change: &mut dyn FnMut(&str, &str) -> String) {
    match value {
        Value::String(text) => *text = change(key, text),
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, key, change)),
        Value::Object(fields) => {
            fields.iter_mut().for_each(|(key, field)| rewrite(field, key, change));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Of a path only the name of the file: directories are called after customers and users.
fn shorten_paths(report: &mut Report) {
    let files = &mut report.context.files;
    let paths = [&mut files.config, &mut files.rules, &mut files.ca_file, &mut files.recording];
    let of_runs = report.vantages.iter_mut().filter_map(|run| run.recording.as_mut());
    for path in paths.into_iter().flatten().chain(of_runs) {
        let names: Vec<String> = path.split(", ").map(file_name).collect();
        *path = names.join(", ");
    }
    for observation in &mut report.observations {
        if let Outcome::Saw(Facts::OpenviduConfiguration(facts)) = &mut observation.outcome {
            for file in &mut facts.files {
                file.path = ServerText::new(&file_name(file.path.unquoted()));
            }
        }
    }
    let of_findings = report.findings.iter_mut().filter_map(|it| it.standing.waived.as_mut());
    let of_findings = of_findings.map(|waived| &mut waived.by);
    let of_report = report.waivers.iter_mut().map(|entry| &mut entry.waiver);
    for waiver in of_findings.chain(of_report) {
        waiver.place = file_name(&waiver.place);
    }
}

fn file_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

/// Makes the fingerprints anew: they are hashes of names and addresses that can be guessed.
fn rename_fingerprints(report: &mut Report) {
    let mut renamed: HashMap<Fingerprint, Fingerprint> = HashMap::new();
    for finding in &mut report.findings {
        let fingerprint = Fingerprint::new(&Identity {
            deployment: &report.deployment.domain,
            rule: &finding.rule,
            direction: finding.expected.direction(),
            target: &finding.target,
        });
        let former = std::mem::replace(&mut finding.fingerprint, fingerprint.clone());
        renamed.insert(former, fingerprint);
    }
    let rename = |waiver: &mut Waiver| {
        let former = waiver.fingerprint.take();
        waiver.fingerprint = former.and_then(|former| renamed.get(&former).cloned());
    };
    for finding in &mut report.findings {
        finding.standing.waived.iter_mut().for_each(|waived| rename(&mut waived.by));
    }
    report.waivers.iter_mut().for_each(|entry| rename(&mut entry.waiver));
}
