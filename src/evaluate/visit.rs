//! The result of a user's browser beside ovcheck's own run of the same minute: whose fault it is, as far as both show it.
//!
//! A browser sees whether a way works, and hardly why not. ovcheck sees why, from another place. Only together they tell the
//! user's network from the deployment, and only if they looked at the same time.

use crate::model::call::{State, WaySummary};
use crate::model::facts::Way;
use crate::model::reason::ReasonCode;
use crate::model::rule::RuleId;
use crate::model::timestamp::Timestamp;
use crate::model::vantage::Zone;
use crate::model::verdict::Severity;
use crate::model::visit::{
    BrowserEnd, BrowserFamily, BrowserReport, BrowserStep, BrowserWay, JoinedView, JoinedWay,
    OwnView, VisitConclusion, VisitDoubt, WaySeen,
};

/// The most seconds between two looks at the same time: a fault may come or go between them.
const SAME_TIME: i64 = 120;

/// The difference of a clock with which browsers refuse certificates and LiveKit refuses tokens, in seconds.
const WRONG_CLOCK: i64 = 300;

/// The most rules that are named where a browser cannot join at all.
const MOST_RULES: usize = 3;

/// Joins both. `at`: when the visit began; `expected`: the ways that calls should take by the policy.
pub fn joined(
    report: &BrowserReport,
    at: Timestamp,
    expected: &[Way],
    own: Option<&OwnView>,
) -> JoinedView {
    let visit = Visit { report, at, own };
    let ways: Vec<JoinedWay> = (Way::ALL.into_iter())
        .map(|way| JoinedWay {
            way,
            is_expected: expected.contains(&way),
            browser: report.way(way).map_or(WaySeen::Unknown, in_browser),
            own: visit.own_way(way),
        })
        .collect();
    let conclusions = if has_joined(report) { visit.of_ways(&ways) } else { vec![visit.of_join()] };
    JoinedView { ways, conclusions }
}

/// Whether the browser came into the room by any of its connections.
fn has_joined(report: &BrowserReport) -> bool {
    report.ways.iter().any(|way| way.step >= BrowserStep::Join)
}

/// What a browser's test says about a way. Before LiveKit has answered, it has not been tried.
fn in_browser(way: &BrowserWay) -> WaySeen {
    match way.end {
        _ if way.works => WaySeen::Works,
        _ if way.step < BrowserStep::Answer => WaySeen::Unknown,
        // A mistake of the page, or the server ended it.
        BrowserEnd::Error | BrowserEnd::Left => WaySeen::Unknown,
        BrowserEnd::Open
        | BrowserEnd::Limit
        | BrowserEnd::Failed
        | BrowserEnd::Closed
        | BrowserEnd::NoCandidates => WaySeen::Fails,
    }
}

struct Visit<'a> {
    report: &'a BrowserReport,
    at: Timestamp,
    own: Option<&'a OwnView>,
}

impl Visit<'_> {
    /// ovcheck's own view, if it is of the same time.
    fn own_now(&self) -> Result<&OwnView, VisitDoubt> {
        let own = self.own.ok_or(VisitDoubt::NoOwnRun)?;
        match own.at.seconds_since(self.at).abs() <= SAME_TIME {
            true => Ok(own),
            false => Err(VisitDoubt::OtherTime),
        }
    }

    /// Why ovcheck's own view does not decide.
    fn own_doubt(&self) -> VisitDoubt {
        match self.own_now() {
            Err(why) => why,
            Ok(own) if own.call.is_none() && own.zone != Zone::Internet => VisitDoubt::OwnRunInside,
            Ok(_) => VisitDoubt::OwnRunUnknown,
        }
    }

    fn own_summary(&self, way: Way) -> Option<&WaySummary> {
        let call = self.own_now().ok()?.call.as_ref()?;
        call.ways.iter().find(|summary| summary.way == way)
    }

    fn own_way(&self, way: Way) -> WaySeen {
        let Some(summary) = self.own_summary(way) else { return WaySeen::Unknown };
        match summary.state {
            // Browsers send packets as large as those of media.
            State::Works { .. } if summary.small_packets_only => WaySeen::Unknown,
            State::Works { .. } => WaySeen::Works,
            State::Stops(_) | State::NotOffered => WaySeen::Fails,
            State::Unknown { .. } => WaySeen::Unknown,
        }
    }

    fn of_join(&self) -> VisitConclusion {
        let ahead_s = self.report.clock_offset_ms / 1000;
        if ahead_s.abs() > WRONG_CLOCK {
            return VisitConclusion::WrongClock { ahead_s };
        }
        let undecided = |why| VisitConclusion::Undecided { ways: Vec::new(), why };
        let own = match self.own_now() {
            Ok(own) => own,
            Err(why) => return undecided(why),
        };
        match own.call.as_ref().map(|call| &call.join.state) {
            Some(State::Works { .. }) => VisitConclusion::UserCannotJoin,
            Some(State::Stops(_) | State::NotOffered) => {
                let violations = own.violations.iter();
                let severe = violations
                    .filter(|it| it.severity == Severity::Error && it.way.is_none())
                    .flat_map(causes);
                let rules = each_once(severe, MOST_RULES);
                match rules.is_empty() {
                    true => undecided(VisitDoubt::NoRuleViolated),
                    false => VisitConclusion::Deployment { ways: Vec::new(), rules },
                }
            }
            // A call is not tried where another rule already shows that it cannot work.
            Some(State::Unknown { .. }) | None => {
                let blocked = own.blocked.iter().filter(|(_, rule)| own.is_violated(rule));
                let rules = each_once(blocked.map(|(_, rule)| rule.clone()), MOST_RULES);
                match rules.is_empty() {
                    true => undecided(self.own_doubt()),
                    false => VisitConclusion::Deployment { ways: Vec::new(), rules },
                }
            }
        }
    }

    fn of_ways(&self, ways: &[JoinedWay]) -> Vec<VisitConclusion> {
        let mut conclusions = Vec::new();
        for way in ways {
            if let Some(conclusion) = self.of_way(way) {
                add(conclusion, &mut conclusions);
            }
        }
        conclusions.sort_by_key(rank);
        if conclusions.is_empty() {
            conclusions.push(VisitConclusion::AllWork);
        }
        conclusions
    }

    /// `None`: it is as it should be.
    fn of_way(&self, joined: &JoinedWay) -> Option<VisitConclusion> {
        let ways = vec![joined.way];
        let undecided = |why| Some(VisitConclusion::Undecided { ways: vec![joined.way], why });
        if !joined.is_expected {
            let is_open = joined.browser == WaySeen::Works;
            return is_open.then_some(VisitConclusion::OpenAgainstPolicy { ways });
        }
        match (joined.browser, joined.own) {
            (WaySeen::Works, WaySeen::Works | WaySeen::Unknown) => None,
            (WaySeen::Works, WaySeen::Fails) => Some(VisitConclusion::OwnPlace { ways }),
            (WaySeen::Unknown, _) => undecided(VisitDoubt::BrowserDidNotTest),
            (WaySeen::Fails, WaySeen::Works) if self.is_firefox_on_same_machine(joined.way) => {
                Some(VisitConclusion::FirefoxOnSameMachine)
            }
            (WaySeen::Fails, WaySeen::Works) if self.is_only_dtls_unproven(joined.way) => {
                undecided(VisitDoubt::OwnRunUnknown)
            }
            (WaySeen::Fails, WaySeen::Works) => Some(VisitConclusion::User { ways }),
            (WaySeen::Fails, WaySeen::Fails) => {
                let rules = self.rules_of(joined.way);
                match rules.is_empty() {
                    true => undecided(VisitDoubt::NoRuleViolated),
                    false => Some(VisitConclusion::Deployment { ways, rules }),
                }
            }
            (WaySeen::Fails, WaySeen::Unknown) => undecided(self.own_doubt()),
        }
    }

    /// The violated rules that explain why a way fails.
    fn rules_of(&self, way: Way) -> Vec<RuleId> {
        let Some(own) = self.own else { return Vec::new() };
        let violated = own.violations.iter().filter(|it| it.way == Some(way)).flat_map(causes);
        let blocked =
            own.blocked.iter().filter(|(blocked, rule)| *blocked == way && own.is_violated(rule));
        each_once(violated.chain(blocked.map(|(_, rule)| rule.clone())), usize::MAX)
    }

    /// Firefox drops what TURN over TLS relays if TURN takes the browser's address for a loopback or link-local one, which it
    /// does behind a proxy on its own machine.
    fn is_firefox_on_same_machine(&self, way: Way) -> bool {
        let mut violations = self.own.into_iter().flat_map(|own| &own.violations);
        way == Way::Turns
            && self.report.family == BrowserFamily::Firefox
            && violations.any(|it| it.reason == ReasonCode::MappedAddressImplausible)
    }

    /// Whether the browser failed only at DTLS, and ovcheck did not see DTLS pass.
    fn is_only_dtls_unproven(&self, way: Way) -> bool {
        let step = self.report.way(way).map(|tested| tested.step);
        step >= Some(BrowserStep::Ice)
            && self.own_summary(way).is_none_or(|summary| summary.dtls_passes != Some(true))
    }
}

/// The rules to be mended for a violation.
fn causes(violation: &crate::model::visit::ViolatedRule) -> Vec<RuleId> {
    match violation.because.is_empty() {
        true => vec![violation.rule.clone()],
        false => violation.because.clone(),
    }
}

fn each_once(rules: impl Iterator<Item = RuleId>, most: usize) -> Vec<RuleId> {
    let mut once: Vec<RuleId> = Vec::new();
    for rule in rules {
        if !once.contains(&rule) && once.len() < most {
            once.push(rule);
        }
    }
    once
}

/// Adds a conclusion, to those that say the same of another way.
fn add(new: VisitConclusion, conclusions: &mut Vec<VisitConclusion>) {
    use VisitConclusion::{Deployment, OpenAgainstPolicy, OwnPlace, Undecided, User};
    for known in conclusions.iter_mut() {
        match (known, &new) {
            (Deployment { ways, rules }, Deployment { ways: more, rules: same })
                if rules == same =>
            {
                return ways.extend(more);
            }
            (Undecided { ways, why }, Undecided { ways: more, why: same }) if why == same => {
                return ways.extend(more);
            }
            (OpenAgainstPolicy { ways }, OpenAgainstPolicy { ways: more })
            | (User { ways }, User { ways: more })
            | (OwnPlace { ways }, OwnPlace { ways: more }) => return ways.extend(more),
            _ => {}
        }
    }
    conclusions.push(new);
}

/// The most important first: what the operator can mend.
fn rank(conclusion: &VisitConclusion) -> u8 {
    match conclusion {
        VisitConclusion::Deployment { .. } => 0,
        VisitConclusion::OpenAgainstPolicy { .. } => 1,
        VisitConclusion::FirefoxOnSameMachine => 2,
        VisitConclusion::WrongClock { .. } | VisitConclusion::UserCannotJoin => 3,
        VisitConclusion::User { .. } => 4,
        VisitConclusion::OwnPlace { .. } => 5,
        VisitConclusion::Undecided { .. } => 6,
        VisitConclusion::AllWork => 7,
    }
}

#[cfg(test)]
mod tests;
