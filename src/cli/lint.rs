//! `ovcheck lint`.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::gating::{self, Gating};
use super::report::{self, Outputs};
use super::sharing::Sharing;
use super::signals::Interrupts;
use super::terminal::Look;
use super::{Stop, environment, runtime, tell, warn};
use crate::app;
use crate::complaint::{Complaint, Place};
use crate::config::installation::{self, Installation};
use crate::config::value::{self, NodeFlag, word_parser};
use crate::config::{self, ConfigurationPaths, Flags, RunConfig, StandardInput};
use crate::exit::ExitStatus;
use crate::input;
use crate::model::configuration::ProxyKind;
use crate::model::context::RunCommand;
use crate::model::deployment::{Edition, Policy, Topology};
use crate::model::name::DomainName;
use crate::ruleset::Ruleset;

/// `ovcheck lint`
#[derive(Debug, clap::Args)]
#[command(
    after_help = AFTER_HELP,
    args_conflicts_with_subcommands = true,
    subcommand_help_heading = "Only one of them",
)]
pub struct Args {
    #[command(subcommand)]
    which: Option<Which>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum Which {
    /// Read the configuration of the proxy
    Proxy(Box<ProxyArgs>),
    /// Read OpenVidu's own configuration
    Openvidu(Box<OpenviduArgs>),
}

#[derive(Debug, clap::Args)]
struct ProxyArgs {
    /// Main file of the proxy (of HAProxy and Traefik: all its files in order; of HAProxy also their directory),
    /// or the output of `nginx -T` or `caddy adapt`; `-` is standard input
    #[arg(value_name = "FILE", help_heading = FILES)]
    files: Vec<PathBuf>,

    /// Of which proxy the file is [default: its content says it]
    #[arg(long, value_name = "PROXY", value_parser = word_parser::<ProxyKind>(), help_heading = FILES)]
    kind: Option<ProxyKind>,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
struct OpenviduArgs {
    /// Directory of an installation, or its files [default: /opt/openvidu/config]
    #[arg(value_name = "DIR|FILE", help_heading = FILES)]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
struct Common {
    #[command(flatten)]
    declared: Declared,

    /// Directory that holds a copy of another machine's files: absolute paths begin there
    #[arg(long, value_name = "DIR", help_heading = FILES)]
    root: Option<PathBuf>,

    #[command(flatten)]
    gating: Gating,
    #[command(flatten)]
    outputs: Outputs,
    #[command(flatten)]
    sharing: Sharing,
    #[command(flatten)]
    look: Look,
}

/// What the deployment is. What no flag, variable or file says is taken from the configuration itself.
#[derive(Debug, clap::Args)]
struct Declared {
    /// Deployment file [default: ovcheck.toml in the working directory, if it exists]
    #[arg(long, value_name = "FILE", help_heading = DEPLOYMENT)]
    config: Option<PathBuf>,

    /// Domain name of the deployment [default: what the configuration says]
    #[arg(long, value_name = "NAME", help_heading = DEPLOYMENT, value_parser = value::domain_name)]
    domain_name: Option<DomainName>,

    /// Domain name for TURN over TLS [default: what the configuration says]
    #[arg(long, value_name = "NAME", help_heading = DEPLOYMENT, value_parser = value::domain_name)]
    turn_domain_name: Option<DomainName>,

    /// Deployment type [default: single-node]
    #[arg(long, value_name = "TYPE", help_heading = DEPLOYMENT, value_parser = word_parser::<Topology>())]
    topology: Option<Topology>,

    /// How media is expected to reach clients [default: default]
    #[arg(long, value_name = "POLICY", help_heading = DEPLOYMENT, value_parser = word_parser::<Policy>())]
    policy: Option<Policy>,

    /// Edition of the guide to check against: the installed version of OpenVidu, 3.0 to 3.9
    #[arg(long, value_name = "EDITION", help_heading = DEPLOYMENT, value_parser = value::edition)]
    guide: Option<Edition>,

    /// A machine and its addresses, such as `openvidu=ADDR` (repeatable)
    #[arg(long, value_name = "NAME=ADDR[,ADDR]", help_heading = DEPLOYMENT)]
    node: Vec<NodeFlag>,

    /// Directory of rule files to use [default: the built-in rules]
    #[arg(long, value_name = "DIR", help_heading = DEPLOYMENT)]
    rules: Option<PathBuf>,
}

const DEPLOYMENT: &str = "Deployment";
const FILES: &str = "Files";

const AFTER_HELP: &str = "\
What it does:
  \
Reads the main file of the proxy with all files that it includes, and follows connections through it as the \
proxy would: where each name ends, with which certificate, and what stops it on the way. Reads OpenVidu's \
own files. It changes nothing, sends nothing and starts no program. Secrets in the files are not kept.
  \
Without files, it reads those in the usual places: /etc/nginx/nginx.conf or /etc/haproxy/haproxy.cfg, and \
/opt/openvidu/config with /opt/openvidu/docker-compose.yaml and .env.

The exit status is that of `ovcheck check`.";

/// The usual places of the main file of a proxy that can be followed. The first that is there is read.
const USUAL_PROXY: [&str; 2] = ["/etc/nginx/nginx.conf", "/etc/haproxy/haproxy.cfg"];

/// The most bytes of standard input, as of a main file.
const LARGEST_INPUT: u64 = 32 << 20;

/// The usual places of OpenVidu's own files. Recordings and databases are beside them.
const USUAL_OPENVIDU: [&str; 3] =
    ["/opt/openvidu/config", "/opt/openvidu/docker-compose.yaml", "/opt/openvidu/.env"];

pub fn run(args: Args) -> Result<ExitStatus, Stop> {
    let Args { which, common } = args;
    let (paths, common) = asked_for(which, common)?;
    let Common { declared, root: _, gating, outputs, sharing, look } = common;
    outputs.check()?;
    let config = configured(declared, paths)?;
    let decisions = gating.read(config.config_file.as_deref())?;
    decisions.fit(&config.deployment.domain)?;
    warn(&config);
    let runtime = runtime()?;
    let interrupts = runtime.block_on(async { Interrupts::listen() })?;
    let observed = runtime.block_on(report::observed(config, look, &interrupts))?;
    let report = decisions.apply(app::judge(observed, gating.options()));
    gating::tell_about_waivers(&report);
    outputs.write(&sharing.apply(report), look)
}

/// The files that the command line names, else those in the usual places.
fn asked_for(
    which: Option<Which>,
    common: Common,
) -> Result<(ConfigurationPaths, Common), Complaint> {
    let nothing = ConfigurationPaths::default();
    let (mut paths, common, usual) = match which {
        Some(Which::Proxy(args)) => {
            let ProxyArgs { files, kind, common } = *args;
            let usual = if files.is_empty() { Usual::Proxy } else { Usual::Nothing };
            (ConfigurationPaths { proxy: files, proxy_kind: kind, ..nothing }, common, usual)
        }
        Some(Which::Openvidu(args)) => {
            let OpenviduArgs { paths, common } = *args;
            let usual = if paths.is_empty() { Usual::Openvidu } else { Usual::Nothing };
            (ConfigurationPaths { openvidu: paths, ..nothing }, common, usual)
        }
        None => (nothing, common, Usual::Both),
    };
    paths.root.clone_from(&common.root);
    find_usual(&mut paths, usual)?;
    read_standard_input(&mut paths)?;
    Ok((paths, common))
}

/// What is read in the usual places.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Usual {
    Nothing,
    Proxy,
    Openvidu,
    Both,
}

fn find_usual(paths: &mut ConfigurationPaths, usual: Usual) -> Result<(), Complaint> {
    if usual == Usual::Nothing {
        return Ok(());
    }
    let root = paths.root.clone();
    let is_there = |path: &&str| match &root {
        Some(root) => root.join(path.trim_start_matches('/')).exists(),
        None => Path::new(path).exists(),
    };
    if matches!(usual, Usual::Proxy | Usual::Both) {
        let mut found = USUAL_PROXY.iter().filter(|path| is_there(path)).map(PathBuf::from);
        paths.proxy = found.next().into_iter().collect();
        for other in found {
            tell(format_args!(
                "not reading {}: name it with `ovcheck lint proxy` if it is the proxy in front of OpenVidu",
                other.display()
            ));
        }
    }
    if matches!(usual, Usual::Openvidu | Usual::Both) {
        paths.openvidu =
            USUAL_OPENVIDU.iter().filter(|path| is_there(path)).map(PathBuf::from).collect();
    }
    if paths.proxy.is_empty() && paths.openvidu.is_empty() {
        let places: Vec<&str> = match usual {
            Usual::Proxy | Usual::Nothing => USUAL_PROXY.to_vec(),
            Usual::Openvidu => USUAL_OPENVIDU.to_vec(),
            Usual::Both => USUAL_PROXY.into_iter().chain(USUAL_OPENVIDU).collect(),
        };
        let message = format!("no configuration was found: {} do not exist", places.join(", "));
        return Err(Complaint::new(message, Place::Nowhere).with_help(
            "name the files: `ovcheck lint proxy FILE` or `ovcheck lint openvidu DIR`; a copy of another \
             machine's files is read with --root DIR",
        ));
    }
    for path in paths.proxy.iter().chain(&paths.openvidu) {
        tell(format_args!("reading {}", path.display()));
    }
    Ok(())
}

/// Reads what `-` stands for.
///
/// # Errors
/// If it cannot be read, or is named twice.
pub fn read_standard_input(paths: &mut ConfigurationPaths) -> Result<(), Complaint> {
    let all = paths.proxy.iter().chain(&paths.openvidu);
    let place = || Place::Path("standard input".to_owned());
    match all.filter(|path| *path == Path::new("-")).count() {
        0 => {}
        1 => {
            let read = input::read_stdin(LARGEST_INPUT);
            paths.standard_input =
                StandardInput(read.map_err(|error| {
                    Complaint::new(format!("failed to read: {error}"), place())
                })?);
        }
        _ => {
            return Err(Complaint::new("standard input can be read only once", place())
                .with_help("name the other file, or read it in a run of its own"));
        }
    }
    Ok(())
}

/// The deployment: what is declared, else what OpenVidu's own files say, else what the proxy's do.
fn configured(declared: Declared, paths: ConfigurationPaths) -> Result<RunConfig, Complaint> {
    let mut flags = declared.into_flags();
    let file = config::find(&flags, &environment)?;
    if !config::declares_domain(&flags, &environment, file.as_ref())? {
        flags = completed(flags, &paths)?;
    }
    let config = config::load(&flags, &environment, file.as_ref())?;
    Ok(RunConfig {
        command: RunCommand::Lint,
        configurations: paths,
        credentials: None,
        stun_servers: Vec::new(),
        ..config
    })
}

/// The flags with the names that the files have.
fn completed(flags: Flags, paths: &ConfigurationPaths) -> Result<Flags, Complaint> {
    let mut flags = flags;
    // A pipe without a writer would block.
    let is_file = |path: &&PathBuf| paths.root.is_none() && (path.is_file() || path.is_dir());
    let files =
        paths.openvidu.iter().filter(is_file).filter_map(|path| installation::read(path).ok());
    let files: Vec<_> = files.flatten().collect();
    if let Some((of_files, _, _)) =
        Installation::of(&files).ok().and_then(|it| it.complete(flags.clone()).ok())
    {
        flags = of_files;
    }
    if flags.domain_name.is_some() {
        return Ok(flags);
    }
    let ruleset = Ruleset::chosen(flags.rules.as_deref())?;
    let [domain, turn_domain] = app::names_in_configuration(paths, &ruleset)?;
    let domain = domain.unwrap_or_else(DomainName::undeclared);
    flags.turn_domain_name = flags.turn_domain_name.or(turn_domain).filter(|name| *name != domain);
    flags.domain_name = Some(domain);
    Ok(flags)
}

impl Declared {
    fn into_flags(self) -> Flags {
        let Self { config, domain_name, turn_domain_name, topology, policy, guide, node, rules } =
            self;
        Flags {
            config,
            domain_name,
            turn_domain_name,
            topology,
            policy,
            guide,
            node,
            rules,
            ..Flags::default()
        }
    }
}
