//! What people paste → the troubles that it means, and the rules that it names.
//!
//! A text is words in lower case without signs, and without those that say nothing ([`FILLERS`]).
//! First, a phrase of a trouble stands in the text: its words in their order, with at most one other
//! between two of them. Otherwise, the text is a part of a phrase, or of the id and title of a rule.

use std::collections::BTreeSet;

use super::Ruleset;
use crate::model::face::Face;
use crate::model::rule::Rule;
use crate::model::trouble::{Found, Meant, Trouble};

/// How many troubles an answer has at most.
const AT_MOST: usize = 4;

/// As many letters a code is worth besides its digits.
const CODE: usize = 6;

/// Words that say nothing about a trouble, in the order of the alphabet.
const FILLERS: &[&str] = &[
    "a", "about", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be",
    "been", "but", "by", "can", "could", "did", "do", "does", "during", "for", "from", "get",
    "gets", "getting", "got", "had", "has", "have", "he", "her", "his", "i", "if", "in", "into",
    "is", "it", "its", "just", "me", "my", "of", "on", "or", "our", "so", "still", "that", "the",
    "their", "them", "then", "there", "they", "this", "to", "us", "very", "was", "we", "were",
    "what", "when", "which", "while", "why", "will", "with", "would", "you", "your",
];

/// Words that stand in many phrases and titles, so that alone they mean nothing.
const COMMON: &[&str] = &[
    "address",
    "application",
    "browser",
    "client",
    "closed",
    "connect",
    "connected",
    "connection",
    "each",
    "error",
    "fail",
    "failed",
    "failing",
    "fails",
    "failure",
    "first",
    "machine",
    "made",
    "message",
    "name",
    "names",
    "network",
    "no",
    "not",
    "off",
    "one",
    "only",
    "open",
    "other",
    "out",
    "page",
    "port",
    "program",
    "request",
    "response",
    "right",
    "server",
    "service",
    "site",
    "time",
    "too",
    "try",
    "up",
    "use",
    "user",
    "users",
    "used",
    "valid",
    "without",
    "work",
    "works",
    "wrong",
    "now",
];

/// Words before or behind a number that make it the code of an answer or an error.
const BESIDE_A_CODE: &[&str] = &[
    "answer",
    "close",
    "closed",
    "closeevent",
    "code",
    "err",
    "error",
    "errorcode",
    "failed",
    "http",
    "https",
    "reason",
    "response",
    "responded",
    "returned",
    "returns",
    "status",
    "statuscode",
    "websocket",
];

impl Ruleset {
    /// What `text` means: a line from a log, an error, or words for what goes wrong.
    pub fn search(&self, text: &str) -> Found<'_> {
        let asked = plain(text);
        if asked.is_empty() {
            return Found::default();
        }
        let mut scored: Vec<(usize, Meant<'_>)> =
            self.troubles.iter().filter_map(|trouble| said_in(trouble, text, &asked)).collect();
        scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        if let Some((best, _)) = scored.first() {
            let enough = best / 2;
            let telling = scored.iter().filter(|(score, _)| *score > enough);
            let troubles = telling.map(|(_, meant)| *meant).take(AT_MOST).collect();
            return Found { troubles, ..Found::default() };
        }
        let telling = asked.iter().any(|word| !is_common(word));
        if !telling {
            return Found::default();
        }
        let is_part =
            |trouble: &&Trouble| trouble.phrases().any(|phrase| holds_all(&plain(phrase), &asked));
        let troubles = self.troubles.iter().filter(is_part);
        let troubles = troubles.map(|trouble| Meant { trouble, phrase: None });
        let is_named = |rule: &&Rule| holds_all(&words_of(rule), &asked);
        Found {
            troubles: troubles.take(AT_MOST).collect(),
            rules: self.rules.iter().filter(is_named).collect(),
            faces: self.faces.iter().filter(|face| is_face(face, text, &asked)).collect(),
        }
    }
}

/// The least letters of words that tell who answers: shorter ones stand in many texts.
const TELLING: usize = 6;

/// Whether a text has words of an answer by which somebody is known, or is their name.
fn is_face(face: &Face, text: &str, asked: &[String]) -> bool {
    let text = text.to_lowercase();
    let is_said = |words: &String| words.len() >= TELLING && text.contains(words.as_str());
    face.signs.words().any(is_said) || holds_all(&plain(&face.who), asked)
}

/// A trouble that stands in the text: how much of the text its phrases and codes cover, in letters,
/// and the longest of these phrases.
fn said_in<'a>(trouble: &'a Trouble, text: &str, asked: &[String]) -> Option<(usize, Meant<'a>)> {
    if trouble.id == text.trim() {
        return Some((usize::MAX, Meant { trouble, phrase: None }));
    }
    let mut covered = BTreeSet::new();
    let mut longest: Option<&str> = None;
    for phrase in trouble.phrases() {
        if let Some(places) = places_in(&plain(phrase), asked) {
            covered.extend(places);
            longest = longest.filter(|known| known.len() >= phrase.len()).or(Some(phrase));
        }
    }
    let codes = trouble.codes.iter().filter_map(|code| place_of_code(code, asked));
    let codes: Vec<usize> = codes.collect();
    covered.extend(&codes);
    let letters: usize = covered.iter().map(|place| asked[*place].len()).sum();
    let score = letters + CODE * codes.len();
    (score > 0).then_some((score, Meant { trouble, phrase: longest }))
}

/// The words of a text in lower case, without signs and fillers; a negation is `not`.
fn plain(text: &str) -> Vec<String> {
    let text = text.to_lowercase().replace(['\'', '\u{2019}'], "");
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty() && FILLERS.binary_search(word).is_err());
    words
        .map(|word| match word {
            "cannot" | "cant" | "couldnt" | "didnt" | "doesnt" | "dont" | "isnt" | "wont"
            | "arent" => "not",
            other => other,
        })
        .map(str::to_owned)
        .collect()
}

/// Where the words of `phrase` stand in `text` in their order, with at most one other between two.
fn places_in(phrase: &[String], text: &[String]) -> Option<Vec<usize>> {
    let (first, rest) = phrase.split_first()?;
    let begins = text.iter().enumerate().filter(|(_, word)| *word == first);
    let places_from = |(begin, _): (usize, &String)| {
        let mut places = vec![begin];
        for wanted in rest {
            let last = places[places.len() - 1];
            let next = [last + 1, last + 2].into_iter().find(|at| text.get(*at) == Some(wanted));
            places.push(next?);
        }
        Some(places)
    };
    begins.filter_map(places_from).next()
}

/// Where the number stands in the text as a code: alone, or near a word that says so.
fn place_of_code(code: &str, text: &[String]) -> Option<usize> {
    let is_beside = |at: usize| {
        let near = text.iter().enumerate();
        let mut near = near.filter(|(other, _)| *other != at && other.abs_diff(at) <= 4);
        near.any(|(_, word)| BESIDE_A_CODE.contains(&word.as_str()))
    };
    let mut places = text.iter().enumerate().filter(|(_, word)| *word == code);
    places.find(|(at, _)| text.len() == 1 || is_beside(*at)).map(|(at, _)| at)
}

fn holds_all(all: &[String], some: &[String]) -> bool {
    some.iter().all(|word| all.contains(word))
}

fn is_common(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_digit()) || word.len() < 3 || COMMON.contains(&word)
}

/// The words of its id, its former ids and its title.
fn words_of(rule: &Rule) -> Vec<String> {
    let ids = std::iter::once(&rule.id).chain(&rule.formerly).map(|id| id.as_str());
    let reasons = rule.texts.by_reason.keys().map(|reason| reason.as_str());
    plain(&ids.chain([rule.title.as_str()]).chain(reasons).collect::<Vec<_>>().join(" "))
}
