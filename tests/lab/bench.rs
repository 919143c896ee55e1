//! How long a whole check takes at a round trip of 40 ms, how much memory, and what the tools take
//! that one would use otherwise.
//!
//! `cargo bench --bench whole_check` (Linux, root, the peers of the laboratory). It prints the
//! tables of `docs/performance.md` and judges nothing: a slow machine is no mistake in the program.
//! With `OVCHECK_BLESS=1` it writes them there. Words behind `--` choose parts: `check`, `sweep`,
//! `large`, `loss`, `peers`, `calls`, `visits`. `calls` compares with a browser where `chromium` is installed and
//! `OVCHECK_LIVEKIT_CLIENT_JS` names `livekit-client.umd.js` (npm, livekit-client 2.23); `visits` needs what the page's
//! situations of the laboratory need.

#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod aftermath;
mod bare_sweep;
mod bench_calls;
mod bench_large;
mod bench_visits;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod caller;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod calls;
mod certificates;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod check;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod cluster;
mod cluster_services;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod command;
mod deployment;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod guest;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod lab;
mod measure;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod mend;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod needs;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod network;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod office;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod pages;
mod peers;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod services;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod situations;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod token;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod users;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod wild;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod world;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod written;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod written_proxy;

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::Value;

use cluster::Topology;
use command::Fallible;
use deployment::Policy;
use lab::Lab;
use measure::{median, ms};
use network::ClientLink;
use world::{Front, World};

const ONE_WAY_MS: u32 = 20;
const ROUND_TRIP_MS: u64 = 2 * ONE_WAY_MS as u64;
/// The program's default.
const TIMEOUT_MS: u64 = 1300;
/// For calls, each way.
const ONE_WAY_OF_CALLS_MS: u32 = 25;
const RUNS: usize = 5;
/// How often the one open port is looked for on a way that loses packets.
const LOSSY_RUNS: usize = 40;
const LOST_PER_MILLE: u32 = 10;
/// The port that somebody forgot to close.
const FORGOTTEN: u64 = 54_321;

/// What is measured: its name, the policy, and what differs from a right deployment.
type Case = (&'static str, Policy, fn(&mut World));

const CASES: &[Case] = &[
    ("forced-turn, compliant", Policy::ForcedTurn, |_| {}),
    ("default, compliant", Policy::Default, |_| {}),
    ("forced-turn, backends dead", Policy::ForcedTurn, |world| {
        world.node().first = "tcp dport { 7880, 5349, 1945 } reject with tcp reset";
    }),
    ("forced-turn, backends drop", Policy::ForcedTurn, |world| {
        world.node().from_proxy = "22";
    }),
    ("forced-turn, plaintext on 1935", Policy::ForcedTurn, |world| {
        world.proxy.port_1935_speaks_tls = false;
    }),
    // Accepts every connection and never says a word.
    ("forced-turn, tarpit", Policy::ForcedTurn, |world| {
        world.proxy.front = Front::Tarpit;
    }),
];

fn main() -> ExitCode {
    if bare_sweep::is_wanted() {
        return ended(bare_sweep::run_here(&mut std::io::stdout()));
    }
    ended(match needs::missing() {
        Some(why) => Err(format!("cannot run here: {why}")),
        None => measure_all(),
    })
}

fn ended(result: Fallible<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            command::eprint_line(&why);
            ExitCode::FAILURE
        }
    }
}

fn measure_all() -> Fallible<()> {
    let parts: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    let mut text = String::new();
    // Printed as it comes: the whole takes some minutes.
    let mut say = |part: &str| {
        text.push_str(part);
        command::print(part)
    };
    if is_wanted("check") || is_wanted("sweep") || is_wanted("peers") {
        let mut lab = Lab::build(ClientLink::Delayed { ms: ONE_WAY_MS, lost_per_mille: 0 })?;
        let mut whole = None;
        if is_wanted("check") || is_wanted("peers") {
            let (table, whole_ms) = whole_checks(&mut lab)?;
            say(&table)?;
            whole = Some(whole_ms);
        }
        if is_wanted("sweep") {
            say(&sweep(&mut lab)?)?;
        }
        if let Some(whole) = whole.filter(|_| is_wanted("check")) {
            say(&two_media_nodes(&mut lab, whole)?)?;
        }
        if let Some(whole) = whole.filter(|_| is_wanted("peers")) {
            say(&peers_in_turn(&mut lab, whole)?)?;
        }
    }
    if is_wanted("large") {
        let mut lab = Lab::build(ClientLink::Direct)?;
        lab.become_like(&World::of_several_machines(Topology::Elastic, Policy::ForcedTurn))?;
        say(&bench_large::table(&mut lab)?)?;
    }
    if is_wanted("calls") {
        let mut lab =
            Lab::build(ClientLink::Delayed { ms: ONE_WAY_OF_CALLS_MS, lost_per_mille: 0 })?;
        say(&calls(&mut lab)?)?;
    }
    if is_wanted("visits") {
        let mut lab = Lab::build(ClientLink::Delayed { ms: ONE_WAY_MS, lost_per_mille: 0 })?;
        say(&bench_visits::table(&mut lab, ROUND_TRIP_MS)?)?;
    }
    if is_wanted("loss") {
        let mut lab =
            Lab::build(ClientLink::Delayed { ms: ONE_WAY_MS, lost_per_mille: LOST_PER_MILLE })?;
        say(&one_port_at_loss(&mut lab)?)?;
    }
    if std::env::var_os("OVCHECK_BLESS").is_some() && parts.is_empty() {
        write_down(&text)?;
    }
    Ok(())
}

/// Puts the tables into `docs/performance.md`, between its marks.
fn write_down(text: &str) -> Fallible<()> {
    const MARKS: [&str; 2] = ["<!-- measured -->\n", "<!-- end of what was measured -->"];
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/performance.md");
    let old = std::fs::read_to_string(path).map_err(|e| format!("read {path}: {e}"))?;
    let parts = old
        .split_once(MARKS[0])
        .and_then(|(before, rest)| Some((before, rest.split_once(MARKS[1])?.1)));
    let (before, after) = parts.ok_or_else(|| format!("{path} has no marks"))?;
    let new = format!("{before}{}\n{text}{}{after}", MARKS[0], MARKS[1]);
    std::fs::write(path, new).map_err(|e| format!("write {path}: {e}"))
}

/// What one run was measured at.
struct Run {
    exit: i32,
    wall_ms: u64,
    run_ms: u64,
    last_answer_ms: u64,
    last_answer: String,
    peak_kib: u64,
}

/// The table of all cases, and how long the first of them takes.
fn whole_checks(lab: &mut Lab) -> Fallible<(String, u64)> {
    let mut text = format!(
        "### Whole checks\n\nSingle Node, IPv4 and IPv6, round trip {ROUND_TRIP_MS} ms, as an \
         ordinary user; median (and worst) of {RUNS} runs.\n\n\
         | situation | exit | process ms | run ms | last answer ms | of | peak MiB |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n"
    );
    let mut figures = Vec::new();
    for (name, policy, fault) in CASES {
        let world = world(*policy, *fault);
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            lab.become_like(&world)?;
            runs.push(one_run(lab, *policy)?);
        }
        let column = |value: fn(&Run) -> u64| spread(runs.iter().map(value).collect());
        line(
            &mut text,
            &format!(
                "| {name} | {} | {} | {} | {} | {} | {} |",
                runs[0].exit,
                column(|run| run.wall_ms),
                column(|run| run.run_ms),
                column(|run| run.last_answer_ms),
                runs[0].last_answer,
                column(|run| run.peak_kib / 1024),
            ),
        );
        let middle = |value: fn(&Run) -> u64| median(runs.iter().map(value).collect());
        figures.push((
            middle(|run| run.wall_ms),
            middle(|run| run.last_answer_ms),
            middle(|run| run.peak_kib),
        ));
    }
    let slowest = figures[2..].iter().map(|(wall, ..)| *wall).max().unwrap_or_default();
    let peak = figures.iter().map(|(.., peak)| *peak).max().unwrap_or_default();
    let (forced, by_default) = (figures[0], figures[1]);
    let whole = 11 * (TIMEOUT_MS + 4 * ROUND_TRIP_MS) / 10 + 300;
    let positive = 6 * ROUND_TRIP_MS + 100;
    text.push_str("\n| what | goal | measured |\n| --- | --- | --- |\n");
    for (what, goal, measured) in [
        (
            "whole check, forced TURN, two datagrams to every port of the range",
            format!("≤ 1.1 × (timeout + 4 round trips) + 0.3 s = {whole} ms"),
            met(forced.0 <= whole, &format!("{} ms", forced.0)),
        ),
        (
            "last answer, forced TURN",
            format!("≤ 6 round trips + 0.1 s = {positive} ms"),
            met(forced.1 <= positive, &format!("{} ms", forced.1)),
        ),
        (
            "the same, default policy with WebRTC over TCP in use",
            format!("≤ {positive} ms"),
            met(by_default.1 <= positive, &format!("{} ms", by_default.1)),
        ),
        (
            "dead or filtered backends, plaintext on 1935, a tarpit",
            "at most 1000 ms more".to_owned(),
            met(
                slowest <= forced.0 + 1000,
                &format!("{} ms more", slowest.saturating_sub(forced.0)),
            ),
        ),
        ("memory", "≤ 40 MiB".to_owned(), met(peak <= 40 * 1024, &format!("{} MiB", peak / 1024))),
    ] {
        line(&mut text, &format!("| {what} | {goal} | {measured} |"));
    }
    text.push('\n');
    Ok((text, forced.0))
}

/// A whole check of an Elastic deployment with two Media Nodes, whose ranges are both swept.
fn two_media_nodes(lab: &mut Lab, whole: u64) -> Fallible<String> {
    let world = World::of_several_machines(Topology::Elastic, Policy::ForcedTurn);
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        lab.become_like(&world)?;
        let (process, _) = measure::check(lab, Policy::ForcedTurn, Topology::Elastic)?;
        runs.push(ms(process.wall));
    }
    let two = median(runs.clone());
    Ok(format!(
        "### Two Media Nodes\n\n\
         Elastic, forced TURN, compliant: a Master Node and two Media Nodes, whose ranges are swept \
         over both families. Median (and worst) of {RUNS} runs: {} ms, {} times Single Node (goal ≤ \
         1.30).\n\n",
        spread(runs),
        met(ratio(two, whole) <= 1.3, &format!("{:.2}", ratio(two, whole))),
    ))
}

fn one_run(lab: &Lab, policy: Policy) -> Fallible<Run> {
    let (process, report) = measure::check(lab, policy, Topology::SingleNode)?;
    let (last_answer_ms, last_answer) = last_answer(&report);
    Ok(Run {
        exit: process.exit,
        wall_ms: ms(process.wall),
        run_ms: report["run"]["duration_ms"].as_u64().unwrap_or_default(),
        last_answer_ms,
        last_answer,
        peak_kib: process.peak_kib,
    })
}

/// The program's own sweep of the range beside one that does nothing but send and wait.
fn sweep(lab: &mut Lab) -> Fallible<String> {
    let world = world(Policy::ForcedTurn, |_| {});
    let mut ours = Vec::new();
    let mut bare = Vec::new();
    for _ in 0..RUNS {
        lab.become_like(&world)?;
        let (_, report) = measure::check(lab, Policy::ForcedTurn, Topology::SingleNode)?;
        ours.push(swept_ms(&report).ok_or("the report has no sweep over IPv4")?);
        lab.become_like(&world)?;
        bare.push(bare_sweep::measure(lab)?);
    }
    let (ours_ms, bare_ms) = (median(ours.clone()), median(bare.clone()));
    Ok(format!(
        "### The sweep by itself\n\n\
         50000-60000 of one address, two copies, 20,000 datagrams per second, compared with a bare \
         `sendmmsg` sweep with the same rate, copies and wait. The two run in turn; median (and \
         worst) of {RUNS}.\n\n\
         | sweep | ms |\n| --- | --- |\n| ovcheck | {} |\n| bare | {} |\n| ratio | {} (goal ≤ 1.15) \
         |\n\n",
        spread(ours),
        spread(bare),
        met(ratio(ours_ms, bare_ms) <= 1.15, &format!("{:.2}", ratio(ours_ms, bare_ms))),
    ))
}

/// How long the probe took that swept the range over IPv4.
fn swept_ms(report: &Value) -> Option<u64> {
    let observations = report["observations"].as_array()?;
    let swept = observations.iter().find(|observation| {
        !observation["facts"]["swept"].is_null()
            && observation["asked"]["address"].as_str().is_some_and(|it| it.contains('.'))
    })?;
    swept["took_ms"].as_u64()
}

/// A call, beside a browser that joins over the same ways.
fn calls(lab: &mut Lab) -> Fallible<String> {
    use bench_calls::{Level, middle};
    let right = world(Policy::Default, |_| {});
    let mut runs_of = |level| -> Fallible<Vec<bench_calls::Run>> {
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            lab.become_like(&right)?;
            runs.push(bench_calls::run(lab, Policy::Default, level)?);
        }
        Ok(runs)
    };
    let ports = runs_of(Level::Ports)?;
    let both = runs_of(Level::PortsAndCall)?;
    let alone = runs_of(Level::CallAlone)?;
    let wall = |run: &bench_calls::Run| run.wall_ms;
    let proof = |run: &bench_calls::Run| run.last_proof_ms().unwrap_or(u64::MAX);
    let more = middle(&both, wall).saturating_sub(middle(&ports, wall));
    let round_trip = 2 * ONE_WAY_OF_CALLS_MS;
    let mut text = format!(
        "### A call\n\n\
         Default policy, compliant, round trip {round_trip} ms, as an ordinary user; median (and \
         worst) of {RUNS} runs.\n\n\
         | what | goal | measured |\n| --- | --- | --- |\n"
    );
    for (what, goal, measured) in [
        (
            "all four media paths proven, after the start of `ovcheck call`",
            "≤ 750 ms",
            met(middle(&alone, proof) <= 750, &spread(alone.iter().map(proof).collect())),
        ),
        (
            "whole `ovcheck call`, including leaving and cleaning up",
            "",
            spread(alone.iter().map(wall).collect()),
        ),
        ("whole check without a call", "", spread(ports.iter().map(wall).collect())),
        (
            "whole check with a call",
            "at most 300 ms more",
            met(more <= 300, &format!("{}, {more} more", spread(both.iter().map(wall).collect()))),
        ),
    ] {
        line(&mut text, &format!("| {what} | {goal} | {measured} |"));
    }
    lab.become_like(&right)?;
    text.push_str(&beside_browser(lab, &alone[0])?);
    lab.become_like(&world(Policy::ForcedTurn, |_| {}))?;
    let closed = bench_calls::run(lab, Policy::ForcedTurn, Level::CallAlone)?;
    text.push_str("\nThe same with UDP 443, the media range and TCP 7881 closed:\n");
    text.push_str(&beside_browser(lab, &closed)?);
    text.push('\n');
    Ok(text)
}

/// Each way: when we had the proof, and what a browser needs to be connected by it alone.
fn beside_browser(lab: &Lab, ours: &bench_calls::Run) -> Fallible<String> {
    let Some((chromium, client)) = bench_calls::browser() else {
        return Ok("\nno browser is installed for a comparison\n".to_owned());
    };
    let joins = bench_calls::browse(lab, (&chromium, &client))?;
    let mut text = String::from(
        "\n| path | ovcheck: proven after, ms | headless Chromium: connected after, ms |\n\
         | --- | --- | --- |\n",
    );
    let mut whole = 0;
    for (way, took, error) in joins {
        let proven = ours.proven_ms.iter().find(|(of, _)| *of == way);
        let proven = proven.map_or("not proven".to_owned(), |(_, ms)| ms.to_string());
        let said = if error.is_empty() { took.to_string() } else { format!("{took}: \"{error}\"") };
        whole += took;
        line(&mut text, &format!("| {way} | {proven} | {said} |"));
    }
    line(&mut text, &format!("| all, including cleaning up | {} | {whole} |", ours.wall_ms));
    Ok(text)
}

/// One open port among ten thousand, on a way that loses packets both ways.
fn one_port_at_loss(lab: &mut Lab) -> Fallible<String> {
    let world = world(Policy::ForcedTurn, |world| {
        world.open("udp dport 54321 accept");
    });
    let mut found = 0;
    for _ in 0..LOSSY_RUNS {
        lab.become_like(&world)?;
        let (_, report) = measure::check(lab, Policy::ForcedTurn, Topology::SingleNode)?;
        if accuses(&report, "policy/media-range-closed", &FORGOTTEN.to_string()) {
            found += 1;
        }
    }
    Ok(format!(
        "### One open port among 10,001\n\n\
         With 1 % packet loss in each direction, it was found in {}.\n\n",
        met(found == LOSSY_RUNS, &format!("{found} of {LOSSY_RUNS} runs"))
    ))
}

fn accuses(report: &Value, rule: &str, word: &str) -> bool {
    let findings = report["findings"].as_array();
    findings.into_iter().flatten().any(|finding| {
        finding["rule"] == rule
            && finding["verdict"] == "fail"
            && finding["observed"].as_str().is_some_and(|text| text.contains(word))
    })
}

/// The other tools on a deployment with two faults that are easy to make.
fn peers_in_turn(lab: &mut Lab, whole: u64) -> Fallible<String> {
    let missing = peers::missing();
    if !missing.is_empty() {
        return Ok(format!(
            "### Compared with other tools\n\nnot installed: {}\n\n",
            missing.join(", ")
        ));
    }
    let world = world(Policy::ForcedTurn, |world| {
        world.proxy.turn_upstream = "openvidu_api";
        world.open("udp dport 54321 accept");
    });
    lab.become_like(&world)?;
    let (process, report) = measure::check(lab, Policy::ForcedTurn, Topology::SingleNode)?;
    let named = ["turn/turns-answers-binding", "policy/media-range-closed"]
        .map(|rule| if accuses(&report, rule, "") { rule } else { "(not found)" });
    let mut text = format!(
        "### Compared with other tools\n\n\
         Forced TURN with two faults: the proxy forwards the TURN domain to the API, and the \
         firewall leaves UDP {FORGOTTEN} open. All tools run on the same machine, one after the \
         other. The ratio is the time of a whole ovcheck run, both families, on a correct \
         deployment ({whole} ms), divided by the time of the tool.\n\n\
         | tool | s | ratio | what it reports about these faults |\n| --- | --- | --- | --- |\n\
         | ovcheck | {:.2} | | reports both: {} |\n",
        process.wall.as_secs_f64(),
        named.map(|rule| format!("`{rule}`")).join(", ")
    );
    for peer in peers::PEERS {
        lab.become_like(&world)?;
        let (took, said) = peers::measure(lab, peer)?;
        let ratio = ratio(whole, ms(took));
        line(
            &mut text,
            &format!(
                "| {} | {:.2} | {} (goal ≤ {:.2}) | {} |",
                peer.name,
                took.as_secs_f64(),
                met(ratio <= peer.goal, &format!("{ratio:.3}")),
                peer.goal,
                (peer.says)(&said)
            ),
        );
    }
    text.push('\n');
    Ok(text)
}

fn world(policy: Policy, fault: fn(&mut World)) -> World {
    let mut world = match policy {
        Policy::Default => World::default_policy(),
        Policy::ForcedTurn => World::forced_turn(),
    };
    fault(&mut world);
    world
}

fn ratio(ours: u64, theirs: u64) -> f64 {
    ours as f64 / theirs.max(1) as f64
}

/// A figure, with a word where its goal is not met.
fn met(is_met: bool, figure: &str) -> String {
    if is_met { figure.to_owned() } else { format!("**{figure}, not met**") }
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a string takes everything that is written to it");
}

/// The median, and the largest in brackets.
fn spread(values: Vec<u64>) -> String {
    let worst = values.iter().max().copied().unwrap_or_default();
    format!("{} ({worst})", median(values))
}

/// When the last probe ended that got what it asked for, and which one that was. A probe of several
/// steps or ports that also waited for silence is none, nor is one that waits on purpose.
fn last_answer(report: &Value) -> (u64, String) {
    let observations = report["observations"].as_array();
    observations
        .into_iter()
        .flatten()
        .filter(|observation| {
            let facts = observation["facts"].to_string();
            let waits = observation["asked"]["probe"] == "hold";
            !observation["facts"].is_null() && !waits && !facts.contains("\"silent\"")
        })
        .filter_map(|observation| {
            let ended = observation["started_ms"].as_u64()? + observation["took_ms"].as_u64()?;
            Some((ended, what_was_asked(&observation["asked"])))
        })
        .max()
        .unwrap_or_default()
}

/// A probe in a few words: `turn udp 203.0.113.20 443`.
fn what_was_asked(asked: &Value) -> String {
    ["probe", "request", "offer", "over"]
        .iter()
        .filter_map(|key| asked[key].as_str().map(str::to_owned))
        .chain(asked["to"]["address"].as_str().map(str::to_owned))
        .chain(asked["to"]["port"].as_u64().map(|port| port.to_string()))
        .collect::<Vec<_>>()
        .join(" ")
}
