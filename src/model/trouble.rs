//! What people report of a deployment that is wrong, and which rules name its cause.

use super::rule::RuleId;
use super::vantage::Zone;

/// A trouble, as people report it. Only ever made by `ruleset` from `rules/troubles.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub id: String,
    /// In the words of those who report it; never empty, the most telling ones first.
    pub people_say: Vec<String>,
    /// Why it is so: some sentences.
    pub cause: String,
    /// Where it was reported: `owner/repository#number`, a URL, or a document; empty: it follows from
    /// the guide, or was seen in the laboratory.
    pub reported_in: Vec<String>,
    pub seen: Vec<Sighting>,
    /// What of it cannot be seen from where we stand, and why. There where [`Self::seen`] is empty.
    pub not_seen: Option<String>,
}

/// Rules that name the cause of a trouble, from somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Never empty.
    pub rules: Vec<RuleId>,
    /// Where one has to stand; empty: anywhere.
    pub from: Vec<Zone>,
    /// What shows it; may be empty.
    pub shown_by: Vec<Shown>,
}

/// Something in which a trouble can be seen, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// A situation of the laboratory (`tests/lab`).
    Lab(String),
    /// A fault of `ovcheck demo`.
    Demo(String),
    /// Another test, or a situation of one.
    Test(String),
}

impl Trouble {
    /// Whether somebody who says `words` may mean this one: all of them stand in what people say, or
    /// all that people say stands in them.
    pub fn is_meant_by(&self, words: &str) -> bool {
        let asked = plain(words);
        let is_said = |said: &String| {
            let said = plain(said);
            is_within(&asked, &said) || is_within(&said, &asked)
        };
        self.id == words || self.people_say.iter().any(is_said)
    }

    /// Whether `rule` names its cause.
    pub fn is_named_by(&self, rule: &RuleId) -> bool {
        self.seen.iter().any(|seen| seen.rules.contains(rule))
    }
}

/// The words of a text in lower case, without signs.
fn plain(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

fn is_within(some: &[String], all: &[String]) -> bool {
    !some.is_empty() && some.iter().all(|word| all.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns() -> Trouble {
        Trouble {
            id: "no-turn-behind-443".to_owned(),
            people_say: vec![
                "701 Failed to establish connection".to_owned(),
                "could not establish pc connection".to_owned(),
            ],
            cause: String::new(),
            reported_in: Vec::new(),
            seen: Vec::new(),
            not_seen: None,
        }
    }

    #[test]
    fn a_trouble_is_found_by_a_part_of_what_people_say_and_by_more_than_that() {
        for words in [
            "701",
            "Error 701: failed to establish connection turns:turn.example.io:443?transport=tcp",
            "could not establish PC connection [InternalError]",
            "no-turn-behind-443",
        ] {
            assert!(turns().is_meant_by(words), "{words}");
        }
        for words in ["", "?!", "702", "could not establish signal connection"] {
            assert!(!turns().is_meant_by(words), "{words}");
        }
    }
}
