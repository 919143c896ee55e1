//! Whether OpenVidu can read its files at all: their form, their keys, their variables.

use super::services::installed_edition;
use super::{Config, Judgement, about, all_of, replaced, unclear, wrong};
use crate::model::facts::{FileFault, Setting, SettingValue, SettingsFile, ValueForm};
use crate::model::livekit_keys::{KeyKnowledge, LivekitVersion, ValueType};
use crate::model::reason::ReasonCode;
use crate::model::remedy::Edit;
use crate::model::seen::{ConfigSeen, MeantKey, ValueKind};

pub(super) fn is_read(case: &Config<'_>) -> Judgement {
    let files = &case.facts.files;
    let violation = |(file, fault): (&SettingsFile, &FileFault)| {
        Judgement::fail(ReasonCode::ConfigurationUnreadable, ConfigSeen::Fault(fault.what.clone()))
            .located([fault.at.clone()])
            .at(about(&fault.at, &file.path))
    };
    let faults = files.iter().flat_map(|file| file.faults.iter().map(move |fault| (file, fault)));
    all_of(faults.map(violation).collect(), ConfigSeen::AllRead { files: files.len() })
}

pub(super) fn keys_are_known(case: &Config<'_>) -> Judgement {
    let edition = installed_edition(case);
    let Some(version) = case.ruleset.livekit_keys.version_in(edition) else {
        return Judgement::not_applicable(ConfigSeen::Right);
    };
    let livekit = version.to_string();
    case.in_livekit(ConfigSeen::AllKeysKnown { livekit }, |file| {
        let mut unknown: Vec<&str> = Vec::new();
        let mut judgements = Vec::new();
        for setting in &file.settings {
            let key = setting.key.unquoted();
            // What is below an unknown key, or in the same list again, is no violation of its own.
            let is_below = unknown.iter().any(|above| is_in(key, above));
            if is_below || key.ends_with("[]") {
                continue;
            }
            if let Some(judgement) = unknown_key(case, setting, version) {
                unknown.push(key);
                judgements.push(judgement);
            }
        }
        judgements
    })
}

/// Whether a key is another one, or below it.
fn is_in(key: &str, above: &str) -> bool {
    let rest = key.strip_prefix(above);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn unknown_key(case: &Config<'_>, setting: &Setting, version: LivekitVersion) -> Option<Judgement> {
    let keys = &case.ruleset.livekit_keys;
    let (key, livekit) = (setting.key.unquoted(), version.to_string());
    match keys.knows(key, installed_edition(case)) {
        KeyKnowledge::Known => None,
        KeyKnowledge::Unknown => {
            let seen = ConfigSeen::UnknownKey { livekit, meant: meant(case, key, version) };
            let judgement = Judgement::fail(ReasonCode::ConfigurationKeyUnknown, seen)
                .located([setting.key_at.clone()])
                .at(about(&setting.key_at, &setting.key));
            Some(judgement)
        }
        KeyKnowledge::NotSaid => {
            let seen = ConfigSeen::KeyOfOtherVersion { livekit };
            let judgement = Judgement::unsettled(ReasonCode::ConfigurationUndecided, seen)
                .located([setting.key_at.clone()])
                .at(about(&setting.key_at, &setting.key));
            Some(judgement)
        }
    }
}

/// What a key was probably meant to be.
fn meant(case: &Config<'_>, key: &str, version: LivekitVersion) -> Option<MeantKey> {
    let (keys, edition) = (&case.ruleset.livekit_keys, installed_edition(case));
    let known = |of: &&LivekitVersion| keys.knows_in(key, **of) == KeyKnowledge::Known;
    let newer = keys.versions.iter().filter(|of| **of > version).find(known);
    if let Some(newer) = newer {
        return Some(MeantKey::Since(newer.to_string()));
    }
    let older = keys.versions.iter().filter(|of| **of < version).rfind(known);
    if let Some(older) = older {
        return Some(MeantKey::Until(older.to_string()));
    }
    let name = key.rsplit('.').next().unwrap_or(key);
    let sections = keys.sections_with(name, edition);
    if let [section] = sections[..] {
        return Some(MeantKey::In(section.to_owned()));
    }
    let beside = keys.beside(key, edition);
    let names = beside.iter().map(|key| key.rsplit('.').next().unwrap_or(key));
    crate::ruleset::similar(name, names).map(|it| MeantKey::Called(it.to_owned()))
}

/// LiveKit refuses a file in which a value is of another type.
pub(super) fn values_have_their_types(case: &Config<'_>) -> Judgement {
    let keys = &case.ruleset.livekit_keys;
    let Some(version) = keys.version_in(installed_edition(case)) else {
        return Judgement::not_applicable(ConfigSeen::Right);
    };
    case.in_livekit(ConfigSeen::Right, |file| {
        let judge = |setting: &Setting| {
            let kind = keys.type_in(setting.key.unquoted(), version);
            let is_known = !matches!(setting.value, SettingValue::Unexpanded(_));
            let judge = || {
                let judgement = wrong(setting, ConfigSeen::OtherType { wanted: type_name(kind) });
                judgement.mended_by(without_quotes(setting, kind))
            };
            (is_known && !fits(setting.form, kind)).then(judge)
        };
        file.settings.iter().filter_map(judge).collect()
    })
}

/// The same number or truth, not as a text.
fn without_quotes(setting: &Setting, kind: ValueType) -> Option<Edit> {
    let text = setting.text()?;
    let is_one = match kind {
        ValueType::Integer { .. } => text.parse::<u32>().is_ok(),
        ValueType::Truth => matches!(text, "true" | "false"),
        _ => false,
    };
    is_one.then(|| replaced(&setting.at, text)).flatten()
}

fn fits(form: ValueForm, kind: ValueType) -> bool {
    match (kind, form) {
        (ValueType::Any, _) | (_, ValueForm::Nothing) => true,
        (ValueType::Text, form) => !matches!(form, ValueForm::List | ValueForm::Map),
        (ValueType::Truth, form) => matches!(form, ValueForm::Truth | ValueForm::TruthWord),
        (
            ValueType::Integer { is_signed, bits },
            ValueForm::Integer { is_negative, bits: needed },
        ) => {
            let room = if is_signed { bits - 1 } else { bits };
            (is_signed || !is_negative) && needed <= room
        }
        // LiveKit cuts it to a whole number.
        (ValueType::Integer { .. }, form) => form == ValueForm::Number,
        (ValueType::Number, form) => {
            matches!(form, ValueForm::Integer { .. } | ValueForm::Number)
        }
        (ValueType::Duration, form) => form == ValueForm::Duration,
        (ValueType::List, form) => form == ValueForm::List,
        (ValueType::Map, form) => form == ValueForm::Map,
    }
}

fn type_name(kind: ValueType) -> ValueKind {
    match kind {
        ValueType::Text | ValueType::Any => ValueKind::Text,
        ValueType::Truth => ValueKind::Truth,
        ValueType::Integer { .. } => ValueKind::WholeNumber,
        ValueType::Number => ValueKind::Number,
        ValueType::Duration => ValueKind::Duration,
        ValueType::List => ValueKind::List,
        ValueType::Map => ValueKind::Map,
    }
}

pub(super) fn variables_are_set(case: &Config<'_>) -> Judgement {
    let files = case.facts.files.iter();
    let settings = files.flat_map(|file| &file.settings);
    let judgement = |setting: &Setting| {
        use crate::model::facts::VariableTrouble;
        let SettingValue::Unexpanded(variable) = &setting.value else { return None };
        Some(match variable.why {
            VariableTrouble::FileNotRead => unclear(setting),
            VariableTrouble::NotSet | VariableTrouble::Mandatory | VariableTrouble::Malformed => {
                wrong(setting, ConfigSeen::Variable(variable.clone()))
            }
        })
    };
    all_of(settings.filter_map(judgement).collect(), ConfigSeen::AllVariablesSet)
}
