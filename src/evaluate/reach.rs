//! What connection attempts met, as every judge of ports reads it.

use super::judgement::Judgement;
use super::view::View;
use crate::model::facts::{IcmpError, IcmpMeaning};
use crate::model::observation::Observation;
use crate::model::plan::Ask;
use crate::model::reason::ReasonCode;

/// The TCP connections of a check, those that ask for a service among them: port and what was met.
pub(super) fn connections<'a>(view: &View<'a>) -> Vec<(u16, &'a Observation)> {
    view.observations()
        .filter_map(|observation| {
            let to = observation.spec.endpoint()?;
            Some((to.port.number(), observation))
        })
        .collect()
}

/// Whether the node's firewall says that it is one: no kernel answers a SYN with port unreachable.
/// A router's prohibition may be that of our own network.
pub(super) fn is_its_firewall(view: &View<'_>, error: &IcmpError) -> bool {
    let is_prohibition = match error.meaning() {
        IcmpMeaning::PortUnreachable | IcmpMeaning::AdminProhibited => true,
        IcmpMeaning::HostUnreachable | IcmpMeaning::NetworkUnreachable | IcmpMeaning::Other => {
            false
        }
    };
    is_prohibition && !view.is_from_elsewhere(error)
}

/// Silence, while nothing at all came back over this address family.
pub(super) fn nothing_seen(view: &View<'_>) -> Judgement {
    Judgement::unsettled(
        ReasonCode::TcpTimeout,
        format!(
            "no answer, but nothing else came back over {} either: our own network may be the cause",
            view.family()
        ),
    )
}

/// The reason of a port that is open and should not be.
pub(super) fn open_reason(view: &View<'_>) -> ReasonCode {
    match view.check.ask {
        Ask::NeedNotBeOpen(_) => ReasonCode::PortOpenUnneeded,
        _ => ReasonCode::PortOpenUnexpected,
    }
}
