//! What the ways that work, and those that do not, mean for a person in a call.

use crate::model::call::{CallSummary, State, Step};
use crate::model::facts::Way;
use crate::model::reason::ReasonCode;

/// How well a call goes from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// Media passes over UDP.
    Well,
    /// Media passes by the only way that the deployment leaves open.
    AsMeant,
    /// Media passes over TCP alone.
    OverTcp,
    /// People get in, and media passes by no way.
    NoMedia,
    /// Nobody gets in, and the network may be why.
    NoWayIn,
    /// The server refuses us.
    Refused,
    /// We could not look.
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
            State::Stops(stop) if stop.at == Step::Join => Self::Refused,
            State::Stops(_) => Self::NoWayIn,
            State::Works { .. } if !call.is_unknown() => Self::NoMedia,
            State::Works { .. } | State::NotOffered | State::Unknown { .. } => Self::Unknown,
        }
    }
}

/// In sentences; `is_network` says whether the network can be asked for something.
pub fn of(call: &CallSummary, is_network: bool) -> &'static str {
    let straight = call.working().any(|way| way.way == Way::Udp);
    let mut best = call.working().filter(|way| way.way != Way::Turns);
    if best.next().is_some_and(|way| way.small_packets_only) {
        return "Calls come about from here, and large packets are lost on the way: sound may pass, and \
                picture freezes or stays black. A VPN or a tunnel with a small MTU is a frequent \
                cause; try without it.";
    }
    match Outlook::of(call) {
        Outlook::Well if straight => "Calls work from here, as well as the line allows.",
        Outlook::Well => {
            "Calls work from here, through a relay: with a little more delay than straight."
        }
        Outlook::AsMeant => {
            "Calls work from here, by the one way that the policy of the deployment leaves open."
        }
        Outlook::OverTcp => {
            "Calls work from here. Over TCP, sound and picture stall where the line loses packets; \
             over UDP they would not."
        }
        Outlook::NoMedia if !is_network => {
            "People get into the room, and then see and hear nothing. The cause lies with the \
             server: tell whoever runs it. No administrator of this network can help."
        }
        Outlook::NoMedia => {
            "People get into the room, and then see and hear nothing; after 15 seconds the browser \
             gives up (\"could not establish pc connection\")."
        }
        Outlook::NoWayIn if is_unknown_name(call) => {
            "Nobody gets into a room from here. Is the name written rightly?"
        }
        Outlook::NoWayIn => "Nobody gets into a room from here.",
        Outlook::Refused => {
            "The network lets us through, and the server lets nobody in with these credentials: ask \
             whoever gave them to you. No administrator of this network can help."
        }
        Outlook::Unknown => "Nothing follows: this machine could not look.",
    }
}

fn is_unknown_name(call: &CallSummary) -> bool {
    matches!(&call.join.state, State::Stops(stop) if stop.reason == ReasonCode::DnsNxdomain)
}

/// Before the list of what the administrator of a network is asked for.
pub fn asking(call: &CallSummary) -> &'static str {
    match Outlook::of(call) {
        Outlook::Well | Outlook::AsMeant | Outlook::OverTcp => {
            "the administrator of this network, for better calls, for one of these:"
        }
        Outlook::NoMedia => {
            "the administrator of this network for one of these; the first is the best, the last \
             what most networks allow:"
        }
        Outlook::NoWayIn | Outlook::Refused | Outlook::Unknown => {
            "the administrator of this network for:"
        }
    }
}
