//! SIGINT, SIGTERM and SIGHUP.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Received;

/// SIGINT, SIGTERM and SIGHUP.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// The terminal is gone, as when an SSH connection is lost. The room must be left all the same.
    /// `None` under `nohup`, which asks to go on.
    hangup: Option<Signal>,
}

impl Signals {
    /// Installs handlers for these signals. Must be called inside a runtime.
    ///
    /// # Errors
    /// The system's.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: match is_hangup_ignored() {
                true => None,
                false => Some(signal(SignalKind::hangup())?),
            },
        })
    }

    /// The same for a service, which reads its configuration again at SIGHUP, also under `nohup`.
    ///
    /// # Errors
    /// The system's.
    pub fn of_service() -> io::Result<Self> {
        Ok(Self { hangup: Some(signal(SignalKind::hangup())?), ..Self::listen()? })
    }

    /// Waits for the next signal of any kind.
    pub async fn next(&mut self) {
        self.next_or_hangup().await;
    }

    /// Waits for the next signal, and tells SIGHUP from the others.
    pub async fn next_or_hangup(&mut self) -> Received {
        tokio::select! {
            _ = self.interrupt.recv() => Received::End,
            _ = self.terminate.recv() => Received::End,
            () = next_of(self.hangup.as_mut()) => Received::Hangup,
        }
    }
}

/// Waits for the next signal; without end where none is listened to.
async fn next_of(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Whether who started this program asked it to survive a hangup. A handler would undo that.
/// Systems that do not tell (without `/proc`) count as not asking.
fn is_hangup_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup(&status))
}

/// Whether the mask `SigIgn` of a `/proc/PID/status` has the first bit, SIGHUP's.
fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let last = mask.and_then(|mask| mask.trim().chars().last()?.to_digit(16));
    last.is_some_and(|digit| digit % 2 == 1)
}

#[cfg(test)]
mod tests {
    use super::ignores_hangup;

    #[test]
    fn nohup_is_seen_in_the_mask_of_ignored_signals() {
        assert!(ignores_hangup("Name:\tovcheck\nSigIgn:\t0000000000001001\nSigCgt:\t0"));
        assert!(!ignores_hangup("Name:\tovcheck\nSigIgn:\t0000000000001000\nSigCgt:\t1"));
        assert!(!ignores_hangup(""));
    }
}
