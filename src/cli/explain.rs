//! `ovcheck explain`.

use std::path::PathBuf;

use super::Stop;
use super::terminal::print;
use crate::complaint::{Complaint, Place, suggest};
use crate::exit::ExitStatus;
use crate::output::{self, Style};
use crate::ruleset::Ruleset;

/// `ovcheck explain RULE`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The id of the rule, as it stands in a report: turn/turns-answers-binding
    rule: String,

    /// The directory of rule files to take it from [default: those inside the program]
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<ExitStatus, Stop> {
    let ruleset = match &args.rules {
        Some(directory) => Ruleset::from_directory(directory)?,
        None => Ruleset::embedded(),
    };
    let found = ruleset
        .rules
        .iter()
        .find(|rule| rule.id.as_str() == args.rule);
    let Some(rule) = found else {
        let ids: Vec<&str> = ruleset.rules.iter().map(|rule| rule.id.as_str()).collect();
        return Err(unknown_rule(&args.rule, &ids).into());
    };
    print(|out| output::explain::write(rule, &Style::default(), out))?;
    Ok(ExitStatus::SUCCESS)
}

fn unknown_rule(wrong: &str, ids: &[&str]) -> Complaint {
    let complaint = Complaint::new(format!("there is no rule \"{wrong}\""), Place::Nowhere);
    let same_slug = ids
        .iter()
        .find(|id| id.split_once('/').is_some_and(|(_, slug)| slug == wrong));
    if let Some(meant) = same_slug
        .copied()
        .or_else(|| suggest(wrong, ids.iter().copied()))
    {
        return complaint.with_help(format!("did you mean \"{meant}\"?"));
    }
    let family = wrong.split('/').next().unwrap_or(wrong);
    let of_family: Vec<&str> = ids
        .iter()
        .copied()
        .filter(|id| id.split('/').next() == Some(family))
        .collect();
    if !of_family.is_empty() {
        return complaint.with_help(format!(
            "the rules of {family} are {}",
            of_family.join(", ")
        ));
    }
    let mut families: Vec<&str> = ids.iter().filter_map(|id| id.split('/').next()).collect();
    families.dedup();
    complaint.with_help(format!(
        "a rule id is family/slug, and the families are {}",
        families.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_rule_is_answered_with_the_one_meant_or_with_its_family() {
        let ids = [
            "dns/domain-resolves",
            "turn/turns-answers-binding",
            "turn/turns-x",
        ];
        let help = |wrong| unknown_rule(wrong, &ids).help.unwrap();
        assert_eq!(
            help("turn/turns-answer-bindings"),
            "did you mean \"turn/turns-answers-binding\"?"
        );
        assert_eq!(
            help("turns-answers-binding"),
            "did you mean \"turn/turns-answers-binding\"?"
        );
        assert_eq!(
            help("turn/y"),
            "the rules of turn are turn/turns-answers-binding, turn/turns-x"
        );
        assert_eq!(
            help("udp"),
            "a rule id is family/slug, and the families are dns, turn"
        );
    }
}
