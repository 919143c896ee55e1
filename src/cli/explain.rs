//! `ovcheck explain`.

use std::borrow::Cow;
use std::path::PathBuf;

use super::terminal::print;
use super::{Stop, environment};
use crate::app;
use crate::complaint::{Complaint, Place, suggest};
use crate::config::{self, Flags};
use crate::exit::ExitStatus;
use crate::model::rule::Rule;
use crate::output::{self, Style};
use crate::ruleset::Ruleset;

/// What explains how to open and close ports, for all rules.
const TOPIC: &str = "firewall";

/// `ovcheck explain RULE|WORDS…`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A rule id from a report, such as turn/turns-answers-binding; the words that people use for a
    /// failing call, such as 701 or "waiting for media"; a line from a browser or a log; or
    /// "firewall"
    #[arg(required = true, value_name = "RULE|WORDS")]
    words: Vec<String>,

    /// Deployment file whose names and addresses fill in the remedies of a rule [default:
    /// ovcheck.toml in the working directory, if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Directory of rule files to use [default: the built-in rules]
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<ExitStatus, Stop> {
    let ruleset = Ruleset::chosen(args.rules.as_deref())?;
    let asked = args.words.join(" ").trim().to_owned();
    if asked.is_empty() {
        return Err(Complaint::new("there is nothing to explain", Place::Nowhere)
            .with_help(
                "name a rule such as turn/turns-answers-binding, or paste a line from a browser or a \
                 log; \"ovcheck rules\" lists all rules",
            )
            .into());
    }
    let (rules, style) = (&ruleset.rules, Style::default());
    if asked == TOPIC {
        print(|out| output::explain::write_topic(&ruleset.firewall, &style, out))?;
        return Ok(ExitStatus::SUCCESS);
    }
    if let Some(rule) = rules.iter().find(|rule| rule.is_named(&asked)) {
        let troubles = ruleset.troubles_of(&rule.id);
        let rule = filled_in(rule, args)?;
        print(|out| output::explain::write(&rule, &troubles, &style, out))?;
        return Ok(ExitStatus::SUCCESS);
    }
    let ids: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    let found = ruleset.search(&asked);
    if is_meant_as_id(&asked, &ids) || found.is_empty() {
        return Err(unknown(&asked, &ids).into());
    }
    print(|out| output::troubles::write(&found, rules, &style, out))?;
    Ok(ExitStatus::SUCCESS)
}

/// The rule with the values of the deployment file, where there is one.
fn filled_in<'a>(rule: &'a Rule, args: &Args) -> Result<Cow<'a, Rule>, Complaint> {
    let flags = Flags { config: args.config.clone(), ..Flags::default() };
    let Some(file) = config::find(&flags, &environment)? else {
        return Ok(Cow::Borrowed(rule));
    };
    let config = config::load(&flags, &environment, Some(&file))?;
    Ok(Cow::Owned(app::filled_in(rule, &config)))
}

/// The complaint about words that match neither a rule id nor a known trouble.
fn unknown(words: &str, ids: &[&str]) -> Complaint {
    if is_meant_as_id(words, ids) {
        return unknown_rule(words, ids);
    }
    let message = format!("no known trouble matches \"{words}\"");
    Complaint::new(message, Place::Nowhere).with_help(
        "try fewer, more specific words, such as 701, \"restart loop\" or OBS; docs/troubles.md \
         lists all known troubles",
    )
}

/// Whether this is written as the id of a rule: a family, a slash and a slug, or the slug of one.
fn is_meant_as_id(words: &str, ids: &[&str]) -> bool {
    let is_of_ids = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-/".contains(c);
    let family = |id: &str| id.split_once('/').map(|(family, _)| family.to_owned());
    let is_family = |word: &str| ids.iter().any(|id| family(id).as_deref() == Some(word));
    let is_near = || {
        words.contains('-')
            && suggest(words, ids.iter().filter_map(|id| id.split('/').nth(1))).is_some()
    };
    words.chars().all(is_of_ids)
        && (family(words).is_some_and(|word| is_family(&word)) || is_near())
}

fn unknown_rule(wrong: &str, ids: &[&str]) -> Complaint {
    let complaint = Complaint::new(format!("unknown rule \"{wrong}\""), Place::Nowhere);
    let same_slug = ids.iter().find(|id| id.split_once('/').is_some_and(|(_, slug)| slug == wrong));
    if let Some(meant) = same_slug.copied().or_else(|| suggest(wrong, ids.iter().copied())) {
        return complaint.with_help(format!("did you mean \"{meant}\"?"));
    }
    let family = wrong.split('/').next().unwrap_or(wrong);
    let of_family: Vec<&str> =
        ids.iter().copied().filter(|id| id.split('/').next() == Some(family)).collect();
    if !of_family.is_empty() {
        return complaint.with_help(format!("the {family} rules are {}", of_family.join(", ")));
    }
    let mut families: Vec<&str> = ids.iter().filter_map(|id| id.split('/').next()).collect();
    families.dedup();
    complaint.with_help(format!(
        "a rule id has the form family/slug; the families are {}",
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
        assert_eq!(help("turn/y"), "the turn rules are turn/turns-answers-binding, turn/turns-x");
        assert_eq!(help("udp"), "a rule id has the form family/slug; the families are dns, turn");
    }
}
