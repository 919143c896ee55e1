//! `ovcheck serve` as Prometheus, an operator and an attacker meet it: a process of its own, over HTTP.

#![cfg(all(unix, feature = "demo"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::disallowed_methods, reason = "the test is a client of its own")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ovcheck::demo::{Demo, Fault};
use ovcheck::model::deployment::Policy;
use tempfile::TempDir;

#[path = "serve/page.rs"]
mod page;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ovcheck");

/// No answer takes longer on a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(120);

/// Taken by each test: a crowd of runs would starve each other into time-outs.
static TURN: Mutex<()> = Mutex::new(());

/// A demo, and a directory with the configuration of a prober.
struct Site {
    directory: TempDir,
    demo: Demo,
    _runtime: tokio::runtime::Runtime,
    _turn: MutexGuard<'static, ()>,
}

impl Site {
    fn new(fault: Option<Fault>) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let demo = runtime.block_on(Demo::start(Policy::Default, fault)).unwrap();
        let directory = TempDir::new().unwrap();
        let site = Self { directory, demo, _runtime: runtime, _turn: turn };
        let ca_file = site.path("ca.pem");
        fs::write(&ca_file, site.demo.ca_pem()).unwrap();
        fs::write(site.path("secret"), site.demo.api_secret().expose()).unwrap();
        let text = format!(
            "api-key = \"{}\"\napi-secret-file = \"secret\"\n{}",
            site.demo.api_key(),
            site.demo.deployment_file(&ca_file)
        );
        fs::write(site.path("ovcheck.toml"), text).unwrap();
        site.configure("[targets.main]\nconfig = \"ovcheck.toml\"\n");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn configure(&self, text: &str) {
        fs::write(self.path("serve.toml"), text).unwrap();
    }

    fn check_config(&self) -> Output {
        Command::new(PROGRAM)
            .args(["serve", "--check-config", "--config"])
            .arg(self.path("serve.toml"))
            .output()
            .unwrap()
    }

    fn serve(&self, more: &[&str]) -> Prober {
        Prober::start(self, more)
    }
}

/// A running `ovcheck serve`.
struct Prober {
    process: Child,
    address: SocketAddr,
    said: Arc<Mutex<String>>,
}

impl Prober {
    fn start(site: &Site, more: &[&str]) -> Self {
        let mut process = Command::new(PROGRAM)
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(site.path("serve.toml"))
            .args(more)
            .env_clear()
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (heard, stderr) = (Arc::clone(&said), process.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                heard.lock().unwrap().push_str(&format!("{line}\n"));
            }
        });
        let mut prober = Self { process, address: "127.0.0.1:0".parse().unwrap(), said };
        let line = prober.until_said("listening at http://");
        let address = line.split("http://").nth(1).unwrap().split('/').next().unwrap();
        prober.address = address.parse().unwrap();
        prober
    }

    /// What it says with this text in it.
    fn until_said(&self, text: &str) -> String {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let said = self.said.lock().unwrap().clone();
            if let Some(line) = said.lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{text:?} is not in {}", self.said.lock().unwrap());
    }

    fn send(&self, request: &str) -> String {
        send_to(self.address, request)
    }

    fn get_with(&self, path: &str, headers: &str) -> String {
        let host = self.address;
        self.send(&format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n"
        ))
    }

    fn get(&self, path: &str) -> String {
        self.get_with(path, "")
    }

    fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Sends a request as it stands, and reads the answer to its end.
fn send_to(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // What a server that refuses to read on resets, was answered before.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

fn status(answer: &str) -> u16 {
    let line = answer.lines().next().unwrap_or_default();
    line.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("{answer}"))
}

/// The value of a series.
fn value(answer: &str, series: &str) -> f64 {
    let line =
        answer.lines().find(|line| line.rsplit_once(' ').is_some_and(|(it, _)| it == series));
    let line = line.unwrap_or_else(|| panic!("no {series} in {answer}"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[test]
fn a_deployment_is_probed_and_two_scrapers_share_a_run() {
    let site = Site::new(None);
    let prober = site.serve(&[]);
    let probe = "/probe?target=main&module=full";
    let [one, other] = std::thread::scope(|scope| {
        let threads = [scope.spawn(|| prober.get(probe)), scope.spawn(|| prober.get(probe))];
        threads.map(|thread| thread.join().unwrap())
    });
    for answer in [&one, &other] {
        assert_eq!(status(answer), 200, "{answer}");
        assert!((value(answer, "probe_success") - 1.0).abs() < f64::EPSILON, "{answer}");
        assert!(answer.contains("text/plain; version=0.0.4"), "{answer}");
    }
    let all = prober.get("/metrics");
    let runs = "ovcheck_runs_total{target=\"main\",module=\"full\",outcome=\"pass\"}";
    assert!((value(&all, runs) - 1.0).abs() < f64::EPSILON, "{all}");
    assert!(
        (value(&all, "probe_success{target=\"main\",module=\"full\"}") - 1.0).abs() < f64::EPSILON
    );
    assert!((value(&all, "ovcheck_probe_requests_total{code=\"200\"}") - 2.0).abs() < f64::EPSILON);
}

#[test]
fn a_fault_is_named_by_its_rule_and_shown_to_people() {
    let site = Site::new(Some(Fault::ALL[0]));
    let prober = site.serve(&[]);
    let answer = prober.get("/probe?target=main");
    assert!(value(&answer, "probe_success").abs() < f64::EPSILON, "{answer}");
    assert!(answer.contains("ovcheck_rule_failed{rule=\""), "{answer}");
    let rule = answer.split("ovcheck_rule_failed{rule=\"").nth(1).unwrap();
    let rule = rule.split('"').next().unwrap();
    let text = prober.get("/probe?target=main&debug=true");
    assert!(text.contains(rule) && text.contains("FAIL"), "{text}");
    let page = prober.get("/");
    assert!(page.contains("<th scope=\"row\">main") && page.contains("FAIL"), "{page}");
    assert!(prober.get("/targets/main/fast").contains(rule));
    let json = prober.get("/api/v1/targets/main/fast");
    let body = json.split("\r\n\r\n").nth(1).unwrap();
    let report: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(report["summary"]["result"], "fail");
    assert_eq!(status(&prober.get("/targets/main/full")), 404);
}

#[test]
fn a_call_needs_credentials_and_no_answer_shows_them() {
    let site = Site::new(None);
    let prober = site.serve(&[]);
    let answer = prober.get("/probe?target=main&module=call");
    assert!(
        (value(&answer, "ovcheck_path_works{path=\"udp\"}") - 1.0).abs() < f64::EPSILON,
        "{answer}"
    );
    let secret = site.demo.api_secret().expose();
    let said = prober.said.lock().unwrap().clone();
    for text in [
        said,
        prober.get("/metrics"),
        prober.get("/"),
        prober.get("/targets/main/call"),
        prober.get("/api/v1/targets/main/call"),
        prober.get("/probe?target=main&module=call&debug=true"),
    ] {
        assert!(!text.contains(secret));
    }
}

#[test]
fn a_run_that_does_not_fit_the_time_is_no_success() {
    let site = Site::new(None);
    let prober = site.serve(&[]);
    let timeout = |seconds| format!("X-Prometheus-Scrape-Timeout-Seconds: {seconds}\r\n");
    let answer = prober.get_with("/probe?target=main&module=full", &timeout("1.2"));
    assert_eq!(status(&answer), 200);
    assert!(value(&answer, "probe_success").abs() < f64::EPSILON, "{answer}");
    assert!(value(&answer, "ovcheck_complete").abs() < f64::EPSILON, "{answer}");
    let remark = answer.lines().find(|line| line.starts_with("# ") && !line.starts_with("# HELP"));
    assert!(
        remark.is_some_and(|it| it.contains("deadline") || it.contains("scrape_timeout")),
        "{answer}"
    );
    assert_eq!(status(&prober.get_with("/probe?target=main", &timeout("soon"))), 500);
}

#[test]
fn a_request_names_a_target_of_the_file_and_nothing_else() {
    let site = Site::new(None);
    let prober = site.serve(&[]);
    for path in [
        "/probe",
        "/probe?target=169.254.169.254",
        "/probe?target=http://127.0.0.1:22/",
        "/probe?target=../../etc/passwd",
        "/probe?target=other",
        "/probe?target=main&module=everything",
    ] {
        let answer = prober.get(path);
        assert_eq!(status(&answer), 400, "{path}: {answer}");
        assert!(!answer.contains("169.254") && !answer.contains("passwd"), "{answer}");
    }
    for path in ["/other", "/targets/main", "/targets/../serve.toml", "/api/v1/targets/x/fast"] {
        assert_eq!(status(&prober.get(path)), 404, "{path}");
    }
    let host = prober.address;
    let post =
        format!("POST /probe?target=main HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    assert_eq!(status(&prober.send(&post)), 405);
    // Another site's page in a browser on this machine, under a name that leads here.
    let rebound = "GET /metrics HTTP/1.1\r\nHost: evil.example:9717\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&prober.send(rebound)), 421);
    assert_eq!(status(&prober.send("GET /metrics HTTP/1.0\r\n\r\n")), 421);
    let long = format!("X-Long: {}\r\n", "a".repeat(64 * 1024));
    assert_ne!(status(&prober.get_with("/metrics", &long)), 200);
    assert!(prober.send("\0\u{1}nonsense\r\n\r\n").starts_with("HTTP/1.1 400"));
    assert_eq!(status(&prober.get("/healthz")), 200);
}

#[test]
fn a_token_is_required_where_others_can_connect() {
    let site = Site::new(None);
    site.configure(
        "[listen]\noperator = \"0.0.0.0:9717\"\n[targets.main]\nconfig = \"ovcheck.toml\"\n",
    );
    let refused = site.check_config();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("serve.toml:2") && said.contains("operator-token-file"), "{said}");

    let token = "0123456789abcdef0123456789abcdef";
    fs::write(site.path("token"), format!("{token}\n")).unwrap();
    site.configure(
        "[auth]\noperator-token-file = \"token\"\n[targets.main]\nconfig = \"ovcheck.toml\"\n",
    );
    let prober = site.serve(&[]);
    for headers in ["", "Authorization: Bearer \r\n", "Authorization: Bearer 0123456789abcdef\r\n"]
    {
        let answer = prober.get_with("/metrics", headers);
        assert_eq!(status(&answer), 401, "{answer}");
        assert!(answer.to_lowercase().contains("www-authenticate: bearer"), "{answer}");
    }
    let right = format!("Authorization: Bearer {token}\r\n");
    assert_eq!(status(&prober.get_with("/metrics", &right)), 200);
    // It needs no token to know that the process is there.
    assert_eq!(status(&prober.get("/readyz")), 200);
}

#[test]
fn the_configuration_is_read_again_and_a_wrong_one_changes_nothing() {
    let site = Site::new(None);
    let mut prober = site.serve(&[]);
    assert_eq!(status(&prober.get("/probe?target=main")), 200);
    site.configure(
        "[targets.main]\nconfig = \"ovcheck.toml\"\n[targets.second]\nconfig = \"ovcheck.toml\"\n",
    );
    prober.signal("HUP");
    prober.until_said("again: 2 targets");
    assert_eq!(status(&prober.get("/probe?target=second&module=certificates")), 200);
    site.configure("[targets.main]\nconfg = \"ovcheck.toml\"\n");
    prober.signal("HUP");
    prober.until_said("served before is served on");
    prober.until_said("did you mean \"config\"");
    assert_eq!(status(&prober.get("/probe?target=second&module=certificates")), 200);
    // What did not change has kept its result: it did not run again.
    let all = prober.get("/metrics");
    let runs = "ovcheck_runs_total{target=\"main\",module=\"fast\",outcome=\"pass\"}";
    assert!((value(&all, runs) - 1.0).abs() < f64::EPSILON, "{all}");
    prober.signal("TERM");
    assert!(prober.process.wait().unwrap().success());
}

#[test]
fn a_broken_file_of_a_target_is_its_fault_alone() {
    let site = Site::new(None);
    fs::create_dir(site.path("targets.d")).unwrap();
    fs::write(
        site.path("targets.d/good.toml"),
        "config = \"../ovcheck.toml\"\nlabels = { customer = \"a\" }\n",
    )
    .unwrap();
    fs::write(site.path("targets.d/bad.toml"), "config = \"../missing.toml\"\n").unwrap();
    fs::write(site.path("targets.d/readme.txt"), "no target").unwrap();
    let checked = site.check_config();
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert_eq!(checked.status.code(), Some(2), "{said}");
    assert!(said.contains("bad.toml:1") && said.contains("missing.toml"), "{said}");
    let prober = site.serve(&[]);
    prober.until_said("missing.toml");
    assert_eq!(status(&prober.get("/probe?target=good&module=certificates")), 200);
    assert_eq!(status(&prober.get("/probe?target=bad")), 400);
    let all = prober.get("/metrics");
    let labelled = "probe_success{target=\"good\",module=\"certificates\",customer=\"a\"}";
    assert!((value(&all, labelled) - 1.0).abs() < f64::EPSILON, "{all}");
}

#[test]
fn a_mistake_in_the_configuration_names_its_line() {
    let site = Site::new(None);
    assert_eq!(site.check_config().status.code(), Some(0));
    for (text, line, word) in [
        ("", "serve.toml", "there is no target"),
        (
            "[targets.main]\nconfig = \"ovcheck.toml\"\nevery = \"1s\"\n",
            "serve.toml:3",
            "between 1m and 24h",
        ),
        (
            "[targets.main]\nconfig = \"ovcheck.toml\"\nevery = \"2m\"\n",
            "serve.toml:3",
            "240 seconds",
        ),
        (
            "[targets.main]\nconfig = \"ovcheck.toml\"\nmodules = [\"fats\"]\n",
            "serve.toml:3",
            "\"fast\"",
        ),
        (
            "[targets.main]\nconfig = \"ovcheck.toml\"\nmodules = []\n",
            "serve.toml:3",
            "needs a module",
        ),
        ("[targets.\"a b\"]\nconfig = \"ovcheck.toml\"\n", "serve.toml:1", "64 letters"),
        ("[targets.main]\nconfig = \"none.toml\"\n", "serve.toml:2", "none.toml"),
        (
            "[runs]\nat-once = 0\n[targets.main]\nconfig = \"ovcheck.toml\"\n",
            "serve.toml:2",
            "1 and 16",
        ),
        (
            "[targets.main]\nconfig = \"ovcheck.toml\"\nlabels = { rule = \"x\" }\n",
            "serve.toml:3",
            "themselves",
        ),
        ("[listen]\noperator = \"localhost\"\n", "serve.toml:2", "127.0.0.1:9717"),
    ] {
        site.configure(text);
        let checked = site.check_config();
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert_eq!(checked.status.code(), Some(2), "{text}: {said}");
        assert!(said.contains(line) && said.contains(word), "{text}: {said}");
    }
}

#[test]
fn slow_and_many_clients_take_no_place_from_a_scrape() {
    let site = Site::new(None);
    let prober = site.serve(&[]);
    let mut slow = Vec::new();
    for _ in 0..150 {
        let mut stream = TcpStream::connect(prober.address).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
        slow.push(stream);
    }
    assert_eq!(status(&prober.get("/metrics")), 200);
    // A head that does not come to its end is not waited for.
    let mut first = slow.remove(0);
    first.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut rest = Vec::new();
    let _ = first.read_to_end(&mut rest);
    let text = String::from_utf8_lossy(&rest);
    assert!(rest.is_empty() || text.contains("408"), "{text}");
}

/// The configuration with a history beside it.
const WITH_HISTORY: &str = "[store]\npath = \"history.sqlite\"\nkeep = \"30d\"\n\
                            [targets.main]\nconfig = \"ovcheck.toml\"\n";

impl Prober {
    /// Ends it as systemd does, and waits for it.
    fn end(mut self) {
        self.signal("TERM");
        assert!(self.process.wait().unwrap().success());
    }
}

#[test]
fn results_survive_a_restart_with_their_age() {
    let site = Site::new(None);
    site.configure(WITH_HISTORY);
    let prober = site.serve(&[]);
    assert_eq!(status(&prober.get("/readyz")), 200);
    let answer = prober.get("/probe?target=main");
    assert!((value(&answer, "probe_success") - 1.0).abs() < f64::EPSILON, "{answer}");
    let page = prober.get("/targets/main/fast");
    let text = prober.get("/probe?target=main&debug=true");
    prober.end();
    // It moves with the clock, and not with the process.
    std::thread::sleep(Duration::from_secs(2));
    let prober = site.serve(&[]);
    let all = prober.get("/metrics");
    let labels = "{target=\"main\",module=\"fast\"}";
    assert!((value(&all, &format!("probe_success{labels}")) - 1.0).abs() < f64::EPSILON, "{all}");
    assert!(value(&all, &format!("ovcheck_result_age_seconds{labels}")) >= 2.0, "{all}");
    assert!(value(&all, "ovcheck_history_failed_writes_total").abs() < f64::EPSILON);
    assert_eq!(body(&prober.get("/targets/main/fast")), body(&page));
    // Within 15 s of the run: the same result, also as text.
    let again = prober.get("/probe?target=main&debug=true");
    assert!(again.contains("PASS") && text.contains("PASS"), "{again}");
    // Under the same name, but another deployment.
    prober.end();
    fs::write(site.path("other.toml"), "domain-name = \"other.example.io\"\n").unwrap();
    site.configure(&WITH_HISTORY.replace("ovcheck.toml", "other.toml"));
    let prober = site.serve(&[]);
    assert_eq!(status(&prober.get("/targets/main/fast")), 404);
}

#[test]
fn a_history_that_cannot_be_written_is_told_and_checks_go_on() {
    let site = Site::new(None);
    site.configure(WITH_HISTORY);
    let foreign = b"The file of another program, which nobody wants to lose. ".repeat(40);
    fs::write(site.path("history.sqlite"), &foreign).unwrap();
    let checked = site.check_config();
    assert_eq!(checked.status.code(), Some(2));
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(said.contains("is not a file of ovcheck") && said.contains("help: "), "{said}");
    let prober = site.serve(&[]);
    prober.until_said("is not a file of ovcheck");
    let not_ready = prober.get("/readyz");
    assert_eq!(status(&not_ready), 503, "{not_ready}");
    let answer = prober.get("/probe?target=main");
    assert!((value(&answer, "probe_success") - 1.0).abs() < f64::EPSILON, "{answer}");
    for path in ["/", "/metrics", "/targets/main/fast", "/healthz"] {
        assert_eq!(status(&prober.get(path)), 200, "{path}");
    }
    assert!((value(&prober.get("/metrics"), "ovcheck_history_waiting_runs") - 1.0).abs() < 0.1);
    assert_eq!(fs::read(site.path("history.sqlite")).unwrap(), foreign);
    // The operator moves it away, and the run that waited is written.
    fs::rename(site.path("history.sqlite"), site.path("theirs")).unwrap();
    prober.until_said("is written again");
    let begun = Instant::now();
    while value(&prober.get("/metrics"), "ovcheck_history_waiting_runs") > 0.1 {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(status(&prober.get("/readyz")), 200);
}

#[test]
fn a_wrong_setting_of_the_history_is_told_with_its_line() {
    let site = Site::new(None);
    for (store, told) in [
        ("[store]\npath = \"h\"\nkeep = \"1m\"\n", "must be a time between 24h and 3650d"),
        ("[store]\nkeep = \"1d\"\n", "path"),
        ("[store]\npath = \"h\"\nkept = \"1d\"\n", "kept"),
    ] {
        site.configure(&format!("{store}[targets.main]\nconfig = \"ovcheck.toml\"\n"));
        let checked = site.check_config();
        assert_eq!(checked.status.code(), Some(2), "{store}");
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert!(said.contains(told) && said.contains("serve.toml:"), "{said}");
    }
}

fn history(site: &Site, arguments: &[&str]) -> Output {
    let file = site.path("history.sqlite");
    Command::new(PROGRAM).arg("history").arg(file).args(arguments).env_clear().output().unwrap()
}

fn stdout_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[test]
fn the_history_answers_on_pages_as_json_and_on_the_command_line() {
    let site = Site::new(Some(Fault::ALL[0]));
    site.configure(WITH_HISTORY);
    let prober = site.serve(&[]);
    prober.get("/probe?target=main&module=certificates");
    let answer = prober.get("/probe?target=main&module=fast");
    let rule = answer.split("ovcheck_rule_failed{rule=\"").nth(1).unwrap();
    let rule = rule.split('"').next().unwrap().to_owned();
    prober.get("/probe?target=main&module=call");
    let begun = Instant::now();
    let runs = loop {
        let runs = prober.get("/api/v1/targets/main/runs?since=1h");
        assert_eq!(status(&runs), 200, "{runs}");
        let runs: serde_json::Value = serde_json::from_str(body(&runs)).unwrap();
        if runs["runs"].as_array().unwrap().len() == 3 {
            break runs;
        }
        assert!(begun.elapsed() < PATIENCE, "{runs}");
        std::thread::sleep(Duration::from_millis(200));
    };
    assert_eq!(runs["runs"][1]["module"], "fast");
    assert_eq!(runs["runs"][1]["changed"], true);
    let id = runs["runs"][1]["run"].to_string();

    assert!(prober.get("/").contains("<a href=\"targets/main\">main</a>"));
    let page = prober.get("/targets/main");
    assert_eq!(status(&page), 200, "{page}");
    for expected in
        ["role=\"img\" aria-label=\"", &rule, "fails since", "perhaps longer", "IPv4: expires"]
    {
        assert!(page.contains(expected), "{expected} is not in {page}");
    }
    assert!(!page.contains("<script"));
    assert!(prober.get(&format!("/runs/{id}")).contains(&rule));
    let changes = prober.get(&format!("/runs/{id}/changes"));
    assert!(changes.contains("first run"), "{changes}");
    let report: serde_json::Value =
        serde_json::from_str(body(&prober.get(&format!("/api/v1/runs/{id}")))).unwrap();
    assert_eq!(report["summary"]["result"], "fail");
    for (path, expected) in [
        ("/runs/999", 404),
        ("/runs/x", 404),
        ("/runs/999/changes", 404),
        ("/targets/other", 404),
        ("/api/v1/targets/main/runs?since=soon", 400),
        ("/api/v1/targets/main/history?since=2026-01-01T00:00:00Z", 200),
    ] {
        assert_eq!(status(&prober.get(path)), expected, "{path}");
    }

    // While the other process writes.
    let text = stdout_of(&history(&site, &["main"]));
    assert!(text.contains(&format!("{rule}: fails since")), "{text}");
    assert!(text.contains("media paths of calls") && text.contains("udp: worked in"), "{text}");
    assert!(text.lines().last().unwrap().starts_with("FAIL"), "{text}");
    let json = history(&site, &["main", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert!(json["failing"].as_array().unwrap().iter().any(|it| it["rule"] == rule.as_str()));
    let overview = stdout_of(&history(&site, &[]));
    assert_eq!(overview.matches("main").count(), 3, "{overview}");
    let same = history(&site, &["--changes", &id, &id]);
    assert_eq!(same.status.code(), Some(0), "{}", stdout_of(&same));
    let report = history(&site, &["--report", &id]);
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["deployment"]["domain"], "openvidu.example.io");
    let listed = stdout_of(&history(&site, &["main", "--runs", "--module", "fast"]));
    assert_eq!(listed.matches("changed").count(), 1, "{listed}");
    let secret = site.demo.api_secret().expose();
    assert!(
        !fs::read(site.path("history.sqlite"))
            .unwrap()
            .windows(secret.len())
            .any(|it| it == secret.as_bytes())
    );

    for (arguments, told) in [
        (&["other"] as &[&str], "its targets are main"),
        (&["--report", "999"], "there is no run 999"),
        (&["--changes", "1", "999"], "there is no run 999"),
        (&["main", "--since", "ever"], "must be a time"),
    ] {
        let refused = history(&site, arguments);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains(told), "{said}");
    }
    let missing = Command::new(PROGRAM).args(["history", "/nowhere/at.all"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(2));
}

/// A webhook: it answers with these statuses, one after the other and the last again, and keeps what it got.
fn receiver(statuses: &'static [&'static str]) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let got = Arc::<Mutex<Vec<String>>>::default();
    let kept = Arc::clone(&got);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = stream;
            let (mut request, mut part) = (Vec::new(), [0; 4096]);
            let is_whole = |request: &[u8]| {
                let text = String::from_utf8_lossy(request).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
                let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
                length.and_then(|it| it.parse().ok()).is_some_and(|it: usize| body.len() >= it)
            };
            while !is_whole(&request) {
                match stream.read(&mut part) {
                    Ok(0) | Err(_) => break,
                    Ok(length) => request.extend_from_slice(&part[..length]),
                }
            }
            let mut kept = kept.lock().unwrap();
            let status = statuses.get(kept.len()).or(statuses.last()).unwrap();
            kept.push(String::from_utf8(request).unwrap());
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
            );
        }
    });
    (address, got)
}

#[test]
fn a_webhook_is_told_once_of_a_failure_that_lasts() {
    use hmac::{Hmac, KeyInit, Mac};

    let site = Site::new(Some(Fault::ALL[0]));
    let (address, got) = receiver(&["302 Found", "200 OK"]);
    let key = "a-key-for-the-webhook-of-the-test";
    fs::write(site.path("hook"), key).unwrap();
    site.configure(&format!(
        "[alert]\nwebhook = \"http://{address}/hook/hidden\"\nwebhook-secret-file = \"hook\"\n{WITH_HISTORY}"
    ));
    let prober = site.serve(&[]);
    let probe = "/probe?target=main&module=fast";
    // The same result is given for 15 s.
    let again = |prober: &Prober| {
        std::thread::sleep(Duration::from_secs(16));
        prober.get(probe)
    };
    let answer = prober.get(probe);
    let rule = answer.split("ovcheck_rule_failed{rule=\"").nth(1).unwrap();
    let rule = rule.split('"').next().unwrap().to_owned();
    again(&prober);
    let begun = Instant::now();
    while value(&prober.get("/metrics"), "ovcheck_alerts_sent_total") < 1.0 {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(200));
    }
    // The redirect was not followed, but tried again.
    let requests = got.lock().unwrap().clone();
    assert_eq!(requests.len(), 2, "{requests:?}");
    for request in &requests {
        assert!(request.starts_with("POST /hook/hidden HTTP/1.1\r\n"), "{request}");
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let field = |name: &str| head.lines().find_map(|it| it.strip_prefix(name)).unwrap();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(format!("{}.{body}", field("Ovcheck-Timestamp: ")).as_bytes());
        let digest: String =
            mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(field("Ovcheck-Signature: "), format!("sha256={digest}"));
        let message: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(message["change"], "failed");
        assert_eq!((&message["target"], &message["module"]), (&"main".into(), &"fast".into()));
        let findings = message["findings"].as_array().unwrap();
        assert!(findings.iter().any(|it| it["rule"] == rule.as_str() && it["remedy"].is_string()));
    }
    let said = prober.said.lock().unwrap().clone();
    assert!(!said.contains("hidden") && !prober.get("/metrics").contains("hidden"));
    // A restart does not make it new.
    prober.end();
    let prober = site.serve(&[]);
    again(&prober);
    again(&prober);
    assert!(value(&prober.get("/metrics"), "ovcheck_alerts_sent_total").abs() < f64::EPSILON);
    assert_eq!(got.lock().unwrap().len(), 2);
}

#[test]
fn a_wrong_setting_of_alerts_is_told_without_repeating_it() {
    let site = Site::new(None);
    for alert in [
        "webhook = \"ftp://hook.example/hidden\"",
        "webhook = \"https://hidden@hook.example/\"",
        "webhook = \"hook.example/hidden\"",
        "webhook = \"https://hook.example/\"\nwebhook-secret-file = \"missing\"",
        "webhook-secret-file = \"secret\"",
        "alertmanager = \"https://hidden@am.example/\"",
        "alertmanager = \"am.example:9093/hidden\"",
        "alertmanager = \"http://am.example:9093/api/v2/alerts\"",
        "alertmanager = \"http://am.example:9093/\"\nwebhook-secret-file = \"secret\"",
        "",
    ] {
        site.configure(&format!("[alert]\n{alert}\n[targets.main]\nconfig = \"ovcheck.toml\"\n"));
        let checked = site.check_config();
        assert_eq!(checked.status.code(), Some(2), "{alert}");
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert!(said.contains("serve.toml:") && !said.contains("hidden"), "{said}");
    }
}
