//! What follows from a visit, for the operator.

use crate::model::facts::Way;
use crate::model::verdict::Severity;
use crate::model::visit::{OwnView, VisitConclusion, VisitDoubt, WaySeen};
use crate::output::call::words;
use crate::output::text::list;

/// The most rules that a sentence names.
const MOST_RULES: usize = 3;

/// A conclusion as one or two sentences.
pub fn conclusion(conclusion: &VisitConclusion, own: Option<&OwnView>) -> String {
    match conclusion {
        VisitConclusion::AllWork => {
            "Every media path that should work does work in the user's browser.".to_owned()
        }
        VisitConclusion::Deployment { ways, rules } => {
            let rules: Vec<String> = rules
                .iter()
                .map(|rule| match title(rule, own) {
                    Some(title) => format!("{rule} ({title})"),
                    None => rule.to_string(),
                })
                .collect();
            let s = if rules.len() == 1 { "" } else { "s" };
            let what = subject(ways, "fails", "fail", "Joining fails");
            let rules = list(&rules);
            format!("{what} in the user's browser and for ovcheck. The deployment violates the rule{s} {rules}.")
        }
        VisitConclusion::OpenAgainstPolicy { ways } => format!(
            "{} in the user's browser, although the policy of the deployment closes it.",
            subject(ways, "works", "work", "")
        ),
        VisitConclusion::FirefoxOnSameMachine => {
            "TURN over TLS fails in the user's browser and works for ovcheck. The browser is Firefox, which \
             cannot use a relay if the TURN server reports a loopback or link-local address, as it does \
             behind a proxy on the same machine (turn/mapped-address-plausible). Chromium browsers can."
                .to_owned()
        }
        VisitConclusion::WrongClock { ahead_s } => {
            let minutes = ahead_s.unsigned_abs().div_ceil(60);
            let direction = if *ahead_s > 0 { "ahead" } else { "behind" };
            format!(
                "The user's browser could not join. The clock of the user's computer is {minutes} minutes \
                 {direction}, which is probably the cause: browsers then reject certificates."
            )
        }
        VisitConclusion::User { ways } => format!(
            "{} in the user's browser and not for ovcheck at the same time: the cause is between the user and \
             the deployment, in the user's network, computer or browser.",
            subject(ways, "fails", "fail", "")
        ),
        VisitConclusion::UserCannotJoin => {
            "The user's browser could not join, and ovcheck could at the same time: the cause is between the user \
             and the deployment, in the user's network, computer or browser."
                .to_owned()
        }
        VisitConclusion::OwnPlace { ways } => format!(
            "{} in the user's browser and not for ovcheck: the network of ovcheck blocks it, or the fault comes \
             and goes.",
            subject(ways, "works", "work", "")
        ),
        VisitConclusion::Undecided { ways, why } => {
            let joining = "Joining fails";
            match why {
                VisitDoubt::NoOwnRun => format!(
                    "{} in the user's browser. ovcheck's own run has not ended, so that the cause is not known.",
                    subject(ways, "fails", "fail", joining)
                ),
                VisitDoubt::OtherTime => format!(
                    "{} in the user's browser. ovcheck's own run was at another time, so that the cause is not \
                     known.",
                    subject(ways, "fails", "fail", joining)
                ),
                VisitDoubt::OwnRunUnknown => format!(
                    "{} in the user's browser. ovcheck could not see whether it works, so that the cause is not \
                     known.",
                    subject(ways, "fails", "fail", joining)
                ),
                VisitDoubt::OwnRunInside => format!(
                    "{} in the user's browser. ovcheck runs on a machine of the deployment and does not see what \
                     reaches users, so that the cause is not known: run `ovcheck serve` on the internet.{}",
                    subject(ways, "fails", "fail", joining),
                    own.map_or_else(String::new, found_inside)
                ),
                VisitDoubt::NoRuleViolated => format!(
                    "{} in the user's browser and for ovcheck, and no violated rule explains it. Both networks may \
                     block it.",
                    subject(ways, "fails", "fail", joining)
                ),
                VisitDoubt::BrowserDidNotTest => format!(
                    "{} in the user's browser to the end, so that nothing is known.",
                    subject(ways, "was not tested", "were not tested", "The join was not tested")
                ),
            }
        }
    }
}

/// `Direct, UDP and TURN, TLS fail`; without a way, what joining did.
fn subject(ways: &[Way], one: &str, many: &str, join: &str) -> String {
    if ways.is_empty() {
        return join.to_owned();
    }
    let names: Vec<&str> = ways.iter().map(|way| name(*way)).collect();
    let verb = if ways.len() == 1 { one } else { many };
    let text = format!("{} {verb}", list(&names));
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// A way within a sentence.
fn name(way: Way) -> &'static str {
    match way {
        Way::Udp => "direct UDP",
        Way::IceTcp => "direct TCP",
        Way::TurnUdp => "TURN over UDP",
        Way::Turns => "TURN over TLS",
    }
}

/// What ovcheck found from there all the same.
fn found_inside(own: &OwnView) -> String {
    let severe = own.violations.iter().filter(|it| it.severity == Severity::Error);
    let rules: Vec<&str> = severe.map(|it| it.rule.as_str()).take(MOST_RULES).collect();
    match rules.is_empty() {
        true => String::new(),
        false => format!(" From there it found violated: {}.", list(&rules)),
    }
}

fn title<'a>(rule: &crate::model::rule::RuleId, own: Option<&'a OwnView>) -> Option<&'a str> {
    let mut violations = own?.violations.iter();
    violations.find(|it| it.rule == *rule).map(|it| it.title.as_str())
}

/// A way as the table shows it.
pub fn way(way: Way) -> &'static str {
    words::way(way)
}

/// What a place saw: its sign and its word.
pub fn seen(seen: WaySeen) -> (&'static str, &'static str, &'static str) {
    match seen {
        WaySeen::Works => ("good", "✓", "works"),
        WaySeen::Fails => ("bad", "✗", "fails"),
        WaySeen::Unknown => ("doubt", "?", "not known"),
    }
}
