//! What a plan asks of every row of the guide, from every place: `docs/expectations.md`.
//!
//! `OVCHECK_BLESS=1 cargo test --test plan` rewrites that file; look at the difference before you
//! commit it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;

use ovcheck::model::deployment::{
    Deployment, Edition, Feature, Module, Node, NodeRole, Policy, RtcEngine, Said, Topology,
};
use ovcheck::model::plan::{Ask, Check, Plan, RunScope};
use ovcheck::model::probe::CallDepth;
use ovcheck::model::resolution::Resolution;
use ovcheck::model::rule::{Demand, Rule, Scope};
use ovcheck::model::vantage::{Vantage, Zone};
use ovcheck::plan::{self, Inputs};
use ovcheck::ruleset::Ruleset;

/// Where somebody stands: a word for it, the zone, and the node if it is one.
type Stand = (&'static str, Zone, Option<&'static str>);

/// The deployments of the tables: every feature and module that there is, one engine.
fn deployment(topology: Topology, edition: Edition, policy: Policy) -> Deployment {
    let node = |name: &str, role, last: u8| Node {
        name: name.parse().unwrap(),
        role,
        addresses: vec![IpAddr::from([203, 0, 113, last])],
        private_addresses: Vec::new(),
    };
    let proxy = node("proxy", NodeRole::Proxy, 10);
    let media = [node("media-1", NodeRole::Media, 21), node("media-2", NodeRole::Media, 22)];
    let nodes = match topology {
        Topology::SingleNode => vec![proxy, node("openvidu", NodeRole::Openvidu, 20)],
        Topology::Elastic => {
            [vec![proxy, node("master-1", NodeRole::Master, 11)], media.into()].concat()
        }
        Topology::HighAvailability => [
            vec![
                proxy,
                node("master-1", NodeRole::Master, 11),
                node("master-2", NodeRole::Master, 12),
            ],
            media.into(),
        ]
        .concat(),
    };
    Deployment {
        edition,
        topology,
        policy,
        domain: "openvidu.example.io".parse().unwrap(),
        turn_domain: Some("turn.example.io".parse().unwrap()),
        rtc_engine: RtcEngine::Pion,
        uses: Said::Listed(
            [Feature::Rtmp, Feature::Whip, Feature::IceTcp, Feature::PublicMinio].into(),
        ),
        modules: Said::Listed(
            [Module::Observability, Module::App, Module::OpenviduMeet, Module::V2Compatibility]
                .into(),
        ),
        nodes,
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
    plan_of(ruleset, deployment, (stand, RunScope::Whole, None))
}

fn plan_of(
    ruleset: &Ruleset,
    deployment: &Deployment,
    ((_, zone, node), scope, call): (&Stand, RunScope, Option<CallDepth>),
) -> Plan {
    plan::build(&Inputs {
        deployment,
        ruleset,
        vantage: &Vantage {
            name: None,
            zone: *zone,
            stands_on: node.iter().map(|node| node.parse().unwrap()).collect(),
            addresses: Vec::new(),
            dns_servers: Vec::new(),
            stun_servers: Vec::new(),
            near: Vec::new(),
        },
        resolution: &Resolution::default(),
        seed: 7,
        find_extent: false,
        scope,
        call,
    })
}

#[test]
fn a_run_for_a_call_asks_for_nothing_else_from_wherever_one_stands() {
    let ruleset = Ruleset::embedded();
    for topology in Topology::ALL {
        let deployment = deployment(topology, Edition::V3_2, Policy::ForcedTurn);
        for stand in stands(topology) {
            let how = (&stand, RunScope::Call, Some(CallDepth::Checks));
            let plan = plan_of(&ruleset, &deployment, how);
            let calls = plan.probes.iter().filter(|probe| probe.name() == "call");
            assert_eq!(calls.count(), 1, "{topology}, from {}", stand.0);
            for probe in &plan.probes {
                let is_needed = ["dns", "http", "tls", "api", "call"].contains(&probe.name());
                assert!(is_needed, "{topology}, from {}: {probe}", stand.0);
            }
            let flags = plan.left_out.iter().filter_map(|gap| gap.flag.as_deref());
            assert_eq!(flags.collect::<Vec<_>>(), ["--deep"]);
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
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/expectations.md");
    let wanted = expectations();
    if std::env::var_os("OVCHECK_BLESS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == wanted,
        "docs/expectations.md differs; OVCHECK_BLESS=1 cargo test --test plan rewrites it"
    );
}

fn expectations() -> String {
    let ruleset = Ruleset::embedded();
    let mut text = "\
# What is expected of every port, from where

Made from the plans of the program (`OVCHECK_BLESS=1 cargo test --test plan`), with every feature
and module in use and the engine pion; `ovcheck plan` shows the same for a deployment of yours, with
what is not in use. *open*, *closed*: an error otherwise, or a warning where it says so. *–*: not
judged from there; a machine reaches its own ports whatever the rule is. \"master\" and \"media\" stand
on one of these nodes and look at all; where two nodes of a role are asked differently, both are
named.
"
    .to_owned();
    for topology in Topology::ALL {
        for edition in Edition::ALL {
            for policy in edition.policies() {
                table(&mut text, &ruleset, &deployment(topology, edition, *policy));
            }
        }
    }
    text
}

fn table(text: &mut String, ruleset: &Ruleset, deployment: &Deployment) {
    let stands = stands(deployment.topology);
    let plans: Vec<Plan> = stands.iter().map(|stand| plan(ruleset, deployment, stand)).collect();
    let heads: Vec<&str> = stands.iter().map(|(word, ..)| *word).collect();
    write!(
        text,
        "\n## {}, guide {}, {}\n\n| rule | {} |\n| --- |{}\n",
        deployment.topology,
        deployment.edition,
        deployment.policy,
        heads.join(" | "),
        " --- |".repeat(heads.len())
    )
    .unwrap();
    for rule in port_rules(ruleset, deployment) {
        let cells: Vec<String> = plans.iter().map(|plan| cell(plan, rule)).collect();
        if cells.iter().any(|cell| cell != "–") {
            writeln!(text, "| `{}` | {} |", rule.id, cells.join(" | ")).unwrap();
        }
    }
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
        (Ask::Nothing(why), _) if why.starts_with("open or closed") => "open or closed",
        (Ask::Nothing(_) | Ask::Undeclared(_), _) => return "–".to_owned(),
    };
    match check.severity {
        ovcheck::model::verdict::Severity::Error => asked.to_owned(),
        milder => format!("{asked} ({milder})"),
    }
}
