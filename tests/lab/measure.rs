//! How long a program took in the laboratory, and how much memory.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::check::{Run, User};
use super::cluster::Topology;
use super::command::Fallible;
use super::deployment::Policy;
use super::lab::Lab;
use super::network::Place;
use super::situations::Declared;

/// Nothing that is measured here takes longer by itself.
const LONGEST: Duration = Duration::from_secs(400);

/// A process that came to its end.
pub struct Process {
    pub exit: i32,
    pub wall: Duration,
    /// The most memory that was resident, in KiB.
    pub peak_kib: u64,
    /// The CPU time, in the kernel too.
    pub cpu: Duration,
    /// What it wrote to standard output.
    pub output: String,
}

/// Runs a command to its end.
#[expect(clippy::disallowed_methods, reason = "the time of a process is measured from outside")]
pub fn process(lab: &Lab, command: &mut Command) -> Fallible<Process> {
    let path: PathBuf = lab.network.folder.join("measured.out");
    let file = File::create(&path).map_err(|e| e.to_string())?;
    command.stdin(Stdio::null()).stdout(file).stderr(Stdio::null());
    let started = Instant::now();
    let mut child = command.spawn().map_err(|e| format!("{command:?}: {e}"))?;
    // `ip`, `setpriv` and `env` become the program, so that the process stays the same.
    let status_path = format!("/proc/{}/status", child.id());
    let stat_path = format!("/proc/{}/stat", child.id());
    let (mut peak_kib, mut cpu) = (0, Duration::ZERO);
    let exit = loop {
        if let Ok(status) = std::fs::read_to_string(&status_path) {
            peak_kib = peak_kib.max(peak_of(&status));
        }
        if let Ok(stat) = std::fs::read_to_string(&stat_path) {
            cpu = cpu.max(cpu_of(&stat));
        }
        match child.try_wait().map_err(|e| e.to_string())? {
            Some(status) => break status.code().ok_or("the program was killed")?,
            None if started.elapsed() > LONGEST => {
                child.kill().map_err(|e| e.to_string())?;
                return Err(format!("{command:?} took longer than {LONGEST:?}"));
            }
            None => sleep(Duration::from_millis(5)),
        }
    };
    let wall = started.elapsed();
    let output = std::fs::read(&path).map_err(|e| e.to_string())?;
    Ok(Process { exit, wall, peak_kib, cpu, output: String::from_utf8_lossy(&output).into_owned() })
}

/// `VmHWM` of a process: the most memory that was resident, in KiB.
fn peak_of(status: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

/// The CPU time of a process, in ticks of 10 ms (proc(5): the fields behind its name in brackets).
fn cpu_of(stat: &str) -> Duration {
    let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields = behind_name.split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// One run of `ovcheck check` from the client, as an ordinary user, and its report.
pub fn check(lab: &Lab, policy: Policy, topology: Topology) -> Fallible<(Process, Value)> {
    let run = Run {
        policy,
        topology,
        place: Place::Client,
        user: User::Ordinary,
        flags: &[],
        around: &[],
        declared: Declared::File,
        caller: None,
    };
    let process = process(lab, &mut run.command(lab, "json")?)?;
    let report = serde_json::from_str(&process.output)
        .map_err(|e| format!("exit status {}, and no JSON report: {e}", process.exit))?;
    Ok((process, report))
}

/// Milliseconds.
pub fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The value in the middle.
pub fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}
