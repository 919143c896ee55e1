//! The twin test: where a configuration leads a connection by what ovcheck reads, a real nginx, HAProxy, Caddy or
//! Traefik with the same configuration leads it too.
//!
//! Where that cannot run, every test is *ignored*, with the reason; with `OVCHECK_LAB=required` it is a failure.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test, and it opens the sockets"
)]

mod caddy;
mod client;
#[path = "../lab/command.rs"]
#[allow(dead_code, reason = "the laboratory's")]
mod command;
mod maps;
mod mutations;
mod traefik;
mod world;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use ovcheck::input::configuration::ConfigurationFiles;
use ovcheck::lint::proxy::{self, AskedNames, AskedPorts, ProxyInput};
use ovcheck::model::configuration::{
    BackendAddress, BackendTls, CloseCause, End, Trace, Undecided,
};
use ovcheck::model::facts::{ProxyFacts, ServerText};
use ovcheck::model::port::Port;
use ovcheck::model::target::Family;

use client::{Observed, observe};
use command::Fallible;
use world::{BACKEND_PORTS, BACKEND_V4, BACKEND_V6, Program, World};

type Test = (&'static str, Program, fn(Program) -> Fallible<()>);

fn main() {
    let mut arguments = Arguments::from_args();
    // They wait for answers more than they compute.
    arguments.test_threads.get_or_insert(4);
    let missing = if arguments.list { None } else { world::missing() };
    let required = std::env::var("OVCHECK_LAB").is_ok_and(|mode| mode == "required");
    let no_caddy = caddy::program().err();
    let no_traefik = traefik::program().err();
    let of = |program| match program {
        Program::Caddy => no_caddy.clone(),
        Program::Traefik => no_traefik.clone(),
        Program::Nginx | Program::Haproxy => None,
    };
    let tests: [Test; 9] = [
        ("fixtures", Program::Nginx, fixtures),
        ("random_changes_of_the_guide", Program::Nginx, mutations::random_changes),
        ("random_maps", Program::Nginx, maps::random_maps),
        ("haproxy_fixtures", Program::Haproxy, fixtures),
        ("haproxy_random_changes", Program::Haproxy, mutations::random_changes),
        ("caddy_fixtures", Program::Caddy, fixtures),
        ("caddy_random_changes", Program::Caddy, mutations::random_changes),
        ("traefik_fixtures", Program::Traefik, fixtures),
        ("traefik_random_changes", Program::Traefik, mutations::random_changes),
    ];
    let trials = tests
        .into_iter()
        .map(|(name, program, test)| {
            let missing = missing.clone().or_else(|| of(program));
            Trial::ignorable_test(name, move || match missing {
                Some(why) if required => Err(Failed::from(format!("cannot run here: {why}"))),
                Some(why) => Ok(Completion::ignored_with(why)),
                None => test(program).map(|()| Completion::Completed).map_err(Failed::from),
            })
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}

/// Every configuration of this program below `fixtures/proxy`.
fn fixtures(program: Program) -> Result<(), String> {
    let mut files = Vec::new();
    find_files(Path::new("fixtures/proxy"), program.endings(), &mut files);
    files.sort();
    finish(&in_worlds("f", program, &files, |world, file| differences(world, file))?)
}

/// What all of them complain about, in several worlds at the same time: most of the time goes by waiting for
/// connections that nobody answers.
pub fn in_worlds<T: Sync>(
    name: &str,
    program: Program,
    all: &[T],
    complaints_of: impl Fn(&World, &T) -> Vec<String> + Sync,
) -> Result<Vec<String>, String> {
    let worlds = program.worlds();
    let complaints_of = &complaints_of;
    let in_one = &|part: usize| -> Result<Vec<String>, String> {
        let world = World::new(&format!("{name}{}{part}", program.letter()), program)?;
        let own = all.iter().skip(part).step_by(worlds);
        Ok(own.flat_map(|one| complaints_of(&world, one)).collect())
    };
    let all: Vec<Result<Vec<String>, String>> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..worlds).map(|part| scope.spawn(move || in_one(part))).collect();
        started
            .into_iter()
            .map(|it| it.join().unwrap_or_else(|_| Err("it panics".into())))
            .collect()
    });
    let complaints: Vec<Vec<String>> = all.into_iter().collect::<Result<_, _>>()?;
    Ok(complaints.concat())
}

/// How the proxy and ovcheck differ about a fixture.
fn differences(world: &World, file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    if text.starts_with("# not run") {
        return Vec::new();
    }
    let may_be_undecided = text.starts_with("# undecided");
    let differences = compare(world, &world.filled(&text), may_be_undecided);
    differences.into_iter().map(|what| format!("{}: {what}", file.display())).collect()
}

pub fn finish(complaints: &[String]) -> Result<(), String> {
    if complaints.is_empty() { Ok(()) } else { Err(format!("\n{}", complaints.join("\n"))) }
}

fn find_files(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            find_files(&path, endings, found);
        } else if path.extension().is_some_and(|own| endings.iter().any(|ending| own == *ending)) {
            found.push(path);
        }
    }
}

pub fn read(world: &World, text: &str) -> ProxyFacts {
    let port = |number: u16| Port::new(number).unwrap();
    let asked = AskedNames {
        api: "openvidu.example.io".parse().ok(),
        turn: "turn.example.io".parse().ok(),
        unknown: "unknown.example.io".parse().ok(),
        families: Family::BOTH.to_vec(),
        ports: AskedPorts { https: port(443), http: port(80), rtmps: Some(port(1935)) },
    };
    let path = world.main_file(text).display().to_string();
    std::fs::write(&path, text).unwrap();
    proxy::read(
        &[ProxyInput::Path(path)],
        Some(world.program.kind()),
        &asked,
        &ConfigurationFiles::OfThisMachine,
    )
    .unwrap()
}

/// How the proxy and ovcheck differ about a configuration.
pub fn compare(world: &World, text: &str, may_be_undecided: bool) -> Vec<String> {
    let facts = read(world, text);
    let starts = !facts.traces.iter().any(|trace| matches!(trace.end, End::NotStarted(_)));
    let running = world.start(text);
    let running = match (running, starts) {
        (Err(_), false) => return Vec::new(),
        // Whether a name resolves is seen only by starting.
        (Err(said), true) if cannot_resolve(&said) && has_name(&facts) => return Vec::new(),
        // From nginx 1.25.5 on it does; and Traefik starts only with another file.
        (Err(_), true) if facts.traces.iter().all(|trace| is_of_elsewhere(&trace.end)) => {
            return Vec::new();
        }
        (Err(said), true) => return vec![format!("it does not start: {}", said.trim())],
        (Ok(running), true) => running,
        (Ok(_), false) => return vec![format!("it starts, but: {:?}", facts.faults)],
    };
    let different = |trace: &Trace| {
        let is_shared = |what: &Undecided| {
            let is = |name: &str| *what == Undecided::Directive(ServerText::new(name));
            match world.program {
                // The system gives connections to either of two listeners with one address.
                Program::Caddy => *what == Undecided::Version || is("listen"),
                // Traefik has no order for routers of one priority.
                Program::Traefik => is("priority"),
                Program::Nginx | Program::Haproxy => false,
            }
        };
        if let End::Undecided(what) = &trace.end
            && (may_be_undecided || is_shared(what))
        {
            return None;
        }
        let mut observed = observe(world, &trace.asked);
        // Caddy gets its certificates while it runs already, and Traefik its routers.
        for _ in 0..world.program.more_tries() {
            if agree(world.program, trace, &observed) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(500));
            observed = observe(world, &trace.asked);
        }
        (!agree(world.program, trace, &observed))
            .then(|| format!("{:?}\n   says {:?}\n   is   {observed:?}", trace.asked, trace.end))
    };
    let differences = facts.traces.iter().filter_map(different).collect();
    drop(running);
    differences
}

fn cannot_resolve(said: &str) -> bool {
    said.contains("host not found in upstream") || said.contains("could not resolve address")
}

/// Whether the version of the proxy decides, or a file that is not there.
fn is_of_elsewhere(end: &End) -> bool {
    let no_entry_points = Undecided::FileUnread(ServerText::new("entryPoints"));
    *end == End::Undecided(Undecided::Version) || *end == End::Undecided(no_entry_points)
}

fn has_name(facts: &ProxyFacts) -> bool {
    facts.traces.iter().any(|trace| match &trace.end {
        End::Backend(backend) => matches!(backend.address, BackendAddress::Name(_)),
        _ => false,
    })
}

/// Whether a real connection ended as the configuration says.
fn agree(program: Program, trace: &Trace, observed: &Observed) -> bool {
    // What stands for the address where a client has no name.
    let address = SocketAddr::new(World::proxy(trace.asked.family == Family::V6), 443);
    let real = |text: &ServerText| text.unquoted().replace("[address]", &client::host_of(&address));
    match (&trace.end, observed) {
        (End::Backend(backend), observed) => {
            let here =
                [BACKEND_V4, BACKEND_V6].map(|text| BackendAddress::Ip(text.parse().unwrap()));
            let is_there = |address: &BackendAddress, port: Option<Port>| {
                here.contains(address)
                    && port.is_some_and(|port| BACKEND_PORTS.contains(&port.number()))
            };
            let is_told = is_there(&backend.address, backend.port);
            let Observed::Arrived(arrived) = observed else {
                // Without a name to verify, Traefik dials, and gives up before it sends a ClientHello.
                let gives_up = program == Program::Traefik && backend.tls == BackendTls::Again;
                return (!is_told || gives_up)
                    && matches!(
                        observed,
                        Observed::Closed | Observed::Answer(502..=504) | Observed::Silent
                    );
            };
            let request_fits = match (&backend.http, &arrived.request) {
                (Some(said), Some(request)) => {
                    said.path.unquoted() == request.path
                        && said.keeps_upgrade == request.has_upgrade
                        && real(&said.host) == request.host
                }
                // The other side speaks TLS.
                (Some(_), None) => backend.tls != BackendTls::None,
                (None, _) => true,
            };
            // Which member of a group gets it may be chance.
            let others = backend.others.iter().map(|other| (&other.address, other.port));
            let mut members = std::iter::once((&backend.address, backend.port)).chain(others);
            let is_of_group = members.any(|(address, port)| {
                is_there(address, port) && port.map(Port::number) == Some(arrived.port)
            });
            is_of_group
                && arrived.is_tls == (backend.tls != BackendTls::None)
                && arrived.has_proxy_header == backend.proxy_header.is_some()
                && request_fits
        }
        (End::Alert(_), Observed::Alert) | (End::Refused, Observed::Refused) => true,
        // The answer may come before TLS.
        (
            End::Closed(CloseCause::ProxyHeaderUnexpected),
            Observed::Answer(400) | Observed::NotTls,
        ) => true,
        (End::Closed(CloseCause::OtherProtocol), Observed::NotTls | Observed::Alert) => true,
        // It waits for the rest of a line, or for more bytes.
        (End::Closed(CloseCause::OtherProtocol), Observed::Silent) => {
            matches!(program, Program::Caddy | Program::Traefik)
        }
        // With TLS 1.3, the client learns it after the handshake.
        (End::Closed(CloseCause::ClientCertificateMissing), Observed::Alert) => true,
        (End::Closed(_), Observed::Closed) => true,
        // The proxy may close it before the client knows that it was accepted.
        (End::Closed(CloseCause::AccessDenied | CloseCause::Configured), Observed::Refused) => {
            program == Program::Haproxy
        }
        // HAProxy opens the port of a `bind` in a backend, and accepts nothing there.
        (End::Closed(CloseCause::NoBackend), Observed::Silent) => program == Program::Haproxy,
        (End::Redirect { status, location }, Observed::Redirect { status: told, location: to }) => {
            status == told && real(location) == *to
        }
        (End::LocalAnswer { status: Some(status) }, Observed::Answer(real)) => status == real,
        (End::LocalAnswer { status: None }, Observed::Answer(_) | Observed::Text) => true,
        (End::LocalAnswer { status: Some(status) }, Observed::Redirect { status: real, .. }) => {
            status == real
        }
        _ => false,
    }
}
