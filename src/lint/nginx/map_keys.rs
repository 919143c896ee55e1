//! The keys of a `map` block, as nginx takes them in: one after the other.

use std::collections::HashSet;

use super::tree::Directive;

/// What a key takes. Names are in small letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MapKey {
    /// Exactly this value.
    Exact(String),
    /// Names below this one (`*.x`), and with `.x` the name itself.
    Below { name: String, with_itself: bool },
    /// Names that begin with this one and a dot (`x.*`).
    Beginning(String),
    /// A regular expression (`~…`, `~*…`).
    Pattern(String),
    /// Everything else.
    Default,
    /// nginx does not start with it.
    Invalid,
}

/// The entries that have a value, with their keys. A wildcard is one only behind `hostnames`. What stands for a
/// file, a secret or a parameter has no key.
pub fn map_keys(entries: &[Directive]) -> impl Iterator<Item = (&Directive, MapKey)> {
    let mut has_hostnames = false;
    entries.iter().filter_map(move |entry| {
        if entry.args.is_empty() {
            has_hostnames |= entry.is("hostnames");
            return None;
        }
        // Secrets were dropped while they were read.
        let is_hidden =
            entry.name.text.is_empty() && entry.name.span.end - entry.name.span.start > 2;
        let has_key = entry.args.len() == 1 && !is_hidden && !entry.is("include");
        has_key.then(|| (entry, map_key(&entry.name.text, has_hostnames)))
    })
}

fn map_key(text: &str, has_hostnames: bool) -> MapKey {
    if text == "default" {
        return MapKey::Default;
    }
    if let Some(pattern) = text.strip_prefix('~') {
        return MapKey::Pattern(pattern.to_owned());
    }
    // `\default` and `\~x` are values.
    let key = text.strip_prefix('\\').unwrap_or(text).to_ascii_lowercase();
    if !has_hostnames {
        return MapKey::Exact(key);
    }
    let stars = key.matches('*').count();
    if stars > 1 || key.contains("..") {
        return MapKey::Invalid;
    }
    match (key.strip_prefix('.'), key.strip_prefix("*."), key.strip_suffix(".*")) {
        (Some(name), _, _) if !name.is_empty() => {
            MapKey::Below { name: name.to_owned(), with_itself: true }
        }
        (_, Some(name), _) if !name.is_empty() => {
            MapKey::Below { name: name.to_owned(), with_itself: false }
        }
        (_, _, Some(name)) if !name.is_empty() => MapKey::Beginning(name.to_owned()),
        _ if stars > 0 => MapKey::Invalid,
        _ => MapKey::Exact(key),
    }
}

/// Which of them takes `value`, which is in small letters: one that is equal, else the longest wildcard at the
/// beginning, else the longest at the end.
pub fn taking<'t>(keys: &[(&'t Directive, MapKey)], value: &str) -> Option<&'t Directive> {
    let is_equal = |key: &MapKey| match key {
        MapKey::Exact(key) => key == value,
        MapKey::Below { name, with_itself } => *with_itself && name == value,
        _ => false,
    };
    let below = |key: &MapKey| match key {
        MapKey::Below { name, .. } => value
            .strip_suffix(name.as_str())
            .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            .then_some(name.len()),
        _ => None,
    };
    let beginning = |key: &MapKey| match key {
        MapKey::Beginning(name) => value
            .strip_prefix(name.as_str())
            .is_some_and(|rest| rest.len() > 1 && rest.starts_with('.'))
            .then_some(name.len()),
        _ => None,
    };
    let longest = |length: &dyn Fn(&MapKey) -> Option<usize>| {
        let all = keys.iter().filter_map(|(entry, key)| Some((length(key)?, *entry)));
        all.max_by_key(|(length, _)| *length).map(|(_, entry)| entry)
    };
    let equal = keys.iter().find(|(_, key)| is_equal(key)).map(|(entry, _)| *entry);
    equal.or_else(|| longest(&below)).or_else(|| longest(&beginning))
}

/// The keys that are taken already when another one of the same comes.
#[derive(Default)]
pub struct TakenKeys {
    exact: HashSet<String>,
    below: HashSet<String>,
    beginning: HashSet<String>,
    has_default: bool,
}

impl TakenKeys {
    /// Whether the key is new. `.x` also takes the place of `x` and of `*.x`.
    pub fn add(&mut self, key: &MapKey) -> bool {
        match key {
            MapKey::Exact(key) => self.exact.insert(key.clone()),
            MapKey::Below { name, with_itself } => {
                let is_new = !with_itself || self.exact.insert(name.clone());
                self.below.insert(name.clone()) && is_new
            }
            MapKey::Beginning(name) => self.beginning.insert(name.clone()),
            MapKey::Default => !std::mem::replace(&mut self.has_default, true),
            MapKey::Pattern(_) | MapKey::Invalid => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_one_only_behind_hostnames() {
        let below = |name: &str, with_itself| MapKey::Below { name: name.to_owned(), with_itself };
        for (text, literal, wild) in [
            ("*.Example.io", "*.example.io", below("example.io", false)),
            (".example.io", ".example.io", below("example.io", true)),
            ("turn.*", "turn.*", MapKey::Beginning("turn".to_owned())),
            ("\\default", "default", MapKey::Exact("default".to_owned())),
            ("", "", MapKey::Exact(String::new())),
            (".", ".", MapKey::Exact(".".to_owned())),
            ("*", "*", MapKey::Invalid),
            ("*.", "*.", MapKey::Invalid),
            ("a.*.io", "a.*.io", MapKey::Invalid),
            ("*.a.*", "*.a.*", MapKey::Invalid),
            ("a..io", "a..io", MapKey::Invalid),
        ] {
            assert_eq!(map_key(text, false), MapKey::Exact(literal.to_owned()), "{text}");
            assert_eq!(map_key(text, true), wild, "{text}");
        }
        assert_eq!(map_key("~*\\.io$", true), MapKey::Pattern("*\\.io$".to_owned()));
        assert_eq!(map_key("default", false), MapKey::Default);
    }

    #[test]
    fn a_key_with_a_dot_takes_the_place_of_two() {
        let mut taken = TakenKeys::default();
        let mut add = |text: &str| taken.add(&map_key(text, true));
        assert!(add(".io") && add("~io") && add("~io") && add("a.*") && add("default"));
        assert!(!add("io") && !add("*.io") && !add("A.*") && !add("default"));
        assert!(add("\\default") && add("a.io"));
    }
}
