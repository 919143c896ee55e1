//! Rules about OpenVidu's own configuration (`rules/config.toml`).

mod addresses;
mod form;
mod names;
mod ports;
mod services;
mod settings;

pub(in crate::evaluate) use settings::{LARGEST_BY_ITSELF, largest_request};

use super::judgement::{Judged, Judgement, Place};
use super::view::View;
use crate::model::configuration::Location;
use crate::model::deployment::{Deployment, Node, NodeRole};
use crate::model::facts::{
    OpenviduFacts, ServerText, Setting, SettingValue, SettingsFile, SettingsKind,
};
use crate::model::port::{Port, PortRange, Transport};
use crate::model::reason::ReasonCode;
use crate::model::remedy::{Change, Edit};
use crate::model::rule::{ConfigAspect, Demand, Scope, Service};
use crate::model::seen::{ConfigSeen, ValueKind};
use crate::model::target::SettingTarget;
use crate::ruleset::Ruleset;

/// Judges a rule about OpenVidu's own configuration.
pub(super) fn judge(view: &View<'_>) -> Judged {
    let facts = view.openvidu_configuration()?;
    let Demand::OpenviduConfiguration(aspect) = &view.rule.demand else {
        unreachable!("only rules about OpenVidu's configuration are judged here")
    };
    let case = Config { facts, deployment: view.case.deployment, ruleset: view.case.ruleset };
    let judgements = match aspect {
        ConfigAspect::Form => form::is_read(&case),
        ConfigAspect::Keys => form::keys_are_known(&case),
        ConfigAspect::Types => form::values_have_their_types(&case),
        ConfigAspect::Variables => form::variables_are_set(&case),
        ConfigAspect::Domain => names::domain(&case),
        ConfigAspect::TurnDomain => names::turn_domain(&case),
        ConfigAspect::IngressUrls => names::ingress_urls(&case),
        ConfigAspect::TurnBehindProxy => ports::turn_behind_proxy(&case),
        ConfigAspect::TurnUdpPort => ports::turn_udp(&case),
        ConfigAspect::MediaRange => ports::media_range(&case),
        ConfigAspect::RelayRange => ports::relay_range(&case),
        ConfigAspect::RangeOrder => ports::ranges_in_order(&case),
        ConfigAspect::PortsApart => ports::ports_apart(&case),
        ConfigAspect::IceTcp => ports::ice_tcp(&case),
        ConfigAspect::NodeAddress => addresses::node_address(&case),
        ConfigAspect::ExternalAddress => addresses::external_address(&case),
        ConfigAspect::LocalAddresses => addresses::local_addresses(&case),
        ConfigAspect::RelayPeers => addresses::relay_peers(&case),
        ConfigAspect::RelayAddress => addresses::relay_address(&case),
        ConfigAspect::ProxyHeader => addresses::proxy_header(&case),
        ConfigAspect::Secrets => settings::secrets(&case),
        ConfigAspect::Modules => settings::modules(&case),
        ConfigAspect::Engine => settings::engine(&case),
        ConfigAspect::RelayQuota => settings::relay_quota(&case),
        ConfigAspect::TrustedProxy => settings::trusted_proxy(&case),
        ConfigAspect::MeetPath => settings::meet_path(&case),
        ConfigAspect::Webhooks => settings::webhooks(&case),
        ConfigAspect::ContainerNetwork => services::network(&case),
        ConfigAspect::Versions => services::versions(&case),
        ConfigAspect::TlsAtProxy => services::tls_at_proxy(&case),
        ConfigAspect::RequestSizes => settings::request_sizes(&case),
    };
    Ok(judgements)
}

/// What the rules look at.
struct Config<'a> {
    facts: &'a OpenviduFacts,
    deployment: &'a Deployment,
    ruleset: &'a Ruleset,
}

/// What a file says about a key.
enum Held<'a> {
    /// Nothing, or nothing stands behind it.
    Absent,
    Text(&'a str, &'a Setting),
    /// It names a variable without a value, or is in no form that is read.
    Unclear(&'a Setting),
}

impl<'a> Held<'a> {
    fn of(setting: Option<&'a Setting>) -> Self {
        let Some(setting) = setting else { return Self::Absent };
        match &setting.value {
            SettingValue::Text(text) => Self::Text(text.unquoted(), setting),
            SettingValue::Empty => Self::Absent,
            _ => Self::Unclear(setting),
        }
    }
}

/// A number or truth that a file says.
pub(super) enum Value<'a, T> {
    Absent,
    Is(T, &'a Setting),
    Not(&'a Setting),
    Unclear(&'a Setting),
}

impl<'a> Config<'a> {
    fn files(&self, kind: SettingsKind) -> impl Iterator<Item = &'a SettingsFile> + use<'a> {
        self.facts.files.iter().filter(move |file| file.kind == kind)
    }

    /// A variable of `openvidu.env`, where the last file that sets it counts.
    fn variable(&self, name: &str) -> Option<&'a Setting> {
        self.files(SettingsKind::OpenviduEnv).filter_map(|file| file.setting(name)).last()
    }

    /// What `judge` finds wrong in each `livekit.yaml`.
    fn in_livekit(
        &self,
        seen: ConfigSeen,
        judge: impl Fn(&'a SettingsFile) -> Vec<Judgement>,
    ) -> Judgement {
        let mut files = self.files(SettingsKind::Livekit).peekable();
        if files.peek().is_none() {
            return no_file(SettingsKind::Livekit);
        }
        all_of(files.flat_map(judge).collect(), seen)
    }

    /// The role of the machines on which LiveKit runs.
    fn livekit_role(&self) -> NodeRole {
        match self.deployment.topology.backend() {
            NodeRole::Openvidu => NodeRole::Openvidu,
            _ => NodeRole::Media,
        }
    }

    fn livekit_nodes(&self) -> impl Iterator<Item = &'a Node> + use<'a> {
        self.deployment.nodes_of(self.livekit_role())
    }

    /// The ports that the tables name for a service of LiveKit; `None`: those of media.
    fn table_ports(&self, transport: Transport, service: Option<Service>) -> Option<PortRange> {
        let role = self.livekit_role();
        self.ruleset.rules.iter().find_map(|rule| {
            let (Demand::PortRow(row), Scope::Ports(scope)) = (&rule.demand, &rule.scope) else {
                return None;
            };
            let is_it = scope.transport == transport
                && scope.roles.contains(&role)
                && row.service == service
                && row.of(self.deployment).next().is_some()
                && (service.is_some() || scope.ports.count() > 1);
            is_it.then_some(scope.ports)
        })
    }

    fn table_port(&self, transport: Transport, service: Service) -> Option<Port> {
        self.table_ports(transport, Some(service))?.single()
    }
}

/// A truth that a file says.
pub(super) fn truth<'a>(file: &'a SettingsFile, key: &str) -> Value<'a, bool> {
    // YAML 1.1, as LiveKit's parser reads what should be a truth.
    parsed(file, key, |text| match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Some(true),
        "false" | "no" | "off" | "n" => Some(false),
        _ => None,
    })
}

/// A port. 0 is none.
fn port<'a>(file: &'a SettingsFile, key: &str) -> Value<'a, u16> {
    match parsed(file, key, |text| text.parse().ok()) {
        Value::Is(0, _) => Value::Absent,
        value => value,
    }
}

fn parsed<'a, T>(
    file: &'a SettingsFile,
    key: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Value<'a, T> {
    match Held::of(file.setting(key)) {
        Held::Absent => Value::Absent,
        Held::Text(text, setting) => match parse(text) {
            Some(value) => Value::Is(value, setting),
            None => Value::Not(setting),
        },
        Held::Unclear(setting) => Value::Unclear(setting),
    }
}

/// Violations if there are any, otherwise what could not be settled, otherwise a pass.
fn all_of(judgements: Vec<Judgement>, pass: ConfigSeen) -> Judgement {
    use crate::model::verdict::Verdict;
    let (violations, others): (Vec<_>, Vec<_>) =
        judgements.into_iter().partition(|it| matches!(it.verdict, Verdict::Fail(_)));
    let rest = others.into_iter().next().unwrap_or_else(|| Judgement::pass(pass));
    Judgement::several(violations).unwrap_or(rest)
}

fn no_file(kind: SettingsKind) -> Judgement {
    Judgement::vantage_limit(ReasonCode::ConfigurationUndecided, ConfigSeen::NoFile(kind))
}

/// A violation of a setting: the place that has to be changed comes first.
fn wrong(setting: &Setting, seen: ConfigSeen) -> Judgement {
    let places = [Some(setting.origin()), Some(&setting.at)].into_iter().flatten().cloned();
    let mut locations: Vec<Location> = places.collect();
    locations.dedup();
    Judgement::fail(ReasonCode::ConfigurationSettingWrong, seen)
        .located(locations)
        .at(about(&setting.at, &setting.key))
}

/// A violation of a setting with the value that it must have.
fn differs(setting: &Setting, is: &str, wanted: &str) -> Judgement {
    let seen =
        ConfigSeen::Differs { is: Some(ServerText::new(is)), wanted: ServerText::new(wanted) };
    wrong(setting, seen).mended_by(replaced(setting.origin(), wanted))
}

/// A violation by a setting that is not there, in the section of `livekit.yaml` that should have it.
fn missing(file: &SettingsFile, key: &str, wanted: &str) -> Judgement {
    let seen = ConfigSeen::Differs { is: None, wanted: ServerText::new(wanted) };
    let judgement = Judgement::fail(ReasonCode::ConfigurationSettingWrong, seen);
    let name = ServerText::new(key);
    if let Some(setting) = file.setting(key) {
        // It is there, with nothing behind it.
        return judgement.located([setting.origin().clone()]).at(about(&setting.at, &name));
    }
    let section = key.rsplit_once('.').map_or("", |(section, _)| section);
    let file_at = SettingTarget { file: file.path.clone(), name };
    let place = Place { setting: Some(file_at), ..Place::default() };
    match file.setting(section) {
        Some(section_at) => judgement
            .located([section_at.key_at.clone()])
            .mended_by(inserted(file, section_at, key, wanted))
            .at(place),
        None => judgement.at(place),
    }
}

/// A value that is not of its kind.
fn not_a(setting: &Setting, kind: ValueKind) -> Judgement {
    let is = ServerText::new(setting.text().unwrap_or_default());
    wrong(setting, ConfigSeen::NotA { is, kind })
}

/// A value that cannot be known.
fn unclear(setting: &Setting) -> Judgement {
    let seen = match &setting.value {
        SettingValue::Unexpanded(variable) => ConfigSeen::Variable(variable.clone()),
        _ => ConfigSeen::NotA { is: ServerText::default(), kind: ValueKind::Address },
    };
    Judgement::unsettled(ReasonCode::ConfigurationUndecided, seen)
        .located([setting.at.clone()])
        .at(about(&setting.at, &setting.key))
}

fn about(at: &Location, name: &ServerText) -> Place {
    let setting = SettingTarget { file: at.file.clone(), name: name.clone() };
    Place { setting: Some(setting), ..Place::default() }
}

/// A line behind the one of its section, indented as the others are.
fn inserted(file: &SettingsFile, section: &Setting, key: &str, value: &str) -> Option<Edit> {
    section.key_at.text.as_ref()?;
    let is_below = |it: &&Setting| {
        let rest = it.key.unquoted().strip_prefix(section.key.unquoted());
        rest.is_some_and(|rest| rest.starts_with('.'))
    };
    let beside = file.settings.iter().find(is_below);
    // A section in braces has no line of its own for the key.
    let is_block = beside.is_none_or(|it| it.key_at.line > section.key_at.line);
    let column = beside.map_or(section.key_at.column + 4, |it| it.key_at.column);
    let name = key.rsplit('.').next().unwrap_or(key);
    let indent = " ".repeat(column.saturating_sub(1) as usize);
    let line = ServerText::new(&[&indent, name, ": ", value].concat());
    let at = section.key_at.clone();
    is_block.then(|| Edit { at, change: Change::InsertBehind(vec![line]) })
}

/// The line with another value in the place of its own.
fn replaced(at: &Location, value: &str) -> Option<Edit> {
    let line = at.text.as_ref()?.unquoted();
    let before: String = line.chars().take(at.column.saturating_sub(1) as usize).collect();
    let line = ServerText::new(&[&before, value].concat());
    Some(Edit { at: at.clone(), change: Change::Replace(vec![line]) })
}
