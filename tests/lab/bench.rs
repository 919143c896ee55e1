//! How long a whole check takes at a round trip of 40 ms, and how much memory.
//!
//! `cargo bench --bench whole_check` (Linux, root, the peers of the laboratory). It prints figures
//! and judges none: a slow machine is no mistake in the program. `docs/performance.md` has those
//! of one machine.

mod certificates;
mod command;
mod deployment;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod lab;
mod needs;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod network;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod services;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod world;

use std::io::Write;
use std::process::{ExitCode, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use command::Fallible;
use deployment::Policy;
use lab::Lab;
use network::{ClientLink, Place};
use world::{Front, World};

const ONE_WAY_MS: u32 = 20;
const RUNS: usize = 5;

/// What is measured: its name, the policy, and what differs from a right deployment.
type Case = (&'static str, Policy, fn(&mut World));

const CASES: &[Case] = &[
    ("forced-turn, compliant", Policy::ForcedTurn, |_| {}),
    ("default, compliant", Policy::Default, |_| {}),
    ("forced-turn, backends dead", Policy::ForcedTurn, |world| {
        world.node().first = "tcp dport { 7880, 5349, 1945 } reject with tcp reset";
    }),
    ("forced-turn, backends drop", Policy::ForcedTurn, |world| {
        world.node().from_proxy = "22";
    }),
    (
        "forced-turn, plaintext on 1935",
        Policy::ForcedTurn,
        |world| {
            world.proxy.port_1935_speaks_tls = false;
        },
    ),
    // Accepts every connection and never says a word.
    ("forced-turn, tarpit", Policy::ForcedTurn, |world| {
        world.proxy.front = Front::Tarpit;
    }),
];

/// One run, measured.
struct Measured {
    exit: i32,
    /// From the start of the process to its end.
    wall_ms: u64,
    /// What the report says of the run itself.
    run_ms: u64,
    /// When the last probe ended that was answered, and which one that was.
    last_answer_ms: u64,
    last_answer: String,
    /// The most memory that was resident.
    peak_kib: u64,
}

fn main() -> ExitCode {
    let result = match needs::missing() {
        Some(why) => Err(format!("cannot run here: {why}")),
        None => measure_all(&mut std::io::stdout()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            command::eprint_line(&why);
            ExitCode::FAILURE
        }
    }
}

fn measure_all(out: &mut impl Write) -> Fallible<()> {
    let mut lab = Lab::build(ClientLink::Delayed { ms: ONE_WAY_MS })?;
    let mut print = |line: String| writeln!(out, "{line}").map_err(|e| e.to_string());
    print(format!(
        "round trip {} ms, dual stack, Single Node; median (and worst) of {RUNS} runs\n",
        2 * ONE_WAY_MS
    ))?;
    print(
        "| situation | exit | process ms | run ms | last answer ms | of | peak MiB |".to_owned(),
    )?;
    print("| --- | --- | --- | --- | --- | --- | --- |".to_owned())?;
    for (name, policy, fault) in CASES {
        let mut world = match policy {
            Policy::Default => World::default_policy(),
            Policy::ForcedTurn => World::forced_turn(),
        };
        fault(&mut world);
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            lab.become_like(&world)?;
            runs.push(measure(&lab, *policy)?);
        }
        let column = |value: fn(&Measured) -> u64| spread(runs.iter().map(value).collect());
        print(format!(
            "| {name} | {} | {} | {} | {} | {} | {} |",
            runs[0].exit,
            column(|run| run.wall_ms),
            column(|run| run.run_ms),
            column(|run| run.last_answer_ms),
            runs[0].last_answer,
            column(|run| run.peak_kib / 1024),
        ))?;
    }
    Ok(())
}

/// The median, and the largest in brackets.
fn spread(mut values: Vec<u64>) -> String {
    values.sort_unstable();
    match (values.get(values.len() / 2), values.last()) {
        (Some(median), Some(worst)) => format!("{median} ({worst})"),
        (None, _) | (_, None) => "-".to_owned(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the time of a process is measured from outside"
)]
fn measure(lab: &Lab, policy: Policy) -> Fallible<Measured> {
    let report_path = lab.network.folder.join("bench.json");
    let report_file = std::fs::File::create(&report_path).map_err(|e| e.to_string())?;
    let mut command = lab.network.at(Place::Client, "env")?;
    command
        .arg(&lab.ovcheck)
        .args(["check", "--format", "json", "--config"])
        .arg(deployment::write(&lab.network, policy)?)
        .stdin(Stdio::null())
        .stdout(report_file);
    let started = Instant::now();
    let mut child = command.spawn().map_err(|e| e.to_string())?;
    // `ip` and `env` become the program, so that the process stays the same.
    let status_path = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    let exit = loop {
        if let Ok(status) = std::fs::read_to_string(&status_path) {
            peak_kib = peak_kib.max(peak_of(&status));
        }
        match child.try_wait().map_err(|e| e.to_string())? {
            Some(status) => break status.code().ok_or("ovcheck was killed")?,
            None if started.elapsed() > Duration::from_secs(60) => {
                child.kill().map_err(|e| e.to_string())?;
                return Err("a check took longer than a minute".to_owned());
            }
            None => sleep(Duration::from_millis(5)),
        }
    };
    let wall = started.elapsed();
    let text = std::fs::read(&report_path).map_err(|e| e.to_string())?;
    let report: Value = serde_json::from_slice(&text).map_err(|e| e.to_string())?;
    let (last_answer_ms, last_answer) = last_answer(&report);
    Ok(Measured {
        exit,
        wall_ms: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
        run_ms: report["run"]["duration_ms"].as_u64().unwrap_or_default(),
        last_answer_ms,
        last_answer,
        peak_kib,
    })
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

/// When the last probe ended that got what it asked for, and which one that was. A probe of several
/// steps or ports that also waited for silence is none, nor is one that waits on purpose.
fn last_answer(report: &Value) -> (u64, String) {
    let observations = report["observations"].as_array();
    observations
        .into_iter()
        .flatten()
        .filter(|observation| {
            let facts = observation["facts"].to_string();
            let waits = observation["asked"]["probe"] == "hold";
            !observation["facts"].is_null() && !waits && !facts.contains("\"silent\"")
        })
        .filter_map(|observation| {
            let ended = observation["started_ms"].as_u64()? + observation["took_ms"].as_u64()?;
            Some((ended, what_was_asked(&observation["asked"])))
        })
        .max()
        .unwrap_or_default()
}

/// A probe in a few words: `turn udp 203.0.113.20 443`.
fn what_was_asked(asked: &Value) -> String {
    ["probe", "request", "offer", "over"]
        .iter()
        .filter_map(|key| asked[key].as_str().map(str::to_owned))
        .chain(asked["to"]["address"].as_str().map(str::to_owned))
        .chain(asked["to"]["port"].as_u64().map(|port| port.to_string()))
        .collect::<Vec<_>>()
        .join(" ")
}
