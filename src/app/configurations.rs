//! Configuration files of the proxy and of OpenVidu: read before a run, which then judges what they say.

use std::path::Path;
use std::sync::Arc;

use crate::complaint::{Complaint, Place};
use crate::config::ConfigurationPaths;
use crate::input::configuration::ConfigurationFiles;
use crate::lint::files::{FileProblem, Files};
use crate::lint::openvidu::{self, RefusalCause, SourceFile};
use crate::lint::proxy::{self, AskedNames, AskedPorts, ProxyInput, ReadProblem};
use crate::model::configuration::{Backend, BackendTls, End, Opening};
use crate::model::deployment::Deployment;
use crate::model::facts::{OpenviduFacts, ProxyFacts, SettingValue};
use crate::model::name::DomainName;
use crate::model::port::Port;
use crate::model::rule::Service;
use crate::model::target::Family;
use crate::net::Configurations;
use crate::ruleset::Ruleset;

/// Standard input, in place of a file.
const STDIN: &str = "-";

/// The most bytes of one of OpenVidu's files. Usual ones have a few thousand.
const LARGEST_SETTINGS: usize = 1 << 20;

/// How deep below the directory of an installation its files are.
const DEEPEST: usize = 5;

/// The most names below such a directory that are looked at.
const MOST_NAMES: usize = 10_000;

/// What the files of a run say.
///
/// # Errors
/// A [`Complaint`] about a file that is none, or cannot be read. What is wrong in a file is a finding.
pub fn read(
    paths: &ConfigurationPaths,
    deployment: &Deployment,
    ruleset: &Ruleset,
) -> Result<Configurations, Complaint> {
    let names = [Some(deployment.domain.clone()), deployment.turn_domain.clone()];
    Ok(Configurations {
        proxy: match paths.proxy.as_slice() {
            [] => None,
            _ => Some(Arc::new(read_proxy(paths, names, ruleset)?)),
        },
        openvidu: match paths.openvidu.as_slice() {
            [] => None,
            _ => Some(Arc::new(read_openvidu(paths)?)),
        },
    })
}

/// The two names of the deployment, as far as the files show them: what OpenVidu's own files say, else the
/// names in the proxy's files, by the ports to which they lead.
///
/// # Errors
/// As for the reading of the files before a run.
pub fn names(
    paths: &ConfigurationPaths,
    ruleset: &Ruleset,
) -> Result<[Option<DomainName>; 2], Complaint> {
    let [domain, turn_domain] = match paths.openvidu.as_slice() {
        [] => [None, None],
        _ => {
            let facts = read_openvidu(paths)?;
            ["DOMAIN_NAME", "LIVEKIT_TURN_DOMAIN_NAME"].map(|variable| set_to(&facts, variable))
        }
    };
    if domain.is_some() || paths.proxy.is_empty() {
        return Ok([domain, turn_domain]);
    }
    let facts = read_proxy(paths, [None, None], ruleset)?;
    let ports = |service| ruleset.ports_of(service);
    let [api, turn] = [
        named(&facts, Opening::WebSocket, &ports(Service::LivekitApi)),
        named(&facts, Opening::Stun, &ports(Service::TurnTcp)),
    ];
    let others = |but: &Option<DomainName>| -> Vec<DomainName> {
        let names = facts.traces.iter().filter_map(|trace| trace.asked.name.clone());
        let mut others: Vec<DomainName> = Vec::new();
        for name in
            names.filter(|name| *name != DomainName::unknown() && Some(name) != but.as_ref())
        {
            if !others.contains(&name) {
                others.push(name);
            }
        }
        others
    };
    let api = api.or_else(|| others(&turn).into_iter().find(|name| !is_for_turn(name)));
    // With a wrong port, the second name is still asked about.
    let turn = turn.filter(|turn| Some(turn) != api.as_ref()).or_else(|| {
        let others = others(&api);
        let by_name = others.iter().find(|name| is_for_turn(name)).cloned();
        by_name.or_else(|| others.into_iter().next().filter(|_| api.is_some()))
    });
    Ok([api, turn])
}

/// Whether the first label of a name says what it is for, as everybody writes it.
fn is_for_turn(name: &DomainName) -> bool {
    ["turn", "stun", "coturn"].iter().any(|word| name.as_str().starts_with(word))
}

/// The name to which a variable of OpenVidu's own files is set; the last one counts.
fn set_to(facts: &OpenviduFacts, variable: &str) -> Option<DomainName> {
    let settings = facts.files.iter().flat_map(|file| &file.settings);
    let mut values = settings.filter(|it| it.key.unquoted() == variable).map(|it| &it.value);
    match values.next_back()? {
        SettingValue::Text(text) => text.unquoted().parse().ok(),
        _ => None,
    }
}

/// The first name whose connections end at one of these ports.
fn named(facts: &ProxyFacts, opening: Opening, ports: &[Port]) -> Option<DomainName> {
    let backends = facts.traces.iter().filter_map(|trace| match &trace.end {
        End::Backend(backend) if trace.asked.opening == opening => Some((trace, backend)),
        _ => None,
    });
    let leads_there = |backend: &Backend| backend.port.is_some_and(|port| ports.contains(&port));
    let all: Vec<_> = backends.filter(|(_, backend)| leads_there(backend)).collect();
    let plain = all.iter().find(|(_, backend)| backend.tls == BackendTls::None);
    plain.or(all.first())?.0.asked.name.clone()
}

// --- The proxy's -------------------------------------------------------------------------------

fn read_proxy(
    paths: &ConfigurationPaths,
    [api, turn]: [Option<DomainName>; 2],
    ruleset: &Ruleset,
) -> Result<ProxyFacts, Complaint> {
    let port = |service| ruleset.endpoint_of(service).map(|endpoint| endpoint.port);
    let (Some(https), Some(http)) = (port(Service::LivekitApi), port(Service::Web)) else {
        let message = "the rules have no endpoint for the API, or none for plain HTTP";
        return Err(Complaint::new(message, Place::Nowhere));
    };
    let asked = AskedNames {
        api,
        turn,
        unknown: Some(DomainName::unknown()),
        families: Family::BOTH.to_vec(),
        ports: AskedPorts { https, http, rtmps: port(Service::Rtmp) },
    };
    let main: Vec<ProxyInput> =
        paths.proxy.iter().map(|path| input_at(path, paths)).collect::<Result<_, _>>()?;
    proxy::read(&main, paths.proxy_kind, &asked, &files(paths)).map_err(|problem| refused(&problem))
}

/// Whether the files are those of the proxy's own machine: they are below another directory, or elsewhere
/// than the proxy has them, if they are a copy.
fn files(paths: &ConfigurationPaths) -> ConfigurationFiles {
    let is_at_home = |path: &std::path::PathBuf| path.starts_with("/etc");
    match &paths.root {
        Some(root) => ConfigurationFiles::Below(root.clone()),
        None if paths.finds_proxy_here || paths.proxy.iter().all(is_at_home) => {
            ConfigurationFiles::OfThisMachine
        }
        None => ConfigurationFiles::Copy,
    }
}

fn input_at(path: &Path, paths: &ConfigurationPaths) -> Result<ProxyInput, Complaint> {
    if path == Path::new(STDIN) {
        let name = "standard input".to_owned();
        return Ok(ProxyInput::Text { name, bytes: paths.standard_input.0.clone() });
    }
    let text = path.to_str().ok_or_else(|| {
        let shown = path.display().to_string();
        Complaint::new("the path is not UTF-8", Place::Path(shown)).with_help("rename the file")
    })?;
    Ok(ProxyInput::Path(text.to_owned()))
}

fn refused(problem: &ReadProblem) -> Complaint {
    let of_file = |path: &str, message: &str, help: &str| {
        Complaint::new(message, Place::Path(path.to_owned())).with_help(help)
    };
    match problem {
        ReadProblem::NothingNamed => {
            Complaint::new("no configuration file was named", Place::Nowhere)
                .with_help("name the main file, such as /etc/nginx/nginx.conf")
        }
        ReadProblem::File { path, problem } => unreadable(path, problem),
        ReadProblem::UnknownKind { path } => of_file(
            path,
            "this is not the configuration of a proxy that ovcheck knows",
            "name the main file of nginx or HAProxy, the JSON of Caddy, or the files of Traefik, or say what it is: \
             --kind nginx",
        ),
        ReadProblem::Caddyfile { path } => of_file(
            path,
            "ovcheck reads the JSON or YAML of Caddy, and this is a Caddyfile",
            "run: caddy adapt --config Caddyfile --pretty > caddy.json, and name caddy.json",
        ),
        ReadProblem::SeveralMainFiles => Complaint::new(
            "these files are not the configuration of one proxy",
            Place::Nowhere,
        )
        .with_help(
            "name only the main file of nginx, with which its included files are read, or all \
                     files of HAProxy in their order, or one static file of Traefik with its dynamic files",
        ),
        ReadProblem::Binary { path } => {
            of_file(path, "the file is not a text", "name the configuration of the proxy")
        }
    }
}

fn unreadable(path: &str, problem: &FileProblem) -> Complaint {
    let complaint = |message: String| Complaint::new(message, Place::Path(path.to_owned()));
    match problem {
        FileProblem::Missing | FileProblem::NotInCopy => complaint("no such file".to_owned())
            .with_help("name an existing file; with --root, its path below that directory"),
        FileProblem::Denied => complaint("this user may not read the file".to_owned())
            .with_help("run the command with sudo, or on a copy of the file"),
        FileProblem::TooLarge => complaint("the file is too large".to_owned())
            .with_help("a configuration has a few thousand lines; check the name"),
        FileProblem::NotRegular => complaint(
            "this is a directory, a device or a pipe, and not a file".to_owned(),
        )
        .with_help(
            "name the main file of the configuration, or a directory with HAProxy's *.cfg files",
        ),
        FileProblem::LinkCircle => complaint("the symbolic links lead in a circle".to_owned())
            .with_help("name the file itself"),
        FileProblem::Other(error) => complaint(format!("failed to read: {error}")),
    }
}

// --- OpenVidu's --------------------------------------------------------------------------------

fn read_openvidu(paths: &ConfigurationPaths) -> Result<OpenviduFacts, Complaint> {
    let files = match &paths.root {
        Some(root) => ConfigurationFiles::Below(root.clone()),
        None => ConfigurationFiles::Copy,
    };
    let mut sources = Vec::new();
    for path in &paths.openvidu {
        match input_at(path, paths)? {
            ProxyInput::Text { name, bytes } => sources.push(source(name, bytes)?),
            ProxyInput::Path(path) => sources.extend(sources_at(&files, &path)?),
        }
    }
    openvidu::read(&sources).map_err(|refusal| {
        let place = Place::Path(format!("{}:{}", refusal.path, refusal.line));
        match refusal.why {
            RefusalCause::UnknownFile => Complaint::new(
                "this is no configuration file of OpenVidu",
                place,
            )
            .with_help(
                "name openvidu.env, livekit.yaml, docker-compose.yaml, or the directory in which \
                     they are, such as /opt/openvidu/config",
            ),
            RefusalCause::TooDeep => Complaint::new("the file has too many levels", place)
                .with_help("a configuration has fewer than ten; check the name"),
            RefusalCause::TooManyNodes => {
                Complaint::new("the file has too many values, or aliases that multiply", place)
                    .with_help("a configuration has a few hundred; check the name")
            }
        }
    })
}

fn source(path: String, bytes: Vec<u8>) -> Result<SourceFile, Complaint> {
    let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    let not_text = || {
        Complaint::new("the file is not a text", Place::Path(path.clone())).with_help(
            "name a configuration file of OpenVidu or its directory; unpack an archive first",
        )
    };
    let text = text.ok_or_else(not_text)?;
    Ok(SourceFile { path, text })
}

/// The file at `path`, or the files of an installation below it.
fn sources_at(files: &ConfigurationFiles, path: &str) -> Result<Vec<SourceFile>, Complaint> {
    let problem = match files.read(path, LARGEST_SETTINGS) {
        Ok(bytes) => return source(path.to_owned(), bytes).map(|file| vec![file]),
        Err(problem) => problem,
    };
    if problem != FileProblem::NotRegular || files.list(path).is_err() {
        return Err(unreadable(path, &problem));
    }
    let mut found = Vec::new();
    let mut budget = MOST_NAMES;
    walk(files, path, DEEPEST, &mut budget, &mut found)?;
    if found.is_empty() {
        let place = Place::Path(path.to_owned());
        return Err(Complaint::new(
            "no configuration file of OpenVidu is in this directory",
            place,
        )
        .with_help(
            "name the directory of the installation, such as /opt/openvidu/config, or a copy of it",
        ));
    }
    Ok(found)
}

fn walk(
    files: &ConfigurationFiles,
    directory: &str,
    depth: usize,
    budget: &mut usize,
    found: &mut Vec<SourceFile>,
) -> Result<(), Complaint> {
    let mut names = files.list(directory).map_err(|problem| unreadable(directory, &problem))?;
    names.sort_unstable();
    for name in names {
        let Some(left) = budget.checked_sub(1) else { return Ok(()) };
        *budget = left;
        let path = format!("{}/{name}", directory.trim_end_matches('/'));
        let is_known = openvidu::is_settings_file(&name);
        if is_known {
            match files.read(&path, LARGEST_SETTINGS) {
                Ok(bytes) => found.push(source(path, bytes)?),
                Err(problem) => return Err(unreadable(&path, &problem)),
            }
        } else if depth > 0 && files.list(&path).is_ok() {
            walk(files, &path, depth - 1, budget, found)?;
        }
    }
    Ok(())
}
