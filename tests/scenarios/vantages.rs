//! One report of runs from several places.

use std::collections::BTreeMap;

use ovcheck::app;
use ovcheck::config::CheckOptions;
use ovcheck::exit::ExitStatus;
use ovcheck::model::context::{CredentialKind, Redaction};
use ovcheck::model::deployment::{Edition, NodeRole, Policy};
use ovcheck::model::facts::{Facts, ServerText};
use ovcheck::model::observation::{Blindness, Outcome};
use ovcheck::model::plan::LeftOut;
use ovcheck::model::port::Transport;
use ovcheck::model::probe::{CallDepth, ProbeSpec};
use ovcheck::model::report::{Finding, Report};
use ovcheck::model::vantage::Zone;
use ovcheck::model::vantages::Standpoint;
use ovcheck::model::verdict::Verdict;
use ovcheck::model::via::{SshHost, ViaFailure};
use ovcheck::record;
use ovcheck::redact::redact;

use crate::clusters::{MASTER, MEDIA_1, MEDIA_1_INSIDE, all_in_use, elastic};
use crate::doors::Door;
use crate::support::findings::{PROVEN_PASS, UNCONTRADICTED, UNSETTLED, VANTAGE_LIMIT};
use crate::world::{
    Observed as _, PROXY, RULESET, World, broken, node, told, world as single_node,
};

fn deployment() -> World {
    elastic(Edition::V3_2, Policy::Default)
}

fn internet() -> World {
    deployment()
}

fn proxy() -> World {
    deployment().on(Zone::ExternalProxy, &["proxy"])
}

fn master() -> World {
    deployment().on(Zone::Master, &["master"])
}

fn media_1() -> World {
    deployment().on(Zone::Media, &["media-1"])
}

fn media_2() -> World {
    deployment().on(Zone::Media, &["media-2"])
}

/// The report of runs that saw these.
fn report(worlds: &[&World]) -> Report {
    let runs = worlds.iter().enumerate().map(|(place, world)| {
        app::replay(world.recording(), &format!("{place}.json"), RULESET.clone(), None).unwrap()
    });
    app::judge_together(runs.collect(), CheckOptions::default())
}

fn at<'a>(report: &'a Report, rule: &str, address: &str) -> Vec<&'a Finding> {
    let is_there = |finding: &&Finding| {
        let of = finding.target.address.map(|address| address.to_string());
        finding.rule.as_str() == rule && of.as_deref() == Some(address)
    };
    report.findings.iter().filter(is_there).collect()
}

fn unseen(report: &Report) -> Vec<(&Standpoint, usize)> {
    let left_out = report.not_tested.iter().filter_map(|it| match it {
        LeftOut::Unseen { from, checks } => Some((from, *checks)),
        _ => None,
    });
    left_out.collect()
}

fn machine(name: &str) -> Standpoint {
    Standpoint::Machine(vec![name.parse().unwrap()])
}

#[test]
fn a_deployment_that_is_right_from_everywhere_leaves_nothing_unseen() {
    let all = [internet(), proxy(), master(), media_1(), media_2()];
    let report = report(&all.iter().collect::<Vec<_>>());
    assert_eq!(broken(&report.findings), [""; 0]);
    assert_eq!(unseen(&report), []);
    let open: Vec<String> = (report.findings.iter())
        .filter(|finding| matches!(finding.verdict, Verdict::Inconclusive(_)))
        .map(|finding| format!("{} {}: {}", finding.rule, finding.target, finding.observed()))
        .collect();
    assert_eq!(open, [""; 0]);
    assert_eq!(ExitStatus::of(&report).code(), 0);
}

/// The runs of a deployment with a fault in each zone, and one run that was kept from looking.
fn faulty() -> Vec<World> {
    vec![
        internet().with(MEDIA_1, Transport::Udp, "443", Door::Drops),
        proxy().with(MASTER, Transport::Tcp, "7880", Door::Drops),
        master().with(MEDIA_1_INSIDE, Transport::Tcp, "7880", Door::Idle),
        media_1().with(MASTER, Transport::Tcp, "7000", Door::Drops),
        media_2().but(|spec| is_to(spec, MASTER).then(interrupted)),
    ]
}

fn is_to(spec: &ProbeSpec, address: &str) -> bool {
    spec.address().is_some_and(|it| it.to_string() == address)
}

fn interrupted() -> Outcome {
    Outcome::Blind(Blindness::Interrupted)
}

/// Every set of at least two of these, as the bits of their places.
fn sets(all: &[World]) -> impl Iterator<Item = (usize, Vec<&World>)> {
    let chosen = |bits: usize| {
        let all = all.iter().enumerate();
        all.filter(|(at, _)| bits & (1 << at) != 0).map(|(_, it)| it).collect::<Vec<_>>()
    };
    (0..1 << all.len()).map(move |bits| (bits, chosen(bits))).filter(|(_, set)| set.len() > 1)
}

#[test]
fn the_order_of_the_runs_changes_nothing() {
    let faulty = faulty();
    let all: Vec<&World> = faulty.iter().collect();
    let one = report(&all);
    for turned in 1..all.len() {
        let mut other = all.clone();
        other.rotate_left(turned);
        other.swap(0, 1);
        let other = report(&other);
        assert_eq!(one.findings, other.findings);
        assert_eq!(one.not_tested, other.not_tested);
    }
}

#[test]
fn a_violation_is_never_lost() {
    let faulty = faulty();
    for (_, set) in sets(&faulty) {
        let report = report(&set);
        let seen = |finding: &Finding| (finding.fingerprint.clone(), finding.verdict);
        let told: Vec<_> = report.findings.iter().map(seen).collect();
        for world in set {
            for finding in world.judge().iter().filter(|finding| finding.is_violation()) {
                assert!(told.contains(&seen(finding)), "{} {}", finding.rule, finding.target);
            }
        }
        assert_eq!(ExitStatus::of(&report).code(), 1);
    }
}

#[test]
fn a_run_merged_with_itself_says_what_it_says_alone() {
    for world in faulty() {
        let twice = report(&[&world, &world]);
        let mut told: Vec<_> = (twice.findings.iter())
            .map(|it| (it.fingerprint.clone(), it.verdict, it.reason, it.seen.clone()))
            .collect();
        let mut alone: Vec<_> = (world.judge().into_iter())
            .map(|it| (it.fingerprint, it.verdict, it.reason, it.seen))
            .collect();
        // Those of one machine's own ports are left out where another direction is asked of them.
        told.sort_by_key(|it| format!("{it:?}"));
        alone.sort_by_key(|it| format!("{it:?}"));
        assert_eq!(told, alone);
    }
}

#[test]
fn one_more_run_never_lowers_the_coverage() {
    for runs in [faulty(), vec![internet(), proxy(), master(), media_1(), media_2()]] {
        let coverage: BTreeMap<usize, f64> =
            sets(&runs).map(|(bits, set)| (bits, report(&set).coverage())).collect();
        for (bits, before) in &coverage {
            for more in 0..runs.len() {
                let after = coverage[&(bits | (1 << more))];
                assert!(after >= before - 1e-9, "{bits:b} and {more}: {before}, then {after}");
            }
        }
    }
}

#[test]
fn a_port_is_judged_for_each_zone() {
    let report = report(&[&internet(), &proxy()]);
    let findings = at(&report, "ports/master-tcp-7880", MASTER);
    let [open] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!(ovcheck::output::words::expected(open), "open to the proxy");
    assert_eq!(open.sightings[0].vantage, "proxy");
    let findings = at(&report, "ports/master-tcp-7880", "203.0.113.21");
    let [closed] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!(ovcheck::output::words::expected(closed), "closed to the internet");
    assert_eq!(closed.sightings[0].vantage, "internet");
}

/// Everything optional is in use, so that the silent port of WHIP must be open to everybody.
fn with_whip(world: World) -> World {
    world.declared(all_in_use)
}

/// With responders on the Media Nodes, which all packets reach.
fn with_responders(mut world: World) -> World {
    world.responders = ["media-1", "media-2"].map(|name| name.parse().unwrap()).to_vec();
    world.but(|spec| match spec {
        ProbeSpec::Responder { ports, .. } => {
            Some(Outcome::Saw(Facts::Responder(told(ports, ports))))
        }
        _ => None,
    })
}

#[test]
fn a_silent_port_that_the_internet_reaches_is_settled_for_machines_that_are_nearer() {
    const WHIP: &str = "ports/media-udp-7885";
    let (internet, proxy) = (with_whip(internet()), with_whip(proxy()));
    let verdict = |report: &Report, address: &str| {
        let found = at(report, WHIP, address);
        assert_eq!(found.len(), 1, "{found:?}");
        (found[0].verdict, found[0].observed())
    };
    let silent = report(&[&internet, &proxy]);
    for address in [MEDIA_1, MEDIA_1_INSIDE] {
        assert_eq!(verdict(&silent, address).0, VANTAGE_LIMIT, "{address}");
    }
    let internet = with_responders(internet);
    let settled = report(&[&proxy, &internet]);
    assert_eq!(verdict(&settled, MEDIA_1).0, PROVEN_PASS);
    let (nearer, said) = verdict(&settled, MEDIA_1_INSIDE);
    assert_eq!(nearer, UNCONTRADICTED);
    for words in ["packets from the internet reach the port", "from proxy: silent", "from internet"]
    {
        assert!(said.contains(words), "{said}");
    }
    // What the proxy proves says nothing of the internet, which more firewalls are in front of.
    let (internet, proxy) = (with_whip(crate::vantages::internet()), with_responders(proxy));
    let other = report(&[&internet, &proxy]);
    assert_eq!(verdict(&other, MEDIA_1).0, VANTAGE_LIMIT);
    assert_eq!(verdict(&other, MEDIA_1_INSIDE).0, PROVEN_PASS);
}

#[test]
fn proofs_that_contradict_are_both_told() {
    let shut = media_1().with(MASTER, Transport::Tcp, "7000", Door::Drops);
    let report = report(&[&shut, &media_2()]);
    let findings = at(&report, "ports/master-tcp-7000", MASTER);
    let [finding] = findings.as_slice() else { panic!("{findings:?}") };
    assert!(finding.is_violation());
    let verdicts: Vec<(&str, Verdict)> =
        finding.sightings.iter().map(|it| (it.vantage.as_str(), it.verdict)).collect();
    assert_eq!(verdicts, [("media-1", finding.verdict), ("media-2", PROVEN_PASS)]);
    let words = finding.observed();
    assert!(
        words.contains("from media-1; from media-2: ") && words.contains("from media-2: "),
        "{words}"
    );
    assert!(words.contains("(pass, proven)"), "{words}");
}

#[test]
fn a_proof_beside_a_machine_that_could_not_look_is_none() {
    let kept = media_2().but(|spec| is_to(spec, MASTER).then(interrupted));
    let report = report(&[&media_1(), &kept]);
    let findings = at(&report, "ports/master-tcp-7000", MASTER);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].verdict, UNCONTRADICTED);
    let sighting = &findings[0].sightings[1];
    assert_eq!((sighting.vantage.as_str(), sighting.verdict), ("media-2", UNSETTLED));
}

#[test]
fn what_users_could_not_see_is_no_proof_because_a_node_saw_it() {
    let blind = internet().but(|spec| is_to(spec, PROXY).then(interrupted));
    let alone = blind.judge();
    let rule = "tls/handshake-completes";
    let is_it = |finding: &&Finding| finding.rule.as_str() == rule;
    assert!(alone.iter().filter(is_it).any(|finding| finding.verdict == UNSETTLED));
    let report = report(&[&blind, &media_1()]);
    let findings = at(&report, rule, PROXY);
    assert!(!findings.is_empty());
    assert!(findings.iter().all(|finding| finding.verdict == UNCONTRADICTED), "{findings:?}");
}

#[test]
fn what_no_machine_saw_is_listed_with_the_one_that_would_see_it() {
    let two = report(&[&internet(), &proxy()]);
    let places: Vec<&Standpoint> = unseen(&two).into_iter().map(|(from, _)| from).collect();
    assert_eq!(places, [&machine("media-2"), &machine("master"), &machine("media-1")]);
    assert!(two.coverage() < 0.9);
    let words = ovcheck::output::table::left_out_in_words(&two.not_tested);
    let run = "that media-1 can make (run `ovcheck check --record media-1.rec` there";
    assert!(words.iter().any(|it| it.contains(run)), "{words:?}");
    let four = report(&[&internet(), &proxy(), &master(), &media_1()]);
    let places: Vec<&Standpoint> = unseen(&four).into_iter().map(|(from, _)| from).collect();
    assert_eq!(places, [&machine("media-2")]);
    // What cannot be told from these places lowers the coverage, and is not an incomplete run.
    assert_eq!(ExitStatus::of(&four).code(), 0);
}

#[test]
fn a_node_of_a_role_that_was_seen_from_adds_no_check_but_is_named() {
    let more = |world: World| {
        world.declared(|deployment| {
            let inside = ["10.0.2.3"];
            let third = node("media-3", NodeRole::Media, &["203.0.113.33"], &inside);
            deployment.nodes.push(third);
        })
    };
    let all = [internet(), proxy(), master(), media_1(), media_2()].map(more);
    let report = report(&all.iter().collect::<Vec<_>>());
    assert_eq!(unseen(&report), []);
    let others = LeftOut::OtherMachinesOfRole { machines: vec![machine("media-3")] };
    assert!(report.not_tested.contains(&others), "{:?}", report.not_tested);
}

#[test]
fn a_machine_that_could_not_be_used_is_missed_and_never_silently_green() {
    let all = [internet(), proxy(), master(), media_1(), media_2()];
    let runs = all
        .iter()
        .map(|world| app::replay(world.recording(), "x.rec", RULESET.clone(), None).unwrap());
    let host: SshHost = "ssh:root@node.example.io".parse().unwrap();
    let words: ServerText = "Connection refused by \u{202e}203.0.113.31".to_owned().into();
    let missing = LeftOut::VantageMissing { host, why: ViaFailure::NotConnected(words) };
    let report = app::judge_all(runs.collect(), vec![missing], CheckOptions::default());
    assert_eq!(ExitStatus::of(&report).code(), 3);
    assert!(!report.complete);
    let redacted = redact(report, &[Redaction::Names, Redaction::Addresses]);
    let mut json = Vec::new();
    ovcheck::output::json::write(&redacted, 3, &mut json).unwrap();
    let json = String::from_utf8(json).unwrap();
    for secret in ["node.example.io", "203.0.113.31", "\u{202e}"] {
        assert!(!json.contains(secret), "{secret}");
    }
    let said = "ssh could not connect (\\\"Connection refused";
    assert!(json.contains(said), "{}", &json[json.find("not_tested").unwrap()..][..2000]);
}

#[test]
fn another_machine_decides_neither_how_the_run_was_started_nor_that_it_was_interrupted() {
    let here = proxy().recording();
    let mut sent = internet().recording();
    sent.interrupted = true;
    sent.vantage.name = Some("proxy".to_owned());
    sent.context.files.config = Some("/etc/lies.toml".to_owned());
    sent.context.options.credentials = Some(CredentialKind::ApiKey);
    let sent = record::as_asked(sent, &here.context, "root@far");
    let runs = [here, sent].map(|it| app::replay(it, "x.rec", RULESET.clone(), None).unwrap());
    let report = app::judge_all(runs.into(), Vec::new(), CheckOptions::default());
    assert!(!report.complete && !report.gate.interrupted);
    assert_eq!((report.context.files.config, report.context.options.credentials), (None, None));
    let labels: Vec<&str> = report.vantages.iter().map(|run| run.label.as_str()).collect();
    assert_eq!(labels, ["root@far", "proxy"]);
}

// --- where a question is not asked ---------------------------------------------------------------

/// Every machine of the deployment, with everything in use.
fn machines(policy: Policy) -> impl Iterator<Item = World> {
    let places: [(Zone, &[&str]); 4] = [
        (Zone::ExternalProxy, &["proxy"]),
        (Zone::Master, &["master"]),
        (Zone::Media, &["media-1"]),
        (Zone::Media, &["media-2"]),
    ];
    let several =
        places.map(|(zone, nodes)| with_whip(elastic(Edition::V3_2, policy)).on(zone, nodes));
    let places: [(Zone, &[&str]); 2] =
        [(Zone::ExternalProxy, &["proxy"]), (Zone::OwnNode, &["openvidu"])];
    let single = places.map(|(zone, nodes)| single_node(policy).on(zone, nodes));
    several.into_iter().chain(single)
}

/// The rules among these that ended in a verdict.
fn judged(findings: &[Finding], is_wanted: impl Fn(&str) -> bool) -> Vec<&str> {
    let asked = findings.iter().filter(|it| it.verdict != Verdict::NotApplicable);
    asked.map(|it| it.rule.as_str()).filter(|rule| is_wanted(rule)).collect()
}

#[test]
fn whether_a_port_is_closed_to_the_internet_is_asked_only_from_there() {
    let to_the_internet = |report: &Report| {
        let expected = report.findings.iter().map(ovcheck::output::words::expected);
        expected.filter(|words| words == "closed to the internet").count()
    };
    let inside = [proxy(), master(), media_1(), media_2()];
    let from_inside = report(&inside.iter().collect::<Vec<_>>());
    assert_eq!(to_the_internet(&from_inside), 0);
    let missing = unseen(&from_inside).into_iter().find(|(from, _)| **from == Standpoint::Internet);
    assert!(missing.is_some_and(|(_, checks)| checks > 0), "{:?}", from_inside.not_tested);
    let all = [internet(), proxy(), master(), media_1(), media_2()];
    assert!(to_the_internet(&report(&all.iter().collect::<Vec<_>>())) > 0);
}

#[test]
fn whether_a_policy_closes_ports_to_the_internet_is_asked_only_from_there() {
    let closes = |rule: &str| rule.starts_with("policy/") && rule.ends_with("-closed");
    for machine in machines(Policy::ForcedTurn) {
        assert_eq!(judged(&machine.judge(), closes), [""; 0]);
    }
    assert!(!judged(&single_node(Policy::ForcedTurn).judge(), closes).is_empty());
}

#[test]
fn calls_are_made_only_from_the_internet() {
    let is_of_call =
        |id: &str| RULESET.rules.iter().any(|it| it.id.as_str() == id && it.demand.is_of_call());
    for policy in [Policy::Default, Policy::ForcedTurn] {
        for machine in machines(policy) {
            assert_eq!(judged(&machine.calling(CallDepth::Checks).judge(), is_of_call), [""; 0]);
        }
        let users = single_node(policy).calling(CallDepth::Checks);
        assert!(!judged(&users.judge(), is_of_call).is_empty());
    }
}
