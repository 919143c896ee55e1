//! The sentences of a letter to the administrator of a network, as far as a result of a user's browser can need them: as data, in
//! the languages of the page for users.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::model::language::Language;

/// The sentences of one language, by their keys.
pub struct Sentences(BTreeMap<String, String>);

fn read(json: &str) -> Sentences {
    Sentences(serde_json::from_str(json).expect("the tests read it"))
}

static EN: LazyLock<Sentences> =
    LazyLock::new(|| read(include_str!("../../../assets/letter/en.json")));
static DE: LazyLock<Sentences> =
    LazyLock::new(|| read(include_str!("../../../assets/letter/de.json")));
static ES: LazyLock<Sentences> =
    LazyLock::new(|| read(include_str!("../../../assets/letter/es.json")));
static FR: LazyLock<Sentences> =
    LazyLock::new(|| read(include_str!("../../../assets/letter/fr.json")));

impl Sentences {
    /// Those of a language.
    pub fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &EN,
            Language::De => &DE,
            Language::Es => &ES,
            Language::Fr => &FR,
        }
    }

    /// A sentence, with the values of its placeholders. A value is not searched for placeholders.
    pub fn say(&self, key: &str, values: &[(&str, &str)]) -> String {
        let sentence = self.0.get(key).map_or(key, String::as_str);
        let mut said = String::with_capacity(sentence.len());
        let mut rest = sentence;
        while let Some((before, behind)) = rest.split_once('{') {
            said.push_str(before);
            let (name, after) = behind.split_once('}').unwrap_or((behind, ""));
            let value = values.iter().find(|(known, _)| *known == name);
            said.push_str(value.map_or("", |(_, value)| value));
            rest = after;
        }
        said.push_str(rest);
        said
    }

    /// `a`, `a and b`, `a, b and c`.
    pub fn list(&self, parts: &[String]) -> String {
        match parts {
            [] => String::new(),
            [one] => one.clone(),
            [first @ .., last] => format!("{} {} {last}", first.join(", "), self.say("and", &[])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placeholders(text: &str) -> Vec<&str> {
        let mut names: Vec<&str> = (text.split('{').skip(1))
            .map(|behind| behind.split('}').next().unwrap_or_default())
            .collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_language_has_every_sentence_with_the_same_placeholders() {
        for language in Language::ALL {
            let sentences = Sentences::of(language);
            let keys: Vec<&String> = sentences.0.keys().collect();
            assert_eq!(keys, EN.0.keys().collect::<Vec<_>>(), "{language}");
            for (key, text) in &sentences.0 {
                assert!(!text.trim().is_empty(), "{language} {key}");
                assert_eq!(placeholders(text), placeholders(&EN.0[key]), "{language} {key}");
            }
        }
    }

    #[test]
    fn a_value_is_no_template() {
        let said = EN.say("server-at-fault", &[("domain", "{operator}"), ("operator", "X")]);
        assert!(said.contains("the server of {operator}.") && said.ends_with("tell X."), "{said}");
    }
}
