//! Ctrl-C, `kill`, and a terminal that goes away: the first signal stops the probes, the second one
//! ends the program.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::Stop;
use crate::app::Interrupt;
use crate::exit::ExitStatus;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

/// The time to finish a report after a signal, which a reader that has stopped to read may hold up.
const TO_FINISH: Duration = Duration::from_secs(2);

/// Which signal came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    End,
    /// SIGHUP, by which a service is told to read its configuration again.
    #[cfg_attr(windows, expect(dead_code, reason = "there is no such signal"))]
    Hangup,
}

/// How far a subcommand is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It has sent nothing yet.
    Preparing,
    Probing,
    /// It writes what it saw.
    Reporting,
}

/// Listens for signals from the beginning of a subcommand to its end. While it probes, the first one
/// ends the probes, and the report is written. While it writes, it may finish, for a short time. Before,
/// and the second time, a signal ends the program at once, even if a file blocks it.
pub struct Interrupts {
    interrupt: Interrupt,
    phase: Arc<Mutex<Phase>>,
}

impl Interrupts {
    /// Starts to listen. Must be called inside a runtime.
    pub fn listen() -> Result<Self, Stop> {
        let (raise, interrupt) = Interrupt::new();
        let phase = Arc::new(Mutex::new(Phase::Preparing));
        tokio::spawn(raise_at(listen()?, raise, Arc::clone(&phase)));
        Ok(Self { interrupt, phase })
    }

    /// Begins to probe, until the result is dropped.
    pub fn probing(&self) -> Probing<'_> {
        self.enter(Phase::Probing);
        Probing(self)
    }

    fn enter(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
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
        self.0.enter(Phase::Reporting);
    }
}

/// Installs handlers for the signals of this system. Must be called inside a runtime.
pub fn listen() -> Result<system::Signals, Stop> {
    system::Signals::listen().map_err(Stop::trouble("listen for signals"))
}

/// The same for a service, which is told by SIGHUP to read its configuration again.
pub fn of_service() -> Result<system::Signals, Stop> {
    system::Signals::of_service().map_err(Stop::trouble("listen for signals"))
}

/// Raises `interrupt` at the first signal, and exits the program when its phase asks for it.
async fn raise_at(
    mut signals: system::Signals,
    interrupt: watch::Sender<bool>,
    phase: Arc<Mutex<Phase>>,
) {
    signals.next().await;
    let phase = *phase.lock().unwrap_or_else(PoisonError::into_inner);
    // Also while it writes: with `--wait`, another run may follow.
    interrupt.send_replace(true);
    let to_finish = match phase {
        Phase::Preparing => Duration::ZERO,
        Phase::Probing => Duration::MAX,
        Phase::Reporting => TO_FINISH,
    };
    // A second signal ends it in any case; so does the end of this time.
    let _ = timeout(to_finish, signals.next()).await;
    std::process::exit(ExitStatus::INTERRUPTED.code().into());
}
