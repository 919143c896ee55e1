//! The names of the deployment in its own files.

use super::{
    Config, ConfigSeen, Held, Judgement, all_of, differs, missing, no_file, not_a, unclear, wrong,
};
use crate::model::facts::{ServerText, Setting, SettingsKind};
use crate::model::name::DomainName;
use crate::model::plan::NotAsked;
use crate::model::rule::Service;
use crate::model::seen::ValueKind;
use crate::model::verdict::Severity;

pub(super) fn domain(case: &Config<'_>) -> Judgement {
    let wanted = &case.deployment.domain;
    let Some(file) = case.files(SettingsKind::OpenviduEnv).last() else {
        return no_file(SettingsKind::OpenviduEnv);
    };
    match Held::of(case.variable("DOMAIN_NAME")) {
        Held::Absent => missing(file, "DOMAIN_NAME", wanted.as_str()),
        Held::Text(text, setting) => match text.parse::<DomainName>() {
            Ok(name) if name == *wanted => Judgement::pass(ConfigSeen::Right),
            Ok(_) => differs(setting, text, wanted.as_str()),
            Err(_) => not_a(setting, ValueKind::Domain),
        },
        Held::Unclear(setting) => unclear(setting),
    }
}

pub(super) fn turn_domain(case: &Config<'_>) -> Judgement {
    let in_env = case.variable("LIVEKIT_TURN_DOMAIN_NAME");
    let in_livekit =
        case.files(SettingsKind::Livekit).filter_map(|file| file.setting("turn.domain"));
    let mut settings: Vec<&Setting> = Vec::new();
    for setting in in_env.into_iter().chain(in_livekit) {
        // A value that comes from a variable is judged where the variable is set.
        if !settings.iter().any(|known| {
            known.origin().line == setting.origin().line
                && known.origin().file == setting.origin().file
        }) {
            settings.push(setting);
        }
    }
    let texts: Vec<&Setting> =
        settings.iter().copied().filter(|it| !matches!(Held::of(Some(it)), Held::Absent)).collect();
    match (&case.deployment.turn_domain, texts.is_empty()) {
        (None, true) => Judgement::not_applicable(NotAsked::NoTurnDomain),
        (Some(wanted), true) => {
            let kinds = [SettingsKind::OpenviduEnv, SettingsKind::Livekit];
            let file = kinds.iter().find_map(|kind| case.files(*kind).last());
            let key = |kind| match kind {
                SettingsKind::OpenviduEnv => "LIVEKIT_TURN_DOMAIN_NAME",
                _ => "turn.domain",
            };
            file.map_or_else(
                || no_file(SettingsKind::OpenviduEnv),
                |file| missing(file, key(file.kind), wanted.as_str()),
            )
        }
        (_, false) => {
            let judged = texts.iter().filter_map(|setting| turn_name(case, setting));
            all_of(judged.collect(), ConfigSeen::Right)
        }
    }
}

fn turn_name(case: &Config<'_>, setting: &Setting) -> Option<Judgement> {
    let Held::Text(text, _) = Held::of(Some(setting)) else { return Some(unclear(setting)) };
    let Ok(name) = text.parse::<DomainName>() else {
        return Some(not_a(setting, ValueKind::Domain));
    };
    if name == case.deployment.domain {
        return Some(wrong(setting, ConfigSeen::TurnDomainIsDomain));
    }
    match &case.deployment.turn_domain {
        Some(wanted) if name == *wanted => None,
        Some(wanted) => Some(differs(setting, text, wanted.as_str())),
        None => {
            let seen = ConfigSeen::NotDeclared(ServerText::new(text));
            Some(wrong(setting, seen).of_severity(Severity::Warning))
        }
    }
}

pub(super) fn ingress_urls(case: &Config<'_>) -> Judgement {
    let domain = &case.deployment.domain;
    let rtmps = case.ruleset.endpoint_of(Service::Rtmp).map(|endpoint| endpoint.port);
    case.in_livekit(ConfigSeen::Right, |file| {
        let url = |key: &str, scheme: &str, port: Option<u16>| {
            let setting = match Held::of(file.setting(key)) {
                Held::Absent => return None,
                Held::Unclear(setting) => return Some(unclear(setting)),
                Held::Text(_, setting) => setting,
            };
            let url = UrlParts::of(setting.text()?)?;
            let is_right = url.scheme.eq_ignore_ascii_case(scheme)
                && url.host.eq_ignore_ascii_case(domain.as_str())
                && (port.is_none() || url.port == port);
            let authority = match port {
                Some(port) => [domain.as_str(), ":", &port.to_string()].concat(),
                None => domain.to_string(),
            };
            let wanted = [scheme, "://", &authority, url.path].concat();
            (!is_right).then(|| differs(setting, setting.text().unwrap_or_default(), &wanted))
        };
        let rtmp = url("ingress.rtmp_base_url", "rtmps", rtmps.map(|port| port.number()));
        let whip = url("ingress.whip_base_url", "https", None);
        rtmp.into_iter().chain(whip).collect()
    })
}

/// The parts of a URL that names a service.
pub(super) struct UrlParts<'a> {
    pub scheme: &'a str,
    pub host: &'a str,
    pub port: Option<u16>,
    pub path: &'a str,
}

impl<'a> UrlParts<'a> {
    pub fn of(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()),
            None => (authority, None),
        };
        Some(Self { scheme, host, port, path })
    }
}
