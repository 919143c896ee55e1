//! The containers.

use super::{Config, ConfigSeen, Judgement, Transport, all_of, no_file, wrong};
use crate::model::deployment::Edition;
use crate::model::facts::{ServerText, Setting, SettingsFile, SettingsKind};
use crate::model::rule::Service;
use crate::model::word_list::WordList;

/// The service of a setting of `docker-compose.yaml`.
fn service_of(setting: &Setting) -> Option<&str> {
    setting.key.unquoted().strip_prefix("services.")?.split('.').next()
}

fn settings<'a>(file: &'a SettingsFile, last: &'a str) -> impl Iterator<Item = &'a Setting> {
    file.settings.iter().filter(move |it| it.key.unquoted().rsplit('.').next() == Some(last))
}

/// Whether LiveKit runs in this service: by its name, or by its image.
fn is_livekit(file: &SettingsFile, service: &str) -> bool {
    let image = file.setting(&["services.", service, ".image"].concat()).and_then(Setting::text);
    let is_server =
        |text: &str| ["openvidu-server", "livekit-server"].iter().any(|name| text.contains(name));
    matches!(service, "openvidu" | "livekit" | "openvidu-server") && image.is_none_or(is_server)
        || image.is_some_and(is_server)
}

pub(super) fn network(case: &Config<'_>) -> Judgement {
    let mut files = case.files(SettingsKind::Compose).peekable();
    if files.peek().is_none() {
        return no_file(SettingsKind::Compose);
    }
    let turn = case.table_port(Transport::Udp, Service::TurnUdp);
    let mut judged = Vec::new();
    for file in files {
        let images = settings(file, "image").filter_map(|it| Some((service_of(it)?, it)));
        for (service, image) in images.filter(|(service, _)| is_livekit(file, service)) {
            let mode = file.setting(&["services.", service, ".network_mode"].concat());
            if mode.and_then(Setting::text) != Some("host") {
                judged.push(wrong(mode.unwrap_or(image), ConfigSeen::NotHostNetwork));
            }
        }
        let others = settings(file, "ports[]")
            .filter(|it| service_of(it).is_some_and(|service| !is_livekit(file, service)));
        for setting in others {
            let text = setting.text().unwrap_or_default();
            let published = text.strip_suffix("/udp").and_then(|text| text.rsplit(':').nth(1));
            let is_taken = turn.is_some_and(|port| published == Some(port.to_string().as_str()));
            if is_taken {
                judged.push(wrong(setting, ConfigSeen::PublishesPort(ServerText::new(text))));
            }
        }
    }
    all_of(judged, ConfigSeen::Right)
}

/// Whether OpenVidu's own Caddy leaves the port of users, and TLS, to the external proxy.
pub(super) fn tls_at_proxy(case: &Config<'_>) -> Judgement {
    let mut files = case.files(SettingsKind::Caddy).peekable();
    if files.peek().is_none() {
        return no_file(SettingsKind::Caddy);
    }
    let of_users = case.ruleset.endpoint_of(Service::LivekitApi).map(|endpoint| endpoint.port);
    let behind = case.ruleset.port_behind_proxy(case.deployment, Service::LivekitApi);
    let mut judged = Vec::new();
    for file in files {
        for setting in file.settings.iter().filter(|it| it.key.unquoted().ends_with(LISTEN)) {
            let Some(ports) = setting.tcp_ports() else { continue };
            if let Some(port) = of_users.filter(|port| ports.contains(*port)) {
                judged.push(wrong(setting, ConfigSeen::HasPortOfProxy(port)));
            }
            let server = setting.key.unquoted().strip_suffix(LISTEN).unwrap_or_default();
            let policies = file.setting(&[server, ".tls_connection_policies"].concat());
            if let (Some(port), Some(at)) = (behind.filter(|it| ports.contains(*it)), policies) {
                judged.push(wrong(at, ConfigSeen::EndsTls(port)));
            }
        }
    }
    all_of(judged, ConfigSeen::Right)
}

/// The last word of the addresses at which a server of Caddy listens.
const LISTEN: &str = ".listen[]";

/// The version in `docker.io/openvidu/openvidu-server:3.9.0`.
fn version_of(image: &str) -> Option<&str> {
    let (_, image) = image.split_once("openvidu/openvidu-")?;
    let (_, tag) = image.split_once(':')?;
    let tag = tag.split('@').next().unwrap_or(tag);
    tag.starts_with(|c: char| c.is_ascii_digit()).then_some(tag)
}

fn minor_of(version: &str) -> Option<u32> {
    version.split('.').nth(1).and_then(|minor| minor.parse().ok())
}

/// The edition of the version that is installed: that of the images. Without them, the declared one.
pub(super) fn installed_edition(case: &Config<'_>) -> Edition {
    let images = case.files(SettingsKind::Compose).flat_map(|file| settings(file, "image"));
    let minor = images.filter_map(|it| minor_of(version_of(it.text()?)?)).next();
    let Some(minor) = minor else { return case.deployment.edition };
    let is_not_newer = |edition: &&Edition| minor_of(edition.word()) <= Some(minor);
    Edition::ALL.iter().rfind(is_not_newer).copied().unwrap_or(case.deployment.edition)
}

pub(super) fn versions(case: &Config<'_>) -> Judgement {
    let files = case.files(SettingsKind::Compose);
    let images = files.flat_map(|file| settings(file, "image"));
    let versions: Vec<(&str, &Setting)> =
        images.filter_map(|it| Some((version_of(it.text()?)?, it))).collect();
    let Some((_, first)) = versions.first() else {
        return no_file(SettingsKind::Compose);
    };
    let mut names: Vec<ServerText> =
        versions.iter().map(|(version, _)| ServerText::new(version)).collect();
    names.sort();
    names.dedup();
    if names.len() > 1 {
        return wrong(first, ConfigSeen::Versions(names));
    }
    let edition = case.deployment.edition;
    let is_of_edition = |version: &str| {
        let (own, declared) = (minor_of(version), minor_of(edition.word()));
        // For a newer one, the newest edition is the right one.
        own == declared || (edition == Edition::NEWEST && own > declared)
    };
    let others: Vec<Judgement> = versions
        .iter()
        .filter(|(version, _)| !is_of_edition(version))
        .take(1)
        .map(|(_, setting)| wrong(setting, ConfigSeen::Versions(names.clone())))
        .collect();
    all_of(others, ConfigSeen::Versions(names.clone()))
}
