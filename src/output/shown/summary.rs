//! What a report came to, in few words that every format shares.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::types::{
    ShownAge, ShownConfidence, ShownFinding, ShownInconclusiveKind, ShownReport, ShownVerdict,
    ShownWaiver, ShownWaiverUse,
};
use crate::model::difference::Standing;
use crate::model::stored::{StoredSeverity, StoredVerdict};
use crate::model::verdict::Severity;
use crate::output::text::{counted, one_line};

/// The result of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultWord {
    Pass,
    Fail,
    Incomplete,
    Interrupted,
}

impl ResultWord {
    pub const ALL: [Self; 4] = [Self::Pass, Self::Fail, Self::Incomplete, Self::Interrupted];

    /// The word for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Incomplete => "INCOMPLETE",
            Self::Interrupted => "INTERRUPTED",
        }
    }

    /// The word of the JSON report.
    pub fn code(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Incomplete => "incomplete",
            Self::Interrupted => "interrupted",
        }
    }
}

impl ShownReport {
    /// `2 violations of 1 rule, 10 passed, 1 unsettled, 3 not tested`.
    pub fn numbers(&self) -> String {
        let passed = self.with_verdict(ShownVerdict::Pass).count();
        let excused = self.findings.iter().filter(|finding| finding.excused).count();
        let unsettled = self.of_kind(ShownInconclusiveKind::Unsettled) - excused;
        let waived = self.findings.iter().filter(|finding| finding.waiver.is_some()).count();
        let expired = self.waivers.iter().filter(|waiver| waiver.is_expired()).count();
        let limits = self.of_kind(ShownInconclusiveKind::VantageLimit);
        let not_applicable = self.with_verdict(ShownVerdict::NotApplicable).count();
        let left_out = self.not_tested.len();
        let unselected = self.summary.not_selected;
        let mut parts: Vec<String> = Vec::new();
        for (severity, word) in [
            (Severity::Error, "violation"),
            (Severity::Warning, "warning"),
            (Severity::Info, "hint"),
        ] {
            parts.extend(self.of_rules(severity, word));
        }
        if parts.is_empty() && self.summary.result != ResultWord::Pass {
            parts.push("0 violations".to_owned());
        }
        if waived > 0 {
            parts.push(format!("{waived} waived"));
        }
        if expired > 0 {
            parts.push(counted(expired, "expired waiver"));
        }
        parts.push(format!("{passed} passed"));
        let rest = [
            (excused, format!("{excused} blocked by accepted violations")),
            (unsettled, format!("{unsettled} unsettled")),
            (limits, counted(limits, "vantage limit")),
            (not_applicable, format!("{not_applicable} not applicable")),
            (unselected, format!("{unselected} left out (--only, --skip)")),
            (left_out, format!("{left_out} not tested")),
        ];
        parts.extend(rest.into_iter().filter_map(|(number, words)| (number > 0).then_some(words)));
        parts.join(", ")
    }

    fn of_kind(&self, kind: ShownInconclusiveKind) -> usize {
        self.findings.iter().filter(|finding| finding.inconclusive_kind == Some(kind)).count()
    }

    fn of_rules(&self, severity: Severity, word: &str) -> Option<String> {
        let number = self.violations_of(severity).count();
        let rules: BTreeSet<&str> =
            self.violations_of(severity).map(|finding| finding.rule.as_str()).collect();
        let words = counted(number, word);
        match number {
            0 => None,
            _ if rules.len() == number => Some(words),
            _ => Some(format!("{words} of {}", counted(rules.len(), "rule"))),
        }
    }

    /// Why the report is partial; `None` if it is not.
    pub fn partial(&self) -> Option<&'static str> {
        if self.summary.result == ResultWord::Interrupted {
            return Some(
                "The run was interrupted. Checks that had no answer by then are not decided.",
            );
        }
        (!self.run.complete).then_some(
            "The run reached its deadline. Checks that had no answer by then are not decided.",
        )
    }

    /// `single-node, default, guide 3.2`.
    pub fn deployment_words(&self) -> String {
        let topology = self.deployment.topology;
        format!("{topology}, {}, guide {}", self.deployment.policy, self.ruleset.guide)
    }

    /// `internet (office)`.
    pub fn vantage_words(&self) -> String {
        if !self.vantages.is_empty() {
            let labels: Vec<String> =
                self.vantages.iter().map(|run| one_line(&run.label)).collect();
            return labels.join(", ");
        }
        match &self.vantage.name {
            Some(name) => format!("{} ({})", self.vantage.zone, one_line(name)),
            None => self.vantage.zone.clone(),
        }
    }

    /// `1.43 s`.
    pub fn duration_words(&self) -> String {
        let ms = self.run.duration_ms;
        format!("{}.{:02} s", ms / 1000, ms % 1000 / 10)
    }

    /// The passed checks of each rule family, in the order of the report.
    pub fn passed_by_family(&self) -> Vec<(&str, usize)> {
        let mut families: Vec<(&str, usize)> = Vec::new();
        for finding in self.with_verdict(ShownVerdict::Pass) {
            let family = finding.family();
            match families.iter_mut().find(|(known, _)| *known == family) {
                Some((_, number)) => *number += 1,
                None => families.push((family, 1)),
            }
        }
        families
    }
}

/// Lines that continue each other, as one line.
pub fn in_one_line(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(one_line).filter(|line| !line.is_empty()).collect();
    lines.join("; ")
}

impl ShownWaiver {
    /// `waived until 2027-01-31 (Jo): moved in spring`.
    pub fn words(&self) -> String {
        let owner = self.owner.as_ref().map_or_else(String::new, |owner| format!(" ({owner})"));
        let until = match self.line {
            Some(_) => format!("by a comment in {}", self.place),
            None => format!("until {}", self.until),
        };
        one_line(&format!("waived {until}{owner}: {}", self.reason))
    }
}

impl ShownWaiverUse {
    /// Whether its last day is over, so that it fails the run.
    pub fn is_expired(&self) -> bool {
        self.state == "expired"
    }

    /// What should be done about it; `None` if it does what it is there for, or the run cannot tell.
    pub fn note(&self) -> Option<String> {
        let what = match self.state.as_str() {
            "expired" => format!(
                "expired on {}; fix the violation and remove the waiver, or set a later date",
                self.waiver.until
            ),
            "unneeded" => "is not needed any more; remove it".to_owned(),
            "no_such_check" => {
                "covers nothing, because this run makes no check that it describes; correct or \
                 remove it"
                    .to_owned()
            }
            "without_reason" => {
                "covers nothing, because it gives no reason; write one behind the rule".to_owned()
            }
            _ => return None,
        };
        let (place, reason) = (&self.waiver.place, &self.waiver.reason);
        Some(one_line(&format!("The waiver in {place} ({reason}) {what}.")))
    }
}

impl ShownFinding {
    /// Its verdict and its severity, in the words of the JSON report.
    pub fn standing(&self) -> Standing {
        let verdict = match self.verdict {
            ShownVerdict::Pass => StoredVerdict::Pass,
            ShownVerdict::Fail => StoredVerdict::Fail,
            ShownVerdict::Inconclusive => StoredVerdict::Inconclusive,
            ShownVerdict::NotApplicable => StoredVerdict::NotApplicable,
        };
        let severity = match self.severity {
            Severity::Info => StoredSeverity::Info,
            Severity::Warning => StoredSeverity::Warning,
            Severity::Error => StoredSeverity::Error,
        };
        Standing { verdict, severity }
    }

    /// What was seen, on one line.
    pub fn observed_line(&self) -> String {
        in_one_line(&self.observed)
    }

    /// `ports` of `ports/openvidu-udp-443`.
    pub fn family(&self) -> &str {
        self.rule.split('/').next().unwrap_or_default()
    }

    /// `FAIL, suspected`: the verdict for people, never without how sure it is.
    pub fn verdict_words(&self) -> String {
        let confidence = self.confidence.map_or("", ShownConfidence::words);
        match self.verdict {
            ShownVerdict::Pass => format!("passed, {confidence}"),
            ShownVerdict::Fail => {
                let age = match self.age {
                    Some(ShownAge::New) => ", new",
                    Some(ShownAge::Known) => ", known",
                    None => "",
                };
                let waived = if self.waiver.is_some() { ", waived" } else { "" };
                format!("{}, {confidence}{age}{waived}", self.severity)
            }
            ShownVerdict::Inconclusive => (self.inconclusive_kind)
                .map_or("not decided", ShownInconclusiveKind::words)
                .to_owned(),
            ShownVerdict::NotApplicable => "not applicable".to_owned(),
        }
    }
}
