//! How long a whole check takes at a round trip of 40 ms, and how much memory.
//!
//! `cargo bench --bench whole_check` (Linux, root, the peers of the laboratory). It prints figures
//! and judges none: a slow machine is no mistake in the program. `docs/performance.md` has those
//! of one machine.

#![expect(
    dead_code,
    reason = "the laboratory's modules are shared with its tests"
)]

mod certificates;
mod check;
mod command;
mod lab;
mod needs;
mod network;
mod world;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::Value;

use check::Policy;
use command::Fallible;
use lab::Lab;
use network::{ClientLink, Place};
use world::World;

const ONE_WAY_MS: u32 = 20;
const RUNS: usize = 5;

/// What is measured, and what differs from a right deployment.
const CASES: &[(&str, Policy, fn(&mut World))] = &[
    ("forced-turn, compliant", Policy::ForcedTurn, |_| {}),
    ("default, compliant", Policy::Default, |_| {}),
    ("forced-turn, backends dead", Policy::ForcedTurn, |world| {
        world.firewall.first = "tcp dport { 7880, 5349, 1945 } reject with tcp reset";
    }),
    (
        "forced-turn, backends drop",
        Policy::ForcedTurn,
        |world| world.firewall.from_proxy = "22",
    ),
    (
        "forced-turn, plaintext on 1935",
        Policy::ForcedTurn,
        |world| world.proxy.port_1935_speaks_tls = false,
    ),
    // Accepts every connection and never says a word.
    ("forced-turn, tarpit", Policy::ForcedTurn, |world| {
        world.proxy.api_certificate = "api";
        world.proxy_is_a_tarpit = true;
    }),
];

/// One run, measured.
struct Measured {
    exit: i32,
    /// From the start of the process to its end.
    wall: Duration,
    /// What the report says of the run itself.
    run_ms: u64,
    /// When the last probe ended that was answered.
    last_answer_ms: u64,
    /// The most memory that was resident.
    peak_kib: u64,
}

fn main() -> ExitCode {
    let mut out = std::io::stdout();
    let result = match needs::missing() {
        Some(why) => writeln!(out, "cannot run here: {why}").map_err(|e| e.to_string()),
        None => measure_all(&mut out),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            command::eprint_line(&why);
            ExitCode::FAILURE
        }
    }
}
