//! What came back in a call, whatever it says about the deployment: by that we know that our own
//! network lets something through, and what a node's ICMP errors were spent on.

use std::net::IpAddr;

use crate::model::facts::{CallFacts, Connect, IceCheck, StunAnswer, Way};
use crate::model::target::Family;

/// Whether something came back to us in a call over UDP in this family: then our own network lets
/// UDP through.
pub(super) fn hears_udp(facts: &CallFacts, family: Family) -> bool {
    let mut from = facts.paths.iter().filter_map(|path| match &path.check {
        check if path.way == Way::Udp && check.is_answered() => Some(path.candidate.ip()),
        IceCheck::Icmp(error) if path.way == Way::Udp && error.is_of_meant_machine() => {
            Some(path.candidate.ip())
        }
        _ => None,
    });
    let of_relays = facts.relays.iter().filter(|relay| {
        relay.way == Way::TurnUdp && relay.allocate.as_ref().is_some_and(StunAnswer::is_stun)
    });
    let mut relays = of_relays.filter_map(|relay| relay.server);
    let punched = facts.punched.as_ref();
    let check = punched.and_then(|punched| punched.check_from);
    from.any(|address| Family::of(address) == family)
        || relays.any(|server| Family::of(server.ip()) == family)
        || check.is_some_and(|from| Family::of(from.ip()) == family)
}

/// The same over TCP.
pub(super) fn hears_tcp(facts: &CallFacts, family: Family) -> bool {
    if facts.signal.http_proxy.is_some() {
        return false;
    }
    let signal = facts.signal.address.filter(|_| facts.signal.connect.is_accepted());
    let accepted = facts.paths.iter().filter(|path| {
        let connect = path.connect.as_ref();
        connect.is_some_and(Connect::is_accepted)
    });
    let mut all = signal.into_iter().chain(accepted.map(|path| path.candidate.ip()));
    all.any(|address| Family::of(address) == family)
}

/// When the machine at `address` itself sent an ICMP error for something of the call.
pub(super) fn icmp_errors(facts: &CallFacts, address: IpAddr) -> Vec<u64> {
    // An error for a check through a relay is about the relay, and all of its paths repeat it.
    let direct = facts.paths.iter().filter(|path| !path.way.is_relayed());
    let of_paths = direct.filter_map(|path| {
        let error = match (&path.check, &path.connect) {
            (IceCheck::Icmp(error), _) | (_, Some(Connect::Icmp(error))) => error,
            _ => return None,
        };
        let is_own = path.candidate.ip() == address && error.is_of_meant_machine();
        is_own.then_some(path.ended_ms)
    });
    let of_relays = facts.relays.iter().flat_map(|relay| {
        let answers = [&relay.allocate, &relay.wrong_password].into_iter();
        let is_there = relay.server.is_some_and(|server| server.ip() == address);
        let refused = answers.filter(move |answer| {
            is_there
                && matches!(answer, Some(StunAnswer::Icmp(error)) if error.is_of_meant_machine())
        });
        refused.map(|_| relay.ended_ms)
    });
    // Whoever sent these: they came back for checks of all candidates.
    let of_punch = facts.punched.iter().flat_map(|punched| &punched.icmp_ms);
    of_paths.chain(of_relays).chain(of_punch.copied()).collect()
}
