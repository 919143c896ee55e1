//! Ways, checks and times as findings say them.

use std::net::SocketAddr;

use super::super::words;
use super::seen::Call;
use crate::model::facts::{Connect, Handshake, IceCheck, NotSent, PathFacts, RelayFacts, Way};
use crate::model::port::Transport;
use crate::model::reason::ReasonCode;

/// A way in words.
pub(super) fn way(way: Way) -> &'static str {
    match way {
        Way::Udp => "UDP",
        Way::IceTcp => "TCP",
        Way::TurnUdp => "TURN over UDP",
        Way::Turns => "TURN over TLS",
    }
}

/// `UDP 203.0.113.20:50905`.
pub(super) fn place(transport: Transport, address: SocketAddr) -> String {
    format!("{} {address}", transport.to_string().to_uppercase())
}

/// Where a path leads: `UDP 203.0.113.20:50905`, `UDP 203.0.113.20:50905 through
/// turns:turn.example.io:443?transport=tcp`.
pub(super) fn path(call: &Call<'_>, path: &PathFacts) -> String {
    let transport = match path.way {
        Way::IceTcp => Transport::Tcp,
        Way::Udp | Way::TurnUdp | Way::Turns => Transport::Udp,
    };
    let place = place(transport, path.candidate);
    match path.relay.and_then(|relay| call.facts.relays.get(relay)) {
        Some(relay) => format!("{place} through {}", url(call, relay)),
        None => place,
    }
}

/// The URL of a relay, as LiveKit names it.
pub(super) fn url(call: &Call<'_>, relay: &RelayFacts) -> String {
    let urls = call.session().map_or(&[][..], |session| &session.ice_servers);
    urls.get(relay.url).map_or_else(|| way(relay.way).to_owned(), |url| url.text.to_string())
}

/// How long a check took: ` after 52 ms`.
pub(super) fn after(path: &PathFacts) -> String {
    path.sent_ms.map_or_else(String::new, |sent| {
        format!(" after {} ms", path.ended_ms.saturating_sub(sent))
    })
}

/// `an authenticated ICE check is answered at UDP 203.0.113.20:50905 after 52 ms`.
pub(super) fn answered(call: &Call<'_>, path: &PathFacts) -> String {
    format!("an authenticated ICE check is answered at {}{}", self::path(call, path), after(path))
}

/// What a check that was not answered met, behind its place.
pub(super) fn met(path: &PathFacts) -> String {
    match &path.check {
        IceCheck::Answered { .. } => format!("answered{}", after(path)),
        IceCheck::NotSent(NotSent::NoConnection) => match &path.connect {
            Some(connect) => words::connect(connect),
            None => "no connection".to_owned(),
        },
        IceCheck::NotSent(why) => not_sent(why),
        IceCheck::Silent => format!("no answer{}", after(path)),
        IceCheck::Icmp(error) => error.to_string(),
        IceCheck::Closed => "the connection is accepted and closed without an answer".to_owned(),
        IceCheck::Reset => "the connection is accepted and reset without an answer".to_owned(),
        IceCheck::Other(what) => format!("the answer is {what}, not one to our check"),
    }
}

fn not_sent(why: &NotSent) -> String {
    match why {
        NotSent::ForbiddenAddress => {
            "not dialled: no server may send us to such an address".to_owned()
        }
        NotSent::NoConnection => "no connection".to_owned(),
        NotSent::NoRelay => "no relay was given".to_owned(),
        NotSent::NoPermission => "the relay does not let us send there".to_owned(),
        NotSent::OwnProxy(why) | NotSent::Local(why) => format!("could not look: {why}"),
    }
}

/// How far the way to a relay came, when it did not come to a request, and the reason code.
pub(super) fn not_reached(relay: &RelayFacts) -> Option<(ReasonCode, String)> {
    match (&relay.connect, &relay.handshake) {
        (Some(connect), _) if *connect != Connect::Accepted => {
            Some((words::connect_reason(connect), words::connect(connect)))
        }
        (_, Some(handshake)) if !matches!(handshake, Handshake::Completed(_)) => {
            Some(words::handshake(handshake))
        }
        _ => None,
    }
}

/// No answer, and nothing else that would show that our own network lets answers in.
pub(super) fn nothing_else(observed: &str, over: &str) -> String {
    format!(
        "{observed}, but nothing else came back over {over} either: our own network may be the cause"
    )
}

/// What shows that the session is alive.
pub(super) fn other_proof(call: &Call<'_>) -> Option<String> {
    let mut paths = call.facts.paths.iter();
    let answered = paths.find(|path| path.check.is_answered());
    let punched = call.facts.punched.as_ref();
    let check = punched.and_then(|punched| punched.check_from);
    answered
        .map(|path| self::answered(call, path))
        .or_else(|| check.map(|from| format!("a check of the server's own came from {from}")))
}

/// The words for silence by every way.
pub(super) fn dead(observed: &str) -> String {
    format!("{observed}, as by every other way: the session itself may be dead; run again")
}
