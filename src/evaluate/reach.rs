//! What connection attempts met, as every judge of ports reads it.

use super::judgement::Judgement;
use super::view::View;
use crate::model::facts::{IcmpError, IcmpMeaning};
use crate::model::observation::Observation;
use crate::model::plan::Ask;
use crate::model::port::Port;
use crate::model::reason::ReasonCode;
use crate::model::seen::PortSeen;

/// The TCP connections of a check, those that ask for a service among them: port and what was met.
pub(super) fn connections<'a>(view: &View<'a>) -> impl Iterator<Item = (Port, &'a Observation)> {
    view.observations()
        .filter_map(|observation| Some((observation.spec.endpoint()?.port, observation)))
}

/// Whether the node's firewall says that it is one: no kernel answers a SYN with port unreachable.
/// A router's prohibition may be that of our own network.
pub(super) fn is_its_firewall(error: &IcmpError) -> bool {
    let is_prohibition = match error.meaning() {
        IcmpMeaning::PortUnreachable | IcmpMeaning::AdminProhibited => true,
        IcmpMeaning::HostUnreachable | IcmpMeaning::NetworkUnreachable | IcmpMeaning::Other => {
            false
        }
    };
    is_prohibition && error.is_of_meant_machine()
}

/// Silence, while nothing at all came back over this address family.
pub(super) fn nothing_seen(view: &View<'_>) -> Judgement {
    Judgement::unsettled(ReasonCode::TcpTimeout, PortSeen::NothingAnswers(view.family()))
}

/// The reason of a port that is open and should not be.
pub(super) fn open_reason(view: &View<'_>) -> ReasonCode {
    match view.check.ask {
        Ask::NeedNotBeOpen(_) => ReasonCode::PortOpenUnneeded,
        _ => ReasonCode::PortOpenUnexpected,
    }
}
