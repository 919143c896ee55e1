//! Traefik, which no distribution packages.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::world::{Program, Running};

/// Where it is, or why it is not there.
pub fn program() -> Result<PathBuf, String> {
    const VARIABLE: &str = "OVCHECK_TRAEFIK";
    let Some(path) = std::env::var_os(VARIABLE).map(PathBuf::from) else {
        return Err(format!("no Traefik (.ci/run builds it; then set {VARIABLE})"));
    };
    if path.is_file() {
        return Ok(path);
    }
    Err(format!("{VARIABLE}: there is no {}", path.display()))
}

/// How the name of a file with this configuration has to end.
pub fn ending(text: &str) -> &'static str {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    if lines.next().is_some_and(|line| line.starts_with('[')) { "toml" } else { "yml" }
}

/// Starts it with a configuration, or returns what it says. It does not go to the background.
pub fn start(
    command: &mut Command,
    text: &str,
    file: &Path,
    pid_file: PathBuf,
) -> Result<Running, String> {
    // What it says about its configuration, it says only then.
    let more = match ending(text) {
        "toml" => "\n[log]\nlevel = \"DEBUG\"\n",
        _ => "\nlog: {level: DEBUG}\n",
    };
    std::fs::write(file, format!("{text}{more}")).map_err(|e| e.to_string())?;
    let log = file.with_extension("said");
    let out = File::create(&log).map_err(|e| e.to_string())?;
    let err = out.try_clone().map_err(|e| e.to_string())?;
    command.arg(program()?).arg(format!("--configFile={}", file.display()));
    command.stdin(Stdio::null()).stdout(out).stderr(err);
    let mut child = command.spawn().map_err(|e| e.to_string())?;
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    // 30 s.
    for _ in 0..600 {
        if child.try_wait().map_err(|e| e.to_string())?.is_some() {
            return Err(said());
        }
        if said().contains("Configuration received") {
            // Its routers come right after this.
            thread::sleep(Duration::from_millis(300));
            let pid = child.id();
            return Ok(Running { pid, pid_file, program: Program::Traefik, child: Some(child) });
        }
        thread::sleep(Duration::from_millis(50));
    }
    drop(child.kill());
    drop(child.wait());
    Err(format!("it takes no configuration: {}", said()))
}
