//! The program, interrupted in the middle of a call: it reports what it has, and leaves nothing.

use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::livekit::{LiveKit, Setting, Version};
use crate::peers::{API, KEY, SECRET, TURN};
use crate::slow::way_to;
use crate::tokens::Token;

/// A run of the program against `server`, whose TCP is to be had on `front`.
fn program(server: &LiveKit, front: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ovcheck"));
    command
        .args(["check", API, "--turn-domain-name", TURN])
        .args(["--policy", "forced-turn", "--deep", "--format", "json"])
        .args(["--node", "proxy=127.0.0.1", "--node", "openvidu=127.0.0.1"])
        .args(["--zone", "internet", "--dns-server", "127.0.0.1:9"])
        .args(["--resolve", &format!("{API}:*:127.0.0.1")])
        .args(["--resolve", &format!("{TURN}:*:127.0.0.1")])
        .args(["--connect-to", &format!("127.0.0.1:443:127.0.0.1:{front}")])
        .arg("--ca-file")
        .arg(server.ca_file())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The signals that end a run early: Ctrl-C, `kill`, and a terminal that is gone.
const SIGNALS: [&str; 3] = ["-INT", "-TERM", "-HUP"];

/// What a run says that gets this signal after `moment`.
fn interrupted(command: &mut Command, signal: &str, moment: Duration) -> Output {
    let child: Child = command.spawn().unwrap();
    std::thread::sleep(moment);
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
    child.wait_with_output().unwrap()
}

/// How long a run takes that nothing interrupts.
fn undisturbed(mut command: Command) -> Duration {
    let started = Instant::now();
    command.output().unwrap();
    started.elapsed()
}

/// What was seen of the call; `None` when it was not in the plan yet.
fn call_of(report: &Value) -> Option<&Value> {
    let observations = report["observations"].as_array().unwrap();
    observations.iter().find(|seen| seen["probe"] == "call")
}

async fn leaves_nothing(version: Version) {
    let server = LiveKit::start(&Setting::of(version));
    let front = way_to(server.front, Duration::from_millis(20)).await;
    let command = || {
        let mut command = program(&server, front);
        command.args(["--api-key", KEY]).env("OVCHECK_API_SECRET", SECRET);
        command
    };
    let whole = undisturbed(command());
    let mut in_the_middle = 0;
    for step in 0..22 {
        let moment = whole * (step + 1) / 25;
        let mut command = command();
        let signal = SIGNALS[step as usize % SIGNALS.len()];
        let run = tokio::task::spawn_blocking(move || interrupted(&mut command, signal, moment));
        let output = run.await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains(SECRET), "{said}");
        // Before it listens for it, the signal ends it as it ends every program.
        if output.status.code().is_some() {
            assert_eq!(output.status.code(), Some(130), "after {moment:?}: {said}");
        }
        // Before it probes there is nothing to report.
        if !output.stdout.is_empty() {
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(!text.contains(SECRET));
            let report: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(report["run"]["complete"], false);
            in_the_middle += usize::from(call_of(&report).is_some());
        }
        let is_clean = server.soon(|server| server.rooms().is_empty());
        assert!(is_clean, "after {moment:?}: {:?}", server.rooms());
    }
    assert!(in_the_middle >= 6, "{in_the_middle}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.8.4 and nginx"]
async fn an_interrupted_call_leaves_nothing_on_livekit_1_8() {
    leaves_nothing(Version::Old).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.13.5 and nginx"]
async fn an_interrupted_call_leaves_nothing_on_livekit_1_13() {
    leaves_nothing(Version::New).await;
}

/// With a token alone nobody is left in the room, which is not ours to delete.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.13.5 and nginx"]
async fn an_interrupted_call_with_a_token_leaves_nobody_behind() {
    let server = LiveKit::start(&Setting::of(Version::New));
    let front = way_to(server.front, Duration::from_millis(20)).await;
    let command = |token: &str| {
        let mut command = program(&server, front);
        command.env("OVCHECK_TOKEN", token);
        command
    };
    let whole = undisturbed(command(&Token::joining("somebodys-room").text()));
    for step in [3, 5, 7, 9] {
        let moment = whole * step / 15;
        let token = Token::joining("somebodys-room").text();
        let mut command = command(&token);
        let signal = SIGNALS[step as usize % SIGNALS.len()];
        let run = tokio::task::spawn_blocking(move || interrupted(&mut command, signal, moment));
        let output = run.await.unwrap();
        assert_eq!(output.status.code(), Some(130));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains(&token));
        let is_clean = server.soon(|server| server.participants("somebodys-room") == 0);
        assert!(is_clean, "after {moment:?}");
    }
}
