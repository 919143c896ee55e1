//! What a plan asks of every row of the guide, from every place: `docs/expectations.md`.
//!
//! `OVCHECK_BLESS=1 cargo test --test plan` rewrites that file; look at the difference before you
//! commit it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ovcheck::model::admission::{MachineAdmission, Senders, UnknownSenders};
use ovcheck::model::deployment::{
    Deployment, Edition, Feature, Module, Node, NodeRole, Policy, Said, Topology,
};
use ovcheck::model::plan::{Ask, Check, LeftOut, NotAsked, Plan, RunScope};
use ovcheck::model::probe::CallDepth;
use ovcheck::model::resolution::Resolution;
use ovcheck::model::rule::{Demand, Rule, Scope};
use ovcheck::model::vantage::{Vantage, Zone};
use ovcheck::plan::{self, Inputs};
use ovcheck::ruleset::Ruleset;

use support::deployments::{node, undeclared, vantage};
use support::kept::assert_kept;

/// Where somebody stands: a word for it, the zone, and the node if it is one.
type Stand = (&'static str, Zone, Option<&'static str>);

/// The deployments of the tables: every feature and module that there is, one engine.
fn deployment(topology: Topology, edition: Edition, policy: Policy) -> Deployment {
    let proxy = node("proxy", NodeRole::Proxy, &["203.0.113.10"], &[]);
    let master = [
        node("master-1", NodeRole::Master, &["203.0.113.11"], &[]),
        node("master-2", NodeRole::Master, &["203.0.113.12"], &[]),
    ];
    let media = [
        node("media-1", NodeRole::Media, &["203.0.113.21"], &[]),
        node("media-2", NodeRole::Media, &["203.0.113.22"], &[]),
    ];
    let behind = match topology {
        Topology::SingleNode => vec![node("openvidu", NodeRole::Openvidu, &["203.0.113.20"], &[])],
        Topology::Elastic => [&master[..1], &media].concat(),
        Topology::HighAvailability => [&master[..], &media].concat(),
    };
    Deployment {
        edition,
        policy,
        uses: Said::Listed(Feature::ALL.into()),
        modules: Said::Listed(Module::ALL.into()),
        nodes: std::iter::once(proxy).chain(behind).collect(),
        ..undeclared(topology)
    }
}

fn stands(topology: Topology) -> Vec<Stand> {
    let outside =
        [("internet", Zone::Internet, None), ("proxy", Zone::ExternalProxy, Some("proxy"))];
    let inside = match topology {
        Topology::SingleNode => vec![("own node", Zone::OwnNode, Some("openvidu"))],
        Topology::Elastic | Topology::HighAvailability => vec![
            ("master", Zone::Master, Some("master-1")),
            ("media", Zone::Media, Some("media-1")),
        ],
    };
    outside.into_iter().chain(inside).collect()
}

fn plan(ruleset: &Ruleset, deployment: &Deployment, stand: &Stand) -> Plan {
    plan_of(ruleset, deployment, stand, RunScope::Whole, None)
}

fn plan_of(
    ruleset: &Ruleset,
    deployment: &Deployment,
    (_, zone, node): &Stand,
    scope: RunScope,
    call: Option<CallDepth>,
) -> Plan {
    plan::build(&Inputs {
        deployment,
        ruleset,
        vantage: &Vantage {
            stands_on: node.iter().map(|node| node.parse().unwrap()).collect(),
            stun_servers: Vec::new(),
            ..vantage(*zone)
        },
        resolution: &Resolution::default(),
        seed: 7,
        find_extent: false,
        responders: &[],
        scope,
        selection: &ovcheck::model::selection::Selection::default(),
        configurations: ovcheck::plan::ConfigurationsRead::default(),
        call,
    })
}

/// Whether a machine lets in packets from `sender` (`None`: anybody) to the port of `check`.
fn is_let_in(machines: &[MachineAdmission], check: &Check, sender: Option<&Node>) -> bool {
    let is_sender = |senders: &Senders| match (senders, sender) {
        (Senders::Anyone, _) => true,
        (Senders::Only(addresses), Some(node)) => {
            node.addresses.iter().all(|address| addresses.contains(address))
        }
        (Senders::Only(_), None) => false,
    };
    let target = &check.target;
    let machine = machines.iter().find(|machine| machine.nodes.iter().eq(&target.node)).unwrap();
    machine.admitted.iter().any(|admitted| {
        Some(admitted.transport) == target.transport
            && Some(admitted.ports) == target.port
            && is_sender(&admitted.senders)
    })
}

#[test]
fn the_rules_of_a_firewall_let_in_exactly_what_a_check_requires() {
    let ruleset = Ruleset::embedded();
    let (mut open, mut closed) = (0, 0);
    for topology in Topology::ALL {
        for edition in Edition::ALL {
            for policy in edition.policies() {
                let deployment = deployment(topology, edition, *policy);
                let machines = plan::admission(&deployment, &ruleset).unwrap();
                for stand in stands(topology) {
                    let sender =
                        deployment.nodes.iter().find(|node| Some(node.name.as_str()) == stand.2);
                    for check in plan(&ruleset, &deployment, &stand).checks {
                        let of_row = |rule: &&Rule| matches!(rule.demand, Demand::PortRow(_));
                        if ruleset.rule(&check.rule).filter(of_row).is_none() {
                            continue;
                        }
                        let what =
                            || format!("{topology} {edition} {policy}: {check:?}, {stand:?}");
                        match check.ask {
                            Ask::MustBeOpen => {
                                assert!(is_let_in(&machines, &check, sender), "{}", what());
                                open += 1;
                            }
                            Ask::MustBeClosed => {
                                assert!(!is_let_in(&machines, &check, sender), "{}", what());
                                closed += 1;
                            }
                            _ => {}
                        }
                    }
                }
            }
        }
    }
    assert!(open > 100 && closed > 100, "{open} open, {closed} closed");
}

#[test]
fn rules_that_would_lock_out_an_undeclared_machine_are_not_written() {
    let ruleset = Ruleset::embedded();
    let mut deployment = deployment(Topology::Elastic, Edition::V3_2, Policy::Default);
    deployment.nodes.retain(|node| node.role != NodeRole::Media);
    let refused = plan::admission(&deployment, &ruleset).unwrap_err();
    assert_eq!(refused, UnknownSenders(NodeRole::Media));
}

#[test]
fn a_run_for_a_call_asks_for_nothing_else_from_wherever_one_stands() {
    let ruleset = Ruleset::embedded();
    for topology in Topology::ALL {
        let deployment = deployment(topology, Edition::V3_2, Policy::ForcedTurn);
        for stand in stands(topology) {
            let depth = Some(CallDepth::Checks);
            let plan = plan_of(&ruleset, &deployment, &stand, RunScope::Call, depth);
            let calls = plan.probes.iter().filter(|probe| probe.name() == "call");
            assert_eq!(calls.count(), 1, "{topology}, from {}", stand.0);
            for probe in &plan.probes {
                let is_needed = ["dns", "http", "tls", "api", "call"].contains(&probe.name());
                assert!(is_needed, "{topology}, from {}: {probe}", stand.0);
            }
            let of_rules = |gap: &&LeftOut| matches!(gap, LeftOut::OtherZone { .. });
            let (of_rules, rest): (Vec<_>, Vec<_>) = plan.left_out.iter().partition(of_rules);
            assert_eq!(rest, [&LeftOut::Dtls]);
            assert!(of_rules.is_empty() || stand.1 != Zone::Internet, "{of_rules:?}");
        }
    }
}

/// The rules about a port that a deployment is judged by, rows first.
fn port_rules<'a>(ruleset: &'a Ruleset, deployment: &Deployment) -> Vec<&'a Rule> {
    let of_port = |rule: &&Rule| matches!(rule.scope, Scope::Ports(_));
    let judged = |rule: &&Rule| match &rule.demand {
        Demand::PortRow(row) => !row.not_under.contains(&deployment.policy),
        _ => rule.id.family() == "policy",
    };
    ruleset.demanded(deployment).filter(of_port).filter(judged).collect()
}

#[test]
fn every_row_is_asked_of_every_node_of_its_role_from_every_place() {
    let ruleset = Ruleset::embedded();
    let mut rows = BTreeSet::new();
    for topology in Topology::ALL {
        for edition in Edition::ALL {
            for policy in edition.policies() {
                let deployment = deployment(topology, edition, *policy);
                for stand in stands(topology) {
                    let plan = plan(&ruleset, &deployment, &stand);
                    for rule in port_rules(&ruleset, &deployment) {
                        let (Demand::PortRow(_), Scope::Ports(scope)) = (&rule.demand, &rule.scope)
                        else {
                            continue;
                        };
                        rows.insert(rule.id.clone());
                        let asked = plan.checks.iter().filter(|check| check.rule == rule.id);
                        let nodes: Vec<_> =
                            asked.map(|check| check.target.node.clone().unwrap()).collect();
                        let of_role: Vec<_> = (deployment.nodes.iter())
                            .filter(|node| scope.roles.contains(&node.role))
                            .map(|node| node.name.clone())
                            .collect();
                        assert_eq!(
                            nodes, of_role,
                            "{}: {topology}, {edition}, {policy}, from {}",
                            rule.id, stand.0
                        );
                    }
                }
            }
        }
    }
    let all = ruleset.rules.iter();
    let all = all.filter(|rule| matches!(rule.demand, Demand::PortRow(_)));
    assert_eq!(rows, all.map(|rule| rule.id.clone()).collect());
}

#[test]
fn what_is_expected_of_every_port_from_every_place_is_written_down() {
    assert_kept("docs/expectations.md", &expectations());
}

fn expectations() -> String {
    let ruleset = Ruleset::embedded();
    let mut text = "\
# What is expected of every port, from where

Generated from the plans of the program (`OVCHECK_BLESS=1 cargo test --test plan`), with every feature
and module in use and the engine pion. `ovcheck plan` shows the same for your deployment, including what
is not in use. *open*, *closed*: otherwise the check fails with an error, or with a warning if the table
says so. *–*: not checked from this zone, because a machine can always reach its own ports. \"master\"
and \"media\" are runs on one of these nodes that check all nodes. If two nodes of a role have different
expectations, both are listed.
"
    .to_owned();
    for topology in Topology::ALL {
        for policy in Policy::ALL {
            let with_policy = Edition::ALL.into_iter().filter(|it| it.policies().contains(&policy));
            let tables: Vec<(Edition, String)> = with_policy
                .map(|edition| (edition, table(&ruleset, &deployment(topology, edition, policy))))
                .collect();
            // Editions that expect the same share a table.
            for same in tables.chunk_by(|(_, one), (_, other)| one == other) {
                let editions = match same {
                    [(only, _)] => only.to_string(),
                    [(first, _), .., (last, _)] => format!("{first} to {last}"),
                    [] => continue,
                };
                write!(text, "\n## {topology}, guide {editions}, {policy}\n\n{}", same[0].1)
                    .unwrap();
            }
        }
    }
    text
}

fn table(ruleset: &Ruleset, deployment: &Deployment) -> String {
    let mut text = String::new();
    let stands = stands(deployment.topology);
    let plans: Vec<Plan> = stands.iter().map(|stand| plan(ruleset, deployment, stand)).collect();
    let heads: Vec<&str> = stands.iter().map(|(word, ..)| *word).collect();
    write!(text, "| rule | {} |\n| --- |{}\n", heads.join(" | "), " --- |".repeat(heads.len()))
        .unwrap();
    for rule in port_rules(ruleset, deployment) {
        let cells: Vec<String> = plans.iter().map(|plan| cell(plan, rule)).collect();
        if cells.iter().any(|cell| cell != "–") {
            writeln!(text, "| `{}` | {} |", rule.id, cells.join(" | ")).unwrap();
        }
    }
    text
}

/// What a plan asks of the rule's nodes: one word when it is the same of all.
fn cell(plan: &Plan, rule: &Rule) -> String {
    let asked: Vec<(&Check, String)> = (plan.checks.iter())
        .filter(|check| check.rule == rule.id)
        .map(|check| (check, word(check, rule)))
        .collect();
    let words: BTreeSet<&str> = asked.iter().map(|(_, word)| word.as_str()).collect();
    match words.into_iter().collect::<Vec<_>>().as_slice() {
        [] => "–".to_owned(),
        [one] => (*one).to_owned(),
        _ => asked
            .iter()
            .map(|(check, word)| format!("{}: {word}", check.target.node.as_ref().unwrap()))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

fn word(check: &Check, rule: &Rule) -> String {
    let asked = match (&check.ask, &rule.demand) {
        (Ask::MustBeOpen, _) | (Ask::Demand, Demand::PortOpen) => "open",
        (Ask::MustBeClosed, _) | (Ask::Demand, Demand::PortClosed) => "closed",
        (Ask::Demand, _) => "the service answers",
        (Ask::NeedNotBeOpen(_), _) => "need not be open",
        (Ask::EitherWay(_), _) => "open or closed",
        (Ask::Nothing(NotAsked::Tolerated(_)), _) => "open or closed",
        (Ask::Nothing(_) | Ask::Undeclared(_), _) => return "–".to_owned(),
    };
    match check.severity {
        ovcheck::model::verdict::Severity::Error => asked.to_owned(),
        milder => format!("{asked} ({milder})"),
    }
}
