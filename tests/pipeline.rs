//! A pipeline that gates with ovcheck, as a shell runs it against the demo: violations that are accepted,
//! known or new, runs that are judged again and compared, and a run that waits for a repair.

#![cfg(all(unix, feature = "demo"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use ovcheck::demo::Demo;
use ovcheck::model::deployment::Policy;
use ovcheck::model::recording::RecordingHead;
use serde_json::Value;
use tempfile::TempDir;

/// The address at which the demo's OpenVidu is declared.
const OPENVIDU: &str = "203.0.113.20";

/// Taken by each test: a crowd of runs would starve each other into time-outs.
static TURN: Mutex<()> = Mutex::new(());

/// A demo and the working directory of a pipeline that checks it.
struct Site {
    directory: TempDir,
    demo: Demo,
    _runtime: tokio::runtime::Runtime,
    _turn: MutexGuard<'static, ()>,
}

/// What a program printed, and its exit status.
struct Ran {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|_| panic!("{}{}", self.stdout, self.stderr))
    }
}

impl Site {
    fn new() -> Self {
        // A test that failed is no reason for the others to.
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let demo = runtime.block_on(Demo::start(Policy::Default, None)).unwrap();
        let site =
            Self { directory: TempDir::new().unwrap(), demo, _runtime: runtime, _turn: turn };
        site.write("ca.pem", site.demo.ca_pem());
        site.declares(&[]);
        site
    }

    /// Writes the deployment file, with services at these TCP ports of OpenVidu.
    fn declares(&self, exposed: &[(u16, &Exposed)]) {
        let text = self.demo.deployment_file(&self.path("ca.pem"));
        let entries: String = (exposed.iter())
            .map(|(port, service)| format!("\"{OPENVIDU}:{port}:127.0.0.1:{}\",\n", service.port))
            .collect();
        let list = "connect-to = [\n";
        assert!(text.contains(list));
        self.write("ovcheck.toml", &text.replace(list, &format!("{list}{entries}")));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.path(name)).unwrap()).unwrap()
    }

    fn ovcheck(&self, arguments: &[&str]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_ovcheck"))
            .args(arguments)
            .current_dir(self.directory.path())
            .env_clear()
            .output()
            .unwrap();
        Ran {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn check(&self, arguments: &[&str]) -> Ran {
        self.ovcheck(&[&["check", "--config", "ovcheck.toml"], arguments].concat())
    }
}

/// A Redis with a password on loopback, until it is dropped: a port that should not be open.
struct Exposed {
    port: u16,
    is_over: Arc<AtomicBool>,
}

impl Exposed {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((mut stream, _)) => {
                        thread::spawn(move || {
                            stream.set_nonblocking(false).unwrap();
                            stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
                            let mut asked = [0; 512];
                            while let Ok(1..) = stream.read(&mut asked) {
                                if stream
                                    .write_all(b"-NOAUTH Authentication required.\r\n")
                                    .is_err()
                                {
                                    break;
                                }
                            }
                        });
                    }
                    Err(_) => thread::sleep(Duration::from_millis(2)),
                }
            }
        });
        Self { port, is_over }
    }
}

impl Drop for Exposed {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// The violations of a report: rule, port and fingerprint.
fn violations(report: &Value) -> Vec<(String, u64, String)> {
    let findings = report["findings"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    findings
        .filter(|finding| finding["verdict"] == "fail")
        .map(|finding| {
            let port = finding["target"]["port"].as_u64().unwrap_or_default();
            (text(&finding["rule"]), port, text(&finding["fingerprint"]))
        })
        .collect()
}

fn file_names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_pipeline_gates() {
    let site = Site::new();
    let redis = Exposed::new();
    site.declares(&[(7000, &redis)]);

    // A violation fails the run.
    let ran = site.check(&["--output", "json=old.json", "--record", "run.rec"]);
    assert_eq!(ran.status, 1, "{}", ran.stdout);
    let old = site.read("old.json");
    let [(rule, 7000, fingerprint)] = &violations(&old)[..] else { panic!("{}", ran.stdout) };
    assert_eq!(rule, "ports/undocumented-closed");

    // The recording, judged again without a network, gives the same findings, word for word.
    let again = site.ovcheck(&["evaluate", "run.rec", "--format", "json"]);
    assert_eq!(again.status, 1, "{}", again.stderr);
    let again = again.json();
    for part in
        ["findings", "observations", "not_tested", "summary", "deployment", "run", "vantage"]
    {
        assert_eq!(again[part], old[part], "{part}");
    }
    assert_eq!(again["files_read"]["recording"], "run.rec");

    // A waiver accepts it until its day is over.
    let waived = site.ovcheck(&[
        "waive",
        fingerprint,
        "--reason",
        "CHG-1042",
        "--owner",
        "net",
        "--until",
        "2999-12-31",
    ]);
    assert_eq!(waived.status, 0, "{}", waived.stderr);
    let ran = site.check(&["--format", "json"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    let counts = &ran.json()["summary"]["counts"];
    assert_eq!((&counts["fail"], &counts["waived"]), (&1.into(), &1.into()));
    assert_eq!(site.ovcheck(&["evaluate", "run.rec", "-q"]).status, 0);
    let table = site.check(&[]);
    assert!(table.stdout.contains("waived until 2999-12-31"), "{}", table.stdout);
    assert!(table.stdout.contains("PASS  1 waived"), "{}", table.stdout);

    // Others must not decide what is accepted.
    let writable = |mode| std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(site.path("ovcheck-waivers.toml"), writable(0o666)).unwrap();
    let ran = site.check(&["-q"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("can be written by other users"), "{}", ran.stderr);
    assert_eq!(site.check(&["-q", "--waivers", "ovcheck-waivers.toml"]).status, 0);
    std::fs::set_permissions(site.path("ovcheck-waivers.toml"), writable(0o644)).unwrap();

    let text = std::fs::read_to_string(site.path("ovcheck-waivers.toml")).unwrap();
    site.write("ovcheck-waivers.toml", &text.replace("2999-12-31", "2020-12-31"));
    let ran = site.check(&[]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("ovcheck-waivers.toml:1"), "{}", ran.stderr);
    assert!(ran.stderr.contains("expired on 2020-12-31"), "{}", ran.stderr);
    assert!(ran.stdout.contains("FAIL  1 violation, 1 expired waiver"), "{}", ran.stdout);
    std::fs::remove_file(site.path("ovcheck-waivers.toml")).unwrap();

    // What is known to the baseline does not fail the run, and what is new does.
    let gate = ["--baseline", "old.json", "--fail-on", "new"];
    let ran = site.check(&gate);
    assert_eq!(ran.status, 0, "{}", ran.stdout);
    assert!(ran.stdout.contains("· known"), "{}", ran.stdout);
    let other = Exposed::new();
    site.declares(&[(7000, &redis), (9100, &other)]);
    let ran = site.check(&[&gate[..], &["--output", "json=new.json"]].concat());
    assert_eq!(ran.status, 1, "{}", ran.stdout);
    let new = site.read("new.json");
    let of_age = |age: &str| -> Vec<u64> {
        let findings = new["findings"].as_array().unwrap().iter();
        let of_age = findings.filter(|finding| finding["age"] == age);
        of_age.map(|finding| finding["target"]["port"].as_u64().unwrap()).collect()
    };
    assert_eq!((of_age("known"), of_age("new")), (vec![7000], vec![9100]));

    // The difference is exactly that.
    let ran = site.ovcheck(&["diff", "old.json", "new.json", "--format", "json"]);
    assert_eq!(ran.status, 1);
    let difference = ran.json();
    let changes = difference["changes"].as_array().unwrap();
    let [change] = &changes[..] else { panic!("{}", ran.stdout) };
    assert_eq!((&change["change"], &change["worse"]), (&"appeared".into(), &true.into()));
    assert_eq!(change["target"], format!("openvidu TCP 9100 at {OPENVIDU}"));
    assert_eq!(site.ovcheck(&["diff", "new.json", "old.json"]).status, 0);
    assert_eq!(site.ovcheck(&["diff", "old.json", "old.json"]).status, 0);

    // Both reports are of one deployment: one row, and one violation is new.
    let ran = site.ovcheck(&["summary", ".", "--format", "json"]);
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    let runs = ran.json()["runs"].clone();
    assert_eq!((runs.as_array().unwrap().len(), &runs[0]["new_violations"]), (1, &1.into()));
    assert!(site.ovcheck(&["summary", "."]).stdout.contains("FAIL  1 run: 1 failed"));
    let ran = site.ovcheck(&["summary", ".", "--format", "html"]);
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    for part in ["1 run: 1 failed", "openvidu.example.io", "<td>1</td>"] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
}

#[test]
fn what_is_not_proven_or_not_declared_makes_a_run_incomplete() {
    let site = Site::new();
    assert_eq!(site.check(&[]).status, 0);
    assert_eq!(site.check(&["--require-proof"]).status, 3);
    let text = std::fs::read_to_string(site.path("ovcheck.toml")).unwrap();
    site.write("ovcheck.toml", text.split("\n[nodes.openvidu]").next().unwrap());
    assert_eq!(site.check(&[]).status, 0);
    assert_eq!(site.check(&["--require-declared"]).status, 3);
}

#[test]
fn a_run_waits_until_the_deployment_is_mended() {
    let site = Site::new();
    let redis = Exposed::new();
    site.declares(&[(7000, &redis)]);
    let ran = site.check(&["--wait", "1s", "-q"]);
    assert_eq!(ran.status, 1, "{}", ran.stdout);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| site.check(&["--wait", "60s", "-q"]));
        // In the middle of it: the first run has seen the port, and it is not the last one.
        thread::sleep(Duration::from_millis(3500));
        drop(redis);
        let ran = waiting.join().unwrap();
        assert_eq!(ran.status, 0, "{}", ran.stdout);
        assert_eq!(ran.stdout.matches("exit status").count(), 1, "{}", ran.stdout);
    });
}

#[test]
fn a_wait_that_is_interrupted_reports_the_last_run() {
    let site = Site::new();
    let redis = Exposed::new();
    site.declares(&[(7000, &redis)]);
    let waiting = Command::new(env!("CARGO_BIN_EXE_ovcheck"))
        .args(["check", "--config", "ovcheck.toml", "--wait", "10m", "--format", "json"])
        .current_dir(site.directory.path())
        .env_clear()
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The first run is over, and the second one has begun or is about to.
    thread::sleep(Duration::from_millis(4500));
    let pid = waiting.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = waiting.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["summary"]["result"], "interrupted");
}

#[test]
fn what_was_not_asked_for_is_counted() {
    let site = Site::new();
    let redis = Exposed::new();
    site.declares(&[(7000, &redis)]);
    let ran = site.check(&["--only", "tls,dns/domain-resolves", "--format", "json"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let report = ran.json();
    let findings = report["findings"].as_array().unwrap();
    assert!(!findings.is_empty());
    for finding in findings {
        let rule = finding["rule"].as_str().unwrap();
        assert!(rule.starts_with("tls/") || rule == "dns/domain-resolves", "{rule}");
    }
    assert!(report["summary"]["not_selected"].as_u64().unwrap() > 50);
    let ran = site.check(&["--skip", "ports"]);
    assert_eq!(ran.status, 0);
    let last = ran.stdout.lines().last().unwrap();
    assert!(last.starts_with("PASS of what was selected"), "{last}");
    assert!(last.contains("left out (--only, --skip)"), "{last}");
    let ran = site.check(&["--only", "tsl"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("--only: unknown family or rule \"tsl\""), "{}", ran.stderr);
}

#[test]
fn a_report_that_leaves_the_house_names_nothing() {
    let site = Site::new();
    let redis = Exposed::new();
    site.declares(&[(7000, &redis)]);
    let ran = site.check(&["--record", "run.rec", "--format", "json"]);
    let open = ran.json();
    let names = ["openvidu.example.io", "turn.example.io", "example.io"];
    let addresses = [OPENVIDU, "203.0.113.10", "2001:db8:5::"];
    for format in ["json", "table"] {
        let shared = ["evaluate", "run.rec", "--redact", "names,addresses", "--format", format];
        let ran = site.ovcheck(&shared);
        assert_eq!(ran.status, 1, "{}", ran.stderr);
        for name in names {
            assert!(!ran.stdout.contains(name), "{name}: {}", ran.stdout);
        }
        assert!(!ran.stdout.contains("2001:db8:5::"), "{}", ran.stdout);
        assert!(ran.stdout.contains("name-1.example"), "{}", ran.stdout);
    }
    let shared =
        site.ovcheck(&["evaluate", "run.rec", "--redact", "names,addresses", "--format", "json"]);
    let shared = shared.json();
    assert_eq!(shared["options"]["redact"], serde_json::json!(["names", "addresses"]));
    let verdicts = |report: &Value| -> Vec<(Value, Value, Value)> {
        let findings = report["findings"].as_array().unwrap().iter();
        findings
            .map(|it| (it["rule"].clone(), it["verdict"].clone(), it["reason_code"].clone()))
            .collect()
    };
    assert_eq!(verdicts(&shared), verdicts(&open));
    let only = site.ovcheck(&["evaluate", "run.rec", "--redact", "names", "-v"]).stdout;
    for address in addresses {
        assert!(only.contains(address), "{address}");
    }
}

#[test]
fn a_recording_holds_no_secret_and_takes_the_place_of_nothing() {
    let site = Site::new();
    let secret = site.demo.api_secret().expose();
    site.write("secret", secret);
    let key = site.demo.api_key();
    let call = ["--api-key", key, "--api-secret-file", "secret", "--record", "run.rec"];
    assert_eq!(site.check(&call).status, 0);
    let text = std::fs::read_to_string(site.path("run.rec")).unwrap();
    assert!(!text.contains(secret) && !text.contains("eyJ"));
    assert_eq!(site.ovcheck(&["evaluate", "run.rec", "-q"]).status, 0);

    let ran = site.check(&["--record", "run.rec"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("run.rec already exists"), "{}", ran.stderr);
    let ran = site.check(&["--record", "same", "--output", "json=same"]);
    assert_eq!(ran.status, 2, "{}", ran.stderr);

    // Cut in the middle, of another version, or something else.
    site.write("cut.rec", &text[..text.len() / 2]);
    let ours = format!("\"version\":{}", RecordingHead::VERSION);
    site.write("later.rec", &text.replacen(&ours, "\"version\":1000", 1));
    let ran = site.check(&["--output", "json=report.json", "-q"]);
    assert_eq!(ran.status, 0);
    for (file, what) in [
        ("cut.rec", "ends too early"),
        ("later.rec", "in version 1000"),
        ("report.json", "this is a report"),
        (".", "this is a directory"),
        ("missing", "failed to read"),
    ] {
        let ran = site.ovcheck(&["evaluate", file]);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{file}");
        assert!(ran.stderr.contains(what), "{file}: {}", ran.stderr);
    }
    for arguments in [["diff", "run.rec", "report.json"], ["diff", "report.json", "."]] {
        assert_eq!(site.ovcheck(&arguments).status, 2);
    }
    let names = file_names(site.directory.path());
    assert!(!names.iter().any(|name| name == "same" || name.starts_with(".run")), "{names:?}");
}

#[test]
fn another_edition_judges_only_what_was_asked() {
    let site = Site::new();
    assert_eq!(site.check(&["--record", "run.rec", "-q"]).status, 0);
    let ran = site.ovcheck(&["evaluate", "run.rec", "--guide", "3.9", "--format", "json"]);
    let report = ran.json();
    assert_eq!(report["ruleset"]["guide"], "3.9");
    assert!(report["summary"]["counts"]["pass"].as_u64().unwrap() > 50, "{}", ran.stderr);
}

#[test]
fn recordings_from_several_places_make_one_report() {
    let site = Site::new();
    let redis = Exposed::new();
    site.declares(&[(7000, &redis)]);
    assert_eq!(site.check(&["--record", "internet.rec", "-q"]).status, 1);
    let proxy = ["--zone", "external-proxy", "--record", "proxy.rec", "-q"];
    site.check(&proxy);
    let ran = site.ovcheck(&["merge", "internet.rec", "proxy.rec", "--format", "json"]);
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    let report = ran.json();
    let labels: Vec<&Value> =
        report["vantages"].as_array().unwrap().iter().map(|run| &run["label"]).collect();
    assert_eq!(labels, ["internet", "external-proxy"]);
    let open = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["target"]["port"] == 7000 && finding["verdict"] == "fail");
    let sightings = open.unwrap()["sightings"].as_array().unwrap();
    assert!(sightings.iter().any(|it| it["vantage"] == "internet" && it["verdict"] == "fail"));
    let alone = site.ovcheck(&["evaluate", "internet.rec", "--format", "json"]).json();
    let failed = |report: &Value| -> Vec<String> {
        let findings = report["findings"].as_array().unwrap().iter();
        let failed = findings.filter(|it| it["verdict"] == "fail");
        failed.map(|it| it["fingerprint"].to_string()).collect()
    };
    let merged = failed(&report);
    assert!(failed(&alone).iter().all(|fingerprint| merged.contains(fingerprint)));

    // The report is one like others: other formats, waivers, stand-ins, differences.
    site.write("merged.json", &ran.stdout);
    for format in ["table", "html", "junit", "sarif", "markdown", "github", "metrics"] {
        let ran = site.ovcheck(&["merge", "proxy.rec", "internet.rec", "--format", format]);
        assert_eq!(ran.status, 1, "{format}: {}", ran.stderr);
        let rendered = site.ovcheck(&["render", "merged.json", "--format", format]);
        // The table needs more than the JSON report.
        assert_eq!(rendered.status == 2, format == "table", "{format}: {}", rendered.stderr);
    }
    assert_eq!(site.ovcheck(&["diff", "merged.json", "merged.json"]).status, 0);
    let summary = site.ovcheck(&["summary", "merged.json", "--format", "json"]).json();
    assert_eq!(summary["runs"][0]["vantage"], "internet, external-proxy");
    let shared = ["merge", "internet.rec", "proxy.rec", "--redact", "names,addresses"];
    let shared = site.ovcheck(&shared).stdout;
    assert!(!shared.contains("example.io") && shared.contains("name-1.example"), "{shared}");
    let table = site.ovcheck(&["merge", "internet.rec", "proxy.rec"]).stdout;
    assert!(table.contains("from 2 vantage points"), "{table}");
    assert!(table.contains("from internet"), "{table}");
}

#[test]
fn recordings_that_do_not_belong_together_are_refused() {
    let site = Site::new();
    site.check(&["--record", "internet.rec", "--output", "json=report.json", "-q"]);
    site.check(&["--zone", "external-proxy", "--record", "proxy.rec", "-q"]);
    site.check(&["--zone", "own-node", "--only", "tls", "--record", "narrow.rec", "-q"]);
    let text = std::fs::read_to_string(site.path("proxy.rec")).unwrap();
    let started: i64 = {
        let recording: Value = serde_json::from_str(&text).unwrap();
        recording["started_at"].as_i64().unwrap()
    };
    let now = format!("\"started_at\":{started}");
    assert!(text.contains(&now));
    site.write("old.rec", &text.replace(&now, &format!("\"started_at\":{}", started - 7200)));
    site.write("other.rec", &text.replace("openvidu.example.io", "other.example.io"));
    site.write("moved.rec", &text.replace(OPENVIDU, "203.0.113.99"));
    site.write("guide.rec", &text.replace("\"edition\":\"3.2\"", "\"edition\":\"3.9\""));
    let ours = format!("\"version\":{}", RecordingHead::VERSION);
    site.write("later.rec", &text.replacen(&ours, "\"version\":1000", 1));
    for (other, what, help) in [
        ("report.json", "this is a report", "--record FILE"),
        ("later.rec", "in version 1000", "record again"),
        ("internet.rec", "internet.rec are from the same vantage point", "--vantage-name"),
        ("other.rec", "about other.example.io, and internet.rec about openvidu", "one deployment"),
        ("moved.rec", "declare the nodes differently", "same deployment file"),
        ("guide.rec", "followed guide 3.9, and that of internet.rec guide 3.2", "--guide 3.9"),
        ("old.rec", "at most 1h apart", "--max-apart"),
        ("narrow.rec", "asked about different rules", "--only"),
        ("missing.rec", "failed to read", "--record FILE"),
    ] {
        let ran = site.ovcheck(&["merge", "internet.rec", other]);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{other}: {}", ran.stderr);
        for part in [what, help, other] {
            assert!(ran.stderr.contains(part), "{other}: {}", ran.stderr);
        }
    }
    let ran = site.ovcheck(&["merge", "internet.rec"]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("ovcheck evaluate internet.rec"), "{}", ran.stderr);
    for fits in [["old.rec", "--max-apart", "3h"], ["guide.rec", "--guide", "3.9"]] {
        let ran = site.ovcheck(&[&["merge", "internet.rec", "-q"], &fits[..]].concat());
        assert_ne!(ran.status, 2, "{}", ran.stderr);
    }
}
