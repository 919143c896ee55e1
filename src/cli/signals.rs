//! Ctrl-C, `kill`, and a terminal that goes away: the first signal stops the probes, the second one
//! ends the program.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::Stop;
use crate::app::Interrupt;
use crate::exit::ExitStatus;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

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
        tokio::spawn(raise_at(listen()?, raise, Arc::clone(&is_probing)));
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

/// Installs handlers for the signals of this system. Must be called inside a runtime.
pub fn listen() -> Result<system::Signals, Stop> {
    system::Signals::listen().map_err(Stop::trouble("listen for signals"))
}

/// Raises `interrupt` at the first signal if the program is probing, and exits the program at any
/// other.
async fn raise_at(
    mut signals: system::Signals,
    interrupt: watch::Sender<bool>,
    is_probing: Arc<AtomicBool>,
) {
    signals.next().await;
    if is_probing.load(Ordering::Relaxed) {
        interrupt.send_replace(true);
        signals.next().await;
    }
    std::process::exit(ExitStatus::INTERRUPTED.code().into());
}
