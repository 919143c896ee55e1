//! What the ways that work, and those that fail, mean for a person in a call.

use std::time::Duration;

use super::words;
use crate::model::call::{Addressee, CallSummary, State, Step};
use crate::model::facts::Way;
use crate::model::premise::NowMet;
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
    /// ICE succeeds on the path that a browser chooses, and DTLS fails there.
    WithoutDtls,
    /// What a browser would use loses large packets.
    LargePacketsLost,
    /// People can join, but media passes by no way.
    NoMedia,
    /// Joining fails.
    NoWayIn,
    /// The server refuses the join.
    Refused,
    /// The run ended before it was known.
    CutShort,
    /// This machine was probably shut out during the run.
    ShutOut,
    /// ovcheck did not go to a place that the server named.
    PlacesLeftOut,
    /// ovcheck could not look.
    Unknown,
}

impl Outlook {
    pub fn of(call: &CallSummary) -> Self {
        if call.chosen_without_dtls().is_some() {
            return Self::WithoutDtls;
        }
        let of_way = |wanted| call.working().find(|way| way.way == wanted);
        // A browser takes the first of them that works.
        let first_over_udp = of_way(Way::Udp).or(of_way(Way::TurnUdp));
        if let Some(way) = first_over_udp {
            return if way.small_packets_only { Self::LargePacketsLost } else { Self::Well };
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
                if stop.at == Step::Join && !stop.responsible.may_be_this_network() =>
            {
                Self::Refused
            }
            State::Stops(_) => Self::NoWayIn,
            State::Works { .. } if !call.is_unknown() => Self::NoMedia,
            join if join.is_cut_short() || call.ways.iter().any(|way| way.state.is_cut_short()) => {
                Self::CutShort
            }
            _ if call.shut_out().is_some() => Self::ShutOut,
            _ if call.leaves_out_places() => Self::PlacesLeftOut,
            State::Works { .. } | State::NotOffered | State::Unknown { .. } => Self::Unknown,
        }
    }
}

/// In sentences.
pub fn sentences(call: &CallSummary) -> String {
    let straight = call.working().any(|way| way.way == Way::Udp);
    let who = call.help.who.first();
    let sentence = match Outlook::of(call) {
        Outlook::WithoutDtls => {
            "Calls can fail from here. Browsers choose a path by ICE checks, which pass here, and then \
             wait for DTLS in vain; after 15 seconds they give up (\"could not establish pc \
             connection\"). A firewall that lets STUN pass and drops what it does not know is a \
             frequent cause."
        }
        Outlook::LargePacketsLost => {
            "People can join and may hear each other, but packets of the size of video are lost on the \
             path: the picture freezes or stays black, and a DTLS handshake with a large certificate \
             fails, so that the call does not connect at all. A VPN or a tunnel with a small MTU is a \
             frequent cause; try without it."
        }
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
        Outlook::NoMedia if who == Some(&Addressee::Operator) => {
            "People can join the room, but then see and hear nothing. The cause is on the server: \
             tell its operator. The administrator of this network cannot help."
        }
        Outlook::NoMedia => {
            "People can join the room, but then see and hear nothing; after 15 seconds the browser \
             gives up (\"could not establish pc connection\")."
        }
        Outlook::NoWayIn => match who {
            Some(Addressee::Operator) if call.help.decided => {
                "Joining a room fails from here. The cause is on the server: tell its operator. The \
                 administrator of this network cannot help."
            }
            Some(Addressee::Operator) => {
                "Joining a room fails from here. The cause is most likely on the server."
            }
            Some(Addressee::User) if is_unknown_name(call) => {
                "Joining a room fails from here. Is the name spelled correctly?"
            }
            _ => "Joining a room fails from here.",
        },
        Outlook::Refused => match who {
            Some(Addressee::TokenIssuer) => {
                "The network is fine, but the server refuses these credentials: ask the person who \
                 gave them to you. The administrator of this network cannot help."
            }
            Some(Addressee::User) => {
                "The network is fine, but the server does not accept the join."
            }
            _ => {
                "The network is fine, but the server does not accept the join: tell its operator. The \
                 administrator of this network cannot help."
            }
        },
        Outlook::CutShort => return cut_short(call),
        Outlook::ShutOut => return shut_out(call),
        Outlook::PlacesLeftOut => {
            "It is not known whether calls work from here. The server names places to which ovcheck does \
             not send packets on a server's word, but a browser may. If they belong to the deployment, \
             list their addresses as nodes (--node, or ovcheck.toml) and run ovcheck again."
        }
        Outlook::Unknown => {
            "No conclusion is possible: ovcheck could not run the test on this computer."
        }
    };
    let more = hole_punching(call).or_else(|| without_turn(call));
    format!("{sentence}{}", more.unwrap_or_default())
}

/// What is known when the answers ended during the run.
fn shut_out(call: &CallSummary) -> String {
    let Some((from, now)) = call.shut_out() else { return String::new() };
    let now = match now {
        NowMet::Silence => "no longer does",
        NowMet::Refusal => "now refuses connections",
        NowMet::NothingBehind => "now ends connections",
    };
    format!(
        "It is not known whether calls work from here. Port {} of {} answered at first, but {now}: something \
         probably blocks this computer since, as an intrusion prevention system, fail2ban or CrowdSec does \
         after many connections in a short time. Wait until the block ends and try again, or ask the \
         operator of the server for an exception for the address of this computer.",
        from.port(),
        from.ip()
    )
}

/// How far the run came before it ended.
fn cut_short(call: &CallSummary) -> String {
    match call.join.state {
        State::Works { took_ms } => format!(
            "The run ended before it was known which media paths work. Joining took {:.1} seconds. If \
             it is as slow again, tell the operator of the server.",
            Duration::from_millis(took_ms).as_secs_f64()
        ),
        State::Stops(_) | State::NotOffered | State::Unknown { .. } => {
            "The run ended before the server had answered. Try again.".to_owned()
        }
    }
}

/// Who has direct UDP does not notice that TURN is broken.
fn without_turn(call: &CallSummary) -> Option<&'static str> {
    let is_well = matches!(Outlook::of(call), Outlook::Well | Outlook::OverTcp);
    (is_well && words::broken_turn(call).is_some()).then_some(
        " Users whose network allows less than this one depend on TURN, and it is broken on the \
         server.",
    )
}

/// Silence of the media ports means that nothing may come unsolicited. The server sends checks of its
/// own, which a stateful firewall before it takes for the beginning of a conversation.
fn hole_punching(call: &CallSummary) -> Option<&'static str> {
    let works = |wanted: Way| call.working().any(|way| way.way == wanted);
    let udp = call.ways.iter().find(|way| way.way == Way::Udp)?;
    let stop = udp.state.stop()?;
    let is_silent = stop.at == Step::Check && stop.reason == ReasonCode::MediaSilent;
    (is_silent && works(Way::TurnUdp)).then_some(
        " Direct UDP was tried as a connection from here. A browser whose address the server can \
         reach may still get it, because the server sends checks too, and those open a stateful \
         firewall.",
    )
}

fn is_unknown_name(call: &CallSummary) -> bool {
    call.join.state.stop().is_some_and(|stop| stop.reason == ReasonCode::DnsNxdomain)
}

/// Before the list of what the administrator of a network is asked for.
pub fn asking(call: &CallSummary) -> &'static str {
    match Outlook::of(call) {
        Outlook::Well | Outlook::AsMeant | Outlook::OverTcp | Outlook::LargePacketsLost => {
            "the administrator of this network, for better calls, for one of these; the first is \
             the easiest to allow:"
        }
        Outlook::NoMedia => {
            "the administrator of this network for one of these; the first is the easiest to allow:"
        }
        Outlook::NoWayIn
        | Outlook::Refused
        | Outlook::CutShort
        | Outlook::ShutOut
        | Outlook::PlacesLeftOut
        | Outlook::Unknown
        | Outlook::WithoutDtls => "the administrator of this network for:",
    }
}
