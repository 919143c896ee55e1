//! What the ways that work, and those that fail, mean for a person in a call.

use crate::model::call::{CallSummary, Responsible, State, Step};
use crate::model::facts::Way;
use crate::model::reason::ReasonCode;

/// How well calls go from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// Media passes over UDP.
    Well,
    /// Media passes by the only way that the policy of the deployment allows.
    AsMeant,
    /// Media passes over TCP only.
    OverTcp,
    /// People can join, but media passes by no way.
    NoMedia,
    /// Joining fails.
    NoWayIn,
    /// The server refuses the join.
    Refused,
    /// ovcheck could not look.
    Unknown,
}

impl Outlook {
    pub fn of(call: &CallSummary) -> Self {
        let works = |wanted| call.working().any(|way| way.way == wanted);
        if works(Way::Udp) || works(Way::TurnUdp) {
            return Self::Well;
        }
        if call.gets_through() {
            let mut others = call.ways.iter().filter(|way| !way.state.works());
            return if others.all(|way| way.closed_on_purpose) {
                Self::AsMeant
            } else {
                Self::OverTcp
            };
        }
        match &call.join.state {
            // What decrypts TLS on the way answers in place of the server.
            State::Stops(stop)
                if stop.at == Step::Join && stop.responsible != Responsible::OnPath =>
            {
                Self::Refused
            }
            State::Stops(_) => Self::NoWayIn,
            State::Works { .. } if !call.is_unknown() => Self::NoMedia,
            State::Works { .. } | State::NotOffered | State::Unknown { .. } => Self::Unknown,
        }
    }
}

/// In sentences; `is_network` says whether the administrator of the network can be asked.
pub fn sentences(call: &CallSummary, is_network: bool) -> &'static str {
    let straight = call.working().any(|way| way.way == Way::Udp);
    let mut best = call.working().filter(|way| way.way != Way::Turns);
    if best.next().is_some_and(|way| way.small_packets_only) {
        return "Calls work from here, but large packets are lost on the way: sound may pass, while \
                the picture freezes or stays black. A VPN or a tunnel with a small MTU is a \
                frequent cause; try without it.";
    }
    match Outlook::of(call) {
        Outlook::Well if straight => "Calls work from here, directly over UDP.",
        Outlook::Well => {
            "Calls work from here, through a relay: the delay is a little longer than directly."
        }
        Outlook::AsMeant => {
            "Calls work from here, over the only media path that the policy of the deployment allows."
        }
        Outlook::OverTcp => {
            "Calls work from here. Over TCP, sound and picture can stall when packets are lost; UDP \
             handles loss better."
        }
        Outlook::NoMedia if !is_network => {
            "People can join the room, but then see and hear nothing. The cause is on the server: \
             tell its operator. The administrator of this network cannot help."
        }
        Outlook::NoMedia => {
            "People can join the room, but then see and hear nothing; after 15 seconds the browser \
             gives up (\"could not establish pc connection\")."
        }
        Outlook::NoWayIn if is_unknown_name(call) => {
            "Joining a room fails from here. Is the name spelled correctly?"
        }
        Outlook::NoWayIn if !is_network && call.causes.is_empty() => {
            "Joining a room fails from here. The cause is on the server: tell its operator. The \
             administrator of this network cannot help."
        }
        Outlook::NoWayIn => "Joining a room fails from here.",
        Outlook::Refused if is_of_credentials(call) => {
            "The network is fine, but the server refuses these credentials: ask the person who \
             gave them to you. The administrator of this network cannot help."
        }
        Outlook::Refused => {
            "The network is fine, but the server does not accept the join: tell its operator. The \
             administrator of this network cannot help."
        }
        Outlook::Unknown => {
            "No conclusion is possible: ovcheck could not run the test on this computer."
        }
    }
}

fn is_of_credentials(call: &CallSummary) -> bool {
    let stop = call.join.state.stop();
    stop.is_some_and(|stop| stop.responsible == Responsible::Credentials)
}

fn is_unknown_name(call: &CallSummary) -> bool {
    call.join.state.stop().is_some_and(|stop| stop.reason == ReasonCode::DnsNxdomain)
}

/// Before the list of what the administrator of a network is asked for.
pub fn asking(call: &CallSummary) -> &'static str {
    match Outlook::of(call) {
        Outlook::Well | Outlook::AsMeant | Outlook::OverTcp => {
            "the administrator of this network, for better calls, for one of these:"
        }
        Outlook::NoMedia => {
            "the administrator of this network for one of these; the first is the best:"
        }
        Outlook::NoWayIn | Outlook::Refused | Outlook::Unknown => {
            "the administrator of this network for:"
        }
    }
}
