//! What the administrator of a network can be asked for.

use std::fmt;
use std::net::IpAddr;

use super::cause;
use super::means::Outlook;
use crate::model::call::{CallSummary, Contact, NetworkCause, Responsible, Step};
use crate::model::port::Transport;

/// One thing to ask for, as what is to be let out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request(String);

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What would make calls work, or work better; nothing where they work well, where the user must
/// log in first, or where the ladder holds others responsible.
pub fn of(call: &CallSummary) -> Vec<Request> {
    let contacts: Vec<&Contact> = match Outlook::of(call) {
        Outlook::Well | Outlook::AsMeant | Outlook::Refused | Outlook::Unknown => {
            return Vec::new();
        }
        Outlook::OverTcp => of_ways(call, |transport| transport == Transport::Udp),
        Outlook::NoMedia => of_ways(call, |_| true),
        Outlook::NoWayIn => Some(&call.join).into_iter().filter(may_help).collect(),
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

/// Whether what is asked for because of a cause opens this place, too.
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

/// The contacts over some transport for which the administrator of this network can be asked.
fn of_ways(call: &CallSummary, over: impl Fn(Transport) -> bool) -> Vec<&Contact> {
    call.ways
        .iter()
        .filter(|way| !way.closed_on_purpose)
        .flat_map(|way| &way.contacts)
        .filter(|contact| over(contact.transport) && may_help(contact))
        .collect()
}

/// Whether the administrator of this network may be able to remove what stopped it.
fn may_help(contact: &&Contact) -> bool {
    contact.state.stop().is_some_and(|stop| stop.responsible.may_be_this_network())
}

/// `UDP to 203.0.113.20, ports 50000-60000 (50905 was tried)`.
fn let_out(contact: &Contact) -> String {
    let transport = contact.transport.to_string().to_uppercase();
    let ports = match contact.range {
        Some(range) => format!("ports {range} ({} was tried)", contact.port),
        None => format!("port {}", contact.port),
    };
    let to = format!("to {}, {ports}", host(contact));
    let stop = contact.state.stop();
    let by_proxy = stop.is_some_and(|stop| stop.responsible == Responsible::HttpProxy);
    match stop.map(|stop| stop.at) {
        Some(Step::Dns) => format!("a DNS server that knows the address of {}", host(contact)),
        Some(Step::Dtls) => format!("{transport} {to}: DTLS as well as STUN"),
        _ if by_proxy => format!("CONNECT {to}, through the HTTP proxy"),
        _ if contact.tls => {
            format!("{transport} {to}: TLS, forwarded unchanged, without inspection")
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
