//! Programs of this machine: found, run, started, stopped.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// What goes on or says, in words, why it cannot.
pub type Fallible<T> = Result<T, String>;

/// Where a program is: first in the folders of the system (a root shell may not have `sbin` in its
/// `PATH`, and shims of version managers are slow), then in `PATH`.
pub fn find(program: &str) -> Option<PathBuf> {
    let system = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    system
        .into_iter()
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// A command for `program`, by its full path.
pub fn command(program: &str) -> Fallible<Command> {
    let path = find(program).ok_or_else(|| format!("{program} is not installed"))?;
    Ok(Command::new(path))
}

/// Runs a command to its end and returns what it printed.
pub fn run(command: &mut Command) -> Fallible<String> {
    let output = output(command)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {}: {}", output.status, said.trim()))
}

/// Runs a command to its end, however it ends.
pub fn output(command: &mut Command) -> Fallible<Output> {
    command.stdin(Stdio::null()).output().map_err(|e| format!("{command:?}: {e}"))
}

/// Runs a command that reads `input`, to its end.
pub fn feed(command: &mut Command, input: &str) -> Fallible<()> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("{command:?}: {e}"))?;
    let mut stdin = child.stdin.take().ok_or("the input is a pipe")?;
    stdin.write_all(input.as_bytes()).map_err(|e| format!("{command:?}: {e}"))?;
    drop(stdin);
    let output = child.wait_with_output().map_err(|e| format!("{command:?}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {}\n{input}", said.trim()))
}

/// A program that runs until it is dropped.
pub struct Running {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts a program; what it prints goes to `folder/NAME.out`.
    pub fn start(name: &str, command: &mut Command, folder: &Path) -> Fallible<Self> {
        let log = folder.join(format!("{name}.out"));
        let failed = |e: std::io::Error| format!("start {name}: {e}");
        let out = std::fs::File::create(&log).map_err(failed)?;
        let err = out.try_clone().map_err(failed)?;
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().map_err(failed)?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// Where what it prints goes.
    pub fn log(&self) -> PathBuf {
        self.log.clone()
    }

    /// Waits until `is_ready` says so, 20 s at most; the program must not end meanwhile.
    pub fn wait_until(&mut self, mut is_ready: impl FnMut() -> Fallible<bool>) -> Fallible<()> {
        for _ in 0..400 {
            if is_ready()? {
                return Ok(());
            }
            match self.child.try_wait() {
                Ok(None) => sleep(Duration::from_millis(50)),
                Ok(Some(status)) => return Err(self.complaint(&format!("ended: {status}"))),
                Err(e) => return Err(self.complaint(&e.to_string())),
            }
        }
        Err(self.complaint("was not ready after 20 s"))
    }

    fn complaint(&self, what: &str) -> String {
        let mut text = format!("{} {what}", self.name);
        match std::fs::read_to_string(&self.log) {
            Ok(log) => {
                let lines: Vec<&str> = log.lines().collect();
                let last = &lines[lines.len().saturating_sub(15)..];
                text.extend(["\n", &last.join("\n")]);
            }
            Err(e) => write!(text, " (and its log cannot be read: {e})").unwrap_or_default(),
        }
        text
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing could be done about a failure: the process is gone then.
        self.child.kill().unwrap_or_default();
        if let Err(e) = self.child.wait() {
            eprint_line(&format!("the laboratory could not wait for {}: {e}", self.name));
        }
    }
}

/// Says something that must not be lost, where no caller can take an error.
pub fn eprint_line(text: &str) {
    // Without a standard error there is nobody to tell.
    writeln!(std::io::stderr(), "{text}").unwrap_or_default();
}

/// Writes to standard output.
#[allow(dead_code, reason = "the benchmark's")]
pub fn print(text: &str) -> Fallible<()> {
    write!(std::io::stdout(), "{text}").map_err(|e| e.to_string())
}
