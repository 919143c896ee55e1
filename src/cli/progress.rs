//! One line on stderr that shows the progress of a run.

use std::io::Write;

use crate::app::RunProgress;

/// A line that is overwritten with each update and erased at the end.
pub struct Progress<W: Write> {
    /// `None` when progress is not shown, or after a write failed.
    out: Option<W>,
    is_shown: bool,
}

/// Returns to the first column and erases the line (ECMA-48 EL).
const ERASE_LINE: &str = "\r\x1b[K";

impl<W: Write> Progress<W> {
    /// Shows progress on `out`, or not at all.
    pub fn on(out: Option<W>) -> Self {
        Self { out, is_shown: false }
    }

    /// Shows how far a run is.
    pub fn update(&mut self, at: RunProgress) {
        let RunProgress { done, total, sent, datagrams } = at;
        self.is_shown = true;
        let sweeps = match sent {
            0 => String::new(),
            sent => format!(", {sent} of {datagrams} datagrams"),
        };
        self.write(&format!("{ERASE_LINE}{done} of {total} probes{sweeps}"));
    }

    /// Shows for how many other machines a run waits.
    pub fn waits_for(&mut self, machines: usize) {
        if machines > 0 {
            self.is_shown = true;
            let s = if machines == 1 { "" } else { "s" };
            self.write(&format!("{ERASE_LINE}waiting for {machines} machine{s} over ssh"));
        }
    }

    /// Erases the line.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            self.write(ERASE_LINE);
        }
    }

    fn write(&mut self, text: &str) {
        let Some(out) = &mut self.out else { return };
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        if written.is_err() {
            // A run continues even if its progress cannot be shown.
            self.out = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// So many of two probes, and of 20 datagrams.
    fn at(done: usize, sent: u64) -> RunProgress {
        RunProgress { done, total: 2, sent, datagrams: 20 }
    }

    #[test]
    fn progress_is_one_line_that_goes_away() {
        let mut shown = Vec::new();
        let mut progress = Progress::on(Some(&mut shown));
        progress.update(at(1, 0));
        progress.update(at(2, 10));
        progress.clear();
        progress.clear();
        assert_eq!(
            String::from_utf8(shown).unwrap(),
            "\r\x1b[K1 of 2 probes\r\x1b[K2 of 2 probes, 10 of 20 datagrams\r\x1b[K"
        );
    }

    #[test]
    fn progress_of_a_run_without_probes_writes_nothing() {
        let mut shown = Vec::new();
        Progress::on(Some(&mut shown)).clear();
        assert_eq!(shown, b"");
    }

    #[test]
    fn progress_stops_when_nobody_reads() {
        struct Closed(usize);
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                self.0 += 1;
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut closed = Closed(0);
        let mut progress = Progress::on(Some(&mut closed));
        progress.update(at(1, 0));
        progress.update(at(2, 0));
        assert_eq!(closed.0, 1);
    }
}
