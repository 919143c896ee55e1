//! The firewall of this computer itself.

use super::super::call::CallAttempt;
use crate::model::call::{Cause, CauseSign, NetworkCause};
use crate::model::facts::{
    CallFacts, Connect, IceCheck, IcmpError, IcmpSender, NotSent, StunAnswer,
};
use crate::model::observation::Blindness;

/// The own firewall, where it refused to send something of the call. It is certain: nothing else
/// makes the system refuse, and nobody else has this computer's addresses.
pub(super) fn cause(call: &CallAttempt<'_>) -> Option<Cause> {
    let shown_by = match call.seen {
        Err(Blindness::OwnFirewall) => CauseSign::RefusedToSend,
        Err(_) => return None,
        Ok(facts) if is_refused_to_send(facts) => CauseSign::RefusedToSend,
        Ok(facts) => {
            let own = &call.case.vantage.addresses;
            let is_own = |error: &IcmpError| match error.from {
                IcmpSender::Another(from) => own.contains(&from),
                IcmpSender::MeantMachine(_) | IcmpSender::Untold => false,
            };
            CauseSign::RejectedHere(icmp_errors(facts).find(is_own)?)
        }
    };
    Some(Cause { cause: NetworkCause::OwnFirewall, certain: true, shown_by })
}

fn is_refused_to_send(facts: &CallFacts) -> bool {
    let of_paths = facts.paths.iter().filter_map(|path| match &path.check {
        IceCheck::NotSent(why) => Some(why),
        _ => None,
    });
    let of_relays = facts.relays.iter().filter_map(|relay| relay.blocked.as_ref());
    let mut all = of_paths.chain(of_relays);
    all.any(|why| *why == NotSent::Local(Blindness::OwnFirewall))
}

fn icmp_errors(facts: &CallFacts) -> impl Iterator<Item = IcmpError> {
    let of_connect = |connect: &Connect| match connect {
        Connect::Icmp(error) => Some(*error),
        Connect::Accepted | Connect::Reset | Connect::Silent => None,
    };
    let of_checks = facts.paths.iter().filter_map(|path| match path.check {
        IceCheck::Icmp(error) => Some(error),
        _ => None,
    });
    let of_relays = facts.relays.iter().filter_map(|relay| match relay.allocate {
        Some(StunAnswer::Icmp(error)) => Some(error),
        _ => None,
    });
    let of_paths = facts.paths.iter().filter_map(|path| path.connect.as_ref());
    let connects = of_paths
        .chain(facts.relays.iter().filter_map(|relay| relay.connect.as_ref()))
        .chain(std::iter::once(&facts.signal.connect));
    of_checks.chain(of_relays).chain(connects.filter_map(of_connect))
}
