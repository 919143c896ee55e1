//! How long a call takes, beside a headless browser that joins over the same ways.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::cluster::Topology;
use super::command::{Fallible, find};
use super::deployment::{self, Policy};
use super::lab::Lab;
use super::measure::{self, Process, median, ms};
use super::network::{PROXY, Place, fixture_path};
use super::token::{API_KEY, API_SECRET};

const WAYS: [&str; 4] = ["udp", "ice-tcp", "turn-udp", "turns"];

/// What a run of `ovcheck` is given, and what it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Ports,
    PortsAndCall,
    CallAlone,
}

/// A run from the client as an ordinary user.
pub struct Run {
    pub wall_ms: u64,
    /// When each way was proven, after the start of the run.
    pub proven_ms: Vec<(String, u64)>,
}

impl Run {
    /// When the last of the four ways was proven; `None` when one was not.
    pub fn last_proof_ms(&self) -> Option<u64> {
        let all = WAYS.iter().all(|way| self.proven_ms.iter().any(|(of, _)| of == way));
        let last = self.proven_ms.iter().map(|(_, ms)| *ms).max();
        last.filter(|_| all)
    }
}

/// Runs `ovcheck` on this level.
pub fn run(lab: &Lab, policy: Policy, level: Level) -> Fallible<Run> {
    let mut command = lab.network.at(Place::Client, "setpriv")?;
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    command.args(["--no-new-privs", "env"]);
    if level != Level::Ports {
        command.arg(format!("OVCHECK_API_KEY={API_KEY}"));
        command.arg(format!("OVCHECK_API_SECRET={API_SECRET}"));
    }
    let subcommand = match level {
        Level::Ports | Level::PortsAndCall => "check",
        Level::CallAlone => "call",
    };
    command
        .arg(&lab.ovcheck)
        .args([subcommand, "--format", "json", "--config"])
        .arg(deployment::write(&lab.network, policy, Topology::SingleNode)?);
    let process = measure::process(lab, &mut command)?;
    Ok(Run { wall_ms: ms(process.wall), proven_ms: proofs(&process)? })
}

/// The first proof of each way.
fn proofs(process: &Process) -> Fallible<Vec<(String, u64)>> {
    let report: Value = serde_json::from_str(&process.output)
        .map_err(|e| format!("exit status {}, and no JSON report: {e}", process.exit))?;
    let mut proofs: Vec<(String, u64)> = Vec::new();
    for observation in report["observations"].as_array().into_iter().flatten() {
        let started = observation["started_ms"].as_u64().unwrap_or_default();
        let paths = observation["facts"]["paths"].as_array();
        for path in paths.into_iter().flatten() {
            let way = path["way"].as_str().unwrap_or_default();
            let ended = path["ended_ms"].as_u64().unwrap_or_default();
            let is_proven = !path["check"]["answered"].is_null();
            if is_proven && !proofs.iter().any(|(of, _)| of == way) {
                proofs.push((way.to_owned(), started + ended));
            }
        }
    }
    Ok(proofs)
}

/// Where the browser and LiveKit's own client are; `None`: not on this machine.
pub fn browser() -> Option<(PathBuf, PathBuf)> {
    let client = PathBuf::from(std::env::var_os("OVCHECK_LIVEKIT_CLIENT_JS")?);
    let chromium = find("chromium")?;
    client.is_file().then_some((chromium, client))
}

/// How long the browser needed for each way, and what it said where it failed.
pub fn browse(
    lab: &Lab,
    (chromium, client): (&Path, &Path),
) -> Fallible<Vec<(String, u64, String)>> {
    let profile = lab.network.folder.join("browser");
    let rules = format!("MAP openvidu.example.io {0}, MAP turn.example.io {0}", PROXY[0]);
    let mut command: Command = lab.network.at(Place::Client, "env")?;
    command
        .arg(format!("OVCHECK_TOKEN={}", token()?))
        .arg("python3")
        .arg(fixture_path("browser.py"))
        .args([chromium, client])
        .args(["wss://openvidu.example.io", &rules])
        .arg(profile);
    let process = measure::process(lab, &mut command)?;
    let joins: Value = serde_json::from_str(&process.output)
        .map_err(|e| format!("the browser said nothing: {e}"))?;
    let joins = joins.as_array().ok_or("the browser said no list")?;
    Ok(joins
        .iter()
        .map(|join| {
            let text = |key: &str| join[key].as_str().unwrap_or_default().to_owned();
            (text("way"), join["ms"].as_u64().unwrap_or_default(), text("error"))
        })
        .collect())
}

/// A token for a room of the browser's own.
fn token() -> Fallible<String> {
    use ovcheck::model::secret::Secret;
    use ovcheck::net::clock::Clock;
    let secret = Secret::new(API_SECRET);
    let now = Clock::start().now();
    let token =
        ovcheck::proto::livekit::token::join_token(API_KEY, &secret, "bench", "browser", now);
    Ok(token.expose().to_owned())
}

/// The median of what each run says.
pub fn middle(runs: &[Run], value: impl Fn(&Run) -> u64) -> u64 {
    median(runs.iter().map(value).collect())
}
