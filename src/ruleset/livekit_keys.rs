//! `livekit-keys.toml` → the keys that LiveKit knows.

use serde_spanned::Spanned;

use super::files::RuleFile;
use super::raw::{LivekitKeysFile, RawAddedKeys, RawKeyGroup};
use super::shared::{Converted, parse};
use crate::complaint::{Complaint, suggest};
use crate::model::livekit_keys::{AddedKeys, KeyGroup, LivekitKeys, LivekitVersion, ValueType};

/// Converts the file of keys and adds its contents.
pub(super) fn add(file: &RuleFile, into: &mut Converted) -> Result<(), Complaint> {
    let raw: LivekitKeysFile = parse(file)?;
    let versions: Vec<LivekitVersion> =
        raw.versions.iter().map(|text| version(file, text)).collect::<Result<_, _>>()?;
    let group = |raw: &RawKeyGroup| -> Result<KeyGroup, Complaint> {
        let index = |text: &Spanned<String>| {
            let version = version(file, text)?;
            versions.iter().position(|known| *known == version).ok_or_else(|| {
                file.complaint(text.span(), "a version that is not in \"versions\"", "not listed")
                    .with_help("use one of them, or add it")
            })
        };
        let since = index(&raw.since)?;
        let newest = versions.len().saturating_sub(1);
        let until = raw.until.as_ref().map_or(Ok(newest), index)?;
        let names = raw.names.iter().map(|line| key_of(file, line)).collect::<Result<_, _>>()?;
        Ok(KeyGroup { since, until, names })
    };
    let added = |raw: &RawAddedKeys| AddedKeys {
        since: raw.since,
        not_before: raw.not_before.unwrap_or(raw.since),
        names: raw.names.clone(),
    };
    let groups = raw.keys.iter().map(group).collect::<Result<_, _>>()?;
    let releases = raw.release.iter().map(|it| Ok((it.openvidu, version(file, &it.livekit)?)));
    let releases = releases.collect::<Result<_, Complaint>>()?;
    let added = raw.added.iter().map(added).collect();
    into.livekit_keys = LivekitKeys { versions, groups, added, releases };
    Ok(())
}

/// `turn.tls_port int`: a key, and what its value has to be.
fn key_of(file: &RuleFile, line: &Spanned<String>) -> Result<(String, ValueType), Complaint> {
    let parts = line.get_ref().split_once(' ');
    let key = parts.and_then(|(key, kind)| Some((key.to_owned(), kind.parse().ok()?)));
    key.ok_or_else(|| {
        file.complaint(line.span(), "not a key and a type", "no type")
            .with_help("write the key, a blank, and the type, such as \"turn.tls_port int\"")
    })
}

/// The known word that a name was most likely meant to be.
pub fn similar<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    suggest(name, known)
}

fn version(file: &RuleFile, text: &Spanned<String>) -> Result<LivekitVersion, Complaint> {
    text.get_ref().parse().map_err(|()| {
        file.complaint(text.span(), "not a version of LiveKit", "not a version")
            .with_help("use three numbers, such as \"1.13.7\"")
    })
}
