//! `ovcheck explain`.

use std::path::PathBuf;

use super::Stop;
use super::terminal::print;
use crate::complaint::{Complaint, Place, suggest};
use crate::exit::ExitStatus;
use crate::model::trouble::Trouble;
use crate::output::{self, Style};
use crate::ruleset::Ruleset;

/// `ovcheck explain RULE|WORDS…`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The id of the rule, as it stands in a report: turn/turns-answers-binding. Or what people say
    /// of calls that fail: 701, "waiting for media"
    #[arg(required = true, value_name = "RULE|WORDS")]
    words: Vec<String>,

    /// The directory of rule files to take it from [default: those inside the program]
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<ExitStatus, Stop> {
    let ruleset = match &args.rules {
        Some(directory) => Ruleset::from_directory(directory)?,
        None => Ruleset::embedded(),
    };
    let asked = args.words.join(" ");
    let (rules, style) = (&ruleset.rules, Style::default());
    if let Some(rule) = rules.iter().find(|rule| rule.id.as_str() == asked) {
        let troubles = ruleset.troubles_of(&rule.id);
        print(|out| output::explain::write(rule, &troubles, &style, out))?;
        return Ok(ExitStatus::SUCCESS);
    }
    let meant = |trouble: &&Trouble| trouble.is_meant_by(&asked);
    let troubles: Vec<&Trouble> = ruleset.troubles.iter().filter(meant).collect();
    if troubles.is_empty() {
        let ids: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
        return Err(unknown(&asked, &ids).into());
    }
    print(|out| output::troubles::write(&troubles, rules, &style, out))?;
    Ok(ExitStatus::SUCCESS)
}

/// Words that are no rule's id, and that nobody says.
fn unknown(words: &str, ids: &[&str]) -> Complaint {
    if !words.contains(char::is_whitespace) {
        return unknown_rule(words, ids);
    }
    let message = format!("no trouble is known of which people say \"{words}\"");
    Complaint::new(message, Place::Nowhere).with_help(
        "give fewer words, the most telling ones: 701, \"restart loop\", OBS; docs/troubles.md has \
         all that is known",
    )
}

fn unknown_rule(wrong: &str, ids: &[&str]) -> Complaint {
    let complaint = Complaint::new(format!("there is no rule \"{wrong}\""), Place::Nowhere);
    let same_slug = ids.iter().find(|id| id.split_once('/').is_some_and(|(_, slug)| slug == wrong));
    if let Some(meant) = same_slug.copied().or_else(|| suggest(wrong, ids.iter().copied())) {
        return complaint.with_help(format!("did you mean \"{meant}\"?"));
    }
    let family = wrong.split('/').next().unwrap_or(wrong);
    let of_family: Vec<&str> =
        ids.iter().copied().filter(|id| id.split('/').next() == Some(family)).collect();
    if !of_family.is_empty() {
        return complaint.with_help(format!("the rules of {family} are {}", of_family.join(", ")));
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
        let ids = ["dns/domain-resolves", "turn/turns-answers-binding", "turn/turns-x"];
        let help = |wrong| unknown_rule(wrong, &ids).help.unwrap();
        assert_eq!(
            help("turn/turns-answer-bindings"),
            "did you mean \"turn/turns-answers-binding\"?"
        );
        assert_eq!(help("turns-answers-binding"), "did you mean \"turn/turns-answers-binding\"?");
        assert_eq!(
            help("turn/y"),
            "the rules of turn are turn/turns-answers-binding, turn/turns-x"
        );
        assert_eq!(help("udp"), "a rule id is family/slug, and the families are dns, turn");
    }
}
