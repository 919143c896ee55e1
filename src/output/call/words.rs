//! Ways, places and steps in the words of whoever wants to have a call.

use std::net::IpAddr;

use crate::model::call::{CallSummary, Contact, State, Step, Stop, WaySummary};
use crate::model::facts::Way;
use crate::output::text;

/// A way as people say it.
pub fn way(way: Way) -> &'static str {
    match way {
        Way::Udp => "direct, UDP",
        Way::IceTcp => "direct, TCP",
        Way::TurnUdp => "TURN, UDP",
        Way::Turns => "TURN, TLS",
    }
}

/// A way as rules, reports and flags write it.
pub fn id(way: Way) -> &'static str {
    match way {
        Way::Udp => "udp",
        Way::IceTcp => "ice-tcp",
        Way::TurnUdp => "turn-udp",
        Way::Turns => "turns",
    }
}

/// A step, before what was seen at it.
pub fn step(step: Step) -> &'static str {
    match step {
        Step::Dns => "DNS",
        Step::Address => "address",
        Step::HttpProxy => "HTTP proxy",
        Step::Tcp => "TCP",
        Step::Tls => "TLS",
        Step::Certificate => "certificate",
        Step::Join => "join",
        Step::Allocation => "TURN",
        Step::Permission => "permission",
        Step::Check => "media",
        Step::Dtls => "DTLS",
    }
}

/// How far something came: `✓`, `✗`, `–`, `?`.
pub fn mark(state: &State) -> &'static str {
    match state {
        State::Works { .. } => "✓",
        State::Stops(_) => "✗",
        State::NotOffered => "–",
        State::Unknown { .. } => "?",
    }
}

/// How far something came.
pub fn state(state: &State) -> String {
    match state {
        State::Works { took_ms } => format!("works, {took_ms} ms"),
        State::Stops(stop) => stopped(stop),
        State::NotOffered => "not offered by the server".to_owned(),
        State::Unknown { why } => format!("not known: {}", text::one_line(why)),
    }
}

/// How far a way came.
pub fn way_state(way: &WaySummary) -> String {
    let words = state(&way.state);
    if way.small_packets_only { format!("{words}, small packets only") } else { words }
}

/// `TCP: no answer`.
pub fn stopped(stop: &Stop) -> String {
    format!("{}: {}", step(stop.at), text::one_line(&stop.why))
}

/// `turn.example.io TCP 443`, `203.0.113.20 UDP 50905`.
pub fn place(contact: &Contact) -> String {
    format!("{} {}", host(contact), port(contact))
}

/// The name, or else the address.
pub fn host(contact: &Contact) -> String {
    let address = contact.address.as_ref().map(IpAddr::to_string);
    let name = contact.name.as_ref().map(ToString::to_string);
    name.or(address).unwrap_or_default()
}

/// `UDP 50905`.
pub fn port(contact: &Contact) -> String {
    let transport = contact.transport.to_string().to_uppercase();
    format!("{transport} {}", contact.port)
}

/// The contact that a way's line is about: the one whose state is the way's.
pub fn shown<'a>(contacts: &'a [Contact], state: &State) -> Option<&'a Contact> {
    contacts.iter().find(|contact| contact.state == *state).or(contacts.first())
}

/// In one line whether a call gets through.
pub fn answer(call: &CallSummary, domain: &str) -> String {
    let works: Vec<&str> = call.working().map(|works| way(works.way)).collect();
    match (works.as_slice(), &call.join.state) {
        ([], State::Stops(stop)) => {
            format!("{domain}: nobody gets in from here ({})", step(stop.at))
        }
        ([], _) if call.is_unknown() => {
            format!("{domain}: whether a call gets through could not be found out")
        }
        ([], _) => format!("{domain}: no way for sound and picture from here"),
        ([only], _) => format!("{domain}: a call gets through, by one way: {only}"),
        (some, _) => {
            format!("{domain}: a call gets through, by {} of {} ways", some.len(), call.ways.len())
        }
    }
}
