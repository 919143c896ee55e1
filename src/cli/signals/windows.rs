//! Ctrl-C, Ctrl-Break, a console that is closed, and a system that shuts down.

use std::io;

use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown,
};

use super::Received;

/// The console's control signals.
pub struct Signals {
    interrupt: CtrlC,
    terminate: CtrlBreak,
    /// The system ends the program some seconds later. The room must be left all the same.
    close: CtrlClose,
    shutdown: CtrlShutdown,
}

impl Signals {
    /// Installs handlers for these signals. Must be called inside a runtime.
    ///
    /// # Errors
    /// The system's.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: ctrl_c()?,
            terminate: ctrl_break()?,
            close: ctrl_close()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    /// The same: a service has no signal of its own here.
    ///
    /// # Errors
    /// The system's.
    pub fn of_service() -> io::Result<Self> {
        Self::listen()
    }

    /// Waits for the next signal of any kind.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.close.recv() => {}
            _ = self.shutdown.recv() => {}
        }
    }

    /// The same: there is no signal to read a configuration again.
    pub async fn next_or_hangup(&mut self) -> Received {
        self.next().await;
        Received::End
    }
}
