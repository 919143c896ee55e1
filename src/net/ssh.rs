//! A run of ovcheck on another machine, over the system's `ssh`.
//!
//! The program, the deployment file and the root certificates go over standard input into a directory
//! that only the user of that machine can read, and that its shell removes in the end. No secret is sent.
//! What comes back is a recording, which is read as one of a stranger.

use std::ffi::OsStr;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::model::facts::ServerText;
use crate::model::via::{SshHost, ViaFailure};

/// The program that connects.
const SSH: &str = "ssh";

/// How long ssh may take to connect.
const CONNECTING_S: u32 = 10;

/// The most that is kept of what ssh and the machine say beside the recording.
const LONGEST_WORDS: u64 = 16 * 1024;

/// What the shell of the other machine ends with, if the run does not come about.
const NOT_COPIED: i32 = 121;
const OTHER_MACHINE: i32 = 123;
const NO_PLACE: i32 = 124;
const NO_RECORDING: i32 = 125;
/// ssh itself failed.
const OF_SSH: i32 = 255;

/// What a machine is sent.
#[derive(Debug, Clone)]
pub struct Errand {
    /// The program, for Linux.
    pub program: Vec<u8>,
    /// The processor that it is for, in the words of `uname -m`.
    pub processor: &'static str,
    /// The deployment file. It names the root certificates `ca.pem`, if there are any.
    pub deployment: String,
    pub root_certificates: Vec<u8>,
    /// What it is to run: `check` or `host`.
    pub subcommand: &'static str,
    /// Whether it runs under `sudo`, without a question.
    pub with_sudo: bool,
    /// More arguments of that command: words of letters, digits and `-/,=` only.
    pub arguments: Vec<String>,
    /// How much a recording may be.
    pub longest: u64,
    /// How long all of it may take.
    pub deadline: Duration,
}

/// Makes a run on a machine, and returns its recording. When the future is dropped, ssh is ended, and the
/// other machine removes what it was sent.
///
/// # Errors
/// Why there is no recording.
pub async fn run_on(host: &SshHost, errand: &Errand) -> Result<Vec<u8>, ViaFailure> {
    run_by(OsStr::new(SSH), host, errand).await
}

async fn run_by(ssh: &OsStr, host: &SshHost, errand: &Errand) -> Result<Vec<u8>, ViaFailure> {
    let run = talk(ssh, host, errand);
    timeout(errand.deadline, run).await.unwrap_or(Err(ViaFailure::TooSlow))
}

async fn talk(ssh: &OsStr, host: &SshHost, errand: &Errand) -> Result<Vec<u8>, ViaFailure> {
    let mut ssh = start(ssh, host, errand)?;
    let (stdin, stdout, stderr) = (ssh.stdin.take(), ssh.stdout.take(), ssh.stderr.take());
    let sending = async {
        let Some(mut stdin) = stdin else { return };
        let parts =
            [&errand.program[..], errand.deployment.as_bytes(), &errand.root_certificates[..]];
        for part in parts {
            // A machine that wants no more says why, and ends.
            if stdin.write_all(part).await.is_err() {
                return;
            }
        }
    };
    let recording = read(stdout, errand.longest + 1);
    let said = read(stderr, LONGEST_WORDS);
    let ((), recording, said) = tokio::join!(sending, recording, said);
    if recording.len() as u64 > errand.longest {
        return Err(ViaFailure::TooMuch);
    }
    let status = ssh.wait().await.map_err(|_| ViaFailure::NotConnected(ServerText::default()))?;
    match failure(status, &String::from_utf8_lossy(&said), &recording, errand) {
        Some(failure) => Err(failure),
        None => Ok(recording),
    }
}

fn start(ssh: &OsStr, host: &SshHost, errand: &Errand) -> Result<Child, ViaFailure> {
    let connecting = format!("ConnectTimeout={CONNECTING_S}");
    // No question can be answered; neither the agent nor a display is for the other machine.
    let options = [
        "-T",
        "-a",
        "-x",
        "-C",
        "-o",
        "BatchMode=yes",
        "-o",
        &connecting,
        "-o",
        "ClearAllForwardings=yes",
        "-o",
        "ServerAliveInterval=5",
        "--",
    ];
    let started = Command::new(ssh)
        .args(options)
        .arg(host.as_str())
        .arg(script(errand))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    started.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ViaFailure::NoSsh,
        _ => ViaFailure::NotConnected(ServerText::new(&error.to_string())),
    })
}

/// Reads until the end, or until `limit` bytes. What was read before an error counts.
async fn read(from: Option<impl AsyncRead + Unpin>, limit: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        let read = from.take(limit).read_to_end(&mut bytes).await;
        drop(read);
    }
    bytes
}

/// What the other machine runs. It is one line without an apostrophe, and without an exclamation mark, for any
/// shell of a user: csh finds former commands by it, within apostrophes too.
fn script(errand: &Errand) -> String {
    let Errand { program, deployment, root_certificates, processor, arguments, .. } = errand;
    let sudo = if errand.with_sudo { "sudo -n " } else { "" };
    let payload = deployment.len() + root_certificates.len();
    let whole = program.len() + payload;
    let steps = [
        "umask 077; d=".to_owned(),
        "c() { test -z \"$d\" || rm -rf -- \"$d\"; }".to_owned(),
        "trap c EXIT; trap \"exit 129\" HUP; trap \"exit 130\" INT; trap \"exit 143\" TERM".to_owned(),
        // A shell takes a program of another processor for a script.
        format!(
            "m=$(uname -s)/$(uname -m); test \"$m\" = Linux/{processor} || {{ echo \"$m\" >&2; \
             exit {OTHER_MACHINE}; }}"
        ),
        // The first directory that lets programs be started.
        "for t in \"${TMPDIR:-/tmp}\" /var/tmp \"$HOME\"; do d=$(mktemp -d \"$t/ovcheck.XXXXXXXXXX\" \
         2>/dev/null) || { d=; continue; }; if printf \"#\\041/bin/sh\\nexit 0\\n\" 2>/dev/null > \"$d/p\" && \
         chmod 700 \"$d/p\" && \"$d/p\" 2>/dev/null; then break; fi; c; d=; done"
            .to_owned(),
        format!("test -n \"$d\" || exit {NO_PLACE}"),
        "p=$d/ovcheck".to_owned(),
        format!("cat > \"$p\" && test $(wc -c < \"$p\") -eq {whole} || exit {NOT_COPIED}"),
        format!("tail -c {payload} \"$p\" > \"$d/payload\" || exit {NOT_COPIED}"),
        format!(
            "head -c {} \"$d/payload\" > \"$d/ovcheck.toml\" && tail -c {} \"$d/payload\" > \
             \"$d/ca.pem\" && chmod 700 \"$p\" || exit {NOT_COPIED}",
            deployment.len(),
            root_certificates.len()
        ),
        // Variables of that machine change nothing about the run.
        format!(
            "{sudo}env -i PATH=\"$PATH\" HOME=\"$HOME\" \"$p\" {} --config \"$d/ovcheck.toml\" --record \
             \"$d/run.rec\" {} > /dev/null; test -s \"$d/run.rec\" || exit {NO_RECORDING}",
            errand.subcommand,
            arguments.join(" ")
        ),
        // What root wrote only root reads.
        format!("{sudo}cat \"$d/run.rec\""),
    ];
    format!("exec sh -c '{}'", steps.join("; "))
}

/// Why there is no recording; `None`: there is one.
fn failure(
    status: ExitStatus,
    said: &str,
    recording: &[u8],
    errand: &Errand,
) -> Option<ViaFailure> {
    let last = || {
        let lines = || said.lines().rev().map(str::trim);
        // Behind an error of ovcheck itself comes what to do about it there.
        let error = lines().find_map(|line| line.strip_prefix("error: "));
        let last = error.or_else(|| lines().find(|line| !line.is_empty()));
        ServerText::new(last.unwrap_or_default())
    };
    Some(match status.code() {
        Some(0) if !recording.is_empty() => return None,
        Some(OTHER_MACHINE) => {
            ViaFailure::OtherProcessor { is: last(), needed: errand.processor.to_owned() }
        }
        Some(NO_PLACE) => ViaFailure::NoPlace,
        Some(NOT_COPIED) => ViaFailure::NotCopied,
        Some(OF_SSH) if said.contains("IDENTIFICATION HAS CHANGED") => ViaFailure::OtherHostKey,
        Some(OF_SSH) if said.contains("Host key verification failed") => ViaFailure::UnknownHostKey,
        Some(OF_SSH) if said.contains("Permission denied (") => ViaFailure::LoginRefused,
        Some(OF_SSH) => ViaFailure::NotConnected(last()),
        _ => ViaFailure::NoRecording(last()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errand(subcommand: &'static str, with_sudo: bool) -> Errand {
        Errand {
            program: vec![0; 9],
            processor: "x86_64",
            deployment: "guide = \"3.2\"".to_owned(),
            root_certificates: Vec::new(),
            subcommand,
            with_sudo,
            arguments: vec!["--only=tls".to_owned()],
            longest: 9,
            deadline: Duration::ZERO,
        }
    }

    /// What a machine is good for whose ssh is this script. The program that it is sent is larger than a pipe.
    #[cfg(unix)]
    async fn over(script: &str, longest: u64, deadline: Duration) -> Result<Vec<u8>, ViaFailure> {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let ssh = folder.path().join("ssh");
        std::fs::write(&ssh, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
        let host = "ssh:node.example.io".parse().unwrap();
        let program = vec![0; 1024 * 1024];
        let errand = Errand { program, longest, deadline, ..errand("check", false) };
        run_by(ssh.as_os_str(), &host, &errand).await
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_machine_that_never_ends_or_prints_without_end_is_given_up() {
        const SOON: Duration = Duration::from_millis(500);
        const LATE: Duration = Duration::from_secs(120);
        // It takes nothing in; it takes all of it in; it ends its output, and not itself.
        for mute in
            ["exec sleep 300", "cat > /dev/null; exec sleep 300", "exec sleep 300 > /dev/null"]
        {
            assert_eq!(over(mute, 1_000, SOON).await, Err(ViaFailure::TooSlow), "{mute}");
        }
        for flood in ["exec yes", "yes >&2 & exec yes", "cat > /dev/null; exec yes"] {
            assert_eq!(over(flood, 100_000, LATE).await, Err(ViaFailure::TooMuch), "{flood}");
        }
        // As much as a recording may be is no flood.
        let right = over("cat > /dev/null; printf 12345", 5, LATE).await;
        assert_eq!(right, Ok(b"12345".to_vec()));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_ssh_says_tells_why_there_is_no_recording() {
        for (said, expected) in [
            ("Host key verification failed.", ViaFailure::UnknownHostKey),
            (
                "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
                ViaFailure::OtherHostKey,
            ),
            ("root@node: Permission denied (publickey).", ViaFailure::LoginRefused),
            (
                "ssh: connect to host node port 22: Connection refused",
                ViaFailure::NotConnected(ServerText::new(
                    "ssh: connect to host node port 22: Connection refused",
                )),
            ),
        ] {
            let script = format!("printf '%b' '{said}\\n' >&2; exit 255");
            let failed = over(&script, 1_000, Duration::from_secs(120)).await;
            assert_eq!(failed, Err(expected), "{said}");
        }
    }

    #[test]
    fn the_script_is_the_same_for_every_shell() {
        for (subcommand, with_sudo) in [("check", false), ("host", true)] {
            let script = script(&errand(subcommand, with_sudo));
            let inner = script.strip_prefix("exec sh -c '").and_then(|it| it.strip_suffix('\''));
            assert!(!inner.unwrap().contains(['\'', '!', '\n']), "{script}");
            assert_eq!(script.matches("sudo -n").count(), if with_sudo { 2 } else { 0 });
        }
    }
}
