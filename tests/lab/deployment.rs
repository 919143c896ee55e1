//! What the operator of the laboratory's deployment says is there.

use super::command::Fallible;
use super::network::{NODE, Network, OUTSIDE, PROXY};

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
pub fn write(network: &Network, policy: Policy) -> Fallible<String> {
    let (word, uses) = policy.words();
    let folder = network.folder.display();
    let text = format!(
        r#"guide = "3.2"
topology = "single-node"
domain-name = "openvidu.example.io"
turn-domain-name = "turn.example.io"
policy = "{word}"
uses = {uses}
dns-server = "{}:53"
stun-server = ["stun.example.io:3478"]
ca-file = "{folder}/root.pem"

[nodes.proxy]
addresses = ["{}", "{}"]

[nodes.openvidu]
addresses = ["{}", "{}"]
"#,
        OUTSIDE[0], PROXY[0], PROXY[1], NODE[0], NODE[1],
    );
    let path = format!("{folder}/{word}.toml");
    std::fs::write(&path, text).map_err(|e| format!("write {path}: {e}"))?;
    Ok(path)
}
