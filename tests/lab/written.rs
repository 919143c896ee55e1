//! Machines whose firewall is what `ovcheck firewall` writes, on machines that had no rules before.

use super::cluster::Topology;
use super::command::{Fallible, run};
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

/// The nodes of the deployment file, and where they are.
fn machines(topology: Topology) -> Vec<(&'static str, Place)> {
    if topology == Topology::SingleNode {
        return vec![("proxy", Place::Proxy), ("openvidu", Place::Node)];
    }
    topology.machines().map(|machine| (machine.place.word(), machine.place)).collect()
}
