//! Network namespaces, wired like an internet in small.
//!
//! ```text
//!  client ── 198.51.100.0/24 ──┐          ┌── 203.0.113.0/24 ──┬── proxy  .10
//!            2001:db8:c::/64   ├─ router ─┤   2001:db8:5::/64   └── node   .20
//!  outside .53 (DNS, STUN) ──┬─┘          (bridge)
//!  cdn     .80 ──────────────┘
//!    192.0.2.0/24, 2001:db8:53::/64 (bridge)
//! ```
//!
//! Elastic and High Availability, when a situation wants them: `master-1` .11, `master-2` .12,
//! `media-1` .21 and `media-2` .22 beside the proxy, and a second bridge for these five alone,
//! 10.0.0.0/24.
//!
//! Their names are `ovl<pid>.<number>-…`: what a laboratory that was killed left behind is swept away by
//! the next one.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::cluster::{MACHINES, Role};
use super::command::{Fallible, Running, command, eprint_line, feed, find, run};

pub const OUTSIDE: [&str; 2] = ["192.0.2.53", "2001:db8:53::53"];
pub const CDN: [&str; 2] = ["192.0.2.80", "2001:db8:53::80"];
pub const PROXY: [&str; 2] = ["203.0.113.10", "2001:db8:5::10"];
pub const NODE: [&str; 2] = ["203.0.113.20", "2001:db8:5::20"];

/// A machine of the laboratory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Client,
    Router,
    /// Where DNS and a STUN server are, which have nothing to do with the deployment.
    Outside,
    /// A content delivery network, for whoever puts one in front.
    Cdn,
    Proxy,
    Node,
    Master1,
    Master2,
    Media1,
    Media2,
    /// Where the addresses of many Media Nodes are.
    #[allow(dead_code, reason = "the benchmark's")]
    Crowd,
}

impl Place {
    /// Those that every laboratory has.
    const ALWAYS: [Self; 6] =
        [Self::Client, Self::Router, Self::Outside, Self::Cdn, Self::Proxy, Self::Node];

    /// Those of Elastic and High Availability.
    const OF_CLUSTER: [Self; 4] = [Self::Master1, Self::Master2, Self::Media1, Self::Media2];

    /// The machine of Elastic or High Availability with this name.
    pub fn called(name: &str) -> Option<Self> {
        let mut places = Self::OF_CLUSTER.into_iter();
        places.find(|place| place.word() == name)
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Router => "router",
            Self::Outside => "outside",
            Self::Cdn => "cdn",
            Self::Proxy => "proxy",
            Self::Node => "node",
            Self::Master1 => "master-1",
            Self::Master2 => "master-2",
            Self::Media1 => "media-1",
            Self::Media2 => "media-2",
            Self::Crowd => "crowd",
        }
    }
}

/// A bridge of the router's, and the machines on it with their addresses.
struct Segment {
    name: &'static str,
    /// The router's own addresses.
    router: [&'static str; 2],
    /// The MAC address of the bridge.
    router_mac: &'static str,
    machines: &'static [(Place, [&'static str; 2])],
}

const SEGMENTS: [Segment; 2] = [
    Segment {
        name: "internet",
        router: ["192.0.2.1", "2001:db8:53::1"],
        router_mac: "02:00:00:00:53:01",
        machines: &[(Place::Outside, OUTSIDE), (Place::Cdn, CDN)],
    },
    Segment {
        name: "deployment",
        router: ["203.0.113.1", "2001:db8:5::1"],
        router_mac: "02:00:00:00:05:01",
        machines: &[(Place::Proxy, PROXY), (Place::Node, NODE)],
    },
];

/// Many Media Nodes: an IPv4 and an IPv6 address for each.
#[allow(dead_code, reason = "the benchmark's")]
pub struct Crowd {
    pub nodes: Vec<[String; 2]>,
}

#[allow(dead_code, reason = "the benchmark's")]
impl Crowd {
    /// So many of them, 254 at most.
    pub fn of(nodes: u16) -> Self {
        let address = |host| [format!("198.18.0.{host}"), format!("2001:db8:77::{host:x}")];
        Self { nodes: (1..=nodes).map(address).collect() }
    }
}

/// The wire between client and router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientLink {
    /// As fast as the machine.
    Direct,
    /// Every frame takes this long, each way, and of a thousand so many are lost. A program carries
    /// them between two TAP devices, because not every kernel has `netem`.
    #[allow(dead_code, reason = "the benchmark's")]
    Delayed { ms: u32, lost_per_mille: u32 },
}

/// The namespaces and the folder of one laboratory.
pub struct Network {
    prefix: String,
    /// For configurations, certificates and logs; everybody may read it.
    pub folder: PathBuf,
    delay_line: Option<Running>,
    /// Whether the machines of Elastic and High Availability are there.
    has_cluster: bool,
    /// How many addresses the client has had.
    turns: u32,
}

impl Network {
    /// Builds it, after sweeping away what dead laboratories left.
    pub fn build(link: ClientLink) -> Fallible<Self> {
        sweep()?;
        static BUILT: AtomicU32 = AtomicU32::new(0);
        let number = BUILT.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("ovl{}.{number}", std::process::id());
        let folder = std::env::temp_dir().join(&prefix);
        std::fs::create_dir_all(&folder).map_err(|e| format!("create {folder:?}: {e}"))?;
        let mut network = Self { prefix, folder, delay_line: None, has_cluster: false, turns: 0 };
        for place in Place::ALWAYS {
            network.add(place)?;
        }
        let forwarding = "net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1";
        run(network.at(Place::Router, "sysctl")?.arg("-qw").args(forwarding.split(' ')))?;
        network.wire()?;
        network.connect_client(link)?;
        Ok(network)
    }

    fn add(&self, place: Place) -> Fallible<()> {
        let name = self.name(place);
        run(command("ip")?.args(["netns", "add", &name]))?;
        // Addresses are usable at once, instead of after a second of duplicate detection.
        let settings = "net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0";
        run(self.at(place, "sysctl")?.arg("-qw").args(settings.split(' ')))?;
        // As systemd sets it: everybody may ping.
        let ping = "net.ipv4.ping_group_range=0 2147483647";
        run(self.at(place, "sysctl")?.args(["-qw", ping]))?;
        Ok(())
    }

    /// Adds the machines of Elastic and High Availability, unless they are there.
    pub fn add_cluster(&mut self) -> Fallible<()> {
        if self.has_cluster {
            return Ok(());
        }
        for place in Place::OF_CLUSTER {
            self.add(place)?;
        }
        let deployment = &SEGMENTS[1];
        self.ip(
            Place::Router,
            "link add private type bridge mcast_snooping 0\nlink set private up\n",
        )?;
        for machine in &MACHINES {
            if machine.role != Role::Proxy {
                self.attach(deployment, machine.place, machine.public)?;
            }
            let (word, private) = (machine.place.word(), machine.private);
            self.ip(
                Place::Router,
                &format!(
                    "link add in-{word} type veth peer name eth1 netns {}\n\
                     link set in-{word} master private\nlink set in-{word} up\n",
                    self.name(machine.place)
                ),
            )?;
            self.ip(
                machine.place,
                &format!("link set eth1 up\naddress add {private}/24 dev eth1\n"),
            )?;
        }
        self.has_cluster = true;
        Ok(())
    }

    /// Adds a machine that has these addresses, with a wire of its own to the client; one that was there
    /// is removed. It may send as many ICMP errors as it likes, as so many machines may together.
    #[allow(dead_code, reason = "the benchmark's")]
    pub fn add_crowd(&self, crowd: &Crowd) -> Fallible<()> {
        let name = self.name(Place::Crowd);
        if PathBuf::from("/run/netns").join(&name).exists() {
            run(command("ip")?.args(["netns", "delete", &name]))?;
        }
        self.add(Place::Crowd)?;
        let unlimited = "net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0";
        run(self.at(Place::Crowd, "sysctl")?.arg("-qw").args(unlimited.split(' ')))?;
        self.ip(
            Place::Client,
            &format!(
                "link add crowd type veth peer name eth0 netns {name}\nlink set crowd up\n\
                 address add 198.18.1.1/24 dev crowd\naddress add 2001:db8:78::1/64 dev crowd nodad\n\
                 route add 198.18.0.0/24 via 198.18.1.2\nroute add 2001:db8:77::/64 via 2001:db8:78::2\n"
            ),
        )?;
        let nodes = crowd.nodes.iter().map(|[v4, v6]| {
            format!("address add {v4}/32 dev lo\naddress add {v6}/128 dev lo nodad\n")
        });
        self.ip(
            Place::Crowd,
            &format!(
                "link set lo up\nlink set eth0 up\naddress add 198.18.1.2/24 dev eth0\n\
                 address add 2001:db8:78::2/64 dev eth0 nodad\n{}",
                nodes.collect::<String>()
            ),
        )
    }

    /// Closes everything on the crowd's machine but one UDP port of one address, and pings. The range is
    /// dropped where packets come in, so that this machine has little work with them.
    #[allow(dead_code, reason = "the benchmark's")]
    pub fn open_in_crowd(&self, address: &str, port: u16) -> Fallible<()> {
        let family = if address.contains(':') { "ip6" } else { "ip" };
        let hole = format!("{family} daddr {address} udp dport {port} accept");
        let ruleset = format!(
            "flush ruleset\n\
             table netdev wire {{\n chain in {{\n  type filter hook ingress device \"eth0\" priority 0\n  \
             {hole}\n  udp dport 50000-60000 drop\n }}\n}}\n\
             table inet filter {{\n chain input {{\n  type filter hook input priority filter; policy drop\n  \
             meta l4proto {{ icmp, ipv6-icmp }} accept\n  {hole}\n }}\n}}\n"
        );
        feed(self.at(Place::Crowd, "nft")?.args(["-f", "-"]), &ruleset)
    }

    pub fn name(&self, place: Place) -> String {
        format!("{}-{}", self.prefix, place.word())
    }

    /// A command that runs in one of the machines.
    pub fn at(&self, place: Place, program: &str) -> Fallible<Command> {
        let path = find(program).ok_or_else(|| format!("{program} is not installed"))?;
        let mut command = command("ip")?;
        command.args(["netns", "exec", &self.name(place)]).arg(path);
        Ok(command)
    }

    /// Lines for `ip -batch` in one of the machines.
    fn ip(&self, place: Place, lines: &str) -> Fallible<()> {
        feed(command("ip")?.args(["-n", &self.name(place), "-batch", "-"]), lines)
    }

    fn wire(&self) -> Fallible<()> {
        self.ip(Place::Router, "link set lo up\n")?;
        for segment in &SEGMENTS {
            let (bridge, [router_v4, router_v6]) = (segment.name, segment.router);
            // Of its own a bridge takes the lowest of its ports, another one when machines are
            // added; who knows the router by its IPv6 address alone would not hear of that.
            let mac = segment.router_mac;
            self.ip(
                Place::Router,
                &format!(
                    "link add {bridge} address {mac} type bridge mcast_snooping 0\n\
                     address add {router_v4}/24 dev {bridge}\n\
                     address add {router_v6}/64 dev {bridge} nodad\n\
                     link set {bridge} up\n"
                ),
            )?;
            for (place, addresses) in segment.machines {
                self.attach(segment, *place, *addresses)?;
            }
        }
        Ok(())
    }

    /// Wires a machine to a bridge of the router's.
    fn attach(&self, segment: &Segment, place: Place, [v4, v6]: [&'static str; 2]) -> Fallible<()> {
        let (bridge, [router_v4, router_v6]) = (segment.name, segment.router);
        let (wire, machine) = (place.word(), self.name(place));
        self.ip(
            Place::Router,
            &format!(
                "link add {wire} type veth peer name eth0 netns {machine}\n\
                 link set {wire} master {bridge}\nlink set {wire} up\n"
            ),
        )?;
        self.ip(
            place,
            &format!(
                "link set lo up\nlink set eth0 up\n\
                 address add {v4}/24 dev eth0\naddress add {v6}/64 dev eth0 nodad\n\
                 route add default via {router_v4}\nroute add default via {router_v6}\n"
            ),
        )
    }

    fn connect_client(&mut self, link: ClientLink) -> Fallible<()> {
        let client = self.name(Place::Client);
        match link {
            ClientLink::Direct => self.ip(
                Place::Router,
                &format!("link add client type veth peer name eth0 netns {client}\n"),
            )?,
            ClientLink::Delayed { ms, lost_per_mille } => {
                self.ip(Place::Router, "tuntap add dev client mode tap\n")?;
                self.ip(Place::Client, "tuntap add dev eth0 mode tap\n")?;
                let mut command = command("python3")?;
                command
                    .arg(fixture_path("delay_line.py"))
                    .args([&client, "eth0", &self.name(Place::Router), "client"])
                    .args([ms.to_string(), lost_per_mille.to_string()]);
                let mut line = Running::start("delay-line", &mut command, &self.folder)?;
                let ready = self.folder.join("delay-line.out");
                line.wait_until(|| {
                    let said = std::fs::read_to_string(&ready).map_err(|e| e.to_string())?;
                    Ok(said.contains("ready"))
                })?;
                self.delay_line = Some(line);
            }
        }
        self.ip(
            Place::Router,
            "link set client up\naddress add 198.51.100.1/24 dev client\n\
             address add 2001:db8:c::1/64 dev client nodad\n",
        )?;
        self.ip(Place::Client, "link set lo up\nlink set eth0 up\n")?;
        self.renew_client()
    }

    /// Gives the client an address that nobody has seen yet. A machine answers each address with
    /// six ICMP errors and then one a second (`icmp_ratelimit`): what one situation has used up
    /// must not be missing in the next.
    pub fn renew_client(&mut self) -> Fallible<()> {
        let host = 10 + self.turns % 240;
        self.turns += 1;
        self.ip(
            Place::Client,
            &format!(
                "address flush dev eth0 scope global\n\
                 address add 198.51.100.{host}/24 dev eth0\n\
                 address add 2001:db8:c::{host}/64 dev eth0 nodad\n\
                 route replace default via 198.51.100.1\n\
                 route replace default via 2001:db8:c::1\n"
            ),
        )
    }

    /// Pulls the client's cable.
    pub fn cut_client_off(&self) -> Fallible<()> {
        self.ip(
            Place::Client,
            "route del default via 198.51.100.1\nroute del default via 2001:db8:c::1\n",
        )
    }

    /// Whether somebody listens on a port of a machine.
    pub fn is_listening(&self, place: Place, transport: &str, port: u16) -> Fallible<bool> {
        let flags = if transport == "udp" { "-Hlnu" } else { "-Hlnt" };
        let sockets = run(self.at(place, "ss")?.args([flags, "sport", "=", &format!(":{port}")]))?;
        Ok(!sockets.trim().is_empty())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.delay_line = None;
        if let Err(e) = remove(&self.prefix) {
            eprint_line(&format!("the laboratory was not removed: {e}"));
        }
    }
}

/// The path of a file in `fixtures/lab`.
pub fn fixture_path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fixtures", "lab", name].iter().collect()
}

/// The text of a file in `fixtures/lab`.
pub fn fixture(name: &str) -> Fallible<String> {
    let path = fixture_path(name);
    std::fs::read_to_string(&path).map_err(|e| format!("read {path:?}: {e}"))
}

/// Removes what laboratories left whose process is dead.
fn sweep() -> Fallible<()> {
    let listed = run(command("ip")?.args(["netns", "list"]))?;
    let mut prefixes: Vec<&str> = listed
        .split_whitespace()
        .filter_map(|word| word.split_once('-'))
        .map(|(prefix, _)| prefix)
        .filter(|prefix| is_dead(prefix))
        .collect();
    prefixes.dedup();
    prefixes.into_iter().try_for_each(remove)
}

fn is_dead(prefix: &str) -> bool {
    let pid = prefix.strip_prefix("ovl").and_then(|rest| rest.split('.').next());
    match pid.map(str::parse::<u32>) {
        Some(Ok(pid)) => !PathBuf::from(format!("/proc/{pid}")).exists(),
        Some(Err(_)) | None => false,
    }
}

/// Ends what runs in the namespaces with this prefix and removes them and their folder.
fn remove(prefix: &str) -> Fallible<()> {
    for place in Place::ALWAYS.into_iter().chain(Place::OF_CLUSTER).chain([Place::Crowd]) {
        let name = format!("{prefix}-{}", place.word());
        if !PathBuf::from("/run/netns").join(&name).exists() {
            continue;
        }
        let inside = run(command("ip")?.args(["netns", "pids", &name]))?;
        for pid in inside.split_whitespace() {
            // It may have ended by itself meanwhile.
            super::command::output(command("kill")?.args(["-KILL", pid]))?;
        }
        run(command("ip")?.args(["netns", "delete", &name]))?;
    }
    let folder = std::env::temp_dir().join(prefix);
    match std::fs::remove_dir_all(&folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("remove {folder:?}: {e}"))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
