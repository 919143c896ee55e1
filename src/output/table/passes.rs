//! What is right: a number for each family.

use std::io;

use crate::model::report::{Finding, Report};
use crate::model::verdict::Verdict;
use crate::output::page::{Ink, Page};

pub fn write(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let mut families: Vec<&str> = Vec::new();
    for finding in &report.findings {
        if !families.contains(&finding.rule.family()) {
            families.push(finding.rule.family());
        }
    }
    let mut passed = Vec::new();
    let mut apart = Vec::new();
    for family in families {
        let all = || report.findings.iter().filter(|f| f.rule.family() == family);
        let passes = all().filter(|finding| is_pass(finding)).count();
        if passes > 0 {
            passed.push((Ink::Good, format!("✓ {family} {passes}")));
        } else if all().all(|finding| finding.verdict == Verdict::NotApplicable) {
            apart.push((Ink::Faint, format!("— {family} not applicable")));
        }
    }
    if passed.is_empty() && apart.is_empty() {
        return Ok(());
    }
    if !passed.is_empty() {
        passed.push((Ink::Good, "passed".to_owned()));
    }
    apart.push((Ink::Faint, "(-v lists them)".to_owned()));
    let pieces: Vec<_> =
        (passed.iter().chain(&apart)).map(|(ink, text)| (*ink, text.as_str())).collect();
    page.row(&pieces)
}

fn is_pass(finding: &Finding) -> bool {
    matches!(finding.verdict, Verdict::Pass(_))
}
