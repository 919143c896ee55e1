//! What is asked of every machine, whatever the rules demand of it: whether anybody is there, and
//! whether somebody accepts connections in its place.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Inputs;
use super::probes::split_mix;
use crate::model::plan::RunScope;
use crate::model::port::Port;
use crate::model::probe::ProbeSpec;
use crate::model::rule::Scope;
use crate::model::target::Endpoint;

/// Above the ports that Linux takes for outgoing connections. Nobody registers one of these.
const UNREGISTERED: std::ops::RangeInclusive<u16> = 61_001..=65_535;

/// How often a port is chosen again that a rule speaks of.
const MOST_TRIES: u64 = 64;

/// A TCP port at which nobody listens; `None` where it is not asked.
pub(super) fn unlistened(inputs: &Inputs<'_>) -> Option<Port> {
    let speaks_of = |port: Port| {
        inputs.ruleset.rules.iter().any(|rule| match &rule.scope {
            Scope::Ports(scope) => scope.ports.contains(port),
            Scope::AllNodes { tcp } => tcp.iter().any(|listed| listed.port == port),
            Scope::Endpoints(endpoints) => endpoints.iter().any(|it| it.port == port),
            Scope::Deployment | Scope::Names(_) | Scope::Machines(_) => false,
        })
    };
    let count = u64::from(UNREGISTERED.end() - UNREGISTERED.start()) + 1;
    let at_random = |step: u64| {
        let offset = split_mix(inputs.seed.rotate_left(32).wrapping_add(step)) % count;
        Port::new(UNREGISTERED.start() + u16::try_from(offset).ok()?)
    };
    match inputs.scope {
        RunScope::Whole => (0..MOST_TRIES).filter_map(at_random).find(|port| !speaks_of(*port)),
        RunScope::Call | RunScope::Host | RunScope::Lint => None,
    }
}

/// The questions to every machine that is asked anything.
pub(super) fn of_machines(inputs: &Inputs<'_>, asked: &[ProbeSpec]) -> Vec<ProbeSpec> {
    let Some(port) = unlistened(inputs) else {
        return Vec::new();
    };
    let addresses: BTreeSet<IpAddr> = asked.iter().filter_map(ProbeSpec::address).collect();
    let of_machine =
        |address| [ProbeSpec::Tcp { to: Endpoint { address, port } }, ProbeSpec::Echo { address }];
    addresses.into_iter().flat_map(of_machine).collect()
}
