//! The page of `ovcheck serve` in real browsers: which ways they find working, what the user is told, and what
//! the operator is told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::command::{Fallible, Running, find, run};
use super::deployment::{self, Policy};
use super::lab::Lab;
use super::network::{NODE, OUTSIDE, PROXY, Place, fixture_path};
use super::office::Between;
use super::token::{API_KEY, API_SECRET};
use super::users::letting_out;
use super::wild;
use super::world::{Front, Version, World};

/// A browser of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Browser {
    Chromium,
    Firefox,
}

impl Browser {
    pub const ALL: [Self; 2] = [Self::Chromium, Self::Firefox];

    pub fn word(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
        }
    }

    fn program(self) -> Option<PathBuf> {
        match self {
            Self::Chromium => find("chromium"),
            Self::Firefox => find("firefox-esr").or_else(|| find("firefox")),
        }
    }

    /// Why it cannot be asked.
    pub fn missing(self) -> Option<String> {
        if self.program().is_none() {
            return Some(format!("{} is not installed", self.word()));
        }
        for (program, package) in [("node", "nodejs"), ("certutil", "libnss3-tools")] {
            if find(program).is_none() {
                return Some(format!("{program} is not installed (Debian: {package})"));
            }
        }
        std::env::var_os("OVCHECK_BROWSERS").is_none().then(|| {
            "OVCHECK_BROWSERS does not name a folder with node_modules of puppeteer-core and axe-core"
                .to_owned()
        })
    }
}

/// Where the page is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// By a machine on the internet, to which the proxy leads a path of the deployment's name.
    Outside,
    /// By the machine of the proxy, at a path of the deployment's name.
    OnProxy,
    /// On the user's machine: the deployment's name does not serve it.
    ByClient,
}

/// A situation, and what the two browsers find in it.
pub struct Visit {
    pub name: &'static str,
    pub world: fn() -> World,
    pub policy: Policy,
    pub served: Served,
    /// Whether the browser has to ask squid for everything.
    pub has_http_proxy: bool,
    /// The signs of the rows: UDP, TCP, TURN over UDP and over TLS.
    pub ways: [&'static str; 4],
    /// The reason in the row of TURN over TLS; empty: none.
    pub why_turn_tls: &'static str,
    pub sentence: &'static str,
    /// What of this is otherwise in Firefox: the row of TURN over TLS, the sentence, and what
    /// the operator may be told.
    pub in_firefox: Option<(&'static str, &'static str, &'static [&'static str])>,
    /// A key of what the user can do.
    pub advice: &'static str,
    /// What the operator may be told: one of these.
    pub joined: &'static [&'static str],
    /// The rule that the operator reads; empty: none is violated.
    pub rule: &'static str,
}

const GOOD: &str = "good";
const BAD: &str = "bad";
const NONE: &str = "none";
const DOUBT: &str = "doubt";

const RIGHT: Visit = Visit {
    name: "right",
    world: mounted,
    policy: Policy::Default,
    served: Served::Outside,
    has_http_proxy: false,
    ways: [GOOD; 4],
    why_turn_tls: "",
    sentence: "all-ways",
    in_firefox: None,
    advice: "do-all-ways",
    joined: &["all-work"],
    rule: "",
};

const ONLY_TURN_TLS_FAILS: Visit = Visit {
    ways: [GOOD, GOOD, GOOD, BAD],
    why_turn_tls: "why-turn-refused",
    sentence: "some-ways",
    advice: "do-some-ways",
    joined: &["deployment"],
    ..RIGHT
};

const NO_API: Visit = Visit {
    ways: [DOUBT; 4],
    why_turn_tls: "why-signal",
    sentence: "no-signalling",
    advice: "do-unreachable",
    joined: &["deployment"],
    ..RIGHT
};

/// The path of the page, which leads to ovcheck at this address.
macro_rules! page_at {
    ($address:literal) => {
        concat!(
            "location /ovcheck/ { proxy_pass http://",
            $address,
            ":9718; proxy_set_header Host $host; \
             proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; } location / { @PASS@ }"
        )
    };
}

/// The page at a path of the deployment's name, as docs/serve.md shows.
fn mounted() -> World {
    mount(World::default_policy())
}

fn mount(mut world: World) -> World {
    world.proxy.front = Front::NginxAdvanced;
    world.proxy.locations = page_at!("192.0.2.53");
    world
}

/// The same, by ovcheck on the proxy's own machine.
fn on_proxy(mut world: World) -> World {
    world.proxy.locations = page_at!("127.0.0.1");
    world
}

/// The same, with the rows of the OpenVidu machine that everybody may reach.
fn with_rows(rows: &[&'static str]) -> World {
    let mut world = mounted();
    world.node().from_anywhere = rows.to_vec();
    world
}

fn with_turn_certificate(name: &'static str) -> World {
    let mut world = mounted();
    world.proxy.turn_certificate = name;
    world
}

pub const VISITS: &[Visit] = &[
    RIGHT,
    Visit {
        name: "right-with-livekit-1.13",
        world: || {
            let mut world = mounted();
            world.livekit.version = Version::Newest;
            world
        },
        ..RIGHT
    },
    Visit {
        name: "forced-turn",
        world: || mount(World::forced_turn()),
        policy: Policy::ForcedTurn,
        ways: [NONE, NONE, NONE, GOOD],
        ..RIGHT
    },
    Visit {
        name: "media-range-blocked",
        world: || with_rows(&["udp dport 443 accept", "tcp dport 7881 accept"]),
        ways: [BAD, GOOD, GOOD, GOOD],
        sentence: "some-ways",
        advice: "do-some-ways",
        joined: &["deployment"],
        rule: "ports/openvidu-udp-50000-60000",
        ..RIGHT
    },
    Visit {
        name: "tcp-7881-blocked",
        world: || with_rows(&["udp dport { 443, 50000-60000 } accept"]),
        ways: [GOOD, BAD, GOOD, GOOD],
        sentence: "some-ways",
        advice: "do-some-ways",
        joined: &["deployment"],
        rule: "ports/openvidu-tcp-7881",
        ..RIGHT
    },
    Visit {
        name: "udp-443-blocked",
        world: || with_rows(&["udp dport 50000-60000 accept", "tcp dport 7881 accept"]),
        ways: [GOOD, GOOD, BAD, GOOD],
        sentence: "some-ways",
        advice: "do-some-ways",
        joined: &["deployment"],
        rule: "ports/openvidu-udp-443",
        ..RIGHT
    },
    Visit {
        name: "right-with-ovcheck-on-the-proxy",
        world: || on_proxy(mounted()),
        served: Served::OnProxy,
        ..RIGHT
    },
    Visit {
        name: "udp-443-blocked-with-ovcheck-on-the-proxy",
        world: || on_proxy(with_rows(&["udp dport 50000-60000 accept", "tcp dport 7881 accept"])),
        served: Served::OnProxy,
        ways: [GOOD, GOOD, BAD, GOOD],
        sentence: "some-ways",
        advice: "do-some-ways",
        joined: &["undecided"],
        ..RIGHT
    },
    Visit {
        name: "turn-name-without-certificate",
        world: || with_turn_certificate("absent"),
        rule: "tls/handshake-completes",
        ..ONLY_TURN_TLS_FAILS
    },
    Visit {
        name: "turn-name-leads-to-the-api",
        world: || {
            let mut world = mounted();
            world.proxy.turn_upstream = "openvidu_api";
            world
        },
        why_turn_tls: "why-turn-http",
        rule: "turn/turns-answers-binding",
        ..ONLY_TURN_TLS_FAILS
    },
    Visit {
        name: "turn-certificate-expired",
        world: || with_turn_certificate("turn-expired"),
        rule: "tls/not-expired",
        ..ONLY_TURN_TLS_FAILS
    },
    Visit {
        name: "turn-certificate-for-another-name",
        world: || with_turn_certificate("turn-wrong-name"),
        rule: "tls/name-matches",
        ..ONLY_TURN_TLS_FAILS
    },
    Visit {
        name: "turn-certificate-self-signed",
        world: || with_turn_certificate("turn-self-signed"),
        rule: "tls/chain-verifies",
        ..ONLY_TURN_TLS_FAILS
    },
    Visit {
        name: "turn-backend-silent",
        world: || {
            let mut world = mounted();
            world.node().from_proxy = "7880, 1945";
            world
        },
        why_turn_tls: "why-turn-silent",
        rule: "turn/turns-answers-binding",
        ..ONLY_TURN_TLS_FAILS
    },
    Visit {
        name: "api-backend-dead",
        world: || {
            let mut world = mounted();
            world.has_livekit = false;
            world
        },
        advice: "do-server",
        rule: "signal/api-answers",
        ..NO_API
    },
    Visit {
        name: "api-certificate-expired",
        world: || {
            let mut world = World::default_policy();
            world.proxy.api_certificate = "api-expired";
            world
        },
        served: Served::ByClient,
        // Firefox alone tells a page that TLS failed.
        advice: "do-network",
        rule: "tls/not-expired",
        ..NO_API
    },
    Visit {
        name: "proxy-and-turn-on-one-machine",
        world: || {
            let mut world = World::default_policy();
            wild::behind_loopback(&mut world);
            world.node().from_anywhere.push("udp dport { 443, 50000-60000 } accept");
            world.node().from_anywhere.push("tcp dport 7881 accept");
            world
        },
        served: Served::ByClient,
        in_firefox: Some((BAD, "some-ways", &["firefox-on-same-machine"])),
        ..RIGHT
    },
    Visit {
        name: "only-turn-tls-and-proxy-on-one-machine",
        world: || {
            // Its firewall lets nothing in but 80 and 443.
            let mut world = World::default_policy();
            wild::behind_loopback(&mut world);
            world
        },
        served: Served::ByClient,
        ways: [BAD, BAD, BAD, GOOD],
        sentence: "only-tcp",
        in_firefox: Some((BAD, "firefox-same-machine", &["deployment, firefox-on-same-machine"])),
        advice: "do-it",
        joined: &["deployment"],
        ..RIGHT
    },
    Visit {
        name: "only-tcp-443-leaves",
        world: || {
            mount(letting_out(
                "iifname client tcp dport 443 accept
        iifname client ip daddr 192.0.2.53 udp dport 53 accept
        iifname client drop",
            ))
        },
        ways: [BAD, BAD, BAD, GOOD],
        sentence: "only-tcp",
        advice: "do-it",
        joined: &["user"],
        ..RIGHT
    },
    Visit {
        name: "only-an-http-proxy-leaves",
        world: || {
            let mut world = mount(letting_out(
                "iifname client ip daddr 192.0.2.53 tcp dport 3128 accept
        iifname client reject",
            ));
            world.between = Some(Between::HttpProxy);
            world
        },
        has_http_proxy: true,
        ways: [BAD, BAD, BAD, GOOD],
        sentence: "only-tcp",
        advice: "do-it",
        joined: &["user"],
        ..RIGHT
    },
];

/// What the browser showed, as `visit.mjs` prints it.
#[derive(Debug, Deserialize)]
struct Shown {
    /// The test itself could not go on.
    failed: Option<String>,
    #[serde(default)]
    sentence: Option<String>,
    #[serde(default)]
    ways: BTreeMap<String, String>,
    #[serde(default)]
    why: BTreeMap<String, Option<String>>,
    #[serde(default)]
    advice: Vec<Option<String>>,
    #[serde(default)]
    sent: String,
    /// Origins other than the page's that it asked.
    elsewhere: Vec<String>,
    /// What axe complains of, and where the page is wider than the window.
    axe: Vec<String>,
    wide: Vec<String>,
}

const DOMAIN: &str = "openvidu.example.io";

/// Lets a user make the visit in this browser, and compares what both people see.
pub fn visit(lab: &Lab, visit: &Visit, browser: Browser) -> Fallible<()> {
    let (shown, seen) = make(lab, visit, browser)?;
    let wrong = differences(visit, browser, &shown, &seen);
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("{wrong}{shown:#?}\n{seen:#}"))
}

/// How long each way took to its proof or its end, in milliseconds from the press of the button.
#[allow(dead_code, reason = "the benchmark's")]
pub fn took_ms(lab: &Lab, visit: &Visit, browser: Browser) -> Fallible<Vec<(String, u64)>> {
    let (_, seen) = make(lab, visit, browser)?;
    let ways = seen["report"]["ways"].as_array().into_iter().flatten();
    let took =
        ways.filter_map(|it| Some((it["way"].as_str()?.to_owned(), it["took_ms"].as_u64()?)));
    Ok(took.collect())
}

/// What the user is shown of the visit, and what the operator sees.
fn make(lab: &Lab, visit: &Visit, browser: Browser) -> Fallible<(Shown, Value)> {
    let (place, address, origin) = match visit.served {
        Served::Outside => (Place::Outside, OUTSIDE[0], format!("https://{DOMAIN}")),
        Served::OnProxy => (Place::Proxy, "127.0.0.1", format!("https://{DOMAIN}")),
        Served::ByClient => (Place::Client, "127.0.0.1", "http://127.0.0.1:9718".to_owned()),
    };
    let page = Page::serve(lab, visit, place, (address, &origin))?;
    let url = page.invite(lab)?;
    let shown = browse(lab, visit, browser, &url)?;
    Ok((shown, page.seen(lab, &url)?))
}

/// `ovcheck serve`, which runs until this is dropped.
struct Page {
    place: Place,
    _serve: Running,
}

impl Page {
    fn serve(
        lab: &Lab,
        visit: &Visit,
        place: Place,
        (address, origin): (&str, &str),
    ) -> Fallible<Self> {
        let folder = lab.network.folder.join("page");
        std::fs::create_dir_all(&folder).map_err(|e| format!("create {folder:?}: {e}"))?;
        let write = |name: &str, text: &str| {
            std::fs::write(folder.join(name), text).map_err(|e| format!("write {name}: {e}"))
        };
        let path =
            deployment::write(&lab.network, visit.policy, super::cluster::Topology::SingleNode)?;
        let mut deployment =
            std::fs::read_to_string(&path).map_err(|e| format!("read {path}: {e}"))?;
        if (visit.world)().domain == NODE {
            // The proxy is on the machine of OpenVidu.
            for (proxy, node) in PROXY.into_iter().zip(NODE) {
                deployment = deployment.replace(proxy, node);
            }
        }
        let key = format!("api-key = \"{API_KEY}\"\napi-secret-file = \"secret\"\n");
        write("ovcheck.toml", &(key + &deployment))?;
        write("secret", API_SECRET)?;
        write(
            "serve.toml",
            &format!(
                "[listen]\npublic = \"{address}:9718\"\npublic-url = \"{origin}/ovcheck/\"\n\
                 trusted-proxies = [\"127.0.0.1\", \"{}\"]\n[targets.main]\nconfig = \"ovcheck.toml\"\n\
                 [page]\ntarget = \"main\"\noperator-name = \"Example GmbH\"\n",
                PROXY[0]
            ),
        )?;
        let mut command = lab.network.at(place, "env")?;
        command.arg(&lab.ovcheck).args(["serve", "--config"]).arg(folder.join("serve.toml"));
        let mut serve = Running::start("serve", &mut command, &lab.network.folder)?;
        serve.wait_until(|| {
            Ok(lab.network.is_listening(place, "tcp", 9717)?
                && lab.network.is_listening(place, "tcp", 9718)?)
        })?;
        Ok(Self { place, _serve: serve })
    }

    /// What the operator's end point answers.
    fn ask(&self, lab: &Lab, path: &str, body: Option<&str>) -> Fallible<Value> {
        let mut curl = lab.network.at(self.place, "curl")?;
        curl.args(["--silent", "--fail-with-body", "--max-time", "20"]);
        if let Some(body) = body {
            curl.args(["--header", "Content-Type: application/json", "--data", body]);
        }
        let said = run(curl.arg(format!("http://127.0.0.1:9717/api/v1/{path}")))?;
        serde_json::from_str(&said).map_err(|e| format!("{path}: {e}: {said}"))
    }

    /// The link for a user.
    fn invite(&self, lab: &Lab) -> Fallible<String> {
        let made = self.ask(lab, "visits", Some(r#"{"note": "Ms Miller, ticket 81"}"#))?;
        made["url"].as_str().map(str::to_owned).ok_or(format!("no link: {made}"))
    }

    /// What the operator sees of the visit, once ovcheck's own runs have ended, which began with it.
    fn seen(&self, lab: &Lab, url: &str) -> Fallible<Value> {
        let code = url.rsplit('/').next().unwrap_or_default();
        let mut seen = Value::Null;
        for _ in 0..30 {
            seen = self.ask(lab, &format!("visits/{code}"), None)?;
            if has_own_view(&seen) {
                break;
            }
            sleep(Duration::from_secs(1));
        }
        Ok(seen)
    }
}

/// Whether ovcheck's own call has ended.
fn has_own_view(seen: &Value) -> bool {
    let mut ways = seen["view"]["ways"].as_array().into_iter().flatten();
    conclusions(seen).contains("deployment") || ways.any(|way| way["own"] != "unknown")
}

/// The words of what the operator is told, each once.
fn conclusions(seen: &Value) -> BTreeSet<&str> {
    let all = seen["view"]["conclusions"].as_array().into_iter().flatten();
    all.filter_map(|one| one["conclusion"].as_str()).collect()
}

/// Runs the browser on the user's machine, whose names the laboratory's DNS resolves.
fn browse(lab: &Lab, visit: &Visit, browser: Browser, url: &str) -> Fallible<Shown> {
    let folder = lab.network.folder.join("browser");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|e| format!("{folder:?}: {e}"))?;
    }
    std::fs::create_dir(&folder).map_err(|e| format!("{folder:?}: {e}"))?;
    let resolv = lab.network.folder.join("resolv.conf");
    let nameserver = format!("nameserver {}\n", OUTSIDE[0]);
    std::fs::write(&resolv, nameserver).map_err(|e| format!("{resolv:?}: {e}"))?;
    let shots = (visit.name == LOOKED_AT).then(|| screenshots(&folder));
    let settings = json!({
        "browser": browser.word(),
        "program": browser.program(),
        "url": format!("{url}?lang=en"),
        "folder": folder,
        "root": lab.network.folder.join("root.pem"),
        "proxy": visit.has_http_proxy.then(|| format!("{}:3128", OUTSIDE[0])),
        "shots": shots,
    });
    let mut command = lab.network.at(Place::Client, "unshare")?;
    command.args(["--mount", "--", "sh", "-ec"]);
    command.arg("mount --bind \"$0\" /etc/resolv.conf; exec timeout 150 node \"$1\" \"$2\"");
    command.args([resolv, fixture_path("visit.mjs")]).arg(settings.to_string());
    let said = run(&mut command)?;
    serde_json::from_str(&said).map_err(|e| format!("the browser said {said:?}: {e}"))
}

/// The situation in which all states of the page are looked at, in all schemes and widths.
const LOOKED_AT: &str = "turn-name-leads-to-the-api";

/// Where screenshots stay: where the environment says so, or with the profile.
fn screenshots(folder: &Path) -> PathBuf {
    std::env::var_os("OVCHECK_SCREENSHOTS").map_or_else(|| folder.to_owned(), PathBuf::from)
}

/// What is not as it should be; empty: nothing.
fn differences(visit: &Visit, browser: Browser, shown: &Shown, seen: &Value) -> String {
    let mut wrong = String::new();
    let mut compare = |what: &str, expected: &str, found: &str| {
        if expected != found {
            wrong += &format!("{what}: {expected:?} was expected, {found:?} was found\n");
        }
    };
    compare("test", "", shown.failed.as_deref().unwrap_or_default());
    let is_firefox = browser == Browser::Firefox;
    let other = visit.in_firefox.filter(|_| is_firefox);
    let [udp, tcp, turn_udp, turn_tls] = visit.ways;
    let turn_tls = other.map_or(turn_tls, |(sign, _, _)| sign);
    for (way, sign) in [("udp", udp), ("tcp", tcp), ("turn-udp", turn_udp), ("turn-tls", turn_tls)]
    {
        compare(way, sign, shown.ways.get(way).map_or("", String::as_str));
    }
    let ways = seen["report"]["ways"].as_array().into_iter().flatten();
    let works = ways.filter(|it| it["works"] == true).count();
    let good = shown.ways.values().filter(|sign| *sign == GOOD).count();
    compare("ways that the operator sees working", &good.to_string(), &works.to_string());
    let sentence = other.map_or(visit.sentence, |(_, sentence, _)| sentence);
    compare("sentence", sentence, shown.sentence.as_deref().unwrap_or_default());
    let joined = other.map_or(visit.joined, |(_, _, joined)| joined);
    let found = conclusions(seen).into_iter().collect::<Vec<_>>().join(", ");
    if !joined.contains(&found.as_str()) {
        compare("the operator is told", &joined.join(" or "), &found);
    }
    let sentences = seen["sentences"].to_string();
    if !sentences.contains(visit.rule) {
        compare("the operator reads", visit.rule, &sentences);
    }
    if other.is_none() {
        let why = shown.why.get("turn-tls").and_then(Option::as_deref);
        compare("reason", visit.why_turn_tls, why.unwrap_or_default());
        if !shown.advice.iter().flatten().any(|key| key == visit.advice) {
            compare("advice", visit.advice, &format!("{:?}", shown.advice));
        }
    }
    if !shown.sent.contains("Tell Example GmbH this code: ") {
        compare("sent", "a code", &shown.sent);
    }
    for origin in &shown.elsewhere {
        let host = origin.split("://").nth(1).unwrap_or_default();
        // "null": what a browser loads for itself. Firefox also shows media that it sends through an HTTP proxy.
        let is_media = NODE.iter().any(|address| host.contains(address));
        if origin != "null" && !is_media && ![DOMAIN, "turn.example.io"].contains(&host) {
            compare("asked", "", origin);
        }
    }
    for complaint in shown.axe.iter().chain(&shown.wide) {
        compare("accessibility", "", complaint);
    }
    wrong
}
