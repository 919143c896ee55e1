//! What runs in a world, as data: programs, their files, and where they listen.

use std::path::{Path, PathBuf};

use super::cluster_services;
use super::command::{Fallible, find};
use super::network::{NODE, OUTSIDE, Place, fixture, fixture_path};
use super::token::{API_KEY, API_SECRET};
use super::world::{Front, LiveKit, Peer, Program, Proxy, Speaks, Version, World, fill};
use super::{guest, office, written_proxy};

/// Debian has nginx's stream module in a package and a file of its own.
pub const STREAM_MODULE: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";

/// A program on one machine. Two equal ones are the same, so that what a situation has in common
/// with the one before goes on running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Of its log.
    pub name: String,
    pub place: Place,
    /// A name or a path.
    pub program: String,
    pub arguments: Vec<String>,
    /// Files that it reads, to be written into the folder of the laboratory.
    pub files: Vec<(String, String)>,
    /// When somebody listens on all of these it is ready: `tcp` or `udp`, and a port.
    pub listens: Vec<(&'static str, u16)>,
}

impl Service {
    /// What it has said when it is ready, besides that it listens. Traefik listens before it has its routers.
    pub fn says_when_ready(&self) -> Option<&'static str> {
        (self.name == "traefik").then_some("Adding route for ")
    }
}

/// Everything that runs in `world`. `folder` is the laboratory's.
pub fn services(world: &World, folder: &Path) -> Fallible<Vec<Service>> {
    let mut services = vec![name_server(world, folder)?, stun_server(folder)];
    if world.has_cdn {
        services.push(cdn(folder)?);
    }
    if let Some(cluster) = &world.cluster {
        services.extend(cluster_services::services(cluster, folder)?);
    } else if world.has_livekit {
        services.push(livekit_on(Place::Node, NODE[0], world.livekit, "", folder)?);
    }
    for peer in &world.peers {
        services.push(service_of(peer, folder)?);
    }
    // HAProxy would take what is not there yet for down, and ask again only after a while.
    services.extend(front(&world.proxy, folder)?);
    services.extend(world.programs.iter().map(|program| service_of_program(program, folder)));
    if let Some(between) = world.between {
        services.push(office::service(between, folder)?);
    }
    if world.has_guest {
        services.push(guest::service());
    }
    Ok(services)
}

/// Where livekit-server of this version is.
pub fn livekit_server(version: Version) -> Option<PathBuf> {
    let (variable, name) = match version {
        Version::OfTheGuide => ("OVCHECK_LIVEKIT_SERVER", "livekit-server-1.8.4"),
        Version::Newest => ("OVCHECK_LIVEKIT_SERVER_NEW", "livekit-server-1.13.5"),
    };
    if let Some(path) = std::env::var_os(variable) {
        return Some(PathBuf::from(path)).filter(|path| path.is_file());
    }
    let local = PathBuf::from("/usr/local/bin").join(name);
    Some(local).filter(|path| path.is_file()).or_else(|| find(name)).or_else(|| match version {
        Version::OfTheGuide => find("livekit-server"),
        Version::Newest => None,
    })
}

pub fn in_folder(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

pub fn words(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(ToString::to_string).collect()
}

/// livekit-server on one machine, which says that it has the address `own`, unless told otherwise. `redis`
/// is the line of its configuration that makes it one of several.
pub fn livekit_on(
    place: Place,
    own: &str,
    livekit: LiveKit,
    redis: &str,
    folder: &Path,
) -> Fallible<Service> {
    let program = livekit_server(livekit.version).ok_or("livekit-server is not installed")?;
    let file = format!("livekit-{}.yaml", place.word());
    let configuration = fill(
        &fixture("livekit.yaml")?,
        &[
            ("NODE_IP", livekit.node_ip.unwrap_or(own)),
            ("ICE_TCP", &livekit.ice_tcp.to_string()),
            ("TURN_UDP", &livekit.turn_udp.to_string()),
            ("HAS_TURN", &livekit.has_turn.to_string()),
            ("ROOM", livekit.room),
            ("API", &livekit.api.to_string()),
            ("RTC", livekit.rtc),
            ("TURN", livekit.turn),
            ("API_KEY", API_KEY),
            ("API_SECRET", API_SECRET),
            ("REDIS", redis),
        ],
    );
    let mut listens = vec![("tcp", livekit.api), ("tcp", livekit.ice_tcp)];
    if livekit.has_turn {
        listens.extend([("tcp", 5349), ("udp", livekit.turn_udp)]);
    }
    Ok(Service {
        name: format!("livekit-{}", place.word()),
        place,
        program: program.display().to_string(),
        arguments: words(&["--config", &in_folder(folder, &file)]),
        files: vec![(file, configuration)],
        listens,
    })
}

fn name_server(world: &World, folder: &Path) -> Fallible<Service> {
    let directory = folder.display().to_string();
    let configuration = fill(&fixture("named.conf")?, &[("DIR", &directory)]);
    Ok(Service {
        name: "named".to_owned(),
        place: Place::Outside,
        program: "named".to_owned(),
        arguments: words(&["-g", "-n", "1", "-c", &in_folder(folder, "named.conf")]),
        files: vec![
            ("named.conf".to_owned(), configuration),
            ("example.io.zone".to_owned(), world.zone(&fixture("example.io.zone")?)),
        ],
        listens: vec![("udp", 53)],
    })
}

/// A STUN server that has nothing to do with the deployment: it shows that our own UDP works.
fn stun_server(folder: &Path) -> Service {
    let mut arguments = words(&["-n", "--stun-only", "--no-cli", "--no-tls", "--no-dtls"]);
    arguments.extend(words(&["--listening-ip", OUTSIDE[0]]));
    arguments.extend(words(&["--listening-ip", OUTSIDE[1]]));
    arguments.extend(words(&["--listening-port", "3478", "--log-file", "stdout"]));
    arguments.extend(words(&["--pidfile", &in_folder(folder, "turnserver.pid")]));
    Service {
        name: "turnserver".to_owned(),
        place: Place::Outside,
        program: "turnserver".to_owned(),
        arguments,
        files: Vec::new(),
        listens: vec![("udp", 3478)],
    }
}

/// What stands on the proxy.
fn front(proxy: &Proxy, folder: &Path) -> Fallible<Option<Service>> {
    let directory = folder.display().to_string();
    let nginx = |template: &str| -> Fallible<Service> {
        let configuration = proxy.nginx(&fixture(template)?, &directory, &load_stream_module());
        Ok(Service {
            name: "nginx".to_owned(),
            place: Place::Proxy,
            program: "nginx".to_owned(),
            arguments: words(&["-c", &in_folder(folder, template)]),
            files: vec![(template.to_owned(), configuration)],
            listens: Vec::new(),
        })
    };
    let service = match proxy.front {
        Front::NginxStream => nginx("nginx.conf")?,
        Front::NginxAdvanced => nginx("nginx-advanced.conf")?,
        Front::HaProxy => haproxy(
            Place::Proxy,
            folder,
            ("haproxy.cfg", proxy.haproxy(&fixture("haproxy.cfg")?, &directory)),
        ),
        Front::Written(program) => written_proxy::service(program, proxy.edits, folder)?,
        Front::Tarpit => Service {
            name: "tarpit".to_owned(),
            place: Place::Proxy,
            program: "python3".to_owned(),
            arguments: words(&[&fixture_path("tarpit.py").display().to_string()]),
            files: Vec::new(),
            listens: Vec::new(),
        },
        Front::Nothing => return Ok(None),
    };
    Ok(Some(Service { listens: vec![("tcp", 80), ("tcp", 443), ("tcp", 1935)], ..service }))
}

fn service_of_program(program: &Program, folder: &Path) -> Service {
    let directory = folder.display().to_string();
    let fixtures = fixture_path("").display().to_string();
    let placeholders = [
        ("DIR", directory.as_str()),
        ("FIXTURES", fixtures.trim_end_matches('/')),
        ("LOAD_STREAM_MODULE", &load_stream_module()),
    ];
    let filled = |text: &str| fill(text, &placeholders);
    let files = program.files.iter();
    Service {
        name: program.name.to_owned(),
        place: program.place,
        program: program.program.to_owned(),
        arguments: program.arguments.iter().map(|argument| filled(argument)).collect(),
        files: files.map(|(name, text)| ((*name).to_owned(), filled(text))).collect(),
        listens: program.listens.to_vec(),
    }
}

fn cdn(folder: &Path) -> Fallible<Service> {
    let directory = folder.display().to_string();
    let configuration = fill(&fixture("cdn.cfg")?, &[("DIR", &directory)]);
    let service = haproxy(Place::Cdn, folder, ("cdn.cfg", configuration));
    Ok(Service { name: "cdn".to_owned(), listens: vec![("tcp", 80), ("tcp", 443)], ..service })
}

/// HAProxy with the configuration `file`: its name and its text.
pub fn haproxy(place: Place, folder: &Path, file: (&str, String)) -> Service {
    let (name, text) = file;
    Service {
        name: "haproxy".to_owned(),
        place,
        program: "haproxy".to_owned(),
        arguments: words(&["-db", "-f", &in_folder(folder, name)]),
        files: vec![(name.to_owned(), text)],
        listens: Vec::new(),
    }
}

fn service_of(peer: &Peer, folder: &Path) -> Fallible<Service> {
    let (word, transport) = match peer.speaks {
        Speaks::Rtmp => ("rtmp", "tcp"),
        Speaks::WhipMedia => ("whip-media", "udp"),
        Speaks::Minio => ("minio", "tcp"),
        Speaks::OpenMinio => ("open-minio", "tcp"),
        Speaks::MongoDb => ("mongodb", "tcp"),
        Speaks::OpenMongoDb => ("open-mongodb", "tcp"),
        Speaks::Http => ("http", "tcp"),
        Speaks::Ssh => ("ssh", "tcp"),
        Speaks::GarbageOverUdp => ("garbage-over-udp", "udp"),
        Speaks::Redis { password } => return redis(peer, password, folder),
    };
    let port = peer.port.to_string();
    Ok(Service {
        name: format!("{word}-{port}"),
        place: peer.place,
        program: "python3".to_owned(),
        arguments: words(&[&fixture_path("peer.py").display().to_string(), word, &port]),
        files: Vec::new(),
        listens: vec![(transport, peer.port)],
    })
}

pub fn redis(peer: &Peer, password: Option<&str>, folder: &Path) -> Fallible<Service> {
    let (directory, port) = (folder.display().to_string(), peer.port.to_string());
    let password = password.map_or_else(String::new, |word| format!("requirepass {word}"));
    let configuration = fill(
        &fixture("redis.conf")?,
        &[("PORT", &port), ("DIR", &directory), ("PASSWORD", &password)],
    );
    let file = format!("redis-{port}.conf");
    Ok(Service {
        name: format!("redis-{port}"),
        place: peer.place,
        program: "redis-server".to_owned(),
        arguments: words(&[&in_folder(folder, &file)]),
        files: vec![(file, configuration)],
        listens: vec![("tcp", peer.port)],
    })
}

/// The line that nginx needs where its stream module is a file of its own.
pub fn load_stream_module() -> String {
    if Path::new(STREAM_MODULE).is_file() {
        format!("load_module {STREAM_MODULE};")
    } else {
        String::new()
    }
}
