//! No verdict claims more than the packets show: the judging against simulated nodes.
//!
//! For every node there are others that would have sent exactly the same packets, its twins. A
//! verdict about one of them is a verdict about all, so that what is called proven has to be true
//! of each. `PROPTEST_CASES` sets another number of nodes, `PROPTEST_RNG_SEED` another choice.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fixtures;
mod ground;
mod node;
mod twins;
mod wire;

use std::fmt::Write;

use ovcheck::model::plan::Ask;
use ovcheck::model::port::Transport;
use ovcheck::model::report::Finding;
use ovcheck::model::verdict::{FailConfidence, PassConfidence, Verdict};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use ground::{Ground, Setting, ground, settings};
use node::{Node, Port, Sketch, sketches, steady};
use wire::{FULL, observations, watch};

/// So many nodes, unless the environment says otherwise.
fn nodes(cases: u32) -> ProptestConfig {
    let said = |name| std::env::var_os(name).is_some();
    let by_environment = ProptestConfig::default();
    ProptestConfig {
        cases: if said("PROPTEST_CASES") {
            by_environment.cases
        } else {
            cases
        },
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
    #![proptest_config(nodes(14_000))]
    #[test]
    fn no_verdict_claims_more_than_the_packets_show(
        setting in settings(),
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
    #![proptest_config(nodes(4_000))]
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

/// What is claimed of a node and not true of all that look like it, in words; empty: nothing.
fn unsound(setting: Setting, sketch: &Sketch) -> String {
    let ground = ground(setting);
    let node = ground.node(sketch);
    let seen = watch(ground, &node);
    let findings = ground.judge(&observations(ground, &seen));
    let twins = twins::twins(ground, &node, &seen);
    let mut words = String::new();
    for (check, claim) in &ground.claims {
        let finding = &findings[*check];
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
            write!(
                words,
                "\n{}\n  but {why}:\n{}",
                said(finding),
                described(ground, twin)
            )
            .unwrap();
        }
    }
    words
}

/// Verdicts about UDP ports when nothing comes back over UDP; empty: none.
fn spoken_by_the_deaf(setting: Setting, sketch: &Sketch) -> String {
    let ground = ground(setting);
    let node = Node {
        is_deaf: true,
        ..ground.node(sketch)
    };
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
/// accusation counts that stands a few moments later too.
fn accused_by_a_second_run(setting: Setting, sketch: &Sketch, gap: u64) -> String {
    let ground = ground(setting);
    let judge = |node: &Node| ground.judge(&observations(ground, &watch(ground, node)));
    let first = ground.node(sketch);
    let seen = watch(ground, &first);
    let rested = judge(&Node {
        budget: FULL,
        ..first.clone()
    });
    let second = |later: u64| {
        judge(&Node {
            budget: seen.budget_after(ground, gap + later),
            ..first.clone()
        })
    };
    let is_accused = |findings: &[Finding], place: usize| {
        findings[place].is_violation() && !rested[place].is_violation()
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

fn said(finding: &Finding) -> String {
    format!(
        "{}: {:?}: {}",
        finding.rule, finding.verdict, finding.observed
    )
}

/// A node in words: ports that are alike together.
fn described(ground: &Ground, node: &Node) -> String {
    let mut words = String::new();
    for (name, numbers, ports) in [
        ("udp", &ground.udp_ports, &node.udp),
        ("tcp", &ground.tcp_ports, &node.tcp),
    ] {
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
    write!(
        words,
        "    ICMP budget {}, muted {}, deaf {}, no way until {} ms, loss {} %",
        node.budget, node.is_muted, node.is_deaf, node.no_way_until, node.loss.percent
    )
    .unwrap();
    words
}
