//! Machines whose firewall is what `ovcheck firewall` writes, on machines that had no rules before.

use serde_json::Value;

use super::cluster::Topology;
use super::command::{Fallible, output, run};
use super::deployment;
use super::lab::Lab;
use super::network::Place;
use super::situations::Situation;

/// What all machines of the deployment get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// As `--format` takes it.
    pub format: &'static str,
    /// The rule whose lines are taken away before the script runs; empty: none is.
    pub without: &'static str,
}

/// The script runs in a shell whose `/etc` is a layer over the machine's own: what it writes there is the
/// laboratory's.
const IN_A_LAYER: &str = "mount -t tmpfs none /mnt
mkdir /mnt/upper /mnt/work
mount -t overlay overlay -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work /etc
exec timeout 30 sh -s";

/// Writes and loads them.
///
/// # Errors
/// When a script does not end well.
pub fn load(lab: &Lab, situation: &Situation, written: Written) -> Fallible<()> {
    let stand_ins = super::mend::stand_ins(lab)?;
    let config = deployment::write(&lab.network, situation.policy, situation.topology)?;
    for (node, place) in machines(situation.topology) {
        let mut ovcheck = lab.network.at(place, &lab.ovcheck.display().to_string())?;
        let script = run(ovcheck
            .args(["firewall", "--config", &config, "--machine", node])
            .args(["--format", written.format]))?;
        let is_kept = |line: &&str| written.without.is_empty() || !line.contains(written.without);
        let script: Vec<&str> = script.lines().filter(is_kept).collect();
        run(lab.network.at(place, "nft")?.args(["flush", "ruleset"]))?;
        let mut shell = lab.network.at(place, "unshare")?;
        shell.env("PATH", format!("{stand_ins}:/usr/sbin:/usr/bin:/sbin:/bin"));
        shell.args(["--mount", "--", "sh", "-ec", IN_A_LAYER]);
        super::command::feed(&mut shell, &script.join("\n"))?;
    }
    Ok(())
}

/// `ovcheck host` finds right on every machine what `ovcheck firewall` wrote there, and names the row that
/// was taken away. It also tells LiveKit from a program that is a stranger to OpenVidu.
///
/// # Errors
/// When it says something else.
pub fn is_right_on_machines(lab: &Lab, situation: &Situation, written: Written) -> Fallible<()> {
    let config = deployment::write(&lab.network, situation.policy, situation.topology)?;
    for (node, place) in machines(situation.topology) {
        let mut ovcheck = lab.network.at(place, &lab.ovcheck.display().to_string())?;
        ovcheck.args(["host", "--config", &config, "--machine", node, "--format", "json"]);
        let report: Value = serde_json::from_slice(&output(&mut ovcheck)?.stdout)
            .map_err(|e| format!("ovcheck host on {node}: {e}"))?;
        let findings = report["findings"].as_array().ok_or("no list of findings")?;
        let faults = |rule: &str| -> Vec<String> {
            let is_fault = |it: &&Value| {
                let id = it["rule"].as_str().unwrap_or_default();
                id.starts_with(rule) && it["verdict"] != "pass"
            };
            findings.iter().filter(is_fault).map(in_words).collect()
        };
        // `ports/media-udp-443`
        let (_, row) = written.without.split_once('/').unwrap_or_default();
        let words: Vec<&str> = row.splitn(3, '-').collect();
        let expected = match words.as_slice() {
            [role, transport, port] if node.starts_with(role) => {
                vec![format!("host/firewall-admits {transport} {port} fail")]
            }
            _ => Vec::new(),
        };
        let of_firewall = [faults("host/firewall-"), faults("host/media-")].concat();
        if of_firewall != expected {
            return Err(format!("ovcheck host on {node}: {of_firewall:?}, expected {expected:?}"));
        }
        // In the laboratory, stand-ins serve other ports than those of LiveKit.
        let strangers = faults("host/openvidu-ports");
        let is_livekits = |it: &String| it.contains("tcp 7881 ") || it.contains("udp 443 ");
        let names_stand_in = strangers.iter().any(|it| it.contains("tcp 1945 fail"));
        if node == "openvidu" && (strangers.iter().any(is_livekits) || !names_stand_in) {
            return Err(format!("ovcheck host on {node} takes for strangers: {strangers:?}"));
        }
    }
    Ok(())
}

fn in_words(finding: &Value) -> String {
    let target = &finding["target"];
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let port = match (&target["port"]["first"], &target["port"]["last"]) {
        (Value::Null, _) => target["port"].to_string(),
        (first, last) => format!("{first}-{last}"),
    };
    let (rule, verdict) = (word(&finding["rule"]), word(&finding["verdict"]));
    format!("{rule} {} {port} {verdict}", word(&target["transport"]))
}

/// The nodes of the deployment file, and where they are.
fn machines(topology: Topology) -> Vec<(&'static str, Place)> {
    if topology == Topology::SingleNode {
        return vec![("proxy", Place::Proxy), ("openvidu", Place::Node)];
    }
    topology.machines().map(|machine| (machine.place.word(), machine.place)).collect()
}
