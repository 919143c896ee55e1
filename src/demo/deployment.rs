//! The deployment that the demo simulates, and its deployment file.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use crate::model::deployment::{
    Deployment, Edition, Feature, Modules, Node, NodeRole, Policy, RtcEngine, Topology, Uses,
};
use crate::model::dial::ConnectTo;

/// The domain of the demo.
pub const DOMAIN: &str = "openvidu.example.io";
/// The TURN domain of the demo.
pub const TURN_DOMAIN: &str = "turn.example.io";

/// The addresses of the demo's machines in one family, and the loopback address behind them.
#[derive(Debug, Clone, Copy)]
pub struct Machines {
    pub proxy: IpAddr,
    pub openvidu: IpAddr,
    pub loopback: IpAddr,
}

/// From the blocks for documentation (RFC 5737, RFC 3849).
pub const IPV4: Machines = Machines {
    proxy: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 10)),
    openvidu: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 20)),
    loopback: IpAddr::V4(Ipv4Addr::LOCALHOST),
};

/// From the blocks for documentation (RFC 5737, RFC 3849).
pub const IPV6: Machines = Machines {
    proxy: IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 5, 0, 0, 0, 0, 0x10)),
    openvidu: IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 5, 0, 0, 0, 0, 0x20)),
    loopback: IpAddr::V6(Ipv6Addr::LOCALHOST),
};

/// The deployment that the demo simulates.
pub fn deployment(policy: Policy, families: &[Machines]) -> Deployment {
    let node = |role: NodeRole, address: fn(&Machines) -> IpAddr| Node {
        name: role.to_string().parse().expect("the word for a role is a node name"),
        role,
        addresses: families.iter().map(address).collect(),
        private_addresses: Vec::new(),
    };
    Deployment {
        edition: Edition::V3_2,
        topology: Topology::SingleNode,
        policy,
        domain: DOMAIN.parse().expect("it is a domain name"),
        turn_domain: Some(TURN_DOMAIN.parse().expect("it is a domain name")),
        rtc_engine: RtcEngine::Pion,
        uses: Uses::Listed(uses(policy)),
        modules: Modules::Unsaid,
        nodes: vec![
            node(NodeRole::Proxy, |machines| machines.proxy),
            node(NodeRole::Openvidu, |machines| machines.openvidu),
        ],
    }
}

/// Under forced TURN, WebRTC over TCP is closed and WHIP does not work, because it cannot use TURN.
fn uses(policy: Policy) -> BTreeSet<Feature> {
    match policy {
        Policy::Default => [Feature::Rtmp, Feature::Whip, Feature::IceTcp].into(),
        Policy::ForcedTurn | Policy::Tls443 | Policy::Udp443 => [Feature::Rtmp].into(),
    }
}

/// The settings that are needed in addition to the deployment, to check it on this machine.
pub struct Surroundings<'a> {
    pub connect_to: &'a [ConnectTo],
    pub dns_server: SocketAddr,
    pub stun_servers: &'a [SocketAddr],
    pub ca_file: &'a Path,
}

/// The deployment and its surroundings as `ovcheck.toml`.
pub fn file(deployment: &Deployment, around: &Surroundings) -> String {
    let mut text = String::new();
    let mut line = |line: String| {
        writeln!(text, "{line}").expect("a string takes everything that is written to it");
    };
    line(
        "# The deployment of `ovcheck demo`. Its documentation addresses connect to loopback."
            .into(),
    );
    line(format!("guide = \"{}\"", deployment.edition));
    line(format!("topology = \"{}\"", deployment.topology));
    line(format!("domain-name = \"{}\"", deployment.domain));
    if let Some(turn_domain) = &deployment.turn_domain {
        line(format!("turn-domain-name = \"{turn_domain}\""));
    }
    line(format!("policy = \"{}\"", deployment.policy));
    line(format!("rtc-engine = \"{}\"", deployment.rtc_engine));
    match &deployment.uses {
        Uses::Unsaid => {}
        Uses::Listed(features) => line(format!("uses = {}", list(features))),
    }
    line(format!("dns-server = \"{}\"", around.dns_server));
    line(format!("stun-server = {}", list(around.stun_servers)));
    // A literal string, in which backslashes and quotes of a path have no special meaning.
    line(format!("ca-file = '{}'", around.ca_file.display()));
    line("connect-to = [".into());
    for entry in around.connect_to {
        line(format!("  \"{}\",", connect_to_text(entry)));
    }
    line("]".into());
    for node in &deployment.nodes {
        line(format!("\n[nodes.{}]", node.name));
        line(format!("addresses = {}", list(&node.addresses)));
    }
    line("\n[vantage]\nzone = \"internet\"".into());
    text
}

/// A TOML array of strings on one line.
fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<_> = items.into_iter().map(|item| format!("\"{}\"", item.to_string())).collect();
    format!("[{}]", items.join(", "))
}

/// The entry in the form of `--connect-to`.
fn connect_to_text(entry: &ConnectTo) -> String {
    fn address(address: Option<IpAddr>) -> String {
        match address {
            None => String::new(),
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => format!("[{address}]"),
        }
    }
    fn port<T: ToString>(port: Option<T>) -> String {
        port.map(|port| port.to_string()).unwrap_or_default()
    }
    format!(
        "{}:{}:{}:{}",
        address(entry.address),
        port(entry.ports),
        address(entry.to_address),
        port(entry.to_port)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_written_as_it_is_read() {
        for text in [
            "203.0.113.10:443:127.0.0.1:8443",
            "[2001:db8::1]:50000-60000:[::1]:9",
            "203.0.113.10::127.0.0.1:9",
            ":::",
        ] {
            let entry: ConnectTo = text.parse().unwrap();
            assert_eq!(connect_to_text(&entry), text);
        }
    }

    #[test]
    fn the_file_says_what_the_deployment_says() {
        let text = file(
            &deployment(Policy::ForcedTurn, &[IPV4, IPV6]),
            &Surroundings {
                connect_to: &["203.0.113.10:443:127.0.0.1:8443".parse().unwrap()],
                dns_server: "127.0.0.1:5353".parse().unwrap(),
                stun_servers: &["127.0.0.1:3478".parse().unwrap()],
                ca_file: Path::new("/tmp/demo.pem"),
            },
        );
        let expected = r#"# The deployment of `ovcheck demo`. Its documentation addresses connect to loopback.
guide = "3.2"
topology = "single-node"
domain-name = "openvidu.example.io"
turn-domain-name = "turn.example.io"
policy = "forced-turn"
rtc-engine = "pion"
uses = ["rtmp"]
dns-server = "127.0.0.1:5353"
stun-server = ["127.0.0.1:3478"]
ca-file = '/tmp/demo.pem'
connect-to = [
  "203.0.113.10:443:127.0.0.1:8443",
]

[nodes.proxy]
addresses = ["203.0.113.10", "2001:db8:5::10"]

[nodes.openvidu]
addresses = ["203.0.113.20", "2001:db8:5::20"]

[vantage]
zone = "internet"
"#;
        assert_eq!(text, expected);
    }
}
