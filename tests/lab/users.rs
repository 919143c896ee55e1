//! Users behind a firewall, and what `ovcheck call` tells them.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::Value;

use super::aftermath;
use super::caller::{Caller, Right};
use super::command::{Fallible, output, run};
use super::lab::Lab;
use super::network::{OUTSIDE, Place};
use super::office::Between;
use super::world::World;

/// A user somewhere, and what that user is told.
pub struct User {
    pub name: &'static str,
    pub world: fn() -> World,
    pub caller: Caller,
    pub flags: &'static [&'static str],
    /// Variables of the user's environment.
    pub environment: &'static [(&'static str, &'static str)],
    /// A program that runs ovcheck, with its arguments, as `["faketime", "-f", "-2h"]`.
    pub around: &'static [&'static str],
    /// What is run on the user's machine before, by a shell, and undone by the second.
    pub prepares: [&'static str; 2],
    /// The ways that work.
    pub works: &'static [&'static str],
    /// The others, each with the step at which it stops.
    pub stops: &'static [(&'static str, &'static str)],
    /// What in the network is the cause, and whether that is certain.
    pub causes: &'static [(&'static str, bool)],
    /// Words of the first five lines.
    pub begins: &'static [&'static str],
    /// Words of any line.
    pub says: &'static [&'static str],
    /// Words that stand in no line of the page, nor of the letter.
    pub hides: &'static [&'static str],
    /// Words of the letter.
    pub asks: &'static [&'static str],
    pub exit: i32,
}

/// A user whose network lets everything out.
pub const FREE: User = User {
    name: "users/on-an-open-network",
    world: World::default_policy,
    caller: Caller::OPERATOR,
    flags: &[],
    environment: &[],
    around: &[],
    prepares: ["true", "true"],
    works: &["udp", "ice-tcp", "turn-udp", "turns"],
    stops: &[],
    causes: &[],
    begins: &[],
    says: &[],
    hides: &[],
    asks: &[],
    exit: 0,
};

/// A user for whom nothing works.
pub const CUT_OFF: User = User { works: &[], exit: 1, ..FREE };

/// What leaves the client's network; a firewall there drops the rest.
pub fn letting_out(statements: &'static str) -> World {
    let mut world = World::default_policy();
    world.router().forwarded = statements;
    world
}

pub const NO_DIRECT_WAY_NO_UDP: &[(&str, &str)] =
    &[("udp", "check"), ("ice-tcp", "tcp"), ("turn-udp", "allocation")];

pub const NOBODY_IS_LET_IN: &[(&str, &str)] =
    &[("udp", "unknown"), ("ice-tcp", "unknown"), ("turn-udp", "unknown"), ("turns", "unknown")];

pub const USERS: &[User] = &[
    FREE,
    User {
        name: "users/with-a-token",
        world: || {
            let mut world = World::default_policy();
            world.has_guest = true;
            world
        },
        caller: Caller::with(Right::TokenForTheMeeting),
        ..FREE
    },
    User {
        name: "users/only-tcp-443-leaves",
        world: || {
            letting_out(
                "iifname client tcp dport 443 accept
        iifname client ip daddr 192.0.2.53 udp dport 53 accept
        iifname client drop",
            )
        },
        works: &["turns"],
        stops: NO_DIRECT_WAY_NO_UDP,
        // Who looks at the deployment alone cannot tell whether it keeps UDP closed itself.
        causes: &[("udp_blocked", false)],
        begins: &[
            "calls work, but only through TURN over TLS",
            "✗ direct, UDP",
            "✗ TURN, UDP",
            "✓ TURN, TLS",
        ],
        asks: &[
            "1. UDP to 203.0.113.20 (named by the server), port 443",
            "2. UDP to 203.0.113.20 and 2001:db8:5::20 (named by the server), ports 50000-60000",
        ],
        ..FREE
    },
    User {
        name: "users/udp-is-blocked",
        world: || {
            letting_out(
                "iifname client ip daddr 192.0.2.53 udp dport 53 accept
        iifname client meta l4proto udp drop",
            )
        },
        works: &["ice-tcp", "turns"],
        stops: &[("udp", "check"), ("turn-udp", "allocation")],
        flags: &["--stun-server", "stun.example.io:3478"],
        causes: &[("udp_blocked", true)],
        begins: &["✗ direct, UDP", "✓ direct, TCP"],
        says: &["UDP is blocked"],
        ..FREE
    },
    // Not even DNS: the proxy resolves the names.
    User {
        name: "users/nothing-but-a-connect-proxy-leaves",
        world: || {
            let mut world = letting_out(
                "iifname client ip daddr 192.0.2.53 tcp dport 3128 accept
        iifname client drop",
            );
            world.between = Some(Between::HttpProxy);
            world
        },
        environment: &[("HTTPS_PROXY", "http://192.0.2.53:3128")],
        works: &["turns"],
        // Squid opens tunnels to port 443 alone.
        stops: &[("udp", "check"), ("ice-tcp", "http_proxy"), ("turn-udp", "allocation")],
        causes: &[("proxy_needed", true), ("udp_blocked", false)],
        begins: &["calls work, but only through TURN over TLS"],
        says: &["allows connections only through its HTTP proxy"],
        asks: &[
            "allows connections only through its HTTP proxy,",
            "UDP to 203.0.113.20 (named by the server), port 443",
        ],
        ..FREE
    },
    User {
        name: "users/a-connect-proxy-is-needed-and-not-named",
        world: || {
            let mut world = letting_out(
                "iifname client ip daddr 192.0.2.53 tcp dport 3128 accept
        iifname client ip daddr 192.0.2.53 udp dport 53 accept
        iifname client drop",
            );
            world.between = Some(Between::HttpProxy);
            world
        },
        stops: NOBODY_IS_LET_IN,
        causes: &[("nothing_leaves", false)],
        ..CUT_OFF
    },
    User {
        name: "users/only-plain-http-leaves",
        world: || {
            letting_out(
                "iifname client tcp dport 80 accept
        iifname client ip daddr 192.0.2.53 udp dport 53 accept
        iifname client drop",
            )
        },
        stops: NOBODY_IS_LET_IN,
        causes: &[("http_only", false)],
        ..CUT_OFF
    },
    User {
        name: "users/captive-portal",
        world: || {
            let mut world = letting_out(
                "iifname client ip daddr 192.0.2.53 udp dport 53 accept
        iifname client drop",
            );
            world.put_between(Between::CaptivePortal);
            world
        },
        stops: NOBODY_IS_LET_IN,
        causes: &[("captive_portal", true)],
        begins: &["joining a call fails from here"],
        says: &["log in at http://portal.cafe.example,"],
        ..CUT_OFF
    },
    User {
        name: "users/tls-inspection",
        world: || {
            let mut world = letting_out(
                "iifname client tcp dport 443 accept
        iifname client ip daddr 192.0.2.53 udp dport 53 accept
        iifname client drop",
            );
            world.put_between(Between::TlsInspection);
            world
        },
        stops: NOBODY_IS_LET_IN,
        causes: &[("tls_inspection", false)],
        begins: &["\"Office Firewall CA\""],
        asks: &["an exception from TLS inspection for openvidu.example.io"],
        ..CUT_OFF
    },
    User {
        name: "users/resolver-lies",
        world: || {
            let mut world = World::default_policy();
            world.domain = ["127.0.0.1", "::1"];
            world
        },
        stops: NOBODY_IS_LET_IN,
        causes: &[("resolver_lies", true)],
        ..CUT_OFF
    },
    // The deployment keeps UDP closed: it is not the user's network, or may not be.
    User {
        name: "users/of-a-deployment-that-forces-turn",
        world: || {
            let mut world = World::forced_turn();
            world.node().outgoing = super::calls::NO_CHECKS_GO_OUT;
            world
        },
        works: &["turns"],
        stops: NO_DIRECT_WAY_NO_UDP,
        causes: &[("udp_blocked", false)],
        ..FREE
    },
    User {
        name: "users/wrong-secret",
        caller: Caller::with(Right::WrongSecret),
        stops: NOBODY_IS_LET_IN,
        begins: &["secret"],
        ..CUT_OFF
    },
];

/// How long a call may take, whatever the network does.
const LONGEST_S: u64 = 8;

/// What a user was told, and what is wrong with it.
pub struct Said {
    pub text: String,
    /// Empty: nothing.
    pub wrong: String,
}

/// Runs `ovcheck call` as the user does, and compares.
#[expect(clippy::disallowed_methods, reason = "the time of a process is measured from outside")]
pub fn call(lab: &Lab, user: &User) -> Fallible<Said> {
    let [json, page] = ["call.json", "call.txt"].map(|name| lab.outputs.join(name));
    let mut command = lab.network.at(Place::Client, "setpriv")?;
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    command.args(["--no-new-privs", "env"]);
    command.envs(user.environment.iter().copied());
    command.args(user.around);
    command.arg(lab.program_of(&command));
    command.args(["call", "openvidu.example.io", "--letter", "--force"]);
    command.arg(format!("--dns-server={}:53", OUTSIDE[0]));
    command.arg(format!("--ca-file={}/root.pem", lab.network.folder.display()));
    command.arg(format!("--output=json={}", json.display()));
    command.arg(format!("--output=table={}", page.display()));
    user.caller.identify(&mut command);
    command.args(user.flags);

    let [before, after] = user.prepares;
    run(lab.network.at(Place::Client, "sh")?.args(["-ec", before]))?;
    let started = Instant::now();
    let ended = output(&mut command)?;
    let took = started.elapsed();
    run(lab.network.at(Place::Client, "sh")?.args(["-ec", after]))?;
    let [for_it, errors] = [&ended.stdout, &ended.stderr].map(|it| String::from_utf8_lossy(it));
    let read = |path: &std::path::Path| {
        std::fs::read_to_string(path).map_err(|e| format!("read {path:?}: {e}\n{errors}"))
    };
    let (json, page) = (read(&json)?, read(&page)?);
    aftermath::no_secret_is_told(user.caller, &[&for_it, &errors, &json, &page])?;
    if (user.world)().has_livekit {
        aftermath::nobody_is_left(lab)?;
    }
    let report: Value = serde_json::from_str(&json).map_err(|e| format!("{e}: {json}"))?;
    let mut wrong = differences(user, &report["call"]);
    let begin: String = after_settings(&page).lines().take(5).collect::<Vec<_>>().join("\n");
    let unsaid = |text: &str, words: &[&str]| -> String {
        let unsaid = words.iter().filter(|words| !text.contains(**words));
        unsaid.map(|words| format!("not said: {words}\n")).collect()
    };
    wrong += &unsaid(&begin, user.begins);
    // Where a line is broken is the terminal's matter.
    let [page_line, letter_line] = [page.as_str(), &*for_it].map(on_one_line);
    wrong += &unsaid(&page_line, user.says);
    wrong += &unsaid(&letter_line, user.asks);
    let said = [page_line, letter_line].join(" ");
    for words in user.hides.iter().filter(|words| said.contains(**words)) {
        wrong += &format!("must not be said: {words}\n");
    }
    if ended.status.code() != Some(user.exit) {
        wrong += &format!("exit status {:?}, not {}\n", ended.status.code(), user.exit);
    }
    if took.as_secs() >= LONGEST_S {
        wrong += &format!("it took {took:?}\n");
    }
    Ok(Said { wrong, text: format!("{page}\n--- the letter:\n{for_it}{errors}") })
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

type Words = BTreeSet<String>;

/// What the report says of ways and causes, and the user's list does not, and the other way round.
fn differences(user: &User, call: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |key: &str| call[key].as_array().into_iter().flatten();
    let seen: Words = list("ways")
        .map(|way| {
            let state = &way["state"];
            let step = match word(&state["state"]).as_str() {
                "stops" => format!("stops at {}", word(&state["at"])),
                other => other.to_owned(),
            };
            format!("{} {step}", word(&way["way"]))
        })
        .chain(
            list("causes")
                .map(|cause| format!("{}, certain: {}", word(&cause["cause"]), cause["certain"])),
        )
        .collect();
    let works = user.works.iter().map(|way| format!("{way} works"));
    let stops = user.stops.iter().map(|(way, step)| match *step {
        "unknown" => format!("{way} unknown"),
        step => format!("{way} stops at {step}"),
    });
    let causes = user.causes.iter();
    let causes = causes.map(|(cause, certain)| format!("{cause}, certain: {certain}"));
    let expected: Words = works.chain(stops).chain(causes).collect();
    let lines = |what: &str, words: Vec<&String>| -> String {
        words.iter().map(|word| format!("{what}: {word}\n")).collect()
    };
    lines("expected and not found", expected.difference(&seen).collect())
        + &lines("found and not expected", seen.difference(&expected).collect())
}

/// The page after the paragraph about settings, which every run here has.
fn after_settings(page: &str) -> &str {
    page.split_once("\n\n").map_or(page, |(_, answer)| answer)
}
