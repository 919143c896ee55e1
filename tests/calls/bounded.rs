//! What a server sends does not decide how much memory the program takes: the program runs with little,
//! beside servers that send much, and reports.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use ovcheck::proto::livekit::signal::{IceServer, JoinResponse, Response};
use serde_json::Value;

use crate::fake::{Call, Fake, Guest, media};
use crate::peers::{API, KEY, SECRET};

/// The memory that the program may map, in KiB.
const ADDRESS_SPACE: u32 = 400_000;

/// The memory that it may have in use of its own, in KiB: what it has read or made, without its code.
const MOST_OF_ITS_OWN: u64 = 16 * 1024;

/// How a run ended, and the most memory of its own that was seen in use, in KiB.
struct Measured {
    output: Output,
    most: u64,
}

/// Runs `ovcheck call` against `fake` with a bounded address space, for a report in JSON.
async fn measured(fake: &Fake) -> Measured {
    run(fake, &["--format", "json"]).await
}

/// The same with these flags.
async fn run(fake: &Fake, flags: &'static [&'static str]) -> Measured {
    let directory = tempfile::tempdir().unwrap();
    let roots = directory.path().join("roots.pem");
    std::fs::write(&roots, fake.certificate()).unwrap();
    let limited = format!("ulimit -v {ADDRESS_SPACE} && ulimit -n 64 && exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command
        .args(["-c", &limited, env!("CARGO_BIN_EXE_ovcheck"), "call", API])
        .args(["--zone", "internet", "--dns-server", "127.0.0.1:9"])
        .args(flags)
        .args(["--resolve", &format!("{API}:*:127.0.0.1")])
        .args(["--connect-to", &format!("127.0.0.1:443:127.0.0.1:{}", fake.port())])
        .args(["--node", "openvidu=127.0.0.1", "--api-key", KEY])
        .arg("--ca-file")
        .arg(&roots)
        .env_clear()
        .env("OVCHECK_API_SECRET", SECRET)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    tokio::task::spawn_blocking(move || watched(&mut command)).await.unwrap()
}

/// Runs `command` to its end, and looks at its memory all the time.
fn watched(command: &mut Command) -> Measured {
    let child = command.spawn().unwrap();
    let id = child.id();
    let watch = std::thread::spawn(move || {
        let mut most = 0;
        while let Some(now) = memory_of(id) {
            most = most.max(now);
            std::thread::sleep(Duration::from_millis(5));
        }
        most
    });
    let output = child.wait_with_output().unwrap();
    Measured { output, most: watch.join().unwrap() }
}

/// The anonymous memory of a process in use, in KiB (proc_pid_status(5)); `None` when it has ended.
fn memory_of(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

impl Measured {
    /// The report, of a run that kept to its memory.
    fn report(&self) -> Value {
        let said = String::from_utf8_lossy(&self.output.stderr);
        assert!(
            matches!(self.output.status.code(), Some(0 | 1 | 3)),
            "{:?}: {said}",
            self.output.status
        );
        assert!(self.most > 0 && self.most < MOST_OF_ITS_OWN, "{} KiB", self.most);
        serde_json::from_slice(&self.output.stdout).unwrap()
    }
}

/// What the report says in all its places.
fn text(report: &Value) -> String {
    report.to_string()
}

/// A join response in which each ICE server takes two bytes.
fn join_of_empty_servers(servers: usize) -> Response {
    Response::Join(JoinResponse {
        ice_servers: vec![IceServer::default(); servers],
        ..JoinResponse::default()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_response_of_empty_ice_servers_is_not_unpacked() {
    let fake = Fake::start(|guest: Guest| async move {
        let mut call = guest.upgrade().await;
        call.say(join_of_empty_servers(250_000)).await;
        call.stay().await;
    })
    .await;
    let report = measured(&fake).await.report();
    assert!(text(&report).contains("a join response with too many ICE servers"), "{report}");
}

/// Joins with one silent media port, so that there is something to wait for, and says where it is.
async fn joined_with_a_silent_media_port(guest: Guest) -> Call {
    let mut call = guest.upgrade().await;
    call.welcome(&[]).await;
    call.answer().await;
    let (_socket, place) = media().await;
    call.candidates(&[("udp", place)]).await;
    call
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_after_the_last_candidate_stay_on_the_way() {
    let fake = Fake::start(|guest: Guest| async move {
        let mut call = joined_with_a_silent_media_port(guest).await;
        while call.say(join_of_empty_servers(30_000)).await {}
    })
    .await;
    let report = measured(&fake).await.report();
    assert!(text(&report).contains("\"all_candidates\":true"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_messages_before_the_answer_end_the_session() {
    let fake = Fake::start(|guest: Guest| async move {
        let mut call = guest.upgrade().await;
        call.welcome(&[]).await;
        while call.trickle("x".repeat(60_000), false).await {}
    })
    .await;
    let report = measured(&fake).await.report();
    assert!(text(&report).contains("more than 1 MiB of messages"), "{report}");
}

/// A ping of 125 bytes (RFC 6455 §5.5.2).
fn ping_frame() -> Vec<u8> {
    [&[0x89, 125][..], &[0; 125]].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_whose_answers_are_not_read_do_not_pile_up() {
    let fake = Fake::start(|guest: Guest| async move {
        let mut call = guest.upgrade().await;
        call.welcome(&[]).await;
        call.flood(&ping_frame().repeat(4000)).await;
    })
    .await;
    measured(&fake).await.report();
}

/// Agents of pipelines take `##[` and `##vso[` for commands anywhere in a line, and `::` behind blanks.
fn is_command(line: &str) -> bool {
    line.contains("##[") || line.contains("##vso[") || line.trim_start().starts_with("::")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_gives_no_commands_to_a_pipeline() {
    let fake = Fake::start(|mut guest: Guest| async move {
        let body =
            "::stop-commands::x ##vso[task.complete result=Succeeded;]\n::add-mask::y ##[error]";
        let head = format!(
            "HTTP/1.1 418 ##vso[task.complete result=Succeeded;]\r\nServer: ::add-mask::z\r\n\
             Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        guest.say(head.as_bytes()).await;
        guest.say(body.as_bytes()).await;
    })
    .await;
    let all: [&[&str]; 4] = [&[], &["--verbose"], &["--letter=operator"], &["--format", "json"]];
    for flags in all {
        let output = run(&fake, flags).await.output;
        for bytes in [&output.stdout, &output.stderr] {
            let text = String::from_utf8_lossy(bytes);
            let command = text.lines().find(|line| is_command(line));
            assert_eq!(command, None, "{flags:?}");
        }
        // What it said is there all the same, where a report shows it.
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(flags.contains(&"--letter=operator") || text.contains("task.complete"), "{text}");
    }
}
