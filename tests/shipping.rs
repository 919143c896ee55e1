//! What pipelines run: the scripts of the GitHub Action and of the GitLab job, and the arguments of the Kubernetes
//! CronJob, as a runner runs them, against the demo. `.ci/shipping` runs their downloads.

#![cfg(all(unix, feature = "demo"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ovcheck::demo::{Demo, Fault};
use ovcheck::model::deployment::Policy;
use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ovcheck");

/// Taken by each test: a crowd of runs would starve each other into time-outs.
static TURN: Mutex<()> = Mutex::new(());

/// A demo and the working directory of a job that checks it.
struct Job {
    directory: TempDir,
    demo: Demo,
    _runtime: tokio::runtime::Runtime,
    _turn: MutexGuard<'static, ()>,
}

impl Job {
    fn new(fault: Option<Fault>) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let demo = runtime.block_on(Demo::start(Policy::Default, fault)).unwrap();
        let directory = TempDir::new().unwrap();
        let ca_file = directory.path().join("ca.pem");
        fs::write(&ca_file, demo.ca_pem()).unwrap();
        fs::write(directory.path().join("ovcheck.toml"), demo.deployment_file(&ca_file)).unwrap();
        Self { directory, demo, _runtime: runtime, _turn: turn }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs a command of the job with these variables, as a shell of the runner does.
    fn run(&self, command: &[&str], variables: &[(&str, &str)]) -> Output {
        Command::new(command[0])
            .args(&command[1..])
            .current_dir(self.directory.path())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("OVCHECK_CONFIG", "ovcheck.toml")
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    }

    /// Runs the step of the GitHub Action, and gives what it printed and its outputs.
    fn action(&self, arguments: &str) -> (String, String) {
        for file in ["output", "summary"] {
            fs::write(self.path(file), "").unwrap();
        }
        let script = repository("contrib/github/check.sh");
        let variables = [
            ("PROGRAM", PROGRAM),
            ("ARGUMENTS", arguments),
            ("REPORTS", "reports"),
            ("GITHUB_OUTPUT", "output"),
            ("GITHUB_STEP_SUMMARY", "summary"),
        ];
        let output = self.run(&["bash", script.to_str().unwrap()], &variables);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (String::from_utf8(output.stdout).unwrap(), self.read("output"))
    }

    /// Runs the script of the GitLab job, and gives its exit status.
    fn gitlab(&self, arguments: &str) -> i32 {
        let script = block_of(&file("contrib/gitlab/ovcheck.gitlab-ci.yml"), "script:");
        let variables = [("OVCHECK_PROGRAM", PROGRAM), ("OVCHECK_ARGUMENTS", arguments)];
        self.run(&["sh", "-c", &script], &variables).status.code().unwrap()
    }

    /// The result of a JSON report.
    fn result(&self, report: &str) -> Value {
        let report: Value = serde_json::from_str(&self.read(report)).unwrap();
        report["summary"]["result"].clone()
    }
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn file(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap()
}

/// The first literal block (`- |`) of a list in YAML.
fn block_of(yaml: &str, key: &str) -> String {
    let (_, rest) = yaml.split_once(&format!("{key}\n    - |\n")).unwrap();
    let lines = rest.lines().map_while(|line| line.strip_prefix("      "));
    lines.collect::<Vec<_>>().join("\n")
}

/// The reports that a job keeps, and the beginning of each.
const REPORTS: [(&str, &str); 4] = [
    ("report.json", "{"),
    ("report.html", "<!doctype html>"),
    ("ovcheck.sarif", "{"),
    ("junit.xml", "<?xml"),
];

#[test]
fn the_github_action_reports_and_tells_the_status() {
    let job = Job::new(None);
    let (_, outputs) = job.action("");
    assert_eq!(outputs, "status=0\nsarif=reports/ovcheck.sarif\n");
    assert_eq!(job.result("reports/report.json"), "pass");
    for (name, begin) in REPORTS {
        assert!(job.read(&format!("reports/{name}")).starts_with(begin), "{name}");
    }
    assert_eq!(job.read("summary"), job.read("reports/summary.md"));

    // Incomplete; one argument per line, also one with a space.
    let (_, outputs) = job.action("--require-proof\n--vantage-name\na runner\n");
    assert!(outputs.starts_with("status=3\nsarif="), "{outputs}");
    assert!(job.read("reports/report.json").contains("\"a runner\""));

    // Wrong usage: no report of the run before is taken for one of this.
    let (_, outputs) = job.action("--no-such-flag");
    assert_eq!(outputs, "status=2\n");
    assert!(REPORTS.iter().all(|(name, _)| !job.path(&format!("reports/{name}")).exists()));
    assert_eq!(job.read("summary"), "");
}

#[test]
fn the_github_action_annotates_violations() {
    let job = Job::new(Some(Fault::TurnBackendDown));
    let (printed, outputs) = job.action("");
    assert!(outputs.starts_with("status=1\n"), "{outputs}");
    assert!(printed.contains("\n::error title="), "{printed}");
    assert!(job.read("summary").contains("turn/"));
}

#[test]
fn the_gitlab_job_gates() {
    let job = Job::new(None);
    assert_eq!(job.gitlab(""), 0);
    for (name, begin) in REPORTS {
        assert!(job.read(&format!("ovcheck-reports/{name}")).starts_with(begin), "{name}");
    }
    assert_eq!(job.gitlab("--require-proof --timeout 2"), 3);
    assert_eq!(job.result("ovcheck-reports/report.json"), "incomplete");
    assert_eq!(job.gitlab("--no-such-flag"), 2);
    assert!(!job.path("ovcheck-reports/report.json").exists());
    drop(job);
    let job = Job::new(Some(Fault::TurnBackendDown));
    assert_eq!(job.gitlab(""), 1);
    assert_eq!(job.result("ovcheck-reports/report.json"), "fail");
}

/// The command of a manifest of Kubernetes, with the names of the job's directory for what is mounted there.
fn command_of(manifest: &str) -> Vec<String> {
    let manifest = file(manifest);
    let arguments = manifest.lines().find_map(|line| line.trim().strip_prefix("args: ")).unwrap();
    let arguments: Vec<String> = serde_json::from_str(arguments).unwrap();
    let mounted =
        |argument: &String| argument.replace("/etc/ovcheck/", "").replace("/run/ovcheck/", "");
    [PROGRAM.to_owned()].into_iter().chain(arguments.iter().map(mounted)).collect()
}

#[test]
fn the_cron_job_makes_a_call_and_prints_its_report() {
    let job = Job::new(None);
    fs::write(job.path("api-secret"), job.demo.api_secret().expose()).unwrap();
    let command = command_of("contrib/kubernetes/cronjob.yaml");
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let output = job.run(&command, &[("OVCHECK_API_KEY", job.demo.api_key())]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    assert!(findings.into_iter().any(|finding| finding["rule"] == "call/join-accepted"));
}

#[test]
fn the_prober_in_kubernetes_reads_the_files_of_its_secret() {
    let job = Job::new(None);
    let configuration = "[listen]\noperator = \"0.0.0.0:9717\"\n[auth]\noperator-token-file =                          \"operator-token\"\n[targets.main]\nconfig = \"ovcheck.toml\"\n";
    fs::write(job.path("serve.toml"), configuration).unwrap();
    fs::write(job.path("operator-token"), "0123456789abcdef").unwrap();
    let mut command = command_of("contrib/kubernetes/serve.yaml");
    command.push("--check-config".to_owned());
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let output = job.run(&command, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("It listens at 0.0.0.0:9717."));
}

/// A program that is ended when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // SIGTERM, so that the demo removes its directory.
        let ended = Command::new("kill").arg(self.0.id().to_string()).status().unwrap();
        assert!(ended.success());
        self.0.wait().unwrap();
    }
}

#[test]
fn the_commands_that_the_demo_prints_work() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut demo = Running(
        Command::new(PROGRAM).args(["demo", "--serve"]).stdout(Stdio::piped()).spawn().unwrap(),
    );
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    for (subcommand, shows) in
        [("check", "PASS"), ("call", "openvidu.example.io: calls work, on 4 of 4 media paths")]
    {
        let command =
            lines.find(|line| line.contains(&format!(" {subcommand} --config "))).unwrap();
        let command = command.strip_prefix("# ").unwrap();
        let output = Command::new("sh").args(["-c", command]).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{command}\n{printed}");
        assert!(printed.lines().any(|line| line.starts_with(shows)), "{command}\n{printed}");
    }
}

#[test]
fn what_a_killed_demo_leaves_is_removed_by_the_next() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = TempDir::new().unwrap();
    let start = || {
        let mut command = Command::new(PROGRAM);
        command.args(["demo", "--serve"]).env("TMPDIR", folder.path()).stdout(Stdio::piped());
        let mut demo = command.spawn().unwrap();
        // It prints when its directory is there.
        let mut line = String::new();
        BufReader::new(demo.stdout.take().unwrap()).read_line(&mut line).unwrap();
        demo
    };
    let left = || fs::read_dir(folder.path()).unwrap().count();
    let mut killed = start();
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(left(), 1);
    let (one, other) = (Running(start()), Running(start()));
    assert_eq!(left(), 2, "those of the demos that run");
    drop((one, other));
    assert_eq!(left(), 0);
}
