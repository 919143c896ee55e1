//! What runs on the machines of an Elastic or High Availability deployment.

use std::path::Path;

use super::cluster::{Cluster, MACHINES, Machine, Role, Topology};
use super::command::Fallible;
use super::network::{Place, fixture, fixture_path};
use super::services::{Service, in_folder, livekit_on, load_stream_module, redis, words};
use super::world::{Peer, fill};

/// What speaks on a Master Node with the modules `observability` and `app`, besides Redis and what
/// Caddy forwards.
const ON_MASTER: &[(&str, u16)] =
    &[("loki", 3100), ("page", 6080), ("mimir", 9009), ("minio", 9100), ("mongodb", 20000)];

/// The Dashboard, Grafana and what the Master Nodes of High Availability have among themselves.
const ON_MASTER_OF_SEVERAL: &[(&str, u16)] = &[
    ("grafana", 3000),
    ("page", 5000),
    ("gossip", 7946),
    ("gossip", 7947),
    ("grpc", 9095),
    ("grpc", 9096),
    ("page", 9101),
];

const ON_MEDIA: &[(&str, u16)] = &[("rtmp", 1935), ("whip", 8080), ("whip-media", 7885)];

pub const REDIS_PASSWORD: Option<&str> = Some("kept-by-the-installer");

/// Everything that runs on these machines, the proxy left out.
pub fn services(cluster: &Cluster, folder: &Path) -> Fallible<Vec<Service>> {
    let topology = cluster.topology;
    let mut services = Vec::new();
    for machine in topology.machines() {
        match machine.role {
            Role::Proxy => {}
            Role::Master => {
                services.push(caddy(machine.place, cluster, folder)?);
                services.extend(on_master(machine.place, topology, folder)?);
            }
            Role::Media => {
                if !cluster.without_livekit.contains(&machine.place) {
                    let (place, own) = (machine.place, machine.public[0]);
                    let redis =
                        if cluster.shares_redis { redis_of_first_master()? } else { String::new() };
                    services.push(livekit_on(place, own, cluster.livekit(place), &redis, folder)?);
                }
                services.push(speakers(machine.place, ON_MEDIA.to_vec()));
            }
        }
    }
    Ok(services)
}

/// What LiveKit is told of the Redis by which the servers know each other.
fn redis_of_first_master() -> Fallible<String> {
    let mut machines = MACHINES.iter();
    let master = machines.find(|machine| machine.role == Role::Master);
    let address = master.ok_or("a cluster has a Master Node")?.private;
    let password = REDIS_PASSWORD.unwrap_or_default();
    Ok(format!("redis: {{address: \"{address}:7000\", password: \"{password}\"}}"))
}

fn on_master(place: Place, topology: Topology, folder: &Path) -> Fallible<Vec<Service>> {
    let mut on_ports = ON_MASTER.to_vec();
    if topology == Topology::HighAvailability {
        on_ports.extend(ON_MASTER_OF_SEVERAL);
    }
    let peer = Peer {
        place,
        speaks: super::world::Speaks::Redis { password: REDIS_PASSWORD },
        port: 7000,
    };
    let redis = redis(&peer, REDIS_PASSWORD, folder)?;
    let redis = Service { name: format!("{}-{}", redis.name, place.word()), ..redis };
    let mut services = vec![speakers(place, on_ports), redis];
    if topology == Topology::HighAvailability {
        services.push(sentinel(place, folder));
    }
    Ok(services)
}

/// A real Sentinel without a password of its own, as Redis installs it.
fn sentinel(place: Place, folder: &Path) -> Service {
    let file = format!("sentinel-{}.conf", place.word());
    Service {
        name: format!("sentinel-{}", place.word()),
        place,
        program: "redis-server".to_owned(),
        arguments: words(&[&in_folder(folder, &file), "--sentinel"]),
        files: vec![(file, "port 7001\nprotected-mode no\nbind * -::*\n".to_owned())],
        listens: vec![("tcp", 7001)],
    }
}

/// One program that speaks all of these on one machine: word and port.
fn speakers(place: Place, on_ports: Vec<(&str, u16)>) -> Service {
    let mut arguments = vec![fixture_path("peer.py").display().to_string()];
    let mut listens = Vec::new();
    for (word, port) in on_ports {
        arguments.extend([word.to_owned(), port.to_string()]);
        let transport = if word == "whip-media" { "udp" } else { "tcp" };
        listens.push((transport, port));
    }
    Service {
        name: format!("services-{}", place.word()),
        place,
        program: "python3".to_owned(),
        arguments,
        files: Vec::new(),
        listens,
    }
}

/// What Caddy does on a Master Node, as far as the wire goes: it forwards to the Media Nodes.
fn caddy(place: Place, cluster: &Cluster, folder: &Path) -> Fallible<Service> {
    let gets_some = |machine: &&Machine| {
        machine.role == Role::Media && !cluster.passed_over.contains(&machine.place)
    };
    let servers = |port: u16| -> String {
        let machines = cluster.topology.machines().filter(gets_some);
        let lines = machines.map(|machine| format!("server {}:{port};", machine.private));
        lines.collect::<Vec<_>>().join(" ")
    };
    let file = format!("caddy-{}.conf", place.word());
    let configuration = fill(
        &fixture("caddy.conf")?,
        &[
            ("LOAD_STREAM_MODULE", &load_stream_module()),
            ("DIR", &folder.display().to_string()),
            ("PLACE", place.word()),
            ("API_SERVERS", &servers(7880)),
            ("TURN_SERVERS", &servers(5349)),
            ("RTMP_SERVERS", &servers(1935)),
        ],
    );
    Ok(Service {
        name: format!("caddy-{}", place.word()),
        place,
        program: "nginx".to_owned(),
        arguments: words(&["-c", &in_folder(folder, &file)]),
        files: vec![(file, configuration)],
        listens: vec![("tcp", 7880), ("tcp", 5349), ("tcp", 1945)],
    })
}
