//! Reports without findings.

use std::time::Duration;

use ovcheck::config::{CheckOptions, Flags, load};
use ovcheck::model::deployment::Deployment;
use ovcheck::model::overview::Overview;
use ovcheck::model::report::Report;
use ovcheck::model::vantage::Vantage;

use super::facts::NOW;

/// A whole run that came to its end, with the gate that there is without flags.
pub fn empty_report(deployment: &Deployment, vantage: Vantage) -> Report {
    let flags = Flags {
        domain: Some(deployment.domain.clone()),
        guide: Some(deployment.edition),
        ..Flags::default()
    };
    Report {
        tool_version: "0.1.0",
        started_at: NOW,
        duration: Duration::from_millis(1_430),
        complete: true,
        ruleset_digest: format!("sha256:{}", "0123".repeat(16)),
        deployment: deployment.clone(),
        context: load(&flags, &|_| None, None).unwrap().context(),
        vantage,
        vantages: Vec::new(),
        findings: Vec::new(),
        overview: Overview::default(),
        observations: Vec::new(),
        not_tested: Vec::new(),
        call: None,
        waivers: Vec::new(),
        gate: CheckOptions::default().gate(),
    }
}
