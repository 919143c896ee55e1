//! `ovcheck serve --demo` in real browsers: which ways they find working over the right deployment and over faults of it,
//! what the user is told, and what the operator is told.
//!
//! Needs node and, in the folder that `OVCHECK_BROWSERS` names, `npm install puppeteer-core`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::disallowed_methods, reason = "a client of the demo, and how long it waits")]

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use serde_json::Value;

/// The browsers, and the names of their programs.
const BROWSERS: [(&str, &[&str]); 2] =
    [("chromium", &["chromium", "chromium-browser"]), ("firefox", &["firefox-esr", "firefox"])];

/// How long ovcheck's own call, which begins with the visit, may take.
const OWN_RUN: Duration = Duration::from_secs(120);

const GOOD: &str = "good";
const BAD: &str = "bad";
const NONE: &str = "none";
const DOUBT: &str = "doubt";

/// A demo, and what comes of a visit to its page.
struct Situation {
    /// Arguments behind `serve --demo`.
    arguments: &'static [&'static str],
    /// The signs of the rows: UDP, TCP, TURN over UDP and over TLS.
    ways: [&'static str; 4],
    /// The key of the sentence for the user.
    sentence: &'static str,
    /// What the sentences for the operator name.
    operator: &'static str,
}

const SITUATIONS: &[Situation] = &[
    Situation {
        arguments: &[],
        ways: [GOOD; 4],
        sentence: "all-ways",
        operator: "Every media path",
    },
    Situation {
        arguments: &["--policy", "forced-turn"],
        ways: [NONE, NONE, NONE, GOOD],
        sentence: "all-ways",
        operator: "Every media path",
    },
    Situation {
        arguments: &["--fault", "udp-443-blocked"],
        ways: [GOOD, GOOD, BAD, GOOD],
        sentence: "some-ways",
        operator: "ports/openvidu-udp-443",
    },
    Situation {
        arguments: &["--fault", "ice-tcp-blocked"],
        ways: [GOOD, BAD, GOOD, GOOD],
        sentence: "some-ways",
        operator: "ports/openvidu-tcp-7881",
    },
    Situation {
        arguments: &["--fault", "udp-blocked"],
        ways: [BAD, GOOD, BAD, GOOD],
        sentence: "only-tcp",
        operator: "ports/openvidu-udp-443",
    },
    Situation {
        arguments: &["--fault", "turn-name-reaches-api"],
        ways: [GOOD, GOOD, GOOD, BAD],
        sentence: "some-ways",
        operator: "turn/turns-answers-binding",
    },
    Situation {
        arguments: &["--fault", "turn-backend-down"],
        ways: [GOOD, GOOD, GOOD, BAD],
        sentence: "some-ways",
        operator: "turn/turns-answers-binding",
    },
    Situation {
        arguments: &["--fault", "turn-certificate-wrong-name"],
        ways: [GOOD, GOOD, GOOD, BAD],
        sentence: "some-ways",
        operator: "tls/name-matches",
    },
    Situation {
        arguments: &["--fault", "turn-name-missing"],
        ways: [GOOD, GOOD, GOOD, BAD],
        sentence: "some-ways",
        operator: "dns/turn-domain-resolves",
    },
    Situation {
        arguments: &["--fault", "media-range-blocked-for-relay"],
        ways: [GOOD, GOOD, BAD, BAD],
        sentence: "some-ways",
        operator: "turn/relay-carries-media",
    },
    Situation {
        arguments: &["--fault", "candidate-is-private"],
        ways: [BAD; 4],
        sentence: "no-way",
        operator: "call/media-addresses-are-right",
    },
    Situation {
        arguments: &["--fault", "expired-certificate"],
        ways: [DOUBT; 4],
        sentence: "no-signalling",
        operator: "tls/not-expired",
    },
    Situation {
        arguments: &["--fault", "api-backend-down"],
        ways: [DOUBT; 4],
        sentence: "no-signalling",
        operator: "signal/api-answers",
    },
];

fn main() {
    let mut arguments = Arguments::from_args();
    // Browser, deployment and ovcheck's own runs share this machine, which must not be late.
    arguments.test_threads = Some(1);
    let trials = BROWSERS.iter().flat_map(|(browser, programs)| {
        let missing = missing(programs);
        SITUATIONS.iter().map(move |situation| {
            let (program, reason) = match &missing {
                Ok(program) => (Some(program.clone()), None),
                Err(reason) => (None, Some(reason.clone())),
            };
            let name = format!("{browser}/{}", situation.arguments.last().unwrap_or(&"right"));
            Trial::ignorable_test(name, move || match (program, reason) {
                (Some(program), _) => steadily(|| visit(browser, &program, situation)),
                (None, reason) => Ok(Completion::ignored_with(reason.unwrap_or_default())),
            })
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

/// On a machine that is late, a rule may stay undecided: what was not right once has to be right twice.
fn steadily(visit: impl Fn() -> Result<Completion, Failed>) -> Result<Completion, Failed> {
    let attempt =
        || catch_unwind(AssertUnwindSafe(&visit)).unwrap_or(Err(Failed::without_message()));
    attempt().or_else(|_| attempt().and_then(|_| attempt()))
}

/// The program of a browser, or why it cannot be asked.
fn missing(programs: &[&str]) -> Result<PathBuf, String> {
    let first = programs.first().unwrap();
    let browser = programs.iter().find_map(|name| find(name));
    let browser = browser.ok_or_else(|| format!("{first} is not installed"))?;
    find("node").ok_or("node is not installed")?;
    std::env::var_os("OVCHECK_BROWSERS")
        .ok_or("OVCHECK_BROWSERS does not name a folder with node_modules of puppeteer-core")?;
    Ok(browser)
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn visit(browser: &str, program: &Path, situation: &Situation) -> Result<Completion, Failed> {
    let served = Served::start(situation.arguments);
    let home = tempfile::tempdir().unwrap();
    let output = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/demo_page/visit.mjs"))
        .args([browser.as_ref(), program.as_os_str(), served.user_link.as_ref()])
        .env("HOME", home.path())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let seen: Value = serde_json::from_slice(&output.stdout).map_err(|_| Failed::from(&*errors))?;
    let ways = ["udp", "tcp", "turn-udp", "turn-tls"]
        .map(|way| seen["ways"][way].as_str().unwrap_or_default());
    assert_eq!(ways, situation.ways, "{seen}");
    assert_eq!(seen["verdict"], said(situation.sentence), "{seen}");
    let schema: Value = serde_json::from_str(&ovcheck::serve::visit_schema()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> =
        schema.iter_errors(&seen["report"]).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:?} in {}", seen["report"]);
    let sentences = served.sentences();
    assert!(sentences.contains(situation.operator), "the operator is told: {sentences}");
    Ok(Completion::Completed)
}

/// A sentence of the page in English.
fn said(key: &str) -> String {
    let texts: Value =
        serde_json::from_str(include_str!("../../assets/page/text/en.json")).unwrap();
    texts[key].as_str().unwrap().replace("{domain}", "openvidu.example.io")
}

/// A running `ovcheck serve --demo`.
struct Served {
    program: Child,
    operator: SocketAddr,
    user_link: String,
}

impl Served {
    fn start(arguments: &[&str]) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_ovcheck"))
            .args(["serve", "--demo", "--listen", "127.0.0.1:0", "--public-listen", "127.0.0.1:0"])
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(program.stderr.take().unwrap()).lines();
        let mut told = |before: &str| {
            let line = said.find_map(|line| Some(line.unwrap().split_once(before)?.1.to_owned()));
            line.unwrap_or_else(|| panic!("it does not say: {before}"))
        };
        let user_link = told("As a user, open ");
        let operator = told("As the operator, open http://");
        let operator = operator.split_once('/').unwrap().0.parse().unwrap();
        // What it says later is read and forgotten, so that it never waits for a reader.
        std::thread::spawn(move || said.for_each(drop));
        Self { program, operator, user_link }
    }

    /// The sentences for the operator, once ovcheck's own run has ended.
    fn sentences(&self) -> String {
        let until = Instant::now() + OWN_RUN;
        loop {
            let visits: Value = serde_json::from_str(&self.get("/api/v1/visits")).unwrap();
            let sentences = visits["visits"][0]["sentences"].to_string();
            if !sentences.contains("has not ended") || Instant::now() > until {
                return sentences;
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.operator).unwrap();
        let host = self.operator;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // SIGTERM, after which it removes its files.
        Command::new("kill").arg(self.program.id().to_string()).status().unwrap();
        self.program.wait().unwrap();
    }
}
