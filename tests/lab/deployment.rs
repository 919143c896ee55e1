//! What the operator of the laboratory's deployment says is there.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::NamedTempFile;

use super::cluster::{Role, Topology};
use super::command::Fallible;
use super::network::{Crowd, NODE, Network, OUTSIDE, PROXY};

/// The policy that the deployment file names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    Default,
    ForcedTurn,
}

impl Policy {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Default => ("default", r#"["rtmp", "whip", "ice-tcp", "public-minio"]"#),
            // WHIP and ICE-TCP do without the proxy, MinIO has no name there.
            Self::ForcedTurn => ("forced-turn", r#"["rtmp"]"#),
        }
    }
}

/// Writes `ovcheck.toml` for the laboratory and returns its path.
pub fn write(network: &Network, policy: Policy, topology: Topology) -> Fallible<String> {
    let (name, machines) = match topology {
        Topology::SingleNode => ("single-node", openvidu_machine()),
        Topology::Elastic => ("elastic", several_machines(topology)),
        Topology::HighAvailability => ("high-availability", several_machines(topology)),
    };
    write_as(network, name, policy, (name, &machines))
}

/// Writes the file of an Elastic deployment under forced TURN, whose Media Nodes are a crowd, and returns
/// its path.
#[allow(dead_code, reason = "the benchmark's")]
pub fn write_crowd(network: &Network, crowd: &Crowd) -> Fallible<String> {
    let few = several_machines(Topology::Elastic);
    let (others, _) = few.split_once("\n[nodes.media-1]").ok_or("the Media Nodes are the last")?;
    let media = (1..).zip(&crowd.nodes).map(|(number, [v4, v6])| {
        format!("[nodes.media-{number}]\nrole = \"media\"\naddresses = [\"{v4}\", \"{v6}\"]\n")
    });
    let machines = format!("{others}\n{}", media.collect::<String>());
    let name = format!("crowd-of-{}", crowd.nodes.len());
    write_as(network, &name, Policy::ForcedTurn, ("elastic", &machines))
}

/// Writes a file of this name.
fn write_as(
    network: &Network,
    name: &str,
    policy: Policy,
    (topology, machines): (&str, &str),
) -> Fallible<String> {
    let (word, uses) = policy.words();
    // A machine that answers nothing from outside is swept because its operator says so.
    let names = machines.lines().filter_map(|line| line.strip_prefix("[nodes.")?.strip_suffix(']'));
    let swept: Vec<String> = names.map(|name| format!("\"{name}\"")).collect();
    let swept = swept.join(", ");
    let folder = network.folder.display();
    let text = format!(
        r#"guide = "3.2"
topology = "{topology}"
domain-name = "openvidu.example.io"
turn-domain-name = "turn.example.io"
policy = "{word}"
uses = {uses}
sweep = [{swept}]
allow-large-sweep = true
dns-server = "{}:53"
stun-server = ["stun.example.io:3478"]
ca-file = "{folder}/root.pem"

{machines}"#,
        OUTSIDE[0],
    );
    let path = format!("{folder}/{name}-{word}.toml");
    write_whole(&path, &text)?;
    Ok(path)
}

/// Another run may read the file of this name at the same time, and finds the old one or the new one.
pub fn write_whole(path: &str, text: &str) -> Fallible<()> {
    let mut beside = NamedTempFile::new_in(Path::new(path).parent().unwrap_or(Path::new(".")))
        .map_err(|e| format!("beside {path}: {e}"))?;
    beside.write_all(text.as_bytes()).map_err(|e| format!("write {path}: {e}"))?;
    let everyone = Permissions::from_mode(0o644);
    beside.as_file().set_permissions(everyone).map_err(|e| format!("{path}: {e}"))?;
    beside.persist(path).map_err(|e| format!("write {path}: {e}"))?;
    Ok(())
}

fn openvidu_machine() -> String {
    format!(
        r#"[nodes.proxy]
addresses = ["{}", "{}"]

[nodes.openvidu]
addresses = ["{}", "{}"]
"#,
        PROXY[0], PROXY[1], NODE[0], NODE[1],
    )
}

fn several_machines(topology: Topology) -> String {
    let machines = topology.machines().map(|machine| {
        let role = match machine.role {
            Role::Proxy => "proxy",
            Role::Master => "master",
            Role::Media => "media",
        };
        let (name, [v4, v6], private) = (machine.place.word(), machine.public, machine.private);
        format!(
            r#"
[nodes.{name}]
role = "{role}"
addresses = ["{v4}", "{v6}"]
private-addresses = ["{private}"]
"#
        )
    });
    // A key of the whole file has to stand before the tables.
    format!("enabled-modules = [\"observability\", \"app\"]\n{}", machines.collect::<String>())
}
