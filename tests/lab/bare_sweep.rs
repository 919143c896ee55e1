//! A sweep of UDP ports that does nothing but send and wait: what a prober's own sweep is measured
//! against.

use std::io::{IoSlice, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, sendmmsg};

use super::command::{Fallible, run};
use super::lab::Lab;
use super::network::{NODE, Place};

/// As the program's default: 20,000 datagrams a second, two copies, and 0.28 s for the answer to
/// the last one, 1.3 s at least.
const RATE: u32 = 20_000;
const PORTS: std::ops::RangeInclusive<u16> = 50_000..=60_000;
const COPIES: usize = 2;
const LAST_ANSWER: Duration = Duration::from_millis(280);
const TIMEOUT: Duration = Duration::from_millis(1300);
const BATCH: usize = 32;

/// Says in the environment that this process is the sweep itself.
const VARIABLE: &str = "OVCHECK_BENCH_SWEEP";

/// Sweeps, when this process was started for that.
pub fn is_wanted() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// Runs the sweep from the client against the node, and returns how long it took in milliseconds.
pub fn measure(lab: &Lab) -> Fallible<u64> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut command = lab.network.at(Place::Client, "env")?;
    command.arg(format!("{VARIABLE}={}", NODE[0])).arg(program);
    let said = run(&mut command)?;
    said.trim().parse().map_err(|_| format!("not a time: {said}"))
}

/// Sends all copies to all ports and waits; writes the milliseconds that it took.
#[expect(
    clippy::disallowed_methods,
    reason = "it is the yardstick, and stands outside of the program"
)]
pub fn run_here(out: &mut impl Write) -> Fallible<()> {
    let target = std::env::var(VARIABLE).map_err(|e| e.to_string())?;
    let target: Ipv4Addr = target.parse().map_err(|_| "not an address".to_owned())?;
    let socket = std::net::UdpSocket::bind("0.0.0.0:21999").map_err(|e| e.to_string())?;
    // A STUN Binding request (RFC 8489 §5).
    let mut request = [0_u8; 20];
    request[1] = 1;
    request[4..8].copy_from_slice(&0x2112_A442_u32.to_be_bytes());
    let mut headers = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    let started = Instant::now();
    let mut sent = 0_u32;
    let ports: Vec<u16> = PORTS.collect();
    for _ in 0..COPIES {
        for batch in ports.chunks(BATCH) {
            let due = started + Duration::from_secs(1) / RATE * sent;
            sleep(due.saturating_duration_since(Instant::now()));
            let slices = vec![[IoSlice::new(&request)]; batch.len()];
            let to: Vec<Option<SockaddrIn>> =
                (batch.iter()).map(|port| Some(SocketAddrV4::new(target, *port).into())).collect();
            sendmmsg(socket.as_raw_fd(), &mut headers, slices.iter(), &to, [], MsgFlags::empty())
                .map_err(|e| format!("sendmmsg: {e}"))?;
            sent += u32::try_from(batch.len()).map_err(|e| e.to_string())?;
        }
    }
    let silence = (Instant::now() + LAST_ANSWER).max(started + TIMEOUT);
    sleep(silence.saturating_duration_since(Instant::now()));
    writeln!(out, "{}", started.elapsed().as_millis()).map_err(|e| e.to_string())
}
