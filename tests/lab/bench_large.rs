//! Deployments of many Media Nodes: whether one open port among all of them is found, how long that
//! takes, and what it costs this machine.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::command::Fallible;
use super::deployment;
use super::lab::Lab;
use super::measure::{self, Process, median, ms};
use super::network::{Crowd, Place};

/// So many nodes, at this rate, so often. The last goal is that of ten runs.
const SIZES: [(u16, u32, usize); 6] = [
    (1, DEFAULT_RATE, 3),
    (10, DEFAULT_RATE, 3),
    (50, DEFAULT_RATE, 1),
    (200, DEFAULT_RATE, 1),
    (50, HIGHEST_RATE, 10),
    (200, HIGHEST_RATE, 1),
];

/// The program's default, and the most that it takes.
const DEFAULT_RATE: u32 = 50_000;
const HIGHEST_RATE: u32 = 200_000;

const PORTS: RangeInclusive<u16> = 50_000..=60_000;

/// What may be added to the time of sending: 1.2 time-outs.
const BEHIND_ALL_MS: u64 = 1560;

/// The goals for 50 nodes.
const MOST_KIB: u64 = 64 << 10;
const MOST_CPU_PERCENT: u64 = 40;

/// One run.
struct Run {
    process: Process,
    /// How many datagrams of sweeps left.
    sent: u64,
    /// How many ports were not asked.
    unsent: u64,
    /// Whether the open port was named.
    is_found: bool,
}

/// The table of all sizes.
pub fn table(lab: &mut Lab) -> Fallible<String> {
    let mut text = format!(
        "### Many Media Nodes\n\n\
         Elastic, forced TURN: Media Nodes with an IPv4 and an IPv6 address each, whose ranges are closed \
         but for one port of one address, another one in each run. Two datagrams to every port, at \
         {DEFAULT_RATE} (the default) and at {HIGHEST_RATE} per second in all. All addresses are in one \
         namespace that drops everything else; it has no limit of ICMP errors, because so many machines \
         have one each. The wire is as fast as this machine, which also carries the datagrams and drops \
         them: this is a part of the CPU time. Goal for the time: datagrams / rate + 1.2 timeouts; for \
         50 nodes also ≤ 64 MiB, and at {HIGHEST_RATE} per second ≤ {MOST_CPU_PERCENT} % of two cores. \
         Median (and worst).\n\n\
         | Media Nodes | datagrams per second | ports | datagrams | found, of runs | complete | ms | goal ms | \
         CPU, % of two cores | peak MiB |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
    );
    for (nodes, rate, times) in SIZES {
        let crowd = Crowd::of(nodes);
        lab.network.add_crowd(&crowd)?;
        let config = deployment::write_crowd(&lab.network, &crowd)?;
        let runs: Vec<Run> = (0..times)
            .map(|turn| one_run(lab, &crowd, &config, rate, turn))
            .collect::<Fallible<_>>()?;
        let row = row(nodes, rate, &runs);
        // All of them take some minutes.
        super::command::eprint_line(row.trim_end());
        text.push_str(&row);
    }
    text.push('\n');
    Ok(text)
}

fn row(nodes: u16, rate: u32, runs: &[Run]) -> String {
    let all = |value: fn(&Run) -> u64| runs.iter().map(value).collect::<Vec<u64>>();
    let (found, complete) = (
        runs.iter().filter(|run| run.is_found).count(),
        runs.iter().filter(|run| run.unsent == 0).count(),
    );
    let sent = median(all(|run| run.sent));
    let goal = sent * 1000 / u64::from(rate) + BEHIND_ALL_MS;
    let (wall, cpu) = (all(|run| ms(run.process.wall)), all(cpu_percent));
    let peak = all(|run| run.process.peak_kib);
    let is_goal = nodes == 50;
    let is_fast = is_goal && rate == HIGHEST_RATE;
    format!(
        "| {nodes} | {rate} | {} | {sent} | {} | {complete} | {} | {goal} | {} | {} |\n",
        u64::from(nodes) * 2 * PORTS.len() as u64,
        super::met(found == runs.len(), &format!("{found} of {}", runs.len())),
        super::met(median(wall.clone()) <= goal, &super::spread(wall)),
        super::met(!is_fast || median(cpu.clone()) <= MOST_CPU_PERCENT, &super::spread(cpu)),
        super::met(
            !is_goal || median(peak.clone()) <= MOST_KIB,
            &super::spread(peak.iter().map(|kib| kib.div_ceil(1024)).collect())
        ),
    )
}

fn cpu_percent(run: &Run) -> u64 {
    ms(run.process.cpu) * 50 / ms(run.process.wall).max(1)
}

/// A run that has to find the one port, at another address and of another number each time.
fn one_run(lab: &Lab, crowd: &Crowd, config: &str, rate: u32, turn: usize) -> Fallible<Run> {
    // Spread over nodes, families and ports; none of the ports that are asked by number.
    let place = turn * 7 + 3;
    let node = place % crowd.nodes.len();
    let address = &crowd.nodes[node][place % 2];
    let port = PORTS.start() + 321 + u16::try_from(turn).map_err(|e| e.to_string())? * 997;
    lab.network.open_in_crowd(address, port)?;
    let mut command = lab.network.at(Place::Client, "setpriv")?;
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    command.args(["--no-new-privs"]).arg(&lab.ovcheck);
    command.args(["check", "--format", "json", "--config", config]);
    command.args(["--udp-rate", &rate.to_string()]);
    let process = measure::process(lab, &mut command)?;
    let report: Value = serde_json::from_str(&process.output)
        .map_err(|e| format!("exit status {}, and no JSON report: {e}", process.exit))?;
    let observations = report["observations"].as_array();
    let swept: Vec<&Value> = observations
        .into_iter()
        .flatten()
        .map(|observation| &observation["facts"]["swept"])
        .filter(|swept| !swept.is_null())
        .collect();
    let sum = |key: &str| swept.iter().filter_map(|swept| swept[key].as_u64()).sum();
    let is_found = findings_about(&report, address).any(|finding| {
        let observed = finding["observed"].as_str().unwrap_or_default();
        finding["verdict"] == "fail" && observed.contains(&port.to_string())
    });
    // Those that were not swept at all are missing here too.
    let missing = (crowd.nodes.len() * 2).saturating_sub(swept.len()) as u64;
    Ok(Run { sent: sum("sent"), unsent: sum("unsent") + missing, is_found, process })
}

/// What is said of the closed range at an address.
fn findings_about<'a>(report: &'a Value, address: &'a str) -> impl Iterator<Item = &'a Value> {
    let findings = report["findings"].as_array();
    findings.into_iter().flatten().filter(move |finding| {
        finding["rule"] == "policy/media-range-closed" && finding["target"]["address"] == address
    })
}
