//! Ctrl-C: the first one stops the probes, the second one ends the program.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::Stop;
use crate::exit::ExitStatus;

/// SIGINT and SIGTERM.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Installs handlers for both signals. Must be called inside a runtime.
    pub fn listen() -> Result<Self, Stop> {
        let take = |kind| signal(kind).map_err(Stop::trouble("listen for signals"));
        Ok(Self {
            interrupt: take(SignalKind::interrupt())?,
            terminate: take(SignalKind::terminate())?,
        })
    }

    /// Waits for the next signal of either kind.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Raises `interrupt` at the first signal and exits the program at the second.
    pub async fn raise(mut self, interrupt: watch::Sender<bool>) {
        self.next().await;
        // The run may be over already. Then the first signal has no effect.
        interrupt.send_replace(true);
        self.next().await;
        std::process::exit(ExitStatus::INTERRUPTED.code().into());
    }
}
