//! What the administrator of a network can be asked for.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use super::cause;
use super::sentences::Sentences;
use crate::model::address::AddressKind;
use crate::model::call::{
    CallSummary, Contact, DocumentedPath, NetworkCause, Responsible, State, Step,
};
use crate::model::deployment::Deployment;
use crate::model::facts::Way;
use crate::model::language::Language;
use crate::model::port::Transport;
use crate::output::text::list;

/// One thing to ask for, as what is to be let out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request(String);

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What would make calls work, or work better, and that this network may be able to grant; what is
/// granted most easily first: one port of one machine before thousands.
pub fn of(call: &CallSummary, deployment: &Deployment) -> Vec<Request> {
    let wishes = call.causes.iter().filter_map(cause::wish).map(Request);
    let contacts = contacts(call).into_iter().filter(|contact| !is_wished(call, contact));
    let requests = for_contacts(contacts.collect(), deployment, Language::En);
    // An exception from inspection is one line of a configuration, too.
    let mut all: Vec<Request> = wishes.collect();
    all.extend(large_packets(call));
    for request in requests {
        if !all.contains(&request) {
            all.push(request);
        }
    }
    all
}

/// What is asked for so that these contacts are let out; what is granted most easily first.
pub fn for_contacts(
    mut contacts: Vec<&Contact>,
    deployment: &Deployment,
    language: Language,
) -> Vec<Request> {
    contacts.sort_by_key(|contact| effort(contact));
    let mut groups: Vec<Vec<&Contact>> = Vec::new();
    for contact in contacts {
        match groups.iter_mut().find(|group| is_alike(group[0], contact)) {
            Some(group) => group.push(contact),
            None => groups.push(vec![contact]),
        }
    }
    let sentences = Sentences::of(language);
    groups.iter().map(|group| Request(let_out(group, deployment, sentences))).collect()
}

/// What is asked for where small packets pass and those of media do not.
fn large_packets(call: &CallSummary) -> Option<Request> {
    let ways = || call.working().filter(|way| way.small_packets_only);
    let host = |contact: &Contact| format!("{}{}", host(contact), remark(contact));
    let works = |contact: &&Contact| contact.state.works();
    let places = ways().flat_map(|way| &way.contacts).filter(works).map(host);
    let places: BTreeSet<String> = places.collect();
    if places.is_empty() {
        return None;
    }
    Some(Request(format!(
        "UDP packets of up to 1,200 bytes to {}: small ones pass, these are lost (a VPN or a tunnel \
         with a small MTU, or ICMP \"fragmentation needed\" that is filtered)",
        list(&Vec::from_iter(places))
    )))
}

/// The contacts for which the administrator of this network can be asked.
fn contacts(call: &CallSummary) -> Vec<&Contact> {
    if !call.join.state.works() {
        return Some(&call.join).into_iter().filter(|contact| may_help(contact)).collect();
    }
    let is_enough = call.gets_through();
    let ways = call.ways.iter().filter(|way| !way.closed_on_purpose && !way.state.works());
    ways.flat_map(|way| &way.contacts)
        .filter(|contact| !is_enough || contact.transport == Transport::Udp)
        .filter(|contact| may_help(contact))
        .collect()
}

/// How much an administrator has to open for it.
fn effort(contact: &Contact) -> u8 {
    match (contact.range, contact.transport) {
        _ if contact.tls => 0,
        (None, Transport::Udp) => 1,
        (None, Transport::Tcp) => 2,
        (Some(_), _) => 3,
    }
}

/// Whether two contacts are one request: the same ports at several addresses.
fn is_alike(one: &Contact, other: &Contact) -> bool {
    let ports =
        |contact: &Contact| (contact.range, contact.range.is_none().then_some(contact.port));
    let step = |contact: &Contact| contact.state.stop().map(|stop| (stop.at, stop.responsible));
    (one.transport, ports(one), one.tls, &one.name, one.named_by_server)
        == (other.transport, ports(other), other.tls, &other.name, other.named_by_server)
        && step(one).map(special) == step(other).map(special)
}

/// What a request says besides the place.
fn special((at, responsible): (Step, Responsible)) -> (bool, bool, bool) {
    (at == Step::Dns, at == Step::Dtls, is_by_proxy(at, responsible))
}

fn is_by_proxy(at: Step, responsible: Responsible) -> bool {
    at == Step::HttpProxy || responsible == Responsible::HttpProxy
}

/// Whether what is asked for because of a cause opens this place, too.
fn is_wished(call: &CallSummary, contact: &Contact) -> bool {
    let name = contact.name.as_ref().map(|name| name.as_str());
    call.causes.iter().any(|cause| match &cause.cause {
        NetworkCause::TlsInspection { host, .. } => name == Some(host),
        NetworkCause::Filtered { host, .. } => name == Some(host.as_str()),
        NetworkCause::ResolverLies { name: lied, .. } => name == Some(lied.as_str()),
        NetworkCause::CaptivePortal { .. }
        | NetworkCause::ProxyNeeded { .. }
        | NetworkCause::ProxyRefuses { .. }
        | NetworkCause::HttpOnly
        | NetworkCause::NothingLeaves
        | NetworkCause::UdpBlocked
        | NetworkCause::OwnFirewall
        | NetworkCause::OwnClock { .. } => false,
    })
}

/// Whether it is a place that can be asked for.
pub fn can_be_asked_for(contact: &Contact) -> bool {
    // Nobody opens a way into their own network because a server names it.
    let is_of_no_use = contact.named_by_server
        && contact.address.is_some_and(|it| AddressKind::from(it) != AddressKind::Public);
    let is_somewhere = contact.name.is_some() || contact.address.is_some();
    is_somewhere && !is_of_no_use
}

/// Whether the administrator of this network may be able to remove what stopped it.
fn may_help(contact: &Contact) -> bool {
    can_be_asked_for(contact)
        && contact.state.stop().is_some_and(|stop| stop.responsible.may_be_this_network())
}

/// `UDP to 203.0.113.20 and 203.0.113.21, ports 50000-60000 (50905 was tried)`.
fn let_out(group: &[&Contact], deployment: &Deployment, sentences: &Sentences) -> String {
    let contact = group[0];
    let transport = contact.transport.to_string().to_uppercase();
    let ports = match contact.range {
        Some(range) => {
            let tried: BTreeSet<String> = group.iter().map(|it| it.port.to_string()).collect();
            let key = if tried.len() == 1 { "ports-one-tried" } else { "ports-more-tried" };
            let tried = sentences.list(&Vec::from_iter(tried));
            sentences.say(key, &[("range", &range.to_string()), ("tried", &tried)])
        }
        None => sentences.say("port", &[("port", &contact.port.to_string())]),
    };
    let remark = match contact.named_by_server {
        true => sentences.say("named-by-server", &[]),
        false => String::new(),
    };
    let place = format!("{}{remark}", places(group, deployment, sentences));
    let say = |key| {
        let values = [("transport", &*transport), ("place", &*place), ("ports", &*ports)];
        sentences.say(key, &values)
    };
    match contact.state.stop().map(|stop| (stop.at, stop.responsible)) {
        // Only ovcheck itself sees these; a browser does not.
        Some((Step::Dns, _)) => {
            format!("a DNS server that knows the address of {}{remark}", host(contact))
        }
        Some((Step::Dtls, _)) => format!("{}: DTLS as well as STUN", say("to-place")),
        Some((at, responsible)) if is_by_proxy(at, responsible) => {
            let to = say("to-place");
            let to = to.strip_prefix(&transport).unwrap_or(&to);
            format!("CONNECT{to}, through the HTTP proxy")
        }
        _ if contact.tls => say("to-place-tls"),
        _ => say("to-place"),
    }
}

/// What is said of a place that only the server named: an administrator may not want to open what a server
/// likes to name.
fn remark(contact: &Contact) -> &'static str {
    if contact.named_by_server { " (named by the server)" } else { "" }
}

/// The places of a group. What is asked for one machine that carries media is asked for all that are
/// known: the next call may be on another.
fn places(group: &[&Contact], deployment: &Deployment, sentences: &Sentences) -> String {
    let mut places: Vec<String> = Vec::new();
    let mut add = |place: String| {
        if !places.contains(&place) {
            places.push(place);
        }
    };
    group.iter().for_each(|contact| add(host(contact)));
    let addresses: Vec<IpAddr> = group.iter().filter_map(|contact| contact.address).collect();
    let media = || deployment.nodes_of(deployment.topology.media()).flat_map(|it| &it.addresses);
    let is_of_media = group[0].name.is_none() && media().any(|it| addresses.contains(it));
    let families = |address: &IpAddr| addresses.iter().any(|it| it.is_ipv4() == address.is_ipv4());
    media().filter(|it| is_of_media && families(it)).for_each(|it| add(it.to_string()));
    sentences.list(&places)
}

/// `UDP to the media server, port 443`, as the guide says.
pub fn of_guide(path: &DocumentedPath, deployment: &Deployment) -> String {
    let transport = path.transport.to_string().to_uppercase();
    let ports = match path.ports.single() {
        Some(port) => format!("port {port}"),
        None => format!("ports {}", path.ports),
    };
    let media = deployment.nodes_of(deployment.topology.media()).flat_map(|node| &node.addresses);
    let media: Vec<String> = media.map(IpAddr::to_string).collect();
    let is_over_tls = path.way == Way::Turns;
    let place = match &path.name {
        Some(name) => name.to_string(),
        None if is_over_tls => "the TURN name of the server, if it has one".to_owned(),
        None if media.is_empty() => "the media servers".to_owned(),
        None => list(&media),
    };
    let tls = if is_over_tls { ": TLS, forwarded unchanged, without inspection" } else { "" };
    format!("{transport} to {place}, {ports}{tls}")
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

/// Whether media was asked for at a machine beside which others may exist that nobody declared.
pub fn may_have_others(call: &CallSummary, deployment: &Deployment) -> bool {
    let is_declared = deployment.nodes_of(deployment.topology.media()).next().is_some();
    let is_stopped = |state: &State| state.stop().is_some();
    let mut contacts = contacts(call).into_iter();
    !is_declared && contacts.any(|it| it.name.is_none() && is_stopped(&it.state))
}
