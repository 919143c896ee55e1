//! One report from several machines: of recordings that were made on each, and of one command that makes
//! its runs there over ssh. What silence leaves open, responders on the Media Nodes settle, so that nothing
//! of the guide is left. The sshd is a real one, which ssh starts in the namespace of the machine
//! (`ProxyCommand`), so that no firewall of the deployment has to let it through.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::caller::Caller;
use super::check::{Run, User};
use super::cluster::{Source, Topology, tcp, udp};
use super::command::{Fallible, command, feed, find, output, run};
use super::deployment;
use super::lab::Lab;
use super::network::Place;
use super::responders::Responders;
use super::situations::{DEFAULT, FORCED_TURN, Situation};

/// A right Elastic deployment, in which calls are made.
const RIGHT: Situation = Situation {
    name: "vantages/elastic",
    topology: Topology::Elastic,
    caller: Some(Caller::OPERATOR),
    fault: |world| world.cluster().shares_redis = true,
    ..DEFAULT
};

/// The same without credentials.
const WITHOUT_CALLS: Situation = Situation { caller: None, ..RIGHT };

/// One with a fault that each zone alone sees, and two that only a responder proves.
const FAULTY: Situation = Situation {
    name: "vantages/elastic-with-a-fault-in-each-zone",
    fault: |world| {
        let cluster = world.cluster();
        cluster.shares_redis = true;
        let media_2 = cluster.wall(Place::Media2);
        media_2.open(tcp("7880", Source::Anywhere));
        media_2.first = "udp dport { 7885, 50500-50999 } drop";
        let master = cluster.wall(Place::Master1);
        master.first = "ip saddr 10.0.0.22 tcp dport 9100 drop";
        master.close("1945");
        cluster.wall(Place::Media1).close("8080");
    },
    ..RIGHT
};

/// What a fault breaks, on which machine, from where it is seen, and for which reason.
type Fault = (&'static str, &'static str, &'static str, &'static str);

const FAULTS: &[Fault] = &[
    ("ports/media-tcp-7880", "media-2", "internet", "port_open_unexpected"),
    ("ports/media-udp-7885", "media-2", "internet", "stopped_on_machine"),
    ("ports/media-udp-50000-60000", "media-2", "internet", "stopped_on_machine"),
    ("ports/master-tcp-1945", "master-1", "proxy", ""),
    ("ports/media-tcp-8080", "media-1", "master-1", ""),
    ("ports/master-tcp-9100", "master-1", "media-2", ""),
];

/// What responders prove of the same faults, whoever asks them.
const FAULTS_BY_RESPONDERS: &[Fault] = &[
    ("ports/media-udp-7885", "media-2", "proxy", "stopped_on_machine"),
    ("ports/media-udp-7885", "media-2", "master-1", "stopped_on_machine"),
    ("ports/media-udp-7885", "media-2", "media-1", "stopped_on_machine"),
    ("ports/media-udp-50000-60000", "media-2", "proxy", "stopped_on_machine"),
    ("ports/media-udp-50000-60000", "media-2", "master-1", "stopped_on_machine"),
    ("ports/media-udp-50000-60000", "media-2", "media-1", "stopped_on_machine"),
];

/// What responders prove of a right deployment: which check of which machine, and to whom.
const PROVEN_BY_RESPONDERS: &[(&str, &str, &[&str])] = &[
    ("ports/media-udp-7885", "media-2", &["internet", "proxy", "master-1", "media-1"]),
    ("ports/media-udp-50000-60000", "media-2", &["internet", "proxy", "master-1", "media-1"]),
    // An inner port is closed to these.
    ("ports/media-tcp-7880", "media-2", &["internet", "proxy", "media-1"]),
];

/// The same where everything is forced through TURN, of the Media Node that has no open port.
const CLOSED_BY_RESPONDERS: &[(&str, &str, &[&str])] = &[
    ("policy/udp-443-closed", "media-1", &["internet"]),
    ("policy/whip-udp-7885-closed", "media-1", &["internet"]),
    ("policy/media-range-closed", "media-1", &["internet"]),
];

/// What the machines themselves show of the same faults.
const FAULTS_FROM_INSIDE: &[Fault] = &[
    ("host/firewall-refuses-others", "media-2", "media-2", "host_firewall_admits"),
    ("host/firewall-admits", "media-2", "media-2", "host_firewall_refuses"),
    ("host/firewall-admits", "master-1", "master-1", "host_firewall_refuses"),
    ("host/firewall-admits", "media-1", "media-1", "host_firewall_refuses"),
];

/// Two Master Nodes, of which one keeps the other from its Redis.
const SEVERAL_MASTERS: Situation = Situation {
    name: "vantages/high-availability",
    topology: Topology::HighAvailability,
    fault: |world| {
        let cluster = world.cluster();
        cluster.shares_redis = true;
        cluster.wall(Place::Master2).first = "ip saddr 10.0.0.11 tcp dport 7000-7001 drop";
    },
    ..RIGHT
};

const FAULTS_OF_SEVERAL_MASTERS: &[Fault] =
    &[("ports/master-tcp-7000-7001", "master-2", "master-1", "")];

/// Everything is forced through TURN, and one port of a Media Node is open.
const FORCED: Situation = Situation {
    name: "vantages/elastic-forced-turn",
    topology: Topology::Elastic,
    fault: |world| {
        world.cluster().wall(Place::Media2).open(udp("54321", Source::Anywhere));
    },
    ..FORCED_TURN
};

const FAULTS_OF_FORCED: &[Fault] =
    &[("policy/media-range-closed", "media-2", "internet", "port_open_unexpected")];

/// Two machines whose own firewalls drop what they must not, and keep strangers from the inner ports, one of which
/// is open to another machine.
const DROPS_OF_MACHINES: Situation = Situation {
    name: "vantages/drops-of-machines",
    fault: |world| {
        world.proxy_firewall().first = "tcp dport 1935 drop";
        world.node().first = "udp dport 443 drop";
        world.open("ip saddr 192.0.2.80 tcp dport 1945 accept");
    },
    ..DEFAULT
};

/// From where a whole Elastic deployment is seen.
const PLACES: &[Place] =
    &[Place::Client, Place::Proxy, Place::Master1, Place::Media1, Place::Media2];

/// The same of High Availability.
const PLACES_OF_SEVERAL_MASTERS: &[Place] =
    &[Place::Client, Place::Proxy, Place::Master1, Place::Master2, Place::Media1, Place::Media2];

const MEDIA_NODES: &[Place] = &[Place::Media1, Place::Media2];

/// A test of several vantages: its name, what is there, and what is done.
pub struct Trial {
    pub name: &'static str,
    pub situation: &'static Situation,
    pub does: fn(&mut Lab) -> Fallible<()>,
}

pub const TRIALS: &[Trial] = &[
    Trial {
        name: "vantages/recordings-of-a-right-deployment-are-merged",
        situation: &RIGHT,
        does: right_is_merged,
    },
    Trial {
        name: "vantages/a-fault-in-each-zone-is-named-by-recordings-and-over-ssh",
        situation: &FAULTY,
        does: faults_are_named,
    },
    Trial {
        name: "vantages/high-availability-is-merged-with-responders",
        situation: &SEVERAL_MASTERS,
        does: several_masters_are_merged,
    },
    Trial {
        name: "vantages/forced-turn-is-merged-with-responders",
        situation: &FORCED,
        does: forced_is_merged,
    },
    Trial {
        name: "vantages/only-a-responder-knows-who-drops-a-packet",
        situation: &WITHOUT_CALLS,
        does: only_a_responder_knows_who_drops,
    },
    Trial {
        name: "vantages/machines-know-what-their-own-firewalls-do",
        situation: &DROPS_OF_MACHINES,
        does: machines_know_their_firewalls,
    },
    Trial {
        name: "vantages/machines-that-cannot-be-used-are-missed",
        situation: &WITHOUT_CALLS,
        does: unusable_machines_are_missed,
    },
    Trial {
        name: "vantages/an-interrupted-run-over-ssh-leaves-nothing-behind",
        situation: &WITHOUT_CALLS,
        does: interrupted_leaves_nothing,
    },
];

/// Why these cannot run here.
pub fn missing() -> Option<String> {
    let absent = ["ssh", "sshd", "ssh-keygen"].into_iter().find(|it| find(it).is_none());
    absent.map(|it| format!("not installed: {it} (Debian: openssh-server, openssh-client)"))
}

fn right_is_merged(lab: &mut Lab) -> Fallible<()> {
    let by_recordings = merged(lab, &RIGHT, PLACES)?;
    is_right(&by_recordings)?;
    are_proven(&by_recordings, PROVEN_BY_RESPONDERS)?;
    settles_everything(&by_recordings, PLACES)?;
    rest(lab)?;
    let remote = Remote::prepare(lab)?;
    let over_ssh = remote.check_with_responders(lab, &RIGHT)?;
    is_right(&over_ssh)?;
    settles_everything(&over_ssh, PLACES)?;
    remote.nothing_is_left()
}

fn faults_are_named(lab: &mut Lab) -> Fallible<()> {
    let by_recordings = merged(lab, &FAULTY, PLACES)?;
    names_the_faults(&by_recordings)?;
    names(&by_recordings, FAULTS_BY_RESPONDERS)?;
    settles_everything(&by_recordings, PLACES)?;
    rest(lab)?;
    let remote = Remote::prepare(lab)?;
    let over_ssh = remote.check_with_responders(lab, &FAULTY)?;
    names_the_faults(&over_ssh)?;
    // Only this machine asks the responders: what they prove to be stopped for the internet says nothing of
    // the others, to which the port is silent.
    let open = findings(&over_ssh, |it| it["verdict"] == "inconclusive");
    let is_known =
        |it: &&Value| it["rule"] == "ports/media-udp-7885" && it["target"]["node"] == "media-2";
    match open.iter().all(is_known) {
        true => {}
        false => return Err(format!("more is open\n{}", brief(&over_ssh))),
    }
    let from_inside = remote.host(lab, &FAULTY)?;
    names(&from_inside, FAULTS_FROM_INSIDE)?;
    remote.nothing_is_left()
}

fn several_masters_are_merged(lab: &mut Lab) -> Fallible<()> {
    let report = merged(lab, &SEVERAL_MASTERS, PLACES_OF_SEVERAL_MASTERS)?;
    names(&report, FAULTS_OF_SEVERAL_MASTERS)?;
    settles_everything(&report, PLACES_OF_SEVERAL_MASTERS)
}

fn forced_is_merged(lab: &mut Lab) -> Fallible<()> {
    let report = merged(lab, &FORCED, PLACES)?;
    names(&report, FAULTS_OF_FORCED)?;
    are_proven(&report, CLOSED_BY_RESPONDERS)?;
    settles_everything(&report, PLACES)
}

/// From the internet, the proxy and a machine, a drop by the second Media Node itself and one before it look
/// the same. A responder tells which it is.
fn only_a_responder_knows_who_drops(lab: &mut Lab) -> Fallible<()> {
    let on_machine = Drops { at: Place::Media2, table: DROPS_ON_MACHINE };
    // The router's bridges carry what the machines send each other.
    let before = Drops { at: Place::Router, table: DROPS_BEFORE };
    let mut looks = Vec::new();
    for (drops, reason) in [(on_machine, "stopped_on_machine"), (before, "stopped_before_machine")]
    {
        drops.load(lab)?;
        looks.push(failures(lab, None)?);
        let responders = Responders::start(lab, &[Place::Media2])?;
        let told = failures(lab, Some(&responders))?;
        for place in ASKERS {
            let seen: Vec<&Failure> = told.iter().filter(|it| it.from == *place).collect();
            if seen.is_empty() || seen.iter().any(|it| it.reason != reason) {
                return Err(format!("{reason} is not told: {told:#?}"));
            }
        }
        drops.unload(lab)?;
    }
    match looks.as_slice() {
        [one, other]
            if one == other && ASKERS.iter().all(|it| one.iter().any(|f| f.from == *it)) =>
        {
            Ok(())
        }
        _ => Err(format!("without a responder: {looks:#?}")),
    }
}

/// The places from which it is asked who drops a packet.
const ASKERS: &[Place] = &[Place::Client, Place::Proxy, Place::Master1];

const DROPS_ON_MACHINE: &str = "table inet drops {
    chain input { type filter hook input priority -10; udp dport 443 drop; }
}";

const DROPS_BEFORE: &str = "table bridge drops {
    chain forward {
        type filter hook forward priority 0
        oifname { media-2, in-media-2 } udp dport 443 drop
    }
    chain output {
        type filter hook output priority 0
        oifname { media-2, in-media-2 } udp dport 443 drop
    }
}";

/// A table of nftables that drops, besides all others.
struct Drops {
    at: Place,
    table: &'static str,
}

impl Drops {
    fn load(&self, lab: &Lab) -> Fallible<()> {
        feed(lab.network.at(self.at, "nft")?.args(["-f", "-"]), self.table)
    }

    fn unload(&self, lab: &Lab) -> Fallible<()> {
        let family = self.table.split(' ').nth(1).unwrap_or_default();
        run(lab.network.at(self.at, "nft")?.args(["delete", "table", family, "drops"])).map(|_| ())
    }
}

/// How UDP 443 of the second Media Node is seen to fail.
#[derive(Debug, PartialEq, Eq)]
struct Failure {
    from: Place,
    confidence: String,
    reason: String,
    observed: String,
}

/// From all places at once. UDP 7885 is asked too, because a responder is greeted at the ports that are asked.
fn failures(lab: &Lab, responders: Option<&Responders>) -> Fallible<Vec<Failure>> {
    let mut running = Vec::new();
    for place in ASKERS {
        let run = Run { place: *place, user: User::Root, ..Run::of(&WITHOUT_CALLS) };
        let mut check = run.command(lab, "json")?;
        check.args(["--only", "ports/media-udp-443,ports/media-udp-7885"]);
        if let Some(responders) = responders {
            responders.ask_by(&mut check);
        }
        check.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        running.push((*place, check.spawn().map_err(|e| format!("{check:?}: {e}"))?));
    }
    let mut all = Vec::new();
    for (from, child) in running {
        let ended = child.wait_with_output().map_err(|e| e.to_string())?;
        let report = read(&ended.stdout, &ended.stderr)?;
        let failed = findings(&report, |it| {
            it["verdict"] == "fail"
                && it["rule"] == "ports/media-udp-443"
                && it["target"]["node"] == "media-2"
        });
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        all.extend(failed.into_iter().map(|it| Failure {
            from,
            confidence: word(&it["confidence"]),
            reason: word(&it["reason_code"]),
            observed: word(&it["observed"]),
        }));
    }
    Ok(all)
}

/// `ovcheck host` names the rule that drops, on the proxy and on the machine of OpenVidu, where it also knows
/// that its firewall keeps strangers out. Elsewhere there is no machine to look at.
fn machines_know_their_firewalls(lab: &mut Lab) -> Fallible<()> {
    let config = deployment::write(&lab.network, DEFAULT.policy, DEFAULT.topology)?;
    let look = |place: Place| -> Fallible<_> {
        let mut host = lab.network.at(place, &lab.ovcheck.display().to_string())?;
        output(host.args(["host", "--config", &config, "--format", "json"]))
    };
    let elsewhere = look(Place::Client)?;
    let said = String::from_utf8_lossy(&elsewhere.stderr);
    if elsewhere.status.code() != Some(2) || !said.contains("no declared node has an address") {
        return Err(format!("on the internet: {}, {said}", elsewhere.status));
    }
    let expected = [
        (Place::Proxy, "host/firewall-admits", 1935, ["fail", "proven"], "tcp dport 1935 drop"),
        (Place::Node, "host/firewall-admits", 443, ["fail", "proven"], "udp dport 443 drop"),
        (Place::Node, "host/firewall-refuses-others", 7880, ["pass", "proven"], ""),
        (
            Place::Node,
            "host/firewall-refuses-others",
            1945,
            ["pass", "uncontradicted"],
            "but accepts TCP 1945 from 192.0.2.80",
        ),
    ];
    for (place, rule, port, verdict, words) in expected {
        let ended = look(place)?;
        let report = read(&ended.stdout, &ended.stderr)?;
        let found = findings(&report, |it| {
            it["rule"] == rule
                && it["target"]["port"] == port
                && [&it["verdict"], &it["confidence"]] == verdict
                && it["observed"].as_str().is_some_and(|it| it.contains(words))
        });
        if found.is_empty() {
            return Err(format!("{rule} {port} on the {}\n{}", place.word(), brief(&report)));
        }
    }
    Ok(())
}

/// Lets every machine answer as if nobody had asked.
fn rest(lab: &mut Lab) -> Fallible<()> {
    for place in PLACES {
        lab.rest_before_asking_from(*place);
    }
    lab.network.renew_client()
}

fn is_right(report: &Value) -> Fallible<()> {
    // LiveKit 1.8.4 relays to private networks, and to itself.
    let wrong = findings(report, |it| {
        it["verdict"] == "fail" && it["rule"] != "turn/refuses-foreign-peers"
    });
    match wrong.is_empty() && report["summary"]["exit_code"] == 0 {
        true => Ok(()),
        false => Err(format!("it is right\n{}", brief(report))),
    }
}

/// Every check of the guide ends in pass or fail, from all of these places.
fn settles_everything(report: &Value, places: &[Place]) -> Fallible<()> {
    let coverage = report["summary"]["coverage"].as_f64();
    let runs = report["vantages"].as_array().map_or(0, Vec::len);
    match coverage == Some(1.0) && runs == places.len() {
        true => Ok(()),
        false => Err(format!("{runs} runs, coverage {coverage:?}\n{}", brief(report))),
    }
}

fn names(report: &Value, faults: &[Fault]) -> Fallible<()> {
    for (rule, node, from, reason) in faults {
        let is_it = |it: &Value| {
            let is_reason = |it: &Value| reason.is_empty() || it["reason_code"] == *reason;
            it["rule"] == *rule
                && it["verdict"] == "fail"
                && it["target"]["node"] == *node
                && is_reason(it)
                && sightings(it)
                    .any(|it| it["vantage"] == *from && it["verdict"] == "fail" && is_reason(it))
        };
        if findings(report, is_it).is_empty() {
            return Err(format!("{rule} on {node} is not seen from {from}\n{}", brief(report)));
        }
    }
    Ok(())
}

/// Each of these checks passed as proven, from each of these places and over all addresses.
fn are_proven(report: &Value, checks: &[(&str, &str, &[&str])]) -> Fallible<()> {
    for (rule, node, places) in checks {
        let found = findings(report, |it| it["rule"] == *rule && it["target"]["node"] == *node);
        for place in *places {
            let mut seen = found.iter().flat_map(|it| sightings(it));
            let of_place = seen.by_ref().filter(|it| it["vantage"] == *place);
            let verdicts: Vec<[&Value; 2]> =
                of_place.map(|it| [&it["verdict"], &it["confidence"]]).collect();
            if verdicts.is_empty() || verdicts.iter().any(|it| *it != ["pass", "proven"]) {
                return Err(format!(
                    "{rule} on {node}, from {place}: {verdicts:?}\n{}",
                    brief(report)
                ));
            }
        }
    }
    Ok(())
}

/// What each place said of a finding.
fn sightings(finding: &Value) -> impl Iterator<Item = &Value> {
    finding["sightings"].as_array().into_iter().flatten()
}

fn names_the_faults(report: &Value) -> Fallible<()> {
    names(report, FAULTS)?;
    // The other Media Node gets in: both are told.
    let contradicted = findings(report, |it| {
        it["rule"] == "ports/master-tcp-9100"
            && it["verdict"] == "fail"
            && sightings(it).any(|it| it["vantage"] == "media-1" && it["verdict"] == "pass")
    });
    match contradicted.is_empty() {
        true => Err(format!("the proof of media-1 is lost\n{}", brief(report))),
        false => Ok(()),
    }
}

fn unusable_machines_are_missed(lab: &mut Lab) -> Fallible<()> {
    let remote = Remote::prepare(lab)?;
    let table: &[(&str, &[&str], &str)] = &[
        ("ssh:stranger", &[], "does not know the key of that machine"),
        ("ssh:changed", &[], "has another key than ssh knows"),
        ("ssh:locked", &[], "refused the login"),
        ("ssh:nowhere", &[], "could not connect"),
        ("ssh:media-1", &["--via-binary", "@other@"], "that machine says that it is \"Linux/"),
        ("ssh:noexec", &[], "no program can be started there"),
        ("ssh:full", &[], "did not arrive whole"),
        ("ssh:liar", &[], "cannot be used"),
        ("ssh:endless", &[], "sent more than a recording can be"),
    ];
    for (host, flags, words) in table {
        let report = remote.check(lab, &WITHOUT_CALLS, &["ssh:proxy", host], flags)?;
        let not_tested = report.json["not_tested"].to_string().replace("\\\"", "\"");
        let exit = report.json["summary"]["exit_code"].as_i64();
        let runs = report.json["vantages"].as_array().map_or(0, Vec::len);
        let others = if flags.is_empty() { 2 } else { 1 };
        if !not_tested.contains(words) || exit != Some(3) || runs != others {
            return Err(format!("{host}: {exit:?}, {runs}, {}: {not_tested}", report.said));
        }
        lab.network.renew_client()?;
    }
    remote.nothing_is_left()
}

fn interrupted_leaves_nothing(lab: &mut Lab) -> Fallible<()> {
    const INTERRUPTED: i32 = 130;
    let remote = Remote::prepare(lab)?;
    for after_ms in [300, 900, 1_500] {
        let mut check = remote.command(lab, &WITHOUT_CALLS, &["ssh:media-1", "ssh:proxy"], &[])?;
        let child = check
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| format!("{check:?}: {e}"))?;
        sleep(Duration::from_millis(after_ms));
        output(command("kill")?.args(["-INT", &child.id().to_string()]))?;
        let ended = child.wait_with_output().map_err(|e| e.to_string())?;
        // It may have ended by itself meanwhile.
        if !matches!(ended.status.code(), Some(INTERRUPTED | 0 | 3)) {
            return Err(format!("after {after_ms} ms: {}", ended.status));
        }
        remote.nothing_is_left()?;
        lab.network.renew_client()?;
    }
    Ok(())
}

/// The report of recordings from all places, each of which asks the responders on the Media Nodes. The one on
/// the internet also makes the calls.
fn merged(lab: &mut Lab, situation: &Situation, places: &[Place]) -> Fallible<Value> {
    let responders = Responders::start(lab, MEDIA_NODES)?;
    let mut files = Vec::new();
    for &place in places {
        let file = lab.outputs.join(format!("{}.rec", place.word()));
        lab.rest_before_asking_from(place);
        let mut run = Run { place, user: User::Root, ..Run::of(situation) };
        run.caller = run.caller.filter(|_| place == Place::Client);
        let mut check = run.command(lab, "json")?;
        responders.ask_by(&mut check);
        let recorded =
            output(check.arg("--force").arg("--record").arg(&file).arg("--output=json=/dev/null"))?;
        if !file.exists() || recorded.status.code() == Some(2) {
            return Err(String::from_utf8_lossy(&recorded.stderr).into_owned());
        }
        lab.was_asked_from(place);
        files.push(file);
    }
    let mut merge = Command::new(&lab.ovcheck);
    let merged = output(merge.arg("merge").args(["--format", "json"]).args(&files))?;
    for file in files {
        fs::remove_file(file).map_err(|e| e.to_string())?;
    }
    read(&merged.stdout, &merged.stderr)
}

fn read(stdout: &[u8], stderr: &[u8]) -> Fallible<Value> {
    serde_json::from_slice(stdout)
        .map_err(|e| format!("no report: {e}\n{}", String::from_utf8_lossy(stderr)))
}

fn findings(report: &Value, wanted: impl Fn(&Value) -> bool) -> Vec<&Value> {
    let all = report["findings"].as_array().into_iter().flatten();
    all.filter(|it| wanted(it)).collect()
}

/// Everything but the passes.
fn brief(report: &Value) -> String {
    let told = findings(report, |it| it["verdict"] == "fail" || it["verdict"] == "inconclusive");
    let lines = told.iter().map(|it| {
        format!("  {} {} {}: {}\n", it["verdict"], it["rule"], it["target"]["node"], it["observed"])
    });
    lines.collect::<String>() + &report["not_tested"].to_string()
}

/// What a check over ssh printed.
struct Told {
    json: Value,
    said: String,
}

/// The machines as ssh reaches them.
struct Remote {
    folder: PathBuf,
    /// Where the machines put what they are sent.
    place: PathBuf,
}

impl Remote {
    fn prepare(lab: &Lab) -> Fallible<Self> {
        let folder = lab.network.folder.join("ssh");
        let place = folder.join("tmp");
        let failed = |e: std::io::Error| format!("prepare ssh: {e}");
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&place).map_err(failed)?;
        fs::create_dir_all(folder.join("bin")).map_err(failed)?;
        fs::create_dir_all("/run/sshd").map_err(failed)?;
        for key in ["host", "user", "other"] {
            let mut keygen = command("ssh-keygen")?;
            run(keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(folder.join(key)))?;
        }
        let remote = Self { folder, place };
        remote.write_files(lab).map_err(failed)?;
        remote.write_programs(lab)?;
        Ok(remote)
    }

    fn write_files(&self, lab: &Lab) -> std::io::Result<()> {
        let folder = self.folder.display();
        let sshd = format!(
            "HostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nSetEnv TMPDIR={folder}/tmp\n"
        );
        fs::write(self.folder.join("sshd_config"), &sshd)?;
        // A machine that answers every command with the same text.
        let lies = format!("{sshd}ForceCommand cat > /dev/null; echo \"{{}}\"\n");
        fs::write(self.folder.join("sshd_config.liar"), lies)?;
        // One that prints without end.
        let prints = format!("{sshd}ForceCommand cat > /dev/null; exec yes\n");
        fs::write(self.folder.join("sshd_config.endless"), prints)?;
        let key = fs::read_to_string(self.folder.join("host.pub"))?;
        fs::write(self.folder.join("known"), format!("* {key}"))?;
        let other = fs::read_to_string(self.folder.join("other.pub"))?;
        fs::write(self.folder.join("changed"), format!("* {other}"))?;
        let within = |place: Place, wrapped: &str, config: &str| {
            let name = lab.network.name(place);
            format!(
                "ProxyCommand ip netns exec {name} {wrapped}/usr/sbin/sshd -i -f {folder}/{config}"
            )
        };
        let without_exec = |size: &str| {
            format!(
                "unshare -m {folder}/bin/unusable {size} {} ",
                std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned())
            )
        };
        let media = |wrapped: &str, config: &str| within(Place::Media1, wrapped, config);
        let hosts = [
            ("proxy", within(Place::Proxy, "", "sshd_config")),
            ("master", within(Place::Master1, "", "sshd_config")),
            ("media-1", media("", "sshd_config")),
            ("media-2", within(Place::Media2, "", "sshd_config")),
            ("stranger", media("", "sshd_config") + "\n  UserKnownHostsFile /dev/null"),
            (
                "changed",
                media("", "sshd_config") + &format!("\n  UserKnownHostsFile {folder}/changed"),
            ),
            ("locked", media("", "sshd_config") + &format!("\n  IdentityFile {folder}/other")),
            ("nowhere", "ProxyCommand false".to_owned()),
            ("noexec", media(&without_exec("noexec"), "sshd_config")),
            ("full", media(&without_exec("full"), "sshd_config")),
            ("liar", media("", "sshd_config.liar")),
            ("endless", media("", "sshd_config.endless")),
        ];
        let hosts = hosts.map(|(name, says)| format!("Host {name}\n  {says}\n"));
        let common = format!(
            "Host *\n  User root\n  IdentitiesOnly yes\n  IdentityFile {folder}/user\n  \
             UserKnownHostsFile {folder}/known\n"
        );
        // The first word counts: what is common comes last, except that keys would add up.
        let own = hosts.concat();
        let common = common.replace("Host *", "Host * !locked");
        let locked = "Host locked\n  User root\n  IdentitiesOnly yes\n".to_owned()
            + &format!("  UserKnownHostsFile {folder}/known\n");
        fs::write(self.folder.join("config"), own + &common + &locked)?;
        self.program("bin/ssh", &format!("exec /usr/bin/ssh -F {folder}/config \"$@\""))?;
        // No program can be started from any of the directories; or only from one that is small.
        self.program(
            "bin/unusable",
            &format!(
                "for d in {folder}/tmp /var/tmp \"$2\"; do mount --bind $d $d && \
                 mount -o remount,bind,noexec $d; done\n\
                 test $1 = noexec || mount -t tmpfs -o size=1m none /var/tmp\n\
                 shift 2; exec \"$@\""
            ),
        )
    }

    fn program(&self, name: &str, text: &str) -> std::io::Result<()> {
        let path = self.folder.join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n"))?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))
    }

    /// The program that is sent, without what only a debugger reads, and one for another processor.
    fn write_programs(&self, lab: &Lab) -> Fallible<()> {
        const PLACE_OF_PROCESSOR: usize = 18;
        const AARCH64: u8 = 183;
        const X86_64: u8 = 62;
        let small = self.folder.join("ovcheck");
        match command("strip") {
            Ok(mut strip) => drop(run(strip.arg("-o").arg(&small).arg(&lab.ovcheck))?),
            Err(_) => drop(fs::copy(&lab.ovcheck, &small).map_err(|e| e.to_string())?),
        }
        let mut bytes = fs::read(&small).map_err(|e| e.to_string())?;
        let processor = &mut bytes[PLACE_OF_PROCESSOR];
        *processor = if *processor == X86_64 { AARCH64 } else { X86_64 };
        fs::write(self.folder.join("other-processor"), bytes).map_err(|e| e.to_string())
    }

    /// `ovcheck host` on all machines, in one command from outside.
    fn host(&self, lab: &Lab, situation: &Situation) -> Fallible<Value> {
        let config = deployment::write(&lab.network, situation.policy, situation.topology)?;
        let mut host = lab.network.at(Place::Client, &lab.ovcheck.display().to_string())?;
        let path = std::env::var("PATH").unwrap_or_default();
        host.env("PATH", format!("{}:{path}", self.folder.join("bin").display()));
        host.args(["host", "--format", "json", "--config", &config, "--via-binary"]);
        host.arg(self.folder.join("ovcheck"));
        host.args(["proxy", "master", "media-1", "media-2"].map(|it| format!("--via=ssh:{it}")));
        if find("sudo").is_some() {
            host.arg("--via-sudo");
        }
        let ended = output(&mut host)?;
        let report = read(&ended.stdout, &ended.stderr)?;
        match report["vantages"].as_array().map_or(0, Vec::len) {
            4 => Ok(report),
            _ => Err(format!("{}\n{}", String::from_utf8_lossy(&ended.stderr), brief(&report))),
        }
    }

    fn command(
        &self,
        lab: &Lab,
        situation: &Situation,
        hosts: &[&str],
        flags: &[&str],
    ) -> Fallible<Command> {
        let run = Run { user: User::Root, ..Run::of(situation) };
        let mut check = run.command(lab, "json")?;
        let path = std::env::var("PATH").unwrap_or_default();
        check.env("PATH", format!("{}:{path}", self.folder.join("bin").display()));
        check.args(hosts.iter().flat_map(|host| ["--via", host]));
        let other = self.folder.join("other-processor").display().to_string();
        check.args(flags.iter().map(|flag| flag.replace("@other@", &other)));
        if flags.is_empty() {
            check.arg("--via-binary").arg(self.folder.join("ovcheck"));
        }
        Ok(check)
    }

    fn check(
        &self,
        lab: &Lab,
        situation: &Situation,
        hosts: &[&str],
        flags: &[&str],
    ) -> Fallible<Told> {
        let ended = output(&mut self.command(lab, situation, hosts, flags)?)?;
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        Ok(Told { json: read(&ended.stdout, &ended.stderr)?, said })
    }

    /// One command for all places, with responders on the Media Nodes.
    fn check_with_responders(&self, lab: &Lab, situation: &Situation) -> Fallible<Value> {
        let responders = Responders::start(lab, MEDIA_NODES)?;
        let hosts = ["ssh:proxy", "ssh:master", "ssh:media-1", "ssh:media-2"];
        let mut check = self.command(lab, situation, &hosts, &[])?;
        responders.ask_by(&mut check);
        let ended = output(&mut check)?;
        let said = String::from_utf8_lossy(&ended.stderr);
        match said.contains("warning") {
            true => Err(format!("a machine is missing: {said}")),
            false => read(&ended.stdout, &ended.stderr),
        }
    }

    /// The machines have removed what they were sent, within the time that a run takes.
    fn nothing_is_left(&self) -> Fallible<()> {
        let is_empty = |folder: &Path| {
            let mut entries = fs::read_dir(folder).into_iter().flatten().flatten();
            !entries.any(|it| it.file_name().to_string_lossy().starts_with("ovcheck."))
        };
        for _ in 0..100 {
            if is_empty(&self.place) && is_empty(Path::new("/var/tmp")) {
                return Ok(());
            }
            sleep(Duration::from_millis(100));
        }
        Err(format!("something is left in {} or /var/tmp", self.place.display()))
    }
}
