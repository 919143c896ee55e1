//! The keys that LiveKit knows in `livekit.yaml`, by version.

use std::fmt;
use std::str::FromStr;

use super::deployment::Edition;

/// A version of LiveKit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LivekitVersion([u16; 3]);

impl FromStr for LivekitVersion {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('.').map(|part| part.parse().map_err(drop));
        let mut next = || parts.next().unwrap_or(Err(()));
        let version = Self([next()?, next()?, next()?]);
        if parts.next().is_some() { Err(()) } else { Ok(version) }
    }
}

impl fmt::Display for LivekitVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// Some keys, and the versions that know them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyGroup {
    /// The indices of the first and the last of [`LivekitKeys::versions`] that know them.
    pub since: usize,
    pub until: usize,
    pub names: Vec<(String, ValueType)>,
}

/// What LiveKit reads a value as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    Text,
    Truth,
    /// A whole number: whether it has a sign, and of how many bits.
    Integer {
        is_signed: bool,
        bits: u8,
    },
    Number,
    Duration,
    List,
    Map,
    Any,
}

impl FromStr for ValueType {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Ok(match word {
            "text" => Self::Text,
            "truth" => Self::Truth,
            "number" => Self::Number,
            "duration" => Self::Duration,
            "list" => Self::List,
            "map" => Self::Map,
            "any" => Self::Any,
            integer => {
                let (is_signed, rest) = match integer.strip_prefix('u') {
                    Some(rest) => (false, rest),
                    None => (true, integer),
                };
                let bits = match rest.strip_prefix("int").ok_or(())? {
                    "" => 64,
                    bits => bits.parse().map_err(drop)?,
                };
                Self::Integer { is_signed, bits }
            }
        })
    }
}

/// Keys that OpenVidu added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedKeys {
    /// The first edition that is known to have them.
    pub since: Edition,
    /// The first edition that may have them.
    pub not_before: Edition,
    pub names: Vec<String>,
}

/// All keys by version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LivekitKeys {
    /// The versions whose source was read, oldest first.
    pub versions: Vec<LivekitVersion>,
    pub groups: Vec<KeyGroup>,
    pub added: Vec<AddedKeys>,
    /// Which LiveKit is in which OpenVidu.
    pub releases: Vec<(Edition, LivekitVersion)>,
}

/// Whether a version knows a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKnowledge {
    Known,
    Unknown,
    /// The key came or went between two versions whose source was read, and the version is between them.
    NotSaid,
}

impl LivekitKeys {
    /// The LiveKit in an edition of OpenVidu.
    pub fn version_in(&self, edition: Edition) -> Option<LivekitVersion> {
        self.releases.iter().find(|(of, _)| *of == edition).map(|(_, version)| *version)
    }

    /// Whether the LiveKit of this edition of OpenVidu knows a key.
    pub fn knows(&self, key: &str, edition: Edition) -> KeyKnowledge {
        let added = self.added.iter().find(|added| is_one_of(&added.names, key));
        match added {
            Some(added) if added.since <= edition => return KeyKnowledge::Known,
            Some(added) if added.not_before <= edition => return KeyKnowledge::NotSaid,
            Some(_) | None => {}
        }
        let version = self.version_in(edition);
        version.map_or(KeyKnowledge::NotSaid, |version| self.knows_in(key, version))
    }

    /// Whether a version of LiveKit, as its authors publish it, knows a key.
    pub fn knows_in(&self, key: &str, version: LivekitVersion) -> KeyKnowledge {
        let before = self.versions.iter().rposition(|known| *known <= version);
        let behind = self.versions.iter().position(|known| *known >= version);
        let is_known = |index: usize| {
            let has = |group: &&KeyGroup| (group.since..=group.until).contains(&index);
            let mut names = self.groups.iter().filter(has).flat_map(|group| &group.names);
            names.any(|(name, _)| matches(name, key))
        };
        match (before.map(is_known), behind.map(is_known)) {
            (Some(true), Some(true) | None) | (None, Some(true)) => KeyKnowledge::Known,
            (Some(false), Some(false)) => KeyKnowledge::Unknown,
            _ => KeyKnowledge::NotSaid,
        }
    }

    /// What a version of LiveKit reads the value of a key as, where that is known.
    pub fn type_in(&self, key: &str, version: LivekitVersion) -> ValueType {
        let before = self.versions.iter().rposition(|known| *known <= version);
        let behind = self.versions.iter().position(|known| *known >= version);
        let of = |index: Option<usize>| {
            let has = |group: &&KeyGroup| {
                index.is_some_and(|index| (group.since..=group.until).contains(&index))
            };
            let mut names = self.groups.iter().filter(has).flat_map(|group| &group.names);
            names.find(|(name, _)| matches(name, key)).map(|(_, kind)| *kind)
        };
        match (of(before), of(behind)) {
            // An item of a list has not the type of the list.
            _ if key.ends_with("[]") => ValueType::Any,
            (Some(one), Some(other)) if one == other => one,
            (Some(one), None) if behind.is_none() => one,
            _ => ValueType::Any,
        }
    }

    /// The keys of this edition beside `key`: those in the same section.
    pub fn beside<'a>(&'a self, key: &str, edition: Edition) -> Vec<&'a str> {
        let section = key.rsplit_once('.').map_or("", |(section, _)| section);
        let all = self.groups.iter().flat_map(|group| &group.names).map(|(name, _)| name);
        let all = all.chain(self.added.iter().flat_map(|added| &added.names));
        all.map(String::as_str)
            .filter(|name| name.rsplit_once('.').map_or("", |(section, _)| section) == section)
            .filter(|name| !name.ends_with('*'))
            .filter(|name| self.knows(name, edition) == KeyKnowledge::Known)
            .collect()
    }

    /// The sections of this edition that have a key of this name.
    pub fn sections_with(&self, name: &str, edition: Edition) -> Vec<&str> {
        let all = self.groups.iter().flat_map(|group| &group.names).map(|(name, _)| name);
        let places = all.map(String::as_str).filter_map(|key| {
            let (section, last) = key.rsplit_once('.').unwrap_or(("", key));
            (last == name && self.knows(key, edition) == KeyKnowledge::Known).then_some(section)
        });
        places.collect()
    }
}

fn is_one_of(names: &[String], key: &str) -> bool {
    names.iter().any(|name| matches(name, key))
}

/// Whether a key is one of a pattern's: `*` is any word, `**` any words.
fn matches(pattern: &str, key: &str) -> bool {
    let (mut words, mut keys) = (pattern.split('.'), key.split('.'));
    loop {
        match (words.next(), keys.next()) {
            (None, None) => return true,
            (Some("**"), Some(_)) => return true,
            (Some(word), Some(key)) if word == key => {}
            // An item of a list is written behind its name.
            (Some(word), Some(key)) if word == "*" && !key.is_empty() => {}
            (Some(word), Some(key)) if key.strip_suffix("[]") == Some(word) => {
                // The items of a list of texts have no keys.
                return words.next().is_none() && keys.next().is_none();
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_any_key_and_items_of_lists() {
        for (pattern, key, is_match) in [
            ("turn.domain", "turn.domain", true),
            ("turn", "turn.domain", false),
            ("keys.*", "keys.x", true),
            ("openvidu.**", "openvidu.rtc.engine", true),
            ("openvidu.**", "openvidu", false),
            ("rtc.stun_servers", "rtc.stun_servers[]", true),
            ("rtc.turn_servers[].host", "rtc.turn_servers[].host", true),
            ("room.room_configurations.*.**", "room.room_configurations.a.egress.room", true),
        ] {
            assert_eq!(matches(pattern, key), is_match, "{pattern} {key}");
        }
    }

    #[test]
    fn between_two_versions_a_new_key_is_not_judged() {
        let version = |text: &str| text.parse::<LivekitVersion>().unwrap();
        let group = |since, until, name: &str| KeyGroup {
            since,
            until,
            names: vec![(name.to_owned(), ValueType::Any)],
        };
        let keys = LivekitKeys {
            versions: vec![version("1.8.4"), version("1.9.12")],
            groups: vec![group(0, 1, "port"), group(1, 1, "new"), group(0, 0, "old")],
            ..LivekitKeys::default()
        };
        for (key, at, known) in [
            ("port", "1.9.0", KeyKnowledge::Known),
            ("port", "1.10.0", KeyKnowledge::Known),
            ("new", "1.8.4", KeyKnowledge::Unknown),
            ("new", "1.9.0", KeyKnowledge::NotSaid),
            ("new", "1.9.12", KeyKnowledge::Known),
            ("old", "1.9.0", KeyKnowledge::NotSaid),
            ("old", "1.9.12", KeyKnowledge::Unknown),
            ("none", "1.9.0", KeyKnowledge::Unknown),
            ("none", "1.10.0", KeyKnowledge::NotSaid),
        ] {
            assert_eq!(keys.knows_in(key, version(at)), known, "{key} {at}");
        }
    }
}
