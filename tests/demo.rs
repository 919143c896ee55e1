//! `ovcheck demo`, as somebody runs it who has just cloned the project: each fault is named, each
//! report keeps to its schema, and the deployment as it should be has no violation.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ovcheck::app::{self, Interrupt, Prepared};
use ovcheck::config::{self, CheckOptions, DeploymentFile, FileChoice, Flags};
use ovcheck::demo::{Demo, Fault};
use ovcheck::exit::ExitStatus;
use ovcheck::model::call::State;
use ovcheck::model::deployment::Policy;
use ovcheck::model::reason::ReasonCode;
use ovcheck::model::report::Report;
use ovcheck::model::secret::Credentials;
use ovcheck::model::verdict::Verdict;
use serde_json::Value;
use tokio::time::sleep;

/// Lines of a terminal that nobody has made larger.
const FIRST_SCREEN: usize = 24;

/// How many runs there are at a time: a crowd of them would starve each other into time-outs.
const AT_A_TIME: usize = 3;

/// Taken by whoever runs as many.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    // A test that failed is no reason for the others to.
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Ran {
    status: i32,
    stdout: String,
}

fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_ovcheck"))
        .arg("demo")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn end(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    Ran { status: output.status.code().unwrap(), stdout: String::from_utf8(output.stdout).unwrap() }
}

/// Runs again what says that this machine was too busy for it.
fn end_of(child: Child, arguments: &[&str]) -> Ran {
    let is_slow = |ran: &Ran| {
        ["slow_machine", "too busy to see answers"].iter().any(|words| ran.stdout.contains(words))
    };
    let mut ran = end(child);
    for _ in 0..4 {
        if is_slow(&ran) {
            ran = end(start(arguments));
        }
    }
    ran
}

fn report(arguments: &[&str]) -> (i32, Value) {
    let _turn = turn();
    let arguments = [arguments, &["--format", "json"]].concat();
    read(&end_of(start(&arguments), &arguments))
}

fn read(ran: &Ran) -> (i32, Value) {
    (ran.status, serde_json::from_str(&ran.stdout).unwrap())
}

/// Every fault, a few at a time.
fn of_every_fault(format: &str) -> Vec<(Fault, Ran)> {
    let mut ran = Vec::new();
    for some in Fault::ALL.chunks(AT_A_TIME) {
        let _turn = turn();
        let started: Vec<(Fault, [&str; 4], Child)> = some
            .iter()
            .map(|fault| {
                let arguments = ["--fault", fault.name(), "--format", format];
                (*fault, arguments, start(&arguments))
            })
            .collect();
        let ended = |(fault, arguments, child): (Fault, [&str; 4], Child)| {
            (fault, end_of(child, &arguments))
        };
        ran.extend(started.into_iter().map(ended));
    }
    ran
}

/// The rules that a fault breaks when a call is made, too.
fn all_rules(fault: Fault) -> impl Iterator<Item = &'static str> {
    let rules = fault.rules().iter().chain(fault.call_rules());
    rules.copied()
}

fn broken(report: &Value) -> BTreeSet<&str> {
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["verdict"] == "fail")
        .map(|finding| finding["rule"].as_str().unwrap())
        .collect()
}

/// What has no cause must not stay open either.
fn unsettled(report: &Value) -> Vec<&str> {
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| {
            finding["inconclusive_kind"] == "unsettled" && finding["blocked_by"].is_null()
        })
        .map(|finding| finding["rule"].as_str().unwrap())
        .collect()
}

fn assert_keeps_to_its_schema(report: &Value) {
    let schema = serde_json::from_str(&ovcheck::output::schema::report()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(report)
        .map(|error| format!("{}: {error}", error.instance_path))
        .collect();
    assert_eq!(errors, Vec::<String>::new());
}

#[test]
fn without_a_fault_there_is_no_violation_under_either_policy() {
    for policy in ["default", "forced-turn"] {
        let (status, report) = report(&["--policy", policy]);
        assert_eq!(broken(&report), BTreeSet::new(), "{policy}");
        assert_eq!(unsettled(&report), Vec::<&str>::new(), "{policy}");
        assert_eq!(status, 0, "{policy}");
        assert_keeps_to_its_schema(&report);
    }
}

#[test]
fn each_fault_breaks_the_rules_that_it_says_and_no_other() {
    for (fault, ran) in of_every_fault("json") {
        let (status, report) = read(&ran);
        let expected: BTreeSet<&str> = all_rules(fault).collect();
        assert_eq!(broken(&report), expected, "{}", fault.name());
        assert_keeps_to_its_schema(&report);
        let errors = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|finding| finding["verdict"] == "fail" && finding["severity"] == "error");
        assert_eq!(status, if errors { 1 } else { 0 }, "{}", fault.name());
    }
}

/// Whether a run has the demo's key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Given,
    Missing,
}

fn in_process<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(future)
}

/// A run inside this process, made ready to begin.
async fn prepared(demo: &Demo, key: Key, interrupt: &Interrupt) -> Prepared {
    let home = tempfile::tempdir().unwrap();
    let ca_file = home.path().join("ca.pem");
    std::fs::write(&ca_file, demo.ca_pem()).unwrap();
    let file = DeploymentFile {
        path: "ovcheck.toml".to_owned(),
        text: demo.deployment_file(&ca_file),
        choice: FileChoice::Named,
    };
    let mut config = config::load(&Flags::default(), &|_| None, Some(&file)).unwrap();
    if key == Key::Given {
        config.credentials = Some(Credentials::Key {
            key: demo.api_key().to_owned(),
            secret: demo.api_secret().clone(),
        });
    }
    let files = app::Files::read(&config).unwrap();
    app::prepare(config, files, interrupt).await.unwrap()
}

async fn run(prepared: Prepared, interrupt: &Interrupt) -> Report {
    app::check(prepared, CheckOptions::default(), interrupt, &mut |_| {}).await
}

/// The rules that are broken for somebody who has no key. Runs again where this machine was too busy.
async fn broken_without_call(fault: Fault) -> BTreeSet<String> {
    let mut findings = Vec::new();
    for _ in 0..5 {
        let demo = Demo::start(fault.policy(), Some(fault)).await.unwrap();
        let (_never, interrupt) = Interrupt::new();
        let prepared = prepared(&demo, Key::Missing, &interrupt).await;
        findings = run(prepared, &interrupt).await.findings;
        if findings.iter().all(|finding| finding.reason != ReasonCode::SlowMachine) {
            break;
        }
    }
    findings
        .into_iter()
        .filter(|finding| matches!(finding.verdict, Verdict::Fail(_)))
        .map(|finding| finding.rule.to_string())
        .collect()
}

#[test]
fn nothing_is_left_of_a_call_that_was_interrupted() {
    let _turn = turn();
    in_process(async {
        for policy in [Policy::Default, Policy::ForcedTurn] {
            let demo = Demo::start(policy, None).await.unwrap();
            let (raise, interrupt) = Interrupt::new();
            let prepared = prepared(&demo, Key::Given, &interrupt).await;
            let joined = async {
                while demo.rooms().is_empty() {
                    sleep(Duration::from_millis(1)).await;
                }
                raise.send_replace(true);
            };
            let (report, ()) = tokio::join!(run(prepared, &interrupt), joined);
            assert!(report.gate.interrupted, "{policy}");
            assert_eq!(demo.rooms(), Vec::<String>::new(), "{policy}");
        }
    });
}

#[test]
fn nothing_is_left_of_a_call_that_was_made() {
    let _turn = turn();
    in_process(async {
        let demo = Demo::start(Policy::Default, None).await.unwrap();
        let (_never, interrupt) = Interrupt::new();
        let prepared = prepared(&demo, Key::Given, &interrupt).await;
        let report = run(prepared, &interrupt).await;
        assert!(report.complete);
        assert_eq!(demo.rooms(), Vec::<String>::new());
    });
}

#[test]
fn without_a_call_each_fault_breaks_what_can_be_seen_without_one() {
    let seen: Vec<Fault> =
        Fault::ALL.iter().copied().filter(|fault| !fault.rules().is_empty()).collect();
    for some in seen.chunks(AT_A_TIME) {
        let _turn = turn();
        std::thread::scope(|scope| {
            let runs = some
                .iter()
                .map(|fault| (fault, scope.spawn(|| in_process(broken_without_call(*fault)))));
            for (fault, run) in runs.collect::<Vec<_>>() {
                let expected = fault.rules().iter().map(|rule| (*rule).to_owned());
                assert_eq!(run.join().unwrap(), expected.collect(), "{fault}");
            }
        });
    }
}

/// How far the join and each way come, for somebody who wants nothing but a call.
async fn called(fault: Option<Fault>) -> (u8, Vec<String>) {
    let policy = fault.map_or(Policy::Default, Fault::policy);
    let demo = Demo::start(policy, fault).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let ca_file = home.path().join("ca.pem");
    std::fs::write(&ca_file, demo.ca_pem()).unwrap();
    let file = DeploymentFile {
        path: "ovcheck.toml".to_owned(),
        text: demo.deployment_file(&ca_file),
        choice: FileChoice::Named,
    };
    let mut config = config::load(&Flags::default(), &|_| None, Some(&file)).unwrap();
    config.credentials = Some(Credentials::Key {
        key: demo.api_key().to_owned(),
        secret: demo.api_secret().clone(),
    });
    let (_never, interrupt) = Interrupt::new();
    let config = config.for_call().unwrap();
    let files = app::Files::read(&config).unwrap();
    let prepared = app::prepare(config, files, &interrupt).await;
    let options = CheckOptions::default();
    let report = app::check(prepared.unwrap(), options, &interrupt, &mut |_| {}).await;
    let call = report.call.as_ref().unwrap();
    let states = std::iter::once(&call.join.state).chain(call.ways.iter().map(|way| &way.state));
    let words = states.map(|state| match state {
        State::Works { .. } => "works".to_owned(),
        State::Stops(stop) => format!("{:?}", stop.at).to_lowercase(),
        State::NotOffered => "not offered".to_owned(),
        State::Unknown { .. } => "unknown".to_owned(),
    });
    (ExitStatus::of(&report).code(), words.collect())
}

#[test]
fn a_call_tells_how_far_each_way_comes() {
    let unknown = ["unknown"; 4];
    let table = [
        (None, 0, "works", ["works"; 4]),
        (Some("turn-quota-used-up"), 0, "works", ["works", "works", "allocation", "allocation"]),
        (
            Some("candidate-is-private"),
            1,
            "works",
            ["address", "address", "permission", "permission"],
        ),
        (Some("media-range-blocked-for-relay"), 0, "works", ["works", "works", "check", "check"]),
        (Some("turn-url-missing"), 0, "works", ["works", "works", "works", "not offered"]),
        (Some("api-secret-wrong"), 1, "join", unknown),
        (Some("room-full"), 1, "join", unknown),
        (Some("expired-certificate"), 1, "certificate", unknown),
    ];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (name, exit, join, ways) in table {
        let fault = name.map(|name| {
            let mut all = Fault::ALL.iter();
            *all.find(|fault| fault.name() == name).unwrap()
        });
        let expected: Vec<String> = [join].iter().chain(&ways).map(ToString::to_string).collect();
        assert_eq!(runtime.block_on(called(fault)), (exit, expected), "{name:?}");
    }
}

#[test]
fn each_fault_is_named_on_the_first_screen_with_a_remedy() {
    for (fault, ran) in of_every_fault("table") {
        let table = ran.stdout;
        let first_screen: Vec<&str> = table.lines().take(FIRST_SCREEN).collect();
        let shows = |text: &str| first_screen.iter().any(|line| line.contains(text));
        assert!(all_rules(fault).any(shows), "{}:\n{table}", fault.name());
        assert!(shows("  remedy"), "{}:\n{table}", fault.name());
    }
}

#[test]
fn two_runs_end_the_same() {
    let verdicts = || {
        let (_, report) = report(&["--fault", "turn-backend-down"]);
        let findings = report["findings"].as_array().unwrap().clone();
        findings
            .into_iter()
            .map(|finding| {
                ["rule", "verdict", "confidence", "target", "reason_code", "fingerprint"]
                    .map(|key| finding[key].clone())
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(verdicts(), verdicts());
}
