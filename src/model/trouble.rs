//! What people report of a deployment that is wrong, and which rules name its cause.

use super::face::Face;
use super::rule::{Rule, RuleId};
use super::vantage::Zone;

/// A trouble, as people report it. Only ever made by `ruleset` from `rules/troubles.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub id: String,
    /// In the words of those who report it; never empty, the most telling ones first.
    pub people_say: Vec<String>,
    /// More that people paste: for the search, not to be shown.
    pub words: Vec<String>,
    /// Numbers that mean it where a status or an error is named, or alone: `502`.
    pub codes: Vec<String>,
    /// Why it is so: some sentences.
    pub cause: String,
    /// What to do first.
    pub first: Option<String>,
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
    /// Whether `rule` names its cause.
    pub fn is_named_by(&self, rule: &RuleId) -> bool {
        self.seen.iter().any(|seen| seen.rules.contains(rule))
    }

    /// All phrases that mean it: what people say, then what they paste.
    pub fn phrases(&self) -> impl Iterator<Item = &String> {
        self.people_say.iter().chain(&self.words)
    }
}

/// The answer to what somebody pastes.
#[derive(Debug, Default)]
pub struct Found<'a> {
    /// The most telling first.
    pub troubles: Vec<Meant<'a>>,
    pub rules: Vec<&'a Rule>,
    /// Who is known to answer so in the place of LiveKit.
    pub faces: Vec<&'a Face>,
}

/// A trouble, and the phrase by which it was found.
#[derive(Debug, Clone, Copy)]
pub struct Meant<'a> {
    pub trouble: &'a Trouble,
    /// `None`: by a code or by a part of a phrase.
    pub phrase: Option<&'a str>,
}

impl Found<'_> {
    pub fn is_empty(&self) -> bool {
        self.troubles.is_empty() && self.rules.is_empty() && self.faces.is_empty()
    }
}
