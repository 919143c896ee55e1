//! Ctrl-C, `kill`, and a terminal that goes away: the first signal stops the probes, the second one
//! ends the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::Stop;
use crate::app::Interrupt;
use crate::exit::ExitStatus;

/// Listens for signals from the beginning of a subcommand to its end. While it probes, the first one
/// ends the probes, and the report is written. At any other time, and the second time, a signal ends
/// the program at once, even if a file blocks it.
pub struct Interrupts {
    interrupt: Interrupt,
    is_probing: Arc<AtomicBool>,
}

impl Interrupts {
    /// Starts to listen. Must be called inside a runtime.
    pub fn listen() -> Result<Self, Stop> {
        let (raise, interrupt) = Interrupt::new();
        let is_probing = Arc::new(AtomicBool::new(false));
        tokio::spawn(Signals::listen()?.raise(raise, Arc::clone(&is_probing)));
        Ok(Self { interrupt, is_probing })
    }

    /// Begins to probe, until the result is dropped.
    pub fn probing(&self) -> Probing<'_> {
        self.is_probing.store(true, Ordering::Relaxed);
        Probing(self)
    }
}

/// The time during which a first signal ends the probes only.
pub struct Probing<'a>(&'a Interrupts);

impl Probing<'_> {
    pub fn interrupt(&self) -> &Interrupt {
        &self.0.interrupt
    }
}

impl Drop for Probing<'_> {
    fn drop(&mut self) {
        self.0.is_probing.store(false, Ordering::Relaxed);
    }
}

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
    pub fn listen() -> Result<Self, Stop> {
        let take = |kind| signal(kind).map_err(Stop::trouble("listen for signals"));
        Ok(Self {
            interrupt: take(SignalKind::interrupt())?,
            terminate: take(SignalKind::terminate())?,
            hangup: match is_hangup_ignored() {
                true => None,
                false => Some(take(SignalKind::hangup())?),
            },
        })
    }

    /// Waits for the next signal of any kind.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = next_of(self.hangup.as_mut()) => {}
        }
    }

    /// Raises `interrupt` at the first signal if the program is probing, and exits the program at any
    /// other.
    async fn raise(mut self, interrupt: watch::Sender<bool>, is_probing: Arc<AtomicBool>) {
        self.next().await;
        if is_probing.load(Ordering::Relaxed) {
            interrupt.send_replace(true);
            self.next().await;
        }
        std::process::exit(ExitStatus::INTERRUPTED.code().into());
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
