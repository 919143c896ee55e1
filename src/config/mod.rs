//! Flags, environment and deployment file → [`RunConfig`]. The only module that creates a
//! [`Deployment`].
//!
//! Every [`RunConfig`] is valid. Invalid input is a [`Complaint`] that names the flag, the variable
//! or the line, and says how to correct it.

mod credentials;
mod elsewhere;
mod file;
mod flags;
mod http_proxy;
pub mod installation;
mod lines;
mod nodes;
mod nodes_list;
mod options;
mod responder;
pub mod saved;
pub mod serve;
mod sources;
mod sweep;
mod trust;
pub mod value;
mod warning;
mod written;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_spanned::Spanned;

use crate::complaint::{Complaint, Place, help_for_unknown};
use crate::model::configuration::ProxyKind;
use crate::model::context::{
    ConfigLines, CredentialKind, InputFiles, RunCommand, RunContext, RunOptions,
};
use crate::model::deployment::{
    Deployment, Edition, Feature, Module, Modules, Policy, RtcEngine, Topology, Uses,
};
use crate::model::dial::{DialMap, HttpProxy, Resolve, StunServer};
use crate::model::edition::{ChosenBy, EditionChoice};
use crate::model::name::{DomainName, NodeName};
use crate::model::probe::{CallDepth, ExtentLimits, UdpRate};
use crate::model::secret::Credentials;
use crate::model::selection::Selection;
use crate::model::vantage::Zone;

pub use elsewhere::file_for_another_machine;
pub use file::{DEFAULT_PATH, DeploymentFile, FileChoice, find};
pub use flags::{Flags, SOURCES_HELP};
pub use nodes_list::machines;
pub use options::CheckOptions;
pub use responder::{Responder, responders, token_in as responder_token};
pub use trust::is_of_this_user;
pub use warning::{Warning, word_of_shell};
pub use written::{FileNotes, PrivateOnly, deployment_file, with_absolute_paths};

use file::FileShape;
use http_proxy::Choice;
use sources::{Origin, Sources, Written};
use value::{Features, ModuleList};

/// The default time to wait for a response before a port counts as silent. It is longer than the 1 s
/// after which a lost SYN is sent again (RFC 6298 §2.1), so that one lost packet does not make a port
/// look closed. Windows reports a refused connection only after two more SYNs, half a second apart.
const DEFAULT_TIMEOUT: Duration = Duration::from_millis(if cfg!(windows) { 2500 } else { 1300 });
/// The default maximum duration of a run.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(15);

/// The time allowed to set up the connection that `--hold` keeps idle, in addition to the time-outs.
const REACHING: Duration = Duration::from_secs(1);

/// What a run checks, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunConfig {
    pub deployment: Deployment,
    /// What chose the edition of the guide.
    pub edition: ChosenBy,
    /// Replacements for the destinations of connections.
    pub dial: DialMap,
    /// Addresses to use instead of those in DNS. Only for names of the deployment.
    pub resolve: Vec<Resolve>,
    /// The zone of this machine, if the operator set it. Otherwise it is detected.
    pub zone: Option<Zone>,
    pub vantage_name: Option<String>,
    /// The DNS server to query instead of the system's.
    pub dns_server: Option<SocketAddr>,
    /// Root certificates to trust in addition to the system's, as PEM.
    pub ca_file: Option<PathBuf>,
    /// STUN servers outside the deployment.
    pub stun_servers: Vec<StunServer>,
    /// The directory of rule files to use instead of the embedded ones.
    pub rules: Option<PathBuf>,
    /// How long to wait for a response before a port counts as silent: 0.2 to 30 s.
    pub timeout: Duration,
    /// Whether to search for the limits of a range that is partly open or partly blocked.
    pub find_extent: bool,
    /// The maximum duration of the run: 1 to 600 s, and at least `timeout`.
    pub deadline: Duration,
    /// How long to hold a connection without traffic, if the operator set it: 1 to 120 s.
    pub hold: Option<Duration>,
    /// The rate of datagrams to the UDP ports of all addresses.
    pub udp_rate: UdpRate,
    /// The addresses whose ranges may be asked port by port, whatever answers there.
    pub sweep: Vec<IpAddr>,
    /// The nodes on which a responder runs (`ovcheck listen`), and its token.
    pub responders: Vec<Responder>,
    /// Whether a run may send more datagrams than [`SweepLoad::MOST_UNASKED`](crate::model::probe::SweepLoad).
    pub allow_large_sweep: bool,
    /// Whether the operator set the deadline: then it does not grow with the work.
    pub deadline_is_set: bool,
    /// The credentials for a call. `None`: no call is made.
    pub credentials: Option<Credentials>,
    /// Whether a call also tests DTLS, if the operator said so. Otherwise `ovcheck call` does.
    pub deep: Option<bool>,
    /// The HTTP proxy of this network, for the call.
    pub http_proxy: Option<HttpProxy>,
    /// The HTTP proxy that this machine is told to use for the deployment, without user name and
    /// password, whether the run uses it or not.
    pub configured_proxy: Option<String>,
    /// The deployment file, if there is one.
    pub config_file: Option<String>,
    /// Where the deployment file declares what is judged.
    pub config_lines: Option<ConfigLines>,
    /// The subcommand that makes the run.
    pub command: RunCommand,
    /// The configuration files that the run reads besides.
    pub configurations: ConfigurationPaths,
    /// The nodes whose machine this is; `None`: found out by the addresses of this machine.
    pub stands_on: Option<Vec<NodeName>>,
    /// The families and rules that the run is asked about, as they were written; empty: all.
    pub only: Vec<String>,
    /// The families and rules that it is not asked about.
    pub skip: Vec<String>,
    /// What the user should know before the run, which it does not stop.
    pub warnings: Vec<Warning>,
}

/// The configuration files of the proxy and of OpenVidu that a run reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigurationPaths {
    /// The proxy's; empty: it is not read.
    pub proxy: Vec<PathBuf>,
    /// Of which proxy it is; `None`: its content says it.
    pub proxy_kind: Option<ProxyKind>,
    /// OpenVidu's own files, or the directories in which they are; empty: they are not read.
    pub openvidu: Vec<PathBuf>,
    /// The directory below which absolute paths are looked up: a copy of another machine's files.
    pub root: Option<PathBuf>,
    /// What `-` stands for.
    pub standard_input: StandardInput,
    /// If no file of the proxy is named: whether those are read with which the proxy of this machine runs, if it is
    /// the proxy of the deployment.
    pub finds_proxy_here: bool,
}

/// What was read from standard input, which can be read only once. Secrets may be in it: nothing shows it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StandardInput(pub Vec<u8>);

impl std::fmt::Debug for StandardInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// Whether flags, environment or file say the domain.
///
/// # Errors
/// If the file is not valid.
pub fn declares_domain(
    flags: &Flags,
    environment: &dyn Fn(&str) -> Option<String>,
    file: Option<&DeploymentFile>,
) -> Result<bool, Complaint> {
    let shape = file.map(DeploymentFile::shape).transpose()?.unwrap_or_default();
    let given = flags.domain.as_ref().or(flags.domain_name.as_ref());
    let sources = Sources { environment, file };
    let domain =
        sources.one("domain-name", value::domain_name, given, shape.domain_name.as_ref())?;
    Ok(domain.is_some())
}

/// The maximum duration of `ovcheck call`, without the time to leave the room.
const LONGEST_CALL: Duration = Duration::from_secs(7);

impl RunConfig {
    /// The same configuration for a run that makes only a call. Its deadline is short, because a user
    /// waits for the result.
    ///
    /// # Errors
    /// If there are no credentials, because a server rejects a join without them.
    pub fn for_call(self) -> Result<Self, Complaint> {
        if self.credentials.is_none() {
            let refused = Complaint::new("a call requires credentials", Place::Nowhere);
            return Err(refused.with_help(
                "provide an access token (--token-file FILE or OVCHECK_TOKEN), or an API key and its \
                 secret (--api-key KEY --api-secret-file FILE)",
            ));
        }
        let deadline = self.deadline.min(LONGEST_CALL);
        Ok(Self { command: RunCommand::Call, deadline, ..self })
    }

    /// The part of the configuration that the report shows: everything except the secrets.
    pub fn context(&self) -> RunContext {
        // No `..`: a new setting does not compile until it is decided whether a report shows it.
        let Self {
            // The report shows the deployment and the vantage separately.
            deployment: _,
            edition,
            vantage_name: _,
            dial: DialMap { connect_to },
            resolve,
            zone,
            dns_server,
            ca_file,
            stun_servers,
            rules,
            timeout,
            find_extent,
            deadline,
            hold,
            udp_rate,
            sweep,
            allow_large_sweep,
            responders,
            deadline_is_set: _,
            credentials,
            deep: _,
            http_proxy,
            configured_proxy: _,
            config_file,
            config_lines,
            command,
            configurations: ConfigurationPaths { proxy, openvidu, .. },
            // The vantage shows them.
            stands_on: _,
            // `app` knows the rules that they name.
            only: _,
            skip: _,
            // They are shown before the run.
            warnings: _,
        } = self;
        let shown = |path: &PathBuf| path.display().to_string();
        RunContext {
            command: *command,
            files: InputFiles {
                config: config_file.clone(),
                config_lines: config_lines.clone(),
                rules: rules.as_ref().map(shown),
                ca_file: ca_file.as_ref().map(shown),
                proxy_config: proxy.iter().map(shown).collect(),
                openvidu_config: openvidu.iter().map(shown).collect(),
                recording: None,
            },
            options: RunOptions {
                edition: EditionChoice::by(*edition),
                zone: *zone,
                dns_server: *dns_server,
                stun_server: stun_servers.clone(),
                resolve: resolve.clone(),
                connect_to: connect_to.clone(),
                http_proxy: http_proxy.as_ref().map(HttpProxy::to_string),
                credentials: credentials.as_ref().map(|credentials| match credentials {
                    Credentials::Token(_) => CredentialKind::Token,
                    Credentials::Key { .. } => CredentialKind::ApiKey,
                }),
                deep: self.is_deep(),
                find_extent: *find_extent,
                timeout: *timeout,
                deadline: *deadline,
                hold: *hold,
                udp_rate: *udp_rate,
                sweep: sweep.clone(),
                allow_large_sweep: *allow_large_sweep,
                responder: responders.iter().map(|it| it.node.clone()).collect(),
                selection: Selection::default(),
                redact: Vec::new(),
            },
        }
    }

    /// Whether a call also tests DTLS. Who asks about nothing but a call gets the whole answer.
    fn is_deep(&self) -> bool {
        self.deep.unwrap_or(self.command == RunCommand::Call)
    }

    /// How deeply a call tests the media paths. `None`: no call is made, because there are no
    /// credentials.
    pub fn call(&self) -> Option<CallDepth> {
        self.credentials
            .as_ref()
            .map(|_| if self.is_deep() { CallDepth::Dtls } else { CallDepth::Checks })
    }
}

/// Combines flags, environment and file. Flags override environment variables, which override the
/// file.
///
/// # Errors
/// The first invalid value or combination, with its place and how to correct it.
pub fn load(
    flags: &Flags,
    environment: &dyn Fn(&str) -> Option<String>,
    file: Option<&DeploymentFile>,
) -> Result<RunConfig, Complaint> {
    let shape = file.map(DeploymentFile::shape).transpose()?.unwrap_or_default();
    let sources = Sources { environment, file };
    let list = nodes_list::named(sources, flags, &shape)?;
    let (deployment, edition) = deployment_and_edition(sources, flags, &shape, list.as_ref())?;
    let Pace { timeout, deadline, deadline_is_set, hold, udp_rate, find_extent } =
        pace(sources, flags, &shape)?;
    let sweep = sweep::targets(sources, flags, &shape, &deployment)?;
    let allow_large_sweep = sources.one(
        "allow-large-sweep",
        value::yes_or_no,
        flags.allow_large_sweep.as_ref(),
        in_file(&shape.allow_large_sweep).as_ref(),
    )?;

    let connect_to = sources.several(
        "connect-to",
        value::connect_to,
        &flags.connect_to,
        shape.connect_to.as_deref(),
    )?;
    let zone =
        sources.one("zone", value::word, flags.zone.as_ref(), shape.vantage.zone.as_ref())?;
    if let Some(zone) = &zone {
        fits_zones(zone, deployment.topology)?;
    }
    let vantage_name = sources.one(
        "vantage-name",
        value::vantage_name,
        flags.vantage_name.as_ref(),
        shape.vantage.name.as_ref(),
    )?;
    let dns_server = sources.one(
        "dns-server",
        value::dns_server,
        flags.dns_server.as_ref(),
        shape.dns_server.as_ref(),
    )?;
    let ca_file =
        sources.one("ca-file", value::path, flags.ca_file.as_ref(), shape.ca_file.as_ref())?;
    let stun_servers = sources.several(
        "stun-server",
        value::stun_server,
        &flags.stun_server,
        shape.stun_server.as_deref(),
    )?;
    let rules = sources.one("rules", value::path, flags.rules.as_ref(), shape.rules.as_ref())?;
    let (credentials, warning) = match credentials::credentials(sources, flags, &shape)? {
        Some(held) => (Some(held.credentials), held.warning),
        None => (None, None),
    };
    let deep = sources.one(
        "deep",
        value::yes_or_no,
        flags.deep.as_ref(),
        in_file(&shape.deep).as_ref(),
    )?;
    if let (Some(file), Some(_)) = (file, &credentials) {
        trust::decides_nothing_about_credentials(file, &shape)?;
    }
    // Only a call uses the proxy.
    let chosen_proxy = http_proxy::chosen(sources, flags, &shape)?;
    let configured_proxy = match &chosen_proxy {
        Some(Choice::None) => None,
        Some(Choice::Proxy(proxy)) => Some(proxy.to_string()),
        None => http_proxy::named_in_environment(sources, &deployment.domain),
    };
    let http_proxy = match chosen_proxy {
        _ if credentials.is_none() => None,
        Some(Choice::None) => None,
        Some(Choice::Proxy(proxy)) => Some(proxy),
        None => http_proxy::of_environment(sources, &deployment.domain)?,
    };
    Ok(RunConfig {
        resolve: resolve(sources, flags, &shape, &deployment)?,
        config_lines: file.map(|file| lines::declaring(&file.text, &shape, &deployment)),
        deployment,
        edition,
        dial: DialMap { connect_to: values(connect_to) },
        zone: zone.map(value_of),
        vantage_name: vantage_name.map(value_of),
        dns_server: dns_server.map(value_of),
        ca_file: ca_file.map(beside_file),
        stun_servers: values(stun_servers),
        rules: rules.map(beside_file),
        timeout,
        deadline,
        hold,
        udp_rate,
        sweep,
        allow_large_sweep: allow_large_sweep.is_some_and(value_of),
        responders: Vec::new(),
        deadline_is_set,
        find_extent,
        http_proxy,
        configured_proxy,
        config_file: file.map(|file| file.path.clone()),
        command: RunCommand::Check,
        configurations: ConfigurationPaths::default(),
        stands_on: None,
        only: Vec::new(),
        skip: Vec::new(),
        credentials,
        deep: deep.map(value_of),
        warnings: warning.into_iter().collect(),
    })
}

/// The deployment, and what chose its edition of the guide: where none is declared, it is the newest one
/// that has everything that is.
fn deployment_and_edition(
    sources: Sources<'_>,
    flags: &Flags,
    shape: &FileShape,
    list: Option<&DeploymentFile>,
) -> Result<(Deployment, ChosenBy), Complaint> {
    let declared =
        sources.one("guide", value::edition, flags.guide.as_ref(), shape.guide.as_ref())?;
    let judged_by = |edition| deployment(sources, flags, shape, list, edition);
    if let Some(edition) = declared {
        return Ok((judged_by(value_of(edition))?, ChosenBy::Declared));
    }
    let older = Edition::ALL.into_iter().rev().skip(1);
    let newest = judged_by(Edition::NEWEST)
        .or_else(|complaint| older.map(judged_by).find_map(Result::ok).ok_or(complaint))?;
    Ok((newest, ChosenBy::Default))
}

fn deployment(
    sources: Sources<'_>,
    flags: &Flags,
    shape: &FileShape,
    list: Option<&DeploymentFile>,
    edition: Edition,
) -> Result<Deployment, Complaint> {
    let topology =
        sources.one("topology", value::word, flags.topology.as_ref(), shape.topology.as_ref())?;
    let policy =
        sources.one("policy", value::word, flags.policy.as_ref(), shape.policy.as_ref())?;
    let rtc_engine = sources.one(
        "rtc-engine",
        value::word,
        flags.rtc_engine.as_ref(),
        shape.rtc_engine.as_ref(),
    )?;
    let (domain, turn_domain) = names(sources, flags, shape)?;
    if let Some(policy) = &policy {
        fits_edition(policy, edition)?;
        fits_policy(policy, turn_domain.as_ref())?;
    }
    let topology = topology.map_or(Topology::SingleNode, value_of);
    Ok(Deployment {
        edition,
        topology,
        policy: policy.map_or(Policy::Default, value_of),
        domain,
        turn_domain,
        rtc_engine: rtc_engine.map_or(RtcEngine::Pion, value_of),
        uses: uses(sources, flags, shape)?,
        modules: modules(sources, flags, shape, edition)?,
        nodes: nodes::nodes(sources, flags, (shape, list), topology)?,
    })
}

/// The domain, and the TURN domain if there is one.
fn names(
    sources: Sources<'_>,
    flags: &Flags,
    shape: &FileShape,
) -> Result<(DomainName, Option<DomainName>), Complaint> {
    let given = flags.domain.as_ref().or(flags.domain_name.as_ref());
    let in_file = shape.domain_name.as_ref();
    let in_file = in_file.map(|name| sources.in_file(name, value::domain_name)).transpose()?;
    trust::is_of_this_deployment(given, in_file.as_ref())?;
    let domain =
        sources.one("domain-name", value::domain_name, given, shape.domain_name.as_ref())?;
    let turn_domain = sources.one(
        "turn-domain-name",
        value::domain_name,
        flags.turn_domain_name.as_ref(),
        shape.turn_domain_name.as_ref(),
    )?;
    let Some(domain) = domain else {
        return Err(no_domain(sources.file));
    };
    if let Some(turn_domain) = &turn_domain
        && turn_domain.value == domain.value
    {
        return Err(Complaint::new(
            "the TURN domain and the domain must be different names",
            turn_domain.origin.place("same as the domain"),
        )
        .with_help(
            "the proxy distinguishes TURN from the API by the name: use a separate name for TURN, \
             or omit it if the deployment has none (rule dns/turn-domain-is-own-name)",
        ));
    }
    Ok((domain.value, turn_domain.map(value_of)))
}

fn no_domain(file: Option<&DeploymentFile>) -> Complaint {
    let place = match file {
        Some(file) => Place::Path(file.path.clone()),
        None => Place::Nowhere,
    };
    Complaint::new("the domain name is missing", place).with_help(
        "run `ovcheck check openvidu.example.io`, or set domain-name = \"openvidu.example.io\" in \
         ovcheck.toml",
    )
}

fn fits_edition(policy: &Written<'_, Policy>, edition: Edition) -> Result<(), Complaint> {
    if edition.policies().contains(&policy.value) {
        return Ok(());
    }
    let known = Edition::ALL
        .into_iter()
        .filter(|other| other.policies().contains(&policy.value))
        .map(|other| other.to_string())
        .collect::<Vec<_>>()
        .join(" or ");
    let instead = if policy.value.leaves_turns_alone() {
        "; or use forced-turn, which requires the same"
    } else {
        ""
    };
    Err(Complaint::new(
        format!("edition {edition} of the guide has no policy {}", policy.value),
        policy.origin.place("belongs to a newer edition"),
    )
    .with_help(format!("set guide = \"{known}\" (--guide {known}){instead}")))
}

fn fits_zones(zone: &Written<'_, Zone>, topology: Topology) -> Result<(), Complaint> {
    if topology.zones().contains(&zone.value) {
        return Ok(());
    }
    let zones: Vec<String> = topology.zones().iter().map(Zone::to_string).collect();
    Err(Complaint::new(
        format!("the topology {topology} has no zone {}", zone.value),
        zone.origin.place("not a zone of this topology"),
    )
    .with_help(format!(
        "use one of {}; or omit it to detect the zone from this machine's addresses",
        zones.join(", ")
    )))
}

fn fits_policy(
    policy: &Written<'_, Policy>,
    turn_domain: Option<&DomainName>,
) -> Result<(), Complaint> {
    if turn_domain.is_some() || !policy.value.leaves_turns_alone() {
        return Ok(());
    }
    Err(Complaint::new(
        format!("the policy {} requires a TURN domain", policy.value),
        policy.origin.place("requires a TURN domain"),
    )
    .with_help(
        "set turn-domain-name = \"turn.example.io\" (--turn-domain-name turn.example.io), \
         or use the policy default (rule policy/turn-domain-declared)",
    ))
}

fn uses(sources: Sources<'_>, flags: &Flags, shape: &FileShape) -> Result<Uses, Complaint> {
    let in_file = match &shape.uses {
        None => None,
        Some(list) => Some(Features(
            sources.list_in_file(list, value::word::<Feature>)?.into_iter().map(value_of).collect(),
        )),
    };
    let in_environment = sources.one("uses", str::parse::<Features>, None, None)?;
    let said = flags.uses.clone().or(in_environment.map(value_of)).or(in_file);
    Ok(match said {
        None => Uses::Unsaid,
        Some(Features(features)) => Uses::Listed(features),
    })
}

fn modules(
    sources: Sources<'_>,
    flags: &Flags,
    shape: &FileShape,
    edition: Edition,
) -> Result<Modules, Complaint> {
    let in_file = match &shape.enabled_modules {
        None => None,
        Some(list) => Some(sources.list_in_file(list, value::word::<Module>)?),
    };
    let in_environment = sources.one("enabled-modules", str::parse::<ModuleList>, None, None)?;
    let on_command_line = flags
        .enabled_modules
        .clone()
        .map(|value| Written { value, origin: Origin::Flag("--enabled-modules".to_owned()) });
    let said: Option<Vec<Written<'_, Module>>> =
        on_command_line.or(in_environment).map(each_module).or(in_file);
    let Some(said) = said else {
        return Ok(Modules::Unsaid);
    };
    for module in &said {
        if !edition.modules().contains(&module.value) {
            let known: Vec<String> = edition.modules().iter().map(Module::to_string).collect();
            return Err(Complaint::new(
                format!("OpenVidu {edition} has no module {}", module.value),
                module.origin.place("belongs to another edition"),
            )
            .with_help(format!(
                "use one of {}; or select another edition with --guide",
                known.join(", ")
            )));
        }
    }
    Ok(Modules::Listed(said.into_iter().map(value_of).collect()))
}

fn each_module<'a>(written: Written<'a, ModuleList>) -> Vec<Written<'a, Module>> {
    let modules = written.value.0.into_iter();
    modules.map(|module| Written { value: module, origin: written.origin.clone() }).collect()
}

fn resolve(
    sources: Sources<'_>,
    flags: &Flags,
    shape: &FileShape,
    deployment: &Deployment,
) -> Result<Vec<Resolve>, Complaint> {
    let entries =
        sources.several("resolve", value::resolve, &flags.resolve, shape.resolve.as_deref())?;
    let mut names = vec![deployment.domain.as_str()];
    names.extend(deployment.turn_domain.as_ref().map(DomainName::as_str));
    for entry in &entries {
        let name = entry.value.name.as_str();
        if !names.contains(&name) {
            return Err(Complaint::new(
                format!("\"{name}\" is not a name of the deployment, so this has no effect"),
                entry.origin.place("not a name of the deployment"),
            )
            .with_help(help_for_unknown(name, &names)));
        }
    }
    Ok(values(entries))
}

/// The time limits of a run, and the rate of datagrams.
struct Pace {
    timeout: Duration,
    deadline: Duration,
    deadline_is_set: bool,
    hold: Option<Duration>,
    udp_rate: UdpRate,
    find_extent: bool,
}

fn pace(sources: Sources<'_>, flags: &Flags, shape: &FileShape) -> Result<Pace, Complaint> {
    let timeout = sources.one(
        "timeout",
        value::timeout,
        flags.timeout.as_ref(),
        in_file(&shape.timeout).as_ref(),
    )?;
    let deadline = sources.one(
        "deadline",
        value::deadline,
        flags.deadline.as_ref(),
        in_file(&shape.deadline).as_ref(),
    )?;
    let hold =
        sources.one("hold", value::hold, flags.hold.as_ref(), in_file(&shape.hold).as_ref())?;
    let udp_rate = sources.one(
        "udp-rate",
        value::udp_rate,
        flags.udp_rate.as_ref(),
        in_file(&shape.udp_rate).as_ref(),
    )?;
    let find_extent = sources.one(
        "find-extent",
        value::yes_or_no,
        flags.find_extent.as_ref(),
        in_file(&shape.find_extent).as_ref(),
    )?;
    let find_extent = find_extent.is_some_and(value_of);
    let searching = if find_extent { ExtentLimits::LONGEST } else { Duration::ZERO };
    let timeout = timeout.map_or(DEFAULT_TIMEOUT, value_of);
    // The default rate and the default hold time never make a deadline too short. Only values that the
    // operator set can.
    let sending = udp_rate.as_ref().map_or(Duration::ZERO, |rate| rate.value.longest());
    let udp_rate = udp_rate.map_or(UdpRate::DEFAULT, value_of);
    let hold = hold.map(value_of);
    let holding = hold.unwrap_or_default();
    let Some(deadline) = deadline else {
        return Ok(Pace {
            timeout,
            deadline: DEFAULT_DEADLINE
                .max(timeout * 3)
                .max(sending + timeout * 2)
                .max(holding + timeout * 2 + REACHING)
                + searching,
            deadline_is_set: false,
            hold,
            udp_rate,
            find_extent,
        });
    };
    if deadline.value < timeout {
        return Err(Complaint::new(
            format!(
                "the deadline ({} seconds) is shorter than the timeout ({} seconds)",
                deadline.value.as_secs_f64(),
                timeout.as_secs_f64()
            ),
            deadline.origin.place("shorter than the timeout"),
        )
        .with_help("set a longer deadline or a shorter timeout"));
    }
    if deadline.value < sending + timeout {
        return Err(Complaint::new(
            format!(
                "the deadline ({} seconds) is too short to send {} datagrams at {udp_rate} per second",
                deadline.value.as_secs_f64(),
                UdpRate::MOST_DATAGRAMS
            ),
            deadline.origin.place("too short for this rate"),
        )
        .with_help("set a longer deadline or a higher rate (--udp-rate)"));
    }
    if find_extent && deadline.value < searching + sending + timeout * 2 {
        return Err(Complaint::new(
            format!(
                "the deadline ({} seconds) is too short for --find-extent, which can take {} seconds",
                deadline.value.as_secs_f64(),
                searching.as_secs_f64()
            ),
            deadline.origin.place("too short for --find-extent"),
        )
        .with_help("set a longer deadline, or omit --find-extent"));
    }
    if deadline.value < holding + timeout {
        return Err(Complaint::new(
            format!(
                "the deadline ({} seconds) is too short to hold a connection for {} seconds",
                deadline.value.as_secs_f64(),
                holding.as_secs_f64()
            ),
            deadline.origin.place("too short for this hold time"),
        )
        .with_help("set a longer deadline or a shorter hold time (--hold)"));
    }
    let deadline = deadline.value;
    Ok(Pace { timeout, deadline, deadline_is_set: true, hold, udp_rate, find_extent })
}

/// A number or a boolean of the file, as it would be written in a flag.
fn in_file<T: ToString>(value: &Option<Spanned<T>>) -> Option<Spanned<String>> {
    value.as_ref().map(|it| Spanned::new(it.span(), it.get_ref().to_string()))
}

/// A path in a file is relative to the directory of that file.
fn beside_file(path: Written<'_, PathBuf>) -> PathBuf {
    match &path.origin {
        Origin::File(file, _) => match Path::new(&file.path).parent() {
            Some(directory) => directory.join(&path.value),
            None => path.value,
        },
        Origin::Flag(_) | Origin::Environment(_) => path.value,
    }
}

fn value_of<T>(written: Written<'_, T>) -> T {
    written.value
}

fn values<T>(list: Vec<Written<'_, T>>) -> Vec<T> {
    list.into_iter().map(value_of).collect()
}
