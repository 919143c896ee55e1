//! What people report, and what the program says to it: `rules/troubles.toml` against the tests that
//! it names, and `docs/troubles.md`, which is made from it.
//!
//! `OVCHECK_BLESS=1 cargo test --test troubles` rewrites the document; look at the difference before
//! you commit it.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use ovcheck::demo::Fault;
use ovcheck::model::rule::RuleId;
use ovcheck::model::trouble::{Shown, Sighting, Trouble};
use ovcheck::output::troubles::place;
use ovcheck::output::{self, Style};
use ovcheck::ruleset::Ruleset;

use support::kept::{assert_kept, repository};

static RULESET: LazyLock<Ruleset> = LazyLock::new(Ruleset::embedded);

// --- What shows a trouble -----------------------------------------------------------------------

/// The text of every test, each file for itself.
static TESTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut texts = Vec::new();
    read_into(&repository().join("tests"), &mut texts);
    texts
});

fn read_into(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_into(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push(fs::read_to_string(path).unwrap());
        }
    }
}

/// What stands behind `begin` in some test, up to the first `end`.
fn behind(begin: &str, end: &str) -> Option<&'static str> {
    TESTS.iter().find_map(|text| {
        let (_, rest) = text.split_once(begin)?;
        Some(rest.split(end).next().unwrap_or(rest))
    })
}

/// What is wrong with a name; `None`: it is there, and it is about one of these rules.
fn wrong_with(shown: &Shown, rules: &[RuleId]) -> Option<String> {
    let is_about = |text: &str| rules.iter().any(|rule| text.contains(&format!("\"{rule}\"")));
    let (what, text) = match shown {
        Shown::Lab(name) => (
            format!("situation {name} of the laboratory"),
            behind(&format!("name: \"{name}\""), "name: \"").map(str::to_owned),
        ),
        Shown::Demo(name) => {
            let fault = Fault::ALL.iter().find(|fault| fault.name() == name);
            let broken = fault.map(|fault| format!("{:?}", [fault.rules(), fault.call_rules()]));
            (format!("fault {name} of the demo"), broken)
        }
        Shown::Test(name) => {
            let situation = behind(&format!("\"{name}\","), "\n        ),");
            let function = behind(&format!("fn {name}("), "\n}\n");
            // What a function is about it need not say by the rule's id.
            let is_function = situation.is_none() && function.is_some();
            if is_function {
                return None;
            }
            (format!("test {name}"), situation.map(str::to_owned))
        }
    };
    match text {
        None => Some(format!("there is no {what}")),
        Some(text) if is_about(&text) => None,
        Some(_) => Some(format!("{what} is about none of {}", listed(rules))),
    }
}

#[test]
fn what_shows_a_trouble_is_there_and_about_the_rules_that_name_it() {
    let mut wrong = Vec::new();
    for trouble in &RULESET.troubles {
        for seen in &trouble.seen {
            let complaints =
                seen.shown_by.iter().filter_map(|shown| wrong_with(shown, &seen.rules));
            wrong.extend(complaints.map(|complaint| format!("{}: {complaint}", trouble.id)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_that_names_a_trouble_is_shown_to_do_so() {
    for trouble in &RULESET.troubles {
        for seen in &trouble.seen {
            let (id, rules) = (&trouble.id, listed(&seen.rules));
            assert!(!seen.shown_by.is_empty(), "{id}: nothing shows {rules}");
        }
    }
}

#[test]
fn a_name_that_no_test_has_is_told() {
    let rules: Vec<RuleId> = vec!["signal/api-answers".parse().unwrap()];
    let wrong = |shown: Shown| wrong_with(&shown, &rules).unwrap();
    // In two parts, so that this file does not have the name either.
    let nobodys = ["nobody", "s"].concat();
    assert_eq!(
        wrong(Shown::Lab(nobodys.clone())),
        "there is no situation nobodys of the laboratory"
    );
    assert_eq!(wrong(Shown::Demo(nobodys.clone())), "there is no fault nobodys of the demo");
    assert_eq!(wrong(Shown::Test(nobodys)), "there is no test nobodys");
    assert_eq!(
        wrong(Shown::Lab("default/rtmp-plaintext".to_owned())),
        "situation default/rtmp-plaintext of the laboratory is about none of signal/api-answers"
    );
    assert_eq!(
        wrong(Shown::Demo("clock-off".to_owned())),
        "fault clock-off of the demo is about none of signal/api-answers"
    );
}

#[test]
fn the_rules_of_a_call_are_told_from_those_without_credentials() {
    let is_of_call = |id: &RuleId| RULESET.rule(id).unwrap().demand.is_of_call();
    for trouble in &RULESET.troubles {
        for seen in &trouble.seen {
            let kinds: BTreeSet<bool> = seen.rules.iter().map(is_of_call).collect();
            assert_eq!(kinds.len(), 1, "{}: {}", trouble.id, listed(&seen.rules));
        }
    }
}

#[test]
fn what_people_say_is_short_and_what_is_said_to_it_ends_with_a_full_stop() {
    for trouble in &RULESET.troubles {
        let said: BTreeSet<&String> = trouble.people_say.iter().collect();
        assert_eq!(said.len(), trouble.people_say.len(), "{}", trouble.id);
        for words in said {
            assert!(words.len() <= 72 && !words.ends_with('.'), "{words}");
        }
        for text in [Some(&trouble.cause), trouble.not_seen.as_ref()].into_iter().flatten() {
            assert!(text.ends_with('.'), "{}: {text}", trouble.id);
        }
    }
}

#[test]
fn the_words_of_issues_lead_to_their_causes() {
    let meant = |words: &str| -> Vec<&str> {
        let troubles = RULESET.troubles.iter();
        let meant = troubles.filter(|trouble| trouble.is_meant_by(words));
        meant.map(|trouble| trouble.id.as_str()).collect()
    };
    let table: [(&str, &[&str]); 7] = [
        ("waiting for media", &["waiting-for-media"]),
        ("701", &["no-turn-behind-443"]),
        (
            "ConnectionError: could not establish pc connection [InternalError]",
            &["waiting-for-media", "no-turn-behind-443"],
        ),
        ("restart loop", &["external-address-not-found"]),
        ("obs", &["rtmp-fails"]),
        (
            "error with ICE candidate: 701 Failed to establish connection \
             turns:turn.example.io:443?transport=tcp",
            &["no-turn-behind-443"],
        ),
        ("the moon", &[]),
    ];
    for (words, expected) in table {
        assert_eq!(meant(words), expected, "{words}");
    }
}

#[test]
fn eighty_columns_hold_every_trouble() {
    for trouble in &RULESET.troubles {
        let mut out = Vec::new();
        output::troubles::write(&[trouble], &RULESET.rules, &Style::default(), &mut out).unwrap();
        for line in String::from_utf8(out).unwrap().lines() {
            assert!(line.chars().count() <= 80, "{}: {line}", trouble.id);
        }
    }
}

// --- Generated ----------------------------------------------------------------------------------

#[test]
fn the_document_is_made_from_the_rules() {
    assert_kept("docs/troubles.md", &document());
}

const HEAD: &str = "\
# What people say when calls fail

Made from `rules/troubles.toml` (`OVCHECK_BLESS=1 cargo test --test troubles`). `ovcheck explain 701`
or `ovcheck explain \"waiting for media\"` finds a trouble by the words in which it is reported;
`ovcheck explain RULE` says what to do about it.

Ordered by the number of reports found in public issues of LiveKit, OpenVidu and projects built on them.
The last ones were not found in any report: they follow from the guide or were seen in the laboratory.
Faults of a user's own network are not covered by rules: on that network, `ovcheck call` names them.

- *From*: the network zone from which ovcheck must run to see it.
- *With credentials*: only a call shows it (`ovcheck call`, or `ovcheck check` with a token).
- *Shown by*: a situation of the laboratory (`cargo test --test lab -- NAME`), a fault of the demo
  (`ovcheck demo --fault NAME`), or another test.
- *Not seen*: what ovcheck cannot see of it, and why.
";

fn document() -> String {
    let mut text = HEAD.to_owned();
    for trouble in &RULESET.troubles {
        section(trouble, &mut text);
    }
    let count = RULESET.troubles.len();
    write!(text, "\n{count} troubles.\n").unwrap();
    text
}

fn section(trouble: &Trouble, text: &mut String) {
    let (first, others) = trouble.people_say.split_first().unwrap();
    write!(text, "\n## \"{first}\"\n\n").unwrap();
    if !others.is_empty() {
        let others: Vec<String> = others.iter().map(|said| format!("\"{said}\"")).collect();
        write!(text, "Also: {}.\n\n", others.join(", ")).unwrap();
    }
    writeln!(text, "{}", trouble.cause).unwrap();
    if !trouble.seen.is_empty() {
        text.push_str("\n| rule | from | shown by |\n| --- | --- | --- |\n");
        for seen in &trouble.seen {
            writeln!(text, "{}", row(seen)).unwrap();
        }
    }
    if let Some(why) = &trouble.not_seen {
        write!(text, "\n*Not seen.* {why}\n").unwrap();
    }
    if !trouble.reported_in.is_empty() {
        let threads: Vec<String> = trouble.reported_in.iter().map(|thread| link(thread)).collect();
        write!(text, "\nReported in {}.\n", threads.join(", ")).unwrap();
    }
}

fn row(seen: &Sighting) -> String {
    let rules: Vec<String> = seen.rules.iter().map(|rule| format!("`{rule}`")).collect();
    let shown: Vec<String> = seen.shown_by.iter().map(shown_by).collect();
    let place = place(seen, &RULESET.rules);
    let place = place.strip_prefix("from ").unwrap_or(&place);
    format!("| {} | {place} | {} |", rules.join("<br>"), shown.join("<br>"))
}

fn shown_by(shown: &Shown) -> String {
    match shown {
        Shown::Lab(name) => format!("laboratory: `{name}`"),
        Shown::Demo(name) => format!("demo: `{name}`"),
        Shown::Test(name) => format!("test: `{name}`"),
    }
}

/// `owner/repository#number` as a link to it.
fn link(thread: &str) -> String {
    if thread.starts_with("https://") {
        return format!("<{thread}>");
    }
    match thread.split_once('#') {
        Some((repository, number)) => {
            format!("[{thread}](https://github.com/{repository}/issues/{number})")
        }
        None => thread.to_owned(),
    }
}

fn listed(rules: &[RuleId]) -> String {
    let rules: Vec<&str> = rules.iter().map(RuleId::as_str).collect();
    rules.join(", ")
}
