//! No verdict claims more than the packets show: the judging against simulated nodes.
//!
//! For every node there are others that would have sent exactly the same packets, its twins. A
//! verdict about one of them is a verdict about all, so that what is called proven has to be true
//! of each. `PROPTEST_CASES` sets another number of nodes, `PROPTEST_RNG_SEED` another choice.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod claim;
mod errors;
mod fixtures;
mod ground;
mod node;
mod observations;
mod setting;
#[path = "../support/mod.rs"]
mod support;
mod twins;
mod wire;

use std::fmt::Write;

use ovcheck::model::plan::Ask;
use ovcheck::model::port::Transport;
use ovcheck::model::report::Finding;
use ovcheck::model::verdict::{FailConfidence, InconclusiveKind, PassConfidence, Verdict};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use errors::FULL;
use ground::{Ground, ground};
use node::{Loss, Middle, Node, Port, Sketch, losses, sketches, steady};
use observations::observations;
use setting::{Machine, Setting, settings, settings_of};
use support::findings::Observed as _;
use wire::watch;

/// So many nodes, unless the environment says otherwise.
fn nodes(cases: u32) -> ProptestConfig {
    let said = |name| std::env::var_os(name).is_some();
    let by_environment = ProptestConfig::default();
    ProptestConfig {
        cases: if said("PROPTEST_CASES") { by_environment.cases } else { cases },
        rng_seed: if said("PROPTEST_RNG_SEED") {
            by_environment.rng_seed
        } else {
            RngSeed::Fixed(3478)
        },
        failure_persistence: None,
        ..by_environment
    }
}

proptest! {
    #![proptest_config(nodes(8_000))]
    #[test]
    fn no_verdict_claims_more_than_the_packets_show_where_media_flows(
        setting in settings_of(&[Machine::Openvidu, Machine::Media]),
        sketch in sketches(),
    ) {
        let unsound = unsound(setting, &sketch);
        prop_assert!(unsound.is_empty(), "{unsound}");
    }
}

proptest! {
    #![proptest_config(nodes(4_000))]
    #[test]
    fn no_verdict_claims_more_than_the_packets_show_of_master_nodes(
        setting in settings_of(&[Machine::Master, Machine::OneMaster]),
        sketch in sketches(),
    ) {
        let unsound = unsound(setting, &sketch);
        prop_assert!(unsound.is_empty(), "{unsound}");
    }
}

proptest! {
    #![proptest_config(nodes(4_000))]
    #[test]
    fn who_hears_nothing_over_udp_says_nothing_of_udp_ports(
        setting in settings(),
        sketch in sketches(),
    ) {
        let spoken = spoken_by_the_deaf(setting, &sketch);
        prop_assert!(spoken.is_empty(), "{spoken}");
    }
}

proptest! {
    #![proptest_config(nodes(4_500))]
    #[test]
    fn a_second_run_accuses_nobody_whom_a_first_one_would_not(
        setting in settings(),
        sketch in steady(),
        gap in 0_u64..8_000,
    ) {
        let accused = accused_by_a_second_run(setting, &sketch, gap);
        prop_assert!(accused.is_empty(), "{accused}");
    }
}

proptest! {
    #![proptest_config(nodes(1_000))]
    #[test]
    fn one_open_port_in_a_range_that_drops_everything_else_is_named(
        setting in settings().prop_filter("a range is swept", |setting| is_swept(*setting)),
        loss in losses(),
        port in 0_usize..64,
    ) {
        let missed = missed_hole(setting, loss, port);
        prop_assert!(missed.is_empty(), "{missed}");
    }
}

proptest! {
    #![proptest_config(nodes(2_000))]
    #[test]
    fn who_rejects_everything_by_icmp_is_accused_of_no_open_port(
        setting in settings(),
        budget in 0_u64..=6000,
        counts_all in any::<bool>(),
    ) {
        let accused = accused_of_open_ports(setting, budget, counts_all);
        prop_assert!(accused.is_empty(), "{accused}");
    }
}

proptest! {
    #![proptest_config(nodes(2_000))]
    #[test]
    fn of_an_address_at_which_nobody_answers_nothing_is_said(
        setting in settings(),
        sketch in sketches(),
    ) {
        let said = said_of_nobody(setting, &sketch);
        prop_assert!(said.is_empty(), "{said}");
    }
}

proptest! {
    #![proptest_config(nodes(2_000))]
    #[test]
    fn where_everything_accepts_no_port_is_called_open_for_that(
        setting in settings(),
        sketch in sketches(),
    ) {
        let said = called_open_for_accepting(setting, &sketch);
        prop_assert!(said.is_empty(), "{said}");
    }
}

/// Verdicts about ports of an address at which there is nobody; empty: none. That our own machine
/// does not answer itself is another matter.
fn said_of_nobody(setting: Setting, sketch: &Sketch) -> String {
    let ground = ground(setting);
    let node = Node { middle: Middle::WrongAddress, ..ground.node(sketch) };
    let findings = ground.judge(&observations(ground, &watch(ground, &node)));
    (ground.plan.checks.iter().zip(&findings))
        .filter(|(check, _)| check.target.address == Some(ground.address))
        .filter(|(check, _)| !matches!(check.ask, Ask::Nothing(_)))
        .filter(|(_, finding)| matches!(finding.verdict, Verdict::Pass(_) | Verdict::Fail(_)))
        .map(|(_, finding)| format!("\n{}", said(finding)))
        .collect()
}

/// Violations of rules that a machine keeps, where something accepts every connection; empty: none.
fn called_open_for_accepting(setting: Setting, sketch: &Sketch) -> String {
    let ground = ground(setting);
    let node = Node { middle: Middle::AcceptsAll, ..ground.node(sketch) };
    let findings = ground.judge_whole(&observations(ground, &watch(ground, &node)));
    let claims = ground.claims.iter().flat_map(|(check, claim)| {
        let claimed = |finding| (finding, ground.narrowed(claim, finding, *check));
        findings[*check].iter().map(claimed)
    });
    claims
        .filter(|(finding, claim)| {
            let is_tcp = finding.target.transport == Some(Transport::Tcp);
            let is_proven = finding.verdict == Verdict::Fail(FailConfidence::Proven);
            let is_passed = finding.verdict == Verdict::Pass(PassConfidence::Proven);
            is_tcp && (is_proven && claim.holds(&node) || is_passed && !claim.holds(&node))
        })
        .map(|(finding, _)| format!("\n{}", said(finding)))
        .collect()
}

/// What is claimed of a node and not true of all that look like it, in words; empty: nothing.
fn unsound(setting: Setting, sketch: &Sketch) -> String {
    let ground = ground(setting);
    let node = ground.node(sketch);
    let seen = watch(ground, &node);
    let findings = ground.judge_whole(&observations(ground, &seen));
    let twins = twins::twins(ground, &node, &seen);
    let mut words = String::new();
    for (check, said_there, claim) in &ground.words {
        let finding = &findings[*check][0];
        let breaks = twins.iter().find(|twin| !claim.holds(twin));
        if let (true, Some(twin)) = (finding.observed().contains(said_there), breaks) {
            let (said, twin) = (said(finding), described(ground, twin));
            write!(words, "\n{said}\n  but of a twin it is not true:\n{twin}").unwrap();
        }
    }
    let claims = ground.claims.iter().flat_map(|(check, claim)| {
        let claimed = |finding| (finding, ground.narrowed(claim, finding, *check));
        findings[*check].iter().map(claimed)
    });
    for (finding, claim) in claims {
        let keeps = twins.iter().find(|twin| claim.holds(twin));
        let breaks = twins.iter().find(|twin| !claim.holds(twin));
        let wrong = match (finding.verdict, keeps, breaks) {
            (Verdict::Pass(PassConfidence::Proven), _, Some(twin)) => {
                Some(("a twin breaks the rule", twin))
            }
            (Verdict::Fail(FailConfidence::Proven), Some(twin), _) => {
                Some(("a twin keeps the rule", twin))
            }
            (Verdict::Pass(_), None, Some(twin)) => Some(("no twin keeps the rule", twin)),
            (Verdict::Fail(_), Some(twin), None) => Some(("no twin breaks the rule", twin)),
            (
                Verdict::Pass(_)
                | Verdict::Fail(_)
                | Verdict::Inconclusive(_)
                | Verdict::NotApplicable,
                _,
                _,
            ) => None,
        };
        if let Some((why, twin)) = wrong {
            write!(words, "\n{}\n  but {why}:\n{}", said(finding), described(ground, twin))
                .unwrap();
        }
    }
    words
}

/// Verdicts about UDP ports when nothing comes back over UDP; empty: none.
fn spoken_by_the_deaf(setting: Setting, sketch: &Sketch) -> String {
    let ground = ground(setting);
    let node = Node { is_deaf: true, ..ground.node(sketch) };
    let findings = ground.judge(&observations(ground, &watch(ground, &node)));
    (ground.plan.checks.iter().zip(&findings))
        .filter(|(check, _)| check.target.transport == Some(Transport::Udp))
        .filter(|(check, _)| !matches!(check.ask, Ask::Nothing(_)))
        .filter(|(_, finding)| matches!(finding.verdict, Verdict::Pass(_) | Verdict::Fail(_)))
        .map(|(_, finding)| format!("\n{}", said(finding)))
        .collect()
}

/// Violations of a run `gap` milliseconds after another that a run on a full ICMP budget does not
/// find; empty: none.
///
/// Nobody knows when in a second a node gets its next error. Who is accused only because that
/// moment falls between a datagram and the one behind it is within the tolerance of the judging: an
/// accusation counts that stands a few moments later too. Where the rested run is unsettled, since
/// its other questions drew the errors, the second one may know more: it drew fewer. So it may where
/// it finds the one open port that the rested run asked when no error was left: it accuses rightly.
///
/// The way loses nothing. With the budget spent one copy of a port may be the only one whose silence
/// counts; when that one is lost, or the error that it drew, an open port is taken for a closed one.
/// An answer within a second and a half has that price, and the verdict is no more than a suspicion.
fn accused_by_a_second_run(setting: Setting, sketch: &Sketch, gap: u64) -> String {
    let ground = ground(setting);
    let judge = |node: &Node| ground.judge(&observations(ground, &watch(ground, node)));
    let first = ground.node(sketch);
    let seen = watch(ground, &first);
    let rested = judge(&Node { budget: FULL, ..first.clone() });
    let second = |later: u64| {
        judge(&Node { budget: seen.budget_after(ground, gap + later), ..first.clone() })
    };
    let is_accused = |findings: &[Finding], place: usize| {
        let unsettled = Verdict::Inconclusive(InconclusiveKind::Unsettled);
        let is_cleared = !rested[place].is_violation() && rested[place].verdict != unsettled;
        let mut claims = ground.claims.iter();
        let is_guilty = claims.any(|(check, claim)| *check == place && !claim.holds(&first));
        findings[place].is_violation() && is_cleared && !is_guilty
    };
    let findings = second(0);
    (0..findings.len())
        .filter(|place| is_accused(&findings, *place))
        .filter(|place| {
            let mut later = [30, 60, 110].into_iter();
            later.all(|later| is_accused(&second(later), *place))
        })
        .map(|place| {
            let words = (said(&findings[place]), said(&rested[place]));
            format!("\n{}\n  rested: {}", words.0, words.1)
        })
        .collect()
}

/// Whether a range of UDP ports is asked port by port.
fn is_swept(setting: Setting) -> bool {
    ground(setting).swept.is_some()
}

/// A node that drops everything but packets for one port of the swept range, by its place modulo
/// their number, where nobody listens: what is said of the range, unless it names the port, and
/// accuses it where the way loses nothing.
fn missed_hole(setting: Setting, loss: Loss, port: usize) -> String {
    let ground = ground(setting);
    let mut node = ground.node(&Sketch { loss, ..Sketch::dropping() });
    let range = 50_000..=60_000;
    let ports: Vec<usize> = (0..ground.udp_ports.len())
        .filter(|place| range.contains(&ground.udp_ports[*place]))
        .collect();
    let hole = ports[port % ports.len()];
    node.udp[hole] = Port::IDLE;
    let findings = ground.judge(&observations(ground, &watch(ground, &node)));
    let rule = "policy/media-range-closed";
    let closed = findings.iter().find(|finding| finding.rule.as_str() == rule);
    let closed = closed.unwrap();
    let named = ground.udp_ports[hole].to_string();
    let is_accused = closed.verdict == Verdict::Fail(FailConfidence::Suspected);
    // What loss took from the background may leave it open who says "no listener".
    let unsettled = Verdict::Inconclusive(InconclusiveKind::Unsettled);
    let is_told = is_accused || (loss != Loss::NONE && closed.verdict == unsettled);
    if is_told && closed.observed().contains(&named) {
        String::new()
    } else {
        format!("{named} is open\n{}", said(closed))
    }
}

/// A node whose firewall rejects all packets, over TCP too, by port unreachable: over UDP it looks
/// like one without a firewall. The ports that it is accused of having open; empty: none.
fn accused_of_open_ports(setting: Setting, budget: u64, counts_all: bool) -> String {
    let ground = ground(setting);
    let mut node = ground.node(&Sketch { budget, counts_all, ..Sketch::dropping() });
    let ports = node.udp.iter_mut().chain(&mut node.tcp);
    ports.chain(&mut node.rest).for_each(|port| *port = Port::REJECTED);
    let findings = ground.judge(&observations(ground, &watch(ground, &node)));
    (ground.claims.iter())
        .filter(|(check, claim)| findings[*check].is_violation() && claim.holds(&node))
        .map(|(check, _)| format!("\n{}", said(&findings[*check])))
        .collect()
}

fn said(finding: &Finding) -> String {
    format!("{}: {:?}: {}", finding.rule, finding.verdict, finding.observed())
}

/// A node in words: ports that are alike together.
fn described(ground: &Ground, node: &Node) -> String {
    let mut words = String::new();
    for (name, numbers, ports) in
        [("udp", &ground.udp_ports, &node.udp), ("tcp", &ground.tcp_ports, &node.tcp)]
    {
        let mut kinds: Vec<(Port, Vec<u16>)> = Vec::new();
        for (number, port) in numbers.iter().zip(ports) {
            match kinds.iter_mut().find(|(kind, _)| kind == port) {
                Some((_, alike)) => alike.push(*number),
                None => kinds.push((*port, vec![*number])),
            }
        }
        for (kind, alike) in kinds {
            writeln!(words, "    {name} {kind}: {alike:?}").unwrap();
        }
    }
    let Node {
        rest: [below, above],
        split,
        budget,
        is_muted,
        crowded,
        is_deaf,
        no_way_until,
        loss,
        middle,
        replies,
        ..
    } = node;
    write!(
        words,
        "    rest of the range {below} below {split}, {above} from there on\n    ICMP budget \
         {budget}, muted {is_muted}, crowded {crowded:?}, deaf {is_deaf}, no way until \
         {no_way_until} ms, loss {} %, middle {middle:?}, replies {replies}",
        loss.percent
    )
    .unwrap();
    words
}
