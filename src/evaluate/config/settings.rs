//! Secrets, modules, the engine, and what applications depend on.

use super::names::UrlParts;
use super::{
    Config, ConfigSeen, Held, Judgement, Value, all_of, differs, missing, no_file, parsed, truth,
    unclear, wrong,
};
use crate::model::deployment::{Edition, Module, RtcEngine, Said};
use crate::model::facts::{
    OpenviduFacts, SecretMark, ServerText, Setting, SettingValue, SettingsKind,
};
use crate::model::word_list::WordList;

/// LiveKit calls a shorter one insecure.
const SHORTEST_SECRET: u32 = 32;

fn mark(setting: &Setting) -> Option<&SecretMark> {
    match &setting.value {
        SettingValue::Secret(mark) => Some(mark),
        _ => None,
    }
}

pub(super) fn secrets(case: &Config<'_>) -> Judgement {
    let own = case.variable("LIVEKIT_API_SECRET");
    let keys: Vec<&Setting> =
        case.files(SettingsKind::Livekit).flat_map(|file| file.all("keys.*")).collect();
    if own.is_none() && keys.is_empty() {
        return no_file(SettingsKind::OpenviduEnv);
    }
    let short = |setting: &Setting| {
        let length = mark(setting)?.length;
        let judge = || wrong(setting, ConfigSeen::ShortSecret { length });
        (length < SHORTEST_SECRET).then(judge)
    };
    // A secret of a variable is judged where the variable is set.
    let written_here = keys.iter().filter(|setting| setting.comes_from.is_none());
    let mut judged: Vec<Judgement> =
        own.into_iter().chain(written_here.copied()).filter_map(short).collect();
    if let (Some(secret), Some(first)) = (own.and_then(mark), keys.first()) {
        let has_it = keys.iter().filter_map(|key| mark(key)).any(|mark| mark == secret);
        let are_known = keys.iter().all(|key| mark(key).is_some());
        if !has_it && are_known {
            judged.push(wrong(first, ConfigSeen::SecretsDiffer));
        }
    }
    all_of(judged, ConfigSeen::Right)
}

pub(super) fn modules(case: &Config<'_>) -> Judgement {
    let edition = case.deployment.edition;
    let (text, setting) = match Held::of(case.variable("ENABLED_MODULES")) {
        Held::Absent => return no_file(SettingsKind::OpenviduEnv),
        Held::Unclear(setting) => return unclear(setting),
        Held::Text(text, setting) => (text, setting),
    };
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    let is_known = |word: &&str| {
        Module::from_word(word).is_some_and(|module| edition.modules().contains(&module))
    };
    let unknown = words.clone().filter(|word| !is_known(word)).map(|word| {
        wrong(setting, ConfigSeen::UnknownModule { name: ServerText::new(word), edition })
    });
    let mut judged: Vec<Judgement> = unknown.collect();
    if let Said::Listed(declared) = &case.deployment.modules {
        let set: std::collections::BTreeSet<Module> = words.filter_map(Module::from_word).collect();
        if judged.is_empty() && set != *declared {
            let declared: Vec<&str> = declared.iter().map(|module| module.word()).collect();
            judged.push(differs(setting, text, &declared.join(",")));
        }
    }
    all_of(judged, ConfigSeen::Right)
}

pub(super) fn engine(case: &Config<'_>) -> Judgement {
    let wanted = case.deployment.rtc_engine;
    let in_livekit =
        case.files(SettingsKind::Livekit).filter_map(|file| file.setting("openvidu.rtc.engine"));
    let all: Vec<&Setting> =
        case.variable("OPENVIDU_RTC_ENGINE").into_iter().chain(in_livekit).collect();
    let judge = |setting: &&Setting| match Held::of(Some(setting)) {
        Held::Text(text, _) if RtcEngine::from_word(text) != Some(wanted) => {
            Some(differs(setting, text, wanted.word()))
        }
        Held::Unclear(setting) => Some(unclear(setting)),
        Held::Text(..) | Held::Absent => None,
    };
    let pass = if all.is_empty() { ConfigSeen::DefaultIsRight } else { ConfigSeen::Right };
    all_of(all.iter().filter_map(judge).collect(), pass)
}

pub(super) fn relay_quota(case: &Config<'_>) -> Judgement {
    /// Two peer connections, each by two ways, while an interrupted one is replaced.
    const FEWEST: u32 = 4;
    case.in_livekit(ConfigSeen::DefaultIsRight, |file| {
        let key = "turn.per_user_relay_allocation_limit";
        let limit = parsed(file, key, |text| text.parse::<u32>().ok());
        match limit {
            // Without a limit.
            Value::Is(number, at) if number > 0 && number < FEWEST => {
                vec![wrong(at, ConfigSeen::TooFew(number))]
            }
            _ => Vec::new(),
        }
    })
}

/// Limits that LiveKit has by itself, in bytes.
const USUAL_LIMITS: [(&str, u64); 2] =
    [(LARGEST_REQUEST, LARGEST_BY_ITSELF), ("limit.signal_message_size_limit", 2 << 20)];
/// The same of requests to the API.
pub(in crate::evaluate) const LARGEST_BY_ITSELF: u64 = 10 << 20;

/// The largest request to the API that LiveKit reads.
const LARGEST_REQUEST: &str = "limit.max_api_request_body_size";

/// Whether LiveKit takes requests and messages as large as it does by itself.
pub(super) fn request_sizes(case: &Config<'_>) -> Judgement {
    case.in_livekit(ConfigSeen::DefaultIsRight, |file| {
        let judge = |(key, usual): &(&str, u64)| {
            match parsed(file, key, |text| text.parse::<u64>().ok()) {
                Value::Is(bytes, at) if bytes > 0 && bytes < *usual => {
                    Some(wrong(at, ConfigSeen::SmallerThanUsual { bytes, usual: *usual }))
                }
                Value::Unclear(setting) => Some(unclear(setting)),
                // A negative number is as no limit.
                _ => None,
            }
        };
        USUAL_LIMITS.iter().filter_map(judge).collect()
    })
}

/// The largest request to the API that LiveKit reads by these files, in bytes, and where it is set. `None`: they
/// do not set it.
pub(in crate::evaluate) fn largest_request(facts: &OpenviduFacts) -> Option<(u64, &Setting)> {
    let sizes = facts.of_kind(SettingsKind::Livekit).filter_map(|file| {
        match parsed(file, LARGEST_REQUEST, |text| text.parse::<u64>().ok()) {
            Value::Is(bytes, at) if bytes > 0 => Some((bytes, at)),
            _ => None,
        }
    });
    sizes.max_by_key(|(bytes, _)| *bytes)
}

pub(super) fn trusted_proxy(case: &Config<'_>) -> Judgement {
    let Some(file) = case.files(SettingsKind::MeetEnv).last() else {
        return no_file(SettingsKind::MeetEnv);
    };
    let is_trusted = match truth(file, "SERVER_TRUST_PROXY") {
        Value::Is(is, _) => is,
        // The number of proxies, or their addresses.
        Value::Not(_) | Value::Unclear(_) => true,
        Value::Absent => false,
    };
    if is_trusted {
        return Judgement::pass(ConfigSeen::Right);
    }
    match file.setting("SERVER_TRUST_PROXY") {
        Some(setting) => differs(setting, setting.text().unwrap_or_default(), "true"),
        None => missing(file, "SERVER_TRUST_PROXY", "true"),
    }
}

/// Since 3.6, OpenVidu Meet has a path of its own, so that the paths of the domain are left to an application.
pub(super) fn meet_path(case: &Config<'_>) -> Judgement {
    if case.deployment.edition < Edition::V3_6 {
        return Judgement::not_applicable(ConfigSeen::Right);
    }
    let Some(file) = case.files(SettingsKind::MeetEnv).last() else {
        return no_file(SettingsKind::MeetEnv);
    };
    match Held::of(file.setting("MEET_BASE_PATH")) {
        Held::Absent => Judgement::pass(ConfigSeen::DefaultIsRight),
        Held::Unclear(setting) => unclear(setting),
        Held::Text("/", setting) => wrong(setting, ConfigSeen::MeetAtRoot),
        Held::Text(text, setting) if !text.starts_with('/') => {
            differs(setting, text, &["/", text].concat())
        }
        Held::Text(..) => Judgement::pass(ConfigSeen::Right),
    }
}

pub(super) fn webhooks(case: &Config<'_>) -> Judgement {
    let domain = case.deployment.domain.as_str();
    case.in_livekit(ConfigSeen::Right, |file| {
        let by_public_name = |setting: &&Setting| {
            let parts = setting.text().and_then(UrlParts::of);
            parts.is_some_and(|url| url.host.eq_ignore_ascii_case(domain))
        };
        let judge = |setting: &Setting| {
            let is = ServerText::new(setting.text().unwrap_or_default());
            wrong(setting, ConfigSeen::AddressOfNoNode(is))
        };
        file.all("webhook.urls[]").filter(by_public_name).map(judge).collect()
    })
}
