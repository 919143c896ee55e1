//! Which checks a run makes, which probes they need, what is left out and why.
//!
//! Pure: the same deployment, rules, vantage, resolution and seed give the same plan.

mod asks;
mod call;
mod draft;
mod expand;
mod narrow;
mod probes;
mod standing;

use crate::model::deployment::{Deployment, Topology};
use crate::model::plan::{Check, CheckIndex, LeftOut, Plan, ProbeIndex, RunScope};
use crate::model::probe::{CallDepth, ProbeSpec};
use crate::model::resolution::Resolution;
use crate::model::rule::{Demand, Rule, Scope};
use crate::model::target::Family;
use crate::model::vantage::{Vantage, Zone};
use crate::ruleset::Ruleset;

use draft::{Draft, Wanted};

/// What a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    pub deployment: &'a Deployment,
    pub ruleset: &'a Ruleset,
    pub vantage: &'a Vantage,
    pub resolution: &'a Resolution,
    /// Chooses the random ports of a range.
    pub seed: u64,
    /// Whether the edges between ports of a range that answer and ports that do not are looked for.
    pub find_extent: bool,
    /// How far a call goes; `None`: there are no credentials for one.
    pub call: Option<CallDepth>,
    /// How much is looked at.
    pub scope: RunScope,
}

/// The DNS questions that have to be answered before a plan can be made.
pub fn questions(deployment: &Deployment) -> Vec<ProbeSpec> {
    std::iter::once(&deployment.domain)
        .chain(&deployment.turn_domain)
        .flat_map(|name| Family::BOTH.map(|family| ProbeSpec::Dns { name: name.clone(), family }))
        .collect()
}

/// Makes the plan. Its first probes are the [`questions`], in their order.
pub fn build(inputs: &Inputs<'_>) -> Plan {
    let deployment = inputs.deployment;
    let mut left_out = declared_gaps(inputs);
    let mut drafts: Vec<Draft> = Vec::new();
    for rule in inputs.ruleset.demanded(deployment) {
        let needs_dtls = rule.demand == Demand::DtlsPasses;
        let is_out_of_reach = match inputs.call {
            None => rule.demand.is_of_call(),
            Some(CallDepth::Checks) => needs_dtls,
            Some(CallDepth::Dtls) => false,
        };
        if is_out_of_reach || !narrow::is_looked_at(inputs, rule) {
            // One line tells it for all of them.
        } else if standing::is_judged_from_here(inputs, rule) {
            let wanted = expand::drafts(inputs, rule).into_iter();
            drafts.extend(wanted.filter(|draft| narrow::is_of_scope(inputs, draft)));
        } else {
            left_out.push(wrong_zone(rule, inputs.vantage.zone));
        }
    }
    left_out.dedup();

    let probes = probes::collect(inputs, &drafts);
    let checks = drafts
        .iter()
        .map(|draft| Check {
            rule: draft.rule.id.clone(),
            target: draft.target.clone(),
            severity: draft.severity,
            ask: draft.ask.clone(),
            needs: needed_by(inputs, draft, &drafts),
            probes: draft.wanted.iter().map(|wanted| place(wanted, &probes)).collect(),
        })
        .collect();
    Plan { checks, probes, left_out }
}

/// The checks that have to pass before this one: those of the rules it needs that speak of nothing
/// else than it does. At an address that the operator gave instead of the DNS, what the DNS says of
/// the name stands in the way of nothing.
fn needed_by(inputs: &Inputs<'_>, draft: &Draft, all: &[Draft]) -> Vec<CheckIndex> {
    let is_given = match (&draft.target.host, draft.target.address) {
        (Some(host), Some(address)) => !inputs.resolution.in_dns(host).contains(&address),
        _ => false,
    };
    all.iter()
        .enumerate()
        .filter(|(_, other)| {
            draft.rule.needs.contains(&other.rule.id) && other.target.agrees_with(&draft.target)
        })
        .filter(|(_, other)| !(is_given && matches!(other.rule.scope, Scope::Names(_))))
        .map(|(index, _)| CheckIndex(index))
        .collect()
}

/// The place of what a check wants in the list of probes.
fn place(wanted: &Wanted, probes: &[ProbeSpec]) -> ProbeIndex {
    let index = probes
        .iter()
        .position(|probe| match wanted {
            Wanted::Probe(spec) => probe == spec,
            Wanted::Udp(wanted) => {
                matches!(probe, ProbeSpec::Udp { address, .. } if *address == wanted.address)
            }
        })
        .expect("every wanted probe was collected");
    ProbeIndex(index)
}

/// A rule that is judged from elsewhere.
fn wrong_zone(rule: &Rule, zone: Zone) -> LeftOut {
    let zones: Vec<String> = rule.zones.iter().map(Zone::to_string).collect();
    LeftOut {
        what: rule.id.to_string(),
        why: format!("judged from {}, and we stand in {zone}", zones.join(" or ")),
        flag: None,
    }
}

/// What the deployment leaves unsaid, so that nothing can be judged by it.
fn declared_gaps(inputs: &Inputs<'_>) -> Vec<LeftOut> {
    use crate::model::deployment::{Modules, NodeRole, Uses};
    let deployment = inputs.deployment;
    let gap = |what: &str, why: &str, flag: &str| LeftOut {
        what: what.to_owned(),
        why: why.to_owned(),
        flag: Some(flag.to_owned()),
    };
    let mut gaps = Vec::new();
    if inputs.scope == RunScope::Call {
        gaps.extend(calls(inputs));
        return gaps;
    }
    let inner = deployment.topology.roles().iter();
    for role in inner.filter(|role| **role != NodeRole::Proxy) {
        if deployment.nodes_of(*role).next().is_some() {
            continue;
        }
        gaps.push(match role {
            NodeRole::Openvidu => gap(
                "the ports of the OpenVidu machine",
                "its address is not declared",
                "--node openvidu=ADDRESS",
            ),
            NodeRole::Master => gap(
                "the ports of the Master Node",
                "its address is not declared",
                "--node master=ADDRESS",
            ),
            NodeRole::Media | NodeRole::Proxy => gap(
                "the ports of the Media Nodes",
                "their addresses are not declared",
                "--node media-1:media=ADDRESS",
            ),
        });
    }
    if deployment.nodes_of(NodeRole::Proxy).next().is_none() {
        gaps.push(gap(
            "whether the names point to the proxy",
            "its address is not declared; the names' own addresses are taken for it",
            "--node proxy=ADDRESS",
        ));
    }
    if deployment.turn_domain.is_none() {
        gaps.push(gap("TURN over TLS", "no TURN domain is declared", "--turn-domain-name NAME"));
    }
    if deployment.uses == Uses::Unsaid {
        gaps.push(gap(
            "whether the optional ports are as they should be",
            "it is not declared which features are in use",
            "--uses rtmp,whip,…",
        ));
    }
    if deployment.modules == Modules::Unsaid && deployment.topology != Topology::SingleNode {
        gaps.push(gap(
            "whether the ports of optional modules are as they should be",
            "it is not declared which modules are enabled",
            "--enabled-modules observability,…",
        ));
    }
    gaps.push(match inputs.vantage.zone {
        Zone::Internet => LeftOut {
            what: "what only machines of the deployment may reach, from where they stand".into(),
            why: match deployment.topology {
                Topology::SingleNode => {
                    "we stand outside; run ovcheck on the proxy and on the OpenVidu machine too"
                }
                Topology::Elastic | Topology::HighAvailability => {
                    "we stand outside; run ovcheck on the proxy, on a Master Node and on a Media \
                     Node too"
                }
            }
            .into(),
            flag: None,
        },
        Zone::ExternalProxy | Zone::Master | Zone::Media | Zone::OwnNode => LeftOut {
            what: "what users on the internet reach".into(),
            why: "we stand inside, where firewalls let more through; run ovcheck outside too"
                .into(),
            flag: None,
        },
    });
    gaps.extend(elsewhere_inside(inputs));
    gaps.extend(calls(inputs));
    gaps
}

/// What only a call shows, or a deeper one.
fn calls(inputs: &Inputs<'_>) -> Option<LeftOut> {
    use crate::model::deployment::Policy;
    let (what, why, flag) = match (inputs.call, inputs.deployment.policy) {
        (None, Policy::Default) => (
            "by which ways the media of a call passes",
            "only a call shows it, and there are no credentials for one",
            "--api-key KEY or --token-file FILE",
        ),
        (None, Policy::ForcedTurn | Policy::Tls443 | Policy::Udp443) => (
            "whether all media goes through TURN",
            "closed ports keep out what comes unasked; the node's own UDP may still open a way in, \
             and only a call shows that",
            "--api-key KEY or --token-file FILE",
        ),
        (Some(CallDepth::Checks), _) => (
            "whether DTLS passes where STUN does",
            "it takes one more join for each path",
            "--deep",
        ),
        (Some(CallDepth::Dtls), _) => return None,
    };
    Some(LeftOut { what: what.into(), why: why.into(), flag: Some(flag.into()) })
}

/// From one machine of the deployment nobody sees what the rows say of the others.
fn elsewhere_inside(inputs: &Inputs<'_>) -> Option<LeftOut> {
    let why = match (inputs.deployment.topology, inputs.vantage.zone) {
        // Outside it is told with the rest; the proxy's rows are all that Single Node has.
        (_, Zone::Internet) | (Topology::SingleNode, Zone::ExternalProxy) => return None,
        (Topology::SingleNode, _) => "run ovcheck on the proxy too",
        (_, Zone::ExternalProxy) => "run ovcheck on a Master Node and on a Media Node too",
        (Topology::HighAvailability, Zone::Master) => {
            "run ovcheck on the proxy, on the other Master Nodes and on a Media Node too"
        }
        (Topology::Elastic, Zone::Master) => "run ovcheck on the proxy and on a Media Node too",
        (_, Zone::Media | Zone::OwnNode) => {
            "run ovcheck on the proxy, on a Master Node and on the other Media Nodes too"
        }
    };
    Some(LeftOut {
        what: "what other machines of the deployment may reach, from where they stand".into(),
        why: why.into(),
        flag: None,
    })
}
