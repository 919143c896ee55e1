//! What the administrator of a network can be asked for.

use std::fmt;
use std::net::IpAddr;

use super::cause;
use super::means::Outlook;
use crate::model::call::{CallSummary, Contact, NetworkCause, State, Step, Stop};
use crate::model::facts::Way;
use crate::model::port::Transport;
use crate::model::reason::ReasonCode;

/// One thing to ask for, as what is to be let out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request(String);

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What would let a call through, or through better; nothing where it goes well, where the user
/// has to log in first, or where no network is the cause.
pub fn of(call: &CallSummary) -> Vec<Request> {
    let contacts: Vec<&Contact> = match Outlook::of(call) {
        Outlook::Well | Outlook::AsMeant | Outlook::Refused | Outlook::Unknown => {
            return Vec::new();
        }
        Outlook::OverTcp => of_ways(call, |transport| transport == Transport::Udp),
        Outlook::NoMedia => of_ways(call, |_| true),
        Outlook::NoWayIn => vec![&call.join],
    };
    let mut wishes = Vec::new();
    for cause in &call.causes {
        if matches!(cause.cause, NetworkCause::CaptivePortal { .. }) {
            return Vec::new();
        }
        wishes.extend(cause::wish(&cause.cause).map(Request));
    }
    let mut requests: Vec<Request> = Vec::new();
    for contact in contacts {
        let request = Request(let_out(contact));
        if !is_wished(call, contact) && !requests.contains(&request) {
            requests.push(request);
        }
    }
    requests.extend(wishes);
    requests
}

/// Whether what is wished for because of a cause lets us through to this place, too.
fn is_wished(call: &CallSummary, contact: &Contact) -> bool {
    let name = contact.name.as_ref().map(|name| name.as_str());
    call.causes.iter().any(|cause| match &cause.cause {
        NetworkCause::TlsInspection { host, .. } => name == Some(host),
        NetworkCause::ResolverLies { name: lied, .. } => name == Some(lied.as_str()),
        NetworkCause::CaptivePortal { .. }
        | NetworkCause::ProxyNeeded { .. }
        | NetworkCause::ProxyRefuses { .. }
        | NetworkCause::HttpOnly
        | NetworkCause::NothingLeaves
        | NetworkCause::UdpBlocked => false,
    })
}

/// The contacts over some transport that the network between may have stopped.
fn of_ways(call: &CallSummary, over: impl Fn(Transport) -> bool) -> Vec<&Contact> {
    call.ways
        .iter()
        .filter(|way| !way.closed_on_purpose)
        .flat_map(|way| way.contacts.iter().map(move |contact| (way.way, contact)))
        .filter(|(way, contact)| over(contact.transport) && is_of_network(*way, &contact.state))
        .map(|(_, contact)| contact)
        .collect()
}

/// Whether a network between us and the server can have done this.
fn is_of_network(way: Way, state: &State) -> bool {
    let State::Stops(Stop { at, reason, .. }) = state else {
        return false;
    };
    match at {
        Step::Dns | Step::HttpProxy | Step::Tcp | Step::Tls | Step::Certificate => true,
        Step::Allocation => {
            !matches!(reason, ReasonCode::TurnCredentialsRefused | ReasonCode::TurnQuota)
        }
        Step::Dtls => true,
        // What is lost behind a relay is lost where the server stands.
        Step::Check => !way.is_relayed(),
        Step::Address | Step::Join | Step::Permission => false,
    }
}

/// `UDP to 203.0.113.20, ports 50000-60000 (50905 was tried)`.
fn let_out(contact: &Contact) -> String {
    let transport = contact.transport.to_string().to_uppercase();
    let ports = match contact.range {
        Some(range) => format!("ports {range} ({} was tried)", contact.port),
        None => format!("port {}", contact.port),
    };
    let to = format!("to {}, {ports}", host(contact));
    let stopped_at = match &contact.state {
        State::Stops(stop) => Some(stop.at),
        State::Works { .. } | State::NotOffered | State::Unknown { .. } => None,
    };
    match stopped_at {
        Some(Step::Dns) => format!("a DNS server that knows the address of {}", host(contact)),
        Some(Step::Dtls) => format!("{transport} {to}: DTLS too, and not STUN alone"),
        Some(Step::HttpProxy) => format!("CONNECT {to}, through the HTTP proxy"),
        _ if contact.tls => {
            format!("{transport} {to}: TLS, passed on as it is, without inspection")
        }
        _ => format!("{transport} {to}"),
    }
}

/// The name with its address, or the one there is.
pub fn host(contact: &Contact) -> String {
    let address = contact.address.as_ref().map(IpAddr::to_string);
    match (&contact.name, address) {
        (Some(name), Some(address)) => format!("{name} ({address})"),
        (Some(name), None) => name.to_string(),
        (None, address) => address.unwrap_or_default(),
    }
}
